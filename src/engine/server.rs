//! The whole state of the server, plain data. Who changes what is told in ARCHITECTURE.md.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use super::aof::Aof;
use super::commandlog::CommandLogs;
use super::config::Config;
use super::config::values::ShutdownFlags;
use super::effects::{Effects, listeners};
use super::error::Error;
use super::functions::Functions;
use super::latency::LatencyMonitor;
use super::loading::{LastLoad, Load, Progress};
use super::migrate_cache::MigrateCache;
use super::outside::Outside;
use super::pubsub::Pubsub;
use super::replication::Replication;
use super::saving::{self, Saves};
use super::scripts::Scripts;
use super::session::{Block, Blocked, ClientType, Clients, Due, Peer, Session};
use super::snapshot::Snapshots;
use super::spec::{Flags, WRITE};
use super::stats::{ErrorOrigin, Stats};
use super::stream::Stream;
use super::table::CommandTable;
use super::tracking::Tracking;
use super::transaction::Watched;
use super::waiting::Waiting;
use crate::base::limits;
use crate::base::rng::Rng;
use crate::keyspace::db::{Access, Remains};
use crate::keyspace::{Db, Entry, ExpiryRule};
use crate::persist::rdb::save;
use crate::sentinel::Sentinel;
use crate::sys::clock::Clock;
use crate::sys::free::FreeThread;

/// What a command asks of `net`, done after the turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `maxmemory` went down: make room now.
    MakeRoom,
    /// DEBUG LOADAOF, for this client.
    LoadLog { slot: usize, client: u64 },
    /// End the process with this status.
    Exit(i32),
    /// Make a connection for the link in this slot.
    Dial { slot: usize, host: String, port: u16 },
}

/// CLIENT PAUSE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pause {
    /// Until when writes wait; 0 = not paused.
    pub writes_until_ms: i64,
    /// Until when everything waits.
    pub all_until_ms: i64,
    /// Writes wait for the end of a FAILOVER.
    pub failover: bool,
    /// Writes wait for the end of the server.
    pub shutdown: bool,
}

impl Pause {
    /// Until when writes wait, for whatever reason.
    #[inline]
    pub fn writes_wait_until_ms(&self) -> i64 {
        if self.failover || self.shutdown { i64::MAX } else { self.writes_until_ms.max(self.all_until_ms) }
    }
}

/// What DEBUG switches, for tests.
#[derive(Clone, Copy, Debug)]
pub struct Debug {
    /// The periodic work stands still.
    pub pause_cron: bool,
    /// Tables may grow and shrink.
    pub dict_resizing: bool,
    /// Sums of files and payloads are not checked.
    pub skip_checksum: bool,
    /// Commands that scripts may not call are allowed to them.
    pub allow_deny_scripts: bool,
    /// After this long a client's peak of output is forgotten; `None` = never.
    pub output_peak_reset_ms: Option<i64>,
    /// Reply buffers are fitted to what clients need.
    pub output_resizing: bool,
    /// Every reply counts as one that outgrew the reply buffer.
    pub enforce_reply_list: bool,
    /// Elements of a list from this size on have a node of their own; 0: by `list-max-listpack-size`.
    pub packed_threshold: usize,
}

impl Default for Debug {
    fn default() -> Debug {
        Debug {
            pause_cron: false,
            dict_resizing: true,
            skip_checksum: false,
            allow_deny_scripts: false,
            output_peak_reset_ms: Some(limits::OUTPUT_PEAK_RESET_MS),
            output_resizing: true,
            enforce_reply_list: false,
            packed_threshold: 0,
        }
    }
}

/// The state of the server.
pub struct Server {
    pub config: Config,
    /// The file the configuration came from, for CONFIG REWRITE.
    pub config_file: Option<std::path::PathBuf>,
    pub clock: Clock,
    pub rng: Rng,
    pub dbs: Vec<Db>,
    pub clients: Clients,
    /// Stands in where a client has gone or none is at work (cron).
    pub nobody: Box<Session>,
    pub commands: CommandTable,
    pub stats: Stats,
    /// SLOWLOG and COMMANDLOG.
    pub logs: CommandLogs,
    /// LATENCY.
    pub latency: LatencyMonitor,
    /// EVAL's scripts, and the one that runs.
    pub scripts: Scripts,
    /// Libraries of functions.
    pub functions: Functions,
    /// More memory is in use than `maxmemory` allows, and nothing could be evicted: as of the running request's beginning.
    pub oom: bool,
    /// The record of the running command.
    pub fx: Effects,
    /// The Sentinel that this server is, if it is one.
    pub sentinel: Option<Box<Sentinel>>,
    /// Process, listeners, files.
    pub outside: Outside,
    /// What DEBUG switches.
    pub debug: Debug,
    /// Forty hexadecimal digits, drawn at start.
    pub run_id: String,
    pub started_ms: i64,
    /// Changes since the last save.
    pub dirty: u64,
    pub last_save_ms: i64,
    pub snapshots: Snapshots,
    pub saves: Saves,
    pub pause: Pause,
    /// Slots whose clients have output that was not written yet.
    pub flush: Vec<usize>,
    /// Slots of those that have only messages: they are written behind all replies, some of them each turn.
    pub flush_messages: VecDeque<usize>,
    /// Slots whose clients `net` must look at: closed, resumed.
    pub wake: Vec<usize>,
    /// What `net` must do.
    pub requests: Vec<Request>,
    /// Slots of clients in MONITOR.
    pub monitors: Vec<usize>,
    /// Slots of clients that wait.
    pub blocked: BTreeSet<usize>,
    /// When waits end, ms of Unix time, and whose.
    pub timeouts: BTreeSet<(i64, usize)>,
    /// Who waits for keys.
    pub waiting: Waiting,
    /// Who watches keys.
    pub watched: Watched,
    /// Who subscribes to what.
    pub pubsub: Pubsub,
    /// The append-only file.
    pub aof: Aof,
    /// Following, and being followed.
    pub repl: Replication,
    /// Who caches which keys.
    pub tracking: Tracking,
    /// Whether keys whose time has come are removed unasked (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: bool,
    /// What is done with keys whose time has come; see `expiry_rule_for`.
    expiry_rule: ExpiryRule,
    /// Bytes in use when the running INFO began.
    pub used_memory: u64,
    /// Where what takes long to free goes.
    pub free: FreeThread,
    /// What FLUSHALL SYNC and FLUSHDB SYNC have taken out and is freed in slices, with the ids of their clients.
    pub freeing: VecDeque<(u64, Vec<Remains>)>,
    /// How far the loading is that goes on, be it of an RDB or an append-only file.
    pub loading: Option<Progress>,
    /// The RDB that is being loaded.
    pub load: Option<Box<Load>>,
    /// What of it INFO tells.
    pub last_load: LastLoad,
    /// Connections that MIGRATE keeps.
    pub migrate: MigrateCache,
    /// A signal has asked for a shutdown.
    pub shutdown_asked: bool,
    pub shutting_down: bool,
    /// A shutdown that waits for replicas: how it is to be done, and until when it waits.
    pub shutdown_waits: Option<(ShutdownFlags, i64)>,
    /// When the log last told of a browser that was sent away, ms of Unix time.
    pub attack_told_ms: i64,
    /// The stream of propagated commands.
    pub stream: Stream,
}

impl Server {
    /// A server without data.
    pub fn new(config: Config, commands: CommandTable, clock: Clock, mut rng: Rng) -> Server {
        let now_ms = clock.now_ms() as i64;
        let dbs = (0..config.databases.max(1) as u32).map(|i| Db::new(i, Rng::new(rng.next_u64()))).collect();
        let mut server = Server {
            config,
            config_file: None,
            clock,
            dbs,
            clients: Clients::default(),
            nobody: Box::new(Session::new(0, Peer::default(), now_ms)),
            commands,
            stats: Stats::default(),
            logs: CommandLogs::default(),
            latency: LatencyMonitor::default(),
            scripts: Scripts::default(),
            functions: Functions::default(),
            oom: false,
            fx: Effects::default(),
            sentinel: None,
            outside: Outside::default(),
            debug: Debug::default(),
            run_id: hex_id(&mut rng),
            aof: Aof::default(),
            repl: Replication::new(&mut rng, now_ms),
            rng,
            started_ms: now_ms,
            dirty: 0,
            last_save_ms: now_ms,
            snapshots: Snapshots::default(),
            saves: Saves::default(),
            pause: Pause::default(),
            flush: Vec::new(),
            flush_messages: VecDeque::new(),
            wake: Vec::new(),
            requests: Vec::new(),
            monitors: Vec::new(),
            blocked: BTreeSet::new(),
            timeouts: BTreeSet::new(),
            waiting: Waiting::default(),
            watched: Watched::default(),
            pubsub: Pubsub::default(),
            tracking: Tracking::default(),
            active_expire: true,
            expiry_rule: ExpiryRule::Remove,
            used_memory: 0,
            free: FreeThread::default(),
            freeing: VecDeque::new(),
            loading: None,
            load: None,
            last_load: LastLoad::default(),
            migrate: MigrateCache::default(),
            shutdown_asked: false,
            shutting_down: false,
            shutdown_waits: None,
            attack_told_ms: 0,
            stream: Stream::default(),
        };
        server.dbs.iter_mut().for_each(|db| db.now_ms = now_ms);
        server.apply_policy();
        server
    }

    /// The client in `slot`, or a stand-in.
    #[inline]
    pub fn client(&mut self, slot: usize) -> &mut Session {
        match self.clients.get_mut(slot) {
            Some(s) => s,
            None => &mut self.nobody,
        }
    }

    /// The default user needs no password.
    pub fn open_to_all(&self) -> bool {
        self.config.requirepass.is_empty()
    }

    /// Makes a client wait.
    pub fn block(&mut self, slot: usize, block: Block) {
        let Some(s) = self.clients.get_mut(slot) else { return };
        s.block = Some(block);
        self.start_wait(slot);
    }

    /// A client's block was set: counts it among those who wait.
    pub fn start_wait(&mut self, slot: usize) {
        let Some(block) = self.clients.get_mut(slot).and_then(|s| s.block.as_mut()) else { return };
        self.blocked.insert(slot);
        if let Some(at) = block.until_ms {
            self.timeouts.insert((at, slot));
        }
        match &mut block.on {
            Blocked::Keys(wait) => {
                self.fx.listen(listeners::BLOCKED, true);
                if wait.group.is_some() {
                    self.fx.listen(listeners::GONE, true);
                }
                self.waiting.add(slot, wait);
            }
            Blocked::Wait { .. } => drop(self.repl.waiters.insert(slot)),
            Blocked::Log | Blocked::Paused | Blocked::Shutdown | Blocked::Freeing | Blocked::Snapshot => {}
        }
    }

    /// Takes a client that waits out of all lists.
    pub fn forget_wait(&mut self, slot: usize) {
        let Some(block) = self.clients.get_mut(slot).and_then(|s| s.block.take()) else { return };
        self.blocked.remove(&slot);
        self.repl.waiters.remove(&slot);
        if let Some(at) = block.until_ms {
            self.timeouts.remove(&(at, slot));
        }
        if let Blocked::Keys(wait) = &block.on {
            self.waiting.remove(wait);
            self.fx.listen(listeners::BLOCKED, !self.waiting.is_empty());
            self.fx.listen(listeners::GONE, self.waiting.any_member());
        }
    }

    /// A client waits no longer: its input goes on.
    pub fn unblock(&mut self, slot: usize) {
        self.forget_wait(slot);
        if self.clients.get(slot).is_some() {
            self.wake.push(slot);
        }
    }

    /// Ends CLIENT PAUSE at its time or, told so, at once. While it lasts no key goes: the data set stands still.
    pub fn end_pause(&mut self, now_ms: i64, at_once: bool) {
        let pause = self.pause;
        if !at_once && pause.all_until_ms.max(pause.writes_until_ms) > now_ms {
            return;
        }
        self.pause = Pause { writes_until_ms: 0, all_until_ms: 0, ..pause };
        self.resume_paused();
    }

    /// Lets clients go on, if nothing holds them any more.
    pub fn resume_paused(&mut self) {
        if self.pause != Pause::default() {
            return;
        }
        self.set_expiry_rule(ExpiryRule::Remove);
        for slot in self.blocked.clone() {
            if self.client(slot).block.as_ref().is_some_and(|b| matches!(b.on, Blocked::Paused)) {
                self.unblock(slot);
            }
        }
    }

    /// Ends a wait: with its time-out's answer, or with the error of CLIENT UNBLOCK.
    pub fn end_wait(&mut self, slot: usize, error: bool) {
        self.end_wait_as(slot, error.then_some(b"UNBLOCKED client unblocked via CLIENT UNBLOCK"));
    }

    /// Ends a wait: with its time-out's answer, or with this error.
    fn end_wait_as(&mut self, slot: usize, error: Option<&[u8]>) {
        let acks = self.acks_of(slot).unwrap_or_default();
        let session = self.client(slot);
        let resp3 = session.resp3;
        let wait = session.waits_for_keys();
        let (command, timed_out) = (wait.map(|w| w.command), wait.map(|w| w.timed_out));
        let mut out = crate::resp::Reply::new(&mut session.output, resp3);
        match (error, timed_out) {
            (Some(text), _) => out.error(text),
            (None, Some(timed_out)) => timed_out.write(&mut out),
            (None, None) => acks.write(&mut out),
        }
        self.count_wait(slot, command, error.is_some());
        self.unblock(slot);
        self.flush_later(slot);
    }

    /// The server becomes a replica: whoever waits for something to change here hears of it, or is sent to the primary.
    pub fn send_blocked_away(&mut self) {
        let primary = self.config.replicaof.as_ref().map(|p| Error::redirect(&p.host, p.port));
        for slot in self.blocked.clone() {
            let Some(s) = self.clients.get(slot) else { continue };
            // What is only held runs again, and is judged then.
            let held = |b: &Block| matches!(b.on, Blocked::Paused | Blocked::Snapshot | Blocked::Log);
            if s.block.as_ref().is_none_or(held) {
                continue;
            }
            match &primary {
                _ if s.readonly && !self.waits_to_write(slot) => {}
                Some(error) if s.capa_redirect && s.waits_for_keys().is_some() => {
                    self.end_wait_as(slot, Some(error.as_bytes()));
                }
                _ => {
                    self.end_wait_as(
                        slot,
                        Some(
                            b"UNBLOCKED force unblock from blocking operation, instance state changed (master -> \
                              replica?)",
                        ),
                    );
                    self.client(slot).close_after_reply();
                }
            }
        }
    }

    /// Whether the command that a client waits with changes data.
    fn waits_to_write(&self, slot: usize) -> bool {
        let last = self.clients.get(slot).and_then(|s| s.last_command);
        last.is_some_and(|id| self.commands.get(id).spec.has(WRITE))
    }

    /// Counts a wait that has ended without being served. A `command` that waited for keys counts as it runs again; this
    /// one never will.
    fn count_wait(&mut self, slot: usize, command: Option<u16>, error: bool) {
        let last = self.client(slot).last_command;
        if let Some(id) = command.or(last) {
            let stats = &mut self.commands.stats[id as usize];
            stats.rejected += error as u64;
            if command.is_some() {
                stats.calls += 1;
                if self.config.latency_tracking {
                    stats.latency.get_or_insert_default().record(0);
                }
                self.stats.commands += 1;
                self.client(slot).commands += 1;
            }
        }
        if error {
            self.stats.count_error(b"UNBLOCKED", ErrorOrigin::Server);
        }
    }

    /// Puts a client on the list of those whose output is to be written.
    #[inline]
    pub fn flush_later(&mut self, slot: usize) {
        if let Some(s) = self.clients.get_mut(slot)
            && s.due != Due::Replies
        {
            s.due = Due::Replies;
            self.flush.push(slot);
        }
    }

    /// Ends a client's connection as soon as possible. Nobody sees it from now on.
    pub fn close_now(&mut self, slot: usize) {
        let Some(s) = self.clients.get_mut(slot) else { return };
        s.closing = super::session::Closing::Now;
        self.leave(slot);
        self.clients.hide(slot);
        self.wake.push(slot);
    }

    /// Takes a client out of all lists in which it stands by what it has asked for.
    pub fn leave(&mut self, slot: usize) {
        self.forget_wait(slot);
        self.remove_replica(slot);
        self.end_transaction(slot, None);
        self.unsubscribe_all(slot);
        self.untrack(slot);
        if self.clients.get(slot).is_some_and(|s| s.monitor) {
            self.monitors.retain(|&m| m != slot);
        }
    }

    /// The name of the command in the table, with its container's: `client|list`.
    pub fn command_name(&self, id: Option<u16>) -> &str {
        id.map_or("NULL", |id| &self.commands.get(id).full_name)
    }

    /// Gives commands the names that `rename-command` wants, in its order; an error names the line that cannot be had.
    pub fn rename_commands(&mut self) -> Result<(), String> {
        for (old, new) in &self.config.rename_command {
            let shown = |why: &str| {
                let [old, new] =
                    [old, new].map(|n| String::from_utf8_lossy(&crate::base::quote::repr(n)).into_owned());
                format!("'rename-command {old} {new}'\n{why}")
            };
            if self.commands.find(old).is_none() {
                return Err(shown("No such command in rename-command"));
            }
            if !new.is_empty() && self.commands.find(new).is_some() {
                return Err(shown("Target command name already exists"));
            }
            self.commands.rename(old, new);
        }
        Ok(())
    }

    /// Puts the server into the real world: files and process.
    pub fn start(&mut self, outside: Outside, config_file: Option<std::path::PathBuf>) {
        self.outside = outside;
        self.config_file = config_file;
        // The process is in `dir` already: from now on its absolute path is told.
        if let Ok(dir) = self.outside.enter_dir(".") {
            self.config.dir = dir;
        }
        self.outside.name_unfinished([&saving::temp_file(), &save::temp_file(Path::new(""))]);
        // A failure is in the log; the reference starts all the same.
        let _ = self.outside.apply_oom_score(&self.config);
        self.begin_as_replica();
    }

    /// Makes all databases count accesses as `maxmemory-policy` wants it.
    pub fn apply_policy(&mut self) {
        use super::config::values::EvictionPolicy::{AllkeysLfu, VolatileLfu};
        let lfu = matches!(self.config.maxmemory_policy, AllkeysLfu | VolatileLfu);
        for db in &mut self.dbs {
            db.access = if lfu { Access::Lfu } else { Access::Lru };
            db.lfu_log_factor = self.config.lfu_log_factor;
            db.lfu_decay_minutes = self.config.lfu_decay_time;
        }
    }

    /// Calls off the shutdown that a signal has asked for. False when there is none.
    pub fn abort_shutdown(&mut self) -> bool {
        let waits = self.shutdown_waits.is_some();
        if self.shutting_down || !(std::mem::take(&mut self.shutdown_asked) | waits) {
            return false;
        }
        self.end_shutdown();
        tracing::info!("Shutdown manually aborted.");
        true
    }

    /// Frees an entry that was taken out, on the free thread when it is large. Tells how many bytes that will free.
    pub fn free_entry(&mut self, entry: Entry, lazy: bool) -> usize {
        let view = entry.view();
        if !view.is_large(lazy) {
            return 0;
        }
        let bytes = view.allocated();
        // The reference frees any string in the foreground and so does not count it.
        let objects = (lazy && view.any().is_some_and(|c| c.effort() > limits::LAZY_EFFORT_MAX)) as usize;
        self.free.send(Box::new(entry), objects);
        bytes
    }

    /// Adds or takes out one who takes the propagated stream (`stream::takers`).
    pub fn take_stream(&mut self, taker: u8, on: bool) {
        self.fx.streaming = self.stream.set_taker(taker, on);
    }

    /// Keys of all databases.
    pub fn keys(&self) -> usize {
        self.dbs.iter().map(Db::len).sum()
    }

    /// Whether the data set stands still: CLIENT PAUSE.
    #[inline]
    pub fn paused(&self, now_ms: i64) -> bool {
        self.pause.writes_wait_until_ms() > now_ms
    }

    /// What a command of the client in `slot` does with keys whose time has come.
    #[inline]
    pub fn expiry_rule_for(&self, slot: usize, flags: Flags, now_ms: i64) -> ExpiryRule {
        match self.expiry_rule {
            // The primary says when a key is over, and what it says was true where it was said.
            ExpiryRule::Remove if self.is_replica() => {
                let primary = self.clients.get(slot).is_some_and(|s| s.kind == ClientType::Primary);
                match primary {
                    true => ExpiryRule::Ignore,
                    // A client that writes here finds its way free.
                    false if flags & WRITE != 0 && self.is_writable_replica() => ExpiryRule::Remove,
                    false => ExpiryRule::Hide,
                }
            }
            ExpiryRule::Remove if self.config.import_mode => {
                let source = self.clients.get(slot).is_some_and(|s| s.import_source);
                if source { ExpiryRule::Ignore } else { ExpiryRule::Hide }
            }
            ExpiryRule::Remove if self.paused(now_ms) => ExpiryRule::Hide,
            rule => rule,
        }
    }

    /// Whether keys whose time has come are removed now, without being asked for.
    pub fn expires_by_itself(&self, now_ms: i64) -> bool {
        self.active_expire
            && self.loading.is_none()
            && !self.is_replica()
            && !self.config.import_mode
            && !self.paused(now_ms)
            && self.expiry_rule == ExpiryRule::Remove
    }

    /// Sets what is done with keys whose time has come, in all databases.
    pub fn set_expiry_rule(&mut self, rule: ExpiryRule) {
        self.expiry_rule = rule;
        self.dbs.iter_mut().for_each(|db| db.expiry_rule = rule);
    }
}

/// Forty random hexadecimal digits.
pub fn hex_id(rng: &mut Rng) -> String {
    let mut id = [0u8; 40];
    rng.fill_hex(&mut id);
    String::from_utf8_lossy(&id).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::table;

    fn renamed(pairs: &[(&str, &str)]) -> Result<Server, String> {
        let rename_command =
            pairs.iter().map(|(a, b)| (a.as_bytes().to_vec(), b.as_bytes().to_vec())).collect();
        let config = Config { rename_command, ..Config::default() };
        let mut server = Server::new(config, table::commands(), Clock::manual(1), Rng::new(1));
        server.rename_commands().map(|()| server)
    }

    #[test]
    fn commands_get_other_names_or_none() {
        let server = renamed(&[("PING", "pong"), ("config", "")]).unwrap();
        assert!(server.commands.find(b"ping").is_none() && server.commands.find(b"config").is_none());
        assert_eq!(server.commands.find(b"PONG").map(|c| c.spec.name), Some("ping"));
        assert!(server.commands.top().all(|c| c.spec.name != "config"));
        assert!(server.commands.reachable().all(|c| !c.full_name.starts_with("config")));
        assert_eq!(server.commands.top().count(), server.commands.len());
        assert!(renamed(&[("ping", "a"), ("a", "ping")]).is_ok());
    }

    #[test]
    fn what_cannot_be_renamed() {
        assert_eq!(
            renamed(&[("nosuch", "x")]).err().unwrap(),
            "'rename-command \"nosuch\" \"x\"'\nNo such command in rename-command"
        );
        assert!(renamed(&[("ping", "get")]).err().unwrap().ends_with("\nTarget command name already exists"));
    }
}

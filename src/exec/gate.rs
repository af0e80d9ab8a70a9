//! Whether a request may run: every refusal, in the reference's order (its processCommand). Between MULTI and EXEC
//! what may run is queued; EXEC is judged by all that it is going to run.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::config::values::DisklessLoad;
use crate::engine::effects::listeners;
use crate::engine::error::Error;
use crate::engine::replication::FailoverState;
use crate::engine::server::Server;
use crate::engine::session::{Block, Blocked, ClientType, ReplyMode};
use crate::engine::spec::{self, Flags, Handler};
use crate::engine::stats::ErrorOrigin;
use crate::engine::table::Command;
use crate::resp::Reply;
use crate::script::shebang;

/// What the gate says.
enum Pass {
    Run(u16),
    /// Inside MULTI: the request is queued.
    Queue(u16),
    Refuse(Option<u16>, Error),
    /// The client is paused: the request waits.
    Wait,
}

impl Pass {
    /// The command that was judged, if there is one of this name.
    fn command(&self) -> Option<u16> {
        match self {
            Pass::Run(id) | Pass::Queue(id) => Some(*id),
            Pass::Refuse(id, _) => *id,
            Pass::Wait => None,
        }
    }
}

impl Exec {
    /// Runs one request or refuses it. False when the request must wait and is to be given again.
    #[inline]
    pub fn request(
        &mut self,
        slot: usize,
        found: Option<u16>,
        args: &mut Args<'_>,
        out: &mut Reply<'_>,
    ) -> bool {
        if found.is_none() && from_browser(args) {
            self.send_browser_away(slot);
            return true;
        }
        let pass = self.gate(slot, found, args);
        let tracked = self.depth == 0 && self.server.fx.listeners & listeners::TRACKING != 0;
        let judged = pass.command();
        if tracked {
            self.told_before_reply(slot, out);
        }
        let mark = out.mark();
        match pass {
            Pass::Run(id) => self.call(slot, id, args, out),
            Pass::Queue(id) => self.queue(slot, id, args, out),
            Pass::Refuse(id, error) => self.refuse(slot, id, error, args, out),
            Pass::Wait => return false,
        }
        if tracked {
            self.end_caching(slot, judged);
        }
        let session = self.server.client(slot);
        if session.reply_mode != ReplyMode::On {
            match session.reply_mode {
                ReplyMode::SkipNext => session.reply_mode = ReplyMode::Skip,
                ReplyMode::Skip => {
                    session.reply_mode = ReplyMode::On;
                    out.rewind(mark);
                }
                _ => out.rewind(mark),
            }
        }
        true
    }

    fn refuse(
        &mut self,
        slot: usize,
        id: Option<u16>,
        mut error: Error,
        args: &Args<'_>,
        out: &mut Reply<'_>,
    ) {
        if let Some(id) = id {
            self.server.commands.stats[id as usize].rejected += 1;
        }
        if self.depth == 0 {
            self.server.fail_transaction(slot);
        }
        if let Some(id) = id.filter(|&id| is_exec(self.server.commands.get(id).spec)) {
            // The transaction is over, whatever it is that EXEC lacks.
            self.server.end_transaction(slot, None);
            if !error.is_redirect() {
                error = Error::transaction_discarded(&error);
            }
            if !self.server.monitors.is_empty() {
                self.feed_monitors(slot, id, args, out);
            }
        }
        self.count_error(&error);
        out.error(error.as_bytes());
    }

    /// Queues a request of a transaction.
    fn queue(&mut self, slot: usize, id: u16, args: &Args<'_>, out: &mut Reply<'_>) {
        let spec = self.server.commands.get(id).spec;
        let flags = if spec.has(spec::RUNS_SCRIPT) { scripted(&self.server, spec, args) } else { spec.flags };
        let session = self.server.client(slot);
        session.last_command = Some(id);
        if let Some(tx) = &mut session.transaction {
            tx.queue(id, flags, args);
        }
        out.raw(b"+QUEUED\r\n");
    }

    #[inline]
    fn gate(&mut self, slot: usize, found: Option<u16>, args: &Args<'_>) -> Pass {
        let server = &mut self.server;
        let session = match server.clients.get_mut(slot) {
            Some(s) => s,
            None => &mut server.nobody,
        };
        // Before anything else: who has not authenticated does not even hear which commands there are.
        let stranger = !session.authenticated && !server.config.requirepass.is_empty();
        if stranger && !found.is_some_and(|id| server.commands.get(id).spec.has(spec::NO_AUTH)) {
            return Pass::Refuse(found, Error::NOT_AUTHENTICATED);
        }
        let Some(id) = found else { return Pass::Refuse(None, unknown_command(args)) };
        let mut command = server.commands.get(id);
        if !command.subs.is_empty() && args.len() > 1 {
            match server.commands.find_sub(command, args.get(1)) {
                Some(sub) => command = sub,
                None => return Pass::Refuse(None, unknown_subcommand(command, args)),
            }
        }
        let (id, spec) = (command.id, command.spec);
        if !spec.takes(args.len()) || matches!(spec.handler, Handler::Container) {
            return Pass::Refuse(Some(id), Error::arity(&command.full_name));
        }
        if spec.has(spec::PROTECTED) && !server.config.enable_debug_command.allows(session.peer.local) {
            return Pass::Refuse(Some(id), Error::DEBUG_NOT_ALLOWED);
        }
        // What EXEC and scripts run is not queued once more.
        let in_multi = self.depth == 0 && session.in_multi();
        // In RESP2 messages and replies could not be told apart.
        let subscribed = session.kind == ClientType::Pubsub && !session.resp3;
        if in_multi && spec.has(spec::NO_MULTI) {
            return Pass::Refuse(Some(id), Error::not_in_multi(&command.full_name));
        }
        let (flags, lacks) = match session.transaction.as_ref().filter(|_| in_multi && is_exec(spec)) {
            Some(tx) => (spec.flags | tx.flags, !spec.flags | tx.lacks),
            None if spec.has(spec::RUNS_SCRIPT) => both(scripted(server, spec, args)),
            None => both(spec.flags),
        };
        // Inside a script nothing is evicted, whoever asks.
        let busy = self.server.scripts.busy_error();
        self.server.oom = self.server.config.maxmemory > 0 && busy.is_none() && !self.make_room();
        if self.server.oom && flags & spec::DENYOOM != 0 {
            return Pass::Refuse(Some(id), Error::OOM);
        }
        if self.depth == 0 && self.server.fx.listeners & listeners::TRACKING != 0 {
            self.forget_reads_before_command();
        }
        if let Some(pass) = self.world_stops(slot, id, (flags, lacks)) {
            return pass;
        }
        if subscribed && !spec.has(spec::WHILE_SUBSCRIBED) {
            let name = &self.server.commands.get(id).full_name;
            return Pass::Refuse(Some(id), Error::subscribed(name));
        }
        if let Some(error) = busy.filter(|_| !spec.has(spec::ALLOW_BUSY)) {
            return Pass::Refuse(Some(id), error);
        }
        if self.server.pause != Default::default() && self.paused(slot, id, flags) {
            return Pass::Wait;
        }
        if in_multi && !spec.has(spec::RUNS_IN_MULTI) {
            return Pass::Queue(id);
        }
        let held = self.server.aof.congested && self.held_by_log(slot, flags)
            || self.server.snapshots.running.is_some() && self.held_by_snapshot(slot, id, args);
        if held { Pass::Wait } else { Pass::Run(id) }
    }

    /// Whether the client has to wait until the append-only file has caught up; makes it wait.
    #[cold]
    fn held_by_log(&mut self, slot: usize, flags: Flags) -> bool {
        let exempt = self.depth > 0 || self.server.client(slot).kind == ClientType::Primary;
        if exempt || flags & spec::WRITE == 0 {
            return false;
        }
        self.server.wait_for_congestion(slot);
        true
    }

    /// Whether a client that can go to the primary itself is to be sent there for this.
    fn would_redirect(&self, slot: usize, flags: Flags) -> bool {
        self.server.is_replica()
            && self.server.clients.get(slot).is_some_and(|s| {
                s.capa_redirect && (flags & spec::WRITE != 0 || flags & spec::READONLY != 0 && !s.readonly)
            })
    }

    /// Whether a request that would be sent to the primary waits until there is one: while a FAILOVER ends both are
    /// replicas for a moment, and each would send it to the other.
    #[cold]
    fn waits_for_failover(&self, slot: usize, flags: Flags) -> bool {
        self.server.repl.failover.state == FailoverState::InProgress && self.would_redirect(slot, flags)
    }

    /// What being a replica, having too few of them, or having no data yet forbids.
    #[cold]
    pub(super) fn replication_refuses(&mut self, slot: usize, flags: Flags, lacks: Flags) -> Option<Error> {
        let server = &self.server;
        let session = server.clients.get(slot);
        let obeys = session.is_some_and(|s| s.kind == ClientType::Primary);
        let c = &server.config;
        if let Some(primary) = &c.replicaof
            && !obeys
            && self.would_redirect(slot, flags)
        {
            return Some(Error::redirect(&primary.host, primary.port));
        }
        let writes = flags & spec::WRITE != 0;
        if writes && !server.enough_replicas() {
            return Some(Error::NO_REPLICAS);
        }
        if server.is_replica() && c.replica_read_only && !obeys && writes {
            return Some(Error::READONLY);
        }
        if server.is_replica()
            && !server.link_is_up()
            && !c.replica_serve_stale_data
            && lacks & spec::STALE != 0
        {
            return Some(Error::PRIMARY_DOWN);
        }
        if server.loading.is_some() && lacks & spec::LOADING != 0 {
            return Some(Error::LOADING);
        }
        if server.repl.link.loading {
            let served = c.repl_diskless_load == DisklessLoad::Swapdb;
            let refused = if served { flags & spec::NO_ASYNC_LOADING } else { lacks & spec::LOADING };
            if refused != 0 {
                return Some(Error::LOADING);
            }
        }
        let touches = spec::WRITE | spec::READONLY | spec::MAY_REPLICATE;
        let replica = session.is_some_and(|s| s.kind == ClientType::Replica);
        (replica && flags & touches != 0)
            .then_some(Error::text("ERR Replica can't interact with the keyspace"))
    }

    /// What a disk that fails and being a replica forbid, or having too few of them, or put off. What the primary sends is
    /// obeyed.
    #[inline]
    fn world_stops(&mut self, slot: usize, id: u16, (flags, lacks): (Flags, Flags)) -> Option<Pass> {
        if let Some(error) = self.server.disk_error()
            && (flags & spec::WRITE != 0 || self.server.commands.get(id).spec.name == "ping")
            && self.server.client(slot).kind != ClientType::Primary
        {
            return Some(Pass::Refuse(Some(id), error));
        }
        if !self.server.replication_gates() {
            return None;
        }
        if self.waits_for_failover(slot, flags) {
            self.hold(slot, id);
            return Some(Pass::Wait);
        }
        self.replication_refuses(slot, flags, lacks).map(|error| Pass::Refuse(Some(id), error))
    }

    /// A web page made somebody's browser talk to us: what follows its headers could be commands, so the connection
    /// ends at once. Told in the log once a minute at the most.
    #[cold]
    fn send_browser_away(&mut self, slot: usize) {
        let now_ms = self.now.wall_ms() as i64;
        if (now_ms - self.server.attack_told_ms).abs() > ATTACK_TOLD_PAUSE_MS {
            self.server.attack_told_ms = now_ms;
            tracing::warn!(
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Tarn. \
                 This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your \
                 instance. Connection from {} aborted.",
                self.server.client(slot).peer.addr
            );
        }
        self.server.close_now(slot);
    }

    /// Whether CLIENT PAUSE holds this command, which has these flags; makes the client wait if so.
    #[cold]
    fn paused(&mut self, slot: usize, id: u16, flags: Flags) -> bool {
        let now_ms = self.server.clock.now_ms() as i64;
        let pause = self.server.pause;
        let writes = flags & (spec::WRITE | spec::MAY_REPLICATE) != 0;
        let until = if writes { pause.writes_wait_until_ms() } else { pause.all_until_ms };
        // Replicas and those who only look on are never held. CLIENT is: nothing but time ends a pause of everything.
        let session = self.server.client(slot);
        let exempt = session.monitor || session.kind == ClientType::Replica;
        if until <= now_ms || exempt {
            return false;
        }
        self.hold(slot, id);
        true
    }

    /// Makes a client wait for the end of a pause.
    fn hold(&mut self, slot: usize, id: u16) {
        // CLIENT LIST shows what it waits with.
        self.server.client(slot).last_command = Some(id);
        self.server.block(slot, Block { on: Blocked::Paused, until_ms: None });
    }

    /// Counts an error reply for INFO.
    pub fn count_error(&mut self, error: &Error) {
        self.server.stats.count_error(error.code(), ErrorOrigin::Server);
    }
}

/// Flags, and those that it has not.
fn both(flags: Flags) -> (Flags, Flags) {
    (flags, !flags)
}

/// The flags of a command that runs a script, by what the script says of itself.
fn scripted(server: &Server, spec: &spec::Spec, args: &Args<'_>) -> Flags {
    let what = args.get(1);
    let scripts = &server.scripts;
    let told = if spec.name.starts_with("fcall") {
        server.functions.find(what).map(|f| f.flags)
    } else if spec.name.starts_with("evalsha") {
        scripts.by_name(what).and_then(|id| scripts.get(id)).map(|s| s.flags)
    } else {
        shebang::read(what).ok().map(|(flags, _)| flags)
    };
    let Some(told) = told.filter(|told| told & shebang::COMPAT == 0) else { return spec.flags };
    let mut flags = spec.flags & !(spec::STALE | spec::DENYOOM | spec::WRITE | spec::MAY_REPLICATE);
    if told & (shebang::ALLOW_OOM | shebang::NO_WRITES) == 0 {
        flags |= spec::DENYOOM;
    }
    if told & shebang::NO_WRITES == 0 {
        flags |= spec::WRITE;
    }
    if told & shebang::ALLOW_STALE != 0 {
        flags |= spec::STALE;
    }
    flags
}

/// Whether a command runs what MULTI has queued.
pub(super) fn is_exec(spec: &spec::Spec) -> bool {
    spec.has(spec::RUNS_IN_MULTI) && matches!(spec.handler, Handler::Nested(_))
}

/// Whether a request is the beginning of an HTTP request: its method, or a header that every one has.
fn from_browser(args: &Args<'_>) -> bool {
    args.is(0, "post") || args.is(0, "host:")
}

/// Between two lines in the log about browsers, ms.
const ATTACK_TOLD_PAUSE_MS: i64 = 60_000;
/// Bytes of arguments shown in an error about an unknown command.
const SHOWN_MAX: usize = 128;

pub(super) fn unknown_command(args: &Args<'_>) -> Error {
    let name = args.get(0);
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(&name[..name.len().min(SHOWN_MAX)]);
    text.extend_from_slice(b"', with args beginning with: ");
    let mut shown = Vec::new();
    for a in args.all().skip(1) {
        if shown.len() >= SHOWN_MAX {
            break;
        }
        shown.push(b'\'');
        let room = SHOWN_MAX.saturating_sub(shown.len());
        shown.extend_from_slice(&a[..a.len().min(room)]);
        shown.extend_from_slice(b"' ");
    }
    text.extend(shown);
    Error::owned(text)
}

pub(super) fn unknown_subcommand(command: &Command, args: &Args<'_>) -> Error {
    let sub = args.get(1);
    let mut text = b"ERR unknown subcommand '".to_vec();
    text.extend_from_slice(&sub[..sub.len().min(SHOWN_MAX)]);
    text.extend_from_slice(format!("'. Try {} HELP.", command.spec.name.to_ascii_uppercase()).as_bytes());
    Error::owned(text)
}

//! The append-only file as the executor sees it: whether it is on, how far its thread is, the rewrite that is going on, and
//! the replies that wait for it.
//!
//! With `appendfsync always` a client hears nothing before the log is durable up to where the stream stood when its
//! output was to be written: neither that its write was done, nor what others have written (`Hold`). While the log cannot
//! be written only those wait who have written themselves: reads go on. Whatever the policy, clients that would write wait
//! as soon as the log is too far behind (`congested`).

mod rewrite;

use std::collections::BTreeSet;
use std::time::Duration;

pub use rewrite::Rewrite;

use super::config::values::AppendFsync;
use super::server::Server;
use super::session::{Block, Blocked, ClientType};
use super::stream::takers;
use crate::base::limits;
use crate::persist::aof::annotation;
use crate::persist::aof::folder::{Folder, FolderError};
use crate::persist::aof::load::Ending;
use crate::persist::aof::log::{Command, Event, Log, Status};
use crate::persist::aof::writer::{Fsync, Settings, Writer};

/// Whether changes are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Off,
    /// It was switched on: what is logged counts once the first rewrite is done.
    Waiting,
    On,
}

/// Time that the log thread gets to do what an operator has asked for, before the server goes on.
const OPERATOR_WAITS: Duration = Duration::from_secs(10);

impl Aof {
    /// A rewrite that somebody has asked for begins as soon as possible, however many have failed.
    pub fn schedule(&mut self) {
        (self.scheduled, self.failures) = (true, 0);
    }
}

/// See the head of this file.
#[derive(Default)]
pub struct Aof {
    pub state: State,
    /// Once something was to be done with the folder.
    pub log: Option<Log>,
    /// The folder as it was found at start, until the log thread gets it.
    pub folder: Option<Folder>,
    pub rewrite: Option<Rewrite>,
    /// A rewrite is to begin as soon as possible.
    pub scheduled: bool,
    /// How long the last one took.
    pub last_rewrite_s: Option<i64>,
    pub last_rewrite_failed: bool,
    /// Rewrites begun.
    pub rewrites: u64,
    /// Those that have failed in a row.
    pub failures: u64,
    delay_minutes: i64,
    delayed_until_ms: i64,
    /// Bytes of all files after the last rewrite, or at the start.
    pub base_size: u64,
    /// Why nothing can be written now.
    pub error: Option<String>,
    /// The log is too far behind: writes wait.
    pub congested: bool,
    /// How often that was so.
    pub delayed: u64,
    /// DEBUG AOF-FLUSH-SLEEP.
    pub flush_sleep_us: u64,
    /// The second that was noted last (`aof-timestamp-enabled`).
    noted_s: i64,
    /// Slots of clients whose output waits.
    held: BTreeSet<usize>,
}

/// Output that waits for the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hold {
    /// Until the log is durable up to here,
    pub until: u64,
    /// so many bytes of output wait, behind
    pub bytes: usize,
    /// so many that need not.
    pub free: usize,
}

impl Server {
    /// What the log thread has to know of the configuration.
    fn log_settings(&self) -> Settings {
        let c = &self.config;
        Settings {
            fsync: match c.appendfsync {
                AppendFsync::Always => Fsync::Always,
                AppendFsync::Everysec => Fsync::EverySec,
                AppendFsync::No => Fsync::No,
            },
            hold_sync: c.no_appendfsync_on_rewrite && self.snapshots.running.is_some(),
            annotate: c.aof_annotations,
            retain: (!c.aof_disable_auto_gc).then_some(c.aof_history_retain),
            flush_sleep_us: self.aof.flush_sleep_us,
        }
    }

    /// Tells the log thread of changed settings.
    pub fn apply_log_settings(&mut self) {
        let settings = self.log_settings();
        let now_ms = self.clock.now_ms();
        if let Some(log) = &mut self.aof.log {
            log.set(settings, now_ms);
        }
    }

    /// Gives the log thread its writer, with a file open or not.
    pub fn start_log(&mut self, writer: Writer) -> bool {
        let settings = self.log_settings();
        match self.outside.start_log(writer, settings) {
            Ok(log) => self.aof.log = Some(log),
            Err(e) => tracing::warn!("Can't start the thread of the append-only file: {e}"),
        }
        self.aof.log.is_some()
    }

    /// Makes sure that there is a log thread. False if it cannot be had.
    fn need_log(&mut self) -> bool {
        if self.aof.log.is_some() {
            return true;
        }
        let folder = self.aof.folder.take().map_or_else(|| self.open_folder(), Ok);
        match folder {
            Ok(folder) => self.start_log(Writer::new(folder, self.log_settings())),
            Err(e) => {
                e.log();
                false
            }
        }
    }

    /// The folder of the append-only file.
    pub fn open_folder(&self) -> Result<Folder, FolderError> {
        let c = &self.config;
        Folder::open(self.outside.disk.clone(), &c.appenddirname, &c.appendfilename)
    }

    /// Begins to write the folder's last file, at the start: the data set is what the folder holds. Without any file a base is
    /// made first.
    pub fn open_log(&mut self, mut folder: Folder, loaded: Ending) -> Result<(), FolderError> {
        folder.create()?;
        folder.sweep();
        if folder.manifest.is_empty() {
            self.make_first_base(&mut folder)?;
        }
        if let Some(last) = loaded.last {
            self.stream.set_offset(last.offset);
        }
        let mut writer = Writer::new(folder, self.log_settings());
        writer.open_last(self.stream.offset())?;
        // What was being removed when an earlier process ended.
        writer.collect();
        self.aof.base_size = loaded.base;
        if self.start_log(writer) {
            self.aof.state = State::On;
            self.take_stream(takers::AOF, true);
        }
        Ok(())
    }

    fn tell_log(&mut self, command: Command) {
        let now_ms = self.clock.now_ms();
        if let Some(log) = &mut self.aof.log {
            log.command(command, now_ms);
        }
    }

    /// Waits until the log thread has done all that it was told, for the sake of an operator.
    pub fn wait_for_log(&mut self) -> bool {
        self.hand_on_stream();
        self.tell_log(Command::Pass);
        self.aof.log.as_ref().is_none_or(|log| log.wait(OPERATOR_WAITS))
    }

    /// How the log thread stands.
    pub fn log_status(&self) -> Status {
        self.aof.log.as_ref().map(Log::status).unwrap_or_default()
    }

    /// Hands on what was propagated since the last time to all who take it.
    pub fn hand_on_stream(&mut self) {
        self.log_stream();
        self.take_pending_stream();
        // A test looks at it itself.
        if !self.stream.has_taker(takers::TEST) {
            self.stream.clear();
        }
    }

    /// Hands it to the log thread.
    fn log_stream(&mut self) {
        if !self.stream.has_taker(takers::AOF) {
            return;
        }
        let now_ms = self.clock.now_ms();
        let Some(log) = &mut self.aof.log else { return };
        let mut note = Vec::new();
        let second = (now_ms / 1000) as i64;
        if self.config.aof_timestamp_enabled && second > self.aof.noted_s {
            self.aof.noted_s = second;
            annotation::write_timestamp(&mut note, second);
        }
        let pieces = self.stream.for_aof();
        log.append(std::iter::once(&note[..]).chain(pieces), self.stream.offset(), now_ms);
        self.look_at_backlog(now_ms);
    }

    /// Bytes that wait to be written.
    pub fn log_backlog(&self) -> usize {
        self.aof.log.as_ref().map_or(0, |log| log.backlog().0)
    }

    /// Has writes wait if the log is too far behind.
    fn look_at_backlog(&mut self, now_ms: u64) {
        let Some(log) = &self.aof.log else { return };
        let (bytes, since_ms) = log.backlog();
        let late = bytes > 0 && now_ms.saturating_sub(since_ms) > limits::AOF_BEHIND_MAX_MS;
        let congested = self.aof.error.is_none() && (late || bytes > limits::AOF_QUEUE_MAX);
        if congested && !self.aof.congested {
            self.aof.delayed += 1;
            tracing::info!(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Clients that write wait until the AOF buffer \
                 is written."
            );
        }
        if self.aof.congested && !congested {
            for slot in self.blocked.clone() {
                if self.client(slot).block.as_ref().is_some_and(|b| matches!(b.on, Blocked::Log)) {
                    self.unblock(slot);
                }
            }
        }
        self.aof.congested = congested;
    }

    /// Makes a client wait until the log has caught up.
    pub fn wait_for_congestion(&mut self, slot: usize) {
        self.block(slot, Block { on: Blocked::Log, until_ms: None });
    }

    /// The offset up to which a loss of power takes nothing; `None`: nothing is logged.
    pub fn durable(&self) -> Option<u64> {
        let log = self.aof.log.as_ref().filter(|_| self.aof.state == State::On);
        log.map(Log::durable)
    }

    /// Whether changes are to be logged.
    pub fn is_logged(&self) -> bool {
        self.aof.state != State::Off
    }

    /// Where there is no log thread (tests), its work is done here.
    pub fn tick_log(&mut self) {
        let now_ms = self.clock.now_ms();
        if let Some(log) = &mut self.aof.log {
            log.tick(now_ms);
        }
    }

    /// Whether replies wait for the log.
    #[inline]
    fn holds_replies(&self) -> bool {
        self.aof.state == State::On
            && self.config.appendfsync == AppendFsync::Always
            && !(self.config.no_appendfsync_on_rewrite && self.snapshots.running.is_some())
    }

    /// How many bytes of a client's output may be sent now. Those that must wait are kept in mind.
    #[inline]
    pub fn sendable(&mut self, slot: usize) -> usize {
        if !self.holds_replies() && self.aof.held.is_empty() { usize::MAX } else { self.sendable_held(slot) }
    }

    #[cold]
    fn sendable_held(&mut self, slot: usize) -> usize {
        let holds = self.holds_replies();
        let durable = self.aof.log.as_ref().map_or(u64::MAX, Log::durable);
        let failing = self.aof.error.is_some();
        let offset = self.stream.offset();
        let Some(s) = self.clients.get_mut(slot).filter(|s| s.kind != ClientType::Replica) else {
            return usize::MAX;
        };
        let wanted = if failing { s.logged } else { offset };
        let hold = &mut s.hold;
        if hold.bytes > 0 && (!holds || durable >= hold.until || failing && durable >= wanted) {
            hold.free += std::mem::take(&mut hold.bytes);
        }
        let rest = s.output.len().saturating_sub(hold.free + hold.bytes);
        if hold.bytes == 0 && rest > 0 {
            if !holds || durable >= wanted {
                hold.free += rest;
            } else {
                (hold.until, hold.bytes) = (wanted, rest);
            }
        }
        let free = hold.free;
        if hold.bytes > 0 {
            self.aof.held.insert(slot);
        }
        free
    }

    /// Bytes of a client's output were sent.
    #[inline]
    pub fn note_sent(&mut self, slot: usize, n: usize) {
        if let Some(s) = self.clients.get_mut(slot) {
            s.hold.free = s.hold.free.saturating_sub(n);
        }
    }

    /// Whether some of a client's output waits for the log.
    pub fn is_held(&self, slot: usize) -> bool {
        self.clients.get(slot).is_some_and(|s| s.hold.bytes > 0)
    }

    /// Has the output written that waits no longer.
    fn release_held(&mut self) {
        for slot in std::mem::take(&mut self.aof.held) {
            if self.is_held(slot) {
                self.sendable_held(slot);
                self.flush_later(slot);
            }
        }
    }

    /// The log thread reads the manifest anew, and removes what is history.
    pub fn reread_manifest(&mut self) {
        self.aof.folder = None;
        self.tell_log(Command::Reread);
        self.tell_log(Command::Collect);
    }

    /// History may be removed again, or is kept from now on.
    pub fn collect_history(&mut self) {
        self.apply_log_settings();
        if !self.config.aof_disable_auto_gc && self.need_log() {
            self.tell_log(Command::Collect);
            self.wait_for_log();
        }
    }

    /// The log thread has news.
    pub fn hear_log(&mut self) {
        let Some(log) = &self.aof.log else { return };
        let (events, error) = (log.events(), log.error());
        self.aof.error = error;
        for event in events {
            match event {
                Event::Rotated(true) => {}
                Event::Rotated(false) => {
                    (self.aof.last_rewrite_failed, self.aof.failures) = (true, self.aof.failures + 1);
                    self.stop_rewrite_snapshot();
                }
                Event::Installed(size) => self.rewrite_installed(size),
                Event::Suspect => {
                    tracing::warn!(
                        "What was written before the AOF could not be synced may be lost: rewriting it"
                    );
                    self.aof.scheduled = true;
                }
            }
        }
        let now_ms = self.clock.now_ms();
        self.look_at_backlog(now_ms);
        self.release_held();
        self.serve_waiting_acks();
    }

    /// Whether the log thread has news.
    #[inline]
    pub fn log_news(&self) -> bool {
        self.aof.log.as_ref().is_some_and(Log::has_news)
    }

    /// Writes and syncs all, at the end of the server. False if that cannot be done.
    pub fn end_log(&mut self) -> bool {
        if self.aof.state == State::Off {
            return true;
        }
        tracing::info!("Calling fsync() on the AOF file.");
        self.hand_on_stream();
        let now_ms = self.clock.now_ms();
        let Some(log) = &mut self.aof.log else { return true };
        log.command(Command::Sync, now_ms);
        log.wait(OPERATOR_WAITS) && log.durable() >= self.stream.offset()
    }
}

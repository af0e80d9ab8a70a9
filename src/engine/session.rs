//! One client's state, as commands see it. Its socket is `net`'s.

use super::aof::Hold;
use super::client_memory::{ClientMemory, Counted};
use super::pubsub::Subscriptions;
use super::tracking::Tracker;
use super::transaction::Transaction;
use super::waiting::KeyWait;
use crate::base::limits;
use crate::repl::peer as replica;
use crate::resp::{Output, Parser};

/// What a reply does on its way out: CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    #[default]
    On,
    /// No replies at all.
    Off,
    /// No reply to the next command: set by CLIENT REPLY SKIP itself.
    SkipNext,
    /// No reply to this command.
    Skip,
}

/// Why a client's output is to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// It is not.
    #[default]
    No,
    /// It holds messages: they may wait for a few turns, so that others come to be sent with them.
    Messages,
    /// It holds replies.
    Replies,
}

/// When a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    #[default]
    No,
    /// Once its output is sent.
    AfterReply,
    /// At once.
    Now,
}

/// What WAITAOF waits for beside replicas, which must have it on disk.
#[derive(Clone, Copy, Debug)]
pub struct OnDisk {
    /// Here, too.
    pub local: bool,
    /// Up to this offset of the stream.
    pub logged: u64,
}

/// What a client waits for.
#[derive(Debug)]
pub enum Blocked {
    /// WAIT: this many replicas at this offset; or WAITAOF.
    Wait { replicas: i64, offset: i64, on_disk: Option<OnDisk> },
    /// The log is too far behind to take another write.
    Log,
    /// SHUTDOWN, until replicas have all.
    Shutdown,
    /// CLIENT PAUSE holds its next command.
    Paused,
    /// FLUSHALL SYNC, until the memory is free.
    Freeing,
    /// What a snapshot must write down before its next command changes it.
    Snapshot,
    /// One of some keys.
    Keys(Box<KeyWait>),
}

/// A client that waits, and until when (ms of Unix time; `None` = for ever).
#[derive(Debug)]
pub struct Block {
    pub on: Blocked,
    pub until_ms: Option<i64>,
}

/// Kinds of clients, by which limits and CLIENT KILL TYPE go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientType {
    #[default]
    Normal,
    Replica,
    Pubsub,
    Primary,
}

impl ClientType {
    /// As CLIENT KILL TYPE and the output limits name it.
    pub fn name(self) -> &'static str {
        match self {
            ClientType::Normal => "normal",
            ClientType::Replica => "replica",
            ClientType::Pubsub => "pubsub",
            ClientType::Primary => "primary",
        }
    }
}

/// How a client came.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// `ip:port`, or `path:0` of a unix socket.
    pub addr: String,
    /// The local end.
    pub laddr: String,
    /// The file descriptor, for CLIENT LIST.
    pub fd: i32,
    /// Through the unix socket.
    pub unix: bool,
    /// From this very machine.
    pub local: bool,
}

/// One client. Numbers in bytes and milliseconds.
#[derive(Default)]
pub struct Session {
    /// Grows by one with every connection, never reused.
    pub id: u64,
    pub peer: Peer,
    pub created_ms: i64,
    pub last_ms: i64,
    pub kind: ClientType,
    /// The selected database.
    pub db: usize,
    /// Speaks RESP3.
    pub resp3: bool,
    /// May run commands.
    pub authenticated: bool,
    /// Has authenticated once, whatever came later.
    pub ever_authenticated: bool,
    pub user: String,
    pub name: Vec<u8>,
    pub lib_name: Vec<u8>,
    pub lib_ver: Vec<u8>,
    pub reply_mode: ReplyMode,
    pub closing: Closing,
    pub block: Option<Block>,
    /// What would block answers at once as if its time were over: in a transaction or script.
    pub deny_blocking: bool,
    /// What MULTI and WATCH have begun; kept for the next transaction.
    pub transaction: Option<Box<Transaction>>,
    /// What it subscribes to.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// What it has told as a replica.
    pub replica: Option<Box<replica::Peer>>,
    /// The offset of the stream behind its last write: what WAIT waits for.
    pub write_offset: i64,
    /// The offset of the stream there, as the log counts.
    pub logged: u64,
    /// Output that waits for the log.
    pub hold: Hold,
    /// CLIENT TRACKING.
    pub tracker: Option<Box<Tracker>>,
    /// MONITOR.
    pub monitor: bool,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// READONLY: it takes what a replica has.
    pub readonly: bool,
    /// CLIENT CAPA REDIRECT.
    pub capa_redirect: bool,
    /// CLIENT IMPORT-SOURCE.
    pub import_source: bool,
    /// What was read and not executed yet.
    pub input: Vec<u8>,
    /// Most of it since the buffer was last fitted.
    pub input_peak: usize,
    pub parser: Parser,
    /// What is to be sent. While a command runs it lies with the command's `Reply`.
    pub output: Output,
    /// In which of the lists of those to be flushed it stands.
    pub due: Due,
    /// Since when the output is beyond the soft limit.
    pub soft_limit_since_ms: Option<i64>,
    /// The last command run: index in the command table.
    pub last_command: Option<u16>,
    pub commands: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Bytes that the reply buffer keeps between replies: CLIENT LIST's rbs.
    pub reply_buffer: usize,
    /// Most output of the last seconds, by which the reply buffer's size is fitted: rbp.
    pub output_peak: usize,
    pub output_peak_ms: i64,
    /// As what it stands in the sums of clients' memory.
    pub counted: Counted,
    /// Microseconds, of the command run before it blocked.
    pub blocked_us: u64,
    /// Arguments of the running command that MONITOR and the logs must not show.
    pub redact: Vec<u32>,
}

impl Session {
    /// A new client.
    pub fn new(id: u64, peer: Peer, now_ms: i64) -> Session {
        Session {
            id,
            peer,
            created_ms: now_ms,
            last_ms: now_ms,
            reply_buffer: limits::REPLY_BUFFER_MAX,
            output_peak: limits::REPLY_BUFFER_MAX,
            output_peak_ms: now_ms,
            user: "default".into(),
            ..Session::default()
        }
    }

    /// Bytes this client takes all told.
    pub fn memory(&self) -> usize {
        size_of::<Session>()
            + self.input.capacity()
            + self.parser.held()
            + self.output.allocated()
            + self.waits_for_keys().map_or(0, KeyWait::memory)
            + self.transaction.as_ref().map_or(0, |t| t.memory())
            + self.subscriptions.as_ref().map_or(0, |s| s.memory())
            + self.tracker.as_ref().map_or(0, |t| t.memory())
            + self.name.capacity()
            + self.lib_name.capacity()
            + self.lib_ver.capacity()
            + self.peer.addr.capacity()
            + self.peer.laddr.capacity()
    }

    /// The wait for keys, if it waits for any.
    pub fn waits_for_keys(&self) -> Option<&KeyWait> {
        match &self.block.as_ref()?.on {
            Blocked::Keys(wait) => Some(wait),
            _ => None,
        }
    }

    /// Whether requests are queued: between MULTI and EXEC.
    #[inline]
    pub fn in_multi(&self) -> bool {
        self.transaction.as_ref().is_some_and(|t| t.open)
    }

    /// Whether it subscribes to anything.
    pub fn subscribes(&self) -> bool {
        self.subscriptions.as_ref().is_some_and(|s| s.counts() != [0; 3])
    }

    /// Ends the connection once its output is sent.
    pub fn close_after_reply(&mut self) {
        if self.closing == Closing::No {
            self.closing = Closing::AfterReply;
        }
    }
}

/// All clients: by slot for the way of a request, by id for everybody else.
#[derive(Default)]
pub struct Clients {
    slots: Vec<Option<Box<Session>>>,
    free: Vec<usize>,
    by_id: std::collections::BTreeMap<u64, usize>,
    next_id: u64,
    memory: ClientMemory,
}

impl Clients {
    /// Adds a client; gives its slot.
    pub fn add(&mut self, peer: Peer, now_ms: i64) -> usize {
        self.next_id += 1;
        let session = Box::new(Session::new(self.next_id, peer, now_ms));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.by_id.insert(session.id, slot);
        self.slots[slot] = Some(session);
        slot
    }

    /// Takes a client out.
    pub fn remove(&mut self, slot: usize) -> Option<Box<Session>> {
        let mut session = self.slots.get_mut(slot)?.take()?;
        self.memory.forget(slot, &mut session);
        self.by_id.remove(&session.id);
        self.free.push(slot);
        Some(session)
    }

    /// Takes a client that is being closed out of sight: nobody finds, lists or counts it any more.
    pub fn hide(&mut self, slot: usize) {
        if let Some(Some(s)) = self.slots.get_mut(slot) {
            self.memory.forget(slot, s);
            self.by_id.remove(&s.id);
        }
    }

    /// Shows a client that was hidden from the start, under an id of its own.
    pub fn reveal(&mut self, slot: usize) {
        if let Some(Some(s)) = self.slots.get_mut(slot) {
            self.next_id += 1;
            s.id = self.next_id;
            self.by_id.insert(s.id, slot);
        }
    }

    /// Counts what a client takes now.
    pub fn count_memory(&mut self, slot: usize) {
        if let Some(Some(s)) = self.slots.get_mut(slot)
            && s.closing != Closing::Now
        {
            self.memory.count(slot, s);
        }
    }

    /// What clients take, as counted last.
    pub fn memory(&self) -> &ClientMemory {
        &self.memory
    }

    /// Slots given out so far, used or free.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The client in `slot`. A slot that was given out and not removed holds one.
    #[inline]
    pub fn get(&self, slot: usize) -> Option<&Session> {
        self.slots.get(slot)?.as_deref()
    }

    /// See [`Clients::get`].
    #[inline]
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Session> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    /// The slot of the client with this id.
    pub fn slot_of(&self, id: u64) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// Slots in the order of ids.
    pub fn slots_by_id(&self) -> Vec<usize> {
        self.by_id.values().copied().collect()
    }

    /// Clients in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.by_id.values().filter_map(|&s| self.get(s))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

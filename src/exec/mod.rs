//! The one thread that owns all data. `run` takes what a client sent, batch by batch; `gate` refuses in a fixed
//! order; `call` runs a handler; `drain` spreads what it did; `cron` does the rest, in bounded slices.

pub mod aof;
pub mod blocked;
pub mod call;
#[cfg(debug_assertions)]
pub mod checks;
pub mod clients;
pub mod cron;
pub mod deliver;
pub mod drain;
pub mod evict;
pub mod free;
pub mod gate;
pub mod incoming;
pub mod invalidate;
pub mod link;
pub mod load;
pub mod propagate;
pub mod replay;
pub mod replicas;
pub mod run;
pub mod script;
pub mod sentinel;
pub mod snapshot;
pub mod sync;
pub mod table;
pub mod watchers;

use crate::engine::config::values::ShutdownFlags;
use crate::engine::server::Server;
use crate::resp::Span;
use crate::sys::clock::Reading;
use crate::sys::signals;

/// What runs a turn inside another.
pub type Between = std::rc::Rc<dyn Fn(&mut Exec)>;

/// The executor: the server and what is reused from batch to batch.
pub struct Exec {
    pub server: Server,
    /// Arguments of the batch's requests.
    spans: Vec<Span>,
    /// The batch's requests.
    batch: Vec<run::Request>,
    /// When `cron` runs next, ms of Unix time.
    cron_due_ms: i64,
    eviction: evict::Eviction,
    /// The slot that `clients_cron` looked at last.
    clients_at: usize,
    /// The `maxmemory-clients` under which clients were counted last.
    clients_limit_set: i64,
    /// The moment at which the last command of the batch ended, or the batch began: the next one's start. One
    /// reading of the clock per command.
    now: Reading,
    /// The request that runs had to wait before.
    running_again: bool,
    /// Commands that run others (EXEC) and are running: time stands still meanwhile.
    depth: u32,
    /// Serves other clients while a script runs for long: a turn inside the running one.
    pub between: Option<Between>,
    /// Where messages are put together.
    frame: deliver::Frame,
    /// The full synchronizations that are being sent.
    sending: Vec<sync::Sending>,
    /// The data set that is being received.
    incoming: Option<Box<incoming::Incoming>>,
}

impl Exec {
    /// An executor of `server`.
    pub fn new(server: Server) -> Exec {
        let now = server.clock.read();
        Exec {
            server,
            spans: Vec::new(),
            batch: Vec::new(),
            cron_due_ms: 0,
            clients_at: 0,
            clients_limit_set: 0,
            eviction: Default::default(),
            now,
            running_again: false,
            depth: 0,
            between: None,
            frame: Default::default(),
            sending: Vec::new(),
            incoming: None,
        }
    }
}

use crate::engine::session::{ClientType, Peer};

impl Exec {
    /// A client came; gives its slot.
    pub fn connect(&mut self, peer: Peer) -> usize {
        let now_ms = self.server.clock.now_ms() as i64;
        self.server.stats.connections += 1;
        let open = self.server.open_to_all();
        let slot = self.server.clients.add(peer, now_ms);
        self.server.client(slot).authenticated = open;
        self.server.clients.count_memory(slot);
        slot
    }

    /// A client went.
    pub fn disconnect(&mut self, slot: usize) {
        self.server.leave(slot);
        if self.server.repl.link.slot == Some(slot) {
            self.link_lost(slot);
        }
        self.server.flush.retain(|&s| s != slot);
        self.server.clients.remove(slot);
    }

    /// The turn is over, or a piece of periodic work: what waited for that is told, before outputs are written.
    #[inline]
    pub fn end_turn(&mut self) {
        if self.server.tracking.any_touched() {
            self.broadcast();
        }
    }

    /// A signal asks for a shutdown.
    pub fn signalled(&mut self) {
        self.server.shutdown_asked = true;
        self.heed_signal();
    }

    /// Shuts down if a signal has asked for it, once periodic work may be done.
    pub(super) fn heed_signal(&mut self) {
        if self.server.shutdown_asked && !self.server.debug.pause_cron {
            let how = match signals::requested() {
                Some(signals::Request::Int) => self.server.config.shutdown_on_sigint,
                Some(signals::Request::Term) => self.server.config.shutdown_on_sigterm,
                None => ShutdownFlags::DEFAULT,
            };
            self.server.shut_down(how, None);
        }
    }

    /// Bytes were read from a client.
    #[inline]
    pub fn received(&mut self, slot: usize, n: usize) {
        self.server.stats.reads += 1;
        self.server.stats.bytes_in += n as u64;
        self.server.client(slot).bytes_in += n as u64;
    }

    /// What is to be sent to a client next: its output, and after that, to a replica, the stream. It may be empty while
    /// there is more.
    #[inline]
    pub fn unsent(&self, slot: usize) -> Option<&[u8]> {
        let s = self.server.clients.get(slot)?;
        if !s.output.is_empty() {
            return Some(s.output.front());
        }
        let stream = if s.kind == ClientType::Replica { self.server.unsent(slot) } else { &[] };
        (!stream.is_empty()).then_some(stream)
    }

    /// The first `n` bytes that wait for a client were written.
    #[inline]
    pub fn sent(&mut self, slot: usize, n: usize) {
        self.server.stats.writes += 1;
        self.server.stats.bytes_out += n as u64;
        let s = self.server.client(slot);
        s.bytes_out += n as u64;
        if s.output.is_empty() {
            return self.server.stream_sent(slot, n);
        }
        s.output.consume(n);
        let replica = s.kind == ClientType::Replica;
        self.server.note_sent(slot, n);
        if replica {
            self.server.repl.stats.bytes_out += n as u64;
        }
    }

    /// Whether the client's database has a key that is due before `planned_ms`, or a wait ends before it.
    #[inline]
    pub fn due_before(&mut self, slot: usize, planned_ms: i64) -> bool {
        let db = self.server.client(slot).db;
        self.server.dbs[db].next_due().is_some_and(|t| t < planned_ms)
            || self.server.timeouts.first().is_some_and(|&(t, _)| t < planned_ms)
    }

    /// The moment of the last command, ms of Unix time.
    #[inline]
    pub fn moment_ms(&self) -> i64 {
        self.now.wall_ms() as i64
    }
}

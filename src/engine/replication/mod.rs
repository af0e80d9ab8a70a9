//! The state of replication, and what changes it: following a primary (`follow`), being followed (`lead`), handing
//! over (`failover`). `exec/link.rs` and `exec/replicas.rs` do the work that needs the executor.

mod failover;
mod follow;
mod lead;
mod snapshot;

use std::collections::BTreeSet;

pub use failover::{Failover, FailoverState};
pub use follow::{Link, LinkState};

use super::server::Server;
use super::stream::takers;
use crate::base::rng::Rng;
use crate::repl::ReplId;
use crate::repl::backlog::Backlog;

/// Bytes by which a backlog outgrows its size, as it is dropped block by block.
const BACKLOG_SLACK: u64 = 64 * 1024;

/// See the head of this file.
pub struct Replication {
    /// Name of the data set's history; replicas take their primary's.
    pub id: ReplId,
    /// Its name before the last change of primaries, valid before `second_offset`.
    pub id2: ReplId,
    /// Number of the first byte that is not part of the history `id2`; -1 without one.
    pub second_offset: i64,
    /// Number of the last byte of the stream: sent to replicas, or applied as a replica.
    pub offset: i64,
    /// The stream as far as it is kept; `None` before there was ever a replica.
    pub backlog: Option<Backlog>,
    /// Slots of replicas, in the order in which they came.
    pub replicas: Vec<usize>,
    /// Since when there is none, ms of Unix time.
    pub no_replicas_since_ms: i64,
    /// Replicas heard from within `min-replicas-max-lag`.
    pub good_replicas: usize,
    /// Some clients wait for acknowledgements: replicas are asked for them at the end of the turn.
    pub ack_wanted: bool,
    /// Keys that clients have given an expiry on a writable replica, by their times: no primary will remove them.
    pub own_volatile: BTreeSet<(i64, u32, Box<[u8]>)>,
    /// Slots of clients in WAIT.
    pub waiters: BTreeSet<usize>,
    /// A replica waits for a snapshot.
    pub sync_wanted: bool,
    /// Replicas that have asked for one in this turn.
    pub newcomers: Vec<usize>,
    /// The link to the primary.
    pub link: Link,
    pub failover: Failover,
    /// When the periodic work is done next, ms of Unix time, and how often it was.
    pub cron_due_ms: i64,
    pub cron_loops: u64,
    pub stats: ReplicationStats,
}

/// Counters of INFO.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplicationStats {
    pub sync_full: u64,
    pub sync_partial_ok: u64,
    pub sync_partial_err: u64,
    /// Bytes that came from the primary, and that went to replicas.
    pub bytes_in: u64,
    pub bytes_out: u64,
}

impl Replication {
    /// That of a server without a past.
    pub fn new(rng: &mut Rng, now_ms: i64) -> Replication {
        Replication {
            id: ReplId::random(rng),
            id2: ReplId::NONE,
            second_offset: -1,
            offset: 0,
            backlog: None,
            replicas: Vec::new(),
            no_replicas_since_ms: now_ms,
            good_replicas: 0,
            ack_wanted: false,
            own_volatile: BTreeSet::new(),
            waiters: BTreeSet::new(),
            sync_wanted: false,
            newcomers: Vec::new(),
            link: Link::default(),
            failover: Failover::default(),
            cron_due_ms: 0,
            cron_loops: 0,
            stats: ReplicationStats::default(),
        }
    }

    /// There is no history before this one.
    pub fn clear_second_id(&mut self) {
        self.id2 = ReplId::NONE;
        self.second_offset = -1;
    }
}

impl Server {
    /// Whether this server follows another one.
    #[inline]
    pub fn is_replica(&self) -> bool {
        self.config.replicaof.is_some()
    }

    /// Whether clients may write although a primary is followed.
    #[inline]
    pub fn is_writable_replica(&self) -> bool {
        self.is_replica() && !self.config.replica_read_only
    }

    /// Whether replication may forbid a command.
    #[inline]
    pub fn replication_gates(&self) -> bool {
        self.is_replica()
            || self.config.min_replicas_to_write > 0
            || !self.repl.replicas.is_empty()
            || self.loading.is_some()
    }

    /// Appends to the stream that replicas get.
    pub fn feed_replicas(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.repl.offset += bytes.len() as i64;
        let needed = self.stream_needed();
        if let Some(backlog) = &mut self.repl.backlog
            && backlog.append(bytes, needed)
        {
            self.check_lagging_replicas();
        }
        for i in 0..self.repl.replicas.len() {
            let slot = self.repl.replicas[i];
            if self.peer(slot).is_some_and(|p| p.takes_stream()) {
                self.flush_later(slot);
            }
        }
    }

    /// The lowest offset of a replica that still waits for what follows it.
    pub fn stream_needed(&self) -> Option<i64> {
        let peers = self.repl.replicas.iter().filter_map(|&slot| self.peer(slot));
        peers.filter(|p| p.needs_stream()).map(|p| p.sent).min()
    }

    /// Bytes of the stream that is kept: the backlog's, and what is kept beyond its size for replicas that are behind.
    pub fn stream_memory(&self) -> (u64, u64) {
        let all = self.repl.backlog.as_ref().map_or(0, |b| b.allocated()) as u64;
        let size = self.config.repl_backlog_size as u64;
        if self.repl.replicas.is_empty() { (all, 0) } else { (all.min(size), all.saturating_sub(size)) }
    }

    /// Bytes that `maxmemory` does not count: to evict for them would make more of them.
    pub fn uncounted_memory(&self) -> u64 {
        let all = self.repl.backlog.as_ref().map_or(0, |b| b.allocated()) as u64;
        all.saturating_sub(self.config.repl_backlog_size as u64 + BACKLOG_SLACK)
    }

    /// Keeps the stream from now on, if it was not kept yet.
    pub fn create_backlog(&mut self) {
        if self.repl.backlog.is_none() {
            let size = self.config.repl_backlog_size;
            self.repl.backlog = Some(Backlog::new(self.repl.offset, size));
            self.choose_streaming();
        }
    }

    /// Keeps it no longer.
    pub fn free_backlog(&mut self) {
        self.repl.backlog = None;
        self.choose_streaming();
    }

    /// `repl-backlog-size` has changed.
    pub fn resize_backlog(&mut self) {
        let (size, needed) = (self.config.repl_backlog_size, self.stream_needed());
        if let Some(backlog) = &mut self.repl.backlog {
            backlog.set_size(size, needed);
        }
    }

    /// Whether changes are to be streamed to replicas: as a replica, the primary's stream goes on to them.
    pub fn choose_streaming(&mut self) {
        let on = self.repl.backlog.is_some() && !self.is_replica();
        if on && !self.stream.has_taker(takers::REPLICAS) {
            // What is in the stream already is for others.
            self.stream.for_replicas();
            self.stream.forget_db();
        }
        self.take_stream(takers::REPLICAS, on);
    }

    /// Hands what was propagated so far on to the backlog and to replicas.
    pub fn take_pending_stream(&mut self) {
        if !self.stream.has_taker(takers::REPLICAS) || self.stream.untaken() == 0 {
            return;
        }
        let mut stream = std::mem::take(&mut self.stream);
        self.feed_replicas(stream.for_replicas());
        self.stream = stream;
    }

    /// The offset behind all that was propagated so far.
    pub fn stream_offset(&self) -> i64 {
        let pending = if self.stream.has_taker(takers::REPLICAS) { self.stream.untaken() } else { 0 };
        self.repl.offset.saturating_add(pending as i64)
    }

    /// Sends a command to replicas that is none of the data's.
    pub fn tell_replicas(&mut self, words: &[&[u8]]) {
        if self.stream.has_taker(takers::REPLICAS) {
            self.stream.push_to_replicas(words.iter().copied());
            self.take_pending_stream();
        }
    }
}

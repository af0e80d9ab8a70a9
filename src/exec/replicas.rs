//! Replicas as their primary serves them: snapshots for those who need the whole data set, pings, time-outs, the life of
//! the backlog; and what replication does once a second on either side.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::keys::keys_of;
use crate::engine::replication::FailoverState;
use crate::engine::session::ClientType;
use crate::engine::spec::{Spec, WRITE};
use crate::keyspace::{ExpiryRule, Key};
use crate::repl::peer::State;

/// Between two rounds of the periodic work, and while a FAILOVER goes on, ms.
const ROUND_MS: i64 = 1000;
const FAILOVER_ROUND_MS: i64 = 100;

impl Exec {
    /// Does what is due. Returns when to be called again, if sooner than the periodic work is.
    pub(super) fn replication_on(&mut self, now_ms: i64) -> Option<i64> {
        if now_ms >= self.server.repl.cron_due_ms {
            if !self.server.debug.pause_cron {
                self.replication_cron(now_ms);
            }
            let failover = self.server.repl.failover.state != FailoverState::None;
            self.server.repl.cron_due_ms = now_ms + if failover { FAILOVER_ROUND_MS } else { ROUND_MS };
        }
        let due = [self.receive_on(now_ms), self.sync_on(now_ms), self.expire_own(now_ms)];
        due.into_iter().flatten().min()
    }

    /// Remembers which keys a client has given an expiry on a replica that it may write to.
    #[cold]
    pub(super) fn note_own_volatile(&mut self, slot: usize, spec: &Spec, args: &Args<'_>) {
        let Some(session) = self.server.clients.get(slot) else { return };
        if session.kind == ClientType::Primary || !spec.has(WRITE) {
            return;
        }
        let Ok(keys) = keys_of(spec, args) else { return };
        let Some(db) = self.server.dbs.get(session.db) else { return };
        for (i, _) in keys {
            let key = args.get(i);
            if let Some(at) = db.raw(Key::new(key)).and_then(|e| e.expiry()) {
                self.server.repl.own_volatile.insert((at, db.id, key.into()));
            }
        }
    }

    /// Removes those whose time has come. Returns when the next one is due.
    fn expire_own(&mut self, now_ms: i64) -> Option<i64> {
        let mut any = false;
        while let Some(first) = self.server.repl.own_volatile.first()
            && first.0 <= now_ms
            && let Some((at, db, name)) = self.server.repl.own_volatile.pop_first()
        {
            let Some(db) = self.server.dbs.get_mut(db as usize) else { continue };
            (db.now_ms, db.expiry_rule) = (now_ms, ExpiryRule::Ignore);
            let key = Key::new(&name);
            if let Some(pos) = db.peek(key)
                && db.at(pos).expiry() == Some(at)
            {
                db.expire_at(pos, key.hash);
                any = true;
            }
        }
        if any {
            self.drain_expired(false);
            self.finish_effects();
        }
        self.server.repl.own_volatile.first().map(|first| first.0)
    }

    /// Asks replicas for what clients wait for.
    #[cold]
    pub(super) fn ask_for_acks(&mut self) {
        self.server.repl.ack_wanted = false;
        self.server.tell_replicas(&[b"REPLCONF", b"GETACK", b"*"]);
    }

    fn replication_cron(&mut self, now_ms: i64) {
        self.server.failover_cron(now_ms);
        if self.server.is_replica() {
            self.link_cron(now_ms);
        }
        let period = self.server.config.repl_ping_replica_period.max(1);
        let handing_over = self.server.repl.failover.until_ms != 0 && self.server.pause.failover;
        let has_replicas = !self.server.repl.replicas.is_empty();
        if has_replicas && !handing_over && self.server.repl.cron_loops.is_multiple_of(period) {
            self.server.tell_replicas(&[b"PING"]);
        }
        self.keep_waiting_replicas();
        self.drop_silent_replicas(now_ms);
        self.let_backlog_go(now_ms);
        self.server.count_good_replicas();
        self.server.check_lagging_replicas();
        self.server.repl.cron_loops += 1;
    }

    /// Replicas that wait for a snapshot to begin, or for its file, hear that we are alive. An empty line is no part of anything.
    fn keep_waiting_replicas(&mut self) {
        for slot in self.server.repl.replicas.clone() {
            let waits = self.server.peer(slot).is_some_and(|p| p.state == State::WaitStart);
            if (waits || self.waits_for_file(slot)) && self.server.client(slot).output.is_empty() {
                self.push_to(slot, b"\n");
            }
        }
    }

    fn drop_silent_replicas(&mut self, now_ms: i64) {
        let timeout_s = i64::try_from(self.server.config.repl_timeout).unwrap_or(i64::MAX);
        let long = |since_ms: i64| now_ms / 1000 - since_ms / 1000 > timeout_s;
        for slot in self.server.repl.replicas.clone() {
            let Some(peer) = self.server.peer(slot) else { continue };
            let kind = match peer.state {
                State::Online if !peer.pre_psync && long(peer.acked_ms) => "streaming",
                State::WaitEnd | State::SendFile if peer.stuck_since_ms != 0 && long(peer.stuck_since_ms) => {
                    "full"
                }
                _ => continue,
            };
            let name = self.server.replica_name(slot);
            tracing::warn!("Disconnecting timedout replica ({kind} sync): {name}");
            self.server.close_now(slot);
        }
    }

    /// A primary that has had no replica for long keeps no stream.
    fn let_backlog_go(&mut self, now_ms: i64) {
        let server = &mut self.server;
        let ttl_s = server.config.repl_backlog_ttl;
        let idle_s = (now_ms / 1000 - server.repl.no_replicas_since_ms / 1000).max(0) as u64;
        if server.is_replica()
            || ttl_s == 0
            || !server.repl.replicas.is_empty()
            || server.repl.backlog.is_none()
            || idle_s <= ttl_s
        {
            return;
        }
        // Changes are not counted any more: the offset would mean something else to whoever knows this history.
        server.change_repl_id();
        server.repl.clear_second_id();
        server.free_backlog();
        tracing::info!("Replication backlog freed after {ttl_s} seconds without connected replicas.");
    }
}

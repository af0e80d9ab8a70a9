//! Being followed: what is known of replicas, how many are good, who waits for them.

use crate::engine::error::Error;
use crate::engine::server::Server;
use crate::engine::session::{Block, Blocked, ClientType, OnDisk};
use crate::repl::ReplId;
use crate::repl::peer::{self, Peer};
use crate::resp::Reply;

/// What has acknowledged a client's writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acks {
    pub replicas: i64,
    /// Of WAITAOF: whether they are on disk here.
    pub local: Option<bool>,
    /// All that the client wanted.
    pub enough: bool,
}

impl Acks {
    /// The answer of WAIT, or WAITAOF.
    pub fn write(&self, out: &mut Reply<'_>) {
        if let Some(local) = self.local {
            out.array(2);
            out.int(local.into());
        }
        out.int(self.replicas);
    }
}

impl Server {
    /// What is known of the client in `slot` as a replica.
    pub fn peer(&self, slot: usize) -> Option<&Peer> {
        self.clients.get(slot)?.replica.as_deref()
    }

    /// See [`Server::peer`].
    pub fn peer_mut(&mut self, slot: usize) -> Option<&mut Peer> {
        self.clients.get_mut(slot)?.replica.as_deref_mut()
    }

    /// A replica's address: that which it announced, or the connection's.
    pub fn replica_ip(&self, slot: usize) -> String {
        let Some(s) = self.clients.get(slot) else { return String::new() };
        match &s.replica {
            Some(peer) if !peer.addr.is_empty() => peer.addr.clone(),
            _ => {
                let host = s.peer.addr.rsplit_once(':').map_or("", |(host, _)| host);
                host.trim_start_matches('[').trim_end_matches(']').to_owned()
            }
        }
    }

    /// A replica as the log names it.
    pub fn replica_name(&self, slot: usize) -> String {
        let ip = self.replica_ip(slot);
        match self.peer(slot).map_or(0, |p| p.port) {
            0 => format!("{ip}:<unknown-replica-port>"),
            port if ip.contains(':') => format!("[{ip}]:{port}"),
            port => format!("{ip}:{port}"),
        }
    }

    /// The client in `slot` is a replica from now on.
    pub fn add_replica(&mut self, slot: usize) {
        let session = self.client(slot);
        session.kind = ClientType::Replica;
        session.replica.get_or_insert_default();
        self.repl.replicas.push(slot);
    }

    /// A replica's connection ends, or it is no replica any more.
    pub fn remove_replica(&mut self, slot: usize) {
        let Some(i) = self.repl.replicas.iter().position(|&s| s == slot) else { return };
        tracing::info!("Connection with replica {} lost.", self.replica_name(slot));
        self.repl.replicas.remove(i);
        if self.repl.replicas.is_empty() {
            self.repl.no_replicas_since_ms = self.clock.now_ms() as i64;
        }
        let needed = self.stream_needed();
        if let Some(backlog) = &mut self.repl.backlog {
            backlog.trim(needed);
        }
        self.count_good_replicas();
    }

    /// Ends the connections of all replicas.
    pub fn disconnect_replicas(&mut self) {
        while let Some(&slot) = self.repl.replicas.first() {
            self.close_now(slot);
            self.remove_replica(slot);
        }
    }

    /// What of the stream is still to be sent to a replica.
    #[inline]
    pub fn unsent(&self, slot: usize) -> &[u8] {
        match (self.peer(slot), &self.repl.backlog) {
            (Some(peer), Some(backlog)) if peer.takes_stream() => backlog.after(peer.sent),
            _ => &[],
        }
    }

    /// Bytes that wait for a replica.
    pub fn lag_of(&self, slot: usize) -> usize {
        let end = self.repl.backlog.as_ref().map_or(0, |b| b.end());
        let sent = self.peer(slot).filter(|p| p.needs_stream()).map(|p| p.sent);
        sent.map_or(0, |sent| usize::try_from(end.saturating_sub(sent)).unwrap_or(0))
    }

    /// `n` bytes of the stream were sent to a replica.
    #[inline]
    pub fn stream_sent(&mut self, slot: usize, n: usize) {
        self.repl.stats.bytes_out += n as u64;
        if let Some(peer) = self.peer_mut(slot) {
            peer.sent += n as i64;
        }
    }

    /// Replicas that have not acknowledged all.
    pub fn replicas_behind(&self) -> impl Iterator<Item = usize> {
        let behind = |slot: &usize| self.peer(*slot).is_some_and(|p| p.acked != self.repl.offset);
        self.repl.replicas.iter().copied().filter(behind)
    }

    /// What a server that ends says of its replicas.
    pub fn tell_who_is_behind(&self) {
        let now_ms = self.clock.now_ms() as i64;
        for slot in self.replicas_behind() {
            let Some(peer) = self.peer(slot) else { continue };
            let online = peer.state == peer::State::Online;
            let lag = if online { now_ms / 1000 - peer.acked_ms / 1000 } else { 0 };
            tracing::info!(
                "Lagging replica {} reported offset {} behind master, lag={lag}, state={}.",
                self.replica_name(slot),
                self.repl.offset - peer.acked,
                peer.state.name()
            );
        }
        let all = self.repl.replicas.len();
        if all > 0 {
            let behind = self.replicas_behind().count();
            tracing::info!("{} of {all} replicas are in sync when shutting down.", all - behind);
        }
    }

    /// Counts the replicas that `min-replicas-to-write` asks for.
    pub fn count_good_replicas(&mut self) {
        if self.config.min_replicas_to_write == 0 || self.config.min_replicas_max_lag == 0 {
            return;
        }
        let now_ms = self.clock.now_ms() as i64;
        let most = i64::try_from(self.config.min_replicas_max_lag).unwrap_or(i64::MAX);
        let good = |p: &&Peer| p.state == peer::State::Online && now_ms / 1000 - p.acked_ms / 1000 <= most;
        let peers = self.repl.replicas.iter().filter_map(|&slot| self.peer(slot));
        self.repl.good_replicas = peers.filter(good).count();
    }

    /// Whether enough replicas are there for a write.
    #[inline]
    pub fn enough_replicas(&self) -> bool {
        self.config.min_replicas_to_write == 0
            || self.is_replica()
            || self.config.min_replicas_max_lag == 0
            || self.repl.good_replicas >= self.config.min_replicas_to_write
    }

    /// Replicas that have acknowledged the stream up to `offset`.
    pub fn acknowledged(&self, offset: i64) -> usize {
        let peers = self.repl.replicas.iter().filter_map(|&slot| self.peer(slot));
        peers.filter(|p| p.state == peer::State::Online && p.acked >= offset).count()
    }

    /// Replicas that have it on their disks up to `offset`.
    pub fn acknowledged_on_disk(&self, offset: i64) -> usize {
        let peers = self.repl.replicas.iter().filter_map(|&slot| self.peer(slot));
        peers.filter(|p| p.state == peer::State::Online && p.acked_on_disk >= offset).count()
    }

    /// What has acknowledged the writes of a client in WAIT or WAITAOF.
    pub fn acks_of(&self, slot: usize) -> Option<Acks> {
        let Blocked::Wait { replicas, offset, on_disk } = self.clients.get(slot)?.block.as_ref()?.on else {
            return None;
        };
        Some(self.acks(replicas, offset, on_disk))
    }

    /// What has acknowledged the stream up to `offset`, and whether that is enough.
    pub fn acks(&self, replicas: i64, offset: i64, on_disk: Option<OnDisk>) -> Acks {
        let (acknowledged, local) = match on_disk {
            None => (self.acknowledged(offset), None),
            Some(OnDisk { logged, .. }) => {
                (self.acknowledged_on_disk(offset), Some(self.durable().is_some_and(|d| d >= logged)))
            }
        };
        let acknowledged = acknowledged as i64;
        let here = local.is_none_or(|done| done || on_disk.is_some_and(|o| !o.local));
        Acks { replicas: acknowledged, local, enough: acknowledged >= replicas && here }
    }

    /// Answers the clients in WAIT and WAITAOF for whom there is enough.
    pub fn serve_waiting_acks(&mut self) {
        for slot in self.repl.waiters.clone() {
            let Some(acks) = self.acks_of(slot) else { continue };
            let local =
                |b: &Block| matches!(b.on, Blocked::Wait { on_disk: Some(OnDisk { local: true, .. }), .. });
            let session = self.client(slot);
            let wants_local = session.block.as_ref().is_some_and(local);
            let resp3 = session.resp3;
            let lost = wants_local && !self.is_logged();
            if !acks.enough && !lost {
                continue;
            }
            let mut out = Reply::new(&mut self.client(slot).output, resp3);
            if lost {
                out.error(Error::NO_LOG.as_bytes())
            } else {
                acks.write(&mut out)
            }
            self.unblock(slot);
            self.flush_later(slot);
        }
    }

    /// The history begins anew, and nobody can go on with what was.
    pub fn change_repl_id(&mut self) {
        self.repl.id = ReplId::random(&mut self.rng);
    }

    /// Closes replicas for whom more of the stream waits than `client-output-buffer-limit` allows.
    pub fn check_lagging_replicas(&mut self) {
        let limit = self.config.client_output_buffer_limit.replica;
        let backlog = self.config.repl_backlog_size as u64;
        // A limit below the backlog would be reached by what is kept anyway, and the replica come back for ever.
        let at_least = |bound: u64| if bound == 0 { u64::MAX } else { bound.max(backlog) };
        let (hard, soft) = (at_least(limit.hard), at_least(limit.soft));
        let now_ms = self.clock.now_ms() as i64;
        for slot in self.repl.replicas.clone() {
            let lag = self.lag_of(slot) as u64;
            let session = self.client(slot);
            if lag < soft {
                session.soft_limit_since_ms = None;
            } else {
                session.soft_limit_since_ms.get_or_insert(now_ms);
            }
            let since = session.soft_limit_since_ms;
            let long = since.is_some_and(|t| now_ms / 1000 - t / 1000 > limit.soft_seconds as i64);
            if lag >= hard || long {
                self.stats.output_limit_disconnections += 1;
                if let Some(s) = self.clients.get(slot) {
                    tracing::warn!(
                        "Client {} scheduled to be closed ASAP for overcoming of output buffer limits.",
                        crate::engine::client_info::for_log(self, s, now_ms)
                    );
                }
                self.close_now(slot);
            }
        }
    }

    /// A replica asks to go on with byte `next` of history `id`. If it can, it is online.
    pub fn sync_partially(&mut self, slot: usize, id: &[u8], next: i64) -> bool {
        self.take_pending_stream();
        let name = self.replica_name(slot);
        if !self.knows_history(&name, id, next) || !self.holds(&name, id, next) {
            return false;
        }
        let now_ms = self.clock.now_ms() as i64;
        self.add_replica(slot);
        if let Some(peer) = self.peer_mut(slot) {
            peer.state = peer::State::Online;
            peer.acked_ms = now_ms;
            peer.sent = next.saturating_sub(1);
            peer.stream_on_ack = false;
        }
        self.repl.stats.sync_partial_ok += 1;
        let waiting = self.lag_of(slot);
        tracing::info!(
            "Partial resynchronization request from {name} accepted. Sending {waiting} bytes of backlog starting from \
             offset {next}."
        );
        self.count_good_replicas();
        self.flush_later(slot);
        true
    }

    /// Whether byte `next` of history `id` is, or will be, one of ours.
    fn knows_history(&self, name: &str, id: &[u8], next: i64) -> bool {
        let repl = &self.repl;
        if repl.id.is(id) || repl.id2.is(id) && next <= repl.second_offset {
            return true;
        }
        if id.first() == Some(&b'?') {
            tracing::info!("Full resync requested by replica {name}");
        } else if repl.id2.is(id) {
            tracing::info!(
                "Partial resynchronization not accepted: Requested offset for second ID was {next}, but I can reply up \
                 to {}",
                repl.second_offset
            );
        } else {
            tracing::info!(
                "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{}', my \
                 replication IDs are '{}' and '{}')",
                String::from_utf8_lossy(id),
                repl.id,
                repl.id2
            );
        }
        false
    }

    /// Whether it is still kept.
    fn holds(&self, name: &str, id: &[u8], next: i64) -> bool {
        let id = String::from_utf8_lossy(id);
        match &self.repl.backlog {
            Some(backlog) if backlog.covers(next) => return true,
            Some(backlog) => tracing::info!(
                "Unable to partial resync with replica {name} for lack of backlog (Replica request was {id}:{next}, and \
                 I can only reply with the range [{}, {}]).",
                backlog.first(),
                backlog.end().saturating_add(1)
            ),
            None => tracing::info!(
                "Unable to partial resync with replica {name} for lack of backlog (Replica request was: {id}:{next})."
            ),
        }
        if next > self.repl.offset {
            tracing::warn!(
                "Warning: replica {name} tried to PSYNC with an offset ({next}) that is greater than the primary \
                 replication offset ({})",
                self.repl.offset
            );
        }
        false
    }

    /// A replica needs the whole data set: it waits for a snapshot that `exec` begins.
    pub fn ask_for_full_sync(&mut self, slot: usize, pre_psync: bool) {
        self.repl.stats.sync_full += 1;
        let now_ms = self.clock.now_ms() as i64;
        self.add_replica(slot);
        if let Some(peer) = self.peer_mut(slot) {
            peer.state = peer::State::WaitStart;
            peer.pre_psync = pre_psync;
            peer.asked_ms = now_ms;
        }
        if self.repl.backlog.is_none() {
            // Without a backlog changes were not counted: what the offset meant, nobody knows.
            self.change_repl_id();
            self.repl.clear_second_id();
            self.create_backlog();
            tracing::info!(
                "Replication backlog created, my new replication IDs are '{}' and '{}'",
                self.repl.id,
                self.repl.id2
            );
        }
        self.repl.sync_wanted = true;
        self.repl.newcomers.push(slot);
    }

    /// A replica has read its data set and gets the stream.
    pub fn begin_stream(&mut self, slot: usize) {
        if self.repl.offset == 0 && !self.is_replica() {
            // So that a replica without any change has an offset, too.
            self.tell_replicas(&[b"PING"]);
        }
        self.flush_later(slot);
    }
}

//! Full synchronizations as the primary sends them: one snapshot for all replicas that wait, straight to their
//! connections or by way of the server's own file. Threads make and read it; here its bytes are handed to the replicas' outputs, the
//! next ones when all have taken the last. What changes meanwhile is kept in the backlog from the offset on at which the
//! snapshot was begun.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Exec;
use crate::base::limits::SYNC_OUTPUT_MAX;
use crate::engine::server::Server;
use crate::engine::session::Closing;
use crate::engine::snapshot::{Ended, Purpose, Refused};
use crate::keyspace::heap::HeapStr;
use crate::persist::snapshot::{FileSink, Sink};
use crate::repl::payload::{Form, MARK_LEN};
use crate::repl::peer::{Peer, State};
use crate::repl::pipe::{Outlet, Standing, pipe};
use crate::repl::spill::Spill;

/// Between two looks at what the threads have, ms.
const LOOK_MS: i64 = 1;

/// A full synchronization under way.
pub struct Sending {
    /// The snapshot's number, while it is being made.
    snapshot: Option<u64>,
    /// The replicas: slots, and the ids of their clients.
    to: Vec<(usize, u64)>,
    /// What is sent comes from here; nothing while a file is written.
    from: Option<Outlet>,
    form: Form,
    /// All that is to be sent was made.
    whole: bool,
}

impl Exec {
    /// Whether a replica waits for a file to be written: nothing else is sent to it meanwhile.
    pub(super) fn waits_for_file(&self, slot: usize) -> bool {
        self.sending.iter().any(|s| s.from.is_none() && s.to.iter().any(|&(to, _)| to == slot))
    }

    /// Begins a synchronization if a replica waits for one and it is time, and goes on with the one under way. Returns
    /// when to be called again.
    pub(super) fn sync_on(&mut self, now_ms: i64) -> Option<i64> {
        for sending in std::mem::take(&mut self.sending) {
            self.send_on(sending, now_ms);
        }
        if self.server.repl.sync_wanted {
            self.begin_sync(now_ms);
        }
        if !self.server.snapshots.ended.is_empty() && self.sending.iter().all(|s| s.snapshot.is_none()) {
            // How one ended that was given up is of no interest to anybody.
            self.server.snapshots.ended.retain(|e| e.purpose != Purpose::Sync);
        }
        (!self.sending.is_empty()).then_some(now_ms + LOOK_MS)
    }

    /// Begins a snapshot for the replicas that have waited long enough.
    fn begin_sync(&mut self, now_ms: i64) {
        let server = &mut self.server;
        let waiting: Vec<usize> = server.waiting_for_sync();
        let Some(&first) = waiting.first() else {
            server.repl.sync_wanted = false;
            return;
        };
        if server.snapshots.running.is_some() || !server.sync_may_begin(&waiting, now_ms) {
            return;
        }
        let Some(wanted) = server.peer(first).cloned() else { return };
        let fits = |slot: &usize| server.peer(*slot).is_some_and(|p| p.wants_as(&wanted));
        let group: Vec<usize> = waiting.into_iter().filter(fits).collect();
        let all_find_marks = group.iter().all(|&slot| server.peer(slot).is_some_and(|p| p.capa_eof));
        let diskless = all_find_marks && (server.config.repl_diskless_sync || !wanted.wants_all());
        tracing::info!(
            "Starting BGSAVE for SYNC with target: {} using: normal sync",
            if diskless { "replicas sockets" } else { "disk" }
        );
        // The snapshot is the data at this offset.
        server.take_pending_stream();
        server.stream.forget_db();
        let begun = if diskless { server.begin_to_sockets(&wanted) } else { server.begin_to_file(&wanted) };
        let mut sending = match begun {
            Ok(sending) => sending,
            Err(e) => {
                tracing::warn!("BGSAVE for replication failed: {e:?}");
                return group.into_iter().for_each(|slot| self.refuse_sync(slot));
            }
        };
        sending.to = group.iter().map(|&slot| (slot, server.client(slot).id)).collect();
        let offset = server.repl.offset;
        group.iter().for_each(|&slot| self.promise(slot, offset));
        if diskless {
            self.announce(&sending);
        }
        self.sending.push(sending);
    }

    /// A replica hears that the data set at `offset` will come, and gets the stream from there on afterwards.
    fn promise(&mut self, slot: usize, offset: i64) {
        let id = self.server.repl.id;
        let Some(peer) = self.server.peer_mut(slot) else { return };
        (peer.state, peer.sent) = (State::WaitEnd, offset);
        if !peer.pre_psync {
            self.push_to(slot, format!("+FULLRESYNC {id} {offset}\r\n").as_bytes());
        }
    }

    fn announce(&mut self, sending: &Sending) {
        let line = sending.form.line();
        for &(slot, id) in &sending.to {
            if self.server.client(slot).id == id {
                self.push_to(slot, &line);
            }
        }
    }

    fn refuse_sync(&mut self, slot: usize) {
        self.push_to(slot, b"-ERR BGSAVE failed, replication can't continue\r\n");
        self.server.client(slot).close_after_reply();
        self.server.remove_replica(slot);
    }

    /// Goes on with a synchronization.
    fn send_on(&mut self, mut sending: Sending, now_ms: i64) {
        sending.to.retain(|&(slot, id)| self.server.takes_part(slot, id));
        if sending.to.is_empty() {
            return self.give_up(&sending);
        }
        if let Some(ended) = sending.snapshot.and_then(|id| self.server.take_ended(id)) {
            sending.snapshot = None;
            if !self.snapshot_made(&mut sending, &ended) {
                return;
            }
        }
        self.hand_out(&mut sending, now_ms);
        let drained = sending.to.iter().all(|&(slot, _)| self.server.client(slot).output.is_empty());
        if sending.whole && (drained || matches!(sending.form, Form::Marked(_))) {
            return self.all_sent(&sending);
        }
        self.sending.push(sending);
    }

    /// Nobody waits for it any more.
    fn give_up(&mut self, sending: &Sending) {
        if sending.snapshot.is_some() {
            let to_file = sending.from.is_none();
            if to_file && !self.server.config.save.is_empty() {
                // The file is of use as it is.
                return;
            }
            let what =
                if to_file { "Background saving, persistence disabled" } else { "Diskless rdb transfer" };
            tracing::info!("{what}, last replica dropped, killing fork child.");
            self.server.cancel_snapshot();
        }
    }

    /// The snapshot is made. False when it failed, and the replicas with it.
    fn snapshot_made(&mut self, sending: &mut Sending, ended: &Ended) -> bool {
        if ended.result.is_err() {
            for &(slot, _) in &sending.to {
                tracing::warn!("SYNC failed. BGSAVE child returned an error");
                self.server.close_now(slot);
            }
            return false;
        }
        if sending.from.is_some() {
            return true;
        }
        let path = PathBuf::from(&self.server.config.dbfilename);
        match read_file(&self.server, &path) {
            Ok((len, outlet)) => {
                (sending.form, sending.from) = (Form::Sized(len), Some(outlet));
                self.announce(sending);
                for &(slot, _) in &sending.to {
                    if let Some(peer) = self.server.peer_mut(slot) {
                        peer.state = State::SendFile;
                    }
                }
                true
            }
            Err(e) => {
                for &(slot, _) in &sending.to {
                    tracing::warn!("SYNC failed. Can't open DB after BGSAVE: {e}");
                    self.server.close_now(slot);
                }
                false
            }
        }
    }

    /// Hands out what the thread has, as far as all have taken what they got.
    fn hand_out(&mut self, sending: &mut Sending, now_ms: i64) {
        let Some(from) = &sending.from else { return };
        loop {
            let mut full = false;
            for &(slot, _) in &sending.to {
                let waits = self.server.client(slot).output.len() >= SYNC_OUTPUT_MAX;
                full |= waits;
                if let Some(peer) = self.server.peer_mut(slot) {
                    peer.stuck_since_ms = match (waits, peer.stuck_since_ms) {
                        (false, _) => 0,
                        (true, 0) => now_ms,
                        (true, since) => since,
                    };
                }
            }
            if full || sending.whole {
                return;
            }
            let Some(chunk) = from.try_take() else {
                match from.standing() {
                    Standing::Over => sending.whole = true,
                    // The reason is in the log; that of a snapshot comes with its end.
                    Standing::Broken if sending.snapshot.is_none() => {
                        sending.to.iter().for_each(|&(slot, _)| self.server.close_now(slot));
                    }
                    Standing::Broken | Standing::Running => {}
                }
                return;
            };
            let shared = HeapStr::from_parts(&[&chunk]);
            for &(slot, _) in &sending.to {
                self.server.client(slot).output.append_shared(shared.clone());
                self.server.flush_later(slot);
            }
        }
    }

    /// All was handed out: the stream follows.
    fn all_sent(&mut self, sending: &Sending) {
        if let Form::Marked(mark) = &sending.form {
            tracing::info!(
                "Diskless rdb transfer, done reading from pipe, {} replicas still up.",
                sending.to.len()
            );
            sending.to.iter().for_each(|&(slot, _)| self.push_to(slot, mark));
        }
        let now_ms = self.server.clock.now_ms() as i64;
        for &(slot, _) in &sending.to {
            let name = self.server.replica_name(slot);
            let Some(peer) = self.server.peer_mut(slot) else { continue };
            peer.stuck_since_ms = 0;
            if peer.rdb_only {
                peer.state = State::Transmitted;
                tracing::info!(
                    "RDB transfer completed, rdb only replica ({name}) should be disconnected asap"
                );
                self.server.client(slot).close_after_reply();
                self.server.wake.push(slot);
                continue;
            }
            (peer.state, peer.acked_ms) = (State::Online, now_ms);
            // The end of a streamed data set is found more easily while nothing follows.
            let marked = matches!(sending.form, Form::Marked(_));
            peer.stream_on_ack = marked;
            if marked {
                tracing::info!(
                    "Streamed RDB transfer with replica {name} succeeded (socket). Waiting for REPLCONF ACK from \
                     replica to enable streaming"
                );
            } else {
                self.server.begin_stream(slot);
            }
            tracing::info!("Synchronization with replica {name} succeeded");
        }
        self.server.count_good_replicas();
    }

    /// Replicas have asked for a full synchronization in this turn.
    #[cold]
    pub(super) fn newcomers_join(&mut self) {
        for slot in std::mem::take(&mut self.server.repl.newcomers) {
            self.join_sync(slot);
        }
        let now_ms = self.server.clock.now_ms() as i64;
        self.sync_on(now_ms);
    }

    /// A replica has asked for a full synchronization: tells the log when it will begin, and joins it to the one under
    /// way if that is good for it.
    fn join_sync(&mut self, slot: usize) {
        let Some(peer) = self.server.peer(slot).cloned() else { return };
        if !self.server.snapshots.runs(Purpose::Sync) {
            if self.server.snapshots.running.is_some() {
                tracing::info!(
                    "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC"
                );
            } else if self.server.config.repl_diskless_sync
                && peer.capa_eof
                && self.server.config.repl_diskless_sync_delay > 0
            {
                tracing::info!("Delay next BGSAVE for diskless SYNC");
            }
            return;
        }
        let Some(sending) = self.sending.iter_mut().find(|s| s.snapshot.is_some()) else { return };
        if sending.from.is_some() {
            tracing::info!("Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC");
            return;
        }
        let fits = |p: &Peer| p.wants_as(&peer) && p.needs_stream();
        let other = sending.to.iter().find_map(|&(s, _)| self.server.peer(s).filter(|p| fits(p)));
        match other.map(|p| p.sent) {
            Some(offset) => {
                let id = self.server.client(slot).id;
                sending.to.push((slot, id));
                self.promise(slot, offset);
                tracing::info!("Waiting for end of BGSAVE for SYNC");
            }
            None => {
                tracing::info!(
                    "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC"
                );
            }
        }
    }
}

impl Server {
    /// Replicas that wait for a snapshot to begin, in the order in which they came.
    fn waiting_for_sync(&self) -> Vec<usize> {
        let waits = |slot: &usize| self.peer(*slot).is_some_and(|p| p.state == State::WaitStart);
        self.repl.replicas.iter().copied().filter(waits).collect()
    }

    /// Whether those who wait have waited long enough for others to come.
    fn sync_may_begin(&self, waiting: &[usize], now_ms: i64) -> bool {
        let c = &self.config;
        let asked = waiting.iter().filter_map(|&slot| self.peer(slot)).map(|p| p.asked_ms).min();
        let waited_s = asked.map_or(0, |t| now_ms / 1000 - t / 1000);
        let enough = c.repl_diskless_sync_max_replicas;
        !c.repl_diskless_sync
            || c.repl_diskless_sync_delay == 0
            || enough > 0 && waiting.len() >= enough
            || waited_s >= i64::try_from(c.repl_diskless_sync_delay).unwrap_or(i64::MAX)
    }

    /// Whether the replica is still the one that waits for this synchronization.
    fn takes_part(&self, slot: usize, id: u64) -> bool {
        let same = |s: &crate::engine::session::Session| s.id == id && s.closing == Closing::No;
        self.clients.get(slot).is_some_and(same) && self.repl.replicas.contains(&slot)
    }

    /// Begins a data set that goes straight to replicas.
    fn begin_to_sockets(&mut self, wanted: &Peer) -> Result<Sending, Refused> {
        let mut mark = [0; MARK_LEN];
        self.rng.fill_hex(&mut mark);
        let (inlet, outlet) = pipe();
        let snapshot = if wanted.without_data {
            inlet.push(self.empty_data_set(!wanted.without_functions));
            inlet.end();
            None
        } else {
            let path =
                PathBuf::from(format!("temp-sync-{}.{:016x}", std::process::id(), self.rng.next_u64()));
            let spill = Spill::new(inlet, self.outside.disk.clone(), path);
            Some(self.begin_sync_snapshot(Sink::Stream(Box::new(spill)), wanted)?)
        };
        let form = Form::Marked(mark);
        Ok(Sending { snapshot, to: Vec::new(), from: Some(outlet), form, whole: false })
    }

    /// Begins one that becomes the server's own file first.
    fn begin_to_file(&mut self, wanted: &Peer) -> Result<Sending, Refused> {
        let sink = Sink::File(FileSink {
            disk: self.outside.disk.clone(),
            temp: PathBuf::from(format!("temp-{}.rdb", std::process::id())),
            name: Some(PathBuf::from(&self.config.dbfilename)),
            incremental: self.config.rdb_save_incremental_fsync,
        });
        let snapshot = Some(self.begin_sync_snapshot(sink, wanted)?);
        Ok(Sending { snapshot, to: Vec::new(), from: None, form: Form::Sized(0), whole: false })
    }

    /// How a snapshot ended, if it has.
    fn take_ended(&mut self, id: u64) -> Option<Ended> {
        let i = self.snapshots.ended.iter().position(|e| e.id == id)?;
        Some(self.snapshots.ended.remove(i))
    }
}

/// Bytes of a file that are read at once.
const READ: usize = 256 * 1024;

/// Has a thread read a file; gives its length, and what is read.
fn read_file(server: &Server, path: &Path) -> std::io::Result<(u64, Outlet)> {
    let mut file = server.outside.disk.open(path, crate::sys::disk::Open::Read)?;
    let len = file.size()?;
    let (mut inlet, outlet) = pipe();
    let work = move || {
        let mut left = len;
        let mut buffer = vec![0; READ];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(READ).min(READ);
            match file.read(&mut buffer[..most]) {
                Ok(0) => return tracing::warn!("Read error sending DB to replica: premature EOF"),
                Err(e) => return tracing::warn!("Read error sending DB to replica: {e}"),
                Ok(n) if inlet.write_all(&buffer[..n]).is_err() => return,
                Ok(n) => left -= n as u64,
            }
        }
        inlet.end();
    };
    std::thread::Builder::new().name("replica file".into()).spawn(work)?;
    Ok((len, outlet))
}

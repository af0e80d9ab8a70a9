//! The link to the primary as the replica drives it: the handshake, the data set, the stream. What comes through a
//! connection of ours is none of a client's requests until the stream begins.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::client_info;
use crate::engine::config::values::PropagationError;
use crate::engine::replication::{FailoverState, LinkState};
use crate::engine::session::ClientType;
use crate::repl::ReplId;
use crate::repl::handshake::Verdict;

impl Exec {
    /// Whether what comes in this slot belongs to the link and is no request.
    #[inline]
    pub fn is_link(&self, slot: usize) -> bool {
        let link = &self.server.repl.link;
        link.slot == Some(slot) && link.state != LinkState::Connected
    }

    /// Whether what comes must wait.
    pub fn link_holds(&self, slot: usize) -> bool {
        self.is_link(slot) && self.incoming.as_ref().is_some_and(|i| i.holds())
    }

    /// The connection is there.
    pub fn link_connected(&mut self, slot: usize) {
        let now_ms = self.server.clock.now_ms() as i64;
        let link = &mut self.server.repl.link;
        if link.slot != Some(slot) {
            return;
        }
        link.heard_ms = now_ms;
        let mut out = Vec::new();
        if let Some(handshake) = &mut link.handshake {
            handshake.connected(&mut out);
        }
        self.push_to(slot, &out);
    }

    /// There will be no connection.
    pub fn link_failed(&mut self, slot: usize, why: &str) {
        if self.server.repl.link.slot == Some(slot) {
            tracing::warn!("Error condition on socket for SYNC: {why}");
        }
    }

    /// The connection of the link has ended.
    pub(super) fn link_lost(&mut self, slot: usize) {
        match self.server.repl.link.state {
            LinkState::Connected => self.server.primary_lost(slot),
            // What is here whole is loaded, and gone on with afterwards.
            LinkState::Transfer if self.incoming.as_ref().is_some_and(|i| i.is_whole()) => {
                self.server.repl.link.slot = None;
            }
            LinkState::Transfer => self.sync_failed("I/O error trying to sync with PRIMARY: connection lost"),
            _ => self.handshake_failed(),
        }
    }

    /// The handshake came to nothing; the periodic work tries again.
    fn handshake_failed(&mut self) {
        self.server.cancel_handshake();
        if self.server.repl.failover.state == FailoverState::InProgress {
            self.server.abort_failover("Failover target rejected psync request");
        }
    }

    /// The data set could not be had: at once from the beginning.
    pub(super) fn sync_failed(&mut self, why: &str) {
        tracing::warn!("{why}");
        self.drop_data_set();
        self.server.cancel_handshake();
        self.server.reconnect_to_primary();
    }

    /// Bytes came through the link.
    pub fn link_input(&mut self, slot: usize, bytes: &[u8]) {
        let now_ms = self.server.clock.now_ms() as i64;
        self.received(slot, bytes.len());
        self.server.repl.link.heard_ms = now_ms;
        let mut at = 0;
        while at < bytes.len() && self.is_link(slot) {
            at += match &self.incoming {
                Some(incoming) if incoming.is_whole() => break,
                Some(_) => self.data_set_came(&bytes[at..]),
                None => self.link_line(slot, &bytes[at..]),
            };
        }
        // What is left is of the stream, and counted when it is applied.
        self.server.repl.stats.bytes_in += at as u64;
        if at < bytes.len() && self.server.repl.link.slot == Some(slot) {
            self.server.client(slot).input.extend_from_slice(&bytes[at..]);
        }
    }

    /// Goes on with the handshake. Returns how many bytes were used.
    fn link_line(&mut self, slot: usize, bytes: &[u8]) -> usize {
        let Some(handshake) = &mut self.server.repl.link.handshake else { return bytes.len() };
        let mut out = Vec::new();
        let (used, verdict) = handshake.take(bytes, &mut out);
        if !out.is_empty() {
            self.push_to(slot, &out);
        }
        match verdict {
            None => {}
            Some(Verdict::Continue(id)) => self.go_on(slot, id),
            Some(Verdict::FullSync(history)) => {
                self.handed_over();
                let link = &mut self.server.repl.link;
                (link.state, link.syncing, link.transfer) = (LinkState::Transfer, history, (0, 0));
            }
            Some(Verdict::Payload(form)) => self.data_set_begins(form),
            Some(Verdict::Later | Verdict::Failed) => self.handshake_failed(),
        }
        used
    }

    /// The primary goes on with the stream where it had ended.
    fn go_on(&mut self, slot: usize, id: Option<ReplId>) {
        self.handed_over();
        let server = &mut self.server;
        if let Some(id) = id.filter(|id| *id != server.repl.id) {
            tracing::info!("Primary replication ID changed to {id}");
            server.repl.id2 = server.repl.id;
            server.repl.second_offset = server.repl.offset.saturating_add(1);
            server.repl.id = id;
            // They must hear of the new name.
            server.disconnect_replicas();
        }
        let db = server.repl.link.cached.take().unwrap_or(0);
        self.stream_begins(slot, db);
        self.server.create_backlog();
        tracing::info!("PRIMARY <-> REPLICA sync: Primary accepted a Partial Resynchronization.");
    }

    /// From now on the primary is a client whose requests are obeyed.
    pub(super) fn stream_begins(&mut self, slot: usize, db: usize) {
        let now_ms = self.server.clock.now_ms() as i64;
        let db = if db < self.server.dbs.len() { db } else { 0 };
        let link = &mut self.server.repl.link;
        link.state = LinkState::Connected;
        (link.handshake, link.followed) = (None, true);
        link.down_since_ms = 0;
        self.server.clients.reveal(slot);
        let session = self.server.client(slot);
        (session.db, session.last_ms) = (db, now_ms);
        // What came behind is the stream's.
        self.server.wake.push(slot);
    }

    /// A FAILOVER has reached its end: the replica has taken over.
    fn handed_over(&mut self) {
        if self.server.repl.failover.state == FailoverState::InProgress {
            self.server.end_failover(true);
        }
    }

    /// A request of the primary was run: its bytes are applied, at the end of a transaction those of all of it.
    pub(super) fn applied(&mut self, slot: usize, bytes: &[u8]) {
        let server = &mut self.server;
        if server.repl.link.slot != Some(slot) {
            return;
        }
        server.repl.stats.bytes_in += bytes.len() as u64;
        if server.client(slot).in_multi() {
            server.repl.link.unapplied.extend_from_slice(bytes);
        } else if server.repl.link.unapplied.is_empty() {
            server.feed_replicas(bytes);
        } else {
            let mut all = std::mem::take(&mut server.repl.link.unapplied);
            all.extend_from_slice(bytes);
            server.feed_replicas(&all);
        }
    }

    /// What the replica does once a second.
    pub(super) fn link_cron(&mut self, now_ms: i64) {
        let timeout_s = i64::try_from(self.server.config.repl_timeout).unwrap_or(i64::MAX);
        let silent = |since_ms: i64| now_ms / 1000 - since_ms / 1000 > timeout_s;
        let link = &self.server.repl.link;
        match link.state {
            LinkState::Handshake if silent(link.heard_ms) => {
                tracing::warn!("Timeout connecting to the PRIMARY...");
                self.server.cancel_handshake();
                self.server.reconnect_to_primary();
            }
            // While a data set is loaded, the primary must not give us up.
            LinkState::Transfer if self.incoming.as_ref().is_some_and(|i| i.is_whole()) => {
                self.server.send_newline();
            }
            LinkState::Transfer if silent(link.heard_ms) => self.sync_failed(
                "Timeout receiving bulk data from PRIMARY... If the problem persists try to set the 'repl-timeout' \
                 parameter in tarn.conf to a larger value.",
            ),
            LinkState::Connected => {
                let heard_ms = link.slot.and_then(|s| self.server.clients.get(s)).map_or(0, |s| s.last_ms);
                if silent(heard_ms) {
                    tracing::warn!("PRIMARY timeout: no data nor PING received...");
                    self.server.drop_primary();
                }
            }
            _ => {}
        }
        if self.server.repl.link.state == LinkState::Connect && self.server.load.is_none() {
            self.server.connect_to_primary();
        }
        if !self.server.repl.link.pre_psync {
            self.server.send_ack();
        }
    }

    /// Primaries and replicas get no replies. An error means that the two no longer hold the same, or never did; a replica
    /// that asks for anything is none.
    pub(super) fn keep_reply_back(&mut self, slot: usize, kind: ClientType, args: &Args<'_>, reply: &[u8]) {
        if reply.first() == Some(&b'-') {
            self.told_of_error(kind, args, &reply[1..]);
        }
        if kind == ClientType::Replica {
            let now_ms = self.server.clock.now_ms() as i64;
            let name = self.server.commands.name_of(args);
            if let Some(s) = self.server.clients.get(slot) {
                let client = client_info::for_log(&self.server, s, now_ms);
                tracing::warn!("Replica generated a reply to command '{name}', disconnecting it: {client}");
            }
            self.server.close_now(slot);
        }
    }

    #[cold]
    fn told_of_error(&mut self, kind: ClientType, args: &Args<'_>, text: &[u8]) {
        let server = &mut self.server;
        server.stats.unexpected_error_replies += 1;
        let name = server.commands.name_of(args);
        let text = String::from_utf8_lossy(&text[..text.len().min(SHOWN_MAX)]);
        let (from, to) =
            if kind == ClientType::Primary { ("replica", "primary") } else { ("primary", "replica") };
        tracing::warn!(
            "== CRITICAL == This {from} is sending an error to its {to}: '{}' after processing the command '{name}'",
            text.trim_end()
        );
        let behavior = server.config.propagation_error_behavior;
        assert!(
            kind != ClientType::Primary
                || !server.config.replica_read_only
                || behavior == PropagationError::Ignore,
            "This {from} panicked sending an error to its {to} after processing the command '{name}'"
        );
    }
}

/// Bytes of an error that the log shows.
const SHOWN_MAX: usize = 4096;

#[cfg(test)]
mod tests;

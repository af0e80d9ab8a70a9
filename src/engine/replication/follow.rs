//! Following a primary: REPLICAOF, the link to the primary and its end, promotion.

use crate::engine::client_info;
use crate::engine::config::values::Primary;
use crate::engine::cx::ServerCx;
use crate::engine::loading::Loaded;
use crate::engine::server::{Request, Server};
use crate::engine::session::{ClientType, Peer};
use crate::repl::ReplId;
use crate::repl::handshake::{Handshake, Plan};
use crate::resp::Reply;

/// The version that the primary is told: it chooses the format of the data set by it.
const VERSION: &str = "9.1.0";

/// Where the link to the primary stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// There is none to be had: a primary itself.
    #[default]
    None,
    /// It is to be made.
    Connect,
    /// A connection is being made, or the two are coming to terms.
    Handshake,
    /// A data set is being received or loaded.
    Transfer,
    /// The stream runs.
    Connected,
}

/// The link to the primary.
#[derive(Default)]
pub struct Link {
    pub state: LinkState,
    /// Its connection.
    pub slot: Option<usize>,
    pub handshake: Option<Handshake>,
    /// The history and offset of the server can be gone on with, in this database: a partial resynchronization is worth
    /// asking for.
    pub cached: Option<usize>,
    /// The history of the data set that is being received, and its offset.
    pub syncing: Option<(ReplId, i64)>,
    /// Bytes of the stream that belong to a transaction which is not complete.
    pub unapplied: Vec<u8>,
    /// The primary came by SYNC: it hears no acknowledgements.
    pub pre_psync: bool,
    /// The primary last gave a sign of life, ms of Unix time.
    pub heard_ms: i64,
    /// Since when there is no link, ms of Unix time; 0 while there is, and before there was ever one.
    pub down_since_ms: i64,
    /// Bytes announced of a data set (0: not known), and those that came.
    pub transfer: (u64, u64),
    /// The data set is being loaded.
    pub loading: bool,
    /// Attempts to synchronize so far.
    pub attempt: u64,
    /// The data here came from the primary that is followed.
    pub followed: bool,
}

impl Link {
    /// As ROLE names it.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            LinkState::None => "none",
            LinkState::Connect => "connect",
            LinkState::Handshake if self.handshake.as_ref().is_some_and(|h| h.is_connecting()) => {
                "connecting"
            }
            LinkState::Handshake => "handshake",
            LinkState::Transfer => "sync",
            LinkState::Connected => "connected",
        }
    }
}

impl Server {
    /// Whether the link to the primary is up.
    pub fn link_is_up(&self) -> bool {
        self.repl.link.state == LinkState::Connected
    }

    /// If the configuration names a primary, the periodic work connects to it.
    pub fn begin_as_replica(&mut self) {
        if self.is_replica() {
            self.repl.link.state = LinkState::Connect;
            self.outside.apply_role(true);
        }
    }

    /// What a file says of the data that it holds: the history's name, the offset, and the database that the stream had
    /// selected; nothing where nobody could go on with that.
    pub fn history(&self) -> Option<(ReplId, i64, usize)> {
        if !self.is_replica() {
            return self.repl.backlog.as_ref().map(|_| (self.repl.id, self.stream_offset(), 0));
        }
        let link = &self.repl.link;
        let db = match link.slot.filter(|_| self.link_is_up()).and_then(|slot| self.clients.get(slot)) {
            Some(primary) => Some(primary.db),
            None => link.cached,
        };
        db.map(|db| (self.repl.id, self.repl.offset, db))
    }

    /// The data that was loaded at the start is that of this history up to this offset: a replica goes on with it, and a
    /// primary serves those who have it.
    pub fn resume_history(&mut self, id: ReplId, offset: i64, stream_db: usize) {
        let offset = offset.clamp(0, crate::repl::OFFSET_MAX);
        self.repl.offset = offset;
        if self.is_replica() {
            self.repl.id = id;
            self.repl.link.cached = Some(stream_db);
        } else {
            (self.repl.id2, self.repl.second_offset) = (id, offset + 1);
            self.repl.no_replicas_since_ms = self.clock.now_ms() as i64;
            self.create_backlog();
        }
    }

    /// The file at the start was loaded: the history that it tells of goes on.
    pub fn resume_loaded(&mut self, loaded: &Loaded) {
        let id = loaded.repl_id.as_ref().and_then(|id| ReplId::parse(id.as_bytes()));
        let (Some(id), Some(offset)) = (id, loaded.repl_offset) else { return };
        // What was left out as over is still with those who have the rest, and nobody has told them.
        if !self.is_replica() && loaded.expired + loaded.all_fields_expired > 0 {
            return;
        }
        let db = loaded.repl_stream_db.and_then(|db| usize::try_from(db).ok());
        self.resume_history(id, offset, db.unwrap_or(0));
    }

    /// Follows this primary from now on: REPLICAOF.
    pub fn follow(&mut self, primary: Primary, disconnect_blocked: bool) {
        let was_primary = !self.is_replica();
        // What was changed as a primary is part of the history under its present name.
        self.take_pending_stream();
        self.drop_primary();
        self.config.replicaof = Some(primary);
        self.repl.link.followed = false;
        if disconnect_blocked {
            self.send_blocked_away();
        }
        self.role_changed();
        self.cancel_handshake();
        if was_primary {
            self.discard_cached_primary();
            tracing::info!(
                "Before turning into a replica, using my own primary parameters to synthesize a cached primary: I may be \
                 able to synchronize with the new primary with just a partial transfer."
            );
            // What a request that is not over has changed is part of no history.
            self.repl.link.cached = (!self.stream.in_unit()).then_some(0);
        }
        self.repl.link.state = LinkState::Connect;
        self.connect_to_primary();
    }

    /// Follows nobody any more: REPLICAOF NO ONE.
    pub fn promote(&mut self) {
        if !self.is_replica() {
            return;
        }
        self.config.replicaof = None;
        self.drop_primary();
        self.discard_cached_primary();
        self.cancel_handshake();
        self.shift_repl_id();
        // They hear of the history's new name as they come back, and need no full synchronization.
        self.disconnect_replicas();
        self.repl.link.state = LinkState::None;
        (self.repl.link.down_since_ms, self.repl.link.followed) = (0, false);
        self.stream.forget_db();
        self.repl.no_replicas_since_ms = self.clock.now_ms() as i64;
        self.role_changed();
    }

    /// What depends on being a primary or a replica.
    fn role_changed(&mut self) {
        // A primary removes what is over, whoever made it so.
        self.repl.own_volatile.clear();
        self.choose_streaming();
        self.outside.apply_role(self.is_replica());
        // A failure is in the log.
        let _ = self.outside.apply_oom_score(&self.config);
    }

    /// The history goes on under another name; its present one is good for all that was until now.
    fn shift_repl_id(&mut self) {
        let repl = &mut self.repl;
        repl.id2 = repl.id;
        repl.second_offset = repl.offset.saturating_add(1);
        repl.id = ReplId::random(&mut self.rng);
        tracing::info!(
            "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID is {}",
            repl.id2,
            repl.second_offset,
            repl.id
        );
    }

    /// What it would take to go on with a primary after a broken link is given up.
    pub fn discard_cached_primary(&mut self) {
        if self.repl.link.cached.take().is_some() {
            tracing::info!("Discarding previously cached primary state.");
        }
    }

    /// Begins to connect to the primary.
    pub fn connect_to_primary(&mut self) {
        let Some(primary) = self.config.replicaof.clone() else { return };
        tracing::info!("Connecting to PRIMARY {}:{}", primary.host, primary.port);
        self.dial_primary(primary);
    }

    /// As `connect_to_primary`, after something went wrong.
    pub fn reconnect_to_primary(&mut self) {
        let Some(primary) = self.config.replicaof.clone() else { return };
        tracing::info!("Reconnecting to PRIMARY {}:{} after failure", primary.host, primary.port);
        self.dial_primary(primary);
    }

    fn dial_primary(&mut self, primary: Primary) {
        let now_ms = self.clock.now_ms() as i64;
        let resume = self.repl.link.cached.map(|_| (self.repl.id, self.repl.offset.saturating_add(1)));
        let c = &self.config;
        let plan = Plan {
            auth: (!c.primaryauth.is_empty()).then(|| (c.primaryuser.clone(), c.primaryauth.clone())),
            port: if c.replica_announce_port != 0 { c.replica_announce_port } else { c.port },
            announce_ip: c.replica_announce_ip.clone(),
            version: VERSION,
            resume,
            failover: self.repl.failover.state == super::FailoverState::InProgress,
        };
        let addr = match primary.host.contains(':') {
            true => format!("[{}]:{}", primary.host, primary.port),
            false => format!("{}:{}", primary.host, primary.port),
        };
        let slot = self.clients.add(Peer { addr, ..Peer::default() }, now_ms);
        self.clients.hide(slot);
        let session = self.client(slot);
        (session.kind, session.authenticated) = (ClientType::Primary, true);
        let link = &mut self.repl.link;
        link.slot = Some(slot);
        link.attempt += 1;
        link.handshake = Some(Handshake::new(plan));
        link.state = LinkState::Handshake;
        link.heard_ms = now_ms;
        self.requests.push(Request::Dial { slot, host: primary.host, port: primary.port });
        tracing::info!("PRIMARY <-> REPLICA sync started");
    }

    /// Ends an attempt to synchronize. Tells whether there was one.
    pub fn cancel_handshake(&mut self) -> bool {
        let link = &mut self.repl.link;
        if !matches!(link.state, LinkState::Handshake | LinkState::Transfer) {
            return false;
        }
        link.state = LinkState::Connect;
        (link.handshake, link.syncing, link.loading) = (None, None, false);
        // What is received for it is of no use any more.
        link.attempt += 1;
        if let Some(slot) = link.slot.take() {
            self.close_now(slot);
        }
        true
    }

    /// Ends the connection to the primary, whose stream can be gone on with later.
    pub fn drop_primary(&mut self) {
        if self.repl.link.state != LinkState::Connected {
            return;
        }
        let Some(slot) = self.repl.link.slot.take() else { return };
        tracing::info!("Connection with primary lost.");
        tracing::info!("Caching the disconnected primary state.");
        self.primary_gone(slot);
        self.close_now(slot);
    }

    /// The connection to the primary in `slot` has ended.
    pub fn primary_gone(&mut self, slot: usize) {
        let db = self.client(slot).db;
        let now_ms = self.clock.now_ms() as i64;
        let link = &mut self.repl.link;
        link.slot = None;
        link.cached = (!link.pre_psync).then_some(db);
        link.unapplied = Vec::new();
        link.state = LinkState::Connect;
        link.down_since_ms = now_ms;
    }

    /// As `primary_gone`, unasked: it is called again at once, as its backlog has an end.
    pub fn primary_lost(&mut self, slot: usize) {
        tracing::info!("Connection with primary lost.");
        tracing::info!("Caching the disconnected primary state.");
        self.primary_gone(slot);
        if let Some(primary) = self.config.replicaof.clone() {
            tracing::info!("Reconnecting to PRIMARY {}:{}", primary.host, primary.port);
            self.dial_primary(primary);
        }
    }

    /// Tells the primary what was applied.
    pub fn send_ack(&mut self) {
        let Some(slot) = self.repl.link.slot.filter(|_| self.link_is_up()) else { return };
        let offset = self.repl.offset;
        let session = self.client(slot);
        let mut out = Reply::new(&mut session.output, false);
        out.array(3);
        out.bulk(b"REPLCONF");
        out.bulk(b"ACK");
        out.bulk_int(offset);
        self.flush_later(slot);
    }

    /// Says that there is somebody here, to a primary that waits for us to load its data.
    pub fn send_newline(&mut self) {
        if let Some(slot) = self.repl.link.slot {
            self.client(slot).output.tail.push(b'\n');
            self.flush_later(slot);
        }
    }
}

impl ServerCx<'_> {
    /// The client that runs the command, for the log.
    pub fn client_for_log(&mut self) -> String {
        let server = &*self.server;
        server.clients.get(self.slot).map_or_else(String::new, |s| client_info::short(server, s))
    }
}

//! Connections to instances: when they are made and given up, what is sent over them of itself, and which answer
//! belongs to what.

use super::event::Level;
use super::instance::{COORDINATED, Id, LinkId, REBOOTED, RECONF_INPROG, RECONF_SENT, S_DOWN, State, Want};
use super::instance::{Connection, FAILOVER, KILL_SENT, Kind, Link, O_DOWN, OwnFailover, PROMOTED};
use super::{Answer, Conn, Millis, Output, Sentinel};

/// The channel on which Sentinels meet.
pub const HELLO_CHANNEL: &[u8] = b"__sentinel__:hello";
/// Commands of each user of a link that may wait for answers (Redis: `SENTINEL_MAX_PENDING_COMMANDS`).
const PENDING_MAX: usize = 100;
/// How often INFO is asked of replicas whose fail-over waits for them.
const HASTY_INFO: Millis = 100;
/// The same of a replica that its primary hands its role to: that takes a moment by itself.
const COORDINATED_INFO: Millis = 400;

impl Sentinel {
    /// Connects what is not connected to an instance, once in a ping's period.
    pub(super) fn reconnect(&mut self, id: Id) {
        let one = &self.instances[id];
        let (link_id, port) = (one.link, one.addr.port);
        let link = &self.links[link_id];
        if !link.disconnected || port == 0 || self.now - link.last_try < self.timing.ping {
            return;
        }
        self.links[link_id].last_try = self.now;
        let listens = self.instances[id].kind != Kind::Sentinel;
        if self.links[link_id].cmd.is_none() {
            self.look_up_again(id);
            let conn = self.connect(id, false);
            let link = &mut self.links[link_id];
            (link.cmd, link.pending, link.cmd_since) = (Some(conn), 0, self.now);
            self.authenticate(id, conn);
            self.name_connection(id, conn, "cmd");
            self.send_ping(id);
        }
        if listens && self.links[link_id].pubsub.is_none() {
            let conn = self.connect(id, true);
            let link = &mut self.links[link_id];
            (link.pubsub, link.pubsub_since) = (Some(conn), self.now);
            self.authenticate(id, conn);
            self.name_connection(id, conn, "pubsub");
            let words = vec![self.command_name(id, "SUBSCRIBE"), HELLO_CHANNEL.to_vec()];
            self.outputs.push(Output::Send { conn, words });
        }
        let link = &mut self.links[link_id];
        link.disconnected = link.cmd.is_none() || listens && link.pubsub.is_none();
    }

    /// A host that has a name may be somewhere else by now.
    fn look_up_again(&mut self, id: Id) {
        if self.resolve_hostnames {
            let addr = self.instances[id].addr.clone();
            if let Some(found) = self.address(&addr.host, i64::from(addr.port), false) {
                self.instances[id].addr = found;
            }
        }
    }

    fn connect(&mut self, id: Id, pubsub: bool) -> Conn {
        self.next_conn += 1;
        let conn = self.next_conn;
        let one = &self.instances[id];
        let (link, ip, port) = (one.link, one.addr.ip.clone(), one.addr.port);
        self.conns.insert(conn, Connection { link, pubsub, waiting: Default::default() });
        self.outputs.push(Output::Connect { conn, ip, port });
        conn
    }

    /// Sends AUTH if there is a password. That it fails shows by what is asked next.
    fn authenticate(&mut self, id: Id, conn: Conn) {
        let some = |text: &Option<Vec<u8>>| text.clone();
        let (user, pass) = match self.instances[id].kind {
            Kind::Sentinel if self.sentinel_pass.is_some() => {
                (some(&self.sentinel_user), some(&self.sentinel_pass))
            }
            Kind::Sentinel => (None, Some(self.requirepass.clone()).filter(|p| !p.is_empty())),
            Kind::Primary | Kind::Replica => {
                let primary = &self.instances[self.primary_of(id)];
                (some(&primary.auth_user), some(&primary.auth_pass))
            }
        };
        let Some(pass) = pass else { return };
        let words = [user, Some(pass)].into_iter().flatten();
        let words: Vec<Vec<u8>> = [self.command_name(id, "AUTH")].into_iter().chain(words).collect();
        self.push(id, conn, Want::Nothing, words);
    }

    /// So that CLIENT LIST there tells who this is.
    fn name_connection(&mut self, id: Id, conn: Conn, what: &str) {
        let own = String::from_utf8_lossy(&self.myid[..self.myid.len().min(8)]).into_owned();
        let name = format!("sentinel-{own}-{what}").into_bytes();
        let words = vec![self.command_name(id, "CLIENT"), b"SETNAME".to_vec(), name];
        self.push(id, conn, Want::Nothing, words);
    }

    /// The name that a command has there.
    pub(super) fn command_name(&self, id: Id, name: &str) -> Vec<u8> {
        let renamed = &self.instances[self.primary_of(id)].renamed;
        renamed.get(name.to_ascii_lowercase().as_bytes()).cloned().unwrap_or_else(|| name.into())
    }

    fn push(&mut self, id: Id, conn: Conn, want: Want, words: Vec<Vec<u8>>) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.waiting.push_back((id, want));
        self.links[connection.link].pending += 1;
        self.outputs.push(Output::Send { conn, words });
    }

    /// Sends a command to an instance. False when there is no connection.
    pub(super) fn send(&mut self, id: Id, want: Want, name: &str, words: &[&[u8]]) -> bool {
        let Some(conn) = self.links[self.instances[id].link].cmd else { return false };
        let words = [self.command_name(id, name)].into_iter().chain(words.iter().map(|w| w.to_vec()));
        self.push(id, conn, want, words.collect());
        true
    }

    pub(super) fn send_ping(&mut self, id: Id) {
        if self.send(id, Want::Pong, "PING", &[]) {
            let now = self.now;
            let link = &mut self.links[self.instances[id].link];
            link.last_ping = now;
            if link.act_ping == 0 {
                link.act_ping = now;
            }
        }
    }

    pub(super) fn send_info(&mut self, id: Id) {
        if self.send(id, Want::Info, "INFO", &[]) {
            self.instances[id].info_asked = self.now;
        }
    }

    /// INFO, PING and hello, each when its time has come.
    pub(super) fn send_periodic(&mut self, id: Id) {
        let one = &self.instances[id];
        let link = &self.links[one.link];
        if link.disconnected || link.pending >= PENDING_MAX * link.refs as usize {
            return;
        }
        let info_period = self.info_period(id);
        let never = one.info_refresh == 0;
        let asked = self.now - one.info_asked < info_period.min(self.timing.ping) / 2;
        if one.kind != Kind::Sentinel && !asked && (never || self.now - one.info_refresh > info_period) {
            self.send_info(id);
        }
        let one = &self.instances[id];
        let link = &self.links[one.link];
        let ping_period = one.down_after.min(self.timing.ping);
        if self.now - link.last_pong > ping_period && self.now - link.last_ping > ping_period / 2 {
            self.send_ping(id);
        }
        let one = &self.instances[id];
        // While clients' writes are held there, PUBLISH would wait with them.
        let held = one.is(COORDINATED) && one.state <= State::WaitPromotion
            || one.own_failover == OwnFailover::Running;
        if self.now - one.last_pub > self.timing.publish && !held {
            self.send_hello(id);
        }
    }

    fn info_period(&self, id: Id) -> Millis {
        let one = &self.instances[id];
        let primary = &self.instances[self.primary_of(id)];
        if one.kind != Kind::Replica {
            return self.timing.info;
        }
        let awaited = PROMOTED | RECONF_SENT | RECONF_INPROG;
        if primary.is(FAILOVER) && primary.state >= State::WaitPromotion && one.is(awaited) {
            let handed = primary.is(COORDINATED) && primary.state == State::WaitPromotion;
            return self.timing.info.min(if handed { COORDINATED_INFO } else { HASTY_INFO });
        }
        // Closely, as somebody else may make it a primary; or for how long it has lost the one it had.
        if primary.is(O_DOWN | FAILOVER) || one.link_down_ms != 0 { 1000 } else { self.timing.info }
    }

    /// Gives a connection up.
    pub(super) fn close(&mut self, conn: Option<Conn>) {
        let Some(conn) = conn else { return };
        if self.forget(conn) {
            self.outputs.push(Output::Close { conn });
        }
    }

    /// Gives both connections of a link up.
    pub(super) fn close_link(&mut self, link: LinkId) {
        let (cmd, pubsub) = (self.links[link].cmd, self.links[link].pubsub);
        self.close(cmd);
        self.close(pubsub);
    }

    fn forget(&mut self, conn: Conn) -> bool {
        let Some(connection) = self.conns.remove(&conn) else { return false };
        let link = &mut self.links[connection.link];
        if link.cmd == Some(conn) {
            (link.cmd, link.pending, link.local_ip) = (None, 0, None);
        } else if link.pubsub == Some(conn) {
            link.pubsub = None;
            link.pending = link.pending.saturating_sub(connection.waiting.len());
        }
        link.disconnected = true;
        true
    }

    /// An instance uses its link no more.
    pub(super) fn release_link(&mut self, link: LinkId) {
        self.links[link].refs -= 1;
        if self.links[link].refs == 0 {
            self.close_link(link);
            self.links.remove(link);
        }
    }

    pub(super) fn connected(&mut self, conn: Conn, local_ip: Vec<u8>) {
        let Some(connection) = self.conns.get(&conn).filter(|c| !c.pubsub) else { return };
        self.links[connection.link].local_ip = Some(local_ip);
    }

    pub(super) fn connection_lost(&mut self, conn: Conn, reason: &str) {
        let Some(connection) = self.conns.get(&conn) else { return };
        let (link, pubsub) = (connection.link, connection.pubsub);
        let channel = if pubsub { "-pubsub-link-reconnection" } else { "-cmd-link-reconnection" };
        let one = connection.waiting.front().map(|(id, _)| *id);
        if let Some(id) = one.filter(|id| self.instances.get(*id).is_some_and(|i| i.link == link)) {
            self.event_of(Level::Debug, channel, id, &format!(" #{reason}"));
        }
        self.forget(conn);
    }

    pub(super) fn answered(&mut self, conn: Conn, answer: Answer) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let (link, pubsub) = (connection.link, connection.pubsub);
        if pubsub && matches!(answer, Answer::Array(_)) {
            self.links[link].pubsub_active = self.now;
            return self.hear(&answer);
        }
        let Some((id, want)) = connection.waiting.pop_front() else {
            // An error that belongs to no command refuses the connection (no more clients), or SUBSCRIBE.
            if matches!(answer, Answer::Error(_)) {
                self.close(Some(conn));
            }
            return;
        };
        let link = &mut self.links[link];
        link.pending = link.pending.saturating_sub(1);
        if want == Want::Pong {
            return self.pong(conn, id, &answer);
        }
        // Whom it was about is gone.
        if self.instances.get(id).is_none() {
            return;
        }
        match (want, answer) {
            (Want::Info, Answer::Bulk(text)) => self.refresh_info(id, text),
            (Want::Published, answer) if !matches!(answer, Answer::Error(_)) => {
                self.instances[id].last_pub = self.now;
            }
            (Want::Down, Answer::Array(words)) => self.heard_of_down(id, &words),
            _ => {}
        }
    }

    fn pong(&mut self, conn: Conn, id: Id, answer: &Answer) {
        let Some(connection) = self.conns.get(&conn) else { return };
        let now = self.now;
        let link = &mut self.links[connection.link];
        link.last_pong = now;
        let (Answer::Status(text) | Answer::Error(text)) = answer else { return };
        let starts = |word: &[u8]| text.starts_with(word);
        if starts(b"PONG") || starts(b"LOADING") || starts(b"MASTERDOWN") {
            (link.last_avail, link.act_ping) = (now, 0);
            if let Some(one) = self.instances.get_mut(id).filter(|_| starts(b"PONG")) {
                one.flags &= !REBOOTED;
            }
        } else if starts(b"BUSY")
            && self.instances.get(id).is_some_and(|one| one.is(S_DOWN) && !one.is(KILL_SENT))
        {
            self.send(id, Want::Nothing, "SCRIPT", &[b"KILL"]);
            self.instances[id].flags |= KILL_SENT;
        }
    }

    /// A link for a new instance.
    pub(super) fn new_link(&mut self) -> LinkId {
        let link = Link::new(self.now);
        self.links.add(link)
    }

    /// A Sentinel that is known already by way of another primary is the same process: one link does for both.
    pub(super) fn share_link(&mut self, id: Id) {
        let one = &self.instances[id];
        let (own, primary, runid) = (one.link, one.primary, one.runid.clone());
        if runid.is_none() || self.links[own].refs > 1 {
            return;
        }
        for other in self.primary_ids().into_iter().filter(|p| Some(*p) != primary) {
            let found = self.members(other, Kind::Sentinel).into_iter();
            let mut found = found.filter(|s| self.instances[*s].runid == runid);
            if let Some(same) = found.next().map(|s| self.instances[s].link) {
                self.links[same].refs += 1;
                self.instances[id].link = same;
                return self.release_link(own);
            }
        }
    }
}

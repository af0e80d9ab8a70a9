//! Who is down: for this Sentinel (subjectively), and for as many as the quorum wants (objectively).

use super::event::Level;
use super::instance::{
    FAILOVER, Id, KILL_SENT, Kind, O_DOWN, PRIMARY_DOWN, REBOOTED, Role, S_DOWN, State, Want,
};
use super::{Answer, Sentinel};

impl Sentinel {
    pub(super) fn check_subjectively_down(&mut self, id: Id) {
        self.drop_dead_links(id);
        let one = &self.instances[id];
        let link = &self.links[one.link];
        let silent = match (link.act_ping, link.disconnected) {
            (0, true) => self.now - link.last_avail,
            (0, false) => 0,
            (since, _) => self.now - since,
        };
        // A primary that says for long enough that it is none is as good as gone.
        let turned = one.kind == Kind::Primary
            && one.role == Role::Replica
            && self.now - one.role_since > one.down_after + self.timing.info * 2;
        let rebooted = one.is(REBOOTED) && self.now - one.reboot_since > one.reboot_down_after;
        let down = silent > one.down_after || turned || rebooted;
        if down && !one.is(S_DOWN) {
            self.event_of(Level::Warning, "+sdown", id, "");
            let now = self.now;
            let one = &mut self.instances[id];
            one.s_down_since = now;
            one.flags |= S_DOWN;
        } else if !down && one.is(S_DOWN) {
            self.event_of(Level::Warning, "-sdown", id, "");
            self.instances[id].flags &= !(S_DOWN | KILL_SENT);
        }
    }

    /// Gives up connections over which nothing has come for too long, so that new ones are made.
    fn drop_dead_links(&mut self, id: Id) {
        let half = self.instances[id].down_after / 2;
        let link = &self.links[self.instances[id].link];
        let old = |since| self.now - since > self.timing.min_link_reconnect;
        let unanswered =
            link.act_ping != 0 && self.now - link.act_ping > half && self.now - link.last_pong > half;
        let cmd = link.cmd.filter(|_| old(link.cmd_since) && unanswered);
        // We hear our own hello there, too.
        let quiet = self.now - link.pubsub_active > self.timing.publish * 3;
        let pubsub = link.pubsub.filter(|_| old(link.pubsub_since) && quiet);
        self.close(cmd);
        self.close(pubsub);
    }

    pub(super) fn check_objectively_down(&mut self, id: Id) {
        let primary = &self.instances[id];
        let mut votes = 0;
        if primary.is(S_DOWN) {
            let others = primary.sentinels.values().filter(|s| self.instances[**s].is(PRIMARY_DOWN));
            votes = 1 + others.count();
        }
        let quorum = primary.quorum;
        let down = votes > 0 && votes >= quorum as usize;
        if down && !primary.is(O_DOWN) {
            self.event_of(Level::Warning, "+odown", id, &format!(" #quorum {votes}/{quorum}"));
            let now = self.now;
            let primary = &mut self.instances[id];
            primary.flags |= O_DOWN;
            primary.o_down_since = now;
        } else if !down && primary.is(O_DOWN) {
            self.event_of(Level::Warning, "-odown", id, "");
            self.instances[id].flags &= !O_DOWN;
        }
    }

    /// Asks the other Sentinels whether they see a primary down that is down for us, and for their vote if its fail-over
    /// has begun; each once in a period, or at once if `forced`.
    pub(super) fn ask_others(&mut self, id: Id, forced: bool) {
        let primary = &self.instances[id];
        if !primary.is(S_DOWN) {
            return;
        }
        let ip = self.announced(&primary.addr).to_vec();
        let port = primary.addr.port.to_string();
        let runid = if primary.state > State::None { self.myid.clone() } else { b"*".to_vec() };
        let epoch = self.epoch.to_string();
        for other in self.members(id, Kind::Sentinel) {
            let silent = self.now - self.instances[other].last_down_reply;
            if silent > self.timing.ask * 5 {
                let one = &mut self.instances[other];
                one.flags &= !PRIMARY_DOWN;
                one.leader = None;
            }
            let connected = !self.links[self.instances[other].link].disconnected;
            if connected && (forced || silent >= self.timing.ask) {
                let words: [&[u8]; 5] =
                    [b"is-master-down-by-addr", &ip, port.as_bytes(), epoch.as_bytes(), &runid];
                self.send(other, Want::Down, "SENTINEL", &words);
            }
        }
    }

    /// Another Sentinel's word on a primary: whether it is down, and whom it has voted for.
    pub(super) fn heard_of_down(&mut self, id: Id, words: &[Answer]) {
        let [Answer::Int(down), Answer::Bulk(leader), Answer::Int(epoch)] = words else { return };
        let now = self.now;
        let one = &mut self.instances[id];
        one.last_down_reply = now;
        if *down == 1 {
            one.flags |= PRIMARY_DOWN;
        } else {
            one.flags &= !PRIMARY_DOWN;
        }
        if leader != b"*" {
            let epoch = u64::try_from(*epoch).unwrap_or(0);
            let new = one.leader_epoch != epoch;
            (one.leader, one.leader_epoch) = (Some(leader.clone()), epoch);
            if new {
                let [name, leader] = [&one.name, leader].map(|t| String::from_utf8_lossy(t).into_owned());
                self.log(Level::Notice, format!("{name} voted for {leader} {epoch}"));
            }
        }
        let Some(primary) = self.instances[id].primary else { return };
        // Before we see it down ourselves, nothing follows from this.
        if self.instances[primary].is(S_DOWN | FAILOVER) {
            self.act(primary);
            self.finish_failover(primary);
        }
    }

    /// What SENTINEL IS-MASTER-DOWN-BY-ADDR answers: whether the primary at this place is down for us, and, where a
    /// Sentinel asks for our vote, whom we have voted for in which epoch.
    pub fn is_down(
        &mut self,
        now: i64,
        ip: &[u8],
        port: i64,
        epoch: i64,
        runid: &[u8],
    ) -> (bool, Option<Vec<u8>>, u64) {
        self.now = now;
        let Some(at) = self.address(ip, port, true) else { return (false, None, 0) };
        let found = self.primary_ids().into_iter().find(|p| self.instances[*p].addr.same(&at));
        let Some(id) = found else { return (false, None, 0) };
        let down = !self.tilt && self.instances[id].is(S_DOWN);
        if runid == b"*" {
            return (down, None, 0);
        }
        let (leader, epoch) = self.vote(id, u64::try_from(epoch).unwrap_or(0), runid);
        (down, leader, epoch)
    }
}

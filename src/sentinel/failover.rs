//! The way from one primary to the next: elected, a replica is chosen and promoted, the others are told of it, and it
//! is watched in the old one's place; the old one becomes a replica when it comes back.

use super::event::Level;
use super::instance::{Addr, COORDINATED, DEFAULT_PARALLEL_SYNCS, FAILOVER, FORCED, Id, Kind, O_DOWN};
use super::instance::{OwnFailover, PROMOTED, RECONF_DONE, RECONF_INPROG, RECONF_SENT, S_DOWN, State, Want};
use super::{CRASH_AFTER_ELECTION, Millis, Output, Sentinel};
use crate::sys::clock;

/// How long each Sentinel waits behind the one whose id comes before its own.
const TURN: Millis = 100;
/// How long the choice of a replica waits for what they have to say.
const INFO_PATIENCE: Millis = 1000;
/// Time that the primary's own FAILOVER must have left at the least.
const COORDINATED_MIN: Millis = 1000;

impl Sentinel {
    fn enter_state(&mut self, primary: Id, state: State) {
        let now = self.now;
        let p = &mut self.instances[primary];
        (p.state, p.state_since) = (state, now);
    }

    pub(super) fn start_failover(&mut self, primary: Id) {
        self.enter_state(primary, State::WaitStart);
        self.epoch = self.epoch.saturating_add(1);
        let start = self.desynced();
        let epoch = self.epoch;
        let p = &mut self.instances[primary];
        p.flags |= FAILOVER;
        (p.failover_epoch, p.failover_start) = (epoch, start);
        self.told(Level::Warning, "+new-epoch", primary, epoch.to_string().into_bytes());
        self.event_of(Level::Warning, "+try-failover", primary, "");
        // What was heard of replicas may be ten seconds old: too old to choose by.
        for replica in self.members(primary, Kind::Replica) {
            self.send_info(replica);
        }
    }

    /// Begins a fail-over if the primary is down and none was tried lately. Tells whether it did.
    pub(super) fn start_failover_if_needed(&mut self, primary: Id) -> bool {
        let p = &self.instances[primary];
        if !p.is(O_DOWN) || p.is(FAILOVER) {
            return false;
        }
        let again = p.failover_start.saturating_add(p.failover_timeout.saturating_mul(2));
        if self.now < again {
            if p.delay_told != p.failover_start {
                self.instances[primary].delay_told = self.instances[primary].failover_start;
                let text = format!("Next failover delay: I will not start a failover before {}", date(again));
                self.log(Level::Notice, text);
            }
            return false;
        }
        if self.now - self.instances[primary].o_down_since < self.turn(primary) {
            return false;
        }
        self.start_failover(primary);
        true
    }

    /// How long this Sentinel lets others begin. After a kill all see the primary down within some milliseconds, and
    /// who writes its vote for itself meanwhile votes for nobody else: without turns one election in twenty was split.
    pub(super) fn turn(&self, primary: Id) -> Millis {
        let others = self.instances[primary].sentinels.values().map(|s| &self.instances[*s]);
        let before = others.filter(|one| !one.is(S_DOWN) && one.runid.as_ref() < Some(&self.myid));
        before.count() as Millis * TURN
    }

    /// Goes on with a fail-over as far as it gets without waiting.
    pub(super) fn run_failover(&mut self, primary: Id) {
        loop {
            let p = &self.instances[primary];
            let before = p.state;
            if !p.is(FAILOVER) {
                return;
            }
            match before {
                State::WaitStart => self.wait_start(primary),
                State::SelectReplica => self.select(primary),
                State::SendPromotion if p.is(COORDINATED) => self.send_failover(primary),
                State::SendPromotion => self.send_promotion(primary),
                State::WaitPromotion => self.wait_promotion(primary),
                State::ReconfReplicas => self.reconfigure_next(primary),
                State::None | State::UpdateConfig => {}
            }
            if self.instances[primary].state == before {
                return;
            }
        }
    }

    fn wait_start(&mut self, primary: Id) {
        let epoch = self.instances[primary].failover_epoch;
        let leader = self.leader(primary, epoch);
        let elected = leader.is_some_and(|leader| leader.eq_ignore_ascii_case(&self.myid));
        let p = &self.instances[primary];
        if !elected && !p.is(FORCED) {
            let patience = self.timing.election_timeout.min(p.failover_timeout);
            if self.now - p.failover_start > patience {
                self.event_of(Level::Warning, "-failover-abort-not-elected", primary, "");
                self.abort_failover(primary);
            }
            return;
        }
        self.event_of(Level::Warning, "+elected-leader", primary, "");
        if self.simulated & CRASH_AFTER_ELECTION != 0 {
            self.outputs.push(Output::Crash);
        }
        self.enter_state(primary, State::SelectReplica);
        self.event_of(Level::Warning, "+failover-state-select-slave", primary, "");
    }

    fn select(&mut self, primary: Id) {
        let patient = self.now - self.instances[primary].state_since < INFO_PATIENCE;
        if patient && self.members(primary, Kind::Replica).into_iter().any(|r| self.owes_info(r)) {
            return;
        }
        let Some(replica) = self.best_replica(primary) else {
            self.event_of(Level::Warning, "-failover-abort-no-good-slave", primary, "");
            return self.abort_failover(primary);
        };
        self.event_of(Level::Warning, "+selected-slave", replica, "");
        self.instances[replica].flags |= PROMOTED;
        self.instances[primary].promoted = Some(replica);
        self.enter_state(primary, State::SendPromotion);
        self.event_of(Level::Notice, "+failover-state-send-slaveof-noone", replica, "");
    }

    /// Whether a replica that can be asked has not answered yet.
    fn owes_info(&self, id: Id) -> bool {
        let one = &self.instances[id];
        let connected = !self.links[one.link].disconnected;
        connected && !one.is(S_DOWN) && one.info_asked > one.info_refresh
    }

    /// The replica to promote: one that is up and was heard lately, whose link to the primary was not down for long
    /// before that was; of these by priority, by how much it has, by its run id.
    pub fn best_replica(&self, primary: Id) -> Option<Id> {
        let p = &self.instances[primary];
        let down_for = if p.is(S_DOWN) { self.now - p.s_down_since } else { 0 };
        let link_down_max = down_for.saturating_add(p.down_after.saturating_mul(10));
        let info_age_max = if p.is(S_DOWN) { self.timing.ping * 5 } else { self.timing.info * 3 };
        let fit = |id: &&Id| {
            let r = &self.instances[**id];
            let link = &self.links[r.link];
            !r.is(S_DOWN | O_DOWN)
                && !link.disconnected
                && self.now - link.last_avail <= self.timing.ping * 5
                && r.priority != 0
                && self.now - r.info_refresh <= info_age_max
                && r.link_down_ms <= link_down_max
        };
        let order = |id: &&Id| {
            let r = &self.instances[**id];
            // Without a run id comes last.
            let runid = r.runid.as_ref().map(|runid| runid.to_ascii_lowercase());
            (r.priority, std::cmp::Reverse(r.offset), runid.is_none(), runid)
        };
        p.replicas.values().filter(fit).min_by_key(order).copied()
    }

    /// Leaves the change of roles to the primary's own FAILOVER.
    fn send_failover(&mut self, primary: Id) {
        let p = &self.instances[primary];
        let left = p.failover_timeout - (self.now - p.state_since);
        if left < COORDINATED_MIN {
            self.event_of(Level::Warning, "-failover-abort-master-timeout", primary, "");
            return self.abort_failover(primary);
        }
        let Some(promoted) = p.promoted else { return self.abort_failover(primary) };
        if self.links[p.link].disconnected {
            return;
        }
        let to = self.instances[promoted].addr.clone();
        let (host, port, left) = (self.announced(&to).to_vec(), to.port.to_string(), left.to_string());
        // Writes stay held after it: whoever waits with one is not to find itself at a replica.
        let failover: [&[u8]; 5] = [b"TO", &host, port.as_bytes(), b"TIMEOUT", left.as_bytes()];
        self.send(primary, Want::Nothing, "MULTI", &[]);
        self.send(primary, Want::Nothing, "CLIENT", &[b"PAUSE", left.as_bytes(), b"WRITE"]);
        self.send(primary, Want::Nothing, "FAILOVER", &failover);
        self.send(primary, Want::Nothing, "EXEC", &[]);
        self.await_promotion(primary, promoted);
    }

    fn send_promotion(&mut self, primary: Id) {
        let p = &self.instances[primary];
        let too_late = self.now - p.state_since > p.failover_timeout;
        let Some(promoted) = p.promoted else { return self.abort_failover(primary) };
        if !self.send_replica_of(promoted, None) {
            if too_late {
                self.give_promotion_up(primary);
            }
            return;
        }
        // Its answer comes right behind the change.
        self.send_info(promoted);
        self.await_promotion(primary, promoted);
    }

    fn await_promotion(&mut self, primary: Id, promoted: Id) {
        self.event_of(Level::Notice, "+failover-state-wait-promotion", promoted, "");
        self.enter_state(primary, State::WaitPromotion);
    }

    /// That the replica is a primary shows in its INFO; here only the time can run out.
    fn wait_promotion(&mut self, primary: Id) {
        let p = &self.instances[primary];
        if self.now - p.state_since > p.failover_timeout {
            self.give_promotion_up(primary);
        }
    }

    fn give_promotion_up(&mut self, primary: Id) {
        self.event_of(Level::Warning, "-failover-abort-slave-timeout", primary, "");
        self.abort_failover(primary);
    }

    /// Tells replicas of the new primary, `parallel-syncs` at a time.
    fn reconfigure_next(&mut self, primary: Id) {
        let replicas = self.members(primary, Kind::Replica);
        let busy = |one: &Id| self.instances[*one].is(RECONF_SENT | RECONF_INPROG);
        let mut in_progress = replicas.iter().filter(|r| busy(r)).count() as i64;
        let most = self.instances[primary].parallel_syncs;
        let Some(promoted) = self.instances[primary].promoted else { return };
        let to = self.instances[promoted].addr.clone();
        for id in replicas {
            if in_progress >= most.max(DEFAULT_PARALLEL_SYNCS) {
                break;
            }
            let one = &self.instances[id];
            if one.is(PROMOTED | RECONF_DONE) {
                continue;
            }
            if one.is(RECONF_SENT) && self.now - one.reconf_sent > self.timing.reconf_timeout {
                self.event_of(Level::Notice, "-slave-reconf-sent-timeout", id, "");
                let one = &mut self.instances[id];
                one.flags = one.flags & !RECONF_SENT | RECONF_DONE;
                continue;
            }
            if one.is(RECONF_SENT | RECONF_INPROG) || !self.send_replica_of(id, Some(&to)) {
                continue;
            }
            let now = self.now;
            let one = &mut self.instances[id];
            one.flags |= RECONF_SENT;
            one.reconf_sent = now;
            self.event_of(Level::Notice, "+slave-reconf-sent", id, "");
            in_progress += 1;
        }
        self.detect_end(primary, promoted, &to);
    }

    /// The fail-over is over when all replicas that can be reached have the new primary, or its time is up.
    fn detect_end(&mut self, primary: Id, promoted: Id, to: &Addr) {
        if self.instances[promoted].is(S_DOWN) {
            return;
        }
        let replicas = self.members(primary, Kind::Replica);
        let left = replicas.iter().any(|r| !self.instances[*r].is(PROMOTED | RECONF_DONE | S_DOWN));
        let p = &self.instances[primary];
        let timeout = self.now - p.state_since > p.failover_timeout;
        if timeout {
            self.event_of(Level::Warning, "+failover-end-for-timeout", primary, "");
        }
        if timeout || !left {
            self.event_of(Level::Warning, "+failover-end", primary, "");
            self.enter_state(primary, State::UpdateConfig);
        }
        if timeout {
            for id in replicas {
                let told = self.instances[id].is(PROMOTED | RECONF_DONE | RECONF_SENT);
                if !told && self.send_replica_of(id, Some(to)) {
                    self.event_of(Level::Notice, "+slave-reconf-sent-be", id, "");
                    self.instances[id].flags |= RECONF_SENT;
                }
            }
        }
    }

    /// Has the promoted replica watched in the primary's place, if the fail-over has come to its end.
    pub(super) fn finish_failover(&mut self, primary: Id) {
        let Some(p) = self.instances.get(primary) else { return };
        if p.state != State::UpdateConfig {
            return;
        }
        let to = self.instances[p.promoted.unwrap_or(primary)].addr.clone();
        let host = self.announced(&to).to_vec();
        self.tell_switch(primary, &host, to.port);
        self.switch_to(primary, to);
    }

    pub(super) fn tell_switch(&mut self, primary: Id, host: &[u8], port: u16) {
        let p = &self.instances[primary];
        let from = self.announced(&p.addr);
        let (old_port, port) = (p.addr.port.to_string(), port.to_string());
        let words: [&[u8]; 5] = [&p.name, from, old_port.as_bytes(), host, port.as_bytes()];
        let text = words.join(&b' ');
        self.told(Level::Warning, "+switch-master", primary, text);
    }

    /// Calls a fail-over off. Not possible once the replica is promoted.
    fn abort_failover(&mut self, primary: Id) {
        self.enter_state(primary, State::None);
        let p = &mut self.instances[primary];
        p.flags &= !(FAILOVER | FORCED | COORDINATED);
        if let Some(promoted) = p.promoted.take()
            && let Some(one) = self.instances.get_mut(promoted)
        {
            one.flags &= !PROMOTED;
        }
    }

    /// Makes an instance a replica of this address, or a primary: with its configuration rewritten and its clients sent
    /// away, so that they ask where the primary is. False when it cannot be reached.
    pub(super) fn send_replica_of(&mut self, id: Id, to: Option<&Addr>) -> bool {
        let one = &self.instances[id];
        if self.links[one.link].disconnected {
            return false;
        }
        let (host, port) = match to {
            Some(addr) => (self.announced(addr).to_vec(), addr.port.to_string()),
            None => (b"NO".to_vec(), "ONE".to_owned()),
        };
        let stuck = one.own_failover == OwnFailover::Running;
        self.send(id, Want::Nothing, "MULTI", &[]);
        if stuck {
            self.send(id, Want::Nothing, "FAILOVER", &[b"ABORT"]);
        }
        self.send(id, Want::Nothing, "SLAVEOF", &[&host, port.as_bytes()]);
        self.send(id, Want::Nothing, "CONFIG", &[b"REWRITE"]);
        for kind in [&b"normal"[..], b"pubsub"] {
            self.send(id, Want::Nothing, "CLIENT", &[b"KILL", b"TYPE", kind]);
        }
        self.send(id, Want::Nothing, "EXEC", &[])
    }

    /// After a coordinated fail-over: clients are sent away, and writes are held no more.
    pub(super) fn kill_clients(&mut self, id: Id) {
        if !self.send(id, Want::Nothing, "MULTI", &[]) {
            return;
        }
        self.send(id, Want::Nothing, "CONFIG", &[b"REWRITE"]);
        for kind in [&b"normal"[..], b"pubsub"] {
            self.send(id, Want::Nothing, "CLIENT", &[b"KILL", b"TYPE", kind]);
        }
        self.send(id, Want::Nothing, "CLIENT", &[b"UNPAUSE"]);
        self.send(id, Want::Nothing, "EXEC", &[]);
    }
}

/// A moment as C's ctime writes it: `Tue Nov 24 17:50:57 2026`.
fn date(at: Millis) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let t = clock::local_time(u64::try_from(at).unwrap_or(0));
    let (month, day) = (usize::from(t.month).min(11), i64::from(t.day));
    // Sakamoto's rule: the days by which each month shifts the day of the week.
    const SHIFT: [i64; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let year = i64::from(t.year) - i64::from(month < 2);
    let weekday = (year + year / 4 - year / 100 + year / 400 + SHIFT[month] + day).rem_euclid(7);
    format!(
        "{} {} {day:2} {:02}:{:02}:{:02} {}",
        DAYS[weekday as usize], MONTHS[month], t.hour, t.minute, t.second, t.year
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        // Far enough from the end of a month, and noon, so that the zone of the machine does not matter.
        for (ms, day) in [(1_700_000_000_000, "Nov"), (951_782_400_000 + 43_200_000, "Tue Feb 29")] {
            let date = super::date(ms);
            assert!(date.contains(day) && date.len() == 24, "{date}");
        }
    }
}

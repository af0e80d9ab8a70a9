//! What an instance's INFO says, and what follows from it: new replicas, roles that changed, a promotion that was
//! waited for, replicas that follow the wrong primary.

use super::event::Level;
use super::instance::{COORDINATED, FAILOVER, Id, Kind, O_DOWN, OwnFailover, PROMOTED, REBOOTED};
use super::instance::{RECONF_DONE, RECONF_INPROG, RECONF_SENT, Role, S_DOWN, State};
use super::{CRASH_AFTER_PROMOTION, Millis, Output, Sentinel};
use crate::base::limits;

/// As C's atoi and strtoull read a number: as far as it is one.
pub(super) fn leading_number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    let n = digits.fold(0i64, |n, b| n.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    if negative { -n } else { n }
}

/// An epoch or an offset, likewise.
pub(super) fn leading_unsigned(text: &[u8]) -> u64 {
    let digits = text.trim_ascii_start().iter().take_while(|b| b.is_ascii_digit());
    digits.fold(0u64, |n, b| n.saturating_mul(10).saturating_add(u64::from(b - b'0')))
}

/// Address and port of a `slave<n>` line, in the form `ip=..,port=..` or the old one, `ip,port,state`.
fn replica_line(value: &[u8]) -> Option<(&[u8], i64)> {
    let mut parts = value.split(|b| *b == b',');
    let named = |name: &[u8]| value.split(|b| *b == b',').find_map(|p| p.strip_prefix(name));
    match named(b"ip=") {
        Some(ip) => Some((ip, leading_number(named(b"port=")?))),
        None => Some((parts.next()?, leading_number(parts.next()?))),
    }
}

impl Sentinel {
    pub(super) fn refresh_info(&mut self, id: Id, text: Vec<u8>) {
        self.instances[id].link_down_ms = 0;
        let mut role = Role::Unknown;
        for line in text.split(|b| *b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            match name {
                b"role" if value.starts_with(b"master") => role = Role::Primary,
                b"role" if value.starts_with(b"slave") => role = Role::Replica,
                b"run_id" if value.len() >= 40 => self.note_runid(id, &value[..40]),
                b"master_failover_state" => self.note_own_failover(id, value),
                b"master_link_down_since_seconds" => {
                    self.instances[id].link_down_ms = leading_number(value).saturating_mul(1000);
                }
                _ if self.instances[id].kind == Kind::Primary => {
                    let number = name.strip_prefix(b"slave");
                    if number.is_some_and(|n| n.first().is_some_and(u8::is_ascii_digit))
                        && let Some((ip, port)) = replica_line(value)
                    {
                        self.found_replica(id, ip, port);
                    }
                }
                _ => {}
            }
            if role == Role::Replica {
                self.note_replica(id, name, value);
            }
        }
        let one = &mut self.instances[id];
        one.info = Some(text);
        one.info_refresh = self.now;
        self.note_role(id, role);
        if !self.tilt {
            self.heed_info(id, role);
        }
    }

    fn note_runid(&mut self, id: Id, runid: &[u8]) {
        if self.instances[id].runid.as_deref().is_some_and(|old| old != runid) {
            self.event_of(Level::Notice, "+reboot", id, "");
            let now = self.now;
            let one = &mut self.instances[id];
            if one.kind == Kind::Primary && one.reboot_down_after != 0 {
                one.flags |= REBOOTED;
                one.reboot_since = now;
            }
        }
        self.instances[id].runid = Some(runid.to_vec());
    }

    fn note_own_failover(&mut self, id: Id, value: &[u8]) {
        let idle = value.starts_with(b"no-failover");
        let state = if idle { OwnFailover::Idle } else { OwnFailover::Running };
        let now = self.now;
        let one = &mut self.instances[id];
        if one.own_failover != state {
            (one.own_failover, one.own_failover_since) = (state, now);
        }
    }

    fn found_replica(&mut self, primary: Id, ip: &[u8], port: i64) {
        let known = self.address(ip, port, false).map(|addr| self.replica_name(&addr));
        if known.is_some_and(|name| self.instances[primary].replicas.contains_key(&name)) {
            return;
        }
        if self.instances[primary].replicas.len() >= limits::SENTINEL_MEMBERS_MAX {
            return;
        }
        if let Ok(replica) = self.create(Kind::Replica, &[], ip, port, Some(primary)) {
            self.event_of(Level::Notice, "+slave", replica, "");
            self.unsaved = true;
        }
    }

    /// A field of an instance that says it is a replica.
    fn note_replica(&mut self, id: Id, name: &[u8], value: &[u8]) {
        let now = self.now;
        let one = &mut self.instances[id];
        match name {
            b"master_host" => {
                let same = one.primary_host.as_ref().is_some_and(|old| old.eq_ignore_ascii_case(value));
                if !same {
                    (one.primary_host, one.primary_since) = (Some(value.to_vec()), now);
                }
            }
            b"master_port" => {
                let port = leading_number(value);
                if one.primary_port != port {
                    (one.primary_port, one.primary_since) = (port, now);
                }
            }
            b"master_link_status" => one.primary_link_up = value.eq_ignore_ascii_case(b"up"),
            b"slave_priority" => one.priority = leading_number(value),
            b"slave_repl_offset" => one.offset = leading_unsigned(value),
            b"replica_announced" => one.announced = leading_number(value),
            _ => {}
        }
    }

    fn note_role(&mut self, id: Id, role: Role) {
        let now = self.now;
        let one = &mut self.instances[id];
        if one.role == role {
            return;
        }
        (one.role, one.role_since) = (role, now);
        if role == Role::Replica {
            one.primary_since = now;
        }
        let fits = match one.kind {
            Kind::Primary => role == Role::Primary,
            Kind::Replica => role == Role::Replica,
            Kind::Sentinel => false,
        };
        let channel = if fits { "+role-change" } else { "-role-change" };
        let told = if role == Role::Primary { "master" } else { "slave" };
        self.event_of(Level::Verbose, channel, id, &format!(" new reported role is {told}"));
    }

    /// Acts on what an INFO has said of a replica. A primary that says it is a replica counts as down after a while.
    fn heed_info(&mut self, id: Id, role: Role) {
        let Some(primary) = self.instances[id].primary.filter(|_| self.instances[id].kind == Kind::Replica)
        else {
            return;
        };
        if self.instances[primary].state == State::SelectReplica {
            // The last one that was waited for, maybe.
            self.act(primary);
        }
        match role {
            Role::Primary => self.heed_primary(id, primary),
            Role::Replica => {
                self.heed_stuck(id, primary);
                self.heed_wrong_primary(id, primary);
                self.heed_reconfiguration(id, primary);
            }
            Role::Unknown => {}
        }
    }

    /// A replica says that it is a primary: the one that was promoted, or one that must become a replica again.
    fn heed_primary(&mut self, id: Id, primary: Id) {
        let (one, p) = (&self.instances[id], &self.instances[primary]);
        if one.is(PROMOTED) && p.is(FAILOVER) && p.state == State::WaitPromotion {
            return self.promoted(id, primary);
        }
        // Others get the time to tell of a configuration that is newer than ours.
        let wait = self.timing.publish * 4;
        if !one.is(PROMOTED)
            && self.looks_sane(primary)
            && self.was_up_for(id, wait)
            && self.now - one.role_since > wait
        {
            let to = p.addr.clone();
            if self.send_replica_of(id, Some(&to)) {
                self.event_of(Level::Notice, "+convert-to-slave", id, "");
            }
        }
    }

    fn promoted(&mut self, id: Id, primary: Id) {
        let now = self.now;
        let p = &mut self.instances[primary];
        // The epoch we were elected for makes this the newest configuration.
        p.config_epoch = p.failover_epoch;
        (p.state, p.state_since) = (State::ReconfReplicas, now);
        let coordinated = p.is(COORDINATED);
        self.unsaved = true;
        self.event_of(Level::Warning, "+promoted-slave", id, "");
        if self.simulated & CRASH_AFTER_PROMOTION != 0 {
            self.outputs.push(Output::Crash);
        }
        if coordinated {
            self.kill_clients(primary);
            self.kill_clients(id);
        }
        self.event_of(Level::Warning, "+failover-state-reconf-slaves", primary, "");
        let (from, to) = (self.instances[primary].addr.clone(), self.instances[id].addr.clone());
        self.schedule_reconfig_script(primary, "leader", &from, &to);
        self.hasten_hello(primary);
        // At once, not at the next tick.
        self.act(primary);
        self.finish_failover(primary);
    }

    /// A replica stuck in a FAILOVER of its own follows its primary again.
    fn heed_stuck(&mut self, id: Id, primary: Id) {
        let one = &self.instances[id];
        if one.own_failover == OwnFailover::Running {
            self.fix_replica(id, primary, one.own_failover_since);
        }
    }

    fn heed_wrong_primary(&mut self, id: Id, primary: Id) {
        let Some(one) = self.instances.get(id) else { return };
        let p = &self.instances[primary];
        let host = one.primary_host.clone().unwrap_or_default();
        let right = one.primary_port == i64::from(p.addr.port) && self.is_at(&p.addr.clone(), &host);
        if !right {
            let since = self.instances[id].primary_since;
            self.fix_replica(id, primary, since);
        }
    }

    fn fix_replica(&mut self, id: Id, primary: Id, since: Millis) {
        let wait = self.instances[primary].failover_timeout;
        if self.looks_sane(primary) && self.was_up_for(id, wait) && self.now - since > wait {
            let to = self.instances[primary].addr.clone();
            if self.send_replica_of(id, Some(&to)) {
                self.event_of(Level::Notice, "+fix-slave-config", id, "");
            }
        }
    }

    /// A replica that was told of its new primary comes nearer.
    fn heed_reconfiguration(&mut self, id: Id, primary: Id) {
        let one = &self.instances[id];
        if !one.is(RECONF_SENT | RECONF_INPROG) {
            return;
        }
        let Some(promoted) = self.instances[primary].promoted else { return };
        let to = self.instances[promoted].addr.clone();
        let host = one.primary_host.clone();
        let port_fits = one.primary_port == i64::from(to.port);
        if one.is(RECONF_SENT) && port_fits && host.is_some_and(|host| self.is_at(&to, &host)) {
            let one = &mut self.instances[id];
            one.flags = one.flags & !RECONF_SENT | RECONF_INPROG;
            self.event_of(Level::Notice, "+slave-reconf-inprog", id, "");
        }
        let one = &mut self.instances[id];
        if one.is(RECONF_INPROG) && one.primary_link_up {
            one.flags = one.flags & !RECONF_INPROG | RECONF_DONE;
            self.event_of(Level::Notice, "+slave-reconf-done", id, "");
            self.act(primary);
            self.finish_failover(primary);
        }
    }

    /// A primary that is one, says so, is up, and was heard lately.
    fn looks_sane(&self, primary: Id) -> bool {
        let p = &self.instances[primary];
        p.role == Role::Primary && !p.is(S_DOWN | O_DOWN) && self.now - p.info_refresh < self.timing.info * 2
    }

    /// Whether an instance was not down in the last `ms`.
    fn was_up_for(&self, id: Id, ms: Millis) -> bool {
        let one = &self.instances[id];
        let down = one.s_down_since.max(one.o_down_since);
        down == 0 || self.now - down > ms
    }
}

//! What changes by order: primaries that come, go, are reset and move, their settings, and fail-overs that somebody
//! asks for. The texts of refusals are the reference's.

use std::borrow::Cow;

use super::config::yes_or_no;
use super::event::Level;
use super::instance::{
    Addr, COORDINATED, FAILOVER, FORCED, Id, Instance, Kind, OwnFailover, Role, S_DOWN, State,
};
use super::{Millis, Sentinel, Timing};
use crate::base::{glob, limits, num};

/// Why an instance was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Duplicate,
    Unresolved,
    BadPort,
    TooMany,
}

impl Refused {
    pub fn text(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Refused::Duplicate, Kind::Primary) => "Duplicate master name.",
            (Refused::Duplicate, Kind::Replica) => "Duplicate hostname and port for replica.",
            (Refused::Duplicate, Kind::Sentinel) => "Duplicate runid for sentinel.",
            (Refused::Unresolved, _) => "Can't resolve instance hostname.",
            (Refused::BadPort, _) => "Invalid port number.",
            (Refused::TooMany, _) => "Too many instances.",
        }
    }
}

/// An error that a client hears, behind `ERR ` unless it has a sign and a code of its own.
pub type Fault = Cow<'static, str>;

/// A time in its place.
pub type Field = fn(&mut Timing) -> &mut Millis;

/// The settings of DEBUG, in its order.
pub const TIMINGS: &[(&str, Field)] = &[
    ("info-period", |t| &mut t.info),
    ("ping-period", |t| &mut t.ping),
    ("ask-period", |t| &mut t.ask),
    ("publish-period", |t| &mut t.publish),
    ("default-down-after", |t| &mut t.default_down_after),
    ("default-failover-timeout", |t| &mut t.default_failover_timeout),
    ("tilt-trigger", |t| &mut t.tilt_trigger),
    ("tilt-period", |t| &mut t.tilt),
    ("slave-reconf-timeout", |t| &mut t.reconf_timeout),
    ("min-link-reconnect-period", |t| &mut t.min_link_reconnect),
    ("election-timeout", |t| &mut t.election_timeout),
    ("script-max-runtime", |t| &mut t.script_max_runtime),
    ("script-retry-delay", |t| &mut t.script_retry_delay),
];

/// The longest time that a setting takes: sums of some of them stay numbers.
const MILLIS_MAX: Millis = i64::MAX / 64;

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

impl Sentinel {
    /// The place of a host. `None` when it cannot be resolved; with `unresolved` the name alone will do where names
    /// are resolved at all. A bad port has no place.
    pub(super) fn address(&mut self, host: &[u8], port: i64, unresolved: bool) -> Option<Addr> {
        self.place(host, port, unresolved).ok()
    }

    fn place(&mut self, host: &[u8], port: i64, unresolved: bool) -> Result<Addr, Refused> {
        let port = u16::try_from(port).map_err(|_| Refused::BadPort)?;
        let ip = match self.resolve(host) {
            Some(ip) => ip,
            None => {
                self.log(Level::Warning, format!("Failed to resolve hostname '{}'", shown(host)));
                if !(self.resolve_hostnames && unresolved) {
                    return Err(Refused::Unresolved);
                }
                Vec::new()
            }
        };
        Ok(Addr { host: host.to_vec(), ip, port })
    }

    /// The address of a host as text; names are only looked up if that is allowed.
    pub fn resolve(&self, host: &[u8]) -> Option<Vec<u8>> {
        let literal = std::str::from_utf8(host).ok()?.parse().ok();
        let found =
            if self.resolve_hostnames { literal.or_else(|| (self.world.resolve)(host)) } else { literal };
        found.map(|ip: std::net::IpAddr| ip.to_string().into_bytes())
    }

    /// Whether a host, by name or address, is this place.
    pub(super) fn is_at(&self, addr: &Addr, host: &[u8]) -> bool {
        if addr.host.eq_ignore_ascii_case(host) {
            return true;
        }
        match self.resolve(host) {
            Some(ip) => addr.ip == ip,
            None if self.resolve_hostnames => false,
            None => addr.ip.eq_ignore_ascii_case(host),
        }
    }

    /// A replica's name.
    pub(super) fn replica_name(&self, addr: &Addr) -> Vec<u8> {
        let host = self.announced(addr);
        let port = addr.port.to_string();
        match host.contains(&b':') {
            true => [b"[", host, b"]:", port.as_bytes()].concat(),
            false => [host, b":", port.as_bytes()].concat(),
        }
    }

    /// Makes an instance. Replicas get their name from their place.
    pub(super) fn create(
        &mut self,
        kind: Kind,
        name: &[u8],
        host: &[u8],
        port: i64,
        primary: Option<Id>,
    ) -> Result<Id, Refused> {
        let addr = self.place(host, port, true)?;
        self.create_at(kind, name, addr, primary)
    }

    fn create_at(&mut self, kind: Kind, name: &[u8], addr: Addr, primary: Option<Id>) -> Result<Id, Refused> {
        let name = if kind == Kind::Replica { self.replica_name(&addr) } else { name.to_vec() };
        let owner = primary.map(|p| &self.instances[p]);
        let table = match (kind, owner) {
            (Kind::Replica, Some(p)) => &p.replicas,
            (Kind::Sentinel, Some(p)) => &p.sentinels,
            _ => &self.primaries,
        };
        if table.contains_key(&name) {
            return Err(Refused::Duplicate);
        }
        if table.len() >= limits::SENTINEL_MEMBERS_MAX {
            return Err(Refused::TooMany);
        }
        let (down_after, quorum) = match owner {
            Some(p) => (p.down_after, p.quorum),
            None => (self.timing.default_down_after, 0),
        };
        let link = self.new_link();
        let mut one = Instance::new(kind, name.clone(), addr, link, self.now);
        (one.primary, one.down_after, one.quorum) = (primary, down_after, quorum);
        one.failover_timeout = self.timing.default_failover_timeout;
        let id = self.instances.add(one);
        match (kind, primary) {
            (Kind::Replica, Some(p)) => self.instances[p].replicas.insert(name, id),
            (Kind::Sentinel, Some(p)) => self.instances[p].sentinels.insert(name, id),
            _ => self.primaries.insert(name, id),
        };
        Ok(id)
    }

    /// Forgets an instance that is in its owner's list no more, and all that it owns.
    pub(super) fn release(&mut self, id: Id) {
        let Some(one) = self.instances.remove(id) else { return };
        for member in one.replicas.values().chain(one.sentinels.values()) {
            self.release(*member);
        }
        self.release_link(one.link);
        if let Some(primary) = one.primary.and_then(|p| self.instances.get_mut(p))
            && primary.promoted == Some(id)
        {
            primary.promoted = None;
        }
    }

    /// A primary's down-after-milliseconds is that of all that belongs to it.
    pub(super) fn spread_down_after(&mut self, primary: Id) {
        let down_after = self.instances[primary].down_after;
        for kind in [Kind::Replica, Kind::Sentinel] {
            for id in self.members(primary, kind) {
                self.instances[id].down_after = down_after;
            }
        }
    }

    /// Brings a primary back to what it is when nothing is known of it.
    fn reset_primary(&mut self, id: Id, sentinels_too: bool) {
        let now = self.now;
        let p = &mut self.instances[id];
        let mut gone: Vec<Id> = std::mem::take(&mut p.replicas).into_values().collect();
        if sentinels_too {
            gone.extend(std::mem::take(&mut p.sentinels).into_values());
        }
        gone.into_iter().for_each(|member| self.release(member));
        let p = &mut self.instances[id];
        p.flags = 0;
        (p.leader, p.promoted, p.runid, p.primary_host) = (None, None, None, None);
        // A fail-over may begin at once.
        (p.state, p.state_since, p.failover_start) = (State::None, 0, 0);
        (p.role, p.role_since) = (Role::Primary, now);
        let link = p.link;
        self.close_link(link);
        let link = &mut self.links[link];
        (link.act_ping, link.last_ping, link.last_avail, link.last_pong) = (now, 0, now, now);
    }

    /// The primary is somewhere else now. The one that was there may come back as a replica.
    pub(super) fn switch_to(&mut self, id: Id, to: Addr) {
        let old = self.instances[id].addr.clone();
        let replicas = self.members(id, Kind::Replica).into_iter().map(|r| self.instances[r].addr.clone());
        let mut replicas: Vec<Addr> = replicas.filter(|addr| !addr.same(&to)).collect();
        if !old.same(&to) {
            replicas.push(old);
        }
        self.reset_primary(id, false);
        let p = &mut self.instances[id];
        (p.addr, p.s_down_since, p.o_down_since) = (to, 0, 0);
        for addr in replicas {
            if let Ok(replica) = self.create_at(Kind::Replica, &[], addr, Some(id)) {
                self.event_of(Level::Notice, "+slave", replica, "");
            }
        }
        self.unsaved = true;
    }

    /// SENTINEL MONITOR. The caller saves the configuration, and then has it told by `told_of`.
    pub fn monitor(
        &mut self,
        now: Millis,
        name: &[u8],
        host: &[u8],
        port: i64,
        quorum: i64,
    ) -> Result<Id, Fault> {
        self.now = now;
        if quorum <= 0 {
            return Err("Quorum must be 1 or greater.".into());
        }
        if self.resolve(host).is_none() {
            return Err("Invalid IP address or hostname specified".into());
        }
        let made = self.create(Kind::Primary, name, host, port, None);
        let id = made.map_err(|refused| Cow::from(refused.text(Kind::Primary)))?;
        self.instances[id].quorum = u32::try_from(quorum).unwrap_or(u32::MAX);
        Ok(id)
    }

    /// Tells that a primary is watched.
    pub fn tell_monitor(&mut self, id: Id) {
        let quorum = self.instances[id].quorum;
        self.event_of(Level::Warning, "+monitor", id, &format!(" quorum {quorum}"));
    }

    /// SENTINEL REMOVE.
    pub fn remove(&mut self, now: Millis, id: Id) {
        self.now = now;
        self.event_of(Level::Warning, "-monitor", id, "");
        let name = self.instances[id].name.clone();
        self.primaries.remove(&name);
        self.release(id);
    }

    /// SENTINEL RESET: how many primaries have names like this.
    pub fn reset(&mut self, now: Millis, pattern: &[u8]) -> usize {
        self.now = now;
        let names = self.primaries.iter().filter(|(name, _)| glob::matches(pattern, name, false));
        let ids: Vec<Id> = names.map(|(_, id)| *id).collect();
        for id in &ids {
            self.reset_primary(*id, true);
            self.event_of(Level::Warning, "+reset-master", *id, "");
        }
        ids.len()
    }

    /// SENTINEL FAILOVER.
    pub fn fail_over(&mut self, now: Millis, id: Id, coordinated: bool) -> Result<(), Fault> {
        self.now = now;
        let p = &self.instances[id];
        if coordinated && p.own_failover == OwnFailover::Unsupported {
            return Err("-NOGOODPRIMARY Primary does not support FAILOVER command".into());
        }
        if p.is(FAILOVER) {
            return Err("-INPROG Failover already in progress".into());
        }
        if self.best_replica(id).is_none() {
            return Err("-NOGOODSLAVE No suitable replica to promote".into());
        }
        let name = shown(&p.name);
        self.log(Level::Notice, format!("Executing user requested FAILOVER of '{name}'"));
        let p = &mut self.instances[id];
        p.s_down_since = now;
        p.flags |= S_DOWN;
        self.start_failover(id);
        if coordinated {
            self.instances[id].flags |= COORDINATED;
            self.ask_others(id, true);
        } else {
            self.instances[id].flags |= FORCED;
        }
        Ok(())
    }

    /// SENTINEL CKQUORUM: usable Sentinels, and whether they are as many as the quorum and as the majority.
    pub fn quorum(&self, id: Id) -> (usize, bool, bool) {
        let p = &self.instances[id];
        let up = |s: &&Id| !self.instances[**s].is(S_DOWN | super::instance::O_DOWN);
        let usable = 1 + p.sentinels.values().filter(up).count();
        let voters = p.sentinels.len() + 1;
        (usable, usable >= p.quorum as usize, usable > voters / 2)
    }

    /// One option of SENTINEL SET. `values` are the words behind it; gives how many it takes. `None`: no such option,
    /// or too few words.
    pub fn set(
        &mut self,
        now: Millis,
        id: Id,
        option: &[u8],
        values: &[&[u8]],
    ) -> Option<Result<usize, Fault>> {
        self.now = now;
        let name = String::from_utf8_lossy(option).to_ascii_lowercase();
        let value = *values.first()?;
        let text = (!value.is_empty()).then(|| value.to_vec());
        let number = num::parse_i64(value).filter(|n| (0..=MILLIS_MAX).contains(n));
        let bad = |value: &[u8]| {
            Err(format!("Invalid argument '{}' for SENTINEL SET '{}'", shown(value), shown(option)).into())
        };
        match name.as_str() {
            "down-after-milliseconds" | "failover-timeout" | "parallel-syncs" | "quorum" => {
                let Some(n) = number.filter(|n| *n > 0) else { return Some(bad(value)) };
                self.set_number(id, &name, n);
            }
            "primary-reboot-down-after-period" | "master-reboot-down-after-period" => {
                let Some(n) = number else { return Some(bad(value)) };
                self.instances[id].reboot_down_after = n;
            }
            "notification-script" | "client-reconfig-script" => {
                if let Err(fault) = self.set_script(id, &name, text) {
                    return Some(Err(fault));
                }
            }
            "auth-pass" | "auth-user" => {
                let p = &mut self.instances[id];
                *(if name == "auth-pass" { &mut p.auth_pass } else { &mut p.auth_user }) = text;
                self.reconnect_all(id);
            }
            "rename-command" => {
                let new = *values.get(1)?;
                if value.is_empty() || new.is_empty() {
                    return Some(bad(if new.is_empty() { new } else { value }));
                }
                let renamed = &mut self.instances[id].renamed;
                renamed.remove(&value.to_ascii_lowercase());
                if !value.eq_ignore_ascii_case(new) {
                    renamed.insert(value.to_ascii_lowercase(), new.to_vec());
                }
            }
            _ => return None,
        }
        let taken = 1 + (name == "rename-command") as usize;
        let mut words = vec![b"".as_slice(), option];
        words.extend(&values[..taken]);
        if name == "auth-pass" {
            words[2] = b"******";
        }
        self.event_of_bytes(Level::Warning, "+set", id, &words.join(&b' '));
        Some(Ok(taken))
    }

    fn set_number(&mut self, id: Id, name: &str, n: i64) {
        let p = &mut self.instances[id];
        match name {
            "failover-timeout" => p.failover_timeout = n,
            "parallel-syncs" => p.parallel_syncs = n,
            "quorum" => p.quorum = u32::try_from(n).unwrap_or(u32::MAX),
            _ => {
                p.down_after = n;
                self.spread_down_after(id);
            }
        }
    }

    fn set_script(&mut self, id: Id, name: &str, path: Option<Vec<u8>>) -> Result<(), Fault> {
        if self.deny_scripts_reconfig {
            return Err("Reconfiguration of scripts path is denied for security reasons. Check the \
                        deny-scripts-reconfig configuration directive in your Sentinel configuration"
                .into());
        }
        let notification = name == "notification-script";
        if path.as_ref().is_some_and(|path| !(self.world.executable)(path)) {
            let what = if notification { "Notification" } else { "Client reconfiguration" };
            return Err(format!("{what} script seems non existing or non executable").into());
        }
        let p = &mut self.instances[id];
        *(if notification { &mut p.notification_script } else { &mut p.reconfig_script }) = path;
        Ok(())
    }

    /// Connections of a primary and its replicas are made anew, with new credentials.
    fn reconnect_all(&mut self, primary: Id) {
        for id in self.members(primary, Kind::Replica).into_iter().chain([primary]) {
            self.close_link(self.instances[id].link);
        }
    }

    /// What SENTINEL CONFIG GET tells, but for the log's level.
    pub fn settings(&self) -> [(&'static str, Vec<u8>); 6] {
        let switch = |on: bool| if on { b"yes".to_vec() } else { b"no".to_vec() };
        let text = |text: &Option<Vec<u8>>| text.clone().unwrap_or_default();
        [
            ("resolve-hostnames", switch(self.resolve_hostnames)),
            ("announce-hostnames", switch(self.announce_hostnames)),
            ("announce-ip", text(&self.announce_ip)),
            ("announce-port", self.announce_port.to_string().into_bytes()),
            ("sentinel-user", text(&self.sentinel_user)),
            ("sentinel-pass", text(&self.sentinel_pass)),
        ]
    }

    /// Sets one of `settings`, or only looks whether the value would do. False when it would not.
    pub fn set_setting(&mut self, name: &str, value: &[u8], apply: bool) -> bool {
        let text = || (!value.is_empty()).then(|| value.to_vec());
        match name {
            "resolve-hostnames" | "announce-hostnames" => {
                let Some(on) = yes_or_no(value) else { return false };
                let resolve = name == "resolve-hostnames";
                let field = if resolve { &mut self.resolve_hostnames } else { &mut self.announce_hostnames };
                *field = if apply { on } else { *field };
            }
            "announce-port" => {
                let Some(port) = num::parse_i64(value).filter(|p| (0..=65535).contains(p)) else {
                    return false;
                };
                self.announce_port = if apply { port } else { self.announce_port };
            }
            "announce-ip" if apply => self.announce_ip = text(),
            "sentinel-user" if apply => self.sentinel_user = text(),
            "sentinel-pass" if apply => self.sentinel_pass = text(),
            _ => {}
        }
        true
    }

    /// Connections to other Sentinels are made anew, with new credentials.
    pub fn reconnect_sentinels(&mut self) {
        for primary in self.primary_ids() {
            for id in self.members(primary, Kind::Sentinel) {
                self.close_link(self.instances[id].link);
            }
        }
    }

    /// Sets a time of DEBUG. `None`: there is no such one. False: the value will not do.
    pub fn set_timing(&mut self, name: &[u8], value: &[u8]) -> Option<bool> {
        let (_, field) = TIMINGS.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))?;
        let number = num::parse_i64(value).filter(|n| (1..=MILLIS_MAX).contains(n));
        if let Some(n) = number {
            *field(&mut self.timing) = n;
        }
        Some(number.is_some())
    }
}

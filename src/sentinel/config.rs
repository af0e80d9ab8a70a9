//! The `sentinel` lines of the configuration file, in and out: what the user has set, and all that must outlast the
//! process: epochs, votes, and whom it has met.

use std::borrow::Cow;

use super::admin::Refused;
use super::info::{leading_number, leading_unsigned};
use super::instance::{Addr, DEFAULT_PARALLEL_SYNCS, Id, Kind};
use super::{Sentinel, Timing};
use crate::base::quote;

/// What is wrong with a line.
pub type Wrong = Cow<'static, str>;

/// The options in the order in which new lines are written, and other names that they have.
pub const OPTIONS: &[(&str, &str)] = &[
    ("sentinel myid", ""),
    ("sentinel deny-scripts-reconfig", ""),
    ("sentinel resolve-hostnames", ""),
    ("sentinel announce-hostnames", ""),
    ("sentinel monitor", ""),
    ("sentinel down-after-milliseconds", ""),
    ("sentinel failover-timeout", ""),
    ("sentinel parallel-syncs", ""),
    ("sentinel notification-script", ""),
    ("sentinel client-reconfig-script", ""),
    ("sentinel auth-pass", ""),
    ("sentinel auth-user", ""),
    ("sentinel primary-reboot-down-after-period", "master-reboot-down-after-period"),
    ("sentinel config-epoch", ""),
    ("sentinel leader-epoch", ""),
    ("sentinel known-replica", "known-slave"),
    ("sentinel known-sentinel", ""),
    ("sentinel rename-command", ""),
    ("sentinel current-epoch", ""),
    ("sentinel announce-ip", ""),
    ("sentinel announce-port", ""),
    ("sentinel sentinel-user", ""),
    ("sentinel sentinel-pass", ""),
];

/// Those that are not about one primary: they are read before any is named.
const GENERAL: &[&str] = &[
    "announce-ip",
    "announce-port",
    "deny-scripts-reconfig",
    "sentinel-user",
    "sentinel-pass",
    "current-epoch",
    "myid",
    "resolve-hostnames",
    "announce-hostnames",
];

/// The option, with `sentinel ` in front, that a line of this second word belongs to.
pub fn option_of(word: &[u8]) -> Option<&'static str> {
    let is = |name: &str| name.as_bytes().eq_ignore_ascii_case(word);
    OPTIONS.iter().find(|(name, other)| is(name.trim_start_matches("sentinel ")) || is(other)).map(|o| o.0)
}

const NO_SUCH_PRIMARY: &str = "No such master with specified name.";
const NOT_POSITIVE: &str = "negative or zero time parameter.";

/// As the reference reads a switch.
pub(super) fn yes_or_no(text: &[u8]) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
    if is("yes") { Some(true) } else { is("no").then_some(false) }
}

impl Sentinel {
    /// Reads lines, each the words behind `sentinel`, whatever their order; an error names the line by its index.
    pub fn load(&mut self, lines: &[Vec<Vec<u8>>]) -> Result<(), (usize, Wrong)> {
        let pass = |line: &[Vec<u8>]| {
            let is = |name: &&str| line.first().is_some_and(|w| w.eq_ignore_ascii_case(name.as_bytes()));
            if is(&"monitor") { 1 } else { 2 * !GENERAL.iter().any(is) as usize }
        };
        for now in 0..3 {
            for (i, line) in lines.iter().enumerate().filter(|(_, line)| pass(line) == now) {
                self.line(line).map_err(|wrong| (i, wrong))?;
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &[Vec<u8>]) -> Result<(), Wrong> {
        let words: Vec<&[u8]> = line.iter().map(Vec::as_slice).collect();
        let Some((option, values)) = words.split_first() else { return Ok(()) };
        let option = String::from_utf8_lossy(option).to_ascii_lowercase();
        if GENERAL.contains(&option.as_str()) && values.len() == 1 {
            return self.general_line(&option, values[0]);
        }
        if option == "monitor" && values.len() == 4 {
            return self.monitor_line(values);
        }
        let known = option_of(option.as_bytes()).is_some();
        let (Some((name, values)), true) = (values.split_first(), known) else { return Err(unrecognized()) };
        // The old form, without an id, tells of nobody that could be found again.
        if option == "known-sentinel" && values.len() == 2 {
            return Ok(());
        }
        let few = match option.as_str() {
            "known-slave" | "known-replica" | "rename-command" => 2,
            "known-sentinel" => 3,
            _ => 1,
        };
        if values.len() != few {
            return Err(unrecognized());
        }
        let primary = self.primary_named(name).ok_or(NO_SUCH_PRIMARY)?;
        match values {
            [value] => self.primary_line(primary, &option, value),
            _ => self.member_line(primary, &option, values),
        }
    }

    fn general_line(&mut self, option: &str, value: &[u8]) -> Result<(), Wrong> {
        let text = (!value.is_empty()).then(|| value.to_vec());
        let switch = || {
            yes_or_no(value).ok_or_else(|| match option {
                "deny-scripts-reconfig" => {
                    Cow::from("Please specify yes or no for the deny-scripts-reconfig options.")
                }
                _ => Cow::from(format!("Please specify yes or no for the {option} option.")),
            })
        };
        match option {
            "announce-ip" => self.announce_ip = text,
            "announce-port" => self.announce_port = leading_number(value),
            "sentinel-user" => self.sentinel_user = text,
            "sentinel-pass" => self.sentinel_pass = text,
            "current-epoch" => self.epoch = self.epoch.max(leading_unsigned(value)),
            "myid" if value.len() == 40 => self.myid = value.to_vec(),
            "myid" => return Err("Malformed Sentinel id in myid option.".into()),
            "deny-scripts-reconfig" => self.deny_scripts_reconfig = switch()?,
            "resolve-hostnames" => self.resolve_hostnames = switch()?,
            "announce-hostnames" => self.announce_hostnames = switch()?,
            _ => return Err(unrecognized()),
        }
        Ok(())
    }

    fn monitor_line(&mut self, values: &[&[u8]]) -> Result<(), Wrong> {
        let quorum = u32::try_from(leading_number(values[3])).unwrap_or(0);
        if quorum == 0 {
            return Err("Quorum must be 1 or greater.".into());
        }
        let id = self.create(Kind::Primary, values[0], values[1], leading_number(values[2]), None);
        let id = id.map_err(|refused| refused.text(Kind::Primary))?;
        self.instances[id].quorum = quorum;
        Ok(())
    }

    fn primary_line(&mut self, id: Id, option: &str, value: &[u8]) -> Result<(), Wrong> {
        let number = leading_number(value);
        let positive = || if number > 0 { Ok(number) } else { Err(Cow::from(NOT_POSITIVE)) };
        let runs = (self.world.executable)(value);
        let p = &mut self.instances[id];
        match option {
            "down-after-milliseconds" => {
                p.down_after = positive()?;
                self.spread_down_after(id);
            }
            "failover-timeout" => p.failover_timeout = positive()?,
            "parallel-syncs" => p.parallel_syncs = number,
            "notification-script" if !runs => {
                return Err("Notification script seems non existing or non executable.".into());
            }
            "notification-script" => p.notification_script = Some(value.to_vec()),
            "client-reconfig-script" if !runs => {
                return Err("Client reconfiguration script seems non existing or non executable.".into());
            }
            "client-reconfig-script" => p.reconfig_script = Some(value.to_vec()),
            "auth-pass" => p.auth_pass = Some(value.to_vec()),
            "auth-user" => p.auth_user = Some(value.to_vec()),
            "config-epoch" => {
                p.config_epoch = leading_unsigned(value);
                self.epoch = self.epoch.max(p.config_epoch);
            }
            "leader-epoch" => p.leader_epoch = leading_unsigned(value),
            "primary-reboot-down-after-period" | "master-reboot-down-after-period" => {
                if number < 0 {
                    return Err("negative time parameter.".into());
                }
                p.reboot_down_after = number;
            }
            _ => return Err(unrecognized()),
        }
        Ok(())
    }

    fn member_line(&mut self, primary: Id, option: &str, values: &[&[u8]]) -> Result<(), Wrong> {
        let text = |kind| move |refused: Refused| Cow::from(refused.text(kind));
        if option == "rename-command" {
            let old = values[0].to_ascii_lowercase();
            if self.instances[primary].renamed.insert(old, values[1].to_vec()).is_some() {
                return Err("Same command renamed multiple times with rename-command.".into());
            }
            return Ok(());
        }
        let port = leading_number(values[1]);
        match values {
            [ip, _, runid] => {
                let made = self.create(Kind::Sentinel, runid, ip, port, Some(primary));
                let id = made.map_err(text(Kind::Sentinel))?;
                self.instances[id].runid = Some(runid.to_vec());
                self.share_link(id);
            }
            _ => {
                self.create(Kind::Replica, &[], values[0], port, Some(primary))
                    .map_err(text(Kind::Replica))?;
            }
        }
        Ok(())
    }

    /// The lines that bring all of this back, each without the word `sentinel`.
    pub fn lines(&self) -> Vec<Vec<u8>> {
        let mut out = Lines::default();
        out.put("myid", &[&self.myid]);
        let switches = [
            ("deny-scripts-reconfig", self.deny_scripts_reconfig, true),
            ("resolve-hostnames", self.resolve_hostnames, false),
            ("announce-hostnames", self.announce_hostnames, false),
        ];
        for (name, on, _) in switches.into_iter().filter(|(_, on, default)| on != default) {
            out.put(name, &[if on { b"yes" } else { b"no" }]);
        }
        for id in self.primary_ids() {
            self.primary_lines(id, &mut out);
        }
        out.put("current-epoch", &[self.epoch.to_string().as_bytes()]);
        if self.announce_port != 0 {
            out.put("announce-port", &[self.announce_port.to_string().as_bytes()]);
        }
        let texts = [
            ("announce-ip", &self.announce_ip),
            ("sentinel-user", &self.sentinel_user),
            ("sentinel-pass", &self.sentinel_pass),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                out.put(name, &[&quote::repr(text)]);
            }
        }
        out.0
    }

    /// A place as the file has it: by its name while nobody knows the address.
    fn written(&self, addr: &Addr) -> Vec<u8> {
        word(if addr.ip.is_empty() { &addr.host } else { self.announced(addr) })
    }

    fn primary_lines(&self, id: Id, out: &mut Lines) {
        let p = &self.instances[id];
        let name = &word(&p.name)[..];
        let default = Timing::default();
        let current = self.current_addr(id);
        let numbers = [
            ("down-after-milliseconds", p.down_after, default.default_down_after),
            ("failover-timeout", p.failover_timeout, default.default_failover_timeout),
            ("parallel-syncs", p.parallel_syncs, DEFAULT_PARALLEL_SYNCS),
            ("primary-reboot-down-after-period", p.reboot_down_after, 0),
        ];
        let texts = [
            ("notification-script", &p.notification_script),
            ("client-reconfig-script", &p.reconfig_script),
            ("auth-pass", &p.auth_pass),
            ("auth-user", &p.auth_user),
        ];
        let number = |n: u64| n.to_string().into_bytes();
        let port = number(u64::from(current.port));
        out.put("monitor", &[name, &self.written(current), &port, &number(u64::from(p.quorum))]);
        for (option, value, _) in numbers.into_iter().filter(|(_, value, default)| value != default) {
            out.put(option, &[name, value.to_string().as_bytes()]);
        }
        for (option, text) in texts {
            if let Some(text) = text {
                out.put(option, &[name, &quote::repr(text)]);
            }
        }
        out.put("config-epoch", &[name, &number(p.config_epoch)]);
        out.put("leader-epoch", &[name, &number(p.leader_epoch)]);
        for replica in p.replicas.values().map(|r| &self.instances[*r]) {
            // One that is the primary by now leaves its place to the old one.
            let addr = if replica.addr.same(current) { &p.addr } else { &replica.addr };
            out.put("known-replica", &[name, &self.written(addr), &number(u64::from(addr.port))]);
        }
        for other in p.sentinels.values().map(|s| &self.instances[*s]) {
            if let Some(runid) = &other.runid {
                let port = number(u64::from(other.addr.port));
                let words: [&[u8]; 4] = [name, &self.written(&other.addr), &port, &quote::repr(runid)];
                out.put("known-sentinel", &words);
            }
        }
        for (old, new) in &p.renamed {
            out.put("rename-command", &[name, &quote::repr(old), &quote::repr(new)]);
        }
    }
}

#[derive(Default)]
struct Lines(Vec<Vec<u8>>);

impl Lines {
    fn put(&mut self, option: &str, words: &[&[u8]]) {
        let mut line = option.as_bytes().to_vec();
        for word in words {
            line.push(b' ');
            line.extend_from_slice(word);
        }
        self.0.push(line);
    }
}

/// A name as the file has it: in quotes only if it must be, as no other Sentinel writes them there.
fn word(text: &[u8]) -> Vec<u8> {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\');
    if !text.is_empty() && text.iter().all(plain) { text.to_vec() } else { quote::repr(text) }
}

fn unrecognized() -> Wrong {
    "Unrecognized sentinel configuration statement.".into()
}

//! Sentinel: watches primaries, and when one is down for as many Sentinels as the quorum wants, has one of them,
//! elected by the majority, put a replica in its place. The protocol is the reference's, so that both stand in one group.
//!
//! A state machine without I/O: `step(now, input)` takes what the clock, the connections and the scripts have to say,
//! clients' commands call its methods, and what is to be done about it lies in `outputs`. Whoever carries them out
//! writes the configuration first (`unsaved`): a vote never leaves before it is on disk. The simulator (`sim`) runs many of
//! these machines on one clock.
//!
//! - `instance`: what is known of each process, `link`: connections and answers, `info`, `hello`: what is learnt
//! - `watch`: who is down, `election`: votes, `failover`: the way from one primary to the next
//! - `config`: the lines of the file, `admin`: changes by commands, `scripts`: those of the user, `event`: what is told
//!
//! Where it is faster than the reference: it acts on another Sentinel's answer when it comes instead of at the next
//! tick, goes through the states of a fail-over without waiting between them, and looks at replicas that are being
//! reconfigured every tenth of a second.

pub mod admin;
pub mod config;
mod election;
pub mod event;
mod failover;
mod hello;
mod info;
pub mod instance;
mod link;
pub mod scripts;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::base::rng::Rng;
use event::Level;
use instance::{Addr, Connection, Id, Instance, Kind, Link, State, Table};
use scripts::Scripts;

/// Milliseconds of Unix time, or a duration.
pub type Millis = i64;
/// Names a connection; never given twice.
pub type Conn = u64;

/// An answer from an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Status(Vec<u8>),
    Error(Vec<u8>),
    Int(i64),
    Bulk(Vec<u8>),
    Null,
    Array(Vec<Answer>),
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Time has passed: some ten to twenty times a second.
    Tick,
    /// A connection is there, on this address of ours.
    Up {
        conn: Conn,
        local_ip: Vec<u8>,
    },
    /// A connection could not be had, or is gone.
    Down {
        conn: Conn,
        reason: String,
    },
    /// An answer, or a message of a connection that listens.
    Answer {
        conn: Conn,
        answer: Answer,
    },
    ScriptStarted {
        job: u64,
        pid: u32,
    },
    ScriptFailed {
        job: u64,
    },
    ScriptEnded {
        pid: u32,
        code: i32,
        signal: i32,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Connect. What is sent meanwhile waits.
    Connect {
        conn: Conn,
        ip: Vec<u8>,
        port: u16,
    },
    Send {
        conn: Conn,
        words: Vec<Vec<u8>>,
    },
    Close {
        conn: Conn,
    },
    /// Goes to the log and, unless it is for debugging, to subscribers of this channel.
    Event {
        level: Level,
        channel: &'static str,
        text: Vec<u8>,
    },
    Log {
        level: Level,
        text: String,
    },
    RunScript {
        job: u64,
        words: Vec<Vec<u8>>,
    },
    KillScript {
        pid: u32,
    },
    /// SIMULATE-FAILURE: end the process at once.
    Crash,
}

/// What the machine must know of the world at once.
#[derive(Clone, Copy)]
pub struct World {
    /// The address of a host's name.
    pub resolve: fn(&[u8]) -> Option<IpAddr>,
    /// Whether a file can be run.
    pub executable: fn(&[u8]) -> bool,
}

/// Periods and time-outs, which SENTINEL DEBUG changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    pub info: Millis,
    pub ping: Millis,
    pub ask: Millis,
    pub publish: Millis,
    pub default_down_after: Millis,
    pub default_failover_timeout: Millis,
    pub tilt_trigger: Millis,
    pub tilt: Millis,
    pub reconf_timeout: Millis,
    pub min_link_reconnect: Millis,
    pub election_timeout: Millis,
    pub script_max_runtime: Millis,
    pub script_retry_delay: Millis,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            info: 10_000,
            ping: 1000,
            ask: 1000,
            publish: 2000,
            default_down_after: 30_000,
            default_failover_timeout: 180_000,
            tilt_trigger: 2000,
            tilt: 30_000,
            reconf_timeout: 10_000,
            min_link_reconnect: 15_000,
            election_timeout: 10_000,
            script_max_runtime: 60_000,
            script_retry_delay: 30_000,
        }
    }
}

/// What SIMULATE-FAILURE has asked for: the bits of INFO's `sentinel_simulate_failure_flags`.
pub const CRASH_AFTER_ELECTION: u8 = 1;
/// See [`CRASH_AFTER_ELECTION`].
pub const CRASH_AFTER_PROMOTION: u8 = 2;

/// The machine.
pub struct Sentinel {
    /// Forty hexadecimal digits, for ever.
    pub myid: Vec<u8>,
    pub epoch: u64,
    pub primaries: BTreeMap<Vec<u8>, Id>,
    pub instances: Table<Instance>,
    pub links: Table<Link>,
    conns: BTreeMap<Conn, Connection>,
    next_conn: Conn,
    /// The clock has behaved oddly: nothing is done about anything until some time has passed well.
    pub tilt: bool,
    pub tilt_since: Millis,
    pub tilts: u64,
    previous: Millis,
    pub scripts: Scripts,
    pub announce_ip: Option<Vec<u8>>,
    pub announce_port: i64,
    pub simulated: u8,
    pub deny_scripts_reconfig: bool,
    pub sentinel_user: Option<Vec<u8>>,
    pub sentinel_pass: Option<Vec<u8>>,
    pub resolve_hostnames: bool,
    pub announce_hostnames: bool,
    pub timing: Timing,
    /// The port that this Sentinel listens on.
    pub port: u16,
    /// Its own password, which the others have too unless `sentinel_pass` says otherwise.
    pub requirepass: Vec<u8>,
    now: Millis,
    rng: Rng,
    world: World,
    pub outputs: Vec<Output>,
    /// The configuration is to be written before anything of `outputs` is done.
    pub unsaved: bool,
}

impl Sentinel {
    /// A Sentinel that watches nothing.
    pub fn new(now: Millis, rng: Rng, world: World) -> Sentinel {
        let nowhere = Addr { host: Vec::new(), ip: Vec::new(), port: 0 };
        Sentinel {
            myid: Vec::new(),
            epoch: 0,
            primaries: BTreeMap::new(),
            instances: Table::new(Instance::new(Kind::Sentinel, Vec::new(), nowhere, 0, now)),
            links: Table::new(Link::new(now)),
            conns: BTreeMap::new(),
            next_conn: 0,
            tilt: false,
            tilt_since: 0,
            tilts: 0,
            previous: now,
            scripts: Scripts::default(),
            announce_ip: None,
            announce_port: 0,
            simulated: 0,
            deny_scripts_reconfig: true,
            sentinel_user: None,
            sentinel_pass: None,
            resolve_hostnames: false,
            announce_hostnames: false,
            timing: Timing::default(),
            port: 0,
            requirepass: Vec::new(),
            now,
            rng,
            world,
            outputs: Vec::new(),
            unsaved: false,
        }
    }

    /// The Sentinel begins: it gets an id if the file had none, and tells what it watches.
    pub fn begin(&mut self, now: Millis) {
        self.now = now;
        self.previous = now;
        if self.myid.is_empty() {
            self.myid = vec![0; 40];
            self.rng.fill_hex(&mut self.myid);
            self.unsaved = true;
        }
        let text = format!("Sentinel ID is {}", String::from_utf8_lossy(&self.myid));
        self.log(Level::Notice, text);
        for id in self.primary_ids() {
            let quorum = self.instances[id].quorum;
            self.event_of(Level::Warning, "+monitor", id, &format!(" quorum {quorum}"));
        }
    }

    /// Takes what happened at this moment.
    pub fn step(&mut self, now: Millis, input: Input) {
        self.now = now;
        match input {
            Input::Tick => self.tick(),
            Input::Up { conn, local_ip } => self.connected(conn, local_ip),
            Input::Down { conn, reason } => self.connection_lost(conn, &reason),
            Input::Answer { conn, answer } => self.answered(conn, answer),
            Input::ScriptStarted { job, pid } => self.script_started(job, pid),
            Input::ScriptFailed { job } => self.script_failed(job),
            Input::ScriptEnded { pid, code, signal } => self.script_ended(pid, code, signal),
        }
    }

    fn tick(&mut self) {
        self.check_tilt();
        for id in self.primary_ids() {
            self.handle(id);
            for group in [Kind::Replica, Kind::Sentinel] {
                for other in self.members(id, group) {
                    if self.instances.get(other).is_some() {
                        self.handle(other);
                    }
                }
            }
            self.finish_failover(id);
        }
        self.run_scripts();
    }

    /// What is done for every instance at every tick.
    fn handle(&mut self, id: Id) {
        self.reconnect(id);
        self.send_periodic(id);
        if self.tilt {
            if self.now - self.tilt_since < self.timing.tilt {
                return;
            }
            self.tilt = false;
            self.event(Level::Warning, "-tilt", b"#tilt mode exited".to_vec());
        }
        self.check_subjectively_down(id);
        if self.instances[id].kind == Kind::Primary {
            self.act(id);
            self.ask_others(id, false);
        }
    }

    /// Does what the state of a primary asks for. Nothing in TILT.
    fn act(&mut self, id: Id) {
        if self.tilt {
            return;
        }
        self.check_objectively_down(id);
        if self.start_failover_if_needed(id) {
            self.ask_others(id, true);
        }
        self.run_failover(id);
    }

    /// Between two ticks some tenths of a second pass. More, or less than nothing, means that the process stood still
    /// or the clock was set: everything would look as if it were down.
    fn check_tilt(&mut self) {
        let passed = self.now - self.previous;
        if passed < 0 || passed > self.timing.tilt_trigger {
            self.tilt = true;
            self.tilt_since = self.now;
            self.tilts += 1;
            self.event(Level::Warning, "+tilt", b"#tilt mode entered".to_vec());
        }
        self.previous = self.now;
    }

    /// How long to wait for the next tick: a random time, so that Sentinels which were started together do not go on
    /// asking for each other's vote at the same moment.
    pub fn tick_after(&mut self) -> Millis {
        1000 / (HZ_MIN + self.rng.below(HZ_MIN as u64) as i64)
    }

    /// The primaries.
    pub fn primary_ids(&self) -> Vec<Id> {
        self.primaries.values().copied().collect()
    }

    /// The replicas or Sentinels of a primary.
    fn members(&self, primary: Id, kind: Kind) -> Vec<Id> {
        let primary = &self.instances[primary];
        let members = if kind == Kind::Sentinel { &primary.sentinels } else { &primary.replicas };
        members.values().copied().collect()
    }

    /// The primary that an instance belongs to, or is.
    fn primary_of(&self, id: Id) -> Id {
        self.instances[id].primary.unwrap_or(id)
    }

    /// The primary of this name.
    pub fn primary_named(&self, name: &[u8]) -> Option<Id> {
        self.primaries.get(name).copied()
    }

    /// Where clients find the primary: the promoted replica, once it is one.
    pub fn current_addr(&self, primary: Id) -> &Addr {
        let p = &self.instances[primary];
        match p.promoted {
            Some(promoted) if p.is(instance::FAILOVER) && p.state >= State::ReconfReplicas => {
                &self.instances[promoted].addr
            }
            _ => &p.addr,
        }
    }

    /// An address as others are told of it.
    pub fn announced<'a>(&self, addr: &'a Addr) -> &'a [u8] {
        if self.announce_hostnames { &addr.host } else { &addr.ip }
    }
}

/// Ticks per second at the least; twice as many at the most.
const HZ_MIN: i64 = 10;

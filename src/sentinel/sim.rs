//! Whole groups in one thread: Sentinels, a primary and replicas on a clock and a network that a seed decides. Messages are
//! late, connections break, the network falls apart, processes die, stand still and come back, clocks jump. What must hold:
//! in every epoch there is one leader and one primary; and once the trouble is over, all agree, the primary is one, and
//! everybody else replicates from it.
//!
//! A history is its seed: `TARN_SIM_SEED=n cargo test --lib sentinel::sim` runs one and shows its events,
//! `TARN_SIM_HISTORIES=n` runs more of them than `cargo test` does.

use std::collections::{BTreeMap, BTreeSet};

use super::instance::{FAILOVER, Kind};
use super::{Answer, Conn, Input, Millis, Output, Sentinel, Timing, World};
use crate::base::rng::Rng;

/// Unix time at which histories begin.
const BEGIN: Millis = 1_700_000_000_000;
/// How long the trouble lasts, and how long they may take to agree after it.
const TROUBLE: Millis = 7_000;
const PATIENCE: Millis = 90_000;
/// How long it must be quiet.
const QUIET: Millis = 500;
const HISTORIES: u64 = 100;

/// A server.
struct Server {
    alive: bool,
    stopped: bool,
    runid: String,
    /// Whose replica it is, and since when.
    primary: Option<usize>,
    since: Millis,
    /// What is in its file.
    saved: Option<usize>,
    offset: u64,
    link_down_since: Option<Millis>,
}

/// A Sentinel's process.
struct Guard {
    machine: Option<Box<Sentinel>>,
    file: Vec<Vec<u8>>,
    stopped: bool,
    skew: Millis,
    /// Counts its lives.
    life: u32,
    conns: BTreeMap<Conn, u64>,
}

/// A connection of a Sentinel.
struct Wire {
    guard: usize,
    conn: Conn,
    to: usize,
    up: bool,
    /// Nothing overtakes anything: when the last one arrives, there and back.
    last: [Millis; 2],
    queued: Option<Vec<Vec<Vec<u8>>>>,
    listens: bool,
}

enum Event {
    Tick(usize, u32),
    Pulse,
    Trouble,
    Try(u64),
    There(u64, Vec<Vec<u8>>),
    Back(u64, Answer),
    Lost(u64),
}

struct Sim {
    seed: u64,
    shows: bool,
    now: Millis,
    rng: Rng,
    queue: BTreeMap<(Millis, u64), Event>,
    next: u64,
    servers: Vec<Server>,
    guards: Vec<Guard>,
    wires: BTreeMap<u64, Wire>,
    /// Who can reach whom: those on one side.
    side: Vec<u8>,
    leaders: BTreeMap<u64, Vec<u8>>,
    primaries: BTreeMap<u64, (Vec<u8>, u16)>,
    switches: usize,
}

fn world() -> World {
    World { resolve: |_| None, executable: |_| true }
}

fn ip(place: usize) -> String {
    format!("10.0.0.{}", place + 1)
}

fn timing() -> Timing {
    Timing {
        info: 1000,
        ping: 250,
        ask: 100,
        publish: 200,
        tilt_trigger: 1000,
        tilt: 1000,
        reconf_timeout: 2000,
        min_link_reconnect: 1000,
        election_timeout: 1500,
        ..Timing::default()
    }
}

impl Sim {
    fn new(seed: u64) -> Sim {
        let mut rng = Rng::new(seed);
        let (servers, guards) = (2 + rng.below(3) as usize, 3 + 2 * rng.below(2) as usize);
        let server = |i: usize| Server {
            alive: true,
            stopped: false,
            runid: format!("{i:040}"),
            primary: (i > 0).then_some(0),
            since: 0,
            saved: (i > 0).then_some(0),
            offset: 0,
            link_down_since: None,
        };
        let quorum = 1 + rng.below(guards as u64 / 2 + 1);
        let lines = [
            format!("monitor m {} 6379 {quorum}", ip(0)),
            "down-after-milliseconds m 500".into(),
            "failover-timeout m 2000".into(),
            format!("parallel-syncs m {}", 1 + rng.below(2)),
        ];
        let guard = |_| Guard {
            machine: None,
            file: lines.iter().map(|line| line.as_bytes().to_vec()).collect(),
            stopped: false,
            skew: 0,
            life: 0,
            conns: BTreeMap::new(),
        };
        let mut sim = Sim {
            seed,
            shows: false,
            now: 0,
            rng,
            queue: BTreeMap::new(),
            next: 0,
            servers: (0..servers).map(server).collect(),
            guards: (0..guards).map(guard).collect(),
            wires: BTreeMap::new(),
            side: vec![0; servers + guards],
            leaders: BTreeMap::new(),
            primaries: BTreeMap::new(),
            switches: 0,
        };
        (0..guards).for_each(|g| sim.start_guard(g));
        sim.at(0, Event::Pulse);
        sim
    }

    fn at(&mut self, delay: Millis, event: Event) {
        self.next += 1;
        self.queue.insert((self.now + delay, self.next), event);
    }

    /// How long a message takes.
    fn lag(&mut self) -> Millis {
        match self.rng.below(50) {
            0 => self.rng.below(150) as Millis,
            _ => self.rng.below(4) as Millis,
        }
    }

    fn place(&self, guard: usize) -> usize {
        self.servers.len() + guard
    }

    fn reach(&self, a: usize, b: usize) -> bool {
        self.side[a] == self.side[b]
    }

    fn alive(&self, place: usize) -> bool {
        match place.checked_sub(self.servers.len()) {
            None => self.servers[place].alive,
            Some(guard) => self.guards[guard].machine.is_some(),
        }
    }

    fn stopped(&self, place: usize) -> bool {
        match place.checked_sub(self.servers.len()) {
            None => self.servers[place].stopped,
            Some(guard) => self.guards[guard].stopped,
        }
    }

    fn clock(&self, guard: usize) -> Millis {
        BEGIN + self.now + self.guards[guard].skew
    }

    fn start_guard(&mut self, g: usize) {
        let seed = self.rng.next_u64();
        let now = self.clock(g);
        let mut machine = Box::new(Sentinel::new(now, Rng::new(seed), world()));
        let words = |line: &Vec<u8>| crate::base::quote::split_args(line).unwrap();
        machine.load(&self.guards[g].file.iter().map(words).collect::<Vec<_>>()).unwrap();
        machine.timing = timing();
        machine.port = 26379;
        machine.begin(now);
        let guard = &mut self.guards[g];
        guard.machine = Some(machine);
        guard.life += 1;
        let life = guard.life;
        self.settle(g);
        self.at(1, Event::Tick(g, life));
    }

    fn stop_guard(&mut self, g: usize) {
        self.guards[g].machine = None;
        for id in std::mem::take(&mut self.guards[g].conns).into_values() {
            self.wires.remove(&id);
        }
        self.break_wires_to(self.place(g));
    }

    /// A process is gone: whoever has a connection to it hears so.
    fn break_wires_to(&mut self, place: usize) {
        let lost: Vec<u64> =
            self.wires.iter().filter(|(_, w)| w.to == place && w.up).map(|(id, _)| *id).collect();
        lost.into_iter().for_each(|id| self.at(1, Event::Lost(id)));
    }

    fn input(&mut self, g: usize, input: Input) {
        let now = self.clock(g);
        if let Some(machine) = &mut self.guards[g].machine {
            machine.step(now, input);
            self.settle(g);
        }
    }

    /// Does what a machine wants done; its file first.
    fn settle(&mut self, g: usize) {
        let Guard { machine: Some(machine), file, .. } = &mut self.guards[g] else { return };
        if std::mem::take(&mut machine.unsaved) {
            *file = machine.lines();
        }
        for output in std::mem::take(&mut machine.outputs) {
            self.carry_out(g, output);
        }
        self.check(g);
    }

    fn carry_out(&mut self, g: usize, output: Output) {
        match output {
            Output::Connect { conn, ip: to, .. } => {
                let places = self.side.len();
                let to = (0..places).find(|p| ip(*p).as_bytes() == to).unwrap();
                self.next += 1;
                let id = self.next;
                let wire = Wire { guard: g, conn, to, up: false, last: [0; 2], queued: None, listens: false };
                self.wires.insert(id, wire);
                self.guards[g].conns.insert(conn, id);
                let lag = self.lag();
                self.at(lag, Event::Try(id));
            }
            Output::Send { conn, words } => {
                if let Some(id) = self.guards[g].conns.get(&conn).copied() {
                    self.pass(id, 0, |id| Event::There(id, words));
                }
            }
            Output::Close { conn } => {
                if let Some(id) = self.guards[g].conns.remove(&conn) {
                    self.wires.remove(&id);
                }
            }
            Output::Event { channel, text, .. } => {
                if self.shows {
                    println!("{:6} {g} {channel} {}", self.now, String::from_utf8_lossy(&text));
                }
                self.switches += (channel == "+switch-master") as usize;
                if channel == "+elected-leader" {
                    let machine = self.guards[g].machine.as_ref().unwrap();
                    let id = machine.primary_ids()[0];
                    let epoch = machine.instances[id].failover_epoch;
                    let leader = self.leaders.entry(epoch).or_insert(machine.myid.clone());
                    assert_eq!(*leader, machine.myid, "seed {}: two leaders in epoch {epoch}", self.seed);
                }
            }
            Output::Log { .. } | Output::RunScript { .. } | Output::KillScript { .. } | Output::Crash => {}
        }
    }

    /// Puts a message on its way, there or back, behind all that went before it.
    fn pass(&mut self, id: u64, way: usize, event: impl FnOnce(u64) -> Event) {
        let lag = self.lag();
        let now = self.now;
        let Some(wire) = self.wires.get_mut(&id) else { return };
        wire.last[way] = wire.last[way].max(now + lag);
        let delay = wire.last[way] - now;
        self.at(delay, event(id));
    }

    /// One primary per epoch, for everybody.
    fn check(&mut self, g: usize) {
        let Some(machine) = &self.guards[g].machine else { return };
        let id = machine.primary_ids()[0];
        let addr = machine.current_addr(id);
        let place = (addr.ip.clone(), addr.port);
        let epoch = machine.instances[id].config_epoch;
        let known = self.primaries.entry(epoch).or_insert(place.clone());
        assert_eq!(*known, place, "seed {}: two primaries in epoch {epoch}", self.seed);
    }

    fn run(&mut self) {
        // By then they have all met.
        self.at(2500, Event::Trouble);
        while self.now < TROUBLE {
            self.next_event();
        }
        self.heal();
        let mut quiet_since = self.now;
        while self.now - quiet_since < QUIET {
            self.next_event();
            if !self.agreed() {
                quiet_since = self.now;
            }
            assert!(self.now < TROUBLE + PATIENCE, "seed {}: they do not agree\n{}", self.seed, self.state());
        }
    }

    fn next_event(&mut self) {
        let Some(((at, _), event)) = self.queue.pop_first() else { return };
        self.now = at;
        match event {
            Event::Tick(g, life) => self.tick(g, life),
            Event::Pulse => self.pulse(),
            Event::Trouble => self.trouble(),
            Event::Try(id) => self.try_wire(id),
            Event::There(id, words) => self.there(id, words),
            Event::Back(id, answer) => self.back(id, answer),
            Event::Lost(id) => self.lost(id),
        }
    }

    fn tick(&mut self, g: usize, life: u32) {
        if self.guards[g].life != life || self.guards[g].machine.is_none() {
            return;
        }
        if !self.guards[g].stopped {
            self.input(g, Input::Tick);
        }
        let wait = self.guards[g].machine.as_mut().map_or(50, |m| m.tick_after());
        self.at(wait, Event::Tick(g, life));
    }

    /// Primaries take writes, replicas follow.
    fn pulse(&mut self) {
        for i in 0..self.servers.len() {
            let up = self.link_up(i);
            let source = self.servers[i].primary.map(|p| self.servers[p].offset);
            let now = self.now;
            let server = &mut self.servers[i];
            match source {
                None => server.offset += 10 * (server.alive && !server.stopped) as u64,
                Some(offset) if up => server.offset = offset,
                Some(_) => {}
            }
            let down_since = server.link_down_since.unwrap_or(now);
            server.link_down_since = (!up).then_some(down_since);
        }
        self.at(100, Event::Pulse);
    }

    fn link_up(&self, i: usize) -> bool {
        let server = &self.servers[i];
        let Some(p) = server.primary else { return false };
        let both = [i, p].iter().all(|s| self.servers[*s].alive && !self.servers[*s].stopped);
        both && i != p && self.reach(i, p) && self.now - server.since > 100
    }

    fn try_wire(&mut self, id: u64) {
        let Some(wire) = self.wires.get(&id) else { return };
        let (guard, conn, to) = (wire.guard, wire.conn, wire.to);
        let place = self.place(guard);
        if !self.reach(place, to) {
            return self.at(100, Event::Try(id));
        }
        if !self.alive(to) {
            return self.lost(id);
        }
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.up = true;
        }
        let local_ip = ip(place).into_bytes();
        self.input(guard, Input::Up { conn, local_ip });
    }

    fn lost(&mut self, id: u64) {
        let Some(wire) = self.wires.get(&id) else { return };
        let (guard, conn, to) = (wire.guard, wire.conn, wire.to);
        if !self.reach(self.place(guard), to) || self.guards[guard].stopped {
            return self.at(100, Event::Lost(id));
        }
        self.wires.remove(&id);
        self.guards[guard].conns.remove(&conn);
        self.input(guard, Input::Down { conn, reason: "lost".into() });
    }

    /// Whether a message must wait: the network or its receiver does not take it.
    fn held(&self, id: u64, receiver: usize) -> bool {
        let wire = &self.wires[&id];
        !self.reach(self.place(wire.guard), wire.to) || self.stopped(receiver) || !wire.up
    }

    fn there(&mut self, id: u64, words: Vec<Vec<u8>>) {
        let Some(wire) = self.wires.get(&id) else { return };
        let to = wire.to;
        if self.held(id, to) {
            return self.hold(id, 0, Event::There(id, words));
        }
        if !self.alive(to) {
            return;
        }
        let answer = match to.checked_sub(self.servers.len()) {
            None => self.ask_server(id, to, words),
            Some(guard) => Some(self.ask_guard(guard, &words)),
        };
        if let Some(answer) = answer {
            self.pass(id, 1, |id| Event::Back(id, answer));
        }
    }

    fn hold(&mut self, id: u64, way: usize, event: Event) {
        let at = self.now + 40;
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.last[way] = wire.last[way].max(at);
        }
        self.at(40, event);
    }

    fn back(&mut self, id: u64, answer: Answer) {
        let Some(wire) = self.wires.get(&id) else { return };
        let (guard, conn) = (wire.guard, wire.conn);
        if self.held(id, self.place(guard)) {
            return self.hold(id, 1, Event::Back(id, answer));
        }
        self.input(guard, Input::Answer { conn, answer });
    }

    fn ask_guard(&mut self, g: usize, words: &[Vec<u8>]) -> Answer {
        let now = self.clock(g);
        let Some(machine) = &mut self.guards[g].machine else { return Answer::Null };
        let answer = match &words[0][..] {
            b"PING" => Answer::Status(b"PONG".to_vec()),
            b"PUBLISH" => {
                machine.take_hello(now, &words[2]);
                Answer::Int(1)
            }
            b"SENTINEL" => {
                let number = |i: usize| String::from_utf8_lossy(&words[i]).parse::<i64>().unwrap();
                let (down, leader, epoch) = machine.is_down(now, &words[2], number(3), number(4), &words[5]);
                let leader = Answer::Bulk(leader.unwrap_or_else(|| b"*".to_vec()));
                Answer::Array(vec![Answer::Int(down as i64), leader, Answer::Int(epoch as i64)])
            }
            _ => Answer::Status(b"OK".to_vec()),
        };
        self.settle(g);
        answer
    }

    fn ask_server(&mut self, id: u64, s: usize, words: Vec<Vec<u8>>) -> Option<Answer> {
        let wire = self.wires.get_mut(&id)?;
        let ok = Some(Answer::Status(b"OK".to_vec()));
        match (&words[0][..], &mut wire.queued) {
            (b"EXEC", queued) => {
                let commands = queued.take().unwrap_or_default();
                commands.iter().for_each(|words| self.run_server(id, s, words));
                Some(Answer::Array(Vec::new()))
            }
            (_, Some(queued)) => {
                queued.push(words);
                Some(Answer::Status(b"QUEUED".to_vec()))
            }
            (b"MULTI", queued) => {
                *queued = Some(Vec::new());
                ok
            }
            (b"SUBSCRIBE", _) => {
                wire.listens = true;
                None
            }
            (b"PING", _) => Some(Answer::Status(b"PONG".to_vec())),
            (b"INFO", _) => Some(Answer::Bulk(self.info(s).into_bytes())),
            (b"PUBLISH", _) => {
                let to = self.wires.iter().filter(|(_, w)| w.to == s && w.listens).map(|(id, _)| *id);
                for id in to.collect::<Vec<_>>() {
                    let parts = [b"message".to_vec(), words[1].clone(), words[2].clone()];
                    let message = Answer::Array(parts.map(Answer::Bulk).to_vec());
                    self.pass(id, 1, |id| Event::Back(id, message));
                }
                Some(Answer::Int(1))
            }
            _ => ok,
        }
    }

    fn run_server(&mut self, by: u64, s: usize, words: &[Vec<u8>]) {
        match &words[0][..] {
            b"SLAVEOF" => {
                let to = (0..self.servers.len()).find(|p| ip(*p).as_bytes() == words[1]);
                let server = &mut self.servers[s];
                if server.primary != to {
                    (server.primary, server.since) = (to, self.now);
                }
            }
            b"CONFIG" => self.servers[s].saved = self.servers[s].primary,
            b"CLIENT" if words[1] == b"KILL" => {
                let pubsub = words[3] == b"pubsub";
                let others =
                    self.wires.iter().filter(|(id, w)| **id != by && w.to == s && w.listens == pubsub);
                let others: Vec<u64> = others.map(|(id, _)| *id).collect();
                others.into_iter().for_each(|id| self.at(1, Event::Lost(id)));
            }
            _ => {}
        }
    }

    fn info(&self, s: usize) -> String {
        let server = &self.servers[s];
        let mut text = format!("# Server\r\nrun_id:{}\r\n", server.runid);
        match server.primary {
            None => {
                text += "role:master\r\n";
                let replicas = (0..self.servers.len()).filter(|r| self.servers[*r].primary == Some(s));
                for (n, r) in replicas.filter(|r| self.link_up(*r)).enumerate() {
                    text += &format!("slave{n}:ip={},port=6379,state=online,offset=1,lag=0\r\n", ip(r));
                }
            }
            Some(p) => {
                let status = if self.link_up(s) { "up" } else { "down" };
                text += &format!("role:slave\r\nmaster_host:{}\r\nmaster_port:6379\r\n", ip(p));
                text += &format!("master_link_status:{status}\r\nslave_repl_offset:{}\r\n", server.offset);
                if let Some(since) = server.link_down_since {
                    text += &format!("master_link_down_since_seconds:{}\r\n", (self.now - since) / 1000);
                }
                text += "slave_priority:100\r\n";
            }
        }
        text + "master_failover_state:no-failover\r\n"
    }

    /// One more thing goes wrong, or well again.
    fn trouble(&mut self) {
        if self.now >= TROUBLE {
            return;
        }
        let s = match self.rng.below(3) {
            // The primary has most of it.
            0 => self.rng.below(self.servers.len() as u64) as usize,
            _ => self.servers.iter().position(|s| s.primary.is_none()).unwrap_or(0),
        };
        let g = self.rng.below(self.guards.len() as u64) as usize;
        let what = self.rng.below(14);
        match what {
            0..=2 => self.kill(s),
            3 | 4 => (0..self.servers.len()).for_each(|s| self.revive(s)),
            5 => self.servers[s].stopped ^= true,
            6 => self.guards[g].stopped ^= true,
            7 => self.stop_guard(g),
            8 => {
                if self.guards[g].machine.is_none() {
                    self.start_guard(g);
                }
            }
            9 => self.guards[g].skew += self.rng.below(6000) as Millis - 3000,
            10 | 11 => (0..self.side.len()).for_each(|p| self.side[p] = self.rng.below(2) as u8),
            12 => self.side.fill(0),
            _ => {
                let some = self.rng.below(self.wires.len().max(1) as u64) as usize;
                if let Some(id) = self.wires.keys().nth(some).copied() {
                    self.at(0, Event::Lost(id));
                }
            }
        }
        if self.shows {
            println!("{:6} trouble {what} server {s} sentinel {g} sides {:?}", self.now, self.side);
        }
        let pause = 50 + self.rng.below(900) as Millis;
        self.at(pause, Event::Trouble);
    }

    fn kill(&mut self, s: usize) {
        self.servers[s].alive = false;
        self.break_wires_to(s);
    }

    fn revive(&mut self, s: usize) {
        let server = &mut self.servers[s];
        if server.alive {
            return;
        }
        (server.alive, server.stopped, server.primary, server.since) = (true, false, server.saved, self.now);
        server.runid = format!("{:040}", self.rng.below(1 << 60));
    }

    fn heal(&mut self) {
        self.side.fill(0);
        for s in 0..self.servers.len() {
            self.servers[s].stopped = false;
            self.revive(s);
        }
        for g in 0..self.guards.len() {
            self.guards[g].stopped = false;
            if self.guards[g].machine.is_none() {
                self.start_guard(g);
            }
        }
    }

    /// All Sentinels name one primary, which is one, and everybody else replicates from it.
    fn agreed(&self) -> bool {
        let mut named = BTreeSet::new();
        for machine in self.guards.iter().filter_map(|g| g.machine.as_ref()) {
            let id = machine.primary_ids()[0];
            let p = &machine.instances[id];
            if p.is(FAILOVER) || p.sentinels.len() + 1 != self.guards.len() {
                return false;
            }
            named.insert(machine.current_addr(id).ip.clone());
        }
        let Some(at) = named.first().filter(|_| named.len() == 1) else { return false };
        let primary = (0..self.servers.len()).find(|s| ip(*s).as_bytes() == at);
        (0..self.servers.len()).all(|s| match Some(s) == primary {
            true => self.servers[s].primary.is_none(),
            false => self.servers[s].primary == primary && self.link_up(s),
        })
    }

    fn state(&self) -> String {
        let mut text = String::new();
        for (i, s) in self.servers.iter().enumerate() {
            text += &format!("server {i} {} of {:?}\n", ip(i), s.primary);
        }
        for (i, g) in self.guards.iter().enumerate() {
            let Some(machine) = &g.machine else { continue };
            let id = machine.primary_ids()[0];
            let p = &machine.instances[id];
            let at = String::from_utf8_lossy(&machine.current_addr(id).ip).into_owned();
            let known = [Kind::Replica, Kind::Sentinel].map(|kind| machine.members(id, kind).len());
            text += &format!(
                "sentinel {i}: {at} epoch {} config {} flags {:x} {:?} knows {known:?} tilt {}\n",
                machine.epoch, p.config_epoch, p.flags, p.state, machine.tilt
            );
        }
        text
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn one_primary_per_epoch_and_all_agree_in_the_end() {
    if let Some(seed) = number("TARN_SIM_SEED") {
        let mut sim = Sim::new(seed);
        sim.shows = true;
        return sim.run();
    }
    let (mut switches, mut epochs) = (0, 0);
    let histories = number("TARN_SIM_HISTORIES").unwrap_or(HISTORIES);
    for seed in 0..histories {
        let mut sim = Sim::new(seed);
        sim.run();
        switches += sim.switches;
        epochs += sim.leaders.len() as u64;
    }
    println!("{histories} histories, {epochs} elections, {switches} switches");
    assert!(
        epochs * 4 > histories,
        "hardly anything went wrong: {epochs} elections in {histories} histories"
    );
}

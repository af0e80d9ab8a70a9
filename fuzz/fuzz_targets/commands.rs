//! Commands of the whole table with arguments from a small pool, by several clients, with a clock that moves: the checks
//! of `exec/checks.rs` hold, and the propagated stream gives another executor the same data set.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::base::rng::Rng;
use tarn::engine::config::Config;
use tarn::engine::config::values::Protected;
use tarn::engine::server::Server;
use tarn::engine::session::Peer;
use tarn::engine::spec::Spec;
use tarn::engine::stream::takers;
use tarn::exec::run::Fed;
use tarn::exec::{Exec, table};
use tarn::keyspace::ExpiryRule;
use tarn::sys::clock::{Clock, ManualClock};

/// Commands that end the process, take real time, or reach out of it.
const LEFT_OUT: &[&str] = &["shutdown", "debug", "config", "replicaof", "slaveof", "failover", "migrate"];
/// Times and sizes among them are small enough for one input's time and memory.
const POOL: &[&str] = &[
    "a",
    "b",
    "c",
    "n",
    "",
    "0",
    "1",
    "-1",
    "2",
    "7",
    "100",
    "-100",
    "1.5",
    "nan",
    "inf",
    "3000",
    "65537",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1700000000500",
    "1700000001",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "NX",
    "XX",
    "GT",
    "LT",
    "KEEPTTL",
    "GET",
    "IFEQ",
    "PERSIST",
    "REPLACE",
    "DB",
    "MATCH",
    "COUNT",
    "TYPE",
    "string",
    "*",
    "[a-c]",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "DIFF",
    "ONE",
    "u8",
    "i5",
    "u63",
    "#1",
    "SET",
    "INCRBY",
    "OVERFLOW",
    "SAT",
    "FAIL",
    "WRAP",
    "BIT",
    "BYTE",
    "LEN",
    "IDX",
    "MINMATCHLEN",
    "WITHMATCHLEN",
    "ASYNC",
    "SYNC",
    "hello world",
    "\r\n",
    "ON",
    "OFF",
    "ID",
    "YES",
    "NO",
    "ALL",
    "WRITE",
    "TIMEOUT",
    "ENCODING",
    "LIST",
    "HELP",
    "LEFT",
    "RIGHT",
    "BEFORE",
    "AFTER",
    "WITHSCORES",
    "WITHVALUES",
    "BYSCORE",
    "BYLEX",
    "REV",
    "LIMIT",
    "WEIGHTS",
    "AGGREGATE",
    "MIN",
    "MAX",
    "CH",
    "INCR",
    "RANK",
    "MAXLEN",
    "FIELDS",
    "NOVALUES",
    "NOSCORES",
    "BY",
    "STORE",
    "STOREDIST",
    "ALPHA",
    "DESC",
    "FROMMEMBER",
    "FROMLONLAT",
    "BYRADIUS",
    "BYBOX",
    "WITHCOORD",
    "km",
    "(1",
    "[a",
    "-inf",
    "-",
    "+",
    "3",
    "0.01",
];

struct Host {
    exec: Exec,
    clock: ManualClock,
    slots: Vec<usize>,
}

impl Host {
    fn new() -> Host {
        let clock = ManualClock::new(1_700_000_000_000);
        let config = Config {
            proto_max_bulk_len: 1 << 20,
            enable_debug_command: Protected::Yes,
            latency_tracking: false,
            ..Config::default()
        };
        let server = Server::new(config, table::commands(), Clock::Manual(clock.clone()), Rng::new(1));
        let mut exec = Exec::new(server);
        let slots = (0..3).map(|_| exec.connect(Peer::default())).collect();
        Host { exec, clock, slots }
    }

    /// Runs one request; gives what its client hears.
    fn run(&mut self, client: usize, words: &[&str]) -> Vec<u8> {
        let mut input = format!("*{}\r\n", words.len());
        words.iter().for_each(|w| input += &format!("${}\r\n{w}\r\n", w.len()));
        self.feed(client, input.into_bytes())
    }

    fn feed(&mut self, client: usize, mut input: Vec<u8>) -> Vec<u8> {
        if self.exec.server.clients.get(self.slots[client]).is_none() {
            self.slots[client] = self.exec.connect(Peer::default());
        }
        let slot = self.slots[client];
        loop {
            let (used, fed) = self.exec.feed(slot, &mut input);
            input.drain(..used);
            if fed != Fed::More {
                break;
            }
        }
        self.exec.server.wake.clear();
        self.exec.server.flush.clear();
        let heard = match self.exec.server.clients.get_mut(slot) {
            Some(session) => session.output.take_bytes(),
            None => Vec::new(),
        };
        let ended = self.exec.server.client(slot).closing != tarn::engine::session::Closing::No;
        if ended {
            self.exec.disconnect(slot);
        }
        heard
    }

    fn digest(&mut self) -> Vec<u8> {
        self.slots[0] = self.exec.connect(Peer::default());
        self.run(0, &["DEBUG", "DIGEST"])
    }
}

/// Every command that can be called, with its subcommand.
fn callable() -> Vec<(&'static Spec, Option<&'static Spec>)> {
    let specs = table::FAMILIES.iter().flat_map(|f| f.iter()).filter(|s| !LEFT_OUT.contains(&s.name));
    specs
        .flat_map(|s| std::iter::once((s, None)).chain(s.subcommands.iter().map(move |sub| (s, Some(sub)))))
        .collect()
}

fuzz_target!(|data: &[u8]| {
    let all = callable();
    let mut host = Host::new();
    host.exec.server.take_stream(takers::TEST, true);
    let mut bytes = data.iter().copied();
    while let (Some(which), Some(more), Some(how)) = (bytes.next(), bytes.next(), bytes.next()) {
        let (spec, sub) = all[usize::from(u16::from_le_bytes([which, more])) % all.len()];
        let mut words = vec![spec.name];
        words.extend(sub.map(|s| s.name));
        // Mostly as many arguments as the command takes.
        let arity = sub.unwrap_or(spec).arity.unsigned_abs() as usize;
        let n = (arity + usize::from(how & 7)).saturating_sub(1 + 4 * usize::from(how & 7 == 7));
        while words.len() <= n {
            let Some(pick) = bytes.next() else { break };
            words.push(POOL[usize::from(pick) % POOL.len()]);
        }
        host.run(usize::from(how >> 3) % 3, &words);
        if how >> 5 == 7 {
            host.clock.advance_ms(u64::from(which) * 7);
            host.exec.tick();
        }
    }
    replay(host);
});

/// The stream, run by an executor that waits for DEL like a replica, gives the same data set.
fn replay(mut host: Host) {
    let stream = host.exec.server.stream.bytes().to_vec();
    host.exec.server.pause = Default::default();
    let mut second = Host::new();
    second.clock.set_wall_ms(host.exec.server.clock.now_ms());
    second.exec.server.set_expiry_rule(ExpiryRule::Ignore);
    let answers = second.feed(0, stream.clone());
    let shown = String::from_utf8_lossy(&stream);
    assert!(!answers.starts_with(b"-"), "a command of the stream fails:\n{shown}");
    second.exec.server.set_expiry_rule(ExpiryRule::Remove);
    // What is due at this moment is removed on both sides.
    host.exec.tick();
    second.exec.tick();
    let (first, second) = (host.digest(), second.digest());
    assert!(first.starts_with(b"+"), "{}", String::from_utf8_lossy(&first));
    assert_eq!(first, second, "the stream gives another data set:\n{shown}");
}

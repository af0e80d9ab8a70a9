//! Primaries and replicas in one process, joined by wires that can be cut.

use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::replication::LinkState;
use crate::engine::server::Request;
use crate::engine::session::{Closing, Peer};
use crate::testkit::Kit;

/// A connection: the caller's end and the other's, and what is under way from each.
struct Wire {
    ends: [(usize, usize); 2],
    bytes: [Vec<u8>; 2],
}

/// Servers, named `kit` and their place as a port.
pub struct Net {
    pub kits: Vec<Kit>,
    wires: Vec<Wire>,
    /// Nobody can be reached.
    down: bool,
}

impl Net {
    pub fn new(n: usize) -> Net {
        let kit = |i: usize| {
            let mut kit = Kit::new(Config { port: i as u16, ..Config::default() });
            kit.exec.server.repl.id = crate::repl::ReplId::random(&mut Rng::new(i as u64 + 7));
            kit
        };
        Net { kits: (0..n).map(kit).collect(), wires: Vec::new(), down: false }
    }

    /// Runs a request of a client of one of them, and what comes of it.
    pub fn run(&mut self, kit: usize, line: &str) -> String {
        let words = crate::base::quote::split_args(line.as_bytes()).expect("words");
        let reply = self.kits[kit].run("c", &words);
        self.pump();
        reply
    }

    /// Moves the clocks.
    pub fn advance(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(100) {
            self.kits.iter_mut().for_each(|kit| kit.advance(100));
            self.pump();
        }
    }

    /// Carries what is under way until all is quiet.
    pub fn pump(&mut self) {
        for _ in 0..100_000 {
            let mut moved = false;
            for k in 0..self.kits.len() {
                moved |= self.serve(k);
            }
            for w in 0..self.wires.len() {
                moved |= self.carry(w);
            }
            if !moved {
                return;
            }
        }
        panic!("the servers never come to rest");
    }

    fn serve(&mut self, k: usize) -> bool {
        let exec = &mut self.kits[k].exec;
        exec.hand_on();
        let mut moved = false;
        for request in std::mem::take(&mut exec.server.requests) {
            let Request::Dial { slot, port, .. } = request else { continue };
            moved = true;
            let to = port as usize;
            if self.down || to >= self.kits.len() {
                self.kits[k].exec.link_failed(slot, "Connection refused");
                self.kits[k].exec.disconnect(slot);
                continue;
            }
            let peer = Peer { addr: format!("10.0.0.{k}:1"), local: true, ..Peer::default() };
            let theirs = self.kits[to].exec.connect(peer);
            self.wires.push(Wire { ends: [(k, slot), (to, theirs)], bytes: Default::default() });
            self.kits[k].exec.link_connected(slot);
        }
        while let Some(slot) = self.kits[k].exec.server.wake.pop() {
            moved = true;
            let exec = &mut self.kits[k].exec;
            if exec.server.client(slot).closing == Closing::Now {
                match self.wires.iter().position(|w| w.ends.contains(&(k, slot))) {
                    Some(w) => self.cut(w),
                    None => self.kits[k].leave(slot),
                }
            } else if !exec.is_link(slot) {
                exec.resume(slot);
            }
        }
        moved
    }

    fn carry(&mut self, w: usize) -> bool {
        let mut moved = false;
        for from in 0..2 {
            let Some(wire) = self.wires.get_mut(w) else { return true };
            let ((k, slot), (to, theirs)) = (wire.ends[from], wire.ends[1 - from]);
            let exec = &mut self.kits[k].exec;
            while let Some(bytes) = exec.unsent(slot) {
                wire.bytes[from].extend_from_slice(bytes);
                let n = bytes.len();
                exec.sent(slot, n);
                moved = true;
            }
            let exec = &mut self.kits[to].exec;
            if wire.bytes[from].is_empty() || exec.is_link(theirs) && exec.link_holds(theirs) {
                continue;
            }
            moved = true;
            let mut bytes = std::mem::take(&mut wire.bytes[from]);
            if exec.is_link(theirs) {
                exec.link_input(theirs, &bytes);
            } else {
                exec.input(theirs, &mut bytes);
            }
        }
        moved
    }

    /// Cuts a wire; what was under way is lost.
    fn cut(&mut self, w: usize) {
        let wire = self.wires.remove(w);
        for (k, slot) in wire.ends {
            self.kits[k].exec.disconnect(slot);
        }
    }

    /// Cuts all.
    pub fn cut_all(&mut self) {
        while !self.wires.is_empty() {
            self.cut(0);
        }
    }

    pub fn link(&self, k: usize) -> LinkState {
        self.kits[k].exec.server.repl.link.state
    }

    pub fn offset(&self, k: usize) -> i64 {
        self.kits[k].exec.server.repl.offset
    }

    /// Makes `replica` one of `primary` with the same history, as if it had been synchronized.
    pub fn join(&mut self, replica: usize, primary: usize) {
        let server = &mut self.kits[primary].exec.server;
        server.create_backlog();
        server.take_pending_stream();
        let (id, offset) = (server.repl.id, server.repl.offset);
        let server = &mut self.kits[replica].exec.server;
        (server.repl.id, server.repl.offset) = (id, offset);
        self.run(replica, &format!("REPLICAOF kit {primary}"));
    }

    /// All have the same data and offset.
    #[track_caller]
    pub fn check_equal(&mut self) {
        let first = self.kits[0].contents();
        for k in 1..self.kits.len() {
            assert_eq!(first, self.kits[k].contents(), "server {k}");
            assert_eq!(self.offset(0), self.offset(k), "offset of server {k}");
        }
    }
}

#[test]
fn the_stream_is_applied_and_goes_on() {
    let mut net = Net::new(3);
    net.join(1, 0);
    net.join(2, 1);
    assert_eq!((net.link(1), net.link(2)), (LinkState::Connected, LinkState::Connected));
    for line in ["SET a 1", "SELECT 5", "LPUSH l x y", "EXPIRE l 100", "MULTI", "INCR a", "SPOP s", "EXEC"] {
        net.run(0, line);
    }
    net.check_equal();
    assert!(net.run(1, "SET a 2").starts_with("-READONLY You can't write against a read only replica."));
    assert_eq!(net.run(1, "ROLE"), format!("[ \"slave\" \"kit\" :0 \"connected\" :{} ]", net.offset(0)));
    net.advance(1100);
    let offset = net.offset(0);
    assert_eq!(
        net.run(0, "ROLE"),
        format!("[ \"master\" :{offset} [ [ \"10.0.0.1\" \"1\" \"{offset}\" ] ] ]")
    );
    assert_eq!(net.run(1, "GET l"), "nil");
    net.run(1, "SELECT 5");
    assert_eq!(net.run(1, "LRANGE l 0 -1"), "[ \"y\" \"x\" ]");
}

#[test]
fn broken_links_are_made_again() {
    let mut net = Net::new(2);
    net.join(1, 0);
    net.run(0, "SET a 1");
    net.down = true;
    net.cut_all();
    net.advance(3000);
    assert_ne!(net.link(1), LinkState::Connected);
    net.run(0, "SET b 2");
    net.run(0, "MULTI");
    net.run(0, "SET c 3");
    net.run(0, "SET d 4");
    net.run(0, "EXEC");
    net.down = false;
    net.advance(1100);
    assert_eq!(net.link(1), LinkState::Connected);
    net.check_equal();
    let stats = net.kits[0].exec.server.repl.stats;
    assert_eq!((stats.sync_partial_ok, stats.sync_full), (2, 0));
}

#[test]
fn who_was_promoted_serves_its_old_siblings() {
    let mut net = Net::new(3);
    net.join(1, 0);
    net.join(2, 0);
    net.run(0, "SET a 1");
    net.check_equal();
    net.run(1, "REPLICAOF NO ONE");
    net.run(1, "SET a 2");
    net.run(2, "REPLICAOF kit 1");
    net.run(0, "REPLICAOF kit 1");
    net.advance(200);
    assert_eq!((net.link(0), net.link(2)), (LinkState::Connected, LinkState::Connected));
    net.check_equal();
    let stats = net.kits[1].exec.server.repl.stats;
    assert_eq!((stats.sync_partial_ok, stats.sync_full), (2, 0));
    assert_eq!(net.run(0, "GET a"), "\"2\"");
}

#[test]
fn waiting_for_replicas() {
    let mut net = Net::new(2);
    net.join(1, 0);
    net.run(0, "SET a 1");
    assert_eq!(net.run(0, "WAIT 1 1000"), "");
    assert_eq!(net.kits[0].heard("c"), b":1\r\n");
    net.run(0, "SET a 2");
    net.cut_all();
    net.down = true;
    net.run(0, "WAIT 1 500");
    net.advance(600);
    assert_eq!(net.kits[0].heard("c"), b":0\r\n");
    assert_eq!(net.run(1, "WAIT 0 1").split(" with").next(), Some("-ERR WAIT cannot be used"));
}

#[test]
fn a_transaction_is_applied_whole() {
    let mut net = Net::new(2);
    net.join(1, 0);
    net.run(0, "SET a 1");
    // The beginning of a transaction arrives, and its end does not.
    let before = net.offset(1);
    net.kits[0].run("c", &["MULTI", "x"].map(|w| w.as_bytes().to_vec())[..1]);
    for line in ["SET a 2", "SET a 3", "EXEC"] {
        let words = crate::base::quote::split_args(line.as_bytes()).unwrap();
        net.kits[0].run("c", &words);
    }
    net.kits[0].exec.hand_on();
    let slot = net.wires[0].ends[1].1;
    let bytes = net.kits[0].exec.unsent(slot).unwrap().to_vec();
    let part = bytes.len() - 5;
    let theirs = net.wires[0].ends[0].1;
    net.kits[1].exec.input(theirs, &mut bytes[..part].to_vec());
    assert_eq!(net.offset(1), before);
    net.cut_all();
    assert_eq!(net.kits[1].run("c", &["GET", "a"].map(|w| w.as_bytes().to_vec())), "\"1\"");
    net.advance(100);
    net.check_equal();
    assert_eq!(net.run(1, "GET a"), "\"3\"");
}

#[test]
fn the_primary_says_when_a_key_is_over() {
    let mut net = Net::new(2);
    net.join(1, 0);
    net.run(0, "SET a 1 PX 500");
    net.run(0, "SET b 1");
    // The replica's clock runs ahead.
    net.kits[1].advance(1000);
    assert_eq!(net.run(1, "GET a"), "nil");
    assert_eq!(net.run(1, "EXISTS a b"), ":1");
    assert_eq!(net.run(1, "DBSIZE"), ":2");
    net.run(0, "APPEND a x");
    net.run(0, "PERSIST a");
    net.advance(100);
    assert_eq!(net.run(1, "GET a"), "\"1x\"");
    net.check_equal();
    net.run(0, "PEXPIRE a 300");
    net.advance(400);
    assert_eq!(net.run(1, "DBSIZE"), ":1");
    net.check_equal();
}

#[test]
fn places_are_changed() {
    let mut net = Net::new(2);
    net.join(1, 0);
    net.run(0, "SET a 1");
    net.advance(1100);
    assert_eq!(net.run(0, "FAILOVER TO 10.0.0.1 9"), "-ERR FAILOVER target HOST and PORT is not a replica.");
    assert_eq!(net.run(0, "FAILOVER TO 10.0.0.1 1 TIMEOUT 5000"), "+OK");
    assert_eq!(net.run(0, "FAILOVER"), "-ERR FAILOVER already in progress.");
    net.kits[0].raw("w", b"SET a 2\r\n");
    assert!(net.kits[0].exec.server.paused(0));
    net.advance(2500);
    assert_eq!(net.kits[0].heard("w"), b"-READONLY You can't write against a read only replica.\r\n");
    assert_eq!(net.link(0), LinkState::Connected);
    assert!(net.run(1, "ROLE").starts_with("[ \"master\""));
    net.run(1, "SET a 3");
    assert_eq!(net.run(0, "GET a"), "\"3\"");
    let mut same = net.kits[0].contents();
    same.retain(|k| !net.kits[1].contents().contains(k));
    assert!(same.is_empty());
    assert_eq!(net.kits[1].exec.server.repl.stats.sync_full, 0);
}

#[test]
fn writes_need_enough_replicas() {
    let mut net = Net::new(2);
    net.run(0, "CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 2");
    assert_eq!(net.run(0, "SET a 1"), "-NOREPLICAS Not enough good replicas to write.");
    assert_eq!(net.run(0, "GET a"), "nil");
    net.join(1, 0);
    net.advance(1100);
    assert_eq!(net.run(0, "SET a 1"), "+OK");
    net.down = true;
    net.cut_all();
    assert_eq!(net.run(0, "SET a 1"), "-NOREPLICAS Not enough good replicas to write.");
}

#[test]
fn a_replica_without_its_primary() {
    let mut net = Net::new(2);
    net.join(1, 0);
    net.run(0, "SET a 1");
    net.down = true;
    net.cut_all();
    assert_eq!(net.run(1, "GET a"), "\"1\"");
    net.run(1, "CONFIG SET replica-serve-stale-data no");
    let down = "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    assert_eq!(net.run(1, "GET a"), down);
    assert_eq!(net.run(1, "PING"), down);
    assert!(net.run(1, "ROLE").starts_with("[ \"slave\""));
    net.down = false;
    net.advance(1100);
    assert_eq!(net.run(1, "GET a"), "\"1\"");
}

#[test]
fn random_cuts() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut net = Net::new(3);
        net.join(1, 0);
        net.join(2, 1);
        for step in 0..150 {
            match rng.below(12) {
                0 if !net.wires.is_empty() => {
                    let w = rng.below(net.wires.len() as u64) as usize;
                    net.cut(w);
                }
                1 => net.advance(200 + rng.below(1500)),
                2 => net.down = !net.down,
                3 => drop(net.run(0, &format!("SELECT {}", rng.below(4)))),
                4 => {
                    net.run(0, "MULTI");
                    (0..3).for_each(|i| drop(net.run(0, &format!("RPUSH l{i} {step}"))));
                    net.run(0, "EXEC");
                }
                5 => drop(net.run(0, &format!("SET v{} x PX {}", rng.below(9), 1 + rng.below(3000)))),
                n => drop(net.run(0, &format!("APPEND k{n} {step}"))),
            }
        }
        net.down = false;
        net.advance(4000);
        net.check_equal();
        let full: u64 = net.kits.iter().map(|k| k.exec.server.repl.stats.sync_full).sum();
        assert_eq!(full, 0, "seed {seed}");
    }
}

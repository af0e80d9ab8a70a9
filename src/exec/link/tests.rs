//! Primaries and replicas in one process, joined by wires that can be cut.

use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::config::values::Primary;
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

    /// Waits for threads until `done`, for ten seconds of real time at the most.
    #[track_caller]
    pub fn wait(&mut self, done: impl Fn(&Net) -> bool) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !done(self) {
            assert!(std::time::Instant::now() < end, "it never happens");
            self.kits.iter_mut().for_each(|kit| kit.advance(20));
            self.pump();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Waits until this one follows its primary.
    #[track_caller]
    pub fn follows(&mut self, k: usize) {
        self.wait(|net| net.link(k) == LinkState::Connected);
    }

    /// Every kind of value.
    pub fn fill(&mut self, k: usize, n: usize) {
        for line in [
            "SET a 1",
            "SET b 2 PX 10000000",
            "RPUSH l x y z",
            "HSET h f 1 g 2",
            "HPEXPIRE h 10000000 FIELDS 1 f",
            "SADD s 1 2 x",
            "ZADD z 1 a 2.5 b",
            "XADD st 1-1 a b",
            "XGROUP CREATE st g 0",
            "PFADD hll x y",
            "SETBIT bits 100 1",
            "SELECT 7",
            "SET other 1",
            "SELECT 0",
        ] {
            self.run(k, line);
        }
        for i in 0..n {
            let value = format!("{i:0>100}");
            self.kits[k].run("c", &["SET", &format!("key:{i}"), &value].map(|w| w.as_bytes().to_vec()));
        }
        self.pump();
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

fn set(net: &mut Net, k: usize, name: &str, value: &str) {
    assert_eq!(net.run(k, &format!("CONFIG SET {name} {value}")), "+OK");
}

#[test]
fn a_new_replica_gets_everything() {
    for diskless in ["yes", "no"] {
        for load in ["disabled", "on-empty-db", "swapdb", "flush-before-load"] {
            let mut net = Net::new(3);
            set(&mut net, 0, "repl-diskless-sync", diskless);
            set(&mut net, 0, "repl-diskless-sync-delay", "0");
            (1..3).for_each(|k| set(&mut net, k, "repl-diskless-load", load));
            net.fill(0, 3000);
            net.run(1, "SET old 1");
            net.run(1, "REPLICAOF kit 0");
            net.run(2, "REPLICAOF kit 0");
            net.run(0, "SET meanwhile 1");
            net.follows(1);
            net.follows(2);
            net.run(0, "SET after 1");
            net.advance(1000);
            net.check_equal();
            assert_eq!(net.kits[1].exec.server.dbs[0].len(), 3011, "{diskless} {load}");
            assert_eq!(net.run(1, "GET old"), "nil");
            let stats = net.kits[0].exec.server.repl.stats;
            assert_eq!((stats.sync_full, stats.sync_partial_ok), (2, 0));
        }
    }
}

#[test]
fn a_chain_gets_everything_and_goes_on() {
    let mut net = Net::new(4);
    for k in 0..4 {
        set(&mut net, k, "repl-diskless-sync-delay", "0");
    }
    net.fill(0, 100);
    for k in 1..4 {
        net.run(k, &format!("REPLICAOF kit {}", k - 1));
        net.follows(k);
    }
    net.run(0, "SELECT 3");
    net.run(0, "SET x 1");
    net.advance(1000);
    net.check_equal();
    // The head goes, the next one takes over, and nobody needs everything again.
    net.run(1, "REPLICAOF NO ONE");
    net.run(1, "SET y 1");
    net.run(0, "REPLICAOF kit 3");
    (0..4).for_each(|k| {
        if k != 1 {
            net.follows(k)
        }
    });
    net.advance(2000);
    net.check_equal();
    let full: u64 = net.kits.iter().map(|k| k.exec.server.repl.stats.sync_full).sum();
    assert_eq!(full, 3);
}

#[test]
fn who_waits_for_a_file_is_kept_alive() {
    let mut net = Net::new(2);
    set(&mut net, 0, "repl-diskless-sync", "no");
    set(&mut net, 0, "rdb-key-save-delay", "1000");
    net.fill(0, 3000);
    net.run(1, "REPLICAOF kit 0");
    net.advance(70_000);
    set(&mut net, 0, "rdb-key-save-delay", "0");
    net.follows(1);
    assert_eq!(net.kits[0].exec.server.repl.stats.sync_full, 1);
}

#[test]
fn a_primary_that_lost_everything_is_not_believed() {
    let mut net = Net::new(2);
    set(&mut net, 0, "repl-diskless-sync-delay", "0");
    net.fill(0, 10);
    net.run(1, "REPLICAOF kit 0");
    net.follows(1);
    net.advance(1000);
    let keys = net.kits[1].exec.server.keys();
    // It comes up again, empty.
    net.cut_all();
    net.kits[0] = Kit::new(Config { port: 0, ..Config::default() });
    // Kits draw the same ids; this one's history is to be another.
    net.kits[0].exec.server.rng = Rng::new(99);
    set(&mut net, 0, "repl-diskless-sync-delay", "0");
    // It asks again and again, and is refused although pings make the new history longer.
    net.wait(|net| net.kits[0].exec.server.repl.stats.sync_full >= 3);
    assert_eq!(net.kits[1].exec.server.keys(), keys);
    assert_ne!(net.link(1), LinkState::Connected);
    set(&mut net, 1, "replica-allow-empty-primary", "yes");
    net.follows(1);
    assert_eq!(net.kits[1].exec.server.keys(), 0);
    // Whom the operator names anew is believed.
    set(&mut net, 1, "replica-allow-empty-primary", "no");
    net.run(1, "REPLICAOF NO ONE");
    net.run(1, "SET own 1");
    net.run(1, "REPLICAOF kit 0");
    net.follows(1);
    assert_eq!(net.kits[1].exec.server.keys(), 0);
}

#[test]
fn what_breaks_off_is_begun_again() {
    for (load, kept) in [("disabled", true), ("swapdb", true), ("flush-before-load", false)] {
        let mut net = Net::new(2);
        set(&mut net, 0, "repl-diskless-sync-delay", "0");
        set(&mut net, 1, "repl-diskless-load", load);
        set(&mut net, 0, "rdbcompression", "no");
        net.fill(0, 3000);
        net.run(1, "SET old 1");
        set(&mut net, 0, "rdb-key-save-delay", "200");
        net.run(1, "REPLICAOF kit 0");
        net.wait(|net| net.kits[1].exec.server.repl.link.transfer.1 > 100_000);
        std::thread::sleep(std::time::Duration::from_millis(30));
        net.wait(|net| kept || net.kits[1].exec.server.keys() == 0);
        net.down = true;
        net.cut_all();
        net.advance(100);
        assert_eq!(net.kits[1].exec.server.keys(), kept as usize, "{load}");
        assert_eq!(net.run(1, "GET old"), if kept { "\"1\"" } else { "nil" });
        net.down = false;
        set(&mut net, 0, "rdb-key-save-delay", "0");
        net.follows(1);
        net.advance(1000);
        net.check_equal();
    }
}

#[test]
fn while_a_data_set_is_loaded() {
    for (load, heard) in [
        ("flush-before-load", "-LOADING Valkey is loading the dataset in memory"),
        ("swapdb", "\"1\""),
        ("disabled", "\"1\""),
    ] {
        let mut net = Net::new(2);
        set(&mut net, 0, "repl-diskless-sync-delay", "0");
        set(&mut net, 0, "rdb-key-save-delay", "300");
        set(&mut net, 1, "repl-diskless-load", load);
        net.fill(0, 3000);
        net.run(1, "SET old 1");
        net.run(1, "REPLICAOF kit 0");
        net.wait(|net| net.kits[1].exec.server.repl.link.transfer.1 > 50_000);
        assert_eq!(net.run(1, "GET old"), heard, "{load}");
        if load == "swapdb" {
            let refused = "-LOADING Valkey is loading the dataset in memory";
            assert_eq!(net.run(1, "REPLICAOF NO ONE"), refused);
        }
        assert!(net.run(1, "INFO replication").contains("master_sync_in_progress:1"));
        set(&mut net, 0, "rdb-key-save-delay", "0");
        net.follows(1);
        assert_eq!(net.run(1, "GET old"), "nil");
    }
}

#[test]
fn a_backlog_that_is_too_short_costs_everything() {
    let mut net = Net::new(2);
    set(&mut net, 0, "repl-diskless-sync-delay", "0");
    set(&mut net, 0, "repl-backlog-size", "16384");
    net.run(1, "REPLICAOF kit 0");
    net.follows(1);
    net.down = true;
    net.cut_all();
    for i in 0..30 {
        net.run(0, &format!("SET k{i} {}", "x".repeat(2000)));
    }
    net.down = false;
    net.follows(1);
    net.advance(1000);
    net.check_equal();
    let stats = net.kits[0].exec.server.repl.stats;
    assert_eq!((stats.sync_full, stats.sync_partial_ok, stats.sync_partial_err), (2, 0, 2));
}

#[test]
fn servers_that_come_back_with_their_data_go_on() {
    for who in [0, 1] {
        let mut net = Net::new(2);
        set(&mut net, 0, "repl-diskless-sync-delay", "0");
        net.fill(0, 10);
        net.run(1, "REPLICAOF kit 0");
        net.follows(1);
        net.run(0, "SELECT 3");
        net.run(0, "SET x 1");
        net.advance(1000);
        // One of them is saved and comes back.
        let (id, offset, db) = net.kits[who].exec.server.history().unwrap();
        net.down = true;
        net.cut_all();
        let mut kit = Kit::new(Config { port: who as u16, ..Config::default() });
        let old = std::mem::take(&mut net.kits[who].exec.server.dbs);
        kit.exec.server.dbs = old;
        if who == 1 {
            let primary = Primary { host: "kit".into(), port: 0 };
            kit.exec.server.config.replicaof = Some(primary);
            kit.exec.server.begin_as_replica();
        }
        kit.exec.server.resume_history(id, offset, db);
        net.kits[who] = kit;
        net.run(0, "SELECT 3");
        net.run(0, "APPEND x 2");
        net.down = false;
        net.follows(1);
        net.run(0, "APPEND x 3");
        net.advance(1000);
        net.check_equal();
        let full = net.kits[0].exec.server.repl.stats.sync_full;
        assert_eq!(full, if who == 0 { 0 } else { 1 }, "server {who}");
    }
}

#[test]
fn a_shutdown_waits_for_replicas() {
    for (how, answer) in [("", "waits"), ("NOW", "ends"), ("NOSAVE", "waits")] {
        let mut net = Net::new(2);
        net.join(1, 0);
        net.run(0, "SET a 1");
        net.advance(1100);
        // What is said now does not arrive at once.
        net.kits[0].run("c", &["SET", "a", "2"].map(|w| w.as_bytes().to_vec()));
        net.kits[0].raw("s", format!("SHUTDOWN {how}\r\n").as_bytes());
        assert_eq!(net.kits[0].exec.server.shutting_down, answer == "ends", "{how}");
        if answer == "waits" {
            assert!(net.kits[0].run("c", &[b"INFO".to_vec()]).contains("shutdown_in_milliseconds:"));
            assert_eq!(net.kits[0].raw("w", b"SET a 3\r\n"), b"");
            net.advance(1300);
            assert!(net.kits[0].exec.server.shutting_down);
            assert_eq!(net.run(1, "GET a"), "\"2\"");
        }
    }
}

#[test]
fn a_shutdown_is_called_off_or_waits_no_longer_than_it_may() {
    let mut net = Net::new(2);
    net.join(1, 0);
    net.run(0, "SET a 1");
    net.kits[0].run("c", &["SET", "a", "2"].map(|w| w.as_bytes().to_vec()));
    net.kits[0].raw("s", b"SHUTDOWN\r\n");
    net.kits[0].raw("w", b"SET a 3\r\n");
    assert_eq!(net.kits[0].raw("t", b"SHUTDOWN ABORT\r\n"), b"+OK\r\n");
    assert_eq!(net.kits[0].heard("s"), b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert_eq!(net.kits[0].heard("w"), b"+OK\r\n");
    assert!(!net.kits[0].exec.server.shutting_down);
    net.kits[0].raw("s", b"SHUTDOWN\r\n");
    net.kits[0].advance(9000);
    assert!(!net.kits[0].exec.server.shutting_down);
    net.kits[0].advance(2000);
    assert!(net.kits[0].exec.server.shutting_down);
}

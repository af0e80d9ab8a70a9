//! Replication between processes: the tutorial's session, a kill in the middle, and Debian's redis-server on either side.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Commands, Connection};
use rustix::process::Signal;

use crate::server::{Folder, PATIENCE, Server, free_port};

/// Waits until `done`; the sleep is no guess at how long that takes.
#[track_caller]
fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let from = Instant::now();
    while !done() {
        assert!(from.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn field(c: &mut Connection, name: &str) -> String {
    let info: String = redis::cmd("INFO").arg("everything").query(c).unwrap();
    let line = info.lines().find_map(|l| l.strip_prefix(&format!("{name}:"))).unwrap_or_default();
    line.to_owned()
}

#[track_caller]
fn wait_for_link(c: &mut Connection) {
    wait("the link comes up", || field(c, "master_link_status") == "up");
}

/// The replica has all that the primary has said.
#[track_caller]
fn wait_for_offset(primary: &mut Connection, replica: &mut Connection) {
    wait("the replica catches up", || {
        field(primary, "master_repl_offset") == field(replica, "slave_repl_offset")
    });
}

fn fill(c: &mut Connection, keys: usize) {
    let mut pipeline = redis::pipe();
    for i in 0..keys {
        pipeline.cmd("SET").arg(format!("key:{i}")).arg(format!("{i:0>50}")).ignore();
    }
    let () = pipeline.query(c).unwrap();
    let () = redis::cmd("HSET").arg(&["h", "f", "1", "g", "2"]).query(c).unwrap();
    let () = redis::cmd("ZADD").arg(&["z", "1", "a", "2.5", "b"]).query(c).unwrap();
    let () = redis::cmd("RPUSH").arg(&["l", "x", "y"]).query(c).unwrap();
    let () = redis::cmd("SADD").arg(&["s", "1", "x"]).query(c).unwrap();
    let () = redis::cmd("XADD").arg(&["st", "1-1", "f", "v"]).query(c).unwrap();
    let () = redis::cmd("SET").arg(&["e", "v", "EX", "1000"]).query(c).unwrap();
}

#[test]
fn the_tutorial_s_session() {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let mut p = primary.client("");
    let () = p.set("mykey", "hello").unwrap();
    let port = primary.port.to_string();
    let replica = Server::start(&["--slaveof", "127.0.0.1", &port]);
    let mut r = replica.client("");
    wait_for_link(&mut r);
    assert_eq!(r.get::<_, String>("mykey").unwrap(), "hello");
    let () = p.set("next", 1).unwrap();
    wait_for_offset(&mut p, &mut r);
    assert_eq!(r.get::<_, i64>("next").unwrap(), 1);
    let refused = r.set::<_, _, ()>("x", 1).unwrap_err();
    assert!(refused.to_string().contains("You can't write against a read only replica."), "{refused}");
    let () = redis::cmd("SLAVEOF").arg("NO").arg("ONE").query(&mut r).unwrap();
    let () = r.set("x", 1).unwrap();
    // And back again, by a name instead of an address.
    let () = redis::cmd("SLAVEOF").arg("localhost").arg(&port).query(&mut r).unwrap();
    wait_for_link(&mut r);
    assert_eq!(r.get::<_, Option<i64>>("x").unwrap(), None);
}

#[test]
fn a_stopped_replica_catches_up_without_a_full_sync() {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let mut p = primary.client("");
    fill(&mut p, 20_000);
    let port = primary.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-load", "swapdb"]);
    let mut r = replica.client("");
    wait_for_link(&mut r);
    replica.signal(Signal::STOP);
    for i in 0..2000 {
        let () = p.set(format!("key:{i}"), "other").unwrap();
    }
    let () = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "replica"]).query(&mut p).unwrap();
    let () = redis::cmd("RPUSH").arg(&["l", "z"]).query(&mut p).unwrap();
    replica.signal(Signal::CONT);
    wait_for_link(&mut r);
    wait_for_offset(&mut p, &mut r);
    assert_eq!((field(&mut p, "sync_full"), field(&mut p, "sync_partial_ok")), ("1".into(), "1".into()));
    assert_eq!(r.get::<_, String>("key:7").unwrap(), "other");
    let list: Vec<String> = redis::cmd("LRANGE").arg(&["l", "0", "-1"]).query(&mut r).unwrap();
    assert_eq!(list, ["x", "y", "z"]);
    let waited: i64 = redis::cmd("WAIT").arg(1).arg(10_000).query(&mut p).unwrap();
    assert_eq!(waited, 1);
}

#[test]
fn writes_go_on_while_replicas_come_and_go() {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let mut p = primary.client("");
    fill(&mut p, 30_000);
    let port = primary.port.to_string();
    let words = ["--replicaof", "127.0.0.1", &port];
    let (one, two) = (Server::start(&words), Server::start(&words));
    let mut third = Server::start(&[&words[..], &["--repl-diskless-load", "flush-before-load"]].concat());
    let mut n = 0;
    let mut write = |p: &mut Connection| {
        n += 1;
        let () = redis::cmd("APPEND").arg(format!("key:{}", n % 500)).arg(n).query(p).unwrap();
    };
    (0..5000).for_each(|_| write(&mut p));
    third.signal(Signal::KILL);
    drop(std::mem::replace(&mut third, Server::start(&words)));
    (0..5000).for_each(|_| write(&mut p));
    for server in [&one, &two, &third] {
        let mut r = server.client("");
        wait_for_link(&mut r);
        wait_for_offset(&mut p, &mut r);
        let sum = |c: &mut Connection| {
            (0..500).map(|i| c.get::<_, String>(format!("key:{i}")).unwrap()).collect::<Vec<_>>()
        };
        assert!(sum(&mut p) == sum(&mut r));
    }
}

/// Debian's server.
struct Redis {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl Redis {
    fn start(words: &[&str]) -> Redis {
        let (folder, port) = (Folder::new(), free_port());
        let mut command = Command::new("/usr/bin/redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
        command.arg(folder.path()).args(words).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let redis = Redis { child, port, _folder: folder };
        wait("redis-server starts", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        redis
    }

    fn client(&self) -> Connection {
        let url = format!("redis://127.0.0.1:{}/", self.port);
        redis::Client::open(url).unwrap().get_connection_with_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The two hold the same, and go on doing so.
#[track_caller]
fn check_pair(p: &mut Connection, r: &mut Connection) {
    wait_for_link(r);
    let () = redis::cmd("HINCRBY").arg(&["h", "f", "5"]).query(p).unwrap();
    let () = redis::cmd("SPOP").arg("s").query(p).map(|_: Option<String>| ()).unwrap();
    wait_for_offset(p, r);
    let same = |c: &mut Connection| {
        let size: i64 = redis::cmd("DBSIZE").query(c).unwrap();
        let hash: Vec<String> = redis::cmd("HMGET").arg(&["h", "f", "g"]).query(c).unwrap();
        let scores: Vec<String> = redis::cmd("ZRANGE").arg(&["z", "0", "-1", "WITHSCORES"]).query(c).unwrap();
        let set: Vec<String> = c.smembers("s").unwrap();
        let ttl: i64 = redis::cmd("EXPIRETIME").arg("e").query(c).unwrap();
        let stream: i64 = redis::cmd("XLEN").arg("st").query(c).unwrap();
        (size, hash, scores, set, ttl, stream, c.get::<_, String>("key:1999").unwrap())
    };
    assert_eq!(same(p), same(r));
}

#[test]
#[ignore = "needs redis-server"]
fn redis_follows_us_and_we_follow_redis() {
    for diskless in ["yes", "no"] {
        let words = ["--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0"];
        let ours = Server::start(&words);
        let mut p = ours.client("");
        fill(&mut p, 3000);
        let port = ours.port.to_string();
        let theirs = Redis::start(&[&words[..], &["--replicaof", "127.0.0.1", &port]].concat());
        let mut r = theirs.client();
        check_pair(&mut p, &mut r);
        // A broken link costs nothing.
        let () = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "replica"]).query(&mut p).unwrap();
        let () = p.set("after", 1).unwrap();
        check_pair(&mut p, &mut r);
        assert_eq!((field(&mut p, "sync_full"), field(&mut p, "sync_partial_ok")), ("1".into(), "1".into()));
        // They change places, which costs nothing either.
        let () = redis::cmd("REPLICAOF").arg(&["NO", "ONE"]).query(&mut r).unwrap();
        let port = theirs.port.to_string();
        let () = redis::cmd("REPLICAOF").arg(&["127.0.0.1", &port]).query(&mut p).unwrap();
        check_pair(&mut r, &mut p);
        assert_eq!((field(&mut r, "sync_full"), field(&mut r, "sync_partial_ok")), ("0".into(), "1".into()));
        // A newcomer needs everything.
        let third = Server::start(&["--replicaof", "127.0.0.1", &port]);
        check_pair(&mut r, &mut third.client(""));
    }
}

//! Sentinels as processes. Over our own servers; and over those that Debian ships, ignored where they may be missing: a
//! client library follows a fail-over, and the old primary comes back as a replica. `.ci/run` installs and runs these.

use std::process::{Child, Command, Stdio};

use crate::interop::tool;
use crate::server::{Folder, Server, free_port};

/// Debian's redis-server, ended with the test.
struct Real {
    port: u16,
    child: Child,
    _folder: Folder,
}

impl Real {
    fn start(primary: Option<u16>) -> Real {
        let (port, folder) = (free_port(), Folder::new());
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--save", "", "--repl-diskless-sync-delay", "0", "--dir"]);
        command.arg(folder.path());
        if let Some(primary) = primary {
            command.args(["--replicaof", &format!("127.0.0.1 {primary}")]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        Real { port, child, _folder: folder }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Sentinel of ours that watches a primary as `m`.
fn sentinel(primary: u16, quorum: u32) -> Server {
    let folder = Folder::new();
    let lines = format!(
        "# kept\nSentinel Monitor m 127.0.0.1 {primary} {quorum}\nsentinel down-after-milliseconds m 1000\n\
         sentinel failover-timeout m 20000\n"
    );
    std::fs::write(folder.path().join("tarn.conf"), lines).unwrap();
    Server::start_in(folder, &["--sentinel"])
}

#[test]
fn a_replica_takes_the_place_of_its_primary() {
    let primary = Server::start(&[]);
    let mut replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    replica.wait_for("PRIMARY <-> REPLICA sync: Finished with success").unwrap();
    let mut sentinel = sentinel(primary.port, 1);
    sentinel.wait_for("+slave slave 127.0.0.1:").unwrap();
    primary.tcp().ask(b"SET k v\r\nWAIT 1 0\r\n", b"+OK\r\n:1\r\n");
    let (old, new) = (primary.port, replica.port);
    drop(primary);
    sentinel.wait_for(&format!("+switch-master m 127.0.0.1 {old} 127.0.0.1 {new}")).unwrap();
    replica.tcp().ask(b"GET k\r\nSET k w\r\n", b"$1\r\nv\r\n+OK\r\n");
    let addr = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{new}\r\n", new.to_string().len());
    sentinel.tcp().ask(b"SENTINEL GET-MASTER-ADDR-BY-NAME m\r\n", addr.as_bytes());
}

/// `until` asks again and again; a fail-over takes a second or two.
const COMMON: &str = r#"
import os, subprocess, sys, time
import redis
from redis.sentinel import MasterNotFoundError, Sentinel
SOON = (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, redis.ResponseError, MasterNotFoundError)
def until(what, seconds=80):
    end, last = time.time() + seconds, None
    while time.time() < end:
        try:
            last = what()
            if last:
                return last
        except SOON as e:
            last = e
        time.sleep(0.05)
    raise SystemExit(f"it does not come: {last!r}")
"#;

fn python(script: &str, words: &[&str]) -> String {
    let python = std::env::var("TARN_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = [COMMON, script].concat();
    tool(&python, &[&["-c", &script], words].concat(), "")
}

#[test]
#[ignore = "needs redis-server and redis-py"]
fn a_client_follows_a_failover() {
    const SCRIPT: &str = r#"
pid, ports = int(sys.argv[1]), sys.argv[2:]
s = Sentinel([("127.0.0.1", int(p)) for p in ports], socket_timeout=2)
others = lambda c: c.sentinel_master("m")["num-other-sentinels"]
until(lambda: all(others(c) == len(ports) - 1 for c in s.sentinels))
until(lambda: len(s.discover_slaves("m")) == 1)
r = s.master_for("m", socket_timeout=2)
assert r.set("k", "before")
until(lambda: s.slave_for("m", socket_timeout=2).get("k") == b"before")
old = s.discover_master("m")
os.kill(pid, 9)
until(lambda: r.set("k", "after"))
assert s.discover_master("m") != old
assert r.get("k") == b"after"
print("good")
"#;
    let primary = Real::start(None);
    let _replica = Real::start(Some(primary.port));
    let sentinels: Vec<Server> = (0..3).map(|_| sentinel(primary.port, 2)).collect();
    let ports: Vec<String> = sentinels.iter().map(|s| s.port.to_string()).collect();
    let words: Vec<&str> = ports.iter().map(String::as_str).collect();
    assert_eq!(python(SCRIPT, &[&[primary.pid().as_str()], &words[..]].concat()), "good\n");
}

#[test]
#[ignore = "needs redis-server and redis-py"]
fn the_old_primary_comes_back_as_a_replica() {
    const SCRIPT: &str = r#"
sentinel, pid, old, new = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
s, r = redis.Redis(port=sentinel, decode_responses=True), redis.Redis(port=new)
events = s.pubsub()
events.psubscribe("+*")
until(lambda: s.sentinel_master("m")["num-slaves"] == 1)
until(lambda: r.info("replication")["master_link_status"] == "up")
os.kill(pid, 9)
until(lambda: s.sentinel_get_master_addr_by_name("m")[1] == new)
assert r.info("replication")["role"] == "master"
heard = []
def switched():
    message = events.get_message(timeout=1)
    if message:
        heard.append(message["channel"])
    return "+switch-master" in heard
until(switched)
order = ["+sdown", "+odown", "+try-failover", "+elected-leader", "+selected-slave", "+promoted-slave", "+failover-end"]
assert [c for c in heard if c in order] == order, heard
back = subprocess.Popen(["redis-server", "--port", str(old), "--save", ""], stdout=subprocess.DEVNULL)
try:
    until(lambda: redis.Redis(port=old).info("replication").get("master_port") == new)
finally:
    back.kill()
print("good")
"#;
    let primary = Real::start(None);
    let replica = Real::start(Some(primary.port));
    let sentinel = sentinel(primary.port, 1);
    let [own, old, new] = [sentinel.port, primary.port, replica.port].map(|port| port.to_string());
    assert_eq!(python(SCRIPT, &[&own, &primary.pid(), &old, &new]), "good\n");
    let text = std::fs::read_to_string(sentinel.folder.path().join("tarn.conf")).unwrap();
    assert!(text.starts_with(&format!("# kept\nsentinel monitor m 127.0.0.1 {new} 1\n")), "{text}");
    assert!(text.contains(&format!("sentinel known-replica m 127.0.0.1 {old}\n")), "{text}");
}

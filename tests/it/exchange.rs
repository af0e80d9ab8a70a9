//! RDB files go between us and the servers that people come from or go to: what one has saved the other loads, and all is the
//! same. Ignored where these servers may be missing; `.ci/run` has them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use redis::{Connection, Value, cmd};

use crate::server::{Folder, PATIENCE, Server, free_port};

/// Another server, ended with the test.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    fn start(program: &Path, folder: &Path) -> Peer {
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Peer { child, port }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to a server that has loaded its data.
#[track_caller]
fn connect(port: u16) -> Connection {
    let began = Instant::now();
    loop {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
        if let Ok(mut c) = client.get_connection()
            && cmd("DBSIZE").query::<i64>(&mut c).is_ok()
        {
            return c;
        }
        assert!(began.elapsed() < PATIENCE, "no server on port {port}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Runs a command given as words.
#[track_caller]
fn ask(c: &mut Connection, words: &[&str]) -> Value {
    let mut command = cmd(words[0]);
    words[1..].iter().for_each(|w| {
        command.arg(*w);
    });
    command.query(c).unwrap_or_else(|e| panic!("{words:?}: {e}"))
}

/// Values of every type, in every encoding that has a form of its own.
fn fill(c: &mut Connection, field_expiry: bool) {
    ask(c, &["FLUSHALL"]);
    let long = "compressible ".repeat(5000);
    let noise: String =
        (0..3000u32).map(|i| char::from(b' ' + (i.wrapping_mul(2_654_435_761) >> 24) as u8 % 94)).collect();
    for (key, value) in [("empty", ""), ("short", "v"), ("long", &long), ("noise", &noise)] {
        ask(c, &["SET", key, value]);
    }
    for n in [
        "0",
        "-1",
        "127",
        "-129",
        "70000",
        "-3000000000",
        "9223372036854775807",
        "-9223372036854775808",
        "012",
    ] {
        ask(c, &["SET", &format!("n{n}"), n]);
    }
    ask(c, &["SET", "volatile", "v", "PXAT", "4102444800123"]);
    ask(c, &["RPUSH", "plain", "small", &noise.repeat(10), "small again"]);
    for n in [3, 1000] {
        for i in 0..n {
            let text = if i % 2 == 0 { i.to_string() } else { format!("element {i}") };
            ask(c, &["RPUSH", &format!("list{n}"), &text]);
            ask(c, &["SADD", &format!("set{n}"), &text]);
            ask(c, &["SADD", &format!("ints{n}"), &(i * 70_000 - 5).to_string()]);
            ask(c, &["HSET", &format!("hash{n}"), &text, &format!("value {i}")]);
            ask(c, &["ZADD", &format!("zset{n}"), &format!("{}.5", i % 7), &text]);
            ask(c, &["XADD", &format!("stream{n}"), &format!("{}-{i}", 1 + i / 5), "field", &text, "n", "7"]);
        }
    }
    ask(c, &["ZADD", "zset3", "inf", "top", "-inf", "bottom"]);
    ask(c, &["XDEL", "stream1000", "1-1", "7-33"]);
    for (group, consumers) in [("g1", &["a", "b"][..]), ("g2", &["c"])] {
        ask(c, &["XGROUP", "CREATE", "stream1000", group, "0"]);
        for consumer in consumers {
            ask(c, &["XREADGROUP", "GROUP", group, consumer, "COUNT", "150", "STREAMS", "stream1000", ">"]);
        }
    }
    ask(c, &["XACK", "stream1000", "g1", "2-5", "2-6"]);
    ask(c, &["XGROUP", "CREATECONSUMER", "stream1000", "g2", "idle"]);
    ask(c, &["XGROUP", "CREATE", "nothing", "g", "$", "MKSTREAM"]);
    if field_expiry {
        ask(c, &["HSET", "fields", "a", "1", "b", "2", "c", "3"]);
        ask(c, &["HPEXPIREAT", "fields", "4102444800123", "FIELDS", "1", "a"]);
        ask(c, &["HPEXPIREAT", "fields", "4102444900456", "FIELDS", "1", "b"]);
    }
    ask(c, &["SELECT", "5"]);
    ask(c, &["SET", "elsewhere", "v"]);
    ask(c, &["SELECT", "0"]);
}

/// Everything that a server holds, as text.
fn contents(c: &mut Connection) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for db in ["0", "5"] {
        ask(c, &["SELECT", db]);
        let keys: Vec<String> = cmd("KEYS").arg("*").query(c).unwrap();
        for key in keys {
            let kind: String = cmd("TYPE").arg(&key).query(c).unwrap();
            let mut value = match &kind[..] {
                "string" => vec![ask(c, &["GET", &key])],
                "list" => vec![ask(c, &["LRANGE", &key, "0", "-1"])],
                "set" => sorted(ask(c, &["SMEMBERS", &key]), 1),
                "zset" => vec![ask(c, &["ZRANGE", &key, "0", "-1", "WITHSCORES"])],
                "hash" => sorted(ask(c, &["HGETALL", &key]), 2),
                _ => stream(c, &key),
            };
            value.push(ask(c, &["PEXPIRETIME", &key]));
            if key == "fields" {
                value.push(ask(c, &["HPEXPIRETIME", &key, "FIELDS", "3", "a", "b", "c"]));
            }
            all.insert(format!("{db} {key}"), format!("{kind} {value:?}"));
        }
    }
    ask(c, &["SELECT", "0"]);
    all
}

fn sorted(value: Value, step: usize) -> Vec<Value> {
    let all = match value {
        Value::Array(all) => all,
        other => vec![other],
    };
    let mut parts: Vec<Vec<Value>> = all.chunks(step).map(<[Value]>::to_vec).collect();
    parts.sort_by_key(|part| format!("{part:?}"));
    parts.concat()
}

/// Entries and groups. How long ago something was is not compared.
fn stream(c: &mut Connection, key: &str) -> Vec<Value> {
    let mut all = vec![ask(c, &["XRANGE", key, "-", "+"]), ask(c, &["XINFO", "GROUPS", key])];
    let Value::Array(groups) = all[1].clone() else { return all };
    for group in groups {
        let Value::Array(fields) = group else { continue };
        let Some(Value::BulkString(name)) = fields.get(1) else { continue };
        let name = String::from_utf8_lossy(name).into_owned();
        let Value::Array(pending) = ask(c, &["XPENDING", key, &name, "-", "+", "1000"]) else { continue };
        for mut entry in pending {
            if let Value::Array(parts) = &mut entry {
                parts.remove(2);
            }
            all.push(entry);
        }
    }
    all
}

#[track_caller]
fn same(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>, how: &str) {
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{how}");
    for (key, value) in ours {
        assert_eq!(value, &theirs[key], "{how}: {key}");
    }
}

/// Both ways between us and this server. `format`: how it has fields of hashes that expire, if it has them.
fn exchange(program: &Path, format: Option<&str>) {
    let how = program.display().to_string();
    let ours = Server::start(&["--rdb-field-expiry-format", format.unwrap_or("valkey")]);
    let mut c = connect(ours.port);
    fill(&mut c, format.is_some());
    ask(&mut c, &["SAVE"]);
    let before = contents(&mut c);
    assert!(before.len() > 25);
    let folder = Folder::new();
    std::fs::copy(ours.folder.path().join("dump.rdb"), folder.path().join("dump.rdb")).unwrap();
    let peer = Peer::start(program, folder.path());
    let mut theirs = connect(peer.port);
    same(&before, &contents(&mut theirs), &format!("what {how} has loaded"));
    fill(&mut theirs, format.is_some());
    ask(&mut theirs, &["SAVE"]);
    let before = contents(&mut theirs);
    drop(peer);
    let ours = Server::start_in(folder, &[]);
    let mut c = connect(ours.port);
    same(&before, &contents(&mut c), &format!("what {how} has saved"));
}

fn peer(name: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let peers = std::env::var_os("PEERS").map_or(home.join(".cache/tarn-peers"), PathBuf::from);
    let path = peers.join("bin").join(name);
    assert!(path.exists(), "{} is not there: run peers/setup, or skip `with_peers`", path.display());
    path
}

#[test]
#[ignore = "needs redis-server"]
fn files_go_to_and_from_redis_7() {
    exchange(Path::new("/usr/bin/redis-server"), None);
}

#[test]
#[ignore = "needs the peers"]
fn files_go_to_and_from_redis_8_with_peers() {
    exchange(&peer("redis8-server"), Some("redis"));
}

#[test]
#[ignore = "needs the peers"]
fn files_go_to_and_from_valkey_with_peers() {
    exchange(&peer("valkey-server"), Some("valkey"));
}

//! The tools that everybody has, as Debian and the registries ship them. Ignored where they may be missing;
//! `.ci/run` installs and runs them.

use std::process::{Command, Stdio};

use crate::server::Server;

/// Runs a program to its end; gives what it printed.
#[track_caller]
pub fn tool(program: &str, words: &[&str], stdin: &str) -> String {
    use std::io::Write;
    // A tool that hangs must not hang the tests.
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "120", program]).args(words);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {words:?}: {}\n{text}{errors}", output.status);
    text
}

#[test]
#[ignore = "needs redis-tools"]
fn redis_cli_talks_to_it() {
    let server = Server::start(&[]);
    let port = server.port.to_string();
    let cli = |words: &[&str], stdin: &str| tool("redis-cli", &[&["-p", &port], words].concat(), stdin);
    assert_eq!(cli(&["ping"], ""), "PONG\n");
    assert_eq!(cli(&["-3", "set", "k", "v"], ""), "OK\n");
    assert_eq!(cli(&[], "GET k\nINCR n\nINCRBY n 9\nDEL k n\n"), "v\n1\n10\n2\n");
    assert_eq!(cli(&["-n", "3", "dbsize"], ""), "0\n");
    let sock = server.socket();
    assert_eq!(tool("redis-cli", &["-s", sock.to_str().unwrap(), "echo", "by unix"], ""), "by unix\n");

    let mut commands = String::new();
    for i in 0..20_000 {
        let (key, value) = (format!("key:{i}"), format!("value:{i}"));
        commands += &format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len());
    }
    let piped = cli(&["--pipe"], &commands);
    assert!(piped.contains("errors: 0, replies: 20000"), "{piped}");
    assert_eq!(cli(&["--scan", "--pattern", "key:1999?"], "").lines().count(), 10);
    assert!(cli(&["--bigkeys"], "").contains("20000 strings"));
    assert!(cli(&["info", "server"], "").contains("redis_version:"));
    assert!(cli(&["command", "docs", "get"], "").contains("summary"));
}

#[test]
#[ignore = "needs redis-tools"]
fn redis_benchmark_runs_against_it() {
    let server = Server::start(&[]);
    let port = server.port.to_string();
    for words in [&["-P", "1"][..], &["-P", "16"], &["-d", "10000", "-r", "1000"], &["-c", "200"]] {
        let all = [&["-p", &port, "-n", "5000", "-q", "-t", "ping,set,get,incr,mset"], words].concat();
        let text = tool("redis-benchmark", &all, "");
        assert!(text.contains("SET: ") && text.contains("requests per second"), "{text}");
        assert!(!text.to_lowercase().contains("error"), "{text}");
    }
}

#[test]
#[ignore = "needs redis-py"]
fn redis_py_talks_to_it() {
    const SCRIPT: &str = r#"
import redis, sys
port, sock = int(sys.argv[1]), sys.argv[2]
for r in (redis.Redis(port=port, socket_timeout=20), redis.Redis(port=port, protocol=3, decode_responses=True),
          redis.Redis(unix_socket_path=sock)):
    text = (lambda v: v) if r.get_encoder().decode_responses else (lambda v: v.decode())
    r.flushall()
    assert r.set("k", "v", ex=100) and text(r.get("k")) == "v" and 0 < r.ttl("k") <= 100
    assert r.set("k", "w", nx=True) is None
    assert r.mset({"a": 1, "b": 2}) and [text(v) for v in r.mget("a", "b")] == ["1", "2"]
    assert r.incrbyfloat("f", 1.5) == 1.5 and r.append("k", "xyz") == 4 and r.getrange("k", 1, 2) in (b"xy", "xy")
    assert r.setbit("bits", 7, 1) == 0 and r.bitcount("bits") == 1 and r.bitpos("bits", 1) == 7
    assert sorted(text(k) for k in r.scan_iter(count=2)) == ["a", "b", "bits", "f", "k"]
    assert r.rename("a", "c") and r.exists("a", "c") == 1 and r.delete("b", "c") == 2
    with r.pipeline(transaction=False) as p:
        for i in range(500):
            p.incr("n")
        assert p.execute() == list(range(1, 501))
    try:
        r.incr("k")
        raise SystemExit("no error")
    except redis.ResponseError as e:
        assert "not an integer" in str(e), e
    assert r.info("server")["redis_version"] and r.config_get("maxmemory") and r.client_id() > 0
    assert r.client_setname("me") and r.client_getname() in ("me", b"me")
print("good")
"#;
    let server = Server::start(&[]);
    let python = std::env::var("TARN_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let (port, sock) = (server.port.to_string(), server.socket());
    assert_eq!(tool(&python, &["-c", SCRIPT, &port, sock.to_str().unwrap()], ""), "good\n");
}

#[test]
#[ignore = "needs redis-py"]
fn what_a_course_teaches() {
    const LESSONS: &str = include_str!("tutorial.py");
    let server = Server::start(&[]);
    let python = std::env::var("TARN_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let heard = tool(&python, &["-c", LESSONS, &server.port.to_string()], "");
    assert_eq!(heard, "ranking\nsales\nfriends\ncart\ndelay_queue\nqueue\nothers\n");
}

//! Raw bytes: what a client library never sends. Texts are the reference's.

use crate::server::Server;

#[test]
fn requests_may_come_in_any_pieces() {
    let server = Server::start(&[]);
    for mut c in [server.tcp(), server.unix()] {
        for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n" {
            c.send(&[*byte]);
        }
        c.hear(b"+OK\r\n");
        c.ask(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$3\r\nGE", b"$4\r\na\r\nb\r\n");
        c.ask(b"T\r\n$1\r\nk\r\n", b"$4\r\na\r\nb\r\n");
    }
}

#[test]
fn requests_may_be_typed_by_hand() {
    let server = Server::start(&[]);
    let mut c = server.tcp();
    c.ask(b"PING\r\n", b"+PONG\r\n");
    c.ask(b"ping\n", b"+PONG\r\n");
    c.ask(b"\r\n\r\n*0\r\n*-1\r\nSET 'a b' \"c\\x00\\n\"\r\n", b"+OK\r\n");
    c.ask(b"GET \"a b\"\r\n", b"$3\r\nc\0\n\r\n");
}

#[test]
fn violations_of_the_protocol_are_named_and_end_the_connection() {
    let server = Server::start(&[]);
    let long = [&b"PING "[..], &b"x".repeat(70_000)].concat();
    let long_count = [&b"*"[..], &b"1".repeat(70_000)].concat();
    let cases: &[(&[u8], &str)] = &[
        (b"*x\r\n", "invalid multibulk length"),
        (b"*1048577\r\n", "invalid multibulk length"),
        (b"*3000000000\r\n", "invalid multibulk length"),
        (b"*1\r\n!4\r\nPING\r\n", "expected '$', got '!'"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"SET \"a b\r\n", "unbalanced quotes in request"),
        (&long, "too big inline request"),
        (&long_count, "too big mbulk count string"),
    ];
    for (bytes, reason) in cases {
        let mut c = server.tcp();
        c.send(bytes);
        let heard = c.rest();
        assert_eq!(String::from_utf8_lossy(&heard), format!("-ERR Protocol error: {reason}\r\n"));
    }
}

#[test]
fn what_came_before_a_violation_is_answered() {
    let server = Server::start(&[]);
    let mut c = server.tcp();
    c.send(b"*1\r\n$4\r\nPING\r\nSET a 1\r\n*1\r\n#\r\n");
    assert_eq!(c.rest(), b"+PONG\r\n+OK\r\n-ERR Protocol error: expected '$', got '#'\r\n");
    server.tcp().ask(b"GET a\r\n", b"$1\r\n1\r\n");
}

#[test]
fn strangers_may_send_little() {
    let server = Server::start(&["--requirepass", "secret"]);
    let mut c = server.tcp();
    c.ask(b"GET a\r\n", b"-NOAUTH Authentication required.\r\n");
    c.send(b"*11\r\n");
    assert_eq!(c.rest(), b"-ERR Protocol error: unauthenticated multibulk length\r\n");
    let mut c = server.tcp();
    c.send(b"*2\r\n$3\r\nGET\r\n$16385\r\n");
    assert_eq!(c.rest(), b"-ERR Protocol error: unauthenticated bulk length\r\n");
    let mut c = server.tcp();
    c.ask(b"AUTH wrong\r\n", b"-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    c.ask(b"AUTH secret\r\nSET a 1\r\n", b"+OK\r\n+OK\r\n");
    c.ask(b"*2\r\n$3\r\nGET\r\n$16385\r\n", b"");
    c.ask(&[&b"x".repeat(16385)[..], b"\r\n"].concat(), b"$-1\r\n");
}

#[test]
fn what_is_only_announced_costs_little() {
    let server = Server::start(&[]);
    let before = used_memory(&server);
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let mut c = server.tcp();
            c.send(b"*1048576\r\n$536870912\r\nabc");
            c
        })
        .collect();
    // The last one's bytes have arrived once a later connection has been answered.
    server.tcp().ask(b"PING\r\n", b"+PONG\r\n");
    let grown = used_memory(&server).saturating_sub(before);
    assert!(grown < 50 * 64 * 1024, "50 announcements of 512 MB cost {grown} bytes");
    drop(waiting);
}

fn used_memory(server: &Server) -> u64 {
    let mut c = server.client("");
    let info: String = redis::cmd("INFO").arg("memory").query(&mut c).unwrap();
    let line = info.lines().find_map(|l| l.strip_prefix("used_memory:")).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn a_browser_is_sent_away() {
    let mut server = Server::start(&[]);
    let mut c = server.tcp();
    c.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nSET a 1\r\n");
    assert_eq!(c.rest(), b"");
    server.wait_for("Possible SECURITY ATTACK detected").unwrap();
    server.tcp().ask(b"EXISTS a\r\n", b":0\r\n");
}

#[test]
fn violations_are_told_in_the_log_without_what_users_sent() {
    let mut server = Server::start(&["--loglevel", "verbose"]);
    let violate = |server: &Server| {
        let mut c = server.tcp();
        c.send(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$blabla\r\n");
        c.rest();
    };
    violate(&server);
    server.wait_for(". Query buffer: *redacted*").unwrap();
    server.tcp().ask(b"CONFIG SET hide-user-data-from-log no\r\n", b"+OK\r\n");
    violate(&server);
    server.wait_for("Protocol error (invalid bulk length) from client: id=").unwrap();
    violate(&server);
    server.wait_for(". Query buffer: '$blabla..'").unwrap();
}

//! Scripts that run for long: others are answered, and can end them.

use redis::Connection;

use crate::server::{Raw, Server};

const BUSY: &[u8] =
    b"-BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
const BUSY_FUNCTION: &[u8] =
    b"-BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n";

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for w in words {
        bytes.extend(format!("${}\r\n{w}\r\n", w.len()).into_bytes());
    }
    bytes
}

/// A server on which a script runs and is busy; the script's client.
fn stuck(words: &[&str]) -> (Server, Raw) {
    let mut server = Server::start(&["--busy-reply-threshold", "50"]);
    let mut c = server.tcp();
    if words[0] == "FCALL" {
        let library = "#!lua name=l\nserver.register_function('f', function() while true do end end)";
        c.ask(&request(&["FUNCTION", "LOAD", library]), b"$1\r\nl\r\n");
    }
    c.send(&request(words));
    server.wait_for("Slow script detected").unwrap();
    (server, c)
}

#[test]
fn others_are_answered_while_a_script_is_stuck_and_can_end_it() {
    for script in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local f f = function() return pcall(f) end while true do f() end",
        "table.sort({3, 2, 1}, function(a, b) while true do end end)",
        "return string.find(string.rep('a', 200), string.rep('a*', 30) .. 'b')",
        "coroutine.wrap(function() while true do coroutine.resume(coroutine.create(function() while true do end end)) end end)()",
        "local s = string.rep('x', 1000000) while true do local n = #(s .. s) end",
        "while true do redis.call('PING') end",
        "setmetatable({}, {__index = function(t, k) while true do end end}).x = nil return setmetatable({}, {__index = function() while true do end end}).x",
    ] {
        let (server, mut c) = stuck(&["EVAL", script, "0"]);
        let mut other = server.tcp();
        other.ask(b"PING\r\n", BUSY);
        other.ask(b"SHUTDOWN\r\n", BUSY);
        other.ask(b"FUNCTION KILL\r\n", BUSY);
        other.ask(b"SCRIPT KILL\r\n", b"+OK\r\n");
        c.hear(b"-ERR Script killed by user with SCRIPT KILL. script: on @user_script:1.\r\n");
        c.ask(b"PING\r\n", b"+PONG\r\n");
        other.ask(b"PING\r\n", b"+PONG\r\n");
    }
}

#[test]
fn a_function_is_ended_by_function_kill() {
    let (server, mut c) = stuck(&["FCALL", "f", "0"]);
    let mut other = server.tcp();
    other.ask(b"SCRIPT KILL\r\n", BUSY_FUNCTION);
    other.send(b"FUNCTION STATS\r\n");
    other.hear(b"*4\r\n$14\r\nrunning_script\r\n*6\r\n$4\r\nname\r\n$1\r\nf\r\n$7\r\ncommand\r\n*3\r\n$5\r\nFCALL\r\n$1\r\nf\r\n$1\r\n0\r\n");
    let mut killer = server.tcp();
    killer.ask(b"FUNCTION KILL\r\n", b"+OK\r\n");
    c.hear(b"-ERR Script killed by user with FUNCTION KILL. script: on @user_function:2.\r\n");
}

#[test]
fn who_goes_and_who_comes_while_a_script_is_stuck() {
    let (server, c) = stuck(&["EVAL", "while true do end", "0"]);
    // Its own client goes; the script does not end by that.
    drop(c);
    let mut multi = server.tcp();
    multi.ask(b"MULTI\r\n", b"+OK\r\n");
    multi.ask(b"SET k v\r\n", BUSY);
    for _ in 0..20 {
        server.tcp().ask(b"GET k\r\n", BUSY);
    }
    server.tcp().ask(b"SCRIPT KILL\r\n", b"+OK\r\n");
    multi.ask(b"EXEC\r\n", b"-EXECABORT Transaction discarded because of previous errors.\r\n");
    let mut c: Connection = server.client("");
    assert_eq!(redis::cmd("PING").query::<String>(&mut c).unwrap(), "PONG");
}

#[test]
fn what_has_written_is_ended_by_a_shutdown_only() {
    let (server, _c) = stuck(&["EVAL", "redis.call('SET', KEYS[1], 1) while true do end", "1", "k"]);
    let mut other = server.tcp();
    other.ask(
        b"SCRIPT KILL\r\n",
        b"-UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.\r\n",
    );
    other.ask(b"SHUTDOWN SAVE\r\n", BUSY);
    other.send(b"SHUTDOWN NOSAVE\r\n");
    assert!(server.ended().0.success());
}

#[test]
fn who_has_asked_in_the_same_moment_is_answered_too() {
    let server = Server::start(&["--busy-reply-threshold", "200"]);
    let (mut first, mut stuck) = (server.tcp(), server.tcp());
    let mut others: Vec<Raw> = (0..10).map(|_| server.tcp()).collect();
    others.iter_mut().for_each(|o| o.ask(b"PING\r\n", b"+PONG\r\n"));
    // While this runs the others' requests come: they are found at one look.
    first.send(&request(&["EVAL", "for i = 1, 1000000 do end", "0"]));
    stuck.send(&request(&["EVAL", "while true do end", "0"]));
    others.iter_mut().for_each(|o| o.send(b"GET k\r\n"));
    first.hear(b"$-1\r\n");
    others.iter_mut().for_each(|o| o.hear(BUSY));
    server.tcp().ask(b"SCRIPT KILL\r\n", b"+OK\r\n");
}

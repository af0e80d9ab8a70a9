//! What needs several clients at once: a chat, subscribers in numbers, keys that expire on time, transactions that
//! compete.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{Commands, Connection, transaction};

use crate::server::{PATIENCE, Server};

fn command(c: &mut Connection, words: &[&str]) {
    redis::cmd(words[0]).arg(&words[1..]).exec(c).unwrap();
}

/// Now, in ms of Unix time.
fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

#[test]
fn everybody_in_a_room_hears_everybody() {
    const ROOMS: usize = 3;
    const PEOPLE: usize = 4;
    const WORDS: usize = 50;
    let server = Server::start(&[]);
    let mut listeners: Vec<Connection> =
        (0..ROOMS * PEOPLE).map(|i| server.client(if i % 2 == 0 { "" } else { "?protocol=resp3" })).collect();
    std::thread::scope(|scope| {
        for (i, c) in listeners.iter_mut().enumerate() {
            let room = format!("room:{}", i % ROOMS);
            let mut heard = c.as_pubsub();
            heard.set_read_timeout(Some(PATIENCE)).unwrap();
            // Half of them listen to the room by its name, half by a pattern.
            let by_name = i % 4 < 2;
            if by_name { heard.subscribe(&room) } else { heard.psubscribe(format!("{room}*")) }.unwrap();
            scope.spawn(move || {
                let mut last: BTreeMap<String, usize> = BTreeMap::new();
                for _ in 0..PEOPLE * WORDS {
                    let message = heard.get_message().unwrap();
                    assert_eq!(message.get_channel_name(), room);
                    assert_eq!(message.from_pattern(), !by_name);
                    let text: String = message.get_payload().unwrap();
                    let (who, n) = text.split_once(' ').unwrap();
                    let next = last.entry(who.into()).or_default();
                    assert_eq!(n.parse(), Ok(*next), "{who} in order");
                    *next += 1;
                }
                assert_eq!(last.len(), PEOPLE);
            });
        }
        for i in 0..ROOMS * PEOPLE {
            let mut c = server.client("");
            scope.spawn(move || {
                for n in 0..WORDS {
                    let text = format!("{i} {n}");
                    let heard: usize = c.publish(format!("room:{}", i % ROOMS), text).unwrap();
                    assert_eq!(heard, PEOPLE);
                }
            });
        }
    });
}

#[test]
fn a_thousand_subscribers_hear_a_long_message() {
    const SUBSCRIBERS: usize = 1000;
    let server = Server::start(&[]);
    let mut all: Vec<_> = (0..SUBSCRIBERS).map(|_| server.tcp()).collect();
    for c in &mut all {
        c.ask(b"SUBSCRIBE news\r\n", b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    }
    let mut c = server.client("");
    for message in ["short".to_string(), "long ".repeat(20_000)] {
        let heard: usize = c.publish("news", &message).unwrap();
        assert_eq!(heard, SUBSCRIBERS);
        let frame = format!("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n${}\r\n{message}\r\n", message.len());
        all.iter_mut().for_each(|c| c.hear(frame.as_bytes()));
    }
    drop(all);
    let from = std::time::Instant::now();
    while c.publish::<_, _, usize>("news", "anybody?").unwrap() > 0 {
        assert!(from.elapsed() < PATIENCE);
    }
}

#[test]
fn caches_are_told_of_changes() {
    let server = Server::start(&[]);
    let [mut ear, mut reader, mut by_prefix, mut writer] = [(); 4].map(|()| server.tcp());
    let news = |keys: &[&str]| {
        let keys: String = keys.iter().map(|k| format!("${}\r\n{k}\r\n", k.len())).collect();
        let n = keys.matches('$').count();
        format!("*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*{n}\r\n{keys}").into_bytes()
    };
    ear.ask(b"CLIENT ID\r\n", b":1\r\n");
    ear.ask(b"SUBSCRIBE x\r\n", b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
    reader.ask(b"CLIENT TRACKING ON REDIRECT 1\r\nGET a1\r\n", b"+OK\r\n$-1\r\n");
    by_prefix.ask(b"CLIENT TRACKING ON REDIRECT 1 BCAST PREFIX a PREFIX b NOLOOP\r\n", b"+OK\r\n");
    // One hears at once, the other at the end of the turn.
    writer.ask(b"MSET b2 x a1 x b1 x c1 x\r\n", b"+OK\r\n");
    [&["a1"][..], &["a1"], &["b1", "b2"]].iter().for_each(|keys| ear.hear(&news(keys)));
    // A key that expires by itself.
    writer.ask(b"SET b3 x PX 20\r\n", b"+OK\r\n");
    [&["b3"], &["b3"]].iter().for_each(|keys| ear.hear(&news(*keys)));
    by_prefix.ask(b"SET a1 y\r\n", b"+OK\r\n");
    writer.ask(b"FLUSHALL\r\n", b"+OK\r\n");
    let gone = b"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n";
    (0..2).for_each(|_| ear.hear(gone));
}

/// Sets `n` volatile keys that nobody will miss.
fn fill(c: &mut Connection, n: usize) {
    for part in (0..n).collect::<Vec<_>>().chunks(10_000) {
        let mut pipeline = redis::pipe();
        for i in part {
            pipeline.cmd("SET").arg(format!("other:{i}")).arg(i).arg("EX").arg(10_000 + i % 5000).ignore();
        }
        pipeline.exec(c).unwrap();
    }
}

#[test]
fn expired_keys_are_told_of_on_time() {
    // As many as a build for debugging fills in a few seconds, or the whole of it.
    let other_binary = std::env::var_os("TARN_TEST_BINARY").is_some();
    let others = if cfg!(debug_assertions) && !other_binary { 100_000 } else { 1_000_000 };
    let server = Server::start(&["--notify-keyspace-events", "Ex"]);
    let (mut c, mut listener) = (server.client(""), server.client(""));
    fill(&mut c, others);
    let mut heard = listener.as_pubsub();
    heard.set_read_timeout(Some(PATIENCE)).unwrap();
    heard.subscribe("__keyevent@0__:expired").unwrap();
    // The machine may be busy with something else once: not all the time.
    let mut best = f64::MAX;
    for round in 0..5 {
        let key = format!("timer:{round}");
        let due = now_ms() + 150.0;
        command(&mut c, &["SET", &key, "v", "PXAT", &format!("{due:.0}")]);
        let message = heard.get_message().unwrap();
        let late = now_ms() - due.round();
        assert_eq!(message.get_payload::<String>().unwrap(), key);
        assert!(late > -1.0, "not before its time: {late} ms");
        best = best.min(late);
    }
    println!("{best:.1} ms late among {others} others");
    assert!(best < 10.0, "{best} ms late");
}

#[test]
fn transactions_that_compete_lose_nothing() {
    const CLIENTS: usize = 8;
    const TIMES: usize = 50;
    let server = Server::start(&[]);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let mut c = server.client("");
            scope.spawn(move || {
                for _ in 0..TIMES {
                    let _: (i64,) = transaction(&mut c, &["n"], |c, pipe| {
                        let n: Option<i64> = c.get("n")?;
                        std::thread::sleep(Duration::from_micros(50));
                        pipe.set("n", n.unwrap_or(0) + 1).ignore().get("n").query(c)
                    })
                    .unwrap();
                }
            });
        }
    });
    let mut c = server.client("");
    assert_eq!(c.get::<_, usize>("n").unwrap(), CLIENTS * TIMES);
}

#[test]
fn a_client_that_goes_watches_and_hears_no_more() {
    let server = Server::start(&[]);
    let mut c = server.client("");
    let mut gone = server.tcp();
    gone.ask(b"WATCH k\r\nMULTI\r\nSET k mine\r\n", b"+OK\r\n+OK\r\n+QUEUED\r\n");
    let mut other = server.tcp();
    other.ask(b"SUBSCRIBE news\r\n", b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    drop((gone, other));
    let info = |c: &mut Connection| redis::cmd("INFO").arg("clients").query::<String>(c).unwrap();
    let from = std::time::Instant::now();
    loop {
        let text = info(&mut c);
        if text.contains("watching_clients:0\r") && text.contains("pubsub_clients:0\r") {
            break;
        }
        assert!(from.elapsed() < PATIENCE);
    }
    assert_eq!(c.get::<_, Option<String>>("k").unwrap(), None);
}

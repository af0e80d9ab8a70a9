//! What applications do, through a client library: values, pipelines, many clients, large data.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use redis::{Commands, Connection, RedisResult};

use crate::server::{PATIENCE, Server};

#[test]
fn values_come_back_as_they_were() {
    let server = Server::start(&[]);
    for path in ["", "?protocol=resp3"] {
        let mut c = server.client(path);
        let binary: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let () = c.set(&binary, &binary).unwrap();
        assert_eq!(c.get::<_, Vec<u8>>(&binary).unwrap(), binary);
        assert_eq!(c.get::<_, Option<String>>("absent").unwrap(), None);
        let () = c.set("n", 41).unwrap();
        assert_eq!(redis::cmd("INCR").arg("n").query::<i64>(&mut c).unwrap(), 42);
        let () = c.set("empty", "").unwrap();
        assert_eq!(c.get::<_, String>("empty").unwrap(), "");
        let () = redis::cmd("SET").arg("text").arg("x").exec(&mut c).unwrap();
        let error = redis::cmd("INCR").arg("text").exec(&mut c).unwrap_err();
        assert!(error.to_string().contains("value is not an integer or out of range"), "{error}");
        let () = c.del(("n", "text", "empty")).unwrap();
    }
}

#[test]
fn keys_expire_by_themselves() {
    let server = Server::start(&[]);
    let mut c = server.client("");
    let () = c.set("short", "v").unwrap();
    let () = redis::cmd("PEXPIRE").arg("short").arg(30).exec(&mut c).unwrap();
    let () = c.set("long", "v").unwrap();
    // Nobody asks for the key: DBSIZE counts it until the server itself has removed it.
    let from = std::time::Instant::now();
    while redis::cmd("DBSIZE").query::<i64>(&mut c).unwrap() > 1 {
        assert!(from.elapsed() < PATIENCE);
    }
    assert_eq!(c.get::<_, Option<String>>("short").unwrap(), None);
    assert_eq!(c.get::<_, String>("long").unwrap(), "v");
}

#[test]
fn long_pipelines_are_answered_in_order() {
    let server = Server::start(&[]);
    let mut c = server.client("");
    let mut pipeline = redis::pipe();
    for i in 0..20_000 {
        pipeline.cmd("SET").arg(format!("key:{}", i % 100)).arg(i).ignore();
        pipeline.cmd("GET").arg(format!("key:{}", i % 100));
    }
    let answers: Vec<i64> = pipeline.query(&mut c).unwrap();
    assert!(answers.into_iter().eq(0..20_000));
}

#[test]
fn databases_are_apart() {
    let server = Server::start(&["--databases", "4"]);
    let (mut zero, mut three) = (server.client("0"), server.client("3"));
    let () = zero.set("k", "zero").unwrap();
    assert_eq!(three.get::<_, Option<String>>("k").unwrap(), None);
    let () = three.set("k", "three").unwrap();
    assert_eq!(zero.get::<_, String>("k").unwrap(), "zero");
    let refused: RedisResult<()> = redis::cmd("SELECT").arg(4).exec(&mut zero);
    assert!(refused.unwrap_err().to_string().contains("DB index is out of range"));
}

#[test]
fn many_clients_count_together() {
    let server = Server::start(&[]);
    let mut clients: Vec<Connection> = (0..200).map(|_| server.client("")).collect();
    std::thread::scope(|scope| {
        for part in clients.chunks_mut(50) {
            scope.spawn(move || {
                for _ in 0..20 {
                    part.iter_mut().for_each(|c| redis::cmd("INCR").arg("n").exec(c).unwrap());
                }
            });
        }
    });
    assert_eq!(clients[0].get::<_, i64>("n").unwrap(), 200 * 20);
}

#[test]
fn large_values_go_in_and_out() {
    let server = Server::start(&[]);
    let mut c = server.client("");
    for len in [16_383, 65_536, 1_000_003, 40 << 20] {
        let value: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
        let () = c.set("big", &value).unwrap();
        let back: Vec<u8> = c.get("big").unwrap();
        // Not assert_eq: nobody wants to read 40 MB of difference.
        assert!(back == value, "a value of {len} bytes comes back as another");
    }
}

#[test]
fn answers_wait_for_a_client_that_does_not_read() {
    const N: usize = 30_000;
    let server = Server::start(&[]);
    let mut c = server.client("");
    let value = "x".repeat(4096);
    let () = c.set("k", &value).unwrap();
    let mut raw = server.tcp();
    let mut write = std::mem::replace(&mut raw.write, Box::new(std::io::sink()));
    let writer = std::thread::spawn(move || {
        let requests = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(100);
        (0..N / 100).for_each(|_| write.write_all(&requests).unwrap());
    });
    // Others are served meanwhile.
    assert_eq!(c.get::<_, String>("k").unwrap(), value);
    let reply = format!("$4096\r\n{value}\r\n");
    (0..N).for_each(|_| raw.hear(reply.as_bytes()));
    writer.join().unwrap();
}

#[test]
fn whoever_finishes_hears_all_answers() {
    let server = Server::start(&[]);
    for n in [1, 5_000, 60_000] {
        let mut c = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        c.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut read = c.try_clone().unwrap();
        let reader = std::thread::spawn(move || {
            let mut heard = Vec::new();
            read.read_to_end(&mut heard).unwrap();
            heard
        });
        c.write_all(&b"PING\r\n".repeat(n)).unwrap();
        c.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.join().unwrap().len(), n * b"+PONG\r\n".len());
    }
}

#[test]
fn a_storm_of_connections_is_weathered() {
    let server = Server::start(&[]);
    let mut first = server.client("");
    // More than one turn accepts and serves, and all of them ask at once.
    let mut storm: Vec<_> = (0..700).map(|_| server.tcp()).collect();
    storm.iter_mut().for_each(|c| c.send(b"INCR n\r\n"));
    let answers = |c: &mut crate::server::Raw| {
        let mut heard = [0; 16];
        let n = c.read.read(&mut heard).unwrap();
        std::str::from_utf8(&heard[1..n]).unwrap().trim_end().parse::<usize>().unwrap()
    };
    let mut counts: Vec<usize> = storm.iter_mut().map(answers).collect();
    counts.sort();
    assert!(counts.into_iter().eq(1..=700));
    drop(storm);
    while redis::cmd("CLIENT").arg("LIST").query::<String>(&mut first).unwrap().lines().count() > 1 {}
    assert_eq!(first.get::<_, i64>("n").unwrap(), 700);
}

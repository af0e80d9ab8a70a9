//! kill -9 at random moments: with `appendfsync always` nothing that was acknowledged is lost, and nothing is half there,
//! while rewrites go on. `TARN_CRASH_ROUNDS` says how often (5).

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::server::{Folder, binary, free_port};

const CLIENTS: usize = 8;
/// Longer than a start takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Process {
    child: Child,
    port: u16,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path) -> Process {
    let port = free_port();
    let words = ["--port", &port.to_string(), "--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    let mut command = Command::new(binary());
    command.args(words).arg("--dir").arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    Process { child: command.spawn().unwrap(), port }
}

/// A connection once the server answers, all loaded.
fn connect(port: u16) -> BufReader<TcpStream> {
    let began = Instant::now();
    loop {
        if let Ok(socket) = TcpStream::connect(("127.0.0.1", port)) {
            let mut c = BufReader::new(socket);
            if ask(&mut c, "PING\r\n", 1).is_some_and(|r| r[0] == "+PONG") {
                return c;
            }
        }
        assert!(began.elapsed() < PATIENCE, "the server does not start");
    }
}

/// Asks and reads so many lines; `None` if the server has gone.
fn ask(c: &mut BufReader<TcpStream>, request: &str, lines: usize) -> Option<Vec<String>> {
    c.get_mut().write_all(request.as_bytes()).ok()?;
    let mut heard = Vec::new();
    for _ in 0..lines {
        let mut line = String::new();
        if c.read_line(&mut line).ok()? == 0 || !line.ends_with('\n') {
            return None;
        }
        heard.push(line.trim_end().to_owned());
    }
    Some(heard)
}

/// What a client counts up to in two keys at once, as long as the server lives.
fn count(port: u16, client: usize, sent: &AtomicU64, acknowledged: &AtomicU64) {
    let mut c = connect(port);
    loop {
        let n = sent.load(SeqCst) + 1;
        sent.store(n, SeqCst);
        let request = format!("MULTI\r\nSET a{client} {n}\r\nRPUSH b{client} {n}\r\nEXEC\r\n");
        // +OK, +QUEUED, +QUEUED, *2, +OK, :length
        match ask(&mut c, &request, 6) {
            Some(heard) => {
                assert_eq!((&heard[3][..], &heard[4][..]), ("*2", "+OK"), "{heard:?}");
                acknowledged.store(n, SeqCst);
            }
            None => return,
        }
    }
}

fn bulk(c: &mut BufReader<TcpStream>, request: &str) -> u64 {
    let heard = ask(c, request, 1).unwrap();
    if heard[0].starts_with(':') {
        return heard[0][1..].parse().unwrap();
    }
    if heard[0] == "$-1" {
        return 0;
    }
    let mut line = String::new();
    c.read_line(&mut line).unwrap();
    line.trim_end().parse().unwrap()
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let rounds = std::env::var("TARN_CRASH_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(5);
    let folder = Folder::new();
    let counts: Arc<Vec<[AtomicU64; 2]>> = Arc::new((0..CLIENTS).map(|_| Default::default()).collect());
    for round in 0..rounds {
        let mut server = start(folder.path());
        let port = server.port;
        let mut c = connect(port);
        for (client, [sent, acknowledged]) in counts.iter().enumerate() {
            let a = bulk(&mut c, &format!("GET a{client}\r\n"));
            let b = bulk(&mut c, &format!("LLEN b{client}\r\n"));
            let (sent_n, acked) = (sent.load(SeqCst), acknowledged.load(SeqCst));
            assert!((acked..=sent_n).contains(&a), "round {round}: {a} is there, {acked} was acknowledged");
            assert!(b <= a, "round {round}: half a transaction: {a} and {b}");
            let last = bulk(&mut c, &format!("LINDEX b{client} -1\r\n"));
            assert_eq!(last, a, "round {round}: half a transaction");
            sent.store(a, SeqCst);
            acknowledged.store(a, SeqCst);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for client in 0..CLIENTS {
            let counts = counts.clone();
            threads.push(std::thread::spawn(move || {
                let [sent, acknowledged] = &counts[client];
                count(port, client, sent, acknowledged);
            }));
        }
        let rewriter = {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let mut c = connect(port);
                while !stop.load(SeqCst) && ask(&mut c, "BGREWRITEAOF\r\n", 1).is_some() {}
            })
        };
        // A different moment in each round.
        let until = Duration::from_millis(150 + (round * 97) % 400);
        let began = Instant::now();
        while began.elapsed() < until {
            std::thread::yield_now();
        }
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        stop.store(true, SeqCst);
        threads.into_iter().for_each(|t| t.join().unwrap());
        rewriter.join().unwrap();
    }
}

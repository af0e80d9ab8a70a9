//! A Sentinel's connections to what it watches, its tick, and its scripts: one task that takes what the machine wants
//! done, and one for each connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use super::Shared;
use crate::base::limits;
use crate::resp::encode;
use crate::sentinel::{Answer, Conn, Input, Output};
use crate::sys::children::Children;
use crate::sys::process::os_text;

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// An open connection: where its commands go, and what ends it.
struct Open {
    commands: UnboundedSender<Vec<u8>>,
    task: AbortHandle,
}

type Connections = Rc<RefCell<HashMap<Conn, Open>>>;

/// Does what the machine wants done, for ever.
pub(super) async fn run(shared: Rc<Shared>, mut outputs: UnboundedReceiver<Output>) {
    let connections = Connections::default();
    let children = Rc::new(RefCell::new(Children::default()));
    tokio::task::spawn_local(ticks(shared.clone(), children.clone()));
    while let Some(output) = outputs.recv().await {
        match output {
            Output::Connect { conn, ip, port } => {
                let (commands, queue) = unbounded_channel();
                let task = connection(shared.clone(), connections.clone(), conn, ip, port, queue);
                let task = tokio::task::spawn_local(task).abort_handle();
                connections.borrow_mut().insert(conn, Open { commands, task });
            }
            Output::Send { conn, words } => {
                if let Some(open) = connections.borrow().get(&conn) {
                    // Its task has just ended: the machine will hear of it.
                    let _ = open.commands.send(request(&words));
                }
            }
            Output::Close { conn } => {
                if let Some(open) = connections.borrow_mut().remove(&conn) {
                    open.task.abort();
                }
            }
            Output::RunScript { job, words } => {
                let started = children.borrow_mut().start(&words);
                shared.sentinel(match started {
                    Ok(pid) => Input::ScriptStarted { job, pid },
                    Err(_) => Input::ScriptFailed { job },
                });
            }
            Output::KillScript { pid } => children.borrow_mut().kill(pid),
            // The executor's.
            Output::Event { .. } | Output::Log { .. } | Output::Crash => {}
        }
    }
}

/// Ten to twenty times a second.
async fn ticks(shared: Rc<Shared>, children: Rc<RefCell<Children>>) {
    loop {
        let wait = shared.turns.borrow_mut().exec.sentinel_tick();
        shared.finish();
        let ended = children.borrow_mut().ended();
        for e in ended {
            shared.sentinel(Input::ScriptEnded { pid: e.pid, code: e.code, signal: e.signal });
        }
        tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
    }
}

/// One connection, from the attempt to its end.
async fn connection(
    shared: Rc<Shared>,
    connections: Connections,
    conn: Conn,
    ip: Vec<u8>,
    port: u16,
    queue: UnboundedReceiver<Vec<u8>>,
) {
    let source = shared.turns.borrow().exec.server.config.bind_source_addr.clone();
    let result = match connect(&ip, port, &source).await {
        Ok(mut stream) => {
            let local = stream.local_addr().map(|a| a.ip().to_canonical().to_string()).unwrap_or_default();
            shared.sentinel(Input::Up { conn, local_ip: local.into_bytes() });
            let (from, to) = stream.split();
            tokio::select! {
                end = read(&shared, conn, from) => end,
                end = write(to, queue) => end,
            }
        }
        Err(e) => Err(e),
    };
    connections.borrow_mut().remove(&conn);
    let reason = match result {
        Ok(()) => "Server closed the connection".to_owned(),
        Err(e) => os_text(&e),
    };
    shared.sentinel(Input::Down { conn, reason });
}

async fn connect(ip: &[u8], port: u16, source: &str) -> io::Result<TcpStream> {
    let ip: IpAddr = std::str::from_utf8(ip).unwrap_or_default().parse().map_err(io::Error::other)?;
    let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Ok(source) = source.parse::<IpAddr>() {
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(SocketAddr::new(ip, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn write(mut to: WriteHalf<'_>, mut queue: UnboundedReceiver<Vec<u8>>) -> io::Result<()> {
    while let Some(bytes) = queue.recv().await {
        to.write_all(&bytes).await?;
    }
    Ok(())
}

/// Reads answers until the other side ends, or sends what is none.
async fn read(shared: &Shared, conn: Conn, mut from: ReadHalf<'_>) -> io::Result<()> {
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        bytes.reserve(CHUNK);
        if from.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let mut used = 0;
        while let Some(len) = frame_len(&bytes[used..])? {
            let frame = decode(&bytes[used..used + len]).map_err(|_| wrong())?;
            let (frame, _) = frame.ok_or_else(wrong)?;
            used += len;
            shared.sentinel(Input::Answer { conn, answer: answer(frame) });
        }
        bytes.drain(..used);
        if bytes.len() > limits::SENTINEL_ANSWER_MAX {
            return Err(wrong());
        }
    }
}

fn wrong() -> io::Error {
    io::Error::other("Protocol error")
}

/// The length of the answer that `bytes` begin with, once it is whole. The decoder behind this goes into arrays by
/// recursion: what is nested too deep is refused here.
fn frame_len(bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut at = 0;
    // How many elements are left of each array that has begun.
    let mut open: Vec<usize> = vec![1];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        let Some(end) = memchr::memchr(b'\n', &bytes[at..]) else { return Ok(None) };
        let line = bytes[at..at + end].strip_suffix(b"\r").ok_or_else(wrong)?;
        at += end + 1;
        let (kind, rest) = line.split_first().ok_or_else(wrong)?;
        let len = |most: usize| -> io::Result<usize> {
            let n: i64 = std::str::from_utf8(rest).unwrap_or_default().parse().map_err(|_| wrong())?;
            usize::try_from(n.max(0)).ok().filter(|n| *n <= most).ok_or_else(wrong)
        };
        match kind {
            b'+' | b'-' | b':' => {}
            b'$' if rest == b"-1" => {}
            b'$' => {
                at += len(limits::SENTINEL_ANSWER_MAX)? + 2;
                if at > bytes.len() {
                    return Ok(None);
                }
            }
            b'*' if open.len() <= limits::SENTINEL_ANSWER_DEPTH_MAX => {
                open.push(len(limits::SENTINEL_ANSWER_MAX)?);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(Some(at))
}

fn answer(frame: OwnedFrame) -> Answer {
    match frame {
        OwnedFrame::SimpleString(text) => Answer::Status(text),
        OwnedFrame::Error(text) => Answer::Error(text.into_bytes()),
        OwnedFrame::Integer(n) => Answer::Int(n),
        OwnedFrame::BulkString(text) => Answer::Bulk(text),
        OwnedFrame::Array(frames) => Answer::Array(frames.into_iter().map(answer).collect()),
        OwnedFrame::Null => Answer::Null,
    }
}

fn request(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::request(&mut out, words.iter().map(Vec::as_slice));
    out
}

impl Shared {
    /// Something has happened that the Sentinel's machine is to know.
    fn sentinel(&self, input: Input) {
        self.turns.borrow_mut().exec.sentinel_input(input);
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answers_are_cut_off() {
        for whole in [
            "+PONG\r\n",
            "-ERR x\r\n",
            ":1\r\n",
            "$3\r\na\nb\r\n",
            "$-1\r\n",
            "$0\r\n\r\n",
            "*0\r\n",
            "*-1\r\n",
            "*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
        ] {
            let more = [whole, "+OK\r\n"].concat();
            assert_eq!(frame_len(more.as_bytes()).unwrap(), Some(whole.len()), "{whole:?}");
            let (_, len) = decode(whole.as_bytes()).unwrap().unwrap();
            assert_eq!(len, whole.len());
            for part in 0..whole.len() {
                assert_eq!(frame_len(&whole.as_bytes()[..part]).unwrap(), None, "{whole:?} {part}");
            }
        }
    }

    #[test]
    fn what_is_no_answer_ends_the_connection() {
        let deep = "*1\r\n".repeat(100_000);
        for bad in
            ["?\r\n", "\r\n", "PONG\n", "$x\r\n", "$99999999999999999999\r\n", "*9999999999\r\n", &deep]
        {
            assert!(frame_len(bad.as_bytes()).is_err(), "{:?}", &bad[..bad.len().min(20)]);
        }
    }
}

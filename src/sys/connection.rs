//! Connections that this thread waits for, never longer than it was told: for MIGRATE, which must not go on before the other
//! server has answered.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// A moment by which everything must be done.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// So much time from now on.
    pub fn after(time: Duration) -> Deadline {
        // Beyond a year it makes no difference.
        Deadline(Instant::now() + time.min(Duration::from_secs(365 * 24 * 3600)))
    }

    /// The time that is left; an error when there is none.
    pub fn left(self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A connection with what was read ahead.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    at: usize,
}

/// Bytes read ahead.
const BUFFER: usize = 4096;

/// Connects to a host by name or address. The system's resolver knows no time limits, so another thread asks it.
pub fn connect(host: &str, port: u16, until: Deadline) -> io::Result<Connection> {
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in resolve(host, port, until)? {
        match TcpStream::connect_timeout(&address, until.left()?) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(Connection { stream, buffer: Vec::new(), at: 0 });
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn resolve(host: &str, port: u16, until: Deadline) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, found) = channel();
    let host = host.to_owned();
    std::thread::Builder::new().name("resolve".into()).spawn(move || {
        // Nobody waits any more when it took too long.
        let _ = sender.send((&host[..], port).to_socket_addrs().map(Iterator::collect));
    })?;
    found.recv_timeout(until.left()?).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

impl Connection {
    /// Writes all of it.
    pub fn write(&mut self, mut bytes: &[u8], until: Deadline) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(until.left()?))?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(timed_out(e)),
            }
        }
        Ok(())
    }

    /// The next line without its end, of at most `most` bytes.
    pub fn line(&mut self, most: usize, until: Deadline) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let here = &self.buffer[self.at..];
            if let Some(end) = memchr::memchr(b'\n', here) {
                line.extend_from_slice(&here[..end]);
                self.at += end + 1;
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            line.extend_from_slice(here);
            if line.len() > most {
                return Err(ErrorKind::InvalidData.into());
            }
            self.fill(until)?;
        }
    }

    fn fill(&mut self, until: Deadline) -> io::Result<()> {
        self.buffer.resize(BUFFER, 0);
        self.at = 0;
        loop {
            self.stream.set_read_timeout(Some(until.left()?))?;
            let read = self.stream.read(&mut self.buffer);
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => self.buffer.resize(BUFFER, 0),
                Err(e) => return Err(timed_out(e)),
            }
        }
    }
}

/// What a socket with a time limit says when it is over.
fn timed_out(e: io::Error) -> io::Error {
    if e.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { e }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    #[cfg_attr(miri, ignore)]
    fn lines_come_and_nobody_waits_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let until = Deadline::after(Duration::from_secs(10));
        let mut c = connect("localhost", port, until).or_else(|_| connect("127.0.0.1", port, until)).unwrap();
        let (mut there, _) = listener.accept().unwrap();
        c.write(b"PING\r\n", until).unwrap();
        let mut asked = [0; 6];
        there.read_exact(&mut asked).unwrap();
        there.write_all(b"+PONG\r\n:1\r\n").unwrap();
        assert_eq!(
            (c.line(100, until).unwrap(), c.line(100, until).unwrap()),
            (b"+PONG".to_vec(), b":1".to_vec())
        );
        let soon = Deadline::after(Duration::from_millis(20));
        assert_eq!(c.line(100, soon).unwrap_err().kind(), ErrorKind::TimedOut);
        there.write_all(&[b'x'; 200]).unwrap();
        assert_eq!(c.line(100, until).unwrap_err().kind(), ErrorKind::InvalidData);
        drop(there);
        assert!(c.line(100, until).is_err());
        drop(listener);
        assert!(connect("127.0.0.1", port, until).is_err());
    }
}

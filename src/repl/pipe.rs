//! Bytes between the executor and a thread that reads or writes a data set. The thread waits for the executor, never
//! the other way round: the executor asks how full the pipe is, and leaves the socket alone meanwhile.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::base::limits::SYNC_PIPE_MAX;

/// What both ends share.
#[derive(Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    bytes: usize,
    /// All was written.
    ended: bool,
    /// The writing end is gone, or the reading one.
    no_writer: bool,
    no_reader: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has taken the process with it.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(|e| e.into_inner())
    }
}

/// The end that is written to.
pub struct Inlet(Arc<Shared>);

/// The end that is read from.
pub struct Outlet {
    shared: Arc<Shared>,
    /// The chunk that is being read, and how far it is.
    chunk: Vec<u8>,
    at: usize,
}

/// A pipe.
pub fn pipe() -> (Inlet, Outlet) {
    let shared = Arc::new(Shared::default());
    (Inlet(shared.clone()), Outlet { shared, chunk: Vec::new(), at: 0 })
}

impl Inlet {
    /// Writes without waiting, however full it is.
    pub fn push(&self, bytes: Vec<u8>) {
        let mut state = self.0.lock();
        if !bytes.is_empty() && !state.no_reader {
            state.bytes += bytes.len();
            state.chunks.push_back(bytes);
            self.0.changed.notify_all();
        }
    }

    /// All was written.
    pub fn end(&self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }

    /// Whether nobody will read any more.
    pub fn is_abandoned(&self) -> bool {
        self.0.lock().no_reader
    }

    /// Whether it holds as much as it should.
    pub fn is_full(&self) -> bool {
        let state = self.0.lock();
        state.bytes >= SYNC_PIPE_MAX && !state.no_reader
    }
}

impl Write for Inlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        while state.bytes >= SYNC_PIPE_MAX && !state.no_reader {
            state = self.0.wait(state);
        }
        if state.no_reader {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.bytes += bytes.len();
        state.chunks.push_back(bytes.to_vec());
        self.0.changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.0.lock().no_writer = true;
        self.0.changed.notify_all();
    }
}

impl Outlet {
    /// The next chunk, if there is one.
    pub fn try_take(&self) -> Option<Vec<u8>> {
        let mut state = self.shared.lock();
        let chunk = state.chunks.pop_front()?;
        state.bytes -= chunk.len();
        self.shared.changed.notify_all();
        Some(chunk)
    }
}

/// How a pipe stands, for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is something to read, or will be.
    Running,
    /// All was read.
    Over,
    /// What was written is not all.
    Broken,
}

impl Outlet {
    /// See [`Standing`].
    pub fn standing(&self) -> Standing {
        let state = self.shared.lock();
        match () {
            () if !state.chunks.is_empty() => Standing::Running,
            () if state.ended => Standing::Over,
            () if state.no_writer => Standing::Broken,
            () => Standing::Running,
        }
    }
}

impl Read for Outlet {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            let mut state = self.shared.lock();
            self.chunk = loop {
                if let Some(chunk) = state.chunks.pop_front() {
                    state.bytes -= chunk.len();
                    break chunk;
                }
                if state.ended {
                    return Ok(0);
                }
                if state.no_writer {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the transfer was broken off"));
                }
                state = self.shared.wait(state);
            };
            self.at = 0;
            drop(state);
            self.shared.changed.notify_all();
        }
        let n = out.len().min(self.chunk.len() - self.at);
        out[..n].copy_from_slice(&self.chunk[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.no_reader = true;
        (state.chunks, state.bytes) = (VecDeque::new(), 0);
        drop(state);
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_reader_hears_of_what_is_written() {
        let (mut inlet, mut outlet) = pipe();
        let (said, heard) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || said.send(outlet.read(&mut [0; 8])));
        std::thread::sleep(std::time::Duration::from_millis(20)); // It waits by now.
        inlet.write_all(b"late").unwrap();
        let n = heard.recv_timeout(std::time::Duration::from_secs(20)).expect("it was woken");
        assert_eq!(n.unwrap(), 4);
        reader.join().unwrap().unwrap();
    }

    #[test]
    fn a_thread_reads_what_was_pushed() {
        let (inlet, mut outlet) = pipe();
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            outlet.read_to_end(&mut all).map(|_| all)
        });
        for i in 0..100u8 {
            inlet.push(vec![i; 1000]);
        }
        inlet.end();
        let all = reader.join().unwrap().unwrap();
        assert!(all.len() == 100_000 && all.chunks(1000).enumerate().all(|(i, c)| c == [i as u8; 1000]));
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        let (inlet, mut outlet) = pipe();
        inlet.push(b"abc".to_vec());
        drop(inlet);
        let mut all = Vec::new();
        assert_eq!(outlet.read_to_end(&mut all).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(all, b"abc");
        let (mut inlet, outlet) = pipe();
        drop(outlet);
        assert_eq!(inlet.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(!inlet.is_full());
    }

    #[test]
    fn a_thread_waits_while_it_is_full() {
        let (mut inlet, outlet) = pipe();
        let writer = std::thread::spawn(move || {
            (0..100).try_for_each(|_| inlet.write_all(&vec![7; SYNC_PIPE_MAX / 10])).map(|()| inlet.end())
        });
        let mut got = 0;
        while got < 100 * (SYNC_PIPE_MAX / 10) {
            assert!(outlet.shared.lock().bytes < SYNC_PIPE_MAX + SYNC_PIPE_MAX / 10);
            match outlet.try_take() {
                Some(chunk) => got += chunk.len(),
                None => std::thread::yield_now(),
            }
        }
        writer.join().unwrap().unwrap();
        assert!(outlet.try_take().is_none());
    }
}

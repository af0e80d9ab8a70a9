//! One connection's socket: what is known of it, reading for the executor, writing what the executor left.
//!
//! The poll tells of a socket once when it becomes readable or writable, not again while it stays so. Until a read or
//! a write finds it exhausted it therefore counts as ready, and is served without being asked for.

use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::base::limits::REPLY_BUFFER_MIN;
use crate::engine::session::{Closing, Due};
use crate::exec::Exec;
use crate::exec::run::Fed;
use crate::sys::process::os_text;

/// Reads of one connection before others get their turn.
const READS_MAX: usize = 16;
/// Writes of one connection before others get theirs.
const WRITES_MAX: usize = 16;

/// A connection.
pub(super) struct Conn {
    socket: OwnedFd,
    slot: usize,
    /// There may be something to read.
    readable: bool,
    /// The other side has finished, or the socket failed: reads go on until one says so.
    finished: bool,
    /// Output is left that the socket did not take.
    stuck: bool,
    /// Since then it may take more.
    writable: bool,
    /// Input is left that was not executed though it is complete, as the client waits or was too greedy.
    held: bool,
    /// The executor has called it: its input may go on, or it ends.
    pub called: bool,
    /// It stands in the list of those that go on in the next turn.
    pub queued: bool,
    /// Output is left that may not be sent before the log is durable.
    waits: bool,
    /// Writing failed.
    broken: bool,
    /// We have called: the other side does not answer yet.
    connecting: bool,
    /// We have called: what comes are no requests.
    link: bool,
}

/// What becomes of a connection after it was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It has nothing to do until something happens.
    Rest,
    /// It has more to do in the next turn.
    Again,
    /// It is to be closed.
    End,
}

impl Conn {
    pub fn new(socket: OwnedFd, slot: usize) -> Conn {
        Conn {
            socket,
            slot,
            readable: false,
            finished: false,
            stuck: false,
            writable: false,
            held: false,
            called: false,
            queued: false,
            waits: false,
            broken: false,
            connecting: false,
            link: false,
        }
    }

    /// A connection that we make.
    pub fn dialing(socket: OwnedFd, slot: usize) -> Conn {
        Conn { connecting: true, link: true, ..Conn::new(socket, slot) }
    }

    /// Takes in what the poll says.
    #[inline]
    pub fn note(&mut self, flags: EventFlags) {
        let over = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        self.readable |= flags.intersects(EventFlags::IN | over);
        self.finished |= flags.intersects(over);
        self.writable |= flags.intersects(EventFlags::OUT | over);
    }

    /// Goes on until there is nothing to do now, or enough was done. `scratch` is what reads land in.
    #[inline]
    pub fn serve(&mut self, exec: &mut Exec, scratch: &mut [u8]) -> Next {
        if self.stuck {
            self.write(exec);
        }
        if self.link && exec.server.scripts.running.is_some() {
            // A data set does not change below a script.
            return Next::Again;
        }
        if self.link {
            return self.serve_link(exec, scratch);
        }
        if std::mem::take(&mut self.called) {
            let fed = exec.resume(self.slot);
            self.fed(fed);
        }
        for _ in 0..READS_MAX {
            if self.ended(exec) {
                return Next::End;
            }
            if !self.readable || self.called || self.finished && self.may_write(exec) {
                break;
            }
            if !self.read(exec, scratch) {
                return Next::End;
            }
        }
        self.next()
    }

    /// As `serve`, for a connection of ours until it is that of a client.
    #[cold]
    fn serve_link(&mut self, exec: &mut Exec, scratch: &mut [u8]) -> Next {
        if self.connecting {
            if !self.writable && !self.finished {
                return Next::Rest;
            }
            self.connecting = false;
            if let Err(e) = socket_error(&self.socket).and_then(|pending| pending) {
                exec.link_failed(self.slot, &os_text(&e.into()));
                return Next::End;
            }
            exec.link_connected(self.slot);
        }
        self.called = false;
        for _ in 0..READS_MAX {
            if self.ended(exec) {
                return Next::End;
            }
            if !exec.is_link(self.slot) {
                // From now on requests come, and some may be here.
                (self.link, self.called) = (false, true);
                return Next::Again;
            }
            if !self.readable || exec.link_holds(self.slot) {
                return Next::Rest;
            }
            match recv(&self.socket, &mut *scratch, RecvFlags::empty()) {
                Ok((0, _)) => return Next::End,
                Ok((n, _)) => {
                    self.readable = n == scratch.len() || self.finished;
                    exec.link_input(self.slot, &scratch[..n]);
                }
                Err(e) if !self.read_failed(e) => return Next::End,
                Err(_) => {}
            }
        }
        Next::Again
    }

    /// Whether replies are on their way: the end of the stream is read after that.
    fn may_write(&self, exec: &mut Exec) -> bool {
        exec.server.client(self.slot).due != Due::No || self.stuck && self.writable || self.waits
    }

    fn next(&self) -> Next {
        if self.waits && self.finished {
            // Nothing is read before the replies are written.
            return Next::Rest;
        }
        if self.readable || self.called || self.stuck && self.writable { Next::Again } else { Next::Rest }
    }

    fn ended(&self, exec: &mut Exec) -> bool {
        let s = exec.server.client(self.slot);
        match s.closing {
            Closing::No => self.broken,
            Closing::Now => true,
            Closing::AfterReply => self.broken || s.output.is_empty(),
        }
    }

    /// Reads once and executes. False at the end of the stream.
    #[inline]
    fn read(&mut self, exec: &mut Exec, scratch: &mut [u8]) -> bool {
        if let Some(own) = exec.long_input(self.slot) {
            let room = own.capacity() - own.len();
            let n = match recv(&self.socket, spare_capacity(own), RecvFlags::empty()) {
                Ok((_, n)) => n,
                Err(e) => return self.read_failed(e),
            };
            return self.came(n, room, |slot| exec.long_input_came(slot, n));
        }
        let n = match recv(&self.socket, &mut *scratch, RecvFlags::empty()) {
            Ok((n, _)) => n,
            Err(e) => return self.read_failed(e),
        };
        self.came(n, scratch.len(), |slot| exec.input(slot, &mut scratch[..n]))
    }

    /// Executes the `n` bytes that came where there was room for `room`.
    #[inline]
    fn came(&mut self, n: usize, room: usize, execute: impl FnOnce(usize) -> Fed) -> bool {
        if n == 0 {
            return false;
        }
        // A short read has emptied the socket; but what it does not tell is that the other side has finished.
        self.readable = n == room || self.finished;
        let fed = execute(self.slot);
        self.fed(fed);
        true
    }

    #[cold]
    fn read_failed(&mut self, e: Errno) -> bool {
        self.readable = e != Errno::AGAIN;
        matches!(e, Errno::AGAIN | Errno::INTR)
    }

    #[inline]
    fn fed(&mut self, fed: Fed) {
        self.held = fed == Fed::Held;
        self.called |= fed == Fed::More;
    }

    /// Writes what it can of the client's output.
    #[inline]
    pub fn write(&mut self, exec: &mut Exec) -> Next {
        let due = std::mem::replace(&mut exec.server.client(self.slot).due, Due::No);
        if self.stuck && !self.writable {
            return self.next();
        }
        let mut free = exec.server.sendable(self.slot);
        self.waits = false;
        for _ in 0..WRITES_MAX {
            let Some(bytes) = exec.unsent(self.slot) else {
                self.stuck = false;
                if due == Due::Messages {
                    // A buffer that messages have blown up, maybe those about evicted keys, is not kept: more keys would
                    // have to go for it.
                    exec.server.client(self.slot).output.shrink_to(REPLY_BUFFER_MIN);
                }
                // What waited for its output goes on.
                self.called |= self.held || exec.server.client(self.slot).closing != Closing::No;
                return self.next();
            };
            if free == 0 {
                // The log calls when more may go.
                (self.stuck, self.waits) = (false, true);
                return self.next();
            }
            match send(&self.socket, &bytes[..bytes.len().min(free)], SendFlags::NOSIGNAL) {
                Ok(n) => {
                    free = free.saturating_sub(n);
                    exec.sent(self.slot, n);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    (self.stuck, self.writable) = (true, false);
                    return self.next();
                }
                Err(_) => {
                    (self.broken, self.called) = (true, true);
                    return self.next();
                }
            }
        }
        (self.stuck, self.writable) = (true, true);
        self.next()
    }
}

//! The turn: one look at all sockets, each that has something is read and its requests executed, then what they left
//! is written, one write per connection.
//!
//! The sockets of clients have an epoll instance of their own, which tokio watches as one descriptor: a task, a waker
//! and a registration for each of them cost 800 instructions per request, and all they did was to come by here. (To take
//! it out of tokio's while there is much to do costs more than it saves: `epoll_ctl` is slow on an epoll.)

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::event::Timespec;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;
use tokio::sync::mpsc::UnboundedSender;

use super::conn::{Conn, Next};
use super::link::Dial;
use super::listener::Listeners;
use crate::engine::server::Request;
use crate::engine::session::{Closing, Due, Peer};
use crate::exec::Exec;
use crate::sentinel::Output;

/// Bytes of the shared read buffer.
const SCRATCH: usize = 64 * 1024;
/// Subscribers that get their messages in one turn at least; of more, one in so many.
const SUBSCRIBERS_MIN: usize = 32;
const SUBSCRIBERS_PART: usize = 8;
/// Sockets served per turn at the most, before any of them is answered.
const EVENTS_MAX: usize = 256;

/// The executor and its connections.
pub(super) struct Turns {
    pub exec: Exec,
    pub listeners: Rc<RefCell<Listeners>>,
    /// By the client's slot.
    conns: Vec<Option<Conn>>,
    pub epoll: Rc<OwnedFd>,
    /// Names to look up for connections of ours.
    pub names: Vec<Dial>,
    events: Box<[Event]>,
    /// What is read lands here first; only what is left of a request stays with its client.
    scratch: Box<[u8]>,
    /// Listeners' events of the turn.
    knocks: Vec<EventData>,
    /// Slots of connections that have something to do without an event.
    again: Vec<usize>,
    /// When the ticker means to wake, ms of Unix time.
    pub planned_ms: i64,
    /// A key is due before that: the ticker must plan anew.
    pub early: bool,
    /// The process is to end with this status.
    pub exit: Option<i32>,
    /// Where goes what a Sentinel has for its connections.
    pub outgoing: Option<UnboundedSender<Output>>,
}

impl Turns {
    pub fn new(exec: Exec) -> io::Result<Turns> {
        let epoll = Rc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let none = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
        Ok(Turns {
            exec,
            listeners: Rc::new(RefCell::new(Listeners::new(epoll.clone()))),
            conns: Vec::new(),
            epoll,
            names: Vec::new(),
            events: vec![none; EVENTS_MAX].into(),
            scratch: vec![0; SCRATCH].into(),
            knocks: Vec::new(),
            again: Vec::new(),
            planned_ms: 0,
            early: false,
            exit: None,
            outgoing: None,
        })
    }

    /// The descriptor that becomes readable when a socket has something.
    pub fn epoll(&self) -> io::Result<OwnedFd> {
        self.epoll.try_clone()
    }

    /// Makes a client of a connection.
    pub fn add(&mut self, socket: OwnedFd, peer: Peer) {
        let slot = self.exec.connect(peer);
        // All that may ever be of interest, once: no further call is needed while the connection lives.
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        if let Err(e) = epoll::add(&self.epoll, &socket, EventData::new_u64(slot as u64), flags) {
            tracing::warn!("Cannot wait for a new client's requests: {e}");
            return self.exec.disconnect(slot);
        }
        self.put(slot, Conn::new(socket, slot));
    }

    /// Keeps a connection.
    pub fn put(&mut self, slot: usize, conn: Conn) {
        if self.conns.len() <= slot {
            self.conns.resize_with(slot + 1, || None);
        }
        self.conns[slot] = Some(conn);
    }

    /// One turn. False when there was nothing to do.
    pub fn turn(&mut self) -> bool {
        // The kernel is not asked to wait: tokio does that, for this and all else.
        let n = match epoll::wait(&self.epoll, &mut self.events[..], Some(&Timespec::default())) {
            Ok(n) => n,
            Err(Errno::INTR) => 0,
            Err(e) => {
                tracing::error!("Cannot wait for requests: {e}");
                0
            }
        };
        if n == 0 && !self.has_more() {
            return false;
        }
        // First those with news: who had its share in the last turn comes after them.
        let mut again = std::mem::take(&mut self.again);
        let mut knocks = std::mem::take(&mut self.knocks);
        for i in 0..n {
            let Event { flags, data } = self.events[i];
            if Listeners::own(data) {
                knocks.push(data);
                continue;
            }
            let slot = data.u64() as usize;
            let Some(Some(conn)) = self.conns.get_mut(slot) else { continue };
            conn.note(flags);
            if !conn.queued {
                self.serve(slot);
            }
        }
        for slot in again.drain(..) {
            if let Some(Some(conn)) = self.conns.get_mut(slot) {
                conn.queued = false;
                self.serve(slot);
            }
        }
        if self.again.is_empty() {
            self.again = again;
        }
        self.exec.server.stats.end_turn();
        self.finish();
        knocks.drain(..).for_each(|event| self.accept(event));
        self.knocks = knocks;
        true
    }

    #[inline]
    fn serve(&mut self, slot: usize) {
        let Some(Some(conn)) = self.conns.get_mut(slot) else { return };
        let next = conn.serve(&mut self.exec, &mut self.scratch);
        self.then(slot, next);
        self.early |= self.exec.due_before(slot, self.planned_ms);
    }

    #[inline]
    fn then(&mut self, slot: usize, next: Next) {
        match next {
            Next::Rest => {}
            Next::Again => self.queue(slot),
            Next::End => {
                self.conns[slot] = None;
                self.exec.disconnect(slot);
            }
        }
    }

    fn queue(&mut self, slot: usize) {
        if let Some(Some(conn)) = self.conns.get_mut(slot)
            && !conn.queued
        {
            conn.queued = true;
            self.again.push(slot);
        }
    }

    /// Whether something is to be done without an event.
    pub fn has_more(&self) -> bool {
        let server = &self.exec.server;
        !self.again.is_empty() || !server.flush.is_empty() || !server.flush_messages.is_empty()
    }

    /// Does what the executor has left for others, in a turn or in periodic work: requests, output to write,
    /// connections to look at. What comes of these is for the next turn.
    pub fn finish(&mut self) {
        if let Some(outgoing) = &self.outgoing {
            for output in self.exec.settle_sentinel() {
                // Its reader lives as long as the process.
                let _ = outgoing.send(output);
            }
        }
        self.exec.end_turn();
        self.exec.hand_on();
        for request in std::mem::take(&mut self.exec.server.requests) {
            match request {
                Request::Exit(code) => self.exit = Some(code),
                Request::MakeRoom => {
                    self.exec.make_room();
                }
                Request::Dial { slot, host, port } => self.dial(slot, host, port),
            }
        }
        let mut slots = std::mem::take(&mut self.exec.server.flush);
        for slot in slots.drain(..) {
            if let Some(Some(conn)) = self.conns.get_mut(slot) {
                let next = conn.write(&mut self.exec);
                self.then(slot, next);
            }
        }
        if self.exec.server.flush.is_empty() {
            self.exec.server.flush = slots;
        }
        self.flush_messages();
        while let Some(slot) = self.exec.server.wake.pop() {
            if let Some(Some(conn)) = self.conns.get_mut(slot) {
                conn.called = true;
                self.queue(slot);
            } else if self.exec.server.client(slot).closing == Closing::Now {
                // Called off before the connection was there.
                self.exec.disconnect(slot);
            }
        }
    }

    /// Writes messages to some subscribers, those first that have waited longest. The others' turn comes after the next
    /// look at all sockets: requests do not wait for ten thousand writes, and what is published meanwhile goes to those
    /// who are left in one write with what they have already (a third of the processor time per message at one hundred
    /// subscribers and requests without pipelining).
    fn flush_messages(&mut self) {
        let waiting = self.exec.server.flush_messages.len();
        for _ in 0..waiting.min(SUBSCRIBERS_MIN.max(waiting / SUBSCRIBERS_PART)) {
            let Some(slot) = self.exec.server.flush_messages.pop_front() else { return };
            // Who had replies to hear has heard the messages with them.
            if self.exec.server.client(slot).due == Due::Messages
                && let Some(Some(conn)) = self.conns.get_mut(slot)
            {
                let next = conn.write(&mut self.exec);
                self.then(slot, next);
            }
        }
    }
}

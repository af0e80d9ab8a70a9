//! The turn: one look at all sockets, each that has something is read and its requests executed, then what they left
//! is written, one write per connection.
//!
//! The sockets of clients have an epoll instance of their own, which tokio watches as one descriptor: a task, a waker
//! and a registration for each of them cost 800 instructions per request, and all they did was to come by here. (To take
//! it out of tokio's while there is much to do costs more than it saves: `epoll_ctl` is slow on an epoll.)
//!
//! A script that runs for long has turns run inside the one in which it began, so that others hear that the server is busy
//! and one of them can end it. The sockets therefore lie beside the executor, and a connection that is served lies outside
//! of both.

use std::cell::RefCell;
use std::collections::VecDeque;
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
    pub(super) sockets: Rc<RefCell<Sockets>>,
    epoll: Rc<OwnedFd>,
    /// When the ticker means to wake, ms of Unix time.
    pub planned_ms: i64,
    /// A key is due before that: the ticker must plan anew.
    pub early: bool,
    /// The process is to end with this status.
    pub exit: Option<i32>,
}

/// The connections.
pub(super) struct Sockets {
    listeners: Rc<RefCell<Listeners>>,
    /// By the client's slot.
    conns: Vec<Option<Conn>>,
    epoll: Rc<OwnedFd>,
    /// Names to look up for connections of ours.
    pub(super) names: Vec<Dial>,
    events: Box<[Event]>,
    /// How many of them the last look has found, and how far they are served.
    found: usize,
    at: usize,
    /// What is read lands here first; only what is left of a request stays with its client.
    scratch: Box<[u8]>,
    /// Listeners' events of the turn.
    knocks: Vec<EventData>,
    /// Slots of connections that have something to do without an event.
    again: VecDeque<usize>,
    /// Slots of connections that are being served, one inside the other: they are not in `conns`.
    away: Vec<usize>,
    /// Turns that were run inside of others.
    inner: u64,
    /// Where goes what a Sentinel has for its connections.
    pub outgoing: Option<UnboundedSender<Output>>,
}

/// What a turn has found beside.
#[derive(Default)]
struct Found {
    /// There was something to do.
    any: bool,
    /// A key is due before `planned_ms`.
    early: bool,
    exit: Option<i32>,
}

impl Turns {
    pub fn new(exec: Exec) -> io::Result<Turns> {
        let epoll = Rc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let none = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
        let listeners = Rc::new(RefCell::new(Listeners::new(epoll.clone())));
        let sockets = Rc::new(RefCell::new(Sockets {
            listeners: listeners.clone(),
            conns: Vec::new(),
            epoll: epoll.clone(),
            names: Vec::new(),
            events: vec![none; EVENTS_MAX].into(),
            scratch: vec![0; SCRATCH].into(),
            knocks: Vec::new(),
            again: VecDeque::new(),
            found: 0,
            at: 0,
            away: Vec::new(),
            inner: 0,
            outgoing: None,
        }));
        let mut turns = Turns { exec, listeners, sockets, epoll, planned_ms: 0, early: false, exit: None };
        let inner = turns.sockets.clone();
        turns.exec.between = Some(Rc::new(move |exec: &mut Exec| {
            inner.borrow_mut().inner += 1;
            // An end of the process is asked for again once the script has ended.
            if let Some(code) = turn(&inner, exec, i64::MIN).exit {
                exec.server.requests.push(Request::Exit(code));
            }
        }));
        Ok(turns)
    }

    /// The descriptor that becomes readable when a socket has something.
    pub fn epoll(&self) -> io::Result<OwnedFd> {
        self.epoll.try_clone()
    }

    /// One turn. False when there was nothing to do.
    pub fn turn(&mut self) -> bool {
        let found = turn(&self.sockets, &mut self.exec, self.planned_ms);
        self.early |= found.early;
        self.exit = self.exit.or(found.exit);
        found.any
    }

    /// Whether something is to be done without an event.
    pub fn has_more(&self) -> bool {
        self.sockets.borrow().has_more(&self.exec)
    }

    /// Whether there are names to look up.
    pub fn has_names(&self) -> bool {
        !self.sockets.borrow().names.is_empty()
    }

    /// Takes the names to look up.
    pub fn take_names(&self) -> Vec<Dial> {
        std::mem::take(&mut self.sockets.borrow_mut().names)
    }

    /// Does what periodic work has left for others. What comes of it is for the next turn.
    pub fn finish(&mut self) {
        let exit = self.sockets.borrow_mut().finish(&mut self.exec);
        self.exit = self.exit.or(exit);
    }
}

/// Runs a turn. Nothing is borrowed while a connection is served: what it executes may run turns of its own, which go on
/// with what is left of this one.
fn turn(sockets: &RefCell<Sockets>, exec: &mut Exec, planned_ms: i64) -> Found {
    let mut found = Found::default();
    serve_events(sockets, exec, planned_ms, &mut found);
    let n = sockets.borrow_mut().look();
    if n == 0 && !sockets.borrow().has_more(exec) {
        return found;
    }
    found.any = true;
    exec.hear_log();
    // First those with news: who had its share in the last turn comes after them.
    let again = sockets.borrow().again.len();
    serve_events(sockets, exec, planned_ms, &mut found);
    for _ in 0..again {
        let Some(slot) = sockets.borrow_mut().again.pop_front() else { break };
        let conn = sockets.borrow_mut().take_if(slot, |conn| {
            conn.queued = false;
            true
        });
        serve(sockets, exec, slot, conn, planned_ms, &mut found);
    }
    exec.server.stats.end_turn();
    let mut s = sockets.borrow_mut();
    found.exit = s.finish(exec);
    while let Some(event) = s.knocks.pop() {
        s.accept(exec, event);
    }
    found
}

/// Serves all that the last look has found and nobody has served yet.
fn serve_events(sockets: &RefCell<Sockets>, exec: &mut Exec, planned_ms: i64, found: &mut Found) {
    loop {
        let mut s = sockets.borrow_mut();
        let Some(&Event { flags, data }) = s.events[..s.found].get(s.at) else { return };
        s.at += 1;
        if Listeners::own(data) {
            s.knocks.push(data);
            continue;
        }
        let slot = data.u64() as usize;
        let conn = s.take_if(slot, |conn| {
            conn.note(flags);
            !conn.queued
        });
        drop(s);
        serve(sockets, exec, slot, conn, planned_ms, found);
    }
}

#[inline]
fn serve(
    sockets: &RefCell<Sockets>,
    exec: &mut Exec,
    slot: usize,
    conn: Option<Conn>,
    planned_ms: i64,
    found: &mut Found,
) {
    let Some(mut conn) = conn else { return };
    let (mut scratch, inner) = {
        let mut s = sockets.borrow_mut();
        s.away.push(slot);
        (std::mem::take(&mut s.scratch), s.inner)
    };
    if scratch.is_empty() {
        scratch = vec![0; SCRATCH].into();
    }
    let next = conn.serve(exec, &mut scratch);
    let mut s = sockets.borrow_mut();
    s.scratch = scratch;
    s.away.pop();
    let next = if s.inner == inner {
        next
    } else {
        // Turns inside have seen its events in its place.
        conn.note(EventFlags::IN | EventFlags::OUT);
        if next == Next::Rest { Next::Again } else { next }
    };
    s.conns[slot] = Some(conn);
    s.then(exec, slot, next);
    found.early |= exec.due_before(slot, planned_ms);
}

impl Sockets {
    /// Makes a client of a connection.
    pub fn add(&mut self, exec: &mut Exec, socket: OwnedFd, peer: Peer) {
        let slot = exec.connect(peer);
        // All that may ever be of interest, once: no further call is needed while the connection lives.
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        if let Err(e) = epoll::add(&self.epoll, &socket, EventData::new_u64(slot as u64), flags) {
            tracing::warn!("Cannot wait for a new client's requests: {e}");
            return exec.disconnect(slot);
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

    pub fn epoll(&self) -> &OwnedFd {
        &self.epoll
    }

    pub fn listeners(&self) -> &RefCell<Listeners> {
        &self.listeners
    }

    /// Asks what has news; all that was found before is served. The kernel is not asked to wait: tokio does that, for this and
    /// all else.
    fn look(&mut self) -> usize {
        self.at = 0;
        self.found = match epoll::wait(&self.epoll, &mut self.events[..], Some(&Timespec::default())) {
            Ok(n) => n,
            Err(Errno::INTR) => 0,
            Err(e) => {
                tracing::error!("Cannot wait for requests: {e}");
                0
            }
        };
        self.found
    }

    /// Takes a connection out to serve it, if it is there and `wanted`.
    #[inline]
    fn take_if(&mut self, slot: usize, wanted: impl FnOnce(&mut Conn) -> bool) -> Option<Conn> {
        self.conns.get_mut(slot)?.take_if(wanted)
    }

    #[inline]
    fn then(&mut self, exec: &mut Exec, slot: usize, next: Next) {
        match next {
            Next::Rest => {}
            Next::Again => self.queue(slot),
            Next::End => {
                self.conns[slot] = None;
                exec.disconnect(slot);
            }
        }
    }

    fn queue(&mut self, slot: usize) {
        if let Some(Some(conn)) = self.conns.get_mut(slot)
            && !conn.queued
        {
            conn.queued = true;
            self.again.push_back(slot);
        }
    }

    /// Whether something is to be done without an event.
    fn has_more(&self, exec: &Exec) -> bool {
        let server = &exec.server;
        server.log_news()
            || !self.again.is_empty()
            || !server.flush.is_empty()
            || !server.flush_messages.is_empty()
    }

    /// Does what the executor has left for others, in a turn or in periodic work: requests, output to write,
    /// connections to look at. What comes of these is for the next turn. Gives the status if the process is to end.
    fn finish(&mut self, exec: &mut Exec) -> Option<i32> {
        let mut exit = None;
        if let Some(outgoing) = &self.outgoing {
            for output in exec.settle_sentinel() {
                // Its reader lives as long as the process.
                let _ = outgoing.send(output);
            }
        }
        exec.end_turn();
        exec.hand_on();
        for request in std::mem::take(&mut exec.server.requests) {
            match request {
                Request::Exit(code) => {
                    // Nobody comes any more before those who are here have gone.
                    self.listeners.borrow_mut().close();
                    exit = Some(code);
                }
                Request::LoadLog { slot, client } => exec.reload_log(slot, client),
                Request::MakeRoom => {
                    exec.make_room();
                }
                Request::Dial { slot, host, port } => self.dial(exec, slot, host, port),
            }
        }
        let mut slots = std::mem::take(&mut exec.server.flush);
        for slot in slots.drain(..) {
            if let Some(Some(conn)) = self.conns.get_mut(slot) {
                let next = conn.write(exec);
                self.then(exec, slot, next);
            } else if self.away.contains(&slot) {
                exec.server.flush.push(slot);
            }
        }
        if exec.server.flush.is_empty() {
            exec.server.flush = slots;
        }
        self.flush_messages(exec);
        while let Some(slot) = exec.server.wake.pop() {
            if let Some(Some(conn)) = self.conns.get_mut(slot) {
                conn.called = true;
                self.queue(slot);
            } else if !self.away.contains(&slot) && exec.server.client(slot).closing == Closing::Now {
                // Called off before the connection was there.
                exec.disconnect(slot);
            }
        }
        exit
    }

    /// Writes messages to some subscribers, those first that have waited longest. The others' turn comes after the next
    /// look at all sockets: requests do not wait for ten thousand writes, and what is published meanwhile goes to those
    /// who are left in one write with what they have already (a third of the processor time per message at one hundred
    /// subscribers and requests without pipelining).
    fn flush_messages(&mut self, exec: &mut Exec) {
        let waiting = exec.server.flush_messages.len();
        for _ in 0..waiting.min(SUBSCRIBERS_MIN.max(waiting / SUBSCRIBERS_PART)) {
            let Some(slot) = exec.server.flush_messages.pop_front() else { return };
            if self.away.contains(&slot) {
                exec.server.flush_messages.push_back(slot);
                continue;
            }
            // Who had replies to hear has heard the messages with them.
            if exec.server.client(slot).due == Due::Messages
                && let Some(Some(conn)) = self.conns.get_mut(slot)
            {
                let next = conn.write(exec);
                self.then(exec, slot, next);
            }
        }
    }
}

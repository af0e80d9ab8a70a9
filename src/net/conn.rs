//! One connection: reads, gives to the executor, writes what the executor left.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

use super::Shared;
use super::stream::Stream;
use crate::engine::session::{Closing, Peer};
use crate::exec::Exec;
use crate::exec::run::Fed;

/// A connection's socket and how its task is woken.
pub(crate) struct Conn {
    stream: RefCell<Stream>,
    slot: usize,
    waker: RefCell<Option<Waker>>,
    /// Output is left that the socket did not take.
    stuck: Cell<bool>,
    /// The task was woken by the executor: its input may go on, or the connection ends.
    called: Cell<bool>,
    /// The socket failed.
    broken: Cell<bool>,
}

/// Reads of one connection before others get their turn.
const READS_MAX: usize = 16;

/// Makes a client of a new connection.
pub(crate) fn spawn(shared: &Rc<Shared>, stream: Stream, peer: Peer) {
    let slot = shared.exec.borrow_mut().connect(peer);
    let conn = Rc::new(Conn {
        stream: RefCell::new(stream),
        slot,
        waker: RefCell::default(),
        stuck: Cell::new(false),
        called: Cell::new(false),
        broken: Cell::new(false),
    });
    let mut conns = shared.conns.borrow_mut();
    if conns.len() <= slot {
        conns.resize(slot + 1, None);
    }
    conns[slot] = Some(conn.clone());
    drop(conns);
    let shared = shared.clone();
    tokio::task::spawn_local(async move {
        poll_fn(|cx| conn.poll(&shared, cx)).await;
        shared.conns.borrow_mut()[conn.slot] = None;
        shared.exec.borrow_mut().disconnect(conn.slot);
        shared.after_turn();
    });
}

impl Conn {
    /// Wakes the task.
    pub fn wake(&self) {
        self.called.set(true);
        if let Some(w) = &*self.waker.borrow() {
            w.wake_by_ref();
        }
    }

    /// Goes on until there is nothing to do now; ready when the connection has ended.
    fn poll(&self, shared: &Shared, cx: &mut Context<'_>) -> Poll<()> {
        if !self.waker.borrow().as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            *self.waker.borrow_mut() = Some(cx.waker().clone());
        }
        if self.called.take() {
            self.resume(shared);
        }
        for _ in 0..READS_MAX {
            if self.stuck.get() {
                self.poll_write(shared, cx);
            }
            if self.ended(shared) {
                return Poll::Ready(());
            }
            match self.poll_read(shared, cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(false) => return Poll::Ready(()),
                Poll::Ready(true) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn ended(&self, shared: &Shared) -> bool {
        if self.broken.get() {
            return true;
        }
        let mut exec = shared.exec.borrow_mut();
        let s = exec.server.client(self.slot);
        match s.closing {
            Closing::No => false,
            Closing::Now => true,
            Closing::AfterReply => s.output.is_empty(),
        }
    }

    /// Reads once and executes. False at the end of the stream.
    fn poll_read(&self, shared: &Shared, cx: &mut Context<'_>) -> Poll<bool> {
        let mut scratch = shared.scratch.borrow_mut();
        let mut buf = ReadBuf::new(&mut scratch);
        match self.stream.borrow_mut().poll_read(cx, &mut buf) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(false),
            Poll::Ready(Ok(())) => {}
        }
        let got = buf.filled_mut();
        if got.is_empty() {
            return Poll::Ready(false);
        }
        let mut exec = shared.exec.borrow_mut();
        let exec = &mut *exec;
        exec.received(self.slot, got.len());
        let mut own = std::mem::take(&mut exec.server.client(self.slot).input);
        let fed = if own.is_empty() {
            let (used, fed) = exec.feed(self.slot, got);
            let rest = &got[used..];
            if !rest.is_empty() || own.capacity() > 0 {
                exec.grow_input(self.slot, &mut own, rest.len());
                own.extend_from_slice(rest);
            }
            fed
        } else {
            exec.grow_input(self.slot, &mut own, got.len());
            own.extend_from_slice(got);
            feed_own(exec, self.slot, &mut own)
        };
        exec.keep_input(self.slot, own);
        self.after(shared, exec, fed);
        Poll::Ready(true)
    }

    /// Executes what lies in the client's own buffer.
    fn resume(&self, shared: &Shared) {
        let mut exec = shared.exec.borrow_mut();
        let exec = &mut *exec;
        let mut own = std::mem::take(&mut exec.server.client(self.slot).input);
        let fed = if own.is_empty() { Fed::All } else { feed_own(exec, self.slot, &mut own) };
        exec.keep_input(self.slot, own);
        self.after(shared, exec, fed);
    }

    fn after(&self, shared: &Shared, exec: &mut Exec, fed: Fed) {
        if fed == Fed::More {
            self.wake();
        }
        let server = &exec.server;
        if !server.flush.is_empty() || !server.wake.is_empty() || !server.requests.is_empty() {
            shared.flush.notify_one();
        }
        if exec.due_before(self.slot, shared.planned_ms.get()) {
            shared.early.notify_one();
        }
    }

    /// Writes what it can of the client's output.
    pub fn write(&self, shared: &Shared) {
        let mut exec = shared.exec.borrow_mut();
        exec.server.client(self.slot).flush_due = false;
        loop {
            let s = exec.server.client(self.slot);
            if s.output.is_empty() {
                break;
            }
            match self.stream.borrow().try_write(s.output.front()) {
                Ok(n) => {
                    s.output.consume(n);
                    exec.sent(self.slot, n);
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    if !self.stuck.replace(true) {
                        self.wake();
                    }
                    return;
                }
                Err(_) => {
                    self.broken.set(true);
                    self.wake();
                    return;
                }
            }
        }
        self.stuck.set(false);
        let s = exec.server.client(self.slot);
        if s.closing != Closing::No || !s.input.is_empty() {
            self.wake();
        }
    }

    fn poll_write(&self, shared: &Shared, cx: &mut Context<'_>) {
        while self.stuck.get() && !self.broken.get() {
            match self.stream.borrow().poll_write_ready(cx) {
                Poll::Pending => return,
                Poll::Ready(Err(_)) => {
                    self.broken.set(true);
                    return;
                }
                Poll::Ready(Ok(())) => self.write(shared),
            }
        }
        if !self.stuck.get() {
            self.resume(shared);
        }
    }
}

/// Executes what lies in a client's own buffer, and takes it out.
fn feed_own(exec: &mut Exec, slot: usize, own: &mut Vec<u8>) -> Fed {
    let (used, fed) = exec.feed(slot, own);
    // The buffer stays for the next unfinished request; the periodic look at clients takes it back.
    own.drain(..used);
    fed
}

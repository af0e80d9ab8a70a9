//! Sockets: listeners, one local task per connection, the flush at the end of each turn. The only module that knows
//! of tokio.
//!
//! A turn: the runtime wakes the tasks of all sockets that have something to read; each reads, and gives what it
//! read to the executor at once. The first one that leaves output behind wakes the flush task, which therefore runs
//! after all of them: one write per connection and turn, however many requests a read held.

mod conn;
mod listener;
mod stream;

use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::base::hash;
use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::outside::Outside;
use crate::engine::server::{Request, Server};
use crate::engine::start::Startup;
use crate::exec::{Exec, table};
use crate::sys::clock::Clock;
use crate::sys::memory;
use crate::sys::random;
use crate::sys::signals::{self, Wakeups};
use crate::sys::supervise::Supervisor;
use conn::Conn;
use listener::Listeners;

/// What all tasks share. Nothing is borrowed across an await.
pub(crate) struct Shared {
    pub exec: RefCell<Exec>,
    pub conns: RefCell<Vec<Option<Rc<Conn>>>>,
    pub listeners: RefCell<Listeners>,
    /// Wakes the flush task.
    pub flush: Notify,
    /// Wakes the ticker earlier than planned.
    pub early: Notify,
    /// When the ticker means to wake, ms of Unix time.
    pub planned_ms: Cell<i64>,
    /// What is read lands here first; only what is left of a request stays with its client.
    pub scratch: RefCell<Vec<u8>>,
    /// Ends the process.
    pub exit: Cell<Option<i32>>,
    pub exit_now: Notify,
}

/// Bytes of the shared read buffer.
const SCRATCH: usize = 64 * 1024;

/// Serves until told to stop; gives the process's status.
pub fn run(startup: Startup) -> ExitCode {
    hash::set_key(random::u64(), random::u64());
    let outside = Outside::real(&startup);
    let mut server = Server::new(startup.config, table::commands(), Clock::real(), Rng::new(random::u64()));
    if let Err(line) = server.rename_commands() {
        tracing::warn!("FATAL CONFIG FILE ERROR: {line}");
        return ExitCode::FAILURE;
    }
    server.start(outside, startup.config_file);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(r) => r,
        Err(e) => {
            tracing::error!("Cannot start the event loop: {e}");
            return ExitCode::FAILURE;
        }
    };
    tracing::info!("Server initialized");
    let supervisor = startup.supervisor;
    let code = LocalSet::new().block_on(&runtime, serve(Exec::new(server), startup.wakeups, supervisor));
    supervisor.stopping();
    ExitCode::from(code as u8)
}

async fn serve(exec: Exec, wakeups: Wakeups, supervisor: Supervisor) -> i32 {
    let shared = Rc::new(Shared {
        exec: RefCell::new(exec),
        conns: RefCell::default(),
        listeners: RefCell::default(),
        flush: Notify::new(),
        early: Notify::new(),
        planned_ms: Cell::new(0),
        scratch: RefCell::new(vec![0; SCRATCH]),
        exit: Cell::new(None),
        exit_now: Notify::new(),
    });
    let config = shared.exec.borrow().server.config.clone();
    if let Err(e) = shared.listeners.borrow_mut().update(&shared, &config) {
        tracing::warn!("{e}");
        return 1;
    }
    if shared.listeners.borrow().is_empty() {
        tracing::warn!("Configured to not listen anywhere, exiting.");
        return 1;
    }
    let weak = Rc::downgrade(&shared);
    shared.exec.borrow_mut().server.outside.listen = Some(Box::new(move |config: &Config| {
        let Some(shared) = weak.upgrade() else { return Ok(()) };
        let done = shared.listeners.borrow_mut().update(&shared, config);
        done.inspect_err(|e| tracing::warn!("{e}"))
    }));
    tokio::task::spawn_local(flush(shared.clone()));
    tokio::task::spawn_local(ticker(shared.clone()));
    tokio::task::spawn_local(signals(shared.clone(), wakeups));
    if config.port != 0 {
        tracing::info!("Ready to accept connections tcp");
    }
    if !config.unixsocket.is_empty() {
        tracing::info!("Ready to accept connections unix");
    }
    shared.exec.borrow_mut().server.outside.startup_memory = memory::used();
    supervisor.ready("Ready to accept connections");
    shared.exit_now.notified().await;
    if !config.unixsocket.is_empty() {
        tracing::info!("Removing the unix socket file.");
        let _ = std::fs::remove_file(&config.unixsocket);
    }
    shared.exit.get().unwrap_or(0)
}

/// Turns signals into shutdown requests.
async fn signals(shared: Rc<Shared>, wakeups: Wakeups) {
    let Ok(wakeups) = Receiver::from_owned_fd(wakeups.into()) else {
        tracing::error!("Cannot wait for signals: SIGTERM will not be heard.");
        return;
    };
    let mut bytes = [0u8; 64];
    while wakeups.readable().await.is_ok() {
        while matches!(wakeups.try_read(&mut bytes), Ok(n) if n > 0) {}
        if signals::requested().is_some() {
            shared.exec.borrow_mut().signalled();
            shared.after_turn();
        }
    }
}

/// Writes what the turn has left in output buffers.
async fn flush(shared: Rc<Shared>) {
    let mut slots = Vec::new();
    loop {
        shared.flush.notified().await;
        {
            let server = &mut shared.exec.borrow_mut().server;
            std::mem::swap(&mut slots, &mut server.flush);
            server.stats.end_turn();
        }
        for slot in slots.drain(..) {
            let conn = shared.conns.borrow().get(slot).cloned().flatten();
            if let Some(conn) = conn {
                conn.write(&shared);
            }
        }
        shared.after_turn();
    }
}

/// Runs the executor's periodic work, and earlier when a key is due.
async fn ticker(shared: Rc<Shared>) {
    loop {
        let (due, now) = {
            let mut exec = shared.exec.borrow_mut();
            let due = exec.tick();
            (due, exec.server.clock.now_ms() as i64)
        };
        shared.planned_ms.set(due);
        shared.after_turn();
        if due <= now {
            tokio::task::yield_now().await;
            continue;
        }
        let wait = Duration::from_millis((due - now) as u64);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.early.notified() => {}
        }
    }
}

impl Shared {
    /// What a turn of the executor may have left for others: output to write, connections to look at, requests.
    pub fn after_turn(&self) {
        let mut exec = self.exec.borrow_mut();
        if !exec.server.flush.is_empty() {
            self.flush.notify_one();
        }
        if !exec.server.wake.is_empty() {
            let slots = std::mem::take(&mut exec.server.wake);
            let conns = self.conns.borrow();
            for slot in slots {
                if let Some(Some(conn)) = conns.get(slot) {
                    conn.wake();
                }
            }
        }
        for request in std::mem::take(&mut exec.server.requests) {
            match request {
                Request::Exit(code) => {
                    self.exit.set(Some(code));
                    self.exit_now.notify_one();
                }
                Request::MakeRoom => {
                    exec.make_room();
                }
            }
        }
    }
}

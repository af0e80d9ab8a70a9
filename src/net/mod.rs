//! Sockets: listeners, connections, the loop of turns. The only module that knows of tokio.
//!
//! tokio waits: for the sockets of clients, all behind one descriptor; for new connections, signals and time. One task
//! runs the turns (see `turn`), and lets the others have theirs after a few of them.

mod conn;
mod link;
mod listener;
mod sentinel;
mod turn;

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::LocalSet;

use crate::base::hash;
use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::outside::Outside;
use crate::engine::server::Server;
use crate::engine::start::Startup;
use crate::exec::{Exec, table};
use crate::sys::clock::Clock;
use crate::sys::memory;
use crate::sys::random;
use crate::sys::signals::{self, Wakeups};
use crate::sys::supervise::Supervisor;
use turn::Turns;

/// What all tasks share. Nothing is borrowed across an await.
pub(crate) struct Shared {
    turns: RefCell<Turns>,
    /// Wakes the loop when there is something to do without an event.
    work: Arc<Notify>,
    /// Wakes the ticker earlier than planned.
    early: Notify,
    /// There are names to look up.
    names: Notify,
    /// Ends the process.
    exit: Notify,
}

/// Turns in a row before new connections, signals and timers are looked at.
const TURNS_MAX: usize = 8;

/// Serves until told to stop; gives the process's status.
pub fn run(startup: Startup) -> ExitCode {
    let (k0, k1) = match &startup.config.hash_seed[..] {
        [] => (random::u64(), random::u64()),
        seed => hash::key_of_seed(seed),
    };
    hash::set_key(k0, k1);
    let outside = Outside::real(&startup);
    let commands = if startup.sentinel { table::sentinel_commands() } else { table::commands() };
    let mut server = Server::new(startup.config, commands, Clock::real(), Rng::new(random::u64()));
    if let Err(line) = server.rename_commands() {
        tracing::warn!("FATAL CONFIG FILE ERROR: {line}");
        return ExitCode::FAILURE;
    }
    server.start(outside, startup.config_file);
    if startup.sentinel
        && let Err(line) = server.become_sentinel(random::u64())
    {
        tracing::warn!("FATAL CONFIG FILE ERROR: {line}");
        return ExitCode::FAILURE;
    }
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
    let (watched, turns) = match Turns::new(exec).and_then(|turns| Ok((watch(&turns)?, turns))) {
        Ok(both) => both,
        Err(e) => {
            tracing::error!("Cannot start the event loop: {e}");
            return 1;
        }
    };
    let work = Arc::new(Notify::new());
    let shared = Rc::new(Shared {
        turns: RefCell::new(turns),
        work: work.clone(),
        early: Notify::new(),
        names: Notify::new(),
        exit: Notify::new(),
    });
    let wake = shared.turns.borrow().exec.server.outside.wake.clone();
    if wake.set(Box::new(move || work.notify_one())).is_err() {
        tracing::error!("The loop runs twice");
    }
    if !shared.turns.borrow_mut().exec.start_with_log() {
        return 1;
    }
    let config = shared.turns.borrow().exec.server.config.clone();
    let listeners = shared.turns.borrow().listeners.clone();
    if let Err(e) = listeners.borrow_mut().update(&config) {
        tracing::warn!("{e}");
        return 1;
    }
    if listeners.borrow().is_empty() {
        tracing::warn!("Configured to not listen anywhere, exiting.");
        return 1;
    }
    shared.turns.borrow_mut().exec.server.outside.listen = Some(Box::new(move |config: &Config| {
        listeners.borrow_mut().update(config).inspect_err(|e| tracing::warn!("{e}"))
    }));
    // The log holds more than the last save, and is loaded already.
    if !shared.turns.borrow().exec.server.is_logged() {
        shared.turns.borrow_mut().exec.load_at_start();
    }
    tokio::task::spawn_local(run_turns(shared.clone(), watched));
    tokio::task::spawn_local(ticker(shared.clone()));
    tokio::task::spawn_local(link::look_up(shared.clone()));
    tokio::task::spawn_local(signals(shared.clone(), wakeups));
    shared.turns.borrow_mut().exec.server.outside.startup_memory = memory::used();
    if shared.loaded().await {
        if config.port != 0 {
            tracing::info!("Ready to accept connections tcp");
        }
        if !config.unixsocket.is_empty() {
            tracing::info!("Ready to accept connections unix");
        }
        begin_sentinel(&shared);
        supervisor.ready("Ready to accept connections");
        shared.exit.notified().await;
    }
    let exit = shared.turns.borrow().exit.unwrap_or(0);
    if !config.unixsocket.is_empty() {
        // A start that has failed ends with the line that says so.
        if exit == 0 {
            tracing::info!("Removing the unix socket file.");
        }
        let _ = std::fs::remove_file(&config.unixsocket);
    }
    exit
}

/// Between two looks at whether all data is loaded, at start.
const LOADING_LOOK: Duration = Duration::from_millis(2);

/// A Sentinel begins to watch.
fn begin_sentinel(shared: &Rc<Shared>) {
    let mut turns = shared.turns.borrow_mut();
    let now_ms = turns.exec.server.clock.now_ms() as i64;
    let Some(machine) = &mut turns.exec.server.sentinel else { return };
    machine.begin(now_ms);
    let (outgoing, outputs) = unbounded_channel();
    turns.sockets.borrow_mut().outgoing = Some(outgoing);
    tokio::task::spawn_local(sentinel::run(shared.clone(), outputs));
}

/// Has tokio watch all sockets: their poll is one descriptor to wait for, which is all that a `Receiver` is here.
fn watch(turns: &Turns) -> io::Result<Receiver> {
    Receiver::from_owned_fd_unchecked(turns.epoll()?)
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
            shared.turns.borrow_mut().exec.signalled();
            shared.finish();
        }
    }
}

/// Runs turns while there is something to do, and waits while there is not.
async fn run_turns(shared: Rc<Shared>, watched: Receiver) {
    loop {
        if shared.turns_in_a_row() {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            ready = watched.readable() => match ready {
                // Told once: from now on the turns look for themselves.
                Ok(()) => drop(watched.try_io(|| io::Result::<()>::Err(ErrorKind::WouldBlock.into()))),
                // The runtime is ending.
                Err(_) => return,
            },
            () = shared.work.notified() => {}
        }
    }
}

/// Runs the executor's periodic work, and earlier when a key is due.
async fn ticker(shared: Rc<Shared>) {
    loop {
        let (due, now) = {
            let mut turns = shared.turns.borrow_mut();
            let due = turns.exec.tick();
            turns.planned_ms = due;
            let now = turns.exec.server.clock.now_ms() as i64;
            turns.listeners.borrow_mut().rested(now);
            (due, now)
        };
        shared.finish();
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
    /// Waits until what is loaded at start is there; false when the process is to end before.
    async fn loaded(&self) -> bool {
        loop {
            {
                let turns = self.turns.borrow();
                let server = &turns.exec.server;
                // What is to be done about a failure stands among the requests yet, if it was seen just now.
                if turns.exit.is_some() {
                    return false;
                }
                if server.loading.is_none() && server.requests.is_empty() {
                    return true;
                }
            }
            tokio::time::sleep(LOADING_LOOK).await;
        }
    }

    /// Some turns in a row. False when there is nothing more to do.
    fn turns_in_a_row(&self) -> bool {
        let mut turns = self.turns.borrow_mut();
        for _ in 0..TURNS_MAX {
            if !turns.turn() {
                return false;
            }
            if turns.has_names() {
                self.names.notify_one();
            }
            if std::mem::take(&mut turns.early) {
                self.early.notify_one();
                break;
            }
            if turns.exit.is_some() {
                self.exit.notify_one();
                break;
            }
            if turns.exec.moment_ms() >= turns.planned_ms {
                break;
            }
        }
        true
    }

    /// Does what others than the turns have made the executor leave.
    fn finish(&self) {
        let mut turns = self.turns.borrow_mut();
        turns.finish();
        if turns.has_names() {
            self.names.notify_one();
        }
        if turns.has_more() {
            self.work.notify_one();
        }
        if turns.exit.is_some() {
            self.exit.notify_one();
        }
    }
}

//! Signals that ask for something: SIGTERM and SIGINT for a shutdown, SIGALRM for a stack trace. Those that end the
//! process are in `crash`.
//!
//! A handler does next to nothing: it stores the request, writes a byte into a pipe whose other end the loop waits
//! on, and writes one line to the log by `write(2)`. All of that may happen at any instruction of any thread.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::*};

use rustix::pipe::{PipeFlags, pipe_with};

use super::clock;
use super::crash::{self, RawOut};

/// The signal of the shutdown that was asked for; 0: none.
static REQUESTED: AtomicI32 = AtomicI32::new(0);
static WAKE_FD: AtomicI32 = AtomicI32::new(-1);
static LOADING: AtomicBool = AtomicBool::new(false);

/// A signal that asks for a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Term,
    Int,
}

/// The end of the pipe that becomes readable when a signal asked for something. Non-blocking.
pub struct Wakeups(OwnedFd);

impl AsFd for Wakeups {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
impl Wakeups {
    /// Takes out what the handlers wrote.
    pub fn drain(&self) {
        let mut bytes = [0u8; 64];
        while matches!(rustix::io::read(&self.0, &mut bytes), Ok(n) if n > 0) {}
    }
}

impl From<Wakeups> for OwnedFd {
    fn from(wakeups: Wakeups) -> OwnedFd {
        wakeups.0
    }
}

/// Installs the handlers; SIGHUP and SIGPIPE are ignored. Once per process, after daemonize.
pub fn install() -> io::Result<Wakeups> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    WAKE_FD.store(write.into_raw_fd(), Release); // Open as long as the process.
    ignore(libc::SIGHUP);
    ignore(libc::SIGPIPE);
    crash::handle(libc::SIGTERM, on_shutdown, libc::SA_RESTART);
    crash::handle(libc::SIGINT, on_shutdown, libc::SA_RESTART);
    crash::handle(libc::SIGALRM, on_alarm, libc::SA_RESTART | libc::SA_ONSTACK);
    Ok(Wakeups(read))
}

fn ignore(signal: i32) {
    // SAFETY: ignoring a signal installs no code.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// What was asked for, until `forget`.
pub fn requested() -> Option<Request> {
    match REQUESTED.load(Acquire) {
        libc::SIGTERM => Some(Request::Term),
        libc::SIGINT => Some(Request::Int),
        _ => None,
    }
}

/// The shutdown was called off, or could not be done: the next signal asks anew.
pub fn forget() {
    REQUESTED.store(0, Release);
}

/// While data is loaded the line in the log says so.
pub fn set_loading(loading: bool) {
    LOADING.store(loading, Relaxed);
}

extern "C" fn on_shutdown(signal: i32, _: *mut libc::siginfo_t, _: *mut c_void) {
    let errno = Errno::save();
    if signal == libc::SIGINT && REQUESTED.load(Acquire) != 0 {
        log_line("You insist... exiting now.");
        super::process::remove_pidfile();
        super::process::remove_unfinished();
        // SAFETY: ends the process without running anything else.
        unsafe { libc::_exit(1) };
    }
    log_line(match signal {
        _ if LOADING.load(Relaxed) => "Received shutdown signal during loading, scheduling shutdown.",
        libc::SIGINT => "Received SIGINT scheduling shutdown...",
        _ => "Received SIGTERM scheduling shutdown...",
    });
    REQUESTED.store(signal, Release);
    wake();
    errno.restore();
}

fn wake() {
    let fd = WAKE_FD.load(Acquire);
    // SAFETY: one byte from a static; a full pipe is as good as one more byte, so the result does not matter.
    unsafe { libc::write(fd, b"!".as_ptr().cast(), 1) };
}

/// One line of the log from a handler, in the form that the reference's handlers use.
pub(super) fn log_line(text: &str) {
    let mut out = RawOut::to_log();
    let _ = writeln!(out, "{}:signal-handler ({}) {text}", std::process::id(), clock::wall_ms() / 1000);
}

/// The code between two instructions of which the handler runs may be about to read errno.
struct Errno(i32);

impl Errno {
    fn save() -> Errno {
        // SAFETY: the place of this thread's errno, valid as long as the thread.
        Errno(unsafe { *libc::__errno_location() })
    }

    fn restore(self) {
        // SAFETY: as in `save`.
        unsafe { *libc::__errno_location() = self.0 };
    }
}

// ---------------------------------------------------------------------------------------------------- watchdog

/// Arms the software watchdog: unless it is armed again (or with 0, switched off) within `period_ms`, the main thread's
/// stack is written to the log.
pub fn arm_watchdog(period_ms: u32) {
    let period_ms = libc::time_t::from(period_ms);
    let first = libc::timeval { tv_sec: period_ms / 1000, tv_usec: period_ms % 1000 * 1000 };
    let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: never, it_value: first };
    // SAFETY: a valid timer; the old one is not wanted.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut()) };
}

extern "C" fn on_alarm(_: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    let errno = Errno::save();
    crash::give_up_if_reporting();
    // SAFETY: the kernel passes a valid siginfo to a handler installed with SA_SIGINFO; a timer's has a pid of 0.
    let by_timer = unsafe { info.as_ref().is_none_or(|info| info.si_pid() == 0) };
    log_line(if by_timer { "\n--- WATCHDOG TIMER EXPIRED ---" } else { "\nReceived SIGALRM" });
    crash::write_stack(&mut RawOut::to_log(), context);
    log_line("--------\n");
    errno.restore();
}

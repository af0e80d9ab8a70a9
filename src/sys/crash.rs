//! The crash report: what the process still says when it dies by a signal or a panic.
//!
//! What must come out comes first, and by means that work in a broken process: `write(2)` from a buffer on the stack,
//! no allocation, no lock. Signal, addresses of the stack, registers, last log events, memory. Then what is wanted but
//! may itself crash or hang, since it reads the executor's structures or allocates: the command under execution,
//! the stack with names. A second crash in there ends the report; a hang is ended by an alarm.
//!
//! The lines that upstream's tools and tests look for (START, END, `crashed by signal`, STACK TRACE) have the
//! reference's words.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::panic::PanicHookInfo;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::*};

use super::signals::log_line;
use super::symbols::{self, Symbols};
use super::version::VERSION;
use super::{clock, log, memory, process};
use crate::base::limits::{CRASH_ARG_MAX, CRASH_ARGS_MAX};
use crate::base::span::Span;

/// The request under execution: the buffer and the spans of its words, noted by the executor before each one and
/// forgotten after the batch. Addresses and lengths, so that noting costs four plain stores.
static RUNNING: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];
static ENABLED: AtomicBool = AtomicBool::new(true);
static EXIT_ON_PANIC: AtomicBool = AtomicBool::new(false);
static HIDE_USER_DATA: AtomicBool = AtomicBool::new(true);
/// The thread that writes the report; 0: none.
static REPORTING: AtomicI32 = AtomicI32::new(0);
/// The signal to die by once the report is done; 0: by abort.
static DYING_BY: AtomicI32 = AtomicI32::new(0);

/// Seconds after which a report that hangs is ended.
const REPORT_SECONDS_MAX: u32 = 10;
const FATAL: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];

/// Notes the request under execution. [`idle`] must be called before `buf` or `words` go away.
#[inline]
pub fn running(buf: &[u8], words: &[Span]) {
    let note = [buf.as_ptr().expose_provenance(), buf.len(), words.as_ptr().expose_provenance(), words.len()];
    for (to, value) in RUNNING.iter().zip(note) {
        to.store(value, Relaxed);
    }
}

/// No request is under execution.
#[inline]
pub fn idle() {
    RUNNING[3].store(0, Relaxed);
}

/// Writes the request under execution, its words shortened.
fn write_running(out: &mut RawOut) -> io::Result<()> {
    let [buf, len, words, count] = [0, 1, 2, 3].map(|i| RUNNING[i].load(Relaxed));
    if count == 0 {
        return out.write_all(b"none\n");
    }
    // SAFETY: noted from live slices, which stay until `idle` has set the count to 0; only read here.
    let (buf, words) = unsafe {
        let buf = std::slice::from_raw_parts(ptr::with_exposed_provenance::<u8>(buf), len);
        (buf, std::slice::from_raw_parts(ptr::with_exposed_provenance::<Span>(words), count))
    };
    writeln!(out, "argc: {count}")?;
    for (i, word) in words.iter().take(CRASH_ARGS_MAX).enumerate() {
        let (at, len) = (word.at as usize, word.len as usize);
        write_arg(out, i, buf.get(at..at.saturating_add(len)).unwrap_or_default())?;
    }
    Ok(())
}

/// `crash-log-enabled`, `use-exit-on-panic`, `hide-user-data-from-log`: at start and by CONFIG SET.
pub fn configure(enabled: bool, exit_on_panic: bool, hide_user_data: bool) {
    ENABLED.store(enabled, Relaxed);
    EXIT_ON_PANIC.store(exit_on_panic, Relaxed);
    HIDE_USER_DATA.store(hide_user_data, Relaxed);
}

/// Whether keys and values must stay out of the log.
pub fn hides_user_data() -> bool {
    HIDE_USER_DATA.load(Relaxed)
}

/// Installs the handlers of fatal signals and the panic hook, for a stack overflow of the calling thread too.
pub fn install() {
    give_thread_a_signal_stack();
    // The first call loads the unwinder, which a handler must not.
    let mut frames = [ptr::null_mut(); 4];
    capture(&mut frames);
    for signal in FATAL {
        handle(signal, on_fatal, libc::SA_NODEFER | libc::SA_ONSTACK);
    }
    std::panic::set_hook(Box::new(on_panic));
}

pub(super) type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void);

/// Installs one handler.
pub(super) fn handle(signal: i32, handler: Handler, flags: i32) {
    // SAFETY: a zeroed sigaction is valid; the handler has the form that SA_SIGINFO asks for and lives for ever.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        libc::sigemptyset(&mut action.sa_mask);
        action.sa_flags = flags | libc::SA_SIGINFO;
        action.sa_sigaction = handler as *const () as usize;
        libc::sigaction(signal, &action, ptr::null_mut());
    }
}

fn reset_to_default(signal: i32) {
    // SAFETY: the default action installs no code.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// Room for a report on a stack of its own, as the thread's may be what ran out. Touched only when used.
fn give_thread_a_signal_stack() {
    const SIZE: usize = 512 * 1024;
    // SAFETY: fresh anonymous memory, given to the kernel for good.
    unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let memory = libc::mmap(ptr::null_mut(), SIZE, protection, flags, -1, 0);
        if memory == libc::MAP_FAILED {
            return; // A stack overflow will go unreported.
        }
        let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: SIZE };
        libc::sigaltstack(&stack, ptr::null_mut());
    }
}

// ------------------------------------------------------------------------------------------------- raw output

/// Writes to the log through a buffer on the stack, by nothing but open, write and close. Flushed when it ends.
pub struct RawOut {
    fd: i32,
    opened: bool,
    filled: usize,
    buffer: [u8; 1024],
}

impl RawOut {
    /// The log as it is now: opened by its path, as it may have been rotated since the last line. With `loglevel
    /// nothing` all is thrown away.
    pub fn to_log() -> RawOut {
        let mut out = RawOut { fd: -1, opened: false, filled: 0, buffer: [0; 1024] };
        if log::level() > log::Level::Warning {
            return out;
        }
        match log::raw_path() {
            None => out.fd = libc::STDOUT_FILENO,
            Some(path) => {
                let flags = libc::O_APPEND | libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC;
                // SAFETY: a zero-terminated string that is never freed.
                out.fd = unsafe { libc::open(path.as_ptr(), flags, 0o644) };
                out.opened = out.fd >= 0;
            }
        }
        out
    }
}

impl Write for RawOut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.filled == self.buffer.len() {
            self.flush()?;
        }
        let n = bytes.len().min(self.buffer.len() - self.filled);
        self.buffer[self.filled..self.filled + n].copy_from_slice(&bytes[..n]);
        self.filled += n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut from = 0;
        while from < self.filled {
            let rest = &self.buffer[from..self.filled];
            // SAFETY: a part of the buffer that is filled.
            let n = unsafe { libc::write(self.fd, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(n) {
                Ok(n) if n > 0 => from += n,
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                _ => break, // Nobody to tell.
            }
        }
        self.filled = 0;
        Ok(())
    }
}

impl Drop for RawOut {
    fn drop(&mut self) {
        let _ = self.flush();
        if self.opened {
            // SAFETY: opened by this value, used by nobody else.
            unsafe { libc::close(self.fd) };
        }
    }
}

/// One argument of a command for a report: quoted, its start only; or its length alone where user data is hidden.
pub fn write_arg(out: &mut dyn Write, index: usize, arg: &[u8]) -> io::Result<()> {
    if index > 0 && hides_user_data() {
        return writeln!(out, "argv[{index}]: {} bytes", arg.len());
    }
    write!(out, "argv[{index}]: \"")?;
    for &byte in arg.iter().take(CRASH_ARG_MAX) {
        match byte {
            b'"' | b'\\' => out.write_all(&[b'\\', byte])?,
            b'\n' => out.write_all(b"\\n")?,
            b'\r' => out.write_all(b"\\r")?,
            b'\t' => out.write_all(b"\\t")?,
            b' '..=b'~' => out.write_all(&[byte])?,
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_all(b"\"\n")
}

// ----------------------------------------------------------------------------------------------------- stacks

const FRAMES_MAX: usize = 100;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn capture(frames: &mut [*mut c_void]) -> usize {
    // SAFETY: fills at most as many places as it is told there are.
    let n = unsafe { libc::backtrace(frames.as_mut_ptr(), frames.len() as i32) };
    usize::try_from(n).unwrap_or(0)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn capture(_: &mut [*mut c_void]) -> usize {
    0
}

/// The stack, by names and addresses. Allocates nothing.
pub(super) fn write_stack(out: &mut RawOut, context: *mut c_void) {
    let _ = out.write_all(b"\n------ STACK TRACE ------\n");
    let symbols = Symbols::open();
    let at = instruction(context);
    if !at.is_null() {
        let _ = out.write_all(b"EIP:\n");
        write_frames(out, symbols.as_ref(), 0, &[at]);
    }
    let mut frames = [ptr::null_mut(); FRAMES_MAX];
    let n = capture(&mut frames);
    let _ = write!(out, "\n{} {}\n", std::process::id(), thread_name());
    write_frames(out, symbols.as_ref(), 1, &frames[..n]);
    let _ = out.flush();
    let _ = out.write_all(b"\n------ STACK TRACE DONE ------\n");
    let _ = out.flush();
}

fn thread_name() -> &'static str {
    if rustix::thread::gettid() == rustix::process::getpid() { "main" } else { "another thread" }
}

/// One line per frame: the function's name where the binary knows it, else what the C library says of the address.
/// `behind` is 1 for return addresses: they stand behind the call, and that may be the next function already.
fn write_frames(out: &mut RawOut, symbols: Option<&Symbols>, behind: u64, frames: &[*mut c_void]) {
    for &frame in frames {
        let address = frame.addr() as u64;
        match symbols.and_then(|symbols| symbols.name(address.saturating_sub(behind))) {
            Some((name, inside)) => {
                let _ = symbols::write_plain(out, name);
                let _ = writeln!(out, "+{:#x} [{address:#x}]", inside + behind);
            }
            None => write_foreign_frame(out, frame),
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn write_foreign_frame(out: &mut RawOut, frame: *mut c_void) {
    let _ = out.flush();
    // SAFETY: reads one address, does not follow it.
    unsafe { libc::backtrace_symbols_fd(&frame, 1, out.fd) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn write_foreign_frame(out: &mut RawOut, frame: *mut c_void) {
    let _ = writeln!(out, "[{frame:p}]");
}

/// The instruction that was interrupted; null where it is not known how to ask.
fn instruction(context: *mut c_void) -> *mut c_void {
    registers(context)
        .find(|(name, _)| *name == "RIP" || *name == "PC")
        .map_or(ptr::null_mut(), |(_, value)| ptr::without_provenance_mut(value as usize))
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn registers(context: *mut c_void) -> impl Iterator<Item = (&'static str, u64)> {
    const NAMES: [(&str, i32); 18] = [
        ("RAX", libc::REG_RAX),
        ("RBX", libc::REG_RBX),
        ("RCX", libc::REG_RCX),
        ("RDX", libc::REG_RDX),
        ("RDI", libc::REG_RDI),
        ("RSI", libc::REG_RSI),
        ("RBP", libc::REG_RBP),
        ("RSP", libc::REG_RSP),
        ("R8", libc::REG_R8),
        ("R9", libc::REG_R9),
        ("R10", libc::REG_R10),
        ("R11", libc::REG_R11),
        ("R12", libc::REG_R12),
        ("R13", libc::REG_R13),
        ("R14", libc::REG_R14),
        ("R15", libc::REG_R15),
        ("RIP", libc::REG_RIP),
        ("EFL", libc::REG_EFL),
    ];
    // SAFETY: null, or what the kernel passed to a handler installed with SA_SIGINFO: a ucontext that lives as long as
    // the handler runs. Copied out.
    let gregs = unsafe { context.cast::<libc::ucontext_t>().as_ref().map(|c| c.uc_mcontext.gregs) };
    NAMES.iter().filter_map(move |(name, at)| Some((*name, gregs?[*at as usize] as u64)))
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn registers(context: *mut c_void) -> impl Iterator<Item = (&'static str, u64)> {
    // SAFETY: as for x86-64.
    let at = unsafe {
        context
            .cast::<libc::ucontext_t>()
            .as_ref()
            .map(|c| [("PC", c.uc_mcontext.pc), ("SP", c.uc_mcontext.sp)])
    };
    at.into_iter().flatten()
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn registers(_: *mut c_void) -> impl Iterator<Item = (&'static str, u64)> {
    std::iter::empty()
}

// ----------------------------------------------------------------------------------------------------- report

extern "C" fn on_fatal(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    if !ENABLED.load(Relaxed) {
        reset_to_default(signal);
        die_by(signal);
    }
    let me = rustix::thread::gettid().as_raw_nonzero().get();
    match REPORTING.compare_exchange(0, me, AcqRel, Acquire) {
        Ok(_) => {}
        Err(who) if who == me => {
            log_line("Crashed running signal handler. Providing reduced version of recursive crash report.");
            end_report();
            die_by(signal);
        }
        // Another thread is writing: it ends the process when it is done.
        Err(_) => loop {
            // SAFETY: waits for a signal.
            unsafe { libc::pause() };
        },
    }
    DYING_BY.store(signal, Release);
    let mut out = RawOut::to_log();
    start_report(&mut out);
    // SAFETY: the kernel passes a valid siginfo, and these signals carry an address or a sender.
    let (code, address, sender) = unsafe {
        info.as_ref().map_or((0, ptr::null_mut(), None), |info| {
            let by_user = info.si_code == libc::SI_USER || info.si_code == libc::SI_TKILL;
            (info.si_code, info.si_addr(), by_user.then(|| (info.si_pid(), info.si_uid())))
        })
    };
    line(&mut out, format_args!("Tarn {VERSION} crashed by signal: {signal}, si_code: {code}"));
    match sender {
        Some((pid, uid)) => line(&mut out, format_args!("Killed by PID: {pid}, UID: {uid}")),
        None => line(&mut out, format_args!("Accessing address: {address:p}")),
    }
    line(&mut out, format_args!("Crashed running the instruction at: {:p}", instruction(context)));
    write_stack(&mut out, context);
    let _ = out.write_all(b"\n------ REGISTERS ------\n");
    for (name, value) in registers(context) {
        let _ = writeln!(out, "{name}:{value:016x}");
    }
    write_state(&mut out);
    write_risky(&mut out);
    drop(out);
    end_report();
    die_by(signal);
}

fn on_panic(info: &PanicHookInfo) {
    if !ENABLED.load(Relaxed) {
        eprintln!("{info}");
        return leave();
    }
    let me = rustix::thread::gettid().as_raw_nonzero().get();
    if let Err(who) = REPORTING.compare_exchange(0, me, AcqRel, Acquire) {
        if who == me {
            return; // A panic of the report itself: abort follows, and on_fatal ends it.
        }
        loop {
            std::thread::park(); // Another thread is writing: it ends the process when it is done.
        }
    }
    let mut out = RawOut::to_log();
    start_report(&mut out);
    let message = info.payload_as_str().unwrap_or("(no message)");
    let (file, at) = info.location().map_or(("?", 0), |l| (l.file(), l.line()));
    match message.strip_prefix("assertion failed: ").or_else(|| message.strip_prefix("assertion ")) {
        Some(what) => {
            line(&mut out, format_args!("=== ASSERTION FAILED ==="));
            line(&mut out, format_args!("==> {file}:{at} '{what}' is not true"));
        }
        None => {
            line(&mut out, format_args!("------------------------------------------------"));
            line(
                &mut out,
                format_args!("!!! Software Failure: Tarn {VERSION} found its own state wrong and stops"),
            );
            line(&mut out, format_args!("Guru Meditation: {message} #{file}:{at}"));
        }
    }
    write_stack(&mut out, ptr::null_mut());
    write_state(&mut out);
    write_risky(&mut out);
    drop(out);
    leave();
}

/// The end of a panic: not by another report.
fn leave() {
    FATAL.into_iter().for_each(reset_to_default);
    end_report();
    if EXIT_ON_PANIC.load(Relaxed) {
        // SAFETY: ends the process without running anything else.
        unsafe { libc::_exit(1) };
    }
    std::process::abort();
}

/// A line in the log's form, as near as it can be had without the C library's time zone.
fn line(out: &mut RawOut, text: std::fmt::Arguments) {
    let _ = writeln!(out, "{}:signal-handler ({}) # {text}", std::process::id(), clock::wall_ms() / 1000);
    let _ = out.flush();
}

fn start_report(out: &mut RawOut) {
    let _ = out.write_all(b"\n\n=== TARN BUG REPORT START: Cut & paste starting from here ===\n");
    let _ = out.flush();
}

fn end_report() {
    let mut out = RawOut::to_log();
    let _ = out.write_all(
        b"\n=== TARN BUG REPORT END. Make sure to include from START to END. ===\n\n\
          \x20      Please report it with the whole text above and what led to it.\n\n",
    );
    drop(out);
    process::remove_pidfile();
}

/// Version, memory, last log events: from atomics only.
fn write_state(out: &mut RawOut) {
    let _ = out.write_all(b"\n------ SERVER ------\n");
    let _ = writeln!(out, "tarn_version:{VERSION}\nprocess_id:{}", std::process::id());
    let _ = writeln!(out, "used_memory:{}\nused_memory_peak:{}", memory::used(), memory::peak());
    let _ = out.write_all(b"\n------ LAST LOG EVENTS ------\n");
    log::last_events(&mut |ms, sign, text| {
        let _ = write!(out, "{}.{:03} {sign} ", ms / 1000, ms % 1000);
        let _ = out.write_all(text);
        let _ = out.write_all(b"\n");
    });
    let _ = out.flush();
}

/// What reads the executor's memory or allocates: may crash or hang, so it comes last and has an alarm set.
fn write_risky(out: &mut RawOut) {
    super::signals::arm_watchdog(REPORT_SECONDS_MAX * 1000);
    let _ = out.write_all(b"\n------ EXECUTING CLIENT INFO ------\n");
    let _ = out.flush();
    let _ = write_running(out);
    let _ = out.flush();
    let _ = out.write_all(b"\n------ STACK WITH NAMES ------\n");
    let _ = out.flush();
    let _ = write!(out, "{}", std::backtrace::Backtrace::force_capture());
    let _ = out.flush();
    super::signals::arm_watchdog(0);
}

/// Called by the alarm's handler: a report that is under way has hung.
pub(super) fn give_up_if_reporting() {
    if REPORTING.load(Acquire) != 0 {
        log_line("The crash report hangs, giving it up.");
        end_report();
        match DYING_BY.load(Acquire) {
            0 => leave(),
            signal => die_by(signal),
        }
    }
}

/// Ends the process by the signal's default action, so that its parent sees it and a core is written if wanted.
fn die_by(signal: i32) -> ! {
    reset_to_default(signal);
    // SAFETY: the signal's action is the default one, which ends the process; not blocked, as handlers run with
    // SA_NODEFER. `_exit` for the case that it is.
    unsafe {
        libc::raise(signal);
        libc::_exit(128 + signal)
    }
}

/// DEBUG SEGFAULT.
pub fn segfault() {
    // SAFETY: none, that is the purpose: the first page is never mapped.
    unsafe { ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus};

    const DEED: &str = "TARN_TEST_CRASH";
    const LOG: &str = "TARN_TEST_CRASH_LOG";

    /// Not a test of its own: what the tests below run in a process that is to die.
    #[test]
    fn child() {
        let Ok(deed) = std::env::var(DEED) else { return };
        let path = std::env::var(LOG).unwrap().into();
        log::init(&log::Settings { path, ..log::Settings::default() }).unwrap();
        let wakeups = super::super::signals::install().unwrap();
        install();
        let (request, mut words) = (b"debugsecret", vec![Span { at: 0, len: 5 }, Span { at: 5, len: 6 }]);
        running(request, &words);
        if deed == "twice" {
            // A note that leads nowhere: reading it crashes the report.
            words.clear();
            RUNNING[0].store(8, Relaxed);
            RUNNING[2].store(8, Relaxed);
        }
        tracing::info!("the last event before");
        match deed.as_str() {
            // For "twice" the note of the request crashes too.
            "segfault" | "twice" => segfault(),
            // The log is rotated first: the report must be where the path leads.
            "abort" => {
                std::fs::rename(std::env::var(LOG).unwrap(), std::env::var(LOG).unwrap() + ".1").unwrap();
                // SAFETY: raising signals is the purpose.
                _ = unsafe { libc::raise(libc::SIGABRT) };
            }
            "assert" => assert!(deed.is_empty()),
            "exit" => {
                configure(true, true, false);
                panic!("a panic with {} words", 4);
            }
            "overflow" => _ = recurse(1),
            "disabled" => {
                configure(false, false, true);
                segfault();
            }
            "alarm" => {
                // SAFETY: as above; the test looks whether the process lives on.
                unsafe { libc::raise(libc::SIGALRM) };
                super::super::signals::arm_watchdog(1);
                while !std::fs::read_to_string(std::env::var(LOG).unwrap()).unwrap().contains("EXPIRED") {
                    std::thread::yield_now();
                }
                tracing::info!("alive after all");
            }
            "term" => {
                use super::super::signals::{Request, forget, requested};
                assert_eq!(requested(), None);
                // SAFETY: as above.
                unsafe { libc::raise(libc::SIGHUP) };
                unsafe { libc::raise(libc::SIGTERM) };
                assert_eq!(requested(), Some(Request::Term));
                let mut byte = [0; 8];
                assert_eq!(rustix::io::read(&wakeups, &mut byte), Ok(1));
                wakeups.drain();
                forget();
                // SAFETY: as above. The second one insists.
                unsafe { libc::raise(libc::SIGINT) };
                assert_eq!(requested(), Some(Request::Int));
                unsafe { libc::raise(libc::SIGINT) };
            }
            other => unreachable!("{other}"),
        }
    }

    #[allow(unconditional_recursion)]
    fn recurse(n: u64) -> u64 {
        std::hint::black_box(recurse(std::hint::black_box(n + 1))) + n
    }

    #[allow(clippy::unwrap_used)] // Of a test, though not itself one.
    fn run(deed: &str) -> (ExitStatus, String) {
        let path = std::env::temp_dir().join(format!("tarn-crash-{}-{deed}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sys::crash::tests::child", "--nocapture", "--test-threads=1"])
            .env(DEED, deed)
            .env(LOG, &path)
            .output()
            .unwrap();
        let log = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_file(path.with_added_extension("1"));
        (output.status, format!("{log}{}", String::from_utf8_lossy(&output.stderr)))
    }

    #[track_caller]
    fn check(log: &str, parts: &[&str]) {
        let mut from = 0;
        for part in parts {
            match log[from..].find(part) {
                Some(at) => from += at,
                None => panic!("{part:?} is missing, or out of order:\n{log}"),
            }
        }
        assert!(log.matches("STACK TRACE -").count() <= 1, "{log}");
    }

    #[test]
    fn a_segfault_is_reported_whole() {
        let (status, log) = run("segfault");
        assert_eq!(status.signal(), Some(libc::SIGSEGV), "{log}");
        let version = format!("Tarn {VERSION} crashed by signal: 11, si_code: 1");
        check(
            &log,
            &[
                "=== TARN BUG REPORT START: Cut & paste starting from here ===",
                &version,
                "Accessing address: 0x8",
                "------ STACK TRACE ------\nEIP:\n",
                "tarn::sys::crash::segfault+0x",
                "------ STACK TRACE DONE ------",
                "------ REGISTERS ------",
                "used_memory:",
                "* the last event before\n",
                "argv[0]: \"debug\"\nargv[1]: 6 bytes\n",
                "segfault\n",
                "=== TARN BUG REPORT END. Make sure to include from START to END. ===",
            ],
        );
    }

    #[test]
    fn an_abort_from_outside_is_reported() {
        let (status, log) = run("abort");
        assert_eq!(status.signal(), Some(libc::SIGABRT));
        check(&log, &["crashed by signal: 6", "Killed by PID: ", "BUG REPORT END"]);
    }

    #[test]
    fn assertions_and_panics_are_reported() {
        let (status, log) = run("assert");
        assert_eq!(status.signal(), Some(libc::SIGABRT));
        check(
            &log,
            &[
                "START",
                "=== ASSERTION FAILED ===",
                "crash.rs",
                "'deed.is_empty()' is not true",
                "STACK TRACE DONE",
                "BUG REPORT END",
            ],
        );
        let (status, log) = run("exit");
        assert_eq!(status.code(), Some(1));
        check(&log, &["Guru Meditation: a panic with 4 words #", "argv[1]: \"secret\"", "BUG REPORT END"]);
    }

    #[test]
    fn a_stack_overflow_is_reported() {
        let (status, log) = run("overflow");
        assert_eq!(status.signal(), Some(libc::SIGSEGV), "{log}");
        check(
            &log,
            &["crashed by signal: 11", "STACK TRACE DONE", "the last event before", "BUG REPORT END"],
        );
    }

    #[test]
    fn a_crash_of_the_report_ends_it() {
        let (status, log) = run("twice");
        assert_eq!(status.signal(), Some(libc::SIGSEGV), "{log}");
        check(
            &log,
            &[
                "crashed by signal: 11",
                "EXECUTING CLIENT INFO",
                "Crashed running signal handler.",
                "BUG REPORT END",
            ],
        );
    }

    #[test]
    fn the_report_can_be_switched_off() {
        let (status, log) = run("disabled");
        assert_eq!(status.signal(), Some(libc::SIGSEGV));
        assert!(!log.contains("BUG REPORT"), "{log}");
    }

    #[test]
    fn alarms_write_a_stack_and_harm_nothing() {
        let (status, log) = run("alarm");
        assert!(status.success(), "{log}");
        for part in ["\nReceived SIGALRM", "\n--- WATCHDOG TIMER EXPIRED ---", "alive after all"] {
            assert!(log.contains(part), "{part}: {log}");
        }
        assert_eq!(log.matches("------ STACK TRACE DONE ------").count(), 2);
    }

    #[test]
    fn shutdown_is_asked_for_once_and_insisted_on() {
        let (status, log) = run("term");
        assert_eq!(status.code(), Some(1), "{log}");
        check(
            &log,
            &[
                "Received SIGTERM scheduling shutdown...",
                "Received SIGINT scheduling shutdown...",
                "You insist... exiting now.",
            ],
        );
    }

    #[test]
    fn arguments_are_quoted_and_shortened() {
        let text = |index, arg: &[u8]| {
            let mut out = Vec::new();
            write_arg(&mut out, index, arg).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(0, b"a\"\\\n\x00\xff"), "argv[0]: \"a\\\"\\\\\\n\\x00\\xff\"\n");
        assert_eq!(text(0, &[b'x'; 500]).len(), "argv[0]: \"\"\n".len() + CRASH_ARG_MAX);
        assert_eq!(text(2, b"secret"), "argv[2]: 6 bytes\n");
    }
}

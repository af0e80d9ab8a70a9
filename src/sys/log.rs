//! The log: a tracing layer that writes what Redis's operators and tools expect.
//!
//! Code says `tracing::info!("...")`; the four levels of Redis are TRACE (debug), DEBUG (verbose), INFO (notice), WARN
//! and ERROR (warning). A line is `PID:ROLE DD Mon YYYY HH:MM:SS.mmm LEVEL message`, or logfmt or JSON, with one of three
//! time formats (`log-format` and `log-timestamp-format` of Valkey 9.1).
//!
//! - Below the level nothing is formatted: the level is tracing's static maximum, so a disabled call is one load.
//! - One `write` per line, on a file opened for appending: lines of several threads and processes do not mix. The
//!   file is opened again when its path no longer leads to it, so that logrotate needs no signal. Redis opens the file
//!   for every line; a `stat` costs a quarter of that and is as correct.
//! - Only events of this package are taken: a library cannot write into the operator's log.
//! - The last events stay in a ring of plain atomics, which the crash report reads without a lock.
//!
//! Before `init` and after it with an empty path, lines go to standard output.

use std::ffi::{CString, c_char};
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Mutex, MutexGuard, OnceLock};

use tracing::field::{Field, Visit};
use tracing::metadata::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::clock::{LocalTime, local_time, wall_ms};
use super::syslog::{self, Facility, Priority};
use crate::base::limits::{LOG_MESSAGE_MAX, LOG_RING_EVENT_MAX, LOG_RING_LEN};

/// `loglevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
    Nothing,
}

impl Level {
    /// Names as the directive takes them, in order.
    pub const NAMES: [&str; 5] = ["debug", "verbose", "notice", "warning", "nothing"];
    const ALL: [Level; 5] = [Level::Debug, Level::Verbose, Level::Notice, Level::Warning, Level::Nothing];

    pub fn parse(name: &str) -> Option<Level> {
        let at = Level::NAMES.iter().position(|n| n.eq_ignore_ascii_case(name))?;
        Level::ALL.get(at).copied()
    }

    fn of(level: tracing::Level) -> Level {
        match level {
            tracing::Level::TRACE => Level::Debug,
            tracing::Level::DEBUG => Level::Verbose,
            tracing::Level::INFO => Level::Notice,
            _ => Level::Warning,
        }
    }

    fn name(self) -> &'static str {
        Level::NAMES[self as usize]
    }

    fn sign(self) -> char {
        ['.', '-', '*', '#', '#'][self as usize]
    }

    fn filter(self) -> LevelFilter {
        match self {
            Level::Debug => LevelFilter::TRACE,
            Level::Verbose => LevelFilter::DEBUG,
            Level::Notice => LevelFilter::INFO,
            Level::Warning => LevelFilter::WARN,
            Level::Nothing => LevelFilter::OFF,
        }
    }

    fn priority(self) -> Priority {
        match self {
            Level::Debug => Priority::Debug,
            Level::Verbose => Priority::Info,
            Level::Notice => Priority::Notice,
            Level::Warning | Level::Nothing => Priority::Warning,
        }
    }
}

/// `log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Legacy,
    Logfmt,
    Json,
}

impl Format {
    const ALL: [(&str, Format); 3] =
        [("legacy", Format::Legacy), ("logfmt", Format::Logfmt), ("json", Format::Json)];

    pub fn parse(name: &str) -> Option<Format> {
        Format::ALL.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, f)| *f)
    }
}

/// `log-timestamp-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    Legacy,
    Iso8601,
    Milliseconds,
}

impl Timestamp {
    const ALL: [(&str, Timestamp); 3] = [
        ("legacy", Timestamp::Legacy),
        ("iso8601", Timestamp::Iso8601),
        ("milliseconds", Timestamp::Milliseconds),
    ];

    pub fn parse(name: &str) -> Option<Timestamp> {
        Timestamp::ALL.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, f)| *f)
    }
}

/// Who writes the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Primary,
    Replica,
    Sentinel,
    /// A process that only reads or writes RDB and AOF files.
    Child,
}

impl Role {
    const ALL: [Role; 4] = [Role::Primary, Role::Replica, Role::Sentinel, Role::Child];

    fn letter(self) -> char {
        ['M', 'S', 'X', 'C'][self as usize]
    }

    fn name(self) -> &'static str {
        ["primary", "replica", "sentinel", "RDB/AOF"][self as usize]
    }
}

/// The directives of the log.
#[derive(Clone, Debug)]
pub struct Settings {
    pub level: Level,
    /// Empty for standard output.
    pub path: PathBuf,
    pub format: Format,
    pub timestamp: Timestamp,
    pub syslog: Option<(String, Facility)>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            level: Level::Notice,
            path: PathBuf::new(),
            format: Format::Legacy,
            timestamp: Timestamp::Legacy,
            syslog: None,
        }
    }
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Notice as u8);
static FORMAT: AtomicU8 = AtomicU8::new(Format::Legacy as u8);
static TIMESTAMP: AtomicU8 = AtomicU8::new(Timestamp::Legacy as u8);
static ROLE: AtomicU8 = AtomicU8::new(Role::Primary as u8);
static SYSLOG: AtomicBool = AtomicBool::new(false);
/// The log's path, for reports from signal handlers; null for standard output. Strings once put here live for ever.
static RAW_PATH: AtomicPtr<c_char> = AtomicPtr::new(ptr::null_mut());
static SINK: Mutex<Sink> = Mutex::new(Sink { path: PathBuf::new(), open: None });
static INSTALLED: OnceLock<()> = OnceLock::new();

/// Starts the log, or applies other settings to it. An error names the file that cannot be opened; the settings are
/// applied all the same, and every line tries again.
pub fn init(settings: &Settings) -> std::io::Result<()> {
    let opened = lock_sink().point_at(&settings.path);
    if let Some((ident, facility)) = &settings.syslog {
        syslog::open(ident, *facility);
    }
    SYSLOG.store(settings.syslog.is_some(), Relaxed);
    set_format(settings.format);
    set_timestamp(settings.timestamp);
    LEVEL.store(settings.level as u8, Relaxed);
    INSTALLED.get_or_init(|| {
        // Fails only if a test harness installed its own: then the log is theirs.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(LogLayer));
    });
    tracing::callsite::rebuild_interest_cache();
    opened
}

/// `CONFIG SET loglevel`.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Relaxed);
    tracing::callsite::rebuild_interest_cache();
}

/// The level in force.
pub fn level() -> Level {
    Level::ALL.get(LEVEL.load(Relaxed) as usize).copied().unwrap_or(Level::Notice)
}

/// `CONFIG SET log-format`.
pub fn set_format(format: Format) {
    FORMAT.store(format as u8, Relaxed);
}

/// `CONFIG SET log-timestamp-format`.
pub fn set_timestamp(timestamp: Timestamp) {
    TIMESTAMP.store(timestamp as u8, Relaxed);
}

/// Changes the letter of every line from here on.
pub fn set_role(role: Role) {
    ROLE.store(role as u8, Relaxed);
}

/// The path that a report from a signal handler opens, zero-terminated and never freed; nothing for standard output.
pub fn raw_path() -> Option<NonNull<c_char>> {
    NonNull::new(RAW_PATH.load(Acquire))
}

/// Writes bytes as they are, if the level lets warnings through: multi-line reports.
pub fn raw(bytes: &[u8]) {
    if level() <= Level::Warning {
        lock_sink().write(bytes);
    }
}

/// Another thread that panicked while it held the lock has left nothing half done: a line is one write.
fn lock_sink() -> MutexGuard<'static, Sink> {
    SINK.lock().unwrap_or_else(|e| e.into_inner())
}

// -------------------------------------------------------------------------------------------------------- sink

struct Sink {
    path: PathBuf,
    open: Option<OpenLog>,
}

struct OpenLog {
    file: File,
    id: (u64, u64),
}

impl Sink {
    fn point_at(&mut self, path: &Path) -> std::io::Result<()> {
        self.path = path.to_owned();
        self.open = None;
        let absolute =
            std::path::absolute(path).ok().and_then(|p| CString::new(p.into_os_string().into_vec()).ok());
        // Leaked, as a handler may be reading the old one: a start sets the path once or twice.
        RAW_PATH.store(absolute.map_or(ptr::null_mut(), CString::into_raw), Release);
        if path.as_os_str().is_empty() { Ok(()) } else { self.reopen() }
    }

    fn reopen(&mut self) -> std::io::Result<()> {
        let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        let meta = file.metadata()?;
        self.open = Some(OpenLog { file, id: (meta.dev(), meta.ino()) });
        Ok(())
    }

    /// A line that cannot be written is lost, as in the reference: there is nobody to tell.
    fn write(&mut self, line: &[u8]) {
        if self.path.as_os_str().is_empty() {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(line).and_then(|()| out.flush());
            return;
        }
        let here = std::fs::metadata(&self.path).map(|m| (m.dev(), m.ino())).ok();
        let same = self.open.as_ref().is_some_and(|open| Some(open.id) == here);
        if !same {
            // On failure the old file, wherever it was moved, is better than nothing.
            let _ = self.reopen();
        }
        if let Some(open) = &mut self.open {
            let _ = open.file.write_all(line);
        }
    }
}

// ------------------------------------------------------------------------------------------------------- layer

struct LogLayer;

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, meta: &'static Metadata<'static>) -> Interest {
        if wanted(meta) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, meta: &Metadata<'_>, _: Context<'_, S>) -> bool {
        wanted(meta)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(level().filter())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        emit(Level::of(*event.metadata().level()), &message.0);
    }
}

fn wanted(meta: &Metadata<'_>) -> bool {
    let target = meta.target();
    let ours = target == "tarn" || target.starts_with("tarn::");
    ours && level().filter() >= *meta.level()
}

/// The event's message, then its other fields as `name=value`; cut at `LOG_MESSAGE_MAX`.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut out = Bounded(&mut self.0);
        // An error means that the bound is reached.
        let _ = match field.name() {
            "message" => write!(out, "{value:?}"),
            name => write!(out, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => _ = Bounded(&mut self.0).write_str(value),
            _ => self.record_debug(field, &value),
        }
    }
}

struct Bounded<'a>(&'a mut String);

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = LOG_MESSAGE_MAX.saturating_sub(self.0.len());
        if s.len() <= room {
            self.0.push_str(s);
            return Ok(());
        }
        let end = (0..=room).rev().find(|&i| s.is_char_boundary(i)).unwrap_or(0);
        self.0.push_str(&s[..end]);
        Err(fmt::Error)
    }
}

/// One line into the log, the ring and the system's log.
fn emit(level: Level, message: &str) {
    let format = [Format::Legacy, Format::Logfmt, Format::Json][FORMAT.load(Relaxed).min(2) as usize];
    let timestamp = [Timestamp::Legacy, Timestamp::Iso8601, Timestamp::Milliseconds]
        [TIMESTAMP.load(Relaxed).min(2) as usize];
    let role = Role::ALL[ROLE.load(Relaxed).min(3) as usize];
    let ms = wall_ms();
    let line = line(format, timestamp, std::process::id(), role, ms, &local_time(ms), level, message);
    let mut sink = lock_sink();
    RING.push(ms, level, message);
    sink.write(line.as_bytes());
    drop(sink);
    if SYSLOG.load(Relaxed) {
        syslog::send(level.priority(), message);
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn stamp(timestamp: Timestamp, ms: u64, t: &LocalTime) -> String {
    let month = MONTHS[(t.month % 12) as usize];
    let (day, hour, minute, second, milli) = (t.day, t.hour, t.minute, t.second, t.millisecond);
    match timestamp {
        Timestamp::Legacy => {
            format!("{day:02} {month} {} {hour:02}:{minute:02}:{second:02}.{milli:03}", t.year)
        }
        Timestamp::Iso8601 => {
            let sign = if t.offset_s < 0 { '-' } else { '+' };
            let offset = t.offset_s.unsigned_abs() / 60;
            format!(
                "{:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}{sign}{:02}:{:02}",
                t.year,
                t.month + 1,
                offset / 60,
                offset % 60
            )
        }
        Timestamp::Milliseconds => ms.to_string(),
    }
}

#[allow(clippy::too_many_arguments)] // Pure, so that tests give every input.
fn line(
    format: Format,
    timestamp: Timestamp,
    pid: u32,
    role: Role,
    ms: u64,
    time: &LocalTime,
    level: Level,
    message: &str,
) -> String {
    let stamp = stamp(timestamp, ms, time);
    match format {
        Format::Legacy => format!("{pid}:{} {stamp} {} {message}\n", role.letter(), level.sign()),
        Format::Logfmt => format!(
            "pid={pid} role={} timestamp=\"{stamp}\" level={} message=\"{}\"\n",
            role.name(),
            level.name(),
            logfmt_safe(message)
        ),
        Format::Json => format!(
            "{{\"pid\":{pid},\"role\":\"{}\",\"timestamp\":\"{stamp}\",\"level\":\"{}\",\"message\":\"{}\"}}\n",
            role.name(),
            level.name(),
            json_escaped(message)
        ),
    }
}

/// What would end the field or the line is replaced, as Valkey does.
fn logfmt_safe(message: &str) -> String {
    message
        .chars()
        .map(|c| match c {
            '"' => '\'',
            '\n' | '\r' => ' ',
            c => c,
        })
        .collect()
}

fn json_escaped(message: &str) -> String {
    let mut out = String::with_capacity(message.len() + 8);
    for c in message.chars() {
        match c {
            '\\' | '"' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\x0c' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            c if c < ' ' => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out
}

// -------------------------------------------------------------------------------------------------------- ring

/// The last events, in fixed places: written under the sink's lock, read by a crash report without any. A reader may
/// see an event half overwritten by the next; it is text for a human.
struct Ring {
    next: AtomicUsize,
    events: [RingEvent; LOG_RING_LEN],
}

struct RingEvent {
    ms: AtomicU64,
    /// The length, and the level in the top byte.
    len_level: AtomicUsize,
    bytes: [AtomicU64; LOG_RING_EVENT_MAX / 8],
}

static RING: Ring = Ring::new();

impl Ring {
    const fn new() -> Ring {
        #[allow(clippy::declare_interior_mutable_const)] // Each use makes a fresh event.
        const EVENT: RingEvent = RingEvent {
            ms: AtomicU64::new(0),
            len_level: AtomicUsize::new(0),
            bytes: [const { AtomicU64::new(0) }; LOG_RING_EVENT_MAX / 8],
        };
        Ring { next: AtomicUsize::new(0), events: [EVENT; LOG_RING_LEN] }
    }

    fn push(&self, ms: u64, level: Level, message: &str) {
        let next = self.next.load(Relaxed);
        let event = &self.events[next % LOG_RING_LEN];
        let kept = &message.as_bytes()[..message.len().min(LOG_RING_EVENT_MAX)];
        for (word, chunk) in event.bytes.iter().zip(kept.chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_le_bytes(bytes), Relaxed);
        }
        event.ms.store(ms, Relaxed);
        event.len_level.store(kept.len() | (level as usize) << 24, Relaxed);
        self.next.store(next.wrapping_add(1), Release);
    }

    fn read(&self, each: &mut dyn FnMut(u64, char, &[u8])) {
        let next = self.next.load(Acquire);
        for at in next.saturating_sub(LOG_RING_LEN)..next {
            let event = &self.events[at % LOG_RING_LEN];
            let mut bytes = [0; LOG_RING_EVENT_MAX];
            for (chunk, word) in bytes.chunks_mut(8).zip(&event.bytes) {
                chunk.copy_from_slice(&word.load(Relaxed).to_le_bytes());
            }
            let len_level = event.len_level.load(Relaxed);
            let sign = ['.', '-', '*', '#'][(len_level >> 24).min(3)];
            each(event.ms.load(Relaxed), sign, &bytes[..(len_level & 0xff_ffff).min(LOG_RING_EVENT_MAX)]);
        }
    }
}

/// The last events, oldest first: milliseconds since 1970, the level's sign, the message's start. Takes no lock and
/// allocates nothing: for the crash report.
pub fn last_events(each: &mut dyn FnMut(u64, char, &[u8])) {
    RING.read(each);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: LocalTime = LocalTime {
        year: 2026,
        month: 0,
        day: 3,
        hour: 4,
        minute: 5,
        second: 6,
        millisecond: 7,
        offset_s: -(3 * 3600 + 1800),
    };

    fn text(format: Format, timestamp: Timestamp, role: Role, level: Level, message: &str) -> String {
        line(format, timestamp, 42, role, 1_767_413_106_007, &TIME, level, message)
    }

    #[test]
    fn the_legacy_line_is_redis_s() {
        let line = |role, level| text(Format::Legacy, Timestamp::Legacy, role, level, "Ready");
        assert_eq!(line(Role::Primary, Level::Notice), "42:M 03 Jan 2026 04:05:06.007 * Ready\n");
        assert_eq!(line(Role::Replica, Level::Warning), "42:S 03 Jan 2026 04:05:06.007 # Ready\n");
        assert_eq!(line(Role::Sentinel, Level::Debug), "42:X 03 Jan 2026 04:05:06.007 . Ready\n");
        assert_eq!(line(Role::Child, Level::Verbose), "42:C 03 Jan 2026 04:05:06.007 - Ready\n");
    }

    #[test]
    fn timestamps_in_three_formats() {
        let line = |t| text(Format::Legacy, t, Role::Primary, Level::Notice, "x");
        assert_eq!(line(Timestamp::Iso8601), "42:M 2026-01-03T04:05:06.007-03:30 * x\n");
        assert_eq!(line(Timestamp::Milliseconds), "42:M 1767413106007 * x\n");
        assert!(stamp(Timestamp::Iso8601, 0, &LocalTime { offset_s: 19_800, ..TIME }).ends_with("+05:30"));
    }

    #[test]
    fn structured_formats_stay_one_line() {
        let line = |f, m| text(f, Timestamp::Milliseconds, Role::Replica, Level::Warning, m);
        assert_eq!(
            line(Format::Logfmt, "say \"a\"\r\nb"),
            "pid=42 role=replica timestamp=\"1767413106007\" level=warning message=\"say 'a'  b\"\n"
        );
        assert_eq!(
            line(Format::Json, "a\"\\\n\r\t\x0c\x08\x01é"),
            "{\"pid\":42,\"role\":\"replica\",\"timestamp\":\"1767413106007\",\"level\":\"warning\",\
             \"message\":\"a\\\"\\\\\\n\\r\\t\\f\\b\\u0001é\"}\n"
        );
    }

    #[test]
    fn names_of_the_directives() {
        assert_eq!(Level::parse("NOTICE"), Some(Level::Notice));
        assert_eq!(Level::parse("nothing"), Some(Level::Nothing));
        assert_eq!(Level::parse("info"), None);
        assert_eq!(Format::parse("json"), Some(Format::Json));
        assert_eq!(Timestamp::parse("iso8601"), Some(Timestamp::Iso8601));
        assert_eq!(Timestamp::parse(""), None);
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let mut text = String::new();
        assert!(write!(Bounded(&mut text), "{}", "é".repeat(LOG_MESSAGE_MAX)).is_err());
        assert_eq!(text.len(), LOG_MESSAGE_MAX);
        let mut text = "x".repeat(LOG_MESSAGE_MAX - 1);
        assert!(Bounded(&mut text).write_str("é").is_err());
        assert_eq!(text.len(), LOG_MESSAGE_MAX - 1);
    }

    #[test]
    fn the_ring_keeps_the_last_events() {
        let ring = Ring::new();
        for i in 0..LOG_RING_LEN + 5 {
            ring.push(i as u64, Level::Notice, &format!("event {i}"));
        }
        ring.push(1000, Level::Warning, &"y".repeat(LOG_RING_EVENT_MAX + 9));
        let mut seen = Vec::new();
        ring.read(&mut |ms, sign, text| seen.push((ms, sign, text.to_vec())));
        assert_eq!(seen.len(), LOG_RING_LEN);
        assert_eq!(seen[0], (6, '*', b"event 6".to_vec()));
        assert_eq!(seen[LOG_RING_LEN - 1], (1000, '#', vec![b'y'; LOG_RING_EVENT_MAX]));
    }

    /// A moved file, as logrotate does it, and one removed: the next line is in a new file.
    #[test]
    #[cfg_attr(miri, ignore)]
    fn a_rotated_file_is_opened_again() {
        let dir = std::env::temp_dir().join(format!("tarn-log-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (path, old) = (dir.join("log"), dir.join("log.1"));
        let mut sink = Sink { path: PathBuf::new(), open: None };
        sink.point_at(&path).unwrap();
        sink.write(b"one\n");
        std::fs::rename(&path, &old).unwrap();
        sink.write(b"two\n");
        assert_eq!(std::fs::read(&old).unwrap(), b"one\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"two\n");
        std::fs::remove_file(&path).unwrap();
        sink.write(b"three\n");
        sink.write(b"four\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"three\nfour\n");
        assert!(sink.point_at(&dir.join("no/such")).is_err());
        sink.write(b"lost\n");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    /// Levels, the static maximum and fields, through tracing itself; alone in one test, as the log is global.
    #[test]
    #[cfg_attr(miri, ignore)]
    fn events_below_the_level_are_not_formatted() {
        struct Tell<'a>(&'a AtomicUsize);
        impl fmt::Display for Tell<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fetch_add(1, Relaxed);
                f.write_str("told")
            }
        }
        let path = std::env::temp_dir().join(format!("tarn-log-events-{}", std::process::id()));
        let settings = Settings { path: path.clone(), ..Settings::default() };
        init(&settings).unwrap();
        let told = AtomicUsize::new(0);
        let say = || {
            tracing::trace!("test-event debug {}", Tell(&told));
            tracing::debug!("test-event verbose {}", Tell(&told));
            tracing::info!(n = 3, "test-event notice {}", Tell(&told));
            tracing::warn!("test-event warning {}", Tell(&told));
            tracing::error!(target: "other", "test-event of a library {}", Tell(&told));
        };
        say();
        assert_eq!(told.load(Relaxed), 2);
        set_level(Level::Debug);
        assert_eq!(level(), Level::Debug);
        say();
        assert_eq!(told.load(Relaxed), 6);
        set_level(Level::Nothing);
        say();
        raw(b"test-event raw\n");
        assert_eq!(told.load(Relaxed), 6);
        init(&Settings::default()).unwrap();
        let lines = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let signs: String = lines
            .lines()
            .filter(|l| l.contains("test-event"))
            .map(|l| l.split(' ').nth(5).unwrap_or("?"))
            .collect();
        assert_eq!(signs, "*#.-*#", "{lines}");
        assert!(lines.contains("* test-event notice told n=3\n"), "{lines}");
        let mut last = Vec::new();
        last_events(&mut |_, _, text| last.push(String::from_utf8_lossy(text).into_owned()));
        assert!(last.iter().any(|e| e == "test-event warning told"));
    }
}

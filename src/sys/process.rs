//! The process as the system sees it: background, pidfile, limits, affinity, what it has used.
//!
//! Everything here is called by the main thread, most of it once, before there is another thread.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::*};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::base::limits::{CPUS_MAX, FDS_RESERVED};

/// Goes to the background: the parent exits, the child leads a session of its own and its three standard descriptors
/// lead nowhere. To be called while there is one thread.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: there is one thread (the caller's duty), so the child has all of the process; the parent leaves at once.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        // SAFETY: ends the parent without running what the child will run.
        _ => unsafe { libc::_exit(0) },
    }
    rustix::process::setsid()?;
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// The mode bits that new files do not get. Reading them means setting them: to be called while there is one thread.
pub fn umask() -> u32 {
    let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o777));
    rustix::process::umask(old);
    old.bits()
}

// ------------------------------------------------------------------------------------------------------- pidfile

/// The pidfile, for a crash to remove: a string that lives for ever.
static PIDFILE: AtomicPtr<libc::c_char> = AtomicPtr::new(ptr::null_mut());

/// Writes the pidfile; a failure is logged, not fatal.
pub fn create_pidfile(path: &Path) {
    let written = std::fs::File::create(path).and_then(|mut f| writeln!(f, "{}", std::process::id()));
    match written {
        Ok(()) => {
            let Ok(kept) = CString::new(path.as_os_str().as_bytes()) else { return };
            PIDFILE.store(kept.into_raw(), Release); // One small string, leaked once.
        }
        Err(e) => tracing::warn!("Failed to write PID file: {}", os_text(&e)),
    }
}

/// Removes the pidfile that `create_pidfile` wrote, once. Safe in a signal handler.
pub fn remove_pidfile() {
    let path = PIDFILE.swap(ptr::null_mut(), AcqRel);
    if !path.is_null() {
        // SAFETY: a zero-terminated string that was leaked for this purpose.
        unsafe { libc::unlink(path) };
    }
}

/// Files that are under way to a name of their own: a process that ends in a hurry removes them.
static UNFINISHED: [AtomicPtr<libc::c_char>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

/// Names them, once per process, whether they are there or not.
pub fn name_unfinished(paths: [&Path; 2]) {
    for (place, path) in UNFINISHED.iter().zip(paths) {
        let Ok(kept) = CString::new(path.as_os_str().as_bytes()) else { continue };
        place.store(kept.into_raw(), Release); // A small string, leaked once.
    }
}

/// Removes those that are there. Safe in a signal handler.
pub fn remove_unfinished() {
    for place in &UNFINISHED {
        let path = place.swap(ptr::null_mut(), AcqRel);
        if !path.is_null() {
            // SAFETY: a zero-terminated string that was leaked for this purpose.
            unsafe { libc::unlink(path) };
        }
    }
}

/// Whether this process may write a file; an error says why not.
pub fn check_writable(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

/// Whether this process may run a file.
pub fn is_executable(path: &[u8]) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// An error as strerror words it, without Rust's "(os error N)".
pub fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

// ------------------------------------------------------------------------------------------------ open files

/// What `adjust_open_files` came to.
#[derive(Debug, PartialEq, Eq)]
pub enum OpenFiles {
    /// As many clients as asked for can be served.
    Enough,
    /// Only so many clients can be.
    Reduced(u32),
    /// Not one: the server must not start.
    TooFew,
}

/// Raises the limit of open files to what `maxclients` needs, and logs what came of it.
pub fn adjust_open_files(maxclients: u32) -> OpenFiles {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    adjust_open_files_with(maxclients, current, &mut |wanted| {
        // The hard limit is raised if we may, never lowered: CONFIG SET maxclients may need it later.
        let maximum = limit.maximum.map(|hard| hard.max(wanted));
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
            .map_err(|e| os_text(&io::Error::from(e)))
    })
}

fn adjust_open_files_with(
    maxclients: u32,
    current: u64,
    set: &mut dyn FnMut(u64) -> Result<(), String>,
) -> OpenFiles {
    let wanted = u64::from(maxclients) + FDS_RESERVED;
    if current >= wanted {
        return OpenFiles::Enough;
    }
    let (mut best, mut error) = (wanted, String::new());
    while best > current {
        match set(best) {
            Ok(()) => break,
            Err(e) => error = e,
        }
        best = best.saturating_sub(16);
    }
    let best = best.max(current);
    if best >= wanted {
        tracing::info!(
            "Increased maximum number of open files to {wanted} (it was originally set to {current})."
        );
        return OpenFiles::Enough;
    }
    if best <= FDS_RESERVED {
        tracing::warn!(
            "Your current 'ulimit -n' of {current} is not enough for the server to start. Please increase your open \
             file limit to at least {wanted}. Exiting."
        );
        return OpenFiles::TooFew;
    }
    // At most `maxclients`, since best < wanted.
    let reduced = u32::try_from(best - FDS_RESERVED).unwrap_or(maxclients);
    tracing::warn!(
        "You requested maxclients of {maxclients} requiring at least {wanted} max file descriptors."
    );
    tracing::warn!("Server can't set maximum open files to {wanted} because of OS error: {error}.");
    tracing::warn!(
        "Current maximum open files is {best}. maxclients has been reduced to {reduced} to compensate for low ulimit. \
         If you need higher maxclients increase 'ulimit -n'."
    );
    OpenFiles::Reduced(reduced)
}

/// No core file from a crash: a core holds all the data.
pub fn disable_core_dumps() -> io::Result<()> {
    let maximum = getrlimit(Resource::Core).maximum;
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum })?)
}

// -------------------------------------------------------------------------------------------------- affinity

/// The processors of a list as `taskset` takes it: `0,2-3`, `0-20:2`. Nothing if it is not one.
pub fn parse_cpulist(list: &str) -> Option<Vec<usize>> {
    let number = |s: &str| s.parse::<usize>().ok().filter(|_| s.bytes().all(|b| b.is_ascii_digit()));
    let mut cpus = Vec::new();
    for part in list.split(',') {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) => (range, number(step)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(range)?, number(range)?),
        };
        if first > last || step == 0 || last >= CPUS_MAX {
            return None;
        }
        cpus.extend((first..=last).step_by(step));
    }
    Some(cpus)
}

/// Binds the calling thread, and those it starts later, to the processors of `list`. An empty list changes nothing.
/// False if the list is none, or the system refuses it.
pub fn set_cpu_affinity(list: &str) -> bool {
    if list.is_empty() {
        return true;
    }
    let Some(cpus) = parse_cpulist(list) else { return false };
    let mut set = rustix::thread::CpuSet::new();
    cpus.into_iter().for_each(|cpu| set.set(cpu));
    rustix::thread::sched_setaffinity(None, &set).is_ok()
}

// --------------------------------------------------------------------------------------------- the system's name

/// Replaces this program by a fresh run of it, in the same process; comes back only with an error.
pub fn run_anew(program: &Path, words: &[std::ffi::OsString]) -> io::Error {
    use std::os::unix::process::CommandExt;
    std::process::Command::new(program).args(words).exec()
}

/// System, release and machine, as INFO `os` has them.
pub fn os_name() -> String {
    let name = rustix::system::uname();
    let parts = [name.sysname(), name.release(), name.machine()];
    parts.map(|p| p.to_string_lossy().into_owned()).join(" ")
}

// ------------------------------------------------------------------------------------------------- oom score

/// `oom-score-adj`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OomMode {
    No,
    Relative,
    Absolute,
}

/// Applies `oom-score-adj`, and takes back what it did when it is switched off. Owned by the server: the score that
/// the process had before is remembered between the calls.
#[derive(Default)]
pub struct OomScore {
    base: Option<i32>,
}

const OOM_PATH: &str = "/proc/self/oom_score_adj";

impl OomScore {
    /// `value` is the one of `oom-score-adj-values` for what the process is now: primary, replica, or a child. A
    /// failure is logged as the reference does, and returned for CONFIG SET to refuse.
    pub fn apply(&mut self, mode: OomMode, value: i32) -> io::Result<()> {
        self.apply_at(Path::new(OOM_PATH), mode, value)
    }

    fn apply_at(&mut self, path: &Path, mode: OomMode, value: i32) -> io::Result<()> {
        let score = match (mode, self.base) {
            (OomMode::No, None) => return Ok(()),
            (OomMode::No, Some(base)) => {
                self.base = None;
                base
            }
            (OomMode::Absolute, _) => {
                self.read_base(path)?;
                value
            }
            (OomMode::Relative, _) => value.saturating_add(self.read_base(path)?),
        };
        let text = format!("{}\n", score.clamp(-1000, 1000));
        std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut f| f.write_all(text.as_bytes()))
            .inspect_err(|e| tracing::warn!("Unable to write oom_score_adj: {}", os_text(e)))
    }

    fn read_base(&mut self, path: &Path) -> io::Result<i32> {
        if let Some(base) = self.base {
            return Ok(base);
        }
        let text = std::fs::read_to_string(path)
            .inspect_err(|e| tracing::warn!("Unable to read oom_score_adj: {}", os_text(e)))?;
        let base = text.trim().parse().unwrap_or(0);
        self.base = Some(base);
        Ok(base)
    }
}

// ----------------------------------------------------------------------------------------------------- usage

/// Processor time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    pub system_us: u64,
    pub user_us: u64,
}

/// What `cpu_usage` can be asked about.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    Process,
    Children,
    /// The calling thread; the whole process where the system cannot tell.
    Thread,
}

/// Processor time used so far.
pub fn cpu_usage(whose: Whose) -> CpuTime {
    let who = match whose {
        Whose::Process => libc::RUSAGE_SELF,
        Whose::Children => libc::RUSAGE_CHILDREN,
        #[cfg(target_os = "linux")]
        Whose::Thread => libc::RUSAGE_THREAD,
        #[cfg(not(target_os = "linux"))]
        Whose::Thread => libc::RUSAGE_SELF,
    };
    // SAFETY: all-zero is a valid rusage (integers only); the call fills it or leaves it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(who, &mut usage);
        usage
    };
    let us = |t: libc::timeval| (t.tv_sec as u64).saturating_mul(1_000_000).saturating_add(t.tv_usec as u64);
    CpuTime { system_us: us(usage.ru_stime), user_us: us(usage.ru_utime) }
}

// --------------------------------------------------------------------------------------- checks of the system

/// Settings of the system that matter, each with what is wrong with it: for `--check-system` and the start.
pub fn system_checks() -> [(&'static str, Option<&'static str>); 3] {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let overcommit = read("/proc/sys/vm/overcommit_memory");
    let pages = read("/sys/kernel/mm/transparent_hugepage/enabled");
    let clock = read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    [
        // Overcommit is no matter unless it is strictly forbidden: a snapshot does not fork.
        ("overcommit", (overcommit.trim() == "2").then_some(OVERCOMMIT)),
        ("THP", pages.contains("[always]").then_some(HUGE_PAGES)),
        ("xen-clocksource", (clock.trim() == "xen").then_some(XEN_CLOCK)),
    ]
}

const OVERCOMMIT: &str = "Memory overcommit is forbidden (vm.overcommit_memory = 2): allocations fail as soon as the \
    address space set aside reaches the commit limit, with memory still free. To fix this put \
    'vm.overcommit_memory = 1' into /etc/sysctl.conf and run 'sysctl vm.overcommit_memory=1'.";
const HUGE_PAGES: &str = "Transparent huge pages are always on in this kernel: they make latency and memory use worse. \
    To fix this run 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled' as root, put it where it is run at \
    boot, and restart Tarn.";
const XEN_CLOCK: &str = "Your system reads time by the 'xen' clocksource, which is slow. Others are listed in \
    /sys/devices/system/clocksource/clocksource0/available_clocksource.";

/// Warns about the settings of `system_checks`; where transparent huge pages are always on and `disable_thp` is, they are
/// switched off for this process instead.
pub fn check_memory_settings(disable_thp: bool) {
    for (name, warning) in system_checks() {
        let Some(warning) = warning else { continue };
        if name == "THP" && disable_thp && disable_huge_pages() {
            continue;
        }
        tracing::warn!("WARNING {warning}");
    }
}

/// No transparent huge pages in this process.
fn disable_huge_pages() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: numbers only.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Warns if the kernel cuts `tcp-backlog` off.
pub fn check_backlog(backlog: u32) {
    let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    let somaxconn = text.trim().parse::<u32>().unwrap_or(0);
    if somaxconn > 0 && somaxconn < backlog {
        tracing::warn!(
            "WARNING: The TCP backlog setting of {backlog} cannot be enforced because /proc/sys/net/core/somaxconn is set \
             to the lower value of {somaxconn}."
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists() {
        assert_eq!(parse_cpulist("0,2,3"), Some(vec![0, 2, 3]));
        assert_eq!(parse_cpulist("0,2-4"), Some(vec![0, 2, 3, 4]));
        assert_eq!(parse_cpulist("1-8:3,11"), Some(vec![1, 4, 7, 11]));
        for bad in ["", "a", "3-1", "1-", "1-4:0", "1,,2", "+1", "0-99999999", "1-2:", "-1"] {
            assert_eq!(parse_cpulist(bad), None, "{bad}");
        }
    }

    #[test]
    fn open_files_are_raised_as_far_as_they_go() {
        let adjust = |clients, current, most: u64| {
            let mut first = None;
            let outcome = adjust_open_files_with(clients, current, &mut |n| {
                first.get_or_insert(n);
                if n <= most { Ok(()) } else { Err("Operation not permitted".to_owned()) }
            });
            (outcome, first)
        };
        assert_eq!(adjust(100, 132, 0), (OpenFiles::Enough, None));
        assert_eq!(adjust(10_000, 1024, 20_000), (OpenFiles::Enough, Some(10_032)));
        // In steps of 16: 4992 is the first that is allowed.
        assert_eq!(adjust(10_000, 1024, 5000), (OpenFiles::Reduced(4992 - 32), Some(10_032)));
        assert_eq!(adjust(10_000, 1024, 0).0, OpenFiles::Reduced(992));
        assert_eq!(adjust(10_000, 20, 0).0, OpenFiles::TooFew);
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn the_oom_score_is_taken_back() {
        let path = std::env::temp_dir().join(format!("tarn-oom-{}", std::process::id()));
        std::fs::write(&path, "7\n").unwrap();
        let mut oom = OomScore::default();
        let mut apply = |mode, value| {
            oom.apply_at(&path, mode, value).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            // A real file keeps what is longer than the new text.
            text.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(apply(OomMode::No, 5), "7");
        assert_eq!(apply(OomMode::Relative, 10), "17");
        assert_eq!(apply(OomMode::Absolute, 10), "10");
        assert_eq!(apply(OomMode::Relative, 2000), "1000");
        assert_eq!(apply(OomMode::No, 10), "7");
        std::fs::remove_file(&path).unwrap();
        assert!(oom.apply_at(&path, OomMode::Relative, 1).is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn the_pidfile_comes_and_goes() {
        let path = std::env::temp_dir().join(format!("tarn-pid-{}", std::process::id()));
        create_pidfile(&path);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        remove_pidfile();
        remove_pidfile();
        assert!(!path.exists());
        create_pidfile(Path::new("/no/such/folder/pid"));
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn processor_time_grows() {
        let start = cpu_usage(Whose::Process);
        let mut sum = 0u64;
        while cpu_usage(Whose::Thread).user_us + cpu_usage(Whose::Thread).system_us < 2000 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let end = cpu_usage(Whose::Process);
        assert!(end.user_us + end.system_us > start.user_us + start.system_us);
        let _ = cpu_usage(Whose::Children);
    }

    #[test]
    fn errors_without_their_number() {
        assert_eq!(os_text(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(os_text(&io::Error::other("x")), "x");
    }
}

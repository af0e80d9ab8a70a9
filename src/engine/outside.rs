//! What commands reach of the world outside the data: the process, its listeners, its files. In a test nothing of it
//! is real: the disk is in memory, and what a CONFIG SET would do to the process is left out.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::config::Config;
use super::start::{self, Startup};
use crate::persist::aof::log::Log;
use crate::persist::aof::writer::{Settings, Writer};
use crate::sys::clock;
use crate::sys::disk::{Disk, MemoryDisk, RealDisk};
use crate::sys::log;
use crate::sys::memory::{self, StatsCache};
use crate::sys::process::{self, OomScore, OpenFiles};
use crate::sys::signals;
use crate::sys::supervise::Supervisor;

/// Makes the listeners what the configuration says, or leaves them as they are and says why. Installed by `net`.
pub type Listen = Box<dyn FnMut(&Config) -> Result<(), String>>;

/// Wakes the loop.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// See the head of this file.
pub struct Outside {
    /// Whether changes reach the process.
    real: bool,
    /// See [`Listen`].
    pub listen: Option<Listen>,
    /// Wakes the loop, from any thread. Installed by `net`.
    pub wake: Arc<OnceLock<Wake>>,
    /// Where files are.
    pub disk: Arc<dyn Disk>,
    oom: OomScore,
    /// argv[0], for the title.
    program: String,
    argv: Vec<OsString>,
    /// The program's file, absolute, for INFO.
    pub executable: String,
    /// As INFO names it.
    pub supervised: &'static str,
    sentinel: bool,
    /// The allocator's figures, kept a moment.
    pub allocator: StatsCache,
    /// Bytes in use before the first client came.
    pub startup_memory: usize,
}

impl Default for Outside {
    fn default() -> Outside {
        Outside {
            real: false,
            listen: None,
            wake: Arc::default(),
            disk: Arc::new(MemoryDisk::new()),
            oom: OomScore::default(),
            program: String::new(),
            argv: Vec::new(),
            executable: String::new(),
            supervised: "no",
            sentinel: false,
            allocator: StatsCache::default(),
            startup_memory: 0,
        }
    }
}

impl Outside {
    /// The real one.
    pub fn real(startup: &Startup) -> Outside {
        let program = startup.argv.first().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        let executable = std::env::current_exe().unwrap_or_else(|_| PathBuf::from(&program));
        Outside {
            real: true,
            disk: Arc::new(RealDisk),
            program,
            argv: startup.argv.clone(),
            executable: executable.to_string_lossy().into_owned(),
            supervised: match startup.supervisor {
                Supervisor::None => "no",
                Supervisor::Upstart => "upstart",
                Supervisor::Systemd => "systemd",
            },
            sentinel: startup.sentinel,
            ..Outside::default()
        }
    }

    /// Starts the thread of the append-only file; without a real world, its work is done where it is handed over.
    pub fn start_log(&self, writer: Writer, settings: Settings) -> io::Result<Log> {
        if !self.real {
            return Ok(Log::inline(writer, settings));
        }
        let wake = self.wake.clone();
        let call = move || wake.get().into_iter().for_each(|wake| wake());
        Log::start(writer, settings, Box::new(call))
    }

    /// Listens as the configuration says.
    pub fn listen(&mut self, config: &Config) -> Result<(), String> {
        match &mut self.listen {
            Some(listen) => listen(config),
            None => Ok(()),
        }
    }

    /// Log and crash reports.
    pub fn apply_log(&self, config: &Config) {
        if self.real {
            start::apply_log(config);
        }
    }

    /// The letter that lines of the log bear.
    pub fn apply_role(&self, replica: bool) {
        if self.real {
            log::set_role(if replica { log::Role::Replica } else { log::Role::Primary });
        }
    }

    /// The process's title.
    pub fn apply_title(&self, config: &Config, file: Option<&Path>) {
        if self.real {
            let file = file.map(|f| f.to_string_lossy());
            start::apply_title(config, &self.program, file.as_deref(), self.sentinel);
        }
    }

    /// How ready the kernel is to kill this process.
    pub fn apply_oom_score(&mut self, config: &Config) -> io::Result<()> {
        if !self.real {
            return Ok(());
        }
        start::apply_oom_score(&mut self.oom, config, config.replicaof.is_some())
    }

    /// Names the files that are to go when the process ends in a hurry.
    pub fn name_unfinished(&self, paths: [&Path; 2]) {
        if self.real {
            process::name_unfinished(paths);
        }
    }

    /// Enters `dir`; gives its absolute path.
    pub fn enter_dir(&self, dir: &str) -> io::Result<String> {
        if !self.real {
            return Ok(dir.to_owned());
        }
        std::env::set_current_dir(dir)?;
        Ok(std::env::current_dir()?.to_string_lossy().into_owned())
    }

    /// Makes room for this many clients; gives how many the system allows.
    pub fn allow_clients(&self, n: usize) -> usize {
        if !self.real {
            return n;
        }
        match process::adjust_open_files(u32::try_from(n).unwrap_or(u32::MAX)) {
            OpenFiles::Enough => n,
            OpenFiles::Reduced(n) => n as usize,
            OpenFiles::TooFew => 0,
        }
    }

    /// Lets the whole server stand still (DEBUG SLEEP).
    pub fn sleep(&self, time: std::time::Duration) {
        if self.real {
            clock::stand_still(time);
        }
    }

    /// Runs the program anew in this process, as it was started; comes back only with an error.
    pub fn restart(&self, delay: std::time::Duration, config_file: Option<&Path>) -> io::Error {
        if !self.real {
            return io::ErrorKind::Unsupported.into();
        }
        clock::stand_still(delay);
        // The folder has changed since: the file is named by its absolute path.
        let mut words: Vec<OsString> = self.argv.iter().skip(1).cloned().collect();
        if let (Some(file), Some(first)) = (config_file, words.first_mut()) {
            *first = file.into();
        }
        process::run_anew(Path::new(&self.executable), &words)
    }

    /// The shutdown that a signal asked for was called off: the next one asks anew.
    pub fn forget_signal(&self) {
        if self.real {
            signals::forget();
        }
    }

    /// Arms the software watchdog for one more round of cron.
    pub fn arm_watchdog(&self, period_ms: u64) {
        if self.real {
            signals::arm_watchdog(u32::try_from(period_ms).unwrap_or(u32::MAX));
        }
    }

    /// jemalloc's own thread that gives memory back.
    pub fn purge_in_background(&self) {
        if self.real {
            memory::start_background_purge();
        }
    }
}

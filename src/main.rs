//! argv -> mode -> run. What is done here is done once, in an order that matters: configuration, folder, log,
//! supervisor, background, and only then what a fork would not take along: handlers, limits, the pidfile.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tarn::engine::config::Config;
use tarn::engine::config::load::{self, Place, Problem};
use tarn::engine::loading;
use tarn::engine::start::{self, Startup};
use tarn::persist::aof::check::{self as aof_check, Console};
use tarn::persist::aof::folder::{Folder, FolderError};
use tarn::persist::aof::recover;
use tarn::persist::rdb::check;
use tarn::sys::args::{self, Args, Mode};
use tarn::sys::clock::Clock;
use tarn::sys::disk::{Disk, Open, Reading, RealDisk};
use tarn::sys::supervise::{self, Supervisor};
use tarn::sys::{crash, log, memory, process, signals, version};

fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let Args { mode, words } = match args::parse(&argv) {
        Ok(args) => args,
        Err(leave) if leave.is_error => return fail(&leave.text),
        Err(leave) => return say(&leave.text),
    };
    match mode {
        Mode::Version => say(&format!("{}\n", version::line())),
        Mode::CheckSystem => check_system(),
        Mode::CheckConfig => check_config(&words),
        Mode::Server => serve(argv, &words, false).unwrap_or_else(|code| code),
        Mode::Sentinel => serve(argv, &words, true).unwrap_or_else(|code| code),
        Mode::CheckRdb => check_rdb(&words),
        Mode::CheckAof => check_aof(&words),
        Mode::RestorePoints => {
            in_log_folder(&words, |folder, _| recover::list(folder, &mut |text| _ = say(text)).map(|()| true))
                .map_or_else(|code| code, |_| ExitCode::SUCCESS)
        }
        Mode::RecoverTo(target) => match recover_to(&words, &target) {
            Ok(()) => serve(argv, &words, false).unwrap_or_else(|code| code),
            Err(code) => code,
        },
        Mode::TestMemory(_) => fail("tarn: testing memory is not yet in this version.\n"),
    }
}

/// Standard output may be closed: there is nobody to tell then.
fn say(text: &str) -> ExitCode {
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn fail(text: &str) -> ExitCode {
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::FAILURE
}

fn check_system() -> ExitCode {
    let mut failed = false;
    for (name, warning) in process::system_checks() {
        let _ = match &warning {
            None => writeln!(io::stdout(), "[{name}]...OK"),
            Some(text) => writeln!(io::stdout(), "[{name}]...failed:\n{text}\n"),
        };
        failed |= warning.is_some();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn check_config(words: &[OsString]) -> ExitCode {
    match load(words, words.iter().any(|word| word == "--sentinel")) {
        Ok(_) => say("The configuration is fine.\n"),
        Err(problems) => fail(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()),
    }
}

const CHECK_RDB_USAGE: &str =
    "Usage: tarn-check-rdb <rdb-file-name> [--format table|info|csv] [--stats] [--output <file>]\n";

/// Checks an RDB file and tells of it what is wanted.
fn check_rdb(words: &[OsString]) -> ExitCode {
    let text = |i: usize| words.get(i).and_then(|word| word.to_str());
    if matches!(text(0), Some("-v" | "--version")) {
        return say(&format!("{}\n", version::line()));
    }
    let Some(path) = words.first().map(Path::new) else { return fail(CHECK_RDB_USAGE) };
    let (mut stats, mut form, mut output) = (false, check::Form::Table, None);
    let mut i = 1;
    while i < words.len() {
        match (text(i), text(i + 1)) {
            (Some("--stats"), _) => stats = true,
            (Some("--output"), Some(file)) => output = Some(PathBuf::from(file)),
            (Some("--format"), Some("table")) => form = check::Form::Table,
            (Some("--format"), Some("csv")) => form = check::Form::Csv,
            (Some("--format"), Some("info")) => form = check::Form::Info,
            _ => return fail(CHECK_RDB_USAGE),
        }
        i += if text(i) == Some("--stats") { 1 } else { 2 };
    }
    let file = match RealDisk.open(path, Open::Read) {
        Ok(file) => Reading(file),
        Err(error) => return fail(&format!("Cannot open file {}: {error}\n", path.display())),
    };
    let rules = loading::rdb_rules(&Config::default(), true, None);
    let now_ms = Clock::real().now_ms() as i64;
    let report = check::check(file, &path.to_string_lossy(), rules, now_ms, stats.then_some(form));
    say(&report.text);
    match output {
        None => drop(say(&report.stats)),
        Some(output) => {
            let written = RealDisk.open(&output, Open::Truncate);
            if let Err(error) = written.and_then(|mut file| file.write_all(report.stats.as_bytes())) {
                return fail(&format!("Cannot open output file: '{}': {error}\n", output.display()));
            }
        }
    }
    if report.sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Looks at append-only files; asks before it cuts one off.
fn check_aof(words: &[OsString]) -> ExitCode {
    let mut say_part = |text: &str| _ = say(text);
    let mut ask = |question: &str| {
        say(question);
        let _ = io::stdout().flush();
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).is_ok() && answer.starts_with(['y', 'Y'])
    };
    let rules = loading::rdb_rules(&Config::default(), true, None);
    let mut console = Console { say: &mut say_part, asks: &mut ask };
    ExitCode::from(aof_check::run(&RealDisk, rules, words, version::VERSION, &mut console))
}

/// Does something with the append-only file's folder, and comes back to where it was. A false outcome ends the process.
fn in_log_folder(
    words: &[OsString],
    act: impl FnOnce(&mut Folder, &Config) -> Result<bool, FolderError>,
) -> Result<(), ExitCode> {
    let (config, _) = load(words, false).map_err(|problems| match problems.first() {
        Some(first) => fail(&first.fatal(version::VERSION)),
        None => ExitCode::FAILURE,
    })?;
    let refuse =
        |error: &io::Error| fail(&format!("tarn: 'dir {}': {}\n", config.dir, process::os_text(error)));
    let here = std::env::current_dir().map_err(|error| refuse(&error))?;
    std::env::set_current_dir(&config.dir).map_err(|error| refuse(&error))?;
    let folder = Folder::open(Arc::new(RealDisk), &config.appenddirname, &config.appendfilename);
    let done = folder.and_then(|mut folder| act(&mut folder, &config));
    std::env::set_current_dir(here).map_err(|error| refuse(&error))?;
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(ExitCode::FAILURE),
        Err(error) => Err(fail(&format!("tarn: {error}\n"))),
    }
}

/// Makes the append-only file hold the data as it was.
fn recover_to(words: &[OsString], target: &str) -> Result<(), ExitCode> {
    let Some(target) = recover::Target::parse(target) else {
        return Err(fail("tarn: --recover-to takes ms of Unix time, or an offset\n"));
    };
    in_log_folder(words, |folder, config| {
        if !config.appendonly {
            fail("tarn: --recover-to needs 'appendonly yes'\n");
            return Ok(false);
        }
        let point = recover::recover(folder, target)?;
        match &point {
            Some(p) => {
                let recover::Point { annotation: a, file, end } = p;
                let text = format!("Recovered to ms:{} offset:{} ({file} up to {end})\n", a.ms, a.offset);
                say(&text);
            }
            None => _ = fail("tarn: there is no restore point that early; nothing was changed\n"),
        }
        Ok(point.is_some())
    })
}

/// The configuration and the absolute path of its file.
fn load(words: &[OsString], sentinel: bool) -> Result<(Config, Option<PathBuf>), Vec<Problem>> {
    let mut words = load::words_to_lines(words);
    let mut stdin = Vec::new();
    if words.stdin
        && let Err(error) = io::stdin().read_to_end(&mut stdin)
    {
        return Err(vec![problem(Place::Stdin, b"", process::os_text(&error))]);
    }
    // Absolute before `dir` changes the folder.
    words.file = words.file.map(|file| std::path::absolute(&file).unwrap_or(file));
    let file = words.file.clone();
    load::load(&words.sources(stdin), &RealDisk, sentinel).map(|config| (config, file))
}

fn problem(place: Place, text: &[u8], reason: String) -> Problem {
    Problem { place, line: 0, text: text.to_vec(), reason: reason.into(), hint: None }
}

fn serve(argv: Vec<OsString>, words: &[OsString], sentinel: bool) -> Result<ExitCode, ExitCode> {
    let umask = process::umask();
    if sentinel {
        log::set_role(log::Role::Sentinel);
    }
    let (config, config_file) = load(words, sentinel).map_err(|problems| match problems.first() {
        Some(first) => fail(&first.fatal(version::VERSION)),
        None => ExitCode::FAILURE,
    })?;
    enter_folder_and_log(&config)?;
    if sentinel {
        check_state_file(config_file.as_deref())?;
    }
    process::check_memory_settings(config.disable_thp);
    let supervisor = supervise::begin(start::supervise_mode(&config));
    let background = config.daemonize && supervisor == Supervisor::None;
    if background && let Err(error) = process::daemonize() {
        return Err(fail(&format!("tarn: cannot go to the background: {}\n", process::os_text(&error))));
    }
    say_hello(&config, words);
    let wakeups = signals::install().map_err(|error| {
        tracing::warn!("Cannot make the pipe of the signal handlers: {}", process::os_text(&error));
        ExitCode::FAILURE
    })?;
    start::apply_crash(&config);
    crash::install();
    let config = settle_into_system(config, &argv, config_file.as_deref(), background, sentinel)?;
    show_banner(&config, sentinel);
    let startup = Startup { config, config_file, argv, supervisor, wakeups, umask, sentinel };
    let code = tarn::net::run(startup);
    process::remove_pidfile();
    Ok(code)
}

/// `dir` and the log: what can still be refused on standard error as the reference does it.
fn enter_folder_and_log(config: &Config) -> Result<(), ExitCode> {
    let refuse = |reason: String| fail(&problem(Place::CommandLine, b"", reason).fatal(version::VERSION));
    std::env::set_current_dir(&config.dir)
        .map_err(|error| refuse(format!("'dir {}': {}", config.dir, process::os_text(&error))))?;
    log::init(&start::log_settings(config))
        .map_err(|error| refuse(format!("Can't open the log file: {}", process::os_text(&error))))
}

/// A Sentinel keeps its epochs and votes in its configuration file.
fn check_state_file(file: Option<&Path>) -> Result<(), ExitCode> {
    let Some(file) = file else {
        tracing::warn!("Sentinel needs config file on disk to save state. Exiting...");
        return Err(ExitCode::FAILURE);
    };
    process::check_writable(file).map_err(|error| {
        let (file, error) = (file.display(), process::os_text(&error));
        tracing::warn!("Sentinel config file {file} is not writable: {error}. Exiting...");
        ExitCode::FAILURE
    })
}

/// The first lines of the log, in the reference's form.
fn say_hello(config: &Config, words: &[OsString]) {
    tracing::info!("oO0OoO0OoO0Oo Tarn is starting oO0OoO0OoO0Oo");
    tracing::info!(
        "Tarn version={}, bits={}, commit={}, modified={}, pid={}, just started",
        version::VERSION,
        usize::BITS,
        version::GIT_SHA,
        version::GIT_DIRTY,
        std::process::id()
    );
    if words.is_empty() {
        tracing::warn!(
            "Warning: No config file specified, using the default config. In order to specify a config file use tarn \
             /path/to/tarn.conf"
        );
    } else {
        tracing::info!("Configuration loaded");
    }
    for (directive, part) in config.without_effect() {
        tracing::warn!("The directive '{directive}' has no effect in this version: it waits for {part}");
    }
}

/// The banner, when standard output is a terminal or `always-show-logo` says so; otherwise one line.
fn show_banner(config: &Config, sentinel: bool) {
    let mode = if sentinel { "sentinel" } else { "standalone" };
    let pid = std::process::id();
    let plain = !config.logfile.is_empty() || !io::stdout().is_terminal();
    if plain && !config.always_show_logo {
        return tracing::info!("Running mode={mode}, port={}.", config.port);
    }
    let text = format!(
        "\n      /\\\n     /  \\      Tarn {} ({} bit)\n  /\\/    \\/\\   Running in {mode} mode\n /  ~~~~~~  \\  Port: {}\n/  ~~~~~~~~  \\ PID: {pid}\n\n",
        version::VERSION,
        usize::BITS,
        config.port
    );
    log::raw(text.as_bytes());
}

/// Limits, pidfile, title. Gives the configuration back with as many clients as the system allows.
fn settle_into_system(
    mut config: Config,
    argv: &[OsString],
    config_file: Option<&Path>,
    background: bool,
    sentinel: bool,
) -> Result<Config, ExitCode> {
    if config.jemalloc_bg_thread {
        memory::start_background_purge();
    }
    match process::adjust_open_files(u32::try_from(config.maxclients).unwrap_or(u32::MAX)) {
        process::OpenFiles::Enough => {}
        process::OpenFiles::Reduced(maxclients) => config.maxclients = maxclients as usize,
        process::OpenFiles::TooFew => return Err(ExitCode::FAILURE),
    }
    if config.pidfile.is_empty() && background {
        config.pidfile = "/var/run/tarn.pid".to_owned();
    }
    if !config.pidfile.is_empty() {
        process::create_pidfile(Path::new(&config.pidfile));
    }
    let program = argv.first().map(|name| name.to_string_lossy()).unwrap_or_default();
    let file = config_file.map(|path| path.to_string_lossy());
    start::apply_title(&config, &program, file.as_deref(), sentinel);
    process::check_backlog(config.tcp_backlog);
    Ok(config)
}

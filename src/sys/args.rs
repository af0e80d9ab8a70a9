//! The command line: which of the binary's modes, and what is left for the configuration.
//!
//! clap reads the options of our own and writes help and usage errors. It stops at the first word that is none of
//! them: the rest, `[file | -] [--directive value ...]`, passes through untouched, since what looks like an option
//! there is a directive with as many values as it wants.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, ArgAction, Command, value_parser};

/// What the binary is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    Server,
    Sentinel,
    CheckRdb,
    CheckAof,
    /// Serve the data as it was at this moment or offset, as the user wrote it.
    RecoverTo(String),
    /// Print the moments to which the data can go back, leave.
    RestorePoints,
    /// Read the configuration, print every problem, leave.
    CheckConfig,
    /// Test that much memory, in megabytes as the user wrote it.
    TestMemory(OsString),
    /// Look at the system's settings, leave.
    CheckSystem,
    Version,
}

/// A command line that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    pub mode: Mode,
    /// What is left: words of the configuration, or files to check.
    pub words: Vec<OsString>,
}

/// Text to print, and whether it is an error: for standard error and exit status 1, else standard output and 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    pub text: String,
    pub is_error: bool,
}

const EXAMPLES: &str = "\
Examples:
  tarn                                    with the defaults
  tarn /etc/tarn/tarn.conf                a file
  tarn --port 7777 --maxmemory 100mb      directives, each with all its values
  tarn tarn.conf --port 7777              a file, then directives that win over it
  echo 'port 7777' | tarn -               the configuration from standard input
  tarn --port 7777 --replicaof 10.0.0.1 6379
  tarn sentinel.conf --sentinel           as a Sentinel

Started under a name that ends in check-rdb, check-aof or sentinel it takes that mode.";

/// Reads argv, the program's name included.
pub fn parse(argv: &[OsString]) -> Result<Args, Leave> {
    let name = argv.first().map(|name| Path::new(name).file_name().unwrap_or(name)).unwrap_or_default();
    let words = argv.get(1..).unwrap_or_default();
    // Under the checkers' names every word is theirs.
    match by_name(name) {
        Some(Mode::CheckRdb) => return Ok(Args { mode: Mode::CheckRdb, words: words.to_vec() }),
        Some(Mode::CheckAof) => return Ok(Args { mode: Mode::CheckAof, words: words.to_vec() }),
        _ => {}
    }
    let mut found = command().try_get_matches_from(argv).map_err(|error| {
        let text = error.to_string();
        Leave { text, is_error: error.use_stderr() }
    })?;
    let words: Vec<OsString> = found.remove_many("words").map(Iterator::collect).unwrap_or_default();
    let sentinel = by_name(name) == Some(Mode::Sentinel) || words.iter().any(|word| word == "--sentinel");
    let recover_to = found.remove_one::<String>("recover-to");
    let mode = match found.remove_one::<OsString>("test-memory") {
        Some(megabytes) => Mode::TestMemory(megabytes),
        None if recover_to.is_some() => Mode::RecoverTo(recover_to.unwrap_or_default()),
        None if found.get_flag("list-restore-points") => Mode::RestorePoints,
        None if found.get_flag("version") => Mode::Version,
        None if found.get_flag("check-rdb") => Mode::CheckRdb,
        None if found.get_flag("check-aof") => Mode::CheckAof,
        None if found.get_flag("check-config") => Mode::CheckConfig,
        None if found.get_flag("check-system") => Mode::CheckSystem,
        None if sentinel => Mode::Sentinel,
        None => Mode::Server,
    };
    Ok(Args { mode, words })
}

fn by_name(name: &OsStr) -> Option<Mode> {
    let name = name.to_string_lossy();
    let ends = [("check-rdb", Mode::CheckRdb), ("check-aof", Mode::CheckAof), ("sentinel", Mode::Sentinel)];
    ends.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, mode)| mode)
}

fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).exclusive(false).help(help)
    };
    Command::new("tarn")
        .about("A Redis-compatible in-memory server")
        .disable_version_flag(true)
        .override_usage("tarn [FILE | -] [--DIRECTIVE VALUE...]...\n       tarn OPTION [WORDS...]")
        .after_help(EXAMPLES)
        .arg(flag("version", "Print the version").short('v'))
        .arg(flag("check-config", "Read the configuration that follows, print every problem in it"))
        .arg(flag("check-system", "Look at the settings of the system that matter"))
        .arg(flag("check-rdb", "Check an RDB file"))
        .arg(flag("check-aof", "Check an append-only file"))
        .arg(flag("list-restore-points", "Print the moments to which the append-only file can go back"))
        .arg(Arg::new("recover-to").long("recover-to").value_name("MS | OFFSET").help(
            "Serve the data as it was at that moment (ms of Unix time), or at that offset of the stream",
        ))
        .arg(
            Arg::new("test-memory")
                .long("test-memory")
                .value_name("MEGABYTES")
                .value_parser(value_parser!(OsString))
                .help("Test the machine's memory (not in this version yet)"),
        )
        .arg(
            Arg::new("words")
                .value_name("FILE | - | --DIRECTIVE VALUE...")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(value_parser!(OsString))
                .help("A configuration file, `-` for standard input, and directives as in the file"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, Leave> {
        super::parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[track_caller]
    fn check(line: &str, mode: Mode, words: &str) {
        let expected: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        assert_eq!(parse(line), Ok(Args { mode, words: expected }), "{line}");
    }

    #[test]
    fn directives_pass_through_untouched() {
        for words in [
            "",
            "--port 7000",
            "a.conf --port 7000 --save 60 1 --save 300 10",
            "-",
            "a.conf --loglevel verbose -",
            "--save --port 1",
            "--bind -::1 127.0.0.1",
            "--requirepass --version",
            "a.conf --version",
            "--port 1 -v --help",
            "-x",
            "--port=1",
            "-p 1",
        ] {
            check(format!("/usr/bin/tarn {words}").trim_end(), Mode::Server, words);
        }
    }

    #[test]
    fn modes_by_name_and_by_option() {
        check("/usr/bin/redis-sentinel s.conf --port 1", Mode::Sentinel, "s.conf --port 1");
        check("tarn s.conf --sentinel --port 1", Mode::Sentinel, "s.conf --sentinel --port 1");
        check("tarn --sentinel", Mode::Sentinel, "--sentinel");
        check("./tarn-check-rdb --help dump.rdb", Mode::CheckRdb, "--help dump.rdb");
        check("valkey-check-aof --fix a.aof", Mode::CheckAof, "--fix a.aof");
        check("tarn --check-rdb dump.rdb", Mode::CheckRdb, "dump.rdb");
        check("tarn --check-aof --fix a.aof", Mode::CheckAof, "--fix a.aof");
        check("tarn --check-config a.conf --port x", Mode::CheckConfig, "a.conf --port x");
        check("tarn --check-config --port x", Mode::CheckConfig, "--port x");
        check("tarn --check-system", Mode::CheckSystem, "");
        check("tarn --test-memory 100", Mode::TestMemory("100".into()), "");
        check("tarn --recover-to 1700000000000 a.conf", Mode::RecoverTo("1700000000000".into()), "a.conf");
        check("tarn --list-restore-points --dir x", Mode::RestorePoints, "--dir x");
        check("tarn -v", Mode::Version, "");
        check("tarn --version", Mode::Version, "");
        check("valkey-server --port 1", Mode::Server, "--port 1");
    }

    #[test]
    fn help_goes_to_standard_output_and_errors_do_not() {
        for line in ["tarn --help", "tarn -h"] {
            let leave = parse(line).unwrap_err();
            assert!(!leave.is_error && leave.text.contains("Usage: tarn [FILE"), "{}", leave.text);
            assert!(leave.text.contains("Started under a name"));
        }
        let leave = parse("tarn --test-memory").unwrap_err();
        assert!(leave.is_error && leave.text.contains("--test-memory"), "{}", leave.text);
    }

    #[test]
    fn no_words_at_all() {
        assert_eq!(super::parse(&[]), Ok(Args { mode: Mode::Server, words: Vec::new() }));
    }
}

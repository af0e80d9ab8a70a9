//! Developer commands. `cargo xtask` alone tells them.

mod coverage;
mod diff;
mod new_command;
mod peer;
mod random;

use std::process::{Command, ExitCode};
use std::time::Instant;

const USAGE: &str = "\
cargo xtask check                         fmt, clippy and tests: what must hold before a landing
cargo xtask new-command NAME FAMILY       a command's skeleton in src/commands/FAMILY.rs
cargo xtask coverage [--server PROGRAM]   our table beside a reference server's: what is missing, what differs
cargo xtask diff [--server PROGRAM] [FILE...]
                                          transcripts (tests/transcripts, or the check(\"..\") of Rust files)
                                          against a reference server: the lines that differ
cargo xtask diff [--server PROGRAM] --random SECONDS [--seed N] [--only NAME,...]
                                          random commands to our binary (target/release, or debug) and to the
                                          reference: the replies and data that differ
cargo xtask fuzz NAME [SECONDS]           runs a fuzz target (fuzz/README.md)
cargo xtask bench [WORDS...]              cargo bench

The reference server is $TARN_REFERENCE, ~/.cache/tarn-peers/bin/valkey-server, or redis-server on the PATH.
";

/// What a developer command ends with when something is wrong: text for standard error.
type Result<T = ()> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.split_first() {
        Some((&"check", [])) => check(),
        Some((&"new-command", [name, family])) => new_command::run(name, family),
        Some((&"coverage", rest)) => with_server(rest, |program, _| coverage::run(program)),
        Some((&"diff", rest)) if rest.contains(&"--random") => with_server(rest, random::run),
        Some((&"diff", rest)) => with_server(rest, diff::run),
        Some((&"fuzz", rest)) if !rest.is_empty() => run("fuzz/run", rest),
        Some((&"bench", rest)) => run("cargo", &[&["bench"], rest].concat()),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// Takes `--server PROGRAM` off the front.
fn with_server(words: &[&str], f: impl Fn(&str, &[&str]) -> Result) -> Result {
    match words {
        ["--server", program, rest @ ..] => f(program, rest),
        rest => f(&peer::reference()?, rest),
    }
}

fn check() -> Result {
    let steps: [&[&str]; 4] = [
        &["fmt", "--all", "--check"],
        &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"],
        &["test", "--workspace", "--quiet"],
        &["test", "--bench", "*", "--quiet"],
    ];
    for words in steps {
        let from = Instant::now();
        run("cargo", words)?;
        println!("cargo {}: good, {:.1} s", words[0], from.elapsed().as_secs_f64());
    }
    Ok(())
}

fn run(program: &str, words: &[&str]) -> Result {
    let status = Command::new(program)
        .args(words)
        .current_dir(root())
        .status()
        .map_err(|e| format!("{program}: {e}\n"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {}: {status}\n", words.join(" "))) }
}

/// The repository's root.
fn root() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

//! `tarn --check-aof`: what is wrong with an append-only file or a whole folder, and on request where it ends well. The
//! output is that of the reference's tool, with what our annotations tell in addition.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::load::is_snapshot;
use super::manifest::Manifest;
use super::scan::{Fault, Item, Verdict, verify};
use crate::persist::rdb::read::{self, Reader, Rules};
use crate::sys::disk::{Disk, File, Open, Reading, folder_of};
use crate::sys::process::os_text;

/// What a user says to the tool, and hears of it.
pub struct Console<'a> {
    pub say: &'a mut dyn FnMut(&str),
    /// The answer to a question.
    pub asks: &'a mut dyn FnMut(&str) -> bool,
}

/// What is asked for.
struct Job<'a, 'c> {
    disk: &'a dyn Disk,
    rules: Rules,
    console: &'a mut Console<'c>,
    fix: bool,
    to_timestamp: Option<i64>,
}

/// The tool gives up.
struct GaveUp;

type Outcome<T> = Result<T, GaveUp>;

/// How a file was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fine,
    Empty,
    Cut,
    CutToTimestamp,
}

/// Runs the tool; gives the process's status.
pub fn run(
    disk: &dyn Disk,
    rules: Rules,
    words: &[OsString],
    version: &str,
    console: &mut Console<'_>,
) -> u8 {
    let words: Vec<String> = words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut job = Job { disk, rules, console, fix: false, to_timestamp: None };
    let path = match words[..] {
        ["-v" | "--version"] => {
            (job.console.say)(&format!("tarn-check-aof {version}\n"));
            return 0;
        }
        [path] => path,
        ["--fix", path] => {
            job.fix = true;
            path
        }
        ["--truncate-to-timestamp", seconds, path] => {
            let Ok(seconds) = seconds.parse() else {
                (job.console.say)("Invalid timestamp, aborting...\n");
                return 1;
            };
            job.to_timestamp = Some(seconds);
            path
        }
        _ => {
            let usage = "Usage: tarn --check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n";
            (job.console.say)(usage);
            return 1;
        }
    };
    u8::from(job.check(Path::new(path)).is_err())
}

impl Job<'_, '_> {
    fn say(&mut self, text: &str) {
        (self.console.say)(text);
    }

    /// Tells why it gives up.
    fn fail<T>(&mut self, text: &str) -> Outcome<T> {
        self.say(text);
        Err(GaveUp)
    }

    fn check(&mut self, path: &Path) -> Outcome<()> {
        let shown = path.display().to_string();
        let head = self.head(path)?;
        if is_manifest(&head) {
            return self.check_folder(path);
        }
        self.say("Start checking Old-Style AOF\n");
        let state = self.check_file(&shown, path, true, is_snapshot(&head))?;
        self.tell(state, &shown, "AOF");
        Ok(())
    }

    /// The first bytes of a file.
    fn head(&mut self, path: &Path) -> Outcome<Vec<u8>> {
        let mut head = Vec::new();
        let read = self.disk.open(path, Open::Read).and_then(|file| {
            Reading(file).take(1024).read_to_end(&mut head)?;
            Ok(())
        });
        match read {
            Ok(()) => Ok(head),
            Err(e) => self.fail(&format!("Cannot open file {}: {}\n", path.display(), os_text(&e))),
        }
    }

    fn check_folder(&mut self, path: &Path) -> Outcome<()> {
        self.say("Start checking Multi Part AOF\n");
        let bytes = match self.disk.read(path) {
            Ok(bytes) => bytes,
            Err(e) => return self.fail(&format!("Cannot open file {}: {}\n", path.display(), os_text(&e))),
        };
        let manifest = match Manifest::parse(&bytes) {
            Ok(manifest) => manifest,
            Err(bad) => {
                let at = match bad.number {
                    0 => String::new(),
                    n => format!("Reading the manifest file, at line {n}\n>>> '{}'\n", bad.line),
                };
                let text = format!("\n*** FATAL AOF MANIFEST FILE ERROR ***\n{at}{}\n", bad.reason);
                return self.fail(&text);
            }
        };
        let path_of = |name: &str| -> PathBuf { folder_of(path).join(name) };
        if let Some(base) = &manifest.base {
            let (path, last) = (path_of(&base.name), manifest.incr.is_empty());
            let snapshot = is_snapshot(&self.head(&path)?);
            let format = if snapshot { "RDB" } else { "RESP" };
            self.say(&format!("Start to check BASE AOF ({format} format).\n"));
            let state = self.check_file(&base.name, &path, last, snapshot)?;
            self.tell(state, &base.name, "BASE AOF");
        }
        if !manifest.incr.is_empty() {
            self.say("Start to check INCR files.\n");
        }
        for (i, incr) in manifest.incr.iter().enumerate() {
            let (path, last) = (path_of(&incr.name), i + 1 == manifest.incr.len());
            let state = self.check_file(&incr.name, &path, last, false)?;
            self.tell(state, &incr.name, "INCR AOF");
        }
        self.say("All AOF files and manifest are valid\n");
        Ok(())
    }

    fn tell(&mut self, state: State, name: &str, kind: &str) {
        let timestamp = self.to_timestamp.unwrap_or(0);
        self.say(&match state {
            State::Fine => format!("{kind} {name} is valid\n"),
            State::Empty => format!("{kind} {name} is empty\n"),
            State::CutToTimestamp => format!("Successfully truncated AOF {name} to timestamp {timestamp}\n"),
            State::Cut => format!("Successfully truncated AOF {name}\n"),
        });
    }

    fn open(&mut self, path: &Path, how: Open) -> Outcome<Box<dyn File>> {
        match self.disk.open(path, how) {
            Ok(file) => Ok(file),
            Err(e) => {
                self.fail(&format!("Cannot open file {}: {}, aborting...\n", path.display(), os_text(&e)))
            }
        }
    }

    fn check_file(&mut self, name: &str, path: &Path, last: bool, snapshot: bool) -> Outcome<State> {
        let size = match self.open(path, Open::Read)?.size() {
            Ok(0) => return Ok(State::Empty),
            Ok(size) => size,
            Err(_) => return self.fail(&format!("Cannot stat file: {name}, aborting...\n")),
        };
        let from = if snapshot { self.check_snapshot(path)? } else { 0 };
        let file = self.open(path, Open::Read)?;
        let (mut late, mut damaged) = (None, false);
        let to = self.to_timestamp;
        let verdict = verify(file, from, size, &mut |item, at| match (item, to) {
            (Item::Timestamp(None), Some(_)) => {
                damaged = true;
                false
            }
            (Item::Timestamp(Some(seconds)), Some(to)) if seconds > to => {
                late = Some(at);
                false
            }
            _ => true,
        });
        if damaged {
            return self.fail("Invalid timestamp annotation\n");
        }
        if let Some(at) = late {
            return self.cut_to_timestamp(path, at, last);
        }
        self.judge(name, path, &verdict, last)
    }

    /// Checks the snapshot with which a file begins; gives the offset behind it.
    fn check_snapshot(&mut self, path: &Path) -> Outcome<u64> {
        let file = self.open(path, Open::Read)?;
        let mut reader = Reader::new(Reading(file), self.rules);
        loop {
            match reader.next_item() {
                Ok(read::Item::End { .. }) => break,
                Ok(_) => {}
                Err(e) => {
                    return self.fail(&format!("{e}\nRDB preamble of AOF file is not sane, aborting.\n"));
                }
            }
        }
        self.say("RDB preamble is OK, proceeding with AOF tail...\n");
        Ok(reader.offset())
    }

    fn cut_to_timestamp(&mut self, path: &Path, at: u64, last: bool) -> Outcome<State> {
        let (shown, timestamp) = (path.display(), self.to_timestamp.unwrap_or(0));
        if at == 0 {
            let text = format!("AOF {shown} has nothing before timestamp {timestamp}, aborting...\n");
            return self.fail(&text);
        }
        if !last {
            let text = format!(
                "Failed to truncate AOF {shown} to timestamp {timestamp} to offset {at} because it is not the last \
                 file.\nIf you insist, please delete all files after this file according to the manifest file and \
                 delete the corresponding records in manifest file manually. Then re-run tarn --check-aof.\n"
            );
            return self.fail(&text);
        }
        if self.truncate(path, at)? {
            return Ok(State::CutToTimestamp);
        }
        self.fail(&format!("Failed to truncate AOF {shown} to timestamp {timestamp}\n"))
    }

    fn truncate(&mut self, path: &Path, at: u64) -> Outcome<bool> {
        let mut file = self.open(path, Open::Update)?;
        Ok(file.set_len(at).and_then(|()| file.sync()).is_ok())
    }

    /// Tells what was found, and cuts off what is wrong if that is asked for.
    fn judge(&mut self, name: &str, path: &Path, verdict: &Verdict, last: bool) -> Outcome<State> {
        if let Some(fault) = &verdict.fault {
            let text = explain(name, fault);
            self.say(&text);
        }
        let good = match verdict.fault {
            Some(Fault::Checksum { from, .. }) => from,
            _ => verdict.good,
        };
        let size = verdict.size;
        let wrong = size - good;
        if let (0, Some(timestamp)) = (wrong, self.to_timestamp) {
            self.say(&format!("Truncate nothing in AOF {name} to timestamp {timestamp}\n"));
            return Ok(State::Fine);
        }
        self.say(&format!(
            "AOF analyzed: filename={name}, size={size}, ok_up_to={good}, ok_up_to_line={}, diff={wrong}\n",
            verdict.lines
        ));
        if wrong == 0 {
            return Ok(State::Fine);
        }
        if !self.fix {
            return self.fail(&format!("AOF {name} is not valid. Use the --fix option to try fixing it.\n"));
        }
        if !last {
            return self.fail(&format!("Failed to truncate AOF {name} because it is not the last file\n"));
        }
        self.say(&format!(
            "This will shrink the AOF {name} from {size} bytes, with {wrong} bytes, to {good} bytes\n"
        ));
        if !(self.console.asks)("Continue? [y/N]: ") {
            return self.fail("Aborting...\n");
        }
        if self.truncate(path, good)? {
            Ok(State::Cut)
        } else {
            self.fail(&format!("Failed to truncate AOF {name}\n"))
        }
    }
}

/// What is wrong, in the tool's form: the offset in hexadecimal digits, and why.
fn explain(name: &str, fault: &Fault) -> String {
    match fault {
        Fault::Truncated { at } => format!("0x{at:16x}: Reached EOF inside a command\n"),
        Fault::Transaction { at } => format!("0x{at:16x}: Reached EOF before reading EXEC for MULTI\n"),
        Fault::Zeros { at } => format!("0x{at:16x}: Only zeros up to the end\n"),
        Fault::Format { at, what } if what.starts_with("Expected prefix '*'") => {
            format!("AOF {name} format error\n0x{at:16x}: {what}\n")
        }
        Fault::Format { at, what } => format!("0x{at:16x}: {what}\n"),
        Fault::Checksum { from, to } => {
            format!("0x{from:16x}: The bytes up to 0x{to:x} are not those that were written\n")
        }
        Fault::Read(e) => format!("Failed to read from AOF {name}: {}\n", os_text(e)),
    }
}

/// Whether a file that begins so is a manifest: comments, then a line that names a file.
fn is_manifest(head: &[u8]) -> bool {
    let first = head.split(|b| *b == b'\n').find(|line| !line.starts_with(b"#"));
    first.is_some_and(|line| line.starts_with(b"file"))
}

//! From files, standard input and the command line to a `Config`, or to the list of every problem they have.
//!
//! All sources are lines of one form, read in order, so that later lines win. What is different about the command
//! line is only how its words become lines (`words_to_lines`). An `include` is read where it stands. The loader goes
//! on after a problem, so that `--check-config` can show all of them; a start shows the first and stops.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::directive::{MULTI_ARG, Origin, Reason, Taken, WRONG_NUMBER};
use super::fields::Config;
use super::special::BAD_DIRECTIVE;
use super::table;
use crate::base::rng::Rng;
use crate::base::{glob, limits, quote};
use crate::engine::sentinel::sentinel_world;
use crate::sentinel::Sentinel;
use crate::sys::disk::{Disk, Open};
use crate::sys::process::os_text;

/// Where lines come from, in the order in which they count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    /// Text read from standard input.
    Stdin(Vec<u8>),
    /// Lines made of the command line's words.
    Words(Vec<u8>),
}

/// The name of a text, for problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    File(PathBuf),
    Stdin,
    CommandLine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    /// Counted from 1; 0 when it is about no line.
    pub line: usize,
    /// The line, without blanks around it.
    pub text: Vec<u8>,
    pub reason: Reason,
    /// For an unknown directive, what the user may have meant.
    pub hint: Option<String>,
}

impl Problem {
    /// The message of a start that stops, as the reference writes it to standard error, and then, in words of our
    /// own, the file and the nearest name.
    pub fn fatal(&self, version: &str) -> String {
        let mut out = format!("\n*** FATAL CONFIG FILE ERROR (Version {version}) ***\n");
        if self.line != 0 {
            let text = String::from_utf8_lossy(&self.text);
            out.push_str(&format!("Reading the configuration file, at line {}\n>>> '{text}'\n", self.line));
        }
        out.push_str(&format!("{}\n", self.reason));
        if let Some(hint) = &self.hint {
            out.push_str(&format!("{}: {hint}\n", self.at()));
        }
        out
    }

    fn at(&self) -> String {
        if self.line == 0 { self.place.to_string() } else { format!("{}, line {}", self.place, self.line) }
    }
}

/// One line per problem, for `--check-config`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at())?;
        if self.line != 0 {
            write!(f, "'{}': ", String::from_utf8_lossy(&self.text))?;
        }
        f.write_str(&self.reason)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// What the command line holds, as the reference reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The configuration file: a first word that does not begin with `-`.
    pub file: Option<PathBuf>,
    /// Whether a first or last word `-` asks to read standard input.
    pub stdin: bool,
    /// Lines of directives.
    pub lines: Vec<u8>,
}

impl Words {
    /// Sources in the order in which they count. `stdin` is the text, when there is any to read.
    pub fn sources(self, stdin: Vec<u8>) -> Vec<Source> {
        let file = self.file.map(Source::File);
        let stdin = self.stdin.then_some(Source::Stdin(stdin));
        file.into_iter().chain(stdin).chain([Source::Words(self.lines)]).collect()
    }
}

/// Reads the words behind the program's name: `[file | -] [--directive value ...] [-]`.
///
/// A word with `--` in front opens a line unless the directive before it still has no value, so that a value may
/// begin with `--` too. `--save` and `--sentinel` need none. A word such as `--port 7000` brings its own value.
pub fn words_to_lines(words: &[OsString]) -> Words {
    let mut out = Words::default();
    let mut rest = words;
    if let Some((first, tail)) = words.split_first()
        && !first.as_bytes().starts_with(b"-")
    {
        out.file = Some(PathBuf::from(first));
        rest = tail;
    }
    // Whether the directive begun last has a value, so that the next word with `--` is a directive.
    let mut complete = true;
    for (i, word) in rest.iter().enumerate() {
        let word = word.as_bytes();
        let next = rest.get(i.saturating_add(1)).map(|next| next.as_bytes());
        let first_or_last = next.is_none() || (i == 0 && out.file.is_none());
        if word == b"-" && first_or_last {
            out.stdin = true;
        } else if let Some(directive) = word.strip_prefix(b"--").filter(|_| complete) {
            if !out.lines.is_empty() {
                out.lines.push(b'\n');
            }
            out.lines.extend_from_slice(directive);
            out.lines.push(b' ');
            complete = quote::split_args(word).is_none_or(|args| args.len() != 1);
            if !complete {
                complete = stands_alone(word, next, &mut out.lines);
            }
        } else {
            quote::repr_into(&mut out.lines, word);
            out.lines.push(b' ');
            complete = true;
        }
    }
    out
}

/// Whether a directive without value in its own word is complete: `--save` before another directive or at the end
/// means none, and `--sentinel` takes no value.
fn stands_alone(word: &[u8], next: Option<&[u8]>, lines: &mut Vec<u8>) -> bool {
    let before_directive = next.is_some_and(|next| next.starts_with(b"--"));
    if word.eq_ignore_ascii_case(b"--save") && (before_directive || next.is_none()) {
        lines.extend_from_slice(b"\"\"");
        return before_directive;
    }
    word.eq_ignore_ascii_case(b"--sentinel") && before_directive
}

/// Loads a configuration from its sources over the defaults. `sentinel`: the server runs as one, and takes
/// `sentinel` lines. On an error, every problem, in order.
pub fn load(sources: &[Source], disk: &dyn Disk, sentinel: bool) -> Result<Config, Vec<Problem>> {
    let mut loader = Loader::new(Some(disk), sentinel);
    for source in sources {
        match source {
            Source::File(path) => loader.file(path, 0),
            Source::Stdin(text) => loader.text(&Place::Stdin, text, 0),
            Source::Words(text) => loader.text(&Place::CommandLine, text, 0),
        }
    }
    loader.finish()
}

/// Loads a configuration from one text, without files: an `include` is a problem. Any bytes may come.
pub fn parse_text(text: &[u8]) -> Result<Config, Vec<Problem>> {
    let mut loader = Loader::new(None, false);
    loader.text(&Place::Stdin, text, 0);
    loader.finish()
}

struct Loader<'a> {
    config: Config,
    /// Main names of the directives that were set, each once.
    seen: Vec<&'static str>,
    problems: Vec<Problem>,
    disk: Option<&'a dyn Disk>,
    sentinel: bool,
    /// Where each of the configuration's `sentinel` lines stands, and its text.
    sentinel_lines: Vec<(Place, usize, Vec<u8>)>,
}

/// Where a Sentinel listens unless it is told otherwise.
const SENTINEL_PORT: u16 = 26379;

impl<'a> Loader<'a> {
    fn new(disk: Option<&'a dyn Disk>, sentinel: bool) -> Self {
        let mut config = Config::default();
        if sentinel {
            // It must be reached by others.
            (config.port, config.protected_mode) = (SENTINEL_PORT, false);
        }
        Self { config, seen: Vec::new(), problems: Vec::new(), disk, sentinel, sentinel_lines: Vec::new() }
    }

    fn finish(mut self) -> Result<Config, Vec<Problem>> {
        if self.config.cluster_enabled && self.config.replicaof.is_some() {
            let reason = "replicaof directive not allowed in cluster mode".into();
            self.problems.push(Problem {
                place: Place::CommandLine,
                line: 0,
                text: Vec::new(),
                reason,
                hint: None,
            });
        }
        self.check_sentinel();
        self.config.settle();
        if self.problems.is_empty() { Ok(self.config) } else { Err(self.problems) }
    }

    /// Whether a Sentinel can begin with the `sentinel` lines.
    fn check_sentinel(&mut self) {
        let mut machine = Sentinel::new(0, Rng::new(0), sentinel_world());
        let mut lines = self.config.sentinel.clone();
        // Programs are named from `dir`, which is entered later.
        for line in &mut lines {
            let is_script = line.first().is_some_and(|word| word.to_ascii_lowercase().ends_with(b"-script"));
            if let Some(path) = line.last_mut().filter(|_| is_script) {
                let from_here = Path::new(&self.config.dir).join(OsStr::from_bytes(path));
                *path = from_here.into_os_string().into_vec();
            }
        }
        if let Err((i, reason)) = machine.load(&lines)
            && let Some((place, line, text)) = self.sentinel_lines.get(i).cloned()
        {
            self.problems.push(Problem { place, line, text, reason, hint: None });
        }
    }

    /// Reads a file, or every file that a pattern matches.
    fn file(&mut self, path: &Path, depth: usize) {
        let Some(disk) = self.disk else {
            return self.no_file(path, &io::Error::from(io::ErrorKind::Unsupported));
        };
        if depth > limits::INCLUDE_DEPTH_MAX {
            return self.no_file(path, &io::Error::other("files include one another"));
        }
        let paths = if is_pattern(path.as_os_str().as_bytes()) {
            expand(path, disk)
        } else {
            vec![path.to_path_buf()]
        };
        for path in paths {
            match read(disk, &path) {
                Ok(text) => self.text(&Place::File(path), &text, depth),
                Err(error) => self.no_file(&path, &error),
            }
        }
    }

    fn no_file(&mut self, path: &Path, error: &io::Error) {
        let reason =
            format!("Fatal error, can't open config file '{}': {}", path.display(), os_text(error)).into();
        let place = Place::File(path.to_path_buf());
        self.problems.push(Problem { place, line: 0, text: Vec::new(), reason, hint: None });
    }

    fn text(&mut self, place: &Place, text: &[u8], depth: usize) {
        for (i, line) in text.split(|byte| *byte == b'\n').enumerate() {
            if self.problems.len() >= limits::CONFIG_PROBLEMS_MAX {
                return;
            }
            let line = trim(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let before = self.config.sentinel.len();
            if let Err((reason, hint)) = self.line(line, depth) {
                let (place, text) = (place.clone(), line.to_vec());
                self.problems.push(Problem { place, line: i.saturating_add(1), text, reason, hint });
            } else if self.config.sentinel.len() > before {
                self.sentinel_lines.push((place.clone(), i.saturating_add(1), line.to_vec()));
            }
        }
    }

    fn line(&mut self, line: &[u8], depth: usize) -> Result<(), (Reason, Option<String>)> {
        let words = quote::split_args(line)
            .ok_or_else(|| (Reason::from("Unbalanced quotes in configuration line"), None))?;
        let Some((name, args)) = words.split_first() else { return Ok(()) };
        if let Some((_, directive)) = table::find(name) {
            let again = self.seen.contains(&directive.name);
            let args = self.args(directive.has(MULTI_ARG), directive.is_file_only(), args)?;
            directive
                .set(&mut self.config, &args, Origin::File { again })
                .map_err(|reason| (reason, None))?;
            if !again {
                self.seen.push(directive.name);
            }
            if directive.name == "dir" {
                self.check_folder().map_err(|reason| (reason, None))?;
            }
            if directive.name == "include"
                && let [path] = args.as_slice()
            {
                self.file(Path::new(&OsString::from_vec(path.clone())), depth.saturating_add(1));
            }
            return Ok(());
        }
        if args.len() == 1 && table::IGNORED.iter().any(|old| old.as_bytes().eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        if name.eq_ignore_ascii_case(b"sentinel") {
            return self.sentinel_line(args);
        }
        Err((BAD_DIRECTIVE.into(), Some(unknown(name))))
    }

    /// Whether the working directory is one, so that the line that names it can be told. The caller enters it.
    fn check_folder(&self) -> Taken {
        let Some(disk) = self.disk else { return Ok(()) };
        match disk.meta(Path::new(&self.config.dir)) {
            Ok(meta) if meta.is_dir => Ok(()),
            Ok(_) => Err("Not a directory".into()),
            Err(error) => Err(os_text(&error).into()),
        }
    }

    /// The words that a directive gets: a single one of a directive that takes several is cut like a line.
    fn args(
        &self,
        multi: bool,
        file_only: bool,
        args: &[Vec<u8>],
    ) -> Result<Vec<Vec<u8>>, (Reason, Option<String>)> {
        match args {
            [one] if multi && !one.is_empty() => quote::split_args(one)
                .ok_or_else(|| (Reason::from("Unbalanced quotes in configuration line"), None)),
            [_] => Ok(args.to_vec()),
            _ if multi || file_only => Ok(args.to_vec()),
            _ => Err((WRONG_NUMBER.into(), None)),
        }
    }

    fn sentinel_line(&mut self, args: &[Vec<u8>]) -> Result<(), (Reason, Option<String>)> {
        if args.is_empty() {
            // The mode itself, which the program has seen before it came here.
            return Ok(());
        }
        if !self.sentinel {
            return Err(("sentinel directive while not in sentinel mode".into(), None));
        }
        self.config.sentinel.push(args.to_vec());
        Ok(())
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.trim_ascii()
}

/// The whole file, unless it has no end in sight: a device, or something that is no configuration.
fn read(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let mut file = disk.open(path, Open::Read)?;
    let mut text = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let len = file.read(&mut chunk)?;
        if len == 0 {
            return Ok(text);
        }
        text.extend_from_slice(chunk.get(..len).unwrap_or_default());
        if text.len() > limits::CONFIG_FILE_MAX {
            return Err(io::Error::other("File too large"));
        }
    }
}

/// What to say about an unknown name.
fn unknown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).into_owned();
    nearest(&name.to_ascii_lowercase()).map_or_else(
        || format!("unknown directive '{name}'"),
        |near| format!("unknown directive '{name}', did you mean '{near}'?"),
    )
}

/// The known name that takes the fewest edits to reach, if it is near enough to be meant.
fn nearest(name: &str) -> Option<&'static str> {
    // Longer ones are no typing errors, and the comparison is quadratic.
    if name.len() > limits::DIRECTIVE_NAME_MAX {
        return None;
    }
    // A third of it may be wrong; of a short one hardly anything would be left.
    let allowed = (name.len() / 3).min(4);
    table::names()
        .map(|(known, _)| (edits(name.as_bytes(), known.as_bytes()), known))
        .min()
        .filter(|(distance, _)| *distance <= allowed)
        .map(|(_, known)| known)
}

/// The edits from one text to another: insertions, deletions, replacements, swaps of neighbours (optimal string
/// alignment).
fn edits(one: &[u8], other: &[u8]) -> usize {
    let mut older: Vec<usize> = Vec::new();
    let mut old: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let replaced = old[j] + usize::from(a != b);
            let mut best = replaced.min(old[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i - 1] == *b && other[j - 1] == *a {
                best = best.min(older[j - 1] + 1);
            }
            row.push(best);
        }
        older = std::mem::replace(&mut old, row);
    }
    old.last().copied().unwrap_or(0)
}

fn is_pattern(path: &[u8]) -> bool {
    path.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The existing paths that a pattern matches, sorted, as glob(3): a `*` does not match a dot in front.
fn expand(pattern: &Path, disk: &dyn Disk) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        if !is_pattern(part.as_bytes()) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let mut deeper = Vec::new();
        for dir in found {
            let here = if dir.as_os_str().is_empty() { Path::new(".") } else { &dir };
            // A folder that cannot be read matches nothing.
            for entry in disk.list(here).unwrap_or_default() {
                let hidden = entry.name.starts_with('.') && !part.as_bytes().starts_with(b".");
                if !hidden && glob::matches(part.as_bytes(), entry.name.as_bytes(), false) {
                    deeper.push(dir.join(entry.name));
                }
            }
        }
        found = deeper;
    }
    found
}

#[cfg(test)]
mod tests;

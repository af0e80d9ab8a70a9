//! The rules of the house that no compiler checks: who may import whom, how long a function may be, where `unsafe` may
//! stand, which calls are banned and what to use instead, and that every command has docs and a test.
//!
//! It reads the sources as text. [`Source`] blanks strings and comments (so that a word in a text is no word of
//! the code) and tells the lines that are tests. Every rule gives messages `file:line: what is wrong, and what to do`.

#![allow(clippy::unwrap_used)] // All of it is test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tarn::engine::spec::{self, Handler, Spec};
use tarn::exec::table;

/// Modules from left to right: one imports only from those to its left, or from one that shares its place.
/// Replies are written from values where they lie, so `resp` stands behind `keyspace`.
const ORDER: &[&[&str]] = &[
    &["base"],
    &["sys"],
    &["types"],
    &["keyspace"],
    &["resp"],
    &["persist", "script", "repl", "sentinel", "cluster"],
    &["engine"],
    &["commands"],
    &["exec"],
    &["net"],
    &["main"],
];

/// Files that may hold `unsafe`. One more needs an argument in its head that safe code does not do.
const UNSAFE: &[&str] = &[
    "src/keyspace/entry.rs",
    "src/keyspace/heap.rs",
    "src/keyspace/object.rs",
    "src/sys/clock.rs",
    "src/sys/crash.rs",
    "src/sys/disk/real.rs",
    "src/sys/memory.rs",
    "src/sys/process.rs",
    "src/sys/signals.rs",
    "src/sys/supervise.rs",
    "src/sys/symbols.rs",
    "src/sys/syslog.rs",
    "src/sys/title.rs",
    "src/types/bits/simd.rs",
    "src/types/block.rs",
    "src/types/hash/field.rs",
    "src/types/hll/simd.rs",
    "src/types/intset.rs",
    "src/types/listpack.rs",
    "src/types/member.rs",
    "src/types/table.rs",
    "src/types/tree.rs",
    "src/types/tree/leaf.rs",
    "src/types/tree/member.rs",
    "src/types/tree/rank.rs",
];

/// Calls that are banned in code that is no test: the words, where they are allowed (prefixes of paths), and why or
/// what to use instead.
const BANNED: &[(&str, &[&str], &str)] = &[
    ("Instant::now", &["src/sys/"], "time comes from cx.now_ms or server.clock (sys::clock)"),
    ("SystemTime::now", &["src/sys/"], "time comes from cx.now_ms or server.clock (sys::clock)"),
    (
        "std::fs",
        &["src/sys/", "src/net/"],
        "files are reached through sys::disk::Disk (net: only its socket's file)",
    ),
    ("tokio::", &["src/net/"], "only net knows of tokio"),
    ("thread::sleep", &["src/sys/"], "wait for the event, or let cron come back"),
    ("process::exit", &["src/sys/"], "ask for it: Request::Exit"),
    ("println!(", &[], "tracing::info! and its sisters, or main's say()"),
    ("eprintln!(", &["src/sys/crash.rs"], "tracing::warn! and its sisters, or main's fail()"),
    (".unwrap()", &[], "give the error back by `?`, or name the default"),
    (".expect(", &[], "give the error back by `?`, or name the default"),
    ("panic!(", &["src/keyspace/"], "a reply error, a typed I/O error, or an assert! about a bug"),
    ("todo!(", &[], "leave the command out of the table until it is whole"),
    ("unimplemented!(", &[], "leave the command out of the table until it is whole"),
];

/// Lines of a file before its tests, and of a function.
const FILE_MAX: usize = 1000;
const FUNCTION_MAX: usize = 70;

/// The ratchet: longer functions, with the length they may not exceed. Shorten one and take it off; add none.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[
    // One line for each directive of the reference.
    ("src/engine/config/fields.rs", "default", 280),
];

/// A file of the repository.
struct Source {
    /// From the repository's root, with `/`.
    path: String,
    text: String,
    /// The text with strings and comments as blanks; of the same length.
    code: String,
    /// Which lines are tests.
    test: Vec<bool>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` but what is built or fetched.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    const SKIPPED: &[&str] = &["target", ".git", "corpus", "artifacts", "coverage", "node_modules"];
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The Rust files below these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    folders.iter().for_each(|f| walk(&root().join(f), &mut paths));
    paths.retain(|p| p.extension().is_some_and(|e| e == "rs"));
    paths.sort();
    let mut all: Vec<Source> = paths.iter().map(|p| Source::read(p)).collect();
    let tests: BTreeSet<String> = all.iter().flat_map(Source::test_files).collect();
    for s in &mut all {
        if s.path.starts_with("tests/") || tests.contains(&s.path) {
            s.test.iter_mut().for_each(|t| *t = true);
        }
    }
    all
}

impl Source {
    fn read(path: &Path) -> Source {
        let text = fs::read_to_string(path).unwrap();
        Source::new(relative(path), text)
    }

    fn new(path: String, text: String) -> Source {
        let code = blank(&text);
        assert_eq!(code.len(), text.len(), "{path}");
        let mut test = vec![false; text.lines().count() + 1];
        for (at, _) in code.match_indices("#[") {
            let attribute = code[at..].split(']').next().unwrap();
            let tests = attribute == "#[test" || attribute.starts_with("#[cfg(") && is_test(attribute);
            if tests {
                let end = item_end(&code, at);
                test[line(&code, at) - 1..line(&code, end)].fill(true);
            }
        }
        Source { path, text, code, test }
    }

    /// Files that a `#[cfg(test)] mod name;` here names.
    fn test_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let folder = match self.path.strip_suffix("/mod.rs").or(self.path.strip_suffix("/lib.rs")) {
            Some(folder) => folder,
            None => self.path.trim_end_matches(".rs"),
        };
        for (i, l) in self.code.lines().enumerate().filter(|(i, _)| self.test[*i]) {
            let _ = i;
            let words: Vec<&str> = l.split_whitespace().collect();
            if let Some(at) = words.iter().position(|w| *w == "mod")
                && let Some(name) = words.get(at + 1).and_then(|w| w.strip_suffix(';'))
            {
                files.push(format!("{folder}/{name}.rs"));
                files.push(format!("{folder}/{name}/mod.rs"));
            }
        }
        files
    }

    /// Places of `word` in code that is no test: line numbers and offsets.
    fn find<'a>(&'a self, word: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.code
            .match_indices(word)
            .map(|(at, _)| (line(&self.code, at), at))
            .filter(|(n, _)| !self.test[n - 1])
    }

    /// As [`Source::find`], tests included, and only whole words.
    fn find_word<'a>(&'a self, word: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        self.code
            .match_indices(word)
            .filter(move |(at, _)| {
                !part(self.code[..*at].chars().next_back())
                    && !part(self.code[at + word.len()..].chars().next())
            })
            .map(|(at, _)| (line(&self.code, at), at))
    }

    /// The top-level module the file belongs to.
    fn module(&self) -> &str {
        let path = self.path.strip_prefix("src/").unwrap_or(&self.path);
        path.split(['/', '.']).next().unwrap()
    }
}

/// Whether a `cfg` attribute asks for tests.
fn is_test(attribute: &str) -> bool {
    let words: Vec<&str> = attribute.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    words.contains(&"test") && !attribute.contains("not(test")
}

/// The line of an offset, from 1.
fn line(text: &str, at: usize) -> usize {
    text[..at].bytes().filter(|b| *b == b'\n').count() + 1
}

/// Where the item behind the attribute at `at` ends: at its `;`, or where its braces close.
fn item_end(code: &str, at: usize) -> usize {
    let mut depth = 0;
    for (i, c) in code[at..].char_indices() {
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => {
                depth -= 1;
                if depth == 0 && c == '}' {
                    return at + i;
                }
            }
            ';' if depth == 0 => return at + i,
            _ => {}
        }
    }
    code.len()
}

/// Strings, characters and comments as blanks, line ends kept.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut i = 0;
    while i < bytes.len() {
        let end = match bytes[i] {
            b'/' if bytes[i..].starts_with(b"//") => until(bytes, i, b"\n"),
            b'/' if bytes[i..].starts_with(b"/*") => comment_end(bytes, i),
            b'r' if !wordy(bytes, i) && raw_string(bytes, i).is_some() => raw_string(bytes, i).unwrap(),
            b'b' if !wordy(bytes, i)
                && bytes.get(i + 1) == Some(&b'r')
                && raw_string(bytes, i + 1).is_some() =>
            {
                raw_string(bytes, i + 1).unwrap()
            }
            b'"' => quoted(bytes, i, b'"'),
            b'\'' if is_char(bytes, i) => quoted(bytes, i, b'\''),
            _ => {
                i += 1;
                continue;
            }
        };
        out[i..end].iter_mut().filter(|b| **b != b'\n').for_each(|b| *b = b' ');
        i = end;
    }
    String::from_utf8(out).unwrap()
}

fn wordy(bytes: &[u8], i: usize) -> bool {
    i > 0 && (bytes[i - 1].is_ascii_alphanumeric() || bytes[i - 1] == b'_')
}

fn until(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    bytes[from..].windows(end.len()).position(|w| w == end).map_or(bytes.len(), |n| from + n)
}

fn comment_end(bytes: &[u8], from: usize) -> usize {
    let (mut depth, mut i) = (0, from);
    while i < bytes.len() {
        if bytes[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if bytes[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    bytes.len()
}

/// Where the raw string that begins with the `r` at `i` ends, if it is one.
fn raw_string(bytes: &[u8], i: usize) -> Option<usize> {
    let hashes = bytes[i + 1..].iter().take_while(|b| **b == b'#').count();
    (bytes.get(i + 1 + hashes) == Some(&b'"')).then(|| {
        let end = [b"\"", &b"#".repeat(hashes)[..]].concat();
        (until(bytes, i + 2 + hashes, &end) + end.len()).min(bytes.len())
    })
}

fn quoted(bytes: &[u8], from: usize, quote: u8) -> usize {
    let mut i = from + 1;
    while i < bytes.len() && bytes[i] != quote {
        i += if bytes[i] == b'\\' { 2 } else { 1 };
    }
    (i + 1).min(bytes.len())
}

/// A character and no lifetime: `'x'`, `'\n'`, `'é'`.
fn is_char(bytes: &[u8], i: usize) -> bool {
    match bytes.get(i + 1) {
        Some(b'\\') => true,
        Some(c) if c.is_ascii() => bytes.get(i + 2) == Some(&b'\''),
        Some(_) => bytes[i + 1..].iter().take(5).any(|b| *b == b'\''),
        None => false,
    }
}

#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn modules_import_only_from_their_left() {
    let rank = |name: &str| ORDER.iter().position(|m| m.contains(&name));
    let mut found = Vec::new();
    for s in sources(&["src"]) {
        let own = s.module();
        let word = if own == "main" { "tarn::" } else { "crate::" };
        if matches!(own, "lib" | "testkit") {
            continue;
        }
        let Some(own_rank) = rank(own) else {
            found.push(format!("{}: module `{own}` has no place in ORDER (tests/tidy.rs)", s.path));
            continue;
        };
        for (n, at) in s.find(word) {
            let rest = &s.code[at + word.len()..];
            let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            let said = match (name, rank(name)) {
                ("", _) => format!("names several modules in one `{word}{{...}}`: one `use` per module"),
                (name, Some(r)) if r > own_rank || r == own_rank && name != own => {
                    format!("`{own}` imports `{name}`, which stands to its right: see ORDER in tests/tidy.rs")
                }
                _ => continue,
            };
            found.push(format!("{}:{n}: {said}", s.path));
        }
    }
    none(&found);
}

#[test]
fn files_and_functions_keep_their_lengths() {
    let mut found = Vec::new();
    let mut still_long = BTreeSet::new();
    for s in sources(&["src", "xtask", "benches", "fuzz"]) {
        let lines = s.text.lines().zip(&s.test).filter(|(_, test)| !**test).count();
        if lines > FILE_MAX {
            found.push(format!(
                "{}: {lines} lines before its tests, {FILE_MAX} at most: make it a folder",
                s.path
            ));
        }
        for (name, n, len) in functions(&s) {
            let listed = LONG_FUNCTIONS.iter().find(|(p, f, _)| *p == s.path && *f == name);
            let most = listed.map_or(FUNCTION_MAX, |l| l.2);
            if len > most {
                found.push(format!("{}:{n}: `{name}` has {len} lines, {most} at most: split it", s.path));
            }
            if len > FUNCTION_MAX {
                still_long.insert((s.path.clone(), name));
            }
        }
    }
    for (path, name, _) in LONG_FUNCTIONS {
        if !still_long.contains(&(path.to_string(), name.to_string())) {
            found.push(format!(
                "{path}: `{name}` is no longer long: take it off LONG_FUNCTIONS (tests/tidy.rs)"
            ));
        }
    }
    none(&found);
}

/// Functions that are no tests: name, line, lines.
fn functions(s: &Source) -> Vec<(String, usize, usize)> {
    let mut all = Vec::new();
    for (n, at) in s.find_word("fn").filter(|(n, _)| !s.test[n - 1]) {
        let rest = &s.code[at + 2..];
        let name: String =
            rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // A type, `fn(..)`, has no name; a declaration ends before its brace.
        if !name.is_empty() {
            let end = item_end(&s.code, at);
            all.push((name, n, line(&s.code, end) - n + 1));
        }
    }
    all
}

#[test]
fn unsafe_code_is_listed_and_argued() {
    let mut found = Vec::new();
    for s in sources(&["src", "tests", "benches", "xtask"]) {
        let lines: Vec<&str> = s.text.lines().collect();
        for (n, at) in s.find_word("unsafe") {
            if !UNSAFE.contains(&s.path.as_str()) {
                found.push(format!(
                    "{}:{n}: `unsafe` in a file that is not on the list in tests/tidy.rs",
                    s.path
                ));
                continue;
            }
            let what = s.code[at + 6..].split_whitespace().next().unwrap_or_default();
            // What a function asks of its callers is clippy's to check; an attribute is argued like a block.
            let argued = matches!(what, "fn" | "trait" | "extern") || above(&lines, n, "SAFETY:");
            if !argued && !s.test[n - 1] {
                found.push(format!("{}:{n}: no SAFETY comment on the lines above", s.path));
            }
        }
    }
    none(&found);
}

/// Whether `word` stands on line `n`, on the one below, or on the comment and attribute lines right above the
/// statement it is in.
fn above(lines: &[&str], n: usize, word: &str) -> bool {
    const STATEMENT_LINES: usize = 5;
    if lines.get(n).is_some_and(|l| l.contains(word)) {
        return true;
    }
    let mut code_lines = 0;
    for l in lines[..n].iter().rev().map(|l| l.trim()) {
        if l.contains(word) {
            return true;
        }
        let aside = l.starts_with("//") || l.starts_with("#[");
        code_lines += !aside as usize;
        if l.is_empty() || code_lines > STATEMENT_LINES {
            return false;
        }
    }
    false
}

#[test]
fn banned_calls_are_not_made() {
    let mut found = Vec::new();
    for s in sources(&["src"]) {
        for (word, allowed, instead) in BANNED {
            if allowed.iter().any(|a| s.path.starts_with(a)) {
                continue;
            }
            for (n, at) in s.find(word) {
                // `println!` is also the end of `eprintln!`.
                if !word.starts_with(['.', ':']) && wordy(s.code.as_bytes(), at) {
                    continue;
                }
                found.push(format!("{}:{n}: `{word}` is banned: {instead}", s.path));
            }
        }
    }
    none(&found);
}

#[test]
fn every_file_opens_with_its_design() {
    let mut found = Vec::new();
    for s in sources(&["src", "tests", "benches", "xtask", "fuzz"]) {
        if !s.text.starts_with("//! ") {
            found.push(format!(
                "{}:1: opens without `//!`: tell what the file holds and why it is so",
                s.path
            ));
        }
    }
    none(&found);
}

#[test]
fn no_leftovers_and_no_hosts() {
    // Written in two halves, so that this file does not hold them.
    let leftovers = [concat!("FIX", "ME"), concat!("XX", "X")];
    let hosts = [
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("deb.", "debian.org"),
        concat!("rust-lang", ".org"),
        concat!("proxy.", "golang.org"),
    ];
    let mut paths = Vec::new();
    walk(&root(), &mut paths);
    let mut found = Vec::new();
    for path in paths.iter().filter(|p| p.file_name().is_some_and(|n| n != "Cargo.lock")) {
        let Ok(text) = fs::read_to_string(path) else { continue };
        for (n, l) in text.lines().enumerate() {
            let name = relative(path);
            for word in leftovers.iter().filter(|w| l.contains(**w)) {
                found.push(format!("{name}:{}: `{word}`: do it, or file it as an issue", n + 1));
            }
            for word in hosts.iter().filter(|w| l.contains(**w)) {
                found.push(format!("{name}:{}: names the host {word}: packages go by name only", n + 1));
            }
        }
    }
    none(&found);
}

/// All specs with their full names: `client list` as the second of `client`.
fn specs() -> Vec<(String, &'static Spec)> {
    let mut all = Vec::new();
    for s in table::FAMILIES.iter().chain(table::SENTINEL_FAMILIES).flat_map(|f| f.iter()) {
        all.push((s.name.to_string(), s));
        all.extend(s.subcommands.iter().map(|sub| (format!("{} {}", s.name, sub.name), sub)));
    }
    all
}

#[test]
fn every_spec_is_whole() {
    let mut found = Vec::new();
    let mut seen = BTreeMap::new();
    for (name, s) in specs() {
        let mut wrong = |what: &str| found.push(format!("{}: {what}", name.to_ascii_uppercase()));
        if seen.insert(name.clone(), ()).is_some() {
            wrong("stands in the table twice");
        }
        if name != name.to_ascii_lowercase() {
            wrong("its name is not in lower case");
        }
        if !s.summary.ends_with('.') || s.summary.len() < 8 {
            wrong("its summary is no sentence");
        }
        if s.since.split('.').filter(|n| n.parse::<u16>().is_ok()).count() != 3 {
            wrong("`since` is no version");
        }
        if s.complexity.is_empty() {
            wrong("no complexity");
        }
        let arguments = s.arity != spec::exactly(if name.contains(' ') { 1 } else { 0 });
        let container = matches!(s.handler, Handler::Container) || !s.subcommands.is_empty();
        // The reference documents no arguments of these, which take some all the same.
        let bare = matches!(name.as_str(), "debug" | "quit" | "replconf");
        if !container && !bare && arguments == s.syntax.is_empty() {
            wrong("its syntax does not go with its arity");
        }
        if s.has(spec::WRITE) && s.has(spec::READONLY) {
            wrong("both write and readonly");
        }
        if matches!(s.handler, Handler::Key(_))
            && s.keys.is_empty()
            && s.find_keys.is_none()
            && s.acl & spec::acl::KEYSPACE == 0
        {
            wrong("a key command without key specs");
        }
    }
    none(&found);
}

#[test]
fn every_command_has_a_test() {
    let mut asked = String::new();
    let mut driven = String::new();
    for s in sources(&["src", "tests"]) {
        let to = if s.path.starts_with("tests/") { &mut driven } else { &mut asked };
        for (l, _) in s.text.lines().zip(&s.test).filter(|(_, test)| **test) {
            to.push_str(&l.to_ascii_lowercase());
            to.push('\n');
        }
    }
    let mut transcripts = Vec::new();
    walk(&root().join("tests/transcripts"), &mut transcripts);
    for path in transcripts {
        asked.push_str(&fs::read_to_string(path).unwrap().to_ascii_lowercase());
    }
    let mut found = Vec::new();
    for (name, s) in specs() {
        // tests/it asks every container for its HELP.
        if matches!(s.handler, Handler::Container) || name.ends_with(" help") {
            continue;
        }
        let called = [format!("> {name}"), format!("\"{name}")].iter().any(|request| {
            asked.match_indices(request).any(|(at, _)| {
                let next = asked[at + request.len()..].chars().next();
                !next.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-')
            })
        });
        if !called && !driven.contains(&format!("\"{name}\"")) {
            let upper = name.to_ascii_uppercase();
            found.push(format!("{upper}: no test asks `> {upper}`: write a transcript beside the command"));
        }
    }
    none(&found);
}

#[test]
fn blanking_keeps_code_and_drops_texts() {
    let text =
        "let a = \"unsafe \\\" x\"; // unsafe\nlet b = r#\"un\"safe\"#; let c = '\"'; fn f<'a>(x: &'a u8) {}";
    let code = blank(text);
    assert!(!code.contains("unsafe") && !code.contains("un\"safe"), "{code}");
    assert!(code.contains("let b = ") && code.contains("fn f<'a>(x: &'a u8) {}"), "{code}");
    let s = Source::new(
        "src/base/x.rs".into(),
        "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\nfn c() {}\n".into(),
    );
    assert_eq!(s.test[..6], [false, true, true, true, true, false]);
    let names: Vec<String> = functions(&s).into_iter().map(|f| f.0).collect();
    assert_eq!(names, ["a", "c"]);
}

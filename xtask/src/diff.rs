//! Transcripts against a reference server: what it answers otherwise than we expect. Reads files of
//! tests/transcripts, and out of Rust files the texts of `check("..")`, `check_plain("..")`, `check_debug("..")` and
//! `check_resp3("..")`.
//! The clock of a real server does not stand still and moves by itself only: `@ +500ms` is waited for, and times to
//! live may differ by what the transcript took.

use std::collections::BTreeMap;
use std::time::Duration;

use tarn::base::quote::split_args;

use crate::peer::{Client, Peer, Value};
use crate::{Result, root};

/// After a request that waits.
const SETTLE: Duration = Duration::from_millis(20);
/// Longer waits end the transcript.
const WAIT_MAX: Duration = Duration::from_secs(3);

pub fn run(program: &str, files: &[&str]) -> Result {
    let paths: Vec<std::path::PathBuf> = if files.is_empty() {
        let folder = root().join("tests/transcripts");
        let entries = std::fs::read_dir(folder).map_err(|e| format!("{e}\n"))?;
        let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
        paths.sort();
        paths
    } else {
        files.iter().map(Into::into).collect()
    };
    let peer = Peer::start(program)?;
    let (mut asked, mut differ) = (0, 0);
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}\n", path.display()))?;
        let is_rust = path.extension().is_some_and(|e| e == "rs");
        let transcripts = if is_rust { in_rust(&text) } else { vec![(1, false, text)] };
        for (line, resp3, transcript) in transcripts {
            let name = format!("{}:{line}", path.display());
            let mut run = Run { peer: &peer, resp3, clients: BTreeMap::new(), asked: 0, differ: 0 };
            if let Err(e) = run.transcript(&name, &transcript) {
                println!("{name}: cut short: {}", e.trim());
            }
            asked += run.asked;
            differ += run.differ;
        }
    }
    println!("{asked} replies of {program} compared, {differ} differ");
    if differ == 0 { Ok(()) } else { Err(String::new()) }
}

/// The transcripts of a Rust file: line, whether in RESP3, text.
fn in_rust(text: &str) -> Vec<(usize, bool, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("check") {
        let rest = &text[at + 5..];
        let resp3 = rest.starts_with("_resp3(");
        let Some(rest) = ["(", "_plain(", "_debug(", "_resp3("].iter().find_map(|p| rest.strip_prefix(p))
        else {
            continue;
        };
        let text_at = rest.trim_start();
        let transcript = match text_at.strip_prefix("r#\"") {
            Some(body) => body.split_once("\"#").map(|(body, _)| body.to_string()),
            None => text_at.strip_prefix('"').and_then(unescaped),
        };
        if let Some(transcript) = transcript {
            found.push((text[..at].lines().count().max(1), resp3, transcript));
        }
    }
    found
}

/// The text of a Rust string up to its closing quote.
fn unescaped(body: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = body.chars().peekable();
    loop {
        match chars.next()? {
            '"' => return Some(out),
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                '0' => out.push('\0'),
                '\n' => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                // Other escapes stand for themselves in what transcripts hold: quotes and backslashes.
                c => out.push(c),
            },
            c => out.push(c),
        }
    }
}

/// One transcript, on a server emptied for it.
struct Run<'a> {
    peer: &'a Peer,
    resp3: bool,
    clients: BTreeMap<String, Client>,
    asked: usize,
    differ: usize,
}

impl Run<'_> {
    fn transcript(&mut self, name: &str, transcript: &str) -> Result {
        self.peer.client()?.ask(&["FLUSHALL"])?;
        let mut waiting: Option<(String, Option<Value>)> = None;
        for (n, line) in transcript.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with("# ") {
                continue;
            }
            if let Some(ms) = line.strip_prefix("@ +").and_then(|l| l.trim_end_matches("ms").parse().ok()) {
                match Duration::from_millis(ms) {
                    wait if wait <= WAIT_MAX => std::thread::sleep(wait),
                    _ => return Err(format!("a wait of {ms} ms")),
                }
                continue;
            }
            let hears = line.split_once("< ").filter(|(c, _)| self.clients.contains_key(*c));
            if let Some((client, reply)) = hears {
                let heard = match self.clients.get_mut(client) {
                    Some(c) => {
                        let silent = reply.trim() == "(none)" && c.hears_nothing()?;
                        if silent { None } else { Some(c.hear()?) }
                    }
                    None => None,
                };
                self.compare(&format!("{name}+{n}"), &format!("{client} hears"), heard, reply);
                continue;
            }
            let asks =
                line.split_once("> ").filter(|(c, _)| c.len() < 8 && c.chars().all(char::is_alphanumeric));
            let Some((client, rest)) = asks else {
                let (asked, heard) = waiting.take().ok_or(format!("line {n}: a reply without a request"))?;
                self.compare(&format!("{name}+{n}"), &asked, heard, line);
                continue;
            };
            let client = if client.is_empty() { "c1" } else { client };
            let (asked, reply) = match rest.split_once(" | ") {
                Some((asked, reply)) => (asked, Some(reply.trim())),
                None => (rest, None),
            };
            let heard = self.ask(client, asked, reply == Some("(none)"))?;
            match reply {
                Some(reply) => self.compare(&format!("{name}+{n}"), asked, heard, reply),
                None => waiting = Some((asked.into(), heard)),
            }
        }
        Ok(())
    }

    fn ask(&mut self, client: &str, asked: &str, silent: bool) -> Result<Option<Value>> {
        if !self.clients.contains_key(client) {
            let mut new = self.peer.client()?;
            if self.resp3 {
                new.ask(&["HELLO", "3"])?;
            }
            self.clients.insert(client.into(), new);
        }
        let Some(client) = self.clients.get_mut(client) else { return Ok(None) };
        let words = split_args(asked.as_bytes()).ok_or(format!("quotes that do not match: {asked}"))?;
        client.send(&words)?;
        if silent {
            // It waits before anybody else's next request comes.
            std::thread::sleep(SETTLE);
            return Ok(None);
        }
        client.hear().map(Some)
    }

    fn compare(&mut self, place: &str, asked: &str, heard: Option<Value>, reply: &str) {
        self.asked += 1;
        let heard = heard.map_or("(none)".into(), |v| v.show());
        if reply != "*" && heard.trim_end() != reply {
            self.differ += 1;
            println!("{place}: {asked}\n  expected {reply}\n  heard    {heard}");
        }
    }
}

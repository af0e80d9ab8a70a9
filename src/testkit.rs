//! Transcripts: what clients say and hear, in process, on an executor with a clock that stands still.
//!
//! ```text
//! > SET k v          | +OK          request and the reply expected; or the reply in the lines that follow
//! > GET k
//! "v"
//! c2> GET k          | "v"          another client
//! c2> BLPOP l 0      | (none)       it waits
//! c2< [ "l" "a" ]                   what it hears later, reply by reply; c2< (none) = nothing (more)
//! @ +1500ms                         the clock moves, and what is due is done
//! # a comment
//! ```
//! A reply is written as redis-cli would, on one line: `+OK`, `:3`, `"bulk"`, `nil`, `-ERR text`, `[ "a" :1 ]`, `{ "k" "v" }`
//! (a map), `~[ ]` (a set), `,1.5` (a double), `#t`; `*` alone matches any reply. Requests are split and unquoted like
//! inline requests, and sent as arrays.
//!
//! [`check`] runs a transcript plainly and then again under every amplifier: RESP3 (types that differ are folded onto
//! their RESP2 forms before comparing, and how pairs are nested is not compared), requests cut into single bytes, a
//! client's requests as one pipeline, the propagated stream replayed into a second executor and, as an append-only file,
//! loaded by a third, whose data sets must be equal, and with collections that leave their small encodings at once and at four elements (the order of what a reply
//! holds is not compared then), and with all data written as an RDB file and read again after every change.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::num::NumBuf;
use crate::base::quote::{repr, split_args};
use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::saving::field_expiry;
use crate::engine::server::Server;
use crate::engine::session::{Closing, Due, Peer};
use crate::engine::spec::{Handler, MAY_REPLICATE, READONLY};
use crate::engine::stream::takers;
use crate::engine::table::CommandTable;
use crate::exec::{Exec, table};
use crate::keyspace::{Db, EntryRef, ExpiryRule};
use crate::persist::aof::folder::Folder;
use crate::persist::aof::writer::{Settings, Writer};
use crate::persist::rdb::save::{Contents, to_bytes};
use crate::persist::rdb::{Item, Reader};
use crate::resp::Output;
use crate::sys::clock::{Clock, ManualClock};
use crate::sys::disk::MemoryDisk;

/// The moment at which transcripts begin, ms of Unix time.
pub const START_MS: u64 = 1_700_000_000_000;

/// How a transcript is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amplifier {
    Plain,
    Resp3,
    ByteByByte,
    Pipelined,
    Replayed,
    /// Collections leave their small encodings at once.
    Large,
    /// They leave them at four elements.
    Small4,
    /// After every change all data is written as an RDB file and read again.
    Reloaded,
}

impl Amplifier {
    fn configure(self, c: &mut Config) {
        let most = match self {
            Amplifier::Large => 0,
            Amplifier::Small4 => 4,
            _ => return,
        };
        c.hash_max_listpack_entries = most;
        c.set_max_intset_entries = most;
        c.set_max_listpack_entries = most;
        c.zset_max_listpack_entries = most;
        c.list_max_listpack_size = most.max(1) as i64;
        c.list_compress_depth = 1;
        c.stream_node_max_entries = most.max(1);
    }

    /// A reply as it is compared under this amplifier.
    fn fold(self, reply: &str) -> String {
        match self {
            Amplifier::Resp3 => folded(reply),
            // The order of a set's members and of a hash's fields is that of their encoding.
            Amplifier::Large | Amplifier::Small4 => {
                let mut words: Vec<&str> = reply.split(' ').collect();
                words.sort_unstable();
                words.join(" ")
            }
            _ => reply.into(),
        }
    }

    /// Whether the reply to a request is another one under this amplifier.
    fn differs(self, words: &[Vec<u8>]) -> bool {
        let name = String::from_utf8_lossy(words.first().map_or(b"", |w| w)).to_ascii_lowercase();
        let tells = ["object", "debug", "memory"].contains(&&name[..]) || name.ends_with("scan");
        tells && matches!(self, Amplifier::Large | Amplifier::Small4)
    }
}

/// One step of a transcript.
enum Step<'a> {
    /// The clock moves by this many ms.
    Advance(u64),
    /// A client hears this without asking: what it waited for, or what is sent to it.
    Hear { client: &'a str, reply: &'a str },
    /// A client asks, and hears this reply.
    Ask { client: &'a str, asked: &'a str, words: Vec<Vec<u8>>, reply: &'a str },
}

/// An executor with clients, for tests.
pub struct Kit {
    pub exec: Exec,
    pub clock: ManualClock,
    clients: Vec<(String, usize)>,
    /// What clients have heard and no line of the transcript has asked for yet.
    unasked: BTreeMap<String, Vec<String>>,
    resp3: bool,
    bytewise: bool,
    /// Compares the data set before and after a request that must not change it.
    watchful: bool,
    /// Writes and reads all data after every request that has changed any.
    reloads: bool,
}

/// Beyond this many keys the data set is not compared at every request.
const WATCHED_KEYS_MAX: usize = 200;

impl Kit {
    /// An executor with this configuration.
    pub fn new(config: Config) -> Kit {
        Kit::with(config, table::commands())
    }

    /// A Sentinel with these `sentinel` lines, whose configuration is a file in memory.
    pub fn sentinel(lines: &[&str]) -> Kit {
        let words = |line: &&str| split_args(line.as_bytes()).expect("quotes that match");
        let config = Config { port: 26379, sentinel: lines.iter().map(words).collect(), ..Config::default() };
        let mut kit = Kit::with(config, table::sentinel_commands());
        kit.exec.server.config_file = Some("/sentinel.conf".into());
        kit.exec.server.become_sentinel(1).expect("lines that are right");
        if let Some(machine) = &mut kit.exec.server.sentinel {
            machine.begin(START_MS as i64);
        }
        kit.exec.settle_sentinel();
        kit
    }

    fn with(config: Config, commands: CommandTable) -> Kit {
        let clock = ManualClock::new(START_MS);
        let server = Server::new(config, commands, Clock::Manual(clock.clone()), Rng::new(1));
        Kit {
            exec: Exec::new(server),
            clock,
            clients: Vec::new(),
            unasked: BTreeMap::new(),
            resp3: false,
            bytewise: false,
            watchful: false,
            reloads: false,
        }
    }

    /// The client of this name, made at its first use.
    pub fn client(&mut self, name: &str) -> usize {
        if let Some((_, slot)) = self.clients.iter().find(|(n, _)| n == name) {
            return *slot;
        }
        let peer = Peer {
            addr: format!("127.0.0.1:{}", 50000 + self.clients.len()),
            laddr: "127.0.0.1:6379".into(),
            local: true,
            ..Peer::default()
        };
        let slot = self.exec.connect(peer);
        self.exec.server.client(slot).resp3 = self.resp3;
        self.clients.push((name.into(), slot));
        slot
    }

    /// Sends raw bytes as a client and gives what comes back.
    pub fn raw(&mut self, name: &str, bytes: &[u8]) -> Vec<u8> {
        let slot = self.client(name);
        let pieces: Vec<&[u8]> = if self.bytewise { bytes.chunks(1).collect() } else { vec![bytes] };
        let mut out = Vec::new();
        for piece in pieces {
            let mut input = std::mem::take(&mut self.exec.server.client(slot).input);
            input.extend_from_slice(piece);
            self.exec.received(slot, piece.len());
            let (used, _) = self.exec.feed(slot, &mut input);
            input.drain(..used);
            self.exec.server.client(slot).input = input;
            self.settle();
            out.extend(self.heard(name));
        }
        out
    }

    /// A client goes; its name makes a new one.
    pub fn leave(&mut self, slot: usize) {
        self.exec.disconnect(slot);
        self.clients.retain(|(_, s)| *s != slot);
    }

    /// Clients that are closed go.
    pub fn bury(&mut self) {
        for (_, slot) in self.clients.clone() {
            if self.exec.server.client(slot).closing != Closing::No {
                self.leave(slot);
            }
        }
    }

    /// Lets clients go on that were woken.
    pub fn settle(&mut self) {
        self.exec.end_turn();
        while let Some(slot) = self.exec.server.wake.pop() {
            let mut input = std::mem::take(&mut self.exec.server.client(slot).input);
            let (used, _) = self.exec.feed(slot, &mut input);
            input.drain(..used);
            self.exec.server.client(slot).input = input;
        }
    }

    /// What was sent to a client since it was last asked.
    pub fn heard(&mut self, name: &str) -> Vec<u8> {
        let slot = self.client(name);
        self.exec.server.flush.retain(|&s| s != slot);
        let session = self.exec.server.client(slot);
        session.due = Due::No;
        session.output.take_bytes()
    }

    /// Runs one request of words and gives its reply, as written in transcripts.
    pub fn run(&mut self, name: &str, words: &[Vec<u8>]) -> String {
        self.ask(name, words).join(" ")
    }

    /// Runs one request of words and gives all that the client hears, reply by reply.
    fn ask(&mut self, name: &str, words: &[Vec<u8>]) -> Vec<String> {
        let before = (self.watchful && self.exec.server.keys() <= WATCHED_KEYS_MAX).then(|| self.contents());
        let dirty = self.exec.server.dirty;
        let heard = replies(&self.raw(name, &request(words)));
        if self.reloads && self.exec.server.dirty != dirty && self.exec.server.keys() <= WATCHED_KEYS_MAX {
            self.check_reload();
        }
        let reply = heard.first().map_or("", |r| r);
        let found = words.first().and_then(|w| self.exec.server.commands.find(w));
        let spec = found.map(|c| {
            self.exec.server.commands.find_sub(c, words.get(1).map_or(b"", |w| w)).unwrap_or(c).spec
        });
        let reads = spec.is_some_and(|s| s.has(READONLY) && !s.has(MAY_REPLICATE));
        let keeps = reply.starts_with('-') || reads;
        if let (Some(before), Some(spec), true) = (before, spec, keeps)
            && !matches!(spec.handler, Handler::Nested(_))
        {
            assert_eq!(before, self.contents(), "{}: {reply}, but the data set has changed", spec.name);
        }
        heard
    }

    /// Of what a client has heard and no line has asked for, the replies that a line expects: as many as it holds.
    fn next_heard(&mut self, client: &str, expected: &str, fold: &dyn Fn(&str) -> String) -> String {
        let unasked = self.unasked.entry(client.into()).or_default();
        let most = unasked.len();
        let fits = |n: &usize| same(&unasked[..*n].join(" "), expected, fold);
        let n = (most.min(1)..=most).find(fits).unwrap_or(most);
        unasked.drain(..n).collect::<Vec<_>>().join(" ")
    }

    /// Keeps what a client has heard for the lines that ask for it.
    fn keep_heard(&mut self, client: &str, heard: Vec<String>) {
        self.unasked.entry(client.into()).or_default().extend(heard);
    }

    /// Moves the clock and does what is due.
    pub fn advance(&mut self, ms: u64) {
        self.clock.advance_ms(ms);
        for _ in 0..100_000 {
            let due = self.exec.tick();
            self.settle();
            if due > self.exec.server.clock.now_ms() as i64 {
                return;
            }
        }
        panic!("the executor never comes to rest");
    }

    /// All keys and values, for comparing two executors: the words of `DEBUG DIGEST` come with that command.
    pub fn contents(&mut self) -> Vec<String> {
        let now_ms = self.exec.server.clock.now_ms() as i64;
        self.exec.server.dbs.iter_mut().for_each(|db| db.now_ms = now_ms);
        contents_of(&self.exec.server.dbs)
    }

    /// All data comes back from an RDB file.
    fn check_reload(&mut self) {
        let server = &self.exec.server;
        let contents = Contents { dbs: &server.dbs, fields: &[], functions: &[] };
        let bytes = to_bytes(&contents, &server.rdb_target(field_expiry(&server.config)));
        let mut loaded: Vec<Db> = (0..server.dbs.len() as u32).map(|i| Db::new(i, Rng::new(1))).collect();
        let mut reader = Reader::new(&bytes[..], server.rdb_rules(None));
        let mut at = 0;
        loop {
            match reader.next_item().expect("what was just written") {
                Item::SelectDb(db) => at = db as usize,
                Item::Key(key) => {
                    loaded[at].insert_loaded(key.entry, key.idle, key.frequency);
                }
                Item::End { .. } => break,
                _ => {}
            }
        }
        let now_ms = self.exec.server.clock.now_ms() as i64;
        loaded.iter_mut().for_each(|db| db.now_ms = now_ms);
        assert_eq!(self.contents(), contents_of(&loaded), "an RDB file gives another data set");
    }
}

/// All keys and values of some databases, as text.
fn contents_of(dbs: &[Db]) -> Vec<String> {
    let mut all = Vec::new();
    for db in dbs {
        for e in db.table().iter().filter(|e| !db.is_dead(*e)) {
            let value = value_text(e);
            let key = String::from_utf8_lossy(&repr(e.key())).into_owned();
            all.push(format!("{} {key} {} {value} {:?}", db.id, e.type_name(), e.expiry()));
        }
    }
    all.sort();
    all
}

/// A request as a client library sends it.
fn request(words: &[Vec<u8>]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for w in words {
        request.extend(format!("${}\r\n", w.len()).bytes());
        request.extend(w);
        request.extend(b"\r\n");
    }
    request
}

/// All replies in `bytes`, as transcripts write them.
fn replies(bytes: &[u8]) -> Vec<String> {
    let mut at = 0;
    let mut shown = Vec::new();
    while at < bytes.len() {
        shown.push(show(bytes, &mut at));
    }
    shown
}

/// Writes the reply at `at` as transcripts do.
fn show(bytes: &[u8], at: &mut usize) -> String {
    let line = |at: &mut usize| {
        let end = bytes[*at..].windows(2).position(|w| w == b"\r\n").expect("a whole line") + *at;
        let text = String::from_utf8_lossy(&bytes[*at..end]).into_owned();
        *at = end + 2;
        text
    };
    let kind = bytes[*at];
    let head = line(at);
    let body = head[1..].to_string();
    match kind {
        b'$' | b'=' if body != "-1" => {
            let n: usize = body.parse().expect("a length");
            let from = if kind == b'=' { *at + 4 } else { *at };
            let text = repr(&bytes[from..*at + n]);
            assert_eq!(&bytes[*at + n..*at + n + 2], b"\r\n", "a string ends its line");
            *at += n + 2;
            String::from_utf8_lossy(&text).into_owned()
        }
        b'_' => "nil".into(),
        b'$' | b'*' if body == "-1" => "nil".into(),
        b'*' | b'~' | b'>' | b'%' => {
            let n: usize = body.parse().expect("a count");
            let n = if kind == b'%' { 2 * n } else { n };
            let items: Vec<String> = (0..n).map(|_| show(bytes, at)).collect();
            let (open, close) = match kind {
                b'%' => ("{", "}"),
                b'~' => ("~[", "]"),
                b'>' => (">[", "]"),
                _ => ("[", "]"),
            };
            if items.is_empty() {
                format!("{open} {close}")
            } else {
                format!("{open} {} {close}", items.join(" "))
            }
        }
        _ => head,
    }
}

/// A RESP3 reply as RESP2 would have it.
fn folded(reply: &str) -> String {
    reply
        .split(' ')
        .filter(|w| !["[", "~[", ">[", "{", "}", "]"].contains(w))
        .map(|w| match w {
            "#t" => ":1".into(),
            "#f" => ":0".into(),
            _ if w.starts_with(',') => format!("\"{}\"", &w[1..]),
            _ => w.into(),
        })
        .collect::<Vec<String>>()
        .join(" ")
}

/// Runs a transcript under every amplifier. See the head of this file.
#[track_caller]
pub fn check(transcript: &str) {
    check_with(transcript, |_| {});
}

/// As [`check`], with another configuration.
#[track_caller]
pub fn check_with(transcript: &str, configure: impl Fn(&mut Config)) {
    use Amplifier::*;
    for amplifier in [Plain, Resp3, ByteByByte, Pipelined, Replayed, Large, Small4, Reloaded] {
        play(transcript, amplifier, &configure);
    }
}

/// Runs a transcript once, in RESP2 and without amplifiers: for replies whose form matters.
#[track_caller]
pub fn check_plain(transcript: &str) {
    play(transcript, Amplifier::Plain, &|_: &mut Config| {});
}

/// As [`check_plain`], with DEBUG allowed.
#[track_caller]
pub fn check_debug(transcript: &str) {
    use crate::engine::config::values::Protected;
    play(transcript, Amplifier::Plain, &|c: &mut Config| c.enable_debug_command = Protected::Yes);
}

/// Runs a transcript once, on a Sentinel with these lines. What its machine wants done is done after each request.
#[track_caller]
pub fn check_sentinel(lines: &[&str], transcript: &str) -> Kit {
    let mut kit = Kit::sentinel(lines);
    for step in steps(transcript) {
        run_steps(&[step], &mut kit, Amplifier::Plain, "Sentinel");
        kit.exec.settle_sentinel();
    }
    kit
}

/// A value as text.
pub fn value_text(e: EntryRef<'_>) -> String {
    // As bytes: whether an integer is stored as one may differ (INCRBYFLOAT, APPEND).
    match e.string() {
        Some(s) => String::from_utf8_lossy(&repr(s.bytes(&mut NumBuf::new()))).into_owned(),
        None => elements(e),
    }
}

/// A collection's elements as text, sorted where their order is no part of it, and what else there is to it.
fn elements(e: EntryRef<'_>) -> String {
    let collection = e.any().expect("a collection");
    assert!(
        !collection.is_empty() || collection.may_be_empty(),
        "an empty {} is left",
        collection.type_name()
    );
    let mut all = Vec::new();
    collection.visit(&mut |parts| {
        let parts = parts.iter().map(|p| String::from_utf8_lossy(&repr(p)).into_owned());
        all.push(parts.collect::<Vec<_>>().join("="));
    });
    assert_eq!(all.len(), collection.len(), "a {} counts its elements wrong", collection.type_name());
    if !collection.ordered() {
        all.sort();
    }
    collection.visit_state(&mut |state| all.push(state.into()));
    all.join(" ")
}

/// Runs a transcript once, in RESP3, comparing types as they are.
#[track_caller]
pub fn check_resp3(transcript: &str) {
    let mut kit = Kit::new(Config::default());
    kit.resp3 = true;
    run_steps(&steps(transcript), &mut kit, Amplifier::Plain, "RESP3");
}

#[track_caller]
fn play(transcript: &str, amplifier: Amplifier, configure: &impl Fn(&mut Config)) {
    let mut config = Config::default();
    amplifier.configure(&mut config);
    configure(&mut config);
    let mut kit = Kit::new(config.clone());
    kit.resp3 = amplifier == Amplifier::Resp3;
    kit.bytewise = amplifier == Amplifier::ByteByByte;
    kit.watchful = amplifier == Amplifier::Plain;
    kit.reloads = amplifier == Amplifier::Reloaded;
    if amplifier == Amplifier::Replayed {
        kit.exec.server.take_stream(takers::TEST, true);
    }
    match amplifier {
        Amplifier::Pipelined => run_pipelined(&steps(transcript), &mut kit),
        _ => run_steps(&steps(transcript), &mut kit, amplifier, &format!("{amplifier:?}")),
    }
    if amplifier == Amplifier::Replayed {
        replay(kit, config);
    }
}

/// The propagated stream, written as an append-only file and loaded, must give the same data set.
#[track_caller]
fn load_logged(kit: &mut Kit, stream: &[u8], config: Config) {
    let disk = Arc::new(MemoryDisk::new());
    let folder = Folder::at(disk.clone(), &config.appenddirname, &config.appendfilename);
    folder.create().expect("a disk in memory");
    let mut writer = Writer::new(folder, Settings { annotate: true, ..Settings::default() });
    writer.open_last(0).expect("a disk in memory");
    writer.append(stream, stream.len() as u64);
    writer.flush(kit.exec.server.clock.now_ms());
    let mut third = Kit::new(Config { appendonly: true, ..config });
    third.clock.set_wall_ms(kit.exec.server.clock.now_ms());
    third.exec.server.outside.disk = disk;
    assert!(third.exec.start_with_log(), "it cannot be loaded:\n{}", String::from_utf8_lossy(stream));
    let text = String::from_utf8_lossy(stream);
    assert_eq!(kit.contents(), third.contents(), "loaded from a log it is another data set:\n{text}");
}

/// The propagated stream, run by a second executor, must give the same data set.
#[track_caller]
fn replay(mut kit: Kit, config: Config) {
    let stream = kit.exec.server.stream.take_bytes();
    load_logged(&mut kit, &stream, config.clone());
    let mut second = Kit::new(config);
    second.clock.set_wall_ms(kit.exec.server.clock.now_ms());
    second.exec.server.config.requirepass = Default::default();
    // As on a replica: the primary says when a key is over.
    second.exec.server.set_expiry_rule(ExpiryRule::Ignore);
    let answers = String::from_utf8_lossy(&second.raw("primary", &stream)).into_owned();
    second.exec.server.set_expiry_rule(ExpiryRule::Remove);
    assert!(
        !answers.contains("\r\n-") && !answers.starts_with('-'),
        "the stream holds a command that fails: {answers}\n{}",
        String::from_utf8_lossy(&stream)
    );
    assert_eq!(
        kit.contents(),
        second.contents(),
        "replaying the stream gives another data set:\n{}",
        String::from_utf8_lossy(&stream)
    );
}

/// Whether a line's first word names a client.
fn is_client(word: &str) -> bool {
    (1..8).contains(&word.len()) && word.chars().all(char::is_alphanumeric)
}

/// Reads a transcript.
#[track_caller]
fn steps(transcript: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut waiting: Option<(&str, &str)> = None;
    for (n, line) in transcript.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some(moved) = line.strip_prefix("@ +") {
            steps.push(Step::Advance(moved.trim_end_matches("ms").parse().expect("@ +<n>ms")));
            continue;
        }
        let heard = line.split_once("< ").filter(|(c, _)| is_client(c));
        if let Some((client, reply)) = heard {
            assert!(waiting.is_none(), "line {n}: no reply given for {waiting:?}");
            steps.push(Step::Hear { client, reply: reply.trim() });
            continue;
        }
        let request = line.split_once("> ").filter(|(c, _)| c.is_empty() || is_client(c));
        let (request, reply) = match request {
            Some((client, rest)) => {
                assert!(waiting.is_none(), "line {n}: no reply given for {waiting:?}");
                let client = if client.is_empty() { "c1" } else { client };
                match rest.split_once(" | ") {
                    Some((asked, reply)) => ((client, asked), reply.trim()),
                    None => {
                        waiting = Some((client, rest));
                        continue;
                    }
                }
            }
            None => match waiting.take() {
                Some(request) => (request, line),
                None => panic!("line {}: a reply without a request", n + 1),
            },
        };
        let words = split_args(request.1.as_bytes()).expect("quotes that match");
        steps.push(Step::Ask { client: request.0, asked: request.1, words, reply });
    }
    assert!(waiting.is_none(), "no reply given for {waiting:?}");
    steps
}

#[track_caller]
fn run_steps(steps: &[Step<'_>], kit: &mut Kit, amplifier: Amplifier, how: &str) {
    let fold = |s: &str| amplifier.fold(s);
    for step in steps {
        match step {
            Step::Advance(ms) => kit.advance(*ms),
            Step::Hear { client, reply } => hear(kit, client, reply, &fold, how),
            Step::Ask { client, words, .. } if amplifier.differs(words) => {
                kit.run(client, words);
            }
            Step::Ask { client, asked, words, reply } => {
                let heard = kit.ask(client, words);
                kit.keep_heard(client, heard);
                expect(kit, client, asked, reply, &fold, how);
            }
        }
    }
}

/// Sends what one client asks in a row as one pipeline. A request without a reply (it blocks) ends one.
#[track_caller]
fn run_pipelined(steps: &[Step<'_>], kit: &mut Kit) {
    let together = |a: &Step<'_>, b: &Step<'_>| match (a, b) {
        (Step::Ask { client: a, reply, .. }, Step::Ask { client: b, reply: next, .. }) => {
            a == b && *reply != "(none)" && *next != "(none)"
        }
        _ => false,
    };
    let fold = |s: &str| s.to_string();
    for group in steps.chunk_by(together) {
        let mut input = Vec::new();
        let mut asks = Vec::new();
        for step in group {
            match step {
                Step::Advance(ms) => kit.advance(*ms),
                Step::Hear { client, reply } => hear(kit, client, reply, &fold, "Pipelined"),
                Step::Ask { client, asked, words, reply } => {
                    input.extend(request(words));
                    asks.push((*client, *asked, *reply));
                }
            }
        }
        let Some((client, ..)) = asks.first() else { continue };
        let heard = replies(&kit.raw(client, &input));
        kit.keep_heard(client, heard);
        for (client, asked, reply) in asks {
            expect(kit, client, asked, reply, &fold, "Pipelined");
        }
    }
}

/// What a client has heard meanwhile.
#[track_caller]
fn hear(kit: &mut Kit, client: &str, reply: &str, fold: &dyn Fn(&str) -> String, how: &str) {
    let heard = replies(&kit.heard(client));
    kit.keep_heard(client, heard);
    expect(kit, client, &format!("{client} hears"), reply, fold, how);
}

/// The next that a client has heard is this.
#[track_caller]
fn expect(kit: &mut Kit, client: &str, asked: &str, reply: &str, fold: &dyn Fn(&str) -> String, how: &str) {
    let heard = match reply {
        // All that there is: nothing.
        "(none)" => kit.unasked.remove(client).unwrap_or_default().join(" "),
        _ => kit.next_heard(client, reply, fold),
    };
    let same = same(&heard, reply, fold);
    assert!(same, "{how}: {asked}\n  expected {reply}\n  heard    {heard}");
}

/// Whether what was heard is what a line expects.
fn same(heard: &str, reply: &str, fold: &dyn Fn(&str) -> String) -> bool {
    // A line of a transcript has no blanks at its end; an error may have one.
    let (heard, reply) = (heard.trim_end(), reply.trim_end());
    match reply {
        "*" => !heard.is_empty(),
        "(none)" => heard.is_empty(),
        _ => fold(heard) == fold(reply),
    }
}

/// An output's bytes, for tests of writers.
pub fn bytes_of(mut out: Output) -> Vec<u8> {
    out.take_bytes()
}

/// The longer transcripts, in files: each is checked under every amplifier.
#[test]
fn files_of_transcripts() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "txt"));
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        println!("{}", path.display());
        check(&std::fs::read_to_string(path).unwrap());
    }
}

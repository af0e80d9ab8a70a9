//! Random commands of the data families to two servers side by side: every reply must be equal, and so must the
//! keyspace events of every command, and the data after each round. Arguments come from the commands' own syntax lines, so a new command takes part by itself.
//!
//! What a reply leaves open is compared as such: the order of a set's members and of a hash's fields, times to live by a
//! tolerance. What draws by chance ([`LEFT_OUT`]) is not asked.

mod stream;

use std::time::{Duration, Instant};

use tarn::base::quote::repr;
use tarn::base::rng::Rng;
use tarn::engine::spec::{Group, Handler, Spec};
use tarn::engine::syntax::{self, Argument, Kind};
use tarn::exec::table;

use crate::Result;
use crate::peer::{Client, Peer, Value};

/// Commands that draw by chance, wait, reach beyond a database, or tell how a server is built.
const LEFT_OUT: &[&str] = &[
    "spop",
    "srandmember",
    "hrandfield",
    "zrandmember",
    "randomkey",
    "scan",
    "sscan",
    "hscan",
    "zscan",
    "wait",
    "waitaof",
    "flushall",
    "swapdb",
    "move",
    "dbsize",
    "object",
    "pfselftest",
    "pfdebug",
    "lolwut",
    "migrate",
    "dump",
    "restore",
    "restore-asking",
    "keys",
    "xdelex",
    "xackdel",
];
/// Differences that are explained, by command and word: BITOP's newer operations and what XADD and XTRIM do with
/// references are Redis 8.2's, which Valkey 9.1 does not know; of members whose scores differ, ranges by text are open; an index beyond 32 bits the reference cuts to them,
/// and so changes another element than was asked for.
const EXPLAINED: &[(&str, &str)] = &[
    ("bitop", "DIFF"),
    ("bitop", "DIFF1"),
    ("bitop", "ANDOR"),
    ("bitop", "ONE"),
    ("zrange", "BYLEX"),
    ("zrangestore", "BYLEX"),
    ("zrangebylex", ""),
    ("zrevrangebylex", ""),
    ("zlexcount", ""),
    ("zremrangebylex", ""),
    ("lset", "9223372036854775807"),
    ("lset", "-9223372036854775808"),
    ("xadd", "KEEPREF"),
    ("xadd", "DELREF"),
    ("xadd", "ACKED"),
    ("xtrim", "KEEPREF"),
    ("xtrim", "DELREF"),
    ("xtrim", "ACKED"),
];
/// Replies whose order the commands leave open.
const UNORDERED: &[&str] =
    &["smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals", "hgetall", "sort", "sort_ro"];
/// Replies that are times: equal within [`TOLERANCE`].
const TIMES: &[&str] =
    &["ttl", "pttl", "httl", "hpttl", "expiretime", "pexpiretime", "hexpiretime", "hpexpiretime"];
const TOLERANCE: i64 = 2000;
/// Commands between two comparisons of all data.
const ROUND: usize = 200;
/// Differences told; the run goes on to count them.
const TOLD_MAX: usize = 40;

const KEYS: &[&str] = &[
    "h1", "h2", "l1", "l2", "s1", "s2", "s3", "z1", "z2", "z3", "k1", "k2", "g1", "p1", "p2", "x1", "x2",
    "none",
];
const TEXTS: &[&str] = &[
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "aa",
    "ab",
    "1",
    "2",
    "3",
    "-7",
    "12345",
    "70000",
    "5000000000",
    "9223372036854775807",
    "01",
    "",
    "hello world",
    "3.5",
    "\u{0}\r\n\u{ff}",
    "a value of more than sixty-four bytes, so that it fits no listpack of the defaults 123456789",
];
const NUMBERS: &[&str] = &["0", "1", "2", "3", "-1", "-2", "5", "10", "-100", "100", "4", "7"];
const ODD_NUMBERS: &[&str] =
    &["9223372036854775807", "-9223372036854775808", "9223372036854775808", "x", "", "1.5", " 1"];
const FLOATS: &[&str] =
    &["0", "1", "2", "-1", "1.5", "3.25", "-0", "10", "1e3", "0.1", "inf", "-inf", "2.5", "100"];
const SCORE_BOUNDS: &[&str] = &["-inf", "+inf", "(1", "1", "(2.5", "0", "3", "10", "(-1", "-1", "5", "(100"];
const LEX_BOUNDS: &[&str] = &["-", "+", "[a", "(a", "[c", "(e", "[aa", "[1"];
const PATTERNS: &[&str] = &["*", "a*", "?", "[a-c]*", "*_*", "w_*->f", "nosort"];

/// Draws arguments.
struct Draw {
    rng: Rng,
    ids: stream::Ids,
}

impl Draw {
    fn one_in(&mut self, n: u64) -> bool {
        self.rng.below(n) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.rng.below(from.len() as u64) as usize]
    }

    /// The key of a command: mostly of its own family.
    fn key(&mut self, group: Group) -> &'static str {
        let initial = match group {
            Group::Hash => "h",
            Group::List => "l",
            Group::Set => "s",
            Group::SortedSet => "z",
            Group::Geo => "g",
            Group::Hyperloglog => "p",
            Group::String | Group::Bitmap => "k",
            Group::Stream => "x",
            _ => "",
        };
        let own: Vec<&'static str> = KEYS.iter().copied().filter(|k| k.starts_with(initial)).collect();
        if self.one_in(25) { self.pick(KEYS) } else { self.pick(&own) }
    }

    fn request(&mut self, &(container, spec): &Drawn) -> Vec<Vec<u8>> {
        let names = container.iter().chain([&spec.name]);
        let mut words: Vec<Vec<u8>> = names.map(|name| name.as_bytes().to_vec()).collect();
        let arguments = syntax::parse(spec.name, spec.syntax, spec.keys.len());
        self.arguments(spec, &arguments, &mut words);
        words
    }

    fn arguments(&mut self, spec: &Spec, arguments: &[Argument], words: &mut Vec<Vec<u8>>) {
        let mut counted = None;
        for a in arguments {
            if a.optional && !self.one_in(3) {
                continue;
            }
            let n = match counted.take() {
                Some(n) if a.multiple => n,
                _ if a.multiple => 1 + self.rng.below(4),
                _ => 1,
            };
            for i in 0..n {
                if let Some(token) = &a.token
                    && (i == 0 || a.multiple_token)
                {
                    // Ids by the clock are others on either side.
                    let by_clock = token == "*";
                    let token = if by_clock { self.ids.new_id(&mut self.rng) } else { token.clone() };
                    words.push(token.into_bytes());
                }
                if a.name.starts_with("num") && a.kind == Kind::Integer {
                    let n = 1 + self.rng.below(3);
                    counted = Some(n);
                    words.push(if self.one_in(30) { "0".into() } else { n.to_string().into_bytes() });
                } else {
                    self.argument(spec, a, words);
                }
            }
            if spec.group == Group::Stream && a.kind == Kind::Key && a.multiple && !self.one_in(30) {
                // As many ids as keys.
                counted = Some(n);
            }
        }
    }

    fn argument(&mut self, spec: &Spec, a: &Argument, words: &mut Vec<Vec<u8>>) {
        match a.kind {
            Kind::PureToken => {}
            Kind::OneOf => {
                let child = &a.children[self.rng.below(a.children.len() as u64) as usize];
                self.arguments(spec, std::slice::from_ref(child), words);
            }
            Kind::Block => self.arguments(spec, &a.children, words),
            Kind::Key => words.push(self.key(spec.group).into()),
            kind => {
                let word = self.value(spec, a, kind);
                words.push(word);
            }
        }
    }

    fn value(&mut self, spec: &Spec, a: &Argument, kind: Kind) -> Vec<u8> {
        let name = a.name.as_str();
        let lex = spec.name.contains("lex");
        if spec.group == Group::Stream
            && let Some(text) = stream::value(&mut self.ids, &mut self.rng, spec.name, name)
        {
            return text.into_bytes();
        }
        let text = match (kind, name) {
            (_, "seconds") => self.pick(&["1000", "5000", "100", "-1", "0", "x"]).to_string(),
            (_, "milliseconds") => {
                self.pick(&["1000000", "500000", "-1", "0", "9223372036854775807"]).to_string()
            }
            (_, "timeout") => self.pick(&["0.01", "0.001", "-1", "x"]).to_string(),
            (Kind::UnixTime, _) | (_, "unix-time-seconds" | "unix-time-milliseconds") => {
                let ms = name.contains("milli");
                self.pick(if ms { &["4000000000000", "1"] } else { &["4000000000", "1"] }).to_string()
            }
            (_, "min" | "max" | "start" | "stop") if lex || self.is_range(spec, 4) => {
                self.pick(LEX_BOUNDS).into()
            }
            (Kind::Double, "min" | "max") => self.pick(SCORE_BOUNDS).into(),
            (Kind::String, "start" | "stop") => {
                let from = if self.one_in(2) { NUMBERS } else { SCORE_BOUNDS };
                self.pick(from).into()
            }
            (_, "longitude") => self.pick(&["13.361389", "15.087269", "2.35", "-122.4", "181", "0"]).into(),
            (_, "latitude") => self.pick(&["38.115556", "37.502669", "48.85", "37.77", "86", "0"]).into(),
            (_, "radius" | "width" | "height") => self.pick(&["200", "100", "5000", "0", "-1"]).into(),
            (_, "offset") if spec.group == Group::Bitmap => {
                self.pick(&["0", "7", "100", "1000", "-1"]).into()
            }
            (_, "offset") if spec.group == Group::String => self.pick(&["0", "3", "20", "-1"]).into(),
            (_, "encoding") => self.pick(&["u8", "i5", "u63", "i64", "u1", "u64"]).into(),
            (Kind::Integer, _) if self.one_in(25) => self.pick(ODD_NUMBERS).into(),
            (Kind::Integer, _) => self.pick(NUMBERS).into(),
            (Kind::Double, _) if self.one_in(30) => self.pick(&["nan", "x", ""]).into(),
            (Kind::Double, _) => self.pick(FLOATS).into(),
            (Kind::Pattern, _) => self.pick(PATTERNS).into(),
            (_, "value") if spec.group == Group::String && self.one_in(2) => self.pick(NUMBERS).into(),
            _ if self.one_in(200) => "x".repeat(9000),
            _ => self.pick(TEXTS).into(),
        };
        text.into_bytes()
    }

    /// ZRANGE and its like with bounds of the third kind, now and then.
    fn is_range(&mut self, spec: &Spec, n: u64) -> bool {
        matches!(spec.name, "zrange" | "zrangestore") && self.one_in(n)
    }
}

/// Both servers.
struct Pair {
    peers: [Peer; 2],
    clients: Vec<[Client; 2]>,
    /// Who hears all events, and a last message behind them.
    listeners: [Client; 2],
    /// Events compared.
    heard: u64,
}

/// The message behind the events of a command.
const LAST: &str = "PUBLISH last message";

impl Pair {
    fn ask(&mut self, who: usize, words: &[Vec<u8>]) -> Result<[Value; 2]> {
        let [a, b] = &mut self.clients[who];
        a.send(words)?;
        b.send(words)?;
        let a = a.hear().map_err(|e| format!("the first server: {e}"))?;
        Ok([a, b.hear().map_err(|e| format!("the second server: {e}"))?])
    }

    fn ask_text(&mut self, request: &str) -> Result<[Value; 2]> {
        let words: Vec<Vec<u8>> = request.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        self.ask(0, &words)
    }

    /// The events of the last command. When the time of a key comes is another matter.
    fn events(&mut self) -> Result<[String; 2]> {
        self.ask_text(LAST)?;
        let mut both = [String::new(), String::new()];
        for (listener, text) in self.listeners.iter_mut().zip(&mut both) {
            loop {
                let heard = listener.hear()?;
                let [_, _, channel, key] = heard.items() else { continue };
                match channel.text().split_once(':') {
                    None if channel.text() == "last" => break,
                    Some((_, "expired" | "hexpired")) => {}
                    _ => {
                        self.heard += 1;
                        text.push_str(&format!("{} {} ", channel.text(), key.show()));
                    }
                }
            }
        }
        Ok(both)
    }

    /// Every key's type, encoding and content.
    fn contents(&mut self) -> Result<Vec<(String, [String; 2])>> {
        let mut all = Vec::new();
        for key in KEYS {
            let types = self.ask_text(&format!("TYPE {key}"))?;
            let read = match types[0].text().as_str() {
                "string" => format!("GET {key}"),
                "list" => format!("LRANGE {key} 0 -1"),
                "set" => format!("SMEMBERS {key}"),
                "hash" => format!("HGETALL {key}"),
                "zset" => format!("ZRANGE {key} 0 -1 WITHSCORES"),
                "stream" => format!("XINFO STREAM {key} FULL COUNT 0"),
                _ => format!("EXISTS {key}"),
            };
            let unordered = read.starts_with("SM") || read.starts_with("HG");
            all.push((format!("TYPE {key}"), types.map(|v| v.show())));
            let values = self.ask_text(&read)?;
            let timed = read.starts_with("XINFO");
            let text = |v: &Value| if timed { stream::timeless(v) } else { shown(v, unordered) };
            all.push((read, [text(&values[0]), text(&values[1])]));
            let encoding = format!("OBJECT ENCODING {key}");
            all.push((encoding.clone(), self.ask_text(&encoding)?.map(|v| v.show())));
            let expires = format!("EXPIRETIME {key}");
            let at = self.ask_text(&expires)?.map(|v| v.text().parse::<i64>().unwrap_or(0) / 10);
            all.push((expires, at.map(|t| t.to_string())));
        }
        Ok(all)
    }
}

/// A reply as text; sorted where its order is open.
fn shown(v: &Value, unordered: bool) -> String {
    match v {
        Value::Many(kind, items) if unordered => {
            let pairs = *kind == b'%';
            let mut items: Vec<String> = items
                .chunks(1 + pairs as usize)
                .map(|c| c.iter().map(Value::show).collect::<Vec<_>>().join("="))
                .collect();
            items.sort();
            format!("{} {}", *kind as char, items.join(" "))
        }
        v => v.show(),
    }
}

/// Whether two replies to `name` are the same as far as the command promises.
fn same(name: &str, [a, b]: &[Value; 2]) -> bool {
    if a == b {
        return true;
    }
    if TIMES.contains(&name) {
        let close = |a: &Value, b: &Value| match (a.text().parse::<i64>(), b.text().parse::<i64>()) {
            (Ok(a), Ok(b)) => (a - b).abs() <= TOLERANCE && (a < 0) == (b < 0),
            _ => a == b,
        };
        let (x, y) = (a.items(), b.items());
        let all_close = x.len() == y.len() && x.iter().zip(y).all(|(a, b)| close(a, b));
        return if x.is_empty() { close(a, b) } else { all_close };
    }
    UNORDERED.contains(&name) && shown(a, true) == shown(b, true)
}

/// Whether both are the same words in any order: what SORT misses, it misses in the order of a set.
fn same_words(both: &[String; 2]) -> bool {
    let [a, b] = both.each_ref().map(|text| {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        words
    });
    a == b
}

/// A command, with the container that it is a subcommand of.
type Drawn = (Option<&'static str>, &'static Spec);

fn specs() -> Vec<Drawn> {
    let data = [
        Group::Hash,
        Group::List,
        Group::Set,
        Group::SortedSet,
        Group::Geo,
        Group::Hyperloglog,
        Group::String,
        Group::Bitmap,
        Group::Stream,
        Group::Generic,
    ];
    let all = table::FAMILIES.iter().flat_map(|f| f.iter());
    let mut drawn = Vec::new();
    for spec in all.filter(|s| data.contains(&s.group) && !LEFT_OUT.contains(&s.name)) {
        match spec.handler {
            // HELP is in our own words.
            Handler::Container => drawn.extend(
                spec.subcommands
                    .iter()
                    .filter(|sub| sub.name != "help")
                    .flat_map(|sub| (0..stream::weight(sub.name)).map(move |_| (Some(spec.name), sub))),
            ),
            _ => drawn.extend((0..stream::weight(spec.name)).map(|_| (None, spec))),
        }
    }
    drawn
}

/// `--random SECONDS [--seed N] [--only NAME,NAME]`: our binary beside `program`.
pub fn run(program: &str, words: &[&str]) -> Result {
    let value = |name: &str| words.iter().position(|w| *w == name).and_then(|i| words.get(i + 1)).copied();
    let number = |name: &str, default: u64| {
        value(name).map_or(Ok(default), |v| v.parse().map_err(|e| format!("{name}: {e}\n")))
    };
    let seconds = number("--random", 60)?;
    let seed = number("--seed", 1)?;
    let ours = crate::root().join("target/release/tarn");
    let ours = if ours.exists() { ours } else { crate::root().join("target/debug/tarn") };
    let peers = [Peer::start(&ours.to_string_lossy())?, Peer::start(program)?];
    let listeners = [peers[0].client()?, peers[1].client()?];
    let mut pair = Pair { peers, clients: Vec::new(), listeners, heard: 0 };
    pair.listeners.iter_mut().try_for_each(|c| c.ask(&["PSUBSCRIBE", "*"]).map(drop))?;
    for resp3 in [false, true] {
        let mut both = [pair.peers[0].client()?, pair.peers[1].client()?];
        if resp3 {
            both.iter_mut().try_for_each(|c| c.ask(&["HELLO", "3"]).map(drop))?;
        }
        pair.clients.push(both);
    }
    let mut specs = specs();
    if let Some(only) = value("--only") {
        specs.retain(|(container, s)| only.split(',').any(|o| container.unwrap_or(s.name).starts_with(o)));
    }
    compare(&mut pair, &specs, seed, Duration::from_secs(seconds))
}

fn compare(pair: &mut Pair, specs: &[Drawn], seed: u64, time: Duration) -> Result {
    let from = Instant::now();
    let mut draw = Draw { rng: Rng::new(seed), ids: stream::Ids::default() };
    let (mut asked, mut differ, mut rounds) = (0u64, 0usize, 0u64);
    let mut history: Vec<String> = Vec::new();
    let mut tell = |what: &str, [a, b]: [String; 2], history: &[String]| {
        differ += 1;
        if differ <= TOLD_MAX {
            println!("{what}\n  ours      {}\n  reference {}", cut(&a), cut(&b));
            if what.starts_with("TYPE") || what.starts_with("OBJECT") {
                history.iter().rev().take(12).rev().for_each(|h| println!("    after {h}"));
            }
        }
    };
    while from.elapsed() < time {
        rounds += 1;
        history.clear();
        pair.ask_text("FLUSHALL")?;
        pair.ask_text("CONFIG SET notify-keyspace-events EAmn")?;
        limits(pair, &mut draw)?;
        draw.ids.restart();
        for _ in 0..ROUND {
            let drawn = specs[draw.rng.below(specs.len() as u64) as usize];
            let words = draw.request(&drawn);
            let (container, spec) = drawn;
            let known = |(name, word): &(&str, &str)| {
                spec.name == *name && (word.is_empty() || words[1..].iter().any(|w| w == word.as_bytes()))
            };
            if EXPLAINED.iter().any(known) {
                continue;
            }
            let shown = |w: &Vec<u8>| cut(&String::from_utf8_lossy(&repr(w)));
            let line = words.iter().map(shown).collect::<Vec<_>>().join(" ");
            history.push(line.clone());
            let who = draw.rng.below(2) as usize;
            let replies = pair.ask(who, &words).map_err(|e| format!("{line}: {e}"))?;
            asked += 1;
            let name = container.unwrap_or(spec.name);
            if !same(name, &replies) && !stream::same(name, &replies) {
                tell(&line, replies.map(|v| v.show()), &history);
            }
            let events = pair.events()?;
            if events[0] != events[1] && !(UNORDERED.contains(&name) && same_words(&events)) {
                tell(&format!("events of {line}"), events, &history);
            }
        }
        for (what, values) in pair.contents()? {
            if values[0] != values[1] {
                tell(&what, values, &history);
            }
        }
    }
    println!(
        "{asked} random commands in {rounds} rounds, seed {seed}, {} events: {differ} differences",
        pair.heard
    );
    if differ == 0 { Ok(()) } else { Err(String::new()) }
}

/// Other limits of the small encodings for every round.
fn limits(pair: &mut Pair, draw: &mut Draw) -> Result {
    for name in [
        "hash-max-listpack-entries",
        "set-max-intset-entries",
        "set-max-listpack-entries",
        "zset-max-listpack-entries",
    ] {
        let most = draw.pick(&["0", "2", "4", "128", "512"]);
        pair.ask_text(&format!("CONFIG SET {name} {most}"))?;
    }
    let size = draw.pick(&["-2", "-1", "1", "2", "4", "16"]);
    pair.ask_text(&format!("CONFIG SET list-max-listpack-size {size}"))?;
    let entries = draw.pick(&["100", "1", "2", "5", "0"]);
    let bytes = draw.pick(&["4096", "60", "300", "0"]);
    pair.ask_text(&format!("CONFIG SET stream-node-max-entries {entries} stream-node-max-bytes {bytes}"))?;
    let depth = draw.pick(&["0", "0", "1", "2"]);
    pair.ask_text(&format!("CONFIG SET list-compress-depth {depth}"))?;
    Ok(())
}

/// Long texts are shown as their beginning and length.
fn cut(text: &str) -> String {
    const SHOWN: usize = 300;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}... ({} bytes)", &text[..at], text.len()),
        None => text.replace(['\r', '\n', '\0'], "."),
    }
}

//! The arguments of a command as a tree, read from the one line that documents them, so that COMMAND DOCS, and with it
//! the completion and hints of valkey-cli, needs no second description.
//!
//! ```text
//! key value                two arguments
//! [GET]  [EX seconds]      optional: a word by itself; a word with its value
//! NX|XX|IFEQ comparison    one of several
//! key [key ...]            one or more; a group of several is repeated as a whole
//! (a b)                    groups where the line alone would be read otherwise; not shown
//! ```
//! Words without a lower-case letter are written as they are (tokens); others stand for a value, whose type their name
//! tells. The line is ambiguous in places (`A b|C d e` may end behind `C d`): what matters is that [`render`] gives
//! the same line again, as valkey-cli does, which a test checks for every command.

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Key,
    String,
    Integer,
    Double,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl Kind {
    /// As COMMAND DOCS names it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Key => "key",
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }
}

/// An argument or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// In lower case.
    pub name: String,
    pub kind: Kind,
    /// The word written before the value, or instead of one.
    pub token: Option<String>,
    pub optional: bool,
    pub multiple: bool,
    /// Repeated with its token.
    pub multiple_token: bool,
    /// Of a key: which of the key specs it belongs to.
    pub key_spec: Option<usize>,
    /// Of `OneOf` and `Block`.
    pub children: Vec<Argument>,
}

impl Argument {
    fn new(name: &str, kind: Kind) -> Argument {
        Argument {
            name: name.to_ascii_lowercase(),
            kind,
            token: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            key_spec: None,
            children: Vec::new(),
        }
    }

    fn pure(word: &str) -> Argument {
        Argument { token: Some(word.to_string()), ..Argument::new(word, Kind::PureToken) }
    }

    /// Several as one; a single one as it is.
    fn group(mut children: Vec<Argument>, kind: Kind) -> Argument {
        if children.len() == 1 {
            return children.remove(0);
        }
        let name = match kind {
            Kind::OneOf => "choice".to_string(),
            _ => children.first().map_or("block", |c| &c.name).to_string() + "-block",
        };
        Argument { children, ..Argument::new(&name, kind) }
    }

    /// With a token before it.
    fn with_token(mut self, word: &str) -> Argument {
        if self.token.is_some() || self.optional {
            self = Argument { children: vec![self], ..Argument::new(word, Kind::Block) };
        }
        self.token = Some(word.to_string());
        self
    }
}

/// A piece of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Word(String),
    /// `[...]`.
    Optional(Vec<Piece>),
    /// `(...)`.
    Group(Vec<Piece>),
    Bar,
    Dots,
}

impl Piece {
    /// A word written as it is.
    fn token(&self) -> Option<&str> {
        match self {
            Piece::Word(w) if !w.bytes().any(|b| b.is_ascii_lowercase()) => Some(w),
            _ => None,
        }
    }

    /// A word that stands for a value.
    fn value(&self) -> Option<&str> {
        match self {
            Piece::Word(w) if self.token().is_none() => Some(w),
            _ => None,
        }
    }

    /// `[... ...]`: what stands before is repeated.
    fn repeats(&self) -> bool {
        matches!(self, Piece::Optional(inner) if inner.last() == Some(&Piece::Dots))
    }
}

/// Reads the line of a command. `keys` is the number of its key specs.
pub fn parse(command: &str, line: &str, keys: usize) -> Vec<Argument> {
    let mut at = 0;
    let pieces = cut(line.as_bytes(), &mut at);
    let mut arguments = alternatives(&pieces, false);
    let mut seen = Vec::new();
    number_keys(&mut arguments, keys, &mut seen);
    EXCEPTIONS
        .iter()
        .filter(|(_, commands, _)| commands.contains(&command))
        .for_each(|(name, _, kind)| set_kind(&mut arguments, name, *kind));
    arguments
}

/// Values of another type than their name tells elsewhere: name, commands, type.
const EXCEPTIONS: &[(&str, &[&str], Kind)] = &[
    ("value", &["bitfield", "setbit"], Kind::Integer),
    ("increment", &["hincrbyfloat", "incrbyfloat"], Kind::Double),
    ("timeout", &["client|pause", "cluster|setslot", "migrate", "wait", "waitaof"], Kind::Integer),
    ("min", &["zcount", "zrangebyscore", "zremrangebyscore", "zrevrangebyscore"], Kind::Double),
    ("max", &["zcount", "zrangebyscore", "zremrangebyscore", "zrevrangebyscore"], Kind::Double),
    ("start", &["xautoclaim", "xpending", "xrange", "xrevrange", "zrange"], Kind::String),
    ("end", &["xpending", "xrange", "xrevrange"], Kind::String),
    ("stop", &["zrange"], Kind::String),
    ("min-idle-time", &["xautoclaim", "xclaim"], Kind::String),
    ("unix-time-seconds", &["hexpireat"], Kind::Integer),
    ("unix-time-milliseconds", &["hpexpireat"], Kind::Integer),
];

fn set_kind(arguments: &mut [Argument], name: &str, kind: Kind) {
    for a in arguments {
        if a.name == name && a.children.is_empty() && a.kind != Kind::PureToken {
            a.kind = kind;
        }
        set_kind(&mut a.children, name, kind);
    }
}

/// The line of a tree, as valkey-cli shows it.
pub fn render(arguments: &[Argument]) -> String {
    join(arguments, " ")
}

fn join(arguments: &[Argument], between: &str) -> String {
    arguments.iter().map(shown).collect::<Vec<String>>().join(between)
}

fn shown(a: &Argument) -> String {
    let value = match a.kind {
        Kind::PureToken => String::new(),
        Kind::OneOf => join(&a.children, "|"),
        Kind::Block => join(&a.children, " "),
        _ => a.name.clone(),
    };
    let token = a.token.as_deref().unwrap_or_default();
    let blank = if token.is_empty() || value.is_empty() { "" } else { " " };
    let mut text = format!("{token}{blank}{value}");
    if a.multiple {
        let again = if a.multiple_token { text.clone() } else { value };
        text.push_str(&format!(" [{again} ...]"));
    }
    if a.optional { format!("[{text}]") } else { text }
}

/// Cuts a line into pieces, up to a closing bracket.
fn cut(line: &[u8], at: &mut usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    while let Some(&b) = line.get(*at) {
        *at += 1;
        match b {
            b' ' => {}
            b'[' => pieces.push(Piece::Optional(cut(line, at))),
            b'(' => pieces.push(Piece::Group(cut(line, at))),
            b']' | b')' => break,
            b'|' => pieces.push(Piece::Bar),
            _ => {
                let rest = &line[*at - 1..];
                let end = rest.iter().position(|b| b" []()|".contains(b)).unwrap_or(rest.len());
                *at += end - 1;
                let word = String::from_utf8_lossy(&rest[..end]).into_owned();
                pieces.push(if word == "..." { Piece::Dots } else { Piece::Word(word) });
            }
        }
    }
    pieces
}

/// Reads pieces with bars among them. `enclosed`: they are the inside of brackets.
fn alternatives(pieces: &[Piece], enclosed: bool) -> Vec<Argument> {
    let mut parts: Vec<&[Piece]> = pieces.split(|p| *p == Piece::Bar).collect();
    if parts.len() == 1 {
        return sequence(pieces);
    }
    let mut out = Vec::new();
    let mut choice: Vec<Argument> = Vec::new();
    // Whether a token of an alternative takes the values behind it.
    let mut wide = false;
    let last = parts.len() - 1;
    for (i, part) in parts.iter_mut().enumerate() {
        if choice.is_empty() {
            let from = first_alternative(part);
            wide = part.len() - from > 1 || enclosed && out.is_empty() && from == 0;
            out.extend(sequence_before_choice(&part[..from]));
            choice.push(Argument::group(sequence(&part[from..]), Kind::Block));
            continue;
        }
        let to = alternative_end(part, wide, i == last);
        choice.push(Argument::group(sequence(&part[..to]), Kind::Block));
        let rest = &part[to..];
        if rest.is_empty() && i != last {
            continue;
        }
        add_choice(&mut out, std::mem::take(&mut choice));
        if i == last {
            let rest = with_repetition(&mut out, rest);
            out.extend(rest);
        } else {
            // The rest is the beginning of the next choice.
            let from = first_alternative(rest);
            wide = rest.len() - from > 1;
            out.extend(sequence_before_choice(&rest[..from]));
            choice.push(Argument::group(sequence(&rest[from..]), Kind::Block));
        }
    }
    out
}

/// A choice takes a token that stands right before it.
fn add_choice(out: &mut Vec<Argument>, choice: Vec<Argument>) {
    let choice = Argument::group(choice, Kind::OneOf);
    match out.last() {
        Some(a) if a.kind == Kind::PureToken && !a.optional && !a.multiple => {
            let word = out.pop().and_then(|a| a.token).unwrap_or_default();
            out.push(choice.with_token(&word));
        }
        _ => out.push(choice),
    }
}

/// What stands before a choice, its last token by itself.
fn sequence_before_choice(pieces: &[Piece]) -> Vec<Argument> {
    match pieces.split_last() {
        Some((last, before)) if last.token().is_some() => {
            let mut out = sequence(before);
            out.extend(last.token().map(Argument::pure));
            out
        }
        _ => sequence(pieces),
    }
}

/// Where the first alternative begins in the part before the first bar: at the last token if only values follow it,
/// else at the last piece.
fn first_alternative(part: &[Piece]) -> usize {
    let values = part.iter().rev().take_while(|p| p.value().is_some()).count();
    let before = part.len() - values;
    match part.get(before.wrapping_sub(1)) {
        Some(p) if p.token().is_some() => before - 1,
        _ => part.len().saturating_sub(1),
    }
}

/// Where an alternative ends that begins a part: behind a token's values if tokens take them; a part in the middle
/// is then one alternative as a whole.
fn alternative_end(part: &[Piece], wide: bool, last: bool) -> usize {
    match part.first() {
        Some(p) if p.token().is_some() && wide => {
            let values = part[1..].iter().take_while(|p| p.value().is_some()).count();
            let end = 1 + values;
            if last || end == part.len() { end } else { part.len() }
        }
        None => 0,
        Some(_) if wide && !last => part.len(),
        Some(_) => 1,
    }
}

/// Reads pieces one after another.
fn sequence(pieces: &[Piece]) -> Vec<Argument> {
    let mut out = Vec::new();
    let mut i = 0;
    while let Some(piece) = pieces.get(i) {
        i += 1;
        if let Some(word) = piece.token() {
            let values = |from: usize| pieces[from..].iter().take_while(|p| p.value().is_some()).count();
            let mut to = i + values(i);
            // A repetition of the values belongs to them, and what follows it; one of token and values does not.
            let own = |p: &Piece| matches!(p, Piece::Optional(inner) if inner[0].value().is_some());
            while to > i && pieces.get(to).is_some_and(|p| p.repeats() && own(p)) {
                to += 1 + values(to + 1);
            }
            let inner = sequence(&pieces[i..to]);
            i = to;
            out.push(match inner.len() {
                0 => Argument::pure(word),
                _ => Argument::group(inner, Kind::Block).with_token(word),
            });
            continue;
        }
        match piece {
            Piece::Word(w) => out.push(Argument::new(w, kind_of(w))),
            Piece::Optional(_) if piece.repeats() => {
                let rest = with_repetition(&mut out, std::slice::from_ref(piece));
                out.extend(rest);
            }
            Piece::Optional(inner) => {
                let mut a = Argument::group(alternatives(inner, true), Kind::Block);
                if a.optional {
                    a = Argument { children: vec![a], ..Argument::new("block", Kind::Block) };
                }
                a.optional = true;
                out.push(a);
            }
            Piece::Group(inner) => out.push(Argument::group(alternatives(inner, true), Kind::Block)),
            Piece::Bar | Piece::Dots => {}
        }
    }
    out
}

/// Marks the end of `out` as repeated if `pieces` begin with its repetition; reads the rest.
fn with_repetition(out: &mut Vec<Argument>, pieces: &[Piece]) -> Vec<Argument> {
    let Some((Piece::Optional(inner), rest)) = pieces.split_first().filter(|(p, _)| p.repeats()) else {
        return sequence(pieces);
    };
    let again = render(&alternatives(&inner[..inner.len() - 1], true));
    for n in 1..=out.len() {
        let from = out.len() - n;
        if let [one] = &mut out[from..] {
            let whole = shown(one);
            let token = one.token.clone().map(|t| t + " ").unwrap_or_default();
            if again == whole || whole.strip_prefix(&token) == Some(&again) {
                one.multiple = true;
                one.multiple_token = !token.is_empty() && again == whole;
                return sequence(rest);
            }
        } else if render(&out[from..]) == again {
            let mut block = Argument::group(out.split_off(from), Kind::Block);
            block.multiple = true;
            out.push(block);
            return sequence(rest);
        }
    }
    // The last alternatives of a choice can come again: they are a choice of their own.
    if let Some(choice) = out.last_mut().filter(|a| a.kind == Kind::OneOf && a.token.is_none()) {
        let all = choice.children.len();
        if let Some(from) = (1..all).find(|&from| join(&choice.children[from..], "|") == again) {
            let mut inner = Argument::group(choice.children.split_off(from), Kind::OneOf);
            inner.multiple = true;
            choice.children.push(inner);
            return sequence(rest);
        }
    }
    // Repeats nothing that is known: an optional group that can come again.
    let mut group = Argument::group(alternatives(&inner[..inner.len() - 1], true), Kind::Block);
    (group.optional, group.multiple) = (true, true);
    let mut all = vec![group];
    all.extend(sequence(rest));
    all
}

/// The type that the name of a value tells.
fn kind_of(name: &str) -> Kind {
    match name {
        "key" | "key1" | "key2" | "newkey" | "source" | "destination" | "sourcekey" | "destkey" | "src"
        | "dst" => Kind::Key,
        "pattern" | "match-pattern" => Kind::Pattern,
        "unix-time-seconds" | "unix-time-milliseconds" => Kind::UnixTime,
        "height" | "latitude" | "longitude" | "radius" | "score" | "timeout" | "width" => Kind::Double,
        "bit" | "bits" | "client-id" | "cluster-bus-port" | "config-epoch" | "count" | "current-epoch"
        | "cursor" | "db" | "decrement" | "destination-db" | "end" | "end-slot" | "entries-added"
        | "entries-read" | "frequency" | "idle" | "increment" | "index" | "index1" | "index2" | "len"
        | "limit" | "maxage" | "milliseconds" | "min-idle-time" | "min-match-len" | "ms"
        | "not-client-id" | "not-db" | "num-matches" | "num-vertices" | "numfields" | "numkeys"
        | "numlocal" | "numreplicas" | "offset" | "port" | "protover" | "quorum" | "rank" | "seconds"
        | "slot" | "start" | "start-slot" | "stop" | "ttl" | "version" | "weight" => Kind::Integer,
        _ => Kind::String,
    }
}

/// Tells key arguments which key spec they belong to: in order, each name once.
fn number_keys(arguments: &mut [Argument], keys: usize, seen: &mut Vec<String>) {
    for a in arguments {
        if a.kind == Kind::Key {
            if keys == 0 {
                a.kind = Kind::String;
                continue;
            }
            let known = seen.iter().position(|s| *s == a.name);
            let n = known.unwrap_or_else(|| {
                seen.push(a.name.clone());
                seen.len() - 1
            });
            a.key_spec = Some(n.min(keys - 1));
        }
        number_keys(&mut a.children, keys, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_were() {
        for line in [
            "key value",
            "key [key ...]",
            "key value [key value ...]",
            "key value [NX|XX|IFEQ comparison-value] [GET] [EX seconds|PX milliseconds|KEEPTTL]",
            "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA] [STORE destination]",
            "key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]",
            "key longitude latitude radius M|KM|FT|MI [WITHCOORD] [COUNT count [ANY]] [STORE key|STOREDIST key]",
            "key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field value ...]",
            "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
            "host port key|\"\" destination-db timeout [AUTH password|AUTH2 username password] [KEYS key [key ...]]",
            "script numkeys [key [key ...]] [arg [arg ...]]",
            "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]",
            "[FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]",
            "[[NOSAVE|SAVE] [NOW] [FORCE] [SAFE] [FAILOVER]|ABORT]",
            "source destination LEFT|RIGHT LEFT|RIGHT",
            "key BEFORE|AFTER pivot element",
            "AND|OR|XOR|NOT destkey key [key ...]",
            "key [GET encoding offset|[OVERFLOW WRAP|SAT|FAIL] SET encoding offset value|INCRBY encoding offset increment [GET encoding offset|[OVERFLOW WRAP|SAT|FAIL] SET encoding offset value|INCRBY encoding offset increment ...]]",
            "ip:port|[ID client-id [client-id ...]]|[TYPE NORMAL|PUBSUB]|[SKIPME YES|NO] [[ID client-id [client-id ...]]|[TYPE NORMAL|PUBSUB]|[SKIPME YES|NO] ...]",
        ] {
            assert_eq!(render(&parse("x", line, 1)), line);
        }
    }

    #[test]
    fn trees() {
        let a = parse("x", "key value [NX|XX|IFEQ comparison-value] [EX seconds|KEEPTTL]", 1);
        assert_eq!((a[0].kind, a[0].key_spec), (Kind::Key, Some(0)));
        assert_eq!((a[1].kind, a[2].kind, a[2].optional), (Kind::String, Kind::OneOf, true));
        let [nx, _, ifeq] = &a[2].children[..] else { panic!("{:?}", a[2]) };
        assert_eq!((nx.name.as_str(), nx.kind, nx.token.as_deref()), ("nx", Kind::PureToken, Some("NX")));
        assert_eq!((ifeq.name.as_str(), ifeq.token.as_deref()), ("comparison-value", Some("IFEQ")));
        assert_eq!(a[3].children[0].kind, Kind::Integer);

        let a = parse(
            "x",
            "score member [score member ...] [LIMIT offset count] [GET pattern [GET pattern ...]]",
            0,
        );
        assert_eq!((a[0].kind, a[0].multiple, a[0].children.len()), (Kind::Block, true, 2));
        assert_eq!((a[1].kind, a[1].token.as_deref(), a[1].children.len()), (Kind::Block, Some("LIMIT"), 2));
        assert_eq!((a[2].kind, a[2].multiple, a[2].multiple_token), (Kind::Pattern, true, true));

        let a = parse("x", "[FILTERBY MODULE module-name|ACLCAT category]", 0);
        assert_eq!((a[0].kind, a[0].token.as_deref(), a[0].optional), (Kind::OneOf, Some("FILTERBY"), true));

        let a = parse("x", "source destination [DB destination-db]", 2);
        assert_eq!((a[0].key_spec, a[1].key_spec), (Some(0), Some(1)));
        assert_eq!(parse("x", "(host port)|(NO ONE)", 0)[0].children[1].children.len(), 2);
    }
}

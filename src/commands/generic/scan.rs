//! Over all keys of a database: KEYS, SCAN, RANDOMKEY. A key whose time has come is shown by none of them,
//! but for RANDOMKEY when there may be no other.

use crate::base::{glob, num};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::{Output, Reply};

pub const RANDOMKEY: Spec = Spec::key("randomkey", randomkey)
    .arity(exactly(0))
    .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
    .acl(acl::KEYSPACE)
    .since("1.0.0")
    .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"])
    .summary("Returns the name of a random key.");

fn randomkey(cx: &mut KeyCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match cx.db.sample_live() {
        Some(pos) => out.bulk(cx.db.at(pos).key()),
        None => out.null(),
    }
    Ok(())
}

pub const KEYS: Spec = Spec::key("keys", keys)
    .arity(exactly(1))
    .flags(READONLY)
    .acl(acl::KEYSPACE | acl::DANGEROUS)
    .syntax("pattern")
    .since("1.0.0")
    .complexity("O(N) for the N keys of the database.")
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
    .summary("Returns the names of all keys that match a pattern.");

fn keys(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let pattern = Pattern::new(args.bytes_arg()?);
    let (list, mut n) = (out.open_array(), 0);
    let db = &*cx.db;
    db.table().for_each(|e| {
        if pattern.matches(e.key()) && !db.is_dead(e) {
            out.bulk(e.key());
            n += 1;
        }
    });
    out.close(list, n);
    Ok(())
}

/// A glob pattern, or all.
enum Pattern<'a> {
    All,
    Glob(&'a [u8]),
}

impl<'a> Pattern<'a> {
    fn new(pattern: &'a [u8]) -> Pattern<'a> {
        if pattern == b"*" { Pattern::All } else { Pattern::Glob(pattern) }
    }

    #[inline]
    fn matches(&self, key: &[u8]) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Glob(pattern) => glob::matches(pattern, key, false),
        }
    }
}

pub const SCAN: Spec = Spec::key("scan", scan)
    .arity(at_least(1))
    .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
    .acl(acl::KEYSPACE)
    .syntax("cursor [MATCH pattern] [COUNT count] [TYPE type]")
    .since("2.8.0")
    .complexity("O(1) for every call, O(N) for a whole walk over N keys.")
    .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
    .history(&[("6.0.0", "Added the `TYPE` subcommand.")])
    .summary("Walks over the names of all keys.");

/// Types that SCAN's TYPE takes.
const TYPES: &[&str] = &["string", "list", "set", "zset", "hash", "stream"];
/// SCAN's COUNT unless one is given.
const COUNT_DEFAULT: usize = 10;

/// SCAN's options.
struct Options<'a> {
    count: usize,
    pattern: Pattern<'a>,
    type_name: Option<&'static str>,
}

impl<'a> Options<'a> {
    fn read(args: &mut Args<'a>) -> Result<Options<'a>> {
        let mut o = Options { count: COUNT_DEFAULT, pattern: Pattern::All, type_name: None };
        while let Some(word) = args.next_opt() {
            let more = args.left() > 0;
            if more && word.eq_ignore_ascii_case(b"count") {
                let n = args.int()?;
                o.count = usize::try_from(n).ok().filter(|&n| n > 0).ok_or(Error::SYNTAX)?;
            } else if more && word.eq_ignore_ascii_case(b"match") {
                o.pattern = Pattern::new(args.bytes_arg()?);
            } else if more && word.eq_ignore_ascii_case(b"type") {
                let name = args.bytes_arg()?;
                let known = TYPES.iter().find(|t| name.eq_ignore_ascii_case(t.as_bytes()));
                o.type_name = Some(
                    known.ok_or_else(|| Error::owned([b"ERR unknown type name '", name, b"'"].concat()))?,
                );
            } else if word.eq_ignore_ascii_case(b"novalues") {
                return Err(Error::text("ERR NOVALUES option can only be used in HSCAN"));
            } else if word.eq_ignore_ascii_case(b"noscores") {
                return Err(Error::text("ERR NOSCORES option can only be used in ZSCAN"));
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(o)
    }
}

fn scan(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let cursor = num::parse_u64(args.bytes_arg()?).ok_or(Error::INVALID_CURSOR)?;
    let options = Options::read(args)?;
    // The cursor is known only at the end and stands first, so names are written apart.
    let (mut names, mut n) = (Output::default(), 0);
    let mut writer = Reply::new(&mut names, false);
    let mut dead: Vec<Box<[u8]>> = Vec::new();
    let db = &*cx.db;
    let next = db.scan(cursor, options.count, |e| {
        let wanted = options.type_name.is_none_or(|t| e.type_name() == t) && options.pattern.matches(e.key());
        if wanted && db.is_dead(e) {
            dead.push(e.key().into());
        } else if wanted {
            writer.bulk(e.key());
            n += 1;
        }
    });
    for key in dead {
        // A lookup removes it, where that is the rule.
        cx.db.peek(Key::new(&key));
    }
    out.array(2);
    out.bulk(num::fmt_u64(&mut num::NumBuf::new(), next));
    out.array(n);
    out.raw(&names.tail);
    Ok(())
}

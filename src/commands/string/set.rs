//! Whole values stored: SET and its relatives. A relative expiry goes to replicas and the AOF as the point in time it
//! means (`PXAT`).

use super::options::{Condition, Of, Options, Unit, expiry_ms};
use super::{encode, reply_string};
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::table::Pos;

pub const SET: Spec = Spec::key("set", set)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec {
        notes: "`GET` reads the old value",
        ..KeySpec::first(RW | ACCESS | UPDATE | VARIABLE_FLAGS)
    }])
    .find_keys(set_keys)
    .acl(acl::STRING)
    .group(Group::String)
    .syntax(
        "key value [NX|XX|IFEQ comparison-value] [GET] \
         [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
    )
    .since("1.0.0")
    .history(&[
        ("2.6.12", "Options `EX`, `PX`, `NX` and `XX`."),
        ("6.0.0", "Option `KEEPTTL`."),
        ("6.2.0", "Options `GET`, `EXAT` and `PXAT`."),
        ("7.0.0", "`NX` and `GET` together."),
        ("8.1.0", "Option `IFEQ`."),
    ])
    .summary("Stores a string at a key.");

fn set(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let value = args.bytes_arg()?;
    if args.left() != 0 {
        return set_with_options(cx, key, value, args, out);
    }
    cx.set(key, encode(value), None);
    cx.changed(key.bytes, Event::SET, 1);
    out.ok();
    Ok(())
}

fn set_with_options<'a>(
    cx: &mut KeyCx<'_>,
    key: Key<'a>,
    value: &[u8],
    args: &mut Args<'a>,
    out: &mut Reply<'_>,
) -> Result {
    let o = Options::read(args, Of::Set)?;
    let at = o.at_ms(cx.now_ms, "set")?;
    let found = if o.get { cx.find_read(key) } else { cx.db.find(key) };
    if o.get {
        match found {
            Some(pos) => {
                cx.db.string_at(pos)?;
                reply_string(out, cx.db.at(pos));
            }
            None => out.null(),
        }
    }
    if !holds(cx, o.condition, found)? {
        if !o.get {
            out.null();
        }
        return Ok(());
    }
    if !o.get {
        out.ok();
    }
    if at.is_some_and(|at| cx.is_past(at)) {
        if let Some(pos) = found {
            cx.expire_now(pos, key);
        }
        return Ok(());
    }
    match found {
        Some(pos) if o.keep_ttl => cx.replace(pos, encode(value)),
        Some(pos) => cx.overwrite(pos, key, encode(value), at),
        None => cx.insert(key, encode(value), at),
    }
    cx.changed(key.bytes, Event::SET, 1);
    if at.is_some() {
        cx.notify(key.bytes, Event::EXPIRE);
    }
    propagate_set(cx, key, value, &o, at, args);
    Ok(())
}

/// Whether the condition of SET is met by what was found.
fn holds(cx: &KeyCx<'_>, condition: Condition<'_>, found: Option<Pos>) -> Result<bool> {
    Ok(match (condition, found) {
        (Condition::Always, _) => true,
        (Condition::Absent, found) => found.is_none(),
        (Condition::Present, found) => found.is_some(),
        (Condition::Equal(_), None) => false,
        (Condition::Equal(want), Some(pos)) => cx.db.string_at(pos)?.bytes(&mut NumBuf::new()) == want,
    })
}

/// With an expiry the condition is dropped, since it was met; without one only GET is, which needs no answer there.
fn propagate_set(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    value: &[u8],
    o: &Options<'_>,
    at: Option<i64>,
    args: &Args<'_>,
) {
    if !cx.fx.streaming {
        return;
    }
    match at {
        Some(_) if o.expiry.is_some_and(|e| e.unit == Unit::MillisAt) => {}
        Some(at) => propagate_expiring(cx, key, value, at),
        None if o.get => {
            let stays = |&(i, _): &(usize, &[u8])| i < 3 || i == o.equal_index || !args.is(i, "get");
            let words: Vec<&[u8]> = args.all().enumerate().filter(stays).map(|(_, word)| word).collect();
            cx.propagate_as(&words);
        }
        None => {}
    }
}

fn propagate_expiring(cx: &mut KeyCx<'_>, key: Key<'_>, value: &[u8], at_ms: i64) {
    let mut digits = NumBuf::new();
    cx.propagate_as(&[b"SET", key.bytes, value, b"PXAT", num::fmt_i64(&mut digits, at_ms)]);
}

/// With GET the old value is read, without it is not.
fn set_keys(args: &Args<'_>) -> Result<Vec<(usize, KeyFlags)>> {
    let reads = (3..args.len()).any(|i| args.is(i, "get"));
    Ok(vec![(1, if reads { RW | ACCESS | UPDATE } else { OW | UPDATE })])
}

pub const SETNX: Spec = Spec::key("setnx", setnx)
    .arity(exactly(2))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(OW | INSERT)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key value")
    .since("1.0.0")
    .summary("Stores a string at a key that does not exist yet.");

fn setnx(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let value = args.bytes_arg()?;
    let found = cx.db.find(key).is_some();
    if !found {
        cx.insert(key, encode(value), None);
        cx.changed(key.bytes, Event::SET, 1);
    }
    out.int(!found as i64);
    Ok(())
}

pub const SETEX: Spec = Spec::key("setex", setex)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(OW | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key seconds value")
    .since("2.0.0")
    .summary("Stores a string at a key, which expires after some seconds.");

fn setex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_expiring(cx, args, out, Unit::Seconds, "setex")
}

pub const PSETEX: Spec = Spec::key("psetex", psetex)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(OW | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key milliseconds value")
    .since("2.6.0")
    .summary("Stores a string at a key, which expires after some milliseconds.");

fn psetex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_expiring(cx, args, out, Unit::Millis, "psetex")
}

fn set_expiring(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    unit: Unit,
    name: &str,
) -> Result {
    let key = args.key();
    let at = expiry_ms(args.bytes_arg()?, unit, cx.now_ms, name)?;
    let value = args.bytes_arg()?;
    cx.set(key, encode(value), Some(at));
    cx.changed(key.bytes, Event::SET, 1);
    cx.notify(key.bytes, Event::EXPIRE);
    if cx.fx.streaming {
        propagate_expiring(cx, key, value, at);
    }
    out.ok();
    Ok(())
}

pub const GETSET: Spec = Spec::key("getset", getset)
    .arity(exactly(2))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key value")
    .since("1.0.0")
    .summary("Stores a string at a key and returns what it held.");

fn getset(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let value = args.bytes_arg()?;
    match cx.find_read(key) {
        Some(pos) => {
            cx.db.string_at(pos)?;
            reply_string(out, cx.db.at(pos));
            cx.overwrite(pos, key, encode(value), None);
        }
        None => {
            out.null();
            cx.insert(key, encode(value), None);
        }
    }
    cx.changed(key.bytes, Event::SET, 1);
    cx.propagate_as(&[b"SET", key.bytes, value]);
    Ok(())
}

pub const MSET: Spec = Spec::key("mset", mset)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::range(1, -1, 2, OW | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key value [key value ...]")
    .since("1.0.1")
    .complexity("O(N) for N keys")
    .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
    .summary("Stores strings at several keys.");

fn mset(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !args.left().is_multiple_of(2) {
        return Err(Error::arity("mset"));
    }
    set_pairs(cx, args)?;
    out.ok();
    Ok(())
}

/// Stores all that is left as keys and values. Of a key that comes again the last value stays.
fn set_pairs(cx: &mut KeyCx<'_>, args: &mut Args<'_>) -> Result {
    while args.left() > 0 {
        let key = args.key();
        cx.set(key, encode(args.bytes_arg()?), None);
        cx.changed(key.bytes, Event::SET, 1);
    }
    Ok(())
}

pub const MSETNX: Spec = Spec::key("msetnx", msetnx)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::range(1, -1, 2, OW | INSERT)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key value [key value ...]")
    .since("1.0.1")
    .complexity("O(N) for N keys")
    .summary("Stores strings at several keys, none of which exists yet.");

fn msetnx(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !args.left().is_multiple_of(2) {
        return Err(Error::arity("msetnx"));
    }
    let mut ahead = args.clone();
    while ahead.left() > 0 {
        let key = ahead.key();
        ahead.bytes_arg()?;
        if cx.db.find(key).is_some() {
            out.int(0);
            return Ok(());
        }
    }
    set_pairs(cx, args)?;
    out.int(1);
    Ok(())
}

pub const MSETEX: Spec = Spec::key("msetex", msetex)
    .arity(at_least(3))
    .flags(WRITE | DENYOOM | MOVABLE_KEYS)
    .keys(&[KeySpec {
        begin: Begin::Index(1),
        find: Find::Count { count: 0, first: 1, step: 2 },
        flags: OW | UPDATE,
        notes: "",
    }])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax(
        "numkeys key value [key value ...] [NX|XX] \
         [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
    )
    .since("9.1.0")
    .complexity("O(N) for N keys")
    .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
    .summary("Stores strings at several keys with one expiry, if all or none of them exist.");

fn msetex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const PAIRS: Error = Error::text("ERR invalid numkeys value or out of range");
    let pairs = args.int_in(1..=i64::from(i32::MAX), PAIRS)? as usize;
    let first = args.position();
    let end = first + 2 * pairs;
    if end > args.len() {
        return Err(Error::SYNTAX);
    }
    args.seek(end);
    let o = Options::read(args, Of::Msetex)?;
    let at = o.at_ms(cx.now_ms, "msetex")?;
    args.seek(first);
    let mut ahead = args.clone();
    while o.condition != Condition::Always && ahead.position() < end {
        let found = cx.db.find(ahead.key());
        ahead.bytes_arg()?;
        if !holds(cx, o.condition, found)? {
            out.int(0);
            return Ok(());
        }
    }
    while args.position() < end {
        let key = args.key();
        let value = encode(args.bytes_arg()?);
        match cx.db.find(key) {
            Some(pos) if o.keep_ttl => cx.replace(pos, value),
            Some(pos) => cx.overwrite(pos, key, value, at),
            None => cx.insert(key, value, at),
        }
        cx.changed(key.bytes, Event::SET, 1);
        if at.is_some() {
            cx.notify(key.bytes, Event::EXPIRE);
        }
    }
    propagate_msetex(cx, &o, at, args);
    out.int(1);
    Ok(())
}

/// Only the expiry is replaced: a key whose time has come by then is removed like any other.
fn propagate_msetex(cx: &mut KeyCx<'_>, o: &Options<'_>, at: Option<i64>, args: &Args<'_>) {
    let (Some(e), Some(at)) = (o.expiry, at) else { return };
    if !cx.fx.streaming || e.unit == Unit::MillisAt {
        return;
    }
    let mut digits = NumBuf::new();
    let mut words: Vec<&[u8]> = args.all().collect();
    words[e.index] = b"PXAT";
    words[e.index + 1] = num::fmt_i64(&mut digits, at);
    cx.propagate_as(&words);
}

//! Strings as numbers: INCR and its relatives. The expiry of a key stays.

use crate::base::num::{self, Extended};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::{Key, NewValue, Value};
use crate::resp::Reply;

pub const INCR: Spec = Spec::key("incr", incr)
    .arity(exactly(1))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key")
    .since("1.0.0")
    .summary("Adds one to the integer at a key.");

fn incr(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    add(cx, args.key(), 1, out)
}

pub const DECR: Spec = Spec::key("decr", decr)
    .arity(exactly(1))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key")
    .since("1.0.0")
    .summary("Takes one from the integer at a key.");

fn decr(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    add(cx, args.key(), -1, out)
}

pub const INCRBY: Spec = Spec::key("incrby", incrby)
    .arity(exactly(2))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key increment")
    .since("1.0.0")
    .summary("Adds an integer to the one at a key.");

fn incrby(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let n = args.int()?;
    add(cx, key, n, out)
}

pub const DECRBY: Spec = Spec::key("decrby", decrby)
    .arity(exactly(2))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key decrement")
    .since("1.0.0")
    .summary("Takes an integer from the one at a key.");

fn decrby(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let n = args.int()?.checked_neg().ok_or(Error::text("ERR decrement would overflow"))?;
    add(cx, key, n, out)
}

/// Adds to the integer at `key`; an absent one counts as 0.
#[inline]
fn add(cx: &mut KeyCx<'_>, key: Key<'_>, n: i64, out: &mut Reply<'_>) -> Result {
    let found = cx.db.find(key);
    let old = match found {
        None => 0,
        Some(pos) => match cx.db.string_at(pos)? {
            Value::Int(n) => n,
            Value::Bytes(b) => num::parse_i64(b).ok_or(Error::NOT_INTEGER)?,
        },
    };
    let new = old.checked_add(n).ok_or(Error::OVERFLOW)?;
    match found {
        Some(pos) => cx.db.replace(pos, NewValue::Int(new)),
        None => cx.insert(key, NewValue::Int(new), None),
    }
    cx.changed(key.bytes, Event::INCRBY, 1);
    out.int(new);
    Ok(())
}

pub const INCRBYFLOAT: Spec = Spec::key("incrbyfloat", incrbyfloat)
    .arity(exactly(2))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key increment")
    .since("2.6.0")
    .summary("Adds a floating-point number to the number at a key.");

fn incrbyfloat(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let found = cx.db.find(key);
    let old = match found {
        None => Extended::from(0i64),
        Some(pos) => match cx.db.string_at(pos)? {
            Value::Int(n) => Extended::from(n),
            Value::Bytes(b) => Extended::parse(b).ok_or(Error::NOT_FLOAT)?,
        },
    };
    let n = Extended::parse(args.bytes_arg()?).ok_or(Error::NOT_FLOAT)?;
    let text = old.checked_add(n).ok_or(Error::NAN_OR_INFINITY)?.text();
    // Bytes even where the sum is an integer: OBJECT ENCODING tells the difference.
    match found {
        Some(pos) => cx.db.replace(pos, NewValue::Bytes(&text)),
        None => cx.insert(key, NewValue::Bytes(&text), None),
    }
    cx.changed(key.bytes, Event::INCRBYFLOAT, 1);
    // As the result: a replica may round or print differently.
    cx.propagate_as(&[b"SET", key.bytes, &text, b"KEEPTTL"]);
    out.bulk(&text);
    Ok(())
}

//! Hashes read: single fields, all of them, their number.

use super::{moment, read};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::collection::Collection;
use crate::types::hash::Hash;

const fn reading(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
    keys: &'static [KeySpec],
) -> Spec {
    Spec::key(name, f).flags(READONLY | FAST).keys(keys).acl(acl::HASH).group(Group::Hash)
}

/// Returns data of the hash.
const ACCESSED: &[KeySpec] = &[KeySpec::first(RO | ACCESS)];
/// Tells only of its shape.
const LOOKED_AT: &[KeySpec] = &[KeySpec::first(RO)];

pub const HGET: Spec = reading("hget", hget, ACCESSED)
    .arity(exactly(2))
    .syntax("key field")
    .since("2.0.0")
    .summary("Returns the value of a field of a hash.");

fn hget(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let field = args.bytes_arg()?;
    let now_ms = moment(cx);
    let hash = read(cx, key)?;
    reply_value(hash.as_deref(), field, now_ms, out);
    Ok(())
}

/// Answers a field's value, or that there is none.
#[inline]
pub fn reply_value(hash: Option<&Hash>, field: &[u8], now_ms: i64, out: &mut Reply<'_>) {
    match hash.and_then(|hash| hash.get(field, now_ms)) {
        Some(value) => out.value(value),
        None => out.null(),
    }
}

pub const HMGET: Spec = reading("hmget", hmget, ACCESSED)
    .arity(at_least(2))
    .syntax("key field [field ...]")
    .since("2.0.0")
    .complexity("O(N) for N fields.")
    .summary("Returns the values of fields of a hash.");

fn hmget(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let now_ms = moment(cx);
    let hash = read(cx, key)?;
    out.array(args.left());
    args.rest().for_each(|field| reply_value(hash.as_deref(), field, now_ms, out));
    Ok(())
}

const fn all(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    reading(name, f, ACCESSED)
        .arity(exactly(1))
        .flags(READONLY)
        .syntax("key")
        .since("2.0.0")
        .complexity("O(N) for the N fields of the hash.")
        .tips(&["nondeterministic_output_order"])
}

pub const HGETALL: Spec = all("hgetall", hgetall).summary("Returns all fields of a hash with their values.");
pub const HKEYS: Spec = all("hkeys", hkeys).summary("Returns the names of all fields of a hash.");
pub const HVALS: Spec = all("hvals", hvals).summary("Returns the values of all fields of a hash.");

fn hgetall(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = moment(cx);
    match read(cx, args.key())? {
        None => out.map(0),
        Some(hash) => {
            out.map(hash.live_len(now_ms));
            hash.for_each(now_ms, |pair| {
                out.value(pair.field);
                out.value(pair.value);
            });
        }
    }
    Ok(())
}

fn hkeys(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = moment(cx);
    match read(cx, args.key())? {
        None => out.array(0),
        Some(hash) => {
            out.array(hash.live_len(now_ms));
            hash.for_each(now_ms, |pair| out.value(pair.field));
        }
    }
    Ok(())
}

fn hvals(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = moment(cx);
    match read(cx, args.key())? {
        None => out.array(0),
        Some(hash) => {
            out.array(hash.live_len(now_ms));
            hash.for_each(now_ms, |pair| out.value(pair.value));
        }
    }
    Ok(())
}

pub const HLEN: Spec = reading("hlen", hlen, LOOKED_AT)
    .arity(exactly(1))
    .syntax("key")
    .since("2.0.0")
    .summary("Counts the fields of a hash.");

fn hlen(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let hash = read(cx, args.key())?;
    out.int(hash.map_or(0, |hash| hash.len() as i64));
    Ok(())
}

pub const HSTRLEN: Spec = reading("hstrlen", hstrlen, LOOKED_AT)
    .arity(exactly(2))
    .syntax("key field")
    .since("3.2.0")
    .summary("Returns the length of the value of a field.");

fn hstrlen(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let field = args.bytes_arg()?;
    let now_ms = moment(cx);
    let hash = read(cx, key)?;
    let value = hash.as_ref().and_then(|hash| hash.get(field, now_ms));
    out.int(value.map_or(0, |value| value.len() as i64));
    Ok(())
}

pub const HEXISTS: Spec = reading("hexists", hexists, LOOKED_AT)
    .arity(exactly(2))
    .syntax("key field")
    .since("2.0.0")
    .summary("Tells whether a hash has a field.");

fn hexists(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let field = args.bytes_arg()?;
    let now_ms = moment(cx);
    let hash = read(cx, key)?;
    out.int(hash.is_some_and(|hash| hash.contains(field, now_ms)) as i64);
    Ok(())
}

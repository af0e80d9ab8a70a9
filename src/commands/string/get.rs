//! Whole values read: GET and its relatives, some of which change the key's expiry or remove it.

use super::options::{Of, Options};
use super::reply_string;
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::table::Pos;

pub const GET: Spec = Spec::key("get", get)
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key")
    .since("1.0.0")
    .summary("Returns the string at a key.");

fn get(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    read(cx, args.key(), out)?;
    Ok(())
}

/// Answers the string at `key` and tells where it is.
#[inline]
fn read(cx: &mut KeyCx<'_>, key: Key<'_>, out: &mut Reply<'_>) -> Result<Option<Pos>> {
    let found = cx.find_read(key);
    match found {
        Some(pos) => {
            cx.db.string_at(pos)?;
            reply_string(out, cx.db.at(pos));
        }
        None => out.null(),
    }
    Ok(found)
}

pub const MGET: Spec = Spec::key("mget", mget)
    .arity(at_least(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::range(1, -1, 1, RO | ACCESS)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key [key ...]")
    .since("1.0.0")
    .complexity("O(N) for N keys")
    .tips(&["request_policy:multi_shard"])
    .summary("Returns the strings at several keys.");

fn mget(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.array(args.left());
    while args.left() > 0 {
        match cx.find_read(args.key()) {
            Some(pos) if cx.db.string_at(pos).is_ok() => reply_string(out, cx.db.at(pos)),
            _ => out.null(),
        }
    }
    Ok(())
}

pub const GETDEL: Spec = Spec::key("getdel", getdel)
    .arity(exactly(1))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key")
    .since("6.2.0")
    .summary("Returns the string at a key and removes the key.");

fn getdel(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    if let Some(pos) = read(cx, key, out)? {
        delete(cx, pos, key);
    }
    Ok(())
}

/// Removes the key at `pos`; replicas get a DEL, which needs no reading.
fn delete(cx: &mut KeyCx<'_>, pos: Pos, key: Key<'_>) {
    let entry = cx.db.remove_at(pos, key.hash);
    cx.fx.discard(entry, false);
    cx.changed(key.bytes, Event::DEL, 1);
    cx.propagate_as(&[b"DEL", key.bytes]);
}

pub const GETEX: Spec = Spec::key("getex", getex)
    .arity(at_least(1))
    .flags(WRITE | FAST)
    .keys(&[KeySpec { notes: "the time to live may change", ..KeySpec::first(RW | ACCESS | UPDATE) }])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]")
    .since("6.2.0")
    .summary("Returns the string at a key and sets, or takes away, its expiry.");

fn getex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let o = Options::read(args, Of::Getex)?;
    let at = o.at_ms(cx.now_ms, "getex")?;
    let Some(pos) = read(cx, key, out)? else { return Ok(()) };
    let absolute = o.expiry.is_some_and(|e| e.unit.is_absolute());
    match at {
        Some(at) if absolute && cx.is_past(at) => cx.expire_now(pos, key),
        Some(at) => {
            cx.db.set_expiry(pos, key.hash, Some(at));
            cx.changed(key.bytes, Event::EXPIRE, 1);
            cx.propagate_as(&[b"PEXPIREAT", key.bytes, num::fmt_i64(&mut NumBuf::new(), at)]);
        }
        None if o.persist && cx.db.at(pos).expiry().is_some() => {
            cx.db.set_expiry(pos, key.hash, None);
            cx.changed(key.bytes, Event::PERSIST, 1);
            cx.propagate_as(&[b"PERSIST", key.bytes]);
        }
        None => {}
    }
    Ok(())
}

pub const DELIFEQ: Spec = Spec::key("delifeq", delifeq)
    .arity(exactly(2))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RM | DELETE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key value")
    .since("9.0.0")
    .summary("Removes a key if it holds a given string.");

fn delifeq(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let want = args.bytes_arg()?;
    let mut equal = false;
    if let Some(pos) = cx.db.find(key) {
        equal = cx.db.string_at(pos)?.bytes(&mut NumBuf::new()) == want;
        if equal {
            delete(cx, pos, key);
        }
    }
    out.int(equal as i64);
    Ok(())
}

pub const STRLEN: Spec = Spec::key("strlen", strlen)
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key")
    .since("2.2.0")
    .summary("Returns the length of the string at a key.");

fn strlen(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let len = match cx.find_read(args.key()) {
        Some(pos) => cx.db.string_at(pos)?.len(),
        None => 0,
    };
    out.int(len as i64);
    Ok(())
}

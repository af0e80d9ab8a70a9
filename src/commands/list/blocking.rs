//! The commands that wait for elements. Each does what its relative without B does, if it can, and goes to the AOF
//! and replicas as that one.

use super::end_arg;
use super::moving::move_one;
use super::pop::{multi_args, pop_first_of, pop_one};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::engine::waiting::TimedOut;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::collection::Collection;
use crate::types::list::{End, List};

const KEYS: &[KeySpec] = &[KeySpec::range(1, -2, 1, RW | ACCESS | DELETE)];

const fn pop_spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    Spec::key(name, f)
        .arity(at_least(2))
        .flags(WRITE | BLOCKING)
        .keys(KEYS)
        .acl(acl::LIST)
        .group(Group::List)
        .syntax("key [key ...] timeout")
        .since("2.0.0")
        .complexity("O(N) for N keys")
        .history(&[("6.0.0", "`timeout` may have a fraction.")])
}

pub const BLPOP: Spec = pop_spec("blpop", blpop).summary(
    "Removes the first element of the first list that is not empty, or waits for one, and returns it.",
);

fn blpop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop_or_wait(cx, args, End::Front, out)
}

pub const BRPOP: Spec = pop_spec("brpop", brpop).summary(
    "Removes the last element of the first list that is not empty, or waits for one, and returns it.",
);

fn brpop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop_or_wait(cx, args, End::Back, out)
}

fn pop_or_wait(cx: &mut KeyCx<'_>, args: &mut Args<'_>, end: End, out: &mut Reply<'_>) -> Result {
    let first = args.position();
    let keys = args.left() - 1;
    args.seek(first + keys);
    let until_ms = args.timeout(cx.now_ms)?;
    args.seek(first);
    for _ in 0..keys {
        let key = args.key();
        let Some(pos) = cx.db.find(key) else { continue };
        out.array(2);
        out.bulk(key.bytes);
        pop_one(cx, pos, key, end, out)?;
        let name: &[u8] = if end == End::Front { b"LPOP" } else { b"RPOP" };
        cx.propagate_as(&[name, key.bytes]);
        return Ok(());
    }
    args.seek(first);
    cx.block_on(args.rest().take(keys), List::TYPE, until_ms, TimedOut::NullArray, out);
    Ok(())
}

pub const BLMPOP: Spec = Spec::key("blmpop", blmpop)
    .arity(at_least(4))
    .flags(WRITE | BLOCKING | MOVABLE_KEYS)
    .keys(&[KeySpec::counted(2, RW | ACCESS | DELETE)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]")
    .since("7.0.0")
    .complexity("O(N+M) for N keys and M elements")
    .summary("Removes elements at one end of the first list that is not empty, or waits for one, and returns them.");

fn blmpop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // The timeout stands first, and is looked at last.
    let timeout = args.position();
    args.seek(timeout + 1);
    let (first, keys, end, count) = multi_args(args)?;
    args.seek(timeout);
    let until_ms = args.timeout(cx.now_ms)?;
    args.seek(first);
    if !pop_first_of(cx, args, keys, end, count, out)? {
        args.seek(first);
        cx.block_on(args.rest().take(keys), List::TYPE, until_ms, TimedOut::NullArray, out);
    }
    Ok(())
}

pub const BLMOVE: Spec = Spec::key("blmove", blmove)
    .arity(exactly(5))
    .flags(WRITE | DENYOOM | BLOCKING)
    .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("source destination LEFT|RIGHT LEFT|RIGHT timeout")
    .since("6.2.0")
    .summary(
        "Moves an element from one end of a list, or waits for one, to an end of another, and returns it.",
    );

fn blmove(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to) = (args.key(), args.key());
    let ends = (end_arg(args)?, end_arg(args)?);
    let until_ms = args.timeout(cx.now_ms)?;
    if move_or_wait(cx, (from, to), ends, until_ms, out)? {
        cx.propagate_as(&[b"LMOVE", from.bytes, to.bytes, args.get(3), args.get(4)]);
    }
    Ok(())
}

pub const BRPOPLPUSH: Spec = Spec::key("brpoplpush", brpoplpush)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM | BLOCKING)
    .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("source destination timeout")
    .since("2.2.0")
    .history(&[("6.0.0", "`timeout` may have a fraction.")])
    .summary("Moves the last element of a list, or waits for one, to the front of another, and returns it.");

fn brpoplpush(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to) = (args.key(), args.key());
    let until_ms = args.timeout(cx.now_ms)?;
    if move_or_wait(cx, (from, to), (End::Back, End::Front), until_ms, out)? {
        cx.propagate_as(&[b"RPOPLPUSH", from.bytes, to.bytes]);
    }
    Ok(())
}

/// Moves an element; whether there was one.
fn move_or_wait(
    cx: &mut KeyCx<'_>,
    (from, to): (Key<'_>, Key<'_>),
    ends: (End, End),
    until_ms: Option<i64>,
    out: &mut Reply<'_>,
) -> Result<bool> {
    if move_one(cx, from, to, ends, out)? {
        return Ok(true);
    }
    if cx.session.deny_blocking {
        // Not what it hears when its time is over.
        out.null();
    } else {
        cx.block_on([from.bytes].into_iter(), List::TYPE, until_ms, TimedOut::NullArray, out);
    }
    Ok(false)
}

//! Members with the lowest or highest scores, taken out: ZPOPMIN, ZPOPMAX, ZMPOP, and the commands that wait for a
//! member. Whatever names several keys goes to the AOF and replicas as ZPOPMIN or ZPOPMAX of the one it took from.

use super::{delete_whole, spec};
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::engine::waiting::TimedOut;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::collection::Collection;
use crate::types::table::Pos;
use crate::types::zset::Zset;

const POPS: KeyFlags = RW | ACCESS | DELETE;
const ONE_KEY: &[KeySpec] = &[KeySpec::first(POPS)];
const ALL_BUT_LAST: &[KeySpec] = &[KeySpec::range(1, -2, 1, POPS)];

/// Which members are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn event(self) -> Event {
        if self == End::Min { Event::ZPOPMIN } else { Event::ZPOPMAX }
    }

    /// The command that takes them from one key.
    fn command(self) -> &'static [u8] {
        if self == End::Min { b"ZPOPMIN" } else { b"ZPOPMAX" }
    }
}

/// Takes up to `count` members out of the set at `pos` and answers each with its score, in pairs or one after the
/// other, behind what `begin` writes for their number; how many there were.
fn pop(
    cx: &mut KeyCx<'_>,
    (pos, key): (Pos, Key<'_>),
    (end, count): (End, usize),
    pairs: bool,
    begin: impl FnOnce(usize, &mut Reply<'_>),
    out: &mut Reply<'_>,
) -> Result<usize> {
    let mut set = cx.db.write_at::<Zset>(pos, key.hash)?;
    let len = set.len();
    let n = count.min(len);
    begin(n, out);
    let ranks = if end == End::Min { 0..n } else { len - n..len };
    for (member, score) in set.range(ranks.clone(), end == End::Max) {
        if pairs {
            out.array(2);
        }
        out.value(member);
        out.double(score);
    }
    if n < len {
        set.remove_range(ranks);
    }
    drop(set);
    if n > 0 {
        cx.changed(key.bytes, end.event(), n as u64);
        if n == len {
            delete_whole(cx, key);
        }
    }
    Ok(n)
}

const fn pop_spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    spec(name, f)
        .arity(at_least(1))
        .flags(WRITE | FAST)
        .keys(ONE_KEY)
        .syntax("key [count]")
        .since("5.0.0")
        .complexity("O(log(N)+M) for M members of a set of N")
}

pub const ZPOPMIN: Spec = pop_spec("zpopmin", zpopmin)
    .summary("Removes the members with the lowest scores from a sorted set and returns them.");

fn zpopmin(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop_one_key(cx, args, End::Min, out)
}

pub const ZPOPMAX: Spec = pop_spec("zpopmax", zpopmax)
    .summary("Removes the members with the highest scores from a sorted set and returns them.");

fn zpopmax(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop_one_key(cx, args, End::Max, out)
}

fn pop_one_key(cx: &mut KeyCx<'_>, args: &mut Args<'_>, end: End, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    if args.left() > 1 {
        return Err(Error::SYNTAX);
    }
    let count = match args.left() {
        0 => None,
        _ => Some(args.int_in(0..=i64::MAX, Error::NOT_POSITIVE)?),
    };
    let Some(pos) = cx.db.find(key) else {
        out.array(0);
        return Ok(());
    };
    let pairs = count.is_some() && out.resp3();
    let count = count.map_or(1, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let begin = |n: usize, out: &mut Reply<'_>| out.array(if pairs { n } else { 2 * n });
    pop(cx, (pos, key), (end, count), pairs, begin, out)?;
    Ok(())
}

pub const ZMPOP: Spec = spec("zmpop", zmpop)
    .arity(at_least(3))
    .flags(WRITE | MOVABLE_KEYS)
    .keys(&[KeySpec::counted(1, POPS)])
    .syntax("numkeys key [key ...] MIN|MAX [COUNT count]")
    .since("7.0.0")
    .complexity("O(K+log(N)+M) for K keys and M members of a set of N")
    .summary(
        "Removes the members with the lowest or highest scores from the first sorted set that there is.",
    );

fn zmpop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (first, keys, end, count) = multi_args(args)?;
    args.seek(first);
    if !pop_first_of(cx, args, keys, (end, count), out)? {
        out.null_array();
    }
    Ok(())
}

/// Arguments of ZMPOP and BZMPOP from `numkeys` on: the index of the first key, their number, which members, how many.
fn multi_args(args: &mut Args<'_>) -> Result<(usize, usize, End, usize)> {
    let keys = args.int_in(1..=i64::MAX, Error::text("ERR numkeys should be greater than 0"))?;
    let first = args.position();
    let keys = usize::try_from(keys).ok().filter(|n| *n < args.left()).ok_or(Error::SYNTAX)?;
    args.seek(first + keys);
    let end = match args.bytes_arg()? {
        word if word.eq_ignore_ascii_case(b"min") => End::Min,
        word if word.eq_ignore_ascii_case(b"max") => End::Max,
        _ => return Err(Error::SYNTAX),
    };
    let mut count = None;
    while args.left() > 0 {
        if count.is_some() || args.left() < 2 || !args.eat("count") {
            return Err(Error::SYNTAX);
        }
        count = Some(args.int_in(1..=i64::MAX, Error::text("ERR count should be greater than 0"))?);
    }
    Ok((first, keys, end, usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX)))
}

/// Takes up to `count` members out of the first of the next `keys` arguments that is there, and answers them with its
/// name; whether there is one.
fn pop_first_of(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    keys: usize,
    what: (End, usize),
    out: &mut Reply<'_>,
) -> Result<bool> {
    for _ in 0..keys {
        let key = args.key();
        let Some(pos) = cx.db.find(key) else { continue };
        let begin = |n: usize, out: &mut Reply<'_>| {
            out.array(2);
            out.bulk(key.bytes);
            out.array(n);
        };
        let n = pop(cx, (pos, key), what, true, begin, out)?;
        cx.propagate_as(&[what.0.command(), key.bytes, num::fmt_i64(&mut NumBuf::new(), n as i64)]);
        return Ok(true);
    }
    Ok(false)
}

const fn wait_spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    spec(name, f)
        .arity(at_least(2))
        .flags(WRITE | FAST | BLOCKING)
        .keys(ALL_BUT_LAST)
        .syntax("key [key ...] timeout")
        .since("5.0.0")
        .complexity("O(K+log(N)) for K keys and a set of N members")
        .history(&[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")])
}

pub const BZPOPMIN: Spec = wait_spec("bzpopmin", bzpopmin).summary(
    "Removes the member with the lowest score from the first sorted set that there is, or waits for one.",
);

fn bzpopmin(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop_or_wait(cx, args, End::Min, out)
}

pub const BZPOPMAX: Spec = wait_spec("bzpopmax", bzpopmax).summary(
    "Removes the member with the highest score from the first sorted set that there is, or waits for one.",
);

fn bzpopmax(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop_or_wait(cx, args, End::Max, out)
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
        let begin = |_: usize, out: &mut Reply<'_>| {
            out.array(3);
            out.bulk(key.bytes);
        };
        pop(cx, (pos, key), (end, 1), false, begin, out)?;
        cx.propagate_as(&[end.command(), key.bytes]);
        return Ok(());
    }
    args.seek(first);
    cx.block_on(args.rest().take(keys), Zset::TYPE, until_ms, TimedOut::NullArray, out);
    Ok(())
}

pub const BZMPOP: Spec = spec("bzmpop", bzmpop)
    .arity(at_least(4))
    .flags(WRITE | BLOCKING | MOVABLE_KEYS)
    .keys(&[KeySpec::counted(2, POPS)])
    .syntax("timeout numkeys key [key ...] MIN|MAX [COUNT count]")
    .since("7.0.0")
    .complexity("O(K+log(N)+M) for K keys and M members of a set of N")
    .summary(
        "Removes the members with the lowest or highest scores from the first sorted set that there is, or waits \
         for one.",
    );

fn bzmpop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // The timeout stands first, and is looked at last.
    let timeout = args.position();
    args.seek(timeout + 1);
    let (first, keys, end, count) = multi_args(args)?;
    args.seek(timeout);
    let until_ms = args.timeout(cx.now_ms)?;
    args.seek(first);
    if !pop_first_of(cx, args, keys, (end, count), out)? {
        args.seek(first);
        cx.block_on(args.rest().take(keys), Zset::TYPE, until_ms, TimedOut::NullArray, out);
    }
    Ok(())
}

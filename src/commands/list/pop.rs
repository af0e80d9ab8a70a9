//! Elements taken away at one end.

use super::{delete_whole, end_arg, limits, popped};
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::list::{End, List};
use crate::types::table::Pos;

const KEYS: &[KeySpec] = &[KeySpec::first(RW | ACCESS | DELETE)];

const fn spec(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::key(name, f)
        .arity(at_least(1))
        .flags(WRITE | FAST)
        .keys(KEYS)
        .acl(acl::LIST)
        .group(Group::List)
        .syntax("key [count]")
        .since("1.0.0")
        .complexity("O(N) for N elements")
        .history(&[("6.2.0", "Argument `count`.")])
}

pub const LPOP: Spec =
    spec("lpop", lpop).summary("Removes elements at the front of a list and returns them.");

fn lpop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop(cx, args, "lpop", End::Front, out)
}

pub const RPOP: Spec = spec("rpop", rpop).summary("Removes elements at the back of a list and returns them.");

fn rpop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    pop(cx, args, "rpop", End::Back, out)
}

fn pop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, name: &'static str, end: End, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    match args.left() {
        0 => {
            match cx.db.find(key) {
                Some(pos) => pop_one(cx, pos, key, end, out)?,
                None => out.null(),
            }
            return Ok(());
        }
        1 => {}
        _ => return Err(Error::arity(name)),
    }
    let count = args.int_in(0..=i64::MAX, Error::NOT_POSITIVE)? as usize;
    match cx.db.find(key) {
        None => out.null_array(),
        Some(pos) if count == 0 => {
            cx.db.read_at::<List>(pos)?;
            out.array(0);
        }
        Some(pos) => {
            pop_many(cx, pos, key, end, count, out)?;
        }
    }
    Ok(())
}

/// Takes one element off the list at `pos` and answers it.
#[inline]
pub(super) fn pop_one(cx: &mut KeyCx<'_>, pos: Pos, key: Key<'_>, end: End, out: &mut Reply<'_>) -> Result {
    let limits = limits(cx);
    let mut list = cx.db.write_at::<List>(pos, key.hash)?;
    list.pop(end, |value| out.value(value));
    let empty = list.is_empty();
    if !empty {
        list.shrink(limits);
    }
    drop(list);
    cx.changed(key.bytes, popped(end), 1);
    if empty {
        cx.delete_empty(key);
    }
    Ok(())
}

/// Takes up to `count` elements off the list at `pos` and answers them as an array; how many there were.
fn pop_many(
    cx: &mut KeyCx<'_>,
    pos: Pos,
    key: Key<'_>,
    end: End,
    count: usize,
    out: &mut Reply<'_>,
) -> Result<usize> {
    let limits = limits(cx);
    let mut list = cx.db.write_at::<List>(pos, key.hash)?;
    let len = list.len();
    let n = count.min(len);
    out.array(n);
    match end {
        End::Front => list.range(0, n, End::Back, |value| out.value(value)),
        End::Back => list.range(len - 1, n, End::Front, |value| out.value(value)),
    }
    if n < len {
        list.remove_range(if end == End::Front { 0 } else { len - n }, n);
        list.shrink(limits);
    }
    drop(list);
    cx.changed(key.bytes, popped(end), n as u64);
    if n == len {
        delete_whole(cx, key);
    }
    Ok(n)
}

/// Arguments of LMPOP and BLMPOP from `numkeys` on: the index of the first key, their number, where to take, how many.
pub(super) fn multi_args(args: &mut Args<'_>) -> Result<(usize, usize, End, usize)> {
    let keys = args.int_in(1..=i64::MAX, Error::text("ERR numkeys should be greater than 0"))?;
    let first = args.position();
    let keys = usize::try_from(keys).ok().filter(|n| *n < args.left()).ok_or(Error::SYNTAX)?;
    args.seek(first + keys);
    let end = end_arg(args)?;
    let mut count = None;
    while args.left() > 0 {
        if count.is_some() || args.left() < 2 || !args.eat("count") {
            return Err(Error::SYNTAX);
        }
        count = Some(args.int_in(1..=i64::MAX, Error::text("ERR count should be greater than 0"))?);
    }
    Ok((first, keys, end, count.unwrap_or(1) as usize))
}

pub const LMPOP: Spec = Spec::key("lmpop", lmpop)
    .arity(at_least(3))
    .flags(WRITE | MOVABLE_KEYS)
    .keys(&[KeySpec::counted(1, RW | ACCESS | DELETE)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("numkeys key [key ...] LEFT|RIGHT [COUNT count]")
    .since("7.0.0")
    .complexity("O(N+M) for N keys and M elements")
    .summary("Removes elements at one end of the first list that is not empty and returns them.");

fn lmpop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (first, keys, end, count) = multi_args(args)?;
    args.seek(first);
    if !pop_first_of(cx, args, keys, end, count, out)? {
        out.null_array();
    }
    Ok(())
}

/// Takes up to `count` elements off the first of the next `keys` arguments that is there, and answers them with its
/// name; whether there is one.
pub(super) fn pop_first_of(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    keys: usize,
    end: End,
    count: usize,
    out: &mut Reply<'_>,
) -> Result<bool> {
    for _ in 0..keys {
        let key = args.key();
        let Some(pos) = cx.db.find(key) else { continue };
        out.array(2);
        out.bulk(key.bytes);
        let n = pop_many(cx, pos, key, end, count, out)?;
        let name: &[u8] = if end == End::Front { b"LPOP" } else { b"RPOP" };
        cx.propagate_as(&[name, key.bytes, num::fmt_i64(&mut NumBuf::new(), n as i64)]);
        return Ok(true);
    }
    Ok(false)
}

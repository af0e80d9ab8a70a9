//! Lists changed inside.

use super::{clip, delete_whole, from_front, limits, signed_arg};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::list::{End, List, Side};

pub const LSET: Spec = Spec::key("lset", lset)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("key index element")
    .since("1.0.0")
    .complexity("O(N) for N nodes between the element and the nearer end")
    .summary("Replaces an element of a list.");

fn lset(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, limits) = (args.key(), limits(cx));
    let mut list = cx.db.write::<List>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    // The reference looks at the key before the number.
    let (index, value) = (args.int()?, args.bytes_arg()?);
    // As in the reference, this may change the encoding even if the number is wrong.
    list.grow(1, value.len(), limits);
    let index = from_front(index, list.len()).ok_or(Error::INDEX_OUT_OF_RANGE)?;
    if !list.set(index, value, limits) {
        return Err(Error::INDEX_OUT_OF_RANGE);
    }
    list.shrink(limits);
    drop(list);
    cx.changed(key.bytes, Event::LSET, 1);
    out.ok();
    Ok(())
}

pub const LINSERT: Spec = Spec::key("linsert", linsert)
    .arity(exactly(4))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | INSERT)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("key BEFORE|AFTER pivot element")
    .since("2.2.0")
    .complexity("O(N) for N elements in front of the pivot")
    .summary("Inserts an element into a list, before or after the first one that equals a value.");

fn linsert(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, limits) = (args.key(), limits(cx));
    let side = match args.bytes_arg()? {
        word if word.eq_ignore_ascii_case(b"after") => Side::After,
        word if word.eq_ignore_ascii_case(b"before") => Side::Before,
        _ => return Err(Error::SYNTAX),
    };
    let (pivot, value) = (args.bytes_arg()?, args.bytes_arg()?);
    let Some(mut list) = cx.db.write::<List>(key)? else {
        out.int(0);
        return Ok(());
    };
    list.grow(1, value.len(), limits);
    let len = list.insert(side, pivot, value, limits).then(|| list.len());
    drop(list);
    match len {
        Some(len) => {
            cx.changed(key.bytes, Event::LINSERT, 1);
            out.int(len as i64);
        }
        None => out.int(-1),
    }
    Ok(())
}

pub const LREM: Spec = Spec::key("lrem", lrem)
    .arity(exactly(3))
    .flags(WRITE)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("key count element")
    .since("1.0.0")
    .complexity("O(N) for a list of N elements")
    .summary("Removes elements that equal a value from a list, and tells how many.");

fn lrem(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, count, value) = (args.key(), signed_arg(args)?, args.bytes_arg()?);
    let limits = limits(cx);
    let Some(mut list) = cx.db.write::<List>(key)? else {
        out.int(0);
        return Ok(());
    };
    let (most, from) = match count {
        0 => (usize::MAX, End::Front),
        1.. => (count as usize, End::Front),
        _ => (count.unsigned_abs() as usize, End::Back),
    };
    let n = list.remove(value, most, from);
    let empty = list.is_empty();
    if n > 0 && !empty {
        list.shrink(limits);
    }
    drop(list);
    if n > 0 {
        cx.changed(key.bytes, Event::LREM, n as u64);
    }
    if empty {
        cx.delete_empty(key);
    }
    out.int(n as i64);
    Ok(())
}

pub const LTRIM: Spec = Spec::key("ltrim", ltrim)
    .arity(exactly(3))
    .flags(WRITE)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("key start stop")
    .since("1.0.0")
    .complexity("O(N) for N elements that are removed")
    .summary("Removes all elements of a list but those from one number to another.");

fn ltrim(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, start, stop) = (args.key(), args.int()?, args.int()?);
    let limits = limits(cx);
    let Some(mut list) = cx.db.write::<List>(key)? else {
        out.ok();
        return Ok(());
    };
    let len = list.len();
    let (first, kept) = clip(start, stop, len);
    if kept > 0 {
        list.remove_range(first + kept, len - first - kept);
        list.remove_range(0, first);
        list.shrink(limits);
    }
    drop(list);
    match len - kept {
        0 => cx.notify(key.bytes, Event::LTRIM),
        n => cx.changed(key.bytes, Event::LTRIM, n as u64),
    }
    if kept == 0 {
        delete_whole(cx, key);
    }
    out.ok();
    Ok(())
}

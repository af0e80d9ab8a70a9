//! Elements added at one end.

use super::{limits, pushed};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::list::{End, List, ListLimits};

const KEYS: &[KeySpec] = &[KeySpec::first(RW | INSERT)];

const fn spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
    since: &'static str,
) -> Spec {
    Spec::key(name, f)
        .arity(at_least(2))
        .flags(WRITE | DENYOOM | FAST)
        .keys(KEYS)
        .acl(acl::LIST)
        .group(Group::List)
        .syntax("key element [element ...]")
        .since(since)
        .complexity("O(N) for N elements")
}

pub const LPUSH: Spec = spec("lpush", lpush, "1.0.0")
    .history(&[("2.4.0", "Several elements at once.")])
    .summary("Adds elements at the front of a list, which is made if need be, and returns its length.");

fn lpush(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    push(cx, args, End::Front, out)
}

pub const RPUSH: Spec = spec("rpush", rpush, "1.0.0")
    .history(&[("2.4.0", "Several elements at once.")])
    .summary("Adds elements at the back of a list, which is made if need be, and returns its length.");

fn rpush(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    push(cx, args, End::Back, out)
}

pub const LPUSHX: Spec = spec("lpushx", lpushx, "2.2.0")
    .history(&[("4.0.0", "Several elements at once.")])
    .summary("Adds elements at the front of a list that exists.");

fn lpushx(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    push_existing(cx, args, End::Front, out)
}

pub const RPUSHX: Spec = spec("rpushx", rpushx, "2.2.0")
    .history(&[("4.0.0", "Several elements at once.")])
    .summary("Adds elements at the back of a list that exists.");

fn rpushx(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    push_existing(cx, args, End::Back, out)
}

#[inline]
fn push(cx: &mut KeyCx<'_>, args: &mut Args<'_>, end: End, out: &mut Reply<'_>) -> Result {
    let (key, limits) = (args.key(), limits(cx));
    let mut list = cx.db.write_or_insert::<List>(key)?;
    let len = add(&mut list, args, end, limits);
    drop(list);
    added(cx, key, end, args, len, out);
    Ok(())
}

fn push_existing(cx: &mut KeyCx<'_>, args: &mut Args<'_>, end: End, out: &mut Reply<'_>) -> Result {
    let (key, limits) = (args.key(), limits(cx));
    let Some(mut list) = cx.db.write::<List>(key)? else {
        out.int(0);
        return Ok(());
    };
    let len = add(&mut list, args, end, limits);
    drop(list);
    added(cx, key, end, args, len, out);
    Ok(())
}

/// Adds the arguments that are left; the length then.
#[inline]
fn add(list: &mut List, args: &mut Args<'_>, end: End, limits: ListLimits) -> usize {
    let values = args.rest();
    list.grow(values.len(), values.clone().map(<[u8]>::len).sum(), limits);
    values.for_each(|value| list.push(end, value, limits));
    list.len()
}

#[inline]
fn added(cx: &mut KeyCx<'_>, key: Key<'_>, end: End, args: &Args<'_>, len: usize, out: &mut Reply<'_>) {
    cx.changed(key.bytes, pushed(end), args.len() as u64 - 2);
    out.int(len as i64);
}

//! Sets put together: SINTER, SUNION, SDIFF, their forms that store the result, and SINTERCARD.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::{discard, limits};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::keyspace::object::Ref;
use crate::resp::Reply;
use crate::types::set::algebra;
use crate::types::{Set, SetLimits};

type Keys<'a> = SmallVec<[Key<'a>; 4]>;
/// The sets at keys; none where there is no key.
type Found<'a> = SmallVec<[Option<Ref<'a, Set>>; 4]>;
type Sets<'a> = SmallVec<[&'a Set; 4]>;

/// Looks all keys up, in their order.
fn look_up<'a>(cx: &'a mut KeyCx<'_>, keys: &[Key<'_>]) -> Result<Found<'a>> {
    for key in keys {
        if let Some(pos) = cx.find_read(*key) {
            cx.db.read_at::<Set>(pos)?;
        }
    }
    // Read only now: a lookup that meets a key whose time has come moves others.
    let db = &*cx.db;
    Ok(keys.iter().map(|key| db.seen(*key).and_then(|entry| entry.collection())).collect())
}

/// Those sets that there are.
fn present<'a>(found: &'a [Option<Ref<'_, Set>>]) -> Sets<'a> {
    found.iter().flatten().map(|set| &**set).collect()
}

/// All of them, unless one is missing.
fn all_present<'a>(found: &'a [Option<Ref<'_, Set>>]) -> Option<Sets<'a>> {
    found.iter().map(|set| set.as_deref()).collect()
}

/// Stores a result, or removes the key when it is empty, and answers its size.
fn store(cx: &mut KeyCx<'_>, key: Key<'_>, result: Option<Set>, event: Event, out: &mut Reply<'_>) {
    let result = result.filter(|set| !set.is_empty());
    out.int(result.as_ref().map_or(0, Set::len) as i64);
    if let Some(set) = result {
        cx.set(key, set.into(), None);
        cx.changed(key.bytes, event, 1);
    } else if cx.remove(key) {
        cx.changed(key.bytes, Event::DEL, 1);
    }
}

pub const SINTER: Spec = Spec::key("sinter", sinter)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(&[KeySpec::range(1, -1, 1, RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key [key ...]")
    .since("1.0.0")
    .complexity("O(N*M) for M sets, the smallest of N members")
    .tips(&["nondeterministic_output_order"])
    .summary("Returns the members that several sets have in common.");

fn sinter(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let keys: Keys<'_> = args.rest_keys().collect();
    let found = look_up(cx, &keys)?;
    let (reply, mut n) = (out.open_set(), 0);
    if let Some(mut sets) = all_present(&found) {
        algebra::inter(&mut sets, |v| {
            out.value(v);
            n += 1;
            ControlFlow::Continue(())
        });
    }
    out.close(reply, n);
    Ok(())
}

pub const SINTERCARD: Spec = Spec::key("sintercard", sintercard)
    .arity(at_least(2))
    .flags(READONLY | MOVABLE_KEYS)
    .keys(&[KeySpec::counted(1, RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("numkeys key [key ...] [LIMIT limit]")
    .since("7.0.0")
    .complexity("O(N*M) for M sets, the smallest of N members")
    .summary("Returns how many members several sets have in common.");

fn sintercard(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const KEYS: Error = Error::text("ERR numkeys should be greater than 0");
    const TOO_MANY: Error = Error::text("ERR Number of keys can't be greater than number of args");
    const LIMIT: Error = Error::text("ERR LIMIT can't be negative");
    let count = args.int_in(1..=i64::MAX, KEYS)?;
    let count = usize::try_from(count).ok().filter(|n| *n <= args.left()).ok_or(TOO_MANY)?;
    let keys: Keys<'_> = (0..count).map(|_| args.key()).collect();
    let mut limit = 0;
    while args.left() > 0 {
        if args.left() < 2 || !args.eat("limit") {
            return Err(Error::SYNTAX);
        }
        limit = args.int_in(0..=i64::MAX, LIMIT)?;
    }
    let found = look_up(cx, &keys)?;
    let mut n = 0;
    if let Some(mut sets) = all_present(&found) {
        algebra::inter(&mut sets, |_| {
            n += 1;
            if n == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
    out.int(n);
    Ok(())
}

pub const SINTERSTORE: Spec = Spec::key("sinterstore", sinterstore)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("destination key [key ...]")
    .since("1.0.0")
    .complexity("O(N*M) for M sets, the smallest of N members")
    .summary("Stores the members that several sets have in common.");

fn sinterstore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let inter = |found: &Found<'_>, limits| {
        all_present(found).map(|mut sets| algebra::inter_stored(&mut sets, limits))
    };
    compute_and_store(cx, args, inter, Event::SINTERSTORE, out)
}

/// Reads destination and keys, and stores what `compute` makes of the sets.
fn compute_and_store(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    compute: impl FnOnce(&Found<'_>, SetLimits) -> Option<Set>,
    event: Event,
    out: &mut Reply<'_>,
) -> Result {
    let destination = args.key();
    let keys: Keys<'_> = args.rest_keys().collect();
    let limits = limits(cx.config);
    let result = compute(&look_up(cx, &keys)?, limits);
    store(cx, destination, result, event, out);
    Ok(())
}

pub const SUNION: Spec = Spec::key("sunion", sunion)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(&[KeySpec::range(1, -1, 1, RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key [key ...]")
    .since("1.0.0")
    .complexity("O(N) for N members of all sets")
    .tips(&["nondeterministic_output_order"])
    .summary("Returns the members that any of several sets has.");

fn sunion(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let keys: Keys<'_> = args.rest_keys().collect();
    let limits = limits(cx.config);
    let found = look_up(cx, &keys)?;
    let (reply, mut n) = (out.open_set(), 0);
    let built = algebra::union(&present(&found), limits, |v| {
        out.value(v);
        n += 1;
    });
    out.close(reply, n);
    drop(found);
    discard(cx, built);
    Ok(())
}

pub const SUNIONSTORE: Spec = Spec::key("sunionstore", sunionstore)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("destination key [key ...]")
    .since("1.0.0")
    .complexity("O(N) for N members of all sets")
    .summary("Stores the members that any of several sets has.");

fn sunionstore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let union = |found: &Found<'_>, limits| Some(algebra::union_stored(&present(found), limits));
    compute_and_store(cx, args, union, Event::SUNIONSTORE, out)
}

pub const SDIFF: Spec = Spec::key("sdiff", sdiff)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(&[KeySpec::range(1, -1, 1, RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key [key ...]")
    .since("1.0.0")
    .complexity("O(N) for N members of all sets")
    .tips(&["nondeterministic_output_order"])
    .summary("Returns the members of a set that none of several others has.");

fn sdiff(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let keys: Keys<'_> = args.rest_keys().collect();
    let limits = limits(cx.config);
    let found = look_up(cx, &keys)?;
    let (reply, mut n) = (out.open_set(), 0);
    let mut built = None;
    if let Some((Some(first), others)) = found.split_first() {
        built = algebra::diff(first, &mut present(others), limits, |v| {
            out.value(v);
            n += 1;
        });
    }
    out.close(reply, n);
    drop(found);
    discard(cx, built);
    Ok(())
}

pub const SDIFFSTORE: Spec = Spec::key("sdiffstore", sdiffstore)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(OW | UPDATE), KeySpec::range(2, -1, 1, RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("destination key [key ...]")
    .since("1.0.0")
    .complexity("O(N) for N members of all sets")
    .summary("Stores the members of a set that none of several others has.");

fn sdiffstore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let diff = |found: &Found<'_>, limits| match found.split_first() {
        Some((Some(first), others)) => Some(algebra::diff_stored(first, &mut present(others), limits)),
        _ => None,
    };
    compute_and_store(cx, args, diff, Event::SDIFFSTORE, out)
}

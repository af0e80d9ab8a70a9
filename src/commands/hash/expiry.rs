//! When fields expire: HEXPIRE and its kin, HTTL and its kin, HPERSIST. Replicas and the AOF get points in time, and
//! an HDEL of what is over already.

use super::options::{self, Unit, at_ms, count_fields, count_fields_or, find_fields};
use super::{moment, read};
use crate::base::num::{self, NumBuf};
use crate::commands::generic::{Condition, seconds};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::collection::Collection;
use crate::types::hash::Hash;

type Run = fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result;

const fn of_fields(name: &'static str, f: Run, flags: Flags, keys: &'static [KeySpec]) -> Spec {
    Spec::key(name, f)
        .arity(at_least(4))
        .flags(flags | FAST)
        .keys(keys)
        .acl(acl::HASH)
        .group(Group::Hash)
        .syntax("key FIELDS numfields field [field ...]")
        .since("9.0.0")
        .complexity("O(N) for N fields.")
}

const UPDATED: &[KeySpec] = &[KeySpec::first(RW | UPDATE)];
const ACCESSED: &[KeySpec] = &[KeySpec::first(RO | ACCESS)];

const fn expiring(name: &'static str, f: Run) -> Spec {
    of_fields(name, f, WRITE, UPDATED).arity(at_least(5))
}

pub const HEXPIRE: Spec = expiring("hexpire", hexpire)
    .syntax("key seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]")
    .summary("Sets after how many seconds fields of a hash expire.");
pub const HPEXPIRE: Spec = expiring("hpexpire", hpexpire)
    .syntax("key milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]")
    .summary("Sets after how many milliseconds fields of a hash expire.");
pub const HEXPIREAT: Spec = expiring("hexpireat", hexpireat)
    .syntax("key unix-time-seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]")
    .summary("Sets the Unix time at which fields of a hash expire.");
pub const HPEXPIREAT: Spec = expiring("hpexpireat", hpexpireat)
    .syntax("key unix-time-milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]")
    .summary("Sets the Unix time in milliseconds at which fields of a hash expire.");

fn hexpire(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_expiry(cx, args, out, options::SECONDS, "hexpire")
}
fn hpexpire(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_expiry(cx, args, out, options::MILLIS, "hpexpire")
}
fn hexpireat(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_expiry(cx, args, out, options::SECONDS_AT, "hexpireat")
}
fn hpexpireat(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_expiry(cx, args, out, options::MILLIS_AT, "hpexpireat")
}

/// What is answered for each field.
const ABSENT: i64 = -2;
const NO_EXPIRY: i64 = -1;
const REFUSED: i64 = 0;
const DONE: i64 = 1;
const GONE: i64 = 2;

fn set_expiry(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    unit: Unit,
    name: &str,
) -> Result {
    const TIME: usize = 2;
    let key = args.key();
    let word = find_fields(args, TIME + 1);
    args.seek(TIME + 1);
    let condition = word.map(|word| Condition::read(args, word)).transpose()?.unwrap_or_default();
    let n = count_fields(args, word, 1)?;
    let at = at_ms(args.get(TIME), unit, cx.now_ms, name)?;
    let (now_ms, past) = (moment(cx), cx.is_past(at));
    let mut hash = cx.db.write::<Hash>(key)?;
    out.array(n);
    let (mut set, mut gone) = (0, Vec::new());
    for field in args.rest() {
        let found = hash.as_mut().and_then(|hash| Some((hash.expiry(field, now_ms)?, hash)));
        out.int(match found {
            None => ABSENT,
            Some((old, _)) if !condition.allows(old, at) => REFUSED,
            Some((_, hash)) if past => {
                hash.remove(field, now_ms);
                gone.push(field);
                GONE
            }
            Some((_, hash)) => {
                hash.set_expiry(field, Some(at), now_ms);
                set += 1;
                DONE
            }
        });
    }
    let empty = hash.as_ref().is_some_and(|hash| hash.is_empty());
    drop(hash);
    if !gone.is_empty() {
        cx.fx.expired_fields += gone.len() as u64;
        cx.changed(key.bytes, Event::HEXPIRED, gone.len() as u64);
        if empty {
            cx.delete_empty(key);
        }
        gone.splice(0..0, [&b"HDEL"[..], key.bytes]);
        cx.propagate_as(&gone);
    } else if set > 0 {
        cx.changed(key.bytes, Event::HEXPIRE, set);
        if cx.fx.streaming {
            let mut digits = NumBuf::new();
            let mut words: Vec<&[u8]> = vec![b"HPEXPIREAT", key.bytes, num::fmt_i64(&mut digits, at)];
            words.extend(args.all().skip(TIME + 1));
            cx.propagate_as(&words);
        }
    }
    Ok(())
}

const fn telling(name: &'static str, f: Run) -> Spec {
    of_fields(name, f, READONLY, ACCESSED)
}

pub const HTTL: Spec = telling("httl", httl).summary("Tells in how many seconds fields of a hash expire.");
pub const HPTTL: Spec =
    telling("hpttl", hpttl).summary("Tells in how many milliseconds fields of a hash expire.");
pub const HEXPIRETIME: Spec =
    telling("hexpiretime", hexpiretime).summary("Tells the Unix time at which fields of a hash expire.");
pub const HPEXPIRETIME: Spec = telling("hpexpiretime", hpexpiretime)
    .summary("Tells the Unix time in milliseconds at which fields of a hash expire.");

fn httl(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    tell(cx, args, out, |at| seconds(at.saturating_sub(now_ms).max(0)))
}
fn hpttl(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    tell(cx, args, out, |at| at.saturating_sub(now_ms).max(0))
}
fn hexpiretime(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    tell(cx, args, out, seconds)
}
fn hpexpiretime(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    tell(cx, args, out, |at| at)
}

/// What `show` makes of every field's expiry.
fn tell(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, show: impl Fn(i64) -> i64) -> Result {
    let key = args.key();
    let word = fields_word(args)?;
    let n = count_fields_or(args, Some(word), 1, Error::SYNTAX)?;
    let now_ms = moment(cx);
    let hash = read(cx, key)?;
    out.array(n);
    for field in args.rest() {
        out.int(match hash.as_ref().and_then(|hash| hash.expiry(field, now_ms)) {
            None => ABSENT,
            Some(expiry) => expiry.map_or(NO_EXPIRY, &show),
        });
    }
    Ok(())
}

/// The word FIELDS, where it has to stand right behind the key.
pub fn fields_word(args: &Args<'_>) -> Result<usize> {
    const WORD: usize = 2;
    if args.is(WORD, "fields") { Ok(WORD) } else { Err(Error::SYNTAX) }
}

pub const HPERSIST: Spec = of_fields("hpersist", hpersist, WRITE, UPDATED)
    .summary("Makes fields of a hash stay that were to expire.");

fn hpersist(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let word = fields_word(args)?;
    let n = count_fields(args, Some(word), 1)?;
    let now_ms = moment(cx);
    let mut hash = cx.db.write::<Hash>(key)?;
    out.array(n);
    let mut changed = 0;
    for field in args.rest() {
        let found = hash.as_mut().and_then(|hash| Some((hash.expiry(field, now_ms)?, hash)));
        out.int(match found {
            None => ABSENT,
            Some((None, _)) => NO_EXPIRY,
            Some((Some(_), hash)) => {
                hash.set_expiry(field, None, now_ms);
                changed += 1;
                DONE
            }
        });
    }
    drop(hash);
    if changed > 0 {
        cx.changed(key.bytes, Event::HPERSIST, changed);
    }
    Ok(())
}

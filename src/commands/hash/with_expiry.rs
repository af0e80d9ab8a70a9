//! Fields read or stored together with a change of their expiry: HGETEX, HSETEX; read and removed: HGETDEL.

use super::expiry::fields_word;
use super::get::reply_value;
use super::options::{Condition, Of, Options, count_fields, find_fields};
use super::{expired_before, limits, moment};
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::collection::Collection;
use crate::types::hash::{self, Hash, NewExpiry, Outcome};

pub const HGETEX: Spec = Spec::key("hgetex", hgetex)
    .arity(at_least(4))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax(
        "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] \
         FIELDS numfields field [field ...]",
    )
    .since("9.0.0")
    .complexity("O(N) for N fields.")
    .summary("Returns the values of fields of a hash, and changes when they expire.");

/// What HGETEX does to the fields that it finds.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    Persist,
    Remove,
    ExpireAt(i64),
}

fn hgetex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    // From the name on, so that a key of this name is taken for the word, as in the reference.
    let word = find_fields(args, 0);
    let o = Options::read(args, word.unwrap_or(0), Of::Hgetex)?;
    let n = count_fields(args, word, 1)?;
    let found = cx.find_read(key);
    if let Some(pos) = found {
        cx.db.read_at::<Hash>(pos)?;
    }
    let then = match o.at_ms(cx.now_ms, "hgetex")? {
        _ if o.persist => Then::Persist,
        None => Then::Nothing,
        Some(at) if cx.is_past(at) => Then::Remove,
        Some(at) => Then::ExpireAt(at),
    };
    let now_ms = moment(cx);
    let mut hash = found.map(|pos| cx.db.write_at::<Hash>(pos, key.hash)).transpose()?;
    out.array(n);
    let mut changed = Vec::new();
    for field in args.rest() {
        reply_value(hash.as_deref(), field, now_ms, out);
        let Some(hash) = hash.as_mut() else { continue };
        let done = match then {
            Then::Nothing => false,
            Then::Persist => {
                matches!(hash.expiry(field, now_ms), Some(Some(_))) && hash.set_expiry(field, None, now_ms)
            }
            Then::Remove => hash.remove(field, now_ms),
            Then::ExpireAt(at) => hash.set_expiry(field, Some(at), now_ms),
        };
        if done {
            changed.push(field);
        }
    }
    let empty = hash.as_ref().is_some_and(|hash| hash.is_empty());
    drop(hash);
    if !changed.is_empty() {
        tell_hgetex(cx, key, then, &changed);
        if empty {
            cx.delete_empty(key);
        }
    }
    Ok(())
}

/// It is never propagated as it is, but as what it did to the fields that it changed.
fn tell_hgetex(cx: &mut KeyCx<'_>, key: Key<'_>, then: Then, changed: &[&[u8]]) {
    let n = changed.len() as u64;
    let [mut at_digits, mut n_digits] = [NumBuf::new(); 2];
    let count = num::fmt_u64(&mut n_digits, n);
    let (event, head) = match then {
        Then::Nothing => return,
        Then::Persist => (Event::HPERSIST, vec![b"HPERSIST", key.bytes, b"FIELDS", count]),
        Then::Remove => {
            cx.fx.expired_fields += n;
            (Event::HEXPIRED, vec![&b"HDEL"[..], key.bytes])
        }
        Then::ExpireAt(at) => {
            let at = num::fmt_i64(&mut at_digits, at);
            (Event::HEXPIRE, vec![b"HPEXPIREAT", key.bytes, at, b"FIELDS", count])
        }
    };
    cx.changed(key.bytes, event, n);
    if cx.fx.streaming {
        cx.propagate_as(&[&head, changed].concat());
    }
}

pub const HSETEX: Spec = Spec::key("hsetex", hsetex)
    .arity(at_least(5))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | INSERT)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax(
        "key [NX|XX] [FNX|FXX] \
         [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL] \
         FIELDS numfields field value [field value ...]",
    )
    .since("9.0.0")
    .complexity("O(N) for N fields.")
    .summary("Sets fields of a hash with one expiry, if the hash and they are there or not as wanted.");

fn hsetex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    // As for HGETEX.
    let word = find_fields(args, 0);
    let o = Options::read(args, word.unwrap_or(0), Of::Hsetex)?;
    count_fields(args, word, 2)?;
    let now_ms = moment(cx);
    let found = cx.db.find(key);
    let old = found.map(|pos| cx.db.read_at::<Hash>(pos)).transpose()?;
    if !holds(o.key, old.is_some()) {
        out.int(0);
        return Ok(());
    }
    let at = o.at_ms(cx.now_ms, "hsetex")?;
    let mut ahead = args.clone();
    while o.fields != Condition::Always && ahead.left() > 0 {
        let field = ahead.bytes_arg()?;
        ahead.bytes_arg()?;
        if !holds(o.fields, old.as_ref().is_some_and(|hash| hash.contains(field, now_ms))) {
            out.int(0);
            return Ok(());
        }
    }
    match at {
        Some(at) if cx.is_past(at) => remove_past(cx, key, args)?,
        _ => set_expiring(cx, key, &o, at, word.unwrap_or(0), args)?,
    }
    out.int(1);
    Ok(())
}

fn holds(condition: Condition, there: bool) -> bool {
    match condition {
        Condition::Always => true,
        Condition::Absent => !there,
        Condition::Present => there,
    }
}

fn set_expiring(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    o: &Options<'_>,
    at: Option<i64>,
    word: usize,
    args: &mut Args<'_>,
) -> Result {
    let (now_ms, limits) = (moment(cx), limits(cx.config));
    let expiry = match at {
        Some(at) => NewExpiry::At(at),
        None if o.keep_ttl => NewExpiry::Keep,
        None => NewExpiry::Never,
    };
    let mut hash = cx.db.write_or_insert::<Hash>(key)?;
    let (mut n, mut expired) = (0, Vec::new());
    while args.left() > 0 {
        let (field, value) = (args.bytes_arg()?, args.bytes_arg()?);
        if hash.set(field, value, expiry, now_ms, limits) == Outcome::Revived {
            expired.push(field);
        }
        n += 1;
    }
    drop(hash);
    expired_before(cx, key, expired.len() as u64);
    cx.changed(key.bytes, Event::HSET, n);
    if at.is_some() {
        cx.notify(key.bytes, Event::HEXPIRE);
    }
    if o.keep_ttl && !expired.is_empty() {
        // A replica sees those as still there, and would keep their expiry.
        expired.splice(0..0, [&b"HDEL"[..], key.bytes]);
        cx.propagate_as(&expired);
    }
    propagate_hsetex(cx, key, o, at, word, args);
    Ok(())
}

/// Without conditions, which were met, and with a point in time.
fn propagate_hsetex(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    o: &Options<'_>,
    at: Option<i64>,
    word: usize,
    args: &Args<'_>,
) {
    if !cx.fx.streaming {
        return;
    }
    let mut digits = NumBuf::new();
    let mut words: Vec<&[u8]> = vec![b"HSETEX", key.bytes];
    match at {
        Some(at) => words.extend([&b"PXAT"[..], num::fmt_i64(&mut digits, at)]),
        None if o.keep_ttl => words.push(b"KEEPTTL"),
        None => {}
    }
    words.extend(args.all().skip(word));
    cx.propagate_as(&words);
}

/// Fields set to expire at a time that is over: they are removed. The events come even where there was nothing.
fn remove_past(cx: &mut KeyCx<'_>, key: Key<'_>, args: &mut Args<'_>) -> Result {
    let mut hash = cx.db.write::<Hash>(key)?;
    let mut gone: Vec<&[u8]> = vec![b"HDEL", key.bytes];
    while args.left() > 0 {
        let field = args.bytes_arg()?;
        args.bytes_arg()?;
        cx.fx.expired_fields += 1;
        if hash.as_mut().is_some_and(|hash| hash.remove(field, hash::ALL)) {
            gone.push(field);
        }
    }
    let empty = hash.as_ref().map(|hash| hash.is_empty());
    drop(hash);
    let removed = gone.len() as u64 - 2;
    if empty.is_none() {
        cx.notify(key.bytes, Event::NEW);
    }
    if removed > 0 {
        cx.changed(key.bytes, Event::HSET, removed);
        cx.propagate_as(&gone);
    } else {
        cx.notify(key.bytes, Event::HSET);
    }
    cx.notify(key.bytes, Event::HEXPIRE);
    cx.notify(key.bytes, Event::HEXPIRED);
    match empty {
        Some(true) => cx.delete_empty(key),
        Some(false) => {}
        None => cx.notify(key.bytes, Event::DEL),
    }
    Ok(())
}

pub const HGETDEL: Spec = Spec::key("hgetdel", hgetdel)
    .arity(at_least(4))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key FIELDS numfields field [field ...]")
    .since("9.1.0")
    .complexity("O(N) for N fields.")
    .summary("Returns the values of fields of a hash and removes them.");

fn hgetdel(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let word = fields_word(args)?;
    let n = count_fields(args, Some(word), 1)?;
    let now_ms = moment(cx);
    let mut hash = cx.db.write::<Hash>(key)?;
    out.array(n);
    let mut removed = 0;
    for field in args.rest() {
        reply_value(hash.as_deref(), field, now_ms, out);
        removed += u64::from(hash.as_mut().is_some_and(|hash| hash.remove(field, now_ms)));
    }
    let empty = hash.as_ref().is_some_and(|hash| hash.is_empty());
    drop(hash);
    if removed > 0 {
        cx.changed(key.bytes, Event::HDEL, removed);
        if empty {
            cx.delete_empty(key);
        }
    }
    Ok(())
}

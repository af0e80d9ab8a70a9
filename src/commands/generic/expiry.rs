//! When keys expire: EXPIRE and its kin, TTL and its kin, PERSIST.

use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::ExpiryRule;
use crate::resp::Reply;

const EXPIRE_HISTORY: &[(&str, &str)] = &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")];

const UPDATED: &[KeySpec] = &[KeySpec::first(RW | UPDATE)];
const READ: &[KeySpec] = &[KeySpec::first(RO | ACCESS)];

const fn expiring(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    Spec::key(name, f)
        .arity(at_least(2))
        .flags(WRITE | FAST)
        .keys(UPDATED)
        .acl(acl::KEYSPACE)
        .history(EXPIRE_HISTORY)
}

pub const EXPIRE: Spec = expiring("expire", expire)
    .syntax("key seconds [NX|XX|GT|LT]")
    .since("1.0.0")
    .summary("Sets after how many seconds a key expires.");
pub const PEXPIRE: Spec = expiring("pexpire", pexpire)
    .syntax("key milliseconds [NX|XX|GT|LT]")
    .since("2.6.0")
    .summary("Sets after how many milliseconds a key expires.");
pub const EXPIREAT: Spec = expiring("expireat", expireat)
    .syntax("key unix-time-seconds [NX|XX|GT|LT]")
    .since("1.2.0")
    .summary("Sets the Unix time at which a key expires.");
pub const PEXPIREAT: Spec = expiring("pexpireat", pexpireat)
    .syntax("key unix-time-milliseconds [NX|XX|GT|LT]")
    .since("2.6.0")
    .summary("Sets the Unix time in milliseconds at which a key expires.");

fn expire(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let base_ms = cx.now_ms;
    set_expiry(cx, args, out, base_ms, 1000, "expire")
}
fn pexpire(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let base_ms = cx.now_ms;
    set_expiry(cx, args, out, base_ms, 1, "pexpire")
}
fn expireat(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_expiry(cx, args, out, 0, 1000, "expireat")
}
fn pexpireat(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_expiry(cx, args, out, 0, 1, "pexpireat")
}

/// Under which condition an expiry is set.
#[derive(Default)]
pub struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    /// Reads the arguments up to `end`.
    pub fn read(args: &mut Args<'_>, end: usize) -> Result<Condition> {
        let mut c = Condition::default();
        while args.position() < end {
            let flag = [("nx", &mut c.nx), ("xx", &mut c.xx), ("gt", &mut c.gt), ("lt", &mut c.lt)]
                .into_iter()
                .find_map(|(word, flag)| args.eat(word).then_some(flag));
            match flag {
                Some(flag) => *flag = true,
                None => return Err(Error::owned([b"ERR Unsupported option ", args.bytes_arg()?].concat())),
            }
        }
        if c.nx && (c.xx || c.gt || c.lt) {
            return Err(Error::text("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if c.gt && c.lt {
            return Err(Error::text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(c)
    }

    /// Whether `at` may take the place of `old`; no expiry counts as an infinite one.
    pub fn allows(&self, old: Option<i64>, at: i64) -> bool {
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| at <= old)
            || self.lt && old.is_some_and(|old| at >= old))
    }
}

/// `key n [condition]`: expires at `base_ms` and `n` units. A time that is over removes the key at once.
fn set_expiry(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    base_ms: i64,
    unit_ms: i64,
    name: &str,
) -> Result {
    let key = args.key();
    let time = args.position();
    args.seek(time + 1);
    let condition = Condition::read(args, args.len())?;
    let n = num::parse_i64(args.get(time)).ok_or(Error::NOT_INTEGER)?;
    let at = n.checked_mul(unit_ms).and_then(|ms| base_ms.checked_add(ms));
    let at = at.ok_or_else(|| Error::expire_time(name))?.max(0);
    let Some(pos) = cx.db.find(key).filter(|&p| condition.allows(cx.db.at(p).expiry(), at)) else {
        out.int(0);
        return Ok(());
    };
    // On a replica and while loading a time that is over is set all the same: the primary's DEL follows.
    if at <= cx.now_ms && cx.db.expiry_rule == ExpiryRule::Remove {
        let entry = cx.db.remove_at(pos, key.hash);
        cx.fx.discard(entry, cx.config.lazyfree_lazy_expire);
        // The reference sends the event of an expiry, not of a deletion, and counts it as one.
        cx.changed(key.bytes, Event::EXPIRED, 1);
        cx.fx.expired += 1;
        let removal: &[u8] = if cx.config.lazyfree_lazy_expire { b"UNLINK" } else { b"DEL" };
        cx.propagate_as(&[removal, key.bytes]);
    } else {
        cx.db.set_expiry(pos, key.hash, Some(at));
        cx.changed(key.bytes, Event::EXPIRE, 1);
        let mut digits = NumBuf::new();
        let mut words: Vec<&[u8]> = vec![b"PEXPIREAT", key.bytes, num::fmt_i64(&mut digits, at)];
        words.extend(args.all().skip(time + 1));
        cx.propagate_as(&words);
    }
    out.int(1);
    Ok(())
}

const fn telling(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::key(name, f).arity(exactly(1)).flags(READONLY | FAST).keys(READ).acl(acl::KEYSPACE).syntax("key")
}

pub const TTL: Spec = telling("ttl", ttl)
    .since("1.0.0")
    .tips(&["nondeterministic_output"])
    .history(&[("2.8.0", "Added the -2 reply.")])
    .summary("Tells in how many seconds a key expires.");
pub const PTTL: Spec = telling("pttl", pttl)
    .since("2.6.0")
    .tips(&["nondeterministic_output"])
    .history(&[("2.8.0", "Added the -2 reply.")])
    .summary("Tells in how many milliseconds a key expires.");
pub const EXPIRETIME: Spec =
    telling("expiretime", expiretime).since("7.0.0").summary("Tells the Unix time at which a key expires.");
pub const PEXPIRETIME: Spec = telling("pexpiretime", pexpiretime)
    .since("7.0.0")
    .summary("Tells the Unix time in milliseconds at which a key expires.");

fn ttl(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    tell(cx, args, out, |at| seconds(at - now_ms))
}
fn pttl(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    tell(cx, args, out, |at| at - now_ms)
}
fn expiretime(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    tell(cx, args, out, seconds)
}
fn pexpiretime(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    tell(cx, args, out, |at| at)
}

/// Milliseconds as seconds, rounded to the nearest.
pub fn seconds(ms: i64) -> i64 {
    ms / 1000 + (ms % 1000 >= 500) as i64
}

/// What `show` makes of the expiry; -1 without one, -2 without a key.
fn tell(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, show: impl Fn(i64) -> i64) -> Result {
    out.int(match cx.peek_read(args.key()) {
        None => -2,
        Some(pos) => cx.db.at(pos).expiry().map_or(-1, |at| show(at).max(0)),
    });
    Ok(())
}

pub const PERSIST: Spec = Spec::key("persist", persist)
    .arity(exactly(1))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .acl(acl::KEYSPACE)
    .syntax("key")
    .since("2.2.0")
    .summary("Makes a key stay that was to expire.");

fn persist(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let volatile = cx.db.find(key).filter(|&pos| cx.db.at(pos).expiry().is_some());
    if let Some(pos) = volatile {
        cx.db.set_expiry(pos, key.hash, None);
        cx.changed(key.bytes, Event::PERSIST, 1);
    }
    out.int(volatile.is_some() as i64);
    Ok(())
}

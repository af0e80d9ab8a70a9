//! Fields as numbers. The expiry of a field stays; one whose time has come counts as absent and loses it.

use super::{expired_before, limits, moment};
use crate::base::num::{self, Extended, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::{Key, Value};
use crate::resp::Reply;
use crate::types::hash::{Hash, Outcome, Text};

pub const HINCRBY: Spec = Spec::key("hincrby", hincrby)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key field increment")
    .since("2.0.0")
    .summary("Adds an integer to the one in a field.");

fn hincrby(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const NOT_INTEGER: Error = Error::text("ERR hash value is not an integer");
    let key = args.key();
    let field = args.bytes_arg()?;
    let n = args.int()?;
    let mut sum = 0;
    let done = change(cx, key, field, |old| {
        let old = match old {
            None => 0,
            Some(Value::Int(old)) => old,
            Some(Value::Bytes(text)) => num::parse_i64(text).ok_or(NOT_INTEGER)?,
        };
        sum = old.checked_add(n).ok_or(Error::OVERFLOW)?;
        Ok(Text::from_slice(num::fmt_i64(&mut NumBuf::new(), sum)))
    })?;
    told(cx, key, &done, Event::HINCRBY);
    if done.was_volatile && cx.fx.streaming {
        // What the field is when the command arrives at a replica cannot be known.
        propagate(cx, key, field, num::fmt_i64(&mut NumBuf::new(), sum), done.expiry);
    }
    out.int(sum);
    Ok(())
}

pub const HINCRBYFLOAT: Spec = Spec::key("hincrbyfloat", hincrbyfloat)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key field increment")
    .since("2.6.0")
    .summary("Adds a floating-point number to the number in a field.");

fn hincrbyfloat(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const NOT_FLOAT: Error = Error::text("ERR hash value is not a float");
    const INFINITE: Error = Error::text("ERR value is NaN or Infinity");
    let key = args.key();
    let field = args.bytes_arg()?;
    let n = Extended::parse(args.bytes_arg()?).ok_or(Error::NOT_FLOAT)?;
    if n.is_infinite() {
        return Err(INFINITE);
    }
    let mut text = Text::new();
    let done = change(cx, key, field, |old| {
        let old = match old {
            None => Extended::ZERO,
            Some(Value::Int(old)) => Extended::from(old),
            Some(Value::Bytes(text)) => Extended::parse(text).ok_or(NOT_FLOAT)?,
        };
        text = old.checked_add(n).ok_or(Error::NAN_OR_INFINITY)?.text();
        Ok(text.clone())
    })?;
    told(cx, key, &done, Event::HINCRBYFLOAT);
    // As the result: a replica may round or print differently.
    propagate(cx, key, field, &text, done.expiry);
    out.bulk(&text);
    Ok(())
}

/// What became of the hash.
struct Changed {
    outcome: Outcome,
    expiry: Option<i64>,
    /// Whether any of its fields was to expire before.
    was_volatile: bool,
}

fn change(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    field: &[u8],
    f: impl FnOnce(Option<Value<'_>>) -> Result<Text>,
) -> Result<Changed> {
    let (now_ms, limits) = (moment(cx), limits(cx.config));
    let mut hash = cx.db.write_or_insert::<Hash>(key)?;
    let was_volatile = hash.has_volatile();
    // Nothing added to nothing is always a number: a hash that was just made does not stay empty.
    let (outcome, expiry) = hash.update(field, now_ms, limits, f)?;
    Ok(Changed { outcome, expiry, was_volatile })
}

fn told(cx: &mut KeyCx<'_>, key: Key<'_>, done: &Changed, event: Event) {
    expired_before(cx, key, u64::from(done.outcome == Outcome::Revived));
    cx.changed(key.bytes, event, 1);
}

fn propagate(cx: &mut KeyCx<'_>, key: Key<'_>, field: &[u8], value: &[u8], expiry: Option<i64>) {
    match expiry {
        None => cx.propagate_as(&[b"HSET", key.bytes, field, value]),
        Some(at) => {
            let mut digits = NumBuf::new();
            let at = num::fmt_i64(&mut digits, at);
            cx.propagate_as(&[b"HSETEX", key.bytes, b"PXAT", at, b"FIELDS", b"1", field, value]);
        }
    }
}

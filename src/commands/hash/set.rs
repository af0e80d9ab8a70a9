//! Fields stored and removed: HSET and its relatives, HDEL.

use super::{expired_before, limits, moment};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::collection::Collection;
use crate::types::hash::{Hash, NewExpiry, Outcome};

pub const HSET: Spec = Spec::key("hset", hset)
    .arity(at_least(3))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key field value [field value ...]")
    .since("2.0.0")
    .complexity("O(N) for N fields.")
    .history(&[("4.0.0", "Accepts multiple `field` and `value` arguments.")])
    .summary("Sets fields of a hash, and counts those that are new.");

fn hset(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let created = set_fields(cx, args, "hset")?;
    out.int(created);
    Ok(())
}

pub const HMSET: Spec = Spec::key("hmset", hmset)
    .arity(at_least(3))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key field value [field value ...]")
    .since("2.0.0")
    .complexity("O(N) for N fields.")
    .summary("Sets fields of a hash.");

fn hmset(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_fields(cx, args, "hmset")?;
    out.ok();
    Ok(())
}

/// Sets all that is left as fields and values, and gives how many are new. A field that comes again keeps the last.
#[inline]
fn set_fields(cx: &mut KeyCx<'_>, args: &mut Args<'_>, name: &str) -> Result<i64> {
    let key = args.key();
    let pairs = args.pairs().ok_or_else(|| Error::arity(name))?;
    let (now_ms, limits) = (moment(cx), limits(cx.config));
    let mut hash = cx.db.write_or_insert::<Hash>(key)?;
    hash.prepare(pairs.len(), pairs.clone().flat_map(|(field, value)| [field, value]), limits);
    let (mut created, mut expired) = (0, 0);
    for (field, value) in pairs.clone() {
        let outcome = hash.set(field, value, NewExpiry::Never, now_ms, limits);
        created += i64::from(outcome.is_new());
        expired += u64::from(outcome == Outcome::Revived);
    }
    drop(hash);
    expired_before(cx, key, expired);
    cx.changed(key.bytes, Event::HSET, pairs.len() as u64);
    Ok(created)
}

pub const HSETNX: Spec = Spec::key("hsetnx", hsetnx)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | INSERT)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key field value")
    .since("2.0.0")
    .summary("Sets a field of a hash that does not exist yet.");

fn hsetnx(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (field, value) = (args.bytes_arg()?, args.bytes_arg()?);
    let (now_ms, limits) = (moment(cx), limits(cx.config));
    let mut hash = cx.db.write_or_insert::<Hash>(key)?;
    if hash.contains(field, now_ms) {
        out.int(0);
        return Ok(());
    }
    let was_volatile = hash.has_volatile();
    hash.prepare(1, [field, value].into_iter(), limits);
    let outcome = hash.set(field, value, NewExpiry::Never, now_ms, limits);
    drop(hash);
    expired_before(cx, key, u64::from(outcome == Outcome::Revived));
    cx.changed(key.bytes, Event::HSET, 1);
    if was_volatile {
        // On a replica the field may still be there.
        cx.propagate_as(&[b"HSET", key.bytes, field, value]);
    }
    out.int(1);
    Ok(())
}

pub const HDEL: Spec = Spec::key("hdel", hdel)
    .arity(at_least(2))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key field [field ...]")
    .since("2.0.0")
    .complexity("O(N) for N fields.")
    .history(&[("2.4.0", "Accepts multiple `field` arguments.")])
    .summary("Removes fields from a hash, and the hash with the last of them.");

fn hdel(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let now_ms = moment(cx);
    let Some(mut hash) = cx.db.write::<Hash>(key)? else {
        out.int(0);
        return Ok(());
    };
    let mut removed = 0;
    for field in args.rest() {
        removed += u64::from(hash.remove(field, now_ms));
        if hash.is_empty() {
            break;
        }
    }
    let empty = hash.is_empty();
    drop(hash);
    if removed > 0 {
        cx.changed(key.bytes, Event::HDEL, removed);
        if empty {
            cx.delete_empty(key);
        }
    }
    out.int(removed as i64);
    Ok(())
}

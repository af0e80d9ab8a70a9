//! Commands on hashes: `set` stores and removes fields, `get` reads, `number` counts, `random` draws, `scan` walks,
//! `expiry` tells and changes when fields expire, `with_expiry` reads or stores them at the same time.
//!
//! A field whose time has come is hidden at that very millisecond; the expiry cycle removes it soon after, which is
//! when it is counted no more (HLEN). A command that writes over it says `hexpired` first, as the reference does.

mod expiry;
mod get;
mod number;
mod options;
mod random;
mod scan;
mod set;
#[cfg(test)]
mod tests;
mod with_expiry;

use crate::engine::config::Config;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::keyspace::object::Ref;
use crate::keyspace::{ExpiryRule, Key};
use crate::types::hash::{self, Hash, HashLimits};

pub const COMMANDS: &[Spec] = &[
    set::HSET,
    set::HMSET,
    set::HSETNX,
    set::HDEL,
    get::HGET,
    get::HMGET,
    get::HGETALL,
    get::HKEYS,
    get::HVALS,
    get::HLEN,
    get::HSTRLEN,
    get::HEXISTS,
    number::HINCRBY,
    number::HINCRBYFLOAT,
    random::HRANDFIELD,
    scan::HSCAN,
    expiry::HEXPIRE,
    expiry::HPEXPIRE,
    expiry::HEXPIREAT,
    expiry::HPEXPIREAT,
    expiry::HTTL,
    expiry::HPTTL,
    expiry::HEXPIRETIME,
    expiry::HPEXPIRETIME,
    expiry::HPERSIST,
    with_expiry::HGETEX,
    with_expiry::HSETEX,
    with_expiry::HGETDEL,
];

/// The moment for which fields are looked at: what the primary sends and what is loaded sees all of them.
#[inline]
pub fn moment(cx: &KeyCx<'_>) -> i64 {
    if cx.db.expiry_rule == ExpiryRule::Ignore { hash::ALL } else { cx.now_ms }
}

#[inline]
fn limits(config: &Config) -> HashLimits {
    HashLimits { packed: config.hash_max_listpack_entries, packed_value: config.hash_max_listpack_value }
}

/// The hash at `key` for a reader.
#[inline]
fn read<'c>(cx: &'c mut KeyCx<'_>, key: Key<'_>) -> Result<Option<Ref<'c, Hash>>> {
    match cx.find_read(key) {
        Some(pos) => Ok(Some(cx.db.read_at(pos)?)),
        None => Ok(None),
    }
}

/// Fields were written over whose time had come: they expired just before.
fn expired_before(cx: &mut KeyCx<'_>, key: Key<'_>, fields: u64) {
    if fields > 0 {
        cx.fx.expired_fields += fields;
        cx.notify(key.bytes, Event::HEXPIRED);
    }
}

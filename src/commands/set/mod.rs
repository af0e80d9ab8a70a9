//! Commands on sets: `member` adds, removes and asks for members, `draw` leaves the choice to chance, `algebra`
//! intersects, unites and subtracts. How sets are stored is `types::set`'s business.

mod algebra;
mod draw;
mod member;
#[cfg(test)]
mod tests;

use crate::engine::config::Config;
use crate::engine::cx::KeyCx;
use crate::engine::error::Result;
use crate::engine::spec::Spec;
use crate::keyspace::object::Ref;
use crate::keyspace::{Entry, Key};
use crate::types::collection::Collection;
use crate::types::{Set, SetLimits};

pub const COMMANDS: &[Spec] = &[
    member::SADD,
    member::SREM,
    member::SMOVE,
    member::SISMEMBER,
    member::SMISMEMBER,
    member::SCARD,
    member::SMEMBERS,
    member::SSCAN,
    draw::SPOP,
    draw::SRANDMEMBER,
    algebra::SINTER,
    algebra::SINTERCARD,
    algebra::SINTERSTORE,
    algebra::SUNION,
    algebra::SUNIONSTORE,
    algebra::SDIFF,
    algebra::SDIFFSTORE,
];

/// How large small encodings may become.
fn limits(config: &Config) -> SetLimits {
    SetLimits {
        ints: config.set_max_intset_entries,
        packed: config.set_max_listpack_entries,
        packed_value: config.set_max_listpack_value,
    }
}

/// The set at `key` for a reader; a miss is told.
fn read<'a>(cx: &'a mut KeyCx<'_>, key: Key<'_>) -> Result<Option<Ref<'a, Set>>> {
    match cx.find_read(key) {
        Some(pos) => Ok(Some(cx.db.read_at(pos)?)),
        None => Ok(None),
    }
}

/// Frees a set that is no key's any more: a large one after the command, on the free thread.
fn discard(cx: &mut KeyCx<'_>, set: Option<Set>) {
    if let Some(set) = set
        && set.effort() > 1
    {
        let lazy = cx.config.lazyfree_lazy_server_del;
        cx.fx.discard(Entry::new(b"", set.into(), None, 0), lazy);
    }
}

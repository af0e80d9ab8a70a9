//! Commands on strings: `set` stores whole values, `get` reads, `number` counts, `part` reads and changes parts.
//! A value that is an integer as it would be printed is stored as one (`encode`); all others as bytes, inside the
//! entry while they are short.

mod get;
mod number;
mod options;
mod part;
mod set;
#[cfg(test)]
mod tests;

use crate::base::num;
use crate::engine::spec::Spec;
use crate::keyspace::{EntryRef, NewValue, Value};
use crate::resp::Reply;
use crate::resp::reply::SHARE_MIN;

pub use set::SET;

pub const COMMANDS: &[Spec] = &[
    get::GET,
    set::SET,
    set::SETNX,
    set::SETEX,
    set::PSETEX,
    set::GETSET,
    set::MSET,
    set::MSETNX,
    set::MSETEX,
    get::MGET,
    get::GETDEL,
    get::GETEX,
    get::DELIFEQ,
    get::STRLEN,
    part::APPEND,
    part::GETRANGE,
    part::SUBSTR,
    part::SETRANGE,
    part::LCS,
    number::INCR,
    number::DECR,
    number::INCRBY,
    number::DECRBY,
    number::INCRBYFLOAT,
];

/// The form in which a value is stored.
#[inline]
fn encode(value: &[u8]) -> NewValue<'_> {
    match num::parse_i64(value) {
        Some(n) => NewValue::Int(n),
        None => NewValue::Bytes(value),
    }
}

/// Answers the string of an entry; a long one is shared, not copied.
#[inline]
fn reply_string(out: &mut Reply<'_>, entry: EntryRef<'_>) {
    match entry.value() {
        Value::Bytes(b) if b.len() >= SHARE_MIN => match entry.heap() {
            Some(heap) => out.bulk_shared(heap),
            None => out.bulk(b),
        },
        value => out.value(value),
    }
}

//! Commands on lists: `push` and `pop` at the ends, `range` reads, `edit` changes what is inside, `moving` takes from one
//! list and gives to another, `blocking` waits for elements. The structure is `types::list`.

mod blocking;
mod edit;
mod moving;
mod pop;
mod push;
mod range;
#[cfg(test)]
mod tests;

use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::Spec;
use crate::keyspace::Key;
use crate::types::list::{End, ListLimits};

pub const COMMANDS: &[Spec] = &[
    push::LPUSH,
    push::RPUSH,
    push::LPUSHX,
    push::RPUSHX,
    pop::LPOP,
    pop::RPOP,
    pop::LMPOP,
    range::LLEN,
    range::LRANGE,
    range::LINDEX,
    range::LPOS,
    edit::LSET,
    edit::LINSERT,
    edit::LREM,
    edit::LTRIM,
    moving::LMOVE,
    moving::RPOPLPUSH,
    blocking::BLPOP,
    blocking::BRPOP,
    blocking::BLMOVE,
    blocking::BRPOPLPUSH,
    blocking::BLMPOP,
];

/// What the reference says of a number that is only refused because it has no opposite.
const BEYOND_LONG: Error =
    Error::text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

/// How a list is laid out, by the configuration.
#[inline]
pub fn limits(cx: &KeyCx<'_>) -> ListLimits {
    ListLimits {
        size: cx.config.list_max_listpack_size,
        depth: cx.config.list_compress_depth,
        plain: cx.debug.packed_threshold,
    }
}

/// The event of an addition at `end`.
fn pushed(end: End) -> Event {
    match end {
        End::Front => Event::LPUSH,
        End::Back => Event::RPUSH,
    }
}

/// The event of a removal at `end`.
fn popped(end: End) -> Event {
    match end {
        End::Front => Event::LPOP,
        End::Back => Event::RPOP,
    }
}

/// Reads `LEFT` or `RIGHT`.
fn end_arg(args: &mut Args<'_>) -> Result<End> {
    match args.bytes_arg()? {
        word if word.eq_ignore_ascii_case(b"left") => Ok(End::Front),
        word if word.eq_ignore_ascii_case(b"right") => Ok(End::Back),
        _ => Err(Error::SYNTAX),
    }
}

/// Reads an integer that has an opposite.
fn signed_arg(args: &mut Args<'_>) -> Result<i64> {
    match args.int()? {
        i64::MIN => Err(BEYOND_LONG),
        n => Ok(n),
    }
}

/// The elements that `start..=stop`, counted from the end where negative, means of `len`: the first, and how many.
fn clip(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |i: i64| if i < 0 { i.saturating_add(len) } else { i };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop { (0, 0) } else { (start as usize, (stop - start + 1) as usize) }
}

/// An element's number counted from the front, unless it is before that.
fn from_front(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(i64::try_from(len).ok()?)? } else { index };
    usize::try_from(index).ok()
}

/// Removes `key` with all elements that are still in its list, as the last of which they are all said to be gone.
fn delete_whole(cx: &mut KeyCx<'_>, key: Key<'_>) {
    cx.remove(key);
    cx.fx.changed(cx.db.id, key.bytes, Event::DEL, 0);
}

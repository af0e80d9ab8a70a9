//! An element taken from one list and given to another.

use smallvec::SmallVec;

use super::{end_arg, limits, popped, pushed};
use crate::base::num::NumBuf;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::list::{End, List};

pub const LMOVE: Spec = Spec::key("lmove", lmove)
    .arity(exactly(4))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("source destination LEFT|RIGHT LEFT|RIGHT")
    .since("6.2.0")
    .summary("Moves an element from one end of a list to an end of another, and returns it.");

fn lmove(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to) = (args.key(), args.key());
    let ends = (end_arg(args)?, end_arg(args)?);
    if !move_one(cx, from, to, ends, out)? {
        out.null();
    }
    Ok(())
}

pub const RPOPLPUSH: Spec = Spec::key("rpoplpush", rpoplpush)
    .arity(exactly(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("source destination")
    .since("1.2.0")
    .summary("Moves the last element of a list to the front of another, and returns it.");

fn rpoplpush(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to) = (args.key(), args.key());
    if !move_one(cx, from, to, (End::Back, End::Front), out)? {
        out.null();
    }
    Ok(())
}

/// Moves an element and answers it; whether there is one.
pub(super) fn move_one(
    cx: &mut KeyCx<'_>,
    from: Key<'_>,
    to: Key<'_>,
    ends: (End, End),
    out: &mut Reply<'_>,
) -> Result<bool> {
    let limits = limits(cx);
    let Some(pos) = cx.db.find(from) else { return Ok(false) };
    cx.db.read_at::<List>(pos)?;
    if let Some(pos) = cx.db.find(to) {
        cx.db.read_at::<List>(pos)?;
    }
    let Some(mut source) = cx.db.write::<List>(from)? else { return Ok(false) };
    let mut value = SmallVec::<[u8; 64]>::new();
    source.pop(ends.0, |v| value.extend_from_slice(v.bytes(&mut NumBuf::new())));
    let same = from.bytes == to.bytes;
    if same {
        source.grow(1, value.len(), limits);
        source.push(ends.1, &value, limits);
    }
    let empty = source.is_empty();
    if !empty {
        source.shrink(limits);
    }
    drop(source);
    if !same {
        let mut target = cx.db.write_or_insert::<List>(to)?;
        target.grow(1, value.len(), limits);
        target.push(ends.1, &value, limits);
    }
    cx.changed(to.bytes, pushed(ends.1), 0);
    cx.changed(from.bytes, popped(ends.0), 1);
    if empty {
        cx.delete_empty(from);
    }
    out.bulk(&value);
    Ok(true)
}

//! XACK and XPENDING: entries that a group has not acknowledged, acknowledged and told of.

use super::delete::Ids;
use super::{count, end, id, no_group, start, write_id};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::stream::{self, Nack, Stream, StreamId};

pub const XACK: Spec = Spec::key("xack", xack)
    .arity(at_least(3))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key group id [id ...]")
    .since("5.0.0")
    .complexity("O(log N) for each id")
    .summary("Acknowledges entries that a group was given, and returns how many were pending.");

fn xack(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, name) = (args.key(), args.bytes_arg()?);
    let mut acknowledged = 0;
    if let Some(pos) = cx.find_read(key) {
        let mut stream = cx.db.write_at::<Stream>(pos, key.hash)?;
        if let Some(group) = stream.group_mut(name) {
            let ids = args.rest().map(id).collect::<Result<Ids>>()?;
            acknowledged = ids.into_iter().filter(|id| group.release(*id)).count();
        }
    }
    cx.fx.dirty += acknowledged as u64;
    out.int(acknowledged as i64);
    Ok(())
}

pub const XPENDING: Spec = Spec::key("xpending", xpending)
    .arity(at_least(2))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key group [[IDLE min-idle-time] start end count [consumer]]")
    .since("5.0.0")
    .complexity(
        "O(log N + M) for M entries returned, or left out by IDLE; O(C) for the C consumers without a range",
    )
    .tips(&["nondeterministic_output"])
    .history(&[("6.2.0", "Option `IDLE`, and bounds that are not part of the range.")])
    .summary("Tells of entries that a group was given and has not acknowledged.");

/// Which pending entries are asked for.
struct Range<'a> {
    min_idle_ms: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

/// Reads `[[IDLE min-idle-time] start end count [consumer]]`.
fn range_args<'a>(args: &mut Args<'a>) -> Result<Option<Range<'a>>> {
    if args.left() == 0 {
        return Ok(None);
    }
    if !(3..=6).contains(&args.left()) {
        return Err(Error::SYNTAX);
    }
    let mut min_idle_ms = 0;
    if args.eat("idle") {
        min_idle_ms = args.int()?;
        if args.left() < 3 {
            return Err(Error::SYNTAX);
        }
    }
    // The count is looked at first.
    let bounds = (args.bytes_arg()?, args.bytes_arg()?);
    let count = count(args)?;
    Ok(Some(Range {
        min_idle_ms,
        from: start(bounds.0)?,
        to: end(bounds.1)?,
        count,
        consumer: args.next_opt(),
    }))
}

fn xpending(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, name) = (args.key(), args.bytes_arg()?);
    let range = range_args(args)?;
    let found = cx.find_read(key);
    let stream = found.map(|pos| cx.db.read_at::<Stream>(pos)).transpose()?;
    let group = stream.as_ref().and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| no_group(key.bytes, name, ""))?;
    match range {
        None => write_summary(group, out),
        Some(range) => write_range(group, &range, cx.now_ms, out),
    }
    Ok(())
}

fn write_summary(group: &stream::Group, out: &mut Reply<'_>) {
    let pending = group.pending();
    out.array(4);
    out.int(pending.len() as i64);
    let (Some(first), Some(last)) = (pending.first(), pending.last()) else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    write_id(out, first);
    write_id(out, last);
    let busy = || group.consumers().filter(|consumer| consumer.pending() > 0);
    out.array(busy().count());
    for consumer in busy() {
        out.array(2);
        out.bulk(&consumer.name);
        out.bulk_int(consumer.pending() as i64);
    }
}

fn write_range(group: &stream::Group, range: &Range<'_>, now_ms: i64, out: &mut Reply<'_>) {
    let array = out.open_array();
    let mut n = 0;
    let mut left = range.count;
    let mut write = |id: StreamId, nack: Nack| {
        let idle = now_ms.wrapping_sub(nack.time_ms);
        if range.min_idle_ms != 0 && idle < range.min_idle_ms {
            return left > 0;
        }
        out.array(4);
        write_id(out, id);
        out.bulk(&group.owner(nack).name);
        out.int(idle.max(0));
        out.int(nack.count as i64);
        n += 1;
        left -= 1;
        left > 0
    };
    if range.count > 0 {
        match range.consumer.map(|name| group.find(name)) {
            None => {
                group
                    .pending_from(range.from)
                    .take_while(|(id, _)| *id <= range.to)
                    .all(|(id, nack)| write(id, nack));
            }
            Some(Some(consumer)) => {
                let ids = group.consumer(consumer).ids_from(range.from).take_while(|id| *id <= range.to);
                ids.filter_map(|id| group.pending().get(id).map(|nack| (id, nack)))
                    .all(|(id, nack)| write(id, nack));
            }
            Some(None) => {}
        }
    }
    out.close(array, n);
}

//! XRANGE and XREVRANGE.

use super::{count, end, start, write_entry};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::stream::{Entry, Stream};

const KEYS: &[KeySpec] = &[KeySpec::first(RO | ACCESS)];

const fn spec(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::key(name, f)
        .arity(at_least(3))
        .flags(READONLY)
        .keys(KEYS)
        .acl(acl::STREAM)
        .group(Group::Stream)
        .since("5.0.0")
        .complexity("O(log N + M) for M entries returned")
        .history(&[("6.2.0", "Bounds that are not part of the range.")])
}

pub const XRANGE: Spec = spec("xrange", xrange)
    .syntax("key start end [COUNT count]")
    .summary("Returns the entries of a stream from one id to another.");

fn xrange(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(cx, args, false, out)
}

pub const XREVRANGE: Spec = spec("xrevrange", xrevrange)
    .syntax("key end start [COUNT count]")
    .summary("Returns the entries of a stream from one id to another, the last first.");

fn xrevrange(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(cx, args, true, out)
}

fn range(cx: &mut KeyCx<'_>, args: &mut Args<'_>, backwards: bool, out: &mut Reply<'_>) -> Result {
    let (key, a, b) = (args.key(), args.bytes_arg()?, args.bytes_arg()?);
    let (from, to) = if backwards { (b, a) } else { (a, b) };
    let (from, to) = (start(from)?, end(to)?);
    let mut most = None;
    while args.left() > 0 {
        if args.left() < 2 || !args.eat("count") {
            return Err(Error::SYNTAX);
        }
        most = Some(count(args)?);
    }
    let Some(pos) = cx.find_read(key) else {
        out.array(0);
        return Ok(());
    };
    let stream = cx.db.read_at::<Stream>(pos)?;
    match most {
        Some(0) => out.null_array(),
        _ if backwards => write_entries(out, stream.backwards(from, to), most),
        _ => write_entries(out, stream.forwards(from, to), most),
    }
    Ok(())
}

/// Writes up to `most` entries as an array; how many there were.
pub(super) fn write_entries<'a>(
    out: &mut Reply<'_>,
    entries: impl Iterator<Item = Entry<'a>>,
    most: Option<usize>,
) {
    let array = out.open_array();
    let mut n = 0;
    for entry in entries.take(most.unwrap_or(usize::MAX)) {
        write_entry(out, &entry);
        n += 1;
    }
    out.close(array, n);
}

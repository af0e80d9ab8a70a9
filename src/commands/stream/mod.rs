//! Commands on streams: `add` puts entries in and takes them away, `range` and `read` return them, `group` keeps the
//! groups of consumers, `claim` what they have not acknowledged, `info` tells of all of it. The structure is
//! `types::stream`.
//!
//! What a group is given goes to the AOF and replicas as the state that it leaves: every entry as an XCLAIM with its
//! time, count and owner, the group's position as an XGROUP SETID, a consumer that got nothing yet as an XGROUP
//! CREATECONSUMER.

mod add;
mod claim;
mod delete;
mod group;
mod info;
mod pending;
mod range;
mod read;
#[cfg(test)]
mod tests;

use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::Spec;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::stream::{ConsumerNo, Entry, Group, IdText, StreamId, StreamLimits};

pub const COMMANDS: &[Spec] = &[
    add::XADD,
    add::XTRIM,
    add::XLEN,
    add::XSETID,
    delete::XDEL,
    delete::XDELEX,
    delete::XACKDEL,
    range::XRANGE,
    range::XREVRANGE,
    read::XREAD,
    read::XREADGROUP,
    group::XGROUP,
    pending::XACK,
    pending::XPENDING,
    claim::XCLAIM,
    claim::XAUTOCLAIM,
    info::XINFO,
];

const INVALID_ID: Error = Error::text("ERR Invalid stream ID specified as stream command argument");

/// When a node is full, by the configuration.
#[inline]
fn limits(cx: &KeyCx<'_>) -> StreamLimits {
    StreamLimits { bytes: cx.config.stream_node_max_bytes, entries: cx.config.stream_node_max_entries }
}

/// Reads an id; without a sequence number that is 0.
fn id(text: &[u8]) -> Result<StreamId> {
    StreamId::parse(text, 0).ok_or(INVALID_ID)
}

/// Reads the next argument as an id.
fn id_arg(args: &mut Args<'_>) -> Result<StreamId> {
    id(args.bytes_arg()?)
}

/// An argument as a bound of a range: the id, and whether it is itself outside.
fn bound(text: &[u8], seq: u64) -> Result<(StreamId, bool)> {
    let (parsed, exclusive) = match text {
        [b'(', text @ ..] if !text.is_empty() => (StreamId::parse(text, seq), true),
        text => (StreamId::parse_bound(text, seq), false),
    };
    parsed.map(|id| (id, exclusive)).ok_or(INVALID_ID)
}

/// Reads where a range begins.
fn start(text: &[u8]) -> Result<StreamId> {
    match bound(text, 0)? {
        (id, false) => Ok(id),
        (id, true) => id.next().ok_or(Error::text("ERR invalid start ID for the interval")),
    }
}

/// Reads where a range ends.
fn end(text: &[u8]) -> Result<StreamId> {
    match bound(text, u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => id.prev().ok_or(Error::text("ERR invalid end ID for the interval")),
    }
}

/// Reads a count; a negative one is 0.
fn count(args: &mut Args<'_>) -> Result<usize> {
    Ok(args.int()?.max(0) as usize)
}

/// What the reference shows of a name in an error: up to its first zero byte.
fn shown(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// `NOGROUP No such key '..' or consumer group '..'`, and what follows.
fn no_group(key: &[u8], group: &[u8], tail: &str) -> Error {
    let parts: [&[u8]; 6] =
        [b"NOGROUP No such key '", shown(key), b"' or consumer group '", shown(group), b"'", tail.as_bytes()];
    Error::owned(parts.concat())
}

/// `NOGROUP No such consumer group '..' for key name '..'`.
fn no_group_at(key: &[u8], group: &[u8]) -> Error {
    let parts: [&[u8]; 5] =
        [b"NOGROUP No such consumer group '", shown(group), b"' for key name '", shown(key), b"'"];
    Error::owned(parts.concat())
}

#[inline]
fn write_id(out: &mut Reply<'_>, id: StreamId) {
    out.bulk(id.text(&mut IdText::new()));
}

/// An entry: its id, and its fields and values.
#[inline]
fn write_entry(out: &mut Reply<'_>, entry: &Entry<'_>) {
    out.array(2);
    write_id(out, entry.id);
    out.array(2 * entry.len());
    for (name, value) in entry.pairs() {
        out.value(name);
        out.value(value);
    }
}

/// The consumer of a group by its name, which is made if there is none: whether it was.
fn consumer_of(group: &mut Group, name: &[u8], now_ms: i64) -> (ConsumerNo, bool) {
    match group.find(name) {
        Some(consumer) => (consumer, false),
        None => (group.add_consumer(name, now_ms), true),
    }
}

/// A consumer was made by a command that is not for that: `told` is what else the command propagates of it.
fn consumer_made(cx: &mut KeyCx<'_>, key: Key<'_>, group: &[u8], name: &[u8], told: bool) {
    cx.fx.dirty += 1;
    cx.notify(key.bytes, Event::XGROUP_CREATECONSUMER);
    if !told {
        cx.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key.bytes, group, name]);
    }
}

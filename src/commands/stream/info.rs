//! XINFO: what a stream counts, its groups, their consumers.

use super::range::write_entries;
use super::{no_group_at, write_entry, write_id};
use crate::commands::help;
use crate::commands::server::subcommand_syntax;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::object::Ref;
use crate::resp::Reply;
use crate::types::stream::{self, Consumer, Counts, Log, Stream, StreamId, UNKNOWN};

pub const XINFO: Spec = Spec::container("xinfo", &[CONSUMERS, GROUPS, STREAM, HELP])
    .group(Group::Stream)
    .since("5.0.0")
    .complexity("Depends on the subcommand.")
    .summary("Commands that tell of streams.");

const KEYS: &[KeySpec] = &[KeySpec::at(2, RO | ACCESS)];

const fn spec(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::key(name, f).flags(READONLY).keys(KEYS).acl(acl::STREAM).group(Group::Stream).since("5.0.0")
}

const CONSUMERS: Spec = spec("consumers", consumers)
    .arity(exactly(3))
    .syntax("key group")
    .tips(&["nondeterministic_output"])
    .history(&[("7.2.0", "Field `inactive`; `idle` has another meaning.")])
    .summary("Tells of the consumers of a group.");
const GROUPS: Spec = spec("groups", groups)
    .arity(exactly(2))
    .syntax("key")
    .history(&[("7.0.0", "Fields `entries-read` and `lag`.")])
    .summary("Tells of the groups of a stream.");
const STREAM: Spec = spec("stream", of_stream)
    .arity(at_least(2))
    .syntax("key [FULL [COUNT count]]")
    .history(&[
        ("6.0.0", "Option `FULL`."),
        ("7.0.0", "Fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read`, `lag`."),
        ("7.2.0", "Field `active-time`; `seen-time` has another meaning."),
    ])
    .summary("Tells of a stream, or with FULL of its entries, groups and consumers too.");
const HELP: Spec = help::spec(Group::Stream, "5.0.0").acl(acl::STREAM);

/// The stream at argument 2, which must be there.
fn read<'a>(cx: &'a mut KeyCx<'_>, args: &mut Args<'_>) -> Result<Ref<'a, Stream>> {
    args.seek(2);
    let pos = cx.find_read(args.key()).ok_or(Error::NO_SUCH_KEY)?;
    Ok(cx.db.read_at::<Stream>(pos)?)
}

fn consumers(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (now_ms, name) = (cx.now_ms, args.get(3));
    let stream = read(cx, args)?;
    let group = stream.group(name).ok_or_else(|| no_group_at(args.get(2), name))?;
    out.array(group.consumers_len());
    for consumer in group.consumers() {
        out.map(4);
        out.bulk(b"name");
        out.bulk(&consumer.name);
        out.bulk(b"pending");
        out.int(consumer.pending() as i64);
        out.bulk(b"idle");
        out.int(now_ms.wrapping_sub(consumer.seen_ms).max(0));
        out.bulk(b"inactive");
        out.int(match consumer.active_ms {
            -1 => -1,
            active_ms => now_ms.wrapping_sub(active_ms),
        });
    }
    Ok(())
}

fn groups(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let stream = read(cx, args)?;
    let groups = stream.groups();
    out.array(groups.len());
    for (name, group) in groups {
        out.map(6);
        out.bulk(b"name");
        out.bulk(name);
        out.bulk(b"consumers");
        out.int(group.consumers_len() as i64);
        out.bulk(b"pending");
        out.int(group.pending().len() as i64);
        write_position(stream.counts(), group, out);
    }
    Ok(())
}

/// How far a group has come: three fields.
fn write_position(counts: &Counts, group: &stream::Group, out: &mut Reply<'_>) {
    out.bulk(b"last-delivered-id");
    write_id(out, group.last_id);
    out.bulk(b"entries-read");
    match group.entries_read {
        UNKNOWN => out.null(),
        n => out.int(n),
    }
    out.bulk(b"lag");
    match counts.lag(group) {
        None => out.null(),
        Some(n) => out.int(n),
    }
}

fn of_stream(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let stream = read(cx, args)?;
    let full = match args.left() {
        0 => None,
        1 if args.eat("full") => Some(FULL_COUNT),
        3 if args.eat("full") && args.eat("count") => {
            let count = args.int()?;
            Some(usize::try_from(count).unwrap_or(FULL_COUNT))
        }
        _ => return Err(subcommand_syntax("XINFO", args.get(1))),
    };
    let counts = stream.counts();
    out.map(if full.is_some() { 9 } else { 10 });
    let id = |out: &mut Reply<'_>, name: &[u8], id: StreamId| {
        out.bulk(name);
        write_id(out, id);
    };
    let number = |out: &mut Reply<'_>, name: &[u8], n: i64| {
        out.bulk(name);
        out.int(n);
    };
    number(out, b"length", counts.len as i64);
    number(out, b"radix-tree-keys", stream.nodes_len() as i64);
    number(out, b"radix-tree-nodes", radix_nodes(&stream) as i64);
    id(out, b"last-generated-id", counts.last_id);
    id(out, b"max-deleted-entry-id", counts.max_deleted_id);
    number(out, b"entries-added", counts.entries_added as i64);
    id(out, b"recorded-first-entry-id", counts.first_id);
    let Some(most) = full else {
        number(out, b"groups", stream.groups().len() as i64);
        let first = stream.forwards(StreamId::MIN, StreamId::MAX).next();
        let last = stream.backwards(StreamId::MIN, StreamId::MAX).next();
        for (name, entry) in [(&b"first-entry"[..], first), (b"last-entry", last)] {
            out.bulk(name);
            match entry {
                Some(entry) => write_entry(out, &entry),
                None => out.null(),
            }
        }
        return Ok(());
    };
    let most = Some(most).filter(|most| *most > 0);
    out.bulk(b"entries");
    write_entries(out, stream.forwards(StreamId::MIN, StreamId::MAX), most);
    out.bulk(b"groups");
    let groups = stream.groups();
    out.array(groups.len());
    for (name, group) in groups {
        write_group(counts, name, group, most.unwrap_or(usize::MAX), out);
    }
    Ok(())
}

/// Entries that FULL tells unless it is told how many.
const FULL_COUNT: usize = 10;

fn write_group(counts: &Counts, name: &[u8], group: &stream::Group, most: usize, out: &mut Reply<'_>) {
    out.map(7);
    out.bulk(b"name");
    out.bulk(name);
    write_position(counts, group, out);
    let pending = group.pending();
    out.bulk(b"pel-count");
    out.int(pending.len() as i64);
    out.bulk(b"pending");
    out.array(pending.len().min(most));
    for (id, nack) in group.pending_from(StreamId::MIN).take(most) {
        out.array(4);
        write_id(out, id);
        out.bulk(&group.owner(nack).name);
        out.int(nack.time_ms);
        out.int(nack.count as i64);
    }
    out.bulk(b"consumers");
    out.array(group.consumers_len());
    for consumer in group.consumers() {
        write_consumer(group, consumer, most, out);
    }
}

fn write_consumer(group: &stream::Group, consumer: &Consumer, most: usize, out: &mut Reply<'_>) {
    out.map(5);
    out.bulk(b"name");
    out.bulk(&consumer.name);
    out.bulk(b"seen-time");
    out.int(consumer.seen_ms);
    out.bulk(b"active-time");
    out.int(consumer.active_ms);
    out.bulk(b"pel-count");
    out.int(consumer.pending() as i64);
    out.bulk(b"pending");
    out.array(consumer.pending().min(most));
    for id in consumer.ids_from(StreamId::MIN).take(most) {
        let nack = group.pending().get(id).unwrap_or_default();
        out.array(3);
        write_id(out, id);
        out.int(nack.time_ms);
        out.int(nack.count as i64);
    }
}

/// Nodes for which the reference's radix tree is counted out; more are estimated from so many.
const RADIX_COUNTED_MAX: usize = 10_000;

/// How many nodes the radix tree has in which the reference keeps the nodes of a stream: one for each of them, one where
/// ids part, and one for each run of bytes between.
fn radix_nodes(stream: &Log) -> usize {
    let total = stream.nodes_len();
    let bytes = |id: StreamId| (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes();
    let mut ids = stream.node_ids().take(RADIX_COUNTED_MAX).map(bytes);
    let Some(mut before) = ids.next() else { return 1 };
    let (mut nodes, mut counted) = (0, 1);
    // A node at this depth below one at that: itself, and the run of bytes between.
    let mut count = |depth: usize, above: usize| nodes += 1 + (depth > above + 1) as usize;
    // Depths at which paths part that are not finished yet.
    let mut open: Vec<usize> = Vec::new();
    for id in ids {
        let shared = (0..16).take_while(|i| id[*i] == before[*i]).count();
        let mut depth = 16;
        while let Some(above) = open.pop_if(|above| *above > shared) {
            count(depth, above);
            depth = above;
        }
        count(depth, shared);
        if open.last() != Some(&shared) {
            open.push(shared);
        }
        (before, counted) = (id, counted + 1);
    }
    let mut depth = 16;
    while let Some(above) = open.pop() {
        count(depth, above);
        depth = above;
    }
    nodes += 1 + (depth > 0) as usize;
    if counted < total { nodes * total / counted } else { nodes }
}

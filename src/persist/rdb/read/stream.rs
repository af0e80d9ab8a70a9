//! Streams: nodes, counters, groups with their consumers. Who has which entry stands twice, once with all of a group's and
//! once with each consumer's; both must agree.

use std::collections::BTreeMap;

use super::input::Input;
use super::{Loaded, Result};
use crate::keyspace::NewValue;
use crate::persist::rdb::kind;
use crate::types::listpack::Listpack;
use crate::types::stream::{Counts, Group, Log, Stream, StreamId};

/// When which consumers of which groups were last served: group, name, ms of Unix time.
type Active<'a> = &'a [(Vec<u8>, Vec<u8>, i64)];

pub(super) fn stream(input: &mut Input<'_>, kind: u8, active: Active<'_>) -> Result<Loaded> {
    let mut stream = Stream::new();
    let nodes = input.length()?;
    for _ in 0..nodes {
        let id = match input.bytes()?.try_into() {
            Ok(id) => stream_id(id),
            Err(_) => return Err(input.corrupt("Stream node key entry is not the size of a stream ID")),
        };
        let pack = Listpack::from_bytes(input.bytes()?);
        if pack.and_then(|pack| stream.push_node(id, &pack)).is_err() {
            return Err(input.corrupt("Stream listpack integrity check failed."));
        }
    }
    counts(input, kind, &mut stream)?;
    for _ in 0..input.length()? {
        group(input, kind, &mut stream)?;
    }
    for (group, consumer, at_ms) in active {
        if let Some(group) = stream.group_mut(group)
            && let Some(consumer) = group.find(consumer)
        {
            group.served(consumer, *at_ms);
        }
    }
    Ok(Loaded::Value(NewValue::from(stream)))
}

fn stream_id(bytes: [u8; 16]) -> StreamId {
    let all = u128::from_be_bytes(bytes);
    StreamId::new((all >> 64) as u64, all as u64)
}

fn id_lengths(input: &mut Input<'_>) -> Result<StreamId> {
    Ok(StreamId::new(input.length()?, input.length()?))
}

fn counts(input: &mut Input<'_>, kind: u8, stream: &mut Log) -> Result<()> {
    let len = input.length()?;
    let live = stream.counts().len;
    if len > 0 && stream.nodes_len() == 0 {
        return Err(input.corrupt("Stream length inconsistent with rax entries"));
    }
    let mut counts = Counts { len, last_id: id_lengths(input)?, entries_added: len, ..Counts::default() };
    if kind != kind::STREAM {
        counts.first_id = id_lengths(input)?;
        counts.max_deleted_id = id_lengths(input)?;
        counts.entries_added = input.length()?;
    }
    if len != live {
        return Err(input.corrupt("Stream length inconsistent with the number of valid entries"));
    }
    stream
        .finish(counts)
        .map_err(|_| input.corrupt("The last ID of a stream is below that of its last entry"))
}

fn group(input: &mut Input<'_>, kind: u8, stream: &mut Log) -> Result<()> {
    let name = input.bytes()?.to_vec();
    let last_id = id_lengths(input)?;
    let read = match kind {
        kind::STREAM => stream.counts().added_up_to(last_id),
        _ => input.length()? as i64,
    };
    let mut group = Group::new(last_id, read);
    let mut pending = BTreeMap::new();
    for _ in 0..input.length()? {
        let id = stream_id(input.array()?);
        let (time_ms, count) = (input.i64()?, input.length()?);
        if pending.insert(id, (time_ms, count)).is_some() {
            return Err(input.corrupt("Duplicated global PEL entry loading stream consumer group"));
        }
    }
    for _ in 0..input.length()? {
        consumer(input, kind, &mut group, &mut pending)?;
    }
    if !pending.is_empty() {
        return Err(input.corrupt("NACK entry without consumer found in stream consumer group"));
    }
    if !stream.add_group(&name, group) {
        return Err(input.corrupt("Duplicated consumer group name"));
    }
    Ok(())
}

fn consumer(
    input: &mut Input<'_>,
    kind: u8,
    group: &mut Group,
    pending: &mut BTreeMap<StreamId, (i64, u64)>,
) -> Result<()> {
    let name = input.bytes()?.to_vec();
    if group.find(&name).is_some() {
        return Err(input.corrupt("Duplicate stream consumer detected."));
    }
    let seen_ms = input.i64()?;
    // The best estimate there is.
    let active_ms = if kind == kind::STREAM_3 { input.i64()? } else { seen_ms };
    let consumer = group.add_consumer(&name, seen_ms);
    group.served(consumer, active_ms);
    for _ in 0..input.length()? {
        let id = stream_id(input.array()?);
        let Some((time_ms, count)) = pending.remove(&id) else {
            let what = match group.pending().get(id) {
                None => "Consumer entry not found in group global PEL",
                Some(nack) if *group.owner(nack).name == *name => {
                    "Duplicated consumer PEL entry loading a stream consumer group"
                }
                Some(_) => {
                    "NACK already assigned to a different consumer, shared NACKs across consumers are not valid"
                }
            };
            return Err(input.corrupt(what));
        };
        group.assign(id, consumer, time_ms, count);
    }
    Ok(())
}

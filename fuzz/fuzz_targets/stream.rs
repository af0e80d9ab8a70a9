//! Any bytes as the nodes of a stream, in the reference's form: read whole, or refused. And a stream with groups under
//! any changes: entries against a vector, what groups have not acknowledged against a map.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tarn::base::num::NumBuf;
use tarn::types::collection::Collection;
use tarn::types::listpack::Listpack;
use tarn::types::stream::{
    Counts, Entry, Group, Log, NewId, References, Stream, StreamId, StreamLimits, Trim, TrimTo, UNKNOWN,
};

/// Steps of one input.
const STEPS_MAX: usize = 256;
const GROUPS: [&[u8]; 2] = [b"g", b"h"];
const CONSUMERS: [&[u8]; 3] = [b"a", b"b", b"c"];

fuzz_target!(|data: &[u8]| {
    let Some((head, data)) = data.split_first() else { return };
    match head & 3 {
        0 => read(data),
        // The same as elements in a right frame, and as numbers, which get further.
        1 => {
            let total = data.len() as u32 + 7;
            read(&[&total.to_le_bytes()[..], &[255, 255], data, &[255]].concat());
        }
        2 => {
            let mut pack = Listpack::new();
            for byte in data {
                match byte {
                    0..=0xf7 => pack.push_back_int(i64::from(*byte as i8)),
                    _ => pack.push_back(&vec![b'x'; usize::from(byte & 7) * 30]),
                }
            }
            read(pack.as_bytes());
        }
        _ => steps(data),
    }
});

fn read(bytes: &[u8]) {
    let Ok(pack) = Listpack::from_bytes(bytes) else { return };
    let counts = Counts { last_id: StreamId::MAX, ..Counts::default() };
    let base = StreamId::new(1000, 1000);
    let Ok(mut log) = Log::from_parts([(base, pack)].into_iter(), counts) else { return };
    let ids: Vec<StreamId> = all(&log);
    assert!(ids.is_sorted_by(|a, b| a < b) && ids.len() as u64 == log.counts().len);
    // Written and read once more it is the same.
    let written: Vec<_> = log.listpacks().collect();
    match Log::from_parts(written.iter().cloned(), counts) {
        Ok(again) => {
            assert!(
                again
                    .listpacks()
                    .map(|(id, pack)| (id, pack.as_bytes().to_vec()))
                    .eq(written.iter().map(|(id, pack)| (*id, pack.as_bytes().to_vec())))
            );
        }
        Err(_) => panic!("what we write is refused"),
    }
    let limits = StreamLimits { bytes: 100, entries: 3 };
    log.set_counts(*ids.last().unwrap_or(&base), None, None);
    let pair = [(&b"f"[..], &b"v"[..])];
    for _ in 0..5 {
        let _ = log.add(NewId::Auto, 0, pair.into_iter(), limits);
    }
    assert!(all(&log).starts_with(&ids));
    assert_eq!(log.delete(ids.iter().copied()), ids.len());
}

fn all(log: &Log) -> Vec<StreamId> {
    let read = |entry: Entry<'_>| {
        let mut digits = NumBuf::new();
        let bytes =
            |(a, b): (tarn::types::Value<'_>, tarn::types::Value<'_>)| a.len() + b.bytes(&mut digits).len();
        std::hint::black_box(entry.pairs().map(bytes).sum::<usize>());
        entry.id
    };
    let ids: Vec<StreamId> = log.forwards(StreamId::MIN, StreamId::MAX).map(read).collect();
    assert!(log.backwards(StreamId::MIN, StreamId::MAX).map(read).eq(ids.iter().rev().copied()));
    ids
}

/// What a group has not acknowledged: by id, whose it is, when and how often it was delivered.
type Pending = BTreeMap<StreamId, (Vec<u8>, i64, u64)>;

fn steps(mut data: &[u8]) {
    let mut stream = Stream::new();
    let mut model: Vec<StreamId> = Vec::new();
    let mut pending: [Pending; 2] = Default::default();
    let limits = StreamLimits { bytes: 200, entries: 7 };
    for group in GROUPS {
        stream.add_group(group, Group::new(StreamId::MIN, UNKNOWN));
    }
    for now_ms in 1..=STEPS_MAX as i64 {
        let [step, a, b, rest @ ..] = data else { break };
        data = rest;
        let (a, b) = (usize::from(*a), usize::from(*b));
        let g = a & 1;
        let consumer = CONSUMERS[b % 3];
        match step & 7 {
            0 | 1 => add(&mut stream, &mut model, a, b, limits),
            2 => deliver(&mut stream, &model, &mut pending[g], (g, consumer), b, now_ms),
            3 => {
                let id = pick(&model, &pending[g], a * 7 + b);
                let Some(group) = stream.group_mut(GROUPS[g]) else { return };
                assert_eq!(group.release(id), pending[g].remove(&id).is_some());
            }
            4 => {
                let id = pick(&model, &pending[g], a * 7 + b);
                let Some(group) = stream.group_mut(GROUPS[g]) else { return };
                let number = group.find(consumer).unwrap_or_else(|| group.add_consumer(consumer, now_ms));
                // Times and counts far off, too.
                let time_ms = if step & 8 == 0 { now_ms } else { i64::MIN + a as i64 };
                let count = if step & 16 == 0 { b as u64 } else { u64::MAX - b as u64 };
                group.assign(id, number, time_ms, count);
                pending[g].insert(id, (consumer.to_vec(), time_ms, count));
            }
            5 => {
                let Some(group) = stream.group_mut(GROUPS[g]) else { return };
                let had = pending[g].values().filter(|(owner, ..)| owner == consumer).count();
                assert_eq!(group.remove_consumer(consumer).unwrap_or(0), had);
                pending[g].retain(|_, (owner, ..)| owner != consumer);
            }
            6 => {
                let id = pick(&model, &pending[g], a * 7 + b);
                let found = model.iter().position(|known| *known == id);
                assert_eq!(stream.delete([id].into_iter()), found.is_some() as usize);
                found.map(|i| model.remove(i));
            }
            _ => trim(&mut stream, &mut model, &mut pending, *step, a, b),
        }
        same(&stream, &model, &pending);
    }
    same(&stream.duplicate(), &model, &pending);
}

fn add(stream: &mut Stream, model: &mut Vec<StreamId>, a: usize, b: usize, limits: StreamLimits) {
    let value = vec![b'v'; b & 63];
    let pairs = [(&b"f"[..], &value[..]), (b"g", b"7"), (b"h", b"")];
    let last = stream.counts().last_id;
    let id = match a {
        0..128 => StreamId::new(last.ms + (a as u64 & 3), last.seq + 1 + (b as u64 >> 4)),
        _ => StreamId::new(last.ms + (1 << (a & 31)), b as u64 & 3),
    };
    if stream.add(NewId::Whole(id), 0, pairs[..1 + b % 3].iter().copied(), limits).is_ok() {
        model.push(id);
    }
}

fn deliver(
    stream: &mut Stream,
    model: &[StreamId],
    pending: &mut Pending,
    (g, consumer): (usize, &[u8]),
    most: usize,
    now_ms: i64,
) {
    let Some(group) = stream.group_mut(GROUPS[g]) else { return };
    let number = group.find(consumer).unwrap_or_else(|| group.add_consumer(consumer, now_ms));
    let after = group.last_id;
    let mut given = Vec::new();
    stream.deliver(GROUPS[g], number, most, false, now_ms, |entry| given.push(entry.id));
    let expected = model.iter().copied().filter(|id| *id > after);
    assert!(given.iter().copied().eq(expected.take(if most == 0 { usize::MAX } else { most })));
    for id in given {
        pending.insert(id, (consumer.to_vec(), now_ms, 1));
    }
}

/// An id that is known, or one that is not.
fn pick(model: &[StreamId], pending: &Pending, n: usize) -> StreamId {
    match n % 3 {
        0 if !model.is_empty() => model[n / 3 % model.len()],
        1 if !pending.is_empty() => *pending.keys().nth(n / 3 % pending.len()).unwrap_or(&StreamId::MIN),
        _ => StreamId::new(n as u64 % 9, 1),
    }
}

fn trim(
    stream: &mut Stream,
    model: &mut Vec<StreamId>,
    pending: &mut [Pending; 2],
    step: u8,
    a: usize,
    b: usize,
) {
    let references = [References::Keep, References::Delete, References::Acked][a % 3];
    let to = match step & 8 {
        0 => TrimTo::MaxLen(b as u64 & 31),
        _ => TrimTo::MinId(model.get(b % model.len().max(1)).copied().unwrap_or(StreamId::MAX)),
    };
    let approximate = step & 16 != 0;
    let limit = if approximate { b as u64 & 15 } else { 0 };
    let gone = stream.trim(&Trim { to, approximate, limit, references }).gone as usize;
    let left = all(stream);
    let removed: Vec<StreamId> = model.iter().copied().filter(|id| !left.contains(id)).collect();
    assert_eq!((removed.len(), left.len()), (gone, model.len() - gone));
    match references {
        // Nothing but the front goes.
        References::Keep => assert_eq!(left, model[gone..]),
        References::Delete => {
            assert_eq!(left, model[gone..]);
            pending.iter_mut().for_each(|p| removed.iter().for_each(|id| drop(p.remove(id))));
        }
        References::Acked => {
            assert!(removed.iter().all(|id| pending.iter().all(|p| !p.contains_key(id))));
        }
    }
    *model = left;
}

fn same(stream: &Stream, model: &[StreamId], pending: &[Pending; 2]) {
    assert_eq!(all(stream), model);
    assert_eq!(stream.counts().first_id, model.first().copied().unwrap_or_default());
    for (name, pending) in GROUPS.iter().zip(pending) {
        let Some(group) = stream.group(name) else { panic!("a group is gone") };
        let owned = group
            .pending_from(StreamId::MIN)
            .map(|(id, nack)| (id, (group.owner(nack).name.to_vec(), nack.time_ms, nack.count)));
        assert!(owned.eq(pending.iter().map(|(id, had)| (*id, had.clone()))));
        for consumer in group.consumers() {
            let ids = pending.iter().filter(|(_, (owner, ..))| **owner == *consumer.name).map(|(id, _)| *id);
            assert!(consumer.ids_from(StreamId::MIN).eq(ids.clone()));
            assert_eq!(consumer.pending(), ids.count());
        }
    }
}

//! A key as the fewest commands that make it: what a base holds when `aof-use-rdb-preamble` is off. Up to 64 elements make
//! one command, as in the reference, and a value is written in steps, between which it does not change.

use crate::keyspace::EntryRef;
use crate::keyspace::object::AnyRef;
use crate::resp::encode;
use crate::types::hash::ALL;
use crate::types::list::{End, List};
use crate::types::stream::{Group, Log, StreamId};
use crate::types::value::Value;
use crate::types::zset::Zset;

/// Elements of one command (Redis: `AOF_REWRITE_ITEMS_PER_CMD`).
const ITEMS: usize = 64;

/// A key that is being written.
pub struct Pieces {
    state: State,
    /// Elements that the command under way still takes.
    room: usize,
}

/// What is to be written next.
enum State {
    Start,
    /// Elements of a list or sorted set from this place on.
    Sequence(usize),
    /// Members of a set from this cursor on; so many are left.
    Set {
        cursor: u64,
        left: usize,
    },
    /// Fields with a time to expire, from this cursor on; so many of the others were met.
    Volatile {
        cursor: u64,
        others: usize,
    },
    /// The other fields.
    Fields {
        cursor: u64,
        left: usize,
    },
    Stream(StreamState),
    Expiry,
    Done,
}

/// How far a stream is written.
enum StreamState {
    /// Entries from this id on.
    Entries(StreamId),
    /// The groups behind this one.
    Groups(Option<Box<[u8]>>),
    /// What this group has not had acknowledged, from this id on.
    Pending(Box<[u8]>, StreamId),
}

/// Writes a whole key.
pub fn entry(e: EntryRef<'_>, out: &mut Vec<u8>) {
    let done = Pieces::new().step(e, out, usize::MAX);
    debug_assert!(done);
}

impl Pieces {
    pub fn new() -> Pieces {
        Pieces { state: State::Start, room: 0 }
    }

    /// Writes on until about `budget` bytes are written; whether that was all.
    pub fn step(&mut self, e: EntryRef<'_>, out: &mut Vec<u8>, budget: usize) -> bool {
        let limit = out.len().saturating_add(budget.max(1));
        while out.len() < limit && !matches!(self.state, State::Done) {
            let state = std::mem::replace(&mut self.state, State::Done);
            self.state = self.next(state, e, out);
        }
        matches!(self.state, State::Done)
    }

    fn next(&mut self, state: State, e: EntryRef<'_>, out: &mut Vec<u8>) -> State {
        match (state, e.any()) {
            (State::Start, None) => {
                encode::array(out, 3);
                encode::bulk(out, b"SET");
                encode::bulk(out, e.key());
                bulk(out, e.value());
                State::Expiry
            }
            (State::Start, Some(AnyRef::List(_) | AnyRef::Zset(_))) => State::Sequence(0),
            (State::Start, Some(AnyRef::Set(set))) => State::Set { cursor: 0, left: set.len() },
            (State::Start, Some(AnyRef::Hash(hash))) => match hash.has_volatile() {
                true => State::Volatile { cursor: 0, others: 0 },
                false => State::Fields { cursor: 0, left: hash.live_len(ALL) },
            },
            (State::Start, Some(AnyRef::Stream(_))) => State::Stream(StreamState::Entries(StreamId::MIN)),
            (State::Sequence(at), Some(AnyRef::List(list))) => self.list(e.key(), &list, at, out),
            (State::Sequence(at), Some(AnyRef::Zset(zset))) => self.zset(e.key(), &zset, at, out),
            (State::Set { cursor, mut left }, Some(AnyRef::Set(set))) => {
                let cursor = set.scan(cursor, ITEMS, |member| {
                    self.element(b"SADD", e.key(), 1, left, out);
                    bulk(out, member);
                    left = left.saturating_sub(1);
                });
                if cursor == 0 { State::Expiry } else { State::Set { cursor, left } }
            }
            (State::Volatile { cursor, mut others }, Some(AnyRef::Hash(hash))) => {
                let cursor = hash.scan(cursor, ITEMS, ALL, |pair| match pair.expiry {
                    Some(at) => volatile_field(e.key(), pair.field, pair.value, at, out),
                    None => others += 1,
                });
                match (cursor, others) {
                    (0, 0) => State::Expiry,
                    (0, left) => State::Fields { cursor: 0, left },
                    _ => State::Volatile { cursor, others },
                }
            }
            (State::Fields { cursor, mut left }, Some(AnyRef::Hash(hash))) => {
                let cursor = hash.scan(cursor, ITEMS, ALL, |pair| {
                    if pair.expiry.is_none() {
                        self.element(b"HMSET", e.key(), 2, left, out);
                        bulk(out, pair.field);
                        bulk(out, pair.value);
                        left = left.saturating_sub(1);
                    }
                });
                if cursor == 0 { State::Expiry } else { State::Fields { cursor, left } }
            }
            (State::Stream(at), Some(AnyRef::Stream(stream))) => match at.next(e.key(), &stream, out) {
                Some(next) => State::Stream(next),
                None => State::Expiry,
            },
            (State::Expiry, _) => {
                if let Some(at) = e.expiry() {
                    encode::array(out, 3);
                    encode::bulk(out, b"PEXPIREAT");
                    encode::bulk(out, e.key());
                    encode::bulk_int(out, at);
                }
                State::Done
            }
            // A value that is written does not become another.
            _ => State::Done,
        }
    }

    /// An element of `words` words follows, `left` of them with it: begins a command if the last one is full.
    fn element(&mut self, name: &[u8], key: &[u8], words: usize, left: usize, out: &mut Vec<u8>) {
        if self.room == 0 {
            self.room = left.clamp(1, ITEMS);
            encode::array(out, 2 + self.room * words);
            encode::bulk(out, name);
            encode::bulk(out, key);
        }
        self.room -= 1;
    }

    fn list(&mut self, key: &[u8], list: &List, at: usize, out: &mut Vec<u8>) -> State {
        let mut left = list.len().saturating_sub(at);
        list.range(at, ITEMS, End::Back, |value| {
            self.element(b"RPUSH", key, 1, left, out);
            bulk(out, value);
            left = left.saturating_sub(1);
        });
        if left == 0 { State::Expiry } else { State::Sequence(at + ITEMS) }
    }

    fn zset(&mut self, key: &[u8], zset: &Zset, at: usize, out: &mut Vec<u8>) -> State {
        let (end, mut left) = ((at + ITEMS).min(zset.len()), zset.len().saturating_sub(at));
        for (member, score) in zset.range(at..end, false) {
            self.element(b"ZADD", key, 2, left, out);
            encode::bulk_double(out, score);
            bulk(out, member);
            left = left.saturating_sub(1);
        }
        if left == 0 { State::Expiry } else { State::Sequence(end) }
    }
}

impl Default for Pieces {
    fn default() -> Pieces {
        Pieces::new()
    }
}

fn bulk(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Bytes(bytes) => encode::bulk(out, bytes),
        Value::Int(n) => encode::bulk_int(out, n),
    }
}

fn volatile_field(key: &[u8], field: Value<'_>, value: Value<'_>, at: i64, out: &mut Vec<u8>) {
    encode::array(out, 8);
    encode::bulk(out, b"HSETEX");
    encode::bulk(out, key);
    encode::bulk(out, b"PXAT");
    encode::bulk_int(out, at);
    encode::bulk(out, b"FIELDS");
    encode::bulk(out, b"1");
    bulk(out, field);
    bulk(out, value);
}

fn bulk_id(out: &mut Vec<u8>, id: StreamId) {
    encode::bulk(out, format!("{}-{}", id.ms, id.seq).as_bytes());
}

fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    encode::request(out, words.iter().copied());
}

impl StreamState {
    /// Writes on a little; `None`: that was all.
    fn next(self, key: &[u8], stream: &Log, out: &mut Vec<u8>) -> Option<StreamState> {
        match self {
            StreamState::Entries(from) => {
                let mut next = None;
                for (i, entry) in stream.forwards(from, StreamId::MAX).enumerate() {
                    if i == ITEMS {
                        next = Some(entry.id);
                        break;
                    }
                    encode::array(out, 3 + 2 * entry.pairs().count());
                    encode::bulk(out, b"XADD");
                    encode::bulk(out, key);
                    bulk_id(out, entry.id);
                    for (field, value) in entry.pairs() {
                        bulk(out, field);
                        bulk(out, value);
                    }
                }
                if let Some(next) = next {
                    return Some(StreamState::Entries(next));
                }
                counts(key, stream, out);
                Some(StreamState::Groups(None))
            }
            StreamState::Groups(last) => {
                let (name, group) = stream.group_after(last.as_deref())?;
                command_of_group(key, name, group, out);
                Some(StreamState::Pending(name.into(), StreamId::MIN))
            }
            StreamState::Pending(name, from) => {
                let group = stream.group(&name)?;
                for (i, (id, nack)) in group.pending_from(from).enumerate() {
                    if i == ITEMS {
                        return Some(StreamState::Pending(name, id));
                    }
                    encode::array(out, 12);
                    let consumer = &group.owner(nack).name;
                    let words: [&[u8]; 5] = [b"XCLAIM", key, &name, consumer, b"0"];
                    words.iter().for_each(|w| encode::bulk(out, w));
                    bulk_id(out, id);
                    encode::bulk(out, b"TIME");
                    encode::bulk_int(out, nack.time_ms);
                    encode::bulk(out, b"RETRYCOUNT");
                    encode::bulk_int(out, i64::try_from(nack.count).unwrap_or(i64::MAX));
                    encode::bulk(out, b"JUSTID");
                    encode::bulk(out, b"FORCE");
                }
                for consumer in group.consumers().filter(|c| c.pending() == 0) {
                    command(out, &[b"XGROUP", b"CREATECONSUMER", key, &name, &consumer.name]);
                }
                Some(StreamState::Groups(Some(name)))
            }
        }
    }
}

/// What a stream counts; before that, if it holds nothing, what makes it.
fn counts(key: &[u8], stream: &Log, out: &mut Vec<u8>) {
    let counts = stream.counts();
    if counts.len == 0 {
        command(out, &[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
    }
    encode::array(out, 7);
    encode::bulk(out, b"XSETID");
    encode::bulk(out, key);
    bulk_id(out, counts.last_id);
    encode::bulk(out, b"ENTRIESADDED");
    encode::bulk_int(out, i64::try_from(counts.entries_added).unwrap_or(i64::MAX));
    encode::bulk(out, b"MAXDELETEDID");
    bulk_id(out, counts.max_deleted_id);
}

fn command_of_group(key: &[u8], name: &[u8], group: &Group, out: &mut Vec<u8>) {
    encode::array(out, 7);
    let words: [&[u8]; 4] = [b"XGROUP", b"CREATE", key, name];
    words.iter().for_each(|w| encode::bulk(out, w));
    bulk_id(out, group.last_id);
    encode::bulk(out, b"ENTRIESREAD");
    encode::bulk_int(out, group.entries_read);
}

//! Bytes of an RDB file, to a vector: no files, no clocks. A value is written by [`Pieces`], in steps of about as many
//! bytes as the caller wants, so that a collection of any size can be written between other work, as long as it does
//! not change meanwhile.

use super::{
    AUX_ACTIVE, FieldExpiry, REDIS_EXPIRY_MAX, VERSION_ACTIVE, VERSION_VALKEY, coded, container, kind, opcode,
};
use crate::base::limits::{RDB_COMPRESS_MIN, RDB_INTEGER_MAX, RDB_PIECE_ELEMENTS};
use crate::base::num::{self, NumBuf};
use crate::keyspace::EntryRef;
use crate::keyspace::db::{idle_seconds, lfu_counter};
use crate::keyspace::object::AnyRef;
use crate::keyspace::snapshot::Out;
use crate::types::hash::{ALL, Hash, Pair};
use crate::types::list::{List, StoredNode};
use crate::types::set::Set;
use crate::types::stream::{Consumer, Group, Log, StreamId};
use crate::types::value::Value;
use crate::types::zset::Zset;
use crate::types::{Listpack, lzf};

/// What is written of the moment at which a key was used last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    #[default]
    Nothing,
    /// For how long it was not used, under an LRU policy.
    Idle,
    /// How often it was used, under an LFU policy.
    Frequency {
        /// `lfu-decay-time`.
        decay_minutes: u32,
    },
}

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// See `version_of`.
    pub version: u16,
    /// `rdbcompression`.
    pub compress: bool,
    /// `rdbchecksum`: for whoever ends the file.
    pub checksum: bool,
    pub usage: Usage,
    /// ms of Unix time.
    pub now_ms: i64,
}

impl Target {
    /// The form of hashes with fields that expire.
    fn field_expiry(&self) -> FieldExpiry {
        if self.version >= VERSION_VALKEY { FieldExpiry::Valkey } else { FieldExpiry::Redis }
    }
}

/// Writes how a file begins: the version, and fields beside the data.
pub fn header(out: &mut Vec<u8>, version: u16, fields: &[(&str, &str)]) {
    let magic = if version >= VERSION_VALKEY { "VALKEY" } else { "REDIS0" };
    out.extend_from_slice(format!("{magic}{version:03}").as_bytes());
    fields.iter().for_each(|(name, value)| aux(out, name.as_bytes(), value.as_bytes()));
}

/// Writes a field beside the data.
pub fn aux(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(opcode::AUX);
    string(out, name, false);
    string(out, value, false);
}

/// Writes that a library of functions follows, and its code.
pub fn function(out: &mut Vec<u8>, code: &[u8], compress: bool) {
    out.push(opcode::FUNCTION_2);
    string(out, code, compress);
}

/// Writes that keys of this database follow, how many they are and how many of them expire.
pub fn select_db(out: &mut Vec<u8>, db: u32, keys: usize, volatile: usize) {
    out.push(opcode::SELECT_DB);
    length(out, db.into());
    out.push(opcode::RESIZE_DB);
    length(out, keys as u64);
    length(out, volatile as u64);
}

/// Writes one key whole.
pub fn entry(out: &mut Vec<u8>, e: EntryRef<'_>, t: &Target) {
    at_once(out, |out| entry_to(out, e, t));
}

/// As [`entry`], to what may be compressed later.
pub fn entry_to(out: &mut Out, e: EntryRef<'_>, t: &Target) {
    let mut pieces = Pieces::begin(e, t, out);
    while !pieces.step(e, out, usize::MAX) {}
}

/// Writes type and value of a key: what DUMP gives, without its last ten bytes.
pub fn value(out: &mut Vec<u8>, e: EntryRef<'_>, t: &Target) {
    at_once(out, |out| {
        let mut pieces = Pieces::begin_value(e, t, out);
        while !pieces.step(e, out, usize::MAX) {}
    });
}

/// Has `write` write behind what is in `out`, and strings compressed at once.
fn at_once(out: &mut Vec<u8>, write: impl FnOnce(&mut Out)) {
    let mut to = Out { bytes: std::mem::take(out), ..Out::default() };
    write(&mut to);
    *out = to.bytes;
}

/// Writes the end. `crc` is that of everything before, if there is to be one.
pub fn end(out: &mut Vec<u8>, crc: Option<u64>) {
    out.push(opcode::END);
    let sum = crc.map_or(0, |crc| super::crc(crc, &[opcode::END]));
    out.extend_from_slice(&sum.to_le_bytes());
}

/// Writes a length.
pub fn length(out: &mut Vec<u8>, n: u64) {
    match n {
        0..=0x3f => out.push(n as u8),
        0x40..=0x3fff => out.extend_from_slice(&(0x4000 | n as u16).to_be_bytes()),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

/// Bytes that a length takes.
pub fn length_of(n: u64) -> usize {
    match n {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        0x4000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// Writes a string: as an integer if it is a short one, compressed if that is wanted and makes it shorter.
pub fn string(out: &mut Vec<u8>, bytes: &[u8], compress: bool) {
    if bytes.len() <= RDB_INTEGER_MAX
        && let Some(n) = num::parse_i64(bytes)
        && integer(out, n)
    {
        return;
    }
    if compress && bytes.len() >= RDB_COMPRESS_MIN {
        let room = out.len();
        // Both lengths stand in front of what is compressed, whose length comes out last: it is moved behind them.
        if lzf::compress_to(bytes, bytes.len() - 4, out) {
            let packed = out.len() - room;
            lzf_head(out, packed, bytes.len());
            out[room..].rotate_left(packed);
            return;
        }
    }
    length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// As [`string`], or leaves the compression to whoever writes it out.
fn put(out: &mut Out, bytes: &[u8], compress: bool) {
    if compress && bytes.len() >= RDB_COMPRESS_MIN && out.note(bytes.len()) {
        length(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    } else {
        string(out, bytes, compress);
    }
}

fn lzf_head(out: &mut Vec<u8>, packed: usize, whole: usize) {
    out.push(coded::LZF);
    length(out, packed as u64);
    length(out, whole as u64);
}

/// Writes an integer in place of a string, if it takes 32 bits at the most.
fn integer(out: &mut Vec<u8>, n: i64) -> bool {
    if let Ok(n) = i8::try_from(n) {
        out.extend_from_slice(&[coded::INT8, n as u8]);
    } else if let Ok(n) = i16::try_from(n) {
        out.push(coded::INT16);
        out.extend_from_slice(&n.to_le_bytes());
    } else if let Ok(n) = i32::try_from(n) {
        out.push(coded::INT32);
        out.extend_from_slice(&n.to_le_bytes());
    } else {
        return false;
    }
    true
}

fn text(out: &mut Out, value: Value<'_>, compress: bool) {
    match value {
        Value::Bytes(bytes) => put(out, bytes, compress),
        Value::Int(n) if integer(out, n) => {}
        Value::Int(n) => put(out, num::fmt_i64(&mut NumBuf::new(), n), false),
    }
}

fn stream_id(out: &mut Vec<u8>, id: StreamId) {
    out.extend_from_slice(&id.ms.to_be_bytes());
    out.extend_from_slice(&id.seq.to_be_bytes());
}

fn id_lengths(out: &mut Vec<u8>, id: StreamId) {
    length(out, id.ms);
    length(out, id.seq);
}

/// A value that is being written. Between its steps the value must not change.
pub struct Pieces {
    target: Target,
    state: State,
}

/// What of a value is to be written next.
enum State {
    Done,
    /// A string, from here on; none of it is written yet at `None`.
    String(Option<usize>),
    /// The nodes of a list from this one on.
    List(usize),
    /// Members or fields from this cursor on, so many of them.
    Table {
        cursor: u64,
        left: usize,
    },
    /// Members of lower ranks than this, the highest first.
    Zset(usize),
    Stream(StreamPieces),
}

/// Where the writing of a stream has come to.
#[derive(Default)]
struct StreamPieces {
    part: Part,
    /// The last node, pending entry or id that was written.
    id: Option<StreamId>,
    /// The group and the consumer under way.
    group: Option<Box<[u8]>>,
    consumer: Option<Box<[u8]>>,
}

#[derive(Default, PartialEq, Eq)]
enum Part {
    #[default]
    Nodes,
    Counts,
    Groups,
    Pending,
    Consumers,
    Ids,
    End,
}

impl Pieces {
    /// Begins to write a key: its expiry, its use, its type and itself.
    pub fn begin(e: EntryRef<'_>, t: &Target, out: &mut Out) -> Pieces {
        if t.version < VERSION_ACTIVE
            && let Some(AnyRef::Stream(stream)) = e.any()
        {
            active_times(&stream, out);
        }
        if let Some(at) = e.expiry() {
            out.push(opcode::EXPIRE_MS);
            out.extend_from_slice(&at.to_le_bytes());
        }
        match t.usage {
            Usage::Nothing => {}
            Usage::Idle => {
                out.push(opcode::IDLE);
                length(out, idle_seconds(e.clock(), t.now_ms).into());
            }
            Usage::Frequency { decay_minutes } => {
                out.extend_from_slice(&[opcode::FREQ, lfu_counter(e.clock(), t.now_ms, decay_minutes)]);
            }
        }
        out.push(kind_of(e, t));
        put(out, e.key(), t.compress);
        Pieces { target: *t, state: begin_body(e, t, out) }
    }

    /// Begins to write type and value.
    pub fn begin_value(e: EntryRef<'_>, t: &Target, out: &mut Out) -> Pieces {
        out.push(kind_of(e, t));
        Pieces { target: *t, state: begin_body(e, t, out) }
    }

    /// Writes on, until about `budget` bytes are written; whether that was all. One element may be longer.
    pub fn step(&mut self, e: EntryRef<'_>, out: &mut Out, budget: usize) -> bool {
        let limit = out.len().saturating_add(budget.max(1));
        let compress = self.target.compress;
        while out.len() < limit {
            let next = match (&mut self.state, e.any()) {
                (State::Done, _) => return true,
                (State::String(at), _) => long_string(e, at, out, limit, compress),
                (State::List(at), Some(AnyRef::List(list))) => list_node(&list, at, out, compress),
                (State::Table { cursor, left }, Some(AnyRef::Set(set))) => {
                    let before = *left;
                    *cursor = set.scan(*cursor, RDB_PIECE_ELEMENTS, |member| {
                        text(out, member, compress);
                        *left = left.saturating_sub(1);
                    });
                    table_goes_on(before, *left, *cursor)
                }
                (State::Table { cursor, left }, Some(AnyRef::Hash(hash))) => {
                    let before = *left;
                    let form = FieldForm::of(&hash, &self.target);
                    *cursor = hash.scan(*cursor, RDB_PIECE_ELEMENTS, ALL, |pair| {
                        form.write(out, &pair, compress);
                        *left = left.saturating_sub(1);
                    });
                    table_goes_on(before, *left, *cursor)
                }
                (State::Zset(left), Some(AnyRef::Zset(zset))) => zset_members(&zset, left, out, compress),
                (State::Stream(at), Some(AnyRef::Stream(stream))) => at.step(&stream, out, &self.target),
                _ => unreachable!("a value became another while it was written"),
            };
            if !next {
                self.state = State::Done;
            }
        }
        matches!(self.state, State::Done)
    }
}

/// Whether a walk through a table goes on; it must give as many elements as were announced.
fn table_goes_on(before: usize, left: usize, cursor: u64) -> bool {
    assert!((cursor == 0) == (left == 0), "{left} of {before} elements were not written, or too many");
    left > 0
}

/// The type as which a value is written.
fn kind_of(e: EntryRef<'_>, t: &Target) -> u8 {
    let Some(collection) = e.any() else { return kind::STRING };
    match collection {
        AnyRef::List(_) => kind::LIST_QUICKLIST_2,
        AnyRef::Set(set) => match &*set {
            Set::Ints(_) => kind::SET_INTSET,
            Set::Packed(_) if t.version >= VERSION_ACTIVE => kind::SET_LISTPACK,
            Set::Packed(_) | Set::Table(_) => kind::SET,
        },
        AnyRef::Hash(hash) => match (&*hash, t.field_expiry()) {
            (Hash::Packed(_), _) => kind::HASH_LISTPACK,
            (Hash::Table(_), _) if !hash.has_volatile() => kind::HASH,
            (Hash::Table(_), FieldExpiry::Valkey) => kind::HASH_2,
            (Hash::Table(_), FieldExpiry::Redis) => kind::HASH_METADATA,
        },
        AnyRef::Zset(zset) => match &*zset {
            Zset::Packed(_) => kind::ZSET_LISTPACK,
            Zset::Tree(_) => kind::ZSET_2,
        },
        AnyRef::Stream(_) if t.version >= VERSION_ACTIVE => kind::STREAM_3,
        AnyRef::Stream(_) => kind::STREAM_2,
    }
}

/// Writes how a value begins: small ones whole.
fn begin_body(e: EntryRef<'_>, t: &Target, out: &mut Out) -> State {
    let pack = |pack: &Listpack, out: &mut Out| {
        put(out, pack.as_bytes(), t.compress);
        State::Done
    };
    match e.any() {
        None => State::String(None),
        Some(AnyRef::List(list)) => match &*list {
            List::Packed(list) => {
                length(out, 1);
                length(out, container::PACKED);
                pack(list, out)
            }
            List::Nodes(nodes) => {
                length(out, nodes.nodes() as u64);
                State::List(0)
            }
        },
        Some(AnyRef::Set(set)) => match &*set {
            Set::Ints(ints) => {
                put(out, ints.as_bytes(), t.compress);
                State::Done
            }
            Set::Packed(list) if t.version >= VERSION_ACTIVE => pack(list, out),
            _ => {
                length(out, set.len() as u64);
                State::Table { cursor: 0, left: set.len() }
            }
        },
        Some(AnyRef::Hash(hash)) => match &*hash {
            Hash::Packed(list) => pack(list, out),
            Hash::Table(table) => {
                if let FieldForm::Redis(least) = FieldForm::of(&hash, t) {
                    out.extend_from_slice(&least.to_le_bytes());
                }
                length(out, table.len() as u64);
                State::Table { cursor: 0, left: table.len() }
            }
        },
        Some(AnyRef::Zset(zset)) => match &*zset {
            Zset::Packed(list) => pack(list, out),
            Zset::Tree(tree) => {
                length(out, tree.len() as u64);
                State::Zset(tree.len())
            }
        },
        Some(AnyRef::Stream(stream)) => {
            length(out, stream.nodes_len() as u64);
            State::Stream(StreamPieces::default())
        }
    }
}

/// Writes of a string what fits: a longer one than that in slices, which are not compressed.
fn long_string(e: EntryRef<'_>, at: &mut Option<usize>, out: &mut Out, limit: usize, compress: bool) -> bool {
    let whole = e.value();
    let Value::Bytes(bytes) = whole else {
        text(out, whole, compress);
        return false;
    };
    let room = limit.saturating_sub(out.len());
    let from = match *at {
        None if bytes.len() <= room => {
            put(out, bytes, compress);
            return false;
        }
        None => {
            length(out, bytes.len() as u64);
            0
        }
        Some(from) => from,
    };
    let to = from.saturating_add(room.max(1)).min(bytes.len());
    out.extend_from_slice(&bytes[from..to]);
    *at = Some(to);
    to < bytes.len()
}

fn list_node(list: &List, at: &mut usize, out: &mut Out, compress: bool) -> bool {
    let List::Nodes(nodes) = list else { return false };
    match nodes.stored(*at) {
        None => return false,
        Some(StoredNode::Plain(bytes)) => {
            length(out, container::PLAIN);
            put(out, bytes, compress);
        }
        Some(StoredNode::Packed(pack)) => {
            length(out, container::PACKED);
            put(out, pack.as_bytes(), compress);
        }
        Some(StoredNode::Squeezed { bytes, total }) => {
            length(out, container::PACKED);
            lzf_head(out, bytes.len(), total);
            out.extend_from_slice(bytes);
        }
    }
    *at += 1;
    *at < nodes.nodes()
}

/// From the highest to the lowest: then the reference inserts each at the front.
fn zset_members(zset: &Zset, left: &mut usize, out: &mut Out, compress: bool) -> bool {
    let Zset::Tree(tree) = zset else { return false };
    let from = left.saturating_sub(RDB_PIECE_ELEMENTS);
    for (member, score) in tree.range(from..*left).rev() {
        put(out, member, compress);
        out.extend_from_slice(&score.to_le_bytes());
    }
    *left = from;
    from > 0
}

/// How fields of a large hash are written.
#[derive(Clone, Copy)]
enum FieldForm {
    Plain,
    Valkey,
    /// With the first expiry of all, to which the others are relative.
    Redis(i64),
}

impl FieldForm {
    fn of(hash: &Hash, t: &Target) -> FieldForm {
        use crate::types::collection::Collection;
        match (hash.next_due(), t.field_expiry()) {
            (None, _) => FieldForm::Plain,
            (Some(_), FieldExpiry::Valkey) => FieldForm::Valkey,
            // A time that this form has no room for never comes either.
            (Some(least), FieldExpiry::Redis) => FieldForm::Redis(least.min(REDIS_EXPIRY_MAX as i64)),
        }
    }

    fn write(self, out: &mut Out, pair: &Pair<'_>, compress: bool) {
        if let FieldForm::Redis(least) = self {
            // 0 says that it does not expire.
            let relative =
                |at: i64| at.min(REDIS_EXPIRY_MAX as i64).wrapping_sub(least).wrapping_add(1) as u64;
            length(out, pair.expiry.map_or(0, relative));
        }
        text(out, pair.field, compress);
        text(out, pair.value, compress);
        if let FieldForm::Valkey = self {
            out.extend_from_slice(&pair.expiry.unwrap_or(-1).to_le_bytes());
        }
    }
}

/// Writes, in front of a stream whose form has no room for it, when its consumers were last served.
fn active_times(stream: &Log, out: &mut Vec<u8>) {
    for (name, group) in stream.groups() {
        for consumer in group.consumers().filter(|c| c.active_ms != c.seen_ms) {
            let mut field = (name.len() as u32).to_le_bytes().to_vec();
            field.extend_from_slice(name);
            field.extend_from_slice(&consumer.active_ms.to_le_bytes());
            field.extend_from_slice(&consumer.name);
            aux(out, AUX_ACTIVE, &field);
        }
    }
}

impl StreamPieces {
    /// Writes the next node, group, consumer or some ids; whether there is more.
    fn step(&mut self, stream: &Log, out: &mut Out, t: &Target) -> bool {
        match self.part {
            Part::Nodes => self.node(stream, out, t),
            Part::Counts => {
                counts(stream, out);
                self.part = Part::Groups;
            }
            Part::Groups => self.next_group(stream, out),
            Part::Pending => self.pending(stream, out),
            Part::Consumers => self.next_consumer(stream, out, t),
            Part::Ids => self.ids(stream, out),
            Part::End => return false,
        }
        self.part != Part::End
    }

    fn node(&mut self, stream: &Log, out: &mut Out, t: &Target) {
        match stream.node_after(self.id) {
            Some((base, pack)) => {
                length(out, 16);
                stream_id(out, base);
                put(out, pack.as_bytes(), t.compress);
                self.id = Some(base);
            }
            None => self.part = Part::Counts,
        }
    }

    fn group<'s>(&self, stream: &'s Log) -> Option<&'s Group> {
        self.group.as_deref().and_then(|name| stream.group(name))
    }

    fn consumer<'s>(&self, stream: &'s Log) -> Option<&'s Consumer> {
        let group = self.group(stream)?;
        Some(group.consumer(group.find(self.consumer.as_deref()?)?))
    }

    fn next_group(&mut self, stream: &Log, out: &mut Out) {
        let next = stream.group_after(self.group.as_deref());
        let Some((name, group)) = next else {
            self.part = Part::End;
            return;
        };
        put(out, name, false);
        id_lengths(out, group.last_id);
        length(out, group.entries_read as u64);
        length(out, group.pending().len() as u64);
        (self.group, self.id, self.consumer) = (Some(name.into()), None, None);
        self.part = Part::Pending;
    }

    fn pending(&mut self, stream: &Log, out: &mut Out) {
        let Some(group) = self.group(stream) else { return };
        let from = self.id.map_or(Some(StreamId::MIN), StreamId::next);
        let mut rest = from.map(|from| group.pending_from(from)).into_iter().flatten();
        for (id, nack) in rest.by_ref().take(RDB_PIECE_ELEMENTS) {
            stream_id(out, id);
            out.extend_from_slice(&nack.time_ms.to_le_bytes());
            length(out, nack.count);
            self.id = Some(id);
        }
        if rest.next().is_none() {
            length(out, group.consumers_len() as u64);
            self.part = Part::Consumers;
        }
    }

    fn next_consumer(&mut self, stream: &Log, out: &mut Out, t: &Target) {
        let Some(group) = self.group(stream) else { return };
        let Some(consumer) = group.consumer_after(self.consumer.as_deref()) else {
            self.part = Part::Groups;
            return;
        };
        put(out, &consumer.name, false);
        out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
        if t.version >= VERSION_ACTIVE {
            out.extend_from_slice(&consumer.active_ms.to_le_bytes());
        }
        length(out, consumer.pending() as u64);
        (self.consumer, self.id) = (Some(consumer.name.clone()), None);
        self.part = Part::Ids;
    }

    fn ids(&mut self, stream: &Log, out: &mut Out) {
        let Some(consumer) = self.consumer(stream) else { return };
        let from = self.id.map_or(Some(StreamId::MIN), StreamId::next);
        let mut rest = from.map(|from| consumer.ids_from(from)).into_iter().flatten();
        for id in rest.by_ref().take(RDB_PIECE_ELEMENTS) {
            stream_id(out, id);
            self.id = Some(id);
        }
        if rest.next().is_none() {
            self.part = Part::Consumers;
        }
    }
}

fn counts(stream: &Log, out: &mut Vec<u8>) {
    let counts = stream.counts();
    length(out, counts.len);
    id_lengths(out, counts.last_id);
    id_lengths(out, counts.first_id);
    id_lengths(out, counts.max_deleted_id);
    length(out, counts.entries_added);
    length(out, stream.groups().len() as u64);
}

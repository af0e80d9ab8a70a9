//! A run of entries with ids that ascend: what the reference keeps in one listpack (t_stream.c, RDB type 21). What a
//! node holds, when it is full, and its bytes as a listpack are the reference's; in memory it is written otherwise,
//! since a listpack spends 6 bytes on an entry and 1 on each value only to be walked backwards, and finds an id by
//! walking.
//!
//! ```text
//! offsets  of every 8th entry's values in `data`
//! flags    one byte for each entry, if any has one
//! ids      of each entry, as columns: milliseconds above those of the node's id, sequence number above the least
//! data     number and names of the fields of the first entry; of each entry the values, as elements of listpacks
//!          without the length behind; in front of them number and names of its own fields, unless it has the first's
//! ```
//! The node under way is `Open`: these four parts apart, each with room to grow, ids in full width. A full one is
//! `Sealed`: one block without room, ids as narrow as they go. Where the allocator has no size near that of the block,
//! the last entries have a block of their own.

use super::columns;
use super::id::StreamId;
use crate::sys::memory::size_class;
use crate::types::block::{Block, Counted};
use crate::types::listpack::{self, Listpack};
use crate::types::value::Value;
use crate::types::{Corrupt, listpack::int_size};

/// Entries from one offset to the next.
const STRIDE: usize = 8;
/// An entry's flags, in the reference's numbers but for the second, which is the opposite.
const DEAD: u8 = 1;
const OWN_FIELDS: u8 = 2;
/// What the reference says of an entry that has the fields of the node's first.
const SAME_FIELDS: i64 = 2;
/// Bytes that an allocation may waste before entries move to another one.
const WASTE_MIN: usize = 128;
/// More fields do not fit a listpack.
const FIELDS_MAX: usize = 1 << 31;
/// Bytes of a listpack around its elements.
const PACK_OVERHEAD: usize = 7;

/// A node. See the head of this file.
#[derive(Clone)]
pub enum Node {
    Open(Box<Open>),
    Sealed(Sealed),
}

/// The node that is full.
#[derive(Clone)]
pub struct Sealed {
    main: Block<Counted>,
    /// The end of `data`.
    rest: Option<Block<Counted>>,
}

/// What a new entry consists of.
pub trait Pairs<'p>: ExactSizeIterator<Item = (&'p [u8], &'p [u8])> + Clone {}
impl<'p, T: ExactSizeIterator<Item = (&'p [u8], &'p [u8])> + Clone> Pairs<'p> for T {}

/// The node that grows.
#[derive(Default)]
pub struct Open {
    n: u32,
    live: u32,
    /// Bytes of the node as a listpack, without its two counters.
    body: usize,
    /// Fields of the first entry.
    fields: usize,
    offsets: Vec<u8>,
    flags: Vec<u8>,
    ids: Vec<u8>,
    data: Vec<u8>,
}

impl Clone for Open {
    fn clone(&self) -> Open {
        Open {
            offsets: with_room(&self.offsets),
            flags: with_room(&self.flags),
            ids: with_room(&self.ids),
            data: with_room(&self.data),
            ..*self
        }
    }
}

/// A copy that has as much room, so that what was counted of it holds.
pub(super) fn with_room(bytes: &Vec<u8>) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.capacity());
    copy.extend_from_slice(bytes);
    copy
}

/// The head of a sealed node: bytes of the whole, widths of both columns of ids and of offsets, whether there are flags,
/// entries, live ones, `body`, the least sequence number.
const HEAD: usize = 28;
const LIVE_AT: usize = 12;

/// A node to be read, in either form.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The node's id, which is that of the first entry it ever had.
    base: StreamId,
    n: usize,
    live: usize,
    body: usize,
    ms_width: usize,
    seq_width: usize,
    seq_min: u64,
    offset_width: usize,
    offsets: &'a [u8],
    flags: &'a [u8],
    ids: &'a [u8],
    data: &'a [u8],
    /// What follows on `data`.
    rest: &'a [u8],
}

/// The field names of the first entry: their number, and where they are.
fn master(data: &[u8]) -> (usize, usize) {
    let (number, len) = listpack::decode(data, 0);
    (count(number), len)
}

/// A number that we wrote ourselves.
fn count(value: Value<'_>) -> usize {
    match value {
        Value::Int(n) => n as usize,
        Value::Bytes(_) => unreachable!("a text where a number of fields stands"),
    }
}

/// Where the element behind that at `at` is.
#[inline]
fn behind(data: &[u8], at: usize) -> usize {
    at + listpack::decode(data, at).1
}

fn is(value: Value<'_>, text: &[u8]) -> bool {
    match value {
        Value::Bytes(bytes) => bytes == text,
        Value::Int(integer) => crate::base::num::parse_i64(text) == Some(integer),
    }
}

impl<'a> View<'a> {
    /// Entries, dead ones among them.
    #[inline]
    pub fn len(&self) -> usize {
        self.n
    }

    /// Entries that are not dead.
    #[inline]
    pub fn live(&self) -> usize {
        self.live
    }

    /// Bytes of the node as a listpack.
    pub fn packed_bytes(&self) -> usize {
        self.body + int_size(self.live as i64) + int_size((self.n - self.live) as i64)
    }

    /// The id of entry `i`.
    #[inline]
    pub fn id(&self, i: usize) -> StreamId {
        let at = i * (self.ms_width + self.seq_width);
        StreamId {
            ms: self.base.ms + columns::read(self.ids, at, self.ms_width),
            seq: self.seq_min + columns::read(self.ids, at + self.ms_width, self.seq_width),
        }
    }

    /// The id of the last entry, dead or not.
    pub fn last_id(&self) -> StreamId {
        self.n.checked_sub(1).map_or(self.base, |i| self.id(i))
    }

    /// How many entries have ids below `id`.
    pub fn below(&self, id: StreamId) -> usize {
        let (mut from, mut to) = (0, self.n);
        while from < to {
            let middle = from + (to - from) / 2;
            if self.id(middle) < id { from = middle + 1 } else { to = middle }
        }
        from
    }

    #[inline]
    fn flag(&self, i: usize, flag: u8) -> bool {
        self.flags.get(i).is_some_and(|flags| flags & flag != 0)
    }

    /// Whether entry `i` was deleted.
    #[inline]
    pub fn is_dead(&self, i: usize) -> bool {
        self.flag(i, DEAD)
    }

    /// The first entry from `i` on that was not deleted; the number of entries when there is none.
    #[inline]
    pub fn live_from(&self, i: usize) -> usize {
        let flags = self.flags.get(i..).unwrap_or_default();
        match flags.iter().position(|flags| flags & DEAD == 0) {
            Some(dead) => i + dead,
            None if flags.is_empty() => i,
            None => self.n,
        }
    }

    /// Where entry `i` begins in `data`.
    #[inline]
    pub fn offset(&self, i: usize) -> usize {
        let stride = i / STRIDE;
        if stride * STRIDE >= self.n {
            return self.data.len() + self.rest.len();
        }
        let from = columns::read(self.offsets, stride * self.offset_width, self.offset_width) as usize;
        (stride * STRIDE..i).fold(from, |at, i| self.skip(i, at))
    }

    /// The part that holds the entry that begins at `at`, and where the part begins.
    #[inline]
    fn part(&self, at: usize) -> (&'a [u8], usize) {
        if at < self.data.len() { (self.data, 0) } else { (self.rest, self.data.len()) }
    }

    /// Where the entry behind entry `i` begins, which begins at `at`.
    #[inline]
    pub fn skip(&self, i: usize, at: usize) -> usize {
        let (data, from) = self.part(at);
        let (mut at, n) = if self.flag(i, OWN_FIELDS) {
            let (number, len) = listpack::decode(data, at - from);
            (at - from + len, 2 * count(number))
        } else {
            (at - from, master(self.data).0)
        };
        for _ in 0..n {
            at = behind(data, at);
        }
        from + at
    }

    /// Entry `i`, which begins at `at`.
    #[inline]
    pub fn entry(&self, i: usize, at: usize) -> Entry<'a> {
        let (data, from) = self.part(at);
        let (mut at, mut own) = (at - from, false);
        let (mut n, names) = master(self.data);
        if self.flag(i, OWN_FIELDS) {
            let (number, len) = listpack::decode(data, at);
            (n, at, own) = (count(number), at + len, true);
        }
        Entry { id: self.id(i), n, own, names: &self.data[names..], data, at }
    }

    /// The reference's listpack of the node.
    pub fn listpack(&self) -> Listpack {
        let mut pack = Listpack::new();
        pack.push_back_int(self.live as i64);
        pack.push_back_int((self.n - self.live) as i64);
        let (fields, mut at) = master(self.data);
        pack.push_back_int(fields as i64);
        for _ in 0..fields {
            let (name, len) = listpack::decode(self.data, at);
            pack.push_back_value(name);
            at += len;
        }
        pack.push_back_int(0);
        for i in 0..self.n {
            let (own, id) = (self.flag(i, OWN_FIELDS), self.id(i));
            pack.push_back_int(self.is_dead(i) as i64 | if own { 0 } else { SAME_FIELDS });
            pack.push_back_int(id.ms.wrapping_sub(self.base.ms) as i64);
            pack.push_back_int(id.seq.wrapping_sub(self.base.seq) as i64);
            let entry = self.entry(i, at);
            if own {
                pack.push_back_int(entry.n as i64);
            }
            for (name, value) in entry.pairs() {
                if own {
                    pack.push_back_value(name);
                }
                pack.push_back_value(value);
            }
            pack.push_back_int(elements(entry.n, own) as i64);
            at = self.skip(i, at);
        }
        pack
    }

    /// Where in `data` to cut, so that both parts waste little of what is allocated for them, when `before` bytes stand
    /// in front of it.
    fn cut(&self, before: usize) -> Option<usize> {
        let total = before + self.data.len() + self.rest.len();
        let whole = size_class(total);
        if whole - total < WASTE_MIN {
            return None;
        }
        // The largest class below, nearly: there are four to a doubling.
        let class = total & !((1 << (total.ilog2() - 2)) - 1);
        let fits = |at: usize| before + at <= class;
        let strides = self.offsets.len() / self.offset_width;
        let stride = (0..strides).rev().find(|stride| fits(self.offset(stride * STRIDE)))?;
        let mut at = self.offset(stride * STRIDE);
        for i in stride * STRIDE..self.n {
            match self.skip(i, at) {
                next if fits(next) => at = next,
                _ => break,
            }
        }
        let parts = size_class(before + at) + size_class(4 + total - before - at);
        (parts + WASTE_MIN / 2 <= whole).then_some(at)
    }

    /// The same without room, but with flags if that is wanted.
    fn sealed(&self, with_flags: bool) -> Sealed {
        let ids = || (0..self.n).map(|i| self.id(i));
        let ms_width = columns::width(self.last_id().ms - self.base.ms);
        let seq_min = ids().map(|id| id.seq).min().unwrap_or(0);
        let seq_width = columns::width(ids().map(|id| id.seq).max().unwrap_or(0) - seq_min);
        let offset_width = if self.data.len() <= 0xffff { 2 } else { 4 };
        let with_flags = with_flags || !self.flags.is_empty();
        let mut block = vec![0; HEAD];
        for stride in 0..self.offsets.len() / self.offset_width {
            let offset = columns::read(self.offsets, stride * self.offset_width, self.offset_width);
            columns::push(&mut block, offset, offset_width);
        }
        if with_flags {
            let flags = block.len();
            block.extend_from_slice(self.flags);
            block.resize(flags + self.n, 0);
        }
        for id in ids() {
            columns::push(&mut block, id.ms - self.base.ms, ms_width);
            columns::push(&mut block, id.seq - seq_min, seq_width);
        }
        let cut = self.cut(block.len());
        let mut rest = vec![0; 4];
        match cut {
            None => {
                block.extend_from_slice(self.data);
                block.extend_from_slice(self.rest);
            }
            Some(at) => {
                let whole = [self.data, self.rest].concat();
                block.extend_from_slice(&whole[..at]);
                rest.extend_from_slice(&whole[at..]);
            }
        }
        let total = block.len();
        assert!(total.max(rest.len()) <= u32::MAX as usize, "a node of more than 4 GiB");
        let rest_len = (rest.len() as u32).to_le_bytes();
        rest[..4].copy_from_slice(&rest_len);
        block[..4].copy_from_slice(&(total as u32).to_le_bytes());
        block[4..8].copy_from_slice(&[ms_width as u8, seq_width as u8, offset_width as u8, with_flags as u8]);
        block[8..12].copy_from_slice(&(self.n as u32).to_le_bytes());
        block[LIVE_AT..16].copy_from_slice(&(self.live as u32).to_le_bytes());
        block[16..20].copy_from_slice(&(self.body as u32).to_le_bytes());
        block[20..HEAD].copy_from_slice(&seq_min.to_le_bytes());
        Sealed { main: Block::new(&block), rest: cut.map(|_| Block::new(&rest)) }
    }
}

/// Elements of an entry in a listpack, the last one, which tells their number, not counted.
fn elements(fields: usize, own: bool) -> usize {
    if own { 4 + 2 * fields } else { 3 + fields }
}

impl Node {
    /// A node that begins with this entry.
    pub fn new<'p>(id: StreamId, pairs: impl Pairs<'p>) -> Node {
        let mut open = Open::default();
        open.begin(pairs.len(), pairs.clone().map(|(name, _)| name));
        open.push(id, id, pairs);
        Node::Open(Box::new(open))
    }

    /// To be read.
    #[inline]
    pub fn view(&self, base: StreamId) -> View<'_> {
        match self {
            Node::Open(open) => open.view(base),
            Node::Sealed(sealed) => sealed.view(base),
        }
    }

    /// Adds an entry with an id above all that it has.
    #[inline]
    pub fn push<'p>(&mut self, base: StreamId, id: StreamId, pairs: impl Pairs<'p>) {
        self.opened(base).push(base, id, pairs);
    }

    /// Whether entries can be added at once.
    #[inline]
    pub fn is_open(&self) -> bool {
        matches!(self, Node::Open(_))
    }

    /// Gets ready for more entries.
    pub fn open(&mut self, base: StreamId) {
        self.opened(base);
    }

    #[inline]
    fn opened(&mut self, base: StreamId) -> &mut Open {
        if let Node::Sealed(_) = self {
            *self = Node::Open(Box::new(Open::copy(&self.view(base))));
        }
        match self {
            Node::Open(open) => open,
            Node::Sealed(_) => unreachable!("just opened"),
        }
    }

    /// Nothing is added any more: gives up all room.
    pub fn seal(&mut self, base: StreamId) {
        if let Node::Open(_) = self {
            *self = Node::Sealed(self.view(base).sealed(false));
        }
    }

    /// Marks entry `i`, which must be live, as deleted.
    pub fn kill(&mut self, base: StreamId, i: usize) {
        let view = self.view(base);
        debug_assert!(!view.is_dead(i));
        let live = view.live - 1;
        if matches!(self, Node::Sealed(_)) && view.flags.is_empty() {
            *self = Node::Sealed(view.sealed(true));
        }
        match self {
            Node::Open(open) => {
                open.flags.resize(open.n as usize, 0);
                open.flags[i] |= DEAD;
                open.live = live as u32;
            }
            Node::Sealed(Sealed { main: block, .. }) => {
                let bytes = block.bytes();
                let at = flags_at(bytes) + i;
                let (flag, mut head) = ([bytes[at] | DEAD], [0; 4]);
                head.copy_from_slice(&bytes[..4]);
                block.splice(at, 1, [&flag, &[], &[]], &head);
                block.splice(LIVE_AT, 4, [&(live as u32).to_le_bytes(), &[], &[]], &head);
            }
        }
    }

    /// Takes dead entries away whose ids are not below `id`: an id that was lowered is used again. Whether nothing is
    /// left.
    pub fn make_room_for(&mut self, base: StreamId, id: StreamId) -> bool {
        let open = self.opened(base);
        while open.n > 0 && open.view(base).last_id() >= id {
            open.pop(base);
        }
        open.n == 0
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        match self {
            Node::Sealed(sealed) => {
                sealed.main.allocated() + sealed.rest.as_ref().map_or(0, Block::allocated)
            }
            Node::Open(open) => {
                let parts = [&open.offsets, &open.flags, &open.ids, &open.data];
                let used = |part: &Vec<u8>| match part.capacity() {
                    0 => 0,
                    capacity => size_class(capacity),
                };
                size_class(size_of::<Open>()) + parts.into_iter().map(used).sum::<usize>()
            }
        }
    }

    /// A node in the reference's form. Everything is checked: that it holds together, its counters, that ids ascend
    /// and none is below the node's own.
    pub fn from_listpack(base: StreamId, pack: &Listpack) -> Result<Node, Corrupt> {
        Reader { base, elements: pack.iter() }.node()
    }
}

impl Open {
    fn begin<'p>(&mut self, fields: usize, names: impl Iterator<Item = &'p [u8]>) {
        self.fields = fields;
        // Beside its body: the zero behind the names.
        self.body = PACK_OVERHEAD + listpack::put_int(&mut self.data, fields as i64) + int_size(0);
        for name in names {
            self.body += listpack::put(&mut self.data, name);
        }
    }

    #[inline]
    fn view(&self, base: StreamId) -> View<'_> {
        View {
            base,
            n: self.n as usize,
            live: self.live as usize,
            body: self.body,
            ms_width: 8,
            seq_width: 8,
            seq_min: 0,
            offset_width: 4,
            offsets: &self.offsets,
            flags: &self.flags,
            ids: &self.ids,
            data: &self.data,
            rest: &[],
        }
    }

    fn copy(view: &View<'_>) -> Open {
        let mut open = Open {
            n: view.n as u32,
            live: view.live as u32,
            body: view.body,
            fields: master(view.data).0,
            flags: view.flags.to_vec(),
            data: [view.data, view.rest].concat(),
            ..Open::default()
        };
        for stride in 0..view.offsets.len() / view.offset_width {
            let offset = columns::read(view.offsets, stride * view.offset_width, view.offset_width);
            columns::push(&mut open.offsets, offset, 4);
        }
        for i in 0..view.n {
            let id = view.id(i);
            columns::push(&mut open.ids, id.ms - view.base.ms, 8);
            columns::push(&mut open.ids, id.seq, 8);
        }
        open
    }

    /// Whether these are the fields of the first entry.
    #[inline]
    fn has_fields<'p>(&self, pairs: impl Pairs<'p>) -> bool {
        if pairs.len() != self.fields {
            return false;
        }
        let mut at = behind(&self.data, 0);
        pairs.into_iter().all(|(name, _)| {
            let (known, len) = listpack::decode(&self.data, at);
            at += len;
            is(known, name)
        })
    }

    #[inline]
    fn push<'p>(&mut self, base: StreamId, id: StreamId, pairs: impl Pairs<'p>) {
        let (fields, own) = (pairs.len(), !self.has_fields(pairs.clone()));
        self.push_head(base, id, fields, own);
        for (name, value) in pairs {
            if own {
                self.body += listpack::put(&mut self.data, name);
            }
            self.body += listpack::put(&mut self.data, value);
        }
    }

    /// All of an entry but its fields.
    #[inline]
    fn push_head(&mut self, base: StreamId, id: StreamId, fields: usize, own: bool) {
        debug_assert!(self.n == 0 || self.view(base).last_id() < id);
        if (self.n as usize).is_multiple_of(STRIDE) {
            columns::push(&mut self.offsets, self.data.len() as u64, 4);
        }
        columns::push(&mut self.ids, id.ms - base.ms, 8);
        columns::push(&mut self.ids, id.seq, 8);
        if own {
            self.flags.resize(self.n as usize, 0);
            self.flags.push(OWN_FIELDS);
            self.body += listpack::put_int(&mut self.data, fields as i64);
        } else if !self.flags.is_empty() {
            self.flags.push(0);
        }
        self.body += entry_overhead(base, id, fields, own);
        self.n += 1;
        self.live += 1;
    }

    /// Takes the last entry away, which is dead.
    fn pop(&mut self, base: StreamId) {
        let view = self.view(base);
        let i = view.n - 1;
        assert!(view.is_dead(i), "an entry is in the way of a new one");
        let (own, id, at) = (view.flag(i, OWN_FIELDS), view.id(i), view.offset(i));
        let entry = view.entry(i, at);
        let size = |value: Value<'_>| match value {
            Value::Int(n) => int_size(n),
            Value::Bytes(text) => Listpack::entry_size(text),
        };
        let mut gone = entry_overhead(base, id, entry.n, own);
        gone += if own { int_size(entry.n as i64) } else { 0 };
        for (name, value) in entry.pairs() {
            gone += size(value) + if own { size(name) } else { 0 };
        }
        self.body -= gone;
        self.data.truncate(at);
        self.ids.truncate(16 * i);
        self.flags.truncate(i);
        self.offsets.truncate(4 * i.div_ceil(STRIDE));
        self.n -= 1;
    }
}

/// Bytes that an entry takes in a listpack beside its own elements: flags, both parts of the id, number of elements.
#[inline]
fn entry_overhead(base: StreamId, id: StreamId, fields: usize, own: bool) -> usize {
    int_size(0)
        + int_size(id.ms.wrapping_sub(base.ms) as i64)
        + int_size(id.seq.wrapping_sub(base.seq) as i64)
        + int_size(elements(fields, own) as i64)
}

fn word(bytes: &[u8], at: usize) -> usize {
    columns::read(bytes, at, 4) as usize
}

/// Where the flags of a sealed node begin, if it has any.
fn flags_at(bytes: &[u8]) -> usize {
    HEAD + word(bytes, 8).div_ceil(STRIDE) * usize::from(bytes[6])
}

impl Sealed {
    fn view(&self, base: StreamId) -> View<'_> {
        let bytes = self.main.bytes();
        let [ms_width, seq_width, offset_width, flags] = [4, 5, 6, 7].map(|i| usize::from(bytes[i]));
        let n = word(bytes, 8);
        let (offsets, rest) = bytes[HEAD..].split_at(n.div_ceil(STRIDE) * offset_width);
        let (flags, rest) = rest.split_at(flags * n);
        let (ids, data) = rest.split_at(n * (ms_width + seq_width));
        View {
            base,
            n,
            live: word(bytes, LIVE_AT),
            body: word(bytes, 16),
            ms_width,
            seq_width,
            seq_min: columns::read(bytes, 20, 8),
            offset_width,
            offsets,
            flags,
            ids,
            data,
            rest: self.rest.as_ref().map_or(&[], |rest| &rest.bytes()[4..]),
        }
    }
}

/// An entry: its id, and its fields with their values.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub id: StreamId,
    n: usize,
    own: bool,
    /// The names of the fields, unless it has its own.
    names: &'a [u8],
    /// Where its own part is.
    data: &'a [u8],
    at: usize,
}

impl<'a> Entry<'a> {
    /// Pairs of field and value.
    #[inline]
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether it has no fields: no command makes such an entry.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Fields and their values.
    #[inline]
    pub fn pairs(&self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> + use<'a> {
        let Entry { n, own, names, data, mut at, .. } = *self;
        let mut name_at = 0;
        (0..n).map(move |_| {
            let (name, len) = if own { listpack::decode(data, at) } else { listpack::decode(names, name_at) };
            *(if own { &mut at } else { &mut name_at }) += len;
            let (value, len) = listpack::decode(data, at);
            at += len;
            (name, value)
        })
    }
}

/// Reads a node in the reference's form.
struct Reader<'a> {
    base: StreamId,
    elements: listpack::Iter<'a>,
}

impl Reader<'_> {
    fn int(&mut self) -> Result<i64, Corrupt> {
        match self.elements.next() {
            Some(Value::Int(n)) => Ok(n),
            // Numbers are stored as such, but it would be the same.
            Some(Value::Bytes(text)) => crate::base::num::parse_i64(text).ok_or(Corrupt),
            None => Err(Corrupt),
        }
    }

    fn count(&mut self) -> Result<usize, Corrupt> {
        self.int().and_then(|n| usize::try_from(n).map_err(|_| Corrupt))
    }

    /// Appends `n` elements to `to`; their bytes in a listpack.
    fn copy(&mut self, n: usize, to: &mut Vec<u8>) -> Result<usize, Corrupt> {
        let mut size = 0;
        for _ in 0..n {
            size += match self.elements.next().ok_or(Corrupt)? {
                Value::Int(n) => listpack::put_int(to, n),
                Value::Bytes(text) => listpack::put(to, text),
            };
        }
        Ok(size)
    }

    fn node(mut self) -> Result<Node, Corrupt> {
        let (live, dead, fields) = (self.count()?, self.count()?, self.count()?);
        let mut open = Open::default();
        open.begin(fields, std::iter::empty());
        open.body += self.copy(fields, &mut open.data)?;
        if self.int()? != 0 {
            return Err(Corrupt);
        }
        for _ in 0..live.checked_add(dead).ok_or(Corrupt)? {
            self.entry(&mut open)?;
        }
        if self.elements.next().is_some() || open.live as usize != live || open.n == 0 {
            return Err(Corrupt);
        }
        Ok(Node::Open(Box::new(open)))
    }

    fn entry(&mut self, open: &mut Open) -> Result<(), Corrupt> {
        let flags = self.int()?;
        let ms = self.base.ms.wrapping_add(self.int()? as u64);
        let id = StreamId { ms, seq: self.base.seq.wrapping_add(self.int()? as u64) };
        let own = flags & SAME_FIELDS == 0;
        let fields = if own { self.count()? } else { open.fields };
        if id < self.base {
            return Err(Corrupt);
        }
        while open.n > 0 && open.view(self.base).last_id() >= id {
            // The reference leaves dead ones in the way when an id was lowered.
            if !open.view(self.base).is_dead(open.n as usize - 1) {
                return Err(Corrupt);
            }
            open.pop(self.base);
        }
        if fields > FIELDS_MAX {
            return Err(Corrupt);
        }
        open.push_head(self.base, id, fields, own);
        open.body += self.copy(if own { 2 * fields } else { fields }, &mut open.data)?;
        if flags & i64::from(DEAD) != 0 {
            open.flags.resize(open.n as usize, 0);
            open.flags[open.n as usize - 1] |= DEAD;
            open.live -= 1;
        }
        if self.count()? != elements(fields, own) {
            return Err(Corrupt);
        }
        Ok(())
    }
}

//! Entries that were delivered and not acknowledged: by id, to whom, when last, how often. The same structure holds a
//! whole group's and, without all but the ids, each consumer's.
//!
//! They lie in chunks of up to [`CHUNK_MAX`] rows, which a spine keeps in order. A row has five numbers, each as far
//! above the least of its chunk as it is, in as few bytes as the chunk's largest needs: ids lie close together, times
//! too, most were delivered once. A number that does not fit widens its column for the whole chunk. A pending entry of a
//! group takes about 6 bytes so, and 3 with its consumer.

use super::columns;
use super::id::StreamId;
use super::node::with_room;
use super::spine::Spine;
use crate::sys::memory::size_class;

/// Rows of a chunk at the most, and when it is joined with its neighbour: that many in both together.
const CHUNK_MAX: usize = 128;
const JOINED_MAX: usize = 96;
const SPARSE: usize = 32;
/// Room for rows that a chunk under way gets at first.
const ROOM_MIN: usize = 4;

/// Who has an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nack {
    /// The consumer's number in its group.
    pub consumer: u32,
    /// When it was delivered last, ms of Unix time.
    pub time_ms: i64,
    /// How often.
    pub count: u64,
}

/// Pending entries in the order of ids.
#[derive(Clone, Default)]
pub struct Pending {
    chunks: Spine<Box<Chunk>>,
    len: usize,
    /// Bytes allocated for chunks.
    bytes: usize,
}

#[derive(Default)]
struct Chunk {
    least: Row,
    widths: [u8; COLUMNS],
    n: u8,
    rows: Vec<u8>,
}

impl Clone for Chunk {
    fn clone(&self) -> Chunk {
        Chunk { rows: with_room(&self.rows), ..*self }
    }
}

const COLUMNS: usize = 5;
/// Both parts of the id, consumer, time, count.
type Row = [u64; COLUMNS];

fn row(id: StreamId, nack: Nack) -> Row {
    // Times before 1970 are below those after it.
    let time = nack.time_ms.wrapping_sub(i64::MIN) as u64;
    [id.ms, id.seq, nack.consumer.into(), time, nack.count]
}

fn entry([ms, seq, consumer, time, count]: Row) -> (StreamId, Nack) {
    let time_ms = (time as i64).wrapping_add(i64::MIN);
    (StreamId { ms, seq }, Nack { consumer: consumer as u32, time_ms, count })
}

impl Chunk {
    fn len(&self) -> usize {
        self.n.into()
    }

    #[inline]
    fn stride(&self) -> usize {
        self.widths.iter().map(|width| usize::from(*width)).sum()
    }

    fn allocated(&self) -> usize {
        let rows = self.rows.capacity();
        size_class(size_of::<Chunk>()) + if rows == 0 { 0 } else { size_class(rows) }
    }

    #[inline]
    fn id(&self, i: usize) -> StreamId {
        let [ms_width, seq_width, ..] = self.widths.map(usize::from);
        let at = i * self.stride();
        StreamId {
            ms: self.least[0] + columns::read(&self.rows, at, ms_width),
            seq: self.least[1] + columns::read(&self.rows, at + ms_width, seq_width),
        }
    }

    fn row(&self, i: usize) -> Row {
        let mut at = i * self.stride();
        let mut row = self.least;
        for (number, width) in row.iter_mut().zip(self.widths.map(usize::from)) {
            *number += columns::read(&self.rows, at, width);
            at += width;
        }
        row
    }

    /// Where `id` is, or where it would be.
    fn find(&self, id: StreamId) -> Result<usize, usize> {
        let (mut from, mut to) = (0, self.len());
        // New ones go behind all.
        if to > 0 && self.id(to - 1) < id {
            return Err(to);
        }
        while from < to {
            let middle = from + (to - from) / 2;
            match self.id(middle).cmp(&id) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        Err(from)
    }

    #[inline]
    fn fits(&self, row: &Row) -> bool {
        let above = row.iter().zip(self.least);
        above.zip(self.widths).all(|((number, least), width)| {
            number.checked_sub(least).is_some_and(|above| columns::fits(above, width.into()))
        })
    }

    /// Appends the bytes of a row that fits.
    #[inline]
    fn push_bytes(&mut self, row: &Row) {
        for ((number, least), width) in row.iter().zip(self.least).zip(self.widths) {
            columns::push(&mut self.rows, number - least, width.into());
        }
    }

    /// Puts a row in the place of `old` rows, one or none, at `i`.
    fn put(&mut self, i: usize, old: usize, row: &Row) {
        if !self.fits(row) {
            let mut all: Vec<Row> = (0..self.len()).map(|i| self.row(i)).collect();
            all.splice(i..i + old, [*row]);
            return self.write(&all, true);
        }
        let stride = self.stride();
        let end = self.rows.len();
        if self.rows.capacity() - end < stride {
            self.rows.reserve_exact((end / 2).max(ROOM_MIN * stride));
        }
        self.push_bytes(row);
        if i < self.len() {
            // Written behind all, and brought into its place.
            self.rows[i * stride..].rotate_right(stride);
            let behind = (i + 1) * stride;
            self.rows.drain(behind..behind + old * stride);
        }
        self.n = self.n + 1 - old as u8;
    }

    /// Writes all rows anew; with room for numbers a little larger, where it is still under way.
    fn write(&mut self, all: &[Row], growing: bool) {
        let Some(first) = all.first() else { return };
        let (mut least, mut most) = (*first, *first);
        for row in all {
            for (i, number) in row.iter().enumerate() {
                least[i] = least[i].min(*number);
                most[i] = most[i].max(*number);
            }
        }
        // Ids and times ascend: two bytes at once save widening them again soon. What does not differ takes none.
        let wider = |i: usize| if growing && i != 2 && i != 4 { 2 } else { 0 };
        for i in 0..COLUMNS {
            let width = columns::width(most[i] - least[i]);
            self.widths[i] = if all.len() > 1 { width.max(wider(i)) } else { width } as u8;
        }
        self.least = least;
        let bytes = all.len() * self.stride();
        self.rows = Vec::with_capacity(if growing { bytes + bytes / 4 } else { bytes });
        all.iter().for_each(|row| self.push_bytes(row));
        self.n = all.len() as u8;
    }

    fn remove(&mut self, i: usize) {
        let stride = self.stride();
        self.rows.drain(i * stride..(i + 1) * stride);
        self.n -= 1;
        if self.rows.capacity() > 2 * self.rows.len() + 64 {
            self.rows.shrink_to(self.rows.len() + self.rows.len() / 4);
        }
    }

    fn all(&self) -> Vec<Row> {
        (0..self.len()).map(|i| self.row(i)).collect()
    }

    fn of(rows: &[Row]) -> Box<Chunk> {
        let mut chunk = Box::<Chunk>::default();
        chunk.write(rows, false);
        chunk
    }
}

impl Pending {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.bytes + self.chunks.allocated()
    }

    /// The first one.
    pub fn first(&self) -> Option<StreamId> {
        self.chunks.first().map(|(_, chunk)| chunk.id(0))
    }

    /// The last one.
    pub fn last(&self) -> Option<StreamId> {
        self.chunks.last().map(|(_, chunk)| chunk.id(chunk.len() - 1))
    }

    /// Who has this entry.
    pub fn get(&self, id: StreamId) -> Option<Nack> {
        let (_, chunk) = self.chunks.at(id)?;
        let i = chunk.find(id).ok()?;
        Some(entry(chunk.row(i)).1)
    }

    /// Those from `from` on.
    pub fn iter_from(&self, from: StreamId) -> Iter<'_> {
        let here = self.chunks.at_or_first(from).map(|(key, chunk)| (key, &**chunk));
        let i = here.map_or(0, |(_, chunk)| chunk.find(from).unwrap_or_else(|i| i));
        Iter { chunks: &self.chunks, here, i }
    }

    /// The chunk that is to hold `id`, and its key. Where there is none, an empty one.
    fn chunk_for(&mut self, id: StreamId) -> (StreamId, usize) {
        let Some((key, chunk)) = self.chunks.at_or_first(id) else {
            self.chunks.insert(id, Box::default());
            self.bytes += size_class(size_of::<Chunk>());
            return (id, 0);
        };
        let n = chunk.len();
        if id < key {
            // The first begins earlier from now on.
            if let Some(chunk) = self.chunks.remove(key) {
                self.chunks.insert(id, chunk);
            }
            return (id, n);
        }
        (key, n)
    }

    /// Changes the chunk under `key`, and counts what it takes.
    fn edit<R>(&mut self, key: StreamId, change: impl FnOnce(&mut Chunk) -> R) -> Option<R> {
        let chunk = self.chunks.get_mut(key)?;
        let before = chunk.allocated();
        let result = change(chunk);
        self.bytes = self.bytes + chunk.allocated() - before;
        Some(result)
    }

    /// Says who has an entry; who had it before.
    pub fn set(&mut self, id: StreamId, nack: Nack) -> Option<Nack> {
        let (mut key, n) = self.chunk_for(id);
        if n == CHUNK_MAX {
            key = self.make_room(key, id);
        }
        let before = self.edit(key, |chunk| match chunk.find(id) {
            Ok(i) => {
                let before = entry(chunk.row(i)).1;
                if before != nack {
                    chunk.put(i, 1, &row(id, nack));
                }
                Some(before)
            }
            Err(i) => {
                chunk.put(i, 0, &row(id, nack));
                None
            }
        });
        let before = before.flatten();
        self.len += before.is_none() as usize;
        before
    }

    /// Makes room for `id` in the full chunk under `key`, unless it is there already; the key of the one that takes it.
    fn make_room(&mut self, key: StreamId, id: StreamId) -> StreamId {
        let Some(chunk) = self.chunks.get_mut(key) else { return key };
        let rows = chunk.all();
        let at = match chunk.find(id) {
            Ok(_) => return key,
            Err(at) => at,
        };
        let is_last = self.chunks.last().is_some_and(|(last, _)| last == key);
        // Behind all others a new one begins, and nothing more comes to this one, mostly.
        let cut = if at == CHUNK_MAX && is_last { CHUNK_MAX } else { CHUNK_MAX / 2 };
        let (left, right) = rows.split_at(cut);
        self.edit(key, |chunk| chunk.write(left, false));
        let (right_key, right) = match right.first() {
            Some(first) => (entry(*first).0, Chunk::of(right)),
            None => (id, Box::default()),
        };
        self.bytes += right.allocated();
        self.chunks.insert(right_key, right);
        if id < right_key { key } else { right_key }
    }

    /// Takes an entry out; who had it.
    pub fn remove(&mut self, id: StreamId) -> Option<Nack> {
        let (key, chunk) = self.chunks.at(id)?;
        let i = chunk.find(id).ok()?;
        let nack = entry(chunk.row(i)).1;
        let left = chunk.len() - 1;
        self.len -= 1;
        if left == 0 {
            if let Some(chunk) = self.chunks.remove(key) {
                self.bytes -= chunk.allocated();
            }
            return Some(nack);
        }
        self.edit(key, |chunk| chunk.remove(i));
        if left < SPARSE {
            self.join(key, left);
        }
        Some(nack)
    }

    /// Joins a chunk of `n` rows with a neighbour, if they are few together.
    fn join(&mut self, key: StreamId, n: usize) {
        let few = |len: usize| len + n <= JOINED_MAX;
        let before = self.chunks.before(key).filter(|(_, other)| few(other.len())).map(|(key, _)| key);
        let after = self.chunks.after(key).filter(|(_, other)| few(other.len())).map(|(key, _)| key);
        let (left, right) = match (before, after) {
            (Some(before), _) => (before, key),
            (None, Some(after)) => (key, after),
            (None, None) => return,
        };
        let Some(moved) = self.chunks.remove(right) else { return };
        self.bytes -= moved.allocated();
        self.edit(left, |chunk| {
            let mut rows = chunk.all();
            rows.extend(moved.all());
            chunk.write(&rows, false);
        });
    }
}

/// Pending entries from one on.
pub struct Iter<'a> {
    chunks: &'a Spine<Box<Chunk>>,
    here: Option<(StreamId, &'a Chunk)>,
    i: usize,
}

impl Iterator for Iter<'_> {
    type Item = (StreamId, Nack);

    fn next(&mut self) -> Option<(StreamId, Nack)> {
        let (key, chunk) = self.here?;
        if self.i < chunk.len() {
            self.i += 1;
            return Some(entry(chunk.row(self.i - 1)));
        }
        (self.here, self.i) = (self.chunks.after(key).map(|(key, chunk)| (key, &**chunk)), 0);
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Set(StreamId, Nack),
        /// Many in a row, as they are delivered.
        Deliver(u64, u32),
        Remove(usize),
        RemoveRun(usize, usize),
    }

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..4, 0u64..3000, 60_000u64..70_000, Just(u64::MAX), any::<u64>()]
    }

    fn step() -> impl Strategy<Value = Step> {
        let nack = (0u32..300, prop_oneof![0i64..5, 1_000_000i64..1_200_000, any::<i64>()], number())
            .prop_map(|(consumer, time_ms, count)| Nack { consumer, time_ms, count });
        prop_oneof![
            3 => (number(), number(), nack).prop_map(|(ms, seq, nack)| Step::Set(StreamId { ms, seq }, nack)),
            2 => (1u64..400, 0u32..3).prop_map(|(n, consumer)| Step::Deliver(n, consumer)),
            3 => any::<usize>().prop_map(Step::Remove),
            1 => (any::<usize>(), 0usize..300).prop_map(|(i, n)| Step::RemoveRun(i, n)),
        ]
    }

    fn same(pending: &Pending, model: &BTreeMap<StreamId, Nack>) {
        let all: Vec<_> = pending.iter_from(StreamId::MIN).collect();
        assert!(all.iter().copied().eq(model.iter().map(|(id, nack)| (*id, *nack))));
        assert_eq!((pending.len(), pending.is_empty()), (model.len(), model.is_empty()));
        assert_eq!(pending.first(), model.keys().next().copied());
        assert_eq!(pending.last(), model.keys().next_back().copied());
        let chunks: usize = pending.chunks.iter().map(|(_, chunk)| chunk.allocated()).sum();
        assert_eq!(pending.bytes, chunks);
        assert!(pending.chunks.iter().all(|(key, chunk)| key <= chunk.id(0) && chunk.len() <= CHUNK_MAX));
    }

    fn remove(pending: &mut Pending, model: &mut BTreeMap<StreamId, Nack>, i: usize) {
        if let Some(id) = model.keys().nth(i % model.len().max(1)).copied() {
            assert_eq!(pending.get(id), model.get(&id).copied());
            assert_eq!(pending.remove(id), model.remove(&id));
            assert_eq!((pending.remove(id), pending.get(id)), (None, None));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 4 } else { 200 },
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn it_is_an_ordered_map(steps in proptest::collection::vec(step(), 0..40), from in number()) {
            let (mut pending, mut model) = (Pending::default(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Set(id, nack) => assert_eq!(pending.set(id, nack), model.insert(id, nack)),
                    Step::Deliver(n, consumer) => {
                        let last = pending.last().unwrap_or_default();
                        for i in 1..=n {
                            let Some(ms) = last.ms.checked_add(i / 3) else { break };
                            let id = StreamId { ms, seq: last.seq.saturating_add(i) };
                            let nack = Nack { consumer, time_ms: 1_000_000 + i as i64, count: 1 };
                            assert_eq!(pending.set(id, nack), model.insert(id, nack));
                        }
                    }
                    Step::Remove(i) => remove(&mut pending, &mut model, i),
                    Step::RemoveRun(i, n) => (0..n).for_each(|_| remove(&mut pending, &mut model, i)),
                }
                same(&pending, &model);
            }
            let from = StreamId { ms: from, seq: from };
            assert!(pending.iter_from(from).eq(model.range(from..).map(|(id, nack)| (*id, *nack))));
            same(&pending.clone(), &model);
        }
    }

    #[test]
    fn a_million_take_little() {
        let mut pending = Pending::default();
        let mut ids = Pending::default();
        for i in 0..100_000u64 {
            let id = StreamId::new(1_700_000_000_000 + i / 50, i % 50);
            pending.set(id, Nack { consumer: 0, time_ms: 1_700_000_000_000 + i as i64 / 100, count: 1 });
            ids.set(id, Nack::default());
        }
        assert!(pending.allocated() < 700_000, "{}", pending.allocated());
        assert!(ids.allocated() < 500_000, "{}", ids.allocated());
        for i in (0..100_000u64).filter(|i| i % 10 != 0) {
            assert!(pending.remove(StreamId::new(1_700_000_000_000 + i / 50, i % 50)).is_some());
        }
        assert!(pending.allocated() < 120_000, "{}", pending.allocated());
    }
}

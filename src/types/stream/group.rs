//! A consumer group: what it was given last, who its consumers are, and which entries they have not acknowledged.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::id::StreamId;
use super::pending::{Iter, Nack, Pending};
use crate::sys::memory::size_class;

/// `entries_read` of a group that does not know it.
pub const UNKNOWN: i64 = -1;

/// A consumer's number in its group, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerNo(u32);

/// A consumer.
#[derive(Clone)]
pub struct Consumer {
    pub name: Box<[u8]>,
    /// When it asked last, ms of Unix time.
    pub seen_ms: i64,
    /// When it was given something last; -1: never.
    pub active_ms: i64,
    /// The ids of what it has.
    pending: Pending,
}

impl Consumer {
    /// How many entries it has not acknowledged.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The ids of these entries from `from` on.
    pub fn ids_from(&self, from: StreamId) -> impl Iterator<Item = StreamId> + '_ {
        self.pending.iter_from(from).map(|(id, _)| id)
    }

    fn allocated(&self) -> usize {
        // The name stands here and in the index, whose leaves are a little more than half full.
        let names = 2 * size_class(self.name.len()) + size_of::<(Box<[u8]>, u32)>() * 7 / 4;
        size_class(size_of::<Consumer>()) + size_of::<usize>() + names + self.pending.allocated()
    }
}

/// A consumer group.
#[derive(Clone)]
pub struct Group {
    /// The last entry that was given to one of its consumers.
    pub last_id: StreamId,
    /// How many entries were ever given to it, those that were gone by then among them; or [`UNKNOWN`].
    pub entries_read: i64,
    pending: Pending,
    by_name: BTreeMap<Box<[u8]>, u32>,
    /// By number; a number is used again when its consumer has gone.
    consumers: Vec<Option<Box<Consumer>>>,
    free: Vec<u32>,
    /// Bytes allocated for consumers.
    bytes: usize,
}

impl Group {
    /// One without consumers.
    pub fn new(last_id: StreamId, entries_read: i64) -> Group {
        Group {
            last_id,
            entries_read,
            pending: Pending::default(),
            by_name: BTreeMap::new(),
            consumers: Vec::new(),
            free: Vec::new(),
            bytes: 0,
        }
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        size_class(size_of::<Group>()) + self.pending.allocated() + self.bytes
    }

    /// All entries that were not acknowledged.
    pub fn pending(&self) -> &Pending {
        &self.pending
    }

    /// The consumer of this name.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<ConsumerNo> {
        self.by_name.get(name).copied().map(ConsumerNo)
    }

    /// Makes a consumer whose name nobody has.
    pub fn add_consumer(&mut self, name: &[u8], now_ms: i64) -> ConsumerNo {
        let consumer = Box::new(Consumer {
            name: name.into(),
            seen_ms: now_ms,
            active_ms: -1,
            pending: Pending::default(),
        });
        self.bytes += consumer.allocated();
        let number = self.free.pop().unwrap_or_else(|| {
            self.consumers.push(None);
            (self.consumers.len() - 1) as u32
        });
        self.consumers[number as usize] = Some(consumer);
        let before = self.by_name.insert(name.into(), number);
        debug_assert!(before.is_none(), "two consumers of one name");
        ConsumerNo(number)
    }

    /// Removes a consumer, and with it what it has not acknowledged; how many entries those were.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.by_name.remove(name)?;
        let consumer = self.consumers[number as usize].take()?;
        self.bytes -= consumer.allocated();
        self.free.push(number);
        for id in consumer.ids_from(StreamId::MIN) {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// The consumer with this number.
    #[inline]
    pub fn consumer(&self, ConsumerNo(number): ConsumerNo) -> &Consumer {
        match self.consumers.get(number as usize) {
            Some(Some(consumer)) => consumer,
            _ => unreachable!("no consumer {number}"),
        }
    }

    fn consumer_mut(&mut self, ConsumerNo(number): ConsumerNo) -> &mut Consumer {
        match self.consumers.get_mut(number as usize) {
            Some(Some(consumer)) => consumer,
            _ => unreachable!("no consumer {number}"),
        }
    }

    /// A consumer has asked.
    pub fn saw(&mut self, number: ConsumerNo, now_ms: i64) {
        self.consumer_mut(number).seen_ms = now_ms;
    }

    /// A consumer was given something.
    pub fn served(&mut self, number: ConsumerNo, now_ms: i64) {
        self.consumer_mut(number).active_ms = now_ms;
    }

    /// Consumers by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.by_name.values().map(|number| self.consumer(ConsumerNo(*number)))
    }

    /// The first consumer, or the one behind that of this name.
    pub fn consumer_after(&self, name: Option<&[u8]>) -> Option<&Consumer> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        let (_, number) = self.by_name.range::<[u8], _>((from, Bound::Unbounded)).next()?;
        Some(self.consumer(ConsumerNo(*number)))
    }

    /// How many.
    pub fn consumers_len(&self) -> usize {
        self.by_name.len()
    }

    /// Who has an entry.
    pub fn owner(&self, nack: Nack) -> &Consumer {
        self.consumer(ConsumerNo(nack.consumer))
    }

    /// Pending entries from `from` on, with their consumers.
    pub fn pending_from(&self, from: StreamId) -> Iter<'_> {
        self.pending.iter_from(from)
    }

    /// The ids of a consumer change.
    fn edit_ids(&mut self, number: u32, change: impl FnOnce(&mut Pending)) {
        let consumer = self.consumer_mut(ConsumerNo(number));
        let before = consumer.pending.allocated();
        change(&mut consumer.pending);
        let after = consumer.pending.allocated();
        self.bytes = self.bytes + after - before;
    }

    /// Gives an entry to a consumer, whoever had it.
    pub fn assign(&mut self, id: StreamId, ConsumerNo(to): ConsumerNo, time_ms: i64, count: u64) {
        let before = self.pending.set(id, Nack { consumer: to, time_ms, count });
        match before {
            Some(nack) if nack.consumer == to => return,
            Some(nack) => self.edit_ids(nack.consumer, |ids| {
                ids.remove(id);
            }),
            None => {}
        }
        self.edit_ids(to, |ids| {
            ids.set(id, Nack::default());
        });
    }

    /// Nobody has an entry any more: it was acknowledged, or is gone. Whether anybody had it.
    pub fn release(&mut self, id: StreamId) -> bool {
        let Some(nack) = self.pending.remove(id) else { return false };
        self.edit_ids(nack.consumer, |ids| {
            ids.remove(id);
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(consumer: &Consumer) -> Vec<u64> {
        consumer.ids_from(StreamId::MIN).map(|id| id.ms).collect()
    }

    fn id(n: u64) -> StreamId {
        StreamId::new(n, 0)
    }

    #[test]
    fn entries_go_from_hand_to_hand() {
        let mut group = Group::new(StreamId::MIN, UNKNOWN);
        let (b, a) = (group.add_consumer(b"b", 1), group.add_consumer(b"a", 2));
        for n in 1..=4 {
            group.assign(id(n), if n % 2 == 0 { a } else { b }, 10, 1);
        }
        group.assign(id(1), a, 20, 2);
        group.assign(id(2), a, 30, 5);
        assert_eq!((ids(group.consumer(a)), ids(group.consumer(b))), (vec![1, 2, 4], vec![3]));
        let nack = group.pending().get(id(2)).unwrap();
        assert_eq!((&group.owner(nack).name[..], nack.time_ms, nack.count), (&b"a"[..], 30, 5));
        assert_eq!((group.release(id(4)), group.release(id(4))), (true, false));
        let names: Vec<_> = group.consumers().map(|c| c.name.to_vec()).collect();
        assert_eq!(names, [b"a", b"b"]);
        assert_eq!((group.remove_consumer(b"a"), group.remove_consumer(b"a")), (Some(2), None));
        assert_eq!((group.pending().len(), group.find(b"a"), group.consumers_len()), (1, None, 1));
        let again = group.add_consumer(b"c", 3);
        assert_eq!((again, group.consumer(again).active_ms), (a, -1));
        group.served(again, 7);
        group.saw(again, 8);
        let c = group.consumer(again);
        assert_eq!((c.active_ms, c.seen_ms, c.pending()), (7, 8, 0));
        let counted: usize = group.consumers().map(Consumer::allocated).sum();
        assert_eq!(group.bytes, counted);
    }
}

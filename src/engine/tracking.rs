//! Client-side caching: which clients may hold a copy of which keys, and who wants to hear of all keys with a prefix.
//!
//! By default the server remembers what a client has read (`remember`); the first change of such a key, seen by the
//! drain, tells the client once (`exec/invalidate.rs`). In broadcasting mode nothing is remembered: keys that change are
//! collected by prefix and told at the end of the turn. Keys are those of all databases alike, as in the reference.
//!
//! A key that clients have read is one allocation: its name and the ids of the clients, in order. Ids are never used
//! again, so a client that goes leaves its ids behind; they go when the key changes or gets more readers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::Included;
use std::rc::Rc;

use super::effects::listeners;
use super::server::Server;
use super::session::{Clients, Session};
use crate::base::hash::hash;
use crate::base::rng::Rng;
use crate::types::hash::field::Field;
use crate::types::table::{Pos, Table};

/// Of which reads the keys are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Of all.
    #[default]
    All,
    /// Of those before which CLIENT CACHING YES was said.
    OptIn,
    /// Of those before which CLIENT CACHING NO was not said.
    OptOut,
    /// Of none: the client hears of every key with one of its prefixes.
    Broadcast,
}

/// What CLIENT TRACKING ON asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub mode: Mode,
    /// Not of what the client itself changes.
    pub noloop: bool,
    /// The id of the client that hears in its place; 0 = it hears itself.
    pub redirect: u64,
}

/// How one client tracks.
#[derive(Debug, Default)]
pub struct Tracker {
    pub options: Options,
    /// CLIENT CACHING was said: it counts for the next request, or the next transaction.
    pub caching: bool,
    /// The client that hears in its place was gone when there was something to hear.
    pub broken: bool,
    prefixes: BTreeSet<Rc<[u8]>>,
    /// Bytes that the prefixes take, by `prefix_bytes`.
    bytes: usize,
}

/// What a prefix takes at the least: its place among the client's.
const PREFIX: usize = 24;
/// A prefix's name is kept once for all clients; beyond this many bytes it counts for each of them.
const PREFIX_SHORT: usize = 64;

fn prefix_bytes(prefix: &[u8]) -> usize {
    PREFIX + prefix.len().saturating_sub(PREFIX_SHORT)
}

impl Tracker {
    /// Its prefixes, in order.
    pub fn prefixes(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.prefixes.iter().map(|p| &p[..])
    }

    /// Whether it hears of all keys with its prefixes.
    pub fn broadcasts(&self) -> bool {
        self.options.mode == Mode::Broadcast
    }

    /// Whether the keys of what it reads now are remembered.
    pub fn remembers(&self) -> bool {
        match self.options.mode {
            Mode::All => true,
            Mode::OptIn => self.caching,
            Mode::OptOut => !self.caching,
            Mode::Broadcast => false,
        }
    }

    /// Bytes it takes.
    pub fn memory(&self) -> usize {
        size_of::<Tracker>() + self.bytes
    }
}

/// A prefix that somebody wants to hear of.
#[derive(Default)]
struct Prefix {
    /// Slots of those who do.
    clients: BTreeSet<usize>,
    /// Keys changed in this turn, each with the id of the client that changed it last; 0 = the server itself.
    changed: BTreeMap<Box<[u8]>, u64>,
}

/// A prefix whose keys have changed: who is to hear of it, and the keys with the ids of those who changed them.
pub struct Broadcast {
    pub clients: Vec<usize>,
    pub keys: BTreeMap<Box<[u8]>, u64>,
}

/// All that is tracked. See the head of this file.
#[derive(Default)]
pub struct Tracking {
    /// Slots of the clients that track.
    clients: BTreeSet<usize>,
    /// Keys that clients have read, with the clients' ids as the value.
    keys: Table<Field>,
    /// Ids in all of `keys`.
    items: usize,
    prefixes: BTreeMap<Rc<[u8]>, Prefix>,
    /// How many prefixes there are of each length.
    lengths: BTreeMap<usize, usize>,
    /// Prefixes with keys that have changed.
    touched: Vec<Rc<[u8]>>,
    /// What a client is to hear once its own request is answered, with its slot; `None` = all keys are gone.
    pub pending: Vec<(usize, Option<Box<[u8]>>)>,
}

/// From so many readers of a key on, those who are gone are looked for before there are twice as many.
const READERS_SWEPT_MIN: usize = 8;
const ID: usize = size_of::<u64>();

/// The ids of a remembered key.
pub fn ids(key: &Field) -> impl Iterator<Item = u64> {
    key.view().value().as_chunks::<ID>().0.iter().map(|id| u64::from_le_bytes(*id))
}

impl Tracking {
    /// Slots of the clients that track.
    pub fn clients(&self) -> &BTreeSet<usize> {
        &self.clients
    }

    /// Keys remembered.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Keys remembered, each as often as clients have read it.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Prefixes that somebody wants to hear of.
    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    /// Remembers that client `id` has read `key`.
    pub fn remember(&mut self, id: u64, key: &[u8], clients: &Clients) {
        let h = hash(key);
        let Some(pos) = self.keys.find(h, key) else {
            self.keys.insert(h, Field::new(key, &id.to_le_bytes(), None));
            self.items += 1;
            return;
        };
        let readers = self.keys.get(pos).value().as_chunks::<ID>().0;
        let Err(at) = readers.binary_search_by_key(&id, |id| u64::from_le_bytes(*id)) else { return };
        let mut all = readers.to_vec();
        all.insert(at, id.to_le_bytes());
        let before = all.len() - 1;
        if before >= READERS_SWEPT_MIN && before.is_power_of_two() {
            all.retain(|id| clients.slot_of(u64::from_le_bytes(*id)).is_some());
        }
        self.items = self.items + all.len() - before;
        self.keys.update(pos, |f| f.with(all.as_flattened(), None));
    }

    fn take_at(&mut self, pos: Pos) -> Field {
        let gone = self.keys.remove(pos);
        self.items -= gone.view().value().len() / ID;
        gone
    }

    /// Forgets who has read `key`, and gives it.
    pub fn take(&mut self, key: &[u8]) -> Option<Field> {
        let pos = self.keys.find(hash(key), key)?;
        Some(self.take_at(pos))
    }

    /// Forgets who has read some key, and gives it.
    pub fn take_any(&mut self, rng: &mut Rng) -> Option<Field> {
        let pos = self.keys.sample(rng)?;
        Some(self.take_at(pos))
    }

    /// A key was changed by client `by`: notes it for those who hear of its prefixes.
    pub fn note_changed(&mut self, key: &[u8], by: u64) {
        for &len in self.lengths.keys().take_while(|len| **len <= key.len()) {
            let name = &key[..len];
            let Some((name, prefix)) =
                self.prefixes.range_mut::<[u8], _>((Included(name), Included(name))).next()
            else {
                continue;
            };
            if prefix.changed.is_empty() {
                self.touched.push(name.clone());
            }
            prefix.changed.insert(key.into(), by);
        }
    }

    /// Takes what is to be told of prefixes, in their order.
    pub fn take_broadcasts(&mut self) -> Vec<Broadcast> {
        let mut names = std::mem::take(&mut self.touched);
        names.sort_unstable();
        let take = |name: Rc<[u8]>| {
            let prefix = self.prefixes.get_mut(&name)?;
            let keys = std::mem::take(&mut prefix.changed);
            Some(Broadcast { clients: prefix.clients.iter().copied().collect(), keys })
        };
        names.into_iter().filter_map(take).collect()
    }

    /// Whether keys have changed that are to be told by prefix.
    #[inline]
    pub fn any_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Forgets all that was read; gives it, since it may take long to free.
    pub fn forget_all(&mut self) -> Table<Field> {
        self.items = 0;
        std::mem::take(&mut self.keys)
    }

    /// The name as it is kept.
    fn add_prefix(&mut self, name: &[u8], slot: usize) -> Rc<[u8]> {
        let known = self.prefixes.get_key_value(name).map(|(n, _)| n.clone());
        let name = known.unwrap_or_else(|| {
            *self.lengths.entry(name.len()).or_default() += 1;
            name.into()
        });
        self.prefixes.entry(name.clone()).or_default().clients.insert(slot);
        name
    }

    fn remove_prefix(&mut self, name: &[u8], slot: usize) {
        let Some(prefix) = self.prefixes.get_mut(name) else { return };
        prefix.clients.remove(&slot);
        if !prefix.clients.is_empty() {
            return;
        }
        self.prefixes.remove(name);
        if let Some(n) = self.lengths.get_mut(&name.len()) {
            *n -= 1;
            if *n == 0 {
                self.lengths.remove(&name.len());
            }
        }
    }
}

impl Server {
    /// A client tracks from now on, or in another way; prefixes are added to those it has.
    pub fn track<'p>(&mut self, slot: usize, options: Options, prefixes: impl Iterator<Item = &'p [u8]>) {
        let Some(s) = self.clients.get_mut(slot) else { return };
        let tracker = s.tracker.get_or_insert_default();
        (tracker.options, tracker.broken) = (options, false);
        for prefix in prefixes {
            if tracker.prefixes.insert(self.tracking.add_prefix(prefix, slot)) {
                tracker.bytes += prefix_bytes(prefix);
            }
        }
        self.tracking.clients.insert(slot);
        self.fx.listen(listeners::TRACKING, true);
        self.clients.count_memory(slot);
    }

    /// A client tracks no longer. When it was the last, all that was read is forgotten.
    pub fn untrack(&mut self, slot: usize) {
        let Some(tracker) = self.clients.get_mut(slot).and_then(|s| s.tracker.take()) else { return };
        tracker.prefixes.iter().for_each(|name| self.tracking.remove_prefix(name, slot));
        self.tracking.clients.remove(&slot);
        self.tracking.pending.retain(|(whose, _)| *whose != slot);
        if self.tracking.clients.is_empty() {
            self.fx.listen(listeners::TRACKING, false);
            self.forget_reads();
        }
        self.clients.count_memory(slot);
    }

    /// Forgets all that clients have read.
    pub fn forget_reads(&mut self) {
        let table = self.tracking.forget_all();
        if !table.is_empty() {
            self.free.send(Box::new(table), 0);
        }
    }
}

impl Session {
    /// Where what this client is to hear goes: its id or another's; -1 when it tracks nothing, 0 when to itself.
    pub fn redirect(&self) -> i64 {
        self.tracker.as_ref().map_or(-1, |t| t.options.redirect as i64)
    }
}

/// Two prefixes of which one begins with the other, so that one client would hear of a key twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap<'a> {
    /// A new one, and one that the client has.
    Existing(&'a [u8], &'a [u8]),
    /// Two new ones.
    Provided(&'a [u8], &'a [u8]),
}

/// Finds the overlap among prefixes that the reference tells: that of the first of `new` that has any, with the first of
/// `old`, or else of those behind it. `old` is in order.
pub fn overlap<'a>(old: &[&'a [u8]], new: &[&'a [u8]]) -> Option<Overlap<'a>> {
    let first = first_overlapping(old, new)?;
    let prefix = new[first];
    let overlaps = |other: &&&[u8]| other.starts_with(prefix) || prefix.starts_with(other);
    let existing = old.iter().find(overlaps).map(|other| Overlap::Existing(prefix, other));
    existing.or_else(|| new[first + 1..].iter().find(overlaps).map(|other| Overlap::Provided(prefix, other)))
}

/// The first of `new` that overlaps with anything. In the order of names a prefix stands right before all that begin
/// with it: those that the walk is inside of are a stack.
fn first_overlapping(old: &[&[u8]], new: &[&[u8]]) -> Option<usize> {
    let old = old.iter().map(|name| (*name, usize::MAX));
    let mut all: Vec<(&[u8], usize)> = old.chain(new.iter().copied().zip(0..)).collect();
    all.sort_unstable();
    let (mut first, mut inside) = (usize::MAX, Vec::<(&[u8], usize)>::new());
    for (name, i) in all {
        while inside.last().is_some_and(|(outer, _)| !name.starts_with(outer)) {
            inside.pop();
        }
        if let Some((_, outer)) = inside.last() {
            first = first.min(i).min(*outer);
        }
        inside.push((name, i));
    }
    (first != usize::MAX).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::session::Peer;

    #[test]
    fn readers_are_remembered_once_and_swept() {
        let (mut t, mut clients) = (Tracking::default(), Clients::default());
        let slots: Vec<usize> = (0..100).map(|_| clients.add(Peer::default(), 0)).collect();
        for id in (1..=8).rev().chain([3, 8]) {
            t.remember(id, b"k", &clients);
        }
        t.remember(5, b"other", &clients);
        assert_eq!((t.keys(), t.items()), (2, 9));
        // Those who are gone leave when the ninth comes.
        slots[..6].iter().for_each(|slot| drop(clients.remove(*slot)));
        t.remember(9, b"k", &clients);
        assert_eq!((t.keys(), t.items()), (2, 4));
        let taken = t.take(b"k").unwrap();
        assert_eq!(ids(&taken).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!((t.keys(), t.items(), t.take(b"k").is_none()), (1, 1, true));
        assert_eq!(t.take_any(&mut Rng::new(1)).unwrap().view().name(), b"other");
        assert_eq!((t.keys(), t.items()), (0, 0));
    }

    #[test]
    fn a_key_changes_for_all_its_prefixes() {
        let mut t = Tracking::default();
        for (name, slot) in [("", 1), ("a", 2), ("a", 3), ("ab", 1), ("b", 2)] {
            t.add_prefix(name.as_bytes(), slot);
        }
        t.note_changed(b"abc", 7);
        t.note_changed(b"a", 7);
        t.note_changed(b"abc", 0);
        let told = t.take_broadcasts();
        let shown: Vec<String> = told.iter().map(|b| format!("{:?} {:?}", b.clients, b.keys)).collect();
        let two = "{[97]: 7, [97, 98, 99]: 0}";
        assert_eq!(shown, [format!("[1] {two}"), format!("[2, 3] {two}"), "[1] {[97, 98, 99]: 0}".into()]);
        assert!(!t.any_touched() && t.take_broadcasts().is_empty());
        t.note_changed(b"a", 7);
        for (name, slot) in [("", 1), ("a", 2), ("a", 3), ("ab", 1), ("b", 2), ("nosuch", 1)] {
            t.remove_prefix(name.as_bytes(), slot);
        }
        assert_eq!((t.prefixes(), t.lengths.len(), t.take_broadcasts().len()), (0, 0, 0));
    }

    /// As the reference looks for it: every pair, in order.
    fn overlap_by_pairs<'a>(old: &[&'a [u8]], new: &[&'a [u8]]) -> Option<Overlap<'a>> {
        let overlaps = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        for (i, a) in new.iter().enumerate() {
            if let Some(b) = old.iter().find(|b| overlaps(a, b)) {
                return Some(Overlap::Existing(a, b));
            }
            if let Some(b) = new[i + 1..].iter().find(|b| overlaps(a, b)) {
                return Some(Overlap::Provided(a, b));
            }
        }
        None
    }

    #[test]
    fn overlaps_are_those_that_the_reference_finds() {
        let mut rng = Rng::new(5);
        let (mut found, mut none) = (0, 0);
        for _ in 0..20_000 {
            let mut word = || -> Vec<u8> { (0..rng.below(7)).map(|_| b'a' + rng.below(6) as u8).collect() };
            let mut old: Vec<Vec<u8>> = (0..3).map(|_| word()).collect();
            old.sort();
            old.dedup();
            let new: Vec<Vec<u8>> = (0..4).map(|_| word()).collect();
            let old: Vec<&[u8]> = old.iter().map(|w| &w[..]).collect();
            let new: Vec<&[u8]> = new.iter().map(|w| &w[..]).collect();
            let told = overlap(&old, &new);
            assert_eq!(told, overlap_by_pairs(&old, &new), "{old:?} {new:?}");
            *(if told.is_some() { &mut found } else { &mut none }) += 1;
        }
        assert!(found > 1000 && none > 1000, "{found} {none}");
    }
}

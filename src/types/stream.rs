//! A stream: entries in the order of their ids, in nodes (`node`) on a spine, and the groups that consume them. What
//! the reference counts it counts alike (t_stream.c of Valkey 9.1): where a node ends, what was deleted last, how many
//! entries were ever added, how far a group is behind. Unlike other collections it stays when it is empty.

mod columns;
mod group;
mod id;
mod node;
mod pending;
mod range;
mod spine;
#[cfg(test)]
mod tests;
mod trim;

use std::collections::BTreeMap;
use std::ops::{Bound, Deref, DerefMut};

pub use group::{Consumer, ConsumerNo, Group, UNKNOWN};
pub use id::{IdText, NewId, StreamId};
use node::Node;
pub use node::{Entry, Pairs};
pub use pending::{Nack, Pending};
pub use range::{Backwards, Forwards};
use spine::Spine;
pub use trim::{References, Trim, TrimTo, Trimmed};

use super::Corrupt;
use super::collection::Collection;
use super::listpack::Listpack;
use crate::base::limits::LISTPACK_MAX;
use crate::base::num::NumBuf;
use crate::sys::memory::size_class;

/// When a node is full: `stream-node-max-bytes` and `stream-node-max-entries`. 0: no limit but that of a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    pub bytes: usize,
    pub entries: usize,
}

/// Why an entry is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// Its id is not above the last one.
    Id,
    /// It is larger than a node can be.
    Size,
}

/// A stream. See the head of this file.
#[derive(Clone)]
pub enum Stream {
    Log(Box<Log>),
}

impl Stream {
    /// An empty one.
    pub fn new() -> Stream {
        Stream::Log(Box::default())
    }
}

impl Default for Stream {
    fn default() -> Stream {
        Stream::new()
    }
}

impl Deref for Stream {
    type Target = Log;

    #[inline]
    fn deref(&self) -> &Log {
        let Stream::Log(log) = self;
        log
    }
}

impl DerefMut for Stream {
    #[inline]
    fn deref_mut(&mut self) -> &mut Log {
        let Stream::Log(log) = self;
        log
    }
}

/// What a stream consists of.
#[derive(Clone, Default)]
pub struct Log {
    nodes: Spine<Node>,
    /// Bytes allocated for nodes.
    bytes: usize,
    counts: Counts,
    groups: BTreeMap<Box<[u8]>, Box<Group>>,
}

/// What a stream counts and remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries.
    pub len: u64,
    /// The last id given out.
    pub last_id: StreamId,
    /// The first entry; 0-0 when there is none.
    pub first_id: StreamId,
    /// The greatest id that XDEL deleted.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
}

impl Counts {
    /// Whether an entry that was deleted may lie between `from` and the end.
    fn has_gaps_from(&self, from: StreamId) -> bool {
        self.len > 0 && !self.max_deleted_id.is_zero() && from <= self.max_deleted_id
    }

    /// How many entries were added up to `id`, where that can be told; otherwise [`UNKNOWN`].
    pub fn added_up_to(&self, id: StreamId) -> i64 {
        let added = self.entries_added as i64;
        if self.entries_added == 0 {
            return 0;
        }
        if self.len == 0 && id <= self.last_id {
            return added;
        }
        if !id.is_zero() && id < self.max_deleted_id || id > self.last_id {
            return UNKNOWN;
        }
        if id == self.last_id {
            return added;
        }
        if self.max_deleted_id.is_zero() || self.max_deleted_id < self.first_id {
            let before = added.wrapping_sub(self.len as i64);
            match id.cmp(&self.first_id) {
                std::cmp::Ordering::Less => return before,
                std::cmp::Ordering::Equal => return before.wrapping_add(1),
                std::cmp::Ordering::Greater => {}
            }
        }
        UNKNOWN
    }

    /// How many entries a group has still to be given, where that can be told.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let added = self.entries_added as i64;
        if group.entries_read != UNKNOWN && !self.has_gaps_from(group.last_id) {
            return Some(added.wrapping_sub(group.entries_read));
        }
        match self.added_up_to(group.last_id) {
            UNKNOWN => None,
            read => Some(added.wrapping_sub(read)),
        }
    }

    /// A group is given the entry `id`: what it has read by then.
    fn read_by(&self, group: &Group, id: StreamId) -> i64 {
        let exact = group.entries_read != UNKNOWN
            && group.last_id >= self.first_id
            && !self.has_gaps_from(group.last_id);
        if exact {
            group.entries_read.wrapping_add(1)
        } else if self.entries_added > 0 {
            self.added_up_to(id)
        } else {
            group.entries_read
        }
    }
}

impl Log {
    /// What it counts.
    #[inline]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Nodes, as the reference has them.
    pub fn nodes_len(&self) -> usize {
        self.nodes.len()
    }

    /// The ids of the nodes, in order.
    pub fn node_ids(&self) -> impl Iterator<Item = StreamId> + '_ {
        self.nodes.iter().map(|(base, _)| base)
    }

    /// The nodes in the reference's form.
    pub fn listpacks(&self) -> impl Iterator<Item = (StreamId, Listpack)> + '_ {
        self.nodes.iter().map(|(base, node)| (base, node.view(base).listpack()))
    }

    /// The first node, or the one behind that of this id, in the reference's form.
    pub fn node_after(&self, base: Option<StreamId>) -> Option<(StreamId, Listpack)> {
        let (base, node) = match base {
            Some(base) => self.nodes.after(base)?,
            None => self.nodes.first()?,
        };
        Some((base, node.view(base).listpack()))
    }

    /// The last entry.
    pub fn last(&self) -> Option<StreamId> {
        self.backwards(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id)
    }

    /// The id of a new entry that was asked for so; none when it would not be above the last one.
    #[inline]
    pub fn next_id(&self, wanted: NewId, now_ms: u64) -> Option<StreamId> {
        let last = self.counts.last_id;
        let id = match wanted {
            NewId::Whole(id) => id,
            NewId::Auto if now_ms > last.ms => StreamId { ms: now_ms, seq: 0 },
            NewId::Auto => last.next()?,
            NewId::Ms(ms) if ms == last.ms => StreamId { ms, seq: last.seq.checked_add(1)? },
            NewId::Ms(ms) => StreamId { ms, seq: 0 },
        };
        (id > last).then_some(id)
    }

    /// Adds an entry; its id.
    #[inline]
    pub fn add<'p>(
        &mut self,
        wanted: NewId,
        now_ms: u64,
        pairs: impl Pairs<'p>,
        limits: StreamLimits,
    ) -> Result<StreamId, NotAdded> {
        let id = self.next_id(wanted, now_ms).ok_or(NotAdded::Id)?;
        let size: usize = pairs.clone().map(|(name, value)| name.len() + value.len()).sum();
        if size > LISTPACK_MAX {
            return Err(NotAdded::Size);
        }
        self.prepare_for(id, size, limits);
        match self.nodes.last_mut() {
            Some((base, node)) if node.is_open() => {
                let before = node.allocated();
                node.push(base, id, pairs);
                self.bytes = self.bytes + node.allocated() - before;
            }
            _ => {
                let node = Node::new(id, pairs);
                self.bytes += node.allocated();
                self.nodes.insert(id, node);
            }
        }
        let counts = &mut self.counts;
        counts.len += 1;
        counts.entries_added = counts.entries_added.wrapping_add(1);
        counts.last_id = id;
        if counts.len == 1 {
            counts.first_id = id;
        }
        Ok(id)
    }

    /// Opens the last node for an entry of `size` bytes behind all others, or seals it when it is full.
    #[inline]
    fn prepare_for(&mut self, id: StreamId, size: usize, limits: StreamLimits) {
        if self.nodes.last().is_some_and(|(base, node)| node.view(base).last_id() >= id) {
            self.make_room_for(id);
        }
        let Some((base, node)) = self.nodes.last_mut() else { return };
        let view = node.view(base);
        let bytes = if limits.bytes == 0 { LISTPACK_MAX } else { limits.bytes.min(LISTPACK_MAX) };
        let full = view.packed_bytes() + size >= bytes || limits.entries > 0 && view.len() >= limits.entries;
        if full == node.is_open() {
            let before = node.allocated();
            if full {
                node.seal(base)
            } else {
                node.open(base)
            }
            self.bytes = self.bytes + node.allocated() - before;
        }
    }

    /// The last id was lowered (XSETID), and entries that are dead but not gone have ids that are not below a new one:
    /// takes them away.
    #[cold]
    fn make_room_for(&mut self, id: StreamId) {
        while let Some((base, node)) = self.nodes.last_mut() {
            if node.view(base).last_id() < id {
                return;
            }
            let before = node.allocated();
            if !node.make_room_for(base, id) {
                self.bytes = self.bytes + node.allocated() - before;
                return;
            }
            self.bytes -= before;
            self.nodes.remove(base);
        }
    }

    /// Deletes entries; how many there were. What was deleted is remembered, as XDEL does.
    pub fn delete(&mut self, ids: impl Iterator<Item = StreamId>) -> usize {
        let (mut deleted, mut first_gone) = (0, false);
        for id in ids {
            if !self.kill(id) {
                continue;
            }
            deleted += 1;
            first_gone |= id == self.counts.first_id;
            self.counts.max_deleted_id = self.counts.max_deleted_id.max(id);
        }
        if first_gone || self.counts.len == 0 {
            self.find_first();
        }
        deleted
    }

    /// Deletes one entry; whether there was one.
    fn kill(&mut self, id: StreamId) -> bool {
        let Some((base, node)) = self.nodes.at(id) else { return false };
        let view = node.view(base);
        let i = view.below(id);
        if i == view.len() || view.id(i) != id || view.is_dead(i) {
            return false;
        }
        self.kill_at(base, i);
        true
    }

    /// Deletes entry `i` of the node under `base`, and the node with its last one.
    fn kill_at(&mut self, base: StreamId, i: usize) {
        let Some(node) = self.nodes.get_mut(base) else { return };
        let before = node.allocated();
        self.counts.len -= 1;
        if node.view(base).live() == 1 {
            self.bytes -= before;
            self.nodes.remove(base);
        } else {
            node.kill(base, i);
            self.bytes = self.bytes + node.allocated() - before;
        }
    }

    /// Looks for the first entry anew.
    fn find_first(&mut self) {
        let first = self.forwards(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id);
        self.counts.first_id = first.unwrap_or_default();
    }

    /// XSETID: the caller has checked that none of the entries is above `last_id`.
    pub fn set_counts(&mut self, last_id: StreamId, added: Option<u64>, max_deleted_id: Option<StreamId>) {
        let counts = &mut self.counts;
        counts.last_id = last_id;
        counts.entries_added = added.unwrap_or(counts.entries_added);
        counts.max_deleted_id = max_deleted_id.unwrap_or(counts.max_deleted_id);
    }

    /// The group of this name.
    #[inline]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name).map(|group| &**group)
    }

    /// As `group`, to be changed.
    #[inline]
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.groups.get_mut(name).map(|group| &mut **group)
    }

    /// Groups by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&name[..], &**group))
    }

    /// The first group, or the one behind that of this name.
    pub fn group_after(&self, name: Option<&[u8]>) -> Option<(&[u8], &Group)> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        let (name, group) = self.groups.range::<[u8], _>((from, Bound::Unbounded)).next()?;
        Some((name, group))
    }

    /// Makes a group whose name no other has; whether that is so.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let free = !self.groups.contains_key(name);
        if free {
            self.groups.insert(name.into(), Box::new(group));
        }
        free
    }

    /// Takes a group out.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Box<Group>> {
        self.groups.remove(name)
    }

    /// Gives a group's consumer up to `most` entries that the group was not given yet (0: all), each by `give`; how
    /// many. They are pending from now on, unless `unacknowledged` says that nobody will acknowledge them.
    pub fn deliver(
        &mut self,
        group: &[u8],
        consumer: ConsumerNo,
        most: usize,
        unacknowledged: bool,
        now_ms: i64,
        mut give: impl FnMut(&Entry<'_>),
    ) -> usize {
        let Some(group) = self.groups.get_mut(group) else { return 0 };
        let Some(from) = group.last_id.next() else { return 0 };
        let mut given = 0;
        for entry in Forwards::new(&self.nodes, from, StreamId::MAX) {
            group.entries_read = self.counts.read_by(group, entry.id);
            group.last_id = entry.id;
            give(&entry);
            if !unacknowledged {
                group.assign(entry.id, consumer, now_ms, 1);
            }
            given += 1;
            if given == most {
                break;
            }
        }
        if given > 0 && !unacknowledged {
            group.served(consumer, now_ms);
        }
        given
    }

    /// Whether a group has not been given `id` yet, or one of its consumers has not acknowledged it.
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| id > group.last_id || group.pending().get(id).is_some())
    }

    /// Nobody has `id` any more, in any group; whether anybody had it.
    pub fn release(&mut self, id: StreamId) -> bool {
        self.groups.values_mut().filter_map(|group| group.release(id).then_some(())).count() > 0
    }

    /// A stream of nodes in the reference's form. Everything is checked but `counts`, whose length and first id are
    /// counted instead.
    pub fn from_parts(
        nodes: impl Iterator<Item = (StreamId, Listpack)>,
        counts: Counts,
    ) -> Result<Log, Corrupt> {
        let mut log = Log::default();
        for (base, pack) in nodes {
            log.push_node(base, &pack)?;
        }
        log.finish(counts)?;
        Ok(log)
    }

    /// Adds a whole node in the reference's form at the end. Whoever has added the last one calls [`Log::finish`].
    pub fn push_node(&mut self, base: StreamId, pack: &Listpack) -> Result<(), Corrupt> {
        let node = Node::from_listpack(base, pack)?;
        if let Some((last_base, last)) = self.nodes.last_mut() {
            if last.view(last_base).last_id() >= base {
                return Err(Corrupt);
            }
            last.seal(last_base);
        }
        self.counts.len += node.view(base).live() as u64;
        self.nodes.insert(base, node);
        Ok(())
    }

    /// All nodes are there; this is what else the stream counts. See [`Log::from_parts`].
    pub fn finish(&mut self, counts: Counts) -> Result<(), Corrupt> {
        self.bytes = self.nodes.iter().map(|(_, node)| node.allocated()).sum();
        self.counts = Counts { len: self.counts.len, ..counts };
        self.find_first();
        if self.last().is_some_and(|last| last > self.counts.last_id) { Err(Corrupt) } else { Ok(()) }
    }
}

impl Collection for Stream {
    const TYPE: &'static str = "stream";
    const ORDERED: bool = true;
    const MAY_BE_EMPTY: bool = true;

    fn len(&self) -> usize {
        self.counts.len as usize
    }

    fn encoding(&self) -> &'static str {
        "stream"
    }

    fn allocated(&self) -> usize {
        let groups: usize =
            self.groups.iter().map(|(name, group)| size_class(name.len()) + 40 + group.allocated()).sum();
        size_class(size_of::<Log>()) + self.bytes + self.nodes.allocated() + groups
    }

    fn effort(&self) -> usize {
        let groups: usize =
            self.groups.values().map(|group| 1 + group.consumers_len() + group.pending().len() / 64).sum();
        self.nodes.len() + groups
    }

    fn duplicate(&self) -> Stream {
        self.clone()
    }

    fn visit(&self, give: &mut dyn FnMut(&[&[u8]])) {
        let mut text = IdText::new();
        let mut digits = NumBuf::new();
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for entry in self.forwards(StreamId::MIN, StreamId::MAX) {
            parts.clear();
            parts.push(entry.id.text(&mut text).to_vec());
            for (name, value) in entry.pairs() {
                parts.push(name.bytes(&mut digits).to_vec());
                parts.push(value.bytes(&mut digits).to_vec());
            }
            give(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }

    fn visit_state(&self, give: &mut dyn FnMut(&str)) {
        give(&format!("{:?}", self.counts));
        for (name, group) in self.groups() {
            let shown = String::from_utf8_lossy;
            let head = format!("group {:?}", shown(name));
            give(&format!("{head}: {:?} read {}", group.last_id, group.entries_read));
            for consumer in group.consumers() {
                give(&format!("{head}: {:?} has {}", shown(&consumer.name), consumer.pending()));
            }
            for (id, nack) in group.pending_from(StreamId::MIN) {
                let owner = shown(&group.owner(nack).name);
                give(&format!("{head}: {id:?} {owner:?} {} {}", nack.time_ms, nack.count));
            }
        }
    }
}

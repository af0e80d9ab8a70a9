//! A large sorted set: its members in a table by their bytes, and the same members in a tree by (score, bytes).
//!
//! So a score is one lookup, and a rank, a range or a count one way down the tree. Each member is one allocation
//! ([`member`]). The table owns it; the tree (`rank`) only points to it. Both are private here, and every function
//! keeps to one order: a member goes into the table first and out of it last, so whatever the tree points to is
//! alive. Its bytes never change. Its score is changed by the tree alone, which then puts it in its new place.
//!
//! About 58 bytes for each of a million 16-byte members with random scores: 32 for the member, 11 in the table, 15 in
//! the tree.
#![allow(unsafe_code)]

mod edge;
mod leaf;
mod member;
mod rank;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::table::{Table, prefetch};
use crate::base::hash::hash;
use crate::base::rng::Rng;
use leaf::Ptr;
use member::{Member, MemberRef};
use rank::RankTree;

pub use edge::Edge;

/// Members in a leaf: what a size class of 768 bytes holds.
const LEAF: usize = 63;
/// Children of an inner node.
const INNER: usize = 64;
/// How many members ahead a walk asks for.
const AHEAD: usize = 8;

/// A large sorted set. Node sizes are parameters for the tests.
pub struct Tree<const L: usize = LEAF, const N: usize = INNER> {
    order: RankTree<L, N>,
    index: Table<Member>,
    /// Bytes of all members.
    bytes: usize,
}

/// What [`Tree::add_with`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Put {
    /// The member is new.
    Added,
    /// It had another score.
    Changed,
    /// It is as it was, there or not.
    Kept,
}

impl<const L: usize, const N: usize> Default for Tree<L, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const L: usize, const N: usize> Tree<L, N> {
    /// An empty set.
    pub fn new() -> Self {
        Tree { order: RankTree::new(), index: Table::new(), bytes: 0 }
    }

    /// Slots of the index by member.
    pub fn slots(&self) -> usize {
        self.index.shape().0
    }

    /// A set of `members`, each once, in their order.
    pub fn of_sorted<'a>(members: impl Iterator<Item = (&'a [u8], f64)>) -> Self {
        let mut builder = Builder::new();
        members.for_each(|(m, score)| builder.add_new(m, score));
        // What is sorted already is only looked through.
        builder.finish()
    }

    /// Members held.
    #[inline]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes allocated for all of it, but for this value itself.
    pub fn allocated(&self) -> usize {
        self.bytes + self.index.overhead_bytes() + self.order.allocated()
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.index.find(hash(member), member).map(|pos| self.index.get(pos).score())
    }

    /// Looks for `member` and gives what score it has to `decide`, which tells the one that it is to have, if any.
    pub fn add_with(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Put {
        let hash = hash(member);
        let found = self.index.find(hash, member);
        let old = found.map(|pos| self.index.get(pos).score());
        match (found, decide(old)) {
            (_, None) => Put::Kept,
            (Some(_), new) if new == old => Put::Kept,
            (Some(pos), Some(score)) => {
                self.order.rescore(self.index.get_raw(pos), score);
                Put::Changed
            }
            (None, Some(score)) => {
                self.insert(hash, Member::new(score, member));
                Put::Added
            }
        }
    }

    /// Puts a member in that is absent.
    fn insert(&mut self, hash: u64, member: Member) {
        self.bytes += member.view().allocated();
        let raw = member.raw();
        self.index.insert(hash, member);
        // SAFETY: the index owns the member until it is out of the order, and neither moves nor changes it.
        unsafe { self.order.insert(raw) };
    }

    /// Takes a member out; its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let pos = self.index.find(hash(member), member)?;
        let m = self.index.get(pos);
        let (score, bytes) = (m.score(), m.allocated());
        self.order.remove(&Edge::past(score, m.bytes()));
        self.bytes -= bytes;
        drop(self.index.remove(pos));
        Some(score)
    }

    /// The rank of a member, from 0, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.before(&Edge::at(score, member)), score))
    }

    /// How many members stand before `edge`.
    #[inline]
    pub fn before(&self, edge: &Edge<'_>) -> usize {
        self.order.before(edge)
    }

    /// The member of a rank, with its score.
    pub fn at(&self, rank: usize) -> Option<(&[u8], f64)> {
        self.range(rank..rank.saturating_add(1)).next()
    }

    /// The members of a range of ranks with their scores, from either end.
    pub fn range(&self, range: Range<usize>) -> Iter<'_, L, N> {
        let to = range.end.min(self.len());
        Iter { tree: self, from: range.start.min(to), to, front: &[], back: &[] }
    }

    /// All members with their scores, from either end.
    pub fn iter(&self) -> Iter<'_, L, N> {
        self.range(0..self.len())
    }

    /// A member like any other, with its score.
    pub fn random(&self, rng: &mut Rng) -> Option<(&[u8], f64)> {
        let m = self.index.get(self.index.sample(rng)?);
        Some((m.bytes(), m.score()))
    }

    /// Walks the members in no order. See [`Table::scan`].
    pub fn scan(&self, cursor: u64, count: usize, mut give: impl FnMut(&[u8], f64)) -> u64 {
        self.index.scan(cursor, count, |m| give(m.bytes(), m.score()))
    }

    /// Takes out the members of a range of ranks, giving each to `each` first.
    pub fn remove_range(&mut self, range: Range<usize>, mut each: impl FnMut(&[u8], f64)) {
        let Tree { order, index, bytes } = self;
        order.remove_range(range, |raw| {
            // SAFETY: the index owns it until the end of this function.
            let m = unsafe { MemberRef::new(raw) };
            each(m.bytes(), m.score());
            if let Some(pos) = index.find(hash(m.bytes()), m.bytes()) {
                *bytes -= m.allocated();
                drop(index.remove(pos));
            }
        });
    }

    /// A copy.
    pub fn duplicate(&self) -> Self {
        Self::of_sorted(self.iter())
    }

    /// Panics when something is not as it must be: for tests and fuzzing.
    pub fn check(&self) {
        self.order.check();
        assert_eq!(self.order.len(), self.index.len());
        assert_eq!(self.bytes, self.index.iter().map(|m| m.allocated()).sum());
        for (i, (m, score)) in self.iter().enumerate() {
            assert_eq!(self.rank(m), Some((i, score)));
        }
    }
}

/// A walk over a range of ranks.
pub struct Iter<'a, const L: usize = LEAF, const N: usize = INNER> {
    tree: &'a Tree<L, N>,
    from: usize,
    to: usize,
    /// What is left of the leaves at both ends; one leaf may be at both.
    front: &'a [Ptr],
    back: &'a [Ptr],
}

/// # Safety
/// `raw` is of a member that stays alive, with its score, during 'a.
#[inline]
unsafe fn pair<'a>(raw: Ptr) -> (&'a [u8], f64) {
    // SAFETY: passed on.
    let m = unsafe { MemberRef::new(raw) };
    (m.bytes(), m.score())
}

impl<'a, const L: usize, const N: usize> Iterator for Iter<'a, L, N> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        if self.front.is_empty() {
            let (leaf, at) = self.tree.order.leaf_at(self.from);
            self.front = &leaf[at..];
            self.front.iter().take(AHEAD.min(self.to - self.from)).for_each(|m| prefetch(m.as_ptr()));
        }
        self.front.get(AHEAD).into_iter().for_each(|m| prefetch(m.as_ptr()));
        let (&raw, rest) = self.front.split_first()?;
        self.front = rest;
        self.from += 1;
        // SAFETY: the tree is borrowed, and its index owns the member.
        Some(unsafe { pair(raw) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.to - self.from, Some(self.to - self.from))
    }
}

impl<const L: usize, const N: usize> DoubleEndedIterator for Iter<'_, L, N> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        if self.back.is_empty() {
            let (leaf, at) = self.tree.order.leaf_at(self.to - 1);
            self.back = &leaf[..=at];
            self.back.iter().rev().take(AHEAD.min(self.to - self.from)).for_each(|m| prefetch(m.as_ptr()));
        }
        self.back.iter().nth_back(AHEAD).into_iter().for_each(|m| prefetch(m.as_ptr()));
        let (&raw, rest) = self.back.split_last()?;
        self.back = rest;
        self.to -= 1;
        // SAFETY: as in `next`.
        Some(unsafe { pair(raw) })
    }
}

impl<const L: usize, const N: usize> ExactSizeIterator for Iter<'_, L, N> {}

/// Collects members in any order, for a set that is made at once: the order is sorted once, at the end.
pub struct Builder {
    index: Table<Member>,
    /// In the order of their coming, or sorted.
    members: Vec<Ptr>,
    bytes: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// Nothing collected.
    pub fn new() -> Builder {
        Builder { index: Table::new(), members: Vec::new(), bytes: 0 }
    }

    /// Members collected.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `member` was collected.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.index.find(hash(member), member).is_some()
    }

    /// Adds a member that is absent.
    #[inline]
    pub fn add_new(&mut self, member: &[u8], score: f64) {
        self.insert(hash(member), member, score);
    }

    fn insert(&mut self, hash: u64, member: &[u8], score: f64) {
        let m = Member::new(score, member);
        self.bytes += m.view().allocated();
        self.members.push(m.raw());
        self.index.insert(hash, m);
    }

    /// Adds a member with this score, or makes one of its score and this.
    pub fn merge(&mut self, member: &[u8], score: f64, one_of: impl FnOnce(f64, f64) -> f64) {
        let hash = hash(member);
        let Some(pos) = self.index.find(hash, member) else { return self.insert(hash, member, score) };
        let (raw, old) = (self.index.get_raw(pos), self.index.get(pos).score());
        // SAFETY: the index owns the member; it is in no tree yet.
        unsafe { Member::set_score(raw, one_of(old, score)) };
    }

    /// All that was collected, in the order of its coming or sorting.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], f64)> {
        // SAFETY: self is borrowed, and its index owns the member.
        self.members.iter().map(|&raw| unsafe { pair(raw) })
    }

    /// Brings what was collected into its order. Members are read once, to note what mostly decides, and again only
    /// where that is equal.
    pub fn sort(&mut self) {
        let ahead = self.members.iter().skip(AHEAD).map(Some).chain(std::iter::repeat(None));
        let noted = self.members.iter().zip(ahead).map(|(&raw, ahead)| {
            ahead.into_iter().for_each(|a| prefetch(a.as_ptr()));
            // SAFETY: the index owns the member.
            let (bytes, score) = unsafe { pair(raw) };
            (edge::key_of(score), first_eight(bytes), raw)
        });
        let mut noted: Vec<(u64, u64, Ptr)> = noted.collect();
        noted.sort_unstable_by(|a, b| {
            // SAFETY: the index owns both.
            let bytes = |raw| unsafe { pair(raw) }.0;
            (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| bytes(a.2).cmp(bytes(b.2)))
        });
        self.members.clear();
        self.members.extend(noted.into_iter().map(|n| n.2));
    }

    /// The set of all that was collected.
    pub fn finish<const L: usize, const N: usize>(mut self) -> Tree<L, N> {
        self.sort();
        // SAFETY: the index owns every member, and goes into the tree with them.
        let order = unsafe { RankTree::of(&self.members) };
        Tree { order, index: self.index, bytes: self.bytes }
    }

    /// All that was collected, as a set without an order that can only be dropped: by the thread that frees.
    pub fn into_remains(self) -> Tree {
        Tree { order: RankTree::new(), index: self.index, bytes: self.bytes }
    }
}

/// The first eight bytes as a number of the same order.
fn first_eight(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let n = bytes.len().min(8);
    first[..n].copy_from_slice(&bytes[..n]);
    u64::from_be_bytes(first)
}

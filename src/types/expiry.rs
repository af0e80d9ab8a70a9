//! The expiry index: every volatile key (or field of a hash) in the order of its time, so that the next one due is
//! always known.
//!
//! Items are sorted by (time, short hash of the key) and kept in leaves of up to [`LEAF`]; an item is 8 bytes, its
//! time relative to the leaf's base in 32 bits and the short hash, by which the table finds the key again, in 32.
//! Leaves lie in a `BTreeMap` by their base. Equal items (two keys of the same millisecond and short hash) lie in one
//! leaf, so that an item is always found in the last leaf whose base is not above it. About 9.7 bytes per volatile key all told.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::base::rng::Rng;

/// Items per leaf at the most.
const LEAF: usize = 128;
/// Leaves grow by this many items, so that little is allocated and not used.
const STEP: usize = 16;

/// Where a leaf begins: no item in it is smaller.
type Base = (i64, u32);

/// A time-ordered multiset of (time in ms, short hash). See the head of this file.
#[derive(Default)]
pub struct ExpiryIndex {
    leaves: BTreeMap<Base, Vec<u64>>,
    len: usize,
    /// The leaf that the last sample came from.
    sampled: Base,
}

fn pack(base: i64, at: i64, short: u32) -> Option<u64> {
    let delta = u32::try_from(at.checked_sub(base)?).ok()?;
    Some((delta as u64) << 32 | short as u64)
}

fn unpack(base: i64, item: u64) -> (i64, u32) {
    (base + (item >> 32) as i64, item as u32)
}

impl ExpiryIndex {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Items held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The earliest item.
    #[inline]
    pub fn first(&self) -> Option<(i64, u32)> {
        let (base, leaf) = self.leaves.first_key_value()?;
        leaf.first().map(|&i| unpack(base.0, i))
    }

    /// About how many bytes are allocated.
    pub fn allocated(&self) -> usize {
        // Of a leaf, half a step is unused on average, and its place in the map takes some.
        self.len * size_of::<u64>() + self.leaves.len() * (STEP / 2 * size_of::<u64>() + 56)
    }

    /// All items in order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        self.leaves.iter().flat_map(|(base, leaf)| leaf.iter().map(|&i| unpack(base.0, i)))
    }

    /// Adds an item.
    pub fn insert(&mut self, at: i64, short: u32) {
        self.len += 1;
        let key = (at, short);
        if let Some((&base, leaf)) = self.leaves.range_mut(..=key).next_back()
            && let Some(item) = pack(base.0, at, short)
        {
            if leaf.len() < LEAF {
                put(leaf, item);
            } else {
                self.split(base, item, key);
            }
            return;
        }
        // Before the first leaf, or too far behind the last base: a leaf of its own, unless the one that follows
        // has room and can be based here.
        let mut leaf = vec![(short as u64)];
        if let Some((&base, next)) = self.leaves.range(key..).next()
            && next.len() < LEAF
            && next.last().is_some_and(|&l| pack(at, unpack(base.0, l).0, 0).is_some())
        {
            let moved = self.leaves.remove(&base).unwrap_or_default();
            leaf.reserve_exact((moved.len() + 1).next_multiple_of(STEP) - 1);
            leaf.extend(moved.iter().filter_map(|&i| {
                let (t, s) = unpack(base.0, i);
                pack(at, t, s)
            }));
        }
        self.leaves.insert(key, leaf);
    }

    /// Splits the full leaf at `base` and adds `item`, which belongs into it. A leaf that is added to at its end
    /// stays full: times mostly grow.
    fn split(&mut self, base: Base, item: u64, key: Base) {
        let Some(leaf) = self.leaves.get_mut(&base) else { return };
        if leaf.last().is_some_and(|&l| l < item) {
            self.leaves.insert(key, vec![item & u32::MAX as u64]);
            return;
        }
        // Equal items stay together: the split is where two differ, the nearest such place to the middle or after it.
        let split = (LEAF / 2..leaf.len()).find(|&i| leaf[i - 1] != leaf[i]);
        let Some(split) = split else {
            put(leaf, item);
            return;
        };
        let start = unpack(base.0, leaf[split]);
        let shift = ((start.0 - base.0) as u64) << 32;
        let mut upper = Vec::with_capacity((leaf.len() - split).next_multiple_of(STEP) + STEP);
        upper.extend(leaf.drain(split..).map(|i| i - shift));
        leaf.shrink_to(leaf.len() + STEP);
        if key < start {
            put(leaf, item);
        } else {
            put(&mut upper, item - shift);
        }
        self.leaves.insert(start, upper);
    }

    /// An item of random leaf: leaf by leaf in turn, and a random one in it, so that many samples cover all alike.
    pub fn sample(&mut self, rng: &mut Rng) -> Option<(i64, u32)> {
        let after = (Bound::Excluded(self.sampled), Bound::Unbounded);
        let next = self.leaves.range(after).next().or_else(|| self.leaves.first_key_value());
        let (&base, leaf) = next?;
        self.sampled = base;
        leaf.get(rng.below(leaf.len() as u64) as usize).map(|&i| unpack(base.0, i))
    }

    /// Frees a leaf; false when none is left.
    pub fn free_some(&mut self) -> bool {
        let leaf = self.leaves.pop_first();
        self.len -= leaf.as_ref().map_or(0, |(_, items)| items.len());
        leaf.is_some()
    }

    /// Removes one item; tells whether it was there.
    pub fn remove(&mut self, at: i64, short: u32) -> bool {
        let Some((&base, leaf)) = self.leaves.range_mut(..=(at, short)).next_back() else { return false };
        let Some(item) = pack(base.0, at, short) else { return false };
        let Ok(i) = leaf.binary_search(&item) else { return false };
        leaf.remove(i);
        self.len -= 1;
        if leaf.is_empty() {
            self.leaves.remove(&base);
        } else if leaf.capacity() >= leaf.len() + STEP {
            leaf.shrink_to(leaf.len() + STEP / 2);
            self.join(base);
            let before = self.leaves.range(..base).next_back().map(|(&b, _)| b);
            before.into_iter().for_each(|b| self.join(b));
        }
        true
    }

    /// Joins a leaf with the one after it when both fit into three quarters of one.
    fn join(&mut self, base: Base) {
        let Some(len) = self.leaves.get(&base).map(Vec::len) else { return };
        let Some((&next, after)) = self.leaves.range((Bound::Excluded(base), Bound::Unbounded)).next() else {
            return;
        };
        let fits = after.last().is_some_and(|&l| pack(base.0, unpack(next.0, l).0, 0).is_some());
        if len + after.len() > LEAF / 4 * 3 || !fits {
            return;
        }
        let after = self.leaves.remove(&next).unwrap_or_default();
        if let Some(leaf) = self.leaves.get_mut(&base) {
            leaf.reserve_exact(after.len() + STEP / 2);
            leaf.extend(after.iter().filter_map(|&i| {
                let (t, s) = unpack(next.0, i);
                pack(base.0, t, s)
            }));
        }
    }
}

/// Inserts into a sorted leaf, growing it by a step.
fn put(leaf: &mut Vec<u64>, item: u64) {
    if leaf.len() == leaf.capacity() {
        leaf.reserve_exact(STEP);
    }
    let i = leaf.partition_point(|&x| x < item);
    leaf.insert(i, item);
}

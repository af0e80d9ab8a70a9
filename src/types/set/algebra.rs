//! Intersection, union and difference of sets. What is answered is given as it is found, without a copy where none
//! is needed; what is stored is built in the encodings that the reference comes to, by the same steps.

use std::ops::ControlFlow;

use super::{BATCH, Set, SetLimits, SetTable, as_int, hash_of};
use crate::types::collection::Collection;
use crate::types::{Intset, Listpack, Value};

/// A result that is to be stored, as it is put together.
struct Stored {
    set: Set,
    limits: SetLimits,
    /// How many members it may get at the most: a table is made for so many at once, since to let it grow means to hash
    /// every member once more.
    room: usize,
}

impl Stored {
    fn add(&mut self, values: &[Value<'_>]) {
        if let Set::Table(table) = &mut self.set {
            table.insert_batch(values);
        } else {
            self.add_to_small(values);
        }
    }

    /// As `add`, for those that have passed all tests, which may be hashed already.
    fn add_left(&mut self, left: &Left<'_>) {
        match &mut self.set {
            Set::Table(table) if left.hashed => table.insert_hashed(left.values(), &left.hashes[..left.n]),
            _ => self.add(left.values()),
        }
    }

    fn add_to_small(&mut self, values: &[Value<'_>]) {
        for v in values {
            self.set.add_value(*v, self.limits);
        }
        if let Set::Table(table) = &mut self.set {
            table.members.reserve(self.room);
        }
    }

    fn finish(mut self) -> Set {
        if let Set::Table(table) = &mut self.set {
            table.members.fit();
        }
        self.set
    }
}

/// Gives the members that all of `sets` have until `give` breaks. They are those of the smallest set, in its order.
pub fn inter(sets: &mut [&Set], mut give: impl FnMut(Value<'_>) -> ControlFlow<()>) {
    sets.sort_by_key(|s| s.len());
    let Some((first, others)) = sets.split_first() else { return };
    let _ = filter(first, others, true, |left| left.values().iter().try_for_each(|v| give(*v)));
}

/// The intersection as it is stored.
pub fn inter_stored(sets: &mut [&Set], limits: SetLimits) -> Set {
    sets.sort_by_key(|s| s.len());
    let set = match sets.first() {
        Some(Set::Ints(_)) => Set::Ints(Intset::new()),
        _ => Set::Packed(Listpack::new()),
    };
    let mut result = Stored { set, limits, room: sets.first().map_or(0, |s| s.len()) };
    if let Some((first, others)) = sets.split_first() {
        let _ = filter(first, others, true, |left| {
            result.add_left(left);
            ControlFlow::Continue(())
        });
    }
    let mut result = result.finish();
    result.make_ints(limits);
    result
}

/// Gives every member of any of `sets` once. Integers alone come ascending. What had to be built for it is returned, as
/// freeing it may take long.
pub fn union(sets: &[&Set], limits: SetLimits, mut give: impl FnMut(Value<'_>)) -> Option<Set> {
    match sets {
        [] => {}
        [one] => one.for_each(give),
        _ if sets.iter().all(|s| matches!(s, Set::Ints(_))) => {
            let result = union_stored(sets, limits);
            result.for_each(give);
            return Some(result);
        }
        [a, b] => {
            let (large, small) = if a.len() < b.len() { (b, a) } else { (a, b) };
            large.for_each(&mut give);
            let _ = filter(small, &[large], false, |left| {
                left.values().iter().for_each(|v| give(*v));
                ControlFlow::Continue(())
            });
        }
        _ => {
            let mut seen = Box::<SetTable>::default();
            for set in sets {
                let _ = set.batches(|batch| {
                    let hashes = seen.prefetch(batch);
                    let new = batch.iter().zip(hashes).filter(|(v, h)| seen.insert_value(*h, **v));
                    new.for_each(|(v, _)| give(*v));
                    ControlFlow::Continue(())
                });
            }
            return Some(Set::Table(seen));
        }
    }
    None
}

/// The union as it is stored.
pub fn union_stored(sets: &[&Set], limits: SetLimits) -> Set {
    // A table with so many members stays one, whatever comes: to copy it takes no hash and no search.
    let stays = limits.ints_max().max(limits.packed);
    let tables = sets.iter().filter(|s| matches!(s, Set::Table(_)) && s.len() > stays);
    let base = tables.max_by_key(|s| s.len());
    let set = base.map_or_else(|| Set::Ints(Intset::new()), |s| s.duplicate());
    let mut result = Stored { set, limits, room: sets.iter().map(|s| s.len()).sum() };
    for set in sets.iter().filter(|s| base.is_none_or(|base| !base.is(s))) {
        let _ = set.batches(|batch| {
            result.add(batch);
            ControlFlow::Continue(())
        });
    }
    result.finish()
}

/// Gives the members of `first` that none of `others` has. What had to be built for it is returned.
pub fn diff(
    first: &Set,
    others: &mut [&Set],
    limits: SetLimits,
    mut give: impl FnMut(Value<'_>),
) -> Option<Set> {
    if others.iter().any(|s| s.is(first)) {
        return None;
    }
    if subtracts(first, others) {
        let result = subtracted(first, others, limits);
        result.for_each(give);
        return Some(result);
    }
    others.sort_by_key(|s| std::cmp::Reverse(s.len()));
    let _ = filter(first, others, false, |left| {
        left.values().iter().for_each(|v| give(*v));
        ControlFlow::Continue(())
    });
    None
}

/// The difference as it is stored.
pub fn diff_stored(first: &Set, others: &mut [&Set], limits: SetLimits) -> Set {
    if others.iter().any(|s| s.is(first)) {
        return Set::Ints(Intset::new());
    }
    if subtracts(first, others) {
        return subtracted(first, others, limits);
    }
    others.sort_by_key(|s| std::cmp::Reverse(s.len()));
    let mut result = Stored { set: Set::Ints(Intset::new()), limits, room: first.len() };
    let _ = filter(first, others, false, |left| {
        result.add_left(left);
        ControlFlow::Continue(())
    });
    result.finish()
}

/// Whether the others are to be taken from a copy of `first`, instead of looking each of its members up in all of
/// them: that is more work by the reference's reckoning, which favours the search by two.
fn subtracts(first: &Set, others: &[&Set]) -> bool {
    let search = first.len().saturating_mul(others.len() + 1) / 2;
    let subtract = others.iter().fold(first.len(), |sum, s| sum.saturating_add(s.len()));
    search > subtract
}

/// A copy of `first` without the members of `others`; ends when nothing is left.
fn subtracted(first: &Set, others: &[&Set], limits: SetLimits) -> Set {
    let mut result = union_stored(&[first], limits);
    for set in others {
        if result.is_empty() {
            break;
        }
        let _ = set.batches(|batch| {
            if let Set::Table(table) = &result {
                table.prefetch(batch);
            }
            for v in batch {
                result.remove_value(*v);
            }
            if result.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
    result
}

/// Gives the members of `first` that all of `others` have, or that none of them has, some at a time.
fn filter(
    first: &Set,
    others: &[&Set],
    wanted: bool,
    mut give: impl FnMut(&Left<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    first.batches(|batch| {
        let mut left = Left::new(batch);
        for other in others.iter().filter(|s| !(wanted && s.is(first))) {
            left.keep(other, wanted);
            if left.n == 0 {
                return ControlFlow::Continue(());
            }
        }
        give(&left)
    })
}

/// Those of a batch that have passed all tests so far, with their hashes once a table has asked for them.
struct Left<'a> {
    values: [Value<'a>; BATCH],
    hashes: [u64; BATCH],
    hashed: bool,
    n: usize,
}

impl<'a> Left<'a> {
    fn new(batch: &[Value<'a>]) -> Left<'a> {
        let mut values = [Value::Int(0); BATCH];
        values[..batch.len()].copy_from_slice(batch);
        Left { values, hashes: [0; BATCH], hashed: false, n: batch.len() }
    }

    fn values(&self) -> &[Value<'a>] {
        &self.values[..self.n]
    }

    /// Keeps those that `set` has, or has not.
    fn keep(&mut self, set: &Set, has: bool) {
        match set {
            Set::Ints(ints) => self.retain(|v, _| as_int(v).is_some_and(|n| ints.contains(n)) == has),
            Set::Packed(_) => self.retain(|v, _| set.contains_value(v) == has),
            Set::Table(table) => {
                if !self.hashed {
                    let values = self.values[..self.n].iter();
                    self.hashes.iter_mut().zip(values).for_each(|(h, v)| *h = hash_of(*v));
                    self.hashed = true;
                }
                let hashes = &self.hashes[..self.n];
                hashes.iter().for_each(|h| table.members.prefetch_bucket(*h));
                table.prefetch_items(hashes);
                self.retain(|v, h| table.find_value(h, v).is_some() == has);
            }
        }
    }

    fn retain(&mut self, keeps: impl Fn(Value<'a>, u64) -> bool) {
        let mut kept = 0;
        for i in 0..self.n {
            if keeps(self.values[i], self.hashes[i]) {
                self.values[kept] = self.values[i];
                self.hashes[kept] = self.hashes[i];
                kept += 1;
            }
        }
        self.n = kept;
    }
}

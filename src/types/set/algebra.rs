//! Intersection, union and difference of sets. What is answered is given as it is found, without a copy where none
//! is needed; what is stored is built in the encodings that the reference comes to, by the same steps.

use std::ops::ControlFlow;

use super::{BATCH, Set, SetLimits, SetTable, as_int, hash_of};
use crate::types::{Intset, Listpack, Value};

/// Gives the members that all of `sets` have until `give` breaks. They are those of the smallest set, in its order.
pub fn inter(sets: &mut [&Set], mut give: impl FnMut(Value<'_>) -> ControlFlow<()>) {
    sets.sort_by_key(|s| s.len());
    let Some((first, others)) = sets.split_first() else { return };
    let _ = filter(first, others, true, |batch| batch.iter().try_for_each(|v| give(*v)));
}

/// The intersection as it is stored.
pub fn inter_stored(sets: &mut [&Set], limits: SetLimits) -> Set {
    sets.sort_by_key(|s| s.len());
    let mut result = match sets.first() {
        Some(Set::Ints(_)) => Set::Ints(Intset::new()),
        _ => Set::Packed(Listpack::new()),
    };
    if let Some((first, others)) = sets.split_first() {
        let _ = filter(first, others, true, |batch| {
            result.add_batch(batch, limits);
            ControlFlow::Continue(())
        });
    }
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
            let _ = filter(small, &[large], false, |batch| {
                batch.iter().for_each(|v| give(*v));
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
    let mut result = Set::Ints(Intset::new());
    for set in sets {
        let _ = set.batches(|batch| {
            result.add_batch(batch, limits);
            ControlFlow::Continue(())
        });
    }
    result
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
    let _ = filter(first, others, false, |batch| {
        batch.iter().for_each(|v| give(*v));
        ControlFlow::Continue(())
    });
    None
}

/// The difference as it is stored.
pub fn diff_stored(first: &Set, others: &mut [&Set], limits: SetLimits) -> Set {
    let mut result = Set::Ints(Intset::new());
    if others.iter().any(|s| s.is(first)) {
        return result;
    }
    if subtracts(first, others) {
        return subtracted(first, others, limits);
    }
    others.sort_by_key(|s| std::cmp::Reverse(s.len()));
    let _ = filter(first, others, false, |batch| {
        result.add_batch(batch, limits);
        ControlFlow::Continue(())
    });
    result
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
    mut give: impl FnMut(&[Value<'_>]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    first.batches(|batch| {
        let mut left = Left::new(batch);
        for other in others.iter().filter(|s| !(wanted && s.is(first))) {
            left.keep(other, wanted);
            if left.n == 0 {
                return ControlFlow::Continue(());
            }
        }
        give(&left.values[..left.n])
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

//! The expiry index against a sorted multiset.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{cases, scaled};
use crate::base::rng::Rng;
use crate::sys::memory;
use crate::types::expiry::ExpiryIndex;

type Item = (i64, u32);

#[derive(Clone, Debug)]
enum Step {
    Add(Item),
    /// Adds this item many times over: equal times and equal short hashes.
    AddEqual(Item, usize),
    /// Removes the n-th item, modulo how many there are.
    Remove(usize),
    RemoveAbsent(Item),
    PopFirst(usize),
}

fn item() -> impl Strategy<Value = Item> {
    let time = prop_oneof![
        4 => 0i64..50,
        2 => 1_700_000_000_000i64..1_700_000_100_000,
        1 => any::<i64>().prop_map(|t| t & i64::MAX),
        1 => Just(i64::MAX),
        // Around the reach of one leaf.
        1 => (0i64..4).prop_map(|d| u32::MAX as i64 - 1 + d),
    ];
    let short = prop_oneof![1 => 0u32..3, 2 => any::<u32>(), 1 => Just(u32::MAX)];
    (time, short)
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => item().prop_map(Step::Add),
        1 => (item(), 1usize..150).prop_map(|(i, n)| Step::AddEqual(i, n)),
        4 => any::<usize>().prop_map(Step::Remove),
        1 => item().prop_map(Step::RemoveAbsent),
        1 => (1usize..40).prop_map(Step::PopFirst),
    ];
    prop::collection::vec(step, 1..most)
}

#[derive(Default)]
struct Model {
    items: BTreeMap<Item, usize>,
    len: usize,
}

impl Model {
    fn add(&mut self, item: Item) {
        *self.items.entry(item).or_default() += 1;
        self.len += 1;
    }
    fn remove(&mut self, item: Item) -> bool {
        let Some(n) = self.items.get_mut(&item) else { return false };
        *n -= 1;
        if *n == 0 {
            self.items.remove(&item);
        }
        self.len -= 1;
        true
    }
    fn all(&self) -> impl Iterator<Item = Item> + '_ {
        self.items.iter().flat_map(|(&i, &n)| std::iter::repeat_n(i, n))
    }
}

proptest! {
    #![proptest_config(cases(150, 3))]
    #[test]
    fn equals_a_sorted_multiset(steps in steps(scaled(1500, 100)), seed: u64) {
        let (mut index, mut model) = (ExpiryIndex::new(), Model::default());
        let mut rng = Rng::new(seed);
        for step in steps {
            match step {
                Step::Add(i) => {
                    index.insert(i.0, i.1);
                    model.add(i);
                }
                Step::AddEqual(i, n) => (0..n).for_each(|_| {
                    index.insert(i.0, i.1);
                    model.add(i);
                }),
                Step::Remove(n) if model.len > 0 => {
                    let n = n % model.items.len();
                    let i = *model.items.keys().nth(n).expect("below the length");
                    model.remove(i);
                    prop_assert!(index.remove(i.0, i.1), "{:?} is there", i);
                }
                Step::RemoveAbsent(i) => prop_assert_eq!(index.remove(i.0, i.1), model.remove(i)),
                Step::PopFirst(n) => (0..n).for_each(|_| {
                    if let Some(i) = index.first() {
                        assert!(index.remove(i.0, i.1) && model.remove(i));
                    }
                }),
                Step::Remove(_) => {}
            }
            prop_assert_eq!(index.len(), model.len);
            prop_assert_eq!(index.first(), model.items.keys().next().copied());
            let sampled = index.sample(&mut rng);
            prop_assert!(sampled.is_none_or(|i| model.items.contains_key(&i)));
            prop_assert_eq!(sampled.is_none(), model.len == 0);
        }
        prop_assert!(index.iter().eq(model.all()));
        while index.free_some() {}
        prop_assert!(index.is_empty());
    }
}

/// Keys of one millisecond whose short hashes are equal, wherever a leaf is split between them.
#[test]
fn equal_items_are_found_again() {
    for before in (0..130).step_by(scaled(1, 43)) {
        let mut index = ExpiryIndex::new();
        (0..before).for_each(|i| index.insert(10, i));
        (0..100).for_each(|_| index.insert(10, 500));
        (0..60).for_each(|i| index.insert(10, 400 + i));
        (0..100).for_each(|_| assert!(index.remove(10, 500)));
        assert!(!index.remove(10, 500));
        assert_eq!(index.len(), before as usize + 60);
    }
}

/// Bytes of the tree's own first node, which few keys do not share among many.
const NODE: i64 = 1024;

fn bytes_per_item(times: impl Iterator<Item = i64>, keep: impl Fn(usize) -> bool) -> f64 {
    let times: Vec<i64> = times.collect();
    let mut rng = Rng::new(7);
    let shorts: Vec<u32> = times.iter().map(|_| rng.next_u64() as u32).collect();
    let start = memory::used_by_thread();
    let mut index = ExpiryIndex::new();
    let items = || times.iter().copied().zip(shorts.iter().copied());
    items().for_each(|(t, s)| index.insert(t, s));
    let gone = items().enumerate().filter(|(i, _)| !keep(*i));
    gone.for_each(|(_, (t, s))| assert!(index.remove(t, s)));
    (memory::used_by_thread() - start - NODE).max(0) as f64 / index.len() as f64
}

/// At most 12 bytes per volatile key, whatever the order in which they come.
#[test]
#[cfg_attr(miri, ignore)]
fn bytes_per_volatile_key() {
    const BASE: i64 = 1_700_000_000_000;
    for n in [1_000, 30_000, 300_000i64] {
        let mut rng = Rng::new(n as u64);
        let mut random = |reach: u64| (0..n).map(|_| BASE + rng.below(reach) as i64).collect::<Vec<_>>();
        let (hour, year) = (random(3_600_000), random(365 * 86_400_000));
        let figures = [
            ("growing", bytes_per_item(BASE..BASE + n, |_| true)),
            ("falling", bytes_per_item((BASE..BASE + n).rev(), |_| true)),
            ("one moment", bytes_per_item(std::iter::repeat_n(BASE, n as usize), |_| true)),
            ("an hour", bytes_per_item(hour.clone().into_iter(), |_| true)),
            ("a year", bytes_per_item(year.into_iter(), |_| true)),
            ("after removing half", bytes_per_item(hour.clone().into_iter(), |i| i % 2 == 0)),
            ("after removing most", bytes_per_item(hour.into_iter(), |i| i % 8 == 0)),
        ];
        for (what, bytes) in figures {
            assert!(bytes <= 12.0, "{what}, {n} keys: {bytes} bytes each; all: {figures:?}");
        }
    }
}

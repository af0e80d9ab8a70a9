//! The table against a `HashMap`, with keys whose hashes are chosen to be bad; SCAN's guarantee while the table grows
//! and shrinks; sampling; bytes.

use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::{cases, scaled};
use crate::base::hash::hash;
use crate::base::rng::Rng;
use crate::keyspace::{Entry, NewValue, Value};
use crate::sys::memory;
use crate::types::table::{Remains, Table, short_hash};

type Name = Vec<u8>;

fn entry(key: &[u8], n: i64) -> Entry {
    Entry::new(key, NewValue::Int(n), None, 0)
}

fn insert(table: &mut Table<Entry>, key: &[u8], n: i64) {
    table.insert(hash(key), entry(key, n));
}

fn remove(table: &mut Table<Entry>, key: &[u8]) -> bool {
    let found = table.find(hash(key), key);
    found.map(|pos| table.remove(pos)).is_some_and(|e| e.view().key() == key)
}

/// `n` names whose hashes `fit`.
fn names(n: usize, fit: impl Fn(u64) -> bool) -> Vec<Name> {
    (0u32..).map(|i| i.to_le_bytes().to_vec()).filter(|k| fit(hash(k))).take(n).collect()
}

/// Names of all kinds: ordinary ones, ones that share a home bucket (the first, and the last, from which overflow
/// wraps around), and ones that share a segment.
fn mixed(n: usize) -> Vec<Name> {
    let kinds: [&dyn Fn(u64) -> bool; 4] =
        [&|_| true, &|h| h >> 57 == 0, &|h| h >> 57 == 127, &|h| h & 127 == 5];
    let all: BTreeSet<Name> = kinds.iter().flat_map(|fit| names(n, fit)).collect();
    all.into_iter().collect()
}

#[derive(Clone, Debug)]
enum Step {
    /// Inserts this name, or replaces its value.
    Put(usize),
    Remove(usize),
    /// Inserts or removes a run of names.
    PutRun(usize, usize),
    RemoveRun(usize, usize),
}

fn steps(names: usize, most: usize) -> impl Strategy<Value = Vec<Step>> {
    let run = 1..names / 2;
    let step = prop_oneof![
        4 => (0..names).prop_map(Step::Put),
        4 => (0..names).prop_map(Step::Remove),
        1 => (0..names, run.clone()).prop_map(|(a, n)| Step::PutRun(a, n)),
        1 => (0..names, run).prop_map(|(a, n)| Step::RemoveRun(a, n)),
    ];
    prop::collection::vec(step, 1..most)
}

fn as_model(table: &Table<Entry>) -> HashMap<Name, i64> {
    let value = |v| match v {
        Value::Int(n) => n,
        Value::Bytes(b) => panic!("a string {b:?}"),
    };
    table.iter().map(|e| (e.key().to_vec(), value(e.value()))).collect()
}

fn apply(table: &mut Table<Entry>, model: &mut HashMap<Name, i64>, key: &Name, put: bool, n: i64) {
    let (h, had) = (hash(key), model.contains_key(key));
    let found = table.find(h, key);
    assert_eq!(found.is_some(), had, "{key:?}");
    match (found, put) {
        (Some(pos), true) => table.update(pos, |e| e.with_value(NewValue::Int(n))),
        (None, true) => insert(table, key, n),
        (Some(_), false) => assert!(remove(table, key)),
        (None, false) => {}
    }
    if put {
        model.insert(key.clone(), n)
    } else {
        model.remove(key)
    };
}

proptest! {
    #![proptest_config(cases(24, 2))]
    #[test]
    fn equals_a_hash_map(steps in steps(scaled(2400, 120), scaled(300, 20)), seed: u64) {
        let names = mixed(scaled(600, 30));
        let (mut table, mut model) = (Table::new(), HashMap::new());
        let mut n = 0;
        for step in steps {
            let (first, count, put) = match step {
                Step::Put(i) => (i, 1, true),
                Step::Remove(i) => (i, 1, false),
                Step::PutRun(i, count) => (i, count, true),
                Step::RemoveRun(i, count) => (i, count, false),
            };
            for i in first..first + count {
                n += 1;
                apply(&mut table, &mut model, &names[i % names.len()], put, n);
            }
            prop_assert_eq!(table.len(), model.len());
        }
        prop_assert_eq!(as_model(&table), model.clone());
        let mut seen = 0;
        table.for_each(|_| seen += 1);
        prop_assert_eq!(seen, model.len());
        let mut rng = Rng::new(seed);
        prop_assert_eq!(table.sample(&mut rng).is_some(), !model.is_empty());
        for key in model.keys() {
            let found = table.candidates(short_hash(hash(key))).any(|p| table.get(p).key() == key.as_slice());
            prop_assert!(found, "the short hash of {:?} leads to it", key);
        }
        let mut run = 0;
        table.sample_run(&mut rng, 20, |_| { run += 1; true });
        prop_assert_eq!(run, model.len().min(20));
    }

    /// What is in the table during all of a walk is given, whatever comes and goes between its calls.
    #[test]
    fn a_walk_misses_nothing(
        counts in prop::collection::vec(1usize..200, 1..8),
        changes in prop::collection::vec((any::<bool>(), 0usize..4, any::<u16>()), 1..40),
    ) {
        let stay = mixed(scaled(150, 20));
        let churn: Vec<Name> = (0..scaled(4_000, 200) as u64).map(|i| i.to_le_bytes().to_vec()).collect();
        let mut table = Table::new();
        let mut within = vec![false; churn.len()];
        stay.iter().for_each(|k| insert(&mut table, k, 0));
        let mut given = BTreeSet::new();
        let (mut cursor, mut calls) = (0, 0);
        loop {
            let count = counts[calls % counts.len()];
            cursor = table.scan(cursor, count, |e| { given.insert(e.key().to_vec()); });
            calls += 1;
            if cursor == 0 {
                break;
            }
            let (put, size, at) = changes[calls % changes.len()];
            let n = churn.len() >> (2 * size);
            for i in (0..n).map(|i| (i + at as usize) % churn.len()) {
                if put && !within[i] {
                    insert(&mut table, &churn[i], 0);
                } else if !put && within[i] {
                    assert!(remove(&mut table, &churn[i]));
                }
                within[i] = put;
            }
            if calls > 400 {
                // The rest without changes.
                while cursor != 0 {
                    cursor = table.scan(cursor, 1000, |e| { given.insert(e.key().to_vec()); });
                }
                break;
            }
        }
        prop_assert!(stay.iter().all(|k| given.contains(k)));
    }
}

/// As large under Miri as elsewhere, since the other tests stay within one segment there.
#[test]
fn segments_split_and_merge() {
    let mut table = Table::new();
    let names = names(1500, |_| true);
    names.iter().enumerate().for_each(|(i, k)| insert(&mut table, k, i as i64));
    assert_eq!(table.shape().1, 4);
    let (stay, go) = names.split_at(100);
    go.iter().for_each(|k| assert!(remove(&mut table, k)));
    assert_eq!(table.shape().1, 1);
    for (i, k) in stay.iter().enumerate() {
        let pos = table.find(hash(k), k).expect("still there");
        assert!(matches!(table.get(pos).value(), Value::Int(n) if n == i as i64));
    }
    assert!(go.iter().all(|k| table.find(hash(k), k).is_none()));
}

#[test]
fn any_cursor_ends() {
    let mut table = Table::new();
    names(scaled(3000, 60), |_| true).iter().for_each(|k| insert(&mut table, k, 0));
    let mut rng = Rng::new(5);
    for shift in (0..scaled(640, 64)).map(|i| i % 64) {
        let mut cursor = rng.next_u64() >> shift;
        for _ in 0..5000 {
            cursor = table.scan(cursor, 10, |_| {});
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(cursor, 0);
    }
}

#[test]
fn a_walk_alone_gives_everything_once() {
    for n in [0, 1, 7, 8, 9, 100, 479, 480, 481, 5000] {
        let mut table = Table::new();
        let names = names(scaled(n, n.min(100)), |_| true);
        names.iter().for_each(|k| insert(&mut table, k, 0));
        let (mut cursor, mut given) = (0, Vec::new());
        loop {
            cursor = table.scan(cursor, 10, |e| given.push(e.key().to_vec()));
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(given.len(), names.len());
        assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), names.into_iter().collect());
    }
}

/// Every key equally often, within five standard deviations of the chi-square of fair draws.
#[test]
#[cfg_attr(miri, ignore)]
fn samples_are_fair() {
    // Within one segment, with some segments split and others not, and after most was removed again.
    for (n, left) in [(50, 50), (700, 700), (3300, 3300), (6000, 900)] {
        let mut table = Table::new();
        let names = names(n, |_| true);
        names.iter().enumerate().for_each(|(i, k)| insert(&mut table, k, i as i64));
        names[left..].iter().for_each(|k| assert!(remove(&mut table, k)));
        let mut rng = Rng::new(n as u64);
        let mut drawn = vec![0u32; left];
        const EACH: usize = 60;
        for _ in 0..left * EACH {
            let pos = table.sample(&mut rng).expect("not empty");
            let Value::Int(i) = table.get(pos).value() else { panic!("an integer") };
            drawn[i as usize] += 1;
        }
        let chi: f64 = drawn.iter().map(|&c| (c as f64 - EACH as f64).powi(2) / EACH as f64).sum();
        let (mean, deviation) = ((left - 1) as f64, (2.0 * (left - 1) as f64).sqrt());
        assert!((chi - mean).abs() < 5.0 * deviation, "{n}: chi-square {chi}, expected {mean} ± {deviation}");
    }
}

/// At most 16 bytes per entry beside the entry, on average over growth, and after shrinking.
#[test]
#[cfg_attr(miri, ignore)]
fn bytes_beside_the_entries() {
    const MOST: u64 = 1_000_000;
    let start = memory::used_by_thread();
    let mut table = Table::new();
    let mut entries = 0i64;
    let (mut sum, mut readings) = (0.0, 0.0);
    for i in 0..MOST {
        let e = entry(&i.to_le_bytes(), 0);
        entries += e.view().allocated() as i64;
        table.insert(hash(&i.to_le_bytes()), e);
        if i >= 1000 && i % (i / 50) == 0 {
            let each = (memory::used_by_thread() - start - entries) as f64 / (i + 1) as f64;
            assert!(each < 18.0, "{each} bytes per entry at {i}");
            (sum, readings) = (sum + each, readings + 1.0);
        }
    }
    let mean = sum / readings;
    assert!(mean <= 16.0, "{mean} bytes per entry on average");
    let (slots, segments) = table.shape();
    assert!(slots >= table.len() && segments > 1000);
    (1000..MOST).for_each(|i| assert!(remove(&mut table, &i.to_le_bytes())));
    let left = memory::used_by_thread() - start - entries / MOST as i64 * 1000;
    assert!(left < 40 * 1000, "{left} bytes for 1,000 entries after shrinking");
    drop(table);
    assert_eq!(memory::used_by_thread(), start);
}

#[test]
fn segments_made_ahead_are_taken_back() {
    let names = names(scaled(5000, 100), |_| true);
    let mut table = Table::new();
    names[..50].iter().for_each(|k| insert(&mut table, k, 0));
    table.reserve(scaled(5000, 1500));
    let (_, segs) = table.shape();
    assert_eq!(segs, scaled(11, 4));
    names[50..].iter().for_each(|k| insert(&mut table, k, 0));
    table.fit();
    assert_eq!(table.shape().1, scaled(11, 1), "as many as were needed");
    assert!(names.iter().all(|k| table.find(hash(k), k).is_some()) && table.len() == names.len());
    table.reserve(scaled(100_000, 3000));
    table.fit();
    assert!(table.shape().1 <= scaled(5000usize, 100).div_ceil(160));
    assert!(names.iter().all(|k| remove(&mut table, k)) && table.is_empty());
}

#[test]
fn freed_piece_by_piece() {
    let start = memory::used_by_thread();
    let mut table = Table::new();
    names(scaled(5000, 100), |_| true).iter().for_each(|k| insert(&mut table, k, 0));
    let mut remains = Remains::new(table);
    for _ in 0..2 {
        assert!(remains.free_some());
    }
    let half = remains;
    drop(half);
    if cfg!(not(miri)) {
        assert_eq!(memory::used_by_thread(), start);
    }
    let mut empty = Remains::new(Table::<Entry>::new());
    while empty.free_some() {}
    assert!(!empty.free_some());
}

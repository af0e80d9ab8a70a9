//! The tree against a sorted `Vec`, with nodes so small that a few hundred members make five levels; scores that are
//! equal, close, zero of both signs and infinite; bytes counted exactly.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Builder, Edge, Put, Tree};
use crate::base::rng::Rng;
use crate::sys::memory;

type Name = Vec<u8>;

const fn scaled(n: usize, miri: usize) -> usize {
    if cfg!(miri) { miri } else { n }
}

fn cases(n: usize, miri: usize) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: scaled(n, miri) as u32,
        failure_persistence: None,
        ..Default::default()
    }
}

/// What a sorted set must be.
#[derive(Clone, Default)]
struct Model {
    scores: BTreeMap<Name, f64>,
    sorted: Vec<(f64, Name)>,
}

impl Model {
    fn place(&self, score: f64, name: &[u8]) -> usize {
        self.sorted.partition_point(|(s, n)| *s < score || *s == score && n.as_slice() < name)
    }

    fn put(&mut self, name: &[u8], score: f64) {
        if self.scores.get(name) != Some(&score) {
            self.remove(name);
            self.sorted.insert(self.place(score, name), (score, name.to_vec()));
            self.scores.insert(name.to_vec(), score);
        }
    }

    fn remove(&mut self, name: &[u8]) -> Option<f64> {
        let score = self.scores.remove(name)?;
        self.sorted.remove(self.place(score, name));
        Some(score)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize, usize),
    /// A run of names with rising scores.
    Rise(usize, usize, usize),
    Remove(usize),
    RemoveRun(usize, usize),
    /// Shares of the whole, in thousandths.
    RemoveRange(usize, usize),
    /// A little more or less than before.
    Nudge(usize, bool),
}

fn steps(names: usize, most: usize) -> impl Strategy<Value = Vec<Step>> {
    let name = 0..names;
    let step = prop_oneof![
        8 => (name.clone(), 0..SCORES).prop_map(|(i, s)| Step::Put(i, s)),
        1 => (name.clone(), 1..names, 0..SCORES).prop_map(|(i, n, s)| Step::Rise(i, n, s)),
        6 => name.clone().prop_map(Step::Remove),
        1 => (name.clone(), 1..names / 2).prop_map(|(i, n)| Step::RemoveRun(i, n)),
        1 => (0..1000usize, 0..1000usize).prop_map(|(a, b)| Step::RemoveRange(a.min(b), a.max(b))),
        1 => (0..1000usize, 1..60usize).prop_map(|(a, n)| Step::RemoveRange(a, a + n)),
        6 => (name, any::<bool>()).prop_map(|(i, up)| Step::Nudge(i, up)),
    ];
    prop::collection::vec(step, 1..most)
}

const SCORES: usize = 400;

/// Scores of all kinds: the ends, both zeros, many that are equal, and many that differ only in their low bits.
fn score(i: usize) -> f64 {
    match i {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => 0.0,
        3 => -0.0,
        4 => f64::MAX,
        5 => f64::MIN_POSITIVE,
        6..100 => (i % 7) as f64,
        100..200 => 1.7e12 + i as f64,
        200..300 => -1e9 - i as f64 / 1024.0,
        _ => f64::from_bits(1.5f64.to_bits() + i as u64),
    }
}

fn name(i: usize) -> Name {
    match i % 5 {
        0 => vec![],
        1 => vec![b'a'; i / 5 % 4 * 100],
        _ => vec![],
    }
    .into_iter()
    .chain(i.to_string().bytes())
    .collect()
}

fn put<const L: usize, const N: usize>(tree: &mut Tree<L, N>, model: &mut Model, name: &[u8], score: f64) {
    let old = model.scores.get(name).copied();
    let expected = match old {
        None => Put::Added,
        Some(s) if s == score => Put::Kept,
        Some(_) => Put::Changed,
    };
    let put = tree.add_with(name, |seen| {
        assert_eq!(seen, old);
        Some(score)
    });
    assert_eq!(put, expected);
    model.put(name, score);
}

fn run<const L: usize, const N: usize>(
    tree: &mut Tree<L, N>,
    model: &mut Model,
    step: &Step,
    names: &[Name],
) {
    let named = |i: usize| names[i % names.len()].as_slice();
    match *step {
        Step::Put(i, s) => put(tree, model, named(i), score(s)),
        Step::Rise(i, n, s) => (0..n).for_each(|k| put(tree, model, named(i + k), score(s) + k as f64)),
        Step::Remove(i) => assert_eq!(tree.remove(named(i)), model.remove(named(i))),
        Step::RemoveRun(i, n) => {
            (i..i + n).for_each(|i| assert_eq!(tree.remove(named(i)), model.remove(named(i))));
        }
        Step::RemoveRange(a, z) => {
            let len = model.sorted.len();
            let range = a.min(1000) * len / 1000..z.min(1000) * len / 1000;
            let mut gone = Vec::new();
            tree.remove_range(range.clone(), |m, s| gone.push((s, m.to_vec())));
            let expected: Vec<_> = model.sorted.drain(range).collect();
            expected.iter().for_each(|(_, n)| assert!(model.scores.remove(n).is_some()));
            assert_eq!(gone, expected);
        }
        Step::Nudge(i, up) => {
            if let Some(&s) = model.scores.get(named(i)) {
                put(tree, model, named(i), if up { s + 1.0 } else { s.next_down() });
            }
        }
    }
}

/// Every question, from everywhere.
fn compare<const L: usize, const N: usize>(tree: &Tree<L, N>, model: &Model, at: usize) {
    let same = |(m, s): (&[u8], f64), (t, n): &(f64, Name)| {
        assert_eq!((m, s.to_bits()), (n.as_slice(), t.to_bits()));
    };
    let len = model.sorted.len();
    assert_eq!(tree.len(), len);
    tree.iter().zip(&model.sorted).for_each(|(a, b)| same(a, b));
    tree.iter().rev().zip(model.sorted.iter().rev()).for_each(|(a, b)| same(a, b));
    let (a, z) = (at % (len + 1), (at / 7) % (len + 1));
    let range = a.min(z)..a.max(z);
    let mut both = tree.range(range.clone());
    let mut expected = model.sorted[range.clone()].iter();
    assert_eq!(both.len(), range.len());
    while let Some(found) = both.next() {
        same(found, expected.next().expect("as many"));
        if let Some(found) = both.next_back() {
            same(found, expected.next_back().expect("as many"));
        }
    }
    assert!(expected.next().is_none() && both.next_back().is_none());
    for s in (0..SCORES).step_by(9).map(score) {
        let count = |f: &dyn Fn(f64) -> bool| model.sorted.iter().filter(|(t, _)| f(*t)).count();
        assert_eq!(tree.before(&Edge::at_score(s)), count(&|t| t < s));
        assert_eq!(tree.before(&Edge::past_score(s)), count(&|t| t <= s));
    }
    for i in 0..20 {
        let n = name(at.wrapping_add(i * 31) % 1000);
        let place = |score: f64| model.place(score, &n);
        assert_eq!(tree.before(&Edge::at(1.0, &n)), place(1.0));
        assert_eq!(tree.rank(&n), model.scores.get(&n).map(|&s| (place(s), s)));
    }
}

fn walk<const L: usize, const N: usize>(names: &[Name], steps: &[Step]) {
    let before = memory::used_by_thread();
    let (mut tree, mut model) = (Tree::<L, N>::new(), Model::default());
    for (i, step) in steps.iter().enumerate() {
        run(&mut tree, &mut model, step, names);
        if i % 16 == 0 {
            tree.order.check();
        }
        if i % 128 == 0 {
            compare(&tree, &model, i * 7919);
        }
    }
    tree.check();
    compare(&tree, &model, steps.len());
    compare(&tree.duplicate(), &model, 3);
    tree.duplicate().check();
    let mut builder = Builder::new();
    model.scores.iter().for_each(|(n, &s)| builder.add_new(n, s));
    let built = builder.finish::<L, N>();
    built.check();
    compare(&built, &model, 5);
    drop((built, model));
    drop(tree);
    assert_eq!(memory::used_by_thread(), before);
}

proptest! {
    #![proptest_config(cases(24, 2))]
    #[test]
    fn equals_a_sorted_vec(steps in steps(scaled(500, 60), scaled(500, 60))) {
        let names: Vec<Name> = (0..scaled(500, 60)).map(name).collect();
        walk::<6, 6>(&names, &steps);
        walk::<9, 7>(&names, &steps);
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn equals_a_sorted_vec_with_nodes_as_they_are(steps in steps(3000, 60)) {
        let names: Vec<Name> = (0..3000).map(name).collect();
        walk::<63, 64>(&names, &steps);
    }

    /// Scores all the same: the order is that of the members, and edges need no score.
    #[test]
    fn equals_a_sorted_vec_of_names(puts in prop::collection::vec(any::<u16>(), 1..scaled(600, 60))) {
        let (mut tree, mut model) = (Tree::<6, 6>::new(), Model::default());
        for &i in &puts {
            put(&mut tree, &mut model, &name(i as usize), 1.0);
        }
        tree.check();
        for n in puts.iter().map(|&i| name(i as usize / 2)) {
            let count = |f: &dyn Fn(&Name) -> bool| model.scores.keys().filter(|k| f(k)).count();
            prop_assert_eq!(tree.before(&Edge::at_lex(&n)), count(&|k| *k < n));
            prop_assert_eq!(tree.before(&Edge::past_lex(&n)), count(&|k| *k <= n));
        }
    }
}

/// Long walks of single steps on a set that keeps its size: 2 M of them in all.
#[test]
#[cfg_attr(miri, ignore)]
fn millions_of_steps() {
    fn steps<const L: usize, const N: usize>(seed: u64) {
        let (mut rng, mut tree) = (Rng::new(seed), Tree::<L, N>::new());
        let mut model = [None; 1500];
        for i in 0..500_000 {
            let (n, r) = (rng.below(1500) as u16, rng.next_u64());
            let (name, old) = (n.to_be_bytes(), &mut model[n as usize]);
            let score = match r % 8 {
                0..3 => {
                    assert_eq!(tree.remove(&name), old.take());
                    continue;
                }
                3..6 => (r >> 8) as u16 as f64 / 16.0,
                _ => old.unwrap_or(0.0) + (r >> 8 & 1) as f64 - 0.5,
            };
            tree.add_with(&name, |seen| {
                assert_eq!(seen, *old);
                Some(score)
            });
            *old = Some(score);
            if i % 8192 == 0 {
                tree.check();
                let mut sorted: Vec<_> =
                    (0..1500u16).filter_map(|n| Some((model[n as usize]?, n.to_be_bytes()))).collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                assert!(tree.iter().eq(sorted.iter().map(|(s, n)| (&n[..], *s))));
            }
        }
    }
    steps::<6, 6>(1);
    steps::<8, 9>(2);
    steps::<63, 64>(3);
    steps::<12, 6>(4);
}

/// At most 64 bytes each, all told, whatever the order in which they come.
#[test]
#[cfg_attr(miri, ignore)]
fn bytes_of_each() {
    const N: u64 = 100_000;
    let mut rng = Rng::new(7);
    for (most, rising) in [(60.0, false), (59.0, true)] {
        let before = memory::used_by_thread();
        let mut tree: Tree = Tree::new();
        for i in 0..N {
            let score = if rising { i as f64 } else { rng.next_u64() as f64 };
            tree.add_with(format!("member:{i:09}").as_bytes(), |_| Some(score));
        }
        let taken = (memory::used_by_thread() - before) as usize;
        let each = taken as f64 / N as f64;
        assert!(each <= most, "{each} bytes, rising: {rising}");
        // The directory of the table is a Vec of Vecs, of which it tells only what is in use.
        assert!(taken.abs_diff(tree.allocated()) < 20_000, "{taken} {}", tree.allocated());
        // Few are left: so are few bytes.
        tree.remove_range(1000..N as usize, |_, _| {});
        assert!(tree.allocated() < 1000 * 84, "{}", tree.allocated());
        tree.remove_range(0..1000, |_, _| {});
        assert!(tree.is_empty());
        tree.check();
    }
}

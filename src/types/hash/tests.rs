//! Hashes against an ordered map, in limits so small that the encoding changes often.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::base::rng::Rng;
use crate::sys::memory;

const TINY: HashLimits = HashLimits { packed: 3, packed_value: 6 };
const USUAL: HashLimits = HashLimits { packed: 512, packed_value: 64 };

fn cases(n: u32, miri: u32) -> proptest::test_runner::Config {
    let cases = if cfg!(miri) { miri } else { n };
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}

#[derive(Clone, Debug)]
enum Step {
    Prepare(Vec<(Vec<u8>, Vec<u8>)>),
    Set(Vec<u8>, Vec<u8>, NewExpiry),
    /// Adds a byte at the end, or fails.
    Update(Vec<u8>, bool),
    Expire(Vec<u8>, Option<i64>),
    Remove(Vec<u8>),
    /// Though its time may have come.
    RemoveAny(Vec<u8>),
    Pass(i64),
    TakeDue(usize),
    Copy,
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u8..30).prop_map(|n| vec![b'a' + n % 26; 1 + n as usize / 26]),
        3 => (-3i64..20).prop_map(|n| n.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..9),
        1 => (126usize..130).prop_map(|n| vec![b'f'; n]),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..8),
        2 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => (100usize..300).prop_map(|n| vec![b'v'; n]),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let expiry = prop_oneof![
        4 => Just(NewExpiry::Never),
        2 => Just(NewExpiry::Keep),
        2 => (0i64..60).prop_map(NewExpiry::At),
    ];
    let step = prop_oneof![
        1 => prop::collection::vec((field(), value()), 0..6).prop_map(Step::Prepare),
        12 => (field(), value(), expiry).prop_map(|(f, v, e)| Step::Set(f, v, e)),
        2 => (field(), prop::bool::weighted(0.2)).prop_map(|(f, fails)| Step::Update(f, fails)),
        4 => (field(), prop::option::of(0i64..60)).prop_map(|(f, e)| Step::Expire(f, e)),
        4 => field().prop_map(Step::Remove),
        1 => field().prop_map(Step::RemoveAny),
        2 => (0i64..4).prop_map(Step::Pass),
        1 => (0usize..4).prop_map(Step::TakeDue),
        1 => Just(Step::Copy),
    ];
    prop::collection::vec(step, 1..60)
}

/// What a hash is to readers, and whether it is large.
#[derive(Default)]
struct Model {
    fields: BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>,
    large: bool,
    now: i64,
}

impl Model {
    fn live(&self, field: &[u8]) -> Option<&(Vec<u8>, Option<i64>)> {
        self.fields.get(field).filter(|(_, expiry)| expiry.is_none_or(|at| at > self.now))
    }

    fn set(&mut self, field: &[u8], value: &[u8], expiry: NewExpiry) -> Outcome {
        self.large |= matches!(expiry, NewExpiry::At(_)) || field.len().max(value.len()) > TINY.packed_value;
        let live = self.live(field).cloned();
        let expiry = match expiry {
            NewExpiry::Never => None,
            NewExpiry::Keep => live.as_ref().and_then(|(_, expiry)| *expiry),
            NewExpiry::At(at) => Some(at),
        };
        let was = self.fields.insert(field.into(), (value.into(), expiry));
        self.large |= self.fields.len() > TINY.packed;
        match (was, live) {
            (None, _) => Outcome::Created,
            (_, Some(_)) => Outcome::Updated,
            (_, None) => Outcome::Revived,
        }
    }

    fn next_due(&self) -> Option<i64> {
        self.fields.values().filter_map(|(_, expiry)| *expiry).min()
    }

    fn run(&mut self, hash: &mut Hash, step: &Step) {
        match step {
            Step::Prepare(pairs) => {
                let parts = || pairs.iter().flat_map(|(f, v)| [&f[..], &v[..]]);
                hash.prepare(pairs.len(), parts(), TINY);
                self.large |= pairs.len() > TINY.packed || parts().any(|p| p.len() > TINY.packed_value);
            }
            Step::Set(f, v, e) => assert_eq!(hash.set(f, v, *e, self.now, TINY), self.set(f, v, *e)),
            Step::Update(f, fails) => {
                let old = self.live(f).cloned();
                let done = hash.update(f, self.now, TINY, |v| {
                    let mut text = Text::new();
                    let mut digits = NumBuf::new();
                    assert_eq!(v.is_some(), old.is_some());
                    text.extend_from_slice(v.map_or(&b""[..], |v| v.bytes(&mut digits)));
                    text.push(b'+');
                    if *fails { Err(()) } else { Ok(text) }
                });
                if *fails {
                    assert_eq!(done, Err(()));
                } else {
                    let (mut value, expiry) = old.unwrap_or_default();
                    value.push(b'+');
                    assert_eq!(done, Ok((self.set(f, &value, NewExpiry::Keep), expiry)));
                }
            }
            Step::Expire(f, expiry) => {
                let found = self.live(f).is_some();
                self.large |= found && expiry.is_some();
                if found && let Some(entry) = self.fields.get_mut(f) {
                    entry.1 = *expiry;
                }
                assert_eq!(hash.set_expiry(f, *expiry, self.now), found);
            }
            Step::Remove(f) => {
                let found = self.live(f).is_some();
                if found {
                    self.fields.remove(f);
                }
                assert_eq!(hash.remove(f, self.now), found);
            }
            Step::RemoveAny(f) => assert_eq!(hash.remove(f, ALL), self.fields.remove(f).is_some()),
            Step::Pass(ms) => self.now += ms,
            Step::TakeDue(most) => self.take_due(hash, *most),
            Step::Copy => *hash = hash.duplicate(),
        }
    }

    fn take_due(&mut self, hash: &mut Hash, most: usize) {
        let mut times: Vec<i64> =
            self.fields.values().filter_map(|(_, at)| *at).filter(|at| *at <= self.now).collect();
        times.sort_unstable();
        times.truncate(most);
        let taken = hash.take_due(self.now, most);
        let taken: Vec<i64> = taken.iter().map(|f| self.fields.remove(&f[..]).unwrap().1.unwrap()).collect();
        assert_eq!(taken, times);
    }

    fn check(&self, hash: &Hash) {
        assert_eq!(hash.encoding(), if self.large { "hashtable" } else { "listpack" });
        assert_eq!(hash.len(), self.fields.len());
        assert_eq!(hash.is_empty(), self.fields.is_empty());
        let live = self.fields.keys().filter(|f| self.live(f).is_some()).count();
        assert_eq!(hash.live_len(self.now), live);
        assert_eq!(hash.next_due(), self.next_due());
        assert_eq!(hash.has_volatile(), self.next_due().is_some());
        let mut seen = BTreeMap::new();
        hash.visit(&mut |parts| {
            let expiry = (!parts[2].is_empty()).then(|| crate::base::num::parse_i64(parts[2]).unwrap());
            assert!(seen.insert(parts[0].to_vec(), (parts[1].to_vec(), expiry)).is_none());
        });
        assert_eq!(seen, self.fields);
        for (f, (v, expiry)) in &self.fields {
            let live = self.live(f).is_some();
            let mut digits = NumBuf::new();
            assert_eq!(hash.get(f, self.now).map(|v| v.bytes(&mut digits).to_vec()), live.then(|| v.clone()));
            assert_eq!(hash.expiry(f, self.now), live.then_some(*expiry));
            assert!(hash.contains(f, ALL));
        }
        if let Hash::Table(table) = hash {
            table.check();
        }
    }
}

proptest! {
    #![proptest_config(cases(400, 4))]

    #[test]
    fn behaves_as_a_map(steps in steps()) {
        let before = memory::used_by_thread();
        {
            let (mut model, mut hash) = (Model::default(), Hash::new());
            for step in &steps {
                model.run(&mut hash, step);
                model.check(&hash);
            }
        }
        prop_assert_eq!(memory::used_by_thread(), before);
    }
}

/// A large hash of `n` fields, of which those with an odd number expire at that ms.
fn large(n: usize) -> Hash {
    let mut hash = Hash::new();
    for i in 0..n {
        let expiry = if i % 2 == 1 { NewExpiry::At(i as i64) } else { NewExpiry::Never };
        hash.set(format!("field{i}").as_bytes(), b"value", expiry, 0, TINY);
    }
    hash
}

const N: usize = if cfg!(miri) { 200 } else { 5000 };

#[test]
fn many_volatile_fields_go_in_order() {
    let mut hash = large(N);
    assert_eq!(hash.next_due(), Some(1));
    assert_eq!(hash.live_len(99), N - 50);
    let names = hash.take_due(99, 30);
    assert_eq!((names.len(), &names[0][..], &names[29][..]), (30, &b"field1"[..], &b"field59"[..]));
    assert_eq!(hash.take_due(99, usize::MAX).len(), 20);
    assert_eq!(hash.next_due(), Some(101));
    let mut copy = hash.duplicate();
    copy.take_due(i64::MAX, usize::MAX);
    assert_eq!((copy.len(), copy.next_due()), (N / 2, None));
    assert_eq!(hash.len(), N - 50);
}

#[test]
fn a_walk_gives_what_readers_see() {
    let hash = large(N);
    let (mut cursor, mut seen) = (0, BTreeSet::new());
    loop {
        cursor = hash.scan(cursor, 10, i64::MAX, |pair| {
            seen.insert(pair.field.bytes(&mut NumBuf::new()).to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), N / 2);
    let mut small = Hash::new();
    small.set(b"f", b"1", NewExpiry::Never, 0, USUAL);
    let mut given = 0;
    assert_eq!(small.scan(7, 1, 0, |_| given += 1), 0);
    assert_eq!(given, 1);
}

#[test]
fn random_fields_are_fair() {
    let mut rng = Rng::new(3);
    let draws = if cfg!(miri) { 200 } else { 20_000 };
    for (n, now) in [(8, ALL), (20, 100)] {
        let limits = if now == ALL { USUAL } else { TINY };
        let mut hash = Hash::new();
        for i in 0..n {
            // Half of those in the table are over.
            let expiry = if now != ALL && i % 2 == 1 { NewExpiry::At(50) } else { NewExpiry::Never };
            hash.set(format!("f{i}").as_bytes(), b"1", expiry, 0, limits);
        }
        let live = hash.live_len(now);
        let mut counts: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        let mut count =
            |pair: Pair<'_>| *counts.entry(pair.field.bytes(&mut NumBuf::new()).to_vec()).or_default() += 1;
        let mut left = draws;
        hash.random_repeated(now, &mut rng, |pair| {
            count(pair);
            left -= 1;
            left > 0
        });
        for _ in 0..draws {
            count(hash.random(now, &mut rng).unwrap());
        }
        for wanted in [1, live / 2, live - 1, live, live + 1] {
            for _ in 0..draws / 4 {
                let mut given = BTreeSet::new();
                hash.random_distinct(wanted, now, &mut rng, |pair| {
                    count(pair);
                    assert!(given.insert(pair.field.bytes(&mut NumBuf::new()).to_vec()));
                });
                assert_eq!(given.len(), wanted.min(live));
            }
        }
        assert_eq!(counts.len(), live);
        let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
        assert!(cfg!(miri) || most - least < most / 10, "{counts:?}");
    }
    assert_eq!(Hash::new().random(ALL, &mut rng), None);
    Hash::new().random_repeated(ALL, &mut rng, |_| unreachable!());
}

#[test]
fn a_hash_of_dead_fields_gives_none() {
    let mut rng = Rng::new(3);
    let mut hash = Hash::new();
    for i in 0..9u8 {
        hash.set(&[i], b"v", NewExpiry::At(1), 0, TINY);
    }
    assert_eq!(hash.random(1, &mut rng), None);
    hash.random_repeated(1, &mut rng, |_| unreachable!());
    [1, 2, 5, 8, 9].iter().for_each(|n| hash.random_distinct(*n, 1, &mut rng, |_| unreachable!()));
}

#[test]
fn fields_take_the_bytes_they_say() {
    for (name, value, expiry, size) in [
        (15, 7, None, 24),
        (15, 7, Some(5), 32),
        (0, 0, None, 8),
        (127, 127, None, 256),
        (128, 0, None, 160),
        (1, 128, Some(-1), 160),
    ] {
        let before = memory::used_by_thread();
        let (name, value) = (vec![b'n'; name], vec![b'v'; value]);
        let inside = memory::used_by_thread();
        let field = Field::new(&name, &value, expiry);
        let view = field.view();
        assert_eq!((view.name(), view.value(), view.expiry()), (&name[..], &value[..], expiry));
        assert_eq!(view.allocated(), size);
        if !cfg!(miri) {
            assert_eq!(memory::used_by_thread() - inside, size as i64);
        }
        drop((field, name, value));
        assert_eq!(memory::used_by_thread(), before);
    }
}

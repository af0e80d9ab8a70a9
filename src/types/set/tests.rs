//! Sets against a `BTreeSet`, with limits so small that every encoding and every change of encoding is met; the
//! encodings that Valkey 9.1 comes to; algebra; chance; memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::{Set, SetLimits, algebra};
use crate::base::num::{self, NumBuf};
use crate::base::rng::Rng;
use crate::sys::memory;
use crate::types::collection::Collection;
use crate::types::{Intset, Value};

type Model = BTreeSet<Vec<u8>>;

const SMALL: SetLimits = SetLimits { ints: 4, packed: 6, packed_value: 5 };
/// Valkey's defaults.
const USUAL: SetLimits = SetLimits { ints: 512, packed: 128, packed_value: 64 };

fn cases(usual: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 2 } else { usual },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn text(v: Value<'_>) -> Vec<u8> {
    v.bytes(&mut NumBuf::new()).to_vec()
}

fn members(set: &Set) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    set.for_each(|v| all.push(text(v)));
    all
}

fn set_of(words: &[&str], limits: SetLimits) -> Set {
    let mut set = Set::for_members(words.first().map_or(b"", |w| w.as_bytes()), words.len(), limits);
    set.add_all(words.iter().map(|w| w.as_bytes()), limits);
    set
}

fn ints(range: std::ops::Range<i64>) -> Set {
    let mut set = Set::Ints(Intset::new());
    for n in range {
        set.add_value(Value::Int(n), SetLimits::NONE);
    }
    set
}

/// Integers of all widths and texts around the limit of length.
fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (-6i64..6).prop_map(|n| n.to_string().into_bytes()),
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(40_000), Just(-70_000_000_000)]
            .prop_map(|n| n.to_string().into_bytes()),
        2 => "[ab]{0,2}".prop_map(String::into_bytes),
        1 => "[ab]{5,6}".prop_map(String::into_bytes),
        1 => prop::sample::select(vec![&b"-0"[..], b"01", b"+1", b"\x00\xff", b"9223372036854775808"])
            .prop_map(<[u8]>::to_vec),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<u8>),
    AddAll(Vec<Vec<u8>>),
    Remove(Vec<u8>),
    Pop(u64),
    PopSome(u64, usize),
    ToInts,
    Copy,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => word().prop_map(Step::Add),
        1 => prop::collection::vec(word(), 1..12).prop_map(Step::AddAll),
        4 => word().prop_map(Step::Remove),
        1 => any::<u64>().prop_map(Step::Pop),
        1 => (any::<u64>(), 0usize..8).prop_map(|(seed, n)| Step::PopSome(seed, n)),
        1 => Just(Step::ToInts),
        1 => Just(Step::Copy),
    ];
    prop::collection::vec(step, 1..60)
}

/// What must hold of any set, whatever was done.
fn check(set: &Set, model: &Model) {
    let given = members(set);
    assert_eq!(given.len(), model.len());
    assert_eq!(given.iter().cloned().collect::<Model>(), *model);
    assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
    match set {
        Set::Ints(ints) => {
            assert!(ints.len() <= SMALL.ints && given.iter().all(|m| num::parse_i64(m).is_some()));
        }
        Set::Packed(_) => {
            assert!(given.len() <= SMALL.packed && given.iter().all(|m| m.len() <= SMALL.packed_value));
        }
        Set::Table(table) => assert_eq!(table.len(), model.len()),
    }
    let (mut cursor, mut scanned) = (0, Model::new());
    loop {
        cursor = set.scan(cursor, 2, |v| {
            scanned.insert(text(v));
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned, *model);
}

fn take(model: &mut Model, v: Value<'_>) {
    assert!(model.remove(&text(v)), "{v:?}");
}

fn apply(set: &mut Set, model: &mut Model, step: Step) {
    match step {
        Step::Add(w) => assert_eq!(set.add(&w, SMALL), model.insert(w)),
        Step::AddAll(words) => {
            set.prepare_for(words.len(), SMALL);
            let new = set.add_all(words.iter().map(|w| &w[..]), SMALL);
            assert_eq!(new, words.into_iter().filter(|w| model.insert(w.clone())).count());
        }
        Step::Remove(w) => assert_eq!(set.remove(&w), model.remove(&w)),
        Step::Pop(seed) => {
            let had = !model.is_empty();
            assert_eq!(set.pop(&mut Rng::new(seed), |v| take(model, v)), had);
        }
        Step::PopSome(seed, n) => {
            let n = n.min(model.len().saturating_sub(1));
            set.pop_some(n, &mut Rng::new(seed), SMALL, |v| take(model, v));
        }
        Step::ToInts => {
            set.make_ints(SMALL);
            let fits = model.len() <= SMALL.ints && model.iter().all(|m| num::parse_i64(m).is_some());
            assert!(!fits || matches!(set, Set::Ints(_)));
        }
        Step::Copy => {
            let copy = set.duplicate();
            assert_eq!(copy.encoding(), set.encoding());
            *set = copy;
        }
    }
}

/// What takes members one by one.
type Give<'a> = &'a mut dyn FnMut(Value<'_>);

proptest! {
    #![proptest_config(cases(200))]
    #[test]
    fn equals_a_btree_set(first in word(), steps in steps(), probe in word(), seed: u64) {
        let mut set = Set::for_members(&first, 1, SMALL);
        let mut model = Model::new();
        for step in steps {
            apply(&mut set, &mut model, step);
            check(&set, &model);
            assert_eq!(set.contains(&probe), model.contains(&probe));
            let rng = &mut Rng::new(seed);
            assert_eq!(set.random(rng).map(|v| model.contains(&text(v))), (!model.is_empty()).then_some(true));
            let mut drawn = Model::new();
            set.draw_distinct(3, rng, |v| assert!(drawn.insert(text(v))));
            assert!(drawn.len() == model.len().min(3) && drawn.is_subset(&model));
        }
    }

    #[test]
    fn algebra_equals_that_of_btree_sets(
        lists in prop::collection::vec(prop::collection::vec(word(), 1..20), 1..6),
        same: bool,
    ) {
        let mut sets: Vec<Set> = lists.iter().map(|words| {
            let mut set = Set::for_members(&words[0], words.len(), SMALL);
            set.add_all(words.iter().map(|w| &w[..]), SMALL);
            set
        }).collect();
        if same {
            sets.swap(0, lists.len() / 2);
        }
        let models: Vec<Model> = sets.iter().map(|s| members(s).into_iter().collect()).collect();
        let refs: Vec<&Set> = sets.iter().collect();
        let given = |run: &dyn Fn(Give<'_>)| {
            let mut all = Model::new();
            run(&mut |v| assert!(all.insert(text(v)), "{v:?} is given twice"));
            all
        };
        let mut other = models[1..].iter();
        let both = other.clone().fold(models[0].clone(), |all, m| &all & m);
        let any = models.iter().fold(Model::new(), |all, m| &all | m);
        let rest = other.by_ref().fold(models[0].clone(), |all, m| &all - m);
        assert_eq!(both, given(&|give| algebra::inter(&mut refs.clone(), |v| { give(v); ControlFlow::Continue(()) })));
        assert_eq!(any, given(&|give| drop(algebra::union(&refs, SMALL, give))));
        assert_eq!(rest, given(&|give| drop(algebra::diff(refs[0], &mut refs[1..].to_vec(), SMALL, give))));
        check(&algebra::inter_stored(&mut refs.clone(), SMALL), &both);
        check(&algebra::union_stored(&refs, SMALL), &any);
        check(&algebra::diff_stored(refs[0], &mut refs[1..].to_vec(), SMALL), &rest);
        // A set without itself.
        let mut with_itself = refs.clone();
        assert!(given(&|give| drop(algebra::diff(refs[0], &mut with_itself.to_vec(), SMALL, give))).is_empty());
        with_itself.push(refs[0]);
        assert_eq!(both, given(&|give| algebra::inter(&mut with_itself.clone(), |v| { give(v); ControlFlow::Continue(()) })));
    }
}

#[test]
fn encodings_are_those_of_the_reference() {
    let encoding = |words: &[&str]| set_of(words, SMALL).encoding();
    assert_eq!(encoding(&["1", "2", "3", "4"]), "intset");
    // Beyond the intset's limit comes the table, though a listpack would hold them.
    assert_eq!(encoding(&["1"; 5]), "listpack");
    let mut set = set_of(&["1", "2", "3", "4"], SMALL);
    set.add(b"5", SMALL);
    assert_eq!(set.encoding(), "hashtable");
    // A text makes a listpack of an intset, unless an integer is too long for that.
    let mut set = set_of(&["1", "-1234"], SMALL);
    set.add(b"a", SMALL);
    assert_eq!(
        (set.encoding(), members(&set)),
        ("listpack", vec![b"-1234".to_vec(), b"1".into(), b"a".into()])
    );
    let mut set = set_of(&["1", "-12345"], SMALL);
    set.add(b"a", SMALL);
    assert_eq!(set.encoding(), "hashtable");
    let mut set = set_of(&["1"], SMALL);
    set.add(b"abcdef", SMALL);
    assert_eq!(set.encoding(), "hashtable");
    assert_eq!(encoding(&["a", "b", "c", "d", "e", "f"]), "listpack");
    assert_eq!(encoding(&["a"; 7]), "hashtable");
    assert_eq!(encoding(&["abcdef"]), "hashtable");
    let mut set = set_of(&["a", "b", "c", "d", "e", "f"], SMALL);
    assert!(!set.add(b"f", SMALL) && set.encoding() == "listpack");
    assert!(set.add(b"g", SMALL) && set.encoding() == "hashtable");
    // Never back.
    ["a", "b", "c", "d", "e", "f"].iter().for_each(|m| assert!(set.remove(m.as_bytes())));
    assert_eq!((set.encoding(), set.len()), ("hashtable", 1));
}

#[test]
fn stored_results_have_the_encodings_of_the_reference() {
    let texts = set_of(&["a", "1", "2"], USUAL);
    let numbers = set_of(&["1", "2", "3"], USUAL);
    let long = ["x".repeat(70)];
    let table = set_of(&["1", "2", &long[0]], USUAL);
    let inter = |sets: &[&Set]| algebra::inter_stored(&mut sets.to_vec(), USUAL).encoding();
    assert_eq!((texts.encoding(), table.encoding()), ("listpack", "hashtable"));
    assert_eq!(inter(&[&texts, &numbers]), "intset");
    assert_eq!(inter(&[&texts]), "listpack");
    assert_eq!(inter(&[&table, &texts]), "intset");
    assert_eq!(inter(&[&table]), "hashtable");
    let union = |sets: &[&Set]| algebra::union_stored(sets, USUAL).encoding();
    assert_eq!(union(&[&numbers, &numbers]), "intset");
    assert_eq!(union(&[&numbers, &texts]), "listpack");
    assert_eq!(union(&[&numbers, &texts, &table]), "hashtable");
    let diff = |first, others: &[&Set]| algebra::diff_stored(first, &mut others.to_vec(), USUAL).encoding();
    assert_eq!(diff(&table, &[&texts]), "hashtable");
    assert_eq!(diff(&texts, &[&numbers]), "listpack");
    assert_eq!(diff(&table, &[]), "hashtable");
    // By subtraction from a copy of the first, which has become a table.
    let one = set_of(&[&long[0]], USUAL);
    assert_eq!(diff(&table, &[&one]), "intset");
    assert_eq!(diff(&table, &[&one; 5]), "hashtable");
}

#[test]
fn large_results_are_stored_whole() {
    let n = if cfg!(miri) { 150 } else { 5000 };
    let large = |range: std::ops::Range<usize>| {
        let mut set = Set::for_members(b"m", range.len(), USUAL);
        range.for_each(|i| assert!(set.add(format!("m{i}").as_bytes(), USUAL)));
        set
    };
    let model =
        |range: std::ops::Range<usize>| -> Model { range.map(|i| format!("m{i}").into_bytes()).collect() };
    let (a, b, few) = (large(0..n), large(n / 2..2 * n), large(0..3));
    assert_eq!((a.encoding(), few.encoding()), ("hashtable", "listpack"));
    check(&algebra::union_stored(&[&few, &a, &b, &a], USUAL), &model(0..2 * n));
    check(&algebra::union_stored(&[&a], USUAL), &model(0..n));
    check(&algebra::diff_stored(&a, &mut [&b], USUAL), &model(0..n / 2));
    check(&algebra::diff_stored(&a, &mut [&few; 4], USUAL), &model(3..n));
    check(&algebra::inter_stored(&mut [&a, &b], USUAL), &model(n / 2..n));
    assert!(algebra::diff_stored(&a, &mut [&b, &a], USUAL).is_empty());
    // Of room for a whole set nothing is left when little of it comes.
    let little = algebra::diff_stored(&b, &mut [&large(n / 2..2 * n - 200.min(n))], USUAL);
    assert!(little.table_shape().is_none_or(|(slots, _)| slots < 600));
}

#[test]
fn a_large_pop_leaves_what_the_limits_say() {
    let popped = |set: &mut Set, n| {
        let mut count = 0;
        let old = set.pop_some(n, &mut Rng::new(1), USUAL, |_| count += 1);
        assert_eq!(count, n);
        old.is_some()
    };
    let mut set = ints(0..1000);
    set.add(b"a", USUAL);
    assert_eq!(set.encoding(), "hashtable");
    assert!(!popped(&mut set, 100));
    assert_eq!((set.encoding(), set.len()), ("hashtable", 901));
    assert!(popped(&mut set, 800));
    assert_eq!((set.encoding(), set.len()), ("listpack", 101));
    assert!(popped(&mut set, 1));
    assert_eq!((set.encoding(), set.len()), ("listpack", 100));
    let mut set = ints(0..600);
    popped(&mut set, 10);
    assert_eq!((set.encoding(), set.len()), ("intset", 590));
}

#[test]
fn draws_are_fair() {
    let n = if cfg!(miri) { 40 } else { 40_000 };
    let texts: Vec<String> = (0..8).map(|i| format!("m{i}")).collect();
    let words: Vec<&str> = texts.iter().map(String::as_str).collect();
    for set in [ints(0..8), set_of(&words, USUAL), set_of(&words, SMALL)] {
        let mut rng = Rng::new(9);
        let mut counts = [(); 4].map(|()| BTreeMap::<Vec<u8>, usize>::new());
        let [one, many, some, popped] = &mut counts;
        for _ in 0..n {
            let v = set.random(&mut rng).map(text).unwrap();
            *one.entry(v).or_default() += 1;
        }
        set.draw(n, &mut rng, |v| *many.entry(text(v)).or_default() += 1);
        for _ in 0..n / 2 {
            set.draw_distinct(2, &mut rng, |v| *some.entry(text(v)).or_default() += 1);
        }
        for _ in 0..n / 16 {
            let mut set = set.duplicate();
            for _ in 0..4 {
                set.pop(&mut rng, |v| *popped.entry(text(v)).or_default() += 1);
            }
        }
        for (count, n) in counts.iter().zip([n, n, n, n / 4]) {
            let expected = n / 8;
            let fair = expected * 9 / 10..expected * 11 / 10;
            assert!(cfg!(miri) || count.len() == 8 && count.values().all(|c| fair.contains(c)), "{count:?}");
        }
    }
}

#[test]
fn few_of_many_are_drawn_without_repetition() {
    let n = if cfg!(miri) { 300 } else { 30_000 };
    let mut set = ints(0..n);
    set.add(b"text", USUAL);
    let mut drawn = Model::new();
    set.draw_distinct(n as usize / 6, &mut Rng::new(4), |v| assert!(drawn.insert(text(v))));
    assert_eq!(drawn.len(), n as usize / 6);
}

#[test]
fn bytes_are_counted() {
    let before = memory::used_by_thread();
    let mut set = Set::for_members(b"member", 1, USUAL);
    for i in 0..20_000 {
        set.add(format!("member:{i:09}").as_bytes(), USUAL);
        if i % 1000 == 0 && cfg!(not(miri)) {
            let used = (memory::used_by_thread() - before) as usize;
            assert!(used.abs_diff(set.allocated()) <= used / 50 + 64, "{used} and {}", set.allocated());
        }
        if cfg!(miri) && i == 300 {
            break;
        }
    }
    if cfg!(not(miri)) {
        assert!(set.allocated() / set.len() <= 36, "{} bytes each", set.allocated() / set.len());
    }
    assert_eq!(set.effort(), set.len());
    let mut copy = set.duplicate();
    assert_eq!((copy.len(), copy.allocated()), (set.len(), set.allocated()));
    set.for_each(|v| assert!(copy.remove(&text(v))));
    assert!(copy.is_empty() && !set.is_empty());
    drop(copy);
    let mut rng = Rng::new(1);
    while set.pop(&mut rng, |_| {}) {}
    assert!(set.is_empty() && set.allocated() < 256);
    drop(set);
    assert!(cfg!(miri) || memory::used_by_thread() == before);
}

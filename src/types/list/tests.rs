//! The list against a deque of texts, with small limits and depths; where it turns from one encoding into the other and
//! how its nodes are cut, against what the reference does; memory.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::base::num::NumBuf;
use crate::base::rng::Rng;

type Text = Vec<u8>;

fn text(value: Value<'_>) -> Text {
    value.bytes(&mut NumBuf::new()).to_vec()
}

fn texts(list: &List, from: usize, n: usize, to: End) -> Vec<Text> {
    let mut all = Vec::new();
    list.range(from, n, to, |value| all.push(text(value)));
    all
}

fn counts(list: &List) -> Vec<i64> {
    match list {
        List::Packed(_) => Vec::new(),
        List::Nodes(nodes) => nodes.check(),
    }
}

fn same(list: &List, model: &VecDeque<Text>) {
    let n = model.len();
    assert_eq!((list.len(), list.is_empty()), (n, n == 0));
    assert!(texts(list, 0, n, End::Back).iter().eq(model));
    assert!(texts(list, n.saturating_sub(1), n, End::Front).iter().eq(model.iter().rev()));
    counts(list);
    let mut visited = Vec::new();
    list.visit(&mut |parts| visited.push(parts[0].to_vec()));
    assert!(visited.iter().eq(model));
}

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<Text>),
    Pop(End),
    Get(usize),
    Set(usize, Text),
    Insert(Side, usize, Text),
    Remove(usize, usize, End),
    RemoveRange(usize, usize),
    Walk(usize, usize, End),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Front), Just(End::Back)]
}

fn value() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => (0i64..12).prop_map(|i| i.to_string().into_bytes()),
        3 => proptest::collection::vec(b'a'..b'd', 0..20),
        2 => (1usize..90).prop_map(|n| vec![b'x'; n]),
        1 => (40usize..80, any::<u64>()).prop_map(|(n, seed)| noise(n, seed)),
    ]
}

/// Bytes that do not compress.
fn noise(n: usize, seed: u64) -> Text {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| rng.below(256) as u8).collect()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (end(), proptest::collection::vec(value(), 1..6)).prop_map(|(e, v)| Step::Push(e, v)),
        3 => end().prop_map(Step::Pop),
        1 => any::<usize>().prop_map(Step::Get),
        3 => (any::<usize>(), value()).prop_map(|(i, v)| Step::Set(i, v)),
        3 => (any::<bool>(), any::<usize>(), value()).prop_map(|(before, i, v)| {
            Step::Insert(if before { Side::Before } else { Side::After }, i, v)
        }),
        2 => (any::<usize>(), prop_oneof![Just(usize::MAX), 1usize..4], end())
            .prop_map(|(i, n, e)| Step::Remove(i, n, e)),
        2 => (any::<usize>(), 0usize..12).prop_map(|(i, n)| Step::RemoveRange(i, n)),
        1 => (any::<usize>(), 1usize..30, end()).prop_map(|(i, n, e)| Step::Walk(i, n, e)),
    ]
}

fn run(list: &mut List, model: &mut VecDeque<Text>, step: Step, limits: ListLimits) {
    let pick = |model: &VecDeque<Text>, i: usize| i % (model.len() + 1);
    match step {
        Step::Push(end, values) => {
            list.grow(values.len(), values.iter().map(|v| v.len()).sum(), limits);
            for v in values {
                list.push(end, &v, limits);
                match end {
                    End::Front => model.push_front(v),
                    End::Back => model.push_back(v),
                }
            }
        }
        Step::Pop(end) => {
            let popped = match end {
                End::Front => model.pop_front(),
                End::Back => model.pop_back(),
            };
            assert_eq!(list.pop(end, text), popped);
        }
        Step::Get(i) => {
            let i = pick(model, i);
            assert_eq!(list.get(i, text).as_ref(), model.get(i));
        }
        Step::Set(i, v) => {
            let i = pick(model, i);
            list.grow(1, v.len(), limits);
            assert_eq!(list.set(i, &v, limits), i < model.len());
            if let Some(place) = model.get_mut(i) {
                *place = v;
            }
        }
        Step::Insert(side, i, v) => {
            list.grow(1, v.len(), limits);
            let pivot = model.get(pick(model, i)).cloned().unwrap_or(b"none of them".to_vec());
            let found = model.iter().position(|v| *v == pivot);
            assert_eq!(list.insert(side, &pivot, &v, limits), found.is_some());
            if let Some(i) = found {
                model.insert(i + usize::from(side == Side::After), v);
            }
        }
        Step::Remove(i, most, from) => {
            let v = model.get(pick(model, i)).cloned().unwrap_or_default();
            let mut found: Vec<usize> = (0..model.len()).filter(|i| model[*i] == v).collect();
            if from == End::Back {
                found.reverse();
            }
            found.truncate(most);
            assert_eq!(list.remove(&v, most, from), found.len());
            found.sort();
            found.iter().rev().for_each(|i| drop(model.remove(*i)));
        }
        Step::RemoveRange(i, n) => {
            let i = pick(model, i);
            list.remove_range(i, n);
            model.drain(i..(i + n).min(model.len()));
        }
        Step::Walk(i, n, to) => {
            let i = pick(model, i);
            let expected: Vec<Text> = match to {
                End::Back => model.iter().skip(i).take(n).cloned().collect(),
                End::Front => model.iter().take(i + 1).rev().take(n).cloned().collect(),
            };
            if i < model.len() {
                assert_eq!(texts(list, i, n, to), expected);
            } else {
                assert!(list.walk(i, to, |_| ControlFlow::Break(())).is_none());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 600 }, failure_persistence: None, ..Default::default()
    })]

    #[test]
    fn it_is_a_deque(
        steps in proptest::collection::vec(step(), 0..60),
        size in prop_oneof![Just(-1i64), 0i64..8, Just(40)],
        depth in 0usize..3,
        plain in prop_oneof![Just(0usize), 10usize..60],
        shrinks: bool,
    ) {
        let limits = ListLimits { size, depth, plain };
        let (mut list, mut model) = (List::new(), VecDeque::new());
        for step in steps {
            run(&mut list, &mut model, step, limits);
            if shrinks && !list.is_empty() {
                list.shrink(limits);
            }
            same(&list, &model);
        }
        let copy = list.duplicate();
        list.settle(limits);
        same(&list, &model);
        same(&copy, &model);
    }
}

fn filled(n: usize, limits: ListLimits) -> List {
    let mut list = List::new();
    for i in 0..n {
        let value = i.to_string();
        list.grow(1, value.len(), limits);
        list.push(End::Back, value.as_bytes(), limits);
    }
    list
}

#[test]
fn the_encoding_changes_where_the_reference_s_does() {
    let limits = ListLimits { size: 4, ..ListLimits::default() };
    let mut list = filled(4, limits);
    assert_eq!(list.encoding(), "listpack");
    list.grow(1, 1, limits);
    list.push(End::Front, b"-", limits);
    assert_eq!((list.encoding(), counts(&list)), ("quicklist", vec![1, 4]));
    list.remove_range(0, 1);
    list.shrink(limits);
    assert_eq!((list.encoding(), counts(&list)), ("quicklist", vec![4]), "one node, above the half");
    list.pop(End::Back, |_| ());
    list.shrink(limits);
    assert_eq!(list.encoding(), "quicklist");
    list.pop(End::Back, |_| ());
    list.shrink(limits);
    assert_eq!((list.encoding(), list.len()), ("listpack", 2));
    // By bytes: what is added counts without its overhead.
    let limits = ListLimits { size: -1, ..limits };
    let mut list = List::new();
    list.grow(1, 4089, limits);
    assert_eq!(list.encoding(), "listpack");
    list.grow(1, 4090, limits);
    assert_eq!((list.encoding(), list.is_empty()), ("quicklist", true));
    // A number of elements does not allow more than the safe size.
    let mut list = filled(1, ListLimits { size: 1000, ..limits });
    list.grow(1, 8183, ListLimits { size: 1000, ..limits });
    assert_eq!(list.encoding(), "listpack");
    list.grow(1, 8184, ListLimits { size: 1000, ..limits });
    assert_eq!(list.encoding(), "quicklist");
    // With one element for each node it never shrinks.
    let limits = ListLimits { size: 0, ..limits };
    let mut list = filled(3, limits);
    assert_eq!(counts(&list), [1, 1, 1]);
    list.remove_range(0, 2);
    list.shrink(limits);
    assert_eq!(list.encoding(), "quicklist");
    list.settle(limits);
    assert_eq!(list.encoding(), "listpack");
}

#[test]
fn nodes_are_cut_and_joined_as_in_the_reference() {
    let limits = ListLimits { size: 4, ..ListLimits::default() };
    let with = |f: &dyn Fn(&mut List)| {
        let mut list = filled(12, limits);
        f(&mut list);
        let all = texts(&list, 0, list.len(), End::Back);
        (counts(&list), String::from_utf8(all.join(&b' ')).unwrap())
    };
    assert_eq!(with(&|_| ()).0, [4, 4, 4]);
    let insert =
        |side, pivot: &'static str| with(&move |l| assert!(l.insert(side, pivot.as_bytes(), b"x", limits)));
    assert_eq!(insert(Side::After, "5"), (vec![4, 2, 3, 4], "0 1 2 3 4 5 x 6 7 8 9 10 11".into()));
    assert_eq!(insert(Side::Before, "5"), (vec![4, 2, 3, 4], "0 1 2 3 4 x 5 6 7 8 9 10 11".into()));
    assert_eq!(insert(Side::After, "7"), (vec![4, 4, 1, 4], "0 1 2 3 4 5 6 7 x 8 9 10 11".into()));
    assert_eq!(insert(Side::Before, "4"), (vec![4, 1, 4, 4], "0 1 2 3 x 4 5 6 7 8 9 10 11".into()));
    // A neighbour with room takes it; nodes that were cut are joined with what has room.
    let (nodes, all) = with(&|l| {
        l.remove_range(8, 2);
        assert!(l.insert(Side::After, b"7", b"x", limits));
        assert!(l.insert(Side::After, b"4", b"y", limits));
        assert!(l.insert(Side::Before, b"1", b"z", limits));
    });
    assert_eq!((nodes, all.as_str()), (vec![2, 4, 4, 3], "0 z 1 2 3 4 y 5 6 7 x 10 11"));
    // Long elements stand alone, and cut the node they fall into.
    let limits = ListLimits { plain: 5, ..limits };
    let mut list = filled(12, limits);
    assert!(list.set(5, b"longer", limits));
    assert_eq!(counts(&list), [4, 1, 1, 2, 4]);
    assert!(list.set(5, b"other one", limits));
    assert!(list.insert(Side::Before, b"9", b"and this", limits));
    assert_eq!(counts(&list), [4, 1, 1, 2, 1, 1, 3]);
    assert!(list.set(5, b"sh", limits));
    assert_eq!(counts(&list), [4, 1, 3, 1, 1, 3], "into the one in front of which it stood");
}

#[test]
fn nodes_far_from_both_ends_are_compressed() {
    let limits = ListLimits { size: 20, depth: 1, plain: 0 };
    let mut list = List::new();
    for i in 0..100 {
        let value = format!("the same long text {}", i % 3);
        list.grow(1, value.len(), limits);
        list.push(End::Back, value.as_bytes(), limits);
    }
    assert_eq!(counts(&list), [20, -20, -20, -20, 20]);
    let all = texts(&list, 0, 100, End::Back);
    assert_eq!(list.get(50, text), Some(b"the same long text 2".to_vec()));
    list.set(50, b"another", limits);
    assert_eq!(counts(&list), [20, -20, -20, -20, 20]);
    list.set(50, &all[50], limits);
    assert_eq!(texts(&list, 0, 100, End::Back), all);
    list.remove_range(0, 25);
    assert_eq!(counts(&list), [15, -20, -20, 20]);
    list.remove_range(40, 40);
    assert_eq!(counts(&list), [15, -20, 5]);
    list.remove_range(0, 16);
    assert_eq!(counts(&list), [19, 5]);
}

#[test]
fn a_node_that_grows_by_replacing_is_cut() {
    let limits = ListLimits::default();
    let mut list = filled(3000, limits);
    let long = vec![b'x'; 8000];
    (0..3000).for_each(|i| assert!(list.set(i, &long, limits)));
    assert_eq!((list.len(), counts(&list).iter().all(|n| *n < 300)), (3000, true));
}

/// At most 20 bytes for an element of 10 bytes, and the counter says what is really allocated.
#[test]
#[cfg_attr(miri, ignore)]
fn memory_is_small_and_counted() {
    use crate::sys::memory::used_by_thread;
    let limits = ListLimits::default();
    for n in [500, 2000, 100_000] {
        let before = used_by_thread();
        let mut list = List::new();
        for i in 0..n {
            let value = format!("element{:03}", i % 1000);
            list.grow(1, value.len(), limits);
            list.push(End::Back, value.as_bytes(), limits);
        }
        let taken = (used_by_thread() - before) as usize;
        assert_eq!(list.allocated(), taken, "{n}");
        assert!(taken < 17 * n, "{n}: {taken}");
        list.remove_range(0, n - 2000.min(n));
        assert!(list.allocated() < 20 * 2000 + 200);
    }
}

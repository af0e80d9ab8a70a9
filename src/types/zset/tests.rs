//! Sorted sets in both encodings against a sorted `Vec`; the encodings' limits; ranges of every kind.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::base::rng::Rng;

const PLAIN: AddRule = AddRule { nx: false, xx: false, gt: false, lt: false, incr: false };
const LIMITS: ZsetLimits = ZsetLimits { packed: 128, packed_value: 64 };

fn set(members: &[(&str, f64)], limits: ZsetLimits) -> Zset {
    let mut zset = Zset::for_members(0, 0, limits);
    for (m, score) in members {
        zset.add(m.as_bytes(), *score, PLAIN, limits);
    }
    zset
}

fn texts(iter: Iter<'_>) -> Vec<(String, f64)> {
    let text = |v: Value<'_>| String::from_utf8_lossy(v.bytes(&mut NumBuf::new())).into_owned();
    iter.map(|(m, score)| (text(m), score)).collect()
}

/// As text: `a:1 b:2`.
fn shown(zset: &Zset) -> String {
    texts(zset.iter()).iter().map(|(m, score)| format!("{m}:{score}")).collect::<Vec<_>>().join(" ")
}

/// The same members in both encodings.
fn both(members: &[(&str, f64)]) -> [Zset; 2] {
    [set(members, LIMITS), set(members, ZsetLimits { packed: 0, ..LIMITS })]
}

fn same_bits(a: Added, b: Added) -> bool {
    let zero = |added| match added {
        Added::New(s) => Added::New(s + 0.0),
        Added::Changed(s) => Added::Changed(s + 0.0),
        Added::Same(s) => Added::Same(s + 0.0),
        other => other,
    };
    format!("{:?}", zero(a)) == format!("{:?}", zero(b))
}

#[test]
fn rules_of_adding() {
    let rule = |text: &str| AddRule {
        nx: text.contains("nx"),
        xx: text.contains("xx"),
        gt: text.contains("gt"),
        lt: text.contains("lt"),
        incr: text.contains("incr"),
    };
    let inf = f64::INFINITY;
    for mut zset in both(&[("a", 5.0), ("i", inf)]) {
        for (member, rules, score, expected, after) in [
            ("a", "nx", 7.0, Added::Refused, Some(5.0)),
            ("b", "xx", 7.0, Added::Refused, None),
            ("b", "xx incr", 7.0, Added::Refused, None),
            ("a", "gt", 4.0, Added::Refused, Some(5.0)),
            ("a", "gt", 5.0, Added::Refused, Some(5.0)),
            ("a", "gt", 6.0, Added::Changed(6.0), Some(6.0)),
            ("a", "lt", 6.0, Added::Refused, Some(6.0)),
            ("a", "lt", 5.0, Added::Changed(5.0), Some(5.0)),
            ("a", "xx", 5.0, Added::Same(5.0), Some(5.0)),
            ("a", "incr", 1.5, Added::Changed(6.5), Some(6.5)),
            ("a", "incr", 0.0, Added::Same(6.5), Some(6.5)),
            ("a", "lt incr", 1.0, Added::Refused, Some(6.5)),
            ("a", "gt incr xx", 1.0, Added::Changed(7.5), Some(7.5)),
            ("b", "gt", -1.0, Added::New(-1.0), Some(-1.0)),
            ("c", "nx incr", 3.0, Added::New(3.0), Some(3.0)),
            ("i", "incr", -inf, Added::NotNumber, Some(inf)),
            ("i", "nx incr", -inf, Added::Refused, Some(inf)),
        ] {
            let added = zset.add(member.as_bytes(), score, rule(rules), LIMITS);
            assert_eq!((added, zset.score(member.as_bytes())), (expected, after), "{member} {rules} {score}");
        }
        assert_eq!(shown(&zset), "b:-1 c:3 a:7.5 i:inf");
    }
}

#[test]
fn encodings_change_where_the_reference_changes_them() {
    let limits = ZsetLimits { packed: 3, packed_value: 4 };
    let mut zset = set(&[("a", 1.0), ("b", 2.0), ("c", 3.0)], limits);
    assert_eq!(zset.encoding(), "listpack");
    zset.add(b"a", 9.0, PLAIN, limits);
    zset.add(b"long", 9.0, AddRule { xx: true, ..PLAIN }, limits);
    assert_eq!((zset.encoding(), zset.len()), ("listpack", 3));
    zset.add(b"d", 1.0, PLAIN, limits);
    assert_eq!((zset.encoding(), &*shown(&zset)), ("skiplist", "d:1 b:2 c:3 a:9"));
    zset.remove_range(1..4);
    assert_eq!(zset.encoding(), "skiplist");
    // By length, and by what is announced.
    assert_eq!(set(&[("1234", 1.0)], limits).encoding(), "listpack");
    assert_eq!(set(&[("12345", 1.0)], limits).encoding(), "skiplist");
    for (n, longest, encoding) in [(3, 4, "listpack"), (4, 1, "skiplist"), (1, 5, "skiplist")] {
        assert_eq!(Zset::for_members(n, longest, limits).encoding(), encoding);
    }
    // What is stored whole.
    for (members, encoding) in
        [(&["a", "bc"][..], "listpack"), (&["12345"], "skiplist"), (&["a", "b", "c", "d"], "skiplist")]
    {
        let members = members.iter().map(|m| (Value::Bytes(m.as_bytes()), 1.0));
        assert_eq!(Zset::of_sorted(members, limits).encoding(), encoding);
    }
}

#[test]
fn a_listpack_is_what_the_reference_writes() {
    let inf = f64::INFINITY;
    let zset = set(&[("12", -0.0), ("a", 1.5), ("b", -inf), ("c", 1e22), ("d", 4e18)], LIMITS);
    let Zset::Packed(pack) = &zset else { panic!("a listpack") };
    let values: Vec<Value<'_>> = pack.iter().collect();
    use Value::{Bytes, Int};
    assert_eq!(
        values,
        [
            Bytes(b"b"),
            Bytes(b"-inf"),
            Int(12),
            Int(0),
            Bytes(b"a"),
            Bytes(b"1.5"),
            Bytes(b"d"),
            Int(4_000_000_000_000_000_000),
            Bytes(b"c"),
            Bytes(b"1e+22"),
        ]
    );
    assert!(zset.score(b"12").is_some_and(|s| s.is_sign_positive()));
    // A tree keeps the sign.
    let tree = set(&[("12", -0.0)], ZsetLimits { packed: 0, ..LIMITS });
    assert!(tree.score(b"12").is_some_and(|s| s.is_sign_negative()));
}

#[test]
fn listpacks_from_outside() {
    let pack = |parts: &[&str]| {
        let mut pack = Listpack::new();
        parts.iter().for_each(|p| pack.push_back(p.as_bytes()));
        Zset::from_listpack(pack)
    };
    assert!(pack(&["a"]).is_err());
    assert!(pack(&["a", "nan"]).is_err());
    assert!(pack(&["a", "x"]).is_err());
    for (parts, sorted) in [
        (&["a", "1", "b", "1.5"][..], true),
        (&["a", "1", "b", "1"], true),
        (&["b", "1", "a", "1"], false),
        (&["a", "1", "a", "1"], false),
        (&["a", "2", "b", "1"], false),
        (&[], true),
    ] {
        let zset = pack(parts).unwrap();
        assert_eq!(zset.is_sorted(), sorted, "{parts:?}");
        // Whatever it holds, it can be turned into a tree.
        let mut zset = zset;
        zset.prepare_for(1000, 0, LIMITS);
        let distinct: BTreeSet<_> = parts.chunks(2).map(|p| p[0]).collect();
        assert_eq!(zset.len(), distinct.len());
    }
}

#[test]
fn ranges_of_scores() {
    let inf = f64::INFINITY;
    for zset in both(&[("a", -inf), ("b", -1.0), ("c", 0.0), ("d", 0.0), ("e", 2.0), ("f", inf)]) {
        for (min, max, min_open, max_open, expected) in [
            (-inf, inf, false, false, 0..6),
            (-inf, inf, true, true, 1..5),
            (0.0, 0.0, false, false, 2..4),
            (-0.0, -0.0, false, false, 2..4),
            (0.0, 0.0, true, false, 4..4),
            (0.0, 0.0, false, true, 2..2),
            (0.0, 2.0, true, true, 4..4),
            (2.0, 0.0, false, false, 4..4),
            (3.0, 4.0, false, false, 5..5),
            (inf, inf, false, false, 5..6),
        ] {
            let range = ScoreRange { min, max, min_open, max_open };
            assert_eq!(zset.ranks_of_scores(&range), expected, "{range:?}");
        }
    }
}

#[test]
fn ranges_of_members() {
    use LexEnd::{Closed, First, Last, Open};
    for zset in both(&[("a", 0.0), ("b", 0.0), ("c", 0.0), ("10", 0.0)]) {
        for (min, max, expected) in [
            (First, Last, Some(0..4)),
            (Last, First, None),
            (First, First, None),
            (Last, Last, None),
            (Closed(&b"a"[..]), Closed(&b"b"[..]), Some(1..3)),
            (Open(b"a"), Closed(b"b"), Some(2..3)),
            (Closed(b"a"), Open(b"b"), Some(1..2)),
            (Open(b"a"), Open(b"b"), None),
            (Closed(b"b"), Closed(b"a"), None),
            (Closed(b"b"), Closed(b"b"), Some(2..3)),
            (Open(b"b"), Closed(b"b"), None),
            (First, Closed(b"1"), None),
            (First, Open(b"aa"), Some(0..2)),
            (Closed(b"bb"), Last, Some(3..4)),
            (Open(b"c"), Last, None),
        ] {
            for reverse in [false, true] {
                let found = zset.ranks_of_members(&LexRange { min, max }, reverse);
                assert_eq!(Some(found).filter(|r| !r.is_empty()), expected, "{min:?} {max:?}");
            }
        }
    }
    // With several scores a listpack answers as the reference does: by where a walk begins and ends.
    let zset = set(&[("m", 1.0), ("a", 2.0), ("z", 3.0), ("b", 4.0)], LIMITS);
    let range = LexRange { min: Closed(b"a"), max: Closed(b"n") };
    assert_eq!(zset.ranks_of_members(&range, false), 0..2);
    assert_eq!(zset.ranks_of_members(&range, true), 0..4);
}

#[test]
fn draws() {
    let names: Vec<String> = (0..100).map(|i| format!("m{i}")).collect();
    let members: Vec<(&str, f64)> = names.iter().zip(0..).map(|(m, i)| (&**m, f64::from(i))).collect();
    let mut rng = Rng::new(3);
    assert!(Zset::for_members(0, 0, LIMITS).random(&mut rng).is_none());
    for zset in both(&members) {
        for count in [0, 1, 5, 20, 50, 99, 100, 1000] {
            let mut given = Vec::new();
            zset.draw_distinct(count, &mut rng, |m, score| {
                given.push((m.bytes(&mut NumBuf::new()).to_vec(), score));
            });
            assert_eq!(given.len(), count.min(100));
            assert!(given.iter().all(|(m, score)| zset.score(m) == Some(*score)));
            let distinct: BTreeSet<_> = given.into_iter().map(|g| g.0).collect();
            assert_eq!(distinct.len(), count.min(100));
            let mut drawn = 0;
            zset.draw(count, &mut rng, |_, _| drawn += 1);
            assert_eq!(drawn, count);
        }
        // Every member about as often as any other.
        let mut times = [0u32; 100];
        for _ in 0..200 {
            zset.draw_distinct(30, &mut rng, |_, score| times[score as usize] += 1);
            zset.draw(20, &mut rng, |_, score| times[score as usize] += 1);
        }
        assert!(times.iter().all(|t| (50..160).contains(t)), "{times:?}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8, i8, u8),
    Remove(u8),
    RemoveRange(u8, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<u8>(), any::<i8>(), any::<u8>()).prop_map(|(m, s, rule)| Step::Add(m, s, rule)),
        2 => any::<u8>().prop_map(Step::Remove),
        1 => (any::<u8>(), 0..20u8).prop_map(|(a, n)| Step::RemoveRange(a, n)),
    ];
    prop::collection::vec(step, 1..if cfg!(miri) { 40 } else { 300 })
}

fn name(m: u8) -> Vec<u8> {
    if m.is_multiple_of(3) {
        vec![b'x'; m as usize / 16]
    } else {
        (i64::from(m) - 100).to_string().into_bytes()
    }
}

fn scored(s: i8) -> f64 {
    match s {
        i8::MIN => f64::NEG_INFINITY,
        i8::MAX => f64::INFINITY,
        s if s % 3 == 0 => f64::from(s) / 8.0,
        s => f64::from(s % 8),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 64 },
        failure_persistence: None,
        ..Default::default()
    })]
    #[test]
    fn equals_a_map(steps in steps(), packed in 0usize..80) {
        let limits = ZsetLimits { packed, packed_value: 12 };
        let mut zset = Zset::for_members(0, 0, limits);
        let mut model: BTreeMap<Vec<u8>, f64> = BTreeMap::new();
        for step in &steps {
            let mut sorted: Vec<_> = model.iter().map(|(m, s)| (*s, m.clone())).collect();
            sorted.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
            match *step {
                Step::Add(m, s, r) => {
                    let bit = |i: u8| r >> i & 1 == 1;
                    let rule = AddRule {
                        nx: r % 7 == 0,
                        xx: r % 5 == 0,
                        gt: bit(3) && bit(5),
                        lt: bit(4) && bit(6),
                        incr: bit(7),
                    };
                    let (m, s) = (name(m), scored(s));
                    let added = zset.add(&m, s, rule, limits);
                    let expected = rule.apply(model.get(&m).copied(), s);
                    prop_assert!(same_bits(added, expected), "{:?} {:?}", added, expected);
                    if let Added::New(s) | Added::Changed(s) = added {
                        model.insert(m, s);
                    }
                }
                Step::Remove(m) => prop_assert_eq!(zset.remove(&name(m)), model.remove(&name(m)).is_some()),
                Step::RemoveRange(a, n) => {
                    let from = a as usize % (sorted.len() + 1);
                    let to = (from + n as usize).min(sorted.len());
                    zset.remove_range(from..from + n as usize);
                    sorted[from..to].iter().for_each(|(_, m)| assert!(model.remove(m).is_some()));
                }
            }
            prop_assert_eq!(zset.len(), model.len());
        }
        let mut sorted: Vec<_> = model.iter().map(|(m, s)| (*s, m.clone())).collect();
        sorted.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        let pair = |(m, s): (Value<'_>, f64)| (s, m.bytes(&mut NumBuf::new()).to_vec());
        prop_assert_eq!(zset.iter().map(pair).collect::<Vec<_>>(), sorted.clone());
        prop_assert!(zset.is_sorted());
        let copy = zset.duplicate();
        prop_assert_eq!(copy.encoding(), zset.encoding());
        let len = sorted.len();
        for (a, z) in [(0, len), (len / 3, len / 2), (len / 2, len / 2), (len, len + 5), (1, usize::MAX)] {
            let part: Vec<_> = sorted.get(a.min(len)..z.min(len)).unwrap_or_default().to_vec();
            prop_assert_eq!(copy.range(a..z, false).map(pair).collect::<Vec<_>>(), part.clone());
            let back: Vec<_> = part.into_iter().rev().collect();
            prop_assert_eq!(copy.range(a..z, true).map(pair).collect::<Vec<_>>(), back);
        }
        for (i, (s, m)) in sorted.iter().enumerate() {
            prop_assert_eq!(zset.rank(m), Some((i, *s)));
        }
        let mut scanned = Vec::new();
        let mut cursor = 0;
        loop {
            cursor = zset.scan(cursor, 3, |m, s| scanned.push(pair((m, s))));
            if cursor == 0 {
                break;
            }
        }
        scanned.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        prop_assert_eq!(scanned, sorted);
    }
}

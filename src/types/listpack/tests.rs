//! The listpack against a plain vector of values, its bytes against the reference's, and any bytes at all.

use proptest::prelude::*;

use super::*;
use crate::base::num::NumBuf;
use crate::sys::memory::size_class;

type Text = Vec<u8>;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 6 } else { cases },
        failure_persistence: None,
        ..Default::default()
    }
}

/// The integers at which an encoding begins or ends.
const EDGES: &[i64] = &[
    0,
    127,
    -4096,
    4095,
    i16::MIN as i64,
    i16::MAX as i64,
    -0x80_0000,
    0x7f_ffff,
    i32::MIN as i64,
    i32::MAX as i64,
    i64::MIN,
    i64::MAX,
];

/// Lengths at which the head or the length behind changes.
const LENGTHS: &[usize] = &[0, 1, 61, 62, 63, 64, 125, 126, 127, 128, 4095, 4096, 16_376, 16_377, 16_380];

fn edge() -> impl Strategy<Value = i64> {
    (proptest::sample::select(EDGES.to_vec()), -2i64..=2).prop_map(|(e, d)| e.saturating_add(d))
}

fn value() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => (-20i64..300).prop_map(|i| i.to_string().into_bytes()),
        3 => edge().prop_map(|i| i.to_string().into_bytes()),
        2 => any::<i64>().prop_map(|i| i.to_string().into_bytes()),
        6 => proptest::collection::vec(any::<u8>(), 0..12),
        1 => proptest::sample::select(LENGTHS.to_vec()).prop_map(|n| vec![b'x'; n]),
        1 => proptest::sample::select(vec!["-0", "00", "+1", " 1", "1.0", "9223372036854775808", "-", "1e3"])
            .prop_map(|s| s.as_bytes().to_vec()),
    ]
}

fn text(value: Value<'_>) -> Text {
    value.bytes(&mut NumBuf::new()).to_vec()
}

fn texts(pack: &Listpack) -> Vec<Text> {
    pack.iter().map(text).collect()
}

/// Everything that can be asked, against the model.
fn same(pack: &Listpack, model: &[Text]) {
    assert_eq!(texts(pack), model);
    let mut backwards: Vec<Text> = pack.iter().rev().map(text).collect();
    backwards.reverse();
    assert_eq!(backwards, model);
    assert_eq!((pack.len(), pack.is_empty()), (model.len(), model.is_empty()));
    assert_eq!(pack.bytes(), pack.as_bytes().len());
    assert_eq!(pack.bytes(), HEAD + 1 + model.iter().map(|v| Listpack::entry_size(v)).sum::<usize>());
    assert_eq!(pack.allocated(), size_class(pack.bytes()));
    assert_eq!(Listpack::from_bytes(pack.as_bytes()).unwrap().as_bytes(), pack.as_bytes());
    let (mut front, mut back) = (pack.first(), pack.last());
    for (i, v) in model.iter().enumerate() {
        let mirror = &model[model.len() - 1 - i];
        assert_eq!((&text(pack.get(front.unwrap())), &text(pack.get(back.unwrap()))), (v, mirror));
        assert_eq!((pack.at(i as i64), pack.at(-1 - i as i64)), (front, back));
        assert_eq!(pack.iter_from(front.unwrap()).count(), model.len() - i);
        assert_eq!(pack.iter_to(front.unwrap()).count(), i + 1);
        front = pack.next(front.unwrap());
        back = pack.prev(back.unwrap());
    }
    assert_eq!((front, back, pack.at(model.len() as i64)), (None, None, None));
    assert_eq!((pack.at(i64::MIN), pack.at(i64::MAX), pack.at(-1 - model.len() as i64)), (None, None, None));
    let pairs: Vec<[Text; 2]> = pack.pairs().map(|(a, b)| [text(a), text(b)]).collect();
    assert!(pairs.iter().map(|p| &p[..]).eq(model.as_chunks::<2>().0.iter().map(|p| &p[..])));
}

#[derive(Clone, Debug)]
enum Step {
    Back(Text),
    Front(Text),
    Before(usize, Text),
    After(usize, Text),
    Replace(usize, Text),
    Remove(usize, usize),
    Split(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => value().prop_map(Step::Back),
        4 => value().prop_map(Step::Front),
        2 => (any::<usize>(), value()).prop_map(|(i, v)| Step::Before(i, v)),
        2 => (any::<usize>(), value()).prop_map(|(i, v)| Step::After(i, v)),
        3 => (any::<usize>(), value()).prop_map(|(i, v)| Step::Replace(i, v)),
        3 => (any::<usize>(), 0usize..4).prop_map(|(i, n)| Step::Remove(i, n)),
        1 => any::<usize>().prop_map(Step::Split),
    ]
}

/// The place that a change gave is that of the element it made, or of the one that followed.
fn run(pack: &mut Listpack, model: &mut Vec<Text>, step: Step) {
    let place = |pack: &Listpack, i: usize| pack.at(i as i64).unwrap();
    match step {
        Step::Back(v) => {
            match std::str::from_utf8(&v).ok().and_then(|s| s.parse().ok()) {
                Some(i) if num::text_len(i) == v.len() && v[0] != b'+' => pack.push_back_int(i),
                _ => pack.push_back(&v),
            }
            model.push(v);
        }
        Step::Front(v) => {
            pack.push_front(&v);
            model.insert(0, v);
        }
        _ if model.is_empty() => {}
        Step::Before(i, v) => {
            let i = i % model.len();
            let at = pack.insert_before(place(pack, i), &v);
            assert_eq!(at, place(pack, i));
            model.insert(i, v);
        }
        Step::After(i, v) => {
            let i = i % model.len();
            let at = pack.insert_after(place(pack, i), &v);
            assert_eq!(at, place(pack, i + 1));
            model.insert(i + 1, v);
        }
        Step::Replace(i, v) => {
            let i = i % model.len();
            let at = pack.replace(place(pack, i), &v);
            assert_eq!(at, place(pack, i));
            model[i] = v;
        }
        Step::Remove(i, n) => {
            let i = i % model.len();
            let next =
                if n == 1 { pack.remove(place(pack, i)) } else { pack.remove_range(place(pack, i), n) };
            model.drain(i..(i + n).min(model.len()));
            assert_eq!(next, pack.at(i as i64));
        }
        Step::Split(i) => {
            let i = i % model.len();
            let tail = pack.split_off(place(pack, i));
            same(&tail, &model[i..]);
            same(pack, &model[..i]);
            pack.append(&tail);
        }
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn it_is_a_list(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::new());
        for step in steps {
            run(&mut pack, &mut model, step);
            same(&pack, &model);
        }
        let copy = pack.clone();
        let pack = through_pointer(pack);
        same(&pack, &model);
        same(&copy, &model);
    }

    #[test]
    fn values_are_found(
        values in proptest::collection::vec(value(), 1..40),
        wanted in value(),
        from: usize,
        skip in 0usize..3,
    ) {
        let mut pack = Listpack::new();
        values.iter().for_each(|v| pack.push_back(v));
        let from = from % values.len();
        for wanted in values.iter().chain([&wanted]) {
            let found = (from..values.len()).step_by(skip + 1).find(|i| values[*i] == *wanted);
            let at = pack.find(pack.at(from as i64).unwrap(), wanted, skip);
            assert_eq!(at, found.and_then(|i| pack.at(i as i64)));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        values in proptest::collection::vec(value(), 0..12),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        raw in proptest::collection::vec(any::<u8>(), 0..40),
        cut: usize,
    ) {
        let mut pack = Listpack::new();
        values.iter().for_each(|v| pack.push_back(v));
        let mut bytes = pack.as_bytes().to_vec();
        for (at, to) in damage {
            let len = bytes.len();
            bytes[at % len] = to;
        }
        read_all(&bytes);
        read_all(&bytes[..cut % bytes.len()]);
        read_all(&raw);
        // Elements of any bytes in a right frame.
        let total = (HEAD + raw.len() + 1) as u32;
        read_all(&[&total.to_le_bytes()[..], &[255, 255], &raw, &[END]].concat());
    }
}

fn read_all(bytes: &[u8]) {
    if let Ok(mut pack) = Listpack::from_bytes(bytes) {
        let all = texts(&pack);
        assert_eq!(pack.iter().rev().count(), all.len());
        assert_eq!(pack.len(), all.len());
        if let (Some(first), Some(last)) = (pack.first(), all.last()) {
            let at = pack.find(first, last, 0).unwrap();
            assert_eq!(text(pack.get(at)), *last);
        }
        while let Some(at) = pack.last() {
            pack.remove(at);
        }
        assert_eq!(pack.bytes(), HEAD + 1);
    }
}

/// One element between head and end.
fn entry(value: &[u8]) -> Vec<u8> {
    let mut pack = Listpack::new();
    pack.push_back(value);
    pack.as_bytes()[HEAD..pack.bytes() - 1].to_vec()
}

#[test]
fn the_form_is_the_reference_s() {
    assert_eq!(Listpack::new().as_bytes(), [7, 0, 0, 0, 0, 0, 255]);
    let ints: [(i64, &[u8]); 13] = [
        (0, &[0, 1]),
        (127, &[127, 1]),
        (128, &[0xc0, 128, 2]),
        (4095, &[0xcf, 255, 2]),
        (-1, &[0xdf, 255, 2]),
        (-4096, &[0xd0, 0, 2]),
        (4096, &[0xf1, 0, 16, 3]),
        (-4097, &[0xf1, 255, 239, 3]),
        (32_768, &[0xf2, 0, 128, 0, 4]),
        (-8_388_608, &[0xf2, 0, 0, 128, 4]),
        (8_388_608, &[0xf3, 0, 0, 128, 0, 5]),
        (i32::MIN as i64, &[0xf3, 0, 0, 0, 128, 5]),
        (i32::MAX as i64 + 1, &[0xf4, 0, 0, 0, 128, 0, 0, 0, 0, 9]),
    ];
    for (value, bytes) in ints {
        assert_eq!(entry(value.to_string().as_bytes()), bytes, "{value}");
        let mut pack = Listpack::new();
        pack.push_back(b"x");
        pack.replace_int(pack.first().unwrap(), value);
        assert_eq!(pack.get(pack.first().unwrap()), Value::Int(value));
        let mut without_back = Vec::new();
        assert_eq!((put_int(&mut without_back, value), int_size(value)), (bytes.len(), bytes.len()));
        assert_eq!(decode(&without_back, 0), (Value::Int(value), without_back.len()));
    }
    assert_eq!(entry(b""), [0x80, 1]);
    assert_eq!(entry(b"01"), [0x82, b'0', b'1', 3]);
    let x = |n: usize| vec![b'x'; n];
    assert_eq!(entry(&x(63)), [&[0xbf][..], &x(63), &[64]].concat());
    assert_eq!(entry(&x(64)), [&[0xe0, 64][..], &x(64), &[66]].concat());
    assert_eq!(entry(&x(126)), [&[0xe0, 126][..], &x(126), &[1, 128]].concat());
    assert_eq!(entry(&x(4095)), [&[0xef, 255][..], &x(4095), &[32, 129]].concat());
    assert_eq!(entry(&x(4096)), [&[0xf0, 0, 16, 0, 0][..], &x(4096), &[32, 133]].concat());
}

#[test]
#[cfg_attr(miri, ignore)]
fn long_texts_and_many_elements() {
    for n in [16_378, 16_379, 2_097_146, 2_097_147] {
        let mut pack = Listpack::new();
        pack.push_back(&vec![b'x'; n]);
        pack.push_back(b"end");
        same(&pack, &[vec![b'x'; n], b"end".to_vec()]);
    }
    let mut pack = Listpack::new();
    (0..65_600i64).for_each(|i| pack.push_back_int(i & 7));
    assert_eq!((pack.as_bytes()[4..6].to_vec(), pack.len()), (vec![255, 255], 65_600));
    assert!(Listpack::from_bytes(pack.as_bytes()).is_ok());
    assert_eq!(pack.at(65_599), pack.last());
    pack.remove_range(pack.first().unwrap(), 65);
    assert_eq!((pack.count(), pack.len()), (None, 65_535));
    pack.replace(pack.first().unwrap(), b"9");
    assert_eq!(pack.count(), None);
    pack.remove(pack.last().unwrap());
    assert_eq!(pack.count(), Some(65_534), "known again");
    pack.push_back(b"1");
    assert_eq!((pack.count(), pack.len()), (None, 65_535));
}

#[test]
fn what_is_no_listpack_is_refused() {
    let mut pack = Listpack::new();
    ["a", "1", "1000", "100000"].iter().for_each(|v| pack.push_back(v.as_bytes()));
    pack.push_back(&[b'x'; 70]);
    let whole = pack.as_bytes().to_vec();
    assert!(Listpack::from_bytes(&whole).is_ok());
    for n in 0..whole.len() {
        assert!(Listpack::from_bytes(&whole[..n]).is_err(), "{n}");
    }
    let frame = |count: u8, entries: &[u8]| {
        let total = (HEAD + entries.len() + 1) as u8;
        Listpack::from_bytes(&[&[total, 0, 0, 0, count, 0], entries, &[END]].concat())
    };
    assert_eq!(frame(1, &[5, 1]).unwrap().get(At(6)), Value::Int(5));
    assert!(frame(2, &[5, 1]).is_err(), "the count");
    assert!(frame(1, &[5, 2]).is_err(), "the length behind");
    assert!(frame(1, &[5, 1, 0x81]).is_err(), "a length without its element");
    assert!(frame(1, &[0x85, b'a', 1]).is_err(), "a text beyond the end");
    assert!(frame(1, &[0xf0, 255, 255, 255, 255, 1]).is_err(), "a text far beyond the end");
    assert!(frame(1, &[0xf0, 1]).is_err(), "a head beyond the end");
    assert!(frame(1, &[0xff, 1]).is_err(), "an end in the middle");
    assert!((0xf5..0xff).all(|b| frame(1, &[b, 1]).is_err()), "unknown heads");
    // A small integer in a wide form, a text that could be an integer: odd, and yet what they say.
    let odd = frame(2, &[0xf1, 5, 0, 3, 0x81, b'7', 2]).unwrap();
    assert_eq!(texts(&odd), [b"5", b"7"]);
    assert_eq!(odd.find(At(6), b"7", 0), odd.last());
}

#[test]
fn it_says_what_fits() {
    let pack = Listpack::new();
    assert!(pack.fits(LISTPACK_MAX - 7) && !pack.fits(LISTPACK_MAX - 6) && !pack.fits(usize::MAX));
}

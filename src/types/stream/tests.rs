//! A stream against a plain list of entries, its nodes against their form as listpacks, and any bytes as a node.

use proptest::prelude::*;

use super::node::Node;
use super::*;
use crate::types::value::Value;

type Text = Vec<u8>;
type Model = Vec<(StreamId, Vec<(Text, Text)>)>;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 4 } else { cases },
        failure_persistence: None,
        ..Default::default()
    }
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        3 => "[ab]{0,2}".prop_map(String::into_bytes),
        2 => (-5000i64..5000).prop_map(|n| n.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => prop::sample::select(vec![62usize, 63, 64, 126, 130, 4094, 4096]).prop_map(|n| vec![b'x'; n]),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<(Text, Text)>> {
    let same = (text(), text()).prop_map(|(a, b)| vec![(b"a".to_vec(), a), (b"7".to_vec(), b)]);
    prop_oneof![3 => same, 1 => proptest::collection::vec((text(), text()), 1..4)]
}

#[derive(Clone, Debug)]
enum Step {
    /// Steps of milliseconds and sequence number behind the last id, and how many entries.
    Add(u64, u64, usize, Vec<(Text, Text)>),
    Delete(usize),
    MaxLen(u64, bool, u64),
    MinId(usize, u64, bool, u64),
    /// As XSETID: to the last entry there is.
    Lower,
    Copy,
}

fn step() -> impl Strategy<Value = Step> {
    let jump = prop_oneof![Just(0u64), 1u64..300, Just(70_000), Just(1 << 40)];
    prop_oneof![
        6 => (jump.clone(), jump, 1usize..12, pairs()).prop_map(|(ms, seq, n, p)| Step::Add(ms, seq, n, p)),
        4 => any::<usize>().prop_map(Step::Delete),
        1 => (0u64..40, any::<bool>(), 0u64..20).prop_map(|(n, a, l)| Step::MaxLen(n, a, l)),
        1 => (any::<usize>(), 0u64..3, any::<bool>(), 0u64..20).prop_map(|(i, d, a, l)| Step::MinId(i, d, a, l)),
        1 => Just(Step::Lower),
        1 => Just(Step::Copy),
    ]
}

fn borrowed(pairs: &[(Text, Text)]) -> impl Pairs<'_> {
    pairs.iter().map(|(name, value)| (&name[..], &value[..]))
}

fn owned(entry: &Entry<'_>) -> (StreamId, Vec<(Text, Text)>) {
    let text = |value: Value<'_>| value.bytes(&mut NumBuf::new()).to_vec();
    let pairs: Vec<_> = entry.pairs().map(|(name, value)| (text(name), text(value))).collect();
    assert_eq!(pairs.len(), entry.len());
    (entry.id, pairs)
}

/// Everything that can be asked, against the model.
fn same(stream: &Stream, model: &Model) {
    let all: Model = stream.forwards(StreamId::MIN, StreamId::MAX).map(|e| owned(&e)).collect();
    assert_eq!(&all, model);
    let mut back: Model = stream.backwards(StreamId::MIN, StreamId::MAX).map(|e| owned(&e)).collect();
    back.reverse();
    assert_eq!(&back, model);
    assert_eq!(stream.counts().len as usize, model.len());
    assert_eq!(stream.counts().first_id, model.first().map_or(StreamId::MIN, |(id, _)| *id));
    assert_eq!(stream.last(), model.last().map(|(id, _)| *id));
    let bytes: usize = stream.nodes.iter().map(|(_, node)| node.allocated()).sum();
    assert_eq!(stream.bytes, bytes);
    for (base, node) in stream.nodes.iter() {
        let (view, pack) = (node.view(base), node.view(base).listpack());
        assert_eq!(view.packed_bytes(), pack.bytes());
        let again = Node::from_listpack(base, &pack).unwrap();
        assert_eq!(again.view(base).listpack().as_bytes(), pack.as_bytes());
        assert!((0..view.len()).all(|i| view.below(view.id(i)) == i));
    }
}

/// From every id to every other, or some of them.
fn ranges(stream: &Stream, model: &Model) {
    let ids: Vec<StreamId> =
        model.iter().flat_map(|(id, _)| [id.prev(), Some(*id), id.next()]).flatten().collect();
    for from in ids.iter().step_by(1 + ids.len() / 12) {
        for to in ids.iter().step_by(1 + ids.len() / 12) {
            let expected = || model.iter().filter(|(id, _)| from <= id && id <= to).map(|(id, _)| *id);
            assert!(stream.forwards(*from, *to).map(|e| e.id).eq(expected()));
            assert!(stream.backwards(*from, *to).map(|e| e.id).eq(expected().rev()));
        }
        assert_eq!(stream.get(*from).is_some(), model.iter().any(|(id, _)| id == from));
    }
}

fn run(stream: &mut Stream, model: &mut Model, limits: StreamLimits, step: Step) {
    match step {
        Step::Add(ms, seq, n, pairs) => {
            for i in 0..n {
                let last = stream.counts().last_id;
                let id = StreamId::new(last.ms + ms, if ms > 0 { seq } else { last.seq + seq + 1 });
                // Now and then with other fields than those before.
                let pairs = if i % 5 == 4 { &pairs[..1] } else { &pairs };
                assert_eq!(stream.add(NewId::Whole(id), 0, borrowed(pairs), limits), Ok(id));
                model.push((id, pairs.to_vec()));
                assert_eq!(stream.add(NewId::Whole(id), 0, borrowed(pairs), limits), Err(NotAdded::Id));
            }
        }
        Step::Delete(i) => {
            let Some(i) = i.checked_rem(model.len()) else { return };
            let (id, _) = model.remove(i);
            assert_eq!(stream.delete([id, id].into_iter()), 1);
            assert!(stream.counts().max_deleted_id >= id);
        }
        Step::MaxLen(most, approximate, limit) => {
            let limit = if approximate { limit } else { 0 };
            let trim = Trim { to: TrimTo::MaxLen(most), approximate, limit, references: References::Keep };
            let gone = stream.trim(&trim).gone as usize;
            let exact = model.len().saturating_sub(most as usize);
            assert!(if approximate { gone <= exact } else { gone == exact });
            assert!(limit == 0 || gone <= limit as usize);
            model.drain(..gone);
        }
        Step::MinId(i, beyond, approximate, limit) => {
            let limit = if approximate { limit } else { 0 };
            let id = i.checked_rem(model.len()).map_or(stream.counts().last_id, |i| model[i].0);
            let least = StreamId::new(id.ms, id.seq + beyond);
            let trim = Trim { to: TrimTo::MinId(least), approximate, limit, references: References::Keep };
            let gone = stream.trim(&trim).gone as usize;
            let exact = model.iter().filter(|(id, _)| *id < least).count();
            assert!(if approximate { gone <= exact } else { gone == exact });
            model.drain(..gone);
        }
        Step::Lower => {
            let last = stream.last().unwrap_or(StreamId::new(1, 1));
            stream.set_counts(last, None, None);
        }
        Step::Copy => {
            let counts = *stream.counts();
            *stream = stream.duplicate();
            let log = Log::from_parts(stream.listpacks(), counts).unwrap();
            let copy = Stream::Log(Box::new(log));
            same(&copy, model);
            assert_eq!(*copy.counts(), counts);
            if model.len().is_multiple_of(2) {
                *stream = copy;
            }
        }
    }
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn it_is_a_list_of_entries(
        steps in proptest::collection::vec(step(), 0..30),
        bytes in prop::sample::select(vec![0usize, 60, 400, 4096]),
        entries in prop::sample::select(vec![0usize, 1, 3, 10, 100]),
    ) {
        let (mut stream, mut model) = (Stream::new(), Model::new());
        for step in steps {
            run(&mut stream, &mut model, StreamLimits { bytes, entries }, step);
            same(&stream, &model);
        }
        ranges(&stream, &model);
    }

    #[test]
    fn any_bytes_are_a_node_or_refused(
        step in proptest::collection::vec((1u64..5, pairs(), any::<bool>()), 1..10),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        ints in proptest::collection::vec(prop_oneof![-3i64..8, any::<i64>()], 0..20),
    ) {
        let mut node: Option<Node> = None;
        let base = StreamId::new(5, 5);
        for (i, (ms, pairs, dead)) in step.into_iter().enumerate() {
            let id = node.as_ref().map_or(base, |node| node.view(base).last_id());
            let id = StreamId::new(id.ms + ms, 3);
            match &mut node {
                None => node = Some(Node::new(base, borrowed(&pairs))),
                Some(node) => node.push(base, id, borrowed(&pairs)),
            }
            if let (true, Some(node)) = (dead, &mut node) {
                node.kill(base, i);
            }
        }
        let mut bytes = node.unwrap().view(base).listpack().as_bytes().to_vec();
        for (at, to) in damage {
            let len = bytes.len();
            bytes[at % len] = to;
        }
        if let Ok(pack) = Listpack::from_bytes(&bytes) {
            read_all(base, &pack);
        }
        // Numbers of all sizes where numbers are wanted.
        let mut pack = Listpack::new();
        ints.iter().for_each(|n| pack.push_back_int(*n));
        read_all(base, &pack);
    }
}

fn read_all(base: StreamId, pack: &Listpack) {
    let counts = Counts { last_id: StreamId::MAX, ..Counts::default() };
    let Ok(mut log) = Log::from_parts([(base, pack.clone())].into_iter(), counts) else { return };
    let ids: Vec<_> = log.forwards(StreamId::MIN, StreamId::MAX).map(|e| owned(&e).0).collect();
    assert!(ids.is_sorted_by(|a, b| a < b) && ids.len() as u64 == log.counts().len);
    assert_eq!(log.delete(ids.iter().copied()), ids.len());
}

#[test]
fn ids_that_are_left_to_the_stream() {
    let limits = StreamLimits { bytes: 4096, entries: 100 };
    let mut stream = Stream::new();
    let mut add = |wanted, now| stream.add(wanted, now, borrowed(&[(b"f".to_vec(), b"v".to_vec())]), limits);
    let id = |ms, seq| Ok(StreamId::new(ms, seq));
    assert_eq!(add(NewId::Ms(0), 5), id(0, 1));
    assert_eq!(add(NewId::Auto, 5), id(5, 0));
    assert_eq!(add(NewId::Auto, 5), id(5, 1));
    assert_eq!(add(NewId::Auto, 3), id(5, 2), "the clock went back");
    assert_eq!(add(NewId::Ms(5), 0), id(5, 3));
    assert_eq!(add(NewId::Ms(4), 0), Err(NotAdded::Id));
    assert_eq!(add(NewId::Whole(StreamId::new(5, u64::MAX)), 0), id(5, u64::MAX));
    assert_eq!(add(NewId::Ms(5), 0), Err(NotAdded::Id));
    assert_eq!(add(NewId::Auto, 5), id(6, 0));
    assert_eq!(add(NewId::Whole(StreamId::MAX), 0), Ok(StreamId::MAX));
    assert_eq!(add(NewId::Auto, 5), Err(NotAdded::Id));
}

#[test]
fn a_node_is_the_reference_s() {
    let mut stream = Stream::new();
    let limits = StreamLimits { bytes: 4096, entries: 100 };
    let pair = |a: &str, b: &str| (a.as_bytes().to_vec(), b.as_bytes().to_vec());
    for (ms, pairs) in [
        (1000, vec![pair("a", "1"), pair("b", "two")]),
        (1002, vec![pair("a", "300"), pair("b", "")]),
        (1003, vec![pair("c", "x")]),
    ] {
        let id = NewId::Whole(StreamId::new(ms, 5));
        stream.add(id, 0, borrowed(&pairs), limits).unwrap();
    }
    stream.delete([StreamId::new(1002, 5)].into_iter());
    let (base, pack) = stream.listpacks().next().unwrap();
    assert_eq!(base, StreamId::new(1000, 5));
    let mut digits = NumBuf::new();
    let shown: Vec<_> =
        pack.iter().map(|v| String::from_utf8_lossy(v.bytes(&mut digits)).into_owned()).collect();
    let expected = "2 1 2 a b 0  2 0 0 1 two 5  3 2 0 300 _ 5  0 3 0 1 c x 6";
    let expected: Vec<_> = expected.split_whitespace().map(|w| w.replace('_', "")).collect();
    assert_eq!(shown, expected);
}

#[test]
fn groups_keep_count() {
    let mut stream = Stream::new();
    let limits = StreamLimits { bytes: 4096, entries: 3 };
    let ids: Vec<StreamId> = (1..=8).map(|n| StreamId::new(n, 0)).collect();
    for id in &ids {
        stream.add(NewId::Whole(*id), 0, borrowed(&[(b"f".to_vec(), b"v".to_vec())]), limits).unwrap();
    }
    assert!(stream.add_group(b"g", Group::new(StreamId::MIN, UNKNOWN)));
    assert!(!stream.add_group(b"g", Group::new(StreamId::MIN, UNKNOWN)));
    let consumer = stream.group_mut(b"g").unwrap().add_consumer(b"c", 1);
    let mut given = Vec::new();
    assert_eq!(stream.deliver(b"g", consumer, 5, false, 9, |e| given.push(e.id)), 5);
    assert_eq!(given, ids[..5]);
    let group = stream.group(b"g").unwrap();
    assert_eq!((group.last_id, group.entries_read, stream.counts().lag(group)), (ids[4], 5, Some(3)));
    assert_eq!((group.pending().len(), group.consumer(consumer).active_ms), (5, 9));
    assert!(ids.iter().all(|id| stream.is_referenced(*id)));
    stream.release(ids[0]);
    let trim = |to, references| Trim { to, approximate: false, limit: 0, references };
    assert_eq!(
        stream.trim(&trim(TrimTo::MaxLen(2), References::Acked)).gone,
        1,
        "only what was acknowledged"
    );
    assert_eq!(stream.trim(&trim(TrimTo::MaxLen(5), References::Delete)).gone, 2);
    assert_eq!(stream.group(b"g").unwrap().pending().len(), 2);
    assert_eq!(stream.trim(&trim(TrimTo::MinId(ids[7]), References::Keep)).gone, 4);
    assert_eq!(stream.group(b"g").unwrap().pending().len(), 2);
    assert_eq!(stream.deliver(b"g", consumer, 0, true, 9, |_| ()), 1);
    assert_eq!(stream.group(b"g").unwrap().pending().len(), 2);
    assert_eq!(stream.counts().first_id, ids[7]);
    assert_eq!(stream.allocated(), stream.duplicate().allocated());
}

//! Entries against a plain struct.

use proptest::prelude::*;

use super::{cases, scaled};
use crate::keyspace::entry::{INLINE_MAX, Kind};
use crate::keyspace::heap::HeapStr;
use crate::keyspace::{Entry, NewValue, Value};
use crate::sys::memory;

#[derive(Clone, Debug, PartialEq)]
enum Stored {
    Bytes(Vec<u8>),
    Raw(Vec<u8>),
    Int(i64),
    Heap(Vec<u8>),
}

impl Stored {
    fn new_value(&self) -> NewValue<'_> {
        match self {
            Stored::Bytes(b) => NewValue::Bytes(b),
            Stored::Raw(b) => NewValue::Raw(b),
            Stored::Int(n) => NewValue::Int(*n),
            Stored::Heap(b) => NewValue::Heap(HeapStr::from_parts(&[b])),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Stored::Bytes(b) | Stored::Raw(b) | Stored::Heap(b) => Value::Bytes(b),
            Stored::Int(n) => Value::Int(*n),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Stored::Int(_) => Kind::Int,
            Stored::Heap(_) => Kind::Heap,
            Stored::Bytes(b) | Stored::Raw(b) if b.len() > INLINE_MAX => Kind::Heap,
            Stored::Bytes(_) => Kind::Inline,
            Stored::Raw(_) => Kind::InlineRaw,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Value(Stored),
    Expiry(Option<i64>),
    Key(Vec<u8>),
    Clock(u32),
    /// Grows the heap string, if it is one, as APPEND does.
    Append(Vec<u8>),
    /// Keeps a copy under another key: it must not change with the entry.
    Copy(Vec<u8>),
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    // Lengths around the limits of one-byte lengths and of the inline string more often than others.
    let len = prop_oneof![0usize..20, 250usize..262, 0usize..most];
    len.prop_flat_map(|n| prop::collection::vec(any::<u8>(), n))
}

fn stored() -> impl Strategy<Value = Stored> {
    prop_oneof![
        bytes(400).prop_map(Stored::Bytes),
        bytes(400).prop_map(Stored::Raw),
        any::<i64>().prop_map(Stored::Int),
        bytes(3000).prop_map(Stored::Heap),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => stored().prop_map(Step::Value),
        3 => any::<Option<i64>>().prop_map(Step::Expiry),
        1 => bytes(400).prop_map(Step::Key),
        1 => any::<u32>().prop_map(Step::Clock),
        1 => bytes(400).prop_map(Step::Append),
        1 => bytes(400).prop_map(Step::Copy),
    ]
}

#[derive(Clone, Debug)]
struct Model {
    key: Vec<u8>,
    stored: Stored,
    expiry: Option<i64>,
    clock: u32,
}

fn assert_same(e: &Entry, m: &Model) {
    let v = e.view();
    assert_eq!(v.key(), m.key);
    assert_eq!(v.value(), m.stored.value());
    assert_eq!(v.kind(), m.stored.kind());
    assert_eq!(v.expiry(), m.expiry);
    assert_eq!(v.clock(), m.clock & 0xff_ffff);
    assert_eq!(v.heap().is_some(), v.kind() == Kind::Heap);
    assert!(v.allocated() >= 6 + m.key.len());
}

proptest! {
    #![proptest_config(cases(200, 4))]
    #[test]
    fn equals_a_struct(
        key in bytes(400),
        first in stored(),
        expiry: Option<i64>,
        clock: u32,
        steps in prop::collection::vec(step(), 1..scaled(40, 10)),
    ) {
        let start = memory::used_by_thread();
        let mut model = Model { key, stored: first, expiry, clock };
        let mut held = memory::used_by_thread();
        let mut entry = Entry::new(&model.key, model.stored.new_value(), expiry, clock);
        let mut copies: Vec<(Entry, Model)> = Vec::new();
        for step in steps {
            match step {
                Step::Value(stored) => {
                    entry = entry.with_value(stored.new_value());
                    model.stored = stored;
                }
                Step::Expiry(expiry) => {
                    entry = entry.with_expiry(expiry);
                    model.expiry = expiry;
                }
                Step::Key(key) => {
                    entry = entry.with_key(&key);
                    model.key = key;
                }
                Step::Clock(clock) => {
                    entry.set_clock(clock);
                    model.clock = clock;
                }
                Step::Append(more) => {
                    if let Some(NewValue::Heap(mut heap)) = entry.take_pointee() {
                        heap.append(&more);
                        entry = entry.with_value(NewValue::Heap(heap));
                        let mut all = match model.stored.value() {
                            Value::Bytes(b) => b.to_vec(),
                            Value::Int(_) => unreachable!("not on the heap"),
                        };
                        all.extend(more);
                        model.stored = Stored::Heap(all);
                    }
                }
                Step::Copy(key) => {
                    copies.push((Entry::copy(entry.view(), &key), Model { key, ..model.clone() }));
                }
            }
            assert_same(&entry, &model);
            copies.iter().for_each(|(e, m)| assert_same(e, m));
        }
        drop((entry, copies));
        // Nothing is lost and nothing freed twice: the model alone is left, as big as it is.
        held = memory::used_by_thread() - held;
        drop(model);
        let left = memory::used_by_thread() - start;
        prop_assert!(left <= held.max(0), "{} bytes are left", left);
    }
}

#[test]
fn sizes() {
    // The design's target: a key of 16 bytes and a value of 10 take 32.
    let e = Entry::new(&[b'k'; 16], NewValue::Bytes(&[b'v'; 10]), None, 0);
    assert_eq!(e.view().allocated(), 32);
    let e = Entry::new(&[b'k'; 16], NewValue::Bytes(&[b'v'; 10]), Some(1), 0);
    assert_eq!(e.view().allocated(), 40);
    let e = Entry::new(b"", NewValue::Bytes(b""), None, 0);
    assert_eq!((e.view().key(), e.view().value()), (&b""[..], Value::Bytes(b"")));
}

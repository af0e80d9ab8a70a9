//! A set of integers in one block, sorted, each of the width that the widest of them needs: the intset of the reference
//! (redis/intset.h since 2.2), byte for byte, as it stands in RDB files of type 11.
//!
//! ```text
//! u32 LE  bytes of each integer: 2, 4 or 8
//! u32 LE  their number
//! .       the integers, LE, ascending
//! ```
//! The width grows with the first integer that needs it and never shrinks.
#![allow(unsafe_code)] // Only to pass the pointer on: `from_raw`, and the promise of `Format`.

use std::ptr::NonNull;

use super::Corrupt;
use super::block::{Block, Format};

const HEAD: usize = 8;

/// A sorted set of integers behind a thin pointer. See the head of this file.
#[derive(Clone)]
pub struct Intset(Block<Form>);

struct Form;

// SAFETY: the head holds width and number, and nothing else is looked at.
unsafe impl Format for Form {
    const HEAD: usize = HEAD;

    #[inline]
    fn total(head: &[u8]) -> usize {
        HEAD + word(head, 0) * word(head, 4)
    }
}

/// The number at `at` of the head.
#[inline]
fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}

fn head(width: usize, len: usize) -> [u8; HEAD] {
    let [a, b, c, d] = (width as u32).to_le_bytes();
    assert!(len <= u32::MAX as usize, "an intset of more than 2^32 integers");
    let [e, f, g, h] = (len as u32).to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// The least width that holds `value`.
#[inline]
fn width_of(value: i64) -> usize {
    if i64::from(value as i16) == value {
        2
    } else if i64::from(value as i32) == value {
        4
    } else {
        8
    }
}

/// The integer number `i` of `bytes`, each of `width` bytes.
#[inline]
fn read(bytes: &[u8], width: usize, i: usize) -> i64 {
    let at = HEAD + i * width;
    let b = &bytes[at..at + width];
    match *b {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("an intset of width {width}"),
    }
}

impl Intset {
    /// An empty one.
    pub fn new() -> Intset {
        Intset(Block::new(&head(2, 0)))
    }

    /// One in the reference's form. It must be whole, sorted, without doubles, and not empty.
    pub fn from_bytes(bytes: &[u8]) -> Result<Intset, Corrupt> {
        if bytes.len() <= HEAD {
            return Err(Corrupt);
        }
        let (width, len) = (word(bytes, 0), word(bytes, 4));
        if !matches!(width, 2 | 4 | 8) || len == 0 || HEAD + width * len != bytes.len() {
            return Err(Corrupt);
        }
        if (1..len).any(|i| read(bytes, width, i - 1) >= read(bytes, width, i)) {
            return Err(Corrupt);
        }
        Ok(Intset(Block::new(bytes)))
    }

    /// The whole in the reference's form.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    #[inline]
    fn width(&self) -> usize {
        word(self.0.bytes(), 0)
    }

    /// How many integers it has.
    #[inline]
    pub fn len(&self) -> usize {
        word(self.0.bytes(), 4)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that are allocated.
    pub fn allocated(&self) -> usize {
        self.0.allocated()
    }

    /// Where `value` is, or where it would be inserted.
    fn search(&self, value: i64) -> Result<usize, usize> {
        let bytes = self.0.bytes();
        let (width, len) = (word(bytes, 0), word(bytes, 4));
        // Ascending insertion is common: the end first.
        if len == 0 || read(bytes, width, len - 1) < value {
            return Err(len);
        }
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = low + (high - low) / 2;
            match read(bytes, width, middle).cmp(&value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Whether `value` is in it.
    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        width_of(value) <= self.width() && self.search(value).is_ok()
    }

    /// Adds `value`; whether it was new.
    pub fn add(&mut self, value: i64) -> bool {
        let (width, len) = (self.width(), self.len());
        if width_of(value) > width {
            self.widen(value);
            return true;
        }
        let Err(i) = self.search(value) else { return false };
        let head = head(width, len + 1);
        self.0.splice(HEAD + i * width, 0, [&value.to_le_bytes()[..width], &[], &[]], &head);
        true
    }

    /// Adds a value that is too wide, and so below or above all others.
    fn widen(&mut self, value: i64) {
        let width = width_of(value);
        let mut bytes = Vec::with_capacity(HEAD + (self.len() + 1) * width);
        bytes.extend_from_slice(&head(width, self.len() + 1));
        let mut put = |value: i64| bytes.extend_from_slice(&value.to_le_bytes()[..width]);
        if value < 0 {
            put(value);
        }
        self.iter().for_each(&mut put);
        if value >= 0 {
            put(value);
        }
        *self = Intset(Block::new(&bytes));
    }

    /// Removes `value`; whether it was there.
    pub fn remove(&mut self, value: i64) -> bool {
        let (width, len) = (self.width(), self.len());
        if width_of(value) > width {
            return false;
        }
        let Ok(i) = self.search(value) else { return false };
        self.0.splice(HEAD + i * width, width, [&[], &[], &[]], &head(width, len - 1));
        true
    }

    /// The integer number `i` in ascending order; `i` must be below `len`.
    #[inline]
    pub fn get(&self, i: usize) -> i64 {
        read(self.0.bytes(), self.width(), i)
    }

    /// All, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + Clone {
        let bytes = self.0.bytes();
        let width = word(bytes, 0);
        (0..self.len()).map(move |i| read(bytes, width, i))
    }

    /// Gives it up as a pointer.
    pub fn into_raw(self) -> NonNull<u8> {
        self.0.into_raw()
    }

    /// Takes it back.
    ///
    /// # Safety
    /// `raw` came from [`Intset::into_raw`], and each time only once.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> Intset {
        // SAFETY: the caller's promise.
        Intset(unsafe { Block::from_raw(raw) })
    }
}

impl Default for Intset {
    fn default() -> Intset {
        Intset::new()
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::sys::memory::size_class;

    /// Integers of all widths, and few enough that some come again.
    fn integers() -> impl Strategy<Value = i64> {
        let edges =
            [0, i16::MIN.into(), i16::MAX.into(), i32::MIN.into(), i32::MAX.into(), i64::MIN, i64::MAX];
        prop_oneof![
            4 => -20i64..20,
            1 => (proptest::sample::select(edges.to_vec()), -2i64..=2).prop_map(|(e, d)| e.saturating_add(d)),
        ]
    }

    fn same(set: &Intset, model: &BTreeSet<i64>) {
        assert!(set.iter().eq(model.iter().copied()));
        assert!(set.iter().rev().eq(model.iter().rev().copied()));
        assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
        assert_eq!(set.allocated(), size_class(set.as_bytes().len()));
        assert!(model.iter().enumerate().all(|(i, v)| set.get(i) == *v && set.contains(*v)));
        if !model.is_empty() {
            assert_eq!(Intset::from_bytes(set.as_bytes()).unwrap().as_bytes(), set.as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 8 } else { 300 }, failure_persistence: None, ..Default::default()
        })]

        #[test]
        fn it_is_a_sorted_set(steps in proptest::collection::vec((any::<bool>(), integers()), 0..120)) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            let mut widest = 2;
            for (add, value) in steps {
                assert_eq!(set.contains(value), model.contains(&value));
                if add {
                    assert_eq!(set.add(value), model.insert(value));
                    widest = widest.max(width_of(value));
                } else {
                    assert_eq!(set.remove(value), model.remove(&value));
                }
                same(&set, &model);
                assert_eq!(set.width(), widest, "the width never shrinks");
            }
            let copy = set.clone();
            // SAFETY: the pointer that was just given up.
            let set = unsafe { Intset::from_raw(set.into_raw()) };
            same(&set, &model);
            same(&copy, &model);
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..60),
            width in 0u8..10,
            len in 0u8..10,
        ) {
            if bytes.len() > HEAD {
                bytes[..HEAD].copy_from_slice(&[width, 0, 0, 0, len, 0, 0, 0]);
            }
            if let Ok(set) = Intset::from_bytes(&bytes) {
                let model: BTreeSet<i64> = set.iter().collect();
                assert_eq!(model.len(), len.into());
                same(&set, &model);
            }
        }
    }

    #[test]
    fn the_form_is_the_reference_s() {
        let mut set = Intset::new();
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 0, 0, 0, 0]);
        assert!(set.add(5) && set.add(-1) && !set.add(5));
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 255, 255, 5, 0]);
        assert!(set.add(65_536));
        assert_eq!(set.as_bytes()[..8], [4, 0, 0, 0, 3, 0, 0, 0]);
        assert!(set.add(i64::MIN));
        assert_eq!(set.iter().collect::<Vec<_>>(), [i64::MIN, -1, 5, 65_536]);
        assert!(!set.remove(7) && set.remove(i64::MIN) && set.width() == 8);
    }

    #[test]
    fn what_is_no_intset_is_refused() {
        let whole = [2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 5, 0];
        assert!(Intset::from_bytes(&whole).is_ok());
        for n in 0..whole.len() {
            assert!(Intset::from_bytes(&whole[..n]).is_err());
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = whole;
            bytes[at] = to;
            Intset::from_bytes(&bytes)
        };
        // Width, number, order, doubles.
        for (at, to) in [(0, 3), (0, 4), (4, 1), (4, 3), (7, 255), (3, 255), (8, 6), (8, 5)] {
            assert!(changed(at, to).is_err(), "{at} {to}");
        }
        assert!(Intset::from_bytes(&[2, 0, 0, 0, 0, 0, 0, 0]).is_err(), "an empty one is none");
    }
}

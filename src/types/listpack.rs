//! Small collections in one block: the listpack of the reference (the "Listpack specification" in redis/listpack.c,
//! since 5.0), byte for byte, as it stands in RDB files and replication.
//!
//! ```text
//! u32 LE  bytes of the whole
//! u16 LE  elements; 65535: as many or more
//! .       the elements
//! 0xff    the end
//! ```
//! An element is a head, the bytes of a text, and the length of both, which is read backwards:
//!
//! ```text
//! 0xxxxxxx                  integer 0..=127
//! 10xxxxxx ...              text of up to 63 bytes
//! 110xxxxx xxxxxxxx         integer of 13 bits, the higher ones first
//! 1110xxxx xxxxxxxx ...     text of up to 4095 bytes, the higher bits first
//! 11110000 u32 LE ...       text
//! 11110001 .. 11110100      integer of 2, 3, 4, 8 bytes, LE
//! ```
//! The length behind takes one to five bytes of seven bits, the highest first; every byte but the first is marked by
//! 0x80, so that it can be read from its end. Texts that are integers are stored as such.
#![allow(unsafe_code)] // Only to pass the pointer on: `from_raw`, and the promise of `Format`.

use std::ptr::NonNull;

use super::Corrupt;
use super::block::{Block, Format};
use super::value::Value;
use crate::base::limits::LISTPACK_MAX;
use crate::base::num;

/// Bytes in front of the first element.
const HEAD: usize = 6;
const END: u8 = 0xff;
/// The count that says nothing.
const UNKNOWN: u16 = u16::MAX;
/// Bytes of the longest head, that of a 64-bit integer.
const ENTRY_HEAD_MAX: usize = 9;
/// Bytes of the longest length behind an element.
const BACK_MAX: usize = 5;

/// A list of elements in one block, behind a thin pointer. See the head of this file.
#[derive(Clone)]
pub struct Listpack(Block<Form>);

struct Form;

// SAFETY: the first four bytes are the length, and nothing else is looked at.
unsafe impl Format for Form {
    const HEAD: usize = HEAD;

    #[inline]
    fn total(head: &[u8]) -> usize {
        u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize
    }
}

/// The place of an element. Stale after any change but the one that returned it; a stale one finds some other element
/// or fails an assertion, no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub struct At(u32);

impl At {
    #[inline]
    fn new(at: usize) -> At {
        debug_assert!(at <= u32::MAX as usize);
        At(at as u32)
    }

    #[inline]
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// Bytes that it takes to tell backwards that an element has `len` bytes.
#[inline]
const fn back_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        2_097_152..=268_435_455 => 4,
        _ => BACK_MAX,
    }
}

/// An element as it is to be stored: head, text, and the length behind.
struct Encoded<'a> {
    head: [u8; ENTRY_HEAD_MAX],
    head_len: usize,
    text: &'a [u8],
    back: [u8; BACK_MAX],
    back_len: usize,
}

impl<'a> Encoded<'a> {
    #[inline]
    fn of(value: &'a [u8]) -> Encoded<'a> {
        match num::parse_i64(value) {
            Some(integer) => Encoded::int(integer),
            None => Encoded::text(value),
        }
    }

    fn of_value(value: Value<'a>) -> Encoded<'a> {
        match value {
            Value::Bytes(bytes) => Encoded::of(bytes),
            Value::Int(integer) => Encoded::int(integer),
        }
    }

    #[inline]
    fn text(text: &'a [u8]) -> Encoded<'a> {
        let mut head = [0; ENTRY_HEAD_MAX];
        let head_len = match text.len() {
            n @ 0..=63 => {
                head[0] = 0x80 | n as u8;
                1
            }
            n @ 64..=4095 => {
                head[..2].copy_from_slice(&(0xe000 | n as u16).to_be_bytes());
                2
            }
            n => {
                // A longer one does not fit the whole: see `splice`.
                assert!(n <= u32::MAX as usize, "an element of more than 4 GiB");
                head[0] = 0xf0;
                head[1..5].copy_from_slice(&(n as u32).to_le_bytes());
                5
            }
        };
        Encoded::with(head, head_len, text)
    }

    #[inline]
    fn int(value: i64) -> Encoded<'a> {
        let mut head = [0; ENTRY_HEAD_MAX];
        let bytes = value.to_le_bytes();
        let head_len = match value {
            0..=127 => {
                head[0] = bytes[0];
                1
            }
            -4096..=4095 => {
                head[..2].copy_from_slice(&(0xc000 | (value as u16 & 0x1fff)).to_be_bytes());
                2
            }
            _ => {
                let (mark, width) = match value {
                    -0x8000..=0x7fff => (0xf1, 2),
                    -0x80_0000..=0x7f_ffff => (0xf2, 3),
                    -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
                    _ => (0xf4, 8),
                };
                head[0] = mark;
                head[1..].copy_from_slice(&bytes);
                1 + width
            }
        };
        Encoded::with(head, head_len, &[])
    }

    #[inline]
    fn with(head: [u8; ENTRY_HEAD_MAX], head_len: usize, text: &'a [u8]) -> Encoded<'a> {
        let len = head_len + text.len();
        let mut back = [0; BACK_MAX];
        let back_len = back_len(len);
        let mut rest = len;
        for (i, byte) in back[..back_len].iter_mut().enumerate().rev() {
            *byte = rest as u8 & 0x7f | if i > 0 { 0x80 } else { 0 };
            rest >>= 7;
        }
        Encoded { head, head_len, text, back, back_len }
    }

    #[inline]
    fn parts(&self) -> [&[u8]; 3] {
        [&self.head[..self.head_len], self.text, &self.back[..self.back_len]]
    }

    /// Bytes of the whole.
    fn len(&self) -> usize {
        self.head_len + self.text.len() + self.back_len
    }
}

/// The element at `at`, and its bytes without the length behind.
#[inline]
pub(super) fn decode(bytes: &[u8], at: usize) -> (Value<'_>, usize) {
    let rest = &bytes[at..];
    match rest[0] {
        b @ 0..=0x7f => (Value::Int(b.into()), 1),
        b @ 0x80..=0xbf => {
            let len = 1 + usize::from(b & 0x3f);
            (Value::Bytes(&rest[1..len]), len)
        }
        b => decode_long(rest, b),
    }
}

/// As `decode`, of what has a longer head.
fn decode_long(rest: &[u8], first: u8) -> (Value<'_>, usize) {
    match first {
        0..=0xdf => {
            // The sign is bit 12: shifted up to the top and down again.
            let bits = u16::from_be_bytes([first, rest[1]]) << 3;
            (Value::Int((bits as i16 >> 3).into()), 2)
        }
        0xe0..=0xef => {
            let len = 2 + usize::from(u16::from_be_bytes([first & 0xf, rest[1]]));
            (Value::Bytes(&rest[2..len]), len)
        }
        0xf0 => {
            let len = 5 + u32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize;
            (Value::Bytes(&rest[5..len]), len)
        }
        0xf1 => (Value::Int(i16::from_le_bytes([rest[1], rest[2]]).into()), 3),
        0xf2 => (Value::Int((i32::from_le_bytes([0, rest[1], rest[2], rest[3]]) >> 8).into()), 4),
        0xf3 => (Value::Int(i32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]]).into()), 5),
        0xf4 => {
            let mut wide = [0; 8];
            wide.copy_from_slice(&rest[1..9]);
            (Value::Int(i64::from_le_bytes(wide)), 9)
        }
        _ => unreachable!("no element begins with {first:#x}"),
    }
}

/// Writes an element as a listpack would, but for the length behind it; how many bytes it takes there with that.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, value: &[u8]) -> usize {
    put_encoded(out, &Encoded::of(value))
}

/// As `put`, of an integer.
#[inline]
pub(super) fn put_int(out: &mut Vec<u8>, value: i64) -> usize {
    put_encoded(out, &Encoded::int(value))
}

#[inline]
fn put_encoded(out: &mut Vec<u8>, element: &Encoded<'_>) -> usize {
    let [head, text, back] = element.parts();
    out.extend_from_slice(head);
    out.extend_from_slice(text);
    head.len() + text.len() + back.len()
}

/// Bytes that an integer takes as an element, with the length behind.
#[inline]
pub(super) fn int_size(value: i64) -> usize {
    match value {
        0..=127 => 2,
        -4096..=4095 => 3,
        -0x8000..=0x7fff => 4,
        -0x80_0000..=0x7f_ffff => 5,
        -0x8000_0000..=0x7fff_ffff => 6,
        _ => 10,
    }
}

/// The bytes of the element at `at`, with the length behind.
#[inline]
fn entry_len(bytes: &[u8], at: usize) -> usize {
    let len = match bytes[at] {
        0..=0x7f => 1,
        b @ 0x80..=0xbf => 1 + usize::from(b & 0x3f),
        0xc0..=0xdf => 2,
        b @ 0xe0..=0xef => 2 + usize::from(u16::from_be_bytes([b & 0xf, bytes[at + 1]])),
        0xf0 => {
            let len = [bytes[at + 1], bytes[at + 2], bytes[at + 3], bytes[at + 4]];
            5 + u32::from_le_bytes(len) as usize
        }
        0xf1 => 3,
        0xf2 => 4,
        0xf3 => 5,
        0xf4 => 9,
        b => unreachable!("no element begins with {b:#x}"),
    };
    len + back_len(len)
}

/// Where the element begins that stands behind the one at `at`.
#[inline]
fn step(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        0..=0x7f => at + 2,
        b @ 0x80..=0xbf => at + 2 + usize::from(b & 0x3f),
        _ => at + entry_len(bytes, at),
    }
}

/// Where the element begins that ends in front of `at`.
#[inline]
fn step_back(bytes: &[u8], at: usize) -> usize {
    let mut len = 0;
    let mut i = at;
    for shift in (0..7 * BACK_MAX).step_by(7) {
        i -= 1;
        len |= usize::from(bytes[i] & 0x7f) << shift;
        if bytes[i] & 0x80 == 0 {
            break;
        }
    }
    i - len
}

/// Checks the elements of a listpack whose head is right, up to the end mark; their number.
fn check(bytes: &[u8]) -> Result<usize, Corrupt> {
    let end = bytes.len() - 1;
    let (mut at, mut count) = (HEAD, 0);
    while at < end {
        let head = match bytes[at] {
            0..=0xdf | 0xf1..=0xf4 => 1,
            0xe0..=0xef => 2,
            0xf0 => 5,
            0xf5.. => return Err(Corrupt),
        };
        if end - at < head {
            return Err(Corrupt);
        }
        let whole = entry_len(bytes, at);
        if end - at < whole {
            return Err(Corrupt);
        }
        // Written in another way than ours, it could be read backwards as something else.
        let (_, len) = decode(bytes, at);
        let back = Encoded::with([0; ENTRY_HEAD_MAX], len, &[]);
        if bytes[at + len..at + whole] != back.back[..back.back_len] {
            return Err(Corrupt);
        }
        at += whole;
        count += 1;
    }
    Ok(count)
}

impl Listpack {
    /// An empty one.
    pub fn new() -> Listpack {
        Listpack(Block::new(&[HEAD as u8 + 1, 0, 0, 0, 0, 0, END]))
    }

    /// One in the reference's form. Every element, the count and the end are checked.
    pub fn from_bytes(bytes: &[u8]) -> Result<Listpack, Corrupt> {
        if bytes.len() < HEAD + 1 || bytes.last() != Some(&END) || Form::total(bytes) != bytes.len() {
            return Err(Corrupt);
        }
        let count = check(bytes)?;
        let told = u16::from_le_bytes([bytes[4], bytes[5]]);
        if told != UNKNOWN && usize::from(told) != count {
            return Err(Corrupt);
        }
        Ok(Listpack(Block::new(bytes)))
    }

    /// The whole in the reference's form.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// The count in the head; none when it says nothing.
    #[inline]
    fn count(&self) -> Option<usize> {
        let bytes = self.as_bytes();
        let count = u16::from_le_bytes([bytes[4], bytes[5]]);
        (count != UNKNOWN).then_some(count.into())
    }

    /// How many elements it has. From 65,535 on they are counted every time.
    #[inline]
    pub fn len(&self) -> usize {
        self.count().unwrap_or_else(|| self.iter().count())
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes() == HEAD + 1
    }

    /// Bytes of the whole.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.as_bytes().len()
    }

    /// Bytes that are allocated.
    #[inline]
    pub fn allocated(&self) -> usize {
        self.0.allocated()
    }

    /// Whether it stays below the size that the reference takes for safe, 1 GiB, with `more` bytes of elements.
    #[inline]
    pub fn fits(&self, more: usize) -> bool {
        more <= LISTPACK_MAX && self.bytes() + more <= LISTPACK_MAX
    }

    /// Bytes that an element of this value takes.
    pub fn entry_size(value: &[u8]) -> usize {
        Encoded::of(value).len()
    }

    /// Where the end mark is.
    #[inline]
    fn end(&self) -> usize {
        self.bytes() - 1
    }

    /// `at`, when an element is there.
    #[inline]
    fn some(&self, at: usize) -> Option<At> {
        (at < self.end()).then(|| At::new(at))
    }

    /// The first element.
    #[inline]
    pub fn first(&self) -> Option<At> {
        self.some(HEAD)
    }

    /// The last element.
    #[inline]
    pub fn last(&self) -> Option<At> {
        (!self.is_empty()).then(|| At::new(step_back(self.as_bytes(), self.end())))
    }

    /// The element behind this one.
    #[inline]
    pub fn next(&self, at: At) -> Option<At> {
        self.some(at.index() + entry_len(self.as_bytes(), at.index()))
    }

    /// The element in front of this one.
    #[inline]
    pub fn prev(&self, at: At) -> Option<At> {
        (at.index() > HEAD).then(|| At::new(step_back(self.as_bytes(), at.index())))
    }

    /// The element number `index`; from the end, -1 being the last, when it is negative. Walks from the nearer end.
    pub fn at(&self, index: i64) -> Option<At> {
        let len = self.len();
        let from_end = usize::try_from(index.unsigned_abs()).ok()?;
        let index = if index < 0 { len.checked_sub(from_end)? } else { from_end };
        if index >= len {
            return None;
        }
        let bytes = self.as_bytes();
        let at = if index <= len / 2 {
            (0..index).fold(HEAD, |at, _| at + entry_len(bytes, at))
        } else {
            (index..len).fold(self.end(), |at, _| step_back(bytes, at))
        };
        Some(At::new(at))
    }

    /// The value at `at`.
    #[inline]
    pub fn get(&self, at: At) -> Value<'_> {
        decode(self.as_bytes(), at.index()).0
    }

    /// All elements, from both ends.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        let bytes = self.as_bytes();
        Iter { bytes, front: HEAD, back: bytes.len() - 1 }
    }

    /// The elements from `at` on.
    #[inline]
    pub fn iter_from(&self, at: At) -> Iter<'_> {
        Iter { front: at.index(), ..self.iter() }
    }

    /// The elements up to `at`, which is among them.
    #[inline]
    pub fn iter_to(&self, at: At) -> Iter<'_> {
        Iter { back: at.index() + entry_len(self.as_bytes(), at.index()), ..self.iter() }
    }

    /// The elements two by two.
    #[inline]
    pub fn pairs(&self) -> impl Iterator<Item = (Value<'_>, Value<'_>)> + Clone {
        let mut all = self.iter();
        std::iter::from_fn(move || Some((all.next()?, all.next()?)))
    }

    /// The first that equals `value` among every `skip + 1`-th element from `from` on.
    pub fn find(&self, from: At, value: &[u8], skip: usize) -> Option<At> {
        let bytes = self.as_bytes();
        let end = bytes.len() - 1;
        let integer = num::parse_i64(value);
        // Most are short: their heads tell at once that they are no text of this length.
        let short = if integer.is_none() && value.len() < 64 { 0x80 | value.len() as u8 } else { 0xff };
        let mut at = from.index();
        while at < end {
            let first = bytes[at];
            let same = if first == short {
                bytes[at + 1..].starts_with(value)
            } else if first < 0xc0 && short != 0xff {
                false
            } else {
                // A text that is an integer may stand as a text, in what another server wrote.
                match decode(bytes, at).0 {
                    Value::Bytes(text) => text == value,
                    Value::Int(here) => integer == Some(here),
                }
            };
            if same {
                return Some(At::new(at));
            }
            at = step(bytes, at);
            for _ in 0..skip {
                if at < end {
                    at = step(bytes, at);
                }
            }
        }
        None
    }

    /// Puts an element or nothing in the place of `old` bytes, which were `gone` elements.
    #[inline]
    fn splice(&mut self, at: usize, old: usize, gone: usize, new: Option<&Encoded<'_>>) -> At {
        let (parts, len) = new.map_or(([&[][..]; 3], 0), |new| (new.parts(), new.len()));
        let total = self.bytes() - old + len;
        assert!(total <= u32::MAX as usize, "a listpack of more than 4 GiB");
        // Elements that are too many to be told are counted when some go, as they may not be any more.
        let known = self.count();
        let count = match known {
            Some(count) => count - gone + usize::from(new.is_some()),
            None => self.recount(gone, new.is_some()),
        };
        self.0.splice(at, old, parts, &head(total, count));
        At::new(at)
    }

    #[cold]
    fn recount(&self, gone: usize, one_more: bool) -> usize {
        if gone == 0 { usize::MAX } else { self.len() - gone + usize::from(one_more) }
    }

    /// Adds an element at the end.
    #[inline]
    pub fn push_back(&mut self, value: &[u8]) {
        self.splice(self.end(), 0, 0, Some(&Encoded::of(value)));
    }

    /// Adds an integer at the end.
    pub fn push_back_int(&mut self, value: i64) {
        self.splice(self.end(), 0, 0, Some(&Encoded::int(value)));
    }

    /// Adds what another one holds at the end.
    pub fn push_back_value(&mut self, value: Value<'_>) {
        self.splice(self.end(), 0, 0, Some(&Encoded::of_value(value)));
    }

    /// Adds an element in front of all.
    #[inline]
    pub fn push_front(&mut self, value: &[u8]) {
        self.splice(HEAD, 0, 0, Some(&Encoded::of(value)));
    }

    /// Adds an element in front of the one at `at`; its place.
    pub fn insert_before(&mut self, at: At, value: &[u8]) -> At {
        self.splice(at.index(), 0, 0, Some(&Encoded::of(value)))
    }

    /// Adds an element behind the one at `at`; its place.
    pub fn insert_after(&mut self, at: At, value: &[u8]) -> At {
        let behind = at.index() + entry_len(self.as_bytes(), at.index());
        self.splice(behind, 0, 0, Some(&Encoded::of(value)))
    }

    /// Puts another value in the place of the element at `at`.
    pub fn replace(&mut self, at: At, value: &[u8]) -> At {
        self.splice(at.index(), entry_len(self.as_bytes(), at.index()), 1, Some(&Encoded::of(value)))
    }

    /// As `replace`, with an integer.
    pub fn replace_int(&mut self, at: At, value: i64) -> At {
        self.splice(at.index(), entry_len(self.as_bytes(), at.index()), 1, Some(&Encoded::int(value)))
    }

    /// Removes the element at `at`; the one that followed.
    pub fn remove(&mut self, at: At) -> Option<At> {
        self.remove_range(at, 1)
    }

    /// Removes `n` elements from `at` on, or those that there are; the one that followed.
    pub fn remove_range(&mut self, at: At, n: usize) -> Option<At> {
        let bytes = self.as_bytes();
        let (mut to, mut gone) = (at.index(), 0);
        while gone < n && to < bytes.len() - 1 {
            to += entry_len(bytes, to);
            gone += 1;
        }
        let at = self.splice(at.index(), to - at.index(), gone, None);
        self.some(at.index())
    }

    /// Removes the elements at these places, which ascend.
    pub fn remove_all(&mut self, places: &[At]) {
        if let [one] = places {
            self.remove(*one);
        }
        if places.len() < 2 {
            return;
        }
        // Once for all: each by itself would move what is behind it.
        let bytes = self.as_bytes();
        let mut kept = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for at in places {
            kept.extend_from_slice(&bytes[from..at.index()]);
            from = at.index() + entry_len(bytes, at.index());
        }
        kept.extend_from_slice(&bytes[from..]);
        let count = self.len() - places.len();
        let head = head(kept.len(), count);
        kept[..HEAD].copy_from_slice(&head);
        *self = Listpack(Block::new(&kept));
    }

    /// Cuts off the elements from `at` on, and gives them.
    pub fn split_off(&mut self, at: At) -> Listpack {
        let gone = self.iter_from(at).count();
        let mut tail = Listpack::new();
        tail.append_bytes(&self.as_bytes()[at.index()..self.end()], gone);
        self.splice(at.index(), self.end() - at.index(), gone, None);
        tail
    }

    /// Adds the elements of `other` at the end. Both together must stay below 4 GiB.
    pub fn append(&mut self, other: &Listpack) {
        self.append_bytes(&other.as_bytes()[HEAD..other.end()], other.len());
    }

    fn append_bytes(&mut self, entries: &[u8], more: usize) {
        let total = self.bytes() + entries.len();
        assert!(total <= u32::MAX as usize, "a listpack of more than 4 GiB");
        let count = self.count().map_or(usize::MAX, |count| count + more);
        self.0.splice(self.end(), 0, [&[], entries, &[]], &head(total, count));
    }

    /// Gives it up as a pointer.
    pub fn into_raw(self) -> NonNull<u8> {
        self.0.into_raw()
    }

    /// Takes it back.
    ///
    /// # Safety
    /// `raw` came from [`Listpack::into_raw`], and each time only once.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> Listpack {
        // SAFETY: the caller's promise.
        Listpack(unsafe { Block::from_raw(raw) })
    }
}

/// The head of one that has so many bytes and elements.
#[inline]
fn head(total: usize, count: usize) -> [u8; HEAD] {
    let [a, b, c, d] = (total as u32).to_le_bytes();
    let [e, f] = u16::try_from(count).unwrap_or(UNKNOWN).to_le_bytes();
    [a, b, c, d, e, f]
}

impl Default for Listpack {
    fn default() -> Listpack {
        Listpack::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The elements of a listpack, from both ends.
#[derive(Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    /// Where the next one begins.
    front: usize,
    /// Where the last one ends.
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Value<'a>;

    #[inline]
    fn next(&mut self) -> Option<Value<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (value, len) = decode(self.bytes, self.front);
        self.front += len + back_len(len);
        Some(value)
    }

    fn nth(&mut self, n: usize) -> Option<Value<'a>> {
        for _ in 0..n {
            if self.front >= self.back {
                return None;
            }
            self.front += entry_len(self.bytes, self.front);
        }
        self.next()
    }

    fn count(mut self) -> usize {
        let mut n = 0;
        while self.front < self.back {
            self.front += entry_len(self.bytes, self.front);
            n += 1;
        }
        n
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = step_back(self.bytes, self.back);
        Some(decode(self.bytes, self.back).0)
    }
}

/// The same again, for the tests, which hold no `unsafe`.
#[cfg(test)]
fn through_pointer(pack: Listpack) -> Listpack {
    // SAFETY: the pointer that was just given up.
    unsafe { Listpack::from_raw(pack.into_raw()) }
}

#[cfg(test)]
mod tests;

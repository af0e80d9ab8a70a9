//! One key with its value: a single allocation of header, key and (up to [`INLINE_MAX`] bytes) the string value.
//!
//! ```text
//! offset  bytes
//! 0       1      kind (low 4 bits) and flags
//! 1       3      access clock: seconds of LRU, or minutes and counter of LFU
//! 4       0 | 8  expiry, milliseconds of Unix time, when flag EXPIRES is set
//! .       2 | 8  lengths of key and payload: one byte each, or four with flag WIDE
//! .       n      the key
//! .       n      the payload: the bytes of a short string, an i64, or a pointer
//! ```
//! A 16-byte key with a 10-byte value takes 32 bytes. Nothing is aligned; every field is read by copying.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::heap::HeapStr;
use super::object::{Any, AnyRef, Ref, Stored};
use crate::base::limits::{FREE_EFFORT_MAX, FREE_ELSEWHERE_MIN, LAZY_EFFORT_MAX};
use crate::sys::memory::size_class;
use crate::types::collection::Collection;
use crate::types::hash::Hash;
use crate::types::table::{Item, Pos, Table};
pub use crate::types::value::Value;

/// The longest string kept inside its entry.
pub const INLINE_MAX: usize = 255;

/// The largest object that the reference keeps in one piece: beyond it OBJECT ENCODING says `raw`.
const EMBEDDED_MAX: usize = 128;

/// What an entry's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A string in the payload, as it was set.
    Inline = 0,
    /// A string in the payload that was changed in place (OBJECT ENCODING says `raw` at any length).
    InlineRaw = 1,
    /// An integer in the payload.
    Int = 2,
    /// A [`HeapStr`] behind the payload's pointer.
    Heap = 3,
    /// A collection behind it: see `object`. A list in one listpack.
    ListPacked = 4,
    ListNodes = 5,
    SetInts = 6,
    SetPacked = 7,
    SetTable = 8,
    HashPacked = 9,
    HashTable = 10,
    ZsetPacked = 11,
    ZsetTree = 12,
    Stream = 13,
}

/// By their number; those that do not exist are never written.
const KINDS: [Kind; 16] = [
    Kind::Inline,
    Kind::InlineRaw,
    Kind::Int,
    Kind::Heap,
    Kind::ListPacked,
    Kind::ListNodes,
    Kind::SetInts,
    Kind::SetPacked,
    Kind::SetTable,
    Kind::HashPacked,
    Kind::HashTable,
    Kind::ZsetPacked,
    Kind::ZsetTree,
    Kind::Stream,
    Kind::Inline,
    Kind::Inline,
];
const KIND: u8 = 0x0f;
const EXPIRES: u8 = 0x10;
const WIDE: u8 = 0x20;
const CLOCK_AT: usize = 1;
const EXPIRY_AT: usize = 4;

/// A value to be stored.
pub enum NewValue<'a> {
    /// Bytes that stay as they are.
    Bytes(&'a [u8]),
    /// As `Bytes`, but `raw` from now on.
    Raw(&'a [u8]),
    /// An integer.
    Int(i64),
    /// A long string.
    Heap(HeapStr),
    /// A collection.
    Collection(Any),
}

/// An owned entry.
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns its bytes, and a HeapStr is Send.
unsafe impl Send for Entry {}

/// A borrowed entry.
#[derive(Clone, Copy)]
pub struct EntryRef<'a>(NonNull<u8>, PhantomData<&'a u8>);

impl<'a> EntryRef<'a> {
    #[inline]
    fn read<const N: usize>(self, at: usize) -> [u8; N] {
        // SAFETY: callers read inside the layout that the first byte tells.
        unsafe { self.0.as_ptr().add(at).cast::<[u8; N]>().read_unaligned() }
    }

    #[inline]
    fn meta(self) -> u8 {
        self.read::<1>(0)[0]
    }

    /// What the payload is.
    #[inline]
    pub fn kind(self) -> Kind {
        KINDS[(self.meta() & KIND) as usize]
    }

    #[inline]
    fn lens_at(self) -> usize {
        if self.meta() & EXPIRES != 0 { EXPIRY_AT + 8 } else { EXPIRY_AT }
    }

    /// Where the key begins, its length, and the payload's length.
    #[inline]
    fn shape(self) -> (usize, usize, usize) {
        let at = self.lens_at();
        if self.meta() & WIDE == 0 {
            let [k, p] = self.read::<2>(at);
            (at + 2, k as usize, p as usize)
        } else {
            let (k, p) = (u32::from_le_bytes(self.read(at)), u32::from_le_bytes(self.read(at + 4)));
            (at + 8, k as usize, p as usize)
        }
    }

    #[inline]
    fn slice(self, at: usize, len: usize) -> &'a [u8] {
        // SAFETY: `at..at + len` lies inside the entry, which is not changed during 'a.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().add(at), len) }
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let (at, k, _) = self.shape();
        self.slice(at, k)
    }

    #[inline]
    fn payload(self) -> &'a [u8] {
        let (at, k, p) = self.shape();
        self.slice(at + k, p)
    }

    #[inline]
    fn payload_word(self) -> usize {
        let (at, k, p) = self.shape();
        assert_eq!(p, 8);
        usize::from_le_bytes(self.read(at + k))
    }

    /// What a payload that is a pointer points to.
    #[inline]
    fn pointee(self) -> NonNull<u8> {
        assert!(self.kind() as u8 >= Kind::Heap as u8);
        let p = std::ptr::with_exposed_provenance_mut(self.payload_word());
        // SAFETY: stored from a NonNull by `store_pointer`.
        unsafe { NonNull::new_unchecked(p) }
    }

    /// Kind and pointer of a collection.
    #[inline]
    pub(super) fn parts(self) -> Option<(Kind, NonNull<u8>)> {
        let kind = self.kind();
        (kind as u8 > Kind::Heap as u8).then(|| (kind, self.pointee()))
    }

    /// The collection, if it is one of this type.
    #[inline]
    pub fn collection<T: Stored>(self) -> Option<Ref<'a, T>> {
        let (kind, raw) = self.parts()?;
        // SAFETY: the entry's own parts, unchanged during 'a.
        unsafe { Ref::new(kind, raw) }
    }

    /// The collection, if it is any.
    pub fn any(self) -> Option<AnyRef<'a>> {
        let (kind, raw) = self.parts()?;
        // SAFETY: the entry's own parts, unchanged during 'a.
        unsafe { AnyRef::new(kind, raw) }
    }

    /// When the first field of a hash expires, ms of Unix time.
    #[inline]
    pub fn field_due(self) -> Option<i64> {
        if self.kind() == Kind::HashTable { self.collection::<Hash>()?.next_due() } else { None }
    }

    /// Another reference to the heap string, when it is one.
    pub fn heap(self) -> Option<HeapStr> {
        (self.kind() == Kind::Heap).then(|| {
            // SAFETY: the entry's own reference is left in place: cloned, and the borrowed one forgotten.
            let own = ManuallyDrop::new(unsafe { HeapStr::from_raw(self.pointee()) });
            HeapStr::clone(&own)
        })
    }

    /// The string; a collection is a bug of the caller.
    #[inline]
    pub fn value(self) -> Value<'a> {
        let value = self.string();
        assert!(value.is_some(), "a string");
        value.unwrap_or(Value::Int(0))
    }

    /// The string, if it is one.
    #[inline]
    pub fn string(self) -> Option<Value<'a>> {
        Some(match self.kind() {
            Kind::Inline | Kind::InlineRaw => Value::Bytes(self.payload()),
            Kind::Int => Value::Int(self.payload_word() as i64),
            Kind::Heap => {
                // SAFETY: the entry holds a reference during 'a; it is not dropped here.
                let own = ManuallyDrop::new(unsafe { HeapStr::from_raw(self.pointee()) });
                let s = own.as_slice();
                // SAFETY: lengthens the borrow to the entry's own, during which nothing changes the string.
                Value::Bytes(unsafe { std::slice::from_raw_parts(s.as_ptr(), s.len()) })
            }
            _ => return None,
        })
    }

    /// When it expires, in milliseconds of Unix time.
    #[inline]
    pub fn expiry(self) -> Option<i64> {
        (self.meta() & EXPIRES != 0).then(|| i64::from_le_bytes(self.read(EXPIRY_AT)))
    }

    /// The 24-bit access clock.
    #[inline]
    pub fn clock(self) -> u32 {
        let [a, b, c] = self.read(CLOCK_AT);
        u32::from_le_bytes([a, b, c, 0])
    }

    fn size(self) -> usize {
        let (at, k, p) = self.shape();
        at + k + p
    }

    /// Whether freeing it takes so long that another thread should do it; sooner if the client asked for that.
    #[inline]
    pub fn is_large(self, lazy: bool) -> bool {
        match self.kind() {
            Kind::Inline | Kind::InlineRaw | Kind::Int => false,
            Kind::Heap => self.allocated() >= FREE_ELSEWHERE_MIN,
            _ => {
                let most = if lazy { LAZY_EFFORT_MAX } else { FREE_EFFORT_MAX };
                self.any().is_some_and(|c| c.effort() > most || c.allocated() >= FREE_ELSEWHERE_MIN)
            }
        }
    }

    /// The type, as TYPE and SCAN name it.
    pub fn type_name(self) -> &'static str {
        self.any().map_or("string", |c| c.type_name())
    }

    /// The encoding, as OBJECT ENCODING names it.
    pub fn encoding(self) -> &'static str {
        match self.kind() {
            Kind::Int => "int",
            Kind::Inline if self.reference_size() <= EMBEDDED_MAX => "embstr",
            Kind::Inline | Kind::InlineRaw | Kind::Heap => "raw",
            _ => self.any().map_or("", |c| c.encoding()),
        }
    }

    /// Bytes that the reference's object would take with key and short string inside, by which it chooses between
    /// `embstr` and `raw`: 8 of its own, the expiry, and a header and a final zero for key and string.
    fn reference_size(self) -> usize {
        let (_, k, p) = self.shape();
        let key_header = match k {
            0..32 => 1,
            32..256 => 3,
            256..65536 => 5,
            _ => 9,
        };
        8 + if self.expiry().is_some() { 8 } else { 0 } + (1 + key_header + k + 1) + (3 + p + 1)
    }

    /// Bytes allocated for the entry and what hangs off it.
    pub fn allocated(self) -> usize {
        let beyond = match self.heap() {
            Some(h) => size_class(h.allocated()),
            None => self.any().map_or(0, |c| c.allocated()),
        };
        size_class(self.size()) + beyond
    }
}

impl Entry {
    /// A new entry.
    pub fn new(key: &[u8], value: NewValue<'_>, expiry: Option<i64>, clock: u32) -> Entry {
        let value = value.normal();
        let e = Entry::blank(key.len(), value.payload_len(), expiry.is_some());
        let (at, k, _) = e.view().shape();
        e.write(at, key);
        e.store(at + k, value);
        e.set_clock(clock);
        if let Some(ms) = expiry {
            e.write(EXPIRY_AT, &ms.to_le_bytes());
        }
        e
    }

    /// An entry with its layout written, and nothing else.
    fn blank(key: usize, payload: usize, expires: bool) -> Entry {
        let wide = key > u8::MAX as usize;
        let lens_at = if expires { EXPIRY_AT + 8 } else { EXPIRY_AT };
        let size = lens_at + if wide { 8 } else { 2 } + key + payload;
        let layout = layout(size);
        // SAFETY: the layout is not empty.
        let Some(p) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let e = Entry(p);
        e.write(0, &[if wide { WIDE } else { 0 } | if expires { EXPIRES } else { 0 }]);
        if wide {
            assert!(key <= u32::MAX as usize, "a key of more than 4 GiB");
            e.write(lens_at, &(key as u32).to_le_bytes());
            e.write(lens_at + 4, &(payload as u32).to_le_bytes());
        } else {
            e.write(lens_at, &[key as u8, payload as u8]);
        }
        e
    }

    /// A borrowed view.
    #[inline]
    pub fn view(&self) -> EntryRef<'_> {
        EntryRef(self.0, PhantomData)
    }

    #[inline]
    fn write(&self, at: usize, bytes: &[u8]) {
        // SAFETY: callers write inside the layout; nobody else views an owned entry.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.as_ptr().add(at), bytes.len()) }
    }

    /// Writes the payload and the kind; the payload's length is in place already.
    fn store(&self, at: usize, value: NewValue<'_>) {
        let kind = match value {
            NewValue::Bytes(b) => {
                self.write(at, b);
                Kind::Inline
            }
            NewValue::Raw(b) => {
                self.write(at, b);
                Kind::InlineRaw
            }
            NewValue::Int(i) => {
                self.write(at, &i.to_le_bytes());
                Kind::Int
            }
            NewValue::Heap(h) => {
                self.store_pointer(at, h.into_raw());
                Kind::Heap
            }
            NewValue::Collection(c) => {
                let (kind, raw) = c.into_parts();
                self.store_pointer(at, raw);
                kind
            }
        };
        let meta = self.view().meta() & !KIND | kind as u8;
        self.write(0, &[meta]);
    }

    #[inline]
    fn store_pointer(&self, at: usize, to: NonNull<u8>) {
        self.write(at, &to.as_ptr().expose_provenance().to_le_bytes());
    }

    /// Writes kind and pointer of the collection that the entry holds, after a change.
    #[inline]
    fn put_parts(&self, kind: Kind, raw: NonNull<u8>) {
        let (at, k, p) = self.view().shape();
        assert_eq!(p, size_of::<usize>());
        self.store_pointer(at + k, raw);
        self.write(0, &[self.view().meta() & !KIND | kind as u8]);
    }

    /// The entry with another value, in place when it takes the same size class.
    pub fn with_value(self, value: NewValue<'_>) -> Entry {
        let value = value.normal();
        let (at, k, old) = self.view().shape();
        let new = value.payload_len();
        if size_class(at + k + old) != size_class(at + k + new) {
            let (expiry, clock) = (self.view().expiry(), self.view().clock());
            return Entry::new(self.view().key(), value, expiry, clock);
        }
        self.drop_payload();
        let lens_at = self.view().lens_at();
        if self.view().meta() & WIDE == 0 {
            self.write(lens_at + 1, &[new as u8]);
        } else {
            self.write(lens_at + 4, &(new as u32).to_le_bytes());
        }
        self.store(at + k, value);
        self
    }

    /// The entry with another expiry, or none.
    pub fn with_expiry(self, expiry: Option<i64>) -> Entry {
        match (expiry, self.view().expiry()) {
            (Some(ms), Some(_)) => {
                self.write(EXPIRY_AT, &ms.to_le_bytes());
                self
            }
            (None, None) => self,
            _ => self.reshaped(expiry),
        }
    }

    /// A copy of the same bytes with or without room for an expiry; the payload moves, whatever it is.
    fn reshaped(self, expiry: Option<i64>) -> Entry {
        let v = self.view();
        let (at, k, p) = v.shape();
        let e = Entry::blank(k, p, expiry.is_some());
        let to = e.view().shape().0;
        e.write(to, v.slice(at, k + p));
        e.write(0, &[e.view().meta() | v.kind() as u8]);
        e.set_clock(v.clock());
        if let Some(ms) = expiry {
            e.write(EXPIRY_AT, &ms.to_le_bytes());
        }
        // What the payload owns belongs to the new entry now.
        self.write(0, &[v.meta() & !KIND | Kind::Inline as u8]);
        e
    }

    /// The entry under another key; the payload moves, whatever it is.
    pub fn with_key(self, key: &[u8]) -> Entry {
        let v = self.view();
        let e = Entry::blank(key.len(), v.payload().len(), v.expiry().is_some());
        let (at, k, _) = e.view().shape();
        e.write(at, key);
        e.write(at + k, v.payload());
        e.write(0, &[e.view().meta() | v.kind() as u8]);
        e.set_clock(v.clock());
        if let Some(ms) = v.expiry() {
            e.write(EXPIRY_AT, &ms.to_le_bytes());
        }
        // What the payload owns belongs to the new entry now.
        self.write(0, &[v.meta() & !KIND | Kind::Inline as u8]);
        e
    }

    /// A copy of `from` under another key. A long string is shared until one of both changes it.
    pub fn copy(from: EntryRef<'_>, key: &[u8]) -> Entry {
        let value = match (from.kind(), from.any(), from.heap()) {
            (_, _, Some(heap)) => NewValue::Heap(heap),
            (_, Some(collection), _) => NewValue::Collection(collection.duplicate()),
            (Kind::InlineRaw, ..) => NewValue::Raw(from.payload()),
            (Kind::Int, ..) => NewValue::Int(from.payload_word() as i64),
            _ => NewValue::Bytes(from.payload()),
        };
        Entry::new(key, value, from.expiry(), from.clock())
    }

    /// Sets the 24-bit access clock.
    #[inline]
    pub fn set_clock(&self, clock: u32) {
        let [a, b, c, _] = clock.to_le_bytes();
        self.write(CLOCK_AT, &[a, b, c]);
    }

    /// Takes out what hangs off the entry, leaving bytes without meaning inline: to change or free it.
    pub fn take_pointee(&mut self) -> Option<NewValue<'static>> {
        let v = self.view();
        let taken = if v.kind() == Kind::Heap {
            // SAFETY: the kind changes below, so the reference is taken once.
            NewValue::Heap(unsafe { HeapStr::from_raw(v.pointee()) })
        } else {
            let (kind, raw) = v.parts()?;
            // SAFETY: the entry's own parts, and as above.
            NewValue::Collection(unsafe { Any::from_parts(kind, raw) }?)
        };
        self.write(0, &[v.meta() & !KIND | Kind::Inline as u8]);
        Some(taken)
    }

    fn drop_payload(&self) {
        let v = self.view();
        if v.kind() as u8 >= Kind::Heap as u8 {
            // The caller overwrites or frees the payload: what it points to is not used again, whatever the kind says.
            drop(Entry::take_pointee(&mut ManuallyDrop::new(Entry(self.0))));
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.drop_payload();
        // SAFETY: allocated by `blank`; a value stored in place since then has the same size class, and the
        // allocator is told a size of that class.
        unsafe { dealloc(self.0.as_ptr(), layout(self.view().size())) }
    }
}

/// Entries are allocated by their size class, so that a value changed in place leaves the layout what it was.
fn layout(size: usize) -> Layout {
    match Layout::from_size_align(size_class(size), 1) {
        Ok(l) => l,
        Err(_) => panic!("entry of {size} bytes"),
    }
}

impl NewValue<'_> {
    /// Moves bytes that are too long for an entry to the heap.
    fn normal(self) -> Self {
        match self {
            NewValue::Bytes(b) | NewValue::Raw(b) if b.len() > INLINE_MAX => {
                NewValue::Heap(HeapStr::from_parts(&[b]))
            }
            other => other,
        }
    }

    fn payload_len(&self) -> usize {
        match self {
            NewValue::Bytes(b) | NewValue::Raw(b) => b.len(),
            NewValue::Int(_) | NewValue::Heap(_) | NewValue::Collection(_) => 8,
        }
    }
}

/// Sets the access clock of an entry that a table holds.
#[inline]
pub fn touch(table: &mut Table<Entry>, pos: Pos, clock: u32) {
    ManuallyDrop::new(Entry(table.get_raw(pos))).set_clock(clock);
}

/// Writes kind and pointer of the collection that an entry in a table holds, after a change.
#[inline]
pub(super) fn put_parts(table: &mut Table<Entry>, pos: Pos, kind: Kind, raw: NonNull<u8>) {
    ManuallyDrop::new(Entry(table.get_raw(pos))).put_parts(kind, raw);
}

// SAFETY: allocations lie in the lower 48 bits (checked by the table), keep their place, and keys never change.
unsafe impl Item for Entry {
    type Ref<'a> = EntryRef<'a>;

    fn into_raw(self) -> NonNull<u8> {
        let p = self.0;
        std::mem::forget(self);
        p
    }

    unsafe fn from_raw(raw: NonNull<u8>) -> Entry {
        Entry(raw)
    }

    #[inline]
    unsafe fn view<'a>(raw: NonNull<u8>) -> EntryRef<'a> {
        EntryRef(raw, PhantomData)
    }

    #[inline]
    fn key<'a>(view: EntryRef<'a>) -> &'a [u8]
    where
        Self: 'a,
    {
        view.key()
    }
}

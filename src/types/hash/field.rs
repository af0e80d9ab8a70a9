//! A field of a large hash with its value: one allocation of header, expiry, name and value.
//!
//! ```text
//! offset  bytes
//! 0       2      flags (2 bits), length of the name (7), of the value (7)
//! .       0 | 8  expiry, milliseconds of Unix time, when flag EXPIRES is set
//! .       0 | 8  the lengths, four bytes each, when flag WIDE is set: one of them is above 127
//! .       n      the name
//! .       n      the value
//! ```
//! 15 bytes of name and 7 of value take 24, which is a size class: two bytes of header are what makes that possible.
//! Nothing is aligned; every part is read by copying. A table holds these by thin pointers, so that a hash spends eight
//! bytes on finding one; safe code could only have fat ones, or a second allocation.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::sys::memory::size_class;
use crate::types::table::Item;

const EXPIRES: u16 = 1;
const WIDE: u16 = 2;
/// The longest name or value whose length fits the header.
const NARROW_MAX: usize = 127;
const NAME_SHIFT: u32 = 2;
const VALUE_SHIFT: u32 = 9;
const HEAD: usize = 2;

/// An owned field.
pub struct Field(NonNull<u8>);

// SAFETY: a field owns its bytes, and they are changed through `&mut` or by its owner alone.
unsafe impl Send for Field {}
// SAFETY: as above; a shared one is only read.
unsafe impl Sync for Field {}

/// A borrowed field.
#[derive(Clone, Copy)]
pub struct FieldRef<'a>(NonNull<u8>, PhantomData<&'a u8>);

/// Where the parts of a field lie.
#[derive(Clone, Copy)]
struct Shape {
    /// Where the name begins.
    at: usize,
    name: usize,
    value: usize,
}

impl Shape {
    fn of(name: usize, value: usize, expires: bool) -> Shape {
        let at = HEAD + if expires { 8 } else { 0 } + if wide(name, value) { 8 } else { 0 };
        Shape { at, name, value }
    }

    #[inline]
    fn size(self) -> usize {
        self.at + self.name + self.value
    }
}

#[inline]
fn wide(name: usize, value: usize) -> bool {
    name > NARROW_MAX || value > NARROW_MAX
}

impl<'a> FieldRef<'a> {
    #[inline]
    fn read<const N: usize>(self, at: usize) -> [u8; N] {
        // SAFETY: callers read inside the layout that the header tells, all of which is initialised.
        unsafe { self.0.as_ptr().add(at).cast::<[u8; N]>().read_unaligned() }
    }

    #[inline]
    fn head(self) -> u16 {
        u16::from_le_bytes(self.read(0))
    }

    #[inline]
    fn shape(self) -> Shape {
        let head = self.head();
        let at = if head & EXPIRES != 0 { HEAD + 8 } else { HEAD };
        if head & WIDE == 0 {
            let (name, value) = (head >> NAME_SHIFT & 0x7f, head >> VALUE_SHIFT);
            return Shape { at, name: name.into(), value: value.into() };
        }
        let length = |at| u32::from_le_bytes(self.read(at)) as usize;
        Shape { at: at + 8, name: length(at), value: length(at + 4) }
    }

    #[inline]
    fn slice(self, at: usize, len: usize) -> &'a [u8] {
        // SAFETY: `at..at + len` lies inside the field by its shape, and it is not changed during 'a.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().add(at), len) }
    }

    /// The name.
    #[inline]
    pub fn name(self) -> &'a [u8] {
        let shape = self.shape();
        self.slice(shape.at, shape.name)
    }

    /// The value.
    #[inline]
    pub fn value(self) -> &'a [u8] {
        let shape = self.shape();
        self.slice(shape.at + shape.name, shape.value)
    }

    /// When it expires, ms of Unix time.
    #[inline]
    pub fn expiry(self) -> Option<i64> {
        (self.head() & EXPIRES != 0).then(|| i64::from_le_bytes(self.read(HEAD)))
    }

    /// Whether its time has come at `now_ms`.
    #[inline]
    pub fn is_dead(self, now_ms: i64) -> bool {
        self.expiry().is_some_and(|at| at <= now_ms)
    }

    /// Where it lies: no two fields lie at the same place.
    pub fn address(self) -> usize {
        self.0.addr().get()
    }

    /// Bytes that are allocated.
    #[inline]
    pub fn allocated(self) -> usize {
        size_class(self.shape().size())
    }
}

impl Field {
    /// A new one. Neither part may have 4 GiB: no argument of a request has.
    pub fn new(name: &[u8], value: &[u8], expiry: Option<i64>) -> Field {
        let shape = Shape::of(name.len(), value.len(), expiry.is_some());
        let layout = layout(shape.size());
        // SAFETY: the layout is not empty.
        let Some(p) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let mut field = Field(p);
        field.write_head(shape, expiry);
        field.write(shape.at, name);
        field.write(shape.at + name.len(), value);
        field
    }

    /// Writes all that stands in front of the name. The allocation is one of the shape's size.
    #[inline]
    fn write_head(&mut self, shape: Shape, expiry: Option<i64>) {
        let mut head = if expiry.is_some() { EXPIRES } else { 0 };
        if wide(shape.name, shape.value) {
            assert!(shape.name.max(shape.value) <= u32::MAX as usize, "a field of more than 4 GiB");
            head |= WIDE;
            self.write(shape.at - 8, &(shape.name as u32).to_le_bytes());
            self.write(shape.at - 4, &(shape.value as u32).to_le_bytes());
        } else {
            head |= (shape.name as u16) << NAME_SHIFT | (shape.value as u16) << VALUE_SHIFT;
        }
        self.write(0, &head.to_le_bytes());
        if let Some(ms) = expiry {
            self.write(HEAD, &ms.to_le_bytes());
        }
    }

    #[inline]
    fn write(&mut self, at: usize, bytes: &[u8]) {
        // SAFETY: callers write inside the allocation, which nobody else views while it is borrowed mutably, so that
        // `bytes` cannot lie in it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.as_ptr().add(at), bytes.len()) }
    }

    /// A borrowed view.
    #[inline]
    pub fn view(&self) -> FieldRef<'_> {
        FieldRef(self.0, PhantomData)
    }

    /// The field with another value and expiry, in place when it takes the same size class and form.
    #[inline]
    pub fn with(mut self, value: &[u8], expiry: Option<i64>) -> Field {
        let old = self.view().shape();
        let new = Shape::of(old.name, value.len(), expiry.is_some());
        if new.at != old.at || size_class(new.size()) != size_class(old.size()) {
            return Field::new(self.view().name(), value, expiry);
        }
        // The name stays where it is, and the allocation is large enough for both.
        self.write_head(new, expiry);
        self.write(new.at + new.name, value);
        self
    }

    /// The field with another expiry, or none.
    pub fn with_expiry(mut self, expiry: Option<i64>) -> Field {
        match (self.view().expiry(), expiry) {
            (Some(_), Some(ms)) => {
                self.write(HEAD, &ms.to_le_bytes());
                self
            }
            (None, None) => self,
            _ => Field::new(self.view().name(), self.view().value(), expiry),
        }
    }
}

impl Clone for Field {
    fn clone(&self) -> Field {
        Field::new(self.view().name(), self.view().value(), self.view().expiry())
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        let layout = layout(self.view().shape().size());
        // SAFETY: allocated for a size of this class, which is all that the allocator is told; freed once.
        unsafe { dealloc(self.0.as_ptr(), layout) }
    }
}

/// Fields are allocated by their size class, so that a value changed in place leaves the layout what it was.
fn layout(size: usize) -> Layout {
    match Layout::from_size_align(size_class(size), 1) {
        Ok(layout) => layout,
        // Both lengths are those of slices that exist and fit 32 bits.
        Err(_) => unreachable!("a field of {size} bytes"),
    }
}

// SAFETY: allocations lie in the lower 48 bits (checked by the table), keep their place, and names never change.
unsafe impl Item for Field {
    type Ref<'a> = FieldRef<'a>;

    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        let p = self.0;
        std::mem::forget(self);
        p
    }

    #[inline]
    unsafe fn from_raw(raw: NonNull<u8>) -> Field {
        Field(raw)
    }

    #[inline]
    unsafe fn view<'a>(raw: NonNull<u8>) -> FieldRef<'a> {
        FieldRef(raw, PhantomData)
    }

    #[inline]
    fn key<'a>(view: FieldRef<'a>) -> &'a [u8]
    where
        Self: 'a,
    {
        view.name()
    }
}

//! One member of a sorted set: a single allocation of its score and its bytes.
//!
//! ```text
//! offset  bytes
//! 0       8      the score, an f64
//! 8       1      the length, or 255 for a long member: then four more bytes hold it
//! .       n      the member
//! ```
//! A 16-byte member takes 32 bytes. Nothing is aligned; every field is read by copying. The bytes never change; the
//! score does, through a pointer of the owner's, while views of the bytes may be alive: the two never overlap.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::sys::memory::size_class;
use crate::types::table::Item;

const LEN_AT: usize = 8;
/// The length byte of a member whose length stands behind it.
const WIDE: u8 = u8::MAX;

/// An owned member.
pub struct Member(NonNull<u8>);

// SAFETY: a member owns its bytes and shares nothing.
unsafe impl Send for Member {}

/// A borrowed member.
#[derive(Clone, Copy)]
pub struct MemberRef<'a>(NonNull<u8>, PhantomData<&'a u8>);

impl<'a> MemberRef<'a> {
    /// Views the member at `raw`.
    /// # Safety
    /// `raw` is of a member that is alive during `'a`, and whose score is not changed while this view reads it.
    #[inline]
    pub unsafe fn new(raw: NonNull<u8>) -> MemberRef<'a> {
        MemberRef(raw, PhantomData)
    }

    #[inline]
    fn read<const N: usize>(self, at: usize) -> [u8; N] {
        // SAFETY: callers read inside the layout that the length tells.
        unsafe { self.0.as_ptr().add(at).cast::<[u8; N]>().read_unaligned() }
    }

    /// The score.
    #[inline]
    pub fn score(self) -> f64 {
        f64::from_le_bytes(self.read(0))
    }

    /// Where the bytes begin, and their number.
    #[inline]
    fn shape(self) -> (usize, usize) {
        match self.read::<1>(LEN_AT) {
            [WIDE] => (LEN_AT + 5, u32::from_le_bytes(self.read(LEN_AT + 1)) as usize),
            [len] => (LEN_AT + 1, len as usize),
        }
    }

    /// The member's bytes.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        let (at, len) = self.shape();
        // SAFETY: `at..at + len` lies inside the member and never changes.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().add(at), len) }
    }

    /// Bytes allocated.
    #[inline]
    pub fn allocated(self) -> usize {
        let (at, len) = self.shape();
        size_class(at + len)
    }
}

impl Member {
    /// A new member.
    pub fn new(score: f64, bytes: &[u8]) -> Member {
        assert!(bytes.len() <= u32::MAX as usize, "a member of more than 4 GiB");
        let wide = bytes.len() >= WIDE as usize;
        let at = LEN_AT + if wide { 5 } else { 1 };
        let layout = layout(at + bytes.len());
        // SAFETY: the layout is not empty.
        let Some(p) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let m = Member(p);
        m.write(0, &score.to_le_bytes());
        if wide {
            m.write(LEN_AT, &[WIDE]);
            m.write(LEN_AT + 1, &(bytes.len() as u32).to_le_bytes());
        } else {
            m.write(LEN_AT, &[bytes.len() as u8]);
        }
        m.write(at, bytes);
        m
    }

    #[inline]
    fn write(&self, at: usize, bytes: &[u8]) {
        // SAFETY: callers write inside the layout; nobody views what is written here.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.as_ptr().add(at), bytes.len()) }
    }

    /// A borrowed view.
    #[inline]
    pub fn view(&self) -> MemberRef<'_> {
        MemberRef(self.0, PhantomData)
    }

    /// The pointer, still owned by `self`.
    #[inline]
    pub fn raw(&self) -> NonNull<u8> {
        self.0
    }

    /// Sets the score of a member that a table owns.
    /// # Safety
    /// `raw` is of a live member, and no other thread looks at it.
    #[inline]
    pub unsafe fn set_score(raw: NonNull<u8>, score: f64) {
        // SAFETY: the first eight bytes of a member are its score; views read it by copying, never by reference.
        unsafe { raw.as_ptr().cast::<[u8; 8]>().write_unaligned(score.to_le_bytes()) }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let (at, len) = self.view().shape();
        // SAFETY: allocated by `new` with the same layout, as the length never changes.
        unsafe { dealloc(self.0.as_ptr(), layout(at + len)) }
    }
}

fn layout(size: usize) -> Layout {
    // SAFETY: at most a few bytes more than 4 GiB, aligned to 1.
    unsafe { Layout::from_size_align_unchecked(size, 1) }
}

// SAFETY: allocations lie in the lower 48 bits (checked by the table), keep their place, and the bytes never change.
unsafe impl Item for Member {
    type Ref<'a> = MemberRef<'a>;

    fn into_raw(self) -> NonNull<u8> {
        let p = self.0;
        std::mem::forget(self);
        p
    }

    unsafe fn from_raw(raw: NonNull<u8>) -> Member {
        Member(raw)
    }

    #[inline]
    unsafe fn view<'a>(raw: NonNull<u8>) -> MemberRef<'a> {
        MemberRef(raw, PhantomData)
    }

    #[inline]
    fn key<'a>(view: MemberRef<'a>) -> &'a [u8]
    where
        Self: 'a,
    {
        view.bytes()
    }
}

//! A member of a large set: one allocation of its length and its bytes, which the table points to.
//!
//! ```text
//! offset  bytes
//! 0       1 | 5  the length: one byte below 255, or 255 and four bytes
//! .       n      the bytes
//! ```
//! A member of 16 bytes takes 24. Nothing is aligned, and nothing changes until it is freed.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

use super::table::Item;
use crate::sys::memory::size_class;

/// In the first byte: the length follows in four.
const WIDE: u8 = u8::MAX;
const WIDE_HEAD: usize = 5;

/// An owned member.
pub struct Member(NonNull<u8>);

// SAFETY: a member owns its bytes, which nobody changes.
unsafe impl Send for Member {}

impl Member {
    /// A copy of `bytes`.
    #[inline]
    pub fn new(bytes: &[u8]) -> Member {
        let head = if bytes.len() < WIDE as usize { 1 } else { WIDE_HEAD };
        let layout = layout(head + bytes.len());
        // SAFETY: the layout is not empty.
        let Some(p) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        if head == 1 {
            // SAFETY: the allocation has at least the one byte.
            unsafe { p.write(bytes.len() as u8) };
        } else {
            assert!(bytes.len() <= u32::MAX as usize, "a member of more than 4 GiB");
            let [a, b, c, d] = (bytes.len() as u32).to_le_bytes();
            // SAFETY: the allocation has at least these five bytes, and bytes need no alignment.
            unsafe { p.cast::<[u8; WIDE_HEAD]>().write([WIDE, a, b, c, d]) };
        }
        // SAFETY: freshly allocated for head and bytes together.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), p.as_ptr().add(head), bytes.len()) };
        Member(p)
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: an owned member is alive and does not change.
        unsafe { Member::view(self.0) }
    }

    /// Bytes that a member of `len` bytes takes, by the allocator's size class.
    #[inline]
    pub fn allocated(len: usize) -> usize {
        size_class(if len < WIDE as usize { 1 } else { WIDE_HEAD } + len)
    }
}

fn layout(size: usize) -> Layout {
    match Layout::from_size_align(size_class(size), 1) {
        Ok(layout) => layout,
        // The bytes of a slice are at most isize::MAX, and an argument's at most u32::MAX.
        Err(_) => unreachable!("a member of {size} bytes"),
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let layout = layout(Member::allocated(self.bytes().len()));
        // SAFETY: allocated by `new` with the size class of the same length.
        unsafe { dealloc(self.0.as_ptr(), layout) };
    }
}

// SAFETY: allocations lie in the lower 48 bits (checked by the table), keep their place, and never change.
unsafe impl Item for Member {
    type Ref<'a> = &'a [u8];

    #[inline]
    fn into_raw(self) -> NonNull<u8> {
        let p = self.0;
        std::mem::forget(self);
        p
    }

    #[inline]
    unsafe fn from_raw(raw: NonNull<u8>) -> Member {
        Member(raw)
    }

    #[inline]
    unsafe fn view<'a>(raw: NonNull<u8>) -> &'a [u8] {
        // SAFETY: every member begins with its length as `new` wrote it, and the caller keeps it alive.
        unsafe {
            let (head, len) = match raw.read() {
                WIDE => {
                    let [_, len @ ..] = raw.cast::<[u8; WIDE_HEAD]>().read();
                    (WIDE_HEAD, u32::from_le_bytes(len) as usize)
                }
                len => (1, len as usize),
            };
            std::slice::from_raw_parts(raw.as_ptr().add(head), len)
        }
    }

    #[inline]
    fn key<'a>(view: &'a [u8]) -> &'a [u8]
    where
        Self: 'a,
    {
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::hash;
    use crate::sys::memory;
    use crate::types::table::Table;

    #[test]
    fn bytes_of_any_length_come_back() {
        for len in [0, 1, 16, 254, 255, 256, 70_000] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let before = memory::used_by_thread();
            let member = Member::new(&bytes);
            if cfg!(not(miri)) {
                assert_eq!((memory::used_by_thread() - before) as usize, Member::allocated(len));
            }
            assert_eq!(member.bytes(), bytes);
            // SAFETY: given up and taken back once.
            let member = unsafe { Member::from_raw(member.into_raw()) };
            assert_eq!(member.bytes(), bytes);
            drop(member);
            assert!(cfg!(miri) || memory::used_by_thread() == before);
        }
        assert_eq!(Member::allocated(16), 24);
    }

    #[test]
    fn a_table_holds_members() {
        let mut table = Table::new();
        let words: [&[u8]; 4] = [b"", b"a", b"b", &[7; 300]];
        for w in words {
            table.insert(hash(w), Member::new(w));
        }
        let pos = words.map(|w| table.find(hash(w), w));
        assert!(pos.iter().all(Option::is_some));
        assert_eq!(pos[3].map(|pos| table.remove(pos).bytes().len()), Some(300));
        assert_eq!(table.find(hash(b"c"), b"c"), None);
    }
}

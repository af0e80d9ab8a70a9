//! One allocation whose first bytes tell how long it is, behind a thin pointer: what listpacks and intsets are. The
//! owner, an entry of the keyspace or a node of a list, thus spends eight bytes on it. No capacity is kept, as the
//! allocator's size class of the length says it: a change reallocates only when it reaches another class.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::sys::memory::size_class;

/// How a block tells its length.
///
/// # Safety
/// `total` depends on nothing but its argument.
pub(super) unsafe trait Format {
    /// Bytes at the start that tell the length of the whole.
    const HEAD: usize;

    /// The length in bytes by these first `HEAD` bytes, which are a part of it.
    fn total(head: &[u8]) -> usize;
}

/// Blocks that begin with the length of the whole: four bytes, little-endian.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted;

// SAFETY: the first four bytes are the length, and nothing else is looked at.
unsafe impl Format for Counted {
    const HEAD: usize = 4;

    #[inline]
    fn total(head: &[u8]) -> usize {
        u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize
    }
}

/// An owned block. Its bytes are always those of `F::total`, all initialised, in an allocation of their size class.
pub(super) struct Block<F: Format>(NonNull<u8>, PhantomData<F>);

// SAFETY: a block owns its bytes, and they are changed through `&mut` alone.
unsafe impl<F: Format> Send for Block<F> {}
// SAFETY: as above.
unsafe impl<F: Format> Sync for Block<F> {}

fn layout(total: usize) -> Layout {
    match Layout::from_size_align(size_class(total), 1) {
        Ok(layout) => layout,
        // `splice` and `new` get lengths of slices that exist, or sums of them, which are checked.
        Err(_) => unreachable!("a block of {total} bytes"),
    }
}

impl<F: Format> Block<F> {
    /// A copy of `bytes`, whose head must tell their length.
    pub fn new(bytes: &[u8]) -> Block<F> {
        assert_eq!(F::total(&bytes[..F::HEAD]), bytes.len());
        let layout = layout(bytes.len());
        // SAFETY: a size class is never 0.
        let Some(p) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: freshly allocated for at least as many bytes.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), p.as_ptr(), bytes.len()) };
        Block(p, PhantomData)
    }

    #[inline]
    fn total(&self) -> usize {
        // SAFETY: every block begins with an initialised head.
        F::total(unsafe { std::slice::from_raw_parts(self.0.as_ptr(), F::HEAD) })
    }

    /// All bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `total` bytes are allocated and initialised, and not changed while self is borrowed.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr(), self.total()) }
    }

    /// Bytes that are allocated.
    #[inline]
    pub fn allocated(&self) -> usize {
        size_class(self.total())
    }

    /// Puts `parts` in the place of the `old` bytes at `at`, and `head` in that of the head, which must tell the new
    /// length. What is behind moves once, within the block.
    #[inline]
    pub fn splice(&mut self, at: usize, old: usize, parts: [&[u8]; 3], head: &[u8]) {
        let total = self.total();
        let new = parts.iter().map(|part| part.len()).sum::<usize>();
        // One that is too large for an allocation does not get past this: `total` would have to tell it.
        assert!(F::HEAD <= at && at <= total && old <= total - at && head.len() == F::HEAD);
        let changed = total - old + new;
        assert_eq!(F::total(head), changed);
        if size_class(changed) > size_class(total) {
            self.resize(total, changed);
        }
        let p = self.0.as_ptr();
        // SAFETY: `at + old <= total` and `at + new + (total - at - old) = changed`, and the allocation holds both
        // `total` and `changed` bytes here, whichever is larger. The parts and the head are borrowed from elsewhere, as
        // self is borrowed mutably. Afterwards `changed` bytes are initialised: those in front, the parts, those behind.
        unsafe {
            if old != new {
                ptr::copy(p.add(at + old), p.add(at + new), total - at - old);
            }
            let mut to = p.add(at);
            for part in parts {
                // The first and the last part of an element are one byte mostly: not worth a call.
                match part {
                    [one] => to.write(*one),
                    part => ptr::copy_nonoverlapping(part.as_ptr(), to, part.len()),
                }
                to = to.add(part.len());
            }
            ptr::copy_nonoverlapping(head.as_ptr(), p, F::HEAD);
        }
        if size_class(changed) < size_class(total) {
            self.resize(total, changed);
        }
    }

    /// Makes the allocation one for `new` bytes, from one for `old`.
    #[cold]
    fn resize(&mut self, old: usize, new: usize) {
        let (old, new) = (layout(old), layout(new));
        // SAFETY: allocated with the layout of `old`; a size class is never 0.
        let p = unsafe { realloc(self.0.as_ptr(), old, new.size()) };
        let Some(p) = NonNull::new(p) else { handle_alloc_error(new) };
        self.0 = p;
    }

    /// Gives up the block as a pointer.
    pub fn into_raw(self) -> NonNull<u8> {
        let p = self.0;
        std::mem::forget(self);
        p
    }

    /// Takes the block back.
    ///
    /// # Safety
    /// `raw` came from `into_raw` of a block of this format, and each time only once.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> Block<F> {
        Block(raw, PhantomData)
    }
}

impl<F: Format> Clone for Block<F> {
    fn clone(&self) -> Block<F> {
        Block::new(self.bytes())
    }
}

impl<F: Format> Drop for Block<F> {
    fn drop(&mut self) {
        let layout = layout(self.total());
        // SAFETY: allocated with the layout of this length, and freed once.
        unsafe { dealloc(self.0.as_ptr(), layout) };
    }
}

//! A leaf of the tree: pointers to members in their order, and beside each the upper half of its score's key, by
//! which a search finds its place reading one or two cache lines and no member.
//!
//! ```text
//! offset   bytes
//! 0        2      members held
//! 2        2      room, in members
//! 8        8 * n  the pointers
//! .        4 * n  the upper halves
//! ```
//! One allocation, of exactly one of the allocator's size classes, so that a growing leaf is moved when its class is
//! full and hardly anything is allocated and not used. A leaf does not own the members.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::edge::{Edge, key_of, upper};
use super::member::MemberRef;
use crate::sys::memory::size_class;

const HEADER: usize = 8;
const EACH: usize = 12;

/// A pointer to a member that somebody else owns.
pub type Ptr = NonNull<u8>;

/// An owned leaf of borrowed members.
pub struct Leaf(NonNull<u8>);

impl Leaf {
    /// An empty leaf with room for `n` members at least, at most `most`.
    pub fn new(n: usize, most: usize) -> Leaf {
        let room = room_for(n, most);
        let layout = layout(room);
        // SAFETY: the layout is not empty.
        let Some(p) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: the header lies inside the layout; allocations are aligned to 8.
        unsafe { p.as_ptr().cast::<[u16; 2]>().write([0, room as u16]) };
        Leaf(p)
    }

    /// A leaf of `members`, which are in order.
    /// # Safety
    /// As for [`Leaf::put`].
    pub unsafe fn of(members: &[Ptr], most: usize) -> Leaf {
        let mut leaf = Leaf::new(members.len(), most);
        for (i, &m) in members.iter().enumerate() {
            // SAFETY: passed on.
            unsafe { leaf.put(i, m) };
        }
        leaf
    }

    #[inline]
    fn header(&self) -> [u16; 2] {
        // SAFETY: written by `new`.
        unsafe { self.0.as_ptr().cast::<[u16; 2]>().read() }
    }

    /// Members held.
    #[inline]
    pub fn len(&self) -> usize {
        self.header()[0] as usize
    }

    #[inline]
    fn room(&self) -> usize {
        self.header()[1] as usize
    }

    #[inline]
    fn set_len(&mut self, len: usize) {
        assert!(len <= self.room());
        // SAFETY: the header lies inside the layout.
        unsafe { self.0.as_ptr().cast::<u16>().write(len as u16) }
    }

    #[inline]
    fn pointers_at(&self) -> *mut Ptr {
        // SAFETY: the pointers begin inside the layout, aligned to 8.
        unsafe { self.0.as_ptr().add(HEADER).cast() }
    }

    #[inline]
    fn uppers_at(&self) -> *mut u32 {
        // SAFETY: behind the pointers, which end inside the layout.
        unsafe { self.0.as_ptr().add(HEADER + 8 * self.room()).cast() }
    }

    /// The members, in order.
    #[inline]
    pub fn members(&self) -> &[Ptr] {
        // SAFETY: the first `len` are written.
        unsafe { std::slice::from_raw_parts(self.pointers_at(), self.len()) }
    }

    #[inline]
    fn uppers(&self) -> &[u32] {
        // SAFETY: the first `len` are written.
        unsafe { std::slice::from_raw_parts(self.uppers_at(), self.len()) }
    }

    /// How many members stand before `edge`.
    #[inline]
    pub fn before(&self, edge: &Edge<'_>) -> usize {
        let (uppers, members) = (self.uppers(), self.members());
        let (mut from, mut to) = (0, members.len());
        if let Some(key) = edge.key() {
            from = uppers.partition_point(|&u| u < upper(key));
            to = from + uppers[from..].partition_point(|&u| u == upper(key));
        }
        // SAFETY: members stay alive while they are in a leaf.
        from + members[from..to].partition_point(|&m| edge.is_behind(unsafe { MemberRef::new(m) }))
    }

    /// Puts a member in at place `at`. There is room: the caller saw to it by `reserve`.
    /// # Safety
    /// The member is alive, and stays so until it is out of the leaf or nobody calls [`Leaf::before`] any more.
    #[inline]
    pub unsafe fn put(&mut self, at: usize, member: Ptr) {
        let len = self.len();
        assert!(at <= len && len < self.room());
        // SAFETY: the member is alive; `at <= len < room`, so both moves and both writes stay inside the arrays.
        unsafe {
            let upper = upper(key_of(MemberRef::new(member).score()));
            let p = self.pointers_at().add(at);
            p.copy_to(p.add(1), len - at);
            p.write(member);
            let u = self.uppers_at().add(at);
            u.copy_to(u.add(1), len - at);
            u.write(upper);
        }
        self.set_len(len + 1);
    }

    /// Takes the members of places `from..to` out.
    pub fn cut(&mut self, from: usize, to: usize) {
        let len = self.len();
        assert!(from <= to && to <= len);
        // SAFETY: `from <= to <= len`, so both moves stay inside the arrays.
        unsafe {
            self.pointers_at().add(to).copy_to(self.pointers_at().add(from), len - to);
            self.uppers_at().add(to).copy_to(self.uppers_at().add(from), len - to);
        }
        self.set_len(len - (to - from));
    }

    /// The score of the member at `at` was changed in a way that keeps its place.
    #[inline]
    pub fn rescored(&mut self, at: usize, score: f64) {
        assert!(at < self.len());
        // SAFETY: below the number of members.
        unsafe { self.uppers_at().add(at).write(upper(key_of(score))) }
    }

    /// Moves the members from `at` on to the front of `right`, which has room.
    pub fn move_tail(&mut self, at: usize, right: &mut Leaf) {
        let (n, old) = (self.len() - at, right.len());
        assert!(n + old <= right.room());
        // SAFETY: `right` has room for all; the two are different allocations.
        unsafe {
            right.pointers_at().copy_to(right.pointers_at().add(n), old);
            right.uppers_at().copy_to(right.uppers_at().add(n), old);
            right.pointers_at().copy_from_nonoverlapping(self.pointers_at().add(at), n);
            right.uppers_at().copy_from_nonoverlapping(self.uppers_at().add(at), n);
        }
        right.set_len(n + old);
        self.set_len(at);
    }

    /// Moves the first `n` members of `right` to the end, where there is room.
    pub fn take_head(&mut self, right: &mut Leaf, n: usize) {
        let len = self.len();
        assert!(n <= right.len() && len + n <= self.room());
        // SAFETY: there is room for `n` behind the `len` held; the two are different allocations.
        unsafe {
            self.pointers_at().add(len).copy_from_nonoverlapping(right.pointers_at(), n);
            self.uppers_at().add(len).copy_from_nonoverlapping(right.uppers_at(), n);
        }
        self.set_len(len + n);
        right.cut(0, n);
    }

    /// Makes room for `n` members, `most` at the most.
    #[inline]
    pub fn reserve(&mut self, n: usize, most: usize) {
        if n > self.room() {
            self.resize(n, most);
        }
    }

    /// Gives up room of which more than a fifth or so is not used. What is left does not fill at once again.
    pub fn trim(&mut self, most: usize) {
        let wanted = (self.len() + self.len() / 4 + 1).min(most);
        if room_for(wanted, most) < self.room() {
            self.resize(wanted, most);
        }
    }

    fn resize(&mut self, n: usize, most: usize) {
        let (mut new, len) = (Leaf::new(n, most), self.len());
        new.take_head(self, len);
        *self = new;
    }

    /// Panics when an upper half is not its member's: for tests and fuzzing.
    pub fn check(&self) {
        for (&m, &u) in self.members().iter().zip(self.uppers()) {
            // SAFETY: members stay alive while they are in a leaf.
            assert_eq!(u, upper(key_of(unsafe { MemberRef::new(m) }.score())));
        }
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        size_class(HEADER + EACH * self.room())
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with the same room.
        unsafe { dealloc(self.0.as_ptr(), layout(self.room())) }
    }
}

/// The room of the smallest class that holds `n` members.
fn room_for(n: usize, most: usize) -> usize {
    ((size_class(HEADER + EACH * n.max(1)) - HEADER) / EACH).min(most)
}

fn layout(room: usize) -> Layout {
    // SAFETY: room is at most 65,535.
    unsafe { Layout::from_size_align_unchecked(HEADER + EACH * room, 8) }
}

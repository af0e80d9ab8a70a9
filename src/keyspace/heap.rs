//! A string too large to live inside its entry: one allocation of header and bytes, shared by counted reference, so
//! that an answer being sent or the free thread can hold it while the keyspace goes on. Changing a shared one
//! copies it first.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

#[repr(C)]
struct Head {
    refs: AtomicUsize,
    len: usize,
    capacity: usize,
}

/// A counted reference to a byte string on the heap. See the head of this file.
pub struct HeapStr(NonNull<Head>);

// SAFETY: the count is atomic, and bytes are changed only through the sole reference.
unsafe impl Send for HeapStr {}
// SAFETY: as above; a shared HeapStr is only read.
unsafe impl Sync for HeapStr {}

const HEAD: usize = size_of::<Head>();

fn layout(capacity: usize) -> Layout {
    match Layout::from_size_align(HEAD.saturating_add(capacity), align_of::<Head>()) {
        Ok(layout) => layout,
        // No string is longer than limits::STRING_MAX, which is far below isize::MAX.
        Err(_) => panic!("string capacity {capacity} out of range"),
    }
}

impl HeapStr {
    /// An empty string with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> HeapStr {
        let layout = layout(capacity);
        // SAFETY: the layout is not empty.
        let p = unsafe { alloc(layout) }.cast::<Head>();
        let Some(p) = NonNull::new(p) else { handle_alloc_error(layout) };
        // SAFETY: freshly allocated for a Head.
        unsafe { p.write(Head { refs: AtomicUsize::new(1), len: 0, capacity }) };
        HeapStr(p)
    }

    /// `len` zeros. Large ones are pages that the system gives as they are touched, so nothing waits for them.
    pub fn zeroed(len: usize) -> HeapStr {
        let layout = layout(len);
        // SAFETY: the layout is not empty.
        let p = unsafe { alloc_zeroed(layout) }.cast::<Head>();
        let Some(p) = NonNull::new(p) else { handle_alloc_error(layout) };
        // SAFETY: freshly allocated for a Head, and the bytes behind it are initialised.
        unsafe { p.write(Head { refs: AtomicUsize::new(1), len, capacity: len }) };
        HeapStr(p)
    }

    /// The concatenation of `parts`.
    pub fn from_parts(parts: &[&[u8]]) -> HeapStr {
        let mut s = HeapStr::with_capacity(parts.iter().map(|p| p.len()).sum());
        parts.iter().for_each(|p| s.append(p));
        s
    }

    fn head(&self) -> &Head {
        // SAFETY: the pointer stays valid while a reference is held.
        unsafe { self.0.as_ref() }
    }

    fn data(&self) -> *mut u8 {
        // SAFETY: the bytes follow the head in the same allocation.
        unsafe { self.0.as_ptr().cast::<u8>().add(HEAD) }
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `len` bytes are initialised, and not changed while self is borrowed.
        unsafe { std::slice::from_raw_parts(self.data(), self.head().len) }
    }

    /// Bytes allocated, the header included.
    pub fn allocated(&self) -> usize {
        HEAD + self.head().capacity
    }

    /// The bytes to change, after copying them when they are shared.
    pub fn make_mut(&mut self) -> &mut [u8] {
        self.own(self.head().len);
        // SAFETY: sole owner now; `len` bytes are initialised.
        unsafe { std::slice::from_raw_parts_mut(self.data(), self.head().len) }
    }

    /// Adds `more` at the end; capacity doubles up to 1 MiB and grows by 1 MiB beyond.
    pub fn append(&mut self, more: &[u8]) {
        let len = self.head().len;
        self.own(grown(self.head().capacity, len + more.len()));
        // SAFETY: sole owner, capacity covers len + more, and `more` cannot overlap what we own alone.
        unsafe {
            std::ptr::copy_nonoverlapping(more.as_ptr(), self.data().add(len), more.len());
            self.0.as_mut().len = len + more.len();
        }
    }

    /// Makes it `len` bytes long, with zeros where it grows.
    pub fn resize(&mut self, len: usize) {
        let old = self.head().len;
        self.own(grown(self.head().capacity, len));
        // SAFETY: sole owner, capacity covers `len`.
        unsafe {
            if len > old {
                self.data().add(old).write_bytes(0, len - old);
            }
            self.0.as_mut().len = len;
        }
    }

    /// Makes room for `need` bytes, and for `spare` more if it has to be moved for that.
    pub fn reserve(&mut self, need: usize, spare: usize) {
        if need > self.head().capacity {
            self.own(need + spare);
        }
    }

    /// Makes this the sole reference, with room for `capacity` bytes.
    fn own(&mut self, capacity: usize) {
        let head = self.head();
        let capacity = capacity.max(head.len);
        if head.refs.load(Ordering::Acquire) != 1 {
            let mut copy = HeapStr::with_capacity(capacity);
            copy.append(self.as_slice());
            *self = copy;
        } else if capacity > head.capacity {
            let (old, new) = (layout(head.capacity), layout(capacity));
            // SAFETY: allocated with `old`; the new size is not zero.
            let p = unsafe { realloc(self.0.as_ptr().cast(), old, new.size()) }.cast::<Head>();
            let Some(p) = NonNull::new(p) else { handle_alloc_error(new) };
            self.0 = p;
            // SAFETY: sole owner of a valid head.
            unsafe { self.0.as_mut().capacity = capacity };
        }
    }

    /// Gives up the reference as a pointer, for the entry that stores it.
    pub fn into_raw(self) -> NonNull<u8> {
        let p = self.0.cast();
        std::mem::forget(self);
        p
    }

    /// Takes the reference back.
    /// # Safety
    /// `raw` came from `into_raw`, and each time only once.
    pub unsafe fn from_raw(raw: NonNull<u8>) -> HeapStr {
        HeapStr(raw.cast())
    }
}

/// The capacity to have for `need` bytes, given the present one.
fn grown(capacity: usize, need: usize) -> usize {
    const STEP: usize = 1 << 20;
    match need {
        _ if need <= capacity => capacity,
        _ if capacity == 0 => need,
        _ if need < STEP => need * 2,
        _ => need + STEP,
    }
}

impl Clone for HeapStr {
    fn clone(&self) -> HeapStr {
        self.head().refs.fetch_add(1, Ordering::Relaxed);
        HeapStr(self.0)
    }
}

impl Drop for HeapStr {
    fn drop(&mut self) {
        if self.head().refs.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            let layout = layout(self.head().capacity);
            // SAFETY: the last reference; allocated with this layout.
            unsafe { dealloc(self.0.as_ptr().cast(), layout) };
        }
    }
}

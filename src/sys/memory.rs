//! The allocator: jemalloc, counted exactly.
//!
//! `used_memory` must be right at every command, since eviction acts on it. So the global allocator adds the size
//! class that jemalloc really takes to a counter of the calling thread, and `used` adds the threads up. Asking
//! jemalloc for its own figure instead costs an epoch (about 10 µs, all arenas visited) and misses what the thread
//! caches hold.
//!
//! - **Classes by arithmetic.** jemalloc is built with an 8-byte quantum (.cargo/config.toml), four classes per
//!   doubling up to 14 KiB and whole pages beyond: `size_class` is that rule, a few instructions, proven against
//!   `nallocx` by a test. The keyspace asks it
//!   too, to know what fits into an allocation that it already has.
//! - **No lock prefix.** Each thread owns one cache-padded slot and is the only one that writes it, by a plain load and
//!   a plain store. Threads beyond the slots share one that is added to atomically. A thread that ends gives its slot
//!   back with its value: only the sum means something.
//! - **Alignment.** With an 8-byte quantum a 24- or 40-byte class is only 8-aligned. A layout of a larger alignment has
//!   its size rounded up to it first: a class that is a multiple of the alignment is aligned, as slabs start on pages.
//!   Beyond a page or beyond the small classes, jemalloc is told the alignment.
//!
//! A signal handler that allocates between the load and the store of its own thread would lose one count. Ours
//! allocate only in a process that is about to end.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
#[cfg(not(miri))]
use std::ffi::c_char;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering::*};

use tikv_jemalloc_ctl as ctl;
#[cfg(not(miri))]
use tikv_jemalloc_sys as je;

use crate::base::limits::MEMORY_SLOTS;

/// jemalloc's options, which it reads before its first allocation.
///
/// - `dirty_decay_ms:2000`: freed pages go back to the kernel over two seconds, not ten, as RSS is what the operator
///   pays for; not at once, as pages freed by one command are mostly wanted by the next. `muzzy_decay_ms:0`: no second
///   stage of lazily freed pages, which would count as RSS until the kernel wants them.
/// - `max_background_threads:1`: purging is off the executor (`start_background_purge`), by one thread however many
///   cores there are.
/// - `cache_oblivious:false`: by default every allocation beyond 14 KiB gets one page more, so that it can start at a
///   random line. A table segment of 16 KiB would take 20: 4 bytes per key.
/// - `abort_conf:false`: an operator's typo in `_RJEM_MALLOC_CONF` must not keep a server down.
#[cfg(not(miri))]
#[unsafe(export_name = "_rjem_malloc_conf")]
// SAFETY: the symbol and its type (a pointer to a zero-terminated string) are jemalloc's documented interface; a
// reference to a C string's first byte has the layout of that pointer.
pub static MALLOC_CONF: &c_char = {
    const TEXT: &std::ffi::CStr =
        c"dirty_decay_ms:2000,muzzy_decay_ms:0,max_background_threads:1,cache_oblivious:false,abort_conf:false";
    // SAFETY: a C string has at least its terminating byte, and this one is static.
    unsafe { &*TEXT.as_ptr() }
};

/// The name and version of the allocator, as INFO `mem_allocator` and `--version` give it.
pub const ALLOCATOR: &str = "jemalloc-5.3.1";

/// The global allocator.
pub struct Counting;

#[cfg_attr(not(miri), global_allocator)]
#[cfg_attr(miri, allow(dead_code))]
static ALLOCATOR_GLOBAL: Counting = Counting;

/// Classes up to here are cut out of slabs, which start on a page. Larger sizes are rounded to pages.
const SMALL_MAX: usize = 14 * 1024;
/// jemalloc's page: what a slab is aligned to at least.
const PAGE: usize = 4096;
/// What every allocation is aligned to.
const QUANTUM: usize = 8;

/// Bytes that an allocation of `size` bytes really takes, for alignments up to 8. Defined up to `isize::MAX`.
#[inline]
pub const fn size_class(size: usize) -> usize {
    if size <= 4 * QUANTUM {
        return if size == 0 { QUANTUM } else { (size + (QUANTUM - 1)) & !(QUANTUM - 1) };
    }
    if size > SMALL_MAX {
        return (size + (PAGE - 1)) & !(PAGE - 1);
    }
    // Four classes per doubling: the step is a quarter of the power of two below.
    let step = 1usize << (usize::BITS - 1 - (size - 1).leading_zeros() - 2);
    (size + (step - 1)) & !(step - 1)
}

/// How a layout is asked of jemalloc: the size to ask for, flags (0: the plain fast paths), the class taken.
struct Ask {
    size: usize,
    flags: i32,
    class: usize,
}

#[inline]
fn ask(layout: Layout) -> Ask {
    let (size, align) = (layout.size(), layout.align());
    if align <= QUANTUM {
        return Ask { size, flags: 0, class: size_class(size) };
    }
    ask_aligned(size, align)
}

#[cfg(not(miri))]
fn ask_aligned(size: usize, align: usize) -> Ask {
    // Cannot overflow: a Layout's size rounded up to its alignment is at most isize::MAX.
    let rounded = (size + (align - 1)) & !(align - 1);
    if align <= PAGE && rounded <= SMALL_MAX {
        return Ask { size: rounded, flags: 0, class: size_class(rounded) };
    }
    let flags = je::MALLOCX_ALIGN(align);
    // SAFETY: nallocx only computes; the size is not 0, as rounded up from a non-zero size (GlobalAlloc's contract).
    let class = unsafe { je::nallocx(rounded, flags) };
    Ask { size: rounded, flags, class }
}

#[cfg(miri)]
fn ask_aligned(size: usize, align: usize) -> Ask {
    let rounded = (size + (align - 1)) & !(align - 1);
    Ask { size: rounded, flags: 0, class: size_class(rounded) }
}

// SAFETY: every method hands out what jemalloc returned for at least the layout's size and alignment (the module's
// note says how alignment is met), and frees with the same size and flags that were asked for, as both come from
// `ask` of the same layout. Counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let ask = ask(layout);
        // SAFETY: the size is not 0 (the caller's contract); flags hold at most an alignment.
        let p = unsafe { raw::alloc(ask.size, ask.flags) };
        if !p.is_null() {
            count(ask.class as i64);
        }
        p
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let ask = ask(layout);
        // SAFETY: as in `alloc`.
        let p = unsafe { raw::alloc_zeroed(ask.size, ask.flags) };
        if !p.is_null() {
            count(ask.class as i64);
        }
        p
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        let ask = ask(layout);
        // SAFETY: `p` came from this allocator with this layout, thus with this size and these flags.
        unsafe { raw::free(p, ask.size, ask.flags) };
        count(-(ask.class as i64));
    }

    #[inline]
    unsafe fn realloc(&self, p: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let old = ask(layout);
        // SAFETY: the caller promises that `new_size`, rounded up to the alignment, does not overflow isize.
        let new = ask(unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) });
        if old.class == new.class && old.flags == new.flags {
            return p; // The allocation already has this size.
        }
        // SAFETY: `p` came from this allocator; flags hold the same alignment, or none on either side that a small
        // class would need: jemalloc keeps the alignment that the new flags name.
        let q = unsafe { raw::realloc(p, old.size, new.size, new.flags) };
        if !q.is_null() {
            count(new.class as i64 - old.class as i64);
        }
        q
    }
}

/// The calls into jemalloc. Flags of 0 take its fast paths.
#[cfg(not(miri))]
mod raw {
    use super::{c_void, je};

    /// # Safety
    /// `size` is not 0, `flags` is 0 or an alignment.
    #[inline]
    pub unsafe fn alloc(size: usize, flags: i32) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { if flags == 0 { je::malloc(size) } else { je::mallocx(size, flags) } }.cast()
    }

    /// # Safety
    /// As `alloc`.
    #[inline]
    pub unsafe fn alloc_zeroed(size: usize, flags: i32) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { if flags == 0 { je::calloc(1, size) } else { je::mallocx(size, flags | je::MALLOCX_ZERO) } }
            .cast()
    }

    /// # Safety
    /// `p` was allocated with this size and these flags.
    #[inline]
    pub unsafe fn free(p: *mut u8, size: usize, flags: i32) {
        // SAFETY: passed on; the sized form spares jemalloc the look-up of the class.
        unsafe { je::sdallocx(p.cast::<c_void>(), size, flags) }
    }

    /// # Safety
    /// `p` was allocated by `alloc`; `size` is not 0.
    #[inline]
    pub unsafe fn realloc(p: *mut u8, _old: usize, size: usize, flags: i32) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { if flags == 0 { je::realloc(p.cast(), size) } else { je::rallocx(p.cast(), size, flags) } }
            .cast()
    }
}

/// Miri cannot call into C: it gets the system's allocator, never installed as the global one.
#[cfg(miri)]
mod raw {
    use std::alloc::{GlobalAlloc, Layout, System};

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 16).unwrap_or(Layout::new::<u128>())
    }
    pub unsafe fn alloc(size: usize, _: i32) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { System.alloc(layout(size)) }
    }
    pub unsafe fn alloc_zeroed(size: usize, _: i32) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { System.alloc_zeroed(layout(size)) }
    }
    pub unsafe fn free(p: *mut u8, size: usize, _: i32) {
        // SAFETY: passed on.
        unsafe { System.dealloc(p, layout(size)) }
    }
    pub unsafe fn realloc(p: *mut u8, old: usize, size: usize, _: i32) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { System.realloc(p, layout(old), size) }
    }
}

// ---------------------------------------------------------------------------------------------------- counting

/// One thread's sum. Padded to two cache lines, as processors fetch them in pairs.
#[repr(align(128))]
struct Slot {
    bytes: AtomicI64,
    taken: AtomicBool,
}

#[allow(clippy::declare_interior_mutable_const)] // Each use makes a fresh slot, which is what an array's start needs.
const SLOT_EMPTY: Slot = Slot { bytes: AtomicI64::new(0), taken: AtomicBool::new(false) };
static SLOTS: [Slot; MEMORY_SLOTS] = [SLOT_EMPTY; MEMORY_SLOTS];
/// Of the threads that found no slot, and of a thread's last breath.
static SHARED: AtomicI64 = AtomicI64::new(0);
/// Slots ever taken: `used` need not read beyond.
static SLOTS_SEEN: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// No slot asked for yet, and none to be had: beside real indices.
const UNASKED: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;

thread_local! {
    // Const and without a destructor: the access is one instruction and never allocates.
    static MINE: Cell<u32> = const { Cell::new(UNASKED) };
}

#[inline]
fn count(delta: i64) {
    let mine = MINE.get() as usize;
    if mine < MEMORY_SLOTS {
        let bytes = &SLOTS[mine].bytes;
        bytes.store(bytes.load(Relaxed).wrapping_add(delta), Relaxed);
    } else {
        count_slowly(delta);
    }
}

#[cold]
fn count_slowly(delta: i64) {
    if MINE.get() == UNASKED {
        MINE.set(take_slot());
        return count(delta);
    }
    SHARED.fetch_add(delta, Relaxed);
}

fn take_slot() -> u32 {
    for (i, slot) in SLOTS.iter().enumerate() {
        // Acquire, paired with the Release of the thread that gave it back: its last store is seen.
        if !slot.taken.load(Relaxed) && !slot.taken.swap(true, Acquire) {
            SLOTS_SEEN.fetch_max(i + 1, Release);
            give_back_at_exit(i);
            return i as u32;
        }
    }
    NONE
}

/// Arranges for the slot to be given back when the thread ends. By a pthread key, not by a Rust thread-local with a
/// destructor: registering must not allocate, and this runs after the destructors of thread-locals, which free.
fn give_back_at_exit(slot: usize) {
    /// The key plus one; 0 before it is made.
    static KEY: AtomicU32 = AtomicU32::new(0);

    extern "C" fn give_back(value: *mut c_void) {
        MINE.set(NONE);
        let slot = (value as usize).wrapping_sub(1);
        if let Some(slot) = SLOTS.get(slot) {
            slot.taken.store(false, Release);
        }
    }

    let mut key = KEY.load(Acquire);
    if key == 0 {
        let mut made: libc::pthread_key_t = 0;
        // SAFETY: `made` is a valid place; the destructor is a plain function that lives as long as the process.
        if unsafe { libc::pthread_key_create(&mut made, Some(give_back)) } != 0 {
            return; // The slot stays taken for ever: it still counts.
        }
        match KEY.compare_exchange(0, made + 1, AcqRel, Acquire) {
            Ok(_) => key = made + 1,
            Err(other) => {
                // SAFETY: made above, used by nobody.
                unsafe { libc::pthread_key_delete(made) };
                key = other;
            }
        }
    }
    // SAFETY: the key exists; the value is a number, never followed, not null so that the destructor runs.
    unsafe { libc::pthread_setspecific(key - 1, ptr::without_provenance::<c_void>(slot + 1)) };
}

/// Bytes allocated in the process, in size classes. Exact for what the calling thread did; what other threads do at
/// this very moment may or may not be in it.
#[inline]
pub fn used() -> usize {
    let mut sum = SHARED.load(Relaxed);
    for slot in &SLOTS[..SLOTS_SEEN.load(Acquire).min(MEMORY_SLOTS)] {
        sum = sum.wrapping_add(slot.bytes.load(Relaxed));
    }
    // Another thread's free may be seen before the allocation that it frees.
    sum.max(0) as usize
}

/// What the calling thread has allocated less what it has freed, from an arbitrary start: for differences.
pub fn used_by_thread() -> i64 {
    let mine = MINE.get() as usize;
    SLOTS.get(mine).map_or_else(|| SHARED.load(Relaxed), |slot| slot.bytes.load(Relaxed))
}

/// `used`, noted as the peak if it is one: for whoever reads `used` regularly (after a command, in cron).
#[inline]
pub fn used_noting_peak() -> usize {
    let used = used();
    if used > PEAK.load(Relaxed) {
        PEAK.store(used, Relaxed);
    }
    used
}

/// The largest figure that `used_noting_peak` has seen, bytes.
pub fn peak() -> usize {
    PEAK.load(Relaxed)
}

/// CONFIG RESETSTAT: the peak starts again at what is used now.
pub fn reset_peak() {
    PEAK.store(used(), Relaxed);
}

// -------------------------------------------------------------------------------------------------- statistics

/// jemalloc's own view, bytes. Fields as INFO memory names them without `allocator_`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// In use by the program, without what thread caches hold.
    pub allocated: usize,
    /// In pages that hold at least one allocation.
    pub active: usize,
    /// In memory, the allocator's own data included.
    pub resident: usize,
    /// Address space kept without pages behind it.
    pub retained: usize,
    /// Freed to the kernel lazily.
    pub muzzy: usize,
    /// The allocator's own data.
    pub metadata: usize,
}

/// jemalloc refreshes its figures by visiting all arenas, so they are kept between the asking.
#[derive(Default)]
pub struct StatsCache {
    stats: Stats,
    at_ms: Option<u64>,
}

impl StatsCache {
    /// Figures at most `STATS_AGE_MS_MAX` old. `mono_ms` is any monotonic clock in milliseconds.
    pub fn get(&mut self, mono_ms: u64) -> Stats {
        let fresh = self.at_ms.is_some_and(|at| mono_ms.saturating_sub(at) < STATS_AGE_MS_MAX);
        if !fresh {
            self.stats = stats();
            self.at_ms = Some(mono_ms);
        }
        self.stats
    }
}

/// How old the figures of `StatsCache` may be.
pub const STATS_AGE_MS_MAX: u64 = 100;

/// jemalloc's figures of this moment; about 10 µs. Zeros where it does not answer.
pub fn stats() -> Stats {
    let _ = ctl::epoch::advance();
    Stats {
        allocated: ctl::stats::allocated::read().unwrap_or(0),
        active: ctl::stats::active::read().unwrap_or(0),
        resident: ctl::stats::resident::read().unwrap_or(0),
        retained: ctl::stats::retained::read().unwrap_or(0),
        muzzy: read_ctl(b"stats.arenas.4096.pmuzzy\0").saturating_mul(page_size()),
        metadata: ctl::stats::metadata::read().unwrap_or(0),
    }
}

/// Bytes in slabs of small classes that hold no allocation: the fragmentation that only
/// moving allocations could undo (`allocator_frag_smallbins_bytes`). Read from the figures of the last `stats`.
pub fn small_bins_waste() -> usize {
    // SAFETY: the name is zero-terminated and its value is an unsigned int.
    let bins: u32 = unsafe { ctl::raw::read(b"arenas.nbins\0") }.unwrap_or(0);
    (0..bins)
        .map(|bin| {
            let text = |name: &str| format!("{name}\0").into_bytes();
            let size = read_ctl(&text(&format!("arenas.bin.{bin}.size")));
            // SAFETY: the name is zero-terminated and its value is a uint32_t.
            let per_slab: u32 =
                unsafe { ctl::raw::read(&text(&format!("arenas.bin.{bin}.nregs"))) }.unwrap_or(0);
            let slabs = read_ctl(&text(&format!("stats.arenas.4096.bins.{bin}.curslabs")));
            let regions = read_ctl(&text(&format!("stats.arenas.4096.bins.{bin}.curregs")));
            slabs.saturating_mul(per_slab as usize).saturating_sub(regions).saturating_mul(size)
        })
        .sum()
}

/// A figure of type size_t by its name, which must end in a zero byte; 0 if jemalloc does not know it.
fn read_ctl(name: &[u8]) -> usize {
    // SAFETY: callers name figures of type size_t; `read` checks the terminating zero.
    unsafe { ctl::raw::read(name) }.unwrap_or(0)
}

/// Lets one thread of jemalloc give freed pages back, so that no allocation of the executor has to. To be called after
/// daemonize: threads do not survive a fork.
pub fn start_background_purge() -> bool {
    ctl::background_thread::write(true).is_ok()
}

/// MEMORY PURGE: flushes this thread's cache and gives every unused page back to the kernel.
pub fn purge() {
    for name in [c"thread.tcache.flush", c"arena.4096.purge"] {
        // SAFETY: a zero-terminated name of a control that takes and returns nothing.
        unsafe { je_mallctl_void(name) };
    }
}

/// # Safety
/// `name` is a control without arguments.
unsafe fn je_mallctl_void(name: &std::ffi::CStr) {
    #[cfg(not(miri))]
    // SAFETY: passed on; null for what is neither read nor written.
    unsafe {
        je::mallctl(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0);
    }
    #[cfg(miri)]
    let _ = name;
}

/// Settings of jemalloc that DEBUG MALLCTL may change: none of them is a pointer.
const CTL_WRITABLE: [&std::ffi::CStr; 4] =
    [c"background_thread", c"max_background_threads", c"arenas.dirty_decay_ms", c"arenas.muzzy_decay_ms"];
/// Settings that are texts.
const CTL_TEXTS: [&std::ffi::CStr; 6] =
    [c"version", c"config.malloc_conf", c"opt.dss", c"opt.metadata_thp", c"opt.percpu_arena", c"opt.thp"];

/// A number among jemalloc's figures and settings, by its name, which `write` may change; errors are the system's numbers.
/// The size of its type is found by trying.
pub fn ctl_number(name: &std::ffi::CStr, write: Option<i64>) -> Result<i64, i32> {
    if write.is_some() && !CTL_WRITABLE.contains(&name) {
        return Err(rustix::io::Errno::PERM.raw_os_error());
    }
    for size in [8, 4, 2, 1] {
        match ctl_call(name, size, write) {
            Err(e) if e == rustix::io::Errno::INVAL.raw_os_error() => {}
            result => return result,
        }
    }
    Err(rustix::io::Errno::INVAL.raw_os_error())
}

#[cfg(not(miri))]
fn ctl_call(name: &std::ffi::CStr, size: usize, write: Option<i64>) -> Result<i64, i32> {
    let (mut old, mut len) = (0i64, size);
    let mut new = write.unwrap_or(0);
    let (to, to_len) = if write.is_some() { ((&raw mut new).cast(), size) } else { (ptr::null_mut(), 0) };
    // SAFETY: the name is zero-terminated; `old` and `new` have room for the at most 8 bytes that the lengths tell, and
    // what is written is a number, by the list of those that are.
    match unsafe { je::mallctl(name.as_ptr(), (&raw mut old).cast(), &mut len, to, to_len) } {
        0 => Ok(old),
        error => Err(error),
    }
}

#[cfg(miri)]
fn ctl_call(_: &std::ffi::CStr, _: usize, _: Option<i64>) -> Result<i64, i32> {
    Err(rustix::io::Errno::NOENT.raw_os_error())
}

/// A text among jemalloc's settings. Only those known to be texts are read: the name does not tell the type.
pub fn ctl_text(name: &std::ffi::CStr) -> Result<&'static [u8], i32> {
    if !CTL_TEXTS.contains(&name) {
        return Err(rustix::io::Errno::NOENT.raw_os_error());
    }
    // SAFETY: the name is zero-terminated, and its value a zero-terminated text that lives as long as the process.
    let text = unsafe { ctl::raw::read_str(name.to_bytes_with_nul()) };
    text.map(|t| t.strip_suffix(b"\0").unwrap_or(t)).map_err(|_| rustix::io::Errno::NOENT.raw_os_error())
}

/// MEMORY MALLOC-STATS: jemalloc's whole report.
pub fn malloc_stats_text() -> String {
    #[cfg(miri)]
    let text = Vec::new();
    #[cfg(not(miri))]
    let text = {
        let mut text = Vec::<u8>::new();
        unsafe extern "C" fn take(out: *mut c_void, part: *const c_char) {
            // SAFETY: `out` is the Vec below, `part` a zero-terminated string, both for this call.
            let (out, part) = unsafe { (&mut *out.cast::<Vec<u8>>(), std::ffi::CStr::from_ptr(part)) };
            out.extend_from_slice(part.to_bytes());
        }
        // SAFETY: the callback gets the Vec, which outlives the call; no options.
        unsafe { je::malloc_stats_print(Some(take), (&raw mut text).cast(), ptr::null()) };
        text
    };
    String::from_utf8_lossy(&text).into_owned()
}

// ------------------------------------------------------------------------------------------ the system's figures

/// Bytes of a page of memory.
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// Resident set size in bytes, from /proc/self/statm; 0 where there is none.
pub fn rss() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    pages.saturating_mul(page_size())
}

/// Bytes of memory that the machine has.
pub fn system_memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram.saturating_mul(u64::from(info.mem_unit))
}

/// The sum over all mappings of one field of /proc/self/smaps ("Private_Dirty", "AnonHugePages"), bytes.
pub fn smaps_sum(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    sum_smaps(&text, field)
}

fn sum_smaps(text: &str, field: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .filter_map(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
        .fold(0, |sum, kb| sum.saturating_add(kb.saturating_mul(1024)))
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use std::sync::{Mutex, mpsc::channel};

    /// Taken by tests that hold much, or look at what the whole process holds.
    static BIG: Mutex<()> = Mutex::new(());

    /// The arithmetic is jemalloc's: every size up to 64 KiB, and around every class above.
    #[test]
    fn size_class_is_what_nallocx_says() {
        // SAFETY: nallocx only computes.
        let real = |n: usize| unsafe { je::nallocx(n, 0) };
        for n in 1..=65_536 {
            assert_eq!(size_class(n), real(n), "{n}");
        }
        let mut n = 65_536;
        while n < 1 << 40 {
            for m in [n - 1, n, n + 1, n + n / 4, n + n / 4 + 1, n + n / 3] {
                assert_eq!(size_class(m), real(m), "{m}");
            }
            n *= 2;
        }
        assert_eq!(size_class(0), 8);
        assert_eq!([24, 25, 33, 57, 65, 129].map(size_class), [24, 32, 40, 64, 80, 160]);
    }

    /// Aligned layouts are aligned, and counted as what they take.
    #[test]
    fn every_alignment_is_met_and_counted() {
        for align_log in 0..=16 {
            for size in [1, 3, 8, 17, 24, 40, 56, 72, 100, 1000, 5000, 14_000, 14_337, 20_000, 300_000] {
                let layout = Layout::from_size_align(size, 1 << align_log).unwrap();
                // SAFETY: the size is not 0; freed below with the same layout.
                unsafe {
                    let before = used_by_thread();
                    let p = Counting.alloc(layout);
                    assert_eq!(p as usize % layout.align(), 0, "{layout:?}");
                    let taken = used_by_thread() - before;
                    assert_eq!(taken as usize, je::malloc_usable_size(p.cast()), "{layout:?}");
                    p.write_bytes(7, size);
                    let p = Counting.realloc(p, layout, size * 2 + 1);
                    assert_eq!(p as usize % layout.align(), 0, "{layout:?}");
                    assert_eq!((*p, *p.add(size - 1)), (7, 7));
                    let taken = used_by_thread() - before;
                    assert_eq!(taken as usize, je::malloc_usable_size(p.cast()), "{layout:?}");
                    Counting.dealloc(p, Layout::from_size_align(size * 2 + 1, layout.align()).unwrap());
                    assert_eq!(used_by_thread(), before);
                    let p = Counting.alloc_zeroed(layout);
                    assert!((0..size).all(|i| *p.add(i) == 0));
                    Counting.dealloc(p, layout);
                    assert_eq!(used_by_thread(), before);
                }
            }
        }
    }

    #[test]
    fn a_threads_own_figure_is_exact() {
        let before = used_by_thread();
        let v = Vec::<u8>::with_capacity(1001);
        assert_eq!(used_by_thread() - before, 1024);
        drop(v);
        assert_eq!(used_by_thread(), before);
    }

    /// What one thread allocates and another frees: one's plus, the other's minus.
    #[test]
    fn counts_add_up_across_threads() {
        let _alone = BIG.lock().unwrap_or_else(|e| e.into_inner());
        let (to, from) = channel::<Vec<u8>>();
        let (tell, told) = channel();
        let freer = std::thread::spawn(move || {
            let v = from.recv().unwrap();
            let before = used_by_thread();
            drop(v);
            tell.send(used_by_thread() - before).unwrap();
        });
        let big = 10 << 20;
        let before = used_by_thread();
        let v = Vec::with_capacity(big);
        assert_eq!((used_by_thread() - before) as usize, size_class(big));
        assert!(used() >= big);
        to.send(v).unwrap();
        assert_eq!(told.recv().unwrap(), -(size_class(big) as i64));
        freer.join().unwrap();
    }

    /// More threads than slots, at once and one after another: none is lost, slots are given back.
    #[test]
    fn threads_beyond_the_slots_still_count() {
        let _alone = BIG.lock().unwrap_or_else(|e| e.into_inner());
        // Never touched, so it costs no memory; far more than what other tests allocate and free beside.
        let (big, slack) = (16 << 20, 256 << 20);
        for _ in 0..2 {
            let before = used();
            let threads = MEMORY_SLOTS + 8;
            let barrier = std::sync::Barrier::new(threads + 1);
            let (held, freed) = std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        let v = Vec::<u8>::with_capacity(big);
                        barrier.wait();
                        barrier.wait();
                        drop(v);
                        barrier.wait();
                    });
                }
                barrier.wait();
                let held = used();
                barrier.wait();
                barrier.wait();
                (held, used())
            });
            assert!(held >= before + threads * big - slack, "{held} {before}");
            assert!(freed < held - threads * big + slack, "{freed} {held}");
        }
    }

    #[test]
    fn statistics_answer() {
        let _alone = BIG.lock().unwrap_or_else(|e| e.into_inner());
        let mut cache = StatsCache::default();
        let first = cache.get(1000);
        assert!(first.allocated > 0 && first.active > 0 && first.resident > 0);
        let _held = Vec::<u8>::with_capacity(512 << 20);
        assert_eq!(cache.get(1099), first);
        assert!(cache.get(1100).allocated > first.allocated + (256 << 20));
        assert!(small_bins_waste() < first.resident);
        assert!(rss() > 1 << 20);
        assert!(system_memory() > 64 << 20);
        purge();
        assert!(malloc_stats_text().contains("___ Begin jemalloc statistics ___"));
        assert!(start_background_purge());
    }

    #[test]
    fn options_reach_jemalloc() {
        // SAFETY: of type ssize_t.
        let decay: isize = unsafe { ctl::raw::read(b"opt.dirty_decay_ms\0") }.unwrap();
        assert_eq!(decay, 2000);
    }

    #[test]
    fn smaps_fields_are_summed() {
        let text = "a-b rw-p\nPrivate_Dirty:      12 kB\nSize: 1 kB\nPrivate_Dirty:  4 kB\n";
        assert_eq!(sum_smaps(text, "Private_Dirty"), 16 * 1024);
        assert_eq!(sum_smaps(text, "Private"), 0);
    }

    #[test]
    fn the_peak_is_kept() {
        let held = vec![0u8; 8 << 20];
        let used = used_noting_peak();
        drop(held);
        assert!(peak() >= used);
    }
}

/// Those that Miri runs too.
#[cfg(test)]
mod slot_tests {
    use super::*;

    /// Counts, allocates and frees through `Counting` itself, in threads that come and go.
    #[test]
    fn slots_are_taken_and_given_back() {
        let layout = Layout::from_size_align(40, 8).unwrap();
        for _ in 0..3 {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    std::thread::spawn(move || {
                        let before = used_by_thread();
                        // SAFETY: the size is not 0; written within it; freed with the same layout.
                        unsafe {
                            let p = Counting.alloc(layout);
                            p.write_bytes(1, 40);
                            let p = Counting.realloc(p, layout, 100);
                            assert_eq!(p.read(), 1);
                            assert_eq!(used_by_thread() - before, size_class(100) as i64);
                            Counting.dealloc(p, Layout::from_size_align(100, 8).unwrap());
                        }
                        assert_eq!(used_by_thread(), before);
                        assert!((MINE.get() as usize) < MEMORY_SLOTS);
                    })
                })
                .collect();
            threads.into_iter().for_each(|t| t.join().unwrap());
        }
        assert!(SLOTS_SEEN.load(Acquire) <= MEMORY_SLOTS);
    }
}

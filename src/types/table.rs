//! The segmented hash table of the keyspace (and of large sets and hashes).
//!
//! Linear hashing over segments: a key's segment is given by the low bits of its hash, its bucket inside the
//! segment by the top 16 (the tag). A bucket is one cache line of eight slots; a slot is a pointer with the tag in
//! its upper 16 bits, so a lookup reads the bucket's line and then, nearly always, only the entry it wants. A full
//! bucket overflows into the next one (wrapping inside the segment); a removal pulls overflowed entries back, so
//! a lookup ends at the first bucket with a free slot and no marks are kept.
//!
//! A segment's bucket array grows in steps of about a quarter (the allocator's own size classes), from one bucket
//! to about 160. The table as a whole grows by splitting one segment at a time, in order. So no operation moves
//! more than one segment (about 1,000 entries) or allocates more than 16 KiB, at any size, and the load stays
//! between 0.6 and 0.81: 8 / 0.73 = 11 bytes per entry. Growing inside a segment needs no hash; a split recomputes
//! the hashes of that one segment.
//!
//! SCAN walks segments in the order of their bit-reversed numbers and buckets in the order of tags: see
//! [`Table::scan`].
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::base::hash::hash;
use crate::base::rng::Rng;

/// An owned thin pointer that a table can hold.
///
/// # Safety
/// `into_raw` gives a pointer whose upper 16 address bits are zero and which stays valid, with the same key,
/// until `from_raw` takes it back.
pub unsafe trait Item: Sized {
    /// A shared view of the item.
    type Ref<'a>: Copy;
    /// Gives up ownership.
    fn into_raw(self) -> NonNull<u8>;
    /// Takes ownership back.
    /// # Safety
    /// `raw` came from `into_raw` and is not used again.
    unsafe fn from_raw(raw: NonNull<u8>) -> Self;
    /// Views the item.
    /// # Safety
    /// `raw` came from `into_raw`, and nothing changes or frees the item during `'a`.
    unsafe fn view<'a>(raw: NonNull<u8>) -> Self::Ref<'a>;
    /// The item's key.
    fn key<'a>(view: Self::Ref<'a>) -> &'a [u8]
    where
        Self: 'a;
}

/// Where an item lies. Any insertion or removal makes it stale; a stale one reads another item or panics, never
/// memory out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pos {
    seg: u32,
    slot: u32,
}

impl Pos {
    /// The segment.
    #[inline]
    pub fn segment(self) -> usize {
        self.seg as usize
    }
}

const SLOTS: usize = 8;
/// Segments per block of the directory: 8 KiB of descriptors.
const BLOCK: usize = 512;
/// Entries per segment on average at which the next segment is split: those not split yet hold up to twice that.
const TARGET: usize = 480;
/// Entries per segment on average at which the last segment is merged back.
const TARGET_LOW: usize = 160;
/// Buckets of one segment at the most: twice the target and five standard deviations fit.
const BUCKETS_MAX: usize = 192;
const TAG_SHIFT: u32 = 48;
const ADDRESS: usize = (1 << TAG_SHIFT) - 1;
/// Bits of a SCAN cursor's position.
const POSITION_BITS: u32 = 42;

type Slot = *mut u8;

#[repr(C, align(64))]
struct Bucket([Slot; SLOTS]);

/// One segment: 16 bytes, so that the directory of a million keys fits the first cache levels.
struct Seg {
    buckets: *mut Bucket,
    /// Buckets; 0 until the first insertion.
    n: u16,
    /// Entries.
    count: u16,
    /// The epoch of the last snapshot that has this segment. See [`Table::begin_epoch`].
    version: u32,
}

const NO_SEG: Seg = Seg { buckets: std::ptr::null_mut(), n: 0, count: 0, version: 0 };

/// A table of `I`, keyed by bytes. See the head of this file.
pub struct Table<I: Item> {
    blocks: Vec<Vec<Seg>>,
    segs: usize,
    /// The smallest power of two that covers `segs`, less one.
    mask: usize,
    len: usize,
    /// Bytes of all bucket arrays.
    bytes: usize,
    /// Removals keep the table's size: only DEBUG asks for that.
    keeps_size: bool,
    /// The epoch of the snapshot that is being taken; 0 = none is.
    epoch: u32,
    items: PhantomData<I>,
}

// SAFETY: a table owns its items and shares nothing; it is as sendable as what it owns.
unsafe impl<I: Item + Send> Send for Table<I> {}

impl<I: Item> Default for Table<I> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Item> Table<I> {
    /// An empty table; allocates only its first descriptor until the first insertion.
    pub fn new() -> Self {
        Table {
            blocks: vec![vec![NO_SEG]],
            segs: 1,
            mask: 0,
            len: 0,
            bytes: 0,
            keeps_size: false,
            epoch: 0,
            items: PhantomData,
        }
    }

    /// A snapshot begins, whose epoch is no other's: every segment lacks in it until [`Table::mark_saved`].
    pub fn begin_epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
    }

    /// The snapshot is over.
    pub fn end_epoch(&mut self) {
        self.epoch = 0;
    }

    /// Whether a snapshot is being taken.
    #[inline]
    pub fn in_epoch(&self) -> bool {
        self.epoch != 0
    }

    /// Whether the snapshot lacks segment `index`.
    #[inline]
    pub fn lacks(&self, index: usize) -> bool {
        self.epoch != 0 && self.seg(index).version != self.epoch
    }

    /// The snapshot has segment `index` from now on.
    pub fn mark_saved(&mut self, index: usize) {
        self.seg_mut(index).version = self.epoch;
    }

    /// How many segments there are. While a snapshot is taken, new ones come at the end, and of the last ones only
    /// those go that it has, or that lack as well as what they are merged into.
    pub fn segments(&self) -> usize {
        self.segs
    }

    /// The segment in which an item with this hash lies, or would.
    #[inline]
    pub fn segment_of(&self, hash: u64) -> usize {
        self.seg_index(hash)
    }

    /// The items of segment `index`, asking for each some steps ahead.
    pub fn segment(&self, index: usize) -> impl Iterator<Item = I::Ref<'_>> + '_ {
        self.seg(index).scattered().map(|s| {
            // SAFETY: a slot that is not null holds a live item, unchanged while self is borrowed.
            unsafe { I::view(NonNull::new_unchecked(pointer(s))) }
        })
    }

    /// Items held.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes the table takes beside its items.
    pub fn overhead_bytes(&self) -> usize {
        self.bytes + self.segs * size_of::<Seg>()
    }

    /// Slots allocated in all segments, and the number of segments.
    pub fn shape(&self) -> (usize, usize) {
        (self.bytes / size_of::<Slot>(), self.segs)
    }

    /// The size as DEBUG tells it: the items at which another segment comes, or the slots while there is only one.
    pub fn nominal_size(&self) -> usize {
        if self.segs > 1 { self.segs * TARGET } else { self.shape().0 }
    }

    /// Linear hashing: segments not split yet are named by one bit less.
    #[inline]
    fn seg_index(&self, hash: u64) -> usize {
        let i = hash as u32 as usize & self.mask;
        if i < self.segs { i } else { i & (self.mask >> 1) }
    }

    #[inline]
    fn seg(&self, i: usize) -> &Seg {
        &self.blocks[i / BLOCK][i % BLOCK]
    }

    #[inline]
    fn seg_mut(&mut self, i: usize) -> &mut Seg {
        &mut self.blocks[i / BLOCK][i % BLOCK]
    }

    /// Asks the processor for the bucket of `hash`: first step of a batch.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        let seg = self.seg(self.seg_index(hash));
        if seg.n != 0 {
            prefetch(seg.buckets.wrapping_add(seg.home(tag(hash))).cast());
        }
    }

    /// Asks the processor for the entry that `hash` probably is: second step of a batch.
    #[inline]
    pub fn prefetch_item(&self, hash: u64) {
        let seg = self.seg(self.seg_index(hash));
        if seg.n == 0 {
            return;
        }
        let tag = tag(hash);
        let found = seg.bucket(seg.home(tag)).0.iter().find(|s| tag_of(**s) == tag);
        if let Some(&s) = found {
            prefetch(pointer(s));
            prefetch(pointer(s).wrapping_add(64));
        }
    }

    /// Finds `key`, whose hash is `hash`.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Pos> {
        let index = self.seg_index(hash);
        let seg = self.seg(index);
        if seg.n == 0 {
            return None;
        }
        let tag = tag(hash);
        let mut b = seg.home(tag);
        for _ in 0..seg.n {
            let mut free = false;
            for (i, &s) in seg.bucket(b).0.iter().enumerate() {
                free |= s.is_null();
                if tag_of(s) == tag && !s.is_null() {
                    // SAFETY: a slot that is not null holds a live item of this table.
                    let view = unsafe { I::view(NonNull::new_unchecked(pointer(s))) };
                    if I::key(view) == key {
                        return Some(Pos { seg: index as u32, slot: (b * SLOTS + i) as u32 });
                    }
                }
            }
            if free {
                return None;
            }
            b = seg.next(b);
        }
        None
    }

    /// The item's pointer at `pos`. Panics when `pos` is stale and its slot empty.
    #[inline]
    fn raw(&self, pos: Pos) -> NonNull<u8> {
        let s = *self.seg(pos.seg as usize).slot(pos.slot as usize);
        assert!(!s.is_null(), "stale table position");
        // SAFETY: not null, checked above.
        unsafe { NonNull::new_unchecked(pointer(s)) }
    }

    /// Views the item at `pos`.
    #[inline]
    pub fn get(&self, pos: Pos) -> I::Ref<'_> {
        // SAFETY: the slot holds a live item; the borrow of self keeps it unchanged.
        unsafe { I::view(self.raw(pos)) }
    }

    /// The item's pointer at `pos`, for the item's own module to change it in place while self is borrowed.
    #[inline]
    pub fn get_raw(&mut self, pos: Pos) -> NonNull<u8> {
        self.raw(pos)
    }

    /// Gives the item at `pos` to `change` and stores what it returns: the same key, maybe in another allocation.
    #[inline]
    pub fn update(&mut self, pos: Pos, change: impl FnOnce(I) -> I) {
        let raw = self.raw(pos);
        let slot = self.seg_mut(pos.seg as usize).slot_mut(pos.slot as usize);
        let t = tag_of(*slot);
        *slot = std::ptr::null_mut();
        // SAFETY: the slot was emptied, so ownership moves to `change` and comes back from it.
        let item = change(unsafe { I::from_raw(raw) });
        *slot = tagged(item.into_raw(), t);
    }

    /// Inserts `item`, whose key must be absent and hash to `hash`.
    pub fn insert(&mut self, hash: u64, item: I) -> Pos {
        if self.len >= self.segs * TARGET {
            self.split();
        }
        let index = self.seg_index(hash);
        let (n, count) = (self.seg(index).n, self.seg(index).count);
        if count as usize + 1 > room(n) {
            self.resize(index, larger(n));
        }
        let slot = self.seg_mut(index).place(tagged(item.into_raw(), tag(hash)));
        self.len += 1;
        Pos { seg: index as u32, slot: slot as u32 }
    }

    /// Takes the item at `pos` out.
    pub fn remove(&mut self, pos: Pos) -> I {
        let raw = self.raw(pos);
        let index = pos.seg as usize;
        self.seg_mut(index).vacate(pos.slot as usize);
        self.len -= 1;
        if !self.keeps_size {
            self.shrink(index);
        }
        // SAFETY: the slot was vacated, so this is the only owner.
        unsafe { I::from_raw(raw) }
    }

    /// Fits segment `index` and the number of segments to what is left after a removal.
    #[inline]
    fn shrink(&mut self, index: usize) {
        let (n, count) = (self.seg(index).n, self.seg(index).count);
        if (count as usize) < room(n) * 2 / 5 {
            self.resize(index, fitting(count));
        }
        if self.segs > 1 && self.len < self.segs * TARGET_LOW {
            self.merge();
        }
    }

    /// Whether removals keep the table's size (for DEBUG). Switched off, it shrinks to what it holds, all at once.
    pub fn keep_size(&mut self, keeps: bool) {
        self.keeps_size = keeps;
        if keeps {
            return;
        }
        self.fit();
        (0..self.segs).for_each(|index| self.shrink(index));
    }

    /// Makes the segments for `n` items ahead, which costs little while there are few: no item is moved again as they
    /// come. If fewer came, [`Table::fit`] takes back what was too much.
    pub fn reserve(&mut self, n: usize) {
        while self.segs * TARGET < n {
            self.split();
        }
    }

    /// Merges segments until none holds too few items on average.
    pub fn fit(&mut self) {
        while self.segs > 1 && self.len < self.segs * TARGET_LOW && self.merge() {}
    }

    /// Splits the next segment in order: those of its entries whose next hash bit is set go to a new one.
    fn split(&mut self) {
        let low = 1usize << self.segs.ilog2();
        let from = self.segs - low;
        let old = self.take(from);
        if self.segs.is_multiple_of(BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let block = self.segs / BLOCK;
        self.blocks[block].push(Seg { version: old.version, ..NO_SEG });
        self.set_segs(self.segs + 1);
        let (mut stay, mut go) =
            (Vec::with_capacity(old.count as usize), Vec::with_capacity(old.count as usize));
        // The keys are far apart in memory: asking for them some steps ahead hides most of the wait.
        let items: Vec<Slot> = old.items().collect();
        old.free();
        for (i, &s) in items.iter().enumerate() {
            if let Some(&a) = items.get(i + PREFETCH_AHEAD) {
                prefetch(pointer(a));
            }
            // SAFETY: a slot that is not null holds a live item.
            let view = unsafe { I::view(NonNull::new_unchecked(pointer(s))) };
            if hash(I::key(view)) & low as u64 == 0 { stay.push(s) } else { go.push(s) }
        }
        self.fill(from, &stay);
        self.fill(self.segs - 1, &go);
    }

    /// Merges the last segment into the one it was split from. What a snapshot has and what it lacks are not mixed: then
    /// that is left to a later removal, and false.
    fn merge(&mut self) -> bool {
        let last = self.segs - 1;
        let into = last - (1 << last.ilog2());
        if self.lacks(last) != self.lacks(into) {
            return false;
        }
        let (gone, kept) = (self.take(last), self.take(into));
        self.set_segs(last);
        self.blocks[last / BLOCK].pop();
        if last.is_multiple_of(BLOCK) {
            self.blocks.pop();
        }
        let slots: Vec<Slot> = kept.items().chain(gone.items()).collect();
        gone.free();
        kept.free();
        self.fill(into, &slots);
        true
    }

    fn set_segs(&mut self, segs: usize) {
        self.segs = segs;
        self.mask = segs.next_power_of_two() - 1;
    }

    /// Takes the array of segment `index`, leaving it without one.
    fn take(&mut self, index: usize) -> Seg {
        let seg = self.seg_mut(index);
        let empty = Seg { version: seg.version, ..NO_SEG };
        let old = std::mem::replace(seg, empty);
        self.bytes -= old.bytes();
        old
    }

    /// Fills segment `index`, which has no array, with `slots`.
    fn fill(&mut self, index: usize, slots: &[Slot]) {
        let n = fitting(slots.len() as u16);
        self.allocate(index, n);
        let seg = self.seg_mut(index);
        for &s in slots {
            seg.place(s);
        }
    }

    fn allocate(&mut self, index: usize, n: u16) {
        let seg = self.seg_mut(index);
        seg.allocate(n);
        let bytes = seg.bytes();
        self.bytes += bytes;
    }

    /// Moves segment `index` into an array of `n` buckets.
    fn resize(&mut self, index: usize, n: u16) {
        if self.seg(index).n == n {
            return;
        }
        let old = self.take(index);
        self.allocate(index, n);
        let seg = self.seg_mut(index);
        for s in old.items() {
            seg.place(s);
        }
        old.free();
    }

    /// Walks items from `cursor` on, whole home buckets at a time, until at least `count` were given or the end is
    /// reached; returns the next cursor, 0 at the end. An item that is in the table during all of a walk is given
    /// at least once, whatever grows or shrinks meanwhile.
    ///
    /// A cursor is: 6 bits depth, 42 bits position (the segment's number, bit-reversed: a fraction of the hash
    /// space, which stays what it is when segments split or merge), 16 bits tag. The walk goes in the order of
    /// (position, tag). After a split it goes on in the first part at the same tag, and later through the whole of
    /// the others: some items come twice. After a merge (told by the depth) only a walk that was in the last part
    /// may go on at its tag; any other begins the merged segment anew.
    pub fn scan(&self, cursor: u64, count: usize, mut give: impl FnMut(I::Ref<'_>)) -> u64 {
        let mut at = Cursor::decode(cursor);
        let mut given = 0;
        loop {
            let low = (at.position << (64 - POSITION_BITS)).reverse_bits();
            let index = self.seg_index(low);
            let depth = self.depth(index);
            if depth < at.depth && !all_ones(low, depth, at.depth) {
                at.tag = 0;
            }
            let seg = self.seg(index);
            let start = if seg.n == 0 { 0 } else { seg.home(at.tag) };
            for home in start..seg.n as usize {
                if given >= count {
                    return Cursor { depth, position: position_of(low, depth), tag: seg.first_tag(home) }
                        .encode();
                }
                given += seg.give_home::<I>(home, &mut give);
            }
            let next = position_of(low, depth) + (1u64 << (POSITION_BITS - depth));
            if next >> POSITION_BITS != 0 {
                return 0;
            }
            at = Cursor { depth: 0, position: next, tag: 0 };
        }
    }

    /// How many low hash bits name segment `index`.
    fn depth(&self, index: usize) -> u32 {
        let level = self.segs.ilog2();
        let low = 1usize << level;
        // Those below the split pointer, and those split off, have one bit more.
        if index < self.segs - low || index >= low { level + 1 } else { level }
    }

    /// A fair random item: every item has the same probability.
    pub fn sample(&self, rng: &mut Rng) -> Option<Pos> {
        if self.len == 0 {
            return None;
        }
        // Equal chances need the same number of slots drawn from in every segment, also where fewer exist.
        let slots = SLOTS * if self.segs == 1 { self.seg(0).n as usize } else { BUCKETS_MAX };
        loop {
            let (index, slot) = (rng.below(self.segs as u64) as usize, rng.below(slots as u64) as usize);
            let seg = self.seg(index);
            if slot < seg.n as usize * SLOTS && !seg.slot(slot).is_null() {
                return Some(Pos { seg: index as u32, slot: slot as u32 });
            }
        }
    }

    /// Gives neighbouring items from a random place on until `n` were taken, as `give` tells of each, or a bounded
    /// number was looked at. Less fair than [`Table::sample`], but the misses of memory overlap: for eviction.
    pub fn sample_run(&self, rng: &mut Rng, n: usize, mut give: impl FnMut(I::Ref<'_>) -> bool) {
        let looks = (n * RUN_LOOKS).min(self.len);
        let mut index = rng.below(self.segs as u64) as usize;
        let mut from = rng.below(self.seg(index).n as u64) as usize;
        let (mut looked, mut taken) = (0, 0);
        // Once around, and the first segment a second time for what lies before the place begun at.
        for _ in 0..=self.segs {
            let seg = self.seg(index);
            for b in from..seg.n as usize {
                let bucket = seg.bucket(b);
                bucket.0.iter().filter(|s| !s.is_null()).for_each(|&s| prefetch(pointer(s)));
                for &s in bucket.0.iter().filter(|s| !s.is_null()) {
                    // SAFETY: a slot that is not null holds a live item; the table is borrowed.
                    taken += give(unsafe { I::view(NonNull::new_unchecked(pointer(s))) }) as usize;
                    looked += 1;
                    if taken >= n || looked >= looks {
                        return;
                    }
                }
            }
            (index, from) = (if index + 1 == self.segs { 0 } else { index + 1 }, 0);
        }
    }

    /// The items that may be the one a [`short_hash`] names: nearly always one.
    pub fn candidates(&self, short: u32) -> impl Iterator<Item = Pos> + '_ {
        let (tag, low) = ((short >> 16) as u16, (short & 0xffff) as usize);
        // With more than 65,536 segments the 16 bits name several of them.
        let rest = (1..).map(move |k| low + (k << 16)).take_while(|&i| i < self.segs);
        std::iter::once(self.seg_index(low as u64)).chain(rest).flat_map(move |index| {
            self.seg(index).with_tag(tag).map(move |slot| Pos { seg: index as u32, slot: slot as u32 })
        })
    }

    /// Gives all items to `f`, in no order.
    pub fn for_each(&self, f: impl FnMut(I::Ref<'_>)) {
        self.iter().for_each(f);
    }

    /// A copy, `copy` making that of each item, with the same key. Nothing is hashed or moved: the items lie as here.
    pub fn duplicate(&self, mut copy: impl FnMut(I::Ref<'_>) -> I) -> Table<I> {
        let mut table = Table::new();
        table.blocks.clear();
        table.keeps_size = self.keeps_size;
        for block in &self.blocks {
            let mut segs = Vec::with_capacity(block.len());
            segs.extend(block.iter().map(|seg| {
                let mut new = Seg { version: seg.version, ..NO_SEG };
                new.allocate(seg.n);
                for slot in 0..seg.n as usize * SLOTS {
                    let s = *seg.slot(slot);
                    if !s.is_null() {
                        // SAFETY: a slot that is not null holds a live item, unchanged while self is borrowed.
                        let item = copy(unsafe { I::view(NonNull::new_unchecked(pointer(s))) });
                        *new.slot_mut(slot) = tagged(item.into_raw(), tag_of(s));
                    }
                }
                new.count = seg.count;
                new
            }));
            table.blocks.push(segs);
        }
        table.set_segs(self.segs);
        (table.len, table.bytes) = (self.len, self.bytes);
        table
    }

    /// All items, in no order, asking for each some steps ahead.
    pub fn iter(&self) -> impl Iterator<Item = I::Ref<'_>> + '_ {
        self.blocks.iter().flatten().flat_map(Seg::scattered).map(|s| {
            // SAFETY: a slot that is not null holds a live item, unchanged while self is borrowed.
            unsafe { I::view(NonNull::new_unchecked(pointer(s))) }
        })
    }
}

impl<I: Item> Drop for Table<I> {
    fn drop(&mut self) {
        self.blocks.drain(..).flatten().for_each(drop_seg::<I>);
    }
}

/// What is left of a table that is being freed, segment by segment.
pub struct Remains<I: Item>(Table<I>);

impl<I: Item> Remains<I> {
    /// All of `table`.
    pub fn new(table: Table<I>) -> Self {
        Remains(table)
    }

    /// Frees one segment with its items; false when none is left.
    pub fn free_some(&mut self) -> bool {
        // The table is whole no longer: nothing but this and `drop` is called on it.
        let Some(block) = self.0.blocks.last_mut() else { return false };
        match block.pop() {
            Some(seg) => drop_seg::<I>(seg),
            None => drop(self.0.blocks.pop()),
        }
        true
    }
}

fn drop_seg<I: Item>(seg: Seg) {
    for s in seg.items() {
        // SAFETY: the table owned it and has given the segment up.
        drop(unsafe { I::from_raw(NonNull::new_unchecked(pointer(s))) });
    }
    seg.free();
}

/// How many items [`Table::sample_run`] looks at for each that it is to give.
const RUN_LOOKS: usize = 16;
/// How many keys ahead a split asks for.
const PREFETCH_AHEAD: usize = 8;
/// How many buckets ahead a walk over all items asks for.
const BUCKETS_AHEAD: usize = 6;

/// A step by which all of `n` buckets are met, neighbours far apart: near the golden section of `n`, and coprime to it.
fn stride(n: usize) -> usize {
    let coprime = |step: usize| {
        let (mut a, mut b) = (n, step);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    (n * 5 / 8..n).find(|&step| coprime(step)).unwrap_or(1)
}

impl Seg {
    #[inline]
    fn home(&self, tag: u16) -> usize {
        (tag as usize * self.n as usize) >> 16
    }

    /// The smallest tag whose home is `bucket`.
    fn first_tag(&self, bucket: usize) -> u16 {
        (bucket << 16).div_ceil(self.n as usize) as u16
    }

    #[inline]
    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.n as usize { 0 } else { bucket + 1 }
    }

    #[inline]
    fn bucket(&self, b: usize) -> &Bucket {
        assert!(b < self.n as usize);
        // SAFETY: b is below the number of buckets allocated.
        unsafe { &*self.buckets.add(b) }
    }

    #[inline]
    fn slot(&self, slot: usize) -> &Slot {
        &self.bucket(slot / SLOTS).0[slot % SLOTS]
    }

    #[inline]
    fn slot_mut(&mut self, slot: usize) -> &mut Slot {
        assert!(slot / SLOTS < self.n as usize);
        // SAFETY: as in `bucket`, and self is borrowed mutably.
        unsafe { &mut (*self.buckets.add(slot / SLOTS)).0[slot % SLOTS] }
    }

    /// The slots in use.
    fn items(&self) -> impl Iterator<Item = Slot> + '_ {
        (0..self.n as usize).flat_map(|b| self.bucket(b).0).filter(|s| !s.is_null())
    }

    /// As `items`, for who reads them: buckets and items are asked for some steps ahead. The buckets come in a scattered
    /// order, since another table that was filled in the order of tags would, until it has grown, overflow from the
    /// few buckets that the first tags share into all others.
    fn scattered(&self) -> impl Iterator<Item = Slot> + '_ {
        let n = self.n as usize;
        let stride = stride(n);
        let bucket = move |i: usize| (i < n).then(|| i * stride % n);
        (0..n)
            .flat_map(move |i| {
                if let Some(b) = bucket(i + BUCKETS_AHEAD) {
                    prefetch(self.buckets.wrapping_add(b).cast());
                }
                if let Some(b) = bucket(i + 1) {
                    self.bucket(b).0.iter().for_each(|&s| prefetch(pointer(s)));
                }
                self.bucket(i * stride % n).0
            })
            .filter(|s| !s.is_null())
    }

    fn bytes(&self) -> usize {
        self.n as usize * size_of::<Bucket>()
    }

    fn allocate(&mut self, n: u16) {
        assert!(self.buckets.is_null() && n as usize <= BUCKETS_MAX);
        if n > 0 {
            let layout = Self::layout(n);
            // SAFETY: the layout is not empty.
            let p = unsafe { alloc_zeroed(layout) };
            if p.is_null() {
                handle_alloc_error(layout);
            }
            self.buckets = p.cast();
        }
        (self.n, self.count) = (n, 0);
    }

    fn free(self) {
        if self.n > 0 {
            // SAFETY: allocated by `allocate` with the same n, and given up here.
            unsafe { dealloc(self.buckets.cast(), Self::layout(self.n)) };
        }
    }

    fn layout(n: u16) -> Layout {
        // SAFETY: at most 65,535 * 64 bytes, aligned to a power of two.
        unsafe { Layout::from_size_align_unchecked(n as usize * size_of::<Bucket>(), align_of::<Bucket>()) }
    }

    #[inline]
    fn full(&self, b: usize) -> bool {
        self.bucket(b).0.iter().all(|s| !s.is_null())
    }

    /// Puts a slot's value into the first free slot from its home on. There is room: the caller saw to it.
    fn place(&mut self, value: Slot) -> usize {
        assert!((self.count as usize) < self.n as usize * SLOTS, "a segment must have room");
        let mut b = self.home(tag_of(value));
        loop {
            if let Some(i) = self.bucket(b).0.iter().position(|s| s.is_null()) {
                *self.slot_mut(b * SLOTS + i) = value;
                self.count += 1;
                return b * SLOTS + i;
            }
            b = self.next(b);
        }
    }

    /// Empties a slot, and pulls back what had overflowed past its bucket.
    fn vacate(&mut self, slot: usize) {
        let n = self.n as usize;
        let (mut hole, mut b) = (slot, slot / SLOTS);
        let mut at = b;
        let mut more = self.full(b);
        *self.slot_mut(slot) = std::ptr::null_mut();
        self.count -= 1;
        for _ in 1..n {
            if !more {
                return;
            }
            at = self.next(at);
            more = self.full(at);
            // One may move back to b when its home is not after b on the way that ends here.
            let way = |from: usize| (at + n - from) % n;
            let back =
                self.bucket(at).0.iter().position(|&s| !s.is_null() && way(self.home(tag_of(s))) >= way(b));
            if let Some(i) = back {
                let from = at * SLOTS + i;
                *self.slot_mut(hole) = *self.slot(from);
                *self.slot_mut(from) = std::ptr::null_mut();
                (hole, b) = (from, at);
            }
        }
    }

    /// Slots that hold `tag`.
    fn with_tag(&self, tag: u16) -> impl Iterator<Item = usize> + '_ {
        let n = self.n as usize;
        let first = if n == 0 { 0 } else { self.home(tag) };
        let mut more = true;
        let buckets = (0..n)
            .map(move |k| (first + k) % n)
            .take_while(move |&b| std::mem::replace(&mut more, self.full(b)));
        buckets.flat_map(|b| b * SLOTS..(b + 1) * SLOTS).filter(move |&i| {
            let s = *self.slot(i);
            !s.is_null() && tag_of(s) == tag
        })
    }

    /// Gives all items whose home is `bucket`, wherever they lie.
    fn give_home<I: Item>(&self, bucket: usize, give: &mut impl FnMut(I::Ref<'_>)) -> usize {
        let (mut b, mut given) = (bucket, 0);
        for _ in 0..self.n {
            for &s in &self.bucket(b).0 {
                if !s.is_null() && self.home(tag_of(s)) == bucket {
                    given += 1;
                    // SAFETY: a slot that is not null holds a live item; the table is borrowed.
                    give(unsafe { I::view(NonNull::new_unchecked(pointer(s))) });
                }
            }
            if !self.full(b) {
                break;
            }
            b = self.next(b);
        }
        given
    }
}

/// A decoded SCAN cursor. See [`Table::scan`].
struct Cursor {
    depth: u32,
    position: u64,
    tag: u16,
}

impl Cursor {
    fn decode(c: u64) -> Cursor {
        let position = (c >> 16) & ((1 << POSITION_BITS) - 1);
        Cursor { depth: (c >> (16 + POSITION_BITS)) as u32, position, tag: c as u16 }
    }

    fn encode(&self) -> u64 {
        (self.depth as u64) << (16 + POSITION_BITS) | self.position << 16 | self.tag as u64
    }
}

/// The position of the segment that is named by the low `depth` bits of `low`.
fn position_of(low: u64, depth: u32) -> u64 {
    (low & ((1u64 << depth) - 1)).reverse_bits() >> (64 - POSITION_BITS)
}

/// Whether bits `from..to` of `low` are all set.
fn all_ones(low: u64, from: u32, to: u32) -> bool {
    (low >> from).trailing_ones() >= to - from
}

/// 32 bits of a hash by which [`Table::candidates`] finds the item again: what the expiry index keeps.
#[inline]
pub fn short_hash(hash: u64) -> u32 {
    (tag(hash) as u32) << 16 | (hash & 0xffff) as u32
}

#[inline]
fn tag(hash: u64) -> u16 {
    (hash >> TAG_SHIFT) as u16
}

#[inline]
fn tag_of(s: Slot) -> u16 {
    (s.addr() >> TAG_SHIFT) as u16
}

#[inline]
fn pointer(s: Slot) -> *mut u8 {
    s.map_addr(|a| a & ADDRESS)
}

#[inline]
fn tagged(p: NonNull<u8>, tag: u16) -> Slot {
    assert_eq!(p.addr().get() & !ADDRESS, 0, "an address of more than 48 bits");
    p.as_ptr().map_addr(|a| a | (tag as usize) << TAG_SHIFT)
}

/// Entries that `n` buckets may hold before the array grows: 13 of 16; a lone bucket may be full.
#[inline]
fn room(n: u16) -> usize {
    if n <= 1 { n as usize * SLOTS } else { n as usize * SLOTS * 13 / 16 }
}

/// The next larger array: 1 to 8 buckets, then four steps per doubling, which are the allocator's size classes.
fn larger(n: u16) -> u16 {
    if n < 8 { n + 1 } else { n + (1 << (n.ilog2() - 2)) }
}

/// The smallest array with room for `count` and a little growth.
fn fitting(count: u16) -> u16 {
    let (want, mut n) = (count as usize + count as usize / 16, 0);
    while room(n) < want {
        n = larger(n);
    }
    n
}

/// Asks the processor for the line at `p`.
#[inline]
pub(super) fn prefetch(p: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch touches no memory that the program can see, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch(p.cast(), std::arch::x86_64::_MM_HINT_T0);
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = p;
}

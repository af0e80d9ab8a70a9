//! One database: the table of its entries, the expiry index of its volatile keys, and typed access to both.
//!
//! Every change of an expiry goes through here, so that an entry with an expiry has exactly one item in the index.
//! A key whose time has come is removed by whoever meets it first, a lookup or the expiry cycle, and its name kept
//! in `expired` until `exec` has told everybody.
//!
//! Every change of an entry goes through here, too, so that a snapshot that is being taken can write it down first
//! (`snapshot`): `before_change`, `before_insert`, `lose_at`. Without a snapshot these cost one comparison.

use std::ptr::NonNull;
use std::rc::Rc;

use super::entry::{self, Entry, EntryRef, Kind, NewValue, Value};
use super::heap::HeapStr;
use super::object::{Mut, Ref, Stored};
use super::snapshot::{Format, Orphan, Owed, Saver};
use crate::base::hash::hash;
use crate::base::num;
use crate::base::rng::Rng;
use crate::types::collection::Collection;
use crate::types::expiry::ExpiryIndex;
use crate::types::hash::Hash;
use crate::types::table::{self, Pos, Table, short_hash};

/// A key with its hash, computed once.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// [`hash`] of the bytes.
    pub hash: u64,
}

impl<'a> Key<'a> {
    /// Hashes `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: hash(bytes) }
    }
}

/// What is done with keys whose time has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiryRule {
    /// Remove them: a primary.
    #[default]
    Remove,
    /// Keep them, but show them to nobody: a replica waits for its primary's DEL.
    Hide,
    /// Show them: while loading, and for the primary's own commands on a replica; also DEBUG SET-ACTIVE-EXPIRE's
    /// relatives.
    Ignore,
}

/// What an access does to an entry's clock, per `maxmemory-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Seconds of the last access.
    #[default]
    Lru,
    /// A logarithmic counter that decays by minutes.
    Lfu,
    /// Nothing: CLIENT NO-TOUCH.
    Untouched,
}

/// Counter that a new key starts with under LFU, so that it is not the first to go.
pub const LFU_START: u8 = 5;

/// A type error: the key holds another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

/// A string as it is stored.
pub type Str<'a> = Value<'a>;

/// One database. See the head of this file.
pub struct Db {
    /// Its number.
    pub id: u32,
    table: Table<Entry>,
    expires: ExpiryIndex,
    /// Of every hash with volatile fields the time of the first one.
    field_expires: ExpiryIndex,
    /// A key was made by `write_or_insert` that nobody was told of yet.
    pub created: bool,
    /// Milliseconds of Unix time, as the running command sees it.
    pub now_ms: i64,
    /// What is done with keys whose time has come.
    pub expiry_rule: ExpiryRule,
    /// What an access does to an entry's clock.
    pub access: Access,
    /// `lfu-log-factor`.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`, in minutes.
    pub lfu_decay_minutes: u32,
    /// Chance for LFU's counter.
    pub rng: Rng,
    /// Lookups of readers that found a key, and that did not, since the last [`Db::take_stats`].
    pub hits: u64,
    /// See `hits`.
    pub misses: u64,
    /// Keys removed because their time had come, until `exec` takes them.
    pub expired: Vec<Box<[u8]>>,
    /// How many of `expired` stand among the command's changes already.
    pub expired_told: usize,
    /// Writes the entries down for the snapshot that is being taken.
    saver: Option<Box<Saver>>,
    /// What was taken out before a snapshot had all of it.
    orphans: Vec<Orphan>,
}

impl Db {
    /// An empty database.
    pub fn new(id: u32, rng: Rng) -> Db {
        Db {
            id,
            table: Table::new(),
            expires: ExpiryIndex::new(),
            field_expires: ExpiryIndex::new(),
            created: false,
            now_ms: 0,
            expiry_rule: ExpiryRule::Remove,
            access: Access::Lru,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            rng,
            hits: 0,
            misses: 0,
            expired: Vec::new(),
            expired_told: 0,
            saver: None,
            orphans: Vec::new(),
        }
    }

    /// Keys held, those whose time has come but which nobody has met yet among them.
    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether it holds no key.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Keys with an expiry.
    pub fn volatile_len(&self) -> usize {
        self.expires.len()
    }

    /// Hashes with fields that expire.
    pub fn volatile_hashes(&self) -> usize {
        self.field_expires.len()
    }

    /// Mean time to live of the volatile keys, in ms, from a sample of the index.
    pub fn avg_ttl_ms(&self) -> i64 {
        let n = self.expires.len();
        let sum: i64 = self
            .expires
            .iter()
            .step_by((n / 64).max(1))
            .take(64)
            .map(|(at, _)| (at - self.now_ms).max(0))
            .sum();
        if n == 0 { 0 } else { sum / (n.min(64) as i64) }
    }

    /// Whether removals keep the table's size, for DEBUG.
    pub fn keep_table_size(&mut self, keeps: bool) {
        self.table.keep_size(keeps);
    }

    /// The table, for what reads all of it.
    pub fn table(&self) -> &Table<Entry> {
        &self.table
    }

    /// Asks the processor for what a lookup of `hash` reads first.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// Asks the processor for what a lookup of `hash` reads second.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.table.prefetch_item(hash);
    }

    /// Finds a live key without touching its clock or the statistics.
    #[inline]
    pub fn peek(&mut self, key: Key<'_>) -> Option<Pos> {
        let pos = self.table.find(key.hash, key.bytes)?;
        match self.table.get(pos).expiry() {
            Some(at) if at <= self.now_ms && self.expiry_rule != ExpiryRule::Ignore => {
                self.met_dead(pos, key.hash)
            }
            _ => Some(pos),
        }
    }

    /// A lookup has met a key whose time has come.
    #[cold]
    fn met_dead(&mut self, pos: Pos, hash: u64) -> Option<Pos> {
        if self.expiry_rule == ExpiryRule::Remove {
            self.expire_at(pos, hash);
        }
        None
    }

    /// A live key seen without removing a dead one: for several keys at once, which lookups have met before.
    pub fn seen(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let e = self.table.get(self.table.find(key.hash, key.bytes)?);
        (!self.is_dead(e)).then_some(e)
    }

    /// What is at `key`, live or not, without touching anything.
    pub fn raw(&self, key: Key<'_>) -> Option<EntryRef<'_>> {
        self.table.find(key.hash, key.bytes).map(|pos| self.table.get(pos))
    }

    /// Finds a live key in order to change it.
    #[inline]
    pub fn find(&mut self, key: Key<'_>) -> Option<Pos> {
        let pos = self.peek(key)?;
        self.touch(pos);
        Some(pos)
    }

    /// Finds a live key in order to read it: counts a hit or a miss.
    #[inline]
    pub fn find_read(&mut self, key: Key<'_>) -> Option<Pos> {
        let found = self.find(key);
        self.count_read(found)
    }

    #[inline]
    fn count_read(&mut self, found: Option<Pos>) -> Option<Pos> {
        if found.is_some() {
            self.hits += 1
        } else {
            self.misses += 1
        }
        found
    }

    /// As [`Db::find_read`], without touching the clock: TTL, TYPE, EXISTS, OBJECT.
    #[inline]
    pub fn peek_read(&mut self, key: Key<'_>) -> Option<Pos> {
        let found = self.peek(key);
        self.count_read(found)
    }

    #[inline]
    fn touch(&mut self, pos: Pos) {
        let clock = match self.access {
            Access::Lru => self.lru_now(),
            Access::Lfu => self.lfu_accessed(self.table.get(pos).clock()),
            Access::Untouched => return,
        };
        entry::touch(&mut self.table, pos, clock);
    }

    /// The LRU clock: seconds, modulo 2^24 (194 days).
    #[inline]
    pub fn lru_now(&self) -> u32 {
        (self.now_ms as u64 / 1000) as u32 & 0xff_ffff
    }

    /// Seconds since the access that an LRU clock tells.
    pub fn idle_seconds(&self, clock: u32) -> u32 {
        idle_seconds(clock, self.now_ms)
    }

    /// The clock that a new entry gets.
    fn new_clock(&self) -> u32 {
        match self.access {
            Access::Lfu => self.lfu_minutes() << 8 | LFU_START as u32,
            Access::Lru | Access::Untouched => self.lru_now(),
        }
    }

    fn lfu_minutes(&self) -> u32 {
        lfu_minutes(self.now_ms)
    }

    /// The clock of an entry that comes with what it was elsewhere: seconds since it was used, or how often it was.
    pub fn clock_of(&self, idle: Option<u64>, frequency: Option<u8>) -> u32 {
        match (self.access, frequency, idle) {
            (Access::Lfu, Some(counter), _) => self.lfu_minutes() << 8 | u32::from(counter),
            (Access::Lru | Access::Untouched, _, Some(seconds)) => {
                self.lru_now().wrapping_sub(seconds.min(0xff_ffff) as u32) & 0xff_ffff
            }
            _ => self.new_clock(),
        }
    }

    /// The LFU counter of a clock after decay: one less for every `lfu-decay-time` minutes.
    pub fn lfu_counter(&self, clock: u32) -> u8 {
        lfu_counter(clock, self.now_ms, self.lfu_decay_minutes)
    }

    /// The LFU clock after one more access: the counter grows with probability 1 / (counter * factor + 1).
    fn lfu_accessed(&mut self, clock: u32) -> u32 {
        let mut counter = self.lfu_counter(clock);
        let base = counter.saturating_sub(LFU_START) as u64;
        if counter < u8::MAX && self.rng.below(base * self.lfu_log_factor as u64 + 1) == 0 {
            counter += 1;
        }
        self.lfu_minutes() << 8 | counter as u32
    }

    /// Sets an entry's access clock (RESTORE, OBJECT's tests).
    pub fn set_clock(&mut self, pos: Pos, clock: u32) {
        entry::touch(&mut self.table, pos, clock);
    }

    /// The entry at `pos`.
    #[inline]
    pub fn at(&self, pos: Pos) -> EntryRef<'_> {
        self.table.get(pos)
    }

    /// The string at `key` for a reader; `None` when there is no such key.
    #[inline]
    pub fn string(&mut self, key: Key<'_>) -> Result<Option<Str<'_>>, WrongType> {
        match self.find_read(key) {
            Some(pos) => self.string_at(pos).map(Some),
            None => Ok(None),
        }
    }

    /// The string at `pos`.
    #[inline]
    pub fn string_at(&self, pos: Pos) -> Result<Str<'_>, WrongType> {
        self.table.get(pos).string().ok_or(WrongType)
    }

    /// The collection at `key` for a reader; `None` when there is no such key.
    #[inline]
    pub fn read<T: Stored>(&mut self, key: Key<'_>) -> Result<Option<Ref<'_, T>>, WrongType> {
        match self.find_read(key) {
            Some(pos) => self.read_at(pos).map(Some),
            None => Ok(None),
        }
    }

    /// The collection at `pos`.
    #[inline]
    pub fn read_at<T: Stored>(&self, pos: Pos) -> Result<Ref<'_, T>, WrongType> {
        self.table.get(pos).collection().ok_or(WrongType)
    }

    /// The collection at `key`, to be changed; `None` when there is no such key. Whoever takes the last element out
    /// removes the key (`KeyCx::delete_empty`).
    #[inline]
    pub fn write<T: Stored>(&mut self, key: Key<'_>) -> Result<Option<Mut<'_, T>>, WrongType> {
        match self.find(key) {
            Some(pos) => self.write_at(pos, key.hash).map(Some),
            None => Ok(None),
        }
    }

    /// The collection at `pos`, whose key has this hash, to be changed.
    #[inline]
    pub fn write_at<T: Stored>(&mut self, pos: Pos, hash: u64) -> Result<Mut<'_, T>, WrongType> {
        self.before_change(pos);
        Mut::new(self, pos, hash).ok_or(WrongType)
    }

    /// The collection at `key`, to be added to: an empty one is stored first where there is no such key. The next
    /// `KeyCx::changed` tells that the key is new; whoever adds nothing takes it back (`KeyCx::take_back`).
    #[inline]
    pub fn write_or_insert<T: Stored>(&mut self, key: Key<'_>) -> Result<Mut<'_, T>, WrongType> {
        let pos = match self.find(key) {
            Some(pos) => pos,
            None => {
                self.created = true;
                let (value, clock) = (NewValue::Collection(T::empty().into_any()), self.new_clock());
                self.insert_entry(key.hash, Entry::new(key.bytes, value, None, clock))
            }
        };
        self.write_at(pos, key.hash)
    }

    /// Writes kind and pointer of a changed collection back: for [`Mut`].
    #[inline]
    pub(super) fn put_parts(&mut self, pos: Pos, kind: Kind, raw: NonNull<u8>) {
        entry::put_parts(&mut self.table, pos, kind, raw);
    }

    /// The first field of a hash expires at another time than before.
    #[cold]
    pub(super) fn field_due_changed(&mut self, hash: u64, old: Option<i64>, new: Option<i64>) {
        if let Some(at) = old {
            let was = self.field_expires.remove(at, short_hash(hash));
            debug_assert!(was, "a hash with volatile fields is in the index");
        }
        if let Some(at) = new {
            self.field_expires.insert(at, short_hash(hash));
        }
    }

    /// What the entry at `pos` held is about to go: its fields expire no more.
    #[inline]
    fn forget_fields(&mut self, pos: Pos) {
        let e = self.table.get(pos);
        if let Some(at) = e.field_due() {
            let hash = hash(e.key());
            self.field_due_changed(hash, Some(at), None);
        }
    }

    /// Stores `value` at `pos`; the expiry stays.
    #[inline]
    pub fn replace(&mut self, pos: Pos, value: NewValue<'_>) {
        self.before_change(pos);
        self.forget_fields(pos);
        self.table.update(pos, |e| e.with_value(value));
    }

    /// Changes the string at `pos` in its own memory: gives `change` a heap string (the value is moved to the heap
    /// first) and stores it back.
    pub fn change_heap(&mut self, pos: Pos, change: impl FnOnce(&mut HeapStr)) {
        self.before_change(pos);
        self.table.update(pos, |mut e| {
            let mut heap = match e.take_pointee() {
                Some(NewValue::Heap(h)) => h,
                _ => {
                    let mut digits = num::NumBuf::new();
                    HeapStr::from_parts(&[match e.view().value() {
                        Value::Bytes(b) => b,
                        Value::Int(i) => num::fmt_i64(&mut digits, i),
                    }])
                }
            };
            change(&mut heap);
            e.with_value(NewValue::Heap(heap))
        });
    }

    /// Takes out what hangs off the entry at `pos`; what is left there is to be replaced or removed.
    #[cold]
    pub fn take_pointee(&mut self, pos: Pos) -> Option<NewValue<'static>> {
        self.before_change(pos);
        self.forget_fields(pos);
        let mut taken = None;
        self.table.update(pos, |mut e| {
            taken = e.take_pointee();
            e
        });
        taken
    }

    /// Adds `more` at the end of the string at `pos`: a short one is written anew, a long one grows in its memory.
    pub fn append(&mut self, pos: Pos, more: &[u8]) {
        let mut digits = num::NumBuf::new();
        let old = self.table.get(pos).value().bytes(&mut digits);
        let len = old.len() + more.len();
        if len > entry::INLINE_MAX {
            return self.change_heap(pos, |heap| heap.append(more));
        }
        let mut short = [0; entry::INLINE_MAX];
        short[..old.len()].copy_from_slice(old);
        short[old.len()..len].copy_from_slice(more);
        self.replace(pos, NewValue::Raw(&short[..len]));
    }

    /// Changes bytes of the string at `pos`, which is lengthened with zeros to `len` bytes first if it is shorter.
    pub fn edit(&mut self, pos: Pos, len: usize, change: impl FnOnce(&mut [u8])) {
        let mut digits = num::NumBuf::new();
        let old = self.table.get(pos).value().bytes(&mut digits);
        let len = len.max(old.len());
        if len > entry::INLINE_MAX {
            return self.change_heap(pos, |heap| {
                heap.resize(len);
                change(heap.make_mut());
            });
        }
        let mut short = [0; entry::INLINE_MAX];
        short[..old.len()].copy_from_slice(old);
        change(&mut short[..len]);
        self.replace(pos, NewValue::Raw(&short[..len]));
    }

    /// Stores a string of `len` zeros, changed by `change`, under `key`, which must be absent.
    pub fn insert_edited(&mut self, key: Key<'_>, len: usize, change: impl FnOnce(&mut [u8])) {
        if len > entry::INLINE_MAX {
            let mut heap = HeapStr::zeroed(len);
            change(heap.make_mut());
            return self.insert(key, NewValue::Heap(heap), None);
        }
        let mut short = [0; entry::INLINE_MAX];
        change(&mut short[..len]);
        self.insert(key, NewValue::Raw(&short[..len]), None);
    }

    /// Stores `value` under `key`, whatever was there; without an expiry unless one is given. Whether the key is new.
    #[inline]
    pub fn set(&mut self, key: Key<'_>, value: NewValue<'_>, expiry: Option<i64>) -> bool {
        match self.find(key) {
            Some(pos) => {
                self.overwrite(pos, key.hash, value, expiry);
                false
            }
            None => {
                self.insert(key, value, expiry);
                true
            }
        }
    }

    /// Stores `value` and `expiry` in place of what is at `pos`.
    #[inline]
    pub fn overwrite(&mut self, pos: Pos, hash: u64, value: NewValue<'_>, expiry: Option<i64>) {
        if expiry.is_some() || self.table.get(pos).expiry().is_some() {
            self.set_expiry(pos, hash, expiry);
        }
        self.replace(pos, value);
    }

    /// Stores `value` under `key`, which must be absent.
    pub fn insert(&mut self, key: Key<'_>, value: NewValue<'_>, expiry: Option<i64>) {
        let entry = Entry::new(key.bytes, value, expiry, self.new_clock());
        self.insert_entry(key.hash, entry);
    }

    /// Puts an entry in whose key must be absent.
    pub fn insert_entry(&mut self, hash: u64, entry: Entry) -> Pos {
        if self.expiry_rule == ExpiryRule::Hide
            && let Some(hidden) = self.table.find(hash, entry.view().key())
        {
            // It is over and was shown to nobody: the new one takes its place.
            drop(self.remove_at(hidden, hash));
        }
        self.before_insert(hash);
        if let Some(at) = entry.view().expiry() {
            self.expires.insert(at, short_hash(hash));
        }
        if let Some(at) = entry.view().field_due() {
            self.field_expires.insert(at, short_hash(hash));
        }
        self.table.insert(hash, entry)
    }

    /// Puts an entry in that was read from a file, whose key must be absent, with what the file tells of its use.
    pub fn insert_loaded(&mut self, entry: Entry, idle: Option<u64>, frequency: Option<u8>) {
        self.insert_hashed(hash(entry.view().key()), entry, idle, frequency);
    }

    /// As [`Db::insert_loaded`], where the hash of the key is known.
    pub fn insert_hashed(&mut self, hash: u64, entry: Entry, idle: Option<u64>, frequency: Option<u8>) {
        entry.set_clock(self.clock_of(idle, frequency));
        self.insert_entry(hash, entry);
    }

    /// Puts an entry in that was moved or copied here, with the clock of a new one. Its key must be absent.
    pub fn insert_moved(&mut self, key: Key<'_>, entry: Entry) {
        entry.set_clock(self.new_clock());
        self.insert_entry(key.hash, entry);
    }

    /// Sets or takes away the expiry of the entry at `pos`.
    pub fn set_expiry(&mut self, pos: Pos, hash: u64, expiry: Option<i64>) {
        let old = self.table.get(pos).expiry();
        if old == expiry {
            return;
        }
        self.before_change(pos);
        if let Some(at) = old {
            let was = self.expires.remove(at, short_hash(hash));
            debug_assert!(was, "a volatile key is in the index");
        }
        if let Some(at) = expiry {
            self.expires.insert(at, short_hash(hash));
        }
        self.table.update(pos, |e| e.with_expiry(expiry));
    }

    /// Removes the key at `pos` as one whose time has come: `exec` tells everybody.
    pub fn expire_at(&mut self, pos: Pos, hash: u64) {
        let gone = self.lose_at(pos, hash);
        self.expired.push(gone.view().key().into());
    }

    /// Takes a live key out.
    pub fn remove(&mut self, key: Key<'_>) -> Option<Entry> {
        let pos = self.peek(key)?;
        Some(self.remove_at(pos, key.hash))
    }

    /// Takes the entry at `pos` out.
    pub fn remove_at(&mut self, pos: Pos, hash: u64) -> Entry {
        self.before_change(pos);
        self.take_out(pos, hash)
    }

    /// As [`Db::remove_at`], for who wants nothing of it but the key: a snapshot may need the value a little longer.
    pub fn lose_at(&mut self, pos: Pos, hash: u64) -> Entry {
        if !self.table.in_epoch() {
            return self.take_out(pos, hash);
        }
        self.save_segment(pos.segment());
        let entry = self.take_out(pos, hash);
        match &mut self.saver {
            Some(saver) => saver.keep_removed(hash, entry),
            None => entry,
        }
    }

    fn take_out(&mut self, pos: Pos, hash: u64) -> Entry {
        if let Some(at) = self.table.get(pos).expiry() {
            let was = self.expires.remove(at, short_hash(hash));
            debug_assert!(was, "a volatile key is in the index");
        }
        self.forget_fields(pos);
        self.table.remove(pos)
    }

    /// The time at which the next key or field is due, in ms.
    #[inline]
    pub fn next_due(&self) -> Option<i64> {
        match (self.expires.first(), self.field_expires.first()) {
            (Some((a, _)), Some((b, _))) => Some(a.min(b)),
            (a, b) => a.or(b).map(|(at, _)| at),
        }
    }

    /// Takes out one key that is due at `now_ms`, if there is one.
    pub fn pop_due(&mut self) -> Option<Entry> {
        if self.expires.first()?.0 > self.now_ms { None } else { self.pop_first() }
    }

    /// Takes out up to `most` fields that are due at `now_ms`, of the hash whose first field is due first. A hash that
    /// has none left is taken out too. None while a snapshot has to write that hash first and takes long for it.
    pub fn pop_due_fields(&mut self, most: usize) -> Option<DueFields> {
        let (at, short) = self.field_expires.first().filter(|(at, _)| *at <= self.now_ms)?;
        let pos = self.table.candidates(short).find(|&p| self.table.get(p).field_due() == Some(at));
        assert!(pos.is_some(), "the expiry index names a hash that the table does not hold");
        let pos = pos?;
        let key: Box<[u8]> = self.table.get(pos).key().into();
        let (now_ms, hash) = (self.now_ms, hash(&key));
        if self.owes(Key { bytes: &key, hash }) == Owed::Value {
            self.want(Key { bytes: &key, hash });
            return None;
        }
        let mut fields = self.write_at::<Hash>(pos, hash).ok()?;
        let names = fields.take_due(now_ms, most);
        let emptied = fields.is_empty();
        drop(fields);
        Some(DueFields { key, names, emptied: emptied.then(|| self.remove_at(pos, hash)) })
    }

    /// Takes out the key that expires first.
    pub fn pop_first(&mut self) -> Option<Entry> {
        let (at, short) = self.expires.first()?;
        // The index names the key by its short hash, which is all that its removal needs.
        let pos = self.named(at, short);
        assert!(pos.is_some(), "the expiry index names a key that the table does not hold");
        let pos = pos?;
        if self.table.in_epoch() {
            let hash = hash(self.table.get(pos).key());
            return Some(self.lose_at(pos, hash));
        }
        self.expires.remove(at, short);
        self.forget_fields(pos);
        Some(self.table.remove(pos))
    }

    /// The entry that an item of the expiry index names. Two keys with the same item are equally good.
    fn named(&self, at: i64, short: u32) -> Option<Pos> {
        self.table.candidates(short).find(|&p| self.table.get(p).expiry() == Some(at))
    }

    /// A fair random entry, alive or not.
    pub fn sample(&mut self) -> Option<Pos> {
        self.table.sample(&mut self.rng)
    }

    /// A fair random live entry. Dead ones that are met are removed, if the rule says so. Where they stay and every
    /// key is volatile, all may be dead: after some tries a dead one is given, as the reference does.
    pub fn sample_live(&mut self) -> Option<Pos> {
        let may_be_hopeless =
            self.expiry_rule != ExpiryRule::Remove && self.expires.len() == self.table.len();
        let mut tries = RANDOM_KEY_TRIES;
        loop {
            let pos = self.sample()?;
            if !self.is_dead(self.table.get(pos)) {
                return Some(pos);
            }
            if may_be_hopeless {
                tries -= 1;
                if tries == 0 {
                    return Some(pos);
                }
            }
            let h = hash(self.table.get(pos).key());
            self.met_dead(pos, h);
        }
    }

    /// A random volatile entry: from the table where they are common, else from the index.
    pub fn sample_volatile(&mut self) -> Option<Pos> {
        while self.volatile_is_common() {
            let pos = self.table.sample(&mut self.rng)?;
            if self.table.get(pos).expiry().is_some() {
                return Some(pos);
            }
        }
        let (at, short) = self.expires.sample(&mut self.rng)?;
        self.named(at, short)
    }

    /// Whether at least one key of eight is volatile.
    fn volatile_is_common(&self) -> bool {
        !self.expires.is_empty() && self.expires.len() >= self.table.len() / 8
    }

    /// Gives about `n` entries from random places to `give`, neighbours among them: for eviction.
    pub fn sample_run(&mut self, volatile: bool, n: usize, mut give: impl FnMut(&Db, EntryRef<'_>)) {
        let mut rng = self.rng.clone();
        if !volatile || self.volatile_is_common() {
            self.table.sample_run(&mut rng, n, |e| {
                let taken = !volatile || e.expiry().is_some();
                if taken {
                    give(self, e);
                }
                taken
            });
        } else {
            for _ in 0..n {
                let item = self.expires.sample(&mut rng);
                if let Some(pos) = item.and_then(|(at, short)| self.named(at, short)) {
                    give(self, self.table.get(pos));
                }
            }
        }
        self.rng = rng;
    }

    /// Walks keys for SCAN. See [`Table::scan`].
    pub fn scan(&self, cursor: u64, count: usize, give: impl FnMut(EntryRef<'_>)) -> u64 {
        self.table.scan(cursor, count, give)
    }

    /// Whether an entry's time has come and the rule hides it.
    #[inline]
    pub fn is_dead(&self, e: EntryRef<'_>) -> bool {
        self.expiry_rule != ExpiryRule::Ignore && e.expiry().is_some_and(|at| at <= self.now_ms)
    }

    /// Takes all keys out, for the free thread or to be freed here.
    pub fn take_all(&mut self) -> Remains {
        self.orphan();
        let table = table::Remains::new(std::mem::take(&mut self.table));
        let expires = [&mut self.expires, &mut self.field_expires].map(std::mem::take);
        Remains { table, expires }
    }

    /// Swaps the contents with another database (SWAPDB).
    pub fn swap_contents(&mut self, other: &mut Db) {
        std::mem::swap(&mut self.table, &mut other.table);
        std::mem::swap(&mut self.expires, &mut other.expires);
        std::mem::swap(&mut self.field_expires, &mut other.field_expires);
        std::mem::swap(&mut self.saver, &mut other.saver);
    }
}

/// What a snapshot needs. See `snapshot`.
impl Db {
    /// A snapshot begins, with everything that is here now. Its epoch is no other's.
    pub fn begin_snapshot(&mut self, epoch: u32, format: Rc<dyn Format>) {
        self.table.begin_epoch(epoch);
        self.saver = Some(Box::new(Saver::new(format, self.id)));
    }

    /// The snapshot is over, or given up.
    pub fn end_snapshot(&mut self) -> Option<Box<Saver>> {
        self.table.end_epoch();
        self.saver.take()
    }

    /// What writes the entries down, and the entries.
    pub fn saving(&mut self) -> Option<(&mut Saver, &mut Table<Entry>)> {
        Some((self.saver.as_mut()?, &mut self.table))
    }

    /// Tables that were taken out before the snapshot had all of them.
    pub fn take_orphans(&mut self) -> Vec<Orphan> {
        std::mem::take(&mut self.orphans)
    }

    /// What the snapshot must write before `key` can change.
    pub fn owes(&self, key: Key<'_>) -> Owed {
        match &self.saver {
            Some(saver) if self.table.in_epoch() => saver.owes(&self.table, key.hash, key.bytes),
            _ => Owed::Nothing,
        }
    }

    /// Somebody waits for a change of `key`: it is written next.
    pub fn want(&mut self, key: Key<'_>) {
        if let Some(saver) = &mut self.saver {
            saver.want(&mut self.table, key.hash);
        }
    }

    #[inline]
    fn before_change(&mut self, pos: Pos) {
        if self.table.in_epoch() {
            self.save_entry(pos);
        }
    }

    #[cold]
    fn save_entry(&mut self, pos: Pos) {
        if let Some(saver) = &mut self.saver {
            saver.before_change(&mut self.table, pos);
        }
    }

    #[inline]
    fn before_insert(&mut self, hash: u64) {
        if self.table.in_epoch() {
            self.save_segment(self.table.segment_of(hash));
        }
    }

    #[cold]
    fn save_segment(&mut self, index: usize) {
        if let Some(saver) = &mut self.saver {
            saver.keep_segment(&mut self.table, index);
        }
    }

    /// All keys are about to go: a snapshot that has not all of them keeps them.
    fn orphan(&mut self) {
        if self.table.in_epoch()
            && let Some(saver) = self.saver.take()
        {
            self.orphans.push(Orphan { saver, table: std::mem::take(&mut self.table) });
        }
    }
}

fn lfu_minutes(now_ms: i64) -> u32 {
    (now_ms as u64 / 60_000) as u32 & 0xffff
}

/// Seconds since the access that an LRU clock tells.
pub fn idle_seconds(clock: u32, now_ms: i64) -> u32 {
    ((now_ms as u64 / 1000) as u32).wrapping_sub(clock) & 0xff_ffff
}

/// The LFU counter of a clock after decay: one less for every `decay_minutes`.
pub fn lfu_counter(clock: u32, now_ms: i64, decay_minutes: u32) -> u8 {
    let (then, counter) = (clock >> 8, clock as u8);
    let minutes = lfu_minutes(now_ms).wrapping_sub(then) & 0xffff;
    match minutes.checked_div(decay_minutes) {
        Some(periods) => counter.saturating_sub(periods.min(255) as u8),
        None => counter,
    }
}

/// Fields of a hash whose time had come. See [`Db::pop_due_fields`].
pub struct DueFields {
    pub key: Box<[u8]>,
    pub names: Vec<Box<[u8]>>,
    /// The hash, if it had no others.
    pub emptied: Option<Entry>,
}

/// Draws of RANDOMKEY that may meet a dead key where dead keys stay (Redis: 100).
const RANDOM_KEY_TRIES: usize = 100;

/// What was taken out of a database, to be freed piece by piece.
pub struct Remains {
    table: table::Remains<Entry>,
    expires: [ExpiryIndex; 2],
}

impl Remains {
    /// Frees a small piece; false when nothing is left.
    pub fn free_some(&mut self) -> bool {
        self.expires.iter_mut().any(ExpiryIndex::free_some) || self.table.free_some()
    }
}

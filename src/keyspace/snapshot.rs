//! A database as it was at one moment, written down while it goes on changing.
//!
//! A [`Saver`] walks the table segment by segment. Before anything in a segment that it has not reached changes, `Db`
//! has the whole segment written first (its pre-image), so what is written is the data of the moment at which the
//! snapshot began. [`Table::lacks`] tells which segments are missing; segments that come by splits inherit that.
//!
//! Values that would take long are left for later, one after the other, and the largest are written in pieces between
//! the turns. Such a key is in `later` until it is written. Whoever changes it must have it written first:
//! the executor makes clients wait for that ([`Saver::want`]); where nobody can wait, it is written at once. One that is
//! only removed is kept by the saver until it is written.
//!
//! What it writes comes out as [`Block`]s. Those of a value in pieces follow one another with nothing in between.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use super::entry::{Entry, EntryRef, NewValue};
use crate::base::limits::{SAVE_AT_ONCE_MAX, SAVE_BLOCK, SAVE_PIECE, SAVE_SEGMENT_MAX, SAVE_SMALL_MAX};
use crate::types::table::{Pos, Table};

/// How entries are written down. Implemented where formats are known.
pub trait Format {
    /// Writes one key whole.
    fn entry(&self, e: EntryRef<'_>, out: &mut Out);
    /// Begins to write one key in pieces.
    fn begin(&self, e: EntryRef<'_>, out: &mut Out) -> Box<dyn Pieces>;
}

/// A key being written in pieces. Its entry does not change meanwhile.
pub trait Pieces {
    /// Writes about `budget` bytes more; true when all is written.
    fn step(&mut self, e: EntryRef<'_>, out: &mut Out, budget: usize) -> bool;
}

/// What is written down: bytes, and where strings lie in them that whoever writes them out may compress.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Out {
    pub bytes: Vec<u8>,
    /// Where each string's length begins, and the length.
    pub strings: Vec<(u32, u32)>,
    /// Whether strings are noted at all.
    pub notes: bool,
}

impl Out {
    /// Notes that a string of `len` bytes is written next. False if that is not wanted.
    pub fn note(&mut self, len: usize) -> bool {
        match (u32::try_from(self.bytes.len()), u32::try_from(len)) {
            (Ok(at), Ok(len)) if self.notes => self.strings.push((at, len)),
            _ => return false,
        }
        true
    }
}

impl std::ops::Deref for Out {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl std::ops::DerefMut for Out {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

/// Some keys of a database, written down.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The database's number as the snapshot began.
    pub db: u32,
    /// Keys that are whole with it.
    pub keys: u64,
    pub out: Out,
}

impl Block {
    /// Bytes that it takes.
    pub fn allocated(&self) -> usize {
        self.out.capacity() + self.out.strings.capacity() * size_of::<(u32, u32)>()
    }
}

/// What stands in the way of a change of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Nothing.
    Nothing,
    /// Its segment is to be written first.
    Segment,
    /// A value is to be written first that takes long.
    Value,
}

/// A key that is not written yet though its segment is.
struct Later {
    key: Box<[u8]>,
    /// The entry, when it is in the table no more.
    owned: Option<Entry>,
}

/// Blocks in the making.
#[derive(Default)]
struct Blocks {
    out: Out,
    keys: u64,
    full: Vec<Block>,
}

impl Blocks {
    fn room(&mut self) {
        if self.out.capacity() == 0 {
            self.out.reserve(SAVE_BLOCK + SAVE_BLOCK / 4);
            self.out.notes = true;
        }
    }

    /// Ends the block if it is long enough.
    #[inline]
    fn cut(&mut self, db: u32, min: usize) {
        if self.out.len() >= min {
            let out = std::mem::take(&mut self.out);
            self.full.push(Block { db, keys: std::mem::take(&mut self.keys), out });
        }
    }
}

/// See the head of this file.
pub struct Saver {
    format: Rc<dyn Format>,
    /// The database's number as the snapshot began.
    db: u32,
    /// The next segment.
    cursor: usize,
    /// Keys whole.
    whole: Blocks,
    /// The value that is being written in pieces.
    part: Blocks,
    /// By the hash of the key.
    later: BTreeMap<u64, Later>,
    /// Of those the ones that somebody waits for.
    wanted: VecDeque<u64>,
    /// The one that is being written.
    current: Option<(u64, Box<dyn Pieces>)>,
    /// Entries that were removed, and are written now.
    gone: Vec<Entry>,
    /// The work done since this was last asked for: about a nanosecond each.
    work: usize,
    done: bool,
}

/// The work that a key is beside its bytes.
const KEY_WORK: usize = 64;

/// Whether writing a value takes long.
fn takes_long(e: EntryRef<'_>) -> bool {
    size(e) > SAVE_AT_ONCE_MAX
}

/// About how many bytes a value takes.
#[inline]
fn size(e: EntryRef<'_>) -> usize {
    match e.any() {
        Some(c) => c.allocated(),
        None => e.heap().map_or(0, |h| h.allocated()),
    }
}

impl Saver {
    pub(super) fn new(format: Rc<dyn Format>, db: u32) -> Saver {
        Saver {
            format,
            db,
            cursor: 0,
            whole: Blocks::default(),
            part: Blocks::default(),
            later: BTreeMap::new(),
            wanted: VecDeque::new(),
            current: None,
            gone: Vec::new(),
            work: 0,
            done: false,
        }
    }

    /// Whether a value has been begun and is not whole yet: nothing else may be written then.
    pub fn in_pieces(&self) -> bool {
        self.current.is_some()
    }

    /// Whether somebody waits for a value.
    pub fn is_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Takes the blocks that are full, at the end all: of the value in pieces, and of all others.
    pub fn take(&mut self) -> (Vec<Block>, Vec<Block>) {
        if self.done {
            self.whole.cut(self.db, 1);
        }
        (std::mem::take(&mut self.part.full), std::mem::take(&mut self.whole.full))
    }

    /// Gives up the entries that it had kept and needs no longer.
    pub fn give_up(&mut self, leftovers: &mut Leftovers) {
        leftovers.entries.append(&mut self.gone);
    }

    /// The work done since `forget_work`: about a nanosecond each.
    pub fn work(&self) -> usize {
        self.work
    }

    /// See `work`.
    pub fn forget_work(&mut self) {
        self.work = 0;
    }

    /// Whether all is written.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Writes one more segment, one of the keys left for later, or a piece of it.
    pub fn step(&mut self, table: &mut Table<Entry>) {
        if let Some((hash, pieces)) = self.current.take() {
            self.step_current(table, hash, pieces, SAVE_PIECE);
        } else if let Some(hash) = self.wanted.pop_front().or_else(|| self.later.keys().next().copied()) {
            self.begin(table, hash);
        } else if self.cursor < table.segments() {
            self.keep_segment(table, self.cursor);
            self.cursor += 1;
        } else {
            self.done = true;
        }
    }

    /// Begins the key with this hash that was left for later.
    fn begin(&mut self, table: &Table<Entry>, hash: u64) {
        let Some(later) = self.later.get(&hash) else { return };
        let Some(e) = entry_of(later, table, hash) else { return };
        if takes_long(e) {
            self.part.room();
            let pieces = self.format.begin(e, &mut self.part.out);
            self.current = Some((hash, pieces));
        } else {
            self.finish(table, hash);
        }
    }

    fn step_current(&mut self, table: &Table<Entry>, hash: u64, mut pieces: Box<dyn Pieces>, budget: usize) {
        self.part.room();
        let before = self.part.out.len();
        let entry = self.later.get(&hash).and_then(|later| entry_of(later, table, hash));
        assert!(entry.is_some(), "a value that is being written is there");
        let done = entry.is_none_or(|e| pieces.step(e, &mut self.part.out, budget));
        self.work += self.part.out.len() - before;
        if done {
            self.part.keys += 1;
            self.forget(hash);
        } else {
            self.current = Some((hash, pieces));
        }
        self.part.cut(self.db, if done { 1 } else { SAVE_BLOCK });
    }

    /// A key that was left for later is written.
    fn forget(&mut self, hash: u64) {
        if let Some(Later { owned: Some(entry), .. }) = self.later.remove(&hash) {
            self.gone.push(entry);
        }
    }

    /// Writes the rest of a key that was left for later.
    fn finish(&mut self, table: &Table<Entry>, hash: u64) {
        match self.current.take() {
            Some((current, pieces)) if current == hash => {
                self.step_current(table, hash, pieces, usize::MAX);
                assert!(self.current.is_none(), "a step without a limit is the last");
            }
            other => {
                self.current = other;
                let Some(later) = self.later.get(&hash) else { return };
                if let Some(e) = entry_of(later, table, hash) {
                    write_whole(&*self.format, e, &mut self.whole, &mut self.work);
                    self.whole.cut(self.db, SAVE_BLOCK);
                }
                self.forget(hash);
            }
        }
    }

    /// Writes segment `index` if that was not done yet: small values and, as long as it is not too much, larger ones.
    pub(super) fn keep_segment(&mut self, table: &mut Table<Entry>, index: usize) {
        if !table.lacks(index) {
            return;
        }
        table.mark_saved(index);
        let (db, before) = (self.db, self.work);
        for e in table.segment(index) {
            let size = size(e);
            let much = self.work - before > SAVE_SEGMENT_MAX;
            if size > SAVE_AT_ONCE_MAX || much && size > SAVE_SMALL_MAX {
                let hash = crate::base::hash::hash(e.key());
                // Two keys with one hash: the second has no place there.
                if let std::collections::btree_map::Entry::Vacant(place) = self.later.entry(hash) {
                    place.insert(Later { key: e.key().into(), owned: None });
                    continue;
                }
            }
            write_whole(&*self.format, e, &mut self.whole, &mut self.work);
            self.whole.cut(db, SAVE_BLOCK);
        }
    }

    /// The entry at `pos` is about to change: it is written first.
    pub(super) fn before_change(&mut self, table: &mut Table<Entry>, pos: Pos) {
        self.keep_segment(table, pos.segment());
        if !self.later.is_empty() {
            let key = table.get(pos).key();
            let hash = crate::base::hash::hash(key);
            if self.is_later(hash, key) {
                self.finish(table, hash);
            }
        }
    }

    fn is_later(&self, hash: u64, key: &[u8]) -> bool {
        // One that is owned is in the table no more: a key of that name there is another one.
        self.later.get(&hash).is_some_and(|l| l.owned.is_none() && *l.key == *key)
    }

    /// An entry was taken out of the table, after `keep_segment`, and nobody needs it any more. If it is not written yet,
    /// it is kept here, and one without its value given back.
    pub(super) fn keep_removed(&mut self, hash: u64, entry: Entry) -> Entry {
        if !self.is_later(hash, entry.view().key()) {
            return entry;
        }
        let rest = Entry::new(entry.view().key(), NewValue::Bytes(b""), None, entry.view().clock());
        if let Some(later) = self.later.get_mut(&hash) {
            later.owned = Some(entry);
        }
        rest
    }

    /// What is to be written before the key can change.
    pub(super) fn owes(&self, table: &Table<Entry>, hash: u64, key: &[u8]) -> Owed {
        let segment = table.lacks(table.segment_of(hash));
        let long = (segment || self.is_later(hash, key))
            && table.find(hash, key).is_some_and(|pos| takes_long(table.get(pos)));
        match (segment, long) {
            (_, true) => Owed::Value,
            (true, _) => Owed::Segment,
            _ => Owed::Nothing,
        }
    }

    /// Somebody waits for a key that takes long: it comes next.
    pub(super) fn want(&mut self, table: &mut Table<Entry>, hash: u64) {
        self.keep_segment(table, table.segment_of(hash));
        if !self.wanted.contains(&hash) && self.current.as_ref().is_none_or(|(current, _)| *current != hash) {
            self.wanted.push_back(hash);
        }
    }
}

/// The entry of a key that was left for later.
fn entry_of<'a>(later: &'a Later, table: &'a Table<Entry>, hash: u64) -> Option<EntryRef<'a>> {
    match &later.owned {
        Some(entry) => Some(entry.view()),
        None => {
            let pos = table.find(hash, &later.key);
            assert!(pos.is_some(), "a key that is not written yet is in the table");
            pos.map(|pos| table.get(pos))
        }
    }
}

#[inline]
fn write_whole(format: &dyn Format, e: EntryRef<'_>, to: &mut Blocks, work: &mut usize) {
    to.room();
    let before = to.out.len();
    format.entry(e, &mut to.out);
    to.keys += 1;
    *work += KEY_WORK + to.out.len() - before;
}

/// A table that was taken out of its database (FLUSHDB) before the snapshot had all of it.
pub struct Orphan {
    pub saver: Box<Saver>,
    pub table: Table<Entry>,
}

/// What a snapshot had kept and needs no longer, to be freed.
#[derive(Default)]
pub struct Leftovers {
    entries: Vec<Entry>,
    tables: Vec<Table<Entry>>,
}

impl Leftovers {
    /// All that a saver had kept.
    pub fn add(&mut self, saver: Saver) {
        self.entries.extend(saver.gone);
        self.entries.extend(saver.later.into_values().filter_map(|later| later.owned));
    }

    /// All of a table with its saver.
    pub fn add_orphan(&mut self, orphan: Orphan) {
        self.add(*orphan.saver);
        self.tables.push(orphan.table);
    }

    /// Whether there is nothing to free.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.tables.is_empty()
    }
}

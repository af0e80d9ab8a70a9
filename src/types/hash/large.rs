//! A large hash: a segmented table of fields, the bytes that they take, and the volatile ones by time. A field with an
//! expiry has exactly one item there, named by the short hash of its name.

use super::due::Due;
use super::field::{Field, FieldRef};
use super::{NewExpiry, Outcome, Text};
use crate::base::hash::hash;
use crate::base::num::NumBuf;
use crate::sys::memory::size_class;
use crate::types::listpack::Listpack;
use crate::types::table::{Pos, Table, short_hash};
use crate::types::value::Value;

/// See the head of this file.
#[derive(Default)]
pub struct HashTable {
    pub(super) fields: Table<Field>,
    /// Bytes allocated for the fields.
    bytes: usize,
    /// None while no field expires.
    due: Option<Box<Due>>,
}

impl HashTable {
    /// The fields of a listpack.
    pub(super) fn of(list: &Listpack) -> HashTable {
        let mut table = HashTable::default();
        let [mut a, mut b] = [NumBuf::new(); 2];
        for (field, value) in list.pairs() {
            let (field, value) = (field.bytes(&mut a), value.bytes(&mut b));
            table.insert(hash(field), Field::new(field, value, None));
        }
        table
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Finds a field whose time has not come.
    #[inline]
    pub(super) fn get(&self, field: &[u8], now_ms: i64) -> Option<FieldRef<'_>> {
        let found = self.fields.get(self.fields.find(hash(field), field)?);
        (!found.is_dead(now_ms)).then_some(found)
    }

    /// Puts a field in that is absent.
    fn insert(&mut self, hash: u64, field: Field) {
        self.bytes += field.view().allocated();
        self.index(hash, None, field.view().expiry());
        self.fields.insert(hash, field);
    }

    /// Tells the index that an expiry has changed.
    #[inline]
    fn index(&mut self, hash: u64, old: Option<i64>, new: Option<i64>) {
        if old != new {
            self.reindex(hash, old, new);
        }
    }

    #[cold]
    fn reindex(&mut self, hash: u64, old: Option<i64>, new: Option<i64>) {
        let due = self.due.get_or_insert_default();
        if let Some(at) = new {
            due.insert(at, short_hash(hash));
        }
        if let Some(at) = old {
            let was = due.remove(at, short_hash(hash));
            debug_assert!(was, "a volatile field is in the index");
        }
        if due.first().is_none() {
            self.due = None;
        }
    }

    /// Changes the field at `pos`, whose name has this hash.
    #[inline]
    fn change(&mut self, pos: Pos, hash: u64, change: impl FnOnce(Field) -> Field) {
        let old = self.fields.get(pos);
        let (old_bytes, old_expiry) = (old.allocated(), old.expiry());
        self.fields.update(pos, change);
        let new = self.fields.get(pos);
        let (new_bytes, new_expiry) = (new.allocated(), new.expiry());
        self.bytes = self.bytes - old_bytes + new_bytes;
        self.index(hash, old_expiry, new_expiry);
    }

    #[inline]
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], expiry: NewExpiry, now_ms: i64) -> Outcome {
        let h = hash(field);
        let at = match expiry {
            NewExpiry::At(ms) => Some(ms),
            NewExpiry::Never | NewExpiry::Keep => None,
        };
        let Some(pos) = self.fields.find(h, field) else {
            self.insert(h, Field::new(field, value, at));
            return Outcome::Created;
        };
        let old = self.fields.get(pos);
        let (dead, kept) = (old.is_dead(now_ms), old.expiry());
        let at = if expiry == NewExpiry::Keep && !dead { kept } else { at };
        self.change(pos, h, |f| f.with(value, at));
        if dead { Outcome::Revived } else { Outcome::Updated }
    }

    pub(super) fn update<E>(
        &mut self,
        field: &[u8],
        now_ms: i64,
        change: impl FnOnce(Option<Value<'_>>) -> Result<Text, E>,
    ) -> Result<(Outcome, Option<i64>), E> {
        let h = hash(field);
        let Some(pos) = self.fields.find(h, field) else {
            self.insert(h, Field::new(field, &change(None)?, None));
            return Ok((Outcome::Created, None));
        };
        let old = self.fields.get(pos);
        let (live, outcome) =
            if old.is_dead(now_ms) { (None, Outcome::Revived) } else { (Some(old), Outcome::Updated) };
        let value = change(live.map(|f| Value::Bytes(f.value())))?;
        let expiry = live.and_then(FieldRef::expiry);
        self.change(pos, h, |f| f.with(&value, expiry));
        Ok((outcome, expiry))
    }

    pub(super) fn set_expiry(&mut self, field: &[u8], expiry: Option<i64>, now_ms: i64) -> bool {
        let h = hash(field);
        let found = self.fields.find(h, field).filter(|pos| !self.fields.get(*pos).is_dead(now_ms));
        found.map(|pos| self.change(pos, h, |f| f.with_expiry(expiry))).is_some()
    }

    pub(super) fn remove(&mut self, field: &[u8], now_ms: i64) -> bool {
        let h = hash(field);
        let found = self.fields.find(h, field).filter(|pos| !self.fields.get(*pos).is_dead(now_ms));
        found.map(|pos| self.remove_at(pos, h)).is_some()
    }

    fn remove_at(&mut self, pos: Pos, hash: u64) -> Field {
        let gone = self.fields.remove(pos);
        self.bytes -= gone.view().allocated();
        self.index(hash, gone.view().expiry(), None);
        gone
    }

    #[inline]
    pub(super) fn next_due(&self) -> Option<i64> {
        self.due.as_ref()?.first().map(|(at, _)| at)
    }

    /// Fields whose time has come.
    pub(super) fn count_due(&self, now_ms: i64) -> usize {
        self.due.as_ref().map_or(0, |due| due.count_until(now_ms))
    }

    pub(super) fn take_due(&mut self, now_ms: i64, most: usize) -> Vec<Box<[u8]>> {
        let mut names = Vec::new();
        while names.len() < most
            && let Some((at, short)) = self.due.as_ref().and_then(|due| due.first())
            && at <= now_ms
        {
            // Of two fields with the same item either is due.
            let pos = self.fields.candidates(short).find(|p| self.fields.get(*p).expiry() == Some(at));
            assert!(pos.is_some(), "the index names a field that the table does not hold");
            let Some(pos) = pos else { break };
            let h = hash(self.fields.get(pos).name());
            names.push(self.remove_at(pos, h).view().name().into());
        }
        names
    }

    pub(super) fn for_each(&self, now_ms: i64, mut give: impl FnMut(FieldRef<'_>)) {
        self.fields.for_each(|f| {
            if !f.is_dead(now_ms) {
                give(f)
            }
        });
    }

    pub(super) fn scan(
        &self,
        cursor: u64,
        count: usize,
        now_ms: i64,
        mut give: impl FnMut(FieldRef<'_>),
    ) -> u64 {
        self.fields.scan(cursor, count, |f| {
            if !f.is_dead(now_ms) {
                give(f)
            }
        })
    }

    pub(super) fn allocated(&self) -> usize {
        let due = self.due.as_ref().map_or(0, |due| size_class(size_of::<Due>()) + due.allocated());
        size_class(size_of::<HashTable>()) + self.fields.overhead_bytes() + self.bytes + due
    }

    pub(super) fn duplicate(&self) -> HashTable {
        let mut copy = HashTable::default();
        self.fields.for_each(|f| copy.insert(hash(f.name()), Field::new(f.name(), f.value(), f.expiry())));
        copy
    }

    /// Every expiry has its item, and the bytes are counted.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut items: Vec<(i64, u32)> = Vec::new();
        let mut bytes = 0;
        self.fields.for_each(|f| {
            bytes += f.allocated();
            items.extend(f.expiry().map(|at| (at, short_hash(hash(f.name())))));
        });
        items.sort_unstable();
        let due = self.due.as_ref().map(|due| due.items()).unwrap_or_default();
        assert_eq!(due, items);
        assert_eq!(self.due.is_some(), !items.is_empty());
        assert_eq!(self.bytes, bytes);
    }
}

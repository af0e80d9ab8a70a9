//! Hashes: fields with values. A small one is a listpack of fields and values in turn; a large one, or one with a
//! field that expires, is a segmented table of fields, beside it the volatile ones in the order of their times.
//!
//! The encoding changes exactly when the reference's does (Valkey 9.1, `t_hash.c`), and never back. A field whose time
//! has come stays until [`Hash::take_due`] takes it, but what reads does not see it: `now_ms` tells the moment, and
//! [`ALL`] shows everything. A write meets such a field as one that is absent, and tells if it took its place.

mod due;
pub mod field;
mod large;
mod sample;

pub use field::{Field, FieldRef};
pub use large::HashTable;

use smallvec::SmallVec;

use super::collection::Collection;
use super::listpack::{At, Listpack};
use super::value::Value;
use crate::base::num::NumBuf;

/// The moment at which no field is over: for replicas and while loading.
pub const ALL: i64 = i64::MIN;

/// A hash in one of its encodings. See the head of this file.
pub enum Hash {
    Packed(Listpack),
    Table(Box<HashTable>),
}

/// Up to what a hash is a listpack.
#[derive(Clone, Copy, Debug)]
pub struct HashLimits {
    /// `hash-max-listpack-entries`: fields.
    pub packed: usize,
    /// `hash-max-listpack-value`: bytes of any field and value.
    pub packed_value: usize,
}

/// The expiry that a field gets with its new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewExpiry {
    /// None.
    Never,
    /// The one that it has.
    Keep,
    /// At this ms of Unix time.
    At(i64),
}

/// What became of a field that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It has another value.
    Updated,
    /// It took the place of one whose time had come.
    Revived,
}

impl Outcome {
    /// Whether there was no such field for readers.
    pub fn is_new(self) -> bool {
        self != Outcome::Updated
    }
}

/// A field with its value, as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    pub field: Value<'a>,
    pub value: Value<'a>,
    /// ms of Unix time.
    pub expiry: Option<i64>,
}

impl<'a> From<(Value<'a>, Value<'a>)> for Pair<'a> {
    fn from((field, value): (Value<'a>, Value<'a>)) -> Self {
        Pair { field, value, expiry: None }
    }
}

impl<'a> From<FieldRef<'a>> for Pair<'a> {
    fn from(f: FieldRef<'a>) -> Self {
        Pair { field: Value::Bytes(f.name()), value: Value::Bytes(f.value()), expiry: f.expiry() }
    }
}

/// A value computed from the old one: numbers, nearly always short.
pub type Text = SmallVec<[u8; 64]>;

/// The value's place in a listpack.
fn find_packed(list: &Listpack, field: &[u8]) -> Option<At> {
    list.next(list.find(list.first()?, field, 1)?)
}

fn set_packed(list: &mut Listpack, field: &[u8], value: &[u8]) -> Outcome {
    match find_packed(list, field) {
        Some(at) => {
            list.replace(at, value);
            Outcome::Updated
        }
        None => {
            list.push_back(field);
            list.push_back(value);
            Outcome::Created
        }
    }
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::new()
    }
}

impl Hash {
    /// An empty one.
    pub fn new() -> Hash {
        Hash::Packed(Listpack::new())
    }

    /// A field's value.
    #[inline]
    pub fn get(&self, field: &[u8], now_ms: i64) -> Option<Value<'_>> {
        match self {
            Hash::Packed(list) => find_packed(list, field).map(|at| list.get(at)),
            Hash::Table(table) => table.get(field, now_ms).map(|f| Value::Bytes(f.value())),
        }
    }

    /// Whether there is such a field.
    pub fn contains(&self, field: &[u8], now_ms: i64) -> bool {
        self.get(field, now_ms).is_some()
    }

    /// A field's expiry; `None` when there is no such field.
    pub fn expiry(&self, field: &[u8], now_ms: i64) -> Option<Option<i64>> {
        match self {
            Hash::Packed(list) => find_packed(list, field).map(|_| None),
            Hash::Table(table) => table.get(field, now_ms).map(|f| f.expiry()),
        }
    }

    /// Sets or takes away the expiry of a field; false when there is no such field.
    pub fn set_expiry(&mut self, field: &[u8], expiry: Option<i64>, now_ms: i64) -> bool {
        match self {
            Hash::Packed(list) if find_packed(list, field).is_none() => false,
            Hash::Packed(_) if expiry.is_none() => true,
            _ => self.large().set_expiry(field, expiry, now_ms),
        }
    }

    /// Converts already what `n` new pairs, whose parts are given, would not fit: all at once is faster, and one that is
    /// too long converts even when it comes last.
    pub fn prepare<'a>(&mut self, n: usize, mut parts: impl Iterator<Item = &'a [u8]>, limits: HashLimits) {
        let Hash::Packed(list) = self else { return };
        let mut sum = 0usize;
        let mut is_long = |part: &[u8]| {
            sum = sum.saturating_add(part.len());
            part.len() > limits.packed_value
        };
        if n > limits.packed || parts.any(&mut is_long) || !list.fits(sum) {
            self.large();
        }
    }

    /// Sets a field, whatever it was.
    #[inline]
    pub fn set(
        &mut self,
        field: &[u8],
        value: &[u8],
        expiry: NewExpiry,
        now_ms: i64,
        limits: HashLimits,
    ) -> Outcome {
        if let Hash::Packed(list) = self
            && field.len().max(value.len()) <= limits.packed_value
            && !matches!(expiry, NewExpiry::At(_))
            && list.fits(field.len() + value.len())
        {
            let outcome = set_packed(list, field, value);
            if list.len() / 2 > limits.packed {
                self.large();
            }
            return outcome;
        }
        self.large().set(field, value, expiry, now_ms)
    }

    /// Sets a field to what `change` makes of its value, unless that is an error. Its expiry stays, and is told.
    pub fn update<E>(
        &mut self,
        field: &[u8],
        now_ms: i64,
        limits: HashLimits,
        change: impl FnOnce(Option<Value<'_>>) -> Result<Text, E>,
    ) -> Result<(Outcome, Option<i64>), E> {
        match self {
            Hash::Table(table) => table.update(field, now_ms, change),
            Hash::Packed(_) => {
                let value = change(self.get(field, now_ms))?;
                Ok((self.set(field, &value, NewExpiry::Keep, now_ms, limits), None))
            }
        }
    }

    /// Removes a field; tells whether it was there. [`ALL`] removes even one whose time has come.
    pub fn remove(&mut self, field: &[u8], now_ms: i64) -> bool {
        match self {
            Hash::Packed(list) => {
                let found = list.first().and_then(|first| list.find(first, field, 1));
                found.map(|at| list.remove_range(at, 2)).is_some()
            }
            Hash::Table(table) => table.remove(field, now_ms),
        }
    }

    /// Whether any field expires.
    pub fn has_volatile(&self) -> bool {
        matches!(self, Hash::Table(table) if table.next_due().is_some())
    }

    /// Fields that readers see.
    pub fn live_len(&self, now_ms: i64) -> usize {
        match self {
            Hash::Packed(_) => self.len(),
            Hash::Table(table) => table.len() - table.count_due(now_ms),
        }
    }

    /// Removes up to `most` fields whose time has come at `now_ms`, the earliest first, and gives their names.
    pub fn take_due(&mut self, now_ms: i64, most: usize) -> Vec<Box<[u8]>> {
        match self {
            Hash::Packed(_) => Vec::new(),
            Hash::Table(table) => table.take_due(now_ms, most),
        }
    }

    /// Gives every field, in no order.
    pub fn for_each(&self, now_ms: i64, mut give: impl FnMut(Pair<'_>)) {
        match self {
            Hash::Packed(list) => list.pairs().for_each(|pair| give(pair.into())),
            Hash::Table(table) => table.for_each(now_ms, |f| give(f.into())),
        }
    }

    /// Walks fields for HSCAN: a listpack all at once, a table as [`Table::scan`](super::table::Table::scan).
    pub fn scan(&self, cursor: u64, count: usize, now_ms: i64, mut give: impl FnMut(Pair<'_>)) -> u64 {
        match self {
            Hash::Packed(_) => {
                self.for_each(now_ms, give);
                0
            }
            Hash::Table(table) => table.scan(cursor, count, now_ms, |f| give(f.into())),
        }
    }

    /// The table, which it becomes if it is none.
    #[inline]
    fn large(&mut self) -> &mut HashTable {
        if let Hash::Packed(list) = self {
            *self = Hash::Table(Box::new(HashTable::of(list)));
        }
        match self {
            Hash::Table(table) => table,
            Hash::Packed(_) => unreachable!("a listpack was just converted"),
        }
    }
}

impl Collection for Hash {
    const TYPE: &'static str = "hash";

    #[inline]
    fn len(&self) -> usize {
        match self {
            Hash::Packed(list) => list.len() / 2,
            Hash::Table(table) => table.len(),
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        match self {
            Hash::Packed(list) => list.is_empty(),
            Hash::Table(table) => table.len() == 0,
        }
    }

    fn encoding(&self) -> &'static str {
        match self {
            Hash::Packed(_) => "listpack",
            Hash::Table(_) => "hashtable",
        }
    }

    fn allocated(&self) -> usize {
        match self {
            Hash::Packed(list) => list.allocated(),
            Hash::Table(table) => table.allocated(),
        }
    }

    fn effort(&self) -> usize {
        match self {
            Hash::Packed(_) => 1,
            Hash::Table(table) => table.len(),
        }
    }

    fn table_shape(&self) -> Option<(usize, usize)> {
        match self {
            Hash::Table(table) => Some((table.fields.shape().0, table.len())),
            _ => None,
        }
    }

    fn duplicate(&self) -> Hash {
        match self {
            Hash::Packed(list) => Hash::Packed(list.clone()),
            Hash::Table(table) => Hash::Table(Box::new(table.duplicate())),
        }
    }

    fn visit(&self, give: &mut dyn FnMut(&[&[u8]])) {
        let [mut a, mut b, mut c] = [NumBuf::new(); 3];
        self.for_each(ALL, |pair| {
            let expiry = pair.expiry.map_or(Value::Bytes(b""), Value::Int);
            give(&[pair.field.bytes(&mut a), pair.value.bytes(&mut b), expiry.bytes(&mut c)]);
        });
    }

    #[inline]
    fn next_due(&self) -> Option<i64> {
        match self {
            Hash::Packed(_) => None,
            Hash::Table(table) => table.next_due(),
        }
    }
}

#[cfg(test)]
mod tests;

//! Sets: an intset while all members are integers and few, a listpack while they are few and short, a table of
//! [`Member`]s otherwise. A set changes its encoding where the reference's does (redis/t_set.c), and never back, but
//! for results that are stored whole ([`Set::make_ints`]) and for what a large SPOP leaves.
//!
//! Many members at once are looked up [`BATCH`] at a time: the table is asked for all their buckets, then for all
//! their items, and only then searched, so that the misses of memory overlap.

pub mod algebra;
pub mod draw;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use super::collection::Collection;
use super::member::Member;
use super::table::{Pos, Table};
use super::{Intset, Listpack, Value};
use crate::base::hash::hash;
use crate::base::limits::{INTSET_MAX, LISTPACK_MAX};
use crate::base::num::{self, NumBuf};
use crate::sys::memory::size_class;

/// How large a set may be in its small encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Members of an intset: `set-max-intset-entries`.
    pub ints: usize,
    /// Members of a listpack: `set-max-listpack-entries`.
    pub packed: usize,
    /// Bytes of one of them: `set-max-listpack-value`.
    pub packed_value: usize,
}

impl SetLimits {
    /// Every set keeps the encoding that it has, as far as its members allow.
    pub const NONE: SetLimits = SetLimits { ints: usize::MAX, packed: usize::MAX, packed_value: usize::MAX };

    /// Integers are found by 32 bits, whatever the configuration says.
    fn ints_max(self) -> usize {
        self.ints.min(INTSET_MAX)
    }
}

/// A set. See the head of this file.
pub enum Set {
    /// Integers, sorted.
    Ints(Intset),
    /// A few short members, in the order of their coming.
    Packed(Listpack),
    /// Any members.
    Table(Box<SetTable>),
}

/// How many members are looked up together.
pub const BATCH: usize = 16;

/// The integer that a value is, if it is one.
#[inline]
fn as_int(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Int(n) => Some(n),
        Value::Bytes(text) => num::parse_i64(text),
    }
}

/// The hash of a value's text.
#[inline]
fn hash_of(value: Value<'_>) -> u64 {
    hash(value.bytes(&mut NumBuf::new()))
}

impl Set {
    /// An empty set that can hold `first`, to which about `n` members are to be added.
    pub fn for_members(first: &[u8], n: usize, limits: SetLimits) -> Set {
        if n <= limits.ints && num::parse_i64(first).is_some() {
            Set::Ints(Intset::new())
        } else if n <= limits.packed {
            Set::Packed(Listpack::new())
        } else {
            Set::Table(Box::default())
        }
    }

    /// Prepares for `n` members to be added: converts at once what would not hold them.
    pub fn prepare_for(&mut self, n: usize, limits: SetLimits) {
        let beyond = match self {
            Set::Ints(_) => n > limits.ints,
            Set::Packed(_) => n > limits.packed,
            Set::Table(_) => false,
        };
        if beyond {
            self.make_table();
        }
    }

    /// Whether both are the same set, not only equal: one may have been put together from its entry twice.
    pub fn is(&self, other: &Set) -> bool {
        match (self, other) {
            (Set::Ints(a), Set::Ints(b)) => std::ptr::eq(a.as_bytes(), b.as_bytes()),
            (Set::Packed(a), Set::Packed(b)) => std::ptr::eq(a.as_bytes(), b.as_bytes()),
            (Set::Table(a), Set::Table(b)) => std::ptr::eq(&**a, &**b),
            _ => false,
        }
    }

    /// Members.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Set::Ints(ints) => ints.len(),
            Set::Packed(list) => list.len(),
            Set::Table(table) => table.len(),
        }
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Set::Ints(ints) => ints.is_empty(),
            Set::Packed(list) => list.is_empty(),
            Set::Table(table) => table.len() == 0,
        }
    }

    /// Whether it has `member`.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Set::Table(table) => table.find(hash(member), member).is_some(),
            _ => self.contains_value(Value::Bytes(member)),
        }
    }

    /// Tells of each of `members` whether it has it.
    pub fn contains_each<'m>(&self, members: impl Iterator<Item = &'m [u8]>, mut tell: impl FnMut(bool)) {
        let Set::Table(table) = self else { return members.for_each(|m| tell(self.contains(m))) };
        let _ = batches(members.map(Value::Bytes), &mut |batch| {
            let hashes = table.prefetch(batch);
            batch.iter().zip(hashes).for_each(|(v, h)| tell(table.find_value(h, *v).is_some()));
            ControlFlow::Continue(())
        });
    }

    fn contains_value(&self, value: Value<'_>) -> bool {
        match self {
            Set::Ints(ints) => as_int(value).is_some_and(|n| ints.contains(n)),
            Set::Packed(list) => find_packed(list, value).is_some(),
            Set::Table(table) => table.find_value(hash_of(value), value).is_some(),
        }
    }

    /// Adds `member`; whether it was new.
    #[inline]
    pub fn add(&mut self, member: &[u8], limits: SetLimits) -> bool {
        match self {
            Set::Table(table) => table.insert(hash(member), member),
            _ => self.add_value(Value::Bytes(member), limits),
        }
    }

    /// Adds all of `members`; how many were new.
    pub fn add_all<'m>(&mut self, members: impl Iterator<Item = &'m [u8]>, limits: SetLimits) -> usize {
        let mut added = 0;
        let mut members = members;
        loop {
            if let Set::Table(table) = self {
                return added + table.insert_all(members);
            }
            let Some(member) = members.next() else { return added };
            added += self.add(member, limits) as usize;
        }
    }

    /// Adds what another set holds; whether it was new.
    pub fn add_value(&mut self, value: Value<'_>, limits: SetLimits) -> bool {
        match self {
            Set::Ints(ints) => match as_int(value) {
                Some(n) => {
                    let new = ints.add(n);
                    if new && ints.len() > limits.ints_max() {
                        self.make_table();
                    }
                    new
                }
                None => self.add_text_to_ints(value, limits),
            },
            Set::Packed(list) => {
                if find_packed(list, value).is_some() {
                    return false;
                }
                let len = value.len();
                if len <= limits.packed_value && list.fits(len) && list.len() < limits.packed {
                    list.push_back_value(value);
                    return true;
                }
                self.make_table().insert_value(hash_of(value), value)
            }
            Set::Table(table) => table.insert_value(hash_of(value), value),
        }
    }

    /// Adds what is no integer to a set of integers, which thus becomes a listpack or a table.
    #[cold]
    fn add_text_to_ints(&mut self, value: Value<'_>, limits: SetLimits) -> bool {
        let Set::Ints(ints) = &*self else { return false };
        let n = ints.len();
        // The first and the last have the longest texts.
        let ends = [0, n.saturating_sub(1)].map(|i| if n == 0 { 0 } else { num::text_len(ints.get(i)) });
        let longest = ends[0].max(ends[1]);
        let bytes = n.saturating_mul(Listpack::entry_size(&b"-9223372036854775808"[..longest]));
        let packs = n < limits.packed
            && longest.max(value.len()) <= limits.packed_value
            && bytes.saturating_add(value.len()) <= LISTPACK_MAX;
        if !packs {
            return self.make_table().insert_value(hash_of(value), value);
        }
        let mut list = Listpack::new();
        ints.iter().for_each(|n| list.push_back_int(n));
        list.push_back_value(value);
        *self = Set::Packed(list);
        true
    }

    /// Removes `member`; whether it was there.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Set::Table(table) => table.remove(hash(member), member),
            _ => self.remove_value(Value::Bytes(member)),
        }
    }

    /// Removes all of `members`, until nothing is left; how many were there.
    pub fn remove_all<'m>(&mut self, mut members: impl Iterator<Item = &'m [u8]>) -> usize {
        let mut removed = 0;
        if let Set::Table(table) = self {
            let _ = batches(members.map(Value::Bytes), &mut |batch| {
                removed += table.remove_batch(batch);
                if table.len() == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            return removed;
        }
        while !self.is_empty()
            && let Some(member) = members.next()
        {
            removed += self.remove(member) as usize;
        }
        removed
    }

    fn remove_value(&mut self, value: Value<'_>) -> bool {
        match self {
            Set::Ints(ints) => as_int(value).is_some_and(|n| ints.remove(n)),
            Set::Packed(list) => match find_packed(list, value) {
                Some(at) => {
                    list.remove(at);
                    true
                }
                None => false,
            },
            Set::Table(table) => table.remove(hash_of(value), value.bytes(&mut NumBuf::new())),
        }
    }

    /// Gives all members, asking for each ahead.
    pub fn for_each(&self, mut give: impl FnMut(Value<'_>)) {
        match self {
            Set::Ints(ints) => ints.iter().for_each(|n| give(Value::Int(n))),
            Set::Packed(list) => list.iter().for_each(give),
            Set::Table(table) => table.members.for_each(|m| give(Value::Bytes(m))),
        }
    }

    /// Gives all members, some at a time, until `give` breaks.
    fn batches<'a>(&'a self, mut give: impl FnMut(&[Value<'a>]) -> ControlFlow<()>) -> ControlFlow<()> {
        match self {
            Set::Ints(ints) => batches(ints.iter().map(Value::Int), &mut give),
            Set::Packed(list) => batches(list.iter(), &mut give),
            Set::Table(table) => batches(table.members.iter().map(Value::Bytes), &mut give),
        }
    }

    /// Walks members for SSCAN, as [`Table::scan`] does; a small encoding gives all at once.
    pub fn scan(&self, cursor: u64, count: usize, mut give: impl FnMut(Value<'_>)) -> u64 {
        if let Set::Table(table) = self {
            return table.members.scan(cursor, count, |m| give(Value::Bytes(m)));
        }
        self.for_each(give);
        0
    }

    /// Becomes a table.
    fn make_table(&mut self) -> &mut SetTable {
        if !matches!(self, Set::Table(_)) {
            let mut table = Box::<SetTable>::default();
            self.for_each(|v| {
                table.insert_value(hash_of(v), v);
            });
            *self = Set::Table(table);
        }
        match self {
            Set::Table(table) => table,
            _ => unreachable!("made a table above"),
        }
    }

    /// Becomes an intset if all members are integers, and few enough: for results, which begin in any encoding.
    pub fn make_ints(&mut self, limits: SetLimits) {
        if matches!(self, Set::Ints(_)) || self.len() > limits.ints_max() {
            return;
        }
        let mut all = Vec::new();
        let texts = self.batches(|batch| {
            for v in batch {
                match as_int(*v) {
                    Some(n) => all.push(n),
                    None => return ControlFlow::Break(()),
                }
            }
            ControlFlow::Continue(())
        });
        if texts.is_continue() {
            // Ascending, so that none has to move for another.
            all.sort_unstable();
            let mut ints = Intset::new();
            for n in all {
                ints.add(n);
            }
            *self = Set::Ints(ints);
        }
    }
}

/// Where a listpack has `value`.
fn find_packed(list: &Listpack, value: Value<'_>) -> Option<super::listpack::At> {
    list.find(list.first()?, value.bytes(&mut NumBuf::new()), 0)
}

/// Gives what `values` gives, up to [`BATCH`] at a time.
fn batches<'a>(
    mut values: impl Iterator<Item = Value<'a>>,
    give: &mut impl FnMut(&[Value<'a>]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut batch = [Value::Int(0); BATCH];
    loop {
        let mut n = 0;
        for (slot, value) in batch.iter_mut().zip(&mut values) {
            *slot = value;
            n += 1;
        }
        if n == 0 {
            return ControlFlow::Continue(());
        }
        give(&batch[..n])?;
    }
}

/// A large set: its members, and the bytes that they take.
#[derive(Default)]
pub struct SetTable {
    members: Table<Member>,
    bytes: usize,
}

impl SetTable {
    fn len(&self) -> usize {
        self.members.len()
    }

    #[inline]
    fn find(&self, hash: u64, member: &[u8]) -> Option<Pos> {
        self.members.find(hash, member)
    }

    #[inline]
    fn find_value(&self, hash: u64, value: Value<'_>) -> Option<Pos> {
        self.find(hash, value.bytes(&mut NumBuf::new()))
    }

    #[inline]
    fn insert(&mut self, hash: u64, member: &[u8]) -> bool {
        if self.find(hash, member).is_some() {
            return false;
        }
        self.bytes += Member::allocated(member.len());
        self.members.insert(hash, Member::new(member));
        true
    }

    fn insert_value(&mut self, hash: u64, value: Value<'_>) -> bool {
        self.insert(hash, value.bytes(&mut NumBuf::new()))
    }

    fn insert_all<'m>(&mut self, members: impl Iterator<Item = &'m [u8]>) -> usize {
        let mut added = 0;
        let _ = batches(members.map(Value::Bytes), &mut |batch| {
            added += self.insert_batch(batch);
            ControlFlow::Continue(())
        });
        added
    }

    fn insert_batch(&mut self, values: &[Value<'_>]) -> usize {
        let hashes = self.prefetch(values);
        values.iter().zip(hashes).filter(|(v, h)| self.insert_value(*h, **v)).count()
    }

    /// As `insert_batch`, for values whose hashes are known.
    fn insert_hashed(&mut self, values: &[Value<'_>], hashes: &[u64]) {
        hashes.iter().for_each(|h| self.members.prefetch_bucket(*h));
        self.prefetch_items(hashes);
        values.iter().zip(hashes).for_each(|(v, h)| {
            self.insert_value(*h, *v);
        });
    }

    /// Asks for what looking up `values`, [`BATCH`] at most, will read; their hashes.
    fn prefetch(&self, values: &[Value<'_>]) -> [u64; BATCH] {
        let mut hashes = [0; BATCH];
        for (h, v) in hashes.iter_mut().zip(values) {
            *h = hash_of(*v);
            self.members.prefetch_bucket(*h);
        }
        self.prefetch_items(&hashes[..values.len()]);
        hashes
    }

    fn prefetch_items(&self, hashes: &[u64]) {
        // One is looked up at once: nothing overlaps.
        if hashes.len() > 1 {
            hashes.iter().for_each(|h| self.members.prefetch_item(*h));
        }
    }

    #[inline]
    fn remove(&mut self, hash: u64, member: &[u8]) -> bool {
        let Some(pos) = self.find(hash, member) else { return false };
        self.take(pos);
        true
    }

    fn remove_batch(&mut self, values: &[Value<'_>]) -> usize {
        let hashes = self.prefetch(values);
        let mut digits = NumBuf::new();
        values.iter().zip(hashes).filter(|(v, h)| self.remove(*h, v.bytes(&mut digits))).count()
    }

    fn take(&mut self, pos: Pos) -> Member {
        let member = self.members.remove(pos);
        self.bytes -= Member::allocated(member.bytes().len());
        member
    }
}

impl Collection for Set {
    const TYPE: &'static str = "set";

    fn len(&self) -> usize {
        Set::len(self)
    }

    fn is_empty(&self) -> bool {
        Set::is_empty(self)
    }

    fn encoding(&self) -> &'static str {
        match self {
            Set::Ints(_) => "intset",
            Set::Packed(_) => "listpack",
            Set::Table(_) => "hashtable",
        }
    }

    fn allocated(&self) -> usize {
        match self {
            Set::Ints(ints) => ints.allocated(),
            Set::Packed(list) => list.allocated(),
            Set::Table(table) => {
                size_class(size_of::<SetTable>()) + table.members.overhead_bytes() + table.bytes
            }
        }
    }

    fn effort(&self) -> usize {
        match self {
            Set::Ints(_) | Set::Packed(_) => 1,
            Set::Table(table) => table.len(),
        }
    }

    fn table_shape(&self) -> Option<(usize, usize)> {
        match self {
            Set::Table(table) => Some((table.members.shape().0, table.len())),
            _ => None,
        }
    }

    fn duplicate(&self) -> Set {
        match self {
            Set::Ints(ints) => Set::Ints(ints.clone()),
            Set::Packed(list) => Set::Packed(list.clone()),
            Set::Table(table) => {
                let members = table.members.duplicate(Member::new);
                Set::Table(Box::new(SetTable { members, bytes: table.bytes }))
            }
        }
    }

    fn visit(&self, give: &mut dyn FnMut(&[&[u8]])) {
        let mut digits = NumBuf::new();
        self.for_each(|v| give(&[v.bytes(&mut digits)]));
    }
}

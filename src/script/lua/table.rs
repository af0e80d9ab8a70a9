//! Tables: an array for the keys 1..n, and behind it entries in the order in which they were added, found by a hash index.
//! `next` goes by places: first the array, then the entries. Removing leaves an entry with nil, so a walk can remove.

use super::heap::Strings;
use super::value::{TableId, Value};

#[derive(Clone, Copy)]
struct Entry {
    key: Value,
    value: Value,
}

/// A table.
#[derive(Default)]
pub struct Table {
    array: Vec<Value>,
    entries: Vec<Entry>,
    /// Open addressing, index + 1; 0 = empty. Its length is a power of two or 0.
    index: Vec<u32>,
    pub meta: Option<TableId>,
    /// Scripts cannot change it.
    pub readonly: bool,
}

/// Bytes of an entry with its share of the index.
const ENTRY: usize = size_of::<Entry>() + 8;

fn mix(h: u64) -> u32 {
    let h = h.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (h >> 32) as u32
}

/// The place in an array that a number stands for.
#[inline]
fn place(key: f64) -> Option<usize> {
    let n = key as usize;
    (n as f64 == key && n > 0).then(|| n - 1)
}

impl Table {
    /// With room for so many.
    pub fn new(array: usize, entries: usize) -> Table {
        let mut t = Table { array: Vec::with_capacity(array), ..Table::default() };
        if entries > 0 {
            t.entries.reserve_exact(entries);
            t.index.resize((entries * 4 / 3 + 1).next_power_of_two(), 0);
        }
        t
    }

    /// Bytes it takes.
    pub fn allocated(&self) -> usize {
        size_of::<Table>()
            + self.array.capacity() * size_of::<Value>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.index.capacity() * 4
    }

    fn hash(strings: &Strings, key: Value) -> u32 {
        match key {
            Value::Str(s) => strings.hash(s),
            Value::Num(n) => mix(n.to_bits()),
            Value::Bool(b) => mix(b as u64 + 1),
            Value::Table(t) => mix(t.0 as u64 | 1 << 32),
            Value::Func(f) => mix(f.0 as u64 | 2 << 32),
            Value::Native(f) => mix(f as u64 | 3 << 32),
            Value::Thread(f) => mix(f.0 as u64 | 4 << 32),
            Value::Null => 1,
            Value::Cell(_) | Value::Nil => 0,
        }
    }

    /// Where the entry of a key is.
    #[inline]
    fn find(&self, strings: &Strings, key: Value) -> Option<usize> {
        if self.index.is_empty() {
            return None;
        }
        let mask = self.index.len() - 1;
        let mut at = Table::hash(strings, key) as usize & mask;
        loop {
            let i = self.index[at] as usize;
            if i == 0 {
                return None;
            }
            if self.entries[i - 1].key == key {
                return Some(i - 1);
            }
            at = (at + 1) & mask;
        }
    }

    /// What is under a key.
    #[inline]
    pub fn get(&self, strings: &Strings, key: Value) -> Value {
        if let Value::Num(n) = key
            && let Some(v) = place(n).and_then(|i| self.array.get(i))
        {
            return *v;
        }
        self.find(strings, key).map_or(Value::Nil, |i| self.entries[i].value)
    }

    /// What is at an index.
    #[inline]
    pub fn get_int(&self, strings: &Strings, i: usize) -> Value {
        match i.checked_sub(1).and_then(|i| self.array.get(i)) {
            Some(v) => *v,
            None => self.get(strings, Value::Num(i as f64)),
        }
    }

    /// Sets what is under a key; gives the bytes by which the table grew.
    pub fn set(&mut self, strings: &Strings, key: Value, value: Value) -> usize {
        let key = if key == Value::Num(0.0) { Value::Num(0.0) } else { key };
        if let Value::Num(n) = key
            && let Some(i) = place(n)
        {
            if let Some(v) = self.array.get_mut(i) {
                *v = value;
                return 0;
            }
            if i == self.array.len() && value != Value::Nil {
                return self.append(strings, value);
            }
        }
        if let Some(i) = self.find(strings, key) {
            self.entries[i].value = value;
            return 0;
        }
        if value == Value::Nil { 0 } else { self.add(strings, key, value) }
    }

    /// Adds behind the array's last value, and behind that what had waited among the entries.
    fn append(&mut self, strings: &Strings, value: Value) -> usize {
        let before = self.array.capacity();
        self.array.push(value);
        let mut next = self.array.len();
        // The key itself can have an entry, of before the array was as long as that.
        if !self.entries.is_empty() {
            if let Some(i) = self.find(strings, Value::Num(next as f64)) {
                self.entries[i].value = Value::Nil;
            }
            loop {
                next += 1;
                let Some(i) = self.find(strings, Value::Num(next as f64)) else { break };
                let v = std::mem::take(&mut self.entries[i].value);
                if v == Value::Nil {
                    break;
                }
                self.array.push(v);
            }
        }
        (self.array.capacity() - before) * size_of::<Value>()
    }

    fn add(&mut self, strings: &Strings, key: Value, value: Value) -> usize {
        let mut grown = 0;
        if (self.entries.len() + 1) * 4 > self.index.len() * 3 {
            self.entries.retain(|e| e.value != Value::Nil);
            let before = self.index.len();
            let room = ((self.entries.len() + 1) * 2).max(4).next_power_of_two();
            grown = room.saturating_sub(before) * ENTRY;
            self.index.clear();
            self.index.resize(room, 0);
            for i in 0..self.entries.len() {
                self.link(strings, i);
            }
        }
        self.entries.push(Entry { key, value });
        self.link(strings, self.entries.len() - 1);
        grown
    }

    fn link(&mut self, strings: &Strings, i: usize) {
        let mask = self.index.len() - 1;
        let mut at = Table::hash(strings, self.entries[i].key) as usize & mask;
        while self.index[at] != 0 {
            at = (at + 1) & mask;
        }
        self.index[at] = i as u32 + 1;
    }

    /// Values in the array, trailing nils among them.
    pub fn array_len(&self) -> usize {
        self.array.len()
    }

    /// A border: an index whose value is not nil, before one whose value is.
    pub fn len(&self, strings: &Strings) -> usize {
        let n = self.array.len();
        if n > 0 && self.array[n - 1] == Value::Nil {
            let (mut low, mut high) = (0, n);
            while high - low > 1 {
                let mid = low + (high - low) / 2;
                if self.array[mid - 1] == Value::Nil { high = mid } else { low = mid }
            }
            return low;
        }
        if self.entries.is_empty() {
            return n;
        }
        let mut i = n;
        while self
            .find(strings, Value::Num((i + 1) as f64))
            .is_some_and(|e| self.entries[e].value != Value::Nil)
        {
            i += 1;
        }
        i
    }

    /// Whether it has keys beside those of its array.
    pub fn has_entries(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether it holds nothing in its array.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty() && self.entries.is_empty()
    }

    /// The key and value behind `key` (nil: the first); nil when there is none. `None`: there is no such key.
    pub fn next(&self, strings: &Strings, key: Value) -> Option<(Value, Value)> {
        let at = match key {
            Value::Nil => 0,
            Value::Num(n) if place(n).is_some_and(|i| i < self.array.len()) => n as usize,
            key => self.array.len() + self.find(strings, key)? + 1,
        };
        for i in at..self.array.len() {
            if self.array[i] != Value::Nil {
                return Some((Value::Num((i + 1) as f64), self.array[i]));
            }
        }
        let from = at.saturating_sub(self.array.len());
        let found = self.entries[from..].iter().find(|e| e.value != Value::Nil);
        Some(found.map_or((Value::Nil, Value::Nil), |e| (e.key, e.value)))
    }

    /// Makes room for so many values in the array.
    pub fn reserve(&mut self, n: usize) -> usize {
        let before = self.array.capacity();
        self.array.reserve(n);
        (self.array.capacity() - before) * size_of::<Value>()
    }

    /// Every value held: keys and values.
    pub fn visit(&self, mut f: impl FnMut(Value)) {
        self.array.iter().for_each(|v| f(*v));
        for e in self.entries.iter().filter(|e| e.value != Value::Nil) {
            f(e.key);
            f(e.value);
        }
        if let Some(meta) = self.meta {
            f(Value::Table(meta));
        }
    }

    /// The array, for sorting and inserting.
    pub fn array_mut(&mut self) -> &mut Vec<Value> {
        &mut self.array
    }
}

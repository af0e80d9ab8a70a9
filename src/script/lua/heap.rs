//! Where values live: a slab for each kind, strings interned (equal ones have the same index), and a collector that marks
//! from the roots and sweeps. It runs only between instructions, when everything alive is on a stack or reachable from a root.

use std::rc::Rc;

use super::call::Thread;
use super::code::Proto;
use super::table::Table;
use super::value::{CellId, FuncId, StrId, TableId, ThreadId, Value};

/// Bytes of live values below which nothing is collected.
const COLLECT_MIN: usize = 4 << 20;
/// What a value takes beside its content, about.
const OVERHEAD: usize = 32;

/// Values of one kind.
pub struct Slab<T> {
    items: Vec<T>,
    /// 0 = free, 1 = in use, 2 = reached by the running collection.
    state: Vec<u8>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { items: Vec::new(), state: Vec::new(), free: Vec::new() }
    }
}

impl<T: Default> Slab<T> {
    fn add(&mut self, item: T) -> u32 {
        if let Some(i) = self.free.pop() {
            self.items[i as usize] = item;
            self.state[i as usize] = 1;
            return i;
        }
        self.items.push(item);
        self.state.push(1);
        (self.items.len() - 1) as u32
    }

    /// Marks one. Tells whether that is news.
    fn mark(&mut self, i: u32) -> bool {
        let state = &mut self.state[i as usize];
        let news = *state == 1;
        if news {
            *state = 2;
        }
        news
    }

    /// Frees what was not marked.
    fn sweep(&mut self) {
        for i in 0..self.items.len() {
            match self.state[i] {
                2 => self.state[i] = 1,
                1 => {
                    self.state[i] = 0;
                    self.items[i] = T::default();
                    self.free.push(i as u32);
                }
                _ => {}
            }
        }
    }

    /// How many are in use.
    pub fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A string.
pub struct Text {
    bytes: Rc<[u8]>,
    hash: u32,
}

impl Default for Text {
    fn default() -> Text {
        Text { bytes: Rc::new([]), hash: 0 }
    }
}

/// All strings.
#[derive(Default)]
pub struct Strings {
    slab: Slab<Text>,
    /// Open addressing by hash; index + 1, 0 = empty.
    index: Vec<u32>,
    interned: usize,
    seed: u64,
}

/// A hash of bytes: fast, and keyed so that nobody can choose strings that collide.
pub fn hash_bytes(seed: u64, bytes: &[u8]) -> u32 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let key = seed | 1;
    let mut h = seed ^ (bytes.len() as u64).wrapping_mul(K);
    let mut chunks = bytes.chunks_exact(8);
    for c in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(c);
        h = fold(h ^ u64::from_le_bytes(word), key);
    }
    let mut word = [0; 8];
    let rest = chunks.remainder();
    word[..rest.len()].copy_from_slice(rest);
    fold(h ^ u64::from_le_bytes(word), K ^ seed) as u32
}

impl Strings {
    /// The bytes.
    #[inline]
    pub fn get(&self, id: StrId) -> &[u8] {
        &self.slab.items[id.0 as usize].bytes
    }

    /// Its hash.
    #[inline]
    pub fn hash(&self, id: StrId) -> u32 {
        self.slab.items[id.0 as usize].hash
    }

    fn find(&self, hash: u32, bytes: &[u8]) -> Result<StrId, usize> {
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.index[at] {
                0 => return Err(at),
                i => {
                    let text = &self.slab.items[i as usize - 1];
                    if text.hash == hash && *text.bytes == *bytes {
                        return Ok(StrId(i - 1));
                    }
                }
            }
            at = (at + 1) & mask;
        }
    }

    fn rebuild(&mut self) {
        let used = self.slab.items.len().max(64);
        self.index.clear();
        self.index.resize((used * 2).next_power_of_two(), 0);
        let mask = self.index.len() - 1;
        self.interned = 0;
        for (i, text) in self.slab.items.iter().enumerate() {
            if self.slab.state[i] == 0 {
                continue;
            }
            let mut at = text.hash as usize & mask;
            while self.index[at] != 0 {
                at = (at + 1) & mask;
            }
            self.index[at] = i as u32 + 1;
            self.interned += 1;
        }
    }
}

/// A function with the variables it captured.
#[derive(Clone, Default)]
pub enum Func {
    /// Of a script.
    Lua { proto: Rc<Proto>, cells: Box<[CellId]> },
    /// What `string.gmatch` gave: subject, pattern, where it stands.
    Matches { subject: StrId, pattern: StrId, at: usize },
    /// What `coroutine.wrap` gave.
    Resume(ThreadId),
    /// What a freed one is.
    #[default]
    None,
}

impl Func {
    /// Bytes of its code, about: functions that share it take a part each.
    fn code_bytes(&self) -> usize {
        match self {
            Func::Lua { proto, .. } => proto.allocated() / Rc::strong_count(proto),
            _ => 0,
        }
    }
}

/// All values.
#[derive(Default)]
pub struct Heap {
    pub strings: Strings,
    tables: Slab<Table>,
    funcs: Slab<Func>,
    cells: Slab<Value>,
    threads: Slab<Thread>,
    /// Bytes in use, about: what was allocated since the last collection is counted in full.
    used: usize,
    /// The next collection begins beyond this many.
    collect_at: usize,
    /// Beyond this many bytes nothing more is allocated.
    pub limit: usize,
    /// Values that stay.
    pub roots: Vec<Value>,
    gray: Vec<Value>,
}

impl Heap {
    /// An empty one.
    pub fn new(limit: usize) -> Heap {
        let mut heap = Heap { limit, collect_at: COLLECT_MIN, ..Heap::default() };
        heap.strings.seed = crate::base::hash::hash(b"lua");
        heap.strings.rebuild();
        heap
    }

    /// Bytes in use, about.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Counts an allocation.
    #[inline]
    pub fn grew(&mut self, bytes: usize) {
        self.used = self.used.saturating_add(bytes);
    }

    /// Whether the next safe moment should collect.
    #[inline]
    pub fn wants_collection(&self) -> bool {
        self.used > self.collect_at
    }

    /// A string.
    pub fn str(&mut self, bytes: &[u8]) -> StrId {
        let hash = hash_bytes(self.strings.seed, bytes);
        let at = match self.strings.find(hash, bytes) {
            Ok(id) => return id,
            Err(at) => at,
        };
        self.grew(bytes.len() + OVERHEAD);
        let id = self.strings.slab.add(Text { bytes: bytes.into(), hash });
        self.strings.index[at] = id + 1;
        self.strings.interned += 1;
        if self.strings.interned * 4 > self.strings.index.len() * 3 {
            self.strings.rebuild();
        }
        StrId(id)
    }

    /// A string as a value.
    pub fn text(&mut self, bytes: impl AsRef<[u8]>) -> Value {
        Value::Str(self.str(bytes.as_ref()))
    }

    /// The bytes of a string.
    #[inline]
    pub fn bytes(&self, id: StrId) -> &[u8] {
        self.strings.get(id)
    }

    /// The bytes of a string, for those who need them while the heap changes.
    pub fn shared(&self, id: StrId) -> Rc<[u8]> {
        self.strings.slab.items[id.0 as usize].bytes.clone()
    }

    /// A new table.
    pub fn table(&mut self, array: usize, hash: usize) -> TableId {
        self.grew(array * 16 + hash * 40 + 64);
        TableId(self.tables.add(Table::new(array, hash)))
    }

    /// A table.
    #[inline]
    pub fn at(&self, id: TableId) -> &Table {
        &self.tables.items[id.0 as usize]
    }

    /// A table, to change.
    #[inline]
    pub fn at_mut(&mut self, id: TableId) -> &mut Table {
        &mut self.tables.items[id.0 as usize]
    }

    /// What a table holds under a key, no metatable asked.
    #[inline]
    pub fn raw_get(&self, id: TableId, key: Value) -> Value {
        self.at(id).get(&self.strings, key)
    }

    /// As `raw_get`, by a name.
    pub fn field(&mut self, id: TableId, name: &str) -> Value {
        let key = self.text(name);
        self.raw_get(id, key)
    }

    /// Sets what a table holds under a key that is neither nil nor not-a-number.
    #[inline]
    pub fn raw_set(&mut self, id: TableId, key: Value, value: Value) {
        let table = &mut self.tables.items[id.0 as usize];
        let grown = table.set(&self.strings, key, value);
        self.grew(grown);
    }

    /// As `raw_set`, by a name.
    pub fn set_field(&mut self, id: TableId, name: &str, value: Value) {
        let key = self.text(name);
        self.raw_set(id, key, value);
    }

    /// Adds a value behind an array's last one.
    pub fn push(&mut self, id: TableId, value: Value) {
        let n = self.at(id).array_len() + 1;
        self.raw_set(id, Value::Num(n as f64), value);
    }

    /// A new function.
    pub fn func(&mut self, func: Func) -> FuncId {
        self.grew(OVERHEAD * 2);
        FuncId(self.funcs.add(func))
    }

    /// A function.
    #[inline]
    pub fn func_at(&self, id: FuncId) -> &Func {
        &self.funcs.items[id.0 as usize]
    }

    /// A function, to change.
    pub fn func_mut(&mut self, id: FuncId) -> &mut Func {
        &mut self.funcs.items[id.0 as usize]
    }

    /// A new shared variable.
    #[inline]
    pub fn cell(&mut self, value: Value) -> CellId {
        self.grew(OVERHEAD);
        CellId(self.cells.add(value))
    }

    /// What a shared variable holds.
    #[inline]
    pub fn cell_at(&self, id: CellId) -> Value {
        self.cells.items[id.0 as usize]
    }

    /// Sets a shared variable.
    #[inline]
    pub fn set_cell(&mut self, id: CellId, value: Value) {
        self.cells.items[id.0 as usize] = value;
    }

    /// A new coroutine.
    pub fn thread(&mut self, thread: Thread) -> ThreadId {
        self.grew(1024);
        ThreadId(self.threads.add(thread))
    }

    /// A coroutine.
    pub fn thread_at(&mut self, id: ThreadId) -> &mut Thread {
        &mut self.threads.items[id.0 as usize]
    }

    /// Marks a value and, in the end, all that can be reached from it.
    pub fn mark(&mut self, v: Value) {
        let news = match v {
            Value::Str(s) => {
                self.strings.slab.mark(s.0);
                false
            }
            Value::Table(t) => self.tables.mark(t.0),
            Value::Func(f) => self.funcs.mark(f.0),
            Value::Thread(t) => self.threads.mark(t.0),
            Value::Cell(c) => self.cells.mark(c.0),
            _ => false,
        };
        if news {
            self.gray.push(v);
        }
    }

    /// Marks the strings that a function's code names, and those of the functions in it.
    pub fn mark_proto(&mut self, proto: &Proto) {
        proto.consts.iter().for_each(|&k| self.mark(k));
        proto.protos.iter().for_each(|p| self.mark_proto(p));
    }

    fn mark_children(&mut self, v: Value) {
        match v {
            Value::Table(t) => {
                let table = std::mem::take(&mut self.tables.items[t.0 as usize]);
                table.visit(|v| self.mark(v));
                self.tables.items[t.0 as usize] = table;
            }
            Value::Func(f) => {
                let func = std::mem::take(&mut self.funcs.items[f.0 as usize]);
                match &func {
                    Func::Lua { proto, cells } => {
                        self.mark_proto(proto);
                        cells.iter().for_each(|c| self.mark(Value::Cell(*c)));
                    }
                    Func::Matches { subject, pattern, .. } => {
                        self.mark(Value::Str(*subject));
                        self.mark(Value::Str(*pattern));
                    }
                    Func::Resume(t) => self.mark(Value::Thread(*t)),
                    Func::None => {}
                }
                self.funcs.items[f.0 as usize] = func;
            }
            Value::Cell(c) => self.mark(self.cell_at(c)),
            Value::Thread(t) => {
                let thread = std::mem::take(&mut self.threads.items[t.0 as usize]);
                thread.stack.iter().for_each(|v| self.mark(*v));
                thread.frames.iter().for_each(|f| self.mark(Value::Func(f.func)));
                self.threads.items[t.0 as usize] = thread;
            }
            _ => {}
        }
    }

    /// Frees everything that cannot be reached from the roots and from what was marked before.
    pub fn collect(&mut self) {
        for i in 0..self.roots.len() {
            self.mark(self.roots[i]);
        }
        while let Some(v) = self.gray.pop() {
            self.mark_children(v);
        }
        self.strings.slab.sweep();
        self.tables.sweep();
        self.funcs.sweep();
        self.cells.sweep();
        self.threads.sweep();
        self.strings.rebuild();
        self.used = self.strings.slab.items.iter().map(|t| t.bytes.len()).sum::<usize>()
            + self.strings.slab.len() * OVERHEAD
            + self.tables.items.iter().map(Table::allocated).sum::<usize>()
            + (self.funcs.len() * 2 + self.cells.len()) * OVERHEAD
            + self.funcs.items.iter().map(Func::code_bytes).sum::<usize>()
            + self.threads.items.iter().map(|t| t.stack.capacity() * 16).sum::<usize>();
        self.collect_at = self.used.saturating_mul(2).max(COLLECT_MIN).min(self.limit.max(COLLECT_MIN));
    }
}

//! The machine's state, and how functions call each other: frames of Lua functions on a stack of their own, functions of
//! the libraries as plain Rust functions that find their arguments on the stack and leave their results there.

use std::rc::Rc;

use super::super::shebang::Flags;
use super::code::{self, Proto};
use super::heap::{Func, Heap};
use super::parse;
use super::table::Table;
use super::value::{Fault, FuncId, Res, StrId, TableId, ThreadId, Value};
use super::{BYTES_PER_TICK, CALLS_MAX, NATIVE_CALLS_MAX, NS_PER_TICK, STACK_MAX, TICKS};
use crate::resp::Span;

/// What a script asks of the world outside.
pub trait Host {
    /// Asked every [`TICKS`] jumps and calls: false ends the script.
    fn go_on(&mut self) -> bool;
    /// Runs a command (its arguments are `spans` of `bytes`); the reply, RESP2 or RESP3, goes to `reply`. Gives the
    /// nanoseconds that it took.
    fn command(&mut self, bytes: &[u8], spans: &[Span], resp3: bool, reply: &mut Vec<u8>) -> u64;
    /// Seconds, for measuring.
    fn clock(&mut self) -> f64;
    /// Writes to the log: 0 debug to 3 warning.
    fn log(&mut self, level: u8, text: &[u8]);
    /// What of the script's writes is propagated: 1 = AOF, 2 = replicas.
    fn set_repl(&mut self, to: u8);
    /// Whether the client may run a command; `None`: there is none of this name.
    fn may_run(&mut self, bytes: &[u8], spans: &[Span]) -> Option<bool>;
    /// Takes a function that a library registers; the error's text if it cannot.
    fn register(&mut self, function: Registered) -> Result<(), &'static str>;
}

/// A function as a library registers it.
#[derive(Clone, Debug)]
pub struct Registered {
    pub name: Vec<u8>,
    pub function: Value,
    pub description: Option<Vec<u8>>,
    pub flags: Flags,
}

/// The arguments of a function of a library: where they lie on the stack.
#[derive(Clone, Copy)]
pub struct Call {
    pub at: usize,
    pub n: usize,
}

/// A function of a library: pushes its results and gives their number.
pub type Native = fn(&mut Run<'_>, Call) -> Res<usize>;

/// A Lua function that runs.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub func: FuncId,
    /// Its first register.
    base: usize,
    /// Of the next instruction, while another function runs.
    pc: usize,
    /// Where its results go.
    slot: usize,
    /// How many are wanted: as instructions count.
    results: u8,
    /// Its `...` lies before the registers.
    pub varargs: usize,
    /// Rust code waits for it.
    entry: bool,
}

/// What a coroutine is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    #[default]
    Suspended,
    Running,
    /// It has resumed another one.
    Normal,
    Dead,
}

/// A coroutine, while it does not run.
#[derive(Default)]
pub struct Thread {
    pub stack: Vec<Value>,
    pub frames: Vec<Frame>,
    pub status: Status,
    /// Where the results of the `yield` it waits in go.
    pending: Option<(usize, u8)>,
    base: usize,
    pc: usize,
}

impl Thread {
    /// One that will call a function.
    pub fn of(f: Value) -> Thread {
        Thread { stack: vec![f], ..Thread::default() }
    }
}

/// Names of metamethods and the like, at hand.
pub struct Names {
    pub index: StrId,
    pub newindex: StrId,
    pub call: StrId,
    pub arith: [StrId; 6],
    pub unm: StrId,
    pub concat: StrId,
    pub eq: StrId,
    pub lt: StrId,
    pub le: StrId,
    pub tostring: StrId,
    pub metatable: StrId,
    pub err: StrId,
    pub ok: StrId,
    pub keys: StrId,
    pub argv: StrId,
}

/// An interpreter: the heap and what runs.
pub struct Vm {
    pub heap: Heap,
    pub globals: TableId,
    pub natives: Vec<(Native, &'static str)>,
    pub string_meta: Option<TableId>,
    pub names: Names,
    pub stack: Vec<Value>,
    pub frames: Vec<Frame>,
    /// The running function's first register, and its next instruction.
    pub base: usize,
    pub pc: usize,
    /// End of an open list of values.
    pub top: usize,
    /// Coroutines that run: each has resumed the next.
    chain: Vec<ThreadId>,
    depth: usize,
    /// The depth at which the running coroutine was resumed.
    resumed_at: usize,
    ticks: u32,
    /// State of `math.random`.
    pub rng: u64,
    /// The protocol of replies inside the script: `redis.setresp(3)`.
    pub resp3: bool,
    /// Arguments of a command and its reply, for `redis.call`.
    pub scratch: Scratch,
    /// Settings of `cjson`.
    pub json: super::super::cjson::Settings,
}

/// Buffers used again.
#[derive(Default)]
pub struct Scratch {
    pub bytes: Vec<u8>,
    pub spans: Vec<Span>,
    pub reply: Vec<u8>,
}

impl Vm {
    /// With the libraries of Lua. `limit`: bytes it may take.
    pub fn new(limit: usize) -> Vm {
        let mut heap = Heap::new(limit);
        let globals = heap.table(0, 64);
        let mut name = |s: &str| {
            let id = heap.str(s.as_bytes());
            heap.roots.push(Value::Str(id));
            id
        };
        let arith = ["__add", "__sub", "__mul", "__div", "__mod", "__pow"].map(&mut name);
        let names = Names {
            index: name("__index"),
            newindex: name("__newindex"),
            call: name("__call"),
            arith,
            unm: name("__unm"),
            concat: name("__concat"),
            eq: name("__eq"),
            lt: name("__lt"),
            le: name("__le"),
            tostring: name("__tostring"),
            metatable: name("__metatable"),
            err: name("err"),
            ok: name("ok"),
            keys: name("KEYS"),
            argv: name("ARGV"),
        };
        heap.roots.push(Value::Table(globals));
        let mut vm = Vm {
            heap,
            globals,
            natives: Vec::new(),
            string_meta: None,
            names,
            stack: Vec::new(),
            frames: Vec::new(),
            base: 0,
            pc: 0,
            top: 0,
            chain: Vec::new(),
            depth: 0,
            resumed_at: usize::MAX,
            ticks: TICKS,
            rng: super::math::FIRST,
            resp3: false,
            scratch: Scratch::default(),
            json: Default::default(),
        };
        super::base::open(&mut vm);
        super::string::open(&mut vm);
        super::tables::open(&mut vm);
        super::math::open(&mut vm);
        super::coroutine::open(&mut vm);
        super::os::open(&mut vm);
        vm
    }

    /// Adds functions to a table.
    pub fn register(&mut self, table: TableId, functions: &[(&'static str, Native)]) {
        for &(name, f) in functions {
            self.natives.push((f, name));
            let v = Value::Native((self.natives.len() - 1) as u16);
            self.heap.set_field(table, name, v);
        }
    }

    /// Makes a global table of functions.
    pub fn library(&mut self, name: &str, functions: &[(&'static str, Native)]) -> TableId {
        let table = self.heap.table(0, functions.len());
        self.register(table, functions);
        self.heap.set_field(self.globals, name, Value::Table(table));
        table
    }

    /// Compiles a source to a function without arguments. `Err`: the message.
    pub fn load(&mut self, source: &[u8], chunk: &str) -> Result<FuncId, Vec<u8>> {
        let body = parse::parse(source, chunk)?;
        let proto = code::compile(&mut self.heap, &body, &Rc::from(chunk))?;
        self.heap.grew(proto.allocated());
        Ok(self.heap.func(Func::Lua { proto: Rc::new(proto), cells: Box::default() }))
    }

    /// The function that runs.
    pub fn running(&self) -> Option<&Rc<Proto>> {
        match self.heap.func_at(self.frames.last()?.func) {
            Func::Lua { proto, .. } => Some(proto),
            _ => None,
        }
    }

    /// The line that runs, or where the last error came from.
    pub fn line(&self) -> Option<(Rc<str>, u32)> {
        let proto = self.running()?;
        let line = proto.lines.get(self.pc.saturating_sub(1)).copied().unwrap_or(proto.line);
        Some((proto.chunk.clone(), line))
    }

    /// A command took this long: the host is asked that much sooner.
    #[inline]
    pub fn took(&mut self, ns: u64) {
        self.ticks = self.ticks.saturating_sub((ns / NS_PER_TICK) as u32).max(1);
    }

    /// After a script: nothing runs, its stack is empty.
    pub fn reset(&mut self) {
        self.stack.clear();
        self.stack.shrink_to(1024);
        self.frames.clear();
        (self.base, self.pc, self.top, self.depth) = (0, 0, 0, 0);
        self.chain.clear();
        (self.resumed_at, self.ticks) = (usize::MAX, TICKS);
    }

    /// Collects garbage.
    pub fn collect(&mut self) {
        for i in 0..self.stack.len() {
            self.heap.mark(self.stack[i]);
        }
        for i in 0..self.frames.len() {
            self.heap.mark(Value::Func(self.frames[i].func));
        }
        for i in 0..self.chain.len() {
            self.heap.mark(Value::Thread(self.chain[i]));
        }
        if let Some(meta) = self.string_meta {
            self.heap.mark(Value::Table(meta));
        }
        self.heap.collect();
    }

    /// Bytes it takes, about.
    pub fn memory(&self) -> usize {
        self.heap.used() + self.stack.capacity() * size_of::<Value>()
    }

    /// The metatable of a value.
    pub fn meta(&self, v: Value) -> Option<&Table> {
        let id = match v {
            Value::Table(t) => self.heap.at(t).meta?,
            Value::Str(_) => self.string_meta?,
            _ => return None,
        };
        Some(self.heap.at(id))
    }

    /// A metamethod of a value; nil if it has none.
    pub fn metamethod(&self, v: Value, name: StrId) -> Value {
        self.meta(v).map_or(Value::Nil, |t| t.get(&self.heap.strings, Value::Str(name)))
    }
}

/// A machine at work: the interpreter and its host.
pub struct Run<'a> {
    pub vm: &'a mut Vm,
    pub host: &'a mut dyn Host,
}

impl Run<'_> {
    /// An error with a message, the running line before it.
    #[cold]
    pub fn error<T>(&mut self, message: impl AsRef<[u8]>) -> Res<T> {
        let mut text = match self.vm.line() {
            Some((chunk, line)) => format!("{chunk}:{line}: ").into_bytes(),
            None => Vec::new(),
        };
        text.extend_from_slice(message.as_ref());
        Err(Fault::Error(Value::Str(self.vm.heap.str(&text))))
    }

    /// A message with the line of a caller before it: `level` 2 is who called the running function.
    pub fn with_caller(&mut self, message: &[u8], level: i64) -> Value {
        let up = usize::try_from(level - 1).unwrap_or(0);
        let frame = self.vm.frames.len().checked_sub(up + 1).map(|i| self.vm.frames[i]);
        let mut text = Vec::new();
        if let Some(frame) = frame
            && let Func::Lua { proto, .. } = self.vm.heap.func_at(frame.func)
            && let Some(line) = proto.lines.get(frame.pc.saturating_sub(1))
        {
            text = format!("{}:{line}: ", proto.chunk).into_bytes();
        }
        text.extend_from_slice(message);
        Value::Str(self.vm.heap.str(&text))
    }

    /// An error with exactly this message.
    #[cold]
    pub fn raise<T>(&mut self, message: &str) -> Res<T> {
        Err(Fault::Error(self.vm.heap.text(message)))
    }

    /// Counts towards asking the host, and collects garbage if that is due. Only between instructions: nothing may be alive
    /// that is not on the stack.
    #[inline]
    pub fn tick(&mut self) -> Res {
        self.vm.ticks -= 1;
        if self.vm.ticks == 0 { self.ask() } else { Ok(()) }
    }

    /// Counts what a function of a library does with `bytes`: it could be called with long ones over and over.
    #[inline]
    pub fn charge(&mut self, bytes: usize) -> Res {
        let ticks = (bytes / BYTES_PER_TICK) as u32;
        if self.vm.ticks > ticks {
            self.vm.ticks -= ticks;
            return Ok(());
        }
        self.ask()
    }

    #[cold]
    fn ask(&mut self) -> Res {
        self.vm.ticks = TICKS;
        if self.host.go_on() { Ok(()) } else { Err(Fault::Killed) }
    }

    /// Collects if enough was allocated.
    #[inline]
    pub fn check_memory(&mut self) -> Res {
        if self.vm.heap.wants_collection() { self.collect() } else { Ok(()) }
    }

    #[cold]
    fn collect(&mut self) -> Res {
        self.vm.collect();
        if self.vm.memory() > self.vm.heap.limit { self.out_of_memory() } else { Ok(()) }
    }

    /// Refuses to allocate `bytes` if that is beyond the limit.
    pub fn may_allocate(&mut self, bytes: usize) -> Res {
        if self.vm.heap.used().saturating_add(bytes) <= self.vm.heap.limit || bytes < 4096 {
            return Ok(());
        }
        self.out_of_memory()
    }

    #[cold]
    fn out_of_memory(&mut self) -> Res {
        self.raise("not enough memory")
    }

    /// A string as a result of an operation.
    pub fn new_string(&mut self, bytes: Vec<u8>) -> Res<Value> {
        self.may_allocate(bytes.len())?;
        self.charge(bytes.len())?;
        Ok(Value::Str(self.vm.heap.str(&bytes)))
    }

    /// Pushes a value.
    #[inline]
    pub fn push(&mut self, v: Value) {
        self.vm.stack.push(v);
    }

    /// Gives one result.
    #[inline]
    pub fn give(&mut self, v: Value) -> Res<usize> {
        self.vm.stack.push(v);
        Ok(1)
    }

    /// Argument `i` (from 0); nil if there are not as many.
    #[inline]
    pub fn arg(&self, call: Call, i: usize) -> Value {
        if i < call.n { self.vm.stack[call.at + i] } else { Value::Nil }
    }

    /// Calls what is at `slot` with the `n` values behind it. The results are at `slot`, and nothing behind them.
    pub fn call_at(&mut self, slot: usize, n: usize) -> Res<usize> {
        if self.vm.depth >= NATIVE_CALLS_MAX {
            return self.error("C stack overflow");
        }
        let (base, pc) = (self.vm.base, self.vm.pc);
        if let Some(frame) = self.vm.frames.last_mut() {
            frame.pc = pc;
        }
        self.vm.depth += 1;
        if self.begin_call(slot, n, 0, true)? {
            self.execute()?;
        }
        self.vm.depth -= 1;
        (self.vm.base, self.vm.pc) = (base, pc);
        let top = self.vm.top;
        self.vm.stack.truncate(top);
        Ok(top - slot)
    }

    /// Calls a function with arguments; gives its first result.
    pub fn call_value(&mut self, f: Value, args: &[Value]) -> Res<Value> {
        let slot = self.vm.stack.len();
        self.vm.stack.push(f);
        self.vm.stack.extend_from_slice(args);
        let n = self.call_at(slot, args.len())?;
        let first = if n > 0 { self.vm.stack[slot] } else { Value::Nil };
        self.vm.stack.truncate(slot);
        Ok(first)
    }

    /// As `call_at`, but an error comes back as its value, and the machine stands as it did before.
    pub fn protected(&mut self, slot: usize, n: usize, handler: Option<Value>) -> Res<Result<usize, Value>> {
        let (frames, depth) = (self.vm.frames.len(), self.vm.depth);
        let (base, pc) = (self.vm.base, self.vm.pc);
        let value = match self.call_at(slot, n) {
            Ok(n) => return Ok(Ok(n)),
            Err(Fault::Error(value)) => value,
            Err(other) => return Err(other),
        };
        let value = match handler {
            None => value,
            Some(handler) => {
                // The handler sees the stack as it was when the error came.
                self.vm.depth = self.vm.depth.min(NATIVE_CALLS_MAX - 1);
                match self.call_value(handler, &[value]) {
                    Ok(v) => v,
                    Err(Fault::Error(v)) => v,
                    Err(other) => return Err(other),
                }
            }
        };
        self.vm.frames.truncate(frames);
        self.vm.depth = depth;
        (self.vm.base, self.vm.pc) = (base, pc);
        self.vm.stack.truncate(slot);
        Ok(Err(value))
    }

    /// Begins the call of what is at `slot`: true if a frame was made for it, false if it is done already.
    #[inline]
    pub fn begin_call(&mut self, slot: usize, n: usize, results: u8, entry: bool) -> Res<bool> {
        match self.vm.stack[slot] {
            Value::Native(f) => {
                self.native(slot, n, f, results)?;
                Ok(false)
            }
            Value::Func(f) => match self.vm.heap.func_at(f) {
                Func::Lua { proto, .. } => {
                    let proto = proto.clone();
                    self.enter(f, &proto, slot, n, results, entry)?;
                    Ok(true)
                }
                _ => {
                    self.special(slot, n, f, results)?;
                    Ok(false)
                }
            },
            other => {
                let f = self.vm.metamethod(other, self.vm.names.call);
                if !matches!(f, Value::Native(_) | Value::Func(_)) {
                    return self.not_callable(slot, other);
                }
                self.vm.stack.truncate(slot + 1 + n);
                self.vm.stack.insert(slot, f);
                self.begin_call(slot, n + 1, results, entry)
            }
        }
    }

    /// Runs a function of a library and puts its results where they are wanted.
    #[inline]
    fn native(&mut self, slot: usize, n: usize, f: u16, results: u8) -> Res {
        self.vm.stack.truncate(slot + 1 + n);
        let count = match (self.vm.natives[f as usize].0)(self, Call { at: slot + 1, n }) {
            Ok(count) => count,
            Err(Fault::Yield) => return self.pause(slot, results),
            Err(e) => return Err(e),
        };
        self.finish(slot, count, results);
        Ok(())
    }

    fn special(&mut self, slot: usize, n: usize, f: FuncId, results: u8) -> Res {
        self.vm.stack.truncate(slot + 1 + n);
        let call = Call { at: slot + 1, n };
        let count = match self.vm.heap.func_at(f) {
            Func::Matches { .. } => super::pattern::next_match(self, f)?,
            Func::Resume(t) => {
                let t = *t;
                super::coroutine::wrapped(self, t, call)?
            }
            _ => return self.error("attempt to call a function that is gone"),
        };
        self.finish(slot, count, results);
        Ok(())
    }

    /// Moves the last `count` values of the stack to `slot`, as many as are wanted.
    #[inline]
    fn finish(&mut self, slot: usize, count: usize, results: u8) {
        let stack = &mut self.vm.stack;
        let from = stack.len() - count;
        if results == 0 {
            stack.copy_within(from.., slot);
            self.vm.top = slot + count;
        } else {
            let want = results as usize - 1;
            if stack.len() < slot + want {
                stack.resize(slot + want, Value::Nil);
            }
            stack.copy_within(from..from + count.min(want), slot);
            if count < want {
                stack[slot + count..slot + want].fill(Value::Nil);
            }
        }
        self.restore_top();
    }

    /// The registers of the running function lie on the stack, whatever a call has cut off.
    #[inline]
    fn restore_top(&mut self) {
        if let Some(frame) = self.vm.frames.last()
            && let Func::Lua { proto, .. } = self.vm.heap.func_at(frame.func)
        {
            let need = self.vm.base + proto.registers;
            if self.vm.stack.len() < need {
                self.vm.stack.resize(need, Value::Nil);
            }
        }
    }

    /// Makes the frame of a Lua function whose arguments are behind `slot`.
    #[inline]
    fn enter(&mut self, func: FuncId, proto: &Proto, slot: usize, n: usize, results: u8, entry: bool) -> Res {
        if self.vm.frames.len() >= CALLS_MAX || self.vm.stack.len() > STACK_MAX {
            return self.error("stack overflow");
        }
        let params = proto.params as usize;
        let stack = &mut self.vm.stack;
        let (mut base, mut varargs) = (slot + 1, 0);
        if proto.vararg {
            base = slot + 1 + n;
            stack.resize(base, Value::Nil);
            stack.resize(base + proto.registers, Value::Nil);
            let fixed = n.min(params);
            for i in 0..fixed {
                stack[base + i] = stack[slot + 1 + i];
            }
            varargs = n - fixed;
        } else {
            let end = base + proto.registers;
            if stack.len() < end {
                stack.resize(end, Value::Nil);
            }
            if n < params {
                stack[base + n..base + params].fill(Value::Nil);
            }
        }
        if let Some(frame) = self.vm.frames.last_mut() {
            frame.pc = self.vm.pc;
        }
        self.vm.frames.push(Frame { func, base, pc: 0, slot, results, varargs, entry });
        (self.vm.base, self.vm.pc) = (base, 0);
        self.tick()
    }

    /// Ends the running Lua function with `n` results at `from`; true if Rust code waits for it.
    #[inline]
    pub fn leave(&mut self, from: usize, n: usize) -> bool {
        let Some(frame) = self.vm.frames.pop() else { return true };
        let stack = &mut self.vm.stack;
        if frame.results == 0 {
            stack.copy_within(from..from + n, frame.slot);
            self.vm.top = frame.slot + n;
        } else {
            let want = frame.results as usize - 1;
            stack.copy_within(from..from + n.min(want), frame.slot);
            if n < want {
                if stack.len() < frame.slot + want {
                    stack.resize(frame.slot + want, Value::Nil);
                }
                stack[frame.slot + n..frame.slot + want].fill(Value::Nil);
            }
        }
        if let Some(caller) = self.vm.frames.last() {
            (self.vm.base, self.vm.pc) = (caller.base, caller.pc);
            if !frame.entry {
                self.restore_top();
            }
        }
        frame.entry
    }

    /// Replaces the running function by the one at `slot`; true if a frame was made, false if the call is done and its
    /// results lie at `slot` up to the top.
    pub fn tail_call(&mut self, slot: usize, n: usize) -> Res<bool> {
        let is_lua = |vm: &Vm| match vm.stack[slot] {
            Value::Func(f) => matches!(vm.heap.func_at(f), Func::Lua { .. }),
            _ => false,
        };
        let Some(frame) = self.vm.frames.last().copied() else { return Ok(false) };
        if !is_lua(self.vm) {
            self.begin_call(slot, n, 0, false)?;
            return Ok(false);
        }
        self.vm.stack.copy_within(slot..slot + n + 1, frame.slot);
        self.vm.frames.pop();
        // The caller keeps the instruction at which it waits.
        if let Some(caller) = self.vm.frames.last() {
            self.vm.pc = caller.pc;
        }
        self.begin_call(frame.slot, n, frame.results, frame.entry)
    }

    /// Pauses the running coroutine, whose `yield` is at `slot`.
    fn pause(&mut self, slot: usize, results: u8) -> Res {
        if let Some(id) = self.current() {
            self.vm.heap.thread_at(id).pending = Some((slot, results));
        }
        Err(Fault::Yield)
    }

    /// Whether a coroutine runs, and nothing of Rust between it and its `resume`.
    pub fn may_yield(&self) -> bool {
        !self.vm.chain.is_empty() && self.vm.depth == self.vm.resumed_at
    }

    /// The running coroutine.
    pub fn current(&self) -> Option<ThreadId> {
        self.vm.chain.last().copied()
    }

    fn swap(&mut self, id: ThreadId) {
        let vm = &mut *self.vm;
        let t = vm.heap.thread_at(id);
        std::mem::swap(&mut t.stack, &mut vm.stack);
        std::mem::swap(&mut t.frames, &mut vm.frames);
        std::mem::swap(&mut t.base, &mut vm.base);
        std::mem::swap(&mut t.pc, &mut vm.pc);
    }

    /// Resumes a coroutine with arguments. What it gives lies on the caller's stack, in this number; `Err(value)`: it failed.
    pub fn resume(&mut self, id: ThreadId, args: Call) -> Res<Result<usize, Value>> {
        let status = self.vm.heap.thread_at(id).status;
        if status != Status::Suspended {
            let what = if status == Status::Dead { "dead" } else { "non-suspended" };
            return Ok(Err(self.vm.heap.text(format!("cannot resume {what} coroutine"))));
        }
        if self.vm.depth + 1 >= NATIVE_CALLS_MAX {
            return Ok(Err(self.vm.heap.text("C stack overflow")));
        }
        let values: Vec<Value> = self.vm.stack[args.at..args.at + args.n].to_vec();
        let outer = self.current();
        self.vm.chain.push(id);
        if let Some(outer) = outer {
            self.vm.heap.thread_at(outer).status = Status::Normal;
        }
        let (depth, resumed_at) = (self.vm.depth, self.vm.resumed_at);
        self.vm.heap.thread_at(id).status = Status::Running;
        self.swap(id);
        let result = self.continue_thread(id, &values);
        (self.vm.depth, self.vm.resumed_at) = (depth, resumed_at);
        let outcome = match result {
            Ok(n) => {
                let from = self.vm.stack.len() - n;
                Ok((self.vm.stack.split_off(from), Status::Dead))
            }
            Err(Fault::Yield) => {
                let pending = self.vm.heap.thread_at(id).pending;
                let from = pending.map_or(0, |(slot, _)| slot + 1);
                Ok((self.vm.stack.split_off(from.min(self.vm.stack.len())), Status::Suspended))
            }
            Err(Fault::Error(v)) => Err(v),
            Err(Fault::Killed) => return Err(Fault::Killed),
        };
        self.swap(id);
        self.vm.chain.pop();
        if let Some(outer) = outer {
            self.vm.heap.thread_at(outer).status = Status::Running;
        }
        let thread = self.vm.heap.thread_at(id);
        match outcome {
            Ok((values, status)) => {
                thread.status = status;
                self.vm.stack.extend_from_slice(&values);
                Ok(Ok(values.len()))
            }
            Err(v) => {
                *thread = Thread { status: Status::Dead, ..Thread::default() };
                Ok(Err(v))
            }
        }
    }

    /// Runs the coroutine whose stack is in place, until it ends or yields; its results are the last on its stack.
    fn continue_thread(&mut self, id: ThreadId, values: &[Value]) -> Res<usize> {
        self.vm.depth += 1;
        self.vm.resumed_at = self.vm.depth;
        match self.vm.heap.thread_at(id).pending.take() {
            None => {
                // Its function is the only thing on its stack.
                self.vm.stack.extend_from_slice(values);
                if self.begin_call(0, values.len(), 0, true)? {
                    self.execute()?;
                }
            }
            Some((slot, results)) => {
                self.vm.stack.truncate(slot + 1);
                self.vm.stack.extend_from_slice(values);
                self.finish(slot, values.len(), results);
                if self.vm.frames.is_empty() {
                    self.vm.top = slot + values.len();
                } else {
                    self.execute()?;
                }
            }
        }
        let top = self.vm.top;
        self.vm.stack.truncate(top);
        Ok(top)
    }
}

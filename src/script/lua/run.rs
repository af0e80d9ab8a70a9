//! Runs instructions.

use std::cmp::Ordering;
use std::rc::Rc;

use super::call::Run;
use super::code::{CONST, Op, Operand, Proto, Reg};
use super::heap::Func;
use super::text;
use super::value::{CellId, Fault, Res, StrId, TableId, Value};
use super::{STACK_MAX, STRING_MAX};

/// Steps along `__index` and `__newindex`.
const META_CHAIN_MAX: usize = 100;

/// Operators of numbers, in the order of their metamethods' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

impl Arith {
    #[inline]
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a * b,
            Arith::Div => a / b,
            Arith::Mod => a - (a / b).floor() * b,
            Arith::Pow => a.powf(b),
        }
    }
}

impl Run<'_> {
    #[inline]
    fn reg(&self, r: Reg) -> Value {
        self.vm.stack[self.vm.base + r as usize]
    }

    #[inline]
    fn set(&mut self, r: Reg, v: Value) {
        let at = self.vm.base + r as usize;
        self.vm.stack[at] = v;
    }

    #[inline]
    fn rk(&self, proto: &Proto, o: Operand) -> Value {
        if o < CONST { self.reg(o as Reg) } else { proto.consts[(o - CONST) as usize] }
    }

    #[inline]
    fn jump(&mut self, to: i32) -> Res {
        self.vm.pc = self.vm.pc.wrapping_add_signed(to as isize);
        if to < 0 {
            self.tick()?;
            self.check_memory()?;
        }
        Ok(())
    }

    /// After a comparison: the jump behind it is run or skipped.
    #[inline]
    fn branch(&mut self, proto: &Proto, holds: bool) -> Res {
        let Op::Jump { to } = proto.code[self.vm.pc] else { return Ok(()) };
        self.vm.pc += 1;
        if holds { self.jump(to) } else { Ok(()) }
    }

    #[inline]
    fn captured(&self, u: u8) -> Option<CellId> {
        match self.vm.heap.func_at(self.vm.frames.last()?.func) {
            Func::Lua { cells, .. } => cells.get(u as usize).copied(),
            _ => None,
        }
    }

    /// Runs the frame on top, until the one that Rust code waits for has ended.
    pub fn execute(&mut self) -> Res {
        'frame: loop {
            let Some(proto) = self.vm.running().cloned() else { return Ok(()) };
            let p: &Rc<Proto> = &proto;
            loop {
                let op = p.code[self.vm.pc];
                self.vm.pc += 1;
                match op {
                    Op::Move { a, b } => self.set(a, self.reg(b)),
                    Op::Const { a, k } => self.set(a, p.consts[k as usize]),
                    Op::Nil { a, n } => (0..n).for_each(|i| self.set(a + i, Value::Nil)),
                    Op::Bool { a, v } => self.set(a, Value::Bool(v)),
                    Op::Global { a, k } => self.global(a, p.consts[k as usize])?,
                    Op::SetGlobal { b, k } => self.set_global(p.consts[k as usize], self.rk(p, b))?,
                    Op::NewCell { a } => self.new_cell(a),
                    Op::Cell { a, b } => self.cell(a, b),
                    Op::SetCell { a, b } => self.set_cell(a, self.rk(p, b)),
                    Op::Up { a, u } => self.up(a, u),
                    Op::SetUp { u, b } => self.set_up(u, self.rk(p, b)),
                    Op::Get { a, b, c } => self.get(a, self.reg(b), self.rk(p, c))?,
                    Op::Set { a, b, c } => self.set_index(self.reg(a), self.rk(p, b), self.rk(p, c))?,
                    Op::Table { a, array, hash } => self.new_table(a, array, hash)?,
                    Op::Method { a, b, c } => self.method(a, b, self.rk(p, c))?,
                    Op::Add { a, b, c } => self.arith(a, self.rk(p, b), self.rk(p, c), Arith::Add)?,
                    Op::Sub { a, b, c } => self.arith(a, self.rk(p, b), self.rk(p, c), Arith::Sub)?,
                    Op::Mul { a, b, c } => self.arith(a, self.rk(p, b), self.rk(p, c), Arith::Mul)?,
                    Op::Div { a, b, c } => self.arith(a, self.rk(p, b), self.rk(p, c), Arith::Div)?,
                    Op::Mod { a, b, c } => self.arith(a, self.rk(p, b), self.rk(p, c), Arith::Mod)?,
                    Op::Pow { a, b, c } => self.arith(a, self.rk(p, b), self.rk(p, c), Arith::Pow)?,
                    Op::Neg { a, b } => self.negate(a, b)?,
                    Op::Not { a, b } => self.set(a, Value::Bool(!self.reg(b).truthy())),
                    Op::Len { a, b } => self.len_of(a, b)?,
                    Op::Concat { a, b, n } => self.concat(a, b, n)?,
                    Op::Jump { to } => self.jump(to)?,
                    Op::Test { a, want } => self.branch(p, self.reg(a).truthy() == want)?,
                    Op::Eq { b, c, want } => self.test_eq(p, b, c, want)?,
                    Op::Lt { b, c, want } => self.test_lt(p, b, c, want)?,
                    Op::Le { b, c, want } => self.test_le(p, b, c, want)?,
                    Op::Call { a, args, results } => {
                        if self.call(a, args, results)? {
                            continue 'frame;
                        }
                    }
                    Op::TailCall { a, args } => {
                        if self.tail(a, args)? {
                            continue 'frame;
                        }
                    }
                    Op::Return { a, n } => {
                        if self.give_back(a, n) {
                            return Ok(());
                        }
                        continue 'frame;
                    }
                    Op::ForPrep { a, to } => self.for_prep(a, to)?,
                    Op::ForLoop { a, to } => self.for_loop(a, to)?,
                    Op::ForIn { a, n } => self.for_in(p, a, n)?,
                    Op::List { a, n, from } => self.list(a, n, from)?,
                    Op::Closure { a, p: i } => self.closure(a, &p.protos[i as usize])?,
                    Op::Vararg { a, n } => self.varargs(a, n)?,
                }
            }
        }
    }

    #[inline]
    fn global(&mut self, a: Reg, name: Value) -> Res {
        let globals = self.vm.globals;
        let v = self.vm.heap.raw_get(globals, name);
        let v = if v == Value::Nil { self.index(Value::Table(globals), name)? } else { v };
        self.set(a, v);
        Ok(())
    }

    fn set_global(&mut self, name: Value, v: Value) -> Res {
        self.set_index(Value::Table(self.vm.globals), name, v)
    }

    fn new_cell(&mut self, a: Reg) {
        let cell = self.vm.heap.cell(self.reg(a));
        self.set(a, Value::Cell(cell));
    }

    fn cell(&mut self, a: Reg, b: Reg) {
        if let Value::Cell(c) = self.reg(b) {
            self.set(a, self.vm.heap.cell_at(c));
        }
    }

    fn set_cell(&mut self, a: Reg, v: Value) {
        if let Value::Cell(c) = self.reg(a) {
            self.vm.heap.set_cell(c, v);
        }
    }

    fn up(&mut self, a: Reg, u: u8) {
        if let Some(c) = self.captured(u) {
            self.set(a, self.vm.heap.cell_at(c));
        }
    }

    fn set_up(&mut self, u: u8, v: Value) {
        if let Some(c) = self.captured(u) {
            self.vm.heap.set_cell(c, v);
        }
    }

    #[inline]
    fn get(&mut self, a: Reg, of: Value, key: Value) -> Res {
        if let Value::Table(t) = of {
            let v = self.vm.heap.raw_get(t, key);
            if v != Value::Nil {
                self.set(a, v);
                return Ok(());
            }
        }
        let v = self.index(of, key)?;
        self.set(a, v);
        Ok(())
    }

    /// `of[key]`, metatables asked.
    pub fn index(&mut self, of: Value, key: Value) -> Res<Value> {
        let mut of = of;
        for _ in 0..META_CHAIN_MAX {
            let handler = match of {
                Value::Table(t) => {
                    let v = self.vm.heap.raw_get(t, key);
                    if v != Value::Nil || self.vm.heap.at(t).meta.is_none() {
                        return Ok(v);
                    }
                    let handler = self.vm.metamethod(of, self.vm.names.index);
                    if handler == Value::Nil {
                        return Ok(v);
                    }
                    handler
                }
                other => {
                    let handler = self.vm.metamethod(other, self.vm.names.index);
                    if handler == Value::Nil {
                        return self.bad_operand("index", other);
                    }
                    handler
                }
            };
            if let Value::Func(_) | Value::Native(_) = handler {
                return self.call_value(handler, &[of, key]);
            }
            of = handler;
        }
        self.error("loop in gettable")
    }

    /// `of[key] = value`, metatables asked.
    #[inline]
    pub fn set_index(&mut self, of: Value, key: Value, value: Value) -> Res {
        if let Value::Table(t) = of {
            let table = self.vm.heap.at(t);
            if table.meta.is_none() && !table.readonly {
                return self.raw_store(t, key, value);
            }
        }
        self.set_index_slow(of, key, value)
    }

    fn set_index_slow(&mut self, of: Value, key: Value, value: Value) -> Res {
        let mut of = of;
        for _ in 0..META_CHAIN_MAX {
            let handler = match of {
                Value::Table(t) => {
                    let handler = if self.vm.heap.raw_get(t, key) == Value::Nil {
                        self.vm.metamethod(of, self.vm.names.newindex)
                    } else {
                        Value::Nil
                    };
                    if handler == Value::Nil {
                        if self.vm.heap.at(t).readonly {
                            return self.error("Attempt to modify a readonly table");
                        }
                        return self.raw_store(t, key, value);
                    }
                    handler
                }
                other => {
                    let handler = self.vm.metamethod(other, self.vm.names.newindex);
                    if handler == Value::Nil {
                        return self.bad_operand("index", other);
                    }
                    handler
                }
            };
            if let Value::Func(_) | Value::Native(_) = handler {
                self.call_value(handler, &[of, key, value])?;
                return Ok(());
            }
            of = handler;
        }
        self.error("loop in settable")
    }

    /// Stores in a table itself, if the key may be one.
    #[inline]
    pub fn raw_store(&mut self, t: TableId, key: Value, value: Value) -> Res {
        match key {
            Value::Nil => return self.error("table index is nil"),
            Value::Num(n) if n.is_nan() => return self.error("table index is NaN"),
            _ => self.vm.heap.raw_set(t, key, value),
        }
        Ok(())
    }

    fn new_table(&mut self, a: Reg, array: u16, hash: u16) -> Res {
        self.check_memory()?;
        let t = self.vm.heap.table(array as usize, hash as usize);
        self.set(a, Value::Table(t));
        Ok(())
    }

    fn method(&mut self, a: Reg, b: Reg, name: Value) -> Res {
        let of = self.reg(b);
        let f = self.index(of, name)?;
        self.set(a + 1, of);
        self.set(a, f);
        Ok(())
    }

    #[inline]
    fn arith(&mut self, a: Reg, x: Value, y: Value, op: Arith) -> Res {
        if let (Value::Num(x), Value::Num(y)) = (x, y) {
            self.set(a, Value::Num(op.of(x, y)));
            return Ok(());
        }
        let v = self.arith_slow(x, y, op)?;
        self.set(a, v);
        Ok(())
    }

    fn arith_slow(&mut self, x: Value, y: Value, op: Arith) -> Res<Value> {
        if let (Some(x), Some(y)) = (self.to_number(x), self.to_number(y)) {
            return Ok(Value::Num(op.of(x, y)));
        }
        let name = self.vm.names.arith[op as usize];
        match self.binary_handler(x, y, name) {
            Some(f) => self.call_value(f, &[x, y]),
            None => {
                self.bad_operand("perform arithmetic on", if self.to_number(x).is_none() { x } else { y })
            }
        }
    }

    fn binary_handler(&self, x: Value, y: Value, name: StrId) -> Option<Value> {
        let f = self.vm.metamethod(x, name);
        let f = if f == Value::Nil { self.vm.metamethod(y, name) } else { f };
        (f != Value::Nil).then_some(f)
    }

    fn negate(&mut self, a: Reg, b: Reg) -> Res {
        let v = self.reg(b);
        let v = match (v, self.to_number(v)) {
            (_, Some(n)) => Value::Num(-n),
            (v, None) => match self.vm.metamethod(v, self.vm.names.unm) {
                Value::Nil => return self.bad_operand("perform arithmetic on", v),
                f => self.call_value(f, &[v, v])?,
            },
        };
        self.set(a, v);
        Ok(())
    }

    /// A number, or a text that is one.
    #[inline]
    pub fn to_number(&self, v: Value) -> Option<f64> {
        match v {
            Value::Num(n) => Some(n),
            Value::Str(s) => text::parse(self.vm.heap.bytes(s)),
            _ => None,
        }
    }

    fn len_of(&mut self, a: Reg, b: Reg) -> Res {
        let n = match self.reg(b) {
            Value::Str(s) => self.vm.heap.bytes(s).len(),
            Value::Table(t) => self.vm.heap.at(t).len(&self.vm.heap.strings),
            v => return self.bad_operand("get length of", v),
        };
        self.set(a, Value::Num(n as f64));
        Ok(())
    }

    fn concat(&mut self, a: Reg, b: Reg, n: u8) -> Res {
        self.check_memory()?;
        let from = self.vm.base + b as usize;
        let mut total = 0usize;
        let plain = self.vm.stack[from..from + n as usize].iter().all(|v| match v {
            Value::Str(s) => {
                total = total.saturating_add(self.vm.heap.bytes(*s).len());
                true
            }
            Value::Num(_) => {
                total = total.saturating_add(24);
                true
            }
            _ => false,
        });
        let v = if plain {
            if total > STRING_MAX {
                return self.error("string length overflow");
            }
            self.may_allocate(total)?;
            let mut text = Vec::with_capacity(total);
            for v in &self.vm.stack[from..from + n as usize] {
                self.write_text(*v, &mut text);
            }
            self.new_string(text)?
        } else {
            let mut right = self.vm.stack[from + n as usize - 1];
            for i in (0..n as usize - 1).rev() {
                right = self.concat_two(self.vm.stack[from + i], right)?;
            }
            right
        };
        self.set(a, v);
        Ok(())
    }

    fn concat_two(&mut self, x: Value, y: Value) -> Res<Value> {
        let plain = |v: Value| matches!(v, Value::Str(_) | Value::Num(_));
        if plain(x) && plain(y) {
            let mut text = Vec::new();
            self.write_text(x, &mut text);
            self.write_text(y, &mut text);
            if text.len() > STRING_MAX {
                return self.error("string length overflow");
            }
            return self.new_string(text);
        }
        match self.binary_handler(x, y, self.vm.names.concat) {
            Some(f) => self.call_value(f, &[x, y]),
            None => self.bad_operand("concatenate", if plain(x) { y } else { x }),
        }
    }

    /// Appends a string or a number.
    pub fn write_text(&self, v: Value, out: &mut Vec<u8>) {
        match v {
            Value::Str(s) => out.extend_from_slice(self.vm.heap.bytes(s)),
            Value::Num(n) => text::number(n, out),
            _ => {}
        }
    }

    /// Whether two values are equal, metatables not asked.
    #[inline]
    pub fn raw_equal(&self, x: Value, y: Value) -> bool {
        x == y
    }

    #[inline]
    fn test_eq(&mut self, p: &Proto, b: Operand, c: Operand, want: bool) -> Res {
        let (x, y) = (self.rk(p, b), self.rk(p, c));
        let equal =
            x == y || matches!((x, y), (Value::Table(_), Value::Table(_))) && self.meta_equal(x, y)?;
        self.branch(p, equal == want)
    }

    fn meta_equal(&mut self, x: Value, y: Value) -> Res<bool> {
        let name = self.vm.names.eq;
        let (f, g) = (self.vm.metamethod(x, name), self.vm.metamethod(y, name));
        if f == Value::Nil || f != g {
            return Ok(false);
        }
        Ok(self.call_value(f, &[x, y])?.truthy())
    }

    #[inline]
    fn test_lt(&mut self, p: &Proto, b: Operand, c: Operand, want: bool) -> Res {
        let (x, y) = (self.rk(p, b), self.rk(p, c));
        let less = match (x, y) {
            (Value::Num(x), Value::Num(y)) => x < y,
            _ => self.less(x, y)?,
        };
        self.branch(p, less == want)
    }

    /// The order of two texts: that of their bytes.
    fn order(&mut self, x: StrId, y: StrId) -> Res<Ordering> {
        let (a, b) = (self.vm.heap.bytes(x), self.vm.heap.bytes(y));
        let order = a.cmp(b);
        let n = a.len().min(b.len());
        self.charge(n)?;
        Ok(order)
    }

    /// `x < y`.
    pub fn less(&mut self, x: Value, y: Value) -> Res<bool> {
        match (x, y) {
            (Value::Num(x), Value::Num(y)) => Ok(x < y),
            (Value::Str(x), Value::Str(y)) => Ok(self.order(x, y)?.is_lt()),
            _ => self.compare(x, y, self.vm.names.lt)?.map_or_else(|| self.not_comparable(x, y), Ok),
        }
    }

    #[inline]
    fn test_le(&mut self, p: &Proto, b: Operand, c: Operand, want: bool) -> Res {
        let (x, y) = (self.rk(p, b), self.rk(p, c));
        let holds = match (x, y) {
            (Value::Num(x), Value::Num(y)) => x <= y,
            (Value::Str(x), Value::Str(y)) => self.order(x, y)?.is_le(),
            _ => match self.compare(x, y, self.vm.names.le)? {
                Some(holds) => holds,
                None => match self.compare(y, x, self.vm.names.lt)? {
                    Some(less) => !less,
                    None => return self.not_comparable(x, y),
                },
            },
        };
        self.branch(p, holds == want)
    }

    /// Asks the metamethod that both share.
    fn compare(&mut self, x: Value, y: Value, name: StrId) -> Res<Option<bool>> {
        let (f, g) = (self.vm.metamethod(x, name), self.vm.metamethod(y, name));
        if f == Value::Nil || f != g {
            return Ok(None);
        }
        Ok(Some(self.call_value(f, &[x, y])?.truthy()))
    }

    /// Where a call's arguments end.
    #[inline]
    fn count(&self, slot: usize, args: u8) -> usize {
        if args == 0 { self.vm.top - slot - 1 } else { args as usize - 1 }
    }

    #[inline]
    fn call(&mut self, a: Reg, args: u8, results: u8) -> Res<bool> {
        let slot = self.vm.base + a as usize;
        let n = self.count(slot, args);
        let entered = self.begin_call(slot, n, results, false)?;
        if !entered {
            self.tick()?;
            self.check_memory()?;
        }
        Ok(entered)
    }

    #[inline]
    fn tail(&mut self, a: Reg, args: u8) -> Res<bool> {
        let slot = self.vm.base + a as usize;
        let n = self.count(slot, args);
        self.tail_call(slot, n)
    }

    #[inline]
    fn give_back(&mut self, a: Reg, n: u8) -> bool {
        let from = self.vm.base + a as usize;
        let n = if n == 0 { self.vm.top - from } else { n as usize - 1 };
        self.leave(from, n)
    }

    fn for_prep(&mut self, a: Reg, to: i32) -> Res {
        for (i, what) in ["initial", "limit", "step"].iter().enumerate() {
            let v = self.reg(a + i as u8);
            match self.to_number(v) {
                Some(n) => self.set(a + i as u8, Value::Num(n)),
                None if i == 0 => return self.error("'for' initial value must be a number"),
                None => return self.error(format!("'for' {what} must be a number")),
            }
        }
        if let (Value::Num(from), Value::Num(step)) = (self.reg(a), self.reg(a + 2)) {
            self.set(a, Value::Num(from - step));
        }
        self.jump(to)
    }

    #[inline]
    fn for_loop(&mut self, a: Reg, to: i32) -> Res {
        let (Value::Num(i), Value::Num(limit), Value::Num(step)) =
            (self.reg(a), self.reg(a + 1), self.reg(a + 2))
        else {
            return Ok(());
        };
        let i = i + step;
        if if step > 0.0 { i <= limit } else { limit <= i } {
            self.set(a, Value::Num(i));
            self.set(a + 3, Value::Num(i));
            self.jump(to)?;
        }
        Ok(())
    }

    fn for_in(&mut self, p: &Proto, a: Reg, n: u8) -> Res {
        let from = self.vm.base + a as usize;
        let slot = from + 3;
        if self.vm.stack.len() < slot + 3 {
            self.vm.stack.resize(slot + 3, Value::Nil);
        }
        self.vm.stack.copy_within(from..from + 3, slot);
        if let (Value::Native(f), Value::Table(t)) = (self.vm.stack[from], self.vm.stack[from + 1])
            && f == super::base::NEXT
        {
            match self.vm.heap.at(t).next(&self.vm.heap.strings, self.vm.stack[from + 2]) {
                Some((key, value)) => {
                    self.vm.stack[slot] = key;
                    if n > 1 {
                        self.vm.stack[slot + 1] = value;
                        (2..n as usize).for_each(|i| self.vm.stack[slot + i] = Value::Nil);
                    }
                }
                None => return self.error("invalid key to 'next'"),
            }
        } else {
            let got = self.call_at(slot, 2)?;
            let need = (slot + n as usize).max(self.vm.base + p.registers);
            self.vm.stack.truncate(slot + got);
            self.vm.stack.resize(need.max(slot + got), Value::Nil);
        }
        let first = self.vm.stack[slot];
        if first != Value::Nil {
            self.vm.stack[from + 2] = first;
        }
        self.branch(p, first != Value::Nil)
    }

    fn list(&mut self, a: Reg, n: u8, from: u32) -> Res {
        let slot = self.vm.base + a as usize;
        let count = if n == 0 { self.vm.top - slot - 1 } else { n as usize - 1 };
        let Value::Table(t) = self.vm.stack[slot] else { return Ok(()) };
        let grown = self.vm.heap.at_mut(t).reserve(count);
        self.vm.heap.grew(grown);
        for i in 0..count {
            let v = self.vm.stack[slot + 1 + i];
            self.vm.heap.raw_set(t, Value::Num((from as usize + i + 1) as f64), v);
        }
        self.check_memory()
    }

    fn closure(&mut self, a: Reg, proto: &Rc<Proto>) -> Res {
        self.check_memory()?;
        let mut cells = Vec::with_capacity(proto.captures.len());
        for &(local, i) in &proto.captures {
            let cell = match (local, self.reg(if local { i } else { 0 })) {
                (true, Value::Cell(c)) => Some(c),
                (true, _) => None,
                (false, _) => self.captured(i),
            };
            match cell {
                Some(c) => cells.push(c),
                None => return self.error("a captured variable is gone"),
            }
        }
        let f = self.vm.heap.func(Func::Lua { proto: proto.clone(), cells: cells.into() });
        self.set(a, Value::Func(f));
        Ok(())
    }

    fn varargs(&mut self, a: Reg, n: u8) -> Res {
        let slot = self.vm.base + a as usize;
        let have = self.vm.frames.last().map_or(0, |f| f.varargs);
        let want = if n == 0 { have } else { n as usize - 1 };
        let from = self.vm.base - have;
        if self.vm.stack.len() < slot + want {
            if slot + want > STACK_MAX {
                return Err(Fault::Error(self.vm.heap.text("stack overflow")));
            }
            self.vm.stack.resize(slot + want, Value::Nil);
        }
        let copied = have.min(want);
        self.vm.stack.copy_within(from..from + copied, slot);
        self.vm.stack[slot + copied..slot + want].fill(Value::Nil);
        if n == 0 {
            self.vm.top = slot + want;
        }
        Ok(())
    }
}

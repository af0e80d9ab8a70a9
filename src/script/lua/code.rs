//! A tree to instructions for a machine of registers. Locals live in registers; those that functions inside capture live
//! in cells, whose names the registers hold, so nothing has to be closed when a block ends.

use std::collections::HashMap;
use std::rc::Rc;

use super::ast::{Bin, Body, Expr, Name, Stat, Un};
use super::heap::Heap;
use super::lex::Error;
use super::value::Value;

/// Registers of a function.
const REGISTERS_MAX: usize = 250;
/// Values of a table that are stored at once.
const LIST_CHUNK: usize = 50;
/// Operands from here on are constants.
pub const CONST: u16 = 256;

/// A register.
pub type Reg = u8;
/// A register, or a constant from [`CONST`] on.
pub type Operand = u16;

/// An instruction. Jumps count from the next one. Counts: 0 = up to the top, else one more than the number.
#[derive(Clone, Copy, Debug)]
#[rustfmt::skip]
pub enum Op {
    Move { a: Reg, b: Reg },
    Const { a: Reg, k: u32 },
    Nil { a: Reg, n: u8 },
    Bool { a: Reg, v: bool },
    Global { a: Reg, k: u32 },
    SetGlobal { b: Operand, k: u32 },
    NewCell { a: Reg },
    Cell { a: Reg, b: Reg },
    SetCell { a: Reg, b: Operand },
    Up { a: Reg, u: u8 },
    SetUp { u: u8, b: Operand },
    Get { a: Reg, b: Reg, c: Operand },
    Set { a: Reg, b: Operand, c: Operand },
    Table { a: Reg, array: u16, hash: u16 },
    Method { a: Reg, b: Reg, c: Operand },
    Add { a: Reg, b: Operand, c: Operand },
    Sub { a: Reg, b: Operand, c: Operand },
    Mul { a: Reg, b: Operand, c: Operand },
    Div { a: Reg, b: Operand, c: Operand },
    Mod { a: Reg, b: Operand, c: Operand },
    Pow { a: Reg, b: Operand, c: Operand },
    Neg { a: Reg, b: Reg },
    Not { a: Reg, b: Reg },
    Len { a: Reg, b: Reg },
    Concat { a: Reg, b: Reg, n: u8 },
    Jump { to: i32 },
    /// Runs the next instruction, a jump, if the register's truth is `want`; else skips it. So do the comparisons.
    Test { a: Reg, want: bool },
    Eq { b: Operand, c: Operand, want: bool },
    Lt { b: Operand, c: Operand, want: bool },
    Le { b: Operand, c: Operand, want: bool },
    Call { a: Reg, args: u8, results: u8 },
    TailCall { a: Reg, args: u8 },
    Return { a: Reg, n: u8 },
    ForPrep { a: Reg, to: i32 },
    ForLoop { a: Reg, to: i32 },
    ForIn { a: Reg, n: u8 },
    List { a: Reg, n: u8, from: u32 },
    Closure { a: Reg, p: u16 },
    Vararg { a: Reg, n: u8 },
}

/// A compiled function.
#[derive(Debug, Default)]
pub struct Proto {
    pub code: Vec<Op>,
    pub consts: Vec<Value>,
    pub protos: Vec<Rc<Proto>>,
    /// Where captured variables come from: a register of the function around, or one that it captured.
    pub captures: Vec<(bool, u8)>,
    pub params: u8,
    pub vararg: bool,
    pub registers: usize,
    /// The source line of each instruction.
    pub lines: Vec<u32>,
    pub line: u32,
    /// For messages: locals with their registers and the instructions for which they are in sight.
    pub locals: Vec<(Name, Reg, usize, usize)>,
    pub captured: Vec<Name>,
    pub chunk: Rc<str>,
}

impl Proto {
    /// Bytes it takes, about.
    pub fn allocated(&self) -> usize {
        size_of::<Proto>()
            + self.code.capacity() * (size_of::<Op>() + 4)
            + self.consts.capacity() * 16
            + self.locals.capacity() * 40
            + self.protos.iter().map(|p| p.allocated()).sum::<usize>()
    }
}

type R<T = ()> = Result<T, Error>;

struct Gen<'a> {
    heap: &'a mut Heap,
    body: &'a Body,
    proto: Proto,
    consts: HashMap<Vec<u8>, u32>,
    /// The next free register.
    free: usize,
    /// Registers of the locals, by number.
    local: Vec<Reg>,
    /// Locals in sight: number, and where they came into sight.
    visible: Vec<(usize, usize)>,
    breaks: Vec<Vec<usize>>,
    line: u32,
}

/// Compiles a function and all in it.
pub fn compile(heap: &mut Heap, body: &Body, chunk: &Rc<str>) -> R<Proto> {
    let proto = Proto {
        params: body.params as u8,
        vararg: body.vararg,
        line: body.line,
        chunk: chunk.clone(),
        captured: body.captures.iter().map(|c| c.name.clone()).collect(),
        ..Proto::default()
    };
    let mut g = Gen {
        heap,
        body,
        proto,
        consts: HashMap::new(),
        free: 0,
        local: vec![0; body.locals.len()],
        visible: Vec::new(),
        breaks: Vec::new(),
        line: body.line,
    };
    for p in 0..body.params {
        let r = g.alloc()?;
        g.show(p, r);
    }
    g.block(&body.block)?;
    g.line = body.end_line;
    g.emit(Op::Return { a: 0, n: 1 });
    g.hide(0);
    g.proto.registers = g.proto.registers.max(2) + 1;
    Ok(g.proto)
}

fn is_multi(e: &Expr) -> bool {
    matches!(e, Expr::Call(..) | Expr::Method(..) | Expr::Vararg)
}

impl Gen<'_> {
    fn emit(&mut self, op: Op) -> usize {
        self.proto.code.push(op);
        self.proto.lines.push(self.line);
        self.proto.code.len() - 1
    }

    fn here(&self) -> usize {
        self.proto.code.len()
    }

    fn too_complex(&self) -> Error {
        format!("{}:{}: function or expression too complex", self.proto.chunk, self.line).into_bytes()
    }

    fn alloc(&mut self) -> R<Reg> {
        if self.free >= REGISTERS_MAX {
            return Err(self.too_complex());
        }
        self.free += 1;
        self.proto.registers = self.proto.registers.max(self.free);
        Ok((self.free - 1) as Reg)
    }

    fn jump(&mut self) -> usize {
        self.emit(Op::Jump { to: 0 })
    }

    fn patch(&mut self, jumps: Vec<usize>, target: usize) {
        for at in jumps {
            let offset = target as i32 - at as i32 - 1;
            if let Op::Jump { to } | Op::ForPrep { to, .. } | Op::ForLoop { to, .. } =
                &mut self.proto.code[at]
            {
                *to = offset;
            }
        }
    }

    fn patch_here(&mut self, jumps: Vec<usize>) {
        let here = self.here();
        self.patch(jumps, here);
    }

    fn constant(&mut self, key: Vec<u8>, value: Value) -> u32 {
        let consts = &mut self.proto.consts;
        *self.consts.entry(key).or_insert_with(|| {
            consts.push(value);
            (consts.len() - 1) as u32
        })
    }

    fn text(&mut self, s: &[u8]) -> u32 {
        let value = Value::Str(self.heap.str(s));
        self.constant([b"s", s].concat(), value)
    }

    fn number(&mut self, n: f64) -> u32 {
        self.constant([&b"n"[..], &n.to_bits().to_le_bytes()].concat(), Value::Num(n))
    }

    fn show(&mut self, local: usize, r: Reg) {
        self.local[local] = r;
        if self.body.locals[local].captured {
            self.emit(Op::NewCell { a: r });
        }
        self.visible.push((local, self.here()));
    }

    /// Locals beyond the first `n` in sight go out of it.
    fn hide(&mut self, n: usize) {
        for (local, from) in self.visible.split_off(n) {
            let (name, r) = (self.body.locals[local].name.clone(), self.local[local]);
            self.proto.locals.push((name, r, from, self.here()));
        }
    }

    fn block(&mut self, stats: &[Stat]) -> R {
        let (free, visible) = (self.free, self.visible.len());
        stats.iter().try_for_each(|s| self.stat(s))?;
        self.hide(visible);
        self.free = free;
        Ok(())
    }

    fn loop_block(&mut self, stats: &[Stat]) -> R<Vec<usize>> {
        self.breaks.push(Vec::new());
        self.block(stats)?;
        Ok(self.breaks.pop().unwrap_or_default())
    }

    fn stat(&mut self, s: &Stat) -> R {
        let free = self.free;
        match s {
            Stat::Local(locals, values, line) => {
                self.line = *line;
                self.adjusted(values, locals.len())?;
                for (i, &l) in locals.iter().enumerate() {
                    self.show(l, (free + i) as Reg);
                }
                return Ok(());
            }
            Stat::LocalFunc(local, body, line) => {
                self.line = *line;
                let r = self.alloc()?;
                if self.body.locals[*local].captured {
                    self.emit(Op::Nil { a: r, n: 1 });
                }
                self.show(*local, r);
                if self.body.locals[*local].captured {
                    let f = self.alloc()?;
                    self.closure(body, f)?;
                    self.emit(Op::SetCell { a: r, b: f as Operand });
                } else {
                    self.closure(body, r)?;
                }
                self.free = r as usize + 1;
                return Ok(());
            }
            Stat::Assign(targets, values, line) => {
                self.line = *line;
                self.assign(targets, values)?;
            }
            Stat::Call(call, line) => {
                self.line = *line;
                self.call(call, 1)?;
            }
            Stat::Do(stats) => self.block(stats)?,
            Stat::While(condition, stats, line) => {
                self.line = *line;
                let start = self.here();
                let out = self.jump_if(condition, false)?;
                let breaks = self.loop_block(stats)?;
                let back = self.jump();
                self.patch(vec![back], start);
                self.patch_here(out);
                self.patch_here(breaks);
            }
            Stat::Repeat(stats, condition, line) => self.repeat(stats, condition, *line)?,
            Stat::If(branches, last) => self.branches(branches, last.as_deref())?,
            Stat::For(local, range, stats, line) => self.numeric_for(*local, range, stats, *line)?,
            Stat::ForIn(locals, values, stats, line) => self.generic_for(locals, values, stats, *line)?,
            Stat::Return(values, line) => self.give(values, *line)?,
            Stat::Break(line) => {
                self.line = *line;
                let jump = self.jump();
                if let Some(breaks) = self.breaks.last_mut() {
                    breaks.push(jump);
                }
            }
        }
        self.free = free;
        Ok(())
    }

    fn repeat(&mut self, stats: &[Stat], condition: &Expr, line: u32) -> R {
        let (start, free, visible) = (self.here(), self.free, self.visible.len());
        self.breaks.push(Vec::new());
        stats.iter().try_for_each(|s| self.stat(s))?;
        self.line = line;
        let again = self.jump_if(condition, false)?;
        self.patch(again, start);
        self.hide(visible);
        self.free = free;
        let breaks = self.breaks.pop().unwrap_or_default();
        self.patch_here(breaks);
        Ok(())
    }

    fn branches(&mut self, branches: &[(Expr, Vec<Stat>, u32)], last: Option<&[Stat]>) -> R {
        let mut ends = Vec::new();
        for (i, (condition, stats, line)) in branches.iter().enumerate() {
            self.line = *line;
            let next = self.jump_if(condition, false)?;
            self.block(stats)?;
            if i + 1 < branches.len() || last.is_some() {
                ends.push(self.jump());
            }
            self.patch_here(next);
        }
        if let Some(stats) = last {
            self.block(stats)?;
        }
        self.patch_here(ends);
        Ok(())
    }

    fn numeric_for(
        &mut self,
        local: usize,
        range: &(Expr, Expr, Option<Expr>),
        stats: &[Stat],
        line: u32,
    ) -> R {
        self.line = line;
        let (base, visible) = (self.free as Reg, self.visible.len());
        self.next(&range.0)?;
        self.next(&range.1)?;
        match &range.2 {
            Some(step) => self.next(step)?,
            None => self.next(&Expr::Num(1.0))?,
        };
        let prep = self.emit(Op::ForPrep { a: base, to: 0 });
        let start = self.here();
        let r = self.alloc()?;
        self.show(local, r);
        let breaks = self.loop_block(stats)?;
        self.hide(visible);
        self.line = line;
        self.patch_here(vec![prep]);
        let back = self.emit(Op::ForLoop { a: base, to: 0 });
        self.patch(vec![back], start);
        self.patch_here(breaks);
        Ok(())
    }

    fn generic_for(&mut self, locals: &[usize], values: &[Expr], stats: &[Stat], line: u32) -> R {
        self.line = line;
        let (base, visible) = (self.free as Reg, self.visible.len());
        self.adjusted(values, 3)?;
        let enter = self.jump();
        let start = self.here();
        for &l in locals {
            let r = self.alloc()?;
            self.show(l, r);
        }
        // The call of the iterator takes three registers, however many variables there are.
        self.proto.registers = self.proto.registers.max(base as usize + 7);
        let breaks = self.loop_block(stats)?;
        self.hide(visible);
        self.line = line;
        self.patch_here(vec![enter]);
        self.emit(Op::ForIn { a: base, n: locals.len() as u8 });
        let back = self.jump();
        self.patch(vec![back], start);
        self.patch_here(breaks);
        Ok(())
    }

    fn give(&mut self, values: &[Expr], line: u32) -> R {
        self.line = line;
        if let [call @ (Expr::Call(..) | Expr::Method(..))] = values {
            let a = self.call(call, 0)?;
            if let Some(Op::Call { args, .. }) = self.proto.code.last().copied() {
                let last = self.proto.code.len() - 1;
                self.proto.code[last] = Op::TailCall { a, args };
            }
            self.emit(Op::Return { a, n: 0 });
            return Ok(());
        }
        if let [Expr::Local(l)] = values
            && !self.body.locals[*l].captured
        {
            self.emit(Op::Return { a: self.local[*l], n: 2 });
            return Ok(());
        }
        let a = self.free as Reg;
        let n = self.list(values)?;
        self.emit(Op::Return { a, n });
        Ok(())
    }

    /// Values in order from the first free register on; gives their count as instructions want it.
    fn list(&mut self, values: &[Expr]) -> R<u8> {
        for (i, e) in values.iter().enumerate() {
            if i + 1 == values.len() && is_multi(e) {
                self.multi(e, 0)?;
                return Ok(0);
            }
            self.next(e)?;
        }
        Ok(values.len() as u8 + 1)
    }

    /// Exactly `n` values from the first free register on, all of `values` evaluated.
    fn adjusted(&mut self, values: &[Expr], n: usize) -> R {
        let first = self.free;
        for (i, e) in values.iter().enumerate() {
            if i + 1 == values.len() && is_multi(e) && n > i {
                self.free = first + i;
                self.multi(e, n - i + 1)?;
                self.free = first + i;
                for _ in i..n {
                    self.alloc()?;
                }
                return Ok(());
            }
            self.next(e)?;
        }
        if values.len() < n {
            let a = self.free as Reg;
            for _ in values.len()..n {
                self.alloc()?;
            }
            self.emit(Op::Nil { a, n: (n - values.len()) as u8 });
        }
        self.free = first + n;
        Ok(())
    }

    /// A call or `...` from the first free register on. `results`: as instructions count.
    fn multi(&mut self, e: &Expr, results: usize) -> R<Reg> {
        let results = u8::try_from(results).map_err(|_| self.too_complex())?;
        if let Expr::Vararg = e {
            let a = self.alloc()?;
            self.emit(Op::Vararg { a, n: results });
            return Ok(a);
        }
        self.call(e, results)
    }

    fn call(&mut self, e: &Expr, results: u8) -> R<Reg> {
        let a = self.free as Reg;
        let (args, line) = match e {
            Expr::Call(call, line) => {
                self.next(&call.0)?;
                (&call.1, *line)
            }
            Expr::Method(call, line) => {
                let (of, name, args) = &**call;
                let b = self.operand(of)?;
                let c = self.text(name);
                self.free = a as usize;
                let c = self.const_operand(c)?;
                self.free = a as usize;
                self.alloc()?;
                self.alloc()?;
                self.line = *line;
                self.emit(Op::Method { a, b, c });
                (args, *line)
            }
            _ => return Ok(a),
        };
        let this = matches!(e, Expr::Method(..)) as u8;
        let n = self.list(args)?;
        self.line = line;
        self.emit(Op::Call { a, args: if n == 0 { 0 } else { n + this }, results });
        self.free = a as usize + 1;
        Ok(a)
    }

    /// A constant as an operand; beyond those that fit it is loaded.
    fn const_operand(&mut self, k: u32) -> R<Operand> {
        if k < (u16::MAX - CONST) as u32 {
            return Ok(CONST + k as u16);
        }
        let a = self.alloc()?;
        self.emit(Op::Const { a, k });
        Ok(a as Operand)
    }

    fn rk(&mut self, e: &Expr) -> R<Operand> {
        let k = match e {
            Expr::Num(n) => self.number(*n),
            Expr::Str(s) => self.text(s),
            e => return Ok(self.operand(e)? as Operand),
        };
        self.const_operand(k)
    }

    /// A register that holds the value.
    fn operand(&mut self, e: &Expr) -> R<Reg> {
        match e {
            Expr::Local(l) if !self.body.locals[*l].captured => Ok(self.local[*l]),
            e => self.next(e),
        }
    }

    /// The value in the next free register.
    fn next(&mut self, e: &Expr) -> R<Reg> {
        if let Expr::Call(..) | Expr::Method(..) = e {
            let a = self.call(e, 2)?;
            self.free = a as usize;
            return self.alloc();
        }
        let r = self.alloc()?;
        self.to(e, r)?;
        self.free = r as usize + 1;
        Ok(r)
    }

    /// The value in register `r`, which nothing else uses; what it was before is lost.
    fn to(&mut self, e: &Expr, r: Reg) -> R {
        let free = self.free;
        match e {
            Expr::Nil => drop(self.emit(Op::Nil { a: r, n: 1 })),
            Expr::True => drop(self.emit(Op::Bool { a: r, v: true })),
            Expr::False => drop(self.emit(Op::Bool { a: r, v: false })),
            Expr::Num(n) => {
                let k = self.number(*n);
                self.emit(Op::Const { a: r, k });
            }
            Expr::Str(s) => {
                let k = self.text(s);
                self.emit(Op::Const { a: r, k });
            }
            Expr::Vararg => drop(self.emit(Op::Vararg { a: r, n: 2 })),
            Expr::Func(body) => self.closure(body, r)?,
            Expr::Local(l) => {
                let b = self.local[*l];
                if self.body.locals[*l].captured {
                    self.emit(Op::Cell { a: r, b });
                } else if b != r {
                    self.emit(Op::Move { a: r, b });
                }
            }
            Expr::Up(u) => drop(self.emit(Op::Up { a: r, u: *u as u8 })),
            Expr::Global(name) => {
                let k = self.text(name);
                self.emit(Op::Global { a: r, k });
            }
            Expr::Index(of, line) => {
                let b = self.operand(&of.0)?;
                let c = self.rk(&of.1)?;
                self.line = *line;
                self.emit(Op::Get { a: r, b, c });
            }
            Expr::Call(..) | Expr::Method(..) => {
                let b = self.call(e, 2)?;
                self.emit(Op::Move { a: r, b });
            }
            Expr::Bin(op, of, line) => self.binary(*op, of, *line, r)?,
            Expr::Un(op, of, line) => {
                let b = self.operand(of)?;
                self.line = *line;
                self.emit(match op {
                    Un::Neg => Op::Neg { a: r, b },
                    Un::Not => Op::Not { a: r, b },
                    Un::Len => Op::Len { a: r, b },
                });
            }
            Expr::Table(fields, line) => self.table(fields, *line, r)?,
            Expr::Paren(inner) => self.to(inner, r)?,
        }
        self.free = free;
        Ok(())
    }

    fn binary(&mut self, op: Bin, of: &(Expr, Expr), line: u32, r: Reg) -> R {
        match op {
            Bin::And | Bin::Or => {
                self.to(&of.0, r)?;
                self.emit(Op::Test { a: r, want: op == Bin::Or });
                let end = self.jump();
                self.to(&of.1, r)?;
                self.patch_here(vec![end]);
            }
            Bin::Concat => {
                let b = self.next(&of.0)?;
                let (mut n, mut right) = (1, &of.1);
                while let Expr::Bin(Bin::Concat, more, _) = right {
                    self.next(&more.0)?;
                    (n, right) = (n + 1, &more.1);
                }
                self.next(right)?;
                self.line = line;
                self.emit(Op::Concat { a: r, b, n: n + 1 });
            }
            Bin::Eq | Bin::Ne | Bin::Lt | Bin::Le | Bin::Gt | Bin::Ge => {
                let yes = self.compare(op, of, line, true)?;
                self.emit(Op::Bool { a: r, v: false });
                let end = self.jump();
                self.patch_here(vec![yes]);
                self.emit(Op::Bool { a: r, v: true });
                self.patch_here(vec![end]);
            }
            _ => {
                let b = self.rk(&of.0)?;
                let c = self.rk(&of.1)?;
                self.line = line;
                self.emit(match op {
                    Bin::Add => Op::Add { a: r, b, c },
                    Bin::Sub => Op::Sub { a: r, b, c },
                    Bin::Mul => Op::Mul { a: r, b, c },
                    Bin::Div => Op::Div { a: r, b, c },
                    Bin::Mod => Op::Mod { a: r, b, c },
                    _ => Op::Pow { a: r, b, c },
                });
            }
        }
        Ok(())
    }

    /// A comparison and a jump that is taken if it is `want`; gives the jump.
    fn compare(&mut self, op: Bin, of: &(Expr, Expr), line: u32, want: bool) -> R<usize> {
        let free = self.free;
        let b = self.rk(&of.0)?;
        let c = self.rk(&of.1)?;
        self.free = free;
        self.line = line;
        self.emit(match op {
            Bin::Eq => Op::Eq { b, c, want },
            Bin::Ne => Op::Eq { b, c, want: !want },
            Bin::Lt => Op::Lt { b, c, want },
            Bin::Le => Op::Le { b, c, want },
            Bin::Gt => Op::Lt { b: c, c: b, want },
            _ => Op::Le { b: c, c: b, want },
        });
        Ok(self.jump())
    }

    /// Jumps that are taken if the expression's truth is `want`.
    fn jump_if(&mut self, e: &Expr, want: bool) -> R<Vec<usize>> {
        match e {
            Expr::Paren(inner) => self.jump_if(inner, want),
            Expr::Un(Un::Not, of, _) => self.jump_if(of, !want),
            Expr::Bin(op @ (Bin::And | Bin::Or), of, _) => {
                if (*op == Bin::Or) == want {
                    let mut jumps = self.jump_if(&of.0, want)?;
                    jumps.extend(self.jump_if(&of.1, want)?);
                    return Ok(jumps);
                }
                let skip = self.jump_if(&of.0, !want)?;
                let jumps = self.jump_if(&of.1, want)?;
                self.patch_here(skip);
                Ok(jumps)
            }
            Expr::Bin(op @ (Bin::Eq | Bin::Ne | Bin::Lt | Bin::Le | Bin::Gt | Bin::Ge), of, line) => {
                Ok(vec![self.compare(*op, of, *line, want)?])
            }
            Expr::True | Expr::Num(_) | Expr::Str(_) if !want => Ok(Vec::new()),
            e => {
                let free = self.free;
                let a = self.operand(e)?;
                self.free = free;
                self.emit(Op::Test { a, want });
                Ok(vec![self.jump()])
            }
        }
    }

    fn table(&mut self, fields: &[(Option<Expr>, Expr)], line: u32, r: Reg) -> R {
        let free = self.free;
        // The values follow the table's own register.
        let a = if r as usize + 1 == self.free { r } else { self.alloc()? };
        let named = fields.iter().filter(|(k, _)| k.is_some()).count();
        let cap = |n: usize| n.min(u16::MAX as usize) as u16;
        self.emit(Op::Table { a, array: cap(fields.len() - named), hash: cap(named) });
        let (mut waiting, mut stored) = (0, 0);
        for (i, (key, value)) in fields.iter().enumerate() {
            if let Some(key) = key {
                let free = self.free;
                let b = self.rk(key)?;
                let c = self.rk(value)?;
                self.line = line;
                self.emit(Op::Set { a, b, c });
                self.free = free;
                continue;
            }
            if i + 1 == fields.len() && is_multi(value) {
                self.multi(value, 0)?;
                self.emit(Op::List { a, n: 0, from: stored });
                waiting = 0;
                break;
            }
            self.next(value)?;
            waiting += 1;
            if waiting == LIST_CHUNK {
                self.emit(Op::List { a, n: waiting as u8 + 1, from: stored });
                stored += waiting as u32;
                waiting = 0;
                self.free = a as usize + 1;
            }
        }
        if waiting > 0 {
            self.emit(Op::List { a, n: waiting as u8 + 1, from: stored });
        }
        if a != r {
            self.emit(Op::Move { a: r, b: a });
        }
        self.free = free;
        Ok(())
    }

    fn closure(&mut self, body: &Body, r: Reg) -> R {
        let chunk = self.proto.chunk.clone();
        let mut proto = compile(self.heap, body, &chunk)?;
        let place =
            |c: &super::ast::Capture| (c.local, if c.local { self.local[c.index] } else { c.index as u8 });
        proto.captures = body.captures.iter().map(place).collect();
        self.proto.protos.push(Rc::new(proto));
        let p = u16::try_from(self.proto.protos.len() - 1).map_err(|_| self.too_complex())?;
        self.emit(Op::Closure { a: r, p });
        Ok(())
    }

    fn assign(&mut self, targets: &[Expr], values: &[Expr]) -> R {
        if let ([target], [value]) = (targets, values) {
            return self.assign_one(target, value);
        }
        // What stands on the left is evaluated first, and kept: `i, a[i] = i + 1, 20` sets the old `a[i]`.
        let mut places = Vec::with_capacity(targets.len());
        for t in targets {
            places.push(match t {
                Expr::Index(of, _) => {
                    let b = self.next(&of.0)?;
                    let c = match &of.1 {
                        e @ (Expr::Num(_) | Expr::Str(_)) => self.rk(e)?,
                        e => self.next(e)? as Operand,
                    };
                    (b, c)
                }
                _ => (0, 0),
            });
        }
        let first = self.free;
        self.adjusted(values, targets.len())?;
        for (i, t) in targets.iter().enumerate().rev() {
            self.store(t, places[i], (first + i) as Operand);
        }
        Ok(())
    }

    fn assign_one(&mut self, target: &Expr, value: &Expr) -> R {
        match target {
            Expr::Local(l) if !self.body.locals[*l].captured => {
                let r = self.local[*l];
                // These read all they need before they write.
                let direct = match value {
                    Expr::Bin(op, ..) => !matches!(op, Bin::And | Bin::Or),
                    Expr::Table(..) | Expr::Paren(_) => false,
                    _ => true,
                };
                if direct {
                    return self.to(value, r);
                }
                let b = self.next(value)?;
                self.emit(Op::Move { a: r, b });
            }
            Expr::Index(of, line) => {
                let a = self.operand(&of.0)?;
                let b = self.rk(&of.1)?;
                let c = self.rk(value)?;
                self.line = *line;
                self.emit(Op::Set { a, b, c });
            }
            target => {
                let b = self.rk(value)?;
                self.store(target, (0, 0), b);
            }
        }
        Ok(())
    }

    /// Stores `value` where `target` says; for an index, table and key are in `place`.
    fn store(&mut self, target: &Expr, place: (Reg, Operand), value: Operand) {
        let op = match target {
            Expr::Local(l) if self.body.locals[*l].captured => Op::SetCell { a: self.local[*l], b: value },
            Expr::Local(l) => match u8::try_from(value) {
                Ok(b) => Op::Move { a: self.local[*l], b },
                Err(_) => Op::Const { a: self.local[*l], k: (value - CONST) as u32 },
            },
            Expr::Up(u) => Op::SetUp { u: *u as u8, b: value },
            Expr::Global(name) => Op::SetGlobal { b: value, k: self.text(name) },
            _ => Op::Set { a: place.0, b: place.1, c: value },
        };
        self.emit(op);
    }
}

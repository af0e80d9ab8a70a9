//! What messages call the values that an instruction could not work with: `attempt to index local 'x' (a nil value)`.

use super::call::Run;
use super::code::{CONST, Op, Proto, Reg};
use super::value::{Res, Value};

impl Run<'_> {
    /// An operation was tried on a value that does not know it.
    #[cold]
    pub fn bad_operand<T>(&mut self, what: &str, v: Value) -> Res<T> {
        let name = self.name_of_operand(v).map_or(String::new(), |(kind, name)| format!("{kind} '{name}' "));
        let of = v.type_name();
        if name.is_empty() {
            return self.error(format!("attempt to {what} a {of} value"));
        }
        self.error(format!("attempt to {what} {name}(a {of} value)"))
    }

    /// What was called is no function.
    #[cold]
    pub fn not_callable<T>(&mut self, slot: usize, v: Value) -> Res<T> {
        let of = v.type_name();
        let reg = slot.checked_sub(self.vm.base).and_then(|r| Reg::try_from(r).ok());
        let calls = |p: &Proto, pc: usize| matches!(p.code.get(pc), Some(Op::Call { a, .. } | Op::TailCall { a, .. }) if Some(*a) == reg);
        let pc = self.vm.pc.saturating_sub(1);
        let name = match (self.vm.running().cloned(), reg) {
            (Some(p), Some(reg)) if calls(&p, pc) => self.name_of(&p, reg, pc),
            _ => None,
        };
        match name {
            Some((kind, name)) => self.error(format!("attempt to call {kind} '{name}' (a {of} value)")),
            None => self.error(format!("attempt to call a {of} value")),
        }
    }

    /// Two values cannot be compared.
    #[cold]
    pub fn not_comparable<T>(&mut self, x: Value, y: Value) -> Res<T> {
        let (x, y) = (x.type_name(), y.type_name());
        if x == y {
            return self.error(format!("attempt to compare two {x} values"));
        }
        self.error(format!("attempt to compare {x} with {y}"))
    }

    /// The name of the operand of the running instruction that holds `v`.
    fn name_of_operand(&self, v: Value) -> Option<(&'static str, String)> {
        let proto = self.vm.running()?.clone();
        let pc = self.vm.pc.checked_sub(1)?;
        let operands: [u16; 2] = match proto.code.get(pc)? {
            Op::Get { b, .. } | Op::Method { b, .. } | Op::Neg { b, .. } | Op::Len { b, .. } => {
                [*b as u16, CONST]
            }
            Op::Set { a, .. } => [*a as u16, CONST],
            Op::Add { b, c, .. }
            | Op::Sub { b, c, .. }
            | Op::Mul { b, c, .. }
            | Op::Div { b, c, .. }
            | Op::Mod { b, c, .. }
            | Op::Pow { b, c, .. } => [*b, *c],
            Op::Concat { b, n, .. } => {
                let found = (*b..*b + *n).rev().find(|r| self.vm.stack[self.vm.base + *r as usize] == v)?;
                [found as u16, CONST]
            }
            _ => return None,
        };
        let held = |o: u16| o < CONST && self.vm.stack.get(self.vm.base + o as usize) == Some(&v);
        let reg = operands.into_iter().find(|o| held(*o))?;
        self.name_of(&proto, reg as Reg, pc)
    }

    /// What a register holds at an instruction: the local, or what the last instruction before that set it loaded.
    fn name_of(&self, p: &Proto, reg: Reg, pc: usize) -> Option<(&'static str, String)> {
        let text = |v: &Value| match v {
            Value::Str(s) => String::from_utf8_lossy(self.vm.heap.bytes(*s)).into_owned(),
            _ => "?".to_string(),
        };
        if let Some((name, ..)) =
            p.locals.iter().find(|(_, r, from, to)| *r == reg && (*from..*to).contains(&pc))
        {
            return Some(("local", String::from_utf8_lossy(name).into_owned()));
        }
        let key = |c: u16| if c < CONST { "?".to_string() } else { text(&p.consts[(c - CONST) as usize]) };
        for at in (0..pc).rev() {
            let found = match p.code[at] {
                Op::Global { a, k } if a == reg => ("global", text(&p.consts[k as usize])),
                Op::Get { a, c, .. } if a == reg => ("field", key(c)),
                Op::Method { a, c, .. } if a == reg => ("method", key(c)),
                Op::Up { a, u } if a == reg => {
                    ("upvalue", String::from_utf8_lossy(p.captured.get(u as usize)?).into_owned())
                }
                Op::Cell { a, b } if a == reg => return self.name_of(p, b, at),
                Op::Move { a, b } if a == reg && b < a => return self.name_of(p, b, at),
                Op::Call { a, .. } if a <= reg => return None,
                Op::Const { a, .. } | Op::Bool { a, .. } | Op::Table { a, .. } if a == reg => return None,
                _ => continue,
            };
            return Some(found);
        }
        None
    }
}

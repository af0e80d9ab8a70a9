//! Arguments of the libraries' functions, checked, with the reference interpreter's messages.

use std::rc::Rc;

use super::call::{Call, Run};
use super::value::{Res, StrId, TableId, Value};

impl Run<'_> {
    /// `bad argument #1 to 'insert' (table expected, got nil)`. `i` counts from 0.
    #[cold]
    pub fn bad_arg<T>(&mut self, call: Call, i: usize, problem: &str) -> Res<T> {
        // The function itself lies before its arguments.
        let name = match call.at.checked_sub(1).map(|at| self.vm.stack[at]) {
            Some(Value::Native(f)) => self.vm.natives[f as usize].1,
            _ => "?",
        };
        self.error(format!("bad argument #{} to '{name}' ({problem})", i + 1))
    }

    #[cold]
    fn wrong_type<T>(&mut self, call: Call, i: usize, wanted: &str) -> Res<T> {
        let got = if i < call.n { self.arg(call, i).type_name() } else { "no value" };
        self.bad_arg(call, i, &format!("{wanted} expected, got {got}"))
    }

    /// Any value, but there must be one.
    pub fn any(&mut self, call: Call, i: usize) -> Res<Value> {
        if i < call.n { Ok(self.arg(call, i)) } else { self.bad_arg(call, i, "value expected") }
    }

    /// A table.
    pub fn table(&mut self, call: Call, i: usize) -> Res<TableId> {
        match self.arg(call, i) {
            Value::Table(t) => Ok(t),
            _ => self.wrong_type(call, i, "table"),
        }
    }

    /// A function.
    pub fn function(&mut self, call: Call, i: usize) -> Res<Value> {
        match self.arg(call, i) {
            f @ (Value::Func(_) | Value::Native(_)) => Ok(f),
            _ => self.wrong_type(call, i, "function"),
        }
    }

    /// A number, or a text that is one.
    pub fn number(&mut self, call: Call, i: usize) -> Res<f64> {
        match self.to_number(self.arg(call, i)) {
            Some(n) => Ok(n),
            None => self.wrong_type(call, i, "number"),
        }
    }

    /// A number cut to an integer; beyond its range the nearest.
    pub fn int(&mut self, call: Call, i: usize) -> Res<i64> {
        Ok(self.number(call, i)? as i64)
    }

    /// As `int`, or `default` if it is nil or not there.
    pub fn int_or(&mut self, call: Call, i: usize, default: i64) -> Res<i64> {
        if self.arg(call, i) == Value::Nil { Ok(default) } else { self.int(call, i) }
    }

    /// A string; a number becomes one.
    pub fn string(&mut self, call: Call, i: usize) -> Res<StrId> {
        match self.arg(call, i) {
            Value::Str(s) => Ok(s),
            v @ Value::Num(_) => {
                let mut text = Vec::new();
                self.write_text(v, &mut text);
                let s = self.vm.heap.str(&text);
                // Kept where it came from, as it lives no longer than that.
                self.vm.stack[call.at + i] = Value::Str(s);
                Ok(s)
            }
            _ => self.wrong_type(call, i, "string"),
        }
    }

    /// A copy of the bytes of a string argument.
    pub fn text(&mut self, call: Call, i: usize) -> Res<Vec<u8>> {
        let s = self.string(call, i)?;
        Ok(self.vm.heap.bytes(s).to_vec())
    }

    /// As `text`, without a copy.
    pub fn shared(&mut self, call: Call, i: usize) -> Res<Rc<[u8]>> {
        let s = self.string(call, i)?;
        Ok(self.vm.heap.shared(s))
    }
}

//! The basic functions. Left out, as in the reference: `print`, `dofile`, `loadfile`, `newproxy`, `getfenv`, `setfenv`.

use super::UNPACK_MAX;
use super::call::{Call, Run, Vm};
use super::text;
use super::value::{Fault, Res, Value};

/// The place of `next` among the natives: it is registered first, and loops know it.
pub const NEXT: u16 = 0;
const INEXT: u16 = 1;

/// Adds them.
pub fn open(vm: &mut Vm) {
    let globals = vm.globals;
    let hidden = vm.heap.table(0, 1);
    vm.register(globals, &[("next", next)]);
    vm.register(hidden, &[("ipairs_next", inext)]);
    vm.register(
        globals,
        &[
            ("assert", assert),
            ("collectgarbage", collectgarbage),
            ("error", error),
            ("gcinfo", gcinfo),
            ("getmetatable", getmetatable),
            ("ipairs", ipairs),
            ("load", load),
            ("loadstring", loadstring),
            ("pairs", pairs),
            ("pcall", pcall),
            ("rawequal", rawequal),
            ("rawget", rawget),
            ("rawset", rawset),
            ("select", select),
            ("setmetatable", setmetatable),
            ("tonumber", tonumber),
            ("tostring", tostring),
            ("type", type_of),
            ("unpack", unpack),
            ("xpcall", xpcall),
        ],
    );
    vm.heap.set_field(globals, "_G", Value::Table(globals));
    let version = vm.heap.text("Lua 5.1");
    vm.heap.set_field(globals, "_VERSION", version);
}

fn next(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    match run.vm.heap.at(t).next(&run.vm.heap.strings, run.arg(call, 1)) {
        None => run.error("invalid key to 'next'"),
        Some((Value::Nil, _)) => run.give(Value::Nil),
        Some((key, value)) => {
            run.push(key);
            run.push(value);
            Ok(2)
        }
    }
}

fn pairs(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    run.push(Value::Native(NEXT));
    run.push(Value::Table(t));
    run.push(Value::Nil);
    Ok(3)
}

fn inext(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let i = run.int(call, 1)?.saturating_add(1);
    let t = run.table(call, 0)?;
    match run.vm.heap.at(t).get_int(&run.vm.heap.strings, usize::try_from(i).unwrap_or(0)) {
        Value::Nil => run.give(Value::Nil),
        v => {
            run.push(Value::Num(i as f64));
            run.push(v);
            Ok(2)
        }
    }
}

fn ipairs(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    run.push(Value::Native(INEXT));
    run.push(Value::Table(t));
    run.push(Value::Num(0.0));
    Ok(3)
}

fn assert(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if run.any(call, 0)?.truthy() {
        return Ok(call.n);
    }
    if call.n > 1 {
        // The message is text, whatever it is.
        let s = run.string(call, 1)?;
        return Err(Fault::Error(Value::Str(s)));
    }
    run.error("assertion failed!")
}

fn collectgarbage(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let what = if call.n == 0 { b"collect".to_vec() } else { run.text(call, 0)? };
    let v = match &what[..] {
        b"collect" => {
            run.vm.collect();
            let used = run.vm.memory();
            run.charge(used)?;
            0.0
        }
        b"count" => run.vm.memory() as f64 / 1024.0,
        b"step" => return run.give(Value::Bool(true)),
        b"stop" | b"restart" => 0.0,
        b"setpause" | b"setstepmul" => 200.0,
        _ => {
            let problem = format!("invalid option '{}'", String::from_utf8_lossy(&what));
            return run.bad_arg(call, 0, &problem);
        }
    };
    run.give(Value::Num(v))
}

fn gcinfo(run: &mut Run<'_>, _: Call) -> Res<usize> {
    let n = (run.vm.memory() / 1024) as f64;
    run.give(Value::Num(n))
}

fn error(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let level = run.int_or(call, 1, 1)?;
    match run.arg(call, 0) {
        v @ (Value::Str(_) | Value::Num(_)) if level > 0 => {
            let mut text = Vec::new();
            run.write_text(v, &mut text);
            // The line of the caller is not kept; level 2 names it as nearly as that.
            if level == 1 { run.error(text) } else { Err(Fault::Error(run.with_caller(&text, level))) }
        }
        v => Err(Fault::Error(v)),
    }
}

fn getmetatable(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let v = run.any(call, 0)?;
    let meta = match v {
        Value::Table(t) => run.vm.heap.at(t).meta,
        Value::Str(_) => run.vm.string_meta,
        _ => None,
    };
    let Some(meta) = meta else { return run.give(Value::Nil) };
    let hidden = run.vm.metamethod(v, run.vm.names.metatable);
    run.give(if hidden == Value::Nil { Value::Table(meta) } else { hidden })
}

fn setmetatable(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let meta = match run.arg(call, 1) {
        Value::Nil if call.n > 1 => None,
        Value::Table(m) => Some(m),
        _ => return run.bad_arg(call, 1, "nil or table expected"),
    };
    if run.vm.metamethod(Value::Table(t), run.vm.names.metatable) != Value::Nil {
        return run.error("cannot change a protected metatable");
    }
    if run.vm.heap.at(t).readonly {
        return run.raise("Attempt to modify a readonly table");
    }
    run.vm.heap.at_mut(t).meta = meta;
    run.give(Value::Table(t))
}

fn load_source(run: &mut Run<'_>, source: &[u8], chunk: &str) -> Res<usize> {
    if source.first() == Some(&0x1b) {
        // Compiled code is not taken: it could be made to do anything.
        run.push(Value::Nil);
        let message = run.vm.heap.text(format!("{chunk}: attempt to load bytecode chunk"));
        run.push(message);
        return Ok(2);
    }
    run.may_allocate(source.len().saturating_mul(8))?;
    match run.vm.load(source, chunk) {
        Ok(f) => run.give(Value::Func(f)),
        Err(message) => {
            run.push(Value::Nil);
            let message = run.new_string(message)?;
            run.push(message);
            Ok(2)
        }
    }
}

/// A chunk's name as messages show it.
fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).into_owned();
    match name.strip_prefix(['@', '=']) {
        Some(rest) => rest.chars().take(59).collect(),
        None => {
            let first = name.lines().next().unwrap_or("");
            let cut: String = first.chars().take(40).collect();
            let whole = cut.len() == name.len();
            format!("[string \"{cut}{}\"]", if whole { "" } else { "..." })
        }
    }
}

fn loadstring(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let source = run.text(call, 0)?;
    let name = if run.arg(call, 1) == Value::Nil { source.clone() } else { run.text(call, 1)? };
    load_source(run, &source, &shown(&name))
}

fn load(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let f = run.function(call, 0)?;
    let name = if run.arg(call, 1) == Value::Nil { b"=(load)".to_vec() } else { run.text(call, 1)? };
    let mut source = Vec::new();
    loop {
        match run.call_value(f, &[])? {
            Value::Nil => break,
            Value::Str(s) if run.vm.heap.bytes(s).is_empty() => break,
            v @ (Value::Str(_) | Value::Num(_)) => run.write_text(v, &mut source),
            _ => return run.error("reader function must return a string"),
        }
        run.may_allocate(source.len().saturating_mul(8))?;
    }
    load_source(run, &source, &shown(&name))
}

fn pcall(run: &mut Run<'_>, call: Call) -> Res<usize> {
    run.any(call, 0)?;
    match run.protected(call.at, call.n - 1, None)? {
        Ok(n) => {
            run.vm.stack.insert(call.at, Value::Bool(true));
            Ok(n + 1)
        }
        Err(v) => {
            run.push(Value::Bool(false));
            let v = run.caught(v);
            run.push(v);
            Ok(2)
        }
    }
}

fn xpcall(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let handler = run.any(call, 1)?;
    // The handler stays before the call, so that it stays alive.
    let f = run.arg(call, 0);
    let slot = run.vm.stack.len();
    run.push(f);
    match run.protected(slot, 0, Some(handler))? {
        Ok(n) => {
            run.vm.stack.insert(slot, Value::Bool(true));
            Ok(n + 1)
        }
        Err(v) => {
            run.push(Value::Bool(false));
            run.push(v);
            Ok(2)
        }
    }
}

fn rawequal(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let (x, y) = (run.any(call, 0)?, run.any(call, 1)?);
    let equal = run.raw_equal(x, y);
    run.give(Value::Bool(equal))
}

fn rawget(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let key = run.any(call, 1)?;
    let v = run.vm.heap.raw_get(t, key);
    run.give(v)
}

fn rawset(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let (key, value) = (run.any(call, 1)?, run.any(call, 2)?);
    if run.vm.heap.at(t).readonly {
        return run.raise("Attempt to modify a readonly table");
    }
    run.raw_store(t, key, value)?;
    run.give(Value::Table(t))
}

fn select(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if let Value::Str(s) = run.arg(call, 0)
        && run.vm.heap.bytes(s).first() == Some(&b'#')
    {
        return run.give(Value::Num((call.n - 1) as f64));
    }
    let i = run.int(call, 0)?;
    let n = call.n as i64;
    let i = if i < 0 { n.saturating_add(i) } else { i.min(n) };
    if i < 1 {
        return run.bad_arg(call, 0, "index out of range");
    }
    Ok((n - i) as usize)
}

fn tonumber(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let base = run.int_or(call, 1, 10)?;
    if base == 10 {
        let v = run.any(call, 0)?;
        let n = run.to_number(v);
        return run.give(n.map_or(Value::Nil, Value::Num));
    }
    let s = run.string(call, 0)?;
    if !(2..=36).contains(&base) {
        return run.bad_arg(call, 1, "base out of range");
    }
    let n = text::parse_in_base(run.vm.heap.bytes(s), base as u32);
    run.give(n.map_or(Value::Nil, Value::Num))
}

fn tostring(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let v = run.any(call, 0)?;
    let f = run.vm.metamethod(v, run.vm.names.tostring);
    let v = if f == Value::Nil { run.to_text(v) } else { run.call_value(f, &[v])? };
    run.give(v)
}

fn type_of(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let name = run.any(call, 0)?.type_name();
    let name = run.vm.heap.text(name);
    run.give(name)
}

pub fn unpack(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let from = run.int_or(call, 1, 1)?;
    let len = run.vm.heap.at(t).len(&run.vm.heap.strings) as i64;
    let to = run.int_or(call, 2, len)?;
    if from > to {
        return Ok(0);
    }
    match to.checked_sub(from) {
        Some(n) if n < UNPACK_MAX as i64 => {}
        _ => return run.error("too many results to unpack"),
    }
    for i in from..=to {
        let v = run.vm.heap.raw_get(t, Value::Num(i as f64));
        run.push(v);
    }
    Ok((to - from + 1) as usize)
}

impl Run<'_> {
    /// What `tostring` gives where no metamethod says otherwise.
    pub fn to_text(&mut self, v: Value) -> Value {
        match v {
            Value::Str(_) => v,
            Value::Num(n) => {
                let mut text = Vec::new();
                text::number(n, &mut text);
                Value::Str(self.vm.heap.str(&text))
            }
            Value::Nil => self.vm.heap.text("nil"),
            Value::Bool(b) => self.vm.heap.text(if b { "true" } else { "false" }),
            // Places in memory are none of a script's business; these numbers only tell one from another.
            Value::Table(t) => self.vm.heap.text(format!("table: 0x{:08x}", t.0)),
            Value::Func(f) => self.vm.heap.text(format!("function: 0x{:08x}", f.0)),
            Value::Native(f) => self.vm.heap.text(format!("function: builtin: {f:04x}")),
            Value::Thread(t) => self.vm.heap.text(format!("thread: 0x{:08x}", t.0)),
            Value::Null => self.vm.heap.text("userdata: (nil)"),
            Value::Cell(c) => self.vm.heap.text(format!("userdata: 0x{:08x}", c.0)),
        }
    }

    /// What `pcall` shows of an error that a command raised: its text, as of old, not the table.
    fn caught(&mut self, v: Value) -> Value {
        if let Value::Table(t) = v {
            let text = self.vm.heap.raw_get(t, Value::Str(self.vm.names.err));
            if let Value::Str(_) | Value::Num(_) = text {
                return text;
            }
        }
        v
    }
}

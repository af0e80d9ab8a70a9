//! `string`, and the metatable through which strings have methods.

use super::call::{Call, Run, Vm};
use super::value::{Res, Value};
use super::{STRING_MAX, UNPACK_MAX, format, pattern};

/// Adds it.
pub fn open(vm: &mut Vm) {
    let string = vm.library(
        "string",
        &[
            ("byte", byte),
            ("char", char),
            ("dump", dump),
            ("find", pattern::find),
            ("format", format::format),
            ("gfind", pattern::gmatch),
            ("gmatch", pattern::gmatch),
            ("gsub", pattern::gsub),
            ("len", len),
            ("lower", lower),
            ("match", pattern::match_),
            ("rep", rep),
            ("reverse", reverse),
            ("sub", sub),
            ("upper", upper),
        ],
    );
    let meta = vm.heap.table(0, 1);
    vm.heap.set_field(meta, "__index", Value::Table(string));
    vm.string_meta = Some(meta);
}

/// A place in a text of `len` bytes: negative ones count from the end.
fn place(i: i64, len: usize) -> i64 {
    if i < 0 { (len as i64).saturating_add(i).saturating_add(1).max(0) } else { i }
}

fn byte(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let s = run.string(call, 0)?;
    let len = run.vm.heap.bytes(s).len();
    let from = place(run.int_or(call, 1, 1)?, len);
    let to = place(run.int_or(call, 2, from)?, len).min(len as i64);
    let from = from.max(1);
    if from > to {
        return Ok(0);
    }
    let n = (to - from + 1) as usize;
    if n >= UNPACK_MAX {
        return run.error("string slice too long");
    }
    for i in from..=to {
        let b = run.vm.heap.bytes(s)[i as usize - 1];
        run.push(Value::Num(b as f64));
    }
    Ok(n)
}

fn char(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let mut text = Vec::with_capacity(call.n);
    for i in 0..call.n {
        match u8::try_from(run.int(call, i)?) {
            Ok(b) => text.push(b),
            Err(_) => return run.bad_arg(call, i, "invalid value"),
        }
    }
    let v = run.new_string(text)?;
    run.give(v)
}

/// There is no compiled code: what is given only begins like it, and no one takes that either.
fn dump(run: &mut Run<'_>, call: Call) -> Res<usize> {
    run.function(call, 0)?;
    let v = run.vm.heap.text(b"\x1bLua");
    run.give(v)
}

fn len(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let s = run.string(call, 0)?;
    let n = run.vm.heap.bytes(s).len();
    run.give(Value::Num(n as f64))
}

/// A text made from another of about the same length.
fn changed(run: &mut Run<'_>, call: Call, f: fn(&mut Vec<u8>)) -> Res<usize> {
    let mut text = run.text(call, 0)?;
    f(&mut text);
    let v = run.new_string(text)?;
    run.give(v)
}

fn lower(run: &mut Run<'_>, call: Call) -> Res<usize> {
    changed(run, call, |t| t.make_ascii_lowercase())
}

fn upper(run: &mut Run<'_>, call: Call) -> Res<usize> {
    changed(run, call, |t| t.make_ascii_uppercase())
}

fn reverse(run: &mut Run<'_>, call: Call) -> Res<usize> {
    changed(run, call, |t| t.reverse())
}

fn rep(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let s = run.string(call, 0)?;
    let n = usize::try_from(run.int(call, 1)?).unwrap_or(0);
    let total = run.vm.heap.bytes(s).len().saturating_mul(n);
    if total > STRING_MAX {
        return run.error("resulting string too large");
    }
    run.may_allocate(total)?;
    let text = if total == 0 { Vec::new() } else { run.vm.heap.bytes(s).repeat(n) };
    let v = run.new_string(text)?;
    run.give(v)
}

fn sub(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let s = run.string(call, 0)?;
    let len = run.vm.heap.bytes(s).len();
    let from = place(run.int(call, 1)?, len).max(1);
    let to = place(run.int_or(call, 2, -1)?, len).min(len as i64);
    let text =
        if from > to { Vec::new() } else { run.vm.heap.bytes(s)[from as usize - 1..to as usize].to_vec() };
    let v = run.new_string(text)?;
    run.give(v)
}

//! `bit`: operations on 32-bit integers, as LuaJIT's BitOp.

use super::lua::{Call, Res, Run, Value, Vm};

/// Adds it.
pub fn open(vm: &mut Vm) {
    vm.library(
        "bit",
        &[
            ("arshift", arshift),
            ("band", band),
            ("bnot", bnot),
            ("bor", bor),
            ("bswap", bswap),
            ("bxor", bxor),
            ("lshift", lshift),
            ("rol", rol),
            ("ror", ror),
            ("rshift", rshift),
            ("tobit", tobit),
            ("tohex", tohex),
        ],
    );
}

/// The low 32 bits of a number rounded to an integer.
fn bits(run: &mut Run<'_>, call: Call, i: usize) -> Res<u32> {
    let n = run.number(call, i)?;
    // Adding 2^52 + 2^51 leaves the rounded integer in the low bits, whatever the sign.
    Ok((n + 6_755_399_441_055_744.0).to_bits() as u32)
}

fn give(run: &mut Run<'_>, n: u32) -> Res<usize> {
    run.give(Value::Num(n as i32 as f64))
}

fn tobit(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let n = bits(run, call, 0)?;
    give(run, n)
}

fn bnot(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let n = bits(run, call, 0)?;
    give(run, !n)
}

fn bswap(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let n = bits(run, call, 0)?;
    give(run, n.swap_bytes())
}

fn fold(run: &mut Run<'_>, call: Call, f: fn(u32, u32) -> u32) -> Res<usize> {
    let mut n = bits(run, call, 0)?;
    for i in 1..call.n {
        n = f(n, bits(run, call, i)?);
    }
    give(run, n)
}

fn band(run: &mut Run<'_>, call: Call) -> Res<usize> {
    fold(run, call, |a, b| a & b)
}

fn bor(run: &mut Run<'_>, call: Call) -> Res<usize> {
    fold(run, call, |a, b| a | b)
}

fn bxor(run: &mut Run<'_>, call: Call) -> Res<usize> {
    fold(run, call, |a, b| a ^ b)
}

fn shift(run: &mut Run<'_>, call: Call, f: fn(u32, u32) -> u32) -> Res<usize> {
    let (n, by) = (bits(run, call, 0)?, bits(run, call, 1)? & 31);
    give(run, f(n, by))
}

fn lshift(run: &mut Run<'_>, call: Call) -> Res<usize> {
    shift(run, call, |n, by| n << by)
}

fn rshift(run: &mut Run<'_>, call: Call) -> Res<usize> {
    shift(run, call, |n, by| n >> by)
}

fn arshift(run: &mut Run<'_>, call: Call) -> Res<usize> {
    shift(run, call, |n, by| (n as i32 >> by) as u32)
}

fn rol(run: &mut Run<'_>, call: Call) -> Res<usize> {
    shift(run, call, u32::rotate_left)
}

fn ror(run: &mut Run<'_>, call: Call) -> Res<usize> {
    shift(run, call, u32::rotate_right)
}

fn tohex(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let n = bits(run, call, 0)?;
    let digits = if run.arg(call, 1) == Value::Nil { 8 } else { bits(run, call, 1)? as i32 };
    let wanted = digits.unsigned_abs().min(8) as usize;
    let text = if digits < 0 { format!("{n:08X}") } else { format!("{n:08x}") };
    let v = run.vm.heap.text(&text[8 - wanted..]);
    run.give(v)
}

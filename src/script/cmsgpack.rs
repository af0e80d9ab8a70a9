//! `cmsgpack`: MessagePack, as lua-cmsgpack writes and reads it.

use super::api::TWO_63;
use super::lua::value::TableId;
use super::lua::{Call, Res, Run, Value, Vm};

/// Depth at which what is packed becomes nil (`LUACMSGPACK_MAX_NESTING`).
const PACK_DEPTH_MAX: usize = 16;
/// Depth of what is unpacked: functions here recurse as deep.
const UNPACK_DEPTH_MAX: usize = 200;
/// Values that one call gives.
const VALUES_MAX: usize = 8000;

/// Adds it.
pub fn open(vm: &mut Vm) {
    let t = vm.library(
        "cmsgpack",
        &[("pack", pack), ("unpack", unpack), ("unpack_limit", unpack_limit), ("unpack_one", unpack_one)],
    );
    for (name, text) in [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ] {
        let text = vm.heap.text(text);
        vm.heap.set_field(t, name, text);
    }
}

fn pack(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n == 0 {
        return run.error("bad argument #0 to 'pack' (MessagePack pack needs input.)");
    }
    let mut out = Vec::new();
    for i in 0..call.n {
        let v = run.arg(call, i);
        write(run, v, 0, &mut out)?;
    }
    let v = run.new_string(out)?;
    run.give(v)
}

/// The head of something of a length: the short form below `short`, then 8 (if there is one), 16 and 32 bits.
fn head(out: &mut Vec<u8>, n: usize, fix: (u8, usize), wide: [u8; 3]) {
    if n < fix.1 {
        out.push(fix.0 | n as u8);
    } else if n <= 0xff && wide[0] != 0 {
        out.extend_from_slice(&[wide[0], n as u8]);
    } else if n <= 0xffff {
        out.push(wide[1]);
        out.extend_from_slice(&(n as u16).to_be_bytes());
    } else {
        out.push(wide[2]);
        out.extend_from_slice(&(n as u32).to_be_bytes());
    }
}

fn write_integer(n: i64, out: &mut Vec<u8>) {
    match n {
        0..=127 => out.push(n as u8),
        128..=0xff => out.extend_from_slice(&[0xcc, n as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend_from_slice(&n.to_be_bytes());
        }
        -32..=-1 => out.push(n as i8 as u8),
        -128..=-33 => out.extend_from_slice(&[0xd0, n as i8 as u8]),
        -0x8000..=-129 => {
            out.push(0xd1);
            out.extend_from_slice(&(n as i16).to_be_bytes());
        }
        -0x8000_0000..=-0x8001 => {
            out.push(0xd2);
            out.extend_from_slice(&(n as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

fn write_number(n: f64, out: &mut Vec<u8>) {
    // What a 64-bit integer holds goes as one.
    if n.trunc() == n && (-TWO_63..TWO_63).contains(&n) {
        return write_integer(n as i64, out);
    }
    let single = n as f32;
    if single as f64 == n {
        out.push(0xca);
        out.extend_from_slice(&single.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&n.to_be_bytes());
    }
}

fn write(run: &mut Run<'_>, v: Value, depth: usize, out: &mut Vec<u8>) -> Res {
    match v {
        Value::Str(s) => {
            let bytes = run.vm.heap.bytes(s);
            head(out, bytes.len(), (0xa0, 32), [0xd9, 0xda, 0xdb]);
            out.extend_from_slice(bytes);
        }
        Value::Bool(b) => out.push(if b { 0xc3 } else { 0xc2 }),
        Value::Num(n) => write_number(n, out),
        Value::Table(t) if depth < PACK_DEPTH_MAX => write_table(run, t, depth, out)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

/// The length of a table whose keys are 1 to n in any order.
fn array_len(run: &Run<'_>, t: TableId) -> Option<usize> {
    let (mut key, mut count, mut most) = (Value::Nil, 0usize, 0.0f64);
    while let Some((k, _)) = run.vm.heap.at(t).next(&run.vm.heap.strings, key) {
        match k {
            Value::Nil => break,
            Value::Num(n) if n > 0.0 && n.trunc() == n => most = most.max(n),
            _ => return None,
        }
        (key, count) = (k, count + 1);
    }
    (most == count as f64).then_some(count)
}

fn write_table(run: &mut Run<'_>, t: TableId, depth: usize, out: &mut Vec<u8>) -> Res {
    run.tick()?;
    run.may_allocate(out.len())?;
    if let Some(n) = array_len(run, t) {
        head(out, n, (0x90, 16), [0, 0xdc, 0xdd]);
        for i in 1..=n {
            let v = run.vm.heap.at(t).get_int(&run.vm.heap.strings, i);
            write(run, v, depth + 1, out)?;
        }
        return Ok(());
    }
    let mut pairs = Vec::new();
    let (mut key, mut n) = (Value::Nil, 0);
    while let Some((k, v)) = run.vm.heap.at(t).next(&run.vm.heap.strings, key) {
        if k == Value::Nil {
            break;
        }
        write(run, k, depth + 1, &mut pairs)?;
        write(run, v, depth + 1, &mut pairs)?;
        (key, n) = (k, n + 1);
    }
    head(out, n, (0x80, 16), [0, 0xde, 0xdf]);
    out.extend_from_slice(&pairs);
    Ok(())
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

enum Wrong {
    Short,
    Format,
    /// A key that no table takes.
    Key(&'static str),
}

impl<'a> Input<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Wrong> {
        let end = self.at.checked_add(n).ok_or(Wrong::Short)?;
        let part = self.bytes.get(self.at..end).ok_or(Wrong::Short)?;
        self.at = end;
        Ok(part)
    }

    fn unsigned(&mut self, n: usize) -> Result<u64, Wrong> {
        Ok(self.take(n)?.iter().fold(0, |v, b| v << 8 | *b as u64))
    }

    fn value(&mut self, vm: &mut Vm, depth: usize) -> Result<Value, Wrong> {
        if depth > UNPACK_DEPTH_MAX {
            return Err(Wrong::Format);
        }
        let b = self.take(1)?[0];
        Ok(match b {
            0..=0x7f => Value::Num(b as f64),
            0xe0..=0xff => Value::Num(b as i8 as f64),
            0x80..=0x8f => self.map(vm, (b & 15) as usize, depth)?,
            0x90..=0x9f => self.array(vm, (b & 15) as usize, depth)?,
            0xa0..=0xbf => self.text(vm, (b & 31) as usize)?,
            0xc0 => Value::Nil,
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xc4..=0xc6 => {
                let n = self.unsigned(1 << (b - 0xc4))?;
                self.text(vm, n as usize)?
            }
            0xca => Value::Num(f32::from_bits(self.unsigned(4)? as u32) as f64),
            0xcb => Value::Num(f64::from_bits(self.unsigned(8)?)),
            0xcc..=0xcf => Value::Num(self.unsigned(1 << (b - 0xcc))? as f64),
            0xd0 => Value::Num(self.unsigned(1)? as u8 as i8 as f64),
            0xd1 => Value::Num(self.unsigned(2)? as u16 as i16 as f64),
            0xd2 => Value::Num(self.unsigned(4)? as u32 as i32 as f64),
            0xd3 => Value::Num(self.unsigned(8)? as i64 as f64),
            0xd9..=0xdb => {
                let n = self.unsigned(1 << (b - 0xd9))?;
                self.text(vm, n as usize)?
            }
            0xdc | 0xdd => {
                let n = self.unsigned(2 << (b - 0xdc))?;
                self.array(vm, n as usize, depth)?
            }
            0xde | 0xdf => {
                let n = self.unsigned(2 << (b - 0xde))?;
                self.map(vm, n as usize, depth)?
            }
            _ => return Err(Wrong::Format),
        })
    }

    fn text(&mut self, vm: &mut Vm, n: usize) -> Result<Value, Wrong> {
        Ok(vm.heap.text(self.take(n)?))
    }

    fn array(&mut self, vm: &mut Vm, n: usize, depth: usize) -> Result<Value, Wrong> {
        let t = vm.heap.table(0, 0);
        for i in 1..=n {
            let v = self.value(vm, depth + 1)?;
            vm.heap.raw_set(t, Value::Num(i as f64), v);
        }
        Ok(Value::Table(t))
    }

    fn map(&mut self, vm: &mut Vm, n: usize, depth: usize) -> Result<Value, Wrong> {
        let t = vm.heap.table(0, 0);
        for _ in 0..n {
            let key = self.value(vm, depth + 1)?;
            let v = self.value(vm, depth + 1)?;
            match key {
                Value::Nil => return Err(Wrong::Key("table index is nil")),
                Value::Num(k) if k.is_nan() => return Err(Wrong::Key("table index is NaN")),
                key => vm.heap.raw_set(t, key, v),
            }
        }
        Ok(Value::Table(t))
    }
}

/// Unpacks up to `limit` values (0 = all) from `offset` on. With a limit the offset to go on at comes first, or -1.
fn unpack_from(run: &mut Run<'_>, call: Call, limit: i64, offset: i64, full: bool) -> Res<usize> {
    let text = run.shared(call, 0)?;
    if limit < 0 || offset < 0 {
        return run.error(format!(
            "Invalid request to unpack with offset of {offset} and limit of {}.",
            text.len()
        ));
    }
    if offset > text.len() as i64 {
        return run.error(format!("Start offset {offset} greater than input length {}.", text.len()));
    }
    // What is unpacked takes more than its text, though never without bound.
    run.may_allocate(text.len().saturating_mul(16))?;
    run.charge(text.len())?;
    let limit = if full { usize::MAX } else { limit as usize };
    let mut input = Input { bytes: &text, at: offset as usize };
    let mut values = Vec::new();
    while input.at < text.len() && values.len() < limit {
        if values.len() >= VALUES_MAX {
            return run.error("too many results to unpack");
        }
        match input.value(run.vm, 0) {
            Ok(v) => values.push(v),
            Err(Wrong::Short) => return run.error("Missing bytes in input."),
            Err(Wrong::Key(problem)) => return run.raise(problem),
            Err(Wrong::Format) => return run.error("Bad data format in input."),
        }
        run.tick()?;
    }
    if !full {
        let next = if input.at < text.len() { input.at as f64 } else { -1.0 };
        run.push(Value::Num(next));
    }
    values.iter().for_each(|v| run.push(*v));
    Ok(values.len() + !full as usize)
}

fn unpack(run: &mut Run<'_>, call: Call) -> Res<usize> {
    unpack_from(run, call, 0, 0, true)
}

fn unpack_one(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let offset = run.int_or(call, 1, 0)?;
    unpack_from(run, call, 1, offset, false)
}

fn unpack_limit(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let (limit, offset) = (run.int(call, 1)?, run.int_or(call, 2, 0)?);
    unpack_from(run, call, limit, offset, limit == 0)
}

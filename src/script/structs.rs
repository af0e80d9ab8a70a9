//! `struct`: values to bytes and back by a format, as lua-struct 0.2.

use super::lua::{Call, Res, Run, Value, Vm};

/// Bytes of an integer.
const INT_MAX: usize = 32;
/// Alignment unless a format says otherwise.
const ALIGN: usize = 8;

/// Adds it.
pub fn open(vm: &mut Vm) {
    vm.library("struct", &[("pack", pack), ("size", size), ("unpack", unpack)]);
}

/// A format that is being read: byte order and alignment as they stand.
struct Format<'a> {
    text: &'a [u8],
    at: usize,
    little: bool,
    align: usize,
}

/// An element of a format.
#[derive(Clone, Copy)]
enum Item {
    Pad,
    Int {
        signed: bool,
        size: usize,
    },
    Float,
    Double,
    /// Of so many bytes; 0: all of it, or as long as the number before says.
    Chars(usize),
    Zero,
}

impl Item {
    fn size(self) -> usize {
        match self {
            Item::Pad => 1,
            Item::Int { size, .. } => size,
            Item::Float => 4,
            Item::Double => 8,
            Item::Chars(n) => n,
            Item::Zero => 0,
        }
    }

    /// Numbers are aligned, texts are not.
    fn alignment(self, max: usize) -> usize {
        match self {
            Item::Int { size, .. } => size.min(max),
            Item::Float => 4.min(max),
            Item::Double => 8.min(max),
            _ => 1,
        }
    }
}

impl<'a> Format<'a> {
    fn new(text: &'a [u8]) -> Format<'a> {
        Format { text, at: 0, little: true, align: 1 }
    }

    fn number(&mut self) -> Result<Option<usize>, String> {
        let mut n: Option<usize> = None;
        while let Some(d) = self.text.get(self.at).filter(|b| b.is_ascii_digit()) {
            self.at += 1;
            let next = n.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add((d - b'0') as usize));
            n = Some(next.filter(|n| *n <= i32::MAX as usize).ok_or("integral size overflow")?);
        }
        Ok(n)
    }

    fn int_size(&mut self, default: usize) -> Result<usize, String> {
        let size = self.number()?.unwrap_or(default);
        if size > INT_MAX {
            return Err(format!("integral size {size} is larger than limit of {INT_MAX}"));
        }
        Ok(size)
    }

    /// The next element; options for those that follow are taken on the way.
    fn next(&mut self) -> Result<Option<Item>, String> {
        while let Some(&c) = self.text.get(self.at) {
            self.at += 1;
            let int = |signed, size| Ok(Some(Item::Int { signed, size }));
            return match c {
                b'b' | b'B' => int(c == b'b', 1),
                b'h' | b'H' => int(c == b'h', 2),
                b'l' | b'L' => int(c == b'l', 8),
                b'T' => int(false, 8),
                b'i' | b'I' => {
                    let size = self.int_size(4)?;
                    int(c == b'i', size)
                }
                b'f' => Ok(Some(Item::Float)),
                b'd' => Ok(Some(Item::Double)),
                b'x' => Ok(Some(Item::Pad)),
                b'c' => Ok(Some(Item::Chars(self.number()?.unwrap_or(1)))),
                b's' => Ok(Some(Item::Zero)),
                b' ' => continue,
                b'>' | b'<' => {
                    self.little = c == b'<';
                    continue;
                }
                b'!' => {
                    let align = self.number()?.unwrap_or(ALIGN);
                    if align == 0 || !align.is_power_of_two() {
                        return Err(format!("alignment {align} is not a power of 2"));
                    }
                    self.align = align;
                    continue;
                }
                c => Err(format!("invalid format option '{}'", c as char)),
            };
        }
        Ok(None)
    }

    /// Bytes between `at` and where an item may begin.
    fn gap(&self, at: usize, item: Item) -> usize {
        let align = item.alignment(self.align);
        if align > 1 && align.is_power_of_two() { (align - (at & (align - 1))) & (align - 1) } else { 0 }
    }
}

fn pack(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let text = run.shared(call, 0)?;
    let mut format = Format::new(&text);
    // Arguments that are not there count as nil here.
    run.push(Value::Nil);
    let call = Call { n: call.n + 1, ..call };
    let (mut out, mut arg) = (Vec::new(), 1);
    loop {
        let item = match format.next() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(e) => return run.bad_format(call, &e),
        };
        out.resize(out.len() + format.gap(out.len(), item), 0);
        match item {
            Item::Pad => {
                out.push(0);
                continue;
            }
            Item::Int { size, .. } => {
                let n = run.number(call, arg)?;
                let n = if n < 0.0 { n as i64 } else { n as u64 as i64 };
                let mut bytes = [0; INT_MAX];
                bytes[..8].copy_from_slice(&n.to_le_bytes());
                put(&mut out, &mut bytes[..size], format.little);
            }
            Item::Float => put(&mut out, &mut (run.number(call, arg)? as f32).to_le_bytes(), format.little),
            Item::Double => put(&mut out, &mut run.number(call, arg)?.to_le_bytes(), format.little),
            Item::Chars(n) => {
                let s = run.shared(call, arg)?;
                let n = if n == 0 { s.len() } else { n };
                match s.get(..n) {
                    Some(part) => out.extend_from_slice(part),
                    None => return run.bad_arg(call, arg + 1, "string too short"),
                }
            }
            Item::Zero => {
                out.extend(run.text(call, arg)?);
                out.push(0);
            }
        }
        arg += 1;
        run.may_allocate(out.len())?;
    }
    let v = run.new_string(out)?;
    run.give(v)
}

fn put(out: &mut Vec<u8>, bytes: &mut [u8], little: bool) {
    if !little {
        bytes.reverse();
    }
    out.extend_from_slice(bytes);
}

impl Run<'_> {
    fn bad_format<T>(&mut self, call: Call, problem: &str) -> Res<T> {
        if problem.starts_with("alignment") || problem.starts_with("integral") {
            return self.error(problem);
        }
        self.bad_arg(call, 0, problem)
    }
}

fn unpack(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let (text, data) = (run.shared(call, 0)?, run.shared(call, 1)?);
    let from = run.int_or(call, 2, 1)?;
    if from == 0 {
        return run.bad_arg(call, 2, "offset must be 1 or greater");
    }
    // What lies before the first byte lies beyond the last, for the reference.
    let mut at = usize::try_from(from - 1).unwrap_or(usize::MAX);
    let mut format = Format::new(&text);
    let mut values: Vec<Value> = Vec::new();
    loop {
        let item = match format.next() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(e) => return run.bad_format(call, &e),
        };
        at = at.saturating_add(format.gap(at, item));
        let mut size = item.size();
        if let Item::Chars(0) = item {
            // As long as the number before it says.
            let Some(Value::Num(n)) = values.pop() else {
                return run.error("format 'c0' needs a previous size");
            };
            if n < 0.0 {
                return run.error("format 'c0' needs a previous size");
            }
            size = n as usize;
        }
        let Some(part) = at.checked_add(size).and_then(|end| data.get(at..end)) else {
            return run.bad_arg(call, 1, "data string too short");
        };
        at += size;
        match item {
            Item::Pad => {}
            Item::Int { signed, .. } => values.push(Value::Num(integer(part, signed, format.little))),
            Item::Float => {
                let mut b = [0; 4];
                take(&mut b, part, format.little);
                values.push(Value::Num(f32::from_le_bytes(b) as f64));
            }
            Item::Double => {
                let mut b = [0; 8];
                take(&mut b, part, format.little);
                values.push(Value::Num(f64::from_le_bytes(b)));
            }
            Item::Chars(_) => values.push(run.vm.heap.text(part)),
            Item::Zero => {
                let rest = &data[at..];
                let Some(len) = memchr::memchr(0, rest) else {
                    return run.error("unfinished string in data");
                };
                values.push(run.vm.heap.text(&rest[..len]));
                at += len + 1;
            }
        }
        if values.len() >= super::lua::UNPACK_MAX {
            return run.error("too many results to unpack");
        }
    }
    values.iter().for_each(|v| run.push(*v));
    run.push(Value::Num((at + 1) as f64));
    Ok(values.len() + 1)
}

fn take(to: &mut [u8], from: &[u8], little: bool) {
    to.copy_from_slice(from);
    if !little {
        to.reverse();
    }
}

/// An integer of up to 32 bytes, of which eight count.
fn integer(bytes: &[u8], signed: bool, little: bool) -> f64 {
    let mut low = [0; 8];
    let n = bytes.len().min(8);
    for (i, b) in low[..n].iter_mut().enumerate() {
        *b = if little { bytes[i] } else { bytes[bytes.len() - 1 - i] };
    }
    let value = u64::from_le_bytes(low);
    if !signed || n == 0 {
        return value as f64;
    }
    let unused = 64 - 8 * n as u32;
    (((value << unused) as i64) >> unused) as f64
}

fn size(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let text = run.shared(call, 0)?;
    let mut format = Format::new(&text);
    let mut total = 0usize;
    loop {
        match format.next() {
            Ok(None) => break,
            Ok(Some(Item::Zero)) => return run.bad_arg(call, 0, "option 's' has no fixed size"),
            Ok(Some(Item::Chars(0))) => return run.bad_arg(call, 0, "option 'c0' has no fixed size"),
            Ok(Some(item)) => {
                total = total.saturating_add(format.gap(total, item)).saturating_add(item.size());
            }
            Err(e) => return run.bad_format(call, &e),
        }
    }
    run.give(Value::Num(total as f64))
}

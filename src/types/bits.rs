//! Strings as arrays of bits: BITCOUNT, BITPOS, BITOP, SETBIT, GETBIT and BITFIELD on slices. Bit 0 is the most
//! significant one of the first byte. Values may have hundreds of megabytes, so that everything works on words or
//! vectors, and BITOP goes once through its inputs.

mod field;
mod op;
mod simd;

pub use field::{Field, Overflow, parse_offset};
pub use op::{Op, op};

use std::ops::Range;

/// What the ends of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Byte,
    Bit,
}

/// Bits that are set.
pub fn count(bytes: &[u8]) -> u64 {
    simd::count(bytes)
}

/// Bits that are set between two positions, both inclusive, negative ones counted from the end: BITCOUNT.
pub fn count_range(bytes: &[u8], start: i64, end: i64, unit: Unit) -> u64 {
    // Checked before the ends are cut to the value, where two positions before its start would both become 0.
    if start < 0 && end < 0 && start > end {
        return 0;
    }
    count_bits(bytes, span(bytes.len(), start, end, unit))
}

/// The first bit equal to `bit` between two positions as those of `count_range`: BITPOS. Without an end the value is
/// taken to go on with zeros for ever, so that a 0 is found behind it. An empty range holds nothing.
pub fn position(bytes: &[u8], bit: bool, start: i64, end: Option<i64>, unit: Unit) -> Option<u64> {
    let span = span(bytes.len(), start, end.unwrap_or(-1), unit);
    if span.is_empty() {
        return None;
    }
    let after = span.end;
    find(bytes, bit, span).or_else(|| (!bit && end.is_none()).then_some(after))
}

pub fn get_bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|i| bytes.get(i));
    byte.is_some_and(|byte| byte & mask(offset) != 0)
}

/// Sets a bit and returns what it was; `None` if the value does not reach that far.
pub fn set_bit(bytes: &mut [u8], offset: u64, bit: bool) -> Option<bool> {
    let byte = bytes.get_mut(usize::try_from(offset / 8).ok()?)?;
    let old = *byte & mask(offset) != 0;
    *byte = if bit { *byte | mask(offset) } else { *byte & !mask(offset) };
    Some(old)
}

fn mask(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

/// The bits between two positions of a value of `len` bytes; empty if there are none.
fn span(len: usize, start: i64, end: i64, unit: Unit) -> Range<u64> {
    let scale = match unit {
        Unit::Byte => 8,
        Unit::Bit => 1,
    };
    let total = len as i64 * 8 / scale;
    let from_start = |at: i64| if at < 0 { (total + at).max(0) } else { at };
    let (start, end) = (from_start(start), from_start(end).min(total - 1));
    if start > end {
        return 0..0;
    }
    (start * scale).cast_unsigned()..((end + 1) * scale).cast_unsigned()
}

/// Counts the bytes of a span whole, then takes away what lies outside of it in the first and the last.
fn count_bits(bytes: &[u8], span: Range<u64>) -> u64 {
    if span.is_empty() {
        return 0;
    }
    let last = span.end - 1;
    let bytes = &bytes[(span.start / 8) as usize..=(last / 8) as usize];
    let before = bytes[0] & !(0xff >> (span.start % 8));
    let after = bytes[bytes.len() - 1] & (0x7f >> (last % 8));
    count(bytes) - u64::from(before.count_ones()) - u64::from(after.count_ones())
}

/// The first bit equal to `bit` of a span that is not empty.
fn find(bytes: &[u8], bit: bool, span: Range<u64>) -> Option<u64> {
    let first = (span.start / 8) as usize;
    let bytes = &bytes[first..span.end.div_ceil(8) as usize];
    // What holds no such bit; any other byte, turned over by it, shows the bit as its first 1.
    let none = if bit { 0 } else { 0xff };
    let head = (bytes[0] ^ none) & (0xff >> (span.start % 8));
    let (index, byte) = if head != 0 {
        (0, head)
    } else {
        let index = 1 + first_other(&bytes[1..], none)?;
        (index, bytes[index] ^ none)
    };
    let found = (first + index) as u64 * 8 + u64::from(byte.leading_zeros());
    (found < span.end).then_some(found)
}

/// The first byte that is not `value`, sought by blocks of 64.
fn first_other(bytes: &[u8], value: u8) -> Option<usize> {
    let blocks = bytes.as_chunks::<64>().0;
    let same = blocks.iter().take_while(|block| block.iter().fold(0, |or, byte| or | (byte ^ value)) == 0);
    let start = same.count() * 64;
    bytes[start..].iter().position(|byte| *byte != value).map(|at| start + at)
}

#[cfg(test)]
mod tests;

//! Bitmaps with any positions, ranges and fields, against plain models of one bit at a time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::types::bits::{self, Field, Op, Overflow, Unit};

fuzz_target!(|data: &[u8]| {
    let Some((head, bytes)) = data.split_first_chunk::<20>() else { return };
    let number = |at: usize| i64::from(i16::from_le_bytes([head[at], head[at + 1]]));
    let (start, end) = (number(0), number(2));
    ranges(bytes, start, end, if head[4] & 1 == 0 { Unit::Byte } else { Unit::Bit }, head[4] & 2 == 0);
    let wide =
        i64::from_le_bytes([head[6], head[7], head[8], head[9], head[10], head[11], head[12], head[13]]);
    field(bytes, &head[14..], wide);
    operations(bytes, usize::from(head[5]));
});

fn ranges(bytes: &[u8], start: i64, end: i64, unit: Unit, bit: bool) {
    let scale = if unit == Unit::Byte { 8 } else { 1 };
    let total = bytes.len() as i64 * 8 / scale;
    let cut = |at: i64| if at < 0 { (at + total).max(0) } else { at };
    let inside = |i: &i64| (cut(start)..=cut(end)).contains(&(i / scale));
    let all = 0..bytes.len() as i64 * 8;
    let found = all.clone().filter(inside).find(|i| bits::get_bit(bytes, i.cast_unsigned()) == bit);
    assert_eq!(bits::position(bytes, bit, start, Some(end), unit), found.map(i64::cast_unsigned));
    if !(start < 0 && end < 0 && start > end) {
        let set = all.filter(inside).filter(|i| bits::get_bit(bytes, i.cast_unsigned())).count();
        assert_eq!(bits::count_range(bytes, start, end, unit), set as u64);
    }
    let whole: u64 = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
    assert_eq!(bits::count(bytes), whole);
}

fn field(bytes: &[u8], head: &[u8], value: i64) {
    let name = format!("{}{}", if head[0] & 1 == 0 { 'i' } else { 'u' }, head[1] % 66);
    let Some(field) = Field::parse(name.as_bytes()) else { return };
    let offset = u64::from(head[2]) * 3 + u64::from(head[3]);
    let old = field.get(bytes, offset);
    let mut bytes = bytes.to_vec();
    for overflow in [Overflow::Wrap, Overflow::Sat, Overflow::Fail] {
        for new in [field.fit(value, overflow), field.add(old, value, overflow)].into_iter().flatten() {
            assert_eq!(field.fit(new, Overflow::Fail), Some(new), "it fits");
            if field.set(&mut bytes, offset, new) {
                assert_eq!(field.get(&bytes, offset), new);
            }
        }
        assert!(overflow == Overflow::Fail || field.add(old, value, overflow).is_some());
    }
}

fn operations(bytes: &[u8], cut: usize) {
    let (a, rest) = bytes.split_at(cut.min(bytes.len()));
    let (b, c) = rest.split_at(rest.len() / 2);
    let mut out = Vec::new();
    for op in Op::ALL {
        let inputs: &[&[u8]] = if op == Op::Not { &[a] } else { &[a, b, c] };
        bits::op(op, inputs, &mut out);
        assert_eq!(out.len(), inputs.iter().map(|input| input.len()).max().unwrap_or(0));
        for i in 0..out.len() as u64 * 8 {
            let at = |input: &[u8]| bits::get_bit(input, i);
            let (a, others) = (at(a), at(b) || at(c));
            let expected = match op {
                Op::And => a && at(b) && at(c),
                Op::Or => a || others,
                Op::Xor => a ^ at(b) ^ at(c),
                Op::Not => !a,
                Op::Diff => a && !others,
                Op::Diff1 => !a && others,
                Op::AndOr => a && others,
                Op::One => u8::from(a) + u8::from(at(b)) + u8::from(at(c)) == 1,
            };
            assert_eq!(bits::get_bit(&out, i), expected);
        }
    }
}

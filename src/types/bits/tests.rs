//! Each function against a plain model, one bit at a time.

use super::*;
use proptest::prelude::*;

fn bits_of(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |i| byte >> (7 - i) & 1 == 1)).collect()
}

/// Positions between two ends, as the commands' documentation has them.
fn model_range(bytes: &[u8], start: i64, end: i64, unit: Unit) -> Vec<(usize, bool)> {
    let scale = if unit == Unit::Byte { 8 } else { 1 };
    let bits = bits_of(bytes);
    let total = (bits.len() / scale) as i64;
    let cut = |at: i64| if at < 0 { (at + total).max(0) } else { at };
    bits.into_iter()
        .enumerate()
        .filter(|(i, _)| (cut(start)..=cut(end)).contains(&((i / scale) as i64)))
        .collect()
}

fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => Just(0u8), 4 => Just(0xff), 1 => any::<u8>()];
    prop::collection::vec(byte, 0..200)
}

fn some_unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Byte), Just(Unit::Bit)]
}

#[test]
fn positions_at_the_edges() {
    use Unit::{Bit, Byte};
    let find = |bytes: &[u8], bit, start, end, unit| position(bytes, bit, start, end, unit);
    assert_eq!(find(b"\xff\xf0\x00", false, 0, None, Byte), Some(12));
    assert_eq!(find(b"\xff\xff\xff", false, 0, None, Byte), Some(24), "zeros follow the end");
    assert_eq!(find(b"\xff\xff\xff", false, 0, Some(-1), Byte), None, "not when an end is given");
    assert_eq!(find(b"\x00\x00", true, 0, None, Byte), None);
    assert_eq!(find(b"\x00\xff\xf0", true, 2, Some(-1), Byte), Some(16));
    assert_eq!(find(b"\x00\xff\xf0", true, 7, Some(15), Bit), Some(8));
    assert_eq!(find(b"\x00\xff\xf0", true, 7, Some(-3), Bit), Some(8));
    assert_eq!(find(b"\x00\xff\xf0", false, 8, Some(15), Bit), None);
    assert_eq!(find(b"", false, 0, None, Byte), None);
    assert_eq!(find(b"\xff", false, 1, None, Byte), None, "an empty range");
    assert_eq!(find(b"\x00", false, i64::MIN, Some(i64::MAX), Bit), Some(0));
    assert_eq!(find(b"\x00", false, i64::MAX, Some(i64::MIN), Bit), None);
    // Both ends before the start become 0; BITCOUNT alone looks at their order first.
    assert_eq!(find(b"\x40", true, -1, Some(-5), Byte), Some(1));
    assert_eq!(count_range(b"\x40", -1, -5, Byte), 0);
    assert_eq!(count_range(b"\x40", -5, -3, Byte), 1);
    assert_eq!(count_range(b"foobar", 0, -1, Byte), 26);
    assert_eq!(count_range(b"foobar", 5, 30, Bit), 17);
    assert_eq!(count_range(b"", 0, -1, Byte), 0);
}

#[test]
fn single_bits() {
    let mut bytes = vec![0, 0b0100_0000];
    assert!(get_bit(&bytes, 9) && !get_bit(&bytes, 8) && !get_bit(&bytes, 16) && !get_bit(&bytes, u64::MAX));
    assert_eq!(set_bit(&mut bytes, 0, true), Some(false));
    assert_eq!(set_bit(&mut bytes, 9, false), Some(true));
    assert_eq!(set_bit(&mut bytes, 16, true), None);
    assert_eq!(bytes, [0x80, 0]);
}

#[test]
fn field_types() {
    for (text, valid) in [
        ("i1", true),
        ("i64", true),
        ("u63", true),
        ("u64", false),
        ("i65", false),
        ("i0", false),
        ("i-1", false),
        ("i08", false),
        ("I8", false),
        ("x8", false),
        ("i", false),
        ("", false),
        ("i8 ", false),
    ] {
        assert_eq!(Field::parse(text.as_bytes()).is_some(), valid, "{text}");
    }
}

#[test]
fn offsets() {
    let u8 = Field::parse(b"u8");
    assert_eq!(parse_offset(b"7", None, Some(1)), Some(7));
    assert_eq!(parse_offset(b"8", None, Some(1)), None);
    assert_eq!(parse_offset(b"8", None, None), Some(8));
    assert_eq!(parse_offset(b"#2", u8, Some(100)), Some(16));
    assert_eq!(parse_offset(b"#2", None, Some(100)), None);
    assert_eq!(parse_offset(b"-1", u8, None), None);
    assert_eq!(parse_offset(b"#9223372036854775807", u8, None), None);
    assert_eq!(parse_offset(b"", u8, None), None);
}

#[test]
fn overflows() {
    use Overflow::{Fail, Sat, Wrap};
    let field = |text: &str| Field::parse(text.as_bytes()).unwrap();
    for (name, old, increment, wrapped, saturated) in [
        ("u8", 255, 1, 0, 255),
        ("u8", 100, -101, 255, 0),
        ("u8", 0, i64::MIN, 0, 0),
        ("i8", 127, 1, -128, 127),
        ("i8", -128, -1, 127, -128),
        ("i8", 100, 257, 101, 127),
        ("i64", i64::MAX, 1, i64::MIN, i64::MAX),
        ("i64", i64::MIN, -1, i64::MAX, i64::MIN),
        ("u63", i64::MAX, 2, 1, i64::MAX),
        ("i1", 0, 1, -1, 0),
    ] {
        assert_eq!(field(name).add(old, increment, Wrap), Some(wrapped), "{name} {old} {increment}");
        assert_eq!(field(name).add(old, increment, Sat), Some(saturated), "{name} {old} {increment}");
        assert_eq!(field(name).add(old, increment, Fail), None, "{name} {old} {increment}");
    }
    assert_eq!(field("u8").fit(-1, Sat), Some(255), "as an unsigned number it is above");
    assert_eq!(field("u8").fit(-1, Wrap), Some(255));
    assert_eq!(field("u8").fit(-1, Fail), None);
    assert_eq!(field("i8").fit(-129, Sat), Some(-128));
    assert_eq!(field("i8").fit(i64::MIN + 128, Sat), Some(-128));
    assert_eq!(field("i8").fit(i64::MIN + 127, Sat), Some(127), "the reference's distance overflows");
    assert_eq!(field("i64").fit(i64::MIN, Sat), Some(i64::MIN));
    assert_eq!(field("i8").fit(-128, Fail), Some(-128));
}

#[test]
fn operations_by_name() {
    for op in Op::ALL {
        assert_eq!(Op::parse(op.name().to_ascii_lowercase().as_bytes()), Some(op));
    }
    assert_eq!(Op::parse(b"nand"), None);
    assert_eq!(Op::Not.inputs(), (1, 1));
}

#[test]
fn operations_across_blocks() {
    let long = vec![0b1100_1100; 40_000];
    let short = vec![0b1010_1010; 9_000];
    let mut out = b"what was there".to_vec();
    for (name, both, rest) in [
        (Op::And, 0b1000_1000, 0),
        (Op::Or, 0b1110_1110, 0b1100_1100),
        (Op::Xor, 0b0110_0110, 0b1100_1100),
        (Op::Diff, 0b0100_0100, 0b1100_1100),
        (Op::Diff1, 0b0010_0010, 0),
        (Op::AndOr, 0b1000_1000, 0),
        (Op::One, 0b0110_0110, 0b1100_1100),
    ] {
        op(name, &[&long, &short], &mut out);
        assert_eq!(out.len(), 40_000);
        assert!(out[..9_000].iter().all(|byte| *byte == both), "{name:?}");
        assert!(out[9_000..].iter().all(|byte| *byte == rest), "{name:?}");
    }
    op(Op::Not, &[&long], &mut out);
    assert_eq!(out, vec![0b0011_0011; 40_000]);
    op(Op::Or, &[b"", b""], &mut out);
    assert_eq!(out, b"");
}

proptest! {
    #[test]
    fn counts(bytes in some_bytes(), start in -220i64..220, end in -220i64..220, unit in some_unit()) {
        let scale = if unit == Unit::Bit { 8 } else { 1 };
        let (start, end) = (start * scale / 2, end * scale / 2 + 1);
        prop_assert_eq!(count(&bytes), bits_of(&bytes).into_iter().filter(|bit| *bit).count() as u64);
        prop_assume!(!(start < 0 && end < 0 && start > end));
        let expected = model_range(&bytes, start, end, unit).iter().filter(|(_, bit)| *bit).count();
        prop_assert_eq!(count_range(&bytes, start, end, unit), expected as u64);
    }

    #[test]
    fn positions(
        bytes in some_bytes(),
        bit: bool,
        start in -1700i64..1700,
        end in prop::option::of(-1700i64..1700),
        unit in some_unit(),
    ) {
        let scale = if unit == Unit::Byte { 8 } else { 1 };
        let (start, end) = (start / scale, end.map(|end| end / scale));
        let range = model_range(&bytes, start, end.unwrap_or(-1), unit);
        let found = range.iter().find(|(_, it)| *it == bit).map(|(i, _)| *i as u64);
        let behind = (!bit && end.is_none() && !range.is_empty()).then_some(bytes.len() as u64 * 8);
        prop_assert_eq!(position(&bytes, bit, start, end, unit), found.or(behind));
    }

    #[test]
    fn operations(inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..5)) {
        let slices: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let len = inputs.iter().map(Vec::len).max().unwrap_or(0);
        let mut out = Vec::new();
        for name in Op::ALL.into_iter().filter(|op| op.inputs().1 >= inputs.len()) {
            op(name, &slices, &mut out);
            prop_assert_eq!(out.len(), len);
            for offset in 0..len as u64 * 8 {
                let bits: Vec<bool> = inputs.iter().map(|input| get_bit(input, offset)).collect();
                let others = bits[1..].contains(&true);
                let expected = match name {
                    Op::And => !bits.contains(&false),
                    Op::Or => bits.contains(&true),
                    Op::Xor => bits.iter().fold(false, |xor, bit| xor ^ bit),
                    Op::Not => !bits[0],
                    Op::Diff => bits[0] && !others,
                    Op::Diff1 => !bits[0] && others,
                    Op::AndOr => bits[0] && others,
                    Op::One => bits.iter().filter(|bit| **bit).count() == 1,
                };
                prop_assert_eq!(get_bit(&out, offset), expected, "{:?} at {}", name, offset);
            }
        }
    }

    #[test]
    fn fields_are_their_bits(
        mut bytes in prop::collection::vec(any::<u8>(), 0..24),
        signed: bool,
        width in 1u32..=64,
        offset in 0u64..200,
        value: i64,
    ) {
        let width = if signed { width } else { width.min(63) };
        let field = Field::parse(format!("{}{width}", if signed { 'i' } else { 'u' }).as_bytes()).unwrap();
        let bits: Vec<bool> = (0..u64::from(width)).map(|i| get_bit(&bytes, offset + i)).collect();
        let plain = bits.iter().fold(0i128, |value, bit| value << 1 | i128::from(*bit));
        let expected = if signed && bits[0] { plain - (1 << width) } else { plain };
        prop_assert_eq!(i128::from(field.get(&bytes, offset)), expected);
        let before = bytes.clone();
        let inside = field.bytes_needed(offset) <= bytes.len() as u64;
        prop_assert_eq!(field.set(&mut bytes, offset, value), inside);
        for at in 0..bytes.len() as u64 * 8 {
            let index = at.wrapping_sub(offset);
            let expected = if inside && index < u64::from(width) {
                value >> (u64::from(width) - 1 - index) & 1 == 1
            } else {
                get_bit(&before, at)
            };
            prop_assert_eq!(get_bit(&bytes, at), expected);
        }
        if inside {
            prop_assert_eq!(Some(field.get(&bytes, offset)), field.fit(value, Overflow::Wrap));
        }
    }
}

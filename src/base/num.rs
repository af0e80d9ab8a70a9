//! Numbers the Redis way: which texts are numbers, and how numbers are written. Every function equals its counterpart
//! of the reference byte for byte (`string2ll`, `string2ull`, `string2d`, `d2string`, `string2ld`, `ld2string`), since
//! clients, encodings and replicas depend on the exact answer. Nothing here allocates; results are written to a
//! buffer on the caller's stack.

mod big;
mod extended;
mod shortest;

pub use extended::{Extended, ExtendedText};

use std::io::Write;

/// Room for the text of any integer or double. One can be used again and again.
#[derive(Clone, Copy)]
pub struct NumBuf {
    integer: itoa::Buffer,
    double: [u8; 32],
}

impl NumBuf {
    pub fn new() -> NumBuf {
        NumBuf { integer: itoa::Buffer::new(), double: [0; 32] }
    }
}

impl Default for NumBuf {
    fn default() -> NumBuf {
        NumBuf::new()
    }
}

/// Reads an integer that is written the one way it is printed: no sign `+`, no zero in front, no space, no `-0`.
/// So a text that is an integer here can be stored as one and comes back unchanged.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        b"0" if !negative => return Some(0),
        _ => return None,
    }
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 digits are below 2^64: nothing can overflow, and nothing is paid for checking it.
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    if negative { 0i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

/// Reads an unsigned integer as `string2ull` does, which is lax where `parse_i64` is strict: what is none for that
/// goes through C's `strtoull`, so spaces in front, signs and zeros in front are taken, a negative number wraps,
/// and a zero byte ends the text. Stream IDs and cursors are read so.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if let Some(value) = parse_i64(text) {
        return u64::try_from(value).ok();
    }
    let text = text.split(|byte| *byte == 0).next()?;
    let start = text.iter().position(|byte| !is_space(*byte))?;
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

/// Reads a double: decimal with or without an exponent, `inf` and `infinity` in any case, with either sign. Not taken:
/// nan, hexadecimal, a space anywhere, a number that overflows, a number that is not zero but becomes it.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    // Scores are integers mostly. Up to 15 digits are exact in a double.
    if text.len() <= 15
        && let Some(value) = parse_i64(text)
    {
        return Some(value as f64);
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    if value.is_infinite() {
        let overflowed = text.iter().any(u8::is_ascii_digit);
        return (!overflowed).then_some(value);
    }
    if value == 0.0 {
        let mantissa = text.split(|byte| matches!(byte, b'e' | b'E')).next()?;
        let underflowed = mantissa.iter().any(|byte| matches!(byte, b'1'..=b'9'));
        return (!underflowed).then_some(value);
    }
    (!value.is_nan()).then_some(value)
}

pub fn fmt_i64(buf: &mut NumBuf, value: i64) -> &[u8] {
    buf.integer.format(value).as_bytes()
}

pub fn fmt_u64(buf: &mut NumBuf, value: u64) -> &[u8] {
    buf.integer.format(value).as_bytes()
}

/// Writes a double as scores and RESP3 doubles are written: integers up to 2^62 in full, the rest with the digits that
/// are needed to read it back, `1e+22` where it would be long; `inf`, `-inf`, `nan`, `-0`.
pub fn fmt_f64(buf: &mut NumBuf, value: f64) -> &[u8] {
    const INTEGER_MAX: f64 = (1u64 << 62) as f64;
    if value == 0.0 {
        return if value.is_sign_negative() { b"-0" } else { b"0" };
    }
    if value.abs() <= INTEGER_MAX && value.trunc() == value {
        return buf.integer.format(value as i64).as_bytes();
    }
    if value.is_nan() {
        return b"nan";
    }
    if value.is_infinite() {
        return if value < 0.0 { b"-inf" } else { b"inf" };
    }
    let sign = usize::from(value < 0.0);
    buf.double[0] = b'-';
    let len = shortest::Decimal::of(value.abs()).write(&mut buf.double[sign..]);
    &buf.double[..sign + len]
}

/// Writes a coordinate, or another number below 10^12, with up to 17 decimals (`ld2string` for people).
pub fn fmt_coordinate(buf: &mut NumBuf, value: f64) -> &[u8] {
    assert!(value.abs() < 1e12);
    let mut rest = &mut buf.double[..];
    // A sign, 12 digits, a point and 17 decimals fit.
    let fits = write!(rest, "{value:.17}").is_ok();
    debug_assert!(fits);
    let left = rest.len();
    let len = buf.double.len() - left;
    let zeros = buf.double[..len].iter().rev().take_while(|digit| **digit == b'0').count();
    match &buf.double[..len - zeros] {
        b"-0." => b"0",
        [text @ .., b'.'] => text,
        text => text,
    }
}

/// Writes a distance with 4 decimals (`fixedpoint_d2string`): whole ten-thousandths, rounded to even ones. What is no
/// number, or too large, becomes the smallest integer, as the reference's processor has it.
pub fn fmt_distance(buf: &mut NumBuf, value: f64) -> &[u8] {
    let parts = (value * 10_000.0).round_ties_even();
    let parts = if parts.abs() < i64::MAX as f64 { parts as i64 } else { i64::MIN };
    let sign = if parts < 0 { "-" } else { "" };
    let (whole, decimals) = (parts.unsigned_abs() / 10_000, parts.unsigned_abs() % 10_000);
    let mut rest = &mut buf.double[..];
    // A sign, 15 digits, a point and 4 decimals fit.
    let fits = write!(rest, "{sign}{whole}.{decimals:04}").is_ok();
    debug_assert!(fits);
    let left = rest.len();
    &buf.double[..buf.double.len() - left]
}

/// Writes a double with seventeen digits, as C's `%.17g` does: trailing zeros left out, an exponent where it is below
/// -4 or above 16. So the reference writes scores in ZSCAN, DEBUG DIGEST and its AOF.
pub fn fmt_g17(buf: &mut NumBuf, value: f64) -> &[u8] {
    if value == 0.0 || !value.is_finite() {
        return fmt_f64(buf, value);
    }
    // One digit, a point, sixteen more, and the exponent: `-1.0000000000000000e-308`.
    let mut text = [0; 32];
    let mut rest = &mut text[..];
    let written = std::io::Write::write_fmt(&mut rest, format_args!("{:.16e}", value.abs()));
    debug_assert!(written.is_ok());
    let len = 32 - rest.len();
    let (mantissa, exponent) = text[..len].split_at(text.iter().position(|b| *b == b'e').unwrap_or(len));
    let exponent = exponent.get(1..).and_then(parse_i64).unwrap_or(0);
    let mut digits = [0; 17];
    mantissa.iter().filter(|b| b.is_ascii_digit()).zip(&mut digits).for_each(|(from, to)| *to = *from);
    let significant = 17 - digits.iter().rev().take_while(|b| **b == b'0').count();
    let len = place_digits(&mut buf.double, value < 0.0, &digits[..significant], exponent);
    &buf.double[..len]
}

/// Puts digits, the first of which counts 10^`exponent`, into `out` as `%g` does; how many bytes they take.
fn place_digits(out: &mut [u8; 32], negative: bool, digits: &[u8], exponent: i64) -> usize {
    let mut len = 0;
    let mut put = |part: &[u8]| {
        out[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    };
    if negative {
        put(b"-");
    }
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    match exponent {
        0..=16 if whole >= digits.len() => {
            put(digits);
            put(&b"0000000000000000"[..whole - digits.len()]);
        }
        0..=16 => {
            put(&digits[..whole]);
            put(b".");
            put(&digits[whole..]);
        }
        -4..=-1 => {
            put(&b"0.000"[..(1 - exponent) as usize]);
            put(digits);
        }
        _ => {
            put(&digits[..1]);
            if digits.len() > 1 {
                put(b".");
                put(&digits[1..]);
            }
            put(if exponent < 0 { b"e-" } else { b"e+" });
            let mut text = itoa::Buffer::new();
            let text = text.format(exponent.unsigned_abs());
            put(&b"0"[..usize::from(text.len() < 2)]);
            put(text.as_bytes());
        }
    }
    len
}

/// Decimal digits of a number; one for zero.
pub fn digits10(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Bytes of a number's text: its digits and the sign.
pub fn text_len(value: i64) -> usize {
    digits10(value.unsigned_abs()) + usize::from(value < 0)
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests;

//! Numbers and their texts, as Lua 5.1 reads and writes them.

use std::io::Write;

/// A number's text: `%.14g`.
pub fn number(n: f64, out: &mut Vec<u8>) {
    if n == n.trunc() && n.abs() < 1e14 && !(n == 0.0 && n.is_sign_negative()) {
        let mut buf = itoa::Buffer::new();
        out.extend_from_slice(buf.format(n as i64).as_bytes());
        return;
    }
    general(n, 14, false, out);
}

/// As printf's `%.{precision}g`.
pub fn general(n: f64, precision: usize, keep_zeros: bool, out: &mut Vec<u8>) {
    if n.is_nan() {
        // The reference prints what its C library does: the sign of the bits.
        out.extend_from_slice(if n.is_sign_negative() { b"-nan" } else { b"nan" });
        return;
    }
    if n.is_infinite() {
        out.extend_from_slice(if n < 0.0 { b"-inf" } else { b"inf" });
        return;
    }
    let p = precision.max(1);
    let scientific = format!("{:.*e}", p - 1, n);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |s: &str| -> String {
        if keep_zeros || !s.contains('.') {
            return s.to_string();
        }
        s.trim_end_matches('0').trim_end_matches('.').to_string()
    };
    if exponent < -4 || exponent >= p as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing into memory does not fail.
        let _ = write!(out, "{}e{sign}{:02}", trim(mantissa), exponent.unsigned_abs());
    } else {
        let decimals = (p as i32 - 1 - exponent).max(0) as usize;
        out.extend_from_slice(trim(&format!("{n:.decimals$}")).as_bytes());
    }
}

/// The number that a text is, blanks around it allowed: decimal, or hexadecimal with `0x`.
pub fn parse(text: &[u8]) -> Option<f64> {
    let s = std::str::from_utf8(text).ok()?;
    let s = s.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match s.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, s.strip_prefix('+').unwrap_or(s)),
    };
    let n = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => hexadecimal(hex)?,
        None => {
            let first = *digits.as_bytes().first()?;
            let lower = digits.to_ascii_lowercase();
            if lower == "inf" || lower == "infinity" {
                f64::INFINITY
            } else if lower == "nan" {
                f64::NAN
            } else if first.is_ascii_digit() || first == b'.' {
                digits.parse().ok()?
            } else {
                return None;
            }
        }
    };
    Some(if negative { -n } else { n })
}

fn hexadecimal(hex: &str) -> Option<f64> {
    let (digits, exponent) = match hex.split_once(['p', 'P']) {
        Some((d, e)) => (d, e.parse::<i32>().ok()?),
        None => (hex, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut n = 0.0;
    for c in whole.chars() {
        n = n * 16.0 + c.to_digit(16)? as f64;
    }
    let mut scale = 1.0 / 16.0;
    for c in fraction.chars() {
        n += c.to_digit(16)? as f64 * scale;
        scale /= 16.0;
    }
    Some(n * (exponent as f64).exp2())
}

/// The number that a text is in a base from 2 to 36.
pub fn parse_in_base(text: &[u8], base: u32) -> Option<f64> {
    let s = std::str::from_utf8(text).ok()?;
    let s = s.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match s.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, s.strip_prefix('+').unwrap_or(s)),
    };
    let digits = if base == 16 {
        digits.strip_prefix("0x").or(digits.strip_prefix("0X")).unwrap_or(digits)
    } else {
        digits
    };
    if digits.is_empty() {
        return None;
    }
    let mut n = 0u64;
    for c in digits.chars() {
        n = n.saturating_mul(base as u64).saturating_add(c.to_digit(base)? as u64);
    }
    Some(if negative { (n.wrapping_neg()) as f64 } else { n as f64 })
}

//! The 80-bit extended float of x87, in integers: what INCRBYFLOAT and HINCRBYFLOAT of the reference compute with on
//! x86-64, where it is C's `long double`. Reading, adding and printing round to nearest, ties to even, and give the
//! same bytes here on every processor. Usual numbers go through `u128`; what does not fit there takes `Big`.

use super::big::Big;
use crate::base::limits::EXTENDED_TEXT_MAX;
use smallvec::SmallVec;

/// Text of an extended float. Whatever is below 10^40 stays on the stack; the longest has 4,934 bytes.
pub type ExtendedText = SmallVec<[u8; 64]>;

/// The exponent of the last bit of the smallest numbers, and of the largest.
const EXPONENT_MIN: i32 = -16_445;
const EXPONENT_MAX: i32 = 16_320;
/// A first digit at 10^4933 is above every number, one below 10^-4951 rounds to zero.
const POINT_MAX: i64 = 4_933;
const POINT_MIN: i64 = -4_951;
/// Digits behind the point that are printed.
const FRACTION_DIGITS: usize = 17;
const FRACTION_UNIT: u64 = 10u64.pow(FRACTION_DIGITS as u32);

/// `mantissa * 2^exponent`. The mantissa's top bit is set unless the exponent is the least one: zeros and the numbers
/// next to zero. `None` stands for infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    negative: bool,
    magnitude: Option<(u64, i32)>,
}

impl Extended {
    pub const ZERO: Extended = Extended { negative: false, magnitude: Some((0, EXPONENT_MIN)) };

    /// Reads what `string2ld` of the reference takes, that is C's `strtold` on the whole text: decimal and
    /// hexadecimal floats, `inf`, `infinity`, in any case, with either sign. Not taken: nan, a space in front, a
    /// number that overflows or that becomes zero, more than `limits::EXTENDED_TEXT_MAX` bytes.
    pub fn parse(text: &[u8]) -> Option<Extended> {
        if text.len() > EXTENDED_TEXT_MAX {
            return None;
        }
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        match unsigned {
            [b'0', b'x' | b'X', digits @ ..] => hexadecimal(negative, digits),
            [b'0'..=b'9' | b'.', ..] => decimal(negative, unsigned),
            _ if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") => {
                Some(Extended { negative, magnitude: None })
            }
            _ => None,
        }
    }

    pub fn is_infinite(self) -> bool {
        self.magnitude.is_none()
    }

    /// The rounded sum; `None` if it is infinite or no number at all.
    pub fn checked_add(self, other: Extended) -> Option<Extended> {
        let (a, b) = (self.magnitude?, other.magnitude?);
        let (high, low, negative) = if a.1 >= b.1 { (a, b, self.negative) } else { (b, a, other.negative) };
        if high.0 == 0 || low.0 == 0 {
            let (mantissa, exponent) = if high.0 == 0 { low } else { high };
            let negative = match (a.0, b.0) {
                (0, 0) => self.negative && other.negative,
                (0, _) => other.negative,
                _ => self.negative,
            };
            return Some(Extended { negative, magnitude: Some((mantissa, exponent)) });
        }
        // 63 bits of room below the larger one. What falls out even of those only matters as not being nothing.
        let upper = u128::from(high.0) << 63;
        let lower = shift_right_sticky(u128::from(low.0) << 63, high.1 - low.1);
        let exponent = high.1 - 63;
        if self.negative == other.negative {
            return round(negative, upper + lower, exponent, false);
        }
        match upper.checked_sub(lower) {
            Some(0) => Some(Extended::ZERO),
            Some(difference) => round(negative, difference, exponent, false),
            None => round(!negative, lower - upper, exponent, false),
        }
    }

    /// A thousand times as much, rounded as the reference's `long double` is, and up to an integer: milliseconds of
    /// seconds. `None` beyond the largest `i64`; the least one stands for everything below it.
    pub fn thousandfold_up(self) -> Option<i64> {
        let product = self.magnitude.and_then(|(m, e)| round(self.negative, u128::from(m) * 1000, e, false));
        let Some((mantissa, exponent)) = product.and_then(|p| p.magnitude) else {
            return self.negative.then_some(i64::MIN);
        };
        // The mantissa's top bit is set, or the number is next to zero.
        let (whole, rest) = match exponent {
            0.. => return self.negative.then_some(i64::MIN),
            -63..0 => {
                let drop = exponent.unsigned_abs();
                (mantissa >> drop, mantissa << (64 - drop) != 0)
            }
            _ => (0, mantissa != 0),
        };
        let whole = whole.cast_signed();
        if self.negative { Some(-whole) } else { whole.checked_add(i64::from(rest)) }
    }

    /// The number as `%.17Lf` prints it, without zeros at the end of a fraction, and without the sign of a zero.
    pub fn text(self) -> ExtendedText {
        let mut out = ExtendedText::new();
        let Some((mantissa, exponent)) = self.magnitude else {
            out.extend_from_slice(if self.negative { b"-inf" } else { b"inf" });
            return out;
        };
        let mut number = itoa::Buffer::new();
        if exponent < 0 {
            let scaled = scaled_by_fraction_unit(mantissa, exponent.unsigned_abs());
            if self.negative && scaled != 0 {
                out.push(b'-');
            }
            let unit = u128::from(FRACTION_UNIT);
            out.extend_from_slice(number.format(scaled / unit).as_bytes());
            push_fraction(&mut out, (scaled % unit) as u64);
            return out;
        }
        if self.negative {
            out.push(b'-');
        }
        if exponent <= 64 {
            out.extend_from_slice(number.format(u128::from(mantissa) << exponent).as_bytes());
        } else {
            let mut big = Big::from_digits(number.format(mantissa).as_bytes());
            big.shift_left(exponent.unsigned_abs() as usize);
            big.write(&mut out);
        }
        out
    }
}

impl From<i64> for Extended {
    fn from(value: i64) -> Extended {
        exact(value < 0, value.unsigned_abs(), 0)
    }
}

impl From<f64> for Extended {
    /// Exact. A nan, which no caller has, would become infinity.
    fn from(value: f64) -> Extended {
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        match (bits >> 52 & 0x7ff) as i32 {
            0x7ff => Extended { negative: value.is_sign_negative(), magnitude: None },
            0 => exact(value.is_sign_negative(), fraction, -1074),
            biased => exact(value.is_sign_negative(), fraction | 1 << 52, biased - 1075),
        }
    }
}

/// A number that needs no rounding and lies far from the limits of the exponent.
fn exact(negative: bool, mantissa: u64, exponent: i32) -> Extended {
    if mantissa == 0 {
        return Extended { negative, ..Extended::ZERO };
    }
    let shift = mantissa.leading_zeros();
    Extended { negative, magnitude: Some((mantissa << shift, exponent - shift.cast_signed())) }
}

/// Rounds `mantissa * 2^exponent` to 64 bits, or to fewer next to zero; `None` if it is too large. `more` says that the
/// number is a little larger than the mantissa shows, which then has more than 64 bits.
fn round(negative: bool, mantissa: u128, exponent: i32, more: bool) -> Option<Extended> {
    let bits = 128 - mantissa.leading_zeros().cast_signed();
    debug_assert!(!more || bits > 65);
    let drop = (bits - 64).max(EXPONENT_MIN - exponent);
    if drop > 128 {
        return Some(Extended { negative, ..Extended::ZERO });
    }
    let mut last = exponent + drop;
    let kept = if drop <= 0 {
        mantissa << -drop
    } else {
        let kept = mantissa.checked_shr(drop.unsigned_abs()).unwrap_or(0);
        let half = 1u128 << (drop - 1);
        let rest = mantissa & (half | (half - 1));
        let up = rest > half || (rest == half && (more || kept & 1 == 1));
        kept + u128::from(up)
    };
    let mantissa = u64::try_from(kept).unwrap_or_else(|_| {
        // Rounded up to 2^64.
        last += 1;
        1 << 63
    });
    (last <= EXPONENT_MAX).then_some(Extended { negative, magnitude: Some((mantissa, last)) })
}

/// As `round`, for numbers that were read: those that are not zero must not become zero either.
fn round_read(negative: bool, mantissa: u128, exponent: i32, more: bool) -> Option<Extended> {
    round(negative, mantissa, exponent, more).filter(|number| !matches!(number.magnitude, Some((0, _))))
}

/// Shifts; the last bit of the result is set if any bit fell out.
fn shift_right_sticky(value: u128, shift: i32) -> u128 {
    match shift {
        0 => value,
        1..=127 => value >> shift | u128::from(value << (128 - shift) != 0),
        _ => u128::from(value != 0),
    }
}

/// `mantissa / 2^shift * 10^17`, rounded.
fn scaled_by_fraction_unit(mantissa: u64, shift: u32) -> u128 {
    // Below 2^121, so that any greater shift leaves less than a half.
    let scaled = u128::from(mantissa) * u128::from(FRACTION_UNIT);
    if shift > 121 {
        return 0;
    }
    let kept = scaled >> shift;
    let half = 1u128 << (shift - 1);
    let rest = scaled & (half | (half - 1));
    kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
}

/// Appends the point and the digits behind it, up to the last one that is no zero.
fn push_fraction(out: &mut ExtendedText, fraction: u64) {
    if fraction == 0 {
        return;
    }
    let mut number = itoa::Buffer::new();
    let digits = number.format(fraction).as_bytes();
    out.push(b'.');
    out.extend(std::iter::repeat_n(b'0', FRACTION_DIGITS - digits.len()));
    out.extend_from_slice(digits);
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

/// Digits of a text without the point, and how much the exponent has to be corrected for the point; and the rest.
struct Digits<'a> {
    digits: SmallVec<[u8; 64]>,
    behind_point: i64,
    rest: &'a [u8],
}

/// Takes digits with at most one point among them; `None` without any digit.
fn take_digits(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<Digits<'_>> {
    let whole = text.iter().take_while(|byte| is_digit(byte)).count();
    let (integer, mut rest) = text.split_at(whole);
    let mut fraction: &[u8] = &[];
    if let [b'.', behind @ ..] = rest {
        let len = behind.iter().take_while(|byte| is_digit(byte)).count();
        (fraction, rest) = behind.split_at(len);
    }
    if integer.is_empty() && fraction.is_empty() {
        return None;
    }
    let all = integer.iter().chain(fraction).copied();
    let mut digits: SmallVec<[u8; 64]> = all.skip_while(|digit| *digit == b'0').collect();
    let mut behind_point = fraction.len() as i64;
    while digits.last() == Some(&b'0') {
        digits.pop();
        behind_point -= 1;
    }
    Some(Digits { digits, behind_point, rest })
}

/// The exponent behind `mark`, to the end of the text; none is zero. Far more than any number needs is cut.
fn take_exponent(text: &[u8], mark: u8) -> Option<i64> {
    let [first, signed @ ..] = text else { return Some(0) };
    let (negative, digits) = match signed {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, signed),
    };
    if first.to_ascii_lowercase() != mark || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value =
        digits.iter().fold(0, |value: i64, digit| (value * 10 + i64::from(digit - b'0')).min(1 << 32));
    Some(if negative { -value } else { value })
}

fn decimal(negative: bool, text: &[u8]) -> Option<Extended> {
    let Digits { digits, behind_point, rest } = take_digits(text, u8::is_ascii_digit)?;
    let exponent = take_exponent(rest, b'e')? - behind_point;
    if digits.is_empty() {
        return Some(Extended { negative, ..Extended::ZERO });
    }
    let point = exponent + digits.len() as i64;
    if !(POINT_MIN..=POINT_MAX).contains(&point) {
        return None;
    }
    let places = exponent.unsigned_abs() as usize;
    if digits.len() <= 38 && places <= 19 {
        let value = digits.iter().fold(0, |value: u128, digit| value * 10 + u128::from(digit - b'0'));
        let unit = 10u128.pow(places as u32);
        if exponent < 0 {
            return quotient(negative, value, unit as u64);
        }
        if let Some(value) = value.checked_mul(unit) {
            return round(negative, value, 0, false);
        }
    }
    decimal_big(negative, &digits, exponent)
}

/// `value / unit` for a unit below 2^64 (10^19 at most).
fn quotient(negative: bool, value: u128, unit: u64) -> Option<Extended> {
    let shift = value.leading_zeros();
    let value = value << shift;
    // At least 64 bits and, divided by ten at least, at most 125. What the remainder adds to the rounding is told by
    // two more bits: whether it is half a unit or more, and whether it is anything else than that half.
    let (digits, left) = (value / u128::from(unit), value % u128::from(unit));
    let twice = left * 2;
    let half = u128::from(twice >= u128::from(unit));
    let more = u128::from(left != 0 && twice != u128::from(unit));
    round(negative, digits << 2 | half << 1 | more, -shift.cast_signed() - 2, false)
}

fn decimal_big(negative: bool, digits: &[u8], exponent: i64) -> Option<Extended> {
    let places = exponent.unsigned_abs() as usize;
    let mut value = Big::from_digits(digits);
    if exponent >= 0 {
        value.scale_by_ten(places);
        let (top, below, more) = value.top();
        return round_read(negative, top, i32::try_from(below).ok()?, more);
    }
    let mut divisor = Big::power_of_ten(places);
    // To the same number of bits, so that the ratio lies between a half and two.
    let shift = value.bits() as i32 - divisor.bits() as i32;
    match shift {
        0.. => divisor.shift_left(shift.unsigned_abs() as usize),
        _ => value.shift_left(shift.unsigned_abs() as usize),
    }
    let bits = 96;
    let (ratio, more) = value.ratio(&divisor, bits as usize);
    round_read(negative, ratio, shift - (bits - 1), more)
}

fn hexadecimal(negative: bool, text: &[u8]) -> Option<Extended> {
    let Digits { digits, behind_point, rest } = take_digits(text, u8::is_ascii_hexdigit)?;
    let exponent = take_exponent(rest, b'p')? - behind_point * 4;
    if digits.is_empty() {
        return Some(Extended { negative, ..Extended::ZERO });
    }
    let (head, tail) = digits.split_at(digits.len().min(31));
    let value = head
        .iter()
        .fold(0, |value: u128, digit| value << 4 | u128::from((*digit as char).to_digit(16).unwrap_or(0)));
    // The last digit is no zero: zeros at the end were cut.
    let exponent = exponent + tail.len() as i64 * 4;
    let exponent = exponent.clamp(-40_000, 40_000) as i32;
    round_read(negative, value, exponent, !tail.is_empty())
}

//! Doubles as text with the fewest digits, as `d2string` of the reference prints them: scores, RESP3 doubles.
//!
//! The reference prints by Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
//! Integers", 2010), which in about one of a thousand cases finds digits that read back exactly but are not the
//! shortest or the closest ones. Clients compare such texts, so this is Grisu2 as well, not a newer algorithm. The
//! powers of ten below are 10^k rounded to 64 bits, computed with exact integers.

/// The first power of the table is 10^-348, and each further one is 10^8 times the one before.
const POWER_FIRST: i32 = -348;
const POWER_STEP: i32 = 8;
/// The range a scaled number's binary exponent must lie in, so that its integer part fits 32 bits.
const EXPONENT_MIN: i32 = -60;
const EXPONENT_MAX: i32 = -32;

/// Significands of 10^(POWER_FIRST + i * POWER_STEP), scaled to 64 bits.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea, 0x9a6bb0aa55653b2d,
    0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f, 0xbe5691ef416bd60c, 0x8dd01fad907ffc3c,
    0xd3515c2831559a83, 0x9d71ac8fada6c9b5, 0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57,
    0xc21094364dfb5637, 0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996, 0xdbac6c247d62a584,
    0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8, 0x87625f056c7c4a8b, 0xc9bcff6034c13053,
    0x964e858c91ba2655, 0xdff9772470297ebd, 0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf,
    0x8a08f0f8bf0f156b, 0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c, 0x9c40000000000000,
    0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984, 0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70,
    0xd5d238a4abe98068, 0x9f4f2726179a2245, 0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db,
    0xc45d1df942711d9a, 0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3, 0xde469fbd99a05fe3,
    0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece, 0x88fcf317f22241e2, 0xcc20ce9bd35c78a5,
    0x98165af37b2153df, 0xe2a0b5dc971f303a, 0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410,
    0x8bab8eefb6409c1a, 0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841, 0x9e19db92b4e31ba9,
    0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,];

/// A number `significand * 2^exponent`.
#[derive(Clone, Copy)]
struct Wide {
    significand: u64,
    exponent: i32,
}

impl Wide {
    fn normalized(self) -> Wide {
        let shift = self.significand.leading_zeros();
        Wide { significand: self.significand << shift, exponent: self.exponent - shift.cast_signed() }
    }

    /// The product, rounded to its upper 64 bits.
    fn times(self, other: Wide) -> Wide {
        let product = u128::from(self.significand) * u128::from(other.significand);
        let significand = ((product + (1 << 63)) >> 64) as u64;
        Wide { significand, exponent: self.exponent + other.exponent + 64 }
    }
}

/// A power of ten of the table that brings a number with this binary exponent into range, and its decimal exponent.
fn power_for(exponent: i32) -> (Wide, i32) {
    // Several powers fit. Which one is taken shows in the digits, so this is the reference's first guess.
    let guess = (f64::from(-(exponent + 87)) * std::f64::consts::LOG10_2) as i32;
    let mut index = (guess - POWER_FIRST) / POWER_STEP;
    loop {
        let decimal = POWER_FIRST + index * POWER_STEP;
        // 108853 / 2^15 is log2(10), close enough for every power of the table.
        let binary = ((decimal * 108_853) >> 15) - 63;
        match exponent + binary + 64 {
            scaled if scaled < EXPONENT_MIN => index += 1,
            scaled if scaled > EXPONENT_MAX => index -= 1,
            _ => return (Wide { significand: POWERS[index as usize], exponent: binary }, decimal),
        }
    }
}

/// The digits of a finite positive number and the exponent of ten of the last one.
pub(super) struct Decimal {
    digits: [u8; 20],
    len: usize,
    exponent: i32,
}

impl Decimal {
    pub(super) fn of(value: f64) -> Decimal {
        debug_assert!(value.is_finite() && value > 0.0);
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let number = match (bits >> 52) as i32 {
            0 => Wide { significand: fraction, exponent: -1074 },
            biased => Wide { significand: fraction | 1 << 52, exponent: biased - 1075 },
        };
        // Halfway to the neighbours: whatever lies between these bounds reads back as the number.
        let upper =
            Wide { significand: number.significand * 2 + 1, exponent: number.exponent - 1 }.normalized();
        // Below a power of two the neighbour is twice as near.
        let step = if number.significand == 1 << 52 { 2 } else { 1 };
        let lower = Wide {
            significand: ((number.significand << step) - 1) << (number.exponent - step - upper.exponent),
            exponent: upper.exponent,
        };
        let (power, decimal) = power_for(upper.exponent);
        let number = number.normalized().times(power);
        // The scaled bounds are off by at most one unit: one unit inside is safe.
        let upper = upper.times(power).significand - 1;
        let lower = lower.times(power).significand + 1;
        Decimal::between(number, upper, upper - lower, -decimal)
    }

    /// Digits of `upper` until what is left is below `delta`, then moved towards the number.
    fn between(number: Wide, upper: u64, mut delta: u64, decimal: i32) -> Decimal {
        let mut out = Decimal { digits: [0; 20], len: 0, exponent: decimal };
        let shift = -number.exponent;
        let one = 1u64 << shift;
        let distance = upper - number.significand;
        let mut integer = upper >> shift;
        let mut fraction = upper & (one - 1);
        for place in (0..10).rev() {
            let unit = 10u64.pow(place);
            out.push((integer / unit) as u8);
            integer %= unit;
            let rest = (integer << shift) + fraction;
            if rest <= delta {
                out.exponent += place.cast_signed();
                out.move_back(delta, rest, unit << shift, distance);
                return out;
            }
        }
        let mut scale = 1u64;
        loop {
            fraction *= 10;
            delta *= 10;
            scale = scale.wrapping_mul(10);
            out.push((fraction >> shift) as u8);
            fraction &= one - 1;
            out.exponent -= 1;
            if fraction < delta {
                out.move_back(delta, fraction, one, distance.wrapping_mul(scale));
                return out;
            }
        }
    }

    /// Appends a digit; zeros in front are none.
    fn push(&mut self, digit: u8) {
        if digit != 0 || self.len != 0 {
            self.digits[self.len] = b'0' + digit;
            self.len += 1;
        }
    }

    /// Lowers the last digit while that stays in bounds and comes nearer to the number.
    fn move_back(&mut self, delta: u64, mut rest: u64, unit: u64, distance: u64) {
        while rest < distance
            && delta - rest >= unit
            && (rest + unit < distance || distance - rest > rest + unit - distance)
        {
            self.digits[self.len - 1] -= 1;
            rest += unit;
        }
    }

    /// Writes the number in the reference's layout; the length. Plain integers have at most 7 zeros added, fractions
    /// no exponent while it stays small; the rest looks like `1.5e+22`.
    pub(super) fn write(&self, out: &mut [u8]) -> usize {
        let digits = &self.digits[..self.len];
        let len = self.len;
        // The exponent of the first digit.
        let leading = self.exponent + len as i32 - 1;
        let small = leading.unsigned_abs() as usize;
        if self.exponent >= 0 && small < len + 7 {
            let end = len + self.exponent as usize;
            out[..len].copy_from_slice(digits);
            out[len..end].fill(b'0');
            return end;
        }
        if self.exponent < 0 && (self.exponent > -7 || small < 4) {
            if leading < 0 {
                let start = small + 1;
                out[..start].fill(b'0');
                out[1] = b'.';
                out[start..start + len].copy_from_slice(digits);
                return start + len;
            }
            let point = small + 1;
            out[..point].copy_from_slice(&digits[..point]);
            out[point] = b'.';
            out[point + 1..=len].copy_from_slice(&digits[point..]);
            return len + 1;
        }
        write_scientific(out, digits, leading)
    }
}

/// Writes `d.ddde±x`; the length.
fn write_scientific(out: &mut [u8], digits: &[u8], leading: i32) -> usize {
    out[0] = digits[0];
    let mut len = 1;
    if digits.len() > 1 {
        out[1] = b'.';
        out[2..=digits.len()].copy_from_slice(&digits[1..]);
        len = digits.len() + 1;
    }
    out[len] = b'e';
    out[len + 1] = if leading < 0 { b'-' } else { b'+' };
    len += 2;
    let mut text = itoa::Buffer::new();
    let exponent = text.format(leading.unsigned_abs()).as_bytes();
    out[len..len + exponent.len()].copy_from_slice(exponent);
    len + exponent.len()
}

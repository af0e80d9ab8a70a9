//! Natural numbers of any size, as far as reading and printing extended floats asks for them. Only numbers outside
//! the range of `u128` come here, which are rare: plain loops, no cleverness.

use std::cmp::Ordering;

/// The largest power of ten in a limb.
const CHUNK: u64 = 10_000_000_000_000_000_000;
const CHUNK_DIGITS: usize = 19;

/// Limbs of 64 bits, the least first, none of them a leading zero.
pub(super) struct Big(Vec<u64>);

impl Big {
    pub(super) fn from_digits(digits: &[u8]) -> Big {
        let mut big = Big(Vec::with_capacity(digits.len() / CHUNK_DIGITS + 1));
        for chunk in digits.chunks(CHUNK_DIGITS) {
            let value = chunk.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
            big.multiply_add(10u64.pow(chunk.len() as u32), value);
        }
        big
    }

    pub(super) fn power_of_ten(exponent: usize) -> Big {
        let mut big = Big(vec![1]);
        big.scale_by_ten(exponent);
        big
    }

    pub(super) fn scale_by_ten(&mut self, exponent: usize) {
        for _ in 0..exponent / CHUNK_DIGITS {
            self.multiply_add(CHUNK, 0);
        }
        self.multiply_add(10u64.pow((exponent % CHUNK_DIGITS) as u32), 0);
    }

    pub(super) fn bits(&self) -> usize {
        self.0.last().map_or(0, |top| self.0.len() * 64 - top.leading_zeros() as usize)
    }

    /// The upper bits, at most 128, the number of bits below them, and whether any of those is set.
    pub(super) fn top(&self) -> (u128, usize, bool) {
        let below = self.bits().saturating_sub(128);
        let (limbs, shift) = (below / 64, below % 64);
        let at = |i: usize| u128::from(self.0.get(limbs + i).copied().unwrap_or(0));
        let low = at(0) | at(1) << 64;
        let top = if shift == 0 { low } else { low >> shift | at(2) << (128 - shift) };
        let cut = self.0.iter().take(limbs).any(|limb| *limb != 0)
            || self.0.get(limbs).is_some_and(|limb| limb & ((1 << shift) - 1) != 0);
        (top, below, cut)
    }

    pub(super) fn shift_left(&mut self, bits: usize) {
        let shift = bits % 64;
        if shift != 0 {
            let mut carry = 0;
            for limb in &mut self.0 {
                let next = *limb >> (64 - shift);
                *limb = *limb << shift | carry;
                carry = next;
            }
            if carry != 0 {
                self.0.push(carry);
            }
        }
        self.0.splice(0..0, std::iter::repeat_n(0, bits / 64));
    }

    /// `self / divisor` with `bits` binary digits, for a dividend below twice the divisor: the digits as an integer
    /// that stands for `integer / 2^(bits - 1)`, and whether something is left.
    pub(super) fn ratio(mut self, divisor: &Big, bits: usize) -> (u128, bool) {
        let mut digits = 0u128;
        for _ in 0..bits {
            digits <<= 1;
            if self.compare(divisor) != Ordering::Less {
                self.subtract(divisor);
                digits |= 1;
            }
            self.shift_left(1);
        }
        (digits, !self.0.is_empty())
    }

    /// Appends the number in decimal.
    pub(super) fn write(mut self, out: &mut impl Extend<u8>) {
        let mut chunks = Vec::with_capacity(self.0.len() + 1);
        while !self.0.is_empty() {
            let mut rest = 0u128;
            for limb in self.0.iter_mut().rev() {
                let value = rest << 64 | u128::from(*limb);
                *limb = (value / u128::from(CHUNK)) as u64;
                rest = value % u128::from(CHUNK);
            }
            self.trim();
            chunks.push(rest as u64);
        }
        let mut text = itoa::Buffer::new();
        for (i, chunk) in chunks.iter().rev().enumerate() {
            let digits = text.format(*chunk).as_bytes();
            let zeros = if i == 0 { 0 } else { CHUNK_DIGITS - digits.len() };
            out.extend(std::iter::repeat_n(b'0', zeros));
            out.extend(digits.iter().copied());
        }
    }

    fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = addend;
        for limb in &mut self.0 {
            let value = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = value as u64;
            carry = (value >> 64) as u64;
        }
        if carry != 0 {
            self.0.push(carry);
        }
    }

    fn compare(&self, other: &Big) -> Ordering {
        let by_len = self.0.len().cmp(&other.0.len());
        by_len.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// Takes away a number that is not greater.
    fn subtract(&mut self, other: &Big) {
        let mut borrow = false;
        for (i, limb) in self.0.iter_mut().enumerate() {
            let (value, first) = limb.overflowing_sub(other.0.get(i).copied().unwrap_or(0));
            let (value, second) = value.overflowing_sub(u64::from(borrow));
            *limb = value;
            borrow = first || second;
        }
        debug_assert!(!borrow);
        self.trim();
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

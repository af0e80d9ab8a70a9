//! Integers of 1 to 64 bits at any bit of a value: BITFIELD. A field lies in at most nine bytes, which are moved at
//! once through a `u128`. Unsigned ones have at most 63 bits, so that every field's value fits an `i64`.

use crate::base::num::parse_i64;

/// What becomes of a result that a field cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Its lowest bits are kept.
    #[default]
    Wrap,
    /// The nearest value that fits is taken.
    Sat,
    /// Nothing is written.
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    signed: bool,
    width: u32,
}

impl Field {
    /// Reads `i1` to `i64` and `u1` to `u63`.
    pub fn parse(text: &[u8]) -> Option<Field> {
        let (signed, width) = match text {
            [b'i', width @ ..] => (true, width),
            [b'u', width @ ..] => (false, width),
            _ => return None,
        };
        let width = u32::try_from(parse_i64(width)?).ok()?;
        let width_max = if signed { 64 } else { 63 };
        (1..=width_max).contains(&width).then_some(Field { signed, width })
    }

    pub fn width(self) -> u32 {
        self.width
    }

    /// Bytes a value must have for the field at this bit to lie inside.
    pub fn bytes_needed(self, offset: u64) -> u64 {
        offset.saturating_add(u64::from(self.width)).div_ceil(8)
    }

    /// The field at this bit. A value goes on with zeros behind its end.
    pub fn get(self, bytes: &[u8], offset: u64) -> i64 {
        let first = usize::try_from(offset / 8).unwrap_or(usize::MAX);
        let present = bytes.get(first..).unwrap_or_default();
        let mut window = [0; 16];
        let len = present.len().min(9);
        window[..len].copy_from_slice(&present[..len]);
        // To the top, where the sign is.
        let bits = u128::from_be_bytes(window) << (offset % 8);
        let unused = 128 - self.width;
        if self.signed { (bits.cast_signed() >> unused) as i64 } else { (bits >> unused) as i64 }
    }

    /// Writes the lowest bits of `value` at this bit. Whether it did: not if the field is not inside the value.
    #[must_use]
    pub fn set(self, bytes: &mut [u8], offset: u64, value: i64) -> bool {
        let range = usize::try_from(offset / 8).ok().zip(usize::try_from(self.bytes_needed(offset)).ok());
        let Some(bytes) = range.and_then(|(first, end)| bytes.get_mut(first..end)) else { return false };
        let mut window = [0; 16];
        window[..bytes.len()].copy_from_slice(bytes);
        let unused = 128 - self.width;
        let shift = unused - (offset % 8) as u32;
        let mask = u128::MAX >> unused << shift;
        let new = u128::from(value.cast_unsigned()) << shift & mask;
        window = (u128::from_be_bytes(window) & !mask | new).to_be_bytes();
        bytes.copy_from_slice(&window[..bytes.len()]);
        true
    }

    /// What SET writes for `value`; `None` if it does not fit and must.
    pub fn fit(self, value: i64, overflow: Overflow) -> Option<i64> {
        // For an unsigned field a negative value is one far above. So it is for the reference in a signed one when
        // its distance to the greatest value does not fit 64 bits: SAT then takes the greatest, not the least.
        let max = self.limits().1;
        let far = self.width < 64 && max - i128::from(value) > i128::from(i64::MAX);
        let value = match (self.signed, overflow) {
            (true, Overflow::Sat) if far => max,
            (true, _) => i128::from(value),
            (false, _) => i128::from(value.cast_unsigned()),
        };
        self.settle(value, overflow)
    }

    /// What INCRBY writes: the field's value `old` and `increment`; `None` if that does not fit and must.
    pub fn add(self, old: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        self.settle(i128::from(old) + i128::from(increment), overflow)
    }

    fn settle(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = self.limits();
        let fitting = match overflow {
            _ if (min..=max).contains(&value) => value,
            Overflow::Fail => return None,
            Overflow::Sat => value.clamp(min, max),
            Overflow::Wrap => {
                let unused = 128 - self.width;
                let top = value << unused;
                if self.signed { top >> unused } else { (top.cast_unsigned() >> unused).cast_signed() }
            }
        };
        i64::try_from(fitting).ok()
    }

    fn limits(self) -> (i128, i128) {
        if self.signed {
            let half = 1i128 << (self.width - 1);
            (-half, half - 1)
        } else {
            (0, (1i128 << self.width) - 1)
        }
    }
}

/// Reads the position of a bit, below 8 * `bytes_max` if that is given. With a field, `#n` is the place of the n-th
/// field of its width.
pub fn parse_offset(text: &[u8], field: Option<Field>, bytes_max: Option<u64>) -> Option<u64> {
    let offset = match (text, field) {
        ([b'#', index @ ..], Some(field)) => parse_i64(index)?.checked_mul(i64::from(field.width))?,
        _ => parse_i64(text)?,
    };
    let offset = u64::try_from(offset).ok()?;
    bytes_max.is_none_or(|max| offset / 8 < max).then_some(offset)
}

//! Numbers of equal width side by side: 0, 1, 2, 4 or 8 bytes each, little-endian. A column whose numbers are all the
//! same takes nothing but that number, its least.

/// The widths a column can have, the widest last.
#[cfg(test)]
const WIDTHS: [usize; 5] = [0, 1, 2, 4, 8];

/// The width for numbers up to `most`.
#[inline]
pub fn width(most: u64) -> usize {
    match most {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// Whether `number` fits.
#[inline]
pub fn fits(number: u64, width: usize) -> bool {
    width == 8 || number < 1 << (8 * width)
}

/// The number of this width at `at`.
#[inline]
pub fn read(bytes: &[u8], at: usize, width: usize) -> u64 {
    match width {
        0 => 0,
        1 => bytes[at].into(),
        2 => u16::from_le_bytes([bytes[at], bytes[at + 1]]).into(),
        4 => u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]).into(),
        _ => {
            let mut whole = [0; 8];
            whole.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(whole)
        }
    }
}

/// Appends a number, which must fit.
#[inline]
pub fn push(out: &mut Vec<u8>, number: u64, width: usize) {
    debug_assert!(fits(number, width));
    out.extend_from_slice(&number.to_le_bytes()[..width]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_the_width_that_they_need() {
        for n in [0, 1, 255, 256, 65_535, 65_536, u32::MAX.into(), 1 << 32, u64::MAX] {
            let mut bytes = vec![0xee; 3];
            let width = width(n);
            assert!(fits(n, width) && WIDTHS.contains(&width));
            assert!(WIDTHS.iter().all(|w| (*w >= width) == fits(n, *w)), "{n}");
            push(&mut bytes, n, width);
            assert_eq!((read(&bytes, 3, width), bytes.len()), (n, 3 + width));
        }
    }
}

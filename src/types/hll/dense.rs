//! The dense encoding: 6 bits for each register, eight registers in six bytes. Whole values go through words of eight
//! registers, spread to a byte each and back.

use super::estimate::Histogram;
use super::{HEADER, Place, REGISTERS};

/// Bytes of a dense value.
pub const DENSE_LEN: usize = HEADER + REGISTERS / 8 * GROUP;

/// Bytes of eight registers.
pub(super) const GROUP: usize = 6;
const RANK_MAX: u8 = 63;

/// The registers of a dense value, in groups of eight.
pub(super) fn groups(value: &[u8]) -> &[[u8; GROUP]] {
    value[HEADER..].as_chunks().0
}

/// A register of a dense value.
pub fn dense_get(value: &[u8], index: usize) -> u8 {
    let (at, shift) = position(index);
    let over = if shift > 2 { value[at + 1] << (8 - shift) } else { 0 };
    (value[at] >> shift | over) & RANK_MAX
}

/// Puts a rank into a register that holds a smaller one; whether it did.
pub fn dense_raise(value: &mut [u8], place: Place) -> bool {
    let raises = place.rank > dense_get(value, place.index);
    if raises {
        set(value, place);
    }
    raises
}

pub(super) fn set(value: &mut [u8], Place { index, rank }: Place) {
    let (at, shift) = position(index);
    value[at] = value[at] & !(RANK_MAX << shift) | rank << shift;
    if shift > 2 {
        let over = 8 - shift;
        value[at + 1] = value[at + 1] & !(RANK_MAX >> over) | rank >> over;
    }
}

/// The first byte of a register, and its lowest bit there.
fn position(index: usize) -> (usize, usize) {
    (HEADER + 6 * index / 8, 6 * index % 8)
}

/// Eight registers as bytes, the first one lowest: halves to 4 bytes, quarters to 2, eighths to 1.
pub(super) fn spread(group: [u8; GROUP]) -> u64 {
    let [a, b, c, d, e, f] = group;
    let x = u64::from_le_bytes([a, b, c, 0, d, e, f, 0]);
    let x = x & 0x0000_0fff_0000_0fff | (x & 0x00ff_f000_00ff_f000) << 4;
    x & 0x003f_003f_003f_003f | (x & 0x0fc0_0fc0_0fc0_0fc0) << 2
}

/// The way back.
pub(super) fn pack(x: u64) -> [u8; GROUP] {
    let x = x & 0x003f_003f_003f_003f | (x & 0x3f00_3f00_3f00_3f00) >> 2;
    let x = x & 0x0000_0fff_0000_0fff | (x & 0x0fff_0000_0fff_0000) >> 4;
    let [a, b, c, _, d, e, f, _] = x.to_le_bytes();
    [a, b, c, d, e, f]
}

pub(super) fn histogram(value: &[u8]) -> Histogram {
    Histogram::rows(groups(value).iter().map(|group| spread(*group)))
}

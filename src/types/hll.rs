//! HyperLogLog: how many different elements were seen, within about 0.8 %, in 12 KiB at the most (Flajolet et al. 2007;
//! 64-bit hashes after Heule et al., "HyperLogLog in Practice", 2013). A value is a string that clients can read, write and
//! spoil like any other, so that its bytes are the reference's (Redis 2.8.9 and later) and never trusted.
//!
//! ```text
//! offset  bytes
//! 0       4      "HYLL"
//! 4       1      0 dense, 1 sparse
//! 5       3      zero
//! 8       8      the last count, little endian; its top bit says that it is out of date
//! 16      12288  dense: 16384 registers of 6 bits, the lowest bits first
//! 16      n      sparse: runs of registers, see hll/sparse.rs
//! ```

mod dense;
mod estimate;
mod registers;
mod simd;
mod sparse;

pub use dense::{DENSE_LEN, dense_get, dense_raise};
pub use registers::Registers;
pub use simd::{allow_simd, uses_simd};
pub use sparse::{Raised, Run, Sparse, is_whole, runs, sparse_get, to_dense};

/// Registers of every HyperLogLog: the lowest [`INDEX_BITS`] bits of an element's hash choose one.
pub const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 14;
/// The rest of the hash, whose trailing zeros are counted.
const RANK_BITS: u32 = 64 - INDEX_BITS;
/// Bytes before the registers.
pub const HEADER: usize = 16;

const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
const COUNT_AT: usize = 8;
const OUT_OF_DATE: u8 = 0x80;

/// The value without an element: one run of 16384 zeros.
pub const EMPTY: [u8; HEADER + 2] = *b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff";

/// A sparse value whose runs do not cover the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Dense,
    Sparse,
}

/// The encoding of a string that is a HyperLogLog by its header and length.
pub fn encoding(value: &[u8]) -> Option<Encoding> {
    if value.len() < HEADER || !value.starts_with(MAGIC) {
        return None;
    }
    match value[ENCODING_AT] {
        0 if value.len() == DENSE_LEN => Some(Encoding::Dense),
        1 => Some(Encoding::Sparse),
        _ => None,
    }
}

/// The count that was kept, if nothing has changed since.
pub fn cached_count(value: &[u8]) -> Option<u64> {
    let count = *value.get(COUNT_AT..)?.first_chunk()?;
    (count[7] & OUT_OF_DATE == 0).then_some(u64::from_le_bytes(count))
}

/// Keeps a count.
pub fn cache_count(value: &mut [u8], count: u64) {
    value[COUNT_AT..HEADER].copy_from_slice(&count.to_le_bytes());
}

/// Marks the count that is kept as out of date.
pub fn outdate(value: &mut [u8]) {
    value[HEADER - 1] |= OUT_OF_DATE;
}

/// Counts the elements of a value that is one by its header.
pub fn count(value: &[u8]) -> Result<u64, Corrupt> {
    let histogram = match encoding(value).ok_or(Corrupt)? {
        Encoding::Dense => dense::histogram(value),
        Encoding::Sparse => sparse::histogram(value)?,
    };
    Ok(histogram.count())
}

/// What an element says: a register holds the largest rank of the elements that chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The register.
    pub index: usize,
    /// Trailing zeros of the rest of the hash, and one: 1 to 51.
    pub rank: u8,
}

/// Where an element belongs.
pub fn place(element: &[u8]) -> Place {
    let hash = murmur(element);
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    Place { index: hash as usize & (REGISTERS - 1), rank: 1 + rest.trailing_zeros() as u8 }
}

/// MurmurHash64A of Austin Appleby, with the seed of the reference. Lengths count modulo 2^32 there.
fn murmur(bytes: &[u8]) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0xadc8_3b19;
    let length = i64::from(bytes.len() as i32).cast_unsigned();
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(SEED ^ length.wrapping_mul(M), |hash, word| {
        let k = u64::from_le_bytes(*word).wrapping_mul(M);
        let k = (k ^ k >> 47).wrapping_mul(M);
        (hash ^ k).wrapping_mul(M)
    });
    let hash = if rest.is_empty() {
        hash
    } else {
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        (hash ^ last).wrapping_mul(M)
    };
    let hash = (hash ^ hash >> 47).wrapping_mul(M);
    hash ^ hash >> 47
}

#[cfg(test)]
mod tests;

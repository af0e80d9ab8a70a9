//! Registers to bytes and back by AVX2, found out at run time; elsewhere by words. The one file of this module with
//! `unsafe`: calls that need the feature, loads and stores. A union of dense values takes 0.5 us for each instead of 8.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as arch;
use std::sync::atomic::{AtomicBool, Ordering};

use super::dense::{GROUP, pack, spread};
use super::{DENSE_LEN, HEADER, REGISTERS};

/// PFDEBUG SIMD turns vectors off, to compare.
static ALLOWED: AtomicBool = AtomicBool::new(true);

/// Registers that a vector holds as bytes, and their bytes in a dense value.
#[cfg(target_arch = "x86_64")]
const LANES: usize = 32;
#[cfg(target_arch = "x86_64")]
const PACKED: usize = LANES / 8 * GROUP;

/// Allows vectors or not.
pub fn allow_simd(allowed: bool) {
    ALLOWED.store(allowed, Ordering::Relaxed);
}

/// Whether vectors are used.
pub fn uses_simd() -> bool {
    #[cfg(target_arch = "x86_64")]
    let there = is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let there = false;
    there && ALLOWED.load(Ordering::Relaxed)
}

/// The larger one of each of `to` and of the registers of a dense value.
pub(super) fn merge(to: &mut [u8; REGISTERS], value: &[u8]) {
    assert_eq!(value.len(), DENSE_LEN);
    #[cfg(target_arch = "x86_64")]
    if uses_simd() {
        // SAFETY: the processor has AVX2.
        return unsafe { merge_avx2(to, &value[HEADER..]) };
    }
    merge_words(to, &value[HEADER..]);
}

fn merge_words(to: &mut [u8; REGISTERS], dense: &[u8]) {
    let groups = dense.as_chunks::<GROUP>().0;
    for (to, group) in to.as_chunks_mut::<8>().0.iter_mut().zip(groups) {
        let ranks = spread(*group).to_le_bytes();
        for (to, rank) in to.iter_mut().zip(ranks) {
            *to = rank.max(*to);
        }
    }
}

/// Writes ranks into the registers of a dense value.
pub(super) fn write(ranks: &[u8; REGISTERS], value: &mut [u8]) {
    assert_eq!(value.len(), DENSE_LEN);
    #[cfg(target_arch = "x86_64")]
    if uses_simd() {
        // SAFETY: the processor has AVX2.
        return unsafe { write_avx2(ranks, &mut value[HEADER..]) };
    }
    write_words(ranks, &mut value[HEADER..]);
}

fn write_words(ranks: &[u8; REGISTERS], dense: &mut [u8]) {
    let groups = dense.as_chunks_mut::<GROUP>().0;
    for (to, ranks) in groups.iter_mut().zip(ranks.as_chunks::<8>().0) {
        *to = pack(u64::from_le_bytes(*ranks));
    }
}

/// As `spread`, from the second step on: the first one is a shuffle of each three bytes into four.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn merge_avx2(to: &mut [u8; REGISTERS], dense: &[u8]) {
    // The upper half is loaded 4 bytes early, so that nothing beyond the registers is read.
    let places = arch::_mm256_setr_epi8(
        0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, //
        4, 5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1,
    );
    let (packed, lanes) = (dense.as_chunks::<PACKED>().0, to.as_chunks_mut::<LANES>().0);
    for (packed, to) in packed.iter().zip(lanes) {
        // SAFETY: 16 bytes at 0 and at 8 of 24 are read, without alignment.
        let x = unsafe { arch::_mm256_loadu2_m128i(packed[8..].as_ptr().cast(), packed.as_ptr().cast()) };
        let x = arch::_mm256_shuffle_epi8(x, places);
        let x = arch::_mm256_or_si256(
            arch::_mm256_and_si256(x, arch::_mm256_set1_epi32(0x0000_0fff)),
            arch::_mm256_slli_epi32::<4>(arch::_mm256_and_si256(x, arch::_mm256_set1_epi32(0x00ff_f000))),
        );
        let x = arch::_mm256_or_si256(
            arch::_mm256_and_si256(x, arch::_mm256_set1_epi32(0x003f_003f)),
            arch::_mm256_slli_epi32::<2>(arch::_mm256_and_si256(x, arch::_mm256_set1_epi32(0x0fc0_0fc0))),
        );
        // SAFETY: 32 bytes are read and written, without alignment.
        unsafe {
            let old = arch::_mm256_loadu_si256(to.as_ptr().cast());
            arch::_mm256_storeu_si256(to.as_mut_ptr().cast(), arch::_mm256_max_epu8(old, x));
        }
    }
}

/// As `pack`, the last step being a shuffle.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn write_avx2(ranks: &[u8; REGISTERS], dense: &mut [u8]) {
    // The upper half ends at its end, so that it can be stored 4 bytes early, under the lower one.
    let places = arch::_mm256_setr_epi8(
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, //
        -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14,
    );
    let (packed, lanes) = (dense.as_chunks_mut::<PACKED>().0, ranks.as_chunks::<LANES>().0);
    for (packed, from) in packed.iter_mut().zip(lanes) {
        // SAFETY: 32 bytes are read, without alignment.
        let x = unsafe { arch::_mm256_loadu_si256(from.as_ptr().cast()) };
        let x = arch::_mm256_or_si256(
            arch::_mm256_and_si256(x, arch::_mm256_set1_epi32(0x003f_003f)),
            arch::_mm256_srli_epi32::<2>(arch::_mm256_and_si256(x, arch::_mm256_set1_epi32(0x3f00_3f00))),
        );
        let x = arch::_mm256_or_si256(
            arch::_mm256_and_si256(x, arch::_mm256_set1_epi32(0x0000_0fff)),
            arch::_mm256_srli_epi32::<4>(arch::_mm256_and_si256(x, arch::_mm256_set1_epi32(0x0fff_0000))),
        );
        let x = arch::_mm256_shuffle_epi8(x, places);
        let low = arch::_mm256_castsi256_si128(x);
        // SAFETY: 16 bytes at 8 of 24 are written, then 8 at 0, without alignment.
        unsafe {
            let high = arch::_mm256_extracti128_si256::<1>(x);
            arch::_mm_storeu_si128(packed[8..].as_mut_ptr().cast(), high);
            arch::_mm_storel_epi64(packed.as_mut_ptr().cast(), low);
        }
        packed[8..12].copy_from_slice(&arch::_mm_extract_epi32::<2>(low).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways, on registers of every rank.
    #[test]
    fn vectors_and_words_agree() {
        let mut state = 1u32;
        let mut noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let dense: Vec<u8> = noise.by_ref().take(DENSE_LEN - HEADER).collect();
        let mut ranks = [0; REGISTERS];
        ranks.fill_with(|| noise.next().unwrap() & 63);
        let (mut words, mut packed) = (ranks, vec![0; dense.len()]);
        merge_words(&mut words, &dense);
        write_words(&words, &mut packed);
        let mut again = [0; REGISTERS];
        merge_words(&mut again, &packed);
        assert_eq!(again, words, "what is packed reads the same");
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            let (mut vectors, mut to) = (ranks, vec![0; dense.len()]);
            // SAFETY: the processor has AVX2.
            unsafe {
                merge_avx2(&mut vectors, &dense);
                write_avx2(&vectors, &mut to);
            }
            assert_eq!((vectors, to), (words, packed));
        }
    }
}

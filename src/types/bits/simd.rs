//! Counting bits with what the processor has, found out at run time: VPOPCNTDQ of AVX-512, AVX2 (counts of half bytes
//! by a shuffle: Muła, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions", 2016), NEON, the scalar
//! instruction, or plain words. The one file of this module with `unsafe`: calls that need a feature, and loads.
#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64 as arch;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as arch;

/// Below this a vector does not pay for finding out about it.
#[cfg(target_arch = "x86_64")]
const VECTOR_MIN: usize = 64;

/// Bits that are set.
#[cfg(target_arch = "x86_64")]
pub(super) fn count(bytes: &[u8]) -> u64 {
    if bytes.len() >= VECTOR_MIN {
        if is_x86_feature_detected!("avx512vpopcntdq") && is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has both features that the function is compiled for.
            return unsafe { count_avx512(bytes) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { count_avx2(bytes) };
        }
    }
    if is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has POPCNT.
        return unsafe { count_popcnt(bytes) };
    }
    count_words(bytes)
}

/// Bits that are set.
#[cfg(target_arch = "aarch64")]
pub(super) fn count(bytes: &[u8]) -> u64 {
    // SAFETY: NEON is part of every processor this target runs on.
    unsafe { count_neon(bytes) }
}

/// Bits that are set.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn count(bytes: &[u8]) -> u64 {
    count_words(bytes)
}

/// Inlined, so that a caller compiled for a feature counts with its instruction.
#[inline(always)]
fn count_words(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn count_popcnt(bytes: &[u8]) -> u64 {
    count_words(bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq,popcnt")]
fn count_avx512(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut total = arch::_mm512_setzero_si512();
    for block in blocks {
        // SAFETY: the block has the 64 bytes that are read, and the load asks for no alignment.
        let vector = unsafe { arch::_mm512_loadu_si512(block.as_ptr().cast()) };
        total = arch::_mm512_add_epi64(total, arch::_mm512_popcnt_epi64(vector));
    }
    arch::_mm512_reduce_add_epi64(total).cast_unsigned() + count_words(rest)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn count_avx2(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let counts = arch::_mm256_broadcastsi128_si256(arch::_mm_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    ));
    let low = arch::_mm256_set1_epi8(0x0f);
    let zero = arch::_mm256_setzero_si256();
    let mut total = zero;
    // A byte's count is at most 8: a byte can sum those of 31 blocks.
    for group in blocks.chunks(31) {
        let mut sums = zero;
        for block in group {
            // SAFETY: the block has the 32 bytes that are read, and the load asks for no alignment.
            let vector = unsafe { arch::_mm256_loadu_si256(block.as_ptr().cast()) };
            let lower = arch::_mm256_and_si256(vector, low);
            let upper = arch::_mm256_and_si256(arch::_mm256_srli_epi16(vector, 4), low);
            let lower = arch::_mm256_shuffle_epi8(counts, lower);
            let upper = arch::_mm256_shuffle_epi8(counts, upper);
            sums = arch::_mm256_add_epi8(sums, arch::_mm256_add_epi8(lower, upper));
        }
        total = arch::_mm256_add_epi64(total, arch::_mm256_sad_epu8(sums, zero));
    }
    let lanes = [
        arch::_mm256_extract_epi64::<0>(total),
        arch::_mm256_extract_epi64::<1>(total),
        arch::_mm256_extract_epi64::<2>(total),
        arch::_mm256_extract_epi64::<3>(total),
    ];
    lanes.iter().map(|lane| lane.cast_unsigned()).sum::<u64>() + count_words(rest)
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
fn count_neon(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<16>();
    let mut total = arch::vdupq_n_u64(0);
    // As with AVX2: 31 counts of at most 8 fit a byte.
    for group in blocks.chunks(31) {
        let mut sums = arch::vdupq_n_u8(0);
        for block in group {
            // SAFETY: the block has the 16 bytes that are read, and the load asks for no alignment.
            let vector = unsafe { arch::vld1q_u8(block.as_ptr()) };
            sums = arch::vaddq_u8(sums, arch::vcntq_u8(vector));
        }
        let pairs = arch::vpaddlq_u32(arch::vpaddlq_u16(arch::vpaddlq_u8(sums)));
        total = arch::vaddq_u64(total, pairs);
    }
    arch::vgetq_lane_u64::<0>(total) + arch::vgetq_lane_u64::<1>(total) + count_words(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way the processor has, on lengths around the block sizes and on what overflows a byte's sum first.
    #[test]
    fn all_ways_agree() {
        let mut state = 1u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(1100)
        .collect();
        let every: Vec<usize> = (0..140).chain([255, 256, 495, 496, 497, 991, 992, 993, 1024]).collect();
        for bytes in [noise.as_slice(), &[0xff; 1100]] {
            // Under Miri, few lengths: around the blocks of 16, 32 and 64 bytes, and beyond one sum of each kind.
            let lens: &[usize] = if cfg!(miri) { &[0, 7, 63, 64, 65, 129, 1024] } else { &every };
            for &len in lens {
                check(&bytes[..len]);
                check(&bytes[1..=len]);
            }
        }
    }

    fn check(bytes: &[u8]) {
        let expected: u64 = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
        assert_eq!(count(bytes), expected);
        assert_eq!(count_words(bytes), expected);
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("popcnt") {
                // SAFETY: the processor has POPCNT.
                assert_eq!(unsafe { count_popcnt(bytes) }, expected);
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has AVX2.
                assert_eq!(unsafe { count_avx2(bytes) }, expected);
            }
        }
    }
}

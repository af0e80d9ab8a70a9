//! The count that registers stand for, from how many of them hold which rank: Ertl, "New cardinality estimation
//! algorithms for HyperLogLog sketches", 2017 (arXiv:1702.01284), section 4. The steps are done in the reference's
//! order, so that the last digit is the same.

use super::{RANK_BITS, REGISTERS};

/// How many registers hold each rank. A rank above 51, which no element has, counts as none.
pub struct Histogram(pub [u32; 64]);

impl Histogram {
    /// Counts the bytes of words, each a rank below 64. Neighbours often hold the same rank: with several rows an
    /// increment seldom waits for the one before.
    pub fn rows(words: impl Iterator<Item = u64>) -> Histogram {
        let mut rows = [[0u32; 64]; 4];
        for word in words {
            for (i, rank) in word.to_le_bytes().iter().enumerate() {
                let n = &mut rows[i % 4][usize::from(rank & 63)];
                *n = n.wrapping_add(1);
            }
        }
        Histogram(std::array::from_fn(|rank| rows.iter().map(|row| row[rank]).sum()))
    }

    /// The number of elements that is most likely.
    pub fn count(&self) -> u64 {
        const HALF_OVER_LN_2: f64 = 0.721_347_520_444_481_7;
        let m = REGISTERS as f64;
        let ranked = |rank: u32| f64::from(self.0[rank as usize]);
        let full = m * tau((m - ranked(RANK_BITS + 1)) / m);
        let z = (1..=RANK_BITS).rev().fold(full, |z, rank| (z + ranked(rank)) * 0.5);
        let z = z + m * sigma(ranked(0) / m);
        let estimate = (HALF_OVER_LN_2 * m * m / z).round();
        // Registers that no element makes have no end: what the reference's conversion gives for it.
        if estimate < i64::MAX as f64 { estimate as u64 } else { 1 << 63 }
    }
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram([0; 64])
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

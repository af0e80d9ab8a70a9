//! Registers as a byte each, for the union of several values.

use super::estimate::Histogram;
use super::sparse::walk;
use super::{Corrupt, Encoding, Place, REGISTERS, encoding, simd};

/// The largest ranks of several values.
pub struct Registers(Box<[u8; REGISTERS]>);

impl Registers {
    pub fn new() -> Registers {
        Registers(Box::new([0; REGISTERS]))
    }

    /// Takes in a value that is one by its header.
    pub fn merge(&mut self, value: &[u8]) -> Result<(), Corrupt> {
        match encoding(value).ok_or(Corrupt)? {
            Encoding::Dense => {
                simd::merge(&mut self.0, value);
                Ok(())
            }
            Encoding::Sparse => walk(value, |first, run| {
                if run.rank > 0 {
                    for register in &mut self.0[first..first + run.len] {
                        *register = run.rank.max(*register);
                    }
                }
            }),
        }
    }

    /// Writes them into a dense value.
    pub fn write_dense(&self, value: &mut [u8]) {
        simd::write(&self.0, value);
    }

    /// What each of them holds.
    pub fn ranks(&self) -> impl Iterator<Item = u8> {
        self.0.iter().copied()
    }

    /// Those that are not zero.
    pub fn places(&self) -> impl Iterator<Item = Place> + Clone {
        let all = self.0.iter().enumerate().map(|(index, rank)| Place { index, rank: *rank });
        all.filter(|place| place.rank > 0)
    }

    /// The elements of all values together.
    pub fn count(&self) -> u64 {
        Histogram::rows(self.0.as_chunks::<8>().0.iter().map(|ranks| u64::from_le_bytes(*ranks))).count()
    }
}

impl Default for Registers {
    fn default() -> Registers {
        Registers::new()
    }
}

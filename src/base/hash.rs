//! The keyed hash of keys: SipHash-1-3 under a key drawn once per process, so that nobody outside can choose
//! keys that collide.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use siphasher::sip::SipHasher13;

static KEY: [AtomicU64; 2] = [AtomicU64::new(0x736f_6d65_7073_6575), AtomicU64::new(0x646f_7261_6e64_6f6d)];

/// Sets the key of every later [`hash`]. Called once at start, before any table holds anything.
pub fn set_key(k0: u64, k1: u64) {
    KEY[0].store(k0, Relaxed);
    KEY[1].store(k1, Relaxed);
}

/// The key that a `hash-seed` stands for: the same on every server that is given it.
pub fn key_of_seed(seed: &[u8]) -> (u64, u64) {
    (SipHasher13::new_with_keys(0, 0).hash(seed), SipHasher13::new_with_keys(0, 1).hash(seed))
}

/// Hashes one key. Tables use its low 32 bits for the segment and its top 16 for the place inside.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    SipHasher13::new_with_keys(KEY[0].load(Relaxed), KEY[1].load(Relaxed)).hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_seed_counts() {
        let key = key_of_seed(b"abc\0def");
        assert_eq!(key, key_of_seed(b"abc\0def"));
        assert_ne!(key, key_of_seed(b"abc\0deg"));
        assert_ne!(key, key_of_seed(b"abc"));
        assert_ne!(key.0, key.1);
    }
}

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

/// Hashes one key. Tables use its low 32 bits for the segment and its top 16 for the place inside.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    SipHasher13::new_with_keys(KEY[0].load(Relaxed), KEY[1].load(Relaxed)).hash(bytes)
}

//! Randomness from the operating system: seeds of the generators below `sys`, and the key of the hash.

/// Eight random bytes. If the system has none to give, the clock and the process id must do.
pub fn u64() -> u64 {
    let mut bytes = [0u8; 8];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(8) => u64::from_ne_bytes(bytes),
        _ => super::clock::wall_ms().rotate_left(20) ^ u64::from(std::process::id()),
    }
}

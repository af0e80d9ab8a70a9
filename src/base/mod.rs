//! What imports nothing of the project: numbers the Redis way, glob, hash, randomness, limits.

pub mod crc16;
pub mod glob;
pub mod hash;
pub mod limits;
pub mod num;
pub mod quote;
pub mod rng;
pub mod size;
pub mod span;

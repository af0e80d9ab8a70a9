//! Data structures and algorithms on values: no clients, no protocol, no clock.

pub mod bits;
pub mod hll;
pub mod lcs;

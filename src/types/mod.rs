//! Data structures and algorithms on values: no clients, no protocol, no clock.

pub mod bits;
pub mod lcs;
pub mod tree;

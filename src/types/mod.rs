//! Data structures and algorithms on values: no clients, no protocol, no clock.

pub mod bits;
pub mod collection;
pub mod hash;
pub mod lcs;
pub mod list;
pub mod set;
pub mod table;
pub mod zset;

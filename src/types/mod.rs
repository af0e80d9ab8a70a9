//! Data structures and algorithms on values: no clients, no protocol, no clock.

pub mod bits;
mod block;
pub mod collection;
pub mod expiry;
pub mod geo;
pub mod hash;
pub mod hll;
pub mod intset;
pub mod lcs;
pub mod list;
pub mod listpack;
pub mod lzf;
pub mod member;
pub mod set;
pub mod stream;
pub mod table;
pub mod tree;
pub mod value;
pub mod zset;

pub use intset::Intset;
pub use listpack::Listpack;
pub use set::{Set, SetLimits};
pub use stream::{Stream, StreamId};
pub use value::Value;

/// Bytes that are not what they are said to be: a value in the form of a file or another server that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("corrupt data")
    }
}

impl std::error::Error for Corrupt {}

//! The keyspace: databases of entries in segmented tables, with exact expiry. Knows no clients and no protocol.

pub mod db;
pub mod digest;
pub mod entry;
pub mod eviction;
pub mod heap;
pub mod object;
pub mod snapshot;

pub use db::{Db, ExpiryRule, Key, Str};
pub use entry::{Entry, EntryRef, NewValue, Value};

#[cfg(test)]
mod tests;

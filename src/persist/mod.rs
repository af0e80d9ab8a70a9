//! Forms in which data outlives the process, and the way there and back. Everything here works on bytes and values;
//! files are reached through `sys::disk`, and nobody here knows clients.

pub mod aof;
pub mod rdb;
pub mod snapshot;

//! Vocabulary and plain state of the server: what handlers and the executor share. No sockets, no clocks, no files.

pub mod config;
pub mod start;

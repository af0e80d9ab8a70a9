//! Vocabulary and plain state of the server: what handlers and the executor share. No sockets, no clocks, no files.

pub mod args;
pub mod client_info;
pub mod client_memory;
pub mod commandlog;
pub mod config;
pub mod cx;
pub mod effects;
pub mod error;
pub mod keys;
pub mod latency;
pub mod outside;
pub mod pubsub;
pub mod replication;
pub mod sentinel;
pub mod server;
pub mod session;
pub mod snapshot;
pub mod spec;
pub mod start;
pub mod stats;
pub mod stream;
pub mod syntax;
pub mod table;
pub mod tracking;
pub mod transaction;
pub mod waiting;

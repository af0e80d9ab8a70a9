//! The commands: one file per family, each holding spec, function and tests of its commands.

pub mod aof;
pub mod bitmap;
pub mod client;
pub mod conn;
pub mod function;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod help;
pub mod hyperloglog;
pub mod list;
pub mod observe;
pub mod pubsub;
pub mod replication;
pub mod scan_options;
pub mod script;
pub mod sentinel;
pub mod server;
pub mod set;
pub mod sort;
pub mod stream;
pub mod string;
pub mod transaction;
pub mod zset;

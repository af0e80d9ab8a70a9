//! Tarn: a Redis-compatible in-memory server. Import order, enforced by `tests/tidy.rs`: a module imports
//! only from those to its left.
//!
//! base < sys < types < keyspace < resp < persist, script, repl, sentinel < engine < commands < exec < net < main

pub mod base;
pub mod commands;
pub mod engine;
pub mod exec;
pub mod keyspace;
pub mod net;
pub mod persist;
pub mod repl;
pub mod resp;
pub mod script;
pub mod sentinel;
pub mod sys;
#[cfg(test)]
pub mod testkit;
pub mod types;

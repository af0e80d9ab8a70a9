//! The append-only file: every change of the data as a command, in the folder format of Redis 7.
//!
//! - `manifest`, `folder`: which files make it up, and how that changes without a crash ever leaving it half changed.
//! - `annotation`: our lines among the commands, by which what is damaged is found.
//! - `scan`: reads files, says what is wrong with one and where a torn end is to be cut off.
//! - `load`: reading all files for the executor. `check`: the tool that looks at them.
//! - `writer`, `log`: writing, on a thread of its own.
//! - `recover`: going back to a moment.
//! - `rewrite`: the data as the fewest commands that make it, for a base that is no snapshot.

pub mod annotation;
pub mod base;
pub mod check;
pub mod folder;
pub mod load;
pub mod log;
pub mod manifest;
pub mod recover;
pub mod rewrite;
pub mod scan;
pub mod writer;

#[cfg(test)]
mod tests;

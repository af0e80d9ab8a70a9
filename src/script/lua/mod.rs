//! An interpreter of Lua 5.1, safe Rust throughout.
//!
//! Source -> `lex` -> `parse` (a tree, names resolved) -> `code` (instructions for registers) -> `run`. All values live
//! in the `heap`'s slabs and are named by index: a wrong index can show a wrong value but never touch memory that is not
//! ours. What a script can take is bounded: memory (`Heap::limit`), nested calls, the depth of its source; and every jump
//! back and call counts towards asking the [`Host`] whether it may go on.

pub mod args;
pub mod ast;
pub mod call;
pub mod code;
pub mod heap;
pub mod lex;
pub mod names;
pub mod parse;
pub mod run;
pub mod table;
pub mod text;
pub mod value;

mod base;
mod coroutine;
mod format;
mod math;
mod os;
mod pattern;
mod string;
mod tables;

#[cfg(test)]
mod tests;

pub use call::Registered;
pub use call::{Call, Host, Native, Run, Vm};
pub use value::{Fault, Res, Value};

/// Nested Lua calls (the reference: `LUAI_MAXCALLS`).
pub const CALLS_MAX: usize = 20_000;
/// Nested calls through functions of the libraries (`LUAI_MAXCCALLS`).
pub const NATIVE_CALLS_MAX: usize = 200;
/// Values on one stack.
pub const STACK_MAX: usize = 1_000_000;
/// Values that one call may unpack (`LUAI_MAXCSTACK`).
pub const UNPACK_MAX: usize = 8000;
/// Nesting of blocks, functions and expressions in a source.
pub const SYNTAX_DEPTH_MAX: u32 = 200;
/// Bytes of a string.
pub const STRING_MAX: usize = 1 << 30;
/// Jumps back and calls between two questions to the host: a millisecond at the most.
pub const TICKS: u32 = 10_000;
/// Bytes that take a function of a library as long as a jump.
pub const BYTES_PER_TICK: usize = 64;
/// Nanoseconds of a command that count as a jump.
pub const NS_PER_TICK: u64 = 100;

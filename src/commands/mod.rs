//! The commands: one file per family, each holding spec, function and tests of its commands.

pub mod conn;
pub mod string;

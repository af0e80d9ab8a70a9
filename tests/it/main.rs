//! The built binary, driven through sockets as users drive it: by a client library, by raw bytes, by signals and
//! files. What one command answers is tested in process, beside the command; here stands what needs a process.
//!
//! No fixed ports and no sleeps: a server says in its log when it is ready, and its output ends when it does.

#![allow(clippy::unwrap_used)] // All of it is test.

mod basics;
mod crash;
mod exchange;
mod interop;
mod messages;
mod process;
mod protocol;
mod replication;
mod scripts;
mod sentinel;
mod server;

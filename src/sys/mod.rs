//! The outside world behind small interfaces: allocator, clocks, disk, log, process, signals. What lies to the
//! right of `sys` reaches the operating system only through here; the home of `unsafe`. Nothing here knows of tokio:
//! a signal reaches the loop through a file descriptor.

pub mod args;
pub mod children;
pub mod clock;
pub mod connection;
pub mod crash;
pub mod disk;
pub mod free;
pub mod log;
pub mod memory;
pub mod process;
pub mod random;
pub mod signals;
pub mod supervise;
mod symbols;
pub mod syslog;
pub mod title;
pub mod version;

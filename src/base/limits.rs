//! Every cap of the server, named. A number that bounds something and stands elsewhere is a defect.

/// Arguments of one request, the command's name among them (Redis: `1024*1024`).
pub const ARGS_MAX: usize = 1024 * 1024;
/// Arguments of one request of a client that has not authenticated.
pub const ARGS_UNAUTHENTICATED_MAX: usize = 10;
/// Bytes of one argument of a client that has not authenticated.
pub const BULK_UNAUTHENTICATED_MAX: usize = 16 * 1024;
/// Bytes of an inline request, and of any line of the protocol.
pub const INLINE_MAX: usize = 64 * 1024;
/// Stars of a glob pattern that have something behind them (Redis: the depth of its recursion).
pub const GLOB_STARS_MAX: usize = 1000;

//! What the server says it is.

/// For clients that ask for a version of Redis.
pub const REDIS: &str = "8.0.0";
/// The reference whose behaviour this is.
pub const VALKEY: &str = "9.1.0";
/// `server_name`, and a script's SERVER_NAME.
pub const NAME: &str = "tarn";

//! What the server says it is.

use crate::script::api::Versions;

/// For clients that ask for a version of Redis.
pub const REDIS: &str = "8.0.0";
/// `server_name`, and a script's SERVER_NAME.
pub const NAME: &str = "tarn";
/// What scripts are told. The last one names the reference whose behaviour this is.
pub const FOR_SCRIPTS: Versions<'static> = Versions { redis: REDIS, name: NAME, valkey: "9.1.0" };

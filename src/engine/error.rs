//! Every error text that a command answers, equal to the reference's byte for byte.

use std::borrow::Cow;

use crate::keyspace::db::WrongType;

/// An error reply: its text without the leading `-`. Fixed ones allocate nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Cow<'static, [u8]>);

/// The outcome of a command. On `Err` what it had written is cut back and the error written in its place.
pub type Result<T = ()> = std::result::Result<T, Error>;

const fn fixed(text: &'static str) -> Error {
    Error(Cow::Borrowed(text.as_bytes()))
}

impl Error {
    pub const WRONG_TYPE: Error = fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub const SYNTAX: Error = fixed("ERR syntax error");
    pub const NOT_INTEGER: Error = fixed("ERR value is not an integer or out of range");
    pub const BEYOND_INT: Error =
        fixed("ERR value is out of range, value must between -2147483648 and 2147483647");
    pub const NOT_FLOAT: Error = fixed("ERR value is not a valid float");
    pub const OUT_OF_RANGE: Error = fixed("ERR value is out of range");
    pub const NOT_POSITIVE: Error = fixed("ERR value is out of range, must be positive");
    pub const INDEX_OUT_OF_RANGE: Error = fixed("ERR index out of range");
    pub const NO_SUCH_KEY: Error = fixed("ERR no such key");
    pub const SAME_OBJECT: Error = fixed("ERR source and destination objects are the same");
    pub const OVERFLOW: Error = fixed("ERR increment or decrement would overflow");
    pub const NAN_OR_INFINITY: Error = fixed("ERR increment would produce NaN or Infinity");
    pub const STRING_TOO_LONG: Error = fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    pub const OFFSET_OUT_OF_RANGE: Error = fixed("ERR offset is out of range");
    pub const INVALID_CURSOR: Error = fixed("ERR invalid cursor");
    pub const DB_OUT_OF_RANGE: Error = fixed("ERR DB index is out of range");
    pub const NOT_AUTHENTICATED: Error = fixed("NOAUTH Authentication required.");
    pub const WRONG_PASSWORD: Error = fixed("WRONGPASS invalid username-password pair or user is disabled.");
    pub const OOM: Error = fixed("OOM command not allowed when used memory > 'maxmemory'.");
    pub const BUSY_SCRIPT: Error =
        fixed("BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
    pub const SCRIPT_STALE: Error = fixed("ERR Can not execute the command on a stale replica");
    pub const SCRIPT_UNKNOWN_COMMAND: Error = fixed("ERR Unknown command called from script");
    pub const BUSY_FUNCTION: Error =
        fixed("BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.");
    pub const NO_PROTO: Error = fixed("NOPROTO unsupported protocol version");
    pub const UNKNOWN_CLIENT: Error = fixed("ERR No such client");
    pub const READONLY: Error = fixed("READONLY You can't write against a read only replica.");
    pub const NO_LOG: Error =
        fixed("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    pub const LOADING: Error = fixed("LOADING Valkey is loading the dataset in memory");
    pub const BUSY_KEY: Error = fixed("BUSYKEY Target key name already exists.");
    pub const NO_REPLICAS: Error = fixed("NOREPLICAS Not enough good replicas to write.");
    pub const PRIMARY_DOWN: Error =
        fixed("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
    pub const DEBUG_NOT_ALLOWED: Error = fixed(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
    );

    /// A text known when the program was written.
    pub const fn text(text: &'static str) -> Error {
        fixed(text)
    }

    /// A text that names what the client sent. Line ends in it become blanks when it is written.
    pub fn owned(text: impl Into<Vec<u8>>) -> Error {
        Error(Cow::Owned(text.into()))
    }

    /// Writes are refused because the last save has failed. The cause stands behind the reference's words.
    pub fn rdb_failed(cause: &str, redis: bool) -> Error {
        let name = if redis { "Redis" } else { "Valkey" };
        Error::owned(format!(
            "MISCONF {name} is configured to save RDB snapshots, but it's currently unable to persist to disk. \
             Commands that may modify the data set are disabled, because this instance is configured to report \
             errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check \
             the {name} logs for details about the RDB error. The cause: {cause}"
        ))
    }

    /// `ERR wrong number of arguments for 'name' command`; subcommands as `name|sub`.
    pub fn arity(full_name: &str) -> Error {
        Error::owned(format!("ERR wrong number of arguments for '{full_name}' command"))
    }

    /// A subcommand has more arguments than it takes, and its arity does not say so.
    pub fn subcommand_arity(container: &[u8], sub: &[u8]) -> Error {
        let container = container.to_ascii_uppercase();
        let parts: [&[u8]; 5] = [
            b"ERR unknown subcommand or wrong number of arguments for '",
            sub,
            b"'. Try ",
            &container,
            b" HELP.",
        ];
        Error::owned(parts.concat())
    }

    /// `ERR Command 'name' not allowed inside a transaction`.
    pub fn not_in_multi(full_name: &str) -> Error {
        Error::owned(format!("ERR Command '{full_name}' not allowed inside a transaction"))
    }

    /// What a client in RESP2 hears that subscribes to something.
    pub fn subscribed(full_name: &str) -> Error {
        Error::owned(format!(
            "ERR Can't execute '{full_name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed \
             in this context"
        ))
    }

    /// EXEC was refused, which ends the transaction too.
    pub fn transaction_discarded(reason: &Error) -> Error {
        let reason = reason.as_bytes();
        let reason = reason.strip_prefix(b"ERR ").unwrap_or(reason);
        Error::owned([b"EXECABORT Transaction discarded because of: ", reason].concat())
    }

    /// What a client hears that can go to the primary itself: `REDIRECT host:port`.
    pub fn redirect(host: &str, port: u16) -> Error {
        Error::owned(format!("REDIRECT {host}:{port}"))
    }

    /// Whether it sends the client elsewhere.
    pub fn is_redirect(&self) -> bool {
        self.0.starts_with(b"REDIRECT ")
    }

    /// `ERR invalid expire time in 'name' command`.
    pub fn expire_time(name: &str) -> Error {
        Error::owned(format!("ERR invalid expire time in '{name}' command"))
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first word, by which INFO errorstats counts.
    pub fn code(&self) -> &[u8] {
        self.0.split(|&b| b == b' ').next().unwrap_or_default()
    }
}

impl From<WrongType> for Error {
    fn from(_: WrongType) -> Error {
        Error::WRONG_TYPE
    }
}

//! The RDB format: the file of a snapshot, the base of an append-only file, what a full sync sends, and, value by
//! value, what DUMP and RESTORE exchange (redis/rdb.h up to version 12, valkey/rdb.h of 9.1 for version 80).
//!
//! ```text
//! "REDIS" dddd | "VALKEY" ddd     the version in digits
//! { opcode arguments              a field beside the data, the database, the key's expiry ... (`opcode`)
//! | type key value }              (`kind`)
//! 0xff                            the end
//! u64 LE                          CRC-64 of everything before; 0: not checked. From version 5 on
//! ```
//! A length takes one byte below 64 (`00xxxxxx`), two below 16,384 (`01xxxxxx` and the low byte), five (`0x80`, u32 BE) or nine
//! (`0x81`, u64 BE). A string is a length and bytes, or `0xc0`, `0xc1`, `0xc2` and an integer of 1, 2, 4 bytes, LE, or `0xc3`, the
//! length compressed and not, and LZF. DUMP is type and value, the version (u16 LE), and CRC-64 of everything before.
//!
//! We write the lowest version that can hold the data, so that the most servers can read it: 10, which is Redis 7.0's. Only
//! fields of hashes that expire need more, and there is no form of those that both lines read: [`FieldExpiry`].
//! Consumers of streams have one time more since version 11. In files it goes into a field beside the data, which other
//! servers pass over: [`AUX_ACTIVE`].

pub mod check;
pub mod libraries;
pub mod payload;
pub mod read;
pub mod save;
#[cfg(test)]
mod tests;
pub mod write;

use crate::keyspace::{Db, EntryRef};
use crate::types::{Stream, hash::Hash};

pub use read::{Error, Item, LoadedKey, Reader, Rules};
pub use write::{Pieces, Target, Usage};

/// What every version since Redis 7.0 reads.
pub const VERSION_BASE: u16 = 10;
/// Sets as listpacks, and the time at which a consumer of a stream was last served (Redis 7.2).
pub const VERSION_ACTIVE: u16 = 11;
/// The last of Redis's that we read. Hashes with fields that expire, Redis's way (7.4).
pub const VERSION_REDIS: u16 = 12;
/// The last of Valkey's that we read. Hashes with fields that expire, Valkey's way (9.0).
pub const VERSION_VALKEY: u16 = 80;
/// Versions that Valkey leaves to Redis.
pub const FOREIGN: std::ops::RangeInclusive<u16> = 12..=79;

/// The name of the field in front of a stream, for each consumer that needs it: u32 LE, as many bytes of the group's
/// name, i64 LE (when it was last served, ms of Unix time), the consumer's name.
pub const AUX_ACTIVE: &[u8] = b"tarn-consumer-active";

/// The last moment at which a field can expire in Redis's form, ms of Unix time.
const REDIS_EXPIRY_MAX: u64 = (1 << 48) - 1;

/// In which form hashes with fields that expire are written: `rdb-field-expiry-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldExpiry {
    /// As Valkey 9 does: the version is 80.
    #[default]
    Valkey,
    /// As Redis 7.4 and 8 do: the version is 12.
    Redis,
}

impl FieldExpiry {
    /// The version that has this form.
    pub fn version(self) -> u16 {
        match self {
            FieldExpiry::Valkey => VERSION_VALKEY,
            FieldExpiry::Redis => VERSION_REDIS,
        }
    }
}

/// The lowest version of a file that holds these databases.
pub fn version_of(dbs: &[Db], form: FieldExpiry) -> u16 {
    if dbs.iter().any(|db| db.volatile_hashes() > 0) { form.version() } else { VERSION_BASE }
}

/// The lowest version of a payload that holds this value.
pub fn version_of_value(e: EntryRef<'_>, form: FieldExpiry) -> u16 {
    if let Some(hash) = e.collection::<Hash>() {
        return if hash.has_volatile() { form.version() } else { VERSION_BASE };
    }
    let streams = e.collection::<Stream>();
    if streams.is_some_and(|s| s.groups().any(|(_, g)| g.consumers().any(|c| c.active_ms != c.seen_ms))) {
        return VERSION_ACTIVE;
    }
    VERSION_BASE
}

/// Continues the CRC-64 of what was written before.
pub fn crc(crc: u64, bytes: &[u8]) -> u64 {
    crc64::crc64(crc, bytes)
}

/// Types of values.
pub mod kind {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const ZSET: u8 = 3;
    pub const HASH: u8 = 4;
    pub const ZSET_2: u8 = 5;
    pub const MODULE_PRE_GA: u8 = 6;
    pub const MODULE_2: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_QUICKLIST: u8 = 14;
    pub const STREAM: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const STREAM_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_3: u8 = 21;
    /// Valkey's hash with fields that expire; Redis had something else under this number before 7.4.
    pub const HASH_2: u8 = 22;
    pub const HASH_METADATA_PRE_GA: u8 = 22;
    pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    pub const HASH_METADATA: u8 = 24;
    pub const HASH_LISTPACK_EX: u8 = 25;
    /// The highest of all.
    pub const LAST: u8 = HASH_LISTPACK_EX;

    /// As the reference's checker names them.
    pub fn name(kind: u8) -> &'static str {
        const NAMES: [&str; 26] = [
            "string",
            "list-linked",
            "set-hashtable",
            "zset-v1",
            "hash-hashtable",
            "zset-v2",
            "module-pre-release",
            "module-value",
            "",
            "hash-zipmap",
            "list-ziplist",
            "set-intset",
            "zset-ziplist",
            "hash-ziplist",
            "quicklist",
            "stream",
            "hash-listpack",
            "zset-listpack",
            "quicklist-v2",
            "stream-v2",
            "set-listpack",
            "stream-v3",
            "hash-volatile-items",
            "hash-listpack-md-pre-release",
            "hash-hashtable-md",
            "hash-listpack-md",
        ];
        NAMES.get(usize::from(kind)).copied().unwrap_or("unknown")
    }
}

/// What stands where a type could.
pub mod opcode {
    pub const SLOT_IMPORT: u8 = 243;
    pub const SLOT_INFO: u8 = 244;
    pub const FUNCTION_2: u8 = 245;
    pub const FUNCTION_PRE_GA: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    pub const IDLE: u8 = 248;
    pub const FREQ: u8 = 249;
    pub const AUX: u8 = 250;
    pub const RESIZE_DB: u8 = 251;
    pub const EXPIRE_MS: u8 = 252;
    pub const EXPIRE_SECONDS: u8 = 253;
    pub const SELECT_DB: u8 = 254;
    pub const END: u8 = 255;
}

/// What begins a string that is no length and bytes.
mod coded {
    pub const INT8: u8 = 0xc0;
    pub const INT16: u8 = 0xc1;
    pub const INT32: u8 = 0xc2;
    pub const LZF: u8 = 0xc3;
}

/// What the node of a list is.
mod container {
    pub const PLAIN: u64 = 1;
    pub const PACKED: u64 = 2;
}

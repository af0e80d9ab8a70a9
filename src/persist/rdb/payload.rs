//! One value as DUMP gives it and RESTORE takes it: type and value as in a file, then the version (u16 LE) and the CRC-64
//! (u64 LE) of everything before.

use super::read::{Result as Read, Rules};
use super::write::{self, Target, Usage};
use super::{FOREIGN, FieldExpiry, VERSION_REDIS, VERSION_VALKEY, crc, kind, read, version_of_value};
use crate::keyspace::{Entry, EntryRef};

/// Bytes of version and sum.
const FOOT: usize = 10;

/// Why a payload is none.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its version is not read, or its sum is wrong.
    Foot,
    /// A type of Redis's line under a number that is not known.
    Foreign(u8),
    /// The value does not hold together.
    Value(read::Error),
}

/// The payload of a value.
pub fn dump(e: EntryRef<'_>, form: FieldExpiry, compress: bool) -> Vec<u8> {
    let version = version_of_value(e, form);
    let t = Target { version, compress, checksum: true, usage: Usage::Nothing, now_ms: 0 };
    let mut out = Vec::new();
    write::value(&mut out, e, &t);
    out.extend_from_slice(&version.to_le_bytes());
    let sum = crc(0, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// The entry that a payload makes under `key`. Without `checksum` its sum is not checked.
pub fn restore(payload: &[u8], key: &[u8], rules: &Rules, checksum: bool) -> Result<Entry, Refused> {
    let at = payload.len().checked_sub(FOOT).ok_or(Refused::Foot)?;
    let (value, foot) = payload.split_at(at);
    let (version, sum) = foot.split_at(2);
    let version = u16::from_le_bytes([version[0], version[1]]);
    let known = (1..=VERSION_REDIS).contains(&version) || version == VERSION_VALKEY;
    if !known && (version == 0 || !rules.relaxed) {
        return Err(Refused::Foot);
    }
    if checksum && crc(0, &payload[..at + 2]).to_le_bytes() != sum {
        return Err(Refused::Foot);
    }
    let first = value.first().copied().unwrap_or(u8::MAX);
    if FOREIGN.contains(&version) && version > VERSION_REDIS && (kind::HASH_2..=kind::LAST).contains(&first) {
        return Err(Refused::Foreign(first));
    }
    let entry: Read<Entry> = read::payload(value, key, version, rules);
    entry.map_err(Refused::Value)
}

//! Libraries of functions as FUNCTION DUMP gives them and FUNCTION RESTORE takes them: each as in a file, then the version
//! (u16 LE) and the CRC-64 (u64 LE) of everything before.

use super::read::{Item, Limits, Reader, Rules};
use super::{VERSION_BASE, VERSION_VALKEY, crc, write};
use crate::types::hash::HashLimits;
use crate::types::list::ListLimits;
use crate::types::set::SetLimits;
use crate::types::zset::ZsetLimits;

/// Bytes of version and sum.
const FOOT: usize = 10;

/// Why a payload is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its version is not read, or its sum is wrong.
    Foot,
    /// It holds something else.
    Other,
    /// It ends too early, or a text in it does not hold together.
    Broken,
}

/// The payload of these codes.
pub fn dump<'a>(codes: impl Iterator<Item = &'a [u8]>, compress: bool) -> Vec<u8> {
    let mut out = Vec::new();
    codes.for_each(|code| write::function(&mut out, code, compress));
    out.extend_from_slice(&VERSION_BASE.to_le_bytes());
    let sum = crc(0, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// How the codes are read: nothing else that can be read is taken.
const RULES: Rules = Rules {
    limits: Limits {
        list: ListLimits { size: 0, depth: 0, plain: 0 },
        hash: HashLimits { packed: 0, packed_value: 0 },
        set: SetLimits { ints: 0, packed: 0, packed_value: 0 },
        zset: ZsetLimits { packed: 0, packed_value: 0 },
    },
    relaxed: false,
    checksum: false,
    fields_due_ms: None,
};

/// The codes in a payload; of a version that is not known only if `relaxed`.
pub fn restore(payload: &[u8], relaxed: bool) -> Result<Vec<Vec<u8>>, Refused> {
    let at = payload.len().checked_sub(FOOT).ok_or(Refused::Foot)?;
    let (body, foot) = payload.split_at(at);
    let version = u16::from_le_bytes([foot[0], foot[1]]);
    if version == 0 || version > VERSION_VALKEY && !relaxed {
        return Err(Refused::Foot);
    }
    if crc(0, &payload[..at + 2]).to_le_bytes() != foot[2..] {
        return Err(Refused::Foot);
    }
    // Read as a file: how libraries are written has not changed since there are any.
    let mut file = Vec::with_capacity(body.len() + FOOT);
    write::header(&mut file, VERSION_BASE, &[]);
    file.extend_from_slice(body);
    write::end(&mut file, None);
    let end = file.len() as u64;
    let mut reader = Reader::new(&file[..], RULES);
    let mut codes = Vec::new();
    loop {
        match reader.next_item() {
            Ok(Item::Start { .. }) => {}
            Ok(Item::Function(code)) => codes.push(code),
            Ok(Item::End { .. }) if reader.offset() >= end => return Ok(codes),
            Ok(Item::End { .. }) => return Err(Refused::Other),
            Ok(_) => return Err(Refused::Other),
            Err(_) => return Err(Refused::Broken),
        }
    }
}

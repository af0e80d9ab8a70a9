//! Parts of strings: APPEND, GETRANGE, SETRANGE and LCS. What grows does so in its own memory, amortised.

use super::encode;
use crate::base::num::NumBuf;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Value;
use crate::resp::Reply;
use crate::types::lcs::{self, LcsError};

pub const APPEND: Spec = Spec::key("append", append)
    .arity(exactly(2))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | INSERT)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key value")
    .since("2.0.0")
    .complexity("O(M) for M bytes appended, amortised")
    .summary("Adds to the end of the string at a key.");

fn append(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let more = args.bytes_arg()?;
    let len = match cx.db.find(key) {
        None => {
            cx.insert(key, encode(more), None);
            more.len()
        }
        Some(pos) => {
            let len = cx.db.string_at(pos)?.len();
            cx.check_string_len(len as u64, more.len() as u64)?;
            cx.db.append(pos, more);
            len + more.len()
        }
    };
    cx.changed(key.bytes, Event::APPEND, 1);
    out.int(len as i64);
    Ok(())
}

pub const SETRANGE: Spec = Spec::key("setrange", setrange)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key offset value")
    .since("2.2.0")
    .complexity("O(M) for M bytes written, and for the zeros before them")
    .summary("Overwrites a part of the string at a key, lengthening it if needed.");

fn setrange(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let offset = u64::try_from(args.int()?).map_err(|_| Error::OFFSET_OUT_OF_RANGE)?;
    let part = args.bytes_arg()?;
    let found = cx.db.find(key);
    let old_len = match found {
        Some(pos) => cx.db.string_at(pos)?.len(),
        None => 0,
    };
    if part.is_empty() {
        out.int(old_len as i64);
        return Ok(());
    }
    cx.check_string_len(offset, part.len() as u64)?;
    let end = offset.checked_add(part.len() as u64).and_then(|end| usize::try_from(end).ok());
    let end = end.ok_or(Error::STRING_TOO_LONG)?;
    let write = |bytes: &mut [u8]| bytes[end - part.len()..end].copy_from_slice(part);
    match found {
        Some(pos) => cx.db.edit(pos, end, write),
        None => {
            cx.db.insert_edited(key, end, write);
            cx.notify(key.bytes, Event::NEW);
        }
    }
    cx.changed(key.bytes, Event::SETRANGE, 1);
    out.int(old_len.max(end) as i64);
    Ok(())
}

pub const GETRANGE: Spec = Spec::key("getrange", getrange)
    .arity(exactly(3))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key start end")
    .since("2.4.0")
    .complexity("O(N) for N bytes returned")
    .summary("Returns a part of the string at a key.");

pub const SUBSTR: Spec = Spec::key("substr", getrange)
    .arity(exactly(3))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key start end")
    .since("1.0.0")
    .complexity("O(N) for N bytes returned")
    .summary("Returns a part of the string at a key: the old name of GETRANGE.");

fn getrange(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (start, end) = (args.int()?, args.int()?);
    let mut digits = NumBuf::new();
    let bytes = match cx.find_read(key) {
        Some(pos) => cx.db.string_at(pos)?.bytes(&mut digits),
        None => b"",
    };
    out.bulk(part_of(bytes, start, end));
    Ok(())
}

/// The bytes between two positions, both inclusive, negative ones counted from the end.
fn part_of(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    // Compared before they are cut to the value, where two positions before its start would both become 0.
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let len = bytes.len() as i64;
    let from_start = |at: i64| if at < 0 { (len + at).max(0) } else { at };
    let (start, end) = (from_start(start), from_start(end).min(len - 1));
    if start > end { b"" } else { &bytes[start as usize..=end as usize] }
}

pub const LCS: Spec = Spec::key("lcs", longest_common)
    .arity(at_least(2))
    .flags(READONLY)
    .keys(&[KeySpec::range(1, 1, 1, RO | ACCESS)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]")
    .since("7.0.0")
    .complexity("O(N*M) for strings of N and M bytes")
    .summary("Returns the longest common subsequence of two strings.");

/// What LCS is to answer.
#[derive(Default)]
struct LcsOptions {
    len: bool,
    places: bool,
    len_min: u64,
    with_len: bool,
}

impl LcsOptions {
    fn read(args: &mut Args<'_>) -> Result<LcsOptions> {
        let mut o = LcsOptions::default();
        while args.left() > 0 {
            if args.eat("idx") {
                o.places = true;
            } else if args.eat("len") {
                o.len = true;
            } else if args.eat("withmatchlen") {
                o.with_len = true;
            } else if args.eat("minmatchlen") {
                o.len_min = args.int()?.max(0).cast_unsigned();
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if o.len && o.places {
            return Err(Error::text("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(o)
    }
}

fn longest_common(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let keys = [args.key(), args.key()];
    // Both are looked up, and missed, before anything is refused.
    for key in keys {
        cx.find_read(key);
    }
    let found = keys.map(|key| cx.db.seen(key));
    if found.iter().flatten().any(|entry| entry.string().is_none()) {
        return Err(Error::text("ERR The specified keys must contain string values"));
    }
    let o = LcsOptions::read(args)?;
    let values = found.map(|entry| entry.map_or(Value::Bytes(b""), |entry| entry.value()));
    let mut digits = [NumBuf::new(), NumBuf::new()];
    let [for_a, for_b] = &mut digits;
    let (a, b) = (values[0].bytes(for_a), values[1].bytes(for_b));
    let memory_max = cx.config.proto_max_bulk_len as u64;
    if o.len {
        out.int(lcs::len(a, b, memory_max)? as i64);
    } else if !o.places {
        out.bulk(&lcs::string(a, b, memory_max)?);
    } else {
        let (matches, len) = lcs::matches(a, b, o.len_min, memory_max)?;
        out.map(2);
        out.bulk(b"matches");
        out.array(matches.len());
        for m in matches {
            out.array(2 + o.with_len as usize);
            for first in [m.a, m.b] {
                out.array(2);
                out.int(first as i64);
                out.int((first + m.len - 1) as i64);
            }
            if o.with_len {
                out.int(m.len as i64);
            }
        }
        out.bulk(b"len");
        out.int(len as i64);
    }
    Ok(())
}

impl From<LcsError> for Error {
    fn from(e: LcsError) -> Error {
        Error::text(match e {
            LcsError::TooLong => "ERR String too long for LCS",
            LcsError::TooLarge => {
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
            }
            LcsError::NoMemory => "ERR Insufficient memory, failed allocating transient memory for LCS",
        })
    }
}

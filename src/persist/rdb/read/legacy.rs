//! What servers wrote up to Redis 6.2: ziplists (redis/ziplist.c) and, before 2.6, zipmaps (redis/zipmap.c). Both become
//! listpacks.
//!
//! ```text
//! ziplist: u32 bytes, u32 offset of the last entry, u16 entries (65535: unknown), entries, 0xff; all LE
//! entry:   length of the one before (a byte, or 0xfe and u32 LE); then
//!          00xxxxxx, 01xxxxxx xxxxxxxx, 10...... u32 BE   a text of so many bytes
//!          0xc0 0xd0 0xe0 0xf0 0xfe                       an integer of 2, 4, 8, 3, 1 bytes, LE
//!          1111xxxx, 1 to 13                              an integer, one less
//! zipmap:  entries (254: unknown), { length, name, length, free bytes, value, free }, 0xff
//!          a length is a byte below 254, or 0xfe and u32 LE
//! ```

use super::input::Input;
use super::values::done;
use super::{Loaded, Result, Rules, packed};
use crate::types::Corrupt;
use crate::types::hash::Hash;
use crate::types::list::List;
use crate::types::listpack::Listpack;
use crate::types::value::Value;

const HEAD: usize = 10;
const END: u8 = 0xff;
const LONG: u8 = 0xfe;
const UNKNOWN: u16 = u16::MAX;

/// Bytes one after the other; what reaches beyond the end is corrupt.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> std::result::Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Corrupt)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> std::result::Result<[u8; N], Corrupt> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Corrupt)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> std::result::Result<u8, Corrupt> {
        self.array().map(|[byte]| byte)
    }
}

/// The elements of a ziplist, everything checked.
pub fn to_listpack(bytes: &[u8]) -> std::result::Result<Listpack, Corrupt> {
    let mut head = Cursor(bytes);
    let total = u32::from_le_bytes(head.array()?) as usize;
    let last = u32::from_le_bytes(head.array()?) as usize;
    let count = u16::from_le_bytes(head.array()?);
    if total != bytes.len() || total <= HEAD || bytes[total - 1] != END || last > total - 1 {
        return Err(Corrupt);
    }
    let mut pack = Listpack::new();
    let (mut entries, mut before, mut begin, mut n) = (Cursor(&bytes[HEAD..total - 1]), 0, None, 0usize);
    while !entries.0.is_empty() {
        let at = total - 1 - entries.0.len();
        let told = match entries.byte()? {
            LONG => u32::from_le_bytes(entries.array()?) as usize,
            END => return Err(Corrupt),
            short => short.into(),
        };
        if told != before {
            return Err(Corrupt);
        }
        let value = entry(&mut entries)?;
        if !pack.fits(value.len() + 16) {
            return Err(Corrupt);
        }
        pack.push_back_value(value);
        before = total - 1 - entries.0.len() - at;
        (begin, n) = (Some(at), n + 1);
    }
    let whole = begin.is_none_or(|at| at == last) && (count == UNKNOWN || usize::from(count) == n);
    if whole { Ok(pack) } else { Err(Corrupt) }
}

fn entry<'a>(from: &mut Cursor<'a>) -> std::result::Result<Value<'a>, Corrupt> {
    let first = from.byte()?;
    let text = match first {
        0x00..=0x3f => usize::from(first),
        0x40..=0x7f => usize::from(first & 0x3f) << 8 | usize::from(from.byte()?),
        0x80..=0xbf => u32::from_be_bytes(from.array()?) as usize,
        _ => return integer(from, first).map(Value::Int),
    };
    from.take(text).map(Value::Bytes)
}

fn integer(from: &mut Cursor<'_>, first: u8) -> std::result::Result<i64, Corrupt> {
    Ok(match first {
        0xc0 => i16::from_le_bytes(from.array()?).into(),
        0xd0 => i32::from_le_bytes(from.array()?).into(),
        0xe0 => i64::from_le_bytes(from.array()?),
        0xf0 => {
            let [a, b, c] = from.array()?;
            (i32::from_le_bytes([0, a, b, c]) >> 8).into()
        }
        0xfe => (from.byte()? as i8).into(),
        0xf1..=0xfd => i64::from(first & 0xf) - 1,
        _ => return Err(Corrupt),
    })
}

pub(super) fn list(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    let Ok(pack) = to_listpack(input.bytes()?) else {
        return Err(input.corrupt("List ziplist integrity check failed."));
    };
    let mut list = List::of_nodes(rules.limits.list);
    list.push_pack(pack);
    list.settle(rules.limits.list);
    Ok(done(list))
}

pub(super) fn zset(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    const BROKEN: &str = "Zset ziplist integrity check failed.";
    let Ok(pack) = to_listpack(input.bytes()?) else { return Err(input.corrupt(BROKEN)) };
    packed::zset(input, pack, rules, [BROKEN, "Zset ziplist with NAN score detected"])
}

pub(super) fn hash(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    const BROKEN: &str = "Hash ziplist integrity check failed.";
    let Ok(pack) = to_listpack(input.bytes()?) else { return Err(input.corrupt(BROKEN)) };
    packed::hash(input, pack, rules, BROKEN)
}

/// The fields and values of a zipmap, everything checked; the longest of all.
fn of_zipmap(bytes: &[u8]) -> std::result::Result<(Listpack, usize), Corrupt> {
    let Some((&END, inner)) = bytes.split_last() else { return Err(Corrupt) };
    let mut from = Cursor(inner);
    let count = from.byte()?;
    let (mut pack, mut n, mut longest) = (Listpack::new(), 0usize, 0);
    while !from.0.is_empty() {
        let field = zipmap_length(&mut from)?;
        let field = from.take(field)?;
        let value = zipmap_length(&mut from)?;
        let free = from.byte()?;
        let value = from.take(value)?;
        from.take(free.into())?;
        if !pack.fits(field.len() + value.len() + 32) {
            return Err(Corrupt);
        }
        pack.push_back(field);
        pack.push_back(value);
        longest = longest.max(field.len()).max(value.len());
        n += 1;
    }
    if n == 0 || count < LONG && usize::from(count) != n || count > LONG {
        return Err(Corrupt);
    }
    Ok((pack, longest))
}

/// A length in the shortest form that it has.
fn zipmap_length(from: &mut Cursor<'_>) -> std::result::Result<usize, Corrupt> {
    match from.byte()? {
        LONG => match u32::from_le_bytes(from.array()?) as usize {
            n if n < LONG.into() => Err(Corrupt),
            n => Ok(n),
        },
        END => Err(Corrupt),
        short => Ok(short.into()),
    }
}

pub(super) fn zipmap(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    let Ok((pack, longest)) = of_zipmap(input.bytes()?) else {
        return Err(input.corrupt("Zipmap integrity check failed."));
    };
    if !packed::are_unique(&pack, 2) {
        return Err(input.corrupt("Hash zipmap with dup elements"));
    }
    let n = pack.len() / 2;
    let mut hash = Hash::Packed(pack);
    // One that is too long converts it.
    let long = vec![0; longest];
    hash.prepare(n, std::iter::once(&long[..]), rules.limits.hash);
    Ok(done(hash))
}

//! Commands on strings as arrays of bits. The algorithms are in `types::bits`; here are the arguments, in the
//! reference's order of checks, and the growing of values.

use std::borrow::Cow;

use crate::base::num::NumBuf;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::entry::Kind;
use crate::keyspace::{Key, NewValue, Value};
use crate::resp::Reply;
use crate::types::bits::{self, Field, Op, Overflow, Unit};

pub const COMMANDS: &[Spec] = &[SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP, BITFIELD, BITFIELD_RO];

const BAD_OFFSET: Error = Error::text("ERR bit offset is not an integer or out of range");

/// Bytes of the longest string; none for the primary.
fn bytes_max(cx: &KeyCx<'_>) -> Option<u64> {
    if cx.obeys() { None } else { Some(cx.config.proto_max_bulk_len as u64) }
}

/// Reads the position of a bit, inside the longest string.
fn offset_arg(args: &mut Args<'_>, field: Option<Field>, bytes_max: Option<u64>) -> Result<u64> {
    bits::parse_offset(args.bytes_arg()?, field, bytes_max).ok_or(BAD_OFFSET)
}

/// Reads the optional `[start [end [BYTE|BIT]]]`, and nothing behind it.
fn range_args(args: &mut Args<'_>) -> Result<Option<(i64, Option<i64>, Unit)>> {
    if args.left() == 0 {
        return Ok(None);
    }
    if args.left() > 3 {
        return Err(Error::SYNTAX);
    }
    let start = args.int()?;
    // The reference looks at the unit before the end.
    let unit = if args.left() < 2 {
        Unit::Byte
    } else {
        match args.get(args.position() + 1) {
            word if word.eq_ignore_ascii_case(b"bit") => Unit::Bit,
            word if word.eq_ignore_ascii_case(b"byte") => Unit::Byte,
            _ => return Err(Error::SYNTAX),
        }
    };
    let end = if args.left() > 0 { Some(args.int()?) } else { None };
    Ok(Some((start, end, unit)))
}

pub const SETBIT: Spec = Spec::key("setbit", setbit)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::BITMAP)
    .group(Group::Bitmap)
    .syntax("key offset value")
    .since("2.2.0")
    .summary("Sets or clears a bit of the string at a key and returns what it was.");

fn setbit(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let offset = offset_arg(args, None, bytes_max(cx))?;
    let bit = args.int_in(0..=1, Error::text("ERR bit is not an integer or out of range"))? == 1;
    let need = bytes_for(offset / 8 + 1)?;
    let Some(pos) = cx.db.find(key) else {
        create(cx, key, need, |bytes| {
            bits::set_bit(bytes, offset, bit);
        });
        cx.changed(key.bytes, Event::SETBIT, 1);
        out.int(0);
        return Ok(());
    };
    let mut digits = NumBuf::new();
    let bytes = cx.db.string_at(pos)?.bytes(&mut digits);
    let (old, len) = (bits::get_bit(bytes, offset), bytes.len());
    let same = len >= need && old == bit;
    // Also a bit that stays makes the value `raw`, as in the reference; one that is raw needs no touching.
    if !same || !is_raw(cx.db.at(pos).kind()) {
        cx.db.edit(pos, need, |bytes| {
            bits::set_bit(bytes, offset, bit);
        });
    }
    if !same {
        cx.changed(key.bytes, Event::SETBIT, 1);
    }
    out.int(old as i64);
    Ok(())
}

/// Stores a string of zeros at an absent key, changed by `change`.
fn create(cx: &mut KeyCx<'_>, key: Key<'_>, len: usize, change: impl FnOnce(&mut [u8])) {
    cx.db.insert_edited(key, len, change);
    cx.notify(key.bytes, Event::NEW);
}

fn is_raw(kind: Kind) -> bool {
    matches!(kind, Kind::Heap | Kind::InlineRaw)
}

fn bytes_for(len: u64) -> Result<usize> {
    usize::try_from(len).map_err(|_| BAD_OFFSET)
}

pub const GETBIT: Spec = Spec::key("getbit", getbit)
    .arity(exactly(2))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::BITMAP)
    .group(Group::Bitmap)
    .syntax("key offset")
    .since("2.2.0")
    .summary("Returns a bit of the string at a key.");

fn getbit(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let offset = offset_arg(args, None, bytes_max(cx))?;
    let bit = match cx.find_read(key) {
        Some(pos) => bits::get_bit(cx.db.string_at(pos)?.bytes(&mut NumBuf::new()), offset),
        None => false,
    };
    out.int(bit as i64);
    Ok(())
}

pub const BITCOUNT: Spec = Spec::key("bitcount", bitcount)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::BITMAP)
    .group(Group::Bitmap)
    .syntax("key [start [end [BYTE|BIT]]]")
    .since("2.6.0")
    .complexity("O(N)")
    .history(&[("7.0.0", "Option `BYTE|BIT`."), ("8.0.0", "`end` may be left out.")])
    .summary("Counts the bits that are set in the string at a key, or in a part of it.");

fn bitcount(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let range = range_args(args)?;
    let mut digits = NumBuf::new();
    let bytes = match cx.find_read(key) {
        Some(pos) => cx.db.string_at(pos)?.bytes(&mut digits),
        None => b"",
    };
    let n = match range {
        None => bits::count(bytes),
        Some((start, Some(end), unit)) => bits::count_range(bytes, start, end, unit),
        Some((start, None, unit)) => bits::count_range(bytes, start, i64::MAX, unit),
    };
    out.int(n.cast_signed());
    Ok(())
}

pub const BITPOS: Spec = Spec::key("bitpos", bitpos)
    .arity(at_least(2))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::BITMAP)
    .group(Group::Bitmap)
    .syntax("key bit [start [end [BYTE|BIT]]]")
    .since("2.8.7")
    .complexity("O(N)")
    .history(&[("7.0.0", "Option `BYTE|BIT`.")])
    .summary("Finds the first set or clear bit in the string at a key, or in a part of it.");

fn bitpos(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let bit = match args.int()? {
        bit @ 0..=1 => bit == 1,
        _ => return Err(Error::text("ERR The bit argument must be 1 or 0.")),
    };
    let (start, end, unit) = range_args(args)?.unwrap_or((0, None, Unit::Byte));
    let at = match cx.find_read(key) {
        Some(pos) => {
            let mut digits = NumBuf::new();
            let bytes = cx.db.string_at(pos)?.bytes(&mut digits);
            bits::position(bytes, bit, start, end, unit)
        }
        // Zeros for ever.
        None => (!bit).then_some(0),
    };
    out.int(at.map_or(-1, u64::cast_signed));
    Ok(())
}

pub const BITOP: Spec = Spec::key("bitop", bitop)
    .arity(at_least(3))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::at(2, OW | UPDATE), KeySpec::range(3, -1, 1, RO | ACCESS)])
    .acl(acl::BITMAP)
    .group(Group::Bitmap)
    .syntax("AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE destkey key [key ...]")
    .since("2.6.0")
    .complexity("O(N)")
    .summary("Combines the bits of several strings and stores the result.");

fn bitop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let op = Op::parse(args.bytes_arg()?).ok_or(Error::SYNTAX)?;
    let dest = args.key();
    let (min, max) = op.inputs();
    if args.left() > max {
        return Err(Error::text("ERR BITOP NOT must be called with a single source key."));
    }
    if args.left() < min {
        let name = op.name();
        return Err(Error::owned(format!("ERR BITOP {name} must be called with at least two source keys.")));
    }
    for key in args.clone().rest_keys() {
        if let Some(pos) = cx.find_read(key) {
            cx.db.string_at(pos)?;
        }
    }
    let result = combined(cx, op, args);
    out.int(result.len() as i64);
    if !result.is_empty() {
        cx.set(dest, NewValue::Raw(&result), None);
        cx.changed(dest.bytes, Event::SET, 1);
    } else if let Some(pos) = cx.db.find(dest) {
        let old = cx.db.remove_at(pos, dest.hash);
        cx.fx.discard(old, false);
        cx.changed(dest.bytes, Event::DEL, 1);
    }
    Ok(())
}

/// The result of an operation on the keys that are left, all of which are strings.
fn combined(cx: &KeyCx<'_>, op: Op, args: &mut Args<'_>) -> Vec<u8> {
    let values: Vec<Cow<'_, [u8]>> = args
        .rest_keys()
        .map(|key| cx.db.seen(key).map_or(Cow::Borrowed(&b""[..]), |entry| bytes_of(entry.value())))
        .collect();
    let inputs: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
    let mut result = Vec::new();
    bits::op(op, &inputs, &mut result);
    result
}

fn bytes_of(value: Value<'_>) -> Cow<'_, [u8]> {
    match value {
        Value::Bytes(b) => Cow::Borrowed(b),
        int => Cow::Owned(int.bytes(&mut NumBuf::new()).to_vec()),
    }
}

pub const BITFIELD: Spec = Spec::key("bitfield", bitfield)
    .arity(at_least(1))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec {
        notes: "some operations only read",
        ..KeySpec::first(RW | UPDATE | ACCESS | VARIABLE_FLAGS)
    }])
    .find_keys(bitfield_keys)
    .acl(acl::BITMAP)
    .group(Group::Bitmap)
    .syntax(
        "key [GET encoding offset|[OVERFLOW WRAP|SAT|FAIL] \
         SET encoding offset value|INCRBY encoding offset increment \
         [GET encoding offset|[OVERFLOW WRAP|SAT|FAIL] \
         SET encoding offset value|INCRBY encoding offset increment ...]]",
    )
    .since("3.2.0")
    .complexity("O(1) for each operation")
    .summary("Reads, sets and adds to integers of any width at any bit of a string.");

fn bitfield(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    bitfield_ops(cx, args, out, false)
}

pub const BITFIELD_RO: Spec = Spec::key("bitfield_ro", bitfield_ro)
    .arity(at_least(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::BITMAP)
    .group(Group::Bitmap)
    .syntax("key [GET encoding offset [GET encoding offset ...]]")
    .since("6.0.0")
    .complexity("O(1) for each operation")
    .summary("Reads integers of any width at any bit of a string.");

fn bitfield_ro(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    bitfield_ops(cx, args, out, true)
}

/// One operation of BITFIELD.
#[derive(Clone, Copy)]
struct FieldOp {
    field: Field,
    offset: u64,
    action: Action,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// Reads the next operation; `overflow` is what holds from here on.
fn next_op(args: &mut Args<'_>, overflow: &mut Overflow, bytes_max: Option<u64>) -> Result<Option<FieldOp>> {
    while args.left() >= 2 && args.eat("overflow") {
        *overflow = match args.bytes_arg()? {
            word if word.eq_ignore_ascii_case(b"wrap") => Overflow::Wrap,
            word if word.eq_ignore_ascii_case(b"sat") => Overflow::Sat,
            word if word.eq_ignore_ascii_case(b"fail") => Overflow::Fail,
            _ => return Err(Error::text("ERR Invalid OVERFLOW type specified")),
        };
    }
    let action: Option<fn(i64, Overflow) -> Action> = match args.left() {
        0 => return Ok(None),
        3.. if args.eat("get") => None,
        4.. if args.eat("set") => Some(Action::Set),
        4.. if args.eat("incrby") => Some(Action::Add),
        _ => return Err(Error::SYNTAX),
    };
    let field = Field::parse(args.bytes_arg()?).ok_or(Error::text(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    ))?;
    let offset = offset_arg(args, Some(field), bytes_max)?;
    let action = match action {
        None => Action::Get,
        Some(action) => action(args.int()?, *overflow),
    };
    Ok(Some(FieldOp { field, offset, action }))
}

/// Goes twice over the arguments, so that nothing is done, and nothing allocated, before all are known to be right.
fn bitfield_ops(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, read_only: bool) -> Result {
    let key = args.key();
    let (mut n, mut writes, mut need) = (0, false, 0);
    let (mut ahead, mut overflow, bytes_max) = (args.clone(), Overflow::default(), bytes_max(cx));
    while let Some(op) = next_op(&mut ahead, &mut overflow, bytes_max)? {
        n += 1;
        if op.action != Action::Get {
            writes = true;
            need = need.max(op.field.bytes_needed(op.offset));
        }
    }
    if writes && read_only {
        return Err(Error::text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    if writes {
        return bitfield_write(cx, key, bytes_for(need)?, n, args, out);
    }
    let mut digits = NumBuf::new();
    let pos = cx.find_read(key);
    let bytes = match pos {
        Some(pos) => cx.db.string_at(pos)?.bytes(&mut digits),
        None => b"",
    };
    out.array(n);
    while let Some(op) = next_op(args, &mut overflow, bytes_max)? {
        out.int(op.field.get(bytes, op.offset));
    }
    Ok(())
}

fn bitfield_write(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    need: usize,
    n: usize,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
) -> Result {
    let pos = cx.db.find(key);
    let old_len = match pos {
        Some(pos) => cx.db.string_at(pos)?.len(),
        None => 0,
    };
    let (mut overflow, bytes_max) = (Overflow::default(), bytes_max(cx));
    out.array(n);
    let grown = old_len < need;
    // A value that only grew changed too, even if no operation did: replicas must have it.
    let mut changes = 0;
    let run = |bytes: &mut [u8]| {
        while let Ok(Some(op)) = next_op(args, &mut overflow, bytes_max) {
            changes += run_op(op, bytes, grown, out);
        }
    };
    match pos {
        Some(pos) => cx.db.edit(pos, need, run),
        None => create(cx, key, need, run),
    }
    if changes > 0 || grown {
        cx.changed(key.bytes, Event::SETBIT, changes.max(1));
    }
    Ok(())
}

/// Does one operation and answers it; 1 if it counts as a change.
fn run_op(op: FieldOp, bytes: &mut [u8], grown: bool, out: &mut Reply<'_>) -> u64 {
    let old = op.field.get(bytes, op.offset);
    let (new, answers_new) = match op.action {
        Action::Get => {
            out.int(old);
            return 0;
        }
        Action::Set(value, overflow) => (op.field.fit(value, overflow), false),
        Action::Add(n, overflow) => (op.field.add(old, n, overflow), true),
    };
    let Some(new) = new else {
        out.null();
        return 0;
    };
    let inside = op.field.set(bytes, op.offset, new);
    debug_assert!(inside, "the value was lengthened for all operations");
    out.int(if answers_new { new } else { old });
    (grown || old != new) as u64
}

/// Only reads if all operations are GET.
fn bitfield_keys(args: &Args<'_>) -> Result<Vec<(usize, KeyFlags)>> {
    const READS: KeyFlags = RO | ACCESS;
    let mut i = 2;
    while i < args.len() {
        let left = args.len() - i - 1;
        i += if args.is(i, "get") && left >= 2 {
            3
        } else if args.is(i, "overflow") && left >= 1 {
            2
        } else {
            return Ok(vec![(1, RW | ACCESS | UPDATE)]);
        };
    }
    Ok(vec![(1, READS)])
}

#[cfg(test)]
mod tests {
    use crate::testkit::check;

    #[test]
    fn setbit_and_getbit() {
        check(
            r#"> SETBIT k 7 1 | :0
            > GET k | "\x01"
            > SETBIT k 7 0 | :1
            > SETBIT k 7 0 | :0
            > GETBIT k 7 | :0
            > SETBIT k 9 1 | :0
            > STRLEN k | :2
            > GETBIT k 9 | :1
            > GETBIT k 10000000 | :0
            > GETBIT no 5 | :0
            > SET n 1 | +OK
            > OBJECT ENCODING n | "int"
            > SETBIT n 3 1 | :1
            > OBJECT ENCODING n | "raw"
            > SETBIT n 6 1 | :0
            > GET n | "3"
            > GETBIT n 6 | :1
            > SETBIT k -1 1 | -ERR bit offset is not an integer or out of range
            > SETBIT k 4294967296 1 | -ERR bit offset is not an integer or out of range
            > SETBIT k x 1 | -ERR bit offset is not an integer or out of range
            > SETBIT k 1 2 | -ERR bit is not an integer or out of range
            > SETBIT k 1 -1 | -ERR bit is not an integer or out of range
            > SETBIT k 1 x | -ERR bit is not an integer or out of range
            > SETBIT k x x | -ERR bit offset is not an integer or out of range
            > GETBIT k -1 | -ERR bit offset is not an integer or out of range
            > GETBIT k 4294967296 | -ERR bit offset is not an integer or out of range
            > GETBIT k #1 | -ERR bit offset is not an integer or out of range
            > SETBIT k 1 | -ERR wrong number of arguments for 'setbit' command
            > SET t "a" EX 100 | +OK
            > SETBIT t 6 0 | :0
            > TTL t | :100
                "#,
        );
    }

    #[test]
    fn a_value_of_many_bytes_grows() {
        check(
            r#"> SETBIT k 2039 1 | :0
            > SETBIT k 2040 1 | :0
            > STRLEN k | :256
            > SETBIT k 100000 1 | :0
            > STRLEN k | :12501
            > BITCOUNT k | :3
            > SETBIT k 100000 0 | :1
            > BITCOUNT k | :2
            > BITPOS k 1 300 | :-1
            > SETRANGE k 300 abc | :12501
            > GETRANGE k 299 303 | "\x00abc\x00"
            > APPEND k x | :12502
            > STRLEN k | :12502
                "#,
        );
    }

    #[test]
    fn bitcount_counts_parts() {
        check(
            r#"> SET k foobar | +OK
            > BITCOUNT k | :26
            > BITCOUNT k 0 | :26
            > BITCOUNT k 1 | :22
            > BITCOUNT k 0 0 | :4
            > BITCOUNT k 1 1 BYTE | :6
            > BITCOUNT k 5 30 bit | :17
            > BITCOUNT k -2 -1 | :7
            > BITCOUNT k -1 -2 | :0
            > BITCOUNT k -100 -50 | :4
            > BITCOUNT k -50 -100 | :0
            > BITCOUNT k 10 20 | :0
            > BITCOUNT k 0 9223372036854775807 BIT | :26
            > BITCOUNT no | :0
            > BITCOUNT no 0 -1 | :0
            > BITCOUNT n 0 a | -ERR value is not an integer or out of range
            > SET n 123 | +OK
            > BITCOUNT n | :10
            > BITCOUNT k a 1 | -ERR value is not an integer or out of range
            > BITCOUNT k 0 a | -ERR value is not an integer or out of range
            > BITCOUNT k 0 a foo | -ERR syntax error
            > BITCOUNT k 0 1 foo | -ERR syntax error
            > BITCOUNT k 0 1 BIT x | -ERR syntax error
            > BITCOUNT | -ERR wrong number of arguments for 'bitcount' command
                "#,
        );
    }

    #[test]
    fn bitpos_finds_bits() {
        check(
            r#"> SET k "\xff\xf0\x00" | +OK
            > BITPOS k 0 | :12
            > BITPOS k 1 | :0
            > BITPOS k 0 0 0 | :-1
            > BITPOS k 1 2 | :-1
            > BITPOS k 1 2 -1 | :-1
            > BITPOS k 0 1 -1 BYTE | :12
            > BITPOS k 0 8 11 BIT | :-1
            > BITPOS k 0 8 12 bit | :12
            > BITPOS k 1 -3 -1 BYTE | :0
            > SET f "\xff\xff" | +OK
            > BITPOS f 0 | :16
            > BITPOS f 0 0 | :16
            > BITPOS f 0 0 -1 | :-1
            > BITPOS f 0 5 | :-1
            > BITPOS no 0 | :0
            > BITPOS no 1 | :-1
            > BITPOS no 0 5 7 | :0
            > SET e "" | +OK
            > BITPOS e 0 | :-1
            > BITPOS e 1 | :-1
            > BITPOS k 2 | -ERR The bit argument must be 1 or 0.
            > BITPOS k x | -ERR value is not an integer or out of range
            > BITPOS k 0 x | -ERR value is not an integer or out of range
            > BITPOS k 0 0 x | -ERR value is not an integer or out of range
            > BITPOS k 0 0 x foo | -ERR syntax error
            > BITPOS k 0 0 1 foo | -ERR syntax error
            > BITPOS k 0 0 1 BIT x | -ERR syntax error
            > BITPOS k | -ERR wrong number of arguments for 'bitpos' command
                "#,
        );
    }

    #[test]
    fn bitop_combines() {
        check(
            r#"> SET a "\x01\x02\xff" | +OK
            > SET b "\x01\xff" | +OK
            > BITOP AND d a b | :3
            > GET d | "\x01\x02\x00"
            > BITOP OR d a b | :3
            > GET d | "\x01\xff\xff"
            > BITOP XOR d a b | :3
            > GET d | "\x00\xfd\xff"
            > BITOP NOT d a | :3
            > GET d | "\xfe\xfd\x00"
            > BITOP and d a no | :3
            > GET d | "\x00\x00\x00"
            > OBJECT ENCODING d | "raw"
            > BITOP or d no | :0
            > EXISTS d | :0
            > BITOP OR d no no2 | :0
            > SET n 12 | +OK
            > BITOP OR d n | :2
            > GET d | "12"
            > SET d x EX 100 | +OK
            > BITOP OR d a | :3
            > TTL d | :-1
            > BITOP NOT d a b | -ERR BITOP NOT must be called with a single source key.
            > BITOP foo d a | -ERR syntax error
            > BITOP AND d | -ERR wrong number of arguments for 'bitop' command
                "#,
        );
    }

    #[test]
    fn bitfield_reads_and_writes() {
        check(
            r#"> BITFIELD k SET u8 0 255 GET u8 0 INCRBY u8 0 1 GET i5 3 | [ :0 :255 :0 :0 ]
            > BITFIELD k INCRBY i5 100 1 GET u4 0 | [ :1 :0 ]
            > STRLEN k | :14
            > BITFIELD k OVERFLOW SAT INCRBY u2 102 5 OVERFLOW FAIL INCRBY u2 102 1 OVERFLOW WRAP INCRBY u2 102 1
            [ :3 nil :0 ]
            > BITFIELD k SET i8 #1 -100 GET i8 #1 GET u8 8 | [ :0 :-100 :156 ]
            > BITFIELD k SET u8 #2 300 SET u8 #2 -1 GET u8 #2 | [ :0 :44 :255 ]
            > BITFIELD k overflow fail set u8 0 300 | [ nil ]
            > BITFIELD k SET i64 0 -9223372036854775808 OVERFLOW SAT INCRBY i64 0 -1 INCRBY i64 0 9223372036854775807
            [ :44190471831945216 :-9223372036854775808 :-1 ]
            > BITFIELD k SET u63 0 9223372036854775807 GET u63 0
            [ :9223372036854775807 :9223372036854775807 ]
            > BITFIELD k | [ ]
            > BITFIELD no GET u8 0 | [ :0 ]
            > EXISTS no | :0
            > BITFIELD no OVERFLOW FAIL SET u1 9 2 | [ nil ]
            > STRLEN no | :2
            > BITFIELD k GET u64 0
            -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            > BITFIELD k GET i65 0
            -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            > BITFIELD k GET u0 0
            -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            > BITFIELD k GET x8 0
            -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            > BITFIELD k GET u8 -1 | -ERR bit offset is not an integer or out of range
            > BITFIELD k GET u8 #-1 | -ERR bit offset is not an integer or out of range
            > BITFIELD k GET u8 x | -ERR bit offset is not an integer or out of range
            > BITFIELD k GET u8 4294967296 | -ERR bit offset is not an integer or out of range
            > BITFIELD k SET u8 0 x | -ERR value is not an integer or out of range
            > BITFIELD k SET u8 0 | -ERR syntax error
            > BITFIELD k GET u8 | -ERR syntax error
            > BITFIELD k OVERFLOW foo | -ERR Invalid OVERFLOW type specified
            > BITFIELD k OVERFLOW | -ERR syntax error
            > BITFIELD k OVERFLOW SAT | [ ]
            > BITFIELD k foo | -ERR syntax error
            > SET n 123 | +OK
            > BITFIELD n GET u8 0 | [ :49 ]
            > BITFIELD n GET u8 8 SET u8 8 48 | [ :50 :50 ]
            > GET n | "103"
            > BITFIELD | -ERR wrong number of arguments for 'bitfield' command
                "#,
        );
    }

    #[test]
    fn bitfield_ro_only_reads() {
        check(
            r#"> SET k "\x80A" | +OK
            > BITFIELD_RO k GET u8 0 GET i8 0 GET u8 #1 GET u8 12 | [ :128 :-128 :65 :16 ]
            > BITFIELD_RO no GET u8 0 | [ :0 ]
            > BITFIELD_RO k | [ ]
            > BITFIELD_RO k SET u8 0 1 | -ERR BITFIELD_RO only supports the GET subcommand
            > BITFIELD_RO k GET u8 0 INCRBY u8 0 1 | -ERR BITFIELD_RO only supports the GET subcommand
            > BITFIELD_RO k OVERFLOW SAT GET u8 0 | [ :128 ]
            > BITFIELD_RO k GET u8 | -ERR syntax error
                "#,
        );
    }

    #[test]
    fn bitop_has_the_newest_operations() {
        // As Redis 8.2 answers; Valkey 9.1 does not know them.
        check(
            r#"> MSET a "\x0f" b "\x3c" c "\x55" | +OK
            > BITOP DIFF d a b c | :1
            > GET d | "\x02"
            > BITOP DIFF1 d a b c | :1
            > GET d | "p"
            > BITOP ANDOR d a b c | :1
            > GET d | "\r"
            > BITOP one d a b c | :1
            > GET d | "b"
            > BITOP ONE d a | :1
            > BITOP DIFF d a | -ERR BITOP DIFF must be called with at least two source keys.
            > BITOP diff1 d a | -ERR BITOP DIFF1 must be called with at least two source keys.
            > BITOP ANDOR d a | -ERR BITOP ANDOR must be called with at least two source keys.
            "#,
        );
    }
}

//! DUMP and RESTORE: values as bytes that another server takes.

use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::loading::rdb_rules;
use crate::engine::saving::field_expiry;
use crate::engine::spec::*;
use crate::keyspace::{Entry, Key};
use crate::persist::rdb::payload::{self, Refused};
use crate::resp::Reply;

pub const DUMP: Spec = Spec::key("dump", dump)
    .arity(exactly(1))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::KEYSPACE)
    .syntax("key")
    .since("2.6.0")
    .complexity("O(N*M) for N elements of M bytes.")
    .tips(&["nondeterministic_output"])
    .summary("Returns the value of a key as bytes that RESTORE takes.");

fn dump(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match cx.find_read(args.key()) {
        Some(pos) => {
            let (form, compress) = (field_expiry(cx.config), cx.config.rdbcompression);
            out.bulk(&payload::dump(cx.db.at(pos), form, compress));
        }
        None => out.null(),
    }
    Ok(())
}

const RESTORE_HISTORY: &[(&str, &str)] = &[
    ("3.0.0", "Added the `REPLACE` modifier."),
    ("5.0.0", "Added the `ABSTTL` modifier."),
    ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
];
const RESTORE_SYNTAX: &str =
    "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]";
const RESTORE_COMPLEXITY: &str = "O(N*M) for N elements of M bytes; of a sorted set O(N*M*log(N)).";

pub const RESTORE: Spec = Spec::key("restore", restore)
    .arity(at_least(3))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(OW | UPDATE)])
    .acl(acl::KEYSPACE | acl::DANGEROUS)
    .syntax(RESTORE_SYNTAX)
    .since("2.6.0")
    .complexity(RESTORE_COMPLEXITY)
    .history(RESTORE_HISTORY)
    .summary("Makes a key of what DUMP has given.");

pub const RESTORE_ASKING: Spec = Spec::key("restore-asking", restore)
    .arity(at_least(3))
    .flags(WRITE | DENYOOM | SYSTEM)
    .keys(&[KeySpec::first(OW | UPDATE)])
    .acl(acl::KEYSPACE | acl::DANGEROUS)
    .group(Group::Server)
    .syntax(RESTORE_SYNTAX)
    .since("3.0.0")
    .complexity(RESTORE_COMPLEXITY)
    .history(RESTORE_HISTORY)
    .summary("As RESTORE, between the nodes of a cluster.");

/// The options of RESTORE.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle: Option<u64>,
    frequency: Option<u8>,
}

fn options(args: &mut Args<'_>) -> Result<Options> {
    let mut o = Options::default();
    while args.left() > 0 {
        if args.eat("replace") {
            o.replace = true;
        } else if args.eat("absttl") {
            o.absolute = true;
        } else if args.left() > 1 && o.frequency.is_none() && args.eat("idletime") {
            let seconds = u64::try_from(args.int()?);
            o.idle = Some(seconds.map_err(|_| Error::text("ERR Invalid IDLETIME value, must be >= 0"))?);
        } else if args.left() > 1 && o.idle.is_none() && args.eat("freq") {
            let counter = u8::try_from(args.int()?);
            let wrong = |_| Error::text("ERR Invalid FREQ value, must be >= 0 and <= 255");
            o.frequency = Some(counter.map_err(wrong)?);
        } else {
            return Err(Error::SYNTAX);
        }
    }
    Ok(o)
}

fn restore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    args.seek(4);
    let o = options(args)?;
    if !o.replace && cx.db.find(key).is_some() {
        return Err(Error::BUSY_KEY);
    }
    args.seek(2);
    let ttl = args.int()?;
    let expiry = match ttl {
        0 => None,
        ..0 => return Err(Error::text("ERR Invalid TTL value, must be >= 0")),
        at if o.absolute => Some(at),
        ttl => Some(cx.now_ms.checked_add(ttl).ok_or(Error::text("ERR Invalid TTL value, must be >= 0"))?),
    };
    let payload = args.bytes_arg()?;
    let entry = read(cx, payload, key)?;
    let deleted = o.replace && cx.remove(key);
    if let Some(at) = expiry
        && cx.is_past(at)
    {
        if deleted {
            let lazy = cx.config.lazyfree_lazy_server_del;
            cx.changed(key.bytes, Event::DEL, 1);
            cx.propagate_as(&[if lazy { b"UNLINK" } else { b"DEL" }, key.bytes]);
        }
        out.ok();
        return Ok(());
    }
    let entry = entry.with_expiry(expiry);
    cx.db.insert_hashed(key.hash, entry, o.idle, o.frequency);
    cx.notify(key.bytes, Event::NEW);
    cx.changed(key.bytes, Event::RESTORE, 1);
    if let Some(at) = expiry
        && !o.absolute
    {
        let mut digits = crate::base::num::NumBuf::new();
        let at = crate::base::num::fmt_i64(&mut digits, at);
        let words: Vec<&[u8]> = args.all().collect();
        cx.propagate_as(&[&words[..2], &[at], &words[3..], &[b"ABSTTL"]].concat());
    }
    out.ok();
    Ok(())
}

fn read(cx: &KeyCx<'_>, payload: &[u8], key: Key<'_>) -> Result<Entry> {
    let mut rules = rdb_rules(cx.config, false, None);
    rules.limits.list.plain = cx.debug.packed_threshold;
    payload::restore(payload, key.bytes, &rules, !cx.debug.skip_checksum).map_err(|refused| match refused {
        Refused::Foot => Error::text("ERR DUMP payload version or checksum are wrong"),
        Refused::Foreign(kind) => Error::owned(format!("ERR Unsupported foreign data type: {kind}")),
        Refused::Value(error) => {
            tracing::debug!("Internal error in RDB reading offset {} -> {}", error.offset, error.what);
            Error::text("ERR Bad data format")
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::testkit::{check, check_with};

    #[test]
    fn what_is_dumped_is_restored() {
        check(
            "> SET k bar       | +OK
             > DUMP k          | \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x17\"
             > DUMP nosuch     | nil
             > RESTORE k 0 \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x17\" | -BUSYKEY Target key name already exists.
             > RESTORE k 0 \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x17\" REPLACE | +OK
             > RESTORE a 0 \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x17\" | +OK
             > GET a           | \"bar\"
             > TTL a           | :-1
             > RESTORE b 5000 \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x17\" | +OK
             > PTTL b          | :5000
             > RESTORE c 1700000009000 \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x17\" ABSTTL | +OK
             > PTTL c          | :9000
             > RESTORE c 5 \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x17\" ABSTTL REPLACE | +OK
             > EXISTS c        | :0
             > RESTORE-ASKING d 0 \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x17\" IDLETIME 1000 | +OK
             > OBJECT IDLETIME d | :1000",
        );
    }

    #[test]
    fn what_restore_refuses() {
        check(
            "> RESTORE k 0 x                     | -ERR DUMP payload version or checksum are wrong
             > RESTORE k 0 \"\\x00\\x03bar\\n\\x00\\xe6\\xbeI`\\xeef\\xfd\\x16\" | -ERR DUMP payload version or checksum are wrong
             > RESTORE k -1 x                    | -ERR Invalid TTL value, must be >= 0
             > RESTORE k 9223372036854775807 x   | -ERR Invalid TTL value, must be >= 0
             > RESTORE k x x                     | -ERR value is not an integer or out of range
             > RESTORE k 0 x IDLETIME -1         | -ERR Invalid IDLETIME value, must be >= 0
             > RESTORE k 0 x FREQ 256            | -ERR Invalid FREQ value, must be >= 0 and <= 255
             > RESTORE k 0 x FREQ 1 IDLETIME 1   | -ERR syntax error
             > RESTORE k 0 x IDLETIME            | -ERR syntax error
             > RESTORE k 0 x NOSUCH              | -ERR syntax error
             > RESTORE k 0                       | -ERR wrong number of arguments for 'restore' command",
        );
    }

    #[test]
    fn versions_that_are_not_known() {
        let future = "\\x00\\x03bar\\xde\\x00\\x0fYUza\\xd3\\xec\\xe0";
        check(&format!("> RESTORE k 0 \"{future}\" | -ERR DUMP payload version or checksum are wrong"));
        check_with(&format!("> RESTORE k 0 \"{future}\" | +OK\n> GET k | \"bar\""), |c| {
            c.rdb_version_check = crate::engine::config::values::RdbVersionCheck::Relaxed;
        });
    }
}

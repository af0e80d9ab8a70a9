//! Commands on strings.

use crate::base::num;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::{NewValue, Value};
use crate::resp::Reply;

pub const COMMANDS: &[Spec] = &[GET, SET, INCR];

pub const GET: Spec = Spec::key("get", get)
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key")
    .since("1.0.0")
    .summary("Returns the string at a key.");

fn get(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match cx.db.string(args.key())? {
        Some(value) => out.value(value),
        None => out.null(),
    }
    Ok(())
}

pub const SET: Spec = Spec::key("set", set)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key value")
    .since("1.0.0")
    .summary("Stores a string at a key.");

fn set(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let value = args.bytes_arg()?;
    args.done()?;
    cx.db.set(key, encode(value), None);
    cx.changed(key.bytes, Event::SET, 1);
    out.ok();
    Ok(())
}

fn encode(value: &[u8]) -> NewValue<'_> {
    match num::parse_i64(value) {
        Some(n) => NewValue::Int(n),
        None => NewValue::Bytes(value),
    }
}

pub const INCR: Spec = Spec::key("incr", incr)
    .arity(exactly(1))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::STRING)
    .group(Group::String)
    .syntax("key")
    .since("1.0.0")
    .summary("Adds one to the integer at a key.");

fn incr(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let found = cx.db.find(key);
    let old = match found {
        None => 0,
        Some(pos) => match cx.db.string_at(pos)? {
            Value::Int(n) => n,
            Value::Bytes(b) => num::parse_i64(b).ok_or(Error::NOT_INTEGER)?,
        },
    };
    let new = old.checked_add(1).ok_or(Error::OVERFLOW)?;
    match found {
        Some(pos) => cx.db.replace(pos, NewValue::Int(new)),
        None => cx.db.insert(key, NewValue::Int(new), None),
    }
    cx.changed(key.bytes, Event::INCRBY, 1);
    out.int(new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testkit::check;

    #[test]
    fn set_and_get() {
        check(
            "> SET k v | +OK
             > GET k   | \"v\"
             > GET no  | nil
             > SET n 10 | +OK
             > INCR n  | :11
             > INCR k  | -ERR value is not an integer or out of range
             > GET     | -ERR wrong number of arguments for 'get' command",
        );
    }
}

//! Commands on keys of any type: whether they are there, what they are, away with them, elsewhere with them. Their
//! times are in `expiry`, walks over all keys in `scan`, whole databases in `flush`, and OBJECT in `object`.

use crate::engine::args::Args;
use crate::engine::cx::{KeyCx, ServerCx};
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::{Entry, Key};
use crate::resp::Reply;

mod dump;
mod expiry;
mod flush;
mod migrate;
mod object;
mod scan;
#[cfg(test)]
mod tests;

pub use expiry::{Condition, seconds};

pub const COMMANDS: &[Spec] = &[
    DEL,
    UNLINK,
    EXISTS,
    TYPE,
    TOUCH,
    RENAME,
    RENAMENX,
    COPY,
    MOVE,
    expiry::EXPIRE,
    expiry::PEXPIRE,
    expiry::EXPIREAT,
    expiry::PEXPIREAT,
    expiry::TTL,
    expiry::PTTL,
    expiry::EXPIRETIME,
    expiry::PEXPIRETIME,
    expiry::PERSIST,
    scan::RANDOMKEY,
    scan::KEYS,
    scan::SCAN,
    object::OBJECT,
    dump::DUMP,
    dump::RESTORE,
    dump::RESTORE_ASKING,
    migrate::MIGRATE,
    flush::DBSIZE,
    flush::FLUSHDB,
    flush::FLUSHALL,
    flush::SWAPDB,
];

const MULTI_SHARD_SUM: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

pub const DEL: Spec = Spec::key("del", del)
    .arity(at_least(1))
    .flags(WRITE)
    .keys(&[KeySpec::range(1, -1, 1, RM | DELETE)])
    .acl(acl::KEYSPACE)
    .syntax("key [key ...]")
    .since("1.0.0")
    .complexity("O(N) for N keys, and for a collection O(M) for its M elements.")
    .tips(MULTI_SHARD_SUM)
    .summary("Removes keys.");

fn del(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let lazy = cx.config.lazyfree_lazy_user_del;
    remove_all(cx, args, out, lazy)
}

pub const UNLINK: Spec = Spec::key("unlink", unlink)
    .arity(at_least(1))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::range(1, -1, 1, RM | DELETE)])
    .acl(acl::KEYSPACE)
    .syntax("key [key ...]")
    .since("4.0.0")
    .complexity("O(N) for N keys; their memory is freed by another thread.")
    .tips(MULTI_SHARD_SUM)
    .summary("Removes keys and frees their memory in the background.");

fn unlink(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    remove_all(cx, args, out, true)
}

fn remove_all(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, lazy: bool) -> Result {
    let mut removed = 0;
    for key in args.rest_keys() {
        if let Some(entry) = cx.db.remove(key) {
            cx.fx.discard(entry, lazy);
            cx.changed(key.bytes, Event::DEL, 1);
            removed += 1;
        }
    }
    out.int(removed);
    Ok(())
}

pub const EXISTS: Spec = Spec::key("exists", exists)
    .arity(at_least(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::range(1, -1, 1, RO)])
    .acl(acl::KEYSPACE)
    .syntax("key [key ...]")
    .since("1.0.0")
    .complexity("O(N) for N keys.")
    .tips(MULTI_SHARD_SUM)
    .history(&[("3.0.3", "Accepts multiple `key` arguments.")])
    .summary("Counts those of the given keys that exist.");

fn exists(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let found = args.rest_keys().filter(|&key| cx.peek_read(key).is_some()).count();
    out.int(found as i64);
    Ok(())
}

pub const TYPE: Spec = Spec::key("type", type_of)
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO)])
    .acl(acl::KEYSPACE)
    .syntax("key")
    .since("1.0.0")
    .summary("Tells the type of the value at a key.");

fn type_of(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match cx.peek_read(args.key()) {
        Some(pos) => out.status(cx.db.at(pos).type_name()),
        None => out.status("none"),
    }
    Ok(())
}

pub const TOUCH: Spec = Spec::key("touch", touch)
    .arity(at_least(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::range(1, -1, 1, RO)])
    .acl(acl::KEYSPACE)
    .syntax("key [key ...]")
    .since("3.2.1")
    .complexity("O(N) for N keys.")
    .tips(MULTI_SHARD_SUM)
    .summary("Marks keys as accessed just now, and counts those that exist.");

fn touch(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // Even a client under CLIENT NO-TOUCH means what it says here.
    cx.db.access = cx.config.maxmemory_policy.access();
    let found = args.rest_keys().filter(|&key| cx.find_read(key).is_some()).count();
    out.int(found as i64);
    Ok(())
}

pub const RENAME: Spec = Spec::key("rename", rename)
    .arity(exactly(2))
    .flags(WRITE)
    .keys(&[KeySpec::at(1, RW | ACCESS | DELETE), KeySpec::at(2, OW | UPDATE)])
    .acl(acl::KEYSPACE)
    .syntax("key newkey")
    .since("1.0.0")
    .summary("Gives a key another name, removing what was there.");

fn rename(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    rename_key(cx, args.key(), args.key(), false)?;
    out.ok();
    Ok(())
}

pub const RENAMENX: Spec = Spec::key("renamenx", renamenx)
    .arity(exactly(2))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::at(1, RW | ACCESS | DELETE), KeySpec::at(2, OW | INSERT)])
    .acl(acl::KEYSPACE)
    .syntax("key newkey")
    .since("1.0.0")
    .history(&[(
        "3.2.0",
        "The command no longer returns an error when source and destination names are the same.",
    )])
    .summary("Gives a key another name, unless that is taken.");

fn renamenx(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let renamed = rename_key(cx, args.key(), args.key(), true)?;
    out.int(renamed as i64);
    Ok(())
}

/// Renames `from` to `to`; with `keep`, only when `to` is free. Tells whether anything changed.
fn rename_key(cx: &mut KeyCx<'_>, from: Key<'_>, to: Key<'_>, keep: bool) -> Result<bool> {
    cx.db.find(from).ok_or(Error::NO_SUCH_KEY)?;
    if from.bytes == to.bytes || keep && cx.db.find(to).is_some() {
        return Ok(false);
    }
    let old = cx.db.remove(to);
    let Some(entry) = cx.db.remove(from) else { return Err(Error::NO_SUCH_KEY) };
    cx.db.insert_moved(to, entry.with_key(to.bytes));
    if let Some(old) = old {
        cx.fx.discard(old, cx.config.lazyfree_lazy_server_del);
    }
    cx.notify(to.bytes, Event::NEW);
    cx.changed(from.bytes, Event::RENAME_FROM, 1);
    cx.changed(to.bytes, Event::RENAME_TO, 0);
    Ok(true)
}

pub const COPY: Spec = Spec::server("copy", copy)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::at(1, RO | ACCESS), KeySpec::at(2, OW | UPDATE)])
    .acl(acl::KEYSPACE)
    .syntax("source destination [DB destination-db] [REPLACE]")
    .since("6.2.0")
    .complexity("O(N) for the N elements of a collection, O(1) for a string.")
    .summary("Copies the value of a key to another key.");

fn copy(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (from, to) = (args.key(), args.key());
    let src = cx.session().db;
    let (mut dst, mut replace) = (src, false);
    while let Some(word) = args.next_opt() {
        if word.eq_ignore_ascii_case(b"replace") {
            replace = true;
        } else if word.eq_ignore_ascii_case(b"db") && args.left() > 0 {
            dst = db_index(cx, args)?;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if src == dst && from.bytes == to.bytes {
        return Err(Error::SAME_OBJECT);
    }
    let dbs = &mut cx.server.dbs;
    let copied = match dbs[src].find_read(from) {
        None => {
            cx.server.fx.notify(src as u32, from.bytes, Event::KEY_MISS);
            false
        }
        Some(_) if dbs[dst].find(to).is_some() && !replace => false,
        Some(_) => {
            if let Some(old) = dbs[dst].remove(to) {
                cx.server.fx.discard(old, cx.server.config.lazyfree_lazy_server_del);
            }
            match dbs[src].peek(from) {
                Some(pos) => {
                    let entry = Entry::copy(dbs[src].at(pos), to.bytes);
                    dbs[dst].insert_moved(to, entry);
                    true
                }
                None => false,
            }
        }
    };
    if copied {
        cx.server.fx.notify(dst as u32, to.bytes, Event::NEW);
        cx.server.fx.changed(dst as u32, to.bytes, Event::COPY_TO, 1);
    }
    out.int(copied as i64);
    Ok(())
}

/// The number of a database.
fn db_index(cx: &ServerCx<'_>, args: &mut Args<'_>) -> Result<usize> {
    let index = i32::try_from(args.int()?).map_err(|_| Error::BEYOND_INT)?;
    match usize::try_from(index) {
        Ok(i) if i < cx.server.dbs.len() => Ok(i),
        _ => Err(Error::DB_OUT_OF_RANGE),
    }
}

pub const MOVE: Spec = Spec::server("move", move_key)
    .arity(exactly(2))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .acl(acl::KEYSPACE)
    .syntax("key db")
    .since("1.0.0")
    .summary("Moves a key to another database.");

fn move_key(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let dst = db_index(cx, args)?;
    let src = cx.session().db;
    if src == dst {
        return Err(Error::SAME_OBJECT);
    }
    let dbs = &mut cx.server.dbs;
    let moves = dbs[src].find(key).is_some() && dbs[dst].find(key).is_none();
    let entry = if moves { dbs[src].remove(key) } else { None };
    let moved = entry.is_some();
    if let Some(entry) = entry {
        dbs[dst].insert_moved(key, entry);
        let fx = &mut cx.server.fx;
        fx.notify(dst as u32, key.bytes, Event::NEW);
        fx.changed(src as u32, key.bytes, Event::MOVE_FROM, 1);
        fx.changed(dst as u32, key.bytes, Event::MOVE_TO, 0);
    }
    out.int(moved as i64);
    Ok(())
}

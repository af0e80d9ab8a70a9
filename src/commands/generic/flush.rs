//! Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.

use crate::base::limits::FLUSH_AT_ONCE_KEYS;
use crate::engine::args::Args;
use crate::engine::cx::{KeyCx, ServerCx};
use crate::engine::effects::Propagate;
use crate::engine::error::{Error, Result};
use crate::engine::session::Blocked;
use crate::engine::snapshot::Purpose;
use crate::engine::spec::*;
use crate::keyspace::db::Remains;
use crate::resp::Reply;

pub const DBSIZE: Spec = Spec::key("dbsize", dbsize)
    .arity(exactly(0))
    .flags(READONLY | FAST)
    .acl(acl::KEYSPACE)
    .group(Group::Server)
    .since("1.0.0")
    .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
    .summary("Returns how many keys the database holds.");

fn dbsize(cx: &mut KeyCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.db.len() as i64);
    Ok(())
}

const FLUSH_TIPS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
const FLUSH_HISTORY: &[(&str, &str)] = &[
    ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
    ("6.2.0", "Added the `SYNC` flushing mode modifier."),
];

pub const FLUSHDB: Spec = Spec::server("flushdb", flushdb)
    .arity(at_least(0))
    .flags(WRITE)
    .acl(acl::KEYSPACE | acl::DANGEROUS)
    .group(Group::Server)
    .syntax("[ASYNC|SYNC]")
    .since("1.0.0")
    .complexity("O(N) for the N keys of the database.")
    .tips(FLUSH_TIPS)
    .history(FLUSH_HISTORY)
    .summary("Removes all keys of the database.");

fn flushdb(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let db = cx.session().db;
    flush(cx, args, out, db..db + 1)
}

pub const FLUSHALL: Spec = Spec::server("flushall", flushall)
    .arity(at_least(0))
    .flags(WRITE | ALL_DBS)
    .acl(acl::KEYSPACE | acl::DANGEROUS)
    .group(Group::Server)
    .syntax("[ASYNC|SYNC]")
    .since("1.0.0")
    .complexity("O(N) for the N keys of all databases.")
    .tips(FLUSH_TIPS)
    .history(FLUSH_HISTORY)
    .summary("Removes all keys of all databases.");

fn flushall(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let all = 0..cx.server.dbs.len();
    flush(cx, args, out, all)?;
    if cx.server.snapshots.runs(Purpose::Save) {
        // Nobody wants that file any more.
        cx.server.end_snapshot_now();
    }
    if !cx.server.config.save.is_empty() {
        cx.server.save_now();
        cx.server.fx.dirty = 0;
    }
    Ok(())
}

fn flush(
    cx: &mut ServerCx<'_>,
    args: &mut Args<'_>,
    out: &mut Reply<'_>,
    dbs: std::ops::Range<usize>,
) -> Result {
    let lazy = if args.left() > 1 {
        return Err(Error::SYNTAX);
    } else if args.eat("async") {
        true
    } else if args.eat("sync") {
        false
    } else {
        cx.server.config.lazyfree_lazy_user_flush
    };
    args.done()?;
    dbs.clone().for_each(|db| cx.server.touch_all_watched(db, None, cx.now_ms));
    for db in dbs.clone() {
        cx.server.waiting.all_changed(db as u32);
    }
    let taken: Vec<(usize, Remains)> =
        cx.server.dbs[dbs].iter_mut().map(|db| (db.len(), db.take_all())).collect();
    let removed = taken.iter().map(|(keys, _)| keys).sum::<usize>();
    cx.server.fx.dirty += removed as u64;
    // An empty database is flushed on replicas too: theirs may not be.
    cx.server.fx.propagate = Propagate::Always;
    cx.server.fx.flushed = true;
    let remains: Vec<Remains> = taken.into_iter().map(|(_, r)| r).collect();
    // Inside a transaction nobody waits, and nothing is freed in between.
    if lazy || cx.session().deny_blocking {
        cx.server.free.send(Box::new(remains), removed);
    } else if removed > FLUSH_AT_ONCE_KEYS {
        // The databases are empty for everybody already. Only this client waits until the memory is free.
        let client = cx.session().id;
        cx.server.freeing.push_back((client, remains));
        cx.block(Blocked::Freeing, None);
        return Ok(());
    }
    out.ok();
    Ok(())
}

pub const SWAPDB: Spec = Spec::server("swapdb", swapdb)
    .arity(exactly(2))
    .flags(WRITE | FAST)
    .acl(acl::KEYSPACE | acl::DANGEROUS)
    .group(Group::Server)
    .syntax("index1 index2")
    .since("4.0.0")
    .complexity("O(N) for the N clients that watch keys of either database, or wait for them.")
    .summary("Swaps the contents of two databases.");

fn swapdb(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let range = i32::MIN as i64..=i32::MAX as i64;
    let a = args.int_in(range.clone(), Error::text("ERR invalid first DB index"))?;
    let b = args.int_in(range, Error::text("ERR invalid second DB index"))?;
    let count = cx.server.dbs.len();
    let index = |n: i64| usize::try_from(n).ok().filter(|&i| i < count).ok_or(Error::DB_OUT_OF_RANGE);
    let (a, b) = (index(a)?, index(b)?);
    if a != b {
        cx.server.touch_all_watched(a, Some(b), cx.now_ms);
        cx.server.touch_all_watched(b, Some(a), cx.now_ms);
    }
    if let Ok([a, b]) = cx.server.dbs.get_disjoint_mut([a, b]) {
        a.swap_contents(b);
        let (a, b) = (a.id, b.id);
        cx.server.waiting.all_changed(a);
        cx.server.waiting.all_changed(b);
    }
    cx.server.fx.dirty += 1;
    out.ok();
    Ok(())
}

//! MEMORY: where the bytes are.

use std::fmt::Write;

use crate::commands::help;
use crate::commands::server::info::Memory;
use crate::engine::args::Args;
use crate::engine::cx::{KeyCx, ServerCx};
use crate::engine::error::{Error, Result};
use crate::engine::server::Server;
use crate::engine::spec::*;
use crate::keyspace::Db;
use crate::resp::Reply;
use crate::sys::memory;

pub const MEMORY: Spec = Spec::container("memory", &[DOCTOR, HELP, MALLOC_STATS, PURGE, STATS, USAGE])
    .group(Group::Server)
    .since("4.0.0")
    .complexity("By subcommand.")
    .summary("Commands on memory.");

const TIPS: &[&str] = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

const HELP: Spec = help::spec(Group::Server, "4.0.0");

const USAGE: Spec = Spec::key("usage", usage)
    .arity(at_least(2))
    .flags(READONLY)
    .keys(&[KeySpec::at(2, RO)])
    .group(Group::Server)
    .syntax("key [SAMPLES count]")
    .since("4.0.0")
    .complexity("O(N) for N samples")
    .summary("Returns the bytes that a key and its value take.");

fn usage(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let key = args.key();
    while args.left() > 0 {
        if !args.eat("samples") || args.left() == 0 {
            return Err(Error::SYNTAX);
        }
        if args.int()? < 0 {
            return Err(Error::SYNTAX);
        }
    }
    match cx.db.peek(key) {
        // The table's share is no part of it, as in the reference.
        Some(pos) => out.int(cx.db.at(pos).allocated() as i64),
        None => out.null(),
    }
    Ok(())
}

const STATS: Spec = Spec::server("stats", stats)
    .arity(exactly(1))
    .group(Group::Server)
    .since("4.0.0")
    .tips(TIPS)
    .summary("Returns where memory is used.");

/// A value of MEMORY STATS.
enum Figure {
    Bytes(i64),
    Ratio(f64),
}
use Figure::{Bytes, Ratio};

fn stats(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let m = Memory::of(cx.server);
    let dbs: Vec<(String, i64)> = cx
        .server
        .dbs
        .iter()
        .filter(|db| exists(cx.server, db))
        .map(|db| (format!("db.{}", db.id), db.table().overhead_bytes() as i64))
        .collect();
    let (head, tail) = (before_databases(&m), after_databases(cx, &m));
    out.map(head.len() + dbs.len() + tail.len());
    let show = |out: &mut Reply<'_>, list: &[(&str, Figure)]| {
        for (name, figure) in list {
            out.bulk(name.as_bytes());
            match *figure {
                Bytes(n) => out.int(n),
                Ratio(r) => out.double(r),
            }
        }
    };
    show(out, &head);
    for (name, overhead) in &dbs {
        out.bulk(name.as_bytes());
        out.map(2);
        out.bulk(b"overhead.hashtable.main");
        out.int(*overhead);
        out.bulk(b"overhead.hashtable.expires");
        out.int(0);
    }
    show(out, &tail);
    Ok(())
}

/// Whether the reference would have made this database by now: the first one, and those that were selected.
fn exists(server: &Server, db: &Db) -> bool {
    let index = db.id as usize;
    let selected =
        || (0..server.clients.slots()).any(|i| server.clients.get(i).is_some_and(|s| s.db == index));
    index == 0 || !db.is_empty() || selected()
}

fn before_databases(m: &Memory) -> Vec<(&'static str, Figure)> {
    vec![
        ("peak.allocated", Bytes(m.peak as i64)),
        ("total.allocated", Bytes(m.used as i64)),
        ("startup.allocated", Bytes(m.startup as i64)),
        ("replication.backlog", Bytes(m.backlog as i64)),
        ("replicas.repl.buffer", Bytes(0)),
        ("clients.slaves", Bytes(m.replicas as i64)),
        ("clients.normal", Bytes(m.clients as i64)),
        ("cluster.links", Bytes(0)),
        ("cluster.slot_import", Bytes(0)),
        ("cluster.slot_export", Bytes(0)),
        ("aof.buffer", Bytes(0)),
        ("lua.caches", Bytes(0)),
        ("functions.caches", Bytes(0)),
    ]
}

fn after_databases(cx: &ServerCx<'_>, m: &Memory) -> Vec<(&'static str, Figure)> {
    let keys = cx.server.keys() as i64;
    let a = memory::stats();
    let waste = memory::small_bins_waste();
    let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let net = (m.used as i64 - m.startup as i64).max(0);
    vec![
        ("overhead.db.hashtable.lut", Bytes(m.keyspace as i64)),
        ("overhead.db.hashtable.rehashing", Bytes(0)),
        ("overhead.total", Bytes(m.overhead as i64)),
        ("db.dict.rehashing.count", Bytes(0)),
        ("keys.count", Bytes(keys)),
        ("keys.bytes-per-key", Bytes(if keys > 0 { net / keys } else { 0 })),
        ("dataset.bytes", Bytes(m.dataset as i64)),
        ("dataset.percentage", Ratio(m.dataset_percent())),
        ("peak.percentage", Ratio(100.0 * ratio(m.used as f64, m.peak as f64))),
        ("allocator.allocated", Bytes(a.allocated as i64)),
        ("allocator.active", Bytes(a.active as i64)),
        ("allocator.resident", Bytes(a.resident as i64)),
        ("allocator.muzzy", Bytes(a.muzzy as i64)),
        ("allocator-fragmentation.ratio", Ratio(ratio((a.allocated + waste) as f64, a.allocated as f64))),
        ("allocator-fragmentation.bytes", Bytes(waste as i64)),
        ("allocator-rss.ratio", Ratio(ratio(a.resident as f64, a.active as f64))),
        ("allocator-rss.bytes", Bytes(a.resident as i64 - a.active as i64)),
        ("rss-overhead.ratio", Ratio(ratio(m.rss as f64, a.resident as f64))),
        ("rss-overhead.bytes", Bytes(m.rss as i64 - a.resident as i64)),
        ("fragmentation", Ratio(ratio(m.rss as f64, m.used as f64))),
        ("fragmentation.bytes", Bytes(m.rss as i64 - m.used as i64)),
    ]
}

const DOCTOR: Spec = Spec::server("doctor", doctor)
    .arity(exactly(1))
    .group(Group::Server)
    .since("4.0.0")
    .tips(TIPS)
    .summary("Tells in words what is wrong with memory.");

/// Below this little can be told, bytes.
const DOCTOR_MIN: u64 = 5 << 20;
/// A difference below this is no matter, bytes.
const DOCTOR_SLACK: u64 = 10 << 20;
/// Bytes per client, on average, that are many.
const DOCTOR_CLIENT_MAX: u64 = 200 << 10;

fn doctor(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let m = Memory::of(cx.server);
    let a = memory::stats();
    let clients = cx.server.clients.len().max(1) as u64;
    if m.used < DOCTOR_MIN {
        out.verbatim("txt", b"There is little data: nothing can be told of memory yet.\n");
        return Ok(());
    }
    let beyond = |whole: u64, part: u64, percent: u64| {
        whole > part + DOCTOR_SLACK && whole as u128 * 100 > part as u128 * percent as u128
    };
    let findings = [
        (
            m.peak as u128 * 2 > m.used as u128 * 3,
            "Peak memory: once more than 150% of what is used now was in use. The allocator keeps some of it; MEMORY \
             PURGE gives back what it can.",
        ),
        (
            beyond(m.rss, m.used, 140),
            "High total RSS: the process holds over 1.4 times the memory that it uses, after a peak or by \
             fragmentation.",
        ),
        (
            beyond(a.resident as u64, a.active as u64, 110),
            "High allocator RSS overhead: the allocator holds freed pages. MEMORY PURGE gives them back.",
        ),
        (
            m.clients / clients > DOCTOR_CLIENT_MAX,
            "Big client buffers: clients take over 200 KB each on average. CLIENT LIST shows in omem and qbuf which.",
        ),
    ];
    let mut text = String::new();
    for (_, finding) in findings.iter().filter(|f| f.0) {
        // Writing into memory does not fail.
        let _ = writeln!(text, " * {finding}\n");
    }
    if text.is_empty() {
        text = "No memory issue was found.\n".into();
    }
    out.verbatim("txt", text.as_bytes());
    Ok(())
}

const PURGE: Spec = Spec::server("purge", purge)
    .arity(exactly(1))
    .flags(LOADING)
    .group(Group::Server)
    .since("4.0.0")
    .complexity("By how much memory is allocated; may be slow")
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .summary("Has the allocator give back what it holds and does not need.");

fn purge(_: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    memory::purge();
    out.ok();
    Ok(())
}

const MALLOC_STATS: Spec = Spec::server("malloc-stats", malloc_stats)
    .arity(exactly(1))
    .flags(LOADING)
    .group(Group::Server)
    .since("4.0.0")
    .complexity("By how much memory is allocated; may be slow")
    .tips(TIPS)
    .summary("Returns the allocator's own report.");

fn malloc_stats(_: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.verbatim("txt", memory::malloc_stats_text().as_bytes());
    Ok(())
}

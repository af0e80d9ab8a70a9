//! OBJECT: how a value is stored.

use crate::commands::help;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::db::Access;
use crate::resp::Reply;
use crate::types::table::Pos;

pub const OBJECT: Spec = Spec::container("object", &[ENCODING, FREQ, HELP, IDLETIME, REFCOUNT])
    .since("2.2.3")
    .complexity("Depends on the subcommand.")
    .summary("Commands that tell how a value is stored.");

const LOOKED_AT: &[KeySpec] = &[KeySpec::at(2, RO)];

const fn telling(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::key(name, f)
        .arity(exactly(2))
        .flags(READONLY)
        .keys(LOOKED_AT)
        .acl(acl::KEYSPACE)
        .syntax("key")
        .since("2.2.3")
        .tips(&["nondeterministic_output"])
}

const ENCODING: Spec = telling("encoding", encoding).summary("Tells how the value of a key is encoded.");
const FREQ: Spec =
    telling("freq", freq).since("4.0.0").summary("Tells the logarithmic counter of accesses to a key.");
const IDLETIME: Spec =
    telling("idletime", idletime).summary("Tells the time since the last access to a key.");
const REFCOUNT: Spec =
    telling("refcount", refcount).summary("Tells how many references the value of a key has.");
const HELP: Spec = help::spec(Group::Generic, "6.2.0").acl(acl::KEYSPACE);

/// The key of a subcommand. Without one the answer is nil, and no event of a miss is sent.
fn found(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Option<Pos> {
    args.seek(2);
    let found = cx.db.peek_read(args.key());
    if found.is_none() {
        out.null();
    }
    found
}

fn encoding(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if let Some(pos) = found(cx, args, out) {
        out.bulk(cx.db.at(pos).encoding().as_bytes());
    }
    Ok(())
}

fn refcount(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if found(cx, args, out).is_some() {
        out.int(1);
    }
    Ok(())
}

fn freq(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if let Some(pos) = found(cx, args, out) {
        if cx.config.maxmemory_policy.access() != Access::Lfu {
            return Err(Error::text(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        out.int(cx.db.lfu_counter(cx.db.at(pos).clock()) as i64);
    }
    Ok(())
}

fn idletime(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if let Some(pos) = found(cx, args, out) {
        if cx.config.maxmemory_policy.access() == Access::Lfu {
            return Err(Error::text(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                 between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        out.int(cx.db.idle_seconds(cx.db.at(pos).clock()) as i64);
    }
    Ok(())
}

//! Commands on the append-only file: BGREWRITEAOF, WAITAOF.

use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::session::{Blocked, OnDisk};
use crate::engine::spec::*;
use crate::resp::Reply;

pub const COMMANDS: &[Spec] = &[BGREWRITEAOF, WAITAOF];

pub const BGREWRITEAOF: Spec = Spec::server("bgrewriteaof", bgrewriteaof)
    .arity(exactly(0))
    .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT)
    .group(Group::Server)
    .since("1.0.0")
    .complexity("O(1)")
    .summary("Replaces the append-only file by a short one with the same data, in the background.");

fn bgrewriteaof(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // Inside a transaction the data is not what was propagated yet.
    let in_transaction = cx.session().deny_blocking;
    let server = &mut *cx.server;
    if server.aof.rewriting_since().is_some() {
        return Err(Error::text("ERR Background append only file rewriting already in progress"));
    }
    if server.snapshots.running.is_some() || in_transaction {
        server.aof.schedule();
        tracing::info!("Background append only file rewriting scheduled.");
        out.status("Background append only file rewriting scheduled");
        return Ok(());
    }
    if !server.begin_rewrite() {
        return Err(Error::text(
            "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
        ));
    }
    out.status("Background append only file rewriting started");
    Ok(())
}

pub const WAITAOF: Spec = Spec::server("waitaof", waitaof)
    .arity(exactly(3))
    .flags(BLOCKING)
    .acl(acl::CONNECTION)
    .syntax("numlocal numreplicas timeout")
    .since("7.2.0")
    .complexity("O(1)")
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .summary("Waits until all writes of this connection are on disk, here and at replicas.");

fn waitaof(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let local =
        args.int_in(0..=1, Error::text("ERR value is out of range, value must between 0 and 1"))? == 1;
    let replicas = args.int_in(0..=i64::MAX, Error::text("ERR value is out of range, must be positive"))?;
    let timeout_ms =
        args.int_in(i64::MIN..=i64::MAX, Error::text("ERR timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(Error::text("ERR timeout is negative"));
    }
    let until_ms = cx.now_ms.checked_add(timeout_ms).ok_or(Error::text("ERR timeout is out of range"))?;
    if cx.server.is_replica() {
        return Err(Error::text(
            "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just \
             local and are not propagated.",
        ));
    }
    if local && !cx.server.is_logged() {
        return Err(Error::NO_LOG);
    }
    let (offset, logged) = (cx.session().write_offset, cx.session().logged);
    let on_disk = Some(OnDisk { local, logged });
    let acks = cx.server.acks(replicas, offset, on_disk);
    if acks.enough || cx.session().deny_blocking {
        acks.write(out);
    } else {
        cx.block(Blocked::Wait { replicas, offset, on_disk }, (timeout_ms > 0).then_some(until_ms));
        cx.server.repl.ack_wanted = true;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

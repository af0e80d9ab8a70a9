//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH. Requests are queued by `exec/gate.rs`.

use crate::engine::args::Args;
use crate::engine::cx::{Caller, ServerCx, SessionCx};
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::engine::transaction::Queue;
use crate::resp::Reply;

pub const COMMANDS: &[Spec] = &[MULTI, EXEC, DISCARD, WATCH, UNWATCH];

/// What all have.
const COMMON: Flags = NOSCRIPT | LOADING | STALE;

pub const MULTI: Spec = Spec::session("multi", multi)
    .arity(exactly(0))
    .flags(COMMON | FAST | NO_MULTI | ALLOW_BUSY)
    .acl(acl::TRANSACTION)
    .group(Group::Transactions)
    .since("1.2.0")
    .summary("Begins a transaction: what follows is queued until EXEC.");

fn multi(cx: &mut SessionCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.session.transaction.get_or_insert_default().open = true;
    out.ok();
    Ok(())
}

pub const EXEC: Spec = Spec::nested("exec", exec)
    .arity(exactly(0))
    .flags(COMMON | SKIP_COMMANDLOG | RUNS_IN_MULTI)
    .acl(acl::TRANSACTION)
    .group(Group::Transactions)
    .since("1.2.0")
    .complexity("By what is queued.")
    .summary("Runs all that was queued since MULTI, with nothing in between.");

fn exec(caller: &mut dyn Caller, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut cx = caller.cx();
    let slot = cx.slot;
    if !cx.session().in_multi() {
        return Err(Error::text("ERR EXEC without MULTI"));
    }
    let expired = cx.server.watches_expired(slot, cx.now_ms);
    let (failed, dirty) = cx.session().transaction.as_ref().map_or((false, false), |t| (t.failed, t.dirty));
    if failed || dirty || expired {
        cx.server.end_transaction(slot, None);
        if failed {
            return Err(Error::text("EXECABORT Transaction discarded because of previous errors."));
        }
        out.null_array();
        return Ok(());
    }
    // From here on no change concerns it, its own ones least of all.
    cx.server.unwatch(slot);
    let session = cx.session();
    let queue = session.transaction.as_mut().map_or_else(Queue::default, |t| t.take_queue());
    let denied = std::mem::replace(&mut session.deny_blocking, true);
    out.array(queue.len());
    for (command, mut args) in queue.iter() {
        caller.run(command, &mut args, out);
    }
    let mut cx = caller.cx();
    cx.session().deny_blocking = denied;
    cx.server.end_transaction(slot, Some(queue));
    Ok(())
}

pub const DISCARD: Spec = Spec::server("discard", discard)
    .arity(exactly(0))
    .flags(COMMON | FAST | ALLOW_BUSY | RUNS_IN_MULTI | NO_DATA)
    .acl(acl::TRANSACTION)
    .group(Group::Transactions)
    .since("2.0.0")
    .complexity("O(N) for N queued commands")
    .summary("Drops what was queued since MULTI, and watches nothing any more.");

fn discard(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !cx.session().in_multi() {
        return Err(Error::text("ERR DISCARD without MULTI"));
    }
    cx.server.end_transaction(cx.slot, None);
    out.ok();
    Ok(())
}

pub const WATCH: Spec = Spec::server("watch", watch)
    .arity(at_least(1))
    .flags(COMMON | FAST | NO_MULTI | ALLOW_BUSY | NO_DATA)
    .keys(&[KeySpec::range(1, -1, 1, RO)])
    .acl(acl::TRANSACTION)
    .group(Group::Transactions)
    .syntax("key [key ...]")
    .since("2.2.0")
    .complexity("O(1) for every key.")
    .summary("Has the next EXEC do nothing if one of the keys changes before.");

fn watch(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // EXEC will do nothing already.
    if !cx.session().transaction.as_ref().is_some_and(|t| t.dirty) {
        for key in args.rest() {
            cx.server.watch(cx.slot, key, cx.now_ms);
        }
    }
    out.ok();
    Ok(())
}

pub const UNWATCH: Spec = Spec::server("unwatch", unwatch)
    .arity(exactly(0))
    .flags(COMMON | FAST | ALLOW_BUSY | NO_DATA)
    .acl(acl::TRANSACTION)
    .group(Group::Transactions)
    .since("2.2.0")
    .complexity("O(N) for N watched keys")
    .summary("Watches nothing any more.");

fn unwatch(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.server.unwatch(cx.slot);
    if let Some(tx) = &mut cx.session().transaction {
        tx.dirty = false;
    }
    out.ok();
    Ok(())
}

#[cfg(test)]
mod tests;

//! Commands that look on: SLOWLOG and COMMANDLOG, LATENCY, MEMORY, MONITOR.

mod latency;
mod logs;
mod memory;

use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;

pub const COMMANDS: &[Spec] = &[logs::SLOWLOG, logs::COMMANDLOG, latency::LATENCY, memory::MEMORY, MONITOR];

const MONITOR: Spec = Spec::server("monitor", monitor)
    .arity(exactly(0))
    .flags(ADMIN | NOSCRIPT | LOADING | STALE)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Shows every command that the server runs, as it runs.");

fn monitor(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if cx.session().deny_blocking {
        return Err(Error::text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    // Asked again, the reference says nothing either.
    if !cx.session().monitor {
        cx.session().monitor = true;
        cx.server.monitors.push(cx.slot);
        out.ok();
    }
    Ok(())
}

#[cfg(test)]
mod tests;

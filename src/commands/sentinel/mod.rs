//! SENTINEL: what is watched and how it stands, settings, fail-overs by hand, and what Sentinels ask each other. The
//! machine behind it is `sentinel/`; nothing here decides anything.

mod set;
mod show;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::help;
use crate::base::num;
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::sentinel::instance::Id;
use crate::sentinel::{CRASH_AFTER_ELECTION, CRASH_AFTER_PROMOTION, Sentinel};
pub use show::{info_section, role};

pub const COMMANDS: &[Spec] = &[SENTINEL];

/// Commands and subcommands that a Sentinel has beside its own.
pub fn has(name: &str) -> bool {
    const CLIENT: &[&str] = &[
        "caching",
        "getname",
        "getredir",
        "help",
        "id",
        "info",
        "kill",
        "list",
        "no-evict",
        "pause",
        "reply",
        "setinfo",
        "setname",
        "tracking",
        "trackinginfo",
        "unblock",
        "unpause",
    ];
    match name.split_once('|') {
        Some(("client", sub)) => CLIENT.contains(&sub),
        Some((container, _)) => matches!(container, "acl" | "command" | "sentinel"),
        None => matches!(
            name,
            "acl"
                | "auth"
                | "client"
                | "command"
                | "hello"
                | "info"
                | "ping"
                | "psubscribe"
                | "publish"
                | "punsubscribe"
                | "role"
                | "sentinel"
                | "shutdown"
                | "subscribe"
                | "unsubscribe"
        ),
    }
}

const SENTINEL: Spec = Spec::container(
    "sentinel",
    &[
        CKQUORUM,
        set::CONFIG,
        set::DEBUG,
        FAILOVER,
        FLUSHCONFIG,
        GET_MASTER_ADDR_BY_NAME,
        GET_PRIMARY_ADDR_BY_NAME,
        help::spec(Group::Sentinel, "6.2.0"),
        show::INFO_CACHE,
        IS_MASTER_DOWN_BY_ADDR,
        IS_PRIMARY_DOWN_BY_ADDR,
        show::MASTER,
        show::MASTERS,
        MONITOR,
        MYID,
        show::PENDING_SCRIPTS,
        show::PRIMARIES,
        show::PRIMARY,
        REMOVE,
        show::REPLICAS,
        RESET,
        show::SENTINELS,
        set::SET,
        SIMULATE_FAILURE,
        show::SLAVES,
    ],
)
.flags(ADMIN)
.group(Group::Sentinel)
.since("2.8.4")
.complexity("Depends on the subcommand.")
.summary("Watches primaries and has others take their place.");

/// A function of a command.
type Function = fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result;

/// What all subcommands but HELP have.
const fn spec(name: &'static str, f: Function) -> Spec {
    Spec::server(name, f).flags(ADMIN | ONLY_SENTINEL | NO_DATA).group(Group::Sentinel).since("2.8.4")
}

/// A subcommand about one primary.
const fn about_primary(name: &'static str, f: Function) -> Spec {
    spec(name, f).arity(exactly(2)).syntax("primary-name")
}

/// The machine of a server that has these commands.
fn machine<'a>(cx: &'a mut ServerCx<'_>) -> Result<&'a mut Sentinel> {
    cx.server.sentinel.as_deref_mut().ok_or(Error::text("ERR This instance is no Sentinel"))
}

/// The primary of this name.
fn primary(sentinel: &Sentinel, name: &[u8]) -> Result<Id> {
    sentinel.primary_named(name).ok_or(Error::text("ERR No such master with that name"))
}

fn fault(text: Cow<'static, str>) -> Error {
    match text.strip_prefix('-') {
        Some(with_code) => Error::owned(with_code),
        None => Error::owned(format!("ERR {text}")),
    }
}

/// Writes the configuration; the reply says whether that could be done.
fn save(cx: &mut ServerCx<'_>, out: &mut Reply<'_>) {
    match cx.server.save_sentinel() {
        true => out.ok(),
        false => out.error(b"ERR Failed to save config file. Check server logs."),
    }
}

const CKQUORUM: Spec = about_primary("ckquorum", ckquorum)
    .summary("Checks whether Sentinels enough for a fail-over can be reached.");

fn ckquorum(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let sentinel = machine(cx)?;
    let id = primary(sentinel, args.get(2))?;
    let (usable, quorum, majority) = sentinel.quorum(id);
    if quorum && majority {
        out.status(&format!(
            "OK {usable} usable Sentinels. Quorum and failover authorization can be reached"
        ));
        return Ok(());
    }
    let mut text = format!("NOQUORUM {usable} usable Sentinels. ");
    if !quorum {
        text += "Not enough available Sentinels to reach the specified quorum for this master";
    }
    if !majority {
        text += if quorum { "" } else { ". " };
        text += "Not enough available Sentinels to reach the majority and authorize a failover";
    }
    Err(Error::owned(text))
}

const FAILOVER: Spec = spec("failover", failover)
    .arity(at_least(2))
    .syntax("primary-name [COORDINATED]")
    .history(&[("9.0.0", "Takes `COORDINATED`.")])
    .summary("Has a replica take the primary's place, without asking other Sentinels.");

fn failover(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.len() > 4 {
        return Err(Error::arity("sentinel|failover"));
    }
    let now_ms = cx.now_ms;
    let sentinel = machine(cx)?;
    let id = primary(sentinel, args.get(2))?;
    let coordinated = args.len() == 4;
    if coordinated && !args.is(3, "coordinated") {
        return Err(Error::text("ERR Unknown failover option specified"));
    }
    sentinel.fail_over(now_ms, id, coordinated).map_err(fault)?;
    out.ok();
    Ok(())
}

const FLUSHCONFIG: Spec = spec("flushconfig", flushconfig)
    .arity(exactly(1))
    .summary("Writes the configuration file, with all that the Sentinel must remember.");

fn flushconfig(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    save(cx, out);
    Ok(())
}

const GET_MASTER_ADDR_BY_NAME: Spec = about_primary("get-master-addr-by-name", get_addr)
    .deprecated("8.0.0", "`SENTINEL GET-PRIMARY-ADDR-BY-NAME`")
    .summary("Returns where a primary is.");

const GET_PRIMARY_ADDR_BY_NAME: Spec =
    about_primary("get-primary-addr-by-name", get_addr).since("8.0.0").summary("Returns where a primary is.");

fn get_addr(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let sentinel = machine(cx)?;
    let Some(id) = sentinel.primary_named(args.get(2)) else {
        out.null_array();
        return Ok(());
    };
    let addr = sentinel.current_addr(id);
    out.array(2);
    out.bulk(sentinel.announced(addr));
    out.bulk_int(i64::from(addr.port));
    Ok(())
}

const fn is_down_spec(name: &'static str) -> Spec {
    spec(name, is_down)
        .arity(exactly(5))
        .syntax("ip port current-epoch runid")
        .summary("Tells another Sentinel whether a primary is down, and for whom it would vote.")
}

const IS_MASTER_DOWN_BY_ADDR: Spec =
    is_down_spec("is-master-down-by-addr").deprecated("8.0.0", "`SENTINEL IS-PRIMARY-DOWN-BY-ADDR`");

const IS_PRIMARY_DOWN_BY_ADDR: Spec = is_down_spec("is-primary-down-by-addr").since("8.0.0");

fn is_down(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(3);
    let (port, epoch) = (args.int()?, args.int()?);
    let now_ms = cx.now_ms;
    let (down, leader, leader_epoch) = machine(cx)?.is_down(now_ms, args.get(2), port, epoch, args.get(5));
    out.array(3);
    out.int(down as i64);
    out.bulk(leader.as_deref().unwrap_or(b"*"));
    out.int(i64::try_from(leader_epoch).unwrap_or(i64::MAX));
    Ok(())
}

const MONITOR: Spec = spec("monitor", monitor)
    .arity(exactly(5))
    .syntax("name ip port quorum")
    .summary("Begins to watch a primary.");

fn monitor(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    refuse_control(args, 2, "SENTINEL MONITOR")?;
    let number = |i: usize, what: &str| {
        num::parse_i64(args.get(i)).ok_or_else(|| Error::owned(format!("ERR Invalid {what}")))
    };
    let (quorum, port) = (number(5, "quorum")?, number(4, "port")?);
    let now_ms = cx.now_ms;
    let made = machine(cx)?.monitor(now_ms, args.get(2), args.get(3), port, quorum);
    let id = made.map_err(fault)?;
    save(cx, out);
    machine(cx)?.tell_monitor(id);
    Ok(())
}

/// A line of the configuration file must not end in the middle of an argument.
fn refuse_control(args: &Args<'_>, from: usize, command: &str) -> Result {
    for i in from..args.len() {
        if args.get(i).iter().any(u8::is_ascii_control) {
            return Err(Error::owned(format!(
                "ERR Invalid argument at index {i} for {command}: control characters are not allowed"
            )));
        }
    }
    Ok(())
}

const MYID: Spec = spec("myid", myid).arity(exactly(1)).since("6.2.0").summary("Returns the Sentinel's id.");

fn myid(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.bulk(&machine(cx)?.myid);
    Ok(())
}

const REMOVE: Spec = about_primary("remove", remove).summary("Watches a primary no more.");

fn remove(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    let sentinel = machine(cx)?;
    let id = primary(sentinel, args.get(2))?;
    sentinel.remove(now_ms, id);
    save(cx, out);
    Ok(())
}

const RESET: Spec = spec("reset", reset)
    .arity(exactly(2))
    .syntax("pattern")
    .complexity("O(N) for N primaries that are watched")
    .summary("Forgets all that was learnt of the primaries whose names match a pattern.");

fn reset(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    out.int(machine(cx)?.reset(now_ms, args.get(2)) as i64);
    Ok(())
}

const SIMULATE_FAILURE: Spec = spec("simulate-failure", simulate_failure)
    .arity(at_least(2))
    .syntax("<CRASH-AFTER-ELECTION|CRASH-AFTER-PROMOTION|HELP> [CRASH-AFTER-ELECTION|CRASH-AFTER-PROMOTION|HELP ...]")
    .since("3.2.0")
    .summary("Has the Sentinel end in the middle of its next fail-over, for tests.");

fn simulate_failure(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let sentinel = machine(cx)?;
    sentinel.simulated = 0;
    while args.left() > 0 {
        if args.eat("crash-after-election") {
            sentinel.simulated |= CRASH_AFTER_ELECTION;
            tracing::warn!(
                "Failure simulation: this Sentinel will crash after being successfully elected as failover leader"
            );
        } else if args.eat("crash-after-promotion") {
            sentinel.simulated |= CRASH_AFTER_PROMOTION;
            tracing::warn!(
                "Failure simulation: this Sentinel will crash after promoting the selected replica to master"
            );
        } else if args.eat("help") {
            out.array(2);
            out.bulk(b"crash-after-election");
            out.bulk(b"crash-after-promotion");
            return Ok(());
        } else {
            return Err(Error::text("ERR Unknown failure simulation specified"));
        }
    }
    out.ok();
    Ok(())
}

/// PUBLISH, of which a Sentinel takes nothing but hellos.
pub fn take_hello(sentinel: &mut Sentinel, now_ms: i64, args: &Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.get(1) != b"__sentinel__:hello" {
        return Err(Error::text("ERR Only HELLO messages are accepted by Sentinel instances."));
    }
    sentinel.take_hello(now_ms, args.get(2));
    out.int(1);
    Ok(())
}

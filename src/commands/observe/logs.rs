//! SLOWLOG and COMMANDLOG.

use crate::base::num;
use crate::commands::help;
use crate::engine::args::Args;
use crate::engine::commandlog::Kind;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;

pub const SLOWLOG: Spec =
    Spec::container("slowlog", &[SLOWLOG_GET, SLOWLOG_HELP, SLOWLOG_LEN, SLOWLOG_RESET])
        .group(Group::Server)
        .since("2.2.12")
        .complexity("By subcommand.")
        .summary("Commands on the log of slow commands.");

pub const COMMANDLOG: Spec =
    Spec::container("commandlog", &[COMMANDLOG_GET, COMMANDLOG_HELP, COMMANDLOG_LEN, COMMANDLOG_RESET])
        .group(Group::Server)
        .since("8.1.0")
        .complexity("By subcommand.")
        .summary("Commands on the logs of slow commands, large requests and large replies.");

const COMMON: Flags = ADMIN | LOADING | STALE;
const GET_TIPS: &[&str] = &["request_policy:all_nodes", "nondeterministic_output"];
const LEN_TIPS: &[&str] = &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"];
const RESET_TIPS: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const KINDS: &str = "SLOW|LARGE-REQUEST|LARGE-REPLY";

const SLOWLOG_HELP: Spec = help::spec(Group::Server, "6.2.0");
const COMMANDLOG_HELP: Spec = help::spec(Group::Server, "8.1.0");

const SLOWLOG_GET: Spec = Spec::server("get", slowlog_get)
    .arity(at_least(1))
    .flags(COMMON)
    .group(Group::Server)
    .syntax("[count]")
    .since("2.2.12")
    .complexity("O(N) for N entries returned")
    .tips(GET_TIPS)
    .history(&[("4.0.0", "Added the client's address and name.")])
    .summary("Returns the newest entries.");

/// Entries that SLOWLOG GET returns unasked.
const COUNT_DEFAULT: usize = 10;

fn slowlog_get(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let count = match args.len() {
        2 => COUNT_DEFAULT,
        3 => count(args.get(2))?,
        _ => {
            let text = "ERR unknown subcommand or wrong number of arguments for '";
            return Err(Error::owned([text.as_bytes(), args.get(1), b"'. Try SLOWLOG HELP."].concat()));
        }
    };
    entries(cx, Kind::Slow, count, out);
    Ok(())
}

/// A number of entries; -1 for all.
fn count(arg: &[u8]) -> Result<usize> {
    match num::parse_i64(arg) {
        Some(-1) => Ok(usize::MAX),
        Some(n @ 0..) => Ok(n as usize),
        _ => Err(Error::text("ERR count should be greater than or equal to -1")),
    }
}

fn entries(cx: &mut ServerCx<'_>, kind: Kind, most: usize, out: &mut Reply<'_>) {
    let log = cx.server.logs.get(kind);
    out.array(log.len().min(most));
    for e in log.iter().take(most) {
        out.array(6);
        out.int(e.id as i64);
        out.int(e.time_s);
        out.int(e.value);
        out.array(e.args.len());
        e.args.iter().for_each(|a| out.bulk(a));
        out.bulk(e.addr.as_bytes());
        out.bulk(&e.client);
    }
}

const SLOWLOG_LEN: Spec = Spec::server("len", slowlog_len)
    .arity(exactly(1))
    .flags(COMMON)
    .group(Group::Server)
    .since("2.2.12")
    .tips(LEN_TIPS)
    .summary("Returns the number of entries.");

fn slowlog_len(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.server.logs.get(Kind::Slow).len() as i64);
    Ok(())
}

const SLOWLOG_RESET: Spec = Spec::server("reset", slowlog_reset)
    .arity(exactly(1))
    .flags(COMMON)
    .group(Group::Server)
    .since("2.2.12")
    .complexity("O(N) for N entries in the log")
    .tips(RESET_TIPS)
    .summary("Forgets all entries.");

fn slowlog_reset(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.server.logs.get_mut(Kind::Slow).reset();
    out.ok();
    Ok(())
}

fn kind(arg: &[u8]) -> Result<Kind> {
    Kind::named(arg)
        .ok_or(Error::text("ERR type should be one of the following: slow, large-request, large-reply"))
}

const COMMANDLOG_GET: Spec = Spec::server("get", commandlog_get)
    .arity(exactly(3))
    .flags(COMMON)
    .group(Group::Server)
    .syntax("count SLOW|LARGE-REQUEST|LARGE-REPLY")
    .since("8.1.0")
    .complexity("O(N) for N entries returned")
    .tips(GET_TIPS)
    .summary("Returns the newest entries of a log.");

fn commandlog_get(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let most = count(args.get(2))?;
    entries(cx, kind(args.get(3))?, most, out);
    Ok(())
}

const COMMANDLOG_LEN: Spec = Spec::server("len", commandlog_len)
    .arity(exactly(2))
    .flags(COMMON)
    .group(Group::Server)
    .syntax(KINDS)
    .since("8.1.0")
    .tips(LEN_TIPS)
    .summary("Returns the number of entries of a log.");

fn commandlog_len(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.server.logs.get(kind(args.get(2))?).len() as i64);
    Ok(())
}

const COMMANDLOG_RESET: Spec = Spec::server("reset", commandlog_reset)
    .arity(exactly(2))
    .flags(COMMON)
    .group(Group::Server)
    .syntax(KINDS)
    .since("8.1.0")
    .complexity("O(N) for N entries in the log")
    .tips(RESET_TIPS)
    .summary("Forgets all entries of a log.");

fn commandlog_reset(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.server.logs.get_mut(kind(args.get(2))?).reset();
    out.ok();
    Ok(())
}

//! CLIENT: what is known of connections, and what can be done to them.

mod filter;
mod tracking;

use super::help;
use crate::engine::args::Args;
use crate::engine::client_info::{self, Running};
use crate::engine::cx::{ServerCx, SessionCx};
use crate::engine::error::{Error, Result};
use crate::engine::server::Pause;
use crate::engine::session::{Blocked, ReplyMode, Session};
use crate::engine::spec::*;
use crate::keyspace::ExpiryRule;
use crate::resp::Reply;
use filter::Filter;

pub const COMMANDS: &[Spec] = &[CLIENT];

pub const CLIENT: Spec = Spec::container(
    "client",
    &[
        tracking::CACHING,
        CAPA,
        GETNAME,
        tracking::GETREDIR,
        HELP,
        ID,
        IMPORT_SOURCE,
        INFO,
        KILL,
        LIST,
        NO_EVICT,
        NO_TOUCH,
        PAUSE,
        REPLY,
        SETINFO,
        SETNAME,
        tracking::TRACKING,
        tracking::TRACKINGINFO,
        UNBLOCK,
        UNPAUSE,
    ],
)
.group(Group::Connection)
.since("2.4.0")
.complexity("By subcommand.")
.summary("Commands on connections.");

/// What most subcommands share.
const COMMON: Flags = NOSCRIPT | LOADING | STALE;

const HELP: Spec = help::spec(Group::Connection, "5.0.0").acl(acl::CONNECTION);

const ID: Spec = Spec::session("id", id)
    .arity(exactly(1))
    .flags(COMMON | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .since("5.0.0")
    .summary("Returns the connection's id.");

fn id(cx: &mut SessionCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.session.id as i64);
    Ok(())
}

const INFO: Spec = Spec::server("info", info)
    .arity(exactly(1))
    .flags(COMMON)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .since("6.2.0")
    .tips(&["nondeterministic_output"])
    .summary("Describes the connection.");

fn info(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    let id = cx.session().id;
    let mut line = Vec::new();
    if let Some(s) = cx.server.clients.get(cx.slot) {
        let running = Running { id, command: "client|info", args: args.bytes(), output: out.output() };
        client_info::describe(&mut line, cx.server, s, now_ms, Some(&running), false);
    }
    line.push(b'\n');
    out.verbatim("txt", &line);
    Ok(())
}

const FILTER_SYNTAX: &str = "[TYPE NORMAL|MASTER|REPLICA|PUBSUB] [ID client-id [client-id ...]] [USER username] \
     [ADDR ip:port] [LADDR ip:port] [SKIPME YES|NO] [MAXAGE maxage] [NAME name] [IDLE idle] [FLAGS flags] \
     [LIB-NAME lib-name] [LIB-VER lib-ver] [DB db] [CAPA capa] [IP ip] \
     [NOT-TYPE NORMAL|MASTER|REPLICA|PUBSUB] [NOT-ID not-client-id [not-client-id ...]] [NOT-USER not-username] \
     [NOT-ADDR ip:port] [NOT-LADDR ip:port] [NOT-NAME not-name] [NOT-FLAGS not-flags] \
     [NOT-LIB-NAME not-lib-name] [NOT-LIB-VER not-lib-ver] [NOT-DB not-db] [NOT-CAPA not-capa] [NOT-IP not-ip]";

const LIST: Spec = Spec::server("list", list)
    .arity(at_least(1))
    .flags(COMMON | ADMIN)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax(FILTER_SYNTAX)
    .since("2.4.0")
    .complexity("O(N) for N connections")
    .tips(&["nondeterministic_output"])
    .history(&[
        ("2.8.12", "Added the field `id`."),
        ("5.0.0", "Added the filter `TYPE`."),
        ("6.0.0", "Added the field `user`."),
        ("6.2.0", "Added the fields `argv-mem`, `tot-mem`, `laddr`, `redir`, and the filter `ID`."),
        ("7.0.0", "Added the fields `resp`, `multi-mem`, `rbs`, `rbp`."),
        ("7.0.3", "Added the field `ssub`."),
        ("8.0.0", "`PRIMARY` beside `MASTER` as a `TYPE`."),
        ("8.1.0", "Added the filters USER, ADDR, LADDR, SKIPME, MAXAGE."),
        (
            "9.0.0",
            "Added the filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, IP, and those with NOT-.",
        ),
    ])
    .summary("Describes all connections, or those that filters name.");

fn list(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    if args.len() == 3 {
        return Err(Error::SYNTAX);
    }
    let filter = Filter::read(args, false, cx.server.config.databases)?;
    let me = cx.session().id;
    let running = Running { id: me, command: "client|list", args: args.bytes(), output: out.output() };
    let mut text = Vec::new();
    for s in cx.server.clients.iter().filter(|s| filter.takes(s, me, cx.now_ms)) {
        client_info::describe(&mut text, cx.server, s, cx.now_ms, Some(&running), false);
        text.push(b'\n');
    }
    out.verbatim("txt", &text);
    Ok(())
}

const KILL_FILTERS: &str = "ip:port|[ID client-id [client-id ...]]|[TYPE NORMAL|MASTER|PRIMARY|SLAVE|REPLICA|PUBSUB]|\
     [USER username]|[ADDR ip:port]|[LADDR ip:port]|[SKIPME YES|NO]|[MAXAGE maxage]|[NAME name]|[IDLE idle]|\
     [FLAGS flags]|[LIB-NAME lib-name]|[LIB-VER lib-ver]|[DB db]|[CAPA capa]|[IP ip]|\
     [NOT-TYPE NORMAL|MASTER|PRIMARY|SLAVE|REPLICA|PUBSUB]|[NOT-ID not-client-id [not-client-id ...]]|\
     [NOT-USER not-username]|[NOT-ADDR ip:port]|[NOT-LADDR ip:port]|[NOT-NAME not-name]|[NOT-FLAGS not-flags]|\
     [NOT-LIB-NAME not-lib-name]|[NOT-LIB-VER not-lib-ver]|[NOT-DB not-db]|[NOT-CAPA not-capa]|[NOT-IP not-ip] \
     [[ID client-id [client-id ...]]|[TYPE NORMAL|MASTER|PRIMARY|SLAVE|REPLICA|PUBSUB]|[USER username]|\
     [ADDR ip:port]|[LADDR ip:port]|[SKIPME YES|NO]|[MAXAGE maxage]|[NAME name]|[IDLE idle]|[FLAGS flags]|\
     [LIB-NAME lib-name]|[LIB-VER lib-ver]|[DB db]|[CAPA capa]|[IP ip]|\
     [NOT-TYPE NORMAL|MASTER|PRIMARY|SLAVE|REPLICA|PUBSUB]|[NOT-ID not-client-id [not-client-id ...]]|\
     [NOT-USER not-username]|[NOT-ADDR ip:port]|[NOT-LADDR ip:port]|[NOT-NAME not-name]|[NOT-FLAGS not-flags]|\
     [NOT-LIB-NAME not-lib-name]|[NOT-LIB-VER not-lib-ver]|[NOT-DB not-db]|[NOT-CAPA not-capa]|[NOT-IP not-ip] ...]";

const KILL: Spec = Spec::server("kill", kill)
    .arity(at_least(2))
    .flags(COMMON | ADMIN)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax(KILL_FILTERS)
    .since("2.4.0")
    .complexity("O(N) for N connections")
    .history(&[
        ("2.8.12", "Added the form with filters."),
        ("2.8.12", "Added the filter `ID`."),
        ("3.2.0", "Added the `TYPE` `master`."),
        ("5.0.0", "`replica` beside `slave` as a `TYPE`."),
        ("6.2.0", "Added the filter `LADDR`."),
        ("8.0.0", "Added the filter `MAXAGE`."),
        ("8.0.0", "`primary` beside `master` as a `TYPE`."),
        ("8.1.0", "`ID` takes several ids."),
        (
            "9.0.0",
            "Added the filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, IP, and those with NOT-.",
        ),
    ])
    .summary("Ends connections.");

fn kill(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let old_form = args.len() == 3;
    let filter = if old_form {
        Filter::by_addr(args.bytes_arg()?)
    } else {
        Filter::read(args, true, cx.server.config.databases)?
    };
    let (me, now_ms) = (cx.session().id, cx.now_ms);
    let meant: Vec<usize> = cx.server.clients.slots_by_id();
    let mut killed = 0;
    for slot in meant {
        if !cx.server.clients.get(slot).is_some_and(|s| filter.takes(s, me, now_ms)) {
            continue;
        }
        killed += 1;
        if slot == cx.slot {
            // It still gets the answer.
            cx.session().close_after_reply();
        } else {
            cx.server.close_now(slot);
        }
    }
    match (old_form, killed) {
        (true, 0) => return Err(Error::UNKNOWN_CLIENT),
        (true, _) => out.ok(),
        (false, n) => out.int(n),
    }
    Ok(())
}

const SETNAME: Spec = Spec::session("setname", setname)
    .arity(exactly(2))
    .flags(COMMON | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("connection-name")
    .since("2.6.9")
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .summary("Names the connection.");

fn setname(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    set_name(cx.session, args.get(2))?;
    out.ok();
    Ok(())
}

/// Names a connection; an empty name removes it.
pub(super) fn set_name(session: &mut Session, name: &[u8]) -> Result {
    valid_name(name)?;
    session.name = name.to_vec();
    Ok(())
}

/// Names must not break the lines of CLIENT LIST.
pub(super) fn valid_name(name: &[u8]) -> Result {
    match shown_as_one_word(name) {
        true => Ok(()),
        false => Err(Error::text("ERR Client names cannot contain spaces, newlines or special characters.")),
    }
}

fn shown_as_one_word(value: &[u8]) -> bool {
    value.iter().all(|c| (b'!'..=b'~').contains(c))
}

const GETNAME: Spec = Spec::session("getname", getname)
    .arity(exactly(1))
    .flags(COMMON | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .since("2.6.9")
    .summary("Returns the connection's name.");

fn getname(cx: &mut SessionCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match cx.session.name.as_slice() {
        b"" => out.null(),
        name => out.bulk(name),
    }
    Ok(())
}

const SETINFO: Spec = Spec::session("setinfo", setinfo)
    .arity(exactly(3))
    .flags(COMMON | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("LIB-NAME libname|LIB-VER libver")
    .since("7.2.0")
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .summary("Tells which client library is behind the connection.");

fn setinfo(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (option, value) = (args.get(2), args.get(3));
    let field = if args.is(2, "lib-name") {
        &mut cx.session.lib_name
    } else if args.is(2, "lib-ver") {
        &mut cx.session.lib_ver
    } else {
        return Err(Error::owned([b"ERR Unrecognized option '", option, b"'"].concat()));
    };
    if !shown_as_one_word(value) {
        let text: &[u8] = b" cannot contain spaces, newlines or special characters.";
        return Err(Error::owned([b"ERR ", option, text].concat()));
    }
    *field = value.to_vec();
    out.ok();
    Ok(())
}

const REPLY: Spec = Spec::session("reply", reply)
    .arity(exactly(2))
    .flags(COMMON | ALLOW_BUSY | NO_MULTI)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("ON|OFF|SKIP")
    .since("3.2.0")
    .summary("Turns replies to the connection on and off.");

fn reply(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mode = &mut cx.session.reply_mode;
    if args.is(2, "on") {
        *mode = ReplyMode::On;
        out.ok();
    } else if args.is(2, "off") {
        *mode = ReplyMode::Off;
    } else if !args.is(2, "skip") {
        return Err(Error::SYNTAX);
    } else if *mode != ReplyMode::Off {
        *mode = ReplyMode::SkipNext;
    }
    Ok(())
}

/// Reads ON or OFF as argument 2.
fn on_off(args: &Args<'_>) -> Result<bool> {
    match (args.is(2, "on"), args.is(2, "off")) {
        (false, false) => Err(Error::SYNTAX),
        (on, _) => Ok(on),
    }
}

const NO_EVICT: Spec = Spec::server("no-evict", no_evict)
    .arity(exactly(2))
    .flags(COMMON | ALLOW_BUSY | ADMIN)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("ON|OFF")
    .since("7.0.0")
    .summary("Keeps the connection from being closed to save memory.");

fn no_evict(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.session().no_evict = on_off(args)?;
    out.ok();
    Ok(())
}

const NO_TOUCH: Spec = Spec::session("no-touch", no_touch)
    .arity(exactly(2))
    .flags(COMMON | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("ON|OFF")
    .since("7.2.0")
    .summary("Keeps the connection's commands from counting as use of the keys.");

fn no_touch(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.session.no_touch = on_off(args)?;
    out.ok();
    Ok(())
}

const CAPA: Spec = Spec::session("capa", capa)
    .arity(at_least(2))
    .flags(COMMON | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("capability [capability ...]")
    .since("8.0.0")
    .summary("Tells what the client can do; unknown words are passed over.");

fn capa(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    cx.session.capa_redirect |= args.rest().any(|a| a.eq_ignore_ascii_case(b"redirect"));
    out.ok();
    Ok(())
}

const IMPORT_SOURCE: Spec = Spec::session("import-source", import_source)
    .arity(exactly(2))
    .flags(COMMON)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("ON|OFF")
    .since("8.1.0")
    .summary("Marks the connection as the source of an import: it sees keys whose time has come.");

fn import_source(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !cx.config.import_mode && !args.is(2, "off") {
        return Err(Error::text("ERR Server is not in import mode"));
    }
    cx.session.import_source = on_off(args)?;
    out.ok();
    Ok(())
}

const PAUSE: Spec = Spec::server("pause", pause)
    .arity(at_least(2))
    .flags(COMMON | ADMIN)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("timeout [WRITE|ALL]")
    .since("3.0.0")
    .history(&[("6.2.0", "Added the mode `WRITE`, and `ALL` for what was done before.")])
    .summary("Holds commands of all clients, or only writes, for a time.");

fn pause(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let all = match args.len() {
        4 if args.is(3, "write") => false,
        4 if !args.is(3, "all") => {
            return Err(Error::text("ERR CLIENT PAUSE mode must be WRITE or ALL"));
        }
        _ => true,
    };
    args.seek(2);
    let bad = Error::text("ERR timeout is not an integer or out of range");
    let ms = args.int_in(i64::MIN..=i64::MAX, bad)?;
    if ms < 0 {
        return Err(Error::text("ERR timeout is negative"));
    }
    let end = ms.checked_add(cx.now_ms).ok_or(Error::text("ERR timeout is out of range"))?;
    // What is already paused stays so: the later end and the stricter mode win.
    let old = cx.server.pause;
    let active = |until: i64| if until > cx.now_ms { until } else { 0 };
    let end = end.max(active(old.writes_until_ms)).max(active(old.all_until_ms));
    cx.server.pause = if all || active(old.all_until_ms) > 0 {
        Pause { writes_until_ms: 0, all_until_ms: end, ..old }
    } else {
        Pause { writes_until_ms: end, all_until_ms: 0, ..old }
    };
    cx.server.set_expiry_rule(ExpiryRule::Hide);
    out.ok();
    Ok(())
}

const UNPAUSE: Spec = Spec::server("unpause", unpause)
    .arity(exactly(1))
    .flags(COMMON | ADMIN)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .since("6.2.0")
    .complexity("O(N) for N clients held")
    .summary("Ends CLIENT PAUSE.");

fn unpause(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    cx.server.end_pause(cx.now_ms, true);
    out.ok();
    Ok(())
}

const UNBLOCK: Spec = Spec::server("unblock", unblock)
    .arity(at_least(2))
    .flags(COMMON | ADMIN)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("client-id [TIMEOUT|ERROR]")
    .since("5.0.0")
    .complexity("O(log N) for N connections")
    .summary("Ends the waiting of a client.");

fn unblock(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let error = match args.len() {
        4 if args.is(3, "error") => true,
        4 if !args.is(3, "timeout") => {
            return Err(Error::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
        _ => false,
    };
    args.seek(2);
    let id = args.int()?;
    let slot = u64::try_from(id).ok().and_then(|id| cx.server.clients.slot_of(id));
    // A client that CLIENT PAUSE holds waits for no time-out of its own: it is not unblocked.
    let waits = slot.filter(|&s| {
        cx.server
            .client(s)
            .block
            .as_ref()
            .is_some_and(|b| matches!(b.on, Blocked::Wait { .. } | Blocked::Keys(_)))
    });
    match waits {
        Some(slot) => {
            cx.server.end_wait(slot, error);
            out.int(1);
        }
        None => out.int(0),
    }
    Ok(())
}

#[cfg(test)]
mod tests;

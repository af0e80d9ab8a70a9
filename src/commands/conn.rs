//! Commands on the connection.

use crate::engine::args::Args;
use crate::engine::cx::SessionCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;

pub const COMMANDS: &[Spec] = &[PING, SELECT];

pub const PING: Spec = Spec::session("ping", ping)
    .arity(at_least(0))
    .flags(FAST | LOADING | STALE)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("[message]")
    .since("1.0.0")
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .summary("Answers PONG, or the message.");

fn ping(_: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match args.next_opt() {
        None => out.status("PONG"),
        Some(_) if args.left() > 0 => return Err(Error::arity("ping")),
        Some(message) => out.bulk(message),
    }
    Ok(())
}

pub const SELECT: Spec = Spec::session("select", select)
    .arity(exactly(1))
    .flags(FAST | LOADING | STALE)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("index")
    .since("1.0.0")
    .summary("Changes the selected database.");

fn select(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let index = args.int_in(i32::MIN as i64..=i32::MAX as i64, Error::NOT_INTEGER)?;
    match usize::try_from(index) {
        Ok(i) if i < cx.config.databases => cx.session.db = i,
        _ => return Err(Error::DB_OUT_OF_RANGE),
    }
    out.ok();
    Ok(())
}

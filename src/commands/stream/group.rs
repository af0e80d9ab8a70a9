//! XGROUP: groups and consumers made, moved and removed.

use super::{id, no_group_at};
use crate::commands::help;
use crate::commands::server::subcommand_syntax;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::keyspace::object::Mut;
use crate::resp::Reply;
use crate::types::stream::{self, Stream, StreamId, UNKNOWN};

pub const XGROUP: Spec =
    Spec::container("xgroup", &[CREATE, CREATECONSUMER, DELCONSUMER, DESTROY, SETID, HELP])
        .group(Group::Stream)
        .since("5.0.0")
        .complexity("Depends on the subcommand.")
        .summary("Commands for groups of consumers.");

const fn spec(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::key(name, f).acl(acl::STREAM).group(Group::Stream).since("5.0.0")
}

const CREATE: Spec = spec("create", create)
    .arity(at_least(4))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::at(2, RW | INSERT)])
    .syntax("key group id|$ [MKSTREAM] [ENTRIESREAD entries-read]")
    .history(&[("7.0.0", "Option `ENTRIESREAD`.")])
    .summary("Makes a group that is given the entries behind an id.");
const CREATECONSUMER: Spec = spec("createconsumer", create_consumer)
    .arity(exactly(4))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::at(2, RW | INSERT)])
    .syntax("key group consumer")
    .since("6.2.0")
    .summary("Makes a consumer of a group.");
const DELCONSUMER: Spec = spec("delconsumer", delete_consumer)
    .arity(exactly(4))
    .flags(WRITE)
    .keys(&[KeySpec::at(2, RW | DELETE)])
    .syntax("key group consumer")
    .complexity("O(N) for the N entries that it has not acknowledged")
    .summary("Removes a consumer and what it has not acknowledged, and returns how many entries that were.");
const DESTROY: Spec = spec("destroy", destroy)
    .arity(exactly(3))
    .flags(WRITE)
    .keys(&[KeySpec::at(2, RW | DELETE)])
    .syntax("key group")
    .complexity("O(N) for the N entries that it has not acknowledged")
    .summary("Removes a group.");
const SETID: Spec = spec("setid", set_id)
    .arity(at_least(4))
    .flags(WRITE)
    .keys(&[KeySpec::at(2, RW | UPDATE)])
    .syntax("key group id|$ [ENTRIESREAD entries-read]")
    .history(&[("7.0.0", "Option `ENTRIESREAD`.")])
    .summary("Sets behind which id a group is given entries.");
const HELP: Spec = help::spec(Group::Stream, "5.0.0").acl(acl::STREAM);

/// Arguments of CREATE and SETID with their options.
struct Position<'a> {
    key: Key<'a>,
    group: &'a [u8],
    id: &'a [u8],
    make_stream: bool,
    entries_read: i64,
}

fn position<'a>(args: &mut Args<'a>, creates: bool) -> Result<Position<'a>> {
    args.seek(2);
    let mut position = Position {
        key: args.key(),
        group: args.bytes_arg()?,
        id: args.bytes_arg()?,
        make_stream: false,
        entries_read: UNKNOWN,
    };
    while args.left() > 0 {
        if creates && args.eat("mkstream") {
            position.make_stream = true;
        } else if args.left() > 1 && args.eat("entriesread") {
            position.entries_read = args.int()?;
            if position.entries_read < UNKNOWN {
                return Err(Error::text("ERR value for ENTRIESREAD must be positive or -1"));
            }
        } else {
            return Err(subcommand_syntax("XGROUP", args.get(1)));
        }
    }
    Ok(position)
}

/// The stream, which must be there.
fn stream_of<'a>(cx: &'a mut KeyCx<'_>, key: Key<'_>) -> Result<Mut<'a, Stream>> {
    cx.db.write::<Stream>(key)?.ok_or(Error::text(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
         option to create an empty stream automatically.",
    ))
}

/// The id behind which a group reads: `$` is the last one of the stream.
fn behind(text: &[u8], stream: &Stream, parse: fn(&[u8]) -> Result<StreamId>) -> Result<StreamId> {
    if text == b"$" { Ok(stream.counts().last_id) } else { parse(text) }
}

fn create(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const OPTIONS_MAX: usize = 3;
    let Position { key, group, id: text, make_stream, entries_read } = position(args, true)?;
    if !make_stream {
        stream_of(cx, key)?;
    }
    if args.len() - 5 > OPTIONS_MAX {
        // The reference looks at the key first.
        if let Some(pos) = cx.db.peek(key) {
            cx.db.read_at::<Stream>(pos)?;
        }
        return Err(subcommand_syntax("XGROUP", args.get(1)));
    }
    let mut stream = cx.db.write_or_insert::<Stream>(key)?;
    let added = behind(text, &stream, id).and_then(|id| {
        let added = stream.add_group(group, stream::Group::new(id, entries_read));
        if added { Ok(()) } else { Err(Error::text("BUSYGROUP Consumer Group name already exists")) }
    });
    drop(stream);
    if let Err(e) = added {
        cx.take_back(key);
        return Err(e);
    }
    // A group is no change of the stream for those who watch it, but that there is one is.
    if std::mem::take(&mut cx.db.created) {
        cx.notify(key.bytes, Event::NEW);
        cx.fx.modified(cx.db.id, key.bytes);
    }
    cx.fx.dirty += 1;
    cx.notify(key.bytes, Event::XGROUP_CREATE);
    out.ok();
    Ok(())
}

fn set_id(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let Position { key, group, id: text, entries_read, .. } = position(args, false)?;
    let len = args.len();
    let mut stream = stream_of(cx, key)?;
    if stream.group(group).is_none() {
        return Err(no_group_at(key.bytes, group));
    }
    if len != 5 && len != 7 {
        return Err(subcommand_syntax("XGROUP", args.get(1)));
    }
    // Here the reference takes - and +, too.
    let bound = |text: &[u8]| StreamId::parse_bound(text, 0).ok_or(super::INVALID_ID);
    let last_id = behind(text, &stream, bound)?;
    if let Some(group) = stream.group_mut(group) {
        (group.last_id, group.entries_read) = (last_id, entries_read);
    }
    drop(stream);
    cx.fx.dirty += 1;
    cx.notify(key.bytes, Event::XGROUP_SETID);
    out.ok();
    Ok(())
}

fn destroy(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let (key, name) = (args.key(), args.bytes_arg()?);
    let removed = stream_of(cx, key)?.remove_group(name).is_some();
    if removed {
        cx.fx.dirty += 1;
        cx.notify(key.bytes, Event::XGROUP_DESTROY);
    }
    out.int(removed as i64);
    Ok(())
}

fn create_consumer(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let (key, name, consumer) = (args.key(), args.bytes_arg()?, args.bytes_arg()?);
    let now_ms = cx.now_ms;
    let mut stream = stream_of(cx, key)?;
    let group = stream.group_mut(name).ok_or_else(|| no_group_at(key.bytes, name))?;
    let made = group.find(consumer).is_none();
    if made {
        group.add_consumer(consumer, now_ms);
    }
    drop(stream);
    if made {
        cx.fx.dirty += 1;
        cx.notify(key.bytes, Event::XGROUP_CREATECONSUMER);
    }
    out.int(made as i64);
    Ok(())
}

fn delete_consumer(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let (key, name, consumer) = (args.key(), args.bytes_arg()?, args.bytes_arg()?);
    let mut stream = stream_of(cx, key)?;
    let group = stream.group_mut(name).ok_or_else(|| no_group_at(key.bytes, name))?;
    let removed = group.remove_consumer(consumer);
    drop(stream);
    if removed.is_some() {
        cx.fx.dirty += 1;
        cx.notify(key.bytes, Event::XGROUP_DELCONSUMER);
    }
    out.int(removed.unwrap_or(0) as i64);
    Ok(())
}

//! Entries deleted: XDEL, and Redis 8.2's XDELEX and XACKDEL, which look at what groups still have of them.

use smallvec::SmallVec;

use super::add::references_word;
use super::id;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::stream::{Log, References, Stream, StreamId};

/// Ids of one request.
pub(super) type Ids = SmallVec<[StreamId; 8]>;

pub const XDEL: Spec = Spec::key("xdel", xdel)
    .arity(at_least(2))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key id [id ...]")
    .since("5.0.0")
    .complexity("O(log N) for each id")
    .summary("Deletes entries of a stream and returns how many there were.");

fn xdel(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let mut deleted = 0;
    if let Some(mut stream) = cx.db.write::<Stream>(key)? {
        let ids = args.rest().map(id).collect::<Result<Ids>>()?;
        deleted = stream.delete(ids.into_iter());
    }
    if deleted > 0 {
        cx.changed(key.bytes, Event::XDEL, deleted as u64);
    }
    out.int(deleted as i64);
    Ok(())
}

/// What XDELEX and XACKDEL answer for each id.
const NO_ENTRY: i64 = -1;
const DELETED: i64 = 1;
const STILL_REFERENCED: i64 = 2;

/// Reads `[KEEPREF|DELREF|ACKED] IDS numids id [id ...]`.
fn ids_args(args: &mut Args<'_>) -> Result<(References, Ids)> {
    let (mut references, mut ids) = (None, None);
    while args.left() > 0 {
        if let Some(word) = references_word(args) {
            if references.replace(word).is_some() {
                return Err(Error::SYNTAX);
            }
        } else if ids.is_none() && args.eat("ids") {
            const COUNT: Error = Error::text("ERR Number of IDs must be a positive integer");
            let n = args.int_in(1..=i64::MAX, COUNT)?;
            if usize::try_from(n).map_or(true, |n| n > args.left()) {
                return Err(Error::text("ERR The `numids` parameter must match the number of arguments"));
            }
            let read = (0..n).map(|_| args.bytes_arg().and_then(id));
            ids = Some(read.collect::<Result<Ids>>()?);
        } else {
            return Err(Error::SYNTAX);
        }
    }
    Ok((references.unwrap_or_default(), ids.ok_or(Error::SYNTAX)?))
}

/// Deletes an entry as `references` wants it; what is answered, and whether anything changed.
fn delete(stream: &mut Log, id: StreamId, references: References) -> (i64, bool) {
    if references == References::Acked && stream.is_referenced(id) {
        return (if stream.get(id).is_some() { STILL_REFERENCED } else { NO_ENTRY }, false);
    }
    let released = references == References::Delete && stream.release(id);
    if stream.delete([id].into_iter()) > 0 { (DELETED, true) } else { (NO_ENTRY, released) }
}

pub const XDELEX: Spec = Spec::key("xdelex", xdelex)
    .arity(at_least(4))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key [KEEPREF|DELREF|ACKED] IDS numids id [id ...]")
    .since("8.2.0")
    .complexity("O(log N) for each id and group")
    .summary(
        "Deletes entries of a stream by what groups have of them, and returns for each what became of it.",
    );

fn xdelex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (references, ids) = ids_args(args)?;
    out.array(ids.len());
    let Some(mut stream) = cx.db.write::<Stream>(key)? else {
        ids.iter().for_each(|_| out.int(NO_ENTRY));
        return Ok(());
    };
    let (mut deleted, mut changes) = (0, 0);
    for id in ids {
        let (result, changed) = delete(&mut stream, id, references);
        deleted += (result == DELETED) as u64;
        changes += changed as u64;
        out.int(result);
    }
    drop(stream);
    if deleted > 0 {
        cx.changed(key.bytes, Event::XDEL, changes);
    } else {
        // Groups may have known of entries that are long gone.
        cx.fx.dirty += changes;
    }
    Ok(())
}

pub const XACKDEL: Spec = Spec::key("xackdel", xackdel)
    .arity(at_least(5))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...]")
    .since("8.2.0")
    .complexity("O(log N) for each id and group")
    .summary("Acknowledges entries and deletes them, and returns for each what became of it.");

fn xackdel(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, name) = (args.key(), args.bytes_arg()?);
    let (references, ids) = ids_args(args)?;
    out.array(ids.len());
    let found = cx.find_read(key);
    let stream = found.map(|pos| cx.db.write_at::<Stream>(pos, key.hash)).transpose()?;
    let Some(mut stream) = stream.filter(|stream| stream.group(name).is_some()) else {
        ids.iter().for_each(|_| out.int(NO_ENTRY));
        return Ok(());
    };
    let (mut acknowledged, mut deleted) = (0, 0);
    for id in ids {
        let result = if stream.group_mut(name).is_some_and(|group| group.release(id)) {
            acknowledged += 1;
            let (result, _) = delete(&mut stream, id, references);
            deleted += (result == DELETED) as u64;
            // Acknowledged it is, whatever was left of it.
            if result == STILL_REFERENCED { result } else { DELETED }
        } else {
            NO_ENTRY
        };
        out.int(result);
    }
    drop(stream);
    cx.fx.dirty += acknowledged;
    if deleted > 0 {
        cx.changed(key.bytes, Event::XDEL, 0);
    }
    Ok(())
}

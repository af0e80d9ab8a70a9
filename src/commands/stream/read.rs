//! XREAD and XREADGROUP: what several streams have behind an id each, or what a consumer of a group is given next. Both
//! may wait. A consumer that waits has been made by then, and stands in line with the others of its group.

use std::sync::Arc;

use smallvec::SmallVec;

use super::claim::propagate_claim;
use super::range::write_entries;
use super::{INVALID_ID, consumer_made, consumer_of, count, no_group, write_entry, write_id};
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Propagate;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::engine::waiting::TimedOut;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::collection::Collection;
use crate::types::stream::{ConsumerNo, IdText, Log, Stream, StreamId};
use crate::types::table::Pos;

/// The keys are the first half of what follows STREAMS, which is looked for from argument `from` on.
const fn keys(from: i16) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword("STREAMS", from),
        find: Find::Range { last: -1, step: 1, limit: 2 },
        flags: RO | ACCESS,
        notes: "",
    }
}

pub const XREAD: Spec = Spec::key("xread", xread)
    .arity(at_least(3))
    .flags(READONLY | BLOCKING | MOVABLE_KEYS)
    .keys(&[keys(1)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]")
    .since("5.0.0")
    .complexity("O(log N + M) for M entries returned")
    .summary("Returns what streams have behind an id each, or waits for it.");

pub const XREADGROUP: Spec = Spec::key("xreadgroup", xreadgroup)
    .arity(at_least(6))
    .flags(WRITE | BLOCKING | MOVABLE_KEYS)
    .keys(&[keys(4)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax(
        "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]",
    )
    .since("5.0.0")
    .complexity("O(log N + M) for M entries returned")
    .summary("Gives a consumer of a group the next entries of streams, or waits for some; or what it was given before.");

/// What is asked of each stream.
#[derive(Clone, Copy)]
enum Ask {
    /// Entries behind this id; of a group's consumer those that it has.
    Behind(StreamId),
    /// Entries that nobody of the group was given yet.
    New,
}

struct Read<'a> {
    /// BLOCK, and until when; `None` inside: for ever.
    until_ms: Option<Option<i64>>,
    /// 0: all.
    count: usize,
    no_ack: bool,
    /// Group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    /// Index of the first key, and how many there are.
    first: usize,
    streams: usize,
}

impl<'a> Read<'a> {
    fn of(args: &mut Args<'a>, grouped: bool, now_ms: i64) -> Result<Read<'a>> {
        let mut read = Read { until_ms: None, count: 0, no_ack: false, group: None, first: 0, streams: 0 };
        while read.first == 0 && args.left() > 0 {
            let more = args.left() - 1;
            if more > 0 && args.eat("block") {
                read.until_ms = Some(block_arg(args, now_ms)?);
            } else if more > 0 && args.eat("count") {
                read.count = count(args)?;
            } else if more > 0 && args.eat("streams") {
                if !more.is_multiple_of(2) {
                    return Err(unbalanced(grouped));
                }
                (read.first, read.streams) = (args.position(), more / 2);
            } else if more >= 2 && args.eat("group") {
                if !grouped {
                    return Err(Error::text(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                read.group = Some((args.bytes_arg()?, args.bytes_arg()?));
            } else if args.eat("noack") {
                if !grouped {
                    return Err(Error::text(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                read.no_ack = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if read.first == 0 {
            return Err(Error::SYNTAX);
        }
        if grouped && read.group.is_none() {
            return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(read)
    }

    /// The key of stream `i`.
    #[inline]
    fn key(&self, args: &mut Args<'a>, i: usize) -> Key<'a> {
        args.seek(self.first + i);
        args.key()
    }

    /// Index of the id of stream `i`.
    fn id_at(&self, i: usize) -> usize {
        self.first + self.streams + i
    }
}

fn unbalanced(grouped: bool) -> Error {
    Error::text(if grouped {
        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
    } else {
        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."
    })
}

/// Reads a time to wait in ms: when it is over. Zero is for ever.
fn block_arg(args: &mut Args<'_>, now_ms: i64) -> Result<Option<i64>> {
    let ms = num::parse_i64(args.bytes_arg()?)
        .ok_or(Error::text("ERR timeout is not an integer or out of range"))?;
    match ms {
        0 => Ok(None),
        ms if ms < 0 => Err(Error::text("ERR timeout is negative")),
        ms => ms.checked_add(now_ms).map(Some).ok_or(Error::text("ERR timeout is out of range")),
    }
}

fn xread(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let read = Read::of(args, false, cx.now_ms)?;
    let asks = asks(cx, &read, args)?;
    let mut served = Served::new(read.streams);
    for (i, ask) in asks.iter().enumerate() {
        let key = read.key(args, i);
        // Looked up anew, as the reference does: a miss is an event each time.
        let (Some(pos), Ask::Behind(id)) = (cx.find_read(key), *ask) else { continue };
        let stream = cx.db.read_at::<Stream>(pos)?;
        let Some(from) = id.next() else { continue };
        let mut entries = stream.forwards(from, StreamId::MAX).peekable();
        if entries.peek().is_some() {
            served.next(out, key);
            write_entries(out, entries, Some(read.count).filter(|n| *n > 0));
        }
    }
    if !served.end(out) {
        wait(cx, args, &read, &asks, out);
    }
    Ok(())
}

/// The reply to be: names of streams with their entries, pairs in an array or a map. How many is known at the end.
struct Served {
    streams: usize,
    n: usize,
    open: Option<crate::resp::reply::Open>,
}

impl Served {
    fn new(streams: usize) -> Served {
        Served { streams, n: 0, open: None }
    }

    /// Begins the part of one stream.
    fn next(&mut self, out: &mut Reply<'_>, key: Key<'_>) {
        self.n += 1;
        if self.streams == 1 {
            if out.resp3() { out.map(1) } else { out.array(1) }
        } else if self.n == 1 {
            self.open = Some(if out.resp3() { out.open_map() } else { out.open_array() });
        }
        if !out.resp3() {
            out.array(2);
        }
        out.bulk(key.bytes);
    }

    /// Whether there was anything.
    fn end(self, out: &mut Reply<'_>) -> bool {
        if let Some(open) = self.open {
            out.close(open, self.n);
        }
        self.n > 0
    }
}

/// What is asked of each stream; every error comes before anything is done.
fn asks<'a>(cx: &mut KeyCx<'_>, read: &Read<'a>, args: &mut Args<'a>) -> Result<SmallVec<[Ask; 4]>> {
    let mut asks = SmallVec::new();
    for i in 0..read.streams {
        let (key, id) = (read.key(args, i), args.get(read.id_at(i)));
        let stream = match cx.find_read(key) {
            Some(pos) => Some(cx.db.read_at::<Stream>(pos)?),
            None => None,
        };
        if let Some((group, _)) = read.group
            && stream.as_ref().and_then(|stream| stream.group(group)).is_none()
        {
            return Err(no_group(key.bytes, group, " in XREADGROUP with GROUP option"));
        }
        let grouped = read.group.is_some();
        let stream: Option<&Log> = stream.as_deref().map(|stream| &**stream);
        asks.push(ask(id, stream, grouped)?);
    }
    Ok(asks)
}

fn ask(id: &[u8], stream: Option<&Log>, grouped: bool) -> Result<Ask> {
    let last = stream.map_or(StreamId::MIN, |stream| stream.counts().last_id);
    Ok(match id {
        b"$" if grouped => {
            return Err(Error::text(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                 consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just \
                 return an empty result set.",
            ));
        }
        b"$" => Ask::Behind(last),
        b"+" if grouped => {
            return Err(Error::text(
                "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                 consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just \
                 return an empty result set.",
            ));
        }
        // The last entry itself, if there is one.
        b"+" if stream.is_none_or(|stream| stream.counts().len == 0) => Ask::Behind(StreamId::MIN),
        b"+" => Ask::Behind(last.prev().unwrap_or_default()),
        b">" if grouped => Ask::New,
        b">" => {
            return Err(Error::text(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
            ));
        }
        id => match StreamId::parse(id, 0).ok_or(INVALID_ID)? {
            // The reference writes > so.
            StreamId::MAX if grouped => Ask::New,
            id => Ask::Behind(id),
        },
    })
}

/// Nothing is there yet: waits for it, if that is wanted.
#[cold]
fn wait<'a>(cx: &mut KeyCx<'_>, args: &mut Args<'a>, read: &Read<'a>, asks: &[Ask], out: &mut Reply<'_>) {
    let Some(until_ms) = read.until_ms else { return out.null_array() };
    args.seek(read.first);
    let keys = args.rest().take(read.streams);
    let Some(wait) = cx.block_on(keys, Stream::TYPE, until_ms, TimedOut::NullArray, out) else { return };
    wait.group = read.group.map(|(group, _)| Arc::from(group));
    for (i, ask) in asks.iter().enumerate() {
        if let (b"$", Ask::Behind(id)) = (args.get(read.id_at(i)), ask) {
            // What comes from now on is wanted, not what comes behind what woke it.
            wait.settled.push((read.id_at(i), id.text(&mut IdText::new()).into()));
        }
    }
}

fn xreadgroup(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let read = Read::of(args, true, cx.now_ms)?;
    let asks = asks(cx, &read, args)?;
    // Not the command is propagated, but what it does.
    cx.fx.propagate = Propagate::Never;
    let mut served = Served::new(read.streams);
    for (i, ask) in asks.iter().enumerate() {
        let key = read.key(args, i);
        let Some(pos) = cx.find_read(key) else { continue };
        read_one(cx, &read, (key, pos), *ask, &mut served, out)?;
    }
    if !served.end(out) {
        wait(cx, args, &read, &asks, out);
    }
    Ok(())
}

/// What one stream has for a consumer.
fn read_one(
    cx: &mut KeyCx<'_>,
    read: &Read<'_>,
    (key, pos): (Key<'_>, Pos),
    ask: Ask,
    served: &mut Served,
    out: &mut Reply<'_>,
) -> Result {
    let Some((name, consumer_name)) = read.group else { return Ok(()) };
    let now_ms = cx.now_ms;
    let mut stream = cx.db.write_at::<Stream>(pos, key.hash)?;
    let Some(group) = stream.group_mut(name) else { return Ok(()) };
    let (consumer, made) = consumer_of(group, consumer_name, now_ms);
    group.saw(consumer, now_ms);
    let last_given = group.last_id;
    let mut claims = Claims { wanted: cx.fx.streaming, given: Vec::new() };
    let mut position = None;
    let gives = match ask {
        Ask::Behind(_) => true,
        Ask::New => stream.last().is_some_and(|last| last > last_given),
    };
    if gives {
        served.next(out, key);
        match ask {
            Ask::Behind(id) => {
                history(&mut stream, name, (consumer, id), read.count, now_ms, &mut claims, out)
            }
            Ask::New => {
                give_new(&mut stream, read, consumer, now_ms, &mut claims, out);
                position = stream.group(name).map(|group| (group.last_id, group.entries_read));
            }
        }
    }
    let last_id = stream.group(name).map_or(StreamId::MIN, |group| group.last_id);
    drop(stream);
    cx.fx.dirty += gives as u64;
    if made {
        let told = gives && !claims.given.is_empty();
        consumer_made(cx, key, name, consumer_name, told);
    }
    for (id, count) in claims.given {
        // Each with the group's position at that moment.
        let last_id = if matches!(ask, Ask::New) { id } else { last_id };
        propagate_claim(cx, key, name, consumer_name, (id, now_ms, count, last_id));
    }
    if let (Some((id, entries_read)), true) = (position, cx.propagates()) {
        propagate_position(cx, key, name, id, entries_read);
    }
    Ok(())
}

/// The entries that a consumer was given, with how often, if that is to be propagated.
struct Claims {
    wanted: bool,
    given: Vec<(StreamId, u64)>,
}

/// Gives a consumer what nobody of its group was given yet. There is something.
fn give_new(
    stream: &mut Log,
    read: &Read<'_>,
    consumer: ConsumerNo,
    now_ms: i64,
    claims: &mut Claims,
    out: &mut Reply<'_>,
) {
    let Some((group, _)) = read.group else { return };
    let wanted = claims.wanted && !read.no_ack;
    if read.count == 1 {
        // No need to look back for the length.
        out.array(1);
    }
    let array = (read.count != 1).then(|| out.open_array());
    let n = stream.deliver(group, consumer, read.count, read.no_ack, now_ms, |entry| {
        write_entry(out, entry);
        if wanted {
            claims.given.push((entry.id, 1));
        }
    });
    if let Some(array) = array {
        out.close(array, n);
    }
}

/// Gives a consumer again what it has, behind an id. What is no longer there comes without fields.
fn history(
    stream: &mut Log,
    name: &[u8],
    (consumer, behind): (ConsumerNo, StreamId),
    count: usize,
    now_ms: i64,
    claims: &mut Claims,
    out: &mut Reply<'_>,
) {
    let array = out.open_array();
    let most = if count == 0 { usize::MAX } else { count };
    let from = behind.next();
    let ids: Vec<StreamId> = match (stream.group(name), from) {
        (Some(group), Some(from)) => group.consumer(consumer).ids_from(from).take(most).collect(),
        _ => Vec::new(),
    };
    for id in &ids {
        let Some(entry) = stream.get(*id) else {
            out.array(2);
            write_id(out, *id);
            out.null_array();
            continue;
        };
        write_entry(out, &entry);
        let Some(group) = stream.group_mut(name) else { continue };
        let count = group.pending().get(*id).map_or(0, |nack| nack.count).wrapping_add(1);
        group.assign(*id, consumer, now_ms, count);
        if claims.wanted {
            claims.given.push((*id, count));
        }
    }
    out.close(array, ids.len());
}

/// What a group was given last goes to the AOF and replicas.
pub(super) fn propagate_position(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    group: &[u8],
    last_id: StreamId,
    entries_read: i64,
) {
    let (mut text, mut digits) = (IdText::new(), NumBuf::new());
    cx.propagate_as(&[
        b"XGROUP",
        b"SETID",
        key.bytes,
        group,
        last_id.text(&mut text),
        b"ENTRIESREAD",
        num::fmt_i64(&mut digits, entries_read),
    ]);
}

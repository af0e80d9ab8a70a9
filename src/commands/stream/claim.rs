//! XCLAIM and XAUTOCLAIM: entries that another consumer of the group has not acknowledged change hands.

use super::delete::Ids;
use super::read::propagate_position;
use super::{consumer_made, consumer_of, id_arg, no_group, start, write_entry, write_id};
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Propagate;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::stream::{ConsumerNo, IdText, Log, Nack, Stream, StreamId};
use crate::types::table::Pos;

pub const XCLAIM: Spec = Spec::key("xclaim", xclaim)
    .arity(at_least(5))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax(
        "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
    )
    .since("5.0.0")
    .complexity("O(log N) for each id")
    .tips(&["nondeterministic_output"])
    .summary("Gives a consumer entries that others of its group have not acknowledged.");

pub const XAUTOCLAIM: Spec = Spec::key("xautoclaim", xautoclaim)
    .arity(at_least(5))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key group consumer min-idle-time start [COUNT count] [JUSTID]")
    .since("6.2.0")
    .complexity("O(1) for a small COUNT")
    .tips(&["nondeterministic_output"])
    .history(&[("7.0.0", "The reply tells which entries were gone.")])
    .summary("Gives a consumer entries that nobody of its group has acknowledged for some time.");

/// Goes to the AOF and replicas: who has an entry, since when, for the how many-th time, and the group's position.
pub(super) fn propagate_claim(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    group: &[u8],
    consumer: &[u8],
    (id, time_ms, count, last_id): (StreamId, i64, u64, StreamId),
) {
    if !cx.propagates() {
        return;
    }
    let [mut id_text, mut last_text] = [IdText::new(), IdText::new()];
    let [mut time, mut times] = [NumBuf::new(), NumBuf::new()];
    cx.propagate_as(&[
        b"XCLAIM",
        key.bytes,
        group,
        consumer,
        b"0",
        id.text(&mut id_text),
        b"TIME",
        num::fmt_i64(&mut time, time_ms),
        b"RETRYCOUNT",
        num::fmt_i64(&mut times, count as i64),
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last_id.text(&mut last_text),
    ]);
}

/// What XCLAIM and XAUTOCLAIM do to the entries that they meet.
struct Claim<'a> {
    key: Key<'a>,
    group: &'a [u8],
    consumer: &'a [u8],
    now_ms: i64,
    min_idle_ms: i64,
    /// When the entries are to have been delivered.
    time_ms: i64,
    /// How often, if that is told.
    count: Option<u64>,
    /// Makes entries pending that are not.
    force: bool,
    /// Only ids are returned, and the claim is no delivery.
    just_id: bool,
}

/// What became of an entry, to be propagated: its owner's name, time and count.
type Told = (StreamId, Box<[u8]>, Nack);

/// The state of a claim under way.
struct Claiming {
    consumer: ConsumerNo,
    claimed: usize,
    /// Changes, and those that are propagated.
    changes: u64,
    told: Vec<Told>,
    streaming: bool,
}

/// What happened to one entry.
enum Outcome {
    Claimed,
    /// It is no longer in the stream: nobody has it any more, if somebody had.
    Gone,
    Left,
}

impl Claim<'_> {
    /// Claims one entry, which `nack` tells the owner of, if it has one.
    fn one(
        &self,
        stream: &mut Log,
        state: &mut Claiming,
        id: StreamId,
        nack: Option<Nack>,
        out: &mut Reply<'_>,
    ) -> Outcome {
        if stream.get(id).is_none() {
            let Some(group) = stream.group_mut(self.group) else { return Outcome::Left };
            if let Some(nack) = nack {
                state.tell(id, &group.owner(nack).name, nack);
                group.release(id);
            }
            return Outcome::Gone;
        }
        let idles = |nack: Nack| self.now_ms.wrapping_sub(nack.time_ms) >= self.min_idle_ms;
        match nack {
            Some(nack) if self.min_idle_ms > 0 && !idles(nack) => return Outcome::Left,
            None if !self.force => return Outcome::Left,
            _ => {}
        }
        // One that is forced was delivered once by that.
        let before = nack.map_or(1, |nack| nack.count);
        let count = self.count.unwrap_or(if self.just_id { before } else { before.wrapping_add(1) });
        if let Some(group) = stream.group_mut(self.group) {
            group.assign(id, state.consumer, self.time_ms, count);
            group.served(state.consumer, self.now_ms);
        }
        match stream.get(id) {
            Some(entry) if !self.just_id => write_entry(out, &entry),
            _ => write_id(out, id),
        }
        state.tell(id, self.consumer, Nack { consumer: 0, time_ms: self.time_ms, count });
        state.claimed += 1;
        Outcome::Claimed
    }

    /// Writes down what was done, once the stream is let go.
    fn finish(&self, cx: &mut KeyCx<'_>, state: Claiming, made: bool, last_id: StreamId) {
        if made {
            consumer_made(cx, self.key, self.group, self.consumer, state.claimed > 0);
        }
        cx.fx.dirty += state.changes;
        for (id, owner, nack) in &state.told {
            propagate_claim(cx, self.key, self.group, owner, (*id, nack.time_ms, nack.count, last_id));
        }
    }
}

impl Claiming {
    fn tell(&mut self, id: StreamId, owner: &[u8], nack: Nack) {
        self.changes += 1;
        if self.streaming {
            self.told.push((id, owner.into(), nack));
        }
    }
}

/// The place of a stream that has this group.
fn with_group(cx: &KeyCx<'_>, found: Option<Pos>, key: Key<'_>, group: &[u8]) -> Result<Pos> {
    match found {
        Some(pos) if cx.db.read_at::<Stream>(pos)?.group(group).is_some() => Ok(pos),
        _ => Err(no_group(key.bytes, group, "")),
    }
}

fn xclaim(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, group, consumer) = (args.key(), args.bytes_arg()?, args.bytes_arg()?);
    let found = cx.find_read(key);
    let pos = with_group(cx, found, key, group)?;
    let now_ms = cx.now_ms;
    let mut claim = Claim {
        key,
        group,
        consumer,
        now_ms,
        min_idle_ms: named_int(args, "ERR Invalid min-idle-time argument for XCLAIM")?.max(0),
        time_ms: now_ms,
        count: None,
        force: false,
        just_id: false,
    };
    let mut ids = Ids::new();
    while let Some(id) = args.peek().and_then(|text| StreamId::parse(text, 0)) {
        ids.push(id);
        args.seek(args.position() + 1);
    }
    let last_id = claim.options(args)?;
    cx.fx.propagate = Propagate::Never;
    let mut stream = cx.db.write_at::<Stream>(pos, key.hash)?;
    let Some(entry) = stream.group_mut(group) else { return Ok(()) };
    let moved = last_id > entry.last_id;
    entry.last_id = entry.last_id.max(last_id);
    let (number, made) = consumer_of(entry, consumer, now_ms);
    entry.saw(number, now_ms);
    let mut state =
        Claiming { consumer: number, claimed: 0, changes: 0, told: Vec::new(), streaming: cx.fx.streaming };
    let array = out.open_array();
    for id in ids {
        let nack = stream.group(group).and_then(|group| group.pending().get(id));
        claim.one(&mut stream, &mut state, id, nack, out);
    }
    out.close(array, state.claimed);
    let position = stream.group(group).map(|group| (group.last_id, group.entries_read));
    drop(stream);
    let (last_id, entries_read) = position.unwrap_or_default();
    // Every claim tells the position itself.
    let moved = moved && state.changes == 0;
    claim.finish(cx, state, made, last_id);
    if moved {
        cx.fx.dirty += 1;
        propagate_position(cx, key, group, last_id, entries_read);
    }
    Ok(())
}

fn named_int(args: &mut Args<'_>, error: &'static str) -> Result<i64> {
    num::parse_i64(args.bytes_arg()?).ok_or(Error::text(error))
}

impl Claim<'_> {
    /// Reads the options of XCLAIM; the position that the group is to have at least.
    fn options(&mut self, args: &mut Args<'_>) -> Result<StreamId> {
        let mut last_id = StreamId::MIN;
        while let Some(word) = args.peek() {
            let more = args.left() > 1;
            if args.eat("force") {
                self.force = true;
            } else if args.eat("justid") {
                self.just_id = true;
            } else if more && args.eat("idle") {
                let idle = named_int(args, "ERR Invalid IDLE option argument for XCLAIM")?;
                self.time_ms = self.now_ms.wrapping_sub(idle);
            } else if more && args.eat("time") {
                self.time_ms = named_int(args, "ERR Invalid TIME option argument for XCLAIM")?;
            } else if more && args.eat("retrycount") {
                let count = named_int(args, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                self.count = u64::try_from(count).ok();
            } else if more && args.eat("lastid") {
                last_id = id_arg(args)?;
            } else {
                let parts: [&[u8]; 3] = [b"ERR Unrecognized XCLAIM option '", super::shown(word), b"'"];
                return Err(Error::owned(parts.concat()));
            }
        }
        if !(0..=self.now_ms).contains(&self.time_ms) {
            // Clocks of clients may be wrong: that is no reason to refuse.
            self.time_ms = self.now_ms;
        }
        Ok(last_id)
    }
}

/// Entries that XAUTOCLAIM claims unless it is told, and how many more it looks at.
const AUTO_COUNT: usize = 100;
const AUTO_ATTEMPTS: usize = 10;

fn xautoclaim(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, group, consumer) = (args.key(), args.bytes_arg()?, args.bytes_arg()?);
    // Found before the arguments are looked at, as a miss is an event; its type is looked at behind them.
    let found = cx.find_read(key);
    let min_idle_ms = named_int(args, "ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let from = start(args.bytes_arg()?)?;
    let (mut count, mut just_id) = (AUTO_COUNT, false);
    while args.left() > 0 {
        if args.left() > 1 && args.eat("count") {
            // As many ids as the reference can allocate.
            let most = i64::MAX / size_of::<StreamId>().max(AUTO_ATTEMPTS) as i64;
            count = args.int_in(1..=most, Error::text("ERR COUNT must be > 0"))? as usize;
        } else if args.eat("justid") {
            just_id = true;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    let pos = with_group(cx, found, key, group)?;
    cx.fx.propagate = Propagate::Never;
    let (now_ms, streaming) = (cx.now_ms, cx.fx.streaming);
    let mut stream = cx.db.write_at::<Stream>(pos, key.hash)?;
    let Some(entry) = stream.group_mut(group) else { return Ok(()) };
    let (number, made) = consumer_of(entry, consumer, now_ms);
    entry.saw(number, now_ms);
    let last_id = entry.last_id;
    let claim = Claim {
        key,
        group,
        consumer,
        now_ms,
        min_idle_ms,
        time_ms: now_ms,
        count: None,
        force: false,
        just_id,
    };
    let state = Claiming { consumer: number, claimed: 0, changes: 0, told: Vec::new(), streaming };
    let state = claim.scan(&mut stream, state, from, count, out);
    drop(stream);
    claim.finish(cx, state, made, last_id);
    Ok(())
}

impl Claim<'_> {
    /// Claims up to `count` entries from `from` on, and writes the reply: where to go on, what was claimed, what was gone.
    fn scan(
        &self,
        stream: &mut Log,
        mut state: Claiming,
        from: StreamId,
        count: usize,
        out: &mut Reply<'_>,
    ) -> Claiming {
        let pending_from = |stream: &Log, from: Option<StreamId>| {
            let group = stream.group(self.group)?;
            group.pending_from(from?).next()
        };
        // The cursor stands in front of what is claimed, but is known behind it.
        let (mut claimed, mut gone) = (crate::resp::Output::default(), Vec::new());
        let mut body = Reply::new(&mut claimed, out.resp3());
        let mut next = pending_from(stream, Some(from));
        let (mut attempts, mut left) = (count * AUTO_ATTEMPTS, count);
        while let Some((id, nack)) = next
            && attempts > 0
            && left > 0
        {
            attempts -= 1;
            match self.one(stream, &mut state, id, Some(nack), &mut body) {
                Outcome::Claimed => left -= 1,
                Outcome::Gone => {
                    gone.push(id);
                    left -= 1;
                }
                Outcome::Left => {}
            }
            next = pending_from(stream, id.next());
        }
        out.array(3);
        write_id(out, next.map_or(StreamId::MIN, |(id, _)| id));
        out.array(state.claimed);
        out.raw(&claimed.take_bytes());
        out.array(gone.len());
        gone.into_iter().for_each(|id| write_id(out, id));
        state
    }
}

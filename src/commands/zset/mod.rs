//! Commands on sorted sets: `add` sets scores, `look` asks for members, `range` returns members between two ends,
//! `remove` takes them out, `pop` takes those with the lowest or highest scores (and waits for them), `draw` leaves the
//! choice to chance, `algebra` intersects, unites and subtracts. How sorted sets are stored is `types::zset`'s business.

mod add;
mod algebra;
mod draw;
mod look;
mod pop;
mod range;
mod remove;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::base::num;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::keyspace::object::Ref;
use crate::resp::Reply;
use crate::types::Value;
use crate::types::zset::{LexEnd, LexRange, ScoreRange, Zset, ZsetLimits};

pub const COMMANDS: &[Spec] = &[
    add::ZADD,
    add::ZINCRBY,
    look::ZCARD,
    look::ZSCORE,
    look::ZMSCORE,
    look::ZRANK,
    look::ZREVRANK,
    look::ZCOUNT,
    look::ZLEXCOUNT,
    look::ZSCAN,
    range::ZRANGE,
    range::ZREVRANGE,
    range::ZRANGEBYSCORE,
    range::ZREVRANGEBYSCORE,
    range::ZRANGEBYLEX,
    range::ZREVRANGEBYLEX,
    range::ZRANGESTORE,
    remove::ZREM,
    remove::ZREMRANGEBYRANK,
    remove::ZREMRANGEBYSCORE,
    remove::ZREMRANGEBYLEX,
    pop::ZPOPMIN,
    pop::ZPOPMAX,
    pop::ZMPOP,
    pop::BZPOPMIN,
    pop::BZPOPMAX,
    pop::BZMPOP,
    draw::ZRANDMEMBER,
    algebra::ZUNION,
    algebra::ZINTER,
    algebra::ZDIFF,
    algebra::ZINTERCARD,
    algebra::ZUNIONSTORE,
    algebra::ZINTERSTORE,
    algebra::ZDIFFSTORE,
];

const READS: &[KeySpec] = &[KeySpec::first(RO | ACCESS)];

/// A command of this family.
const fn spec(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::key(name, f).acl(acl::SORTEDSET).group(Group::SortedSet)
}

/// How large a listpack may become.
#[inline]
pub fn limits(cx: &KeyCx<'_>) -> ZsetLimits {
    ZsetLimits {
        packed: cx.config.zset_max_listpack_entries,
        packed_value: cx.config.zset_max_listpack_value,
    }
}

/// The sorted set at `key` for a reader; a miss is told.
#[inline]
pub fn read<'a>(cx: &'a mut KeyCx<'_>, key: Key<'_>) -> Result<Option<Ref<'a, Zset>>> {
    match cx.find_read(key) {
        Some(pos) => Ok(Some(cx.db.read_at(pos)?)),
        None => Ok(None),
    }
}

/// Removes `key` with all members that are still in its set, as the last of which they are all said to be gone.
fn delete_whole(cx: &mut KeyCx<'_>, key: Key<'_>) {
    cx.remove(key);
    cx.fx.changed(cx.db.id, key.bytes, Event::DEL, 0);
}

/// Stores a result, or removes the key when it is empty, and answers its size.
fn store(cx: &mut KeyCx<'_>, key: Key<'_>, result: Zset, event: Event, out: &mut Reply<'_>) {
    out.int(result.len() as i64);
    if !result.is_empty() {
        cx.set(key, result.into(), None);
        cx.changed(key.bytes, event, 1);
    } else if cx.remove(key) {
        cx.changed(key.bytes, Event::DEL, 1);
    }
}

/// Writes members, with their scores or without: one list in RESP2, in RESP3 a pair for each.
struct Members {
    scores: bool,
    pairs: bool,
}

impl Members {
    /// Begins a list of `n`.
    fn begin(n: usize, scores: bool, out: &mut Reply<'_>) -> Members {
        let pairs = scores && out.resp3();
        out.array(if scores && !pairs { 2 * n } else { n });
        Members { scores, pairs }
    }

    /// Writes one.
    #[inline]
    fn add(&self, member: Value<'_>, score: f64, out: &mut Reply<'_>) {
        if self.pairs {
            out.array(2);
        }
        out.value(member);
        if self.scores {
            out.double(score);
        }
    }
}

/// The two next arguments as `min` and `max`, or as `max` and `min`.
fn ends<'a>(args: &mut Args<'a>, reverse: bool) -> Result<(&'a [u8], &'a [u8])> {
    let (a, b) = (args.bytes_arg()?, args.bytes_arg()?);
    Ok(if reverse { (b, a) } else { (a, b) })
}

/// One end of a range of scores, and whether it is open.
fn score_end(text: &[u8]) -> Result<(f64, bool)> {
    let (text, open) = match text {
        [b'(', text @ ..] => (text, true),
        text => (text, false),
    };
    let score = range_score(text).ok_or(Error::text("ERR min or max is not a float"))?;
    Ok((score, open))
}

/// A score as the end of a range, where the reference reads a C string: it ends at a zero byte, an empty one is 0, and
/// what is too large or too small for a number becomes an infinity or 0.
fn range_score(text: &[u8]) -> Option<f64> {
    if let Some(score) = num::parse_f64(text) {
        return Some(score);
    }
    let text = text.split(|&b| b == 0).next()?;
    if text.is_empty() {
        return Some(0.0);
    }
    let score: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!score.is_nan()).then_some(score)
}

fn score_range((min, max): (&[u8], &[u8])) -> Result<ScoreRange> {
    let ((min, min_open), (max, max_open)) = (score_end(min)?, score_end(max)?);
    Ok(ScoreRange { min, max, min_open, max_open })
}

fn lex_end(text: &[u8]) -> Result<LexEnd<'_>> {
    // Again a C string: what follows a zero byte is not seen.
    match text {
        [b'(', member @ ..] => Ok(LexEnd::Open(member)),
        [b'[', member @ ..] => Ok(LexEnd::Closed(member)),
        b"-" | [b'-', 0, ..] => Ok(LexEnd::First),
        b"+" | [b'+', 0, ..] => Ok(LexEnd::Last),
        _ => Err(Error::text("ERR min or max not valid string range item")),
    }
}

fn lex_range<'a>((min, max): (&'a [u8], &'a [u8])) -> Result<LexRange<'a>> {
    Ok(LexRange { min: lex_end(min)?, max: lex_end(max)? })
}

/// The ranks `start..=stop`, counted from the end where negative, of a set of `len`.
fn clip(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |i: i64| if i < 0 { i.saturating_add(len) } else { i };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

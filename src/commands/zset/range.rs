//! Members between two ends: ZRANGE, which can do all, its older relatives, and ZRANGESTORE. Each way to name the ends
//! gives a range of ranks, of which LIMIT leaves a part.

use std::ops::Range;

use super::{Members, READS, clip, ends, lex_range, limits, read, score_range, spec, store};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::Listpack;
use crate::types::zset::{LexRange, ScoreRange, Zset};

const fn range_spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    spec(name, f)
        .arity(at_least(3))
        .flags(READONLY)
        .keys(READS)
        .complexity("O(log(N)+M) for M members returned of a set of N")
}

pub const ZRANGE: Spec = range_spec("zrange", zrange)
    .syntax("key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]")
    .since("1.2.0")
    .history(&[("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.")])
    .summary("Returns the members of a sorted set between two ranks, scores or members.");

fn zrange(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(cx, args, None, None, out)
}

pub const ZREVRANGE: Spec =
    range_spec("zrevrange", zrevrange).syntax("key start stop [WITHSCORES]").since("1.2.0").summary(
        "Returns the members of a sorted set between two ranks counted from the end, from the last one on.",
    );

fn zrevrange(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(cx, args, Some(By::Rank), Some(true), out)
}

pub const ZRANGEBYSCORE: Spec = range_spec("zrangebyscore", zrangebyscore)
    .syntax("key min max [WITHSCORES] [LIMIT offset count]")
    .since("1.0.5")
    .history(&[("2.0.0", "Added the `WITHSCORES` modifier.")])
    .summary("Returns the members of a sorted set between two scores.");

fn zrangebyscore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(cx, args, Some(By::Score), Some(false), out)
}

pub const ZREVRANGEBYSCORE: Spec = range_spec("zrevrangebyscore", zrevrangebyscore)
    .syntax("key max min [WITHSCORES] [LIMIT offset count]")
    .since("2.2.0")
    .history(&[("2.1.6", "`min` and `max` can be exclusive.")])
    .summary("Returns the members of a sorted set between two scores, from the last one on.");

fn zrevrangebyscore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(cx, args, Some(By::Score), Some(true), out)
}

pub const ZRANGEBYLEX: Spec = range_spec("zrangebylex", zrangebylex)
    .syntax("key min max [LIMIT offset count]")
    .since("2.8.9")
    .summary("Returns the members between two others of a sorted set whose scores are all the same.");

fn zrangebylex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(cx, args, Some(By::Member), Some(false), out)
}

pub const ZREVRANGEBYLEX: Spec = range_spec("zrevrangebylex", zrevrangebylex)
    .syntax("key max min [LIMIT offset count]")
    .since("2.8.9")
    .summary(
        "Returns the members between two others of a sorted set whose scores are all the same, from the last one on.",
    );

fn zrevrangebylex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    range(cx, args, Some(By::Member), Some(true), out)
}

pub const ZRANGESTORE: Spec = spec("zrangestore", zrangestore)
    .arity(at_least(4))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(OW | UPDATE), KeySpec::at(2, RO | ACCESS)])
    .syntax("dst src min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]")
    .since("6.2.0")
    .complexity("O(log(N)+M) for M members stored of a set of N")
    .summary("Stores the members of a sorted set between two ranks, scores or members.");

fn zrangestore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let destination = args.key();
    let from = args.key();
    let asked = Asked::read(args, None, None, true)?;
    let limits = limits(cx);
    let result = match read(cx, from)? {
        // From the last on they would have to be sorted again.
        Some(set) => Zset::of_sorted(set.range(asked.ranks(&set), false), limits),
        None => Zset::Packed(Listpack::new()),
    };
    store(cx, destination, result, Event::ZRANGESTORE, out);
    Ok(())
}

/// How the ends of a range are named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Member,
}

/// The ends of a range.
enum Ends<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Members(LexRange<'a>),
}

/// What is asked for behind the key.
struct Asked<'a> {
    ends: Ends<'a>,
    reverse: bool,
    scores: bool,
    offset: i64,
    /// Negative: no limit.
    limit: i64,
}

impl<'a> Asked<'a> {
    /// Reads the two ends and options. Commands that are for one kind of ends or one direction tell them.
    fn read(
        args: &mut Args<'a>,
        mut by: Option<By>,
        mut reverse: Option<bool>,
        stores: bool,
    ) -> Result<Asked<'a>> {
        let first = args.position();
        args.seek(first + 2);
        let (mut scores, mut offset, mut limit) = (false, 0, -1);
        while args.left() > 0 {
            if !stores && args.eat("withscores") {
                scores = true;
            } else if args.left() > 2 && args.eat("limit") {
                (offset, limit) = (args.int()?, args.int()?);
            } else if reverse.is_none() && args.eat("rev") {
                reverse = Some(true);
            } else if by.is_none() && args.eat("bylex") {
                by = Some(By::Member);
            } else if by.is_none() && args.eat("byscore") {
                by = Some(By::Score);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(Error::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if scores && by == By::Member {
            return Err(Error::text("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        args.seek(first);
        let ends = match by {
            By::Rank => Ends::Ranks(args.int()?, args.int()?),
            By::Score => Ends::Scores(score_range(ends(args, reverse)?)?),
            By::Member => Ends::Members(lex_range(ends(args, reverse)?)?),
        };
        Ok(Asked { ends, reverse, scores, offset, limit })
    }

    /// The ranks that are asked for of `set`.
    fn ranks(&self, set: &Zset) -> Range<usize> {
        let ranks = match &self.ends {
            Ends::Ranks(start, stop) => {
                let ranks = clip(*start, *stop, set.len());
                return if self.reverse { set.len() - ranks.end..set.len() - ranks.start } else { ranks };
            }
            Ends::Scores(range) => set.ranks_of_scores(range),
            Ends::Members(range) => set.ranks_of_members(range, self.reverse),
        };
        let len = ranks.len();
        let skip = match usize::try_from(self.offset) {
            Ok(offset) => offset.min(len),
            // The reference counts a negative offset from the other end, but in a listpack, where it never ends.
            Err(_) if matches!(set, Zset::Packed(_)) => len,
            Err(_) => match usize::try_from(self.offset.unsigned_abs()) {
                Ok(from_end) if from_end <= len => len - from_end,
                _ => len,
            },
        };
        let n = usize::try_from(self.limit).map_or(len - skip, |limit| limit.min(len - skip));
        if self.reverse {
            ranks.end - skip - n..ranks.end - skip
        } else {
            ranks.start + skip..ranks.start + skip + n
        }
    }
}

fn range(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    by: Option<By>,
    reverse: Option<bool>,
    out: &mut Reply<'_>,
) -> Result {
    let key = args.key();
    let asked = Asked::read(args, by, reverse, false)?;
    let Some(set) = read(cx, key)? else {
        out.array(0);
        return Ok(());
    };
    let members = set.range(asked.ranks(&set), asked.reverse);
    let list = Members::begin(members.len(), asked.scores, out);
    members.for_each(|(member, score)| list.add(member, score, out));
    Ok(())
}

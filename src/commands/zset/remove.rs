//! Members taken out: ZREM by name, ZREMRANGEBYRANK and its relatives those between two ends.

use std::ops::Range;

use super::{clip, delete_whole, ends, lex_range, score_range, spec};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::zset::Zset;

const KEYS: &[KeySpec] = &[KeySpec::first(RW | DELETE)];

pub const ZREM: Spec = spec("zrem", zrem)
    .arity(at_least(2))
    .flags(WRITE | FAST)
    .keys(KEYS)
    .syntax("key member [member ...]")
    .since("1.2.0")
    .complexity("O(M*log(N)) for M members of a set of N")
    .history(&[("2.4.0", "Accepts multiple elements.")])
    .summary("Removes members from a sorted set.");

fn zrem(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (mut removed, mut emptied) = (0, false);
    if let Some(mut set) = cx.db.write::<Zset>(key)? {
        for member in args.rest() {
            removed += u64::from(set.remove(member));
            emptied = set.is_empty();
            if emptied {
                break;
            }
        }
    }
    if removed > 0 {
        cx.changed(key.bytes, Event::ZREM, removed);
    }
    if emptied {
        cx.delete_empty(key);
    }
    out.int(removed as i64);
    Ok(())
}

const fn range_spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    spec(name, f)
        .arity(exactly(3))
        .flags(WRITE)
        .keys(KEYS)
        .complexity("O(log(N)+M) for M members of a set of N")
}

pub const ZREMRANGEBYRANK: Spec = range_spec("zremrangebyrank", zremrangebyrank)
    .syntax("key start stop")
    .since("2.0.0")
    .summary("Removes the members of a sorted set between two ranks.");

fn zremrangebyrank(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (start, stop) = (args.int()?, args.int()?);
    remove_range(cx, key, Event::ZREMRANGEBYRANK, |set| clip(start, stop, set.len()), out)
}

pub const ZREMRANGEBYSCORE: Spec = range_spec("zremrangebyscore", zremrangebyscore)
    .syntax("key min max")
    .since("1.2.0")
    .summary("Removes the members of a sorted set between two scores.");

fn zremrangebyscore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let range = score_range(ends(args, false)?)?;
    remove_range(cx, key, Event::ZREMRANGEBYSCORE, |set| set.ranks_of_scores(&range), out)
}

pub const ZREMRANGEBYLEX: Spec = range_spec("zremrangebylex", zremrangebylex)
    .syntax("key min max")
    .since("2.8.9")
    .summary("Removes the members between two others of a sorted set whose scores are all the same.");

fn zremrangebylex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let range = lex_range(ends(args, false)?)?;
    remove_range(cx, key, Event::ZREMRANGEBYLEX, |set| set.ranks_of_members(&range, false), out)
}

fn remove_range(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    event: Event,
    ranks: impl FnOnce(&Zset) -> Range<usize>,
    out: &mut Reply<'_>,
) -> Result {
    let (mut removed, mut emptied) = (0, false);
    if let Some(mut set) = cx.db.write::<Zset>(key)? {
        let ranks = ranks(&set);
        removed = ranks.len();
        emptied = removed == set.len();
        if !emptied {
            set.remove_range(ranks);
        }
    }
    if removed > 0 {
        cx.changed(key.bytes, event, removed as u64);
        if emptied {
            delete_whole(cx, key);
        }
    }
    out.int(removed as i64);
    Ok(())
}

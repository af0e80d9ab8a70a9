//! ZADD and ZINCRBY.

use smallvec::SmallVec;

use super::{limits, spec};
use crate::base::num;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::keyspace::object::Mut;
use crate::resp::Reply;
use crate::types::zset::{AddRule, Added, Zset};

pub const ZADD: Spec = spec("zadd", zadd)
    .arity(at_least(3))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .syntax("key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]")
    .since("1.2.0")
    .complexity("O(M*log(N)) for M members given to a set of N")
    .history(&[
        ("2.4.0", "Accepts multiple elements."),
        ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
        ("6.2.0", "Added the `GT` and `LT` options."),
    ])
    .summary("Adds members to a sorted set, or changes their scores.");

fn zadd(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    add(cx, AddRule::default(), args, out)
}

pub const ZINCRBY: Spec = spec("zincrby", zincrby)
    .arity(exactly(3))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | UPDATE)])
    .syntax("key increment member")
    .since("1.2.0")
    .complexity("O(log(N)) for a set of N members")
    .summary("Adds to the score of a member of a sorted set.");

fn zincrby(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // Options are read here too, which leaves too few arguments for a pair.
    add(cx, AddRule { incr: true, ..AddRule::default() }, args, out)
}

/// Reads options into `rule`; whether CH is among them.
#[inline]
fn options(args: &mut Args<'_>, rule: &mut AddRule) -> bool {
    let mut count_changed = false;
    loop {
        let option = match () {
            () if args.eat("nx") => &mut rule.nx,
            () if args.eat("xx") => &mut rule.xx,
            () if args.eat("ch") => &mut count_changed,
            () if args.eat("incr") => &mut rule.incr,
            () if args.eat("gt") => &mut rule.gt,
            () if args.eat("lt") => &mut rule.lt,
            () => return count_changed,
        };
        *option = true;
    }
}

fn check(rule: AddRule, pairs: usize) -> Result {
    let AddRule { nx, xx, gt, lt, incr } = rule;
    if nx && xx {
        return Err(Error::text("ERR XX and NX options at the same time are not compatible"));
    }
    if (gt || lt) && nx || gt && lt {
        return Err(Error::text("ERR GT, LT, and/or NX options at the same time are not compatible"));
    }
    if incr && pairs > 1 {
        return Err(Error::text("ERR INCR option supports a single increment-element pair"));
    }
    Ok(())
}

fn add(cx: &mut KeyCx<'_>, mut rule: AddRule, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let count_changed = options(args, &mut rule);
    let pairs = args.pairs().filter(|pairs| pairs.len() > 0).ok_or(Error::SYNTAX)?;
    check(rule, pairs.len())?;
    let (mut scores, mut longest) = (SmallVec::<[f64; 4]>::with_capacity(pairs.len()), 0);
    for (score, member) in pairs.clone() {
        scores.push(num::parse_f64(score).ok_or(Error::NOT_FLOAT)?);
        longest = longest.max(member.len());
    }
    let limits = limits(cx);
    let (mut added, mut changed, mut last) = (0, 0, None);
    if let Some(mut set) = open(cx, key, rule.xx)? {
        set.prepare_for(scores.len(), longest, limits);
        for (score, (_, member)) in scores.into_iter().zip(pairs) {
            last = match set.add(member, score, rule, limits) {
                Added::New(score) => {
                    added += 1;
                    Some(score)
                }
                Added::Changed(score) => {
                    changed += 1;
                    Some(score)
                }
                Added::Same(score) => Some(score),
                Added::Refused => None,
                // Only of an increment, which is the only one.
                Added::NotNumber => {
                    return Err(Error::text("ERR resulting score is not a number (NaN)"));
                }
            };
        }
    }
    if added + changed > 0 {
        cx.changed(key.bytes, if rule.incr { Event::ZINCR } else { Event::ZADD }, added + changed);
    }
    match last {
        Some(score) if rule.incr => out.double(score),
        None if rule.incr => out.null(),
        _ => out.int((added + if count_changed { changed } else { 0 }) as i64),
    }
    Ok(())
}

/// The sorted set at `key`, to be added to; none when there is no such key and it must exist.
#[inline]
fn open<'a>(cx: &'a mut KeyCx<'_>, key: Key<'_>, exists: bool) -> Result<Option<Mut<'a, Zset>>> {
    Ok(match cx.db.find(key) {
        Some(pos) => Some(cx.db.write_at(pos, key.hash)?),
        None if exists => None,
        None => Some(cx.db.write_or_insert(key)?),
    })
}

//! Questions about members and numbers of them: ZCARD, ZSCORE, ZMSCORE, ZRANK, ZCOUNT and their relatives, ZSCAN.

use super::{READS, ends, lex_range, read, score_range, spec};
use crate::base::num::{self, NumBuf};
use crate::commands::scan_options::{self, Of, Page, ScanOptions};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::zset::Zset;

pub const ZCARD: Spec = spec("zcard", zcard)
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO)])
    .syntax("key")
    .since("1.2.0")
    .summary("Returns how many members a sorted set has.");

fn zcard(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let len = read(cx, args.key())?.map_or(0, |set| set.len());
    out.int(len as i64);
    Ok(())
}

pub const ZSCORE: Spec = spec("zscore", zscore)
    .arity(exactly(2))
    .flags(READONLY | FAST)
    .keys(READS)
    .syntax("key member")
    .since("1.2.0")
    .summary("Returns the score of a member of a sorted set.");

fn zscore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, member) = (args.key(), args.bytes_arg()?);
    let set = read(cx, key)?;
    reply_score(set.as_deref(), member, out);
    Ok(())
}

fn reply_score(set: Option<&Zset>, member: &[u8], out: &mut Reply<'_>) {
    match set.and_then(|set| set.score(member)) {
        Some(score) => out.double(score),
        None => out.null(),
    }
}

pub const ZMSCORE: Spec = spec("zmscore", zmscore)
    .arity(at_least(2))
    .flags(READONLY | FAST)
    .keys(READS)
    .syntax("key member [member ...]")
    .since("6.2.0")
    .complexity("O(N) for N members asked for")
    .summary("Returns the scores of members of a sorted set.");

fn zmscore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let set = read(cx, key)?;
    let members = args.rest();
    out.array(members.len());
    members.for_each(|member| reply_score(set.as_deref(), member, out));
    Ok(())
}

const fn rank_spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    spec(name, f)
        .arity(at_least(2))
        .flags(READONLY | FAST)
        .keys(READS)
        .syntax("key member [WITHSCORE]")
        .since("2.0.0")
        .complexity("O(log(N)) for a set of N members")
        .history(&[("7.2.0", "Added the optional `WITHSCORE` argument.")])
}

pub const ZRANK: Spec =
    rank_spec("zrank", zrank).summary("Tells how many members of a sorted set stand before a member.");

fn zrank(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    rank(cx, args, "zrank", false, out)
}

pub const ZREVRANK: Spec =
    rank_spec("zrevrank", zrevrank).summary("Tells how many members of a sorted set stand behind a member.");

fn zrevrank(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    rank(cx, args, "zrevrank", true, out)
}

fn rank(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    name: &'static str,
    reverse: bool,
    out: &mut Reply<'_>,
) -> Result {
    let (key, member) = (args.key(), args.bytes_arg()?);
    if args.left() > 1 {
        return Err(Error::arity(name));
    }
    let with_score = args.eat("withscore");
    args.done()?;
    let set = read(cx, key)?;
    let found = set.as_ref().and_then(|set| {
        let (rank, score) = set.rank(member)?;
        Some((if reverse { set.len() - 1 - rank } else { rank }, score))
    });
    match found {
        Some((rank, score)) if with_score => {
            out.array(2);
            out.int(rank as i64);
            out.double(score);
        }
        Some((rank, _)) => out.int(rank as i64),
        None if with_score => out.null_array(),
        None => out.null(),
    }
    Ok(())
}

pub const ZCOUNT: Spec = spec("zcount", zcount)
    .arity(exactly(3))
    .flags(READONLY | FAST)
    .keys(READS)
    .syntax("key min max")
    .since("2.0.0")
    .complexity("O(log(N)) for a set of N members")
    .summary("Counts the members of a sorted set whose scores are in a range.");

fn zcount(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let range = score_range(ends(args, false)?)?;
    let n = read(cx, key)?.map_or(0, |set| set.ranks_of_scores(&range).len());
    out.int(n as i64);
    Ok(())
}

pub const ZLEXCOUNT: Spec = spec("zlexcount", zlexcount)
    .arity(exactly(3))
    .flags(READONLY | FAST)
    .keys(READS)
    .syntax("key min max")
    .since("2.8.9")
    .complexity("O(log(N)) for a set of N members")
    .summary("Counts the members in a range of a sorted set whose scores are all the same.");

fn zlexcount(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let range = lex_range(ends(args, false)?)?;
    let n = read(cx, key)?.map_or(0, |set| set.ranks_of_members(&range, false).len());
    out.int(n as i64);
    Ok(())
}

pub const ZSCAN: Spec = spec("zscan", zscan)
    .arity(at_least(2))
    .flags(READONLY)
    .keys(READS)
    .syntax("key cursor [MATCH pattern] [COUNT count] [NOSCORES]")
    .since("2.8.0")
    .complexity("O(1) for every call, O(N) for a whole walk over N members")
    .tips(&["nondeterministic_output"])
    .history(&[("8.0.0", "Added noscores option.")])
    .summary("Walks over the members of a sorted set and their scores.");

fn zscan(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let cursor = scan_options::cursor(args)?;
    let (mut page, mut next) = (Page::default(), 0);
    // Where there is no set, the options are not looked at.
    if let Some(set) = read(cx, key)? {
        let options = ScanOptions::read(args, Of::Zset)?;
        // Seventeen digits, but from a listpack the text as it stands there.
        let whole = matches!(*set, Zset::Tree(_));
        let mut digits = NumBuf::new();
        next = set.scan(cursor, options.count, |member, score| {
            if options.matches(member.bytes(&mut digits)) {
                page.value(member);
                match (options.only_keys, whole) {
                    (true, _) => {}
                    (false, true) => page.bulk(num::fmt_g17(&mut digits, score)),
                    (false, false) => page.bulk(num::fmt_f64(&mut digits, score)),
                }
            }
        });
    }
    page.reply(next, out);
    Ok(())
}

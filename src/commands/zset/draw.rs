//! Members by chance: ZRANDMEMBER.

use super::{Members, READS, read, spec};
use crate::base::limits::REPLY_DRAWN_MAX;
use crate::base::rng::Rng;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::zset::Zset;

/// Draws between two looks at how long the reply has become.
const DRAWS_AT_ONCE: usize = 1000;
/// Bytes that a member takes in a reply at the least.
const MEMBER_REPLY_MIN: usize = b"$0\r\n\r\n".len();

pub const ZRANDMEMBER: Spec = spec("zrandmember", zrandmember)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(READS)
    .syntax("key [count [WITHSCORES]]")
    .since("6.2.0")
    .complexity("O(1) for one member, O(N) for N of them")
    .tips(&["nondeterministic_output"])
    .summary("Returns random members of a sorted set: different ones, or with a negative count any.");

const COUNT_OUT_OF_RANGE: Error =
    Error::text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

fn zrandmember(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let mut count = None;
    let mut scores = false;
    if args.left() > 0 {
        let n = args.int()?;
        if n == i64::MIN {
            return Err(COUNT_OUT_OF_RANGE);
        }
        scores = args.left() == 1 && args.eat("withscores");
        args.done()?;
        if scores && n.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(Error::OUT_OF_RANGE);
        }
        count = Some(n);
    }
    let mut rng = cx.db.rng.clone();
    let set = read(cx, key)?;
    let mut done = Ok(());
    match (set.as_deref(), count) {
        (None, None) => out.null(),
        (None, Some(_)) | (_, Some(0)) => out.array(0),
        (Some(set), None) => set.draw(1, &mut rng, |member, _| out.value(member)),
        (Some(set), Some(n)) => {
            let count = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
            if n > 1 && count >= set.len() {
                // All of them, as the reference walks them.
                let list = Members::begin(set.len(), scores, out);
                set.iter_from_end().for_each(|(member, score)| list.add(member, score, out));
            } else if n > 1 {
                let list = Members::begin(count, scores, out);
                set.draw_distinct(count, &mut rng, |member, score| list.add(member, score, out));
            } else {
                done = draw(set, count, scores, &mut rng, out);
            }
        }
    }
    cx.db.rng = rng;
    done
}

/// Answers `count` draws of any members. The reference goes on until memory ends.
fn draw(set: &Zset, count: usize, scores: bool, rng: &mut Rng, out: &mut Reply<'_>) -> Result {
    if count > REPLY_DRAWN_MAX / MEMBER_REPLY_MIN {
        return Err(Error::OUT_OF_RANGE);
    }
    let mark = out.mark();
    let list = Members::begin(count, scores, out);
    let mut left = count;
    while left > 0 {
        let n = left.min(DRAWS_AT_ONCE);
        set.draw(n, rng, |member, score| list.add(member, score, out));
        left -= n;
        if out.since(mark) > REPLY_DRAWN_MAX {
            return Err(Error::OUT_OF_RANGE);
        }
        if out.is_beyond_limit() {
            break;
        }
    }
    Ok(())
}

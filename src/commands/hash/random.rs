//! HRANDFIELD.

use super::{moment, read};
use crate::base::limits::REPLY_DRAWN_MAX;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::hash::Pair;

pub const HRANDFIELD: Spec = Spec::key("hrandfield", hrandfield)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key [count [WITHVALUES]]")
    .since("6.2.0")
    .complexity("O(N) for N fields returned.")
    .tips(&["nondeterministic_output"])
    .summary("Returns random fields of a hash.");

fn hrandfield(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const TOO_SMALL: Error = Error::text(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    let key = args.key();
    if args.left() == 0 {
        return random_field(cx, key, out);
    }
    let count = args.int()?;
    if count == i64::MIN {
        return Err(TOO_SMALL);
    }
    let with_values = args.left() > 0;
    if with_values {
        if !args.eat("withvalues") {
            return Err(Error::SYNTAX);
        }
        args.done()?;
        if count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(Error::OUT_OF_RANGE);
        }
    }
    random_fields(cx, key, count, with_values, out)
}

fn random_field(cx: &mut KeyCx<'_>, key: Key<'_>, out: &mut Reply<'_>) -> Result {
    let (now_ms, mut rng) = (moment(cx), cx.db.rng.clone());
    let hash = read(cx, key)?;
    match hash.as_ref().and_then(|hash| hash.random(now_ms, &mut rng)) {
        Some(pair) => out.value(pair.field),
        None => out.null(),
    }
    cx.db.rng = rng;
    Ok(())
}

/// A positive count asks for different fields; a negative one for so many draws.
fn random_fields(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    count: i64,
    with_values: bool,
    out: &mut Reply<'_>,
) -> Result {
    let (now_ms, mut rng) = (moment(cx), cx.db.rng.clone());
    let Some(hash) = read(cx, key)?.filter(|_| count != 0) else {
        out.array(0);
        return Ok(());
    };
    let (start, list, mut given) = (out.mark(), out.open_array(), 0u64);
    let wanted = count.unsigned_abs();
    let nested = with_values && out.resp3();
    let mut too_long = false;
    let mut write = |pair: Pair<'_>| {
        if nested {
            out.array(2);
        }
        out.value(pair.field);
        if with_values {
            out.value(pair.value);
        }
        given += 1;
        too_long = out.since(start) > REPLY_DRAWN_MAX;
        !too_long && given < wanted && !out.is_beyond_limit()
    };
    if count < 0 || count == 1 {
        hash.random_repeated(now_ms, &mut rng, write);
    } else {
        let n = usize::try_from(wanted).unwrap_or(usize::MAX);
        hash.random_distinct(n, now_ms, &mut rng, |pair| {
            write(pair);
        });
        too_long = false;
    }
    cx.db.rng = rng;
    if too_long {
        return Err(Error::OUT_OF_RANGE);
    }
    out.close(list, if with_values && !nested { 2 * given } else { given } as usize);
    Ok(())
}

//! Lists read: their length, elements by number, the numbers of an element.

use std::ops::ControlFlow;

use super::{clip, from_front, signed_arg};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::list::{End, List, Needle};

pub const LLEN: Spec = Spec::key("llen", llen)
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("key")
    .since("1.0.0")
    .summary("Returns the length of a list.");

fn llen(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let len = match cx.find_read(args.key()) {
        Some(pos) => cx.db.read_at::<List>(pos)?.len(),
        None => 0,
    };
    out.int(len as i64);
    Ok(())
}

pub const LRANGE: Spec = Spec::key("lrange", lrange)
    .arity(exactly(3))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("key start stop")
    .since("1.0.0")
    .complexity("O(S+N) for N elements and S nodes between them and the nearer end")
    .summary("Returns the elements of a list from one number to another.");

fn lrange(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, start, stop) = (args.key(), args.int()?, args.int()?);
    let Some(pos) = cx.find_read(key) else {
        out.array(0);
        return Ok(());
    };
    let list = cx.db.read_at::<List>(pos)?;
    let (first, n) = clip(start, stop, list.len());
    out.array(n);
    list.range(first, n, End::Back, |value| out.value(value));
    Ok(())
}

pub const LINDEX: Spec = Spec::key("lindex", lindex)
    .arity(exactly(2))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("key index")
    .since("1.0.0")
    .complexity("O(N) for N nodes between the element and the nearer end")
    .summary("Returns an element of a list by its number.");

fn lindex(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // The reference looks at the key before the number.
    let Some(pos) = cx.find_read(args.key()) else {
        out.null();
        return Ok(());
    };
    let list = cx.db.read_at::<List>(pos)?;
    let index = args.int()?;
    if from_front(index, list.len()).and_then(|index| list.get(index, |value| out.value(value))).is_none() {
        out.null();
    }
    Ok(())
}

pub const LPOS: Spec = Spec::key("lpos", lpos)
    .arity(at_least(2))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::LIST)
    .group(Group::List)
    .syntax("key element [RANK rank] [COUNT num-matches] [MAXLEN len]")
    .since("6.0.6")
    .complexity("O(N) for N elements that are looked at")
    .summary("Returns the numbers of the elements of a list that equal a value.");

/// Where LPOS looks and what it answers.
struct Search {
    from: End,
    /// Matches that do not count, before the first that does.
    skip: u64,
    /// Matches that are answered, as an array; 0 for all. `None`: one, by itself.
    count: Option<usize>,
    /// Elements that are looked at; 0 for all.
    most: usize,
}

fn lpos_args(args: &mut Args<'_>) -> Result<Search> {
    let (mut rank, mut count, mut most) = (1, None, 0);
    while args.left() > 0 {
        if args.left() < 2 {
            return Err(Error::SYNTAX);
        } else if args.eat("rank") {
            rank = signed_arg(args)?;
            if rank == 0 {
                return Err(Error::text(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                     negative to start from the end of the list",
                ));
            }
        } else if args.eat("count") {
            count = Some(args.int_in(0..=i64::MAX, Error::text("ERR COUNT can't be negative"))? as usize);
        } else if args.eat("maxlen") {
            most = args.int_in(0..=i64::MAX, Error::text("ERR MAXLEN can't be negative"))? as usize;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    let from = if rank < 0 { End::Back } else { End::Front };
    Ok(Search { from, skip: rank.unsigned_abs() - 1, count, most })
}

fn lpos(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, needle) = (args.key(), Needle::new(args.bytes_arg()?));
    let search = lpos_args(args)?;
    let Some(pos) = cx.find_read(key) else {
        match search.count {
            Some(_) => out.array(0),
            None => out.null(),
        }
        return Ok(());
    };
    let list = cx.db.read_at::<List>(pos)?;
    let Some(count) = search.count else {
        let mut found = None;
        matches(&list, &search, needle, |index| {
            found = Some(index);
            ControlFlow::Break(())
        });
        match found {
            Some(index) => out.int(index),
            None => out.null(),
        }
        return Ok(());
    };
    let array = out.open_array();
    let mut n = 0;
    matches(&list, &search, needle, |index| {
        out.int(index);
        n += 1;
        if n == count { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    out.close(array, n);
    Ok(())
}

/// Gives the numbers of the elements that are searched for.
fn matches(list: &List, search: &Search, needle: Needle<'_>, mut give: impl FnMut(i64) -> ControlFlow<()>) {
    let len = list.len();
    let (first, to) = match search.from {
        End::Front => (0, End::Back),
        End::Back => (len.saturating_sub(1), End::Front),
    };
    let mut left = if search.most == 0 { usize::MAX } else { search.most };
    let (mut skip, mut i) = (search.skip, 0);
    list.walk(first, to, |value| {
        if left == 0 {
            return ControlFlow::Break(());
        }
        left -= 1;
        i += 1;
        if !needle.is(value) {
            return ControlFlow::Continue(());
        }
        if skip > 0 {
            skip -= 1;
            return ControlFlow::Continue(());
        }
        give(if search.from == End::Front { i - 1 } else { len as i64 - i })
    });
}

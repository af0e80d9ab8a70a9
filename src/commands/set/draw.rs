//! Members by chance: SPOP takes them out, SRANDMEMBER leaves them. What SPOP took goes to replicas as SREM, since a
//! replica would draw others.

use super::{discard, limits, read};
use crate::base::limits::REPLY_DRAWN_MAX;
use crate::base::num::NumBuf;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::{Set, Value};

/// Members of one SREM that stands for a part of an SPOP (Redis: 1024).
const SREM_MEMBERS: usize = 1024;
/// Draws between two looks at how long the reply has become.
const DRAWS_AT_ONCE: usize = 1000;
/// Bytes that a member takes in a reply at the least.
const MEMBER_REPLY_MIN: usize = b"$0\r\n\r\n".len();

pub const SPOP: Spec = Spec::key("spop", spop)
    .arity(at_least(1))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | DELETE)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key [count]")
    .since("1.0.0")
    .complexity("O(1) for one member, O(N) for N of them")
    .tips(&["nondeterministic_output"])
    .history(&[("3.2.0", "Added the `count` argument.")])
    .summary("Takes random members out of a set and returns them.");

fn spop(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    if args.left() > 0 {
        if args.left() > 1 {
            return Err(Error::SYNTAX);
        }
        let count = args.int_in(0..=i64::MAX, Error::NOT_POSITIVE)?;
        return spop_count(cx, key, usize::try_from(count).unwrap_or(usize::MAX), out);
    }
    let mut gone = Gone::new(cx);
    let mut rng = cx.db.rng.clone();
    let Some(mut set) = cx.db.write::<Set>(key)? else {
        out.null();
        return Ok(());
    };
    set.pop(&mut rng, |v| {
        out.value(v);
        gone.add(v);
    });
    let emptied = set.is_empty();
    drop(set);
    cx.db.rng = rng;
    cx.changed(key.bytes, Event::SPOP, 1);
    if emptied {
        cx.delete_empty(key);
    }
    gone.propagate(cx, key);
    Ok(())
}

/// SPOP with a count.
fn spop_count(cx: &mut KeyCx<'_>, key: Key<'_>, count: usize, out: &mut Reply<'_>) -> Result {
    let found = match cx.db.find(key) {
        Some(pos) => Some((pos, cx.db.read_at::<Set>(pos)?.len())),
        None => None,
    };
    let Some((pos, len)) = found.filter(|_| count > 0) else {
        out.set(0);
        return Ok(());
    };
    if count >= len {
        return spop_all(cx, key, out);
    }
    let limits = limits(cx.config);
    let mut gone = Gone::new(cx);
    let mut rng = cx.db.rng.clone();
    out.set(count);
    let old = cx.db.write_at::<Set>(pos, key.hash)?.pop_some(count, &mut rng, limits, |v| {
        out.value(v);
        gone.add(v);
    });
    cx.db.rng = rng;
    cx.changed(key.bytes, Event::SPOP, count as u64);
    gone.propagate(cx, key);
    discard(cx, old);
    Ok(())
}

/// All members go, and the key with them.
fn spop_all(cx: &mut KeyCx<'_>, key: Key<'_>, out: &mut Reply<'_>) -> Result {
    let mut len = 0;
    if let Some(set) = read(cx, key)? {
        len = set.len();
        out.set(len);
        set.for_each(|v| out.value(v));
    }
    cx.remove(key);
    cx.changed(key.bytes, Event::SPOP, len as u64);
    cx.changed(key.bytes, Event::DEL, 0);
    let removal: &[u8] = if cx.config.lazyfree_lazy_server_del { b"UNLINK" } else { b"DEL" };
    cx.propagate_as(&[removal, key.bytes]);
    Ok(())
}

/// The members that went, as the SREMs that tell replicas; empty while there is nobody to tell.
struct Gone {
    told: bool,
    members: Vec<Vec<u8>>,
}

impl Gone {
    fn new(cx: &KeyCx<'_>) -> Gone {
        Gone { told: cx.fx.streaming, members: Vec::new() }
    }

    fn add(&mut self, member: Value<'_>) {
        if self.told {
            self.members.push(member.bytes(&mut NumBuf::new()).to_vec());
        }
    }

    fn propagate(&self, cx: &mut KeyCx<'_>, key: Key<'_>) {
        for part in self.members.chunks(SREM_MEMBERS) {
            let mut words: Vec<&[u8]> = vec![b"SREM", key.bytes];
            words.extend(part.iter().map(|m| &m[..]));
            cx.propagate_as(&words);
        }
    }
}

pub const SRANDMEMBER: Spec = Spec::key("srandmember", srandmember)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key [count]")
    .since("1.0.0")
    .complexity("O(1) for one member, O(N) for N of them")
    .tips(&["nondeterministic_output"])
    .history(&[("2.6.0", "Added the optional `count` argument.")])
    .summary("Returns random members of a set: different ones, or with a negative count any.");

const COUNT_OUT_OF_RANGE: Error =
    Error::text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

fn srandmember(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let mut count = None;
    if args.left() > 0 {
        if args.left() > 1 {
            return Err(Error::SYNTAX);
        }
        count = Some(args.int()?);
        if count == Some(i64::MIN) {
            return Err(COUNT_OUT_OF_RANGE);
        }
    }
    let mut rng = cx.db.rng.clone();
    let set = read(cx, key)?;
    let done = match (set.as_deref(), count) {
        (None, None) => {
            out.null();
            Ok(())
        }
        (None, Some(_)) | (_, Some(0)) => {
            out.array(0);
            Ok(())
        }
        (Some(set), None) => {
            set.draw(1, &mut rng, |v| out.value(v));
            Ok(())
        }
        (Some(set), Some(n)) => {
            let count = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
            if n > 1 {
                let count = count.min(set.len());
                out.array(count);
                set.draw_distinct(count, &mut rng, |v| out.value(v));
                Ok(())
            } else {
                draw(set, count, |set, n, out| set.draw(n, &mut rng, |v| out.value(v)), out)
            }
        }
    };
    cx.db.rng = rng;
    done
}

/// Answers `count` draws of any members. The reference goes on until memory ends.
fn draw(
    set: &Set,
    count: usize,
    mut some: impl FnMut(&Set, usize, &mut Reply<'_>),
    out: &mut Reply<'_>,
) -> Result {
    if count > REPLY_DRAWN_MAX / MEMBER_REPLY_MIN {
        return Err(Error::OUT_OF_RANGE);
    }
    let mark = out.mark();
    out.array(count);
    let mut left = count;
    while left > 0 {
        let n = left.min(DRAWS_AT_ONCE);
        some(set, n, out);
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

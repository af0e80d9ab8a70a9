//! Sorted sets put together, sets among them (each of their members has the score 1): ZUNION, ZINTER, ZDIFF, their
//! forms that store the result, and ZINTERCARD. A result is collected in a table and sorted once, at the end; from an
//! input that is sorted already and keeps its order this only looks through it.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::{Members, limits, spec, store};
use crate::base::limits::LAZY_EFFORT_MAX;
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::object::Ref;
use crate::keyspace::{Entry, EntryRef, Key};
use crate::resp::Reply;
use crate::types::tree::Builder;
use crate::types::zset::Zset;
use crate::types::{Set, Value};

/// What is made of several sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Union,
    Inter,
    Diff,
}

/// How the scores of one member become one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum => number(a + b),
            Aggregate::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Aggregate::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// Infinity times zero, and infinity less infinity, are zero here.
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What is at a key.
enum Source<'a> {
    None,
    Set(Ref<'a, Set>),
    Zset(Ref<'a, Zset>),
}

impl<'a> Source<'a> {
    fn of(entry: Option<EntryRef<'a>>) -> Source<'a> {
        let Some(entry) = entry else { return Source::None };
        match (entry.collection(), entry.collection()) {
            (Some(set), _) => Source::Set(set),
            (_, Some(zset)) => Source::Zset(zset),
            _ => Source::None,
        }
    }

    fn len(&self) -> usize {
        match self {
            Source::None => 0,
            Source::Set(set) => set.len(),
            Source::Zset(zset) => zset.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Source::None => None,
            Source::Set(set) => set.contains(member).then_some(1.0),
            Source::Zset(zset) => zset.score(member),
        }
    }

    /// Whether both are the same key's.
    fn is(&self, other: &Source<'_>) -> bool {
        match (self, other) {
            (Source::Set(a), Source::Set(b)) => a.is(b),
            (Source::Zset(a), Source::Zset(b)) => a.is(b),
            _ => false,
        }
    }

    /// Gives all members with their scores, until `give` breaks.
    fn each(&self, mut give: impl FnMut(&[u8], f64) -> ControlFlow<()>) {
        let mut digits = NumBuf::new();
        match self {
            Source::None => {}
            Source::Set(set) => {
                let mut ended = false;
                set.for_each(|member| ended = ended || give(member.bytes(&mut digits), 1.0).is_break());
            }
            Source::Zset(zset) => {
                for (member, score) in zset.iter() {
                    if give(member.bytes(&mut digits), score).is_break() {
                        return;
                    }
                }
            }
        }
    }
}

/// One input.
struct Input<'a> {
    source: Source<'a>,
    weight: f64,
}

type Inputs<'a> = SmallVec<[Input<'a>; 4]>;

/// What is asked for, without the inputs.
struct Asked<'a> {
    keys: SmallVec<[Key<'a>; 4]>,
    weights: SmallVec<[f64; 4]>,
    aggregate: Aggregate,
    scores: bool,
    /// Of ZINTERCARD; 0 for none.
    limit: u64,
}

/// Which options a command takes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Takes {
    weights: bool,
    scores: bool,
    limit: bool,
}

impl<'a> Asked<'a> {
    /// Reads what follows the destination. Keys are looked up before the options are read, as the reference does.
    fn read(cx: &mut KeyCx<'_>, args: &mut Args<'a>, name: &str, takes: Takes) -> Result<Asked<'a>> {
        let n = args.int()?;
        if n < 1 {
            return Err(Error::owned(format!("ERR at least 1 input key is needed for '{name}' command")));
        }
        let n = usize::try_from(n).ok().filter(|n| *n <= args.left()).ok_or(Error::SYNTAX)?;
        let keys: SmallVec<_> = (0..n).map(|_| args.key()).collect();
        for key in &keys {
            if let Some(pos) = cx.find_read(*key)
                && !["set", "zset"].contains(&cx.db.at(pos).type_name())
            {
                return Err(Error::WRONG_TYPE);
            }
        }
        let mut asked = Asked {
            weights: SmallVec::from_elem(1.0, n),
            keys,
            aggregate: Aggregate::Sum,
            scores: false,
            limit: 0,
        };
        while args.left() > 0 {
            asked.option(args, takes)?;
        }
        Ok(asked)
    }

    fn option(&mut self, args: &mut Args<'_>, takes: Takes) -> Result {
        if takes.weights && args.left() > self.keys.len() && args.eat("weights") {
            for weight in &mut self.weights {
                let text = args.bytes_arg()?;
                *weight = num::parse_f64(text).ok_or(Error::text("ERR weight value is not a float"))?;
            }
        } else if takes.weights && args.left() > 1 && args.eat("aggregate") {
            self.aggregate = match () {
                () if args.eat("sum") => Aggregate::Sum,
                () if args.eat("min") => Aggregate::Min,
                () if args.eat("max") => Aggregate::Max,
                () => return Err(Error::SYNTAX),
            };
        } else if takes.scores && args.eat("withscores") {
            self.scores = true;
        } else if takes.limit && args.left() > 1 && args.eat("limit") {
            let limit = args.int_in(0..=i64::MAX, Error::text("ERR LIMIT can't be negative"))?;
            self.limit = limit.unsigned_abs();
        } else {
            return Err(Error::SYNTAX);
        }
        Ok(())
    }

    /// The inputs, in the order of the keys.
    fn inputs<'c>(&self, cx: &'c KeyCx<'_>) -> Inputs<'c> {
        let db = &*cx.db;
        let keys = self.keys.iter().zip(&self.weights);
        keys.map(|(key, &weight)| Input { source: Source::of(db.seen(*key)), weight }).collect()
    }

    fn collect(&self, op: Op, mut inputs: Inputs<'_>) -> Builder {
        match op {
            Op::Union => {
                by_len(&mut inputs);
                union(&inputs, self.aggregate)
            }
            Op::Inter => {
                let mut result = Builder::new();
                inter(&mut inputs, self.aggregate, |member, score| {
                    result.add_new(member, score);
                    ControlFlow::Continue(())
                });
                result
            }
            Op::Diff => diff(&mut inputs),
        }
    }
}

/// The smallest first. Those of one size keep their order, since a sum of floats depends on it.
fn by_len(inputs: &mut Inputs<'_>) {
    inputs.sort_by_key(|input| input.source.len());
}

fn union(inputs: &Inputs<'_>, aggregate: Aggregate) -> Builder {
    let mut result = Builder::new();
    for input in inputs {
        input.source.each(|member, score| {
            result.merge(member, number(input.weight * score), |old, new| aggregate.of(old, new));
            ControlFlow::Continue(())
        });
    }
    result
}

/// Gives all members that every input has, until `give` breaks.
fn inter(inputs: &mut Inputs<'_>, aggregate: Aggregate, mut give: impl FnMut(&[u8], f64) -> ControlFlow<()>) {
    by_len(inputs);
    let Some((first, others)) = inputs.split_first() else { return };
    first.source.each(|member, score| {
        let mut sum = number(first.weight * score);
        for other in others {
            match other.source.score(member) {
                Some(score) => sum = aggregate.of(sum, score * other.weight),
                None => return ControlFlow::Continue(()),
            }
        }
        give(member, sum)
    });
}

/// The first input's members that no other has.
fn diff(inputs: &mut Inputs<'_>) -> Builder {
    let mut result = Builder::new();
    let Some((first, others)) = inputs.split_first_mut() else { return result };
    if others.iter().any(|other| other.source.is(&first.source)) {
        return result;
    }
    let asked_each = first.source.len().saturating_mul(others.len() + 1) / 2;
    if asked_each <= first.source.len() + others.iter().map(|o| o.source.len()).sum::<usize>() {
        // The largest first, as they have a member most likely.
        others.sort_by_key(|other| std::cmp::Reverse(other.source.len()));
        first.source.each(|member, score| {
            if others.iter().all(|other| other.source.score(member).is_none()) {
                result.add_new(member, score);
            }
            ControlFlow::Continue(())
        });
        return result;
    }
    // The others are small: what they take away is noted first.
    let mut gone = Builder::new();
    for other in others {
        other.source.each(|member, _| {
            if first.source.score(member).is_some() && !gone.contains(member) {
                gone.add_new(member, 0.0);
            }
            ControlFlow::Continue(())
        });
    }
    first.source.each(|member, score| {
        if gone.is_empty() || !gone.contains(member) {
            result.add_new(member, score);
        }
        ControlFlow::Continue(())
    });
    result
}

/// Frees what is no key's and large: after the command, on the free thread.
fn discard(cx: &mut KeyCx<'_>, set: Zset) {
    let lazy = cx.config.lazyfree_lazy_server_del;
    cx.fx.discard(Entry::new(b"", set.into(), None, 0), lazy);
}

const COUNTED: &[KeySpec] = &[KeySpec::counted(1, RO | ACCESS)];
const STORED: &[KeySpec] = &[KeySpec::first(OW | UPDATE), KeySpec::counted(2, RO | ACCESS)];

const fn read_spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    spec(name, f)
        .arity(at_least(2))
        .flags(READONLY | MOVABLE_KEYS)
        .keys(COUNTED)
        .syntax("numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]")
        .since("6.2.0")
}

const fn store_spec(
    name: &'static str,
    f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Spec {
    spec(name, f)
        .arity(at_least(3))
        .flags(WRITE | DENYOOM | MOVABLE_KEYS)
        .keys(STORED)
        .syntax("destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]")
        .since("2.0.0")
}

const UNION_COMPLEXITY: &str = "O(N+M*log(M)) for N members of all sets and M of the result";
const INTER_COMPLEXITY: &str =
    "O(N*K+M*log(M)) for K sets, the smallest of N members, and M members of the result";
const DIFF_COMPLEXITY: &str = "O(N+M*log(M)) for N members of all sets and M of the result";

fn answer(cx: &mut KeyCx<'_>, args: &mut Args<'_>, (name, op): (&str, Op), out: &mut Reply<'_>) -> Result {
    let takes = Takes { weights: op != Op::Diff, scores: true, limit: false };
    let asked = Asked::read(cx, args, name, takes)?;
    let mut result = asked.collect(op, asked.inputs(cx));
    result.sort();
    let list = Members::begin(result.len(), asked.scores, out);
    result.iter().for_each(|(member, score)| list.add(Value::Bytes(member), score, out));
    if result.len() > LAZY_EFFORT_MAX {
        discard(cx, Zset::Tree(Box::new(result.into_remains())));
    }
    Ok(())
}

fn answer_stored(
    cx: &mut KeyCx<'_>,
    args: &mut Args<'_>,
    (name, op, event): (&str, Op, Event),
    out: &mut Reply<'_>,
) -> Result {
    let destination = args.key();
    let takes = Takes { weights: op != Op::Diff, scores: false, limit: false };
    let asked = Asked::read(cx, args, name, takes)?;
    let result = Zset::of(asked.collect(op, asked.inputs(cx)), limits(cx));
    store(cx, destination, result, event, out);
    Ok(())
}

pub const ZUNION: Spec = read_spec("zunion", zunion)
    .complexity(UNION_COMPLEXITY)
    .summary("Returns the members that any of several sorted sets has.");

fn zunion(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    answer(cx, args, ("zunion", Op::Union), out)
}

pub const ZINTER: Spec = read_spec("zinter", zinter)
    .complexity(INTER_COMPLEXITY)
    .summary("Returns the members that several sorted sets have in common.");

fn zinter(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    answer(cx, args, ("zinter", Op::Inter), out)
}

pub const ZDIFF: Spec = read_spec("zdiff", zdiff)
    .syntax("numkeys key [key ...] [WITHSCORES]")
    .complexity(DIFF_COMPLEXITY)
    .summary("Returns the members of a sorted set that none of several others has.");

fn zdiff(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    answer(cx, args, ("zdiff", Op::Diff), out)
}

pub const ZINTERCARD: Spec = read_spec("zintercard", zintercard)
    .syntax("numkeys key [key ...] [LIMIT limit]")
    .since("7.0.0")
    .complexity("O(N*K) for K sets, the smallest of N members")
    .summary("Returns how many members several sorted sets have in common.");

fn zintercard(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let takes = Takes { weights: false, scores: false, limit: true };
    let asked = Asked::read(cx, args, "zintercard", takes)?;
    let mut n = 0;
    inter(&mut asked.inputs(cx), asked.aggregate, |_, _| {
        n += 1;
        if n == asked.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    out.int(n.cast_signed());
    Ok(())
}

pub const ZUNIONSTORE: Spec = store_spec("zunionstore", zunionstore)
    .complexity(UNION_COMPLEXITY)
    .summary("Stores the members that any of several sorted sets has.");

fn zunionstore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    answer_stored(cx, args, ("zunionstore", Op::Union, Event::ZUNIONSTORE), out)
}

pub const ZINTERSTORE: Spec = store_spec("zinterstore", zinterstore)
    .complexity(INTER_COMPLEXITY)
    .summary("Stores the members that several sorted sets have in common.");

fn zinterstore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    answer_stored(cx, args, ("zinterstore", Op::Inter, Event::ZINTERSTORE), out)
}

pub const ZDIFFSTORE: Spec = store_spec("zdiffstore", zdiffstore)
    .syntax("destination numkeys key [key ...]")
    .since("6.2.0")
    .complexity(DIFF_COMPLEXITY)
    .summary("Stores the members of a sorted set that none of several others has.");

fn zdiffstore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    answer_stored(cx, args, ("zdiffstore", Op::Diff, Event::ZDIFFSTORE), out)
}

//! Sorted sets: a listpack of member, score, member, score... while they are few and short, a [`Tree`] otherwise. A set
//! changes its encoding where the reference's does (redis/t_zset.c), and never back; results that are stored whole
//! begin in the encoding that they fit.
//!
//! Every range, be it of scores or of members, is a range of ranks first ([`Zset::ranks_of_scores`],
//! [`Zset::ranks_of_members`]): counting is a subtraction, an offset an addition, and there is one way to walk and one to
//! remove.
//!
//! A listpack holds scores as integers where they are ones, so a score of -0 comes back from there as 0.

mod draw;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::collection::Collection;
use super::listpack::{self, At};
use super::tree::{self, Builder, Edge, Tree};
use super::{Corrupt, Listpack, Value};
use crate::base::num::{self, NumBuf};
use crate::sys::memory::size_class;

/// How large a sorted set may be as a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZsetLimits {
    /// Members: `zset-max-listpack-entries`.
    pub packed: usize,
    /// Bytes of one of them: `zset-max-listpack-value`.
    pub packed_value: usize,
}

/// A sorted set. See the head of this file.
pub enum Zset {
    /// A few short members with their scores, in order.
    Packed(Listpack),
    /// Any members.
    Tree(Box<Tree>),
}

/// What is asked of a score that is to be set: the options of ZADD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddRule {
    /// Only members that are new.
    pub nx: bool,
    /// Only members that exist.
    pub xx: bool,
    /// An existing one only when its score grows.
    pub gt: bool,
    /// An existing one only when its score falls.
    pub lt: bool,
    /// What is given is added to the score of an existing one.
    pub incr: bool,
}

/// What became of a member that was to be added. With the score that it has now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// It is new.
    New(f64),
    /// It has another score.
    Changed(f64),
    /// It had this score already.
    Same(f64),
    /// The rule did not let it.
    Refused,
    /// The sum of its score and the increment is no number. Nothing was changed.
    NotNumber,
}

impl AddRule {
    /// What becomes of a member that has the score `old`, if any.
    fn apply(self, old: Option<f64>, given: f64) -> Added {
        let Some(old) = old else { return if self.xx { Added::Refused } else { Added::New(given) } };
        if self.nx {
            return Added::Refused;
        }
        let new = if self.incr { old + given } else { given };
        if new.is_nan() {
            Added::NotNumber
        } else if self.lt && new >= old || self.gt && new <= old {
            Added::Refused
        } else if new == old {
            Added::Same(new)
        } else {
            Added::Changed(new)
        }
    }
}

/// Scores from `min` to `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    pub min: f64,
    pub max: f64,
    /// Whether `min` itself is out of it.
    pub min_open: bool,
    /// Whether `max` itself is out of it.
    pub max_open: bool,
}

impl ScoreRange {
    fn is_below(&self, score: f64) -> bool {
        if self.min_open { score <= self.min } else { score < self.min }
    }

    fn is_above(&self, score: f64) -> bool {
        if self.max_open { score >= self.max } else { score > self.max }
    }
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexEnd<'a> {
    /// Before all members.
    First,
    /// This member, which is in the range.
    Closed(&'a [u8]),
    /// This member, which is not.
    Open(&'a [u8]),
    /// Behind all members.
    Last,
}

/// Members from `min` to `max` of a set whose scores are all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    pub min: LexEnd<'a>,
    pub max: LexEnd<'a>,
}

impl LexRange<'_> {
    fn is_below(&self, member: &[u8]) -> bool {
        match self.min {
            LexEnd::First => false,
            LexEnd::Closed(m) => member < m,
            LexEnd::Open(m) => member <= m,
            LexEnd::Last => true,
        }
    }

    fn is_above(&self, member: &[u8]) -> bool {
        match self.max {
            LexEnd::First => true,
            LexEnd::Closed(m) => member > m,
            LexEnd::Open(m) => member >= m,
            LexEnd::Last => false,
        }
    }

    /// Whether no member can be in it.
    fn is_empty(&self) -> bool {
        use LexEnd::{Closed, First, Last, Open};
        match (self.min, self.max) {
            (Last, _) | (_, First) => true,
            (First, _) | (_, Last) => false,
            (Closed(a), Closed(b)) => a > b,
            (Closed(a) | Open(a), Closed(b) | Open(b)) => a >= b,
        }
    }
}

/// The score that a listpack's element is.
#[inline]
fn score_of(value: Value<'_>) -> f64 {
    match value {
        Value::Int(n) => n as f64,
        Value::Bytes(text) => num::parse_f64(text).unwrap_or(0.0),
    }
}

/// The text of a score in a listpack.
#[inline]
fn packed_score(digits: &mut NumBuf, score: f64) -> &[u8] {
    // -0.0 + 0.0 is 0.0: there -0 is an integer, 0.
    num::fmt_f64(digits, score + 0.0)
}

fn push(pack: &mut Listpack, member: &[u8], score: f64) {
    pack.push_back(member);
    pack.push_back(packed_score(&mut NumBuf::new(), score));
}

/// Where a member stands in a listpack, with its score.
#[inline]
fn find(pack: &Listpack, member: &[u8]) -> Option<(At, f64)> {
    let at = pack.find(pack.first()?, member, 1)?;
    Some((at, score_of(pack.get(pack.next(at)?))))
}

/// Puts a member that is absent in its place.
fn insert(pack: &mut Listpack, member: &[u8], score: f64) {
    let mut digits = NumBuf::new();
    let mut next = pack.first();
    while let Some(at) = next
        && let Some(score_at) = pack.next(at)
    {
        let here = score_of(pack.get(score_at));
        if here > score || here == score && pack.get(at).bytes(&mut digits) > member {
            let at = pack.insert_before(at, member);
            pack.insert_after(at, packed_score(&mut digits, score));
            return;
        }
        next = pack.next(score_at);
    }
    push(pack, member, score);
}

impl Zset {
    /// An empty set to which `n` members are to be added, the longest of them `longest` bytes.
    pub fn for_members(n: usize, longest: usize, limits: ZsetLimits) -> Zset {
        let mut new = Zset::Packed(Listpack::new());
        new.prepare_for(n, longest, limits);
        new
    }

    /// Prepares for `n` members to be added, the longest of them `longest` bytes: converts at once what would not hold
    /// them.
    pub fn prepare_for(&mut self, n: usize, longest: usize, limits: ZsetLimits) {
        if n > limits.packed || longest > limits.packed_value {
            self.make_tree();
        }
    }

    /// A set of what was collected.
    pub fn of(mut builder: Builder, limits: ZsetLimits) -> Zset {
        let (mut longest, mut total) = (0, 0);
        for (member, _) in builder.iter() {
            longest = longest.max(member.len());
            total += member.len();
        }
        let mut pack = Listpack::new();
        if builder.len() > limits.packed || longest > limits.packed_value || !pack.fits(total) {
            return Zset::Tree(Box::new(builder.finish()));
        }
        builder.sort();
        builder.iter().for_each(|(member, score)| push(&mut pack, member, score));
        Zset::Packed(pack)
    }

    /// A set of members that come in their order.
    pub fn of_sorted<'a>(members: impl Iterator<Item = (Value<'a>, f64)>, limits: ZsetLimits) -> Zset {
        let mut builder = Builder::new();
        members.for_each(|(m, score)| builder.add_new(m.bytes(&mut NumBuf::new()), score));
        Zset::of(builder, limits)
    }

    /// The set that a listpack from outside holds. Its members may come twice and in any order: whoever does not
    /// trust it asks [`Zset::is_sorted`] too.
    pub fn from_listpack(pack: Listpack) -> Result<Zset, Corrupt> {
        let odd = !pack.len().is_multiple_of(2);
        let nan = |score| matches!(score, Value::Bytes(text) if num::parse_f64(text).is_none());
        if odd || pack.pairs().any(|(_, score)| nan(score)) { Err(Corrupt) } else { Ok(Zset::Packed(pack)) }
    }

    /// Whether all members stand in their order, and so each once.
    pub fn is_sorted(&self) -> bool {
        let Zset::Packed(pack) = self else { return true };
        let pairs = pack.pairs();
        pairs.clone().zip(pairs.skip(1)).all(|((a, x), (b, y))| {
            let (x, y) = (score_of(x), score_of(y));
            x < y || x == y && a.bytes(&mut NumBuf::new()) < b.bytes(&mut NumBuf::new())
        })
    }

    /// Whether both are the same set, not only equal: one may have been put together from its entry twice.
    pub fn is(&self, other: &Zset) -> bool {
        match (self, other) {
            (Zset::Packed(a), Zset::Packed(b)) => std::ptr::eq(a.as_bytes(), b.as_bytes()),
            (Zset::Tree(a), Zset::Tree(b)) => std::ptr::eq(&**a, &**b),
            _ => false,
        }
    }

    /// Members.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Zset::Packed(pack) => pack.len() / 2,
            Zset::Tree(tree) => tree.len(),
        }
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            Zset::Packed(pack) => pack.is_empty(),
            Zset::Tree(tree) => tree.is_empty(),
        }
    }

    /// Becomes a tree.
    fn make_tree(&mut self) -> &mut Tree {
        if let Zset::Packed(pack) = self {
            let mut builder = Builder::new();
            for (member, score) in pack.pairs() {
                let mut digits = NumBuf::new();
                let member = member.bytes(&mut digits);
                // A listpack from outside may hold one twice.
                if !builder.contains(member) {
                    builder.add_new(member, score_of(score));
                }
            }
            *self = Zset::Tree(Box::new(builder.finish()));
        }
        match self {
            Zset::Tree(tree) => tree,
            Zset::Packed(_) => unreachable!("made a tree above"),
        }
    }

    /// Adds a member or changes its score, as `rule` wants it. `score` is a number.
    pub fn add(&mut self, member: &[u8], score: f64, rule: AddRule, limits: ZsetLimits) -> Added {
        if let Zset::Packed(pack) = self {
            let found = find(pack, member);
            let added = rule.apply(found.map(|f| f.1), score);
            match (found, added) {
                (Some((at, _)), Added::Changed(score)) => {
                    pack.remove_range(at, 2);
                    insert(pack, member, score);
                }
                (_, Added::New(score)) => {
                    let more = pack.len() / 2 + 1 > limits.packed || member.len() > limits.packed_value;
                    if more || !pack.fits(member.len()) {
                        self.make_tree().add_with(member, |_| Some(score));
                    } else {
                        insert(pack, member, score);
                    }
                }
                _ => {}
            }
            return added;
        }
        let mut added = Added::Refused;
        self.make_tree().add_with(member, |old| {
            added = rule.apply(old, score);
            match added {
                Added::New(score) | Added::Changed(score) => Some(score),
                _ => None,
            }
        });
        added
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Zset::Packed(pack) => match find(pack, member) {
                Some((at, _)) => {
                    pack.remove_range(at, 2);
                    true
                }
                None => false,
            },
            Zset::Tree(tree) => tree.remove(member).is_some(),
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Zset::Packed(pack) => find(pack, member).map(|f| f.1),
            Zset::Tree(tree) => tree.score(member),
        }
    }

    /// The rank of a member, from 0, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            Zset::Packed(pack) => {
                let (at, score) = find(pack, member)?;
                Some((pack.iter_to(at).count() / 2, score))
            }
            Zset::Tree(tree) => tree.rank(member),
        }
    }

    /// The ranks of the members with scores in `range`.
    pub fn ranks_of_scores(&self, range: &ScoreRange) -> Range<usize> {
        let (from, to) = match self {
            Zset::Packed(pack) => {
                let scores = pack.pairs().map(|(_, score)| score_of(score));
                (
                    scores.clone().take_while(|&s| range.is_below(s)).count(),
                    scores.take_while(|&s| !range.is_above(s)).count(),
                )
            }
            Zset::Tree(tree) => {
                let (min, max) = (range.min, range.max);
                let from = if range.min_open { Edge::past_score(min) } else { Edge::at_score(min) };
                let to = if range.max_open { Edge::at_score(max) } else { Edge::past_score(max) };
                (tree.before(&from), tree.before(&to))
            }
        };
        from..to.max(from)
    }

    /// The ranks of the members in `range`. Where scores are not all the same, the answer is the reference's while the
    /// set is a listpack (there it depends on the side from which the range is walked), and some range otherwise.
    pub fn ranks_of_members(&self, range: &LexRange<'_>, reverse: bool) -> Range<usize> {
        let mut digits = NumBuf::new();
        let below =
            self.iter_from_end().next().is_none_or(|(last, _)| range.is_below(last.bytes(&mut digits)));
        let above = self.iter().next().is_none_or(|(first, _)| range.is_above(first.bytes(&mut digits)));
        if range.is_empty() || below || above {
            return 0..0;
        }
        match self {
            Zset::Packed(pack) => packed_ranks(pack, range, reverse),
            Zset::Tree(tree) => {
                let from = match range.min {
                    LexEnd::First => 0,
                    LexEnd::Closed(m) => tree.before(&Edge::at_lex(m)),
                    LexEnd::Open(m) => tree.before(&Edge::past_lex(m)),
                    LexEnd::Last => tree.len(),
                };
                let to = match range.max {
                    LexEnd::First => 0,
                    LexEnd::Closed(m) => tree.before(&Edge::past_lex(m)),
                    LexEnd::Open(m) => tree.before(&Edge::at_lex(m)),
                    LexEnd::Last => tree.len(),
                };
                from..to.max(from)
            }
        }
    }

    /// The members of a range of ranks with their scores, from the last to the first when `reverse`.
    pub fn range(&self, ranks: Range<usize>, reverse: bool) -> Iter<'_> {
        let to = ranks.end.min(self.len());
        let from = ranks.start.min(to);
        match self {
            Zset::Packed(pack) => {
                let end = if reverse { 2 * to as i64 - 1 } else { 2 * from as i64 };
                let at = if from < to { pack.at(end) } else { None };
                let pairs = match at {
                    None => pack.iter(),
                    Some(at) if reverse => pack.iter_to(at),
                    Some(at) => pack.iter_from(at),
                };
                Iter::Packed { pairs, left: if at.is_some() { to - from } else { 0 }, reverse }
            }
            Zset::Tree(tree) if reverse => Iter::Back(tree.range(from..to).rev()),
            Zset::Tree(tree) => Iter::Forth(tree.range(from..to)),
        }
    }

    /// All members with their scores, in order.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..usize::MAX, false)
    }

    /// All members with their scores, from the last on.
    pub fn iter_from_end(&self) -> Iter<'_> {
        self.range(0..usize::MAX, true)
    }

    /// Removes the members of a range of ranks.
    pub fn remove_range(&mut self, ranks: Range<usize>) {
        match self {
            Zset::Packed(pack) => {
                if !ranks.is_empty()
                    && let Some(at) =
                        i64::try_from(ranks.start).ok().and_then(|r| pack.at(r.saturating_mul(2)))
                {
                    pack.remove_range(at, 2 * ranks.len());
                }
            }
            Zset::Tree(tree) => tree.remove_range(ranks, |_, _| {}),
        }
    }

    /// Walks members for ZSCAN, as `Table::scan` does; a listpack gives all at once.
    pub fn scan(&self, cursor: u64, count: usize, mut give: impl FnMut(Value<'_>, f64)) -> u64 {
        match self {
            Zset::Packed(pack) => {
                pack.pairs().for_each(|(m, score)| give(m, score_of(score)));
                0
            }
            Zset::Tree(tree) => tree.scan(cursor, count, |m, score| give(Value::Bytes(m), score)),
        }
    }
}

/// See [`Zset::ranks_of_members`].
fn packed_ranks(pack: &Listpack, range: &LexRange<'_>, reverse: bool) -> Range<usize> {
    let mut digits = NumBuf::new();
    let len = pack.len() / 2;
    if !reverse {
        let mut all = pack.iter().step_by(2);
        let from = all.position(|m| !range.is_below(m.bytes(&mut digits))).unwrap_or(len);
        let mut rest = pack.iter().step_by(2).skip(from);
        let n = rest.position(|m| range.is_above(m.bytes(&mut digits))).unwrap_or(len - from);
        return from..from + n;
    }
    let mut back = pack.iter().rev().skip(1).step_by(2);
    let to = len - back.position(|m| !range.is_above(m.bytes(&mut digits))).unwrap_or(len);
    let mut rest = pack.iter().rev().skip(1).step_by(2).skip(len - to);
    let n = rest.position(|m| range.is_below(m.bytes(&mut digits))).unwrap_or(to);
    to - n..to
}

/// Members with their scores, one way.
pub enum Iter<'a> {
    Packed { pairs: listpack::Iter<'a>, left: usize, reverse: bool },
    Forth(tree::Iter<'a>),
    Back(std::iter::Rev<tree::Iter<'a>>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Value<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Packed { left: 0, .. } => None,
            Iter::Packed { pairs, left, reverse } => {
                *left -= 1;
                if *reverse {
                    let score = pairs.next_back()?;
                    Some((pairs.next_back()?, score_of(score)))
                } else {
                    Some((pairs.next()?, score_of(pairs.next()?)))
                }
            }
            Iter::Forth(iter) => iter.next().map(|(m, score)| (Value::Bytes(m), score)),
            Iter::Back(iter) => iter.next().map(|(m, score)| (Value::Bytes(m), score)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Iter::Packed { left, .. } => (*left, Some(*left)),
            Iter::Forth(iter) => iter.size_hint(),
            Iter::Back(iter) => iter.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl Collection for Zset {
    const TYPE: &'static str = "zset";

    fn len(&self) -> usize {
        Zset::len(self)
    }

    fn encoding(&self) -> &'static str {
        match self {
            Zset::Packed(_) => "listpack",
            Zset::Tree(_) => "skiplist",
        }
    }

    fn allocated(&self) -> usize {
        match self {
            Zset::Packed(pack) => pack.allocated(),
            Zset::Tree(tree) => size_class(size_of::<Tree>()) + tree.allocated(),
        }
    }

    fn effort(&self) -> usize {
        match self {
            Zset::Packed(_) => 1,
            Zset::Tree(tree) => tree.len(),
        }
    }

    fn table_shape(&self) -> Option<(usize, usize)> {
        match self {
            Zset::Tree(tree) => Some((tree.slots(), tree.len())),
            _ => None,
        }
    }

    fn duplicate(&self) -> Self {
        match self {
            Zset::Packed(pack) => Zset::Packed(pack.clone()),
            Zset::Tree(tree) => Zset::Tree(Box::new(tree.duplicate())),
        }
    }

    fn visit(&self, give: &mut dyn FnMut(&[&[u8]])) {
        for (member, score) in self.iter() {
            let (mut member_text, mut score_text) = (NumBuf::new(), NumBuf::new());
            give(&[member.bytes(&mut member_text), num::fmt_f64(&mut score_text, score)]);
        }
    }
}

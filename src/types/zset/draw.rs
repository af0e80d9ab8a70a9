//! Members by chance: ZRANDMEMBER. Every member is as likely as any other, and so is every choice of several.

use std::collections::HashSet;

use super::{Zset, score_of};
use crate::base::rng::Rng;
use crate::types::Value;

/// Draws of one listpack from which on its members are noted first, as a walk to each would cost more.
const NOTED_MIN: usize = 8;
/// A draw without repetition reads all members unless it wants fewer than one of so many.
const SPARSE: usize = 3;

impl Zset {
    /// A member with its score; none of an empty set.
    pub fn random(&self, rng: &mut Rng) -> Option<(Value<'_>, f64)> {
        match self {
            Zset::Packed(pack) => {
                let at = pack.at(2 * rng.below(self.len() as u64) as i64)?;
                Some((pack.get(at), score_of(pack.get(pack.next(at)?))))
            }
            Zset::Tree(tree) => tree.random(rng).map(|(m, score)| (Value::Bytes(m), score)),
        }
    }

    /// Gives `count` members, each drawn from all.
    pub fn draw(&self, count: usize, rng: &mut Rng, mut give: impl FnMut(Value<'_>, f64)) {
        if let Zset::Packed(_) = self
            && count >= NOTED_MIN
            && !self.is_empty()
        {
            let all: Vec<_> = self.iter().collect();
            return (0..count).for_each(|_| {
                let (member, score) = all[rng.below(all.len() as u64) as usize];
                give(member, score);
            });
        }
        (0..count).filter_map(|_| self.random(rng)).for_each(|(member, score)| give(member, score));
    }

    /// Gives `count` different members, or all.
    pub fn draw_distinct(&self, count: usize, rng: &mut Rng, mut give: impl FnMut(Value<'_>, f64)) {
        let len = self.len();
        if let Zset::Tree(tree) = self
            && count < len / SPARSE
        {
            // Where a member lies names it.
            let mut seen = HashSet::with_capacity(count);
            while seen.len() < count {
                let Some((member, score)) = tree.random(rng) else { return };
                if seen.insert(member.as_ptr()) {
                    give(Value::Bytes(member), score);
                }
            }
            return;
        }
        // Each is taken with the chance that makes every choice equally likely.
        let mut want = count.min(len) as u64;
        for (i, (member, score)) in self.iter().enumerate() {
            if rng.below((len - i) as u64) < want {
                want -= 1;
                give(member, score);
            }
        }
    }
}

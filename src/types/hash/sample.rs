//! Random fields: HRANDFIELD. Every field that readers see is equally likely.

use std::collections::HashSet;

use super::field::FieldRef;
use super::large::HashTable;
use super::{Hash, Pair};
use crate::base::rng::Rng;
use crate::types::collection::Collection;

/// Draws that may meet a field whose time has come before there is said to be none (Redis: 100).
const TRIES: usize = 100;
/// How many times more fields there must be than are asked for, so that drawing until enough differ is faster than
/// taking from all of them (Redis: `HRANDFIELD_SUB_STRATEGY_MUL`).
const DRAW_FACTOR: usize = 3;
/// Draws for each field asked for, at the most (Redis: 10).
const DRAWS_PER_FIELD: usize = 10;

impl HashTable {
    fn random(&self, now_ms: i64, rng: &mut Rng) -> Option<FieldRef<'_>> {
        (0..TRIES).find_map(|_| {
            let f = self.fields.get(self.fields.sample(rng)?);
            (!f.is_dead(now_ms)).then_some(f)
        })
    }

    fn live(&self, now_ms: i64) -> Vec<FieldRef<'_>> {
        self.fields.iter().filter(|f| !f.is_dead(now_ms)).collect()
    }
}

impl Hash {
    /// A random field.
    pub fn random(&self, now_ms: i64, rng: &mut Rng) -> Option<Pair<'_>> {
        match self {
            Hash::Packed(list) => {
                let at = list.at(2 * rng.below(self.len() as u64) as i64)?;
                Some(Pair::from((list.get(at), list.get(list.next(at)?))))
            }
            Hash::Table(table) => table.random(now_ms, rng).map(Pair::from),
        }
    }

    /// Gives random fields, the same more than once maybe, until `give` wants no more or there are none.
    pub fn random_repeated(&self, now_ms: i64, rng: &mut Rng, mut give: impl FnMut(Pair<'_>) -> bool) {
        match self {
            Hash::Packed(list) => {
                // Walked once, not at every draw.
                let all: Vec<_> = list.pairs().collect();
                while let Some(&pair) = all.get(rng.below(all.len() as u64) as usize)
                    && give(pair.into())
                {}
            }
            Hash::Table(table) => {
                while let Some(f) = table.random(now_ms, rng)
                    && give(f.into())
                {}
            }
        }
    }

    /// Gives `n` different random fields, or all if there are no more, in no order.
    pub fn random_distinct(&self, n: usize, now_ms: i64, rng: &mut Rng, mut give: impl FnMut(Pair<'_>)) {
        if n >= self.len() {
            return self.for_each(now_ms, give);
        }
        match self {
            Hash::Packed(list) => {
                // Each is taken with the chance that so many of those left are still wanted.
                let (mut left, mut wanted) = (self.len(), n);
                for pair in list.pairs() {
                    if (rng.below(left as u64) as usize) < wanted {
                        wanted -= 1;
                        give(pair.into());
                    }
                    left -= 1;
                }
            }
            Hash::Table(table) if n > self.len() / DRAW_FACTOR => {
                let mut all = table.live(now_ms);
                for i in 0..n.min(all.len()) {
                    let other = i + rng.below((all.len() - i) as u64) as usize;
                    all.swap(i, other);
                    give(all[i].into());
                }
            }
            Hash::Table(table) => {
                let mut given = HashSet::with_capacity(n);
                for _ in 0..n * DRAWS_PER_FIELD {
                    let Some(f) = table.random(now_ms, rng) else { return };
                    if given.insert(f.address()) {
                        give(f.into());
                    }
                    if given.len() == n {
                        return;
                    }
                }
            }
        }
    }
}

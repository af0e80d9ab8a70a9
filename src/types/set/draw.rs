//! Members by chance: SRANDMEMBER and SPOP. Every member is as likely as any other, and so is every choice of several.

use std::collections::HashSet;

use super::{Set, SetLimits};
use crate::base::rng::Rng;
use crate::types::{Intset, Listpack, Value};

/// Draws of one listpack from which on the places of its members are noted first, as a walk to each would cost more.
const PLACES_MIN: usize = 8;
/// A draw without repetition reads all members unless it wants fewer than one of so many.
const SPARSE: usize = 3;
/// SPOP builds what stays anew when at least so many times as much goes (Redis: `SPOP_MOVE_STRATEGY_MUL`).
const MOVE_STRATEGY: usize = 5;

/// Chooses `want` of `of` things that come one by one, each choice of them equally likely.
struct Choice {
    want: usize,
    of: usize,
}

impl Choice {
    /// Whether the next one is chosen.
    fn takes(&mut self, rng: &mut Rng) -> bool {
        let taken = rng.below(self.of as u64) < self.want as u64;
        self.of -= 1;
        self.want -= taken as usize;
        taken
    }
}

impl Set {
    /// A member; none of an empty set.
    pub fn random(&self, rng: &mut Rng) -> Option<Value<'_>> {
        match self {
            Set::Table(table) => table.members.sample(rng).map(|pos| Value::Bytes(table.members.get(pos))),
            _ if self.is_empty() => None,
            Set::Ints(ints) => Some(Value::Int(ints.get(rng.below(ints.len() as u64) as usize))),
            Set::Packed(list) => list.at(rng.below(list.len() as u64) as i64).map(|at| list.get(at)),
        }
    }

    /// Gives `count` members, each drawn from all. The set must not be empty.
    pub fn draw(&self, count: usize, rng: &mut Rng, mut give: impl FnMut(Value<'_>)) {
        if let Set::Packed(list) = self
            && count >= PLACES_MIN
        {
            let mut places = Vec::with_capacity(list.len());
            let mut next = list.first();
            while let Some(at) = next {
                places.push(at);
                next = list.next(at);
            }
            return (0..count).for_each(|_| give(list.get(places[rng.below(places.len() as u64) as usize])));
        }
        (0..count).filter_map(|_| self.random(rng)).for_each(give);
    }

    /// Gives `count` different members, or all.
    pub fn draw_distinct(&self, count: usize, rng: &mut Rng, mut give: impl FnMut(Value<'_>)) {
        let len = self.len();
        if let Set::Table(table) = self
            && count < len / SPARSE
        {
            // Where a member lies names it.
            let mut seen = HashSet::with_capacity(count);
            while seen.len() < count {
                let Some(pos) = table.members.sample(rng) else { return };
                let member = table.members.get(pos);
                if seen.insert(member.as_ptr()) {
                    give(Value::Bytes(member));
                }
            }
            return;
        }
        let mut choice = Choice { want: count.min(len), of: len };
        self.for_each(|v| {
            if choice.takes(rng) {
                give(v);
            }
        });
    }

    /// Takes out a member; whether there was one.
    pub fn pop(&mut self, rng: &mut Rng, give: impl FnOnce(Value<'_>)) -> bool {
        if self.is_empty() {
            return false;
        }
        match self {
            Set::Ints(ints) => {
                let n = ints.get(rng.below(ints.len() as u64) as usize);
                ints.remove(n);
                give(Value::Int(n));
            }
            Set::Packed(list) => {
                let Some(at) = list.at(rng.below(list.len() as u64) as i64) else { return false };
                give(list.get(at));
                list.remove(at);
            }
            Set::Table(table) => {
                let Some(pos) = table.members.sample(rng) else { return false };
                give(Value::Bytes(table.take(pos).bytes()));
            }
        }
        true
    }

    /// Takes out `count` members, fewer than there are. When most go, what stays is built anew in the encoding that
    /// `limits` give it, and the old form returned, to be freed.
    pub fn pop_some(
        &mut self,
        count: usize,
        rng: &mut Rng,
        limits: SetLimits,
        mut give: impl FnMut(Value<'_>),
    ) -> Option<Set> {
        let stay = self.len().saturating_sub(count);
        let few = stay.saturating_mul(MOVE_STRATEGY) > count;
        if few && matches!(self, Set::Table(_)) {
            for _ in 0..count {
                self.pop(rng, &mut give);
            }
            return None;
        }
        let mut kept = match self {
            Set::Ints(_) => Set::Ints(Intset::new()),
            Set::Packed(_) | Set::Table(_) => Set::Packed(Listpack::new()),
        };
        let limits = if few { SetLimits::NONE } else { limits };
        let mut choice = Choice { want: stay, of: self.len() };
        self.for_each(|v| {
            if choice.takes(rng) {
                kept.add_value(v, limits);
            } else {
                give(v);
            }
        });
        Some(std::mem::replace(self, kept))
    }
}

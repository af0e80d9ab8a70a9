//! Values in one block, checked whole: that it holds together, that nothing comes twice, that scores are numbers.

use std::collections::HashSet;

use super::input::Input;
use super::values::{add_field, done, fields_done};
use super::{Loaded, Result, Rules, Skipped};
use crate::base::num::{self, NumBuf};
use crate::types::hash::Hash;
use crate::types::intset::Intset;
use crate::types::listpack::Listpack;
use crate::types::set::Set;
use crate::types::tree::Builder;
use crate::types::value::Value;
use crate::types::zset::Zset;

/// Up to so many elements each is compared with all others; of more their hashes are.
const COMPARED_MAX: usize = 16;

/// Whether every `step`-th element comes once only. Integers count as their texts.
pub(super) fn are_unique(pack: &Listpack, step: usize) -> bool {
    let names = || pack.iter().step_by(step);
    if names().take(COMPARED_MAX + 1).count() <= COMPARED_MAX {
        return names().enumerate().all(|(i, name)| names().take(i).all(|other| !same(name, other)));
    }
    let mut seen = HashSet::new();
    let mut digits = NumBuf::new();
    let hashes = names().map(|name| crate::base::hash::hash(name.bytes(&mut digits)));
    let mut doubtful = false;
    for hash in hashes {
        doubtful |= !seen.insert(hash);
    }
    // Two names of one hash are next to impossible, but no reason to refuse anything.
    !doubtful || {
        let mut texts = HashSet::new();
        names().all(|name| texts.insert(name.bytes(&mut NumBuf::new()).to_vec()))
    }
}

fn same(a: Value<'_>, b: Value<'_>) -> bool {
    match (a, b) {
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Int(n), Value::Bytes(text)) | (Value::Bytes(text), Value::Int(n)) => {
            num::parse_i64(text) == Some(n)
        }
    }
}

fn listpack(input: &mut Input<'_>, broken: &'static str) -> Result<Listpack> {
    match Listpack::from_bytes(input.bytes()?) {
        Ok(pack) => Ok(pack),
        Err(_) => Err(input.corrupt(broken)),
    }
}

pub(super) fn intset(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    let Ok(ints) = Intset::from_bytes(input.bytes()?) else {
        return Err(input.corrupt("Intset integrity check failed."));
    };
    let n = ints.len();
    let mut set = Set::Ints(ints);
    set.prepare_for(n, rules.limits.set);
    Ok(done(set))
}

pub(super) fn set(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    const BROKEN: &str = "Set listpack integrity check failed.";
    let pack = listpack(input, BROKEN)?;
    if !are_unique(&pack, 1) {
        return Err(input.corrupt(BROKEN));
    }
    let n = pack.len();
    let mut set = Set::Packed(pack);
    set.prepare_for(n, rules.limits.set);
    Ok(done(set))
}

pub(super) fn zset_listpack(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    let pack = listpack(input, "Zset listpack integrity check failed.")?;
    zset(
        input,
        pack,
        rules,
        ["Zset listpack integrity check failed.", "Zset listpack with NAN score detected"],
    )
}

/// A sorted set of members and scores in turn, checked. What is wrong is said in these words.
pub(super) fn zset(
    input: &Input<'_>,
    pack: Listpack,
    rules: &Rules,
    [broken, nan]: [&'static str; 2],
) -> Result<Loaded> {
    let n = pack.len();
    if !n.is_multiple_of(2) || !are_unique(&pack, 2) {
        return Err(input.corrupt(broken));
    }
    if n == 0 {
        return Ok(Loaded::Skipped(Skipped::Empty));
    }
    let Ok(zset) = Zset::from_listpack(pack) else { return Err(input.corrupt(nan)) };
    if n / 2 <= rules.limits.zset.packed && zset.is_sorted() {
        return Ok(done(zset));
    }
    // The reference takes an order that is none, and answers wrongly.
    let mut builder = Builder::new();
    zset.iter().for_each(|(member, score)| builder.add_new(member.bytes(&mut NumBuf::new()), score));
    Ok(done(Zset::of(builder, rules.limits.zset)))
}

pub(super) fn hash_listpack(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    const BROKEN: &str = "Hash listpack integrity check failed.";
    let pack = listpack(input, BROKEN)?;
    hash(input, pack, rules, BROKEN)
}

/// A hash of fields and values in turn, checked.
pub(super) fn hash(input: &Input<'_>, pack: Listpack, rules: &Rules, broken: &'static str) -> Result<Loaded> {
    let n = pack.len();
    if !n.is_multiple_of(2) || !are_unique(&pack, 2) {
        return Err(input.corrupt(broken));
    }
    let mut hash = Hash::Packed(pack);
    hash.prepare(n / 2, std::iter::empty(), rules.limits.hash);
    Ok(done(hash))
}

/// Redis's hash of fields, values and expiries in turn, 0 being none.
pub(super) fn hash_with_expiry(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    const BROKEN: &str = "Hash listpack integrity check failed.";
    let pack = listpack(input, BROKEN)?;
    if !pack.len().is_multiple_of(3) {
        return Err(input.corrupt(BROKEN));
    }
    let mut hash = Hash::new();
    let mut left_out = false;
    let mut all = pack.iter();
    while let (Some(field), Some(value), Some(expiry)) = (all.next(), all.next(), all.next()) {
        let Value::Int(at @ 0..) = expiry else { return Err(input.corrupt(BROKEN)) };
        let [mut a, mut b] = [NumBuf::new(); 2];
        let (field, value) = (field.bytes(&mut a), value.bytes(&mut b));
        if !add_field(&mut hash, field, value, (at > 0).then_some(at), rules, &mut left_out) {
            return Err(input.corrupt(BROKEN));
        }
    }
    Ok(fields_done(hash, left_out))
}

//! Additions to and removals from an intset against a sorted set, and any bytes in its form: read whole, or refused.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use tarn::types::intset::Intset;

/// Integers of one input, so that its time stays below the square of that.
const STEPS_MAX: usize = 256;

fuzz_target!(|data: &[u8]| {
    let Some((head, data)) = data.split_first() else { return };
    if head & 1 == 0 {
        steps(data);
    } else {
        read(data);
        // The same as integers behind a right head, which gets further.
        let width = [2u32, 4, 8][usize::from(head >> 1) % 3];
        let len = data.len() as u32 / width;
        read(&[&width.to_le_bytes()[..], &len.to_le_bytes(), &data[..(width * len) as usize]].concat());
    }
});

fn steps(data: &[u8]) {
    let (mut set, mut model) = (Intset::new(), BTreeSet::new());
    let mut rest = data;
    for _ in 0..STEPS_MAX {
        let [step, more @ ..] = rest else { break };
        let mut wide = [0; 8];
        let n = [1, 2, 4, 8][usize::from(step >> 1 & 3)].min(more.len());
        wide[..n].copy_from_slice(&more[..n]);
        rest = &more[n..];
        let value = i64::from_le_bytes(wide);
        let value = if step & 8 == 0 { value } else { value.wrapping_neg() };
        assert_eq!(set.contains(value), model.contains(&value));
        if step & 1 == 0 {
            assert_eq!(set.add(value), model.insert(value));
        } else {
            assert_eq!(set.remove(value), model.remove(&value));
        }
        same(&set, &model);
    }
    assert_eq!(Intset::from_bytes(set.as_bytes()).is_ok(), !model.is_empty());
}

fn same(set: &Intset, model: &BTreeSet<i64>) {
    assert_eq!(set.len(), model.len());
    assert!(set.iter().eq(model.iter().copied()));
    assert!(set.iter().rev().eq(model.iter().rev().copied()));
}

fn read(bytes: &[u8]) {
    let Ok(mut set) = Intset::from_bytes(bytes) else { return };
    assert_eq!(set.as_bytes(), bytes);
    let model: BTreeSet<i64> = set.iter().collect();
    same(&set, &model);
    assert!((0..set.len()).all(|i| set.contains(set.get(i))));
    assert!(model.iter().all(|value| !set.add(*value) && set.remove(*value)));
    assert!(set.is_empty());
}

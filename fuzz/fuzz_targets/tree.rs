//! The order-statistic tree, with nodes so small that they split and join all the time, against a sorted `Vec`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::types::tree::{Edge, Tree};

/// Members in the order of score and bytes.
#[derive(Default)]
struct Model(Vec<(f64, Vec<u8>)>);

impl Model {
    fn place(&self, score: f64, name: &[u8]) -> usize {
        self.0.partition_point(|(s, n)| *s < score || *s == score && n.as_slice() < name)
    }

    fn take(&mut self, name: &[u8]) -> Option<f64> {
        let at = self.0.iter().position(|(_, n)| n == name)?;
        Some(self.0.remove(at).0)
    }

    fn score(&self, name: &[u8]) -> Option<f64> {
        self.0.iter().find(|(_, n)| n == name).map(|(s, _)| *s)
    }
}

fn score(byte: u8) -> f64 {
    match byte {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => -0.0,
        3..64 => f64::from(byte % 4),
        64..128 => f64::from(byte) / 64.0,
        byte => f64::from_bits(1f64.to_bits() + u64::from(byte)),
    }
}

fn walk<const L: usize, const N: usize>(steps: &[u8]) {
    let (mut tree, mut model) = (Tree::<L, N>::new(), Model::default());
    for step in steps.chunks_exact(4) {
        let [what, a, b, s] = [step[0], step[1], step[2], step[3]];
        let name = [a, b % 4];
        match what {
            0..120 => {
                let old = model.take(&name);
                let new = score(s);
                let new = if what.is_multiple_of(2) { new } else { old.map_or(new, |o| o + 1.0) };
                tree.add_with(&name, |seen| {
                    assert_eq!(seen, old);
                    Some(new)
                });
                model.0.insert(model.place(new, &name), (new, name.to_vec()));
            }
            120..200 => assert_eq!(tree.remove(&name), model.take(&name)),
            200..230 => {
                let from = usize::from(a) * 4 % (model.0.len() + 1);
                let to = (from + usize::from(b)).min(model.0.len());
                let mut gone = Vec::new();
                tree.remove_range(from..to, |m, score| gone.push((score, m.to_vec())));
                assert!(model.0.drain(from..to).eq(gone));
            }
            _ => {
                assert_eq!(tree.before(&Edge::at(score(s), &name)), model.place(score(s), &name));
                assert_eq!(tree.score(&name), model.score(&name));
            }
        }
    }
    tree.check();
    assert!(tree.iter().eq(model.0.iter().map(|(s, n)| (n.as_slice(), *s))));
    assert!(tree.iter().rev().eq(model.0.iter().rev().map(|(s, n)| (n.as_slice(), *s))));
    tree.duplicate().check();
}

fuzz_target!(|steps: &[u8]| {
    walk::<6, 6>(steps);
    walk::<9, 7>(steps);
});

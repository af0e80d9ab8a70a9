//! Large sorted sets: what a rank, a range by index and a count take from a thousand members to ten million, and what
//! adding one takes and how much memory it needs. `cargo bench --bench zset`; by `cargo test --bench zset` each part
//! runs once on a small input, as a test.
//!
//! `cargo bench --bench zset -- --quick` is enough to see the curve.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Instant;
use tarn::base::rng::Rng;
use tarn::sys::memory;
use tarn::types::tree::{Builder, Edge, Tree};

fn benching() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

fn name(i: u64) -> [u8; 16] {
    let mut name = *b"member:000000000";
    let digits = i.to_string();
    name[16 - digits.len()..].copy_from_slice(digits.as_bytes());
    name
}

fn score(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / 1e6
}

fn filled(n: u64) -> Tree {
    let (mut rng, mut builder) = (Rng::new(n), Builder::new());
    (0..n).for_each(|i| builder.add_new(&name(i), score(&mut rng)));
    builder.finish()
}

/// The mean of many, in nanoseconds.
fn timed<T>(n: u64, mut one: impl FnMut(u64) -> T) -> f64 {
    let start = Instant::now();
    for i in 0..n {
        black_box(one(i));
    }
    start.elapsed().as_nanos() as f64 / n as f64
}

fn questions(criterion: &mut Criterion) {
    let sizes: &[u64] = if benching() { &[1_000, 10_000, 100_000, 1_000_000, 10_000_000] } else { &[1_000] };
    let mut group = criterion.benchmark_group("zset");
    let mut curve = Vec::new();
    for &n in sizes {
        let tree = filled(n);
        let mut rng = Rng::new(1);
        let looks = if benching() { 200_000 } else { 100 };
        let rank = |i: u64| black_box(tree.rank(&name(i % n)));
        let range = |i: u64| {
            let from = (i % n) as usize;
            tree.range(from..from + 10).map(|m| m.1).sum::<f64>()
        };
        let walk = |i: u64| {
            let from = (i % n) as usize;
            tree.range(from..from + 1000).map(|m| m.0.len()).sum::<usize>()
        };
        let count = |i: u64| {
            let s = (i % (1 << 53)) as f64 / 1e6;
            black_box(tree.before(&Edge::past_score(s + 1e6)) - tree.before(&Edge::at_score(s)))
        };
        curve.push([n as f64].into_iter().chain([
            timed(looks, |_| rank(rng.next_u64())),
            timed(looks, |_| range(rng.next_u64())),
            timed(looks, |_| count(rng.next_u64())),
            timed(looks / 100, |_| walk(rng.next_u64())),
        ]));
        if n <= 1_000_000 {
            group.bench_function(format!("rank of {n}"), |b| b.iter(|| rank(rng.next_u64())));
            group.bench_function(format!("10 by index of {n}"), |b| b.iter(|| range(rng.next_u64())));
            group.bench_function(format!("count by score of {n}"), |b| b.iter(|| count(rng.next_u64())));
        }
    }
    group.finish();
    println!("   members    rank ns   10 by ns   count ns    1000 ns");
    for row in curve {
        println!("{}", row.map(|n| format!("{n:>10.0}")).collect::<Vec<_>>().join(" "));
    }
}

fn growth(_: &mut Criterion) {
    let n = if benching() { 1_000_000 } else { 2_000 };
    for (what, rising) in [("random scores", false), ("rising scores", true)] {
        let (mut tree, mut rng) = (Tree::<63, 64>::new(), Rng::new(2));
        let (rss, used) = (memory::rss(), memory::used());
        let add = timed(n, |i| {
            let score = if rising { i as f64 } else { score(&mut rng) };
            tree.add_with(&name(i), |_| Some(score));
        });
        let (rss, used) = (memory::rss() - rss, memory::used() - used);
        let move_far = timed(n, |_| {
            let (i, score) = (rng.below(n), score(&mut rng));
            tree.add_with(&name(i), |_| Some(score));
        });
        let move_near = timed(n, |_| {
            let i = rng.below(n);
            tree.add_with(&name(i), |old| old.map(|s| s + 1e-3));
        });
        let remove = timed(n, |i| tree.remove(&name(i)));
        let each = |bytes: usize| bytes as f64 / n as f64;
        println!(
            "{what}, {n}: add {add:.0} ns, move {move_far:.0} ns, nudge {move_near:.0} ns, remove {remove:.0} ns; \
             {:.1} bytes each allocated, {:.1} of RSS",
            each(used),
            each(rss),
        );
    }
}

criterion_group!(benches, growth, questions);
criterion_main!(benches);

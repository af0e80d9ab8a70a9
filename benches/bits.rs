//! Bitmaps: counting, searching and combining large values. `cargo bench --bench bits`; without `--bench` each part
//! runs once on a small input, as a test.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tarn::types::bits::{self, Op, Unit};

fn input_len() -> usize {
    if std::env::args().any(|arg| arg == "--bench") { 16 << 20 } else { 4 << 10 }
}

fn large_values(criterion: &mut Criterion) {
    let len = input_len();
    let a: Vec<u8> = (0..len).map(|i| (i * 31) as u8).collect();
    let b: Vec<u8> = (0..len).map(|i| (i * 17) as u8).collect();
    let zeros = vec![0; len];
    let mut out = Vec::new();
    let mut group = criterion.benchmark_group("bits");
    group.throughput(Throughput::Bytes(len as u64));
    group.bench_function("count", |bench| bench.iter(|| bits::count(black_box(&a))));
    group.bench_function("position", |bench| {
        bench.iter(|| bits::position(black_box(&zeros), true, 0, None, Unit::Byte));
    });
    for op in [Op::And, Op::One] {
        group.bench_function(format!("op {}", op.name()), |bench| {
            bench.iter(|| bits::op(op, black_box(&[&a, &b]), &mut out));
        });
    }
    group.finish();
}

criterion_group!(benches, large_values);
criterion_main!(benches);

//! Writing replies. `cargo bench --bench reply`; by `cargo test --bench reply` each part runs once, as a test.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tarn::resp::{Output, Reply};

/// Replies per pass.
const N: usize = 64;

fn replies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reply");
    group.throughput(Throughput::Elements(N as u64));
    let value = vec![b'x'; 1000];
    let mut part = |name: &str, write: &dyn Fn(&mut Reply<'_>)| {
        let mut out = Output::default();
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut reply = Reply::new(&mut out, false);
                (0..N).for_each(|_| write(black_box(&mut reply)));
                out.consume(out.len());
            });
        });
        assert!(out.is_empty());
    };
    part("ok", &|r| r.ok());
    part("int", &|r| r.int(black_box(1234)));
    part("bulk of 10", &|r| r.bulk(&value[..10]));
    part("bulk of 1000", &|r| r.bulk(&value));
    part("bulk of an integer", &|r| r.bulk_int(black_box(1_234_567_890)));
    part("double", &|r| r.double(black_box(3.25)));
    part("null", &|r| r.null());
    part("error", &|r| r.error(b"ERR value is not an integer or out of range"));
    part("array of 10", &|r| {
        r.array(10);
        (0..10).for_each(|_| r.bulk(&value[..10]));
    });
    group.finish();
}

criterion_group!(benches, replies);
criterion_main!(benches);

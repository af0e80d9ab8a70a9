//! Cutting requests out of a buffer: our reader against the decoder of `redis-protocol`. `cargo bench --bench parse`;
//! by `cargo test --bench parse` each part runs once, as a test.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tarn::resp::Parser;
use tarn::resp::request::{Limits, Step};

const LIMITS: Limits = Limits { bulk: 512 << 20, authenticated: true };

/// Requests as redis-benchmark sends them.
fn input(words: &[&str], n: usize) -> Vec<u8> {
    let mut one = format!("*{}\r\n", words.len());
    words.iter().for_each(|w| one += &format!("${}\r\n{w}\r\n", w.len()));
    one.repeat(n).into_bytes()
}

fn ours(buf: &mut [u8], spans: &mut Vec<tarn::resp::Span>) -> usize {
    let (mut parser, mut at, mut n) = (Parser::default(), 0, 0);
    spans.clear();
    while let Ok(Step::Request(end)) = parser.step(buf, at, LIMITS, spans) {
        at = end;
        n += 1;
    }
    n
}

fn theirs(buf: &[u8]) -> usize {
    let (mut at, mut n) = (0, 0);
    while let Ok(Some((frame, used))) = redis_protocol::resp2::decode::decode_range(&buf[at..]) {
        black_box(frame);
        at += used;
        n += 1;
    }
    n
}

fn requests(criterion: &mut Criterion) {
    const N: usize = 64;
    let value = "x".repeat(1000);
    let cases: [(&str, &[&str]); 4] = [
        ("get", &["GET", "key:000000000042"]),
        ("set", &["SET", "key:000000000042", "xxxxxxxxxx"]),
        ("set 1000", &["SET", "key:000000000042", &value]),
        ("mset", &["MSET", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7", "h", "8"]),
    ];
    let mut group = criterion.benchmark_group("parse");
    for (name, words) in cases {
        let mut buf = input(words, N);
        let mut spans = Vec::new();
        assert_eq!((ours(&mut buf, &mut spans), theirs(&buf)), (N, N));
        assert_eq!(spans.len(), N * words.len());
        group.throughput(Throughput::Elements(N as u64));
        group.bench_function(format!("{name}: ours"), |b| b.iter(|| ours(black_box(&mut buf), &mut spans)));
        group.bench_function(format!("{name}: redis-protocol"), |b| b.iter(|| theirs(black_box(&buf))));
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);

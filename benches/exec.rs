//! The executor in process: what a request costs beside the sockets, and how long the longest insertion takes while
//! a table grows. `cargo bench --bench exec`; by `cargo test --bench exec` each part runs once on a small input, as a test.
//!
//! `TARN_BENCH_KEYS=20000000 cargo bench --bench exec -- growth` grows to 20 M keys.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::time::Instant;
use tarn::base::rng::Rng;
use tarn::engine::config::Config;
use tarn::engine::server::Server;
use tarn::engine::session::Peer;
use tarn::exec::{Exec, table};
use tarn::keyspace::NewValue;
use tarn::keyspace::db::{Db, Key};
use tarn::sys::clock::Clock;

/// Requests per read, as with `redis-benchmark -P 16`.
const PIPELINE: usize = 16;

fn benching() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

fn keys() -> usize {
    let asked = std::env::var("TARN_BENCH_KEYS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(if benching() { 1_000_000 } else { 5_000 })
}

fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for w in words {
        request.extend(format!("${}\r\n", w.len()).bytes());
        request.extend(*w);
        request.extend(b"\r\n");
    }
    request
}

/// An executor with one client and `n` keys `key:000000000000`...
fn filled(n: usize) -> (Exec, usize) {
    let server = Server::new(Config::default(), table::commands(), Clock::real(), Rng::new(1));
    let mut exec = Exec::new(server);
    let slot = exec.connect(Peer::default());
    for i in 0..n {
        let key = format!("key:{i:012}");
        exec.server.dbs[0].set(Key::new(key.as_bytes()), NewValue::Bytes(b"xxxxxxxxxx"), None);
    }
    (exec, slot)
}

fn pipelines(criterion: &mut Criterion) {
    let n = keys().min(1_000_000);
    let (mut exec, slot) = filled(n);
    let mut group = criterion.benchmark_group("exec");
    group.throughput(Throughput::Elements(PIPELINE as u64));
    for name in ["PING", "GET", "SET", "INCR"] {
        // Many different pipelines, so that keys are not always found in the processor's caches.
        let mut rng = Rng::new(2);
        let inputs: Vec<Vec<u8>> = (0..1024)
            .map(|_| {
                let one = |_| {
                    let key = format!("key:{:012}", rng.below(n as u64));
                    match name {
                        "PING" => request(&[b"PING"]),
                        "GET" => request(&[b"GET", key.as_bytes()]),
                        "SET" => request(&[b"SET", key.as_bytes(), b"yyyyyyyyyy"]),
                        _ => request(&[b"INCR", format!("n:{}", rng.below(1000)).as_bytes()]),
                    }
                };
                (0..PIPELINE).flat_map(one).collect()
            })
            .collect();
        let mut next = inputs.iter().cycle();
        let mut buf = Vec::new();
        group.bench_function(format!("{name}, pipelines of {PIPELINE}"), |b| {
            b.iter(|| {
                buf.clear();
                if let Some(input) = next.next() {
                    buf.extend_from_slice(input);
                }
                let (used, _) = exec.feed(slot, &mut buf);
                assert_eq!(used, buf.len());
                let output = &mut exec.server.client(slot).output;
                assert!(!output.is_empty());
                output.consume(output.len());
            });
        });
    }
    group.finish();
}

/// Runs of the growth: a machine that is shared pauses any process for milliseconds, but not at the same key each time.
const ROUNDS: usize = 3;

/// Grows a database from nothing, the same way several times; tells the longest single insertion, each counted with the
/// least time it took. `growth` as a filter runs only this.
fn growth(criterion: &mut Criterion) {
    // Criterion measures means; this wants the worst insertion, and prints it.
    let filtered = std::env::args().skip(1).any(|arg| !arg.starts_with('-') && !"growth".contains(&arg));
    if filtered {
        return;
    }
    let n = keys();
    let mut least = vec![u32::MAX; n];
    let mut used = 0;
    for _ in 0..ROUNDS {
        let before = tarn::sys::memory::used();
        let db = grow(&mut least);
        assert_eq!(db.len(), n);
        used = tarn::sys::memory::used() - before;
    }
    let total: u64 = least.iter().map(|&ns| u64::from(ns)).sum();
    let worst = (0..n).max_by_key(|&i| least[i]).unwrap_or_default();
    println!(
        "growth to {n} keys: {} ns each, the longest {:.3} ms (key {worst}), {} over 1 ms, {} bytes per key in use",
        total / n as u64,
        f64::from(least[worst]) / 1e6,
        least.iter().filter(|&&ns| ns > 1_000_000).count(),
        used / n
    );
    let _ = criterion;
}

/// Inserts as many keys as `least` has places, and notes how many nanoseconds each took if that is less.
fn grow(least: &mut [u32]) -> Db {
    let mut db = Db::new(0, Rng::new(3));
    let mut key = *b"key:000000000000";
    for (i, least) in least.iter_mut().enumerate() {
        let mut left = i;
        for digit in key[4..].iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
        }
        let from = Instant::now();
        db.set(Key::new(&key), NewValue::Bytes(b"xxxxxxxxxx"), None);
        let took = u32::try_from(from.elapsed().as_nanos()).unwrap_or(u32::MAX);
        *least = took.min(*least);
    }
    db
}

/// The reading of the clock that every command makes, beside the system's.
fn clock(criterion: &mut Criterion) {
    let clock = Clock::real();
    let mut group = criterion.benchmark_group("clock");
    group.bench_function("by the system", |b| b.iter(|| clock.mono_ns()));
    clock.tick();
    group.bench_function("reading", |b| b.iter(|| clock.read()));
    group.finish();
}

criterion_group!(benches, growth, pipelines, clock);
criterion_main!(benches);

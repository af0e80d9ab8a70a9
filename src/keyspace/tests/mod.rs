//! Model tests of the keyspace's structures: each against a plain one that is obviously right, on random sequences of
//! changes. Small under Miri, where they run too.

mod entry;
mod expiry;
mod table;

/// `n`, or less under Miri.
const fn scaled(n: usize, miri: usize) -> usize {
    if cfg!(miri) { miri } else { n }
}

/// How proptest runs here: no files, which Miri has none of.
fn cases(n: usize, miri: usize) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: scaled(n, miri) as u32,
        failure_persistence: None,
        ..Default::default()
    }
}

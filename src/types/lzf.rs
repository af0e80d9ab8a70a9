//! LZF, the small and fast compression of nodes in lists and of strings in RDB files (format of LibLZF 3.6, M. Lehmann,
//! liblzf's lzf_d.c). Each piece begins with a byte:
//!
//! ```text
//! 000xxxxx                    x + 1 bytes follow as they are
//! xxxyyyyy yyyyyyyy           x + 2 bytes from y + 1 bytes back in what was written; x is 1..=6
//! 111yyyyy xxxxxxxx yyyyyyyy  as before, x + 9 bytes
//! ```
//! Ours, since the crate `lzf` is given up by its author, takes half a megabyte for each call, and counts in `i32`.

use std::cell::RefCell;

use super::Corrupt;

/// Bytes of one piece that is copied as it is.
const RUN_MAX: usize = 32;
/// How far back a piece may reach.
const BACK_MAX: usize = 1 << 13;
const MATCH_MIN: usize = 3;
const MATCH_MAX: usize = 264;
const TABLE_BITS: u32 = 13;

/// Compresses into fewer than `below` bytes; none when it does not get so short.
pub fn compress(data: &[u8], below: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(below.min(data.len()));
    compress_to(data, below, &mut out).then_some(out)
}

/// The places where three bytes of some hash were seen last, counted on from use to use: what lies before the present
/// beginning means nothing, so that nothing needs to be cleared for short texts.
struct Seen {
    places: Box<[u32; 1 << TABLE_BITS]>,
    begin: u32,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::new(Seen { places: Box::new([0; 1 << TABLE_BITS]), begin: 1 });
}

impl Seen {
    /// Gets ready for a text of `len` bytes.
    fn begin(&mut self, len: u32) -> u32 {
        if self.begin.checked_add(len).is_none() {
            self.places.fill(0);
            self.begin = 1;
        }
        let begin = self.begin;
        self.begin += len;
        begin
    }
}

/// As [`compress`], appended to `out`; whether it gets so short. If not, nothing is appended.
pub fn compress_to(data: &[u8], below: usize, out: &mut Vec<u8>) -> bool {
    // Beyond that places would not fit.
    let Ok(len) = u32::try_from(data.len()) else { return false };
    if len == u32::MAX {
        return false;
    }
    let from = out.len();
    let fits = SEEN.with_borrow_mut(|seen| {
        let begin = seen.begin(len);
        squeeze(data, below, out, begin, &mut seen.places)
    });
    if !fits {
        out.truncate(from);
    }
    fits
}

fn squeeze(
    data: &[u8],
    below: usize,
    out: &mut Vec<u8>,
    begin: u32,
    seen: &mut [u32; 1 << TABLE_BITS],
) -> bool {
    let from = out.len();
    let (mut at, mut plain_from) = (0, 0);
    while at + MATCH_MIN < data.len() {
        let here = &data[at..];
        let place = std::mem::replace(&mut seen[slot(here)], begin + at as u32);
        let before = place.wrapping_sub(begin) as usize;
        let back = at.wrapping_sub(before);
        if place < begin || back > BACK_MAX || data[before..before + 3] != here[..MATCH_MIN] {
            at += 1;
            continue;
        }
        let most = here.len().min(MATCH_MAX);
        let same = |n: &usize| data[before + n] == here[*n];
        let len = (MATCH_MIN..most).find(|n| !same(n)).unwrap_or(most);
        plain(out, &data[plain_from..at]);
        copy(out, back - 1, len);
        if out.len() - from >= below {
            return false;
        }
        // The last bytes of what was matched are the likeliest to come again.
        for i in (at + len - 2..at + len).filter(|i| i + MATCH_MIN <= data.len()) {
            seen[slot(&data[i..])] = begin + i as u32;
        }
        at += len;
        plain_from = at;
    }
    plain(out, &data[plain_from..]);
    out.len() - from < below
}

fn slot(bytes: &[u8]) -> usize {
    let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    (word.wrapping_mul(0x9e37_79b1) >> (u32::BITS - TABLE_BITS)) as usize
}

fn plain(out: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(RUN_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

/// A piece of `len` bytes from `back + 1` bytes back.
fn copy(out: &mut Vec<u8>, back: usize, len: usize) {
    let [high, low] = (back as u16).to_be_bytes();
    match len - 2 {
        short @ 0..7 => out.push((short as u8) << 5 | high),
        long => out.extend_from_slice(&[7 << 5 | high, (long - 7) as u8]),
    }
    out.push(low);
}

/// What was compressed; it must be `len` bytes.
pub fn decompress(data: &[u8], len: usize) -> Result<Vec<u8>, Corrupt> {
    let mut out = Vec::new();
    decompress_to(data, len, &mut out)?;
    Ok(out)
}

/// As [`decompress`], in place of what `out` holds.
pub fn decompress_to(mut data: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
    // No piece says more than 264 bytes in three: what claims more does not get to allocate it.
    if len / MATCH_MAX > data.len() {
        return Err(Corrupt);
    }
    out.clear();
    out.reserve(len);
    while let Some((first, rest)) = data.split_first() {
        let first = usize::from(*first);
        if first < RUN_MAX {
            let (run, rest) = rest.split_at_checked(first + 1).ok_or(Corrupt)?;
            out.extend_from_slice(run);
            data = rest;
        } else {
            let (more, low, rest) = match (first >> 5, rest) {
                (7, [more, low, rest @ ..]) => (7 + usize::from(*more), *low, rest),
                (short @ 0..7, [low, rest @ ..]) => (short, *low, rest),
                _ => return Err(Corrupt),
            };
            let back = ((first & 31) << 8 | usize::from(low)) + 1;
            let from = out.len().checked_sub(back).ok_or(Corrupt)?;
            let n = more + 2;
            if back >= n {
                out.extend_from_within(from..from + n);
            } else {
                // It reaches into itself: what is repeated.
                (from..from + n).for_each(|i| out.push(out[i]));
            }
            data = rest;
        }
        if out.len() > len {
            return Err(Corrupt);
        }
    }
    if out.len() == len { Ok(()) } else { Err(Corrupt) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(data: &[u8]) -> Option<usize> {
        let short = compress(data, usize::MAX)?;
        assert_eq!(decompress(&short, data.len()).unwrap(), data);
        assert!(decompress(&short, data.len() + 1).is_err());
        assert!(data.is_empty() || decompress(&short, data.len() - 1).is_err());
        assert_eq!(compress(data, short.len() + 1), Some(short.clone()));
        assert_eq!(compress(data, short.len()), None);
        Some(short.len())
    }

    #[test]
    fn what_repeats_gets_short() {
        assert_eq!(there_and_back(b""), Some(0));
        assert_eq!(there_and_back(b"abc"), Some(4));
        assert_eq!(compress(b"aaaaaaaaaa", 9), Some(vec![0, b'a', 7 << 5, 0, 0]));
        assert!(there_and_back(&b"element ".repeat(1000)).unwrap() < 200);
        assert!(there_and_back(&[0; 10_000]).unwrap() < 130);
        let far: Vec<u8> = (0..9000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        there_and_back(&[&far[..], &far].concat()).unwrap();
        there_and_back(&[&far[..8180], &far[..20]].concat()).unwrap();
    }

    #[test]
    fn what_the_reference_wrote_is_read() {
        // Three plain bytes, then nine and 264 from one back, two plain ones.
        let written = [2, b'x', b'y', b'z', 7 << 5, 0, 0, 7 << 5, 255, 0, 1, b'q', b'r'];
        let expected = [&b"xyz"[..], &[b'z'; 273], b"qr"].concat();
        assert_eq!(decompress(&written, expected.len()).unwrap(), expected);
    }

    #[test]
    fn what_is_broken_is_refused() {
        for bad in [&[3, 1][..], &[0], &[1 << 5, 0], &[0, 1, 1 << 5], &[0, 1, 7 << 5, 0], &[0, 1, 1 << 5, 1]]
        {
            assert_eq!(decompress(bad, 100), Err(Corrupt), "{bad:?}");
        }
        assert_eq!(decompress(&[0, 1], usize::MAX), Err(Corrupt), "and nothing is allocated for it");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn everything_comes_back(
            words in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..40), 0..60),
            raw in proptest::collection::vec(any::<u8>(), 0..100),
            len in 0usize..2000,
        ) {
            there_and_back(&words.concat());
            there_and_back(&raw);
            if let Ok(out) = decompress(&raw, len) {
                assert_eq!(out.len(), len);
            }
        }
    }
}

//! The sparse encoding: registers as runs of equal ones, in their order.
//!
//! ```text
//! 00nnnnnn            ZERO   n + 1 zeros
//! 01nnnnnn nnnnnnnn   XZERO  n + 1 zeros
//! 1rrrrrnn            VAL    n + 1 times the rank r + 1
//! ```
//! Raising a register splits its run and then joins runs of equal ranks near it, as the reference does, so that the
//! same elements in the same order give the same bytes.

use super::dense;
use super::estimate::Histogram;
use super::{Corrupt, HEADER, Place, REGISTERS, outdate};

/// The largest rank that a run can hold.
const RANK_MAX: u8 = 32;
/// Registers of the longest run of a rank, and of the longest ZERO.
const VAL_MAX: usize = 4;
const ZERO_MAX: usize = 64;
/// Runs that are looked at for joining, from the one before the change on (the reference's figure).
const JOINED_MAX: usize = 5;

/// Equal registers that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Registers.
    pub len: usize,
    /// What they hold.
    pub rank: u8,
    /// Bytes of the opcode.
    pub bytes: usize,
}

/// Registers of the run that begins with each byte; none for XZERO, which needs its second byte. Most of the time of an
/// addition goes into walking, and a look into this table is no branch to be guessed.
const LEN: [u8; 256] = {
    let mut len = [0; 256];
    let mut op = 0;
    while op < 256 {
        len[op] = match op >> 6 {
            0 => op as u8 + 1,
            1 => 0,
            _ => op as u8 % 4 + 1,
        };
        op += 1;
    }
    len
};

/// The run at `at` of a value; an XZERO that is cut off is none.
#[inline]
fn run_at(value: &[u8], at: usize) -> Result<Run, Corrupt> {
    let op = *value.get(at).ok_or(Corrupt)?;
    match LEN[usize::from(op)] {
        0 => {
            let low = *value.get(at + 1).ok_or(Corrupt)?;
            Ok(Run { len: (usize::from(op & 0x3f) << 8 | usize::from(low)) + 1, rank: 0, bytes: 2 })
        }
        len => {
            let rank = if op & 0x80 == 0 { 0 } else { (op >> 2 & 0x1f) + 1 };
            Ok(Run { len: usize::from(len), rank, bytes: 1 })
        }
    }
}

/// All runs of a value, up to the first that is cut off.
pub fn runs(value: &[u8]) -> impl Iterator<Item = Result<Run, Corrupt>> {
    let mut at = HEADER;
    std::iter::from_fn(move || {
        let run = (at < value.len()).then(|| run_at(value, at))?;
        at = run.map_or(value.len(), |run| at + run.bytes);
        Some(run)
    })
}

/// Gives every run with its first register, and tells at last whether they covered all registers and no more.
pub(super) fn walk(value: &[u8], mut give: impl FnMut(usize, Run)) -> Result<(), Corrupt> {
    let mut first = 0;
    for run in runs(value) {
        let run = run?;
        if first + run.len > REGISTERS {
            return Err(Corrupt);
        }
        give(first, run);
        first += run.len;
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// Whether the runs cover all registers and no more, so that nothing about the value can fail.
pub fn is_whole(value: &[u8]) -> bool {
    walk(value, |_, _| {}).is_ok()
}

pub(super) fn histogram(value: &[u8]) -> Result<Histogram, Corrupt> {
    let mut histogram = Histogram::default();
    walk(value, |_, run| histogram.0[usize::from(run.rank)] += run.len as u32)?;
    Ok(histogram)
}

/// Writes the registers of a sparse value into a dense one of zeros, and takes the header over.
pub fn to_dense(value: &[u8], to: &mut [u8]) -> Result<(), Corrupt> {
    to[..HEADER].copy_from_slice(&value[..HEADER]);
    to[super::ENCODING_AT] = 0;
    walk(value, |first, run| {
        if run.rank > 0 {
            (first..first + run.len).for_each(|index| dense::set(to, Place { index, rank: run.rank }));
        }
    })
}

/// A register of a sparse value.
pub fn sparse_get(value: &[u8], index: usize) -> Result<u8, Corrupt> {
    Ok(find(value, index, Cursor::START)?.run.rank)
}

/// A place among the runs to search from.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    /// Where the run begins.
    at: usize,
    /// Where the one before it begins; the first one stands for its own.
    before: usize,
    /// The run's first register.
    first: usize,
}

impl Cursor {
    const START: Cursor = Cursor { at: HEADER, before: HEADER, first: 0 };
}

/// The run of a register.
struct Found {
    run: Run,
    here: Cursor,
    /// The run before it, where a search for a larger index may begin even when that run and later ones were joined.
    next: Cursor,
}

fn find(value: &[u8], index: usize, from: Cursor) -> Result<Found, Corrupt> {
    // Of the run that a search begins with, it is not known which one stands two places before.
    let (mut next, mut here) = (Cursor::START, from);
    loop {
        let run = run_at(value, here.at)?;
        if index < here.first + run.len {
            return Ok(Found { run, here, next });
        }
        next = here;
        here = Cursor { at: here.at + run.bytes, before: here.at, first: here.first + run.len };
    }
}

/// What came of raising a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raised {
    /// It held as much already.
    No,
    Yes,
    /// It has to be, but only a dense value can hold it; nothing changed.
    NeedsDense,
}

/// A sparse value being changed, in a buffer that has room behind it: 3 bytes for each register to be raised, up to
/// `len_max` in all, beyond which it has to become dense.
pub struct Sparse<'a> {
    buffer: &'a mut [u8],
    len: usize,
    len_max: usize,
    /// Where a larger index than the last one is looked for.
    next: Cursor,
    last: usize,
}

impl<'a> Sparse<'a> {
    /// The first `len` bytes of `buffer` are the value.
    pub fn new(buffer: &'a mut [u8], len: usize, len_max: usize) -> Sparse<'a> {
        assert!(HEADER <= len && len <= buffer.len());
        Sparse { buffer, len, len_max, next: Cursor::START, last: 0 }
    }

    /// Bytes that raising `n` registers may take.
    pub fn room(len: usize, n: usize, len_max: usize) -> usize {
        len.saturating_add(n.saturating_mul(3)).min(len_max.max(len))
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Puts a rank into a register that holds a smaller one. An error changes nothing.
    pub fn raise(&mut self, Place { index, rank }: Place) -> Result<Raised, Corrupt> {
        if rank > RANK_MAX {
            return Ok(Raised::NeedsDense);
        }
        let from = if index > self.last { self.next } else { Cursor::START };
        let Found { run, here, next } = find(self.value(), index, from)?;
        (self.next, self.last) = (next, index);
        if run.rank >= rank {
            return Ok(Raised::No);
        }
        let mut split = Split::default();
        let left = index - here.first;
        split.push(left, run.rank);
        split.push(1, rank);
        split.push(run.len - 1 - left, run.rank);
        let new = split.bytes();
        if new.len() > run.bytes && self.len + new.len() - run.bytes > self.len_max {
            return Ok(Raised::NeedsDense);
        }
        self.splice(here.at, run.bytes, new);
        self.join(here.before);
        outdate(self.buffer);
        Ok(Raised::Yes)
    }

    /// Puts `new` in place of the `old` bytes at `at`.
    fn splice(&mut self, at: usize, old: usize, new: &[u8]) {
        if old != new.len() {
            self.buffer.copy_within(at + old..self.len, at + new.len());
            self.len = self.len + new.len() - old;
        }
        self.buffer[at..at + new.len()].copy_from_slice(new);
    }

    /// Joins neighbouring runs of the same rank, from the one at `at` on.
    fn join(&mut self, mut at: usize) {
        for _ in 0..JOINED_MAX {
            let Ok(run) = run_at(self.value(), at) else { return };
            let joins = run.rank > 0 && {
                let next = run_at(self.value(), at + 1);
                next.is_ok_and(|next| next.rank == run.rank && run.len + next.len <= VAL_MAX)
            };
            if joins {
                // The second one's lengths are both less one: their sum lacks one.
                let len = (self.buffer[at] & 3) + (self.buffer[at + 1] & 3) + 1;
                let op = self.buffer[at] & !3 | len;
                self.splice(at, 2, &[op]);
            } else {
                at += run.bytes;
            }
        }
    }
}

/// The opcodes that take a run's place: three at the most.
#[derive(Default)]
struct Split {
    bytes: [u8; 5],
    len: usize,
}

impl Split {
    fn push(&mut self, len: usize, rank: u8) {
        if len == 0 {
            return;
        }
        let less = len - 1;
        let ops: &[u8] = match rank {
            0 if len > ZERO_MAX => &[0x40 | (less >> 8) as u8, less as u8],
            0 => &[less as u8],
            _ => &[0x80 | (rank - 1) << 2 | less as u8],
        };
        self.bytes[self.len..self.len + ops.len()].copy_from_slice(ops);
        self.len += ops.len();
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

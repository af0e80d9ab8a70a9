//! BITOP. The result is as long as the longest input, the others go on with zeros. Inputs may have hundreds of
//! megabytes, so the result is made block by block: a block stays in the first-level cache while every input's part
//! is folded into it, each input is read once, and the result is written once. The loops over bytes are plain, which
//! the compiler turns into vectors.

/// Bytes of a block.
const BLOCK: usize = 8 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    And,
    Or,
    Xor,
    /// Of its only input.
    Not,
    /// In the first input and in none of the others (Redis 8.2).
    Diff,
    /// In one of the others and not in the first (Redis 8.2).
    Diff1,
    /// In the first input and in one of the others (Redis 8.2).
    AndOr,
    /// In exactly one input (Redis 8.2).
    One,
}

impl Op {
    pub const ALL: [Op; 8] = [Op::And, Op::Or, Op::Xor, Op::Not, Op::Diff, Op::Diff1, Op::AndOr, Op::One];

    /// The name in upper case, as error texts have it.
    pub fn name(self) -> &'static str {
        match self {
            Op::And => "AND",
            Op::Or => "OR",
            Op::Xor => "XOR",
            Op::Not => "NOT",
            Op::Diff => "DIFF",
            Op::Diff1 => "DIFF1",
            Op::AndOr => "ANDOR",
            Op::One => "ONE",
        }
    }

    pub fn parse(name: &[u8]) -> Option<Op> {
        Op::ALL.into_iter().find(|op| name.eq_ignore_ascii_case(op.name().as_bytes()))
    }

    /// Inputs it needs at least, and how many it takes at most. The errors are "BITOP NOT must be called with a single
    /// source key." and "BITOP DIFF must be called with at least two source keys.", with its name in place of DIFF.
    pub fn inputs(self) -> (usize, usize) {
        match self {
            Op::Not => (1, 1),
            Op::Diff | Op::Diff1 | Op::AndOr => (2, usize::MAX),
            Op::And | Op::Or | Op::Xor | Op::One => (1, usize::MAX),
        }
    }
}

/// Puts the result in `out`, in place of what that held. A missing key is an empty input.
pub fn op(op: Op, inputs: &[&[u8]], out: &mut Vec<u8>) {
    out.clear();
    let Some((first, others)) = inputs.split_first() else { return };
    let len = inputs.iter().map(|input| input.len()).max().unwrap_or(0);
    out.reserve_exact(len);
    for start in (0..len).step_by(BLOCK) {
        let end = len.min(start + BLOCK);
        out.extend_from_slice(part(first, start, end));
        out.resize(end, 0);
        let parts = others.iter().map(|input| part(input, start, end));
        fold(op, &mut out[start..end], parts);
    }
}

/// What an input has of a block.
fn part(input: &[u8], start: usize, end: usize) -> &[u8] {
    &input[start.min(input.len())..end.min(input.len())]
}

/// Folds the other inputs' parts into a block that holds the first one's.
fn fold<'a>(op: Op, block: &mut [u8], parts: impl Iterator<Item = &'a [u8]>) {
    match op {
        Op::Not => block.iter_mut().for_each(|byte| *byte = !*byte),
        Op::And => {
            for part in parts {
                combine(block, part, |a, b| a & b);
                block[part.len()..].fill(0);
            }
        }
        Op::Or => parts.for_each(|part| combine(block, part, |a, b| a | b)),
        Op::Xor => parts.for_each(|part| combine(block, part, |a, b| a ^ b)),
        Op::Diff => parts.for_each(|part| combine(block, part, |a, b| a & !b)),
        Op::Diff1 | Op::AndOr => {
            let mut any = [0; BLOCK];
            let any = &mut any[..block.len()];
            parts.for_each(|part| combine(any, part, |a, b| a | b));
            match op {
                Op::Diff1 => combine(block, any, |a, b| b & !a),
                _ => combine(block, any, |a, b| a & b),
            }
        }
        Op::One => {
            let mut twice = [0; BLOCK];
            let twice = &mut twice[..block.len()];
            for part in parts {
                for ((seen, twice), byte) in block.iter_mut().zip(&mut *twice).zip(part) {
                    *twice |= *seen & byte;
                    *seen |= byte;
                }
            }
            combine(block, twice, |a, b| a & !b);
        }
    }
}

fn combine(block: &mut [u8], part: &[u8], f: impl Fn(u8, u8) -> u8) {
    block.iter_mut().zip(part).for_each(|(a, b)| *a = f(*a, *b));
}

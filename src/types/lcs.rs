//! Longest common subsequences: LCS. The reference fills a table with the length for every pair of prefixes, four
//! bytes each. Neighbours in a row of it differ by 0 or 1, so a row is kept as bits, which are computed 64 at a time
//! (Hyyrö, "Bit-Parallel LCS-Length Computation Revisited", 2004): about 1/32 of the memory and 1/64 of the time that
//! the one thread would stand still, and the same answer, since the way back through the table is the reference's.

/// Why there is no answer. The texts are the reference's (Valkey 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LcsError {
    /// "String too long for LCS"
    TooLong,
    /// "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
    TooLarge,
    /// "Insufficient memory, failed allocating transient memory for LCS"
    NoMemory,
}

/// A part of the subsequence that is contiguous in both strings: positions of its first byte, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    pub a: usize,
    pub b: usize,
    pub len: usize,
}

/// The length. `memory_max` (proto-max-bulk-len) bounds the reference's table, whatever is needed here: what it
/// refuses is refused.
pub fn len(a: &[u8], b: &[u8], memory_max: u64) -> Result<usize, LcsError> {
    check(a, b, memory_max)?;
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let masks = Masks::new(short);
    let mut row = vec![u64::MAX; masks.words];
    long.iter().for_each(|byte| step(&mut row, masks.of(*byte)));
    Ok(row.iter().map(|word| word.count_zeros() as usize).sum())
}

/// The subsequence.
pub fn string(a: &[u8], b: &[u8], memory_max: u64) -> Result<Vec<u8>, LcsError> {
    let table = Table::new(a, b, memory_max)?;
    let mut bytes = Vec::with_capacity(table.len());
    table.walk_back(|step| {
        if let Some((i, _)) = step {
            bytes.push(a[i]);
        }
    });
    bytes.reverse();
    Ok(bytes)
}

/// The parts with at least `len_min` bytes, the last first, and the length of the whole subsequence.
pub fn matches(a: &[u8], b: &[u8], len_min: u64, memory_max: u64) -> Result<(Vec<Match>, usize), LcsError> {
    let table = Table::new(a, b, memory_max)?;
    let mut found: Vec<Match> = Vec::new();
    let mut open: Option<Match> = None;
    let mut close = |part: Option<Match>| found.extend(part.filter(|part| part.len as u64 >= len_min));
    table.walk_back(|step| match step {
        Some((i, j)) => open = Some(Match { a: i, b: j, len: open.map_or(1, |part| part.len + 1) }),
        None => close(open.take()),
    });
    close(open);
    Ok((found, table.len()))
}

fn check(a: &[u8], b: &[u8], memory_max: u64) -> Result<(), LcsError> {
    let (a, b) = (a.len() as u64, b.len() as u64);
    if a.max(b) >= u64::from(u32::MAX - 1) {
        return Err(LcsError::TooLong);
    }
    match (a + 1).checked_mul(b + 1).and_then(|cells| cells.checked_mul(4)) {
        None => Err(LcsError::NoMemory),
        Some(size) if size > memory_max => Err(LcsError::TooLarge),
        Some(_) => Ok(()),
    }
}

/// For every byte value the positions where a string has it. Only made of the shorter string, which `check` holds
/// below the square root of the memory limit.
struct Masks {
    words: usize,
    bits: Vec<u64>,
}

impl Masks {
    fn new(string: &[u8]) -> Masks {
        let words = string.len().div_ceil(64);
        let mut bits = vec![0; words * 256];
        for (i, byte) in string.iter().enumerate() {
            bits[usize::from(*byte) * words + i / 64] |= 1 << (i % 64);
        }
        Masks { words, bits }
    }

    fn of(&self, byte: u8) -> &[u64] {
        &self.bits[usize::from(byte) * self.words..][..self.words]
    }
}

/// Goes on by one byte of the longer string. A 0 in the row marks a position of the shorter one at which the length
/// grows by one; bits behind its end stay 1.
fn step(row: &mut [u64], mask: &[u64]) {
    let mut carry = false;
    for (word, mask) in row.iter_mut().zip(mask) {
        let (sum, first) = word.overflowing_add(*word & mask);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first || second;
        *word = sum | (*word & !mask);
    }
}

/// All rows: the one for each prefix of the longer string but the empty one.
struct Table<'a> {
    short: &'a [u8],
    long: &'a [u8],
    /// Whether the first string is the shorter one.
    first_is_short: bool,
    words: usize,
    rows: Vec<u64>,
}

impl<'a> Table<'a> {
    fn new(a: &'a [u8], b: &'a [u8], memory_max: u64) -> Result<Table<'a>, LcsError> {
        check(a, b, memory_max)?;
        let first_is_short = a.len() <= b.len();
        let (short, long) = if first_is_short { (a, b) } else { (b, a) };
        let masks = Masks::new(short);
        let words = masks.words;
        let mut rows = Vec::new();
        rows.try_reserve_exact(words * long.len()).map_err(|_| LcsError::NoMemory)?;
        let mut row = vec![u64::MAX; words];
        for byte in long {
            step(&mut row, masks.of(*byte));
            rows.extend_from_slice(&row);
        }
        Ok(Table { short, long, first_is_short, words, rows })
    }

    fn len(&self) -> usize {
        self.prefix_len(self.short.len(), self.long.len())
    }

    /// The length for the first `x` bytes of the shorter string and the first `y` of the longer one.
    fn prefix_len(&self, x: usize, y: usize) -> usize {
        if y == 0 {
            return 0;
        }
        let row = &self.rows[(y - 1) * self.words..];
        let whole: usize = row[..x / 64].iter().map(|word| word.count_zeros() as usize).sum();
        // Without a part of a word there may be no word left.
        let rest = if x.is_multiple_of(64) { 0 } else { !row[x / 64] & ((1 << (x % 64)) - 1) };
        whole + rest.count_ones() as usize
    }

    /// Whether the length grows with the shorter string's byte at `x`.
    fn grows(&self, x: usize, y: usize) -> bool {
        self.rows[(y - 1) * self.words + x / 64] >> (x % 64) & 1 == 0
    }

    /// Goes from the ends of both strings to the start of one, as the reference does. Each step is a pair of positions
    /// in the first and the second string that match, or `None` where one string's byte is left out.
    fn walk_back(&self, mut visit: impl FnMut(Option<(usize, usize)>)) {
        let (mut x, mut y) = (self.short.len(), self.long.len());
        while x > 0 && y > 0 {
            if self.short[x - 1] == self.long[y - 1] {
                (x, y) = (x - 1, y - 1);
                visit(Some(if self.first_is_short { (x, y) } else { (y, x) }));
                continue;
            }
            // Without a byte of the shorter string the length is one less if it grows with that byte, and then the
            // longer string's can be left out. Else only counting tells whether that can.
            let without_long_is_less = !self.grows(x - 1, y) && {
                let here = self.prefix_len(x, y);
                self.prefix_len(x, y - 1) < here
            };
            let without_short_is_less = self.grows(x - 1, y);
            // The first string gives way only if that keeps more: on a tie the second one does.
            let leave_short = if self.first_is_short { without_long_is_less } else { !without_short_is_less };
            if leave_short {
                x -= 1;
            } else {
                y -= 1;
            }
            visit(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEMORY: u64 = 512 << 20;

    /// The table of lengths and the way back through it, as LCS is defined.
    fn model(a: &[u8], b: &[u8]) -> (Vec<u8>, Vec<Match>) {
        let mut table = vec![vec![0u32; b.len() + 1]; a.len() + 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                table[i + 1][j + 1] =
                    if x == y { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
            }
        }
        let (mut i, mut j) = (a.len(), b.len());
        let (mut string, mut parts) = (Vec::new(), Vec::<Match>::new());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                string.insert(0, a[i]);
                match parts.last_mut().filter(|part| part.a == i + 1 && part.b == j + 1) {
                    Some(part) => *part = Match { a: i, b: j, len: part.len + 1 },
                    None => parts.push(Match { a: i, b: j, len: 1 }),
                }
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        (string, parts)
    }

    #[test]
    fn the_documented_example() {
        let (a, b) = (b"ohmytext", b"mynewtext");
        assert_eq!(string(a, b, MEMORY).unwrap(), b"mytext");
        assert_eq!(len(a, b, MEMORY), Ok(6));
        let parts = [Match { a: 4, b: 5, len: 4 }, Match { a: 2, b: 0, len: 2 }];
        assert_eq!(matches(a, b, 0, MEMORY), Ok((parts.to_vec(), 6)));
        assert_eq!(matches(a, b, 4, MEMORY), Ok((parts[..1].to_vec(), 6)));
    }

    #[test]
    fn empty_strings() {
        assert_eq!(len(b"", b"abc", MEMORY), Ok(0));
        assert_eq!(string(b"abc", b"", MEMORY), Ok(vec![]));
        assert_eq!(matches(b"", b"", 0, MEMORY), Ok((vec![], 0)));
    }

    #[test]
    fn what_the_reference_refuses() {
        let bytes = [b'a'; 99];
        assert!(len(&bytes, &bytes, 40_000).is_ok());
        assert_eq!(len(&bytes, &bytes, 39_999), Err(LcsError::TooLarge));
        assert_eq!(string(&bytes, &bytes, 39_999), Err(LcsError::TooLarge));
        assert_eq!(matches(&bytes, &bytes, 0, 39_999), Err(LcsError::TooLarge));
    }

    fn strings() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let string = || prop::collection::vec(prop::sample::select(b"abcd".as_slice()), 0..150);
        prop_oneof![
            (string(), string()),
            // Mostly alike, so that there are long parts.
            (string(), 0usize..150, string(), 0usize..150).prop_map(|(a, at, other, cut)| {
                let at = at.min(a.len());
                let b = [&a[..at], &other[..cut.min(other.len()) / 8], &a[at..]].concat();
                (a, b)
            })
        ]
    }

    proptest! {
        #[test]
        fn equals_the_model((a, b) in strings(), len_min in 0u64..5) {
            let (expected, parts) = model(&a, &b);
            let parts: Vec<Match> = parts.into_iter().filter(|part| part.len as u64 >= len_min).collect();
            prop_assert_eq!(len(&a, &b, MEMORY), Ok(expected.len()));
            prop_assert_eq!(matches(&a, &b, len_min, MEMORY), Ok((parts, expected.len())));
            prop_assert_eq!(string(&a, &b, MEMORY), Ok(expected));
        }
    }
}

//! The stream of commands that replicas get, as far as it is kept: blocks of bytes. It is at once the backlog from which
//! a replica that comes back is served, and the output buffer of all replicas: each of them is but a position in it, so
//! that a byte lies in memory once however many replicas wait for it.
//!
//! Bytes are numbered from 1 since the history's beginning, as the protocol does; an offset is the number of the last
//! byte that is meant.

use std::collections::VecDeque;

/// Bytes of a block at least (Redis: `PROTO_REPLY_CHUNK_BYTES`).
const BLOCK_MIN: usize = 16 * 1024;
/// A block is no larger than this part of the backlog: it can only be dropped whole.
const BLOCK_PART: usize = 16;

struct Block {
    /// Number of its first byte.
    first: i64,
    bytes: Vec<u8>,
}

/// See the head of this file.
pub struct Backlog {
    blocks: VecDeque<Block>,
    /// Number of the last byte.
    end: i64,
    /// Bytes held.
    len: usize,
    /// Bytes allocated for blocks.
    allocated: usize,
    /// `repl-backlog-size`.
    size: usize,
}

impl Backlog {
    /// Without a byte yet: the next one has number `offset + 1`.
    pub fn new(offset: i64, size: usize) -> Backlog {
        Backlog { blocks: VecDeque::new(), end: offset, len: 0, allocated: 0, size }
    }

    /// Number of the last byte.
    #[inline]
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Number of the first byte held; of the next one to come while there is none.
    pub fn first(&self) -> i64 {
        self.end - self.len as i64 + 1
    }

    /// Bytes held.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.allocated
    }

    /// Whether a replica can go on with byte `next`.
    pub fn covers(&self, next: i64) -> bool {
        next >= self.first() && next <= self.end.saturating_add(1)
    }

    /// Appends bytes. `needed` is the lowest offset of a replica that still waits for what follows it. Tells whether a
    /// block was begun.
    pub fn append(&mut self, mut bytes: &[u8], needed: Option<i64>) -> bool {
        let mut begun = false;
        while !bytes.is_empty() {
            let room = self.blocks.back().map_or(0, |b| b.bytes.capacity() - b.bytes.len());
            if room == 0 {
                let most = (self.size / BLOCK_PART).max(BLOCK_MIN);
                let block = Vec::with_capacity(bytes.len().clamp(BLOCK_MIN, most));
                self.allocated += block.capacity() + size_of::<Block>();
                self.blocks.push_back(Block { first: self.end + 1, bytes: block });
                begun = true;
            } else if let Some(last) = self.blocks.back_mut() {
                let (now, later) = bytes.split_at(bytes.len().min(room));
                last.bytes.extend_from_slice(now);
                self.len += now.len();
                self.end += now.len() as i64;
                bytes = later;
            }
        }
        if begun {
            self.trim(needed);
        }
        begun
    }

    /// Drops the blocks that are beyond the backlog's size and that nobody waits for.
    pub fn trim(&mut self, needed: Option<i64>) {
        while let (Some(first), Some(second)) = (self.blocks.front(), self.blocks.get(1)) {
            let waited_for = needed.is_some_and(|offset| offset.saturating_add(1) < second.first);
            if waited_for || self.len - first.bytes.len() <= self.size {
                return;
            }
            self.len -= first.bytes.len();
            self.allocated -= first.bytes.capacity() + size_of::<Block>();
            self.blocks.pop_front();
        }
    }

    /// `repl-backlog-size` has changed.
    pub fn set_size(&mut self, size: usize, needed: Option<i64>) {
        self.size = size;
        self.trim(needed);
    }

    /// Some of the bytes behind `offset`, those that lie in one piece; empty when there is none, or no longer.
    pub fn after(&self, offset: i64) -> &[u8] {
        let next = offset.saturating_add(1);
        if next < self.first() || next > self.end {
            return &[];
        }
        let i = self.blocks.partition_point(|b| b.first <= next).saturating_sub(1);
        self.blocks.get(i).and_then(|b| b.bytes.get((next - b.first) as usize..)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte number `n` of the stream.
    fn byte(n: i64) -> u8 {
        (n % 251) as u8
    }

    fn stream(from: i64, len: usize) -> Vec<u8> {
        (0..len as i64).map(|i| byte(from + i)).collect()
    }

    #[test]
    fn bytes_are_found_by_their_number() {
        let mut log = Backlog::new(100, 1 << 20);
        assert_eq!((log.first(), log.end(), log.covers(101), log.covers(102)), (101, 100, true, false));
        for len in [1usize, 10_000, 7, 40_000, 300_000] {
            log.append(&stream(log.end() + 1, len), None);
        }
        let total: i64 = 350_008;
        assert_eq!((log.first(), log.end(), log.len()), (101, 100 + total, total as usize));
        let mut at = 100;
        while at < log.end() {
            let bytes = log.after(at);
            assert!(!bytes.is_empty() && bytes == stream(at + 1, bytes.len()));
            at += (bytes.len() as i64).min(977);
        }
        assert!(
            log.after(log.end()).is_empty() && log.after(99).is_empty() && log.after(i64::MAX).is_empty()
        );
        assert!(log.covers(101) && log.covers(101 + total) && !log.covers(102 + total) && !log.covers(100));
        assert!(!log.covers(i64::MAX) && !log.covers(i64::MIN));
    }

    #[test]
    fn what_is_beyond_the_size_goes_unless_a_replica_waits_for_it() {
        let mut log = Backlog::new(0, 64 * 1024);
        for _ in 0..100 {
            log.append(&stream(log.end() + 1, 5000), None);
        }
        assert!(log.len() >= 64 * 1024 && log.len() <= (64 + 32) * 1024, "{}", log.len());
        assert!(log.allocated() <= (64 + 48) * 1024);
        let held = log.end();
        for _ in 0..100 {
            log.append(&stream(log.end() + 1, 5000), Some(held));
        }
        assert_eq!(log.after(held)[0], byte(held + 1));
        assert!(log.first() <= held + 1 && log.len() >= 500_000);
        log.trim(None);
        assert!(log.len() <= (64 + 32) * 1024);
        log.set_size(1 << 20, None);
        for _ in 0..400 {
            log.append(&stream(log.end() + 1, 5000), None);
        }
        assert!(log.len() >= 1 << 20);
        let bytes = log.after(log.first() - 1);
        assert_eq!(bytes[0], byte(log.first()));
        // The last block stays, whatever the size.
        log.set_size(0, None);
        assert!(!log.is_empty() && !log.after(log.end() - 1).is_empty());
    }
}

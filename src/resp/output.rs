//! What is to be sent to one client: bytes, and between them long strings that are shared with the keyspace instead
//! of copied.

use std::collections::VecDeque;

use crate::keyspace::heap::HeapStr;

/// Bytes of the tail's buffer that stay for the next replies at the most.
const TAIL_KEPT_MAX: usize = 1 << 20;

/// Bytes from which on the tail becomes a piece of its own: a long reply is never moved as it grows, and what was sent
/// of it is free.
const PIECE: usize = 256 * 1024;
/// Room of the next tail beyond that, so that the element that fills it fits too.
const PIECE_SLACK: usize = 16 * 1024;

/// A piece of output that is complete.
enum Chunk {
    Bytes(Vec<u8>),
    Shared(HeapStr),
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match self {
            Chunk::Bytes(b) => b,
            Chunk::Shared(s) => s.as_slice(),
        }
    }
}

/// A client's output buffer.
#[derive(Default)]
pub struct Output {
    /// What stands before `tail`.
    chunks: VecDeque<Chunk>,
    /// Bytes of `chunks`.
    chunk_bytes: usize,
    /// Bytes of the first piece that were sent already.
    sent: usize,
    /// Where replies are written.
    pub tail: Vec<u8>,
}

/// A point to cut back to. See [`Output::rewind`].
#[derive(Clone, Copy)]
pub struct Mark {
    chunks: usize,
    tail: usize,
}

impl Output {
    /// Bytes to be sent.
    #[inline]
    pub fn len(&self) -> usize {
        self.chunk_bytes + self.tail.len() - self.sent
    }

    /// Whether nothing is to be sent.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.tail.is_empty() && self.chunks.is_empty()
    }

    /// Pieces beside the tail, for CLIENT LIST's oll.
    pub fn pieces(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of the pieces beside the tail.
    pub fn piece_bytes(&self) -> usize {
        self.chunk_bytes
    }

    /// The present end.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { chunks: self.chunks.len(), tail: self.tail.len() }
    }

    /// Takes back what was written since `mark`.
    #[inline]
    pub fn rewind(&mut self, mark: Mark) {
        while self.chunks.len() > mark.chunks {
            // The tail of the time of the mark became the first piece after it.
            let last = self.chunks.pop_back();
            self.chunk_bytes -= last.as_ref().map_or(0, |c| c.as_slice().len());
            if let Some(Chunk::Bytes(b)) = last {
                self.tail = b;
            }
        }
        self.tail.truncate(mark.tail);
    }

    /// Bytes written since `mark`.
    #[inline]
    pub fn since(&self, mark: Mark) -> usize {
        if self.chunks.len() == mark.chunks {
            return self.tail.len() - mark.tail;
        }
        self.chunks.iter().skip(mark.chunks).map(|c| c.as_slice().len()).sum::<usize>() + self.tail.len()
            - mark.tail
    }

    /// Whether what was written since `mark` is an error.
    pub fn is_error_since(&self, mark: Mark) -> bool {
        let piece = self.chunks.get(mark.chunks).map_or(&self.tail[..], Chunk::as_slice);
        piece.get(mark.tail) == Some(&b'-')
    }

    /// What was written since `mark`.
    pub fn written_since(&self, mark: Mark) -> Vec<u8> {
        let pieces = self.chunks.iter().skip(mark.chunks).map(Chunk::as_slice);
        pieces.chain([&self.tail[..]]).flatten().skip(mark.tail).copied().collect()
    }

    /// Makes a long tail a piece. To be called between two elements of a reply.
    #[inline]
    pub fn roll(&mut self) {
        if self.tail.len() >= PIECE {
            self.roll_long();
        }
    }

    #[cold]
    fn roll_long(&mut self) {
        let tail = std::mem::replace(&mut self.tail, Vec::with_capacity(PIECE + PIECE_SLACK));
        self.chunk_bytes += tail.len();
        self.chunks.push_back(Chunk::Bytes(tail));
    }

    /// Inserts `bytes` at `mark`, since which only was written.
    pub fn insert(&mut self, mark: Mark, bytes: &[u8]) {
        // The tail of the time of the mark is the first piece after it, or still the tail.
        let piece = match self.chunks.get_mut(mark.chunks) {
            Some(Chunk::Bytes(piece)) => {
                self.chunk_bytes += bytes.len();
                piece
            }
            _ => &mut self.tail,
        };
        piece.splice(mark.tail..mark.tail, bytes.iter().copied());
    }

    /// Appends a shared string.
    pub fn share(&mut self, s: HeapStr) {
        let tail = std::mem::take(&mut self.tail);
        self.chunk_bytes += tail.len() + s.as_slice().len();
        self.chunks.push_back(Chunk::Bytes(tail));
        self.chunks.push_back(Chunk::Shared(s));
    }

    /// Appends a shared string that is no part of a reply, so that nothing is ever taken back to before it.
    pub fn append_shared(&mut self, s: HeapStr) {
        self.end_tail();
        self.chunk_bytes += s.as_slice().len();
        self.chunks.push_back(Chunk::Shared(s));
    }

    /// Appends all of another output, at a point that nothing is taken back to before.
    pub fn append(&mut self, mut other: Output) {
        debug_assert_eq!(other.sent, 0);
        if other.chunks.is_empty() {
            self.tail.extend_from_slice(&other.tail);
            return;
        }
        self.end_tail();
        self.chunk_bytes += other.chunk_bytes;
        self.chunks.append(&mut other.chunks);
        self.tail = other.tail;
    }

    /// Makes the tail a piece, if there is anything in it.
    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            self.chunk_bytes += tail.len();
            self.chunks.push_back(Chunk::Bytes(tail));
        }
    }

    /// The next bytes to send.
    #[inline]
    pub fn front(&self) -> &[u8] {
        match self.chunks.front() {
            None => &self.tail[self.sent..],
            Some(c) => &c.as_slice()[self.sent..],
        }
    }

    /// `n` bytes of the front were sent.
    pub fn consume(&mut self, n: usize) {
        self.sent += n;
        while let Some(c) = self.chunks.front() {
            let len = c.as_slice().len();
            if self.sent < len {
                return;
            }
            self.sent -= len;
            self.chunk_bytes -= len;
            self.chunks.pop_front();
        }
        if self.sent == self.tail.len() {
            // A buffer that one long reply has blown up is not kept.
            if self.tail.capacity() > TAIL_KEPT_MAX {
                self.tail = Vec::new()
            } else {
                self.tail.clear()
            }
            self.sent = 0;
        }
    }

    /// Gives back what the tail's buffer holds beyond `size` bytes while nothing waits in it.
    pub fn shrink_to(&mut self, size: usize) {
        if self.tail.is_empty() && self.tail.capacity() > size {
            self.tail = Vec::new();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Output::default();
    }

    /// All bytes, for tests and loaders.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        while !self.is_empty() {
            let n = self.front().len();
            all.extend_from_slice(self.front());
            self.consume(n);
        }
        all
    }

    /// Bytes allocated.
    pub fn allocated(&self) -> usize {
        self.chunk_bytes + self.tail.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Reply;

    /// Elements of a length that fits no power of two.
    fn element(i: usize) -> Vec<u8> {
        format!("{i:0>997}").into_bytes()
    }

    fn elements(n: usize) -> Vec<u8> {
        let bulk = |i| [b"$997\r\n", &element(i)[..], b"\r\n"].concat();
        (0..n).flat_map(bulk).collect()
    }

    #[test]
    fn a_long_reply_lies_in_pieces() {
        let mut out = Output::default();
        let mut w = Reply::new(&mut out, false);
        w.array(2000);
        (0..2000).for_each(|i| w.bulk(&element(i)));
        assert_eq!(out.pieces(), out.len() / (PIECE + 1000));
        assert!(out.allocated() < out.len() + PIECE + PIECE_SLACK + 1);
        let (len, mut seen) = (out.len(), Vec::new());
        while !out.is_empty() {
            let n = out.front().len().min(100_000);
            seen.extend_from_slice(&out.front()[..n]);
            out.consume(n);
            assert_eq!(out.len(), len - seen.len());
        }
        assert!(seen == [&b"*2000\r\n"[..], &elements(2000)].concat());
    }

    #[test]
    fn a_long_reply_is_taken_back() {
        let mut out = Output::default();
        let mut w = Reply::new(&mut out, false);
        w.ok();
        let mark = w.mark();
        (0..1000).for_each(|i| w.bulk(&element(i)));
        w.bulk_shared(HeapStr::from_parts(&[&[b'x'; 100_000]]));
        (0..1000).for_each(|i| w.bulk(&element(i)));
        let written = 2 * elements(1000).len() + b"$100000\r\n\r\n".len() + 100_000;
        assert_eq!(w.since(mark), written);
        assert!(out.pieces() > 6 && out.len() == written + 5);
        out.rewind(mark);
        assert_eq!((out.pieces(), out.len()), (0, 5));
        assert_eq!(out.take_bytes(), b"+OK\r\n");
    }

    #[test]
    fn a_long_aggregate_may_be_counted_at_its_end() {
        for n in [0, 3, 1000] {
            let mut out = Output::default();
            let mut w = Reply::new(&mut out, true);
            w.ok();
            let outer = w.open_array();
            w.int(1);
            let inner = w.open_set();
            (0..n).for_each(|i| w.bulk(&element(i)));
            w.close(inner, n);
            w.close(outer, 2);
            w.ok();
            let (len, all) = (out.len(), out.take_bytes());
            assert_eq!(len, all.len());
            let head = format!("+OK\r\n*2\r\n:1\r\n~{n}\r\n");
            assert!(all == [head.as_bytes(), &elements(n), b"+OK\r\n"].concat());
        }
    }
}

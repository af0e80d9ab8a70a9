//! The propagated stream: every change of the data as a command, in the order in which it happened.
//!
//! There is one for all who take it. What a turn has put here is handed on at its end (`exec/propagate.rs`): the
//! append-only file's log thread takes its part, replicas theirs, and the buffer is empty again. The two differ in little:
//! some commands are for replicas alone (PUBLISH, PING, REPLCONF GETACK), and lie in the buffer as parts `apart`. A SELECT
//! is never one of these, so that both always know the database. Who begins to take in the middle (a new file, a new
//! replica) has the next command say its database again: `forget_db`.
//!
//! The offset counts the bytes of all. It is the replication offset, that of the annotations in the append-only file and
//! what WAITAOF and held replies wait for.

use std::ops::Range;

use crate::resp::encode;

/// Who takes the stream.
pub mod takers {
    /// The append-only file.
    pub const AOF: u8 = 1;
    /// Replicas, or the backlog for those to come.
    pub const REPLICAS: u8 = 2;
    /// A test.
    pub const TEST: u8 = 4;
}

/// Whom a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The append-only file and replicas.
    All,
    /// Replicas alone.
    Replicas,
}

/// Room that the buffer keeps from turn to turn.
const KEPT_MAX: usize = 1 << 20;
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// See the head of this file.
#[derive(Default)]
pub struct Stream {
    bytes: Vec<u8>,
    /// Parts of `bytes` that are for replicas alone, in order.
    apart: Vec<Range<usize>>,
    /// Of the first of `bytes`.
    offset: u64,
    /// The database that was selected last.
    db: Option<u32>,
    /// What the running request has added so far: where that begins, and how many commands it is.
    unit: (usize, usize),
    /// How much of `bytes` the replicas have.
    taken: usize,
    takers: u8,
}

impl Stream {
    /// Adds or takes out one who takes the stream. Tells whether there is any.
    pub fn set_taker(&mut self, taker: u8, on: bool) -> bool {
        if on {
            self.takers |= taker
        } else {
            self.takers &= !taker
        }
        self.takers != 0
    }

    /// Whether one takes the stream.
    pub fn has_taker(&self, taker: u8) -> bool {
        self.takers & taker != 0
    }

    /// Appends a command on a database.
    pub fn push<'a>(&mut self, db: u32, words: impl ExactSizeIterator<Item = &'a [u8]>, to: To) {
        self.begin(db);
        let from = self.bytes.len();
        encode::request(&mut self.bytes, words);
        self.end(from, to);
    }

    /// Appends a command that is written already.
    pub fn push_encoded(&mut self, db: u32, command: &[u8], to: To) {
        self.begin(db);
        let from = self.bytes.len();
        self.bytes.extend_from_slice(command);
        self.end(from, to);
    }

    /// Appends a command that is about no database, for replicas alone: PING, REPLCONF GETACK.
    pub fn push_to_replicas<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        let from = self.bytes.len();
        encode::request(&mut self.bytes, words);
        self.end(from, To::Replicas);
    }

    fn begin(&mut self, db: u32) {
        if self.unit.1 == 0 {
            self.unit.0 = self.bytes.len();
        }
        self.unit.1 += 1;
        if self.db != Some(db) {
            self.db = Some(db);
            encode::select(&mut self.bytes, db);
        }
    }

    fn end(&mut self, from: usize, to: To) {
        if to == To::Replicas {
            self.apart.push(from..self.bytes.len());
        }
    }

    /// A request is over. More than one command of it goes between MULTI and EXEC, if that matters (`whole`).
    pub fn end_unit(&mut self, whole: bool) {
        let (at, commands) = std::mem::take(&mut self.unit);
        if !whole || commands < 2 {
            return;
        }
        self.bytes.splice(at..at, MULTI.iter().copied());
        self.bytes.extend_from_slice(EXEC);
        for part in self.apart.iter_mut().rev().take_while(|p| p.start >= at) {
            *part = part.start + MULTI.len()..part.end + MULTI.len();
        }
    }

    /// The next command says its database, whatever came before.
    pub fn forget_db(&mut self) {
        self.db = None;
    }

    /// The offset behind all that was appended.
    pub fn offset(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Goes on at another offset: after a start, or as replica of another history. Nothing may be waiting to be taken.
    pub fn set_offset(&mut self, offset: u64) {
        debug_assert!(self.bytes.is_empty());
        self.offset = offset;
    }

    /// Whether nothing was appended since the last `clear`.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was appended since the last `clear`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the running request has appended anything.
    #[inline]
    pub fn in_unit(&self) -> bool {
        self.unit.1 > 0
    }

    /// What replicas do not have yet, without that of a request which is not over. From now on they have it.
    pub fn for_replicas(&mut self) -> &[u8] {
        let whole = if self.in_unit() { self.unit.0 } else { self.bytes.len() };
        let from = self.taken.min(whole);
        self.taken = self.taken.max(whole);
        &self.bytes[from..whole]
    }

    /// Bytes that replicas do not have yet.
    pub fn untaken(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// That of the append-only file, in pieces.
    pub fn for_aof(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.apart.iter().map(|p| p.end));
        let ends = self.apart.iter().map(|p| p.start).chain(std::iter::once(self.bytes.len()));
        starts.zip(ends).map(|(from, to)| &self.bytes[from..to]).filter(|piece| !piece.is_empty())
    }

    /// All who take the stream have what was appended.
    pub fn clear(&mut self) {
        debug_assert_eq!(self.unit.1, 0, "in the middle of a request");
        self.offset = self.offset();
        self.taken = 0;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_MAX);
        self.apart.clear();
    }

    /// Takes what was appended, for tests.
    #[cfg(test)]
    pub fn take_bytes(&mut self) -> Vec<u8> {
        let bytes = self.bytes.clone();
        self.clear();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(s: &mut Stream, db: u32, line: &str, to: To) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        s.push(db, words.into_iter(), to);
    }

    fn text<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
        let all = pieces.flatten().copied().collect();
        let words = String::from_utf8(all).unwrap();
        let words = words.split("\r\n").filter(|w| !w.starts_with('$') && !w.is_empty());
        words.map(|w| if w.starts_with('*') { "|" } else { w }).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn replicas_hear_more_than_the_file() {
        let mut s = Stream::default();
        push(&mut s, 3, "PUBLISH c m", To::Replicas);
        s.end_unit(true);
        push(&mut s, 3, "SET a 1", To::All);
        s.end_unit(true);
        push(&mut s, 3, "PUBLISH c n", To::Replicas);
        push(&mut s, 2, "SET b 2", To::All);
        s.end_unit(true);
        s.push_to_replicas([&b"PING"[..]].into_iter());
        assert_eq!(
            text([s.bytes()].into_iter()),
            "| SELECT 3 | PUBLISH c m | SET a 1 | MULTI | PUBLISH c n | SELECT 2 | SET b 2 | EXEC | PING"
        );
        assert_eq!(text(s.for_aof()), "| SELECT 3 | SET a 1 | MULTI | SELECT 2 | SET b 2 | EXEC");
        let offset = s.offset();
        assert_eq!(offset, s.bytes().len() as u64);
        s.clear();
        assert!(s.is_empty() && s.for_aof().next().is_none());
        assert_eq!(s.offset(), offset);
        push(&mut s, 2, "SET b 2", To::All);
        s.end_unit(true);
        s.forget_db();
        push(&mut s, 2, "SET b 3", To::All);
        s.end_unit(true);
        assert_eq!(text(s.for_aof()), "| SET b 2 | SELECT 2 | SET b 3");
    }

    #[test]
    fn replicas_take_what_is_whole() {
        let mut s = Stream::default();
        push(&mut s, 0, "SET a 1", To::All);
        assert!(s.in_unit() && s.for_replicas().is_empty() && s.untaken() > 0);
        s.end_unit(true);
        assert_eq!(text([s.for_replicas()].into_iter()), "| SELECT 0 | SET a 1");
        assert!(s.for_replicas().is_empty() && s.untaken() == 0);
        push(&mut s, 0, "SET b 1", To::All);
        push(&mut s, 0, "SET b 2", To::All);
        assert!(s.for_replicas().is_empty());
        s.end_unit(true);
        assert_eq!(text([s.for_replicas()].into_iter()), "| MULTI | SET b 1 | SET b 2 | EXEC");
        s.clear();
        push(&mut s, 0, "SET c 1", To::All);
        s.end_unit(true);
        assert_eq!(text([s.for_replicas()].into_iter()), "| SET c 1");
    }

    #[test]
    fn what_need_not_go_together_does_not() {
        let mut s = Stream::default();
        push(&mut s, 0, "DEL a", To::All);
        push(&mut s, 0, "DEL b", To::All);
        s.end_unit(false);
        push(&mut s, 0, "DEL c", To::All);
        s.end_unit(true);
        assert_eq!(text(s.for_aof()), "| SELECT 0 | DEL a | DEL b | DEL c");
    }

    #[test]
    fn takers_come_and_go() {
        let mut s = Stream::default();
        assert!(s.set_taker(takers::AOF, true) && s.set_taker(takers::REPLICAS, true));
        assert!(s.set_taker(takers::AOF, false));
        assert!(s.has_taker(takers::REPLICAS) && !s.has_taker(takers::AOF));
        assert!(!s.set_taker(takers::REPLICAS, false));
    }
}

//! The reply writer: the only place that knows how RESP2 and RESP3 differ.

use super::output::{Mark, Output};
use crate::base::num::{self, NumBuf};
use crate::keyspace::Value;
use crate::keyspace::heap::HeapStr;

/// Writes replies into a client's output.
pub struct Reply<'a> {
    out: &'a mut Output,
    resp3: bool,
    share_min: usize,
    /// Bytes of output at which the client is closed.
    limit: usize,
}

/// An aggregate opened without knowing its length: give it back to [`Reply::close`].
#[must_use]
pub struct Open {
    at: Mark,
    kind: Kind,
}

/// Aggregates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Map,
    Set,
}

/// Strings of at least this many bytes are shared with the keyspace instead of copied, unless more is asked for.
pub const SHARE_MIN: usize = 64 * 1024;

impl<'a> Reply<'a> {
    /// A writer at the end of `out`.
    #[inline]
    pub fn new(out: &'a mut Output, resp3: bool) -> Reply<'a> {
        Reply { out, resp3, share_min: SHARE_MIN, limit: usize::MAX }
    }

    /// Shares strings from this size on, or none for 0: `min-string-size-avoid-copy-reply`.
    #[inline]
    pub fn sharing_from(mut self, size: u64) -> Reply<'a> {
        self.share_min = match size {
            0 => usize::MAX,
            size => SHARE_MIN.max(size as usize),
        };
        self
    }

    /// Tells the client's hard limit of output, bytes; 0 = none.
    #[inline]
    pub fn limited_to(mut self, limit: usize) -> Reply<'a> {
        self.limit = if limit == 0 { usize::MAX } else { limit };
        self
    }

    /// Whether there is so much output that the client will be closed for it: to go on is in vain.
    #[inline]
    pub fn is_beyond_limit(&self) -> bool {
        self.out.len() > self.limit
    }

    /// Whether the client speaks RESP3.
    pub fn resp3(&self) -> bool {
        self.resp3
    }

    /// From now on in another version (HELLO).
    pub fn set_resp3(&mut self, resp3: bool) {
        self.resp3 = resp3;
    }

    /// The output as it stands, for those who show it.
    pub fn output(&self) -> &Output {
        self.out
    }

    /// The present end, to cut back to.
    #[inline]
    pub fn mark(&self) -> Mark {
        self.out.mark()
    }

    /// Cuts back to `mark`.
    #[inline]
    pub fn rewind(&mut self, mark: Mark) {
        self.out.rewind(mark);
    }

    /// Bytes written since `mark`.
    #[inline]
    pub fn since(&self, mark: Mark) -> usize {
        self.out.since(mark)
    }

    /// What was written since `mark`, for `exec/checks.rs`.
    #[cfg(debug_assertions)]
    pub fn written_since(&self, mark: Mark) -> Vec<u8> {
        self.out.written_since(mark)
    }

    /// Bytes as they are: a complete reply.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.tail.extend_from_slice(bytes);
    }

    /// Takes in what was sent to the client before this reply.
    pub fn append(&mut self, sent: Output) {
        self.out.append(sent);
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A status line. `text` has no line ends.
    #[inline]
    pub fn status(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error. Line ends in `text` become blanks, as the reference does.
    pub fn error(&mut self, text: &[u8]) {
        self.raw(b"-");
        let at = self.out.tail.len();
        self.raw(text);
        for b in &mut self.out.tail[at..] {
            if *b == b'\r' || *b == b'\n' {
                *b = b' ';
            }
        }
        self.raw(b"\r\n");
    }

    #[inline]
    fn line(&mut self, mark: u8, text: &[u8]) {
        self.out.tail.push(mark);
        self.out.tail.extend_from_slice(text);
        self.out.tail.extend_from_slice(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, n: i64) {
        self.number(b':', n);
    }

    /// What every element but a constant one begins with.
    #[inline]
    fn number(&mut self, mark: u8, n: i64) {
        self.out.roll();
        if let 0..=9 = n {
            self.raw(&[mark, b'0' + n as u8, b'\r', b'\n']);
        } else {
            let mut digits = NumBuf::new();
            self.line(mark, num::fmt_i64(&mut digits, n));
        }
    }

    /// A string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.number(b'$', bytes.len() as i64);
        let tail = &mut self.out.tail;
        tail.reserve(bytes.len() + 2);
        tail.extend_from_slice(bytes);
        tail.extend_from_slice(b"\r\n");
    }

    /// A string that the keyspace holds too; long ones are not copied.
    pub fn bulk_shared(&mut self, s: HeapStr) {
        if s.as_slice().len() < self.share_min {
            return self.bulk(s.as_slice());
        }
        self.number(b'$', s.as_slice().len() as i64);
        self.out.share(s);
        self.raw(b"\r\n");
    }

    /// An integer as a string.
    #[inline]
    pub fn bulk_int(&mut self, n: i64) {
        let mut digits = NumBuf::new();
        self.bulk(num::fmt_i64(&mut digits, n));
    }

    /// A stored string.
    #[inline]
    pub fn value(&mut self, v: Value<'_>) {
        match v {
            Value::Bytes(b) => self.bulk(b),
            Value::Int(i) => self.bulk_int(i),
        }
    }

    /// A floating-point number: a string in RESP2.
    pub fn double(&mut self, d: f64) {
        let mut digits = NumBuf::new();
        if self.resp3 {
            self.line(b',', num::fmt_f64(&mut digits, d));
        } else {
            self.bulk(num::fmt_f64(&mut digits, d));
        }
    }

    /// A floating-point number in its own form, as `double`.
    pub fn double_text(&mut self, text: &[u8]) {
        if self.resp3 { self.line(b',', text) } else { self.bulk(text) }
    }

    /// A truth value: 1 or 0 in RESP2.
    pub fn bool(&mut self, b: bool) {
        match (self.resp3, b) {
            (true, true) => self.raw(b"#t\r\n"),
            (true, false) => self.raw(b"#f\r\n"),
            (false, _) => self.int(b as i64),
        }
    }

    /// Nothing, where a string would be.
    #[inline]
    pub fn null(&mut self) {
        self.raw(if self.resp3 { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// Nothing, where an array would be.
    pub fn null_array(&mut self) {
        self.raw(if self.resp3 { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// Begins an array of `n`.
    #[inline]
    pub fn array(&mut self, n: usize) {
        self.number(b'*', n as i64);
    }

    /// Begins a map of `n` pairs: an array of twice as many in RESP2.
    pub fn map(&mut self, n: usize) {
        if self.resp3 { self.number(b'%', n as i64) } else { self.array(2 * n) }
    }

    /// Begins a set of `n`: an array in RESP2.
    pub fn set(&mut self, n: usize) {
        self.number(if self.resp3 { b'~' } else { b'*' }, n as i64);
    }

    /// Begins a push message of `n`: an array in RESP2.
    pub fn push(&mut self, n: usize) {
        self.number(if self.resp3 { b'>' } else { b'*' }, n as i64);
    }

    /// Begins attributes of `n` pairs. Only in RESP3.
    pub fn attribute(&mut self, n: usize) {
        debug_assert!(self.resp3);
        self.number(b'|', n as i64);
    }

    /// Text with a format of three letters (`txt`, `mkd`): a plain string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        if !self.resp3 {
            return self.bulk(text);
        }
        self.number(b'=', text.len() as i64 + 4);
        self.raw(format.as_bytes());
        self.raw(b":");
        self.line_end(text);
    }

    /// A number of any size: a string in RESP2.
    pub fn big_number(&mut self, digits: &[u8]) {
        if self.resp3 { self.line(b'(', digits) } else { self.bulk(digits) }
    }

    fn line_end(&mut self, text: &[u8]) {
        self.raw(text);
        self.raw(b"\r\n");
    }

    /// Opens an array whose length is told when it is closed.
    pub fn open_array(&mut self) -> Open {
        Open { at: self.out.mark(), kind: Kind::Array }
    }

    /// Opens a map whose number of pairs is told when it is closed.
    pub fn open_map(&mut self) -> Open {
        Open { at: self.out.mark(), kind: Kind::Map }
    }

    /// Opens a set whose length is told when it is closed.
    pub fn open_set(&mut self) -> Open {
        Open { at: self.out.mark(), kind: Kind::Set }
    }

    /// Closes an aggregate of `n` (pairs, for a map).
    pub fn close(&mut self, open: Open, n: usize) {
        let mut head = Output::default();
        let mut w = Reply::new(&mut head, self.resp3);
        match open.kind {
            Kind::Array => w.array(n),
            Kind::Map => w.map(n),
            Kind::Set => w.set(n),
        }
        self.out.insert(open.at, &head.tail);
    }
}

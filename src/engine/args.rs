//! A cursor over the arguments of one request: slices of the connection's buffer, nothing copied. The arity is
//! proved by the command's spec before a handler runs; a read that finds no argument is a syntax error.

use super::error::{Error, Result};
use crate::base::num;
use crate::keyspace::Key;
use crate::resp::Span;
use crate::sys::crash;

/// The arguments of a request and how far they are read. Argument 0 is the command's name.
#[derive(Clone)]
pub struct Args<'a> {
    buf: &'a [u8],
    spans: &'a [Span],
    at: usize,
    /// The hash of the first key, known from the batch step: its argument's index and the hash.
    first: (usize, u64),
}

impl<'a> Args<'a> {
    /// The arguments that `spans` name in `buf`, to be read from the first one behind the name.
    #[inline]
    pub fn new(buf: &'a [u8], spans: &'a [Span]) -> Args<'a> {
        Args { buf, spans, at: 1, first: (usize::MAX, 0) }
    }

    /// Tells the hash of the key that is argument `index`.
    #[inline]
    pub fn with_hash(mut self, index: usize, hash: u64) -> Args<'a> {
        self.first = (index, hash);
        self
    }

    /// The first key's index and hash, as far as they were told.
    pub fn first_key(&self) -> Option<(usize, u64)> {
        (self.first.0 != usize::MAX).then_some(self.first)
    }

    /// Notes the request as the one that a crash report shows.
    #[inline]
    pub fn note_running(&self) {
        crash::running(self.buf, self.spans);
    }

    /// Arguments in all, the name among them.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is not even a name.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `i`, the name being 0.
    #[inline]
    pub fn get(&self, i: usize) -> &'a [u8] {
        self.spans.get(i).map_or(b"", |s| s.of(self.buf))
    }

    /// All arguments, the name first.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let buf = self.buf;
        self.spans.iter().map(move |s| s.of(buf))
    }

    /// Bytes from the first argument's first to the last one's last, as they came.
    #[inline]
    pub fn extent(&self) -> usize {
        match (self.spans.first(), self.spans.last()) {
            (Some(a), Some(z)) => (z.at as usize + z.len as usize).saturating_sub(a.at as usize),
            _ => 0,
        }
    }

    /// A copy of the request: its bytes and where its arguments lie in them.
    pub fn to_owned(&self) -> (Vec<u8>, Vec<Span>) {
        let mut bytes = Vec::with_capacity(self.bytes());
        let spans = self.all().map(|a| {
            bytes.extend_from_slice(a);
            Span { at: (bytes.len() - a.len()) as u32, len: a.len() as u32 }
        });
        let spans = spans.collect();
        (bytes, spans)
    }

    /// Bytes of all arguments.
    pub fn bytes(&self) -> usize {
        self.spans.iter().map(|s| s.len as usize).sum()
    }

    /// Arguments not read yet.
    #[inline]
    pub fn left(&self) -> usize {
        self.spans.len() - self.at
    }

    /// The request that begins at argument `i`.
    pub fn from(&self, i: usize) -> Args<'a> {
        Args::new(self.buf, self.spans.get(i..).unwrap_or_default())
    }

    /// Reads on from argument `i`.
    pub fn seek(&mut self, i: usize) {
        self.at = i.min(self.spans.len());
    }

    /// The index of the next argument.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The next argument, if there is one.
    #[inline]
    pub fn next_opt(&mut self) -> Option<&'a [u8]> {
        let s = self.spans.get(self.at)?;
        self.at += 1;
        Some(s.of(self.buf))
    }

    /// The next argument.
    #[inline]
    pub fn bytes_arg(&mut self) -> Result<&'a [u8]> {
        self.next_opt().ok_or(Error::SYNTAX)
    }

    /// The next argument, not read yet.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.spans.get(self.at).map(|s| s.of(self.buf))
    }

    /// The next argument as a key. The spec's arity proves that it is there.
    #[inline]
    pub fn key(&mut self) -> Key<'a> {
        let i = self.at;
        let bytes = self.next_opt().unwrap_or_default();
        if i == self.first.0 { Key { bytes, hash: self.first.1 } } else { Key::new(bytes) }
    }

    /// The next argument as an integer.
    #[inline]
    pub fn int(&mut self) -> Result<i64> {
        num::parse_i64(self.bytes_arg()?).ok_or(Error::NOT_INTEGER)
    }

    /// The next argument as an integer of `range`; otherwise `error`.
    pub fn int_in(&mut self, range: std::ops::RangeInclusive<i64>, error: Error) -> Result<i64> {
        match num::parse_i64(self.bytes_arg()?) {
            Some(n) if range.contains(&n) => Ok(n),
            _ => Err(error),
        }
    }

    /// The next argument as a floating-point number.
    pub fn float(&mut self) -> Result<f64> {
        num::parse_f64(self.bytes_arg()?).ok_or(Error::NOT_FLOAT)
    }

    /// The next argument as a time to wait, in seconds: when it is over, in ms of Unix time. Zero is for ever.
    pub fn timeout(&mut self, now_ms: i64) -> Result<Option<i64>> {
        const BEYOND: Error = Error::text("ERR timeout is out of range");
        let seconds = num::Extended::parse(self.bytes_arg()?)
            .ok_or(Error::text("ERR timeout is not a float or out of range"))?;
        match seconds.thousandfold_up().ok_or(BEYOND)? {
            0 => Ok(None),
            ms if ms < 0 => Err(Error::text("ERR timeout is negative")),
            ms => ms.checked_add(now_ms).map(Some).ok_or(BEYOND),
        }
    }

    /// The arguments not read yet, and marks them read.
    #[inline]
    pub fn rest(&mut self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let (buf, spans) = (self.buf, &self.spans[self.at..]);
        self.at = self.spans.len();
        spans.iter().map(move |s| s.of(buf))
    }

    /// The arguments not read yet, as keys.
    pub fn rest_keys(&mut self) -> impl Iterator<Item = Key<'a>> + Clone + use<'a> {
        let (first, at) = (self.first, self.at);
        self.rest().enumerate().map(move |(i, bytes)| {
            if at + i == first.0 { Key { bytes, hash: first.1 } } else { Key::new(bytes) }
        })
    }

    /// The arguments not read yet, in pairs; `None` when their number is odd.
    pub fn pairs(&mut self) -> Option<impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a>> {
        let (buf, spans) = (self.buf, &self.spans[self.at..]);
        self.at = self.spans.len();
        let (pairs, odd) = spans.as_chunks::<2>();
        odd.is_empty().then(|| pairs.iter().map(move |[a, b]| (a.of(buf), b.of(buf))))
    }

    /// Reads the next argument if it is `word`, in any case of letters.
    #[inline]
    pub fn eat(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()));
        self.at += found as usize;
        found
    }

    /// Whether argument `i` is `word`, in any case of letters.
    pub fn is(&self, i: usize, word: &str) -> bool {
        self.get(i).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Ends the reading: anything left is a syntax error.
    pub fn done(&self) -> Result {
        if self.at == self.spans.len() { Ok(()) } else { Err(Error::SYNTAX) }
    }
}

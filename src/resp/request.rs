//! Requests cut out of a connection's buffer: spans, nothing copied.
//!
//! The parser keeps what it has seen of an unfinished request (the spans of the arguments so far, relative to the
//! request's first byte), so that a request that arrives in many pieces is read once. What a client announces costs
//! nothing until it arrives: the list of spans grows with the arguments, the buffer with the bytes.
//!
//! Texts of errors and the order of checks are the reference's (networking.c, Valkey 9.1).

use memchr::memchr;

use crate::base::limits;
use crate::base::num::parse_i64;
use crate::base::quote::split_args;
use crate::base::span::Span;

/// What a client may send, by what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`.
    pub bulk: usize,
    /// Whether the client may do anything; before that, little is accepted.
    pub authenticated: bool,
}

/// A violation of the protocol: the text after `-ERR Protocol error: `; the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An inline request or a line without an end in 64 KiB.
    InlineTooBig,
    /// An inline request whose quotes do not match.
    UnbalancedQuotes,
    /// No end of the line that counts the arguments.
    CountTooBig,
    /// Not a count, or too many.
    Count,
    /// More arguments than an unauthenticated client may send.
    CountUnauthenticated,
    /// No end of the line with an argument's length.
    LengthTooBig,
    /// Something else than `$`.
    Expected(u8),
    /// Not a length, or more than `proto-max-bulk-len`.
    Length,
    /// A longer argument than an unauthenticated client may send.
    LengthUnauthenticated,
    /// Something else than the end of a line behind a length or an argument.
    LineEnd,
}

impl ProtocolError {
    /// The error's text, after `-ERR `.
    pub fn text(self) -> Vec<u8> {
        let reason: &[u8] = match self {
            ProtocolError::InlineTooBig => b"too big inline request",
            ProtocolError::UnbalancedQuotes => b"unbalanced quotes in request",
            ProtocolError::CountTooBig => b"too big mbulk count string",
            ProtocolError::Count => b"invalid multibulk length",
            ProtocolError::CountUnauthenticated => b"unauthenticated multibulk length",
            ProtocolError::LengthTooBig => b"too big bulk count string",
            ProtocolError::Expected(c) => {
                return [b"Protocol error: expected '$', got '", &[c][..], b"'"].concat();
            }
            ProtocolError::Length => b"invalid bulk length",
            ProtocolError::LengthUnauthenticated => b"unauthenticated bulk length",
            ProtocolError::LineEnd => b"invalid CRLF in request",
        };
        [b"Protocol error: ", reason].concat()
    }

    /// What the log calls it: the reference has other words there than in the reply.
    pub fn log_name(self) -> &'static str {
        match self {
            ProtocolError::InlineTooBig => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in inline request",
            ProtocolError::CountTooBig => "too big mbulk count string",
            ProtocolError::Count => "invalid mbulk count",
            ProtocolError::CountUnauthenticated => "unauth mbulk count",
            ProtocolError::LengthTooBig => "too big bulk count string",
            ProtocolError::Expected(_) => "expected $ but got something else",
            ProtocolError::Length => "invalid bulk length",
            ProtocolError::LengthUnauthenticated => "unauth bulk length",
            ProtocolError::LineEnd => "invalid CRLF in request",
        }
    }
}

/// Outcome of one step.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A request was appended to the spans; it ends before this offset. It may have no arguments (`*0`, an empty line).
    Request(usize),
    /// More bytes are needed.
    More,
}

/// The state of an unfinished request.
#[derive(Debug, Default)]
pub struct Parser {
    /// Arguments still to come; 0 between requests.
    missing: usize,
    /// The argument whose length is known and whose bytes are not all here.
    bulk: Option<usize>,
    /// Offset up to which the buffer is read.
    read: usize,
    /// The arguments so far.
    args: Vec<Span>,
    /// Lines that were unquoted in place: where, and what they were. See [`Parser::restore`].
    rewritten: Vec<(usize, Box<[u8]>)>,
}

impl Parser {
    /// Whether a request has begun and is not complete.
    pub fn unfinished(&self) -> bool {
        self.missing > 0
    }

    /// Bytes the argument being received still lacks beyond `have` bytes in the buffer; 0 when unknown.
    pub fn lacks(&self, have: usize) -> usize {
        self.bulk.map_or(0, |len| (self.read + len + 2).saturating_sub(have))
    }

    /// Bytes held beside the buffer.
    pub fn held(&self) -> usize {
        self.args.capacity() * size_of::<Span>()
    }

    /// Bytes of the arguments that are here of the unfinished request, for CLIENT LIST's argv-mem.
    pub fn argument_bytes(&self) -> usize {
        self.args.iter().map(|a| a.len as usize).sum()
    }

    /// Bytes of the buffer that are read of the unfinished request.
    pub fn consumed(&self) -> usize {
        if self.unfinished() { self.read } else { 0 }
    }

    /// Undoes the unquoting of inline requests from offset `from` on: they were not run and will be parsed again.
    pub fn restore(&mut self, buf: &mut [u8], from: usize) {
        for (at, line) in self.rewritten.drain(..).filter(|(at, _)| *at >= from) {
            buf[at..at + line.len()].copy_from_slice(&line);
        }
    }

    /// The requests parsed so far were run.
    pub fn ran(&mut self) {
        self.rewritten.clear();
    }

    /// The buffer's first `n` bytes were taken away.
    pub fn shift(&mut self, n: usize) {
        self.read = self.read.saturating_sub(n);
        for a in &mut self.args {
            a.at = a.at.saturating_sub(n as u32);
        }
    }

    /// Reads one request from `buf` at `at`, or goes on with the unfinished one, and appends its arguments to
    /// `spans`. An inline request is unquoted in place: that is why `buf` is mutable.
    #[inline]
    pub fn step(
        &mut self,
        buf: &mut [u8],
        at: usize,
        limits: Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Step, ProtocolError> {
        if self.missing == 0 {
            match buf.get(at) {
                None => return Ok(Step::More),
                Some(b'*') => {
                    let Some((count, next)) =
                        line_number(buf, at + 1, ProtocolError::CountTooBig, ProtocolError::Count)?
                    else {
                        return Ok(Step::More);
                    };
                    if count > limits::ARGS_MAX as i64 {
                        return Err(ProtocolError::Count);
                    }
                    if count > limits::ARGS_UNAUTHENTICATED_MAX as i64 && !limits.authenticated {
                        return Err(ProtocolError::CountUnauthenticated);
                    }
                    if count <= 0 {
                        return Ok(Step::Request(next));
                    }
                    self.missing = count as usize;
                    self.read = next;
                }
                Some(_) => return inline(buf, at, spans, &mut self.rewritten),
            }
        }
        let first = spans.len();
        match self.bulks(buf, limits, spans, first) {
            Ok(true) => Ok(Step::Request(self.read)),
            Ok(false) => {
                self.args.extend(spans.drain(first..));
                Ok(Step::More)
            }
            Err(e) => Err(e),
        }
    }

    /// Reads arguments until none is missing (true) or bytes are (false).
    #[inline]
    fn bulks(
        &mut self,
        buf: &[u8],
        limits: Limits,
        spans: &mut Vec<Span>,
        first: usize,
    ) -> Result<bool, ProtocolError> {
        let resumed = !self.args.is_empty();
        while self.missing > 0 {
            let len = match self.bulk {
                Some(len) => len,
                None => match self.bulk_length(buf, limits)? {
                    Some(len) => len,
                    None => return Ok(false),
                },
            };
            if buf.len() < self.read + len + 2 {
                self.bulk = Some(len);
                return Ok(false);
            }
            if buf[self.read + len..self.read + len + 2] != *b"\r\n" {
                return Err(ProtocolError::LineEnd);
            }
            spans.push(Span { at: self.read as u32, len: len as u32 });
            self.bulk = None;
            self.read += len + 2;
            self.missing -= 1;
        }
        if resumed {
            spans.splice(first..first, self.args.drain(..));
            self.args = Vec::new();
        }
        Ok(true)
    }

    #[inline]
    fn bulk_length(&mut self, buf: &[u8], limits: Limits) -> Result<Option<usize>, ProtocolError> {
        match buf.get(self.read) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&c) => {
                // The reference looks at the type only once the line is there.
                let rest = &buf[self.read..];
                return match memchr(b'\r', rest) {
                    Some(_) => Err(ProtocolError::Expected(c)),
                    None if rest.len() > limits::INLINE_MAX => Err(ProtocolError::LengthTooBig),
                    None => Ok(None),
                };
            }
        }
        let Some((len, next)) =
            line_number(buf, self.read + 1, ProtocolError::LengthTooBig, ProtocolError::Length)?
        else {
            return Ok(None);
        };
        if len < 0 || len as u64 > limits.bulk as u64 {
            return Err(ProtocolError::Length);
        }
        if len as usize > limits::BULK_UNAUTHENTICATED_MAX && !limits.authenticated {
            return Err(ProtocolError::LengthUnauthenticated);
        }
        self.read = next;
        Ok(Some(len as usize))
    }
}

/// Reads the number up to `\r\n` at `at`; gives it and the offset of the next line, or `None` when the line is not
/// complete. One to nine digits, which is nearly all there is, are read on the way.
#[inline]
fn line_number(
    buf: &[u8],
    at: usize,
    long: ProtocolError,
    bad: ProtocolError,
) -> Result<Option<(i64, usize)>, ProtocolError> {
    let (mut n, mut i) = (0u32, at);
    while let Some(&c) = buf.get(i) {
        let digit = c.wrapping_sub(b'0');
        if digit > 9 || i - at == 9 {
            break;
        }
        n = n * 10 + digit as u32;
        i += 1;
    }
    if i > at
        && i + 1 < buf.len()
        && buf[i] == b'\r'
        && buf[i + 1] == b'\n'
        && (buf[at] != b'0' || i == at + 1)
    {
        return Ok(Some((n as i64, i + 2)));
    }
    slow_line_number(buf, at, long, bad)
}

#[cold]
fn slow_line_number(
    buf: &[u8],
    at: usize,
    long: ProtocolError,
    bad: ProtocolError,
) -> Result<Option<(i64, usize)>, ProtocolError> {
    let line = buf.get(at..).unwrap_or_default();
    match memchr(b'\r', line) {
        None if line.len() > limits::INLINE_MAX => Err(long),
        None => Ok(None),
        Some(end) if end + 1 >= line.len() => Ok(None),
        Some(end) => match parse_i64(&line[..end]) {
            Some(_) if line[end + 1] != b'\n' => Err(ProtocolError::LineEnd),
            Some(n) => Ok(Some((n, at + end + 2))),
            None => Err(bad),
        },
    }
}

/// Reads a request typed as a line. Its words, unquoted, are written back over the line; what stood there is kept in
/// `rewritten`.
fn inline(
    buf: &mut [u8],
    at: usize,
    spans: &mut Vec<Span>,
    rewritten: &mut Vec<(usize, Box<[u8]>)>,
) -> Result<Step, ProtocolError> {
    let Some(end) = memchr(b'\n', &buf[at..]) else {
        return if buf.len() - at > limits::INLINE_MAX {
            Err(ProtocolError::InlineTooBig)
        } else {
            Ok(Step::More)
        };
    };
    let line = &buf[at..at + end];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let words = split_args(line).ok_or(ProtocolError::UnbalancedQuotes)?;
    rewritten.push((at, line.into()));
    let mut to = at;
    for word in words {
        // Unquoting never lengthens, and between two words there is a separator: this stays inside the line.
        buf[to..to + word.len()].copy_from_slice(&word);
        spans.push(Span { at: to as u32, len: word.len() as u32 });
        to += word.len();
    }
    Ok(Step::Request(at + end + 1))
}

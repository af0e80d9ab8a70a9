//! Ids of entries: milliseconds and a sequence number, `1700000000000-3`. How texts are read is the reference's
//! (`streamGenericParseIDOrReply`), laxness included: it reads numbers as `string2ull` does.

use crate::base::num::{self, NumBuf};

/// The id of an entry. Ordered by milliseconds, then by sequence number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    pub ms: u64,
    pub seq: u64,
}

/// Longer texts are no ids.
const TEXT_MAX: usize = 127;

impl StreamId {
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// Whether it is 0-0.
    pub fn is_zero(self) -> bool {
        self == StreamId::MIN
    }

    /// The id behind it; none behind the last.
    #[inline]
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id in front of it; none in front of 0-0.
    pub fn prev(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Reads an id. Where only milliseconds are written, the sequence number is `seq`.
    #[inline]
    pub fn parse(text: &[u8], seq: u64) -> Option<StreamId> {
        match StreamId::parse_open(text)? {
            (ms, Written::Seq(seq)) => Some(StreamId { ms, seq }),
            (ms, Written::Nothing) => Some(StreamId { ms, seq }),
            (_, Written::Star) => None,
        }
    }

    /// As `parse`; `-` is the least and `+` the greatest id.
    pub fn parse_bound(text: &[u8], seq: u64) -> Option<StreamId> {
        match until_zero(text) {
            b"-" => Some(StreamId::MIN),
            b"+" => Some(StreamId::MAX),
            _ => StreamId::parse(text, seq),
        }
    }

    /// Reads an id whose sequence number may be left to the stream: `5-*`.
    #[inline]
    pub fn parse_new(text: &[u8]) -> Option<NewId> {
        match StreamId::parse_open(text)? {
            (ms, Written::Seq(seq)) => Some(NewId::Whole(StreamId { ms, seq })),
            (ms, Written::Nothing) => Some(NewId::Whole(StreamId { ms, seq: 0 })),
            (ms, Written::Star) => Some(NewId::Ms(ms)),
        }
    }

    #[inline]
    fn parse_open(text: &[u8]) -> Option<(u64, Written)> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let text = until_zero(text);
        let Some(dash) = memchr::memchr(b'-', text) else {
            return Some((num::parse_u64(text)?, Written::Nothing));
        };
        let ms = num::parse_u64(&text[..dash])?;
        match &text[dash + 1..] {
            b"*" => Some((ms, Written::Star)),
            seq => Some((ms, Written::Seq(num::parse_u64(seq)?))),
        }
    }

    /// Writes it.
    #[inline]
    pub fn text(self, to: &mut IdText) -> &[u8] {
        let mut digits = NumBuf::new();
        let ms = num::fmt_u64(&mut digits, self.ms);
        let dash = ms.len();
        to.0[..dash].copy_from_slice(ms);
        to.0[dash] = b'-';
        if let 0..=9 = self.seq {
            to.0[dash + 1] = b'0' + self.seq as u8;
            return &to.0[..dash + 2];
        }
        let seq = num::fmt_u64(&mut digits, self.seq);
        let len = dash + 1 + seq.len();
        to.0[dash + 1..len].copy_from_slice(seq);
        &to.0[..len]
    }
}

/// What is written of a sequence number.
enum Written {
    Nothing,
    Star,
    Seq(u64),
}

/// The id that a new entry is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewId {
    /// By the clock.
    Auto,
    /// Of this millisecond, with the next free sequence number.
    Ms(u64),
    /// This one.
    Whole(StreamId),
}

/// Room for the text of an id: two numbers of up to 20 digits.
pub struct IdText([u8; 41]);

impl IdText {
    pub fn new() -> IdText {
        IdText([0; 41])
    }
}

impl Default for IdText {
    fn default() -> IdText {
        IdText::new()
    }
}

/// A text up to its first zero byte, where C ends it.
fn until_zero(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<(u64, u64)> {
        StreamId::parse(text.as_bytes(), 7).map(|id| (id.ms, id.seq))
    }

    #[test]
    fn texts_are_read_as_the_reference_does() {
        assert_eq!(id("1700000000000-3"), Some((1_700_000_000_000, 3)));
        assert_eq!(id("5"), Some((5, 7)));
        assert_eq!(id("18446744073709551615-18446744073709551615"), Some((u64::MAX, u64::MAX)));
        assert_eq!(id(" 5-+6"), Some((5, 6)));
        assert_eq!(id("5-6\0x"), Some((5, 6)));
        assert_eq!(id("5- -1"), Some((5, u64::MAX)), "strtoull wraps");
        for bad in
            ["", "-", "+", "-5", "5-", "5-*", "5--1", "x", "5-x", "5-6-7", "18446744073709551616", "1.5"]
        {
            assert_eq!(id(bad), None, "{bad}");
        }
        assert_eq!(id(&format!("{}5", " ".repeat(126))), Some((5, 7)));
        assert_eq!(id(&format!("{}5", " ".repeat(127))), None);
        assert_eq!(StreamId::parse_bound(b"-", 0), Some(StreamId::MIN));
        assert_eq!(StreamId::parse_bound(b"+", 0), Some(StreamId::MAX));
        assert_eq!(StreamId::parse_new(b"5-*"), Some(NewId::Ms(5)));
        assert_eq!(StreamId::parse_new(b"5"), Some(NewId::Whole(StreamId::new(5, 0))));
    }

    #[test]
    fn neighbours_and_texts() {
        let mut text = IdText::new();
        for (a, b) in [((0, 0), (0, 1)), ((1, u64::MAX), (2, 0)), ((u64::MAX, 9), (u64::MAX, 10))] {
            let (a, b) = (StreamId::new(a.0, a.1), StreamId::new(b.0, b.1));
            assert_eq!((a.next(), b.prev()), (Some(b), Some(a)));
            assert_eq!(StreamId::parse(b.text(&mut text), 0), Some(b));
        }
        assert_eq!((StreamId::MAX.next(), StreamId::MIN.prev()), (None, None));
        assert_eq!(StreamId::MAX.text(&mut text), b"18446744073709551615-18446744073709551615");
        assert_eq!(StreamId::new(12, 9).text(&mut text), b"12-9");
    }
}

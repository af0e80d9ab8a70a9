//! Bytes as they come: read ahead into one buffer, counted and summed up as they are used.

use std::io::{ErrorKind, Read};

use super::{Cause, Error, Result};
use crate::base::limits::RDB_STRING_STEP;
use crate::base::num::{self, NumBuf};
use crate::persist::rdb::{coded, crc};
use crate::types::lzf;
use crate::types::value::Value;

/// See the head of this file.
pub struct Input<'a> {
    from: Box<dyn Read + 'a>,
    buffer: Box<[u8]>,
    /// What of the buffer is filled, and used.
    filled: usize,
    at: usize,
    /// Bytes that were used before the buffer's first.
    before: u64,
    /// What of the buffer is summed up already.
    summed: usize,
    crc: u64,
    sums: bool,
    /// What does not lie in the buffer as it is: long strings, compressed ones, numbers.
    text: Vec<u8>,
    packed: Vec<u8>,
    digits: NumBuf,
}

/// The head of a string.
enum Head {
    Bytes(u64),
    Int(i64),
    Lzf { packed: u64, whole: u64 },
}

impl<'a> Input<'a> {
    pub fn new(from: Box<dyn Read + 'a>, buffer: usize, sums: bool) -> Input<'a> {
        Input {
            from,
            buffer: vec![0; buffer.max(64)].into(),
            filled: 0,
            at: 0,
            before: 0,
            summed: 0,
            crc: 0,
            sums,
            text: Vec::new(),
            packed: Vec::new(),
            digits: NumBuf::new(),
        }
    }

    /// Bytes that were used.
    pub fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// What was read ahead.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.at..self.filled]
    }

    /// The sum of all that was used.
    pub fn sum(&mut self) -> u64 {
        if self.sums {
            self.crc = crc(self.crc, &self.buffer[self.summed..self.at]);
            self.summed = self.at;
        }
        self.crc
    }

    /// Something went wrong here.
    #[cold]
    pub fn error(&self, cause: Cause, what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error { cause, offset: self.offset(), key: None, what: what.into() }
    }

    /// What came is not what it should be.
    #[cold]
    pub fn corrupt(&self, what: &'static str) -> Error {
        self.error(Cause::Corrupt, what)
    }

    #[cold]
    fn short(&self) -> Error {
        self.error(Cause::Short, "Unexpected EOF reading RDB file")
    }

    /// Makes the next `n` bytes, at most a buffer, lie in the buffer.
    #[inline]
    fn need(&mut self, n: usize) -> Result<()> {
        if self.filled - self.at >= n { Ok(()) } else { self.fill(n) }
    }

    #[cold]
    fn fill(&mut self, n: usize) -> Result<()> {
        self.sum();
        self.buffer.copy_within(self.at..self.filled, 0);
        self.before += self.at as u64;
        self.filled -= self.at;
        (self.at, self.summed) = (0, 0);
        while self.filled < n {
            match self.from.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err(self.short()),
                Ok(more) => self.filled += more,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.error(Cause::Io, format!("Cannot read on: {e}"))),
            }
        }
        Ok(())
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8> {
        self.need(1)?;
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.need(N)?;
        let mut array = [0; N];
        array.copy_from_slice(&self.buffer[self.at..self.at + N]);
        self.at += N;
        Ok(array)
    }

    /// Eight bytes, LE.
    #[inline]
    pub fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// Eight bytes, LE.
    #[inline]
    pub fn f64(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// A length; what begins an encoded string is none.
    #[inline]
    pub fn length(&mut self) -> Result<u64> {
        match self.byte()? {
            short @ 0..=0x3f => Ok(short.into()),
            first => self.long_length(first),
        }
    }

    fn long_length(&mut self, first: u8) -> Result<u64> {
        match first {
            0x40..=0x7f => Ok(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            0x80 => self.array().map(|n| u32::from_be_bytes(n).into()),
            0x81 => self.array().map(u64::from_be_bytes),
            _ => Err(self.error(Cause::Corrupt, format!("Unknown length encoding {first:#04x}"))),
        }
    }

    #[inline]
    fn head(&mut self) -> Result<Head> {
        self.need(1)?;
        match self.buffer[self.at] {
            coded::INT8..=0xff => {
                let code = self.byte()?;
                self.encoded(code)
            }
            _ => self.length().map(Head::Bytes),
        }
    }

    fn encoded(&mut self, code: u8) -> Result<Head> {
        Ok(match code {
            coded::INT8 => Head::Int((self.byte()? as i8).into()),
            coded::INT16 => Head::Int(i16::from_le_bytes(self.array()?).into()),
            coded::INT32 => Head::Int(i32::from_le_bytes(self.array()?).into()),
            coded::LZF => Head::Lzf { packed: self.length()?, whole: self.length()? },
            _ => {
                let what = format!("Unknown RDB string encoding type {}", code & 0x3f);
                return Err(self.error(Cause::Corrupt, what));
            }
        })
    }

    /// A string, as an integer where it stands as one.
    #[inline]
    pub fn value(&mut self) -> Result<Value<'_>> {
        match self.head()? {
            Head::Int(n) => Ok(Value::Int(n)),
            Head::Bytes(n) => self.take(n).map(Value::Bytes),
            Head::Lzf { packed, whole } => self.unpack(packed, whole).map(Value::Bytes),
        }
    }

    /// A string.
    #[inline]
    pub fn bytes(&mut self) -> Result<&[u8]> {
        match self.head()? {
            Head::Int(n) => Ok(num::fmt_i64(&mut self.digits, n)),
            Head::Bytes(n) => self.take(n),
            Head::Lzf { packed, whole } => self.unpack(packed, whole),
        }
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: u64) -> Result<&[u8]> {
        match usize::try_from(n) {
            Ok(n) if n <= self.buffer.len() => {
                self.need(n)?;
                self.at += n;
                Ok(&self.buffer[self.at - n..self.at])
            }
            Ok(n) => {
                let mut text = std::mem::take(&mut self.text);
                let read = self.take_long(n, &mut text);
                self.text = text;
                read.map(|()| &self.text[..])
            }
            Err(_) => Err(self.short()),
        }
    }

    /// The next `n` bytes, in place of what `text` holds. It gets memory for no more than comes.
    fn take_long(&mut self, n: usize, text: &mut Vec<u8>) -> Result<()> {
        text.clear();
        while text.len() < n {
            self.need(1)?;
            let here = (self.filled - self.at).min(n - text.len());
            if text.capacity() - text.len() < here {
                text.reserve_exact(here.max(text.len().max(RDB_STRING_STEP)).min(n - text.len()));
            }
            text.extend_from_slice(&self.buffer[self.at..self.at + here]);
            self.at += here;
        }
        Ok(())
    }

    fn unpack(&mut self, packed: u64, whole: u64) -> Result<&[u8]> {
        const BROKEN: &str = "Invalid LZF compressed string";
        let (Ok(n), Ok(whole)) = (usize::try_from(packed), usize::try_from(whole)) else {
            return Err(self.corrupt(BROKEN));
        };
        let mut text = std::mem::take(&mut self.text);
        let done = if n <= self.buffer.len() {
            self.need(n).map(|()| {
                self.at += n;
                lzf::decompress_to(&self.buffer[self.at - n..self.at], whole, &mut text)
            })
        } else {
            let mut packed = std::mem::take(&mut self.packed);
            let read = self.take_long(n, &mut packed);
            self.packed = packed;
            read.map(|()| lzf::decompress_to(&self.packed, whole, &mut text))
        };
        self.text = text;
        match done? {
            Ok(()) => Ok(&self.text),
            Err(_) => Err(self.corrupt(BROKEN)),
        }
    }

    /// Gives memory back that a long string took.
    pub fn forget_long(&mut self) {
        if self.text.capacity() + self.packed.capacity() > 2 * RDB_STRING_STEP {
            (self.text, self.packed) = (Vec::new(), Vec::new());
        }
    }
}

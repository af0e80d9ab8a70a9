//! An element of a value as it is stored: bytes, or an integer that is shorter than its text.

use crate::base::num;

/// A string, or an element of a collection, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string's bytes.
    Bytes(&'a [u8]),
    /// A string that is an integer.
    Int(i64),
}

impl<'a> Value<'a> {
    /// The bytes; those of an integer are written to `digits`.
    #[inline]
    pub fn bytes<'b>(self, digits: &'b mut num::NumBuf) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Value::Bytes(b) => b,
            Value::Int(i) => num::fmt_i64(digits, i),
        }
    }

    /// The length in bytes.
    pub fn len(self) -> usize {
        match self {
            Value::Bytes(b) => b.len(),
            Value::Int(i) => num::text_len(i),
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

//! A piece of a buffer.

/// One argument: where it begins in the buffer and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub at: u32,
    /// Bytes.
    pub len: u32,
}

impl Span {
    /// The bytes in `buf`.
    #[inline]
    pub fn of(self, buf: &[u8]) -> &[u8] {
        &buf[self.at as usize..self.at as usize + self.len as usize]
    }
}

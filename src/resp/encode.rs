//! Requests as bytes: what is written into the propagated stream, the append-only file and the links to other servers.

use crate::base::num::{self, NumBuf};

/// Appends the head of a request of `n` words.
#[inline]
pub fn array(out: &mut Vec<u8>, n: usize) {
    number(out, b'*', n);
}

/// Appends a word.
#[inline]
pub fn bulk(out: &mut Vec<u8>, word: &[u8]) {
    number(out, b'$', word.len());
    out.reserve(word.len() + 2);
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// Appends an integer as a word.
pub fn bulk_int(out: &mut Vec<u8>, n: i64) {
    bulk(out, num::fmt_i64(&mut NumBuf::new(), n));
}

/// Appends a floating-point number as a word.
pub fn bulk_double(out: &mut Vec<u8>, d: f64) {
    bulk(out, num::fmt_f64(&mut NumBuf::new(), d));
}

/// Appends a whole request.
pub fn request<'a>(out: &mut Vec<u8>, words: impl ExactSizeIterator<Item = &'a [u8]>) {
    array(out, words.len());
    words.for_each(|w| bulk(out, w));
}

/// Appends SELECT.
pub fn select(out: &mut Vec<u8>, db: u32) {
    out.extend_from_slice(b"*2\r\n$6\r\nSELECT\r\n");
    bulk_int(out, i64::from(db));
}

#[inline]
fn number(out: &mut Vec<u8>, mark: u8, n: usize) {
    if let 0..=9 = n {
        out.extend_from_slice(&[mark, b'0' + n as u8, b'\r', b'\n']);
    } else {
        out.push(mark);
        out.extend_from_slice(num::fmt_i64(&mut NumBuf::new(), i64::try_from(n).unwrap_or(i64::MAX)));
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_arrays_of_strings() {
        let mut out = Vec::new();
        request(&mut out, [&b"SET"[..], b"", b"0123456789"].into_iter());
        select(&mut out, 12);
        bulk_double(&mut out, 0.5);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$10\r\n0123456789\r\n*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n$3\r\n0.5\r\n"
        );
    }
}

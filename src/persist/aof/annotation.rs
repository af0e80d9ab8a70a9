//! Annotations: lines that the log writes after each flush, and that Redis and Valkey skip like all that begins with `#`.
//!
//! `#TARN:<ms>:<offset>:<bytes>:<crc>` and CR LF. The moment of the flush (ms of Unix time), the offset of the propagated
//! stream behind it, how many bytes of this file lie between this line and the annotation before it (or the beginning of
//! the file), and their CRC-64 (Redis's, sixteen hexadecimal digits). Lines of other kinds, `#TS:` among them, count as
//! bytes. An annotation of 0 bytes begins the coverage anew: what lies before it was written by somebody else.

use std::io::Write;

/// Bytes of a line beyond which Redis and Valkey would not skip it (`AOF_ANNOTATION_LINE_MAX_LEN`).
pub const LINE_MAX: usize = 1024;
/// What an annotation begins with.
pub const MARK: &[u8] = b"#TARN:";
/// What a timestamp of the reference begins with (`aof-timestamp-enabled`), before seconds of Unix time.
pub const TIMESTAMP: &[u8] = b"#TS:";

/// See the head of this file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotation {
    pub ms: u64,
    pub offset: u64,
    pub bytes: u64,
    pub crc: u64,
}

impl Annotation {
    /// Appends the line.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Annotation { ms, offset, bytes, crc } = self;
        // Writing to memory does not fail.
        let _ = write!(out, "#TARN:{ms}:{offset}:{bytes}:{crc:016x}\r\n");
    }

    /// Reads a line, without its end.
    pub fn parse(line: &[u8]) -> Option<Annotation> {
        let text = std::str::from_utf8(line.strip_prefix(MARK)?).ok()?;
        let mut parts = text.split(':');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (ms, offset, bytes) = (number()?, number()?, number()?);
        let crc = parts.next().filter(|c| c.len() == 16 && c.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let crc = u64::from_str_radix(crc, 16).ok()?;
        parts.next().is_none().then_some(Annotation { ms, offset, bytes, crc })
    }
}

/// The sum over what lies between two annotations, as it is written or read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    pub bytes: u64,
    pub crc: u64,
}

impl Sum {
    /// Goes on over these bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.crc = crc64::crc64(self.crc, bytes);
    }
}

/// Appends the reference's timestamp.
pub fn write_timestamp(out: &mut Vec<u8>, seconds: i64) {
    let _ = write!(out, "#TS:{seconds}\r\n");
}

/// Reads the reference's timestamp: a line without its end. `None` if it is none, or damaged.
pub fn parse_timestamp(line: &[u8]) -> Option<i64> {
    std::str::from_utf8(line.strip_prefix(TIMESTAMP)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_read_back() {
        let most = Annotation { ms: u64::MAX, offset: u64::MAX, bytes: u64::MAX, crc: u64::MAX };
        for a in [most, Annotation::default(), Annotation { ms: 1, offset: 2, bytes: 3, crc: 0xab }] {
            let mut out = Vec::new();
            a.write(&mut out);
            assert!(out.len() < 100 && out.starts_with(MARK) && out.ends_with(b"\r\n"));
            assert_eq!(Annotation::parse(&out[..out.len() - 2]), Some(a));
        }
        for bad in [
            &b"#TARN:1:2:3"[..],
            b"#TARN:1:2:3:4",
            b"#TARN:1:2:3:00000000000000ab:5",
            b"#TARN:-1:2:3:00000000000000ab",
            b"#TARN:1:2:18446744073709551616:00000000000000ab",
            b"#TARN:1:2:3:+0000000000000ab",
            b"#TS:1",
            b"#TARN:\xff",
        ] {
            assert_eq!(Annotation::parse(bad), None);
        }
        assert_eq!(parse_timestamp(b"#TS:1628217470"), Some(1_628_217_470));
        assert_eq!(parse_timestamp(b"#TS:1x"), None);
    }

    #[test]
    fn the_sum_is_redis_crc64() {
        let mut sum = Sum::default();
        sum.add(b"1234");
        sum.add(b"56789");
        assert_eq!((sum.bytes, sum.crc), (9, 0xe9c6_d914_c4b8_d9ca));
    }
}

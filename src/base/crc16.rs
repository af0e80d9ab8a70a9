//! The slot of a key in a cluster: CRC-16/XMODEM (polynomial 0x1021, start 0) of the key or of its hash tag, modulo
//! 16,384, as in the cluster specification of Redis.

/// Slots of a cluster.
pub const SLOTS: u16 = 16_384;

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = crc << 1 ^ if crc & 0x8000 != 0 { 0x1021 } else { 0 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

/// The slot a key belongs to. Only the part between the first `{` and the first `}` behind it counts, if there is one
/// and it is not empty, so that keys with one tag share a slot.
pub fn key_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

/// The slot that all keys which match a glob pattern belong to, if it can be told: by a hash tag before any wildcard, or
/// because the pattern has none.
pub fn pattern_slot(pattern: &[u8]) -> Option<u16> {
    let plain = memchr::memchr2(b'*', b'?', pattern).unwrap_or(pattern.len());
    let plain = pattern[..plain].iter().position(|byte| matches!(byte, b'[' | b'\\')).unwrap_or(plain);
    let tag = hash_tag(&pattern[..plain]);
    let tagged = tag.len() < plain;
    (plain == pattern.len() || tagged).then(|| crc16(tag) % SLOTS)
}

fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    let behind = &key[open + 1..];
    match memchr::memchr(b'}', behind) {
        Some(len) if len > 0 => &behind[..len],
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_a_slot_or_not() {
        let slot = |pattern: &str| pattern_slot(pattern.as_bytes());
        assert_eq!(slot("abc"), Some(key_slot(b"abc")));
        assert_eq!(slot("w{abc}*"), Some(key_slot(b"abc")));
        assert_eq!(slot("{}abc"), Some(key_slot(b"{}abc")));
        for none in ["*", "w*{abc}", "w[{abc}", "w\\{abc}", "?", "{}*", "{a*}", "{a"] {
            assert_eq!(slot(none).is_some(), none == "{a", "{none}");
        }
    }

    #[test]
    fn check_value() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn slots() {
        for (key, slot) in [
            ("", 0),
            ("foo", 12182),
            ("bar", 5061),
            ("hello", 866),
            ("{foo}bar", 12182),
            ("a{foo}{bar}", 12182),
            ("foo{bar", crc16(b"foo{bar") % SLOTS),
            ("foo{}{bar}", crc16(b"foo{}{bar}") % SLOTS),
            ("foo{{bar}}zap", crc16(b"{bar") % SLOTS),
            ("}foo{bar}", 5061),
        ] {
            assert_eq!(key_slot(key.as_bytes()), slot, "{key}");
        }
    }
}

//! Amounts of memory as configuration files write them: digits and a unit. `k`, `m`, `g` are powers of 1000, `kb`,
//! `mb`, `gb` powers of 1024, case aside, as Redis reads them (`memtoull`). One thing differs: an amount that does not
//! fit 64 bits is refused, where the reference lets the product wrap around.

/// Digits before the unit that the reference can hold; more are refused.
const DIGITS_MAX: usize = 127;

/// Units by name, smallest first.
const UNITS: [(&[u8], u64); 8] = [
    (b"", 1),
    (b"b", 1),
    (b"k", 1000),
    (b"kb", 1 << 10),
    (b"m", 1_000_000),
    (b"mb", 1 << 20),
    (b"g", 1_000_000_000),
    (b"gb", 1 << 30),
];

/// Reads an amount of memory in bytes: `100`, `64mb`, `1G`. No sign, no space, no fraction. No digits at all count as
/// zero (`kb` is 0), which the reference accepts too. `None` when it is not an amount or does not fit.
pub fn parse(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at_checked(digits)?;
    if digits > DIGITS_MAX {
        return None;
    }
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let mut value: u64 = 0;
    for byte in number {
        value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
    }
    value.checked_mul(*factor)
}

/// Writes an amount the way CONFIG REWRITE does: in the largest of gb, mb, kb that divides it, else plain bytes.
pub fn human(bytes: u64) -> String {
    for (unit, factor) in [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)] {
        if bytes != 0 && bytes.is_multiple_of(factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_a_thousand_and_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("100", 100),
            ("7b", 7),
            ("100k", 100_000),
            ("100kb", 102_400),
            ("64MB", 64 << 20),
            ("2m", 2_000_000),
            ("1g", 1_000_000_000),
            ("1Gb", 1 << 30),
            ("", 0),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount() {
        for text in [
            "-1",
            "+1",
            "1x",
            "1 kb",
            "kb1",
            "1.5gb",
            "1tb",
            "18446744073709551616",
            "99999999999999gb",
            "5%",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[b'0'; 128]), None);
    }

    #[test]
    fn human_amounts_read_back() {
        for (bytes, text) in [
            (0, "0"),
            (1, "1"),
            (1024, "1kb"),
            (1025, "1025"),
            (64 << 20, "64mb"),
            (3 << 30, "3gb"),
            (1_000_000, "1000000"),
        ] {
            assert_eq!(human(bytes), text);
            assert_eq!(parse(text.as_bytes()), Some(bytes));
        }
    }
}

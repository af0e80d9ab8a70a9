//! Tables of answers of the reference (Valkey 9.1 on x86-64), and properties.

use super::*;
use proptest::prelude::*;

fn float_text(value: f64) -> String {
    String::from_utf8(fmt_f64(&mut NumBuf::new(), value).to_vec()).unwrap()
}

/// What INCRBYFLOAT answers; `None` for both of its errors.
fn sum(a: &str, b: &str) -> Option<String> {
    let sum = Extended::parse(a.as_bytes())?.checked_add(Extended::parse(b.as_bytes())?)?;
    Some(String::from_utf8(sum.text().to_vec()).unwrap())
}

/// As C's printf writes `%.17g`.
#[test]
fn seventeen_digits() {
    for (value, text) in [
        (0.1, "0.10000000000000001"),
        (-0.1, "-0.10000000000000001"),
        (1.5, "1.5"),
        (100.0, "100"),
        (-3.25e5, "-325000"),
        (0.0001, "0.0001"),
        (0.00001, "1.0000000000000001e-05"),
        (1e-10, "1e-10"),
        (1e16, "10000000000000000"),
        (1e17, "1e+17"),
        (1e22, "1e+22"),
        (12_345_678_901_234_567.0, "12345678901234568"),
        (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
        (1234.567, "1234.567"),
        (1.0 / 3.0, "0.33333333333333331"),
        (5e-324, "4.9406564584124654e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (0.0, "0"),
        (-0.0, "-0"),
    ] {
        assert_eq!(fmt_g17(&mut NumBuf::new(), value), text.as_bytes(), "{value}");
    }
}

#[test]
fn integers_are_strict() {
    for (text, value) in [
        ("0", 0),
        ("-1", -1),
        ("7", 7),
        ("1234567890123456789", 1_234_567_890_123_456_789),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(parse_i64(text.as_bytes()), Some(value), "{text}");
    }
    for text in [
        "",
        "-",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "12a",
        "1-",
        "--1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
        "1\0",
    ] {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn unsigned_integers_are_lax() {
    for (text, value) in [
        ("0", 0),
        ("18446744073709551615", u64::MAX),
        ("0018446744073709551615", u64::MAX),
        ("+5", 5),
        (" \t\n\u{b}\u{c}\r5", 5),
        ("007", 7),
        ("-0", 0),
        ("-01", u64::MAX),
        ("12\0abc", 12),
    ] {
        assert_eq!(parse_u64(text.as_bytes()), Some(value), "{text}");
    }
    for text in ["", " ", "-", "+", "-1", "18446744073709551616", "5 ", "1a", "+-1", "\u{0}5", "- 1"] {
        assert_eq!(parse_u64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn doubles_are_read() {
    for (text, value) in [
        ("0", 0.0),
        ("-0", -0.0),
        ("+1", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e1", -5.0),
        ("5.e3", 5000.0),
        ("1e5", 1e5),
        ("1E+5", 1e5),
        ("1e-5", 1e-5),
        ("007", 7.0),
        ("inf", f64::INFINITY),
        ("+INF", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("17976931348623157e292", f64::MAX),
        ("5e-324", 5e-324),
        ("0e99999999999999999999", 0.0),
        ("999999999999999", 999_999_999_999_999.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
    ] {
        let read = parse_f64(text.as_bytes()).map(f64::to_bits);
        assert_eq!(read, Some(value.to_bits()), "{text}");
    }
    for text in [
        "", " 1", "1 ", "nan", "-nan", "nan(1)", "0x1p3", "1e", "1e+", ".", "+", "e5", "infi", "1e309",
        "-1e309", "1e-400", "1_000", "1,5", "--1", "+-1", "1\0", "½",
    ] {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn doubles_are_written() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-3.0, "-3"),
        (0.1, "0.1"),
        (1.5, "1.5"),
        (-1.25, "-1.25"),
        (100.0, "100"),
        (1e17, "100000000000000000"),
        (4.611_686_018_427_388e18, "4611686018427387904"),
        (4.611_686_018_427_389e18, "4611686018427389000"),
        (1e19, "1e+19"),
        (1e21, "1e+21"),
        (1e22, "1e+22"),
        (1.5e22, "1.5e+22"),
        (1.234_567_890_123e25, "1.234567890123e+25"),
        (0.001, "0.001"),
        (0.000_001, "0.000001"),
        (0.000_000_1, "1e-7"),
        (0.000_123_456_789_012_345_67, "1.2345678901234567e-4"),
        (0.001_234_567_890_123_456_7, "0.0012345678901234567"),
        (0.000_012_345_678_9, "1.23456789e-5"),
        (1e-10, "1e-10"),
        (1e100, "1e+100"),
        (-1.5e-105, "-1.5e-105"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (2.236_067_977_499_79, "2.23606797749979"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
        (-f64::NAN, "nan"),
    ] {
        assert_eq!(float_text(value), text);
    }
}

#[test]
fn extended_sums() {
    for (a, b, expected) in [
        ("10.50", "0.1", "10.6"),
        ("3", "1.1", "4.1"),
        ("5.0e3", "2.0e2", "5200"),
        ("1", "-1.1", "-0.1"),
        ("0", "0", "0"),
        ("-0", "-0", "0"),
        ("0", "-1e-20", "0"),
        ("0", "1e-17", "0.00000000000000001"),
        ("0.1", "0.2", "0.3"),
        ("17179869184", "1.5", "17179869185.5"),
        ("3.14", "0.00000000000000001", "3.14000000000000001"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("18446744073709551616", "1", "18446744073709551616"),
        ("0x1p3", "0x.8", "8.5"),
        ("0X1.8P-1", "0", "0.75"),
        ("1e20", "0", "100000000000000000000"),
        ("1e-4950", "1", "1"),
    ] {
        assert_eq!(sum(a, b).as_deref(), Some(expected), "{a} {b}");
    }
    for (a, b) in [
        ("inf", "1"),
        ("inf", "-inf"),
        ("1e4932", "9e4932"),
        ("nan", "1"),
        ("1e4933", "1"),
        ("1e-5000", "1"),
        ("0x1p-20000", "1"),
        ("0x1p20000", "1"),
        (" 1", "1"),
        ("1 ", "1"),
        ("0x", "1"),
        ("1e", "1"),
        ("", "1"),
        (".", "1"),
    ] {
        assert_eq!(sum(a, b), None, "{a} {b}");
    }
    assert!(Extended::parse(b"-InFinity").unwrap().is_infinite());
    assert_eq!(Extended::parse(b"-inf").unwrap().text().as_slice(), b"-inf");
}

#[test]
fn extended_limits() {
    // Digits without end are bounded, and those within the bound are all read.
    let long = [b"0.1".as_slice(), &vec![b'0'; 5115], b"1"].concat();
    assert_eq!(long.len(), 5119);
    assert_eq!(Extended::parse(&long).unwrap(), Extended::parse(b"0.1").unwrap());
    assert_eq!(Extended::parse(&[long.as_slice(), b"1"].concat()), None);
    let largest = Extended::parse(b"1.18973149535723176502e4932").unwrap();
    let text = largest.text();
    assert_eq!(text.len(), 4933);
    assert!(text.starts_with(
        b"118973149535723176502126385303097020516906332229462420044032373389173700552297072261"
    ));
    assert_eq!(Extended::parse(&text), Some(largest));
    assert_eq!(largest.checked_add(largest), None);
    let least = Extended::parse(b"3.6451995318824746025e-4951").unwrap();
    assert_eq!(Extended::parse(b"0x1p-16445"), Some(least));
    assert_eq!(Extended::parse(b"0x1p-16446"), None, "half of it, a tie, goes to zero");
    assert_eq!(Extended::parse(b"0x1.0001p-16446"), Some(least));
    assert_eq!(Extended::parse(b"1.8e-4951"), None, "rounds to zero");
}

proptest! {
    #[test]
    fn integers_come_back(value: i64) {
        let mut buf = NumBuf::new();
        let text = fmt_i64(&mut buf, value).to_vec();
        prop_assert_eq!(parse_i64(&text), Some(value));
        prop_assert_eq!(text_len(value), text.len());
        prop_assert_eq!(text, value.to_string().into_bytes());
    }

    #[test]
    fn what_is_an_integer_is_written_that_way(text in "[-+0-9 ]{0,21}") {
        if let Some(value) = parse_i64(text.as_bytes()) {
            prop_assert_eq!(value.to_string(), text);
        } else if let Ok(value) = text.parse::<i64>() {
            prop_assert_ne!(value.to_string(), text);
        }
    }

    #[test]
    fn unsigned_come_back(value: u64) {
        let mut buf = NumBuf::new();
        let text = fmt_u64(&mut buf, value).to_vec();
        prop_assert_eq!(parse_u64(&text), Some(value));
        prop_assert_eq!(digits10(value), text.len());
    }

    #[test]
    fn doubles_come_back(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        let mut buf = NumBuf::new();
        let text = fmt_f64(&mut buf, value);
        prop_assert!(text.len() <= 32);
        prop_assert_eq!(parse_f64(text).map(f64::to_bits), Some(bits));
        let text = fmt_g17(&mut buf, value);
        prop_assert_eq!(parse_f64(text).map(f64::to_bits), Some(bits));
    }

    /// A double's sum is exact in extended precision when the double's own is.
    #[test]
    fn integers_add_exactly(a in -(1i64 << 62)..1 << 62, b in -(1i64 << 62)..1 << 62) {
        let sum = Extended::from(a).checked_add(Extended::from(b)).unwrap();
        prop_assert_eq!(sum, Extended::from(a + b));
        prop_assert_eq!(sum.text().to_vec(), (a + b).to_string().into_bytes());
    }

    /// Both ways of reading agree, the one through u128 and the one through big numbers.
    #[test]
    fn long_texts_read_the_same(digits in "[1-9][0-9]{0,20}", places in 0usize..19, negative: bool) {
        let sign = if negative { "-" } else { "" };
        let short = format!("{sign}{digits}e-{places}");
        let long = format!("{sign}0.{}{digits}e{}", "0".repeat(40), 40 + digits.len() - places);
        let padded = format!("{sign}{digits}{}1e-{}", "0".repeat(60), places + 61);
        let read = Extended::parse(short.as_bytes());
        prop_assert!(read.is_some());
        prop_assert_eq!(read, Extended::parse(long.as_bytes()));
        // One part in 10^60 more does not change what is no tie.
        let tie = digits.len() > 19;
        prop_assert!(tie || read == Extended::parse(padded.as_bytes()));
    }

    #[test]
    fn doubles_become_extended_exactly(value: f64) {
        prop_assume!(value.is_finite());
        let text = format!("{value:e}");
        prop_assert!(Extended::parse(text.as_bytes()).is_some() || value == 0.0);
        let read = Extended::from(value).text();
        prop_assert_eq!(Extended::parse(&read).is_some(), true);
    }

    #[test]
    fn no_text_panics(text in prop::collection::vec(prop::sample::select(b"0123456789.+-eExXpPinfa\0 ".as_slice()), 0..24)) {
        let _ = (parse_i64(&text), parse_u64(&text), parse_f64(&text));
        if let Some(value) = Extended::parse(&text) {
            let _ = value.checked_add(value).map(Extended::text);
        }
    }
}

#[test]
fn coordinates_and_distances_are_written() {
    let mut digits = NumBuf::new();
    let coordinates = [
        (0.0, "0"),
        (-0.0, "0"),
        (-1e-20, "0"),
        (180.0, "180"),
        (-13.5, "-13.5"),
        (0.1, "0.10000000000000001"),
        (999_999_999_999.0, "999999999999"),
    ];
    for (value, text) in coordinates {
        assert_eq!(fmt_coordinate(&mut digits, value), text.as_bytes());
    }
    let distances = [
        (0.0, "0.0000"),
        (0.00005, "0.0000"),
        (0.00015, "0.0001"), // 1.4999999999999998 parts,
        (0.0123, "0.0123"),
        (12.5, "12.5000"),
        (-0.5, "-0.5000"),
        (20_020_733.342_149, "20020733.3421"),
        (1e300, "-922337203685477.5808"),
        (f64::NAN, "-922337203685477.5808"),
    ];
    for (value, text) in distances {
        assert_eq!(fmt_distance(&mut digits, value), text.as_bytes());
    }
}

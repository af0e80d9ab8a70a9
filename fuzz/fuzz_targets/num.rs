//! Texts that may be numbers: no panic, and what is read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::base::num::{self, Extended, NumBuf};

fuzz_target!(|data: &[u8]| {
    let mut buf = NumBuf::new();
    if let Some(value) = num::parse_i64(data) {
        assert_eq!(num::fmt_i64(&mut buf, value), data);
        assert_eq!(num::text_len(value), data.len());
        assert_eq!(num::parse_f64(data), Some(value as f64));
    }
    if let Some(value) = num::parse_u64(data) {
        let text = num::fmt_u64(&mut buf, value);
        assert_eq!(num::parse_u64(text), Some(value));
        assert_eq!(num::digits10(value), text.len());
    }
    if let Some(value) = num::parse_f64(data) {
        let text = num::fmt_f64(&mut buf, value);
        assert_eq!(num::parse_f64(text).map(f64::to_bits), Some(value.to_bits()));
    }
    if let Some(bits) = data.first_chunk::<8>() {
        let value = f64::from_bits(u64::from_le_bytes(*bits));
        let text = num::fmt_f64(&mut buf, value);
        assert!(value.is_nan() || num::parse_f64(text).map(f64::to_bits) == Some(value.to_bits()));
    }
    sum(data);
});

/// Two extended numbers with a comma between them.
fn sum(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b',');
    let (Some(a), Some(b)) = (parts.next(), parts.next()) else { return };
    let (Some(a), Some(b)) = (Extended::parse(a), Extended::parse(b)) else { return };
    let sum = a.checked_add(b);
    assert_eq!(sum, b.checked_add(a));
    if let Some(sum) = sum {
        let text = sum.text();
        let again = Extended::parse(&text).map(Extended::text);
        assert_eq!(again.as_deref(), Some(text.as_slice()), "what was printed stays as it is");
    }
}

//! Glob patterns as KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL rules take them: `*`, `?`, `[a-z]`, `[^x]`, `\x`.
//!
//! Every item but `*` takes exactly one byte of the text, so a failed try only ever has to give the last `*` one more
//! byte: two cursors and one point of return replace the reference's recursion, and the time is bounded by
//! pattern × text whatever the pattern. The answers are the reference's, its oddities among them: an empty text
//! matches only an empty pattern, a class that is never closed ends with the pattern, ranges compare signed bytes,
//! an escaped byte in a class ignores `nocase`, and a pattern with more than `limits::GLOB_STARS_MAX` stars that
//! have something behind them matches nothing.

use super::limits::GLOB_STARS_MAX;

/// Whether the whole of `text` matches `pattern`. `nocase` folds ASCII letters.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    let mut stars = 0;
    // Where the pattern goes on behind the last star, and where in the text that part was tried last.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if t == text.len() {
            // A part that ran out of text here runs out of it from any later start as well.
            return pattern[p..].iter().all(|byte| *byte == b'*');
        }
        let stepped = match pattern.get(p) {
            Some(b'*') => {
                p += pattern[p..].iter().take_while(|byte| **byte == b'*').count();
                if p == pattern.len() {
                    return true;
                }
                stars += 1;
                if stars > GLOB_STARS_MAX {
                    return false;
                }
                retry = Some((p, t));
                continue;
            }
            Some(_) => item(pattern, p, text[t], nocase),
            None => {
                // The part behind the last star matched too early. It takes as many bytes as it did now, so
                // the end of the text is the one place left for it.
                let Some((after, tried)) = retry else { return false };
                let last = text.len() - (t - tried);
                (p, t) = (after, last);
                retry = None;
                continue;
            }
        };
        match (stepped, retry) {
            (Some(next), _) => (p, t) = (next, t + 1),
            (None, Some((after, tried))) => {
                (p, t) = (after, tried + 1);
                retry = Some((after, t));
            }
            (None, None) => return false,
        }
    }
}

/// Whether the pattern has no special byte: it then matches exactly the text equal to it.
pub fn is_literal(pattern: &[u8]) -> bool {
    literal_prefix(pattern).len() == pattern.len()
}

/// What every matching text starts with: the bytes before the first special one.
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let end = pattern.iter().position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'));
    &pattern[..end.unwrap_or(pattern.len())]
}

/// Matches one byte against the item at `p`, which is no star; the position of the next item if it does.
fn item(pattern: &[u8], p: usize, byte: u8, nocase: bool) -> Option<usize> {
    match pattern[p] {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, byte, nocase),
        b'\\' if p + 1 < pattern.len() => same(pattern[p + 1], byte, nocase).then_some(p + 2),
        literal => same(literal, byte, nocase).then_some(p + 1),
    }
}

/// Matches one byte against the class whose first byte behind `[` is at `p`.
fn class(pattern: &[u8], mut p: usize, byte: u8, nocase: bool) -> Option<usize> {
    let negated = pattern.get(p) == Some(&b'^');
    p += usize::from(negated);
    let mut found = false;
    while let Some(&first) = pattern.get(p) {
        if first == b'\\' && p + 1 < pattern.len() {
            found |= pattern[p + 1] == byte;
            p += 2;
        } else if first == b']' {
            p += 1;
            break;
        } else if p + 2 < pattern.len() && pattern[p + 1] == b'-' {
            found |= in_range(first, pattern[p + 2], byte, nocase);
            p += 3;
        } else {
            found |= same(first, byte, nocase);
            p += 1;
        }
    }
    (found != negated).then_some(p)
}

/// Bounds are put in order as signed bytes, and folded then: both as the reference does.
fn in_range(first: u8, last: u8, byte: u8, nocase: bool) -> bool {
    let (first, last) = if first.cast_signed() > last.cast_signed() { (last, first) } else { (first, last) };
    let fold = |byte: u8| match byte {
        // What C's `tolower` makes of signed bytes: the upper half turns unsigned, save for the last, which is EOF.
        0xff => -1,
        _ if nocase => i16::from(byte.to_ascii_lowercase()),
        _ => i16::from(byte.cast_signed()),
    };
    (fold(first)..=fold(last)).contains(&fold(byte))
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by plain recursion: exponential, without the limit on stars.
    fn model(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                model(rest, text, nocase) || (!text.is_empty() && model(pattern, &text[1..], nocase))
            }
            ([_, ..], [byte, after @ ..]) => {
                item(pattern, 0, *byte, nocase).is_some_and(|next| model(&pattern[next..], after, nocase))
            }
            _ => false,
        }
    }

    #[test]
    fn table() {
        let cases: &[(&[u8], &[u8], bool, bool)] = &[
            (b"h?llo", b"hello", false, true),
            (b"h?llo", b"hllo", false, false),
            (b"h*llo", b"heeeello", false, true),
            (b"h[ae]llo", b"hallo", false, true),
            (b"h[^e]llo", b"hello", false, false),
            (b"h[a-b]llo", b"hbllo", false, true),
            (b"h[b-a]llo", b"hallo", false, true),
            (b"HELLO", b"hello", true, true),
            (b"HELLO", b"hello", false, false),
            (b"[A-C]", b"b", true, true),
            // Put in order first, folded then: nothing lies between `z` and `a`.
            (b"[a-Z]", b"z", true, false),
            (b"[\\A]", b"a", true, false),
            (b"[\\A]", b"A", true, true),
            (b"", b"", false, true),
            (b"", b"a", false, false),
            // What is empty is matched by what is empty, not even by a star.
            (b"*", b"", false, false),
            (b"**", b"a", false, true),
            (b"a*", b"a", false, true),
            (b"a**", b"a", false, true),
            (b"a*?", b"a", false, false),
            (b"*a", b"a", false, true),
            (b"\\", b"\\", false, true),
            (b"a\\", b"a\\", false, true),
            (b"\\*", b"*", false, true),
            (b"\\*", b"a", false, false),
            (b"[", b"[", false, false),
            (b"[^", b"x", false, true),
            (b"[abc", b"b", false, true),
            (b"[abc", b"bc", false, false),
            (b"[]", b"a", false, false),
            (b"[^]", b"a", false, true),
            (b"[a-", b"-", false, true),
            // The closing bracket is the end of the range, and the class is left open.
            (b"[a-]", b"^", false, true),
            (b"[\\]]", b"]", false, true),
            (b"[\\", b"\\", false, true),
            (b"[*]", b"*", false, true),
            (b"[\x80-\xff]", b"\x90", false, true),
            // As signed bytes, 0x80 is the least and 0x7f the greatest.
            (b"[\x7f-\x80]", b"a", false, true),
            (b"[a-\xf0]", b"b", false, false),
            (b"[a-\xf0]", b"B", false, true),
            // Folded, they are unsigned, and out of order by then.
            (b"[a-\xf0]", b"b", true, false),
            (b"[a-\xf0]", b"B", true, false),
            (b"[\xff-a]", b"A", true, true),
            (b"*ab*ab", b"abab", false, true),
            (b"*ab*ab", b"ababa", false, false),
            (b"*aab", b"aaab", false, true),
        ];
        for (pattern, text, nocase, expected) in cases {
            assert_eq!(
                matches(pattern, text, *nocase),
                *expected,
                "{:?} {:?}",
                pattern.escape_ascii().to_string(),
                text.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn abusive_patterns_end_soon() {
        assert!(!matches(b"a*a*a*a*a*a*a*a*a*a*a*b", &[b'a'; 500], false));
        let text = vec![b'a'; 50_000];
        assert!(!matches(&b"*?".repeat(50_000), &text, false), "the reference gives up here");
        assert!(matches(&b"*?".repeat(GLOB_STARS_MAX), &text, false));
        assert!(!matches(&b"*?".repeat(GLOB_STARS_MAX + 1), &text, false));
        let pattern = [b"?*".repeat(GLOB_STARS_MAX + 1).as_slice(), b"*"].concat();
        assert!(matches(&pattern, &text, false), "the star at the end has nothing behind it");
    }

    #[test]
    fn literals() {
        assert!(is_literal(b"user:1"));
        assert!(is_literal(b""));
        assert!(!is_literal(b"user:?"));
        assert_eq!(literal_prefix(b"user:*"), b"user:");
        assert_eq!(literal_prefix(b"a\\*b"), b"a");
        assert_eq!(literal_prefix(b"[ab]"), b"");
    }

    fn bytes_of(alphabet: &'static [u8], len: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(alphabet), 0..len)
    }

    proptest! {
        #[test]
        fn equals_the_model(
            pattern in bytes_of(b"aabAB**?[]^-\\\x90", 12),
            text in bytes_of(b"aabAB]-\x90\\", 10),
            nocase: bool,
        ) {
            let expected = if text.is_empty() { pattern.is_empty() } else { model(&pattern, &text, nocase) };
            prop_assert_eq!(matches(&pattern, &text, nocase), expected);
        }

        #[test]
        fn every_match_starts_with_the_literal_prefix(
            pattern in bytes_of(b"ab*?[]", 6),
            text in bytes_of(b"ab", 6),
        ) {
            if matches(&pattern, &text, false) {
                prop_assert!(text.starts_with(literal_prefix(&pattern)));
            }
            if is_literal(&pattern) {
                prop_assert_eq!(matches(&pattern, &text, false), pattern == text);
            }
        }
    }
}

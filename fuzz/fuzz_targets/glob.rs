//! Patterns and texts of any bytes: no panic, no long search, and what must hold whatever they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::base::glob;

fuzz_target!(|data: &[u8]| {
    let [flags, cut, rest @ ..] = data else { return };
    let nocase = flags & 1 == 1;
    let (pattern, text) = rest.split_at(usize::from(*cut).min(rest.len()));
    let matched = glob::matches(pattern, text, nocase);
    if matched && !nocase {
        assert!(text.starts_with(glob::literal_prefix(pattern)));
    }
    if glob::is_literal(pattern) && !nocase {
        assert_eq!(matched, pattern == text);
    }
    if !text.is_empty() {
        let leading = [b"*", pattern].concat();
        assert!(!matched || glob::matches(&leading, text, nocase), "a star in front takes nothing");
        let escaped: Vec<u8> = text.iter().flat_map(|byte| [b'\\', *byte]).collect();
        assert!(glob::matches(&escaped, text, nocase), "an escaped text is itself");
        assert!(glob::matches(&b"?".repeat(text.len()), text, nocase));
    }
});

//! Any text as a configuration file: no panic, every problem said; a text that is accepted comes back from CONFIG
//! REWRITE as one that is accepted and means the same. A line that begins with a byte beyond ASCII begins with a
//! directive's name instead, so that not every name must be guessed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::engine::config::load::parse_text;
use tarn::engine::config::rewrite::{Options, rewrite};
use tarn::engine::config::table::directives;

fuzz_target!(|data: &[u8]| {
    let text = &named(data)[..];
    let config = match parse_text(text) {
        Ok(config) => config,
        Err(problems) => {
            assert!(!problems.is_empty());
            problems.iter().for_each(|problem| assert!(!problem.to_string().is_empty()));
            return;
        }
    };
    let text = rewrite(&config, text, Options::default());
    match parse_text(&text) {
        Ok(again) => assert!(config == again, "rewritten as\n{}", String::from_utf8_lossy(&text)),
        Err(problems) => panic!("{}\nin what was written:\n{}", problems[0], String::from_utf8_lossy(&text)),
    }
    assert!(rewrite(&config, &text, Options::default()) == text, "a second rewrite changes the file");
});

fn named(data: &[u8]) -> Vec<u8> {
    let names: Vec<&str> = directives().map(|d| d.name).collect();
    let lines = data.split(|b| *b == b'\n').map(|line| match line.split_first() {
        Some((pick, rest)) if *pick >= 128 => {
            let more = rest.first().map_or(0, |b| usize::from(*b));
            let name = names[(usize::from(*pick & 127) + 128 * (more & 3)) % names.len()];
            [name.as_bytes(), b" ", rest.get(1..).unwrap_or_default()].concat()
        }
        _ => line.to_vec(),
    });
    lines.collect::<Vec<_>>().join(&b'\n')
}

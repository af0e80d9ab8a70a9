//! redis.conf.example, written from the table: every directive, what it does, what it takes, and its default. The file
//! in the repository is held to be this text by a test; `TARN_BLESS=1 cargo test --lib example` writes it anew.

use super::directive::{Directive, Effect, Format, HIDDEN, IMMUTABLE, Kind, PROTECTED};
use super::fields::Config;
use super::table::{GROUPS, Group};
use crate::base::size;

/// Columns of the file.
const WIDTH: usize = 110;

const INTRO: &str = "\
Configuration of Tarn. This file is complete: it holds every directive with its default, so a server that is
started with it is one that is started with none. Copy it, or start from an empty file and set only what differs.

Start with a file:                     tarn /etc/tarn/tarn.conf
Override on the command line:          tarn /etc/tarn/tarn.conf --port 7000 --save 900 1 --save 60 10000
Look for mistakes without starting:    tarn /etc/tarn/tarn.conf --check-config

A line is a name and its values, separated by blanks; names are the same in any case. A value with blanks stands in
double quotes, where \\n, \\r, \\t, \\\", \\\\ and \\xHH have their usual meaning, or in single quotes. A line that begins
with # is a comment. When a directive comes twice the later one wins, but for those that say otherwise.

Amounts of memory take units: 1k is 1000 bytes, 1kb is 1024; m, mb, g and gb go on from there, in any case.

Most directives can be changed while the server runs: CONFIG SET name value, and CONFIG REWRITE to keep the change
in the file. Those marked (fixed at start) cannot. Those marked (protected) can by CONFIG SET only where
enable-protected-configs allows it. Those marked (no effect yet) are read and kept for the named part of the server,
which is still to come. Those marked (hidden) are shown by CONFIG GET only when asked by name.";

/// The text of the file.
pub fn text() -> String {
    let mut out = String::new();
    for (i, paragraph) in INTRO.split("\n\n").enumerate() {
        if i > 0 {
            push_comment(&mut out, "");
        }
        // A table keeps its lines.
        if paragraph.contains("  ") {
            paragraph.lines().for_each(|line| push_comment(&mut out, line));
        } else {
            push_wrapped(&mut out, paragraph);
        }
    }
    for group in GROUPS {
        push_group(&mut out, group);
    }
    out
}

fn push_group(out: &mut String, group: &Group) {
    let title = format!("#### {} ", group.title);
    out.push_str(&format!("\n{title:#<WIDTH$}\n"));
    push_wrapped(out, group.about);
    for directive in group.directives {
        out.push('\n');
        push_directive(out, directive);
    }
}

fn push_directive(out: &mut String, directive: &Directive) {
    let takes = takes(directive);
    let marks = marks(directive);
    let facts: Vec<&str> =
        [takes.as_str(), marks.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    push_wrapped(out, &format!("{} {}", directive.about, facts.join(" ")));
    let default = Config::default();
    let lines = directive.lines(&default, &default);
    for line in &lines {
        out.push_str(&String::from_utf8_lossy(&line.text));
        out.push('\n');
    }
    if lines.is_empty() {
        // An example is a comment; a default that no line is written for, such as `bind`, is not.
        let value = String::from_utf8_lossy(&directive.get(&default)).into_owned();
        let (mark, value) = if value.is_empty() { ("# ", directive.example) } else { ("", value.as_str()) };
        out.push_str(&format!("{mark}{} {value}\n", directive.name));
    }
}

/// What values there are, where the explanation leaves it to us.
fn takes(directive: &Directive) -> String {
    match directive.kind {
        Kind::YesNo(_) => "Takes yes or no.".to_owned(),
        Kind::Number { min, max, format: Format::Plain, .. } => match (min, max) {
            // Negative values have meanings, which the explanation tells.
            (..-1, _) => String::new(),
            _ if max < i128::from(i32::MAX) => format!("Takes {min} to {max}."),
            _ => format!("Takes {min} or more."),
        },
        Kind::Number { format: Format::Octal, .. } => "Takes an octal number, 0 to 777.".to_owned(),
        Kind::Number { format: Format::MemoryOrPercent, .. } => {
            "Takes an amount of memory or a percentage.".to_owned()
        }
        Kind::Number { min, .. } => match u64::try_from(min) {
            Ok(min) if min > 1 => format!("Takes an amount of memory, at least {}.", size::human(min)),
            _ => "Takes an amount of memory.".to_owned(),
        },
        Kind::Choice(choice) => format!("Takes one of: {}.", (choice.names)().join(", ")),
        Kind::Text(_) | Kind::Bytes(_) | Kind::Special(_) | Kind::FileOnly(_) => String::new(),
    }
}

fn marks(directive: &Directive) -> String {
    let mut marks = Vec::new();
    if let Some(alias) = directive.alias {
        marks.push(format!("Older name: {alias}."));
    }
    if directive.has(IMMUTABLE) {
        marks.push("(fixed at start)".to_owned());
    }
    if directive.has(PROTECTED) {
        marks.push("(protected)".to_owned());
    }
    if directive.has(HIDDEN) {
        marks.push("(hidden)".to_owned());
    }
    if let Effect::Later(part) = directive.effect {
        marks.push(format!("(no effect yet: {part})"));
    }
    marks.join(" ")
}

/// A paragraph as a comment, cut between words.
fn push_wrapped(out: &mut String, text: &str) {
    let mut line = String::new();
    for word in text.split_ascii_whitespace() {
        if !line.is_empty() && line.len() + word.len() + 3 > WIDTH {
            push_comment(out, &line);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    push_comment(out, &line);
}

fn push_comment(out: &mut String, line: &str) {
    out.push_str(if line.is_empty() { "#" } else { "# " });
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::load::parse_text;
    use super::super::rewrite::{self, rewrite};
    use super::super::table;
    use super::*;

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/redis.conf.example");

    #[test]
    fn example_is_the_file_in_the_repository() {
        let text = text();
        if std::env::var_os("TARN_BLESS").is_some() {
            std::fs::write(PATH, &text).unwrap();
        }
        let file = std::fs::read_to_string(PATH).unwrap();
        assert!(file == text, "redis.conf.example is old: TARN_BLESS=1 cargo test --lib example");
    }

    #[test]
    fn example_loads_and_is_the_default() {
        let text = text();
        assert_eq!(parse_text(text.as_bytes()).unwrap(), Config::default());
        assert!(text.lines().all(|line| line.len() <= 110));
    }

    #[test]
    fn example_names_every_directive_once_and_its_examples_load() {
        let text = text();
        for directive in table::directives() {
            let active = format!("{} ", directive.name);
            let commented = format!("# {} {}", directive.name, directive.example);
            let shown = text.lines().filter(|line| line.starts_with(&active) || *line == commented).count();
            let expected = if directive.name == "client-output-buffer-limit" { 3 } else { 1 };
            assert_eq!(shown, expected, "{}", directive.name);
            if !directive.example.is_empty() && directive.name != "include" {
                let line = format!("{} {}", directive.name, directive.example);
                assert_ne!(parse_text(line.as_bytes()).unwrap(), Config::default(), "{line}");
            }
        }
    }

    #[test]
    fn a_rewrite_of_the_example_keeps_it() {
        let text = text();
        let config = parse_text(text.as_bytes()).unwrap();
        let again = rewrite(&config, text.as_bytes(), rewrite::Options::default());
        // `bind` at its default is the one line that a rewrite takes out.
        let expected = text.replace("\nbind * -::*\n", "\n");
        assert_eq!(String::from_utf8(again).unwrap().replace("\n\n", "\n"), expected.replace("\n\n", "\n"));
    }
}

//! Text to arguments and back: the quoting of redis.conf, of inline requests, and of everything that logs print of a
//! client's bytes. `repr` writes what `split_args` reads.
//!
//! Rules, as Valkey 9.1 has them: blanks separate; double quotes take `\n \r \t \b \a \xHH` and `\` before any other
//! byte for that byte; single quotes take only `\'`; a quoted piece may stand inside a word (`a"b c"d` is one
//! argument, where Redis demands a blank after a closing quote); a zero byte outside quotes ends the text.

/// The text in double quotes with everything unprintable escaped, as the reference prints it (`sdscatrepr`).
pub fn repr(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().saturating_add(2));
    repr_into(&mut out, bytes);
    out
}

/// Appends what `repr` returns.
pub fn repr_into(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(&[
                b'\\',
                b'x',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
    out.push(b'"');
}

/// Cuts a line into its arguments. `None` when a quote is left open. An empty line has no arguments.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut args = Vec::new();
    let mut rest = line;
    loop {
        let blanks = rest.iter().take_while(|byte| is_space(**byte)).count();
        rest = rest.get(blanks..)?;
        if matches!(rest.first(), None | Some(0)) {
            return Some(args);
        }
        let mut arg = Vec::new();
        rest = take_arg(rest, &mut arg)?;
        args.push(arg);
    }
}

/// What C's `isspace` holds for a blank.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Reads one argument off the front; what is behind it comes back, without the separator.
fn take_arg<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] | [0, ..] => return Some(rest),
            [b' ' | b'\n' | b'\r' | b'\t', tail @ ..] => return Some(tail),
            [b'"', tail @ ..] => take_double_quoted(tail, arg)?,
            [b'\'', tail @ ..] => take_single_quoted(tail, arg)?,
            [byte, tail @ ..] => {
                arg.push(*byte);
                tail
            }
        };
    }
}

/// The inside of double quotes, up to and with the closing one.
fn take_double_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            // A zero byte ends the text, so the quote is open.
            [] | [0, ..] => return None,
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), tail)
            }
            [b'\\', escaped, tail @ ..] if *escaped != 0 => (unescape(*escaped), tail),
            [byte, tail @ ..] => (*byte, tail),
        };
        arg.push(byte);
        rest = tail;
    }
}

/// The inside of single quotes, up to and with the closing one.
fn take_single_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            [] | [0, ..] => return None,
            [b'\'', tail @ ..] => return Some(tail),
            [b'\\', b'\'', tail @ ..] => (b'\'', tail),
            [byte, tail @ ..] => (*byte, tail),
        };
        arg.push(byte);
        rest = tail;
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// The value of a hexadecimal digit; the caller has seen that it is one.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.wrapping_sub(b'A').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Option<Vec<String>> {
        split_args(line.as_bytes())
            .map(|args| args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect())
    }

    #[test]
    fn splits_as_the_reference() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t ", &[]),
            ("save 900 1", &["save", "900", "1"]),
            ("save \"\"", &["save", ""]),
            ("a \"b c\" 'd \"e'", &["a", "b c", "d \"e"]),
            (r#"x "\x41\n\t\q\"""#, &["x", "A\n\tq\""]),
            (r"x 'it\'s \n'", &["x", r"it's \n"]),
            (r#"port 2"1"002"#, &["port", "21002"]),
            (r#"ECHO "foo"bar"#, &["ECHO", "foobar"]),
            (r#""\x4""#, &["x4"]),
            ("a\r\nb\x0bc", &["a", "b\x0bc"]),
            ("a\0b c", &["a"]),
        ];
        for (line, args) in cases {
            assert_eq!(
                split(line).as_deref(),
                Some(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()[..]),
                "{line}"
            );
        }
    }

    #[test]
    fn open_quotes_are_refused() {
        for line in ["\"", "a \"b", "'", "a 'b\\'", r#""\""#, "\"a\0\""] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn repr_escapes_what_does_not_print() {
        assert_eq!(repr(b"a\"\\\n\r\t\x07\x08\x00\xff~"), br#""a\"\\\n\r\t\a\b\x00\xff~""#);
        assert_eq!(repr(b""), b"\"\"");
    }

    proptest! {
        #[test]
        fn repr_reads_back(bytes: Vec<u8>) {
            prop_assert_eq!(split_args(&repr(&bytes)), Some(vec![bytes]));
        }

        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            let _ = split_args(&bytes);
        }
    }
}

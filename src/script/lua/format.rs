//! `string.format`: the reference's, down to what its C library prints.

use super::call::{Call, Run};
use super::value::Res;
use super::{STRING_MAX, text};

#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    space: bool,
    hash: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    /// Reads flags, width and precision from `at` on; gives where they end.
    fn read(f: &[u8], mut at: usize) -> Result<(Spec, usize), &'static str> {
        let mut s = Spec::default();
        let begin = at;
        while let Some(&b) = f.get(at) {
            match b {
                b'-' => s.minus = true,
                b'+' => s.plus = true,
                b' ' => s.space = true,
                b'#' => s.hash = true,
                b'0' => s.zero = true,
                _ => break,
            }
            at += 1;
        }
        if at - begin > 5 {
            return Err("invalid format (repeated flags)");
        }
        let digits = |at: &mut usize| -> Result<usize, &'static str> {
            let mut n = 0;
            for i in 0.. {
                match f.get(*at) {
                    Some(b) if b.is_ascii_digit() && i == 2 => {
                        return Err("invalid format (width or precision too long)");
                    }
                    Some(b) if b.is_ascii_digit() => n = n * 10 + (b - b'0') as usize,
                    _ => break,
                }
                *at += 1;
            }
            Ok(n)
        };
        s.width = digits(&mut at)?;
        if f.get(at) == Some(&b'.') {
            at += 1;
            s.precision = Some(digits(&mut at)?);
        }
        Ok((s, at))
    }

    fn pad(&self, sign: &str, body: &[u8], zeros: bool, out: &mut Vec<u8>) {
        let fill = self.width.saturating_sub(sign.len() + body.len());
        let zeros = zeros && self.zero && !self.minus;
        if !self.minus && !zeros {
            out.resize(out.len() + fill, b' ');
        }
        out.extend_from_slice(sign.as_bytes());
        if zeros {
            out.resize(out.len() + fill, b'0');
        }
        out.extend_from_slice(body);
        if self.minus {
            out.resize(out.len() + fill, b' ');
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn digits(&self, mut body: String) -> String {
        if let Some(p) = self.precision {
            if p == 0 && body == "0" {
                body.clear();
            }
            while body.len() < p {
                body.insert(0, '0');
            }
        }
        body
    }

    fn integer(&self, n: i64, out: &mut Vec<u8>) {
        let body = self.digits(n.unsigned_abs().to_string());
        self.pad(self.sign(n < 0), body.as_bytes(), self.precision.is_none(), out);
    }

    fn unsigned(&self, n: u64, kind: u8, out: &mut Vec<u8>) {
        let (body, prefix) = match kind {
            b'o' => (format!("{n:o}"), ""),
            b'x' => (format!("{n:x}"), if self.hash && n != 0 { "0x" } else { "" }),
            b'X' => (format!("{n:X}"), if self.hash && n != 0 { "0X" } else { "" }),
            _ => (n.to_string(), ""),
        };
        let mut body = self.digits(body);
        if kind == b'o' && self.hash && !body.starts_with('0') {
            body.insert(0, '0');
        }
        self.pad(prefix, body.as_bytes(), self.precision.is_none(), out);
    }

    fn float(&self, n: f64, kind: u8, out: &mut Vec<u8>) {
        let sign = self.sign(n.is_sign_negative());
        let precision = self.precision.unwrap_or(6);
        let n = n.abs();
        let mut body = Vec::new();
        if !n.is_finite() {
            body.extend_from_slice(if n.is_nan() { b"nan" } else { b"inf" });
        } else {
            match kind | 0x20 {
                b'f' => {
                    body = format!("{n:.precision$}").into_bytes();
                    if self.hash && precision == 0 {
                        body.push(b'.');
                    }
                }
                b'e' => {
                    let s = format!("{n:.precision$e}");
                    let (mantissa, exponent) = s.split_once('e').unwrap_or((&s, "0"));
                    let exponent: i32 = exponent.parse().unwrap_or(0);
                    let sign = if exponent < 0 { '-' } else { '+' };
                    body = format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs()).into_bytes();
                }
                _ => text::general(n, precision, self.hash, &mut body),
            }
        }
        if kind.is_ascii_uppercase() {
            body.make_ascii_uppercase();
        }
        self.pad(sign, &body, n.is_finite(), out);
    }
}

fn quoted(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &b in bytes {
        match b {
            b'"' | b'\\' | b'\n' => {
                out.push(b'\\');
                out.push(b);
            }
            b'\r' => out.extend_from_slice(b"\\r"),
            0 => out.extend_from_slice(b"\\000"),
            b => out.push(b),
        }
    }
    out.push(b'"');
}

pub fn format(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let f = run.shared(call, 0)?;
    let (mut out, mut at, mut arg) = (Vec::new(), 0, 0);
    while at < f.len() {
        let b = f[at];
        at += 1;
        if b != b'%' {
            out.push(b);
            continue;
        }
        if f.get(at) == Some(&b'%') {
            out.push(b'%');
            at += 1;
            continue;
        }
        arg += 1;
        if arg >= call.n {
            return run.bad_arg(call, arg, "no value");
        }
        let (spec, end) = match Spec::read(&f, at) {
            Ok(read) => read,
            Err(message) => return run.error(message),
        };
        at = end + 1;
        match f.get(end) {
            Some(b'c') => {
                let c = run.number(call, arg)? as i64 as u8;
                spec.pad("", &[c], false, &mut out);
            }
            Some(b'd' | b'i') => spec.integer(run.number(call, arg)? as i64, &mut out),
            Some(kind @ (b'o' | b'u' | b'x' | b'X')) => {
                let n = run.number(call, arg)?;
                let n = if n < 0.0 { n as i64 as u64 } else { n as u64 };
                spec.unsigned(n, *kind, &mut out);
            }
            Some(kind @ (b'e' | b'E' | b'f' | b'g' | b'G')) => {
                spec.float(run.number(call, arg)?, *kind, &mut out);
            }
            Some(b'q') => quoted(&run.shared(call, arg)?, &mut out),
            Some(b's') => {
                let mut s = run.text(call, arg)?;
                if let Some(p) = spec.precision {
                    s.truncate(p);
                }
                spec.pad("", &s, false, &mut out);
            }
            other => {
                let shown = other.map_or(String::new(), |b| (*b as char).to_string());
                return run.error(format!("invalid option '%{shown}' to 'format'"));
            }
        }
        if out.len() > STRING_MAX {
            return run.error("resulting string too large");
        }
        run.may_allocate(out.len())?;
    }
    let v = run.new_string(out)?;
    run.give(v)
}

//! Lua's patterns: `find`, `match`, `gmatch`, `gsub`. Matching goes back and forth like the reference's; how deep it nests is
//! bounded, and every step counts towards asking the host.

use super::STRING_MAX;
use super::call::{Call, Run};
use super::heap::Func;
use super::value::{Fault, FuncId, Res, Value};

/// Nested matches (`MAXCCALLS`).
const DEPTH_MAX: usize = 200;
/// Captures of a pattern (`LUA_MAXCAPTURES`).
const CAPTURES_MAX: usize = 32;

#[derive(Clone, Copy, PartialEq)]
enum Len {
    Open,
    Position,
    Closed(usize),
}

struct Matcher<'a, 'b> {
    run: &'a mut Run<'b>,
    text: &'a [u8],
    pattern: &'a [u8],
    captures: [(usize, Len); CAPTURES_MAX],
    count: usize,
    depth: usize,
}

enum Stop {
    Wrong(&'static str),
    Fault(Fault),
}

type M<T> = Result<T, Stop>;

fn is_class(c: u8, class: u8) -> bool {
    let holds = match class.to_ascii_lowercase() {
        b'a' => c.is_ascii_alphabetic(),
        b'd' => c.is_ascii_digit(),
        b'l' => c.is_ascii_lowercase(),
        b's' => matches!(c, b' ' | 9..=13),
        b'u' => c.is_ascii_uppercase(),
        b'w' => c.is_ascii_alphanumeric(),
        b'x' => c.is_ascii_hexdigit(),
        b'p' => c.is_ascii_punctuation(),
        b'c' => c.is_ascii_control(),
        b'z' => c == 0,
        _ => return class == c,
    };
    holds != class.is_ascii_uppercase()
}

impl Matcher<'_, '_> {
    fn class_end(&self, p: usize) -> M<usize> {
        let Some(&c) = self.pattern.get(p) else {
            return Err(Stop::Wrong("malformed pattern (ends with '%')"));
        };
        let mut p = p + 1;
        match c {
            b'%' => {
                if p >= self.pattern.len() {
                    return Err(Stop::Wrong("malformed pattern (ends with '%')"));
                }
                Ok(p + 1)
            }
            b'[' => {
                if self.pattern.get(p) == Some(&b'^') {
                    p += 1;
                }
                loop {
                    let Some(&c) = self.pattern.get(p) else {
                        return Err(Stop::Wrong("malformed pattern (missing ']')"));
                    };
                    p += 1;
                    if c == b'%' && p < self.pattern.len() {
                        p += 1;
                    }
                    if self.pattern.get(p) == Some(&b']') {
                        return Ok(p + 1);
                    }
                }
            }
            _ => Ok(p),
        }
    }

    fn in_set(&self, c: u8, set: &[u8]) -> bool {
        // `set` is what stands between the brackets.
        let (negated, set) = match set.split_first() {
            Some((b'^', rest)) => (true, rest),
            _ => (false, set),
        };
        let mut i = 0;
        while i < set.len() {
            if set[i] == b'%' && i + 1 < set.len() {
                if is_class(c, set[i + 1]) {
                    return !negated;
                }
                i += 2;
            } else if i + 2 < set.len() && set[i + 1] == b'-' {
                if (set[i]..=set[i + 2]).contains(&c) {
                    return !negated;
                }
                i += 3;
            } else {
                if set[i] == c {
                    return !negated;
                }
                i += 1;
            }
        }
        negated
    }

    fn single(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(&c) = self.text.get(s) else { return false };
        match self.pattern[p] {
            b'.' => true,
            b'%' => is_class(c, self.pattern[p + 1]),
            b'[' => self.in_set(c, &self.pattern[p + 1..end - 1]),
            want => want == c,
        }
    }

    fn step(&mut self) -> M<()> {
        self.run.tick().map_err(Stop::Fault)
    }

    /// Where a match of the pattern from `p` on ends, if the text matches at `s`.
    fn matches(&mut self, s: usize, p: usize) -> M<Option<usize>> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Stop::Wrong("pattern too complex"));
        }
        let result = self.matches_here(s, p);
        self.depth -= 1;
        result
    }

    fn matches_here(&mut self, mut s: usize, mut p: usize) -> M<Option<usize>> {
        loop {
            self.step()?;
            let Some(&c) = self.pattern.get(p) else { return Ok(Some(s)) };
            match c {
                b'(' if self.pattern.get(p + 1) == Some(&b')') => return self.open(s, p + 2, Len::Position),
                b'(' => return self.open(s, p + 1, Len::Open),
                b')' => return self.close(s, p + 1),
                b'%' => match self.pattern.get(p + 1) {
                    Some(b'b') => match self.balanced(s, p + 2)? {
                        Some(end) => {
                            (s, p) = (end, p + 4);
                            continue;
                        }
                        None => return Ok(None),
                    },
                    Some(b'f') => {
                        p += 2;
                        if self.pattern.get(p) != Some(&b'[') {
                            return Err(Stop::Wrong("missing '[' after '%f' in pattern"));
                        }
                        let end = self.class_end(p)?;
                        let set = &self.pattern[p + 1..end - 1];
                        let before = if s == 0 { 0 } else { self.text[s - 1] };
                        let here = self.text.get(s).copied().unwrap_or(0);
                        if self.in_set(before, set) || !self.in_set(here, set) {
                            return Ok(None);
                        }
                        p = end;
                        continue;
                    }
                    Some(d) if d.is_ascii_digit() => match self.again(s, *d)? {
                        Some(end) => {
                            (s, p) = (end, p + 2);
                            continue;
                        }
                        None => return Ok(None),
                    },
                    _ => {}
                },
                b'$' if p + 1 == self.pattern.len() => return Ok((s == self.text.len()).then_some(s)),
                _ => {}
            }
            let end = self.class_end(p)?;
            match self.pattern.get(end) {
                Some(b'?') => {
                    if self.single(s, p, end)
                        && let Some(found) = self.matches(s + 1, end + 1)?
                    {
                        return Ok(Some(found));
                    }
                    p = end + 1;
                }
                Some(b'*') => return self.most(s, p, end, 0),
                Some(b'+') => return self.most(s, p, end, 1),
                Some(b'-') => return self.least(s, p, end),
                _ => {
                    if !self.single(s, p, end) {
                        return Ok(None);
                    }
                    (s, p) = (s + 1, end);
                }
            }
        }
    }

    fn most(&mut self, s: usize, p: usize, end: usize, min: usize) -> M<Option<usize>> {
        let mut i = 0;
        while self.single(s + i, p, end) {
            i += 1;
            self.step()?;
        }
        while i >= min {
            if let Some(found) = self.matches(s + i, end + 1)? {
                return Ok(Some(found));
            }
            if i == 0 {
                break;
            }
            i -= 1;
        }
        Ok(None)
    }

    fn least(&mut self, mut s: usize, p: usize, end: usize) -> M<Option<usize>> {
        loop {
            if let Some(found) = self.matches(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.single(s, p, end) {
                return Ok(None);
            }
            s += 1;
            self.step()?;
        }
    }

    fn open(&mut self, s: usize, p: usize, len: Len) -> M<Option<usize>> {
        if self.count >= CAPTURES_MAX {
            return Err(Stop::Wrong("too many captures"));
        }
        self.captures[self.count] = (s, len);
        self.count += 1;
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.count -= 1;
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> M<Option<usize>> {
        let Some(i) = (0..self.count).rev().find(|&i| self.captures[i].1 == Len::Open) else {
            return Err(Stop::Wrong("invalid pattern capture"));
        };
        self.captures[i].1 = Len::Closed(s - self.captures[i].0);
        let found = self.matches(s, p)?;
        if found.is_none() {
            self.captures[i].1 = Len::Open;
        }
        Ok(found)
    }

    fn balanced(&mut self, s: usize, p: usize) -> M<Option<usize>> {
        let (Some(&open), Some(&close)) = (self.pattern.get(p), self.pattern.get(p + 1)) else {
            return Err(Stop::Wrong("unbalanced pattern"));
        };
        if self.text.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for i in s + 1..self.text.len() {
            let c = self.text[i];
            if c == close {
                depth -= 1;
                if depth == 0 {
                    self.run.charge(i - s).map_err(Stop::Fault)?;
                    return Ok(Some(i + 1));
                }
            } else if c == open {
                depth += 1;
            }
        }
        self.run.charge(self.text.len() - s).map_err(Stop::Fault)?;
        Ok(None)
    }

    /// What a capture before matched, once more.
    fn again(&mut self, s: usize, digit: u8) -> M<Option<usize>> {
        let i = (digit as usize).wrapping_sub(b'1' as usize);
        let (from, len) = match self.captures.get(i) {
            Some((from, Len::Closed(len))) if i < self.count => (*from, *len),
            _ => return Err(Stop::Wrong("invalid capture index")),
        };
        self.run.charge(len).map_err(Stop::Fault)?;
        let same = self.text[from..from + len] == self.text[s..(s + len).min(self.text.len())];
        Ok(same.then_some(s + len))
    }
}

/// A pattern without its anchor, and whether it has one.
fn anchor(pattern: &[u8]) -> (bool, &[u8]) {
    match pattern.split_first() {
        Some((b'^', rest)) => (true, rest),
        _ => (false, pattern),
    }
}

/// A match: its place and its captures (`None`: the position itself).
struct Found {
    from: usize,
    to: usize,
    captures: Vec<(usize, Option<usize>)>,
}

impl Run<'_> {
    fn stopped<T>(&mut self, stop: Stop) -> Res<T> {
        match stop {
            Stop::Wrong(message) => self.error(message),
            Stop::Fault(fault) => Err(fault),
        }
    }

    /// The first match at `from` or, unless the pattern is anchored, behind it.
    fn search(&mut self, text: &[u8], pattern: &[u8], from: usize, anchored: bool) -> Res<Option<Found>> {
        let captures = [(0, Len::Open); CAPTURES_MAX];
        let mut m = Matcher { run: self, text, pattern, captures, count: 0, depth: 0 };
        let mut s = from;
        loop {
            (m.count, m.depth) = (0, 0);
            match m.matches(s, 0) {
                Err(stop) => return m.run.stopped(stop),
                Ok(Some(to)) => {
                    let mut captures = Vec::with_capacity(m.count);
                    for (at, len) in &m.captures[..m.count] {
                        captures.push(match len {
                            Len::Closed(len) => (*at, Some(*len)),
                            Len::Position => (*at, None),
                            Len::Open => return m.run.error("unfinished capture"),
                        });
                    }
                    return Ok(Some(Found { from: s, to, captures }));
                }
                Ok(None) => {}
            }
            s += 1;
            if anchored || s > text.len() {
                return Ok(None);
            }
            m.run.tick()?;
        }
    }

    fn capture(&mut self, text: &[u8], found: &Found, i: usize) -> Value {
        match found.captures.get(i) {
            Some((at, Some(len))) => self.vm.heap.text(&text[*at..at + len]),
            Some((at, None)) => Value::Num((at + 1) as f64),
            None => self.vm.heap.text(&text[found.from..found.to]),
        }
    }

    /// Pushes the captures, or the whole match if there are none.
    fn push_captures(&mut self, text: &[u8], found: &Found, whole: bool) -> usize {
        let n = if found.captures.is_empty() && whole { 1 } else { found.captures.len() };
        for i in 0..n {
            let v = self.capture(text, found, i);
            self.push(v);
        }
        n
    }
}

fn find_or_match(run: &mut Run<'_>, call: Call, find: bool) -> Res<usize> {
    let (text, pattern) = (run.shared(call, 0)?, run.shared(call, 1)?);
    let init = run.int_or(call, 2, 1)?;
    let len = text.len() as i64;
    let init = if init < 0 { len.saturating_add(init).max(0) } else { (init - 1).max(0) };
    // Beyond the end the reference searches at the end.
    let from = init.min(len) as usize;
    let plain = run.arg(call, 3).truthy() || !pattern.iter().any(|b| b"^$*+?.([%-".contains(b));
    if find && plain {
        run.charge(text.len() - from)?;
        let at = memchr::memmem::find(&text[from..], &pattern);
        return match at {
            Some(at) => {
                run.push(Value::Num((from + at + 1) as f64));
                run.push(Value::Num((from + at + pattern.len()) as f64));
                Ok(2)
            }
            None => run.give(Value::Nil),
        };
    }
    let (anchored, body) = anchor(&pattern);
    match run.search(&text, body, from, anchored)? {
        None => run.give(Value::Nil),
        Some(found) if find => {
            run.push(Value::Num((found.from + 1) as f64));
            run.push(Value::Num(found.to as f64));
            Ok(2 + run.push_captures(&text, &found, false))
        }
        Some(found) => Ok(run.push_captures(&text, &found, true)),
    }
}

pub fn find(run: &mut Run<'_>, call: Call) -> Res<usize> {
    find_or_match(run, call, true)
}

pub fn match_(run: &mut Run<'_>, call: Call) -> Res<usize> {
    find_or_match(run, call, false)
}

pub fn gmatch(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let (subject, pattern) = (run.string(call, 0)?, run.string(call, 1)?);
    let f = run.vm.heap.func(Func::Matches { subject, pattern, at: 0 });
    run.give(Value::Func(f))
}

/// One more match of what `gmatch` gave.
pub fn next_match(run: &mut Run<'_>, f: FuncId) -> Res<usize> {
    let Func::Matches { subject, pattern, at } = *run.vm.heap.func_at(f) else { return Ok(0) };
    let (text, pattern) = (run.vm.heap.shared(subject), run.vm.heap.shared(pattern));
    if at > text.len() {
        return run.give(Value::Nil);
    }
    match run.search(&text, &pattern, at, false)? {
        None => {
            if let Func::Matches { at, .. } = run.vm.heap.func_mut(f) {
                *at = usize::MAX;
            }
            run.give(Value::Nil)
        }
        Some(found) => {
            if let Func::Matches { at, .. } = run.vm.heap.func_mut(f) {
                // An empty match would be found for ever.
                *at = if found.to == found.from { found.to + 1 } else { found.to };
            }
            Ok(run.push_captures(&text, &found, true))
        }
    }
}

pub fn gsub(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let (text, pattern) = (run.shared(call, 0)?, run.shared(call, 1)?);
    let with = run.arg(call, 2);
    if !matches!(with, Value::Str(_) | Value::Num(_) | Value::Table(_) | Value::Func(_) | Value::Native(_)) {
        return run.bad_arg(call, 2, "string/function/table expected");
    }
    let most = run.int_or(call, 3, text.len() as i64 + 1)?;
    let (anchored, body) = anchor(&pattern);
    let mut template = Vec::new();
    run.write_text(with, &mut template);
    let (mut out, mut at, mut n) = (Vec::new(), 0, 0);
    while n < most {
        run.tick()?;
        // Anchored here: the search goes on by itself, as what does not match is copied.
        let found = run.search(&text, body, at, true)?;
        if let Some(found) = &found {
            n += 1;
            replacement(run, &text, found, (with, &template), &mut out)?;
        }
        match found {
            Some(found) if found.to > at => at = found.to,
            _ if at < text.len() => {
                out.push(text[at]);
                at += 1;
            }
            _ => break,
        }
        if out.len() > STRING_MAX {
            return run.error("resulting string too large");
        }
        run.may_allocate(out.len())?;
        if anchored {
            break;
        }
    }
    out.extend_from_slice(&text[at.min(text.len())..]);
    let v = run.new_string(out)?;
    run.push(v);
    run.push(Value::Num(n as f64));
    Ok(2)
}

/// Appends what a match is replaced by.
fn replacement(
    run: &mut Run<'_>,
    text: &[u8],
    found: &Found,
    (with, template): (Value, &[u8]),
    out: &mut Vec<u8>,
) -> Res {
    let v = match with {
        Value::Table(_) => {
            let key = run.capture(text, found, 0);
            run.index(with, key)?
        }
        Value::Func(_) | Value::Native(_) => {
            let slot = run.vm.stack.len();
            run.push(with);
            let n = run.push_captures(text, found, true);
            let got = run.call_at(slot, n)?;
            let v = if got > 0 { run.vm.stack[slot] } else { Value::Nil };
            run.vm.stack.truncate(slot);
            v
        }
        _ => return fill(run, text, found, template, out),
    };
    match v {
        Value::Nil | Value::Bool(false) => out.extend_from_slice(&text[found.from..found.to]),
        Value::Str(_) | Value::Num(_) => run.write_text(v, out),
        other => {
            let kind = other.type_name();
            return run.error(format!("invalid replacement value (a {kind})"));
        }
    }
    Ok(())
}

/// Appends a template, in which `%1` stands for a capture and `%0` for the whole match.
fn fill(run: &mut Run<'_>, text: &[u8], found: &Found, template: &[u8], out: &mut Vec<u8>) -> Res {
    let mut i = 0;
    while i < template.len() {
        let b = template[i];
        i += 1;
        if b != b'%' {
            out.push(b);
            continue;
        }
        let Some(&c) = template.get(i) else { break };
        i += 1;
        match c {
            b'0' => out.extend_from_slice(&text[found.from..found.to]),
            b'1'..=b'9' => {
                let k = (c - b'1') as usize;
                if k >= found.captures.len().max(1) {
                    return run.error("invalid capture index");
                }
                let v = run.capture(text, found, k);
                run.write_text(v, out);
            }
            c => out.push(c),
        }
    }
    Ok(())
}

//! `cjson`: JSON, as lua-cjson 2.1 writes and reads it, with its settings.

use super::lua::value::TableId;
use super::lua::{Call, Native, Res, Run, Value, Vm, text};

/// Depth of what is written and read unless a script sets another.
const DEPTH: usize = 1000;
/// A depth that no script can go beyond, whatever it sets: functions here recurse as deep.
const DEPTH_MAX: usize = 1000;

/// What the functions of the library set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Arrays with many holes become objects instead of an error.
    sparse_convert: bool,
    sparse_ratio: i64,
    sparse_safe: i64,
    encode_depth: usize,
    decode_depth: usize,
    precision: usize,
    /// Not-a-number and infinity are written: as `null` with `null_numbers`.
    invalid_numbers: bool,
    null_numbers: bool,
    decode_invalid: bool,
    keep_buffer: bool,
    /// Arrays that were read are told from empty objects by their metatable.
    array_mt: bool,
    mark: Option<TableId>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth: DEPTH,
            decode_depth: DEPTH,
            precision: 14,
            invalid_numbers: false,
            null_numbers: false,
            decode_invalid: true,
            keep_buffer: true,
            array_mt: false,
            mark: None,
        }
    }
}

const FUNCTIONS: &[(&str, Native)] = &[
    ("decode", decode),
    ("decode_array_with_array_mt", decode_array_with_array_mt),
    ("decode_invalid_numbers", decode_invalid_numbers),
    ("decode_max_depth", decode_max_depth),
    ("encode", encode),
    ("encode_invalid_numbers", encode_invalid_numbers),
    ("encode_keep_buffer", encode_keep_buffer),
    ("encode_max_depth", encode_max_depth),
    ("encode_number_precision", encode_number_precision),
    ("encode_sparse_array", encode_sparse_array),
    ("new", new),
];

/// Adds it.
pub fn open(vm: &mut Vm) {
    let t = vm.library("cjson", FUNCTIONS);
    let mark = vm.heap.table(0, 0);
    vm.heap.at_mut(mark).readonly = true;
    vm.heap.roots.push(Value::Table(mark));
    vm.json.mark = Some(mark);
    vm.heap.set_field(t, "null", Value::Null);
    let name = vm.heap.text("cjson");
    vm.heap.set_field(t, "_NAME", name);
    let version = vm.heap.text("2.1.0");
    vm.heap.set_field(t, "_VERSION", version);
}

fn new(run: &mut Run<'_>, _: Call) -> Res<usize> {
    // Settings are the interpreter's: a second instance shares them.
    let v = run.vm.heap.field(run.vm.globals, "cjson");
    run.give(v)
}

fn integer_setting(run: &mut Run<'_>, call: Call, min: i64, max: i64) -> Res<Option<i64>> {
    if run.arg(call, 0) == Value::Nil {
        return Ok(None);
    }
    let n = run.int(call, 0)?;
    if !(min..=max).contains(&n) {
        return run.bad_arg(call, 0, &format!("expected integer between {min} and {max}"));
    }
    Ok(Some(n))
}

fn encode_max_depth(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if let Some(n) = integer_setting(run, call, 1, i32::MAX as i64)? {
        run.vm.json.encode_depth = n as usize;
    }
    let n = run.vm.json.encode_depth as f64;
    run.give(Value::Num(n))
}

fn decode_max_depth(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if let Some(n) = integer_setting(run, call, 1, i32::MAX as i64)? {
        run.vm.json.decode_depth = n as usize;
    }
    let n = run.vm.json.decode_depth as f64;
    run.give(Value::Num(n))
}

fn encode_number_precision(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if let Some(n) = integer_setting(run, call, 1, 14)? {
        run.vm.json.precision = n as usize;
    }
    let n = run.vm.json.precision as f64;
    run.give(Value::Num(n))
}

fn encode_sparse_array(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n > 0 {
        let convert = run.arg(call, 0).truthy();
        let ratio = run.int_or(call, 1, run.vm.json.sparse_ratio)?.clamp(0, i32::MAX as i64);
        let safe = run.int_or(call, 2, run.vm.json.sparse_safe)?.clamp(0, i32::MAX as i64);
        let s = &mut run.vm.json;
        (s.sparse_convert, s.sparse_ratio, s.sparse_safe) = (convert, ratio, safe);
    }
    let s = run.vm.json.clone();
    run.push(Value::Bool(s.sparse_convert));
    run.push(Value::Num(s.sparse_ratio as f64));
    run.push(Value::Num(s.sparse_safe as f64));
    Ok(3)
}

fn switch(run: &mut Run<'_>, call: Call, of: fn(&mut Settings) -> &mut bool) -> Res<usize> {
    match run.arg(call, 0) {
        Value::Nil => {}
        Value::Bool(b) => *of(&mut run.vm.json) = b,
        Value::Str(s) if [&b"on"[..], b"off"].contains(&run.vm.heap.bytes(s)) => {
            let on = run.vm.heap.bytes(s) == b"on";
            *of(&mut run.vm.json) = on;
        }
        _ => {
            let option = run.text(call, 0)?;
            return run.bad_arg(call, 0, &format!("invalid option '{}'", String::from_utf8_lossy(&option)));
        }
    }
    let b = *of(&mut run.vm.json);
    run.give(Value::Bool(b))
}

fn decode_array_with_array_mt(run: &mut Run<'_>, call: Call) -> Res<usize> {
    switch(run, call, |s| &mut s.array_mt)
}

fn decode_invalid_numbers(run: &mut Run<'_>, call: Call) -> Res<usize> {
    switch(run, call, |s| &mut s.decode_invalid)
}

fn encode_keep_buffer(run: &mut Run<'_>, call: Call) -> Res<usize> {
    switch(run, call, |s| &mut s.keep_buffer)
}

fn encode_invalid_numbers(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if let Value::Str(s) = run.arg(call, 0)
        && run.vm.heap.bytes(s) == b"null"
    {
        (run.vm.json.invalid_numbers, run.vm.json.null_numbers) = (true, true);
        return run.give(Value::Bool(true));
    }
    if run.arg(call, 0) != Value::Nil {
        run.vm.json.null_numbers = false;
    }
    switch(run, call, |s| &mut s.invalid_numbers)
}

fn encode(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n != 1 {
        return run.bad_arg(call, 0, "expected 1 argument");
    }
    let mut out = Vec::new();
    let v = run.arg(call, 0);
    write(run, v, 0, &mut out)?;
    let v = run.new_string(out)?;
    run.give(v)
}

fn cannot<T>(run: &mut Run<'_>, v: Value, why: &str) -> Res<T> {
    run.error(format!("Cannot serialise {}: {why}", v.type_name()))
}

fn write(run: &mut Run<'_>, v: Value, depth: usize, out: &mut Vec<u8>) -> Res {
    match v {
        Value::Str(s) => write_text(run.vm.heap.bytes(s), out),
        Value::Num(n) => write_number(run, n, out)?,
        Value::Bool(b) => out.extend_from_slice(if b { b"true" } else { b"false" }),
        Value::Nil | Value::Null => out.extend_from_slice(b"null"),
        Value::Table(t) => write_table(run, t, depth + 1, out)?,
        v => return cannot(run, v, "type not supported"),
    }
    Ok(())
}

fn write_number(run: &mut Run<'_>, n: f64, out: &mut Vec<u8>) -> Res {
    if !n.is_finite() {
        if !run.vm.json.invalid_numbers {
            return cannot(run, Value::Num(n), "must not be NaN or Inf");
        }
        if run.vm.json.null_numbers {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        let text: &[u8] = if n.is_nan() {
            b"nan"
        } else if n > 0.0 {
            b"inf"
        } else {
            b"-inf"
        };
        out.extend_from_slice(text);
        return Ok(());
    }
    text::general(n, run.vm.json.precision, false, out);
    Ok(())
}

fn write_text(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &b in bytes {
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'/' => out.extend_from_slice(b"\\/"),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            0..32 | 127 => out.extend_from_slice(format!("\\u{b:04x}").as_bytes()),
            b => out.push(b),
        }
    }
    out.push(b'"');
}

/// The length of an array; `None`: an object. An error if there are too many holes.
fn array_len(run: &mut Run<'_>, t: TableId) -> Res<Option<usize>> {
    let (mut key, mut most, mut items) = (Value::Nil, 0i64, 0i64);
    while let Some((k, _)) = run.vm.heap.at(t).next(&run.vm.heap.strings, key) {
        match k {
            Value::Nil => break,
            Value::Num(n) if n >= 1.0 && n.floor() == n => {
                most = most.max(n as i64);
                items += 1;
            }
            _ => return Ok(None),
        }
        key = k;
    }
    if items == 0 {
        let marked = run.vm.heap.at(t).meta.is_some() && run.vm.heap.at(t).meta == run.vm.json.mark;
        return Ok(marked.then_some(0));
    }
    let s = &run.vm.json;
    if s.sparse_ratio > 0 && most > items.saturating_mul(s.sparse_ratio) && most > s.sparse_safe {
        if !s.sparse_convert {
            return cannot(run, Value::Table(t), "excessively sparse array");
        }
        return Ok(None);
    }
    Ok(Some(most as usize))
}

fn write_table(run: &mut Run<'_>, t: TableId, depth: usize, out: &mut Vec<u8>) -> Res {
    if depth > run.vm.json.encode_depth.min(DEPTH_MAX) {
        return run.error(format!("Cannot serialise, excessive depth ({depth})"));
    }
    run.tick()?;
    run.may_allocate(out.len())?;
    if let Some(n) = array_len(run, t)? {
        out.push(b'[');
        for i in 1..=n {
            if i > 1 {
                out.push(b',');
            }
            let v = run.vm.heap.at(t).get_int(&run.vm.heap.strings, i);
            write(run, v, depth, out)?;
        }
        out.push(b']');
        return Ok(());
    }
    out.push(b'{');
    let (mut key, mut first) = (Value::Nil, true);
    while let Some((k, v)) = run.vm.heap.at(t).next(&run.vm.heap.strings, key) {
        if k == Value::Nil {
            break;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        match k {
            Value::Num(n) => {
                out.push(b'"');
                write_number(run, n, out)?;
                out.push(b'"');
            }
            Value::Str(s) => write_text(run.vm.heap.bytes(s), out),
            k => return cannot(run, k, "table key must be a number or string"),
        }
        out.push(b':');
        write(run, v, depth, out)?;
        key = k;
    }
    out.push(b'}');
    Ok(())
}

/// A token of JSON.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Sign(u8),
    Text(Vec<u8>),
    Num(f64),
    True,
    False,
    Null,
    End,
    /// What is wrong.
    Wrong(&'static str),
}

impl Token {
    /// As messages call it.
    fn name(&self) -> &'static str {
        match self {
            Token::Sign(b'{') => "T_OBJ_BEGIN",
            Token::Sign(b'}') => "T_OBJ_END",
            Token::Sign(b'[') => "T_ARR_BEGIN",
            Token::Sign(b']') => "T_ARR_END",
            Token::Sign(b',') => "T_COMMA",
            Token::Sign(_) => "T_COLON",
            Token::Text(_) => "T_STRING",
            Token::Num(_) => "T_NUMBER",
            Token::True | Token::False => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::End => "T_END",
            Token::Wrong(message) => message,
        }
    }
}

struct Json<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the token read last begins.
    begin: usize,
}

impl Json<'_> {
    fn next(&mut self, invalid: bool) -> Token {
        while self.text.get(self.at).is_some_and(|b| b" \t\n\r".contains(b)) {
            self.at += 1;
        }
        self.begin = self.at;
        let Some(&b) = self.text.get(self.at) else { return Token::End };
        match b {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => {
                self.at += 1;
                Token::Sign(b)
            }
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(invalid),
            _ => self.word(invalid),
        }
    }

    fn word(&mut self, invalid: bool) -> Token {
        for (word, token) in [(&b"true"[..], Token::True), (b"false", Token::False), (b"null", Token::Null)] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return token;
            }
        }
        if invalid && matches!(self.text[self.at], b'i' | b'I' | b'n' | b'N' | b'+') {
            return self.number(true);
        }
        Token::Wrong("invalid token")
    }

    fn number(&mut self, invalid: bool) -> Token {
        let digits = |b: &u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
        let end =
            self.text[self.at..].iter().position(|b| !digits(b)).map_or(self.text.len(), |n| self.at + n);
        let word = &self.text[self.at..end];
        let body = word.strip_prefix(b"-").unwrap_or(word);
        let first = body.first().copied().unwrap_or(0);
        let strange = !first.is_ascii_digit()
            || first == b'0' && body.get(1).is_some_and(|b| b.is_ascii_digit() || b | 32 == b'x');
        if strange && !invalid {
            return Token::Wrong("invalid number");
        }
        // As much as is a number, as the C library reads it.
        for len in (1..=word.len()).rev() {
            if let Some(n) = text::parse(&word[..len]) {
                self.at += len;
                return Token::Num(n);
            }
        }
        let number = first.is_ascii_digit() || self.text[self.at] == b'-';
        Token::Wrong(if number { "invalid number" } else { "invalid token" })
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.iter().try_fold(0, |n, b| Some(n << 4 | (*b as char).to_digit(16)?))
    }

    fn string(&mut self) -> Token {
        let mut s = Vec::new();
        self.at += 1;
        loop {
            let Some(&b) = self.text.get(self.at).filter(|b| **b != 0) else {
                self.begin = self.at;
                return Token::Wrong("unexpected end of string");
            };
            self.at += 1;
            match b {
                b'"' => return Token::Text(s),
                b'\\' => {
                    let Some(&e) = self.text.get(self.at) else {
                        return Token::Wrong("unexpected end of string");
                    };
                    let begin = self.at - 1;
                    self.at += 1;
                    match e {
                        b'"' | b'\\' | b'/' => s.push(e),
                        b'b' => s.push(8),
                        b'f' => s.push(12),
                        b'n' => s.push(10),
                        b'r' => s.push(13),
                        b't' => s.push(9),
                        b'u' => match self.unicode() {
                            Some(c) => push_utf8(c, &mut s),
                            None => {
                                self.begin = begin;
                                return Token::Wrong("invalid unicode escape code");
                            }
                        },
                        _ => {
                            self.begin = begin;
                            return Token::Wrong("invalid escape code");
                        }
                    }
                }
                b => s.push(b),
            }
        }
    }

    fn unicode(&mut self) -> Option<u32> {
        let first = self.hex4(self.at)?;
        self.at += 4;
        if first & 0xf800 != 0xd800 {
            return Some(first);
        }
        // Half of a pair: the other half must follow.
        if first & 0x400 != 0 || self.text.get(self.at..self.at + 2) != Some(b"\\u") {
            return None;
        }
        let second = self.hex4(self.at + 2)?;
        if second & 0xfc00 != 0xdc00 {
            return None;
        }
        self.at += 6;
        Some(0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff))
    }
}

fn push_utf8(c: u32, out: &mut Vec<u8>) {
    let mut buf = [0; 4];
    if let Some(c) = char::from_u32(c) {
        out.extend_from_slice(c.encode_utf8(&mut buf).as_bytes());
    }
}

fn decode(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n != 1 {
        return run.bad_arg(call, 0, "expected 1 argument");
    }
    let text = run.shared(call, 0)?;
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return run.error("JSON parser does not support UTF-16 or UTF-32");
    }
    let mut json = Json { text: &text, at: 0, begin: 0 };
    let token = json.next(run.vm.json.decode_invalid);
    let v = read(run, &mut json, token, 0)?;
    let last = json.next(run.vm.json.decode_invalid);
    if last != Token::End {
        return expected(run, &json, "the end", &last);
    }
    run.give(v)
}

fn expected<T>(run: &mut Run<'_>, json: &Json<'_>, wanted: &str, found: &Token) -> Res<T> {
    let at = json.begin + 1;
    run.error(format!("Expected {wanted} but found {} at character {at}", found.name()))
}

fn read(run: &mut Run<'_>, json: &mut Json<'_>, token: Token, depth: usize) -> Res<Value> {
    run.may_allocate(json.text.len())?;
    Ok(match token {
        Token::Text(s) => Value::Str(run.vm.heap.str(&s)),
        Token::Num(n) => Value::Num(n),
        Token::True => Value::Bool(true),
        Token::False => Value::Bool(false),
        Token::Null => Value::Null,
        Token::Sign(b'{') => return read_object(run, json, depth + 1),
        Token::Sign(b'[') => return read_array(run, json, depth + 1),
        other => return expected(run, json, "value", &other),
    })
}

fn too_deep(run: &mut Run<'_>, json: &Json<'_>, depth: usize) -> Res {
    if depth > run.vm.json.decode_depth.min(DEPTH_MAX) {
        let at = json.at;
        return run.error(format!("Found too many nested data structures ({depth}) at character {at}"));
    }
    run.tick()
}

fn read_object(run: &mut Run<'_>, json: &mut Json<'_>, depth: usize) -> Res<Value> {
    too_deep(run, json, depth)?;
    let invalid = run.vm.json.decode_invalid;
    let t = run.vm.heap.table(0, 0);
    let mut token = json.next(invalid);
    if token == Token::Sign(b'}') {
        return Ok(Value::Table(t));
    }
    loop {
        let Token::Text(key) = token else { return expected(run, json, "object key string", &token) };
        let colon = json.next(invalid);
        if colon != Token::Sign(b':') {
            return expected(run, json, "colon", &colon);
        }
        let token_of_value = json.next(invalid);
        let v = read(run, json, token_of_value, depth)?;
        let key = Value::Str(run.vm.heap.str(&key));
        run.vm.heap.raw_set(t, key, v);
        match json.next(invalid) {
            Token::Sign(b'}') => return Ok(Value::Table(t)),
            Token::Sign(b',') => token = json.next(invalid),
            other => return expected(run, json, "comma or object end", &other),
        }
    }
}

fn read_array(run: &mut Run<'_>, json: &mut Json<'_>, depth: usize) -> Res<Value> {
    too_deep(run, json, depth)?;
    let invalid = run.vm.json.decode_invalid;
    let t = run.vm.heap.table(0, 0);
    if run.vm.json.array_mt {
        run.vm.heap.at_mut(t).meta = run.vm.json.mark;
    }
    let mut token = json.next(invalid);
    if token == Token::Sign(b']') {
        return Ok(Value::Table(t));
    }
    for i in 1.. {
        let v = read(run, json, token, depth)?;
        run.vm.heap.raw_set(t, Value::Num(i as f64), v);
        match json.next(invalid) {
            Token::Sign(b']') => break,
            Token::Sign(b',') => token = json.next(invalid),
            other => return expected(run, json, "comma or array end", &other),
        }
    }
    Ok(Value::Table(t))
}

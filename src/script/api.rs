//! What scripts find under `redis` and `server`, and how replies become values and values replies.

use super::lua::value::TableId;
use super::lua::{Call, Fault, Native, Res, Run, Value, Vm};
use crate::base::num::{self, NumBuf};
use crate::resp::{Reply, Span};

/// Nesting of what a script returns (the reference ends where its own stack does).
const REPLY_DEPTH_MAX: usize = 1000;
/// Nesting of a command's reply (`MAX_NESTED_COLLECTIONS_DEPTH`).
const COMMAND_REPLY_DEPTH_MAX: usize = 256;

const FUNCTIONS: &[(&str, Native)] = &[
    ("acl_check_cmd", acl_check_cmd),
    ("call", call),
    ("error_reply", error_reply),
    ("log", log),
    ("pcall", pcall),
    ("set_repl", set_repl),
    ("setresp", setresp),
    ("sha1hex", sha1hex),
    ("status_reply", status_reply),
];

/// What `redis` and `server` tell of the server.
pub struct Versions<'a> {
    /// For clients that ask for Redis's.
    pub redis: &'a str,
    /// The reference's whose behaviour this is.
    pub valkey: &'a str,
    pub name: &'a str,
}

fn version_number(version: &str) -> f64 {
    let parts = version.split('.').map(|p| p.parse::<u32>().unwrap_or(0) & 0xff);
    parts.chain([0; 3]).take(3).fold(0, |n, p| n << 8 | p) as f64
}

/// Adds the API and the libraries, then locks everything: no script can change what the next one finds. `eval`: for scripts,
/// not for the functions of libraries.
pub fn open(vm: &mut Vm, versions: &Versions<'_>, eval: bool) -> TableId {
    super::cjson::open(vm);
    super::cmsgpack::open(vm);
    super::structs::open(vm);
    super::bit::open(vm);
    let api = vm.library("server", FUNCTIONS);
    if eval {
        vm.register(api, &[("breakpoint", no), ("debug", nothing), ("replicate_commands", yes)]);
        let globals = vm.globals;
        vm.register(globals, &[("__redis__err__handler", error_handler)]);
        let handler = vm.heap.field(globals, "__redis__err__handler");
        vm.heap.set_field(globals, "__server__err__handler", handler);
    }
    for (name, n) in
        [("REPL_NONE", 0.0), ("REPL_AOF", 1.0), ("REPL_SLAVE", 2.0), ("REPL_REPLICA", 2.0), ("REPL_ALL", 3.0)]
    {
        vm.heap.set_field(api, name, Value::Num(n));
    }
    constants(vm, api, versions);
    let globals = vm.globals;
    vm.heap.set_field(globals, "redis", Value::Table(api));
    lock_globals(vm);
    vm.collect();
    api
}

/// Levels of the log and versions.
fn constants(vm: &mut Vm, api: TableId, versions: &Versions<'_>) {
    let numbers = [
        ("LOG_DEBUG", 0.0),
        ("LOG_VERBOSE", 1.0),
        ("LOG_NOTICE", 2.0),
        ("LOG_WARNING", 3.0),
        ("REDIS_VERSION_NUM", version_number(versions.redis)),
        ("VALKEY_VERSION_NUM", version_number(versions.valkey)),
    ];
    for (name, n) in numbers {
        vm.heap.set_field(api, name, Value::Num(n));
    }
    let texts = [
        ("REDIS_VERSION", versions.redis),
        ("VALKEY_VERSION", versions.valkey),
        ("SERVER_NAME", versions.name),
    ];
    for (name, text) in texts {
        let text = vm.heap.text(text);
        vm.heap.set_field(api, name, text);
    }
}

/// What a library of functions finds while it is loaded: globals of its own, with little more than a way to register its
/// functions. Stays as a root.
pub fn open_for_libraries(vm: &mut Vm, versions: &Versions<'_>) -> TableId {
    let api = vm.heap.table(0, 16);
    vm.register(api, &[("log", log), ("register_function", super::library::register)]);
    constants(vm, api, versions);
    let globals = vm.heap.table(0, 2);
    vm.heap.set_field(globals, "server", Value::Table(api));
    vm.heap.set_field(globals, "redis", Value::Table(api));
    let strict = vm.heap.at(vm.globals).meta;
    for t in [api, globals] {
        let table = vm.heap.at_mut(t);
        (table.meta, table.readonly) = (strict, true);
    }
    vm.heap.roots.push(Value::Table(globals));
    globals
}

/// A table that stays: it holds the functions that the server knows, each at its place.
pub fn registry(vm: &mut Vm) -> TableId {
    let t = vm.heap.table(0, 0);
    vm.heap.roots.push(Value::Table(t));
    t
}

/// Locks the globals and every table that can be reached from them.
fn lock_globals(vm: &mut Vm) {
    let hidden = vm.heap.table(0, 1);
    vm.register(hidden, &[("__index", no_such_global)]);
    let globals = vm.globals;
    vm.heap.at_mut(globals).meta = Some(hidden);
    let mut todo = vec![globals];
    todo.extend(vm.string_meta);
    while let Some(t) = todo.pop() {
        let table = vm.heap.at_mut(t);
        if !std::mem::replace(&mut table.readonly, true) {
            table.visit(|v| {
                if let Value::Table(t) = v {
                    todo.push(t);
                }
            });
        }
    }
}

fn no_such_global(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n != 2 {
        return run.error("Wrong number of arguments to luaProtectedTableError");
    }
    let name = match run.arg(call, 1) {
        Value::Str(_) | Value::Num(_) => run.text(call, 1)?,
        _ => return run.error("Second argument to luaProtectedTableError must be a string or number"),
    };
    run.error([b"Script attempted to access nonexistent global variable '", &name[..], b"'"].concat())
}

fn no(run: &mut Run<'_>, _: Call) -> Res<usize> {
    run.give(Value::Bool(false))
}

fn yes(run: &mut Run<'_>, _: Call) -> Res<usize> {
    run.give(Value::Bool(true))
}

fn nothing(_: &mut Run<'_>, _: Call) -> Res<usize> {
    Ok(0)
}

/// What the reference's handler makes of an error, for scripts that call it themselves.
fn error_handler(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let v = run.arg(call, 0);
    let v = run.described(v);
    run.give(Value::Table(v))
}

impl Run<'_> {
    /// An error as a table: `err`, and where it came from.
    pub fn described(&mut self, v: Value) -> TableId {
        let table = match v {
            Value::Table(t) => t,
            v => {
                let mut text = b"ERR ".to_vec();
                let shown = self.to_text(v);
                self.write_text(shown, &mut text);
                let t = self.vm.heap.table(0, 3);
                let text = Value::Str(self.vm.heap.str(&text));
                self.vm.heap.set_field(t, "err", text);
                t
            }
        };
        if let Some((chunk, line)) = self.vm.line() {
            let source = self.vm.heap.text(format!("@{chunk}"));
            self.vm.heap.set_field(table, "source", source);
            self.vm.heap.set_field(table, "line", Value::Num(line as f64));
        }
        table
    }

    /// An error as text: a message, or what the table of an error says.
    pub fn error_text(&mut self, v: Value) -> Vec<u8> {
        let told = match v {
            Value::Table(t) => error_of(self.vm, t).map(|(text, _)| text),
            Value::Str(s) => Some([b"ERR ", self.vm.heap.bytes(s)].concat()),
            _ => None,
        };
        told.unwrap_or_else(|| UNKNOWN_ERROR.to_vec())
    }

    /// An error table as commands' errors are. A text with `-` before it has its own code.
    pub fn error_table(&mut self, text: &[u8]) -> Value {
        let text = match text.strip_prefix(b"-") {
            None => [b"ERR ", trim(text)].concat(),
            Some(text) => match text.iter().position(|&b| b == b' ') {
                None => [b"ERR ", text].concat(),
                Some(at) => [&text[..at + 1], trim(&text[at + 1..])].concat(),
            },
        };
        let t = self.vm.heap.table(0, 2);
        let text = Value::Str(self.vm.heap.str(&text));
        self.vm.heap.raw_set(t, Value::Str(self.vm.names.err), text);
        Value::Table(t)
    }

    fn fail<T>(&mut self, text: &str) -> Res<T> {
        Err(Fault::Error(self.error_table(text.as_bytes())))
    }
}

fn trim(text: &[u8]) -> &[u8] {
    let from = text.iter().position(|b| !b"\r\n".contains(b)).unwrap_or(text.len());
    let to = text.iter().rposition(|b| !b"\r\n".contains(b)).map_or(from, |at| at + 1);
    &text[from..to]
}

/// Appends a number as a command's argument: whole ones in full, others as short as they can be.
fn write_number(n: f64, out: &mut Vec<u8>) {
    const HALF: f64 = (i64::MAX / 2) as f64;
    let mut buf = NumBuf::new();
    if n.is_nan() {
        // As the C library writes what the processor makes of 0/0.
        out.extend_from_slice(if n.is_sign_negative() { b"-nan" } else { b"nan" });
        return;
    }
    let whole = (-HALF..=HALF).contains(&n) && n.trunc() == n;
    out.extend_from_slice(if whole { num::fmt_i64(&mut buf, n as i64) } else { num::fmt_f64(&mut buf, n) });
}

/// The arguments of a call as a request, in the buffers of the interpreter.
fn gather(run: &mut Run<'_>, call: Call) -> Result<(), Value> {
    if call.n == 0 {
        return Err(run.error_table(b"Please specify at least one argument for this call"));
    }
    let vm = &mut *run.vm;
    vm.scratch.bytes.clear();
    vm.scratch.spans.clear();
    for i in 0..call.n {
        let at = vm.scratch.bytes.len();
        match vm.stack[call.at + i] {
            Value::Str(s) => vm.scratch.bytes.extend_from_slice(vm.heap.bytes(s)),
            Value::Num(n) => write_number(n, &mut vm.scratch.bytes),
            _ => return Err(run.error_table(b"Command arguments must be strings or integers")),
        }
        let (Ok(at), Ok(end)) = (u32::try_from(at), u32::try_from(vm.scratch.bytes.len())) else {
            return Err(run.error_table(b"Command arguments are too long"));
        };
        vm.scratch.spans.push(Span { at, len: end - at });
    }
    Ok(())
}

fn command(run: &mut Run<'_>, call: Call) -> Result<Value, Value> {
    gather(run, call)?;
    let mut scratch = std::mem::take(&mut run.vm.scratch);
    scratch.reply.clear();
    let ns = run.host.command(&scratch.bytes, &scratch.spans, run.vm.resp3, &mut scratch.reply);
    run.vm.took(ns);
    let mut reader = Reader { bytes: &scratch.reply, at: 0 };
    let result = match scratch.reply.first() {
        Some(b'-') => {
            let line = reader.line();
            let v = run.error_table(line);
            if let Value::Table(t) = v {
                run.vm.heap.set_field(t, "ignore_error_stats_update", Value::Bool(true));
            }
            Err(v)
        }
        _ => Ok(reader.value(&mut *run.vm, 0)),
    };
    scratch.reply.shrink_to(REPLY_KEPT_MAX);
    scratch.bytes.shrink_to(REPLY_KEPT_MAX);
    run.vm.scratch = scratch;
    result
}

/// Bytes that the buffers of a call keep for the next.
const REPLY_KEPT_MAX: usize = 64 * 1024;

fn call(run: &mut Run<'_>, call: Call) -> Res<usize> {
    match command(run, call) {
        Ok(v) => run.give(v),
        Err(v) => Err(Fault::Error(v)),
    }
}

fn pcall(run: &mut Run<'_>, call: Call) -> Res<usize> {
    match command(run, call) {
        Ok(v) | Err(v) => run.give(v),
    }
}

/// Reads a reply that we have written ourselves.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn line(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let len = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
        self.at += len + 2;
        &rest[..len]
    }

    fn bulk(&mut self, len: usize) -> &'a [u8] {
        let text = self.bytes.get(self.at..self.at + len).unwrap_or_default();
        self.at += len + 2;
        text
    }

    fn value(&mut self, vm: &mut Vm, depth: usize) -> Value {
        let Some((kind, rest)) = self.line().split_first() else { return Value::Nil };
        if depth > COMMAND_REPLY_DEPTH_MAX {
            return Value::Nil;
        }
        let count = || num::parse_i64(rest).unwrap_or(-1);
        match kind {
            b':' => Value::Num(count() as f64),
            b'$' => match usize::try_from(count()) {
                Ok(len) => vm.heap.text(self.bulk(len)),
                Err(_) => Value::Bool(false),
            },
            b'+' => {
                let text = vm.heap.text(rest);
                wrapped(vm, "ok", text)
            }
            b'-' => {
                let text = vm.heap.text(rest);
                wrapped(vm, "err", text)
            }
            b'*' | b'>' => match usize::try_from(count()) {
                Ok(n) => self.array(vm, n, depth),
                Err(_) => Value::Bool(false),
            },
            b'_' => Value::Nil,
            b'#' => Value::Bool(rest == b"t"),
            b',' => {
                let n = num::parse_f64(rest).unwrap_or(f64::NAN);
                wrapped(vm, "double", Value::Num(n))
            }
            b'(' => {
                let text = vm.heap.text(rest);
                wrapped(vm, "big_number", text)
            }
            b'=' => self.verbatim(vm, usize::try_from(count()).unwrap_or(0)),
            b'%' => self.map(vm, usize::try_from(count()).unwrap_or(0), depth),
            b'~' => {
                let t = vm.heap.table(0, 0);
                for _ in 0..usize::try_from(count()).unwrap_or(0) {
                    let v = self.value(vm, depth + 1);
                    if v != Value::Nil {
                        vm.heap.raw_set(t, v, Value::Bool(true));
                    }
                }
                wrapped(vm, "set", Value::Table(t))
            }
            b'|' => {
                for _ in 0..2 * usize::try_from(count()).unwrap_or(0) {
                    self.value(vm, depth + 1);
                }
                self.value(vm, depth)
            }
            _ => Value::Nil,
        }
    }

    fn array(&mut self, vm: &mut Vm, n: usize, depth: usize) -> Value {
        let t = vm.heap.table(n.min(self.bytes.len()), 0);
        for i in 0..n {
            let v = self.value(vm, depth + 1);
            vm.heap.raw_set(t, Value::Num((i + 1) as f64), v);
        }
        Value::Table(t)
    }

    fn map(&mut self, vm: &mut Vm, n: usize, depth: usize) -> Value {
        let t = vm.heap.table(0, n.min(self.bytes.len()));
        for _ in 0..n {
            let key = self.value(vm, depth + 1);
            let v = self.value(vm, depth + 1);
            if key != Value::Nil {
                vm.heap.raw_set(t, key, v);
            }
        }
        wrapped(vm, "map", Value::Table(t))
    }

    fn verbatim(&mut self, vm: &mut Vm, len: usize) -> Value {
        let text = self.bulk(len);
        let t = vm.heap.table(0, 2);
        let format = vm.heap.text(text.get(..3).unwrap_or_default());
        let string = vm.heap.text(text.get(4..).unwrap_or_default());
        vm.heap.set_field(t, "string", string);
        vm.heap.set_field(t, "format", format);
        wrapped(vm, "verbatim_string", Value::Table(t))
    }
}

/// A table of one field.
fn wrapped(vm: &mut Vm, name: &str, v: Value) -> Value {
    let t = vm.heap.table(0, 1);
    vm.heap.set_field(t, name, v);
    Value::Table(t)
}

/// What stands for an error that says nothing.
pub const UNKNOWN_ERROR: &[u8] = b"ERR unknown error";

/// What a script ended with.
pub enum Outcome {
    /// The reply is written.
    Replied,
    /// The whole reply is an error: its text, and whether INFO has counted it already.
    Error { text: Vec<u8>, counted: bool },
}

/// An error's text and whether it was counted.
pub fn error_of(vm: &mut Vm, t: TableId) -> Option<(Vec<u8>, bool)> {
    let text = match vm.heap.raw_get(t, Value::Str(vm.names.err)) {
        Value::Str(s) => vm.heap.bytes(s).to_vec(),
        _ => return None,
    };
    let counted = vm.heap.field(t, "ignore_error_stats_update").truthy();
    Some((text, counted))
}

/// Writes what a script returned.
pub fn reply(vm: &mut Vm, v: Value, out: &mut Reply<'_>) -> Outcome {
    if let Value::Table(t) = v
        && let Some((text, counted)) = error_of(vm, t)
    {
        return Outcome::Error { text, counted };
    }
    write(vm, v, out, 0);
    Outcome::Replied
}

/// 2^63, from which on no number is a 64-bit integer.
pub const TWO_63: f64 = -(i64::MIN as f64);

/// As C converts: what does not fit is the least.
fn truncated(n: f64) -> i64 {
    if (-TWO_63..TWO_63).contains(&n) { n as i64 } else { i64::MIN }
}

fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|&b| if b == b'\r' || b == b'\n' { b' ' } else { b }).collect()
}

fn write(vm: &mut Vm, v: Value, out: &mut Reply<'_>, depth: usize) {
    if depth > REPLY_DEPTH_MAX {
        return out.error(b"ERR reached lua stack limit");
    }
    match v {
        Value::Str(s) => out.bulk(vm.heap.bytes(s)),
        Value::Num(n) => out.int(truncated(n)),
        Value::Bool(b) if vm.resp3 => out.bool(b),
        Value::Bool(true) => out.int(1),
        Value::Table(t) => write_table(vm, t, out, depth),
        _ => out.null(),
    }
}

fn write_table(vm: &mut Vm, t: TableId, out: &mut Reply<'_>, depth: usize) {
    if let Some((text, _)) = error_of(vm, t) {
        return out.error(&text);
    }
    if let Value::Str(s) = vm.heap.raw_get(t, Value::Str(vm.names.ok)) {
        out.raw(b"+");
        out.raw(&one_line(vm.heap.bytes(s)));
        return out.raw(b"\r\n");
    }
    // Most tables are arrays: nothing but these have names.
    if vm.heap.at(t).has_entries() && write_wrapped(vm, t, out, depth) {
        return;
    }
    let open = out.open_array();
    let mut n = 0;
    loop {
        let v = vm.heap.at(t).get_int(&vm.heap.strings, n + 1);
        if v == Value::Nil {
            break;
        }
        write(vm, v, out, depth + 1);
        n += 1;
    }
    out.close(open, n);
}

/// Writes a table that stands for a type of RESP3. False if it does not.
fn write_wrapped(vm: &mut Vm, t: TableId, out: &mut Reply<'_>, depth: usize) -> bool {
    if let Value::Num(n) = vm.heap.field(t, "double") {
        out.double(n);
        return true;
    }
    if let Value::Str(s) = vm.heap.field(t, "big_number") {
        out.big_number(&one_line(vm.heap.bytes(s)));
        return true;
    }
    if let Value::Table(v) = vm.heap.field(t, "verbatim_string")
        && let Value::Str(format) = vm.heap.field(v, "format")
        && let Value::Str(string) = vm.heap.field(v, "string")
    {
        let mut three = vm.heap.bytes(format).to_vec();
        three.resize(3, b' ');
        let format = String::from_utf8_lossy(&one_line(&three)).into_owned();
        out.verbatim(if format.len() == 3 { &format } else { "txt" }, vm.heap.bytes(string));
        return true;
    }
    for (name, map) in [("map", true), ("set", false)] {
        let Value::Table(inner) = vm.heap.field(t, name) else { continue };
        let open = if map { out.open_map() } else { out.open_set() };
        let (mut key, mut n) = (Value::Nil, 0);
        while let Some((k, v)) = vm.heap.at(inner).next(&vm.heap.strings, key) {
            if k == Value::Nil {
                break;
            }
            write(vm, k, out, depth + 1);
            if map {
                write(vm, v, out, depth + 1);
            }
            (key, n) = (k, n + 1);
        }
        out.close(open, n);
        return true;
    }
    false
}

fn sha1hex(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n != 1 {
        return run.fail("wrong number of arguments");
    }
    let mut text = Vec::new();
    let v = run.arg(call, 0);
    run.write_text(v, &mut text);
    run.charge(text.len().saturating_mul(8))?;
    let hex = super::sha1_hex(&text);
    let v = run.vm.heap.text(hex);
    run.give(v)
}

fn one_string(run: &mut Run<'_>, call: Call) -> Option<Vec<u8>> {
    match run.arg(call, 0) {
        Value::Str(s) if call.n == 1 => Some(run.vm.heap.bytes(s).to_vec()),
        _ => None,
    }
}

fn error_reply(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let v = match one_string(run, call) {
        None => run.error_table(b"wrong number or type of arguments"),
        Some(text) if text.first() == Some(&b'-') => run.error_table(&text),
        Some(text) => run.error_table(&[b"-", &text[..]].concat()),
    };
    run.give(v)
}

fn status_reply(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let v = match one_string(run, call) {
        None => run.error_table(b"wrong number or type of arguments"),
        Some(_) => {
            let text = run.arg(call, 0);
            wrapped(run.vm, "ok", text)
        }
    };
    run.give(v)
}

fn set_repl(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n != 1 {
        return run.fail("server.set_repl() requires one argument.");
    }
    let v = run.arg(call, 0);
    match run.to_number(v).unwrap_or(0.0) as i64 {
        to @ 0..=3 => run.host.set_repl(to as u8),
        _ => {
            return run.fail("Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
        }
    }
    Ok(0)
}

fn setresp(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n != 1 {
        return run.fail("server.setresp() requires one argument.");
    }
    let v = run.arg(call, 0);
    match run.to_number(v).unwrap_or(0.0) as i64 {
        version @ (2 | 3) => run.vm.resp3 = version == 3,
        _ => return run.fail("RESP version must be 2 or 3."),
    }
    Ok(0)
}

fn log(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if call.n < 2 {
        return run.fail("server.log() requires two arguments or more.");
    }
    let v = run.arg(call, 0);
    let Some(level) = run.to_number(v) else {
        return run.fail("First argument must be a number (log level).");
    };
    let level = level as i64;
    if !(0..=3).contains(&level) {
        return run.fail("Invalid log level.");
    }
    let mut text = Vec::new();
    for i in 1..call.n {
        let v = run.arg(call, i);
        if matches!(v, Value::Str(_) | Value::Num(_)) {
            if i > 1 {
                text.push(b' ');
            }
            run.write_text(v, &mut text);
        }
    }
    run.host.log(level as u8, &text);
    Ok(0)
}

fn acl_check_cmd(run: &mut Run<'_>, call: Call) -> Res<usize> {
    if let Err(v) = gather(run, call) {
        return Err(Fault::Error(v));
    }
    let scratch = std::mem::take(&mut run.vm.scratch);
    let may = run.host.may_run(&scratch.bytes, &scratch.spans);
    run.vm.scratch = scratch;
    match may {
        Some(may) => run.give(Value::Bool(may)),
        None => run.fail("Invalid command passed to server.acl_check_cmd()"),
    }
}

//! Scripts: any text and programs made of its parts run to their end, fail or are stopped; the libraries take any bytes, and
//! what they write they read again; replies of any bytes become values.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use tarn::engine::versions;
use tarn::resp::{Output, Reply, Span};
use tarn::script::api;
use tarn::script::lua::{Fault, Host, Registered, Run, Value, Vm};

/// Bytes that a script may take, and questions to the host that it is given.
const MEMORY: usize = 16 << 20;
const QUESTIONS: u32 = 20;

struct Quiet<'a> {
    questions: u32,
    reply: &'a [u8],
}

impl Host for Quiet<'_> {
    fn go_on(&mut self) -> bool {
        self.questions = self.questions.saturating_sub(1);
        self.questions > 0
    }
    fn command(&mut self, _: &[u8], _: &[Span], _: bool, reply: &mut Vec<u8>) -> u64 {
        reply.extend_from_slice(self.reply);
        1000
    }
    fn clock(&mut self) -> f64 {
        0.0
    }
    fn log(&mut self, _: u8, _: &[u8]) {}
    fn set_repl(&mut self, _: u8) {}
    fn may_run(&mut self, _: &[u8], _: &[Span]) -> Option<bool> {
        Some(true)
    }
    fn register(&mut self, _: Registered) -> Result<(), &'static str> {
        Ok(())
    }
}

thread_local! {
    static VM: RefCell<Vm> = RefCell::new({
        let mut vm = Vm::new(MEMORY);
        api::open(&mut vm, &versions::FOR_SCRIPTS, true);
        vm
    });
}

/// Runs a source; its first value, if it ends well, is written as a reply.
fn run(source: &[u8], arguments: &[&[u8]], reply: &[u8]) -> Option<Value> {
    VM.with_borrow_mut(|vm| {
        let f = vm.load(source, "fuzz").ok()?;
        vm.stack.push(Value::Func(f));
        for a in arguments {
            let v = vm.heap.text(a);
            vm.stack.push(v);
        }
        let mut host = Quiet { questions: QUESTIONS, reply };
        let mut run = Run { vm, host: &mut host };
        let result = run.call_at(0, arguments.len());
        let value = match result {
            Ok(0) => Some(Value::Nil),
            Ok(_) => Some(run.vm.stack[0]),
            Err(Fault::Error(v)) => {
                run.error_text(v);
                None
            }
            Err(_) => None,
        };
        if let Some(v) = value {
            for resp3 in [false, true] {
                let mut out = Output::default();
                api::reply(run.vm, v, &mut Reply::new(&mut out, resp3));
            }
        }
        run.vm.reset();
        // Garbage that a collection misses would show here sooner or later.
        run.vm.collect();
        assert!(run.vm.memory() < 2 * MEMORY, "what no one holds is still there");
        value
    })
}

/// Parts of programs. `$` is an expression, `#` a statement, in their turn.
const STATEMENTS: &[&str] = &[
    "local a = $ ", "local b, c = $, $ ", "a = $ ", "t[$] = $ ", "t.x = $ ", "do # # end ", "if $ then # else # end ",
    "for i = $, $ do # end ", "for i = 10, 1, -3 do # end ", "for k, v in pairs(t) do # end ", "while $ do # break end ",
    "repeat # until $ ", "local function f(...) # return ... end ", "f($, $) ", "pcall(f, $) ", "return $ ",
    "setmetatable(t, {__index = $, __newindex = $, __call = f, __eq = f, __lt = f, __concat = f, __unm = f}) ",
    "table.insert(t, $) ", "table.insert(t, $, $) ", "table.sort(t, f) ", "t[#t + 1] = $ ", "# # ", "coroutine.yield($) ",
    "local co = coroutine.create(function(...) # end) coroutine.resume(co, $) coroutine.resume(co) ", "error($) ",
    "collectgarbage() ", "table.remove(t, $) ", "t = {$, $; x = $, [$] = $, ...} ", "select('#', $) ", "rawset(t, $, $) ",
];
const EXPRESSIONS: &[&str] = &[
    "1", "0", "-1", "2^53", "1e308", "0/0", "nil", "true", "false", "'a'", "'10'", "''", "t", "f", "a", "...", "#t", "t.x",
    "t[$]", "($ + $)", "($ .. $)", "($ < $)", "($ == $)", "($ and $)", "($ or $)", "not $", "-$", "$ % $", "f($)", "{$, $}",
    "function(...) # end", "tostring($)", "tonumber($)", "tonumber($, $)", "string.rep($, $)", "string.sub($, $, $)",
    "string.find($, $)", "string.match('aab', $)", "string.gsub($, $, $)", "string.format($, $, $)", "unpack(t)",
    "string.byte($, $, $)", "table.concat(t, $)", "next(t, $)", "cjson.encode($)", "cjson.decode($)", "cmsgpack.pack($, $)",
    "cmsgpack.unpack($)", "struct.pack($, $)", "struct.unpack($, $)", "bit.lshift($, $)", "bit.tohex($, $)", "math.floor($)",
    "math.max($, $)", "redis.call('x', $)", "redis.pcall($)", "pcall($, $)", "xpcall(f, f)", "loadstring($)", "type($)",
    "redis.sha1hex($)", "redis.error_reply($)", "select($, $, $)", "rawget(t, $)", "('x'):rep($)", "coroutine.wrap(f)",
    "'(a*(.)%w(%s*))'", "'%b()%f[%w]%1'", "'>I4c0s'", "'[[1,{\"a\":null}]'", "'\\129\\161a\\192'", "redis", "_G",
];

fn grow(part: &str, data: &mut &[u8], depth: u32, out: &mut String) {
    for c in part.chars() {
        let parts = match c {
            '$' => EXPRESSIONS,
            '#' if !part.contains("#t") && !part.contains("'#'") => STATEMENTS,
            c => {
                out.push(c);
                continue;
            }
        };
        let Some((first, rest)) = data.split_first() else {
            out.push_str(if c == '$' { "1" } else { "" });
            continue;
        };
        *data = rest;
        if depth > 6 || out.len() > 4000 {
            out.push_str(if c == '$' { "a" } else { "" });
            continue;
        }
        grow(parts[usize::from(*first) % parts.len()], data, depth + 1, out);
    }
}

fuzz_target!(|data: &[u8]| {
    let [mode, rest @ ..] = data else { return };
    match mode % 8 {
        0 => drop(run(rest, &[], b"+OK\r\n")),
        1..=3 => {
            let mut source = String::from("local t, a, f = {1, 2, 3}, 5, function(...) return ... end ");
            let mut rest = rest;
            while !rest.is_empty() && source.len() < 4000 {
                grow("do # end ", &mut rest, 0, &mut source);
            }
            run(source.as_bytes(), &[], b"*2\r\n:1\r\n$1\r\na\r\n");
        }
        4 => {
            let source = b"local s = ... local v = cjson.decode(s) local e = cjson.encode(v) return e == cjson.encode(cjson.decode(e))";
            assert_ne!(run(source, &[rest], b""), Some(Value::Bool(false)));
        }
        5 => {
            let source = b"local p = cmsgpack.pack(cmsgpack.unpack(...)) return p == cmsgpack.pack(cmsgpack.unpack(p))";
            run(source, &[rest], b"");
        }
        6 => {
            let (format, bytes) = rest.split_at(rest.len().min(8));
            let source = b"local f, s = ... pcall(struct.size, f) pcall(struct.pack, f, s, 1, s, 2) return {struct.unpack(f, s)}, pcall(string.format, f, s, 1, 2), pcall(string.gsub, s, f, f), pcall(string.find, s, f)";
            run(source, &[format, bytes], b"");
        }
        _ => drop(run(b"redis.setresp(3) return {redis.call('x'), redis.pcall('x')}", &[], &checked(rest))),
    }
});

/// A reply of these bytes as a command may give it: whole, its counts no more than what is there.
fn checked(bytes: &[u8]) -> Vec<u8> {
    fn value(data: &mut &[u8], depth: u32, out: &mut Vec<u8>) {
        let Some((first, rest)) = data.split_first() else {
            return out.extend_from_slice(b"_\r\n");
        };
        *data = rest;
        let n = usize::from(first >> 4);
        match first % 12 {
            0 => out.extend_from_slice(b"+OK\r\n"),
            1 => out.extend_from_slice(b"-ERR x\r\n"),
            2 => out.extend_from_slice(format!(":{}\r\n", n as i64 - 8).as_bytes()),
            3 => out.extend_from_slice(b",1.5\r\n"),
            4 => out.extend_from_slice(b"#t\r\n"),
            5 => out.extend_from_slice(b"(123456789012345678901234567890\r\n"),
            6 => out.extend_from_slice(b"=7\r\ntxt:abc\r\n"),
            7 => out.extend_from_slice(b"$-1\r\n"),
            kind if depth < 8 && kind >= 9 => {
                out.extend_from_slice(format!("{}{n}\r\n", ["*", "~", "%"][usize::from(kind - 9)]).as_bytes());
                let items = if kind == 11 { 2 * n } else { n };
                (0..items).for_each(|_| value(data, depth + 1, out));
            }
            _ => {
                let text = &data[..n.min(data.len())];
                out.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
                *data = &data[text.len()..];
            }
        }
    }
    let mut out = Vec::new();
    value(&mut &bytes[..], 0, &mut out);
    out
}

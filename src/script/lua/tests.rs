//! The interpreter against what Lua 5.1 answers.

use super::Host;
use super::call::{Registered, Run, Vm};
use super::value::{Fault, Value};
use crate::resp::Span;

/// A host that gives a script a number of questions.
pub struct Quiet(pub u32);

impl Host for Quiet {
    fn go_on(&mut self) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
    fn command(&mut self, _: &[u8], _: &[Span], _: bool, reply: &mut Vec<u8>) -> u64 {
        reply.extend_from_slice(b"+OK\r\n");
        0
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

/// What a script gives: its values as text, or its error.
pub fn eval(source: &str) -> String {
    let mut vm = Vm::new(8 << 20);
    eval_in(&mut vm, source)
}

fn eval_in(vm: &mut Vm, source: &str) -> String {
    let f = match vm.load(source.as_bytes(), "user_script") {
        Ok(f) => f,
        Err(e) => return String::from_utf8_lossy(&e).into_owned(),
    };
    vm.stack.push(Value::Func(f));
    let mut host = Quiet(60);
    let mut run = Run { vm, host: &mut host };
    let shown = match run.call_at(0, 0) {
        Ok(n) => {
            let values: Vec<Value> = run.vm.stack[..n].to_vec();
            values
                .into_iter()
                .map(|v| {
                    let text = run.to_text(v);
                    let mut s = Vec::new();
                    run.write_text(text, &mut s);
                    String::from_utf8_lossy(&s).into_owned()
                })
                .collect::<Vec<_>>()
                .join(" ")
        }
        Err(Fault::Error(v)) => {
            let text = run.to_text(v);
            let mut s = Vec::new();
            run.write_text(text, &mut s);
            String::from_utf8_lossy(&s).into_owned()
        }
        Err(_) => "killed".to_string(),
    };
    vm.reset();
    shown
}

#[track_caller]
fn all(cases: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (source, want) in cases {
        let got = eval(source);
        if got != *want {
            wrong += &format!("{source}\n  {got}\n  not {want}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn expressions() {
    all(&[
        (
            "return 1 + 2 * 3 ^ 2 ^ 0.5, -2 ^ 2, 7 % 3, -7 % 3, 7 % -3, 1/0, -1/0",
            "10.457608775675 -4 1 2 -2 inf -inf",
        ),
        (
            "return 1/3, 1e15, 1e14, 2^53, 0.1, 1e100, 123456789012345678, -0.0",
            "0.33333333333333 1e+15 1e+14 9.007199254741e+15 0.1 1e+100 1.2345678901235e+17 -0",
        ),
        ("return 'a' .. 1 .. 2.5 .. 'b', '10' + 5, '0x10' * 1, 10 .. ''", "a12.5b 15 16 10"),
        (
            "return 1 < 2, 'a' < 'b', 1 == '1', nil == false, not nil, not 0",
            "true true false false true false",
        ),
        ("return nil and 1, false or 2, 1 and 2, nil or false", "nil 2 2 false"),
        ("local a = 1 local b = a and a == 1 or 5 return b, a == 1 and 'x' or 'y'", "true x"),
        ("return #'abc', #{1, 2, 3, nil}, #{n = 1}", "3 3 0"),
        ("return ('x'):rep(3), ([[\nab]]):len(), [==[a]]b]==]", "xxx 2 a]]b"),
        ("return '\\65\\066\\n\\z' == 'AB\\nz', \"a\\\nb\"", "true a\nb"),
        ("return 0x1F, .5, 3., 1e2, 5 -- comment\n --[[ long\n comment ]]", "31 0.5 3 100 5"),
        (
            "local function f(...) return select('#', ...), ... end return (f(1, nil)), f(nil, nil)",
            "2 2 nil nil",
        ),
        ("local t = {f = function(self, x) return self.v + x end, v = 4} return t:f(3), t.f(t, 1)", "7 5"),
    ]);
}

#[test]
fn statements() {
    all(&[
        ("local s = 0 for i = 1, 10 do s = s + i end for i = 10, 1, -3 do s = s + i end return s", "77"),
        ("local s = '' for k, v in ipairs{'a', 'b', nil, 'c'} do s = s .. k .. v end return s", "1a2b"),
        (
            "local t = {1, 2, 3, x = 1, y = 2} local n = 0 for k, v in pairs(t) do n = n + v t[k] = nil end return n, next(t)",
            "9 nil",
        ),
        (
            "local i = 0 while true do i = i + 1 if i > 5 then break end end repeat local j = i i = i - 1 until j < 3 return i",
            "1",
        ),
        (
            "local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end return fs[1](), fs[1](), fs[2]()",
            "2 3 3",
        ),
        ("local i, a = 1, {} i, a[i] = i + 1, 20 return i, a[1], a[2]", "2 20 nil"),
        ("local a, b = 1, 2 a, b = b, a return a, b", "2 1"),
        ("local a, b, c = (function() return 1, 2 end)() return a, b, c", "1 2 nil"),
        (
            "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(20)",
            "6765",
        ),
        ("local t = {} for i = 1, 200 do t[#t + 1] = i end return #t, t[200], #{unpack(t)}", "200 200 200"),
        (
            "local function loop(n) if n == 0 then return 'done' end return loop(n - 1) end return loop(100000)",
            "done",
        ),
        ("local t = {(function() return 1, 2 end)(), (function() return 1, 2 end)()} return #t", "3"),
        ("local a = {} ; (a).b = 1 a.c = {d = {}} a.c.d.e = 5 return a.b, a.c.d.e", "1 5"),
        ("local x = 1 do local x = 2 end return x", "1"),
        ("function g(a, ...) local x, y = ... return a, x, y end return g(1, 2, 3, 4)", "1 2 3"),
        (
            "local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) return t.abc, rawget(t, 'abc')",
            "abc! nil",
        ),
        (
            "local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t.x = 4 return t.x",
            "8",
        ),
        (
            "local m = {__add = function(a, b) return 'sum' end, __eq = function() return true end, __lt = function() return true end, __call = function(self, x) return x end, __concat = function() return 'cat' end, __unm = function() return 'neg' end} local a, b = setmetatable({}, m), setmetatable({}, m) return a + 1, a == b, a < b, a <= b, a(7), a .. 'x', 'x' .. a, -a",
            "sum true true false 7 cat cat neg",
        ),
    ]);
}

#[test]
fn errors_read_as_the_references() {
    all(&[
        ("local a\nreturn a.b", "user_script:2: attempt to index local 'a' (a nil value)"),
        ("return foo.bar", "user_script:1: attempt to index global 'foo' (a nil value)"),
        ("foo()", "user_script:1: attempt to call global 'foo' (a nil value)"),
        ("local t = {} t.x.y = 1", "user_script:1: attempt to index field 'x' (a nil value)"),
        ("local t = {} t:nope()", "user_script:1: attempt to call method 'nope' (a nil value)"),
        ("return 1 + {}", "user_script:1: attempt to perform arithmetic on a table value"),
        ("local x = {} return 'a' .. x", "user_script:1: attempt to concatenate local 'x' (a table value)"),
        ("return 1 < 'x'", "user_script:1: attempt to compare number with string"),
        ("return {} < {}", "user_script:1: attempt to compare two table values"),
        ("return #nil", "user_script:1: attempt to get length of a nil value"),
        ("error('boom')", "user_script:1: boom"),
        ("error('boom', 0)", "boom"),
        ("local function f() error('up', 2) end\nf()", "user_script:2: up"),
        ("return string.rep()", "user_script:1: bad argument #1 to 'rep' (string expected, got no value)"),
        ("return ('x'):rep({})", "user_script:1: bad argument #2 to 'rep' (number expected, got table)"),
        ("x = = 1", "user_script:1: unexpected symbol near '='"),
        ("if x then", "user_script:1: 'end' expected near '<eof>'"),
        ("if x then\n\nfoo(", "user_script:3: unexpected symbol near '<eof>'"),
        ("for i = 1 do end", "user_script:1: ',' expected near 'do'"),
        ("return 'abc", "user_script:1: unfinished string near '<eof>'"),
        ("return 3x", "user_script:1: malformed number near '3x'"),
        ("break", "user_script:1: no loop to break near '<eof>'"),
        ("return {} [nil]", "user_script:1: '<eof>' expected near '['"),
        ("local t = {} t[nil] = 1", "user_script:1: table index is nil"),
        ("local t = {} t[0/0] = 1", "user_script:1: table index is NaN"),
        ("local function f() return f() + 1 end return f()", "user_script:1: stack overflow"),
        ("return unpack({}, 1, 1e8)", "user_script:1: too many results to unpack"),
        ("return unpack({}, -2^62, 2^62)", "user_script:1: too many results to unpack"),
    ]);
}

#[test]
fn protected_calls() {
    all(&[
        ("return pcall(error, 'x')", "false user_script:1: x"),
        (
            "return pcall(function() error({1}) end) == false, pcall(function() return 1, 2 end)",
            "true true 1 2",
        ),
        ("return select(2, pcall(error, {err = 'ERR text'}))", "ERR text"),
        ("return xpcall(function() error('x', 0) end, function(m) return m .. '!' end)", "false x!"),
        ("return pcall(pcall, error, 'e')", "true false user_script:1: e"),
        (
            "local ok, e = pcall(function() local x = nil; x() end) return e",
            "user_script:1: attempt to call local 'x' (a nil value)",
        ),
        ("local n = 0 local function f() n = n + 1 return pcall(f) end f() return n > 100", "true"),
        (
            "return pcall(string.rep, 'x', -1), pcall(string.rep, 'x', 1e10)",
            "true false user_script:1: resulting string too large",
        ),
    ]);
}

#[test]
fn coroutines() {
    all(&[
        (
            "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d + e end) local r = {} for _, x in ipairs{{1, 2}, {10}, {3, 4}} do local ok, v = coroutine.resume(co, unpack(x)) r[#r + 1] = v end return r[1], r[2], r[3], coroutine.status(co), coroutine.resume(co)",
            "3 20 7 dead false cannot resume dead coroutine",
        ),
        (
            "local g = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) return g(), g(), g()",
            "1 2 3",
        ),
        (
            "local s = 0 for v in coroutine.wrap(function() for i = 1, 5 do coroutine.yield(i) end end) do s = s + v end return s",
            "15",
        ),
        ("return coroutine.resume(coroutine.create(function() error('in') end))", "false user_script:1: in"),
        ("coroutine.yield(1)", "user_script:1: attempt to yield across metamethod/C-call boundary"),
        (
            "local co co = coroutine.wrap(function() return pcall(coroutine.yield, 1) end) return co()",
            "false user_script:1: attempt to yield across metamethod/C-call boundary",
        ),
        ("local function g() return coroutine.wrap(g)() end return pcall(g) == false", "true"),
        (
            "local co = coroutine.create(function() return coroutine.status(coroutine.running()) end) return coroutine.resume(co)",
            "true running",
        ),
    ]);
}

#[test]
fn strings() {
    all(&[
        (
            "return ('hello'):sub(2, -2), ('hello'):sub(-3), ('x'):sub(5), ('abc'):byte(1, -1)",
            "ell llo  97 98 99",
        ),
        (
            "return ('hello world'):find('o w'), ('hello'):find('l+'), ('a.b'):find('.', 1, true), ('x'):find('')",
            "5 3 2 1 0",
        ),
        (
            "return ('key=val'):match('(%w+)=(%w+)'), ('  x '):match('^%s*(.-)%s*$'), ('abc'):match('()b()')",
            "key x 2 3",
        ),
        (
            "return ('hello world'):gsub('o', '0'), ('abc'):gsub('%w', '%0%0'), ('abc'):gsub('', '-')",
            "hell0 w0rld aabbcc -a-b-c- 4",
        ),
        (
            "return ('$x $y'):gsub('%$(%w)', {x = 1}), ('abc'):gsub('b', function(c) return c:upper() end)",
            "1 $y aBc 1",
        ),
        (
            "local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end return t[1], t[2]",
            "a1 b2",
        ),
        (
            "return ('f(a(b)c)d'):match('%b()'), ('THE (quick) fox'):find('%f[%a]%a+%f[%A]'), ('aa'):match('(a)%1')",
            "(a(b)c) 1 a",
        ),
        (
            "return string.format('%5d|%-5d|%05d|%x|%X|%o|%c|%s|%q|%5.1f|%g|%e|%%', 42, 42, 42, 255, 255, 8, 65, 'x', 'a\"b\\n', 3.14159, 1e20, 12345.678)",
            "   42|42   |00042|ff|FF|10|A|x|\"a\\\"b\\\n\"|  3.1|1e+20|1.234568e+04|%",
        ),
        (
            "return string.format('%.3s|%10s|%-10s|', 'abcdef', 'hi', 'hi'), string.format('%d', 3.99), string.format('%i', -2)",
            "abc|        hi|hi        | 3 -2",
        ),
        (
            "return ('x'):rep(0), ('ab'):reverse(), ('aB'):upper(), ('aB'):lower(), ('abc'):len(), string.char(72, 105)",
            " ba AB ab 3 Hi",
        ),
        (
            "return tostring(nil), tostring(true), tostring(12), tonumber('  12  '), tonumber('z', 36), tonumber('1e1'), tonumber('abc'), tonumber('10', 2), tonumber(''), tonumber('0x')",
            "nil true 12 12 35 10 nil 2 nil nil",
        ),
        (
            "return pcall(string.format, '%999d', 1)",
            "false user_script:1: invalid format (width or precision too long)",
        ),
        (
            "return pcall(string.find, 'a', '[a'), pcall(string.find, 'a', '%'), pcall(string.match, 'a', '(a')",
            "false false false user_script:1: unfinished capture",
        ),
        ("return ('a'):rep(20):find(('a?'):rep(10) .. ('a'):rep(10))", "1 20"),
    ]);
}

#[test]
fn tables_and_numbers() {
    all(&[
        (
            "local t = {5, 2, 8, 1} table.sort(t) local u = {5, 2, 8, 1} table.sort(u, function(a, b) return a > b end) return table.concat(t, ','), table.concat(u, ',')",
            "1,2,5,8 8,5,2,1",
        ),
        (
            "local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) local r = table.remove(t, 2) return table.concat(t, ' '), r, table.remove(t), #t, table.remove({})",
            "0 2 3 4 1 4 3",
        ),
        (
            "return table.concat({}), table.concat({1, 2, 3}, '-', 2, 3), table.getn({1, 2}), table.maxn({1, [10] = 1})",
            " 2-3 2 10",
        ),
        (
            "return math.floor(3.7), math.ceil(3.2), math.max(1, 5, 3), math.min(4, 2), math.abs(-3), math.huge, math.fmod(7, 3), math.mod(-7, 3)",
            "3 4 5 2 3 inf 1 -1",
        ),
        ("return math.frexp(8), math.ldexp(0.5, 4), math.modf(3.5)", "0.5 8 3 0.5"),
        ("return select(-1, 1, 2, 3), select('#'), select(2, 'a', 'b')", "3 0 b"),
        ("local t = {} t[1.0] = 'a' t['1'] = 'b' t[2^53] = 'c' return t[1], t['1'], t[2^53], #t", "a b c 1"),
        ("local t = {} for i = 10, 1, -1 do t[i] = i end return #t", "10"),
        ("local t = {1, 2, 3} t[#t] = nil t[#t] = nil return #t, t[1]", "1 1"),
        (
            "return type(next), type(nil), type({}), type('x'), type(2), type(print), type(coroutine.create(function() end))",
            "function nil table string number nil thread",
        ),
        (
            "local u = {} for i = 1, 500 do u[i] = i % 7 end table.sort(u, function(a, b) return true end) return #u",
            "500",
        ),
        ("return unpack({1, 2, 3}, 2), unpack({1, 2}, 1, 3)", "2 1 2 nil"),
        (
            "return loadstring('return 1 + 1')(), loadstring('x ='), loadstring('\\27Lua')",
            "2 nil nil [string \"\\27Lua\"]: attempt to load bytecode chunk".replace("\\27", "\u{1b}").leak(),
        ),
        (
            "return setfenv, getfenv, newproxy, print, dofile, loadfile, require, io, debug, package",
            "nil nil nil nil nil nil nil nil nil nil",
        ),
    ]);
}

#[test]
fn what_a_script_takes_is_bounded() {
    for (source, want) in [
        ("while true do end", "killed"),
        ("while true do pcall(function() while true do end end) end", "killed"),
        ("local function f() f() end while true do pcall(f) end", "killed"),
        ("repeat until false", "killed"),
        ("for i = 1, 1e300 do end", "killed"),
        ("local t = {} for i = 1, 1e9 do t[i] = i end", "not enough memory"),
        ("local s = 'x' while true do s = s .. s end", "not enough memory"),
        ("local t = {} while true do t = {t} end", "not enough memory"),
        ("local t = {} for i = 1, 1e9 do t['k' .. i] = i end", "not enough memory"),
        (
            "local t, s = {}, ('a = 1 '):rep(2000) for i = 1, 1000 do t[i] = loadstring(s) end",
            "not enough memory",
        ),
        (
            "local function f() return coroutine.create(f) end local t = {} while true do t[#t + 1] = f() end",
            "not enough memory",
        ),
        (
            "return table.concat({}, 'x', 1, 2^53)",
            "user_script:1: invalid value (nil) at index 1 in table for 'concat'",
        ),
        (
            "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]",
            "user_script:1: C stack overflow",
        ),
        ("return ('a'):rep(30000):find(('.-'):rep(100) .. 'b')", "killed"),
        ("table.insert({}, -2^62, 1)", "killed"),
        ("local t = {} t.__index = t setmetatable(t, t) return t.x", "user_script:1: loop in gettable"),
    ] {
        assert_eq!(eval(source), want, "{source}");
    }
    for source in [
        format!("return {}1{}", "(".repeat(1000), ")".repeat(1000)),
        format!("return {}", "{".repeat(1000)),
        format!("x = {}1", "a.b or ".repeat(1000)),
        format!("x = {}1", "1 + ".repeat(10000)),
        format!("x = a{}", ".b".repeat(10000)),
        format!("x = {}1", "not ".repeat(10000)),
        "do ".repeat(1000),
        "function f() ".repeat(1000),
    ] {
        assert!(eval(&source).contains("chunk has too many syntax levels"), "{}", &source[..20]);
    }
}

#[test]
fn garbage_is_collected() {
    let mut vm = Vm::new(64 << 20);
    let source = "local keep = {} for i = 1, 50000 do local t = {i, {i}, 'text ' .. i, function() return i end} t.t = t if i % 1000 == 0 then keep[#keep + 1] = t end end
        local n = 0 for i, t in ipairs(keep) do assert(t[1] == i * 1000 and t[2][1] == i * 1000 and t[3] == 'text ' .. t[1] and t[4]() == t[1]) n = n + 1 end return n";
    assert_eq!(eval_in(&mut vm, source), "50");
    vm.collect();
    assert!(vm.memory() < 2 << 20, "{}", vm.memory());
}

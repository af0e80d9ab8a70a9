//! Scripts as clients see them.

use crate::engine::config::Config;
use crate::engine::stream::takers;
use crate::testkit::{Kit, check, check_resp3};

#[test]
fn eval_converts_what_a_script_returns() {
    check(
        "> EVAL 'return 1' 0                          | :1
         > EVAL 'return 3.99' 0                       | :3
         > EVAL 'return -3.99' 0                      | :-3
         > EVAL 'return 1e300' 0                      | :-9223372036854775808
         > EVAL 'return \"hi\"' 0                     | \"hi\"
         > EVAL 'return true' 0                       | :1
         > EVAL 'return false' 0                      | nil
         > EVAL 'return {1,2,{3,\"a\"}}' 0            | [ :1 :2 [ :3 \"a\" ] ]
         > EVAL 'return {1,nil,3}' 0                  | [ :1 ]
         > EVAL 'return {ok=\"fine\"}' 0              | +fine
         > EVAL 'return {err=\"MY bad\"}' 0           | -MY bad
         > EVAL 'return {x=1}' 0                      | [ ]
         > EVAL 'return {KEYS[1],KEYS[2],ARGV[1],#KEYS,#ARGV}' 2 a b c d | [ \"a\" \"b\" \"c\" :2 :2 ]
         > EVAL 'local a = {} a[1] = a return 1' 0    | :1",
    );
}

#[test]
fn eval_runs_commands() {
    check(
        "> EVAL 'return redis.call(\"SET\", KEYS[1], ARGV[1])' 1 k v   | +OK
         > EVAL 'return redis.call(\"GET\", KEYS[1])' 1 k            | \"v\"
         > EVAL 'return server.call(\"GET\", \"none\")' 0            | nil
         > EVAL 'return redis.call(\"INCR\", KEYS[1])' 1 k           | -ERR value is not an integer or out of range script: on @user_script:1.
         > EVAL 'local r = redis.pcall(\"INCR\", KEYS[1]) return r.err' 1 k | \"ERR value is not an integer or out of range\"
         > EVAL 'return redis.call(\"NOPE\")' 0                      | -ERR Unknown command called from script script: on @user_script:1.
         > EVAL 'return redis.call(\"GET\")' 0                       | -ERR Wrong number of args calling command from script script: on @user_script:1.
         > EVAL 'return redis.call(\"SUBSCRIBE\", \"x\")' 0          | -ERR This Valkey command is not allowed from script script: on @user_script:1.
         > EVAL 'return redis.call()' 0                              | -ERR Please specify at least one argument for this call script: on @user_script:1.
         > EVAL 'return redis.call(\"BLPOP\", \"none\", 0)' 0        | nil
         > EVAL 'redis.call(\"SELECT\", 1) redis.call(\"SET\", KEYS[1], 1.5) return redis.call(\"DBSIZE\")' 1 k | :1
         > DBSIZE                                                    | :1
         > EVAL 'for i = 1, 10 do redis.call(\"RPUSH\", KEYS[1], i) end return redis.call(\"LRANGE\", KEYS[1], 0, -1)' 1 l | [ \"1\" \"2\" \"3\" \"4\" \"5\" \"6\" \"7\" \"8\" \"9\" \"10\" ]",
    );
}

#[test]
fn eval_refuses() {
    check(
        "> EVAL 'return 1'                | -ERR wrong number of arguments for 'eval' command
         > EVAL 'return 1' x              | -ERR value is not an integer or out of range
         > EVAL 'return 1' 2 a            | -ERR Number of keys can't be greater than number of args
         > EVAL 'return 1' -1             | -ERR Number of keys can't be negative
         > EVAL 'return =' 0              | -ERR Error compiling script (new function): user_script:1: unexpected symbol near '='
         > EVAL 'error(\"boom\")' 0       | -ERR user_script:1: boom script: on @user_script:1.
         > EVAL 'error({err=\"MY own\"})' 0 | -MY own script: on @user_script:1.
         > EVAL 'x = 1' 0                 | -ERR user_script:1: Attempt to modify a readonly table script: on @user_script:1.
         > EVAL 'return x' 0              | -ERR user_script:1: Script attempted to access nonexistent global variable 'x' script: on @user_script:1.
         > EVAL_RO 'return redis.call(\"SET\", KEYS[1], 1)' 1 k | -ERR Write commands are not allowed from read-only scripts. script: on @user_script:1.
         > EVAL_RO 'return redis.call(\"EXISTS\", KEYS[1])' 1 k | :0",
    );
}

#[test]
fn scripts_are_known_by_name() {
    let name = String::from_utf8_lossy(&crate::script::sha1_hex(b"return 7")).into_owned();
    check(&format!(
        "> SCRIPT LOAD 'return 7'   | \"{name}\"
         > SCRIPT EXISTS {name} x   | [ :1 :0 ]"
    ));
    check(
        "> EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0           | -NOSCRIPT No matching script.
         > EVALSHA x 0                                                  | -NOSCRIPT No matching script.
         > EVAL 'return 1' 0                                            | :1
         > EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0           | :1
         > EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0           | :1
         > EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0        | :1
         > SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db x     | [ :1 :0 ]
         > SCRIPT SHOW e0e1f9fabfc9d4800c877a703b823ac0578ff8db         | \"return 1\"
         > SCRIPT SHOW x                                                | -NOSCRIPT No matching script.
         > SCRIPT FLUSH WHAT                                            | -ERR SCRIPT FLUSH only support SYNC|ASYNC option
         > SCRIPT FLUSH                                                 | +OK
         > SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db       | [ :0 ]
         > SCRIPT KILL                                                  | -NOTBUSY No scripts in execution right now.
         > SCRIPT DEBUG NO                                              | +OK
         > SCRIPT DEBUG what                                            | -ERR Use SCRIPT DEBUG YES/SYNC/NO
         > SCRIPT HELP                                                  | *",
    );
}

#[test]
fn flags_of_the_first_line() {
    check(
        "> EVAL \"#!lua flags=no-writes\\nreturn redis.call('SET', KEYS[1], 1)\" 1 k | -ERR Write commands are not allowed from read-only scripts. script: on @user_script:2.
         > EVAL \"#!lua flags=no-writes,allow-oom\\nreturn 5\" 0  | :5
         > EVAL \"#!lua flags=what\\nreturn 5\" 0                | -ERR Unexpected flag in script shebang: what
         > EVAL \"#!lua x=1\\nreturn 5\" 0                       | -ERR Unknown lua shebang option: x=1
         > EVAL \"#!lua\" 0                                      | -ERR Invalid script shebang
         > EVAL \"#!js\\nreturn 5\" 0                            | -ERR Could not find scripting engine 'js'
         > EVAL_RO \"#!lua\\nreturn 5\" 0                        | -ERR Can not execute a script with write flag using *_ro command.",
    );
}

#[test]
fn replies_of_resp3() {
    check_resp3(
        "> HSET h f v                                                            | :1
         > EVAL 'redis.setresp(3) return redis.call(\"HGETALL\", KEYS[1])' 1 h   | { \"f\" \"v\" }
         > EVAL 'return redis.call(\"HGETALL\", KEYS[1])' 1 h                    | [ \"f\" \"v\" ]
         > EVAL 'return {double=1.5}' 0                                         | ,1.5
         > EVAL 'return {map={a=1}}' 0                                          | { \"a\" :1 }
         > EVAL 'redis.setresp(3) return true' 0                                | #t",
    );
}

#[test]
fn the_libraries_are_there() {
    check(
        "> EVAL 'return cjson.encode({1, \"a\", {x = cjson.null}})' 0      | \"[1,\\\"a\\\",{\\\"x\\\":null}]\"
         > EVAL 'return cjson.decode(ARGV[1]).a[2]' 0 '{\"a\":[1,2]}'      | :2
         > EVAL 'return cmsgpack.unpack(cmsgpack.pack({1, {2}}))' 0        | [ :1 [ :2 ] ]
         > EVAL 'return {struct.unpack(\"<i4\", struct.pack(\"<i4\", -7))}' 0 | [ :-7 :5 ]
         > EVAL 'return bit.tohex(bit.bor(1, 0xf0))' 0                     | \"000000f1\"
         > EVAL 'return redis.sha1hex(\"\")' 0                             | \"da39a3ee5e6b4b0d3255bfef95601890afd80709\"",
    );
}

#[test]
fn what_a_script_writes_goes_out_as_one_unit() {
    let mut kit = Kit::new(Config::default());
    kit.exec.server.take_stream(takers::TEST, true);
    let mut sent = |script: &str| {
        let words = ["EVAL", script, "1", "k"].map(|w| w.as_bytes().to_vec());
        kit.run("c", &words);
        let bytes = kit.exec.server.stream.take_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let words = text.split("\r\n").filter(|w| !w.starts_with('$') && !w.is_empty());
        words.map(|w| if w.starts_with('*') { "|" } else { w }).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(sent("return redis.call('SET', KEYS[1], 1)"), "| SELECT 0 | SET k 1");
    assert_eq!(
        sent("redis.call('INCR', KEYS[1]) redis.call('GET', KEYS[1]) redis.call('APPEND', KEYS[1], 'x')"),
        "| MULTI | INCR k | APPEND k x | EXEC"
    );
    assert_eq!(sent("redis.call('SELECT', 1) redis.call('SET', KEYS[1], 1)"), "| SELECT 1 | SET k 1");
    assert_eq!(sent("redis.set_repl(redis.REPL_NONE) redis.call('SET', KEYS[1], 2)"), "");
    assert_eq!(sent("redis.call('SET', KEYS[1], 2) redis.call('NOPE')"), "| SELECT 0 | SET k 2");
    // What goes out in another form than it came, too.
    kit.run(
        "c",
        &["EVAL", "redis.set_repl(redis.REPL_SLAVE) redis.call('SET', KEYS[1], 2, 'EX', 9)", "1", "k"]
            .map(|w| w.as_bytes().to_vec()),
    );
    let logged = kit.exec.server.stream.for_aof().collect::<Vec<_>>().concat();
    assert!(!String::from_utf8_lossy(&logged).contains("PXAT"));
    assert!(String::from_utf8_lossy(&kit.exec.server.stream.take_bytes()).contains("PXAT"));
}

/// What a script answers.
fn answer(kit: &mut Kit, script: &str) -> String {
    let words = ["EVAL", script, "0"].map(|w| w.as_bytes().to_vec());
    kit.run("c", &words)
}

/// The holes that the reference has had, each tried.
#[test]
fn what_broke_the_reference() {
    let mut kit = Kit::new(Config::default());
    let mut is = |script: &str, reply: &str| assert_eq!(answer(&mut kit, script), reply, "{script}");
    let error = |text: &str| format!("-ERR user_script:1: {text} script: on @user_script:1.");
    let readonly = error("Attempt to modify a readonly table");
    // CVE-2025-49844: a chunk's name freed while it is parsed.
    is(
        "local t = {} for i = 1, 2000 do t[i] = loadstring('return \"' .. ('x'):rep(100) .. i .. '\"', 'name' .. i) end collectgarbage() return #t[2000]()",
        ":104",
    );
    // CVE-2025-46817: ranges of unpack that overflow.
    is("return {unpack({1}, -2147483648, 2147483647)}", &error("too many results to unpack"));
    is("return {unpack({1}, 0, 2147483647)}", &error("too many results to unpack"));
    is("return {unpack({1}, 1, 1e300)}", &error("too many results to unpack"));
    // CVE-2025-46818: metatables of basic types, which scripts of others use, too.
    is("getmetatable('').__index = function() return 1 end", &readonly);
    is("getmetatable('').__index.upper = nil", &readonly);
    is("return getmetatable(1)", "nil");
    // CVE-2025-46819: a long string's beginning without an end.
    is("return loadstring('return [==')", "nil");
    is("return loadstring('return [' .. ('='):rep(100000))", "nil");
    // CVE-2024-31449: bit.tohex with the least of all numbers.
    is("return bit.tohex(1, -2147483648)", "\"00000001\"");
    is("return bit.tohex(-1, 0)", "\"\"");
    // CVE-2015-4335 and its like: compiled code made by hand.
    is("return loadstring('\\27Lua\\81\\0')", "nil");
    is("local n = 0 return load(function() n = n + 1 return n == 1 and '\\27' or nil end)", "nil");
    is("return loadstring(string.dump(function() end))", "nil");
    // CVE-2022-24735, -24736: what one script leaves for the next.
    is("redis.call = nil", &readonly);
    is("rawset(_G, 'x', 1)", "-ERR Attempt to modify a readonly table script: on @user_script:1.");
    is("setmetatable(_G, {})", "-ERR Attempt to modify a readonly table script: on @user_script:1.");
    is("getmetatable(_G).__index = nil", &readonly);
    is("table.insert(redis, 1)", "-ERR Attempt to modify a readonly table script: on @user_script:1.");
    is(
        "for k in pairs(_G) do if type(_G[k]) == 'table' then local ok = pcall(rawset, _G[k], 'x', 1) if ok and k ~= 'KEYS' and k ~= 'ARGV' then return k end end end",
        "nil",
    );
    // Nothing that reaches out.
    for name in [
        "io", "package", "debug", "dofile", "loadfile", "require", "module", "print", "newproxy", "getfenv",
        "setfenv",
    ] {
        is(
            &format!("return {name}"),
            &error(&format!("Script attempted to access nonexistent global variable '{name}'")),
        );
    }
    is("local n = 0 for k in pairs(os) do n = n + 1 end return n", ":1");
}

/// Deep nesting, long strings and wrong functions for comparing end in errors.
#[test]
fn what_a_script_does_to_excess() {
    let mut kit = Kit::new(Config::default());
    let mut ends = |script: &str| {
        let heard = answer(&mut kit, script);
        assert!(heard.len() < 5000, "{script}: {} bytes", heard.len());
    };
    ends("local function f() return f() + 1 end return f()");
    ends("local function f() return pcall(f) end return f()");
    ends("local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x");
    ends("local t = {} for i = 1, 10000 do t = {t} end return t");
    ends("return loadstring('return ' .. ('('):rep(100000))");
    ends("return loadstring('return ' .. ('{'):rep(100000))");
    ends("return loadstring(('do '):rep(100000))");
    ends("return loadstring('return ' .. ('a..'):rep(100000) .. 'a')");
    ends("return loadstring('return ' .. ('-'):rep(1000) .. '1')");
    ends("return ('x'):rep(1e10)");
    ends("local s = ('x'):rep(4e8) return #(s .. s .. s)");
    ends("return ('a'):rep(100000):find(('a?'):rep(100000))");
    ends("return #(('a'):rep(1000):gsub('.', {a = ('x'):rep(1e4)}))");
    ends("local t = {} for i = 1, 100 do t[i] = i % 7 end table.sort(t, function() return true end)");
    ends("table.sort({3, 2, 1}, function(a, b) error('x') end)");
    ends("return cjson.decode(('['):rep(100000))");
    ends("local t = {} for i = 1, 10000 do t = {t} end return cjson.encode(t)");
    ends("local t = {} t[1] = t return cjson.encode(t)");
    ends("local t = {} t[1] = t return #cmsgpack.pack(t)");
    ends("return cmsgpack.unpack(('\\145'):rep(100000))");
    ends("return cmsgpack.unpack('\\221\\255\\255\\255\\255')");
    ends("return struct.pack('c2147483647', 'x')");
    ends("return struct.unpack('c0', 'x', 2147483647)");
    ends("return struct.pack('>I9999999999', 1)");
    ends(
        "return coroutine.wrap(function() return coroutine.wrap(function() error({err = 'x'}) end)() end)()",
    );
    ends(
        "local co co = coroutine.create(function() return coroutine.resume(co) end) return coroutine.resume(co)",
    );
}

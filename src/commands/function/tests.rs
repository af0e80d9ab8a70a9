//! Functions as clients see them.

use crate::engine::config::Config;
use crate::persist::rdb::libraries;
use crate::testkit::{Kit, check, check_plain};

const LIB: &str = r##""#!lua name=lib\nserver.register_function('f', function(keys, args) return {keys[1], args[1], #keys, #args} end)""##;

#[test]
fn functions_are_loaded_and_called() {
    check_plain(&format!(
        "> FUNCTION LOAD {LIB}                     | \"lib\"
         > FCALL f 1 k a                           | [ \"k\" \"a\" :1 :1 ]
         > FCALL F 0                               | [ ]
         > FCALL_RO f 0                            | -ERR Can not execute a script with write flag using *_ro command.
         > FCALL g 0                               | -ERR Function not found
         > FCALL f x                               | -ERR Bad number of keys provided
         > FCALL f 2 a                             | -ERR Number of keys can't be greater than number of args
         > FCALL f -1                              | -ERR Number of keys can't be negative
         > FUNCTION LOAD {LIB}                     | -ERR Library 'lib' already exists
         > FUNCTION LOAD WHAT {LIB}                | -ERR Unknown option given: WHAT
         > FUNCTION LOAD REPLACE {LIB}             | \"lib\"
         > FUNCTION LIST                           | [ [ \"library_name\" \"lib\" \"engine\" \"LUA\" \"functions\" [ [ \"name\" \"f\" \"description\" nil \"flags\" [ ] ] ] ] ]
         > FUNCTION LIST LIBRARYNAME X*            | [ ]
         > FUNCTION LIST LIBRARYNAME               | -ERR library name argument was not given
         > FUNCTION LIST WHAT                      | -ERR Unknown argument WHAT
         > FUNCTION STATS                          | [ \"running_script\" nil \"engines\" [ \"LUA\" [ \"libraries_count\" :1 \"functions_count\" :1 ] ] ]
         > FUNCTION DUMP                           | *
         > FUNCTION RESTORE x                      | -ERR DUMP payload version or checksum are wrong
         > FUNCTION DELETE x                       | -ERR Library not found
         > FUNCTION DELETE lib                     | +OK
         > FCALL f 0                               | -ERR Function not found
         > FUNCTION FLUSH WHAT                     | -ERR FUNCTION FLUSH only supports SYNC|ASYNC option
         > FUNCTION FLUSH SYNC x                   | -ERR unknown subcommand or wrong number of arguments for 'flush'. Try FUNCTION HELP.
         > FUNCTION FLUSH SYNC                     | +OK
         > FUNCTION KILL                           | -NOTBUSY No scripts in execution right now.
         > FUNCTION HELP                           | *"
    ));
}

#[test]
fn what_libraries_may_not() {
    let wrong = |code: &str, text: &str| {
        check_plain(&format!("> FUNCTION LOAD \"{code}\" | -ERR {text}"));
    };
    wrong("return 1", "Missing library metadata");
    wrong("#!lua name=a", "Invalid library metadata");
    wrong("#!lua\\n", "Library name was not given");
    wrong("#!js name=a\\n", "Engine 'js' not found");
    wrong(
        "#!lua name=a-b\\n",
        "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    );
    wrong("#!lua name=a\\nreturn 1", "No functions registered");
    wrong("#!lua name=a\\nx =", "Error compiling function: user_function:2: unexpected symbol near '<eof>'");
    let run = |line: &str, text: &str| {
        wrong(&format!("#!lua name=a\\n{line}"), &format!("Error registering functions: {text}"));
    };
    run("a = 1", "ERR user_function:2: Attempt to modify a readonly table");
    run("math.abs(1)", "ERR user_function:2: Script attempted to access nonexistent global variable 'math'");
    run(
        "redis.call('PING')",
        "ERR user_function:2: Script attempted to access nonexistent global variable 'call'",
    );
    run("server.register_function()", "ERR wrong number of arguments to server.register_function");
    run(
        "server.register_function(nil, function() end)",
        "ERR first argument to server.register_function must be a string",
    );
    run(
        "server.register_function{function_name='f', callback=function() end, flags={'what'}}",
        "ERR unknown flag given",
    );
}

#[test]
fn flags_of_functions() {
    check_plain(
        r##"> FUNCTION LOAD "#!lua name=l\nserver.register_function{function_name='r', callback=function(k) return redis.call('GET', k[1]) end, flags={'no-writes'}, description='reads'}\nserver.register_function{function_name='w', callback=function(k) return redis.call('SET', k[1], 1) end, flags={'no-writes', 'allow-oom'}}" | "l"
           > FCALL_RO r 1 k   | nil
           > FCALL w 1 k      | -ERR Write commands are not allowed from read-only scripts. script: on @user_function:3.
           > FUNCTION LIST    | *"##,
    );
}

#[test]
fn a_library_is_replaced_whole_or_not_at_all() {
    check(
        r##"> FUNCTION LOAD "#!lua name=a\nserver.register_function('f', function() return 1 end)" | "a"
           > FUNCTION LOAD "#!lua name=b\nserver.register_function('g', function() return 2 end)\nserver.register_function('F', function() return 2 end)" | -ERR Function F already exists
           > FUNCTION LOAD REPLACE "#!lua name=a\nserver.register_function('f', 1)" | -ERR Error registering functions: ERR second argument to server.register_function must be a function
           > FCALL f 0        | :1
           > FCALL g 0        | -ERR Function not found"##,
    );
}

#[test]
fn libraries_are_dumped_and_restored() {
    let mut kit = Kit::new(Config::default());
    let mut ask = |words: &[&[u8]]| {
        let words: Vec<Vec<u8>> = words.iter().map(|w| w.to_vec()).collect();
        kit.run("c", &words)
    };
    let load = |name: &str, function: &str| {
        format!("#!lua name={name}\nserver.register_function('{function}', function() return '{name}' end)")
            .into_bytes()
    };
    let dump = |libraries: &[Vec<u8>]| libraries::dump(libraries.iter().map(|l| &l[..]), true);
    let (a, b) = (load("a", "f"), load("b", "g"));
    assert_eq!(ask(&[b"FUNCTION", b"RESTORE", &dump(&[a.clone(), b.clone()])]), "+OK");
    assert_eq!(ask(&[b"FCALL", b"f", b"0"]), "\"a\"");
    assert_eq!(
        ask(&[b"FUNCTION", b"RESTORE", &dump(std::slice::from_ref(&a))]),
        "-ERR Library a already exists"
    );
    let clash = dump(&[load("a", "x"), load("c", "g")]);
    assert_eq!(ask(&[b"FUNCTION", b"RESTORE", &clash, b"REPLACE"]), "-ERR Function g already exists");
    assert_eq!(ask(&[b"FCALL", b"f", b"0"]), "\"a\"");
    let other = dump(&[load("a", "x")]);
    assert_eq!(ask(&[b"FUNCTION", b"RESTORE", &other, b"REPLACE"]), "+OK");
    assert_eq!(ask(&[b"FCALL", b"f", b"0"]), "-ERR Function not found");
    assert_eq!(ask(&[b"FCALL", b"g", b"0"]), "\"b\"");
    assert_eq!(ask(&[b"FUNCTION", b"RESTORE", &dump(std::slice::from_ref(&a)), b"FLUSH"]), "+OK");
    assert_eq!(ask(&[b"FCALL", b"g", b"0"]), "-ERR Function not found");
    assert_eq!(
        ask(&[b"FUNCTION", b"RESTORE", &dump(&[a]), b"WHAT"]),
        "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
    );
    let foot = "-ERR DUMP payload version or checksum are wrong";
    let mut broken = other.clone();
    broken[9] ^= 1;
    for wrong in [&b"x"[..], &broken, &[0; 20]] {
        assert_eq!(ask(&[b"FUNCTION", b"RESTORE", wrong]), foot);
    }
    assert_eq!(
        ask(&[b"FUNCTION", b"RESTORE", b"a", b"b", b"c"]),
        "-ERR unknown subcommand or wrong number of arguments for 'restore'. Try FUNCTION HELP."
    );
    assert!(ask(&[b"FUNCTION", b"DUMP"]).starts_with('"'));
}

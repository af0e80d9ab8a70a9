//! Transcripts of the commands on keys. What they expect was asked of Valkey 9.1.

use crate::sys::memory;
use crate::testkit::{check, check_with};

#[test]
fn removing_and_counting() {
    check(
        "> SET a 1 | +OK
         > SET b 2 | +OK
         > EXISTS a b a no | :3
         > TOUCH a b no | :2
         > DEL a a no | :1
         > UNLINK b no | :1
         > EXISTS a b | :0
         > DBSIZE | :0
         > DEL | -ERR wrong number of arguments for 'del' command
         > SET \"\\x00\\xff\\r\\n\" v | +OK
         > EXISTS \"\\x00\\xff\\r\\n\" | :1
         > DEL \"\\x00\\xff\\r\\n\" | :1
         > SET \"\" v | +OK
         > EXISTS \"\" | :1
         > UNLINK \"\" | :1",
    );
}

#[test]
fn types() {
    check("> SET a 1 | +OK\n> TYPE a | +string\n> TYPE no | +none");
}

#[test]
fn renaming() {
    check(
        "> RENAME no x | -ERR no such key
         > RENAME no no | -ERR no such key
         > RENAMENX no no | -ERR no such key
         > SET a 1 | +OK
         > RENAME a a | +OK
         > RENAMENX a a | :0
         > PEXPIRE a 5000 | :1
         > SET b 2 | +OK
         > RENAMENX a b | :0
         > RENAME a b | +OK
         > GET b | \"1\"
         > EXISTS a | :0
         > PTTL b | :5000
         > RENAMENX b c | :1
         > PTTL c | :5000
         > SET long xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | +OK
         > RENAME c long | +OK
         > GET long | \"1\"
         > DBSIZE | :1
         @ +5000ms
         > DBSIZE | :0",
    );
}

#[test]
fn copying() {
    check(
        "> SET a 1 | +OK
         > COPY a b db x | -ERR value is not an integer or out of range
         > COPY a b db 99 | -ERR DB index is out of range
         > COPY a b db -1 | -ERR DB index is out of range
         > COPY a b db 9999999999 | -ERR value is out of range, value must between -2147483648 and 2147483647
         > MOVE a 9999999999 | -ERR value is out of range, value must between -2147483648 and 2147483647
         > MOVE a 99999999999999999999 | -ERR value is not an integer or out of range
         > COPY a b foo | -ERR syntax error
         > COPY a b db | -ERR syntax error
         > COPY a a | -ERR source and destination objects are the same
         > COPY no no | -ERR source and destination objects are the same
         > COPY no b | :0
         > COPY a b | :1
         > COPY a b | :0
         > PEXPIRE a 100 | :1
         > COPY a b REPLACE db 0 | :1
         > PTTL b | :100
         > COPY a a db 3 | :1
         > SELECT 3 | +OK
         > GET a | \"1\"
         > PTTL a | :100
         @ +100ms
         > DBSIZE | :0
         > SELECT 0 | +OK
         > DBSIZE | :0",
    );
}

#[test]
fn a_copied_string_is_its_own() {
    let long = "x".repeat(300);
    check(&format!(
        "> SET a {long} | +OK
         > COPY a b | :1
         > SET a y | +OK
         > GET b | \"{long}\"
         > DEL b | :1
         > GET a | \"y\""
    ));
}

#[test]
fn moving() {
    check(
        "> SET a 1 | +OK
         > MOVE a 0 | -ERR source and destination objects are the same
         > MOVE no 0 | -ERR source and destination objects are the same
         > MOVE a 16 | -ERR DB index is out of range
         > MOVE a x | -ERR value is not an integer or out of range
         > MOVE no 1 | :0
         > PEXPIRE a 50 | :1
         > MOVE a 1 | :1
         > SET a 2 | +OK
         > MOVE a 1 | :0
         > SELECT 1 | +OK
         > GET a | \"1\"
         > PTTL a | :50
         @ +50ms
         > EXISTS a | :0
         > SELECT 0 | +OK
         > MOVE a 1 | :1
         > SELECT 1 | +OK
         > TTL a | :-1",
    );
}

#[test]
fn expiring() {
    check(
        "> EXPIRE no 10 | :0
         > SET a 1 | +OK
         > TTL a | :-1
         > PTTL no | :-2
         > EXPIRETIME a | :-1
         > PEXPIRETIME no | :-2
         > EXPIRE a 10 | :1
         > TTL a | :10
         > PTTL a | :10000
         > EXPIRETIME a | :1700000010
         > PEXPIRETIME a | :1700000010000
         @ +1400ms
         > TTL a | :9
         @ +100ms
         > TTL a | :9
         @ +1ms
         > TTL a | :8
         > PERSIST a | :1
         > PERSIST a | :0
         > PERSIST no | :0
         > PEXPIRE a 1500 | :1
         @ +1499ms
         > EXISTS a | :1
         @ +1ms
         > EXISTS a | :0
         > SET a 1 | +OK
         > EXPIREAT a 1700000100 | :1
         > PEXPIRETIME a | :1700000100000
         > PEXPIREAT a 1700000200000 | :1
         > TTL a | :197",
    );
}

#[test]
fn a_time_that_is_over_removes_the_key() {
    for command in ["EXPIRE a -1", "EXPIRE a 0", "PEXPIRE a -1", "EXPIREAT a 1", "PEXPIREAT a 1700000000000"]
    {
        check(&format!("> SET a 1 | +OK\n> {command} | :1\n> DBSIZE | :0\n> {command} | :0"));
    }
}

#[test]
fn conditions_of_expiry() {
    check(
        "> SET a 1 | +OK
         > EXPIRE a 10 XX | :0
         > EXPIRE a 10 GT | :0
         > EXPIRE a 10 LT | :1
         > EXPIRE a 20 nx | :0
         > EXPIRE a 5 gt | :0
         > EXPIRE a 10 gt | :0
         > EXPIRE a 10 lt | :0
         > EXPIRE a 11 gt | :1
         > EXPIRE a 5 xx lt | :1
         > EXPIRE a 50 lt xx | :0
         > EXPIRE a 50 xx xx gt | :1
         > TTL a | :50
         > PERSIST a | :1
         > EXPIRE a -1 XX | :0
         > EXPIRE a 7 NX | :1
         > EXPIRE a 10 nx xx | -ERR NX and XX, GT or LT options at the same time are not compatible
         > EXPIRE a 10 gt lt nx | -ERR NX and XX, GT or LT options at the same time are not compatible
         > EXPIRE a 10 gt lt | -ERR GT and LT options at the same time are not compatible
         > EXPIRE a x zz | -ERR Unsupported option zz
         > EXPIRE a x nx | -ERR value is not an integer or out of range
         > EXPIRE a -1 LT | :1
         > EXISTS a | :0",
    );
}

#[test]
fn times_at_the_edge() {
    check(
        "> SET a 1 | +OK
         > EXPIRE a 9223372036854775807 | -ERR invalid expire time in 'expire' command
         > EXPIRE a 9223372036854775 | -ERR invalid expire time in 'expire' command
         > EXPIRE a -9223372036854776 | -ERR invalid expire time in 'expire' command
         > EXPIREAT a 9223372036854776 | -ERR invalid expire time in 'expireat' command
         > PEXPIRE a 9223372036854775807 | -ERR invalid expire time in 'pexpire' command
         > PEXPIRE a 9223372036854775808 | -ERR value is not an integer or out of range
         > EXPIRE a 1.5 | -ERR value is not an integer or out of range
         > PEXPIREAT a 9223372036854775807 | :1
         > PEXPIRETIME a | :9223372036854775807
         > EXPIRETIME a | :9223372036854776
         > PEXPIRE a -9223372036854775808 | :1
         > EXISTS a | :0",
    );
}

#[test]
fn keys_that_are_over_show_nowhere() {
    let kit = &mut crate::testkit::Kit::new(Default::default());
    kit.exec.server.active_expire = false;
    let run = |kit: &mut crate::testkit::Kit, line: &str| {
        kit.run("c1", &crate::base::quote::split_args(line.as_bytes()).expect("words"))
    };
    for key in ["a", "b", "c", "d", "e"] {
        run(kit, &format!("SET {key} v"));
        run(kit, &format!("PEXPIRE {key} 10"));
    }
    run(kit, "SET stays v");
    kit.advance(10);
    assert_eq!(run(kit, "DBSIZE"), ":6", "nobody has met them yet");
    assert_eq!(run(kit, "KEYS *"), "[ \"stays\" ]");
    assert_eq!(run(kit, "DEL a"), ":0");
    assert_eq!(run(kit, "TYPE b"), "+none");
    assert_eq!(run(kit, "DBSIZE"), ":4");
    for _ in 0..30 {
        assert_eq!(run(kit, "RANDOMKEY"), "\"stays\"");
    }
    assert_eq!(run(kit, "SCAN 0 COUNT 100"), "[ \"0\" [ \"stays\" ] ]");
    assert_eq!(run(kit, "DBSIZE"), ":1");
    assert_eq!(kit.exec.server.stats.expired_keys, 5);
}

#[test]
fn naming_all_keys() {
    check(
        "> RANDOMKEY | nil
         > KEYS * | [ ]
         > SET key:1 v | +OK
         > KEYS * | [ \"key:1\" ]
         > KEYS k?y:[0-9] | [ \"key:1\" ]
         > KEYS x* | [ ]
         > RANDOMKEY | \"key:1\"
         > KEYS | -ERR wrong number of arguments for 'keys' command",
    );
}

#[test]
fn a_random_key_may_be_a_dead_one_where_dead_keys_stay() {
    check(
        "> SET k v PX 3 | +OK
         > CLIENT PAUSE 10000 WRITE | +OK
         @ +5ms
         > RANDOMKEY | \"k\"
         > GET k | nil
         > KEYS * | [ ]
         > CLIENT UNPAUSE | +OK
         > RANDOMKEY | nil
         > SET k v PX 3 | +OK
         > SET live v | +OK
         > CLIENT PAUSE 10000 WRITE | +OK
         @ +5ms
         > RANDOMKEY | \"live\"
         > RANDOMKEY | \"live\"
         > RANDOMKEY | \"live\"",
    );
}

#[test]
fn scanning() {
    check(
        "> SCAN 0 | [ \"0\" [ ] ]
         > SET key:1 v | +OK
         > SCAN 0 | [ \"0\" [ \"key:1\" ] ]
         > SCAN 007 | *
         > SCAN 0 MATCH x* COUNT 5 | [ \"0\" [ ] ]
         > SCAN 0 TYPE STRING match k* | [ \"0\" [ \"key:1\" ] ]
         > SCAN 0 TYPE list | [ \"0\" [ ] ]
         > SCAN x | -ERR invalid cursor
         > SCAN -1 | -ERR invalid cursor
         > SCAN 18446744073709551616 | -ERR invalid cursor
         > SCAN 18446744073709551615 | *
         > SCAN 0 COUNT 0 | -ERR syntax error
         > SCAN 0 COUNT -1 | -ERR syntax error
         > SCAN 0 COUNT x | -ERR value is not an integer or out of range
         > SCAN 0 MATCH | -ERR syntax error
         > SCAN 0 TYPE foo | -ERR unknown type name 'foo'
         > SCAN 0 NOVALUES | -ERR NOVALUES option can only be used in HSCAN
         > SCAN 0 NOSCORES | -ERR NOSCORES option can only be used in ZSCAN
         > SCAN 0 COUNT 5 bla | -ERR syntax error",
    );
}

#[test]
fn objects() {
    let v = |n: usize| "v".repeat(n);
    check(&format!(
        "> OBJECT ENCODING no | nil
         > OBJECT REFCOUNT no | nil
         > OBJECT FREQ no | nil
         > SET a 1 | +OK
         > OBJECT ENCODING a | \"int\"
         > OBJECT REFCOUNT a | :1
         > SET a {} | +OK
         > OBJECT ENCODING a | \"embstr\"
         > SET a {} | +OK
         > OBJECT ENCODING a | \"raw\"
         > SET kkkkkkkkkk {} | +OK
         > OBJECT ENCODING kkkkkkkkkk | \"embstr\"
         > SET kkkkkkkkkk {} | +OK
         > OBJECT ENCODING kkkkkkkkkk | \"raw\"
         > OBJECT IDLETIME a | :0
         @ +2500ms
         > OBJECT IDLETIME a | :2
         > TTL a | :-1
         > OBJECT IDLETIME a | :2
         > TOUCH a | :1
         > OBJECT IDLETIME a | :0
         > OBJECT FREQ a | -ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
         > OBJECT | -ERR wrong number of arguments for 'object' command
         > OBJECT bla a | -ERR unknown subcommand 'bla'. Try OBJECT HELP.
         > OBJECT ENCODING | -ERR wrong number of arguments for 'object|encoding' command",
        v(112), v(113), v(103), v(104)
    ));
}

#[test]
fn frequencies() {
    let lfu = |c: &mut crate::engine::config::Config| {
        c.maxmemory_policy = crate::engine::config::values::EvictionPolicy::AllkeysLfu;
    };
    check_with(
        "> SET a 1 | +OK
         > OBJECT FREQ a | :5
         > GET a | \"1\"
         > OBJECT FREQ a | :6
         @ +120000ms
         > OBJECT FREQ a | :4
         > OBJECT IDLETIME a | -ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
        lfu,
    );
}

#[test]
fn flushing() {
    check(
        "> SET a 1 | +OK
         > PEXPIRE a 1000 | :1
         > SELECT 1 | +OK
         > SET b 1 | +OK
         > FLUSHDB | +OK
         > DBSIZE | :0
         > SET b 1 | +OK
         > SELECT 0 | +OK
         > DBSIZE | :1
         > FLUSHALL ASYNC | +OK
         > DBSIZE | :0
         > FLUSHALL sync | +OK
         > FLUSHALL x | -ERR syntax error
         > FLUSHDB sync async | -ERR syntax error
         > SELECT 1 | +OK
         > DBSIZE | :0
         @ +1000ms
         > SET b 1 | +OK
         > FLUSHDB SYNC | +OK
         > DBSIZE | :0",
    );
}

#[test]
fn swapping() {
    check(
        "> SET a 1 | +OK
         > PEXPIRE a 100 | :1
         > SWAPDB 0 1 | +OK
         > DBSIZE | :0
         > SWAPDB 0 0 | +OK
         > SELECT 1 | +OK
         > PTTL a | :100
         @ +100ms
         > DBSIZE | :0
         > SWAPDB x 1 | -ERR invalid first DB index
         > SWAPDB 1 x | -ERR invalid second DB index
         > SWAPDB 0 99999999999 | -ERR invalid second DB index
         > SWAPDB 0 16 | -ERR DB index is out of range
         > SWAPDB -1 0 | -ERR DB index is out of range",
    );
}

#[test]
fn flushing_much_makes_only_its_client_wait() {
    let kit = &mut crate::testkit::Kit::new(Default::default());
    let fill = |kit: &mut crate::testkit::Kit| {
        for i in 0..5000 {
            kit.raw("c1", format!("SET key:{i} v\r\nPEXPIRE key:{i} 60000\r\n").as_bytes());
        }
    };
    fill(kit);
    assert_eq!(kit.raw("c1", b"FLUSHALL SYNC\r\nPING\r\n"), b"");
    assert_eq!(kit.raw("c2", b"DBSIZE\r\n"), b":0\r\n");
    kit.advance(0);
    assert_eq!(kit.heard("c1"), b"+OK\r\n+PONG\r\n");
    assert_eq!(kit.exec.server.free.freed(), 0);

    fill(kit);
    assert_eq!(kit.raw("c1", b"FLUSHDB\r\nDBSIZE\r\n"), b"+OK\r\n:0\r\n");
    while kit.exec.server.free.pending() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(kit.exec.server.free.freed(), 5000);

    // A client that goes while it waits is no matter.
    fill(kit);
    assert_eq!(kit.raw("c2", b"FLUSHALL SYNC\r\n"), b"");
    let slot = kit.client("c2");
    kit.exec.disconnect(slot);
    kit.advance(0);
    assert!(kit.exec.server.freeing.is_empty());
}

#[test]
fn large_strings_are_freed_elsewhere() {
    let kit = &mut crate::testkit::Kit::new(Default::default());
    let big = "x".repeat(2 << 20);
    let removals = ["DEL a", "UNLINK a", "EXPIRE a -1", "RENAME b a", "BITOP AND a n n"];
    let overwrites = ["SET a v", "SET a v KEEPTTL", "SETEX a 9 v", "MSET a v", "BITOP NOT a b"];
    for change in removals.into_iter().chain(overwrites) {
        kit.raw(
            "c1",
            format!("SET b v\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n{big}\r\n", big.len()).as_bytes(),
        );
        let before = memory::used_by_thread();
        kit.raw("c1", format!("{change}\r\n").as_bytes());
        let freed_here = before - memory::used_by_thread();
        assert!(freed_here < 1 << 20, "{change}: {freed_here}");
        assert!(kit.exec.server.fx.garbage.is_empty());
    }
    assert_eq!(kit.exec.server.free.freed(), 0, "the reference does not count strings");
}

#[test]
fn nothing_expires_in_import_mode() {
    for way in ["PEXPIRE a 1", "EXPIREAT a 1"] {
        let mut kit = crate::testkit::Kit::new(Default::default());
        kit.exec.server.config.import_mode = true;
        let mut ask = |line: &str| {
            let reply = kit.raw("c1", format!("{line}\r\n").as_bytes());
            kit.advance(5);
            String::from_utf8_lossy(&reply).replace("\r\n", " ")
        };
        assert_eq!((ask("SET a 1"), ask(way)), ("+OK ".into(), ":1 ".into()));
        // Hidden from everybody, but there.
        for (line, reply) in [
            ("DBSIZE", ":1 "),
            ("GET a", "$-1 "),
            ("TTL a", ":-2 "),
            ("KEYS *", "*0 "),
            ("SCAN 0", "*2 $1 0 *0 "),
            // But for RANDOMKEY, which gives up looking for a live one.
            ("RANDOMKEY", "$1 a "),
            ("DBSIZE", ":1 "),
            // Shown to the source of the import.
            ("CLIENT IMPORT-SOURCE ON", "+OK "),
            ("TTL a", ":0 "),
            ("GET a", "$1 1 "),
            ("RANDOMKEY", "$1 a "),
            ("KEYS *", "*1 $1 a "),
            ("SCAN 0", "*2 $1 0 *1 $1 a "),
            // A write of anybody else takes the hidden one's place.
            ("CLIENT IMPORT-SOURCE OFF", "+OK "),
            ("SET a 2", "+OK "),
            ("GET a", "$1 2 "),
            ("DBSIZE", ":1 "),
            ("PEXPIRE a 1", ":1 "),
            ("CONFIG SET import-mode no", "+OK "),
            ("DBSIZE", ":0 "),
        ] {
            assert_eq!(ask(line), reply, "{way}: {line}");
        }
    }
}

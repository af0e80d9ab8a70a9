//! Transcripts of the commands on strings. Replies are those of Valkey 9.1.

use crate::engine::config::Config;
use crate::sys::memory;
use crate::testkit::{Kit, check};

#[test]
fn get_answers_strings_only() {
    check(
        r#"> SET k v | +OK
        > GET k | "v"
        > GET no | nil
        > SET n 10 | +OK
        > GET n | "10"
        > SET e "" | +OK
        > GET e | ""
        > SET "b\x00\xff" "\r\n\x00" | +OK
        > GET "b\x00\xff" | "\r\n\x00"
        > GET | -ERR wrong number of arguments for 'get' command
        > GET a b | -ERR wrong number of arguments for 'get' command
            "#,
    );
}

#[test]
fn set_takes_its_options() {
    check(
        r#"> SET k 1 NX | +OK
        > SET k 2 nx | nil
        > SET k 3 XX | +OK
        > SET no 3 XX | nil
        > GET k | "3"
        > SET k 4 GET | "3"
        > SET new 1 GET | nil
        > SET k 5 NX GET | "4"
        > SET k 6 xx get GET | "4"
        > GET k | "6"
        > SET k 7 NX XX | -ERR syntax error
        > SET k 7 XX NX | -ERR syntax error
        > SET k 7 NX NX | nil
        > SET k 7 foo | -ERR syntax error
        > SET k 7 PERSIST | -ERR syntax error
        > SET k | -ERR wrong number of arguments for 'set' command
            "#,
    );
}

#[test]
fn set_compares_with_ifeq() {
    check(
        r#"> SET k abc | +OK
        > SET k new IFEQ abd | nil
        > SET k new IFEQ abc | +OK
        > GET k | "new"
        > SET no new IFEQ x | nil
        > EXISTS no | :0
        > SET no new IFEQ x GET | nil
        > SET k newer IFEQ x GET | "new"
        > SET k newer IFEQ new GET | "new"
        > GET k | "newer"
        > SET n 10 | +OK
        > SET n 11 IFEQ 010 | nil
        > SET n 11 IFEQ 10 | +OK
        > GET n | "11"
        > SET get get | +OK
        > SET get ifeq GET IFEQ get | "get"
        > GET get | "ifeq"
        > SET get x IFEQ ifeq GET | "ifeq"
        > SET k v IFEQ | -ERR syntax error
        > SET k v IFEQ a IFEQ a | -ERR syntax error
        > SET k v NX IFEQ a | -ERR syntax error
        > SET k v IFEQ a XX | -ERR syntax error
            "#,
    );
}

#[test]
fn set_takes_an_expiry() {
    check(
        r#"> SET k v EX 100 | +OK
        > TTL k | :100
        > SET k v | +OK
        > TTL k | :-1
        > SET k v PX 100000 | +OK
        > TTL k | :100
        > SET k w KEEPTTL | +OK
        > TTL k | :100
        > SET k v EXAT 99999999999 GET | "w"
        > EXPIRETIME k | :99999999999
        > SET k v PXAT 99999999999000 | +OK
        > PEXPIRETIME k | :99999999999000
        > SET k v NX EX 5 | nil
        > SET k v EX 5 EX 100 | +OK
        > TTL k | :100
        > SET k v EX 0 | -ERR invalid expire time in 'set' command
        > SET k v EX -1 | -ERR invalid expire time in 'set' command
        > SET k v PX 0 | -ERR invalid expire time in 'set' command
        > SET k v EX a | -ERR value is not an integer or out of range
        > SET k v EX 9223372036854775807 | -ERR invalid expire time in 'set' command
        > SET k v EX 9223372036854776 | -ERR invalid expire time in 'set' command
        > SET k v EX 9223372036854775 | -ERR invalid expire time in 'set' command
        > SET k v PX 9223372036854775807 | -ERR invalid expire time in 'set' command
        > SET k v EXAT 0 | -ERR invalid expire time in 'set' command
        > SET k v EX 10 PX 10 | -ERR syntax error
        > SET k v EX 10 KEEPTTL | -ERR syntax error
        > SET k v KEEPTTL EX 10 | -ERR syntax error
        > SET k v PXAT 10 EXAT 10 | -ERR syntax error
        > SET k v EX | -ERR syntax error
        > GET k | "v"
            "#,
    );
}

#[test]
fn set_in_the_past_removes_the_key() {
    check(
        r#"> SET k v | +OK
        > SET k w EXAT 1 GET | "v"
        > GET k | nil
        > SET k w PXAT 1 | +OK
        > EXISTS k | :0
        > SET k v | +OK
        > SET k w NX PXAT 1 | nil
        > GET k | "v"
        > SET k w XX PXAT 1 | +OK
        > EXISTS k | :0
        > SET k w PXAT 1 GET | nil
            "#,
    );
}

#[test]
fn keys_expire() {
    check(
        r#"> SET k v PX 20 | +OK
        > SETEX j 1 v | +OK
        @ +20ms
        > GET k | nil
        > SET k v XX | nil
        > SET k v PX 10 | +OK
        > APPEND k w | :2
        @ +10ms
        > APPEND k x | :1
        > TTL k | :-1
        > GET j | "v"
            "#,
    );
}

#[test]
fn setnx_stores_once() {
    check(
        r#"> SETNX k 1 | :1
        > SETNX k 2 | :0
        > GET k | "1"
        > SETNX k | -ERR wrong number of arguments for 'setnx' command
            "#,
    );
}

#[test]
fn setex_and_psetex() {
    check(
        r#"> SETEX k 10 v | +OK
        > TTL k | :10
        > PSETEX k 20000 w | +OK
        > TTL k | :20
        > GET k | "w"
        > SETEX k 0 v | -ERR invalid expire time in 'setex' command
        > SETEX k -1 v | -ERR invalid expire time in 'setex' command
        > PSETEX k 0 v | -ERR invalid expire time in 'psetex' command
        > PSETEX k -5 v | -ERR invalid expire time in 'psetex' command
        > SETEX k x v | -ERR value is not an integer or out of range
        > SETEX k 9223372036854776 v | -ERR invalid expire time in 'setex' command
        > PSETEX k 9223372036854775807 v | -ERR invalid expire time in 'psetex' command
        > SETEX k 10 | -ERR wrong number of arguments for 'setex' command
        > GET k | "w"
            "#,
    );
}

#[test]
fn getset_answers_the_old_value() {
    check(
        r#"> GETSET k a | nil
        > GETSET k b | "a"
        > GET k | "b"
        > SET k c EX 100 | +OK
        > GETSET k 12 | "c"
        > TTL k | :-1
        > INCR k | :13
            "#,
    );
}

#[test]
fn mset_and_mget() {
    check(
        r#"> MSET a 1 b two c "" a 3 | +OK
        > MGET a b c no a | [ "3" "two" "" nil "3" ]
        > MSET a | -ERR wrong number of arguments for 'mset' command
        > MSET a 1 b | -ERR wrong number of arguments for 'mset' command
        > MGET | -ERR wrong number of arguments for 'mget' command
        > MGET no | [ nil ]
            "#,
    );
}

#[test]
fn msetnx_is_all_or_nothing() {
    check(
        r#"> MSETNX a 1 b 2 a 3 | :1
        > MGET a b | [ "3" "2" ]
        > MSETNX c 1 b 3 | :0
        > MGET c b | [ nil "2" ]
        > MSETNX c 1 d | -ERR wrong number of arguments for 'msetnx' command
            "#,
    );
}

#[test]
fn msetex_stores_with_one_expiry() {
    check(
        r#"> MSETEX 2 a 1 b 2 | :1
        > MGET a b | [ "1" "2" ]
        > TTL a | :-1
        > MSETEX 2 a 3 b 4 EX 100 | :1
        > TTL a | :100
        > TTL b | :100
        > MSETEX 1 a 5 KEEPTTL | :1
        > TTL a | :100
        > MSETEX 1 a 5 | :1
        > TTL a | :-1
        > MSETEX 2 a 1 c 2 NX | :0
        > MSETEX 2 a 1 c 2 XX | :0
        > MSETEX 1 c 2 NX PX 20 | :1
        > MSETEX 1 c 3 XX PXAT 99999999999000 | :1
        > GET c | "3"
        > PEXPIRETIME c | :99999999999000
        > MSETEX 2 a 1 a 2 EXAT 99999999999 | :1
        > GET a | "2"
        > EXPIRETIME a | :99999999999
        > MSETEX 0 a 1 | -ERR invalid numkeys value or out of range
        > MSETEX x a 1 | -ERR invalid numkeys value or out of range
        > MSETEX -1 a 1 | -ERR invalid numkeys value or out of range
        > MSETEX 2147483648 a 1 | -ERR invalid numkeys value or out of range
        > MSETEX 2147483647 a 1 | -ERR syntax error
        > MSETEX 2 a 1 | -ERR syntax error
        > MSETEX 1 a 1 b | -ERR syntax error
        > MSETEX 1 a 1 GET | -ERR syntax error
        > MSETEX 1 a 1 NX XX | -ERR syntax error
        > MSETEX 1 a 1 EX 0 | -ERR invalid expire time in 'msetex' command
        > MSETEX 1 a 1 EX x | -ERR value is not an integer or out of range
        > MSETEX 1 a | -ERR wrong number of arguments for 'msetex' command
            "#,
    );
}

#[test]
fn getdel_removes() {
    check(
        r#"> SET k v | +OK
        > GETDEL k | "v"
        > GETDEL k | nil
        > EXISTS k | :0
        > GETDEL | -ERR wrong number of arguments for 'getdel' command
            "#,
    );
}

#[test]
fn getex_changes_the_expiry() {
    check(
        r#"> SET k v | +OK
        > GETEX k | "v"
        > TTL k | :-1
        > GETEX k EX 100 | "v"
        > TTL k | :100
        > GETEX k | "v"
        > TTL k | :100
        > GETEX k PERSIST | "v"
        > TTL k | :-1
        > GETEX k PERSIST | "v"
        > GETEX k PX 50000 | "v"
        > TTL k | :50
        > GETEX k EXAT 99999999999 | "v"
        > EXPIRETIME k | :99999999999
        > GETEX k pxat 99999999999001 | "v"
        > PEXPIRETIME k | :99999999999001
        > GETEX k PERSIST EX 5 | -ERR syntax error
        > GETEX k EX 5 PERSIST | -ERR syntax error
        > GETEX k KEEPTTL | -ERR syntax error
        > GETEX k NX | -ERR syntax error
        > GETEX k EX | -ERR syntax error
        > GETEX k EX 0 | -ERR invalid expire time in 'getex' command
        > GETEX k EX x | -ERR value is not an integer or out of range
        > GETEX no EX x | -ERR value is not an integer or out of range
        > GETEX no EX 10 | nil
        > GETEX k PX 9223372036854775807 | -ERR invalid expire time in 'getex' command
        > GETEX k EXAT 1 | "v"
        > EXISTS k | :0
        > GETEX | -ERR wrong number of arguments for 'getex' command
            "#,
    );
}

#[test]
fn delifeq_compares() {
    check(
        r#"> SET k v | +OK
        > DELIFEQ k w | :0
        > DELIFEQ k v | :1
        > EXISTS k | :0
        > DELIFEQ k v | :0
        > SET n 12 | +OK
        > DELIFEQ n 012 | :0
        > DELIFEQ n 12 | :1
        > DELIFEQ n | -ERR wrong number of arguments for 'delifeq' command
            "#,
    );
}

#[test]
fn append_and_strlen() {
    check(
        r#"> APPEND k 12 | :2
        > OBJECT ENCODING k | "int"
        > APPEND k "" | :2
        > OBJECT ENCODING k | "raw"
        > APPEND k abc | :5
        > GET k | "12abc"
        > STRLEN k | :5
        > STRLEN no | :0
        > SET n -12345 | +OK
        > STRLEN n | :6
        > APPEND n 6 | :7
        > GET n | "-123456"
        > INCR n | :-123455
        > APPEND e "" | :0
        > STRLEN e | :0
        > EXISTS e | :1
        > APPEND k | -ERR wrong number of arguments for 'append' command
        > STRLEN | -ERR wrong number of arguments for 'strlen' command
            "#,
    );
}

#[test]
fn getrange_cuts() {
    check(
        r#"> SET k "Hello World" | +OK
        > GETRANGE k 0 3 | "Hell"
        > GETRANGE k 0 -1 | "Hello World"
        > GETRANGE k -4 -1 | "orld"
        > GETRANGE k 5 3 | ""
        > GETRANGE k 5 5000 | " World"
        > GETRANGE k -5000 10000 | "Hello World"
        > GETRANGE k -1 -5 | ""
        > GETRANGE k -100 -50 | "H"
        > GETRANGE k -50 -100 | ""
        > GETRANGE k 0 -12 | "H"
        > GETRANGE k 11 20 | ""
        > GETRANGE k 0 9223372036854775807 | "Hello World"
        > GETRANGE k -9223372036854775808 0 | "H"
        > GETRANGE k a 1 | -ERR value is not an integer or out of range
        > GETRANGE k 1 a | -ERR value is not an integer or out of range
        > GETRANGE no 0 -1 | ""
        > SUBSTR k 6 -1 | "World"
        > SET n 12345 | +OK
        > GETRANGE n 1 -2 | "234"
        > SET e "" | +OK
        > GETRANGE e 0 -1 | ""
        > GETRANGE e -1 0 | ""
            "#,
    );
}

#[test]
fn setrange_overwrites() {
    check(
        r#"> SETRANGE k 0 foo | :3
        > SETRANGE k 5 bar | :8
        > GET k | "foo\x00\x00bar"
        > SETRANGE k 1 OO | :8
        > GET k | "fOO\x00\x00bar"
        > SETRANGE k 0 "" | :8
        > SETRANGE no 0 "" | :0
        > SETRANGE no 100 "" | :0
        > EXISTS no | :0
        > SET n 1234 | +OK
        > SETRANGE n 1 x | :4
        > GET n | "1x34"
        > OBJECT ENCODING n | "raw"
        > SETRANGE k -1 x | -ERR offset is out of range
        > SETRANGE k a x | -ERR value is not an integer or out of range
        > SETRANGE k 536870911 xx | -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        > SETRANGE k 9223372036854775807 x | -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        > SETRANGE no 536870912 x | -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        > EXISTS no | :0
        > GET k | "fOO\x00\x00bar"
            "#,
    );
}

#[test]
fn incr_and_decr() {
    check(
        r#"> INCR n | :1
        > INCR n | :2
        > DECR n | :1
        > DECRBY n 10 | :-9
        > INCRBY n 100 | :91
        > INCRBY n -1 | :90
        > GET n | "90"
        > OBJECT ENCODING n | "int"
        > SET n 9223372036854775807 | +OK
        > INCR n | -ERR increment or decrement would overflow
        > INCRBY n 1 | -ERR increment or decrement would overflow
        > DECRBY n -1 | -ERR increment or decrement would overflow
        > DECR n | :9223372036854775806
        > SET n -9223372036854775808 | +OK
        > DECR n | -ERR increment or decrement would overflow
        > INCRBY n -1 | -ERR increment or decrement would overflow
        > DECRBY n 9223372036854775807 | -ERR increment or decrement would overflow
        > SET n 0 | +OK
        > DECRBY n -9223372036854775808 | -ERR decrement would overflow
        > INCRBY n 9223372036854775808 | -ERR value is not an integer or out of range
        > INCRBY n x | -ERR value is not an integer or out of range
        > INCRBY n 1.0 | -ERR value is not an integer or out of range
        > SET n 010 | +OK
        > INCR n | -ERR value is not an integer or out of range
        > SET n " 1" | +OK
        > INCR n | -ERR value is not an integer or out of range
        > SET n "1\x00" | +OK
        > INCR n | -ERR value is not an integer or out of range
        > SET n 5 EX 100 | +OK
        > INCR n | :6
        > TTL n | :100
        > INCR | -ERR wrong number of arguments for 'incr' command
        > INCRBY n | -ERR wrong number of arguments for 'incrby' command
            "#,
    );
}

#[test]
fn incrbyfloat_prints_as_the_reference() {
    check(
        r#"> INCRBYFLOAT f 10.5 | "10.5"
        > INCRBYFLOAT f 0.1 | "10.6"
        > INCRBYFLOAT f -5 | "5.6"
        > GET f | "5.6"
        > SET f 5.0e3 | +OK
        > INCRBYFLOAT f 2.0e2 | "5200"
        > SET f 1 | +OK
        > INCRBYFLOAT f 1 | "2"
        > OBJECT ENCODING f | "embstr"
        > INCR f | :3
        > OBJECT ENCODING f | "int"
        > SET f 17179869184 | +OK
        > INCRBYFLOAT f 1.5 | "17179869185.5"
        > SET f 1 | +OK
        > INCRBYFLOAT f inf | -ERR increment would produce NaN or Infinity
        > INCRBYFLOAT f -inf | -ERR increment would produce NaN or Infinity
        > INCRBYFLOAT f nan | -ERR value is not a valid float
        > INCRBYFLOAT f x | -ERR value is not a valid float
        > INCRBYFLOAT f "" | -ERR value is not a valid float
        > INCRBYFLOAT f " 1" | -ERR value is not a valid float
        > SET f x | +OK
        > INCRBYFLOAT f x | -ERR value is not a valid float
        > INCRBYFLOAT f 1 | -ERR value is not a valid float
        > SET f 1e4932 | +OK
        > INCRBYFLOAT f 1e4932 | -ERR increment would produce NaN or Infinity
        > SET f 3 EX 100 | +OK
        > INCRBYFLOAT f -1.10 | "1.9"
        > TTL f | :100
        > SET f 0 | +OK
        > INCRBYFLOAT f 0.1 | "0.1"
        > INCRBYFLOAT f 0.2 | "0.3"
            "#,
    );
}

#[test]
fn lcs_answers_in_its_three_ways() {
    check(
        r#"> MSET a ohmytext b mynewtext | +OK
        > LCS a b | "mytext"
        > LCS a b LEN | :6
        > LCS a b IDX | [ "matches" [ [ [ :4 :7 ] [ :5 :8 ] ] [ [ :2 :3 ] [ :0 :1 ] ] ] "len" :6 ]
        > LCS a b IDX MINMATCHLEN 4 | [ "matches" [ [ [ :4 :7 ] [ :5 :8 ] ] ] "len" :6 ]
        > LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN | [ "matches" [ [ [ :4 :7 ] [ :5 :8 ] :4 ] ] "len" :6 ]
        > LCS a b idx withmatchlen minmatchlen -1
        [ "matches" [ [ [ :4 :7 ] [ :5 :8 ] :4 ] [ [ :2 :3 ] [ :0 :1 ] :2 ] ] "len" :6 ]
        > LCS a b WITHMATCHLEN | "mytext"
        > LCS a no | ""
        > LCS a no LEN | :0
        > LCS a no IDX | [ "matches" [ ] "len" :0 ]
        > LCS no no | ""
        > LCS a a | "ohmytext"
        > LCS a b LEN IDX | -ERR If you want both the length and indexes, please just use IDX.
        > LCS a b MINMATCHLEN | -ERR syntax error
        > LCS a b MINMATCHLEN x | -ERR value is not an integer or out of range
        > LCS a b foo | -ERR syntax error
        > LCS a | -ERR wrong number of arguments for 'lcs' command
        > SET n 12345 | +OK
        > SET m 1357 | +OK
        > LCS n m | "135"
            "#,
    );
}

#[test]
fn encodings_follow_the_reference() {
    check(
        r#"> SET k 12345 | +OK
        > OBJECT ENCODING k | "int"
        > SET k 9223372036854775808 | +OK
        > OBJECT ENCODING k | "embstr"
        > SET k abc | +OK
        > OBJECT ENCODING k | "embstr"
        > APPEND k d | :4
        > OBJECT ENCODING k | "raw"
        > SET k abc | +OK
        > SETRANGE k 0 x | :3
        > OBJECT ENCODING k | "raw"
        > SET k 5 | +OK
        > INCRBYFLOAT k 1 | "6"
        > OBJECT ENCODING k | "embstr"
        > GETSET k 7 | "6"
        > OBJECT ENCODING k | "int"
            "#,
    );
}

#[test]
fn long_strings_are_shared_with_replies_unless_told_otherwise() {
    let big = "x".repeat(100_000);
    for (size, held) in [(0, 200_000..), (16_384, 0..), (80_000, 0..), (100_001, 200_000..)] {
        let mut kit = Kit::new(Config { min_string_size_avoid_copy_reply: size, ..Config::default() });
        kit.run("c1", &[b"SET".to_vec(), b"k".to_vec(), big.clone().into_bytes()]);
        let slot = kit.client("c1");
        let before = memory::used_by_thread();
        kit.exec.feed(slot, &mut b"GET k\r\nMGET k\r\n".to_vec());
        let took = memory::used_by_thread() - before;
        assert!(held.contains(&took) && (held.start > 0 || took < 100_000), "{size}: {took}");
        let reply = format!("$100000\r\n{big}\r\n");
        assert_eq!(kit.heard("c1"), format!("{reply}*1\r\n{reply}").as_bytes());
    }
}

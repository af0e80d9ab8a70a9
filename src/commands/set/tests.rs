//! Transcripts of the commands on sets. Replies are those of Valkey 9.1; where chance decides, what must hold of them.

use crate::engine::config::Config;
use crate::engine::stream::takers;
use crate::testkit::{Kit, check, check_plain, check_resp3};

#[test]
fn members_are_added_and_removed() {
    check(
        r#"> SADD s a b a | :2
        > SADD s b c | :1
        > SADD s a | :0
        > SCARD s | :3
        > SMEMBERS s | [ "a" "b" "c" ]
        > TYPE s | +set
        > SISMEMBER s a | :1
        > SISMEMBER s d | :0
        > SMISMEMBER s a d b "" | [ :1 :0 :1 :0 ]
        > SREM s a x a | :1
        > SREM s x y | :0
        > SMEMBERS s | [ "b" "c" ]
        > SREM s b c d | :2
        > EXISTS s | :0
        > TYPE s | +none
        > SREM s b | :0
        > SADD s "" | :1
        > SMISMEMBER s "" x | [ :1 :0 ]
        > SREM s "" | :1
        > SADD "k\x00\xff" "\r\n\x00" "\xff" | :2
        > SMEMBERS "k\x00\xff" | [ "\r\n\x00" "\xff" ]
        > SISMEMBER "k\x00\xff" "\r\n\x00" | :1
        > SREM "k\x00\xff" "\r\n\x00" | :1
            "#,
    );
}

#[test]
fn keys_that_are_none_hold_no_members() {
    check(
        r#"> SCARD no | :0
        > SMEMBERS no | [ ]
        > SISMEMBER no a | :0
        > SMISMEMBER no a b | [ :0 :0 ]
        > SREM no a | :0
        > SMOVE no other a | :0
        > SPOP no | nil
        > SPOP no 3 | [ ]
        > SRANDMEMBER no | nil
        > SRANDMEMBER no 3 | [ ]
        > SRANDMEMBER no -3 | [ ]
        > SSCAN no 0 | [ "0" [ ] ]
        > SSCAN no 0 COUNT | [ "0" [ ] ]
        > SINTER no | [ ]
        > SUNION no no | [ ]
        > SDIFF no no | [ ]
        > SINTERCARD 2 no no | :0
        > SINTERSTORE to no | :0
        > SUNIONSTORE to no | :0
        > SDIFFSTORE to no | :0
        > DBSIZE | :0
            "#,
    );
}

#[test]
fn other_types_are_refused() {
    check(
        r#"> SET k v | +OK
        > SADD s a | :1
        > SADD k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SREM k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SCARD k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SMEMBERS k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SISMEMBER k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SMISMEMBER k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SMOVE k s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SMOVE s k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SMOVE s k x | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SMOVE no k x | :0
        > SPOP k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SPOP k 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SPOP k 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SRANDMEMBER k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SRANDMEMBER k 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SSCAN k 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SSCAN k 0 COUNT | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SINTER no k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SINTERCARD 2 no k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SUNION s k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SDIFF no k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SINTERSTORE s no k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SUNIONSTORE s k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SDIFFSTORE s k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GET s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > INCR s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SMEMBERS s | [ "a" ]
        > SINTERSTORE k s | :1
        > SMEMBERS k | [ "a" ]
        > SET s v | +OK
        > GET s | "v"
            "#,
    );
}

#[test]
fn numbers_of_arguments() {
    check(
        r#"> SADD s | -ERR wrong number of arguments for 'sadd' command
        > SREM s | -ERR wrong number of arguments for 'srem' command
        > SMEMBERS s x | -ERR wrong number of arguments for 'smembers' command
        > SCARD | -ERR wrong number of arguments for 'scard' command
        > SISMEMBER s | -ERR wrong number of arguments for 'sismember' command
        > SISMEMBER s a b | -ERR wrong number of arguments for 'sismember' command
        > SMISMEMBER s | -ERR wrong number of arguments for 'smismember' command
        > SMOVE s t | -ERR wrong number of arguments for 'smove' command
        > SPOP | -ERR wrong number of arguments for 'spop' command
        > SPOP s 1 2 | -ERR syntax error
        > SRANDMEMBER | -ERR wrong number of arguments for 'srandmember' command
        > SRANDMEMBER s 1 2 | -ERR syntax error
        > SINTER | -ERR wrong number of arguments for 'sinter' command
        > SINTERCARD 1 | -ERR wrong number of arguments for 'sintercard' command
        > SINTERSTORE s | -ERR wrong number of arguments for 'sinterstore' command
        > SUNION | -ERR wrong number of arguments for 'sunion' command
        > SUNIONSTORE s | -ERR wrong number of arguments for 'sunionstore' command
        > SDIFF | -ERR wrong number of arguments for 'sdiff' command
        > SDIFFSTORE s | -ERR wrong number of arguments for 'sdiffstore' command
        > SSCAN s | -ERR wrong number of arguments for 'sscan' command
            "#,
    );
}

#[test]
fn integers_are_members_like_any_other() {
    check(
        r#"> SADD n 3 1 2 -5 9223372036854775807 -9223372036854775808 | :6
        > OBJECT ENCODING n | "intset"
        > SMEMBERS n | [ "-9223372036854775808" "-5" "1" "2" "3" "9223372036854775807" ]
        > SISMEMBER n 3 | :1
        > SISMEMBER n 03 | :0
        > SISMEMBER n +3 | :0
        > SISMEMBER n " 3" | :0
        > SISMEMBER n abc | :0
        > SREM n 1.0 01 x | :0
        > SADD n 9223372036854775808 | :1
        > OBJECT ENCODING n | "listpack"
        > SISMEMBER n 9223372036854775808 | :1
        > SADD n -0 007 | :2
        > SISMEMBER n 0 | :0
        > SREM n -5 2 9223372036854775807 -9223372036854775808 | :4
        > SMEMBERS n | [ "1" "3" "9223372036854775808" "-0" "007" ]
            "#,
    );
}

#[test]
fn encodings_change_at_their_thresholds() {
    check_plain(
        r#"> CONFIG SET set-max-intset-entries 3 set-max-listpack-entries 4 set-max-listpack-value 5 | +OK
        > SADD i 1 2 3 | :3
        > OBJECT ENCODING i | "intset"
        > SADD i 4 | :1
        > OBJECT ENCODING i | "hashtable"
        > SREM i 1 2 3 | :3
        > OBJECT ENCODING i | "hashtable"
        > SADD j 1 2 3 3 | :3
        > OBJECT ENCODING j | "listpack"
        > SADD h 1 2 3 3 3 | :3
        > OBJECT ENCODING h | "hashtable"
        > SADD l a b c d | :4
        > OBJECT ENCODING l | "listpack"
        > SADD l a | :0
        > OBJECT ENCODING l | "listpack"
        > SADD l a b a b a | :0
        > OBJECT ENCODING l | "hashtable"
        > SADD l2 a b c d | :4
        > SADD l2 e | :1
        > OBJECT ENCODING l2 | "hashtable"
        > SADD v abcde | :1
        > OBJECT ENCODING v | "listpack"
        > SADD v abcdef | :1
        > OBJECT ENCODING v | "hashtable"
        > SADD w abcdef | :1
        > OBJECT ENCODING w | "hashtable"
        > SADD m 1 2 | :2
        > SADD m a | :1
        > OBJECT ENCODING m | "listpack"
        > SADD x 1 -12345 | :2
        > SADD x a | :1
        > OBJECT ENCODING x | "hashtable"
        > SADD y 1 2 3 | :3
        > SADD y a | :1
        > OBJECT ENCODING y | "listpack"
        > SADD z 1 2 3 | :3
        > SADD z a b c d | :4
        > OBJECT ENCODING z | "hashtable"
        > COPY y y2 | :1
        > OBJECT ENCODING y2 | "listpack"
        > COPY z z2 | :1
        > OBJECT ENCODING z2 | "hashtable"
        > RENAME z z3 | +OK
        > OBJECT ENCODING z3 | "hashtable"
        > CONFIG SET set-max-intset-entries 512 set-max-listpack-entries 128 set-max-listpack-value 64 | +OK
            "#,
    );
}

#[test]
fn stored_results_take_the_encoding_they_can() {
    check_plain(
        r#"> CONFIG SET set-max-intset-entries 3 set-max-listpack-entries 4 set-max-listpack-value 5 | +OK
        > SADD ints 1 2 3 | :3
        > SADD mixed 1 2 a | :3
        > SADD table 1 2 abcdef | :3
        > SINTERSTORE to mixed ints | :2
        > OBJECT ENCODING to | "intset"
        > SINTERSTORE to table mixed | :2
        > OBJECT ENCODING to | "intset"
        > SINTERSTORE to table | :3
        > OBJECT ENCODING to | "hashtable"
        > SINTERSTORE to mixed | :3
        > OBJECT ENCODING to | "listpack"
        > SUNIONSTORE to ints ints | :3
        > OBJECT ENCODING to | "intset"
        > SADD four 4 | :1
        > SUNIONSTORE to ints four | :4
        > OBJECT ENCODING to | "hashtable"
        > SUNIONSTORE to ints mixed | :4
        > OBJECT ENCODING to | "listpack"
        > SUNIONSTORE to mixed ints | :4
        > OBJECT ENCODING to | "listpack"
        > SUNIONSTORE to mixed table | :4
        > OBJECT ENCODING to | "hashtable"
        > SADD long abcdef | :1
        > SDIFFSTORE to table long | :2
        > OBJECT ENCODING to | "intset"
        > SDIFFSTORE to table long long long long long | :2
        > OBJECT ENCODING to | "hashtable"
        > SDIFFSTORE to mixed ints | :1
        > OBJECT ENCODING to | "listpack"
        > SADD many 1 2 3 4 5 6 7 8 9 10 a | :11
        > SPOP many 2 | *
        > OBJECT ENCODING many | "hashtable"
        > SPOP many 8 | *
        > OBJECT ENCODING many | "listpack"
        > SADD j 1 2 3 | :3
        > SPOP j 2 | *
        > OBJECT ENCODING j | "intset"
        > CONFIG SET set-max-intset-entries 512 set-max-listpack-entries 128 set-max-listpack-value 64 | +OK
            "#,
    );
}

#[test]
fn smove_moves() {
    check(
        r#"> SADD a x y | :2
        > SMOVE a b x | :1
        > SMEMBERS a | [ "y" ]
        > SMEMBERS b | [ "x" ]
        > SMOVE a b nope | :0
        > SADD b y | :1
        > SMOVE a b y | :1
        > EXISTS a | :0
        > SMEMBERS b | [ "x" "y" ]
        > SMOVE b b x | :1
        > SMOVE b b z | :0
        > SCARD b | :2
        > SMOVE no b x | :0
        > SADD n 1 2 | :2
        > SMOVE n b 1 | :1
        > SMOVE b n x | :1
        > SMEMBERS n | [ "2" "x" ]
        > SADD old q | :1
        > PEXPIRE old 100 | :1
        > SADD gone r | :1
        > PEXPIRE gone 100 | :1
        @ +200ms
        > SMOVE old n q | :0
        > SMOVE n gone 2 | :1
        > SMEMBERS gone | [ "2" ]
        > TTL gone | :-1
            "#,
    );
}

#[test]
fn sets_are_put_together() {
    check(
        r#"> SADD a 1 2 3 4 | :4
        > SADD b 3 4 5 x | :4
        > SADD c 4 5 6 | :3
        > SINTER a | [ "1" "2" "3" "4" ]
        > SINTER a b | [ "3" "4" ]
        > SINTER a b c | [ "4" ]
        > SINTER a a | [ "1" "2" "3" "4" ]
        > SINTER a no | [ ]
        > SUNION a | [ "1" "2" "3" "4" ]
        > SUNION a c | [ "1" "2" "3" "4" "5" "6" ]
        > SUNION a no | [ "1" "2" "3" "4" ]
        > SDIFF a | [ "1" "2" "3" "4" ]
        > SDIFF a b | [ "1" "2" ]
        > SDIFF a b c | [ "1" "2" ]
        > SDIFF b a c | [ "x" ]
        > SDIFF a a | [ ]
        > SDIFF a b a | [ ]
        > SDIFF no a | [ ]
        > SDIFF a no | [ "1" "2" "3" "4" ]
        > SINTERSTORE to a b | :2
        > SMEMBERS to | [ "3" "4" ]
        > SUNIONSTORE to a c | :6
        > SMEMBERS to | [ "1" "2" "3" "4" "5" "6" ]
        > SDIFFSTORE to a b | :2
        > SMEMBERS to | [ "1" "2" ]
        > SINTERSTORE a a b | :2
        > SMEMBERS a | [ "3" "4" ]
        > SDIFFSTORE a a b | :0
        > EXISTS a | :0
        > SET str v EX 100 | +OK
        > SUNIONSTORE str c | :3
        > TTL str | :-1
        > TYPE str | +set
        > SINTERSTORE str c no | :0
        > EXISTS str | :0
            "#,
    );
}

#[test]
fn unions_of_many_hold_each_member_once() {
    check(
        r#"> SADD a 1 2 3 | :3
        > SADD b 3 4 x | :3
        > SADD c 4 5 x y | :4
        > SUNIONSTORE two a b | :5
        > SUNIONSTORE three a b c a | :7
        > SINTERCARD 1 three | :7
        > SINTER three a | [ "1" "2" "3" ]
        > SDIFF three a b | *
        > SDIFFSTORE rest three a b | :2
        > SISMEMBER rest 5 | :1
        > SMISMEMBER three 1 2 3 4 5 x y z | [ :1 :1 :1 :1 :1 :1 :1 :0 ]
            "#,
    );
    let mut kit = Kit::new(Config::default());
    let ask = |kit: &mut Kit, request: &str| {
        let words: Vec<Vec<u8>> = request.split(' ').map(Vec::from).collect();
        kit.run("c", &words)
    };
    for request in ["SADD a 1 2 3", "SADD b 3 4 x", "SADD c 4 5 x y"] {
        ask(&mut kit, request);
    }
    for (request, expected) in
        [("SUNION a b", "1 2 3 4 x"), ("SUNION b a", "1 2 3 4 x"), ("SUNION b c b a a", "1 2 3 4 5 x y")]
    {
        let reply = ask(&mut kit, request).replace('"', "");
        let mut members: Vec<&str> = reply.split(' ').filter(|w| !["[", "]"].contains(w)).collect();
        members.sort_unstable();
        assert_eq!(members.join(" "), expected, "{request}");
    }
}

#[test]
fn sintercard_counts_up_to_its_limit() {
    check(
        r#"> SADD a 1 2 3 4 | :4
        > SADD b 2 3 4 5 | :4
        > SINTERCARD 1 a | :4
        > SINTERCARD 2 a b | :3
        > SINTERCARD 2 a b LIMIT 2 | :2
        > SINTERCARD 2 a b limit 0 | :3
        > SINTERCARD 2 a b LIMIT 10 | :3
        > SINTERCARD 2 a b LIMIT 1 LIMIT 2 | :2
        > SINTERCARD 2 a no | :0
        > SINTERCARD 0 a | -ERR numkeys should be greater than 0
        > SINTERCARD a b | -ERR numkeys should be greater than 0
        > SINTERCARD -1 b | -ERR numkeys should be greater than 0
        > SINTERCARD 9223372036854775807 b | -ERR Number of keys can't be greater than number of args
        > SINTERCARD 9223372036854775808 b | -ERR numkeys should be greater than 0
        > SINTERCARD 3 a b | -ERR Number of keys can't be greater than number of args
        > SINTERCARD 1 a b | -ERR syntax error
        > SINTERCARD 2 a b LIMIT | -ERR syntax error
        > SINTERCARD 2 a b LIMIT -1 | -ERR LIMIT can't be negative
        > SINTERCARD 2 a b LIMIT x | -ERR LIMIT can't be negative
        > SINTERCARD 2 a b FOO 1 | -ERR syntax error
        > COMMAND GETKEYS SINTERCARD 2 a b LIMIT 1 | [ "a" "b" ]
            "#,
    );
}

#[test]
fn spop_takes_members_out() {
    check(
        r#"> SADD one x | :1
        > SPOP one | "x"
        > EXISTS one | :0
        > SADD s a b c | :3
        > SPOP s 0 | [ ]
        > SPOP s | *
        > SCARD s | :2
        > SPOP s 1 | *
        > SCARD s | :1
        > SPOP s 10 | *
        > EXISTS s | :0
        > SADD n 1 2 3 | :3
        > SPOP n 3 | [ "1" "2" "3" ]
        > SPOP n -1 | -ERR value is out of range, must be positive
        > SPOP n x | -ERR value is out of range, must be positive
        > SPOP n 9223372036854775808 | -ERR value is out of range, must be positive
        > SADD n 1 2 3 | :3
        > SPOP n 9223372036854775807 | [ "1" "2" "3" ]
        > EXISTS n | :0
        > SADD t a b c d e f g h i j k l | :12
        > SPOP t 2 | *
        > SCARD t | :10
        > SPOP t 9 | *
        > SCARD t | :1
            "#,
    );
}

#[test]
fn srandmember_leaves_them() {
    check(
        r#"> SADD s x | :1
        > SRANDMEMBER s | "x"
        > SRANDMEMBER s 0 | [ ]
        > SRANDMEMBER s 1 | [ "x" ]
        > SRANDMEMBER s 5 | [ "x" ]
        > SRANDMEMBER s -3 | [ "x" "x" "x" ]
        > SRANDMEMBER s -9 | [ "x" "x" "x" "x" "x" "x" "x" "x" "x" ]
        > SRANDMEMBER s x | -ERR value is not an integer or out of range
        > SRANDMEMBER s -9223372036854775808 | -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        > SRANDMEMBER s 9223372036854775807 | [ "x" ]
        > SADD s y z | :2
        > SRANDMEMBER s 3 | [ "x" "y" "z" ]
        > SRANDMEMBER s 2 | *
        > SRANDMEMBER s -2 | *
        > SCARD s | :3
            "#,
    );
}

/// The reference would fill memory until the system ends it.
#[test]
fn draws_that_no_memory_holds_are_refused() {
    let mut kit = Kit::new(Config::default());
    let mut ask = |request: &str| {
        let words: Vec<Vec<u8>> = request.split(' ').map(Vec::from).collect();
        kit.run("c", &words)
    };
    ask("SADD s x");
    assert_eq!(ask("SRANDMEMBER s -9223372036854775807"), "-ERR value is out of range");
    assert_eq!(ask("SRANDMEMBER s -100000000"), "-ERR value is out of range");
    assert_eq!(ask("SRANDMEMBER s -1001").matches("\"x\"").count(), 1001);
}

#[test]
fn sets_of_resp3() {
    check_resp3(
        r#"> SADD s 1 2 | :2
        > SMEMBERS s | ~[ "1" "2" ]
        > SMEMBERS no | ~[ ]
        > SINTER s | ~[ "1" "2" ]
        > SINTER s no | ~[ ]
        > SUNION s | ~[ "1" "2" ]
        > SDIFF s | ~[ "1" "2" ]
        > SDIFF no | ~[ ]
        > SMISMEMBER s 1 3 | [ :1 :0 ]
        > SISMEMBER s 1 | :1
        > SRANDMEMBER s 5 | [ "1" "2" ]
        > SRANDMEMBER no 5 | [ ]
        > SRANDMEMBER no | nil
        > SSCAN s 0 | [ "0" [ "1" "2" ] ]
        > SPOP no 1 | ~[ ]
        > SPOP no | nil
        > SPOP s 0 | ~[ ]
        > SPOP s 2 | ~[ "1" "2" ]
        > SADD s 1 | :1
        > SPOP s 1 | ~[ "1" ]
            "#,
    );
}

#[test]
fn sscan_walks() {
    check_plain(
        r#"> SADD s a b ab 10 | :4
        > SSCAN s 0 | [ "0" [ "a" "b" "ab" "10" ] ]
        > SSCAN s 0 COUNT 1 | [ "0" [ "a" "b" "ab" "10" ] ]
        > SSCAN s 12345 | [ "0" [ "a" "b" "ab" "10" ] ]
        > SSCAN s 0 MATCH a* | [ "0" [ "a" "ab" ] ]
        > SSCAN s 0 match 1? count 100 | [ "0" [ "10" ] ]
        > SSCAN s 0 MATCH a* MATCH b* | [ "0" [ "b" ] ]
        > SSCAN s 0 MATCH * COUNT 2 | [ "0" [ "a" "b" "ab" "10" ] ]
        > SSCAN s 0 MATCH | -ERR syntax error
        > SSCAN s 0 COUNT | -ERR syntax error
        > SSCAN s 0 COUNT 0 | -ERR syntax error
        > SSCAN s 0 COUNT -1 | -ERR syntax error
        > SSCAN s 0 COUNT x | -ERR value is not an integer or out of range
        > SSCAN s 0 TYPE set | -ERR syntax error
        > SSCAN s 0 NOVALUES | -ERR NOVALUES option can only be used in HSCAN
        > SSCAN s 0 NOSCORES | -ERR NOSCORES option can only be used in ZSCAN
        > SSCAN s x | -ERR invalid cursor
        > SSCAN s 18446744073709551616 | -ERR invalid cursor
        > SSCAN no x | -ERR invalid cursor
        > SSCAN s 0 COUNT 9223372036854775807 | [ "0" [ "a" "b" "ab" "10" ] ]
            "#,
    );
}

#[test]
fn sscan_meets_every_member_of_a_large_set() {
    let mut kit = Kit::new(Config::default());
    let mut ask = |words: &[&str]| {
        let words: Vec<Vec<u8>> = words.iter().map(|w| w.as_bytes().to_vec()).collect();
        kit.run("c", &words)
    };
    let names: Vec<String> = (0..3000).map(|i| format!("m:{i}")).collect();
    let words: Vec<&str> = ["SADD", "s"].into_iter().chain(names.iter().map(String::as_str)).collect();
    assert_eq!(ask(&words), ":3000");
    let (mut cursor, mut met, mut calls) = ("0".to_string(), std::collections::BTreeSet::new(), 0);
    loop {
        let reply = ask(&["SSCAN", "s", &cursor, "COUNT", "100"]);
        let words: Vec<String> =
            reply.split(' ').filter(|w| w.starts_with('"')).map(|w| w.replace('"', "")).collect();
        assert!(words.len() < 200, "{} in one call", words.len());
        cursor = words[0].clone();
        met.extend(words[1..].iter().cloned());
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!((met.len(), calls > 10), (3000, true));
    // What was added at the end is gone again, and the rest is still whole.
    let removed: Vec<&str> = ["SREM", "s"].into_iter().chain(words[100..].iter().copied()).collect();
    assert_eq!(ask(&removed), ":2902");
    assert_eq!(ask(&["SCARD", "s"]), ":98");
}

#[test]
fn expired_sets_are_gone() {
    check(
        r#"> SADD a 1 2 | :2
        > SADD b 2 3 | :2
        > PEXPIRE a 100 | :1
        > SADD a 3 | :1
        > PTTL a | *
        @ +200ms
        > SMEMBERS a | [ ]
        > SADD c 2 9 | :2
        > PEXPIRE c 100 | :1
        @ +200ms
        > SINTER b c | [ ]
        > SUNION c b | [ "2" "3" ]
        > SDIFF b c | [ "2" "3" ]
        > SADD c 7 | :1
        > TTL c | :-1
        > SMEMBERS c | [ "7" ]
            "#,
    );
}

/// Everything about one command, or a chain of them, in the order in which it is told: the names of events.
fn events(requests: &[&str]) -> Vec<String> {
    let mut kit = Kit::new(Config::default());
    let mut told = Vec::new();
    for request in requests {
        let words: Vec<Vec<u8>> = request.split(' ').map(Vec::from).collect();
        kit.exec.server.take_stream(takers::TEST, true);
        kit.run("c", &words);
        let stream = kit.exec.server.stream.take_bytes();
        told.push(
            String::from_utf8_lossy(&stream)
                .lines()
                .filter(|l| !l.starts_with(['*', '$']))
                .collect::<Vec<_>>()
                .join(" "),
        );
    }
    told
}

#[test]
fn what_chance_took_is_propagated_by_name() {
    let told = events(&["SADD s x", "SPOP s", "SADD s 1 2 3", "SPOP s 5", "SPOP s", "SADD s x", "SADD s x"]);
    assert_eq!(told[1..], ["SREM s x", "SADD s 1 2 3", "UNLINK s", "", "SADD s x", ""]);
    let told = events(&["SADD s 1 2 3 a b c d e f g", "SPOP s 2", "SPOP s 7"]);
    assert!(told[1].starts_with("SREM s ") && told[1].split(' ').count() == 4, "{told:?}");
    assert!(told[2].starts_with("SREM s ") && told[2].split(' ').count() == 9, "{told:?}");
}

//! Transcripts of the commands on lists. Replies are those of Valkey 9.1.

use crate::engine::config::Config;
use crate::engine::config::values::Protected;
use crate::testkit::{Kit, check, check_plain, check_with};

#[test]
fn push_adds_at_its_end() {
    check(
        r#"> LPUSH l a | :1
        > LPUSH l b c | :3
        > RPUSH l d e | :5
        > LRANGE l 0 -1 | [ "c" "b" "a" "d" "e" ]
        > RPUSH l 1 -7 9223372036854775807 -9223372036854775808 9223372036854775808 | :10
        > LRANGE l 5 -1 | [ "1" "-7" "9223372036854775807" "-9223372036854775808" "9223372036854775808" ]
        > RPUSH "b\x00\xff" "" "\r\n\x00" 007 -0 1.0 +1 " 1" | :7
        > LRANGE "b\x00\xff" 0 -1 | [ "" "\r\n\x00" "007" "-0" "1.0" "+1" " 1" ]
        > SET s v | +OK
        > LPUSH s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > RPUSH s a b | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LPUSH l | -ERR wrong number of arguments for 'lpush' command
        > RPUSH l | -ERR wrong number of arguments for 'rpush' command
        > TYPE l | +list
            "#,
    );
}

#[test]
fn pushx_adds_to_what_is_there() {
    check(
        r#"> LPUSHX l a | :0
        > RPUSHX l a b | :0
        > EXISTS l | :0
        > RPUSH l a | :1
        > LPUSHX l b c | :3
        > RPUSHX l d | :4
        > LRANGE l 0 -1 | [ "c" "b" "a" "d" ]
        > SET s v | +OK
        > LPUSHX s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > RPUSHX s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LPUSHX l | -ERR wrong number of arguments for 'lpushx' command
        > RPUSHX l | -ERR wrong number of arguments for 'rpushx' command
            "#,
    );
}

#[test]
fn pop_takes_off_its_end() {
    check(
        r#"> RPUSH l a b 3 d e | :5
        > LPOP l | "a"
        > RPOP l | "e"
        > LPOP l 2 | [ "b" "3" ]
        > RPOP l 9223372036854775807 | [ "d" ]
        > EXISTS l | :0
        > LPOP l | nil
        > RPOP l | nil
        > RPUSH l a b c | :3
        > RPOP l 2 | [ "c" "b" ]
        > RPOP l | "a"
        > EXISTS l | :0
            "#,
    );
}

#[test]
fn pop_with_a_count() {
    check(
        r#"> LPOP no 1 | nil
        > RPOP no 0 | nil
        > RPUSH l a b | :2
        > LPOP l 0 | [ ]
        > RPOP l 0 | [ ]
        > LLEN l | :2
        > LPOP l -1 | -ERR value is out of range, must be positive
        > LPOP no -1 | -ERR value is out of range, must be positive
        > RPOP l x | -ERR value is out of range, must be positive
        > RPOP l 9223372036854775808 | -ERR value is out of range, must be positive
        > SET s v | +OK
        > LPOP s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > RPOP s 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LPOP s 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LPOP s x | -ERR value is out of range, must be positive
        > LPOP | -ERR wrong number of arguments for 'lpop' command
        > RPOP | -ERR wrong number of arguments for 'rpop' command
        > LPOP l 1 2 | -ERR wrong number of arguments for 'lpop' command
        > RPOP l x 2 | -ERR wrong number of arguments for 'rpop' command
            "#,
    );
}

#[test]
fn what_is_missing_is_an_array_or_not() {
    let mut kit = Kit::new(Config::default());
    assert_eq!(kit.raw("c", b"LPOP no\r\n"), b"$-1\r\n");
    assert_eq!(kit.raw("c", b"LPOP no 1\r\n"), b"*-1\r\n");
    assert_eq!(kit.raw("c", b"LMPOP 1 no LEFT\r\n"), b"*-1\r\n");
    assert_eq!(kit.raw("c", b"LPOS no x\r\n"), b"$-1\r\n");
    assert_eq!(kit.raw("c", b"LMOVE no x LEFT LEFT\r\n"), b"$-1\r\n");
    // Where nothing may block, a move says what LMOVE would.
    let slot = kit.client("c");
    kit.exec.server.client(slot).deny_blocking = true;
    assert_eq!(kit.raw("c", b"BLMOVE no x LEFT LEFT 1\r\n"), b"$-1\r\n");
    assert_eq!(kit.raw("c", b"BRPOPLPUSH no x 1\r\n"), b"$-1\r\n");
    assert_eq!(kit.raw("c", b"BLPOP no 1\r\n"), b"*-1\r\n");
    assert_eq!(kit.raw("c", b"BLMPOP 1 1 no LEFT\r\n"), b"*-1\r\n");
}

#[test]
fn lmpop_takes_from_the_first_list() {
    check(
        r#"> RPUSH b 1 2 3 4 5 | :5
        > LMPOP 2 a b LEFT | [ "b" [ "1" ] ]
        > LMPOP 2 a b right count 2 | [ "b" [ "5" "4" ] ]
        > LMPOP 1 b RIGHT COUNT 9223372036854775807 | [ "b" [ "3" "2" ] ]
        > EXISTS b | :0
        > LMPOP 2 a b LEFT COUNT 1 | nil
        > SET s v | +OK
        > RPUSH b 1 | :1
        > LMPOP 3 a s b LEFT | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LMPOP 3 a b s LEFT | [ "b" [ "1" ] ]
            "#,
    );
}

#[test]
fn lmpop_reads_its_arguments() {
    check(
        r#"> LMPOP 0 a LEFT | -ERR numkeys should be greater than 0
        > LMPOP -1 a LEFT | -ERR numkeys should be greater than 0
        > LMPOP x a LEFT | -ERR numkeys should be greater than 0
        > LMPOP 2 a LEFT | -ERR syntax error
        > LMPOP 3 a LEFT | -ERR syntax error
        > LMPOP 1 a b LEFT | -ERR syntax error
        > LMPOP 1 a UP | -ERR syntax error
        > LMPOP 1 a LEFT COUNT | -ERR syntax error
        > LMPOP 1 a LEFT 1 | -ERR syntax error
        > LMPOP 1 a LEFT COUNT 0 | -ERR count should be greater than 0
        > LMPOP 1 a LEFT COUNT -1 | -ERR count should be greater than 0
        > LMPOP 1 a LEFT COUNT x | -ERR count should be greater than 0
        > LMPOP 1 a LEFT COUNT 1 COUNT 1 | -ERR syntax error
        > LMPOP 1 a | -ERR wrong number of arguments for 'lmpop' command
        > COMMAND GETKEYS LMPOP 2 a b LEFT | [ "a" "b" ]
        > COMMAND GETKEYS BLMPOP 0 2 a b LEFT | [ "a" "b" ]
            "#,
    );
}

#[test]
fn lrange_counts_from_both_ends() {
    check(
        r#"> RPUSH l a b c d e | :5
        > LRANGE l 0 0 | [ "a" ]
        > LRANGE l -2 -1 | [ "d" "e" ]
        > LRANGE l 1 -2 | [ "b" "c" "d" ]
        > LRANGE l -100 100 | [ "a" "b" "c" "d" "e" ]
        > LRANGE l 3 1 | [ ]
        > LRANGE l 5 9 | [ ]
        > LRANGE l -1 -2 | [ ]
        > LRANGE l 0 -100 | [ ]
        > LRANGE l -9223372036854775808 9223372036854775807 | [ "a" "b" "c" "d" "e" ]
        > LRANGE l 9223372036854775807 -9223372036854775808 | [ ]
        > LRANGE no 0 -1 | [ ]
        > LRANGE l x 1 | -ERR value is not an integer or out of range
        > LRANGE l 1 y | -ERR value is not an integer or out of range
        > LRANGE no 1 9223372036854775808 | -ERR value is not an integer or out of range
        > SET s v | +OK
        > LRANGE s 0 -1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LRANGE s 0 x | -ERR value is not an integer or out of range
        > LRANGE l 0 | -ERR wrong number of arguments for 'lrange' command
            "#,
    );
}

#[test]
fn lindex_and_llen() {
    check(
        r#"> RPUSH l a 2 c | :3
        > LINDEX l 0 | "a"
        > LINDEX l 1 | "2"
        > LINDEX l -1 | "c"
        > LINDEX l -3 | "a"
        > LINDEX l 3 | nil
        > LINDEX l -4 | nil
        > LINDEX l 9223372036854775807 | nil
        > LINDEX l -9223372036854775808 | nil
        > LINDEX l x | -ERR value is not an integer or out of range
        > LINDEX no x | nil
        > SET s v | +OK
        > LINDEX s x | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LINDEX l | -ERR wrong number of arguments for 'lindex' command
        > LLEN l | :3
        > LLEN no | :0
        > LLEN s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LLEN | -ERR wrong number of arguments for 'llen' command
            "#,
    );
}

#[test]
fn lpos_finds() {
    check(
        r#"> RPUSH l a b c 1 2 3 c c | :8
        > LPOS l a | :0
        > LPOS l c | :2
        > LPOS l 3 | :5
        > LPOS l x | nil
        > LPOS l 03 | nil
        > LPOS l c RANK 1 | :2
        > LPOS l c RANK 2 | :6
        > LPOS l c RANK 4 | nil
        > LPOS l c RANK -1 | :7
        > LPOS l c rank -2 | :6
        > LPOS l c RANK 9223372036854775807 | nil
        > LPOS l c RANK -9223372036854775807 | nil
        > LPOS l c COUNT 0 | [ :2 :6 :7 ]
        > LPOS l c COUNT 1 | [ :2 ]
        > LPOS l c COUNT 100 | [ :2 :6 :7 ]
        > LPOS l c COUNT 0 RANK 2 | [ :6 :7 ]
        > LPOS l c COUNT 0 RANK -1 | [ :7 :6 :2 ]
        > LPOS l c COUNT 2 RANK -1 | [ :7 :6 ]
        > LPOS l b COUNT 0 RANK 2 | [ ]
        > LPOS l c COUNT 0 MAXLEN 1 | [ ]
        > LPOS l c COUNT 0 MAXLEN 3 | [ :2 ]
        > LPOS l c COUNT 0 MAXLEN 3 RANK -1 | [ :7 :6 ]
        > LPOS l c MAXLEN 2 | nil
        > LPOS l a RANK -1 MAXLEN 7 | nil
        > LPOS l a RANK -1 MAXLEN 8 | :0
        > LPOS l c MAXLEN 0 maxlen 1 COUNT 0 COUNT 1 | [ ]
            "#,
    );
}

#[test]
fn lpos_reads_its_arguments() {
    check(
        r#"> LPOS no a COUNT 0 | [ ]
        > LPOS no a | nil
        > LPOS no a RANK 0 | -ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
        > LPOS no a RANK x | -ERR value is not an integer or out of range
        > LPOS no a RANK -9223372036854775808 | -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        > LPOS no a COUNT -1 | -ERR COUNT can't be negative
        > LPOS no a COUNT x | -ERR COUNT can't be negative
        > LPOS no a MAXLEN -1 | -ERR MAXLEN can't be negative
        > LPOS no a MAXLEN x | -ERR MAXLEN can't be negative
        > LPOS no a RANK | -ERR syntax error
        > LPOS no a FOO 1 | -ERR syntax error
        > LPOS no a FOO | -ERR syntax error
        > SET s v | +OK
        > LPOS s v | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LPOS s v COUNT 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LPOS s | -ERR wrong number of arguments for 'lpos' command
            "#,
    );
}

#[test]
fn lset_replaces() {
    check(
        r#"> RPUSH l a b c | :3
        > LSET l 0 x | +OK
        > LSET l -1 12 | +OK
        > LSET l 1 "" | +OK
        > LRANGE l 0 -1 | [ "x" "" "12" ]
        > LSET l 3 y | -ERR index out of range
        > LSET l -4 y | -ERR index out of range
        > LSET l x y | -ERR value is not an integer or out of range
        > LSET no x y | -ERR no such key
        > SET s v | +OK
        > LSET s x y | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LSET l 0 | -ERR wrong number of arguments for 'lset' command
            "#,
    );
}

/// The reference takes the number for one of 32 bits here, and replaces another element than was asked for.
#[test]
fn lset_reads_all_of_the_number() {
    let mut kit = Kit::new(Config::default());
    assert_eq!(kit.raw("c", b"RPUSH l a b\r\n"), b":2\r\n");
    for index in ["4294967296", "9223372036854775807", "-9223372036854775808", "-4294967297"] {
        let heard = kit.raw("c", format!("LSET l {index} x\r\n").as_bytes());
        assert_eq!(heard, b"-ERR index out of range\r\n", "{index}");
    }
}

#[test]
fn linsert_beside_the_first_that_matches() {
    check(
        r#"> RPUSH l a b 3 b | :4
        > LINSERT l BEFORE b x | :5
        > LINSERT l after b y | :6
        > LINSERT l AFTER 3 4 | :7
        > LINSERT l BEFORE a 0 | :8
        > LINSERT l BEFORE nope z | :-1
        > LINSERT l AFTER 03 z | :-1
        > LRANGE l 0 -1 | [ "0" "a" "x" "b" "y" "3" "4" "b" ]
        > LINSERT no AFTER a b | :0
        > LINSERT no BESIDE a b | -ERR syntax error
        > SET s v | +OK
        > LINSERT s AFTER a b | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LINSERT s BESIDE a b | -ERR syntax error
        > LINSERT l AFTER a | -ERR wrong number of arguments for 'linsert' command
            "#,
    );
}

#[test]
fn lrem_removes_what_matches() {
    check(
        r#"> RPUSH l a b a 1 a b 1 a | :8
        > LREM l 1 a | :1
        > LREM l -1 a | :1
        > LRANGE l 0 -1 | [ "b" "a" "1" "a" "b" "1" ]
        > LREM l 0 a | :2
        > LREM l -5 1 | :2
        > LREM l 0 nope | :0
        > LREM l 9223372036854775807 b | :2
        > EXISTS l | :0
        > LREM l 0 b | :0
        > LREM no -9223372036854775807 b | :0
        > LREM no -9223372036854775808 b | -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        > LREM no x b | -ERR value is not an integer or out of range
        > SET s v | +OK
        > LREM s 0 v | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LREM s x v | -ERR value is not an integer or out of range
        > LREM l 0 | -ERR wrong number of arguments for 'lrem' command
            "#,
    );
}

#[test]
fn ltrim_keeps_a_range() {
    check(
        r#"> RPUSH l a b c d e f g | :7
        > LTRIM l 1 -2 | +OK
        > LRANGE l 0 -1 | [ "b" "c" "d" "e" "f" ]
        > LTRIM l -100 100 | +OK
        > LTRIM l -4 9223372036854775807 | +OK
        > LRANGE l 0 -1 | [ "c" "d" "e" "f" ]
        > LTRIM l 0 1 | +OK
        > LRANGE l 0 -1 | [ "c" "d" ]
        > LTRIM l 5 9 | +OK
        > EXISTS l | :0
        > RPUSH l a | :1
        > LTRIM l 0 -9223372036854775808 | +OK
        > EXISTS l | :0
        > LTRIM no 0 1 | +OK
        > LTRIM no x 1 | -ERR value is not an integer or out of range
        > LTRIM no 1 y | -ERR value is not an integer or out of range
        > SET s v | +OK
        > LTRIM s 0 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LTRIM l 0 | -ERR wrong number of arguments for 'ltrim' command
            "#,
    );
}

#[test]
fn lmove_moves_between_all_ends() {
    check(
        r#"> RPUSH l a b 3 d | :4
        > LMOVE l m LEFT RIGHT | "a"
        > LMOVE l m right left | "d"
        > LMOVE l m LEFT LEFT | "b"
        > LRANGE m 0 -1 | [ "b" "d" "a" ]
        > LMOVE m m RIGHT LEFT | "a"
        > LMOVE m m LEFT LEFT | "a"
        > LRANGE m 0 -1 | [ "a" "b" "d" ]
        > LMOVE l m RIGHT RIGHT | "3"
        > EXISTS l | :0
        > LMOVE l m LEFT LEFT | nil
        > RPOPLPUSH m l | "3"
        > RPOPLPUSH l l | "3"
        > LRANGE l 0 -1 | [ "3" ]
        > RPOPLPUSH no l | nil
            "#,
    );
}

#[test]
fn lmove_looks_at_the_source_first() {
    check(
        r#"> SET s v | +OK
        > RPUSH l a | :1
        > LMOVE no s LEFT LEFT | nil
        > LMOVE s no LEFT LEFT | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LMOVE l s LEFT LEFT | -WRONGTYPE Operation against a key holding the wrong kind of value
        > RPOPLPUSH s no | -WRONGTYPE Operation against a key holding the wrong kind of value
        > RPOPLPUSH l s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LRANGE l 0 -1 | [ "a" ]
        > LMOVE l m LEFT UP | -ERR syntax error
        > LMOVE l m UP LEFT | -ERR syntax error
        > LMOVE l m LEFT | -ERR wrong number of arguments for 'lmove' command
        > RPOPLPUSH l | -ERR wrong number of arguments for 'rpoplpush' command
            "#,
    );
}

#[test]
fn a_list_that_is_over_is_none() {
    check(
        r#"> RPUSH l a b | :2
        > PEXPIRE l 100 | :1
        > RPUSH l c | :3
        @ +200ms
        > LRANGE l 0 -1 | [ ]
        > LPUSHX l a | :0
        > RPUSH l x | :1
        > PTTL l | :-1
        > PEXPIRE l 100 | :1
        > RPUSH d y | :1
        > PEXPIRE d 100 | :1
        @ +200ms
        > LMOVE l d LEFT LEFT | nil
        > RPUSH l x | :1
        > LMOVE l d LEFT LEFT | "x"
        > PTTL d | :-1
            "#,
    );
}

#[test]
fn who_waits_is_served() {
    check(
        r#"c2> BLPOP a b 0 | (none)
        > RPUSH b 1 2 3 | :3
        c2< [ "b" "1" ]
        > LRANGE b 0 -1 | [ "2" "3" ]
        c2> BLPOP a b 0 | [ "b" "2" ]
        c2> BRPOP a b 0.5 | [ "b" "3" ]
        c2> BRPOP b 1 | (none)
        > LPUSH b x y | :2
        c2< [ "b" "x" ]
        > LRANGE b 0 -1 | [ "y" ]
            "#,
    );
}

#[test]
fn first_come_first_served() {
    check_plain(
        r#"c2> BLPOP l 0 | (none)
        c3> BRPOP l 0 | (none)
        c4> BLMPOP 0 2 x l LEFT COUNT 2 | (none)
        > RPUSH l 1 2 3 4 5 | :5
        c2< [ "l" "1" ]
        c3< [ "l" "5" ]
        c4< [ "l" [ "2" "3" ] ]
        > LRANGE l 0 -1 | [ "4" ]
            "#,
    );
}

#[test]
fn waiting_ends_with_its_time() {
    check(
        r#"c2> BLPOP l 0.1 | (none)
        c3> BLMOVE l m LEFT RIGHT 0.2 | (none)
        c4> BRPOPLPUSH l m 0.2 | (none)
        c5> BLMPOP 0.0001 1 l LEFT | (none)
        c6> BRPOP l 0x.2 | (none)
        @ +300ms
        c2< nil
        c3< nil
        c4< nil
        c5< nil
        c6< nil
        > RPUSH l a | :1
            "#,
    );
}

#[test]
fn blocking_reads_its_arguments() {
    check(
        r#"> BLPOP l x | -ERR timeout is not a float or out of range
        > BLPOP l -1 | -ERR timeout is negative
        > BLPOP l -inf | -ERR timeout is negative
        > BLPOP l inf | -ERR timeout is out of range
        > BLPOP l nan | -ERR timeout is not a float or out of range
        > BLPOP l 9223372036854775 | -ERR timeout is out of range
        > BLPOP l 1e30 | -ERR timeout is out of range
        > SET s v | +OK
        > BLPOP no s 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > BRPOP s x | -ERR timeout is not a float or out of range
        > BLPOP l | -ERR wrong number of arguments for 'blpop' command
        > BRPOP l | -ERR wrong number of arguments for 'brpop' command
        > BLMOVE s l LEFT LEFT 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > BLMOVE s l LEFT UP x | -ERR syntax error
        > BLMOVE s l LEFT RIGHT x | -ERR timeout is not a float or out of range
        > BLMOVE s l LEFT RIGHT | -ERR wrong number of arguments for 'blmove' command
        > BRPOPLPUSH s l 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > BRPOPLPUSH s l -1 | -ERR timeout is negative
        > BRPOPLPUSH s l | -ERR wrong number of arguments for 'brpoplpush' command
        > BLMPOP x 0 l LEFT | -ERR numkeys should be greater than 0
        > BLMPOP x 1 l UP | -ERR syntax error
        > BLMPOP x 1 l LEFT | -ERR timeout is not a float or out of range
        > BLMPOP 1 1 s LEFT | -WRONGTYPE Operation against a key holding the wrong kind of value
        > BLMPOP 1 1 l | -ERR wrong number of arguments for 'blmpop' command
            "#,
    );
}

#[test]
fn what_is_moved_wakes_the_next() {
    check_plain(
        r#"c2> BLMOVE a b LEFT RIGHT 0 | (none)
        c3> BLMOVE b c RIGHT LEFT 0 | (none)
        c4> BRPOPLPUSH c d 0 | (none)
        > RPUSH a x y | :2
        c2< "x"
        c3< "x"
        c4< "x"
        > LRANGE d 0 -1 | [ "x" ]
        > LRANGE a 0 -1 | [ "y" ]
        c2> BLMOVE a a LEFT RIGHT 0 | "y"
        c2> BRPOPLPUSH a e 0 | "y"
        c2> BLMPOP 0 1 e RIGHT | [ "e" [ "y" ] ]
            "#,
    );
}

#[test]
fn who_waits_hears_of_a_wrong_destination() {
    check(
        r#"c2> BLMOVE a s LEFT RIGHT 0 | (none)
        > SET s v | +OK
        > RPUSH a x | :1
        c2< -WRONGTYPE Operation against a key holding the wrong kind of value
        > LRANGE a 0 -1 | [ "x" ]
            "#,
    );
}

#[test]
fn another_type_does_not_wake() {
    check(
        r#"c2> BLPOP l 0 | (none)
        > SET l v | +OK
        > DEL l | :1
        > RPUSH l a | :1
        c2< [ "l" "a" ]
            "#,
    );
}

#[test]
fn encodings_change_by_size() {
    check_plain(
        r#"> CONFIG SET list-max-listpack-size 4 | +OK
        > RPUSH l 1 2 3 4 | :4
        > OBJECT ENCODING l | "listpack"
        > RPUSH l 5 | :5
        > OBJECT ENCODING l | "quicklist"
        > LPOP l 2 | [ "1" "2" ]
        > OBJECT ENCODING l | "quicklist"
        > LPOP l 2 | [ "3" "4" ]
        > OBJECT ENCODING l | "listpack"
        > RPUSH k 1 2 3 4 5 | :5
        > LTRIM k 0 2 | +OK
        > OBJECT ENCODING k | "quicklist"
        > LREM k 1 3 | :1
        > OBJECT ENCODING k | "listpack"
        > RPUSH k 3 4 | :4
        > LINSERT k AFTER nope x | :-1
        > OBJECT ENCODING k | "quicklist"
        > RPUSH m 1 2 3 4 | :4
        > LSET m 4 x | -ERR index out of range
        > OBJECT ENCODING m | "quicklist"
        > COPY m n | :1
        > OBJECT ENCODING n | "quicklist"
            "#,
    );
}

#[test]
fn encodings_change_by_bytes() {
    let long = "x".repeat(4000);
    let transcript = format!(
        "> CONFIG SET list-max-listpack-size -1 | +OK
        > RPUSH l {long} | :1
        > OBJECT ENCODING l | \"listpack\"
        > RPUSH l {long} | :2
        > OBJECT ENCODING l | \"quicklist\"
        > LSET l 0 a | +OK
        > OBJECT ENCODING l | \"quicklist\"
        > LSET l 1 b | +OK
        > OBJECT ENCODING l | \"quicklist\"
        > LPOP l | \"a\"
        > OBJECT ENCODING l | \"listpack\"
        > DEBUG QUICKLIST-PACKED-THRESHOLD 5 | +OK
        > LSET l 0 {long}{long} | +OK
        > LSET l 0 short1 | +OK
        > OBJECT ENCODING l | \"quicklist\"
        > LSET l 0 sho | +OK
        > OBJECT ENCODING l | \"listpack\"",
    );
    check_with(&transcript, |c| c.enable_debug_command = Protected::Local);
}

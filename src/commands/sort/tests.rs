//! Transcripts of SORT and SORT_RO; answers are those of Valkey 9.1.

use crate::testkit::{check, check_with};

#[test]
fn numbers_and_texts_are_sorted() {
    check(
        r#"> RPUSH l 10 9 -1 1.5 +2 1e1 -inf 0003 9007199254740993 | :9
        > SORT l
        [ "-inf" "-1" "1.5" "+2" "0003" "9" "10" "1e1" "9007199254740993" ]
        > SORT l DESC
        [ "9007199254740993" "1e1" "10" "9" "0003" "+2" "1.5" "-1" "-inf" ]
        > SORT l ALPHA
        [ "+2" "-1" "-inf" "0003" "1.5" "10" "1e1" "9" "9007199254740993" ]
        > SORT_RO l DESC ALPHA LIMIT 0 2 | [ "9007199254740993" "9" ]
        > sort l asc desc asc limit 1 3 | [ "-1" "1.5" "+2" ]
        > SORT l LIMIT 2 0 | [ ]
        > SORT l LIMIT 7 -1 | [ "1e1" "9007199254740993" ]
        > SORT l LIMIT 7 100 | [ "1e1" "9007199254740993" ]
        > SORT l LIMIT 9 1 | [ ]
        > SORT l LIMIT -5 2 | [ "-inf" "-1" ]
        > SORT l LIMIT 0 -9223372036854775808 LIMIT 8 9223372036854775807 | [ "9007199254740993" ]
        > SADD s 3 1 2 | :3
        > SORT s | [ "1" "2" "3" ]
        > SADD t c a b | :3
        > SORT t ALPHA DESC | [ "c" "b" "a" ]
        > SORT none | [ ]
        > SORT_RO none BY w* GET # LIMIT 3 4 | [ ]
        > SORT t | -ERR One or more scores can't be converted into double
        > RPUSH m 1 "" | :2
        > SORT m | -ERR One or more scores can't be converted into double
        > SORT m LIMIT 0 0 | -ERR One or more scores can't be converted into double
        > SORT m ALPHA | [ "" "1" ]
        > DEL m | :1
        > RPUSH m "2\x00b" "2\x00a" "1\x00c" | :3
        > SORT m | [ "1\x00c" "2\x00a" "2\x00b" ]
        > SORT m ALPHA | [ "1\x00c" "2\x00b" "2\x00a" ]
        > SORT m ALPHA STORE d | :3
        > LRANGE d 0 -1 | [ "1\x00c" "2\x00a" "2\x00b" ]
        "#,
    );
}

#[test]
fn numbers_are_strict() {
    for text in [" 1", "1 ", "0x10", "nan", "1e400", "1e-400", "1_0", "1e", "-", ".", "12abc", "\\x00"] {
        check(&format!(
            "> RPUSH l \"{text}\" | :1
             > SORT l | -ERR One or more scores can't be converted into double"
        ));
    }
}

#[test]
fn other_keys_weigh() {
    check(
        r#"> RPUSH l 1 2 3 4 | :4
        > MSET w1 30 w2 10 w3 20 | +OK
        > SORT l BY w* | [ "4" "2" "3" "1" ]
        > SORT l BY w* DESC LIMIT 0 2 | [ "1" "3" ]
        > SORT l BY w* GET # GET w* | [ "4" nil "2" "10" "3" "20" "1" "30" ]
        > SORT l BY w* GET w* GET none GET #* | [ nil nil nil "10" nil nil "20" nil nil "30" nil nil ]
        > MSET w1 b w2 a w3 c | +OK
        > SORT l BY w* | -ERR One or more scores can't be converted into double
        > SORT l BY w* ALPHA | [ "4" "2" "1" "3" ]
        > SORT l BY w* ALPHA DESC | [ "3" "1" "2" "4" ]
        > HSET h1 f 3 g x | :2
        > HSET h2 f 1 | :1
        > HSET h3 f 2 g z | :2
        > SORT l BY h*->f GET h*->g | [ nil nil "z" "x" ]
        > SORT l BY h*->none GET # | [ "1" "2" "3" "4" ]
        > SORT l BY h*->f DESC GET w*->f GET h* LIMIT 0 1 | [ nil nil ]
        > SET a1-> arrow | +OK
        > SORT l BY nosort GET a*-> LIMIT 0 1 | [ "arrow" ]
        > SET 1x2 middle | +OK
        > SORT l BY nosort GET *x2 GET *x* LIMIT 0 1 | [ "middle" nil ]
        > SET "w1\x00*" zero | +OK
        > SORT l BY nosort GET "w*\x00*" LIMIT 0 1 | [ "zero" ]
        > SORT l BY "no\x00*" DESC | [ "4" "3" "2" "1" ]
        > SORT l BY w* BY nosort LIMIT 1 2 | [ "2" "3" ]
        > SORT l BY nosort BY w* LIMIT 1 2 | [ "2" "3" ]
        > SET w1 5 PX 100 | +OK
        > MSET w2 9 w3 7 w4 6 | +OK
        > SORT l BY w* GET w* | [ "5" "6" "7" "9" ]
        @ +101ms
        > SORT l BY w* GET w* | [ nil "6" "7" "9" ]
        > EXISTS w1 | :0
        "#,
    );
}

#[test]
fn elements_come_as_they_are() {
    check(
        r#"> RPUSH l c a b 5 | :4
        > SORT l BY nosort | [ "c" "a" "b" "5" ]
        > SORT l BY nosort DESC | [ "5" "b" "a" "c" ]
        > SORT l BY nosort DESC LIMIT 1 2 | [ "b" "a" ]
        > SORT l BY nosort LIMIT 1 100 | [ "a" "b" "5" ]
        > SORT l BY nosort LIMIT 4 1 | [ ]
        > SORT l BY nosort DESC LIMIT 4 1 | [ ]
        > SORT l BY nosort LIMIT 2 0 | [ ]
        > SORT l BY nosort LIMIT 0 0 DESC STORE d | :0
        > SADD s 5 4 3 | :3
        > SORT s BY nosort LIMIT 3 1 | [ ]
        > SORT s BY nosort DESC LIMIT 1 1 STORE d | :1
        > LRANGE d 0 -1 | [ "4" ]
        > SADD t 10 9 100 | :3
        > SORT t BY nosort STORE d | :3
        > LRANGE d 0 -1 | [ "10" "100" "9" ]
        "#,
    );
}

#[test]
fn sorted_sets_are_sorted_otherwise() {
    check(
        r#"> ZADD z 3 a 1 b 2 10 2 9 5 x | :5
        > OBJECT ENCODING z | "listpack"
        > SORT z BY nosort | [ "b" "10" "9" "a" "x" ]
        > OBJECT ENCODING z | "skiplist"
        > SORT z BY nosort DESC | [ "x" "a" "9" "10" "b" ]
        > SORT z BY nosort LIMIT 1 2 | [ "10" "9" ]
        > SORT z BY nosort DESC LIMIT 1 2 | [ "a" "9" ]
        > SORT z BY nosort ASC LIMIT 0 10 | [ "b" "10" "9" "a" "x" ]
        > SORT z BY nosort ASC LIMIT -10 100 | [ "b" "10" "9" "a" "x" ]
        > SORT z BY nosort DESC LIMIT 5 1 | [ ]
        > SORT z BY nosort LIMIT 2 0 | [ ]
        > SORT z ALPHA | [ "10" "9" "a" "b" "x" ]
        > SORT_RO z ALPHA DESC LIMIT 1 2 | [ "b" "a" ]
        > SORT z | -ERR One or more scores can't be converted into double
        > ZREM z a b x | :3
        > SORT z | [ "9" "10" ]
        > SORT z DESC GET # GET w_* | [ "10" nil "9" nil ]
        > SORT z BY nosort DESC STORE d | :2
        > LRANGE d 0 -1 | [ "9" "10" ]
        > SORT z DESC STORE z | :2
        > TYPE z | +list
        > LRANGE z 0 -1 | [ "10" "9" ]
        "#,
    );
}

#[test]
fn results_are_stored() {
    check_with(
        r#"> RPUSH l 3 1 2 | :3
        > SORT l STORE d | :3
        > LRANGE d 0 -1 | [ "1" "2" "3" ]
        > OBJECT ENCODING d | "listpack"
        > SORT l DESC STORE l | :3
        > LRANGE l 0 -1 | [ "3" "2" "1" ]
        > SET k string EX 100 | +OK
        > SORT l GET # GET w* STORE k | :6
        > LRANGE k 0 -1 | [ "1" "" "2" "" "3" "" ]
        > OBJECT ENCODING k | "quicklist"
        > TTL k | :-1
        > SORT none STORE k | :0
        > EXISTS k | :0
        > SORT none STORE k | :0
        > SORT l LIMIT 1 1 STORE store STORE d | :1
        > LRANGE d 0 -1 | [ "2" ]
        > EXISTS store | :0
        > SORT_RO l STORE d | -ERR syntax error
        > SORT l STORE | -ERR syntax error
        "#,
        |config| config.list_max_listpack_size = 4,
    );
}

#[test]
fn requests_are_checked() {
    check(
        r#"> SORT | -ERR wrong number of arguments for 'sort' command
        > SORT_RO | -ERR wrong number of arguments for 'sort_ro' command
        > SET k 1 | +OK
        > HSET h f v | :1
        > SORT k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SORT h | -WRONGTYPE Operation against a key holding the wrong kind of value
        > SORT k LIMIT 0 x | -ERR value is not an integer or out of range
        > SORT k LIMIT 0 | -ERR syntax error
        > SORT k LIMIT x 9 foo | -ERR value is not an integer or out of range
        > SORT k foo | -ERR syntax error
        > SORT k BY | -ERR syntax error
        > SORT k GET | -ERR syntax error
        > SORT none GET a BY b ALPHA ALPHA | [ ]
        > COMMAND GETKEYS SORT l BY a* GET store STORE d LIMIT 1 2 | [ "l" "d" ]
        > COMMAND GETKEYS SORT_RO l GET b* | [ "l" ]
        "#,
    );
}

#[test]
fn a_cluster_knows_only_some_keys() {
    check_with(
        "> SORT {a}l BY w* | -ERR BY option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.
         > SORT {a}l GET w* | -ERR GET option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.
         > SORT {a}l GET w | -ERR GET option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.
         > SORT {a}l BY {a}w* GET # GET {a}x* BY nosort | [ ]",
        |config| config.cluster_enabled = true,
    );
}

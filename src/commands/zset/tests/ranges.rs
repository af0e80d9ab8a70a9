//! Ranges by rank, score and member.

use crate::testkit::{check, check_plain};

#[test]
fn ranges_by_rank() {
    check(
        r#"> ZADD z 1 a 2 b 3 c 4 d | :4
        > ZRANGE z 0 -1 | [ "a" "b" "c" "d" ]
        > ZRANGE z 1 2 | [ "b" "c" ]
        > ZRANGE z -2 -1 | [ "c" "d" ]
        > ZRANGE z 2 1 | [ ]
        > ZRANGE z 4 5 | [ ]
        > ZRANGE z -100 100 | [ "a" "b" "c" "d" ]
        > ZRANGE z 0 -9223372036854775808 | [ ]
        > ZRANGE z -9223372036854775808 9223372036854775807 WITHSCORES | [ "a" "1" "b" "2" "c" "3" "d" "4" ]
        > ZRANGE z 0 0 withscores | [ "a" "1" ]
        > ZRANGE z 0 1 REV | [ "d" "c" ]
        > ZRANGE z 0 1 REV WITHSCORES | [ "d" "4" "c" "3" ]
        > ZRANGE z 0 1 WITHSCORES WITHSCORES | [ "a" "1" "b" "2" ]
        > ZREVRANGE z 0 -1 | [ "d" "c" "b" "a" ]
        > ZREVRANGE z 1 2 WITHSCORES | [ "c" "3" "b" "2" ]
        > ZREVRANGE z -1 -1 | [ "a" ]
        > ZREVRANGE z 3 2 | [ ]
        > ZRANGE no 0 -1 | [ ]
        > ZREVRANGE no 0 -1 | [ ]
        > ZRANGE z 0 1 REV REV | -ERR syntax error
        > ZRANGE z 0 1 LIMIT 0 1 | -ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
        > ZRANGE z 0 1 LIMIT 0 -1 | [ "a" "b" ]
        > ZRANGE z 0 1 LIMIT 0 | -ERR syntax error
        > ZRANGE z 0 1 LIMIT x 1 | -ERR value is not an integer or out of range
        > ZRANGE z x 1 | -ERR value is not an integer or out of range
        > ZRANGE z 0 1.5 | -ERR value is not an integer or out of range
        > ZRANGE no x 1 | -ERR value is not an integer or out of range
        > ZRANGE z 0 9223372036854775808 | -ERR value is not an integer or out of range
        > ZRANGE z 0 1 x | -ERR syntax error
        > ZRANGE z 0 | -ERR wrong number of arguments for 'zrange' command
        > ZREVRANGE z 0 1 REV | -ERR syntax error
        > ZREVRANGE z 0 1 BYSCORE | -ERR syntax error
        > ZREVRANGE z 0 1 LIMIT 0 1 | -ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
        > ZREVRANGE z 0 1 LIMIT 0 -1 | [ "d" "c" ]
        > ZREVRANGE z 0 | -ERR wrong number of arguments for 'zrevrange' command
            "#,
    );
}

#[test]
fn ranges_by_score() {
    check(
        r#"> ZADD z -inf a 1 b 2 c 2 d 3 e inf f | :6
        > ZRANGE z 1 2 BYSCORE | [ "b" "c" "d" ]
        > ZRANGE z (1 (3 byscore WITHSCORES | [ "c" "2" "d" "2" ]
        > ZRANGE z 3 1 BYSCORE REV | [ "e" "d" "c" "b" ]
        > ZRANGE z 1 3 BYSCORE REV | [ ]
        > ZRANGE z (inf -inf BYSCORE REV WITHSCORES | [ "e" "3" "d" "2" "c" "2" "b" "1" "a" "-inf" ]
        > ZRANGE z -inf inf BYSCORE LIMIT 1 3 | [ "b" "c" "d" ]
        > ZRANGE z inf -inf BYSCORE REV LIMIT 1 3 | [ "e" "d" "c" ]
        > ZRANGE z -inf inf BYSCORE LIMIT 2 -1 | [ "c" "d" "e" "f" ]
        > ZRANGE z -inf inf BYSCORE LIMIT 2 -7 | [ "c" "d" "e" "f" ]
        > ZRANGE z -inf inf BYSCORE LIMIT 0 0 | [ ]
        > ZRANGE z -inf inf BYSCORE LIMIT 6 1 | [ ]
        > ZRANGE z -inf inf BYSCORE LIMIT 5 100 | [ "f" ]
        > ZRANGE z 2 2 BYSCORE LIMIT 1 9223372036854775807 | [ "d" ]
        > ZRANGE z 2 2 BYSCORE LIMIT 9223372036854775807 1 | [ ]
        > ZRANGEBYSCORE z 1 2 | [ "b" "c" "d" ]
        > ZRANGEBYSCORE z (1 +inf WITHSCORES | [ "c" "2" "d" "2" "e" "3" "f" "inf" ]
        > ZRANGEBYSCORE z 1 2 LIMIT 1 1 | [ "c" ]
        > ZRANGEBYSCORE z 1 2 limit 0 2 withscores | [ "b" "1" "c" "2" ]
        > ZRANGEBYSCORE z 1 2 LIMIT 0 1 LIMIT 1 1 | [ "c" ]
        > ZREVRANGEBYSCORE z 3 2 | [ "e" "d" "c" ]
        > ZREVRANGEBYSCORE z 2 3 | [ ]
        > ZREVRANGEBYSCORE z +inf (2 WITHSCORES LIMIT 0 2 | [ "f" "inf" "e" "3" ]
        > ZRANGEBYSCORE z x 2 | -ERR min or max is not a float
        > ZRANGEBYSCORE z 1 (x | -ERR min or max is not a float
        > ZRANGEBYSCORE z nan 2 | -ERR min or max is not a float
        > ZREVRANGEBYSCORE z 1 [2 | -ERR min or max is not a float
        > ZRANGEBYSCORE no 1 2 | [ ]
        > ZREVRANGEBYSCORE no 2 1 | [ ]
        > ZRANGEBYSCORE z 1 2 LIMIT 1 | -ERR syntax error
        > ZRANGEBYSCORE z 1 2 LIMIT x 1 | -ERR value is not an integer or out of range
        > ZRANGEBYSCORE z 1 2 LIMIT 1 x | -ERR value is not an integer or out of range
        > ZRANGEBYSCORE z x 2 LIMIT 1 x | -ERR value is not an integer or out of range
        > ZRANGEBYSCORE z 1 2 REV | -ERR syntax error
        > ZRANGEBYSCORE z 1 2 BYSCORE | -ERR syntax error
        > ZRANGE z 1 2 BYSCORE BYLEX | -ERR syntax error
        > ZRANGE z 1 2 BYSCORE BYSCORE | -ERR syntax error
        > ZRANGEBYSCORE z 1 | -ERR wrong number of arguments for 'zrangebyscore' command
        > ZREVRANGEBYSCORE z 1 | -ERR wrong number of arguments for 'zrevrangebyscore' command
            "#,
    );
}

#[test]
fn offsets_below_zero() {
    check_plain(
        r#"> ZADD z 1 a 2 b 3 c 4 d | :4
        > ZRANGEBYSCORE z 2 4 LIMIT -1 5 | [ ]
        > ZREVRANGEBYSCORE z 4 2 LIMIT -1 5 | [ ]
        > CONFIG SET zset-max-listpack-entries 0 | +OK
        > ZADD y 1 a 2 b 3 c 4 d | :4
        > ZRANGEBYSCORE y 2 4 LIMIT -1 5 | [ "d" ]
        > ZRANGEBYSCORE y 2 4 LIMIT -2 5 | [ "c" "d" ]
        > ZRANGEBYSCORE y 2 4 LIMIT -2 1 | [ "c" ]
        > ZRANGEBYSCORE y 2 4 LIMIT -3 5 | [ "b" "c" "d" ]
        > ZRANGEBYSCORE y 2 4 LIMIT -4 5 | [ ]
        > ZREVRANGEBYSCORE y 4 2 LIMIT -1 5 | [ "b" ]
        > ZREVRANGEBYSCORE y 4 2 LIMIT -3 2 | [ "d" "c" ]
        > ZREVRANGEBYSCORE y 4 2 LIMIT -4 2 | [ ]
        > ZRANGEBYSCORE y 2 4 LIMIT -9223372036854775808 5 | [ ]
        > CONFIG SET zset-max-listpack-entries 128 | +OK
            "#,
    );
}

#[test]
fn ranges_by_member() {
    check(
        r#"> ZADD z 0 a 0 b 0 c 0 d 0 10 0 "" | :6
        > ZRANGE z - + BYLEX | [ "" "10" "a" "b" "c" "d" ]
        > ZRANGE z + - BYLEX REV | [ "d" "c" "b" "a" "10" "" ]
        > ZRANGE z [b (d BYLEX | [ "b" "c" ]
        > ZRANGE z (d [b BYLEX REV | [ "c" "b" ]
        > ZRANGE z + - BYLEX | [ ]
        > ZRANGE z - + BYLEX LIMIT 1 2 | [ "10" "a" ]
        > ZRANGE z + - BYLEX REV LIMIT 1 2 | [ "c" "b" ]
        > ZRANGE z - [a BYLEX | [ "" "10" "a" ]
        > ZRANGEBYLEX z - (c | [ "" "10" "a" "b" ]
        > ZRANGEBYLEX z [aaa (g | [ "b" "c" "d" ]
        > ZRANGEBYLEX z [b [b | [ "b" ]
        > ZRANGEBYLEX z (b [b | [ ]
        > ZRANGEBYLEX z - + LIMIT 4 10 | [ "c" "d" ]
        > ZRANGEBYLEX z - + LIMIT 0 0 | [ ]
        > ZRANGEBYLEX z - + LIMIT 7 1 | [ ]
        > ZREVRANGEBYLEX z + (b | [ "d" "c" ]
        > ZREVRANGEBYLEX z [c - LIMIT 1 1 | [ "b" ]
        > ZREVRANGEBYLEX z - + | [ ]
        > ZRANGEBYLEX no - + | [ ]
        > ZREVRANGEBYLEX no + - | [ ]
        > ZRANGEBYLEX z a + | -ERR min or max not valid string range item
        > ZRANGEBYLEX z - x | -ERR min or max not valid string range item
        > ZREVRANGEBYLEX z + x | -ERR min or max not valid string range item
        > ZRANGE z - + BYLEX WITHSCORES | -ERR syntax error, WITHSCORES not supported in combination with BYLEX
        > ZRANGEBYLEX z - + WITHSCORES | -ERR syntax error, WITHSCORES not supported in combination with BYLEX
        > ZRANGEBYLEX z - + LIMIT 1 | -ERR syntax error
        > ZRANGEBYLEX z - | -ERR wrong number of arguments for 'zrangebylex' command
        > ZREVRANGEBYLEX z - | -ERR wrong number of arguments for 'zrevrangebylex' command
        > ZRANGE z x y BYLEX LIMIT x 1 | -ERR value is not an integer or out of range
            "#,
    );
}

#[test]
fn a_listpack_of_several_scores_by_member() {
    check_plain(
        r#"> ZADD z 1 m 2 a 3 z 4 b | :4
        > ZRANGEBYLEX z [a [n | [ "m" "a" ]
        > ZREVRANGEBYLEX z [n [a | [ "b" "z" "a" "m" ]
        > ZLEXCOUNT z [a [n | :2
        > ZRANGEBYLEX z - (m | [ ]
        > ZRANGEBYLEX z (z + | [ ]
        > ZREMRANGEBYLEX z [a [n | :2
        > ZRANGE z 0 -1 | [ "z" "b" ]
            "#,
    );
}

#[test]
fn ranges_are_stored() {
    check(
        r#"> ZADD z 1 a 2 b 3 c 4 d | :4
        > ZRANGESTORE d z 1 2 | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "b" "2" "c" "3" ]
        > ZRANGESTORE d z 0 0 REV | :1
        > ZRANGE d 0 -1 WITHSCORES | [ "d" "4" ]
        > ZRANGESTORE d z (1 3 BYSCORE | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "b" "2" "c" "3" ]
        > ZRANGESTORE d z 4 2 BYSCORE REV LIMIT 0 2 | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "c" "3" "d" "4" ]
        > ZADD l 0 a 0 b 0 c | :3
        > ZRANGESTORE d l [b + BYLEX | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "b" "0" "c" "0" ]
        > ZRANGESTORE z z 0 1 | :2
        > ZRANGE z 0 -1 WITHSCORES | [ "a" "1" "b" "2" ]
        > EXPIRE d 100 | :1
        > ZRANGESTORE d z 0 -1 | :2
        > TTL d | :-1
        > ZRANGESTORE d z 5 6 | :0
        > EXISTS d | :0
        > ZRANGESTORE d no 0 -1 | :0
        > ZRANGESTORE d z 0 -1 WITHSCORES | -ERR syntax error
        > ZRANGESTORE d z 0 -1 LIMIT 0 1 | -ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
        > ZRANGESTORE d z x 1 | -ERR value is not an integer or out of range
        > ZRANGESTORE d z x 1 BYSCORE | -ERR min or max is not a float
        > ZRANGESTORE d z x [a BYLEX | -ERR min or max not valid string range item
        > ZRANGESTORE d z 0 1 x | -ERR syntax error
        > ZRANGESTORE d z 0 | -ERR wrong number of arguments for 'zrangestore' command
        > SET s v | +OK
        > ZRANGESTORE s z 0 0 | :1
        > ZRANGE s 0 -1 | [ "a" ]
        > SET s v | +OK
        > ZRANGESTORE s no 0 0 | :0
        > EXISTS s | :0
            "#,
    );
}

#[test]
fn ranges_are_removed() {
    check(
        r#"> ZADD z 1 a 2 b 3 c 4 d 5 e 6 f | :6
        > ZREMRANGEBYRANK z 1 2 | :2
        > ZRANGE z 0 -1 | [ "a" "d" "e" "f" ]
        > ZREMRANGEBYRANK z -1 -1 | :1
        > ZREMRANGEBYRANK z 5 6 | :0
        > ZREMRANGEBYRANK z 1 0 | :0
        > ZREMRANGEBYRANK no 0 1 | :0
        > ZREMRANGEBYRANK z x 1 | -ERR value is not an integer or out of range
        > ZREMRANGEBYRANK z 0 1.5 | -ERR value is not an integer or out of range
        > ZREMRANGEBYRANK z 0 | -ERR wrong number of arguments for 'zremrangebyrank' command
        > ZRANGE z 0 -1 | [ "a" "d" "e" ]
        > ZREMRANGEBYRANK z 0 -1 | :3
        > EXISTS z | :0
        > ZADD z 1 a 2 b 3 c 4 d 5 e 6 f | :6
        > ZREMRANGEBYSCORE z (1 3 | :2
        > ZREMRANGEBYSCORE z 7 8 | :0
        > ZREMRANGEBYSCORE z 5 4 | :0
        > ZREMRANGEBYSCORE z x 4 | -ERR min or max is not a float
        > ZREMRANGEBYSCORE no 1 2 | :0
        > ZRANGE z 0 -1 | [ "a" "d" "e" "f" ]
        > ZREMRANGEBYSCORE z -inf +inf | :4
        > EXISTS z | :0
        > ZREMRANGEBYSCORE z 1 | -ERR wrong number of arguments for 'zremrangebyscore' command
        > ZADD z 0 a 0 b 0 c 0 d | :4
        > ZREMRANGEBYLEX z [b (d | :2
        > ZREMRANGEBYLEX z [x + | :0
        > ZREMRANGEBYLEX z + - | :0
        > ZREMRANGEBYLEX z b d | -ERR min or max not valid string range item
        > ZREMRANGEBYLEX no - + | :0
        > ZRANGE z 0 -1 | [ "a" "d" ]
        > ZREMRANGEBYLEX z - + | :2
        > EXISTS z | :0
        > ZREMRANGEBYLEX z - | -ERR wrong number of arguments for 'zremrangebylex' command
            "#,
    );
}

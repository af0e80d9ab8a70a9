//! Transcripts of the commands on sorted sets. Replies are those of Valkey 9.1; where chance decides, what must hold of
//! them.

use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::stream::takers;
use crate::testkit::{Kit, check, check_plain, check_resp3};

#[test]
fn members_are_added() {
    check(
        r#"> ZADD z 1 a 2 b | :2
        > ZADD z 3 c 1.5 a | :1
        > ZADD z 1.5 a | :0
        > ZCARD z | :3
        > ZRANGE z 0 -1 WITHSCORES | [ "a" "1.5" "b" "2" "c" "3" ]
        > TYPE z | +zset
        > ZSCORE z a | "1.5"
        > ZSCORE z no | nil
        > ZSCORE no a | nil
        > ZCARD no | :0
        > ZMSCORE z a no c a | [ "1.5" nil "3" "1.5" ]
        > ZMSCORE no a b | [ nil nil ]
        > ZADD z 7 d 7 d 8 d | :1
        > ZSCORE z d | "8"
        > ZADD z -inf low +inf high inf higher -1e300 l2 | :4
        > ZRANGE z 0 -1 | [ "low" "l2" "a" "b" "c" "d" "high" "higher" ]
        > ZADD z 5e-1 "" 1 "\x00\xff" .5 "\r\n" | :3
        > ZRANGE z 0 -1 WITHSCORES | [ "low" "-inf" "l2" "-1e+300" "" "0.5" "\r\n" "0.5" "\x00\xff" "1" "a" "1.5" "b" "2" "c" "3" "d" "8" "high" "inf" "higher" "inf" ]
        > ZADD "k\x00" 1 1 2 -5 3 9223372036854775807 4 007 | :4
        > ZRANGE "k\x00" 0 -1 WITHSCORES | [ "1" "1" "-5" "2" "9223372036854775807" "3" "007" "4" ]
        > ZSCORE "k\x00" 7 | nil
        > ZSCORE "k\x00" 007 | "4"
            "#,
    );
}

#[test]
fn options_of_zadd() {
    check(
        r#"> ZADD z NX 1 a | :1
        > ZADD z NX 2 a | :0
        > ZADD z XX 5 b | :0
        > ZADD z XX 5 a | :0
        > ZADD z xx ch 6 a | :1
        > ZADD z CH 6 a 7 b | :1
        > ZADD z nx ch 1 a 1 c | :1
        > ZADD z GT 5 a 8 b 2 c 1 d | :1
        > ZADD z GT CH 7 a 8 b 1 c 9 e | :2
        > ZADD z LT CH 3 a 9 b 1 d 9 e | :1
        > ZADD z LT 0 f | :1
        > ZADD z XX GT CH 100 a 100 no | :1
        > ZADD z XX LT CH 1 a 1 no | :1
        > ZRANGE z 0 -1 WITHSCORES | [ "f" "0" "a" "1" "d" "1" "c" "2" "b" "8" "e" "9" ]
        > ZADD z INCR 2.5 a | "3.5"
        > ZADD z INCR NX 1 a | nil
        > ZADD z INCR NX 1 g | "1"
        > ZADD z INCR XX 1 no | nil
        > ZADD z INCR GT -1 a | nil
        > ZADD z INCR GT 1 a | "4.5"
        > ZADD z INCR LT 1 a | nil
        > ZADD z INCR LT -1 a | "3.5"
        > ZADD z INCR 0 a | "3.5"
        > ZADD z INCR CH 1 a | "4.5"
        > ZADD no XX 1 a | :0
        > ZADD no XX INCR 1 a | nil
        > EXISTS no | :0
        > ZADD z XX XX NX NX 1 a | -ERR XX and NX options at the same time are not compatible
        > ZADD z NX XX 1 a | -ERR XX and NX options at the same time are not compatible
        > ZADD z GT LT 1 a | -ERR GT, LT, and/or NX options at the same time are not compatible
        > ZADD z NX GT 1 a | -ERR GT, LT, and/or NX options at the same time are not compatible
        > ZADD z LT NX 1 a | -ERR GT, LT, and/or NX options at the same time are not compatible
        > ZADD z NX XX GT 1 a | -ERR XX and NX options at the same time are not compatible
        > ZADD z INCR 1 a 2 b | -ERR INCR option supports a single increment-element pair
        > ZADD z INCR 1 a 2 | -ERR syntax error
        > ZADD z 1 a 2 | -ERR syntax error
        > ZADD z NX 1 | -ERR syntax error
        > ZADD z NX XX CH | -ERR syntax error
        > ZADD z | -ERR wrong number of arguments for 'zadd' command
        > ZADD z 1 | -ERR wrong number of arguments for 'zadd' command
        > ZADD | -ERR wrong number of arguments for 'zadd' command
        > ZADD z foo 1 a | -ERR syntax error
        > ZADD z 1 NX | :1
        > ZSCORE z NX | "1"
            "#,
    );
}

#[test]
fn scores_are_read_strictly() {
    check(
        r#"> ZADD z x a | -ERR value is not a valid float
        > ZADD z nan a | -ERR value is not a valid float
        > ZADD z -nan a | -ERR value is not a valid float
        > ZADD z "" a | -ERR value is not a valid float
        > ZADD z " 1" a | -ERR value is not a valid float
        > ZADD z "1 " a | -ERR value is not a valid float
        > ZADD z 0x10 a | -ERR value is not a valid float
        > ZADD z 1e400 a | -ERR value is not a valid float
        > ZADD z 1e-400 a | -ERR value is not a valid float
        > ZADD z "1\x00" a | -ERR value is not a valid float
        > ZADD z 1 a x b | -ERR value is not a valid float
        > EXISTS z | :0
        > ZADD z +1 a 1. b .5 c 1e3 d Infinity e -INF f 00012 g | :7
        > ZRANGE z 0 -1 WITHSCORES | [ "f" "-inf" "c" "0.5" "a" "1" "b" "1" "g" "12" "d" "1000" "e" "inf" ]
        > ZADD z 0.1 a 1e22 b 123456789012345678 c 3.0 d 1e-7 e 1.7976931348623157e308 f 5e-324 g | :0
        > ZRANGE z 0 -1 WITHSCORES | [ "g" "5e-324" "e" "1e-7" "a" "0.1" "d" "3" "c" "123456789012345680" "b" "1e+22" "f" "1.7976931348623157e+308" ]
        > ZADD z 4611686018427387904 a 9223372036854775807 b -4611686018427387905 c 0.30000000000000004 d | :0
        > ZRANGE z 0 -1 WITHSCORES | [ "c" "-4611686018427387904" "g" "5e-324" "e" "1e-7" "d" "0.30000000000000004" "a" "4611686018427387904" "b" "9223372036854776000" "f" "1.7976931348623157e+308" ]
            "#,
    );
}

#[test]
fn scores_are_added_to() {
    check(
        r#"> ZINCRBY z 2 a | "2"
        > ZINCRBY z -0.5 a | "1.5"
        > ZINCRBY z 0.1 b | "0.1"
        > ZINCRBY z 0.2 b | "0.30000000000000004"
        > ZINCRBY z inf a | "inf"
        > ZINCRBY z 5 a | "inf"
        > ZINCRBY z -inf a | -ERR resulting score is not a number (NaN)
        > ZADD z INCR -inf a | -ERR resulting score is not a number (NaN)
        > ZSCORE z a | "inf"
        > ZINCRBY z x a | -ERR value is not a valid float
        > ZINCRBY z nan a | -ERR value is not a valid float
        > ZINCRBY z NX a | -ERR syntax error
        > ZINCRBY z incr incr | -ERR syntax error
        > ZINCRBY z 1 | -ERR wrong number of arguments for 'zincrby' command
        > ZINCRBY z 1 a b | -ERR wrong number of arguments for 'zincrby' command
        > ZINCRBY no x a | -ERR value is not a valid float
        > EXISTS no | :0
        > ZINCRBY z 1 NX | "1"
        > ZADD z 1.7976931348623157e308 max | :1
        > ZINCRBY z 1.7976931348623157e308 max | "inf"
            "#,
    );
}

#[test]
fn a_zero_has_a_sign_only_outside_of_listpacks() {
    check_plain(
        r#"> ZADD z -0 a | :1
        > ZSCORE z a | "0"
        > ZADD z CH 0 a | :0
        > CONFIG SET zset-max-listpack-entries 0 | +OK
        > ZADD y -0 a | :1
        > ZSCORE y a | "-0"
        > ZADD y CH 0 a | :0
        > ZSCORE y a | "-0"
        > ZADD y 0 b -0 c | :2
        > ZRANGEBYSCORE y -0 0 WITHSCORES | [ "a" "-0" "b" "0" "c" "-0" ]
        > ZINCRBY y 0 a | "0"
        > ZINCRBY y -3.5 a | "-3.5"
        > OBJECT ENCODING y | "skiplist"
        > CONFIG SET zset-max-listpack-entries 128 | +OK
            "#,
    );
}

#[test]
fn wrong_types_are_refused() {
    check(
        r#"> SET k v | +OK
        > ZADD k 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZADD k XX 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZADD k NX x a | -ERR value is not a valid float
        > ZINCRBY k 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZREM k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZSCORE k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZMSCORE k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZCARD k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZCOUNT k 0 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZLEXCOUNT k - + | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZRANK k a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZREVRANK k a WITHSCORE | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZRANGE k 0 -1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZREVRANGE k 0 -1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZRANGEBYSCORE k 0 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZREVRANGEBYSCORE k 1 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZRANGEBYLEX k - + | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZREVRANGEBYLEX k + - | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZRANGESTORE d k 0 -1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZREMRANGEBYRANK k 0 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZREMRANGEBYSCORE k 0 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZREMRANGEBYLEX k - + | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZPOPMIN k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZPOPMAX k 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZMPOP 1 k MIN | -WRONGTYPE Operation against a key holding the wrong kind of value
        > BZPOPMIN k 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > BZPOPMAX no k 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > BZMPOP 0 1 k MAX | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZRANDMEMBER k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZRANDMEMBER k 2 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZSCAN k 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZUNION 1 k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZINTER 2 no k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZDIFF 1 k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZINTERCARD 1 k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZUNIONSTORE d 1 k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZINTERSTORE d 1 k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZDIFFSTORE d 1 k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > LPUSH l a | :1
        > ZUNION 1 l | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZADD z 1 a | :1
        > ZUNIONSTORE k 1 z | :1
        > TYPE k | +zset
        > ZRANGESTORE l z 0 -1 | :1
        > TYPE l | +zset
        > GET k | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
    );
}

#[test]
fn encodings() {
    check_plain(
        r#"> CONFIG SET zset-max-listpack-entries 3 zset-max-listpack-value 5 | +OK
        > ZADD z 1 a 2 b 3 c | :3
        > OBJECT ENCODING z | "listpack"
        > ZADD z 9 a | :0
        > OBJECT ENCODING z | "listpack"
        > ZADD z XX 1 no | :0
        > ZADD z 4 d | :1
        > OBJECT ENCODING z | "skiplist"
        > ZREM z d c b | :3
        > OBJECT ENCODING z | "skiplist"
        > ZRANGE z 0 -1 WITHSCORES | [ "a" "9" ]
        > ZADD y 1 12345 | :1
        > OBJECT ENCODING y | "listpack"
        > ZADD y 1 123456 | :1
        > OBJECT ENCODING y | "skiplist"
        > ZADD x 1 a 1 a 1 a 1 a | :1
        > OBJECT ENCODING x | "skiplist"
        > ZADD w 1 a | :1
        > ZADD w XX 1 b 1 b 1 b 1 b | :0
        > OBJECT ENCODING w | "skiplist"
        > ZADD v 1 a | :1
        > ZADD v XX 1 longer | :0
        > OBJECT ENCODING v | "skiplist"
        > ZRANGESTORE u z 0 -1 | :1
        > OBJECT ENCODING u | "listpack"
        > ZUNIONSTORE u 2 z y | :3
        > OBJECT ENCODING u | "skiplist"
        > ZUNIONSTORE u 1 y | :2
        > OBJECT ENCODING u | "skiplist"
        > ZINTERSTORE u 2 z z | :1
        > OBJECT ENCODING u | "listpack"
        > ZADD t 1 a 1 b 1 c 1 d | :4
        > ZRANGESTORE u t 0 3 | :4
        > OBJECT ENCODING u | "skiplist"
        > ZRANGESTORE u t 0 2 | :3
        > OBJECT ENCODING u | "listpack"
        > ZDIFFSTORE u 2 t z | :3
        > OBJECT ENCODING u | "listpack"
        > COPY t s | :1
        > OBJECT ENCODING s | "skiplist"
        > ZRANGE s 0 -1 | [ "a" "b" "c" "d" ]
        > CONFIG SET zset-max-listpack-entries 0 | +OK
        > ZADD r 1 a | :1
        > OBJECT ENCODING r | "skiplist"
        > CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 64 | +OK
            "#,
    );
}

#[test]
fn members_are_removed() {
    check(
        r#"> ZADD z 1 a 2 b 3 c 4 d | :4
        > ZREM z a no a | :1
        > ZREM z no | :0
        > ZREM no a | :0
        > ZRANGE z 0 -1 | [ "b" "c" "d" ]
        > ZREM z b c d e | :3
        > EXISTS z | :0
        > ZREM z | -ERR wrong number of arguments for 'zrem' command
        > ZADD z 1 "\x00" 1 1 | :2
        > ZREM z "\x00" 1 | :2
        > EXISTS z | :0
            "#,
    );
}

#[test]
fn ranks() {
    check(
        r#"> ZADD z 1 a 2 b 2 c 3 10 inf e | :5
        > ZRANK z a | :0
        > ZRANK z 10 | :3
        > ZRANK z e | :4
        > ZRANK z no | nil
        > ZRANK no a | nil
        > ZREVRANK z a | :4
        > ZREVRANK z e | :0
        > ZREVRANK z no | nil
        > ZRANK z c WITHSCORE | [ :2 "2" ]
        > ZREVRANK z c withscore | [ :2 "2" ]
        > ZREVRANK z e WITHSCORE | [ :0 "inf" ]
        > ZRANK z no WITHSCORE | nil
        > ZRANK no a WITHSCORE | nil
        > ZRANK z a WITHSCORES | -ERR syntax error
        > ZRANK z a WITHSCORE x | -ERR wrong number of arguments for 'zrank' command
        > ZREVRANK z a x y | -ERR wrong number of arguments for 'zrevrank' command
        > ZRANK z | -ERR wrong number of arguments for 'zrank' command
        > ZREVRANK | -ERR wrong number of arguments for 'zrevrank' command
            "#,
    );
}

#[test]
fn counts() {
    check(
        r#"> ZADD z -inf a 0 b 1 c 1 d 2.5 e inf f | :6
        > ZCOUNT z -inf +inf | :6
        > ZCOUNT z (-inf (inf | :4
        > ZCOUNT z 0 1 | :3
        > ZCOUNT z (0 1 | :2
        > ZCOUNT z (0 (1 | :0
        > ZCOUNT z 2 1 | :0
        > ZCOUNT z (1 1 | :0
        > ZCOUNT z inf inf | :1
        > ZCOUNT z "" "" | :1
        > ZCOUNT z ( 1 | :2
        > ZCOUNT z "0\x00junk" 1 | :3
        > ZCOUNT z -1e999 1e999 | :6
        > ZCOUNT z 1e-999 1 | :3
        > ZCOUNT z x 1 | -ERR min or max is not a float
        > ZCOUNT z 1 nan | -ERR min or max is not a float
        > ZCOUNT z ((1 2 | -ERR min or max is not a float
        > ZCOUNT z " 1" 2 | -ERR min or max is not a float
        > ZCOUNT z 0x1 2 | -ERR min or max is not a float
        > ZCOUNT no 0 1 | :0
        > ZCOUNT no x 1 | -ERR min or max is not a float
        > ZCOUNT z 1 | -ERR wrong number of arguments for 'zcount' command
        > ZCOUNT z 1 2 3 | -ERR wrong number of arguments for 'zcount' command
        > ZADD l 0 a 0 b 0 c 0 "" 0 10 | :5
        > ZLEXCOUNT l - + | :5
        > ZLEXCOUNT l + - | :0
        > ZLEXCOUNT l [a (c | :2
        > ZLEXCOUNT l (a [c | :2
        > ZLEXCOUNT l [b [b | :1
        > ZLEXCOUNT l (b [b | :0
        > ZLEXCOUNT l [ ( | :0
        > ZLEXCOUNT l [ [ | :1
        > ZLEXCOUNT l ( + | :4
        > ZLEXCOUNT l - [1 | :1
        > ZLEXCOUNT l "-\x00x" "+\x00y" | :5
        > ZLEXCOUNT l a b | -ERR min or max not valid string range item
        > ZLEXCOUNT l -x + | -ERR min or max not valid string range item
        > ZLEXCOUNT l "" + | -ERR min or max not valid string range item
        > ZLEXCOUNT no - + | :0
        > ZLEXCOUNT no x + | -ERR min or max not valid string range item
        > ZLEXCOUNT l - | -ERR wrong number of arguments for 'zlexcount' command
            "#,
    );
}

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

#[test]
fn the_first_and_last_are_popped() {
    check(
        r#"> ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g | :7
        > ZPOPMIN z | [ "a" "1" ]
        > ZPOPMAX z | [ "g" "7" ]
        > ZPOPMIN z 2 | [ "b" "2" "c" "3" ]
        > ZPOPMAX z 2 | [ "f" "6" "e" "5" ]
        > ZPOPMIN z 0 | [ ]
        > ZCARD z | :1
        > ZPOPMAX z 100 | [ "d" "4" ]
        > EXISTS z | :0
        > ZPOPMIN z | [ ]
        > ZPOPMIN z 5 | [ ]
        > ZPOPMAX z | [ ]
        > ZADD z 1 a | :1
        > ZPOPMIN z | [ "a" "1" ]
        > EXISTS z | :0
        > ZADD z 1 a | :1
        > ZPOPMIN z -1 | -ERR value is out of range, must be positive
        > ZPOPMIN z x | -ERR value is out of range, must be positive
        > ZPOPMAX z 1 2 | -ERR syntax error
        > ZPOPMIN z 9223372036854775807 | [ "a" "1" ]
        > ZPOPMIN | -ERR wrong number of arguments for 'zpopmin' command
        > ZPOPMAX | -ERR wrong number of arguments for 'zpopmax' command
            "#,
    );
}

#[test]
fn several_keys_are_popped_from() {
    check(
        r#"> ZADD a 1 x 2 y 3 z | :3
        > ZADD b 1 v 2 w | :2
        > ZMPOP 2 no a MIN | [ "a" [ [ "x" "1" ] ] ]
        > ZMPOP 2 a b max | [ "a" [ [ "z" "3" ] ] ]
        > ZMPOP 2 a b MIN COUNT 5 | [ "a" [ [ "y" "2" ] ] ]
        > EXISTS a | :0
        > ZMPOP 2 a b MAX COUNT 1 | [ "b" [ [ "w" "2" ] ] ]
        > ZMPOP 1 a MIN | nil
        > ZMPOP 2 a no MAX COUNT 3 | nil
        > ZMPOP 0 b MIN | -ERR numkeys should be greater than 0
        > ZMPOP x b MIN | -ERR numkeys should be greater than 0
        > ZMPOP -1 b MIN | -ERR numkeys should be greater than 0
        > ZMPOP 2 b MIN | -ERR syntax error
        > ZMPOP 9223372036854775807 b MIN | -ERR syntax error
        > ZMPOP 1 b MIX | -ERR syntax error
        > ZMPOP 1 b | -ERR wrong number of arguments for 'zmpop' command
        > ZMPOP 1 b MIN COUNT | -ERR syntax error
        > ZMPOP 1 b MIN COUNT 0 | -ERR count should be greater than 0
        > ZMPOP 1 b MIN COUNT x | -ERR count should be greater than 0
        > ZMPOP 1 b MIN COUNT 1 COUNT 1 | -ERR syntax error
        > ZMPOP 1 b MIN x | -ERR syntax error
        > ZMPOP 1 b MIN COUNT 9223372036854775807 | [ "b" [ [ "v" "1" ] ] ]
        > EXISTS b | :0
        > ZMPOP | -ERR wrong number of arguments for 'zmpop' command
            "#,
    );
}

#[test]
fn clients_wait_for_members() {
    check(
        r#"c2> BZPOPMIN z y 0 | (none)
        > ZADD z 2 b 1 a | :2
        c2< [ "z" "a" "1" ]
        > ZRANGE z 0 -1 | [ "b" ]
        c2> BZPOPMAX no z 0 | [ "z" "b" "2" ]
        > EXISTS z | :0
        c2> BZPOPMAX z 0 | (none)
        c3> BZMPOP 0 2 no z MIN COUNT 10 | (none)
        > ZADD z 1 a 2 b 3 c | :3
        c2< [ "z" "c" "3" ]
        c3< [ "z" [ [ "a" "1" ] [ "b" "2" ] ] ]
        > EXISTS z | :0
        c2> BZPOPMIN z 0.01 | (none)
        @ +20ms
        c2< nil
        c2> BZMPOP 0.01 1 z MAX | (none)
        @ +20ms
        c2< nil
        > ZADD s 5 m | :1
        c2> BZPOPMIN z 0 | (none)
        > ZUNIONSTORE z 1 s | :1
        c2< [ "z" "m" "5" ]
        c2> BZPOPMIN z 0 | (none)
        > ZRANGESTORE z s 0 -1 | :1
        c2< [ "z" "m" "5" ]
        c2> BZPOPMIN z 0 | (none)
        > LPUSH z a | :1
        > DEL z | :1
        > ZINCRBY z 5 m | "5"
        c2< [ "z" "m" "5" ]
        c2> BZPOPMIN z 0 | (none)
        > ZADD z 7 m | :1
        c2< [ "z" "m" "7" ]
        > ZADD z 1 a | :1
        > BZPOPMIN z 0 | [ "z" "a" "1" ]
        > BZPOPMIN z x | -ERR timeout is not a float or out of range
        > BZPOPMIN z -1 | -ERR timeout is negative
        > BZPOPMAX z inf | -ERR timeout is out of range
        > BZPOPMAX z 1e300 | -ERR timeout is out of range
        > BZPOPMIN z | -ERR wrong number of arguments for 'bzpopmin' command
        > BZPOPMAX | -ERR wrong number of arguments for 'bzpopmax' command
        > BZMPOP x 1 z MIN | -ERR timeout is not a float or out of range
        > BZMPOP 0 0 z MIN | -ERR numkeys should be greater than 0
        > BZMPOP 0 1 z MIX | -ERR syntax error
        > BZMPOP x 1 z MIX | -ERR syntax error
        > BZMPOP 0 1 z MIN COUNT 0 | -ERR count should be greater than 0
        > BZMPOP 0 1 z MIN COUNT | -ERR syntax error
        > BZMPOP 0 1 z | -ERR wrong number of arguments for 'bzmpop' command
            "#,
    );
}

#[test]
fn sets_are_united() {
    check(
        r#"> ZADD a 1 x 2 y | :2
        > ZADD b 2 y 3 z | :2
        > SADD s x w | :2
        > ZUNION 2 a b | [ "x" "z" "y" ]
        > ZUNION 2 a b WITHSCORES | [ "x" "1" "z" "3" "y" "4" ]
        > ZUNION 3 a b s WITHSCORES | [ "w" "1" "x" "2" "z" "3" "y" "4" ]
        > ZUNION 2 a b WEIGHTS 2 3 WITHSCORES | [ "x" "2" "z" "9" "y" "10" ]
        > ZUNION 2 a b AGGREGATE MIN WITHSCORES | [ "x" "1" "y" "2" "z" "3" ]
        > ZUNION 2 a b aggregate max withscores | [ "x" "1" "y" "2" "z" "3" ]
        > ZUNION 3 a s b WEIGHTS 1 10 0.5 AGGREGATE MAX WITHSCORES | [ "z" "1.5" "y" "2" "w" "10" "x" "10" ]
        > ZUNION 2 a a WITHSCORES | [ "x" "2" "y" "4" ]
        > ZUNION 2 a no WITHSCORES | [ "x" "1" "y" "2" ]
        > ZUNION 1 no | [ ]
        > ZUNION 1 s WITHSCORES | [ "w" "1" "x" "1" ]
        > ZUNION 1 s WEIGHTS -2.5 WITHSCORES | [ "w" "-2.5" "x" "-2.5" ]
        > ZUNIONSTORE d 2 a b | :3
        > ZRANGE d 0 -1 WITHSCORES | [ "x" "1" "z" "3" "y" "4" ]
        > ZUNIONSTORE a 2 a b WEIGHTS 1 -1 AGGREGATE SUM | :3
        > ZRANGE a 0 -1 WITHSCORES | [ "z" "-3" "y" "0" "x" "1" ]
        > ZUNIONSTORE d 1 no | :0
        > EXISTS d | :0
        > ZADD i inf x -inf y 1 z | :3
        > ZADD j -inf x inf y inf z | :3
        > ZUNION 2 i j WITHSCORES | [ "x" "0" "y" "0" "z" "inf" ]
        > ZUNION 1 i WEIGHTS 0 WITHSCORES | [ "x" "0" "y" "0" "z" "0" ]
        > ZUNION 2 i j WEIGHTS 0 1 WITHSCORES | [ "x" "-inf" "y" "inf" "z" "inf" ]
        > ZUNION 2 i j WEIGHTS inf -inf WITHSCORES | [ "y" "-inf" "z" "0" "x" "inf" ]
            "#,
    );
}

#[test]
fn options_of_sets_put_together() {
    check(
        r#"> ZADD a 1 x | :1
        > ZUNION 0 a | -ERR at least 1 input key is needed for 'zunion' command
        > ZINTER -1 a | -ERR at least 1 input key is needed for 'zinter' command
        > ZDIFF x a | -ERR value is not an integer or out of range
        > ZUNION 2 a | -ERR syntax error
        > ZUNION 9223372036854775807 a | -ERR syntax error
        > ZUNIONSTORE d 0 a | -ERR at least 1 input key is needed for 'zunionstore' command
        > ZINTERSTORE d 0 a | -ERR at least 1 input key is needed for 'zinterstore' command
        > ZDIFFSTORE d 0 a | -ERR at least 1 input key is needed for 'zdiffstore' command
        > ZINTERCARD 0 a | -ERR at least 1 input key is needed for 'zintercard' command
        > ZUNION 1 a WEIGHTS | -ERR syntax error
        > ZUNION 1 a WEIGHTS x | -ERR weight value is not a float
        > ZUNION 1 a WEIGHTS nan | -ERR weight value is not a float
        > ZUNION 1 a WEIGHTS 1 2 | -ERR syntax error
        > ZUNION 2 a a WEIGHTS 1 | -ERR syntax error
        > ZUNION 1 a WEIGHTS 2 WEIGHTS 3 WITHSCORES | [ "x" "3" ]
        > ZINTER 1 a AGGREGATE | -ERR syntax error
        > ZINTER 1 a AGGREGATE AVG | -ERR syntax error
        > ZDIFF 1 a WEIGHTS 1 | -ERR syntax error
        > ZDIFF 1 a AGGREGATE SUM | -ERR syntax error
        > ZDIFF 1 a x | -ERR syntax error
        > ZUNION 1 a LIMIT 1 | -ERR syntax error
        > ZUNIONSTORE d 1 a WITHSCORES | -ERR syntax error
        > ZDIFFSTORE d 1 a WITHSCORES | -ERR syntax error
        > ZINTERCARD 1 a WITHSCORES | -ERR syntax error
        > ZINTERCARD 1 a WEIGHTS 1 | -ERR syntax error
        > ZINTERCARD 1 a LIMIT | -ERR syntax error
        > ZINTERCARD 1 a LIMIT -1 | -ERR LIMIT can't be negative
        > ZINTERCARD 1 a LIMIT x | -ERR LIMIT can't be negative
        > ZUNION 1 a WITHSCORES WITHSCORES | [ "x" "1" ]
        > ZUNION 1 | -ERR wrong number of arguments for 'zunion' command
        > ZINTER | -ERR wrong number of arguments for 'zinter' command
        > ZDIFF 1 | -ERR wrong number of arguments for 'zdiff' command
        > ZINTERCARD 1 | -ERR wrong number of arguments for 'zintercard' command
        > ZUNIONSTORE d 1 | -ERR wrong number of arguments for 'zunionstore' command
        > ZINTERSTORE d | -ERR wrong number of arguments for 'zinterstore' command
        > ZDIFFSTORE d 1 | -ERR wrong number of arguments for 'zdiffstore' command
        > SET k v | +OK
        > ZUNION 2 k a bogus | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZUNION 2 a k bogus | -WRONGTYPE Operation against a key holding the wrong kind of value
        > ZUNION 3 a k | -ERR syntax error
            "#,
    );
}

#[test]
fn sets_are_intersected() {
    check(
        r#"> ZADD a 1 x 2 y 3 z 4 10 | :4
        > ZADD b 10 y 20 z 30 w 40 10 | :4
        > SADD s y 10 q | :3
        > ZINTER 2 a b | [ "y" "z" "10" ]
        > ZINTER 2 a b WITHSCORES | [ "y" "12" "z" "23" "10" "44" ]
        > ZINTER 3 a b s WITHSCORES | [ "y" "13" "10" "45" ]
        > ZINTER 2 a b WEIGHTS 10 1 WITHSCORES | [ "y" "30" "z" "50" "10" "80" ]
        > ZINTER 2 a b AGGREGATE MIN WITHSCORES | [ "y" "2" "z" "3" "10" "4" ]
        > ZINTER 2 a b AGGREGATE MAX WITHSCORES | [ "y" "10" "z" "20" "10" "40" ]
        > ZINTER 2 a a WITHSCORES | [ "x" "2" "y" "4" "z" "6" "10" "8" ]
        > ZINTER 2 a no WITHSCORES | [ ]
        > ZINTER 1 a | [ "x" "y" "z" "10" ]
        > ZINTERCARD 2 a b | :3
        > ZINTERCARD 2 a b LIMIT 2 | :2
        > ZINTERCARD 2 a b LIMIT 0 | :3
        > ZINTERCARD 2 a b LIMIT 9223372036854775807 | :3
        > ZINTERCARD 2 a no | :0
        > ZINTERCARD 1 s | :3
        > ZINTERSTORE d 2 a b | :3
        > ZRANGE d 0 -1 WITHSCORES | [ "y" "12" "z" "23" "10" "44" ]
        > ZINTERSTORE d 3 s a b WEIGHTS 100 1 1 AGGREGATE MAX | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "10" "100" "y" "100" ]
        > ZINTERSTORE d 2 a no | :0
        > EXISTS d | :0
        > ZADD i inf x 1 y | :2
        > ZADD j -inf x 2 y | :2
        > ZINTER 2 i j WITHSCORES | [ "x" "0" "y" "3" ]
        > ZINTER 2 i j WEIGHTS 0 0 WITHSCORES | [ "x" "0" "y" "0" ]
        > ZINTER 2 i j WEIGHTS 0 0 AGGREGATE MIN WITHSCORES | [ "x" "0" "y" "0" ]
        > ZINTER 2 i j WEIGHTS 1 0 AGGREGATE MAX WITHSCORES | [ "y" "1" "x" "inf" ]
        > SADD t 1 2 3 | :3
        > ZADD u 1 1 2 2 | :2
        > ZINTER 2 t u WITHSCORES | [ "1" "2" "2" "3" ]
            "#,
    );
}

#[test]
fn sets_are_subtracted() {
    check(
        r#"> ZADD a 1 x 2 y 3 z 4 10 | :4
        > ZADD b 9 y 9 10 | :2
        > SADD s x q | :2
        > ZDIFF 2 a b | [ "x" "z" ]
        > ZDIFF 2 a b WITHSCORES | [ "x" "1" "z" "3" ]
        > ZDIFF 3 a b s WITHSCORES | [ "z" "3" ]
        > ZDIFF 2 a a | [ ]
        > ZDIFF 2 a no | [ "x" "y" "z" "10" ]
        > ZDIFF 2 no a | [ ]
        > ZDIFF 1 a | [ "x" "y" "z" "10" ]
        > ZDIFF 2 s a WITHSCORES | [ "q" "1" ]
        > ZDIFF 8 a no no no no no no b WITHSCORES | [ "x" "1" "z" "3" ]
        > ZDIFF 8 a b b b s s no b WITHSCORES | [ "z" "3" ]
        > ZDIFFSTORE d 2 a b | :2
        > ZRANGE d 0 -1 WITHSCORES | [ "x" "1" "z" "3" ]
        > ZDIFFSTORE a 2 a s | :3
        > ZRANGE a 0 -1 | [ "y" "z" "10" ]
        > ZDIFFSTORE d 2 a a | :0
        > EXISTS d | :0
        > SET k v | +OK
        > ZDIFFSTORE k 1 no | :0
        > EXISTS k | :0
            "#,
    );
}

#[test]
fn members_by_chance() {
    check(
        r#"> ZADD z 1 a | :1
        > ZRANDMEMBER z | "a"
        > ZRANDMEMBER z 1 | [ "a" ]
        > ZRANDMEMBER z 5 | [ "a" ]
        > ZRANDMEMBER z 5 WITHSCORES | [ "a" "1" ]
        > ZRANDMEMBER z -3 | [ "a" "a" "a" ]
        > ZRANDMEMBER z -2 withscores | [ "a" "1" "a" "1" ]
        > ZRANDMEMBER z 0 | [ ]
        > ZRANDMEMBER z 0 WITHSCORES | [ ]
        > ZRANDMEMBER no | nil
        > ZRANDMEMBER no 2 | [ ]
        > ZRANDMEMBER no -2 WITHSCORES | [ ]
        > ZRANDMEMBER z x | -ERR value is not an integer or out of range
        > ZRANDMEMBER z 1 x | -ERR syntax error
        > ZRANDMEMBER z 1 WITHSCORES x | -ERR syntax error
        > ZRANDMEMBER z x y | -ERR value is not an integer or out of range
        > ZRANDMEMBER z -9223372036854775808 | -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        > ZRANDMEMBER z -9223372036854775807 WITHSCORES | -ERR value is out of range
        > ZRANDMEMBER z 9223372036854775807 WITHSCORES | -ERR value is out of range
        > ZRANDMEMBER z 4611686018427387903 WITHSCORES | [ "a" "1" ]
        > ZRANDMEMBER no -9223372036854775808 | -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        > ZRANDMEMBER | -ERR wrong number of arguments for 'zrandmember' command
        > ZADD z 2 b 3 c | :2
        > ZRANDMEMBER z 3 | [ "c" "b" "a" ]
        > ZRANDMEMBER z 9223372036854775807 | [ "c" "b" "a" ]
            "#,
    );
}

#[test]
fn zscan_walks() {
    check_plain(
        r#"> ZADD z 1 a 0.1 b 3 ab 4 10 | :4
        > ZSCAN z 0 | [ "0" [ "b" "0.1" "a" "1" "ab" "3" "10" "4" ] ]
        > ZSCAN z 0 COUNT 1 | [ "0" [ "b" "0.1" "a" "1" "ab" "3" "10" "4" ] ]
        > ZSCAN z 0 NOSCORES | [ "0" [ "b" "a" "ab" "10" ] ]
        > ZSCAN z 0 MATCH a* | [ "0" [ "a" "1" "ab" "3" ] ]
        > ZSCAN z 0 match 1? count 100 noscores | [ "0" [ "10" ] ]
        > ZSCAN z 12345 | [ "0" [ "b" "0.1" "a" "1" "ab" "3" "10" "4" ] ]
        > ZSCAN no 0 | [ "0" [ ] ]
        > ZSCAN no 0 bogus | [ "0" [ ] ]
        > ZSCAN no x | -ERR invalid cursor
        > ZSCAN z x | -ERR invalid cursor
        > ZSCAN z 0 COUNT 0 | -ERR syntax error
        > ZSCAN z 0 COUNT x | -ERR value is not an integer or out of range
        > ZSCAN z 0 COUNT | -ERR syntax error
        > ZSCAN z 0 MATCH | -ERR syntax error
        > ZSCAN z 0 NOVALUES | -ERR NOVALUES option can only be used in HSCAN
        > ZSCAN z 0 TYPE zset | -ERR syntax error
        > ZSCAN z | -ERR wrong number of arguments for 'zscan' command
        > CONFIG SET zset-max-listpack-entries 0 | +OK
        > ZADD y 0.1 b | :1
        > ZSCAN y 0 | [ "0" [ "b" "0.10000000000000001" ] ]
        > ZADD y 1e22 b | :0
        > ZSCAN y 0 | [ "0" [ "b" "1e+22" ] ]
        > ZADD y -0.00001 b | :0
        > ZSCAN y 0 | [ "0" [ "b" "-1.0000000000000001e-05" ] ]
        > ZADD y inf b | :0
        > ZSCAN y 0 | [ "0" [ "b" "inf" ] ]
        > ZADD y 10000000000000000 b | :0
        > ZSCAN y 0 | [ "0" [ "b" "10000000000000000" ] ]
        > ZSCAN y 0 NOSCORES | [ "0" [ "b" ] ]
        > CONFIG SET zset-max-listpack-entries 128 | +OK
            "#,
    );
}

#[test]
fn replies_in_resp3() {
    check_resp3(
        r#"> ZADD z 1 a 2.5 b inf c | :3
        > ZSCORE z b | ,2.5
        > ZSCORE z no | nil
        > ZMSCORE z a no | [ ,1 nil ]
        > ZADD z INCR 1 a | ,2
        > ZADD z NX INCR 1 a | nil
        > ZINCRBY z 0.5 a | ,2.5
        > ZRANK z a WITHSCORE | [ :0 ,2.5 ]
        > ZRANK z no WITHSCORE | nil
        > ZRANK z no | nil
        > ZRANGE z 0 -1 WITHSCORES | [ [ "a" ,2.5 ] [ "b" ,2.5 ] [ "c" ,inf ] ]
        > ZRANGE z 0 -1 | [ "a" "b" "c" ]
        > ZRANGE z 0 5 BYSCORE WITHSCORES LIMIT 0 1 | [ [ "a" ,2.5 ] ]
        > ZREVRANGE z 0 0 WITHSCORES | [ [ "c" ,inf ] ]
        > ZREVRANGEBYSCORE z inf (2.5 WITHSCORES | [ [ "c" ,inf ] ]
        > ZRANGE no 0 -1 WITHSCORES | [ ]
        > ZUNION 1 z WITHSCORES | [ [ "a" ,2.5 ] [ "b" ,2.5 ] [ "c" ,inf ] ]
        > ZUNION 1 no WITHSCORES | [ ]
        > ZDIFF 1 z WITHSCORES | [ [ "a" ,2.5 ] [ "b" ,2.5 ] [ "c" ,inf ] ]
        > ZINTER 1 z | [ "a" "b" "c" ]
        > ZRANDMEMBER z 5 WITHSCORES | [ [ "c" ,inf ] [ "b" ,2.5 ] [ "a" ,2.5 ] ]
        > ZRANDMEMBER no 5 WITHSCORES | [ ]
        > ZRANDMEMBER no | nil
        > ZSCAN z 0 | [ "0" [ "a" "2.5" "b" "2.5" "c" "inf" ] ]
        > ZMPOP 1 z MIN COUNT 1 | [ "z" [ [ "a" ,2.5 ] ] ]
        > ZMPOP 1 no MIN | nil
        > ZPOPMIN z | [ "b" ,2.5 ]
        > ZPOPMAX z 1 | [ [ "c" ,inf ] ]
        > ZPOPMIN z | [ ]
        > ZPOPMIN z 2 | [ ]
        > ZADD z 1 a 2 b | :2
        > BZPOPMIN z 0 | [ "z" "a" ,1 ]
        > BZMPOP 0 1 z MIN | [ "z" [ [ "b" ,2 ] ] ]
        c2> BZPOPMAX z 0.01 | (none)
        @ +20ms
        c2< nil
            "#,
    );
}

#[test]
fn keys_that_expired_are_gone() {
    check(
        r#"> ZADD z 1 a | :1
        > PEXPIRE z 10 | :1
        @ +20ms
        > ZRANGE z 0 -1 | [ ]
        > ZADD z 2 b | :1
        > TTL z | :-1
        > ZRANGE z 0 -1 | [ "b" ]
            "#,
    );
}

fn ask(kit: &mut Kit, request: &str) -> String {
    let words: Vec<Vec<u8>> = request.split(' ').map(|w| w.as_bytes().to_vec()).collect();
    kit.run("c", &words)
}

/// What takes from one of several keys is propagated as what takes from that one; all else as it came.
#[test]
fn propagation() {
    let mut kit = Kit::new(Config::default());
    kit.exec.server.take_stream(takers::TEST, true);
    for (request, stream) in [
        ("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", "ZADD z 1 a 2 b 3 c 4 d 5 e 6 f"),
        ("ZADD z 1 a", ""),
        ("ZADD z XX GT 0 a", ""),
        ("ZINCRBY z 1 a", "ZINCRBY z 1 a"),
        ("ZINCRBY z 0 a", ""),
        ("ZADD z NX INCR 1 a", ""),
        ("ZREM z no", ""),
        ("ZPOPMIN z 0", ""),
        ("ZMPOP 2 no z MIN COUNT 2", "ZPOPMIN z 2"),
        ("ZMPOP 1 no MAX", ""),
        ("BZPOPMAX no z 0", "ZPOPMAX z"),
        ("BZMPOP 0 2 z no MAX COUNT 1", "ZPOPMAX z 1"),
        ("ZRANGESTORE d z 0 -1", "ZRANGESTORE d z 0 -1"),
        ("ZRANGESTORE d z 5 6", "ZRANGESTORE d z 5 6"),
        ("ZRANGESTORE d z 5 6", ""),
        ("ZUNIONSTORE d 1 z", "ZUNIONSTORE d 1 z"),
        ("ZINTERSTORE d 2 z no", "ZINTERSTORE d 2 z no"),
        ("ZDIFFSTORE d 2 z z", ""),
        ("ZREMRANGEBYRANK z 9 9", ""),
        ("ZREMRANGEBYSCORE z 3 3", "ZREMRANGEBYSCORE z 3 3"),
        ("ZMPOP 1 z MIN COUNT 100", "ZPOPMIN z 1"),
        ("ZADD z 1 a", "ZADD z 1 a"),
        ("ZREM z a", "ZREM z a"),
    ] {
        ask(&mut kit, request);
        let streamed = kit.exec.server.stream.take_bytes();
        let text = String::from_utf8(streamed).unwrap();
        let words: Vec<&str> = text.split("\r\n").filter(|w| !w.starts_with(['*', '$'])).collect();
        let words = words.join(" ").replace("SELECT 0 ", "");
        assert_eq!(words.trim(), stream, "{request}");
    }
}

#[test]
fn zscan_meets_every_member_of_a_large_set() {
    let mut kit = Kit::new(Config::default());
    let mut request = "ZADD z".to_string();
    (0..3000).for_each(|i| request.push_str(&format!(" {i} m{i}")));
    assert_eq!(ask(&mut kit, &request), ":3000");
    let (mut cursor, mut met, mut calls) = ("0".to_string(), std::collections::BTreeSet::new(), 0);
    loop {
        let reply = ask(&mut kit, &format!("ZSCAN z {cursor} COUNT 100"));
        let mut words =
            reply.split(' ').map(|w| w.trim_matches('"').to_string()).filter(|w| w != "[" && w != "]");
        cursor = words.next().unwrap();
        let words: Vec<String> = words.collect();
        for pair in words.chunks(2) {
            assert_eq!(pair[0], format!("m{}", pair[1]));
            met.insert(pair[0].clone());
        }
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(met.len(), 3000);
    assert!((10..60).contains(&calls), "{calls} calls");
}

#[test]
fn draws_are_of_the_set() {
    let mut kit = Kit::new(Config::default());
    let mut rng = Rng::new(1);
    for n in [10, 100, 1000] {
        ask(&mut kit, "DEL z");
        let mut request = "ZADD z".to_string();
        (0..n).for_each(|i| request.push_str(&format!(" {i} m{i}")));
        ask(&mut kit, &request);
        for _ in 0..20 {
            let count = 2 + rng.below(n as u64 + 10) as i64;
            for (count, distinct) in [(count, true), (-count, false)] {
                let reply = ask(&mut kit, &format!("ZRANDMEMBER z {count}"));
                let drawn: Vec<&str> = reply.split(' ').filter(|w| *w != "[" && *w != "]").collect();
                let different: std::collections::BTreeSet<_> = drawn.iter().collect();
                if distinct {
                    assert_eq!(
                        (drawn.len(), different.len()),
                        (count.min(n) as usize, count.min(n) as usize)
                    );
                } else {
                    assert_eq!(drawn.len() as i64, -count);
                }
            }
        }
    }
    // A reply that would be longer than memory is refused.
    for count in ["-9223372036854775807", "-1000000000"] {
        assert_eq!(ask(&mut kit, &format!("ZRANDMEMBER z {count}")), "-ERR value is out of range");
    }
    let usual = ask(&mut kit, "ZRANDMEMBER z");
    assert!(usual.starts_with("\"m"), "{usual}");
}

/// Random commands, the same ones to a set that may be a listpack and to one that may not.
#[test]
fn encodings_answer_the_same() {
    let mut small = Kit::new(Config::default());
    let mut large = Kit::new(Config { zset_max_listpack_entries: 0, ..Config::default() });
    let mut rng = Rng::new(9);
    for i in 0..3000 {
        let mut n = |below| rng.below(below);
        let (key, member, score) = (n(3), n(20), n(8));
        let request = match n(16) {
            0..6 => format!("ZADD z{key} {score} m{member} {} m{}", n(5), n(20)),
            6 => format!("ZADD z{key} {} INCR {score} m{member}", ["XX", "NX", "GT", "LT"][n(4) as usize]),
            7 => format!("ZREM z{key} m{member} m{}", n(20)),
            8 => format!(
                "ZRANGE z{key} {} {} {}",
                n(9) as i64 - 4,
                n(9) as i64 - 4,
                ["REV", "WITHSCORES"][n(2) as usize]
            ),
            9 => format!("ZRANGEBYSCORE z{key} ({} {score} LIMIT {} {}", n(5), n(3), n(9) as i64 - 1),
            10 => format!("ZREVRANK z{key} m{member} WITHSCORE"),
            11 => format!("ZCOUNT z{key} {} ({score}", n(6)),
            12 => format!("ZREMRANGEBYRANK z{key} {} {}", n(9) as i64 - 4, n(5) as i64 - 2),
            13 => format!("ZREMRANGEBYSCORE z{key} ({} {score}", n(6)),
            14 => format!("ZPOPMAX z{key} {}", n(3)),
            _ => format!("ZUNIONSTORE z{key} 2 z{} z{} AGGREGATE MAX", n(3), n(3)),
        };
        assert_eq!(ask(&mut small, &request), ask(&mut large, &request), "{i}: {request}");
    }
    assert_eq!(small.contents(), large.contents());
}

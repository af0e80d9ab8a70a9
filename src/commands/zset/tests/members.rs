//! Members and scores, ranks and counts, encodings, and what holds for all commands: RESP3, expiry, what is propagated.

use super::ask;
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

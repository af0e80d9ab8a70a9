//! Unions, intersections, differences.

use crate::testkit::check;

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

//! Popping, and waiting for members.

use crate::testkit::check;

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

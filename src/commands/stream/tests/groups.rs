//! Consumer groups.

use super::ask;
use crate::engine::config::Config;
use crate::testkit::{Kit, check, check_with};

#[test]
fn xgroup_makes_and_removes() {
    check(
        r#"> XGROUP CREATE s g $
        -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        > XGROUP CREATE s g $ MKSTREAM | +OK
        > XGROUP CREATE s g $ MKSTREAM | -BUSYGROUP Consumer Group name already exists
        > XGROUP CREATE s g2 0 | +OK
        > XGROUP CREATE s g3 5-5 ENTRIESREAD 3 | +OK
        > XGROUP CREATE s g4 x | -ERR Invalid stream ID specified as stream command argument
        > XGROUP CREATE s g4 - | -ERR Invalid stream ID specified as stream command argument
        > XGROUP CREATE n g4 x MKSTREAM | -ERR Invalid stream ID specified as stream command argument
        > EXISTS n | :0
        > XGROUP CREATE s g4 0 ENTRIESREAD -2 | -ERR value for ENTRIESREAD must be positive or -1
        > XGROUP CREATE s g4 0 ENTRIESREAD x | -ERR value is not an integer or out of range
        > XGROUP CREATE s g4 0 ENTRIESREAD
        -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
        > XGROUP CREATE s g4 0 x | -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
        > XGROUP CREATE s g4 0 MKSTREAM MKSTREAM MKSTREAM | +OK
        > XGROUP CREATE s g5 0 MKSTREAM MKSTREAM MKSTREAM MKSTREAM
        -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
        > XGROUP CREATE s g5 0 ENTRIESREAD 5 ENTRIESREAD -1
        -ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
        > XGROUP CREATE s g5 | -ERR wrong number of arguments for 'xgroup|create' command
        > XGROUP CREATE s | -ERR wrong number of arguments for 'xgroup|create' command
        > SET k v | +OK
        > XGROUP CREATE k g 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XGROUP CREATE k g 0 MKSTREAM | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XGROUP CREATE k g 0 MKSTREAM MKSTREAM MKSTREAM MKSTREAM
        -WRONGTYPE Operation against a key holding the wrong kind of value
        > XGROUP CREATECONSUMER s g c | :1
        > XGROUP CREATECONSUMER s g c | :0
        > XGROUP CREATECONSUMER s no c | -NOGROUP No such consumer group 'no' for key name 's'
        > XGROUP CREATECONSUMER no g c
        -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        > XGROUP CREATECONSUMER k g c | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XGROUP CREATECONSUMER s g | -ERR wrong number of arguments for 'xgroup|createconsumer' command
        > XGROUP DELCONSUMER s g c | :0
        > XGROUP DELCONSUMER s g c | :0
        > XGROUP DELCONSUMER s no c | -NOGROUP No such consumer group 'no' for key name 's'
        > XGROUP DELCONSUMER no g c
        -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        > XGROUP DELCONSUMER s g | -ERR wrong number of arguments for 'xgroup|delconsumer' command
        > XGROUP SETID s g 5 | +OK
        > XGROUP SETID s g $ | +OK
        > XGROUP SETID s g - | +OK
        > XGROUP SETID s g + ENTRIESREAD 7 | +OK
        > XGROUP SETID s g 1-1 ENTRIESREAD -2 | -ERR value for ENTRIESREAD must be positive or -1
        > XGROUP SETID s g 1-1 ENTRIESREAD
        -ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.
        > XGROUP SETID s g 1-1 MKSTREAM
        -ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.
        > XGROUP SETID s g x | -ERR Invalid stream ID specified as stream command argument
        > XGROUP SETID s no 1 | -NOGROUP No such consumer group 'no' for key name 's'
        > XGROUP SETID s no x | -NOGROUP No such consumer group 'no' for key name 's'
        > XGROUP SETID no g 1
        -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        > XGROUP SETID s g 1 ENTRIESREAD 1 ENTRIESREAD 2
        -ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.
        > XGROUP SETID s g | -ERR wrong number of arguments for 'xgroup|setid' command
        > XGROUP DESTROY s g | :1
        > XGROUP DESTROY s g | :0
        > XGROUP DESTROY no g
        -ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        > XGROUP DESTROY k g | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XGROUP DESTROY s | -ERR wrong number of arguments for 'xgroup|destroy' command
        > XGROUP | -ERR wrong number of arguments for 'xgroup' command
        > XGROUP x | -ERR unknown subcommand 'x'. Try XGROUP HELP.
        > XGROUP x s g | -ERR unknown subcommand 'x'. Try XGROUP HELP.
        > XGROUP HELP x | -ERR wrong number of arguments for 'xgroup|help' command
        > XINFO GROUPS s
        [ [ "name" "g2" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :0 ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-5" "entries-read" :3 "lag" :0 ] [ "name" "g4" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :0 ] ]
        > TYPE s | +stream
            "#,
    );
}

#[test]
fn xreadgroup_gives_each_entry_once() {
    check(
        r#"> XREADGROUP GROUP g c STREAMS s >
        -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        > XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 1-3 a 3 | "1-3"
        > XADD s 1-4 a 4 | "1-4"
        > XGROUP CREATE s g 0 | +OK
        > XREADGROUP GROUP g c1 COUNT 1 STREAMS s > | [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        > XREADGROUP GROUP g c2 COUNT 2 STREAMS s > | [ [ "s" [ [ "1-2" [ "a" "2" ] ] [ "1-3" [ "a" "3" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s > | [ [ "s" [ [ "1-4" [ "a" "4" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s > | nil
        > XREADGROUP GROUP g c1 STREAMS s 0 | [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-4" [ "a" "4" ] ] ] ] ]
        > XREADGROUP GROUP g c1 COUNT 1 STREAMS s 0 | [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s 1-1 | [ [ "s" [ [ "1-4" [ "a" "4" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s 1-4 | [ [ "s" [ ] ] ]
        > XREADGROUP GROUP g c2 STREAMS s 0-0 | [ [ "s" [ [ "1-2" [ "a" "2" ] ] [ "1-3" [ "a" "3" ] ] ] ] ]
        > XREADGROUP GROUP g c3 STREAMS s 0 | [ [ "s" [ ] ] ]
        > XDEL s 1-2 | :1
        > XREADGROUP GROUP g c2 STREAMS s 0 | [ [ "s" [ [ "1-2" nil ] [ "1-3" [ "a" "3" ] ] ] ] ]
        > XACK s g 1-1 | :1
        > XACK s g 1-1 | :0
        > XACK s g 1-1 1-2 1-9 1-3 | :2
        > XREADGROUP GROUP g c2 STREAMS s 0 | [ [ "s" [ ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s 0 | [ [ "s" [ [ "1-4" [ "a" "4" ] ] ] ] ]
        > XADD s 1-5 a 5 | "1-5"
        > XREADGROUP GROUP g c1 NOACK STREAMS s > | [ [ "s" [ [ "1-5" [ "a" "5" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s 0 | [ [ "s" [ [ "1-4" [ "a" "4" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s $
        -ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.
        > XREADGROUP GROUP g c1 STREAMS s +
        -ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.
        > XREADGROUP GROUP g c1 STREAMS s - | -ERR Invalid stream ID specified as stream command argument
        > XREADGROUP GROUP g c1 STREAMS s x | -ERR Invalid stream ID specified as stream command argument
        > XREADGROUP GROUP no c1 STREAMS s >
        -NOGROUP No such key 's' or consumer group 'no' in XREADGROUP with GROUP option
        > XREADGROUP GROUP no c1 STREAMS s x
        -NOGROUP No such key 's' or consumer group 'no' in XREADGROUP with GROUP option
        > XREADGROUP GROUP g c1 STREAMS s no > >
        -NOGROUP No such key 'no' or consumer group 'g' in XREADGROUP with GROUP option
        > XREADGROUP GROUP g c1 STREAMS s t >
        -ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.
        > XREADGROUP GROUP g c1 STREAMS | -ERR wrong number of arguments for 'xreadgroup' command
        > XREADGROUP GROUP g STREAMS s > | -ERR wrong number of arguments for 'xreadgroup' command
        > XREADGROUP COUNT 1 COUNT 1 STREAMS s > | -ERR Missing GROUP option for XREADGROUP
        > XREADGROUP GROUP g c1 COUNT x STREAMS s > | -ERR value is not an integer or out of range
        > XREADGROUP GROUP g c1 x STREAMS s > | -ERR syntax error
        > XREADGROUP GROUP g c1 BLOCK x STREAMS s > | -ERR timeout is not an integer or out of range
        > XREADGROUP GROUP g c1 BLOCK 0 STREAMS s 0 | [ [ "s" [ [ "1-4" [ "a" "4" ] ] ] ] ]
        c2> XREADGROUP NOACK GROUP g c9 BLOCK 1 STREAMS s > | (none)
        @ +30ms
        c2< nil
        > XINFO CONSUMERS s g | *
        > XREADGROUP GROUP g c1 STREAMS s 18446744073709551615-18446744073709551615 | nil
        > SET k v | +OK
        > XREADGROUP GROUP g c1 STREAMS k > | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD t 1-1 b 1 | "1-1"
        > XGROUP CREATE t g 0 | +OK
        > XADD s 1-6 a 6 | "1-6"
        > XREADGROUP GROUP g c1 STREAMS s t > >
        [ [ "s" [ [ "1-6" [ "a" "6" ] ] ] ] [ "t" [ [ "1-1" [ "b" "1" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s t > 0 | [ [ "t" [ [ "1-1" [ "b" "1" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s t 0 > | [ [ "s" [ [ "1-4" [ "a" "4" ] ] [ "1-6" [ "a" "6" ] ] ] ] ]
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :4 "pending" :2 "last-delivered-id" "1-6" "entries-read" :6 "lag" :0 ] ]
        > XGROUP SETID s g 0 | +OK
        > XREADGROUP GROUP g c2 COUNT 3 STREAMS s >
        [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-3" [ "a" "3" ] ] [ "1-4" [ "a" "4" ] ] ] ] ]
        > XREADGROUP GROUP g c1 STREAMS s 0 | [ [ "s" [ [ "1-6" [ "a" "6" ] ] ] ] ]
        > XREADGROUP GROUP g c2 STREAMS s 0
        [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-3" [ "a" "3" ] ] [ "1-4" [ "a" "4" ] ] ] ] ]
        > XGROUP DELCONSUMER s g c2 | :3
        > XREADGROUP GROUP g c2 STREAMS s 0 | [ [ "s" [ ] ] ]
        > XACK s g | -ERR wrong number of arguments for 'xack' command
        > XACK s | -ERR wrong number of arguments for 'xack' command
        > XACK s g x | -ERR Invalid stream ID specified as stream command argument
        > XACK s g 1-1 x | -ERR Invalid stream ID specified as stream command argument
        > XACK no g 1 | :0
        > XACK no g x | :0
        > XACK s no x | :0
        > XACK k g 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
    );
}

#[test]
fn xreadgroup_waits_in_line() {
    check(
        r#"> XGROUP CREATE s g $ MKSTREAM | +OK
        > XGROUP CREATE s h $ | +OK
        c2> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        c3> XREADGROUP GROUP g b BLOCK 0 STREAMS s > | (none)
        c4> XREADGROUP GROUP h a BLOCK 0 STREAMS s > | (none)
        c5> XREAD BLOCK 0 STREAMS s $ | (none)
        > XADD s 1-1 a 1 | "1-1"
        c2< [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        c4< [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        c5< [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        > XADD s 1-2 a 2 | "1-2"
        c3< [ [ "s" [ [ "1-2" [ "a" "2" ] ] ] ] ]
        c2> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        c3> XREADGROUP GROUP g b BLOCK 0 NOACK STREAMS s > | (none)
        > XADD s 1-3 a 3 | "1-3"
        > XADD s 1-4 a 4 | "1-4"
        c2< [ [ "s" [ [ "1-3" [ "a" "3" ] ] ] ] ]
        c3< [ [ "s" [ [ "1-4" [ "a" "4" ] ] ] ] ]
        > XREADGROUP GROUP h a STREAMS s >
        [ [ "s" [ [ "1-2" [ "a" "2" ] ] [ "1-3" [ "a" "3" ] ] [ "1-4" [ "a" "4" ] ] ] ] ]
        > XACK s g 1-1 1-2 1-3 1-4 | :3
            "#,
    );
}

#[test]
fn xreadgroup_hears_that_the_group_is_gone() {
    check(
        r#"> XGROUP CREATE s g $ MKSTREAM | +OK
        c2> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        c3> XREADGROUP GROUP g b BLOCK 0 STREAMS s > | (none)
        > DEL s | :1
        c2< -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        c3< -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        > XGROUP CREATE s g $ MKSTREAM | +OK
        c2> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        > SET s v | +OK
        c2< -WRONGTYPE Operation against a key holding the wrong kind of value
        > DEL s | :1
        > XGROUP CREATE s g $ MKSTREAM | +OK
        > XGROUP CREATE s h $ MKSTREAM | +OK
        c2> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        c3> XREADGROUP GROUP h a BLOCK 0 STREAMS s > | (none)
        > XGROUP DESTROY s g | :1
        c2< -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        > XADD s 1-1 a b | "1-1"
        c3< [ [ "s" [ [ "1-1" [ "a" "b" ] ] ] ] ]
        c3> XREADGROUP GROUP h a BLOCK 0 STREAMS s > | (none)
        > RENAME s t | +OK
        c3< -NOGROUP No such key 's' or consumer group 'h' in XREADGROUP with GROUP option
        > RENAME t s | +OK
        c3> XREADGROUP GROUP h a BLOCK 0 STREAMS s > | (none)
        > FLUSHALL | +OK
        c3< -NOGROUP No such key 's' or consumer group 'h' in XREADGROUP with GROUP option
        > XGROUP CREATE s g $ MKSTREAM | +OK
        c3> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        > SWAPDB 0 1 | +OK
        c3< -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        > SWAPDB 0 1 | +OK
        c3> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        > PEXPIRE s 10 | :1
        @ +150ms
        c3< -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
        > XGROUP CREATE s g $ MKSTREAM | +OK
        > XADD t 1-1 a b | "1-1"
        > XGROUP CREATE t g $ | +OK
        c3> XREADGROUP GROUP g a BLOCK 0 STREAMS s t > > | (none)
        > XADD t 1-2 a b | "1-2"
        c3< [ [ "t" [ [ "1-2" [ "a" "b" ] ] ] ] ]
        c3> XREADGROUP GROUP g a BLOCK 0 STREAMS s t > > | (none)
        > SADD u m | :1
        > RENAME u t | +OK
        c3< -WRONGTYPE Operation against a key holding the wrong kind of value
        c3> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        > SINTERSTORE s none | :0
        c3< -NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option
            "#,
    );
}

#[test]
fn xpending_tells_what_is_not_acknowledged() {
    check(
        r#"> XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 2-1 a 3 | "2-1"
        > XADD s 3-1 a 4 | "3-1"
        > XGROUP CREATE s g 0 | +OK
        > XPENDING s g | [ :0 nil nil nil ]
        > XPENDING s g - + 10 | [ ]
        > XREADGROUP GROUP g c1 COUNT 2 STREAMS s > | [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] ] ]
        > XREADGROUP GROUP g c2 STREAMS s > | [ [ "s" [ [ "2-1" [ "a" "3" ] ] [ "3-1" [ "a" "4" ] ] ] ] ]
        > XGROUP CREATECONSUMER s g idle | :1
        > XPENDING s g | [ :4 "1-1" "3-1" [ [ "c1" "2" ] [ "c2" "2" ] ] ]
        > XPENDING s g - + 10 | *
        > XPENDING s g - + 0 | [ ]
        > XPENDING s g - + -1 | [ ]
        > XPENDING s g - + 10 no | [ ]
        > XPENDING s g - + 10 idle | [ ]
        > XPENDING s g IDLE 1000000 - + 10 | [ ]
        > XPENDING s g IDLE 1000000 - + 10 c1 | [ ]
        > XPENDING s g IDLE -5 - (1-1 10 | [ ]
        > XPENDING s g - x 10 | -ERR Invalid stream ID specified as stream command argument
        > XPENDING s g x + 10 | -ERR Invalid stream ID specified as stream command argument
        > XPENDING s g - + x | -ERR value is not an integer or out of range
        > XPENDING s g (- + 1 | -ERR Invalid stream ID specified as stream command argument
        > XPENDING s g (18446744073709551615-18446744073709551615 + 1 | -ERR invalid start ID for the interval
        > XPENDING s g - (0-0 1 | -ERR invalid end ID for the interval
        > XPENDING s g IDLE x - + 1 | -ERR value is not an integer or out of range
        > XPENDING s g IDLE 1 - + | -ERR syntax error
        > XPENDING s g IDLE 1 | -ERR syntax error
        > XPENDING s g - + | -ERR syntax error
        > XPENDING s g - | -ERR syntax error
        > XPENDING s g - + 10 c1 c2 c3 c4 | -ERR syntax error
        > XPENDING no g | -NOGROUP No such key 'no' or consumer group 'g'
        > XPENDING s no | -NOGROUP No such key 's' or consumer group 'no'
        > XPENDING no g - + 1 | -NOGROUP No such key 'no' or consumer group 'g'
        > XPENDING no g - + x | -ERR value is not an integer or out of range
        > SET k v | +OK
        > XPENDING k g | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XPENDING s | -ERR wrong number of arguments for 'xpending' command
        > XACK s g 1-1 3-1 | :2
        > XPENDING s g | [ :2 "1-2" "2-1" [ [ "c1" "1" ] [ "c2" "1" ] ] ]
        > XACK s g 1-2 2-1 | :2
        > XPENDING s g | [ :0 nil nil nil ]
            "#,
    );
}

#[test]
fn xclaim_hands_over() {
    check(
        r#"> XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 1-3 a 3 | "1-3"
        > XADD s 1-4 a 4 | "1-4"
        > XGROUP CREATE s g 0 | +OK
        > XREADGROUP GROUP g c1 COUNT 3 STREAMS s >
        [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] [ "1-3" [ "a" "3" ] ] ] ] ]
        > XCLAIM s g c2 0 1-1 | [ [ "1-1" [ "a" "1" ] ] ]
        > XCLAIM s g c2 100000 1-2 | [ ]
        > XCLAIM s g c2 0 1-1 1-2 1-4 9-9 JUSTID | [ "1-1" "1-2" ]
        > XCLAIM s g c2 0 1-4 FORCE | [ [ "1-4" [ "a" "4" ] ] ]
        > XCLAIM s g c2 0 9-9 FORCE | [ ]
        > XCLAIM s g c3 0 1-4 FORCE JUSTID IDLE 100000 RETRYCOUNT 7 | [ "1-4" ]
        > XPENDING s g 1-4 1-4 1 | *
        > XCLAIM s g c3 200000 1-4 | [ ]
        > XCLAIM s g c4 50000 1-4 | [ [ "1-4" [ "a" "4" ] ] ]
        > XCLAIM s g c4 -5 1-4 JUSTID TIME 5 | [ "1-4" ]
        > XPENDING s g | [ :4 "1-1" "1-4" [ [ "c1" "1" ] [ "c2" "2" ] [ "c4" "1" ] ] ]
        > XDEL s 1-2 | :1
        > XCLAIM s g c4 0 1-2 | [ ]
        > XCLAIM s g c4 0 1-2 1-3 RETRYCOUNT -5 | [ [ "1-3" [ "a" "3" ] ] ]
        > XPENDING s g | [ :3 "1-1" "1-4" [ [ "c2" "1" ] [ "c4" "2" ] ] ]
        > XCLAIM s g c4 0 1-3 LASTID 1-2 | [ [ "1-3" [ "a" "3" ] ] ]
        > XCLAIM s g c4 0 LASTID 1-9 | [ ]
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :4 "pending" :3 "last-delivered-id" "1-9" "entries-read" :3 "lag" :1 ] ]
        > XCLAIM s g c5 0 7-7 LASTID 2-0 | [ ]
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :5 "pending" :3 "last-delivered-id" "2-0" "entries-read" :3 "lag" :1 ] ]
        > XCLAIM s g c4 0 1-3 TIME 9999999999999999 IDLE 9999999999999999 | [ [ "1-3" [ "a" "3" ] ] ]
        > XCLAIM s g c4 0 1-3 IDLE -9223372036854775808 JUSTID | [ "1-3" ]
        > XCLAIM s g c4 0 1-3 IDLE x | -ERR Invalid IDLE option argument for XCLAIM
        > XCLAIM s g c4 0 1-3 TIME x | -ERR Invalid TIME option argument for XCLAIM
        > XCLAIM s g c4 0 1-3 RETRYCOUNT x | -ERR Invalid RETRYCOUNT option argument for XCLAIM
        > XCLAIM s g c4 0 1-3 LASTID x | -ERR Invalid stream ID specified as stream command argument
        > XCLAIM s g c4 0 1-3 IDLE | -ERR Unrecognized XCLAIM option 'IDLE'
        > XCLAIM s g c4 0 1-3 FORCE 1-4 | -ERR Unrecognized XCLAIM option '1-4'
        > XCLAIM s g c4 0 x | -ERR Unrecognized XCLAIM option 'x'
        > XCLAIM s g c4 x 1-3 | -ERR Invalid min-idle-time argument for XCLAIM
        > XCLAIM s no c4 x 1-3 | -NOGROUP No such key 's' or consumer group 'no'
        > XCLAIM no g c4 0 1-3 | -NOGROUP No such key 'no' or consumer group 'g'
        > XCLAIM s g c4 0 | -ERR wrong number of arguments for 'xclaim' command
        > XCLAIM s g c4 0 FORCE | [ ]
        > SET k v | +OK
        > XCLAIM k g c 0 1-1 | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
    );
}

#[test]
fn xautoclaim_hands_over_in_turn() {
    check(
        r#"> XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 1-3 a 3 | "1-3"
        > XADD s 1-4 a 4 | "1-4"
        > XADD s 1-5 a 5 | "1-5"
        > XGROUP CREATE s g 0 | +OK
        > XAUTOCLAIM s g c2 0 0 | [ "0-0" [ ] [ ] ]
        > XREADGROUP GROUP g c1 STREAMS s >
        [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] [ "1-3" [ "a" "3" ] ] [ "1-4" [ "a" "4" ] ] [ "1-5" [ "a" "5" ] ] ] ] ]
        > XAUTOCLAIM s g c2 0 - COUNT 2 | [ "1-3" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] [ ] ]
        > XAUTOCLAIM s g c2 0 1-3 COUNT 2 JUSTID | [ "1-5" [ "1-3" "1-4" ] [ ] ]
        > XAUTOCLAIM s g c2 0 (1-4 COUNT 2 JUSTID | [ "0-0" [ "1-5" ] [ ] ]
        > XAUTOCLAIM s g c3 100000 0 | [ "0-0" [ ] [ ] ]
        > XCLAIM s g c1 0 1-1 1-2 1-3 IDLE 500000 JUSTID | [ "1-1" "1-2" "1-3" ]
        > XAUTOCLAIM s g c3 100000 0 COUNT 1 | [ "1-2" [ [ "1-1" [ "a" "1" ] ] ] [ ] ]
        > XAUTOCLAIM s g c3 100000 0 COUNT 1 JUSTID | [ "1-3" [ "1-2" ] [ ] ]
        > XDEL s 1-4 1-5 | :2
        > XAUTOCLAIM s g c3 100000 0 | [ "0-0" [ [ "1-3" [ "a" "3" ] ] ] [ "1-4" "1-5" ] ]
        > XPENDING s g | [ :3 "1-1" "1-3" [ [ "c3" "3" ] ] ]
        > XDEL s 1-1 1-2 | :2
        > XAUTOCLAIM s g c3 0 0 COUNT 1 | [ "1-2" [ ] [ "1-1" ] ]
        > XAUTOCLAIM s g c3 0 0 COUNT 1 | [ "1-3" [ ] [ "1-2" ] ]
        > XAUTOCLAIM s g c3 0 0 COUNT 1 | [ "0-0" [ [ "1-3" [ "a" "3" ] ] ] [ ] ]
        > XAUTOCLAIM s g c3 0 9 | [ "0-0" [ ] [ ] ]
        > XAUTOCLAIM s g c3 0 + JUSTID | [ "0-0" [ ] [ ] ]
        > XAUTOCLAIM s g c3 0 0 COUNT 0 | -ERR COUNT must be > 0
        > XAUTOCLAIM s g c3 0 0 COUNT -1 | -ERR COUNT must be > 0
        > XAUTOCLAIM s g c3 0 0 COUNT x | -ERR COUNT must be > 0
        > XAUTOCLAIM s g c3 0 0 COUNT 8070450532247928833 | -ERR COUNT must be > 0
        > XAUTOCLAIM s g c3 0 0 COUNT | -ERR syntax error
        > XAUTOCLAIM s g c3 0 0 x | -ERR syntax error
        > XAUTOCLAIM s g c3 0 x | -ERR Invalid stream ID specified as stream command argument
        > XAUTOCLAIM s g c3 0 (18446744073709551615-18446744073709551615 | -ERR invalid start ID for the interval
        > XAUTOCLAIM s g c3 x 0 | -ERR Invalid min-idle-time argument for XAUTOCLAIM
        > XAUTOCLAIM s g c3 -5 0 | [ "0-0" [ [ "1-3" [ "a" "3" ] ] ] [ ] ]
        > XAUTOCLAIM no g c3 0 0 | -NOGROUP No such key 'no' or consumer group 'g'
        > XAUTOCLAIM s no c3 0 0 | -NOGROUP No such key 's' or consumer group 'no'
        > XAUTOCLAIM no g c3 0 x | -ERR Invalid stream ID specified as stream command argument
        > SET k v | +OK
        > XAUTOCLAIM k g c 0 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XAUTOCLAIM s g c3 0 | -ERR wrong number of arguments for 'xautoclaim' command
            "#,
    );
}

#[test]
fn xinfo_tells_of_groups() {
    check(
        r#"> XINFO GROUPS no | -ERR no such key
        > XINFO CONSUMERS no g | -ERR no such key
        > SET k v | +OK
        > XINFO GROUPS k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XINFO CONSUMERS k g | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD s 1-1 a 1 | "1-1"
        > XINFO GROUPS s | [ ]
        > XINFO CONSUMERS s g | -NOGROUP No such consumer group 'g' for key name 's'
        > XGROUP CREATE s g 0 | +OK
        > XGROUP CREATE s "b\x00" $ | +OK
        > XINFO GROUPS s
        [ [ "name" "b\x00" "consumers" :0 "pending" :0 "last-delivered-id" "1-1" "entries-read" nil "lag" :0 ] [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :1 ] ]
        > XINFO CONSUMERS s g | [ ]
        > XREADGROUP GROUP g c1 STREAMS s > | [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        > XGROUP CREATECONSUMER s g c0 | :1
        > XINFO CONSUMERS s g | *
        > XINFO GROUPS s
        [ [ "name" "b\x00" "consumers" :0 "pending" :0 "last-delivered-id" "1-1" "entries-read" nil "lag" :0 ] [ "name" "g" "consumers" :2 "pending" :1 "last-delivered-id" "1-1" "entries-read" :1 "lag" :0 ] ]
        > XINFO GROUPS | -ERR wrong number of arguments for 'xinfo|groups' command
        > XINFO GROUPS s x | -ERR wrong number of arguments for 'xinfo|groups' command
        > XINFO CONSUMERS s | -ERR wrong number of arguments for 'xinfo|consumers' command
        > XINFO CONSUMERS s g x | -ERR wrong number of arguments for 'xinfo|consumers' command
        > XINFO HELP x | -ERR wrong number of arguments for 'xinfo|help' command
            "#,
    );
}

#[test]
fn groups_tell_how_far_they_are_behind() {
    check(
        r#"> XGROUP CREATE s g $ MKSTREAM | +OK
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :0 ] ]
        > XADD s 1-0 d a | "1-0"
        > XADD s 2-0 d b | "2-0"
        > XADD s 3-0 d c | "3-0"
        > XADD s 4-0 d d | "4-0"
        > XADD s 5-0 d e | "5-0"
        > XGROUP CREATE s g1 0 | +OK
        > XGROUP CREATE s g2 3-0 | +OK
        > XGROUP CREATE s g3 $ | +OK
        > XGROUP CREATE s g4 2-0 ENTRIESREAD 2 | +OK
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :5 ] [ "name" "g1" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :5 ] [ "name" "g2" "consumers" :0 "pending" :0 "last-delivered-id" "3-0" "entries-read" nil "lag" nil ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" :0 ] [ "name" "g4" "consumers" :0 "pending" :0 "last-delivered-id" "2-0" "entries-read" :2 "lag" :3 ] ]
        > XREADGROUP GROUP g1 c COUNT 1 STREAMS s > | [ [ "s" [ [ "1-0" [ "d" "a" ] ] ] ] ]
        > XREADGROUP GROUP g2 c COUNT 1 STREAMS s > | [ [ "s" [ [ "4-0" [ "d" "d" ] ] ] ] ]
        > XREADGROUP GROUP g4 c COUNT 1 STREAMS s > | [ [ "s" [ [ "3-0" [ "d" "c" ] ] ] ] ]
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :5 ] [ "name" "g1" "consumers" :1 "pending" :1 "last-delivered-id" "1-0" "entries-read" :1 "lag" :4 ] [ "name" "g2" "consumers" :1 "pending" :1 "last-delivered-id" "4-0" "entries-read" nil "lag" nil ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" :0 ] [ "name" "g4" "consumers" :1 "pending" :1 "last-delivered-id" "3-0" "entries-read" :3 "lag" :2 ] ]
        > XDEL s 3-0 | :1
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" nil ] [ "name" "g1" "consumers" :1 "pending" :1 "last-delivered-id" "1-0" "entries-read" :1 "lag" nil ] [ "name" "g2" "consumers" :1 "pending" :1 "last-delivered-id" "4-0" "entries-read" nil "lag" nil ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" :0 ] [ "name" "g4" "consumers" :1 "pending" :1 "last-delivered-id" "3-0" "entries-read" :3 "lag" nil ] ]
        > XREADGROUP GROUP g1 c STREAMS s >
        [ [ "s" [ [ "2-0" [ "d" "b" ] ] [ "4-0" [ "d" "d" ] ] [ "5-0" [ "d" "e" ] ] ] ] ]
        > XADD s 6-0 d f | "6-0"
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" nil ] [ "name" "g1" "consumers" :1 "pending" :4 "last-delivered-id" "5-0" "entries-read" :5 "lag" :1 ] [ "name" "g2" "consumers" :1 "pending" :1 "last-delivered-id" "4-0" "entries-read" nil "lag" nil ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" nil ] [ "name" "g4" "consumers" :1 "pending" :1 "last-delivered-id" "3-0" "entries-read" :3 "lag" nil ] ]
        > XTRIM s MAXLEN 1 | :4
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :1 ] [ "name" "g1" "consumers" :1 "pending" :4 "last-delivered-id" "5-0" "entries-read" :5 "lag" :1 ] [ "name" "g2" "consumers" :1 "pending" :1 "last-delivered-id" "4-0" "entries-read" nil "lag" :1 ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" :1 ] [ "name" "g4" "consumers" :1 "pending" :1 "last-delivered-id" "3-0" "entries-read" :3 "lag" :1 ] ]
        > XREADGROUP GROUP g2 c STREAMS s > | [ [ "s" [ [ "6-0" [ "d" "f" ] ] ] ] ]
        > XREADGROUP GROUP g4 c STREAMS s > | [ [ "s" [ [ "6-0" [ "d" "f" ] ] ] ] ]
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :1 ] [ "name" "g1" "consumers" :1 "pending" :4 "last-delivered-id" "5-0" "entries-read" :5 "lag" :1 ] [ "name" "g2" "consumers" :1 "pending" :2 "last-delivered-id" "6-0" "entries-read" :6 "lag" :0 ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" :1 ] [ "name" "g4" "consumers" :1 "pending" :2 "last-delivered-id" "6-0" "entries-read" :6 "lag" :0 ] ]
        > XTRIM s MAXLEN 0 | :1
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :0 ] [ "name" "g1" "consumers" :1 "pending" :4 "last-delivered-id" "5-0" "entries-read" :5 "lag" :1 ] [ "name" "g2" "consumers" :1 "pending" :2 "last-delivered-id" "6-0" "entries-read" :6 "lag" :0 ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" :0 ] [ "name" "g4" "consumers" :1 "pending" :2 "last-delivered-id" "6-0" "entries-read" :6 "lag" :0 ] ]
        > XADD s 7-0 d g | "7-0"
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" :1 ] [ "name" "g1" "consumers" :1 "pending" :4 "last-delivered-id" "5-0" "entries-read" :5 "lag" :2 ] [ "name" "g2" "consumers" :1 "pending" :2 "last-delivered-id" "6-0" "entries-read" :6 "lag" :1 ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" :1 ] [ "name" "g4" "consumers" :1 "pending" :2 "last-delivered-id" "6-0" "entries-read" :6 "lag" :1 ] ]
        > XSETID s 9-0 ENTRIESADDED 100 MAXDELETEDID 8-0 | +OK
        > XGROUP SETID s g1 9-5 | +OK
        > XGROUP SETID s g2 0 ENTRIESREAD 9223372036854775807 | +OK
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" nil ] [ "name" "g1" "consumers" :1 "pending" :4 "last-delivered-id" "9-5" "entries-read" nil "lag" nil ] [ "name" "g2" "consumers" :1 "pending" :2 "last-delivered-id" "0-0" "entries-read" :9223372036854775807 "lag" nil ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" nil ] [ "name" "g4" "consumers" :1 "pending" :2 "last-delivered-id" "6-0" "entries-read" :6 "lag" nil ] ]
        > XREADGROUP GROUP g2 c STREAMS s > | [ [ "s" [ [ "7-0" [ "d" "g" ] ] ] ] ]
        > XINFO GROUPS s
        [ [ "name" "g" "consumers" :0 "pending" :0 "last-delivered-id" "0-0" "entries-read" nil "lag" nil ] [ "name" "g1" "consumers" :1 "pending" :4 "last-delivered-id" "9-5" "entries-read" nil "lag" nil ] [ "name" "g2" "consumers" :1 "pending" :3 "last-delivered-id" "7-0" "entries-read" nil "lag" nil ] [ "name" "g3" "consumers" :0 "pending" :0 "last-delivered-id" "5-0" "entries-read" nil "lag" nil ] [ "name" "g4" "consumers" :1 "pending" :2 "last-delivered-id" "6-0" "entries-read" :6 "lag" nil ] ]
            "#,
    );
}

#[test]
fn xdelex_minds_the_groups() {
    check_with(
        r#"> XDELEX s IDS 2 1-1 1-2 | [ :-1 :-1 ]
        > XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 1-3 a 3 | "1-3"
        > XADD s 1-4 a 4 | "1-4"
        > XADD s 1-5 a 5 | "1-5"
        > XDELEX s IDS 3 1-1 1-1 9-9 | [ :1 :-1 :-1 ]
        > XGROUP CREATE s g 0 | +OK
        > XREADGROUP GROUP g c COUNT 3 STREAMS s > | *
        > XACK s g 1-2 | :1
        > XDELEX s ACKED IDS 4 1-2 1-3 1-5 9-9 | [ :1 :2 :2 :-1 ]
        > XDELEX s KEEPREF IDS 1 1-3 | [ :1 ]
        > XPENDING s g | [ :2 "1-3" "1-4" [ [ "c" "2" ] ] ]
        > XDELEX s IDS 2 1-3 1-4 DELREF | [ :-1 :1 ]
        > XPENDING s g | [ :0 nil nil nil ]
        > XRANGE s - + | [ [ "1-5" [ "a" "5" ] ] ]
        > XDELEX s IDS 0 1-1 | -ERR Number of IDs must be a positive integer
        > XDELEX s IDS x 1-1 | -ERR Number of IDs must be a positive integer
        > XDELEX s IDS 2 1-1 | -ERR The `numids` parameter must match the number of arguments
        > XDELEX s IDS 1 1-1 1-2 | -ERR syntax error
        > XDELEX s KEEPREF ACKED IDS 1 1-1 | -ERR syntax error
        > XDELEX s KEEPREF ACKED 1 1-1 | -ERR syntax error
        > XDELEX s KEEPREF KEEPREF | -ERR wrong number of arguments for 'xdelex' command
        > XDELEX s KEEPREF x 1 1-1 | -ERR syntax error
        > XDELEX s IDS 1 x | -ERR Invalid stream ID specified as stream command argument
        > SET k v | +OK
        > XDELEX k IDS 1 1-1 | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        |_| {},
    );
}

#[test]
fn xackdel_acknowledges_and_deletes() {
    check_with(
        r#"> XACKDEL s g IDS 2 1-1 1-2 | [ :-1 :-1 ]
        > XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 1-3 a 3 | "1-3"
        > XACKDEL s g IDS 1 1-1 | [ :-1 ]
        > XGROUP CREATE s g 0 | +OK
        > XGROUP CREATE s h 0 | +OK
        > XREADGROUP GROUP g c STREAMS s > | *
        > XREADGROUP GROUP h c COUNT 1 STREAMS s > | *
        > XACKDEL s g ACKED IDS 3 1-1 1-2 9-9 | [ :2 :2 :-1 ]
        > XLEN s | :3
        > XACKDEL s h IDS 1 1-1 | [ :1 ]
        > XACKDEL s g DELREF IDS 2 1-1 1-3 | [ :-1 :1 ]
        > XRANGE s - + | [ [ "1-2" [ "a" "2" ] ] ]
        > XREADGROUP GROUP h c STREAMS s > | *
        > XDEL s 1-2 | :1
        > XACKDEL s h ACKED IDS 1 1-2 | [ :1 ]
        > XPENDING s h | [ :0 nil nil nil ]
        > XACKDEL s g IDS 1 x | -ERR Invalid stream ID specified as stream command argument
        > XACKDEL s g ACKED IDS 1 | -ERR The `numids` parameter must match the number of arguments
        > XACKDEL s g IDS 1 | -ERR wrong number of arguments for 'xackdel' command
        > SET k v | +OK
        > XACKDEL k g IDS 1 1-1 | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        |_| {},
    );
}

#[test]
fn trims_mind_the_groups() {
    let fill = r#"> XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 1-3 a 3 | "1-3"
        > XADD s 2-1 a 4 | "2-1"
        > XADD s 2-2 a 5 | "2-2"
        > XADD s 2-3 a 6 | "2-3"
        > XGROUP CREATE s g 0 | +OK
        > XREADGROUP GROUP g c COUNT 5 STREAMS s > | *
        > XACK s g 1-2 2-1 2-2 | :3
        "#;
    for rest in [
        r#"> XTRIM s MAXLEN 2 | :4
        > XPENDING s g | [ :2 "1-1" "1-3" [ [ "c" "2" ] ] ]"#,
        r#"> XTRIM s MAXLEN 4 DELREF | :2
        > XPENDING s g | [ :1 "1-3" "1-3" [ [ "c" "1" ] ] ]
        > XTRIM s DELREF MINID 2-1 | :1
        > XPENDING s g | [ :0 nil nil nil ]"#,
        r#"> XTRIM s MAXLEN 4 ACKED | :2
        > XTRIM s ACKED MAXLEN 0 | :1
        > XTRIM s MAXLEN 0 ACKED | :0
        > XRANGE s - + | [ [ "1-1" [ "a" "1" ] ] [ "1-3" [ "a" "3" ] ] [ "2-3" [ "a" "6" ] ] ]
        > XADD s ACKED MAXLEN 1 3-1 a 7 | "3-1"
        > XLEN s | :4
        > XACK s g 1-1 1-3 | :2
        > XADD s DELREF MAXLEN 2 3-2 a 7 | "3-2"
        > XADD s KEEPREF MINID 3-2 3-3 a 7 | "3-3"
        > XLEN s | :2"#,
        r#"> XTRIM s MINID 2-2 ACKED | :2
        > XTRIM s MINID ~ 3-0 ACKED | *
        > XADD s MINID ~ 3-0 ACKED * a b | *
        > XPENDING s g | [ :2 "1-1" "1-3" [ [ "c" "2" ] ] ]"#,
        r#"> XTRIM s MAXLEN ~ 3 ACKED | *
        > XTRIM s MAXLEN ~ 1 DELREF LIMIT 5 | *
        > XTRIM s MAXLEN 1 ACKED KEEPREF | -ERR syntax error
        > XADD s ACKED ACKED * a b | -ERR syntax error"#,
    ] {
        check_with(&format!("{fill}{rest}"), |_| {});
    }
}

/// Members of one group that wait in one line: each entry goes to the next of them, and costs one run for it and one
/// for the next in line, not one for each that waits.
#[test]
fn many_consumers_are_served_in_turn() {
    const CONSUMERS: usize = 300;
    const ENTRIES: usize = 2000;
    let mut kit = Kit::new(Config::default());
    ask(&mut kit, "w", "XGROUP CREATE s g $ MKSTREAM");
    let wait = |kit: &mut Kit, i: usize| {
        let name = format!("c{i}");
        assert_eq!(ask(kit, &name, &format!("XREADGROUP GROUP g {name} BLOCK 0 STREAMS s >")), "");
    };
    (0..CONSUMERS).for_each(|i| wait(&mut kit, i));
    // Who asks again is seen: only the one that is served, and the next.
    kit.advance(50);
    ask(&mut kit, "w", "XADD s 0-1 n 0");
    assert!(String::from_utf8(kit.heard("c0")).unwrap().contains("\r\n0-1\r\n"));
    let seen = ask(&mut kit, "w", "XINFO CONSUMERS s g").matches("\"idle\" :0 ").count();
    assert_eq!(seen, 2);
    for i in 1..CONSUMERS {
        ask(&mut kit, "w", &format!("XADD s 0-{} n 0", i + 1));
        drop(kit.heard(&format!("c{i}")));
    }
    (0..CONSUMERS).for_each(|i| wait(&mut kit, i));
    for n in 0..ENTRIES {
        let id = format!("1-{}", n + 1);
        ask(&mut kit, "w", &format!("XADD s {id} n {n}"));
        let i = n % CONSUMERS;
        let heard = String::from_utf8(kit.heard(&format!("c{i}"))).unwrap();
        assert!(heard.contains(&format!("\r\n{id}\r\n")), "{id}: c{i} hears {heard:?}");
        wait(&mut kit, i);
    }
    (0..CONSUMERS).for_each(|i| assert!(kit.heard(&format!("c{i}")).is_empty(), "c{i}"));
    let pending = ask(&mut kit, "w", "XPENDING s g");
    let all = CONSUMERS + ENTRIES;
    assert!(pending.starts_with(&format!("[ :{all} \"0-1\" \"1-{ENTRIES}\"")), "{pending}");
    assert_eq!(kit.exec.server.waiting.group_keys(), 1);
}

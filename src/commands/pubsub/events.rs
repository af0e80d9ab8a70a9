//! Events of keys that are met after their time: each before what is done for want of it. All other events stand in
//! tests/transcripts/events.txt.

use crate::testkit::check_debug;

#[test]
fn expired_keys_are_told_when_they_are_met() {
    check_debug(
        r#"c9> PSUBSCRIBE * | [ "psubscribe" "*" :1 ]
         > CONFIG SET notify-keyspace-events EAnm | +OK
         > DEBUG SET-ACTIVE-EXPIRE 0 | +OK
         > SET k v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "k" ]
         > SET l v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "l" ]
         > SET m v | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "m" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "m" ]
         @ +200ms
         > MGET k l m | [ nil nil "v" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:keymiss" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:keymiss" "l" ]
         > SET k v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "k" ]
         > SET l v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "l" ]
         @ +200ms
         > MSET a 1 l 2 k 3 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "a" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "a" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "k" ]
         > SET k v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:set" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "k" ]
         > SET l v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:set" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "l" ]
         @ +200ms
         > DEL k m l | :1
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:del" "m" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "l" ]
         > SET k v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "k" ]
         > SET l v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "l" ]
         @ +200ms
         > COPY k l | :0
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "k" ]
         c9< [ "pmessage" "*" "__keyevent@0__:keymiss" "k" ]
         > COPY a l | :1
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "l" ]
         c9< [ "pmessage" "*" "__keyevent@0__:copy_to" "l" ]
         > SET b v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "b" ]
         @ +200ms
         > COPY a b | :1
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:copy_to" "b" ]
         > SET b v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:set" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "b" ]
         @ +200ms
         > RENAME a b | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:rename_from" "a" ]
         c9< [ "pmessage" "*" "__keyevent@0__:rename_to" "b" ]
         > SET b v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:set" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "b" ]
         > SET c v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "c" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "c" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "c" ]
         @ +200ms
         > PFMERGE b c | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:keymiss" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "c" ]
         c9< [ "pmessage" "*" "__keyevent@0__:keymiss" "c" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:pfadd" "b" ]
         > SET c v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:new" "c" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "c" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "c" ]
         @ +200ms
         > LCS nosuch a LEN IDX | -ERR If you want both the length and indexes, please just use IDX.
         c9< [ "pmessage" "*" "__keyevent@0__:keymiss" "nosuch" ]
         c9< [ "pmessage" "*" "__keyevent@0__:keymiss" "a" ]
         > BITOP OR c nosuch b | :18
         c9< [ "pmessage" "*" "__keyevent@0__:keymiss" "nosuch" ]
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "c" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "c" ]
         c9< [ "pmessage" "*" "__keyevent@0__:set" "c" ]
         > RPUSH w a b | :2
         c9< [ "pmessage" "*" "__keyevent@0__:new" "w" ]
         c9< [ "pmessage" "*" "__keyevent@0__:rpush" "w" ]
         > PEXPIRE w 100 | :1
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "w" ]
         @ +200ms
         > RPUSH q x | :1
         c9< [ "pmessage" "*" "__keyevent@0__:new" "q" ]
         c9< [ "pmessage" "*" "__keyevent@0__:rpush" "q" ]
         > LMOVE q w LEFT LEFT | "x"
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "w" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "w" ]
         c9< [ "pmessage" "*" "__keyevent@0__:lpush" "w" ]
         c9< [ "pmessage" "*" "__keyevent@0__:lpop" "q" ]
         c9< [ "pmessage" "*" "__keyevent@0__:del" "q" ]
         > SADD s 1 | :1
         c9< [ "pmessage" "*" "__keyevent@0__:new" "s" ]
         c9< [ "pmessage" "*" "__keyevent@0__:sadd" "s" ]
         > SADD t 1 2 | :2
         c9< [ "pmessage" "*" "__keyevent@0__:new" "t" ]
         c9< [ "pmessage" "*" "__keyevent@0__:sadd" "t" ]
         > PEXPIRE t 100 | :1
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "t" ]
         @ +200ms
         > SMOVE s t 1 | :1
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "t" ]
         c9< [ "pmessage" "*" "__keyevent@0__:srem" "s" ]
         c9< [ "pmessage" "*" "__keyevent@0__:del" "s" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "t" ]
         c9< [ "pmessage" "*" "__keyevent@0__:sadd" "t" ]
         > SADD s 1 | :1
         c9< [ "pmessage" "*" "__keyevent@0__:new" "s" ]
         c9< [ "pmessage" "*" "__keyevent@0__:sadd" "s" ]
         > PEXPIRE t 100 | :1
         c9< [ "pmessage" "*" "__keyevent@0__:expire" "t" ]
         @ +200ms
         > SINTERSTORE t s | :1
         c9< [ "pmessage" "*" "__keyevent@0__:expired" "t" ]
         c9< [ "pmessage" "*" "__keyevent@0__:new" "t" ]
         c9< [ "pmessage" "*" "__keyevent@0__:sinterstore" "t" ]
         > SELECT 1 | +OK
         > SET b v PX 100 | +OK
         c9< [ "pmessage" "*" "__keyevent@1__:new" "b" ]
         c9< [ "pmessage" "*" "__keyevent@1__:set" "b" ]
         c9< [ "pmessage" "*" "__keyevent@1__:expire" "b" ]
         > SELECT 0 | +OK
         > SET b w | +OK
         c9< [ "pmessage" "*" "__keyevent@0__:set" "b" ]
         @ +200ms
         > MOVE b 1 | :1
         c9< [ "pmessage" "*" "__keyevent@1__:expired" "b" ]
         c9< [ "pmessage" "*" "__keyevent@1__:new" "b" ]
         c9< [ "pmessage" "*" "__keyevent@0__:move_from" "b" ]
         c9< [ "pmessage" "*" "__keyevent@1__:move_to" "b" ]
         > DEBUG SET-ACTIVE-EXPIRE 1 | +OK
         > CONFIG SET notify-keyspace-events "" | +OK"#,
    );
}

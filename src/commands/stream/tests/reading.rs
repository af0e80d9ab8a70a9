//! Reading and waiting, and what holds for all commands on streams: RESP3, transactions, what is propagated.

use super::{ask, streamed};
use crate::engine::config::Config;
use crate::engine::stream::takers;
use crate::testkit::{Kit, START_MS, check, check_resp3, check_with};

#[test]
fn xread_returns_what_is_behind() {
    check(
        r#"> XREAD STREAMS s 0 | nil
        > XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD t 1-1 b 1 | "1-1"
        > XADD t 2-1 b 2 | "2-1"
        > XREAD STREAMS s 0 | [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] ] ]
        > XREAD STREAMS s t 0 0
        [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] ] [ "t" [ [ "1-1" [ "b" "1" ] ] [ "2-1" [ "b" "2" ] ] ] ] ]
        > XREAD COUNT 1 STREAMS s t 0 1-1 | [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] [ "t" [ [ "2-1" [ "b" "2" ] ] ] ] ]
        > XREAD COUNT 0 STREAMS s t 1-2 1-1 | [ [ "t" [ [ "2-1" [ "b" "2" ] ] ] ] ]
        > XREAD COUNT -5 STREAMS t 0 | [ [ "t" [ [ "1-1" [ "b" "1" ] ] [ "2-1" [ "b" "2" ] ] ] ] ]
        > XREAD STREAMS s t 1-2 2-1 | nil
        > XREAD STREAMS s no 1 0 | [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] ] ]
        > XREAD STREAMS no s 0 1-1 | [ [ "s" [ [ "1-2" [ "a" "2" ] ] ] ] ]
        > XREAD STREAMS s 1 | [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] ] ]
        > XREAD STREAMS s 1-18446744073709551615 | nil
        > XREAD STREAMS s 18446744073709551615-18446744073709551615 | nil
        > XREAD STREAMS s $ | nil
        > XREAD STREAMS s + | [ [ "s" [ [ "1-2" [ "a" "2" ] ] ] ] ]
        > XREAD STREAMS s t no + + + | [ [ "s" [ [ "1-2" [ "a" "2" ] ] ] ] [ "t" [ [ "2-1" [ "b" "2" ] ] ] ] ]
        > XREAD COUNT 5 STREAMS t + | [ [ "t" [ [ "2-1" [ "b" "2" ] ] ] ] ]
        > XREAD STREAMS s s 0 1-1
        [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] ] [ "s" [ [ "1-2" [ "a" "2" ] ] ] ] ]
        > XREAD count 1 streams s 0 | [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        > XDEL t 2-1 | :1
        > XREAD STREAMS t + | nil
        > XTRIM t MAXLEN 0 | :1
        > XREAD STREAMS t + | nil
        > XREAD STREAMS t 0 | nil
        > SET k v | +OK
        > XREAD STREAMS k 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XREAD STREAMS s k 0 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XREAD STREAMS k x | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XREAD STREAMS s x | -ERR Invalid stream ID specified as stream command argument
        > XREAD STREAMS s - | -ERR Invalid stream ID specified as stream command argument
        > XREAD STREAMS s >
        -ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.
        > XREAD STREAMS s 1-* | -ERR Invalid stream ID specified as stream command argument
        > XREAD STREAMS s t 0
        -ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.
        > XREAD STREAMS s | -ERR wrong number of arguments for 'xread' command
        > XREAD STREAMS | -ERR wrong number of arguments for 'xread' command
        > XREAD COUNT x STREAMS s 0 | -ERR value is not an integer or out of range
        > XREAD COUNT 1 s 0 | -ERR syntax error
        > XREAD COUNT 1 COUNT 2 | -ERR syntax error
        > XREAD GROUP g c STREAMS s 0 | -ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.
        > XREAD NOACK STREAMS s 0 | -ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.
        > XREAD BLOCK x STREAMS s 0 | -ERR timeout is not an integer or out of range
        > XREAD BLOCK -1 STREAMS s 0 | -ERR timeout is negative
        > XREAD BLOCK 1.5 STREAMS s 0 | -ERR timeout is not an integer or out of range
        > XREAD BLOCK 9223372036854775807 STREAMS s 0 | -ERR timeout is out of range
        > XREAD BLOCK 9223372036854775808 STREAMS s 0 | -ERR timeout is not an integer or out of range
        > XREAD BLOCK 0 STREAMS s 0 | [ [ "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] ] ]
        c2> XREAD BLOCK 1 STREAMS s t 1-2 $ | (none)
        @ +30ms
        c2< nil
        > XREAD x y STREAMS s 0 | -ERR syntax error
        > XREAD COUNT 1 BLOCK 5 | -ERR syntax error
        > COMMAND GETKEYS XREAD COUNT 1 STREAMS a b 0 0 | [ "a" "b" ]
        > COMMAND GETKEYS XREADGROUP GROUP g c COUNT 1 STREAMS a b > > | [ "a" "b" ]
        > COMMAND GETKEYS XREADGROUP GROUP streams c STREAMS a > | [ "a" ]
            "#,
    );
}

#[test]
fn xread_waits() {
    check(
        r#"c2> XREAD BLOCK 0 STREAMS s $ | (none)
        > XADD s 1-1 a 1 | "1-1"
        c2< [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        > XADD s 1-2 a 2 | "1-2"
        c2> XREAD BLOCK 0 COUNT 10 STREAMS s t $ 1-1 | (none)
        c3> XREAD BLOCK 0 STREAMS s 5 | (none)
        > XADD t 1-1 b 1 | "1-1"
        > XADD s 1-3 a 3 | "1-3"
        c2< [ [ "s" [ [ "1-3" [ "a" "3" ] ] ] ] ]
        > XADD s 1-4 a 4 | "1-4"
        > XADD s 6-0 a 5 | "6-0"
        c3< [ [ "s" [ [ "6-0" [ "a" "5" ] ] ] ] ]
        > XDEL s 6-0 | :1
        > XADD s 7-0 a 1 | "7-0"
        c2> XREAD BLOCK 0 STREAMS s + | *
        c2> XREAD BLOCK 0 STREAMS none + | (none)
        > XADD none 1-1 x y | "1-1"
        c2< [ [ "none" [ [ "1-1" [ "x" "y" ] ] ] ] ]
        c2> XREAD BLOCK 0 STREAMS s $ | (none)
        > DEL s | :1
        > LPUSH s x | :1
        > DEL s | :1
        > XADD s 1-1 a b | "1-1"
        > XADD s 8-0 a b | "8-0"
        c2< [ [ "s" [ [ "8-0" [ "a" "b" ] ] ] ] ]
        c2> XREAD BLOCK 0 STREAMS s 9 | (none)
        > RENAME s s2 | +OK
        > XADD s3 9-1 a b | "9-1"
        > RENAME s3 s | +OK
        c2< [ [ "s" [ [ "9-1" [ "a" "b" ] ] ] ] ]
        c2> XREAD BLOCK 0 STREAMS c $ | (none)
        > COPY s c | :1
        c2< [ [ "c" [ [ "9-1" [ "a" "b" ] ] ] ] ]
            "#,
    );
}

#[test]
fn xread_s_wait_ends() {
    check(
        r#"c2> XREAD BLOCK 40 STREAMS s $ | (none)
        @ +60ms
        c2< nil
            "#,
    );
}

#[test]
fn resp3_forms() {
    check_resp3(
        r#"> XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD t 1-1 b 1 | "1-1"
        > XRANGE s - + COUNT 0 | nil
        > XRANGE s - + | [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ]
        > XREAD STREAMS s t 1 0 | { "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] "t" [ [ "1-1" [ "b" "1" ] ] ] }
        > XREAD STREAMS s t 0 0 | { "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] "t" [ [ "1-1" [ "b" "1" ] ] ] }
        > XREAD STREAMS s 0 | { "s" [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "a" "2" ] ] ] }
        > XREAD STREAMS s 5 | nil
        > XGROUP CREATE s g 0 | +OK
        > XPENDING s g | [ :0 nil nil nil ]
        > XREADGROUP GROUP g c COUNT 1 STREAMS s > | { "s" [ [ "1-1" [ "a" "1" ] ] ] }
        > XREADGROUP GROUP g c STREAMS s > | { "s" [ [ "1-2" [ "a" "2" ] ] ] }
        > XREADGROUP GROUP g c STREAMS s > | nil
        > XDEL s 1-1 | :1
        > XREADGROUP GROUP g c STREAMS s 0 | { "s" [ [ "1-1" nil ] [ "1-2" [ "a" "2" ] ] ] }
        > XPENDING s g | [ :2 "1-1" "1-2" [ [ "c" "2" ] ] ]
        > XINFO GROUPS s
        [ { "name" "g" "consumers" :1 "pending" :2 "last-delivered-id" "1-2" "entries-read" :2 "lag" :0 } ]
        > XINFO STREAM s
        { "length" :1 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "1-2" "max-deleted-entry-id" "1-1" "entries-added" :2 "recorded-first-entry-id" "1-2" "groups" :1 "first-entry" [ "1-2" [ "a" "2" ] ] "last-entry" [ "1-2" [ "a" "2" ] ] }
        > XAUTOCLAIM s g d 0 0 COUNT 1 | [ "1-2" [ ] [ "1-1" ] ]
        > XAUTOCLAIM s g d 0 0 | [ "0-0" [ [ "1-2" [ "a" "2" ] ] ] [ ] ]
        > XCLAIM s g c 0 1-2 JUSTID | [ "1-2" ]
        > XADD none NOMKSTREAM * a b | nil
        > XINFO CONSUMERS s g | *
            "#,
    );
}

#[test]
fn in_transactions() {
    check(
        r#"> XADD s 1-1 a 1 | "1-1"
        > XGROUP CREATE s g 0 | +OK
        > WATCH s | +OK
        c2> XREADGROUP GROUP g c STREAMS s > | [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ]
        c2> XACK s g 1-1 | :1
        c2> XGROUP SETID s g 0 | +OK
        c2> XGROUP CREATECONSUMER s g d | :1
        c2> XSETID s 2-0 | +OK
        > MULTI | +OK
        > XREAD BLOCK 0 STREAMS s $ | +QUEUED
        > XREADGROUP GROUP g d BLOCK 0 STREAMS s > | +QUEUED
        > XREADGROUP GROUP g d BLOCK 0 STREAMS s > | +QUEUED
        > EXEC | [ nil [ [ "s" [ [ "1-1" [ "a" "1" ] ] ] ] ] nil ]
        > WATCH s | +OK
        c2> XADD s 2-1 a b | "2-1"
        > MULTI | +OK
        > PING | +QUEUED
        > EXEC | nil
        > WATCH t | +OK
        c2> XGROUP CREATE t g 0 MKSTREAM | +OK
        > MULTI | +OK
        > PING | +QUEUED
        > EXEC | nil
        > WATCH s | +OK
        c2> XTRIM s MAXLEN 1 | :1
        > MULTI | +OK
        > PING | +QUEUED
        > EXEC | nil
        > WATCH s | +OK
        c2> XDEL s 2-1 | :1
        > MULTI | +OK
        > PING | +QUEUED
        > EXEC | nil
        c2> XREAD BLOCK 0 STREAMS s $ | (none)
        > MULTI | +OK
        > XADD s 3-1 a 1 | +QUEUED
        > XADD s 3-2 a 2 | +QUEUED
        > EXEC | [ "3-1" "3-2" ]
        c2< [ [ "s" [ [ "3-1" [ "a" "1" ] ] [ "3-2" [ "a" "2" ] ] ] ] ]
        c2> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | *
        c2> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        > MULTI | +OK
        > DEL s | +QUEUED
        > XADD s 4-1 a b | +QUEUED
        > XGROUP CREATE s g $ | +QUEUED
        > EXEC | [ :1 "4-1" +OK ]
        > XADD s 4-2 a b | "4-2"
        c2< [ [ "s" [ [ "4-2" [ "a" "b" ] ] ] ] ]
        c2> XREADGROUP GROUP g a BLOCK 0 STREAMS s > | (none)
        > MULTI | +OK
        > DEL s | +QUEUED
        > LPUSH s x | +QUEUED
        > EXEC | [ :1 :1 ]
        c2< -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
    );
}

#[test]
fn times_are_exact() {
    check_with(
        r#"> XADD s 1-1 a 1 | "1-1"
        > XADD s * a 2 | "1700000000000-0"
        > XADD s * a 3 | "1700000000000-1"
        @ +5ms
        > XADD s * a 4 | "1700000000005-0"
        > XADD s 1700000000007-* a 4 | "1700000000007-0"
        > XADD s * a 5 | "1700000000007-1"
        > XGROUP CREATE s g 0 | +OK
        > XREADGROUP GROUP g c COUNT 2 STREAMS s > | *
        @ +100ms
        > XREADGROUP GROUP g d COUNT 1 STREAMS s > | *
        @ +25ms
        > XPENDING s g - + 10
        [ [ "1-1" "c" :125 :1 ] [ "1700000000000-0" "c" :125 :1 ] [ "1700000000000-1" "d" :25 :1 ] ]
        > XPENDING s g IDLE 125 - + 10 d | [ ]
        > XPENDING s g IDLE 125 - + 1 | [ [ "1-1" "c" :125 :1 ] ]
        > XPENDING s g IDLE 126 - + 10 | [ ]
        > XCLAIM s g d 126 1-1 | [ ]
        > XCLAIM s g d 125 1-1 | [ [ "1-1" [ "a" "1" ] ] ]
        > XINFO CONSUMERS s g
        [ [ "name" "c" "pending" :1 "idle" :125 "inactive" :125 ] [ "name" "d" "pending" :2 "idle" :0 "inactive" :0 ] ]
        @ +3ms
        > XREADGROUP GROUP g c STREAMS s 0 | *
        > XPENDING s g - + 10 c | [ [ "1700000000000-0" "c" :0 :2 ] ]
        > XCLAIM s g e 0 1-1 IDLE 7 RETRYCOUNT 5 JUSTID | [ "1-1" ]
        > XCLAIM s g e 0 1700000000000-0 TIME 1700000000001 | *
        > XPENDING s g - + 10 e | [ [ "1-1" "e" :7 :5 ] [ "1700000000000-0" "e" :132 :3 ] ]
        > XAUTOCLAIM s g f 29 0 | [ "0-0" [ [ "1700000000000-0" [ "a" "2" ] ] ] [ ] ]
        > XINFO STREAM s FULL | *
        > XREADGROUP GROUP g gone STREAMS s 0 | [ [ "s" [ ] ] ]
        > XINFO CONSUMERS s g
        [ [ "name" "c" "pending" :0 "idle" :0 "inactive" :128 ] [ "name" "d" "pending" :1 "idle" :3 "inactive" :3 ] [ "name" "e" "pending" :1 "idle" :0 "inactive" :0 ] [ "name" "f" "pending" :1 "idle" :0 "inactive" :0 ] [ "name" "gone" "pending" :0 "idle" :0 "inactive" :-1 ] ]
            "#,
        |_| {},
    );
}

#[test]
fn what_is_propagated_is_what_was_done() {
    let mut kit = Kit::new(Config { stream_node_max_entries: 2, ..Config::default() });
    kit.exec.server.take_stream(takers::TEST, true);
    let claim = |consumer: &str, id: &str, count: u32, last: &str| {
        format!("XCLAIM s g {consumer} 0 {id} TIME {START_MS} RETRYCOUNT {count} FORCE JUSTID LASTID {last}")
    };
    for (request, streamed_as) in [
        ("XADD s 1-1 a 1", "XADD s 1-1 a 1".to_string()),
        ("XADD s 1-* a 2", "XADD s 1-2 a 2".into()),
        ("XADD s 2 a 3", "XADD s 2 a 3".into()),
        ("XADD s MAXLEN 9 3-0 a 4", "XADD s MAXLEN 9 3-0 a 4".into()),
        ("XADD s MAXLEN ~ 3 LIMIT 1 4-* a 5", "XADD s MAXLEN = 5 4-0 a 5".into()),
        ("XADD s NOMKSTREAM MINID ~ 2 4-1 a 6", "XADD s NOMKSTREAM MINID = 2-0 4-1 a 6".into()),
        ("XTRIM s MAXLEN ~ 9", String::new()),
        ("XTRIM s MINID ~ 4", "XTRIM s MINID = 4-0".into()),
        ("XADD s 4-2 a 7", "XADD s 4-2 a 7".into()),
        ("XGROUP CREATE s g 0", "XGROUP CREATE s g 0".into()),
        ("XREADGROUP GROUP g c BLOCK 1 STREAMS s 0", "XGROUP CREATECONSUMER s g c".into()),
        (
            "XREADGROUP GROUP g d COUNT 2 STREAMS s >",
            format!(
                "{} | {} | XGROUP SETID s g 4-1 ENTRIESREAD 6",
                claim("d", "4-0", 1, "4-0"),
                claim("d", "4-1", 1, "4-1")
            ),
        ),
        ("XREADGROUP GROUP g d COUNT 1 STREAMS s 0", claim("d", "4-0", 2, "4-1")),
        (
            "XREADGROUP GROUP g e NOACK STREAMS s >",
            "XGROUP CREATECONSUMER s g e | XGROUP SETID s g 4-2 ENTRIESREAD 7".into(),
        ),
        ("XREADGROUP GROUP g e NOACK STREAMS s >", String::new()),
        ("XCLAIM s g c 0 4-0 9-9", claim("c", "4-0", 3, "4-2")),
        ("XCLAIM s g new 0 9-9", "XGROUP CREATECONSUMER s g new".into()),
        ("XCLAIM s g c 0 9-9 LASTID 8-0", "XGROUP SETID s g 8-0 ENTRIESREAD 7".into()),
        ("XDEL s 4-0", "XDEL s 4-0".into()),
        ("XCLAIM s g c 0 4-0 LASTID 9-0", claim("c", "4-0", 3, "9-0")),
        ("XAUTOCLAIM s g f 0 0 JUSTID", claim("f", "4-1", 1, "9-0")),
        ("XAUTOCLAIM s g f 5 0", String::new()),
        ("XACK s g 4-1 4-1", "XACK s g 4-1 4-1".into()),
        ("XACK s g 4-1", String::new()),
        ("XSETID s 10-0", "XSETID s 10-0".into()),
        ("XGROUP DELCONSUMER s g f", "XGROUP DELCONSUMER s g f".into()),
        ("XGROUP DELCONSUMER s g f", String::new()),
        ("XTRIM s MAXLEN ~ 0 LIMIT 0", "XTRIM s MAXLEN = 0".into()),
        (
            "XADD s MINID ~ 99 11-0 a b",
            "XADD s MINID = 18446744073709551615-18446744073709551615 11-0 a b".into(),
        ),
        ("XGROUP DESTROY s g", "XGROUP DESTROY s g".into()),
    ] {
        let reply = ask(&mut kit, "c", request);
        assert!(!reply.starts_with('-'), "{request}: {reply}");
        // More than one command goes as a transaction.
        let whole = streamed_as.contains(" | ").then(|| format!("MULTI | {streamed_as} | EXEC"));
        let streamed_as = whole.unwrap_or(streamed_as);
        assert_eq!(streamed(&mut kit), streamed_as, "{request}");
    }
}

#[test]
fn a_wait_ends_by_others() {
    let mut kit = Kit::new(Config::default());
    ask(&mut kit, "w", "XGROUP CREATE s g $ MKSTREAM");
    for (request, how, heard) in [
        ("XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "", "*-1\r\n"),
        (
            "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
            " ERROR",
            "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n",
        ),
        ("XREAD BLOCK 0 STREAMS s $", " TIMEOUT", "*-1\r\n"),
    ] {
        let id = ask(&mut kit, "c2", "CLIENT ID").replace(':', "");
        assert_eq!(ask(&mut kit, "c2", request), "");
        assert_eq!(ask(&mut kit, "w", &format!("CLIENT UNBLOCK {id}{how}")), ":1");
        assert_eq!(String::from_utf8(kit.heard("c2")).unwrap(), heard);
        assert!(kit.exec.server.waiting.is_empty() && kit.exec.server.fx.listeners == 0);
    }
}

//! Transcripts of the commands on streams. Replies are those of Valkey 9.1; what Redis 8.2 brought is checked by
//! `check_with`, which `cargo xtask diff` does not ask the reference.

use crate::engine::config::Config;
use crate::engine::stream::takers;
use crate::testkit::{Kit, START_MS, check, check_plain, check_resp3, check_with};

#[test]
fn xadd_gives_ids() {
    check(
        r#"> XADD s 1-1 f v g w | "1-1"
        > XADD s 1-1 f v | -ERR The ID specified in XADD is equal or smaller than the target stream top item
        > XADD s 1-0 f v | -ERR The ID specified in XADD is equal or smaller than the target stream top item
        > XADD s 1-* f v | "1-2"
        > XADD s 1-* f v | "1-3"
        > XADD s 5 f v | "5-0"
        > XADD s 4-* f v | -ERR The ID specified in XADD is equal or smaller than the target stream top item
        > XADD s 5-18446744073709551615 f v | "5-18446744073709551615"
        > XADD s 5-* f v | -ERR The ID specified in XADD is equal or smaller than the target stream top item
        > XADD s 6-* "b\x00\r\n" "" 7 -12 | "6-0"
        > XRANGE s - +
        [ [ "1-1" [ "f" "v" "g" "w" ] ] [ "1-2" [ "f" "v" ] ] [ "1-3" [ "f" "v" ] ] [ "5-0" [ "f" "v" ] ] [ "5-18446744073709551615" [ "f" "v" ] ] [ "6-0" [ "b\x00\r\n" "" "7" "-12" ] ] ]
        > XLEN s | :6
        > XADD n 0-* f v | "0-1"
        > XADD m 0-0 f v | -ERR The ID specified in XADD must be greater than 0-0
        > XADD m 0 f v | -ERR The ID specified in XADD must be greater than 0-0
        > EXISTS m | :0
        > XADD m - f v | -ERR Invalid stream ID specified as stream command argument
        > XADD m + f v | -ERR Invalid stream ID specified as stream command argument
        > XADD m x f v | -ERR Invalid stream ID specified as stream command argument
        > XADD m 1-x f v | -ERR Invalid stream ID specified as stream command argument
        > XADD m 1-1-1 f v | -ERR Invalid stream ID specified as stream command argument
        > XADD m "" f v | -ERR Invalid stream ID specified as stream command argument
        > XADD m 18446744073709551616 f v | -ERR Invalid stream ID specified as stream command argument
        > XADD m " 7-+8" f v | "7-8"
        > XADD m "9-9\x00z" f v | "9-9"
        > XADD m 18446744073709551615-18446744073709551614 f v | "18446744073709551615-18446744073709551614"
        > XADD m 18446744073709551615-* f v | "18446744073709551615-18446744073709551615"
        > XADD m * f v | -ERR The stream has exhausted the last possible ID, unable to add more items
        > XADD m 18446744073709551615-18446744073709551615 f v
        -ERR The stream has exhausted the last possible ID, unable to add more items
        > XADD m | -ERR wrong number of arguments for 'xadd' command
        > XADD m * f | -ERR wrong number of arguments for 'xadd' command
        > XADD m * f v g | -ERR wrong number of arguments for 'xadd' command
        > XADD m * | -ERR wrong number of arguments for 'xadd' command
        > XADD m 1-1 f v g | -ERR wrong number of arguments for 'xadd' command
        > SET k v | +OK
        > XADD k 1-1 f v | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD k * f v | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD k NOMKSTREAM * f v | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD no NOMKSTREAM 1-1 f v | nil
        > XADD no nomkstream nomkstream nomkstream | -ERR wrong number of arguments for 'xadd' command
        > EXISTS no | :0
        > XADD s NOMKSTREAM 9-9 f v | "9-9"
        > XADD s NOMKSTREAM 9-9 f v | -ERR The ID specified in XADD is equal or smaller than the target stream top item
        > TYPE s | +stream
        > OBJECT ENCODING s | "stream"
            "#,
    );
}

#[test]
fn xadd_trims_exactly() {
    check(
        r#"> XADD s MAXLEN 3 1-1 a 1 | "1-1"
        > XADD s MAXLEN = 3 1-2 a 2 | "1-2"
        > XADD s MAXLEN 3 1-3 a 3 | "1-3"
        > XADD s maxlen 3 1-4 a 4 | "1-4"
        > XRANGE s - + | [ [ "1-2" [ "a" "2" ] ] [ "1-3" [ "a" "3" ] ] [ "1-4" [ "a" "4" ] ] ]
        > XADD s MAXLEN 1 1-5 a 5 | "1-5"
        > XADD s MAXLEN 0 1-6 a 6 | "1-6"
        > XLEN s | :0
        > XADD s MINID 2 1-7 a 7 | "1-7"
        > XADD s MINID = 1-8 1-8 a 8 | "1-8"
        > XADD s MINID 1-8 1-9 a 9 | "1-9"
        > XRANGE s - + | [ [ "1-8" [ "a" "8" ] ] [ "1-9" [ "a" "9" ] ] ]
        > XADD s MAXLEN 1 MINID 1 * a b
        -ERR syntax error, MAXLEN and MINID options at the same time are not compatible
        > XADD s MINID 1 MAXLEN 1 * a b
        -ERR syntax error, MAXLEN and MINID options at the same time are not compatible
        > XADD s MAXLEN 1 MAXLEN 1 * a b
        -ERR syntax error, MAXLEN and MINID options at the same time are not compatible
        > XADD s MAXLEN -1 * a b | -ERR The MAXLEN argument must be >= 0.
        > XADD s MAXLEN x * a b | -ERR value is not an integer or out of range
        > XADD s MINID x * a b | -ERR Invalid stream ID specified as stream command argument
        > XADD s MINID - * a b | -ERR Invalid stream ID specified as stream command argument
        > XADD s LIMIT 5 * a b | -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
        > XADD s LIMIT 0 2-1 a b | -ERR syntax error, LIMIT cannot be used without the special ~ option
        > XADD s LIMIT 0 MAXLEN 5 2-1 a b | -ERR syntax error, LIMIT cannot be used without the special ~ option
        > XADD s LIMIT -1 * a b | -ERR The LIMIT argument must be >= 0.
        > XADD s LIMIT x * a b | -ERR value is not an integer or out of range
        > XADD s MAXLEN 5 LIMIT 5 * a b | -ERR syntax error, LIMIT cannot be used without the special ~ option
        > XADD s MAXLEN = 5 LIMIT 5 * a b | -ERR syntax error, LIMIT cannot be used without the special ~ option
        > XADD s MAXLEN ~ * a b | -ERR value is not an integer or out of range
        > XADD s MAXLEN ~ 5 | -ERR wrong number of arguments for 'xadd' command
        > XADD s MAXLEN a b | -ERR value is not an integer or out of range
        > XADD s MAXLEN 5 a b | -ERR Invalid stream ID specified as stream command argument
        > XADD s MAXLEN 5 2-3 | -ERR wrong number of arguments for 'xadd' command
        > XLEN s | :2
            "#,
    );
}

#[test]
fn xtrim_takes_from_the_front() {
    check(
        r#"> XTRIM no MAXLEN 5 | :0
        > XTRIM no MAXLEN x | -ERR value is not an integer or out of range
        > SET k v | +OK
        > XTRIM k MAXLEN 5 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 b 2 | "1-2"
        > XADD s 2-0 a 3 | "2-0"
        > XADD s 3-0 a 4 | "3-0"
        > XADD s 4-0 a 5 | "4-0"
        > XTRIM s MAXLEN 9 | :0
        > XTRIM s MAXLEN = 4 | :1
        > XTRIM s MINID 1-3 | :1
        > XTRIM s MINID = 2 | :0
        > XRANGE s - + | [ [ "2-0" [ "a" "3" ] ] [ "3-0" [ "a" "4" ] ] [ "4-0" [ "a" "5" ] ] ]
        > XTRIM s MINID 2-1 | :1
        > XTRIM s MINID 0 | :0
        > XTRIM s | -ERR wrong number of arguments for 'xtrim' command
        > XTRIM s MAXLEN | -ERR wrong number of arguments for 'xtrim' command
        > XTRIM s LIMIT 5 | -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
        > XTRIM s LIMIT 5 MAXLEN 1 | -ERR syntax error, LIMIT cannot be used without the special ~ option
        > XTRIM s LIMIT 0 LIMIT 0 | -ERR syntax error, XTRIM must be called with a trimming strategy
        > XTRIM s MAXLEN 1 LIMIT 5 | -ERR syntax error, LIMIT cannot be used without the special ~ option
        > XTRIM s MAXLEN 1 NOMKSTREAM | -ERR syntax error
        > XTRIM s MAXLEN 1 MINID 5 | -ERR syntax error, MAXLEN and MINID options at the same time are not compatible
        > XTRIM s MAXLEN 1 x | -ERR syntax error
        > XTRIM s x 1 | -ERR syntax error
        > XTRIM s MAXLEN ~ 0 LIMIT x | -ERR value is not an integer or out of range
        > XTRIM s MAXLEN ~ 0 LIMIT -1 | -ERR The LIMIT argument must be >= 0.
        > XTRIM s MAXLEN -1 | -ERR The MAXLEN argument must be >= 0.
        > XTRIM s MAXLEN ~ ~ | -ERR value is not an integer or out of range
        > XTRIM s MAXLEN 0 | :2
        > XLEN s | :0
        > EXISTS s | :1
        > XTRIM s MAXLEN 0 | :0
        > XTRIM s MINID 9 | :0
        > XRANGE s - + | [ ]
            "#,
    );
}

#[test]
fn xdel_deletes() {
    check(
        r#"> XDEL no 1-1 | :0
        > XDEL no x | :0
        > SET k v | +OK
        > XDEL k 1-1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 1-3 b 3 | "1-3"
        > XADD s 2-1 a 4 | "2-1"
        > XDEL s 1-2 | :1
        > XDEL s 1-2 | :0
        > XDEL s 1-1 1-9 2-1 2-1 | :2
        > XDEL s 1-3 x | -ERR Invalid stream ID specified as stream command argument
        > XDEL s | -ERR wrong number of arguments for 'xdel' command
        > XRANGE s - + | [ [ "1-3" [ "b" "3" ] ] ]
        > XREVRANGE s + - | [ [ "1-3" [ "b" "3" ] ] ]
        > XLEN s | :1
        > XDEL s 1-3 | :1
        > XLEN s | :0
        > TYPE s | +stream
        > XRANGE s - + | [ ]
        > XADD s 2-1 a b | -ERR The ID specified in XADD is equal or smaller than the target stream top item
        > XADD s 2-2 a b | "2-2"
            "#,
    );
}

#[test]
fn ranges_either_way() {
    check(
        r#"> XRANGE no - + | [ ]
        > XRANGE no - + COUNT 0 | [ ]
        > XREVRANGE no + - | [ ]
        > SET k v | +OK
        > XRANGE k - + | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XRANGE k - + COUNT 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 b 2 | "1-2"
        > XADD s 2-1 a 3 b 4 | "2-1"
        > XADD s 3-0 a 5 | "3-0"
        > XRANGE s - +
        [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "b" "2" ] ] [ "2-1" [ "a" "3" "b" "4" ] ] [ "3-0" [ "a" "5" ] ] ]
        > XRANGE s 1 1 | [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "b" "2" ] ] ]
        > XRANGE s 1-2 2 | [ [ "1-2" [ "b" "2" ] ] [ "2-1" [ "a" "3" "b" "4" ] ] ]
        > XRANGE s 1-2 + | [ [ "1-2" [ "b" "2" ] ] [ "2-1" [ "a" "3" "b" "4" ] ] [ "3-0" [ "a" "5" ] ] ]
        > XRANGE s (1-2 + | [ [ "2-1" [ "a" "3" "b" "4" ] ] [ "3-0" [ "a" "5" ] ] ]
        > XRANGE s (1-2 (3-0 | [ [ "2-1" [ "a" "3" "b" "4" ] ] ]
        > XRANGE s (1 (2 | [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "b" "2" ] ] [ "2-1" [ "a" "3" "b" "4" ] ] ]
        > XRANGE s 2 1 | [ ]
        > XRANGE s + - | [ ]
        > XRANGE s - + COUNT 2 | [ [ "1-1" [ "a" "1" ] ] [ "1-2" [ "b" "2" ] ] ]
        > XRANGE s - + COUNT 0 | nil
        > XRANGE s - + COUNT -1 | nil
        > XRANGE s - + COUNT 9 COUNT 1 | [ [ "1-1" [ "a" "1" ] ] ]
        > XRANGE s - + COUNT | -ERR syntax error
        > XRANGE s - + COUNT x | -ERR value is not an integer or out of range
        > XRANGE s - + x 1 | -ERR syntax error
        > XRANGE s - x | -ERR Invalid stream ID specified as stream command argument
        > XRANGE s x + | -ERR Invalid stream ID specified as stream command argument
        > XRANGE s (- + | -ERR Invalid stream ID specified as stream command argument
        > XRANGE s - (+ | -ERR Invalid stream ID specified as stream command argument
        > XRANGE s ( + | -ERR Invalid stream ID specified as stream command argument
        > XRANGE s (18446744073709551615-18446744073709551615 + | -ERR invalid start ID for the interval
        > XRANGE s - (0-0 | -ERR invalid end ID for the interval
        > XRANGE s - (0 | [ ]
        > XRANGE s | -ERR wrong number of arguments for 'xrange' command
        > XREVRANGE s + -
        [ [ "3-0" [ "a" "5" ] ] [ "2-1" [ "a" "3" "b" "4" ] ] [ "1-2" [ "b" "2" ] ] [ "1-1" [ "a" "1" ] ] ]
        > XREVRANGE s + - COUNT 1 | [ [ "3-0" [ "a" "5" ] ] ]
        > XREVRANGE s 2 1-2 | [ [ "2-1" [ "a" "3" "b" "4" ] ] [ "1-2" [ "b" "2" ] ] ]
        > XREVRANGE s (2-1 - | [ [ "1-2" [ "b" "2" ] ] [ "1-1" [ "a" "1" ] ] ]
        > XREVRANGE s + (1-2 | [ [ "3-0" [ "a" "5" ] ] [ "2-1" [ "a" "3" "b" "4" ] ] ]
        > XREVRANGE s - + | [ ]
        > XREVRANGE s + x | -ERR Invalid stream ID specified as stream command argument
        > XREVRANGE s x - | -ERR Invalid stream ID specified as stream command argument
        > XREVRANGE s | -ERR wrong number of arguments for 'xrevrange' command
        > XREVRANGE s 3 (18446744073709551615-18446744073709551615 | -ERR invalid start ID for the interval
            "#,
    );
}

#[test]
fn xlen_counts() {
    check(
        r#"> XLEN no | :0
        > SET k v | +OK
        > XLEN k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XLEN | -ERR wrong number of arguments for 'xlen' command
        > XADD s 1-1 a b | "1-1"
        > XLEN s | :1
            "#,
    );
}

#[test]
fn xsetid_sets_what_is_counted() {
    check(
        r#"> XSETID no 1-1 | -ERR no such key
        > XSETID no x | -ERR Invalid stream ID specified as stream command argument
        > SET k v | +OK
        > XSETID k 1-1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XADD s 1-1 a b | "1-1"
        > XADD s 1-2 a b | "1-2"
        > XSETID s 1-1 | -ERR The ID specified in XSETID is smaller than the target stream top item
        > XSETID s 1-2 | +OK
        > XSETID s 200-1 | +OK
        > XADD s 200-1 a b | -ERR The ID specified in XADD is equal or smaller than the target stream top item
        > XADD s 200-* a b | "200-2"
        > XSETID s 201-0 ENTRIESADDED 2
        -ERR The entries_added specified in XSETID is smaller than the target stream length
        > XSETID s 201-0 ENTRIESADDED 5 | +OK
        > XSETID s 201-0 ENTRIESADDED -1 | -ERR entries_added must be positive
        > XSETID s 201-0 ENTRIESADDED x | -ERR value is not an integer or out of range
        > XSETID s 201-0 ENTRIESADDED | -ERR syntax error
        > XSETID s 201-0 MAXDELETEDID 300-0
        -ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id
        > XSETID s 201-0 MAXDELETEDID x | -ERR Invalid stream ID specified as stream command argument
        > XSETID s 201-0 MAXDELETEDID | -ERR syntax error
        > XSETID s 201-0 ENTRIESADDED 9 MAXDELETEDID 200-5 | +OK
        > XSETID s 200-4 | -ERR The ID specified in XSETID is smaller than current max_deleted_entry_id
        > XSETID s 200-4 MAXDELETEDID 0-0 | -ERR The ID specified in XSETID is smaller than current max_deleted_entry_id
        > XSETID s 300-0 MAXDELETEDID 0-0 | +OK
        > XSETID s - | -ERR Invalid stream ID specified as stream command argument
        > XSETID s 300 | +OK
        > XSETID s 300-* | -ERR Invalid stream ID specified as stream command argument
        > XSETID s 300-0 x 1 | -ERR syntax error
        > XSETID s | -ERR wrong number of arguments for 'xsetid' command
        > XDEL s 1-1 1-2 200-2 | :3
        > XSETID s 1-1 | -ERR The ID specified in XSETID is smaller than current max_deleted_entry_id
        > XSETID s 300-0 ENTRIESADDED 1 | +OK
            "#,
    );
}

#[test]
fn an_id_that_was_lowered() {
    check(
        r#"> XADD s 5-1 a 1 | "5-1"
        > XADD s 5-2 a 2 | "5-2"
        > XADD s 5-3 a 3 | "5-3"
        > XADD s 6-1 a 4 | "6-1"
        > XTRIM s MINID 6-0 | :3
        > XTRIM s MINID 9-0 | :1
        > XSETID s 1-1 | +OK
        > XADD s 2-1 a 5 | "2-1"
        > XADD s 5-2 a 6 | "5-2"
        > XRANGE s - + | [ [ "2-1" [ "a" "5" ] ] [ "5-2" [ "a" "6" ] ] ]
        > XREVRANGE s + - | [ [ "5-2" [ "a" "6" ] ] [ "2-1" [ "a" "5" ] ] ]
        > XDEL s 5-2 | :1
        > XSETID s 5-2 MAXDELETEDID 2-2 | +OK
        > XSETID s 4-0 | +OK
        > XADD s 4-1 a 7 | "4-1"
        > XADD s 7-1 a 8 | "7-1"
        > XRANGE s - + | [ [ "2-1" [ "a" "5" ] ] [ "4-1" [ "a" "7" ] ] [ "7-1" [ "a" "8" ] ] ]
        > XRANGE s 5-2 + | [ [ "7-1" [ "a" "8" ] ] ]
        > XDEL s 5-2 | :0
            "#,
    );
}

#[test]
fn approximate_trims_take_whole_nodes() {
    check_plain(
        r#"> CONFIG SET stream-node-max-entries 3 | +OK
        > XADD s 1-1 a 1 | "1-1"
        > XADD s 1-2 a 2 | "1-2"
        > XADD s 1-3 a 3 | "1-3"
        > XADD s 2-1 a 4 | "2-1"
        > XADD s 2-2 a 5 | "2-2"
        > XADD s 2-3 a 6 | "2-3"
        > XADD s 3-1 a 7 | "3-1"
        > XTRIM s MAXLEN ~ 5 | :0
        > XTRIM s MAXLEN ~ 4 | :3
        > XTRIM s MAXLEN ~ 4 | :0
        > XINFO STREAM s
        [ "length" :4 "radix-tree-keys" :2 "radix-tree-nodes" :6 "last-generated-id" "3-1" "max-deleted-entry-id" "0-0" "entries-added" :7 "recorded-first-entry-id" "2-1" "groups" :0 "first-entry" [ "2-1" [ "a" "4" ] ] "last-entry" [ "3-1" [ "a" "7" ] ] ]
        > XTRIM s MINID ~ 2-3 | :0
        > XTRIM s MINID ~ 3-1 | :3
        > XADD s 3-2 a 8 | "3-2"
        > XADD s 3-3 a 9 | "3-3"
        > XADD s 4-1 a 10 | "4-1"
        > XADD s MAXLEN ~ 1 4-2 a 11 | "4-2"
        > XADD s MINID ~ 4-2 4-3 a 12 | "4-3"
        > XRANGE s - + | [ [ "4-1" [ "a" "10" ] ] [ "4-2" [ "a" "11" ] ] [ "4-3" [ "a" "12" ] ] ]
        > XDEL s 4-1 | :1
        > XADD s 5-1 a 1 | "5-1"
        > XADD s 5-2 a 2 | "5-2"
        > XTRIM s MINID ~ 5-2 LIMIT 1 | :0
        > XTRIM s MINID ~ 5-2 LIMIT 2 | :2
        > XRANGE s - + | [ [ "5-1" [ "a" "1" ] ] [ "5-2" [ "a" "2" ] ] ]
        > XTRIM s MAXLEN ~ 0 LIMIT 0 | :2
        > XINFO STREAM s
        [ "length" :0 "radix-tree-keys" :0 "radix-tree-nodes" :1 "last-generated-id" "5-2" "max-deleted-entry-id" "4-1" "entries-added" :14 "recorded-first-entry-id" "0-0" "groups" :0 "first-entry" nil "last-entry" nil ]
        > XADD s MAXLEN ~ 0 6-1 a b | "6-1"
        > XINFO STREAM s
        [ "length" :0 "radix-tree-keys" :0 "radix-tree-nodes" :1 "last-generated-id" "6-1" "max-deleted-entry-id" "4-1" "entries-added" :15 "recorded-first-entry-id" "0-0" "groups" :0 "first-entry" nil "last-entry" nil ]
        > XADD s MINID ~ 9 6-2 a b | "6-2"
        > XINFO STREAM s
        [ "length" :0 "radix-tree-keys" :0 "radix-tree-nodes" :1 "last-generated-id" "6-2" "max-deleted-entry-id" "4-1" "entries-added" :16 "recorded-first-entry-id" "0-0" "groups" :0 "first-entry" nil "last-entry" nil ]
        > XADD s MAXLEN ~ 5 LIMIT 0 7-2 a b | "7-2"
        > XADD s MINID ~ 1-9 LIMIT 10 7-10 a 10 | "7-10"
            "#,
    );
}

#[test]
fn xinfo_stream_tells_what_is_counted() {
    check_plain(
        r#"> XINFO STREAM no | -ERR no such key
        > SET k v | +OK
        > XINFO STREAM k | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XINFO STREAM k x | -WRONGTYPE Operation against a key holding the wrong kind of value
        > XINFO STREAM | -ERR wrong number of arguments for 'xinfo|stream' command
        > XGROUP CREATE e g $ MKSTREAM | +OK
        > XINFO STREAM e
        [ "length" :0 "radix-tree-keys" :0 "radix-tree-nodes" :1 "last-generated-id" "0-0" "max-deleted-entry-id" "0-0" "entries-added" :0 "recorded-first-entry-id" "0-0" "groups" :1 "first-entry" nil "last-entry" nil ]
        > XADD s 1-1 a 1 b 2 | "1-1"
        > XADD s 1-2 a 3 | "1-2"
        > XADD s 1-3 a 4 | "1-3"
        > XINFO STREAM s
        [ "length" :3 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "1-3" "max-deleted-entry-id" "0-0" "entries-added" :3 "recorded-first-entry-id" "1-1" "groups" :0 "first-entry" [ "1-1" [ "a" "1" "b" "2" ] ] "last-entry" [ "1-3" [ "a" "4" ] ] ]
        > XDEL s 1-1 1-3 | :2
        > XINFO STREAM s
        [ "length" :1 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "1-3" "max-deleted-entry-id" "1-3" "entries-added" :3 "recorded-first-entry-id" "1-2" "groups" :0 "first-entry" [ "1-2" [ "a" "3" ] ] "last-entry" [ "1-2" [ "a" "3" ] ] ]
        > XINFO STREAM s FULL
        [ "length" :1 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "1-3" "max-deleted-entry-id" "1-3" "entries-added" :3 "recorded-first-entry-id" "1-2" "entries" [ [ "1-2" [ "a" "3" ] ] ] "groups" [ ] ]
        > XINFO STREAM s full count 0
        [ "length" :1 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "1-3" "max-deleted-entry-id" "1-3" "entries-added" :3 "recorded-first-entry-id" "1-2" "entries" [ [ "1-2" [ "a" "3" ] ] ] "groups" [ ] ]
        > XINFO STREAM s FULL COUNT -1
        [ "length" :1 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "1-3" "max-deleted-entry-id" "1-3" "entries-added" :3 "recorded-first-entry-id" "1-2" "entries" [ [ "1-2" [ "a" "3" ] ] ] "groups" [ ] ]
        > XINFO STREAM s FULL COUNT x | -ERR value is not an integer or out of range
        > XINFO STREAM s FULL COUNT | -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
        > XINFO STREAM s FULL 1 | -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
        > XINFO STREAM s FULL x 1 | -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
        > XINFO STREAM s x | -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
        > XTRIM s MAXLEN 0 | :1
        > XINFO STREAM s
        [ "length" :0 "radix-tree-keys" :0 "radix-tree-nodes" :1 "last-generated-id" "1-3" "max-deleted-entry-id" "1-3" "entries-added" :3 "recorded-first-entry-id" "0-0" "groups" :0 "first-entry" nil "last-entry" nil ]
        > XINFO | -ERR wrong number of arguments for 'xinfo' command
        > XINFO x | -ERR unknown subcommand 'x'. Try XINFO HELP.
        > XINFO x s | -ERR unknown subcommand 'x'. Try XINFO HELP.
            "#,
    );
}

#[test]
fn nodes_end_where_the_reference_s_do() {
    check_plain(
        r#"> CONFIG SET stream-node-max-bytes 100 stream-node-max-entries 0 | +OK
        > XADD s 1-1 f aaaaaaaaaaaaaaaaaaaa g 1 | "1-1"
        > XADD s 1-2 f bbbbbbbbbbbbbbbbbbbb g 2 | "1-2"
        > XINFO STREAM s
        [ "length" :2 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "1-2" "max-deleted-entry-id" "0-0" "entries-added" :2 "recorded-first-entry-id" "1-1" "groups" :0 "first-entry" [ "1-1" [ "f" "aaaaaaaaaaaaaaaaaaaa" "g" "1" ] ] "last-entry" [ "1-2" [ "f" "bbbbbbbbbbbbbbbbbbbb" "g" "2" ] ] ]
        > XADD s 1-3 f bb g 3 | "1-3"
        > XINFO STREAM s
        [ "length" :3 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "1-3" "max-deleted-entry-id" "0-0" "entries-added" :3 "recorded-first-entry-id" "1-1" "groups" :0 "first-entry" [ "1-1" [ "f" "aaaaaaaaaaaaaaaaaaaa" "g" "1" ] ] "last-entry" [ "1-3" [ "f" "bb" "g" "3" ] ] ]
        > XADD s 300-0 h 1 | "300-0"
        > XADD s 300-1 h 1 | "300-1"
        > XADD s 300-2 h 1 | "300-2"
        > XADD s 300-3 h 1 | "300-3"
        > XADD s 4000000-3 h 1 | "4000000-3"
        > XINFO STREAM s
        [ "length" :8 "radix-tree-keys" :2 "radix-tree-nodes" :6 "last-generated-id" "4000000-3" "max-deleted-entry-id" "0-0" "entries-added" :8 "recorded-first-entry-id" "1-1" "groups" :0 "first-entry" [ "1-1" [ "f" "aaaaaaaaaaaaaaaaaaaa" "g" "1" ] ] "last-entry" [ "4000000-3" [ "h" "1" ] ] ]
        > XDEL s 1-2 | :1
        > XADD s 4000001-3 h 1 | "4000001-3"
        > XINFO STREAM s
        [ "length" :8 "radix-tree-keys" :2 "radix-tree-nodes" :6 "last-generated-id" "4000001-3" "max-deleted-entry-id" "1-2" "entries-added" :9 "recorded-first-entry-id" "1-1" "groups" :0 "first-entry" [ "1-1" [ "f" "aaaaaaaaaaaaaaaaaaaa" "g" "1" ] ] "last-entry" [ "4000001-3" [ "h" "1" ] ] ]
        > CONFIG SET stream-node-max-bytes 0 stream-node-max-entries 4 | +OK
        > XADD s 4000002-0 x y | "4000002-0"
        > XADD s 4000003-0 x y | "4000003-0"
        > XADD s 4000004-0 x y | "4000004-0"
        > XINFO STREAM s
        [ "length" :11 "radix-tree-keys" :3 "radix-tree-nodes" :9 "last-generated-id" "4000004-0" "max-deleted-entry-id" "1-2" "entries-added" :12 "recorded-first-entry-id" "1-1" "groups" :0 "first-entry" [ "1-1" [ "f" "aaaaaaaaaaaaaaaaaaaa" "g" "1" ] ] "last-entry" [ "4000004-0" [ "x" "y" ] ] ]
        > XTRIM s MAXLEN ~ 5 | :2
        > XTRIM s MAXLEN 3 | :6
        > XINFO STREAM s
        [ "length" :3 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "4000004-0" "max-deleted-entry-id" "1-2" "entries-added" :12 "recorded-first-entry-id" "4000002-0" "groups" :0 "first-entry" [ "4000002-0" [ "x" "y" ] ] "last-entry" [ "4000004-0" [ "x" "y" ] ] ]
        > XDEL s 4000004-0 | :1
        > XDEL s 4000003-0 | :1
        > XADD s 4000004-5 x y | "4000004-5"
        > XINFO STREAM s
        [ "length" :2 "radix-tree-keys" :1 "radix-tree-nodes" :2 "last-generated-id" "4000004-5" "max-deleted-entry-id" "4000004-0" "entries-added" :13 "recorded-first-entry-id" "4000002-0" "groups" :0 "first-entry" [ "4000002-0" [ "x" "y" ] ] "last-entry" [ "4000004-5" [ "x" "y" ] ] ]
        > XADD s 4000004-6 x y | "4000004-6"
        > XADD s 4000004-7 x y | "4000004-7"
        > XADD s 4000004-8 x y | "4000004-8"
        > XADD s 4000004-9 x y | "4000004-9"
        > XINFO STREAM s
        [ "length" :6 "radix-tree-keys" :2 "radix-tree-nodes" :6 "last-generated-id" "4000004-9" "max-deleted-entry-id" "4000004-0" "entries-added" :17 "recorded-first-entry-id" "4000002-0" "groups" :0 "first-entry" [ "4000002-0" [ "x" "y" ] ] "last-entry" [ "4000004-9" [ "x" "y" ] ] ]
        > XINFO STREAM s FULL
        [ "length" :6 "radix-tree-keys" :2 "radix-tree-nodes" :6 "last-generated-id" "4000004-9" "max-deleted-entry-id" "4000004-0" "entries-added" :17 "recorded-first-entry-id" "4000002-0" "entries" [ [ "4000002-0" [ "x" "y" ] ] [ "4000004-5" [ "x" "y" ] ] [ "4000004-6" [ "x" "y" ] ] [ "4000004-7" [ "x" "y" ] ] [ "4000004-8" [ "x" "y" ] ] [ "4000004-9" [ "x" "y" ] ] ] "groups" [ ] ]
            "#,
    );
}

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

fn ask(kit: &mut Kit, client: &str, request: &str) -> String {
    kit.run(client, &request.split(' ').map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>())
}

/// What went into the stream of the AOF and replicas since the last time.
fn streamed(kit: &mut Kit) -> String {
    let stream = kit.exec.server.stream.take_bytes();
    let text = String::from_utf8(stream).unwrap();
    let words: Vec<&str> = text.split("\r\n").filter(|w| !w.starts_with('$') && !w.is_empty()).collect();
    let requests = words.split(|w| w.starts_with('*')).filter(|r| !r.is_empty()).map(|r| r.join(" "));
    requests.filter(|r| !r.starts_with("SELECT")).collect::<Vec<_>>().join(" | ")
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

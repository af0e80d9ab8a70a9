//! Entries: adding, trimming, deleting, ranges, and what is counted of them.

use crate::testkit::{check, check_plain};

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

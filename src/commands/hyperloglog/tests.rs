//! Transcripts of HyperLogLogs; answers and bytes are those of Valkey 9.1.

use crate::testkit::{check, check_with};

#[test]
fn elements_are_added_and_counted() {
    check(
        r#"> PFADD h | :1
        > GET h | "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
        > PFADD h | :0
        > PFCOUNT h | :0
        > GET h | "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
        > PFADD h a b c d e f g h i j | :1
        > PFADD h a j | :0
        > PFDEBUG DECODE h
        "Z:1646 v:1,1 Z:2537 v:1,1 Z:3107 v:1,1 Z:1085 v:2,1 z:57 v:1,1 Z:574 v:1,1 Z:2948 v:1,1 Z:750 v:2,1 Z:2445 v:1,1 Z:622 v:1,1 Z:603"
        > GETRANGE h 15 15 | "\x80"
        > PFCOUNT h | :10
        > GETRANGE h 0 15 | "HYLL\x01\x00\x00\x00\n\x00\x00\x00\x00\x00\x00\x00"
        > PFADD h foo bar zap | :1
        > GETRANGE h 15 15 | "\x80"
        > PFCOUNT h | :13
        > PFCOUNT h | :13
        > OBJECT ENCODING h | "raw"
        > PFADD e "" | :1
        > PFDEBUG DECODE e | "Z:5938 v:2,1 Z:10445"
        > PFADD e2 12345678 | :1
        > PFDEBUG decode e2 | "Z:10579 v:3,1 Z:5804"
        > PFADD e3 "hello world, longer than sixteen" | :1
        > PFDEBUG decode e3 | "Z:10052 v:2,1 Z:6331"
        > PFCOUNT e e2 e3 no h | :16
        > PFCOUNT no | :0
        > PFCOUNT no no | :0
        > EXPIRE e 100 | :1
        > PFADD e x y z | :1
        > TTL e | :100
        > PFADD t x EX 100 | :1
        > EXPIRE t 1 | :1
        @ +1001ms
        > PFCOUNT t | :0
        > PFADD t | :1
        > PFADD | -ERR wrong number of arguments for 'pfadd' command
        > PFCOUNT | -ERR wrong number of arguments for 'pfcount' command
        "#,
    );
}

#[test]
fn values_become_dense() {
    check_with(
        r#"> PFADD h a b c d e d g h i j k | :1
        > PFDEBUG ENCODING h | +sparse
        > PFADD h new_element | :1
        > PFDEBUG ENCODING h | +dense
        > STRLEN h | :12304
        > PFCOUNT h | :11
        > PFADD h a b | :0
        > COPY h copy | :1
        > PFADD h more and more | :1
        > PFCOUNT h | :13
        > PFCOUNT copy | :11
        > PFADD i a b c d e f g h i j k l m n o p q r s t | :1
        > PFDEBUG ENCODING i | +dense
        > PFCOUNT i h | :22
        > PFADD s | :1
        > PFMERGE s i | +OK
        > PFDEBUG ENCODING s | +dense
        > PFCOUNT s | :19
        > PFMERGE s h no | +OK
        > PFCOUNT s | :22
        > PFMERGE new s | +OK
        > PFCOUNT new | :22
        > PFADD t1 a b c d e f | :1
        > PFADD t2 g h i j k l | :1
        > PFMERGE t t1 t2 | +OK
        > PFDEBUG ENCODING t | +dense
        > PFCOUNT t | :12
        "#,
        |config| config.hll_sparse_max_bytes = 48,
    );
}

#[test]
fn values_are_merged() {
    check(
        r#"> PFADD a 1 2 3 | :1
        > PFADD b 3 4 5 | :1
        > PFMERGE d a b no | +OK
        > PFCOUNT d | :5
        > PFDEBUG ENCODING d | +sparse
        > OBJECT ENCODING d | "raw"
        > PFMERGE d | +OK
        > GETRANGE d 15 15 | "\x80"
        > PFCOUNT d | :5
        > PFMERGE none no | +OK
        > PFCOUNT none | :0
        > EXPIRE a 100 | :1
        > PFMERGE a b | +OK
        > TTL a | :100
        > PFCOUNT a | :5
        > PFMERGE self self self | +OK
        > STRLEN self | :18
        > PFMERGE | -ERR wrong number of arguments for 'pfmerge' command
        "#,
    );
}

#[test]
fn other_values_are_refused() {
    check(
        r#"> SET n 1234567890123456 | +OK
        > PFADD n x | -WRONGTYPE Key is not a valid HyperLogLog string value.
        > PFCOUNT n | -WRONGTYPE Key is not a valid HyperLogLog string value.
        > PFADD h a b c | :1
        > PFCOUNT h n | -WRONGTYPE Key is not a valid HyperLogLog string value.
        > PFMERGE h n | -WRONGTYPE Key is not a valid HyperLogLog string value.
        > PFMERGE n h | -WRONGTYPE Key is not a valid HyperLogLog string value.
        > PFDEBUG ENCODING n | -WRONGTYPE Key is not a valid HyperLogLog string value.
        > SET k "" | +OK
        > PFADD k | -WRONGTYPE Key is not a valid HyperLogLog string value.
        > SET k "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80" | +OK
        > PFCOUNT k | -WRONGTYPE Key is not a valid HyperLogLog string value.
        > SETRANGE h 4 "\x02" | :27
        > PFCOUNT h | -WRONGTYPE Key is not a valid HyperLogLog string value.
        # Too short, too long, and a part of the runs.
        > SET k "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80" | +OK
        > PFCOUNT k | -INVALIDOBJ Corrupted HLL object detected
        > PFADD k a | -INVALIDOBJ Corrupted HLL object detected
        > PFADD k a b c | -INVALIDOBJ Corrupted HLL object detected
        > PFADD k | :0
        > PFMERGE d k | -INVALIDOBJ Corrupted HLL object detected
        > PFMERGE k k | -INVALIDOBJ Corrupted HLL object detected
        > PFCOUNT k d | -INVALIDOBJ Corrupted HLL object detected
        > PFDEBUG GETREG k | -INVALIDOBJ Corrupted HLL object detected
        > PFDEBUG TODENSE k | -INVALIDOBJ Corrupted HLL object detected
        > EXISTS d | :0
        > DEL h | :1
        > PFADD h a b c | :1
        > APPEND h hello | :32
        > PFCOUNT h | -INVALIDOBJ Corrupted HLL object detected
        > PFADD h x y z | :1
        > PFCOUNT h | -INVALIDOBJ Corrupted HLL object detected
        # Up to register 8191 only: an error changes nothing.
        > SET k "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80_\xff" | +OK
        > PFADD k a b c d e f g h i j | -INVALIDOBJ Corrupted HLL object detected
        > STRLEN k | :18
        > SET k "HYLL\x01\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00" | +OK
        > PFCOUNT k | :7
        > OBJECT ENCODING k | "raw"
        "#,
    );
}

#[test]
fn the_inside_is_shown() {
    check(
        r#"> PFADD h a | :1
        > PFDEBUG ENCODING h | +sparse
        > PFDEBUG TODENSE h | :1
        > PFDEBUG TODENSE h | :0
        > PFDEBUG encoding h | +dense
        > PFDEBUG DECODE h | -ERR HLL encoding is not sparse
        > PFDEBUG GETREG no | -ERR The specified key does not exist
        > PFDEBUG FOO no | -ERR The specified key does not exist
        > PFDEBUG FOO h | -ERR Unknown PFDEBUG subcommand 'FOO'
        > PFDEBUG GETREG | -ERR wrong number of arguments for 'pfdebug' command
        > PFADD g a | :1
        > PFDEBUG GETREG g | *
        > PFDEBUG ENCODING g | +dense
        > PFDEBUG SIMD OFF | +disabled
        > PFCOUNT g h | :1
        > PFMERGE m g h | +OK
        > PFDEBUG SIMD ON | *
        > PFMERGE n g h | +OK
        > PFCOUNT g h m n | :1
        > PFDEBUG SIMD x | -ERR Argument must be ON or OFF
        "#,
    );
}

#[test]
fn the_self_test_passes() {
    crate::testkit::check_plain("> PFSELFTEST | +OK");
}

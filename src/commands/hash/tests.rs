//! Transcripts of the commands on hashes. Replies are those of Valkey 9.1.

use crate::engine::config::Config;
use crate::engine::stream::takers;
use crate::testkit::{Kit, START_MS, check, check_plain, check_resp3};

#[test]
fn fields_are_set_and_counted() {
    check(
        r#"> HSET h a 1 b 2 | :2
        > HSET h b 3 c 4 | :1
        > HGET h a | "1"
        > HGET h b | "3"
        > HGET h no | nil
        > HGET no a | nil
        > HSET h a "" "" x | :1
        > HGET h a | ""
        > HGET h "" | "x"
        > HSET h d 1 d 2 | :1
        > HGET h d | "2"
        > HMSET h a 5 e 6 | +OK
        > HGET h a | "5"
        > HLEN h | :6
        > HLEN no | :0
        > TYPE h | +hash
        > HSET h | -ERR wrong number of arguments for 'hset' command
        > HSET h a | -ERR wrong number of arguments for 'hset' command
        > HSET h a 1 b | -ERR wrong number of arguments for 'hset' command
        > HMSET h a | -ERR wrong number of arguments for 'hmset' command
        > HMSET h a 1 b | -ERR wrong number of arguments for 'hmset' command
        > HGET h | -ERR wrong number of arguments for 'hget' command
        > HGET h a b | -ERR wrong number of arguments for 'hget' command
        > HLEN h a | -ERR wrong number of arguments for 'hlen' command
        > SET s v | +OK
        > HSET s a 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HSET s a 1 b | -ERR wrong number of arguments for 'hset' command
        > HMSET s a 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HGET s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HLEN s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GET h | -WRONGTYPE Operation against a key holding the wrong kind of value
        > GET s | "v"
            "#,
    );
}

#[test]
fn fields_are_set_once() {
    check(
        r#"> HSETNX h a 1 | :1
        > HSETNX h a 2 | :0
        > HGET h a | "1"
        > HSETNX h b 2 | :1
        > HMGET h a b | [ "1" "2" ]
        > HSETNX h a | -ERR wrong number of arguments for 'hsetnx' command
        > HSETNX h a 1 b | -ERR wrong number of arguments for 'hsetnx' command
        > SET s v | +OK
        > HSETNX s a 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
    );
}

#[test]
fn fields_are_binary() {
    check(
        r#"> HSET "k\x00" "f\xff\r\n" "\x00\x01" | :1
        > HGET "k\x00" "f\xff\r\n" | "\x00\x01"
        > HMGET "k\x00" "f\xff\r\n" f | [ "\x00\x01" nil ]
        > HSTRLEN "k\x00" "f\xff\r\n" | :2
        > HDEL "k\x00" "f" | :0
        > HDEL "k\x00" "f\xff\r\n" | :1
        > EXISTS "k\x00" | :0
            "#,
    );
}

#[test]
fn many_are_read() {
    check(
        r#"> HSET h a 1 b 2 -7 -8 | :3
        > HMGET h a no b a | [ "1" nil "2" "1" ]
        > HMGET no a b | [ nil nil ]
        > HMGET h -7 07 | [ "-8" nil ]
        > HMGET h | -ERR wrong number of arguments for 'hmget' command
        > HEXISTS h a | :1
        > HEXISTS h no | :0
        > HEXISTS no a | :0
        > HSTRLEN h a | :1
        > HSTRLEN h -7 | :2
        > HSTRLEN h no | :0
        > HSTRLEN no a | :0
        > HEXISTS h | -ERR wrong number of arguments for 'hexists' command
        > HEXISTS h a b | -ERR wrong number of arguments for 'hexists' command
        > HSTRLEN h | -ERR wrong number of arguments for 'hstrlen' command
        > HKEYS h | [ "a" "b" "-7" ]
        > HVALS h | [ "1" "2" "-8" ]
        > HKEYS no | [ ]
        > HVALS no | [ ]
        > HKEYS | -ERR wrong number of arguments for 'hkeys' command
        > HVALS h a | -ERR wrong number of arguments for 'hvals' command
        > HGETALL | -ERR wrong number of arguments for 'hgetall' command
        > SET s v | +OK
        > HMGET s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HEXISTS s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HSTRLEN s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HKEYS s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HVALS s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HGETALL s | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
    );
}

#[test]
fn a_whole_hash_is_a_map() {
    check_plain(
        r#"> HSET h a 1 b 2 | :2
        > HGETALL h | [ "a" "1" "b" "2" ]
        > HGETALL no | [ ]
            "#,
    );
    check_resp3(
        r#"> HSET h a 1 b 2 | :2
        > HGETALL h | { "a" "1" "b" "2" }
        > HGETALL no | { }
        > HKEYS h | [ "a" "b" ]
        > HGET h no | nil
        > HRANDFIELD no 2 | [ ]
        > HRANDFIELD h 5 | [ "a" "b" ]
        > HRANDFIELD h 5 WITHVALUES | [ [ "a" "1" ] [ "b" "2" ] ]
        > HGETEX no FIELDS 1 a | [ nil ]
            "#,
    );
}

#[test]
fn fields_are_removed() {
    check(
        r#"> HSET h a 1 b 2 c 3 | :3
        > HDEL h no | :0
        > HDEL no a | :0
        > HDEL h a no a b | :2
        > HKEYS h | [ "c" ]
        > HDEL h c d e | :1
        > EXISTS h | :0
        > HDEL h | -ERR wrong number of arguments for 'hdel' command
        > SET s v | +OK
        > HDEL s a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HSET h a 1 b 2 | :2
        > HGETDEL h FIELDS 2 a no | [ "1" nil ]
        > HLEN h | :1
        > HGETDEL h fields 3 b b c | [ "2" nil nil ]
        > EXISTS h | :0
        > HGETDEL h FIELDS 2 a b | [ nil nil ]
        > HGETDEL s FIELDS 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HGETDEL h FIELDS 2 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HGETDEL h FIELDS 1 a b | -ERR numfields should be greater than 0 and match the provided number of fields
        > HGETDEL h FIELDS 0 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HGETDEL h FIELDS -1 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HGETDEL h FIELDS x a | -ERR value is not an integer or out of range
        > HGETDEL h FIELDS 9223372036854775808 a | -ERR value is not an integer or out of range
        > HGETDEL h FOO 1 a | -ERR syntax error
        > HGETDEL h FIELDS 1 | -ERR wrong number of arguments for 'hgetdel' command
            "#,
    );
}

#[test]
fn fields_are_counters() {
    check(
        r#"> HINCRBY h n 5 | :5
        > HINCRBY h n -7 | :-2
        > HGET h n | "-2"
        > HSET h max 9223372036854775807 min -9223372036854775808 text x lead " 11" trail "11 " zero 011 | :6
        > HINCRBY h max 1 | -ERR increment or decrement would overflow
        > HINCRBY h max -1 | :9223372036854775806
        > HINCRBY h min -1 | -ERR increment or decrement would overflow
        > HINCRBY h min 9223372036854775807 | :-1
        > HINCRBY h text 1 | -ERR hash value is not an integer
        > HINCRBY h lead 1 | -ERR hash value is not an integer
        > HINCRBY h trail 1 | -ERR hash value is not an integer
        > HINCRBY h zero 1 | -ERR hash value is not an integer
        > HINCRBY h n x | -ERR value is not an integer or out of range
        > HINCRBY h n 9223372036854775808 | -ERR value is not an integer or out of range
        > HINCRBY h n | -ERR wrong number of arguments for 'hincrby' command
        > HINCRBY h n 1 2 | -ERR wrong number of arguments for 'hincrby' command
        > HLEN h | :7
        > HINCRBY no n x | -ERR value is not an integer or out of range
        > EXISTS no | :0
        > SET s v | +OK
        > HINCRBY s n 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HINCRBY s n x | -ERR value is not an integer or out of range
            "#,
    );
}

#[test]
fn fields_are_floats() {
    check(
        r#"> HINCRBYFLOAT h n 3.14 | "3.14"
        > HINCRBYFLOAT h n 5.0e3 | "5003.14000000000000012"
        > HINCRBYFLOAT h n -3.14000000000000012 | "5000"
        > HGET h n | "5000"
        > HINCRBY h n 1 | :5001
        > HSET h i 9007199254740993 text x lead " 1" | :3
        > HINCRBYFLOAT h i 0.5 | "9007199254740993.5"
        > HINCRBYFLOAT h text 1 | -ERR hash value is not a float
        > HINCRBYFLOAT h lead 1 | -ERR hash value is not a float
        > HINCRBYFLOAT h n x | -ERR value is not a valid float
        > HINCRBYFLOAT h n nan | -ERR value is not a valid float
        > HINCRBYFLOAT h n inf | -ERR value is NaN or Infinity
        > HINCRBYFLOAT h n -inf | -ERR value is NaN or Infinity
        > HSET h huge 1.1e4932 inf inf | :2
        > HINCRBYFLOAT h huge 1.1e4932 | -ERR increment would produce NaN or Infinity
        > HINCRBYFLOAT h inf 1 | -ERR increment would produce NaN or Infinity
        > HINCRBYFLOAT h n | -ERR wrong number of arguments for 'hincrbyfloat' command
        > HINCRBYFLOAT no n x | -ERR value is not a valid float
        > EXISTS no | :0
        > SET s v | +OK
        > HINCRBYFLOAT s n 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HINCRBYFLOAT s n inf | -ERR value is NaN or Infinity
            "#,
    );
}

#[test]
fn random_fields_are_drawn() {
    check(
        r#"> HSET h a 1 | :1
        > HRANDFIELD h | "a"
        > HRANDFIELD no | nil
        > HRANDFIELD h 1 | [ "a" ]
        > HRANDFIELD h 1 WITHVALUES | [ "a" "1" ]
        > HRANDFIELD h 3 withvalues | [ "a" "1" ]
        > HRANDFIELD h -3 | [ "a" "a" "a" ]
        > HRANDFIELD h -2 WITHVALUES | [ "a" "1" "a" "1" ]
        > HRANDFIELD h 0 | [ ]
        > HRANDFIELD no 0 | [ ]
        > HRANDFIELD no 5 WITHVALUES | [ ]
        > HRANDFIELD h 9223372036854775807 | [ "a" ]
        > HRANDFIELD h 4611686018427387903 WITHVALUES | [ "a" "1" ]
        > HRANDFIELD h 4611686018427387904 WITHVALUES | -ERR value is out of range
        > HRANDFIELD h -9223372036854770000 WITHVALUES | -ERR value is out of range
        > HRANDFIELD h -9223372036854775808 | -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        > HRANDFIELD h 9223372036854775808 | -ERR value is not an integer or out of range
        > HRANDFIELD h x | -ERR value is not an integer or out of range
        > HRANDFIELD h x foo | -ERR value is not an integer or out of range
        > HRANDFIELD h 1 foo | -ERR syntax error
        > HRANDFIELD h 1 WITHVALUES foo | -ERR syntax error
        > HRANDFIELD | -ERR wrong number of arguments for 'hrandfield' command
        > SET s v | +OK
        > HRANDFIELD s | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HRANDFIELD s 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
    );
}

#[test]
fn draws_have_an_end() {
    let mut kit = Kit::new(Config::default());
    let value = vec![b'v'; 1 << 20];
    kit.run("c", &[b"HSET".to_vec(), b"h".to_vec(), b"f".to_vec(), value]);
    let words = ["HRANDFIELD", "h", "-4611686018427387903", "WITHVALUES"].map(|w| w.as_bytes().to_vec());
    assert_eq!(kit.run("c", &words), "-ERR value is out of range");
}

#[test]
fn encodings_change_at_their_limits() {
    check(
        r#"> CONFIG SET hash-max-listpack-entries 3 | +OK
        > HSET h a 1 b 2 | :2
        > OBJECT ENCODING h | "listpack"
        > HSET h c 3 | :1
        > OBJECT ENCODING h | "listpack"
        > HSET h c 4 | :0
        > OBJECT ENCODING h | "listpack"
        > HSET h d 4 | :1
        > OBJECT ENCODING h | "hashtable"
        > HDEL h a b c | :3
        > OBJECT ENCODING h | "hashtable"
        > HSET g a 1 a 2 a 3 a 4 | :1
        > OBJECT ENCODING g | "hashtable"
        > HSET v a vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv | :1
        > OBJECT ENCODING v | "hashtable"
        > HSET w vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv 1 | :1
        > OBJECT ENCODING w | "hashtable"
        > HSET x a 1 | :1
        > HINCRBYFLOAT x a 1e65 | "100000000000000000002588343428147544691163120708149751194375421952"
        > OBJECT ENCODING x | "hashtable"
        > HSET y a 1 | :1
        > HEXPIRE y 100 FIELDS 1 no | [ :-2 ]
        > HEXPIRE y 100 XX FIELDS 1 a | [ :0 ]
        > OBJECT ENCODING y | "listpack"
        > HEXPIRE y 100 FIELDS 1 a | [ :1 ]
        > OBJECT ENCODING y | "hashtable"
        > HSETEX z FIELDS 1 a 1 | :1
        > OBJECT ENCODING z | "listpack"
        > HSETEX z KEEPTTL FIELDS 1 b 1 | :1
        > OBJECT ENCODING z | "listpack"
        > HSETEX z EX 10 FIELDS 1 a 1 | :1
        > OBJECT ENCODING z | "hashtable"
        > COPY z zz | :1
        > OBJECT ENCODING zz | "hashtable"
        > HTTL zz FIELDS 2 a b | [ :10 :-1 ]
        > CONFIG SET hash-max-listpack-entries 512 | +OK
            "#,
    );
}

#[test]
fn fields_expire() {
    check(
        r#"> HSET h a 1 b 2 c 3 | :3
        > HEXPIRE h 10 FIELDS 2 a no | [ :1 :-2 ]
        > HTTL h FIELDS 3 a b no | [ :10 :-1 :-2 ]
        > HPTTL h FIELDS 1 b | [ :-1 ]
        > HEXPIRETIME h FIELDS 2 b no | [ :-1 :-2 ]
        > HPEXPIRE h 1800 FIELDS 1 b | [ :1 ]
        > HTTL h FIELDS 1 b | [ :2 ]
        > HEXPIREAT h 99999999999 FIELDS 1 c | [ :1 ]
        > HEXPIRETIME h FIELDS 1 c | [ :99999999999 ]
        > HPEXPIRETIME h fields 1 c | [ :99999999999000 ]
        > HPEXPIREAT h 99999999999500 FIELDS 1 c | [ :1 ]
        > HEXPIRETIME h FIELDS 1 c | [ :100000000000 ]
        > HPEXPIRETIME h FIELDS 1 c | [ :99999999999500 ]
        > HLEN h | :3
        @ +1801ms
        > HGET h b | nil
        > HEXISTS h b | :0
        > HSTRLEN h b | :0
        > HTTL h FIELDS 1 b | [ :-2 ]
        > HMGET h a b c | [ "1" nil "3" ]
        > HLEN h | :2
        > HPERSIST h FIELDS 4 a b c no | [ :1 :-2 :1 :-2 ]
        > HPERSIST h FIELDS 1 a | [ :-1 ]
        > HTTL h FIELDS 2 a c | [ :-1 :-1 ]
        > HEXPIRE h 0 FIELDS 2 a b | [ :2 :-2 ]
        > HEXISTS h a | :0
        > HEXPIREAT h 1 FIELDS 1 c | [ :2 ]
        > EXISTS h | :0
            "#,
    );
}

#[test]
fn the_last_field_takes_the_key_along() {
    check(
        r#"> HSETEX h PX 100 FIELDS 2 a 1 b 2 | :1
        > EXISTS h | :1
        @ +101ms
        > EXISTS h | :0
        > HGETALL h | [ ]
        > HSET h a 1 | :1
        > HPEXPIRE h 100 FIELDS 1 a | [ :1 ]
        > PERSIST h | :0
        > TTL h | :-1
        > HSET h b 2 | :1
        @ +101ms
        > HKEYS h | [ "b" ]
            "#,
    );
}

#[test]
fn expiries_have_conditions() {
    check(
        r#"> HSET h a 1 b 2 | :2
        > HEXPIRE h 100 XX FIELDS 1 a | [ :0 ]
        > HEXPIRE h 100 GT FIELDS 1 a | [ :0 ]
        > HEXPIRE h 0 GT FIELDS 1 a | [ :0 ]
        > HEXPIRE h 100 NX FIELDS 1 a | [ :1 ]
        > HEXPIRE h 200 nx FIELDS 2 a b | [ :0 :1 ]
        > HTTL h FIELDS 2 a b | [ :100 :200 ]
        > HEXPIRE h 150 GT FIELDS 2 a b | [ :1 :0 ]
        > HEXPIRE h 150 LT FIELDS 2 a b | [ :0 :1 ]
        > HEXPIRE h 170 XX GT FIELDS 2 a b | [ :1 :1 ]
        > HTTL h FIELDS 2 a b | [ :170 :170 ]
        > HSET h c 3 | :1
        > HEXPIRE h 150 LT FIELDS 1 c | [ :1 ]
        > HEXPIRE h 100 XX LT FIELDS 1 c | [ :1 ]
        > HEXPIRE h 0 NX FIELDS 1 c | [ :0 ]
        > HEXPIRE h 0 LT FIELDS 1 c | [ :2 ]
        > HEXPIRE h 10 NX XX FIELDS 1 a | -ERR NX and XX, GT or LT options at the same time are not compatible
        > HEXPIRE h 10 GT NX FIELDS 1 a | -ERR NX and XX, GT or LT options at the same time are not compatible
        > HEXPIRE h 10 GT LT FIELDS 1 a | -ERR GT and LT options at the same time are not compatible
        > HEXPIRE h 10 FOO FIELDS 1 a | -ERR Unsupported option FOO
            "#,
    );
}

#[test]
fn expiries_are_checked() {
    check(
        r#"> HSET h a 1 | :1
        > SET s v | +OK
        > HEXPIRE no 10 FIELDS 2 a b | [ :-2 :-2 ]
        > HEXPIRE s 10 FIELDS 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HEXPIRE s -1 FIELDS 1 a | -ERR invalid expire time in 'hexpire' command
        > HEXPIRE h -1 FIELDS 1 a | -ERR invalid expire time in 'hexpire' command
        > HPEXPIRE h -1 FIELDS 1 a | -ERR invalid expire time in 'hpexpire' command
        > HEXPIREAT h -1 FIELDS 1 a | -ERR invalid expire time in 'hexpireat' command
        > HPEXPIREAT h -1 FIELDS 1 a | -ERR invalid expire time in 'hpexpireat' command
        > HEXPIRE h x FIELDS 1 a | -ERR value is not an integer or out of range
        > HEXPIRE h 9223372036854775807 FIELDS 1 a | -ERR invalid expire time in 'hexpire' command
        > HEXPIRE h 9223372036854775 FIELDS 1 a | -ERR invalid expire time in 'hexpire' command
        > HPEXPIRE h 9223372036854775807 FIELDS 1 a | -ERR invalid expire time in 'hpexpire' command
        > HEXPIREAT h 9223372036854776 FIELDS 1 a | -ERR invalid expire time in 'hexpireat' command
        > HPEXPIREAT h 9223372036854775807 FIELDS 1 a | [ :1 ]
        > HPEXPIRETIME h FIELDS 1 a | [ :9223372036854775807 ]
        > HEXPIRETIME h FIELDS 1 a | [ :9223372036854776 ]
        > HEXPIREAT h 9223372036854775 FIELDS 1 a | [ :1 ]
        > HEXPIRE h 10 FIELDS 2 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HEXPIRE h 10 FIELDS 0 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HEXPIRE h 10 FIELDS -1 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HEXPIRE h 10 FIELDS x a | -ERR value is not an integer or out of range
        > HEXPIRE h x FIELDS 2 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HEXPIRE h 10 a b c | -ERR numfields should be greater than 0 and match the provided number of fields
        > HEXPIRE h 10 FIELDS 1 | -ERR wrong number of arguments for 'hexpire' command
        > HPEXPIRE h 10 FIELDS 1 | -ERR wrong number of arguments for 'hpexpire' command
        > HEXPIREAT h 10 FIELDS 1 | -ERR wrong number of arguments for 'hexpireat' command
        > HPEXPIREAT h 10 FIELDS 1 | -ERR wrong number of arguments for 'hpexpireat' command
        > HTTL no FIELDS 2 a b | [ :-2 :-2 ]
        > HTTL s FIELDS 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HTTL h FIELDS 2 a | -ERR syntax error
        > HTTL h FIELDS 0 a | -ERR syntax error
        > HTTL h FIELDS x a | -ERR value is not an integer or out of range
        > HTTL h FOO 1 a | -ERR syntax error
        > HTTL h FIELDS 1 | -ERR wrong number of arguments for 'httl' command
        > HPTTL s FIELDS 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HEXPIRETIME s FIELDS 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HPEXPIRETIME h FIELDS 1 | -ERR wrong number of arguments for 'hpexpiretime' command
        > HPERSIST no FIELDS 1 a | [ :-2 ]
        > HPERSIST s FIELDS 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HPERSIST h FIELDS 2 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HPERSIST h FIELDS x a | -ERR value is not an integer or out of range
        > HPERSIST h FOO 1 a | -ERR syntax error
        > HPERSIST h FIELDS 1 | -ERR wrong number of arguments for 'hpersist' command
            "#,
    );
}

#[test]
fn fields_are_set_with_an_expiry() {
    check(
        r#"> HSETEX h EX 10 FIELDS 2 a 1 b 2 | :1
        > HTTL h FIELDS 2 a b | [ :10 :10 ]
        > HSETEX h FIELDS 1 a 2 | :1
        > HTTL h FIELDS 2 a b | [ :-1 :10 ]
        > HSETEX h KEEPTTL FIELDS 2 a 3 b 3 | :1
        > HTTL h FIELDS 2 a b | [ :-1 :10 ]
        > HSET h b 4 | :0
        > HTTL h FIELDS 1 b | [ :-1 ]
        > HSETEX h PX 20000 FIELDS 1 a 1 | :1
        > HTTL h FIELDS 1 a | [ :20 ]
        > HSETEX h EXAT 99999999999 FIELDS 1 a 1 | :1
        > HSETEX h pxat 99999999999001 FIELDS 1 b 1 | :1
        > HPEXPIRETIME h FIELDS 2 a b | [ :99999999999000 :99999999999001 ]
        > HSETEX h NX FIELDS 1 c 1 | :0
        > HSETEX no XX FIELDS 1 c 1 | :0
        > EXISTS no | :0
        > HSETEX h XX FIELDS 1 c 1 | :1
        > HSETEX h FNX FIELDS 2 d 1 c 2 | :0
        > HEXISTS h d | :0
        > HSETEX h FNX FIELDS 1 d 1 | :1
        > HSETEX h FXX FIELDS 2 c 5 e 5 | :0
        > HSETEX h FXX XX EX 30 FIELDS 2 c 5 d 5 | :1
        > HMGET h c d e | [ "5" "5" nil ]
        > HTTL h FIELDS 2 c d | [ :30 :30 ]
        > HSETEX no FXX FIELDS 1 c 1 | :0
        > HSETEX new NX FNX EX 10 EX 20 FIELDS 1 c 1 | :1
        > HTTL new FIELDS 1 c | [ :20 ]
            "#,
    );
}

#[test]
fn setting_in_the_past_removes() {
    check(
        r#"> HSET h a 1 b 2 c 3 | :3
        > HSETEX h EX 0 FIELDS 1 a 5 | :1
        > HEXISTS h a | :0
        > HSETEX h PXAT 1 FIELDS 2 b 5 no 5 | :1
        > HLEN h | :1
        > HSETEX h EXAT 1 FIELDS 1 no 5 | :1
        > HSETEX h EXAT 1 FIELDS 1 c 5 | :1
        > EXISTS h | :0
        > HSETEX h EXAT 1 FIELDS 1 c 5 | :1
        > EXISTS h | :0
            "#,
    );
}

#[test]
fn hsetex_is_checked() {
    check(
        r#"> HSET h a 1 | :1
        > SET s v | +OK
        > HSETEX s FIELDS 1 a 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HSETEX s NX FIELDS 1 a 1 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HSETEX h FIELDS 1 a | -ERR wrong number of arguments for 'hsetex' command
        > HSETEX h FIELDS 1 a 1 b 2 | -ERR numfields should be greater than 0 and match the provided number of fields
        > HSETEX h FIELDS 2 a 1 b | -ERR numfields should be greater than 0 and match the provided number of fields
        > HSETEX h FIELDS 0 a 1 | -ERR numfields should be greater than 0 and match the provided number of fields
        > HSETEX h FIELDS -1 a 1 | -ERR numfields should be greater than 0 and match the provided number of fields
        > HSETEX h FIELDS 9223372036854775807 a 1 | -ERR numfields should be greater than 0 and match the provided number of fields
        > HSETEX h FIELDS x a 1 | -ERR value is not an integer or out of range
        > HSETEX h a b c d | -ERR numfields should be greater than 0 and match the provided number of fields
        > HSETEX h NX XX FIELDS 1 a 1 | -ERR syntax error
        > HSETEX h FXX FNX FIELDS 1 a 1 | -ERR syntax error
        > HSETEX h EX FIELDS 1 a 1 | -ERR syntax error
        > HSETEX h EX 10 PX 10 FIELDS 1 a 1 | -ERR syntax error
        > HSETEX h EX 10 KEEPTTL FIELDS 1 a 1 | -ERR syntax error
        > HSETEX h KEEPTTL EX 10 FIELDS 1 a 1 | -ERR syntax error
        > HSETEX h PERSIST FIELDS 1 a 1 | -ERR syntax error
        > HSETEX h IFEQ 1 FIELDS 1 a 1 | -ERR syntax error
        > HSETEX h EX x FIELDS 1 a 1 | -ERR value is not an integer or out of range
        > HSETEX h EX -1 FIELDS 1 a 1 | -ERR invalid expire time in 'hsetex' command
        > HSETEX h EX 9223372036854775807 FIELDS 1 a 1 | -ERR invalid expire time in 'hsetex' command
        > HSETEX h PX 9223372036854775807 FIELDS 1 a 1 | -ERR invalid expire time in 'hsetex' command
        > HSETEX h NX EX -1 FIELDS 1 a 1 | :0
        > HSETEX h FNX EX -1 FIELDS 1 a 1 | -ERR invalid expire time in 'hsetex' command
        > HSETEX fields FIELDS 1 a 1 | -ERR value is not an integer or out of range
        > HGET h a | "1"
            "#,
    );
}

#[test]
fn fields_are_read_with_an_expiry() {
    check(
        r#"> HSET h a 1 b 2 c 3 | :3
        > HGETEX h FIELDS 2 a no | [ "1" nil ]
        > HGETEX h EX 10 FIELDS 3 a b no | [ "1" "2" nil ]
        > HTTL h FIELDS 4 a b c no | [ :10 :10 :-1 :-2 ]
        > HGETEX h PERSIST FIELDS 2 a c | [ "1" "3" ]
        > HTTL h FIELDS 2 a b | [ :-1 :10 ]
        > HGETEX h PX 20000 FIELDS 1 a | [ "1" ]
        > HGETEX h EXAT 99999999999 FIELDS 1 b | [ "2" ]
        > HGETEX h PXAT 99999999999001 FIELDS 1 c | [ "3" ]
        > HPEXPIRETIME h FIELDS 2 b c | [ :99999999999000 :99999999999001 ]
        > HGETEX h EX 0 FIELDS 2 a no | [ "1" nil ]
        > HEXISTS h a | :0
        > HGETEX h PXAT 1 FIELDS 3 b c b | [ "2" "3" nil ]
        > EXISTS h | :0
        > HGETEX h FIELDS 2 a b | [ nil nil ]
        > HGETEX h EX 10 FIELDS 2 a b | [ nil nil ]
        > HGETEX h PERSIST FIELDS 1 a | [ nil ]
        > EXISTS h | :0
        > SET s v | +OK
        > HGETEX s FIELDS 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HGETEX s EX x FIELDS 1 a | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HGETEX h EX x FIELDS 1 a | -ERR value is not an integer or out of range
        > HGETEX h EX -1 FIELDS 1 a | -ERR invalid expire time in 'hgetex' command
        > HGETEX h NX FIELDS 1 a | -ERR syntax error
        > HGETEX h KEEPTTL FIELDS 1 a | -ERR syntax error
        > HGETEX h PERSIST EX 10 FIELDS 1 a | -ERR syntax error
        > HGETEX h EX 10 PERSIST FIELDS 1 a | -ERR syntax error
        > HGETEX h PX FIELDS 1 a | -ERR syntax error
        > HGETEX h FIELDS 2 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HGETEX h FIELDS 0 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HGETEX h FIELDS -1 a | -ERR numfields should be greater than 0 and match the provided number of fields
        > HGETEX h FIELDS x a | -ERR value is not an integer or out of range
        > HGETEX h a b c | -ERR numfields should be greater than 0 and match the provided number of fields
        > HGETEX fields FIELDS 1 a | -ERR value is not an integer or out of range
        > HGETEX h FIELDS 1 | -ERR wrong number of arguments for 'hgetex' command
            "#,
    );
}

/// A kit where the time of field `a` of hash `h` has come and the expiry cycle was not there yet. The other field is `b`.
fn late() -> Kit {
    let mut kit = Kit::new(Config::default());
    kit.exec.server.take_stream(takers::TEST, true);
    ask(&mut kit, "HSET h a 1 b 2");
    ask(&mut kit, "HPEXPIRE h 100 FIELDS 1 a");
    kit.clock.advance_ms(100);
    kit.exec.server.stream.take_bytes();
    kit
}

fn ask(kit: &mut Kit, request: &str) -> String {
    kit.run("c", &request.split(' ').map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>())
}

/// What went into the stream, and what was counted as expired.
fn streamed(kit: &mut Kit) -> (String, u64) {
    let stream = kit.exec.server.stream.take_bytes();
    let text = String::from_utf8(stream).unwrap();
    let words: Vec<&str> = text.split("\r\n").filter(|w| !w.starts_with('$') && !w.is_empty()).collect();
    let requests: Vec<String> =
        words.split(|w| w.starts_with('*')).filter(|r| !r.is_empty()).map(|r| r.join(" ")).collect();
    (requests.join(" | "), kit.exec.server.stats.expired_fields)
}

#[test]
fn late_fields_are_hidden_and_replaced() {
    let at = START_MS + 5000 + 100;
    for (request, reply, stream, expired) in [
        ("HGET h a", "nil", "", 0),
        ("HLEN h", ":2", "", 0),
        ("HGETALL h", "[ \"b\" \"2\" ]", "", 0),
        ("HKEYS h", "[ \"b\" ]", "", 0),
        ("HVALS h", "[ \"2\" ]", "", 0),
        ("HRANDFIELD h 2", "[ \"b\" ]", "", 0),
        ("HRANDFIELD h -3", "[ \"b\" \"b\" \"b\" ]", "", 0),
        ("HTTL h FIELDS 1 a", "[ :-2 ]", "", 0),
        ("HDEL h a", ":0", "", 0),
        ("HGETDEL h FIELDS 1 a", "[ nil ]", "", 0),
        ("HPERSIST h FIELDS 1 a", "[ :-2 ]", "", 0),
        ("HEXPIRE h 10 FIELDS 1 a", "[ :-2 ]", "", 0),
        ("HGETEX h EX 10 FIELDS 1 a", "[ nil ]", "", 0),
        ("HSET h a 5 c 6", ":2", "HSET h a 5 c 6", 1),
        ("HSETNX h a 5", ":1", "HSET h a 5", 1),
        ("HSETNX h b 5", ":0", "", 0),
        ("HINCRBY h a 5", ":5", "HSET h a 5", 1),
        ("HINCRBY h b 5", ":7", "HSET h b 7", 0),
        ("HINCRBYFLOAT h a 0.5", "\"0.5\"", "HSET h a 0.5", 1),
        ("HSETEX h FNX FIELDS 1 a 5", ":1", "HSETEX h FIELDS 1 a 5", 1),
        ("HSETEX h FXX FIELDS 1 a 5", ":0", "", 0),
        ("HSETEX h KEEPTTL FIELDS 1 a 5", ":1", "MULTI | HDEL h a | HSETEX h KEEPTTL FIELDS 1 a 5 | EXEC", 1),
        ("HSETEX h EX 5 FIELDS 1 a 5", ":1", &format!("HSETEX h PXAT {at} FIELDS 1 a 5"), 1),
        ("HSETEX h EX 0 FIELDS 2 a 5 no 5", ":1", "HDEL h a", 2),
        ("HDEL h a b", ":1", "HDEL h a b", 0),
        ("COPY h g", ":1", "COPY h g", 0),
        ("DEL h", ":1", "DEL h", 0),
    ] {
        let mut kit = late();
        assert_eq!(ask(&mut kit, request), reply, "{request}");
        assert_eq!(streamed(&mut kit), (stream.to_string(), expired), "{request}");
    }
}

#[test]
fn late_fields_are_removed() {
    let mut kit = late();
    kit.advance(0);
    assert_eq!(ask(&mut kit, "HLEN h"), ":1");
    assert_eq!(streamed(&mut kit), ("HDEL h a".into(), 1));
    assert_eq!(ask(&mut kit, "HSET h a 1"), ":1");
    assert_eq!(ask(&mut kit, "HPTTL h FIELDS 1 a"), "[ :-1 ]");
}

#[test]
fn times_are_propagated_as_points() {
    let at = START_MS + 10_000;
    for (request, stream) in [
        ("HEXPIRE h 10 FIELDS 1 a", format!("HPEXPIREAT h {at} FIELDS 1 a")),
        ("HPEXPIRE h 10000 NX FIELDS 2 a no", format!("HPEXPIREAT h {at} NX FIELDS 2 a no")),
        ("HEXPIREAT h 1700000010 FIELDS 1 a", format!("HPEXPIREAT h {at} FIELDS 1 a")),
        ("HPEXPIREAT h 1700000010000 FIELDS 1 a", format!("HPEXPIREAT h {at} FIELDS 1 a")),
        ("HEXPIRE h 10 XX FIELDS 1 a", "".into()),
        ("HEXPIRE h 0 FIELDS 3 a no b", "HDEL h a b".into()),
        ("HGETEX h FIELDS 1 a", "".into()),
        ("HGETEX h EX 10 FIELDS 3 a no b", format!("HPEXPIREAT h {at} FIELDS 2 a b")),
        ("HGETEX h EX 0 FIELDS 2 a no", "HDEL h a".into()),
        ("HGETEX h PERSIST FIELDS 2 a v", "HPERSIST h FIELDS 1 v".into()),
        ("HGETEX h PERSIST FIELDS 1 a", "".into()),
        ("HPERSIST h FIELDS 2 a v", "HPERSIST h FIELDS 2 a v".into()),
        ("HPERSIST h FIELDS 1 a", "".into()),
        ("HSETEX h EX 10 FIELDS 1 a 5", format!("HSETEX h PXAT {at} FIELDS 1 a 5")),
        ("HSETEX h FXX PX 10000 FIELDS 1 a 5", format!("HSETEX h PXAT {at} FIELDS 1 a 5")),
        ("HSETEX h XX KEEPTTL FIELDS 1 a 5", "HSETEX h KEEPTTL FIELDS 1 a 5".into()),
        ("HSETEX h EX 0 FIELDS 1 no 5", "".into()),
        ("HINCRBY h v 5", format!("HSETEX h PXAT {} FIELDS 1 v 8", START_MS + 50_000)),
        ("HINCRBY h a 5", "HSET h a 6".into()),
        ("HINCRBYFLOAT h v 0.5", format!("HSETEX h PXAT {} FIELDS 1 v 3.5", START_MS + 50_000)),
        ("HINCRBYFLOAT h a 0.5", "HSET h a 1.5".into()),
        ("HINCRBY g a 5", "HINCRBY g a 5".into()),
        ("HSETNX g a 5", "HSETNX g a 5".into()),
        ("HGETDEL h FIELDS 2 a no", "HGETDEL h FIELDS 2 a no".into()),
        ("HGETDEL h FIELDS 1 no", "".into()),
    ] {
        let mut kit = Kit::new(Config::default());
        kit.exec.server.take_stream(takers::TEST, true);
        ask(&mut kit, "HSET h a 1 b 2");
        ask(&mut kit, "HSETEX h EX 50 FIELDS 1 v 3");
        streamed(&mut kit);
        ask(&mut kit, request);
        assert_eq!(streamed(&mut kit).0, stream, "{request}");
    }
}

#[test]
fn large_hashes_are_drawn_from() {
    let mut kit = Kit::new(Config::default());
    for i in 0..1000 {
        ask(&mut kit, &format!("HSET h f{i} {i}"));
    }
    for count in [1usize, 5, 300, 400, 999, 1000, 2000] {
        let reply = ask(&mut kit, &format!("HRANDFIELD h {count}"));
        let mut fields: Vec<&str> = reply.split(' ').filter(|w| w.starts_with('"')).collect();
        assert_eq!(fields.len(), count.min(1000));
        fields.sort_unstable();
        fields.dedup();
        assert_eq!(fields.len(), count.min(1000));
    }
    let reply = ask(&mut kit, "HRANDFIELD h -3000 WITHVALUES");
    assert_eq!(reply.split(' ').filter(|w| w.starts_with('"')).count(), 6000);
}

#[test]
fn hashes_are_walked() {
    check(
        r#"> HSET h a 1 bb 2 -7 8 | :3
        > HSCAN h 0 | [ "0" [ "a" "1" "bb" "2" "-7" "8" ] ]
        > HSCAN h 0 NOVALUES | [ "0" [ "a" "bb" "-7" ] ]
        > HSCAN h 0 MATCH b* | [ "0" [ "bb" "2" ] ]
        > HSCAN h 0 MATCH -? COUNT 1 novalues | [ "0" [ "-7" ] ]
        > HSCAN h 99 | *
        > HSCAN no 0 | [ "0" [ ] ]
        > HSCAN no 0 foo | [ "0" [ ] ]
        > HSCAN no x | -ERR invalid cursor
        > HSCAN h x | -ERR invalid cursor
        > HSCAN h 0 foo | -ERR syntax error
        > HSCAN h 0 COUNT 0 | -ERR syntax error
        > HSCAN h 0 COUNT x | -ERR value is not an integer or out of range
        > HSCAN h 0 COUNT | -ERR syntax error
        > HSCAN h 0 TYPE hash | -ERR syntax error
        > HSCAN h 0 NOSCORES | -ERR NOSCORES option can only be used in ZSCAN
        > HSCAN h | -ERR wrong number of arguments for 'hscan' command
        > SET s v | +OK
        > HSCAN s 0 | -WRONGTYPE Operation against a key holding the wrong kind of value
        > HSCAN s 0 foo | -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
    );
}

#[test]
fn large_hashes_are_walked_whole() {
    let mut kit = Kit::new(Config::default());
    for i in 0..1000 {
        ask(&mut kit, &format!("HSET h f{i} {i}"));
    }
    ask(&mut kit, "HPEXPIRE h 100 FIELDS 2 f1 f2");
    kit.clock.advance_ms(100);
    let (mut cursor, mut seen, mut calls) = ("0".to_string(), Vec::new(), 0);
    loop {
        let reply = ask(&mut kit, &format!("HSCAN h {cursor} COUNT 50 NOVALUES"));
        let mut words =
            reply.split(' ').filter(|w| w.starts_with('"')).map(|w| w.trim_matches('"').to_string());
        cursor = words.next().unwrap();
        seen.extend(words);
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert!((15..=20).contains(&calls), "{calls}");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 998);
}

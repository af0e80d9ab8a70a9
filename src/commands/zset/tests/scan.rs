//! Draws by chance, and walks.

use super::ask;
use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::testkit::{Kit, check, check_plain};

#[test]
fn members_by_chance() {
    check(
        r#"> ZADD z 1 a | :1
        > ZRANDMEMBER z | "a"
        > ZRANDMEMBER z 1 | [ "a" ]
        > ZRANDMEMBER z 5 | [ "a" ]
        > ZRANDMEMBER z 5 WITHSCORES | [ "a" "1" ]
        > ZRANDMEMBER z -3 | [ "a" "a" "a" ]
        > ZRANDMEMBER z -2 withscores | [ "a" "1" "a" "1" ]
        > ZRANDMEMBER z 0 | [ ]
        > ZRANDMEMBER z 0 WITHSCORES | [ ]
        > ZRANDMEMBER no | nil
        > ZRANDMEMBER no 2 | [ ]
        > ZRANDMEMBER no -2 WITHSCORES | [ ]
        > ZRANDMEMBER z x | -ERR value is not an integer or out of range
        > ZRANDMEMBER z 1 x | -ERR syntax error
        > ZRANDMEMBER z 1 WITHSCORES x | -ERR syntax error
        > ZRANDMEMBER z x y | -ERR value is not an integer or out of range
        > ZRANDMEMBER z -9223372036854775808 | -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        > ZRANDMEMBER z -9223372036854775807 WITHSCORES | -ERR value is out of range
        > ZRANDMEMBER z 9223372036854775807 WITHSCORES | -ERR value is out of range
        > ZRANDMEMBER z 4611686018427387903 WITHSCORES | [ "a" "1" ]
        > ZRANDMEMBER no -9223372036854775808 | -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        > ZRANDMEMBER | -ERR wrong number of arguments for 'zrandmember' command
        > ZADD z 2 b 3 c | :2
        > ZRANDMEMBER z 3 | [ "c" "b" "a" ]
        > ZRANDMEMBER z 9223372036854775807 | [ "c" "b" "a" ]
            "#,
    );
}

#[test]
fn zscan_walks() {
    check_plain(
        r#"> ZADD z 1 a 0.1 b 3 ab 4 10 | :4
        > ZSCAN z 0 | [ "0" [ "b" "0.1" "a" "1" "ab" "3" "10" "4" ] ]
        > ZSCAN z 0 COUNT 1 | [ "0" [ "b" "0.1" "a" "1" "ab" "3" "10" "4" ] ]
        > ZSCAN z 0 NOSCORES | [ "0" [ "b" "a" "ab" "10" ] ]
        > ZSCAN z 0 MATCH a* | [ "0" [ "a" "1" "ab" "3" ] ]
        > ZSCAN z 0 match 1? count 100 noscores | [ "0" [ "10" ] ]
        > ZSCAN z 12345 | [ "0" [ "b" "0.1" "a" "1" "ab" "3" "10" "4" ] ]
        > ZSCAN no 0 | [ "0" [ ] ]
        > ZSCAN no 0 bogus | [ "0" [ ] ]
        > ZSCAN no x | -ERR invalid cursor
        > ZSCAN z x | -ERR invalid cursor
        > ZSCAN z 0 COUNT 0 | -ERR syntax error
        > ZSCAN z 0 COUNT x | -ERR value is not an integer or out of range
        > ZSCAN z 0 COUNT | -ERR syntax error
        > ZSCAN z 0 MATCH | -ERR syntax error
        > ZSCAN z 0 NOVALUES | -ERR NOVALUES option can only be used in HSCAN
        > ZSCAN z 0 TYPE zset | -ERR syntax error
        > ZSCAN z | -ERR wrong number of arguments for 'zscan' command
        > CONFIG SET zset-max-listpack-entries 0 | +OK
        > ZADD y 0.1 b | :1
        > ZSCAN y 0 | [ "0" [ "b" "0.10000000000000001" ] ]
        > ZADD y 1e22 b | :0
        > ZSCAN y 0 | [ "0" [ "b" "1e+22" ] ]
        > ZADD y -0.00001 b | :0
        > ZSCAN y 0 | [ "0" [ "b" "-1.0000000000000001e-05" ] ]
        > ZADD y inf b | :0
        > ZSCAN y 0 | [ "0" [ "b" "inf" ] ]
        > ZADD y 10000000000000000 b | :0
        > ZSCAN y 0 | [ "0" [ "b" "10000000000000000" ] ]
        > ZSCAN y 0 NOSCORES | [ "0" [ "b" ] ]
        > CONFIG SET zset-max-listpack-entries 128 | +OK
            "#,
    );
}

#[test]
fn zscan_meets_every_member_of_a_large_set() {
    let mut kit = Kit::new(Config::default());
    let mut request = "ZADD z".to_string();
    (0..3000).for_each(|i| request.push_str(&format!(" {i} m{i}")));
    assert_eq!(ask(&mut kit, &request), ":3000");
    let (mut cursor, mut met, mut calls) = ("0".to_string(), std::collections::BTreeSet::new(), 0);
    loop {
        let reply = ask(&mut kit, &format!("ZSCAN z {cursor} COUNT 100"));
        let mut words =
            reply.split(' ').map(|w| w.trim_matches('"').to_string()).filter(|w| w != "[" && w != "]");
        cursor = words.next().unwrap();
        let words: Vec<String> = words.collect();
        for pair in words.chunks(2) {
            assert_eq!(pair[0], format!("m{}", pair[1]));
            met.insert(pair[0].clone());
        }
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(met.len(), 3000);
    assert!((10..60).contains(&calls), "{calls} calls");
}

#[test]
fn draws_are_of_the_set() {
    let mut kit = Kit::new(Config::default());
    let mut rng = Rng::new(1);
    for n in [10, 100, 1000] {
        ask(&mut kit, "DEL z");
        let mut request = "ZADD z".to_string();
        (0..n).for_each(|i| request.push_str(&format!(" {i} m{i}")));
        ask(&mut kit, &request);
        for _ in 0..20 {
            let count = 2 + rng.below(n as u64 + 10) as i64;
            for (count, distinct) in [(count, true), (-count, false)] {
                let reply = ask(&mut kit, &format!("ZRANDMEMBER z {count}"));
                let drawn: Vec<&str> = reply.split(' ').filter(|w| *w != "[" && *w != "]").collect();
                let different: std::collections::BTreeSet<_> = drawn.iter().collect();
                if distinct {
                    assert_eq!(
                        (drawn.len(), different.len()),
                        (count.min(n) as usize, count.min(n) as usize)
                    );
                } else {
                    assert_eq!(drawn.len() as i64, -count);
                }
            }
        }
    }
    // A reply that would be longer than memory is refused.
    for count in ["-9223372036854775807", "-1000000000"] {
        assert_eq!(ask(&mut kit, &format!("ZRANDMEMBER z {count}")), "-ERR value is out of range");
    }
    let usual = ask(&mut kit, "ZRANDMEMBER z");
    assert!(usual.starts_with("\"m"), "{usual}");
}

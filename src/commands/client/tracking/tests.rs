//! Tests of client-side caching. All in RESP3 but where another is said: in RESP2 nothing is heard without a redirection.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::effects::listeners;
use crate::testkit::{Kit, check, check_plain, check_resp3};

#[test]
fn options_and_what_is_wrong_with_them() {
    check(
        r#"> CLIENT TRACKING maybe                      | -ERR syntax error
         > CLIENT TRACKING ON foo                     | -ERR syntax error
         > CLIENT TRACKING ON PREFIX                  | -ERR syntax error
         > CLIENT TRACKING OFF PREFIX                 | -ERR syntax error
         > CLIENT TRACKING ON REDIRECT                | -ERR syntax error
         > CLIENT TRACKING ON REDIRECT x              | -ERR value is not an integer or out of range
         > CLIENT TRACKING ON REDIRECT 0              | -ERR The client ID you want redirect to does not exist
         > CLIENT TRACKING ON REDIRECT -1             | -ERR The client ID you want redirect to does not exist
         > CLIENT TRACKING ON REDIRECT 99             | -ERR The client ID you want redirect to does not exist
         > CLIENT TRACKING ON REDIRECT 1 REDIRECT 1   | -ERR A client can only redirect to a single other client
         > CLIENT TRACKING ON PREFIX a                | -ERR PREFIX option requires BCAST mode to be enabled
         > CLIENT TRACKING ON OPTIN OPTOUT            | -ERR You can't specify both OPTIN mode and OPTOUT mode
         > CLIENT TRACKING ON BCAST OPTIN             | -ERR OPTIN and OPTOUT are not compatible with BCAST
         > CLIENT TRACKING                            | -ERR wrong number of arguments for 'client|tracking' command
         > CLIENT CACHING YES
         -ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
         > CLIENT TRACKING OFF BCAST NOLOOP           | +OK
         > CLIENT TRACKING ON OPTIN                   | +OK
         > CLIENT TRACKING ON OPTOUT
         -ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.
         > CLIENT TRACKING ON BCAST
         -ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.
         > CLIENT TRACKING ON                         | +OK
         > CLIENT TRACKING ON OPTOUT                  | +OK
         > CLIENT CACHING YES                         | -ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.
         > CLIENT CACHING maybe                       | -ERR syntax error
         > CLIENT TRACKING OFF                        | +OK
         > CLIENT TRACKING ON                         | +OK
         > CLIENT CACHING NO                          | -ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."#,
    );
}

#[test]
fn prefixes_do_not_overlap() {
    check(
        r#"> CLIENT TRACKING ON BCAST PREFIX FOOBAR PREFIX FOO
         -ERR Prefix 'FOOBAR' overlaps with another provided prefix 'FOO'. Prefixes for a single client must not overlap.
         > CLIENT TRACKING ON BCAST PREFIX aaa PREFIX bbb PREFIX bbbc
         -ERR Prefix 'bbb' overlaps with another provided prefix 'bbbc'. Prefixes for a single client must not overlap.
         > CLIENT TRACKING ON BCAST PREFIX "" PREFIX a
         -ERR Prefix '' overlaps with another provided prefix 'a'. Prefixes for a single client must not overlap.
         > CLIENT TRACKING ON BCAST PREFIX FOO PREFIX BAR | +OK
         > CLIENT TRACKING ON BCAST PREFIX FO
         -ERR Prefix 'FO' overlaps with an existing prefix 'FOO'. Prefixes for a single client must not overlap.
         > CLIENT TRACKING ON BCAST PREFIX BARB
         -ERR Prefix 'BARB' overlaps with an existing prefix 'BAR'. Prefixes for a single client must not overlap.
         > CLIENT TRACKING ON BCAST PREFIX BAZ NOLOOP     | +OK
         > CLIENT TRACKING ON BCAST PREFIX "BAZ\x00\r\n"
         -ERR Prefix 'BAZ' overlaps with an existing prefix 'BAZ'. Prefixes for a single client must not overlap.
         # Without a prefix it is all keys, whatever there was.
         > CLIENT TRACKING ON BCAST                       | +OK
         > CLIENT TRACKINGINFO
         [ "flags" [ "on" "bcast" ] "redirect" :0 "prefixes" [ "" "BAR" "BAZ" "FOO" ] ]
         > CLIENT TRACKING OFF                            | +OK
         > CLIENT TRACKINGINFO                            | [ "flags" [ "off" ] "redirect" :-1 "prefixes" [ ] ]"#,
    );
}

#[test]
fn what_is_told_of_the_connection() {
    check_resp3(
        r#"> CLIENT TRACKINGINFO    | { "flags" ~[ "off" ] "redirect" :-1 "prefixes" [ ] }
         > CLIENT GETREDIR          | :-1
         > CLIENT TRACKING ON       | +OK
         > CLIENT GETREDIR          | :0
         > CLIENT TRACKING ON OPTIN REDIRECT 1 NOLOOP | +OK
         > CLIENT GETREDIR          | :1
         > CLIENT CACHING YES       | +OK
         > CLIENT TRACKINGINFO      | { "flags" ~[ "on" "optin" "caching-yes" "noloop" ] "redirect" :1 "prefixes" [ ] }
         # It stays through CLIENT commands, and goes with any other.
         > CLIENT GETNAME x         | -ERR wrong number of arguments for 'client|getname' command
         > CLIENT ID                | :1
         > CLIENT TRACKINGINFO      | { "flags" ~[ "on" "optin" "caching-yes" "noloop" ] "redirect" :1 "prefixes" [ ] }
         > CLIENT nosuch            | -ERR unknown subcommand 'nosuch'. Try CLIENT HELP.
         > CLIENT TRACKINGINFO      | { "flags" ~[ "on" "optin" "noloop" ] "redirect" :1 "prefixes" [ ] }
         > CLIENT TRACKING OFF      | +OK
         > CLIENT TRACKING ON OPTOUT | +OK
         > CLIENT CACHING NO        | +OK
         > CLIENT TRACKINGINFO      | { "flags" ~[ "on" "optout" "caching-no" ] "redirect" :0 "prefixes" [ ] }
         > nosuch                   | *
         > CLIENT TRACKINGINFO      | { "flags" ~[ "on" "optout" ] "redirect" :0 "prefixes" [ ] }
         > RESET                    | +RESET
         > CLIENT GETREDIR          | :-1"#,
    );
    let mut kit = Kit::new(Config::default());
    kit.raw("c1", b"CLIENT TRACKING ON BCAST PREFIX a: PREFIX b:\r\n");
    kit.raw("c2", b"CLIENT TRACKING ON REDIRECT 1\r\nGET k\r\nMGET k l\r\n");
    let list = String::from_utf8(kit.raw("c3", b"CLIENT LIST\r\nCLIENT LIST FLAGS tB\r\n")).unwrap();
    assert_eq!(list.matches(" flags=tB ").count(), 2, "{list}");
    assert!(list.contains(" flags=t ") && list.contains(" redir=1 ") && list.contains(" redir=0 "), "{list}");
    assert_eq!(list.matches(" flags=N ").count(), 1, "{list}");
    let info = String::from_utf8(kit.raw("c3", b"INFO clients stats\r\n")).unwrap();
    for line in
        ["tracking_clients:2", "tracking_total_keys:2", "tracking_total_items:2", "tracking_total_prefixes:2"]
    {
        assert!(info.contains(&format!("\r\n{line}\r\n")), "{line}: {info}");
    }
    kit.raw("c2", b"CLIENT TRACKING OFF\r\n");
    kit.raw("c1", b"CLIENT TRACKING OFF\r\n");
    let tracking = &kit.exec.server.tracking;
    assert_eq!((tracking.keys(), tracking.items(), tracking.prefixes()), (0, 0, 0));
    assert_eq!(kit.exec.server.fx.listeners & listeners::TRACKING, 0);
}

#[test]
fn who_has_read_a_key_hears_of_its_first_change() {
    check_resp3(
        r#"> CLIENT TRACKING ON | +OK
         > GET k                | nil
         > LPUSH l x            | :1
         > GET l                | -WRONGTYPE Operation against a key holding the wrong kind of value
         > EXISTS m n           | :0
         c2> MSET k 1 o 1       | +OK
         c1< >[ "invalidate" [ "k" ] ]
         c2> MSET k 2 o 2       | +OK
         c2> DEL l              | :1
         c1< >[ "invalidate" [ "l" ] ]
         c2> SELECT 1           | +OK
         c2> RPUSH n 1          | :1
         c1< >[ "invalidate" [ "n" ] ]
         c2> SWAPDB 0 1         | +OK
         c1< (none)
         > CLIENT TRACKING OFF  | +OK
         c2> SET m 1            | +OK
         c1< (none)"#,
    );
}

#[test]
fn ones_own_changes_are_told_behind_the_reply() {
    check_resp3(
        r#"> CLIENT TRACKING ON | +OK
         > MGET a b             | [ nil nil ]
         > MSET a 1 b 1         | +OK
         c1< >[ "invalidate" [ "a" ] ]
         c1< >[ "invalidate" [ "b" ] ]
         > MGET a b             | [ "1" "1" ]
         > MULTI                | +OK
         > INCR a               | +QUEUED
         > GET b                | +QUEUED
         > DEL b                | +QUEUED
         > EXEC                 | [ :2 "1" :1 ]
         c1< >[ "invalidate" [ "a" ] ]
         c1< >[ "invalidate" [ "b" ] ]
         # Messages to oneself go first.
         > SUBSCRIBE ch         | >[ "subscribe" "ch" :1 ]
         > GET a                | "2"
         > MULTI                | +OK
         > SET a 3              | +QUEUED
         > PUBLISH ch x         | +QUEUED
         > EXEC                 | [ +OK :1 ]
         c1< >[ "message" "ch" "x" ]
         c1< >[ "invalidate" [ "a" ] ]
         > CLIENT TRACKING ON NOLOOP | +OK
         > MGET a b             | [ "3" nil ]
         > SET a 4              | +OK
         c1< (none)
         c2> SET b 1            | +OK
         c1< >[ "invalidate" [ "b" ] ]
         # It stopped caching inside the transaction: nothing is left to be told (the reference tells it).
         > CLIENT TRACKING ON   | +OK
         > GET a                | "4"
         > MULTI                | +OK
         > SET a 5              | +QUEUED
         > CLIENT TRACKING OFF  | +QUEUED
         > EXEC                 | [ +OK +OK ]
         > PING                 | +PONG
         c1< (none)"#,
    );
}

#[test]
fn caching_counts_for_one_request_or_transaction() {
    check_resp3(
        r#"> CLIENT TRACKING ON OPTIN | +OK
         > CLIENT CACHING YES         | +OK
         > MULTI                      | +OK
         > GET a                      | +QUEUED
         > GET b                      | +QUEUED
         > EXEC                       | [ nil nil ]
         > GET c                      | nil
         c2> MSET a 1 b 1 c 1         | +OK
         c1< >[ "invalidate" [ "a" ] ]
         c1< >[ "invalidate" [ "b" ] ]
         > MULTI                      | +OK
         > GET a                      | +QUEUED
         > CLIENT CACHING YES         | +QUEUED
         > GET b                      | +QUEUED
         > EXEC                       | [ "1" +OK "1" ]
         c2> MSET a 1 b 1             | +OK
         c1< >[ "invalidate" [ "b" ] ]
         # A request that waits is one request.
         > CLIENT CACHING YES         | +OK
         > XREAD BLOCK 0 STREAMS s $  | (none)
         c2> XADD s 1-1 f v           | "1-1"
         c1< >[ "invalidate" [ "s" ] ]
         c1< { "s" [ [ "1-1" [ "f" "v" ] ] ] }
         c2> XADD s 1-2 f v           | "1-2"
         c1< >[ "invalidate" [ "s" ] ]
         > GET a                      | "1"
         c2> SET a 2                  | +OK
         c1< (none)
         > CLIENT TRACKING OFF        | +OK
         > CLIENT TRACKING ON OPTOUT  | +OK
         > CLIENT CACHING NO          | +OK
         > GET a                      | "2"
         > GET b                      | "1"
         c2> MSET a 1 b 1             | +OK
         c1< >[ "invalidate" [ "b" ] ]"#,
    );
}

#[test]
fn by_prefix_at_the_end_of_the_turn() {
    check_resp3(
        r#"> CLIENT TRACKING ON BCAST PREFIX a PREFIX b | +OK
         c2> MULTI               | +OK
         c2> MSET b2 1 a1 1 c 1  | +QUEUED
         c2> INCR a1             | +QUEUED
         c2> INCR b1             | +QUEUED
         c2> EXEC                | [ +OK :2 :1 ]
         c1< >[ "invalidate" [ "a1" ] ]
         c1< >[ "invalidate" [ "b1" "b2" ] ]
         # Reading is not needed, and one's own changes come too.
         > SET a1 5              | +OK
         c1< >[ "invalidate" [ "a1" ] ]
         > CLIENT TRACKING ON BCAST NOLOOP | +OK
         > MSET a1 5 c 5         | +OK
         c1< (none)
         c2> SET c 6             | +OK
         c1< >[ "invalidate" [ "c" ] ]
         # What expires was changed by nobody.
         > SET a1 1 PX 5         | +OK
         @ +10ms
         c1< >[ "invalidate" [ "a1" ] ]
         c1< >[ "invalidate" [ "a1" ] ]
         c2> FLUSHALL            | +OK
         c1< >[ "invalidate" nil ]
         > CLIENT TRACKING OFF   | +OK
         c2> SET a 1             | +OK
         c1< (none)"#,
    );
    // One's own among others' in one turn: only theirs.
    let mut kit = Kit::new(Config::default());
    kit.raw("c1", b"HELLO 3\r\nCLIENT TRACKING ON BCAST NOLOOP\r\n");
    let [one, two] = [kit.client("c1"), kit.client("c2")];
    kit.exec.feed(one, &mut b"MSET a 1 b 1 c 1\r\n".to_vec());
    kit.exec.feed(two, &mut b"MSET b 1 d 1\r\n".to_vec());
    kit.exec.feed(one, &mut b"SET d 1\r\n".to_vec());
    assert_eq!(kit.heard("c1"), b"+OK\r\n+OK\r\n");
    kit.exec.end_turn();
    assert_eq!(kit.heard("c1"), b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nb\r\n");
}

#[test]
fn expired_keys_are_told() {
    check_resp3(
        r#"> CLIENT TRACKING ON | +OK
         > SET k v PX 10         | +OK
         > GET k                 | "v"
         @ +20ms
         c1< >[ "invalidate" [ "k" ] ]
         c2> HSET h f v g w      | :2
         c2> HPEXPIRE h 10 FIELDS 1 f | [ :1 ]
         > HLEN h                | :2
         @ +20ms
         c1< >[ "invalidate" [ "h" ] ]
         # Met by a reader, inside a transaction and outside: behind the reply.
         > CONFIG SET import-mode no | +OK
         > MSET x 1 y 1          | +OK
         > PEXPIRE y 10          | :1
         > GET y                 | "1""#,
    );
    let mut kit = Kit::new(Config::default());
    kit.raw("c1", b"HELLO 3\r\nCLIENT TRACKING ON\r\nMSET x 1 y 1\r\nPEXPIRE y 10\r\nGET y\r\n");
    kit.clock.advance_ms(20);
    let heard = kit.raw("c1", b"MGET x y\r\n");
    assert_eq!(heard, b"*2\r\n$1\r\n1\r\n_\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\ny\r\n");
}

#[test]
fn a_flush_is_told_to_all_who_track() {
    check_resp3(
        r#"> CLIENT TRACKING ON         | +OK
         c2> CLIENT TRACKING ON BCAST PREFIX x | +OK
         c3> CLIENT TRACKING ON NOLOOP | +OK
         c3> FLUSHDB                   | +OK
         c3< >[ "invalidate" nil ]
         c1< >[ "invalidate" nil ]
         c2< >[ "invalidate" nil ]
         > GET k                       | nil
         > MULTI                       | +OK
         > FLUSHALL                    | +QUEUED
         > GET k                       | +QUEUED
         > EXEC                        | [ +OK nil ]
         c1< >[ "invalidate" nil ]
         c2< >[ "invalidate" nil ]
         c3< >[ "invalidate" nil ]
         # What was read after it is remembered.
         c2> SET k 1                   | +OK
         c1< >[ "invalidate" [ "k" ] ]
         c3< (none)"#,
    );
}

#[test]
fn another_client_hears_in_ones_place() {
    check_plain(
        r#"c2> CLIENT ID                  | :1
         c2> SUBSCRIBE __redis__:invalidate | [ "subscribe" "__redis__:invalidate" :1 ]
         > CLIENT TRACKING ON            | +OK
         > GET k                         | nil
         c3> SET k 1                     | +OK
         > CLIENT TRACKING ON REDIRECT 1 | +OK
         c2< (none)
         > GET k                         | "1"
         > INCR k                        | :2
         c2< [ "message" "__redis__:invalidate" [ "k" ] ]
         > HELLO 3                       | *
         > GET k                         | "2"
         > INCR k                        | :3
         c2< [ "message" "__redis__:invalidate" [ "k" ] ]
         c3> FLUSHALL                    | +OK
         c2< [ "message" "__redis__:invalidate" nil ]
         > CLIENT TRACKING OFF           | +OK
         > CLIENT TRACKING ON BCAST REDIRECT 1 PREFIX a PREFIX b | +OK
         c3> MSET a1 1 b 1 c 1 a 1       | +OK
         c2< [ "message" "__redis__:invalidate" [ "a" "a1" ] ]
         c2< [ "message" "__redis__:invalidate" [ "b" ] ]
         # In RESP2 it hears only while it subscribes to something; in RESP3 anyway.
         c2> UNSUBSCRIBE                 | [ "unsubscribe" "__redis__:invalidate" :0 ]
         c3> SET a 2                     | +OK
         c2> PING                        | +PONG
         c2> HELLO 3                     | *
         c3> SET a 3                     | +OK
         c2< >[ "invalidate" [ "a" ] ]
         # One that hears for others writes: the message follows its own reply.
         > CLIENT TRACKING OFF           | +OK
         > CLIENT TRACKING ON REDIRECT 1 | +OK
         > GET a                         | "3"
         c2> SET a 4                     | +OK
         c2< >[ "invalidate" [ "a" ] ]"#,
    );
}

#[test]
fn one_that_heard_in_ones_place_is_gone() {
    let mut kit = Kit::new(Config::default());
    kit.raw("ear", b"HELLO 3\r\n");
    kit.raw("c1", b"HELLO 3\r\nCLIENT TRACKING ON REDIRECT 1\r\nMGET a b\r\n");
    kit.raw("c2", b"CLIENT TRACKING ON REDIRECT 1\r\nMGET a b\r\n");
    assert_eq!(kit.raw("ear", b"QUIT\r\n"), b"+OK\r\n");
    kit.raw("w", b"SET a 1\r\n");
    let broken = b">2\r\n$21\r\ntracking-redir-broken\r\n:1\r\n";
    assert_eq!((&kit.heard("c1")[..], &kit.heard("c2")[..]), (&broken[..], &b""[..]));
    let slot = kit.client("ear");
    kit.leave(slot);
    kit.raw("w", b"SET b 1\r\n");
    assert_eq!((&kit.heard("c1")[..], &kit.heard("c2")[..]), (&broken[..], &b""[..]));
    let told = String::from_utf8(kit.raw("c2", b"CLIENT TRACKINGINFO\r\nCLIENT INFO\r\n")).unwrap();
    assert!(told.contains("broken_redirect") && told.contains(" flags=tR "), "{told}");
    let told = String::from_utf8(kit.raw("c2", b"CLIENT TRACKING ON\r\nCLIENT INFO\r\n")).unwrap();
    assert!(told.contains(" flags=t "), "{told}");
}

#[test]
fn news_are_no_replies_to_be_turned_off() {
    check_resp3(
        r#"> CLIENT TRACKING ON   | +OK
         > GET k                  | nil
         > CLIENT REPLY OFF       | (none)
         c2> SET k 1              | +OK
         c1< >[ "invalidate" [ "k" ] ]
         > GET k                  | (none)
         > SET k 1                | >[ "invalidate" [ "k" ] ]
         > CLIENT REPLY ON        | +OK"#,
    );
}

#[test]
fn of_a_script_it_is_what_its_commands_read() {
    check_resp3(
        r#"> CLIENT TRACKING ON                                     | +OK
         > EVAL "redis.call('set', 'k3', 'v')" 2 k1 k2            | nil
         > EVAL_RO "redis.call('ping')" 2 k1 k2                   | nil
         c2> MSET k1 1 k2 1 k3 1                                  | +OK
         c1< (none)
         > EVAL_RO "return redis.call('get', 'k2')" 2 k1 k2       | "1"
         > EVAL "return redis.call('mget', 'k2', 'k3')" 2 k1 k2   | [ "1" "1" ]
         c2> MSET k1 2 k2 2 k3 2                                  | +OK
         c1< >[ "invalidate" [ "k2" ] ]
         c1< >[ "invalidate" [ "k3" ] ]
         # Its own changes behind the reply; what it reads after them is remembered.
         > GET k1                                                 | "2"
         > EVAL "redis.call('set', 'k1', 3) return redis.call('get', 'k1')" 1 k1 | "3"
         c1< >[ "invalidate" [ "k1" ] ]
         c2> SET k1 4                                             | +OK
         c1< >[ "invalidate" [ "k1" ] ]
         > CLIENT TRACKING ON NOLOOP                              | +OK
         > GET k1                                                 | "4"
         > EVAL "redis.call('set', 'k1', 5)" 1 k1                 | nil
         c1< (none)"#,
    );
}

#[test]
fn one_that_is_served_hears_behind_its_reply() {
    check_resp3(
        r#"> CLIENT TRACKING ON           | +OK
         > LRANGE to 0 -1                | [ ]
         > BLMOVE from to LEFT LEFT 0    | (none)
         c2> RPUSH from x                | :1
         c1< "x"
         c1< >[ "invalidate" [ "to" ] ]"#,
    );
}

/// Sends one request as `name` and gives all that it hears.
fn ask(kit: &mut Kit, name: &str, request: &str) -> String {
    String::from_utf8(kit.raw(name, format!("{request}\r\n").as_bytes())).unwrap()
}

#[test]
fn the_memory_of_reads_is_bounded() {
    let mut kit = Kit::new(Config::default());
    ask(&mut kit, "c1", "HELLO 3");
    ask(&mut kit, "c1", "CLIENT TRACKING ON");
    for i in 0..3000 {
        ask(&mut kit, "c1", &format!("GET k{i}"));
    }
    assert_eq!(kit.exec.server.tracking.keys(), 3000);
    ask(&mut kit, "c2", "CONFIG SET tracking-table-max-keys 2500");
    kit.exec.server.debug.pause_cron = true;
    kit.advance(200);
    assert_eq!(kit.exec.server.tracking.keys(), 3000);
    // Before the reply, and before a request that is queued, too: it is about a reading of before.
    for request in ["PING", "MULTI", "GET k", "DISCARD"] {
        let heard = ask(&mut kit, "c1", request);
        assert_eq!(heard.matches("invalidate").count(), 100, "{heard}");
        assert!(heard.starts_with(">2\r\n") && heard.contains("\r\n+"), "{heard}");
    }
    assert_eq!(kit.exec.server.tracking.keys(), 2600);
    kit.exec.server.debug.pause_cron = false;
    ask(&mut kit, "c2", "CONFIG SET tracking-table-max-keys 1");
    kit.advance(100);
    assert_eq!((kit.exec.server.tracking.keys(), kit.exec.server.tracking.items()), (1, 1));
    ask(&mut kit, "c2", "CONFIG SET tracking-table-max-keys 0");
    ask(&mut kit, "c1", "MGET a b c");
    kit.advance(100);
    assert_eq!(kit.exec.server.tracking.keys(), 4);
}

#[test]
fn an_evicted_key_is_told_before_the_reply() {
    let config = Config {
        maxmemory_policy: crate::engine::config::values::EvictionPolicy::VolatileRandom,
        ..Config::default()
    };
    let mut kit = Kit::new(config);
    for request in ["HELLO 3", "CLIENT TRACKING ON", "SET k v EX 100", "SET l v EX 100", "MGET k l"] {
        ask(&mut kit, "c1", request);
    }
    kit.exec.server.config.maxmemory = 1;
    let heard = ask(&mut kit, "c1", "GET k");
    let (news, reply) = heard.split_at(heard.len() - 3);
    assert_eq!((news.matches("invalidate").count(), reply), (2, "_\r\n"));
}

#[test]
fn prefixes_count_for_the_client() {
    let mut kit = Kit::new(Config::default());
    let slot = kit.client("c1");
    let before = kit.exec.server.client(slot).memory();
    let long = "x".repeat(10_000);
    ask(&mut kit, "c1", &format!("CLIENT TRACKING ON BCAST PREFIX {long} PREFIX a PREFIX b"));
    let own = kit.exec.server.client(slot).tracker.as_ref().unwrap().memory();
    assert!((10_000..10_300).contains(&own), "{own}");
    assert!(kit.exec.server.client(slot).memory() >= before + own);
}

/// What a client of the model has asked for.
#[derive(Default)]
struct Model {
    on: bool,
    bcast: &'static [&'static str],
    noloop: bool,
    /// It stays when the client stops to track, unless it was the last one.
    reads: BTreeSet<String>,
}

impl Model {
    /// How often it hears of a key that was changed, by itself or not.
    fn hears(&mut self, key: &str, own: bool) -> usize {
        let read = self.reads.remove(key) && self.bcast.is_empty();
        let prefixes = self.bcast.iter().filter(|p| key.starts_with(**p)).count();
        if !self.on || own && self.noloop { 0 } else { prefixes + read as usize }
    }
}

/// The keys that a client hears of in what was sent to it; `*` = all.
fn keys_heard(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut keys = Vec::new();
    for news in text.split(">2\r\n$10\r\ninvalidate\r\n").skip(1) {
        if news.starts_with('_') {
            keys.push("*".into());
            continue;
        }
        let n: usize = news[1..].lines().next().unwrap().parse().unwrap();
        keys.extend(news.lines().skip(2).step_by(2).take(n).map(String::from));
    }
    keys
}

/// A client of the model stops to track.
fn stop(models: &mut BTreeMap<String, Model>, name: &str) {
    models.get_mut(name).unwrap().on = false;
    if models.values().all(|m| !m.on) {
        models.values_mut().for_each(|m| m.reads.clear());
    }
}

#[test]
fn at_random_everybody_hears_what_a_model_says() {
    const PREFIXES: [&[&str]; 4] = [&[], &[""], &["a", "b"], &["ab"]];
    let mut kit = Kit::new(Config::default());
    let mut rng = Rng::new(11);
    let mut models: BTreeMap<String, Model> = BTreeMap::new();
    for name in ["c0", "c1", "c2", "c3"] {
        kit.raw(name, b"HELLO 3\r\n");
        models.insert(name.into(), Model::default());
    }
    for _ in 0..30_000 {
        let name = format!("c{}", rng.below(4));
        let key = ["a", "b", "ab", "abc", "c"][rng.below(5) as usize];
        let (mut changed, mut all) = (false, false);
        let request = match rng.below(20) {
            0 => {
                stop(&mut models, &name);
                "CLIENT TRACKING OFF".into()
            }
            1 => {
                all = true;
                "FLUSHALL".into()
            }
            2..5 => {
                stop(&mut models, &name);
                let own = models.get_mut(&name).unwrap();
                (own.on, own.bcast, own.noloop) = (true, PREFIXES[rng.below(4) as usize], rng.below(2) == 0);
                let prefixes: String = own.bcast.iter().map(|p| format!(" PREFIX \"{p}\"")).collect();
                let mode = if own.bcast.is_empty() { "" } else { " BCAST" };
                let noloop = if own.noloop { " NOLOOP" } else { "" };
                format!("CLIENT TRACKING OFF\r\nCLIENT TRACKING ON{mode}{noloop}{prefixes}")
            }
            5..12 => {
                let own = models.get_mut(&name).unwrap();
                if own.on && own.bcast.is_empty() {
                    own.reads.insert(key.into());
                }
                format!("GET {key}")
            }
            12..14 => format!("DEL none{key}"),
            _ => {
                changed = true;
                format!("SET {key} v")
            }
        };
        let heard = keys_heard(&kit.raw(&name, format!("{request}\r\n").as_bytes()));
        for (who, m) in &mut models {
            let heard = if *who == name { heard.clone() } else { keys_heard(&kit.heard(who)) };
            let mut expected = Vec::new();
            if changed {
                expected.resize(m.hears(key, *who == name), key.to_string());
            }
            if all {
                m.reads.clear();
                expected.extend(m.on.then(|| "*".to_string()));
            }
            assert_eq!(heard, expected, "{name}: {request}, {who} hears");
        }
        let tracking = &kit.exec.server.tracking;
        assert_eq!(tracking.clients().len(), models.values().filter(|m| m.on).count());
        assert_eq!(tracking.items(), models.values().map(|m| m.reads.len()).sum::<usize>());
    }
}

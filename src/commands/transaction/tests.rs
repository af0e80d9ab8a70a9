//! Transcripts of transactions, and what is told of them. Replies are those of Valkey 9.1.

use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::config::values::NotifyFlags;
use crate::engine::effects::listeners;
use crate::engine::session::ClientType;
use crate::engine::stream::takers;
use crate::testkit::{Kit, check, check_debug, check_plain, check_resp3, check_with};

#[test]
fn a_transaction_runs_at_exec() {
    check(
        r#"> MULTI      | +OK
         > SET a 1      | +QUEUED
         > INCR a       | +QUEUED
         > GET a        | +QUEUED
         > nosuch       | -ERR unknown command 'nosuch', with args beginning with:
         > EXEC         | -EXECABORT Transaction discarded because of previous errors.
         > GET a        | nil
         > MULTI        | +OK
         > SET a 1      | +QUEUED
         > INCR a       | +QUEUED
         c2> GET a      | nil
         > LPUSH a x    | +QUEUED
         > GET a        | +QUEUED
         > EXEC
         [ +OK :2 -WRONGTYPE Operation against a key holding the wrong kind of value "2" ]
         > GET a        | "2"
         > MULTI        | +OK
         > EXEC         | [ ]
         > EXEC         | -ERR EXEC without MULTI
         > DISCARD      | -ERR DISCARD without MULTI
         > EXEC x
         -EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command
         > MULTI x      | -ERR wrong number of arguments for 'multi' command
         > DISCARD x    | -ERR wrong number of arguments for 'discard' command
         > UNWATCH x    | -ERR wrong number of arguments for 'unwatch' command
         > WATCH        | -ERR wrong number of arguments for 'watch' command
         > MULTI        | +OK
         > SET a 9      | +QUEUED
         > DISCARD      | +OK
         > GET a        | "2""#,
    );
}

#[test]
fn what_cannot_be_queued_spoils_the_transaction() {
    check(
        r#"> MULTI                | +OK
         > MULTI                  | -ERR Command 'multi' not allowed inside a transaction
         > SET a 1                | +QUEUED
         > EXEC                   | -EXECABORT Transaction discarded because of previous errors.
         > MULTI                  | +OK
         > WATCH a                | -ERR Command 'watch' not allowed inside a transaction
         > DISCARD                | +OK
         > MULTI                  | +OK
         > CLIENT REPLY OFF       | -ERR Command 'client|reply' not allowed inside a transaction
         > EXEC                   | -EXECABORT Transaction discarded because of previous errors.
         > MULTI                  | +OK
         > GET                    | -ERR wrong number of arguments for 'get' command
         > EXEC                   | -EXECABORT Transaction discarded because of previous errors.
         > MULTI                  | +OK
         > CLIENT nosuch          | -ERR unknown subcommand 'nosuch'. Try CLIENT HELP.
         > PING                   | +QUEUED
         > EXEC                   | -EXECABORT Transaction discarded because of previous errors.
         > MULTI                  | +OK
         > SET a 1                | +QUEUED
         > EXEC x
         -EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command
         > EXEC                   | -ERR EXEC without MULTI
         > MULTI                  | +OK
         > DISCARD x              | -ERR wrong number of arguments for 'discard' command
         > EXEC                   | -EXECABORT Transaction discarded because of previous errors.
         > EXISTS a               | :0
         > MULTI                  | +OK
         > SHUTDOWN               | -ERR Command 'shutdown' not allowed inside a transaction
         > DISCARD                | +OK
         > PING                   | +PONG"#,
    );
}

#[test]
fn a_watched_key_that_changes_ends_in_nothing() {
    check(
        r#"> SET a 1        | +OK
         > WATCH a b        | +OK
         > MULTI            | +OK
         > PING             | +QUEUED
         > EXEC             | [ +PONG ]
         > WATCH a b        | +OK
         > WATCH a          | +OK
         c2> SET b x        | +OK
         > MULTI            | +OK
         > PING             | +QUEUED
         > EXEC             | nil
         > MULTI            | +OK
         > PING             | +QUEUED
         > EXEC             | [ +PONG ]
         # One's own changes count before MULTI, not in it.
         > WATCH a          | +OK
         > SET a 2          | +OK
         > MULTI            | +OK
         > EXEC             | nil
         > WATCH a          | +OK
         > MULTI            | +OK
         > SET a 3          | +QUEUED
         > EXEC             | [ +OK ]
         # UNWATCH, DISCARD and RESET forget.
         > WATCH a          | +OK
         c2> SET a 4        | +OK
         > UNWATCH          | +OK
         > MULTI            | +OK
         > EXEC             | [ ]
         > WATCH a          | +OK
         c2> SET a 4        | +OK
         > MULTI            | +OK
         > DISCARD          | +OK
         > MULTI            | +OK
         > EXEC             | [ ]
         > WATCH a          | +OK
         c2> DEL a          | :1
         > UNWATCH          | +OK
         # Reading is no change, nor is what fails, nor a key of another database.
         > WATCH a          | +OK
         c2> GET a          | nil
         c2> DEL a          | :0
         c2> SELECT 1       | +OK
         c2> SET a x        | +OK
         c2> LPUSH a x      | -WRONGTYPE Operation against a key holding the wrong kind of value
         > MULTI            | +OK
         > EXEC             | [ ]
         > WATCH a          | +OK
         > SELECT 1         | +OK
         > WATCH a          | +OK
         c2> EXPIRE a 100   | :1
         > MULTI            | +OK
         > UNWATCH          | +QUEUED
         > EXEC             | nil"#,
    );
}

#[test]
fn reset_ends_a_transaction() {
    check_plain(
        r#"> WATCH a          | +OK
         c2> SET a 1          | +OK
         > MULTI              | +OK
         > RESET              | +RESET
         > EXEC               | -ERR EXEC without MULTI
         > MULTI              | +OK
         > PING               | +QUEUED
         > EXEC               | [ +PONG ]
         > MULTI              | +OK
         > SET a 2            | +QUEUED
         > RESET              | +RESET
         > GET a              | "1""#,
    );
}

#[test]
fn keys_whose_time_comes_while_they_are_watched() {
    check(
        r#"> SET a 1 PX 100    | +OK
         > WATCH a             | +OK
         @ +101ms
         > MULTI               | +OK
         > PING                | +QUEUED
         > EXEC                | nil
         # It is over only at EXEC.
         > SET a 1 PX 100      | +OK
         > WATCH a             | +OK
         > MULTI               | +OK
         > INCR a              | +QUEUED
         @ +101ms
         > EXEC                | nil"#,
    );
    // Nobody removes them unasked.
    check_debug(
        r#"> DEBUG SET-ACTIVE-EXPIRE 0 | +OK
         > SET a 1 PX 100              | +OK
         > WATCH a                     | +OK
         @ +101ms
         > MULTI                       | +OK
         > INCR a                      | +QUEUED
         > EXEC                        | nil
         > GET a                       | nil
         # What was over when it was watched may go,
         > SET a 1 PX 100              | +OK
         @ +101ms
         > WATCH a                     | +OK
         c2> EXISTS a                  | :0
         > MULTI                       | +OK
         > EXEC                        | [ ]
         > SET a 1 PX 100              | +OK
         @ +101ms
         > WATCH a                     | +OK
         > FLUSHDB                     | +OK
         > MULTI                       | +OK
         > EXEC                        | [ ]
         # but nothing may come in its place.
         > SET a 1 PX 100              | +OK
         @ +101ms
         > WATCH a                     | +OK
         c2> SET a 2                   | +OK
         > MULTI                       | +OK
         > EXEC                        | nil
         > DEBUG SET-ACTIVE-EXPIRE 1   | +OK"#,
    );
}

#[test]
fn whole_databases_change_under_watched_keys() {
    check(
        r#"> SET a 1       | +OK
         > WATCH a         | +OK
         c2> FLUSHALL      | +OK
         > MULTI           | +OK
         > EXEC            | nil
         > WATCH a         | +OK
         c2> FLUSHALL      | +OK
         c2> FLUSHDB       | +OK
         > MULTI           | +OK
         > EXEC            | [ ]
         > SET a 1         | +OK
         > WATCH a         | +OK
         c2> SELECT 1      | +OK
         c2> FLUSHDB       | +OK
         > MULTI           | +OK
         > EXEC            | [ ]
         > WATCH a         | +OK
         c2> SWAPDB 0 1    | +OK
         > MULTI           | +OK
         > EXEC            | nil
         > WATCH a         | +OK
         c2> SWAPDB 0 1    | +OK
         > MULTI           | +OK
         > EXEC            | nil
         > WATCH b         | +OK
         c2> SWAPDB 0 1    | +OK
         c2> SWAPDB 0 2    | +OK
         c2> SWAPDB 0 0    | +OK
         > MULTI           | +OK
         > EXEC            | [ ]"#,
    );
    check_debug(
        r#"> DEBUG SET-ACTIVE-EXPIRE 0 | +OK
         > SELECT 1                    | +OK
         > SET a 1 PX 10               | +OK
         @ +11ms
         > WATCH a                     | +OK
         > SWAPDB 0 1                  | +OK
         > MULTI                       | +OK
         > EXEC                        | [ ]
         > WATCH a                     | +OK
         > SWAPDB 0 1                  | +OK
         > MULTI                       | +OK
         > EXEC                        | [ ]
         > SELECT 0                    | +OK
         > SET a 1 PX 10               | +OK
         @ +11ms
         > WATCH a                     | +OK
         > SWAPDB 0 1                  | +OK
         > MULTI                       | +OK
         > EXEC                        | [ ]
         > WATCH a                     | +OK
         c2> SET a 1                   | +OK
         > MULTI                       | +OK
         > EXEC                        | nil
         > DEBUG SET-ACTIVE-EXPIRE 1   | +OK"#,
    );
}

#[test]
fn time_stands_still_in_a_transaction_and_nothing_waits() {
    check(
        r#"> MULTI                     | +OK
         > BLPOP l 0                   | +QUEUED
         > BRPOP l 0                   | +QUEUED
         > BLMOVE l m LEFT LEFT 0      | +QUEUED
         > BLMPOP 0 1 l LEFT           | +QUEUED
         > BZPOPMIN z 0                | +QUEUED
         > BZMPOP 0 1 z MIN            | +QUEUED
         > WAIT 1 0                    | +QUEUED
         > RPUSH l a b                 | +QUEUED
         > BLPOP l 0                   | +QUEUED
         > EXEC                        | [ nil nil nil nil nil nil :0 :2 [ "l" "a" ] ]
         > MULTI                       | +OK
         > SET k v PX 50               | +QUEUED
         > PTTL k                      | +QUEUED
         > MONITOR                     | +QUEUED
         > EXEC                        | [ +OK :50 -ERR MONITOR isn't allowed for DENY BLOCKING client ]"#,
    );
}

#[test]
fn who_waits_is_served_after_the_whole_transaction() {
    check(
        r#"c2> BLPOP l 0       | (none)
         c3> BLPOP l 0         | (none)
         > MULTI               | +OK
         > RPUSH l a           | +QUEUED
         > RPUSH l b           | +QUEUED
         > LPUSH l c           | +QUEUED
         > LRANGE l 0 -1       | +QUEUED
         > EXEC                | [ :1 :2 :3 [ "c" "a" "b" ] ]
         c2< [ "l" "c" ]
         c3< [ "l" "a" ]
         > LRANGE l 0 -1       | [ "b" ]
         c2> BLPOP m 0         | (none)
         > MULTI               | +OK
         > RPUSH m a           | +QUEUED
         > DEL m               | +QUEUED
         > EXEC                | [ :1 :1 ]
         c2< (none)
         > RPUSH m x           | :1
         c2< [ "m" "x" ]"#,
    );
}

#[test]
fn select_in_a_transaction_lasts() {
    check(
        r#"> MULTI      | +OK
         > SELECT 3     | +QUEUED
         > SET a 3      | +QUEUED
         > EXEC         | [ +OK +OK ]
         > GET a        | "3"
         > SELECT 0     | +OK
         > GET a        | nil"#,
    );
}

#[test]
fn exec_is_judged_by_what_was_queued() {
    // Without room, only what takes memory is refused, and with it all the others.
    check_plain(
        r#"> MULTI                              | +OK
         > SET a 1                              | +QUEUED
         > GET a                                | +QUEUED
         c2> CONFIG SET maxmemory 1             | +OK
         > EXEC
         -EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.
         > MULTI                                | +OK
         > SET a 1                              | -OOM command not allowed when used memory > 'maxmemory'.
         > EXEC                                 | -EXECABORT Transaction discarded because of previous errors.
         > MULTI                                | +OK
         > GET a                                | +QUEUED
         > EXEC                                 | [ nil ]
         > MULTI                                | +OK
         > SET a 1                              | -OOM command not allowed when used memory > 'maxmemory'.
         > DISCARD                              | +OK
         c2> CONFIG SET maxmemory 0             | +OK"#,
    );
}

#[test]
fn a_pause_holds_transactions_that_write() {
    check_plain(
        r#"> MULTI                     | +OK
         > SET a 1                     | +QUEUED
         c3> MULTI                     | +OK
         c3> GET a                     | +QUEUED
         c4> MULTI                     | +OK
         c4> PUBLISH ch x              | +QUEUED
         c2> CLIENT PAUSE 60000 WRITE  | +OK
         > EXEC                        | (none)
         c3> EXEC                      | [ nil ]
         c3> MULTI                     | +OK
         c3> GET a                     | +QUEUED
         # What writes is not even queued.
         c3> SET a 2                   | (none)
         c4> EXEC                      | (none)
         c2> CLIENT UNPAUSE            | +OK
         c1< [ +OK ]
         c3< +QUEUED
         c4< [ :0 ]
         c3> EXEC                      | [ "1" +OK ]"#,
    );
    check_plain(
        r#"> MULTI                     | +OK
         > SET key v PX 3              | +QUEUED
         > CLIENT PAUSE 60000 WRITE    | +QUEUED
         > EXEC                        | [ +OK +OK ]
         @ +5ms
         > RANDOMKEY                   | "key"
         > CLIENT UNPAUSE              | +OK
         > RANDOMKEY                   | nil"#,
    );
    // A pause that begins in a transaction lets it end.
    check_plain(
        r#"> MULTI                     | +OK
         > SET a 1                     | +QUEUED
         > CLIENT PAUSE 100 WRITE      | +QUEUED
         > SET a 2                     | +QUEUED
         > EXEC                        | [ +OK +OK +OK ]
         > GET a                       | "2"
         > SET a 3                     | (none)
         @ +101ms
         c1< +OK"#,
    );
}

#[test]
fn replies_turned_off() {
    check_plain(
        r#"> CLIENT REPLY OFF  | (none)
         > MULTI               | (none)
         > PING                | (none)
         > EXEC                | (none)
         > CLIENT REPLY ON     | +OK
         > CLIENT REPLY SKIP   | (none)
         > MULTI               | (none)
         > PING a              | +QUEUED
         > EXEC                | [ "a" ]"#,
    );
}

#[test]
fn nothing_is_an_array_without_elements() {
    check_resp3(
        "> WATCH a   | +OK
         > SET a 1   | +OK
         > MULTI     | +OK
         > EXEC      | nil",
    );
}

#[test]
fn what_clients_and_info_tell() {
    let mut kit = Kit::new(Config::default());
    let field = |kit: &mut Kit, name: &str| {
        let line = kit.run("c1", &["CLIENT", "INFO"].map(|w| w.as_bytes().to_vec()));
        let found = line.split(' ').find_map(|w| w.strip_prefix(&format!("{name}=")));
        found.map(str::to_string).unwrap_or_default()
    };
    let run = |kit: &mut Kit, line: &str| kit.raw("c1", format!("{line}\r\n").as_bytes());
    assert_eq!((field(&mut kit, "multi"), field(&mut kit, "watch")), ("-1".into(), "0".into()));
    run(&mut kit, "WATCH a b a");
    assert_eq!((field(&mut kit, "multi"), field(&mut kit, "watch")), ("0".into(), "2".into()));
    let info = |kit: &mut Kit, line: &str| {
        String::from_utf8_lossy(&kit.raw("c3", b"INFO clients\r\n")).contains(&format!("\r\n{line}\r\n"))
    };
    assert!(info(&mut kit, "watching_clients:1") && info(&mut kit, "total_watched_keys:2"));
    kit.raw("c2", b"SET a 1\r\n");
    assert_eq!((field(&mut kit, "flags"), field(&mut kit, "watch")), ("d".into(), "0".into()));
    assert!(info(&mut kit, "watching_clients:0") && info(&mut kit, "total_watched_keys:0"));
    run(&mut kit, "UNWATCH");
    run(&mut kit, "MULTI");
    run(&mut kit, "SET a hello");
    let slot = kit.client("c1");
    assert_eq!(kit.exec.server.client(slot).transaction.as_ref().map(|t| t.argument_bytes), Some(9 + 24));
    let list = String::from_utf8_lossy(&kit.raw("c2", b"CLIENT LIST ID 1\r\n")).into_owned();
    assert!(
        list.contains(" flags=x ") && list.contains(" multi=1 ") && list.contains(" multi-mem=33 "),
        "{list}"
    );
    assert!(list.contains(" cmd=set "), "{list}");
    kit.raw("c2", b"WATCH k\r\n");
    let two = kit.client("c2");
    kit.exec.disconnect(two);
    assert!(info(&mut kit, "watching_clients:0"));
}

#[test]
fn calls_are_counted_one_by_one() {
    let mut kit = Kit::new(Config::default());
    kit.raw("c1", b"MULTI\r\nSET a 1\r\nLPUSH a x\r\nEXEC\r\nMULTI\r\nnosuch\r\nEXEC\r\nMULTI\r\nEXEC x\r\n");
    let stats = String::from_utf8_lossy(&kit.raw("c1", b"INFO commandstats errorstats\r\n")).into_owned();
    let count = |name: &str| {
        let line = stats.lines().find(|l| l.starts_with(&format!("cmdstat_{name}:"))).unwrap_or_default();
        let number = |field: &str| {
            let part = line.split([',', ':']).find_map(|p| p.strip_prefix(field));
            part.and_then(|n| n.parse::<u64>().ok())
        };
        (number("calls="), number("rejected_calls="), number("failed_calls="))
    };
    assert_eq!(count("set"), (Some(1), Some(0), Some(0)), "{stats}");
    assert_eq!(count("lpush"), (Some(1), Some(0), Some(1)), "{stats}");
    assert_eq!(count("exec"), (Some(2), Some(1), Some(1)), "{stats}");
    assert_eq!(count("multi"), (Some(3), Some(0), Some(0)), "{stats}");
    assert!(stats.contains("errorstat_EXECABORT:count=2"), "{stats}");
}

#[test]
fn monitors_see_what_runs_when_it_runs() {
    let mut kit = Kit::new(Config::default());
    kit.raw("m", b"MONITOR\r\n");
    kit.heard("m");
    kit.raw("c1", b"MULTI\r\nSET a 1\r\n");
    let seen = |kit: &mut Kit| {
        let text = String::from_utf8_lossy(&kit.heard("m")).into_owned();
        text.lines()
            .filter_map(|l| l.split_once("] ").map(|(_, words)| words.to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&mut kit), ["\"MULTI\""]);
    kit.raw("c1", b"EXEC\r\n");
    assert_eq!(seen(&mut kit), ["\"SET\" \"a\" \"1\"", "\"EXEC\""]);
    kit.raw("c1", b"MULTI\r\nnosuch\r\nEXEC x\r\n");
    assert_eq!(seen(&mut kit), ["\"MULTI\"", "\"EXEC\" \"x\""]);
}

/// What a run of requests sends to replicas.
fn stream(lines: &[u8]) -> String {
    let mut kit = Kit::new(Config::default());
    kit.exec.server.take_stream(takers::TEST, true);
    kit.raw("c1", lines);
    let stream = kit.exec.server.stream.take_bytes();
    let text = String::from_utf8_lossy(&stream).into_owned();
    let words = text.split("\r\n").filter(|w| !w.starts_with('$') && !w.is_empty());
    words.map(|w| if w.starts_with('*') { "|" } else { w }).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_transaction_goes_to_replicas_as_one() {
    assert_eq!(stream(b"MULTI\r\nSET a 1\r\nEXEC\r\nSET b 1\r\n"), "| SELECT 0 | SET a 1 | SET b 1");
    assert_eq!(
        stream(b"MULTI\r\nSET a 1\r\nGET a\r\nSELECT 1\r\nINCR b\r\nEXEC\r\nINCR b\r\n"),
        "| MULTI | SELECT 0 | SET a 1 | SELECT 1 | INCR b | EXEC | INCR b"
    );
    assert_eq!(stream(b"MULTI\r\nGET a\r\nDEL a\r\nEXEC\r\n"), "");
    assert_eq!(stream(b"MULTI\r\nPUBLISH ch x\r\nEXEC\r\n"), "| SELECT 0 | PUBLISH ch x");
    assert_eq!(stream(b"SPUBLISH ch x\r\n"), "| SELECT 0 | SPUBLISH ch x");
    // A request that sends more than one command is one, too.
    assert_eq!(
        stream(b"SADD s 1 2 3\r\nMULTI\r\nSPOP s 2\r\nEXEC\r\n").matches("MULTI").count(),
        0,
        "one SREM"
    );
    assert_eq!(stream(b"MULTI\r\nSET a 1\r\nLPUSH a x\r\nnosuch\r\nEXEC\r\n"), "", "refused as a whole");
}

#[test]
fn a_queue_is_bounded_as_input_is() {
    let mut kit = Kit::new(Config { client_query_buffer_limit: 1 << 20, ..Config::default() });
    kit.raw("c1", b"MULTI\r\n");
    let slot = kit.client("c1");
    let request = format!("SET k {}\r\n", "x".repeat(50_000)).into_bytes();
    let mut sent = 0;
    while kit.exec.server.client(slot).closing == crate::engine::session::Closing::No {
        kit.exec.input(slot, &mut request.clone());
        sent += 1;
        assert!(sent < 30, "it is closed");
    }
    assert_eq!(sent, 21);
    // A transaction that has failed holds nothing.
    kit.raw("c2", b"MULTI\r\nnosuch\r\n");
    let slot = kit.client("c2");
    for _ in 0..30 {
        kit.exec.input(slot, &mut request.clone());
    }
    assert_eq!(kit.exec.server.client(slot).closing, crate::engine::session::Closing::No);
}

#[test]
fn long_queues_are_given_back() {
    check_with(
        &format!(
            "> MULTI | +OK\n> SET k {} | +QUEUED\n> STRLEN k | +QUEUED\n> EXEC | [ +OK :100000 ]",
            "x".repeat(100_000)
        ),
        |_| {},
    );
}

/// What clients do at random; `CLIENT KILL` and leaving are added to it.
const DEEDS: &[&str] = &[
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH a b",
    "WATCH b c",
    "UNWATCH",
    "SET a 1",
    "SET b 1 PX 5",
    "DEL a b c",
    "SELECT 1",
    "SELECT 0",
    "FLUSHALL",
    "SWAPDB 0 1",
    "SUBSCRIBE x y",
    "PSUBSCRIBE x* *",
    "SSUBSCRIBE s",
    "UNSUBSCRIBE",
    "UNSUBSCRIBE x",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
    "PUBLISH x hello",
    "SPUBLISH s hello",
    "BLPOP l 0.01",
    "RPUSH l 1",
    "RESET",
    "HELLO 3",
    "QUIT",
    "CLIENT REPLY SKIP",
    "CONFIG SET notify-keyspace-events KEA",
    "CONFIG SET notify-keyspace-events \"\"",
    "nosuch",
];

/// The lists of who watches and who subscribes are what the clients themselves say.
fn check_lists(kit: &Kit) {
    let server = &kit.exec.server;
    let watched: Vec<usize> =
        server.clients.iter().filter_map(|s| s.transaction.as_ref()).map(|t| t.watched()).collect();
    assert_eq!(watched.iter().sum::<usize>(), server.watched.places());
    assert_eq!(watched.iter().filter(|n| **n > 0).count(), server.watched.clients);
    let own = server.clients.iter().filter_map(|s| s.subscriptions.as_ref()).map(|s| s.counts());
    let sums = own.fold([0; 3], |sum, n| [sum[0] + n[0], sum[1] + n[1], sum[2] + n[2]]);
    assert_eq!(sums, server.pubsub.places());
    let subscribers = server.clients.iter().filter(|s| s.kind == ClientType::Pubsub).count();
    assert_eq!(subscribers, server.pubsub.clients);
    assert!(server.clients.iter().all(|s| s.subscribes() == (s.kind == ClientType::Pubsub)));
    let hears = server.fx.listeners & listeners::NOTIFY != 0;
    let wanted = server.config.notify_keyspace_events != NotifyFlags::default();
    assert_eq!(hears, wanted && server.pubsub.places()[1] > 0);
    assert_eq!(server.fx.listeners & listeners::WATCH != 0, server.watched.clients > 0);
}

#[test]
fn whatever_clients_do_the_lists_are_right() {
    let mut kit = Kit::new(Config::default());
    let mut rng = Rng::new(7);
    for round in 0..20_000 {
        let name = format!("c{}", rng.below(6));
        match rng.below(100) {
            0 => {
                let slot = kit.client(&name);
                kit.leave(slot);
            }
            1 => drop(kit.raw("killer", b"CLIENT KILL TYPE pubsub\r\n")),
            2 => kit.advance(10),
            n if n < 5 => drop(kit.raw("killer", b"CLIENT KILL SKIPME yes MAXAGE 1\r\n")),
            _ => {
                let deed = DEEDS[rng.below(DEEDS.len() as u64) as usize];
                kit.raw(&name, format!("{deed}\r\n").as_bytes());
            }
        }
        kit.bury();
        if round % 10 == 0 {
            check_lists(&kit);
        }
    }
}

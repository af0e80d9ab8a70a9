//! Transcripts of pub/sub, and what is told of it. Replies are those of Valkey 9.1.

use crate::engine::config::Config;
use crate::engine::session::{ClientType, Closing};
use crate::testkit::{Kit, check, check_plain, check_resp3};

#[test]
fn messages_go_to_the_subscribers_of_a_channel() {
    check(
        r#"> PUBLISH a x           | :0
         c2> SUBSCRIBE a           | [ "subscribe" "a" :1 ]
         c2> SUBSCRIBE b a | [ "subscribe" "b" :2 ]
         c2< [ "subscribe" "a" :2 ]
         c3> SUBSCRIBE a           | [ "subscribe" "a" :1 ]
         > PUBLISH a one           | :2
         > PUBLISH b "two\r\n\x00" | :1
         > PUBLISH c none          | :0
         c2< [ "message" "a" "one" ]
         c2< [ "message" "b" "two\r\n\x00" ]
         c3< [ "message" "a" "one" ]
         c2> UNSUBSCRIBE a         | [ "unsubscribe" "a" :1 ]
         > PUBLISH a three         | :1
         c3< [ "message" "a" "three" ]
         c2> UNSUBSCRIBE b nosuch | [ "unsubscribe" "b" :0 ]
         c2< [ "unsubscribe" "nosuch" :0 ]
         c2> UNSUBSCRIBE           | [ "unsubscribe" nil :0 ]
         c2< (none)
         c3> UNSUBSCRIBE           | [ "unsubscribe" "a" :0 ]
         > PUBLISH a x             | :0
         > SUBSCRIBE               | -ERR wrong number of arguments for 'subscribe' command
         > PUBLISH a               | -ERR wrong number of arguments for 'publish' command"#,
    );
}

#[test]
fn channels_first_then_patterns() {
    check(
        r#"c2> PSUBSCRIBE n.*       | [ "psubscribe" "n.*" :1 ]
         c2> SUBSCRIBE n.a          | [ "subscribe" "n.a" :2 ]
         c2> PSUBSCRIBE n.[ab] n.* | [ "psubscribe" "n.[ab]" :3 ]
         c2< [ "psubscribe" "n.*" :3 ]
         > PUBLISH n.c x            | :1
         c2< [ "pmessage" "n.*" "n.c" "x" ]
         > PUBLISH n x              | :0
         > PUBSUB NUMPAT            | :2
         c3> PSUBSCRIBE n.*         | [ "psubscribe" "n.*" :1 ]
         > PUBSUB NUMPAT            | :2
         > PUBLISH n.z y            | :2
         c2< [ "pmessage" "n.*" "n.z" "y" ]
         c3< [ "pmessage" "n.*" "n.z" "y" ]
         c2> PUNSUBSCRIBE n.[ab]    | [ "punsubscribe" "n.[ab]" :2 ]
         > PUBLISH n.a x            | :3
         c2< [ "message" "n.a" "x" ]
         c2< [ "pmessage" "n.*" "n.a" "x" ]
         c3< [ "pmessage" "n.*" "n.a" "x" ]
         c2> PUNSUBSCRIBE           | [ "punsubscribe" "n.*" :1 ]
         c2> PUNSUBSCRIBE           | [ "punsubscribe" nil :1 ]
         c2> UNSUBSCRIBE            | [ "unsubscribe" "n.a" :0 ]
         c3> PUNSUBSCRIBE x         | [ "punsubscribe" "x" :1 ]
         > PSUBSCRIBE               | -ERR wrong number of arguments for 'psubscribe' command"#,
    );
}

#[test]
fn shard_channels_are_a_world_of_their_own() {
    check(
        r#"c2> SSUBSCRIBE a          | [ "ssubscribe" "a" :1 ]
         c2> SSUBSCRIBE b a | [ "ssubscribe" "b" :2 ]
         c2< [ "ssubscribe" "a" :2 ]
         c2> SUBSCRIBE a             | [ "subscribe" "a" :1 ]
         c2> PSUBSCRIBE *            | [ "psubscribe" "*" :2 ]
         > SPUBLISH a x              | :1
         c2< [ "smessage" "a" "x" ]
         > PUBLISH a y               | :2
         c2< [ "message" "a" "y" ]
         c2< [ "pmessage" "*" "a" "y" ]
         > PUBSUB SHARDNUMSUB a b c  | [ "a" :1 "b" :1 "c" :0 ]
         > PUBSUB NUMSUB a b         | [ "a" :1 "b" :0 ]
         > PUBSUB SHARDCHANNELS a*   | [ "a" ]
         c2> SUNSUBSCRIBE b          | [ "sunsubscribe" "b" :1 ]
         c2> SUNSUBSCRIBE            | [ "sunsubscribe" "a" :0 ]
         c2> SUNSUBSCRIBE            | [ "sunsubscribe" nil :0 ]
         > SPUBLISH a x              | :0
         > SPUBLISH a                | -ERR wrong number of arguments for 'spublish' command
         > SSUBSCRIBE                | -ERR wrong number of arguments for 'ssubscribe' command"#,
    );
}

#[test]
fn what_there_is_to_hear() {
    check(
        r#"> PUBSUB CHANNELS         | [ ]
         > PUBSUB NUMSUB             | [ ]
         > PUBSUB SHARDNUMSUB        | [ ]
         c2> SUBSCRIBE one           | [ "subscribe" "one" :1 ]
         c3> PSUBSCRIBE o*           | [ "psubscribe" "o*" :1 ]
         > PUBSUB CHANNELS           | [ "one" ]
         > PUBSUB CHANNELS t*        | [ ]
         > PUBSUB CHANNELS o?e       | [ "one" ]
         > PUBSUB NUMSUB one two     | [ "one" :1 "two" :0 ]
         > PUBSUB SHARDCHANNELS      | [ ]
         > PUBSUB NUMPAT             | :1
         > PUBSUB NUMPAT x           | -ERR wrong number of arguments for 'pubsub|numpat' command
         > PUBSUB CHANNELS a b
         -ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.
         > PUBSUB nosuch             | -ERR unknown subcommand 'nosuch'. Try PUBSUB HELP.
         > PUBSUB                    | -ERR wrong number of arguments for 'pubsub' command"#,
    );
    check_plain("> PUBSUB HELP | *");
}

#[test]
fn in_resp2_a_subscriber_does_little_else() {
    check_plain(
        r#"> SUBSCRIBE a    | [ "subscribe" "a" :1 ]
         > GET k
         -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
         > CLIENT ID
         -ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
         > PUBLISH a x
         -ERR Can't execute 'publish': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
         > MULTI
         -ERR Can't execute 'multi': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
         > GET              | -ERR wrong number of arguments for 'get' command
         > PING             | [ "pong" "" ]
         > PING hi          | [ "pong" "hi" ]
         > PING a b         | -ERR wrong number of arguments for 'ping' command
         > SSUBSCRIBE s     | [ "ssubscribe" "s" :1 ]
         > UNSUBSCRIBE      | [ "unsubscribe" "a" :0 ]
         > GET k
         -ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
         > SUNSUBSCRIBE     | [ "sunsubscribe" "s" :0 ]
         > GET k            | nil
         > PING             | +PONG
         > PSUBSCRIBE *     | [ "psubscribe" "*" :1 ]
         > RESET            | +RESET
         > GET k            | nil
         c2> PUBLISH a x    | :0
         c1< (none)
         > SUBSCRIBE a      | [ "subscribe" "a" :1 ]
         > QUIT             | +OK"#,
    );
}

#[test]
fn in_resp3_messages_are_told_from_replies() {
    check_resp3(
        r#"> SUBSCRIBE a b     | >[ "subscribe" "a" :1 ]
         c1< >[ "subscribe" "b" :2 ]
         > PING                | +PONG
         > PING hi             | "hi"
         > SET k v             | +OK
         # A message to oneself follows the reply.
         > PUBLISH a x         | :1
         c1< >[ "message" "a" "x" ]
         > PSUBSCRIBE *        | >[ "psubscribe" "*" :3 ]
         > PUBLISH b y         | :2
         c1< >[ "message" "b" "y" ]
         c1< >[ "pmessage" "*" "b" "y" ]
         > UNSUBSCRIBE         | >[ "unsubscribe" "a" :2 ]
         c1< >[ "unsubscribe" "b" :1 ]
         > UNSUBSCRIBE         | >[ "unsubscribe" nil :1 ]
         > PUNSUBSCRIBE        | >[ "punsubscribe" "*" :0 ]
         > SSUBSCRIBE s        | >[ "ssubscribe" "s" :1 ]
         > SPUBLISH s z        | :1
         c1< >[ "smessage" "s" "z" ]
         > HELLO 2             | *
         > GET k               | *
         > SUNSUBSCRIBE        | [ "sunsubscribe" "s" :0 ]
         > GET k               | "v""#,
    );
}

#[test]
fn in_a_transaction() {
    check_resp3(
        r#"> SUBSCRIBE a       | >[ "subscribe" "a" :1 ]
         > MULTI               | +OK
         > PING x              | +QUEUED
         > PUBLISH a one       | +QUEUED
         > PUBLISH a two       | +QUEUED
         > PING y              | +QUEUED
         > EXEC                | [ "x" :1 :1 "y" ]
         c1< >[ "message" "a" "one" ]
         c1< >[ "message" "a" "two" ]
         > MULTI               | +OK
         > UNSUBSCRIBE a       | +QUEUED
         > SUBSCRIBE b         | +QUEUED
         > SSUBSCRIBE c        | +QUEUED
         > PUBLISH b one       | +QUEUED
         > EXEC
         [ >[ "unsubscribe" "a" :0 ] >[ "subscribe" "b" :1 ] -ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client :1 ]
         c1< >[ "message" "b" "one" ]"#,
    );
    check_plain(
        r#"> MULTI               | +OK
         > SUBSCRIBE a           | +QUEUED
         > GET k                 | +QUEUED
         > EXEC                  | [ [ "subscribe" "a" :1 ] nil ]
         > PING                  | [ "pong" "" ]"#,
    );
    // Each channel is told of by itself: more elements than EXEC's reply says, as in the reference.
    let mut kit = Kit::new(Config::default());
    let heard = kit.raw("c1", b"MULTI\r\nSUBSCRIBE a b\r\nEXEC\r\n");
    assert!(heard.starts_with(b"+OK\r\n+QUEUED\r\n*1\r\n*3\r\n") && heard.ends_with(b"$1\r\nb\r\n:2\r\n"));
}

#[test]
fn messages_are_no_replies_to_be_turned_off() {
    check_plain(
        r#"c2> CLIENT REPLY OFF   | (none)
         c2> SUBSCRIBE a          | [ "subscribe" "a" :1 ]
         > PUBLISH a x            | :1
         c2< [ "message" "a" "x" ]
         c2> PING                 | (none)
         c2> UNSUBSCRIBE          | [ "unsubscribe" "a" :0 ]
         c3> CLIENT REPLY SKIP    | (none)
         c3> PSUBSCRIBE *         | [ "psubscribe" "*" :1 ]
         > PUBLISH a y            | :1
         c3< [ "pmessage" "*" "a" "y" ]"#,
    );
}

#[test]
fn long_messages_are_shared() {
    let mut kit = Kit::new(Config::default());
    let message = "x".repeat(100_000);
    for (name, hello) in [("c2", "2"), ("c3", "3"), ("c4", "3")] {
        kit.raw(name, format!("HELLO {hello}\r\nSUBSCRIBE a\r\nPSUBSCRIBE *\r\n").as_bytes());
    }
    let request = format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n${}\r\n{message}\r\n", message.len());
    assert_eq!(kit.raw("c1", request.as_bytes()), b":6\r\n");
    for (name, mark) in [("c2", "*"), ("c3", ">"), ("c4", ">")] {
        let text = format!("$1\r\na\r\n$100000\r\n{message}\r\n");
        let expected =
            format!("{mark}3\r\n$7\r\nmessage\r\n{text}{mark}4\r\n$8\r\npmessage\r\n$1\r\n*\r\n{text}");
        assert!(kit.heard(name) == expected.as_bytes(), "{name}");
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_closed() {
    let mut config = Config::default();
    config.client_output_buffer_limit.pubsub.hard = 1 << 20;
    let mut kit = Kit::new(config);
    kit.raw("c2", b"SUBSCRIBE a\r\n");
    kit.raw("c3", b"SUBSCRIBE a\r\n");
    let slot = kit.client("c2");
    let publish = format!("PUBLISH a {}\r\n", "x".repeat(50_000));
    let mut sent = 0;
    while kit.exec.server.client(slot).closing == Closing::No {
        kit.raw("c1", publish.as_bytes());
        kit.heard("c3");
        sent += 1;
        assert!(sent < 30, "it is closed");
    }
    assert_eq!(sent, 21);
    assert_eq!(kit.raw("c1", publish.as_bytes()), b":1\r\n");
    assert_eq!(kit.exec.server.stats.output_limit_disconnections, 1);
}

#[test]
fn kinds_of_clients_and_what_is_told_of_them() {
    let mut kit = Kit::new(Config::default());
    kit.raw("c2", b"SUBSCRIBE a b\r\nPSUBSCRIBE x*\r\nSSUBSCRIBE s t u\r\n");
    let slot = kit.client("c2");
    assert_eq!(kit.exec.server.client(slot).kind, ClientType::Pubsub);
    let list = String::from_utf8_lossy(&kit.raw("c1", b"CLIENT LIST TYPE pubsub\r\n")).into_owned();
    assert!(list.contains(" flags=P ") && list.contains(" sub=2 psub=1 ssub=3 "), "{list}");
    let info =
        |kit: &mut Kit| String::from_utf8_lossy(&kit.raw("c1", b"INFO clients stats\r\n")).into_owned();
    let text = info(&mut kit);
    for line in ["pubsub_clients:1", "pubsub_channels:2", "pubsub_patterns:1", "pubsubshard_channels:3"] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line}: {text}");
    }
    assert!(kit.exec.server.client(slot).memory() > 6 * 64);
    assert_eq!(kit.raw("c1", b"CLIENT KILL TYPE pubsub\r\n"), b":1\r\n");
    assert_eq!(kit.raw("c1", b"PUBLISH a x\r\n"), b":0\r\n");
    kit.exec.disconnect(slot);
    let text = info(&mut kit);
    for line in ["pubsub_clients:0", "pubsub_channels:0", "pubsub_patterns:0", "pubsubshard_channels:0"] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line}: {text}");
    }
}

#[test]
fn a_waiting_client_hears_messages() {
    check_resp3(
        r#"c2> SUBSCRIBE a     | >[ "subscribe" "a" :1 ]
         c2> BLPOP l 0         | (none)
         > PUBLISH a x         | :1
         > RPUSH l y           | :1
         c2< >[ "message" "a" "x" ]
         c2< [ "l" "y" ]"#,
    );
}

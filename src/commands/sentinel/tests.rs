//! What clients of a Sentinel hear. The replies are those of valkey-server 9.1 --sentinel.

use crate::engine::config::load::{Source, load};
use crate::sentinel::{Answer, Input, Output};
use crate::sys::disk::MemoryDisk;
use crate::testkit::{Kit, check_sentinel};

const LINES: &[&str] = &["myid 0123456789012345678901234567890123456789", "Monitor m 127.0.0.1 1 2"];

/// What the machine has left, but for the log.
fn outputs(kit: &mut Kit) -> Vec<Output> {
    kit.exec.settle_sentinel()
}

fn file(kit: &Kit) -> String {
    let path = kit.exec.server.config_file.clone().unwrap();
    String::from_utf8(kit.exec.server.outside.disk.read(&path).unwrap()).unwrap()
}

#[test]
fn the_table_holds_what_a_sentinel_has() {
    check_sentinel(
        LINES,
        "> GET k | -ERR unknown command 'GET', with args beginning with: 'k' 
         > CONFIG GET port | -ERR unknown command 'CONFIG', with args beginning with: 'GET' 'port' 
         > CLIENT NO-TOUCH on | -ERR unknown subcommand 'NO-TOUCH'. Try CLIENT HELP.
         > COMMAND DOCS save | [ ]
         > PING | +PONG
         > CLIENT SETNAME x | +OK
         > ROLE | [ \"sentinel\" [ \"m\" ] ]
         > HELLO 2 | *
         > SENTINEL | -ERR wrong number of arguments for 'sentinel' command
         > SENTINEL nosuch | -ERR unknown subcommand 'nosuch'. Try SENTINEL HELP.
         > SENTINEL HELP | *
         > SENTINEL MYID | \"0123456789012345678901234567890123456789\"
         > PUBLISH other x | -ERR Only HELLO messages are accepted by Sentinel instances.
         > PUBLISH __sentinel__:hello x | :1",
    );
}

#[test]
fn where_a_primary_is() {
    check_sentinel(
        LINES,
        "> SENTINEL GET-MASTER-ADDR-BY-NAME m | [ \"127.0.0.1\" \"1\" ]
         > SENTINEL GET-PRIMARY-ADDR-BY-NAME m | [ \"127.0.0.1\" \"1\" ]
         > SENTINEL GET-MASTER-ADDR-BY-NAME n | nil
         > SENTINEL CKQUORUM m | -NOQUORUM 1 usable Sentinels. Not enough available Sentinels to reach the specified quorum for this master
         > SENTINEL CKQUORUM n | -ERR No such master with that name
         > SENTINEL SET m quorum 1 | +OK
         > SENTINEL CKQUORUM m | +OK 1 usable Sentinels. Quorum and failover authorization can be reached
         > SENTINEL FAILOVER m | -NOGOODSLAVE No suitable replica to promote
         > SENTINEL FAILOVER m now | -ERR Unknown failover option specified
         > SENTINEL FAILOVER m coordinated | -NOGOODPRIMARY Primary does not support FAILOVER command
         > SENTINEL FAILOVER m a b | -ERR wrong number of arguments for 'sentinel|failover' command
         > SENTINEL PENDING-SCRIPTS | [ ]
         > SENTINEL INFO-CACHE m n | [ \"m\" [ [ :0 nil ] ] ]
         > SENTINEL REPLICAS m | [ ]
         > SENTINEL SLAVES m | [ ]
         > SENTINEL SENTINELS m | [ ]
         > SENTINEL SENTINELS n | -ERR No such master with that name
         > SENTINEL RESET * | :1
         > SENTINEL RESET n | :0",
    );
}

#[test]
fn how_a_primary_stands() {
    let shown = "[ \"name\" \"m\" \"ip\" \"127.0.0.1\" \"port\" \"1\" \"runid\" \"\" \"flags\" \"master,disconnected\" \
                 \"link-pending-commands\" \"0\" \"link-refcount\" \"1\" \"last-ping-sent\" \"500\" \"last-ok-ping-reply\" \"500\" \
                 \"last-ping-reply\" \"500\" \"down-after-milliseconds\" \"30000\" \"info-refresh\" \"0\" \"role-reported\" \
                 \"master\" \"role-reported-time\" \"500\" \"config-epoch\" \"0\" \"num-slaves\" \"0\" \"num-other-sentinels\" \"0\" \
                 \"quorum\" \"2\" \"failover-timeout\" \"180000\" \"parallel-syncs\" \"1\" ]";
    check_sentinel(
        LINES,
        &format!(
            "@ +500ms
             > SENTINEL MASTER m | {shown}
             > SENTINEL PRIMARY m | {shown}
             > SENTINEL MASTERS | [ {shown} ]
             > SENTINEL PRIMARIES | [ {shown} ]
             > SENTINEL MASTER n | -ERR No such master with that name"
        ),
    );
}

#[test]
fn primaries_come_and_go() {
    let mut kit = check_sentinel(
        LINES,
        "> SENTINEL MONITOR x 127.0.0.1 6379 0 | -ERR Quorum must be 1 or greater.
         > SENTINEL MONITOR x 127.0.0.1 6379 a | -ERR Invalid quorum
         > SENTINEL MONITOR x 127.0.0.1 a 1 | -ERR Invalid port
         > SENTINEL MONITOR x 127.0.0.1 66000 1 | -ERR Invalid port number.
         > SENTINEL MONITOR x nowhere 6379 1 | -ERR Invalid IP address or hostname specified
         > SENTINEL MONITOR m 127.0.0.1 6379 1 | -ERR Duplicate master name.
         > SENTINEL MONITOR \"a\\nb\" 127.0.0.1 6379 1 | -ERR Invalid argument at index 2 for SENTINEL MONITOR: control characters are not allowed
         > SENTINEL REMOVE x | -ERR No such master with that name
         c2> PSUBSCRIBE ?monitor | *
         > SENTINEL MONITOR \"x y\" ::1 6379 1 | +OK
         c2< [ \"pmessage\" \"?monitor\" \"+monitor\" \"master x y ::1 6379 quorum 1\" ]
         > ROLE | [ \"sentinel\" [ \"m\" \"x y\" ] ]
         > SENTINEL REMOVE m | +OK
         c2< [ \"pmessage\" \"?monitor\" \"-monitor\" \"master m 127.0.0.1 1\" ]
         > SENTINEL FLUSHCONFIG | +OK",
    );
    let text = file(&kit);
    assert!(text.contains("sentinel monitor \"x y\" ::1 6379 1\n") && !text.contains(" m "), "{text}");
    kit.exec.server.config_file = Some("/no/such/folder/f".into());
    assert_eq!(
        kit.raw("c1", b"SENTINEL FLUSHCONFIG\r\n"),
        b"-ERR Failed to save config file. Check server logs.\r\n"
    );
}

#[test]
fn settings_of_a_primary() {
    let kit = check_sentinel(
        LINES,
        "> SENTINEL SET n quorum 3 | -ERR No such master with that name
         > SENTINEL SET m quorum | -ERR wrong number of arguments for 'sentinel|set' command
         > SENTINEL SET m quorum 0 | -ERR Invalid argument '0' for SENTINEL SET 'quorum'
         > SENTINEL SET m down-after-milliseconds abc | -ERR Invalid argument 'abc' for SENTINEL SET 'down-after-milliseconds'
         > SENTINEL SET m nosuch 1 | -ERR Unknown option or number of arguments for SENTINEL SET 'nosuch'
         > SENTINEL SET m auth-pass \"a\\tb\" | -ERR Invalid argument at index 4 for SENTINEL SET: control characters are not allowed
         > SENTINEL SET m notification-script /bin/true | -ERR Reconfiguration of scripts path is denied for security reasons. Check the deny-scripts-reconfig configuration directive in your Sentinel configuration
         > SENTINEL SET m rename-command PING | -ERR Unknown option or number of arguments for SENTINEL SET 'rename-command'
         > SENTINEL SET m rename-command PING \"\" | -ERR Invalid argument '' for SENTINEL SET 'rename-command'
         c2> PSUBSCRIBE +set | *
         > SENTINEL SET m quorum 3 auth-pass \"s \\\"3\" auth-user u failover-timeout 5 parallel-syncs 2 master-reboot-down-after-period 7 | +OK
         c2< [ \"pmessage\" \"+set\" \"+set\" \"master m 127.0.0.1 1 quorum 3\" ]
         c2< [ \"pmessage\" \"+set\" \"+set\" \"master m 127.0.0.1 1 auth-pass ******\" ]
         > SENTINEL SET m rename-command CONFIG other down-after-milliseconds 9 | +OK",
    );
    let text = file(&kit);
    for line in [
        "sentinel monitor m 127.0.0.1 1 3\n",
        "sentinel auth-pass m \"s \\\"3\"\n",
        "sentinel auth-user m \"u\"\n",
        "sentinel failover-timeout m 5\n",
        "sentinel parallel-syncs m 2\n",
        "sentinel primary-reboot-down-after-period m 7\n",
        "sentinel rename-command m \"config\" \"other\"\n",
        "sentinel down-after-milliseconds m 9\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn scripts_may_be_set_if_that_is_allowed() {
    check_sentinel(
        &[LINES[0], LINES[1], "deny-scripts-reconfig no"],
        "> SENTINEL SET m notification-script /no/such | -ERR Notification script seems non existing or non executable
         > SENTINEL SET m client-reconfig-script /no/such | -ERR Client reconfiguration script seems non existing or non executable
         > SENTINEL SET m notification-script /bin/true client-reconfig-script /bin/true | +OK
         > SENTINEL SET m notification-script \"\" | +OK",
    );
}

#[test]
fn settings_of_all() {
    check_sentinel(
        LINES,
        "> SENTINEL CONFIG GET loglevel | [ \"loglevel\" \"notice\" ]
         > SENTINEL CONFIG GET announce* | [ \"announce-hostnames\" \"no\" \"announce-ip\" \"\" \"announce-port\" \"0\" ]
         > SENTINEL CONFIG GET nosuch loglevel log* | [ \"loglevel\" \"notice\" ]
         > SENTINEL CONFIG SET announce-port 1234 resolve-hostnames yes announce-ip 1.2.3.4 | +OK
         > SENTINEL CONFIG GET announce-port resolve-hostnames | [ \"announce-port\" \"1234\" \"resolve-hostnames\" \"yes\" ]
         > SENTINEL CONFIG SET announce-port 1 announce-port 2 | -ERR Duplicate argument 'announce-port' to SENTINEL CONFIG SET
         > SENTINEL CONFIG SET nosuch 1 announce-port 2 | -ERR Invalid argument 'nosuch' to SENTINEL CONFIG SET
         > SENTINEL CONFIG SET announce-port -1 | -ERR Invalid value '-1' to SENTINEL CONFIG SET 'announce-port'
         > SENTINEL CONFIG SET announce-port 1 loglevel x | -ERR Invalid value 'x' to SENTINEL CONFIG SET 'loglevel'
         > SENTINEL CONFIG SET announce-port 1 loglevel | -ERR Missing argument 'loglevel' value
         > SENTINEL CONFIG SET announce-ip \"1\\n2\" | -ERR Invalid argument at index 4 for SENTINEL CONFIG SET: control characters are not allowed
         > SENTINEL CONFIG GET announce-port | [ \"announce-port\" \"1234\" ]
         > SENTINEL CONFIG SET loglevel debug sentinel-user u sentinel-pass p | +OK
         > SENTINEL CONFIG GET loglevel sentinel-user | [ \"loglevel\" \"debug\" \"sentinel-user\" \"u\" ]
         > SENTINEL CONFIG NOSUCH x | -ERR Only SENTINEL CONFIG GET <param> [<param> <param> ...] / SET <param> <value> [<param> <value> ...] are supported.
         > SENTINEL DEBUG info-period 8888 ping-period 5 | +OK
         > SENTINEL DEBUG info-period 0 | -ERR Invalid argument '0' for SENTINEL DEBUG 'info-period'
         > SENTINEL DEBUG nosuch 1 | -ERR Unknown option or number of arguments for SENTINEL DEBUG 'nosuch'
         > SENTINEL DEBUG | [ \"INFO-PERIOD\" \"8888\" \"PING-PERIOD\" \"5\" \"ASK-PERIOD\" \"1000\" \"PUBLISH-PERIOD\" \"2000\" \"DEFAULT-DOWN-AFTER\" \"30000\" \"DEFAULT-FAILOVER-TIMEOUT\" \"180000\" \"TILT-TRIGGER\" \"2000\" \"TILT-PERIOD\" \"30000\" \"SLAVE-RECONF-TIMEOUT\" \"10000\" \"MIN-LINK-RECONNECT-PERIOD\" \"15000\" \"ELECTION-TIMEOUT\" \"10000\" \"SCRIPT-MAX-RUNTIME\" \"60000\" \"SCRIPT-RETRY-DELAY\" \"30000\" ]
         > SENTINEL SIMULATE-FAILURE HELP | [ \"crash-after-election\" \"crash-after-promotion\" ]
         > SENTINEL SIMULATE-FAILURE nosuch | -ERR Unknown failure simulation specified
         > SENTINEL SIMULATE-FAILURE crash-after-election | +OK",
    );
}

#[test]
fn the_example_is_a_file_to_begin_with() {
    let text = include_bytes!("../../../sentinel.conf.example");
    let config = load(&[Source::Stdin(text.to_vec())], &MemoryDisk::new(), true).unwrap();
    assert_eq!((config.port, config.sentinel.len()), (26379, 1));
    // What is commented out there is right too, once it has names and numbers.
    let lines = String::from_utf8_lossy(text).into_owned();
    for line in lines.lines().filter_map(|l| l.strip_prefix("# sentinel ")) {
        let line = line.replace("<name>", "mymaster").replace("<path>", "/bin/true");
        let line = line.replace("<ip>", "127.0.0.1").replace("<port>", "1").replace("<quorum>", "1");
        let text = match line.starts_with("monitor") {
            true => format!("sentinel {line}\n"),
            false => format!("sentinel monitor mymaster 127.0.0.1 1 1\nsentinel {line}\n"),
        };
        let text = text.replace("<other name>", "other").replace("monitor mymaster 127.0.0.1 1 1 ", "");
        assert!(load(&[Source::Stdin(text.clone().into())], &MemoryDisk::new(), true).is_ok(), "{text}");
    }
}

#[test]
fn votes_are_given_once_and_kept() {
    let kit = check_sentinel(
        LINES,
        "> SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0 * | [ :0 \"*\" :0 ]
         > SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 2 5 a | [ :0 \"*\" :0 ]
         > SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 x 5 a | -ERR value is not an integer or out of range
         c2> PSUBSCRIBE * | *
         > SENTINEL IS-PRIMARY-DOWN-BY-ADDR 127.0.0.1 1 5 a | [ :0 \"a\" :5 ]
         c2< [ \"pmessage\" \"*\" \"+new-epoch\" \"5\" ]
         c2< [ \"pmessage\" \"*\" \"+vote-for-leader\" \"a 5\" ]
         > SENTINEL IS-PRIMARY-DOWN-BY-ADDR 127.0.0.1 1 5 b | [ :0 \"a\" :5 ]
         > SENTINEL IS-PRIMARY-DOWN-BY-ADDR 127.0.0.1 1 4 b | [ :0 \"a\" :5 ]
         > SENTINEL IS-PRIMARY-DOWN-BY-ADDR 127.0.0.1 1 6 b | [ :0 \"b\" :6 ]",
    );
    let text = file(&kit);
    assert!(
        text.contains("sentinel leader-epoch m 6\n") && text.contains("sentinel current-epoch 6\n"),
        "{text}"
    );
}

#[test]
fn info_has_its_sections() {
    let mut kit = Kit::sentinel(LINES);
    let mut info =
        |words: &str| String::from_utf8(kit.raw("c1", format!("INFO {words}\r\n").as_bytes())).unwrap();
    for words in ["", "all", "default", "everything"] {
        let text = info(words);
        assert!(text.contains("mode:sentinel\r\n") && text.contains("used_cpu_user:"), "{words}: {text}");
        assert!(
            !text.contains("used_memory") && !text.contains("role:") && !text.contains("cluster_enabled"),
            "{text}"
        );
        let own = "# Sentinel\r\nsentinel_masters:1\r\nsentinel_tilt:0\r\nsentinel_tilt_since_seconds:-1\r\n\
                   sentinel_total_tilt:0\r\nsentinel_running_scripts:0\r\nsentinel_scripts_queue_length:0\r\n\
                   sentinel_simulate_failure_flags:0\r\n\
                   master0:name=m,status=ok,address=127.0.0.1:1,slaves=0,sentinels=1\r\n";
        assert!(text.contains(own), "{text}");
    }
    let text = info("cpu replication");
    assert!(text.contains("used_cpu") && !text.contains("sentinel_") && !text.contains("role:"), "{text}");
    assert!(info("sentinel").contains("# Sentinel"));
}

#[test]
fn hellos_make_sentinels_known_and_bring_news() {
    let mut kit = Kit::sentinel(LINES);
    kit.raw("c2", b"PSUBSCRIBE *\r\n");
    let id = "f".repeat(40);
    let hello = |epoch: u8, port: u8, config: u8| {
        format!("PUBLISH __sentinel__:hello 127.0.0.2,26379,{id},{epoch},m,127.0.0.1,{port},{config}\r\n")
    };
    assert_eq!(kit.raw("c1", hello(1, 1, 0).as_bytes()), b":1\r\n");
    assert_eq!(kit.raw("c1", hello(1, 9, 1).as_bytes()), b":1\r\n");
    outputs(&mut kit);
    let heard = String::from_utf8(kit.heard("c2")).unwrap();
    let channels: Vec<&str> = heard.lines().filter(|l| l.starts_with('+') && l.len() > 2).collect();
    assert_eq!(channels, ["+sentinel", "+new-epoch", "+config-update-from", "+switch-master", "+slave"]);
    assert!(heard.contains(&format!("sentinel {id} 127.0.0.2 26379 @ m 127.0.0.1 1\r\n")), "{heard}");
    assert!(heard.contains("m 127.0.0.1 1 127.0.0.1 9\r\n"), "{heard}");
    let text = file(&kit);
    assert!(text.contains("sentinel monitor m 127.0.0.1 9 2\n"), "{text}");
    assert!(text.contains("sentinel known-replica m 127.0.0.1 1\n"), "{text}");
    assert!(text.contains(&format!("sentinel known-sentinel m 127.0.0.2 26379 \"{id}\"\n")), "{text}");
}

#[test]
fn a_link_asks_for_info_and_finds_replicas() {
    let mut kit = Kit::sentinel(LINES);
    kit.exec.sentinel_input(Input::Tick);
    let sent = outputs(&mut kit);
    let [Output::Connect { conn, ip, port }, ..] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((&ip[..], *port), (&b"127.0.0.1"[..], 1));
    let conn = *conn;
    let words: Vec<String> = sent
        .iter()
        .filter_map(|o| match o {
            Output::Send { words, .. } => Some(String::from_utf8(words.join(&b' ')).unwrap()),
            _ => None,
        })
        .collect();
    assert_eq!(
        words,
        [
            "CLIENT SETNAME sentinel-01234567-cmd",
            "PING",
            "CLIENT SETNAME sentinel-01234567-pubsub",
            "SUBSCRIBE __sentinel__:hello",
            "INFO"
        ]
    );
    for answer in [Answer::Status(b"OK".to_vec()), Answer::Status(b"PONG".to_vec())] {
        kit.exec.sentinel_input(Input::Answer { conn, answer });
    }
    let info = b"run_id:0123456789012345678901234567890123456789\r\nrole:master\r\n\
                 slave0:ip=127.0.0.1,port=2,state=online\r\nslave1:127.0.0.1,3,online\r\nslavex:y\r\n";
    kit.exec.sentinel_input(Input::Answer { conn, answer: Answer::Bulk(info.to_vec()) });
    outputs(&mut kit);
    let text = file(&kit);
    assert!(text.contains("known-replica m 127.0.0.1 2\n") && text.contains("known-replica m 127.0.0.1 3\n"));
}

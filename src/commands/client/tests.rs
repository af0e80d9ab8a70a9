//! Tests of CLIENT.

use crate::engine::config::Config;
use crate::testkit::{Kit, check, check_plain};

fn list(kit: &mut Kit, words: &str) -> String {
    let words: Vec<Vec<u8>> = words.split(' ').map(|w| w.as_bytes().to_vec()).collect();
    kit.run("c1", &words)
}

#[test]
fn names_and_libraries() {
    check(
        r#"> CLIENT GETNAME | nil
         > CLIENT SETNAME me | +OK
         > CLIENT GETNAME | "me"
         > CLIENT SETNAME "a b" | -ERR Client names cannot contain spaces, newlines or special characters.
         > CLIENT SETNAME "a\x80" | -ERR Client names cannot contain spaces, newlines or special characters.
         > CLIENT SETNAME "" | +OK
         > CLIENT GETNAME | nil
         > CLIENT SETINFO LIB-NAME lettuce | +OK
         > CLIENT SETINFO lib-ver 1.0 | +OK
         > CLIENT SETINFO LIB-NAME "a b" | -ERR LIB-NAME cannot contain spaces, newlines or special characters.
         > CLIENT SETINFO foo bar | -ERR Unrecognized option 'foo'
         > CLIENT ID | :1
         > CLIENT GETREDIR | :-1
         > CLIENT foo | -ERR unknown subcommand 'foo'. Try CLIENT HELP.
         > CLIENT | -ERR wrong number of arguments for 'client' command
         > CLIENT SETNAME | -ERR wrong number of arguments for 'client|setname' command"#,
    );
}

#[test]
fn switches() {
    check(
        "> CLIENT NO-EVICT on | +OK
         > CLIENT NO-EVICT x | -ERR syntax error
         > CLIENT NO-TOUCH ON | +OK
         > CLIENT NO-TOUCH OFF | +OK
         > CLIENT CAPA redirect nonsense | +OK
         > CLIENT IMPORT-SOURCE ON | -ERR Server is not in import mode
         > CLIENT IMPORT-SOURCE x | -ERR Server is not in import mode
         > CLIENT IMPORT-SOURCE OFF | +OK",
    );
}

#[test]
fn reply_modes() {
    check(
        "> CLIENT REPLY SKIP | (none)
         > SET k v | (none)
         > GET k | \"v\"
         > CLIENT REPLY OFF | (none)
         > GET k | (none)
         > nonsense | (none)
         > CLIENT REPLY SKIP | (none)
         > GET k | (none)
         > CLIENT REPLY ON | +OK
         > GET k | \"v\"
         > CLIENT REPLY x | -ERR syntax error",
    );
}

#[test]
fn one_line_per_client() {
    let mut kit = Kit::new(Config::default());
    kit.raw("c2", b"CLIENT SETNAME two\r\nSELECT 3\r\nCLIENT CAPA redirect\r\n");
    kit.raw("c1", b"CLIENT SETINFO lib-name lib\r\nCLIENT SETINFO lib-ver 1\r\n");
    kit.advance(2500);
    let info = list(&mut kit, "CLIENT INFO");
    assert!(
        info.starts_with(
            "\"id=2 addr=127.0.0.1:50001 laddr=127.0.0.1:6379 fd=0 name= age=2 idle=2 flags=N capa= db=0 sub=0 psub=0 \
             ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=10 multi-mem=0 rbs="
        ),
        "{info}"
    );
    assert!(info.contains(" obl=0 oll=0 omem=0 tot-mem="), "{info}");
    assert!(
        info.contains(
            " events=r cmd=client|info user=default redir=-1 resp=2 lib-name=lib lib-ver=1 tot-net-in="
        ),
        "{info}"
    );
    let both = list(&mut kit, "CLIENT LIST");
    assert_eq!(both.matches("id=").count(), 2);
    for (filter, mine, other) in [
        ("ID 2", true, false),
        ("ID 1 2 99", true, true),
        ("NOT-ID 2", false, true),
        ("TYPE normal", true, true),
        ("TYPE replica", false, false),
        ("ADDR 127.0.0.1:50000", false, true),
        ("NOT-ADDR 127.0.0.1:50000", true, false),
        ("LADDR 127.0.0.1:6379", true, true),
        ("NOT-LADDR 127.0.0.1:6379", false, false),
        ("USER default", true, true),
        ("NOT-USER default", false, false),
        ("SKIPME yes", false, true),
        ("MAXAGE 2", true, true),
        ("MAXAGE 3", false, false),
        ("IDLE 3", false, false),
        ("NAME two", false, true),
        ("NOT-NAME two", true, false),
        ("LIB-NAME lib LIB-VER 1", true, false),
        ("NOT-LIB-NAME lib", false, true),
        ("NOT-LIB-VER 1", false, true),
        ("DB 3", false, true),
        ("NOT-DB 3", true, false),
        ("CAPA r", false, true),
        ("NOT-CAPA r", true, false),
        ("IP 127.0.0.1", true, true),
        ("IP 127.0.0", false, false),
        ("NOT-IP 127.0.0.1", false, false),
        ("FLAGS N", true, true),
        ("NOT-FLAGS N", false, false),
        ("NAME one NAME two", false, true),
    ] {
        let got = list(&mut kit, &format!("CLIENT LIST {filter}"));
        assert_eq!((got.contains("id=2 "), got.contains("id=1 ")), (mine, other), "{filter}: {got}");
    }
}

#[test]
fn filters_that_are_wrong() {
    check(
        "> CLIENT LIST ID | -ERR syntax error
         > CLIENT LIST ID 0 | -ERR client-id should be greater than 0
         > CLIENT LIST NAME | -ERR syntax error
         > CLIENT LIST DB 99 | -ERR DB number should be between 0 and 15
         > CLIENT LIST NOT-DB x | -ERR NOT-DB is not an integer or out of range
         > CLIENT LIST NOT-DB -1 | -ERR NOT-DB number should be between 0 and 15
         > CLIENT LIST CAPA x | -ERR Unknown capa found in the provided filter: x
         > CLIENT LIST NOT-CAPA rx | -ERR Unknown capa found in the NOT-CAPA filter: rx
         > CLIENT LIST FLAGS NZ | -ERR Unknown flags found in the provided filter: NZ
         > CLIENT LIST NOT-FLAGS Z | -ERR Unknown flags found in the NOT-FLAGS filter: Z
         > CLIENT LIST MAXAGE 0 | -ERR maxage should be greater than 0
         > CLIENT LIST MAXAGE x | -ERR maxage is not an integer or out of range
         > CLIENT LIST NOT-MAXAGE 1 | -ERR syntax error
         > CLIENT LIST IDLE -1 | -ERR idle should be greater than 0
         > CLIENT LIST TYPE x | -ERR Unknown client type 'x'
         > CLIENT LIST USER nobody | -ERR No such user 'nobody'
         > CLIENT LIST SKIPME maybe | -ERR syntax error
         > CLIENT KILL foo bar | -ERR syntax error
         > CLIENT KILL 127.0.0.1:1 | -ERR No such client
         > CLIENT KILL | -ERR wrong number of arguments for 'client|kill' command",
    );
}

#[test]
fn killed_clients_are_gone() {
    check_plain(
        "c2> PING | +PONG
         > CLIENT KILL ID 1 | :1
         > CLIENT KILL ID 1 | :0
         c2> PING | (none)
         c3> PING | +PONG
         > CLIENT KILL 127.0.0.1:50002 | +OK
         c3> PING | (none)
         > CLIENT KILL TYPE normal | :0
         > CLIENT KILL ID 2 SKIPME no | :1
         > PING | (none)",
    );
}

#[test]
fn pauses_hold_writes_or_all() {
    check_plain(
        "> CLIENT PAUSE abc | -ERR timeout is not an integer or out of range
         > CLIENT PAUSE -1 | -ERR timeout is negative
         > CLIENT PAUSE 9223372036854775807 | -ERR timeout is out of range
         > CLIENT PAUSE 10 x | -ERR CLIENT PAUSE mode must be WRITE or ALL
         > CLIENT PAUSE 1000 WRITE | +OK
         > GET k | nil
         c2> SET k v | (none)
         > GET k | nil
         > CLIENT UNBLOCK 2 TIMEOUT | :0
         > CLIENT UNBLOCK 2 ERROR | :0
         > CLIENT UNPAUSE | +OK
         > GET k | \"v\"",
    );
    let mut kit = Kit::new(Config::default());
    kit.raw("c1", b"CLIENT PAUSE 200 ALL\r\nCLIENT PAUSE 20 WRITE\r\n");
    assert_eq!(kit.raw("c2", b"GET k\r\n"), b"");
    let slot = kit.client("c2");
    let waits_with = kit.exec.server.client(slot).last_command;
    assert_eq!(kit.exec.server.command_name(waits_with), "get");
    kit.advance(100);
    assert_eq!(kit.heard("c2"), b"", "the longer and stricter pause holds");
    kit.advance(101);
    assert_eq!(kit.heard("c2"), b"$-1\r\n");
}

#[test]
fn a_wait_that_ends_unserved_is_counted() {
    let mut kit = Kit::new(Config::default());
    assert_eq!(kit.raw("c2", b"BLPOP l 0\r\n"), b"");
    let list = String::from_utf8(kit.raw("c1", b"CLIENT LIST ID 1\r\n")).unwrap();
    assert!(list.contains(" flags=b ") && list.contains(" cmd=blpop "), "{list}");
    kit.raw("c1", b"CLIENT UNBLOCK 1 ERROR\r\n");
    assert_eq!(kit.heard("c2"), b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    let info = String::from_utf8(kit.raw("c1", b"INFO everything\r\n")).unwrap();
    assert!(info.contains("errorstat_UNBLOCKED:count=1\r\n") && info.contains("total_error_replies:1\r\n"));
    let blpop = info.lines().find(|l| l.starts_with("cmdstat_blpop:")).unwrap();
    assert!(blpop.starts_with("cmdstat_blpop:calls=1,"), "{blpop}");
    assert!(blpop.ends_with("rejected_calls=1,failed_calls=0"), "{blpop}");
}

#[test]
fn unblock_wants_a_waiting_client() {
    check(
        "> CLIENT UNBLOCK x | -ERR value is not an integer or out of range
         > CLIENT UNBLOCK 5 foo | -ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
         > CLIENT UNBLOCK 5 | :0
         > CLIENT UNBLOCK 1 TIMEOUT | :0",
    );
}

#[test]
fn help_comes_from_the_table() {
    let mut kit = Kit::new(Config::default());
    let help = list(&mut kit, "CLIENT HELP");
    assert!(help.starts_with("[ +CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"), "{help}");
    assert!(help.contains("+SETNAME connection-name +    Names the connection."), "{help}");
    assert!(help.ends_with("+HELP +    Print this help. ]"), "{help}");
}

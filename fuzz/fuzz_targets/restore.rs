//! Any bytes as what RESTORE gets, through the executor: restored or refused, and what was restored can be dumped, changed,
//! read and restored again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::base::rng::Rng;
use tarn::engine::config::Config;
use tarn::engine::server::Server;
use tarn::engine::session::Peer;
use tarn::exec::{Exec, table};
use tarn::sys::clock::Clock;

fn ask(exec: &mut Exec, slot: usize, words: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", words.len()).into_bytes();
    for w in words {
        request.extend(format!("${}\r\n", w.len()).bytes());
        request.extend_from_slice(w);
        request.extend(b"\r\n");
    }
    exec.feed(slot, &mut request);
    let session = exec.server.client(slot);
    session.output.take_bytes()
}

/// What each type stands, beginning with reads.
const TRAFFIC: &[&[&[u8]]] = &[
    &[b"TYPE", b"k"],
    &[b"GET", b"k"],
    &[b"APPEND", b"k", b"x"],
    &[b"LRANGE", b"k", b"0", b"-1"],
    &[b"LINSERT", b"k", b"BEFORE", b"1", b"new"],
    &[b"LPOP", b"k"],
    &[b"RPUSH", b"k", b"more"],
    &[b"SMEMBERS", b"k"],
    &[b"SADD", b"k", b"17", b"text"],
    &[b"SPOP", b"k"],
    &[b"ZRANGE", b"k", b"0", b"-1", b"WITHSCORES"],
    &[b"ZADD", b"k", b"1.5", b"member"],
    &[b"ZPOPMIN", b"k"],
    &[b"HGETALL", b"k"],
    &[b"HSET", b"k", b"field", b"value"],
    &[b"HRANDFIELD", b"k", b"3"],
    &[b"XRANGE", b"k", b"-", b"+"],
    &[b"XINFO", b"STREAM", b"k", b"FULL"],
    &[b"XADD", b"k", b"*", b"f", b"v"],
    &[b"XTRIM", b"k", b"MAXLEN", b"2"],
    &[b"SETRANGE", b"k", b"3", b"x"],
    &[b"OBJECT", b"ENCODING", b"k"],
];

fuzz_target!(|data: &[u8]| {
    let mut server = Server::new(Config::default(), table::commands(), Clock::manual(1_700_000_000_000), Rng::new(1));
    server.debug.skip_checksum = true;
    let mut exec = Exec::new(server);
    let slot = exec.connect(Peer::default());
    // Most inputs are of a version that is read.
    let payload = [data, b"\x0a\0", &[0; 8]].concat();
    let payload = if data.first().is_some_and(|b| *b == 22) { [data, b"\x50\0", &[0; 8]].concat() } else { payload };
    if ask(&mut exec, slot, &[b"RESTORE", b"k", b"0", &payload]) != b"+OK\r\n" {
        return;
    }
    let dump = ask(&mut exec, slot, &[b"DUMP", b"k"]);
    assert!(dump.starts_with(b"$") && !dump.starts_with(b"$-1"), "what was restored is there");
    let from = dump.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1);
    let again = ask(&mut exec, slot, &[b"RESTORE", b"k", b"0", &dump[from..dump.len() - 2], b"REPLACE"]);
    assert_eq!(again, b"+OK\r\n");
    for words in TRAFFIC {
        ask(&mut exec, slot, words);
    }
    ask(&mut exec, slot, &[b"DEL", b"k"]);
    assert_eq!(ask(&mut exec, slot, &[b"DBSIZE"]), b":0\r\n");
});

//! The append-only file as clients see it.

use std::path::Path;
use std::sync::Arc;

use crate::engine::config::Config;
use crate::resp::encode;
use crate::sys::disk::{Disk, Faults, FaultyDisk, MemoryDisk};
use crate::testkit::{Kit, check_plain};

fn ask(kit: &mut Kit, line: &str) -> String {
    kit.run("c", &line.split(' ').map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>())
}

/// A kit on this disk whose log was switched on.
fn logging(disk: Arc<dyn Disk>) -> Kit {
    let mut kit = Kit::new(Config::default());
    kit.exec.server.outside.disk = disk;
    assert_eq!(ask(&mut kit, "CONFIG SET appendonly yes appendfsync always"), "+OK");
    settle(&mut kit);
    kit
}

/// Lets a rewrite come to its end: its snapshot has a thread of its own.
fn settle(kit: &mut Kit) {
    for _ in 0..10_000 {
        kit.exec.tick();
        if kit.exec.server.aof.rewriting_since().is_none() && kit.exec.server.snapshots.running.is_none() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("the rewrite does not end");
}

fn info(kit: &mut Kit, field: &str) -> String {
    let text = ask(kit, "INFO persistence");
    let line = text.split("\\r\\n").find_map(|l| l.strip_prefix(field)?.strip_prefix(':').map(str::to_owned));
    line.unwrap_or_else(|| panic!("{field} in {text}"))
}

fn names(disk: &MemoryDisk) -> Vec<String> {
    disk.list(Path::new("appendonlydir")).unwrap().into_iter().map(|e| e.name).collect()
}

/// The commands of a file, without lines that are skipped.
fn commands(disk: &MemoryDisk, name: &str) -> String {
    let bytes = disk.read(&Path::new("appendonlydir").join(name)).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let words = text.split("\r\n").filter(|w| !w.starts_with('$') && !w.starts_with('#') && !w.is_empty());
    words.map(|w| if w.starts_with('*') { "|" } else { w }).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_waitaof_refuses() {
    check_plain(
        "> WAITAOF 2 0 0    | -ERR value is out of range, value must between 0 and 1
         > WAITAOF x 0 0    | -ERR value is out of range, value must between 0 and 1
         > WAITAOF 0 -1 0   | -ERR value is out of range, must be positive
         > WAITAOF 0 0 -1   | -ERR timeout is negative
         > WAITAOF 0 0 x    | -ERR timeout is not an integer or out of range
         > WAITAOF 1 0 0    | -ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.
         > WAITAOF 0 0 0    | [ :0 :0 ]
         > WAITAOF 0 1 10   | (none)
         @ +11ms
         c1< [ :0 :0 ]
         > MULTI            | +OK
         > WAITAOF 0 1 0    | +QUEUED
         > EXEC             | [ [ :0 :0 ] ]
         > WAITAOF 0        | -ERR wrong number of arguments for 'waitaof' command
         > BGREWRITEAOF x   | -ERR wrong number of arguments for 'bgrewriteaof' command",
    );
}

#[test]
fn switched_on_it_begins_with_the_data_and_goes_on_with_every_change() {
    let disk = Arc::new(MemoryDisk::new());
    let mut kit = Kit::new(Config::default());
    kit.exec.server.outside.disk = disk.clone();
    ask(&mut kit, "SET a 1");
    assert_eq!(ask(&mut kit, "CONFIG SET appendonly yes aof-use-rdb-preamble no"), "+OK");
    assert_eq!(info(&mut kit, "aof_rewrite_in_progress"), "1");
    ask(&mut kit, "SET b 2");
    settle(&mut kit);
    assert_eq!(
        names(&disk),
        ["appendonly.aof.1.base.aof", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]
    );
    ask(&mut kit, "EXPIRE a 100");
    kit.exec.hand_on();
    assert_eq!(commands(&disk, "appendonly.aof.1.base.aof"), "| SELECT 0 | SET a 1");
    let incr = commands(&disk, "appendonly.aof.1.incr.aof");
    assert!(incr.starts_with("| SELECT 0 | SET b 2 | PEXPIREAT a "), "{incr}");
    assert_eq!((info(&mut kit, "aof_enabled"), info(&mut kit, "aof_rewrites")), ("1".into(), "1".into()));
    // A rewrite is minimal, and what it replaces goes.
    for i in 0..100 {
        ask(&mut kit, &format!("RPUSH l {i}"));
    }
    assert_eq!(ask(&mut kit, "BGREWRITEAOF"), "+Background append only file rewriting started");
    assert!(ask(&mut kit, "BGREWRITEAOF").starts_with("-ERR Background append only file rewriting already"));
    settle(&mut kit);
    assert_eq!(
        names(&disk),
        ["appendonly.aof.2.base.aof", "appendonly.aof.2.incr.aof", "appendonly.aof.manifest"]
    );
    let base = commands(&disk, "appendonly.aof.2.base.aof");
    assert_eq!(base.matches("RPUSH").count(), 2);
    assert_eq!(ask(&mut kit, "CONFIG SET appendonly no"), "+OK");
    let before = commands(&disk, "appendonly.aof.2.incr.aof");
    ask(&mut kit, "SET c 3");
    kit.exec.hand_on();
    assert_eq!(commands(&disk, "appendonly.aof.2.incr.aof"), before);
    assert_eq!(info(&mut kit, "aof_enabled"), "0");
}

#[test]
fn in_a_transaction_it_is_only_scheduled() {
    let disk = Arc::new(MemoryDisk::new());
    let mut kit = logging(disk.clone());
    ask(&mut kit, "MULTI");
    ask(&mut kit, "SET a 1");
    ask(&mut kit, "BGREWRITEAOF");
    ask(&mut kit, "SET b 2");
    assert!(ask(&mut kit, "EXEC").contains("+Background append only file rewriting scheduled"));
    assert_eq!(info(&mut kit, "aof_rewrite_scheduled"), "1");
    kit.exec.hand_on();
    kit.advance(200);
    settle(&mut kit);
    assert!(disk.exists(Path::new("appendonlydir/appendonly.aof.2.base.rdb")));
    ask(&mut kit, "MULTI");
    ask(&mut kit, "CONFIG SET appendonly no");
    ask(&mut kit, "CONFIG SET appendonly yes");
    assert_eq!(ask(&mut kit, "EXEC"), "[ +OK +OK ]");
    kit.exec.hand_on();
    kit.advance(200);
    settle(&mut kit);
    assert_eq!(info(&mut kit, "aof_rewrite_scheduled"), "0");
}

#[test]
fn replies_wait_until_the_log_is_durable() {
    let faults = Faults::none();
    let disk = Arc::new(FaultyDisk::new(MemoryDisk::new(), faults.clone()));
    let mut kit = logging(disk);
    let (writer, reader) = (kit.client("w"), kit.client("r"));
    faults.fail_after(0, std::io::ErrorKind::StorageFull);
    let write = |kit: &mut Kit, name: &str, line: &str| {
        let words: Vec<Vec<u8>> = line.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        let slot = kit.client(name);
        let mut input = Vec::new();
        encode::request(&mut input, words.iter().map(|w| &w[..]));
        kit.exec.feed(slot, &mut input);
        kit.exec.hand_on();
        kit.exec.hear_log();
        kit.exec.server.sendable(slot)
    };
    // The log cannot be written: who wrote hears nothing, who reads does.
    assert_eq!(write(&mut kit, "w", "SET a 1"), 0);
    assert_eq!(write(&mut kit, "w", "GET a"), 0);
    assert!(write(&mut kit, "r", "GET a") > 0);
    assert!(kit.exec.server.is_held(writer) && !kit.exec.server.is_held(reader));
    kit.heard("r");
    write(&mut kit, "r", "SET b 2");
    let refused = String::from_utf8(kit.heard("r")).unwrap();
    assert!(refused.starts_with("-MISCONF Errors writing to the AOF file: "), "{refused}");
    assert_eq!(info(&mut kit, "aof_last_write_status"), "err");
    faults.repair();
    kit.advance(200);
    assert_eq!(kit.exec.server.sendable(writer), "+OK\r\n$1\r\n1\r\n".len());
    assert!(!kit.exec.server.is_held(writer));
    assert_eq!(info(&mut kit, "aof_last_write_status"), "ok");
}

#[test]
fn waitaof_waits_for_the_disk() {
    let faults = Faults::none();
    let disk = Arc::new(FaultyDisk::new(MemoryDisk::new(), faults.clone()));
    let mut kit = logging(disk);
    assert_eq!(ask(&mut kit, "CONFIG SET appendfsync everysec"), "+OK");
    ask(&mut kit, "SET a 1");
    kit.exec.hand_on();
    kit.advance(1100);
    assert_eq!(ask(&mut kit, "WAITAOF 1 0 0"), "[ :1 :0 ]");
    ask(&mut kit, "SET a 2");
    assert_eq!(ask(&mut kit, "WAITAOF 1 0 0"), "");
    kit.exec.hand_on();
    kit.advance(1100);
    assert_eq!(kit.heard("c"), b"*2\r\n:1\r\n:0\r\n");
    ask(&mut kit, "SET a 3");
    assert_eq!(ask(&mut kit, "WAITAOF 1 0 0"), "");
    kit.raw("other", b"CONFIG SET appendonly no\r\n");
    let heard = String::from_utf8(kit.heard("c")).unwrap();
    assert!(heard.starts_with("-ERR WAITAOF cannot be used"), "{heard}");
}

#[test]
fn a_rewrite_that_fails_changes_nothing_and_too_many_are_delayed() {
    let faults = Faults::none();
    let memory = MemoryDisk::new();
    let disk = Arc::new(FaultyDisk::new(memory.clone(), faults.clone()));
    let mut kit = logging(disk);
    ask(&mut kit, "SET a 1");
    ask(&mut kit, "CONFIG SET auto-aof-rewrite-percentage 1 auto-aof-rewrite-min-size 1");
    kit.exec.hand_on();
    for failures in ["1", "2", "3"] {
        ask(&mut kit, "BGREWRITEAOF");
        kit.exec.server.cancel_snapshot();
        faults.fail_after(0, std::io::ErrorKind::Other);
        settle(&mut kit);
        faults.repair();
        kit.exec.server.aof.failures +=
            (info(&mut kit, "aof_rewrites_consecutive_failures") != failures) as u64;
    }
    ask(&mut kit, &format!("SET x {}", "x".repeat(2000)));
    kit.exec.hand_on();
    let rewrites = info(&mut kit, "aof_rewrites");
    kit.advance(200);
    kit.advance(59_000);
    assert_eq!(info(&mut kit, "aof_rewrites"), rewrites);
    kit.advance(2_000);
    settle(&mut kit);
    assert_ne!(info(&mut kit, "aof_rewrites"), rewrites);
    assert_eq!(info(&mut kit, "aof_last_bgrewrite_status"), "ok");
}

/// A kit that starts with what is on the disk.
fn started(disk: Arc<dyn Disk>, configure: impl Fn(&mut Config)) -> (Kit, bool) {
    let mut config = Config { appendonly: true, ..Config::default() };
    configure(&mut config);
    let mut kit = Kit::new(config);
    kit.exec.server.outside.disk = disk;
    let starts = kit.exec.start_with_log();
    (kit, starts)
}

const ALL_TYPES: &[&str] = &[
    "SET s value",
    "SET n 42 PX 100000",
    "SETBIT bits 7 1",
    "RPUSH l a b c 1 2 3",
    "SADD ints 1 2 3",
    "SADD set a b c",
    "ZADD z 1 a 2.5 b -inf c",
    "HSET h f v g w",
    "HEXPIRE h 1000 FIELDS 1 f",
    "XADD x 1-1 f v g w",
    "XADD x 2-1 f v",
    "XADD x 3-1 h v",
    "XDEL x 3-1",
    "XGROUP CREATE x grp 0",
    "XGROUP CREATECONSUMER x grp idle",
    "XREADGROUP GROUP grp c1 COUNT 1 STREAMS x >",
    "XADD empty 5-5 a b",
    "XDEL empty 5-5",
    "PFADD hll a b c",
    "SELECT 3",
    "SET other db",
    "EXPIRE other 100",
    "SELECT 0",
];

#[test]
fn what_was_logged_is_there_after_a_restart() {
    for rdb in ["yes", "no"] {
        let disk = Arc::new(MemoryDisk::new());
        let (mut kit, starts) = started(disk.clone(), |c| c.aof_use_rdb_preamble = rdb == "yes");
        assert!(starts);
        let suffix = if rdb == "yes" { "rdb" } else { "aof" };
        assert_eq!(names(&disk)[0], format!("appendonly.aof.1.base.{suffix}"));
        let check = |kit: &mut Kit| {
            kit.exec.hand_on();
            let offset = kit.exec.server.stream.offset();
            let (mut again, starts) = started(disk.clone(), |_| {});
            assert!(starts);
            assert_eq!(again.contents(), kit.contents(), "{rdb}");
            assert_eq!(again.exec.server.stream.offset(), offset);
            assert_eq!(again.exec.server.dirty, 0);
        };
        for line in ALL_TYPES {
            ask(&mut kit, line);
        }
        check(&mut kit);
        // As few commands as make it, or a snapshot.
        for i in 0..300 {
            ask(&mut kit, &format!("RPUSH long {i} {i}"));
            ask(&mut kit, &format!("HSET large f{i} {i}"));
            ask(&mut kit, &format!("ZADD tree {i} m{i}"));
            ask(&mut kit, &format!("SADD table m{i}"));
        }
        ask(&mut kit, "HPEXPIRE large 100000 FIELDS 2 f1 f2");
        ask(&mut kit, "BGREWRITEAOF");
        ask(&mut kit, "SET after rewrite");
        settle(&mut kit);
        assert_eq!(names(&disk)[0], format!("appendonly.aof.2.base.{suffix}"));
        ask(&mut kit, "DEL s");
        check(&mut kit);
        // DEBUG LOADAOF does the same in place.
        let before = kit.contents();
        let slot = kit.client("c");
        let id = kit.exec.server.client(slot).id;
        kit.exec.reload_log(slot, id);
        assert_eq!(kit.heard("c"), b"+OK\r\n");
        assert_eq!(kit.contents(), before);
        ask(&mut kit, "SET more data");
        check(&mut kit);
    }
}

#[test]
fn an_old_file_is_taken_over_and_what_is_no_command_is_refused() {
    let old = |bytes: &[u8]| {
        let disk = Arc::new(MemoryDisk::new());
        let mut file = disk.open(Path::new("appendonly.aof"), crate::sys::disk::Open::New).unwrap();
        file.write_all(bytes).unwrap();
        disk
    };
    let good = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n";
    let (mut kit, starts) = started(old(good), |_| {});
    assert!(starts);
    assert_eq!(ask(&mut kit, "GET a"), "\"2\"");
    // Half a transaction never happened.
    let (mut kit, starts) = started(old(&good[..good.len() - 1]), |_| {});
    assert!(starts);
    assert_eq!(ask(&mut kit, "GET a"), "\"1\"");
    assert!(!started(old(&good[..good.len() - 1]), |c| c.aof_load_truncated = false).1);
    for bad in
        [&b"*1\r\n$3\r\nbla\r\n"[..], b"*1\r\n$3\r\nGET\r\n", b"!!!", b"*2\r\n$6\r\nCONFIG\r\n$1\r\nx\r\n"]
    {
        assert!(!started(old(bad), |_| {}).1, "{bad:?}");
    }
}

#[test]
fn keys_that_are_over_go_after_the_load() {
    let disk = Arc::new(MemoryDisk::new());
    let mut file = disk.open(Path::new("appendonly.aof"), crate::sys::disk::Open::New).unwrap();
    for line in ["RPUSH list foo", "PEXPIREAT list 1000", "RPUSH list bar", "SET k v"] {
        let mut out = Vec::new();
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        encode::request(&mut out, words.into_iter());
        file.write_all(&out).unwrap();
    }
    let (mut kit, starts) = started(disk, |_| {});
    assert!(starts);
    assert_eq!(ask(&mut kit, "LLEN list"), ":0");
    assert_eq!(ask(&mut kit, "DBSIZE"), ":1");
}

#[test]
fn a_shutdown_that_cannot_save_goes_on_logging() {
    let disk = Arc::new(MemoryDisk::new());
    let mut kit = logging(disk.clone());
    kit.exec.server.outside.disk = Arc::new(FaultyDisk::new(MemoryDisk::new(), Faults::after(0)));
    assert_eq!(ask(&mut kit, "SHUTDOWN SAVE"), "-ERR Errors trying to SHUTDOWN. Check logs.");
    ask(&mut kit, "SET k v");
    kit.exec.hand_on();
    assert!(commands(&disk, "appendonly.aof.1.incr.aof").ends_with("SET k v"));
}

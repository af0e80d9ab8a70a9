//! A model of snapshots: random commands of all families while one is taken, expiry and eviction among them. What comes
//! out must be the data as it was at the beginning, line by line.

use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crate::base::quote::repr;
use crate::base::rng::Rng;
use crate::engine::config::Config;
use crate::engine::config::values::EvictionPolicy;
use crate::engine::snapshot::{Ended, Plan, Purpose, Refused};
use crate::keyspace::snapshot::{Block, Format, Leftovers, Out, Pieces};
use crate::keyspace::{EntryRef, Key, NewValue};
use crate::persist::snapshot::{FileSink, Frame, Sink};
use crate::sys::disk::{Disk, Faults, FaultyDisk, Loss, MemoryDisk};
use crate::testkit::{Kit, value_text};

/// A key as one line of text.
fn line(e: EntryRef<'_>) -> Vec<u8> {
    let key = String::from_utf8_lossy(&repr(e.key())).into_owned();
    format!("{key} {} {} {:?}\n", e.type_name(), value_text(e), e.expiry()).into_bytes()
}

struct Lines;

impl Format for Lines {
    fn entry(&self, e: EntryRef<'_>, out: &mut Out) {
        out.extend(line(e));
    }
    fn begin(&self, e: EntryRef<'_>, _: &mut Out) -> Box<dyn Pieces> {
        Box::new(Parts { line: line(e), written: 0 })
    }
}

/// A line that is written in five parts; the value must not change meanwhile.
struct Parts {
    line: Vec<u8>,
    written: usize,
}

impl Pieces for Parts {
    fn step(&mut self, e: EntryRef<'_>, out: &mut Out, budget: usize) -> bool {
        assert!(self.line == line(e), "a value changed while it was written");
        let part = if budget == usize::MAX { self.line.len() } else { self.line.len().div_ceil(5) };
        let to = (self.written + part).min(self.line.len());
        out.extend(&self.line[self.written..to]);
        self.written = to;
        to == self.line.len()
    }
}

#[derive(Default)]
struct Selects(Option<u32>);

impl Frame for Selects {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend(b"begin\n");
    }
    fn block(&mut self, block: &Block, out: &mut Vec<u8>) {
        if self.0.replace(block.db) != Some(block.db) {
            out.extend(format!("select {}\n", block.db).into_bytes());
        }
        out.extend(&block.out.bytes);
    }
    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend(b"end\n");
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The data set line by line, each with its database.
fn contents(kit: &Kit) -> Vec<String> {
    let dbs = kit.exec.server.dbs.iter();
    let mut all: Vec<String> = dbs
        .flat_map(|db| {
            db.table().iter().map(|e| format!("{} {}", db.id, String::from_utf8(line(e)).unwrap()))
        })
        .map(|l| l.trim_end().to_string())
        .collect();
    all.sort();
    all
}

/// What a snapshot holds, as `contents` tells it.
fn parsed(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    let body = text.strip_prefix("begin\n").and_then(|t| t.strip_suffix("end\n")).expect("a whole snapshot");
    let mut db = "";
    let mut all = Vec::new();
    for line in body.lines() {
        match line.strip_prefix("select ") {
            Some(n) => db = n,
            None => all.push(format!("{db} {line}")),
        }
    }
    all.sort();
    all
}

fn begin(kit: &mut Kit, sinks: usize) -> Vec<Heard> {
    let heard: Vec<Heard> = (0..sinks).map(|_| Heard::default()).collect();
    let sinks = heard.iter().map(|h| Sink::Stream(Box::new(h.clone()))).collect();
    let plan =
        Plan { purpose: Purpose::AofBase, format: Rc::new(Lines), frame: Box::<Selects>::default(), sinks };
    kit.exec.server.begin_snapshot(plan).expect("none is running");
    heard
}

/// One small step of the walk.
fn step(kit: &mut Kit) {
    let server = &mut kit.exec.server;
    if let Some(running) = &mut server.snapshots.running {
        let mut leftovers = Leftovers::default();
        running.step(&mut server.dbs);
        running.collect(&mut server.dbs, &mut leftovers);
    }
}

/// Lets it come to its end.
fn finish(kit: &mut Kit) {
    let ended = end(kit);
    assert!(ended.result.is_ok(), "{ended:?}");
}

/// Commands with places for keys (of a string, list, hash, set, sorted set, stream, any), values and numbers.
const COMMANDS: &[&str] = &[
    "SET $s $v",
    "SET $a $v",
    "SET $s $v PX 50",
    "SETNX $a $v",
    "SETEX $s 1 $v",
    "MSET $s $v $s $v",
    "APPEND $s $v",
    "INCR $i",
    "INCRBYFLOAT $i 1.5",
    "DECRBY $i $n",
    "SETRANGE $s $n $v",
    "SETRANGE $s 30000 $v",
    "SETBIT $s $n 1",
    "GETDEL $s",
    "GETEX $s PX 60",
    "GETEX $s PERSIST",
    "GETSET $s $v",
    "BITOP OR $s $s $s",
    "BITFIELD $s SET u8 #$n 200",
    "PFADD $p $v $v",
    "PFMERGE $p $p",
    "PFCOUNT $p $p",
    "LPUSH $l $v $v $v",
    "RPUSH $l $v",
    "LPOP $l",
    "RPOP $l 3",
    "LSET $l 0 $v",
    "LINSERT $l BEFORE $v x",
    "LREM $l 0 $v",
    "LTRIM $l 0 $n",
    "LMOVE $l $l LEFT RIGHT",
    "RPOPLPUSH $l $l",
    "LMPOP 2 $l $l LEFT COUNT 2",
    "RPUSHX $l $v",
    "HSET $h $v $v $n $v",
    "HDEL $h $v",
    "HINCRBY $h $n 3",
    "HINCRBYFLOAT $h $n 1.5",
    "HSETNX $h $v $v",
    "HPEXPIRE $h 40 FIELDS 1 $n",
    "HPERSIST $h FIELDS 1 $n",
    "HSETEX $h PX 70 FIELDS 1 $n $v",
    "HGETEX $h PX 30 FIELDS 1 $n",
    "HGETDEL $h FIELDS 1 $n",
    "SADD $e $v $v $n",
    "SADD $e $n",
    "SREM $e $v",
    "SPOP $e",
    "SPOP $e 3",
    "SMOVE $e $e $v",
    "SINTERSTORE $e $e $e",
    "SUNIONSTORE $e $e $e",
    "SDIFFSTORE $e $e $e",
    "ZADD $z $n $v $n $n",
    "ZINCRBY $z $n $v",
    "ZREM $z $v",
    "ZPOPMIN $z",
    "ZPOPMAX $z 2",
    "ZREMRANGEBYRANK $z 0 1",
    "ZREMRANGEBYSCORE $z 0 $n",
    "ZUNIONSTORE $z 2 $z $z",
    "ZRANGESTORE $z $z 0 $n",
    "ZMPOP 2 $z $z MIN",
    "ZDIFFSTORE $z 2 $z $z",
    "ZINTERSTORE $z 2 $z $z",
    "GEOADD $g 13.3 38.1 $v",
    "GEOSEARCHSTORE $g $g FROMLONLAT 13 38 BYRADIUS 500 km",
    "XADD $x * $v $v",
    "XADD $x MAXLEN 5 * $v $v",
    "XTRIM $x MAXLEN 3",
    "XDEL $x 1-1",
    "XGROUP CREATE $x g$n 0 MKSTREAM",
    "XREADGROUP GROUP g$n c COUNT 1 STREAMS $x >",
    "XGROUP DESTROY $x g$n",
    "XAUTOCLAIM $x g$n d 0 0",
    "XGROUP CREATECONSUMER $x g$n e",
    "XSETID $x 99999999999999-1",
    "DEL $a",
    "DEL $a $a $a",
    "UNLINK $a",
    "RENAME $a $a",
    "RENAMENX $a $a",
    "COPY $a $a",
    "COPY $a $a REPLACE",
    "COPY $a $a DB 2 REPLACE",
    "MOVE $a 1",
    "MOVE $a 2",
    "EXPIRE $a 1",
    "PEXPIRE $a $n",
    "PERSIST $a",
    "PEXPIREAT $a 1",
    "SORT $l ALPHA STORE $l",
    "SORT_RO $e ALPHA",
    "SORT $z BY nosort STORE $l",
    "GET $s",
    "LRANGE $l 0 -1",
    "HGETALL $h",
    "SMEMBERS $e",
    "ZRANGE $z 0 -1",
    "OBJECT ENCODING $a",
    "RANDOMKEY",
    "SCAN $n",
    "TOUCH $a",
    "EXISTS $a $a",
    "SELECT 0",
    "SELECT 0",
    "SELECT 1",
    "SELECT 2",
    "SWAPDB 0 1",
    "SWAPDB 2 1",
    "FLUSHDB",
    "FLUSHDB ASYNC",
    "FLUSHALL",
    "MULTI",
    "EXEC",
    "DISCARD",
];

fn words(rng: &mut Rng, command: &str) -> Vec<Vec<u8>> {
    let mut draw = |most: u64| rng.below(most);
    command
        .split(' ')
        .map(|w| {
            let Some(at) = w.find('$') else { return w.as_bytes().to_vec() };
            let (before, kind) = (&w[..at], &w[at + 1..]);
            let text = match kind {
                "n" => draw(12).to_string(),
                "v" => match draw(20) {
                    0 => "v".repeat(draw(3000) as usize),
                    n => format!("value{}", n * 10 + draw(3)),
                },
                "a" => {
                    let kinds = ["s", "i", "p", "l", "h", "e", "z", "g", "x", "big-"];
                    let kind = kinds[draw(10) as usize];
                    format!("{kind}{}", draw(if kind == "big-" { 8 } else { 150 }))
                }
                kind if draw(40) == 0 => format!(
                    "big-{}",
                    ["s", "l", "h", "e", "z", "x"].iter().position(|k| *k == kind).unwrap_or(7)
                ),
                kind => format!("{kind}{}", draw(150)),
            };
            format!("{before}{text}").into_bytes()
        })
        .collect()
}

/// Fills three databases: small keys enough for some segments, and one large value of each type.
fn fill(kit: &mut Kit, rng: &mut Rng) {
    for n in 0..3000 {
        kit.run("a", &words(rng, &format!("SET filler{n} $v")));
    }
    for (command, times) in [
        ("SET big-0 x", 1),
        ("RPUSH big-1", 60),
        ("HSET big-2 f", 60),
        ("SADD big-3", 60),
        ("ZADD big-4 1", 60),
        ("XADD big-5 *  f", 60),
    ] {
        for n in 0..times {
            let mut words: Vec<Vec<u8>> =
                command.split(' ').filter(|w| !w.is_empty()).map(|w| w.as_bytes().to_vec()).collect();
            let filler = format!("{n}-{}", "y".repeat(3000));
            match words[0].as_slice() {
                b"SET" => words[2] = vec![b'x'; 200_000],
                b"HSET" => {
                    words[2].extend(n.to_string().bytes());
                    words.push(filler.into_bytes());
                }
                _ => words.push(filler.into_bytes()),
            }
            kit.run("a", &words);
        }
    }
    for _ in 0..4000 {
        let command = COMMANDS[rng.below(COMMANDS.len() as u64) as usize];
        if !["FLUSH", "SWAPDB", "MULTI", "EXEC", "DEL", "UNLINK"].iter().any(|c| command.starts_with(c)) {
            kit.run("a", &words(rng, command));
        }
    }
}

/// One run: what was there, and what the snapshot says.
fn play(seed: u64, small: usize, evicts: bool) {
    let mut config = Config { maxmemory_policy: EvictionPolicy::AllkeysRandom, ..Config::default() };
    if small > 0 {
        config.hash_max_listpack_entries = small;
        config.set_max_listpack_entries = small;
        config.zset_max_listpack_entries = small;
        config.list_max_listpack_size = small as i64;
        config.list_compress_depth = 1;
    }
    let mut kit = Kit::new(config);
    let mut rng = Rng::new(seed);
    fill(&mut kit, &mut rng);
    for round in 0..3 {
        let before = contents(&kit);
        let heard = begin(&mut kit, 2);
        let commands = rng.below(1500);
        for n in 0..commands {
            let mut command = COMMANDS[rng.below(COMMANDS.len() as u64) as usize];
            if command.starts_with("FLUSH") && rng.below(10) > 0 {
                command = "DEL $a";
            }
            kit.run("a", &words(&mut rng, command));
            if n % 7 == 0 {
                step(&mut kit);
            }
            if n % 50 == 0 {
                kit.clock.advance_ms(15);
                kit.exec.expire_due();
            }
            // Whoever is held goes on as the value is written.
            for _ in 0..20 {
                if kit.exec.server.blocked.is_empty() {
                    break;
                }
                step(&mut kit);
                kit.exec.let_held_go();
                kit.settle();
            }
        }
        if evicts && round == 1 {
            kit.exec.server.config.maxmemory = 1;
            kit.run("a", &words(&mut rng, "PING"));
            kit.exec.server.config.maxmemory = 0;
        }
        finish(&mut kit);
        for heard in heard {
            let got = parsed(&heard.0.lock().unwrap());
            let missing: Vec<&String> = before.iter().filter(|l| got.binary_search(l).is_err()).collect();
            let wrong: Vec<&String> = got.iter().filter(|l| before.binary_search(l).is_err()).collect();
            let shown = |lines: &[&String]| {
                lines.iter().take(3).map(|l| l.chars().take(200).collect::<String>()).collect::<Vec<_>>()
            };
            assert!(
                missing.is_empty() && wrong.is_empty() && got.len() == before.len(),
                "seed {seed}, round {round}: lacks {} {:#?}; has {} others {:#?}",
                missing.len(),
                shown(&missing),
                wrong.len(),
                shown(&wrong)
            );
        }
    }
}

#[test]
fn a_snapshot_is_the_data_at_its_beginning() {
    for seed in 1..3 {
        play(seed, 0, false);
    }
}

#[test]
fn whatever_the_encodings_are() {
    play(11, 4, false);
    play(12, 1, true);
}

#[test]
fn eviction_of_all_keys_takes_nothing_from_it() {
    play(21, 0, true);
}

/// An executor with a large list and a small key.
fn with_large_list() -> Kit {
    let mut kit = Kit::new(Config::default());
    for _ in 0..100 {
        kit.run("a", &[b"RPUSH".to_vec(), b"large".to_vec(), vec![b'x'; 3000]]);
    }
    kit.run("a", &["SET", "small", "1"].map(|w| w.as_bytes().to_vec()));
    kit
}

#[test]
fn only_who_changes_a_large_value_waits_for_it() {
    let mut kit = with_large_list();
    let before = contents(&kit);
    let heard = begin(&mut kit, 1);
    assert_eq!(kit.raw("a", b"RPUSH large y\r\nPING\r\n"), b"", "neither it nor what is behind it");
    assert_eq!(kit.raw("b", b"INCR small\r\n"), b":2\r\n");
    assert_eq!(kit.raw("b", b"LLEN large\r\n"), b":100\r\n");
    assert_eq!(
        kit.raw("c", b"MULTI\r\nINCR small\r\nLSET large 0 z\r\nEXEC\r\n"),
        b"+OK\r\n+QUEUED\r\n+QUEUED\r\n"
    );
    assert_eq!(kit.raw("b", b"INCR small\r\n"), b":3\r\n", "EXEC waits with all that is queued");
    for _ in 0..3 {
        step(&mut kit);
        kit.exec.let_held_go();
        kit.settle();
        assert_eq!(kit.heard("a"), b"", "it is not whole yet");
    }
    finish(&mut kit);
    kit.settle();
    assert_eq!(kit.heard("a"), b":101\r\n+PONG\r\n");
    assert_eq!(kit.heard("c"), b"*2\r\n:4\r\n+OK\r\n");
    assert_eq!(parsed(&heard[0].0.lock().unwrap()), before);
}

#[test]
fn a_client_that_waits_may_go() {
    let mut kit = with_large_list();
    begin(&mut kit, 1);
    kit.raw("a", b"DEL large\r\n");
    let slot = kit.client("a");
    kit.leave(slot);
    finish(&mut kit);
    assert_eq!(kit.raw("b", b"EXISTS large\r\n"), b":1\r\n");
}

#[test]
fn commands_do_only_so_much_of_the_work() {
    let mut kit = Kit::new(Config::default());
    for n in 0..60_000 {
        kit.raw("a", format!("SET k{n} 1\r\n").as_bytes());
    }
    let before = contents(&kit);
    let heard = begin(&mut kit, 1);
    let mut ran = 0;
    while kit.raw("a", format!("SET k{ran} 2\r\n").as_bytes()) == b"+OK\r\n" {
        ran += 1;
    }
    assert!(ran > 10 && !kit.exec.server.blocked.is_empty(), "{ran}");
    assert_eq!(kit.raw("b", b"GET k59999\r\n"), b"$1\r\n1\r\n", "readers do not wait");
    assert_eq!(
        kit.raw("c", format!("SET k{} 3\r\n", ran - 1).as_bytes()),
        b"+OK\r\n",
        "nor who owes nothing"
    );
    kit.exec.let_held_go();
    kit.settle();
    assert_eq!(kit.heard("a"), b"+OK\r\n", "first those who have waited");
    finish(&mut kit);
    assert_eq!(parsed(&heard[0].0.lock().unwrap()), before);
}

/// A file as the sink, on a disk that may fail.
fn begin_file(kit: &mut Kit, disk: Arc<dyn Disk>) {
    let file = FileSink { disk, temp: "temp-1.rdb".into(), name: Some("dump.rdb".into()), incremental: true };
    let sinks = vec![Sink::File(file)];
    let plan =
        Plan { purpose: Purpose::AofBase, format: Rc::new(Lines), frame: Box::<Selects>::default(), sinks };
    kit.exec.server.begin_snapshot(plan).expect("none is running");
}

fn end(kit: &mut Kit) -> Ended {
    while kit.exec.server.snapshots.running.is_some() {
        kit.exec.tick();
        std::thread::yield_now();
    }
    kit.exec.server.snapshots.ended.pop().expect("it has ended")
}

#[test]
fn a_file_is_whole_or_not_there() {
    let mut kit = with_large_list();
    let disk = MemoryDisk::new();
    begin_file(&mut kit, Arc::new(disk.clone()));
    assert!(matches!(kit.exec.server.begin_snapshot(plan_of_nothing()), Err(Refused::Busy)));
    let ended = end(&mut kit);
    assert!(ended.result.is_ok() && !ended.cancelled);
    let found = disk.after_power_loss(Loss::All);
    let bytes = found.read("dump.rdb".as_ref()).unwrap();
    assert_eq!((parsed(&bytes), bytes.len() as u64), (contents(&kit), ended.bytes));
    // Given up half way: the old file stays.
    kit.exec.server.config.rdb_key_save_delay = 10_000_000;
    begin_file(&mut kit, Arc::new(disk.clone()));
    kit.exec.tick();
    kit.exec.server.cancel_snapshot();
    let ended = end(&mut kit);
    assert!(ended.result.is_err() && ended.cancelled);
    assert_eq!(disk.read("dump.rdb".as_ref()).unwrap(), bytes);
    assert!(!disk.exists("temp-1.rdb".as_ref()));
}

#[test]
fn a_disk_that_fails_ends_it() {
    for calls in 0..8 {
        let mut kit = with_large_list();
        let memory = MemoryDisk::new();
        let disk = FaultyDisk::new(memory.clone(), Faults::after(calls));
        begin_file(&mut kit, Arc::new(disk));
        let ended = end(&mut kit);
        assert_eq!(ended.failed, if ended.result.is_err() { vec![0] } else { vec![] });
        assert!(calls > 3 || ended.result.is_err(), "{calls}: {ended:?}");
        assert_eq!(kit.raw("a", b"RPUSH large y\r\n"), b":101\r\n", "nobody is held any more");
    }
}

fn plan_of_nothing() -> Plan {
    Plan {
        purpose: Purpose::Save,
        format: Rc::new(Lines),
        frame: Box::<Selects>::default(),
        sinks: Vec::new(),
    }
}

/// Blocks that wait for the end of a value in pieces must not keep the walk from getting there, however much they are.
#[test]
fn what_stands_aside_for_a_value_does_not_hold_it_up() {
    const STRINGS: usize = 400;
    let mut kit = Kit::new(Config::default());
    let name = |i: usize| format!("s{i}").into_bytes();
    for i in 0..STRINGS {
        kit.run("c", &[b"SET".to_vec(), name(i), vec![b'x'; 100_000]]);
    }
    let members = (0..20_000).map(|i| format!("member:{i}").into_bytes());
    kit.run("c", &[b"SADD".to_vec(), b"big".to_vec()].into_iter().chain(members).collect::<Vec<_>>());
    let before = contents(&kit);
    let heard = begin(&mut kit, 1);
    kit.exec.server.dbs[0].want(Key::new(b"big"));
    while !kit.exec.server.dbs[0].saving().is_some_and(|(saver, _)| saver.in_pieces()) {
        step(&mut kit);
    }
    // Behind the gate, which would hold such commands: it is about more than one turn does.
    for i in 0..STRINGS {
        kit.exec.server.dbs[0].set(Key::new(&name(i)), NewValue::Bytes(b"changed"), None);
    }
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while kit.exec.server.snapshots.running.is_some() {
        assert!(std::time::Instant::now() < end, "it stands still");
        kit.exec.tick();
    }
    assert!(parsed(&heard[0].0.lock().unwrap()) == before);
}

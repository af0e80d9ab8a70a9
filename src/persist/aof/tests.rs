//! The log on disks that fail and lose power, and files that are damaged.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::annotation::Annotation;
use super::folder::Folder;
use super::scan::{Fault, Item, Verdict, tail, verify};
use super::writer::{Fsync, Settings, Writer};
use crate::resp::encode;
use crate::sys::disk::{Disk, Faults, FaultyDisk, Loss, MemoryDisk, Open};

const ALWAYS: Settings =
    Settings { fsync: Fsync::Always, hold_sync: false, annotate: true, retain: Some(0), flush_sleep_us: 0 };

fn command(words: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    encode::request(&mut out, words.into_iter());
    out
}

fn folder(disk: impl Disk + 'static) -> Folder {
    Folder::open(Arc::new(disk), "aofs", "a.aof").unwrap()
}

fn writer(disk: impl Disk + 'static, settings: Settings) -> Writer {
    let writer = Writer::new(folder(disk), settings);
    writer.folder.create().unwrap();
    writer
}

/// All that the files of the folder hold, in order, without lines that are skipped; torn ends are cut off.
fn contents(disk: &MemoryDisk) -> Vec<u8> {
    let folder = folder(disk.clone());
    let mut all = Vec::new();
    for info in folder.manifest.files() {
        let path = folder.path(&info.name);
        let mut bytes = disk.read(&path).expect("a file that the manifest names");
        let verdict = check(&bytes);
        let cut = tail(&mut *open(&bytes), &verdict).unwrap().expect("no damage in the middle");
        bytes.truncate(cut as usize);
        let mut at = 0;
        let mut skipped = Vec::new();
        verify(open(&bytes), 0, bytes.len() as u64, &mut |item, from| {
            skipped.push((item, from as usize));
            true
        });
        for (_, from) in skipped {
            all.extend_from_slice(&bytes[at..from]);
            at = from + bytes[from..].iter().position(|b| *b == b'\n').unwrap() + 1;
        }
        all.extend_from_slice(&bytes[at..]);
    }
    all
}

fn open(bytes: &[u8]) -> Box<dyn crate::sys::disk::File> {
    let disk = MemoryDisk::new();
    disk.open(Path::new("f"), Open::New).unwrap().write_all(bytes).unwrap();
    disk.open(Path::new("f"), Open::Read).unwrap()
}

fn check(bytes: &[u8]) -> Verdict {
    verify(open(bytes), 0, bytes.len() as u64, &mut |_, _| true)
}

/// A few flushes, a rewrite among them, on a disk whose `calls`-th call fails. Gives what was said to be durable.
fn history(memory: &MemoryDisk, calls: u64) -> (Vec<u8>, Vec<u8>, bool) {
    let disk = FaultyDisk::new(memory.clone(), Faults::after(calls));
    let (mut all, mut durable) = (Vec::new(), 0);
    let mut w = Writer::new(folder(disk), ALWAYS);
    let mut done = w.folder.create().is_ok() && w.open_last(0).is_ok();
    let mut at = 1;
    let mut put = |w: &mut Writer, words: &str, all: &mut Vec<u8>| {
        all.extend(command(words));
        w.append(&command(words), all.len() as u64);
        w.flush(at);
        at += 1;
        w.durable as usize
    };
    for i in 0..2 {
        if done {
            durable = put(&mut w, &format!("SET key:{i} value"), &mut all);
        }
    }
    // A rewrite: the base holds what there is so far.
    let before = all.clone();
    if done && w.rotate(false, 9).is_ok() {
        durable = put(&mut w, "INCR n", &mut all);
        let base = w.folder.temp_base();
        let written = w.folder.disk.open(&base, Open::Truncate).and_then(|mut f| {
            f.write_all(&before)?;
            f.sync()
        });
        if written.is_ok() && w.install(&base, false).is_ok() {
            w.collect();
        }
        durable = durable.max(put(&mut w, "INCR m", &mut all));
        done &= w.error.is_none();
    }
    (all.clone(), all[..durable].to_vec(), done && w.folder.manifest.history.is_empty())
}

#[test]
fn what_is_durable_survives_whatever_fails_and_the_power_too() {
    for calls in 0.. {
        let memory = MemoryDisk::new();
        let (all, durable, whole) = history(&memory, calls);
        for seed in 0..30 {
            let loss = match seed {
                0 => Loss::All,
                s if s % 2 == 0 => Loss::Torn { seed: s },
                s => Loss::Zeros { seed: s },
            };
            let after = memory.after_power_loss(loss);
            let found = contents(&after);
            assert!(found.len() >= durable.len(), "call {calls}, {loss:?}: lost what was durable");
            assert!(all.starts_with(&found), "call {calls}, {loss:?}: {}", String::from_utf8_lossy(&found));
            // Whole commands only.
            assert!(check(&found).fault.is_none(), "call {calls}, {loss:?}");
        }
        if whole && calls > 20 {
            return;
        }
        assert!(calls < 200, "it never goes well");
    }
}

#[test]
fn an_error_is_over_when_the_disk_is_back() {
    for fsync in [Fsync::Always, Fsync::EverySec, Fsync::No] {
        let memory = MemoryDisk::new();
        let faults = Faults::none();
        let disk = FaultyDisk::new(memory.clone(), faults.clone());
        let mut w = writer(disk, Settings { fsync, ..ALWAYS });
        w.open_last(0).unwrap();
        w.append(&command("SET a 1"), 10);
        w.flush(1);
        faults.fail_after(0, io::ErrorKind::StorageFull);
        w.append(&command("SET b 2"), 20);
        w.flush(2);
        assert!(w.error.is_some());
        assert!(w.waiting() > 0 && w.next_ms() == Some(102));
        w.flush(200);
        faults.repair();
        w.flush(300);
        assert_eq!((w.error.as_deref(), w.waiting()), (None, 0));
        assert_eq!(contents(&memory), [command("SET a 1"), command("SET b 2")].concat());
        assert_eq!(w.durable, if fsync == Fsync::Always { 20 } else { 0 });
    }
}

#[test]
fn every_second_a_sync() {
    let memory = MemoryDisk::new();
    let mut w = writer(memory.clone(), Settings { fsync: Fsync::EverySec, ..ALWAYS });
    w.open_last(0).unwrap();
    w.append(&command("SET a 1"), 10);
    w.flush(5000);
    assert_eq!((w.durable, w.next_ms()), (10, None));
    w.append(&command("SET b 2"), 20);
    w.flush(5001);
    assert_eq!((w.durable, w.next_ms()), (10, Some(6000)));
    w.flush(5999);
    assert_eq!(w.durable, 10);
    w.flush(6000);
    assert_eq!((w.durable, w.next_ms()), (20, None));
    w.set(Settings { hold_sync: true, ..ALWAYS });
    w.append(&command("SET c 3"), 30);
    w.flush(7001);
    assert_eq!(w.durable, 20);
    w.set(ALWAYS);
    w.flush(7002);
    assert_eq!(w.durable, 30);
}

#[test]
fn a_failed_sync_makes_what_was_written_suspect() {
    let faults = Faults::none();
    let disk = FaultyDisk::new(MemoryDisk::new(), faults.clone());
    let mut w = writer(disk, Settings { fsync: Fsync::EverySec, ..ALWAYS });
    w.open_last(0).unwrap();
    w.flush(5000);
    w.append(&command("SET a 1"), 10);
    faults.fail_after(1, io::ErrorKind::Other);
    w.flush(7000);
    assert!(w.error.is_some() && !w.suspect);
    // Between two attempts the thread sleeps, whatever is due.
    w.flush(7100);
    assert_eq!(w.next_ms(), Some(7200));
    faults.repair();
    w.flush(8000);
    assert!(w.error.is_none() && w.suspect && w.durable == 10);
}

#[test]
fn a_base_whose_increment_was_not_begun_is_refused() {
    let (memory, faults) = (MemoryDisk::new(), Faults::none());
    let mut w = writer(FaultyDisk::new(memory.clone(), faults.clone()), ALWAYS);
    w.open_last(0).unwrap();
    w.append(&command("INCR n"), 10);
    w.flush(1);
    faults.fail_after(0, io::ErrorKind::Other);
    assert!(w.rotate(false, 2).is_err());
    faults.repair();
    let base = w.folder.temp_base();
    memory.open(&base, Open::Truncate).unwrap().write_all(&command("INCR n")).unwrap();
    assert!(w.install(&base, false).is_err() && !memory.exists(&base));
    assert_eq!(contents(&memory), command("INCR n"));
}

#[test]
fn switching_on_uses_a_file_without_a_name_until_the_base_is_there() {
    let memory = MemoryDisk::new();
    let mut w = writer(memory.clone(), ALWAYS);
    w.rotate(true, 1).unwrap();
    w.append(&command("SET a 1"), 10);
    w.flush(2);
    assert!(w.folder.manifest.is_empty() && memory.exists(Path::new("aofs/temp-a.aof.incr")));
    w.discard_temp();
    assert!(!memory.exists(Path::new("aofs/temp-a.aof.incr")) && !w.is_open());
    w.rotate(true, 3).unwrap();
    w.append(&command("SET b 2"), 20);
    w.flush(4);
    let base = w.folder.temp_base();
    memory.open(&base, Open::Truncate).unwrap().write_all(&command("SET a 1")).unwrap();
    w.install(&base, false).unwrap();
    assert_eq!(contents(&memory), [command("SET a 1"), command("SET b 2")].concat());
    let text = memory.read(Path::new("aofs/a.aof.manifest")).unwrap();
    let expected = "file a.aof.1.base.aof seq 1 type b\nfile a.aof.1.incr.aof seq 1 type i\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    w.append(&command("SET c 3"), 30);
    assert!(w.close(5));
    assert_eq!(contents(&memory).len(), 3 * command("SET a 1").len());
}

#[test]
fn history_is_kept_as_asked() {
    let memory = MemoryDisk::new();
    let mut w = writer(memory.clone(), Settings { retain: Some(1), ..ALWAYS });
    w.open_last(0).unwrap();
    for i in 0..4 {
        w.rotate(false, i).unwrap();
        let base = w.folder.temp_base();
        memory.open(&base, Open::Truncate).unwrap();
        w.install(&base, true).unwrap();
        w.collect();
    }
    let names: Vec<String> = memory.list(Path::new("aofs")).unwrap().into_iter().map(|e| e.name).collect();
    let expected = ["3.base.rdb", "4.base.rdb", "4.incr.aof", "5.incr.aof", "manifest"];
    assert_eq!(names, expected.map(|n| format!("a.aof.{n}")));
}

#[test]
fn an_old_single_file_becomes_the_base() {
    let memory = MemoryDisk::new();
    memory.open(Path::new("a.aof"), Open::New).unwrap().write_all(&command("SET a 1")).unwrap();
    let mut f = folder(memory.clone());
    f.upgrade().unwrap();
    assert!(!memory.exists(Path::new("a.aof")) && memory.exists(Path::new("aofs/a.aof")));
    assert_eq!(contents(&memory), command("SET a 1"));
    // Once more, with another file of that name: it is none of this folder's.
    memory.open(Path::new("a.aof"), Open::New).unwrap();
    folder(memory.clone()).upgrade().unwrap();
    assert!(memory.exists(Path::new("a.aof")));
}

/// Commands with annotations after each, written at these moments.
fn annotated(parts: &[(&str, u64)]) -> Vec<u8> {
    let memory = MemoryDisk::new();
    let mut w = writer(memory.clone(), ALWAYS);
    w.open_last(0).unwrap();
    let mut end = 0;
    for (words, ms) in parts {
        end += command(words).len() as u64;
        w.append(&command(words), end);
        w.flush(*ms);
    }
    memory.read(Path::new("aofs/a.aof.1.incr.aof")).unwrap()
}

fn cut(bytes: &[u8]) -> Option<u64> {
    tail(&mut *open(bytes), &check(bytes)).unwrap()
}

#[test]
fn ends_are_repaired_and_middles_are_not() {
    let good = annotated(&[("SET a 1", 1000), ("SET b 2", 1001), ("SET c 3", 9000)]);
    let first = annotated(&[("SET a 1", 1000)]).len();
    let second = annotated(&[("SET a 1", 1000), ("SET b 2", 1001)]).len() as u64;
    assert!(check(&good).fault.is_none());
    for end in 0..good.len() {
        let whole = cut(&good[..end]).expect("the end is missing, no more");
        assert!(whole as usize <= end);
        let zeros = [&good[..end], &[0; 700]].concat();
        assert!(cut(&zeros).is_some_and(|c| c as usize <= end), "{end}");
    }
    // A byte that has changed: within two seconds of the end it may never have reached the disk.
    let flip = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 1;
        cut(&bad)
    };
    for at in second as usize..good.len() - 2 {
        assert!(flip(at).is_none_or(|c| c >= second), "{at}");
    }
    // Before that, somebody has damaged it.
    for at in first..second as usize - 60 {
        assert_eq!(flip(at), None, "{at}");
    }
    let mut bad = good.clone();
    bad[24] = b'2';
    let verdict = check(&bad);
    assert!(matches!(verdict.fault, Some(Fault::Checksum { from: 0, to: 27 })), "{verdict:?}");
}

#[test]
fn files_without_annotations_are_judged_as_the_reference_does() {
    let two = [command("SET a 1"), command("SET b 2")].concat();
    let one = command("SET a 1").len() as u64;
    assert_eq!(cut(&two), Some(2 * one));
    assert_eq!(cut(&two[..two.len() - 1]), Some(one));
    assert_eq!(cut(&[&two[..], &[0; 9]].concat()), Some(2 * one));
    assert_eq!(cut(&[&two[..], b"!!!", &two].concat()), None);
    assert_eq!(cut(&[&two[..], &[0; 9], &two].concat()), None);
    let open = [&two[..], &command("MULTI"), &two].concat();
    assert_eq!(cut(&open), Some(2 * one));
    assert!(matches!(check(&open).fault, Some(Fault::Transaction { .. })));
    assert!(check(&[&open[..], &command("EXEC")].concat()).fault.is_none());
    let verdict = check(&[&command("set foo hello")[..], b"!!!"].concat());
    assert_eq!(verdict.lines, 8);
}

#[test]
fn lengths_are_not_believed() {
    for bad in [
        &b"*0\r\n"[..],
        b"*-1\r\n",
        b"*99999999999999999999\r\n",
        b"*1\r\n$-1\r\n\r\n",
        b"*1\r\n$3\r\nabcd\r\n",
        b"*\r\n",
        b"*1\n$4\nPING\n",
        b"*1\r\n:4\r\nPING\r\n",
        b"hello\r\n",
    ] {
        assert!(matches!(check(bad).fault, Some(Fault::Format { .. })), "{bad:?}: {:?}", check(bad).fault);
    }
    for short in
        [&b"*2147483647\r\n"[..], b"*1\r\n$9223372036854775807\r\nx\r\n", b"*1\r\n$4\r\nPIN", b"*", b"#x"]
    {
        assert!(matches!(check(short).fault, Some(Fault::Truncated { at: 0 })), "{short:?}");
    }
    assert!(matches!(check(&[b'#'; 2000]).fault, Some(Fault::Format { .. })));
}

#[test]
fn what_others_write_between_ours_is_not_doubted() {
    let memory = MemoryDisk::new();
    let path = Path::new("aofs/a.aof.1.incr.aof");
    let mut w = writer(memory.clone(), ALWAYS);
    w.open_last(0).unwrap();
    w.append(&command("SET a 1"), 10);
    w.flush(1);
    drop(w);
    memory.open(path, Open::Append).unwrap().write_all(&command("SET b 2")).unwrap();
    let mut w = writer(memory.clone(), ALWAYS);
    w.open_last(10).unwrap();
    w.append(&command("SET c 3"), 20);
    w.flush(2);
    let mut seen = Vec::new();
    let bytes = memory.read(path).unwrap();
    let verdict = verify(open(&bytes), 0, bytes.len() as u64, &mut |item, _| {
        if let Item::Annotation(Annotation { offset, bytes, .. }) = item {
            seen.push((offset, bytes));
        }
        true
    });
    assert!(verdict.fault.is_none(), "{verdict:?}");
    assert_eq!(seen, [(10, 27), (10, 0), (20, 27)]);
    assert_eq!(cut(&bytes), Some(bytes.len() as u64));
}

/// What the tool says, and its status.
fn tool(disk: &MemoryDisk, words: &str, answer: bool) -> (String, u8) {
    use super::check::{Console, run};
    let words: Vec<std::ffi::OsString> = words.split(' ').map(Into::into).collect();
    let said = std::cell::RefCell::new(String::new());
    let mut say = |text: &str| said.borrow_mut().push_str(text);
    let mut asks = |_: &str| answer;
    let rules = crate::engine::loading::rdb_rules(&Default::default(), true, None);
    let code = run(disk, rules, &words, "1", &mut Console { say: &mut say, asks: &mut asks });
    (said.into_inner(), code)
}

fn put(disk: &MemoryDisk, path: &str, bytes: &[u8]) {
    disk.open(Path::new(path), Open::Truncate).unwrap().write_all(bytes).unwrap();
}

#[test]
fn the_tool_finds_and_mends() {
    let disk = MemoryDisk::new();
    let good = [command("SET a 1"), command("SET b 2")].concat();
    put(&disk, "f", &good);
    let (said, code) = tool(&disk, "f", false);
    assert_eq!(
        (&said[..], code),
        (
            "Start checking Old-Style AOF\nAOF analyzed: filename=f, size=54, ok_up_to=54, ok_up_to_line=15, diff=0\n\
             AOF f is valid\n",
            0
        )
    );
    put(&disk, "f", &good[..50]);
    let (said, code) = tool(&disk, "f", false);
    assert!(said.contains("ok_up_to=27, ok_up_to_line=8, diff=23") && said.contains("not valid"), "{said}");
    assert_eq!(code, 1);
    assert!(tool(&disk, "--fix f", false).0.ends_with("Aborting...\n"));
    assert!(tool(&disk, "--fix f", true).0.ends_with("Successfully truncated AOF f\n"));
    assert_eq!(disk.read(Path::new("f")).unwrap(), &good[..27]);
    assert_eq!(tool(&disk, "nosuch", false).1, 1);
    assert!(tool(&disk, "a b c", false).0.starts_with("Usage: "));
}

#[test]
fn the_tool_goes_through_folders_and_back_in_time() {
    let disk = MemoryDisk::new();
    disk.create_dir(Path::new("d")).unwrap();
    put(&disk, "d/m", b"file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\n");
    put(&disk, "d/a.1.base.aof", &[&b"#TS:100\r\n"[..], &command("SET a 1")].concat());
    let incr = [&b"#TS:200\r\n"[..], &command("SET a 2"), b"#TS:300\r\n", &command("SET a 3")].concat();
    put(&disk, "d/a.1.incr.aof", &incr);
    let (said, code) = tool(&disk, "d/m", false);
    assert!(
        said.ends_with("INCR AOF a.1.incr.aof is valid\nAll AOF files and manifest are valid\n"),
        "{said}"
    );
    assert_eq!(code, 0);
    let (said, _) = tool(&disk, "--truncate-to-timestamp 250 d/m", false);
    assert!(said.contains("Successfully truncated AOF a.1.incr.aof to timestamp 250"), "{said}");
    assert_eq!(disk.read(Path::new("d/a.1.incr.aof")).unwrap().len(), 9 + command("SET a 2").len());
    let (said, code) = tool(&disk, "--truncate-to-timestamp 50 d/m", false);
    assert!(said.contains("nothing before timestamp 50, aborting") && code == 1, "{said}");
    put(&disk, "d/a.1.base.aof", &command("MULTI"));
    let (said, code) = tool(&disk, "--fix d/m", true);
    assert!(said.contains("because it is not the last file") && code == 1, "{said}");
    put(&disk, "d/m", b"file !!!\n");
    assert!(tool(&disk, "d/m", false).0.contains("Invalid AOF manifest file format"));
}

#[test]
fn back_to_a_moment_and_forward_again() {
    use super::recover::{Target, list, recover};
    let disk = MemoryDisk::new();
    let mut w = writer(disk.clone(), Settings { retain: Some(2), ..ALWAYS });
    w.open_last(0).unwrap();
    let mut all = Vec::new();
    let mut put = |w: &mut Writer, words: &str, ms: u64| {
        all.extend(command(words));
        w.append(&command(words), all.len() as u64);
        w.flush(ms);
    };
    let ms = |n: u64| 1_700_000_000_000 + n;
    put(&mut w, "SET a 1", ms(1));
    put(&mut w, "SET b 2", ms(2));
    w.rotate(false, ms(3)).unwrap();
    let base = w.folder.temp_base();
    let both = [command("SET a 1"), command("SET b 2")].concat();
    disk.open(&base, Open::Truncate).unwrap().write_all(&both).unwrap();
    w.install(&base, false).unwrap();
    w.collect();
    put(&mut w, "SET c 3", ms(4));
    put(&mut w, "SET d 4", ms(5));
    drop(w);
    let mut f = folder(disk.clone());
    let mut said = String::new();
    list(&f, &mut |text| said.push_str(text)).unwrap();
    assert!(
        said.contains("History, 1 rewrites ago") && said.contains("2 points, ms:1700000000001"),
        "{said}"
    );
    let one = command("SET a 1").len();
    for (target, commands) in [
        (Target::parse("1700000000004").unwrap(), 3),
        (Target::Ms(ms(3)), 2),
        (Target::Ms(ms(1)), 1),
        (Target::parse("offset:81").unwrap(), 3),
        (Target::parse("30").unwrap(), 1),
        (Target::Ms(u64::MAX), 4),
    ] {
        let point = recover(&mut f, target).unwrap().expect("a point");
        assert_eq!(point.annotation.offset, (commands * one) as u64);
        assert_eq!(contents(&disk).len(), commands * one, "{target:?}");
        f = folder(disk.clone());
    }
    // What came first is there still.
    assert_eq!(f.manifest.history_sets().len(), 7);
    assert_eq!(recover(&mut f, Target::Ms(5)).unwrap(), None);
    assert_eq!(Target::parse("x"), None);
}

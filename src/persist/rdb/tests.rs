//! There and back again, in every form and version.

use super::read::{Cause, Limits};
use super::save::{Contents, to_bytes};
use super::*;
use crate::base::rng::Rng;
use crate::keyspace::snapshot::Out;
use crate::keyspace::{Key, NewValue};
use crate::types::hash::{ALL, HashLimits, NewExpiry};
use crate::types::list::{End, List, ListLimits};
use crate::types::set::{Set, SetLimits};
use crate::types::stream::{Group, NewId, StreamId, StreamLimits};
use crate::types::zset::{AddRule, Zset, ZsetLimits};

const NOW_MS: i64 = 1_700_000_000_000;

fn rules(packed: usize) -> Rules {
    Rules {
        limits: Limits {
            list: ListLimits { size: packed as i64, depth: 1, plain: 0 },
            hash: HashLimits { packed, packed_value: 64 },
            set: SetLimits { ints: packed, packed, packed_value: 64 },
            zset: ZsetLimits { packed, packed_value: 64 },
        },
        relaxed: false,
        checksum: true,
        fields_due_ms: None,
    }
}

fn target(version: u16) -> Target {
    Target { version, compress: true, checksum: true, usage: Usage::Nothing, now_ms: NOW_MS }
}

fn put(db: &mut Db, key: &str, value: impl Into<NewValue<'static>>, expiry: Option<i64>) {
    let value = value.into();
    db.set(Key::new(key.as_bytes()), value, expiry);
}

/// A database with values of all types in collections of `n` elements.
fn db(n: usize, packed: usize) -> Db {
    let limits = rules(packed).limits;
    let mut db = Db::new(3, Rng::new(1));
    db.now_ms = NOW_MS;
    for (key, text) in [("empty", String::new()), ("short", "x".into()), ("long", "abc ".repeat(20_000))] {
        db.set(Key::new(key.as_bytes()), NewValue::Bytes(text.as_bytes()), Some(NOW_MS + 5));
    }
    for i in [0, -1, 127, -129, 40_000, -3_000_000_000, i64::MAX, i64::MIN] {
        db.set(Key::new(format!("int{i}").as_bytes()), NewValue::Int(i), None);
    }
    let texts = || (0..n).map(|i| if i % 3 == 0 { i.to_string() } else { format!("element {i}") });
    let (mut list, mut set, mut ints) =
        (List::new(), Set::Packed(Default::default()), Set::Ints(Default::default()));
    let (mut hash, mut zset) = (Hash::new(), Zset::Packed(Default::default()));
    let mut stream = Stream::new();
    for (i, text) in texts().enumerate() {
        let bytes = text.as_bytes();
        list.grow(1, bytes.len(), limits.list);
        list.push(End::Back, bytes, limits.list);
        set.add(bytes, limits.set);
        ints.add((i * 1000).to_string().as_bytes(), limits.set);
        hash.set(bytes, b"value", NewExpiry::Never, ALL, limits.hash);
        zset.add(bytes, i as f64 / 4.0, AddRule::default(), limits.zset);
        let pairs = [(&b"name"[..], bytes), (&b"n"[..], &b"5"[..])];
        let id = NewId::Whole(StreamId::new(1 + i as u64 / 3, i as u64));
        stream.add(id, 1, pairs.into_iter(), StreamLimits { bytes: 0, entries: 10 }).unwrap();
    }
    let first = stream.node_ids().next();
    stream.delete(first.into_iter());
    for name in ["g1", "g2"] {
        let mut group = Group::new(StreamId::MIN, 0);
        let (a, b) = (group.add_consumer(b"a", 7), group.add_consumer(b"bb", 8));
        group.served(b, 9);
        for i in 0..(n / 2) as u64 {
            group.assign(StreamId::new(i, 1), if i % 2 == 0 { a } else { b }, NOW_MS + i as i64, i);
        }
        stream.add_group(name.as_bytes(), group);
    }
    put(&mut db, "list", list, None);
    put(&mut db, "set", set, Some(NOW_MS));
    put(&mut db, "ints", ints, None);
    put(&mut db, "hash", hash, None);
    put(&mut db, "zset", zset, None);
    put(&mut db, "stream", stream, None);
    db
}

fn with_field_expiry(mut db: Db) -> Db {
    let mut hash = Hash::new();
    for i in 0..20i64 {
        let expiry = if i % 3 == 0 { NewExpiry::Never } else { NewExpiry::At(NOW_MS + i * i) };
        hash.set(i.to_string().as_bytes(), b"v", expiry, ALL, rules(10).limits.hash);
    }
    put(&mut db, "volatile fields", hash, None);
    db
}

/// All that a database holds, as text.
fn shown(db: &Db) -> Vec<String> {
    let mut all = Vec::new();
    for e in db.table().iter() {
        let mut text = format!("{} {:?} {} ", String::from_utf8_lossy(e.key()), e.expiry(), e.type_name());
        let mut parts = Vec::new();
        match e.any() {
            None => text += &format!("{:?}", e.value()),
            Some(any) => {
                any.visit(&mut |p| {
                    parts.push(format!(
                        "{:?}",
                        p.iter().map(|p| String::from_utf8_lossy(p)).collect::<Vec<_>>()
                    ))
                });
                if !any.ordered() {
                    parts.sort();
                }
                any.visit_state(&mut |s| parts.push(s.into()));
            }
        }
        if let Some(stream) = e.collection::<Stream>() {
            for (_, group) in stream.groups() {
                group.consumers().for_each(|c| parts.push(format!("{} {}", c.seen_ms, c.active_ms)));
            }
        }
        all.push(text + &parts.join(" "));
    }
    all.sort();
    all
}

fn not_written(offset: u64) -> Error {
    Error { cause: Cause::Corrupt, offset, key: None, what: "something that was not written".into() }
}

/// What a file holds in database 3.
fn load(bytes: &[u8], rules: Rules) -> Result<Db, Error> {
    let mut db = Db::new(3, Rng::new(1));
    db.now_ms = NOW_MS;
    let mut reader = Reader::new(bytes, rules);
    let mut keys = None;
    loop {
        match reader.next_item()? {
            Item::Start { .. } | Item::Aux(..) => {}
            Item::SelectDb(3) => {}
            Item::Resize { keys: n, .. } => keys = Some(n),
            Item::Key(key) if db.raw(Key::new(key.entry.view().key())).is_none() => {
                db.insert_loaded(key.entry, key.idle, key.frequency);
            }
            Item::End { checked } => {
                assert_eq!((checked, reader.offset()), (rules.checksum, bytes.len() as u64));
                break;
            }
            _ => return Err(not_written(reader.offset())),
        }
    }
    if keys.is_some_and(|n| n != db.len() as u64) {
        return Err(not_written(0));
    }
    Ok(db)
}

fn file(db: Db, t: &Target) -> (Vec<u8>, Db) {
    let dbs = [db];
    let bytes = to_bytes(&Contents { dbs: &dbs, fields: &[("ctime", "5")], functions: &[] }, t);
    let [db] = dbs;
    (bytes, db)
}

#[test]
fn everything_comes_back_from_every_version() {
    for n in [1, 7, 100] {
        for packed in [0, 10, 1000] {
            for version in [VERSION_BASE, VERSION_ACTIVE, VERSION_REDIS, VERSION_VALKEY] {
                for compress in [true, false] {
                    let plain = db(n, packed);
                    let plain = if version >= VERSION_REDIS { with_field_expiry(plain) } else { plain };
                    let (bytes, plain) = file(plain, &Target { compress, ..target(version) });
                    let magic = if version == VERSION_VALKEY {
                        "VALKEY080".into()
                    } else {
                        format!("REDIS{version:04}")
                    };
                    assert!(bytes.starts_with(magic.as_bytes()));
                    let again = load(&bytes, rules(packed)).unwrap();
                    assert_eq!(shown(&plain), shown(&again), "{n} {packed} {version}");
                    let again = load(&bytes, rules(5)).unwrap();
                    assert_eq!(shown(&plain), shown(&again));
                }
            }
        }
    }
}

#[test]
fn versions_are_the_lowest_that_hold_the_data() {
    let plain = [db(5, 0)];
    assert_eq!(version_of(&plain, FieldExpiry::Valkey), 10);
    let volatile = [with_field_expiry(db(5, 0))];
    assert_eq!(version_of(&volatile, FieldExpiry::Valkey), 80);
    assert_eq!(version_of(&volatile, FieldExpiry::Redis), 12);
    let of =
        |key: &str| version_of_value(volatile[0].raw(Key::new(key.as_bytes())).unwrap(), FieldExpiry::Redis);
    assert_eq!(["short", "hash", "stream", "volatile fields"].map(of), [10, 10, 11, 12]);
}

#[test]
fn pieces_of_any_size_are_the_same_bytes() {
    let db = with_field_expiry(db(1000, 20));
    for version in [VERSION_BASE, VERSION_REDIS, VERSION_VALKEY] {
        let t = Target { compress: false, ..target(version) };
        for e in db.table().iter() {
            let mut whole = Vec::new();
            write::entry(&mut whole, e, &t);
            for budget in [0, 1, 100, 5000] {
                let mut out = Out::default();
                let mut pieces = Pieces::begin(e, &t, &mut out);
                let mut steps = 1;
                while !pieces.step(e, &mut out, budget) {
                    steps += 1;
                }
                assert_eq!(out.bytes, whole);
                assert!(steps >= whole.len() / (budget + 4000), "{} in {steps}", whole.len());
            }
        }
    }
}

#[test]
fn access_clocks_come_back() {
    let mut db = Db::new(3, Rng::new(1));
    db.now_ms = NOW_MS;
    db.set(Key::new(b"k"), NewValue::Int(1), None);
    let pos = db.peek(Key::new(b"k")).unwrap();
    db.set_clock(pos, db.lru_now() - 1000);
    let (bytes, db) = file(db, &Target { usage: Usage::Idle, ..target(10) });
    let loaded = load(&bytes, rules(1)).unwrap();
    assert_eq!(loaded.table().iter().next().unwrap().clock(), db.table().iter().next().unwrap().clock());
    let (bytes, _) = file(db, &Target { usage: Usage::Frequency { decay_minutes: 0 }, ..target(10) });
    assert!(memchr::memmem::find(&bytes, &[opcode::FREQ]).is_some());
    load(&bytes, rules(1)).unwrap();
}

#[test]
fn fields_whose_time_has_come_can_be_left_out() {
    let (bytes, _) = file(with_field_expiry(Db::new(3, Rng::new(1))), &target(VERSION_VALKEY));
    let len = |due| {
        let db = load(&bytes, Rules { fields_due_ms: Some(due), ..rules(1) }).unwrap();
        db.raw(Key::new(b"volatile fields")).and_then(|e| e.any()).map_or(0, |any| any.len())
    };
    assert_eq!((len(NOW_MS), len(NOW_MS + 5), len(i64::MAX)), (20, 18, 7));
}

/// Every file that is cut off, and every one in which a byte is another, is refused or at least does no harm.
#[test]
fn what_is_broken_is_refused() {
    let (bytes, _) =
        file(with_field_expiry(db(6, 10)), &Target { compress: false, ..target(VERSION_VALKEY) });
    for n in (0..bytes.len()).step_by(23) {
        let error = load(&bytes[..n], rules(10)).err().unwrap();
        assert_eq!((error.cause, error.offset <= n as u64), (Cause::Short, true), "cut off at {n}: {error}");
    }
    let mut unseen = Rules { checksum: false, ..rules(10) };
    unseen.relaxed = true;
    for at in (0..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[at] ^= [1, 0x80, 0xff][at % 3];
        assert!(load(&bytes, rules(10)).is_err(), "byte {at} went unnoticed");
        let mut reader = Reader::new(&bytes[..], unseen);
        while let Ok(item) = reader.next_item() {
            if matches!(item, Item::End { .. }) {
                break;
            }
        }
    }
}

#[test]
fn what_only_claims_to_be_long_gets_no_memory() {
    for claim in [
        &b"\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xff"[..],
        b"\x00\x80\xff\xff\xff\xff",
        b"\x00\xc3\x05\x80\xff\xff\xff\xff\x00a\x20\x00\x00",
        b"\x02\x80\xff\xff\xff\xff\x01a",
        b"\x05\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
        b"\x04\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
        b"\x12\x81\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        b"\x15\x81\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        assert!(read::payload(claim, b"k", 11, &rules(100)).is_err(), "{claim:?}");
    }
}

#[test]
fn the_checker_tells_what_a_file_holds_and_what_is_wrong() {
    let (bytes, _) = file(with_field_expiry(db(6, 10)), &target(VERSION_VALKEY));
    let report = check::check(&bytes[..], "dump.rdb", rules(10), NOW_MS + 1, Some(check::Form::Info));
    assert!(report.sound, "{}", report.text);
    for line in [
        "[offset 0] Checking RDB file dump.rdb\n",
        "Selecting DB ID 3\n",
        "Checksum OK\n",
        "\\o/ RDB looks OK! \\o/\n[info] 18 keys read\n[info] 4 expires\n[info] 1 already expired\n[info] 0 functions\n",
    ] {
        assert!(report.text.contains(line), "{line} in {}", report.text);
    }
    for line in [
        "db.3.type.string.keys.total:11\n",
        "db.3.type.list.elements.total:6\n",
        "db.0.type.zset.keys.total:0\n",
    ] {
        assert!(report.stats.contains(line), "{line} in {}", report.stats);
    }
    let report = check::check(&bytes[..bytes.len() / 2], "x", rules(10), NOW_MS, None);
    assert!(!report.sound && report.stats.is_empty());
    assert!(report.text.contains("--- RDB ERROR DETECTED ---\n[offset "), "{}", report.text);
    assert!(report.text.contains("[additional info] While doing: read-object-value\n"), "{}", report.text);
    let foreign = check::check(&b"REDIS0075\x96"[..], "x", rules(10), NOW_MS, None);
    assert!(foreign.text.contains("[offset 9] Foreign RDB version 75 detected\n"), "{}", foreign.text);
    assert!(
        foreign.text.contains("[offset 10] Unknown object type 150 in RDB file with foreign version 75\n")
    );
}

//! Any bytes as an RDB file: read or refused, and what was read is the same after it was written and read again, in every
//! version. What is read takes no more memory than a bound times the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::base::rng::Rng;
use tarn::keyspace::digest::Digest;
use tarn::keyspace::{Db, Key};
use tarn::persist::rdb::read::Limits;
use tarn::persist::rdb::save::{Contents, to_bytes};
use tarn::persist::rdb::{FieldExpiry, Item, Reader, Rules, Target, Usage, version_of};
use tarn::sys::memory;
use tarn::types::hash::HashLimits;
use tarn::types::list::ListLimits;
use tarn::types::set::SetLimits;
use tarn::types::zset::ZsetLimits;

const DBS: u64 = 16;
/// Bytes in memory for one of the file at the most, and what a reader takes whatever comes.
const EXPANSION_MAX: usize = 400;
const READER: usize = 4 << 20;

fn rules(packed: usize) -> Rules {
    Rules {
        limits: Limits {
            list: ListLimits { size: packed as i64, depth: 1, plain: 0 },
            hash: HashLimits { packed, packed_value: 64 },
            set: SetLimits { ints: packed, packed, packed_value: 64 },
            zset: ZsetLimits { packed, packed_value: 64 },
        },
        relaxed: true,
        checksum: false,
        fields_due_ms: None,
    }
}

/// The databases that a file makes; none where it is refused.
fn load(bytes: &[u8], rules: Rules) -> Option<Vec<Db>> {
    let mut dbs: Vec<Db> = (0..DBS as u32).map(|i| Db::new(i, Rng::new(1))).collect();
    let mut db = 0;
    let mut reader = Reader::new(bytes, rules);
    loop {
        match reader.next_item().ok()? {
            Item::SelectDb(n) if n < DBS => db = n as usize,
            Item::SelectDb(_) => return None,
            Item::Key(key) => {
                if dbs[db].raw(Key::new(key.entry.view().key())).is_some() {
                    return None;
                }
                dbs[db].insert_loaded(key.entry, key.idle, key.frequency);
            }
            Item::End { .. } => return Some(dbs),
            _ => {}
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((head, data)) = data.split_first() else { return };
    let packed = usize::from(head & 15);
    let before = memory::used();
    let loaded = load(data, rules(packed));
    let most = before + READER + data.len() * EXPANSION_MAX;
    assert!(memory::used() <= most, "{} bytes make {}", data.len(), memory::used() - before);
    let Some(dbs) = loaded else { return };
    let form = if head & 16 == 0 { FieldExpiry::Valkey } else { FieldExpiry::Redis };
    let mut version = version_of(&dbs, form);
    if head & 32 != 0 && version < 12 {
        version = 11;
    }
    let t = Target { version, compress: head & 64 != 0, checksum: true, usage: Usage::Nothing, now_ms: 0 };
    let bytes = to_bytes(&Contents { dbs: &dbs, fields: &[], functions: &[] }, &t);
    let again = load(&bytes, Rules { checksum: true, ..rules(usize::from(head >> 7) * 100) });
    let again = again.expect("what was just written is read");
    // Digests tell that a field expires, not when: a time that Redis's form has no room for comes back as its last one.
    assert_eq!(Digest::of_data(&dbs).to_string(), Digest::of_data(&again).to_string());
});

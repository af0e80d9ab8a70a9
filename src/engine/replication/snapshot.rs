//! The snapshot that a full synchronization sends: RDB in the version that the replica reads, with the history's name
//! and offset in front.

use std::rc::Rc;

use crate::engine::server::Server;
use crate::engine::snapshot::{Plan, Purpose, Refused};
use crate::keyspace::EntryRef;
use crate::keyspace::snapshot::{Block, Format, Pieces};
use crate::persist::rdb::{self, FieldExpiry, Target, write};
use crate::persist::snapshot::{Frame, Sink};
use crate::repl::peer::Peer;

/// Writes keys as RDB.
struct Rdb(Target);

impl Format for Rdb {
    fn entry(&self, e: EntryRef<'_>, out: &mut Vec<u8>) {
        write::entry(out, e, &self.0);
    }

    fn begin(&self, e: EntryRef<'_>, out: &mut Vec<u8>) -> Box<dyn Pieces> {
        Box::new(InPieces(rdb::Pieces::begin(e, &self.0, out)))
    }
}

struct InPieces(rdb::Pieces);

impl Pieces for InPieces {
    fn step(&mut self, e: EntryRef<'_>, out: &mut Vec<u8>, budget: usize) -> bool {
        self.0.step(e, out, budget)
    }
}

/// What stands around the keys.
struct Around {
    version: u16,
    fields: Vec<(&'static str, String)>,
    /// Keys and keys with an expiry of each database.
    sizes: Vec<(usize, usize)>,
    /// The database that the last block was of.
    db: Option<u32>,
    /// The sum so far, if there is to be one.
    crc: Option<u64>,
}

impl Around {
    fn sum(&mut self, out: &[u8]) {
        self.crc = self.crc.map(|crc| rdb::crc(crc, out));
    }
}

impl Frame for Around {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let fields: Vec<(&str, &str)> = self.fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        write::header(out, self.version, &fields);
        self.sum(out);
    }

    fn block(&mut self, block: &Block, out: &mut Vec<u8>) {
        let from = out.len();
        if self.db.replace(block.db) != Some(block.db) {
            let (keys, volatile) = self.sizes.get(block.db as usize).copied().unwrap_or_default();
            write::select_db(out, block.db, keys, volatile);
        }
        out.extend_from_slice(&block.bytes);
        self.sum(&out[from..]);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        write::end(out, self.crc);
    }
}

impl Server {
    /// Begins a snapshot for replicas like this one. What waits of the stream was handed on before.
    pub fn begin_sync_snapshot(&mut self, sink: Sink, peer: &Peer) -> Result<u64, Refused> {
        let form = if peer.knows_valkey_9() { FieldExpiry::Valkey } else { FieldExpiry::Redis };
        let target = Target {
            version: rdb::version_of(&self.dbs, form),
            compress: self.config.rdbcompression,
            checksum: self.config.rdbchecksum,
            usage: rdb::Usage::Nothing,
            now_ms: self.clock.now_ms() as i64,
        };
        let frame = Box::new(self.around(target.version));
        let plan = Plan { purpose: Purpose::Sync, format: Rc::new(Rdb(target)), frame, sinks: vec![sink] };
        self.begin_snapshot(plan)
    }

    /// A data set without any key, for who wants none.
    pub fn empty_data_set(&self) -> Vec<u8> {
        let (mut around, mut out) = (self.around(rdb::VERSION_BASE), Vec::new());
        around.begin(&mut out);
        let mut end = Vec::new();
        around.end(&mut end);
        out.append(&mut end);
        out
    }

    fn around(&self, version: u16) -> Around {
        Around {
            version,
            fields: vec![
                ("tarn-ver", crate::sys::version::VERSION.to_owned()),
                ("redis-bits", usize::BITS.to_string()),
                ("ctime", (self.clock.now_ms() / 1000).to_string()),
                ("used-mem", crate::sys::memory::used().to_string()),
                ("repl-stream-db", "0".to_owned()),
                ("repl-id", self.repl.id.to_string()),
                ("repl-offset", self.repl.offset.to_string()),
                ("aof-base", "0".to_owned()),
            ],
            sizes: self.dbs.iter().map(|db| (db.len(), db.volatile_len())).collect(),
            db: None,
            crc: self.config.rdbchecksum.then_some(0),
        }
    }
}

//! Snapshots as RDB: files, the base of an append-only file, full syncs.

use super::Frame;
use crate::keyspace::EntryRef;
use crate::keyspace::snapshot::{Block, Format, Pieces};
use crate::persist::rdb::{self, Target, opcode, write};

/// How the executor writes entries down.
pub struct RdbFormat(pub Target);

impl Format for RdbFormat {
    fn entry(&self, e: EntryRef<'_>, out: &mut Vec<u8>) {
        write::entry(out, e, &self.0);
    }

    fn begin(&self, e: EntryRef<'_>, out: &mut Vec<u8>) -> Box<dyn Pieces> {
        Box::new(write::Pieces::begin(e, &self.0, out))
    }
}

impl Pieces for write::Pieces {
    fn step(&mut self, e: EntryRef<'_>, out: &mut Vec<u8>, budget: usize) -> bool {
        write::Pieces::step(self, e, out, budget)
    }
}

/// A database as the snapshot began.
#[derive(Clone, Copy, Debug)]
pub struct DbSize {
    pub id: u32,
    pub keys: usize,
    pub volatile: usize,
}

/// What stands around and between the entries.
pub struct RdbFrame {
    pub target: Target,
    /// Fields beside the data.
    pub fields: Vec<(&'static str, String)>,
    /// Those with keys; each is announced once, whichever comes first.
    pub dbs: Vec<DbSize>,
    /// The selected one.
    pub selected: Option<u32>,
    pub crc: u64,
}

impl RdbFrame {
    fn sum(&mut self, bytes: &[u8]) {
        if self.target.checksum {
            self.crc = rdb::crc(self.crc, bytes);
        }
    }
}

impl Frame for RdbFrame {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let fields: Vec<(&str, &str)> = self.fields.iter().map(|(name, value)| (*name, &value[..])).collect();
        write::header(out, self.target.version, &fields);
        self.sum(out);
    }

    fn block(&mut self, block: &Block, out: &mut Vec<u8>) {
        if self.selected.replace(block.db) != Some(block.db) {
            match self.dbs.iter().position(|db| db.id == block.db) {
                Some(i) => {
                    let db = self.dbs.swap_remove(i);
                    write::select_db(out, db.id, db.keys, db.volatile);
                }
                None => {
                    out.push(opcode::SELECT_DB);
                    write::length(out, block.db.into());
                }
            }
        }
        out.extend_from_slice(&block.bytes);
        self.sum(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        write::end(out, self.target.checksum.then_some(self.crc));
    }
}

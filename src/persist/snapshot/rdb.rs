//! Snapshots as RDB: files, the base of an append-only file, full syncs.

use super::Frame;
use crate::keyspace::EntryRef;
use crate::keyspace::snapshot::{Block, Format, Out, Pieces};
use crate::persist::rdb::{self, Target, opcode, write};

/// How the executor writes entries down.
pub struct RdbFormat(pub Target);

impl Format for RdbFormat {
    fn entry(&self, e: EntryRef<'_>, out: &mut Out) {
        write::entry_to(out, e, &self.0);
    }

    fn begin(&self, e: EntryRef<'_>, out: &mut Out) -> Box<dyn Pieces> {
        Box::new(write::Pieces::begin(e, &self.0, out))
    }
}

impl Pieces for write::Pieces {
    fn step(&mut self, e: EntryRef<'_>, out: &mut Out, budget: usize) -> bool {
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
    /// Libraries of functions.
    pub functions: Vec<Vec<u8>>,
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
        self.functions.iter().for_each(|code| write::function(out, code, self.target.compress));
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
        compress(&block.out, out);
        self.sum(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        write::end(out, self.target.checksum.then_some(self.crc));
    }
}

/// Copies what was written down, strings compressed where that makes them shorter.
fn compress(from: &Out, to: &mut Vec<u8>) {
    let bytes = &from.bytes[..];
    let mut at = 0;
    for &(begin, len) in &from.strings {
        let (begin, len) = (begin as usize, len as usize);
        let end = begin + write::length_of(len as u64) + len;
        to.extend_from_slice(&bytes[at..begin]);
        write::string(to, &bytes[end - len..end], true);
        at = end;
    }
    to.extend_from_slice(&bytes[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::keyspace::{Db, Key, NewValue};

    #[test]
    fn strings_are_compressed_later_as_they_would_be_at_once() {
        let target =
            Target { version: 10, compress: true, checksum: true, usage: Default::default(), now_ms: 0 };
        let mut db = Db::new(0, Rng::new(1));
        for n in [1, 20, 21, 63, 64, 1000, 16_383, 16_384, 70_000] {
            let key = format!("a key that is {n} bytes long, or its value is");
            let random: Vec<u8> = (0..n).map(|_| db.rng.below(256) as u8).collect();
            db.set(Key::new(key.as_bytes()), NewValue::Bytes(&vec![b'x'; n]), Some(n as i64));
            db.set(Key::new(&random), NewValue::Bytes(&random), None);
        }
        let (mut at_once, mut later) = (Vec::new(), Out { notes: true, ..Out::default() });
        for e in db.table().iter() {
            write::entry(&mut at_once, e, &target);
            RdbFormat(target).entry(e, &mut later);
        }
        assert!(later.bytes.len() > at_once.len() && !later.strings.is_empty());
        let mut out = Vec::new();
        compress(&later, &mut out);
        assert!(out == at_once);
    }
}

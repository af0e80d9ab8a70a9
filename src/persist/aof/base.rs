//! The base that a rewrite makes, as a snapshot or as commands: how entries are written, and what stands around them.

use std::rc::Rc;

use super::annotation::{self, Annotation, Sum};
use super::rewrite;
use crate::keyspace::EntryRef;
use crate::keyspace::snapshot::{Block, Format, Pieces};
use crate::persist::rdb::{self, write};
use crate::persist::snapshot::Frame;
use crate::resp::encode;

/// What is said beside the data.
pub struct Head {
    /// How a snapshot is written.
    pub target: write::Target,
    /// Fields of a snapshot.
    pub fields: Vec<(&'static str, String)>,
    /// Keys of each database, and how many of them are volatile.
    pub sizes: Vec<(usize, usize)>,
    /// The moment, ms of Unix time, and the offset of the stream.
    pub ms: u64,
    pub offset: u64,
    /// Commands begin with the reference's timestamp.
    pub timestamp: bool,
    /// They end with an annotation.
    pub annotate: bool,
}

/// The form of a base, as a snapshot (`rdb`) or as commands.
pub fn form(head: Head, rdb: bool) -> (Rc<dyn Format>, Box<dyn Frame>) {
    if rdb {
        let format = Rc::new(Rdb(head.target));
        return (format, Box::new(RdbFrame { head, db: None, crc: 0 }));
    }
    (Rc::new(Commands), Box::new(CommandsFrame { head, db: None, sum: Sum::default() }))
}

struct Rdb(write::Target);

impl Format for Rdb {
    fn entry(&self, e: EntryRef<'_>, out: &mut Vec<u8>) {
        write::entry(out, e, &self.0);
    }

    fn begin(&self, e: EntryRef<'_>, out: &mut Vec<u8>) -> Box<dyn Pieces> {
        Box::new(RdbPieces(write::Pieces::begin(e, &self.0, out)))
    }
}

struct RdbPieces(write::Pieces);

impl Pieces for RdbPieces {
    fn step(&mut self, e: EntryRef<'_>, out: &mut Vec<u8>, budget: usize) -> bool {
        self.0.step(e, out, budget)
    }
}

struct RdbFrame {
    head: Head,
    db: Option<u32>,
    crc: u64,
}

impl RdbFrame {
    fn sum(&mut self, bytes: &[u8]) {
        if self.head.target.checksum {
            self.crc = rdb::crc(self.crc, bytes);
        }
    }
}

impl Frame for RdbFrame {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let at = out.len();
        let fields: Vec<(&str, &str)> =
            self.head.fields.iter().map(|(name, value)| (*name, &value[..])).collect();
        write::header(out, self.head.target.version, &fields);
        self.sum(&out[at..]);
    }

    fn block(&mut self, block: &Block, out: &mut Vec<u8>) {
        let at = out.len();
        if self.db != Some(block.db) {
            self.db = Some(block.db);
            let (keys, volatile) = self.head.sizes.get(block.db as usize).copied().unwrap_or_default();
            write::select_db(out, block.db, keys, volatile);
        }
        out.extend_from_slice(&block.bytes);
        self.sum(&out[at..]);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        write::end(out, self.head.target.checksum.then_some(self.crc));
    }
}

struct Commands;

impl Format for Commands {
    fn entry(&self, e: EntryRef<'_>, out: &mut Vec<u8>) {
        rewrite::entry(e, out);
    }

    fn begin(&self, _: EntryRef<'_>, _: &mut Vec<u8>) -> Box<dyn Pieces> {
        Box::new(rewrite::Pieces::new())
    }
}

impl Pieces for rewrite::Pieces {
    fn step(&mut self, e: EntryRef<'_>, out: &mut Vec<u8>, budget: usize) -> bool {
        rewrite::Pieces::step(self, e, out, budget)
    }
}

struct CommandsFrame {
    head: Head,
    db: Option<u32>,
    sum: Sum,
}

impl Frame for CommandsFrame {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let at = out.len();
        if self.head.timestamp {
            annotation::write_timestamp(out, i64::try_from(self.head.ms / 1000).unwrap_or(i64::MAX));
        }
        self.sum.add(&out[at..]);
    }

    fn block(&mut self, block: &Block, out: &mut Vec<u8>) {
        let at = out.len();
        if self.db != Some(block.db) {
            self.db = Some(block.db);
            encode::select(out, block.db);
        }
        out.extend_from_slice(&block.bytes);
        self.sum.add(&out[at..]);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.head.annotate && self.sum.bytes > 0 {
            let Head { ms, offset, .. } = self.head;
            Annotation { ms, offset, bytes: self.sum.bytes, crc: self.sum.crc }.write(out);
        }
    }
}

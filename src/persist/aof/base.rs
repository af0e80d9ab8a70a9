//! The base that a rewrite makes as commands: how entries are written, and what stands around them. (As a snapshot it is
//! `persist::snapshot`'s.)

use super::annotation::{self, Annotation, Sum};
use super::rewrite;
use crate::keyspace::EntryRef;
use crate::keyspace::snapshot::{Block, Format, Out, Pieces};
use crate::persist::snapshot::Frame;
use crate::resp::encode;

/// Writes entries as commands.
pub struct Commands;

impl Format for Commands {
    fn entry(&self, e: EntryRef<'_>, out: &mut Out) {
        rewrite::entry(e, &mut out.bytes);
    }

    fn begin(&self, _: EntryRef<'_>, _: &mut Out) -> Box<dyn Pieces> {
        Box::new(rewrite::Pieces::new())
    }
}

impl Pieces for rewrite::Pieces {
    fn step(&mut self, e: EntryRef<'_>, out: &mut Out, budget: usize) -> bool {
        rewrite::Pieces::step(self, e, &mut out.bytes, budget)
    }
}

/// What stands around and between them.
#[derive(Default)]
pub struct CommandsFrame {
    /// The moment, ms of Unix time, and the offset of the stream.
    pub ms: u64,
    pub offset: u64,
    /// It begins with the reference's timestamp.
    pub timestamp: bool,
    /// It ends with an annotation.
    pub annotate: bool,
    /// Libraries of functions.
    pub functions: Vec<Vec<u8>>,
    /// The selected database.
    pub db: Option<u32>,
    pub sum: Sum,
}

impl Frame for CommandsFrame {
    fn begin(&mut self, out: &mut Vec<u8>) {
        let at = out.len();
        if self.timestamp {
            annotation::write_timestamp(out, i64::try_from(self.ms / 1000).unwrap_or(i64::MAX));
        }
        for code in &self.functions {
            let words: [&[u8]; 3] = [b"FUNCTION", b"LOAD", code];
            encode::request(out, words.into_iter());
        }
        self.sum.add(&out[at..]);
    }

    fn block(&mut self, block: &Block, out: &mut Vec<u8>) {
        let at = out.len();
        if self.db.replace(block.db) != Some(block.db) {
            encode::select(out, block.db);
        }
        out.extend_from_slice(&block.out);
        self.sum.add(&out[at..]);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let Sum { bytes, crc } = self.sum;
        if self.annotate && bytes > 0 {
            Annotation { ms: self.ms, offset: self.offset, bytes, crc }.write(out);
        }
    }
}

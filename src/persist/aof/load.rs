//! Loading: the files of a folder, on a thread of its own, cut into commands and keys that the executor takes in.
//!
//! Each file is verified whole before anything of it is handed on (`scan`): what is dropped was never executed. A torn
//! end is cut off if `aof-load-truncated` allows that, and only of the last file.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::annotation::Annotation;
use super::folder::Folder;
use super::scan::{Fault, Item, Scanner, Verdict, tail, verify};
use crate::base::span::Span;
use crate::persist::rdb::read::{self, Reader, Rules};
use crate::sys::disk::{Disk, File, Open, Reading};
use crate::sys::process::os_text;

/// Bytes of commands that are handed over at once, about; keys of a snapshot.
const CHUNK: usize = 256 * 1024;
const KEYS: usize = 64;
/// Pieces that may wait for the executor.
const PIECES: usize = 8;

/// Some commands.
pub struct Chunk {
    pub bytes: Vec<u8>,
    pub spans: Vec<Span>,
    /// Of each command its first span, and how many.
    pub commands: Vec<(u32, u32)>,
    /// The file's offset of the first byte.
    pub origin: u64,
}

/// What the thread hands over.
pub enum Piece {
    /// A file begins.
    File(String),
    /// A part of a snapshot.
    Snapshot(Vec<read::Item>),
    Commands(Box<Chunk>),
    /// The file is over. Whether it held anything.
    EndOfFile {
        base: bool,
        empty: bool,
    },
    /// All files are.
    End(Ending),
    /// It cannot be loaded; the log knows why.
    Failed,
}

/// What is known after all files were read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending {
    /// Bytes of all files, and of the base.
    pub total: u64,
    pub base: u64,
    /// The last annotation.
    pub last: Option<Annotation>,
}

/// What to load, and how.
pub struct Plan {
    pub folder: Folder,
    pub rules: Rules,
    /// `aof-load-truncated`.
    pub truncated: bool,
}

/// Files of a plan with their sizes.
struct Source {
    name: String,
    path: PathBuf,
    size: u64,
    base: bool,
    last: bool,
}

/// Loading under way.
pub struct Loading {
    pub pieces: Receiver<Piece>,
    /// Bytes of all files.
    pub total: u64,
    read: Arc<AtomicU64>,
}

impl Loading {
    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }
}

/// What came of looking at the folder.
pub enum Found {
    /// There is nothing to load.
    Nothing,
    /// There are files, and all are empty.
    Empty,
    Files(Loading),
    /// Something is wrong; the log knows what.
    Bad,
}

/// Looks at the folder and begins to load it.
pub fn begin(plan: Plan) -> Found {
    if plan.folder.manifest.is_empty() {
        return Found::Nothing;
    }
    let mut sources = Vec::new();
    let files: Vec<_> = plan.folder.manifest.files().collect();
    for (i, info) in files.iter().enumerate() {
        let Ok(size) = plan.folder.size(&info.name) else { return Found::Bad };
        let base = i == 0 && plan.folder.manifest.base.is_some();
        let (name, path) = (info.name.clone(), plan.folder.path(&info.name));
        sources.push(Source { name, path, size, base, last: i + 1 == files.len() });
    }
    let total = sources.iter().map(|s| s.size).sum();
    if total == 0 {
        return Found::Empty;
    }
    let (sender, pieces) = sync_channel(PIECES);
    let read = Arc::new(AtomicU64::new(0));
    let loader = Loader {
        disk: plan.folder.disk.clone(),
        single: plan.folder.stem.clone(),
        plan,
        sender,
        read: read.clone(),
        done: 0,
        ending: Ending { total, ..Ending::default() },
    };
    let work = move || loader.run(&sources);
    let started = std::thread::Builder::new().name("aof load".into()).spawn(work);
    match started {
        Ok(_) => Found::Files(Loading { pieces, total, read }),
        Err(e) => {
            tracing::warn!("Can't start the thread that loads: {e}");
            Found::Bad
        }
    }
}

/// The thread.
struct Loader {
    disk: Arc<dyn Disk>,
    /// The name of an old single file.
    single: String,
    plan: Plan,
    sender: SyncSender<Piece>,
    read: Arc<AtomicU64>,
    /// Bytes of the files before.
    done: u64,
    ending: Ending,
}

/// Reading ended: it failed, or nobody listens any more.
struct Over;

impl Loader {
    fn run(mut self, sources: &[Source]) {
        let done = sources.iter().try_for_each(|source| {
            self.file(source)?;
            self.done += source.size;
            Ok(())
        });
        let last = match done {
            Ok(()) => Piece::End(self.ending),
            Err(Over) => Piece::Failed,
        };
        let _ = self.sender.send(last);
    }

    fn give(&self, piece: Piece) -> Result<(), Over> {
        self.sender.send(piece).map_err(|_| Over)
    }

    fn note_read(&self, offset: u64) {
        self.read.store(self.done + offset, Relaxed);
    }

    fn open(&self, source: &Source) -> Result<Box<dyn File>, Over> {
        self.disk.open(&source.path, Open::Read).map_err(|e| {
            let (name, reason) = (&source.name, os_text(&e));
            match e.kind() {
                io::ErrorKind::NotFound => {
                    tracing::warn!("The append log file {name} doesn't exist: {reason}")
                }
                _ => {
                    tracing::warn!("Fatal error: can't open the append log file {name} for reading: {reason}")
                }
            }
            Over
        })
    }

    fn file(&mut self, source: &Source) -> Result<(), Over> {
        self.give(Piece::File(source.name.clone()))?;
        if source.base {
            self.ending.base = source.size;
        }
        if source.size > 0 {
            let from = self.snapshot(source)?;
            let to = self.verified(source, from)?;
            self.commands(source, from, to)?;
        }
        self.give(Piece::EndOfFile { base: source.base, empty: source.size == 0 })
    }

    /// Loads the snapshot with which the file begins, if it does. Gives the offset behind it.
    fn snapshot(&mut self, source: &Source) -> Result<u64, Over> {
        let mut head = [0; 6];
        let mut file = self.open(source)?;
        let mut filled = 0;
        while filled < head.len() {
            match file.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) => return self.unreadable(source, &e),
            }
        }
        if !is_snapshot(&head[..filled]) {
            return Ok(0);
        }
        let old = source.name == self.single;
        match old {
            true => tracing::info!("Reading RDB preamble from AOF file..."),
            false => tracing::info!("Reading RDB base file on AOF loading..."),
        }
        let mut reader = Reader::new(Reading(self.open(source)?), self.plan.rules);
        let mut items = Vec::new();
        loop {
            let item = reader.next_item().map_err(|e| {
                tracing::warn!("{e}");
                let name = &source.name;
                match old {
                    true => tracing::warn!(
                        "Error reading the RDB preamble of the AOF file {name}, AOF loading aborted"
                    ),
                    false => tracing::warn!("Error reading the RDB base file {name}, AOF loading aborted"),
                }
                Over
            })?;
            let end = matches!(item, read::Item::End { .. });
            items.push(item);
            if end || items.len() >= KEYS {
                self.note_read(reader.offset());
                self.give(Piece::Snapshot(std::mem::take(&mut items)))?;
            }
            if end {
                break;
            }
        }
        if old {
            tracing::info!("Reading the remaining AOF tail...");
        }
        Ok(reader.offset())
    }

    fn unreadable<T>(&self, source: &Source, e: &io::Error) -> Result<T, Over> {
        let (name, reason) = (&source.name, os_text(e));
        tracing::warn!("Unrecoverable error reading the append only file {name}: {reason}");
        Err(Over)
    }

    /// Looks at all commands of a file; gives where they end. A torn end is cut off.
    fn verified(&mut self, source: &Source, from: u64) -> Result<u64, Over> {
        let verdict = verify(self.open(source)?, from, source.size, &mut |_, _| true);
        self.ending.last = verdict.last.map(|(a, _)| a).or(self.ending.last);
        let Some(fault) = &verdict.fault else { return Ok(source.size) };
        let cut = tail(&mut *self.open(source)?, &verdict).or_else(|e| self.unreadable(source, &e))?;
        tell(source, fault);
        let cut = match cut {
            Some(cut) if self.plan.truncated && source.last => cut,
            Some(_) if !source.last => {
                tracing::warn!("Fatal error: the truncated file is not the last file");
                return Err(Over);
            }
            Some(_) => {
                tracing::warn!(
                    "Unexpected end of file reading the append only file {}. You can: 1) Make a backup of your AOF \
                     file, then use ./tarn --check-aof --fix <filename.manifest>. 2) Alternatively you can set the \
                     'aof-load-truncated' configuration option to yes and restart the server.",
                    source.name
                );
                return Err(Over);
            }
            None => {
                tracing::warn!(
                    "Bad file format reading the append only file {}: make a backup of your AOF file, then use ./tarn \
                     --check-aof --fix <filename.manifest>",
                    source.name
                );
                return Err(Over);
            }
        };
        self.cut(source, cut, &verdict)?;
        Ok(cut)
    }

    fn cut(&mut self, source: &Source, cut: u64, verdict: &Verdict) -> Result<(), Over> {
        let name = &source.name;
        if matches!(verdict.fault, Some(Fault::Transaction { .. })) {
            tracing::warn!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
        }
        tracing::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
        tracing::warn!("!!! Truncating the AOF {name} at offset {cut} !!!");
        let done = self.disk.open(&source.path, Open::Update).and_then(|mut file| {
            file.set_len(cut)?;
            file.sync()
        });
        if let Err(e) = done {
            tracing::warn!("Error truncating the AOF file {name}: {}", os_text(&e));
            return Err(Over);
        }
        tracing::warn!("AOF {name} loaded anyway because aof-load-truncated is enabled");
        self.ending.total = self.ending.total.saturating_sub(source.size - cut);
        Ok(())
    }

    /// Hands over the commands between two offsets.
    fn commands(&mut self, source: &Source, from: u64, to: u64) -> Result<(), Over> {
        let scanner = Scanner::new(self.open(source)?, from, to);
        let mut scanner = scanner.or_else(|e| self.unreadable(source, &e))?;
        let mut commands = Vec::new();
        let mut origin = from;
        loop {
            let item = match scanner.next_item() {
                Ok(item) => item,
                Err(Fault::Read(e)) => return self.unreadable(source, &e),
                Err(fault) => {
                    // It was right a moment ago.
                    tell(source, &fault);
                    return Err(Over);
                }
            };
            if let Item::Command { first, count } = item {
                commands.push((first as u32, count as u32));
            }
            let end = item == Item::End;
            if end || scanner.held() >= CHUNK {
                self.note_read(scanner.offset());
                let next = scanner.offset();
                let (bytes, spans) = scanner.take();
                let commands = std::mem::take(&mut commands);
                if !commands.is_empty() {
                    self.give(Piece::Commands(Box::new(Chunk { bytes, spans, commands, origin })))?;
                }
                origin = next;
            }
            if end {
                return Ok(());
            }
        }
    }
}

/// Whether a file that begins so is a snapshot.
pub fn is_snapshot(head: &[u8]) -> bool {
    head.starts_with(b"REDIS0") || head.starts_with(b"VALKEY")
}

/// Tells the log what is wrong with a file, and where.
fn tell(source: &Source, fault: &Fault) {
    let name = &source.name;
    match fault {
        Fault::Truncated { at } => {
            tracing::warn!("The AOF file {name} ends inside the command at offset {at}")
        }
        Fault::Transaction { at } => {
            tracing::warn!("The AOF file {name} ends inside the transaction at offset {at}");
        }
        Fault::Zeros { at } => {
            tracing::warn!("The AOF file {name} is filled with zeros from offset {at} on");
        }
        Fault::Format { at, what } => {
            tracing::warn!("The AOF file {name} holds no command at offset {at}: {what}");
        }
        Fault::Checksum { from, to } => {
            tracing::warn!("The AOF file {name} is damaged between the offsets {from} and {to}");
        }
        Fault::Read(e) => {
            let reason = os_text(e);
            tracing::warn!("Unrecoverable error reading the append only file {name}: {reason}");
        }
    }
}

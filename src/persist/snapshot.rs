//! The snapshot thread: gets what a snapshot writes down block by block, frames it, and writes it to a file or to
//! streams. The executor never waits for it: it looks at [`Writer::queued`] before it gives more.

pub mod rdb;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{
    AtomicI64, AtomicU8, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::base::limits::{SAVE_NAP_MAX, SAVE_SYNC_EVERY};
use crate::keyspace::snapshot::Block;
use crate::sys::clock::stand_still;
use crate::sys::disk::{Disk, File, Open, folder_of};
use crate::sys::process::set_cpu_affinity;

/// What stands around and between the blocks: a format as the thread sees it.
pub trait Frame: Send {
    /// Writes what comes before all blocks.
    fn begin(&mut self, out: &mut Vec<u8>);
    /// Writes a block.
    fn block(&mut self, block: &Block, out: &mut Vec<u8>);
    /// Writes what comes after all blocks.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// Where a snapshot goes.
pub enum Sink {
    File(FileSink),
    /// A connection or a pipe. One that fails is left out from then on; the snapshot fails with the last one.
    Stream(Box<dyn Write + Send>),
}

/// A file that is written under another name first.
pub struct FileSink {
    pub disk: Arc<dyn Disk>,
    pub temp: PathBuf,
    /// The name that it gets once it is whole and durable; without one it keeps the first.
    pub name: Option<PathBuf>,
    /// `rdb-save-incremental-fsync`: has the system write it back as it grows.
    pub incremental: bool,
}

/// What failed.
#[derive(Debug)]
pub struct Failure {
    /// As the reference's log calls it.
    pub what: &'static str,
    pub error: io::Error,
}

/// How it ended.
#[derive(Debug)]
pub struct Outcome {
    pub result: Result<(), Failure>,
    /// Bytes of the snapshot.
    pub bytes: u64,
    /// Sinks that failed, by their places.
    pub failed: Vec<usize>,
}

/// Goes on; was given up; or gives its file its name, and cannot be given up any more.
const GOES_ON: u8 = 0;
const CANCELLED: u8 = 1;
const COMMITTED: u8 = 2;

enum Message {
    Block(Block),
    End,
}

#[derive(Default)]
struct Shared {
    /// Bytes given and not written yet.
    queued: AtomicUsize,
    keys: AtomicU64,
    /// Microseconds to rest after each key, or if negative, about one for so many keys: for tests.
    key_delay_us: AtomicI64,
    state: AtomicU8,
    outcome: Mutex<Option<Outcome>>,
}

impl Shared {
    /// Goes on no longer, unless it does not already; whether it is `to` now.
    fn leave(&self, to: u8) -> bool {
        let was = self.state.compare_exchange(GOES_ON, to, AcqRel, Acquire);
        was.map_or_else(|was| was == to, |_| true)
    }
}

/// The executor's end. Dropped before [`Writer::end`], the snapshot is given up.
pub struct Writer {
    sender: Sender<Message>,
    shared: Arc<Shared>,
}

impl Writer {
    /// Starts the thread, on these processors unless the list is empty.
    pub fn start(frame: Box<dyn Frame>, sinks: Vec<Sink>, cpus: &str) -> io::Result<Writer> {
        let (sender, receiver) = channel();
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let cpus = cpus.to_owned();
        let work = move || {
            if !set_cpu_affinity(&cpus) {
                tracing::warn!("Cannot run a snapshot on the processors {cpus}");
            }
            let outcome = Job::new(frame, sinks, &theirs).run(&receiver);
            *theirs.outcome.lock().unwrap_or_else(|e| e.into_inner()) = Some(outcome);
        };
        std::thread::Builder::new().name("snapshot".into()).spawn(work)?;
        Ok(Writer { sender, shared })
    }

    /// Gives a block.
    pub fn give(&self, block: Block) {
        self.shared.queued.fetch_add(block.allocated(), Relaxed);
        // A thread that has ended has failed, and says so.
        let _ = self.sender.send(Message::Block(block));
    }

    /// All blocks were given.
    pub fn end(&self) {
        let _ = self.sender.send(Message::End);
    }

    /// Gives it up: what was written goes, and the outcome is an error. Too late, and false, once all is written and its
    /// file gets its name.
    pub fn cancel(&self) -> bool {
        let in_time = self.shared.leave(CANCELLED);
        let _ = self.sender.send(Message::End);
        in_time
    }

    /// Bytes that wait to be written.
    pub fn queued(&self) -> usize {
        self.shared.queued.load(Relaxed)
    }

    /// Keys written.
    pub fn keys(&self) -> u64 {
        self.shared.keys.load(Relaxed)
    }

    /// `rdb-key-save-delay`.
    pub fn set_key_delay_us(&self, us: i64) {
        self.shared.key_delay_us.store(us, Relaxed);
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.shared.outcome.lock().unwrap_or_else(|e| e.into_inner()).is_some()
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.shared.outcome.lock().unwrap_or_else(|e| e.into_inner()).take()
    }
}

/// A sink while it is written.
enum Target {
    File { sink: FileSink, file: Box<dyn File>, len: u64, handed_on: u64 },
    Stream(Box<dyn Write + Send>),
    Failed,
}

/// The thread's end.
struct Job<'a> {
    frame: Box<dyn Frame>,
    targets: Vec<Target>,
    shared: &'a Shared,
    bytes: u64,
    failure: Option<Failure>,
    out: Vec<u8>,
    /// Keys since the last rest, where one rest is for several.
    unrested: u64,
}

impl<'a> Job<'a> {
    fn new(frame: Box<dyn Frame>, sinks: Vec<Sink>, shared: &'a Shared) -> Job<'a> {
        let mut failure = None;
        let targets = sinks.into_iter().map(|sink| open(sink, &mut failure)).collect();
        Job { frame, targets, shared, bytes: 0, failure, out: Vec::new(), unrested: 0 }
    }

    fn run(mut self, receiver: &Receiver<Message>) -> Outcome {
        self.frame.begin(&mut self.out);
        self.write_out();
        let mut whole = false;
        while !whole && self.goes_on() {
            match receiver.recv() {
                Ok(Message::Block(block)) => self.block(&block),
                Ok(Message::End) => whole = true,
                // The server goes, or its snapshot is no longer wanted.
                Err(_) => break,
            }
        }
        if !whole || self.cancelled() {
            self.targets.iter_mut().for_each(Target::discard);
            let failure = Failure { what: "cancelled", error: io::ErrorKind::Interrupted.into() };
            self.failure.get_or_insert(failure);
        } else {
            self.frame.end(&mut self.out);
            self.write_out();
            self.finish();
        }
        self.outcome()
    }

    fn cancelled(&self) -> bool {
        self.shared.state.load(Relaxed) == CANCELLED
    }

    fn goes_on(&self) -> bool {
        !self.cancelled() && self.targets.iter().any(|t| !matches!(t, Target::Failed))
    }

    fn block(&mut self, block: &Block) {
        self.rest(block.keys);
        if !self.cancelled() {
            self.frame.block(block, &mut self.out);
            self.write_out();
        }
        self.shared.queued.fetch_sub(block.allocated(), Relaxed);
    }

    /// Counts keys, and rests after each if `rdb-key-save-delay` says so.
    fn rest(&mut self, keys: u64) {
        let mut counted = 0;
        while counted < keys && !self.cancelled() {
            let us = self.shared.key_delay_us.load(Relaxed);
            if us <= 0 {
                self.rest_between(keys - counted, us.unsigned_abs());
                self.shared.keys.fetch_add(keys - counted, Relaxed);
                return;
            }
            self.nap();
            self.shared.keys.fetch_add(1, Relaxed);
            counted += 1;
        }
    }

    /// One rest of the delay, which may change meanwhile.
    fn nap(&self) {
        let mut rested = Duration::ZERO;
        while !self.cancelled() {
            let us = u64::try_from(self.shared.key_delay_us.load(Relaxed)).unwrap_or(0);
            let left = Duration::from_micros(us).saturating_sub(rested);
            if left.is_zero() {
                return;
            }
            let nap = left.min(SAVE_NAP_MAX);
            stand_still(nap);
            rested += nap;
        }
    }

    /// Rests a microsecond for so many keys.
    fn rest_between(&mut self, keys: u64, per_rest: u64) {
        self.unrested = self.unrested.saturating_add(keys);
        if let Some(us) = self.unrested.checked_div(per_rest).filter(|us| *us > 0) {
            self.unrested = 0;
            stand_still(Duration::from_micros(us));
        }
    }

    /// Writes what is in `out` to all that have not failed.
    fn write_out(&mut self) {
        for target in &mut self.targets {
            if let Err(failure) = target.write(&self.out) {
                target.discard();
                self.failure.get_or_insert(failure);
            }
        }
        self.bytes += self.out.len() as u64;
        self.out.clear();
    }

    /// Makes what was written durable.
    fn finish(&mut self) {
        for target in &mut self.targets {
            let done = target.sync().and_then(|()| {
                let late = || Failure { what: "cancelled", error: io::ErrorKind::Interrupted.into() };
                if self.shared.leave(COMMITTED) { target.name() } else { Err(late()) }
            });
            if let Err(failure) = done {
                target.discard();
                self.failure.get_or_insert(failure);
            }
        }
    }

    fn outcome(self) -> Outcome {
        let failed: Vec<usize> =
            (0..self.targets.len()).filter(|&i| matches!(self.targets[i], Target::Failed)).collect();
        let result = match self.failure {
            Some(failure) if failed.len() == self.targets.len() => Err(failure),
            _ => Ok(()),
        };
        Outcome { result, bytes: self.bytes, failed }
    }
}

fn open(sink: Sink, failure: &mut Option<Failure>) -> Target {
    match sink {
        Sink::Stream(stream) => Target::Stream(stream),
        Sink::File(sink) => match sink.disk.open(&sink.temp, Open::Truncate) {
            Ok(file) => Target::File { sink, file, len: 0, handed_on: 0 },
            Err(error) => {
                failure.get_or_insert(Failure { what: "open", error });
                Target::Failed
            }
        },
    }
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Target::File { sink, file, len, handed_on } => {
                let fail = |error| Failure { what: "write", error };
                file.write_all(bytes).map_err(fail)?;
                *len += bytes.len() as u64;
                if sink.incremental && *len - *handed_on >= SAVE_SYNC_EVERY {
                    file.start_sync(*handed_on, *len - *handed_on).map_err(fail)?;
                    *handed_on = *len;
                }
                Ok(())
            }
            Target::Stream(stream) => {
                stream.write_all(bytes).map_err(|error| Failure { what: "stream", error })
            }
            Target::Failed => Ok(()),
        }
    }

    /// Makes it durable.
    fn sync(&mut self) -> Result<(), Failure> {
        match self {
            Target::File { file, len, .. } => {
                file.sync().map_err(|error| Failure { what: "fsync", error })?;
                // What was written once is not read soon; a failure costs nothing but memory.
                let _ = file.forget_cache(0, *len);
                Ok(())
            }
            Target::Stream(stream) => stream.flush().map_err(|error| Failure { what: "stream", error }),
            Target::Failed => Ok(()),
        }
    }

    /// Gives a file its name.
    fn name(&mut self) -> Result<(), Failure> {
        match self {
            Target::File { sink: FileSink { name: Some(name), disk, temp, .. }, .. } => {
                disk.rename(temp, name).map_err(|error| Failure { what: "rename", error })?;
                disk.sync_dir(folder_of(name)).map_err(|error| Failure { what: "fsync of the folder", error })
            }
            _ => Ok(()),
        }
    }

    /// What was written goes.
    fn discard(&mut self) {
        if let Target::File { sink, .. } = self {
            // It may be that it was never there, or has its name already.
            let _ = sink.disk.remove(&sink.temp);
        }
        *self = Target::Failed;
    }
}

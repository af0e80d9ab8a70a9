//! Loading an RDB: a thread reads and decodes, the executor inserts what comes, in slices: the file at start, and DEBUG
//! RELOAD. (The base of an append-only file is taken in by `exec::replay`, a full sync by `exec::incoming`.) What comes is
//! bounded by [`LOAD_BATCHES`] batches; clients hear -LOADING meanwhile.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use super::config::Config;
use super::config::values::RdbVersionCheck;
use super::functions::Restore;
use super::server::Server;
use crate::base::limits::{LOAD_BATCH_BYTES, LOAD_BATCH_ITEMS, LOAD_BATCHES, RDB_SHOWN_MAX};
use crate::base::{num, quote};
use crate::keyspace::{Db, Key};
use crate::persist::rdb::read::{Cause, Limits, Skipped};
use crate::persist::rdb::{Error, Item, LoadedKey, Reader, Rules};
use crate::sys::clock::stand_still;
use crate::sys::disk::{Disk, Open, Reading};
use crate::types::hash::HashLimits;
use crate::types::list::ListLimits;
use crate::types::set::SetLimits;
use crate::types::zset::ZsetLimits;

/// Where the RDB comes from.
pub enum Source {
    /// A file of the server's disk.
    File(PathBuf),
    /// Anything else that can be read, by another thread, and how many bytes that will be, if it is known.
    Stream { from: Box<dyn Read + Send>, bytes: Option<u64> },
}

/// What is to be loaded, and how.
pub struct LoadPlan {
    pub source: Source,
    /// What was there goes as soon as it is known that an RDB comes.
    pub flush: bool,
    /// Keys may be there already: what comes takes their place.
    pub merge: bool,
    /// Keys and fields whose time has come stay: on a replica, and where a log follows.
    pub keep_expired: bool,
}

/// Why nothing, or not all, was loaded.
#[derive(Debug)]
pub enum LoadError {
    /// There is no such file.
    Missing,
    /// It cannot be opened.
    Open(io::Error),
    /// It cannot be read to its end.
    Read(Error),
    /// What it holds does not fit this server.
    Refused(String),
}

/// What was loaded.
#[derive(Default)]
pub struct Loaded {
    pub keys: u64,
    /// Keys left out because their time had come.
    pub expired: u64,
    /// Collections without elements, left out.
    pub empty: u64,
    /// Hashes left out because the time of all their fields had come.
    pub all_fields_expired: u64,
    /// What a primary has noted: its history's name, where in it this was, and the database that its stream had selected.
    pub repl_id: Option<String>,
    pub repl_offset: Option<i64>,
    pub repl_stream_db: Option<i64>,
    /// Whether it is the base of an append-only file.
    pub aof_base: bool,
    /// Libraries of functions.
    pub functions: Vec<Vec<u8>>,
    /// Bytes of the RDB.
    pub bytes: u64,
    /// What was read ahead behind its end.
    pub rest: Vec<u8>,
}

/// How far a loading is: INFO tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    pub started_ms: i64,
    pub total_bytes: u64,
    pub loaded_bytes: u64,
    /// Memory that whoever wrote it used.
    pub rdb_used_mem: u64,
}

/// What of the last loading INFO tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastLoad {
    pub keys_loaded: u64,
    pub keys_expired: u64,
}

/// What comes from the thread that reads.
enum Message {
    Batch(Batch),
    /// The last one: bytes of the RDB, what was read ahead, or what went wrong.
    End(Result<(u64, Vec<u8>), Error>),
}

/// Items in order, and the hashes of the keys among them.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    hashes: Vec<u64>,
}

/// A loading under way.
pub struct Load {
    plan: LoadPlan,
    receiver: Receiver<Message>,
    shared: Arc<Shared>,
    /// What is left of the batch in work.
    items: std::vec::IntoIter<Item>,
    hashes: Vec<u64>,
    /// How many of `hashes` are used.
    used: usize,
    db: usize,
    now_ms: i64,
    loaded: Loaded,
}

#[derive(Default)]
struct Shared {
    /// Bytes read.
    offset: AtomicU64,
    /// `key-load-delay`.
    delay_us: AtomicI64,
}

/// What a step of loading has come to.
pub enum LoadStep {
    /// There is more to insert.
    More,
    /// The thread that reads is behind.
    Waiting,
    Ended(Result<Loaded, LoadError>),
}

/// Keys of a batch that are asked for ahead.
const AHEAD: usize = 8;
/// Keys inserted between two looks at the clock.
const STEP_ITEMS: usize = 32;

/// In which encodings values are kept.
pub fn value_limits(c: &Config) -> Limits {
    Limits {
        list: ListLimits { size: c.list_max_listpack_size, depth: c.list_compress_depth, plain: 0 },
        hash: HashLimits { packed: c.hash_max_listpack_entries, packed_value: c.hash_max_listpack_value },
        set: SetLimits {
            ints: c.set_max_intset_entries,
            packed: c.set_max_listpack_entries,
            packed_value: c.set_max_listpack_value,
        },
        zset: ZsetLimits { packed: c.zset_max_listpack_entries, packed_value: c.zset_max_listpack_value },
    }
}

/// How an RDB is read by this configuration; `checksum`: the sum is checked, if the configuration wants that.
pub fn rdb_rules(c: &Config, checksum: bool, fields_due_ms: Option<i64>) -> Rules {
    Rules {
        limits: value_limits(c),
        relaxed: c.rdb_version_check == RdbVersionCheck::Relaxed,
        checksum: checksum && c.rdbchecksum,
        fields_due_ms,
    }
}

impl Server {
    /// Whether data is being loaded, be it from a file or from the primary.
    pub fn is_loading(&self) -> bool {
        self.loading.is_some() || self.repl.link.loading
    }

    /// How an RDB is read; fields of hashes are left out if their time came before `fields_due_ms`.
    pub fn rdb_rules(&self, fields_due_ms: Option<i64>) -> Rules {
        let mut rules = rdb_rules(&self.config, !self.debug.skip_checksum, fields_due_ms);
        rules.limits.list.plain = self.debug.packed_threshold;
        rules
    }

    /// Begins to load. Only one loads at a time.
    pub fn begin_load(&mut self, mut plan: LoadPlan) -> Result<(), LoadError> {
        let now_ms = self.clock.now_ms() as i64;
        let (from, bytes) = match &mut plan.source {
            Source::File(path) => open(&*self.outside.disk, path)?,
            Source::Stream { from, bytes } => (std::mem::replace(from, Box::new(io::empty())), *bytes),
        };
        let rules = self.rdb_rules((!plan.keep_expired).then_some(now_ms));
        let (sender, receiver) = sync_channel(LOAD_BATCHES);
        let shared = Arc::new(Shared::default());
        shared.delay_us.store(self.config.key_load_delay, Relaxed);
        let theirs = shared.clone();
        let work = move || read_all(from, rules, &sender, &theirs);
        std::thread::Builder::new().name("rdb load".into()).spawn(work).map_err(LoadError::Open)?;
        let total_bytes = bytes.unwrap_or(0);
        self.loading = Some(Progress { started_ms: now_ms, total_bytes, ..Progress::default() });
        self.last_load = LastLoad::default();
        self.load = Some(Box::new(Load {
            plan,
            receiver,
            shared,
            items: Vec::new().into_iter(),
            hashes: Vec::new(),
            used: 0,
            db: 0,
            now_ms,
            loaded: Loaded::default(),
        }));
        Ok(())
    }

    /// Inserts for at most this long. `wait`: waits for the thread that reads, if that is behind.
    pub fn load_step(&mut self, slice_ns: u64, wait: bool) -> LoadStep {
        let Some(mut load) = self.load.take() else { return LoadStep::Waiting };
        let start_ns = self.clock.mono_ns();
        let step = loop {
            match load.insert_some(self) {
                Ok(true) => {}
                Ok(false) => match load.receive(wait) {
                    Ok(Message::Batch(batch)) => load.begin_batch(batch),
                    Ok(Message::End(end)) => break LoadStep::Ended(load.end(self, end)),
                    Err(TryRecvError::Empty) => break LoadStep::Waiting,
                    Err(TryRecvError::Disconnected) => break LoadStep::Ended(load.end(self, Err(gone()))),
                },
                Err(refused) => break LoadStep::Ended(Err(refused)),
            }
            if self.clock.mono_ns().saturating_sub(start_ns) > slice_ns {
                break LoadStep::More;
            }
        };
        load.shared.delay_us.store(self.config.key_load_delay, Relaxed);
        if let Some(progress) = &mut self.loading {
            progress.loaded_bytes = load.shared.offset.load(Relaxed);
        }
        match &step {
            LoadStep::Ended(result) => self.end_load(result.as_ref()),
            _ => self.load = Some(load),
        }
        step
    }

    /// Loads all, while everything else stands still.
    pub fn load_now(&mut self, plan: LoadPlan) -> Result<Loaded, LoadError> {
        self.begin_load(plan)?;
        loop {
            if let LoadStep::Ended(result) = self.load_step(u64::MAX, true) {
                return result;
            }
        }
    }

    fn end_load(&mut self, result: Result<&Loaded, &LoadError>) {
        self.loading = None;
        match result {
            Ok(loaded) => tell_loaded(loaded),
            Err(LoadError::Read(error)) => tell_error(error, self.config.hide_user_data_from_log),
            Err(LoadError::Refused(why)) => tracing::warn!("{why}"),
            Err(LoadError::Missing | LoadError::Open(_)) => {}
        }
    }

    /// Takes all data away, to be freed elsewhere, and tells those who watch it.
    pub fn empty_data(&mut self) {
        let now_ms = self.clock.now_ms() as i64;
        // It would be of neither the old data nor the new.
        self.cancel_snapshot();
        let mut keys = 0;
        let mut remains = Vec::new();
        for i in 0..self.dbs.len() {
            if self.dbs[i].is_empty() {
                continue;
            }
            self.touch_all_watched(i, None, now_ms);
            self.waiting.all_changed(i as u32);
            keys += self.dbs[i].len();
            remains.push(self.dbs[i].take_all());
        }
        self.fx.flushed = true;
        if !remains.is_empty() {
            self.free.send(Box::new(remains), keys);
        }
    }
}

fn gone() -> Error {
    Error { cause: Cause::Io, offset: 0, key: None, what: "The thread that reads it is gone".into() }
}

type Opened = (Box<dyn Read + Send>, Option<u64>);

fn open(disk: &dyn Disk, path: &std::path::Path) -> Result<Opened, LoadError> {
    let file = disk.open(path, Open::Read).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => LoadError::Missing,
        _ => LoadError::Open(e),
    })?;
    let bytes = file.size().ok();
    Ok((Box::new(Reading(file)), bytes))
}

/// Reads and decodes all of it, on a thread of its own.
fn read_all(from: Box<dyn Read + Send>, rules: Rules, to: &SyncSender<Message>, shared: &Shared) {
    let mut reader = Reader::new(from, rules);
    let mut batch = Batch::default();
    let mut begin = 0;
    loop {
        let item = match reader.next_item() {
            Ok(item) => item,
            Err(error) => {
                let _ = to.send(Message::Batch(batch)).and_then(|()| to.send(Message::End(Err(error))));
                return;
            }
        };
        let ends = matches!(item, Item::End { .. });
        let first = matches!(item, Item::Start { .. });
        if let Item::Key(key) = &item {
            batch.hashes.push(crate::base::hash::hash(key.entry.view().key()));
            rest(shared.delay_us.load(Relaxed), batch.items.len());
        }
        batch.items.push(item);
        let offset = reader.offset();
        let full = batch.items.len() >= LOAD_BATCH_ITEMS || offset - begin >= LOAD_BATCH_BYTES;
        if full || ends || first {
            shared.offset.store(offset, Relaxed);
            begin = offset;
            // Nobody takes it any more: then nothing more is read.
            if to.send(Message::Batch(std::mem::take(&mut batch))).is_err() {
                return;
            }
        }
        if ends {
            let _ = to.send(Message::End(Ok((offset, reader.rest().to_vec()))));
            return;
        }
    }
}

/// `key-load-delay`: microseconds after each key, or, if negative, one for so many keys.
fn rest(delay_us: i64, n: usize) {
    let us = match delay_us {
        0 => return,
        1.. => delay_us.unsigned_abs(),
        _ => u64::from((n as u64).is_multiple_of(delay_us.unsigned_abs())),
    };
    if us > 0 {
        stand_still(std::time::Duration::from_micros(us));
    }
}

impl Load {
    fn receive(&self, wait: bool) -> Result<Message, TryRecvError> {
        if wait {
            return self.receiver.recv().map_err(|_| TryRecvError::Disconnected);
        }
        self.receiver.try_recv()
    }

    fn begin_batch(&mut self, batch: Batch) {
        self.items = batch.items.into_iter();
        (self.hashes, self.used) = (batch.hashes, 0);
    }

    /// Inserts some of the batch; false when nothing is left of it.
    fn insert_some(&mut self, server: &mut Server) -> Result<bool, LoadError> {
        for _ in 0..STEP_ITEMS {
            let Some(item) = self.items.next() else { return Ok(false) };
            match item {
                Item::Key(key) => self.insert(server, key)?,
                other => self.other(server, other)?,
            }
        }
        Ok(true)
    }

    fn insert(&mut self, server: &mut Server, key: LoadedKey) -> Result<(), LoadError> {
        let hash = self.hashes.get(self.used).copied().unwrap_or_default();
        let Some(db) = server.dbs.get_mut(self.db) else { return Ok(()) };
        if let Some(ahead) = self.hashes.get(self.used + AHEAD) {
            db.prefetch_bucket(*ahead);
        }
        self.used += 1;
        let view = key.entry.view();
        if !self.plan.keep_expired && view.expiry().is_some_and(|at| at < self.now_ms) {
            self.loaded.expired += 1;
            server.last_load.keys_expired += 1;
            return Ok(());
        }
        let name = Key { bytes: view.key(), hash };
        if db.raw(name).is_some() {
            if !self.plan.merge {
                let shown = shown_key(name.bytes, server.config.hide_user_data_from_log);
                return Err(LoadError::Refused(format!("RDB has duplicated key{shown} in DB {}", self.db)));
            }
            replace(db, name);
        }
        db.insert_hashed(hash, key.entry, key.idle, key.frequency);
        self.loaded.keys += 1;
        server.last_load.keys_loaded += 1;
        Ok(())
    }

    fn other(&mut self, server: &mut Server, item: Item) -> Result<(), LoadError> {
        match item {
            Item::Start { .. } if self.plan.flush => {
                tracing::info!("RDB signature and version check passed. Flushing old data");
                server.empty_data();
            }
            Item::Aux(name, value) => self.aux(server, &name, &value)?,
            Item::SelectDb(db) => {
                let most = server.dbs.len();
                match usize::try_from(db).ok().filter(|db| *db < most) {
                    Some(db) => self.db = db,
                    None => {
                        return Err(LoadError::Refused(format!(
                            "FATAL: Data file was created with a server configured to handle more than {most} databases."
                        )));
                    }
                }
            }
            Item::Skipped(key, Skipped::Empty) => {
                self.loaded.empty += 1;
                if self.loaded.empty <= EMPTY_TOLD_MAX {
                    match server.config.hide_user_data_from_log {
                        true => tracing::info!("RDB: skipping empty key"),
                        false => {
                            let key = &key[..key.len().min(RDB_SHOWN_MAX)];
                            tracing::info!("RDB: skipping empty key: {}", String::from_utf8_lossy(key));
                        }
                    }
                }
            }
            Item::Skipped(_, Skipped::AllFieldsExpired) => self.loaded.all_fields_expired += 1,
            Item::Function(code) => self.loaded.functions.push(code),
            Item::ModuleAux(name) => {
                tracing::info!("The RDB file contains AUX module data of the module '{name}': passed over");
            }
            _ => {}
        }
        Ok(())
    }

    /// A field beside the data.
    fn aux(&mut self, server: &mut Server, name: &[u8], value: &[u8]) -> Result<(), LoadError> {
        let shown =
            |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(RDB_SHOWN_MAX)]).into_owned();
        let number = num::parse_i64(value);
        match &name.to_ascii_lowercase()[..] {
            [b'%', ..] => tracing::info!("RDB '{}': {}", shown(name), shown(value)),
            b"repl-stream-db" => self.loaded.repl_stream_db = number,
            b"repl-id" if value.len() == 40 => self.loaded.repl_id = Some(shown(value)),
            b"repl-offset" => self.loaded.repl_offset = number,
            b"tarn-ver" => tracing::info!("Loading RDB produced by Tarn version {}", shown(value)),
            b"redis-ver" => tracing::info!("Loading RDB produced by Redis version {}", shown(value)),
            b"valkey-ver" => tracing::info!("Loading RDB produced by Valkey version {}", shown(value)),
            b"ctime" => {
                let age = self.now_ms / 1000 - number.unwrap_or(0).clamp(0, self.now_ms / 1000);
                tracing::info!("RDB age {age} seconds");
            }
            b"used-mem" => {
                let bytes = number.unwrap_or(0).max(0) as u64;
                let mb = bytes as f64 / (1024.0 * 1024.0);
                tracing::info!("RDB memory usage when created {mb:.2} Mb");
                if let Some(progress) = &mut server.loading {
                    progress.rdb_used_mem = bytes;
                }
            }
            b"aof-preamble" if number.is_some_and(|n| n != 0) => tracing::info!("RDB has an AOF tail"),
            b"aof-base" if number.is_some_and(|n| n != 0) => {
                self.loaded.aof_base = true;
                tracing::info!("RDB is base AOF");
            }
            b"slot-info" => {
                let numbers = value.split(|b| *b == b',').filter(|n| num::parse_i64(n).is_some());
                if numbers.count() < 3 {
                    return Err(LoadError::Refused("RDB has a slot-info field that is none".into()));
                }
            }
            b"lua" | b"redis-bits" | b"aof-preamble" | b"aof-base" | b"repl-id" => {}
            _ => tracing::trace!("Unrecognized RDB AUX field: '{}'", shown(name)),
        }
        Ok(())
    }

    /// All was read: what is left is to be done with it as a whole.
    fn end(&mut self, server: &mut Server, end: Result<(u64, Vec<u8>), Error>) -> Result<Loaded, LoadError> {
        let (bytes, rest) = end.map_err(LoadError::Read)?;
        let mut loaded = std::mem::take(&mut self.loaded);
        (loaded.bytes, loaded.rest) = (bytes, rest);
        let how = match (self.plan.flush, self.plan.merge) {
            (true, _) => Restore::Flush,
            (_, true) => Restore::Replace,
            _ => Restore::Append,
        };
        if how == Restore::Flush || !loaded.functions.is_empty() {
            let loaded = server.functions.restore(&loaded.functions, how, &server.clock);
            loaded.map_err(|why| {
                LoadError::Refused(format!("Failed loading library, {}", String::from_utf8_lossy(&why)))
            })?;
        }
        Ok(loaded)
    }
}

/// Keys without elements that the log names.
const EMPTY_TOLD_MAX: u64 = 10;

/// A key as the log shows it, if it may.
fn shown_key(key: &[u8], hidden: bool) -> String {
    if hidden {
        return String::new();
    }
    let key = &key[..key.len().min(RDB_SHOWN_MAX)];
    format!(" '{}'", String::from_utf8_lossy(key))
}

/// Takes what is at `key` away: something else comes there.
#[cold]
fn replace(db: &mut Db, key: Key<'_>) {
    let rule = std::mem::replace(&mut db.expiry_rule, crate::keyspace::ExpiryRule::Ignore);
    drop(db.remove(key));
    db.expiry_rule = rule;
}

fn tell_loaded(l: &Loaded) {
    let empty = match l.empty {
        0 => String::new(),
        n => format!(" empty keys skipped: {n},"),
    };
    tracing::info!(
        "Done loading RDB, keys loaded: {}, keys expired: {},{empty} all fields expired hashes: {}.",
        l.keys,
        l.expired,
        l.all_fields_expired
    );
}

/// What went wrong, in the log: where, at which key, and what it means.
fn tell_error(error: &Error, hidden: bool) {
    let key = match &error.key {
        Some(key) if !hidden => {
            let key = &key[..key.len().min(RDB_SHOWN_MAX)];
            format!(", key {}", String::from_utf8_lossy(&quote::repr(key)))
        }
        _ => String::new(),
    };
    match error.cause {
        // What it is stands in one line with where: the reference says no more.
        Cause::Unsupported => tracing::warn!("{}", error.what),
        Cause::Unknown if error.what.starts_with("Can't handle") => {
            tracing::warn!("{} (offset {})", error.what, error.offset);
        }
        Cause::Unknown => {
            tracing::warn!("Internal error in RDB reading offset {}{key} -> {}", error.offset, error.what);
            tracing::warn!("Unknown type or opcode when loading DB. Unrecoverable error, aborting now.");
        }
        Cause::Short | Cause::Io | Cause::Corrupt => {
            tracing::warn!("Short read or OOM loading DB. Unrecoverable error, aborting now.");
            tracing::warn!("Internal error in RDB reading offset {}{key} -> {}", error.offset, error.what);
        }
    }
}

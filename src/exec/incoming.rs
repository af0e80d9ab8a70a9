//! A data set from the primary as the replica takes it. It is loaded beside the data that is here, and takes its place
//! when it is whole: whoever reads meanwhile sees the old one or hears that the new one is being loaded, but never a
//! part. `repl-diskless-load` says whether it is written to a file first, and whether the old data goes before or after.
//!
//! Threads write, read and decode; the executor only puts in what is decoded, for a slice of time, and lets the socket
//! rest while the threads are busy.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};

use super::Exec;
use crate::base::limits::{SYNC_BATCH_KEYS, SYNC_BATCHES};
use crate::base::rng::Rng;
use crate::engine::config::values::DisklessLoad;
use crate::engine::functions::Restore;
use crate::engine::replication::LinkState;
use crate::engine::server::Server;
use crate::keyspace::{Db, Key};
use crate::persist::rdb::{Item, LoadedKey, Reader};
use crate::repl::payload::{Form, Payload};
use crate::repl::pipe::{Inlet, Outlet, pipe};
use crate::sys::disk::{Disk, Open, Reading, folder_of};

/// Between two looks at what the threads do, ms.
const LOOK_MS: i64 = 1;
/// Time one slice of putting in may take.
const SLICE_NS: u64 = 1_000_000;

/// How a thread's work has ended, once it has.
type Outcome = Arc<Mutex<Option<std::io::Result<()>>>>;

/// What the thread that decodes gives.
enum Step {
    Db(usize),
    Keys(Vec<LoadedKey>),
    /// The database that the stream begins in.
    StreamDb(usize),
    /// The code of a library.
    Function(Vec<u8>),
    End,
    Failed(String),
}

/// A data set that is being loaded.
struct Loading {
    steps: Receiver<Step>,
    dbs: Vec<Db>,
    /// The database that keys go to.
    db: usize,
    stream_db: usize,
    functions: Vec<Vec<u8>>,
    keys: u64,
    /// The old data is still here.
    kept: bool,
}

/// Where its bytes go.
enum Stage {
    /// To this file.
    ToFile { temp: PathBuf, written: Outcome },
    /// Into memory, or all of them are in a file that is being loaded.
    Loading(Box<Loading>),
}

/// See the head of this file.
pub struct Incoming {
    /// The attempt that it belongs to.
    attempt: u64,
    payload: Payload,
    /// Where its bytes go. Dropped before its end, the thread behind it gives up.
    inlet: Option<Inlet>,
    stage: Stage,
}

impl Incoming {
    /// Whether no more bytes may come now.
    pub fn holds(&self) -> bool {
        self.payload.ended() || self.inlet.as_ref().is_none_or(Inlet::is_full)
    }

    /// Whether all bytes came, and the primary waits for us.
    pub fn is_whole(&self) -> bool {
        self.payload.ended()
    }
}

impl Exec {
    /// A data set begins with the next byte.
    pub(super) fn data_set_begins(&mut self, form: Form) {
        let (inlet, outlet) = pipe();
        let direct = self.loads_directly();
        let what = match form {
            Form::Sized(len) => format!("{len} bytes from primary"),
            Form::Marked(_) => "streamed RDB from primary with EOF".to_owned(),
        };
        let target = if direct { "parser" } else { "disk" };
        tracing::info!("PRIMARY <-> REPLICA sync: receiving {what} to {target}");
        self.server.repl.link.transfer = (form.len(), 0);
        let stage = match direct {
            true => self.begin_loading(outlet),
            false => {
                let now_s = self.server.clock.now_ms() / 1000;
                let temp = PathBuf::from(format!("temp-{now_s}.{}.rdb", std::process::id()));
                let written = spool(self.server.outside.disk.clone(), temp.clone(), outlet);
                Stage::ToFile { temp, written }
            }
        };
        let (attempt, payload) = (self.server.repl.link.attempt, Payload::new(form));
        self.incoming = Some(Box::new(Incoming { attempt, payload, inlet: Some(inlet), stage }));
        self.data_set_came(&[]);
    }

    /// Whether a data set is loaded as it comes.
    fn loads_directly(&self) -> bool {
        match self.server.config.repl_diskless_load {
            DisklessLoad::Disabled => false,
            DisklessLoad::OnEmptyDb => self.server.keys() == 0,
            DisklessLoad::Swapdb | DisklessLoad::FlushBeforeLoad => true,
        }
    }

    /// Bytes of it came. Returns how many were used: what follows is the stream's.
    pub(super) fn data_set_came(&mut self, bytes: &[u8]) -> usize {
        let Some(incoming) = &mut self.incoming else { return bytes.len() };
        let inlet = incoming.inlet.as_ref();
        let used = incoming.payload.take(bytes, |data| {
            if let Some(inlet) = inlet {
                inlet.push(data.to_vec());
            }
        });
        self.server.repl.link.transfer.1 = incoming.payload.came();
        if incoming.payload.ended()
            && let Some(inlet) = incoming.inlet.take()
        {
            inlet.end();
        }
        used
    }

    /// Goes on with what the threads have done. Returns when to be called again, if there is a data set under way.
    pub(super) fn receive_on(&mut self, now_ms: i64) -> Option<i64> {
        let incoming = self.incoming.as_ref()?;
        if incoming.attempt != self.server.repl.link.attempt {
            self.drop_data_set();
            return None;
        }
        let busy = match &incoming.stage {
            Stage::ToFile { temp, written } => {
                let outcome = written.lock().unwrap_or_else(|e| e.into_inner()).take();
                let temp = temp.clone();
                match outcome {
                    None => false,
                    Some(Ok(())) => {
                        self.load_file(&temp);
                        true
                    }
                    Some(Err(e)) => {
                        tracing::warn!("Error downloading RDB: {e}");
                        self.sync_failed("Failed to load RDB");
                        false
                    }
                }
            }
            Stage::Loading(_) => self.load_on(),
        };
        let incoming = self.incoming.as_ref()?;
        if !incoming.holds()
            && let Some(slot) = self.server.repl.link.slot
        {
            // The socket may have been left alone.
            self.server.wake.push(slot);
        }
        Some(if busy { now_ms } else { now_ms + LOOK_MS })
    }

    /// The file is whole: it takes the place of the server's own, and is loaded.
    fn load_file(&mut self, temp: &Path) {
        let disk = self.server.outside.disk.clone();
        let path = PathBuf::from(&self.server.config.dbfilename);
        let renamed = disk.rename(temp, &path).and_then(|()| disk.sync_dir(folder_of(&path)));
        match renamed.and_then(|()| disk.open(&path, Open::Read)) {
            Ok(file) => {
                let stage = self.begin_loading(Reading(file));
                if let Some(incoming) = &mut self.incoming {
                    incoming.stage = stage;
                }
            }
            Err(e) => {
                tracing::warn!(
                    "Failed trying to rename the temp DB into {} in PRIMARY <-> REPLICA synchronization: {e}",
                    path.display()
                );
                self.sync_failed("Failed to load RDB");
            }
        }
    }

    /// Begins to load what `from` gives.
    fn begin_loading(&mut self, from: impl Read + Send + 'static) -> Stage {
        tracing::info!("PRIMARY <-> REPLICA sync: Loading DB in memory");
        let server = &mut self.server;
        server.repl.link.loading = true;
        // What the primary has not removed stays.
        let rules = server.rdb_rules(None);
        let (sender, steps) = sync_channel(SYNC_BATCHES);
        let count = server.dbs.len();
        let failed = sender.clone();
        let work = move || decode(Reader::new(from, rules), count, &sender);
        if let Err(e) = std::thread::Builder::new().name("replica load".into()).spawn(work) {
            // There is room for one.
            let _ = failed.try_send(Step::Failed(e.to_string()));
        }
        let dbs = (0..count as u32).map(|i| Db::new(i, Rng::new(server.rng.next_u64()))).collect();
        let kept = true;
        Stage::Loading(Box::new(Loading {
            steps,
            dbs,
            db: 0,
            stream_db: 0,
            functions: Vec::new(),
            keys: 0,
            kept,
        }))
    }

    /// The old data makes room for the first of the new, unless it is to be served until the new is whole.
    fn make_way(&mut self) {
        let serves = self.server.config.repl_diskless_load == DisklessLoad::Swapdb;
        let Some(Stage::Loading(loading)) = self.incoming.as_mut().map(|i| &mut i.stage) else { return };
        if std::mem::replace(&mut loading.kept, serves) && !serves {
            self.server.leave_history();
            self.server.drop_all_data();
            self.invalidate_all(None);
        }
    }

    /// Puts in what is decoded, for a slice of time. Tells whether there is more.
    fn load_on(&mut self) -> bool {
        let start_ns = self.server.clock.mono_ns();
        loop {
            let Some(incoming) = &mut self.incoming else { return false };
            let Stage::Loading(loading) = &mut incoming.stage else { return false };
            match loading.steps.try_recv() {
                Ok(Step::Db(db)) => loading.db = db,
                Ok(Step::Keys(keys)) => {
                    loading.keys += keys.len() as u64;
                    if loading.kept {
                        self.make_way();
                    }
                    let Some(Stage::Loading(loading)) = self.incoming.as_mut().map(|i| &mut i.stage) else {
                        return false;
                    };
                    let db = &mut loading.dbs[loading.db];
                    for k in keys {
                        let key = Key::new(k.entry.view().key());
                        if db.raw(key).is_some() {
                            let why = format!("RDB has duplicated key in DB {}", db.id);
                            self.not_loaded(&why);
                            return false;
                        }
                        let hash = key.hash;
                        db.insert_hashed(hash, k.entry, k.idle, k.frequency);
                    }
                }
                Ok(Step::StreamDb(db)) => loading.stream_db = db,
                Ok(Step::Function(code)) => loading.functions.push(code),
                Ok(Step::End) => {
                    self.loaded();
                    return false;
                }
                Ok(Step::Failed(why)) => {
                    self.not_loaded(&why);
                    return false;
                }
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => {
                    self.not_loaded("the thread that decodes is gone");
                    return false;
                }
            }
            if self.server.clock.mono_ns().saturating_sub(start_ns) > SLICE_NS {
                return true;
            }
        }
    }

    /// The data set is whole: it becomes the server's, and the stream follows.
    fn loaded(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        let Stage::Loading(loading) = incoming.stage else { return };
        let server = &mut self.server;
        server.repl.link.loading = false;
        tracing::info!("Done loading RDB, keys loaded: {}, keys expired: 0.", loading.keys);
        if server.refuses_empty(&loading) {
            tracing::warn!(
                "The primary has no data and another history, as one that has lost its disk: this replica keeps its data. \
                 Set replica-allow-empty-primary to yes if that is meant."
            );
            server.cancel_handshake();
            return;
        }
        let restored = server.functions.restore(&loading.functions, Restore::Flush, &server.clock);
        if let Err(text) = restored {
            // The data is good all the same.
            tracing::warn!("Failed loading functions from the primary: {}", String::from_utf8_lossy(&text));
        }
        if loading.kept {
            server.leave_history();
            tracing::info!("PRIMARY <-> REPLICA sync: Swapping active DB with loaded DB");
        }
        let stream_db = loading.stream_db;
        server.take_over(loading.dbs);
        server.dirty += 1;
        let syncing = server.repl.link.syncing.take();
        server.repl.link.pre_psync = syncing.is_none();
        if let Some((id, offset)) = syncing {
            (server.repl.id, server.repl.offset) = (id, offset);
        }
        server.repl.clear_second_id();
        server.create_backlog();
        self.invalidate_all(None);
        match self.server.repl.link.slot {
            Some(slot) => {
                self.stream_begins(slot, stream_db);
                self.server.send_ack();
            }
            None => {
                // The connection was lost meanwhile. What is here can be gone on with.
                let link = &mut self.server.repl.link;
                (link.cached, link.state) = (syncing.map(|_| stream_db), LinkState::Connect);
                self.server.connect_to_primary();
            }
        }
        tracing::info!("PRIMARY <-> REPLICA sync: Finished with success");
    }

    /// It cannot be loaded. What had to make room for it is gone.
    fn not_loaded(&mut self, why: &str) {
        tracing::warn!("Failed trying to load the PRIMARY synchronization DB: {why}");
        let kept = match self.incoming.as_ref().map(|i| &i.stage) {
            Some(Stage::Loading(loading)) => loading.kept,
            _ => false,
        };
        let what = if kept { "temporary DB in background" } else { "the half-loaded data" };
        tracing::info!("PRIMARY <-> REPLICA sync: Discarding {what}");
        self.sync_failed("Failed to load RDB");
    }

    /// The data set under way is given up.
    pub(super) fn drop_data_set(&mut self) {
        self.server.repl.link.loading = false;
        let Some(incoming) = self.incoming.take() else { return };
        if let Stage::Loading(loading) = incoming.stage {
            let mut loading = *loading;
            let remains: Vec<_> = loading.dbs.iter_mut().map(Db::take_all).collect();
            self.server.free.send(Box::new(remains), 0);
        }
    }
}

impl Server {
    /// What is here is no longer part of a history that anybody could go on with.
    fn leave_history(&mut self) {
        self.discard_cached_primary();
        // They must take the new data set, too.
        self.disconnect_replicas();
        self.free_backlog();
    }

    /// Removes all data. Nobody is told but who watches, waits or caches.
    fn drop_all_data(&mut self) {
        let count = self.dbs.len() as u32;
        let none = (0..count).map(|i| Db::new(i, Rng::new(self.rng.next_u64()))).collect();
        self.take_over(none);
    }

    /// These databases take the place of the server's.
    fn take_over(&mut self, mut dbs: Vec<Db>) {
        let now_ms = self.clock.now_ms() as i64;
        // It would be of neither.
        self.cancel_snapshot();
        for i in 0..self.dbs.len() {
            self.touch_all_watched(i, None, now_ms);
            self.waiting.all_changed(i as u32);
        }
        let pairs = self.dbs.iter_mut().zip(&mut dbs);
        pairs.for_each(|(own, new)| own.swap_contents(new));
        let remains: Vec<_> = dbs.iter_mut().map(Db::take_all).collect();
        self.free.send(Box::new(remains), 0);
        self.apply_policy();
    }

    /// Whether a data set is refused because the primary has lost what it had: it is empty, and of another history than
    /// the data here, which came from a primary at the same place. The offset tells nothing: pings move it.
    fn refuses_empty(&self, loading: &Loading) -> bool {
        let new = self.repl.link.syncing.is_some_and(|(id, _)| id != self.repl.id);
        loading.keys == 0
            && loading.functions.is_empty()
            && new
            && self.repl.link.followed
            && self.keys() > 0
            && !self.config.replica_allow_empty_primary
    }
}

/// Decodes a data set for `databases` databases.
fn decode(mut reader: Reader<'_>, databases: usize, to: &SyncSender<Step>) {
    let mut keys = Vec::with_capacity(SYNC_BATCH_KEYS);
    loop {
        let step = match reader.next_item() {
            Ok(Item::Key(key)) => {
                keys.push(key);
                if keys.len() < SYNC_BATCH_KEYS {
                    continue;
                }
                None
            }
            Ok(Item::SelectDb(db)) => Some(match usize::try_from(db).ok().filter(|&db| db < databases) {
                Some(db) => Step::Db(db),
                None => Step::Failed(format!(
                    "FATAL: Data file was created with a Valkey server configured to handle more than {databases} \
                     databases. Exiting"
                )),
            }),
            Ok(Item::Aux(name, value)) if name == b"repl-stream-db" => {
                let db = crate::base::num::parse_u64(&value).and_then(|db| usize::try_from(db).ok());
                db.map(Step::StreamDb)
            }
            Ok(Item::Function(code)) => Some(Step::Function(code)),
            Ok(Item::End { .. }) => Some(Step::End),
            Ok(_) => continue,
            Err(e) => Some(Step::Failed(e.to_string())),
        };
        let full = std::mem::replace(&mut keys, Vec::with_capacity(SYNC_BATCH_KEYS));
        let last = matches!(step, Some(Step::End | Step::Failed(_)));
        let steps = (!full.is_empty()).then_some(Step::Keys(full)).into_iter().chain(step);
        for step in steps {
            if to.send(step).is_err() {
                // Nobody wants it any more.
                return;
            }
        }
        if last {
            return;
        }
    }
}

/// Has a thread write all that comes out of `outlet` to a file; what breaks off leaves none.
fn spool(disk: Arc<dyn Disk>, temp: PathBuf, outlet: Outlet) -> Outcome {
    let outcome = Outcome::default();
    let theirs = outcome.clone();
    let work = move || {
        let written = write_file(&*disk, &temp, outlet);
        if written.is_err() {
            // It may never have been there.
            let _ = disk.remove(&temp);
        }
        *theirs.lock().unwrap_or_else(|e| e.into_inner()) = Some(written);
    };
    if let Err(e) = std::thread::Builder::new().name("replica file".into()).spawn(work) {
        *outcome.lock().unwrap_or_else(|e| e.into_inner()) = Some(Err(e));
    }
    outcome
}

/// Bytes that are written at once.
const WRITE: usize = 256 * 1024;
/// After so many bytes the system is told to begin with writing them (Redis: `REPL_MAX_WRITTEN_BEFORE_FSYNC`).
const SYNC_BYTES: u64 = 8 << 20;

fn write_file(disk: &dyn Disk, temp: &Path, mut outlet: Outlet) -> std::io::Result<()> {
    let mut file = disk.open(temp, Open::Truncate)?;
    let mut buffer = vec![0; WRITE];
    let (mut written, mut synced) = (0, 0);
    loop {
        match outlet.read(&mut buffer)? {
            0 => return file.sync(),
            n => {
                file.write_all(&buffer[..n])?;
                written += n as u64;
            }
        }
        if written - synced >= SYNC_BYTES {
            file.start_sync(synced, written - synced)?;
            synced = written;
        }
    }
}

//! What the log thread does, without the thread: writes what was propagated into the last file of the folder, syncs it as
//! `appendfsync` wants, begins new files and installs rewritten bases.
//!
//! - Bytes are kept until they are written, and with `always` until they are durable; after an error they are tried
//!   again, and what an attempt has left in the file is cut off before.
//! - Every flush ends with an annotation over all that was written since the last one.
//! - `durable` is the stream's offset up to which a loss of power takes nothing.
//! - A sync that fails may have lost what was written before it, whatever a later one says. With `always` these bytes are
//!   written once more; otherwise `suspect` asks for a rewrite.

use std::io;
use std::path::Path;

use super::annotation::{Annotation, Sum};
use super::folder::{Folder, FolderError};
use crate::sys::disk::{File, Open};
use crate::sys::process::os_text;

/// `appendfsync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    Always,
    #[default]
    EverySec,
    No,
}

/// What the configuration wants of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub fsync: Fsync,
    /// No syncs now: `no-appendfsync-on-rewrite` while a snapshot is written.
    pub hold_sync: bool,
    /// Flushes end with annotations.
    pub annotate: bool,
    /// Sets of history to keep; `None`: all, and none is removed (`aof-disable-auto-gc`).
    pub retain: Option<usize>,
    /// DEBUG AOF-FLUSH-SLEEP: microseconds before each flush.
    pub flush_sleep_us: u64,
}

/// The file that is written.
struct Current {
    file: Box<dyn File>,
    /// Bytes of it that are whole.
    size: u64,
    /// It was begun by somebody else: the next annotation begins the coverage.
    begin: bool,
    /// An attempt has left bytes behind `size`.
    torn: bool,
    /// Written, and not synced.
    dirty: bool,
    /// It has no place in the manifest before the first rewrite is done.
    temp: bool,
}

/// Between two syncs with `everysec`, ms.
const SYNC_MS: u64 = 1000;
/// Between two lines in the log about errors, ms (the reference: 30 s).
const ERROR_LOG_MS: u64 = 30_000;
/// Room of the buffer that is kept.
const KEPT_MAX: usize = 1 << 20;

/// See the head of this file.
pub struct Writer {
    pub folder: Folder,
    current: Option<Current>,
    settings: Settings,
    /// Bytes of all files that hold the data.
    pub total: u64,
    /// Taken and not written, or with `always` not durable.
    pending: Vec<u8>,
    /// The stream's offset behind what was taken.
    taken: u64,
    /// Behind what was written.
    written: u64,
    /// Behind what is durable.
    pub durable: u64,
    /// Why the last write or sync failed.
    pub error: Option<String>,
    /// The last sync failed.
    unsynced: bool,
    /// What was written before a sync that failed may be lost.
    pub suspect: bool,
    /// The last rotate has failed: what is written goes before the base that comes, not behind it.
    unsplit: bool,
    synced_ms: u64,
    /// When something was last tried.
    tried_ms: u64,
    error_told_ms: Option<u64>,
}

impl Writer {
    pub fn new(folder: Folder, settings: Settings) -> Writer {
        Writer {
            folder,
            current: None,
            settings,
            total: 0,
            pending: Vec::new(),
            taken: 0,
            written: 0,
            durable: 0,
            error: None,
            unsynced: false,
            suspect: false,
            unsplit: false,
            synced_ms: 0,
            tried_ms: 0,
            error_told_ms: None,
        }
    }

    /// Bytes of the file that is written.
    pub fn size(&self) -> u64 {
        self.current.as_ref().map_or(0, |c| c.size)
    }

    /// Bytes that could not be written yet.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Whether a file is written.
    pub fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Opens the last increment, or begins the first, at the start of the server. `offset` is that of the data set, all of
    /// which is durable.
    pub fn open_last(&mut self, offset: u64) -> Result<(), FolderError> {
        let mut manifest = self.folder.manifest.clone();
        let old = manifest.incr.last().map(|i| i.name.clone());
        let name = old.clone().unwrap_or_else(|| manifest.new_incr(&self.folder.stem));
        let cannot = |e| FolderError::Io(format!("Can't open the append-only file {name}"), e);
        let path = self.folder.path(&name);
        let file = self.folder.disk.open(&path, Open::Append).map_err(cannot)?;
        let size = file.size().map_err(cannot)?;
        if manifest != self.folder.manifest {
            self.folder.persist(manifest)?;
        }
        self.begin(file, size, false);
        self.total = self.folder.manifest.files().filter_map(|i| self.folder.size(&i.name).ok()).sum();
        (self.taken, self.written, self.durable) = (offset, offset, offset);
        let verb = if old.is_some() { "Opening" } else { "Creating" };
        tracing::info!("{verb} AOF incr file {name} on server start");
        Ok(())
    }

    fn begin(&mut self, file: Box<dyn File>, size: u64, temp: bool) {
        let begin = size > 0;
        self.current = Some(Current { file, size, begin, torn: false, dirty: false, temp });
    }

    /// Takes bytes that end at `end` in the stream.
    pub fn append(&mut self, bytes: &[u8], end: u64) {
        self.pending.extend_from_slice(bytes);
        self.taken = end;
    }

    /// Writes and syncs what is to be written and synced now.
    pub fn flush(&mut self, now_ms: u64) {
        self.tried_ms = now_ms;
        if let Err(e) = self.write(now_ms) {
            return self.failed(e, "Error writing to the AOF file", now_ms);
        }
        if self.is_due(now_ms) {
            self.sync(now_ms);
        }
        if self.error.is_some() && self.pending.is_empty() && !self.unsynced {
            self.error = None;
            tracing::info!("AOF write error looks solved. The server can write again.");
        }
    }

    /// Whether something has to be synced.
    fn is_due(&self, now_ms: u64) -> bool {
        if !self.current.as_ref().is_some_and(|c| c.dirty) || self.settings.hold_sync {
            return false;
        }
        match self.settings.fsync {
            Fsync::Always => true,
            Fsync::EverySec => self.next_sync_ms() <= now_ms || now_ms < self.synced_ms,
            Fsync::No => self.unsynced && self.next_sync_ms() <= now_ms,
        }
    }

    fn next_sync_ms(&self) -> u64 {
        self.synced_ms.saturating_add(SYNC_MS)
    }

    /// When `flush` has to be called again, without new bytes.
    pub fn next_ms(&self) -> Option<u64> {
        if self.error.is_some() {
            return Some(self.tried_ms.saturating_add(RETRY_MS));
        }
        let waits = self.current.as_ref().is_some_and(|c| c.dirty) && !self.settings.hold_sync;
        (waits && self.settings.fsync == Fsync::EverySec).then(|| self.next_sync_ms())
    }

    /// Writes what is pending, with an annotation. What an attempt that fails has written is cut off.
    fn write(&mut self, now_ms: u64) -> io::Result<()> {
        let Some(current) = &mut self.current else {
            // Nobody writes: what was taken before the log was closed is of no use.
            self.pending.clear();
            return Ok(());
        };
        if self.pending.is_empty() {
            self.written = self.taken;
            if !current.dirty {
                self.durable = self.written;
            }
            return Ok(());
        }
        current.mend()?;
        let len = self.pending.len();
        let begin = if self.settings.annotate {
            let mut sum = Sum::default();
            sum.add(&self.pending);
            Annotation { ms: now_ms, offset: self.taken, bytes: sum.bytes, crc: sum.crc }
                .write(&mut self.pending);
            std::mem::take(&mut current.begin)
        } else {
            current.begin = true;
            false
        };
        let whole = self.settings.fsync == Fsync::Always && !self.settings.hold_sync;
        let first = Annotation { ms: now_ms, offset: self.written, bytes: 0, crc: 0 };
        let done = current.put(begin.then_some(first), &self.pending, whole);
        self.pending.truncate(len);
        let size = match done {
            Ok(size) => size,
            Err(e) => {
                // What was written before and not synced may be lost by the same failure.
                self.suspect |= whole && current.dirty;
                current.begin |= begin;
                let _ = current.mend(); // If it fails it is tried again first thing.
                return Err(e);
            }
        };
        self.total += size - current.size;
        (current.size, current.dirty, self.written) = (size, !whole, self.taken);
        if whole {
            (self.durable, self.synced_ms, self.unsynced) = (self.written, now_ms, false);
        }
        self.pending.clear();
        self.pending.shrink_to(KEPT_MAX);
        Ok(())
    }

    /// Syncs what was written.
    fn sync(&mut self, now_ms: u64) {
        let Some(current) = &mut self.current else { return };
        self.synced_ms = now_ms;
        match current.file.sync() {
            Ok(()) => {
                current.dirty = false;
                self.durable = self.written;
                self.suspect |= std::mem::take(&mut self.unsynced);
            }
            Err(e) => {
                self.unsynced = true;
                self.failed(e, "Fail to fsync the AOF file", now_ms);
            }
        }
    }

    fn failed(&mut self, e: io::Error, what: &str, now_ms: u64) {
        let text = os_text(&e);
        if self.error_told_ms.is_none_or(|told| now_ms.abs_diff(told) > ERROR_LOG_MS) {
            self.error_told_ms = Some(now_ms);
            tracing::warn!("{what}: {text}");
        }
        self.error = Some(text);
    }

    /// Other settings hold from now on.
    pub fn set(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Goes on in a new increment; `temp`: one that no manifest names before `install`. Everything so far is written.
    pub fn rotate(&mut self, temp: bool, now_ms: u64) -> Result<(), FolderError> {
        self.unsplit = true;
        self.folder.create()?;
        self.flush(now_ms);
        if self.current.as_ref().is_some_and(|c| c.dirty) && self.settings.fsync != Fsync::No {
            self.sync(now_ms);
        }
        if !self.pending.is_empty() || self.unsynced {
            let why = self.error.clone().unwrap_or_default();
            return Err(FolderError::Io("Error writing to the AOF file".into(), io::Error::other(why)));
        }
        let mut manifest = self.folder.manifest.clone();
        let name = if temp { self.folder.temp_incr() } else { manifest.new_incr(&self.folder.stem) };
        let path = self.folder.path(&name);
        let file = self
            .folder
            .disk
            .open(&path, Open::Truncate)
            .map_err(|e| FolderError::Io(format!("Can't open the append-only file {name}"), e))?;
        if !temp && let Err(e) = self.folder.persist(manifest) {
            self.folder.remove(&path);
            return Err(e);
        }
        tracing::info!("Creating AOF incr file {name} on background rewrite");
        self.begin(file, 0, temp);
        self.unsplit = false;
        Ok(())
    }

    /// Makes the file at `base`, which is durable, the base of all that was written since the last `rotate`; what came before
    /// is history. Gives the bytes of both.
    pub fn install(&mut self, base: &Path, rdb: bool) -> Result<u64, FolderError> {
        if self.unsplit {
            self.folder.remove(base);
            let why = io::Error::other("no new increment was begun with it");
            return Err(FolderError::Io("The rewritten AOF base is of no use".into(), why));
        }
        let (disk, stem) = (self.folder.disk.clone(), self.folder.stem.clone());
        let mut manifest = self.folder.manifest.clone();
        let name = manifest.new_base(&stem, rdb).name.clone();
        let path = self.folder.path(&name);
        let shown = base.display().to_string();
        disk.rename(base, &path).map_err(|e| {
            let what = format!("Error trying to rename the temporary AOF base file {shown} into {name}");
            FolderError::Io(what, e)
        })?;
        tracing::info!("Successfully renamed the temporary AOF base file {shown} into {name}");
        let temp = self.current.as_ref().is_some_and(|c| c.temp).then(|| self.folder.temp_incr());
        let mut renamed = None;
        if let Some(temp) = &temp {
            let incr = manifest.new_incr(&stem);
            let (from, to) = (self.folder.path(temp), self.folder.path(&incr));
            if let Err(e) = disk.rename(&from, &to) {
                self.folder.remove(&path);
                let what = format!("Error trying to rename the temporary AOF incr file {temp} into {incr}");
                return Err(FolderError::Io(what, e));
            }
            tracing::info!("Successfully renamed the temporary AOF incr file {temp} into {incr}");
            renamed = Some((from, to));
        }
        manifest.retire_incr(self.current.is_some());
        if let Err(e) = self.folder.persist(manifest) {
            self.folder.remove(&path);
            if let Some((from, to)) = renamed {
                let _ = disk.rename(&to, &from); // It is given up in any case.
            }
            return Err(e);
        }
        if let Some(current) = &mut self.current {
            current.temp = false;
        }
        self.suspect = false;
        self.total = self.folder.size(&name).unwrap_or(0) + self.size();
        Ok(self.total)
    }

    /// Removes history as the settings say. An error is told; it is tried again after the next rewrite.
    pub fn collect(&mut self) {
        if let Some(retain) = self.settings.retain
            && let Err(e) = self.folder.collect(retain)
        {
            e.log();
        }
    }

    /// The first rewrite has failed: what was written since it began is of no use.
    pub fn discard_temp(&mut self) {
        self.unsplit = false;
        if self.current.as_ref().is_some_and(|c| c.temp) {
            self.current = None;
            self.pending.clear();
            (self.error, self.unsynced, self.suspect) = (None, false, false);
            let name = self.folder.temp_incr();
            tracing::info!("Removing the temp incr aof file {name} in the background");
            self.folder.remove(&self.folder.path(&name));
        }
    }

    /// Writes and syncs all. Tells whether all is durable.
    pub fn settle(&mut self, now_ms: u64) -> bool {
        self.flush(now_ms);
        if self.current.as_ref().is_some_and(|c| c.dirty) {
            self.sync(now_ms);
        }
        self.pending.is_empty() && !self.unsynced
    }

    /// As `settle`, and closes the file.
    pub fn close(&mut self, now_ms: u64) -> bool {
        let done = self.settle(now_ms);
        self.unsplit = false;
        self.current = None;
        self.pending.clear();
        (self.error, self.unsynced, self.suspect) = (None, false, false);
        done
    }
}

/// Between two attempts after an error, ms.
const RETRY_MS: u64 = 100;

impl Current {
    /// Writes at the end, after an annotation that begins the coverage if one is given, and syncs if that is asked for. Gives
    /// the size that the file has then; on an error there may be anything behind the old one.
    fn put(&mut self, first: Option<Annotation>, bytes: &[u8], sync: bool) -> io::Result<u64> {
        self.torn = true;
        let mut line = Vec::new();
        if let Some(first) = first {
            first.write(&mut line);
            self.file.write_all(&line)?;
        }
        self.file.write_all(bytes)?;
        if sync {
            self.file.sync()?;
        }
        self.torn = false;
        Ok(self.size + (line.len() + bytes.len()) as u64)
    }

    /// Cuts off what a failed attempt has left.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.size)?;
            self.file.seek(self.size)?;
            self.torn = false;
        }
        Ok(())
    }
}

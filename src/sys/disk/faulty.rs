//! A disk that fails: after N calls that change or sync something, each of them does, until repaired.
//!
//! A write that fails has written the first half of its bytes, as a full disk does. Reading and asking never fail
//! here, nor do they count: what is tested with this are the paths that write.

use std::io;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::{Disk, Entry, File, Meta, Open};

/// When to fail and how. Clones are one plan, so that a test keeps a hand on it.
#[derive(Clone)]
pub struct Faults(Arc<Plan>);

struct Plan {
    calls: AtomicU64,
    fail_from: AtomicU64,
    kind: Mutex<io::ErrorKind>,
}

impl Faults {
    /// The first `calls` succeed, all later ones say that the disk is full.
    pub fn after(calls: u64) -> Faults {
        let plan = Plan {
            calls: AtomicU64::new(0),
            fail_from: AtomicU64::new(calls),
            kind: Mutex::new(io::ErrorKind::StorageFull),
        };
        Faults(Arc::new(plan))
    }

    /// Nothing fails until told.
    pub fn none() -> Faults {
        Faults::after(u64::MAX)
    }

    /// From now on: that many succeed, then all fail in this way.
    pub fn fail_after(&self, calls: u64, kind: io::ErrorKind) {
        *self.0.kind.lock().unwrap_or_else(|e| e.into_inner()) = kind;
        self.0.fail_from.store(self.calls().saturating_add(calls), Relaxed);
    }

    /// The disk is back.
    pub fn repair(&self) {
        self.0.fail_from.store(u64::MAX, Relaxed);
    }

    /// Calls that changed or synced something, or tried to.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Relaxed)
    }

    fn check(&self) -> io::Result<()> {
        if self.0.calls.fetch_add(1, Relaxed) < self.0.fail_from.load(Relaxed) {
            return Ok(());
        }
        Err((*self.0.kind.lock().unwrap_or_else(|e| e.into_inner())).into())
    }
}

/// Any disk, with faults.
pub struct FaultyDisk<D> {
    inner: D,
    faults: Faults,
}

impl<D: Disk> FaultyDisk<D> {
    pub fn new(inner: D, faults: Faults) -> FaultyDisk<D> {
        FaultyDisk { inner, faults }
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl<D: Disk> Disk for FaultyDisk<D> {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn File>> {
        if how != Open::Read {
            self.faults.check()?;
        }
        Ok(Box::new(FaultyFile { inner: self.inner.open(path, how)?, faults: self.faults.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.check()?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults.check()?;
        self.inner.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.check()?;
        self.inner.remove_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.check()?;
        self.inner.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.inner.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.faults.check()?;
        self.inner.sync_dir(dir)
    }

    fn meta(&self, path: &Path) -> io::Result<Meta> {
        self.inner.meta(path)
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.inner.resolve(path)
    }
}

struct FaultyFile {
    inner: Box<dyn File>,
    faults: Faults,
}

impl File for FaultyFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.inner.read(out)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(fault) = self.faults.check() {
            self.inner.write_all(&bytes[..bytes.len() / 2])?;
            return Err(fault);
        }
        self.inner.write_all(bytes)
    }

    fn seek(&mut self, to: u64) -> io::Result<()> {
        self.inner.seek(to)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.faults.check()?;
        self.inner.sync()
    }

    fn start_sync(&mut self, offset: u64, len: u64) -> io::Result<()> {
        self.faults.check()?;
        self.inner.start_sync(offset, len)
    }

    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.faults.check()?;
        self.inner.set_len(len)
    }

    fn set_mode(&mut self, mode: u32) -> io::Result<()> {
        self.faults.check()?;
        self.inner.set_mode(mode)
    }

    fn forget_cache(&mut self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.forget_cache(offset, len)
    }

    fn raw_fd(&self) -> Option<RawFd> {
        self.inner.raw_fd()
    }
}

//! A disk in memory that knows what a power loss would leave of it.
//!
//! Two layers, as between a kernel and a platter. The live one: `names` lead to inodes, inodes hold `bytes`. The
//! durable one: `durable_names` as of the last `sync_dir` of their folder, `durable` bytes as of the last `sync` of the
//! inode. A name that was never synced is lost with its file; a synced name leads to its inode's durable bytes, of
//! which a torn loss keeps some more. Folders themselves are durable at once: no caller of ours depends on one
//! vanishing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::RawFd;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, Entry, File, Meta, Open, folder_of};

/// Clones share the same disk.
#[derive(Clone)]
pub struct MemoryDisk(Arc<Mutex<State>>);

struct State {
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    inodes: Vec<Inode>,
}

#[derive(Clone)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    mode: u32,
}

/// What a power loss does to bytes that were written but not synced.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// They are gone.
    All,
    /// A beginning of what was appended is there.
    Torn { seed: u64 },
    /// The length is there, a beginning of the bytes, and zeros: what ext4 and XFS may leave.
    Zeros { seed: u64 },
}

impl MemoryDisk {
    /// An empty disk with the folders `/` and `.`.
    #[allow(clippy::new_without_default)]
    pub fn new() -> MemoryDisk {
        let dirs = BTreeSet::from([PathBuf::from("/"), PathBuf::from(".")]);
        let (names, durable_names) = (BTreeMap::new(), BTreeMap::new());
        MemoryDisk(Arc::new(Mutex::new(State { names, durable_names, dirs, inodes: Vec::new() })))
    }

    /// The disk as it is found after the power failed at this moment. This one goes on unharmed.
    pub fn after_power_loss(&self, loss: Loss) -> MemoryDisk {
        let state = self.state();
        let found = |(at, inode): (usize, &Inode)| {
            let bytes = surviving(inode, loss, at as u64);
            Inode { durable: bytes.clone(), bytes, mode: inode.mode }
        };
        let inodes = state.inodes.iter().enumerate().map(found).collect();
        let names = state.durable_names.clone();
        let dirs = state.dirs.clone();
        MemoryDisk(Arc::new(Mutex::new(State { durable_names: names.clone(), names, dirs, inodes })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked under the lock has failed already.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn surviving(inode: &Inode, loss: Loss, at: u64) -> Vec<u8> {
    // Only growth can be torn: an overwrite or a cut that was not synced is taken as lost whole.
    let grown = inode.bytes.strip_prefix(&inode.durable[..]).unwrap_or_default();
    let draw = |seed: u64| {
        let mixed = (seed ^ at << 32).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        usize::try_from((mixed >> 33) % (grown.len() as u64 + 1)).unwrap_or(0)
    };
    let mut bytes = inode.durable.clone();
    match loss {
        Loss::All => {}
        Loss::Torn { seed } => bytes.extend_from_slice(&grown[..draw(seed)]),
        Loss::Zeros { seed } => {
            bytes.extend_from_slice(&grown[..draw(seed)]);
            bytes.resize(inode.durable.len() + grown.len(), 0);
        }
    }
    bytes
}

/// Without `.` and doubled slashes, so that one file has one name.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => _ = out.pop(),
            part => out.push(part),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl State {
    fn inode(&mut self, path: PathBuf, make: bool) -> io::Result<usize> {
        if let Some(&at) = self.names.get(&path) {
            return Ok(at);
        }
        if !make || !self.dirs.contains(folder_of(&path)) {
            return Err(not_found());
        }
        self.inodes.push(Inode { bytes: Vec::new(), durable: Vec::new(), mode: 0o644 });
        self.names.insert(path, self.inodes.len() - 1);
        Ok(self.inodes.len() - 1)
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn File>> {
        let path = plain(path);
        let mut state = self.state();
        if how == Open::New && state.names.contains_key(&path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let at = state.inode(path, !matches!(how, Open::Read | Open::Update))?;
        if how == Open::Truncate {
            state.inodes[at].bytes.clear();
        }
        Ok(Box::new(MemoryFile { disk: self.clone(), at, position: 0, append: how == Open::Append }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.dirs.contains(folder_of(&plain(to))) {
            return Err(not_found());
        }
        let at = state.names.remove(&plain(from)).ok_or_else(not_found)?;
        state.names.insert(plain(to), at);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().names.remove(&plain(path)).map(drop).ok_or_else(not_found)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let (path, mut state) = (plain(path), self.state());
        let full = state.names.keys().chain(state.dirs.iter()).any(|p| p != &path && folder_of(p) == path);
        if full {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if state.dirs.remove(&path) { Ok(()) } else { Err(not_found()) }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        for dir in plain(path).ancestors().filter(|d| !d.as_os_str().is_empty()) {
            state.dirs.insert(dir.to_owned());
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let (dir, state) = (plain(dir), self.state());
        if !state.dirs.contains(&dir) {
            return Err(not_found());
        }
        let entry = |path: &PathBuf, is_dir: bool| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            (folder_of(path) == dir && path != &dir).then_some(Entry { name, is_dir })
        };
        let files = state.names.keys().filter_map(|p| entry(p, false));
        let mut entries: Vec<_> = files.chain(state.dirs.iter().filter_map(|p| entry(p, true))).collect();
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let (dir, mut state) = (plain(dir), self.state());
        if !state.dirs.contains(&dir) {
            return Err(not_found());
        }
        state.durable_names.retain(|path, _| folder_of(path) != dir);
        let here: Vec<_> =
            state.names.iter().filter(|(p, _)| folder_of(p) == dir).map(|(p, at)| (p.clone(), *at)).collect();
        state.durable_names.extend(here);
        Ok(())
    }

    fn meta(&self, path: &Path) -> io::Result<Meta> {
        let (path, state) = (plain(path), self.state());
        if state.dirs.contains(&path) {
            return Ok(Meta { len: 0, mode: 0o755, is_dir: true, modified_ms: 0 });
        }
        let inode = state.names.get(&path).map(|&at| &state.inodes[at]).ok_or_else(not_found)?;
        Ok(Meta { len: inode.bytes.len() as u64, mode: inode.mode, is_dir: false, modified_ms: 0 })
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.meta(path)?;
        Ok(plain(path))
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    at: usize,
    position: usize,
    append: bool,
}

impl File for MemoryFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.state();
        let rest = state.inodes[self.at].bytes.get(self.position..).unwrap_or_default();
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.position += n;
        Ok(n)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let held = &mut state.inodes[self.at].bytes;
        if self.append {
            self.position = held.len();
        }
        let end = self.position + bytes.len();
        if held.len() < end {
            held.resize(end, 0);
        }
        held[self.position..end].copy_from_slice(bytes);
        self.position = end;
        Ok(())
    }

    fn seek(&mut self, to: u64) -> io::Result<()> {
        self.position = usize::try_from(to).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        let inode = &mut state.inodes[self.at];
        inode.durable.clone_from(&inode.bytes);
        Ok(())
    }

    fn start_sync(&mut self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state().inodes[self.at].bytes.len() as u64)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.disk.state().inodes[self.at].bytes.resize(len, 0);
        Ok(())
    }

    fn set_mode(&mut self, mode: u32) -> io::Result<()> {
        self.disk.state().inodes[self.at].mode = mode;
        Ok(())
    }

    fn forget_cache(&mut self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn raw_fd(&self) -> Option<RawFd> {
        None
    }
}

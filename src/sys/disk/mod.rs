//! Files behind a small trait, so that everything written above it can be tested against a disk that fails.
//!
//! - `RealDisk`: the machine's.
//! - `MemoryDisk`: in memory, with a kernel's view and a platter's view of every file and folder. `after_power_loss` is
//!   the disk as the machine finds it again: what was not synced is gone, torn or filled with zeros.
//! - `FaultyDisk`: around either, fails after N calls, and tears the write that fails.
//!
//! The rules of durability that callers must follow, and that `MemoryDisk` enforces: bytes survive after `sync` of
//! the file; a new, renamed or removed name survives after `sync_dir` of its folder. `replace` does the whole dance.

mod faulty;
mod memory;
mod real;

use std::io;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

pub use faulty::{Faults, FaultyDisk};
pub use memory::{Loss, MemoryDisk};
pub use real::RealDisk;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// For reading; it must be there.
    Read,
    /// For writing at the end; made if missing.
    Append,
    /// For writing from the start; emptied or made.
    Truncate,
    /// For writing; it must not be there.
    New,
    /// For reading and writing at given places; it must be there.
    Update,
}

/// What `stat` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    pub len: u64,
    /// Permission bits.
    pub mode: u32,
    pub is_dir: bool,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
}

/// A folder's entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: String,
    pub is_dir: bool,
}

/// An open file. Errors are the system's; a short write never goes unnoticed, since `write_all` loops.
pub trait File: Send {
    /// Reads at the file's position, which starts at 0; 0 at the end.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize>;
    /// Writes all bytes: at the end for `Append`, else at the position. On an error some of them may be written.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Moves the position, from the start.
    fn seek(&mut self, to: u64) -> io::Result<()>;
    /// Returns when bytes and length are durable (fdatasync).
    fn sync(&mut self) -> io::Result<()>;
    /// Starts writing back what lies in this range, without waiting for it: spreads a long file's write-back.
    fn start_sync(&mut self, offset: u64, len: u64) -> io::Result<()>;
    /// Bytes in the file.
    fn size(&self) -> io::Result<u64>;
    /// Cuts the file off, or fills it up with zeros.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
    /// Sets the permission bits.
    fn set_mode(&mut self, mode: u32) -> io::Result<()>;
    /// Tells the system that these pages will not be read soon.
    fn forget_cache(&mut self, offset: u64, len: u64) -> io::Result<()>;
    /// The descriptor, where there is one: for sending a file to a socket.
    fn raw_fd(&self) -> Option<RawFd>;
}

/// A file as `std::io` reads it.
pub struct Reading(pub Box<dyn File>);

impl io::Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

/// A file system. `Send + Sync`: the loop, the log thread and the snapshot thread share one.
pub trait Disk: Send + Sync {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn File>>;
    /// Replaces what is at `to`, atomically.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name; who has it open keeps it.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and those above it; fine if it is there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Entries of a folder, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// Returns when the folder's names are durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// `NotFound` if there is nothing.
    fn meta(&self, path: &Path) -> io::Result<Meta>;
    /// The path with symbolic links followed.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;

    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = self.open(path, Open::Read)?;
        let expected = usize::try_from(file.size()?).unwrap_or(0);
        let mut bytes = vec![0; expected.saturating_add(1)];
        let mut filled = 0;
        loop {
            match file.read(&mut bytes[filled..])? {
                0 => break,
                n => filled += n,
            }
            if filled == bytes.len() {
                bytes.resize(filled.saturating_mul(2), 0); // It grew while it was read.
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Whether there is something under this name.
    fn exists(&self, path: &Path) -> bool {
        self.meta(path).is_ok()
    }
}

/// Puts `bytes` under `path` such that a crash at any moment leaves either the old file or the new one, whole. The
/// mode of an old file is kept, a symbolic link stays one. On an error the old file is untouched and the temporary one
/// is removed.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = disk.resolve(path).unwrap_or_else(|_| path.to_owned());
    let mode = disk.meta(&path).ok().map(|meta| meta.mode);
    let temp = temp_beside(&path);
    let done = write_new(disk, &temp, bytes, mode).and_then(|()| disk.rename(&temp, &path));
    if let Err(error) = done {
        let _ = disk.remove(&temp); // The first error is the one to tell.
        return Err(error);
    }
    disk.sync_dir(folder_of(&path))
}

fn write_new(disk: &dyn Disk, temp: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let mut file = disk.open(temp, Open::Truncate)?;
    if let Some(mode) = mode {
        file.set_mode(mode)?;
    }
    file.write_all(bytes)?;
    file.sync()
}

/// A name in the same folder, and so on the same file system, that no other process takes.
pub fn temp_beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{name}.{}.tmp", std::process::id()))
}

/// The folder that holds `path`; `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(disk: &dyn Disk, path: &str, how: Open, bytes: &[u8]) -> io::Result<()> {
        disk.open(Path::new(path), how)?.write_all(bytes)
    }

    /// What every disk must do alike; `root` is an empty folder.
    fn check_disk(disk: &dyn Disk, root: &Path) {
        let (a, b, sub) = (root.join("a"), root.join("b"), root.join("sub/deep"));
        assert_eq!(disk.open(&a, Open::Read).err().unwrap().kind(), io::ErrorKind::NotFound);
        assert_eq!(disk.meta(&a).unwrap_err().kind(), io::ErrorKind::NotFound);
        disk.open(&a, Open::New).unwrap().write_all(b"hello").unwrap();
        assert_eq!(disk.open(&a, Open::New).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        disk.open(&a, Open::Append).unwrap().write_all(b" world").unwrap();
        assert_eq!(disk.read(&a).unwrap(), b"hello world");
        let mut file = disk.open(&a, Open::Update).unwrap();
        file.seek(6).unwrap();
        file.write_all(b"W").unwrap();
        file.set_len(8).unwrap();
        file.set_len(9).unwrap();
        file.seek(5).unwrap();
        let mut out = [9; 8];
        assert_eq!(file.read(&mut out).unwrap(), 4);
        assert_eq!(&out[..4], b" Wo\0");
        assert_eq!((file.size().unwrap(), file.read(&mut out).unwrap()), (9, 0));
        file.start_sync(0, 9).unwrap();
        file.sync().unwrap();
        file.forget_cache(0, 9).unwrap();
        file.set_mode(0o640).unwrap();
        assert_eq!(disk.meta(&a).unwrap().mode, 0o640);
        disk.rename(&a, &b).unwrap();
        assert!(!disk.exists(&a) && disk.exists(&b));
        disk.create_dir(&sub).unwrap();
        disk.create_dir(&sub).unwrap();
        disk.open(&sub.join("x"), Open::Truncate).unwrap().write_all(b"1").unwrap();
        assert!(disk.remove_dir(&sub).is_err());
        let names = |dir: &Path| -> Vec<_> {
            disk.list(dir).unwrap().into_iter().map(|e| (e.name, e.is_dir)).collect()
        };
        assert_eq!(names(root), [("b".to_owned(), false), ("sub".to_owned(), true)]);
        disk.remove(&sub.join("x")).unwrap();
        disk.remove_dir(&sub).unwrap();
        disk.sync_dir(root).unwrap();
        assert!(disk.open(&root.join("none/x"), Open::Truncate).is_err());
        replace(disk, &b, b"new").unwrap();
        assert_eq!(disk.read(&b).unwrap(), b"new");
        assert_eq!(disk.meta(&b).unwrap().mode, 0o640);
        assert_eq!(disk.list(root).unwrap().len(), 2);
    }

    #[test]
    fn the_memory_disk_is_a_disk() {
        let disk = MemoryDisk::new();
        disk.create_dir(Path::new("/data")).unwrap();
        check_disk(&disk, Path::new("/data"));
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn the_real_disk_is_a_disk() {
        let root = std::env::temp_dir().join(format!("tarn-disk-{}", std::process::id()));
        std::fs::create_dir_all(&root).unwrap();
        check_disk(&RealDisk, &root);
        // A link stays a link, what it leads to is replaced.
        let (target, link) = (root.join("sub/t"), root.join("l"));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&RealDisk, &link, b"via link").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"via link");
        std::fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn what_was_not_synced_does_not_survive() {
        let disk = MemoryDisk::new();
        write(&disk, "/kept", Open::New, b"").unwrap();
        let mut file = disk.open(Path::new("/kept"), Open::Append).unwrap();
        file.write_all(b"synced").unwrap();
        file.sync().unwrap();
        file.write_all(b"-lost").unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        write(&disk, "/nameless", Open::New, b"x").unwrap();
        let after = disk.after_power_loss(Loss::All);
        assert_eq!(after.read(Path::new("/kept")).unwrap(), b"synced");
        assert!(!after.exists(Path::new("/nameless")));
        // The running system saw everything.
        assert_eq!(disk.read(Path::new("/kept")).unwrap(), b"synced-lost");
    }

    #[test]
    fn a_power_loss_tears_and_fills_with_zeros() {
        let disk = MemoryDisk::new();
        let mut file = disk.open(Path::new("/f"), Open::New).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        file.write_all(b"base").unwrap();
        file.sync().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let bytes = disk.after_power_loss(Loss::Torn { seed }).read(Path::new("/f")).unwrap();
            assert!(bytes.starts_with(b"base") && bytes.len() <= 14, "{bytes:?}");
            assert!(b"base0123456789".starts_with(&bytes[..]));
            seen.insert(bytes.len());
            let bytes = disk.after_power_loss(Loss::Zeros { seed }).read(Path::new("/f")).unwrap();
            assert_eq!((&bytes[..4], bytes.len()), (&b"base"[..], 14));
            let tail = &bytes[4..];
            let good = tail.iter().zip(b"0123456789").take_while(|(a, b)| a == b).count();
            assert!(tail[good..].iter().all(|&b| b == 0), "{tail:?}");
        }
        assert_eq!(seen.len(), 11, "every tear happens: {seen:?}");
    }

    /// At every single call that can fail, and with the power lost right then: the old file or the new one.
    #[test]
    fn replace_is_atomic_whatever_fails() {
        let path = Path::new("/conf");
        let mut outcomes = [0, 0];
        for calls in 0.. {
            let memory = MemoryDisk::new();
            replace(&memory, path, b"old").unwrap();
            let disk = FaultyDisk::new(memory.clone(), Faults::after(calls));
            let result = replace(&disk, path, b"the new content");
            let now = memory.read(path).unwrap();
            assert!(now == b"old" || now == b"the new content");
            for seed in 0..20 {
                let loss = if seed == 0 { Loss::All } else { Loss::Torn { seed } };
                let after = memory.after_power_loss(loss).read(path).unwrap();
                assert!(after == b"old" || after == b"the new content", "{after:?}");
                assert!(result.is_err() || after == b"the new content", "acknowledged, then lost");
            }
            outcomes[usize::from(result.is_ok())] += 1;
            if result.is_ok() {
                break;
            }
        }
        assert!(outcomes[0] >= 4, "{outcomes:?}");
    }

    #[test]
    fn faults_start_after_n_calls_and_can_be_repaired() {
        let disk = FaultyDisk::new(MemoryDisk::new(), Faults::after(2));
        let mut file = disk.open(Path::new("/f"), Open::New).unwrap();
        file.write_all(b"0123").unwrap();
        let error = file.write_all(b"4567").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.sync().unwrap_err().kind(), io::ErrorKind::StorageFull);
        disk.faults().repair();
        // The write that failed was torn in the middle.
        assert_eq!(disk.read(Path::new("/f")).unwrap(), b"012345");
        file.sync().unwrap();
        assert!(disk.faults().calls() >= 4);
        disk.faults().fail_after(0, io::ErrorKind::Other);
        assert!(disk.meta(Path::new("/f")).is_ok(), "asking is never a fault");
        assert!(disk.rename(Path::new("/f"), Path::new("/g")).is_err());
    }

    #[test]
    fn names_beside() {
        assert_eq!(folder_of(Path::new("x.conf")), Path::new("."));
        assert_eq!(folder_of(Path::new("/etc/x.conf")), Path::new("/etc"));
        let temp = temp_beside(Path::new("/etc/x.conf"));
        assert_eq!(temp.parent(), Some(Path::new("/etc")));
        assert!(temp.to_string_lossy().contains("x.conf."));
    }
}

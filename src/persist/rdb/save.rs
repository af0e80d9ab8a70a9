//! A whole RDB file at once: SAVE. The databases stand still meanwhile; sums and the disk are another thread's work.
//! The file takes its name only when it is whole and on the disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::write::{self, Target};
use crate::keyspace::Db;
use crate::sys::disk::{Disk, File, Open, folder_of};

/// Bytes that go to the disk at once.
const BLOCK: usize = 256 * 1024;
/// Blocks that may wait for the disk.
const BLOCKS: usize = 16;
/// After so many bytes the system is told to begin with writing them (Redis: `REDIS_AUTOSYNC_BYTES`).
const SYNC_BYTES: u64 = 4 << 20;

/// What a file holds.
pub struct Contents<'a> {
    pub dbs: &'a [Db],
    /// Fields beside the data.
    pub fields: &'a [(&'a str, &'a str)],
    /// Libraries of functions.
    pub functions: &'a [&'a [u8]],
}

/// Writes all of it: `full` is given what was written whenever that is a block or more.
fn write_all(contents: &Contents<'_>, t: &Target, mut full: impl FnMut(&mut Vec<u8>)) {
    let mut out = Vec::with_capacity(BLOCK + BLOCK / 8);
    write::header(&mut out, t.version, contents.fields);
    contents.functions.iter().for_each(|code| write::function(&mut out, code, t.compress));
    for db in contents.dbs.iter().filter(|db| !db.is_empty()) {
        write::select_db(&mut out, db.id, db.len(), db.volatile_len());
        db.table().for_each(|e| {
            write::entry(&mut out, e, t);
            if out.len() >= BLOCK {
                full(&mut out);
            }
        });
    }
    full(&mut out);
}

/// All of it as bytes.
pub fn to_bytes(contents: &Contents<'_>, t: &Target) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_all(contents, t, |out| bytes.append(out));
    let crc = t.checksum.then(|| super::crc(0, &bytes));
    write::end(&mut bytes, crc);
    bytes
}

/// Writes the file `path`, whole or not at all; how many bytes it has. `sync` spreads the work of the disk.
pub fn save(
    disk: &dyn Disk,
    path: &Path,
    contents: &Contents<'_>,
    t: &Target,
    sync: bool,
) -> io::Result<u64> {
    let temp = temp_file(path);
    let file = disk.open(&temp, Open::Truncate).inspect_err(|e| {
        tracing::warn!("Failed opening the temp RDB file {} for saving: {e}", temp.display());
    })?;
    let written = write_file(file, contents, t, sync).inspect_err(|e| {
        tracing::warn!("Write error while saving DB to the disk: {e}");
    });
    let renamed = written.and_then(|bytes| {
        let renamed = disk.rename(&temp, path).inspect_err(|e| {
            let (temp, path) = (temp.display(), path.display());
            tracing::warn!("Error moving temp DB file {temp} on the final destination {path}: {e}");
        });
        renamed.map(|()| bytes)
    });
    if renamed.is_err() {
        let _ = disk.remove(&temp); // The first error is the one to tell.
    }
    let bytes = renamed?;
    disk.sync_dir(folder_of(path)).inspect_err(|e| {
        tracing::warn!("Failed to fsync directory while saving DB: {e}");
    })?;
    Ok(bytes)
}

/// The name under which `path` begins.
pub fn temp_file(path: &Path) -> PathBuf {
    path.with_file_name(format!("temp-{}.rdb", std::process::id()))
}

fn write_file(mut file: Box<dyn File>, contents: &Contents<'_>, t: &Target, sync: bool) -> io::Result<u64> {
    let (full, blocks) = sync_channel(BLOCKS);
    let (done, empty) = channel();
    std::thread::scope(|scope| {
        let writer = std::thread::Builder::new()
            .name("rdb save".into())
            .spawn_scoped(scope, move || write_blocks(&mut *file, &blocks, &done, t.checksum, sync))?;
        write_all(contents, t, |out| hand_over(out, &full, &empty));
        drop(full);
        writer.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes is gone")))
    })
}

/// Gives a block to the writer and takes an empty one. A writer that failed takes none any more, and says so at the end.
fn hand_over(out: &mut Vec<u8>, full: &SyncSender<Vec<u8>>, empty: &Receiver<Vec<u8>>) {
    let next = empty.try_recv().unwrap_or_default();
    let block = std::mem::replace(out, next);
    if let Err(refused) = full.send(block) {
        *out = refused.0;
    }
    out.clear();
}

fn write_blocks(
    file: &mut dyn File,
    blocks: &Receiver<Vec<u8>>,
    done: &Sender<Vec<u8>>,
    checksum: bool,
    sync: bool,
) -> io::Result<u64> {
    let (mut crc, mut written, mut synced) = (0, 0u64, 0u64);
    for mut block in blocks {
        if checksum {
            crc = super::crc(crc, &block);
        }
        file.write_all(&block)?;
        written += block.len() as u64;
        if sync && written - synced >= SYNC_BYTES {
            file.start_sync(synced, written - synced)?;
            synced = written;
        }
        block.clear();
        let _ = done.send(block); // Nobody needs it at the end.
    }
    let mut end = Vec::new();
    write::end(&mut end, checksum.then_some(crc));
    file.write_all(&end)?;
    file.sync()?;
    Ok(written + end.len() as u64)
}

//! What a snapshot gives for replicas, faster than they take it. Up to what a pipe holds waits in memory, the rest in a
//! file, so that a slow connection holds up neither the snapshot nor, with it, those who write.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use super::pipe::Inlet;
use crate::sys::disk::{Disk, File, Open};

/// Bytes that are read back at once.
const READ: usize = 256 * 1024;

/// How far the file is.
#[derive(Default)]
struct Progress {
    written: u64,
    /// All was written.
    ended: bool,
    /// The writer is gone, or the reader.
    broken: bool,
}

#[derive(Default)]
struct Shared {
    progress: Mutex<Progress>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// The writing end. What is flushed is whole.
pub struct Spill {
    /// While nothing is in a file.
    inlet: Option<Inlet>,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Option<Box<dyn File>>,
    shared: Arc<Shared>,
}

impl Spill {
    /// Writes to a pipe, and when that is full to a new file of this name, which goes by itself.
    pub fn new(inlet: Inlet, disk: Arc<dyn Disk>, path: PathBuf) -> Spill {
        Spill { inlet: Some(inlet), disk, path, file: None, shared: Arc::default() }
    }

    /// From now on all goes to the file, from which a thread feeds the pipe.
    fn begin_file(&mut self) -> io::Result<()> {
        let Some(inlet) = self.inlet.take() else { return Ok(()) };
        self.file = Some(self.disk.open(&self.path, Open::New)?);
        let file = self.disk.open(&self.path, Open::Read)?;
        let (disk, path, shared) = (self.disk.clone(), self.path.clone(), self.shared.clone());
        let work = move || {
            if let Err(e) = read_back(file, inlet, &shared)
                && e.kind() != io::ErrorKind::BrokenPipe
            {
                tracing::warn!("Read error sending DB to replica: {e}");
            }
            shared.change(|p| p.broken = true);
            // It is of no use to anybody else.
            let _ = disk.remove(&path);
        };
        std::thread::Builder::new().name("replica spill".into()).spawn(work)?;
        Ok(())
    }
}

impl Write for Spill {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(inlet) = &self.inlet {
            if inlet.is_abandoned() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if !inlet.is_full() {
                inlet.push(bytes.to_vec());
                return Ok(bytes.len());
            }
            self.begin_file()?;
        }
        if self.shared.lock().broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
        }
        self.shared.change(|p| p.written += bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.inlet {
            Some(inlet) => inlet.end(),
            None => self.shared.change(|p| p.ended = true),
        }
        Ok(())
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        self.shared.change(|p| p.broken |= !p.ended);
    }
}

/// Reads the file as it grows, and gives what it reads to the pipe.
fn read_back(mut file: Box<dyn File>, mut inlet: Inlet, shared: &Shared) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    let mut read = 0;
    loop {
        let mut progress = shared.lock();
        while progress.written == read && !progress.ended && !progress.broken {
            progress = shared.changed.wait(progress).unwrap_or_else(|e| e.into_inner());
        }
        if progress.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let left = progress.written - read;
        drop(progress);
        if left == 0 {
            inlet.end();
            return Ok(());
        }
        let most = usize::try_from(left).unwrap_or(READ).min(READ);
        match file.read(&mut buffer[..most])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                inlet.write_all(&buffer[..n])?;
                read += n as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::path::Path;

    use super::*;
    use crate::base::limits::SYNC_PIPE_MAX;
    use crate::repl::pipe::pipe;
    use crate::sys::disk::MemoryDisk;

    fn spill() -> (Spill, crate::repl::pipe::Outlet, Arc<dyn Disk>) {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
        let (inlet, outlet) = pipe();
        (Spill::new(inlet, disk.clone(), PathBuf::from("spill")), outlet, disk)
    }

    #[test]
    fn nobody_waits_for_a_slow_reader() {
        for size in [1000, SYNC_PIPE_MAX * 3] {
            let (mut spill, mut outlet, disk) = spill();
            let all: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            all.chunks(100_000).for_each(|piece| spill.write_all(piece).unwrap());
            spill.flush().unwrap();
            drop(spill);
            assert_eq!(disk.exists(Path::new("spill")), size > SYNC_PIPE_MAX);
            let mut got = Vec::new();
            outlet.read_to_end(&mut got).unwrap();
            assert!(got == all);
        }
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let (mut first, outlet, disk) = spill();
        let piece = vec![1; 100_000];
        (0..SYNC_PIPE_MAX / 50_000).for_each(|_| first.write_all(&piece).unwrap());
        drop(outlet);
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while first.write_all(&piece).is_ok() || disk.exists(Path::new("spill")) {
            assert!(std::time::Instant::now() < end);
        }
        let (mut second, mut outlet, _) = spill();
        (0..SYNC_PIPE_MAX / 50_000).for_each(|_| second.write_all(&piece).unwrap());
        drop(second);
        assert!(outlet.read_to_end(&mut Vec::new()).is_err());
    }
}

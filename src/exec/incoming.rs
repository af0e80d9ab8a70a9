//! A data set from the primary as the replica takes it: into a file first, which replaces the data only when it is whole
//! (`repl-diskless-load disabled`), or straight into memory. Threads write and read; the socket rests while they are
//! busy.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::Exec;
use crate::engine::config::values::DisklessLoad;
use crate::engine::replication::LinkState;
use crate::repl::payload::{Form, Payload};
use crate::repl::pipe::{Inlet, Outlet, pipe};
use crate::sys::disk::{Disk, Open, folder_of};

/// Between two looks at what the threads do, ms.
const LOOK_MS: i64 = 1;

/// How a thread's work has ended, once it has.
type Outcome = Arc<Mutex<Option<std::io::Result<()>>>>;

/// How far it is.
enum Stage {
    /// Bytes come; they are written to this file.
    ToFile { temp: PathBuf, written: Outcome },
    /// Bytes come; they are loaded at once.
    ToMemory,
    /// All came into a file, which is being loaded.
    Loading,
}

/// See the head of this file.
pub struct Incoming {
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
        tracing::info!(
            "PRIMARY <-> REPLICA sync: receiving {what} to {}",
            if direct { "parser" } else { "disk" }
        );
        self.server.repl.link.transfer = (form.len(), 0);
        let stage = if direct {
            self.load_data_set(Box::new(outlet));
            Stage::ToMemory
        } else {
            let now_s = self.server.clock.now_ms() / 1000;
            let temp = PathBuf::from(format!("temp-{now_s}.{}.rdb", std::process::id()));
            let written = spool(self.server.outside.disk.clone(), temp.clone(), outlet);
            Stage::ToFile { temp, written }
        };
        self.incoming = Some(Box::new(Incoming { payload: Payload::new(form), inlet: Some(inlet), stage }));
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
        let incoming = self.incoming.as_mut()?;
        if let Stage::ToFile { temp, written } = &incoming.stage {
            let outcome = written.lock().unwrap_or_else(|e| e.into_inner()).take();
            let temp = temp.clone();
            match outcome {
                None => {}
                Some(Ok(())) => self.load_file(&temp),
                Some(Err(e)) => self.sync_failed(&format!(
                    "Failed trying to write the DB dump file needed for PRIMARY <-> REPLICA synchronization: {e}"
                )),
            }
        }
        let holds = self.incoming.as_ref()?.holds();
        if let Some(slot) = self.server.repl.link.slot.filter(|_| !holds) {
            // The socket may have been left alone.
            self.server.wake.push(slot);
        }
        Some(now_ms + LOOK_MS)
    }

    /// The file is whole: it takes the place of the own one, and is loaded.
    fn load_file(&mut self, temp: &Path) {
        let disk = self.server.outside.disk.clone();
        let path = PathBuf::from(&self.server.config.dbfilename);
        let renamed = disk.rename(temp, &path).and_then(|()| disk.sync_dir(folder_of(&path)));
        if let Err(e) = renamed {
            let name = path.display();
            return self.sync_failed(&format!(
                "Failed trying to rename the temp DB into {name} in PRIMARY <-> REPLICA synchronization: {e}"
            ));
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
            n => file.write_all(&buffer[..n])?,
        }
        written = file.size()?;
        if written - synced >= SYNC_BYTES {
            file.start_sync(synced, written - synced)?;
            synced = written;
        }
    }
}

//! The folder of an append-only file: the manifest and the files it names. Every step is such that a crash, at any moment,
//! leaves the old state or the new one: a file is there and durable before the manifest names it, and removed after it is
//! history there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{BadManifest, Info, Manifest};
use crate::sys::disk::{Disk, Open};
use crate::sys::process::os_text;

/// Why the folder cannot be used.
#[derive(Debug)]
pub enum FolderError {
    /// What was tried, as the log says it, and the system's error.
    Io(String, io::Error),
    Manifest(BadManifest),
}

impl std::fmt::Display for FolderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FolderError::Io(what, e) => write!(f, "{what}: {}", os_text(e)),
            FolderError::Manifest(bad) => write!(f, "the manifest, line {}: {}", bad.number, bad.reason),
        }
    }
}

impl FolderError {
    /// Tells the log.
    pub fn log(&self) {
        match self {
            FolderError::Io(what, e) => tracing::warn!("{what}: {}", os_text(e)),
            FolderError::Manifest(bad) => {
                tracing::warn!("\n*** FATAL AOF MANIFEST FILE ERROR ***\n");
                if bad.number > 0 {
                    tracing::warn!("Reading the manifest file, at line {}\n", bad.number);
                    tracing::warn!(">>> '{}'\n", bad.line);
                }
                tracing::warn!("{}\n", bad.reason);
            }
        }
    }
}

/// Says what failed.
trait During<T> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T, FolderError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, what: impl FnOnce() -> String) -> Result<T, FolderError> {
        self.map_err(|e| FolderError::Io(what(), e))
    }
}

/// See the head of this file.
#[derive(Clone)]
pub struct Folder {
    pub disk: Arc<dyn Disk>,
    /// `appenddirname`, in `dir`.
    pub dir: PathBuf,
    /// `appendfilename`.
    pub stem: String,
    pub manifest: Manifest,
}

impl Folder {
    /// Without a manifest yet.
    pub fn at(disk: Arc<dyn Disk>, dir: &str, stem: &str) -> Folder {
        Folder { disk, dir: dir.into(), stem: stem.into(), manifest: Manifest::default() }
    }

    /// Reads the manifest, if there is one.
    pub fn open(disk: Arc<dyn Disk>, dir: &str, stem: &str) -> Result<Folder, FolderError> {
        let mut folder = Folder::at(disk, dir, stem);
        folder.reread()?;
        Ok(folder)
    }

    /// Reads the manifest anew.
    pub fn reread(&mut self) -> Result<(), FolderError> {
        let path = self.path(&self.manifest_name());
        if !self.disk.exists(&path) {
            tracing::debug!("The AOF manifest file {} doesn't exist", self.manifest_name());
            self.manifest = Manifest::default();
            return Ok(());
        }
        let bytes = self.disk.read(&path).during(|| {
            format!("Fatal error: can't open the AOF manifest file {} for reading", path.display())
        })?;
        self.manifest = Manifest::parse(&bytes).map_err(FolderError::Manifest)?;
        Ok(())
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn manifest_name(&self) -> String {
        format!("{}.manifest", self.stem)
    }

    /// The name of the increment that is written until the first rewrite is done.
    pub fn temp_incr(&self) -> String {
        format!("temp-{}.incr", self.stem)
    }

    /// The path under which a rewrite writes the base.
    pub fn temp_base(&self) -> PathBuf {
        self.dir.join(format!("temp-rewriteaof-bg-{}.aof", std::process::id()))
    }

    /// Makes the folder if it is missing.
    pub fn create(&self) -> Result<(), FolderError> {
        let what = || format!("Can't open or create append-only dir {}", self.dir.display());
        if !self.disk.exists(&self.dir) {
            self.disk.create_dir(&self.dir).during(what)?;
        }
        let meta = self.disk.meta(&self.dir).during(what)?;
        if meta.is_dir { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()).during(what) }
    }

    /// Makes `manifest` the one on the disk, durably.
    pub fn persist(&mut self, manifest: Manifest) -> Result<(), FolderError> {
        let name = self.manifest_name();
        let temp = format!("temp-{name}");
        let (path, temp_path) = (self.path(&name), self.path(&temp));
        let mut file = self
            .disk
            .open(&temp_path, Open::Truncate)
            .during(|| format!("Can't open the AOF manifest file {temp}"))?;
        file.write_all(&manifest.to_bytes())
            .during(|| format!("Error trying to write the temporary AOF manifest file {temp}"))?;
        file.sync().during(|| format!("Fail to fsync the temp AOF file {temp}"))?;
        // The files that it names come before it.
        self.disk.sync_dir(&self.dir).during(|| format!("Fail to fsync AOF directory {}", path.display()))?;
        self.disk.rename(&temp_path, &path).during(|| {
            format!("Error trying to rename the temporary AOF manifest file {temp} into {name}")
        })?;
        self.disk.sync_dir(&self.dir).during(|| format!("Fail to fsync AOF directory {}", path.display()))?;
        self.manifest = manifest;
        Ok(())
    }

    /// Takes an old single file in `dir` over as the base, as the reference does: if there is no folder or no manifest yet, or
    /// this was begun before.
    pub fn upgrade(&mut self) -> Result<(), FolderError> {
        let old = PathBuf::from(&self.stem);
        let (disk, manifest) = (self.disk.clone(), &self.manifest);
        let begun = match &manifest.base {
            Some(Info { name, .. }) => {
                manifest.incr.is_empty() && *name == self.stem && !disk.exists(&self.path(name))
            }
            None => manifest.incr.is_empty(),
        };
        if !begun || !disk.meta(&old).is_ok_and(|m| !m.is_dir) {
            return Ok(());
        }
        self.create()?;
        let mut manifest = self.manifest.clone();
        manifest.adopt(&self.stem);
        self.persist(manifest)?;
        let (stem, dir) = (self.stem.clone(), self.dir.display().to_string());
        disk.rename(&old, &self.path(&stem))
            .during(|| format!("Error trying to move the old AOF file {stem} into dir {dir}"))?;
        let synced = disk.sync_dir(&self.dir).and_then(|()| disk.sync_dir(Path::new(".")));
        synced.during(|| format!("Fail to fsync AOF directory {dir}"))?;
        tracing::info!(
            "Successfully migrated an old-style AOF file ({stem}) into the AOF directory ({dir})."
        );
        Ok(())
    }

    /// Bytes of a file, or why it cannot be asked.
    pub fn size(&self, name: &str) -> io::Result<u64> {
        let size = self.disk.meta(&self.path(name)).map(|m| m.len);
        size.inspect_err(|e| {
            tracing::warn!("Unable to obtain the AOF file {name} length. stat: {}", os_text(e));
        })
    }

    /// Removes the files of history beyond the last `retain` sets, and forgets them. In this order none is left behind by a
    /// crash: nobody reads history.
    pub fn collect(&mut self, retain: usize) -> Result<(), FolderError> {
        let mut manifest = self.manifest.clone();
        let gone = manifest.drop_history(retain);
        for name in &gone {
            tracing::info!("Removing the history file {name} in the background");
            self.remove(&self.path(name));
        }
        if gone.is_empty() { Ok(()) } else { self.persist(manifest) }
    }

    /// Removes a file that nobody needs; one that is gone already is no matter.
    pub fn remove(&self, path: &Path) {
        if let Err(e) = self.disk.remove(path)
            && e.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("Can't remove {}: {}", path.display(), os_text(&e));
        }
    }

    /// Removes what an earlier process has left of a rewrite.
    pub fn sweep(&self) {
        let temp = |name: &str| {
            name.starts_with("temp-rewriteaof-") && name.ends_with(".aof") || *name == self.temp_incr()
        };
        let entries = self.disk.list(&self.dir).unwrap_or_default();
        entries.iter().filter(|e| !e.is_dir && temp(&e.name)).for_each(|e| self.remove(&self.path(&e.name)));
    }
}

//! The files of the machine, for loading at start, before any other part of the server exists.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::load::Files;
use crate::base::limits;

/// Reads the file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        // One byte beyond the cap tells a file that is too large from one that just fits.
        File::open(path)?.take(limits::CONFIG_FILE_MAX + 1).read_to_end(&mut text)?;
        if u64::try_from(text.len()).is_ok_and(|len| len <= limits::CONFIG_FILE_MAX) {
            Ok(text)
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }
}

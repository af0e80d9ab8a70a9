//! Programs that were started and are asked now and then whether they have ended: a Sentinel's scripts.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

/// A program that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub pid: u32,
    pub code: i32,
    /// What killed it; 0 = nothing.
    pub signal: i32,
}

/// Those that have not ended yet, as far as is known.
#[derive(Debug, Default)]
pub struct Children(BTreeMap<u32, Child>);

impl Children {
    /// Starts a program with its arguments; gives its pid. Descriptors of this process are not passed on.
    pub fn start(&mut self, words: &[Vec<u8>]) -> io::Result<u32> {
        let mut words = words.iter().map(|word| OsStr::from_bytes(word));
        let program = words.next().ok_or(io::ErrorKind::InvalidInput)?;
        let child = Command::new(program).args(words).stdin(Stdio::null()).spawn()?;
        let pid = child.id();
        self.0.insert(pid, child);
        Ok(pid)
    }

    /// Those that have ended since it was last asked.
    pub fn ended(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        self.0.retain(|pid, child| match child.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                let (code, signal) = (status.code().unwrap_or(0), status.signal().unwrap_or(0));
                ended.push(Ended { pid: *pid, code, signal });
                false
            }
            // Nobody knows what became of it.
            Err(_) => {
                ended.push(Ended { pid: *pid, code: 0, signal: 0 });
                false
            }
        });
        ended
    }

    /// Kills one.
    pub fn kill(&mut self, pid: u32) {
        if let Some(child) = self.0.get_mut(&pid) {
            // It may have ended by itself.
            let _ = child.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split('|').map(|word| word.as_bytes().to_vec()).collect()
    }

    fn wait(children: &mut Children) -> Ended {
        loop {
            if let Some(ended) = children.ended().pop() {
                return ended;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn they_end_by_themselves_or_are_killed() {
        let mut children = Children::default();
        let pid = children.start(&words("/bin/sh|-c|exit 7")).unwrap();
        assert_eq!(wait(&mut children), Ended { pid, code: 7, signal: 0 });
        let pid = children.start(&words("/bin/sh|-c|sleep 100")).unwrap();
        assert_eq!(children.ended(), []);
        children.kill(pid);
        assert_eq!(wait(&mut children), Ended { pid, code: 0, signal: 9 });
        assert!(children.start(&words("/no/such/program")).is_err());
        assert!(children.start(&[]).is_err());
    }
}

//! The server that is a Sentinel: what its machine (`sentinel/`) asks of the world at once, and its configuration, which
//! is also its memory.

use std::net::{IpAddr, ToSocketAddrs};

use super::config::rewrite::{Options, rewrite};
use super::server::Server;
use crate::base::rng::Rng;
use crate::sentinel::{Sentinel, World};
use crate::sys::{disk, process};

/// The world as a Sentinel's machine sees it. A name is looked up while everything else waits, as in the reference;
/// `resolve-hostnames` is off by default.
pub fn sentinel_world() -> World {
    World { resolve, executable: process::is_executable }
}

fn resolve(host: &[u8]) -> Option<IpAddr> {
    let host = std::str::from_utf8(host).ok()?;
    (host, 0).to_socket_addrs().ok()?.next().map(|addr| addr.ip())
}

impl Server {
    /// Makes a Sentinel of a server that has started, by the `sentinel` lines of its configuration; an error tells what is
    /// wrong with them.
    pub fn become_sentinel(&mut self, seed: u64) -> Result<(), String> {
        let now_ms = self.clock.now_ms() as i64;
        let mut sentinel = Sentinel::new(now_ms, Rng::new(seed), sentinel_world());
        sentinel.load(&self.config.sentinel).map_err(|(_, wrong)| wrong.into_owned())?;
        sentinel.port = self.config.port;
        sentinel.requirepass = self.config.requirepass.clone();
        self.sentinel = Some(Box::new(sentinel));
        Ok(())
    }

    /// Writes the configuration with all that the Sentinel must remember. Tells whether that could be done.
    pub fn save_sentinel(&mut self) -> bool {
        let Some(sentinel) = &mut self.sentinel else { return true };
        sentinel.unsaved = false;
        let lines = sentinel.lines();
        let Some(path) = &self.config_file else { return false };
        let disk = &*self.outside.disk;
        let old = match disk.read(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            old => old,
        };
        let options = Options { sentinel: Some(&lines), ..Options::default() };
        match old.and_then(|old| disk::replace(disk, path, &rewrite(&self.config, &old, options))) {
            Ok(()) => {
                tracing::info!("Sentinel new configuration saved on disk");
                true
            }
            Err(e) => {
                let reason = process::os_text(&e);
                tracing::warn!(
                    "WARNING: Sentinel was not able to save the new configuration on disk!!!: {reason}"
                );
                false
            }
        }
    }
}

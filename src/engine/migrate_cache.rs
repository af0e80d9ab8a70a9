//! The connections that MIGRATE keeps for a while, by the address that clients gave.

use std::collections::BTreeMap;

use crate::base::limits::{MIGRATE_CACHE_MAX, MIGRATE_CACHE_MS};
use crate::sys::connection::Connection;

/// A connection that is kept.
pub struct Cached {
    pub connection: Connection,
    /// The database that is selected there, if that is known.
    pub db: Option<i64>,
    used_ms: i64,
}

/// See the head of this file.
#[derive(Default)]
pub struct MigrateCache(BTreeMap<Vec<u8>, Cached>);

impl MigrateCache {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the connection to this address out.
    pub fn take(&mut self, address: &[u8]) -> Option<Cached> {
        self.0.remove(address)
    }

    /// Keeps a connection. The one that was used longest ago makes room for it.
    pub fn keep(&mut self, address: Vec<u8>, connection: Connection, db: Option<i64>, now_ms: i64) {
        if self.0.len() >= MIGRATE_CACHE_MAX
            && let Some(oldest) = self.0.iter().min_by_key(|(_, c)| c.used_ms).map(|(a, _)| a.clone())
        {
            self.0.remove(&oldest);
        }
        self.0.insert(address, Cached { connection, db, used_ms: now_ms });
    }

    /// Closes those that were not used for a while.
    pub fn close_idle(&mut self, now_ms: i64) {
        self.0.retain(|_, c| now_ms.saturating_sub(c.used_ms) <= MIGRATE_CACHE_MS);
    }
}

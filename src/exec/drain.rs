//! After a command: spreads what it did. Order: keys that had expired, then the command itself into the stream of
//! AOF and replicas, then notifications, tracking, blocked clients (these come with their parts).

use super::Exec;
use crate::engine::args::Args;
use crate::engine::effects::{Event, Propagate};
use crate::keyspace::db::DueFields;
use crate::resp::{Output, Reply};

impl Exec {
    /// Spreads what the command that ran for `slot` did.
    #[inline]
    pub fn drain(&mut self, slot: usize, _id: u16, args: &Args<'_>) {
        let server = &mut self.server;
        let db = match server.clients.get(slot) {
            Some(s) => s.db,
            None => 0,
        };
        if !server.dbs[db].expired.is_empty() {
            self.drain_expired();
        }
        let fx = &mut self.server.fx;
        let dirty = std::mem::take(&mut fx.dirty);
        self.server.dirty += dirty;
        self.server.stats.expired_keys += std::mem::take(&mut fx.expired);
        self.server.stats.expired_fields += std::mem::take(&mut fx.expired_fields);
        if !fx.garbage.is_empty() {
            self.free_garbage();
        }
        let fx = &self.server.fx;
        if fx.quiet() && fx.propagate == Propagate::Verbatim {
            return;
        }
        self.drain_slow(db as u32, dirty, args);
    }

    #[cold]
    fn drain_slow(&mut self, db: u32, dirty: u64, args: &Args<'_>) {
        let propagate = std::mem::take(&mut self.server.fx.propagate);
        if self.server.fx.streaming {
            match propagate {
                Propagate::Verbatim if dirty == 0 => {}
                Propagate::Never => {}
                Propagate::Verbatim | Propagate::Always => {
                    let words: Vec<&[u8]> = args.all().collect();
                    self.stream(db, &words);
                }
                Propagate::Instead(commands) => {
                    for (db, words) in &commands {
                        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                        self.stream(*db, &words);
                    }
                }
            }
        }
        self.finish_changes();
    }

    /// Spreads what changed among those who listen.
    pub(super) fn finish_changes(&mut self) {
        let server = &mut self.server;
        if !server.waiting.is_empty() {
            server
                .fx
                .changes
                .iter()
                .filter(|c| c.modified)
                .for_each(|c| server.waiting.changed(c.db, &c.key));
        }
        server.fx.changes.clear();
    }

    /// Frees the large entries that the command took out.
    #[cold]
    fn free_garbage(&mut self) {
        for (entry, lazy) in std::mem::take(&mut self.server.fx.garbage) {
            self.server.free_entry(entry, lazy);
        }
    }

    /// Tells of keys that were met after their time.
    #[cold]
    pub fn drain_expired(&mut self) {
        // They were met before the command changed anything, and so go first.
        let later = std::mem::take(&mut self.server.fx.changes);
        for i in 0..self.server.dbs.len() {
            let keys = std::mem::take(&mut self.server.dbs[i].expired);
            for key in keys {
                self.expired(i as u32, &key);
            }
        }
        self.server.fx.changes.extend(later);
    }

    /// A key's time had come and it is removed: the replicas and the AOF get a DEL (or UNLINK), subscribers an event.
    pub fn expired(&mut self, db: u32, key: &[u8]) {
        self.server.stats.expired_keys += 1;
        self.removed(db, key, Event::EXPIRED, self.server.config.lazyfree_lazy_expire);
    }

    /// The time of some fields of a hash had come and they are removed: the replicas and the AOF get an HDEL.
    pub fn expired_fields(&mut self, db: u32, due: DueFields, lazy: bool) {
        self.server.stats.expired_fields += due.names.len() as u64;
        self.server.fx.changed(db, &due.key, Event::HEXPIRED_DUE, 0);
        if self.server.fx.streaming {
            let names = due.names.iter().map(|n| &n[..]);
            let words: Vec<&[u8]> = [&b"HDEL"[..], &due.key].into_iter().chain(names).collect();
            self.stream(db, &words);
        }
        if let Some(entry) = due.emptied {
            self.server.fx.changed(db, &due.key, Event::DEL, 0);
            self.server.free_entry(entry, lazy);
        }
    }

    /// A key was removed by the server itself.
    pub fn removed(&mut self, db: u32, key: &[u8], event: Event, lazy: bool) {
        self.server.fx.changed(db, key, event, 0);
        if self.server.fx.streaming {
            self.stream(db, &[if lazy { b"UNLINK" } else { b"DEL" }, key]);
        }
    }

    /// Appends a command to the propagated stream.
    fn stream(&mut self, db: u32, words: &[&[u8]]) {
        let server = &mut self.server;
        let Some(stream) = &mut server.stream else { return };
        let mut out = Output::default();
        let mut w = Reply::new(&mut out, false);
        if server.stream_db != db {
            server.stream_db = db;
            w.array(2);
            w.bulk(b"SELECT");
            w.bulk_int(db as i64);
        }
        w.array(words.len());
        words.iter().for_each(|a| w.bulk(a));
        stream.extend(out.take_bytes());
    }
}

//! After a command: spreads what it did. Order: keys that had expired, then the command itself into the stream of
//! AOF and replicas, then the message that it published, then watchers, waiting clients and events, change by change.
//!
//! What one request sends to AOF and replicas is a unit: in MULTI and EXEC if it is more than one command, so that
//! nobody ever sees a part of it.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::effects::{Event, Propagate, listeners};
use crate::engine::scripts::Running;
use crate::engine::server::Server;
use crate::engine::spec::TOUCHES_ARBITRARY_KEYS;
use crate::engine::stream::To;
use crate::keyspace::db::DueFields;

impl Exec {
    /// Spreads what the command that ran for `slot` did.
    #[inline]
    pub fn drain(&mut self, slot: usize, id: u16, args: &Args<'_>) {
        let server = &mut self.server;
        let db = match server.clients.get(slot) {
            Some(s) => s.db,
            None => 0,
        };
        if !server.dbs[db].expired.is_empty() {
            self.drain_expired(false);
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
        self.drain_slow(slot, db as u32, dirty, (id, args));
    }

    #[cold]
    fn drain_slow(&mut self, slot: usize, db: u32, dirty: u64, (id, args): (u16, &Args<'_>)) {
        let propagate = std::mem::take(&mut self.server.fx.propagate);
        if self.server.fx.streaming {
            self.propagate(db, dirty, propagate, args);
            // What picks its keys itself (SCAN, RANDOMKEY) may meet any number of expired ones: no need for them to go
            // together.
            let whole = self.server.commands.get(id).spec.flags & TOUCHES_ARBITRARY_KEYS == 0;
            let wrote = self.server.stream.in_unit();
            self.end_unit(whole);
            if wrote {
                let offset = self.server.stream_offset();
                let logged = self.server.stream.offset();
                let session = self.server.client(slot);
                (session.write_offset, session.logged) = (offset, logged);
            }
        }
        if let Some(delivery) = self.server.fx.publish.take() {
            self.deliver(&delivery, args.get(1), args.get(2));
        }
        self.finish_changes(Some(slot));
    }

    fn propagate(&mut self, db: u32, dirty: u64, how: Propagate, args: &Args<'_>) {
        let Server { stream, fx, scripts, .. } = &mut self.server;
        let to = scripts.running.as_ref().map_or(To::All, Running::propagates_to);
        match how {
            Propagate::Verbatim if dirty == 0 => {}
            Propagate::Never => {}
            Propagate::Verbatim | Propagate::Always => stream.push(db, args.all(), to),
            Propagate::ToReplicas => stream.push(db, args.all(), To::Replicas),
            Propagate::Instead => {
                fx.instead.iter().for_each(|(db, command)| stream.push_encoded(db, command, to));
                fx.instead.clear();
            }
        }
    }

    /// Spreads what changed among those who listen. `current` is the client whose command runs.
    pub(super) fn finish_changes(&mut self, current: Option<usize>) {
        if !self.server.fx.changes.is_empty() {
            self.spread_changes(current);
        }
        if std::mem::take(&mut self.server.fx.flushed) {
            self.invalidate_all(current);
        }
    }

    #[cold]
    fn spread_changes(&mut self, current: Option<usize>) {
        let mut changes = std::mem::take(&mut self.server.fx.changes);
        let gone_too = self.server.fx.listeners & listeners::GONE != 0;
        let tracked = self.server.fx.listeners & listeners::TRACKING != 0;
        for (change, key) in changes.iter() {
            if change.modified {
                let gone = change.event == Some(Event::EXPIRED);
                self.server.touch_watched(change.db, key, gone);
                if tracked {
                    self.invalidate(key, current, current.filter(|_| !gone));
                }
            }
            if change.may_serve(gone_too) {
                self.server.waiting.changed(change.db, key);
            }
            if let Some(event) = change.event {
                self.deliver_event(change.db, key, event);
            }
        }
        changes.clear();
        self.server.fx.changes = changes;
    }

    /// Frees the large entries that the command took out.
    #[cold]
    fn free_garbage(&mut self) {
        for (entry, lazy) in std::mem::take(&mut self.server.fx.garbage) {
            self.server.free_entry(entry, lazy);
        }
    }

    /// Tells of keys that were met after their time, those of which the command has not told itself: `first` if they were
    /// met before it changed anything.
    #[cold]
    pub fn drain_expired(&mut self, first: bool) {
        let before = self.server.fx.changes.len();
        for i in 0..self.server.dbs.len() {
            let keys = std::mem::take(&mut self.server.dbs[i].expired);
            let told = std::mem::take(&mut self.server.dbs[i].expired_told);
            for (n, key) in keys.iter().enumerate() {
                if n >= told {
                    self.server.fx.met_expired(i as u32, key);
                }
                self.server.stats.expired_keys += 1;
                self.stream_removal(i as u32, key, self.server.config.lazyfree_lazy_expire);
            }
        }
        if first {
            self.server.fx.changes.to_front(before);
        }
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
            let words = (0..due.names.len() + 2).map(|i| match i {
                0 => &b"HDEL"[..],
                1 => &due.key,
                _ => &due.names[i - 2],
            });
            self.server.stream.push(db, words, To::All);
        }
        if let Some(entry) = due.emptied {
            self.server.fx.changed(db, &due.key, Event::DEL, 0);
            self.server.free_entry(entry, lazy);
        }
    }

    /// A key was removed by the server itself.
    pub fn removed(&mut self, db: u32, key: &[u8], event: Event, lazy: bool) {
        self.server.fx.changed(db, key, event, 0);
        self.stream_removal(db, key, lazy);
    }

    fn stream_removal(&mut self, db: u32, key: &[u8], lazy: bool) {
        if self.server.fx.streaming {
            let name: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
            self.server.stream.push(db, [name, key].into_iter(), To::All);
        }
    }

    /// The running request is over: more than one command of it goes as a transaction, if that matters (`whole`).
    pub(super) fn end_unit(&mut self, whole: bool) {
        // Not by what others run while a script is stuck.
        if self.depth == 0 && self.server.scripts.running.is_none() {
            self.server.stream.end_unit(whole);
        }
    }
}

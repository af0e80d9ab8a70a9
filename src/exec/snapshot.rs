//! Drives the snapshot that is being taken, in slices between the turns, and holds clients whose commands would have to
//! do too much of it themselves.
//!
//! A command that changes something in a segment that the snapshot lacks has that segment written down first, which
//! takes some 60 µs. It is held, and runs again in a later turn,
//! - when the commands since the last slice have done [`SAVE_WORK_MAX`] of that already: those who wait come first, in
//!   order, as many per slice as fit;
//! - when too much waits to be written out ([`SAVE_QUEUE_MIN`], [`SAVE_QUEUE_PART`]), until it is less: that bounds the memory, at the
//!   speed of the disk;
//! - when it changes a value that takes long, until that is written. It comes next.
//!
//! What cannot be held does the work at once, a value that takes long too: commands that a script runs on keys that it
//! has not declared, those that are queued behind a SELECT, and a client's that waited for keys and is served. The expiry
//! cycle and eviction never do: what they remove is kept for the snapshot.

use super::Exec;
use super::gate::is_exec;
use crate::base::limits::{SAVE_HELD_MAX, SAVE_QUEUE_MIN, SAVE_QUEUE_PART, SAVE_WORK_MAX};
use crate::engine::args::Args;
use crate::engine::keys::keys_of;
use crate::engine::session::{Block, Blocked};
use crate::engine::snapshot::{Ended, Held, Purpose, Stage};
use crate::engine::spec::{self, Spec};
use crate::keyspace::snapshot::{Leftovers, Owed};
use crate::keyspace::{Db, Key};
use crate::sys::memory;

/// Time one slice may take while no client asks for anything, and while some do.
const SLICE_NS: u64 = 1_000_000;
const SLICE_BUSY_NS: u64 = 500_000;
/// Where the turns between two slices are long, this part of their time.
const SLICE_PART: u64 = 3;
/// Between two looks at what the thread does, ms.
const LOOK_MS: i64 = 2;

impl Exec {
    /// Drives the snapshot for one slice of time. Returns when to be called again, if there is one.
    pub(super) fn snapshot_on(&mut self) -> Option<i64> {
        let server = &mut self.server;
        let running = server.snapshots.running.as_mut()?;
        running.writer.set_key_delay_us(server.config.rdb_key_save_delay);
        let now_ms = server.clock.now_ms() as i64;
        if running.stage == Stage::Walking {
            self.walk_on();
        }
        let running = self.server.snapshots.running.as_mut()?;
        if let Some(outcome) = running.writer.outcome() {
            let ended = Ended {
                id: running.id,
                purpose: running.purpose,
                cancelled: running.stage == Stage::Cancelled,
                result: outcome.result,
                bytes: outcome.bytes,
                failed: outcome.failed,
                took_ms: (now_ms - running.began_ms).max(0),
            };
            self.server.end_walk();
            self.server.snapshots.running = None;
            self.snapshot_ended(ended);
            return None;
        }
        let idle = running.commands == self.server.stats.commands;
        running.commands = self.server.stats.commands;
        Some(match running.stage {
            Stage::Walking if !running.stalled && idle => now_ms,
            Stage::Walking => now_ms + 1,
            _ => now_ms + LOOK_MS,
        })
    }

    /// Somebody hears of its end.
    fn snapshot_ended(&mut self, ended: Ended) {
        match ended.purpose {
            Purpose::Save => self.server.save_ended(&ended),
            Purpose::AofBase | Purpose::Sync => self.server.snapshots.ended.push(ended),
        }
    }

    /// Writes down for one slice of time, and lets clients go that were held.
    fn walk_on(&mut self) {
        let server = &mut self.server;
        let Some(running) = &mut server.snapshots.running else { return };
        let mut leftovers = Leftovers::default();
        let start_ns = server.clock.mono_ns();
        let idle = running.commands == server.stats.commands;
        let turns_ns = start_ns.saturating_sub(running.driven_ns);
        let slice_ns = if idle { SLICE_NS } else { (turns_ns / SLICE_PART).clamp(SLICE_BUSY_NS, SLICE_NS) };
        let most = SAVE_QUEUE_MIN + memory::used() / SAVE_QUEUE_PART;
        running.collect(&mut server.dbs, &mut leftovers);
        let mut more = true;
        while more && running.queued() < most / 2 {
            more = running.step(&mut server.dbs);
            running.collect(&mut server.dbs, &mut leftovers);
            if server.clock.mono_ns().saturating_sub(start_ns) > slice_ns {
                break;
            }
        }
        running.full = running.unwritten() > most;
        running.stalled = running.unwritten() >= most / 2;
        running.driven_ns = server.clock.mono_ns();
        if !more {
            running.writer.end();
            running.stage = Stage::Closing;
        }
        if !leftovers.is_empty() {
            server.free.send(Box::new(leftovers), 0);
        }
        for db in &mut server.dbs {
            db.saving().into_iter().for_each(|(saver, _)| saver.forget_work());
        }
        if more { self.let_held_go() } else { self.server.end_walk() }
    }

    /// Lets those clients go whose values are written, and as many of the others as may do their work now.
    fn let_held_go(&mut self) {
        let server = &mut self.server;
        let Some(running) = &mut server.snapshots.running else { return };
        let mut free: Vec<Held> = Vec::new();
        let dbs = &server.dbs;
        running.held_for_value.retain_mut(|held| {
            let owed = dbs[held.db].owes(Key::new(&held.key)) == Owed::Value;
            if !owed {
                free.push(std::mem::take(held));
            }
            owed
        });
        if !running.full {
            let most = running.held.len().min(SAVE_HELD_MAX);
            free.extend(running.held.drain(..most));
        }
        for held in free {
            if let Some(running) = &mut self.server.snapshots.running {
                running.let_pass.insert(held.slot);
            }
            self.server.let_go(&held);
        }
    }

    /// Whether the request has to wait because of the snapshot that is being taken. See the head of this file.
    #[cold]
    pub(super) fn held_by_snapshot(&mut self, slot: usize, id: u16, args: &Args<'_>) -> bool {
        if self.depth > 0 {
            return false;
        }
        let Some((owed, key)) = self.owed(slot, id, args) else { return false };
        let server = &mut self.server;
        let db = server.client(slot).db;
        let client = server.client(slot).id;
        let Some(running) = &mut server.snapshots.running else { return false };
        let passes = running.let_pass.remove(&slot);
        let held = Held { slot, client, db, key };
        if owed == Owed::Value {
            server.dbs[db].want(Key::new(&held.key));
            running.held_for_value.push(held);
        } else {
            let work = server.dbs[db].saving().map_or(0, |(saver, _)| saver.work());
            let waits = !passes && (work > SAVE_WORK_MAX || !running.held.is_empty());
            if !running.full && !waits {
                return false;
            }
            running.held.push_back(held);
        }
        // CLIENT LIST shows what it waits with.
        server.client(slot).last_command = Some(id);
        server.block(slot, Block { on: Blocked::Snapshot, until_ms: None });
        true
    }

    /// What a snapshot must write down before this request can run, if anything, and the key because of which. Of EXEC all
    /// that is queued counts.
    fn owed(&self, slot: usize, id: u16, args: &Args<'_>) -> Option<(Owed, Box<[u8]>)> {
        let session = self.server.clients.get(slot)?;
        let db = self.server.dbs.get(session.db)?;
        let spec = self.server.commands.get(id).spec;
        if !is_exec(spec) {
            return owed_by(db, spec, args);
        }
        let queued = session.transaction.iter().flat_map(|t| t.queued().iter());
        let owed = queued.filter_map(|(id, args)| owed_by(db, self.server.commands.get(id).spec, &args));
        owed.max_by_key(|(owed, _)| *owed == Owed::Value)
    }
}

/// What must be written down before a command can run.
fn owed_by(db: &Db, spec: &Spec, args: &Args<'_>) -> Option<(Owed, Box<[u8]>)> {
    if !spec.has(spec::WRITE) && !spec.has(spec::MAY_REPLICATE) {
        return None;
    }
    let changed = keys_of(spec, args).ok()?.into_iter().filter(|(_, flags)| flags & spec::RO == 0);
    let owed = changed.map(|(i, _)| (db.owes(Key::new(args.get(i))), args.get(i)));
    let owed = owed.filter(|(owed, _)| *owed != Owed::Nothing);
    owed.max_by_key(|(owed, _)| *owed == Owed::Value).map(|(owed, key)| (owed, key.into()))
}

#[cfg(test)]
mod tests;

//! The snapshot that is being taken: what was asked for, and how far it is. One at a time. Commands begin and cancel it
//! here; `exec::snapshot` drives it.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::rc::Rc;

use super::server::Server;
use crate::base::limits::SAVE_NAP_MAX;
use crate::keyspace::Db;
use crate::keyspace::snapshot::{Block, Format, Leftovers, Orphan, Saver};
use crate::persist::snapshot::{Failure, Frame, Sink, Writer};

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// BGSAVE and save points.
    Save,
    /// The base of an append-only file.
    AofBase,
    /// Full syncs of replicas.
    Sync,
}

/// What is to be taken.
pub struct Plan {
    pub purpose: Purpose,
    pub format: Rc<dyn Format>,
    pub frame: Box<dyn Frame>,
    /// All get the same.
    pub sinks: Vec<Sink>,
}

/// Why none was begun.
#[derive(Debug)]
pub enum Refused {
    /// There is one already.
    Busy,
    /// Its thread could not be started.
    Thread(io::Error),
}

/// How one ended.
#[derive(Debug)]
pub struct Ended {
    pub id: u64,
    pub purpose: Purpose,
    pub result: Result<(), Failure>,
    /// Somebody has asked for its end.
    pub cancelled: bool,
    /// Bytes written.
    pub bytes: u64,
    /// Of several sinks those that failed, by their places.
    pub failed: Vec<usize>,
    /// How long it took.
    pub took_ms: i64,
}

/// A client that waits because of a snapshot.
#[derive(Default)]
pub struct Held {
    pub slot: usize,
    /// Its id: the slot may be another's by now.
    pub client: u64,
    /// What its command changes.
    pub db: usize,
    pub key: Box<[u8]>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Segments are written down.
    Walking,
    /// The thread has all.
    Closing,
    /// It was given up.
    Cancelled,
}

/// The one that is being taken.
pub struct Running {
    pub id: u64,
    pub purpose: Purpose,
    pub stage: Stage,
    pub began_ms: i64,
    /// Keys that there were.
    pub keys: u64,
    pub writer: Writer,
    /// Whole blocks that wait for the end of a value in pieces, and their bytes.
    aside: Vec<Block>,
    aside_bytes: usize,
    orphans: Vec<Orphan>,
    /// Who waits for a segment, first come, first served.
    pub held: VecDeque<Held>,
    /// Who waits for a value.
    pub held_for_value: Vec<Held>,
    /// Slots of clients that have waited for their turn: the next request of theirs runs.
    pub let_pass: BTreeSet<usize>,
    /// So much waits to be written that no more may come.
    pub full: bool,
    /// The walk rests until some of that is written.
    pub stalled: bool,
    /// Commands run when it was last driven, and when that was.
    pub commands: u64,
    pub driven_ns: u64,
}

/// The snapshot that is being taken, and what became of earlier ones.
#[derive(Default)]
pub struct Snapshots {
    pub running: Option<Box<Running>>,
    /// How those ended that are not `Purpose::Save`, until they are taken.
    pub ended: Vec<Ended>,
    epoch: u32,
    last_id: u64,
}

impl Snapshots {
    /// Whether one for this is being taken.
    pub fn runs(&self, purpose: Purpose) -> bool {
        self.running.as_ref().is_some_and(|r| r.purpose == purpose)
    }

    /// Whether one is being taken that the reference's RDB child would take.
    pub fn is_for_rdb(&self) -> bool {
        self.runs(Purpose::Save) || self.runs(Purpose::Sync)
    }
}

impl Server {
    /// Begins a snapshot of the data as it is now; gives its number. `exec` does the rest; how it ended stands in
    /// `snapshots.ended`.
    pub fn begin_snapshot(&mut self, plan: Plan) -> Result<u64, Refused> {
        if self.snapshots.running.is_some() {
            return Err(Refused::Busy);
        }
        let cpus = match plan.purpose {
            Purpose::AofBase => &self.config.aof_rewrite_cpulist,
            Purpose::Save | Purpose::Sync => &self.config.bgsave_cpulist,
        };
        let writer = Writer::start(plan.frame, plan.sinks, cpus).map_err(Refused::Thread)?;
        writer.set_key_delay_us(self.config.rdb_key_save_delay);
        // 0 is no snapshot's.
        self.snapshots.epoch = self.snapshots.epoch.checked_add(1).unwrap_or(1);
        self.snapshots.last_id += 1;
        for db in self.dbs.iter_mut().filter(|db| !db.is_empty()) {
            db.begin_snapshot(self.snapshots.epoch, plan.format.clone());
        }
        self.snapshots.running = Some(Box::new(Running {
            id: self.snapshots.last_id,
            purpose: plan.purpose,
            stage: Stage::Walking,
            began_ms: self.clock.now_ms() as i64,
            keys: self.keys() as u64,
            writer,
            aside: Vec::new(),
            aside_bytes: 0,
            orphans: Vec::new(),
            held: VecDeque::new(),
            held_for_value: Vec::new(),
            let_pass: BTreeSet::new(),
            full: false,
            stalled: false,
            commands: self.stats.commands,
            driven_ns: self.clock.mono_ns(),
        }));
        Ok(self.snapshots.last_id)
    }

    /// Gives up the snapshot that is being taken, if there is one. It has ended once its thread has.
    pub fn cancel_snapshot(&mut self) {
        let Some(running) = &mut self.snapshots.running else { return };
        if running.writer.cancel() {
            running.stage = Stage::Cancelled;
            self.end_walk();
        }
    }

    /// As `cancel_snapshot`, and if it is too late for that, waits for the moment that it takes to end: from now on it
    /// gives no file its name.
    pub fn end_snapshot_now(&mut self) {
        self.cancel_snapshot();
        while let Some(running) = &self.snapshots.running
            && running.stage != Stage::Cancelled
            && !running.writer.has_ended()
        {
            self.outside.sleep(SAVE_NAP_MAX);
        }
    }

    /// Nothing more is to be written down.
    pub fn end_walk(&mut self) {
        let Some(running) = &mut self.snapshots.running else { return };
        let mut leftovers = Leftovers::default();
        for db in &mut self.dbs {
            db.end_snapshot().into_iter().for_each(|saver| leftovers.add(*saver));
            db.take_orphans().into_iter().for_each(|orphan| leftovers.add_orphan(orphan));
        }
        running.orphans.drain(..).for_each(|orphan| leftovers.add_orphan(orphan));
        (running.aside, running.aside_bytes) = (Vec::new(), 0);
        let held: Vec<Held> = running.held.drain(..).chain(running.held_for_value.drain(..)).collect();
        if !leftovers.is_empty() {
            self.free.send(Box::new(leftovers), 0);
        }
        held.into_iter().for_each(|h| self.let_go(&h));
    }

    /// A client waits no longer.
    pub fn let_go(&mut self, held: &Held) {
        if self.clients.get(held.slot).is_some_and(|s| s.id == held.client) {
            self.unblock(held.slot);
        }
    }
}

impl Running {
    /// Writes a little more down, of a value that was begun first, then of one that somebody waits for. False when all is
    /// written down.
    pub fn step(&mut self, dbs: &mut [Db]) -> bool {
        let orphans = &mut self.orphans;
        let chosen = choose(orphans, dbs, Saver::in_pieces)
            .or_else(|| choose(orphans, dbs, Saver::is_wanted))
            .or_else(|| choose(orphans, dbs, |saver| !saver.is_done()));
        match chosen {
            None => return false,
            Some(Chosen::Orphan(i)) => {
                let Orphan { saver, table } = &mut self.orphans[i];
                saver.step(table);
            }
            Some(Chosen::Db(i)) => {
                if let Some((saver, table)) = dbs[i].saving() {
                    saver.step(table);
                }
            }
        }
        true
    }

    /// Gives the thread what was written down. Between the pieces of a value comes nothing else.
    pub fn collect(&mut self, dbs: &mut [Db], leftovers: &mut Leftovers) {
        for db in dbs.iter_mut() {
            self.orphans.append(&mut db.take_orphans());
        }
        let savers = dbs.iter_mut().filter_map(|db| db.saving().map(|(saver, _)| saver));
        let orphans = self.orphans.iter_mut().map(|o| &mut *o.saver);
        let mut in_pieces = false;
        for saver in savers.chain(orphans) {
            let (parts, whole) = saver.take();
            parts.into_iter().for_each(|block| self.writer.give(block));
            self.aside_bytes += whole.iter().map(Block::allocated).sum::<usize>();
            self.aside.extend(whole);
            in_pieces |= saver.in_pieces();
            saver.give_up(leftovers);
        }
        if !in_pieces {
            self.aside.drain(..).for_each(|block| self.writer.give(block));
            self.aside_bytes = 0;
        }
        for orphan in self.orphans.extract_if(.., |o| o.saver.is_done()) {
            leftovers.add_orphan(orphan);
        }
    }

    /// Bytes that the thread has and has not written out: without those that stand aside for a value in pieces, which only
    /// the end of that value can let go.
    pub fn queued(&self) -> usize {
        self.writer.queued()
    }

    /// Bytes that were written down and are not written out.
    pub fn unwritten(&self) -> usize {
        self.writer.queued() + self.aside_bytes
    }
}

/// A saver's place.
enum Chosen {
    Orphan(usize),
    Db(usize),
}

fn choose(orphans: &[Orphan], dbs: &mut [Db], is: impl Fn(&Saver) -> bool) -> Option<Chosen> {
    if let Some(i) = orphans.iter().position(|o| is(&o.saver)) {
        return Some(Chosen::Orphan(i));
    }
    dbs.iter_mut().position(|db| db.saving().is_some_and(|(saver, _)| is(saver))).map(Chosen::Db)
}

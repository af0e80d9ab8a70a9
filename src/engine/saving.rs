//! The RDB file: what is known of saves, and when one is due.

use std::path::PathBuf;
use std::rc::Rc;

use super::aof::State;
use super::config::Config;
use super::config::values::{RdbFieldExpiry, ShutdownFlags};
use super::error::Error;
use super::server::{Request, Server};
use super::session::{Block, Blocked};
use super::snapshot::{Ended, Plan, Purpose, Refused};
use crate::base::limits::SAVE_RETRY_MS;
use crate::persist::rdb::save::{self, Contents};
use crate::persist::rdb::{FieldExpiry, Target, Usage, version_of};
use crate::persist::snapshot::rdb::{DbSize, RdbFormat, RdbFrame};
use crate::persist::snapshot::{FileSink, Sink};
use crate::resp::Reply;
use crate::sys::process::os_text;
use crate::sys::{memory, version};

/// The form of hashes with fields that expire, as `rdb-field-expiry-format` says.
pub fn field_expiry(c: &Config) -> FieldExpiry {
    match c.rdb_field_expiry_format {
        RdbFieldExpiry::Valkey => FieldExpiry::Valkey,
        RdbFieldExpiry::Redis => FieldExpiry::Redis,
    }
}

/// What is known of saves.
#[derive(Debug)]
pub struct Saves {
    /// One is to begin as soon as no other snapshot is being taken.
    pub scheduled: bool,
    /// Why the last one failed; `None` = it did not.
    pub failure: Option<String>,
    /// When one began last in the background, ms of Unix time; 0 = never.
    pub tried_ms: i64,
    /// The count of changes as the one that is being made began.
    pub dirty_before: u64,
    /// Seconds that the last one took; -1 = there was none.
    pub took_s: i64,
    /// Begun since the start.
    pub count: u64,
}

impl Default for Saves {
    fn default() -> Saves {
        Saves { scheduled: false, failure: None, tried_ms: 0, dirty_before: 0, took_s: -1, count: 0 }
    }
}

impl Server {
    /// How the data is written now as RDB.
    pub fn rdb_target(&self, form: FieldExpiry) -> Target {
        use super::config::values::EvictionPolicy::{AllkeysLfu, AllkeysLru, VolatileLfu, VolatileLru};
        let usage = match self.config.maxmemory_policy {
            AllkeysLru | VolatileLru => Usage::Idle,
            AllkeysLfu | VolatileLfu => Usage::Frequency { decay_minutes: self.config.lfu_decay_time },
            _ => Usage::Nothing,
        };
        Target {
            version: version_of(&self.dbs, form),
            compress: self.config.rdbcompression,
            checksum: self.config.rdbchecksum,
            usage,
            now_ms: self.clock.now_ms() as i64,
        }
    }

    /// The fields in front of the data.
    pub fn rdb_fields(&self, purpose: Purpose) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("tarn-ver", version::VERSION.into()),
            ("redis-bits", usize::BITS.to_string()),
            ("ctime", (self.clock.now_ms() / 1000).to_string()),
            ("used-mem", memory::used().to_string()),
        ];
        if let Some((id, offset, db)) = self.history() {
            fields.push(("repl-stream-db", db.to_string()));
            fields.push(("repl-id", id.to_string()));
            fields.push(("repl-offset", offset.to_string()));
        }
        fields.push(("aof-base", ((purpose == Purpose::AofBase) as u8).to_string()));
        fields
    }

    /// A snapshot as RDB.
    pub fn rdb_plan(&self, purpose: Purpose, form: FieldExpiry, sinks: Vec<Sink>) -> Plan {
        let target = self.rdb_target(form);
        let frame = Box::new(self.rdb_frame(purpose, target));
        Plan { purpose, format: Rc::new(RdbFormat(target)), frame, sinks }
    }

    /// What stands around the data.
    pub fn rdb_frame(&self, purpose: Purpose, target: Target) -> RdbFrame {
        let dbs = self.dbs.iter().filter(|db| !db.is_empty());
        let dbs = dbs.map(|db| DbSize { id: db.id, keys: db.len(), volatile: db.volatile_len() }).collect();
        let functions = self.functions.libraries().map(|library| library.code.to_vec()).collect();
        RdbFrame { target, fields: self.rdb_fields(purpose), functions, dbs, selected: None, crc: 0 }
    }

    /// Begins to save in the background.
    pub fn begin_save(&mut self) -> Result<(), Refused> {
        if self.snapshots.running.is_some() {
            return Err(Refused::Busy);
        }
        self.saves.count += 1;
        self.saves.tried_ms = self.clock.now_ms() as i64;
        let sink = FileSink {
            disk: self.outside.disk.clone(),
            temp: temp_file(),
            name: Some(PathBuf::from(&self.config.dbfilename)),
            incremental: self.config.rdb_save_incremental_fsync,
        };
        let plan = self.rdb_plan(Purpose::Save, field_expiry(&self.config), vec![Sink::File(sink)]);
        if let Err(refused) = self.begin_snapshot(plan) {
            if let Refused::Thread(e) = &refused {
                tracing::warn!("Can't save in background: {}", os_text(e));
                self.saves.failure = Some(os_text(e));
            }
            return Err(refused);
        }
        self.saves.dirty_before = self.dirty;
        self.saves.scheduled = false;
        tracing::info!("Background saving started by pid {}", std::process::id());
        Ok(())
    }

    /// One in the background has ended.
    pub fn save_ended(&mut self, ended: &Ended) {
        let now_ms = self.clock.now_ms() as i64;
        self.saves.took_s = ended.took_ms / 1000;
        match &ended.result {
            Ok(()) => {
                tracing::info!("DB saved on disk");
                tracing::info!("Background saving terminated with success");
                self.dirty = self.dirty.saturating_sub(self.saves.dirty_before);
                self.last_save_ms = now_ms;
                self.saves.failure = None;
            }
            Err(_) if ended.cancelled => tracing::warn!("Background saving was cancelled"),
            Err(failure) => {
                let why = os_text(&failure.error);
                tracing::warn!("Write error while saving DB to the disk({}): {why}", failure.what);
                tracing::warn!("Background saving error");
                self.saves.failure = Some(why);
            }
        }
    }

    /// Saves now; whether that went well. Nobody is served meanwhile.
    pub fn save_now(&mut self) -> bool {
        self.saves.count += 1;
        let target = self.rdb_target(field_expiry(&self.config));
        let fields = self.rdb_fields(Purpose::Save);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &value[..])).collect();
        let functions: Vec<&[u8]> = self.functions.libraries().map(|library| &library.code[..]).collect();
        let contents = Contents { dbs: &self.dbs, fields: &fields, functions: &functions };
        let path = PathBuf::from(&self.config.dbfilename);
        let sync = self.config.rdb_save_incremental_fsync;
        match save::save(&*self.outside.disk, &path, &contents, &target, sync) {
            Ok(_) => {
                tracing::info!("DB saved on disk");
                self.dirty = 0;
                self.last_save_ms = self.clock.now_ms() as i64;
                self.saves.failure = None;
                true
            }
            Err(_) => false,
        }
    }

    /// Begins to save if that is due: by a save point, or because it was asked for while there was no way.
    pub fn save_if_due(&mut self, now_ms: i64) {
        if self.snapshots.running.is_some() || self.keeps_no_data() {
            return;
        }
        let retry = self.saves.failure.is_none() || now_ms - self.saves.tried_ms > SAVE_RETRY_MS;
        if !retry {
            return;
        }
        let since_s = (now_ms / 1000 - self.last_save_ms / 1000).max(0) as u64;
        let dirty = self.dirty;
        let point = self.config.save.iter().find(|p| dirty >= p.changes && since_s > p.seconds);
        if let Some(point) = point {
            tracing::info!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
        }
        if point.is_some() || self.saves.scheduled {
            // What stands in its way is in the log.
            let _ = self.begin_save();
        }
    }

    /// Whether what is here is not to be saved: a Sentinel has no data, and while they come they are not whole.
    fn keeps_no_data(&self) -> bool {
        self.sentinel.is_some() || self.is_loading()
    }

    /// Why writes are refused: the last save has failed, and somebody is to notice; or the log cannot be written.
    pub fn disk_error(&self) -> Option<Error> {
        let stops = self.config.stop_writes_on_bgsave_error && !self.config.save.is_empty();
        if let Some(cause) = self.saves.failure.as_ref().filter(|_| stops) {
            return Some(Error::rdb_failed(cause, self.config.extended_redis_compatibility));
        }
        let cause = self.aof.error.as_ref()?;
        Some(Error::owned(format!("MISCONF Errors writing to the AOF file: {cause}")))
    }
}

/// What came of a request to end the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutDown {
    Done,
    /// Replicas are awaited.
    Waiting,
    /// The data could not be saved: the server goes on.
    Failed,
}

impl Server {
    /// Ends the server in good order: SHUTDOWN by `client`, or a signal. Replicas that are behind get some time first.
    pub fn shut_down(&mut self, how: ShutdownFlags, client: Option<&str>) -> ShutDown {
        if self.shutting_down {
            return ShutDown::Done;
        }
        let now = how.contains(ShutdownFlags::NOW);
        if self.shutdown_waits.is_some() && !now {
            return ShutDown::Waiting;
        }
        match client {
            Some(client) => tracing::info!("User requested shutdown... (user request from '{client}')"),
            None => tracing::info!("User requested shutdown..."),
        }
        self.take_pending_stream();
        if !now && self.config.shutdown_timeout != 0 && self.replicas_behind().next().is_some() {
            let timeout_ms =
                i64::try_from(self.config.shutdown_timeout).unwrap_or(i64::MAX).saturating_mul(1000);
            let now_ms = self.clock.now_ms() as i64;
            self.shutdown_waits = Some((how, now_ms.saturating_add(timeout_ms)));
            self.pause.shutdown = true;
            self.repl.ack_wanted = true;
            tracing::info!("Waiting for replicas before shutting down.");
            return ShutDown::Waiting;
        }
        if self.finish_shutdown(how) { ShutDown::Done } else { ShutDown::Failed }
    }

    /// Goes on with a shutdown that has waited for replicas, when they have all or it has waited long enough.
    pub fn shutdown_on(&mut self, now_ms: i64) {
        let Some((how, until_ms)) = self.shutdown_waits else { return };
        if until_ms <= now_ms || self.replicas_behind().next().is_none() {
            self.finish_shutdown(how);
        }
    }

    /// Ends the server. False when it goes on, because the data could not be saved.
    fn finish_shutdown(&mut self, how: ShutdownFlags) -> bool {
        self.tell_who_is_behind();
        if !self.leave_in_order(how) {
            tracing::warn!("Errors trying to shut down the server. Check the logs for more information.");
            self.shutdown_asked = false;
            self.end_shutdown();
            return false;
        }
        self.shutting_down = true;
        let name = if self.sentinel.is_some() { "Sentinel" } else { "Tarn" };
        tracing::warn!("{name} is now ready to exit, bye bye...");
        self.requests.push(Request::Exit(0));
        true
    }

    /// There will be no shutdown: those who have asked for it hear so, and writes go on.
    pub fn end_shutdown(&mut self) {
        self.outside.forget_signal();
        if self.shutdown_waits.take().is_none() {
            return;
        }
        for slot in self.blocked.clone() {
            let waits = |b: &Block| matches!(b.on, Blocked::Shutdown);
            let session = self.client(slot);
            if session.block.as_ref().is_some_and(waits) {
                let resp3 = session.resp3;
                let mut out = Reply::new(&mut session.output, resp3);
                out.error(b"ERR Errors trying to SHUTDOWN. Check logs.");
                self.unblock(slot);
                self.flush_later(slot);
            }
        }
        self.pause.shutdown = false;
        self.resume_paused();
    }

    /// Leaves the data as it is wanted; whether that went well, or does not matter.
    fn leave_in_order(&mut self, how: ShutdownFlags) -> bool {
        if self.snapshots.is_for_rdb() {
            tracing::warn!("There is a child saving an .rdb. Killing it!");
            // Its thread may have no time left to remove it.
            let _ = self.outside.disk.remove(&temp_file());
        }
        let force = how.contains(ShutdownFlags::FORCE);
        if self.aof.rewriting_since().is_some() {
            // Without it the data would be lost.
            if self.aof.state == State::Waiting {
                let end = if force { ". Exit anyway." } else { ", can't exit." };
                tracing::warn!("Writing initial AOF{end}");
                if !force {
                    return false;
                }
            }
            tracing::warn!("There is a child rewriting the AOF. Killing it!");
        }
        self.end_snapshot_now();
        self.end_log();
        if self.keeps_no_data() {
            return true;
        }
        let by_save_points = !self.config.save.is_empty() && !how.contains(ShutdownFlags::NOSAVE);
        if !by_save_points && !how.contains(ShutdownFlags::SAVE) {
            return true;
        }
        tracing::info!("Saving the final RDB snapshot before exiting.");
        if self.save_now() {
            return true;
        }
        let end = if force { "Exit anyway." } else { "can't exit." };
        tracing::warn!("Error trying to save the DB{} {end}", if force { "." } else { "," });
        force
    }
}

/// The name under which a save in the background begins.
pub fn temp_file() -> PathBuf {
    // Another one than that of SAVE, which may come while this one is given up.
    format!("temp-bgsave-{}.rdb", std::process::id()).into()
}

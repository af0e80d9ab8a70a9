//! Rewrites: the log thread begins a new increment at the very command at which a snapshot begins; when the snapshot is
//! written and durable it becomes the base, and what came before is history. Also how the log is switched on, which is
//! a rewrite, and off.

use std::path::PathBuf;
use std::rc::Rc;

use super::{Aof, State};
use crate::engine::server::Server;
use crate::engine::snapshot::{Ended, Plan, Purpose};
use crate::engine::stream::takers;
use crate::persist::aof::base::{Commands, CommandsFrame};
use crate::persist::aof::folder::{Folder, FolderError};
use crate::persist::aof::log::Command;
use crate::persist::rdb::FieldExpiry;
use crate::persist::snapshot::{FileSink, Sink};
use crate::sys::disk;

/// A rewrite that is going on.
#[derive(Debug)]
pub struct Rewrite {
    began_ms: i64,
    /// Where the base is written.
    base: PathBuf,
    /// As a snapshot; otherwise as commands.
    rdb: bool,
    /// The snapshot is taken, and the log thread makes it the base.
    installing: bool,
}

/// Rewrites that fail in a row, after which the next ones are delayed, and by how much at the most (Redis: 3, an hour).
const FAILURES_MAX: u64 = 3;
const DELAY_MINUTES_MAX: i64 = 60;

impl Aof {
    /// Since when a rewrite is going on, ms of Unix time.
    pub fn rewriting_since(&self) -> Option<i64> {
        self.rewrite.as_ref().map(|r| r.began_ms)
    }

    /// Whether rewrites that nobody has asked for have to wait, since too many have failed.
    fn delays(&mut self, now_ms: i64) -> bool {
        if self.failures < FAILURES_MAX {
            (self.delay_minutes, self.delayed_until_ms) = (0, 0);
            return false;
        }
        if self.delayed_until_ms != 0 {
            if now_ms < self.delayed_until_ms {
                return true;
            }
            self.delayed_until_ms = 0;
            return false;
        }
        self.delay_minutes = (self.delay_minutes * 2).clamp(1, DELAY_MINUTES_MAX);
        self.delayed_until_ms = now_ms + self.delay_minutes * 60_000;
        tracing::warn!(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {} minutes",
            self.delay_minutes
        );
        true
    }
}

impl Server {
    /// Begins a rewrite. False, with the reason in the log, if that cannot be.
    pub fn begin_rewrite(&mut self) -> bool {
        let begun = self.snapshots.running.is_none() && self.aof.rewrite.is_none() && self.try_rewrite();
        if !begun {
            self.aof.last_rewrite_failed = true;
        }
        begun
    }

    fn try_rewrite(&mut self) -> bool {
        if !self.need_log() {
            return false;
        }
        let c = &self.config;
        let folder = Folder::at(self.outside.disk.clone(), &c.appenddirname, &c.appendfilename);
        if let Err(e) = folder.create() {
            e.log();
            return false;
        }
        // All that came before belongs to the files before.
        self.hand_on_stream();
        if self.aof.state != State::Off {
            self.take_stream(takers::AOF, true);
            self.tell_log(Command::Rotate { temp: self.aof.state == State::Waiting });
            self.stream.forget_db();
        }
        let c = &self.config;
        let (rdb, incremental) = (c.aof_use_rdb_preamble, c.aof_rewrite_incremental_fsync);
        let temp = folder.temp_base();
        let sink = FileSink { disk: folder.disk, temp: temp.clone(), name: None, incremental };
        let plan = self.base_plan(rdb, vec![Sink::File(sink)]);
        if let Err(e) = self.begin_snapshot(plan) {
            tracing::warn!("Can't rewrite append only file in background: {e:?}");
            if self.aof.state == State::Waiting {
                self.give_up_first();
            }
            return false;
        }
        tracing::info!("Background append only file rewriting started by pid {}", std::process::id());
        self.aof.rewrites += 1;
        self.aof.scheduled = false;
        let began_ms = self.clock.now_ms() as i64;
        self.aof.rewrite = Some(Rewrite { began_ms, base: temp, rdb, installing: false });
        self.apply_log_settings();
        true
    }

    /// How a base is made, as a snapshot or as commands.
    fn base_plan(&self, rdb: bool, sinks: Vec<Sink>) -> Plan {
        if rdb {
            return self.rdb_plan(Purpose::AofBase, FieldExpiry::default(), sinks);
        }
        let frame = CommandsFrame {
            ms: self.clock.now_ms(),
            offset: self.stream.offset(),
            timestamp: self.config.aof_timestamp_enabled,
            annotate: self.config.aof_annotations,
            functions: self.functions.libraries().map(|library| library.code.to_vec()).collect(),
            ..CommandsFrame::default()
        };
        Plan { purpose: Purpose::AofBase, format: Rc::new(Commands), frame: Box::new(frame), sinks }
    }

    /// Makes the base of an empty data set, at the start.
    pub(super) fn make_first_base(&mut self, folder: &mut Folder) -> Result<(), FolderError> {
        let rdb = self.config.aof_use_rdb_preamble;
        let Plan { mut frame, .. } = self.base_plan(rdb, Vec::new());
        let mut bytes = Vec::new();
        frame.begin(&mut bytes);
        frame.end(&mut bytes);
        let mut manifest = folder.manifest.clone();
        let name = manifest.new_base(&folder.stem, rdb).name.clone();
        let disk = folder.disk.clone();
        disk::replace(&*disk, &folder.path(&name), &bytes)
            .map_err(|e| FolderError::Io("Write error writing append only file on disk".into(), e))?;
        folder.persist(manifest)?;
        tracing::info!("Creating AOF base file {name} on server start");
        Ok(())
    }

    /// The snapshot of a rewrite has ended.
    pub fn base_ended(&mut self, ended: &Ended) {
        self.apply_log_settings();
        let Some(rewrite) = &mut self.aof.rewrite else { return };
        match &ended.result {
            Ok(()) => {
                tracing::info!("Background AOF rewrite terminated with success");
                rewrite.installing = true;
                let (base, rdb) = (rewrite.base.clone(), rewrite.rdb);
                self.tell_log(Command::Install { base, rdb });
            }
            Err(_) if ended.cancelled => {
                tracing::warn!("Background AOF rewrite terminated by signal 10");
                self.end_rewrite(None);
            }
            Err(failure) => {
                let reason = crate::sys::process::os_text(&failure.error);
                tracing::warn!("Write error writing append only file on disk: {reason}");
                tracing::warn!("Background AOF rewrite terminated with error");
                self.end_rewrite(Some(false));
            }
        }
    }

    /// The log thread has made the snapshot the base, or could not.
    pub(super) fn rewrite_installed(&mut self, size: Option<u64>) {
        if let Some(size) = size {
            tracing::info!("Background AOF rewrite finished successfully");
            self.aof.base_size = size;
            if self.aof.state == State::Waiting {
                self.aof.state = State::On;
            }
        }
        self.end_rewrite(Some(size.is_some()));
    }

    /// A rewrite is over: well, badly, or because nobody wants it any more.
    fn end_rewrite(&mut self, well: Option<bool>) {
        let Some(rewrite) = self.aof.rewrite.take() else { return };
        let now_ms = self.clock.now_ms() as i64;
        self.aof.last_rewrite_s = Some((now_ms - rewrite.began_ms).max(0) / 1000);
        if let Some(well) = well {
            self.aof.last_rewrite_failed = !well;
            self.aof.failures = if well { 0 } else { self.aof.failures + 1 };
        }
        if self.aof.state == State::Waiting {
            self.give_up_first();
            self.aof.scheduled = true;
        }
    }

    /// The rewrite that was to switch the log on has failed: what was logged since counts for nothing.
    fn give_up_first(&mut self) {
        self.tell_log(Command::DiscardTemp);
        self.take_stream(takers::AOF, false);
    }

    /// A new increment could not be begun: what a snapshot holds would be logged twice.
    pub(super) fn stop_rewrite_snapshot(&mut self) {
        if self.aof.rewrite.is_some() && self.snapshots.runs(Purpose::AofBase) {
            self.cancel_snapshot();
        }
    }

    /// `appendonly` was changed.
    pub fn switch_log(&mut self, in_transaction: bool) -> Result<(), String> {
        match (self.config.appendonly, self.aof.state) {
            (true, State::Off) => self.switch_log_on(in_transaction),
            (false, State::Waiting | State::On) => {
                self.switch_log_off();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn switch_log_on(&mut self, in_transaction: bool) -> Result<(), String> {
        self.aof.state = State::Waiting;
        if self.aof.error.take().is_some() {
            tracing::warn!("AOF reopen, just ignore the last error.");
        }
        if self.snapshots.running.is_some() && self.aof.rewrite.is_none() {
            self.aof.scheduled = true;
            tracing::info!(
                "AOF was enabled but there is already another background operation. An AOF background was scheduled \
                 to start when possible."
            );
        } else if in_transaction {
            self.aof.scheduled = true;
            tracing::info!(
                "AOF was enabled during a transaction. An AOF background was scheduled to start when possible."
            );
        } else if self.aof.rewrite.is_some() {
            tracing::info!(
                "AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF and \
                 starting a rewrite now."
            );
            self.stop_rewrite_snapshot();
            self.aof.scheduled = true;
        } else if !self.begin_rewrite() {
            self.aof.state = State::Off;
            tracing::warn!(
                "The server needs to enable the AOF but can't trigger a background AOF rewrite operation. Check the \
                 above logs for more info about the error."
            );
            return Err("Unable to turn on AOF. Check server logs.".into());
        }
        Ok(())
    }

    fn switch_log_off(&mut self) {
        self.hand_on_stream();
        if self.aof.rewrite.is_some() {
            tracing::info!("Killing running AOF rewrite child: {}", std::process::id());
            self.stop_rewrite_snapshot();
        }
        if std::mem::take(&mut self.aof.scheduled) {
            tracing::info!("AOF was disabled but there is a scheduled AOF background, cancel it.");
        }
        let first = self.aof.state == State::Waiting;
        self.aof.state = State::Off;
        self.tell_log(if first { Command::DiscardTemp } else { Command::Close });
        self.take_stream(takers::AOF, false);
        (self.aof.error, self.aof.congested) = (None, false);
        self.stream.forget_db();
        self.release_held();
        self.serve_waiting_acks();
    }

    /// What is to be done from time to time: a rewrite that was asked for, or that the log's growth calls for.
    pub fn rewrite_if_due(&mut self, now_ms: i64) {
        if self.snapshots.running.is_some() || self.aof.rewrite.is_some() {
            return;
        }
        if self.aof.scheduled {
            if !self.aof.delays(now_ms) {
                self.begin_rewrite();
            }
            return;
        }
        let (percentage, least) =
            (self.config.auto_aof_rewrite_percentage, self.config.auto_aof_rewrite_min_size);
        if self.aof.state != State::On || percentage == 0 {
            return;
        }
        let size = self.log_status().size;
        if size <= least {
            return;
        }
        let growth = (size.saturating_mul(100) / self.aof.base_size.max(1)).saturating_sub(100);
        if growth >= percentage && !self.aof.delays(now_ms) {
            tracing::info!("Starting automatic rewriting of AOF on {growth}% growth");
            self.begin_rewrite();
        }
    }
}

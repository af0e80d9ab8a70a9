//! The append-only file between the turns: news of the log thread, snapshots that become bases, rewrites that are due.

use super::Exec;
use super::replay::Replayed;
use crate::engine::aof::State;
use crate::engine::snapshot::Purpose;
use crate::persist::aof::folder::Folder;
use crate::persist::aof::load::{self, Ending, Found, Plan};
use crate::resp::Reply;

impl Exec {
    /// Hears what the log thread has to say. To be called in every turn.
    #[inline]
    pub fn hear_log(&mut self) {
        if self.server.log_news() {
            self.server.hear_log();
        }
    }

    /// What is due for the append-only file.
    pub(super) fn log_on(&mut self, now_ms: i64, cron: bool) {
        let rewrites = self.server.aof.rewriting_since().is_some();
        let ended = &mut self.server.snapshots.ended;
        if rewrites && let Some(i) = ended.iter().position(|e| e.purpose == Purpose::AofBase) {
            let ended = ended.remove(i);
            self.server.base_ended(&ended);
        }
        if self.server.aof.log.is_some() {
            self.server.tick_log();
            self.hear_log();
        }
        if cron {
            self.server.rewrite_if_due(now_ms);
        }
    }

    /// Loads the append-only file at the start of the server, and goes on writing it. False if the server must not start;
    /// the log knows why.
    pub fn start_with_log(&mut self) -> bool {
        if self.server.sentinel.is_some() {
            return true;
        }
        let folder = self.server.open_folder().and_then(|mut folder| {
            if self.server.config.appendonly {
                folder.upgrade()?;
            }
            Ok(folder)
        });
        let folder = match folder {
            Ok(folder) => folder,
            Err(e) => {
                e.log();
                return false;
            }
        };
        if !self.server.config.appendonly {
            self.server.aof.folder = Some(folder);
            return true;
        }
        let Some(ending) = self.load_log(&folder) else { return false };
        let opened = self.server.open_log(folder, ending.unwrap_or_default());
        opened.inspect_err(|e| e.log()).is_ok() && self.server.aof.state == State::On
    }

    /// DEBUG LOADAOF: loads the append-only file in place of the data set, and answers the client.
    pub fn reload_log(&mut self, slot: usize, client: u64) {
        self.server.wait_for_log();
        let remains: Vec<_> = self.server.dbs.iter_mut().map(|db| db.take_all()).collect();
        self.server.free.send(Box::new(remains), 0);
        let streaming = std::mem::take(&mut self.server.fx.streaming);
        let folder = self.server.open_folder().inspect_err(|e| e.log());
        let loaded = folder.ok().and_then(|folder| self.load_log(&folder));
        self.server.fx.streaming = streaming;
        self.server.reread_manifest();
        if self.server.clients.get(slot).is_none_or(|s| s.id != client) {
            return;
        }
        let session = self.server.client(slot);
        let resp3 = session.resp3;
        let mut out = Reply::new(&mut session.output, resp3);
        match loaded {
            Some(Some(_)) => {
                tracing::info!("Append Only File loaded by DEBUG LOADAOF");
                out.ok();
            }
            _ => out.error(b"ERR Error trying to load the AOF files, check server logs."),
        }
        self.server.unblock(slot);
        self.server.flush_later(slot);
    }

    /// Loads what a folder holds into the empty data set. `None` if that cannot be; `Some(None)` if there is no file.
    pub fn load_log(&mut self, folder: &Folder) -> Option<Option<Ending>> {
        let began_ns = self.server.clock.mono_ns();
        let rules = self.server.rdb_rules(None);
        let truncated = self.server.config.aof_load_truncated;
        let ending = match load::begin(Plan { folder: folder.clone(), rules, truncated }) {
            Found::Nothing => return Some(None),
            Found::Bad => return None,
            Found::Empty => Ending::default(),
            Found::Files(loading) => {
                let mut replay = self.begin_replay(loading);
                let ending = loop {
                    match self.replay_on(&mut replay) {
                        Replayed::More => {}
                        Replayed::End(ending) => break ending,
                    }
                };
                self.end_replay(replay);
                ending?
            }
        };
        let seconds = self.server.clock.mono_ns().saturating_sub(began_ns) as f64 / 1e9;
        tracing::info!("DB loaded from append only file: {seconds:.3} seconds");
        Some(Some(ending))
    }
}

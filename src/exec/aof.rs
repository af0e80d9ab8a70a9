//! The append-only file between the turns: news of the log thread, snapshots that become bases, rewrites that are due.

use super::Exec;
use crate::engine::snapshot::Purpose;

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
        let ended = &mut self.server.snapshots.ended;
        if let Some(i) = ended.iter().position(|e| e.purpose == Purpose::AofBase) {
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
}

//! What happens without being asked, in bounded slices: keys whose time has come, waits that end, idle clients,
//! statistics.

use super::Exec;
use crate::engine::server::Pause;

/// Time one slice of expiry may take before clients get their turn.
const EXPIRY_SLICE_NS: u64 = 1_000_000;
/// Keys removed between two looks at the clock.
const EXPIRY_STEP: usize = 32;

impl Exec {
    /// Does what is due. Returns when to be called again, ms of Unix time; that may be now.
    pub fn tick(&mut self) -> i64 {
        let now_ms = self.server.clock.now_ms() as i64;
        if self.server.pause != Pause::default() {
            self.server.end_pause(now_ms, false);
        }
        self.heed_signal();
        self.server.shutdown_on(now_ms);
        let load_due = self.load_rdb_on(now_ms);
        let expiry_due = self.expire_due();
        let snapshot_due = self.snapshot_on();
        let busy =
            (!self.server.freeing.is_empty() && self.free_on()) | self.evict_on() | self.forget_reads_on();
        self.end_waits(now_ms);
        if self.server.waiting.any_ready() {
            self.now = self.server.clock.read();
            self.serve_waiting();
        }
        let cron_due = now_ms >= self.cron_due_ms;
        self.log_on(now_ms, cron_due);
        if cron_due {
            if !self.server.debug.pause_cron {
                let began_ns = self.server.clock.mono_ns();
                self.cron(now_ms);
                let ended_ns = self.server.clock.mono_ns();
                self.server.stats.end_cron(ended_ns.saturating_sub(began_ns));
            }
            self.cron_due_ms = now_ms + (1000 / self.server.config.hz.max(1) as i64).max(1);
        }
        let replication_due = self.replication_on(now_ms);
        let waits = self.server.timeouts.first().map(|&(at, _)| at).into_iter();
        let pause = [self.server.pause.writes_until_ms, self.server.pause.all_until_ms]
            .into_iter()
            .filter(|&t| t > now_ms);
        let due = [replication_due, load_due, expiry_due, snapshot_due, busy.then_some(now_ms)];
        let first = waits.chain(pause).chain(due.into_iter().flatten()).min();
        first.map_or(self.cron_due_ms, |t| t.min(self.cron_due_ms))
    }

    /// When the next key of any database is due.
    pub fn next_due(&self) -> Option<i64> {
        let now_ms = self.server.clock.now_ms() as i64;
        let halted = self.server.debug.pause_cron || !self.server.expires_by_itself(now_ms);
        if halted { None } else { self.first_due().map(|(at, _)| at) }
    }

    /// The time of the key that is due first, and its database.
    fn first_due(&self) -> Option<(i64, usize)> {
        self.server.dbs.iter().enumerate().filter_map(|(i, db)| Some((db.next_due()?, i))).min()
    }

    /// Removes keys whose time has come, in the order of their times, for at most one slice of time. Returns when the
    /// next one is due.
    pub(super) fn expire_due(&mut self) -> Option<i64> {
        let start = self.server.clock.read();
        let now_ms = start.wall_ms() as i64;
        if self.next_due()? > now_ms {
            return self.next_due();
        }
        self.server.dbs.iter_mut().for_each(|db| db.now_ms = now_ms);
        let lazy = self.server.config.lazyfree_lazy_expire;
        let mut ns = 0;
        while let Some((_, i)) = self.first_due().filter(|&(at, _)| at <= now_ms) {
            if ns > EXPIRY_SLICE_NS {
                self.server.stats.expired_time_cap_reached += 1;
                break;
            }
            let mut some = false;
            for _ in 0..EXPIRY_STEP {
                let Some(entry) = self.server.dbs[i].pop_due() else { break };
                some = true;
                self.expired(i as u32, entry.view().key());
                self.server.free_entry(entry, lazy);
            }
            if let Some(due) = self.server.dbs[i].pop_due_fields(EXPIRY_STEP) {
                some = true;
                self.expired_fields(i as u32, due, lazy);
            }
            if !some {
                // What is due waits for a snapshot to write it down.
                break;
            }
            ns = self.server.clock.mono_ns().saturating_sub(start.mono_ns);
        }
        self.server.stats.expire_cycle_ns += ns;
        let threshold_ms = self.server.config.latency_monitor_threshold;
        self.server.latency.note("expire-cycle", ns, threshold_ms, now_ms);
        self.finish_effects();
        self.next_due()
    }

    /// Ends the effects of what no client asked for.
    pub(super) fn finish_effects(&mut self) {
        // Each removal goes by itself.
        self.end_unit(false);
        self.finish_changes(None);
        self.server.dirty += std::mem::take(&mut self.server.fx.dirty);
    }

    /// Ends waits whose time is over.
    fn end_waits(&mut self, now_ms: i64) {
        while let Some(&(at, slot)) = self.server.timeouts.first() {
            if at > now_ms {
                return;
            }
            self.server.end_wait(slot, false);
        }
    }

    /// The periodic work, `hz` times a second.
    fn cron(&mut self, now_ms: i64) {
        self.server.clock.tick();
        self.server.migrate.close_idle(now_ms);
        if self.server.config.watchdog_period != 0 {
            self.server.outside.arm_watchdog(self.server.config.watchdog_period);
        }
        let (commands, bytes_in, bytes_out) =
            (self.server.stats.commands, self.server.stats.bytes_in, self.server.stats.bytes_out);
        self.server.stats.rate_commands.sample(commands, now_ms);
        self.server.stats.rate_in.sample(bytes_in, now_ms);
        self.server.stats.rate_out.sample(bytes_out, now_ms);
        let turns = self.server.stats.turns;
        self.server.stats.rate_turns.sample(turns, now_ms);
        if !self.server.debug.pause_cron {
            self.clients_cron(now_ms);
        }
        self.server.save_if_due(now_ms);
    }
}

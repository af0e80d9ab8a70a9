//! Counters that INFO shows.

use std::collections::BTreeMap;

/// Counters of one command.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    pub calls: u64,
    /// Nanoseconds in all calls.
    pub ns: u64,
    /// Refused before they ran.
    pub rejected: u64,
    /// Ended in an error.
    pub failed: u64,
    /// Calls by duration; made at the first call while `latency-tracking` is on.
    pub latency: Option<Box<Histogram>>,
}

/// Buckets per power of two: values are kept to 1/16.
const SUB_BITS: u32 = 4;
/// Durations up to about 17 s; longer ones count as that.
const BUCKETS: usize = (35 - SUB_BITS as usize) << SUB_BITS;

/// Durations in nanoseconds, in buckets of 6% width.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: [u32; BUCKETS],
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: [0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    fn bucket(ns: u64) -> usize {
        let ns = ns.max(1);
        let top = ns.ilog2();
        if top < SUB_BITS {
            return ns as usize;
        }
        let sub = (ns >> (top - SUB_BITS)) as usize & ((1 << SUB_BITS) - 1);
        ((((top - SUB_BITS + 1) as usize) << SUB_BITS) + sub).min(BUCKETS - 1)
    }

    /// The largest duration that falls into a bucket.
    fn upper(bucket: usize) -> u64 {
        let (exp, sub) = (bucket >> SUB_BITS, (bucket & ((1 << SUB_BITS) - 1)) as u64);
        if exp == 0 { sub } else { (((1 << SUB_BITS) + sub + 1) << (exp - 1)) - 1 }
    }

    /// Counts one duration.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        let c = &mut self.counts[Self::bucket(ns)];
        *c = c.saturating_add(1);
        self.total += 1;
    }

    /// Durations counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The duration that `percent` of all do not exceed, in ns.
    pub fn percentile(&self, percent: f64) -> u64 {
        let want = ((percent / 100.0 * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (i, &c) in self.counts.iter().enumerate() {
            seen += c as u64;
            if seen >= want {
                return Self::upper(i);
            }
        }
        0
    }

    /// Cumulative counts at doubling bounds, in microseconds, up to the one that covers all; bounds that add nothing
    /// are left out: LATENCY HISTOGRAM. The bounds are those that the reference shows: the largest nanosecond that its
    /// histogram, of two significant digits, does not tell from a power of two (1, 2, 4, 8, 16, 33, 66, 132...).
    pub fn cumulative_us(&self) -> Vec<(u64, u64)> {
        let mut rows = Vec::new();
        let (mut seen, mut i, mut power) = (0u64, 0, 1024u64);
        while seen < self.total {
            let (before, bound) = (seen, power + power / 128 - 1);
            while i < BUCKETS && (Self::upper(i) <= bound || i == BUCKETS - 1) {
                seen += self.counts[i] as u64;
                i += 1;
            }
            if seen > before {
                rows.push((bound / 1000, seen));
            }
            if i == BUCKETS {
                break;
            }
            power *= 2;
        }
        rows
    }
}

/// Kinds of errors from which on those that scripts invent are counted together (Redis: `ERRORSTATS_LIMIT`).
const ERROR_CODES_MAX: usize = 128;
/// As what.
const ERROR_CODES_OVERFLOW: &[u8] = b"ERRORSTATS_OVERFLOW";

/// Who made an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOrigin {
    /// The server: it has few codes.
    Server,
    /// A script, which may invent any number of them.
    Script,
}

/// Metrics sampled at 10 Hz for `instantaneous_*`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    samples: [u64; 16],
    at: usize,
    last: u64,
    last_ms: i64,
}

impl Rate {
    /// Adds a reading of a growing counter.
    pub fn sample(&mut self, value: u64, now_ms: i64) {
        let ms = now_ms - self.last_ms;
        if ms > 0 {
            self.samples[self.at] = value.saturating_sub(self.last) * 1000 / ms as u64;
            self.at = (self.at + 1) % self.samples.len();
        }
        (self.last, self.last_ms) = (value, now_ms);
    }

    /// Per second, the mean of the last samples.
    pub fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / self.samples.len() as u64
    }
}

/// Counters of the server. CONFIG RESETSTAT sets them to zero.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub connections: u64,
    pub rejected_connections: u64,
    pub commands: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub reads: u64,
    pub writes: u64,
    pub hits: u64,
    pub misses: u64,
    pub expired_keys: u64,
    /// Fields of hashes removed because their time had come.
    pub expired_fields: u64,
    pub expired_time_cap_reached: u64,
    /// Nanoseconds of processor time that removing due keys took.
    pub expire_cycle_ns: u64,
    pub evicted_keys: u64,
    /// Nanoseconds beyond `maxmemory` until now, without the present time there.
    pub eviction_exceeded_ns: u64,
    /// Since when memory is beyond `maxmemory`, in ns of the monotonic clock.
    pub eviction_since_ns: Option<u64>,
    pub evicted_clients: u64,
    pub error_replies: u64,
    pub unexpected_error_replies: u64,
    pub dump_payload_sanitizations: u64,
    pub output_limit_disconnections: u64,
    pub query_limit_disconnections: u64,
    pub acl_denied_auth: u64,
    pub clients_paused_ms: u64,
    /// Reply buffers fitted to what a client needs.
    pub reply_buffer_shrinks: u64,
    pub reply_buffer_expands: u64,
    /// Turns of the loop that had something to do, and their time. See [`Stats::end_turn`].
    pub turns: u64,
    pub turns_ns: u64,
    pub turn_ns_max: u64,
    pub turn_commands_max: u64,
    /// `commands_ns` and `commands` when the last turn ended.
    turn_began: (u64, u64),
    /// Time in commands.
    pub commands_ns: u64,
    /// Time in periodic work.
    pub cron_ns: u64,
    /// Error replies by their first word.
    pub errors: BTreeMap<Vec<u8>, u64>,
    /// Rates for `instantaneous_*`.
    pub rate_commands: Rate,
    pub rate_in: Rate,
    pub rate_out: Rate,
    pub rate_turns: Rate,
}

impl Stats {
    /// Counts an error reply, by its code.
    pub fn count_error(&mut self, code: &[u8], origin: ErrorOrigin) {
        self.error_replies += 1;
        if let Some(n) = self.errors.get_mut(code) {
            *n += 1;
            return;
        }
        let full = origin == ErrorOrigin::Script && self.errors.len() >= ERROR_CODES_MAX;
        let code = if full { ERROR_CODES_OVERFLOW } else { code };
        *self.errors.entry(code.to_vec()).or_default() += 1;
    }

    /// Ends a turn of the loop: what its commands took counts as its time, so that no clock is read for it.
    pub fn end_turn(&mut self) {
        let (ns, commands) = self.turn_began;
        self.turn_began = (self.commands_ns, self.commands);
        self.turn_commands_max = self.turn_commands_max.max(self.commands.saturating_sub(commands));
        self.count_turn(self.commands_ns.saturating_sub(ns));
    }

    /// Ends a round of periodic work, a turn of its own.
    pub fn end_cron(&mut self, ns: u64) {
        self.cron_ns += ns;
        self.count_turn(ns);
    }

    fn count_turn(&mut self, ns: u64) {
        self.turns += 1;
        self.turns_ns += ns;
        self.turn_ns_max = self.turn_ns_max.max(ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_falls_into_them() {
        for ns in [1, 15, 16, 17, 1000, 1023, 1024, 65_535, 1_000_000, 17_000_000_000] {
            let b = Histogram::bucket(ns);
            assert!(Histogram::upper(b) >= ns && (b == 0 || Histogram::upper(b - 1) < ns), "{ns}");
            assert!(Histogram::upper(b) <= ns + ns / 16 + 1, "{ns}");
        }
    }

    #[test]
    fn counts_add_up_at_the_reference_s_bounds() {
        let mut h = Histogram::default();
        [500, 900, 3_000, 30_000, 100_000, 1_000_000, 60_000_000_000].iter().for_each(|&ns| h.record(ns));
        let rows = h.cumulative_us();
        assert_eq!(rows[..5], [(1, 2), (4, 3), (33, 4), (132, 5), (1056, 6)]);
        assert_eq!(rows.last().map(|r| r.1), Some(7));
        assert!(h.percentile(50.0) >= 30_000 && h.percentile(50.0) < 33_000);
        assert!(Histogram::default().cumulative_us().is_empty());
    }

    #[test]
    fn turns_are_what_their_commands_took() {
        let mut stats = Stats { commands: 3, commands_ns: 900, ..Stats::default() };
        stats.end_turn();
        (stats.commands, stats.commands_ns) = (4, 1000);
        stats.end_turn();
        stats.end_cron(50);
        assert_eq!(
            (stats.turns, stats.turns_ns, stats.turn_ns_max, stats.turn_commands_max),
            (3, 1050, 900, 3)
        );
        assert_eq!(stats.cron_ns, 50);
    }

    #[test]
    fn errors_that_scripts_invent_are_bounded() {
        let mut stats = Stats::default();
        for i in 0..1100 {
            stats.count_error(format!("{i}").as_bytes(), ErrorOrigin::Script);
        }
        stats.count_error(b"ERR", ErrorOrigin::Server);
        stats.count_error(b"7", ErrorOrigin::Script);
        let count = |code: &[u8]| stats.errors.get(code).copied().unwrap_or_default();
        assert_eq!([count(ERROR_CODES_OVERFLOW), count(b"ERR"), count(b"7"), count(b"500")], [972, 1, 2, 0]);
        assert_eq!((stats.errors.len(), stats.error_replies), (130, 1102));
    }
}

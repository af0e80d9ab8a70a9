//! `maxmemory`: frees memory before a command runs, by the policy, for a bounded time. What is left to free is freed
//! between turns; meanwhile commands go on, as memory is being freed faster than one command can take it.

use super::Exec;
use crate::base::hash::hash;
use crate::engine::config::values::EvictionPolicy;
use crate::engine::effects::Event;
use crate::keyspace::db::Access;
use crate::keyspace::eviction::Pool;
use crate::keyspace::{Entry, ExpiryRule, Key};
use crate::sys::memory;

/// Keys evicted between two looks at the clock and at the memory that other threads freed (Redis: 16).
const STEP: usize = 16;

/// How memory stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Within the limit.
    Enough,
    /// Beyond it, and eviction goes on between turns.
    Working,
    /// Beyond it, and nothing may go.
    Full,
}

/// What eviction remembers from key to key.
#[derive(Default)]
pub struct Eviction {
    pool: Pool,
    /// The policy by which the pool was scored.
    policy: Option<EvictionPolicy>,
    /// The database that a random choice begins with.
    turn: usize,
    /// Eviction goes on between turns.
    pub running: bool,
}

impl Exec {
    /// Frees memory down to `maxmemory`. False when that is not possible under the policy.
    #[inline]
    pub fn make_room(&mut self) -> bool {
        let most = self.server.config.maxmemory;
        if self.counted_memory() <= most && self.server.stats.eviction_since_ns.is_none() {
            self.eviction.running = false;
            return true;
        }
        self.evict() != Room::Full
    }

    /// Goes on evicting between turns. Tells whether there is more to do.
    pub fn evict_on(&mut self) -> bool {
        if self.server.config.maxmemory == 0 {
            self.eviction.running = false;
        }
        self.eviction.running && self.evict() == Room::Working
    }

    #[cold]
    fn evict(&mut self) -> Room {
        let now = self.server.clock.read();
        let now_ms = now.wall_ms() as i64;
        if self.server.paused(now_ms) {
            // The data set stands still.
            return Room::Enough;
        }
        if self.server.is_replica() && self.server.config.replica_ignore_maxmemory {
            // The primary says what goes.
            return Room::Enough;
        }
        let policy = match self.server.config.import_mode {
            true => EvictionPolicy::Noeviction,
            false => self.server.config.maxmemory_policy,
        };
        if self.eviction.policy.replace(policy) != Some(policy) {
            self.eviction.pool.clear();
        }
        self.server.dbs.iter_mut().for_each(|db| db.now_ms = now_ms);
        let room = self.evict_for(policy, now.mono_ns);
        self.finish_effects();
        self.eviction.running = room == Room::Working;
        let stats = &mut self.server.stats;
        match (room, stats.eviction_since_ns) {
            (Room::Enough, Some(since)) => {
                stats.eviction_exceeded_ns += now.mono_ns.saturating_sub(since);
                stats.eviction_since_ns = None;
            }
            (Room::Working | Room::Full, None) => stats.eviction_since_ns = Some(now.mono_ns),
            _ => {}
        }
        room
    }

    /// Bytes in use that `maxmemory` counts.
    #[inline]
    fn counted_memory(&self) -> u64 {
        (memory::used() as u64).saturating_sub(self.server.uncounted_memory())
    }

    fn evict_for(&mut self, policy: EvictionPolicy, start_ns: u64) -> Room {
        let most = self.server.config.maxmemory;
        let excess = i64::try_from(self.counted_memory().saturating_sub(most)).unwrap_or(i64::MAX);
        let limit_ns = time_limit_ns(self.server.config.maxmemory_eviction_tenacity);
        let (mut freed, mut keys) = (0i64, 0usize);
        while freed < excess {
            // Only what the key itself takes is counted: to choose it and to tell of it takes memory for a while.
            let Some((db, entry)) = self.victim(policy) else { return Room::Full };
            self.server.stats.evicted_keys += 1;
            self.removed(db, entry.view().key(), Event::EVICTED, self.server.config.lazyfree_lazy_eviction);
            let before = memory::used_by_thread();
            let elsewhere = self.server.free_entry(entry, self.server.config.lazyfree_lazy_eviction);
            freed += before - memory::used_by_thread() + elsewhere as i64;
            // Key by key, so that what is kept for telling of them does not grow with their number.
            self.finish_changes(None);
            keys += 1;
            if keys.is_multiple_of(STEP) {
                if self.counted_memory() <= most {
                    return Room::Enough;
                }
                if self.server.clock.mono_ns().saturating_sub(start_ns) > limit_ns {
                    return Room::Working;
                }
            }
        }
        Room::Enough
    }

    /// Takes the next key to go out of its database.
    fn victim(&mut self, policy: EvictionPolicy) -> Option<(u32, Entry)> {
        use EvictionPolicy::*;
        match policy {
            Noeviction => None,
            AllkeysRandom => self.random_victim(false),
            VolatileRandom => self.random_victim(true),
            VolatileTtl => {
                let first = self.server.dbs.iter_mut().filter(|db| db.next_due().is_some());
                let db = first.min_by_key(|db| db.next_due())?;
                Some((db.id, db.pop_first()?))
            }
            AllkeysLru | AllkeysLfu => self.ranked_victim(policy.access(), false),
            VolatileLru | VolatileLfu => self.ranked_victim(policy.access(), true),
        }
    }

    /// A random key, of each database in turn.
    fn random_victim(&mut self, volatile: bool) -> Option<(u32, Entry)> {
        let dbs = &mut self.server.dbs;
        for _ in 0..dbs.len() {
            self.eviction.turn = (self.eviction.turn + 1) % dbs.len();
            let db = &mut dbs[self.eviction.turn];
            let found = if volatile { db.sample_volatile() } else { db.sample() };
            if let Some(pos) = found {
                let h = hash(db.at(pos).key());
                return Some((db.id, db.lose_at(pos, h)));
            }
        }
        None
    }

    /// The best candidate of the pool, after samples of every database.
    fn ranked_victim(&mut self, access: Access, volatile: bool) -> Option<(u32, Entry)> {
        let samples = self.server.config.maxmemory_samples;
        loop {
            let mut any = false;
            for db in &mut self.server.dbs {
                let pool = &mut self.eviction.pool;
                any |= if volatile { db.volatile_len() > 0 } else { !db.is_empty() };
                db.lfu_decay_minutes = self.server.config.lfu_decay_time;
                db.sample_run(volatile, samples, |db, e| {
                    let score = match access {
                        Access::Lfu => (u8::MAX - db.lfu_counter(e.clock())) as u64,
                        Access::Lru | Access::Untouched => db.idle_seconds(e.clock()) as u64,
                    };
                    pool.offer(score, db.id, e.key());
                });
            }
            if !any {
                return None;
            }
            while let Some(best) = self.eviction.pool.take() {
                let Some(db) = self.server.dbs.get_mut(best.db as usize) else { continue };
                let key = Key::new(&best.key);
                let rule = std::mem::replace(&mut db.expiry_rule, ExpiryRule::Ignore);
                let found = db.peek(key).filter(|&p| !volatile || db.at(p).expiry().is_some());
                let entry = found.map(|pos| db.lose_at(pos, key.hash));
                db.expiry_rule = rule;
                if let Some(entry) = entry {
                    return Some((best.db, entry));
                }
            }
        }
    }
}

/// `maxmemory-eviction-tenacity` as a time: 50 µs per point up to 10, 15% more with each beyond, no limit at 100.
fn time_limit_ns(tenacity: u32) -> u64 {
    match tenacity {
        0..=10 => 50_000 * tenacity as u64,
        11..=99 => (500_000.0 * 1.15f64.powi(tenacity as i32 - 10)) as u64,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::config::Config;
    use crate::engine::stream::takers;
    use crate::testkit::Kit;

    fn run(kit: &mut Kit, line: &str) -> String {
        kit.run("c1", &crate::base::quote::split_args(line.as_bytes()).expect("words"))
    }

    /// An executor with keys a to e, made a second apart; b and d are volatile, d is due first.
    fn kit(policy: EvictionPolicy) -> Kit {
        let mut kit =
            Kit::new(Config { maxmemory_policy: policy, maxmemory_samples: 64, ..Config::default() });
        kit.exec.server.take_stream(takers::TEST, true);
        for key in ["a", "b", "c", "d", "e"] {
            run(&mut kit, &format!("SET {key} v"));
            kit.advance(1000);
        }
        run(&mut kit, "EXPIRE b 2000");
        kit.advance(1000);
        run(&mut kit, "EXPIRE d 1000");
        kit
    }

    /// Keys in the order in which they go when not a byte is allowed, and what a write answers then.
    fn evicted(kit: &mut Kit) -> (String, String) {
        kit.exec.server.stream.take_bytes();
        kit.exec.server.config.maxmemory = 1;
        let answer = run(kit, "SET new v");
        let stream = kit.exec.server.stream.take_bytes();
        let words: Vec<&[u8]> = stream.split(|&b| b == b'\n').collect();
        let gone = words.windows(3).filter(|w| w[0] == b"UNLINK\r").map(|w| String::from_utf8_lossy(w[2]));
        (gone.map(|k| k.trim().to_string()).collect(), answer)
    }

    const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.";

    #[test]
    fn without_eviction_only_what_takes_memory_is_refused() {
        let mut kit = kit(EvictionPolicy::Noeviction);
        assert_eq!(evicted(&mut kit), (String::new(), OOM.into()));
        assert_eq!(run(&mut kit, "GET a"), "\"v\"");
        assert_eq!(run(&mut kit, "DEL a"), ":1");
        assert_eq!(run(&mut kit, "EXPIRE c 10"), ":1");
        assert!(kit.exec.server.stats.eviction_since_ns.is_some());
        assert_eq!(run(&mut kit, "CONFIG SET maxmemory 1gb"), "+OK");
        assert_eq!(run(&mut kit, "SET new v"), "+OK");
        assert_eq!(kit.exec.server.stats.eviction_since_ns, None);
    }

    #[test]
    fn memory_is_freed_before_every_command() {
        let mut kit = kit(EvictionPolicy::AllkeysLru);
        kit.exec.server.config.maxmemory = 1;
        assert_eq!(run(&mut kit, "CONFIG GET maxmemory"), r#"[ "maxmemory" "1" ]"#);
        assert_eq!(kit.exec.server.stats.evicted_keys, 5);
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut kit = kit(EvictionPolicy::AllkeysLru);
        run(&mut kit, "GET a");
        assert_eq!(kit.exec.server.dbs[0].len(), 5);
        // EXPIRE touched b a second before d; a was read in the second of d's EXPIRE.
        let (order, answer) = evicted(&mut kit);
        assert_eq!((&order[..3], answer.as_str()), ("ceb", OOM));
        assert_eq!(order.len(), 5);
        assert_eq!(kit.exec.server.stats.evicted_keys, 5);
        assert_eq!(kit.exec.server.stats.expired_keys, 0);
    }

    #[test]
    fn only_volatile_keys_go() {
        for policy in [EvictionPolicy::VolatileLru, EvictionPolicy::VolatileLfu] {
            let mut kit = kit(policy);
            let (mut order, answer) = evicted(&mut kit);
            if policy == EvictionPolicy::VolatileLfu {
                // Which of the two was counted up by chance is another matter.
                order = order.chars().map(|_| '.').collect();
            }
            let want = if policy == EvictionPolicy::VolatileLru { "bd" } else { ".." };
            assert_eq!((order.as_str(), answer.as_str()), (want, OOM), "{policy:?}");
            assert_eq!(run(&mut kit, "DBSIZE"), ":3");
        }
    }

    #[test]
    fn the_first_due_goes_first_of_all_databases() {
        let mut kit = kit(EvictionPolicy::VolatileTtl);
        run(&mut kit, "SELECT 3");
        run(&mut kit, "SET z v");
        run(&mut kit, "EXPIRE z 1500");
        assert_eq!(evicted(&mut kit), ("dzb".into(), OOM.into()));
    }

    #[test]
    fn the_least_frequently_used_goes_first() {
        let mut kit = kit(EvictionPolicy::AllkeysLfu);
        kit.exec.server.config.lfu_log_factor = 0;
        for (key, n) in [("a", 4), ("b", 2), ("c", 8), ("d", 6), ("e", 2)] {
            (0..n).for_each(|_| drop(run(&mut kit, &format!("GET {key}"))));
        }
        assert_eq!(evicted(&mut kit).0, "ebadc");
    }

    #[test]
    fn random_choices_visit_all_databases() {
        for (policy, keys) in [(EvictionPolicy::AllkeysRandom, 6), (EvictionPolicy::VolatileRandom, 3)] {
            let mut kit = kit(policy);
            run(&mut kit, "SELECT 15");
            run(&mut kit, "SET z v");
            run(&mut kit, "EXPIRE z 1500");
            let (order, answer) = evicted(&mut kit);
            assert_eq!((order.len(), answer.as_str()), (keys, OOM));
            assert!(order[..2].contains('z'), "each database in turn: {order}");
        }
    }

    #[test]
    fn nothing_goes_while_writes_are_paused() {
        let mut kit = kit(EvictionPolicy::AllkeysLru);
        kit.exec.server.pause.writes_until_ms = i64::MAX;
        kit.exec.server.config.maxmemory = 1;
        assert_eq!(run(&mut kit, "GET a"), "\"v\"");
        assert_eq!(run(&mut kit, "DBSIZE"), ":5");
    }

    #[test]
    fn tenacity_as_a_time() {
        assert_eq!([0, 1, 10].map(time_limit_ns), [0, 50_000, 500_000]);
        assert_eq!(time_limit_ns(11), 575_000);
        assert!((100..140).contains(&(time_limit_ns(99) / 1_000_000_000)));
        assert_eq!(time_limit_ns(100), u64::MAX);
    }
}

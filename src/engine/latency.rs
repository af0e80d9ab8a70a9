//! The latency monitor: of each kind of event that took longer than `latency-monitor-threshold`, the worst of every
//! second, for the last seconds in which there was one.

use std::collections::BTreeMap;

use crate::base::limits::LATENCY_SAMPLES_MAX;

/// The worst of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Seconds of Unix time.
    pub time_s: i64,
    pub ms: u64,
}

/// What is known of one kind of event. Durations in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Oldest first.
    samples: std::collections::VecDeque<Sample>,
    pub max: u64,
    pub sum: u64,
    pub count: u64,
}

/// Figures that LATENCY DOCTOR tells, over the samples kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub samples: usize,
    pub average: u64,
    pub mean_deviation: u64,
    /// Seconds since the oldest sample, at least one.
    pub period_s: i64,
}

impl Series {
    /// Oldest first.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> + DoubleEndedIterator {
        self.samples.iter()
    }

    fn add(&mut self, ms: u64, time_s: i64) {
        self.max = self.max.max(ms);
        self.sum = self.sum.saturating_add(ms);
        self.count += 1;
        match self.samples.back_mut().filter(|s| s.time_s == time_s) {
            Some(last) => last.ms = last.ms.max(ms),
            None => {
                if self.samples.len() == LATENCY_SAMPLES_MAX {
                    self.samples.pop_front();
                }
                self.samples.push_back(Sample { time_s, ms });
            }
        }
    }

    /// See [`Summary`].
    pub fn summary(&self, now_s: i64) -> Summary {
        let n = self.samples.len() as u64;
        let Some(oldest) = self.samples.front() else { return Summary::default() };
        let average = self.samples.iter().map(|s| s.ms).sum::<u64>() / n;
        let deviations = self.samples.iter().map(|s| s.ms.abs_diff(average)).sum::<u64>();
        Summary {
            samples: n as usize,
            average,
            mean_deviation: deviations / n,
            period_s: (now_s - oldest.time_s).max(1),
        }
    }
}

/// All kinds of events.
#[derive(Clone, Debug, Default)]
pub struct LatencyMonitor {
    events: BTreeMap<&'static str, Series>,
}

impl LatencyMonitor {
    /// Notes an event if it took at least `threshold_ms`, which 0 turns off.
    pub fn note(&mut self, event: &'static str, ns: u64, threshold_ms: u64, now_ms: i64) {
        let ms = ns / 1_000_000;
        if threshold_ms > 0 && ms >= threshold_ms {
            self.events.entry(event).or_default().add(ms, now_ms / 1000);
        }
    }

    /// What is known of an event.
    pub fn get(&self, event: &[u8]) -> Option<(&'static str, &Series)> {
        self.iter().find(|(name, _)| name.as_bytes() == event)
    }

    /// All events that happened.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(n, s)| (*n, s))
    }

    /// Forgets one event; tells whether it was known.
    pub fn forget(&mut self, event: &[u8]) -> bool {
        let before = self.events.len();
        self.events.retain(|name, _| !name.as_bytes().eq_ignore_ascii_case(event));
        self.events.len() < before
    }

    /// Forgets all; tells how many there were.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_worst_of_a_second_is_kept() {
        let mut m = LatencyMonitor::default();
        m.note("command", 99 * MS, 100, 0);
        m.note("command", 500 * MS, 0, 0);
        assert_eq!(m.iter().len(), 0);
        for (ms, at) in [(100, 1000), (300, 1500), (200, 1999), (120, 2000)] {
            m.note("command", ms * MS, 100, at);
        }
        let (_, s) = m.get(b"command").expect("it is known");
        assert_eq!((s.max, s.sum, s.count), (300, 720, 4));
        let kept: Vec<_> = s.samples().map(|s| (s.time_s, s.ms)).collect();
        assert_eq!(kept, [(1, 300), (2, 120)]);
        assert_eq!(s.summary(11), Summary { samples: 2, average: 210, mean_deviation: 90, period_s: 10 });
    }

    #[test]
    fn old_samples_go() {
        let mut m = LatencyMonitor::default();
        (0..200).for_each(|i| m.note("command", MS, 1, i * 1000));
        let (_, s) = m.get(b"command").expect("it is known");
        assert_eq!(s.samples().len(), LATENCY_SAMPLES_MAX);
        assert_eq!(s.samples().next().map(|s| s.time_s), Some(40));
        assert!(m.forget(b"COMMAND") && !m.forget(b"command"));
    }
}

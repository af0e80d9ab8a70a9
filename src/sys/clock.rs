//! Time. The executor reads it once per command, so a reading must cost little.
//!
//! `Clock` is an enum, not a trait object: `Real` inlines to a handful of instructions, `Manual` stands still until a
//! test moves it. Wall time (`now_ms`, `now_us`) is what TTLs are made of and may be stepped by the operator;
//! monotonic time (`mono_ns`, `mono_us`) measures durations and only grows.
//!
//! A reading of the kernel's clock through the vDSO takes 25 ns, and a command wants both clocks. Where the
//! processor's time-stamp counter is invariant and the kernel itself runs on it, `Real` takes one `rdtsc` (10 ns; both
//! measured on an EPYC of 2024 under KVM) and computes both from it. Invariants of that:
//! - `tick`, called by the loop's cron, anchors the reading to the kernel's clocks again and corrects the rate, so an
//!   error cannot grow beyond a few µs, and a stepped wall clock is followed within one tick;
//! - until the rate is known (the first ticks), and for ever when the counter is seen to disagree with the kernel, the
//!   vDSO is read;
//! - `mono` never steps back: an anchor that would make it do so is held at the last reading.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::time::{ClockId, clock_gettime};

/// Time's source. Owned by whoever runs the loop; `Manual` may be shared by cloning its inside.
pub enum Clock {
    Real(Box<RealClock>),
    Manual(ManualClock),
}

/// Both clocks of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Microseconds since 1970.
    pub wall_us: u64,
    /// Nanoseconds from an arbitrary start.
    pub mono_ns: u64,
}

impl Reading {
    /// Milliseconds since 1970.
    #[inline]
    pub fn wall_ms(self) -> u64 {
        self.wall_us / 1000
    }
}

impl Clock {
    pub fn real() -> Clock {
        Clock::Real(Box::new(RealClock::new()))
    }

    /// Stands at `wall_ms`, monotonic time at one second.
    pub fn manual(wall_ms: u64) -> Clock {
        Clock::Manual(ManualClock::new(wall_ms))
    }

    /// Wall and monotonic time in one reading, cheaper than two.
    #[inline]
    pub fn read(&self) -> Reading {
        match self {
            Clock::Real(real) => real.read(),
            Clock::Manual(manual) => manual.read(),
        }
    }

    /// Milliseconds since 1970.
    #[inline]
    pub fn now_ms(&self) -> u64 {
        self.read().wall_us / 1000
    }

    /// Microseconds since 1970.
    #[inline]
    pub fn now_us(&self) -> u64 {
        self.read().wall_us
    }

    /// Nanoseconds from an arbitrary start; never less than the reading before.
    #[inline]
    pub fn mono_ns(&self) -> u64 {
        self.read().mono_ns
    }

    /// Microseconds from an arbitrary start; never less than the reading before.
    #[inline]
    pub fn mono_us(&self) -> u64 {
        self.read().mono_ns / 1000
    }

    /// Compares the counter with the kernel's clocks: to be called by cron, 1 to 100 times a second.
    pub fn tick(&self) {
        if let Clock::Real(real) = self {
            real.tick();
        }
    }

    /// What is read, for INFO `monotonic_clock`.
    pub fn source(&self) -> &'static str {
        match self {
            Clock::Real(real) if real.mult.get() != 0 => "X86 TSC",
            Clock::Real(_) => "POSIX clock_gettime",
            Clock::Manual(_) => "manual",
        }
    }
}

/// A clock that moves when told to. Clones move together.
#[derive(Clone)]
pub struct ManualClock(Arc<ManualState>);

struct ManualState {
    wall_us: AtomicU64,
    mono_ns: AtomicU64,
}

impl ManualClock {
    pub fn new(wall_ms: u64) -> ManualClock {
        let wall_us = AtomicU64::new(wall_ms.saturating_mul(1000));
        ManualClock(Arc::new(ManualState { wall_us, mono_ns: AtomicU64::new(1_000_000_000) }))
    }

    #[inline]
    fn read(&self) -> Reading {
        Reading { wall_us: self.0.wall_us.load(Relaxed), mono_ns: self.0.mono_ns.load(Relaxed) }
    }

    /// Moves both clocks.
    pub fn advance_us(&self, us: u64) {
        self.0.wall_us.fetch_add(us, Relaxed);
        self.0.mono_ns.fetch_add(us.saturating_mul(1000), Relaxed);
    }

    /// Moves both clocks.
    pub fn advance_ms(&self, ms: u64) {
        self.advance_us(ms.saturating_mul(1000));
    }

    /// Steps the wall clock, back too, as an operator may.
    pub fn set_wall_ms(&self, ms: u64) {
        self.0.wall_us.store(ms.saturating_mul(1000), Relaxed);
    }
}

/// Fraction bits of the counter's rate, nanoseconds per count.
const RATE_SHIFT: u32 = 32;
/// A rate is taken from two readings at least this far apart: with each good to a µs, that is 20 parts per million.
const RATE_SPAN_NS_MIN: u64 = 100_000_000;
/// And not further, as the kernel's own rate is steered.
const RATE_SPAN_NS_MAX: u64 = 10_000_000_000;
/// Anchors nearer than this to the last one are not worth the reading.
const ANCHOR_NS_MIN: u64 = 1_000_000;
/// Beyond this distance from the last anchor the product could overflow 64 bits (4 s at 4 GHz leaves room): the
/// kernel is asked.
const COUNTS_MAX: u64 = 1 << 31;
/// A counter that disagrees with the kernel by more than 1 part in 500 between two ticks is not trusted again.
const DISAGREEMENT_MAX: u64 = 500;

/// The machine's clocks.
pub struct RealClock {
    trusted: Cell<bool>,
    /// Nanoseconds per count, times 2^32; 0 while unknown.
    mult: Cell<u64>,
    anchor_tsc: Cell<u64>,
    anchor_ns: Cell<u64>,
    /// Where the rate is measured from: the counter and the kernel's nanoseconds.
    base: Cell<Option<(u64, u64)>>,
    /// Wall less monotonic time, nanoseconds.
    wall_offset_ns: Cell<u64>,
}

impl RealClock {
    fn new() -> RealClock {
        let clock = RealClock {
            trusted: Cell::new(tsc_is_trustworthy()),
            mult: Cell::new(0),
            anchor_tsc: Cell::new(0),
            anchor_ns: Cell::new(0),
            base: Cell::new(None),
            wall_offset_ns: Cell::new(0),
        };
        clock.tick();
        clock
    }

    #[inline]
    fn read(&self) -> Reading {
        match self.by_counter() {
            Some(reading) => reading,
            None => self.by_kernel(),
        }
    }

    #[inline]
    fn by_counter(&self) -> Option<Reading> {
        // Zero if another core's counter is some counts behind.
        let counts = tsc().saturating_sub(self.anchor_tsc.get());
        let mult = self.mult.get();
        if mult == 0 || counts >= COUNTS_MAX {
            return None;
        }
        let mono_ns = self.anchor_ns.get() + ((counts * mult) >> RATE_SHIFT);
        Some(Reading { wall_us: mono_ns.wrapping_add(self.wall_offset_ns.get()) / 1000, mono_ns })
    }

    #[cold]
    fn by_kernel(&self) -> Reading {
        // Far from the last anchor (a long command, a stopped process): anchored anew, as later readings of the
        // counter must not be behind this one.
        if self.mult.get() != 0 {
            self.tick();
            if let Some(reading) = self.by_counter() {
                return reading;
            }
        }
        Reading { wall_us: kernel_ns(ClockId::Realtime) / 1000, mono_ns: kernel_ns(ClockId::Monotonic) }
    }

    fn tick(&self) {
        if !self.trusted.get() {
            return;
        }
        let Some((tsc_now, mono_ns, wall_ns)) = together() else { return };
        let Some((base_tsc, base_ns)) = self.base.get() else {
            return self.base.set(Some((tsc_now, mono_ns)));
        };
        let span_ns = mono_ns.saturating_sub(base_ns);
        if span_ns < RATE_SPAN_NS_MIN || mono_ns < self.anchor_ns.get() + ANCHOR_NS_MIN {
            return;
        }
        let Some(mult) = rate(tsc_now.saturating_sub(base_tsc), span_ns) else { return self.distrust() };
        let old = self.mult.get();
        if old != 0 && mult.abs_diff(old) > old / DISAGREEMENT_MAX {
            return self.distrust();
        }
        // What a reading at this moment would have said: the anchor must not be before it.
        let counts = tsc_now.saturating_sub(self.anchor_tsc.get());
        let said_ns = match old {
            0 => 0,
            old => {
                let ns = (u128::from(counts) * u128::from(old)) >> RATE_SHIFT;
                self.anchor_ns.get().saturating_add(u64::try_from(ns).unwrap_or(0))
            }
        };
        if span_ns > RATE_SPAN_NS_MAX {
            // Ticks then wait until the span from there is long enough again.
            self.base.set(Some((self.anchor_tsc.get(), self.anchor_ns.get())));
        }
        self.mult.set(mult);
        self.anchor_tsc.set(tsc_now);
        self.anchor_ns.set(mono_ns.max(said_ns));
        self.wall_offset_ns.set(wall_ns.wrapping_sub(self.anchor_ns.get()));
    }

    /// Back to the kernel's clock for good. It may be behind what the counter said: the executor sees time stand
    /// still for that long at worst, as `saturating_sub` of its durations.
    fn distrust(&self) {
        self.trusted.set(false);
        self.mult.set(0);
    }
}

/// Nanoseconds per count times 2^32, from one span; nothing if the counter stood still or runs absurdly.
fn rate(counts: u64, passed_ns: u64) -> Option<u64> {
    let mult = (u128::from(passed_ns) << RATE_SHIFT).checked_div(u128::from(counts))?;
    // Between 0.05 and 2 ns per count, that is 0.5 to 20 GHz: with COUNTS_MAX the product fits 64 bits.
    u64::try_from(mult).ok().filter(|m| (1 << 28..=1 << 33).contains(m))
}

/// Counts within which the counter and the clocks must have been read to pass for one moment (about a µs).
const MOMENT_COUNTS_MAX: u64 = 4000;

/// The counter and both clocks at one moment: the tightest of three tries, nothing if all were interrupted.
fn together() -> Option<(u64, u64, u64)> {
    let mut best = (u64::MAX, (0, 0, 0));
    for _ in 0..4 {
        let before = tsc();
        let mono_ns = kernel_ns(ClockId::Monotonic);
        let wall_ns = kernel_ns(ClockId::Realtime);
        let took = tsc().wrapping_sub(before);
        if took < best.0 {
            best = (took, (before.wrapping_add(took / 3), mono_ns, wall_ns));
        }
    }
    (best.0 <= MOMENT_COUNTS_MAX).then_some(best.1)
}

fn kernel_ns(id: ClockId) -> u64 {
    let t = clock_gettime(id);
    // Neither clock is before its epoch; a machine set before 1970 reads as 1970.
    u64::try_from(t.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(t.tv_nsec as u64)
}

/// Milliseconds since 1970 without a `Clock`: for log lines and threads beside the loop.
pub fn wall_ms() -> u64 {
    kernel_ns(ClockId::Realtime) / 1_000_000
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)] // One instruction.
fn tsc() -> u64 {
    // SAFETY: every x86-64 processor has the instruction; Linux lets user code use it.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline]
fn tsc() -> u64 {
    0
}

/// Invariant (same rate in every state of the processor), and good enough for the kernel: it measures the cores'
/// counters against each other at boot and turns away from them if they differ.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn tsc_is_trustworthy() -> bool {
    use std::arch::x86_64::__cpuid;
    const INVARIANT: u32 = 1 << 8;
    let invariant = __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & INVARIANT != 0;
    let source = std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    invariant && source.is_ok_and(|s| s.trim() == "tsc")
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn tsc_is_trustworthy() -> bool {
    false
}

// -------------------------------------------------------------------------------------------------- local time

/// Blocks the calling thread: for DEBUG SLEEP, which wants a server that does not answer.
pub fn stand_still(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// A moment in the time zone of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalTime {
    pub year: i32,
    /// 0 to 11.
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub millisecond: u16,
    /// Seconds east of Greenwich.
    pub offset_s: i32,
}

/// `wall_ms` in the machine's time zone, by the C library. Not to be called from a signal handler.
pub fn local_time(wall_ms: u64) -> LocalTime {
    let seconds = libc::time_t::try_from(wall_ms / 1000).unwrap_or(0);
    // SAFETY: all-zero is a valid value of this plain C struct (integers and a pointer that may be null).
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid for the call, and localtime_r keeps neither.
    unsafe { libc::localtime_r(&seconds, &mut tm) };
    LocalTime {
        year: tm.tm_year + 1900,
        month: tm.tm_mon as u8,
        day: tm.tm_mday as u8,
        hour: tm.tm_hour as u8,
        minute: tm.tm_min as u8,
        second: tm.tm_sec as u8,
        millisecond: (wall_ms % 1000) as u16,
        offset_s: tm.tm_gmtoff as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_clock_stands_until_moved() {
        let inner = ManualClock::new(1_000_000);
        let clock = Clock::Manual(inner.clone());
        let before = clock.read();
        assert_eq!(clock.read(), before);
        assert_eq!(before.wall_ms(), 1_000_000);
        inner.advance_ms(1500);
        assert_eq!((clock.now_ms(), clock.now_us()), (1_001_500, 1_001_500_000));
        assert_eq!(clock.mono_ns() - before.mono_ns, 1_500_000_000);
        inner.set_wall_ms(5);
        assert_eq!((clock.now_ms(), clock.mono_us()), (5, 2_500_000));
    }

    /// Through calibration and many anchors: never back, and never far from the kernel.
    #[test]
    fn the_real_clock_is_monotonic_and_agrees_with_the_kernel() {
        let clock = Clock::real();
        let start = kernel_ns(ClockId::Monotonic);
        let mut last = 0;
        let mut ticks = 0;
        while kernel_ns(ClockId::Monotonic) - start < 300_000_000 {
            ticks += 1;
            if ticks % 1000 == 0 {
                clock.tick();
            }
            let before = kernel_ns(ClockId::Monotonic);
            let read = clock.read();
            let after = kernel_ns(ClockId::Monotonic);
            assert!(read.mono_ns >= last, "{} {last}", read.mono_ns);
            last = read.mono_ns;
            let slack = 50_000;
            assert!((before - slack..=after + slack).contains(&read.mono_ns), "{read:?} {before} {after}");
        }
        let (before, now, after) =
            (kernel_ns(ClockId::Realtime), clock.now_us() * 1000, kernel_ns(ClockId::Realtime));
        assert!((before - 1_000_000..=after + 1_000_000).contains(&now), "{before} {now} {after}");
        if tsc_is_trustworthy() {
            assert_eq!(clock.source(), "X86 TSC");
        }
    }

    #[test]
    fn absurd_rates_are_refused() {
        assert_eq!(rate(0, 1), None);
        assert_eq!(rate(1, 1_000_000), None);
        assert_eq!(rate(1 << 40, 1), None);
        assert_eq!(rate(2_000_000_000, 1_000_000_000), Some(1 << 31));
    }

    #[test]
    fn local_time_is_what_the_offset_says() {
        let wall_ms = 1_700_000_123_456;
        let t = local_time(wall_ms);
        assert_eq!(t.millisecond, 456);
        let local_s = (wall_ms / 1000) as i64 + i64::from(t.offset_s);
        assert_eq!(i64::from(t.second), local_s % 60);
        assert_eq!(i64::from(t.minute), local_s / 60 % 60);
        assert_eq!(i64::from(t.hour), local_s / 3600 % 24);
        assert_eq!((t.year, t.month), (2023, 10));
    }
}

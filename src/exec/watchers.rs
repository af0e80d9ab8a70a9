//! Those who look on: MONITOR, SLOWLOG and COMMANDLOG, the latency monitor.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::spec::Spec;

impl Exec {
    /// Shows a command to the clients in MONITOR.
    #[cold]
    pub fn feed_monitors(&mut self, _slot: usize, _spec: &Spec, _args: &Args<'_>, _wall_us: u64) {}

    /// Keeps a command that was slow, large, or answered much.
    #[inline]
    pub fn log_if_slow(&mut self, _slot: usize, _id: u16, _ns: u64, _args: &Args<'_>, _reply_bytes: usize) {}
}

//! Those who look on: MONITOR, SLOWLOG and COMMANDLOG, the latency monitor. A command that none of them cares for
//! costs a few comparisons.

use std::io::Write;

use super::Exec;
use crate::base::quote;
use crate::engine::args::Args;
use crate::engine::commandlog::{self, Entry, Kind, REDACTED};
use crate::engine::spec::{ADMIN, FAST, SKIP_COMMANDLOG, SKIP_MONITOR};
use crate::resp::Reply;

/// Bytes by which a request as it came may be longer than from its first argument to its last.
const FRAME: usize = 64;

impl Exec {
    /// Shows the command that ran for `slot` to the clients in MONITOR. It is shown after it ran, since only then is
    /// known which arguments are secrets.
    #[cold]
    pub fn feed_monitors(&mut self, slot: usize, id: u16, args: &Args<'_>, out: &mut Reply<'_>) {
        if self.server.commands.get(id).spec.flags & (SKIP_MONITOR | ADMIN) == 0 {
            let by_script = self.depth > 0 && self.server.scripts.running.is_some();
            self.show_to_monitors(slot, by_script, args, out);
        }
    }

    /// Shows a request of a client, or of the script that it runs, to the clients in MONITOR.
    #[cold]
    pub fn show_to_monitors(&mut self, slot: usize, by_script: bool, args: &Args<'_>, out: &mut Reply<'_>) {
        let server = &mut self.server;
        let session = server.clients.get(slot).unwrap_or(&server.nobody);
        let now_us = self.now.wall_us;
        let mut line = Vec::new();
        // Writing into memory does not fail.
        let _ = write!(line, "+{}.{:06} [{} ", now_us / 1_000_000, now_us % 1_000_000, session.db);
        let from = match session.peer.unix {
            _ if by_script => "lua]".into(),
            true => format!("unix:{}]", server.config.unixsocket),
            false => format!("{}]", session.peer.addr),
        };
        line.extend_from_slice(from.as_bytes());
        for (i, arg) in args.all().enumerate() {
            line.push(b' ');
            let secret = session.redact.contains(&(i as u32));
            line.extend(quote::repr(if secret { REDACTED } else { arg }));
        }
        line.extend_from_slice(b"\r\n");
        for monitor in self.server.monitors.clone() {
            if monitor == slot {
                // Its output lies with its command's reply.
                out.raw(&line);
            } else {
                self.push_to(monitor, &line);
            }
        }
    }

    /// Keeps a command that was slow, large, or answered much. `ns` is how long it took.
    #[inline]
    pub fn log_if_slow(&mut self, slot: usize, id: u16, ns: u64, args: &Args<'_>, reply_bytes: usize) {
        let c = &self.server.config;
        // A negative threshold, which turns a log off, is a large number here.
        let slow = ns >= (c.commandlog_execution_slower_than as u64).saturating_mul(1000);
        let large = (args.extent() + FRAME) as u64 >= c.commandlog_request_larger_than as u64;
        let much = reply_bytes as u64 >= c.commandlog_reply_larger_than as u64;
        let late = c.latency_monitor_threshold > 0 && ns >= c.latency_monitor_threshold * 1_000_000;
        if slow | large | much | late {
            self.log_remarkable(slot, id, ns, args, reply_bytes);
        }
    }

    #[cold]
    fn log_remarkable(&mut self, slot: usize, id: u16, ns: u64, args: &Args<'_>, reply_bytes: usize) {
        let now_ms = self.now.wall_ms() as i64;
        let server = &mut self.server;
        let spec = server.commands.get(id).spec;
        let event = if spec.has(FAST) { "fast-command" } else { "command" };
        server.latency.note(event, ns, server.config.latency_monitor_threshold, now_ms);
        let session = server.clients.get(slot).unwrap_or(&server.nobody);
        // What blocks is logged when it ends.
        if spec.has(SKIP_COMMANDLOG) || session.block.is_some() {
            return;
        }
        let values = [ns as i64 / 1000, request_bytes(args) as i64, reply_bytes as i64];
        for (kind, value) in Kind::ALL.into_iter().zip(values) {
            let (least, most) = kind.limits(&server.config);
            if least < 0 || most == 0 || value < least {
                continue;
            }
            let entry = Entry {
                id: 0,
                time_s: now_ms / 1000,
                value,
                args: commandlog::shortened(args.all(), &session.redact),
                addr: session.peer.addr.clone(),
                client: session.name.clone(),
            };
            server.logs.get_mut(kind).push(entry, most);
        }
    }
}

/// Bytes of a request as RESP has them.
fn request_bytes(args: &Args<'_>) -> usize {
    let digits = |n: usize| n.max(1).ilog10() as usize + 1;
    let frames: usize = args.all().map(|a| a.len() + digits(a.len()) + 5).sum();
    frames + digits(args.len()) + 3
}

//! Commands that a script runs: refused in the reference's order and with its texts, then run as any other.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::error::Error;
use crate::engine::scripts::Running;
use crate::engine::spec;
use crate::resp::Reply;

impl Exec {
    /// Whether the running script may go on. Beyond `busy-reply-threshold` others are served meanwhile: with an error, but
    /// for what can end it.
    pub(super) fn script_goes_on(&mut self, request: &Args<'_>) -> bool {
        let threshold_ms = self.server.config.busy_reply_threshold;
        let now_us = self.server.clock.mono_us();
        let Some(running) = &mut self.server.scripts.running else { return true };
        if !running.busy {
            let ran_ms = now_us.saturating_sub(running.started_us) / 1000;
            if threshold_ms == 0 || ran_ms < threshold_ms {
                return true;
            }
            running.busy = true;
            running.command = request.all().map(<[u8]>::to_vec).collect();
            let how = if running.eval { "SCRIPT" } else { "FUNCTION" };
            tracing::warn!(
                "Slow script detected: still in execution after {ran_ms} milliseconds. You can try killing the script \
                 using the {how} KILL command. Script name is: {}.",
                String::from_utf8_lossy(&running.name)
            );
        }
        self.serve_others();
        let server = &self.server;
        !server.shutting_down && server.scripts.running.as_ref().is_none_or(|r| !r.killed)
    }

    /// Runs a turn inside the one in which a script runs; for the script no time passes.
    #[cold]
    fn serve_others(&mut self) {
        let Some(between) = self.between.clone() else { return };
        let (now, depth, oom) = (self.now, std::mem::take(&mut self.depth), self.server.oom);
        let again = std::mem::take(&mut self.running_again);
        between(self);
        self.server.oom = oom;
        (self.now, self.depth, self.running_again) = (now, depth, again);
    }

    /// Runs a command of the script that runs for `slot`.
    pub(super) fn script_command(&mut self, slot: usize, args: &mut Args<'_>, out: &mut Reply<'_>) {
        match self.script_gate(slot, args) {
            Ok(id) => {
                let propagates = self.server.scripts.running.as_ref().is_none_or(Running::propagates);
                let streaming = self.server.fx.streaming;
                self.server.fx.streaming &= propagates;
                self.call(slot, id, args, out);
                self.server.fx.streaming = streaming;
            }
            Err((id, error)) => {
                if let Some(id) = id {
                    self.server.commands.stats[id as usize].rejected += 1;
                }
                self.count_error(&error);
                out.error(error.as_bytes());
            }
        }
    }

    fn script_gate(&mut self, slot: usize, args: &Args<'_>) -> Result<u16, (Option<u16>, Error)> {
        let server = &mut self.server;
        let Some(mut command) = server.commands.find(args.get(0)) else {
            return Err((None, Error::SCRIPT_UNKNOWN_COMMAND));
        };
        if !command.subs.is_empty() && args.len() > 1 {
            match server.commands.find_sub(command, args.get(1)) {
                Some(sub) => command = sub,
                None => return Err((None, super::gate::unknown_subcommand(command, args))),
            }
        }
        let (id, spec) = (command.id, command.spec);
        let refuse = |text| Err((Some(id), Error::text(text)));
        if !spec.takes(args.len()) || matches!(spec.handler, spec::Handler::Container) {
            return refuse("ERR Wrong number of args calling command from script");
        }
        if spec.has(spec::NOSCRIPT) && !server.debug.allow_deny_scripts {
            return refuse("ERR This Valkey command is not allowed from script");
        }
        // What has begun to write is not ended in the middle by what others do.
        let wrote = server.scripts.running.as_ref().is_some_and(|r| r.wrote);
        let flags = if wrote { spec.flags & !spec::WRITE } else { spec.flags };
        if server.replication_gates()
            && let Some(error) = self.replication_refuses(slot, flags, !spec.flags)
        {
            let stale = error == Error::PRIMARY_DOWN;
            return Err((Some(id), if stale { Error::SCRIPT_STALE } else { error }));
        }
        let server = &mut self.server;
        let Some(running) = &mut server.scripts.running else { return Ok(id) };
        let oom = server.oom && !running.allow_oom && !running.wrote;
        if oom && spec.has(spec::DENYOOM) {
            return Err((Some(id), Error::OOM));
        }
        if running.read_only && spec.flags & (spec::WRITE | spec::MAY_REPLICATE) != 0 {
            return refuse("ERR Write commands are not allowed from read-only scripts.");
        }
        running.wrote |= spec.has(spec::WRITE);
        Ok(id)
    }
}

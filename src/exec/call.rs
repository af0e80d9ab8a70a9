//! Runs one command: the handler by its kind, the error if it gives one, statistics, and the drain.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::cx::{Caller, KeyCx, ServerCx, SessionCx};
use crate::engine::effects::listeners;
use crate::engine::error::Result;
use crate::engine::session::Closing;
use crate::engine::spec::{Handler, NO_DATA, Spec};
use crate::keyspace::db::Access;
use crate::resp::Reply;

impl Exec {
    /// Runs command `id`, which the gate let pass.
    #[inline]
    pub fn call(&mut self, slot: usize, id: u16, args: &mut Args<'_>, out: &mut Reply<'_>) {
        let spec = self.server.commands.get(id).spec;
        let mark = out.mark();
        let now = self.now;
        let now_ms = now.wall_ms() as i64;
        #[cfg(debug_assertions)]
        let before = self.before_command();
        let result = self.dispatch(slot, spec, now_ms, args, out);
        if let Err(e) = &result {
            out.rewind(mark);
            out.error(e.as_bytes());
            self.count_error(e);
        }
        #[cfg(debug_assertions)]
        self.check_command((slot, id), args, out, mark, (before, result.is_err()));
        self.end_moment();
        self.drain(slot, id, args);
        if self.server.is_writable_replica() {
            self.note_own_volatile(slot, spec, args);
        }
        if self.server.fx.listeners & listeners::TRACKING != 0 {
            self.after_tracked(slot, id, args);
        }
        if !self.running_again && self.server.client(slot).waits_for_keys().is_some() {
            self.wait_for_keys(slot, id, args);
        }
        let ns = self.now.mono_ns.saturating_sub(now.mono_ns);
        let failed = result.is_err() | std::mem::take(&mut self.server.scripts.failed);
        let secrets = self.count(slot, id, ns, failed, args, out.since(mark));
        if !self.server.monitors.is_empty() && !self.running_again {
            self.feed_monitors(slot, id, args, out);
        }
        if secrets {
            self.server.client(slot).redact.clear();
        }
    }

    /// A command is over: the next one's moment. Inside a transaction or a script the time of day stands still.
    #[inline]
    fn end_moment(&mut self) {
        let mut read = self.server.clock.read();
        if self.depth > 0 {
            read.wall_us = self.now.wall_us;
        }
        self.now = read;
    }

    #[inline]
    fn dispatch(
        &mut self,
        slot: usize,
        spec: &Spec,
        now_ms: i64,
        args: &mut Args<'_>,
        out: &mut Reply<'_>,
    ) -> Result {
        match spec.handler {
            Handler::Key(f) => {
                let server = &mut self.server;
                let rule = server.expiry_rule_for(slot, spec.flags, now_ms);
                let session = match server.clients.get_mut(slot) {
                    Some(s) => s,
                    None => &mut server.nobody,
                };
                let access = server.config.maxmemory_policy.access();
                let db = &mut server.dbs[session.db];
                (db.now_ms, db.expiry_rule) = (now_ms, rule);
                db.access = if session.no_touch { Access::Untouched } else { access };
                if access == Access::Lfu {
                    db.lfu_log_factor = server.config.lfu_log_factor;
                    db.lfu_decay_minutes = server.config.lfu_decay_time;
                }
                let (config, debug) = (&server.config, &server.debug);
                f(&mut KeyCx { db, fx: &mut server.fx, session, config, debug, now_ms }, args, out)
            }
            Handler::Session(f) => {
                let server = &mut self.server;
                let session = match server.clients.get_mut(slot) {
                    Some(s) => s,
                    None => &mut server.nobody,
                };
                f(&mut SessionCx { session, config: &server.config, now_ms }, args, out)
            }
            Handler::Server(f) if spec.has(NO_DATA) => {
                f(&mut ServerCx { server: &mut self.server, slot, now_ms }, args, out)
            }
            Handler::Server(f) => {
                let rule = self.server.expiry_rule_for(slot, spec.flags, now_ms);
                let no_touch = self.server.client(slot).no_touch;
                let access = self.server.config.maxmemory_policy.access();
                let access = if no_touch { Access::Untouched } else { access };
                for db in &mut self.server.dbs {
                    (db.now_ms, db.access, db.expiry_rule) = (now_ms, access, rule);
                }
                let result = f(&mut ServerCx { server: &mut self.server, slot, now_ms }, args, out);
                if self.server.dbs.iter().any(|db| !db.expired.is_empty()) {
                    self.drain_expired(true);
                }
                result
            }
            Handler::Nested(f) => {
                self.depth += 1;
                let result = f(&mut Nested { exec: self, slot, now_ms, outer: args.clone() }, args, out);
                self.depth -= 1;
                result
            }
            // The gate refuses a container without a subcommand.
            Handler::Container => Ok(()),
        }
    }

    /// Statistics. Tells whether the command has arguments that nobody may see.
    #[inline]
    fn count(
        &mut self,
        slot: usize,
        id: u16,
        ns: u64,
        failed: bool,
        args: &Args<'_>,
        reply_bytes: usize,
    ) -> bool {
        let server = &mut self.server;
        if server.clients.get(slot).is_some_and(|s| s.waits_for_keys().is_some()) {
            // It counts once it is served.
            return false;
        }
        server.stats.commands += 1;
        server.stats.commands_ns += ns;
        let stats = &mut server.commands.stats[id as usize];
        stats.calls += 1;
        stats.ns += ns;
        stats.failed += failed as u64;
        if server.config.latency_tracking {
            stats.latency.get_or_insert_default().record(ns);
        }
        let mut secrets = false;
        if let Some(s) = server.clients.get_mut(slot) {
            secrets = !s.redact.is_empty();
            s.commands += 1;
            s.last_command = Some(id);
            if s.closing == Closing::Now {
                server.wake.push(slot);
            }
        }
        self.log_if_slow(slot, id, ns, args, reply_bytes);
        secrets
    }
}

/// What a handler that runs other commands gets.
struct Nested<'a> {
    exec: &'a mut Exec,
    slot: usize,
    now_ms: i64,
    /// The request that runs the others.
    outer: Args<'a>,
}

impl Caller for Nested<'_> {
    fn run(&mut self, command: u16, args: &mut Args<'_>, out: &mut Reply<'_>) {
        args.note_running();
        self.exec.call(self.slot, command, args, out);
        self.outer.note_running();
    }

    fn call(&mut self, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
        let found = self.exec.server.commands.find(args.get(0)).map(|c| c.id);
        self.exec.request(self.slot, found, args, out);
        Ok(())
    }

    fn tell_monitors(&mut self, out: &mut Reply<'_>) {
        if !self.exec.server.monitors.is_empty() {
            self.exec.show_to_monitors(self.slot, false, &self.outer, out);
        }
    }

    fn script_command(&mut self, args: &mut Args<'_>, out: &mut Reply<'_>) -> u64 {
        args.note_running();
        let began_ns = self.exec.now.mono_ns;
        self.exec.script_command(self.slot, args, out);
        self.outer.note_running();
        self.exec.now.mono_ns.saturating_sub(began_ns)
    }

    fn script_goes_on(&mut self) -> bool {
        self.exec.script_goes_on(&self.outer)
    }

    fn cx(&mut self) -> ServerCx<'_> {
        ServerCx { server: &mut self.exec.server, slot: self.slot, now_ms: self.now_ms }
    }
}

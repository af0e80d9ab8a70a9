//! What a handler can reach, by its kind.

use super::args::Args;
use super::config::Config;
use super::effects::{Effects, Event, Propagate};
use super::error::{Error, Result};
use super::server::{Debug, Server};
use super::session::{Block, Blocked, ClientType, Session};
use super::waiting::{KeyWait, TimedOut};
use crate::keyspace::{Db, Entry, ExpiryRule, Key, NewValue};
use crate::resp::Reply;
use crate::types::table::Pos;

/// For commands on keys: one database and the client's own session.
pub struct KeyCx<'a> {
    /// The selected database.
    pub db: &'a mut Db,
    /// What the command did.
    pub fx: &'a mut Effects,
    /// The client.
    pub session: &'a mut Session,
    /// Settings.
    pub config: &'a Config,
    /// What DEBUG has set.
    pub debug: &'a Debug,
    /// Milliseconds of Unix time; the same during a command, a script, a transaction.
    pub now_ms: i64,
}

impl KeyCx<'_> {
    /// Records that `key` changed, `n` units of it: for save points, WATCH, caches, notifications, propagation.
    #[inline]
    pub fn changed(&mut self, key: &[u8], event: Event, n: u64) {
        self.tell_expired();
        if self.db.created {
            self.db.created = false;
            self.notify(key, Event::NEW);
        }
        self.fx.changed(self.db.id, key, event, n);
    }

    /// Keys that were met after their time go before what happened since, as in the reference.
    #[inline]
    fn tell_expired(&mut self) {
        if self.db.expired_told < self.db.expired.len() {
            self.tell_expired_now();
        }
    }

    #[cold]
    fn tell_expired_now(&mut self) {
        let told = std::mem::replace(&mut self.db.expired_told, self.db.expired.len());
        self.db.expired[told..].iter().for_each(|key| self.fx.met_expired(self.db.id, key));
    }

    /// Removes `key`, whose collection has lost its last element: said after the change itself.
    pub fn delete_empty(&mut self, key: Key<'_>) {
        drop(self.db.remove(key));
        self.fx.changed(self.db.id, key.bytes, Event::DEL, 0);
    }

    /// Removes `key` if `write_or_insert` has just made it and nothing was added: nobody hears of it.
    pub fn take_back(&mut self, key: Key<'_>) {
        if std::mem::take(&mut self.db.created) {
            drop(self.db.remove(key));
        }
    }

    /// Stores `value` under `key`, whatever was there; that a key is new is an event.
    #[inline]
    pub fn set(&mut self, key: Key<'_>, value: NewValue<'_>, expiry: Option<i64>) {
        match self.db.find(key) {
            Some(pos) => self.overwrite(pos, key, value, expiry),
            None => self.insert(key, value, expiry),
        }
    }

    /// Stores `value` and `expiry` in place of what `key` holds at `pos`.
    #[inline]
    pub fn overwrite(&mut self, pos: Pos, key: Key<'_>, value: NewValue<'_>, expiry: Option<i64>) {
        self.clear(pos);
        self.db.overwrite(pos, key.hash, value, expiry);
    }

    /// Stores `value` in place of what is at `pos`; the expiry stays.
    #[inline]
    pub fn replace(&mut self, pos: Pos, value: NewValue<'_>) {
        self.clear(pos);
        self.db.replace(pos, value);
    }

    /// Takes a large value at `pos`, which is about to be replaced, away to be freed elsewhere.
    #[inline]
    fn clear(&mut self, pos: Pos) {
        let lazy = self.config.lazyfree_lazy_server_del;
        if self.db.at(pos).is_large(lazy)
            && let Some(value) = self.db.take_pointee(pos)
        {
            self.fx.discard(Entry::new(b"", value, None, 0), lazy);
        }
    }

    /// Removes what is at `key`, as part of a command that stores its result there. Tells whether there was anything.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        let Some(entry) = self.db.remove(key) else { return false };
        self.fx.discard(entry, self.config.lazyfree_lazy_server_del);
        true
    }

    /// Stores `value` under `key`, which must be absent.
    #[inline]
    pub fn insert(&mut self, key: Key<'_>, value: NewValue<'_>, expiry: Option<i64>) {
        self.db.insert(key, value, expiry);
        self.notify(key.bytes, Event::NEW);
    }

    /// Whether a time to expire at has come already, so that a key is removed instead. A replica and a loading
    /// server store it all the same: whoever sent it sends the removal too.
    pub fn is_past(&self, at_ms: i64) -> bool {
        at_ms <= self.now_ms && self.db.expiry_rule == ExpiryRule::Remove
    }

    /// Removes the key at `pos` as one whose time has come, in place of the running command.
    pub fn expire_now(&mut self, pos: Pos, key: Key<'_>) {
        self.db.expire_at(pos, key.hash);
        self.fx.dirty += 1;
        // The drain sends the removal of every expired key itself.
        self.fx.propagate = Propagate::Never;
    }

    /// Refuses a string of `len + more` bytes if that is above `proto-max-bulk-len`; what the primary sends is obeyed.
    #[inline]
    pub fn check_string_len(&self, len: u64, more: u64) -> Result {
        let allowed = len.checked_add(more).is_some_and(|sum| sum <= self.config.proto_max_bulk_len as u64);
        if allowed || self.obeys() { Ok(()) } else { Err(Error::STRING_TOO_LONG) }
    }

    /// Whether the command comes from the primary, whose word is not doubted.
    pub fn obeys(&self) -> bool {
        self.session.kind == ClientType::Primary
    }

    /// Records an event that is no change.
    #[inline]
    pub fn notify(&mut self, key: &[u8], event: Event) {
        self.tell_expired();
        self.fx.notify(self.db.id, key, event);
    }

    /// Finds a live key in order to read it; tells of a miss.
    #[inline]
    pub fn find_read(&mut self, key: Key<'_>) -> Option<Pos> {
        let found = self.db.find_read(key);
        if found.is_none() {
            self.notify(key.bytes, Event::KEY_MISS);
        }
        found
    }

    /// As `find_read`, without touching the key's clock.
    #[inline]
    pub fn peek_read(&mut self, key: Key<'_>) -> Option<Pos> {
        let found = self.db.peek_read(key);
        if found.is_none() {
            self.notify(key.bytes, Event::KEY_MISS);
        }
        found
    }

    /// Makes the client wait until a value of type `wants` is at one of `keys` and the command can be served, or until
    /// `until_ms` (`None` = for ever), when it hears `timed_out`. The handler writes no reply and has changed nothing: the
    /// whole command is run again for every change of a key. Where nothing may block, it hears `timed_out` at once;
    /// otherwise the wait is given, to be told more.
    pub fn block_on<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        wants: &'static str,
        until_ms: Option<i64>,
        timed_out: TimedOut,
        out: &mut Reply<'_>,
    ) -> Option<&mut KeyWait> {
        if self.session.deny_blocking {
            timed_out.write(out);
            return None;
        }
        let mut wait = KeyWait::new(wants, timed_out);
        wait.keys = keys.map(Box::from).collect();
        wait.keys.sort_unstable();
        wait.keys.dedup();
        let block = self.session.block.insert(Block { on: Blocked::Keys(Box::new(wait)), until_ms });
        match &mut block.on {
            Blocked::Keys(wait) => Some(wait),
            _ => None,
        }
    }

    /// Whether anybody takes what is propagated: what only serves that need not be made otherwise.
    pub fn propagates(&self) -> bool {
        self.fx.streaming
    }

    /// Goes to the AOF and replicas as this command instead.
    pub fn propagate_as(&mut self, command: &[&[u8]]) {
        self.fx.propagate_as(self.db.id, command);
    }
}

/// For commands on the connection.
pub struct SessionCx<'a> {
    /// The client.
    pub session: &'a mut Session,
    /// Settings.
    pub config: &'a Config,
    /// Milliseconds of Unix time.
    pub now_ms: i64,
}

/// For commands on the whole server.
pub struct ServerCx<'a> {
    /// All of it.
    pub server: &'a mut Server,
    /// The client's slot.
    pub slot: usize,
    /// Milliseconds of Unix time.
    pub now_ms: i64,
}

impl ServerCx<'_> {
    /// The client that runs the command.
    pub fn session(&mut self) -> &mut Session {
        self.server.client(self.slot)
    }

    /// MONITOR and the logs do not show argument `i` of the running command.
    pub fn redact(&mut self, i: usize) {
        self.session().redact.push(i as u32);
    }

    /// The selected database.
    pub fn db(&mut self) -> &mut Db {
        let i = self.session().db;
        &mut self.server.dbs[i]
    }

    /// Makes the client wait; the handler writes no reply.
    pub fn block(&mut self, on: Blocked, until_ms: Option<i64>) {
        self.server.block(self.slot, Block { on, until_ms });
    }
}

/// For commands that run others (EXEC, EVAL, FCALL); implemented by `exec`.
pub trait Caller {
    /// Runs one command as the client would, its reply written to `out`.
    fn call(&mut self, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result;
    /// Runs a command that may run: it was let pass before.
    fn run(&mut self, command: u16, args: &mut Args<'_>, out: &mut Reply<'_>);
    /// Shows the request to the clients in MONITOR: before what it runs.
    fn tell_monitors(&mut self, out: &mut Reply<'_>);
    /// Runs a command of the script that runs. Gives the nanoseconds that it took.
    fn script_command(&mut self, args: &mut Args<'_>, out: &mut Reply<'_>) -> u64;
    /// Whether the running script may go on; serves others meanwhile if it runs for long.
    fn script_goes_on(&mut self) -> bool;
    /// The server, as for a handler of the server's kind.
    fn cx(&mut self) -> ServerCx<'_>;
}

//! Client-side caching, the acting part: which keys a command's client has read is remembered after it, and those who
//! may hold a copy of a key are told when it changes: the client itself behind the reply to its own request (a whole
//! transaction), others at once, those in broadcasting mode at the end of the turn.

use std::collections::BTreeMap;

use super::Exec;
use super::deliver::SHARED_MIN;
use crate::engine::args::Args;
use crate::engine::keys::keys_of;
use crate::engine::session::{ClientType, Closing, Due};
use crate::engine::spec::{Handler, READONLY};
use crate::engine::tracking::ids;
use crate::keyspace::heap::HeapStr;
use crate::resp::{Output, Reply};

/// Keys forgotten before a command when there are more than `tracking-table-max-keys` (Redis: 100, and more each time).
const FORGET_BEFORE_COMMAND: usize = 100;
/// Keys forgotten in one slice of periodic work.
const FORGET_SLICE: usize = 1000;

/// What a client hears.
enum News<'a> {
    /// This key has changed.
    Key(&'a [u8]),
    /// All keys are gone.
    All,
    /// These keys have changed: an array as it is written.
    Keys(&'a HeapStr),
}

/// The channel by which clients in RESP2 hear.
const CHANNEL: &[u8] = b"__redis__:invalidate";

impl Exec {
    /// After a command of a client, while somebody tracks: remembers what the client has read, and tells it what waited
    /// for the reply.
    #[cold]
    pub(super) fn after_tracked(&mut self, slot: usize, id: u16, args: &Args<'_>) {
        let spec = self.server.commands.get(id).spec;
        let tracker = self.server.clients.get(slot).and_then(|s| Some((s.id, s.tracker.as_ref()?)));
        // What a script or a transaction runs is seen here by itself.
        if let Some((client, tracker)) = tracker
            && spec.has(READONLY)
            && !matches!(spec.handler, Handler::Nested(_))
            && tracker.remembers()
        {
            for (i, _) in keys_of(spec, args).unwrap_or_default() {
                self.server.tracking.remember(client, args.get(i), &self.server.clients);
            }
        }
        if self.depth == 0 && !self.server.tracking.pending.is_empty() {
            for (slot, key) in std::mem::take(&mut self.server.tracking.pending) {
                self.tell(slot, key.as_deref().map_or(News::All, News::Key));
            }
        }
    }

    /// After a request, while somebody tracks: what CLIENT CACHING said counts no longer, unless this was a CLIENT command
    /// or a transaction is being queued.
    #[cold]
    pub(super) fn end_caching(&mut self, slot: usize, command: Option<u16>) {
        let keeps = command.is_some_and(|id| self.server.commands.get(id).full_name.starts_with("client|"));
        let session = self.server.client(slot);
        if let Some(tracker) = &mut session.tracker
            && !keeps
            && session.block.is_none()
            && !session.transaction.as_ref().is_some_and(|t| t.open)
        {
            tracker.caching = false;
        }
    }

    /// A key has changed while a command of `current` ran: tells those who have read it. `by` changed it (an expired key
    /// nobody did), which matters to those who hear by prefix and not of what they do themselves.
    pub(super) fn invalidate(&mut self, key: &[u8], current: Option<usize>, by: Option<usize>) {
        let tracking = &mut self.server.tracking;
        if tracking.prefixes() > 0 {
            let by = by.and_then(|slot| self.server.clients.get(slot)).map_or(0, |s| s.id);
            tracking.note_changed(key, by);
        }
        let Some(read) = tracking.take(key) else { return };
        for id in ids(&read) {
            let Some(slot) = self.server.clients.slot_of(id) else { continue };
            let Some(tracker) = &self.server.client(slot).tracker else { continue };
            let own = current == Some(slot);
            if tracker.broadcasts() || own && tracker.options.noloop {
                continue;
            }
            match own {
                true => self.server.tracking.pending.push((slot, Some(key.into()))),
                false => self.tell(slot, News::Key(key)),
            }
        }
    }

    /// All keys are gone: tells everybody who tracks.
    #[cold]
    pub(super) fn invalidate_all(&mut self, current: Option<usize>) {
        for slot in self.server.tracking.clients().clone() {
            match current == Some(slot) {
                true => self.server.tracking.pending.push((slot, None)),
                false => self.tell(slot, News::All),
            }
        }
        self.server.forget_reads();
    }

    /// Tells by prefix of the keys that have changed in this turn.
    #[cold]
    pub(super) fn broadcast(&mut self) {
        for told in self.server.tracking.take_broadcasts() {
            let all = array(&told.keys, 0);
            for slot in told.clients {
                let Some(s) = self.server.clients.get(slot) else { continue };
                let noloop = s.tracker.as_ref().is_some_and(|t| t.options.noloop);
                let own = if noloop { s.id } else { 0 };
                if own != 0 && told.keys.values().any(|by| *by == own) {
                    if told.keys.values().any(|by| *by != own) {
                        self.tell(slot, News::Keys(&array(&told.keys, own)));
                    }
                } else {
                    self.tell(slot, News::Keys(&all));
                }
            }
        }
    }

    /// Forgets who has read some keys while they are more than `tracking-table-max-keys`, and tells them. Tells whether
    /// they still are.
    #[cold]
    fn forget_reads(&mut self, most: usize) -> bool {
        let max = self.server.config.tracking_table_max_keys;
        for _ in 0..most {
            if max == 0 || self.server.tracking.keys() <= max {
                return false;
            }
            let Some(read) = self.server.tracking.take_any(&mut self.server.rng) else { return false };
            for id in ids(&read) {
                let Some(slot) = self.server.clients.slot_of(id) else { continue };
                if self.server.client(slot).tracker.as_ref().is_some_and(|t| !t.broadcasts()) {
                    self.tell(slot, News::Key(read.view().name()));
                }
            }
        }
        true
    }

    /// Keeps within `tracking-table-max-keys` before a command.
    pub(super) fn forget_reads_before_command(&mut self) {
        self.forget_reads(FORGET_BEFORE_COMMAND);
    }

    /// Keeps within `tracking-table-max-keys` between turns. Tells whether there is more to do.
    pub(super) fn forget_reads_on(&mut self) -> bool {
        self.server.tracking.keys() > 0 && !self.server.debug.pause_cron && self.forget_reads(FORGET_SLICE)
    }

    /// What a client was sent before its own command runs goes before the reply.
    #[cold]
    pub(super) fn told_before_reply(&mut self, slot: usize, out: &mut Reply<'_>) {
        let pushed = &mut self.server.client(slot).output;
        if !pushed.is_empty() {
            out.append(std::mem::take(pushed));
        }
    }

    /// Sends news to a client that tracks, or to the one that hears in its place.
    fn tell(&mut self, slot: usize, news: News<'_>) {
        let Some(to) = self.hearer(slot) else { return };
        let server = &mut self.server;
        let Some(s) = server.clients.get_mut(to).filter(|s| s.closing == Closing::No) else { return };
        s.output.roll();
        let resp3 = s.resp3;
        let mut w = Reply::new(&mut s.output, resp3);
        if resp3 {
            w.push(2);
            w.bulk(b"invalidate");
        } else {
            w.push(3);
            w.bulk(b"message");
            w.bulk(CHANNEL);
        }
        match news {
            News::Key(key) => {
                w.array(1);
                w.bulk(key);
            }
            News::All => w.null(),
            News::Keys(keys) if keys.as_slice().len() < SHARED_MIN => w.raw(keys.as_slice()),
            News::Keys(keys) => s.output.append_shared(keys.clone()),
        }
        self.told(to);
    }

    /// Something was added to a client's output behind its replies.
    fn told(&mut self, slot: usize) {
        if let Some(s) = self.server.clients.get_mut(slot)
            && s.due == Due::No
        {
            s.due = Due::Messages;
            self.server.flush_messages.push_back(slot);
        }
        self.output_grew(slot);
    }

    /// Who hears for a client that tracks: itself, or the one that it named. Nobody, if that is gone, which the client is
    /// told if it can be, or if RESP2 has no way to say it.
    fn hearer(&mut self, slot: usize) -> Option<usize> {
        let s = self.server.clients.get(slot)?;
        let redirect = s.tracker.as_ref()?.options.redirect;
        if redirect == 0 {
            return s.resp3.then_some(slot);
        }
        let to =
            self.server.clients.slot_of(redirect).and_then(|to| Some((to, self.server.clients.get(to)?)));
        if let Some((to, other)) = to.filter(|(_, other)| other.closing == Closing::No) {
            return (other.resp3 || other.kind == ClientType::Pubsub).then_some(to);
        }
        let s = self.server.client(slot);
        if let Some(tracker) = &mut s.tracker {
            tracker.broken = true;
        }
        if s.resp3 && s.closing == Closing::No {
            let mut w = Reply::new(&mut s.output, true);
            w.push(2);
            w.bulk(b"tracking-redir-broken");
            w.int(redirect as i64);
            self.told(slot);
        }
        None
    }
}

/// The keys that others than client `own` changed, as an array.
fn array(keys: &BTreeMap<Box<[u8]>, u64>, own: u64) -> HeapStr {
    let wanted = || keys.iter().filter(|(_, by)| own == 0 || **by != own).map(|(key, _)| key);
    let mut out = Output::default();
    let mut w = Reply::new(&mut out, false);
    w.array(wanted().count());
    wanted().for_each(|key| w.bulk(key));
    HeapStr::from_parts(&[&out.take_bytes()])
}

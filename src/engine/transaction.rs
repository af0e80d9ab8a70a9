//! Transactions: what a client has queued since MULTI, and the keys it watches.
//!
//! Watched keys stand in an index by database, with the clients that watch each. A change of one, seen by the drain,
//! spoils the transactions of all of them (`touch_watched`); what empties or swaps a whole database says so itself
//! (`touch_all_watched`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::args::Args;
use super::effects::listeners;
use super::server::Server;
use super::spec::Flags;
use crate::keyspace::{Db, Key};
use crate::resp::Span;

/// Bytes of a queue's buffers that stay for the client's next transaction.
const QUEUE_KEPT_MAX: usize = 16 * 1024;
/// What an argument of a queued request counts beside its bytes, as in the reference.
const ARGUMENT: usize = 8;
/// What a watched key takes beside its name, about: its places in the client's list and in the index.
const WATCHED_KEY: usize = 96;

/// A queued request.
#[derive(Clone, Copy, Debug)]
struct Queued {
    command: u16,
    /// Its first key's argument, and that key's hash; 0 = not known.
    key: u16,
    hash: u64,
    /// Where its bytes begin.
    at: usize,
    /// Its first span, and how many.
    first: usize,
    count: usize,
}

/// Requests in order: their bytes in one buffer, and where the arguments lie, counted from each one's first byte.
#[derive(Debug, Default)]
pub struct Queue {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    requests: Vec<Queued>,
}

impl Queue {
    /// Adds a request.
    fn push(&mut self, command: u16, args: &Args<'_>) {
        let (at, first) = (self.bytes.len(), self.spans.len());
        let (key, hash) = args.first_key().unwrap_or((0, 0));
        for a in args.all() {
            self.spans.push(Span { at: (self.bytes.len() - at) as u32, len: a.len() as u32 });
            self.bytes.extend_from_slice(a);
        }
        self.requests.push(Queued { command, key: key as u16, hash, at, first, count: args.len() });
    }

    /// How many requests.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The requests: each one's command and arguments.
    pub fn iter(&self) -> impl Iterator<Item = (u16, Args<'_>)> {
        self.requests.iter().map(|q| {
            let args = Args::new(&self.bytes[q.at..], &self.spans[q.first..q.first + q.count]);
            (q.command, if q.key > 0 { args.with_hash(q.key as usize, q.hash) } else { args })
        })
    }

    /// Bytes it takes.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.requests.capacity() * size_of::<Queued>()
    }

    /// Empties it. Long buffers are given back.
    fn clear(&mut self) {
        if self.memory() > QUEUE_KEPT_MAX {
            *self = Queue::default();
        }
        self.bytes.clear();
        self.spans.clear();
        self.requests.clear();
    }
}

/// A client's transaction.
#[derive(Debug, Default)]
pub struct Transaction {
    /// MULTI was said, and neither EXEC nor DISCARD since.
    pub open: bool,
    /// A request was refused instead of queued: EXEC will be an error.
    pub failed: bool,
    /// A watched key has changed: EXEC will do nothing.
    pub dirty: bool,
    /// Flags that some queued command has.
    pub flags: Flags,
    /// Flags that some queued command has not.
    pub lacks: Flags,
    /// Requests queued; still told while they run.
    pub count: usize,
    /// Bytes of their arguments, as the reference counts them.
    pub argument_bytes: usize,
    queue: Queue,
    /// By database and key, whether the key's time had come already when it was watched, and it is still there.
    watched: BTreeMap<(u32, Rc<[u8]>), bool>,
    watched_bytes: usize,
}

impl Transaction {
    /// Queues a request, unless EXEC will not run it anyway.
    pub fn queue(&mut self, command: u16, flags: Flags, args: &Args<'_>) {
        if self.failed || self.dirty {
            return;
        }
        self.queue.push(command, args);
        self.count += 1;
        self.flags |= flags;
        self.lacks |= !flags;
        self.argument_bytes += args.bytes() + ARGUMENT * args.len();
    }

    /// Forgets what was queued.
    pub fn drop_queue(&mut self) {
        self.queue.clear();
        (self.count, self.argument_bytes) = (0, 0);
        (self.flags, self.lacks) = (0, 0);
    }

    /// What is queued.
    pub fn queued(&self) -> &Queue {
        &self.queue
    }

    /// Takes the queue out, to run it.
    pub fn take_queue(&mut self) -> Queue {
        std::mem::take(&mut self.queue)
    }

    /// The transaction is over. The queue that was run comes back, for the sake of its buffers.
    pub fn end(&mut self, ran: Option<Queue>) {
        if let Some(queue) = ran {
            self.queue = queue;
        }
        self.drop_queue();
        (self.open, self.failed, self.dirty) = (false, false, false);
    }

    /// Bytes that were sent and are not executed yet, with what it takes to keep them.
    pub fn queued_bytes(&self) -> usize {
        self.argument_bytes + self.count * size_of::<Queued>()
    }

    /// Keys watched.
    pub fn watched(&self) -> usize {
        self.watched.len()
    }

    /// Bytes it takes.
    pub fn memory(&self) -> usize {
        size_of::<Transaction>() + self.queue.memory() + self.watched_bytes
    }
}

/// All watched keys, with the slots of the clients that watch them.
#[derive(Default)]
pub struct Watched {
    /// By database.
    dbs: Vec<HashMap<Rc<[u8]>, BTreeSet<usize>>>,
    /// Clients that watch a key.
    pub clients: usize,
}

impl Watched {
    /// Keys watched by anybody.
    pub fn keys(&self) -> usize {
        self.dbs.iter().map(HashMap::len).sum()
    }

    /// Places in the index, for tests.
    #[cfg(test)]
    pub fn places(&self) -> usize {
        self.dbs.iter().flat_map(HashMap::values).map(BTreeSet::len).sum()
    }

    fn of(&mut self, db: u32) -> &mut HashMap<Rc<[u8]>, BTreeSet<usize>> {
        let db = db as usize;
        if self.dbs.len() <= db {
            self.dbs.resize_with(db + 1, HashMap::new);
        }
        &mut self.dbs[db]
    }

    fn find(&self, db: u32, key: &[u8]) -> Option<(&Rc<[u8]>, &BTreeSet<usize>)> {
        self.dbs.get(db as usize)?.get_key_value(key)
    }
}

/// Whether a key is there whose time has come.
fn is_over(db: &Db, key: &[u8], now_ms: i64) -> bool {
    db.raw(Key::new(key)).and_then(|e| e.expiry()).is_some_and(|at| at <= now_ms)
}

impl Server {
    /// Makes a client watch a key of its database.
    pub fn watch(&mut self, slot: usize, key: &[u8], now_ms: i64) {
        let Some(s) = self.clients.get_mut(slot) else { return };
        let (db, tx) = (s.db as u32, s.transaction.get_or_insert_default());
        let name = match self.watched.find(db, key) {
            Some((name, _)) if tx.watched.contains_key(&(db, name.clone())) => return,
            Some((name, _)) => name.clone(),
            None => key.into(),
        };
        let over = self.dbs.get(db as usize).is_some_and(|d| is_over(d, key, now_ms));
        self.watched.clients += tx.watched.is_empty() as usize;
        self.watched.of(db).entry(name.clone()).or_default().insert(slot);
        tx.watched.insert((db, name), over);
        tx.watched_bytes += WATCHED_KEY + key.len();
        self.fx.listen(listeners::WATCH, true);
    }

    /// A client watches nothing any more. What has changed already stays remembered.
    pub fn unwatch(&mut self, slot: usize) {
        let Some(tx) = self.clients.get_mut(slot).and_then(|s| s.transaction.as_mut()) else { return };
        if tx.watched.is_empty() {
            return;
        }
        for ((db, name), _) in std::mem::take(&mut tx.watched) {
            let keys = self.watched.of(db);
            if let Some(slots) = keys.get_mut(&name) {
                slots.remove(&slot);
                if slots.is_empty() {
                    keys.remove(&name);
                }
            }
        }
        tx.watched_bytes = 0;
        self.watched.clients -= 1;
        self.fx.listen(listeners::WATCH, self.watched.clients > 0);
    }

    /// Ends a client's transaction, run or not.
    pub fn end_transaction(&mut self, slot: usize, ran: Option<Queue>) {
        self.unwatch(slot);
        if let Some(tx) = self.clients.get_mut(slot).and_then(|s| s.transaction.as_mut()) {
            tx.end(ran);
        }
    }

    /// A request of a client could not be queued: its transaction will fail.
    pub fn fail_transaction(&mut self, slot: usize) {
        if let Some(tx) = self.clients.get_mut(slot).and_then(|s| s.transaction.as_mut()).filter(|t| t.open) {
            tx.failed = true;
            tx.drop_queue();
        }
    }

    /// Whether the time of a key has come since the client began to watch it.
    pub fn watches_expired(&self, slot: usize, now_ms: i64) -> bool {
        let Some(tx) = self.clients.get(slot).and_then(|s| s.transaction.as_ref()) else { return false };
        let over = |db: u32, key: &[u8]| self.dbs.get(db as usize).is_some_and(|d| is_over(d, key, now_ms));
        tx.watched.iter().any(|((db, key), was)| !was && over(*db, key))
    }

    /// A key has changed, or (`gone`) was removed as its time had come: spoils the transactions that depend on it.
    pub fn touch_watched(&mut self, db: u32, key: &[u8], gone: bool) {
        let Some((name, slots)) = self.watched.find(db, key) else { return };
        let (name, slots) = (name.clone(), slots.iter().copied().collect::<Vec<usize>>());
        for slot in slots {
            let Some(tx) = self.clients.get_mut(slot).and_then(|s| s.transaction.as_mut()) else { continue };
            if let Some(was_over) = tx.watched.get_mut(&(db, name.clone()))
                && std::mem::take(was_over)
                && gone
            {
                // It was over when it was watched, and is not there now: the same to everybody.
                continue;
            }
            tx.dirty = true;
            tx.drop_queue();
            // Nothing that it watches can make it any worse.
            self.unwatch(slot);
        }
    }

    /// All keys of a database are about to go, and in their place come those of `other` (SWAPDB). What is neither here nor
    /// there does not change.
    pub fn touch_all_watched(&mut self, db: usize, other: Option<usize>, now_ms: i64) {
        let Some(keys) = self.watched.dbs.get(db).filter(|keys| !keys.is_empty()) else { return };
        let (here, there) = (&self.dbs[db], other.map(|i| &self.dbs[i]));
        for (name, slots) in keys {
            let was_here = here.raw(Key::new(name)).is_some();
            let comes = there.is_some_and(|d| d.raw(Key::new(name)).is_some());
            let comes_over = there.is_some_and(|d| is_over(d, name, now_ms));
            if !was_here && !comes {
                continue;
            }
            for &slot in slots {
                let Some(tx) = self.clients.get_mut(slot).and_then(|s| s.transaction.as_mut()) else {
                    continue;
                };
                if let Some(over) = tx.watched.get_mut(&(db as u32, name.clone())) {
                    // Over, or not there at all, is the same to everybody.
                    if *over && (!comes || comes_over) || !was_here && comes_over {
                        *over = comes;
                        continue;
                    }
                }
                tx.dirty = true;
                tx.drop_queue();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::quote::split_args;

    /// Queues a request as it would come from a client.
    fn queue(tx: &mut Transaction, line: &str) {
        let words = split_args(line.as_bytes()).unwrap();
        let bytes = words.concat();
        let mut at = 0;
        let spans: Vec<Span> = words
            .iter()
            .map(|w| {
                let span = Span { at, len: w.len() as u32 };
                at += span.len;
                span
            })
            .collect();
        tx.queue(7, 1, &Args::new(&bytes, &spans).with_hash(1, 99));
    }

    #[test]
    fn requests_come_out_as_they_went_in() {
        let mut tx = Transaction { open: true, ..Transaction::default() };
        queue(&mut tx, "SET a \"\"");
        queue(&mut tx, "PING");
        assert_eq!((tx.count, tx.argument_bytes, tx.flags), (2, 8 + 4 * 8, 1));
        let ran = tx.take_queue();
        let shown: Vec<Vec<&[u8]>> = ran.iter().map(|(_, args)| args.all().collect()).collect();
        assert_eq!(shown, [vec![&b"SET"[..], b"a", b""], vec![b"PING"]]);
        assert_eq!(ran.iter().next().and_then(|(_, args)| args.first_key()), Some((1, 99)));
        tx.end(Some(ran));
        assert_eq!((tx.open, tx.count, tx.queue.len()), (false, 0, 0));
        assert!(tx.queue.memory() > 0);
    }

    #[test]
    fn nothing_is_queued_in_vain() {
        let mut tx = Transaction { open: true, dirty: true, ..Transaction::default() };
        queue(&mut tx, "SET a b");
        assert_eq!((tx.count, tx.queue.memory()), (0, 0));
        tx.dirty = false;
        queue(&mut tx, &format!("SET a {}", "x".repeat(QUEUE_KEPT_MAX)));
        assert!(tx.memory() > QUEUE_KEPT_MAX);
        tx.end(None);
        assert_eq!(tx.queue.memory(), 0);
    }
}

//! Clients that wait for keys (BLPOP and its like): for each key who waits, in the order in which they came. A waiting
//! client's request is kept and run again when one of its keys has changed; one that still cannot be served keeps its
//! place.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::resp::{Reply, Span};

/// What a client hears when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedOut {
    /// Nothing, where a string would be.
    Null,
    /// Nothing, where an array would be.
    NullArray,
}

impl TimedOut {
    /// Writes it.
    pub fn write(self, out: &mut Reply<'_>) {
        match self {
            TimedOut::Null => out.null(),
            TimedOut::NullArray => out.null_array(),
        }
    }
}

/// A client's wait for keys.
#[derive(Debug)]
pub struct KeyWait {
    pub db: u32,
    /// Each once.
    pub keys: Vec<Box<[u8]>>,
    /// The type of value that is waited for, as TYPE names it.
    pub wants: &'static str,
    pub timed_out: TimedOut,
    /// Its place in the queues: lower ones go first.
    pub ticket: u64,
    /// The request that is run again: command, bytes and where its arguments lie in them.
    pub command: u16,
    pub bytes: Vec<u8>,
    pub spans: Vec<Span>,
}

impl KeyWait {
    /// A wait for a value of this type, without keys yet.
    pub fn new(wants: &'static str, timed_out: TimedOut) -> KeyWait {
        KeyWait {
            db: 0,
            keys: Vec::new(),
            wants,
            timed_out,
            ticket: 0,
            command: 0,
            bytes: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Bytes it takes.
    pub fn memory(&self) -> usize {
        let keys: usize = self.keys.iter().map(|k| k.len() + size_of::<Box<[u8]>>()).sum();
        size_of::<KeyWait>() + keys + self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}

/// Who waits for one key: by ticket, the client's slot.
#[derive(Default)]
struct Queue {
    clients: BTreeMap<u64, usize>,
    /// It stands in `ready`.
    ready: bool,
}

/// All waits for keys. See the head of this file.
#[derive(Default)]
pub struct Waiting {
    /// By database.
    dbs: Vec<HashMap<Box<[u8]>, Queue>>,
    keys: usize,
    next_ticket: u64,
    /// Keys that have changed since somebody began to wait for them, in order.
    ready: VecDeque<(u32, Box<[u8]>)>,
}

impl Waiting {
    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// Keys that somebody waits for.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// Puts the client in `slot` at the end of the queues of its keys.
    pub fn add(&mut self, slot: usize, wait: &mut KeyWait) {
        self.next_ticket += 1;
        wait.ticket = self.next_ticket;
        let db = wait.db as usize;
        if self.dbs.len() <= db {
            self.dbs.resize_with(db + 1, HashMap::new);
        }
        for key in &wait.keys {
            let before = self.dbs[db].len();
            self.dbs[db].entry(key.clone()).or_default().clients.insert(wait.ticket, slot);
            self.keys += self.dbs[db].len() - before;
        }
    }

    /// Takes a client out of the queues of its keys.
    pub fn remove(&mut self, wait: &KeyWait) {
        let Some(db) = self.dbs.get_mut(wait.db as usize) else { return };
        for key in &wait.keys {
            let Some(queue) = db.get_mut(key) else { continue };
            queue.clients.remove(&wait.ticket);
            if queue.clients.is_empty() {
                db.remove(key);
                self.keys -= 1;
            }
        }
    }

    /// A key has changed: those who wait for it get their turn after the command.
    pub fn changed(&mut self, db: u32, key: &[u8]) {
        if let Some(queue) = self.dbs.get_mut(db as usize).and_then(|d| d.get_mut(key))
            && !queue.ready
        {
            queue.ready = true;
            self.ready.push_back((db, key.into()));
        }
    }

    /// All keys of a database may have changed (SWAPDB).
    pub fn all_changed(&mut self, db: u32) {
        let Some(queues) = self.dbs.get_mut(db as usize) else { return };
        for (key, queue) in queues.iter_mut().filter(|(_, q)| !q.ready) {
            queue.ready = true;
            self.ready.push_back((db, key.clone()));
        }
    }

    /// Whether a key has changed that somebody waits for.
    #[inline]
    pub fn any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next key that has changed.
    pub fn next_ready(&mut self) -> Option<(u32, Box<[u8]>)> {
        let (db, key) = self.ready.pop_front()?;
        if let Some(queue) = self.dbs.get_mut(db as usize).and_then(|d| d.get_mut(&key)) {
            queue.ready = false;
        }
        Some((db, key))
    }

    /// The first client behind `ticket` that waits for a key: its ticket and slot.
    pub fn after(&self, db: u32, key: &[u8], ticket: u64) -> Option<(u64, usize)> {
        let queue = self.dbs.get(db as usize)?.get(key)?;
        queue.clients.range(ticket + 1..).next().map(|(&t, &slot)| (t, slot))
    }

    /// The last ticket given out: those who come later wait for the next change.
    pub fn last_ticket(&self) -> u64 {
        self.next_ticket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(keys: &[&str]) -> KeyWait {
        let mut wait = KeyWait::new("list", TimedOut::Null);
        wait.db = 1;
        wait.keys = keys.iter().map(|k| k.as_bytes().into()).collect();
        wait
    }

    #[test]
    fn in_the_order_of_coming() {
        let mut w = Waiting::default();
        let (mut a, mut b) = (wait(&["x", "y"]), wait(&["y"]));
        w.add(7, &mut a);
        w.add(3, &mut b);
        assert_eq!((w.keys(), w.is_empty(), w.any_ready()), (2, false, false));
        w.changed(0, b"y");
        w.changed(1, b"z");
        assert!(!w.any_ready());
        w.changed(1, b"y");
        w.changed(1, b"y");
        assert_eq!(w.next_ready(), Some((1, b"y"[..].into())));
        assert_eq!(w.next_ready(), None);
        let (first, slot) = w.after(1, b"y", 0).unwrap();
        assert_eq!((slot, w.after(1, b"y", first).map(|(_, s)| s)), (7, Some(3)));
        w.remove(&a);
        assert_eq!((w.after(1, b"y", 0).map(|(_, s)| s), w.after(1, b"x", 0)), (Some(3), None));
        w.all_changed(1);
        assert!(w.any_ready());
        w.remove(&b);
        assert!(w.is_empty());
    }
}

//! Clients that wait for keys (BLPOP and its like): for each key who waits, in the order in which they came. A waiting
//! client's request is kept and run again when one of its keys has changed; one that still cannot be served keeps its
//! place. The members of a consumer group stand in a line of their own: what one of them does not get, none behind it
//! does, so that a change costs as many runs as it serves clients, and one more.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

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
    /// It waits as a member of this consumer group, and is told when one of the keys goes or holds another type.
    pub group: Option<Arc<[u8]>>,
    /// Arguments in place of those that were sent, by index: what they mean was settled when it began to wait.
    pub settled: Vec<(usize, Box<[u8]>)>,
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
            group: None,
            settled: Vec::new(),
            ticket: 0,
            command: 0,
            bytes: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Keeps the request, to be run again.
    pub fn keep(&mut self, (mut bytes, mut spans): (Vec<u8>, Vec<Span>)) {
        for (i, text) in self.settled.drain(..) {
            if let Some(span) = spans.get_mut(i) {
                *span = Span { at: bytes.len() as u32, len: text.len() as u32 };
                bytes.extend_from_slice(&text);
            }
        }
        (self.bytes, self.spans) = (bytes, spans);
    }

    /// Bytes it takes.
    pub fn memory(&self) -> usize {
        let keys: usize = self.keys.iter().map(|k| k.len() + size_of::<Box<[u8]>>()).sum();
        size_of::<KeyWait>() + keys + self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}

/// Clients' slots by ticket.
type Line = BTreeMap<u64, usize>;

/// Who waits for one key.
#[derive(Default)]
struct Queue {
    /// Each for itself.
    clients: Line,
    /// Members of consumer groups.
    groups: BTreeMap<Arc<[u8]>, Line>,
    /// It stands in `ready`.
    ready: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.groups.is_empty()
    }

    fn line(&self, group: &Option<Arc<[u8]>>) -> Option<&Line> {
        match group {
            None => Some(&self.clients),
            Some(group) => self.groups.get(group),
        }
    }
}

/// A client whose turn comes: the first of its line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Next {
    pub ticket: u64,
    pub slot: usize,
    pub group: Option<Arc<[u8]>>,
}

/// Those whose turn it is at a key that has changed, the first that came first.
#[derive(Default)]
pub struct Turn {
    firsts: BinaryHeap<Reverse<Next>>,
    /// Who begins to wait meanwhile has looked at the key already.
    last_ticket: u64,
}

impl Turn {
    /// The next one.
    pub fn pop(&mut self) -> Option<Next> {
        self.firsts.pop().map(|Reverse(next)| next)
    }
}

/// All waits for keys. See the head of this file.
#[derive(Default)]
pub struct Waiting {
    /// By database.
    dbs: Vec<HashMap<Box<[u8]>, Queue>>,
    keys: usize,
    /// Waits of members of consumer groups.
    members: usize,
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

    /// Keys that members of consumer groups wait for.
    pub fn group_keys(&self) -> usize {
        self.dbs.iter().flat_map(HashMap::values).filter(|queue| !queue.groups.is_empty()).count()
    }

    /// Whether somebody wants to know of keys that go.
    pub fn any_member(&self) -> bool {
        self.members > 0
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
            let queue = self.dbs[db].entry(key.clone()).or_default();
            let line = match &wait.group {
                None => &mut queue.clients,
                Some(group) => queue.groups.entry(group.clone()).or_default(),
            };
            line.insert(wait.ticket, slot);
            self.keys += self.dbs[db].len() - before;
        }
        self.members += wait.group.is_some() as usize;
    }

    /// Takes a client out of the queues of its keys.
    pub fn remove(&mut self, wait: &KeyWait) {
        self.members -= wait.group.is_some() as usize;
        let Some(db) = self.dbs.get_mut(wait.db as usize) else { return };
        for key in &wait.keys {
            let Some(queue) = db.get_mut(key) else { continue };
            match &wait.group {
                None => {
                    queue.clients.remove(&wait.ticket);
                }
                Some(group) => {
                    let line = queue.groups.get_mut(group);
                    let emptied =
                        line.is_some_and(|line| line.remove(&wait.ticket).is_some() && line.is_empty());
                    if emptied {
                        queue.groups.remove(group);
                    }
                }
            }
            if queue.is_empty() {
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

    /// Those who wait for a key, the first of each line.
    pub fn turn(&self, db: u32, key: &[u8]) -> Turn {
        let mut turn = Turn { last_ticket: self.next_ticket, ..Turn::default() };
        let Some(queue) = self.dbs.get(db as usize).and_then(|d| d.get(key)) else { return turn };
        let groups = queue.groups.iter().map(|(group, line)| (Some(group.clone()), line));
        for (group, line) in [(None, &queue.clients)].into_iter().chain(groups) {
            turn.firsts
                .extend(line.iter().next().map(|(&ticket, &slot)| Reverse(Next { ticket, slot, group })));
        }
        turn
    }

    /// Behind `before` the next of its line has its turn.
    pub fn go_on(&self, turn: &mut Turn, db: u32, key: &[u8], before: Next) {
        let queue = self.dbs.get(db as usize).and_then(|d| d.get(key));
        let Some(line) = queue.and_then(|queue| queue.line(&before.group)) else { return };
        let next = line.range(before.ticket + 1..).next().filter(|(ticket, _)| **ticket <= turn.last_ticket);
        turn.firsts.extend(next.map(|(&ticket, &slot)| Reverse(Next { ticket, slot, ..before })));
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

    /// Whose turn it is, where those of `not_served` get nothing.
    fn slots(w: &Waiting, key: &[u8], not_served: &[usize]) -> Vec<usize> {
        let mut turn = w.turn(1, key);
        let mut all = Vec::new();
        while let Some(next) = turn.pop() {
            all.push(next.slot);
            if next.group.is_none() || !not_served.contains(&next.slot) {
                w.go_on(&mut turn, 1, key, next);
            }
        }
        all
    }

    #[test]
    fn a_group_waits_in_a_line_of_its_own() {
        let mut w = Waiting::default();
        let mut waits: Vec<KeyWait> = Vec::new();
        for (slot, group) in [(1, "g"), (2, ""), (3, "h"), (4, "g"), (5, "g"), (6, ""), (7, "h")] {
            let mut wait = wait(&["y"]);
            wait.group = Some(group.as_bytes()).filter(|g| !g.is_empty()).map(Arc::from);
            w.add(slot, &mut wait);
            waits.push(wait);
        }
        assert_eq!((w.keys(), w.group_keys(), w.any_member()), (1, 1, true));
        assert_eq!(slots(&w, b"y", &[]), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(slots(&w, b"y", &[4, 3, 2]), [1, 2, 3, 4, 6]);
        for wait in &waits {
            w.remove(wait);
        }
        assert!(w.is_empty() && !w.any_member() && w.group_keys() == 0);
    }

    #[test]
    fn what_was_settled_stands_in_the_request() {
        let mut wait = wait(&[]);
        wait.settled = vec![(1, b"77-0"[..].into()), (9, b"x"[..].into())];
        let spans = vec![Span { at: 0, len: 1 }, Span { at: 1, len: 1 }, Span { at: 2, len: 1 }];
        wait.keep((b"a$b".to_vec(), spans));
        let words: Vec<_> = wait.spans.iter().map(|s| s.of(&wait.bytes)).collect();
        assert_eq!(words, [&b"a"[..], b"77-0", b"b"]);
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
        assert_eq!(slots(&w, b"y", &[]), [7, 3]);
        w.remove(&a);
        assert_eq!((slots(&w, b"y", &[]), slots(&w, b"x", &[])), (vec![3], vec![]));
        w.all_changed(1);
        assert!(w.any_ready());
        w.remove(&b);
        assert!(w.is_empty());
    }
}

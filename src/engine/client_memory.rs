//! What clients take, summed by kind, and who takes most: kept as clients are counted anew one by one, so that neither
//! INFO nor the closing of clients beyond `maxmemory-clients` has to visit them all.

use std::collections::BTreeSet;

use super::session::{ClientType, Session};

/// As what a client stands in the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    bytes: usize,
    kind: ClientType,
    /// Its class of size (the logarithm), while it may be closed to save memory.
    class: Option<u8>,
}

/// The sums. See the head of this file.
#[derive(Debug, Default)]
pub struct ClientMemory {
    sums: [usize; 4],
    /// Class of size and slot of those that may be closed.
    by_size: BTreeSet<(u8, usize)>,
}

impl ClientMemory {
    /// Bytes of all clients of a kind.
    pub fn of(&self, kind: ClientType) -> usize {
        self.sums[kind as usize]
    }

    /// Bytes of the clients that `maxmemory-clients` bounds.
    pub fn bounded(&self) -> usize {
        self.of(ClientType::Normal) + self.of(ClientType::Pubsub)
    }

    /// The client to be closed first: one of the class of the largest.
    pub fn largest(&self) -> Option<usize> {
        self.by_size.last().map(|&(_, slot)| slot)
    }

    /// Counts a client as it is now.
    pub fn count(&mut self, slot: usize, s: &mut Session) {
        let bounded = matches!(s.kind, ClientType::Normal | ClientType::Pubsub);
        let bytes = s.memory();
        let class = (bounded && !s.no_evict).then(|| bytes.max(1).ilog2() as u8);
        self.put(slot, &mut s.counted, Counted { bytes, kind: s.kind, class });
    }

    /// A client goes.
    pub fn forget(&mut self, slot: usize, s: &mut Session) {
        let nothing = Counted { kind: s.counted.kind, ..Counted::default() };
        self.put(slot, &mut s.counted, nothing);
    }

    fn put(&mut self, slot: usize, old: &mut Counted, new: Counted) {
        self.sums[old.kind as usize] -= old.bytes;
        self.sums[new.kind as usize] += new.bytes;
        if old.class != new.class {
            old.class.map(|c| self.by_size.remove(&(c, slot)));
            new.class.map(|c| self.by_size.insert((c, slot)));
        }
        *old = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::session::Peer;

    #[test]
    fn sums_follow_the_clients() {
        let mut m = ClientMemory::default();
        let mut small = Session::new(1, Peer::default(), 0);
        let mut large = Session::new(2, Peer::default(), 0);
        large.input.reserve(1 << 20);
        m.count(0, &mut small);
        m.count(1, &mut large);
        assert_eq!(m.bounded(), small.memory() + large.memory());
        assert_eq!(m.largest(), Some(1));
        large.no_evict = true;
        m.count(1, &mut large);
        assert_eq!(m.largest(), Some(0));
        small.kind = ClientType::Replica;
        m.count(0, &mut small);
        assert_eq!((m.of(ClientType::Replica), m.largest()), (small.memory(), None));
        m.forget(0, &mut small);
        m.forget(1, &mut large);
        assert_eq!((m.bounded(), m.of(ClientType::Replica)), (0, 0));
    }
}

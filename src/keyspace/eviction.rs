//! Which key goes when memory is full: the best candidates met so far, from samples of all databases. A key stays in
//! the pool until it is chosen, so that with every choice the pool gets closer to the true order. By names, since
//! places in the table do not last; a name that means nothing any more is passed over.

/// Candidates kept (Redis: `EVPOOL_SIZE`).
const POOL_MAX: usize = 16;

/// A key that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The higher, the sooner it goes.
    pub score: u64,
    pub db: u32,
    pub key: Vec<u8>,
}

/// The best candidates, in the order of their scores. See the head of this file.
#[derive(Debug, Default)]
pub struct Pool {
    items: Vec<Candidate>,
}

impl Pool {
    /// Takes a candidate in, if it is better than the worst or there is room.
    pub fn offer(&mut self, score: u64, db: u32, key: &[u8]) {
        let at = self.items.partition_point(|c| c.score < score);
        let full = self.items.len() >= POOL_MAX;
        let known = self.items.iter().any(|c| c.db == db && c.key == key);
        if known || full && at == 0 {
            return;
        }
        let mut name = if full { self.items.remove(0).key } else { Vec::new() };
        name.clear();
        name.extend_from_slice(key);
        self.items.insert(at - full as usize, Candidate { score, db, key: name });
    }

    /// Takes the best candidate out.
    pub fn take(&mut self) -> Option<Candidate> {
        self.items.pop()
    }

    /// Forgets all: their scores mean something else now.
    pub fn clear(&mut self) {
        self.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_best() {
        let mut pool = Pool::default();
        // 0, 7, 14, ... modulo 101: every number below 101, in a mixed order; each offered twice.
        for i in 0..202u64 {
            let n = i * 7 % 101;
            pool.offer(n, (n % 3) as u32, n.to_string().as_bytes());
        }
        let taken: Vec<(u64, u32, Vec<u8>)> =
            std::iter::from_fn(|| pool.take()).map(|c| (c.score, c.db, c.key)).collect();
        let best: Vec<(u64, u32, Vec<u8>)> =
            (85..101u64).rev().map(|n| (n, (n % 3) as u32, n.to_string().into_bytes())).collect();
        assert_eq!(taken, best);
    }

    #[test]
    fn the_same_name_in_two_databases() {
        let mut pool = Pool::default();
        pool.offer(1, 0, b"k");
        pool.offer(1, 1, b"k");
        pool.offer(5, 1, b"k");
        assert_eq!(pool.take().map(|c| c.score), Some(1));
        assert_eq!(pool.take().map(|c| c.score), Some(1));
        assert_eq!(pool.take(), None);
    }
}

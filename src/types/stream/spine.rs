//! Pieces of something long, in the order of ids: each lies under an id that none of its own is below, and ends where
//! the next one begins. The last piece, where nearly all is added, lies apart: it is reached without a search, and what
//! consists of one piece needs no tree.

use std::collections::BTreeMap;

use super::StreamId;

/// See the head of this file.
#[derive(Clone)]
pub struct Spine<T> {
    /// All but the last.
    rest: BTreeMap<StreamId, T>,
    last: Option<(StreamId, T)>,
}

impl<T> Default for Spine<T> {
    fn default() -> Spine<T> {
        Spine { rest: BTreeMap::new(), last: None }
    }
}

impl<T> Spine<T> {
    pub fn len(&self) -> usize {
        self.rest.len() + self.last.is_some() as usize
    }

    /// Bytes of the tree. Pieces come in order, so that its leaves, of 11, are a little more than half full.
    pub fn allocated(&self) -> usize {
        self.rest.len() * (size_of::<(StreamId, T)>() * 7 / 4 + 8)
    }

    fn pair((id, piece): &(StreamId, T)) -> (StreamId, &T) {
        (*id, piece)
    }

    pub fn first(&self) -> Option<(StreamId, &T)> {
        let first = self.rest.first_key_value().map(|(id, piece)| (*id, piece));
        first.or(self.last.as_ref().map(Spine::pair))
    }

    #[inline]
    pub fn last(&self) -> Option<(StreamId, &T)> {
        self.last.as_ref().map(Spine::pair)
    }

    #[inline]
    pub fn last_mut(&mut self) -> Option<(StreamId, &mut T)> {
        self.last.as_mut().map(|(id, piece)| (*id, piece))
    }

    /// The piece in which `id` would lie: the last one that does not begin behind it.
    #[inline]
    pub fn at(&self, id: StreamId) -> Option<(StreamId, &T)> {
        match &self.last {
            Some((from, piece)) if *from <= id => Some((*from, piece)),
            _ => self.rest.range(..=id).next_back().map(|(id, piece)| (*id, piece)),
        }
    }

    /// As `at`; where there is none, the first.
    #[inline]
    pub fn at_or_first(&self, id: StreamId) -> Option<(StreamId, &T)> {
        self.at(id).or_else(|| self.first())
    }

    /// The piece under exactly this id.
    #[inline]
    pub fn get_mut(&mut self, from: StreamId) -> Option<&mut T> {
        match &mut self.last {
            Some((id, piece)) if *id == from => Some(piece),
            _ => self.rest.get_mut(&from),
        }
    }

    /// The first piece that begins behind `from`.
    pub fn after(&self, from: StreamId) -> Option<(StreamId, &T)> {
        use std::ops::Bound::*;
        let next = self.rest.range((Excluded(from), Unbounded)).next().map(|(id, piece)| (*id, piece));
        next.or(self.last.as_ref().map(Spine::pair).filter(|(id, _)| *id > from))
    }

    /// The last piece that begins in front of `from`.
    pub fn before(&self, from: StreamId) -> Option<(StreamId, &T)> {
        match &self.last {
            Some((id, piece)) if *id < from => Some((*id, piece)),
            _ => self.rest.range(..from).next_back().map(|(id, piece)| (*id, piece)),
        }
    }

    /// Adds a piece, under an id where there is none.
    pub fn insert(&mut self, from: StreamId, piece: T) {
        match &self.last {
            Some((id, _)) if *id > from => {
                let before = self.rest.insert(from, piece);
                debug_assert!(before.is_none(), "two pieces under one id");
            }
            _ => {
                if let Some((id, former)) = self.last.replace((from, piece)) {
                    assert!(id < from, "two pieces under one id");
                    self.rest.insert(id, former);
                }
            }
        }
    }

    /// Takes a piece out.
    pub fn remove(&mut self, from: StreamId) -> Option<T> {
        if self.last.as_ref().is_some_and(|(id, _)| *id == from) {
            let next = self.rest.pop_last();
            return std::mem::replace(&mut self.last, next).map(|(_, piece)| piece);
        }
        self.rest.remove(&from)
    }

    pub fn iter(&self) -> impl Iterator<Item = (StreamId, &T)> {
        self.rest.iter().map(|(id, piece)| (*id, piece)).chain(self.last.as_ref().map(Spine::pair))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> StreamId {
        StreamId::new(n, 0)
    }

    #[test]
    fn pieces_are_found_from_everywhere() {
        let mut spine = Spine::default();
        assert_eq!(
            (spine.first(), spine.last(), spine.at(id(5)), spine.after(id(0))),
            (None, None, None, None)
        );
        for n in [10, 30, 20, 40] {
            spine.insert(id(n), n);
        }
        let key = |found: Option<(StreamId, &u64)>| found.map(|(_, n)| *n);
        assert_eq!((spine.len(), key(spine.first()), key(spine.last())), (4, Some(10), Some(40)));
        for (at, here, after, before) in [
            (5, None, Some(10), None),
            (10, Some(10), Some(20), None),
            (25, Some(20), Some(30), Some(20)),
            (40, Some(40), None, Some(30)),
            (99, Some(40), None, Some(40)),
        ] {
            let found = (key(spine.at(id(at))), key(spine.after(id(at))), key(spine.before(id(at))));
            assert_eq!(found, (here, after, before), "{at}");
        }
        assert_eq!(key(spine.at_or_first(id(1))), Some(10));
        *spine.get_mut(id(20)).unwrap() = 21;
        *spine.get_mut(id(40)).unwrap() = 41;
        assert_eq!(spine.get_mut(id(25)), None);
        assert_eq!(spine.last_mut().map(|(_, n)| *n), Some(41));
        assert_eq!(
            (spine.remove(id(40)), spine.remove(id(40)), key(spine.last())),
            (Some(41), None, Some(30))
        );
        assert_eq!(spine.remove(id(10)), Some(10));
        assert_eq!(spine.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [21, 30]);
        assert_eq!((spine.remove(id(20)), spine.remove(id(30)), spine.len()), (Some(21), Some(30), 0));
    }
}

//! Entries from one id to another, in either direction. A node's first is found by its id at once, and each further
//! one lies where the one before it ends, or begins.

use super::Log;
use super::id::StreamId;
use super::node::{Entry, Node, View};
use super::spine::Spine;

impl Log {
    /// The entries from `from` to `to`, both among them.
    pub fn forwards(&self, from: StreamId, to: StreamId) -> Forwards<'_> {
        Forwards::new(&self.nodes, from, to)
    }

    /// The entries from `from` to `to`, both among them, the last one first.
    pub fn backwards(&self, from: StreamId, to: StreamId) -> Backwards<'_> {
        let here = self.nodes.at(to).map(|(base, node)| (base, node.view(base)));
        let i = here.as_ref().map_or(0, |(_, view)| to.next().map_or(view.len(), |next| view.below(next)));
        Backwards { nodes: &self.nodes, here, i, from }
    }

    /// The entry with this id.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.forwards(id, id).next()
    }

    /// The first id that the stream still holds, be its entry deleted or not.
    pub fn first_held(&self) -> Option<StreamId> {
        let (base, node) = self.nodes.first()?;
        Some(node.view(base).id(0))
    }
}

/// See [`Log::forwards`].
pub struct Forwards<'a> {
    nodes: &'a Spine<Node>,
    here: Option<(StreamId, View<'a>)>,
    /// The next entry of the node, and where it begins.
    i: usize,
    at: usize,
    to: StreamId,
}

impl<'a> Forwards<'a> {
    #[inline]
    pub(super) fn new(nodes: &'a Spine<Node>, from: StreamId, to: StreamId) -> Forwards<'a> {
        let here = nodes.at_or_first(from).map(|(base, node)| (base, node.view(base)));
        let i = here.as_ref().map_or(0, |(_, view)| view.below(from));
        let at = here.as_ref().map_or(0, |(_, view)| view.offset(i));
        Forwards { nodes, here, i, at, to }
    }
}

impl<'a> Iterator for Forwards<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let (base, view) = self.here.as_ref()?;
            if self.i >= view.len() {
                self.here = self.nodes.after(*base).map(|(base, node)| (base, node.view(base)));
                (self.i, self.at) = (0, self.here.as_ref().map_or(0, |(_, view)| view.offset(0)));
                continue;
            }
            let (i, at) = (self.i, self.at);
            if view.id(i) > self.to {
                self.here = None;
                return None;
            }
            if view.is_dead(i) {
                // Past all that are.
                self.i = view.live_from(i);
                self.at = view.offset(self.i);
                continue;
            }
            (self.i, self.at) = (i + 1, view.skip(i, at));
            return Some(view.entry(i, at));
        }
    }
}

/// See [`Log::backwards`].
pub struct Backwards<'a> {
    nodes: &'a Spine<Node>,
    here: Option<(StreamId, View<'a>)>,
    /// The entry behind the next one.
    i: usize,
    from: StreamId,
}

impl<'a> Iterator for Backwards<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let (base, view) = self.here.as_ref()?;
            let Some(i) = self.i.checked_sub(1) else {
                self.here = self.nodes.before(*base).map(|(base, node)| (base, node.view(base)));
                self.i = self.here.as_ref().map_or(0, |(_, view)| view.len());
                continue;
            };
            if view.id(i) < self.from {
                self.here = None;
                return None;
            }
            self.i = i;
            if !view.is_dead(i) {
                return Some(view.entry(i, view.offset(i)));
            }
        }
    }
}

//! A list: one listpack while it is short, then a deque of listpacks, which the reference calls a quicklist. When it
//! turns from one into the other, and where nodes are cut and joined, is the reference's (t_list.c and quicklist.c of
//! Valkey 9.1), since OBJECT ENCODING and the memory taken show it.

mod nodes;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

pub use nodes::{Nodes, StoredNode};

use super::collection::Collection;
use super::listpack::Listpack;
use super::value::Value;
use crate::base::limits;
use crate::base::num;

/// One of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// LEFT.
    Front,
    /// RIGHT.
    Back,
}

/// Which of two neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// What the configuration says of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// `list-max-listpack-size`: elements of a listpack, or -1..=-5 for 4..=64 KiB.
    pub size: i64,
    /// `list-compress-depth`: nodes at either end that are not compressed; 0: none is.
    pub depth: usize,
    /// Bytes from which an element has a node of its own (DEBUG QUICKLIST-PACKED-THRESHOLD); 0: by `size`.
    pub plain: usize,
}

impl Default for ListLimits {
    fn default() -> ListLimits {
        ListLimits { size: -2, depth: 0, plain: 0 }
    }
}

impl ListLimits {
    /// Bytes and elements that a listpack may have.
    fn node(self) -> (usize, usize) {
        match self.size {
            0.. => (usize::MAX, usize::try_from(self.size).unwrap_or(usize::MAX).max(1)),
            _ => (4096 << (-1 - self.size.max(-5)), usize::MAX),
        }
    }

    /// Whether a listpack of so many bytes and elements is too large.
    #[inline]
    fn exceeded(self, bytes: usize, count: usize) -> bool {
        let (bytes_max, count_max) = self.node();
        if self.size < 0 { bytes > bytes_max } else { bytes > limits::LIST_NODE_SAFE || count > count_max }
    }

    /// Whether an element of so many bytes has a node of its own.
    #[inline]
    fn is_plain(self, len: usize) -> bool {
        match self.plain {
            0 if self.size < 0 => len > self.node().0,
            0 => len > limits::LIST_NODE_SAFE,
            plain => len >= plain,
        }
    }
}

/// A text that is looked for: with the integer that it may be stored as.
#[derive(Clone, Copy)]
pub struct Needle<'a> {
    text: &'a [u8],
    integer: Option<i64>,
}

impl<'a> Needle<'a> {
    /// Looks for `text`.
    pub fn new(text: &'a [u8]) -> Needle<'a> {
        Needle { text, integer: num::parse_i64(text) }
    }

    /// Whether this is it.
    #[inline]
    pub fn is(&self, value: Value<'_>) -> bool {
        match value {
            Value::Bytes(text) => text == self.text,
            Value::Int(integer) => self.integer == Some(integer),
        }
    }
}

/// A list. See the head of this file.
#[derive(Clone)]
pub enum List {
    /// One listpack.
    Packed(Listpack),
    /// A deque of nodes.
    Nodes(Box<Nodes>),
}

impl List {
    /// An empty one.
    pub fn new() -> List {
        List::Packed(Listpack::new())
    }

    /// Elements.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            List::Packed(pack) => pack.len(),
            List::Nodes(nodes) => nodes.len(),
        }
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self {
            List::Packed(pack) => pack.is_empty(),
            List::Nodes(nodes) => nodes.len() == 0,
        }
    }

    /// Makes it a deque when a listpack with `more` further elements of `bytes` together would be too large: before they
    /// are added, or before it is known whether one will be.
    #[inline]
    pub fn grow(&mut self, more: usize, bytes: usize, limits: ListLimits) {
        if let List::Packed(pack) = self
            && limits.exceeded(pack.bytes().saturating_add(bytes), pack.len() + more)
        {
            let pack = std::mem::take(pack);
            *self = List::Nodes(Box::new(Nodes::new(pack, limits)));
        }
    }

    /// Makes it a listpack when only one node is left, half as large as allowed at the most: after something was
    /// removed or became shorter.
    #[inline]
    pub fn shrink(&mut self, limits: ListLimits) {
        if let List::Nodes(_) = self {
            let (bytes, count) = limits.node();
            self.pack(bytes / 2, count / 2);
        }
    }

    /// Gives a list that was built in some other way the encoding that fits.
    pub fn settle(&mut self, limits: ListLimits) {
        let (bytes, count) = limits.node();
        self.grow(0, 0, limits);
        self.pack(bytes, count);
    }

    /// One without elements, to which whole nodes are added: see [`List::push_pack`].
    pub fn of_nodes(limits: ListLimits) -> List {
        List::Nodes(Box::new(Nodes::new(Listpack::new(), limits)))
    }

    /// Adds a node with all its elements at the end. Whoever has added the last one calls [`List::settle`].
    pub fn push_pack(&mut self, pack: Listpack) {
        if let List::Nodes(nodes) = self
            && !pack.is_empty()
        {
            nodes.push_pack(pack);
        }
    }

    /// As [`List::push_pack`], a node of this one element.
    pub fn push_plain(&mut self, value: &[u8]) {
        if let List::Nodes(nodes) = self {
            nodes.push_plain(value);
        }
    }

    fn pack(&mut self, bytes: usize, count: usize) {
        if let List::Nodes(nodes) = self
            && let Some(pack) = nodes.take_only(bytes, count)
        {
            *self = List::Packed(pack);
        }
    }

    /// Adds an element at one end; `grow` must have been asked first.
    #[inline]
    pub fn push(&mut self, end: End, value: &[u8], limits: ListLimits) {
        match (self, end) {
            (List::Packed(pack), End::Front) => pack.push_front(value),
            (List::Packed(pack), End::Back) => pack.push_back(value),
            (List::Nodes(nodes), end) => nodes.push(end, value, limits.plain),
        }
    }

    /// Takes the element at one end away, and what `look` makes of it. The encoding stays: see `shrink`.
    #[inline]
    pub fn pop<R>(&mut self, end: End, look: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        match self {
            List::Packed(pack) => {
                let at = match end {
                    End::Front => pack.first()?,
                    End::Back => pack.last()?,
                };
                let seen = look(pack.get(at));
                pack.remove(at);
                Some(seen)
            }
            List::Nodes(nodes) => nodes.pop(end, look),
        }
    }

    /// What `look` makes of the element number `index`.
    pub fn get<R>(&self, index: usize, look: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        match self {
            List::Packed(pack) => Some(look(pack.get(pack.at(i64::try_from(index).ok()?)?))),
            List::Nodes(nodes) => nodes.get(index, look),
        }
    }

    /// Gives elements from number `from` on to the back, or backwards to the front, until told to stop.
    #[inline]
    pub fn walk<B>(
        &self,
        from: usize,
        to: End,
        mut give: impl FnMut(Value<'_>) -> ControlFlow<B>,
    ) -> Option<B> {
        match self {
            List::Packed(pack) => walk_pack(pack, from, to, &mut give).break_value(),
            List::Nodes(nodes) => nodes.walk(from, to, &mut give).break_value(),
        }
    }

    /// Gives `n` elements from number `from` on, in the direction of `to`. So many must be there.
    #[inline]
    pub fn range(&self, from: usize, n: usize, to: End, mut give: impl FnMut(Value<'_>)) {
        let mut left = n;
        if left == 0 {
            return;
        }
        self.walk(from, to, |value| {
            give(value);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Puts `value` in the place of the element number `index`; whether there is one. `grow` must have been asked first.
    pub fn set(&mut self, index: usize, value: &[u8], limits: ListLimits) -> bool {
        match self {
            List::Packed(pack) => {
                let at = i64::try_from(index).ok().and_then(|index| pack.at(index));
                at.map(|at| pack.replace(at, value)).is_some()
            }
            List::Nodes(nodes) => nodes.set(index, value, limits.plain),
        }
    }

    /// Inserts `value` beside the first element that equals `pivot`; whether there is one. `grow` must have been asked
    /// first.
    pub fn insert(&mut self, side: Side, pivot: &[u8], value: &[u8], limits: ListLimits) -> bool {
        match self {
            List::Packed(pack) => {
                let at = pack.first().and_then(|first| pack.find(first, pivot, 0));
                at.map(|at| match side {
                    Side::Before => pack.insert_before(at, value),
                    Side::After => pack.insert_after(at, value),
                })
                .is_some()
            }
            List::Nodes(nodes) => nodes.insert(side, pivot, value, limits.plain),
        }
    }

    /// Removes the first `most` elements that equal `value`, as seen from one end; how many.
    pub fn remove(&mut self, value: &[u8], most: usize, from: End) -> usize {
        match self {
            List::Packed(pack) => remove_from_pack(pack, value, most, from),
            List::Nodes(nodes) => nodes.remove(value, most, from),
        }
    }

    /// Removes `n` elements from number `from` on, or those that there are.
    pub fn remove_range(&mut self, from: usize, n: usize) {
        if n == 0 {
            return;
        }
        match self {
            List::Packed(pack) => {
                if let Some(at) = i64::try_from(from).ok().and_then(|from| pack.at(from)) {
                    pack.remove_range(at, n);
                }
            }
            List::Nodes(nodes) => nodes.remove_range(from, n),
        }
    }
}

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

/// As `List::walk`, in one listpack.
#[inline]
fn walk_pack<B>(
    pack: &Listpack,
    from: usize,
    to: End,
    give: &mut impl FnMut(Value<'_>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let Some(at) = i64::try_from(from).ok().and_then(|from| pack.at(from)) else {
        return ControlFlow::Continue(());
    };
    match to {
        End::Back => pack.iter_from(at).try_for_each(give),
        End::Front => pack.iter_to(at).rev().try_for_each(give),
    }
}

/// As `List::remove`, in one listpack.
fn remove_from_pack(pack: &mut Listpack, value: &[u8], most: usize, from: End) -> usize {
    let mut found = smallvec::SmallVec::<[_; 16]>::new();
    match from {
        End::Front => {
            let mut from = pack.first();
            while let Some(at) = from.and_then(|from| pack.find(from, value, 0))
                && found.len() < most
            {
                found.push(at);
                from = pack.next(at);
            }
        }
        End::Back => {
            let needle = Needle::new(value);
            let mut here = pack.last();
            while let Some(at) = here
                && found.len() < most
            {
                if needle.is(pack.get(at)) {
                    found.push(at);
                }
                here = pack.prev(at);
            }
            found.reverse();
        }
    }
    pack.remove_all(&found);
    found.len()
}

impl Collection for List {
    const TYPE: &'static str = "list";
    const ORDERED: bool = true;

    fn len(&self) -> usize {
        self.len()
    }

    fn encoding(&self) -> &'static str {
        match self {
            List::Packed(_) => "listpack",
            List::Nodes(_) => "quicklist",
        }
    }

    fn allocated(&self) -> usize {
        match self {
            List::Packed(pack) => pack.allocated(),
            List::Nodes(nodes) => nodes.allocated(),
        }
    }

    fn effort(&self) -> usize {
        match self {
            List::Packed(_) => 1,
            List::Nodes(nodes) => nodes.nodes(),
        }
    }

    fn duplicate(&self) -> List {
        self.clone()
    }

    fn visit(&self, give: &mut dyn FnMut(&[&[u8]])) {
        let mut digits = num::NumBuf::new();
        self.range(0, self.len(), End::Back, |value| give(&[value.bytes(&mut digits)]));
    }
}

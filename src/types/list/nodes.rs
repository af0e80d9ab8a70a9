//! The long form of a list: a deque of listpacks. Elements that are too long for them have nodes of their own, and
//! nodes far from both ends may be compressed. Every operation reaches the nodes concerned only; finding one by its
//! elements' number walks the deque, in which the counts lie side by side.
//!
//! Where nodes are cut and joined follows quicklist.c of Valkey 9.1: only an insertion that cuts a node, and a long
//! element in the place of a short one, join neighbours.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::{End, ListLimits, Needle, Side, remove_from_pack, walk_pack};
use crate::base::limits::{LIST_COMPRESS_GAIN, LIST_COMPRESS_MIN, LIST_NODE_MAX};
use crate::sys::memory::size_class;
use crate::types::listpack::{At, Listpack};
use crate::types::lzf;
use crate::types::value::Value;

/// What the reference takes an element to cost beside its bytes, when it decides whether a node has room.
const ELEMENT_OVERHEAD: usize = 8;
/// Head and end of a listpack, which joining two saves once.
const PACK_OVERHEAD: usize = 7;
/// The largest values that the reference keeps in a list: of `list-max-listpack-size` and `list-compress-depth`.
const SIZE_MAX: i64 = 32_767;
const DEPTH_MAX: usize = 65_535;
/// Nodes for which room is kept however few there are.
const ROOM_MIN: usize = 8;

/// A deque of nodes. See the head of this file.
#[derive(Clone)]
pub struct Nodes {
    nodes: VecDeque<Node>,
    /// Elements of all nodes.
    len: usize,
    /// Bytes allocated for the nodes' contents.
    bytes: usize,
    /// As when it was made; only `plain` is that of the moment.
    limits: ListLimits,
}

#[derive(Clone)]
struct Node {
    body: Body,
    /// Bytes of the listpack, be it compressed or not.
    total: u32,
    /// Elements.
    count: u32,
}

#[derive(Clone)]
enum Body {
    Packed(Listpack),
    /// A compressed listpack.
    Squeezed(Box<[u8]>),
    /// One element.
    Plain(Box<[u8]>),
}

/// A node as it is stored, for what writes it to a file.
pub enum StoredNode<'a> {
    Packed(&'a Listpack),
    /// A listpack of so many bytes, compressed.
    Squeezed {
        bytes: &'a [u8],
        total: usize,
    },
    /// One element.
    Plain(&'a [u8]),
}

/// What a node holds, to be read.
enum Content<'a> {
    Pack(Cow<'a, Listpack>),
    Plain(&'a [u8]),
}

impl Node {
    fn packed(pack: Listpack) -> Node {
        Node { total: pack.bytes() as u32, count: pack.len() as u32, body: Body::Packed(pack) }
    }

    /// A node of one element.
    fn single(value: &[u8], limits: ListLimits) -> Node {
        if limits.is_plain(value.len()) {
            return Node { total: 0, count: 1, body: Body::Plain(value.into()) };
        }
        let mut pack = Listpack::new();
        pack.push_back(value);
        Node::packed(pack)
    }

    fn is_plain(&self) -> bool {
        matches!(self.body, Body::Plain(_))
    }

    fn count(&self) -> usize {
        self.count as usize
    }

    fn allocated(&self) -> usize {
        match &self.body {
            Body::Packed(pack) => pack.allocated(),
            Body::Squeezed(bytes) | Body::Plain(bytes) => size_class(bytes.len()),
        }
    }

    fn content(&self) -> Content<'_> {
        match &self.body {
            Body::Packed(pack) => Content::Pack(Cow::Borrowed(pack)),
            Body::Squeezed(bytes) => Content::Pack(Cow::Owned(unsqueezed(bytes, self.total))),
            Body::Plain(bytes) => Content::Plain(bytes),
        }
    }

    fn walk<B>(
        &self,
        from: usize,
        to: End,
        give: &mut impl FnMut(Value<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match self.content() {
            Content::Pack(pack) => walk_pack(&pack, from, to, give),
            Content::Plain(bytes) => give(Value::Bytes(bytes)),
        }
    }
}

/// The listpack of `total` bytes that was compressed to these.
fn unsqueezed(bytes: &[u8], total: u32) -> Listpack {
    match lzf::decompress(bytes, total as usize).and_then(|bytes| Listpack::from_bytes(&bytes)) {
        Ok(pack) => pack,
        // We compressed it ourselves, from a listpack.
        Err(_) => unreachable!("a compressed node of {total} bytes does not come back"),
    }
}

/// The place of element number `i`, which is there.
fn place(pack: &Listpack, i: usize) -> At {
    match pack.at(i as i64) {
        Some(at) => at,
        None => unreachable!("no element {i} of {}", pack.len()),
    }
}

impl Nodes {
    /// One that holds what the listpack held.
    pub(super) fn new(pack: Listpack, limits: ListLimits) -> Nodes {
        let limits = ListLimits {
            size: limits.size.clamp(-5, SIZE_MAX),
            depth: limits.depth.min(DEPTH_MAX),
            plain: limits.plain,
        };
        let mut nodes = Nodes { nodes: VecDeque::new(), len: 0, bytes: 0, limits };
        if !pack.is_empty() {
            nodes.insert_node(0, Node::packed(pack));
        }
        nodes
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Node number `i`.
    pub fn stored(&self, i: usize) -> Option<StoredNode<'_>> {
        let node = self.nodes.get(i)?;
        Some(match &node.body {
            Body::Packed(pack) => StoredNode::Packed(pack),
            Body::Squeezed(bytes) => StoredNode::Squeezed { bytes, total: node.total as usize },
            Body::Plain(bytes) => StoredNode::Plain(bytes),
        })
    }

    /// Adds a whole node at the end.
    pub(super) fn push_pack(&mut self, pack: Listpack) {
        self.insert_node(self.nodes.len(), Node::packed(pack));
        self.settle_ends();
    }

    /// Adds a node of one element at the end, however short that is.
    pub(super) fn push_plain(&mut self, value: &[u8]) {
        let node = Node { total: 0, count: 1, body: Body::Plain(value.into()) };
        self.insert_node(self.nodes.len(), node);
        self.settle_ends();
    }

    /// The limits by which they were made.
    pub fn limits(&self) -> ListLimits {
        self.limits
    }

    /// Bytes of all nodes' contents, compressed or not.
    pub fn uncompressed(&self) -> usize {
        self.nodes.iter().map(|n| n.total as usize).sum()
    }

    pub(super) fn allocated(&self) -> usize {
        size_class(size_of::<Nodes>()) + size_class(self.nodes.capacity() * size_of::<Node>()) + self.bytes
    }

    /// The listpack of the only node, when it is not larger than this.
    pub(super) fn take_only(&mut self, bytes: usize, count: usize) -> Option<Listpack> {
        match self.nodes.make_contiguous() {
            [Node { body: Body::Packed(pack), .. }] if pack.bytes() <= bytes && self.len <= count => {
                Some(std::mem::take(pack))
            }
            _ => None,
        }
    }

    /// Adds an element at one end.
    pub(super) fn push(&mut self, end: End, value: &[u8], plain: usize) {
        self.limits.plain = plain;
        let last = self.nodes.len().wrapping_sub(1);
        let (i, behind) = match end {
            End::Front => (0, 0),
            End::Back => (last, last.wrapping_add(1)),
        };
        if self.takes(i, value.len()) {
            self.edit(i, |pack| match end {
                End::Front => pack.push_front(value),
                End::Back => pack.push_back(value),
            });
        } else {
            self.insert_node(behind, Node::single(value, self.limits));
            self.settle_ends();
        }
    }

    /// Takes the element at one end away.
    pub(super) fn pop<R>(&mut self, end: End, look: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        let i = match end {
            End::Front => 0,
            End::Back => self.nodes.len().checked_sub(1)?,
        };
        let seen = match &self.nodes.get(i)?.body {
            Body::Plain(bytes) => look(Value::Bytes(bytes)),
            _ => self.edit(i, |pack| {
                let at = match end {
                    End::Front => place(pack, 0),
                    End::Back => place(pack, pack.len() - 1),
                };
                let seen = look(pack.get(at));
                pack.remove(at);
                seen
            }),
        };
        if self.nodes[i].count == 0 || self.nodes[i].is_plain() {
            self.remove_node(i);
            self.settle_ends();
        }
        Some(seen)
    }

    pub(super) fn get<R>(&self, index: usize, look: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        let (i, within) = self.locate(index)?;
        Some(match self.nodes[i].content() {
            Content::Pack(pack) => look(pack.get(place(&pack, within))),
            Content::Plain(bytes) => look(Value::Bytes(bytes)),
        })
    }

    pub(super) fn walk<B>(
        &self,
        from: usize,
        to: End,
        give: &mut impl FnMut(Value<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((i, within)) = self.locate(from) else { return ControlFlow::Continue(()) };
        self.nodes[i].walk(within, to, give)?;
        match to {
            End::Back => self.nodes.range(i + 1..).try_for_each(|node| node.walk(0, to, give)),
            End::Front => {
                self.nodes.range(..i).rev().try_for_each(|node| node.walk(node.count() - 1, to, give))
            }
        }
    }

    /// The node in which element number `index` is, and its number there.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        let mut behind = self.len.checked_sub(index)?;
        if behind > index {
            let mut before = 0;
            for (i, node) in self.nodes.iter().enumerate() {
                if index < before + node.count() {
                    return Some((i, index - before));
                }
                before += node.count();
            }
        } else {
            for (i, node) in self.nodes.iter().enumerate().rev() {
                if behind <= node.count() {
                    return (behind > 0).then(|| (i, node.count() - behind));
                }
                behind -= node.count();
            }
        }
        None
    }

    /// Puts `value` in the place of element number `index`; whether there is one.
    pub(super) fn set(&mut self, index: usize, value: &[u8], plain: usize) -> bool {
        self.limits.plain = plain;
        let Some((i, within)) = self.locate(index) else { return false };
        match (self.nodes[i].is_plain(), self.limits.is_plain(value.len())) {
            (false, false) => {
                self.edit(i, |pack| pack.replace(place(pack, within), value));
                let node = &self.nodes[i];
                if node.total as usize <= LIST_NODE_MAX || node.count == 1 {
                    self.settle(i);
                    return true;
                }
                self.split(i, node.count() / 2);
            }
            (true, true) => {
                self.remove_node(i);
                self.insert_node(i, Node::single(value, self.limits));
            }
            (true, false) => {
                self.insert_beside_edge(i, Side::After, value);
                self.remove_node(i);
            }
            (false, true) => self.set_plain(i, within, value),
        }
        self.settle_around(i);
        true
    }

    /// Puts a long value in the place of a short one: it stands between both parts of its node.
    fn set_plain(&mut self, i: usize, within: usize, value: &[u8]) {
        self.split(i, within + 1);
        self.insert_node(i + 1, Node::single(value, self.limits));
        if within == 0 {
            self.remove_node(i);
        } else {
            self.edit(i, |pack| pack.remove(place(pack, within)));
            self.join_around(i + 1);
        }
    }

    /// Inserts `value` beside the first element that equals `pivot`; whether there is one.
    pub(super) fn insert(&mut self, side: Side, pivot: &[u8], value: &[u8], plain: usize) -> bool {
        self.limits.plain = plain;
        for i in 0..self.nodes.len() {
            match self.nodes[i].content() {
                Content::Plain(bytes) if bytes == pivot => self.insert_beside_edge(i, side, value),
                Content::Plain(_) => continue,
                Content::Pack(pack) => {
                    let Some(at) = pack.first().and_then(|first| pack.find(first, pivot, 0)) else {
                        continue;
                    };
                    let edge = match side {
                        Side::Before => pack.prev(at).is_none(),
                        Side::After => pack.next(at).is_none(),
                    };
                    // In front of this one the node is cut, if it must be.
                    let cut = if side == Side::After { pack.next(at).unwrap_or(at) } else { at };
                    drop(pack);
                    if edge {
                        self.insert_beside_edge(i, side, value);
                    } else {
                        self.insert_inside(i, side, cut, value);
                    }
                }
            }
            self.settle_around(i);
            return true;
        }
        false
    }

    /// Inserts in front of all of node `i`, or behind all of it: into it, into its neighbour, or between both.
    fn insert_beside_edge(&mut self, i: usize, side: Side, value: &[u8]) {
        let (neighbour, between) = match side {
            Side::Before => (i.wrapping_sub(1), i),
            Side::After => (i + 1, i + 1),
        };
        let push = |pack: &mut Listpack, front: bool| match front {
            true => pack.push_front(value),
            false => pack.push_back(value),
        };
        if self.takes(i, value.len()) {
            self.edit(i, |pack| push(pack, side == Side::Before));
        } else if self.takes(neighbour, value.len()) {
            self.edit(neighbour, |pack| push(pack, side == Side::After));
        } else {
            self.insert_node(between, Node::single(value, self.limits));
        }
    }

    /// Inserts in front of the element at `cut` of node `i`, which is not its first.
    fn insert_inside(&mut self, i: usize, side: Side, cut: At, value: &[u8]) {
        if self.takes(i, value.len()) {
            self.edit(i, |pack| pack.insert_before(cut, value));
            return;
        }
        self.split_at(i, cut);
        if self.limits.is_plain(value.len()) {
            self.insert_node(i + 1, Node::single(value, self.limits));
            return;
        }
        match side {
            Side::Before => {
                self.edit(i, |pack| pack.push_back(value));
                self.join_around(i + 1);
            }
            Side::After => {
                self.edit(i + 1, |pack| pack.push_front(value));
                self.join_around(i);
            }
        }
    }

    /// Removes the first `most` elements that equal `value`, as seen from one end; how many.
    pub(super) fn remove(&mut self, value: &[u8], most: usize, from: End) -> usize {
        let needle = Needle::new(value);
        let (n, mut removed) = (self.nodes.len(), 0);
        for i in 0..n {
            if removed == most {
                break;
            }
            let i = if from == End::Front { i } else { n - 1 - i };
            match self.nodes[i].content() {
                Content::Plain(bytes) => {
                    if needle.is(Value::Bytes(bytes)) {
                        // It goes with the nodes that lost all their elements.
                        self.nodes[i].count = 0;
                        self.len -= 1;
                        removed += 1;
                    }
                }
                Content::Pack(pack) => {
                    if pack.first().and_then(|first| pack.find(first, value, 0)).is_some() {
                        drop(pack);
                        removed += self.edit(i, |pack| remove_from_pack(pack, value, most - removed, from));
                        self.settle(i);
                    }
                }
            }
        }
        if removed > 0 {
            let bytes = &mut self.bytes;
            self.nodes.retain(|node| {
                *bytes -= if node.count == 0 { node.allocated() } else { 0 };
                node.count > 0
            });
            self.fit_room();
            self.settle_ends();
        }
        removed
    }

    /// Removes `n` elements from number `from` on, or those that there are.
    pub(super) fn remove_range(&mut self, from: usize, n: usize) {
        let Some((mut i, within)) = self.locate(from) else { return };
        let mut left = n;
        if within > 0 {
            let gone = left.min(self.nodes[i].count() - within);
            self.edit(i, |pack| pack.remove_range(place(pack, within), gone));
            self.settle(i);
            left -= gone;
            i += 1;
        }
        let mut end = i;
        while let Some(node) = self.nodes.get(end)
            && node.count() <= left
        {
            left -= node.count();
            end += 1;
        }
        for node in self.nodes.drain(i..end) {
            self.len -= node.count();
            self.bytes -= node.allocated();
        }
        if left > 0 && i < self.nodes.len() {
            self.edit(i, |pack| pack.remove_range(place(pack, 0), left));
            self.settle(i);
        }
        self.fit_room();
        self.settle_ends();
    }

    /// Whether node `i` is there and has room for an element of `len` bytes.
    #[inline]
    fn takes(&self, i: usize, len: usize) -> bool {
        self.nodes.get(i).is_some_and(|node| {
            let bytes = (node.total as usize).saturating_add(len).saturating_add(ELEMENT_OVERHEAD);
            !node.is_plain() && !self.limits.is_plain(len) && !self.limits.exceeded(bytes, node.count() + 1)
        })
    }

    /// Changes the listpack of node `i`, decompressed for it, and keeps the books.
    #[inline]
    fn edit<R>(&mut self, i: usize, change: impl FnOnce(&mut Listpack) -> R) -> R {
        self.open(i);
        let node = &mut self.nodes[i];
        let Body::Packed(pack) = &mut node.body else { unreachable!("a plain node has no listpack") };
        self.bytes -= pack.allocated();
        let result = change(pack);
        self.bytes += pack.allocated();
        let count = pack.len();
        self.len = self.len - node.count as usize + count;
        node.count = count as u32;
        node.total = pack.bytes() as u32;
        result
    }

    fn insert_node(&mut self, i: usize, node: Node) {
        self.len += node.count();
        self.bytes += node.allocated();
        self.nodes.insert(i, node);
    }

    fn remove_node(&mut self, i: usize) {
        if let Some(node) = self.nodes.remove(i) {
            self.len -= node.count();
            self.bytes -= node.allocated();
            self.fit_room();
        }
    }

    /// Gives memory back that many nodes less do not need.
    fn fit_room(&mut self) {
        let (len, room) = (self.nodes.len(), self.nodes.capacity());
        if room > ROOM_MIN && len < room / 4 {
            self.nodes.shrink_to((len * 2).max(ROOM_MIN));
        }
    }

    /// Makes two nodes of one, the second beginning with element number `within`, if there is one.
    fn split(&mut self, i: usize, within: usize) {
        if within < self.nodes[i].count() {
            self.open(i);
            if let Body::Packed(pack) = &self.nodes[i].body {
                let at = place(pack, within);
                self.split_at(i, at);
            }
        }
    }

    fn split_at(&mut self, i: usize, at: At) {
        let tail = self.edit(i, |pack| pack.split_off(at));
        self.insert_node(i + 1, Node::packed(tail));
    }

    /// Joins what fits together among node `i` and two neighbours on either side.
    fn join_around(&mut self, mut i: usize) {
        if i >= 2 && self.join(i - 2) {
            i -= 1;
        }
        self.join(i + 1);
        if i >= 1 && self.join(i - 1) {
            i -= 1;
        }
        self.join(i);
    }

    /// Joins node `i` and the next one, if they are there and fit together.
    fn join(&mut self, i: usize) -> bool {
        let (Some(one), Some(other)) = (self.nodes.get(i), self.nodes.get(i + 1)) else { return false };
        let bytes = (one.total as usize + other.total as usize).saturating_sub(PACK_OVERHEAD);
        if one.is_plain() || other.is_plain() || self.limits.exceeded(bytes, one.count() + other.count()) {
            return false;
        }
        self.open(i + 1);
        let other = self.edit(i + 1, std::mem::take);
        self.remove_node(i + 1);
        self.edit(i, |pack| pack.append(&other));
        true
    }

    /// Decompresses node `i`.
    #[inline]
    fn open(&mut self, i: usize) {
        let node = &mut self.nodes[i];
        if let Body::Squeezed(bytes) = &node.body {
            let pack = unsqueezed(bytes, node.total);
            self.bytes = self.bytes - size_class(bytes.len()) + pack.allocated();
            node.body = Body::Packed(pack);
        }
    }

    /// Compresses node `i`, if that makes it shorter.
    fn squeeze(&mut self, i: usize) {
        let node = &mut self.nodes[i];
        if let Body::Packed(pack) = &node.body
            && pack.bytes() >= LIST_COMPRESS_MIN
            && let Some(short) = lzf::compress(pack.as_bytes(), pack.bytes() - LIST_COMPRESS_GAIN)
        {
            self.bytes = self.bytes - pack.allocated() + size_class(short.len());
            node.body = Body::Squeezed(short.into_boxed_slice());
        }
    }

    /// Compresses or decompresses node `i`, by how far it is from both ends.
    fn settle(&mut self, i: usize) {
        if self.limits.depth == 0 || i >= self.nodes.len() {
            return;
        }
        if i < self.limits.depth || i + self.limits.depth >= self.nodes.len() {
            self.open(i);
        } else {
            self.squeeze(i);
        }
    }

    /// `settle`s the nodes that an insertion or removal of nodes at `i` can have reached.
    fn settle_around(&mut self, i: usize) {
        if self.limits.depth > 0 {
            (i.saturating_sub(2)..=i + 3).for_each(|i| self.settle(i));
            self.settle_ends();
        }
    }

    /// `settle`s the nodes at both ends, and those next to them, after the number of nodes changed.
    fn settle_ends(&mut self) {
        let (n, depth) = (self.nodes.len(), self.limits.depth);
        if depth == 0 {
            return;
        }
        for i in 0..=depth.min(n) {
            self.settle(i);
            self.settle(n.wrapping_sub(1 + i));
        }
    }
}

#[cfg(test)]
impl Nodes {
    /// Checks the books and which nodes are compressed; the elements of each node, negative for compressed ones.
    pub(super) fn check(&self) -> Vec<i64> {
        let sum = |f: &dyn Fn(&Node) -> usize| self.nodes.iter().map(f).sum::<usize>();
        assert_eq!(self.len, sum(&|node| node.count()));
        assert_eq!(self.bytes, sum(&|node| node.allocated()));
        let mut counts = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            assert!(node.count > 0, "an empty node");
            if let Content::Pack(pack) = node.content() {
                assert_eq!((pack.len(), pack.bytes()), (node.count(), node.total as usize));
            }
            let squeezed = matches!(node.body, Body::Squeezed(_));
            let (depth, n) = (self.limits.depth, self.nodes.len());
            let inside = depth > 0 && i >= depth && i + depth < n;
            assert!(inside || !squeezed, "node {i} of {n} is compressed");
            if let (true, Body::Packed(pack)) = (inside, &node.body) {
                let most = pack.bytes() - LIST_COMPRESS_GAIN.min(pack.bytes());
                let short = pack.bytes() < LIST_COMPRESS_MIN;
                assert!(short || lzf::compress(pack.as_bytes(), most).is_none(), "node {i} of {n} is not");
            }
            counts.push(if squeezed { -i64::from(node.count) } else { node.count.into() });
        }
        counts
    }
}

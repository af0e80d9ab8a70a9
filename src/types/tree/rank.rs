//! The order of a sorted set: a B+tree of borrowed members that knows how many lie under each of its nodes, so that a
//! rank is found, and a member by its rank, on one way from the root.
//!
//! - An inner node holds, for each child, the first member below it with its score's key, and the number of members.
//!   A search compares keys inside the node and reads a member only where keys are equal.
//! - A full leaf or node that is added to at the end of the whole tree stays full and gets a neighbour of one: a set
//!   filled in order has full leaves. Any other one is halved.
//! - What falls below a third of its room is joined with a neighbour, or takes from it.
//! - Leaves are not linked: whoever walks comes down from the root once per leaf.
#![allow(unsafe_code)]

use std::ops::Range;

use super::edge::{Edge, key_of};
use super::leaf::{Leaf, Ptr};
use super::member::{Member, MemberRef};
use crate::sys::memory::size_class;

/// Children for which a node's room grows at a time.
const STEP: usize = 8;

/// A tree of members in the order of score and bytes. See the head of this file.
///
/// It does not own them: they stay alive and in place while they are in it, and their scores change only through
/// [`RankTree::rescore`]. Whoever puts one in promises that.
pub struct RankTree<const LEAF: usize, const INNER: usize> {
    root: Node,
    len: usize,
    /// Bytes of all nodes.
    bytes: usize,
}

// SAFETY: the pointers are of members that are Send and are reached only by whoever has the tree.
unsafe impl<const LEAF: usize, const INNER: usize> Send for RankTree<LEAF, INNER> {}

enum Node {
    Leaf(Leaf),
    Inner(Vec<Child>),
}

struct Child {
    /// The first member below, and its score's key.
    key: u64,
    first: Ptr,
    /// Members below.
    count: usize,
    node: Node,
}

/// What [`RankTree::rescore`] is to do.
struct Rescore<'a> {
    /// Where the member stands.
    old: Edge<'a>,
    member: Ptr,
    score: f64,
    up: bool,
}

#[inline]
fn view<'a>(member: Ptr) -> MemberRef<'a> {
    // SAFETY: members are alive while they are in the tree; nothing here keeps a view.
    unsafe { MemberRef::new(member) }
}

impl Node {
    /// Members or children.
    fn len(&self) -> usize {
        match self {
            Node::Leaf(l) => l.len(),
            Node::Inner(v) => v.len(),
        }
    }

    /// The first member; the node is not empty.
    #[inline]
    fn first(&self) -> (u64, Ptr) {
        match self {
            Node::Leaf(l) => (key_of(view(l.members()[0]).score()), l.members()[0]),
            Node::Inner(v) => (v[0].key, v[0].first),
        }
    }

    /// Members below.
    fn count(&self) -> usize {
        match self {
            Node::Leaf(l) => l.len(),
            Node::Inner(v) => v.iter().map(|c| c.count).sum(),
        }
    }

    /// Bytes of this node alone.
    fn allocated(&self) -> usize {
        match self {
            Node::Leaf(l) => l.allocated(),
            Node::Inner(v) => inner_allocated(v),
        }
    }

    /// Bytes of this node and all below.
    fn allocated_below(&self) -> usize {
        let below = match self {
            Node::Leaf(_) => 0,
            Node::Inner(v) => v.iter().map(|c| c.node.allocated_below()).sum(),
        };
        self.allocated() + below
    }

    fn each(&self, f: &mut impl FnMut(Ptr)) {
        match self {
            Node::Leaf(l) => l.members().iter().for_each(|&m| f(m)),
            Node::Inner(v) => v.iter().for_each(|c| c.node.each(f)),
        }
    }
}

fn inner_allocated(v: &Vec<Child>) -> usize {
    if v.capacity() == 0 { 0 } else { size_class(v.capacity() * size_of::<Child>()) }
}

impl Child {
    fn of(node: Node) -> Child {
        let (key, first) = node.first();
        Child { key, first, count: node.count(), node }
    }

    #[inline]
    fn refresh(&mut self) {
        (self.key, self.first) = self.node.first();
    }

    #[inline]
    fn is_before(&self, edge: &Edge<'_>) -> bool {
        edge.is_behind_key(self.key, view(self.first))
    }
}

/// The child under which `edge` lies.
#[inline]
fn child_at(v: &[Child], edge: &Edge<'_>) -> usize {
    v.partition_point(|c| c.is_before(edge)).saturating_sub(1)
}

/// The child that holds the member of rank `rank` among those below, and the rank inside it.
#[inline]
fn child_of_rank(v: &[Child], mut rank: usize) -> (usize, usize) {
    for (i, c) in v.iter().enumerate() {
        if rank < c.count {
            return (i, rank);
        }
        rank -= c.count;
    }
    (v.len(), rank)
}

/// Changes a node's list of children and keeps its bytes in account.
#[inline]
fn resized<T>(bytes: &mut usize, v: &mut Vec<Child>, change: impl FnOnce(&mut Vec<Child>) -> T) -> T {
    *bytes -= inner_allocated(v);
    let result = change(v);
    *bytes += inner_allocated(v);
    result
}

/// Puts a child in, making room in steps.
fn put_child(v: &mut Vec<Child>, at: usize, child: Child) {
    if v.len() == v.capacity() {
        v.reserve_exact(STEP);
    }
    v.insert(at, child);
}

/// Gives up room for more than a step and a half.
fn trim(v: &mut Vec<Child>) {
    if v.capacity() > v.len() + STEP * 3 / 2 {
        v.shrink_to(v.len() + STEP / 2);
    }
}

impl<const LEAF: usize, const INNER: usize> Default for RankTree<LEAF, INNER> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const LEAF: usize, const INNER: usize> RankTree<LEAF, INNER> {
    /// An empty tree.
    pub fn new() -> Self {
        let root = Node::Leaf(Leaf::new(0, LEAF));
        RankTree { bytes: root.allocated(), root, len: 0 }
    }

    /// A tree of full leaves.
    /// # Safety
    /// As for [`RankTree::insert`], for every member; they are in order.
    pub unsafe fn of(members: &[Ptr]) -> Self {
        if members.is_empty() {
            return Self::new();
        }
        // SAFETY: passed on.
        let leaf = |part: &[Ptr]| Node::Leaf(unsafe { Leaf::of(part, LEAF) });
        let mut level: Vec<Node> = members.chunks(LEAF).map(leaf).collect();
        while level.len() > 1 {
            let mut nodes = level.into_iter().map(Child::of).peekable();
            let mut above = Vec::new();
            while nodes.peek().is_some() {
                let mut v = Vec::with_capacity(nodes.len().min(INNER));
                v.extend(nodes.by_ref().take(INNER));
                above.push(Node::Inner(v));
            }
            level = above;
        }
        let root = level.pop().unwrap_or_else(|| Node::Leaf(Leaf::new(0, LEAF)));
        RankTree { bytes: root.allocated_below(), root, len: members.len() }
    }

    /// Members held.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes of all nodes.
    #[inline]
    pub fn allocated(&self) -> usize {
        self.bytes
    }

    /// How many members stand before `edge`.
    pub fn before(&self, edge: &Edge<'_>) -> usize {
        let (mut node, mut sum) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(l) => return sum + l.before(edge),
                Node::Inner(v) => {
                    let i = child_at(v, edge);
                    sum += v[..i].iter().map(|c| c.count).sum::<usize>();
                    node = &v[i].node;
                }
            }
        }
    }

    /// The leaf of the member of rank `rank`, and its place there; the rank is below [`RankTree::len`].
    pub fn leaf_at(&self, rank: usize) -> (&[Ptr], usize) {
        let (mut node, mut rank) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(l) => return (l.members(), rank),
                Node::Inner(v) => {
                    let (i, inside) = child_of_rank(v, rank);
                    (node, rank) = (&v[i].node, inside);
                }
            }
        }
    }

    /// Puts a member in that is not there yet.
    /// # Safety
    /// The member is alive, and stays so in its place until it is out again or the tree is only dropped; its score
    /// changes only through [`RankTree::rescore`].
    pub unsafe fn insert(&mut self, member: Ptr) {
        let m = view(member);
        let edge = Edge::at(m.score(), m.bytes());
        if let Some(right) = Self::insert_below(&mut self.bytes, &mut self.root, &edge, member, true) {
            let left = std::mem::replace(&mut self.root, Node::Inner(Vec::new()));
            let mut v = Vec::with_capacity(STEP);
            v.extend([Child::of(left), Child::of(right)]);
            self.bytes += inner_allocated(&v);
            self.root = Node::Inner(v);
        }
        self.len += 1;
    }

    /// Inserts below `node`; gives the right half if it had to be split. `last`: nothing stands right of the node.
    fn insert_below(
        bytes: &mut usize,
        node: &mut Node,
        edge: &Edge<'_>,
        member: Ptr,
        last: bool,
    ) -> Option<Node> {
        let v = match node {
            Node::Leaf(l) => return Self::insert_into_leaf(bytes, l, edge, member, last).map(Node::Leaf),
            Node::Inner(v) => v,
        };
        let i = child_at(v, edge);
        let last = last && i + 1 == v.len();
        let child = &mut v[i];
        let Some(right) = Self::insert_below(bytes, &mut child.node, edge, member, last) else {
            child.count += 1;
            if i == 0 {
                child.refresh();
            }
            return None;
        };
        let right = Child::of(right);
        child.count = child.count + 1 - right.count;
        child.refresh();
        Self::insert_child(bytes, v, i + 1, right, last).map(Node::Inner)
    }

    fn insert_into_leaf(
        bytes: &mut usize,
        leaf: &mut Leaf,
        edge: &Edge<'_>,
        member: Ptr,
        last: bool,
    ) -> Option<Leaf> {
        let (at, len) = (leaf.before(edge), leaf.len());
        if len < LEAF {
            *bytes -= leaf.allocated();
            leaf.reserve(len + 1, LEAF);
            *bytes += leaf.allocated();
            // SAFETY: `insert` promises it.
            unsafe { leaf.put(at, member) };
            return None;
        }
        *bytes -= leaf.allocated();
        let middle = if last && at == len { len } else { len / 2 };
        let mut right = Leaf::new(len - middle + 1, LEAF);
        leaf.move_tail(middle, &mut right);
        leaf.trim(LEAF);
        let (half, at) = if at < middle { (&mut *leaf, at) } else { (&mut right, at - middle) };
        half.reserve(half.len() + 1, LEAF);
        // SAFETY: `insert` promises it.
        unsafe { half.put(at, member) };
        *bytes += leaf.allocated() + right.allocated();
        Some(right)
    }

    fn insert_child(
        bytes: &mut usize,
        v: &mut Vec<Child>,
        at: usize,
        child: Child,
        last: bool,
    ) -> Option<Vec<Child>> {
        if v.len() < INNER {
            resized(bytes, v, |v| put_child(v, at, child));
            return None;
        }
        let middle = if last && at == v.len() { v.len() } else { v.len() / 2 };
        let right = resized(bytes, v, |v| {
            let mut right: Vec<Child> = v.drain(middle..).collect();
            trim(v);
            let (half, at) = if at < middle { (v, at) } else { (&mut right, at - middle) };
            put_child(half, at, child);
            right
        });
        *bytes += inner_allocated(&right);
        Some(right)
    }

    /// Takes out the member that stands right before `edge`.
    pub fn remove(&mut self, edge: &Edge<'_>) {
        Self::remove_below(&mut self.bytes, &mut self.root, edge);
        self.len -= 1;
        self.lower();
    }

    fn remove_below(bytes: &mut usize, node: &mut Node, edge: &Edge<'_>) {
        match node {
            Node::Leaf(l) => {
                let at = l.before(edge);
                Self::cut(bytes, l, at - 1, at);
            }
            Node::Inner(v) => {
                let i = child_at(v, edge);
                v[i].count -= 1;
                Self::remove_below(bytes, &mut v[i].node, edge);
                Self::settle(bytes, v, i);
            }
        }
    }

    fn cut(bytes: &mut usize, leaf: &mut Leaf, from: usize, to: usize) {
        *bytes -= leaf.allocated();
        leaf.cut(from, to);
        leaf.trim(LEAF);
        *bytes += leaf.allocated();
    }

    /// A root with one child gives way to it, an empty one to an empty leaf.
    fn lower(&mut self) {
        while let Node::Inner(v) = &mut self.root
            && v.len() < 2
        {
            self.bytes -= inner_allocated(v);
            self.root = match v.pop() {
                Some(child) => child.node,
                None => {
                    let leaf = Leaf::new(0, LEAF);
                    self.bytes += leaf.allocated();
                    Node::Leaf(leaf)
                }
            };
        }
    }

    /// Puts child `i` right after something was taken out below it: its first member, and its size.
    fn settle(bytes: &mut usize, v: &mut Vec<Child>, i: usize) {
        let (len, least) = match &v[i].node {
            Node::Leaf(l) => (l.len(), LEAF / 3),
            Node::Inner(w) => (w.len(), INNER / 3),
        };
        if len == 0 {
            *bytes -= v[i].node.allocated();
            return Self::drop_children(bytes, v, i..i + 1);
        }
        v[i].refresh();
        if len < least && v.len() > 1 {
            Self::join(bytes, v, i.saturating_sub(1));
        }
    }

    /// Drops children whose own bytes are out of account already.
    fn drop_children(bytes: &mut usize, v: &mut Vec<Child>, range: Range<usize>) {
        resized(bytes, v, |v| {
            v.drain(range);
            trim(v);
        });
    }

    /// Joins child `i` with the one behind it, or makes them equal when that would fill a node too much.
    fn join(bytes: &mut usize, v: &mut Vec<Child>, i: usize) {
        let [left, right] = &mut v[i..=i + 1] else { return };
        *bytes -= left.node.allocated() + right.node.allocated();
        match (&mut left.node, &mut right.node) {
            (Node::Leaf(a), Node::Leaf(b)) => {
                let sum = a.len() + b.len();
                let to = if sum <= LEAF * 3 / 4 { sum } else { sum / 2 };
                a.reserve(to, LEAF);
                if to >= a.len() {
                    a.take_head(b, to - a.len());
                } else {
                    b.reserve(sum - to, LEAF);
                    a.move_tail(to, b);
                }
                a.trim(LEAF);
                b.trim(LEAF);
            }
            (Node::Inner(a), Node::Inner(b)) => {
                let sum = a.len() + b.len();
                let to = if sum <= INNER * 3 / 4 { sum } else { sum / 2 };
                if to >= a.len() {
                    a.reserve_exact(to - a.len());
                    a.extend(b.drain(..to - a.len()));
                } else {
                    b.reserve_exact(a.len() - to);
                    drop(b.splice(..0, a.drain(to..)));
                }
                trim(a);
                trim(b);
            }
            // All leaves lie equally deep.
            _ => {}
        }
        *bytes += left.node.allocated() + right.node.allocated();
        left.count = left.node.count();
        if right.node.len() == 0 {
            *bytes -= right.node.allocated();
            return Self::drop_children(bytes, v, i + 1..i + 2);
        }
        right.count = right.node.count();
        right.refresh();
    }

    /// Takes out the members of a range of ranks, giving each to `each`, which may free it. Leaves that lie inside
    /// are dropped whole.
    pub fn remove_range(&mut self, range: Range<usize>, mut each: impl FnMut(Ptr)) {
        let (from, to) = (range.start, range.end.min(self.len));
        if from >= to {
            return;
        }
        Self::remove_range_below(&mut self.bytes, &mut self.root, from, to, &mut each);
        self.len -= to - from;
        // On both sides of the gap there may be nodes that are too small but had no neighbour when they became so.
        for rank in [from.saturating_sub(1), from] {
            self.lower();
            Self::repair(&mut self.bytes, &mut self.root, rank);
        }
        self.lower();
    }

    fn remove_range_below(
        bytes: &mut usize,
        node: &mut Node,
        from: usize,
        to: usize,
        each: &mut impl FnMut(Ptr),
    ) {
        let v = match node {
            Node::Leaf(l) => {
                l.members()[from..to].iter().for_each(|&m| each(m));
                return Self::cut(bytes, l, from, to);
            }
            Node::Inner(v) => v,
        };
        // Children that lose some, which are two at the most, and the run of those that lose all.
        let (mut whole, mut partly) = (0..0, [None; 2]);
        let mut start = 0;
        for (i, c) in v.iter_mut().enumerate() {
            let (a, z) = (from.max(start), to.min(start + c.count));
            let (offset, count) = (start, c.count);
            start += count;
            if a >= z {
                continue;
            }
            if z - a == count {
                c.node.each(each);
                *bytes -= c.node.allocated_below();
                whole = if whole.is_empty() { i..i + 1 } else { whole.start..i + 1 };
            } else {
                Self::remove_range_below(bytes, &mut c.node, a - offset, z - offset, each);
                c.count -= z - a;
                partly[partly[0].is_some() as usize] = Some(i);
            }
        }
        Self::drop_children(bytes, v, whole.clone());
        for i in partly.into_iter().rev().flatten() {
            Self::settle(bytes, v, if i < whole.start { i } else { i - whole.len() });
        }
    }

    /// Joins what is too small on the way to `rank`.
    fn repair(bytes: &mut usize, node: &mut Node, rank: usize) {
        let Node::Inner(v) = node else { return };
        let i = child_of_rank(v, rank).0;
        if i == v.len() {
            return;
        }
        Self::settle(bytes, v, i);
        let (i, inside) = child_of_rank(v, rank);
        Self::repair(bytes, &mut v[i].node, inside);
        // It may have lost a child by that.
        Self::settle(bytes, v, i);
    }

    /// Gives a member, which is in the tree, another score. It is moved only when that changes its place.
    pub fn rescore(&mut self, member: Ptr, score: f64) {
        let m = view(member);
        let what = Rescore { old: Edge::past(m.score(), m.bytes()), member, score, up: score > m.score() };
        if !Self::rescore_below(&mut self.bytes, &mut self.root, &what, None, true) {
            self.lower();
            self.len -= 1;
            // SAFETY: it is out of the tree, so nothing depends on its score; it is as alive as it was.
            unsafe {
                Member::set_score(member, score);
                self.insert(member);
            }
        }
    }

    /// Changes the score where the member stands, or takes it out; tells which. `next` is the member behind this
    /// node; `first`: nothing stands left of it.
    fn rescore_below(
        bytes: &mut usize,
        node: &mut Node,
        what: &Rescore<'_>,
        next: Option<(u64, Ptr)>,
        first: bool,
    ) -> bool {
        match node {
            Node::Leaf(l) => {
                let at = l.before(&what.old) - 1;
                let stays = Self::keeps_place(l, at, what, next, first);
                if stays {
                    // SAFETY: its place among its neighbours stays right; keys of it are refreshed on the way back.
                    unsafe { Member::set_score(what.member, what.score) };
                    l.rescored(at, what.score);
                } else {
                    Self::cut(bytes, l, at, at + 1);
                }
                stays
            }
            Node::Inner(v) => {
                let i = child_at(v, &what.old);
                let next = v.get(i + 1).map_or(next, |c| Some((c.key, c.first)));
                let stays = Self::rescore_below(bytes, &mut v[i].node, what, next, first && i == 0);
                if stays {
                    v[i].refresh();
                } else {
                    v[i].count -= 1;
                    Self::settle(bytes, v, i);
                }
                stays
            }
        }
    }

    /// Whether the member at `at` stands right with its new score. When that is not known here, which is so for the
    /// first of a leaf that goes down, it is said to move.
    fn keeps_place(
        leaf: &Leaf,
        at: usize,
        what: &Rescore<'_>,
        next: Option<(u64, Ptr)>,
        first: bool,
    ) -> bool {
        let new = Edge::at(what.score, view(what.member).bytes());
        if what.up {
            let next = match leaf.members().get(at + 1) {
                Some(&m) => Some((key_of(view(m).score()), m)),
                None => next,
            };
            return next.is_none_or(|(key, m)| !new.is_behind_key(key, view(m)));
        }
        match at.checked_sub(1) {
            Some(before) => new.is_behind(view(leaf.members()[before])),
            None => first,
        }
    }

    /// Panics when something is not as it must be: for tests and fuzzing.
    pub fn check(&self) {
        let mut members = Vec::new();
        self.root.each(&mut |m| members.push(view(m)));
        assert_eq!(members.len(), self.len);
        for pair in members.windows(2) {
            let edge = Edge::at(pair[1].score(), pair[1].bytes());
            assert!(edge.is_behind(pair[0]), "out of order");
        }
        assert_eq!(self.bytes, self.root.allocated_below());
        assert!(!matches!(&self.root, Node::Inner(v) if v.len() < 2), "a root of one child");
        Self::check_node(&self.root, true);
    }

    /// Gives the depth.
    fn check_node(node: &Node, last: bool) -> usize {
        let v = match node {
            Node::Leaf(l) => {
                assert!(l.len() <= LEAF && (last || l.len() >= LEAF / 3), "a leaf of {}", l.len());
                l.check();
                return 1;
            }
            Node::Inner(v) => v,
        };
        assert!(v.len() <= INNER && (last || v.len() >= INNER / 3), "a node of {}", v.len());
        let depths = v.iter().enumerate().map(|(i, c)| {
            assert!(c.count > 0 && c.count == c.node.count());
            assert_eq!((c.key, c.first), c.node.first());
            Self::check_node(&c.node, last && i + 1 == v.len())
        });
        let depths: Vec<usize> = depths.collect();
        assert!(depths.windows(2).all(|d| d[0] == d[1]), "leaves of several depths");
        depths[0] + 1
    }
}

//! Places in the order of (score, member), by which the tree is searched, and the score as an integer key.

use std::cmp::Ordering;

use super::member::MemberRef;

/// The score as an integer of the same order. Both zeros are one place, as they are equal; there is no NaN.
#[inline]
pub fn key_of(score: f64) -> u64 {
    // -0.0 + 0.0 is 0.0; nothing else changes.
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// The half of a key that leaves keep.
#[inline]
pub fn upper(key: u64) -> u32 {
    (key >> 32) as u32
}

/// A place between members: some stand before it, all others behind.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    /// None: only the members are compared, as if all scores were the same.
    key: Option<u64>,
    /// None: before or behind all members of the score.
    member: Option<&'a [u8]>,
    /// Whether what equals the edge stands before it.
    past: bool,
}

impl<'a> Edge<'a> {
    /// Right before this member, whether it exists or not.
    #[inline]
    pub fn at(score: f64, member: &'a [u8]) -> Edge<'a> {
        Edge { key: Some(key_of(score)), member: Some(member), past: false }
    }

    /// Right behind this member.
    #[inline]
    pub fn past(score: f64, member: &'a [u8]) -> Edge<'a> {
        Edge { past: true, ..Edge::at(score, member) }
    }

    /// Before all members of a score.
    #[inline]
    pub fn at_score(score: f64) -> Edge<'a> {
        Edge { key: Some(key_of(score)), member: None, past: false }
    }

    /// Behind all members of a score.
    #[inline]
    pub fn past_score(score: f64) -> Edge<'a> {
        Edge { past: true, ..Edge::at_score(score) }
    }

    /// Right before this member in a set whose scores are all the same.
    #[inline]
    pub fn at_lex(member: &'a [u8]) -> Edge<'a> {
        Edge { key: None, member: Some(member), past: false }
    }

    /// Right behind this member in a set whose scores are all the same.
    #[inline]
    pub fn past_lex(member: &'a [u8]) -> Edge<'a> {
        Edge { past: true, ..Edge::at_lex(member) }
    }

    #[inline]
    pub(super) fn key(&self) -> Option<u64> {
        self.key
    }

    /// Whether it stands behind a member, by the member's key first: the member itself is read only for equal ones.
    #[inline]
    pub(super) fn is_behind_key(&self, key: u64, member: MemberRef<'_>) -> bool {
        if let Some(own) = self.key
            && own != key
        {
            return key < own;
        }
        let Some(own) = self.member else { return self.past };
        match member.bytes().cmp(own) {
            Ordering::Less => true,
            Ordering::Equal => self.past,
            Ordering::Greater => false,
        }
    }

    /// Whether it stands behind a member.
    #[inline]
    pub(super) fn is_behind(&self, member: MemberRef<'_>) -> bool {
        self.is_behind_key(key_of(member.score()), member)
    }
}

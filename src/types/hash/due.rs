//! The volatile fields of one hash in the order of their times. Most hashes with any have a handful, for which the
//! exact index, made for millions, would be larger than they are: up to [`FEW_MAX`] items are a sorted array.

use crate::types::expiry::ExpiryIndex;

/// Items that the array holds at the most.
const FEW_MAX: usize = 64;

/// A time-ordered multiset of (time in ms, short hash of the field).
pub enum Due {
    Few(Vec<(i64, u32)>),
    Many(ExpiryIndex),
}

impl Default for Due {
    fn default() -> Due {
        Due::Few(Vec::new())
    }
}

impl Due {
    /// The earliest item.
    #[inline]
    pub fn first(&self) -> Option<(i64, u32)> {
        match self {
            Due::Few(items) => items.first().copied(),
            Due::Many(index) => index.first(),
        }
    }

    /// Items whose time has come at `now_ms`.
    pub fn count_until(&self, now_ms: i64) -> usize {
        match self {
            Due::Few(items) => items.partition_point(|(at, _)| *at <= now_ms),
            Due::Many(index) => index.iter().take_while(|(at, _)| *at <= now_ms).count(),
        }
    }

    /// Adds an item.
    pub fn insert(&mut self, at: i64, short: u32) {
        match self {
            Due::Few(items) if items.len() < FEW_MAX => {
                let i = items.partition_point(|item| *item < (at, short));
                items.insert(i, (at, short));
            }
            Due::Few(items) => {
                let mut index = ExpiryIndex::new();
                items.drain(..).for_each(|(at, short)| index.insert(at, short));
                index.insert(at, short);
                *self = Due::Many(index);
            }
            Due::Many(index) => index.insert(at, short),
        }
    }

    /// Removes one item; tells whether it was there.
    pub fn remove(&mut self, at: i64, short: u32) -> bool {
        match self {
            Due::Few(items) => items.binary_search(&(at, short)).map(|i| items.remove(i)).is_ok(),
            Due::Many(index) => index.remove(at, short),
        }
    }

    /// About how many bytes are allocated.
    pub fn allocated(&self) -> usize {
        match self {
            Due::Few(items) => items.capacity() * size_of::<(i64, u32)>(),
            Due::Many(index) => index.allocated(),
        }
    }

    #[cfg(test)]
    pub fn items(&self) -> Vec<(i64, u32)> {
        match self {
            Due::Few(items) => items.clone(),
            Due::Many(index) => index.iter().collect(),
        }
    }
}

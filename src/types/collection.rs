//! What every collection can do whatever it holds: for the keyspace, which stores, counts, copies and frees it
//! without knowing more.

/// A list, set, sorted set, hash or stream, in whichever of its encodings. The executor never waits long for any of these
/// but `duplicate` and `visit`.
pub trait Collection: Sized + Send {
    /// The type, as TYPE names it.
    const TYPE: &'static str;
    /// Whether the order of elements is part of the value.
    const ORDERED: bool = false;
    /// Whether it stays when it has no elements.
    const MAY_BE_EMPTY: bool = false;

    /// Elements.
    fn len(&self) -> usize;

    /// Whether there are none: then the key is to go.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The encoding, as OBJECT ENCODING names it.
    fn encoding(&self) -> &'static str;

    /// Bytes allocated, by the allocator's size classes.
    fn allocated(&self) -> usize;

    /// About how many allocations it consists of: the work of freeing it (Redis: `lazyfreeGetFreeEffort`).
    fn effort(&self) -> usize;

    /// A copy.
    fn duplicate(&self) -> Self;

    /// Gives every element as its parts: of a set or list the element; of a hash field, value and expiry (ms of Unix
    /// time, or nothing); of a sorted set member and score; of a stream the entry's id,
    /// fields and values.
    fn visit(&self, give: &mut dyn FnMut(&[&[u8]]));

    /// Gives what there is to it beside its elements, as text for tests: a stream's counters and groups.
    fn visit_state(&self, _give: &mut dyn FnMut(&str)) {}

    /// Slots and entries of its hash table, when it has one.
    fn table_shape(&self) -> Option<(usize, usize)> {
        None
    }

    /// When the first of its elements expires, ms of Unix time.
    fn next_due(&self) -> Option<i64> {
        None
    }
}

//! Collections inside entries. An entry holds a collection as its kind and one pointer; here both are put together
//! again: [`Ref`] to read it, [`Mut`] to change it in place. A `Mut` writes kind and pointer back when it goes, since
//! a change may have moved the collection or given it another encoding, and tells the database when the collection's
//! first element expires now.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::db::Db;
use super::entry::{Kind, NewValue};
use crate::types::collection::Collection;
use crate::types::hash::Hash;
use crate::types::intset::Intset;
use crate::types::list::List;
use crate::types::listpack::Listpack;
use crate::types::set::Set;
use crate::types::stream::Stream;
use crate::types::table::Pos;
use crate::types::zset::Zset;

/// An owner that is one pointer wide.
trait Thin {
    fn into_thin(self) -> NonNull<u8>;
    /// # Safety
    /// `raw` came from `into_thin` of the same type and is not used again.
    unsafe fn from_thin(raw: NonNull<u8>) -> Self;
}

impl<T> Thin for Box<T> {
    fn into_thin(self) -> NonNull<u8> {
        NonNull::from(Box::leak(self)).cast()
    }
    unsafe fn from_thin(raw: NonNull<u8>) -> Self {
        // SAFETY: leaked by `into_thin` (the caller's promise).
        unsafe { Box::from_raw(raw.cast().as_ptr()) }
    }
}

impl Thin for Listpack {
    fn into_thin(self) -> NonNull<u8> {
        self.into_raw()
    }
    unsafe fn from_thin(raw: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Listpack::from_raw(raw) }
    }
}

impl Thin for Intset {
    fn into_thin(self) -> NonNull<u8> {
        self.into_raw()
    }
    unsafe fn from_thin(raw: NonNull<u8>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Intset::from_raw(raw) }
    }
}

/// A collection that entries can hold.
///
/// # Safety
/// `from_parts` gives back what `into_parts` took apart, and `None` for a kind that is not one of its own.
pub unsafe trait Stored: Collection {
    /// An empty one, in its smallest encoding.
    fn empty() -> Self;
    /// As one of all collections.
    fn into_any(self) -> Any;
    /// Its kind and the pointer to it.
    fn into_parts(self) -> (Kind, NonNull<u8>);
    /// Takes ownership back, unless the kind is another type's.
    /// # Safety
    /// Both came from `into_parts`, and the pointer is not used again.
    unsafe fn from_parts(kind: Kind, raw: NonNull<u8>) -> Option<Self>;
}

/// Any collection, owned.
pub enum Any {
    List(List),
    Set(Set),
    Hash(Hash),
    Zset(Zset),
    Stream(Stream),
}

/// Any collection, to be read.
pub enum AnyRef<'a> {
    List(Ref<'a, List>),
    Set(Ref<'a, Set>),
    Hash(Ref<'a, Hash>),
    Zset(Ref<'a, Zset>),
    Stream(Ref<'a, Stream>),
}

macro_rules! stored {
    ($($t:ident: $empty:expr; $($variant:ident = $kind:ident),+;)+) => {
        $(
            // SAFETY: each kind stands for one variant, both ways.
            unsafe impl Stored for $t {
                fn empty() -> Self {
                    $empty
                }
                fn into_any(self) -> Any {
                    Any::$t(self)
                }
                fn into_parts(self) -> (Kind, NonNull<u8>) {
                    match self {
                        $($t::$variant(v) => (Kind::$kind, v.into_thin())),+
                    }
                }
                unsafe fn from_parts(kind: Kind, raw: NonNull<u8>) -> Option<Self> {
                    match kind {
                        // SAFETY: the kind tells the variant, whose pointer it is (the caller's promise).
                        $(Kind::$kind => Some($t::$variant(unsafe { Thin::from_thin(raw) })),)+
                        _ => None,
                    }
                }
            }

            impl From<$t> for NewValue<'_> {
                fn from(value: $t) -> Self {
                    NewValue::Collection(value.into_any())
                }
            }
        )+

        impl Any {
            /// Its kind and the pointer to it.
            pub(super) fn into_parts(self) -> (Kind, NonNull<u8>) {
                match self {
                    $(Any::$t(v) => v.into_parts()),+
                }
            }

            /// Takes ownership back; `None` when the kind is no collection's.
            /// # Safety
            /// Both came from `into_parts`, and the pointer is not used again.
            pub(super) unsafe fn from_parts(kind: Kind, raw: NonNull<u8>) -> Option<Self> {
                match kind {
                    // SAFETY: the caller's promise.
                    $($(Kind::$kind)|+ => unsafe { $t::from_parts(kind, raw) }.map(Any::$t),)+
                    _ => None,
                }
            }
        }

        impl<'a> AnyRef<'a> {
            /// # Safety
            /// As for [`Ref::new`].
            pub(super) unsafe fn new(kind: Kind, raw: NonNull<u8>) -> Option<Self> {
                match kind {
                    // SAFETY: the caller's promise.
                    $($(Kind::$kind)|+ => unsafe { Ref::new(kind, raw) }.map(AnyRef::$t),)+
                    _ => None,
                }
            }

            /// The type, as TYPE names it.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(AnyRef::$t(_) => $t::TYPE),+
                }
            }

            /// Whether the order of elements is part of the value.
            pub fn ordered(&self) -> bool {
                match self {
                    $(AnyRef::$t(_) => $t::ORDERED),+
                }
            }

            /// Whether it stays when it has no elements.
            pub fn may_be_empty(&self) -> bool {
                match self {
                    $(AnyRef::$t(_) => $t::MAY_BE_EMPTY),+
                }
            }

            /// Elements.
            pub fn len(&self) -> usize {
                match self {
                    $(AnyRef::$t(c) => c.len()),+
                }
            }

            /// The encoding, as OBJECT ENCODING names it.
            pub fn encoding(&self) -> &'static str {
                match self {
                    $(AnyRef::$t(c) => c.encoding()),+
                }
            }

            /// See [`Collection::allocated`].
            pub fn allocated(&self) -> usize {
                match self {
                    $(AnyRef::$t(c) => c.allocated()),+
                }
            }

            /// See [`Collection::effort`].
            pub fn effort(&self) -> usize {
                match self {
                    $(AnyRef::$t(c) => c.effort()),+
                }
            }

            /// See [`Collection::visit`].
            pub fn visit(&self, give: &mut dyn FnMut(&[&[u8]])) {
                match self {
                    $(AnyRef::$t(c) => c.visit(give)),+
                }
            }

            /// See [`Collection::visit_state`].
            pub fn visit_state(&self, give: &mut dyn FnMut(&str)) {
                match self {
                    $(AnyRef::$t(c) => c.visit_state(give)),+
                }
            }

            /// See [`Collection::table_shape`].
            pub fn table_shape(&self) -> Option<(usize, usize)> {
                match self {
                    $(AnyRef::$t(c) => c.table_shape()),+
                }
            }

            /// A copy.
            pub fn duplicate(&self) -> Any {
                match self {
                    $(AnyRef::$t(c) => Any::$t(c.duplicate())),+
                }
            }
        }
    };
}

stored! {
    List: List::Packed(Listpack::new()); Packed = ListPacked, Nodes = ListNodes;
    Set: Set::Ints(Intset::new()); Ints = SetInts, Packed = SetPacked, Table = SetTable;
    Hash: Hash::Packed(Listpack::new()); Packed = HashPacked, Table = HashTable;
    Zset: Zset::Packed(Listpack::new()); Packed = ZsetPacked, Tree = ZsetTree;
    Stream: Stream::new(); Log = Stream;
}

impl AnyRef<'_> {
    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A collection to be read.
pub struct Ref<'a, T>(ManuallyDrop<T>, PhantomData<&'a T>);

impl<T: Stored> Ref<'_, T> {
    /// # Safety
    /// Both came from `into_parts`; nobody changes or drops the collection while the `Ref` lives.
    pub(super) unsafe fn new(kind: Kind, raw: NonNull<u8>) -> Option<Self> {
        // SAFETY: the caller's promise; never dropped, so ownership stays with the entry.
        let value = unsafe { T::from_parts(kind, raw) }?;
        Some(Ref(ManuallyDrop::new(value), PhantomData))
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A collection to be changed in place. See the head of this file.
pub struct Mut<'a, T: Stored> {
    db: &'a mut Db,
    pos: Pos,
    hash: u64,
    value: ManuallyDrop<T>,
    /// When the first element expired as the change began.
    due: Option<i64>,
}

impl<'a, T: Stored> Mut<'a, T> {
    /// The collection at `pos`, whose key has this hash; `None` when another type lies there.
    pub(super) fn new(db: &'a mut Db, pos: Pos, hash: u64) -> Option<Mut<'a, T>> {
        let (kind, raw) = db.at(pos).parts()?;
        // SAFETY: the entry's own parts; the database is borrowed, and the `Mut` gives ownership back when it goes.
        let value = ManuallyDrop::new(unsafe { T::from_parts(kind, raw) }?);
        let due = value.next_due();
        Some(Mut { db, pos, hash, value, due })
    }

    /// Where its entry lies.
    pub fn pos(&self) -> Pos {
        self.pos
    }
}

impl<T: Stored> Deref for Mut<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Stored> DerefMut for Mut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Stored> Drop for Mut<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let due = self.value.next_due();
        // SAFETY: taken once, here.
        let (kind, raw) = unsafe { ManuallyDrop::take(&mut self.value) }.into_parts();
        self.db.put_parts(self.pos, kind, raw);
        if due != self.due {
            self.db.field_due_changed(self.hash, self.due, due);
        }
    }
}

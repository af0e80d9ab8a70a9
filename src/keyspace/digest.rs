//! A fingerprint of a data set, by which tests tell that two servers hold the same: it does not depend on the order
//! in which keys are met, nor on how values are encoded. Every key's hash is added to the sum by exclusive or.

use sha2::{Digest as _, Sha256};

use super::db::Db;
use super::entry::EntryRef;
use crate::base::num::NumBuf;

/// Twenty bytes, shown as forty hexadecimal digits like the reference's. All zeros for no data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl Digest {
    fn of(parts: &[&[u8]]) -> Digest {
        let mut hash = Sha256::new();
        for part in parts {
            // With the lengths, no two lists of parts give the same bytes.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut digest = Digest::default();
        digest.0.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        digest
    }

    fn add(&mut self, other: Digest) {
        self.0.iter_mut().zip(other.0).for_each(|(to, from)| *to ^= from);
    }

    /// Of one value, without its key: the same for two keys that hold the same. That it expires counts, not when.
    pub fn of_value(e: EntryRef<'_>) -> Digest {
        let volatile = [e.expiry().is_some() as u8];
        let mut digits = NumBuf::new();
        match e.string() {
            Some(s) => Digest::of(&[e.type_name().as_bytes(), &volatile, s.bytes(&mut digits)]),
            None => Digest::of(&[e.type_name().as_bytes(), &volatile, &Digest::of_elements(e).0]),
        }
    }

    /// Of a collection's elements: where their order counts, each with its place.
    fn of_elements(e: EntryRef<'_>) -> Digest {
        let mut sum = Digest::default();
        let Some(collection) = e.any() else { return sum };
        let (ordered, mut place) = (collection.ordered(), 0u64);
        collection.visit(&mut |parts| {
            let place_bytes = place.to_le_bytes();
            sum.add(match parts {
                // Of a field's expiry only that there is one counts, as for keys.
                [field, value, expiry] => Digest::of(&[field, value, &[!expiry.is_empty() as u8]]),
                _ => Digest::of(&[&place_bytes[..], &Digest::of(parts).0]),
            });
            place += ordered as u64;
        });
        sum
    }

    /// Of all databases. Keys whose time has come and that nobody has met yet are in it.
    pub fn of_data(dbs: &[Db]) -> Digest {
        let mut sum = Digest::default();
        for db in dbs {
            for e in db.table().iter() {
                sum.add(Digest::of(&[&db.id.to_le_bytes(), e.key(), &Digest::of_value(e).0]));
            }
        }
        sum
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use crate::keyspace::{Key, NewValue};

    fn db(id: u32, pairs: &[(&str, &str)]) -> Db {
        let mut db = Db::new(id, Rng::new(1));
        for (k, v) in pairs {
            db.set(Key::new(k.as_bytes()), NewValue::Bytes(v.as_bytes()), None);
        }
        db
    }

    #[test]
    fn neither_order_nor_encoding_matter_but_all_else_does() {
        let one = Digest::of_data(&[db(0, &[("a", "1"), ("b", "2")])]);
        assert_eq!(one, Digest::of_data(&[db(0, &[("b", "2"), ("a", "1")])]));
        let mut ints = db(0, &[("b", "2")]);
        ints.set(Key::new(b"a"), NewValue::Int(1), None);
        assert_eq!(one, Digest::of_data(&[ints]));
        for other in [
            db(0, &[("a", "2"), ("b", "1")]),
            db(1, &[("a", "1"), ("b", "2")]),
            db(0, &[("a", "1")]),
            db(0, &[("a1", ""), ("b", "2")]),
        ] {
            assert_ne!(one, Digest::of_data(&[other]));
        }
        assert_eq!(Digest::of_data(&[db(0, &[])]).to_string(), "0".repeat(40));
    }

    #[test]
    fn that_a_key_expires_counts_but_not_when() {
        let digest = |at| {
            let mut db = db(0, &[]);
            db.set(Key::new(b"k"), NewValue::Bytes(b"v"), at);
            Digest::of_data(&[db])
        };
        assert_eq!(digest(Some(5000)), digest(Some(6000)));
        assert_ne!(digest(Some(5000)), digest(None));
    }
}

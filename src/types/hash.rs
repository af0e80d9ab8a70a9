//! A placeholder until the type's branch is merged.
use super::collection::Collection;
use super::listpack::Listpack;

pub struct HashTable;

pub enum Hash {
    Packed(Listpack),
    Table(Box<HashTable>),
}

impl Collection for Hash {
    const TYPE: &'static str = "hash";
    const ORDERED: bool = false;
    fn len(&self) -> usize {
        match self {
            Hash::Packed(c) => c.len(),
            Hash::Table(c) => {
                let _ = c;
                0
            }
        }
    }
    fn encoding(&self) -> &'static str {
        ""
    }
    fn allocated(&self) -> usize {
        0
    }
    fn effort(&self) -> usize {
        1
    }
    fn duplicate(&self) -> Self {
        Hash::Packed(Listpack::new())
    }
    fn visit(&self, _: &mut dyn FnMut(&[&[u8]])) {}
}

impl Hash {
    pub fn take_due(&mut self, _now_ms: i64, _most: usize) -> Vec<Box<[u8]>> {
        Vec::new()
    }
}

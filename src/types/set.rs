//! A placeholder until the type's branch is merged.
use super::collection::Collection;
use super::intset::Intset;
use super::listpack::Listpack;

pub struct SetTable;

pub enum Set {
    Ints(Intset),
    Packed(Listpack),
    Table(Box<SetTable>),
}

impl Collection for Set {
    const TYPE: &'static str = "set";
    const ORDERED: bool = false;
    fn len(&self) -> usize {
        match self {
            Set::Ints(c) => c.len(),
            Set::Packed(c) => c.len(),
            Set::Table(c) => {
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
        Set::Packed(Listpack::new())
    }
    fn visit(&self, _: &mut dyn FnMut(&[&[u8]])) {}
}

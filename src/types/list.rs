//! A placeholder until the type's branch is merged.
use super::collection::Collection;
use super::listpack::Listpack;

pub struct Nodes;

pub enum List {
    Packed(Listpack),
    Nodes(Box<Nodes>),
}

impl Collection for List {
    const TYPE: &'static str = "list";
    const ORDERED: bool = true;
    fn len(&self) -> usize {
        match self {
            List::Packed(c) => c.len(),
            List::Nodes(c) => {
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
        List::Packed(Listpack::new())
    }
    fn visit(&self, _: &mut dyn FnMut(&[&[u8]])) {}
}

//! A placeholder until the type's branch is merged.
use super::collection::Collection;
use super::listpack::Listpack;

pub struct Tree;

pub enum Zset {
    Packed(Listpack),
    Tree(Box<Tree>),
}

impl Collection for Zset {
    const TYPE: &'static str = "zset";
    const ORDERED: bool = false;
    fn len(&self) -> usize {
        match self {
            Zset::Packed(c) => c.len(),
            Zset::Tree(c) => {
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
        Zset::Packed(Listpack::new())
    }
    fn visit(&self, _: &mut dyn FnMut(&[&[u8]])) {}
}

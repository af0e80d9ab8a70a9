//! The table of commands: specs with their subcommands laid out flat, found by name, with a counter each.

use std::collections::HashMap;

use super::args::Args;
use super::spec::Spec;
use super::stats::CommandStats;

/// A command in the table.
pub struct Command {
    pub spec: &'static Spec,
    /// Its index.
    pub id: u16,
    /// Its container, of a subcommand.
    pub parent: Option<u16>,
    /// `get`, or `client|list`.
    pub full_name: String,
    /// `rename-command` has taken its name and given it none.
    pub removed: bool,
    /// Index of its first subcommand; they lie together.
    pub subs: std::ops::Range<u16>,
}

/// All commands. See the head of this file.
pub struct CommandTable {
    commands: Vec<Command>,
    /// One per command.
    pub stats: Vec<CommandStats>,
    /// Names of up to 16 bytes, packed; open addressing by a multiplicative hash.
    short: Vec<(u128, u16)>,
    /// All names, in lower case.
    names: HashMap<Vec<u8>, u16>,
}

const SHORT_SLOTS: usize = 2048;
const NONE: u16 = u16::MAX;

/// A name of up to 16 bytes in lower case, as a number; 0 for longer ones.
#[inline]
fn pack(name: &[u8]) -> u128 {
    let mut bytes = [0u8; 16];
    match bytes.get_mut(..name.len()) {
        Some(to) => to.copy_from_slice(name),
        None => return 0,
    }
    // Sets the bit of lower case where there is a capital letter; all names are ASCII letters, digits, '-', '_', '|'.
    for b in &mut bytes {
        *b |= (b.is_ascii_uppercase() as u8) << 5;
    }
    u128::from_le_bytes(bytes)
}

#[inline]
fn slot(packed: u128) -> usize {
    let folded = (packed as u64 ^ (packed >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (folded >> 53) as usize
}

impl CommandTable {
    /// Lays out families; `renames` are (old, new) names, an empty new one removing the command.
    pub fn new(families: &[&'static [Spec]]) -> CommandTable {
        CommandTable::of(families, |_| true)
    }

    /// As [`CommandTable::new`], with the commands and subcommands (`client|list`) alone that are to be kept.
    pub fn of(families: &[&'static [Spec]], keep: impl Fn(&str) -> bool) -> CommandTable {
        let mut t = CommandTable {
            commands: Vec::new(),
            stats: Vec::new(),
            short: Vec::new(),
            names: HashMap::new(),
        };
        let specs = families.iter().flat_map(|f| f.iter()).filter(|spec| keep(spec.name));
        for spec in specs {
            let id = t.add(spec, None, spec.name.to_string());
            t.names.insert(spec.name.as_bytes().to_vec(), id);
            let first = t.commands.len() as u16;
            for sub in spec.subcommands {
                let name = format!("{}|{}", spec.name, sub.name);
                if keep(&name) {
                    t.add(sub, Some(id), name);
                }
            }
            let end = t.commands.len() as u16;
            t.commands[id as usize].subs = first..end;
        }
        t.stats.resize_with(t.commands.len(), CommandStats::default);
        t.index();
        t
    }

    fn add(&mut self, spec: &'static Spec, parent: Option<u16>, full_name: String) -> u16 {
        let id = self.commands.len() as u16;
        self.commands.push(Command { spec, id, parent, full_name, removed: false, subs: 0..0 });
        id
    }

    fn index(&mut self) {
        self.short = vec![(0, NONE); SHORT_SLOTS];
        for (name, &id) in &self.names {
            let packed = pack(name);
            let mut i = slot(packed);
            while packed != 0 && self.short[i].1 != NONE {
                i = (i + 1) % SHORT_SLOTS;
            }
            if packed != 0 {
                self.short[i] = (packed, id);
            }
        }
    }

    /// Renames a command (rename-command); an empty new name removes it. Tells whether the old one existed.
    pub fn rename(&mut self, old: &[u8], new: &[u8]) -> bool {
        let Some(id) = self.names.remove(&old.to_ascii_lowercase()) else { return false };
        self.commands[id as usize].removed = new.is_empty();
        if !new.is_empty() {
            self.names.insert(new.to_ascii_lowercase(), id);
        }
        self.index();
        true
    }

    /// Finds a command by its name in any case of letters.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&Command> {
        let packed = pack(name);
        if packed == 0 {
            return self.names.get(&name.to_ascii_lowercase()).map(|&id| &self.commands[id as usize]);
        }
        let mut i = slot(packed);
        loop {
            let (p, id) = self.short[i];
            if id == NONE {
                return None;
            }
            if p == packed {
                return Some(&self.commands[id as usize]);
            }
            i = (i + 1) % SHORT_SLOTS;
        }
    }

    /// Finds a container's subcommand by its name in any case of letters.
    pub fn find_sub(&self, parent: &Command, name: &[u8]) -> Option<&Command> {
        self.subs(parent).find(|c| c.spec.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name of what a request asks for, with its container's; empty for what is no command.
    pub fn name_of(&self, args: &Args<'_>) -> &str {
        let Some(command) = self.find(args.get(0)) else { return "" };
        let sub = (args.len() > 1).then(|| self.find_sub(command, args.get(1))).flatten();
        &sub.unwrap_or(command).full_name
    }

    /// A container's subcommands.
    pub fn subs(&self, parent: &Command) -> impl ExactSizeIterator<Item = &Command> + use<'_> {
        self.commands[parent.subs.start as usize..parent.subs.end as usize].iter()
    }

    /// The command with this index.
    #[inline]
    pub fn get(&self, id: u16) -> &Command {
        &self.commands[id as usize]
    }

    /// All commands and subcommands.
    pub fn all(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter()
    }

    /// Commands that can be called, without subcommands, in the order of the families.
    pub fn top(&self) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(|c| c.parent.is_none() && !c.removed)
    }

    /// Commands and subcommands that can be called.
    pub fn reachable(&self) -> impl Iterator<Item = &Command> {
        let gone = |id: u16| self.commands[id as usize].removed;
        self.commands.iter().filter(move |c| !c.removed && !c.parent.is_some_and(gone))
    }

    /// Commands that can be called, without subcommands, with the names they go by.
    pub fn named(&self) -> impl Iterator<Item = (&[u8], &Command)> {
        self.names.iter().map(|(n, &id)| (n.as_slice(), &self.commands[id as usize]))
    }

    /// How many commands there are, without subcommands.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

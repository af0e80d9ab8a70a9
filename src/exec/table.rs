//! The table of all commands: joins the families.

use crate::commands;
use crate::engine::spec::Spec;
use crate::engine::table::CommandTable;

/// Every family of commands.
#[rustfmt::skip]
pub const FAMILIES: &[&[Spec]] = &[
    commands::aof::COMMANDS,
    commands::bitmap::COMMANDS,
    commands::client::COMMANDS,
    commands::conn::COMMANDS,
    commands::function::COMMANDS,
    commands::generic::COMMANDS,
    commands::geo::COMMANDS,
    commands::hash::COMMANDS,
    commands::hyperloglog::COMMANDS,
    commands::list::COMMANDS,
    commands::observe::COMMANDS,
    commands::pubsub::COMMANDS,
    commands::script::COMMANDS,
    commands::replication::COMMANDS,
    commands::server::COMMANDS,
    commands::set::COMMANDS,
    commands::sort::COMMANDS,
    commands::stream::COMMANDS,
    commands::string::COMMANDS,
    commands::transaction::COMMANDS,
    commands::zset::COMMANDS,
];

/// Families of commands that only a Sentinel has.
pub const SENTINEL_FAMILIES: &[&[Spec]] = &[commands::sentinel::COMMANDS];

/// The table of a Sentinel: its own commands, and a few of all others.
pub fn sentinel_commands() -> CommandTable {
    let all: Vec<&[Spec]> = SENTINEL_FAMILIES.iter().chain(FAMILIES).copied().collect();
    CommandTable::of(&all, commands::sentinel::has)
}

/// The table as a server starts with it.
pub fn commands() -> CommandTable {
    CommandTable::new(FAMILIES)
}

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
    commands::generic::COMMANDS,
    commands::geo::COMMANDS,
    commands::hash::COMMANDS,
    commands::hyperloglog::COMMANDS,
    commands::list::COMMANDS,
    commands::observe::COMMANDS,
    commands::pubsub::COMMANDS,
    commands::replication::COMMANDS,
    commands::server::COMMANDS,
    commands::set::COMMANDS,
    commands::sort::COMMANDS,
    commands::stream::COMMANDS,
    commands::string::COMMANDS,
    commands::transaction::COMMANDS,
    commands::zset::COMMANDS,
];

/// The table as a server starts with it.
pub fn commands() -> CommandTable {
    CommandTable::new(FAMILIES)
}

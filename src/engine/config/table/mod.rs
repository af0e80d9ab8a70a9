//! The table of directives, in the groups and the order of redis.conf.example, which is written from it.

mod cluster;
mod memory;
mod persist;
mod replication;
mod server;

use super::directive::Directive;

/// Bounds of the reference's C types.
const INT_MIN: i128 = i32::MIN as i128;
const INT_MAX: i128 = i32::MAX as i128;
const UINT_MAX: i128 = u32::MAX as i128;
const LONG_MAX: i128 = i64::MAX as i128;
const ULONG_MAX: i128 = u64::MAX as i128;

/// Directives that belong together.
pub struct Group {
    pub title: &'static str,
    pub about: &'static str,
    pub directives: &'static [Directive],
}

/// Every directive, by group.
pub const GROUPS: &[&Group] = &[
    &server::NETWORK,
    &server::LIMITS,
    &server::GENERAL,
    &server::LOGGING,
    &persist::SNAPSHOT,
    &persist::AOF,
    &replication::REPLICATION,
    &replication::SECURITY,
    &memory::MEMORY,
    &memory::MONITORING,
    &memory::ENCODINGS,
    &memory::SCRIPTING,
    &cluster::CLUSTER,
    &cluster::TLS,
    &cluster::RDMA,
    &server::FILES,
];

/// Names of older versions that files may hold with one value, which is ignored, as the reference does.
pub const IGNORED: &[&str] =
    &["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands", "events-per-io-thread"];

/// Every directive, in the table's order.
pub fn directives() -> impl Iterator<Item = &'static Directive> + Clone {
    GROUPS.iter().flat_map(|group| group.directives)
}

/// Every name that stands for a directive: names and aliases.
pub fn names() -> impl Iterator<Item = (&'static str, &'static Directive)> + Clone {
    directives().flat_map(|directive| {
        std::iter::once((directive.name, directive)).chain(directive.alias.map(|alias| (alias, directive)))
    })
}

/// The directive of a name or alias, case aside, and the name as the table writes it.
pub fn find(name: &[u8]) -> Option<(&'static str, &'static Directive)> {
    names().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
}

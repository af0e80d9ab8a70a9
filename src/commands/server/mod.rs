//! Commands on the server itself: configuration, statistics, the command table, debugging, its end.

pub mod bgsave;
pub mod command;
pub mod config;
pub mod debug;
mod debug_values;
pub mod info;
pub mod lolwut;
pub mod misc;
mod save;

use crate::engine::error::Error;
use crate::engine::spec::Spec;
use crate::resp::Reply;

/// All of them.
#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    bgsave::BGSAVE,
    command::COMMAND,
    config::CONFIG,
    debug::DEBUG,
    info::INFO,
    lolwut::LOLWUT,
    misc::LASTSAVE,
    save::SAVE,
    misc::SHUTDOWN,
    misc::TIME,
];

/// The reply of a container's HELP: a first line that the reference's clients know, the subcommands, and HELP itself.
/// Lines that begin with a blank explain the one above.
pub fn help(out: &mut Reply<'_>, container: &str, lines: &[&str]) {
    out.array(lines.len() + 3);
    out.status(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    lines.iter().for_each(|l| out.status(l));
    out.status("HELP");
    out.status("    Print this help.");
}

/// What a command that looks at its subcommands itself says of one it does not know.
pub fn subcommand_syntax(container: &str, sub: &[u8]) -> Error {
    let shown = &sub[..sub.len().min(128)];
    let tail = format!("'. Try {container} HELP.");
    Error::owned(
        [b"ERR unknown subcommand or wrong number of arguments for '", shown, tail.as_bytes()].concat(),
    )
}

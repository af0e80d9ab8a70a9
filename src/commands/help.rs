//! HELP of every container, made from the table: its subcommands with their syntax and summary, in the form of the
//! reference's (lines of status replies).

use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::resp::Reply;

/// The HELP subcommand of a container of `group`; flags and categories beyond these are added by its family.
pub const fn spec(group: Group, since: &'static str) -> Spec {
    Spec::server("help", help)
        .arity(exactly(1))
        .flags(LOADING | STALE)
        .group(group)
        .since(since)
        .summary("Shows the subcommands.")
}

fn help(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let commands = &cx.server.commands;
    let Some(container) = commands.find(args.get(0)) else { return Ok(()) };
    let head = format!(
        "{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        String::from_utf8_lossy(args.get(0)).to_ascii_uppercase()
    );
    let mut lines = vec![head];
    for sub in commands.subs(container).filter(|c| c.spec.name != "help") {
        let line = format!("{} {}", sub.spec.name.to_ascii_uppercase(), sub.spec.syntax);
        lines.push(line.trim_end().to_string());
        lines.push(format!("    {}", sub.spec.summary));
    }
    lines.push("HELP".into());
    lines.push("    Print this help.".into());
    out.array(lines.len());
    lines.iter().for_each(|l| out.status(l));
    Ok(())
}

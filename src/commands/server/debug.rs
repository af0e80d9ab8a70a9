//! DEBUG: what tests need and operators do not. Refused unless `enable-debug-command` allows it.

use std::time::Duration;

use super::{help, subcommand_syntax};
use crate::base::num;
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;

pub const DEBUG: Spec = Spec::server("debug", debug)
    .arity(at_least(1))
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED)
    .group(Group::Server)
    .since("1.0.0")
    .complexity("Depends on the subcommand.")
    .summary("Aids for tests of the server.");

fn debug(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let sub = args.bytes_arg()?;
    let found = SUBCOMMANDS.iter().find(|s| s.name.as_bytes().eq_ignore_ascii_case(sub));
    match found {
        Some(s) if s.args.contains(&args.left()) => (s.run)(cx, args, out),
        _ => Err(subcommand_syntax("DEBUG", sub)),
    }
}

/// A subcommand: DEBUG is no container, as in the reference.
struct Sub {
    name: &'static str,
    /// How many arguments it takes behind its name.
    args: std::ops::RangeInclusive<usize>,
    run: fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
}

const fn sub(
    name: &'static str,
    least: usize,
    most: usize,
    run: fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Sub {
    Sub { name, args: least..=most, run }
}

const SUBCOMMANDS: &[Sub] = &[
    sub("help", 0, 0, show_help),
    sub("sleep", 1, 1, sleep),
    sub("set-active-expire", 1, 1, |cx, args, out| {
        cx.server.active_expire = switch(args)?;
        out.ok();
        Ok(())
    }),
    sub("jmap", 0, 0, |_, _, _| Err(Error::text("ERR JMAP is not available: this is no JVM"))),
];

fn show_help(_: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help(
        out,
        "DEBUG",
        &[
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Whether keys are removed when their time comes, or only when they are met.",
            "SLEEP <seconds>",
            "    Let the server stand still. Fractions are allowed.",
        ],
    );
    Ok(())
}

/// The next argument as 0 or another number, as C's atoi reads it.
fn switch(args: &mut Args<'_>) -> Result<bool> {
    Ok(num::parse_i64(args.bytes_arg()?).unwrap_or(0) != 0)
}

fn sleep(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let seconds = num::parse_f64(args.bytes_arg()?).unwrap_or(0.0);
    cx.server.outside.sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    out.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::engine::config::values::Protected;
    use crate::testkit::{check, check_with};

    const REFUSED: &str = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
                           you can run it from a local connection, otherwise you need to set this option in the \
                           configuration file, and then restart the server.";

    fn allowed(c: &mut Config) {
        c.enable_debug_command = Protected::Local;
    }

    #[test]
    fn refused_unless_allowed() {
        check(&format!("> DEBUG SLEEP 0 | {REFUSED}"));
        check_with(
            "> DEBUG SLEEP 0   | +OK
             > DEBUG           | -ERR wrong number of arguments for 'debug' command
             > DEBUG SLEEP     | -ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.
             > DEBUG NOSUCH 1  | -ERR unknown subcommand or wrong number of arguments for 'NOSUCH'. Try DEBUG HELP.",
            allowed,
        );
    }

    #[test]
    fn active_expiry_can_be_switched_off() {
        check_with(
            "> DEBUG SET-ACTIVE-EXPIRE 0 | +OK
             > DEBUG SET-ACTIVE-EXPIRE 1 | +OK",
            allowed,
        );
    }
}

//! Settings of a Sentinel: SENTINEL SET, CONFIG and DEBUG.

use super::{fault, machine, primary, refuse_control, save, spec};
use crate::base::glob;
use crate::engine::args::Args;
use crate::engine::config::values::Named;
use crate::engine::config::{Permit, values::LogLevel};
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::sentinel::Sentinel;
use crate::sentinel::admin::TIMINGS;

pub const SET: Spec = spec("set", set)
    .arity(at_least(4))
    .syntax("primary-name option value [option value ...]")
    .summary("Changes how a primary is watched.");

fn set(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    for i in (3..args.len().saturating_sub(1)).filter(|i| args.is(*i, "auth-pass")) {
        cx.redact(i + 1);
    }
    let sentinel = machine(cx)?;
    let id = primary(sentinel, args.get(2))?;
    refuse_control(args, 3, "SENTINEL SET")?;
    args.seek(3);
    let words: Vec<&[u8]> = args.rest().collect();
    let (mut at, mut changed) = (0, false);
    while let Some(option) = words.get(at) {
        let error = match sentinel.set(now_ms, id, option, &words[at + 1..]) {
            Some(Ok(taken)) => {
                (at, changed) = (at + 1 + taken, true);
                continue;
            }
            Some(Err(wrong)) => fault(wrong),
            None => unknown("Unknown option or number of arguments for SENTINEL SET", option),
        };
        // What stands before it holds.
        if changed {
            cx.server.save_sentinel();
        }
        return Err(error);
    }
    save(cx, out);
    Ok(())
}

fn unknown(what: &str, name: &[u8]) -> Error {
    Error::owned([b"ERR ", what.as_bytes(), b" '", name, b"'"].concat())
}

pub const CONFIG: Spec = spec("config", config)
    .arity(at_least(3))
    .syntax("<SET parameter value [parameter value ...]|GET parameter [parameter ...]>")
    .since("6.2.0")
    .complexity("O(N) for N settings")
    .history(&[("7.2.0", "Takes several settings.")])
    .summary("Returns or changes the settings that are not about one primary.");

fn config(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.is(2, "set") && args.len() >= 5 {
        return config_set(cx, args, out);
    }
    if args.is(2, "get") {
        return config_get(cx, args, out);
    }
    Err(Error::text(
        "ERR Only SENTINEL CONFIG GET <param> [<param> <param> ...] / SET <param> <value> [<param> <value> ...] are \
         supported.",
    ))
}

/// The settings of CONFIG SET.
const SETTINGS: &[&str] = &[
    "announce-ip",
    "sentinel-user",
    "sentinel-pass",
    "resolve-hostnames",
    "announce-port",
    "announce-hostnames",
    "loglevel",
];

fn config_set(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    for i in (3..args.len().saturating_sub(1)).filter(|i| args.is(*i, "sentinel-pass")) {
        cx.redact(i + 1);
    }
    refuse_control(args, 3, "SENTINEL CONFIG SET")?;
    args.seek(3);
    let words: Vec<&[u8]> = args.rest().collect();
    let pairs = checked_pairs(machine(cx)?, &words)?;
    let credentials = pairs.iter().any(|(name, _)| name.starts_with("sentinel-"));
    for (name, value) in &pairs {
        if *name == "loglevel" {
            set_log_level(cx, value);
        } else {
            machine(cx)?.set_setting(name, value, true);
        }
    }
    save(cx, out);
    if credentials {
        machine(cx)?.reconnect_sentinels();
    }
    Ok(())
}

/// All is looked at before anything is changed.
fn checked_pairs<'a>(sentinel: &mut Sentinel, words: &[&'a [u8]]) -> Result<Vec<(&'static str, &'a [u8])>> {
    let mut pairs: Vec<(&'static str, &[u8])> = Vec::new();
    for pair in words.chunks(2) {
        let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        let option = shown(pair[0]);
        let known = SETTINGS.iter().find(|known| known.eq_ignore_ascii_case(&option));
        let Some(name) = known else {
            return Err(fault(format!("Invalid argument '{option}' to SENTINEL CONFIG SET").into()));
        };
        if pairs.iter().any(|(earlier, _)| earlier == name) {
            return Err(fault(format!("Duplicate argument '{option}' to SENTINEL CONFIG SET").into()));
        }
        let Some(value) = pair.get(1) else {
            return Err(fault(format!("Missing argument '{option}' value").into()));
        };
        let fits = match *name {
            "loglevel" => LogLevel::from_name(value).is_some(),
            name => sentinel.set_setting(name, value, false),
        };
        if !fits {
            let text = format!("Invalid value '{}' to SENTINEL CONFIG SET '{option}'", shown(value));
            return Err(fault(text.into()));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn set_log_level(cx: &mut ServerCx<'_>, value: &[u8]) {
    // It was found to be one.
    if cx.server.config.set(&[(b"loglevel", value)], Permit::default()).is_ok() {
        cx.server.outside.apply_log(&cx.server.config);
    }
}

fn config_get(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(3);
    let level = cx.server.config.loglevel.name().as_bytes().to_vec();
    let settings = machine(cx)?.settings().into_iter().chain([("loglevel", level)]);
    let mut left: Vec<(&str, Vec<u8>)> = settings.collect();
    let mut found = Vec::new();
    for pattern in args.rest() {
        let matches = |(name, _): &(&str, Vec<u8>)| glob::matches(pattern, name.as_bytes(), true);
        found.extend(left.extract_if(.., |setting| matches(setting)));
    }
    out.map(found.len());
    for (name, value) in &found {
        out.bulk(name.as_bytes());
        out.bulk(value);
    }
    Ok(())
}

pub const DEBUG: Spec = spec("debug", debug)
    .arity(at_least(1))
    .syntax("[parameter value [parameter value ...]]")
    .since("7.0.0")
    .complexity("O(N) for N settings")
    .summary("Returns or changes periods and time-outs, in milliseconds.");

fn debug(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let sentinel = machine(cx)?;
    if args.len() == 2 {
        out.map(TIMINGS.len());
        for (name, field) in TIMINGS {
            out.bulk(name.to_ascii_uppercase().as_bytes());
            out.bulk_int(*field(&mut sentinel.timing));
        }
        return Ok(());
    }
    args.seek(2);
    while let Some(name) = args.next_opt() {
        let unknown = || unknown("Unknown option or number of arguments for SENTINEL DEBUG", name);
        let value = args.next_opt().ok_or_else(unknown)?;
        if !sentinel.set_timing(name, value).ok_or_else(unknown)? {
            let parts: [&[u8]; 5] = [b"ERR Invalid argument '", value, b"' for SENTINEL DEBUG '", name, b"'"];
            return Err(Error::owned(parts.concat()));
        }
    }
    out.ok();
    Ok(())
}

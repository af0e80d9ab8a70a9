//! Libraries of functions: FUNCTION and its subcommands, FCALL, FCALL_RO.

use super::help;
use super::script::{Job, KEYS_RO, KEYS_RW, evaluating, kill_running, push_array, start};
use crate::base::glob;
use crate::engine::args::Args;
use crate::engine::config::values::RdbVersionCheck;
use crate::engine::cx::{Caller, ServerCx};
use crate::engine::error::{Error, Result};
use crate::engine::functions::{Library, Restore};
use crate::engine::spec::*;
use crate::persist::rdb::libraries::{self, Refused};
use crate::resp::Reply;
use crate::script::shebang::FLAG_NAMES;

pub const COMMANDS: &[Spec] = &[FCALL, FCALL_RO, FUNCTION];

/// How long the code of a library may take to register its functions.
const LOAD_MS_MAX: u64 = 500;

pub const FCALL: Spec = evaluating("fcall", fcall, MAY_REPLICATE, KEYS_RW)
    .syntax("function numkeys [key [key ...]] [arg [arg ...]]")
    .since("7.0.0")
    .summary("Runs a function of a library.");

fn fcall(caller: &mut dyn Caller, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    run(caller, args, out, false)
}

pub const FCALL_RO: Spec = evaluating("fcall_ro", fcall_ro, READONLY, KEYS_RO)
    .syntax("function numkeys [key [key ...]] [arg [arg ...]]")
    .since("7.0.0")
    .summary("Runs a function that writes nothing.");

fn fcall_ro(caller: &mut dyn Caller, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    run(caller, args, out, true)
}

fn run(caller: &mut dyn Caller, args: &Args<'_>, out: &mut Reply<'_>, ro: bool) -> Result {
    caller.tell_monitors(out);
    let server = &mut *caller.cx().server;
    let Some(function) = server.functions.find(args.get(1)) else {
        return Err(Error::text("ERR Function not found"));
    };
    let (name, flags, place) = (function.name.clone(), function.flags, function.place);
    let keys = crate::base::num::parse_i64(args.get(2));
    let keys = super::script::key_count(args, keys, Error::text("ERR Bad number of keys provided"))?;
    let job = Job { eval: false, flags, ro };
    let mut vm = start(caller, &job, &name)?;
    let value = caller.cx().server.functions.value(&vm, place);
    vm.stack.push(value);
    push_array(&mut vm, args, 3, 3 + keys);
    push_array(&mut vm, args, 3 + keys, args.len());
    let result = super::script::execute(caller, &mut vm, 2, out);
    caller.cx().server.functions.put_vm(vm);
    result
}

pub const FUNCTION: Spec =
    Spec::container("function", &[DELETE, DUMP, FLUSH, HELP, KILL, LIST, LOAD, RESTORE, STATS])
        .group(Group::Scripting)
        .since("7.0.0")
        .complexity("By the subcommand.")
        .summary("Libraries of functions.");

const HELP: Spec = help::spec(Group::Scripting, "7.0.0").acl(acl::SCRIPTING);

const fn sub(name: &'static str, f: fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::server(name, f).acl(acl::SCRIPTING).group(Group::Scripting).since("7.0.0")
}

const ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

fn failed(text: &[u8]) -> Error {
    Error::owned([b"ERR ", text].concat())
}

/// The error of a subcommand with too many arguments.
fn too_many(name: &str) -> Error {
    Error::owned(
        format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try FUNCTION HELP.")
            .into_bytes(),
    )
}

const LOAD: Spec = sub("load", load)
    .arity(at_least(2))
    .flags(NOSCRIPT | WRITE | DENYOOM)
    .syntax("[REPLACE] function-code")
    .complexity("O(N) for the library's N bytes, and what its code takes to register its functions")
    .tips(ALL_SHARDS)
    .summary("Compiles a library and keeps it; returns its name.");

fn load(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let last = args.len() - 1;
    let mut replace = false;
    for i in 2..last {
        if !args.is(i, "replace") {
            return Err(failed(&[b"Unknown option given: ", args.get(i)].concat()));
        }
        replace = true;
    }
    let timeout_ms =
        (cx.session().kind != crate::engine::session::ClientType::Primary).then_some(LOAD_MS_MAX);
    let server = &mut *cx.server;
    let name = server
        .functions
        .load(args.get(last), replace, timeout_ms, &server.clock)
        .map_err(|text| failed(&text))?;
    server.fx.dirty += 1;
    out.bulk(&name);
    Ok(())
}

const DELETE: Spec = sub("delete", delete)
    .arity(exactly(2))
    .flags(NOSCRIPT | WRITE)
    .syntax("library-name")
    .tips(ALL_SHARDS)
    .summary("Forgets a library and its functions.");

fn delete(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if !cx.server.functions.delete(args.get(2)) {
        return Err(Error::text("ERR Library not found"));
    }
    cx.server.fx.dirty += 1;
    out.ok();
    Ok(())
}

const FLUSH: Spec = sub("flush", flush)
    .arity(at_least(1))
    .flags(NOSCRIPT | WRITE)
    .syntax("[ASYNC|SYNC]")
    .complexity("O(N) for N functions")
    .tips(ALL_SHARDS)
    .summary("Forgets all libraries.");

fn flush(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.len() > 3 {
        return Err(too_many("flush"));
    }
    if args.len() == 3 && !args.is(2, "sync") && !args.is(2, "async") {
        return Err(Error::text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    cx.server.functions.flush();
    cx.server.fx.dirty += 1;
    out.ok();
    Ok(())
}

const DUMP: Spec = sub("dump", dump)
    .arity(exactly(1))
    .flags(NOSCRIPT)
    .complexity("O(N) for the N bytes of all libraries")
    .summary("Returns all libraries as bytes that FUNCTION RESTORE takes.");

fn dump(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let codes = cx.server.functions.libraries().map(|l| &l.code[..]);
    out.bulk(&libraries::dump(codes, cx.server.config.rdbcompression));
    Ok(())
}

const RESTORE: Spec = sub("restore", restore)
    .arity(at_least(2))
    .flags(NOSCRIPT | WRITE | DENYOOM)
    .syntax("serialized-value [FLUSH|APPEND|REPLACE]")
    .complexity("O(N) for the N bytes of the libraries, and what their code takes to register functions")
    .tips(ALL_SHARDS)
    .summary("Takes the libraries that FUNCTION DUMP has given.");

fn restore(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let how = match args.len() {
        3 => Restore::Append,
        4 if args.is(3, "append") => Restore::Append,
        4 if args.is(3, "replace") => Restore::Replace,
        4 if args.is(3, "flush") => Restore::Flush,
        4 => {
            return Err(Error::text(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
        _ => return Err(too_many("restore")),
    };
    let server = &mut *cx.server;
    let relaxed = server.config.rdb_version_check == RdbVersionCheck::Relaxed;
    let codes = libraries::restore(args.get(2), relaxed).map_err(|refused| match refused {
        Refused::Foot => Error::text("ERR DUMP payload version or checksum are wrong"),
        Refused::Other => Error::text("ERR given type is not a function"),
        Refused::Broken => Error::text("ERR Failed loading library payload"),
    })?;
    server.functions.restore(&codes, how, &server.clock).map_err(|text| failed(&text))?;
    server.fx.dirty += 1;
    out.ok();
    Ok(())
}

const KILL: Spec = sub("kill", kill)
    .arity(exactly(1))
    .flags(NOSCRIPT | ALLOW_BUSY)
    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
    .summary("Ends the function that runs, if it has written nothing yet.");

fn kill(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    kill_running(cx, false, out)
}

const LIST: Spec = sub("list", list)
    .arity(at_least(1))
    .flags(NOSCRIPT)
    .syntax("[LIBRARYNAME library-name-pattern] [WITHCODE]")
    .complexity("O(N) for N functions")
    .tips(&["nondeterministic_output_order"])
    .summary("Tells what libraries and functions there are.");

fn list(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (mut pattern, mut code) = (None, false);
    let mut i = 2;
    while i < args.len() {
        if !code && args.is(i, "withcode") {
            code = true;
        } else if pattern.is_none() && args.is(i, "libraryname") {
            i += 1;
            if i >= args.len() {
                return Err(Error::text("ERR library name argument was not given"));
            }
            pattern = Some(args.get(i));
        } else {
            return Err(failed(&[b"Unknown argument ", args.get(i)].concat()));
        }
        i += 1;
    }
    let wanted = |l: &&Library| pattern.is_none_or(|p| glob::matches(p, &l.name, true));
    let functions = &cx.server.functions;
    out.array(functions.libraries().filter(wanted).count());
    functions.libraries().filter(wanted).for_each(|l| show(l, code, out));
    Ok(())
}

fn show(library: &Library, code: bool, out: &mut Reply<'_>) {
    out.map(if code { 4 } else { 3 });
    out.bulk(b"library_name");
    out.bulk(&library.name);
    out.bulk(b"engine");
    out.bulk(ENGINE);
    out.bulk(b"functions");
    out.array(library.functions.len());
    for f in &library.functions {
        out.map(3);
        out.bulk(b"name");
        out.bulk(&f.name);
        out.bulk(b"description");
        match &f.description {
            Some(text) => out.bulk(text),
            None => out.null(),
        }
        out.bulk(b"flags");
        let flags = || FLAG_NAMES.iter().filter(|(flag, _)| f.flags & flag != 0);
        out.set(flags().count());
        flags().for_each(|(_, name)| out.status(name));
    }
    if code {
        out.bulk(b"library_code");
        out.bulk(&library.code);
    }
}

/// The only engine, as the reference names it.
const ENGINE: &[u8] = b"LUA";

const STATS: Spec = sub("stats", stats)
    .arity(exactly(1))
    .flags(NOSCRIPT | ALLOW_BUSY)
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .summary("Tells which function runs, and how many there are.");

fn stats(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let server = &*cx.server;
    let running = server.scripts.running.as_ref();
    if running.is_some_and(|r| r.eval) {
        return Err(Error::BUSY_SCRIPT);
    }
    out.map(2);
    out.bulk(b"running_script");
    match running {
        None => out.null(),
        Some(r) => {
            out.map(3);
            out.bulk(b"name");
            out.bulk(&r.name);
            out.bulk(b"command");
            out.array(r.command.len());
            r.command.iter().for_each(|word| out.bulk(word));
            out.bulk(b"duration_ms");
            out.int((server.clock.mono_us().saturating_sub(r.started_us) / 1000) as i64);
        }
    }
    out.bulk(b"engines");
    out.map(1);
    out.bulk(ENGINE);
    out.map(2);
    let (libraries, functions) = server.functions.counts();
    out.bulk(b"libraries_count");
    out.int(libraries as i64);
    out.bulk(b"functions_count");
    out.int(functions as i64);
    Ok(())
}

#[cfg(test)]
mod tests;

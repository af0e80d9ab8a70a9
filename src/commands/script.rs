//! Scripts: EVAL, EVALSHA, their read-only forms, SCRIPT.

use super::help;
use crate::engine::args::Args;
use crate::engine::cx::{Caller, ServerCx};
use crate::engine::error::{Error, Result};
use crate::engine::functions::log_line;
use crate::engine::scripts::{Name, REPL_AOF, REPL_REPLICAS, Running, ScriptId};
use crate::engine::server::Server;
use crate::engine::spec::*;
use crate::engine::stats::ErrorOrigin;
use crate::resp::{Output, Reply, Span};
use crate::script::api::{self, Outcome};
use crate::script::lua::{Fault, Host, Registered, Run, Value, Vm};
use crate::script::shebang;

pub const COMMANDS: &[Spec] = &[EVAL, EVAL_RO, EVALSHA, EVALSHA_RO, SCRIPT];

const COMPLEXITY: &str = "By what the script does.";
const NOSCRIPT_ERROR: Error = Error::text("NOSCRIPT No matching script.");
pub const KEYS_RW: &[KeySpec] = &[KeySpec {
    notes: "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE",
    ..KeySpec::counted(2, RW | ACCESS | UPDATE)
}];
pub const KEYS_RO: &[KeySpec] = &[KeySpec {
    notes: "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS",
    ..KeySpec::counted(2, RO | ACCESS)
}];

/// What the commands that run scripts share.
pub const fn evaluating(
    name: &'static str,
    f: fn(&mut dyn Caller, &mut Args<'_>, &mut Reply<'_>) -> Result,
    more: Flags,
    keys: &'static [KeySpec],
) -> Spec {
    Spec::nested(name, f)
        .arity(at_least(2))
        .flags(NOSCRIPT | SKIP_MONITOR | NO_MANDATORY_KEYS | STALE | MOVABLE_KEYS | RUNS_SCRIPT | more)
        .keys(keys)
        .acl(acl::SCRIPTING)
        .group(Group::Scripting)
        .complexity(COMPLEXITY)
}

pub const EVAL: Spec = evaluating("eval", eval, MAY_REPLICATE, KEYS_RW)
    .syntax("script numkeys [key [key ...]] [arg [arg ...]]")
    .since("2.6.0")
    .summary("Runs a script.");

fn eval(caller: &mut dyn Caller, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    by_body(caller, args, out, false)
}

pub const EVAL_RO: Spec = evaluating("eval_ro", eval_ro, READONLY, KEYS_RO)
    .syntax("script numkeys [key [key ...]] [arg [arg ...]]")
    .since("7.0.0")
    .summary("Runs a script that writes nothing.");

fn eval_ro(caller: &mut dyn Caller, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    by_body(caller, args, out, true)
}

pub const EVALSHA: Spec = evaluating("evalsha", evalsha, MAY_REPLICATE, KEYS_RW_PLAIN)
    .syntax("sha1 numkeys [key [key ...]] [arg [arg ...]]")
    .since("2.6.0")
    .summary("Runs a script that the server knows, by its SHA-1.");

const KEYS_RW_PLAIN: &[KeySpec] = &[KeySpec::counted(2, RW | ACCESS | UPDATE)];
const KEYS_RO_PLAIN: &[KeySpec] = &[KeySpec::counted(2, RO | ACCESS)];

fn evalsha(caller: &mut dyn Caller, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    by_name(caller, args, out, false)
}

pub const EVALSHA_RO: Spec = evaluating("evalsha_ro", evalsha_ro, READONLY, KEYS_RO_PLAIN)
    .syntax("sha1 numkeys [key [key ...]] [arg [arg ...]]")
    .since("7.0.0")
    .summary("Runs a script that the server knows and that writes nothing, by its SHA-1.");

fn evalsha_ro(caller: &mut dyn Caller, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    by_name(caller, args, out, true)
}

/// How many of the arguments behind the count are keys; `wrong` if what stands there is no number.
pub fn key_count(args: &Args<'_>, n: Option<i64>, wrong: Error) -> Result<usize> {
    let n = n.ok_or(wrong)?;
    if n > args.len() as i64 - 3 {
        return Err(Error::text("ERR Number of keys can't be greater than number of args"));
    }
    usize::try_from(n).map_err(|_| Error::text("ERR Number of keys can't be negative"))
}

fn keys_of(args: &Args<'_>) -> Result<usize> {
    key_count(args, crate::base::num::parse_i64(args.get(2)), Error::NOT_INTEGER)
}

fn by_body(caller: &mut dyn Caller, args: &Args<'_>, out: &mut Reply<'_>, ro: bool) -> Result {
    caller.tell_monitors(out);
    let keys = keys_of(args)?;
    let scripts = &mut caller.cx().server.scripts;
    let id = match scripts.by_body(args.get(1)) {
        Some(id) => id,
        None => scripts.add(args.get(1), false)?,
    };
    run(caller, id, args, keys, out, ro)
}

fn by_name(caller: &mut dyn Caller, args: &Args<'_>, out: &mut Reply<'_>, ro: bool) -> Result {
    caller.tell_monitors(out);
    if args.get(1).len() != size_of::<Name>() {
        return Err(NOSCRIPT_ERROR);
    }
    let keys = keys_of(args)?;
    let id = caller.cx().server.scripts.by_name(args.get(1)).ok_or(NOSCRIPT_ERROR)?;
    run(caller, id, args, keys, out, ro)
}

fn run(
    caller: &mut dyn Caller,
    id: ScriptId,
    args: &Args<'_>,
    keys: usize,
    out: &mut Reply<'_>,
    ro: bool,
) -> Result {
    let Some(script) = caller.cx().server.scripts.get(id) else { return Err(NOSCRIPT_ERROR) };
    let (name, flags) = (script.name, script.flags);
    let mut vm = start(caller, &Job { eval: true, flags, ro }, &name)?;
    let function = caller.cx().server.scripts.function(&vm, id);
    vm.stack.push(function);
    // They are globals: no script can change these, but the next one finds others.
    for (from, to, name) in [(3, 3 + keys, vm.names.keys), (3 + keys, args.len(), vm.names.argv)] {
        push_array(&mut vm, args, from, to);
        if let Some(array) = vm.stack.pop() {
            let globals = vm.globals;
            vm.heap.raw_set(globals, Value::Str(name), array);
        }
    }
    let result = execute(caller, &mut vm, 0, out);
    let scripts = &mut caller.cx().server.scripts;
    scripts.put_vm(vm);
    scripts.touch(id);
    result
}

/// Pushes a table of the arguments `from..to`.
pub fn push_array(vm: &mut Vm, args: &Args<'_>, from: usize, to: usize) {
    let t = vm.heap.table(to - from, 0);
    for i in from..to {
        let v = vm.heap.text(args.get(i));
        vm.heap.push(t, v);
    }
    vm.stack.push(Value::Table(t));
}

/// What is to be run: by EVAL or FCALL, with these flags, and told to write nothing.
pub struct Job {
    pub eval: bool,
    pub flags: shebang::Flags,
    pub ro: bool,
}

/// Refuses what the flags of a script say it must not be run for.
fn check_flags(server: &Server, job: &Job) -> Result {
    let (flags, ro) = (job.flags, job.ro);
    let stale = server.is_replica() && !server.link_is_up() && !server.config.replica_serve_stale_data;
    if flags & shebang::COMPAT != 0 {
        return if stale { Err(Error::PRIMARY_DOWN) } else { Ok(()) };
    }
    if stale && flags & shebang::ALLOW_STALE == 0 {
        return Err(Error::text(
            "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag is \
             not set on the script.",
        ));
    }
    if flags & shebang::NO_WRITES == 0 && ro {
        return Err(Error::text("ERR Can not execute a script with write flag using *_ro command."));
    }
    if server.oom && flags & (shebang::NO_WRITES | shebang::ALLOW_OOM) == 0 {
        return Err(Error::text(
            "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
        ));
    }
    Ok(())
}

/// Makes ready to run a script or function. Gives the interpreter.
pub fn start(caller: &mut dyn Caller, job: &Job, name: &[u8]) -> Result<Box<Vm>> {
    let cx = caller.cx();
    let server = &mut *cx.server;
    if server.scripts.running.is_some() {
        return Err(Error::text("ERR a script cannot run another"));
    }
    check_flags(server, job)?;
    let has = |flag| job.flags & shebang::COMPAT == 0 && job.flags & flag != 0;
    server.scripts.running = Some(Running {
        eval: job.eval,
        name: name.into(),
        slot: cx.slot,
        started_us: server.clock.mono_us(),
        moment_us: server.clock.now_us(),
        read_only: job.ro || has(shebang::NO_WRITES),
        allow_oom: has(shebang::ALLOW_OOM),
        wrote: false,
        killed: false,
        busy: false,
        command: Vec::new(),
        repl: REPL_AOF | REPL_REPLICAS,
    });
    Ok(if job.eval { server.scripts.take_vm() } else { server.functions.take_vm() })
}

/// Runs the function at the bottom of the stack with the `n` values behind it, as a script of the client; writes what it
/// returns.
pub fn execute(caller: &mut dyn Caller, vm: &mut Vm, n: usize, out: &mut Reply<'_>) -> Result {
    let mut cx = caller.cx();
    let eval = cx.server.scripts.running.as_ref().is_some_and(|r| r.eval);
    let session = cx.session();
    let (db, denied) = (session.db, std::mem::replace(&mut session.deny_blocking, true));
    vm.resp3 = false;
    cx.server.fx.in_script = true;
    let mut host = Scripted { caller, reply: Output::default() };
    let mut machine = Run { vm, host: &mut host };
    let result = machine.call_at(0, n);
    let outcome = match result {
        Ok(n) => {
            let v = if n > 0 { machine.vm.stack[0] } else { Value::Nil };
            api::reply(machine.vm, v, out)
        }
        Err(fault) => failed(&mut machine, fault, eval),
    };
    machine.vm.reset();
    let mut cx = caller.cx();
    cx.server.scripts.running = None;
    cx.server.fx.in_script = false;
    let session = cx.session();
    (session.db, session.deny_blocking) = (db, denied);
    match outcome {
        Outcome::Replied => Ok(()),
        Outcome::Error { text, counted } => {
            let error = Error::owned(text);
            if !counted {
                cx.server.stats.count_error(error.code(), ErrorOrigin::Script);
            }
            out.error(error.as_bytes());
            cx.server.scripts.failed = true;
            Ok(())
        }
    }
}

/// What the client hears of a script that failed.
fn failed(machine: &mut Run<'_>, fault: Fault, eval: bool) -> Outcome {
    let v = match fault {
        Fault::Error(v) => v,
        _ => {
            let how = if eval { "SCRIPT" } else { "FUNCTION" };
            let text = format!("Script killed by user with {how} KILL.");
            tracing::info!("{text}");
            machine.error_table(text.as_bytes())
        }
    };
    let t = machine.described(v);
    let (mut text, counted) =
        api::error_of(machine.vm, t).unwrap_or_else(|| (api::UNKNOWN_ERROR.to_vec(), false));
    if let Value::Str(source) = machine.vm.heap.field(t, "source")
        && let Value::Num(line) = machine.vm.heap.field(t, "line")
    {
        text.extend_from_slice(b" script: on ");
        text.extend_from_slice(machine.vm.heap.bytes(source));
        text.extend_from_slice(format!(":{line}.").as_bytes());
    }
    Outcome::Error { text, counted }
}

/// What a script reaches of the server.
struct Scripted<'a> {
    caller: &'a mut dyn Caller,
    reply: Output,
}

impl Host for Scripted<'_> {
    fn go_on(&mut self) -> bool {
        self.caller.script_goes_on()
    }

    fn command(&mut self, bytes: &[u8], spans: &[Span], resp3: bool, reply: &mut Vec<u8>) -> u64 {
        let mut args = Args::new(bytes, spans);
        // The reply's own buffer becomes the output's tail, so that nothing is copied but a long one.
        self.reply.tail = std::mem::take(reply);
        let mut out = Reply::new(&mut self.reply, resp3).sharing_from(0);
        let ns = self.caller.script_command(&mut args, &mut out);
        *reply = if self.reply.pieces() == 0 {
            std::mem::take(&mut self.reply.tail)
        } else {
            self.reply.take_bytes()
        };
        ns
    }

    fn clock(&mut self) -> f64 {
        self.caller.cx().server.clock.mono_us() as f64 / 1e6
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        log_line(level, text);
    }

    fn set_repl(&mut self, to: u8) {
        if let Some(running) = &mut self.caller.cx().server.scripts.running {
            running.repl = to;
        }
    }

    fn may_run(&mut self, bytes: &[u8], spans: &[Span]) -> Option<bool> {
        let args = Args::new(bytes, spans);
        let commands = &self.caller.cx().server.commands;
        let command = commands.find(args.get(0))?;
        if !command.subs.is_empty() && args.len() > 1 {
            commands.find_sub(command, args.get(1))?;
        }
        // There is one user yet, who may do everything.
        Some(true)
    }

    fn register(&mut self, _: Registered) -> std::result::Result<(), &'static str> {
        Err("server.register_function can only be called on FUNCTION LOAD command")
    }
}

pub const SCRIPT: Spec = Spec::container("script", &[DEBUG, EXISTS, FLUSH, HELP, KILL, LOAD, SHOW])
    .group(Group::Scripting)
    .since("2.6.0")
    .complexity("By the subcommand.")
    .summary("Scripts that the server knows.");

const HELP: Spec = help::spec(Group::Scripting, "5.0.0").acl(acl::SCRIPTING);

const fn sub(name: &'static str, f: fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::server(name, f).acl(acl::SCRIPTING).group(Group::Scripting)
}

const ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

const DEBUG: Spec = sub("debug", debug)
    .arity(at_least(2))
    .flags(NOSCRIPT)
    .syntax("YES|SYNC|NO [engine]")
    .since("3.2.0")
    .summary("Chooses whether scripts are run step by step. There is no debugger here: only NO is taken.");

fn debug(_: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.len() > 4 {
        return Err(Error::arity("script|debug"));
    }
    if args.len() == 4 && !args.is(3, "lua") {
        let mut text = b"ERR No scripting engine found with name '".to_vec();
        text.extend_from_slice(args.get(3));
        text.extend_from_slice(b"' to enable debug");
        return Err(Error::owned(text));
    }
    if args.is(2, "no") {
        out.ok();
        return Ok(());
    }
    if args.is(2, "yes") || args.is(2, "sync") {
        return Err(Error::text("ERR The scripting engine does not support debugging"));
    }
    Err(Error::text("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
}

const EXISTS: Spec = sub("exists", exists)
    .arity(at_least(2))
    .flags(NOSCRIPT | STALE)
    .syntax("sha1 [sha1 ...]")
    .since("2.6.0")
    .complexity("O(N) for N names")
    .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
    .summary("Tells for every name whether the server knows such a script.");

fn exists(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.array(args.len() - 2);
    for name in args.all().skip(2) {
        out.int(cx.server.scripts.knows(name) as i64);
    }
    Ok(())
}

const FLUSH: Spec = sub("flush", flush)
    .arity(at_least(1))
    .flags(NOSCRIPT | STALE)
    .syntax("[ASYNC|SYNC]")
    .since("2.6.0")
    .complexity("O(N) for the N scripts known")
    .history(&[("6.2.0", "Added the `ASYNC` and `SYNC` flushing mode modifiers.")])
    .tips(ALL_NODES)
    .summary("Forgets all scripts.");

fn flush(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.len() > 3 || args.len() == 3 && !args.is(2, "sync") && !args.is(2, "async") {
        return Err(Error::text("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    cx.server.scripts.flush();
    out.ok();
    Ok(())
}

const KILL: Spec = sub("kill", kill)
    .arity(exactly(1))
    .flags(NOSCRIPT | ALLOW_BUSY)
    .since("2.6.0")
    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
    .summary("Ends the script that runs, if it has written nothing yet.");

fn kill(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    kill_running(cx, true, out)
}

/// SCRIPT KILL, or (`eval` false) FUNCTION KILL.
pub fn kill_running(cx: &mut ServerCx<'_>, eval: bool, out: &mut Reply<'_>) -> Result {
    let Some(running) = &mut cx.server.scripts.running else {
        return Err(Error::text("NOTBUSY No scripts in execution right now."));
    };
    if running.wrote {
        return Err(Error::text(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        ));
    }
    if eval == running.eval {
        running.killed = true;
    } else if let Some(error) = cx.server.scripts.busy_error() {
        return Err(error);
    }
    out.ok();
    Ok(())
}

const LOAD: Spec = sub("load", load)
    .arity(exactly(2))
    .flags(NOSCRIPT | STALE)
    .syntax("script")
    .since("2.6.0")
    .complexity("O(N) for the script's N bytes")
    .tips(ALL_NODES)
    .summary("Compiles a script and keeps it; returns its SHA-1.");

fn load(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let scripts = &mut cx.server.scripts;
    let id = match scripts.by_body(args.get(2)) {
        Some(id) => id,
        None => scripts.add(args.get(2), true)?,
    };
    scripts.keep(id);
    if let Some(script) = scripts.get(id) {
        out.bulk(&script.name);
    }
    Ok(())
}

const SHOW: Spec = sub("show", show)
    .arity(exactly(2))
    .flags(NOSCRIPT | STALE)
    .syntax("sha1")
    .since("8.0.0")
    .summary("Returns the source of a script.");

fn show(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let scripts = &cx.server.scripts;
    let found = scripts.by_name(args.get(2)).filter(|_| scripts.knows(args.get(2)));
    out.bulk(&found.and_then(|id| scripts.get(id)).ok_or(NOSCRIPT_ERROR)?.body);
    Ok(())
}

#[cfg(test)]
mod tests;

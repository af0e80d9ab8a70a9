//! `coroutine`.

use super::call::{Call, Run, Status, Thread, Vm};
use super::heap::Func;
use super::value::{Fault, Res, ThreadId, Value};

/// Adds it.
pub fn open(vm: &mut Vm) {
    vm.library(
        "coroutine",
        &[
            ("create", create),
            ("resume", resume),
            ("running", running),
            ("status", status),
            ("wrap", wrap),
            ("yield", pause),
        ],
    );
}

fn thread(run: &mut Run<'_>, call: Call) -> Res<ThreadId> {
    match run.arg(call, 0) {
        Value::Thread(t) => Ok(t),
        _ => run.bad_arg(call, 0, "coroutine expected"),
    }
}

fn make(run: &mut Run<'_>, call: Call) -> Res<ThreadId> {
    let f = match run.arg(call, 0) {
        f @ Value::Func(_) => f,
        _ => return run.bad_arg(call, 0, "Lua function expected"),
    };
    run.may_allocate(1024)?;
    Ok(run.vm.heap.thread(Thread::of(f)))
}

fn create(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = make(run, call)?;
    run.give(Value::Thread(t))
}

fn wrap(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = make(run, call)?;
    let f = run.vm.heap.func(Func::Resume(t));
    run.give(Value::Func(f))
}

fn resume(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = thread(run, call)?;
    match run.resume(t, Call { at: call.at + 1, n: call.n - 1 })? {
        Ok(n) => {
            let at = run.vm.stack.len() - n;
            run.vm.stack.insert(at, Value::Bool(true));
            Ok(n + 1)
        }
        Err(v) => {
            run.push(Value::Bool(false));
            run.push(v);
            Ok(2)
        }
    }
}

/// A call of what `wrap` gave.
pub fn wrapped(run: &mut Run<'_>, t: ThreadId, call: Call) -> Res<usize> {
    match run.resume(t, call)? {
        Ok(n) => Ok(n),
        Err(Value::Str(s)) => {
            let text = run.vm.heap.bytes(s).to_vec();
            run.error(text)
        }
        Err(v) => Err(Fault::Error(v)),
    }
}

fn running(run: &mut Run<'_>, _: Call) -> Res<usize> {
    let v = run.current().map_or(Value::Nil, Value::Thread);
    run.give(v)
}

fn status(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = thread(run, call)?;
    let name = match run.vm.heap.thread_at(t).status {
        Status::Suspended => "suspended",
        Status::Running => "running",
        Status::Normal => "normal",
        Status::Dead => "dead",
    };
    let name = run.vm.heap.text(name);
    run.give(name)
}

fn pause(run: &mut Run<'_>, _: Call) -> Res<usize> {
    if !run.may_yield() {
        return run.error("attempt to yield across metamethod/C-call boundary");
    }
    // Its arguments lie behind its own place, where `resume` takes them from.
    Err(Fault::Yield)
}

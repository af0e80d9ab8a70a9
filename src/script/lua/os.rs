//! `os`: only `clock`, as in the reference. It tells the script's own steps, as nothing below `exec` reads a clock.

use super::call::{Call, Run, Vm};
use super::value::{Res, Value};

/// Adds it.
pub fn open(vm: &mut Vm) {
    vm.library("os", &[("clock", clock)]);
}

fn clock(run: &mut Run<'_>, _: Call) -> Res<usize> {
    let seconds = run.host.clock();
    run.give(Value::Num(seconds))
}

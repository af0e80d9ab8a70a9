//! `table`.

use super::STRING_MAX;
use super::call::{Call, Run, Vm};
use super::value::{Res, TableId, Value};

/// Adds it.
pub fn open(vm: &mut Vm) {
    vm.library(
        "table",
        &[
            ("concat", concat),
            ("foreach", foreach),
            ("foreachi", foreachi),
            ("getn", getn),
            ("insert", insert),
            ("maxn", maxn),
            ("remove", remove),
            ("setn", setn),
            ("sort", sort),
        ],
    );
}

impl Run<'_> {
    fn length(&self, t: TableId) -> usize {
        self.vm.heap.at(t).len(&self.vm.heap.strings)
    }

    fn at(&self, t: TableId, i: usize) -> Value {
        self.vm.heap.at(t).get_int(&self.vm.heap.strings, i)
    }

    fn writable(&mut self, t: TableId) -> Res {
        if self.vm.heap.at(t).readonly { self.raise("Attempt to modify a readonly table") } else { Ok(()) }
    }
}

fn concat(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let between = if run.arg(call, 1) == Value::Nil { Vec::new() } else { run.text(call, 1)? };
    let from = run.int_or(call, 2, 1)?;
    let to = if run.arg(call, 3) == Value::Nil { run.length(t) as i64 } else { run.int(call, 3)? };
    let mut text = Vec::new();
    let mut i = from;
    while i <= to {
        let v = run.vm.heap.raw_get(t, Value::Num(i as f64));
        if !matches!(v, Value::Str(_) | Value::Num(_)) {
            let problem = format!("invalid value ({}) at index {i} in table for 'concat'", v.type_name());
            return run.error(problem);
        }
        run.write_text(v, &mut text);
        if i < to {
            text.extend_from_slice(&between);
        }
        if text.len() > STRING_MAX {
            return run.error("resulting string too large");
        }
        run.may_allocate(text.len())?;
        run.tick()?;
        i += 1;
    }
    let v = run.new_string(text)?;
    run.give(v)
}

fn foreach(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let f = run.function(call, 1)?;
    let mut key = Value::Nil;
    loop {
        match run.vm.heap.at(t).next(&run.vm.heap.strings, key) {
            None => return run.error("invalid key to 'next'"),
            Some((Value::Nil, _)) => return Ok(0),
            Some((k, v)) => {
                key = k;
                // The key stays alive on the stack while the function may remove it.
                run.push(k);
                let result = run.call_value(f, &[k, v])?;
                run.vm.stack.pop();
                if result != Value::Nil {
                    return run.give(result);
                }
            }
        }
    }
}

fn foreachi(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let f = run.function(call, 1)?;
    for i in 1..=run.length(t) {
        let v = run.at(t, i);
        let result = run.call_value(f, &[Value::Num(i as f64), v])?;
        if result != Value::Nil {
            return run.give(result);
        }
    }
    Ok(0)
}

fn getn(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let n = run.length(t);
    run.give(Value::Num(n as f64))
}

fn setn(run: &mut Run<'_>, call: Call) -> Res<usize> {
    run.table(call, 0)?;
    run.error("'setn' is obsolete")
}

fn maxn(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    let (mut key, mut most) = (Value::Nil, 0.0f64);
    run.charge(run.vm.heap.at(t).allocated())?;
    while let Some((k, _)) = run.vm.heap.at(t).next(&run.vm.heap.strings, key) {
        match k {
            Value::Nil => break,
            Value::Num(n) => most = most.max(n),
            _ => {}
        }
        key = k;
    }
    run.give(Value::Num(most))
}

fn insert(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    run.writable(t)?;
    let end = run.length(t) + 1;
    match call.n {
        2 => {
            let v = run.arg(call, 1);
            run.vm.heap.raw_set(t, Value::Num(end as f64), v);
        }
        3 => {
            let (at, v) = (run.int(call, 1)?, run.arg(call, 2));
            // A place beyond the end is taken as it is, one before the first moves everything.
            let first = at.clamp(i64::MIN + 1, 1 << 53);
            if first as i128 >= end as i128 {
                run.vm.heap.raw_set(t, Value::Num(first as f64), v);
                return Ok(0);
            }
            let mut i = end as i64;
            while i > first {
                let before = run.vm.heap.raw_get(t, Value::Num((i - 1) as f64));
                run.vm.heap.raw_set(t, Value::Num(i as f64), before);
                run.tick()?;
                i -= 1;
            }
            run.vm.heap.raw_set(t, Value::Num(first as f64), v);
        }
        _ => return run.error("wrong number of arguments to 'insert'"),
    }
    Ok(0)
}

fn remove(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    run.writable(t)?;
    let end = run.length(t) as i64;
    let at = run.int_or(call, 1, end)?;
    if !(1..=end).contains(&at) {
        return Ok(0);
    }
    let removed = run.at(t, at as usize);
    for i in at..end {
        let v = run.at(t, i as usize + 1);
        run.vm.heap.raw_set(t, Value::Num(i as f64), v);
    }
    run.vm.heap.raw_set(t, Value::Num(end as f64), Value::Nil);
    run.give(removed)
}

fn sort(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let t = run.table(call, 0)?;
    run.writable(t)?;
    let f = if run.arg(call, 1) == Value::Nil { None } else { Some(run.function(call, 1)?) };
    let n = run.length(t);
    // Heap sort on a copy: no order function, however wrong, makes it read beside the values or take more than n log n.
    let from = run.vm.stack.len();
    for i in 1..=n {
        let v = run.at(t, i);
        run.push(v);
    }
    for root in (0..n / 2).rev() {
        sift(run, from, root, n, f)?;
    }
    for end in (1..n).rev() {
        run.vm.stack.swap(from, from + end);
        sift(run, from, 0, end, f)?;
    }
    for i in 0..n {
        let v = run.vm.stack[from + i];
        run.vm.heap.raw_set(t, Value::Num((i + 1) as f64), v);
    }
    run.vm.stack.truncate(from);
    Ok(0)
}

fn sift(run: &mut Run<'_>, from: usize, root: usize, end: usize, f: Option<Value>) -> Res {
    let mut root = root;
    loop {
        let mut child = root * 2 + 1;
        if child >= end {
            return Ok(());
        }
        if child + 1 < end && before(run, f, from + child, from + child + 1)? {
            child += 1;
        }
        if !before(run, f, from + root, from + child)? {
            return Ok(());
        }
        run.vm.stack.swap(from + root, from + child);
        root = child;
    }
}

fn before(run: &mut Run<'_>, f: Option<Value>, x: usize, y: usize) -> Res<bool> {
    run.tick()?;
    let (x, y) = (run.vm.stack[x], run.vm.stack[y]);
    match f {
        Some(f) => Ok(run.call_value(f, &[x, y])?.truthy()),
        None => run.less(x, y),
    }
}

//! Scripts of EVAL: the interpreter, which is made when the first one comes, the scripts it has compiled, and the one that
//! runs. Scripts that came by EVAL are forgotten, the least recently used first, beyond a number of them; those that came
//! by SCRIPT LOAD stay.

use std::collections::HashMap;
use std::rc::Rc;

use smallvec::SmallVec;

use super::error::{Error, Result};
use super::stream::To;
use super::versions;
use crate::base::limits;
use crate::script::lua::value::TableId;
use crate::script::lua::{Value, Vm};
use crate::script::{api, sha1_hex, shebang};

/// A script's name: its SHA-1 in lower case.
pub type Name = [u8; 40];

/// A script by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptId(u32);

/// A compiled script.
pub struct Script {
    pub name: Name,
    pub body: Rc<[u8]>,
    pub flags: shebang::Flags,
    /// When it was used last, by a count of uses; `None`: it stays.
    used: Option<u64>,
}

/// The script or function that runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// By EVAL, not FCALL.
    pub eval: bool,
    /// Its name.
    pub name: SmallVec<[u8; 40]>,
    /// The client's slot.
    pub slot: usize,
    pub started_us: u64,
    /// Unix time when it began, in microseconds.
    pub moment_us: u64,
    /// May not write.
    pub read_only: bool,
    pub allow_oom: bool,
    /// Has written: it can be killed no more.
    pub wrote: bool,
    pub killed: bool,
    /// It has run for longer than `busy-reply-threshold`: others hear that the server is busy.
    pub busy: bool,
    /// The whole request, once it is busy.
    pub command: Vec<Vec<u8>>,
    /// Where its writes are propagated: `REPL_AOF`, `REPL_REPLICAS`, or both.
    pub repl: u8,
}

impl Running {
    /// Whether what it writes is propagated at all.
    pub fn propagates(&self) -> bool {
        self.repl != 0
    }

    /// To whom its writes go. There is no stream of the AOF alone: who wants that has them go to replicas, too.
    pub fn propagates_to(&self) -> To {
        if self.repl == REPL_REPLICAS { To::Replicas } else { To::All }
    }
}

/// The append-only file, for `Running::repl`.
pub const REPL_AOF: u8 = 1;
/// Replicas.
pub const REPL_REPLICAS: u8 = 2;

/// The scripts.
#[derive(Default)]
pub struct Scripts {
    /// Away while a script runs.
    vm: Option<Box<Vm>>,
    /// The table in it that holds the functions, each at its script's place and one.
    registry: Option<TableId>,
    list: Vec<Option<Script>>,
    free: Vec<u32>,
    by_name: HashMap<Name, ScriptId>,
    /// EVAL of a known body computes no SHA-1.
    by_body: HashMap<Rc<[u8]>, ScriptId>,
    /// Those that may be forgotten.
    passing: Vec<ScriptId>,
    uses: u64,
    pub running: Option<Running>,
    /// The script that has just ended answered with an error: its command has failed.
    pub failed: bool,
    /// Forgotten for others.
    pub evicted: u64,
    /// Bytes of bodies.
    bodies: usize,
    /// Bytes of the interpreter when it was last looked at.
    vm_memory: usize,
}

impl Scripts {
    /// The interpreter, taken out to run something.
    pub fn take_vm(&mut self) -> Box<Vm> {
        match self.vm.take() {
            Some(vm) => vm,
            None => {
                let mut vm = Box::new(Vm::new(limits::SCRIPT_MEMORY_MAX));
                api::open(&mut vm, &versions::FOR_SCRIPTS, true);
                self.registry = Some(api::registry(&mut vm));
                vm
            }
        }
    }

    /// Gives the interpreter back.
    pub fn put_vm(&mut self, vm: Box<Vm>) {
        self.vm_memory = vm.memory();
        self.vm = Some(vm);
    }

    /// A script by its body.
    pub fn by_body(&self, body: &[u8]) -> Option<ScriptId> {
        self.by_body.get(body).copied()
    }

    /// A script by what a client calls it: upper case too.
    pub fn by_name(&self, name: &[u8]) -> Option<ScriptId> {
        let mut lower: Name = name.try_into().ok()?;
        lower.make_ascii_lowercase();
        self.by_name.get(&lower).copied()
    }

    /// Whether there is a script of exactly this name.
    pub fn knows(&self, name: &[u8]) -> bool {
        Name::try_from(name).is_ok_and(|name| self.by_name.contains_key(&name))
    }

    /// A script.
    pub fn get(&self, id: ScriptId) -> Option<&Script> {
        self.list.get(id.0 as usize)?.as_ref()
    }

    /// Compiles a script that is not known yet.
    pub fn add(&mut self, body: &[u8], stays: bool) -> Result<ScriptId> {
        let (flags, from) = shebang::read(body).map_err(|e| Error::owned([b"ERR ", &e[..]].concat()))?;
        let mut vm = self.take_vm();
        let compiled = vm.load(&body[from..], "user_script");
        let result = match compiled {
            Ok(f) => {
                if !stays {
                    self.forget_oldest(&mut vm);
                }
                let id = ScriptId(self.free.pop().unwrap_or_else(|| {
                    self.list.push(None);
                    (self.list.len() - 1) as u32
                }));
                if let Some(registry) = self.registry {
                    vm.heap.raw_set(registry, place(id), Value::Func(f));
                }
                self.insert(id, Script { name: sha1_hex(body), body: body.into(), flags, used: None });
                if !stays {
                    self.passing.push(id);
                    self.list[id.0 as usize].iter_mut().for_each(|s| s.used = Some(0));
                    self.touch(id);
                }
                Ok(id)
            }
            Err(e) => Err(Error::owned([b"ERR Error compiling script (new function): ", &e[..]].concat())),
        };
        self.put_vm(vm);
        result
    }

    fn insert(&mut self, id: ScriptId, script: Script) {
        self.bodies += script.body.len();
        self.by_body.insert(script.body.clone(), id);
        self.by_name.insert(script.name, id);
        self.list[id.0 as usize] = Some(script);
    }

    /// A script was used.
    #[inline]
    pub fn touch(&mut self, id: ScriptId) {
        self.uses += 1;
        if let Some(Some(Script { used: Some(used), .. })) = self.list.get_mut(id.0 as usize) {
            *used = self.uses;
        }
    }

    /// A script that SCRIPT LOAD names stays.
    pub fn keep(&mut self, id: ScriptId) {
        if let Some(Some(script)) = self.list.get_mut(id.0 as usize) {
            script.used = None;
            self.passing.retain(|&p| p != id);
        }
    }

    fn forget_oldest(&mut self, vm: &mut Vm) {
        while self.passing.len() >= limits::EVAL_SCRIPTS_MAX {
            let used = |id: &ScriptId| self.get(*id).and_then(|s| s.used);
            let oldest = (0..self.passing.len()).min_by_key(|&i| used(&self.passing[i]));
            let Some(id) = oldest.map(|i| self.passing.swap_remove(i)) else { return };
            let Some(script) = self.list[id.0 as usize].take() else { continue };
            self.by_body.remove(&script.body);
            self.by_name.remove(&script.name);
            self.bodies -= script.body.len();
            if let Some(registry) = self.registry {
                vm.heap.raw_set(registry, place(id), Value::Nil);
            }
            self.free.push(id.0);
            self.evicted += 1;
        }
    }

    /// The compiled function of a script.
    #[inline]
    pub fn function(&self, vm: &Vm, id: ScriptId) -> Value {
        match self.registry {
            Some(registry) => vm.heap.raw_get(registry, place(id)),
            None => Value::Nil,
        }
    }

    /// Forgets everything, the interpreter too.
    pub fn flush(&mut self) {
        let old = std::mem::take(self);
        self.evicted = old.evicted;
        self.running = old.running;
    }

    /// What others hear while a script runs.
    pub fn busy_error(&self) -> Option<Error> {
        self.running.as_ref().map(|r| if r.eval { Error::BUSY_SCRIPT } else { Error::BUSY_FUNCTION })
    }

    /// How many scripts are known.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Bytes of the interpreter.
    pub fn vm_memory(&self) -> usize {
        self.vm_memory
    }

    /// Bytes of the scripts themselves, about.
    pub fn memory(&self) -> usize {
        const EACH: usize = size_of::<Name>() + size_of::<Option<Script>>() + 64;
        self.bodies + self.len() * EACH
    }
}

#[inline]
fn place(id: ScriptId) -> Value {
    Value::Num(f64::from(id.0) + 1.0)
}

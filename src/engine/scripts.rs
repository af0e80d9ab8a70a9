//! Scripts of EVAL: the interpreter, which is made when the first one comes, the scripts it has compiled, and the one that
//! runs. Scripts that came by EVAL are forgotten, the least recently used first, beyond a number of them; those that came
//! by SCRIPT LOAD stay.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::error::{Error, Result};
use crate::base::limits;
use crate::script::lua::value::TableId;
use crate::script::lua::{Value, Vm};
use crate::script::{api, sha1_hex, shebang};

/// A script's name: its SHA-1 in lower case.
pub type Name = [u8; 40];

/// A compiled script.
#[derive(Clone)]
pub struct Script {
    pub body: Rc<[u8]>,
    pub flags: shebang::Flags,
    /// Its place in the interpreter's registry.
    place: u32,
    /// When it was used last, by a count of uses; `None`: it stays.
    used: Option<u64>,
}

/// The script or function that runs.
#[derive(Clone, Debug)]
pub struct Running {
    /// By EVAL, not FCALL.
    pub eval: bool,
    /// Its name.
    pub name: Vec<u8>,
    /// The client's slot.
    pub slot: usize,
    pub started_us: u64,
    /// May not write.
    pub read_only: bool,
    pub allow_oom: bool,
    /// Has written: it can be killed no more.
    pub wrote: bool,
    pub killed: bool,
    /// It has run for longer than `busy-reply-threshold`: others hear that the server is busy.
    pub busy: bool,
    /// What of its writes is propagated: 1 = AOF, 2 = replicas.
    pub repl: u8,
}

/// The scripts.
#[derive(Default)]
pub struct Scripts {
    /// Away while a script runs.
    vm: Option<Box<Vm>>,
    registry: Option<TableId>,
    by_name: HashMap<Name, Script>,
    /// Bodies to names: EVAL of a known one computes no SHA-1.
    by_body: HashMap<Rc<[u8]>, Name>,
    by_use: BTreeMap<u64, Name>,
    uses: u64,
    places: u32,
    /// Free places.
    free: Vec<u32>,
    pub running: Option<Running>,
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
                let mut vm = Box::new(Vm::new(0x5DEE_CE66D, limits::SCRIPT_MEMORY_MAX));
                vm.rng = 0x1234_ABCD_330E;
                let versions = api::Versions {
                    redis: super::versions::REDIS,
                    valkey: super::versions::VALKEY,
                    name: super::versions::NAME,
                };
                api::open(&mut vm, &versions, true);
                let registry = vm.heap.table(0, 0);
                vm.heap.roots.push(Value::Table(registry));
                self.registry = Some(registry);
                vm
            }
        }
    }

    /// Gives the interpreter back.
    pub fn put_vm(&mut self, vm: Box<Vm>) {
        self.vm_memory = vm.memory();
        self.vm = Some(vm);
    }

    /// The name of a script's body.
    pub fn name_of(&self, body: &[u8]) -> Name {
        self.by_body.get(body).copied().unwrap_or_else(|| sha1_hex(body))
    }

    /// A script by its name.
    pub fn get(&self, name: &Name) -> Option<&Script> {
        self.by_name.get(name)
    }

    /// A script by what a client calls it: upper case too.
    pub fn find(&self, name: &[u8]) -> Option<(Name, &Script)> {
        let mut lower: Name = name.try_into().ok()?;
        lower.make_ascii_lowercase();
        Some((lower, self.by_name.get(&lower)?))
    }

    /// Compiles a script that is not known yet.
    pub fn add(&mut self, name: Name, body: &[u8], stays: bool) -> Result {
        let (flags, from) = shebang::read(body).map_err(|e| Error::owned([b"ERR ", &e[..]].concat()))?;
        let mut vm = self.take_vm();
        let compiled = vm.load(&body[from..], "user_script");
        let result = match compiled {
            Ok(f) => {
                if !stays {
                    self.forget_oldest(&mut vm);
                }
                let place = self.free.pop().unwrap_or_else(|| {
                    self.places += 1;
                    self.places
                });
                if let Some(registry) = self.registry {
                    vm.heap.raw_set(registry, Value::Num(place as f64), Value::Func(f));
                }
                let body: Rc<[u8]> = body.into();
                self.bodies += body.len();
                self.by_body.insert(body.clone(), name);
                self.by_name.insert(name, Script { body, flags, place, used: None });
                if !stays {
                    self.touch(&name, true);
                }
                Ok(())
            }
            Err(e) => Err(Error::owned([b"ERR Error compiling script (new function): ", &e[..]].concat())),
        };
        self.put_vm(vm);
        result
    }

    /// A script was used; `new`: it came by EVAL just now.
    pub fn touch(&mut self, name: &Name, new: bool) {
        let Some(script) = self.by_name.get_mut(name) else { return };
        let Some(before) = script.used.or(new.then_some(0)) else { return };
        if before == self.uses && !new {
            return;
        }
        self.by_use.remove(&before);
        self.uses += 1;
        script.used = Some(self.uses);
        self.by_use.insert(self.uses, *name);
    }

    /// A script that SCRIPT LOAD names stays.
    pub fn keep(&mut self, name: &Name) {
        if let Some(used) = self.by_name.get_mut(name).and_then(|s| s.used.take()) {
            self.by_use.remove(&used);
        }
    }

    fn forget_oldest(&mut self, vm: &mut Vm) {
        while self.by_use.len() >= limits::EVAL_SCRIPTS_MAX {
            let Some((_, name)) = self.by_use.pop_first() else { return };
            let Some(script) = self.by_name.remove(&name) else { continue };
            self.by_body.remove(&script.body);
            self.bodies -= script.body.len();
            if let Some(registry) = self.registry {
                vm.heap.raw_set(registry, Value::Num(script.place as f64), Value::Nil);
            }
            self.free.push(script.place);
            self.evicted += 1;
        }
    }

    /// The compiled function of a script.
    pub fn function(&self, vm: &Vm, script: &Script) -> Value {
        match self.registry {
            Some(registry) => vm.heap.raw_get(registry, Value::Num(script.place as f64)),
            None => Value::Nil,
        }
    }

    /// Forgets everything, the interpreter too; gives what takes a while to free.
    pub fn flush(&mut self) -> Option<Box<Vm>> {
        let old = std::mem::take(self);
        self.evicted = old.evicted;
        self.running = old.running;
        old.vm
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
        const EACH: usize = size_of::<Name>() * 3 + size_of::<Script>() + 64;
        self.bodies + self.len() * EACH
    }
}

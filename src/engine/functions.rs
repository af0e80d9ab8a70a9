//! Libraries of functions: their interpreter, which is made when the first one is loaded, and what is known of them. A
//! library is taken whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::error::Error;
use super::versions;
use crate::base::limits;
use crate::resp::Span;
use crate::script::lua::value::TableId;
use crate::script::lua::{Fault, Host, Registered, Run, Value, Vm};
use crate::script::{api, library, shebang};
use crate::sys::clock::Clock;

/// A function.
#[derive(Debug)]
pub struct Function {
    pub name: Vec<u8>,
    pub description: Option<Vec<u8>>,
    pub flags: shebang::Flags,
    /// Its place in the interpreter's registry.
    pub place: u32,
}

/// A library.
#[derive(Debug)]
pub struct Library {
    pub name: Vec<u8>,
    /// Whole, with its first line.
    pub code: Rc<[u8]>,
    pub functions: Vec<Function>,
}

/// What FUNCTION RESTORE does with libraries that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restore {
    /// One of the same name is an error.
    #[default]
    Append,
    Replace,
    Flush,
}

/// All libraries.
#[derive(Default)]
pub struct Functions {
    /// Away while a function runs.
    vm: Option<Box<Vm>>,
    registry: Option<TableId>,
    /// Globals while a library is loaded.
    loading: Option<TableId>,
    libraries: BTreeMap<Vec<u8>, Library>,
    /// Functions by their names in lower case: the library, and the place in it.
    by_name: HashMap<Vec<u8>, (Vec<u8>, usize)>,
    places: u32,
    free: Vec<u32>,
    /// Bytes of the interpreter when it was last looked at.
    vm_memory: usize,
}

/// What an error text is.
type Text = Vec<u8>;

impl Functions {
    /// The interpreter, taken out to run something.
    pub fn take_vm(&mut self) -> Box<Vm> {
        match self.vm.take() {
            Some(vm) => vm,
            None => {
                let mut vm = Box::new(Vm::new(limits::SCRIPT_MEMORY_MAX));
                api::open(&mut vm, &versions::FOR_SCRIPTS, false);
                self.loading = Some(api::open_for_libraries(&mut vm, &versions::FOR_SCRIPTS));
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

    /// A function by name, whatever the case.
    pub fn find(&self, name: &[u8]) -> Option<&Function> {
        let (library, i) = self.by_name.get(&name.to_ascii_lowercase())?;
        self.libraries.get(library)?.functions.get(*i)
    }

    /// The function at a place as a value.
    pub fn value(&self, vm: &Vm, place: u32) -> Value {
        match self.registry {
            Some(registry) => vm.heap.raw_get(registry, Value::Num(f64::from(place))),
            None => Value::Nil,
        }
    }

    /// Libraries in the order of their names.
    pub fn libraries(&self) -> impl Iterator<Item = &Library> {
        self.libraries.values()
    }

    /// How many libraries and functions there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.libraries.len(), self.libraries.values().map(|l| l.functions.len()).sum())
    }

    /// Loads a library; gives its name. `timeout_ms`: how long its code may take to register the functions.
    pub fn load(
        &mut self,
        code: &[u8],
        replace: bool,
        timeout_ms: Option<u64>,
        clock: &Clock,
    ) -> Result<Vec<u8>, Text> {
        let head = checked_head(code)?;
        if !replace && self.libraries.contains_key(&head.name) {
            return Err([b"Library '", &head.name[..], b"' already exists"].concat());
        }
        let library = self.compile(code, head, timeout_ms, clock)?;
        let name = library.name.clone();
        if let Err(text) = self.check_names([&library].into_iter(), |old| old.name == name) {
            self.release(library);
            return Err(text);
        }
        self.link(library);
        Ok(name)
    }

    /// Takes all of `codes`, or none and gives an error.
    pub fn restore(&mut self, codes: &[Vec<u8>], how: Restore, clock: &Clock) -> Result<(), Text> {
        let mut read: Vec<Library> = Vec::new();
        let result = self.read_all(codes, &mut read, clock).and_then(|()| {
            if how == Restore::Flush {
                return Ok(());
            }
            let taken = |l: &Library| self.libraries.contains_key(&l.name);
            if let Some(l) = read.iter().find(|l| how == Restore::Append && taken(l)) {
                return Err([b"Library ", &l.name[..], b" already exists"].concat());
            }
            self.check_names(read.iter(), |old| read.iter().any(|l| l.name == old.name))
        });
        match result {
            Ok(()) => {
                if how == Restore::Flush {
                    let old: Vec<Vec<u8>> = self.libraries.keys().cloned().collect();
                    for name in &old {
                        self.delete(name);
                    }
                }
                read.into_iter().for_each(|l| self.link(l));
            }
            Err(_) => read.into_iter().for_each(|l| self.release(l)),
        }
        result
    }

    /// Compiles libraries that do not clash with each other.
    fn read_all(&mut self, codes: &[Vec<u8>], read: &mut Vec<Library>, clock: &Clock) -> Result<(), Text> {
        for code in codes {
            let head = checked_head(code)?;
            if read.iter().any(|l| l.name == head.name) {
                return Err([b"Library '", &head.name[..], b"' already exists"].concat());
            }
            let library = self.compile(code, head, None, clock)?;
            let clash = library.functions.iter().find(|f| {
                let mut others = read.iter().flat_map(|l| &l.functions);
                others.any(|g| g.name.eq_ignore_ascii_case(&f.name))
            });
            let clash = clash.map(|f| f.name.clone());
            read.push(library);
            if let Some(name) = clash {
                return Err(taken(&name));
            }
        }
        Ok(())
    }

    /// Refuses names of functions that other libraries have, but for those that `go`.
    fn check_names<'a>(
        &self,
        new: impl Iterator<Item = &'a Library>,
        go: impl Fn(&Library) -> bool,
    ) -> Result<(), Text> {
        for f in new.flat_map(|l| &l.functions) {
            if let Some((library, _)) = self.by_name.get(&f.name.to_ascii_lowercase())
                && !self.libraries.get(library).is_some_and(&go)
            {
                return Err(taken(&f.name));
            }
        }
        Ok(())
    }

    /// Runs the code of a library, which registers its functions; gives each a place.
    fn compile(
        &mut self,
        code: &[u8],
        head: library::Head,
        timeout_ms: Option<u64>,
        clock: &Clock,
    ) -> Result<Library, Text> {
        let mut vm = self.take_vm();
        let roots = vm.heap.roots.len();
        let registered = self.run(&mut vm, &code[head.end..], timeout_ms, clock);
        let library = registered.and_then(|registered| {
            let mut functions: Vec<Function> = Vec::new();
            for (i, r) in registered.iter().enumerate() {
                if !library::is_name(&r.name) {
                    return Err(
                        b"Function names can only contain letters, numbers, or underscores(_) and must be \
                                 at least one character long"
                            .to_vec(),
                    );
                }
                if registered[..i].iter().any(|other| other.name.eq_ignore_ascii_case(&r.name)) {
                    return Err(b"Function already exists in the library".to_vec());
                }
            }
            for r in registered {
                let place = self.free.pop().unwrap_or_else(|| {
                    self.places += 1;
                    self.places
                });
                if let Some(registry) = self.registry {
                    vm.heap.raw_set(registry, Value::Num(f64::from(place)), r.function);
                }
                let Registered { name, description, flags, .. } = r;
                functions.push(Function { name, description, flags, place });
            }
            if functions.is_empty() {
                return Err(b"No functions registered".to_vec());
            }
            Ok(Library { name: head.name, code: code.into(), functions })
        });
        vm.heap.roots.truncate(roots);
        vm.reset();
        self.put_vm(vm);
        library
    }

    fn run(
        &mut self,
        vm: &mut Vm,
        code: &[u8],
        timeout_ms: Option<u64>,
        clock: &Clock,
    ) -> Result<Vec<Registered>, Text> {
        let function = vm
            .load(code, "user_function")
            .map_err(|text| [b"Error compiling function: ", &text[..]].concat())?;
        let globals = self.loading.map(|loading| std::mem::replace(&mut vm.globals, loading));
        vm.stack.push(Value::Func(function));
        let until_us = timeout_ms.map(|ms| clock.mono_us().saturating_add(ms * 1000));
        let mut loader = Loader { clock, until_us, registered: Vec::new() };
        let mut run = Run { vm, host: &mut loader };
        let result = run.call_at(0, 0);
        let failed = result.err().map(|fault| {
            let v = match fault {
                Fault::Error(v) => v,
                _ => run.error_table(b"FUNCTION LOAD timeout"),
            };
            let mut text = b"Error registering functions: ".to_vec();
            text.extend(run.error_text(v));
            text
        });
        if let Some(globals) = globals {
            vm.globals = globals;
        }
        match failed {
            Some(text) => Err(text),
            None => Ok(loader.registered),
        }
    }

    fn link(&mut self, library: Library) {
        self.delete(&library.name);
        for (i, f) in library.functions.iter().enumerate() {
            self.by_name.insert(f.name.to_ascii_lowercase(), (library.name.clone(), i));
        }
        self.libraries.insert(library.name.clone(), library);
    }

    /// Forgets a library. False if there is none of this name.
    pub fn delete(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.libraries.remove(name) else { return false };
        for f in &library.functions {
            self.by_name.remove(&f.name.to_ascii_lowercase());
        }
        self.release(library);
        true
    }

    /// Frees the places of a library's functions.
    fn release(&mut self, library: Library) {
        for f in library.functions {
            if let (Some(vm), Some(registry)) = (&mut self.vm, self.registry) {
                vm.heap.raw_set(registry, Value::Num(f64::from(f.place)), Value::Nil);
            }
            self.free.push(f.place);
        }
    }

    /// Forgets everything, the interpreter too.
    pub fn flush(&mut self) {
        *self = Self::default();
    }

    /// Bytes of the interpreter.
    pub fn vm_memory(&self) -> usize {
        self.vm_memory
    }

    /// Bytes of libraries and functions themselves, about.
    pub fn memory(&self) -> usize {
        const EACH: usize = size_of::<Function>() * 2 + 64;
        let of =
            |l: &Library| size_of::<Library>() + l.code.len() + l.name.len() * 2 + l.functions.len() * EACH;
        size_of::<Functions>() + self.libraries.values().map(of).sum::<usize>()
    }
}

fn taken(name: &[u8]) -> Text {
    [b"Function ", name, b" already exists"].concat()
}

/// The first line of a library that can be one of ours.
fn checked_head(code: &[u8]) -> Result<library::Head, Text> {
    let head = library::head(code)?;
    if !library::is_name(&head.name) {
        return Err(
            b"Library names can only contain letters, numbers, or underscores(_) and must be at least one \
                     character long"
                .to_vec(),
        );
    }
    if !head.engine.eq_ignore_ascii_case(b"lua") {
        return Err([b"Engine '", &head.engine[..], b"' not found"].concat());
    }
    Ok(head)
}

/// What a library reaches while it is loaded: nothing but the way to register functions, and the log.
struct Loader<'a> {
    clock: &'a Clock,
    until_us: Option<u64>,
    registered: Vec<Registered>,
}

impl Host for Loader<'_> {
    fn go_on(&mut self) -> bool {
        self.until_us.is_none_or(|until| self.clock.mono_us() < until)
    }

    fn command(&mut self, _: &[u8], _: &[Span], _: bool, reply: &mut Vec<u8>) -> u64 {
        // No library has a name for it while it is loaded.
        reply.push(b'-');
        reply.extend_from_slice(Error::SCRIPT_UNKNOWN_COMMAND.as_bytes());
        reply.extend_from_slice(b"\r\n");
        0
    }

    fn clock(&mut self) -> f64 {
        self.clock.mono_us() as f64 / 1e6
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        log_line(level, text);
    }

    fn set_repl(&mut self, _: u8) {}

    fn may_run(&mut self, _: &[u8], _: &[Span]) -> Option<bool> {
        None
    }

    fn register(&mut self, function: Registered) -> Result<(), &'static str> {
        if self.registered.len() >= limits::FUNCTIONS_MAX {
            return Err("too many functions");
        }
        self.registered.push(function);
        Ok(())
    }
}

/// Writes what a script tells to the log.
pub fn log_line(level: u8, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    match level {
        0 => tracing::trace!("{text}"),
        1 => tracing::debug!("{text}"),
        2 => tracing::info!("{text}"),
        _ => tracing::warn!("{text}"),
    }
}

//! Libraries of functions: the first line that names them (`#!lua name=mylib`), and `server.register_function`, by which
//! their code tells of its functions while it is loaded.

use super::lua::{Call, Fault, Registered, Res, Run, Value};
use super::shebang::{self, Flags};
use crate::base::quote::split_args;

/// What the first line of a library says.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub engine: Vec<u8>,
    pub name: Vec<u8>,
    /// Where the code begins.
    pub end: usize,
}

/// Reads the first line of a library. `Err`: what is wrong.
pub fn head(code: &[u8]) -> Result<Head, Vec<u8>> {
    if !code.starts_with(b"#!") {
        return Err(b"Missing library metadata".to_vec());
    }
    let invalid = || b"Invalid library metadata".to_vec();
    let end = code.iter().position(|&b| b == b'\n').ok_or_else(invalid)?;
    let words = split_args(&code[..end]).ok_or_else(invalid)?;
    let (engine, options) = words.split_first().ok_or_else(invalid)?;
    let mut name = None;
    for option in options {
        match option.split_at_checked(5) {
            Some((key, value)) if key.eq_ignore_ascii_case(b"name=") => {
                if name.replace(value.to_vec()).is_some() {
                    return Err(b"Invalid metadata value, name argument was given multiple times".to_vec());
                }
            }
            _ => return Err([b"Invalid metadata value given: ", &option[..]].concat()),
        }
    }
    let name = name.ok_or_else(|| b"Library name was not given".to_vec())?;
    Ok(Head { engine: engine.get(2..).unwrap_or_default().to_vec(), name, end })
}

/// Whether a library or function may have this name.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// `server.register_function(name, callback)`, or with one table of named arguments.
pub fn register(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let read = match call.n {
        1 => named(run, call),
        2 => positional(run, call),
        _ => Err("wrong number of arguments to server.register_function"),
    };
    let registered = match read {
        Ok(registered) => registered,
        Err(text) => return fail(run, text),
    };
    // It stays alive until the library is loaded and its functions have a place.
    run.vm.heap.roots.push(registered.function);
    match run.host.register(registered) {
        Ok(()) => Ok(0),
        Err(text) => fail(run, text),
    }
}

fn fail(run: &mut Run<'_>, text: &str) -> Res<usize> {
    Err(Fault::Error(run.error_table(text.as_bytes())))
}

fn is_function(v: Value) -> bool {
    matches!(v, Value::Func(_) | Value::Native(_))
}

/// A string, or a number as one.
fn string(run: &Run<'_>, v: Value) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    run.write_text(v, &mut text);
    matches!(v, Value::Str(_) | Value::Num(_)).then_some(text)
}

fn positional(run: &mut Run<'_>, call: Call) -> Result<Registered, &'static str> {
    let name =
        string(run, run.arg(call, 0)).ok_or("first argument to server.register_function must be a string")?;
    let function = run.arg(call, 1);
    if !is_function(function) {
        return Err("second argument to server.register_function must be a function");
    }
    Ok(Registered { name, function, description: None, flags: 0 })
}

fn named(run: &mut Run<'_>, call: Call) -> Result<Registered, &'static str> {
    let Value::Table(t) = run.arg(call, 0) else {
        return Err(
            "calling server.register_function with a single argument is only applicable to Lua table \
                    (representing named arguments).",
        );
    };
    let (mut name, mut function, mut description, mut flags) = (None, None, None, 0);
    let mut key = Value::Nil;
    while let Some((k, v)) = run.vm.heap.at(t).next(&run.vm.heap.strings, key) {
        if k == Value::Nil {
            break;
        }
        key = k;
        let option =
            string(run, k).ok_or("named argument key given to server.register_function is not a string")?;
        match &option.to_ascii_lowercase()[..] {
            b"function_name" => {
                let wrong = "function_name argument given to server.register_function must be a string";
                name = Some(string(run, v).ok_or(wrong)?);
            }
            b"description" => {
                let wrong = "description argument given to server.register_function must be a string";
                description = Some(string(run, v).ok_or(wrong)?);
            }
            b"callback" if is_function(v) => function = Some(v),
            b"callback" => {
                return Err("callback argument given to server.register_function must be a function");
            }
            b"flags" => flags = read_flags(run, v)?,
            _ => return Err("unknown argument given to server.register_function"),
        }
    }
    Ok(Registered {
        name: name.ok_or("server.register_function must get a function name argument")?,
        function: function.ok_or("server.register_function must get a callback argument")?,
        description,
        flags,
    })
}

fn read_flags(run: &mut Run<'_>, v: Value) -> Result<Flags, &'static str> {
    let Value::Table(t) = v else {
        return Err("flags argument to server.register_function must be a table representing function flags");
    };
    let mut flags = 0;
    for i in 1.. {
        let v = run.vm.heap.at(t).get_int(&run.vm.heap.strings, i);
        if v == Value::Nil {
            break;
        }
        let name = string(run, v).ok_or("unknown flag given")?;
        flags |= shebang::flag(&name.to_ascii_lowercase()).ok_or("unknown flag given")?;
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let ok = |code: &str| head(code.as_bytes()).map(|h| (h.engine, h.name, h.end));
        assert_eq!(ok("#!lua name=a\nx"), Ok((b"lua".to_vec(), b"a".to_vec(), 12)));
        assert_eq!(ok("#!LUA NAME=\"b\"\n"), Ok((b"LUA".to_vec(), b"b".to_vec(), 14)));
        assert_eq!(ok("#! name=b\n"), Ok((b"".to_vec(), b"b".to_vec(), 9)));
        let wrong = |code: &str| String::from_utf8_lossy(&head(code.as_bytes()).unwrap_err()).into_owned();
        assert_eq!(wrong("return 1"), "Missing library metadata");
        assert_eq!(wrong("#!lua name=a"), "Invalid library metadata");
        assert_eq!(wrong("#!lua name=\"a\n"), "Invalid library metadata");
        assert_eq!(wrong("#!lua\n"), "Library name was not given");
        assert_eq!(wrong("#!lua x\n"), "Invalid metadata value given: x");
        assert_eq!(
            wrong("#!lua name=a name=b\n"),
            "Invalid metadata value, name argument was given multiple times"
        );
    }
}

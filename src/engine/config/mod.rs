//! The configuration: what redis.conf, the command line and CONFIG SET say, as plain fields.
//!
//! - `fields`: `Config`, one public field per directive, read directly; `Default` is Valkey 9.1's.
//! - `table`: the directives as data. All else walks it: loading, GET, SET, REWRITE, redis.conf.example.
//! - `directive`: what a row is, and what each kind of value can do. `special`: values with rules of their own.
//! - `load`: files, standard input and the command line to a `Config`, or every problem they have.
//! - `rewrite`: a `Config` back into the text of a file, comments and order kept.
//!
//! A new directive is one field in `fields` and one row in `table`. Nothing here acts on a value: who changes the
//! world (listens, resizes, changes folder) does so from `Change`, and rolls back when it fails.

pub mod directive;
pub mod example;
pub mod fields;
pub mod load;
pub mod rewrite;
pub mod special;
pub mod table;
pub mod values;

use std::fmt;

use crate::base::{glob, limits};
use directive::{
    DENY_LOADING, Directive, Effect, HIDDEN, IMMUTABLE, MULTI_ARG, Origin, PROTECTED, Reason, VOLATILE,
};
pub use fields::Config;

/// Who runs a CONFIG SET, and when.
#[derive(Clone, Copy, Debug, Default)]
pub struct Permit {
    /// `enable-protected-configs` lets this client change protected directives.
    pub protected: bool,
    /// A data set is being loaded.
    pub loading: bool,
}

/// Why a CONFIG SET was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// The server is loading and a directive cannot change meanwhile: the reply is the LOADING error.
    Loading,
    /// No such directive.
    Unknown(Vec<u8>),
    /// A value, or the directive itself, was refused.
    Failed { name: Vec<u8>, reason: Reason },
}

impl SetError {
    /// The refusal that the executor gives when a change could not be applied and was rolled back.
    pub fn failed(name: &str, reason: impl Into<Reason>) -> Self {
        Self::Failed { name: name.into(), reason: reason.into() }
    }

    /// The error as bytes, `ERR` included; names come from the client and may hold anything.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::Loading => b"LOADING Valkey is loading the dataset in memory".to_vec(),
            Self::Unknown(name) => {
                [b"ERR Unknown option or number of arguments for CONFIG SET - '", &name[..], b"'"].concat()
            }
            Self::Failed { name, reason } => [
                b"ERR CONFIG SET failed (possibly related to argument '",
                &name[..],
                b"') - ",
                reason.as_bytes(),
            ]
            .concat(),
        }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

/// What a CONFIG SET changed, and what there was before.
#[derive(Debug)]
pub struct Change {
    names: Vec<&'static str>,
    before: Box<Config>,
}

impl Change {
    /// Names of the directives whose value is another one now, as the client wrote them but in the table's spelling
    /// and under the main name, in the order given.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// The configuration before.
    pub fn before(&self) -> &Config {
        &self.before
    }
}

impl Config {
    /// Names and values of all directives that the patterns match, as CONFIG GET answers: sorted by name, each once.
    /// A name without glob characters is answered as it was written, and finds hidden directives too.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, &'static Directive)> = Vec::new();
        let has = |found: &[(Vec<u8>, &Directive)], name: &[u8]| {
            found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        for pattern in patterns {
            if !pattern.iter().any(|byte| matches!(byte, b'[' | b'*' | b'?')) {
                if let Some((_, directive)) = lookup(pattern).filter(|_| !has(&found, pattern)) {
                    found.push((pattern.to_vec(), directive));
                }
                continue;
            }
            for (name, directive) in table::names() {
                let shown = !directive.is_file_only() && !directive.has(HIDDEN);
                if shown && glob::matches(pattern, name.as_bytes(), true) && !has(&found, name.as_bytes()) {
                    found.push((name.into(), directive));
                }
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found.into_iter().map(|(name, directive)| (name, directive.get(self))).collect()
    }

    /// The value of one directive as CONFIG GET prints it; `None` for an unknown name.
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        lookup(name.as_bytes()).map(|(_, directive)| directive.get(self))
    }

    /// Sets several directives, all or none. What follows from a change is the caller's, who can `rollback`.
    pub fn set(&mut self, pairs: &[(&[u8], &[u8])], permit: Permit) -> Result<Change, SetError> {
        let found = find_all(pairs, permit)?;
        let before = Box::new(self.clone());
        for ((name, directive), (_, value)) in found.iter().zip(pairs) {
            let args = words(directive, value);
            if let Err(reason) = directive.set(self, &args, Origin::Set) {
                *self = *before;
                return Err(SetError::failed(name, reason));
            }
        }
        self.settle();
        if self.repl_backlog_size != before.repl_backlog_size {
            self.repl_backlog_size = self.repl_backlog_size.max(limits::BACKLOG_MIN);
        }
        let changed =
            |directive: &Directive| directive.has(VOLATILE) || directive.get(self) != directive.get(&before);
        let names =
            found.iter().filter(|(_, directive)| changed(directive)).map(|(_, directive)| directive.name);
        Ok(Change { names: names.collect(), before })
    }

    /// Undoes a change whose effects could not be had.
    pub fn rollback(&mut self, change: Change) {
        *self = *change.before;
    }

    /// Directives that say something else than the default and have no effect yet, with the part they wait for.
    pub fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let default = Self::default();
        let differs = |directive: &Directive| match directive.name {
            "user" => !self.user.is_empty(),
            "loadmodule" => !self.loadmodule.is_empty(),
            _ => directive.get(self) != directive.get(&default),
        };
        table::directives()
            .filter_map(|directive| match directive.effect {
                Effect::Later(part) if differs(directive) => Some((directive.name, part)),
                _ => None,
            })
            .collect()
    }

    /// Brings values that are hints into their range, as the reference does without a word.
    fn settle(&mut self) {
        self.hz = self.hz.clamp(1, 500);
    }
}

/// A directive that CONFIG GET and SET know.
fn lookup(name: &[u8]) -> Option<(&'static str, &'static Directive)> {
    table::find(name).filter(|(_, directive)| !directive.is_file_only())
}

/// Whether the value of this directive must not be shown in logs, MONITOR and SLOWLOG.
pub fn is_sensitive(name: &[u8]) -> bool {
    table::find(name).is_some_and(|(_, directive)| directive.has(directive::SENSITIVE))
}

/// Finds the directives of a CONFIG SET, or the first reason to refuse it.
fn find_all(
    pairs: &[(&[u8], &[u8])],
    permit: Permit,
) -> Result<Vec<(&'static str, &'static Directive)>, SetError> {
    let mut found: Vec<(&'static str, &'static Directive)> = Vec::with_capacity(pairs.len());
    for (name, _) in pairs {
        let (known, directive) = lookup(name).ok_or_else(|| SetError::Unknown(name.to_vec()))?;
        let fail =
            |reason: &'static str| Err(SetError::Failed { name: name.to_vec(), reason: reason.into() });
        if directive.has(IMMUTABLE) {
            return fail("can't set immutable config");
        }
        if directive.has(PROTECTED) && !permit.protected {
            return fail("can't set protected config");
        }
        if permit.loading && directive.has(DENY_LOADING) {
            return Err(SetError::Loading);
        }
        if found.iter().any(|(earlier, _)| *earlier == known) {
            return fail("duplicate parameter");
        }
        found.push((known, directive));
    }
    Ok(found)
}

/// The words of a CONFIG SET value: cut at single blanks where the directive takes several.
fn words(directive: &Directive, value: &[u8]) -> Vec<Vec<u8>> {
    if !directive.has(MULTI_ARG) {
        return vec![value.to_vec()];
    }
    if value.is_empty() {
        return Vec::new();
    }
    value.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests;

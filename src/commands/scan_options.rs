//! What SCAN, SSCAN, HSCAN and ZSCAN share: cursor, options, and the reply of a cursor with what was met.

use crate::base::{glob, num};
use crate::engine::args::Args;
use crate::engine::error::{Error, Result};
use crate::resp::{Output, Reply};
use crate::types::Value;

/// What is walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Keys,
    Set,
    Hash,
    Zset,
}

/// Types that SCAN's TYPE takes.
const TYPES: &[&str] = &["string", "list", "set", "zset", "hash", "stream"];
/// COUNT unless one is given.
const COUNT_DEFAULT: usize = 10;

/// The next argument as a cursor.
pub fn cursor(args: &mut Args<'_>) -> Result<u64> {
    num::parse_u64(args.bytes_arg()?).ok_or(Error::INVALID_CURSOR)
}

/// The options behind the cursor.
pub struct ScanOptions<'a> {
    /// COUNT: about how many are to be met.
    pub count: usize,
    pattern: Pattern<'a>,
    /// TYPE.
    pub type_name: Option<&'static str>,
    /// NOVALUES or NOSCORES.
    pub only_keys: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads all arguments that are left.
    pub fn read(args: &mut Args<'a>, of: Of) -> Result<ScanOptions<'a>> {
        let mut o =
            ScanOptions { count: COUNT_DEFAULT, pattern: Pattern::All, type_name: None, only_keys: false };
        while let Some(word) = args.next_opt() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let more = args.left() > 0;
            if more && is("count") {
                let n = args.int()?;
                o.count = usize::try_from(n).ok().filter(|&n| n > 0).ok_or(Error::SYNTAX)?;
            } else if more && is("match") {
                o.pattern = Pattern::new(args.bytes_arg()?);
            } else if more && of == Of::Keys && is("type") {
                o.type_name = Some(type_name(args.bytes_arg()?)?);
            } else if is("novalues") {
                if of != Of::Hash {
                    return Err(Error::text("ERR NOVALUES option can only be used in HSCAN"));
                }
                o.only_keys = true;
            } else if is("noscores") {
                if of != Of::Zset {
                    return Err(Error::text("ERR NOSCORES option can only be used in ZSCAN"));
                }
                o.only_keys = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(o)
    }

    /// Whether MATCH lets this name through.
    #[inline]
    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.matches(name)
    }
}

fn type_name(name: &[u8]) -> Result<&'static str> {
    let known = TYPES.iter().find(|t| name.eq_ignore_ascii_case(t.as_bytes()));
    known.copied().ok_or_else(|| Error::owned([b"ERR unknown type name '", name, b"'"].concat()))
}

/// A glob pattern, or all.
pub enum Pattern<'a> {
    All,
    Glob(&'a [u8]),
}

impl<'a> Pattern<'a> {
    pub fn new(pattern: &'a [u8]) -> Pattern<'a> {
        if pattern == b"*" { Pattern::All } else { Pattern::Glob(pattern) }
    }

    #[inline]
    pub fn matches(&self, name: &[u8]) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Glob(pattern) => glob::matches(pattern, name, false),
        }
    }
}

/// What one call has met. The next cursor is known only at the end and stands first, so strings are written apart.
#[derive(Default)]
pub struct Page {
    strings: Output,
    n: usize,
}

impl Page {
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.value(Value::Bytes(bytes));
    }

    pub fn value(&mut self, value: Value<'_>) {
        Reply::new(&mut self.strings, false).value(value);
        self.n += 1;
    }

    /// Answers the next cursor and what was met.
    pub fn reply(self, next: u64, out: &mut Reply<'_>) {
        out.array(2);
        out.bulk(num::fmt_u64(&mut num::NumBuf::new(), next));
        out.array(self.n);
        out.raw(&self.strings.tail);
    }
}

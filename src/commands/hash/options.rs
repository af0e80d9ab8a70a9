//! What stands between the key and the fields: the options of HSETEX and HGETEX, a time, and the number of fields.

use crate::base::num;
use crate::engine::args::Args;
use crate::engine::error::{Error, Result};

const NUMFIELDS: Error =
    Error::text("ERR numfields should be greater than 0 and match the provided number of fields");

/// Finds the word FIELDS from argument `from` on; it has something behind it.
pub fn find_fields(args: &Args<'_>, from: usize) -> Option<usize> {
    (from..args.len().saturating_sub(1)).find(|i| args.is(*i, "fields"))
}

/// Reads the number of fields behind the word FIELDS, which is argument `word`, and reads on from the first. Each is
/// `width` arguments, and they are all that is left.
pub fn count_fields(args: &mut Args<'_>, word: Option<usize>, width: usize) -> Result<usize> {
    count_fields_or(args, word, width, NUMFIELDS)
}

/// As `count_fields`, with another error for a wrong number.
pub fn count_fields_or(
    args: &mut Args<'_>,
    word: Option<usize>,
    width: usize,
    error: Error,
) -> Result<usize> {
    let Some(word) = word else { return Err(error) };
    args.seek(word + 1);
    let n = args.int()?;
    match usize::try_from(n) {
        Ok(n) if n > 0 && n.checked_mul(width) == Some(args.left()) => Ok(n),
        _ => Err(error),
    }
}

/// Whose options are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Hsetex,
    Hgetex,
}

/// Under which condition fields are set.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Condition {
    #[default]
    Always,
    Absent,
    Present,
}

/// How an expiry is given: its unit in ms, and whether it is a point in time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    pub ms: i64,
    pub absolute: bool,
}

pub const SECONDS: Unit = Unit { ms: 1000, absolute: false };
pub const MILLIS: Unit = Unit { ms: 1, absolute: false };
pub const SECONDS_AT: Unit = Unit { ms: 1000, absolute: true };
pub const MILLIS_AT: Unit = Unit { ms: 1, absolute: true };

/// An expiry as the client wrote it.
#[derive(Clone, Copy)]
pub struct Expiry<'a> {
    pub unit: Unit,
    pub text: &'a [u8],
}

#[derive(Default)]
pub struct Options<'a> {
    /// Of the hash: NX, XX.
    pub key: Condition,
    /// Of its fields: FNX, FXX.
    pub fields: Condition,
    pub keep_ttl: bool,
    pub persist: bool,
    pub expiry: Option<Expiry<'a>>,
}

impl<'a> Options<'a> {
    /// Reads the arguments up to `end`. The same word may come again; the last number counts.
    pub fn read(args: &mut Args<'a>, end: usize, of: Of) -> Result<Options<'a>> {
        let mut o = Options::default();
        while args.position() < end {
            let word = args.bytes_arg()?;
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let sets = of == Of::Hsetex;
            if let Some(unit) = o.unit(word)
                && args.position() < end
            {
                o.expiry = Some(Expiry { unit, text: args.bytes_arg()? });
            } else if is("nx") && sets && o.key != Condition::Present {
                o.key = Condition::Absent;
            } else if is("xx") && sets && o.key != Condition::Absent {
                o.key = Condition::Present;
            } else if is("fnx") && sets && o.fields != Condition::Present {
                o.fields = Condition::Absent;
            } else if is("fxx") && sets && o.fields != Condition::Absent {
                o.fields = Condition::Present;
            } else if is("keepttl") && sets && o.expiry.is_none() {
                o.keep_ttl = true;
            } else if is("persist") && !sets && o.expiry.is_none() {
                o.persist = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(o)
    }

    /// The unit that `word` names, if it may stand beside what was read already.
    fn unit(&self, word: &[u8]) -> Option<Unit> {
        if self.keep_ttl || self.persist {
            return None;
        }
        let units = [("ex", SECONDS), ("px", MILLIS), ("exat", SECONDS_AT), ("pxat", MILLIS_AT)];
        let (_, unit) = units.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))?;
        self.expiry.is_none_or(|e| e.unit == unit).then_some(unit)
    }

    /// The time to expire at, ms of Unix time, if one was given.
    pub fn at_ms(&self, now_ms: i64, command: &str) -> Result<Option<i64>> {
        self.expiry.map(|e| at_ms(e.text, e.unit, now_ms, command)).transpose()
    }
}

/// Reads a time to expire at as ms of Unix time. Unlike that of a key it may be 0, which is over.
pub fn at_ms(text: &[u8], unit: Unit, now_ms: i64, command: &str) -> Result<i64> {
    let n = num::parse_i64(text).ok_or(Error::NOT_INTEGER)?;
    let base_ms = if unit.absolute { 0 } else { now_ms };
    let at = if n >= 0 { n.checked_mul(unit.ms).and_then(|ms| ms.checked_add(base_ms)) } else { None };
    at.ok_or_else(|| Error::expire_time(command))
}

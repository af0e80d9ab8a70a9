//! The options of SET, GETEX and MSETEX: one reader, since they exclude each other by the same rules.

use crate::base::num;
use crate::engine::args::Args;
use crate::engine::error::{Error, Result};

/// Whose options are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Set,
    Getex,
    Msetex,
}

/// When a value is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition<'a> {
    #[default]
    Always,
    /// The key is absent.
    Absent,
    /// The key is there.
    Present,
    /// The key holds this string.
    Equal(&'a [u8]),
}

/// How an expiry is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// EX: seconds from now.
    Seconds,
    /// PX: milliseconds from now.
    Millis,
    /// EXAT: Unix time in seconds.
    SecondsAt,
    /// PXAT: Unix time in milliseconds.
    MillisAt,
}

impl Unit {
    /// Whether the number is a point in time.
    pub fn is_absolute(self) -> bool {
        matches!(self, Unit::SecondsAt | Unit::MillisAt)
    }
}

/// An expiry as the client wrote it.
#[derive(Clone, Copy)]
pub struct Expiry<'a> {
    pub unit: Unit,
    text: &'a [u8],
    /// The index of the word before the number.
    pub index: usize,
}

/// What stood behind the key and the value.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    pub condition: Condition<'a>,
    /// The index of the string that IFEQ compares with.
    pub equal_index: usize,
    /// The old value is the answer.
    pub get: bool,
    /// The expiry stays as it is.
    pub keep_ttl: bool,
    /// The expiry is taken away.
    pub persist: bool,
    pub expiry: Option<Expiry<'a>>,
}

impl<'a> Options<'a> {
    /// Reads all arguments that are left. The same word may come again, except IFEQ; the last number counts.
    pub fn read(args: &mut Args<'a>, of: Of) -> Result<Options<'a>> {
        let mut o = Options::default();
        while let Some(word) = args.next_opt() {
            let index = args.position() - 1;
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let stores = of != Of::Getex;
            if let Some(unit) = o.unit(word)
                && let Some(text) = args.next_opt()
            {
                o.expiry = Some(Expiry { unit, text, index });
            } else if is("nx") && stores && matches!(o.condition, Condition::Always | Condition::Absent) {
                o.condition = Condition::Absent;
            } else if is("xx") && stores && matches!(o.condition, Condition::Always | Condition::Present) {
                o.condition = Condition::Present;
            } else if is("ifeq") && of == Of::Set && o.condition == Condition::Always {
                o.condition = Condition::Equal(args.bytes_arg()?);
                o.equal_index = index + 1;
            } else if is("get") && of == Of::Set {
                o.get = true;
            } else if is("keepttl") && stores && o.expiry.is_none() {
                o.keep_ttl = true;
            } else if is("persist") && of == Of::Getex && o.expiry.is_none() {
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
        let units = [
            ("ex", Unit::Seconds),
            ("px", Unit::Millis),
            ("exat", Unit::SecondsAt),
            ("pxat", Unit::MillisAt),
        ];
        let (_, unit) = units.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))?;
        self.expiry.is_none_or(|e| e.unit == unit).then_some(unit)
    }

    /// The time to expire at, in ms, if one was given.
    pub fn at_ms(&self, now_ms: i64, command: &str) -> Result<Option<i64>> {
        self.expiry.map(|e| expiry_ms(e.text, e.unit, now_ms, command)).transpose()
    }
}

/// Reads an expiry as milliseconds of Unix time: above zero as it is written and in the end.
pub fn expiry_ms(text: &[u8], unit: Unit, now_ms: i64, command: &str) -> Result<i64> {
    let n = num::parse_i64(text).ok_or(Error::NOT_INTEGER)?;
    let scale = if matches!(unit, Unit::Seconds | Unit::SecondsAt) { 1000 } else { 1 };
    let base = if unit.is_absolute() { 0 } else { now_ms };
    let at = if n > 0 { n.checked_mul(scale).and_then(|ms| ms.checked_add(base)) } else { None };
    at.ok_or_else(|| Error::expire_time(command))
}

//! What a directive is: name, alias, kind of value, range, flags, effect, explanation. The rows are data in `table`;
//! this file holds their vocabulary and the three things that every kind can do: take a value, print it, and be
//! written back into a file. Error texts are the reference's, byte for byte.

use std::borrow::Cow;

use super::fields::Config;
use super::values::Named;
use crate::base::{quote, size};

/// Why a value was refused, as the user reads it.
pub type Reason = Cow<'static, str>;

/// Whether a value is taken.
pub type Taken = Result<(), Reason>;

/// A rule that a value has to meet beyond its kind.
pub type Check = fn(&[u8], Origin) -> Taken;

/// A place in the configuration.
pub struct Field<T: 'static> {
    pub get: fn(&Config) -> &T,
    pub get_mut: fn(&mut Config) -> &mut T,
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

/// The `Field` of a name in `Config`.
macro_rules! at {
    ($field:ident) => {
        $crate::engine::config::directive::Field { get: |c| &c.$field, get_mut: |c| &mut c.$field }
    };
}
pub(super) use at;

/// A place for a number, by its type.
#[derive(Clone, Copy)]
pub enum Slot {
    I64(Field<i64>),
    U64(Field<u64>),
    U32(Field<u32>),
    U16(Field<u16>),
    Usize(Field<usize>),
}

impl Slot {
    fn get(&self, config: &Config) -> i128 {
        match self {
            Self::I64(field) => i128::from(*(field.get)(config)),
            Self::U64(field) => i128::from(*(field.get)(config)),
            Self::U32(field) => i128::from(*(field.get)(config)),
            Self::U16(field) => i128::from(*(field.get)(config)),
            Self::Usize(field) => i128::try_from(*(field.get)(config)).unwrap_or(i128::MAX),
        }
    }

    /// Stores a number; `None` when the type cannot hold it, which a row's range excludes (tested).
    fn set(&self, config: &mut Config, value: i128) -> Option<()> {
        match self {
            Self::I64(field) => *(field.get_mut)(config) = value.try_into().ok()?,
            Self::U64(field) => *(field.get_mut)(config) = value.try_into().ok()?,
            Self::U32(field) => *(field.get_mut)(config) = value.try_into().ok()?,
            Self::U16(field) => *(field.get_mut)(config) = value.try_into().ok()?,
            Self::Usize(field) => *(field.get_mut)(config) = value.try_into().ok()?,
        }
        Some(())
    }
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Plain,
    /// Bytes, with units.
    Memory,
    /// Bytes, or a percentage, which is stored as its negative.
    MemoryOrPercent,
    /// Bytes, or a plain negative number with a meaning of its own.
    SignedMemory,
    Octal,
}

/// A place for one of several named values, its type erased.
#[derive(Clone, Copy)]
pub struct Choice {
    pub names: fn() -> Vec<&'static str>,
    get: fn(&Config) -> &'static str,
    set: fn(&mut Config, &[u8]) -> bool,
}

impl Choice {
    pub const fn new(
        names: fn() -> Vec<&'static str>,
        get: fn(&Config) -> &'static str,
        set: fn(&mut Config, &[u8]) -> bool,
    ) -> Self {
        Self { names, get, set }
    }
}

/// The `Choice` of a field and its enum.
macro_rules! choice {
    ($field:ident: $kind:ty) => {
        $crate::engine::config::directive::Choice::new(
            $crate::engine::config::directive::names_of::<$kind>,
            |c| $crate::engine::config::values::Named::name(c.$field),
            |c, word| $crate::engine::config::directive::choose(&mut c.$field, word),
        )
    };
}
pub(super) use choice;

pub(super) fn names_of<T: Named>() -> Vec<&'static str> {
    T::NAMES.iter().map(|(name, _)| *name).collect()
}

pub(super) fn choose<T: Named>(place: &mut T, word: &[u8]) -> bool {
    T::from_name(word).map(|value| *place = value).is_some()
}

/// A value with its own rules.
pub struct Special {
    pub set: fn(&mut Config, &[Vec<u8>], Origin) -> Taken,
    pub get: fn(&Config) -> Vec<u8>,
    /// Lines of a rewritten file, given the configuration and the default one.
    pub lines: fn(&Config, &Config, &str) -> Vec<Line>,
}

/// One line that CONFIG REWRITE has for a directive.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub text: Vec<u8>,
    /// Written even if the old file has no line to put it in: the value is not the default one.
    pub force: bool,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, standard input or the command line. `again`: the directive stood there before.
    File { again: bool },
    /// CONFIG SET.
    Set,
}

/// The kinds of values.
#[derive(Clone, Copy)]
pub enum Kind {
    YesNo(Field<bool>),
    /// Range inclusive.
    Number {
        slot: Slot,
        min: i128,
        max: i128,
        format: Format,
    },
    Text(Field<String>),
    /// Text that may hold any bytes.
    Bytes(Field<Vec<u8>>),
    Choice(Choice),
    Special(&'static Special),
    /// Known in files only, not to CONFIG GET and SET. The function takes the words behind the name.
    FileOnly(fn(&mut Config, &[Vec<u8>]) -> Taken),
}

/// What is known of a directive beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Active,
    /// Read, printed and kept, but nothing follows from it before this part exists.
    Later(&'static str),
}

/// Flags of a directive. `IMMUTABLE`: not by CONFIG SET.
pub const IMMUTABLE: u16 = 1;
/// Its value never appears in logs or MONITOR.
pub const SENSITIVE: u16 = 2;
/// CONFIG GET shows it only when asked by its exact name.
pub const HIDDEN: u16 = 4;
/// Takes several words; a value with blanks is cut at them.
pub const MULTI_ARG: u16 = 8;
/// CONFIG SET only where `enable-protected-configs` allows.
pub const PROTECTED: u16 = 16;
/// Not by CONFIG SET while a data set is loading.
pub const DENY_LOADING: u16 = 32;
/// Part of a crash report.
pub const DEBUG: u16 = 64;
/// Setting it to the value it has counts as a change, since it names a file that may have changed.
pub const VOLATILE: u16 = 128;
/// Empty means none: such a line is left out of a rewritten file.
pub const OPTIONAL: u16 = 256;

/// One directive.
#[derive(Clone, Copy)]
pub struct Directive {
    pub name: &'static str,
    /// An older name, which reads and sets the same value.
    pub alias: Option<&'static str>,
    pub kind: Kind,
    pub flags: u16,
    pub effect: Effect,
    /// What it does, in a sentence or a few, for redis.conf.example.
    pub about: &'static str,
    /// A value to show where the default is empty.
    pub example: &'static str,
    check: Option<Check>,
}

impl Directive {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            alias: None,
            kind,
            flags: 0,
            effect: Effect::Active,
            about: "",
            example: "",
            check: None,
        }
    }

    pub const fn yes_no(name: &'static str, field: Field<bool>) -> Self {
        Self::new(name, Kind::YesNo(field))
    }

    pub const fn number(name: &'static str, slot: Slot, min: i128, max: i128) -> Self {
        Self::new(name, Kind::Number { slot, min, max, format: Format::Plain })
    }

    pub const fn formatted(name: &'static str, slot: Slot, min: i128, max: i128, format: Format) -> Self {
        Self::new(name, Kind::Number { slot, min, max, format })
    }

    pub const fn text(name: &'static str, field: Field<String>) -> Self {
        Self::new(name, Kind::Text(field))
    }

    pub const fn bytes(name: &'static str, field: Field<Vec<u8>>) -> Self {
        Self::new(name, Kind::Bytes(field))
    }

    pub const fn choice(name: &'static str, choice: Choice) -> Self {
        Self::new(name, Kind::Choice(choice))
    }

    pub const fn special(name: &'static str, special: &'static Special) -> Self {
        Self::new(name, Kind::Special(special))
    }

    pub const fn file_only(name: &'static str, take: fn(&mut Config, &[Vec<u8>]) -> Taken) -> Self {
        Self::new(name, Kind::FileOnly(take))
    }

    pub const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    pub const fn flags(mut self, flags: u16) -> Self {
        self.flags = flags;
        self
    }

    pub const fn later(mut self, part: &'static str) -> Self {
        self.effect = Effect::Later(part);
        self
    }

    pub const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    pub const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    pub fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Whether CONFIG GET, SET and REWRITE know it.
    pub fn is_file_only(&self) -> bool {
        matches!(self.kind, Kind::FileOnly(_))
    }

    /// Takes the words of a value. On an error the configuration may be half changed: the caller restores it.
    pub fn set(&self, config: &mut Config, args: &[Vec<u8>], origin: Origin) -> Taken {
        match self.kind {
            Kind::Special(special) => return (special.set)(config, args, origin),
            Kind::FileOnly(take) => return take(config, args),
            _ => {}
        }
        let [value] = args else { return Err(WRONG_NUMBER.into()) };
        if let Some(check) = self.check {
            check(value, origin)?;
        }
        match self.kind {
            Kind::YesNo(field) => *(field.get_mut)(config) = parse_yes_no(value)?,
            Kind::Number { slot, min, max, format } => {
                let number = parse_number(value, format)?;
                check_range(number, min, max, format)?;
                slot.set(config, number).ok_or("argument is out of range")?;
            }
            Kind::Text(field) => {
                let text = std::str::from_utf8(value).map_err(|_| "argument must be text in UTF-8")?;
                text.clone_into((field.get_mut)(config));
            }
            Kind::Bytes(field) => value.clone_into((field.get_mut)(config)),
            Kind::Choice(choice) => {
                if !(choice.set)(config, value) {
                    return Err(not_among((choice.names)().into_iter()));
                }
            }
            Kind::Special(_) | Kind::FileOnly(_) => {}
        }
        Ok(())
    }

    /// The value as CONFIG GET prints it.
    pub fn get(&self, config: &Config) -> Vec<u8> {
        match self.kind {
            Kind::YesNo(field) => yes_no(*(field.get)(config)).into(),
            Kind::Number { slot, format, .. } => print_number(slot.get(config), format).into_bytes(),
            Kind::Text(field) => (field.get)(config).clone().into_bytes(),
            Kind::Bytes(field) => (field.get)(config).clone(),
            Kind::Choice(choice) => (choice.get)(config).into(),
            Kind::Special(special) => (special.get)(config),
            Kind::FileOnly(_) => Vec::new(),
        }
    }

    /// The lines that stand for the value in a rewritten file. None at all drops the lines that are there.
    pub fn lines(&self, config: &Config, default: &Config) -> Vec<Line> {
        let value = match self.kind {
            Kind::Special(special) => return (special.lines)(config, default, self.name),
            Kind::FileOnly(_) => return Vec::new(),
            Kind::Text(_) | Kind::Bytes(_) => {
                let value = self.get(config);
                if value.is_empty() && self.has(OPTIONAL) {
                    return Vec::new();
                }
                quote::repr(&value)
            }
            Kind::Number { slot, format: Format::Memory, .. } => human(slot.get(config)).into_bytes(),
            Kind::Number { slot, format: Format::SignedMemory | Format::MemoryOrPercent, .. }
                if slot.get(config) >= 0 =>
            {
                human(slot.get(config)).into_bytes()
            }
            Kind::Number { .. } | Kind::YesNo(_) | Kind::Choice(_) => self.get(config),
        };
        let force = self.get(config) != self.get(default);
        vec![Line { text: [self.name.as_bytes(), b" ", &value].concat(), force }]
    }
}

/// What a wrong count of words is answered with.
pub const WRONG_NUMBER: &str = "wrong number of arguments";

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn parse_yes_no(value: &[u8]) -> Result<bool, Reason> {
    if value.eq_ignore_ascii_case(b"yes") {
        Ok(true)
    } else if value.eq_ignore_ascii_case(b"no") {
        Ok(false)
    } else {
        Err("argument must be 'yes' or 'no'".into())
    }
}

/// The refusal of a word that is none of `names`; the reference cuts it at 255 bytes.
pub fn not_among(names: impl Iterator<Item = &'static str>) -> Reason {
    let mut text =
        format!("argument(s) must be one of the following: {}", names.collect::<Vec<_>>().join(", "));
    text.truncate(255);
    text.into()
}

fn parse_number(value: &[u8], format: Format) -> Result<i128, Reason> {
    let (number, refusal) = match format {
        Format::Plain => (integer(value), "argument couldn't be parsed into an integer"),
        Format::Memory => (size::parse(value).map(i128::from), "argument must be a memory value"),
        Format::SignedMemory => {
            (size::parse(value).map(i128::from).or_else(|| integer(value)), "argument must be a memory value")
        }
        Format::MemoryOrPercent => (
            size::parse(value).map(i128::from).or_else(|| percent(value)),
            "argument must be a memory or percent value",
        ),
        Format::Octal => {
            (strtoll(value, 8).map(i128::from), "argument couldn't be parsed as an octal number")
        }
    };
    number.ok_or_else(|| refusal.into())
}

fn percent(value: &[u8]) -> Option<i128> {
    integer(value.strip_suffix(b"%")?).filter(|percent| *percent >= 0).map(|percent| -percent)
}

/// A number in the one form the reference takes for integers: no blanks, no `+`, no zeros in front.
fn integer(value: &[u8]) -> Option<i128> {
    let number: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == value).then_some(i128::from(number))
}

/// A number the way C's `strtoll` reads it when nothing may follow: blanks and a sign in front, an empty text is 0.
/// `None` on other bytes and on overflow.
pub fn strtoll(value: &[u8], radix: u32) -> Option<i64> {
    if value.is_empty() {
        return Some(0);
    }
    let text = std::str::from_utf8(value.trim_ascii_start()).ok()?;
    i64::from_str_radix(text, radix).ok()
}

fn check_range(number: i128, min: i128, max: i128, format: Format) -> Taken {
    if (min..=max).contains(&number) {
        return Ok(());
    }
    Err(match format {
        Format::MemoryOrPercent if number < 0 => {
            format!("percentage argument must be less or equal to {}", -min)
        }
        Format::Octal => format!("argument must be between {min:o} and {max:o} inclusive"),
        _ => format!("argument must be between {min} and {max} inclusive"),
    }
    .into())
}

fn print_number(number: i128, format: Format) -> String {
    match format {
        Format::MemoryOrPercent if number < 0 => format!("{}%", -number),
        Format::Octal => format!("{number:o}"),
        _ => number.to_string(),
    }
}

fn human(number: i128) -> String {
    u64::try_from(number).map_or_else(|_| number.to_string(), size::human)
}

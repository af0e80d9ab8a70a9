//! Reads RDB: of every version up to Redis's 12 and Valkey's 80, in every form that values ever had. Nothing that comes
//! in is trusted: every length, listpack and count is checked whatever `sanitize-dump-payload` says, and what only claims
//! to be long gets no memory before it comes. What is read takes at most 88 times its bytes (that is as far as LZF
//! stretches) and some 100 bytes for each element.

mod input;
mod legacy;
mod packed;
mod stream;
mod values;

use std::borrow::Cow;
use std::io::Read;

use super::{AUX_ACTIVE, FOREIGN, VERSION_REDIS, VERSION_VALKEY, kind, opcode};
use crate::keyspace::{Entry, NewValue};
use crate::types::hash::HashLimits;
use crate::types::list::ListLimits;
use crate::types::set::SetLimits;
use crate::types::zset::ZsetLimits;
use input::Input;

/// What went wrong, by whose fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The file or stream ends too early.
    Short,
    /// It cannot be read.
    Io,
    /// It is not what it should be.
    Corrupt,
    /// It is no RDB, or of a version that is not read.
    Unsupported,
    /// It may be fine, but holds what this version knows nothing of.
    Unknown,
}

/// What went wrong, where, and at which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub cause: Cause,
    /// Bytes that were read before.
    pub offset: u64,
    /// The key under way, if there was one.
    pub key: Option<Vec<u8>>,
    /// In the reference's words where it has some.
    pub what: Cow<'static, str>,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (offset {}", self.what, self.offset)?;
        if let Some(key) = &self.key {
            write!(f, ", key {}", String::from_utf8_lossy(&crate::base::quote::repr(key)))?;
        }
        write!(f, ")")
    }
}

impl std::error::Error for Error {}

/// The outcome of reading.
pub type Result<T> = std::result::Result<T, Error>;

/// In which encodings values are kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub list: ListLimits,
    pub hash: HashLimits,
    pub set: SetLimits,
    pub zset: ZsetLimits,
}

/// How to read.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub limits: Limits,
    /// `rdb-version-check relaxed`: tries what is newer or foreign.
    pub relaxed: bool,
    /// `rdbchecksum`: whether the sum at the end is checked.
    pub checksum: bool,
    /// Fields of hashes whose time came before this are left out: on a primary, ms of Unix time.
    pub fields_due_ms: Option<i64>,
}

/// Why a key that was read is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A collection without elements, which servers wrote by mistake long ago.
    Empty,
    /// The time of all fields of a hash has come.
    AllFieldsExpired,
}

/// A key that was read.
pub struct LoadedKey {
    /// Key, value and expiry. Its access clock is that of `Db::clock_of(idle, frequency)`.
    pub entry: Entry,
    /// Seconds since it was used.
    pub idle: Option<u64>,
    /// LFU's counter.
    pub frequency: Option<u8>,
    /// The type that it was written as.
    pub kind: u8,
}

/// What is read next.
pub enum Item {
    /// The first: it is an RDB of this version.
    Start {
        version: u16,
    },
    /// A field beside the data: name and value.
    Aux(Vec<u8>, Vec<u8>),
    /// Keys of this database follow.
    SelectDb(u64),
    /// So many keys, so many of them with an expiry.
    Resize {
        keys: u64,
        volatile: u64,
    },
    /// The same of one slot of a cluster.
    SlotInfo {
        slot: u64,
        keys: u64,
        volatile: u64,
    },
    /// A slot that was being moved to the server that wrote this.
    SlotImport(Vec<u8>),
    Key(LoadedKey),
    Skipped(Vec<u8>, Skipped),
    /// The code of a library of functions.
    Function(Vec<u8>),
    /// What this module has added beside the data. It is passed over.
    ModuleAux(String),
    /// The last. Whether the sum was checked; it is not when none was written.
    End {
        checked: bool,
    },
}

/// What stood in front of a key.
#[derive(Default)]
struct Hints {
    expiry: Option<i64>,
    idle: Option<u64>,
    frequency: Option<u8>,
    /// For consumers of a stream: group, name, when it was last served.
    active: Vec<(Vec<u8>, Vec<u8>, i64)>,
}

/// Reads an RDB, item by item. See the head of this file.
pub struct Reader<'a> {
    input: Input<'a>,
    rules: Rules,
    version: u16,
    begun: bool,
    /// Of Redis's line: what Valkey and Redis give the same number is Redis's.
    redis: bool,
    key: Vec<u8>,
    hints: Hints,
    /// What is being done, for the checker.
    doing: &'static str,
    /// The type of the key under way.
    kind: Option<u8>,
}

/// What a value is read as.
enum Loaded {
    Value(NewValue<'static>),
    Skipped(Skipped),
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of a file or stream. More is read ahead than is used: see [`Reader::rest`].
    pub fn new(from: impl Read + 'a, rules: Rules) -> Reader<'a> {
        Reader {
            input: Input::new(Box::new(from), crate::base::limits::RDB_BUFFER, rules.checksum),
            rules,
            version: 0,
            begun: false,
            redis: true,
            key: Vec::new(),
            hints: Hints::default(),
            doing: "start",
            kind: None,
        }
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The version, once [`Item::Start`] was given.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// What is being done, as the reference's checker calls it.
    pub fn doing(&self) -> &'static str {
        self.doing
    }

    /// The type of the key under way.
    pub fn kind(&self) -> Option<u8> {
        self.kind
    }

    /// What was read ahead and belongs to whatever follows the end.
    pub fn rest(&self) -> &[u8] {
        self.input.rest()
    }

    /// The next item. After [`Item::End`] or an error there is none.
    pub fn next_item(&mut self) -> Result<Item> {
        let item = self.read_item();
        item.map_err(|mut error| {
            if matches!(self.doing, "read-object-value") {
                error.key = Some(self.key.clone());
            }
            error
        })
    }

    fn read_item(&mut self) -> Result<Item> {
        if !self.begun {
            self.begun = true;
            return self.start();
        }
        loop {
            self.doing = "read-type";
            self.kind = None;
            let code = self.input.byte()?;
            if self.redis && (kind::HASH_2..=opcode::SLOT_IMPORT).contains(&code) && !self.is_redis_kind(code)
            {
                self.kind = Some(code);
                let what = format!(
                    "Can't handle foreign type or opcode {code} in RDB with version {}",
                    self.version
                );
                return Err(self.input.error(Cause::Unknown, what));
            }
            match code {
                opcode::EXPIRE_SECONDS => {
                    self.doing = "read-expire";
                    let seconds = i32::from_le_bytes(self.input.array()?);
                    self.hints.expiry = Some(i64::from(seconds) * 1000);
                }
                opcode::EXPIRE_MS => {
                    self.doing = "read-expire";
                    self.hints.expiry = Some(self.input.i64()?);
                }
                opcode::FREQ => self.hints.frequency = Some(self.input.byte()?),
                opcode::IDLE => self.hints.idle = Some(self.input.length()?),
                opcode::AUX => {
                    if let Some(item) = self.aux()? {
                        return Ok(item);
                    }
                }
                _ => return self.other(code),
            }
        }
    }

    /// Of the types whose numbers both lines use otherwise, those that are Redis's.
    fn is_redis_kind(&self, code: u8) -> bool {
        code <= kind::HASH_LISTPACK_EX && (self.version == VERSION_REDIS || self.rules.relaxed)
    }

    fn start(&mut self) -> Result<Item> {
        self.doing = "start";
        let magic: [u8; 9] = self.input.array()?;
        let valkey = &magic[..6] == b"VALKEY";
        if !valkey && &magic[..5] != b"REDIS" {
            let shown = String::from_utf8_lossy(&magic);
            let what = format!("Wrong signature trying to load DB from file: {shown}");
            return Err(self.input.error(Cause::Unsupported, what));
        }
        let digits = if valkey { &magic[6..] } else { &magic[5..] };
        let digits = digits.iter().position(|b| *b != b'0').map_or(&digits[..0], |at| &digits[at..]);
        let version = crate::base::num::parse_u64(digits).unwrap_or(0) as u16;
        self.version = version;
        self.redis = !valkey;
        let known = if valkey { version == VERSION_VALKEY } else { (1..=VERSION_REDIS).contains(&version) };
        let line = if valkey { version > *FOREIGN.end() } else { version >= 1 && version <= *FOREIGN.end() };
        if !line || !known && !self.rules.relaxed {
            let what = format!("Can't handle RDB format version {version}");
            return Err(self.input.error(Cause::Unsupported, what));
        }
        Ok(Item::Start { version })
    }

    /// What is neither a hint for the next key nor a field beside the data.
    fn other(&mut self, code: u8) -> Result<Item> {
        Ok(match code {
            opcode::SELECT_DB => {
                self.doing = "read-len";
                Item::SelectDb(self.input.length()?)
            }
            opcode::RESIZE_DB => {
                self.doing = "read-len";
                Item::Resize { keys: self.input.length()?, volatile: self.input.length()? }
            }
            opcode::SLOT_INFO => {
                let [slot, keys, volatile] =
                    [self.input.length()?, self.input.length()?, self.input.length()?];
                Item::SlotInfo { slot, keys, volatile }
            }
            opcode::SLOT_IMPORT => self.slot_import()?,
            opcode::MODULE_AUX => self.module_aux()?,
            opcode::FUNCTION_2 => {
                self.doing = "read-functions";
                Item::Function(self.input.bytes()?.to_vec())
            }
            opcode::FUNCTION_PRE_GA => {
                let what = "Pre-release function format not supported.";
                return Err(self.input.error(Cause::Unsupported, what));
            }
            opcode::END => self.end()?,
            kind => return self.key(kind),
        })
    }

    fn aux(&mut self) -> Result<Option<Item>> {
        self.doing = "read-aux";
        let name = self.input.bytes()?.to_vec();
        let value = self.input.bytes()?;
        if name != AUX_ACTIVE {
            return Ok(Some(Item::Aux(name, value.to_vec())));
        }
        let parts = value.split_first_chunk().and_then(|(len, rest)| {
            let (group, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            let (time, consumer) = rest.split_first_chunk()?;
            Some((group.to_vec(), consumer.to_vec(), i64::from_le_bytes(*time)))
        });
        match parts {
            Some(parts) => self.hints.active.push(parts),
            None => return Err(self.input.corrupt("A consumer's time of last service is cut off")),
        }
        Ok(None)
    }

    fn slot_import(&mut self) -> Result<Item> {
        let job = self.input.bytes()?.to_vec();
        let ranges = self.input.length()?;
        for _ in 0..ranges {
            self.input.length()?;
            self.input.length()?;
        }
        Ok(Item::SlotImport(job))
    }

    fn module_aux(&mut self) -> Result<Item> {
        self.doing = "read-module-aux";
        let module = self.input.length()?;
        if self.input.length()? != values::MODULE_UINT {
            return Err(self.input.error(Cause::Corrupt, "bad when_opcode"));
        }
        self.input.length()?;
        let name = values::module_name(module);
        values::skip_module(&mut self.input, &name)?;
        Ok(Item::ModuleAux(name))
    }

    fn end(&mut self) -> Result<Item> {
        let mut checked = false;
        if self.version >= 5 {
            self.doing = "check-sum";
            let sum = self.input.sum();
            let told = u64::from_le_bytes(self.input.array()?);
            checked = self.rules.checksum && told != 0;
            if checked && told != sum {
                tracing::warn!("Wrong RDB checksum expected: ({sum:x}) but got ({told:x}). Aborting now.");
                return Err(self.input.corrupt("RDB CRC error"));
            }
        }
        Ok(Item::End { checked })
    }

    fn key(&mut self, kind: u8) -> Result<Item> {
        self.doing = "read-key";
        self.kind = Some(kind);
        if !values::is_known(kind) {
            let foreign = FOREIGN.contains(&self.version);
            let what = match self.version {
                v if v > VERSION_VALKEY => {
                    format!("Unknown object type {kind} in RDB file with future version {v}")
                }
                v if foreign => format!("Unknown object type {kind} in RDB file with foreign version {v}"),
                _ => format!("Invalid object type: {kind}"),
            };
            return Err(self.input.error(Cause::Unknown, what));
        }
        self.key.clear();
        let key = self.input.bytes()?;
        self.key.extend_from_slice(key);
        self.doing = "read-object-value";
        let hints = std::mem::take(&mut self.hints);
        let expiry = hints.expiry.filter(|at| *at != -1);
        let (idle, frequency) = (hints.idle, hints.frequency);
        let entry = if kind == kind::STRING {
            let value = values::string(&mut self.input)?;
            Entry::new(&self.key, value, expiry, 0)
        } else {
            match values::collection(&mut self.input, kind, self.redis, &self.rules, &hints.active)? {
                Loaded::Value(value) => Entry::new(&self.key, value, expiry, 0),
                Loaded::Skipped(why) => return Ok(Item::Skipped(self.key.clone(), why)),
            }
        };
        self.doing = "read-type";
        Ok(Item::Key(LoadedKey { entry, idle, frequency, kind }))
    }
}

/// Reads what RESTORE gets, but for its last ten bytes: type and value. `version` is what they tell.
pub fn payload(bytes: &[u8], key: &[u8], version: u16, rules: &Rules) -> Result<Entry> {
    let mut input = Input::new(Box::new(bytes), bytes.len().min(crate::base::limits::RDB_BUFFER), false);
    let redis = version < VERSION_VALKEY;
    let kind = input.byte()?;
    if !values::is_known(kind) {
        return Err(input.corrupt("Bad data format"));
    }
    if kind == kind::STRING {
        return Ok(Entry::new(key, values::string(&mut input)?, None, 0));
    }
    match values::collection(&mut input, kind, redis, rules, &[])? {
        Loaded::Value(value) => Ok(Entry::new(key, value, None, 0)),
        Loaded::Skipped(_) => Err(input.corrupt("A value without elements")),
    }
}

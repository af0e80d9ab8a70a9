//! A command as data: everything that is known of it stands in one `const`, next to its function. The table of all
//! specs (`exec/table.rs`) feeds dispatch, COMMAND and its subcommands, HELP, ACL categories and the docs.

use super::args::Args;
use super::cx::{Caller, KeyCx, ServerCx, SessionCx};
use super::error::Result;
use crate::resp::Reply;

/// A set of command flags.
pub type Flags = u32;
/// May change data.
pub const WRITE: Flags = 1;
/// Changes no data.
pub const READONLY: Flags = 1 << 1;
/// May take more memory: refused beyond `maxmemory`.
pub const DENYOOM: Flags = 1 << 2;
/// Administration.
pub const ADMIN: Flags = 1 << 3;
/// Pub/sub.
pub const PUBSUB: Flags = 1 << 4;
/// Not allowed in scripts.
pub const NOSCRIPT: Flags = 1 << 5;
/// May block.
pub const BLOCKING: Flags = 1 << 6;
/// Allowed while the data set is loaded.
pub const LOADING: Flags = 1 << 7;
/// Allowed on a replica that lost its primary and serves no stale data.
pub const STALE: Flags = 1 << 8;
/// Not shown to MONITOR.
pub const SKIP_MONITOR: Flags = 1 << 9;
/// Not logged by SLOWLOG and COMMANDLOG.
pub const SKIP_COMMANDLOG: Flags = 1 << 10;
/// Constant or logarithmic time.
pub const FAST: Flags = 1 << 11;
/// Allowed before authentication.
pub const NO_AUTH: Flags = 1 << 12;
/// Replicated though it writes nothing (PUBLISH).
pub const MAY_REPLICATE: Flags = 1 << 13;
/// Not allowed inside MULTI.
pub const NO_MULTI: Flags = 1 << 14;
/// Keys cannot all be told by the key specs alone.
pub const MOVABLE_KEYS: Flags = 1 << 15;
/// Allowed while a script is stuck.
pub const ALLOW_BUSY: Flags = 1 << 16;
/// Not by the replication link (WAIT...).
pub const NO_ASYNC_LOADING: Flags = 1 << 17;
/// Works on all databases, so keys of any slot (MIGRATE...).
pub const NO_MANDATORY_KEYS: Flags = 1 << 18;
/// Works on all databases.
pub const ALL_DBS: Flags = 1 << 19;
/// Touches any key without naming it (SCAN, FLUSHALL...).
pub const TOUCHES_ARBITRARY_KEYS: Flags = 1 << 20;
/// Answers only in sentinel mode.
pub const ONLY_SENTINEL: Flags = 1 << 21;
/// Refused unless a directive like `enable-debug-command` allows it.
pub const PROTECTED: Flags = 1 << 22;
/// Sent by servers and tests, not by people: COMMAND DOCS says so.
pub const SYSTEM: Flags = 1 << 23;
/// Runs at once inside MULTI instead of being queued.
pub const RUNS_IN_MULTI: Flags = 1 << 24;
/// Allowed to a client in RESP2 that subscribes to something.
pub const WHILE_SUBSCRIBED: Flags = 1 << 25;
/// Reads no keys, so that no database needs to know the time.
pub const NO_DATA: Flags = 1 << 26;

/// Runs a script, whose own flags count in place of some of the command's.
pub const RUNS_SCRIPT: Flags = 1 << 27;

/// The names that COMMAND gives flags, in its order; what is not here it does not tell.
pub const FLAG_NAMES: &[(Flags, &str)] = &[
    (WRITE, "write"),
    (READONLY, "readonly"),
    (DENYOOM, "denyoom"),
    (ADMIN, "admin"),
    (PUBSUB, "pubsub"),
    (NOSCRIPT, "noscript"),
    (BLOCKING, "blocking"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (SKIP_MONITOR, "skip_monitor"),
    (SKIP_COMMANDLOG, "skip_commandlog"),
    (FAST, "fast"),
    (NO_AUTH, "no_auth"),
    (NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (NO_ASYNC_LOADING, "no_async_loading"),
    (NO_MULTI, "no_multi"),
    (MOVABLE_KEYS, "movablekeys"),
    (ALLOW_BUSY, "allow_busy"),
];

/// A set of ACL categories.
pub type Acl = u32;

/// The names of ACL categories; bit i is category i. The order is the reference's.
pub const ACL_NAMES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// The ACL categories, as bits.
pub mod acl {
    use super::Acl;
    pub const KEYSPACE: Acl = 1;
    pub const READ: Acl = 1 << 1;
    pub const WRITE: Acl = 1 << 2;
    pub const SET: Acl = 1 << 3;
    pub const SORTEDSET: Acl = 1 << 4;
    pub const LIST: Acl = 1 << 5;
    pub const HASH: Acl = 1 << 6;
    pub const STRING: Acl = 1 << 7;
    pub const BITMAP: Acl = 1 << 8;
    pub const HYPERLOGLOG: Acl = 1 << 9;
    pub const GEO: Acl = 1 << 10;
    pub const STREAM: Acl = 1 << 11;
    pub const PUBSUB: Acl = 1 << 12;
    pub const ADMIN: Acl = 1 << 13;
    pub const FAST: Acl = 1 << 14;
    pub const SLOW: Acl = 1 << 15;
    pub const BLOCKING: Acl = 1 << 16;
    pub const DANGEROUS: Acl = 1 << 17;
    pub const CONNECTION: Acl = 1 << 18;
    pub const TRANSACTION: Acl = 1 << 19;
    pub const SCRIPTING: Acl = 1 << 20;
}

/// What a command does to the keys of a key spec: the names of COMMAND INFO are those of these bits.
pub type KeyFlags = u16;
/// Reads the value and may overwrite or delete it.
pub const RW: KeyFlags = 1;
/// Only reads.
pub const RO: KeyFlags = 1 << 1;
/// Overwrites without reading.
pub const OW: KeyFlags = 1 << 2;
/// Removes.
pub const RM: KeyFlags = 1 << 3;
/// Returns data of the value.
pub const ACCESS: KeyFlags = 1 << 4;
/// Changes the value.
pub const UPDATE: KeyFlags = 1 << 5;
/// Adds to the value.
pub const INSERT: KeyFlags = 1 << 6;
/// Deletes content.
pub const DELETE: KeyFlags = 1 << 7;
/// Not really a key.
pub const NOT_KEY: KeyFlags = 1 << 8;
/// Not all keys can be told.
pub const INCOMPLETE: KeyFlags = 1 << 9;
/// Flags depend on the arguments.
pub const VARIABLE_FLAGS: KeyFlags = 1 << 10;

/// The names of key flags, in COMMAND's order.
pub const KEY_FLAG_NAMES: &[(KeyFlags, &str)] = &[
    (RW, "RW"),
    (RO, "RO"),
    (OW, "OW"),
    (RM, "RM"),
    (ACCESS, "access"),
    (UPDATE, "update"),
    (INSERT, "insert"),
    (DELETE, "delete"),
    (NOT_KEY, "not_key"),
    (INCOMPLETE, "incomplete"),
    (VARIABLE_FLAGS, "variable_flags"),
];

/// Where the keys of a spec begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(u16),
    /// Behind this word, looked for from this argument on (from the end backwards when negative).
    Keyword(&'static str, i16),
    /// Cannot be told.
    Unknown,
}

/// Which arguments from there on are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Up to `last` (relative to the first; negative: from the end), each `step`-th; `limit` 2 = half of what is left.
    Range { last: i16, step: u16, limit: u16 },
    /// A count stands at `count`; keys begin at `first`, each `step`-th.
    Count { count: u16, first: u16, step: u16 },
    /// Cannot be told.
    Unknown,
}

/// One group of keys among the arguments.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Where they begin.
    pub begin: Begin,
    /// Which they are.
    pub find: Find,
    /// What is done to them.
    pub flags: KeyFlags,
    /// A remark for COMMAND INFO.
    pub notes: &'static str,
}

impl KeySpec {
    /// One key: argument 1.
    pub const fn first(flags: KeyFlags) -> KeySpec {
        KeySpec::at(1, flags)
    }
    /// One key: argument `i`.
    pub const fn at(i: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::range(i, 0, 1, flags)
    }
    /// Keys from argument `i` to `last` (relative to `i`; negative: from the end), each `step`-th.
    pub const fn range(i: u16, last: i16, step: u16, flags: KeyFlags) -> KeySpec {
        KeySpec { begin: Begin::Index(i), find: Find::Range { last, step, limit: 0 }, flags, notes: "" }
    }
    /// A count at argument `i`, and that many keys behind it.
    pub const fn counted(i: u16, flags: KeyFlags) -> KeySpec {
        KeySpec {
            begin: Begin::Index(i),
            find: Find::Count { count: 0, first: 1, step: 1 },
            flags,
            notes: "",
        }
    }
}

/// Finds the keys among the arguments where key specs cannot: indexes of arguments and what is done to them.
pub type FindKeys = fn(&Args<'_>) -> Result<Vec<(usize, KeyFlags)>>;

/// The function of a command, by what it can reach.
#[derive(Clone, Copy)]
pub enum Handler {
    /// One database, its own session, effects. Most commands.
    Key(fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result),
    /// The client's own session.
    Session(fn(&mut SessionCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result),
    /// The whole server.
    Server(fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result),
    /// Runs other commands.
    Nested(fn(&mut dyn Caller, &mut Args<'_>, &mut Reply<'_>) -> Result),
    /// Only subcommands.
    Container,
}

/// The group of COMMAND DOCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Pubsub,
    Transactions,
    Connection,
    Server,
    Scripting,
    Hyperloglog,
    Cluster,
    Sentinel,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// As COMMAND DOCS names it.
    pub fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Pubsub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::Hyperloglog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Sentinel => "sentinel",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }
}

/// A command. See the head of this file; built by the `const fn` steps below.
pub struct Spec {
    /// Lower case; of a subcommand without its container's name.
    pub name: &'static str,
    /// What runs it.
    pub handler: Handler,
    /// Arguments with the name: exactly n, or at least -n.
    pub arity: i16,
    /// See [`FLAG_NAMES`].
    pub flags: Flags,
    /// Its keys.
    pub keys: &'static [KeySpec],
    /// Finds the keys where the key specs cannot: indexes of arguments.
    pub find_keys: Option<FindKeys>,
    /// ACL categories beside those that flags imply.
    pub acl: Acl,
    /// Arguments as in the reference's documentation: COMMAND DOCS is made from it.
    pub syntax: &'static str,
    /// The version of the reference that brought it.
    pub since: &'static str,
    /// For COMMAND DOCS.
    pub complexity: &'static str,
    /// One sentence, ours.
    pub summary: &'static str,
    /// For COMMAND DOCS.
    pub group: Group,
    /// Hints for clients: `nondeterministic_output`, `request_policy:all_shards`...
    pub tips: &'static [&'static str],
    /// Version and change, for COMMAND DOCS.
    pub history: &'static [(&'static str, &'static str)],
    /// Since when deprecated, and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Subcommands of a container.
    pub subcommands: &'static [Spec],
}

/// Exactly `n` arguments, the name not counted.
pub const fn exactly(n: i16) -> i16 {
    n + 1
}

/// At least `n` arguments, the name not counted.
pub const fn at_least(n: i16) -> i16 {
    -(n + 1)
}

impl Spec {
    const fn new(name: &'static str, handler: Handler) -> Spec {
        Spec {
            name,
            handler,
            arity: -1,
            flags: 0,
            keys: &[],
            find_keys: None,
            acl: 0,
            syntax: "",
            since: "1.0.0",
            complexity: "O(1)",
            summary: "",
            group: Group::Generic,
            tips: &[],
            history: &[],
            deprecated: None,
            subcommands: &[],
        }
    }
    /// A command on keys of one database.
    pub const fn key(
        name: &'static str,
        f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
    ) -> Spec {
        Spec::new(name, Handler::Key(f))
    }
    /// A command on the client's own session.
    pub const fn session(
        name: &'static str,
        f: fn(&mut SessionCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
    ) -> Spec {
        Spec::new(name, Handler::Session(f))
    }
    /// A command on the whole server.
    pub const fn server(
        name: &'static str,
        f: fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
    ) -> Spec {
        Spec::new(name, Handler::Server(f))
    }
    /// A command that runs others.
    pub const fn nested(
        name: &'static str,
        f: fn(&mut dyn Caller, &mut Args<'_>, &mut Reply<'_>) -> Result,
    ) -> Spec {
        Spec::new(name, Handler::Nested(f))
    }
    /// A command that has only subcommands.
    pub const fn container(name: &'static str, subcommands: &'static [Spec]) -> Spec {
        let mut s = Spec::new(name, Handler::Container);
        s.subcommands = subcommands;
        s.arity = -2;
        s
    }
    /// A command that runs by itself and has subcommands too (COMMAND).
    pub const fn subcommands(mut self, subcommands: &'static [Spec]) -> Spec {
        self.subcommands = subcommands;
        self
    }
    /// See [`exactly`] and [`at_least`].
    pub const fn arity(mut self, arity: i16) -> Spec {
        self.arity = arity;
        self
    }
    /// See [`FLAG_NAMES`].
    pub const fn flags(mut self, flags: Flags) -> Spec {
        self.flags = flags;
        self
    }
    /// Its keys.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Spec {
        self.keys = keys;
        self
    }
    /// Finds keys that key specs cannot tell.
    pub const fn find_keys(mut self, f: FindKeys) -> Spec {
        self.find_keys = Some(f);
        self
    }
    /// ACL categories beside those that flags imply.
    pub const fn acl(mut self, acl: Acl) -> Spec {
        self.acl = acl;
        self
    }
    /// Arguments, as the reference writes them.
    pub const fn syntax(mut self, syntax: &'static str) -> Spec {
        self.syntax = syntax;
        self
    }
    /// The reference's version that brought it.
    pub const fn since(mut self, since: &'static str) -> Spec {
        self.since = since;
        self
    }
    /// For COMMAND DOCS.
    pub const fn complexity(mut self, complexity: &'static str) -> Spec {
        self.complexity = complexity;
        self
    }
    /// One sentence.
    pub const fn summary(mut self, summary: &'static str) -> Spec {
        self.summary = summary;
        self
    }
    /// For COMMAND DOCS.
    pub const fn group(mut self, group: Group) -> Spec {
        self.group = group;
        self
    }
    /// Hints for clients.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Spec {
        self.tips = tips;
        self
    }
    /// Version and change.
    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Spec {
        self.history = history;
        self
    }
    /// Since when deprecated, and what replaces it.
    pub const fn deprecated(mut self, since: &'static str, instead: &'static str) -> Spec {
        self.deprecated = Some((since, instead));
        self
    }
    /// Whether it has all of `flags`.
    #[inline]
    pub const fn has(&self, flags: Flags) -> bool {
        self.flags & flags == flags
    }
    /// Whether `n` arguments (with the name) are as many as it takes.
    #[inline]
    pub const fn takes(&self, n: usize) -> bool {
        if self.arity >= 0 { n == self.arity as usize } else { n >= -self.arity as usize }
    }
    /// All ACL categories: its own and those that flags imply.
    pub const fn acl_categories(&self) -> Acl {
        let f = self.flags;
        let mut a = self.acl;
        if f & WRITE != 0 {
            a |= acl::WRITE;
        }
        if f & READONLY != 0 && a & acl::SCRIPTING == 0 {
            a |= acl::READ;
        }
        if f & ADMIN != 0 {
            a |= acl::ADMIN | acl::DANGEROUS;
        }
        if f & PUBSUB != 0 {
            a |= acl::PUBSUB;
        }
        if f & BLOCKING != 0 {
            a |= acl::BLOCKING;
        }
        a | if f & FAST != 0 { acl::FAST } else { acl::SLOW }
    }
}

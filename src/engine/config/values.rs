//! The types of configuration values that are more than a number or a text: choices by name, save points, output
//! limits, event classes.

use crate::keyspace::db::Access;

/// A choice among named values. A value may have several names; the first is the one that is printed.
pub trait Named: Copy + PartialEq + 'static {
    /// Names as the reference lists them in its error text, in its order.
    const NAMES: &'static [(&'static str, Self)];

    /// The name that CONFIG GET prints.
    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, value)| *value == self).map_or("unknown", |(name, _)| name)
    }

    /// The value of a name, case aside.
    fn from_name(name: &[u8]) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(text, _)| text.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }
}

/// What to do at the memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvictionPolicy {
    VolatileLru,
    VolatileLfu,
    VolatileRandom,
    VolatileTtl,
    AllkeysLru,
    AllkeysLfu,
    AllkeysRandom,
    Noeviction,
}

impl EvictionPolicy {
    /// What an access does to a key's clock under this policy.
    #[inline]
    pub fn access(self) -> Access {
        match self {
            Self::VolatileLfu | Self::AllkeysLfu => Access::Lfu,
            _ => Access::Lru,
        }
    }
}

impl Named for EvictionPolicy {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("volatile-lru", Self::VolatileLru),
        ("volatile-lfu", Self::VolatileLfu),
        ("volatile-random", Self::VolatileRandom),
        ("volatile-ttl", Self::VolatileTtl),
        ("allkeys-lru", Self::AllkeysLru),
        ("allkeys-lfu", Self::AllkeysLfu),
        ("allkeys-random", Self::AllkeysRandom),
        ("noeviction", Self::Noeviction),
    ];
}

/// Facility of syslog lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogFacility {
    User,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

impl Named for SyslogFacility {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("user", Self::User),
        ("local0", Self::Local0),
        ("local1", Self::Local1),
        ("local2", Self::Local2),
        ("local3", Self::Local3),
        ("local4", Self::Local4),
        ("local5", Self::Local5),
        ("local6", Self::Local6),
        ("local7", Self::Local7),
    ];
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Debug,
    Verbose,
    Notice,
    Warning,
    Nothing,
}

impl Named for LogLevel {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("debug", Self::Debug),
        ("verbose", Self::Verbose),
        ("notice", Self::Notice),
        ("warning", Self::Warning),
        ("nothing", Self::Nothing),
    ];
}

/// Who is told that the server is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervised {
    Upstart,
    Systemd,
    Auto,
    No,
}

impl Named for Supervised {
    const NAMES: &'static [(&'static str, Self)] =
        &[("upstart", Self::Upstart), ("systemd", Self::Systemd), ("auto", Self::Auto), ("no", Self::No)];
}

/// When the append-only file is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFsync {
    Everysec,
    Always,
    No,
}

impl Named for AppendFsync {
    const NAMES: &'static [(&'static str, Self)] =
        &[("everysec", Self::Everysec), ("always", Self::Always), ("no", Self::No)];
}

/// How a replica takes a full sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisklessLoad {
    Disabled,
    OnEmptyDb,
    Swapdb,
    FlushBeforeLoad,
}

impl Named for DisklessLoad {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("disabled", Self::Disabled),
        ("on-empty-db", Self::OnEmptyDb),
        ("swapdb", Self::Swapdb),
        ("flush-before-load", Self::FlushBeforeLoad),
    ];
}

/// Whether TLS clients must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsAuthClients {
    No,
    Yes,
    Optional,
}

impl Named for TlsAuthClients {
    const NAMES: &'static [(&'static str, Self)] =
        &[("no", Self::No), ("yes", Self::Yes), ("optional", Self::Optional)];
}

/// The field of a certificate that names a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsClientUser {
    Cn,
    Uri,
    Off,
}

impl Named for TlsClientUser {
    const NAMES: &'static [(&'static str, Self)] =
        &[("CN", Self::Cn), ("URI", Self::Uri), ("off", Self::Off)];
}

/// How the out-of-memory score is adjusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OomScoreAdj {
    No,
    Relative,
    Absolute,
}

impl Named for OomScoreAdj {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("no", Self::No),
        ("yes", Self::Relative),
        ("relative", Self::Relative),
        ("absolute", Self::Absolute),
    ];
}

/// Channels of a new user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclPubsubDefault {
    Allchannels,
    Resetchannels,
}

impl Named for AclPubsubDefault {
    const NAMES: &'static [(&'static str, Self)] =
        &[("allchannels", Self::Allchannels), ("resetchannels", Self::Resetchannels)];
}

/// Who may do a dangerous thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protected {
    No,
    Yes,
    Local,
}

impl Protected {
    /// Whether a client may do what is protected.
    pub fn allows(self, local: bool) -> bool {
        match self {
            Self::Yes => true,
            Self::Local => local,
            Self::No => false,
        }
    }
}

impl Named for Protected {
    const NAMES: &'static [(&'static str, Self)] =
        &[("no", Self::No), ("yes", Self::Yes), ("local", Self::Local)];
}

/// What redirections name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterEndpoint {
    Ip,
    Hostname,
    UnknownEndpoint,
}

impl Named for ClusterEndpoint {
    const NAMES: &'static [(&'static str, Self)] =
        &[("ip", Self::Ip), ("hostname", Self::Hostname), ("unknown-endpoint", Self::UnknownEndpoint)];
}

/// What happens when the cluster file cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterConfigSave {
    Sync,
    BestEffort,
}

impl Named for ClusterConfigSave {
    const NAMES: &'static [(&'static str, Self)] = &[("sync", Self::Sync), ("best-effort", Self::BestEffort)];
}

/// What happens when a replicated command fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropagationError {
    Ignore,
    Panic,
    PanicOnReplicas,
}

impl Named for PropagationError {
    const NAMES: &'static [(&'static str, Self)] =
        &[("ignore", Self::Ignore), ("panic", Self::Panic), ("panic-on-replicas", Self::PanicOnReplicas)];
}

/// The form of a log line. `text` is another name of the legacy one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Legacy,
    Logfmt,
    Json,
}

impl Named for LogFormat {
    const NAMES: &'static [(&'static str, Self)] =
        &[("legacy", Self::Legacy), ("logfmt", Self::Logfmt), ("json", Self::Json)];

    /// `text` is accepted too, unlisted: the refusal of other words stays the reference's.
    fn from_name(name: &[u8]) -> Option<Self> {
        let name = if name.eq_ignore_ascii_case(b"text") { b"legacy" } else { name };
        Self::NAMES
            .iter()
            .find(|(text, _)| text.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }
}

/// The form of the time in a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTimestamp {
    Legacy,
    Iso8601,
    Milliseconds,
}

impl Named for LogTimestamp {
    const NAMES: &'static [(&'static str, Self)] =
        &[("legacy", Self::Legacy), ("iso8601", Self::Iso8601), ("milliseconds", Self::Milliseconds)];
}

/// What to do with a snapshot newer than known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdbVersionCheck {
    Strict,
    Relaxed,
}

impl Named for RdbVersionCheck {
    const NAMES: &'static [(&'static str, Self)] = &[("strict", Self::Strict), ("relaxed", Self::Relaxed)];
}

/// The form in which hashes with fields that expire are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdbFieldExpiry {
    Valkey,
    Redis,
}

impl Named for RdbFieldExpiry {
    const NAMES: &'static [(&'static str, Self)] = &[("valkey", Self::Valkey), ("redis", Self::Redis)];
}

/// When packed values are checked in depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SanitizeDump {
    No,
    Yes,
    Clients,
}

impl Named for SanitizeDump {
    const NAMES: &'static [(&'static str, Self)] =
        &[("no", Self::No), ("yes", Self::Yes), ("clients", Self::Clients)];
}
/// One `save` pair: a snapshot is due after `seconds` if `changes` or more keys changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    pub seconds: u64,
    pub changes: u64,
}

/// How much may wait for one class of clients. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes beyond which the client is closed at once.
    pub hard: u64,
    /// Bytes beyond which the client is closed when it stays there for `soft_seconds`.
    pub soft: u64,
    pub soft_seconds: u64,
}

/// Output limits by class of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    pub normal: OutputLimit,
    pub replica: OutputLimit,
    pub pubsub: OutputLimit,
}

/// The primary that a replica follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primary {
    pub host: String,
    pub port: u16,
}

/// What a signal's shutdown does: a set of options; empty is `default`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownFlags(pub u8);

impl ShutdownFlags {
    pub const DEFAULT: Self = Self(0);
    pub const SAVE: Self = Self(1);
    pub const NOSAVE: Self = Self(2);
    pub const NOW: Self = Self(4);
    pub const FORCE: Self = Self(8);
    pub const SAFE: Self = Self(16);
    pub const FAILOVER: Self = Self(32);

    /// Names in the order in which several are printed.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("default", Self::DEFAULT),
        ("save", Self::SAVE),
        ("nosave", Self::NOSAVE),
        ("now", Self::NOW),
        ("force", Self::FORCE),
        ("safe", Self::SAFE),
        ("failover", Self::FAILOVER),
    ];

    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Classes of keyspace events to publish, and in which form. Bits as in the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifyFlags(pub u32);

impl NotifyFlags {
    pub const KEYSPACE: Self = Self(1);
    pub const KEYEVENT: Self = Self(1 << 1);
    pub const GENERIC: Self = Self(1 << 2);
    pub const STRING: Self = Self(1 << 3);
    pub const LIST: Self = Self(1 << 4);
    pub const SET: Self = Self(1 << 5);
    pub const HASH: Self = Self(1 << 6);
    pub const ZSET: Self = Self(1 << 7);
    pub const EXPIRED: Self = Self(1 << 8);
    pub const EVICTED: Self = Self(1 << 9);
    pub const STREAM: Self = Self(1 << 10);
    /// Not part of `ALL`: a miss is no change.
    pub const KEY_MISS: Self = Self(1 << 11);
    pub const MODULE: Self = Self(1 << 13);
    /// Not part of `ALL` either.
    pub const NEW: Self = Self(1 << 14);
    /// What `A` stands for.
    pub const ALL: Self = Self(
        Self::GENERIC.0
            | Self::STRING.0
            | Self::LIST.0
            | Self::SET.0
            | Self::HASH.0
            | Self::ZSET.0
            | Self::EXPIRED.0
            | Self::EVICTED.0
            | Self::STREAM.0
            | Self::MODULE.0,
    );

    /// Letters of the classes within `A` and `n`, in the order in which they are printed.
    const CLASSES: [(u8, Self); 11] = [
        (b'g', Self::GENERIC),
        (b'$', Self::STRING),
        (b'l', Self::LIST),
        (b's', Self::SET),
        (b'h', Self::HASH),
        (b'z', Self::ZSET),
        (b'x', Self::EXPIRED),
        (b'e', Self::EVICTED),
        (b't', Self::STREAM),
        (b'd', Self::MODULE),
        (b'n', Self::NEW),
    ];

    /// Letters printed after the classes.
    const FORMS: [(u8, Self); 3] = [(b'K', Self::KEYSPACE), (b'E', Self::KEYEVENT), (b'm', Self::KEY_MISS)];

    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Reads letters such as `KEA`; `None` at an unknown one.
    pub fn parse(letters: &[u8]) -> Option<Self> {
        letters.iter().try_fold(Self(0), |flags, letter| {
            let class = match letter {
                b'A' => Self::ALL,
                _ => Self::CLASSES.iter().chain(&Self::FORMS).find(|(known, _)| known == letter)?.1,
            };
            Some(Self(flags.0 | class.0))
        })
    }

    /// The letters in canonical order. As in the reference, `A` swallows `n`.
    pub fn letters(self) -> String {
        let mut out = String::new();
        if self.contains(Self::ALL) {
            out.push('A');
        } else {
            out.extend(
                Self::CLASSES
                    .iter()
                    .filter(|(_, class)| self.contains(*class))
                    .map(|(letter, _)| char::from(*letter)),
            );
        }
        out.extend(
            Self::FORMS
                .iter()
                .filter(|(_, form)| self.contains(*form))
                .map(|(letter, _)| char::from(*letter)),
        );
        out
    }
}

//! What a Sentinel knows of one process that it watches, and the table of all of them. A primary owns the replicas and
//! the other Sentinels that were found through it; all lie in one table and name each other by id, so that what was
//! asked of an instance that is gone by now simply finds nobody.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Index, IndexMut};

use super::{Conn, Millis};

/// What an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Primary,
    Replica,
    Sentinel,
}

impl Kind {
    /// As events and replies name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Primary => "master",
            Kind::Replica => "slave",
            Kind::Sentinel => "sentinel",
        }
    }
}

/// The role an instance tells of itself in INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its INFO had none.
    Unknown,
    Primary,
    Replica,
}

/// A set of the flags below.
pub type Flags = u16;
/// Subjectively down: it has not answered for too long.
pub const S_DOWN: Flags = 1;
/// Objectively down: as many Sentinels as the quorum says so.
pub const O_DOWN: Flags = 1 << 1;
/// Of a Sentinel: it says that the primary is down.
pub const PRIMARY_DOWN: Flags = 1 << 2;
/// Of a primary: it is being failed over.
pub const FAILOVER: Flags = 1 << 3;
/// Of a replica: it becomes the primary.
pub const PROMOTED: Flags = 1 << 4;
/// Of a replica: it was told of its new primary.
pub const RECONF_SENT: Flags = 1 << 5;
/// It says that it has that primary now.
pub const RECONF_INPROG: Flags = 1 << 6;
/// It has synchronised with it.
pub const RECONF_DONE: Flags = 1 << 7;
/// Of a primary: somebody asked for the fail-over, nobody is asked for a vote.
pub const FORCED: Flags = 1 << 8;
/// SCRIPT KILL was sent to an instance that is busy.
pub const KILL_SENT: Flags = 1 << 9;
/// Of a primary: it was started anew and has not answered well since.
pub const REBOOTED: Flags = 1 << 10;
/// Of a primary: the fail-over is left to its own FAILOVER command.
pub const COORDINATED: Flags = 1 << 11;

/// The names of flags in replies that stand behind the kind and the state of the link, in the reference's order.
pub const FLAG_NAMES: &[(Flags, &str)] = &[
    (PRIMARY_DOWN, "master_down"),
    (FAILOVER, "failover_in_progress"),
    (PROMOTED, "promoted"),
    (RECONF_SENT, "reconf_sent"),
    (RECONF_INPROG, "reconf_inprog"),
    (RECONF_DONE, "reconf_done"),
    (FORCED, "force_failover"),
    (COORDINATED, "coordinated_failover"),
    (KILL_SENT, "script_kill_sent"),
    (REBOOTED, "master_reboot"),
];

/// Where a fail-over stands. The order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    None,
    /// Waits to be elected.
    WaitStart,
    SelectReplica,
    SendPromotion,
    /// Waits until the replica says that it is a primary.
    WaitPromotion,
    /// The others get their new primary.
    ReconfReplicas,
    /// Over: the promoted replica is to be watched in the primary's place.
    UpdateConfig,
}

impl State {
    /// As replies name it.
    pub fn name(self) -> &'static str {
        match self {
            State::None => "none",
            State::WaitStart => "wait_start",
            State::SelectReplica => "select_slave",
            State::SendPromotion => "send_slaveof_noone",
            State::WaitPromotion => "wait_promotion",
            State::ReconfReplicas => "reconf_slaves",
            State::UpdateConfig => "update_config",
        }
    }
}

/// What an instance's INFO says of its own FAILOVER command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnFailover {
    /// It has none.
    Unsupported,
    Idle,
    Running,
}

/// Where an instance is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addr {
    /// As it was given: a name or an address.
    pub host: Vec<u8>,
    /// The address; empty while the name cannot be resolved.
    pub ip: Vec<u8>,
    pub port: u16,
}

impl Addr {
    /// Whether both are one place, by address or by name.
    pub fn same(&self, other: &Addr) -> bool {
        let same_ip = !self.ip.is_empty() && self.ip == other.ip;
        self.port == other.port && (same_ip || self.host.eq_ignore_ascii_case(&other.host))
    }
}

/// Names an instance in its table.
pub type Id = u64;
/// Names a link in its table.
pub type LinkId = u64;

/// An instance. Times in ms of Unix time, 0 = never.
#[derive(Debug)]
pub struct Instance {
    pub kind: Kind,
    pub flags: Flags,
    /// The primary's name; `ip:port` of a replica; the id of a Sentinel.
    pub name: Vec<u8>,
    pub runid: Option<Vec<u8>>,
    pub addr: Addr,
    pub link: LinkId,
    /// The primary it belongs to, if it is none itself.
    pub primary: Option<Id>,
    pub last_pub: Millis,
    pub s_down_since: Millis,
    pub o_down_since: Millis,
    pub down_after: Millis,
    /// When its last INFO came, and when one was last asked for.
    pub info_refresh: Millis,
    pub info_asked: Millis,
    /// The last INFO.
    pub info: Option<Vec<u8>>,
    pub role: Role,
    pub role_since: Millis,
    pub own_failover: OwnFailover,
    pub own_failover_since: Millis,
    /// Since when a replica's link to its primary is down, as a duration.
    pub link_down_ms: Millis,

    // Of primaries.
    pub replicas: BTreeMap<Vec<u8>, Id>,
    pub sentinels: BTreeMap<Vec<u8>, Id>,
    pub quorum: u32,
    pub parallel_syncs: i64,
    pub auth_pass: Option<Vec<u8>>,
    pub auth_user: Option<Vec<u8>>,
    pub notification_script: Option<Vec<u8>>,
    pub reconfig_script: Option<Vec<u8>>,
    /// Commands that have other names there, by their names in lower case.
    pub renamed: BTreeMap<Vec<u8>, Vec<u8>>,
    pub reboot_down_after: Millis,
    pub reboot_since: Millis,
    pub config_epoch: u64,

    // Of replicas.
    pub priority: i64,
    pub announced: i64,
    pub reconf_sent: Millis,
    pub primary_host: Option<Vec<u8>>,
    pub primary_port: i64,
    pub primary_link_up: bool,
    pub primary_since: Millis,
    pub offset: u64,

    // Of Sentinels.
    pub last_hello: Millis,
    pub last_down_reply: Millis,

    /// Of a primary, whom this Sentinel has voted for; of a Sentinel, whom that one has.
    pub leader: Option<Vec<u8>>,
    pub leader_epoch: u64,

    // The fail-over of a primary.
    pub failover_epoch: u64,
    pub state: State,
    pub state_since: Millis,
    pub failover_start: Millis,
    pub failover_timeout: Millis,
    /// The start for which the log has told of a delay.
    pub delay_told: Millis,
    pub promoted: Option<Id>,
}

/// A replica is as good as any other, unless it says otherwise.
const DEFAULT_PRIORITY: i64 = 100;
/// Replicas that are told of a new primary at once.
pub const DEFAULT_PARALLEL_SYNCS: i64 = 1;

impl Instance {
    /// A new one, of which nothing is known yet.
    pub fn new(kind: Kind, name: Vec<u8>, addr: Addr, link: LinkId, now: Millis) -> Instance {
        Instance {
            kind,
            flags: 0,
            name,
            runid: None,
            addr,
            link,
            primary: None,
            last_pub: now,
            s_down_since: 0,
            o_down_since: 0,
            down_after: 0,
            info_refresh: 0,
            info_asked: 0,
            info: None,
            role: if kind == Kind::Primary { Role::Primary } else { Role::Replica },
            role_since: now,
            own_failover: OwnFailover::Unsupported,
            own_failover_since: now,
            link_down_ms: 0,
            replicas: BTreeMap::new(),
            sentinels: BTreeMap::new(),
            quorum: 0,
            parallel_syncs: DEFAULT_PARALLEL_SYNCS,
            auth_pass: None,
            auth_user: None,
            notification_script: None,
            reconfig_script: None,
            renamed: BTreeMap::new(),
            reboot_down_after: 0,
            reboot_since: 0,
            config_epoch: 0,
            priority: DEFAULT_PRIORITY,
            announced: 1,
            reconf_sent: 0,
            primary_host: None,
            primary_port: 0,
            primary_link_up: false,
            primary_since: now,
            offset: 0,
            last_hello: now,
            last_down_reply: now,
            leader: None,
            leader_epoch: 0,
            failover_epoch: 0,
            state: State::None,
            state_since: 0,
            failover_start: 0,
            failover_timeout: 0,
            delay_told: 0,
            promoted: None,
        }
    }

    /// Whether it has any of these flags.
    pub fn is(&self, flags: Flags) -> bool {
        self.flags & flags != 0
    }
}

/// What is connected to an instance: one connection for commands and, but for Sentinels, one that listens. A Sentinel
/// that watches several primaries with us has one link for all of them.
#[derive(Debug)]
pub struct Link {
    /// Instances that use it.
    pub refs: u32,
    /// A connection is missing.
    pub disconnected: bool,
    /// Commands without an answer yet.
    pub pending: usize,
    pub cmd: Option<Conn>,
    pub pubsub: Option<Conn>,
    pub cmd_since: Millis,
    pub pubsub_since: Millis,
    pub pubsub_active: Millis,
    /// The last good answer to a PING.
    pub last_avail: Millis,
    /// When the oldest PING without a good answer was sent; 0 = there is none.
    pub act_ping: Millis,
    pub last_ping: Millis,
    /// The last answer to a PING, of any kind.
    pub last_pong: Millis,
    pub last_try: Millis,
    /// Our own address on the command connection.
    pub local_ip: Option<Vec<u8>>,
}

impl Link {
    /// One that is not connected. It counts as asked from now on: an instance that never takes a connection is down
    /// after its time like any other.
    pub fn new(now: Millis) -> Link {
        Link {
            refs: 1,
            disconnected: true,
            pending: 0,
            cmd: None,
            pubsub: None,
            cmd_since: 0,
            pubsub_since: 0,
            pubsub_active: 0,
            last_avail: now,
            act_ping: now,
            last_ping: 0,
            last_pong: now,
            last_try: 0,
            local_ip: None,
        }
    }
}

/// What is done with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    Nothing,
    Pong,
    Info,
    Published,
    /// What another Sentinel says of a primary.
    Down,
}

/// A connection that was asked for.
#[derive(Debug)]
pub struct Connection {
    pub link: LinkId,
    pub pubsub: bool,
    /// Whose answers come next, and what for.
    pub waiting: VecDeque<(Id, Want)>,
}

/// Things under numbers that are never given twice.
#[derive(Debug)]
pub struct Table<T> {
    all: BTreeMap<u64, T>,
    next: u64,
    /// Stands in for one that is gone: whoever asks for it has a bug, but Sentinel goes on.
    nobody: T,
}

impl<T> Table<T> {
    pub fn new(nobody: T) -> Table<T> {
        Table { all: BTreeMap::new(), next: 0, nobody }
    }

    /// Adds one; gives its number.
    pub fn add(&mut self, one: T) -> u64 {
        self.next += 1;
        self.all.insert(self.next, one);
        self.next
    }

    pub fn remove(&mut self, id: u64) -> Option<T> {
        self.all.remove(&id)
    }

    pub fn get(&self, id: u64) -> Option<&T> {
        self.all.get(&id)
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        self.all.get_mut(&id)
    }
}

impl<T> Index<u64> for Table<T> {
    type Output = T;
    fn index(&self, id: u64) -> &T {
        debug_assert!(self.all.contains_key(&id), "one that is gone is asked for");
        self.all.get(&id).unwrap_or(&self.nobody)
    }
}

impl<T> IndexMut<u64> for Table<T> {
    fn index_mut(&mut self, id: u64) -> &mut T {
        debug_assert!(self.all.contains_key(&id), "one that is gone is asked for");
        self.all.get_mut(&id).unwrap_or(&mut self.nobody)
    }
}

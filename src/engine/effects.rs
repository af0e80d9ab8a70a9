//! What a command did, recorded in order and drained in one place (`exec/drain.rs`).

use super::config::values::NotifyFlags;
use super::pubsub::Delivery;
use crate::keyspace::Entry;
use crate::resp::encode;

/// A keyspace event: its class of `notify-keyspace-events` and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The class.
    pub class: NotifyFlags,
    /// The name, as subscribers see it.
    pub name: &'static str,
}

impl Event {
    /// Whether the key may hold something now that a client waits for: lists, sorted sets and streams are waited for.
    /// Of a stream's events only two matter: something was added, and what is waited for is gone.
    #[inline]
    fn may_serve(self) -> bool {
        if self.class == NotifyFlags::STREAM {
            return self == Event::XADD || self == Event::XGROUP_DESTROY;
        }
        let classes = NotifyFlags::LIST.0 | NotifyFlags::ZSET.0 | NotifyFlags::GENERIC.0;
        self.class.0 & classes != 0
    }
}

macro_rules! events {
    ($($id:ident $class:ident $name:literal;)*) => {
        impl Event {
            $(pub const $id: Event = Event { class: NotifyFlags::$class, name: $name };)*
        }
    };
}

events! {
    SET STRING "set"; SETRANGE STRING "setrange"; APPEND STRING "append"; INCRBY STRING "incrby";
    INCRBYFLOAT STRING "incrbyfloat"; SETBIT STRING "setbit"; PFADD STRING "pfadd";
    LPUSH LIST "lpush"; RPUSH LIST "rpush"; LPOP LIST "lpop"; RPOP LIST "rpop"; LINSERT LIST "linsert";
    LSET LIST "lset"; LREM LIST "lrem"; LTRIM LIST "ltrim"; SORTSTORE LIST "sortstore";
    SADD SET "sadd"; SREM SET "srem"; SPOP SET "spop"; SINTERSTORE SET "sinterstore";
    SUNIONSTORE SET "sunionstore"; SDIFFSTORE SET "sdiffstore";
    HSET HASH "hset"; HDEL HASH "hdel"; HINCRBY HASH "hincrby"; HINCRBYFLOAT HASH "hincrbyfloat";
    HEXPIRE HASH "hexpire"; HPERSIST HASH "hpersist"; HEXPIRED HASH "hexpired"; HEXPIRED_DUE EXPIRED "hexpired";
    ZADD ZSET "zadd"; ZINCR ZSET "zincr"; ZREM ZSET "zrem"; ZREMRANGEBYRANK ZSET "zremrangebyrank";
    ZREMRANGEBYSCORE ZSET "zremrangebyscore"; ZREMRANGEBYLEX ZSET "zremrangebylex"; ZPOPMIN ZSET "zpopmin";
    ZPOPMAX ZSET "zpopmax"; ZRANGESTORE ZSET "zrangestore"; ZUNIONSTORE ZSET "zunionstore";
    ZINTERSTORE ZSET "zinterstore"; ZDIFFSTORE ZSET "zdiffstore"; GEORADIUSSTORE ZSET "georadiusstore";
    GEOSEARCHSTORE ZSET "geosearchstore";
    XADD STREAM "xadd"; XTRIM STREAM "xtrim"; XDEL STREAM "xdel"; XSETID STREAM "xsetid";
    XGROUP_CREATE STREAM "xgroup-create"; XGROUP_SETID STREAM "xgroup-setid"; XGROUP_DESTROY STREAM "xgroup-destroy";
    XGROUP_CREATECONSUMER STREAM "xgroup-createconsumer"; XGROUP_DELCONSUMER STREAM "xgroup-delconsumer";
    DEL GENERIC "del"; EXPIRE GENERIC "expire"; PERSIST GENERIC "persist"; RENAME_FROM GENERIC "rename_from";
    RENAME_TO GENERIC "rename_to"; MOVE_FROM GENERIC "move_from"; MOVE_TO GENERIC "move_to"; COPY_TO GENERIC "copy_to";
    RESTORE GENERIC "restore"; EXPIRED EXPIRED "expired"; EVICTED EVICTED "evicted"; NEW NEW "new";
    KEY_MISS KEY_MISS "keymiss";
}

/// Who wants to know of changed keys: with nobody listening, a change is only counted.
pub mod listeners {
    /// Some client watches a key.
    pub const WATCH: u8 = 1;
    /// Some client caches keys.
    pub const TRACKING: u8 = 2;
    /// `notify-keyspace-events` is on.
    pub const NOTIFY: u8 = 4;
    /// Some client is blocked on a key.
    pub const BLOCKED: u8 = 8;
    /// Some client is blocked on a key and is told when it goes.
    pub const GONE: u8 = 16;
}

/// A change of one key, or an event about it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The database.
    pub db: u32,
    /// Where the key lies among the names of [`Changes`].
    at: usize,
    len: usize,
    /// The event, if one is sent.
    pub event: Option<Event>,
    /// Whether the value changed: watchers and caches are told.
    pub modified: bool,
}

/// Changes in order. The names of their keys lie in one buffer, which is used again: a change costs no allocation.
#[derive(Default)]
pub struct Changes {
    list: Vec<Change>,
    names: Vec<u8>,
}

/// Bytes of a buffer that is kept for the next command.
const NAMES_KEPT_MAX: usize = 64 * 1024;

impl Changes {
    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn push(&mut self, db: u32, key: &[u8], event: Option<Event>, modified: bool) {
        let at = self.names.len();
        self.names.extend_from_slice(key);
        self.list.push(Change { db, at, len: key.len(), event, modified });
    }

    /// Each with its key.
    pub fn iter(&self) -> impl Iterator<Item = (&Change, &[u8])> {
        self.list.iter().map(|c| (c, &self.names[c.at..c.at + c.len]))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Moves those from `first` on before all others.
    pub fn to_front(&mut self, first: usize) {
        self.list.rotate_left(first);
    }

    /// Forgets all; the buffers stay unless they have become long.
    pub fn clear(&mut self) {
        if self.names.capacity() > NAMES_KEPT_MAX {
            *self = Changes::default();
        }
        self.list.clear();
        self.names.clear();
    }
}

impl Change {
    /// Whether those who wait for the key get their turn; `gone`: some of them when it goes, too.
    pub fn may_serve(&self, gone: bool) -> bool {
        match self.event {
            Some(event) if event.may_serve() => true,
            Some(_) => self.modified && gone,
            None => self.modified,
        }
    }
}

/// Commands in order, each with its database, as they go into the stream: in one buffer, which is used again.
#[derive(Default)]
pub struct Commands {
    bytes: Vec<u8>,
    /// Of each, its database and where it ends.
    list: Vec<(u32, usize)>,
}

impl Commands {
    fn push(&mut self, db: u32, command: &[&[u8]]) {
        encode::request(&mut self.bytes, command.iter().copied());
        self.list.push((db, self.bytes.len()));
    }

    /// Each with its database.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let starts = std::iter::once(0).chain(self.list.iter().map(|c| c.1));
        self.list.iter().zip(starts).map(|(&(db, end), start)| (db, &self.bytes[start..end]))
    }

    /// Forgets all; the buffer stays unless it has become long.
    pub fn clear(&mut self) {
        if self.bytes.capacity() > NAMES_KEPT_MAX {
            *self = Commands::default();
        }
        self.bytes.clear();
        self.list.clear();
    }
}

/// How the running command goes into the AOF and to replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagate {
    /// As the client sent it, if it changed anything.
    #[default]
    Verbatim,
    /// As the commands of `Effects::instead`.
    Instead,
    /// Not at all.
    Never,
    /// As the client sent it, though it changed nothing.
    Always,
    /// As the client sent it, though it changed nothing, and to replicas alone: PUBLISH is no part of the data.
    ToReplicas,
}

/// The record of the running command.
#[derive(Default)]
pub struct Effects {
    /// Changes since the last save point, in the reference's unit.
    pub dirty: u64,
    /// Keys that the command itself found to be over, for the statistics.
    pub expired: u64,
    /// Fields of hashes that it removed or wrote over because their time had come, likewise.
    pub expired_fields: u64,
    /// Entries taken out that are large: they are freed elsewhere. With each, whether the client asked for that.
    pub garbage: Vec<(Entry, bool)>,
    /// See [`listeners`].
    pub listeners: u8,
    /// Whether anybody takes the propagated stream: AOF, replicas, a test.
    pub streaming: bool,
    /// A script runs the command.
    pub in_script: bool,
    /// The classes of events that somebody could hear, and whether of keys or of events: `notify-keyspace-events`
    /// while there is a subscriber, otherwise nothing.
    notify: NotifyFlags,
    /// Changes and events, in order; empty while nobody listens.
    pub changes: Changes,
    /// A message that the command publishes: its channel and text are the first two arguments.
    pub publish: Option<Delivery>,
    /// All keys of a database are gone: nobody's cache holds anything any more.
    pub flushed: bool,
    /// How it is propagated.
    pub propagate: Propagate,
    /// What is propagated instead of it.
    pub instead: Commands,
    /// The keys said to have changed, for `exec/checks.rs`.
    #[cfg(debug_assertions)]
    pub touched: Vec<Box<[u8]>>,
}

impl Effects {
    /// Records that `key` of `db` changed (`n` units), with its event.
    #[inline]
    pub fn changed(&mut self, db: u32, key: &[u8], event: Event, n: u64) {
        self.dirty += n;
        #[cfg(debug_assertions)]
        self.touched.push(key.into());
        if self.listeners != 0 && self.wanted(event) {
            self.changes.push(db, key, Some(event), true);
        }
    }

    /// Whether anybody wants to know of this change.
    fn wanted(&self, event: Event) -> bool {
        use listeners::*;
        self.listeners & (WATCH | TRACKING) != 0
            || self.listeners & GONE != 0
            || self.listeners & BLOCKED != 0 && event.may_serve()
            || self.notify.contains(event.class)
    }

    /// Records that the running command has met `key` after its time and removed it.
    #[cold]
    pub fn met_expired(&mut self, db: u32, key: &[u8]) {
        if self.listeners != 0 && self.wanted(Event::EXPIRED) {
            self.changes.push(db, key, Some(Event::EXPIRED), true);
        }
    }

    /// Sets which events are recorded.
    pub fn set_notify(&mut self, flags: NotifyFlags) {
        self.notify = flags;
        self.listen(listeners::NOTIFY, flags != NotifyFlags::default());
    }

    /// Which events are recorded.
    pub fn notified(&self) -> NotifyFlags {
        self.notify
    }

    /// Somebody listens from now on, or nobody does any more.
    pub fn listen(&mut self, who: u8, on: bool) {
        if on {
            self.listeners |= who;
        } else {
            self.listeners &= !who;
        }
    }

    /// Frees an entry that was taken out; a large one after the command, on the free thread.
    #[inline]
    pub fn discard(&mut self, entry: Entry, lazy: bool) {
        if entry.view().is_large(lazy) {
            self.garbage.push((entry, lazy));
        }
    }

    /// Records a change without an event.
    pub fn modified(&mut self, db: u32, key: &[u8]) {
        if self.listeners != 0 {
            self.changes.push(db, key, None, true);
        }
    }

    /// Records an event that is no change of the value.
    #[inline]
    pub fn notify(&mut self, db: u32, key: &[u8], event: Event) {
        let heard = self.listeners & listeners::NOTIFY != 0 && self.notify.contains(event.class);
        let serves = self.listeners & listeners::BLOCKED != 0 && event.may_serve();
        if heard || serves {
            self.changes.push(db, key, Some(event), false);
        }
    }

    /// Propagates this command instead of the client's; called again, all of them in order.
    pub fn propagate_as(&mut self, db: u32, command: &[&[u8]]) {
        if !self.streaming {
            return;
        }
        if self.propagate != Propagate::Instead {
            self.instead.clear();
            self.propagate = Propagate::Instead;
        }
        self.instead.push(db, command);
    }

    /// Whether the drain has nothing to do but count.
    #[inline]
    pub fn quiet(&self) -> bool {
        self.changes.is_empty() && !self.streaming && self.publish.is_none() && !self.flushed
    }
}

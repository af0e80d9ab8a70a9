//! What a command did, recorded in order and drained in one place (`exec/drain.rs`).

use crate::engine::config::values::NotifyFlags;
use crate::keyspace::Entry;

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
    #[inline]
    fn may_serve(self) -> bool {
        let classes =
            NotifyFlags::LIST.0 | NotifyFlags::ZSET.0 | NotifyFlags::STREAM.0 | NotifyFlags::GENERIC.0;
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
}

/// A change of one key, or an event about it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The database.
    pub db: u32,
    /// The key.
    pub key: Box<[u8]>,
    /// The event, if one is sent.
    pub event: Option<Event>,
    /// Whether the value changed: watchers and caches are told.
    pub modified: bool,
}

/// How the running command goes into the AOF and to replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Propagate {
    /// As the client sent it, if it changed anything.
    #[default]
    Verbatim,
    /// As these commands instead, each with its database.
    Instead(Vec<(u32, Vec<Vec<u8>>)>),
    /// Not at all.
    Never,
    /// As the client sent it, though it changed nothing.
    Always,
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
    /// Changes and events, in order; empty while nobody listens.
    pub changes: Vec<Change>,
    /// How it is propagated.
    pub propagate: Propagate,
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
        let only_blocked = self.listeners == listeners::BLOCKED;
        if self.listeners != 0 && (!only_blocked || event.may_serve()) {
            self.changes.push(Change { db, key: key.into(), event: Some(event), modified: true });
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
            self.changes.push(Change { db, key: key.into(), event: None, modified: true });
        }
    }

    /// Records an event that is no change of the value.
    #[inline]
    pub fn notify(&mut self, db: u32, key: &[u8], event: Event) {
        if self.listeners & listeners::NOTIFY != 0 {
            self.changes.push(Change { db, key: key.into(), event: Some(event), modified: false });
        }
    }

    /// Propagates this command instead of the client's; called again, all of them in order.
    pub fn propagate_as(&mut self, db: u32, command: &[&[u8]]) {
        if !self.streaming {
            return;
        }
        let words = command.iter().map(|w| w.to_vec()).collect();
        match &mut self.propagate {
            Propagate::Instead(list) => list.push((db, words)),
            other => *other = Propagate::Instead(vec![(db, words)]),
        }
    }

    /// Whether the drain has nothing to do but count.
    #[inline]
    pub fn quiet(&self) -> bool {
        self.changes.is_empty() && !self.streaming
    }
}

//! Who subscribes to what: channels, shard channels, patterns. Names are kept once, shared by the index and by the
//! clients' own lists.
//!
//! A message's way: the command plans it (who will hear it: how many is the reply), and the drain delivers it
//! (`exec/deliver.rs`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::config::values::NotifyFlags;
use super::server::Server;
use super::session::ClientType;
use crate::base::glob;

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Channel,
    Pattern,
    /// A channel of one shard of a cluster.
    Shard,
}

/// Slots of clients, in order.
pub type Subscribers = BTreeSet<usize>;

/// A message on its way: see the head of this file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub scope: Scope,
    /// The patterns that the channel matches.
    pub patterns: Vec<Rc<[u8]>>,
    /// Who hears it; one with several subscriptions to it counts for each.
    pub receivers: usize,
}

/// What one client subscribes to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Rc<[u8]>>,
    patterns: BTreeSet<Rc<[u8]>>,
    shards: BTreeSet<Rc<[u8]>>,
    bytes: usize,
}

/// What a subscription takes beside its name, about: its places in the client's list and in the index.
const SUBSCRIPTION: usize = 64;

impl Subscriptions {
    fn of(&mut self, scope: Scope) -> &mut BTreeSet<Rc<[u8]>> {
        match scope {
            Scope::Channel => &mut self.channels,
            Scope::Pattern => &mut self.patterns,
            Scope::Shard => &mut self.shards,
        }
    }

    /// How many channels, patterns and shard channels.
    pub fn counts(&self) -> [usize; 3] {
        [self.channels.len(), self.patterns.len(), self.shards.len()]
    }

    /// The number that a confirmation tells: channels and patterns together, shard channels by themselves.
    pub fn told(&self, scope: Scope) -> usize {
        match scope {
            Scope::Channel | Scope::Pattern => self.channels.len() + self.patterns.len(),
            Scope::Shard => self.shards.len(),
        }
    }

    /// Bytes it takes. A name that others subscribe to as well counts for each.
    pub fn memory(&self) -> usize {
        size_of::<Subscriptions>() + self.bytes
    }
}

/// All subscriptions. See the head of this file.
#[derive(Default)]
pub struct Pubsub {
    channels: HashMap<Rc<[u8]>, Subscribers>,
    shards: HashMap<Rc<[u8]>, Subscribers>,
    patterns: BTreeMap<Rc<[u8]>, Subscribers>,
    /// Clients with a subscription.
    pub clients: usize,
    /// Channels and patterns that keyspace events may come by.
    hear_events: usize,
}

/// What the channels of keyspace events begin with.
const EVENTS: &[u8] = b"__key";

/// Whether keyspace events may come by this channel or pattern: up to its first special character it goes with the
/// beginning of their channels.
fn may_hear_events(scope: Scope, name: &[u8]) -> bool {
    match scope {
        Scope::Shard => false,
        Scope::Channel => name.starts_with(EVENTS),
        Scope::Pattern => {
            let literal = glob::literal_prefix(name);
            let n = literal.len().min(EVENTS.len());
            literal[..n] == EVENTS[..n]
        }
    }
}

impl Pubsub {
    /// How many channels, patterns and shard channels have subscribers.
    pub fn counts(&self) -> [usize; 3] {
        [self.channels.len(), self.patterns.len(), self.shards.len()]
    }

    /// Whether somebody could hear keyspace events.
    pub fn hears_events(&self) -> bool {
        self.hear_events != 0
    }

    /// The subscribers of a channel or pattern.
    #[inline]
    pub fn subscribers(&self, scope: Scope, name: &[u8]) -> Option<&Subscribers> {
        match scope {
            Scope::Channel => self.channels.get(name),
            Scope::Shard => self.shards.get(name),
            Scope::Pattern => self.patterns.get(name),
        }
    }

    /// Names of the channels or shard channels with subscribers.
    pub fn names(&self, scope: Scope) -> impl Iterator<Item = &[u8]> {
        let of = if scope == Scope::Shard { &self.shards } else { &self.channels };
        of.keys().map(|name| &name[..])
    }

    /// Who will hear a message of this channel.
    #[inline]
    pub fn plan(&self, scope: Scope, channel: &[u8]) -> Delivery {
        let mut receivers = self.subscribers(scope, channel).map_or(0, Subscribers::len);
        let mut patterns = Vec::new();
        if scope == Scope::Channel {
            for (pattern, slots) in &self.patterns {
                if glob::matches(pattern, channel, false) {
                    receivers += slots.len();
                    patterns.push(pattern.clone());
                }
            }
        }
        Delivery { scope, patterns, receivers }
    }

    /// Places in the index, for tests: of channels, patterns, shard channels.
    #[cfg(test)]
    pub fn places(&self) -> [usize; 3] {
        let patterns = self.patterns.values().map(Subscribers::len).sum();
        let [channels, shards] =
            [&self.channels, &self.shards].map(|m| m.values().map(Subscribers::len).sum());
        [channels, patterns, shards]
    }

    /// Adds a subscriber; gives the name as it is kept.
    fn add(&mut self, scope: Scope, name: &[u8], slot: usize) -> Rc<[u8]> {
        let known = match scope {
            Scope::Channel => self.channels.get_key_value(name).map(|(n, _)| n.clone()),
            Scope::Shard => self.shards.get_key_value(name).map(|(n, _)| n.clone()),
            Scope::Pattern => self.patterns.get_key_value(name).map(|(n, _)| n.clone()),
        };
        let new = known.is_none();
        let name = known.unwrap_or_else(|| name.into());
        let slots = match scope {
            Scope::Channel => self.channels.entry(name.clone()).or_default(),
            Scope::Shard => self.shards.entry(name.clone()).or_default(),
            Scope::Pattern => self.patterns.entry(name.clone()).or_default(),
        };
        slots.insert(slot);
        self.hear_events += (new && may_hear_events(scope, &name)) as usize;
        name
    }

    /// Takes a subscriber out.
    fn remove(&mut self, scope: Scope, name: &[u8], slot: usize) {
        let slots = match scope {
            Scope::Channel => self.channels.get_mut(name),
            Scope::Shard => self.shards.get_mut(name),
            Scope::Pattern => self.patterns.get_mut(name),
        };
        let Some(slots) = slots else { return };
        slots.remove(&slot);
        if slots.is_empty() {
            match scope {
                Scope::Channel => drop(self.channels.remove(name)),
                Scope::Shard => drop(self.shards.remove(name)),
                Scope::Pattern => drop(self.patterns.remove(name)),
            }
            self.hear_events -= may_hear_events(scope, name) as usize;
        }
    }
}

impl Server {
    /// Subscribes a client; tells how many subscriptions it has now.
    pub fn subscribe(&mut self, slot: usize, scope: Scope, name: &[u8]) -> usize {
        let Some(s) = self.clients.get_mut(slot) else { return 0 };
        let own = s.subscriptions.get_or_insert_default();
        if !own.of(scope).contains(name) {
            let kept = self.pubsub.add(scope, name, slot);
            own.of(scope).insert(kept);
            own.bytes += SUBSCRIPTION + name.len();
        }
        own.told(scope)
    }

    /// Ends a client's subscription, if there is one; tells how many it has left.
    pub fn unsubscribe(&mut self, slot: usize, scope: Scope, name: &[u8]) -> usize {
        let Some(own) = self.clients.get_mut(slot).and_then(|s| s.subscriptions.as_mut()) else { return 0 };
        if own.of(scope).remove(name) {
            self.pubsub.remove(scope, name, slot);
            own.bytes -= SUBSCRIPTION + name.len();
        }
        own.told(scope)
    }

    /// What a client subscribes to, in order.
    pub fn subscribed(&mut self, slot: usize, scope: Scope) -> Vec<Rc<[u8]>> {
        let own = self.clients.get_mut(slot).and_then(|s| s.subscriptions.as_mut());
        own.map_or_else(Vec::new, |own| own.of(scope).iter().cloned().collect())
    }

    /// Ends all subscriptions of a client, without telling it.
    pub fn unsubscribe_all(&mut self, slot: usize) {
        let Some(own) = self.clients.get_mut(slot).and_then(|s| s.subscriptions.take()) else { return };
        for (scope, names) in
            [(Scope::Channel, own.channels), (Scope::Pattern, own.patterns), (Scope::Shard, own.shards)]
        {
            names.iter().for_each(|name| self.pubsub.remove(scope, name, slot));
        }
        self.subscriptions_changed(slot);
    }

    /// After a client's subscriptions changed: what kind of client it is, and whether events are heard.
    pub fn subscriptions_changed(&mut self, slot: usize) {
        if let Some(s) = self.clients.get_mut(slot) {
            let now = match (s.kind, s.subscribes()) {
                (ClientType::Normal, true) => ClientType::Pubsub,
                (ClientType::Pubsub, false) => ClientType::Normal,
                (kind, _) => kind,
            };
            self.pubsub.clients += (now == ClientType::Pubsub) as usize;
            self.pubsub.clients -= (s.kind == ClientType::Pubsub) as usize;
            s.kind = now;
        }
        self.clients.count_memory(slot);
        self.choose_events();
    }

    /// Chooses which keyspace events are recorded: none that nobody could hear.
    pub fn choose_events(&mut self) {
        let wanted = self.config.notify_keyspace_events;
        let forms = NotifyFlags::KEYSPACE.0 | NotifyFlags::KEYEVENT.0;
        let heard = self.pubsub.hears_events() && wanted.0 & forms != 0;
        self.fx.set_notify(if heard { wanted } else { NotifyFlags::default() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_while_somebody_subscribes() {
        let mut p = Pubsub::default();
        let a = p.add(Scope::Channel, b"a", 1);
        let again = p.add(Scope::Channel, b"a", 2);
        assert!(Rc::ptr_eq(&a, &again));
        p.add(Scope::Pattern, b"a*", 1);
        p.add(Scope::Shard, b"a", 3);
        assert_eq!(p.counts(), [1, 1, 1]);
        let plan = p.plan(Scope::Channel, b"a");
        assert_eq!((plan.receivers, plan.patterns.len()), (3, 1));
        assert_eq!(p.plan(Scope::Shard, b"a").receivers, 1);
        assert_eq!(p.plan(Scope::Channel, b"b").receivers, 0);
        p.remove(Scope::Channel, b"a", 1);
        p.remove(Scope::Channel, b"a", 7);
        assert_eq!(p.counts(), [1, 1, 1]);
        p.remove(Scope::Channel, b"a", 2);
        p.remove(Scope::Pattern, b"a*", 1);
        p.remove(Scope::Shard, b"a", 3);
        assert_eq!(p.counts(), [0, 0, 0]);
    }

    #[test]
    fn events_are_heard_by_names_that_go_with_theirs() {
        for name in ["*", "__key*", "__k?yspace@0__:a", "[_]*", "__keyevent@0__:del", "\\_*", "_*"] {
            assert!(may_hear_events(Scope::Pattern, name.as_bytes()), "{name}");
        }
        for name in ["news*", "__other*", "_a*", ""] {
            assert_eq!(may_hear_events(Scope::Pattern, name.as_bytes()), name.is_empty(), "{name}");
        }
        assert!(may_hear_events(Scope::Channel, b"__keyspace@0__:k"));
        assert!(!may_hear_events(Scope::Channel, b"__k"));
        assert!(!may_hear_events(Scope::Shard, b"__keyspace@0__:k"));
    }
}

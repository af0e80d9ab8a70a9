//! The messages by which Sentinels find each other and agree on the newest configuration: published on a channel of
//! every primary and replica, and to the other Sentinels. Eight words between commas: address, port, id and epoch of the
//! sender; name, address, port and configuration epoch of the primary.

use super::event::Level;
use super::info::{leading_number, leading_unsigned};
use super::instance::{Id, Kind, Want};
use super::link::HELLO_CHANNEL;
use super::{Answer, Millis, Sentinel};
use crate::base::limits;

impl Sentinel {
    /// Tells an instance, and by it the others, of this Sentinel and of what it knows. What comes back says whether
    /// it was published.
    pub(super) fn send_hello(&mut self, id: Id) {
        let one = &self.instances[id];
        let link = &self.links[one.link];
        let own_ip = self.announce_ip.clone().or_else(|| link.local_ip.clone());
        let Some(ip) = own_ip.filter(|_| !link.disconnected) else { return };
        let port = if self.announce_port != 0 { self.announce_port } else { i64::from(self.port) };
        let primary_id = self.primary_of(id);
        let primary = &self.instances[primary_id];
        let at = self.current_addr(primary_id);
        let [port, epoch, at_port, config_epoch] =
            [port as u64, self.epoch, u64::from(at.port), primary.config_epoch].map(|n| n.to_string());
        let words: [&[u8]; 8] = [
            &ip,
            port.as_bytes(),
            &self.myid,
            epoch.as_bytes(),
            &primary.name,
            self.announced(at),
            at_port.as_bytes(),
            config_epoch.as_bytes(),
        ];
        let message = words.join(&b',');
        self.send(id, Want::Published, "PUBLISH", &[HELLO_CHANNEL, &message]);
    }

    /// Has everybody who knows a primary told soon: its configuration is new.
    pub(super) fn hasten_hello(&mut self, primary: Id) {
        let others = [Kind::Replica, Kind::Sentinel].map(|kind| self.members(primary, kind));
        for id in others.into_iter().flatten().chain([primary]) {
            let one = &mut self.instances[id];
            one.last_pub = one.last_pub.min(self.now - self.timing.publish - 1);
        }
    }

    /// A message of a connection that listens.
    pub(super) fn hear(&mut self, message: &Answer) {
        let Answer::Array(parts) = message else { return };
        let [Answer::Bulk(kind), Answer::Bulk(_), Answer::Bulk(text)] = &parts[..] else { return };
        let own = !self.myid.is_empty() && text.windows(self.myid.len()).any(|part| part == self.myid);
        if kind == b"message" && !own {
            self.heard_hello(text);
        }
    }

    /// A hello that another Sentinel has sent to this one itself.
    pub fn take_hello(&mut self, now: Millis, text: &[u8]) {
        self.now = now;
        self.heard_hello(text);
    }

    fn heard_hello(&mut self, text: &[u8]) {
        let words: Vec<&[u8]> = text.split(|b| *b == b',').collect();
        let [ip, port, runid, epoch, name, primary_ip, primary_port, config_epoch] = words[..] else {
            return;
        };
        let Some(primary) = self.primary_named(name) else { return };
        let (port, primary_port) = (leading_number(port), leading_number(primary_port));
        let (epoch, config_epoch) = (leading_unsigned(epoch), leading_unsigned(config_epoch));
        let known = self.sentinel_at(primary, Some((ip, port)), Some(runid));
        let sender = known.or_else(|| self.meet(primary, ip, port, runid));
        if epoch > self.epoch {
            self.enter_epoch(primary, epoch);
        }
        let Some(sender) = sender else { return };
        if self.instances[primary].config_epoch < config_epoch {
            self.follow(primary, sender, config_epoch, primary_ip, primary_port);
        }
        if let Some(one) = self.instances.get_mut(sender) {
            one.last_hello = self.now;
        }
    }

    /// Another Sentinel has a newer configuration.
    fn follow(&mut self, primary: Id, sender: Id, epoch: u64, host: &[u8], port: i64) {
        let old = self.instances[primary].addr.clone();
        let stays = port == i64::from(old.port) && self.is_at(&old, host);
        let to = if stays { None } else { self.address(host, port, false) };
        if !stays && to.is_none() {
            return;
        }
        self.instances[primary].config_epoch = epoch;
        self.unsaved = true;
        let Some(to) = to else { return };
        self.event_of(Level::Warning, "+config-update-from", sender, "");
        self.tell_switch(primary, host, to.port);
        self.switch_to(primary, to);
        let new = self.instances[primary].addr.clone();
        self.schedule_reconfig_script(primary, "observer", &old, &new);
    }

    /// A Sentinel that is not known: new, or at another address than before, or at the address of one that is gone.
    fn meet(&mut self, primary: Id, ip: &[u8], port: i64, runid: &[u8]) -> Option<Id> {
        self.address(ip, port, true)?;
        let moved = self.remove_sentinel(primary, runid);
        if moved {
            let port = port.to_string();
            let text: [&[u8]; 6] = [b" ip ", ip, b" port ", port.as_bytes(), b" for ", runid];
            self.event_of_bytes(Level::Notice, "+sentinel-address-switch", primary, &text.concat());
        } else if let Some(other) = self.sentinel_at(primary, Some((ip, port)), None) {
            self.event_of(Level::Notice, "+sentinel-invalid-addr", other, "");
            if let Some(gone) = self.instances[other].runid.clone() {
                for p in self.primary_ids() {
                    self.remove_sentinel(p, &gone);
                }
            }
        }
        if self.instances[primary].sentinels.len() >= limits::SENTINEL_MEMBERS_MAX {
            return None;
        }
        let id = self.create(Kind::Sentinel, runid, ip, port, Some(primary)).ok()?;
        if !moved {
            self.event_of(Level::Notice, "+sentinel", id, "");
        }
        self.instances[id].runid = Some(runid.to_vec());
        self.share_link(id);
        if moved {
            self.move_everywhere(id);
        }
        self.unsaved = true;
        Some(id)
    }

    /// The Sentinel of a primary with this address, this id, or both.
    fn sentinel_at(&mut self, primary: Id, at: Option<(&[u8], i64)>, runid: Option<&[u8]>) -> Option<Id> {
        let addr = match at {
            Some((ip, port)) => Some(self.address(ip, port, true)?),
            None => None,
        };
        self.members(primary, Kind::Sentinel).into_iter().find(|id| {
            let one = &self.instances[*id];
            runid.is_none_or(|runid| one.runid.as_deref() == Some(runid))
                && addr.as_ref().is_none_or(|addr| one.addr.same(addr))
        })
    }

    /// Forgets the Sentinel with this id; tells whether there was one.
    fn remove_sentinel(&mut self, primary: Id, runid: &[u8]) -> bool {
        let gone = self.sentinel_at(primary, None, Some(runid));
        if let Some(id) = gone {
            let name = self.instances[id].name.clone();
            self.instances[primary].sentinels.remove(&name);
            self.release(id);
        }
        gone.is_some()
    }

    /// A Sentinel has another address: so it has for all primaries that it watches with us.
    fn move_everywhere(&mut self, id: Id) {
        let (addr, runid) = (self.instances[id].addr.clone(), self.instances[id].runid.clone());
        let mut moved = 0;
        for primary in self.primary_ids() {
            let Some(same) = self.sentinel_at(primary, None, runid.as_deref()) else { continue };
            self.close_link(self.instances[same].link);
            if same != id {
                self.instances[same].addr = addr.clone();
                moved += 1;
            }
        }
        if moved > 0 {
            let more = format!(" {moved} additional matching instances");
            self.event_of(Level::Notice, "+sentinel-address-update", id, &more);
        }
    }
}

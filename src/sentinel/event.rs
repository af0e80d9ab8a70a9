//! Events: what Sentinel tells in the log, to subscribers of the channel that bears the event's name and, when it
//! matters, to the user's script. Texts and channels are the reference's.

use super::instance::{Id, Kind};
use super::{Output, Sentinel};

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
}

impl Sentinel {
    pub(super) fn log(&mut self, level: Level, text: String) {
        self.outputs.push(Output::Log { level, text });
    }

    /// An event of no instance in particular.
    pub(super) fn event(&mut self, level: Level, channel: &'static str, text: Vec<u8>) {
        self.outputs.push(Output::Event { level, channel, text });
    }

    /// An event of an instance, which its text begins with: `kind name ip port`, and behind an `@` its primary.
    pub(super) fn event_of(&mut self, level: Level, channel: &'static str, id: Id, more: &str) {
        self.event_of_bytes(level, channel, id, more.as_bytes());
    }

    pub(super) fn event_of_bytes(&mut self, level: Level, channel: &'static str, id: Id, more: &[u8]) {
        let text = [&self.described(id), more].concat();
        self.told(level, channel, id, text);
    }

    /// An event of an instance with a text of its own.
    pub(super) fn told(&mut self, level: Level, channel: &'static str, id: Id, text: Vec<u8>) {
        if level == Level::Warning {
            let primary = self.primary_of(id);
            if let Some(script) = self.instances[primary].notification_script.clone() {
                self.schedule_script(vec![script, channel.as_bytes().to_vec(), text.clone()]);
            }
        }
        self.event(level, channel, text);
    }

    fn described(&self, id: Id) -> Vec<u8> {
        let one = &self.instances[id];
        let place = |addr| [self.announced(addr), b" ", addr.port.to_string().as_bytes()].concat();
        let own: [&[u8]; 5] = [one.kind.name().as_bytes(), b" ", &one.name, b" ", &place(&one.addr)];
        let mut text = own.concat();
        if let Some(primary) = one.primary.filter(|_| one.kind != Kind::Primary) {
            let primary = &self.instances[primary];
            let of: [&[u8]; 4] = [b" @ ", &primary.name, b" ", &place(&primary.addr)];
            text.extend(of.concat());
        }
        text
    }
}

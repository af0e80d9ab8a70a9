//! Messages to subscribers. A message is put together once, whoever hears it and in whatever version of the protocol:
//! the two differ in one byte. Short ones are copied behind what a subscriber is to be sent anyway; a long one lies once
//! on the heap, and the outputs of all subscribers refer to it.

use super::Exec;
use crate::base::num::{self, NumBuf};
use crate::engine::config::values::NotifyFlags;
use crate::engine::effects::Event;
use crate::engine::pubsub::{Delivery, Scope, Subscribers};
use crate::engine::server::Server;
use crate::engine::session::{Closing, Due};
use crate::keyspace::heap::HeapStr;

/// Bytes of a message from which on it is shared: below, one write of several messages is worth more than the copies.
pub(super) const SHARED_MIN: usize = 16 * 1024;
/// Bytes of the buffers kept for the next message.
const KEPT_MAX: usize = 64 * 1024;

/// A message being sent, and the buffers that messages are put together in.
#[derive(Default)]
pub struct Frame {
    /// As RESP2 has it.
    bytes: Vec<u8>,
    /// In RESP2 and RESP3, once somebody needs it; only of long ones.
    shared: [Option<HeapStr>; 2],
    /// The channel of an event.
    channel: Vec<u8>,
    /// Slots of subscribers whose output has outgrown their reply buffer.
    outgrown: Vec<usize>,
}

impl Frame {
    /// Puts a message together out of its parts.
    fn build(&mut self, parts: &[&[u8]]) {
        self.bytes.clear();
        self.shared = [None, None];
        self.number(b'*', parts.len());
        for part in parts {
            self.number(b'$', part.len());
            self.bytes.extend_from_slice(part);
            self.bytes.extend_from_slice(b"\r\n");
        }
    }

    fn number(&mut self, mark: u8, n: usize) {
        let mut digits = NumBuf::new();
        self.bytes.push(mark);
        self.bytes.extend_from_slice(num::fmt_i64(&mut digits, n as i64));
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// The whole message as one string, the same for all who speak this version.
    fn share(&mut self, resp3: bool) -> HeapStr {
        let kind: &[u8] = if resp3 { b">" } else { b"*" };
        self.shared[resp3 as usize]
            .get_or_insert_with(|| HeapStr::from_parts(&[kind, &self.bytes[1..]]))
            .clone()
    }

    /// Sends it to the subscribers.
    fn send(&mut self, server: &mut Server, scope: Scope, name: &[u8]) {
        let Server { clients, pubsub, flush_messages, config, debug, .. } = server;
        let none = Subscribers::new();
        let watchful = config.maxmemory_clients != 0 || debug.enforce_reply_list;
        for &slot in pubsub.subscribers(scope, name).unwrap_or(&none) {
            let Some(s) = clients.get_mut(slot).filter(|s| s.closing == Closing::No) else { continue };
            if self.bytes.len() >= SHARED_MIN {
                s.output.append_shared(self.share(s.resp3));
            } else {
                s.output.roll();
                let at = s.output.tail.len();
                s.output.tail.extend_from_slice(&self.bytes);
                if s.resp3 {
                    s.output.tail[at] = b'>';
                }
            }
            if s.due == Due::No {
                s.due = Due::Messages;
                flush_messages.push_back(slot);
            }
            let len = s.output.len();
            if watchful || len > s.output_peak || len > s.reply_buffer {
                self.outgrown.push(slot);
            }
        }
    }

    /// Gives long buffers back.
    fn rest(&mut self) {
        self.shared = [None, None];
        for buffer in [&mut self.bytes, &mut self.channel] {
            if buffer.capacity() > KEPT_MAX {
                *buffer = Vec::new();
            }
        }
    }
}

impl Exec {
    /// Delivers a message: to the channel's subscribers first, then to those of the patterns.
    pub(super) fn deliver(&mut self, to: &Delivery, channel: &[u8], message: &[u8]) {
        let mut frame = std::mem::take(&mut self.frame);
        let kind: &[u8] = if to.scope == Scope::Shard { b"smessage" } else { b"message" };
        frame.build(&[kind, channel, message]);
        frame.send(&mut self.server, to.scope, channel);
        for pattern in &to.patterns {
            frame.build(&[b"pmessage", pattern, channel, message]);
            frame.send(&mut self.server, Scope::Pattern, pattern);
        }
        // Some of them may be closed now, which ends their subscriptions.
        while let Some(slot) = frame.outgrown.pop() {
            self.output_grew(slot);
        }
        frame.rest();
        self.frame = frame;
    }

    /// Tells subscribers of an event, in the forms that `notify-keyspace-events` asks for.
    pub(super) fn deliver_event(&mut self, db: u32, key: &[u8], event: Event) {
        let wanted = self.server.fx.notified();
        if !wanted.contains(event.class) {
            return;
        }
        let name = event.name.as_bytes();
        if wanted.contains(NotifyFlags::KEYSPACE) {
            self.publish_event(b"__keyspace@", db, key, name);
        }
        if wanted.contains(NotifyFlags::KEYEVENT) {
            self.publish_event(b"__keyevent@", db, name, key);
        }
    }

    fn publish_event(&mut self, form: &[u8], db: u32, about: &[u8], message: &[u8]) {
        let mut channel = std::mem::take(&mut self.frame.channel);
        let mut digits = NumBuf::new();
        channel.clear();
        for part in [form, num::fmt_i64(&mut digits, db as i64), b"__:", about] {
            channel.extend_from_slice(part);
        }
        let to = self.server.pubsub.plan(Scope::Channel, &channel);
        if to.receivers > 0 {
            self.deliver(&to, &channel, message);
        }
        self.frame.channel = channel;
    }
}

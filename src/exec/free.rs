//! Freeing in slices: FLUSHALL SYNC and FLUSHDB SYNC free what they took out of the keyspace between turns, and only
//! their own clients wait for it.

use super::Exec;
use crate::engine::session::Blocked;
use crate::resp::Reply;

/// Time one slice of freeing may take before clients get their turn.
const FREE_SLICE_NS: u64 = 1_000_000;

impl Exec {
    /// Frees for one slice of time, and answers the clients whose data is gone. Tells whether there is more to do.
    pub fn free_on(&mut self) -> bool {
        let start_ns = self.server.clock.mono_ns();
        while let Some((client, remains)) = self.server.freeing.front_mut() {
            let client = *client;
            while let Some(last) = remains.last_mut() {
                if !last.free_some() {
                    remains.pop();
                }
                if self.server.clock.mono_ns().saturating_sub(start_ns) > FREE_SLICE_NS {
                    return true;
                }
            }
            self.server.freeing.pop_front();
            self.end_freeing(client);
        }
        false
    }

    /// Answers the client with this id, if it is still there.
    fn end_freeing(&mut self, client: u64) {
        let Some(slot) = self.server.clients.slot_of(client) else { return };
        let session = self.server.client(slot);
        if session.block.as_ref().is_none_or(|b| !matches!(b.on, Blocked::Freeing)) {
            return;
        }
        let resp3 = session.resp3;
        Reply::new(&mut session.output, resp3).ok();
        self.server.unblock(slot);
        self.server.flush_later(slot);
    }
}

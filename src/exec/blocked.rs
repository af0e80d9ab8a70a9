//! Clients that wait for keys, served: after every request, and as long as that makes more keys ready, the requests of
//! those who wait for a changed key are run again, first come, first served.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::session::{Block, Blocked};
use crate::keyspace::Key;
use crate::resp::Reply;

impl Exec {
    /// A handler made its client wait for keys: keeps the request and lines the client up.
    #[cold]
    pub(super) fn wait_for_keys(&mut self, slot: usize, id: u16, args: &Args<'_>) {
        let db = self.server.client(slot).db as u32;
        if let Some(Block { on: Blocked::Keys(wait), .. }) = &mut self.server.client(slot).block {
            (wait.db, wait.command) = (db, id);
            (wait.bytes, wait.spans) = args.to_owned();
        }
        self.server.start_wait(slot);
    }

    /// Serves those who wait for keys that have changed. While the data set stands still they go on waiting.
    #[cold]
    pub fn serve_waiting(&mut self) {
        let now_ms = self.now.wall_ms() as i64;
        if self.server.paused(now_ms) {
            return;
        }
        while let Some((db, key)) = self.server.waiting.next_ready() {
            let (mut ticket, last) = (0, self.server.waiting.last_ticket());
            // Who begins to wait meanwhile has looked at the key already.
            while let Some((next, slot)) = self.server.waiting.after(db, &key, ticket).filter(|n| n.0 <= last)
            {
                ticket = next;
                let held = self.server.dbs.get_mut(db as usize).and_then(|d| {
                    d.now_ms = now_ms;
                    d.peek(Key::new(&key)).map(|pos| d.at(pos).type_name())
                });
                let Some(held) = held else { break };
                let wants = self.server.client(slot).waits_for_keys().map(|w| w.wants);
                if wants == Some(held) {
                    self.run_again(slot);
                }
            }
        }
    }

    /// Runs the request of a client that waits once more. It goes on waiting if that would block again.
    fn run_again(&mut self, slot: usize) {
        let session = self.server.client(slot);
        let Some(mut block) = session.block.take() else { return };
        let Blocked::Keys(wait) = &mut block.on else { return };
        let (bytes, spans) = (std::mem::take(&mut wait.bytes), std::mem::take(&mut wait.spans));
        let id = wait.command;
        let mut out = std::mem::take(&mut session.output);
        let resp3 = session.resp3;
        self.running_again = true;
        let mut args = Args::new(&bytes, &spans);
        self.call(slot, id, &mut args, &mut Reply::new(&mut out, resp3));
        self.running_again = false;
        let session = self.server.client(slot);
        let pushed = std::mem::replace(&mut session.output, out);
        session.output.append(pushed);
        let waits_on = session.block.is_some();
        if let Blocked::Keys(wait) = &mut block.on {
            (wait.bytes, wait.spans) = (bytes, spans);
        }
        session.block = Some(block);
        if !waits_on {
            self.server.unblock(slot);
            self.server.flush_later(slot);
            self.output_grew(slot);
        }
    }
}

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
        let session = self.server.client(slot);
        if let Some(Block { on: Blocked::Keys(wait), .. }) = &mut session.block {
            (wait.db, wait.command) = (db, id);
            wait.keep(args.to_owned());
        }
        // It is counted once it is served, but CLIENT LIST shows what it waits with.
        session.last_command = Some(id);
        self.server.start_wait(slot);
    }

    /// Serves those who wait for keys that have changed. While the data set stands still they go on waiting.
    #[cold]
    pub fn serve_waiting(&mut self) {
        let now_ms = self.now.wall_ms() as i64;
        if self.server.paused(now_ms) || self.server.scripts.running.is_some() {
            return;
        }
        while let Some((db, key)) = self.server.waiting.next_ready() {
            let mut turn = self.server.waiting.turn(db, &key);
            while let Some(next) = turn.pop() {
                let held = self.server.dbs.get_mut(db as usize).and_then(|d| {
                    d.now_ms = now_ms;
                    d.peek(Key::new(&key)).map(|pos| d.at(pos).type_name())
                });
                let wants = self.server.client(next.slot).waits_for_keys().map(|w| w.wants);
                let member = next.group.is_some();
                let served = (member || wants == held) && self.run_again(next.slot);
                // Without the key nobody else gets anything, and of a group nobody what this one did not get.
                if if member { served } else { held.is_some() } {
                    self.server.waiting.go_on(&mut turn, db, &key, next);
                }
            }
        }
    }

    /// Runs the request of a client that waits once more. It goes on waiting if that would block again; whether it does
    /// not.
    fn run_again(&mut self, slot: usize) -> bool {
        let session = self.server.client(slot);
        let Some(mut block) = session.block.take() else { return false };
        let Blocked::Keys(wait) = &mut block.on else { return false };
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
            self.end_caching(slot, None);
            self.server.flush_later(slot);
            self.output_grew(slot);
        }
        !waits_on
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::testkit::{Kit, check};

    #[test]
    fn a_client_that_goes_takes_nothing() {
        check(
            "c1> CLIENT ID        | *
             c1> BLPOP l 0        | (none)
             c2> BLPOP l 0        | (none)
             c3> CLIENT KILL ID 1 | :1
             c3> RPUSH l a        | :1
             c2< [ \"l\" \"a\" ]
             c3> EXISTS l         | :0",
        );
    }

    #[test]
    fn first_come_first_served_and_places_are_kept() {
        check(
            "c1> BLPOP a b 0      | (none)
             c2> BLPOP b 0        | (none)
             c3> BZPOPMIN b 0     | (none)
             c4> ZADD b 1 m       | :1
             c3< [ \"b\" \"m\" \"1\" ]
             c4> RPUSH b x y z    | :3
             c1< [ \"b\" \"x\" ]
             c2< [ \"b\" \"y\" ]
             c4> LRANGE b 0 -1    | [ \"z\" ]",
        );
    }

    #[test]
    fn a_chain_of_moves_is_served_at_once() {
        check(
            "c1> BLMOVE a b LEFT LEFT 0   | (none)
             c2> BLMOVE b c LEFT LEFT 0   | (none)
             c3> BLPOP c 0                | (none)
             c4> RPUSH a x                | :1
             c1< \"x\"
             c2< \"x\"
             c3< [ \"c\" \"x\" ]
             c4> EXISTS a b c             | :0",
        );
    }

    #[test]
    fn a_wait_counts_once_however_it_ends() {
        let mut kit = Kit::new(Config::default());
        let calls = |kit: &Kit| {
            let id = kit.exec.server.commands.find(b"blpop").unwrap().id as usize;
            kit.exec.server.commands.stats[id].calls
        };
        kit.raw("a", b"BLPOP l 1\r\n");
        kit.advance(500);
        assert_eq!(calls(&kit), 0);
        kit.advance(501);
        assert_eq!((&kit.heard("a")[..], calls(&kit)), (&b"*-1\r\n"[..], 1));
        kit.raw("a", b"BLPOP l 1\r\n");
        kit.raw("b", b"RPUSH l x\r\n");
        assert_eq!((&kit.heard("a")[..], calls(&kit)), (&b"*2\r\n$1\r\nl\r\n$1\r\nx\r\n"[..], 2));
        kit.raw("a", b"BLPOP l 0\r\nGET k\r\n");
        kit.raw("b", b"CLIENT UNBLOCK 1 ERROR\r\n");
        let heard = kit.heard("a");
        assert!(heard.starts_with(b"-UNBLOCKED ") && heard.ends_with(b"$-1\r\n"));
        assert_eq!(calls(&kit), 3);
    }
}

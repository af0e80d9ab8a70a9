//! The end of a turn: what was propagated is handed to those who take it.

use super::Exec;

impl Exec {
    /// Hands on what was propagated since the last time. To be called at the end of every turn, before its replies are
    /// written: who is told of a change must not know of it before the log does.
    #[inline]
    pub fn hand_on(&mut self) {
        // What a script has propagated so far goes when it has ended: nobody sees a part of it.
        if self.server.scripts.running.is_some() {
            return;
        }
        if self.server.repl.ack_wanted {
            self.ask_for_acks();
        }
        if !self.server.repl.newcomers.is_empty() {
            self.newcomers_join();
        }
        if !self.server.stream.is_empty() {
            self.server.hand_on_stream();
        }
    }
}

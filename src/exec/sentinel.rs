//! The executor of a Sentinel: gives its machine what happens, and carries out what it answers as far as that is not
//! the network's.

use super::Exec;
use crate::engine::pubsub::Scope;
use crate::engine::server::Request;
use crate::sentinel::event::Level;
use crate::sentinel::{Input, Millis, Output};

/// The process's status after SENTINEL SIMULATE-FAILURE.
const CRASHED: i32 = 99;

impl Exec {
    /// Something has happened.
    pub fn sentinel_input(&mut self, input: Input) {
        let now_ms = self.server.clock.now_ms() as i64;
        if let Some(sentinel) = &mut self.server.sentinel {
            sentinel.step(now_ms, input);
        }
    }

    /// A Sentinel's tick; gives the time to the next one in ms.
    pub fn sentinel_tick(&mut self) -> Millis {
        self.sentinel_input(Input::Tick);
        self.server.sentinel.as_mut().map_or(Millis::MAX, |sentinel| sentinel.tick_after())
    }

    /// Carries out what the machine has left; gives what is for connections and scripts. What it must remember is on
    /// disk before anybody hears of it.
    pub fn settle_sentinel(&mut self) -> Vec<Output> {
        let Some(sentinel) = &mut self.server.sentinel else { return Vec::new() };
        if sentinel.outputs.is_empty() && !sentinel.unsaved || self.server.shutting_down {
            return Vec::new();
        }
        let outputs = std::mem::take(&mut sentinel.outputs);
        if sentinel.unsaved {
            self.server.save_sentinel();
        }
        let mut outside = Vec::new();
        for output in outputs {
            match output {
                Output::Event { level, channel, text } => {
                    log(level, &format!("{channel} {}", String::from_utf8_lossy(&text)));
                    if level != Level::Debug {
                        self.publish(channel.as_bytes(), &text);
                    }
                }
                Output::Log { level, text } => log(level, &text),
                Output::Crash => {
                    tracing::warn!("Sentinel CRASH because of SENTINEL simulate-failure");
                    self.server.shutting_down = true;
                    self.server.requests.push(Request::Exit(CRASHED));
                    // What comes behind it never happens.
                    break;
                }
                other => outside.push(other),
            }
        }
        outside
    }

    fn publish(&mut self, channel: &[u8], text: &[u8]) {
        let to = self.server.pubsub.plan(Scope::Channel, channel);
        if to.receivers > 0 {
            self.deliver(&to, channel, text);
        }
    }
}

fn log(level: Level, text: &str) {
    match level {
        Level::Debug => tracing::trace!("{text}"),
        Level::Verbose => tracing::debug!("{text}"),
        Level::Notice => tracing::info!("{text}"),
        Level::Warning => tracing::warn!("{text}"),
    }
}

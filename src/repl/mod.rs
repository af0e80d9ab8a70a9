//! Replication as plain state machines: no sockets, no clock, no clients. `backlog` is the stream that replicas get,
//! `handshake` what a replica says to its primary and hears until the stream begins, `payload` where a data set that
//! comes through a socket ends, `peer` what a primary knows of one replica, `pipe` and `spill` the way to and from threads. `exec` and `net` carry them out.

pub mod backlog;
pub mod handshake;
pub mod payload;
pub mod peer;
pub mod pipe;
pub mod spill;

use crate::base::rng::Rng;

/// Digits of a replication id (Redis: `CONFIG_RUN_ID_SIZE`).
pub const ID_LEN: usize = 40;

/// The highest offset that is believed: from there on bytes can be counted for ever.
pub const OFFSET_MAX: i64 = i64::MAX / 2;

/// The name of a data set's history: forty hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReplId([u8; ID_LEN]);

impl ReplId {
    /// The id that no history has.
    pub const NONE: ReplId = ReplId([b'0'; ID_LEN]);

    /// A new one.
    pub fn random(rng: &mut Rng) -> ReplId {
        let mut id = [0; ID_LEN];
        rng.fill_hex(&mut id);
        ReplId(id)
    }

    /// An id as a peer or a file names it. `None` unless it is of the right length, and of printable characters.
    pub fn parse(text: &[u8]) -> Option<ReplId> {
        let id = ReplId(text.try_into().ok()?);
        text.iter().all(u8::is_ascii_graphic).then_some(id)
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        // Printable characters are text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether `text` names it, in any case of letters.
    pub fn is(&self, text: &[u8]) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl std::fmt::Display for ReplId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for ReplId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

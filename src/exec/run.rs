//! From bytes to replies: cuts every complete request out of a client's input, in batches, and executes them.
//!
//! A batch goes through three passes so that the memory its keys lie in arrives while other work is done: parse and
//! look up commands, hash keys and ask for their buckets; ask for their entries; execute.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::client_info;
use crate::engine::session::{ClientType, Closing, Session};
use crate::engine::spec::{Begin, Handler};
use crate::engine::stats::ErrorOrigin;
use crate::resp::request::{Limits, Step};
use crate::resp::{Parser, ProtocolError, Reply, Span};
use crate::sys::crash;

/// Requests per batch at the most: enough to hide the memory's delay, few enough to stay in the first cache.
const BATCH: usize = 32;
/// Arguments for which room is kept from batch to batch.
const SPANS_KEPT_MAX: usize = 4096;
/// Requests of one client before others get their turn.
const TURN: usize = 1024;
/// Output of a client beyond which its next requests wait until some was sent.
pub const OUTPUT_PAUSE: usize = 64 << 20;

/// A request of the batch.
pub struct Request {
    /// Index of its first span, and how many.
    first: u32,
    count: u32,
    /// Offset behind it in the input.
    end: u32,
    /// Its command, if the name is known.
    command: Option<u16>,
    /// Hash of the key that is argument `key`; 0 = no key.
    key: u16,
    hash: u64,
}

/// What came of a client's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// All complete requests were executed.
    All,
    /// There may be more to execute: call again after others had their turn.
    More,
    /// It waits (blocked, paused, too much output) or is closing; what is left stays.
    Held,
}

impl Exec {
    /// Executes the complete requests at the beginning of `input`. Returns how many bytes were used up, and why it
    /// ended.
    pub fn feed(&mut self, slot: usize, input: &mut [u8]) -> (usize, Fed) {
        let Some(session) = self.server.clients.get_mut(slot) else { return (input.len(), Fed::Held) };
        if !ready(session) {
            return (0, Fed::Held);
        }
        if session.kind == ClientType::Primary && self.server.scripts.running.is_some() {
            // What the primary sends cannot be refused: it waits.
            return (0, Fed::More);
        }
        let mut parser = std::mem::take(&mut session.parser);
        let (mut used, mut ran) = (0, 0);
        let fed = loop {
            let (cut, error) = self.cut(slot, input, used, &mut parser);
            let batch = std::mem::take(&mut self.batch);
            let spans = std::mem::take(&mut self.spans);
            let held = self.run_batch(slot, input, &batch, &spans, &mut used);
            ran += batch.len();
            (self.batch, self.spans) = (batch, spans);
            if self.spans.capacity() > SPANS_KEPT_MAX {
                // The room that one long request took is not kept.
                self.spans = Vec::new();
            }
            if held {
                // The requests that were parsed ahead and not run are parsed again when the client goes on.
                parser.restore(input, used);
                parser = Parser::default();
                break Fed::Held;
            }
            parser.ran();
            if let Some(e) = error {
                let from = used.max(parser.consumed()).min(input.len());
                self.protocol_error(slot, e, &input[from..]);
                used = input.len();
                break Fed::Held;
            }
            if !cut {
                break Fed::All;
            }
            if ran >= TURN {
                break Fed::More;
            }
        };
        parser.shift(used);
        if let Some(session) = self.server.clients.get_mut(slot) {
            session.parser = parser;
        }
        (used, fed)
    }

    /// Parses up to a batch of requests. Tells whether there may be more.
    fn cut(
        &mut self,
        slot: usize,
        input: &mut [u8],
        from: usize,
        parser: &mut Parser,
    ) -> (bool, Option<ProtocolError>) {
        self.batch.clear();
        self.spans.clear();
        let open = self.server.open_to_all();
        let bulk = self.server.config.proto_max_bulk_len;
        let (authenticated, db, primary) = {
            let s = self.server.client(slot);
            (s.authenticated || open, s.db, s.kind == ClientType::Primary)
        };
        // The primary has let it pass already.
        let limits = Limits { bulk: if primary { usize::MAX >> 1 } else { bulk }, authenticated };
        // Before authentication one at a time: AUTH may be the first of them, and changes what may follow.
        let most = if authenticated { BATCH } else { 1 };
        let mut at = from;
        let mut end = (true, None);
        while self.batch.len() < most {
            let first = self.spans.len();
            match parser.step(input, at, limits, &mut self.spans) {
                Ok(Step::Request(next)) => {
                    at = next;
                    self.push_request(input, first, next, db);
                }
                Ok(Step::More) => {
                    end = (false, None);
                    break;
                }
                Err(e) => {
                    end = (false, Some(e));
                    break;
                }
            }
        }
        if self.batch.len() > 1 {
            for r in self.batch.iter().filter(|r| r.key != 0) {
                self.server.dbs[db].prefetch_entry(r.hash);
            }
        }
        end
    }

    #[inline]
    fn push_request(&mut self, input: &[u8], first: usize, end: usize, db: usize) {
        let spans = &self.spans[first..];
        let mut r = Request {
            first: first as u32,
            count: spans.len() as u32,
            end: end as u32,
            command: None,
            key: 0,
            hash: 0,
        };
        if let Some(name) = spans.first()
            && let Some(c) = self.server.commands.find(name.of(input))
        {
            r.command = Some(c.id);
            if let Some(Begin::Index(i)) = c.spec.keys.first().map(|k| k.begin)
                && let Some(key) = spans.get(i as usize)
                && matches!(c.spec.handler, Handler::Key(_))
            {
                r.key = i;
                r.hash = crate::base::hash::hash(key.of(input));
                self.server.dbs[db].prefetch_bucket(r.hash);
            }
        }
        self.batch.push(r);
    }

    /// Executes a batch; `used` moves behind each request. Tells whether the client must wait.
    fn run_batch(
        &mut self,
        slot: usize,
        input: &[u8],
        batch: &[Request],
        spans: &[Span],
        used: &mut usize,
    ) -> bool {
        if batch.is_empty() {
            return false;
        }
        self.now = self.server.clock.read();
        let mut out = std::mem::take(&mut self.server.client(slot).output);
        let mut held = false;
        let hard = self.server.config.client_output_buffer_limit.normal.hard as usize;
        let most = if hard > 0 { OUTPUT_PAUSE.min(hard) } else { OUTPUT_PAUSE };
        let share_min = self.server.config.min_string_size_avoid_copy_reply;
        for r in batch {
            let begin = (out.mark(), *used);
            let session = self.server.client(slot);
            let (kind, resp3) = (session.kind, session.resp3);
            if r.count > 0 {
                let words = &spans[r.first as usize..(r.first + r.count) as usize];
                let mut args = Args::new(input, words);
                args.note_running();
                if r.key != 0 {
                    args = args.with_hash(r.key as usize, r.hash);
                }
                let mut reply = Reply::new(&mut out, resp3).sharing_from(share_min).limited_to(hard);
                if !self.request(slot, r.command, &mut args, &mut reply) {
                    held = true;
                    break;
                }
                if self.server.waiting.any_ready() {
                    self.serve_waiting();
                }
                if matches!(kind, ClientType::Primary | ClientType::Replica) && out.since(begin.0) > 0 {
                    self.keep_reply_back(slot, kind, &args, &out.written_since(begin.0));
                    out.rewind(begin.0);
                }
                // What was sent to the client meanwhile (a message, a line of MONITOR) follows the reply.
                let pushed = &mut self.server.client(slot).output;
                if !pushed.is_empty() {
                    out.append(std::mem::take(pushed));
                }
            }
            *used = r.end as usize;
            if kind == ClientType::Primary {
                self.applied(slot, &input[begin.1..*used]);
            }
            if out.len() >= most || !ready(self.server.client(slot)) {
                held = true;
                break;
            }
        }
        crash::idle();
        let now_ms = self.now.wall_ms() as i64;
        let session = self.server.client(slot);
        session.last_ms = now_ms;
        session.output = out;
        if !session.output.is_empty() {
            self.server.flush_later(slot);
            self.output_grew(slot);
        }
        held
    }

    /// Answers a violation of the protocol; the connection ends. `rest` is the input from the violating line on.
    fn protocol_error(&mut self, slot: usize, e: ProtocolError, rest: &[u8]) {
        self.server.stats.count_error(b"ERR", ErrorOrigin::Server);
        let session = self.server.client(slot);
        let resp3 = session.resp3;
        Reply::new(&mut session.output, resp3).error(&[b"ERR ", &e.text()[..]].concat());
        self.log_violation(slot, e, rest);
        self.server.client(slot).close_after_reply();
        self.server.flush_later(slot);
    }

    /// Tells of a violation in the log, and of what was sent as far as the log may hold that.
    fn log_violation(&self, slot: usize, e: ProtocolError, rest: &[u8]) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let Some(session) = self.server.clients.get(slot) else { return };
        let now_ms = self.now.wall_ms() as i64;
        let client = client_info::for_log(&self.server, session, now_ms);
        let hidden = self.server.config.hide_user_data_from_log;
        let sent = if hidden { "*redacted*".into() } else { shown(rest) };
        tracing::debug!("Protocol error ({}) from client: {client}. Query buffer: {sent}", e.log_name());
    }
}

/// Bytes of input that the log shows of a violation: the first and the last ones of longer input.
const SHOWN_MAX: usize = 128;

/// Input as the log shows it.
fn shown(input: &[u8]) -> String {
    let text = |bytes: &[u8]| -> String {
        bytes.iter().map(|&b| if matches!(b, b' '..=b'~') { b as char } else { '.' }).collect()
    };
    if input.len() < SHOWN_MAX {
        return format!("'{}'", text(input));
    }
    let (first, last) = (&input[..SHOWN_MAX / 2], &input[input.len() - SHOWN_MAX / 2..]);
    format!("'{}' (... more {} bytes ...) '{}'", text(first), input.len() - SHOWN_MAX, text(last))
}

/// Whether a client's next request may run.
#[inline]
fn ready(s: &Session) -> bool {
    s.closing == Closing::No && s.block.is_none()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn input_in_the_log() {
        assert_eq!(shown(b"$x\r\n\xff"), "'$x...'");
        assert_eq!(shown(&[b'a'; 127]), format!("'{}'", "a".repeat(127)));
        let long = [&[b'a'; 64][..], &[b'b'; 300], &[b'c'; 64]].concat();
        assert_eq!(
            shown(&long),
            format!("'{}' (... more 300 bytes ...) '{}'", "a".repeat(64), "c".repeat(64))
        );
        assert_eq!(shown(&[b'a'; 128]), format!("'{0}' (... more 0 bytes ...) '{0}'", "a".repeat(64)));
    }
}

//! What bounds clients: limits of output and input, `maxmemory-clients`, `timeout`, buffers fitted to their use. What is
//! checked for every client now and then is done in slices: each client about once a second, however many there are.

use super::Exec;
use super::run::Fed;
use crate::base::limits;
use crate::base::quote;
use crate::engine::client_info;
use crate::engine::config::values::OutputLimit;
use crate::engine::session::{ClientType, Closing, Session};

/// Clients looked at per slice at least.
const SLICE_MIN: usize = 5;
/// Bytes of an unfinished request's buffer at first.
const INPUT_MIN: usize = 16 * 1024;
/// Bytes that an announced argument gets at once.
const INPUT_BELIEVED_MAX: usize = 1 << 20;
/// A longer one gets so many times what came of it.
const INPUT_BELIEVED_TIMES: usize = 8;
/// An argument that lacks this many bytes is read straight into its client's own buffer (Redis: `PROTO_MBULK_BIG_ARG`).
const INPUT_LONG_MIN: usize = 32 * 1024;
/// An empty input buffer beyond this size goes at once, not when clients are looked at.
const INPUT_KEPT_MAX: usize = 1 << 20;
/// An input buffer with no more free bytes than this is left alone.
const INPUT_SLACK: usize = 4 * 1024;
/// An input buffer up to this size is left alone while its client is busy.
const INPUT_BUSY_MAX: usize = 32 * 1024;
/// After this long without requests a client's input buffer goes, ms.
const INPUT_IDLE_MS: i64 = 2000;
/// Bytes beyond the reply buffer for a client that never authenticated.
const OUTPUT_UNAUTHENTICATED_MAX: usize = 1024;
/// The smallest bound that `maxmemory-clients` sets, bytes: below it nobody could talk to the server.
const CLIENTS_MIN: u64 = 128 * 1024;
/// Bytes of input that the log shows.
const SHOWN_MAX: usize = 64;

/// Bytes of output beyond the reply buffer; all of it, and more, when DEBUG CLIENT-ENFORCE-REPLY-LIST wants it so.
fn beyond(s: &Session, enforced: bool) -> usize {
    if enforced && !s.output.is_empty() {
        return s.output.len() + limits::REPLY_BUFFER_MAX;
    }
    client_info::output_fields(s, &s.output).2
}

impl Exec {
    /// Appends a push to a client's output.
    pub fn push_to(&mut self, slot: usize, bytes: &[u8]) {
        if let Some(s) = self.server.clients.get_mut(slot) {
            s.output.tail.extend_from_slice(bytes);
            self.server.flush_later(slot);
            self.output_grew(slot);
        }
    }

    /// A client's output has grown: closes it if that is beyond its limits.
    #[inline]
    pub fn output_grew(&mut self, slot: usize) {
        let Some(s) = self.server.clients.get_mut(slot) else { return };
        s.output_peak = s.output_peak.max(s.output.len().min(s.reply_buffer));
        if s.output.len() > s.reply_buffer || self.server.debug.enforce_reply_list {
            self.check_output(slot);
        }
        if self.server.config.maxmemory_clients != self.clients_limit_set || self.clients_limit_set != 0 {
            self.weigh(slot);
        }
    }

    /// Closes a client whose output is beyond its limits.
    #[cold]
    fn check_output(&mut self, slot: usize) {
        let now_ms = self.server.clock.now_ms() as i64;
        let open = self.server.open_to_all();
        let c = &self.server.config;
        let Some(s) = self.server.clients.get_mut(slot) else { return };
        if s.kind == ClientType::Replica {
            // Theirs is a limit to how far they may be behind the stream.
            return self.server.check_lagging_replicas();
        }
        let limit = match s.kind {
            ClientType::Normal | ClientType::Primary | ClientType::Replica => {
                &c.client_output_buffer_limit.normal
            }
            ClientType::Pubsub => &c.client_output_buffer_limit.pubsub,
        };
        let used = beyond(s, self.server.debug.enforce_reply_list);
        let stranger = used > OUTPUT_UNAUTHENTICATED_MAX && !open && !s.ever_authenticated;
        if s.closing == Closing::Now || !(exceeds(s, used, limit, now_ms) || stranger) {
            return;
        }
        self.server.stats.output_limit_disconnections += 1;
        if let Some(s) = self.server.clients.get(slot) {
            tracing::warn!(
                "Client {} scheduled to be closed ASAP for overcoming of output buffer limits.",
                client_info::for_log(&self.server, s, now_ms)
            );
        }
        self.server.close_now(slot);
    }

    /// Takes what was read from a client: executes what is complete, and keeps the rest.
    #[inline]
    pub fn input(&mut self, slot: usize, got: &mut [u8]) -> Fed {
        self.received(slot, got.len());
        let mut own = std::mem::take(&mut self.server.client(slot).input);
        let fed = if own.is_empty() {
            let (used, fed) = self.feed(slot, got);
            let rest = &got[used..];
            if !rest.is_empty() || own.capacity() > 0 {
                self.grow_input(slot, &mut own, rest.len());
                own.extend_from_slice(rest);
            }
            fed
        } else {
            self.grow_input(slot, &mut own, got.len());
            own.extend_from_slice(got);
            self.feed_own(slot, &mut own)
        };
        self.keep_input(slot, own);
        fed
    }

    /// The client's own buffer with room for what a long argument still lacks, if one is being received: it is read
    /// straight to where it belongs. [`Exec::long_input_came`] must follow.
    #[inline]
    pub fn long_input(&mut self, slot: usize) -> Option<&mut Vec<u8>> {
        let s = self.server.client(slot);
        let lacks = s.parser.lacks(s.input.len());
        if lacks < INPUT_LONG_MIN {
            return None;
        }
        if s.input.capacity() - s.input.len() < INPUT_LONG_MIN {
            s.input.reserve_exact(lacks.min(believed(s.input.len())));
        }
        Some(&mut s.input)
    }

    /// `n` bytes were added to what `long_input` gave.
    pub fn long_input_came(&mut self, slot: usize, n: usize) -> Fed {
        self.received(slot, n);
        let s = self.server.client(slot);
        s.input_peak = s.input_peak.max(s.input.len());
        if self.server.config.maxmemory_clients != 0 {
            // Now, as the buffer goes when the argument is complete.
            self.weigh(slot);
        }
        self.resume(slot)
    }

    /// Executes what lies in a client's own buffer.
    pub fn resume(&mut self, slot: usize) -> Fed {
        let mut own = std::mem::take(&mut self.server.client(slot).input);
        let fed = if own.is_empty() { Fed::All } else { self.feed_own(slot, &mut own) };
        self.keep_input(slot, own);
        fed
    }

    /// Executes what lies in a client's own buffer, and takes it out.
    fn feed_own(&mut self, slot: usize, own: &mut Vec<u8>) -> Fed {
        let (used, fed) = self.feed(slot, own);
        own.drain(..used);
        // A buffer of usual size stays for the next unfinished request; the periodic look at clients takes it back.
        if own.is_empty() && own.capacity() > INPUT_KEPT_MAX {
            *own = Vec::new();
        }
        fed
    }

    /// Keeps what a client sent and was not executed yet. Closes the client if that is too much.
    fn keep_input(&mut self, slot: usize, own: Vec<u8>) {
        let Some(s) = self.server.clients.get_mut(slot) else { return };
        s.input = own;
        // What is queued was sent and not executed, too.
        let queued = s.transaction.as_ref().map_or(0, |t| t.queued_bytes());
        let too_long = s.input.len() + queued > self.server.config.client_query_buffer_limit;
        if too_long && s.kind != ClientType::Primary && s.closing != Closing::Now {
            self.input_too_long(slot);
        }
        if self.server.config.maxmemory_clients != 0 {
            self.weigh(slot);
        }
    }

    /// Makes room in a client's own buffer for `more` bytes that are here, and for what an argument still lacks if
    /// that can be believed: what is announced costs little until it comes.
    fn grow_input(&mut self, slot: usize, own: &mut Vec<u8>, more: usize) {
        let s = self.server.client(slot);
        let total = own.len() + more;
        s.input_peak = s.input_peak.max(total);
        let lacks = s.parser.lacks(total);
        let believed = if lacks <= believed(total) { lacks } else { 0 };
        if own.capacity() == 0 {
            own.reserve_exact((more + believed).max(INPUT_MIN));
        } else if believed > 0 {
            own.reserve_exact(more + believed);
        }
    }

    #[cold]
    fn input_too_long(&mut self, slot: usize) {
        let now_ms = self.server.clock.now_ms() as i64;
        self.server.stats.query_limit_disconnections += 1;
        if let Some(s) = self.server.clients.get(slot) {
            let line = client_info::for_log(&self.server, s, now_ms);
            let shown = quote::repr(&s.input[..s.input.len().min(SHOWN_MAX)]);
            if self.server.config.hide_user_data_from_log {
                tracing::warn!("Closing client that reached max query buffer length: {line}");
            } else {
                tracing::warn!(
                    "Closing client that reached max query buffer length: {line} (qbuf initial bytes: {})",
                    String::from_utf8_lossy(&shown)
                );
            }
        }
        self.server.close_now(slot);
    }

    /// Counts what a client takes, and closes clients while all take more than `maxmemory-clients`.
    #[cold]
    pub fn weigh(&mut self, slot: usize) {
        self.server.clients.count_memory(slot);
        let set = self.server.config.maxmemory_clients;
        if set != self.clients_limit_set {
            // The figures may be a second old: those of the moment decide under a new limit.
            self.clients_limit_set = set;
            (0..self.server.clients.slots()).for_each(|slot| self.server.clients.count_memory(slot));
        }
        let Some(limit) = self.clients_limit() else { return };
        while self.server.clients.memory().bounded() as u64 > limit {
            let Some(largest) = self.server.clients.memory().largest() else {
                tracing::warn!("Over client maxmemory after evicting all evictable clients");
                return;
            };
            if let Some(s) = self.server.clients.get(largest) {
                let now_ms = self.server.clock.now_ms() as i64;
                tracing::info!("Evicting client: {}", client_info::for_log(&self.server, s, now_ms));
            }
            self.server.stats.evicted_clients += 1;
            self.server.close_now(largest);
            // Its connection ends a little later; what it holds is wanted back now, before keys must go for it.
            if let Some(s) = self.server.clients.get_mut(largest) {
                s.output.clear();
            }
        }
    }

    /// Bytes that `maxmemory-clients` allows; negative values are percents of `maxmemory`.
    fn clients_limit(&self) -> Option<u64> {
        let c = &self.server.config;
        let limit = match c.maxmemory_clients {
            0 => return None,
            n @ 1.. => n as u64,
            n if c.maxmemory > 0 => (c.maxmemory as f64 * -(n as f64) / 100.0) as u64,
            _ => u64::MAX,
        };
        Some(limit.max(CLIENTS_MIN))
    }

    /// Looks at the next slice of clients, so that each is looked at about once a second.
    pub fn clients_cron(&mut self, now_ms: i64) {
        let slots = self.server.clients.slots();
        let hz = self.server.config.hz.max(1) as usize;
        for _ in 0..(slots / hz).max(SLICE_MIN).min(slots) {
            self.clients_at = if self.clients_at + 1 < slots { self.clients_at + 1 } else { 0 };
            self.look_after(self.clients_at, now_ms);
        }
        if self.server.config.maxmemory_clients != 0 && slots > 0 {
            self.weigh(self.clients_at);
        }
    }

    fn look_after(&mut self, slot: usize, now_ms: i64) {
        let idle_max_ms = self.server.config.timeout as i64 * 1000;
        let debug = self.server.debug;
        let Some(s) = self.server.clients.get_mut(slot) else { return };
        if s.closing == Closing::Now {
            return;
        }
        let exempt = s.block.is_some() || s.monitor || s.kind != ClientType::Normal;
        if idle_max_ms > 0 && !exempt && now_ms / 1000 - s.last_ms / 1000 > idle_max_ms / 1000 {
            tracing::debug!("Closing idle client");
            return self.server.close_now(slot);
        }
        fit_input(s, now_ms);
        if debug.output_resizing {
            fit_output(s, debug.output_peak_reset_ms, now_ms);
        }
        self.server.clients.count_memory(slot);
        if !self.server.client(slot).output.is_empty() {
            self.check_output(slot);
        }
    }
}

/// Bytes that get their memory because a client announced them, given the `have` that came.
fn believed(have: usize) -> usize {
    INPUT_BELIEVED_MAX.max(have.saturating_mul(INPUT_BELIEVED_TIMES))
}

/// Whether output of `used` bytes is beyond `limit`; remembers since when it is beyond the soft one.
fn exceeds(s: &mut Session, used: usize, limit: &OutputLimit, now_ms: i64) -> bool {
    let over = |bound: u64| bound > 0 && used as u64 >= bound;
    if !over(limit.soft) {
        s.soft_limit_since_ms = None;
        return over(limit.hard);
    }
    let since = *s.soft_limit_since_ms.get_or_insert(now_ms);
    over(limit.hard) || now_ms / 1000 - since / 1000 > limit.soft_seconds as i64
}

/// Gives back what an input buffer does not need.
fn fit_input(s: &mut Session, now_ms: i64) {
    let (len, capacity) = (s.input.len(), s.input.capacity());
    if capacity - len > INPUT_SLACK {
        if now_ms - s.last_ms > INPUT_IDLE_MS {
            s.input.shrink_to_fit();
        } else if capacity > INPUT_BUSY_MAX && capacity / 2 > s.input_peak {
            s.input.shrink_to(s.input_peak.max(len + s.parser.lacks(len)).max(INPUT_MIN));
        }
    }
    s.input_peak = s.input.len() + s.parser.lacks(s.input.len());
}

/// Fits the reply buffer to the most output of the last seconds.
fn fit_output(s: &mut Session, reset_ms: Option<i64>, now_ms: i64) {
    let size = s.reply_buffer;
    if size / 2 >= limits::REPLY_BUFFER_MIN && s.output_peak < size / 2 {
        s.reply_buffer = limits::REPLY_BUFFER_MIN.max(s.output_peak + 1);
    } else if s.output_peak == size && size < limits::REPLY_BUFFER_MAX {
        s.reply_buffer = limits::REPLY_BUFFER_MAX.min(size * 2);
    }
    if reset_ms.is_some_and(|reset| now_ms - s.output_peak_ms >= reset) {
        s.output_peak = s.output.len().min(s.reply_buffer);
        s.output_peak_ms = now_ms;
    }
    s.output.shrink_to(s.reply_buffer);
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::engine::session::Closing;
    use crate::testkit::Kit;

    fn alive(kit: &mut Kit, name: &str) -> bool {
        let slot = kit.client(name);
        kit.exec.server.client(slot).closing == Closing::No
    }

    /// Gives a client input as `net` does, without executing it.
    fn hold(kit: &mut Kit, name: &str, bytes: usize) {
        let slot = kit.client(name);
        let mut own = Vec::new();
        kit.exec.grow_input(slot, &mut own, bytes);
        own.resize(bytes, b'x');
        kit.exec.keep_input(slot, own);
    }

    #[test]
    fn output_beyond_the_hard_limit_ends_a_client() {
        let mut config = Config::default();
        config.client_output_buffer_limit.normal.hard = 100_000;
        let mut kit = Kit::new(config);
        kit.raw("c1", format!("SET k {}\r\n", "a".repeat(30_000)).as_bytes());
        kit.raw("c1", b"GET k\r\nGET k\r\nGET k\r\n");
        assert!(alive(&mut kit, "c1"));
        kit.raw("c1", b"GET k\r\nGET k\r\nGET k\r\nGET k\r\nGET k\r\n");
        assert!(!alive(&mut kit, "c1"));
        assert_eq!(kit.exec.server.stats.output_limit_disconnections, 1);
    }

    #[test]
    fn a_reply_without_end_stops_at_the_hard_limit() {
        for (add, draw) in [
            (&b"HSET h a b\r\n"[..], &b"HRANDFIELD h -999999999\r\n"[..]),
            (b"SADD s a\r\n", b"SRANDMEMBER s -9999999\r\n"),
            (b"ZADD z 1 a\r\n", b"ZRANDMEMBER z -9999999\r\n"),
        ] {
            let mut config = Config::default();
            config.client_output_buffer_limit.normal.hard = 1_000_000;
            let mut kit = Kit::new(config);
            kit.raw("c1", add);
            let heard = kit.raw("c1", draw).len();
            assert!(!alive(&mut kit, "c1"));
            assert!(heard < 2_000_000, "{heard} bytes were made");
            assert_eq!(kit.exec.server.stats.output_limit_disconnections, 1);
        }
    }

    #[test]
    fn output_beyond_the_soft_limit_ends_a_client_in_time() {
        let mut config = Config::default();
        config.client_output_buffer_limit.normal.soft = 20_000;
        config.client_output_buffer_limit.normal.soft_seconds = 3;
        let mut kit = Kit::new(config);
        let slot = kit.client("c1");
        kit.exec.push_to(slot, &[b'x'; 30_000]);
        kit.advance(3500);
        assert!(alive(&mut kit, "c1"));
        kit.advance(3000);
        assert!(!alive(&mut kit, "c1"));
    }

    #[test]
    fn input_beyond_its_limit_ends_a_client() {
        let mut kit = Kit::new(Config { client_query_buffer_limit: 1 << 20, ..Config::default() });
        hold(&mut kit, "c1", 1 << 20);
        assert!(alive(&mut kit, "c1"));
        hold(&mut kit, "c1", (1 << 20) + 1);
        assert!(!alive(&mut kit, "c1"));
        assert_eq!(kit.exec.server.stats.query_limit_disconnections, 1);
    }

    #[test]
    fn the_largest_clients_go_beyond_maxmemory_clients() {
        let mut kit = Kit::new(Config { maxmemory_clients: 3 << 20, ..Config::default() });
        hold(&mut kit, "small", 100 << 10);
        let slot = kit.client("spared");
        kit.exec.server.client(slot).no_evict = true;
        hold(&mut kit, "spared", 2 << 20);
        hold(&mut kit, "large", 700 << 10);
        assert!(alive(&mut kit, "large"));
        hold(&mut kit, "other", 300 << 10);
        assert!(!alive(&mut kit, "large"));
        assert!(alive(&mut kit, "small") && alive(&mut kit, "spared") && alive(&mut kit, "other"));
        assert_eq!(kit.exec.server.stats.evicted_clients, 1);
    }

    #[test]
    fn a_lower_limit_counts_everybody_anew() {
        let mut kit = Kit::new(Config::default());
        hold(&mut kit, "a", 1 << 20);
        hold(&mut kit, "b", 1 << 20);
        kit.raw("c", b"CONFIG SET maxmemory-clients 1500000\r\n");
        assert_eq!([alive(&mut kit, "a"), alive(&mut kit, "b")].iter().filter(|a| **a).count(), 1);
        assert!(alive(&mut kit, "c"));
    }

    #[test]
    fn idle_clients_go_and_buffers_shrink() {
        let mut kit = Kit::new(Config { timeout: 10, ..Config::default() });
        hold(&mut kit, "c1", 10);
        let slot = kit.client("c1");
        assert_eq!(kit.exec.server.client(slot).input.capacity(), super::INPUT_MIN);
        kit.advance(2000);
        assert_eq!(kit.exec.server.client(slot).input.capacity(), super::INPUT_MIN);
        (0..3).for_each(|_| kit.advance(1000));
        assert!(kit.exec.server.client(slot).input.capacity() < 100);
        (0..5).for_each(|_| kit.advance(1000));
        assert!(alive(&mut kit, "c1"));
        assert!(kit.exec.server.client(slot).reply_buffer < 2048);
        (0..2).for_each(|_| kit.advance(1000));
        assert!(!alive(&mut kit, "c1"));
    }

    /// Sends bytes as `net` would: long arguments straight into the client's own buffer.
    fn receive(kit: &mut Kit, slot: usize, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let n = match kit.exec.long_input(slot) {
                Some(own) => {
                    let n = bytes.len().min(own.capacity() - own.len()).min(300_000);
                    own.extend_from_slice(&bytes[..n]);
                    kit.exec.long_input_came(slot, n);
                    n
                }
                None => {
                    let n = bytes.len().min(65_536);
                    kit.exec.input(slot, &mut bytes[..n].to_vec());
                    n
                }
            };
            bytes = &bytes[n..];
        }
    }

    #[test]
    fn long_arguments_arrive_whole() {
        let mut kit = Kit::new(Config::default());
        let slot = kit.client("c1");
        for len in [30_000, 65_500, 65_536, 100_000, 1_000_000, 20_000_000] {
            let value: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let request =
                [format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${len}\r\n").as_bytes(), &value, b"\r\nPING\r\n"]
                    .concat();
            receive(&mut kit, slot, &request);
            assert_eq!(kit.heard("c1"), b"+OK\r\n+PONG\r\n");
            assert!(kit.exec.server.client(slot).input.capacity() <= super::INPUT_KEPT_MAX);
            let reply = [format!("${len}\r\n").as_bytes(), &value, b"\r\n"].concat();
            assert!(kit.raw("c1", b"GET k\r\n") == reply, "{len}");
        }
    }

    #[test]
    fn a_long_argument_counts_before_it_is_whole() {
        let mut kit = Kit::new(Config { maxmemory_clients: 3_000_000, ..Config::default() });
        let slot = kit.client("c1");
        receive(&mut kit, slot, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n");
        receive(&mut kit, slot, &vec![b'x'; 3_000_000]);
        assert!(!alive(&mut kit, "c1"));
        assert_eq!(kit.exec.server.stats.evicted_clients, 1);
    }

    #[test]
    fn a_long_argument_s_room_follows_what_came() {
        let mut kit = Kit::new(Config::default());
        let slot = kit.client("c1");
        receive(&mut kit, slot, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n");
        for came in [100_000, 1_000_000, 10_000_000] {
            receive(&mut kit, slot, &vec![b'x'; came]);
            let input = &kit.exec.server.client(slot).input;
            assert!(input.capacity() <= 9 * input.len() + super::INPUT_BELIEVED_MAX);
        }
    }

    #[test]
    fn announced_arguments_get_room_in_bounds() {
        let mut kit = Kit::new(Config::default());
        let slot = kit.client("c1");
        kit.raw("c1", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n");
        let mut own = Vec::new();
        kit.exec.grow_input(slot, &mut own, 1);
        assert!((1_000_000..1_100_000).contains(&own.capacity()));
        kit.raw("c2", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n");
        let slot = kit.client("c2");
        let mut own = Vec::new();
        kit.exec.grow_input(slot, &mut own, 1);
        assert_eq!(own.capacity(), super::INPUT_MIN);
    }
}

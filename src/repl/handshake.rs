//! What a replica says to its primary, and hears, from the first PING until the stream or a data set begins. Order and
//! texts are the reference's (its syncWithPrimary), which real primaries of all versions understand.

use super::ReplId;
use super::payload::Form;
use crate::resp::encode;

/// Bytes of a line that a primary may send here (Redis: 1024 for the longest).
const LINE_MAX: usize = 1024;

/// What the primary is told.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// User, if one is named, and password.
    pub auth: Option<(Vec<u8>, Vec<u8>)>,
    /// The port that this server listens on, or announces.
    pub port: u16,
    /// The address that it announces; empty: that of the connection.
    pub announce_ip: String,
    /// This server's version, as it names it.
    pub version: &'static str,
    /// The history that is here, and the number of the first byte that is not.
    pub resume: Option<(ReplId, i64)>,
    /// The primary is to become a replica's replica: FAILOVER.
    pub failover: bool,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Ping,
    Auth,
    Port,
    Ip,
    Capa,
    Version,
    Psync,
    /// A data set is to come.
    Payload,
    Over,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The stream goes on where it had ended; the history may have another name from here on.
    Continue(Option<ReplId>),
    /// A data set will come, of this history up to this offset; `None` from a primary that does not say so.
    FullSync(Option<(ReplId, i64)>),
    /// The data set begins with the next byte.
    Payload(Form),
    /// The primary cannot now. The connection is of no use any more.
    Later,
    /// No agreement; the reason is in the log.
    Failed,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Handshake {
    plan: Plan,
    state: State,
    /// The beginning of a line.
    line: Vec<u8>,
}

impl Handshake {
    /// Before the connection is there.
    pub fn new(plan: Plan) -> Handshake {
        Handshake { plan, state: State::Connecting, line: Vec::new() }
    }

    /// Whether the connection itself is still to come.
    pub fn is_connecting(&self) -> bool {
        self.state == State::Connecting
    }

    /// Whether a data set was promised.
    pub fn waits_for_payload(&self) -> bool {
        self.state == State::Payload
    }

    /// The connection is there: what is to be sent goes to `out`.
    pub fn connected(&mut self, out: &mut Vec<u8>) {
        tracing::info!("Non blocking connect for SYNC fired the event.");
        self.state = State::Ping;
        request(out, &[b"PING"]);
    }

    /// Bytes came. Returns how many were used, and what came of them; call again for the others while it is none of the
    /// verdicts that end the handshake.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> (usize, Option<Verdict>) {
        let mut used = 0;
        while let Some(len) = memchr::memchr(b'\n', &bytes[used..]) {
            self.line.extend_from_slice(&bytes[used..used + len]);
            used += len + 1;
            let mut line = std::mem::take(&mut self.line);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if line.len() > LINE_MAX {
                return (used, Some(self.too_long()));
            }
            if let Some(verdict) = self.line(&line, out) {
                return (used, Some(verdict));
            }
        }
        self.line.extend_from_slice(&bytes[used..]);
        if self.line.len() > LINE_MAX {
            return (bytes.len(), Some(self.too_long()));
        }
        (bytes.len(), None)
    }

    fn too_long(&mut self) -> Verdict {
        tracing::warn!("Bad protocol from PRIMARY: a line without end");
        self.fail()
    }

    fn fail(&mut self) -> Verdict {
        self.state = State::Over;
        Verdict::Failed
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Option<Verdict> {
        let text = String::from_utf8_lossy(line);
        let not_understood = |what: &str| {
            if line.first() == Some(&b'-') {
                tracing::info!("(Non critical) Primary does not understand REPLCONF {what}: {text}");
            }
        };
        match self.state {
            State::Connecting | State::Over => return Some(self.fail()),
            State::Ping => return self.pong(line, out),
            State::Auth => {
                if line.first() == Some(&b'-') {
                    tracing::warn!("Unable to AUTH to PRIMARY: {text}");
                    return Some(self.fail());
                }
                self.state = State::Port;
            }
            State::Port => {
                not_understood("listening-port");
                self.state = if self.plan.announce_ip.is_empty() { State::Capa } else { State::Ip };
            }
            State::Ip => {
                not_understood("ip-address");
                self.state = State::Capa;
            }
            State::Capa => {
                not_understood("capa");
                self.state = State::Version;
            }
            State::Version => {
                not_understood("VERSION");
                self.ask(out);
            }
            State::Psync => return self.answer(line, out),
            State::Payload => return self.announcement(line),
        }
        None
    }

    /// The answer to PING. An error that asks for a password is good enough: it comes next.
    fn pong(&mut self, line: &[u8], out: &mut Vec<u8>) -> Option<Verdict> {
        let accepted: [&[u8]; 4] = [b"+", b"-NOAUTH", b"-NOPERM", b"-ERR operation not permitted"];
        if !accepted.iter().any(|prefix| line.starts_with(prefix)) {
            tracing::warn!("Error reply to PING from primary: '{}'", String::from_utf8_lossy(line));
            return Some(self.fail());
        }
        tracing::info!("Primary replied to PING, replication can continue...");
        let plan = &self.plan;
        if let Some((user, password)) = &plan.auth {
            match &user[..] {
                b"" => request(out, &[b"AUTH", password]),
                user => request(out, &[b"AUTH", user, password]),
            }
        }
        request(out, &[b"REPLCONF", b"listening-port", plan.port.to_string().as_bytes()]);
        if !plan.announce_ip.is_empty() {
            request(out, &[b"REPLCONF", b"ip-address", plan.announce_ip.as_bytes()]);
        }
        request(out, &[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]);
        request(out, &[b"REPLCONF", b"version", plan.version.as_bytes()]);
        self.state = if plan.auth.is_some() { State::Auth } else { State::Port };
        None
    }

    /// Asks for the stream.
    fn ask(&mut self, out: &mut Vec<u8>) {
        let (id, next) = match &self.plan.resume {
            Some((id, next)) => {
                tracing::info!("Trying a partial resynchronization (request {id}:{next}).");
                (id.as_str(), next.to_string())
            }
            None => {
                tracing::info!("Partial resynchronization not possible (no cached primary)");
                ("?", "-1".to_owned())
            }
        };
        let words: [&[u8]; 4] = [b"PSYNC", id.as_bytes(), next.as_bytes(), b"FAILOVER"];
        request(out, if self.plan.failover { &words } else { &words[..3] });
        self.state = State::Psync;
    }

    /// The answer to PSYNC.
    fn answer(&mut self, line: &[u8], out: &mut Vec<u8>) -> Option<Verdict> {
        if line.is_empty() {
            // A primary that needs time says so.
            return None;
        }
        let text = String::from_utf8_lossy(line);
        if let Some(rest) = line.strip_prefix(b"+FULLRESYNC") {
            self.state = State::Payload;
            let history = history(rest);
            match &history {
                Some((id, offset)) => tracing::info!("Full resync from primary: {id}:{offset}"),
                None => tracing::warn!("Primary replied with wrong +FULLRESYNC syntax."),
            }
            return Some(Verdict::FullSync(history));
        }
        if let Some(rest) = line.strip_prefix(b"+CONTINUE") {
            if self.plan.resume.is_none() {
                tracing::warn!("Unexpected reply to PSYNC from primary: {text}");
                return Some(self.fail());
            }
            self.state = State::Over;
            tracing::info!("Successful partial resynchronization with primary.");
            return Some(Verdict::Continue(rest.strip_prefix(b" ").and_then(ReplId::parse)));
        }
        if line.starts_with(b"-NOMASTERLINK") || line.starts_with(b"-LOADING") {
            tracing::info!("Primary is currently unable to PSYNC but should be in the future: {text}");
            self.state = State::Over;
            return Some(Verdict::Later);
        }
        if line.starts_with(b"-ERR") {
            tracing::info!("Primary does not support PSYNC or is in error state (reply: {text})");
        } else {
            tracing::warn!("Unexpected reply to PSYNC from primary: {text}");
        }
        if self.plan.failover {
            return Some(self.fail());
        }
        tracing::info!("Retrying with SYNC...");
        out.extend_from_slice(b"SYNC\r\n");
        self.state = State::Payload;
        Some(Verdict::FullSync(None))
    }

    /// The line before a data set.
    fn announcement(&mut self, line: &[u8]) -> Option<Verdict> {
        let text = String::from_utf8_lossy(line);
        match line.split_first() {
            // A sign of life.
            None => return None,
            Some((b'-', rest)) => {
                let text = String::from_utf8_lossy(rest);
                tracing::warn!("PRIMARY aborted replication with an error: {text}");
            }
            Some((b'$', rest)) => match Form::parse(rest) {
                Some(form) => {
                    self.state = State::Over;
                    return Some(Verdict::Payload(form));
                }
                None => tracing::warn!("Bad protocol from PRIMARY: no length in '{text}'"),
            },
            Some(_) => tracing::warn!(
                "Bad protocol from PRIMARY, the first byte is not '$' (we received '{text}'), are you sure the host \
                 and port are right?"
            ),
        }
        Some(self.fail())
    }
}

/// ` <id> <offset>` behind `+FULLRESYNC`.
fn history(rest: &[u8]) -> Option<(ReplId, i64)> {
    let mut words = rest.strip_prefix(b" ")?.split(|&b| b == b' ');
    let id = ReplId::parse(words.next()?)?;
    let offset = std::str::from_utf8(words.next()?).ok()?.parse::<i64>().ok()?;
    (0..=super::OFFSET_MAX).contains(&offset).then_some((id, offset))
}

/// Appends a request.
fn request(out: &mut Vec<u8>, words: &[&[u8]]) {
    encode::request(out, words.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn plan() -> Plan {
        Plan { port: 6300, version: "9.1.0", ..Plan::default() }
    }

    fn words(bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        text.split("\r\n").filter(|l| !l.starts_with('$') && !l.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Plays a primary's lines to a handshake; what it says, and the first verdict.
    fn play(plan: Plan, lines: &[&str], step: usize) -> (String, Option<Verdict>) {
        let mut h = Handshake::new(plan);
        let mut out = Vec::new();
        h.connected(&mut out);
        let input = lines.concat();
        for piece in input.as_bytes().chunks(step) {
            let mut piece = piece;
            while !piece.is_empty() {
                let (used, verdict) = h.take(piece, &mut out);
                if verdict.is_some() {
                    return (words(&out), verdict);
                }
                piece = &piece[used..];
            }
        }
        (words(&out), None)
    }

    #[test]
    fn a_new_replica_asks_for_everything() {
        for step in [1, 5, 1000] {
            let reply = format!("+FULLRESYNC {ID} 77\r\n");
            let (said, verdict) =
                play(plan(), &["+PONG\r\n", "+OK\r\n", "+OK\r\n", "-ERR x\r\n", "\n\n", &reply], step);
            let id = ReplId::parse(ID.as_bytes()).unwrap();
            assert_eq!(verdict, Some(Verdict::FullSync(Some((id, 77)))));
            assert_eq!(
                said,
                "*1 PING *3 REPLCONF listening-port 6300 *5 REPLCONF capa eof capa psync2 *3 REPLCONF version 9.1.0 *3 \
                 PSYNC ? -1"
            );
        }
    }

    #[test]
    fn an_offset_that_leaves_no_room_to_count_is_not_believed() {
        let reply = format!("+FULLRESYNC {ID} {}\r\n", i64::MAX);
        let lines = ["+PONG\r\n", "+OK\r\n", "+OK\r\n", "-ERR x\r\n", &reply];
        assert_eq!(play(plan(), &lines, 1000).1, Some(Verdict::FullSync(None)));
    }

    #[test]
    fn one_that_comes_back_goes_on() {
        let id = ReplId::parse(ID.as_bytes()).unwrap();
        let plan = Plan {
            auth: Some((b"bob".to_vec(), b"pw".to_vec())),
            announce_ip: "1.2.3.4".into(),
            resume: Some((id, 78)),
            failover: true,
            ..plan()
        };
        let ok = "+OK\r\n";
        let before = ["-NOAUTH Authentication required.\r\n", ok, ok, ok, ok, ok];
        let other = ID.replace('0', "f");
        let reply = format!("+CONTINUE {other}\r\n");
        let (said, verdict) = play(plan.clone(), &[&before[..], &[&reply]].concat(), 1000);
        assert_eq!(verdict, Some(Verdict::Continue(ReplId::parse(other.as_bytes()))));
        assert!(said.contains("*3 AUTH bob pw") && said.contains("*3 REPLCONF ip-address 1.2.3.4"));
        assert!(said.ends_with(&format!("*4 PSYNC {ID} 78 FAILOVER")));
        let (_, verdict) = play(plan, &[&before[..], &["+CONTINUE\r\n"]].concat(), 3);
        assert_eq!(verdict, Some(Verdict::Continue(None)));
    }

    #[test]
    fn old_primaries_and_refusals() {
        let ok = "+OK\r\n";
        let before = ["+PONG\r\n", ok, ok, ok];
        let ask = |reply: &str| play(plan(), &[&before[..], &[reply]].concat(), 1000);
        let (said, verdict) = ask("-ERR unknown command\r\n");
        assert_eq!(verdict, Some(Verdict::FullSync(None)));
        assert!(said.ends_with("SYNC"));
        assert_eq!(ask("-LOADING x\r\n").1, Some(Verdict::Later));
        assert_eq!(ask("-NOMASTERLINK Can't SYNC\r\n").1, Some(Verdict::Later));
        assert_eq!(ask("+FULLRESYNC nonsense\r\n").1, Some(Verdict::FullSync(None)));
        assert_eq!(ask("+CONTINUE\r\n").1, Some(Verdict::Failed));
        assert_eq!(play(plan(), &["-ERR no\r\n"], 9).1, Some(Verdict::Failed));
        assert_eq!(play(plan(), &[&"x".repeat(3000)], 100).1, Some(Verdict::Failed));
        let auth = Some((Vec::new(), b"pw".to_vec()));
        let (said, verdict) = play(Plan { auth, ..plan() }, &["+PONG\r\n", "-WRONGPASS\r\n"], 9);
        assert_eq!(verdict, Some(Verdict::Failed));
        assert!(said.contains("*2 AUTH pw"));
    }

    #[test]
    fn the_line_before_a_data_set() {
        let mark = "m".repeat(40);
        for (line, verdict) in [
            ("\n$12\r\n", Some(Verdict::Payload(Form::Sized(12)))),
            (&format!("\n\n$EOF:{mark}\r\n"), Some(Verdict::Payload(Form::Marked([b'm'; 40])))),
            ("-ERR gone\r\n", Some(Verdict::Failed)),
            ("$x\r\n", Some(Verdict::Failed)),
            ("*1\r\n", Some(Verdict::Failed)),
            ("\n\n", None),
        ] {
            let mut h = Handshake::new(plan());
            h.state = State::Payload;
            assert!(h.waits_for_payload());
            assert_eq!(h.take(line.as_bytes(), &mut Vec::new()).1, verdict, "{line:?}");
        }
    }
}

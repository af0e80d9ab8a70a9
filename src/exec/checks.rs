//! What debug builds check of every command that runs: exactly one well-formed reply, or it blocks; an error and a
//! read-only command left the count of changes as it was; every key said to have changed was declared by the key
//! specs. A failed check is a bug of the command: it panics with the command's name. Not in release builds.

use super::Exec;
use crate::engine::args::Args;
use crate::engine::session::{ClientType, Closing, ReplyMode};
use crate::engine::spec::{self, Begin, Find, Handler, KeySpec, Spec};
use crate::resp::Reply;
use crate::resp::output::Mark;

/// Longer replies are not read again.
const REPLY_CHECKED_MAX: usize = 1 << 20;

impl Exec {
    /// Before a handler runs: the count of changes so far.
    pub(super) fn before_command(&mut self) -> u64 {
        self.server.fx.touched.clear();
        self.server.fx.dirty
    }

    /// After a handler ran, before its effects are drained.
    pub(super) fn check_command(
        &mut self,
        (slot, id): (usize, u16),
        args: &Args<'_>,
        out: &Reply<'_>,
        mark: Mark,
        (before, failed): (u64, bool),
    ) {
        let touched = std::mem::take(&mut self.server.fx.touched);
        let command = self.server.commands.get(id);
        let (name, spec) = (command.full_name.clone(), command.spec);
        // What a transaction or a script runs was checked by itself.
        if !matches!(spec.handler, Handler::Nested(_)) {
            let dirty = self.server.fx.dirty;
            assert!(!failed || dirty == before, "{name}: an error, but {} changes", dirty - before);
            // PFCOUNT reads, but keeps the count in the value.
            let keeps = spec.has(spec::READONLY) && !spec.has(spec::MAY_REPLICATE);
            assert!(!keeps || dirty == before, "{name}: read-only, but changes");
        }
        if matches!(spec.handler, Handler::Key(_)) && !spec.has(spec::TOUCHES_ARBITRARY_KEYS) {
            let declared = declared_keys(spec, args);
            for key in touched {
                let shown = String::from_utf8_lossy(&key).into_owned();
                assert!(
                    declared.contains(&&key[..]),
                    "{name}: changed '{shown}', which its key specs do not name"
                );
            }
        }
        let session = self.server.client(slot);
        let silent = session.block.is_some()
            || session.closing == Closing::Now
            || session.reply_mode != ReplyMode::On
            || (session.monitor && spec.name == "monitor")
            // Between primary and replica there are few replies.
            || matches!(session.kind, ClientType::Replica | ClientType::Primary)
            || spec.name == "replconf"
            || self.server.shutting_down;
        let bytes = out.since(mark);
        if bytes == 0 {
            assert!(silent, "{name}: no reply");
        } else if bytes <= REPLY_CHECKED_MAX
            && !out.is_beyond_limit()
            && !spec.has(spec::PUBSUB)
            && name != "debug"
        {
            // DEBUG PROTOCOL push answers a push and a reply.
            let reply = out.written_since(mark);
            // A subscription to several channels is told of channel by channel, in a transaction too.
            let several = name == "exec" && memchr::memmem::find(&reply, b"subscribe\r\n").is_some();
            let shown = String::from_utf8_lossy(&reply[..reply.len().min(200)]);
            assert!(
                several || reply_end(&reply, 0) == Some(reply.len()),
                "{name}: not one whole reply: {shown:?}"
            );
        }
    }
}

/// The arguments that the specs say are keys.
fn declared_keys<'a>(spec: &Spec, args: &Args<'a>) -> Vec<&'a [u8]> {
    if let Some(find) = spec.find_keys {
        let found = find(args).unwrap_or_default();
        return found.into_iter().map(|(i, _)| args.get(i)).collect();
    }
    spec.keys.iter().flat_map(|k| key_range(k, args)).map(|i| args.get(i)).collect()
}

/// The indexes of the arguments that one key spec names.
fn key_range(k: &KeySpec, args: &Args<'_>) -> Vec<usize> {
    let first = match k.begin {
        Begin::Index(i) => i as usize,
        Begin::Keyword(word, from) if from >= 0 => {
            match (from as usize..args.len()).find(|i| args.is(*i, word)) {
                Some(i) => i + 1,
                None => return Vec::new(),
            }
        }
        Begin::Keyword(..) | Begin::Unknown => return (1..args.len()).collect(),
    };
    let number = |i: usize| crate::base::num::parse_i64(args.get(i)).unwrap_or(0).max(0);
    let (from, to, step) = match k.find {
        Find::Range { last, step, .. } if last < 0 => (first, args.len() as i64 + last as i64, step),
        Find::Range { last, step, .. } => (first, first as i64 + last as i64, step),
        Find::Count { count, first: behind, step } => {
            let from = first + behind as usize;
            let n = number(first + count as usize);
            (from, n.saturating_mul(step as i64).saturating_add(from as i64 - 1), step)
        }
        Find::Unknown => return (1..args.len()).collect(),
    };
    (from..args.len()).take_while(|i| *i as i64 <= to).step_by(step.max(1) as usize).collect()
}

/// Where the reply at `at` ends, if it is whole and well formed. RESP2 and RESP3.
pub fn reply_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let line = memchr::memmem::find(rest, b"\r\n")?;
    let (kind, head) = rest[..line].split_first()?;
    let next = at + line + 2;
    let count = || crate::base::num::parse_i64(head);
    match kind {
        b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => (!head.contains(&b'\n')).then_some(next),
        b'$' | b'=' | b'!' => match count()? {
            -1 => Some(next),
            n => {
                let end = next.checked_add(usize::try_from(n).ok()?)?;
                (bytes.get(end..end + 2)? == b"\r\n").then_some(end + 2)
            }
        },
        b'*' | b'~' | b'>' | b'%' | b'|' => {
            let n = match (kind, count()?) {
                (b'*', -1) => return Some(next),
                (b'%' | b'|', n) => 2 * usize::try_from(n).ok()?,
                (_, n) => usize::try_from(n).ok()?,
            };
            // Attributes stand before the value that they are of.
            let n = n + (*kind == b'|') as usize;
            (0..n).try_fold(next, |at, _| reply_end(bytes, at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::string::SET;
    use crate::resp::Span;

    #[test]
    fn whole_replies_are_told_from_others() {
        let whole: [&[u8]; 8] = [
            b"+OK\r\n",
            b"$3\r\na\r\n\r\n",
            b"$-1\r\n",
            b"*2\r\n:1\r\n*0\r\n",
            b"%1\r\n+a\r\n_\r\n",
            b"|1\r\n+k\r\n+v\r\n,1.5\r\n",
            b"=7\r\ntxt:abc\r\n",
            b"~1\r\n#t\r\n",
        ];
        for reply in whole {
            assert_eq!(reply_end(reply, 0), Some(reply.len()), "{:?}", String::from_utf8_lossy(reply));
            assert_eq!(reply_end(&reply[..reply.len() - 1], 0), None);
        }
        for reply in [&b"*2\r\n:1\r\n"[..], b"$5\r\nab\r\n", b"OK\r\n", b"$x\r\n", b""] {
            assert_eq!(reply_end(reply, 0), None);
        }
        assert_eq!(reply_end(b"+OK\r\n+OK\r\n", 0), Some(5));
    }

    #[test]
    fn keys_are_found_by_the_specs() {
        let words = ["x", "2", "a", "b", "c"];
        let text = words.concat();
        let mut at = 0;
        let spans: Vec<Span> = words
            .iter()
            .map(|w| {
                let span = Span { at, len: w.len() as u32 };
                at += span.len;
                span
            })
            .collect();
        let args = Args::new(text.as_bytes(), &spans);
        assert_eq!(declared_keys(&SET, &args), [b"2"]);
        assert_eq!(key_range(&KeySpec::range(1, -1, 2, 0), &args), [1, 3]);
        assert_eq!(key_range(&KeySpec::range(2, -2, 1, 0), &args), [2, 3]);
        assert_eq!(key_range(&KeySpec::counted(1, 0), &args), [2, 3]);
    }
}

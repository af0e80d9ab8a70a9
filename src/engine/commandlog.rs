//! Three logs of remarkable commands: slow ones (SLOWLOG), those with large requests, those with large replies
//! (COMMANDLOG). An entry keeps the arguments shortened, so that a log of any length stays small.

use std::collections::VecDeque;

use super::config::Config;
use crate::base::limits::{COMMANDLOG_ARG_MAX, COMMANDLOG_ARGS_MAX};

/// What stands for an argument that must not be shown.
pub const REDACTED: &[u8] = b"(redacted)";

/// The logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Slow,
    LargeRequest,
    LargeReply,
}

impl Kind {
    /// All, in the order of their numbers.
    pub const ALL: [Kind; 3] = [Kind::Slow, Kind::LargeRequest, Kind::LargeReply];

    /// The kind by its name in any case of letters.
    pub fn named(name: &[u8]) -> Option<Kind> {
        match name.to_ascii_lowercase().as_slice() {
            b"slow" => Some(Kind::Slow),
            b"large-request" => Some(Kind::LargeRequest),
            b"large-reply" => Some(Kind::LargeReply),
            _ => None,
        }
    }

    /// The least value that is logged (µs or bytes; negative: none) and how many entries are kept.
    pub fn limits(self, c: &Config) -> (i64, usize) {
        match self {
            Kind::Slow => (c.commandlog_execution_slower_than, c.commandlog_slow_execution_max_len),
            Kind::LargeRequest => (c.commandlog_request_larger_than, c.commandlog_large_request_max_len),
            Kind::LargeReply => (c.commandlog_reply_larger_than, c.commandlog_large_reply_max_len),
        }
    }
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Grows by one in each log.
    pub id: u64,
    /// Seconds of Unix time.
    pub time_s: i64,
    /// Microseconds, or bytes.
    pub value: i64,
    /// Shortened.
    pub args: Vec<Vec<u8>>,
    pub addr: String,
    pub client: Vec<u8>,
}

/// One log, newest first.
#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl Log {
    /// Entries, newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets all. Ids go on.
    pub fn reset(&mut self) {
        self.entries = VecDeque::new();
    }

    /// Adds an entry, its id being set here, and keeps at most `most`.
    pub fn push(&mut self, entry: Entry, most: usize) {
        self.entries.push_front(Entry { id: self.next_id, ..entry });
        self.next_id += 1;
        self.entries.truncate(most);
    }
}

/// The three logs.
#[derive(Clone, Debug, Default)]
pub struct CommandLogs([Log; 3]);

impl CommandLogs {
    /// One of them.
    pub fn get(&self, kind: Kind) -> &Log {
        &self.0[kind as usize]
    }

    /// One of them.
    pub fn get_mut(&mut self, kind: Kind) -> &mut Log {
        &mut self.0[kind as usize]
    }
}

/// Arguments as a log keeps them: few, short, secrets left out.
pub fn shortened<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>, redact: &[u32]) -> Vec<Vec<u8>> {
    let count = args.len();
    let kept = if count > COMMANDLOG_ARGS_MAX { COMMANDLOG_ARGS_MAX - 1 } else { count };
    let mut list: Vec<Vec<u8>> = args.take(kept).enumerate().map(|(i, arg)| one(i, arg, redact)).collect();
    if kept < count {
        list.push(format!("... ({} more arguments)", count - kept).into_bytes());
    }
    list
}

fn one(i: usize, arg: &[u8], redact: &[u32]) -> Vec<u8> {
    if redact.contains(&(i as u32)) {
        return REDACTED.to_vec();
    }
    if arg.len() <= COMMANDLOG_ARG_MAX {
        return arg.to_vec();
    }
    let mut short = arg[..COMMANDLOG_ARG_MAX].to_vec();
    short.extend_from_slice(format!("... ({} more bytes)", arg.len() - COMMANDLOG_ARG_MAX).as_bytes());
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_shortened() {
        let words: Vec<Vec<u8>> = (0..33).map(|i| vec![b'a'; 96 + i]).collect();
        let short = shortened(words.iter().map(Vec::as_slice), &[1]);
        assert_eq!(short.len(), 32);
        assert_eq!(short[0], vec![b'a'; 96]);
        assert_eq!(short[1], b"(redacted)");
        assert_eq!(short[31], b"... (2 more arguments)");
        let words = [vec![b'x'; 128], vec![b'x'; 129]];
        let short = shortened(words.iter().map(Vec::as_slice), &[]);
        assert_eq!(short[0].len(), 128);
        assert!(short[1].ends_with(b"xx... (1 more bytes)"));
        let words = vec![b"a".as_slice(); 32];
        assert_eq!(shortened(words.iter().copied(), &[]).len(), 32);
    }

    #[test]
    fn a_log_keeps_the_newest() {
        let mut log = Log::default();
        let entry = Entry { id: 0, time_s: 1, value: 2, args: vec![], addr: String::new(), client: vec![] };
        (0..5).for_each(|_| log.push(entry.clone(), 3));
        assert_eq!(log.iter().map(|e| e.id).collect::<Vec<_>>(), [4, 3, 2]);
        log.reset();
        log.push(entry, 3);
        assert_eq!(log.iter().map(|e| e.id).collect::<Vec<_>>(), [5]);
    }
}

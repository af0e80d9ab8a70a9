//! Reads an append-only file: cuts it into commands, annotations and other lines, and tells what is wrong where.
//!
//! Nothing is taken on trust: a length beyond the file's end is a command that is cut off, and no more memory is used
//! than one command takes. `verify` goes through a whole file before anything of it is executed, so that what is dropped
//! (a torn end, half a transaction) was never seen by anybody.

use std::io;

use super::annotation::{Annotation, LINE_MAX, MARK, Sum, parse_timestamp};
use crate::base::limits;
use crate::base::span::Span;
use crate::sys::disk::File;

/// Bytes read at once.
const READ: usize = 256 * 1024;

/// What is wrong with a file.
#[derive(Debug)]
pub enum Fault {
    /// It ends inside the command that begins here.
    Truncated { at: u64 },
    /// It ends inside the transaction that begins here.
    Transaction { at: u64 },
    /// From here on it was never written: all is zero.
    Zeros { at: u64 },
    /// What stands here is no command.
    Format { at: u64, what: String },
    /// The bytes between these offsets are not those that were written.
    Checksum { from: u64, to: u64 },
    /// The system's error.
    Read(io::Error),
}

/// What stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A command: its first span and how many, in `Scanner::spans`; they count from the first byte kept.
    Command {
        first: usize,
        count: usize,
    },
    Annotation(Annotation),
    /// Seconds of Unix time, as the reference notes them; `None` if it is damaged.
    Timestamp(Option<i64>),
    /// Another line that is skipped.
    Comment,
    End,
}

/// Where reading of one item may stop.
enum Stop {
    End,
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

/// See the head of this file.
pub struct Scanner {
    file: Box<dyn File>,
    /// Where reading ends.
    end: u64,
    buf: Vec<u8>,
    /// How far `buf` is read.
    at: usize,
    /// The file's offset of the first byte of `buf`.
    origin: u64,
    /// The words of the commands since the last `take` or `forget`.
    pub spans: Vec<Span>,
    /// Lines of commands read so far, from 1, as the reference's tool counts them.
    pub lines: u64,
    /// Since the last annotation, if sums are asked for.
    sum: Option<Sum>,
    /// Up to where the sum goes.
    summed: u64,
}

impl Scanner {
    /// Reads `file` from `from` to `end`.
    pub fn new(mut file: Box<dyn File>, from: u64, end: u64) -> io::Result<Scanner> {
        file.seek(from)?;
        Ok(Scanner {
            file,
            end,
            buf: Vec::new(),
            at: 0,
            origin: from,
            spans: Vec::new(),
            lines: 1,
            sum: None,
            summed: from,
        })
    }

    /// Checks annotations, too.
    pub fn with_sums(mut self) -> Scanner {
        self.sum = Some(Sum::default());
        self
    }

    /// The offset behind the last item.
    pub fn offset(&self) -> u64 {
        self.origin + self.at as u64
    }

    /// Bytes kept.
    pub fn held(&self) -> usize {
        self.at
    }

    /// The bytes that spans point into.
    pub fn bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Gives what was read so far away, with its spans.
    pub fn take(&mut self) -> (Vec<u8>, Vec<Span>) {
        let mut rest = Vec::with_capacity(READ + self.buf.len() - self.at);
        rest.extend_from_slice(&self.buf[self.at..]);
        self.origin += self.at as u64;
        self.at = 0;
        (std::mem::replace(&mut self.buf, rest), std::mem::take(&mut self.spans))
    }

    /// Drops what was read so far.
    pub fn forget(&mut self) {
        self.buf.drain(..self.at);
        self.origin += self.at as u64;
        self.at = 0;
        self.spans.clear();
    }

    /// The next item.
    pub fn next_item(&mut self) -> Result<Item, Fault> {
        let (start, spans) = (self.at, self.spans.len());
        if !self.more(1)? {
            return Ok(Item::End);
        }
        match self.item() {
            Ok(item) => Ok(item),
            Err(stop) => {
                let at = self.origin + start as u64;
                self.at = start;
                self.spans.truncate(spans);
                Err(match stop {
                    Stop::End => Fault::Truncated { at },
                    Stop::Fault(fault) => fault,
                })
            }
        }
    }

    fn item(&mut self) -> Result<Item, Stop> {
        match self.byte(self.at)? {
            b'#' => self.comment(),
            b'*' => self.command(),
            other => Err(self.wrong(format!("Expected prefix '*', got: '{}'", other.escape_ascii()))),
        }
    }

    fn command(&mut self) -> Result<Item, Stop> {
        let first = self.spans.len();
        let words = self.number(b'*')?;
        let words = usize::try_from(words).ok().filter(|n| (1..=limits::AOF_WORDS_MAX).contains(n));
        let words = words.ok_or_else(|| self.wrong("a command without words, or with too many".into()))?;
        for _ in 0..words {
            let len = self.number(b'$')?;
            let left = self.end.saturating_sub(self.offset());
            let len = usize::try_from(len).map_err(|_| self.wrong("a string of negative length".into()))?;
            if len as u64 > left {
                return Err(Stop::End);
            }
            self.need(len + 2)?;
            let (at, end) = (self.at, self.at + len);
            if &self.buf[end..end + 2] != b"\r\n" {
                let (a, b) = (self.buf[end], self.buf[end + 1]);
                return Err(self.wrong(format!("Expected \\r\\n, got: {a:02x}{b:02x}")));
            }
            let (Ok(at), Ok(len)) = (u32::try_from(at), u32::try_from(len)) else {
                return Err(self.wrong("a command of more than four gigabytes".into()));
            };
            self.spans.push(Span { at, len });
            self.at = end + 2;
        }
        self.lines += 1 + 2 * words as u64;
        Ok(Item::Command { first, count: words })
    }

    fn comment(&mut self) -> Result<Item, Stop> {
        let mut len = 0;
        while self.byte(self.at + len)? != b'\n' {
            len += 1;
            if len >= LINE_MAX {
                return Err(self.wrong("a line that is too long".into()));
            }
        }
        let line = self.buf[self.at..self.at + len].trim_ascii_end();
        if let Some(annotation) = Annotation::parse(line) {
            self.check(annotation)?;
            self.at += len + 1;
            self.summed = self.offset();
            return Ok(Item::Annotation(annotation));
        }
        let item = match line.starts_with(super::annotation::TIMESTAMP) {
            true => Item::Timestamp(parse_timestamp(line)),
            false => Item::Comment,
        };
        self.at += len + 1;
        Ok(item)
    }

    /// Checks what lies between the last annotation and this one.
    fn check(&mut self, told: Annotation) -> Result<(), Stop> {
        self.add_sum();
        let Some(sum) = &mut self.sum else { return Ok(()) };
        let Sum { bytes, crc } = std::mem::take(sum);
        if told.bytes == 0 || told.bytes == bytes && told.crc == crc {
            return Ok(());
        }
        let to = self.origin + self.at as u64;
        Err(Stop::Fault(Fault::Checksum { from: to.saturating_sub(bytes), to }))
    }

    /// Goes on with the sum up to here.
    fn add_sum(&mut self) {
        let from = usize::try_from(self.summed.saturating_sub(self.origin)).unwrap_or(usize::MAX);
        if let Some(sum) = &mut self.sum
            && let Some(bytes) = self.buf.get(from..self.at)
        {
            sum.add(bytes);
            self.summed = self.origin + self.at as u64;
        }
    }

    /// As `forget`, with the sum going on over what is dropped.
    pub fn pass(&mut self) {
        self.add_sum();
        self.forget();
    }

    /// The number of a line that begins with `mark`.
    fn number(&mut self, mark: u8) -> Result<i64, Stop> {
        let first = self.byte(self.at)?;
        if first != mark {
            let (mark, got) = (mark as char, first.escape_ascii());
            return Err(self.wrong(format!("Expected prefix '{mark}', got: '{got}'")));
        }
        let mut n = 0i64;
        let mut at = self.at + 1;
        loop {
            match self.byte(at)? {
                digit @ b'0'..=b'9' => {
                    n = n.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
                    at += 1;
                }
                // An end of the line without a number is none.
                b'\r' if at > self.at + 1 && at - self.at < 24 => break,
                other => {
                    let got = other.escape_ascii();
                    return Err(self.wrong(format!("Expected a length and \\r\\n, got: '{got}'")));
                }
            }
        }
        match self.byte(at + 1)? {
            b'\n' => self.at = at + 2,
            other => return Err(self.wrong(format!("Expected \\r\\n, got: 0d{other:02x}"))),
        }
        Ok(n)
    }

    fn wrong(&self, what: String) -> Stop {
        Stop::Fault(Fault::Format { at: self.offset(), what })
    }

    fn byte(&mut self, at: usize) -> Result<u8, Stop> {
        if at >= self.buf.len() {
            self.need(at - self.at + 1)?;
        }
        Ok(self.buf[at])
    }

    /// Makes sure that `n` bytes are there.
    fn need(&mut self, n: usize) -> Result<(), Stop> {
        if self.more(n)? { Ok(()) } else { Err(Stop::End) }
    }

    /// Reads until `n` bytes are there. False if the file ends before.
    fn more(&mut self, n: usize) -> Result<bool, Fault> {
        while self.buf.len() - self.at < n {
            let missing = (n - (self.buf.len() - self.at)).max(READ);
            let left = self.end - (self.origin + self.buf.len() as u64);
            let room = missing.min(usize::try_from(left).unwrap_or(usize::MAX));
            let old = self.buf.len();
            self.buf.resize(old + room, 0);
            let got =
                if room == 0 { 0 } else { self.file.read(&mut self.buf[old..]).map_err(Fault::Read)? };
            self.buf.truncate(old + got);
            if got == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What is known of a file after all of it was read.
#[derive(Debug)]
pub struct Verdict {
    /// Bytes of it.
    pub size: u64,
    /// Up to here all is right, and no transaction is open.
    pub good: u64,
    /// As `Scanner::lines`, there.
    pub lines: u64,
    pub fault: Option<Fault>,
    /// The last annotation that is right, and the offset behind it.
    pub last: Option<(Annotation, u64)>,
}

/// Whether the transaction of a command's name is open after it.
fn transaction(name: &[u8], open: bool) -> bool {
    match name.len() {
        5 if name.eq_ignore_ascii_case(b"multi") => true,
        4 if name.eq_ignore_ascii_case(b"exec") => false,
        7 if name.eq_ignore_ascii_case(b"discard") => false,
        _ => open,
    }
}

/// Goes through a file from `from` to `size` until its end or a fault. `seen` is told of every item that is no command, and
/// where it begins; it may end the reading there.
pub fn verify(
    mut file: Box<dyn File>,
    from: u64,
    size: u64,
    seen: &mut dyn FnMut(Item, u64) -> bool,
) -> Verdict {
    let mut verdict = Verdict { size, good: from, lines: 1, fault: None, last: None };
    let written = without_zeros(&mut *file, from, size);
    let scanner = written.and_then(|written| Ok((Scanner::new(file, from, written)?, written)));
    let (mut scanner, written) = match scanner {
        Ok((scanner, written)) => (scanner.with_sums(), written),
        Err(e) => {
            verdict.fault = Some(Fault::Read(e));
            return verdict;
        }
    };
    let mut open = false;
    loop {
        let began = scanner.offset();
        match scanner.next_item() {
            Ok(Item::End) => break,
            Ok(Item::Command { first, .. }) => {
                let name = scanner.spans.get(first).map_or(&b""[..], |s| s.of(scanner.bytes()));
                open = transaction(name, open);
            }
            Ok(item) => {
                if let Item::Annotation(a) = item {
                    verdict.last = Some((a, scanner.offset()));
                }
                if !seen(item, began) {
                    return verdict;
                }
            }
            Err(fault) => {
                verdict.fault = Some(fault);
                break;
            }
        }
        verdict.lines = scanner.lines;
        if !open {
            verdict.good = scanner.offset();
        }
        if scanner.held() >= READ {
            scanner.pass();
        }
    }
    if open && matches!(verdict.fault, None | Some(Fault::Truncated { .. })) {
        verdict.fault = Some(Fault::Transaction { at: verdict.good });
    }
    if verdict.fault.is_none() && written < size {
        verdict.fault = Some(Fault::Zeros { at: written });
    }
    verdict
}

/// Milliseconds before a file's last annotation within which bytes may have been lost with the power though later ones
/// were not: a second of `everysec`, and one that a slow disk takes.
const LOSS_MS: u64 = 2000;

/// Where to cut a file that has a fault, if the fault is one that a loss of power or a kill explains: something at its
/// end is missing, zero or torn. `None`: it is damaged in the middle, and to cut it would lose what was safe.
pub fn tail(file: &mut dyn File, verdict: &Verdict) -> io::Result<Option<u64>> {
    match &verdict.fault {
        None => return Ok(Some(verdict.size)),
        Some(Fault::Read(_)) => return Ok(None),
        Some(_) => {}
    }
    let Some((last, behind)) = verdict.last else {
        // A file without annotations: as the reference does it.
        return Ok((!matches!(verdict.fault, Some(Fault::Format { .. }))).then_some(verdict.good));
    };
    if let Some((first, at, latest_ms)) = later_annotations(file, behind, verdict.size)? {
        // When what is damaged was written: the flush tells, if it is the only one whose annotation is missing.
        let damaged_ms = if first.bytes == at - behind { first.ms } else { last.ms };
        if latest_ms > damaged_ms.saturating_add(LOSS_MS) {
            return Ok(None);
        }
    }
    // What follows the last annotation was being written: whole commands among it may hold pages that never reached
    // the disk.
    let torn = match &verdict.fault {
        Some(Fault::Checksum { .. }) => true,
        _ => has_zero_sector(file, behind, verdict.good)?,
    };
    Ok(Some(if torn { behind } else { verdict.good }))
}

/// Reads from `from` to `to` in pieces; `look` may end it.
fn pieces(
    file: &mut dyn File,
    from: u64,
    to: u64,
    look: &mut dyn FnMut(&[u8], u64) -> bool,
) -> io::Result<()> {
    file.seek(from)?;
    let (mut at, mut buf) = (from, vec![0; READ]);
    while at < to {
        let most = usize::try_from(to - at).unwrap_or(READ).min(READ);
        let got = file.read(&mut buf[..most])?;
        if got == 0 || !look(&buf[..got], at) {
            break;
        }
        at += got as u64;
    }
    Ok(())
}

/// Where the zeros begin with which the file ends.
fn without_zeros(file: &mut dyn File, from: u64, size: u64) -> io::Result<u64> {
    let mut end = size;
    while end > from {
        let start = end.saturating_sub(READ as u64).max(from);
        let mut last = None;
        pieces(file, start, end, &mut |bytes, at| {
            last = bytes.iter().rposition(|b| *b != 0).map(|n| at + n as u64 + 1).or(last);
            true
        })?;
        if let Some(last) = last {
            return Ok(last);
        }
        end = start;
    }
    Ok(end)
}

/// Bytes of a disk's sector.
const SECTOR: u64 = 512;

fn has_zero_sector(file: &mut dyn File, from: u64, to: u64) -> io::Result<bool> {
    let (mut run, mut found) = (0u64, false);
    pieces(file, from, to, &mut |bytes, at| {
        for (i, b) in bytes.iter().enumerate() {
            run = if *b == 0 { run + 1 } else { 0 };
            let end = at + i as u64 + 1;
            found |= run >= SECTOR && end.is_multiple_of(SECTOR);
        }
        !found
    })?;
    Ok(found)
}

/// The first annotation in this part of the file, where it stands, and the latest moment of any: they may follow zeros.
fn later_annotations(file: &mut dyn File, from: u64, to: u64) -> io::Result<Option<(Annotation, u64, u64)>> {
    /// Longer than any annotation.
    const OVERLAP: usize = 128;
    let mut found: Option<(Annotation, u64, u64)> = None;
    let mut held = Vec::new();
    pieces(file, from, to, &mut |bytes, at| {
        let origin = at - held.len() as u64;
        held.extend_from_slice(bytes);
        for start in memchr::memmem::find_iter(&held, MARK) {
            let line = held[start..].split(|b| *b == b'\n').next().unwrap_or_default();
            let Some(a) = Annotation::parse(line.trim_ascii_end()) else { continue };
            let (_, _, latest_ms) = found.get_or_insert((a, origin + start as u64, a.ms));
            *latest_ms = a.ms.max(*latest_ms);
        }
        held.drain(..held.len().saturating_sub(OVERLAP));
        true
    })?;
    Ok(found)
}

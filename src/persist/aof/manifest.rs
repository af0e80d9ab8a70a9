//! The manifest of a multi-part append-only file, in the format of Redis 7: which files make it up, in which order.
//!
//! A line for each, `file <name> seq <n> type <b|h|i>`: first the base (`b`), then files that are history (`h`), then the
//! increments (`i`) in the order of their numbers. Names with characters that need it are quoted. Lines that begin with
//! `#` are skipped when it is read, keys beyond the three are allowed. Errors are worded as the reference does.

use crate::base::quote::{repr, split_args};

/// Bytes of a line, its end among them (the reference: `MANIFEST_MAX_LINE`).
const LINE_MAX: usize = 1024;

/// A file of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    pub name: String,
    pub seq: i64,
}

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<Info>,
    /// What a rewrite has replaced, the last first: of each set its increments, then its base.
    pub history: Vec<Info>,
    pub incr: Vec<Info>,
    /// Numbers given out last.
    base_seq: i64,
    incr_seq: i64,
}

/// Why a manifest cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadManifest {
    /// From 1; 0 when it is about no line.
    pub number: usize,
    pub line: String,
    pub reason: &'static str,
}

const FORMAT: &str = "Invalid AOF manifest file format";

impl Manifest {
    /// Reads a manifest's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, BadManifest> {
        let bad = |number, line: &[u8], reason| {
            let line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
            Err(BadManifest { number, line, reason })
        };
        let mut manifest = Manifest::default();
        let (mut rest, mut number) = (bytes, 0);
        while !rest.is_empty() {
            number += 1;
            let end = rest.iter().take(LINE_MAX).position(|&b| b == b'\n').map(|n| n + 1);
            let (line, next) = rest.split_at(end.unwrap_or(rest.len().min(LINE_MAX)));
            rest = next;
            if line.starts_with(b"#") {
                continue;
            }
            if end.is_none() {
                return bad(0, b"", "The AOF manifest file contains too long line");
            }
            if let Err(reason) = manifest.add_line(line.trim_ascii()) {
                return bad(number, line, reason);
            }
        }
        if number == 0 { bad(0, b"", "Found an empty AOF manifest") } else { Ok(manifest) }
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let words = split_args(line).filter(|w| w.len() >= 6 && w.len().is_multiple_of(2)).ok_or(FORMAT)?;
        let (mut name, mut seq, mut kind) = (String::new(), 0, 0);
        for pair in words.chunks_exact(2) {
            let (key, value) = (pair[0].to_ascii_lowercase(), &pair[1]);
            match &key[..] {
                b"file" => {
                    name = String::from_utf8(value.clone()).map_err(|_| FORMAT)?;
                    if name.contains(['/', '\\', '\0']) {
                        return Err("File can't be a path, just a filename");
                    }
                }
                b"seq" => seq = leading_number(value),
                b"type" => kind = value.first().copied().unwrap_or(0),
                _ => {}
            }
        }
        if name.is_empty() || seq == 0 || kind == 0 {
            return Err(FORMAT);
        }
        let info = Info { name, seq };
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => (self.base_seq, self.base) = (seq, Some(info)),
            b'h' => self.history.push(info),
            b'i' if seq <= self.incr.last().map_or(0, |i| i.seq) => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => {
                self.incr_seq = seq;
                self.incr.push(info);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let base = self.base.iter().map(|i| (i, 'b'));
        let history = self.history.iter().map(|i| (i, 'h'));
        let incr = self.incr.iter().map(|i| (i, 'i'));
        let mut out = Vec::new();
        for (info, kind) in base.chain(history).chain(incr) {
            out.extend_from_slice(b"file ");
            if needs_quotes(info.name.as_bytes()) {
                out.extend(repr(info.name.as_bytes()));
            } else {
                out.extend_from_slice(info.name.as_bytes());
            }
            out.extend(format!(" seq {} type {kind}\n", info.seq).bytes());
        }
        out
    }

    /// Whether no file holds data.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incr.is_empty()
    }

    /// The files that hold the data, in order.
    pub fn files(&self) -> impl Iterator<Item = &Info> {
        self.base.iter().chain(&self.incr)
    }

    /// The sets of files that are history, the last first: each in the order in which it is loaded.
    pub fn history_sets(&self) -> Vec<Vec<&Info>> {
        let sets = self.history.split_inclusive(|i| is_base(&i.name));
        sets.map(|set| {
            let base = set.last().filter(|i| is_base(&i.name));
            let incr = &set[..set.len() - base.is_some() as usize];
            base.into_iter().chain(incr).collect()
        })
        .collect()
    }

    /// Gives the next base a name; the base so far is history.
    pub fn new_base(&mut self, stem: &str, rdb: bool) -> &Info {
        if let Some(old) = self.base.take() {
            self.history.insert(0, old);
        }
        self.base_seq = self.base_seq.saturating_add(1);
        let suffix = if rdb { "rdb" } else { "aof" };
        let name = format!("{stem}.{}.base.{suffix}", self.base_seq);
        self.base.insert(Info { name, seq: self.base_seq })
    }

    /// Makes an old single file the base.
    pub fn adopt(&mut self, name: &str) {
        self.base_seq = 1;
        self.base = Some(Info { name: name.into(), seq: 1 });
    }

    /// Adds an increment; gives its name.
    pub fn new_incr(&mut self, stem: &str) -> String {
        self.incr_seq = self.incr_seq.saturating_add(1);
        let name = format!("{stem}.{}.incr.aof", self.incr_seq);
        self.incr.push(Info { name: name.clone(), seq: self.incr_seq });
        name
    }

    /// The increments are history, but the last one if it is being written (`keep_last`).
    pub fn retire_incr(&mut self, keep_last: bool) {
        let kept = if keep_last { self.incr.pop() } else { None };
        let retired = std::mem::replace(&mut self.incr, kept.into_iter().collect());
        self.history.splice(0..0, retired);
    }

    /// Takes out of history all but the last `retain` sets; gives the names of the files to remove.
    pub fn drop_history(&mut self, retain: usize) -> Vec<String> {
        let kept: usize = self.history_sets().iter().take(retain).map(Vec::len).sum();
        self.history.drain(kept..).map(|i| i.name).collect()
    }
}

/// Whether a name is one that a base gets; an old single file has none, and is the last of its set as well.
fn is_base(name: &str) -> bool {
    name.ends_with(".base.rdb") || name.ends_with(".base.aof") || !name.ends_with(".incr.aof")
}

/// What C's `atoll` reads.
fn leading_number(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = digits.iter().map(|b| b.wrapping_sub(b'0')).take_while(|d| *d <= 9);
    let n = digits.fold(0i64, |n, d| n.saturating_mul(10).saturating_add(i64::from(d)));
    if negative { -n } else { n }
}

fn needs_quotes(name: &[u8]) -> bool {
    name.iter().any(|&b| !b.is_ascii_graphic() || matches!(b, b'\\' | b'"' | b'\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> &'static str {
        Manifest::parse(text.as_bytes()).unwrap_err().reason
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let text = "file a.aof.2.base.rdb seq 2 type b\nfile a.aof.1.incr.aof seq 1 type h\n\
                    file a.aof.1.base.rdb seq 1 type h\nfile a.aof.4.incr.aof seq 4 type i\n\
                    file a.aof.5.incr.aof seq 5 type i\n";
        let m = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(m.to_bytes()).unwrap(), text);
        let names = |set: &[&Info]| set.iter().map(|i| i.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            m.history_sets().iter().map(|s| names(s)).collect::<Vec<_>>(),
            [["a.aof.1.base.rdb", "a.aof.1.incr.aof"]]
        );
        let odd = "# hello\nFILE \" x \\n.aof.1.incr.aof\" TYPE i seq 3 new key\r\n";
        let m = Manifest::parse(odd.as_bytes()).unwrap();
        assert_eq!(m.incr, [Info { name: " x \n.aof.1.incr.aof".into(), seq: 3 }]);
        assert_eq!(m.to_bytes(), b"file \" x \\n.aof.1.incr.aof\" seq 3 type i\n");
    }

    #[test]
    fn what_is_wrong_with_it() {
        assert_eq!(reason(""), "Found an empty AOF manifest");
        assert_eq!(reason("file a seq 1 type i"), "The AOF manifest file contains too long line");
        let long = format!("file a seq 1 type b{}\n", " ".repeat(1010));
        assert_eq!(reason(&long), "The AOF manifest file contains too long line");
        for bad in ["\n", "filx a seq 1 type b\n", "file a type b\n", "file a seq 1 type b x\n", "!!!\n"] {
            assert_eq!(reason(bad), FORMAT, "{bad}");
        }
        assert_eq!(reason("file a seq 0 type b\n"), FORMAT);
        assert_eq!(reason("file a seq 1 type \"\"\n"), FORMAT);
        assert_eq!(reason("file a/b seq 1 type b\n"), "File can't be a path, just a filename");
        assert_eq!(reason("file a seq 1 type x\n"), "Unknown AOF file type");
        assert_eq!(
            reason("file a seq 1 type b\nfile b seq 2 type b\n"),
            "Found duplicate base file information"
        );
        let back = "file a seq 2 type i\nfile b seq 1 type i\n";
        assert_eq!(reason(back), "Found a non-monotonic sequence number");
        let bad = Manifest::parse(back.as_bytes()).unwrap_err();
        assert_eq!((bad.number, &bad.line[..]), (2, "file b seq 1 type i"));
    }

    #[test]
    fn files_become_history_as_in_the_reference() {
        let mut m = Manifest::default();
        assert_eq!(m.new_base("a", true).name, "a.1.base.rdb");
        assert_eq!(m.new_incr("a"), "a.1.incr.aof");
        for (base, incr) in [("a.2.base.rdb", "a.2.incr.aof"), ("a.3.base.rdb", "a.3.incr.aof")] {
            assert_eq!(m.new_incr("a"), incr);
            assert_eq!(m.new_base("a", true).name, base);
            m.retire_incr(true);
        }
        let names: Vec<&str> = m.history.iter().map(|i| &i.name[..]).collect();
        assert_eq!(names, ["a.2.incr.aof", "a.2.base.rdb", "a.1.incr.aof", "a.1.base.rdb"]);
        assert_eq!(m.clone().drop_history(0).len(), 4);
        assert_eq!(m.drop_history(1), ["a.1.incr.aof", "a.1.base.rdb"]);
        assert_eq!(m.files().map(|i| &i.name[..]).collect::<Vec<_>>(), ["a.3.base.rdb", "a.3.incr.aof"]);
        m.retire_incr(false);
        assert!(m.incr.is_empty() && m.new_incr("a") == "a.4.incr.aof");
        m.adopt("a");
        assert_eq!(m.new_base("a", false).name, "a.2.base.aof");
        assert_eq!(m.history[0].name, "a");
    }

    #[test]
    fn no_bytes_are_a_panic() {
        let text =
            b"file \"a\\x00\" seq -9223372036854775808 type b\nfile \xff seq 99999999999999999999 type i\n";
        for from in 0..text.len() {
            for to in from..text.len() {
                let _ = Manifest::parse(&text[from..to]);
            }
        }
    }
}

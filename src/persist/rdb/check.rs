//! `tarn --check-rdb`: reads a file as a server would and tells what it holds, or what is wrong, at which offset and key. The
//! lines are those of the reference's checker (valkey-check-rdb.c), so that tools that read them go on working.

use std::fmt::Write as _;
use std::io::Read;

use super::read::{Cause, Skipped};
use super::{Error, FOREIGN, Item, LoadedKey, Reader, Rules, VERSION_REDIS, VERSION_VALKEY, kind};
use crate::base::num::NumBuf;

/// In which form statistics are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Table,
    Info,
    Csv,
}

/// What was found.
pub struct Report {
    /// What is said of the file.
    pub text: String,
    /// Statistics of its values, if they were wanted.
    pub stats: String,
    pub sound: bool,
}

/// Types in the order in which they are told.
const TYPES: [&str; 7] = ["string", "list", "set", "zset", "hash", "module", "stream"];

/// Numbers of which quantiles are told: buckets of powers of two, each cut in eight.
#[derive(Clone)]
struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: vec![0; 64 * 8], count: 0, max: 0 }
    }
}

impl Histogram {
    fn add(&mut self, n: u64) {
        let power = n.checked_ilog2().unwrap_or(0);
        let part = if power < 3 { 0 } else { (n >> (power - 3)) as usize & 7 };
        let bucket = if n < 8 { n as usize } else { power as usize * 8 + part };
        self.buckets[bucket] += 1;
        self.count += 1;
        self.max = self.max.max(n);
    }

    /// The least number that so many percent do not exceed, about.
    fn quantile(&self, percent: f64) -> f64 {
        let wanted = (self.count as f64 * percent / 100.0).ceil() as u64;
        let mut seen = 0;
        for (bucket, n) in self.buckets.iter().enumerate() {
            seen += n;
            if seen >= wanted && *n > 0 {
                let top = match bucket {
                    0..8 => bucket as u64,
                    _ => {
                        let (power, part) = (bucket / 8, bucket as u64 % 8);
                        (((9 + part) as u128) << (power - 3)).saturating_sub(1) as u64
                    }
                };
                return top.min(self.max) as f64;
            }
        }
        0.0
    }
}

/// The values of one type in one database.
#[derive(Clone, Default)]
struct Stats {
    keys: u64,
    expires: u64,
    already_expired: u64,
    key_bytes: u64,
    value_bytes: u64,
    elements: u64,
    counts: Histogram,
    sizes: Histogram,
}

impl Stats {
    fn fields(&self) -> [(&'static str, String); 17] {
        let mean = |sum: u64, n: u64| if n == 0 { 0.0 } else { sum as f64 / n as f64 };
        let number = |n: f64| format!("{n:.2}");
        [
            ("keys.total", self.keys.to_string()),
            ("expire_keys.total", self.expires.to_string()),
            ("already_expired.total", self.already_expired.to_string()),
            ("keys.size", self.key_bytes.to_string()),
            ("keys.value_size", self.value_bytes.to_string()),
            ("elements.total", self.elements.to_string()),
            ("elements.size", self.value_bytes.to_string()),
            ("elements.num.max", self.counts.max.to_string()),
            ("elements.num.avg", number(mean(self.elements, self.keys))),
            ("elements.num.p99", number(self.counts.quantile(99.0))),
            ("elements.num.p90", number(self.counts.quantile(90.0))),
            ("elements.num.p50", number(self.counts.quantile(50.0))),
            ("elements.size.max", self.sizes.max.to_string()),
            ("elements.size.avg", number(mean(self.value_bytes, self.elements))),
            ("elements.size.p99", number(self.sizes.quantile(99.0))),
            ("elements.size.p90", number(self.sizes.quantile(90.0))),
            ("elements.size.p50", number(self.sizes.quantile(50.0))),
        ]
    }

    fn element(&mut self, bytes: usize) {
        self.value_bytes += bytes as u64;
        self.sizes.add(bytes as u64);
    }

    fn add(&mut self, key: &LoadedKey, now_ms: i64) {
        let e = key.entry.view();
        self.keys += 1;
        self.key_bytes += e.key().len() as u64;
        self.expires += u64::from(e.expiry().is_some());
        self.already_expired += u64::from(e.expiry().is_some_and(|at| at < now_ms));
        let n = match e.any() {
            None => {
                self.element(e.value().bytes(&mut NumBuf::new()).len());
                1
            }
            Some(any) => {
                // Of a stream's entry each pair counts as an element, its id does not.
                any.visit(&mut |parts| match (any.type_name(), parts) {
                    ("stream", [_, pairs @ ..]) => {
                        pairs.chunks(2).for_each(|p| self.element(p.iter().map(|p| p.len()).sum()));
                    }
                    ("hash", [field, value, ..]) => self.element(field.len() + value.len()),
                    _ => self.element(parts.iter().map(|p| p.len()).sum()),
                });
                any.len()
            }
        };
        self.elements += n as u64;
        self.counts.add(n as u64);
    }
}

/// The checker at work.
struct Check {
    report: Report,
    now_ms: i64,
    with_stats: bool,
    db: usize,
    /// By database, then by type.
    stats: Vec<[Stats; 7]>,
    keys: u64,
    expires: u64,
    already_expired: u64,
    functions: u64,
    lua: u64,
}

/// Databases of which statistics are kept.
const STATS_DBS_MAX: usize = 1024;

/// Checks what comes; `name` is that of the file, as it is told.
pub fn check(from: impl Read, name: &str, rules: Rules, now_ms: i64, stats: Option<Form>) -> Report {
    let mut check = Check {
        report: Report { text: String::new(), stats: String::new(), sound: false },
        now_ms,
        with_stats: stats.is_some(),
        db: 0,
        stats: vec![Default::default()],
        keys: 0,
        expires: 0,
        already_expired: 0,
        functions: 0,
        lua: 0,
    };
    check.say(0, &format!("Checking RDB file {name}"));
    let mut reader = Reader::new(from, Rules { relaxed: true, ..rules });
    let failed = loop {
        match reader.next_item() {
            Ok(Item::End { checked }) => {
                check.end(&reader, checked);
                break None;
            }
            Ok(item) => check.item(item, &reader),
            Err(error) => break Some(error),
        }
    };
    if let Some(error) = &failed {
        check.failed(error, &reader);
    }
    let offset = reader.offset();
    check.say(offset, &format!("Check RDB returned error code {} (0 means success)", failed.is_some() as u8));
    check.report.sound = failed.is_none();
    if failed.is_none() {
        let version = reader.version();
        let needs = match version {
            VERSION_REDIS => {
                "\\o/ RDB looks OK, but loading requires config 'rdb-version-check relaxed' in Valkey (not here)"
            }
            v if FOREIGN.contains(&v) || v > VERSION_VALKEY => {
                "\\o/ RDB looks OK, but loading requires config 'rdb-version-check relaxed'"
            }
            _ => "\\o/ RDB looks OK! \\o/",
        };
        check.say(offset, needs);
        check.sums();
    }
    if let Some(form) = stats {
        check.tell_stats(form);
    }
    check.report
}

impl Check {
    fn say(&mut self, offset: u64, what: &str) {
        let _ = writeln!(self.report.text, "[offset {offset}] {what}");
    }

    fn sums(&mut self) {
        let text = &mut self.report.text;
        let _ = writeln!(text, "[info] {} keys read", self.keys);
        let _ = writeln!(text, "[info] {} expires", self.expires);
        let _ = writeln!(text, "[info] {} already expired", self.already_expired);
        let _ = writeln!(text, "[info] {} functions", self.functions);
        if self.lua > 0 {
            let _ = writeln!(text, "[info] {} lua scripts read", self.lua);
        }
    }

    fn item(&mut self, item: Item, reader: &Reader<'_>) {
        let offset = reader.offset();
        match item {
            Item::Start { version: v } if v > VERSION_VALKEY => {
                self.say(offset, &format!("Future RDB version {v} detected"));
            }
            Item::Start { version: v } if FOREIGN.contains(&v) => {
                self.say(offset, &format!("Foreign RDB version {v} detected"));
            }
            Item::SelectDb(db) => {
                self.say(offset, &format!("Selecting DB ID {db}"));
                self.db = usize::try_from(db).unwrap_or(usize::MAX);
                if self.with_stats && self.db < STATS_DBS_MAX && self.db >= self.stats.len() {
                    self.stats.resize_with(self.db + 1, Default::default);
                }
            }
            Item::Aux(name, value) => {
                self.lua += u64::from(name.eq_ignore_ascii_case(b"lua"));
                let shown = String::from_utf8_lossy;
                self.say(offset, &format!("AUX FIELD {} = '{}'", shown(&name), shown(&value)));
            }
            Item::ModuleAux(name) => self.say(offset, &format!("MODULE AUX for: {name}")),
            Item::Function(_) => self.functions += 1,
            Item::Key(key) => self.key(&key),
            Item::Skipped(key, why) => {
                self.keys += 1;
                let why = match why {
                    Skipped::Empty => "has no elements",
                    Skipped::AllFieldsExpired => "has no fields that are not expired",
                };
                let key = String::from_utf8_lossy(&key).into_owned();
                self.say(offset, &format!("Key '{key}' {why}: it is left out when the file is loaded"));
            }
            _ => {}
        }
    }

    fn key(&mut self, key: &LoadedKey) {
        let e = key.entry.view();
        self.keys += 1;
        self.expires += u64::from(e.expiry().is_some());
        self.already_expired += u64::from(e.expiry().is_some_and(|at| at < self.now_ms));
        let kind = TYPES.iter().position(|t| *t == e.type_name());
        if self.with_stats
            && let (Some(kind), Some(stats)) = (kind, self.stats.get_mut(self.db))
        {
            stats[kind].add(key, self.now_ms);
        }
    }

    fn end(&mut self, reader: &Reader<'_>, checked: bool) {
        if checked {
            self.say(reader.offset(), "Checksum OK");
        } else if reader.version() >= 5 {
            self.say(reader.offset(), "RDB file was saved with checksum disabled: no check performed.");
        }
    }

    fn failed(&mut self, error: &Error, reader: &Reader<'_>) {
        self.report.text.push_str("--- RDB ERROR DETECTED ---\n");
        match (error.cause, reader.kind()) {
            (Cause::Unknown, Some(kind)) if FOREIGN.contains(&reader.version()) => {
                let version = reader.version();
                let what = format!("Unknown object type {kind} in RDB file with foreign version {version}");
                self.say(error.offset, &what);
            }
            _ => self.say(error.offset, &error.what),
        }
        let text = &mut self.report.text;
        let _ = writeln!(text, "[additional info] While doing: {}", reader.doing());
        if let Some(key) = &error.key {
            let _ = writeln!(text, "[additional info] Reading key '{}'", String::from_utf8_lossy(key));
        }
        if let Some(kind) = reader.kind() {
            let _ = writeln!(text, "[additional info] Reading type {kind} ({})", kind::name(kind));
        }
        self.sums();
    }

    fn tell_stats(&mut self, form: Form) {
        let out = &mut self.report.stats;
        for (db, stats) in self.stats.iter().enumerate() {
            let all: Vec<_> = stats.iter().map(Stats::fields).collect();
            let heading = match form {
                Form::Table => {
                    let names = TYPES.map(|t| format!("\t{t:<5}")).concat();
                    format!("{:<30}{names}\n", format!("db.{db}.type.name"))
                }
                Form::Csv => format!("db.{db}.type.name,{}\n", TYPES.join(",")),
                Form::Info => String::new(),
            };
            out.push_str(&heading);
            for i in 0..all[0].len() {
                let name = all[0][i].0;
                let values = all.iter().map(|fields| &fields[i].1);
                match form {
                    Form::Table => {
                        let values: String = values.map(|v| format!("\t{v:<5}")).collect();
                        let _ = writeln!(out, "{:<30}{values}", format!("db.{db}.{name}"));
                    }
                    Form::Csv => {
                        let values: String = values.map(|v| format!(",{v}")).collect();
                        let _ = writeln!(out, "db.{db}.{name}{values}");
                    }
                    Form::Info => {
                        for (t, value) in TYPES.iter().zip(values) {
                            let _ = writeln!(out, "[info] db.{db}.type.{t}.{name}:{value}");
                        }
                    }
                }
            }
        }
    }
}

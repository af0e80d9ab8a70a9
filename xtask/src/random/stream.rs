//! What random commands on streams need beside the common pools: ids that mostly ascend, groups and consumers, and a
//! comparison that leaves out the moment at which something was done.

use tarn::base::rng::Rng;

use crate::peer::Value;

/// Commands whose replies tell times.
const TELL_TIMES: &[&str] = &["xpending", "xinfo"];
/// Fields that are times, or how long ago they were.
const TIMES: &[&str] = &["idle", "inactive", "seen-time", "active-time"];

/// How often a command is drawn: entries and groups must be there for the others to find anything.
pub fn weight(command: &str) -> usize {
    match command {
        "xadd" => 6,
        "xreadgroup" => 4,
        "create" => 2,
        _ => 1,
    }
}

/// Ids as they were given out.
#[derive(Default)]
pub struct Ids {
    ms: u64,
}

impl Ids {
    /// A new round begins with empty streams.
    pub fn restart(&mut self) {
        self.ms = 0;
    }

    /// An id for a new entry: behind the last one, mostly.
    pub fn new_id(&mut self, rng: &mut Rng) -> String {
        self.ms += [0, 1, 1, 2, 300][rng.below(5) as usize];
        match rng.below(12) {
            0 => self.id(rng),
            1..5 => format!("{}-*", self.ms),
            _ => format!("{}-{}", self.ms, rng.below(4)),
        }
    }

    /// Any id.
    pub fn id(&mut self, rng: &mut Rng) -> String {
        let ms = self.ms.saturating_sub(rng.below(4) * rng.below(4));
        match rng.below(40) {
            0 => pick(rng, &["", "x", "-", "+", "$", ">", "1-x", "1-1-1", "18446744073709551616", "5-*"]),
            1 => pick(rng, &["18446744073709551615-18446744073709551615", "18446744073709551615", "0-0"]),
            2..8 => "0".into(),
            8..14 => ms.to_string(),
            _ => format!("{ms}-{}", rng.below(4)),
        }
    }
}

fn pick(rng: &mut Rng, from: &[&str]) -> String {
    from[rng.below(from.len() as u64) as usize].into()
}

/// The value of an argument of this name; none when the common pools do.
pub fn value(ids: &mut Ids, rng: &mut Rng, command: &str, name: &str) -> Option<String> {
    // Never a long wait.
    if name != "milliseconds" && rng.below(60) == 0 {
        return None;
    }
    Some(match (command, name) {
        (_, "group") => pick(rng, &["g1", "g1", "g2", "no"]),
        (_, "consumer") => pick(rng, &["c1", "c2", "c3"]),
        ("xadd", "id") => ids.new_id(rng),
        ("xread", "id") => {
            if rng.below(3) == 0 {
                pick(rng, &["$", "+"])
            } else {
                ids.id(rng)
            }
        }
        ("xreadgroup", "id") => {
            if rng.below(3) == 0 {
                ids.id(rng)
            } else {
                ">".into()
            }
        }
        (_, "id" | "lastid" | "last-id" | "max-deleted-id") => ids.id(rng),
        (_, "start" | "end") => match rng.below(4) {
            0 => pick(rng, &["-", "+"]),
            1 => format!("({}", ids.id(rng)),
            _ => ids.id(rng),
        },
        (_, "threshold") => {
            if rng.below(2) == 0 {
                ids.id(rng)
            } else {
                rng.below(12).to_string()
            }
        }
        (_, "min-idle-time") => pick(rng, &["0", "0", "100000", "-1"]),
        (_, "ms") => pick(rng, &["0", "500000", "-1", "9223372036854775807"]),
        (_, "unix-time-milliseconds") => pick(rng, &["1", "4000000000000", "-5"]),
        (_, "milliseconds") => pick(rng, &["1", "3", "-1", "x"]),
        (_, "field") => pick(rng, &["a", "a", "a", "b", "7"]),
        (_, "entries-read" | "entries-added") => rng.below(40).to_string(),
        _ => return None,
    })
}

/// Whether two replies are the same but for times.
pub fn same(command: &str, [a, b]: &[Value; 2]) -> bool {
    TELL_TIMES.contains(&command) && timeless(a) == timeless(b)
}

/// A reply without its times.
pub fn timeless(value: &Value) -> String {
    let Value::Many(kind, items) = value else { return value.show() };
    let is_id = |v: &Value| matches!(v, Value::Bulk(b) if b.contains(&b'-'));
    let is_number = |v: &Value| matches!(v, Value::Line(l) if l.starts_with(':'));
    let mut shown: Vec<String> = items.iter().map(timeless).collect();
    for i in 1..items.len() {
        if TIMES.contains(&items[i - 1].text().as_str()) && items[i].text() != "-1" {
            shown[i] = "time".into();
        }
    }
    // Pending entries: of a group with the consumer, of a consumer without.
    match &items[..] {
        [id, _, time, count] if is_id(id) && is_number(time) && is_number(count) => shown[2] = "time".into(),
        [id, time, count] if is_id(id) && is_number(time) && is_number(count) => shown[1] = "time".into(),
        _ => {}
    }
    format!("{} {}", *kind as char, shown.join(" "))
}

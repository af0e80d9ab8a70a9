//! Which arguments of a request are keys, and what is done to them: from the key specs, or by the command's own
//! function where they cannot tell. For COMMAND GETKEYS, ACL, the cluster's slots and caches of clients.

use super::args::Args;
use super::spec::{Begin, Find, INCOMPLETE, KeyFlags, KeySpec, NOT_KEY, Spec, VARIABLE_FLAGS};
use crate::base::num;

/// The arguments do not fit the key specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// Indexes of the arguments that are keys, with what is done to them. The arity must have been checked.
pub fn keys_of(spec: &Spec, args: &Args<'_>) -> Result<Vec<(usize, KeyFlags)>, Invalid> {
    if let Some(find) = spec.find_keys {
        return find(args).map_err(|_| Invalid);
    }
    let mut found = Vec::new();
    for k in spec.keys.iter().filter(|k| k.flags & (NOT_KEY | INCOMPLETE) == 0) {
        if let Some((first, last, step)) = range(k, args)? {
            found.extend((first..=last).step_by(step).map(|i| (i, k.flags & !VARIABLE_FLAGS)));
        }
    }
    Ok(found)
}

/// First and last index and step of one key spec; `None` if its keyword is not there.
fn range(k: &KeySpec, args: &Args<'_>) -> Result<Option<(usize, usize, usize)>, Invalid> {
    let Some(start) = start(k.begin, args)? else { return Ok(None) };
    let (first, last, step) = match k.find {
        Find::Range { last, step, limit } => (start, range_end(start, last, limit, args.len()), step),
        Find::Count { count, first, step } => {
            let n = num::parse_i64(args.get(start + count as usize)).ok_or(Invalid)?;
            let first = start + first as usize;
            let behind = n.checked_sub(1).and_then(|n| n.checked_mul(step as i64));
            (first, behind.and_then(|n| n.checked_add(first as i64)), step)
        }
        Find::Unknown => return Err(Invalid),
    };
    let last = last.and_then(|l| usize::try_from(l).ok()).ok_or(Invalid)?;
    if last < first || last >= args.len() {
        return Err(Invalid);
    }
    Ok(Some((first, last, step.max(1) as usize)))
}

/// The last key of a range; with `limit`, the range holds that part of what is left.
fn range_end(first: usize, last: i16, limit: u16, len: usize) -> Option<i64> {
    let (first, last, len) = (first as i64, last as i64, len as i64);
    Some(match (last >= 0, limit) {
        (true, _) => first + last,
        (false, 0 | 1) => len + last,
        (false, parts) => first + (len - first) / parts as i64 + last,
    })
}

fn start(begin: Begin, args: &Args<'_>) -> Result<Option<usize>, Invalid> {
    match begin {
        Begin::Index(i) => Ok(Some(i as usize)),
        Begin::Keyword(word, from) if from >= 0 => {
            Ok((from as usize..args.len()).find(|&i| args.is(i, word)).map(|i| i + 1))
        }
        Begin::Keyword(word, from) => {
            let end = args.len().saturating_sub(from.unsigned_abs() as usize - 1);
            Ok((1..end).rev().find(|&i| args.is(i, word)).map(|i| i + 1))
        }
        Begin::Unknown => Err(Invalid),
    }
}

/// First key, last key (negative: from the end) and step, as COMMAND told them before there were key specs.
pub fn legacy_range(keys: &[KeySpec]) -> (i64, i64, i64) {
    if let [KeySpec { begin: Begin::Index(i), find: Find::Range { last, step, .. }, .. }] = keys {
        let last = if *last >= 0 { *last as i64 + *i as i64 } else { *last as i64 };
        return (*i as i64, last, *step as i64);
    }
    let (mut first, mut last, mut before) = (i64::MAX, 0i64, 0i64);
    for k in keys {
        let KeySpec { begin: Begin::Index(i), find: Find::Range { last: l, step: 1, .. }, .. } = k else {
            continue;
        };
        // Only key specs that follow one another without a gap make one range.
        let i = *i as i64;
        if before != 0 && before != i - 1 {
            break;
        }
        let l = if *l >= 0 { *l as i64 + i } else { *l as i64 };
        first = first.min(i);
        last = if l < 0 || last < 0 { l.min(last) } else { l.max(last) };
        before = l;
    }
    if first == i64::MAX { (0, 0, 0) } else { (first, last, 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::spec::{RO, RW};
    use crate::resp::Span;

    fn keys(k: &'static [KeySpec], words: &str) -> Result<Vec<usize>, Invalid> {
        let spec = Spec::key("x", |_, _, _| Ok(())).keys(k).arity(crate::engine::spec::at_least(0));
        let mut spans = Vec::new();
        let mut at = 0;
        for w in words.split(' ') {
            spans.push(Span { at: at as u32, len: w.len() as u32 });
            at += w.len() + 1;
        }
        keys_of(&spec, &Args::new(words.as_bytes(), &spans)).map(|f| f.into_iter().map(|(i, _)| i).collect())
    }

    const HALF: &[KeySpec] = &[KeySpec {
        begin: Begin::Keyword("STREAMS", 1),
        find: Find::Range { last: -1, step: 1, limit: 2 },
        flags: RO,
        notes: "",
    }];
    const BACKWARDS: &[KeySpec] = &[
        KeySpec::at(3, RW),
        KeySpec {
            begin: Begin::Keyword("KEYS", -2),
            find: Find::Range { last: -1, step: 1, limit: 0 },
            flags: RW,
            notes: "",
        },
    ];

    const ONE: &[KeySpec] = &[KeySpec::first(RO)];
    const PAIRS: &[KeySpec] = &[KeySpec::range(1, -1, 2, RW)];
    const EVAL: &[KeySpec] = &[KeySpec::counted(2, RW)];
    const ZUNION: &[KeySpec] = &[KeySpec::first(RW), KeySpec::counted(2, RW)];

    #[test]
    fn every_way_to_find_keys() {
        assert_eq!(keys(ONE, "get k"), Ok(vec![1]));
        assert_eq!(keys(PAIRS, "mset a 1 b 2"), Ok(vec![1, 3]));
        assert_eq!(keys(EVAL, "eval s 2 a b c"), Ok(vec![3, 4]));
        assert_eq!(keys(ZUNION, "zunionstore d 2 a b"), Ok(vec![1, 3, 4]));
        assert_eq!(keys(HALF, "xread count 5 streams a b 1 2"), Ok(vec![4, 5]));
        assert_eq!(keys(HALF, "xread count 5"), Ok(vec![]));
        assert_eq!(keys(BACKWARDS, "migrate h 1 k 0 5 keys a b"), Ok(vec![3, 7, 8]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for n in ["0", "-1", "4", "x", "9223372036854775807"] {
            assert_eq!(keys(EVAL, &format!("eval s {n} a b c")), Err(Invalid), "{n}");
        }
        assert_eq!(keys(ONE, "get"), Err(Invalid));
    }

    #[test]
    fn ranges_of_old() {
        assert_eq!(legacy_range(&[]), (0, 0, 0));
        assert_eq!(legacy_range(&[KeySpec::range(1, -1, 2, RW)]), (1, -1, 2));
        assert_eq!(legacy_range(&[KeySpec::at(1, RW), KeySpec::at(2, RW)]), (1, 2, 1));
        assert_eq!(legacy_range(&[KeySpec::at(2, RW), KeySpec::range(3, -1, 1, RO)]), (2, -1, 1));
        assert_eq!(legacy_range(HALF), (0, 0, 0));
    }
}

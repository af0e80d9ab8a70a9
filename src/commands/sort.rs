//! SORT and SORT_RO: the elements of a list, set or sorted set by number or text, by themselves or by what other keys
//! hold under a name made from each element.
//!
//! The elements are copied first, one behind another: looking up other keys may remove some whose time has come, and the
//! result may take the place of what is sorted. A sort is stable and in the bytes' order (the reference's in the C
//! locale); of a part that LIMIT chooses only that part is put in order.

use std::cmp::Ordering;
use std::ops::Range;

use smallvec::SmallVec;

use super::{hash, list, zset};
use crate::base::crc16::{key_slot, pattern_slot};
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::keyspace::object::AnyRef;
use crate::resp::Reply;
use crate::types::Value;
use crate::types::hash::Hash;
use crate::types::list::{End, List};
use crate::types::zset::Zset;

pub const COMMANDS: &[Spec] = &[SORT, SORT_RO];

const SORTED: KeySpec = KeySpec::first(RO | ACCESS);
const NAMED_BY_ELEMENTS: KeySpec = KeySpec {
    begin: Begin::Unknown,
    find: Find::Unknown,
    flags: RO | ACCESS,
    notes: "keys of BY and GET have names made from elements",
};
const STORED: KeySpec = KeySpec {
    begin: Begin::Unknown,
    find: Find::Unknown,
    flags: OW | UPDATE,
    notes: "STORE may stand anywhere among the options",
};

pub const SORT: Spec = Spec::key("sort", sort)
    .arity(at_least(1))
    .flags(WRITE | DENYOOM | MOVABLE_KEYS)
    .keys(&[SORTED, NAMED_BY_ELEMENTS, STORED])
    .find_keys(sort_keys)
    .acl(acl::SET | acl::SORTEDSET | acl::LIST | acl::DANGEROUS)
    .group(Group::Generic)
    .syntax(
        "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA] \
         [STORE destination]",
    )
    .since("1.0.0")
    .complexity("O(N+M*log(M)) for N elements, M of which are returned")
    .summary("Returns or stores the elements of a list, set or sorted set in another order.");

fn sort(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    sort_or_store(cx, args, out, true)
}

pub const SORT_RO: Spec = Spec::key("sort_ro", sort_ro)
    .arity(at_least(1))
    .flags(READONLY | MOVABLE_KEYS)
    .keys(&[SORTED, NAMED_BY_ELEMENTS])
    .find_keys(sort_ro_keys)
    .acl(acl::SET | acl::SORTEDSET | acl::LIST | acl::DANGEROUS)
    .group(Group::Generic)
    .syntax("key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC|DESC] [ALPHA]")
    .since("7.0.0")
    .complexity("O(N+M*log(M)) for N elements, M of which are returned")
    .summary("Returns the elements of a list, set or sorted set in another order.");

fn sort_ro(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    sort_or_store(cx, args, out, false)
}

/// The key that is sorted, and the last one that STORE names.
fn sort_keys(args: &Args<'_>) -> Result<Vec<(usize, KeyFlags)>> {
    let (mut i, mut store) = (2, None);
    while i < args.len() {
        let skipped = match () {
            () if args.is(i, "limit") => 2,
            () if args.is(i, "get") || args.is(i, "by") => 1,
            () if args.is(i, "store") && i + 1 < args.len() => {
                store = Some((i + 1, OW | UPDATE));
                1
            }
            () => 0,
        };
        i += 1 + skipped;
    }
    Ok(std::iter::once((1, RO | ACCESS)).chain(store).collect())
}

fn sort_ro_keys(_: &Args<'_>) -> Result<Vec<(usize, KeyFlags)>> {
    Ok(vec![(1, RO | ACCESS)])
}

/// What is asked for.
#[derive(Default)]
struct Request<'a> {
    /// What weighs an element; itself, if nothing.
    by: Option<Pattern<'a>>,
    /// As it comes: BY names no other key.
    unsorted: bool,
    descending: bool,
    alpha: bool,
    offset: i64,
    /// How many; all, when negative or not given.
    count: Option<i64>,
    gets: SmallVec<[Pattern<'a>; 4]>,
    store: Option<Key<'a>>,
}

impl<'a> Request<'a> {
    /// Reads the options behind the key.
    fn read(cx: &KeyCx<'_>, key: Key<'_>, args: &mut Args<'a>, may_store: bool) -> Result<Request<'a>> {
        const BY: &str = "ERR BY option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.";
        const GET: &str = "ERR GET option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.";
        // A node of a cluster has the keys of some slots only.
        let elsewhere =
            |pattern: &[u8]| cx.config.cluster_enabled && pattern_slot(pattern) != Some(key_slot(key.bytes));
        let mut r = Request::default();
        while args.left() > 0 {
            let behind = args.left() - 1;
            if args.eat("asc") {
                r.descending = false;
            } else if args.eat("desc") {
                r.descending = true;
            } else if args.eat("alpha") {
                r.alpha = true;
            } else if behind >= 2 && args.eat("limit") {
                r.offset = args.int()?;
                r.count = Some(args.int()?);
            } else if may_store && behind >= 1 && args.eat("store") {
                r.store = Some(args.key());
            } else if behind >= 1 && args.eat("by") {
                let text = args.bytes_arg()?;
                let pattern = Pattern::new(text);
                if pattern.names_keys() {
                    if elsewhere(text) {
                        return Err(Error::text(BY));
                    }
                } else {
                    r.unsorted = true;
                }
                r.by = Some(pattern);
            } else if behind >= 1 && args.eat("get") {
                let text = args.bytes_arg()?;
                let pattern = Pattern::new(text);
                if pattern != Pattern::Element && elsewhere(text) {
                    return Err(Error::text(GET));
                }
                r.gets.push(pattern);
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(r)
    }

    /// The elements that LIMIT chooses of `len`.
    fn window(&self, len: usize) -> Range<usize> {
        let within = |n: i64| usize::try_from(n.max(0)).map_or(len, |n| n.min(len));
        let start = within(self.offset);
        let count = self.count.filter(|n| *n >= 0).map_or(len, within);
        start..(start + count).min(len)
    }
}

/// What BY and GET name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// Without a `*`: nothing.
    Nothing,
    /// The key of this name with the element in between, or a field of the hash there.
    Key { before: &'a [u8], behind: &'a [u8], field: Option<&'a [u8]> },
}

impl<'a> Pattern<'a> {
    /// What stands behind a zero byte takes part in names, but in no meaning, as in the reference.
    fn new(text: &'a [u8]) -> Pattern<'a> {
        let meant = until_zero(text);
        let Some(star) = memchr::memchr(b'*', meant) else {
            return if meant == b"#" { Pattern::Element } else { Pattern::Nothing };
        };
        let (before, behind) = (&text[..star], &text[star + 1..]);
        // An arrow with nothing behind it is part of the name.
        match memchr::memmem::find(&meant[star + 1..], b"->") {
            Some(at) if star + 1 + at + 2 < meant.len() => {
                Pattern::Key { before, behind: &behind[..at], field: Some(&behind[at + 2..]) }
            }
            _ => Pattern::Key { before, behind, field: None },
        }
    }

    fn names_keys(self) -> bool {
        matches!(self, Pattern::Key { .. })
    }

    /// What `look` makes of the string that the pattern names for an element, if there is one. `name` is room to make
    /// names in.
    fn look_up<R>(
        self,
        cx: &mut KeyCx<'_>,
        element: &[u8],
        name: &mut Vec<u8>,
        look: impl FnOnce(Value<'_>) -> R,
    ) -> Option<R> {
        let (before, behind, field) = match self {
            Pattern::Element => return Some(look(Value::Bytes(element))),
            Pattern::Nothing => return None,
            Pattern::Key { before, behind, field } => (before, behind, field),
        };
        name.clear();
        [before, element, behind].iter().for_each(|part| name.extend_from_slice(part));
        let now_ms = hash::moment(cx);
        let pos = cx.find_read(Key::new(name))?;
        match field {
            None => cx.db.string_at(pos).ok().map(look),
            Some(field) => cx.db.read_at::<Hash>(pos).ok()?.get(field, now_ms).map(look),
        }
    }
}

fn until_zero(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

/// Elements to be sorted, and the texts that weigh them, all one behind another.
#[derive(Default)]
struct Elements {
    texts: Vec<u8>,
    items: Vec<Item>,
}

/// An element: where its text begins and ends, and what it weighs.
#[derive(Clone, Copy)]
struct Item {
    from: usize,
    to: usize,
    weight: Weight,
}

#[derive(Clone, Copy)]
enum Weight {
    /// Nothing is known of it.
    None,
    Number(f64),
    /// A text: from, to.
    Text(usize, usize),
}

impl Elements {
    fn text(&self, item: &Item) -> &[u8] {
        &self.texts[item.from..item.to]
    }

    fn push(&mut self, value: Value<'_>) {
        let from = self.texts.len();
        self.texts.extend_from_slice(value.bytes(&mut NumBuf::new()));
        self.items.push(Item { from, to: self.texts.len(), weight: Weight::None });
    }

    /// Copies the elements of a collection; of one that has an order which stays, only those of the window.
    fn copy(collection: &AnyRef<'_>, request: &Request<'_>) -> Result<Elements> {
        let mut all = Elements::default();
        let len = collection.len();
        let window = if request.unsorted { request.window(len) } else { 0..len };
        let reverse = request.unsorted && request.descending;
        match collection {
            AnyRef::List(list) if reverse && !window.is_empty() => {
                list.range(len - 1 - window.start, window.len(), End::Front, |value| all.push(value));
            }
            AnyRef::List(list) => {
                list.range(window.start, window.len(), End::Back, |value| all.push(value));
            }
            AnyRef::Zset(zset) => {
                let ranks = if reverse { len - window.end..len - window.start } else { window };
                zset.range(ranks, reverse).for_each(|(member, _)| all.push(member));
            }
            AnyRef::Set(set) => {
                set.for_each(|member| all.push(member));
                all.cut(request);
            }
            AnyRef::Hash(_) | AnyRef::Stream(_) => return Err(Error::WRONG_TYPE),
        }
        Ok(all)
    }

    /// Leaves the window of a set that is not sorted.
    fn cut(&mut self, request: &Request<'_>) {
        if request.unsorted {
            let window = request.window(self.items.len());
            self.items.truncate(window.end);
            self.items.drain(..window.start);
        }
    }

    /// Finds what every element weighs.
    fn weigh(&mut self, cx: &mut KeyCx<'_>, request: &Request<'_>) -> Result {
        const NOT_NUMBER: Error = Error::text("ERR One or more scores can't be converted into double");
        let (mut all_numbers, mut name) = (true, Vec::new());
        for i in 0..self.items.len() {
            let item = self.items[i];
            let element = &self.texts[item.from..item.to];
            let weight = match (request.by, request.alpha) {
                (None, true) => Some(Weight::Text(item.from, item.to)),
                (None, false) => number(Value::Bytes(element)).map(Weight::Number),
                (Some(by), true) => {
                    let text = by.look_up(cx, element, &mut name, |value| {
                        SmallVec::<[u8; 64]>::from_slice(value.bytes(&mut NumBuf::new()))
                    });
                    Some(text.map_or(Weight::None, |text| {
                        let from = self.texts.len();
                        self.texts.extend_from_slice(&text);
                        Weight::Text(from, self.texts.len())
                    }))
                }
                // What is not there weighs nothing.
                (Some(by), false) => match by.look_up(cx, element, &mut name, number) {
                    None => Some(Weight::Number(0.0)),
                    Some(number) => number.map(Weight::Number),
                },
            };
            all_numbers &= weight.is_some();
            self.items[i].weight = weight.unwrap_or(Weight::None);
        }
        if all_numbers { Ok(()) } else { Err(NOT_NUMBER) }
    }

    /// Puts the window in order and leaves nothing else.
    fn sort(&mut self, request: &Request<'_>) {
        let window = request.window(self.items.len());
        let mut items = std::mem::take(&mut self.items);
        // Equal ones stay in the order in which they came.
        let compare = |a: &Item, b: &Item| {
            let order = self.compare(a, b, request);
            let order = if request.descending { order.reverse() } else { order };
            order.then(a.from.cmp(&b.from))
        };
        if window.end < items.len() {
            items.select_nth_unstable_by(window.end, compare);
            items.truncate(window.end);
        }
        if 0 < window.start && window.start < items.len() {
            items.select_nth_unstable_by(window.start, compare);
        }
        items.drain(..window.start.min(items.len()));
        items.sort_unstable_by(compare);
        self.items = items;
    }

    fn compare(&self, a: &Item, b: &Item, request: &Request<'_>) -> Ordering {
        let text = |from: usize, to: usize| {
            let text = &self.texts[from..to];
            // Only what is stored is compared beyond a zero byte.
            if request.store.is_some() { text } else { until_zero(text) }
        };
        match (a.weight, b.weight) {
            (Weight::Number(x), Weight::Number(y)) => {
                let order = x.partial_cmp(&y).unwrap_or(Ordering::Equal);
                order.then_with(|| self.text(a).cmp(self.text(b)))
            }
            (Weight::Text(a, b), Weight::Text(c, d)) => text(a, b).cmp(text(c, d)),
            (Weight::None, Weight::None) => Ordering::Equal,
            (Weight::None, _) => Ordering::Less,
            _ => Ordering::Greater,
        }
    }
}

/// The number that a text is, up to a zero byte.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Int(n) => Some(n as f64),
        Value::Bytes(text) => num::parse_f64(until_zero(text)),
    }
}

fn sort_or_store(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, may_store: bool) -> Result {
    let key = args.key();
    let mut request = Request::read(cx, key, args, may_store)?;
    let mut elements = Elements::default();
    if let Some(pos) = cx.find_read(key) {
        let collection = cx.db.at(pos).any().ok_or(Error::WRONG_TYPE)?;
        let ordered = request.store.is_some() || cx.fx.in_script;
        if request.unsorted && ordered && matches!(collection, AnyRef::Set(_)) {
            // A set has no order of its own, and the replicas' lists must be the same; scripts count on one, too.
            request.unsorted = false;
            request.alpha = true;
            request.by = None;
        }
        elements = Elements::copy(&collection, &request)?;
        if matches!(collection, AnyRef::Zset(_)) {
            // The reference converts what it sorts, and it shows in OBJECT ENCODING.
            let limits = zset::limits(cx);
            cx.db.write_at::<Zset>(pos, key.hash)?.prepare_for(usize::MAX, 0, limits);
        }
    }
    if !request.unsorted {
        elements.weigh(cx, &request)?;
        elements.sort(&request);
    }
    match request.store {
        None => reply(cx, &elements, &request.gets, out),
        Some(destination) => store(cx, destination, &elements, &request.gets, out),
    }
    Ok(())
}

fn reply(cx: &mut KeyCx<'_>, elements: &Elements, gets: &[Pattern<'_>], out: &mut Reply<'_>) {
    let mut name = Vec::new();
    out.array(elements.items.len() * gets.len().max(1));
    for item in &elements.items {
        let element = elements.text(item);
        if gets.is_empty() {
            out.bulk(element);
        }
        for get in gets {
            if get.look_up(cx, element, &mut name, |value| out.value(value)).is_none() {
                out.null();
            }
        }
    }
}

/// What GET does not find is stored as an empty string.
fn store(
    cx: &mut KeyCx<'_>,
    destination: Key<'_>,
    elements: &Elements,
    gets: &[Pattern<'_>],
    out: &mut Reply<'_>,
) {
    let limits = list::limits(cx);
    let (mut result, mut name) = (List::new(), Vec::new());
    let mut push = |value: &[u8]| {
        result.grow(1, value.len(), limits);
        result.push(End::Back, value, limits);
    };
    for item in &elements.items {
        let element = elements.text(item);
        if gets.is_empty() {
            push(element);
        }
        for get in gets {
            let found = get.look_up(cx, element, &mut name, |value| push(value.bytes(&mut NumBuf::new())));
            if found.is_none() {
                push(b"");
            }
        }
    }
    let len = result.len();
    out.int(len as i64);
    if len > 0 {
        result.settle(limits);
        cx.set(destination, result.into(), None);
        cx.changed(destination.bytes, Event::SORTSTORE, len as u64);
    } else if cx.remove(destination) {
        cx.changed(destination.bytes, Event::DEL, 1);
    }
}

#[cfg(test)]
mod tests;

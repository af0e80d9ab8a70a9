//! Members inside an area: GEOSEARCH, GEORADIUS and their relatives. The area is covered by cells, each a range of
//! scores; members that lie in one of them are looked at one by one.

use super::options::{Form, Options, Order};
use super::{READS, reply_distance, reply_point, spec};
use crate::base::num::NumBuf;
use crate::commands::zset::{limits, read};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::Value;
use crate::types::geo::{self, Point, Search};
use crate::types::tree::Builder;
use crate::types::zset::{ScoreRange, Zset, ZsetLimits};

const SEARCHES: Spec = spec("", geosearch)
    .flags(READONLY)
    .keys(READS)
    .complexity("O(N+log(M)) for N members near the area, M of them inside")
    .history(&[("7.0.0", "Units in upper case.")]);

const fn named(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec { name, handler: Handler::Key(f), ..SEARCHES }
}

const POLYGON_HISTORY: &[(&str, &str)] =
    &[("7.0.0", "Units in upper case."), ("9.0.0", "Option `BYPOLYGON`.")];

pub const GEOSEARCH: Spec = named("geosearch", geosearch)
    .arity(at_least(6))
    .syntax(
        "key [FROMMEMBER member|FROMLONLAT longitude latitude] \
         (BYRADIUS radius (M|KM|FT|MI))|((BYBOX width) height (M|KM|FT|MI))|\
         ((BYPOLYGON num-vertices) longitude latitude [longitude latitude ...]) \
         [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
    )
    .since("6.2.0")
    .history(POLYGON_HISTORY)
    .summary("Returns the members inside a circle, box or polygon.");

fn geosearch(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    search(cx, args, Form::Search, out)
}

pub const GEOSEARCHSTORE: Spec = named("geosearchstore", geosearchstore)
    .arity(at_least(7))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(OW | UPDATE), KeySpec::at(2, RO | ACCESS)])
    .syntax(
        "destination source [FROMMEMBER member|FROMLONLAT longitude latitude] \
         (BYRADIUS radius (M|KM|FT|MI))|((BYBOX width) height (M|KM|FT|MI))|\
         ((BYPOLYGON num-vertices) longitude latitude [longitude latitude ...]) \
         [ASC|DESC] [COUNT count [ANY]] [STOREDIST]",
    )
    .since("6.2.0")
    .history(POLYGON_HISTORY)
    .summary("Stores the members inside a circle, box or polygon.");

fn geosearchstore(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    search(cx, args, Form::SearchStore, out)
}

const RADIUS_HISTORY: &[(&str, &str)] =
    &[("6.2.0", "Option `ANY` of `COUNT`."), ("7.0.0", "Units in upper case.")];

const fn store_at(word: &'static str, from: i16) -> KeySpec {
    KeySpec {
        begin: Begin::Keyword(word, from),
        find: Find::Range { last: 0, step: 1, limit: 0 },
        flags: OW | UPDATE | VARIABLE_FLAGS,
        notes: "",
    }
}

pub const GEORADIUS: Spec = named("georadius", georadius)
    .arity(at_least(5))
    .flags(WRITE | DENYOOM | MOVABLE_KEYS)
    .keys(&[KeySpec::first(RO | ACCESS), store_at("STORE", 6), store_at("STOREDIST", 6)])
    .find_keys(radius_keys)
    .syntax(
        "key longitude latitude radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
         [ASC|DESC] [STORE key|STOREDIST key]",
    )
    .since("3.2.0")
    .history(RADIUS_HISTORY)
    .summary("Returns or stores the members within a distance of a point.");

fn georadius(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    search(cx, args, Form::Radius, out)
}

pub const GEORADIUS_RO: Spec = named("georadius_ro", georadius_ro)
    .arity(at_least(5))
    .syntax(
        "key longitude latitude radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
         [ASC|DESC]",
    )
    .since("3.2.10")
    .history(RADIUS_HISTORY)
    .summary("Returns the members within a distance of a point.");

fn georadius_ro(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    search(cx, args, Form::RadiusOnlyRead, out)
}

pub const GEORADIUSBYMEMBER: Spec = named("georadiusbymember", georadiusbymember)
    .arity(at_least(4))
    .flags(WRITE | DENYOOM | MOVABLE_KEYS)
    .keys(&[KeySpec::first(RO | ACCESS), store_at("STORE", 5), store_at("STOREDIST", 5)])
    .find_keys(radius_keys)
    .syntax(
        "key member radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
         [ASC|DESC] [STORE key|STOREDIST key]",
    )
    .since("3.2.0")
    .history(RADIUS_HISTORY)
    .summary("Returns or stores the members within a distance of a member.");

fn georadiusbymember(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    search(cx, args, Form::ByMember, out)
}

pub const GEORADIUSBYMEMBER_RO: Spec = named("georadiusbymember_ro", georadiusbymember_ro)
    .arity(at_least(4))
    .syntax(
        "key member radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
         [ASC|DESC]",
    )
    .since("3.2.10")
    .history(RADIUS_HISTORY)
    .summary("Returns the members within a distance of a member.");

fn georadiusbymember_ro(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    search(cx, args, Form::ByMemberOnlyRead, out)
}

/// The key that is searched, and the last one that STORE or STOREDIST names.
fn radius_keys(args: &Args<'_>) -> Result<Vec<(usize, KeyFlags)>> {
    let (mut i, mut store) = (5, None);
    while i + 1 < args.len() {
        if args.is(i, "store") || args.is(i, "storedist") {
            i += 1;
            store = Some((i, OW | UPDATE));
        }
        i += 1;
    }
    Ok(std::iter::once((1, RO | ACCESS)).chain(store).collect())
}

fn search(cx: &mut KeyCx<'_>, args: &mut Args<'_>, form: Form, out: &mut Reply<'_>) -> Result {
    let destination = (form == Form::SearchStore).then(|| args.key());
    let key = args.key();
    let limits = limits(cx);
    let zset = read(cx, key)?;
    let mut options = Options::read(form, zset.as_deref(), destination, args)?;
    let area = options.search();
    let mut hits = Vec::new();
    if let (Some(zset), Some(area)) = (&zset, &area) {
        hits = find(zset, area, &options);
        arrange(&mut hits, &options);
    }
    let in_unit = |meters| area.as_ref().map_or(meters, |area| area.in_unit(meters));
    let Some(destination) = options.store else {
        reply(&hits, &options, in_unit, out);
        return Ok(());
    };
    let (result, n) = (stored(&hits, &options, in_unit, limits), hits.len());
    store(cx, destination, result, n, form, out);
    Ok(())
}

/// A member inside the area.
struct Hit<'a> {
    member: Value<'a>,
    score: f64,
    point: Point,
    /// Metres from the centre.
    meters: f64,
    /// How many were found before it.
    found: usize,
}

/// The members inside the area, as they are found; of any that will do, so many as are asked for.
fn find<'a>(zset: &'a Zset, area: &Search, options: &Options<'_>) -> Vec<Hit<'a>> {
    let most = options.count.filter(|_| options.any).unwrap_or(usize::MAX);
    let mut hits = Vec::new();
    for (min, max) in geo::cover(area) {
        let range = ScoreRange { min, max, min_open: false, max_open: true };
        for (member, score) in zset.range(zset.ranks_of_scores(&range), false) {
            if hits.len() >= most {
                return hits;
            }
            let point = Point::of_score(score);
            if let Some(meters) = area.distance_inside(point) {
                hits.push(Hit { member, score, point, meters, found: hits.len() });
            }
        }
    }
    hits
}

/// Puts members in order and leaves as many as are asked for. Those equally far stay as they were found.
fn arrange(hits: &mut Vec<Hit<'_>>, options: &Options<'_>) {
    // The nearest ones are meant where nothing else is said.
    let order = options.order.or((options.count.is_some() && !options.any).then_some(Order::Nearest));
    let n = options.count.map_or(hits.len(), |count| count.min(hits.len()));
    if let Some(order) = order {
        let compare = |a: &Hit<'_>, b: &Hit<'_>| {
            let nearer = a.meters.total_cmp(&b.meters);
            let nearer = if order == Order::Nearest { nearer } else { nearer.reverse() };
            nearer.then(a.found.cmp(&b.found))
        };
        if n < hits.len() {
            hits.select_nth_unstable_by(n, compare);
        }
        hits[..n].sort_unstable_by(compare);
    }
    hits.truncate(n);
}

fn reply(hits: &[Hit<'_>], options: &Options<'_>, in_unit: impl Fn(f64) -> f64, out: &mut Reply<'_>) {
    let Options { with_distance, with_hash, with_point, .. } = *options;
    let more = usize::from(with_distance) + usize::from(with_hash) + usize::from(with_point);
    out.array(hits.len());
    for hit in hits {
        if more > 0 {
            out.array(1 + more);
        }
        out.value(hit.member);
        if with_distance {
            reply_distance(in_unit(hit.meters), out);
        }
        if with_hash {
            out.int(geo::truncated(hit.score));
        }
        if with_point {
            reply_point(hit.point, out);
        }
    }
}

/// The sorted set of a result.
fn stored(
    hits: &[Hit<'_>],
    options: &Options<'_>,
    in_unit: impl Fn(f64) -> f64,
    limits: ZsetLimits,
) -> Option<Zset> {
    if hits.is_empty() || options.store.is_none() {
        return None;
    }
    let mut builder = Builder::new();
    for hit in hits {
        let mut digits = NumBuf::new();
        let score = if options.store_distances { in_unit(hit.meters) } else { hit.score };
        builder.add_new(hit.member.bytes(&mut digits), score);
    }
    Some(Zset::of(builder, limits))
}

/// Stores a result of `n` members, or removes what an empty one takes the place of.
fn store(cx: &mut KeyCx<'_>, key: Key<'_>, result: Option<Zset>, n: usize, form: Form, out: &mut Reply<'_>) {
    out.int(n as i64);
    let event = if form == Form::SearchStore { Event::GEOSEARCHSTORE } else { Event::GEORADIUSSTORE };
    if let Some(zset) = result {
        cx.set(key, zset.into(), None);
        cx.changed(key.bytes, event, n as u64);
    } else if cx.remove(key) {
        cx.changed(key.bytes, Event::DEL, 1);
    }
}

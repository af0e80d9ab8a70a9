//! Single places: GEOADD, GEOPOS, GEODIST and GEOHASH.

use smallvec::SmallVec;

use super::{READS, place_of, point_arg, reply_distance, reply_point, spec, unit_arg};
use crate::commands::zset::{limits, read};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::zset::{AddRule, Added, Zset};

pub const GEOADD: Spec = spec("geoadd", geoadd)
    .arity(at_least(4))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .syntax("key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]")
    .since("3.2.0")
    .complexity("O(M*log(N)) for M places given to a set of N")
    .history(&[("6.2.0", "Options `CH`, `NX` and `XX`.")])
    .summary("Adds members with places to a sorted set, or moves them.");

fn geoadd(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (mut rule, mut count_moved) = (AddRule::default(), false);
    loop {
        let option = match () {
            () if args.eat("nx") => &mut rule.nx,
            () if args.eat("xx") => &mut rule.xx,
            () if args.eat("ch") => &mut count_moved,
            () => break,
        };
        *option = true;
    }
    if args.left() == 0 || !args.left().is_multiple_of(3) || rule.nx && rule.xx {
        return Err(Error::SYNTAX);
    }
    let (mut places, mut longest) = (SmallVec::<[(f64, &[u8]); 4]>::new(), 0);
    while args.left() > 0 {
        let score = point_arg(args)?.score() as f64;
        let member = args.bytes_arg()?;
        longest = longest.max(member.len());
        places.push((score, member));
    }
    let limits = limits(cx);
    let set = match cx.db.find(key) {
        Some(pos) => Some(cx.db.write_at::<Zset>(pos, key.hash)?),
        None if rule.xx => None,
        None => Some(cx.db.write_or_insert(key)?),
    };
    let (added, moved) = set.map_or((0, 0), |mut set| {
        set.prepare_for(places.len(), longest, limits);
        let mut counts = (0, 0);
        for (score, member) in places {
            match set.add(member, score, rule, limits) {
                Added::New(_) => counts.0 += 1,
                Added::Changed(_) => counts.1 += 1,
                Added::Same(_) | Added::Refused | Added::NotNumber => {}
            }
        }
        counts
    });
    if added + moved > 0 {
        cx.changed(key.bytes, Event::ZADD, added + moved);
    }
    out.int((added + if count_moved { moved } else { 0 }) as i64);
    Ok(())
}

pub const GEOPOS: Spec = spec("geopos", geopos)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(READS)
    .syntax("key [member [member ...]]")
    .since("3.2.0")
    .complexity("O(N*log(M)) for N members asked of a set of M")
    .summary("Returns the longitudes and latitudes of members.");

fn geopos(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let zset = read(cx, args.key())?;
    out.array(args.left());
    for member in args.rest() {
        match zset.as_deref().and_then(|zset| place_of(zset, member)) {
            Some(point) => reply_point(point, out),
            None => out.null_array(),
        }
    }
    Ok(())
}

pub const GEODIST: Spec = spec("geodist", geodist)
    .arity(at_least(3))
    .flags(READONLY)
    .keys(READS)
    .syntax("key member1 member2 [M|KM|FT|MI]")
    .since("3.2.0")
    .complexity("O(log(N)) for a set of N members")
    .summary("Returns the distance between two members.");

fn geodist(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (key, a, b) = (args.key(), args.bytes_arg()?, args.bytes_arg()?);
    let unit = match args.left() {
        0 => 1.0,
        1 => unit_arg(args)?,
        _ => return Err(Error::SYNTAX),
    };
    let zset = read(cx, key)?;
    let places = zset.as_deref().and_then(|zset| Some((place_of(zset, a)?, place_of(zset, b)?)));
    match places {
        Some((a, b)) => reply_distance(a.distance(b) / unit, out),
        None => out.null(),
    }
    Ok(())
}

pub const GEOHASH: Spec = spec("geohash", geohash)
    .arity(at_least(1))
    .flags(READONLY)
    .keys(READS)
    .syntax("key [member [member ...]]")
    .since("3.2.0")
    .complexity("O(N*log(M)) for N members asked of a set of M")
    .summary("Returns the geohashes of members as text.");

fn geohash(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let zset = read(cx, args.key())?;
    out.array(args.left());
    for member in args.rest() {
        match zset.as_deref().and_then(|zset| place_of(zset, member)) {
            Some(point) => out.bulk(&point.text()),
            None => out.null(),
        }
    }
    Ok(())
}

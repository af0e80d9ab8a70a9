//! Commands on places, which are members of sorted sets whose scores are geohashes (`types::geo`): `place` adds and asks
//! for single ones, `search` finds those inside an area, whose options `options` reads.

mod options;
mod place;
mod search;
#[cfg(test)]
mod tests;

use crate::base::num;
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::geo::Point;
use crate::types::zset::Zset;

pub const COMMANDS: &[Spec] = &[
    place::GEOADD,
    place::GEOPOS,
    place::GEODIST,
    place::GEOHASH,
    search::GEOSEARCH,
    search::GEOSEARCHSTORE,
    search::GEORADIUS,
    search::GEORADIUS_RO,
    search::GEORADIUSBYMEMBER,
    search::GEORADIUSBYMEMBER_RO,
];

const READS: &[KeySpec] = &[KeySpec::first(RO | ACCESS)];

/// A command of this family.
const fn spec(name: &'static str, f: fn(&mut KeyCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::key(name, f).acl(acl::GEO).group(Group::Geo)
}

/// The place of a member.
fn place_of(zset: &Zset, member: &[u8]) -> Option<Point> {
    zset.score(member).map(Point::of_score)
}

/// Reads a longitude and a latitude.
fn point_arg(args: &mut Args<'_>) -> Result<Point> {
    let point = Point { longitude: args.float()?, latitude: args.float()? };
    if point.is_valid() {
        return Ok(point);
    }
    let Point { longitude, latitude } = point;
    Err(Error::owned(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// Reads a number that is a length.
fn length_arg(args: &mut Args<'_>, error: Error) -> Result<f64> {
    num::parse_f64(args.bytes_arg()?).ok_or(error)
}

/// Reads a unit: its metres.
fn unit_arg(args: &mut Args<'_>) -> Result<f64> {
    const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    let word = args.bytes_arg()?;
    let unit = UNITS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    unit.map(|(_, meters)| *meters)
        .ok_or(Error::text("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// Answers a place as its two coordinates.
fn reply_point(point: Point, out: &mut Reply<'_>) {
    out.array(2);
    for degrees in [point.longitude, point.latitude] {
        out.double_text(num::fmt_coordinate(&mut num::NumBuf::new(), degrees));
    }
}

/// Answers a distance, with four decimals in any unit.
fn reply_distance(distance: f64, out: &mut Reply<'_>) {
    out.bulk(num::fmt_distance(&mut num::NumBuf::new(), distance));
}

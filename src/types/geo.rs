//! Places on the earth: 52-bit geohashes, which are the scores of sorted sets, distances, and the cells that cover an
//! area. Every step is done in the reference's order (Redis 3.2 and later, Valkey 9.1), so that what is printed is the
//! same to the last digit.
//!
//! A hash of `step` pairs of bits cuts the longitudes from -180 to 180 and the latitudes from -85.05112878 to 85.05112878
//! (where the Mercator projection ends) into 2^step intervals each, and interleaves the numbers of both: latitude in the
//! even bits, longitude in the odd ones. Cells that share a prefix of bits lie in one cell, so that a cell is a range of
//! scores.

mod cells;
mod search;

pub use cells::cover;
pub use search::{Area, Search};

use std::f64::consts::PI;

pub const LONGITUDE_MAX: f64 = 180.0;
pub const LATITUDE_MAX: f64 = 85.05112878;

/// Pairs of bits in a score.
const STEP_MAX: u32 = 26;
/// The quadratic mean of the radii of WGS 84, in metres.
const EARTH_RADIUS: f64 = 6372797.560856;
/// Sines below this are of longitudes that are the same: 6 nm.
const SAME_LONGITUDE: f64 = 1e-15;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub longitude: f64,
    pub latitude: f64,
}

impl Point {
    /// Whether it can be hashed.
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// Its geohash, the score of a sorted set. The point is valid.
    pub fn score(self) -> u64 {
        cells::Cell::of(self, STEP_MAX).bits
    }

    /// The middle of the cell that a score stands for; any number of a sorted set is taken for one.
    pub fn of_score(score: f64) -> Point {
        cells::Cell { bits: score_bits(score), step: STEP_MAX }.middle()
    }

    /// The geohash as others write it (base 32, latitudes from -90 to 90): ten characters, and a `0` for what 52 bits do
    /// not hold.
    pub fn text(self) -> [u8; 11] {
        const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = cells::hash(self, 90.0, STEP_MAX);
        std::array::from_fn(|i| match i {
            10 => DIGITS[0],
            _ => DIGITS[(bits >> (47 - 5 * i)) as usize & 31],
        })
    }

    /// Metres to another place, on a sphere (haversine).
    pub fn distance(self, other: Point) -> f64 {
        let v = ((radians(other.longitude) - radians(self.longitude)) / 2.0).sin();
        if v.abs() <= SAME_LONGITUDE {
            return self.distance_north(other);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }

    /// Metres between the latitudes.
    fn distance_north(self, other: Point) -> f64 {
        EARTH_RADIUS * (radians(other.latitude) - radians(self.latitude)).abs()
    }
}

/// A score as an integer, where it has none as the reference's processor would convert it: to 64 bits without a sign.
fn score_bits(score: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    if score < HALF {
        truncated(score).cast_unsigned()
    } else {
        truncated(score - HALF).cast_unsigned() ^ 1 << 63
    }
}

/// A number without its fraction; the smallest integer where it is none.
pub fn truncated(number: f64) -> i64 {
    if number < i64::MAX as f64 { number as i64 } else { i64::MIN }
}

fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

#[cfg(test)]
mod tests;

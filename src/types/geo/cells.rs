//! Cells of geohashes, and which of them cover an area: the one of the area's centre and its eight neighbours, of a size
//! that they reach beyond the area.

use super::search::{Bounds, Search};
use super::{LATITUDE_MAX, LONGITUDE_MAX, Point, STEP_MAX};

/// Half the earth's circumference of the Mercator projection, in metres.
const MERCATOR_MAX: f64 = 20037726.37;

const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// The geohash of a valid point with latitudes up to `latitude_max`.
pub(super) fn hash(point: Point, latitude_max: f64, step: u32) -> u64 {
    let cells = (1u64 << step) as f64;
    let part = |at: f64, max: f64| ((at - -max) / (max - -max) * cells) as u64;
    spread(part(point.latitude, latitude_max)) | spread(part(point.longitude, LONGITUDE_MAX)) << 1
}

/// Puts 32 bits into the even ones.
fn spread(x: u64) -> u64 {
    let x = x & 0xffff_ffff;
    let x = (x | x << 16) & 0x0000_ffff_0000_ffff;
    let x = (x | x << 8) & 0x00ff_00ff_00ff_00ff;
    let x = (x | x << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let x = (x | x << 2) & 0x3333_3333_3333_3333;
    (x | x << 1) & LATITUDE_BITS
}

/// The way back.
fn gather(x: u64) -> u32 {
    let x = x & LATITUDE_BITS;
    let x = (x | x >> 1) & 0x3333_3333_3333_3333;
    let x = (x | x >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    let x = (x | x >> 4) & 0x00ff_00ff_00ff_00ff;
    let x = (x | x >> 8) & 0x0000_ffff_0000_ffff;
    (x | x >> 16) as u32
}

/// A geohash of `step` pairs of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub bits: u64,
    pub step: u32,
}

impl Cell {
    pub fn of(point: Point, step: u32) -> Cell {
        Cell { bits: hash(point, LATITUDE_MAX, step), step }
    }

    pub fn bounds(self) -> Bounds {
        let cells = (1u64 << self.step) as f64;
        let edge = |n: u32, max: f64| -max + f64::from(n) / cells * (max - -max);
        let (latitude, longitude) = (gather(self.bits), gather(self.bits >> 1));
        Bounds {
            west: edge(longitude, LONGITUDE_MAX),
            south: edge(latitude, LATITUDE_MAX),
            east: edge(longitude.wrapping_add(1), LONGITUDE_MAX),
            north: edge(latitude.wrapping_add(1), LATITUDE_MAX),
        }
    }

    pub fn middle(self) -> Point {
        let Bounds { west, south, east, north } = self.bounds();
        Point {
            longitude: ((west + east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((south + north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// The cell some cells to the east and to the north, round the earth; also beyond the poles.
    fn moved(self, east: i8, north: i8) -> Cell {
        let unused = 64 - 2 * self.step;
        let longitude = moved(self.bits, LONGITUDE_BITS, LATITUDE_BITS >> unused, east);
        let latitude = moved(self.bits, LATITUDE_BITS, LONGITUDE_BITS >> unused, north);
        // What is not moved keeps even bits that lie beyond the step.
        let longitude = if east == 0 { longitude } else { longitude & LONGITUDE_BITS >> unused };
        let latitude = if north == 0 { latitude } else { latitude & LATITUDE_BITS >> unused };
        Cell { bits: longitude | latitude, step: self.step }
    }

    /// The scores of the cell: from the first one up to the second one, which is not in it.
    fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEP_MAX - self.step);
        ((self.bits << shift) as f64, ((self.bits + 1) << shift) as f64)
    }
}

/// The bits of `own` counted one up or down; the other coordinate's bits carry.
fn moved(bits: u64, own: u64, others: u64, by: i8) -> u64 {
    let bits = bits & own;
    match by {
        0 => bits,
        1 => bits.wrapping_add(others + 1),
        _ => (bits | others).wrapping_sub(others + 1),
    }
}

/// The ranges of scores that cover an area, in the order in which the reference searches them: `(from, below)`.
pub fn cover(search: &Search) -> impl Iterator<Item = (f64, f64)> {
    let (centre, kept) = cells(search);
    // Far around, neighbours can be the same: one that is the same as the one before is left out. The centre is not
    // compared with, as in the reference.
    let mut last = None;
    let neighbours = kept.into_iter().flatten().filter(move |cell| last.replace(*cell) != Some(*cell));
    std::iter::once(centre).chain(neighbours).map(Cell::scores)
}

/// North, south, east, west, and between them.
const NEIGHBOURS: [(i8, i8); 8] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// The centre's cell and the neighbours that the area reaches into.
fn cells(search: &Search) -> (Cell, [Option<Cell>; 8]) {
    let bounds = search.bounds();
    let mut step = step_for(search.reach_meters(), search.centre.latitude);
    let mut centre = Cell::of(search.centre, step);
    let edge = |east, north| centre.moved(east, north).bounds();
    let short = edge(0, 1).north < bounds.north
        || edge(0, -1).south > bounds.south
        || edge(1, 0).east < bounds.east
        || edge(-1, 0).west > bounds.west;
    if step > 1 && short {
        step -= 1;
        centre = Cell::of(search.centre, step);
    }
    let own = centre.bounds();
    let reaches = |east: i8, north: i8| {
        step < 2
            || !(north < 0 && own.south < bounds.south
                || north > 0 && own.north > bounds.north
                || east < 0 && own.west < bounds.west
                || east > 0 && own.east > bounds.east)
    };
    let neighbours = NEIGHBOURS.map(|(east, north)| reaches(east, north).then(|| centre.moved(east, north)));
    (centre, neighbours)
}

/// How fine the cells may be for this reach; coarser towards the poles, where they are narrow.
fn step_for(mut meters: f64, latitude: f64) -> u32 {
    if meters == 0.0 {
        return STEP_MAX;
    }
    let mut step = -1;
    while meters < MERCATOR_MAX {
        meters *= 2.0;
        step += 1;
    }
    step -= (latitude.abs() > 66.0) as i32 + (latitude.abs() > 80.0) as i32;
    step.clamp(1, STEP_MAX as i32) as u32
}

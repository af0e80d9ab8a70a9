//! Areas around a centre: whether a point lies inside, and how far away.

use std::cmp::Ordering;

use super::{EARTH_RADIUS, LATITUDE_MAX, LONGITUDE_MAX, Point, degrees, radians};

/// What is searched, in the client's unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    Circle {
        radius: f64,
    },
    Box {
        width: f64,
        height: f64,
    },
    /// The corners, in degrees.
    Polygon(Vec<Point>),
}

/// An area with its centre.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    pub centre: Point,
    area: Area,
    /// Metres of the client's unit.
    unit_meters: f64,
}

/// The smallest and largest coordinates, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl Search {
    /// A circle or box around a point.
    pub fn around(centre: Point, area: Area, unit_meters: f64) -> Search {
        Search { centre, area, unit_meters }
    }

    /// A polygon, whose centre is the mean of its corners as directions in space.
    pub fn polygon(corners: Vec<Point>) -> Search {
        let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
        for corner in &corners {
            let (longitude, latitude) = (radians(corner.longitude), radians(corner.latitude));
            x += latitude.cos() * longitude.cos();
            y += latitude.cos() * longitude.sin();
            z += latitude.sin();
        }
        let centre = Point {
            longitude: degrees(f64::atan2(y, x)),
            latitude: degrees(f64::atan2(z, (x * x + y * y).sqrt())),
        };
        Search { centre, area: Area::Polygon(corners), unit_meters: 1.0 }
    }

    /// Metres as a number of the client's unit.
    pub fn in_unit(&self, meters: f64) -> f64 {
        meters / self.unit_meters
    }

    /// Metres from the centre, if the point lies inside.
    pub fn distance_inside(&self, point: Point) -> Option<f64> {
        let inside = match &self.area {
            Area::Circle { radius } => {
                let distance = self.centre.distance(point);
                return is_within(distance, radius * self.unit_meters).then_some(distance);
            }
            Area::Box { width, height } => {
                let level = Point { latitude: point.latitude, ..self.centre };
                is_within(point.distance_north(self.centre), height * self.unit_meters / 2.0)
                    && is_within(point.distance(level), width * self.unit_meters / 2.0)
            }
            Area::Polygon(corners) => is_inside(point, corners),
        };
        inside.then(|| self.centre.distance(point))
    }

    /// The smallest and largest coordinates of the area. Edges of a box are as long as they are at its wider end.
    pub(super) fn bounds(&self) -> Bounds {
        let (width, height) = match &self.area {
            Area::Circle { radius } => (self.unit_meters * radius, self.unit_meters * radius),
            Area::Box { width, height } => (self.unit_meters * width / 2.0, self.unit_meters * height / 2.0),
            Area::Polygon(corners) => return bounds_of(corners),
        };
        let Point { longitude, latitude } = self.centre;
        let north = degrees(height / EARTH_RADIUS);
        let wider = if latitude < 0.0 { latitude - north } else { latitude + north };
        let east = degrees(width / EARTH_RADIUS / radians(wider).cos());
        Bounds {
            west: longitude - east,
            south: latitude - north,
            east: longitude + east,
            north: latitude + north,
        }
    }

    /// Metres from the centre to the farthest point.
    pub(super) fn reach_meters(&self) -> f64 {
        let reach = match &self.area {
            Area::Circle { radius } => *radius,
            Area::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
            Area::Polygon(corners) => {
                let Bounds { west, south, east, north } = bounds_of(corners);
                let corners = [(west, north), (east, north), (west, south), (east, south)];
                let distances =
                    corners.map(|(longitude, latitude)| self.centre.distance(Point { longitude, latitude }));
                distances.into_iter().fold(0.0, f64::max)
            }
        };
        reach * self.unit_meters
    }
}

/// Whether a distance is not too large. One that is no number (of points opposite to each other, by the last bit of a
/// sine) is not, in the reference.
fn is_within(distance: f64, max: f64) -> bool {
    distance.partial_cmp(&max) != Some(Ordering::Greater)
}

fn bounds_of(corners: &[Point]) -> Bounds {
    let start =
        Bounds { west: LONGITUDE_MAX, south: LATITUDE_MAX, east: -LONGITUDE_MAX, north: -LATITUDE_MAX };
    corners.iter().fold(start, |b, corner| Bounds {
        west: b.west.min(corner.longitude),
        south: b.south.min(corner.latitude),
        east: b.east.max(corner.longitude),
        north: b.north.max(corner.latitude),
    })
}

/// Whether a ray from the point to the east crosses an odd number of edges (Franklin, "PNPOLY").
fn is_inside(point: Point, corners: &[Point]) -> bool {
    let before = corners.iter().cycle().skip(corners.len().saturating_sub(1));
    let crossed = corners.iter().zip(before).filter(|(a, b)| {
        (a.latitude > point.latitude) != (b.latitude > point.latitude)
            && point.longitude
                < (b.longitude - a.longitude) * (point.latitude - a.latitude) / (b.latitude - a.latitude)
                    + a.longitude
    });
    crossed.count() % 2 == 1
}

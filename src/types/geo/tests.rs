//! Expected values are what Valkey 9.1 answers to GEOADD, ZSCORE, GEOPOS, GEOHASH, GEODIST and GEOSEARCH.

use super::*;
use crate::base::num::{self, NumBuf};

const fn at(longitude: f64, latitude: f64) -> Point {
    Point { longitude, latitude }
}

const PALERMO: Point = at(13.361389, 38.115556);
const CATANIA: Point = at(15.087269, 37.502669);

/// As GEOPOS writes it.
fn shown(point: Point) -> String {
    let text =
        |degrees| String::from_utf8(num::fmt_coordinate(&mut NumBuf::new(), degrees).to_vec()).unwrap();
    format!("{} {}", text(point.longitude), text(point.latitude))
}

#[test]
fn points_have_scores() {
    let expected = [
        (PALERMO, 3479099956230698, "13.36138933897018433 38.11555639549629859", "sqc8b49rny0"),
        (CATANIA, 3479447370796909, "15.08726745843887329 37.50266842333162032", "sqdtr74hyu0"),
        (at(-180.0, -LATITUDE_MAX), 0, "-179.99999731779098511 -85.05112751263942528", "00bh0hbj200"),
        (at(180.0, LATITUDE_MAX), 13510798882111488, "180 85.0511287799999991", "bp05b5048p0"),
        (at(0.0, 0.0), 3377699720527872, "0.00000268220901489 0.00000126736058093", "s0000000000"),
        (at(179.999999, 1e-6), 4128299658422954, "179.99999731779098511 0.00000126736058093", "xbpbpbpbpb0"),
        (at(-0.1275, 51.507222), 2163557714840001, "-0.1274988055229187 51.50722081469902491", "gcpvj0e5m10"),
        (at(2.3488, 48.8534), 3663832752681684, "2.34880238771438599 48.85340071224621283", "u09tvmqrej0"),
    ];
    for (point, score, stored, text) in expected {
        assert!(point.is_valid());
        assert_eq!(point.score(), score);
        let decoded = Point::of_score(score as f64);
        assert_eq!(shown(decoded), stored);
        assert_eq!(decoded.text(), text.as_bytes());
    }
    assert!(!at(180.1, 0.0).is_valid() && !at(0.0, -85.1).is_valid() && !at(f64::NAN, 0.0).is_valid());
}

/// Any number is a score of a sorted set.
#[test]
fn any_score_is_a_place() {
    const WEST: &str = "-179.99999731779098511";
    const EAST: &str = "180";
    const SOUTH: &str = "-85.05112751263942528";
    const NORTH: &str = "85.0511287799999991";
    let expected = [
        (f64::INFINITY, WEST, SOUTH),
        (f64::NEG_INFINITY, EAST, SOUTH),
        (-1.0, EAST, NORTH),
        (-5.5, EAST, NORTH),
        (1e19, EAST, NORTH),
        (2f64.powi(63), EAST, SOUTH),
        (2f64.powi(64), WEST, SOUTH),
        (2f64.powi(52), WEST, NORTH),
        (1e17, EAST, NORTH),
        (0.5, WEST, SOUTH),
        (-2f64.powi(53), EAST, NORTH),
    ];
    for (score, longitude, latitude) in expected {
        assert_eq!(shown(Point::of_score(score)), format!("{longitude} {latitude}"), "{score}");
    }
    assert_eq!([truncated(f64::INFINITY), truncated(-1e300), truncated(-5.5)], [i64::MIN, i64::MIN, -5]);
}

#[test]
fn distances_are_the_references() {
    let stored = |point: Point| Point::of_score(point.score() as f64);
    let corner = at(180.0, LATITUDE_MAX);
    let expected = [
        (PALERMO, CATANIA, "166274.1516"),
        (at(-180.0, -LATITUDE_MAX), corner, "18919844.5891"),
        (at(0.0, 0.0), at(179.999999, 0.000001), "20020733.3421"),
        (at(-0.1275, 51.507222), at(2.3488, 48.8534), "343809.2725"),
        (PALERMO, PALERMO, "0.0000"),
    ];
    for (a, b, meters) in expected {
        for (a, b) in [(a, b), (b, a)] {
            let mut digits = NumBuf::new();
            let text = num::fmt_distance(&mut digits, stored(a).distance(stored(b)));
            assert_eq!(text, meters.as_bytes());
        }
    }
}

/// A grid of points round the earth: what lies inside lies in the cells that cover the area.
#[test]
fn cells_cover_their_areas() {
    let grid = (-18..=18).flat_map(|x| (-8..=8).map(move |y| at(f64::from(x) * 10.0, f64::from(y) * 10.0)));
    let points: Vec<Point> = grid.map(|p| Point::of_score(p.score() as f64)).collect();
    let centres = [PALERMO, at(0.0, 0.0), at(100.0, -50.0), at(-60.0, 52.0)];
    let mut searches = Vec::new();
    for centre in centres {
        for radius in [0.0, 1.0, 500.0, 2000.0] {
            searches.push(Search::around(centre, Area::Circle { radius }, 1000.0));
            searches.push(Search::around(centre, Area::Box { width: 2.0 * radius, height: radius }, 1000.0));
        }
    }
    searches.push(Search::polygon(vec![at(-25.0, -25.0), at(30.0, -5.0), at(5.0, 35.0)]));
    let mut found = 0;
    for search in searches {
        let ranges: Vec<(f64, f64)> = cover(&search).collect();
        assert!(!ranges.is_empty() && ranges.len() <= 9);
        for point in points.iter().filter(|p| search.distance_inside(**p).is_some()) {
            let score = point.score() as f64;
            assert!(
                ranges.iter().any(|(from, below)| (*from..*below).contains(&score)),
                "{search:?} {point:?}"
            );
            found += 1;
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn far_around_no_neighbour_comes_twice_in_a_row() {
    let search = |radius| Search::around(at(0.0, 0.0), Area::Circle { radius }, 1000.0);
    let cell = 2f64.powi(50);
    let all = [3.0, 2.0, 1.0, 0.0].map(|n| (n * cell, (n + 1.0) * cell));
    assert_eq!(cover(&search(30000.0)).collect::<Vec<_>>(), all);
    assert_eq!(cover(&search(f64::INFINITY)).collect::<Vec<_>>(), all);
    assert_eq!(cover(&search(f64::MIN_POSITIVE)).count(), 4);
    assert_eq!(search(1.0).in_unit(500.0), 0.5);
}

#[test]
fn a_polygon_has_an_inside() {
    let square = Search::polygon(vec![at(0.0, 0.0), at(10.0, 0.0), at(10.0, 10.0), at(0.0, 10.0)]);
    assert!(square.distance_inside(at(5.0, 5.0)).is_some_and(|d| d < 10_000.0));
    assert_eq!(square.distance_inside(at(11.0, 5.0)), None);
    assert_eq!(square.distance_inside(at(5.0, -1.0)), None);
    // Its mean is the pole, which has no cell.
    let round = Search::polygon(vec![at(-120.0, 85.0), at(0.0, 85.0), at(120.0, 85.0)]);
    assert!(cover(&round).count() > 0);
}

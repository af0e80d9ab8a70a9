//! The options of searches, of which each command takes some.

use super::{length_arg, place_of, point_arg, unit_arg};
use crate::engine::args::Args;
use crate::engine::error::{Error, Result};
use crate::keyspace::Key;
use crate::types::geo::{Area, Point, Search};
use crate::types::zset::Zset;

/// A search by its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// GEORADIUS: a circle around a point, stored or not.
    Radius,
    /// GEORADIUS_RO.
    RadiusOnlyRead,
    /// GEORADIUSBYMEMBER: a circle around a member.
    ByMember,
    /// GEORADIUSBYMEMBER_RO.
    ByMemberOnlyRead,
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

impl Form {
    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }

    fn may_store(self) -> bool {
        matches!(self, Form::Radius | Form::ByMember)
    }
}

/// In which order members are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Nearest,
    Farthest,
}

/// What is asked for.
#[derive(Default)]
pub struct Options<'a> {
    pub with_distance: bool,
    pub with_hash: bool,
    pub with_point: bool,
    pub order: Option<Order>,
    /// How many are returned.
    pub count: Option<usize>,
    /// Any of them, the first that are found.
    pub any: bool,
    /// Where the result is stored.
    pub store: Option<Key<'a>>,
    /// The scores that are stored are distances.
    pub store_distances: bool,
    /// The centre; whether one was given is known, the place only if there is a sorted set.
    centre: Option<Centre>,
    area: Option<Area>,
    unit_meters: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Centre {
    Member(Option<Point>),
    Point(Point),
}

impl<'a> Options<'a> {
    /// Reads all that stands behind the key (and, for GEOSEARCHSTORE, before it: `store`). `zset` is what the key holds:
    /// the reference has looked it up by then.
    pub fn read(
        form: Form,
        zset: Option<&Zset>,
        store: Option<Key<'a>>,
        args: &mut Args<'a>,
    ) -> Result<Options<'a>> {
        let mut o = Options { store, ..Options::default() };
        match form {
            Form::Radius | Form::RadiusOnlyRead => {
                o.centre = Some(Centre::Point(point_arg(args)?));
                o.radius(args)?;
            }
            Form::ByMember | Form::ByMemberOnlyRead => {
                o.at_member(zset, args)?;
                if zset.is_some() {
                    o.radius(args)?;
                } else {
                    // The reference does not look at them.
                    args.seek(args.position() + 2);
                }
            }
            Form::Search | Form::SearchStore => {}
        }
        while args.left() > 0 {
            if !o.reply_option(args)? && !o.store_option(form, args)? && !o.area_option(form, zset, args)? {
                return Err(Error::SYNTAX);
            }
        }
        o.check(form, args)?;
        Ok(o)
    }

    /// How the members are returned, in any command.
    fn reply_option(&mut self, args: &mut Args<'a>) -> Result<bool> {
        match () {
            () if args.eat("withdist") => self.with_distance = true,
            () if args.eat("withhash") => self.with_hash = true,
            () if args.eat("withcoord") => self.with_point = true,
            () if args.eat("any") => self.any = true,
            () if args.eat("asc") => self.order = Some(Order::Nearest),
            () if args.eat("desc") => self.order = Some(Order::Farthest),
            () if args.left() >= 2 && args.eat("count") => {
                let count = args.int()?;
                if count <= 0 {
                    return Err(Error::text("ERR COUNT must be > 0"));
                }
                self.count = Some(usize::try_from(count).unwrap_or(usize::MAX));
            }
            () => return Ok(false),
        }
        Ok(true)
    }

    fn store_option(&mut self, form: Form, args: &mut Args<'a>) -> Result<bool> {
        match () {
            () if form == Form::SearchStore && args.eat("storedist") => self.store_distances = true,
            () if form.may_store() && args.left() >= 2 && args.eat("store") => {
                self.store = Some(args.key());
                self.store_distances = false;
            }
            () if form.may_store() && args.left() >= 2 && args.eat("storedist") => {
                self.store = Some(args.key());
                self.store_distances = true;
            }
            () => return Ok(false),
        }
        Ok(true)
    }

    /// Where GEOSEARCH and GEOSEARCHSTORE search: each kind of centre and area excludes the others.
    fn area_option(&mut self, form: Form, zset: Option<&Zset>, args: &mut Args<'a>) -> Result<bool> {
        if !form.is_search() {
            return Ok(false);
        }
        let polygon = matches!(self.area, Some(Area::Polygon(_)));
        let from_member = matches!(self.centre, Some(Centre::Member(_)));
        let from_point = matches!(self.centre, Some(Centre::Point(_)));
        let circle = matches!(self.area, None | Some(Area::Circle { .. }));
        let square = matches!(self.area, None | Some(Area::Box { .. }));
        let behind = args.left() - 1;
        match () {
            () if behind >= 1 && !from_point && !polygon && args.eat("frommember") => {
                self.at_member(zset, args)?;
            }
            () if behind >= 2 && !from_member && !polygon && args.eat("fromlonlat") => {
                self.centre = Some(Centre::Point(point_arg(args)?));
            }
            () if behind >= 2 && circle && args.eat("byradius") => self.radius(args)?,
            () if behind >= 3 && square && args.eat("bybox") => self.sides(args)?,
            () if behind >= 2
                && (polygon || self.area.is_none() && self.centre.is_none())
                && args.eat("bypolygon") =>
            {
                self.corners(args)?;
            }
            () => return Ok(false),
        }
        Ok(true)
    }

    fn at_member(&mut self, zset: Option<&Zset>, args: &mut Args<'_>) -> Result {
        let member = args.bytes_arg()?;
        let place = zset.map(|zset| place_of(zset, member).ok_or_else(|| no_member(member))).transpose()?;
        self.centre = Some(Centre::Member(place));
        Ok(())
    }

    fn radius(&mut self, args: &mut Args<'_>) -> Result {
        let radius = length_arg(args, Error::text("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(Error::text("ERR radius cannot be negative"));
        }
        self.unit_meters = unit_arg(args)?;
        self.area = Some(Area::Circle { radius });
        Ok(())
    }

    fn sides(&mut self, args: &mut Args<'_>) -> Result {
        let width = length_arg(args, Error::text("ERR need numeric width"))?;
        let height = length_arg(args, Error::text("ERR need numeric height"))?;
        if height < 0.0 || width < 0.0 {
            return Err(Error::text("ERR height or width cannot be negative"));
        }
        self.unit_meters = unit_arg(args)?;
        self.area = Some(Area::Box { width, height });
        Ok(())
    }

    fn corners(&mut self, args: &mut Args<'_>) -> Result {
        const NOT_NUMBER: Error = Error::text("ERR invalid number of vertices");
        const TOO_FEW: Error = Error::text("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
        let n = args.int_in(i64::from(i32::MIN)..=i64::from(i32::MAX), NOT_NUMBER)?;
        let n = usize::try_from(n).ok().filter(|n| *n >= 3 && *n <= args.left() / 2).ok_or(TOO_FEW)?;
        let corners = (0..n).map(|_| point_arg(args)).collect::<Result<Vec<Point>>>()?;
        self.area = Some(Area::Polygon(corners));
        Ok(())
    }

    /// What can only be told when all options are read, in the reference's order.
    fn check(&self, form: Form, args: &Args<'_>) -> Result {
        if self.store.is_some() && (self.with_distance || self.with_hash || self.with_point) {
            let what = if form.is_search() { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::owned(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let polygon = matches!(self.area, Some(Area::Polygon(_)));
        // The command as the client wrote it.
        let named = |text: &str| Error::owned([text.as_bytes(), until_zero(args.get(0))].concat());
        if form.is_search() && self.centre.is_none() && !polygon {
            return Err(named("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for "));
        }
        if form.is_search() && self.area.is_none() {
            return Err(named("ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for "));
        }
        if self.any && self.count.is_none() {
            return Err(Error::text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// The area around its centre; none where there is no sorted set that the centre is a member of.
    pub fn search(&mut self) -> Option<Search> {
        match (self.area.take()?, self.centre) {
            (Area::Polygon(corners), _) => Some(Search::polygon(corners)),
            (area, Some(Centre::Point(at) | Centre::Member(Some(at)))) => {
                Some(Search::around(at, area, self.unit_meters))
            }
            _ => None,
        }
    }
}

fn no_member(member: &[u8]) -> Error {
    Error::owned([b"ERR member ", until_zero(member), b" does not exist"].concat())
}

/// The reference writes what clients send as C strings into its texts.
fn until_zero(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

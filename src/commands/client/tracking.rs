//! CLIENT TRACKING and its relatives: client-side caching. What is tracked is in `engine/tracking.rs`, who is told what
//! in `exec/invalidate.rs`.

use super::COMMON;
use crate::engine::args::Args;
use crate::engine::cx::{ServerCx, SessionCx};
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::engine::tracking::{Mode, Options, Overlap, Tracker, overlap};
use crate::resp::Reply;

pub const TRACKING: Spec = Spec::server("tracking", tracking)
    .arity(at_least(2))
    .flags(COMMON)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax(
        "ON|OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
    )
    .since("6.0.0")
    .complexity("O(1). Some options may introduce additional complexity.")
    .summary("Tells the client, or another one, when keys change of which it may hold a copy.");

fn tracking(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(3);
    let asked = Asked::read(cx, args)?;
    if args.is(2, "on") {
        let (options, prefixes) = asked.check(cx.session().tracker.as_deref())?;
        cx.server.track(cx.slot, options, prefixes.into_iter());
    } else if args.is(2, "off") {
        cx.server.untrack(cx.slot);
    } else {
        return Err(Error::SYNTAX);
    }
    out.ok();
    Ok(())
}

/// The options as they were given.
#[derive(Default)]
struct Asked<'a> {
    redirect: u64,
    prefixes: Vec<&'a [u8]>,
    bcast: bool,
    optin: bool,
    optout: bool,
    noloop: bool,
}

impl<'a> Asked<'a> {
    fn read(cx: &mut ServerCx<'_>, args: &mut Args<'a>) -> Result<Asked<'a>> {
        let mut asked = Asked::default();
        while args.left() > 0 {
            let more = args.left() > 1;
            if more && args.eat("redirect") {
                if asked.redirect != 0 {
                    return Err(Error::text("ERR A client can only redirect to a single other client"));
                }
                let id = u64::try_from(args.int()?).ok();
                asked.redirect = id
                    .filter(|id| cx.server.clients.slot_of(*id).is_some())
                    .ok_or(Error::text("ERR The client ID you want redirect to does not exist"))?;
            } else if more && args.eat("prefix") {
                asked.prefixes.push(args.bytes_arg()?);
            } else if args.eat("bcast") {
                asked.bcast = true;
            } else if args.eat("optin") {
                asked.optin = true;
            } else if args.eat("optout") {
                asked.optout = true;
            } else if args.eat("noloop") {
                asked.noloop = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(asked)
    }

    /// Whether the options go together, and with what the client does already.
    fn check(self, now: Option<&Tracker>) -> Result<(Options, Vec<&'a [u8]>)> {
        if !self.bcast && !self.prefixes.is_empty() {
            return Err(Error::text("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        if now.is_some_and(|t| t.broadcasts() != self.bcast) {
            return Err(Error::text(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        let mode = match (self.bcast, self.optin, self.optout) {
            (true, false, false) => Mode::Broadcast,
            (true, ..) => return Err(Error::text("ERR OPTIN and OPTOUT are not compatible with BCAST")),
            (false, true, true) => {
                return Err(Error::text("ERR You can't specify both OPTIN mode and OPTOUT mode"));
            }
            (false, true, false) => Mode::OptIn,
            (false, false, true) => Mode::OptOut,
            (false, false, false) => Mode::All,
        };
        let before = now.map(|t| t.options.mode);
        if matches!((before, mode), (Some(Mode::OptOut), Mode::OptIn) | (Some(Mode::OptIn), Mode::OptOut)) {
            return Err(Error::text(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        let old: Vec<&[u8]> = now.map_or_else(Vec::new, |t| t.prefixes().collect());
        if let Some(found) = overlap(&old, &self.prefixes) {
            return Err(overlaps(found));
        }
        let options = Options { mode, noloop: self.noloop, redirect: self.redirect };
        // Without a prefix it is all keys.
        let all = self.bcast && self.prefixes.is_empty();
        Ok((options, if all { vec![b""] } else { self.prefixes }))
    }
}

fn overlaps(found: Overlap<'_>) -> Error {
    let (one, kind, other): (_, &[u8], _) = match found {
        Overlap::Existing(one, other) => (one, b"an existing", other),
        Overlap::Provided(one, other) => (one, b"another provided", other),
    };
    // The reference writes them as texts that a zero byte ends.
    let [one, other] = [one, other].map(|p| p.split(|b| *b == 0).next().unwrap_or_default());
    let tail = b"'. Prefixes for a single client must not overlap.";
    Error::owned([b"ERR Prefix '", one, b"' overlaps with ", kind, b" prefix '", other, tail].concat())
}

pub const CACHING: Spec = Spec::session("caching", caching)
    .arity(exactly(2))
    .flags(COMMON | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("YES|NO")
    .since("6.0.0")
    .summary("Tells whether the keys of the next request are cached, where that is not so by itself.");

fn caching(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let Some(tracker) = &mut cx.session.tracker else {
        return Err(Error::text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
             enabled",
        ));
    };
    let (wanted, refusal) = if args.is(2, "yes") {
        (Mode::OptIn, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
    } else if args.is(2, "no") {
        (Mode::OptOut, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
    } else {
        return Err(Error::SYNTAX);
    };
    if tracker.options.mode != wanted {
        return Err(Error::text(refusal));
    }
    tracker.caching = true;
    out.ok();
    Ok(())
}

pub const GETREDIR: Spec = Spec::session("getredir", getredir)
    .arity(exactly(1))
    .flags(COMMON | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .since("6.0.0")
    .summary("Returns the id of the client that hears of changed keys in this one's place.");

fn getredir(cx: &mut SessionCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.session.redirect());
    Ok(())
}

pub const TRACKINGINFO: Spec = Spec::session("trackinginfo", trackinginfo)
    .arity(exactly(1))
    .flags(COMMON)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .since("6.2.0")
    .summary("Tells how the connection tracks keys.");

fn trackinginfo(cx: &mut SessionCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let tracker = cx.session.tracker.as_deref();
    let is = |mode: Mode| tracker.is_some_and(|t| t.options.mode == mode);
    let caching = tracker.is_some_and(|t| t.caching);
    let flags = [
        (tracker.is_none(), "off"),
        (tracker.is_some(), "on"),
        (is(Mode::Broadcast), "bcast"),
        (is(Mode::OptIn), "optin"),
        (is(Mode::OptIn) && caching, "caching-yes"),
        (is(Mode::OptOut), "optout"),
        (is(Mode::OptOut) && caching, "caching-no"),
        (tracker.is_some_and(|t| t.options.noloop), "noloop"),
        (tracker.is_some_and(|t| t.broken), "broken_redirect"),
    ];
    out.map(3);
    out.bulk(b"flags");
    out.set(flags.iter().filter(|(on, _)| *on).count());
    flags.iter().filter(|(on, _)| *on).for_each(|(_, name)| out.bulk(name.as_bytes()));
    out.bulk(b"redirect");
    out.int(cx.session.redirect());
    out.bulk(b"prefixes");
    out.array(tracker.map_or(0, |t| t.prefixes().len()));
    tracker.into_iter().flat_map(Tracker::prefixes).for_each(|p| out.bulk(p));
    Ok(())
}

#[cfg(test)]
mod tests;

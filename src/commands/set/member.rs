//! Members added, removed, moved, asked for: SADD, SREM, SMOVE, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS, SSCAN.

use super::{limits, read};
use crate::base::num::NumBuf;
use crate::commands::scan_options::{self, Of, Page, ScanOptions};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::types::Set;

pub const SADD: Spec = Spec::key("sadd", sadd)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | INSERT)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key member [member ...]")
    .since("1.0.0")
    .complexity("O(N) for N members")
    .history(&[("2.4.0", "Accepts multiple `member` arguments.")])
    .summary("Adds members to a set, which is made if there is none.");

fn sadd(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let members = args.rest();
    let limits = limits(cx.config);
    let added = match cx.db.find(key) {
        Some(pos) => {
            let mut set = cx.db.write_at::<Set>(pos, key.hash)?;
            set.prepare_for(members.len(), limits);
            set.add_all(members, limits)
        }
        None => {
            let first = members.clone().next().unwrap_or_default();
            let mut set = Set::for_members(first, members.len(), limits);
            let added = set.add_all(members, limits);
            cx.insert(key, set.into(), None);
            added
        }
    };
    if added > 0 {
        cx.changed(key.bytes, Event::SADD, added as u64);
    }
    out.int(added as i64);
    Ok(())
}

pub const SREM: Spec = Spec::key("srem", srem)
    .arity(at_least(2))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key member [member ...]")
    .since("1.0.0")
    .complexity("O(N) for N members")
    .history(&[("2.4.0", "Accepts multiple `member` arguments.")])
    .summary("Removes members from a set. The key goes with the last of them.");

fn srem(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let (mut removed, mut emptied) = (0, false);
    if let Some(mut set) = cx.db.write::<Set>(key)? {
        removed = set.remove_all(args.rest());
        emptied = set.is_empty();
    }
    if removed > 0 {
        cx.changed(key.bytes, Event::SREM, removed as u64);
    }
    if emptied {
        cx.delete_empty(key);
    }
    out.int(removed as i64);
    Ok(())
}

pub const SMOVE: Spec = Spec::key("smove", smove)
    .arity(exactly(3))
    .flags(WRITE | FAST)
    .keys(&[KeySpec::first(RW | ACCESS | DELETE), KeySpec::at(2, RW | INSERT)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("source destination member")
    .since("1.0.0")
    .summary("Moves a member from one set to another.");

fn smove(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (source, destination) = (args.key(), args.key());
    let member = args.bytes_arg()?;
    // Both are met before either place is kept: one whose time has come goes, and others move.
    cx.db.peek(source);
    let to = cx.db.find(destination);
    let Some(from) = cx.db.find(source) else {
        out.int(0);
        return Ok(());
    };
    let has = cx.db.read_at::<Set>(from)?.contains(member);
    if let Some(to) = to {
        cx.db.read_at::<Set>(to)?;
    }
    if has && to != Some(from) {
        let mut set = cx.db.write_at::<Set>(from, source.hash)?;
        set.remove(member);
        let emptied = set.is_empty();
        drop(set);
        cx.changed(source.bytes, Event::SREM, 1);
        if emptied {
            cx.delete_empty(source);
        }
        let limits = limits(cx.config);
        // Found anew: the removal of a key moves others.
        let added = match cx.db.peek(destination) {
            Some(to) => cx.db.write_at::<Set>(to, destination.hash)?.add(member, limits),
            None => {
                let mut set = Set::for_members(member, 1, limits);
                set.add(member, limits);
                cx.insert(destination, set.into(), None);
                true
            }
        };
        if added {
            cx.changed(destination.bytes, Event::SADD, 1);
        }
    }
    out.int(has as i64);
    Ok(())
}

pub const SISMEMBER: Spec = Spec::key("sismember", sismember)
    .arity(exactly(2))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key member")
    .since("1.0.0")
    .summary("Tells whether a set has a member.");

fn sismember(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let member = args.bytes_arg()?;
    let has = read(cx, key)?.is_some_and(|set| set.contains(member));
    out.int(has as i64);
    Ok(())
}

pub const SMISMEMBER: Spec = Spec::key("smismember", smismember)
    .arity(at_least(2))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key member [member ...]")
    .since("6.2.0")
    .complexity("O(N) for N members")
    .summary("Tells for each of several members whether a set has it.");

fn smismember(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let set = read(cx, args.key())?;
    let members = args.rest();
    out.array(members.len());
    match set {
        Some(set) => set.contains_each(members, |has| out.int(has as i64)),
        None => members.for_each(|_| out.int(0)),
    }
    Ok(())
}

pub const SCARD: Spec = Spec::key("scard", scard)
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key")
    .since("1.0.0")
    .summary("Returns the number of members of a set.");

fn scard(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let len = read(cx, args.key())?.map_or(0, |set| set.len());
    out.int(len as i64);
    Ok(())
}

pub const SMEMBERS: Spec = Spec::key("smembers", smembers)
    .arity(exactly(1))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key")
    .since("1.0.0")
    .complexity("O(N) for the N members of the set")
    .tips(&["nondeterministic_output_order"])
    .summary("Returns all members of a set.");

fn smembers(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match read(cx, args.key())? {
        Some(set) => {
            out.set(set.len());
            set.for_each(|v| out.value(v));
        }
        None => out.set(0),
    }
    Ok(())
}

pub const SSCAN: Spec = Spec::key("sscan", sscan)
    .arity(at_least(2))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::SET)
    .group(Group::Set)
    .syntax("key cursor [MATCH pattern] [COUNT count]")
    .since("2.8.0")
    .complexity("O(1) for every call, O(N) for a whole walk over N members")
    .tips(&["nondeterministic_output"])
    .summary("Walks over the members of a set.");

fn sscan(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let cursor = scan_options::cursor(args)?;
    let mut page = Page::default();
    let mut next = 0;
    // Where there is no set, the options are not looked at.
    if let Some(set) = read(cx, key)? {
        let options = ScanOptions::read(args, Of::Set)?;
        let mut digits = NumBuf::new();
        next = set.scan(cursor, options.count, |v| {
            if options.matches(v.bytes(&mut digits)) {
                page.value(v);
            }
        });
    }
    page.reply(next, out);
    Ok(())
}

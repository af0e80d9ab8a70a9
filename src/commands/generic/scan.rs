//! Over all keys of a database: KEYS, SCAN, RANDOMKEY. A key whose time has come is shown by none of them,
//! but for RANDOMKEY when there may be no other.

use crate::commands::scan_options::{self, Of, Page, Pattern, ScanOptions};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;

pub const RANDOMKEY: Spec = Spec::key("randomkey", randomkey)
    .arity(exactly(0))
    .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
    .acl(acl::KEYSPACE)
    .since("1.0.0")
    .tips(&["request_policy:all_shards", "response_policy:special", "nondeterministic_output"])
    .summary("Returns the name of a random key.");

fn randomkey(cx: &mut KeyCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match cx.db.sample_live() {
        Some(pos) => out.bulk(cx.db.at(pos).key()),
        None => out.null(),
    }
    Ok(())
}

pub const KEYS: Spec = Spec::key("keys", keys)
    .arity(exactly(1))
    .flags(READONLY)
    .acl(acl::KEYSPACE | acl::DANGEROUS)
    .syntax("pattern")
    .since("1.0.0")
    .complexity("O(N) for the N keys of the database.")
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
    .summary("Returns the names of all keys that match a pattern.");

fn keys(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let pattern = Pattern::new(args.bytes_arg()?);
    let (list, mut n) = (out.open_array(), 0);
    let db = &*cx.db;
    db.table().for_each(|e| {
        if pattern.matches(e.key()) && !db.is_dead(e) {
            out.bulk(e.key());
            n += 1;
        }
    });
    out.close(list, n);
    Ok(())
}

pub const SCAN: Spec = Spec::key("scan", scan)
    .arity(at_least(1))
    .flags(READONLY | TOUCHES_ARBITRARY_KEYS)
    .acl(acl::KEYSPACE)
    .syntax("cursor [MATCH pattern] [COUNT count] [TYPE type]")
    .since("2.8.0")
    .complexity("O(1) for every call, O(N) for a whole walk over N keys.")
    .tips(&["nondeterministic_output", "request_policy:special", "response_policy:special"])
    .history(&[("6.0.0", "Added the `TYPE` subcommand.")])
    .summary("Walks over the names of all keys.");

fn scan(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let cursor = scan_options::cursor(args)?;
    let options = ScanOptions::read(args, Of::Keys)?;
    let mut page = Page::default();
    let mut dead: Vec<Box<[u8]>> = Vec::new();
    let db = &*cx.db;
    let next = db.scan(cursor, options.count, |e| {
        let wanted = options.type_name.is_none_or(|t| e.type_name() == t) && options.matches(e.key());
        if wanted && db.is_dead(e) {
            dead.push(e.key().into());
        } else if wanted {
            page.bulk(e.key());
        }
    });
    for key in dead {
        // A lookup removes it, where that is the rule.
        cx.db.peek(Key::new(&key));
    }
    page.reply(next, out);
    Ok(())
}

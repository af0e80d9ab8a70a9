//! HSCAN.

use super::{moment, read};
use crate::base::num::NumBuf;
use crate::commands::scan_options::{self, Of, Page, ScanOptions};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::resp::Reply;

pub const HSCAN: Spec = Spec::key("hscan", hscan)
    .arity(at_least(2))
    .flags(READONLY)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::HASH)
    .group(Group::Hash)
    .syntax("key cursor [MATCH pattern] [COUNT count] [NOVALUES]")
    .since("2.8.0")
    .complexity("O(1) for every call, O(N) for a whole walk over N fields.")
    .tips(&["nondeterministic_output"])
    .summary("Walks over the fields of a hash and their values.");

fn hscan(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let cursor = scan_options::cursor(args)?;
    let now_ms = moment(cx);
    let mut page = Page::default();
    let Some(hash) = read(cx, key)? else {
        page.reply(0, out);
        return Ok(());
    };
    let o = ScanOptions::read(args, Of::Hash)?;
    let mut digits = NumBuf::new();
    let next = hash.scan(cursor, o.count, now_ms, |pair| {
        if o.matches(pair.field.bytes(&mut digits)) {
            page.value(pair.field);
            if !o.only_keys {
                page.value(pair.value);
            }
        }
    });
    page.reply(next, out);
    Ok(())
}

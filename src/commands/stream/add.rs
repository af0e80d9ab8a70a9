//! XADD and XTRIM, with the options that both have, XLEN, XSETID.

use smallvec::SmallVec;

use super::{INVALID_ID, id_arg, limits, write_id};
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::KeyCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::resp::Reply;
use crate::types::stream::{
    IdText, Log, NewId, NotAdded, References, Stream, StreamId, Trim, TrimTo, Trimmed,
};

pub const XADD: Spec = Spec::key("xadd", xadd)
    .arity(at_least(4))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec {
        notes: "Entries may be trimmed, too.",
        ..KeySpec::first(RW | UPDATE)
    }])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax(
        "key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field value ...]",
    )
    .since("5.0.0")
    .complexity("O(1) to add, O(N) for N entries that are trimmed")
    .tips(&["nondeterministic_output"])
    .history(&[
        ("6.2.0", "Options `NOMKSTREAM`, `MINID`, `LIMIT`."),
        ("7.0.0", "Ids of the form `<ms>-*`."),
    ])
    .summary("Adds an entry to a stream, which is made if there is none, and returns its id.");

pub const XTRIM: Spec = Spec::key("xtrim", xtrim)
    .arity(at_least(3))
    .flags(WRITE)
    .keys(&[KeySpec::first(RW | DELETE)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key (MAXLEN|MINID [=|~] threshold [LIMIT count]) [KEEPREF|DELREF|ACKED]")
    .since("5.0.0")
    .complexity("O(N) for N entries that go")
    .tips(&["nondeterministic_output"])
    .history(&[("6.2.0", "Options `MINID` and `LIMIT`.")])
    .summary("Removes entries at the front of a stream.");

/// What XADD and XTRIM are told beside key, id and fields.
struct Options {
    make: bool,
    id: NewId,
    trim: Option<Trim>,
    /// Indexes of the arguments that say how far to trim, and of LIMIT.
    threshold_at: usize,
    limit_at: Option<usize>,
}

/// Reads the options; of XADD up to the id, which is read too.
fn options(args: &mut Args<'_>, adds: bool) -> Result<Options> {
    let mut read = Options { make: true, id: NewId::Auto, trim: None, threshold_at: 0, limit_at: None };
    let (mut limit, mut references) = (0, None);
    while let Some(word) = args.peek() {
        let more = args.left() - 1;
        if adds && word == b"*" {
            args.seek(args.position() + 1);
            break;
        } else if more > 0 && (args.eat("maxlen") || args.eat("minid")) {
            if read.trim.is_some() {
                return Err(Error::text(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                ));
            }
            let by_id = word.eq_ignore_ascii_case(b"minid");
            let approximate = more >= 2 && args.eat("~");
            if more >= 2 && !approximate {
                args.eat("=");
            }
            read.threshold_at = args.position();
            let to = if by_id { TrimTo::MinId(id_arg(args)?) } else { TrimTo::MaxLen(max_len(args)?) };
            read.trim = Some(Trim { to, approximate, limit: 0, references: References::Keep });
        } else if more > 0 && args.eat("limit") {
            read.limit_at = Some(args.position() - 1);
            limit = args.int()?;
            if limit < 0 {
                return Err(Error::text("ERR The LIMIT argument must be >= 0."));
            }
        } else if adds && args.eat("nomkstream") {
            read.make = false;
        } else if let Some(word) = references_word(args) {
            if references.replace(word).is_some() {
                return Err(Error::SYNTAX);
            }
        } else if adds {
            read.id = StreamId::parse_new(args.bytes_arg()?).ok_or(INVALID_ID)?;
            break;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if limit > 0 && read.trim.is_none() {
        return Err(Error::text(
            "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
        ));
    }
    if let Some(trim) = &mut read.trim {
        (trim.limit, trim.references) = (limit as u64, references.unwrap_or_default());
    }
    Ok(read)
}

fn max_len(args: &mut Args<'_>) -> Result<u64> {
    u64::try_from(args.int()?).map_err(|_| Error::text("ERR The MAXLEN argument must be >= 0."))
}

/// Reads `KEEPREF`, `DELREF` or `ACKED`, if the next argument is one of them.
pub(super) fn references_word(args: &mut Args<'_>) -> Option<References> {
    [("keepref", References::Keep), ("delref", References::Delete), ("acked", References::Acked)]
        .into_iter()
        .find_map(|(word, references)| args.eat(word).then_some(references))
}

/// The limit of a trim, as far as one holds; what the primary sends is done whatever it says.
fn set_limit(cx: &KeyCx<'_>, options: &mut Options) -> Result {
    let approximate = options.trim.is_some_and(|trim| trim.approximate);
    if options.limit_at.is_some() && !approximate && !cx.obeys() {
        return Err(Error::text("ERR syntax error, LIMIT cannot be used without the special ~ option"));
    }
    let Some(trim) = &mut options.trim else { return Ok(()) };
    if cx.obeys() {
        trim.limit = 0;
    } else if options.limit_at.is_none() && approximate {
        // A hundred nodes, in bounds.
        let entries = cx.config.stream_node_max_entries as i64;
        trim.limit = match entries.wrapping_mul(100) {
            ..=0 => 10_000,
            limit => limit.min(1_000_000) as u64,
        };
    }
    Ok(())
}

fn xadd(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let mut options = options(args, true)?;
    set_limit(cx, &mut options)?;
    let id_at = args.position() - 1;
    let pairs = args.pairs().filter(|pairs| pairs.len() > 0).ok_or_else(|| Error::arity("xadd"))?;
    if options.id == NewId::Whole(StreamId::MIN) {
        return Err(Error::text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    if !options.make && cx.db.peek(key).is_none() {
        out.null();
        return Ok(());
    }
    let (limits, now_ms) = (limits(cx), cx.now_ms.max(0) as u64);
    let mut stream = cx.db.write_or_insert::<Stream>(key)?;
    if stream.counts().last_id == StreamId::MAX {
        return Err(Error::text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let id = match stream.add(options.id, now_ms, pairs, limits) {
        Ok(id) => id,
        Err(why) => {
            drop(stream);
            cx.take_back(key);
            return Err(Error::text(match why {
                NotAdded::Id => {
                    "ERR The ID specified in XADD is equal or smaller than the target stream top item"
                }
                NotAdded::Size => "ERR Elements are too large to be stored",
            }));
        }
    };
    let trimmed = options.trim.map(|trim| stream.trim(&trim));
    let threshold = trimmed.map(|trimmed| threshold(&stream, &options, &trimmed));
    drop(stream);
    write_id(out, id);
    cx.changed(key.bytes, Event::XADD, 1);
    if trimmed.is_some_and(|trimmed| trimmed.gone > 0) {
        cx.changed(key.bytes, Event::XTRIM, 0);
    }
    let whole = matches!(options.id, NewId::Whole(_));
    let exact = options.trim.is_none_or(|trim| !trim.approximate);
    if cx.propagates() && !(whole && exact) {
        propagate(cx, args, &options, Some((id_at, id)), threshold);
    }
    Ok(())
}

fn xtrim(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let mut options = options(args, false)?;
    let Some(Trim { approximate, .. }) = options.trim else {
        return Err(Error::text("ERR syntax error, XTRIM must be called with a trimming strategy"));
    };
    set_limit(cx, &mut options)?;
    let mut done = None;
    if let Some(mut stream) = cx.db.write::<Stream>(key)? {
        done =
            options.trim.map(|trim| stream.trim(&trim)).map(|t| (t.gone, threshold(&stream, &options, &t)));
    }
    let (gone, threshold) = done.unzip();
    let gone = gone.unwrap_or(0);
    if gone > 0 {
        cx.changed(key.bytes, Event::XTRIM, gone);
        if approximate && cx.propagates() {
            propagate(cx, args, &options, None, threshold);
        }
    }
    out.int(gone as i64);
    Ok(())
}

/// What an exact trim would have to be told to leave what this one has left.
#[derive(Clone, Copy)]
enum Threshold {
    Len(u64),
    Id(StreamId),
}

fn threshold(stream: &Log, options: &Options, trimmed: &Trimmed) -> Threshold {
    match options.trim.map(|trim| (trim.to, trim.references)) {
        // Entries in front of the first that is left are still there, as some group has them.
        Some((TrimTo::MinId(id), References::Acked)) => Threshold::Id(trimmed.up_to.unwrap_or(id)),
        Some((TrimTo::MinId(_), _)) => Threshold::Id(stream.first_held().unwrap_or(StreamId::MAX)),
        _ => Threshold::Len(stream.counts().len),
    }
}

/// Goes to the AOF and replicas with the id that the entry got, and with the trim as an exact one.
fn propagate(
    cx: &mut KeyCx<'_>,
    args: &Args<'_>,
    options: &Options,
    id: Option<(usize, StreamId)>,
    threshold: Option<Threshold>,
) {
    let (mut id_text, mut threshold_text, mut digits) = (IdText::new(), IdText::new(), NumBuf::new());
    let mut words: SmallVec<[&[u8]; 16]> = args.all().collect();
    if let Some((at, id)) = id {
        words[at] = id.text(&mut id_text);
    }
    if let (Some(threshold), true) = (threshold, options.trim.is_some_and(|trim| trim.approximate)) {
        words[options.threshold_at - 1] = b"=";
        words[options.threshold_at] = match threshold {
            Threshold::Len(len) => num::fmt_u64(&mut digits, len),
            Threshold::Id(id) => id.text(&mut threshold_text),
        };
        if let Some(at) = options.limit_at {
            // Without ~ there is none.
            words.drain(at..at + 2);
        }
    }
    cx.propagate_as(&words);
}

pub const XLEN: Spec = Spec::key("xlen", xlen)
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key")
    .since("5.0.0")
    .summary("Returns how many entries a stream has.");

fn xlen(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let len = match cx.find_read(args.key()) {
        Some(pos) => cx.db.read_at::<Stream>(pos)?.counts().len,
        None => 0,
    };
    out.int(len as i64);
    Ok(())
}

pub const XSETID: Spec = Spec::key("xsetid", xsetid)
    .arity(at_least(2))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | UPDATE)])
    .acl(acl::STREAM)
    .group(Group::Stream)
    .syntax("key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]")
    .since("5.0.0")
    .history(&[("7.0.0", "Options `ENTRIESADDED` and `MAXDELETEDID`.")])
    .summary("Sets the last id of a stream, and what it counts: for replication.");

fn xsetid(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let last_id = id_arg(args)?;
    let (added, max_deleted_id) = counts_args(args, last_id)?;
    set_id(cx, key, last_id, added, max_deleted_id)?;
    cx.fx.dirty += 1;
    cx.notify(key.bytes, Event::XSETID);
    out.ok();
    Ok(())
}

/// The options of XSETID.
fn counts_args(args: &mut Args<'_>, last_id: StreamId) -> Result<(Option<u64>, Option<StreamId>)> {
    let (mut added, mut max_deleted_id) = (None, None);
    while args.left() > 1 {
        if args.eat("entriesadded") {
            let n = u64::try_from(args.int()?);
            added = Some(n.map_err(|_| Error::text("ERR entries_added must be positive"))?);
        } else if args.eat("maxdeletedid") {
            let id = id_arg(args)?;
            if last_id < id {
                return Err(Error::text(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
            max_deleted_id = Some(id).filter(|id| !id.is_zero());
        } else {
            return Err(Error::SYNTAX);
        }
    }
    args.done()?;
    Ok((added, max_deleted_id))
}

fn set_id(
    cx: &mut KeyCx<'_>,
    key: Key<'_>,
    last_id: StreamId,
    added: Option<u64>,
    max_deleted_id: Option<StreamId>,
) -> Result {
    let mut stream = cx.db.write::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    let counts = *stream.counts();
    if last_id < counts.max_deleted_id {
        return Err(Error::text(
            "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if stream.last().is_some_and(|last| last_id < last) {
        return Err(Error::text("ERR The ID specified in XSETID is smaller than the target stream top item"));
    }
    if counts.len > 0 && added.is_some_and(|added| added < counts.len) {
        return Err(Error::text(
            "ERR The entries_added specified in XSETID is smaller than the target stream length",
        ));
    }
    stream.set_counts(last_id, added, max_deleted_id);
    Ok(())
}

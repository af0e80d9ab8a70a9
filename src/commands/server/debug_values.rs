//! DEBUG's subcommands that tell how values are stored.

use super::debug::done;
use crate::base::{num, size};
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::keyspace::db::Access;
use crate::keyspace::digest::Digest;
use crate::keyspace::entry::EntryRef;
use crate::keyspace::{Key, Value};
use crate::resp::Reply;
use crate::types::list::List;

/// Finds a key whatever its time.
pub(super) fn entry<'a>(cx: &'a mut ServerCx<'_>, key: &[u8]) -> Option<EntryRef<'a>> {
    let db = cx.db();
    let pos = db.table().find(Key::new(key).hash, key)?;
    Some(db.at(pos))
}

pub(super) fn digest_value(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.array(args.left());
    for key in args.rest() {
        let digest = entry(cx, key).map(Digest::of_value).unwrap_or_default();
        out.status(&digest.to_string());
    }
    Ok(())
}

pub(super) fn object(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.bytes_arg()?;
    let fast = args.eat("fast");
    let e = entry(cx, key).ok_or(Error::NO_SUCH_KEY)?;
    let (at, encoding, clock) = (e.key().as_ptr(), e.encoding(), e.clock());
    let length = if fast { String::new() } else { format!(" serializedlength:{}", saved_len_of(e)) };
    let nodes = if fast { String::new() } else { nodes_of(e) };
    let db = cx.db();
    let access = if db.access == Access::Lfu {
        format!(" lfu_freq:{} lfu_access_time_minutes:{}", db.lfu_counter(clock), clock >> 8)
    } else {
        format!(" lru:{clock} lru_seconds_idle:{}", db.lru_now().wrapping_sub(clock) & 0xff_ffff)
    };
    out.status(&format!("Value at:{at:p} refcount:1 encoding:{encoding}{length}{access}{nodes}"));
    Ok(())
}

/// Bytes of a value in an RDB file, before compression; of a collection as if it were stored element by element.
fn saved_len_of(e: EntryRef<'_>) -> usize {
    match (e.string(), e.any()) {
        (None, Some(collection)) => {
            let mut sum = 1;
            collection
                .visit(&mut |parts| sum += parts.iter().map(|p| saved_len(Value::Bytes(p))).sum::<usize>());
            sum
        }
        (string, _) => string.map_or(0, saved_len),
    }
}

/// Bytes of a string in an RDB file, before compression.
fn saved_len(v: Value<'_>) -> usize {
    let number = match v {
        Value::Int(n) => Some(n),
        Value::Bytes(b) => num::parse_i64(b),
    };
    match (number, v) {
        (Some(n), _) if i8::try_from(n).is_ok() => 2,
        (Some(n), _) if i16::try_from(n).is_ok() => 3,
        (Some(n), _) if i32::try_from(n).is_ok() => 5,
        (_, Value::Int(n)) => 1 + num::text_len(n),
        (_, Value::Bytes(b)) => match b.len() {
            n @ 0..64 => n + 1,
            n @ 64..16384 => n + 2,
            n => n + 5,
        },
    }
}

pub(super) fn sdslen(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.bytes_arg()?;
    let e = entry(cx, key).ok_or(Error::NO_SUCH_KEY)?;
    let Some(Value::Bytes(b)) = e.string() else { return Err(Error::text("ERR Not an sds encoded string.")) };
    // The entry is one block; what hangs off it is the value's own.
    let own = e.heap().map_or(0, |h| h.allocated());
    out.status(&format!(
        "key_sds_len:{} key_sds_avail:0 obj_alloc:{} val_sds_len:{} val_sds_avail:{} val_alloc:{own}",
        key.len(),
        e.allocated().saturating_sub(own),
        b.len(),
        own.saturating_sub(b.len()),
    ));
    Ok(())
}

pub(super) fn packed_threshold(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    match size::parse(args.bytes_arg()?) {
        Some(n) if n <= (4 << 30) - (1 << 20) => {
            cx.server.debug.packed_threshold = n as usize;
            done(out)
        }
        _ => Err(Error::text("ERR argument must be a memory value bigger than 1 and smaller than 4gb")),
    }
}

pub(super) fn htstats(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let Ok(i) = usize::try_from(args.int()?) else { return Err(Error::text("ERR Out of range database")) };
    let db = cx.server.dbs.get(i).ok_or(Error::text("ERR Out of range database"))?;
    let slots = db.table().nominal_size();
    let mut text = String::new();
    for (title, slots, entries) in
        [("Dictionary", slots, db.len()), ("Expires", db.volatile_len(), db.volatile_len())]
    {
        text.push_str(&format!("[{title} HT]\n{}", table_text(slots, entries)));
    }
    out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// What the reference tells of a list's nodes.
fn nodes_of(e: EntryRef<'_>) -> String {
    let Some(list) = e.collection::<List>() else { return String::new() };
    let List::Nodes(nodes) = &*list else { return String::new() };
    let (count, limits) = (nodes.nodes(), nodes.limits());
    let average = list.len() as f64 / count.max(1) as f64;
    format!(
        " ql_nodes:{count} ql_avg_node:{average:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{}",
        limits.size,
        (limits.depth > 0) as u8,
        nodes.uncompressed(),
    )
}

/// The hash table of a set, sorted set or hash.
pub(super) fn htstats_key(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    const NO_TABLE: Error =
        Error::text("ERR The value stored at the specified key is not represented using an hash table");
    let e = entry(cx, args.bytes_arg()?).ok_or(Error::NO_SUCH_KEY)?;
    let (slots, items) = e.any().and_then(|c| c.table_shape()).ok_or(NO_TABLE)?;
    out.verbatim("txt", table_text(slots, items).as_bytes());
    Ok(())
}

fn table_text(slots: usize, items: usize) -> String {
    format!("Hash table 0 stats (main hash table):\n table size: {slots}\n number of entries: {items}\n")
}

/// The elements of a value that is one listpack, in the log.
pub(super) fn listpack(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let e = entry(cx, args.bytes_arg()?).ok_or(Error::NO_SUCH_KEY)?;
    if e.encoding() != "listpack" {
        return Err(Error::text("ERR Not a listpack encoded object."));
    }
    log_elements(e);
    out.status("Listpack structure printed on stdout");
    Ok(())
}

/// The nodes and elements of a long list, in the log.
pub(super) fn quicklist(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let e = entry(cx, args.bytes_arg()?).ok_or(Error::NO_SUCH_KEY)?;
    if e.encoding() != "quicklist" {
        return Err(Error::text("ERR Not a quicklist encoded object."));
    }
    tracing::warn!("DEBUG:{}", nodes_of(e));
    log_elements(e);
    out.status("Quicklist structure printed on stdout");
    Ok(())
}

/// Elements that the log shows of one value.
const LOGGED_MAX: usize = 100;

fn log_elements(e: EntryRef<'_>) {
    let (mut n, Some(collection)) = (0, e.any()) else { return };
    collection.visit(&mut |parts| {
        if n < LOGGED_MAX {
            let shown: Vec<_> = parts.iter().map(|p| String::from_utf8_lossy(p)).collect();
            tracing::warn!("DEBUG: {n}: {}", shown.join(" "));
        }
        n += 1;
    });
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::engine::config::values::Protected;
    use crate::testkit::check_with;

    fn allowed(c: &mut Config) {
        c.enable_debug_command = Protected::Yes;
        c.list_max_listpack_size = 2;
        c.hash_max_listpack_entries = 2;
    }

    #[test]
    fn how_collections_are_stored() {
        check_with(
            "> RPUSH l a b         | :2
             > DEBUG LISTPACK l    | +Listpack structure printed on stdout
             > DEBUG QUICKLIST l   | -ERR Not a quicklist encoded object.
             > RPUSH l c d e       | :5
             > DEBUG QUICKLIST l 1 | +Quicklist structure printed on stdout
             > DEBUG LISTPACK l    | -ERR Not a listpack encoded object.
             > DEBUG HTSTATS-KEY l | -ERR The value stored at the specified key is not represented using an hash table
             > DEBUG HTSTATS-KEY x | -ERR no such key
             > HSET h a 1 b 2 c 3  | :3
             > DEBUG HTSTATS-KEY h | \"Hash table 0 stats (main hash table):\\n table size: 8\\n number of entries: 3\\n\"",
            allowed,
        );
    }

    #[test]
    fn nodes_of_a_list() {
        let mut config = Config::default();
        allowed(&mut config);
        let mut kit = crate::testkit::Kit::new(config);
        kit.raw("c", b"RPUSH l a b c d e\r\n");
        let heard = kit.raw("c", b"DEBUG OBJECT l\r\n");
        let heard = String::from_utf8_lossy(&heard);
        assert!(heard.contains(" encoding:quicklist ") && heard.contains(" ql_nodes:3 "), "{heard}");
        assert!(heard.contains(" ql_avg_node:1.67 ql_listpack_max:2 ql_compressed:0 "), "{heard}");
    }
}

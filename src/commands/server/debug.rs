//! DEBUG: what tests need and operators do not. Refused unless `enable-debug-command` allows it.

use std::ffi::CString;
use std::time::Duration;

use super::config::rewrite_config;
use super::debug_values as values;
use super::{help, subcommand_syntax};
use crate::base::rng::Rng;
use crate::base::{glob, limits, num};
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::effects::Propagate;
use crate::engine::error::{Error, Result};
use crate::engine::loading::{LoadPlan, Source};
use crate::engine::server::Request;
use crate::engine::session::{Blocked, Session};
use crate::engine::spec::*;
use crate::keyspace::db::Db;
use crate::keyspace::digest::Digest;
use crate::keyspace::entry::Entry;
use crate::keyspace::{Key, NewValue};
use crate::resp::Reply;
use crate::sys::{crash, memory};

pub const DEBUG: Spec = Spec::server("debug", debug)
    .arity(at_least(1))
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED | SYSTEM)
    .group(Group::Server)
    .since("1.0.0")
    .complexity("Depends on the subcommand.")
    .summary("Aids for tests of the server.");

fn debug(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let sub = args.bytes_arg()?;
    let found = SUBCOMMANDS.iter().find(|s| s.name.as_bytes().eq_ignore_ascii_case(sub));
    match found {
        Some(s) if s.args.contains(&args.left()) => (s.run)(cx, args, out),
        _ => Err(subcommand_syntax("DEBUG", sub)),
    }
}

/// A subcommand: DEBUG is no container, as in the reference.
struct Sub {
    name: &'static str,
    /// How many arguments it takes behind its name.
    args: std::ops::RangeInclusive<usize>,
    run: fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
}

const fn sub(
    name: &'static str,
    least: usize,
    most: usize,
    run: fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result,
) -> Sub {
    Sub { name, args: least..=most, run }
}

const SUBCOMMANDS: &[Sub] = &[
    sub("aof-flush-sleep", 1, 1, |cx, args, out| {
        cx.server.aof.flush_sleep_us = u64::try_from(args.int()?).unwrap_or(0);
        cx.server.apply_log_settings();
        done(out)
    }),
    sub("assert", 0, ANY, |cx, _, _| {
        assert!(cx.slot == usize::MAX, "DEBUG ASSERT");
        Ok(())
    }),
    sub("change-repl-id", 0, 0, |cx, _, out| {
        tracing::info!("Changing replication IDs after receiving DEBUG change-repl-id");
        cx.server.change_repl_id();
        cx.server.repl.clear_second_id();
        done(out)
    }),
    sub("client-enforce-reply-list", 1, 1, |cx, args, out| {
        cx.server.debug.enforce_reply_list = switch(args)?;
        done(out)
    }),
    sub("config-rewrite-force-all", 0, 0, |cx, _, out| {
        rewrite_config(cx.server, true)?;
        done(out)
    }),
    sub("crash-and-recover", 0, ANY, |cx, args, _| restart(cx, args, false)),
    sub("dict-resizing", 1, 1, |cx, args, out| {
        let resizes = switch(args)?;
        cx.server.debug.dict_resizing = resizes;
        cx.server.dbs.iter_mut().for_each(|db| db.keep_table_size(!resizes));
        done(out)
    }),
    sub("digest", 0, 0, |cx, _, out| {
        out.status(&Digest::of_data(&cx.server.dbs).to_string());
        Ok(())
    }),
    sub("digest-value", 0, ANY, values::digest_value),
    sub("error", 1, 1, |_, args, out| {
        // As it is, without a code before it, and counted nowhere.
        out.error(args.bytes_arg()?);
        Ok(())
    }),
    // A shrink here is one step, not a state that could be left.
    sub("hashtable-can-abort-shrink", 1, 1, |_, _, out| done(out)),
    sub("help", 0, 0, show_help),
    sub("htstats", 1, ANY, values::htstats),
    sub("htstats-key", 1, ANY, values::htstats_key),
    sub("leak", 1, 1, |_, args, out| {
        std::mem::forget(args.bytes_arg()?.to_vec());
        done(out)
    }),
    sub("loadaof", 0, 0, |cx, _, _| {
        // The executor does it once this command is over.
        let client = cx.session().id;
        cx.server.requests.push(Request::LoadLog { slot: cx.slot, client });
        cx.block(Blocked::Log, None);
        Ok(())
    }),
    sub("log", 1, 1, |_, args, out| {
        tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(args.bytes_arg()?));
        done(out)
    }),
    sub("listpack", 1, 1, values::listpack),
    sub("mallctl", 1, ANY, mallctl),
    sub("mallctl-str", 1, 1, mallctl_text),
    sub("object", 1, 2, values::object),
    sub("oom", 0, ANY, |_, _, out| {
        out_of_memory();
        done(out)
    }),
    sub("panic", 0, ANY, |cx, _, _| {
        std::panic::panic_any(format!("DEBUG PANIC called at Unix time {}", cx.now_ms / 1000))
    }),
    sub("pause-cron", 1, 1, |cx, args, out| {
        cx.server.debug.pause_cron = switch(args)?;
        done(out)
    }),
    sub("populate", 1, 3, populate),
    sub("protocol", 1, 1, protocol),
    sub("quicklist", 1, 2, values::quicklist),
    sub("quicklist-packed-threshold", 1, 1, values::packed_threshold),
    sub("reload", 0, ANY, reload),
    sub("replybuffer", 2, 2, reply_buffer),
    sub("restart", 0, ANY, |cx, args, _| restart(cx, args, true)),
    sub("sdslen", 1, 1, values::sdslen),
    sub("segfault", 0, ANY, |_, _, out| {
        crash::segfault();
        done(out)
    }),
    sub("set-active-expire", 1, 1, |cx, args, out| {
        cx.server.active_expire = switch(args)?;
        done(out)
    }),
    sub("set-disable-deny-scripts", 1, 1, |cx, args, out| {
        cx.server.debug.allow_deny_scripts = switch(args)?;
        done(out)
    }),
    sub("set-skip-checksum-validation", 1, 1, |cx, args, out| {
        cx.server.debug.skip_checksum = switch(args)?;
        done(out)
    }),
    sub("sleep", 1, 1, sleep),
    sub("stringmatch-test", 0, 0, |cx, _, out| {
        match_patterns(&mut cx.server.rng);
        out.status("Apparently the server did not crash: test passed");
        Ok(())
    }),
    sub("structsize", 0, 0, structsize),
];

/// No limit to the arguments.
const ANY: usize = usize::MAX;

fn show_help(_: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    help(out, "DEBUG", HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "ASSERT",
    "    Crash as if an assertion had failed.",
    "CHANGE-REPL-ID",
    "    Give the data set another replication ID.",
    "CLIENT-ENFORCE-REPLY-LIST <0|1>",
    "    Count every reply as one that outgrew its client's reply buffer.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    As CONFIG REWRITE, settings at their default included.",
    "CRASH-AND-RECOVER [<milliseconds>]",
    "    Start anew without any preparation, after a delay.",
    "DICT-RESIZING <0|1>",
    "    Whether tables grow and shrink.",
    "DIGEST",
    "    A fingerprint of all data.",
    "DIGEST-VALUE [<key> ...]",
    "    Fingerprints of the values of these keys.",
    "ERROR <text>",
    "    Answer this error.",
    "HASHTABLE-CAN-ABORT-SHRINK <0|1>",
    "    Accepted and without effect: a table shrinks by one segment at a time, there is nothing to abort.",
    "HTSTATS <db>",
    "    Sizes of a database's tables.",
    "HTSTATS-KEY <key>",
    "    Size of the table that a set, sorted set or hash is stored as.",
    "LEAK <text>",
    "    Lose the memory of a copy of the text.",
    "LISTPACK <key>",
    "    Write the elements of a value that is one listpack to the log.",
    "LOG <text>",
    "    Write the text to the log.",
    "MALLCTL <key> [<value>]",
    "    A number among the allocator's figures and settings; some can be changed.",
    "MALLCTL-STR <key>",
    "    A text among the allocator's settings.",
    "OBJECT <key> [fast]",
    "    How the value of the key is stored.",
    "OOM",
    "    Crash by asking for more memory than there is.",
    "PANIC",
    "    Crash as if by a bug.",
    "PAUSE-CRON <0|1>",
    "    Stop the periodic work.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Make that many strings, named prefix:<n>; not replicated.",
    "PROTOCOL <type>",
    "    A reply of this type: string, integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
    "    true, false.",
    "QUICKLIST <key> [<0|1>]",
    "    Write the nodes and elements of a long list to the log.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Elements of a list from this size on have a node of their own; 0: as list-max-listpack-size wants it.",
    "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
    "    Save the data and load it again. MERGE: keys that are there are replaced; NOFLUSH: all others stay; NOSAVE:",
    "    what the file holds already is loaded.",
    "REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|milliseconds>",
    "    After which time a client's peak of output is forgotten.",
    "REPLYBUFFER RESIZING <0|1>",
    "    Whether reply buffers are fitted to that peak.",
    "RESTART [<milliseconds>]",
    "    Write the configuration and start anew, after a delay.",
    "SDSLEN <key>",
    "    Sizes of key and string.",
    "SEGFAULT",
    "    Crash by a bad address.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Whether keys are removed when their time comes, or only when they are met.",
    "SET-DISABLE-DENY-SCRIPTS <0|1>",
    "    Whether scripts may call what is denied to them.",
    "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    "    Whether sums of files and payloads are left unchecked.",
    "SLEEP <seconds>",
    "    Let the server stand still. Fractions are allowed.",
    "STRINGMATCH-TEST",
    "    Match random patterns.",
    "STRUCTSIZE",
    "    Sizes of structures in memory.",
];

pub(super) fn done(out: &mut Reply<'_>) -> Result {
    out.ok();
    Ok(())
}

/// The next argument as 0 or another number, as C's atoi reads it.
fn switch(args: &mut Args<'_>) -> Result<bool> {
    let digits = args.bytes_arg()?.trim_ascii_start();
    let end = digits.iter().skip(1).position(|b| !b.is_ascii_digit()).map_or(digits.len(), |n| n + 1);
    Ok(num::parse_i64(&digits[..end]).unwrap_or(0) != 0)
}

fn sleep(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let seconds = num::parse_f64(args.bytes_arg()?).unwrap_or(0.0);
    cx.server.outside.sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    done(out)
}

fn restart(cx: &mut ServerCx<'_>, args: &mut Args<'_>, graceful: bool) -> Result {
    let delay_ms = if args.left() > 0 { args.int()?.max(0) as u64 } else { 0 };
    if graceful && cx.server.config_file.is_some() {
        rewrite_config(cx.server, false)?;
    }
    let file = cx.server.config_file.clone();
    let error = cx.server.outside.restart(Duration::from_millis(delay_ms), file.as_deref());
    tracing::warn!("Can't restart: {error}");
    Err(Error::text("ERR failed to restart the server. Check server logs."))
}

fn reload(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (mut merge, mut flush, mut save) = (false, true, true);
    while args.left() > 0 {
        if args.eat("merge") {
            merge = true;
        } else if args.eat("noflush") {
            flush = false;
        } else if args.eat("nosave") {
            save = false;
        } else {
            return Err(Error::text("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."));
        }
    }
    if save && !cx.server.save_now() {
        return Err(Error::text("ERR"));
    }
    let source = Source::File(cx.server.config.dbfilename.clone().into());
    let keep_expired = cx.server.is_replica();
    match cx.server.load_now(LoadPlan { source, flush, merge, keep_expired }) {
        Ok(_) => {
            tracing::info!("DB reloaded by DEBUG RELOAD");
            done(out)
        }
        Err(_) => Err(Error::text("ERR Error trying to load the RDB dump, check server logs.")),
    }
}

/// The name of one of the allocator's figures or settings, which a zero byte ends.
fn ctl_name(args: &mut Args<'_>) -> Result<CString> {
    let name = args.bytes_arg()?.split(|b| *b == 0).next().unwrap_or_default();
    // Nothing is left that could be refused.
    CString::new(name).map_err(|_| Error::SYNTAX)
}

fn mallctl(_: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let name = ctl_name(args)?;
    let value = if args.left() > 0 { Some(args.int()?) } else { None };
    out.int(memory::ctl_number(&name, value).map_err(system_error)?);
    Ok(())
}

fn mallctl_text(_: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.bulk(memory::ctl_text(&ctl_name(args)?).map_err(system_error)?);
    Ok(())
}

/// The system's text of an error of this number.
fn system_error(number: i32) -> Error {
    let text = std::io::Error::from_raw_os_error(number).to_string();
    Error::owned(format!("ERR {}", text.split(" (os error").next().unwrap_or_default()))
}

/// Asks for half of all addresses: no allocator gives that.
fn out_of_memory() {
    let mut much: Vec<u8> = Vec::new();
    much.reserve_exact(isize::MAX as usize);
    std::hint::black_box(&much);
}

fn match_patterns(rng: &mut Rng) {
    const ROUNDS: usize = 10_000;
    const LETTERS: &[u8] = b"*?[]^-\\ab";
    let mut word = || -> Vec<u8> {
        let n = rng.below(24) as usize;
        (0..n).map(|_| LETTERS[rng.below(LETTERS.len() as u64) as usize]).collect()
    };
    for _ in 0..ROUNDS {
        std::hint::black_box(glob::matches(&word(), &word(), false));
    }
}

fn populate(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let count = args.int_in(0..=i64::MAX, Error::NOT_POSITIVE)?;
    let prefix = args.next_opt().unwrap_or(b"key");
    let size = if args.left() > 0 { args.int_in(0..=i64::MAX, Error::NOT_POSITIVE)? } else { 0 };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > cx.server.config.proto_max_bulk_len {
        return Err(Error::STRING_TOO_LONG);
    }
    let ServerCx { server, slot, .. } = cx;
    let db = server.client(*slot).db;
    let (dbs, fx) = (&mut server.dbs, &mut server.fx);
    for n in 0..count {
        let name = [prefix, b":", n.to_string().as_bytes()].concat();
        let key = Key::new(&name);
        if dbs[db].peek(key).is_some() {
            continue;
        }
        let mut value = format!("value:{n}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        dbs[db].insert(key, NewValue::Bytes(&value), None);
        // Neither counted nor propagated: the reference's tests rely on replicas that stay empty.
        fx.modified(db as u32, &name);
    }
    fx.propagate = Propagate::Never;
    done(out)
}

fn protocol(_: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let name = args.bytes_arg()?.to_ascii_lowercase();
    match name.as_slice() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.int(12345),
        b"double" => out.double(3141.0 / 1000.0),
        b"bignum" => out.big_number(b"1234567999999999999999999999999999999"),
        b"null" => out.null(),
        b"array" => {
            out.array(3);
            (0..3).for_each(|n| out.int(n));
        }
        b"set" => {
            out.set(3);
            (0..3).for_each(|n| out.int(n));
        }
        b"map" => {
            out.map(3);
            for n in 0..3 {
                out.int(n);
                out.bool(n == 1);
            }
        }
        b"attrib" => {
            if out.resp3() {
                out.attribute(1);
                out.bulk(b"key-popularity");
                out.array(2);
                out.bulk(b"key:123");
                out.int(90);
            }
            out.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if !out.resp3() {
                return Err(Error::text("ERR RESP2 is not supported by this command"));
            }
            out.push(2);
            out.bulk(b"server-cpu-usage");
            out.int(42);
            out.bulk(b"Some real reply following the push reply");
        }
        b"true" => out.bool(true),
        b"false" => out.bool(false),
        b"verbatim" => out.verbatim("txt", b"This is a verbatim\nstring"),
        _ => {
            return Err(Error::text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

fn reply_buffer(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let debug = &mut cx.server.debug;
    if args.eat("peak-reset-time") {
        debug.output_peak_reset_ms = if args.eat("never") {
            None
        } else if args.eat("reset") {
            Some(limits::OUTPUT_PEAK_RESET_MS)
        } else {
            Some(args.int()?).filter(|ms| *ms >= 0)
        };
    } else if args.eat("resizing") {
        debug.output_resizing = switch(args)?;
    } else {
        return Err(subcommand_syntax("DEBUG", args.get(1)));
    }
    done(out)
}

fn structsize(_: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let text = format!(
        "bits:{} session:{} db:{} entry:{}",
        usize::BITS,
        size_of::<Session>(),
        size_of::<Db>(),
        size_of::<Entry>()
    );
    out.bulk(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::engine::config::values::Protected;
    use crate::testkit::{check, check_with};

    const REFUSED: &str = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
                           you can run it from a local connection, otherwise you need to set this option in the \
                           configuration file, and then restart the server.";

    fn allowed(c: &mut Config) {
        c.enable_debug_command = Protected::Local;
    }

    #[test]
    fn refused_unless_allowed() {
        check(&format!("> DEBUG SLEEP 0 | {REFUSED}"));
        check_with(
            "> DEBUG SLEEP 0 | -NOAUTH Authentication required.
             > NOSUCH        | -NOAUTH Authentication required.
             > GET a b c     | -NOAUTH Authentication required.",
            |c| c.requirepass = b"secret".to_vec(),
        );
        check_with(
            "> DEBUG SLEEP 0   | +OK
             > DEBUG           | -ERR wrong number of arguments for 'debug' command
             > DEBUG SLEEP     | -ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.
             > DEBUG NOSUCH 1  | -ERR unknown subcommand or wrong number of arguments for 'NOSUCH'. Try DEBUG HELP.",
            allowed,
        );
    }

    #[test]
    fn tables_keep_their_size_when_told() {
        let mut kit = crate::testkit::Kit::new(Config::default());
        allowed(&mut kit.exec.server.config);
        let mut ask = |words: &str| String::from_utf8(kit.raw("c", words.as_bytes())).unwrap();
        ask("DEBUG POPULATE 2000 k 1\r\nDEBUG DICT-RESIZING 0\r\n");
        let mut size = |request: &str| -> usize {
            ask(request);
            let stats = ask("DEBUG HTSTATS 0\r\n");
            let (_, size) = stats.split_once("table size: ").unwrap();
            size.lines().next().unwrap().parse().unwrap()
        };
        let full = size("PING\r\n");
        let most: String = (5..2000).map(|i| format!(" k:{i}")).collect();
        assert_eq!(size(&format!("DEL{most}\r\n")), full);
        // The upstream suite fills a table up to this size and expects it to stay.
        assert_eq!(full, 2400);
        assert_eq!(size("DEBUG DICT-RESIZING 1\r\n"), 8);
        assert_eq!(ask("MGET k:0 k:4 k:5\r\n"), "*3\r\n$1\r\nv\r\n$1\r\nv\r\n$-1\r\n");
    }

    #[test]
    fn switches() {
        check_with(
            "> DEBUG SET-ACTIVE-EXPIRE 0 | +OK
             > SET k v | +OK
             > PEXPIRE k 100             | :1
             @ +200ms
             > DBSIZE                    | :1
             > DEBUG SET-ACTIVE-EXPIRE 1 | +OK
             @ +1ms
             > DBSIZE                    | :0
             > DEBUG PAUSE-CRON 1        | +OK
             > SET k v | +OK
             > PEXPIRE k 100             | :1
             @ +200ms
             > DBSIZE                    | :1
             > DEBUG PAUSE-CRON 0        | +OK
             > DEBUG DICT-RESIZING 0     | +OK
             > DEBUG CHANGE-REPL-ID      | +OK
             > DEBUG STRINGMATCH-TEST    | +Apparently the server did not crash: test passed
             > DEBUG REPLYBUFFER PEAK-RESET-TIME NEVER | +OK
             > DEBUG REPLYBUFFER PEAK-RESET-TIME abc   | -ERR value is not an integer or out of range
             > DEBUG REPLYBUFFER RESIZING 0            | +OK
             > DEBUG REPLYBUFFER x 0     | -ERR unknown subcommand or wrong number of arguments for 'REPLYBUFFER'. Try DEBUG HELP.
             > DEBUG QUICKLIST-PACKED-THRESHOLD 1b     | +OK
             > DEBUG QUICKLIST-PACKED-THRESHOLD 5gb    | -ERR argument must be a memory value bigger than 1 and smaller than 4gb",
            allowed,
        );
    }

    #[test]
    fn digests_tell_what_is_equal() {
        check_with(
            "> DEBUG DIGEST              | +0000000000000000000000000000000000000000
             > SET a 1                   | +OK
             > SET b 1                   | +OK
             > SET c 2                   | +OK
             > DEBUG DIGEST-VALUE nokey  | [ +0000000000000000000000000000000000000000 ]
             > DEBUG DIGEST-VALUE        | [ ]",
            allowed,
        );
        let mut kit = crate::testkit::Kit::new(Config::default());
        allowed(&mut kit.exec.server.config);
        kit.raw("c", b"SET a 1\r\nSET b 1\r\nSET c 2\r\n");
        let reply = String::from_utf8(kit.raw("c", b"DEBUG DIGEST-VALUE a b c\r\n")).unwrap();
        let digests: Vec<&str> = reply.split("\r\n").collect();
        assert!(digests[1] == digests[2] && digests[2] != digests[3], "{reply}");
    }

    #[test]
    fn populate_makes_keys_that_are_not_propagated() {
        let script = "> SET key:1 mine            | +OK
             > DEBUG POPULATE 3          | +OK
             > GET key:0                 | \"value:0\"
             > GET key:1                 | \"mine\"
             > DEBUG POPULATE 1 x 3      | +OK
             > GET x:0                   | \"val\"
             > DEBUG POPULATE 1 y 10     | +OK
             > GET y:0                   | \"value:0\\x00\\x00\\x00\"
             > DBSIZE                    | :5
             > DEBUG POPULATE -1         | -ERR value is out of range, must be positive
             > DEBUG POPULATE 1 k abc    | -ERR value is out of range, must be positive";
        let mut kit = crate::testkit::Kit::new(Config::default());
        allowed(&mut kit.exec.server.config);
        for line in script.lines() {
            let (request, reply) = line.trim().trim_start_matches("> ").split_once(" | ").unwrap();
            let words: Vec<Vec<u8>> = request.split_whitespace().map(|w| w.as_bytes().to_vec()).collect();
            assert_eq!(kit.run("c1", &words), reply.trim(), "{request}");
        }
    }

    #[test]
    fn what_a_key_is_stored_as() {
        let mut kit = crate::testkit::Kit::new(Config::default());
        allowed(&mut kit.exec.server.config);
        kit.raw("c", b"SET n 300\r\nSET s hello\r\n");
        let mut ask = |words: &str| String::from_utf8(kit.raw("c", words.as_bytes())).unwrap();
        let n = ask("DEBUG OBJECT n\r\n");
        assert!(n.starts_with("+Value at:0x"), "{n}");
        assert!(
            n.ends_with(" refcount:1 encoding:int serializedlength:3 lru:5501184 lru_seconds_idle:0\r\n"),
            "{n}"
        );
        let s = ask("DEBUG OBJECT s fast\r\n");
        assert!(s.contains(" encoding:embstr lru:"), "{s}");
        assert_eq!(ask("DEBUG OBJECT no\r\n"), "-ERR no such key\r\n");
        assert_eq!(ask("DEBUG SDSLEN n\r\n"), "-ERR Not an sds encoded string.\r\n");
        assert!(ask("DEBUG SDSLEN s\r\n").starts_with("+key_sds_len:1 key_sds_avail:0 obj_alloc:"));
        assert!(
            ask("DEBUG HTSTATS 0\r\n")
                .contains("[Dictionary HT]\nHash table 0 stats (main hash table):\n table size: ")
        );
        assert_eq!(ask("DEBUG HTSTATS 99\r\n"), "-ERR Out of range database\r\n");
    }

    #[test]
    fn the_allocator_is_asked() {
        check_with(
            "> DEBUG MALLCTL arenas.page               | :4096
             > DEBUG MALLCTL arenas.quantum            | :8
             > DEBUG MALLCTL nosuch                    | -ERR No such file or directory
             > DEBUG MALLCTL arenas.page 1             | -ERR Operation not permitted
             > DEBUG MALLCTL arenas.dirty_decay_ms x   | -ERR value is not an integer or out of range
             > DEBUG MALLCTL arenas.muzzy_decay_ms 500 | *
             > DEBUG MALLCTL arenas.muzzy_decay_ms     | :500
             > DEBUG MALLCTL                           | *
             > DEBUG MALLCTL-STR opt.dss               | *
             > DEBUG MALLCTL-STR arenas.page           | -ERR No such file or directory",
            allowed,
        );
        let mut kit = crate::testkit::Kit::new(Config::default());
        allowed(&mut kit.exec.server.config);
        let version = kit.raw("c", b"DEBUG MALLCTL-STR version\r\n");
        assert!(version.windows(4).any(|w| w == b"5.3."), "{}", String::from_utf8_lossy(&version));
    }

    #[test]
    fn a_reply_of_every_type() {
        const NAMES: &str = "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";
        check_with("> DEBUG PROTOCOL string  | \"Hello World\"\n> DEBUG PROTOCOL integer | :12345", allowed);
        let mut kit = crate::testkit::Kit::new(Config::default());
        allowed(&mut kit.exec.server.config);
        let slot = kit.client("c");
        kit.exec.server.client(slot).resp3 = true;
        for (name, reply) in [
            ("double", ",3.141"),
            ("bignum", "(1234567999999999999999999999999999999"),
            ("null", "_"),
            ("array", "*3|:0|:1|:2"),
            ("set", "~3|:0|:1|:2"),
            ("map", "%3|:0|#f|:1|#t|:2|#f"),
            ("attrib", "|1|$14|key-popularity|*2|$7|key:123|:90|$39|Some real reply following the attribute"),
            ("push", ">2|$16|server-cpu-usage|:42|$40|Some real reply following the push reply"),
            ("true", "#t"),
            ("false", "#f"),
        ] {
            let heard = kit.raw("c", format!("DEBUG PROTOCOL {name}\r\n").as_bytes());
            assert_eq!(String::from_utf8(heard).unwrap().trim_end().replace("\r\n", "|"), reply);
        }
        let heard = kit.raw("c", b"DEBUG PROTOCOL verbatim\r\n");
        assert_eq!(heard, b"=29\r\ntxt:This is a verbatim\nstring\r\n");
        let heard = kit.raw("c", b"DEBUG PROTOCOL x\r\n");
        assert!(String::from_utf8(heard).unwrap().ends_with(&format!("following: {NAMES}\r\n")));
    }

    #[test]
    fn errors_pass_as_they_are() {
        check_with(
            "> DEBUG ERROR \"MINE a\\r\\nb\" | -MINE a  b
             > DEBUG LOG hello              | +OK
             > DEBUG LEAK x                 | +OK
             > DEBUG RESTART                | -ERR failed to restart the server. Check server logs.
             > DEBUG CONFIG-REWRITE-FORCE-ALL | -ERR The server is running without a config file",
            allowed,
        );
    }
}

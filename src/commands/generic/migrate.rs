//! MIGRATE: keys go to another server, by RESTORE, and are removed here once that has said that it has them. The whole server
//! waits meanwhile, as in the reference, but never longer than the command's time-out: there each single read and write
//! has that much time.

use std::io;
use std::time::Duration;

use crate::base::limits::MIGRATE_LINE_MAX;
use crate::base::num::{self, NumBuf};
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::saving::field_expiry;
use crate::engine::spec::*;
use crate::keyspace::Key;
use crate::persist::rdb::payload;
use crate::resp::{Reply, encode};
use crate::sys::connection::{Connection, Deadline, connect};

pub const MIGRATE: Spec = Spec::server("migrate", migrate)
    .arity(at_least(5))
    .flags(WRITE)
    .keys(&[
        KeySpec::at(3, RW | ACCESS | DELETE),
        KeySpec {
            begin: Begin::Keyword("KEYS", -2),
            find: Find::Range { last: -1, step: 1, limit: 0 },
            flags: RW | ACCESS | DELETE | INCOMPLETE,
            notes: "",
        },
    ])
    .find_keys(keys_of_migrate)
    .acl(acl::KEYSPACE | acl::DANGEROUS)
    .group(Group::Generic)
    .syntax(
        "host port key|\"\" destination-db timeout [COPY] [REPLACE] [AUTH password|AUTH2 username password] \
         [KEYS key [key ...]]",
    )
    .since("2.6.0")
    .complexity("As DUMP and DEL here and RESTORE there, and O(N) for the N bytes that go between.")
    .tips(&["nondeterministic_output"])
    .history(&[
        ("3.0.0", "Added the `COPY` and `REPLACE` options."),
        ("3.0.6", "Added the `KEYS` option."),
        ("4.0.7", "Added the `AUTH` option."),
        ("6.0.0", "Added the `AUTH2` option."),
    ])
    .summary("Moves keys to another server.");

/// The time that a command without a sensible one has.
const TIMEOUT_DEFAULT_MS: i64 = 1000;

fn keys_of_migrate(args: &Args<'_>) -> Result<Vec<(usize, KeyFlags)>> {
    let flags = RW | ACCESS | DELETE;
    let mut i = 6;
    while i < args.len() {
        if args.is(i, "keys") && args.get(3).is_empty() {
            return Ok((i + 1..args.len()).map(|i| (i, flags)).collect());
        }
        i += if args.is(i, "auth") {
            2
        } else if args.is(i, "auth2") {
            3
        } else {
            1
        };
    }
    Ok(vec![(3, flags)])
}

/// What is asked for.
struct Asked<'a> {
    address: Vec<u8>,
    host: String,
    port: u16,
    db: i64,
    copy: bool,
    replace: bool,
    /// Name, if there is one, and password.
    auth: Option<(Option<&'a [u8]>, &'a [u8])>,
    keys: Vec<&'a [u8]>,
    timeout_ms: i64,
}

fn read<'a>(cx: &mut ServerCx<'_>, args: &mut Args<'a>) -> Result<Asked<'a>> {
    let (host, port) = (args.get(1), args.get(2));
    let mut asked = Asked {
        address: [host, b":", port].concat(),
        host: String::from_utf8_lossy(host).into_owned(),
        port: num::parse_i64(port).and_then(|p| u16::try_from(p).ok()).unwrap_or(0),
        db: 0,
        copy: false,
        replace: false,
        auth: None,
        keys: vec![args.get(3)],
        timeout_ms: 0,
    };
    args.seek(6);
    while args.left() > 0 {
        if args.eat("copy") {
            asked.copy = true;
        } else if args.eat("replace") {
            asked.replace = true;
        } else if args.left() > 1 && args.eat("auth") {
            cx.redact(args.position());
            asked.auth = Some((None, args.bytes_arg()?));
        } else if args.left() > 2 && args.eat("auth2") {
            cx.redact(args.position());
            cx.redact(args.position() + 1);
            asked.auth = Some((Some(args.bytes_arg()?), args.bytes_arg()?));
        } else if args.eat("keys") {
            if !args.get(3).is_empty() {
                return Err(Error::text(
                    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                ));
            }
            asked.keys = args.rest().collect();
        } else {
            return Err(Error::SYNTAX);
        }
    }
    args.seek(5);
    asked.timeout_ms = args.int()?;
    args.seek(4);
    asked.db = args.int()?;
    if asked.timeout_ms <= 0 {
        asked.timeout_ms = TIMEOUT_DEFAULT_MS;
    }
    Ok(asked)
}

fn migrate(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let mut asked = read(cx, args)?;
    let db = cx.db();
    asked.keys.retain(|key| db.find_read(Key::new(key)).is_some());
    if asked.keys.is_empty() {
        out.status("NOKEY");
        return Ok(());
    }
    let until = Deadline::after(Duration::from_millis(asked.timeout_ms.unsigned_abs()));
    let first = attempt(cx, &asked, until);
    // A connection that was kept may have been closed there: once more, if nothing can have been done.
    let done = match first {
        Err(Failed { again: true, .. }) => attempt(cx, &asked, until),
        other => other,
    };
    match done {
        Ok(None) => {
            out.ok();
            Ok(())
        }
        Ok(Some(error)) => {
            let text = [b"ERR Target instance replied with error: ", &error[..]].concat();
            reply_error(out, Error::owned(text))
        }
        Err(Failed { doing, .. }) => {
            let what = match doing {
                Doing::Connecting => "IOERR error or timeout connecting to the client",
                Doing::Writing => "IOERR error or timeout writing to target instance",
                Doing::Reading => "IOERR error or timeout reading to target instance",
            };
            reply_error(out, Error::text(what))
        }
    }
}

/// Keys may be gone already: the error is a reply as any, and takes nothing back.
fn reply_error(out: &mut Reply<'_>, error: Error) -> Result {
    out.error(error.as_bytes());
    Ok(())
}

#[derive(Clone, Copy)]
enum Doing {
    Connecting,
    Writing,
    Reading,
}

/// The connection broke.
struct Failed {
    doing: Doing,
    /// Nothing can have been done there, and there is time.
    again: bool,
}

impl Failed {
    fn new(doing: Doing, error: &io::Error) -> Failed {
        let again = error.kind() != io::ErrorKind::TimedOut && !matches!(doing, Doing::Connecting);
        Failed { doing, again }
    }
}

/// Sends all keys and removes those that have arrived. Gives the first error of the other server, if it said one.
fn attempt(
    cx: &mut ServerCx<'_>,
    asked: &Asked<'_>,
    until: Deadline,
) -> std::result::Result<Option<Vec<u8>>, Failed> {
    let (mut connection, selected) = match cx.server.migrate.take(&asked.address) {
        Some(cached) => (cached.connection, cached.db),
        None => {
            let opened = connect(&asked.host, asked.port, until);
            (opened.map_err(|e| Failed::new(Doing::Connecting, &e))?, None)
        }
    };
    let (mut request, mut heads) = (Vec::new(), 0);
    if let Some((user, password)) = asked.auth {
        let words = [Some(&b"AUTH"[..]), user, Some(password)];
        let words: Vec<&[u8]> = words.into_iter().flatten().collect();
        encode::request(&mut request, words.into_iter());
        heads += 1;
    }
    if selected != Some(asked.db) {
        let mut digits = NumBuf::new();
        encode::request(&mut request, [b"SELECT", num::fmt_i64(&mut digits, asked.db)].into_iter());
        heads += 1;
    }
    let sent = requests(cx, asked, &mut request);
    connection.write(&request, until).map_err(|e| Failed::new(Doing::Writing, &e))?;
    let mut error = None;
    for _ in 0..heads {
        let line = connection.line(MIGRATE_LINE_MAX, until).map_err(|e| Failed::new(Doing::Reading, &e))?;
        keep_error(&mut error, &line);
    }
    let refused = error.is_some();
    let (gone, broken) = arrived(&mut connection, &sent, &mut error, refused, until);
    if !asked.copy {
        remove(cx, &gone);
    }
    match broken {
        Some(e) => {
            // What the other server said counts more than how it fell silent.
            match error {
                Some(error) => Ok(Some(error)),
                None => Err(Failed {
                    again: gone.is_empty() && Failed::new(Doing::Reading, &e).again,
                    doing: Doing::Reading,
                }),
            }
        }
        None => {
            let db = error.is_none().then_some(asked.db);
            cx.server.migrate.keep(asked.address.clone(), connection, db, cx.now_ms);
            Ok(error)
        }
    }
}

/// Writes a RESTORE for each key; gives those that are sent.
fn requests<'a>(cx: &mut ServerCx<'_>, asked: &Asked<'a>, request: &mut Vec<u8>) -> Vec<&'a [u8]> {
    let (form, compress, now_ms) =
        (field_expiry(&cx.server.config), cx.server.config.rdbcompression, cx.now_ms);
    let db = cx.db();
    let mut sent = Vec::new();
    for &key in &asked.keys {
        let Some(pos) = db.peek(Key::new(key)) else { continue };
        let e = db.at(pos);
        let ttl = e.expiry().map_or(0, |at| (at - now_ms).max(1));
        let mut digits = NumBuf::new();
        let value = payload::dump(e, form, compress);
        let words = [&b"RESTORE"[..], key, num::fmt_i64(&mut digits, ttl), &value, b"REPLACE"];
        encode::request(request, words[..if asked.replace { 5 } else { 4 }].iter().copied());
        sent.push(key);
    }
    sent
}

/// Hears what became of each key: those that have arrived, and how the connection broke, if it did.
fn arrived<'a>(
    connection: &mut Connection,
    sent: &[&'a [u8]],
    error: &mut Option<Vec<u8>>,
    refused: bool,
    until: Deadline,
) -> (Vec<&'a [u8]>, Option<io::Error>) {
    let mut gone = Vec::new();
    for key in sent {
        match connection.line(MIGRATE_LINE_MAX, until) {
            Ok(line) => {
                keep_error(error, &line);
                if !refused && line.first() != Some(&b'-') {
                    gone.push(*key);
                }
            }
            Err(e) => return (gone, Some(e)),
        }
    }
    (gone, None)
}

fn keep_error(error: &mut Option<Vec<u8>>, line: &[u8]) {
    if let (None, [b'-', text @ ..]) = (&error, line) {
        *error = Some(text.to_vec());
    }
}

/// Removes the keys that have arrived; replicas hear of a DEL.
fn remove(cx: &mut ServerCx<'_>, gone: &[&[u8]]) {
    if gone.is_empty() {
        return;
    }
    let at = cx.session().db;
    let lazy = cx.server.config.lazyfree_lazy_server_del;
    for &key in gone {
        if let Some(entry) = cx.server.dbs[at].remove(Key::new(key)) {
            cx.server.fx.discard(entry, lazy);
            cx.server.fx.changed(at as u32, key, Event::DEL, 1);
        }
    }
    let words: Vec<&[u8]> = [&b"DEL"[..]].into_iter().chain(gone.iter().copied()).collect();
    cx.server.fx.propagate_as(at as u32, &words);
}

#[cfg(test)]
mod tests {
    use crate::testkit::check;

    #[test]
    fn migrate_reads_its_arguments() {
        check(
            "> MIGRATE 127.0.0.1 1 nosuch 0 1000        | +NOKEY
             > SET k v                                  | +OK
             > MIGRATE 127.0.0.1 1 k 0                  | -ERR wrong number of arguments for 'migrate' command
             > MIGRATE 127.0.0.1 1 k x 1000             | -ERR value is not an integer or out of range
             > MIGRATE 127.0.0.1 1 k 0 x                | -ERR value is not an integer or out of range
             > MIGRATE 127.0.0.1 1 k 0 1000 NOSUCH      | -ERR syntax error
             > MIGRATE 127.0.0.1 1 k 0 1000 AUTH        | -ERR syntax error
             > MIGRATE 127.0.0.1 1 k 0 1000 KEYS a b    | -ERR When using MIGRATE KEYS option, the key argument must be set to the empty string
             > MIGRATE 127.0.0.1 1 \"\" 0 1000 KEYS a b | +NOKEY
             > MIGRATE 127.0.0.1 1 k 0 1000             | -IOERR error or timeout connecting to the client
             > GET k                                    | \"v\"
             > COMMAND GETKEYS MIGRATE h 1 \"\" 0 10 AUTH keys KEYS a b | [ \"a\" \"b\" ]
             > COMMAND GETKEYS MIGRATE h 1 k 0 10       | [ \"k\" ]",
        );
    }
}

//! Commands on the connection.

use super::client::{set_name, valid_name};
use crate::base::num;
use crate::engine::args::Args;
use crate::engine::cx::{ServerCx, SessionCx};
use crate::engine::error::{Error, Result};
use crate::engine::session::{ClientType, ReplyMode};
use crate::engine::spec::*;
use crate::resp::Reply;

pub const COMMANDS: &[Spec] = &[PING, ECHO, AUTH, HELLO, SELECT, QUIT, RESET];

pub const PING: Spec = Spec::session("ping", ping)
    .arity(at_least(0))
    .flags(FAST | WHILE_SUBSCRIBED)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("[message]")
    .since("1.0.0")
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .summary("Answers PONG, or the message.");

fn ping(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.left() > 1 {
        return Err(Error::arity("ping"));
    }
    let message = args.next_opt();
    if cx.session.kind == ClientType::Pubsub && !out.resp3() {
        // Among messages it looks like one.
        out.array(2);
        out.bulk(b"pong");
        out.bulk(message.unwrap_or_default());
        return Ok(());
    }
    match message {
        None => out.status("PONG"),
        Some(message) => out.bulk(message),
    }
    Ok(())
}

pub const ECHO: Spec = Spec::session("echo", echo)
    .arity(exactly(1))
    .flags(FAST | LOADING | STALE)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("message")
    .since("1.0.0")
    .summary("Answers the message.");

fn echo(_: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.bulk(args.bytes_arg()?);
    Ok(())
}

pub const AUTH: Spec = Spec::server("auth", auth)
    .arity(at_least(1))
    .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("[username] password")
    .since("1.0.0")
    .complexity("O(N) for N passwords of the user")
    .history(&[("6.0.0", "Added the form with a user's name.")])
    .summary("Authenticates the connection.");

fn auth(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    (1..args.len()).for_each(|i| cx.redact(i));
    let (user, password): (&[u8], &[u8]) = match args.len() {
        2 if cx.server.open_to_all() => return Err(NO_PASSWORD_SET),
        2 => (b"default", args.get(1)),
        3 => (args.get(1), args.get(2)),
        _ => return Err(Error::SYNTAX),
    };
    authenticate(cx, user, password)?;
    out.ok();
    Ok(())
}

const NO_PASSWORD_SET: Error = Error::text(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
     configuration is correct?",
);

/// Lets the client in as `user`, or counts a refusal.
fn authenticate(cx: &mut ServerCx<'_>, user: &[u8], password: &[u8]) -> Result {
    let open = cx.server.open_to_all();
    let matches = same_secret(password, &cx.server.config.requirepass);
    if user != b"default" || !(open || matches) {
        cx.server.stats.acl_denied_auth += 1;
        return Err(Error::WRONG_PASSWORD);
    }
    let session = cx.session();
    session.authenticated = true;
    session.ever_authenticated = true;
    session.user = "default".into();
    Ok(())
}

/// Compares in a time that depends on the length of what was given only, not on how much of it is right.
fn same_secret(given: &[u8], secret: &[u8]) -> bool {
    let mut differ = (given.len() != secret.len()) as u8;
    for (i, &b) in given.iter().enumerate() {
        differ |= b ^ secret.get(i % secret.len().max(1)).copied().unwrap_or(1);
    }
    std::hint::black_box(differ) == 0
}

pub const HELLO: Spec = Spec::server("hello", hello)
    .arity(at_least(0))
    .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("[protover [AUTH username password] [SETNAME clientname]]")
    .since("6.0.0")
    .history(&[
        ("6.2.0", "The version became optional: without it, the connection's state is told."),
        ("8.1.0", "Added the field `availability_zone`, if the directive `availability-zone` is set."),
    ])
    .summary("Changes the protocol's version, authenticates, and tells of the server.");

fn hello(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let version = match args.next_opt().map(num::parse_i64) {
        None => None,
        Some(None) => return Err(Error::text("ERR Protocol version is not an integer or out of range")),
        Some(Some(v)) if (2..=3).contains(&v) => Some(v),
        Some(Some(_)) => return Err(Error::NO_PROTO),
    };
    let (mut credentials, mut name) = (None, None);
    while let Some(option) = args.next_opt() {
        let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
        if is("AUTH") && args.left() >= 2 {
            cx.redact(args.position());
            cx.redact(args.position() + 1);
            credentials = Some((args.bytes_arg()?, args.bytes_arg()?));
        } else if is("SETNAME") && args.left() >= 1 {
            let wanted = args.bytes_arg()?;
            valid_name(wanted)?;
            name = Some(wanted);
        } else {
            return Err(Error::owned([b"ERR Syntax error in HELLO option '", option, b"'"].concat()));
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(cx, user, password)?;
    }
    let open = cx.server.open_to_all();
    let session = cx.session();
    if !session.authenticated && !open {
        return Err(HELLO_NOT_AUTHENTICATED);
    }
    if let Some(name) = name {
        set_name(session, name)?;
    }
    if let Some(v) = version {
        session.resp3 = v == 3;
        out.set_resp3(v == 3);
    }
    introduce(cx, out);
    Ok(())
}

const HELLO_NOT_AUTHENTICATED: Error = Error::text(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
     <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
);

/// The map that HELLO answers.
fn introduce(cx: &mut ServerCx<'_>, out: &mut Reply<'_>) {
    let (id, resp3) = (cx.session().id, cx.session().resp3);
    let config = &cx.server.config;
    let redis = config.extended_redis_compatibility;
    let sentinel = cx.server.sentinel.is_some();
    out.map(6 + !sentinel as usize + !config.availability_zone.is_empty() as usize);
    // As the reference names itself: clients know no other names. INFO tells who it is.
    out.bulk(b"server");
    out.bulk(if redis { b"redis" } else { b"valkey" });
    out.bulk(b"version");
    out.bulk(if redis { b"7.2.4" } else { COMPATIBLE_VERSION.as_bytes() });
    out.bulk(b"proto");
    out.int(2 + resp3 as i64);
    out.bulk(b"id");
    out.int(id as i64);
    out.bulk(b"mode");
    out.bulk(if sentinel { b"sentinel" } else { b"standalone" });
    if !sentinel {
        out.bulk(b"role");
        out.bulk(if config.replicaof.is_some() { b"replica" } else { b"master" });
    }
    out.bulk(b"modules");
    out.array(0);
    if !config.availability_zone.is_empty() {
        out.bulk(b"availability_zone");
        out.bulk(&config.availability_zone);
    }
}

/// The version of Redis whose commands clients may expect: they decide by HELLO's version what they use.
const COMPATIBLE_VERSION: &str = "8.0.0";

pub const SELECT: Spec = Spec::session("select", select)
    .arity(exactly(1))
    .flags(FAST | LOADING | STALE | ALLOW_BUSY)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .syntax("index")
    .since("1.0.0")
    .summary("Changes the selected database.");

fn select(cx: &mut SessionCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let index = i32::try_from(args.int()?).map_err(|_| Error::BEYOND_INT)?;
    match usize::try_from(index) {
        Ok(i) if i < cx.config.databases => cx.session.db = i,
        _ => return Err(Error::DB_OUT_OF_RANGE),
    }
    out.ok();
    Ok(())
}

pub const QUIT: Spec = Spec::session("quit", quit)
    .arity(at_least(0))
    .flags(ALLOW_BUSY | NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | RUNS_IN_MULTI | WHILE_SUBSCRIBED)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .since("1.0.0")
    .deprecated("7.2.0", "just closing the connection")
    .summary("Closes the connection.");

fn quit(cx: &mut SessionCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.ok();
    cx.session.close_after_reply();
    Ok(())
}

pub const RESET: Spec = Spec::server("reset", reset)
    .arity(exactly(0))
    .flags(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | RUNS_IN_MULTI | WHILE_SUBSCRIBED)
    .acl(acl::CONNECTION)
    .group(Group::Connection)
    .since("6.2.0")
    .summary("Brings the connection back to the state of a new one.");

fn reset(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (open, slot) = (cx.server.open_to_all(), cx.slot);
    if matches!(cx.session().kind, ClientType::Replica | ClientType::Primary) {
        return Err(Error::text("ERR can only reset normal client connections"));
    }
    cx.server.leave(slot);
    let session = cx.session();
    // What the library said of itself stays: it is still the one behind the connection.
    session.monitor = false;
    session.db = 0;
    session.resp3 = false;
    session.authenticated = open;
    session.user = "default".into();
    session.name = Vec::new();
    session.reply_mode = ReplyMode::On;
    session.no_touch = false;
    session.readonly = false;
    session.no_evict = false;
    session.import_source = false;
    out.set_resp3(false);
    out.status("RESET");
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::testkit::{check, check_plain, check_resp3, check_with};

    fn locked(config: &mut Config) {
        config.requirepass = b"secret".to_vec();
    }

    #[test]
    fn ping_echo_select() {
        check(
            r#"> PING | +PONG
             > PING hello | "hello"
             > PING a b | -ERR wrong number of arguments for 'ping' command
             > ECHO "a\r\nb" | "a\r\nb"
             > ECHO | -ERR wrong number of arguments for 'echo' command
             > SELECT 1 | +OK
             > SET k v | +OK
             > SELECT 0 | +OK
             > GET k | nil
             > SELECT abc | -ERR value is not an integer or out of range
             > SELECT 99 | -ERR DB index is out of range
             > SELECT -1 | -ERR DB index is out of range
             > SELECT 99999999999 | -ERR value is out of range, value must between -2147483648 and 2147483647"#,
        );
    }

    #[test]
    fn auth_without_a_password_set() {
        check(
            "> AUTH x | -ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?
             > AUTH default x | +OK
             > AUTH other x | -WRONGPASS invalid username-password pair or user is disabled.
             > AUTH a b c | -ERR syntax error",
        );
    }

    #[test]
    fn auth_with_a_password_set() {
        check_with(
            "> GET k | -NOAUTH Authentication required.
             > AUTH wrong | -WRONGPASS invalid username-password pair or user is disabled.
             > AUTH secre | -WRONGPASS invalid username-password pair or user is disabled.
             > AUTH secretsecret | -WRONGPASS invalid username-password pair or user is disabled.
             > AUTH \"\" | -WRONGPASS invalid username-password pair or user is disabled.
             > AUTH other secret | -WRONGPASS invalid username-password pair or user is disabled.
             > HELLO 3 | -NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
             > AUTH secret | +OK
             > GET k | nil
             > RESET | +RESET
             > GET k | -NOAUTH Authentication required.
             > AUTH default secret | +OK
             > GET k | nil
             c2> HELLO 2 AUTH default wrong | -WRONGPASS invalid username-password pair or user is disabled.
             c2> HELLO 2 AUTH default secret SETNAME me | *
             c2> CLIENT GETNAME | \"me\"",
            locked,
        );
    }

    #[test]
    fn hello_tells_and_switches() {
        check_plain(
            "> HELLO | *
             > HELLO 4 | -NOPROTO unsupported protocol version
             > HELLO x | -ERR Protocol version is not an integer or out of range
             > HELLO 3 AUTH a | -ERR Syntax error in HELLO option 'AUTH'
             > HELLO 3 SETNAME \"a b\" | -ERR Client names cannot contain spaces, newlines or special characters.
             > GET k | nil
             > RESET | +RESET",
        );
        let version = super::COMPATIBLE_VERSION;
        let map = |open: &str, proto: u8, close: &str| {
            format!(
                "{open} \"server\" \"valkey\" \"version\" \"{version}\" \"proto\" :{proto} \"id\" :1 \"mode\" \"standalone\" \
                 \"role\" \"master\" \"modules\" [ ] {close}"
            )
        };
        check_plain(&format!("> HELLO 3 | {}\n> HELLO 2 | {}", map("{", 3, "}"), map("[", 2, "]")));
        check_resp3(&format!("> HELLO | {}\n> HELLO 2 | {}", map("{", 3, "}"), map("[", 2, "]")));
        let redis = map("[", 2, "]").replace("valkey", "redis").replace(version, "7.2.4");
        check_plain(&format!(
            "> CONFIG SET extended-redis-compatibility yes | +OK
             > HELLO | {redis}
             > CONFIG SET extended-redis-compatibility no  | +OK
             > HELLO | {}",
            map("[", 2, "]")
        ));
    }

    #[test]
    fn quit_ends_the_requests() {
        let mut kit = crate::testkit::Kit::new(Config::default());
        assert_eq!(kit.raw("c1", b"PING\r\nQUIT\r\nPING\r\n"), b"+PONG\r\n+OK\r\n");
    }

    #[test]
    fn the_protocol_changes_inside_a_pipeline() {
        let mut kit = crate::testkit::Kit::new(Config::default());
        let heard = kit.raw("c1", b"HELLO 3\r\nGET k\r\nHELLO 2\r\nGET k\r\nRESET\r\nGET k\r\n");
        let heard = String::from_utf8_lossy(&heard).into_owned();
        assert!(heard.starts_with("%7\r\n") && heard.contains("_\r\n*14\r\n"), "{heard}");
        assert!(heard.ends_with("$-1\r\n+RESET\r\n$-1\r\n"), "{heard}");
    }
}

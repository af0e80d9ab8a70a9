//! CONFIG: settings read and changed while the server runs.
//!
//! A CONFIG SET parses everything, then makes the world follow, directive by directive; when one of these steps
//! fails, the configuration goes back to what it was and the steps already made are made again with it.

use crate::commands::help;
use crate::engine::args::Args;
use crate::engine::config::rewrite::{Options, rewrite};
use crate::engine::config::{Change, Permit, SetError, is_sensitive};
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::server::{Request, Server};
use crate::engine::spec::*;
use crate::engine::stats::{CommandStats, Stats};
use crate::resp::Reply;
use crate::sys::{disk, memory, process};

pub const CONFIG: Spec =
    Spec::container("config", &[GET, help::spec(Group::Server, "5.0.0"), RESETSTAT, REWRITE, SET])
        .group(Group::Server)
        .since("2.0.0")
        .complexity("Depends on the subcommand.")
        .summary("Settings of the running server.");

const TO_ALL: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const FLAGS: Flags = ADMIN | NOSCRIPT | LOADING | STALE;

const GET: Spec = Spec::server("get", get)
    .arity(at_least(2))
    .flags(FLAGS)
    .group(Group::Server)
    .syntax("parameter [parameter ...]")
    .since("2.0.0")
    .complexity("O(N) with N settings asked for")
    .history(&[("7.0.0", "Takes several patterns.")])
    .summary("Returns settings and their values.");

fn get(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let patterns: Vec<&[u8]> = args.rest().collect();
    let found = cx.server.config.get(&patterns);
    out.map(found.len());
    for (name, value) in &found {
        out.bulk(name);
        out.bulk(value);
    }
    Ok(())
}

const SET: Spec = Spec::server("set", set)
    .arity(at_least(3))
    .flags(FLAGS)
    .group(Group::Server)
    .syntax("parameter value [parameter value ...]")
    .since("2.0.0")
    .complexity("O(N) with N settings changed")
    .history(&[("7.0.0", "Takes several settings.")])
    .tips(TO_ALL)
    .summary("Changes settings while the server runs.");

fn set(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let pairs: Vec<(&[u8], &[u8])> = args.pairs().ok_or(Error::SYNTAX)?.collect();
    for (i, (name, _)) in pairs.iter().enumerate() {
        if is_sensitive(name) {
            cx.redact(2 * i + 3);
        }
    }
    let local = cx.session().peer.local;
    let permit =
        Permit { protected: cx.server.config.enable_protected_configs.allows(local), loading: false };
    let change = cx.server.config.set(&pairs, permit).map_err(refused)?;
    let in_transaction = cx.session().deny_blocking;
    take_effect(cx.server, change, in_transaction).map_err(refused)?;
    out.ok();
    Ok(())
}

fn refused(e: SetError) -> Error {
    Error::owned(e.text())
}

/// Makes the world follow a change, or takes the change back.
fn take_effect(
    server: &mut Server,
    change: Change,
    in_transaction: bool,
) -> std::result::Result<(), SetError> {
    let names: Vec<&'static str> = change.names().to_vec();
    for (i, name) in names.iter().enumerate() {
        if let Err(reason) = apply(server, name, in_transaction) {
            server.config.rollback(change);
            for done in &names[..i] {
                if let Err(e) = apply(server, done, in_transaction) {
                    tracing::warn!("Failed to restore the old value of '{done}': {e}");
                }
            }
            return Err(SetError::failed(name, reason));
        }
    }
    Ok(())
}

/// Makes the world follow one directive.
fn apply(server: &mut Server, name: &str, in_transaction: bool) -> std::result::Result<(), String> {
    let config = &server.config;
    match name {
        "loglevel"
        | "log-format"
        | "log-timestamp-format"
        | "crash-log-enabled"
        | "use-exit-on-panic"
        | "hide-user-data-from-log" => server.outside.apply_log(config),
        "maxclients" => {
            let allowed = server.outside.allow_clients(config.maxclients);
            if allowed < config.maxclients {
                return Err(format!(
                    "The operating system is not able to handle the specified number of clients, try with {allowed}"
                ));
            }
        }
        "maxmemory" => note_maxmemory(server),
        "appendonly" => server.switch_log(in_transaction)?,
        "appendfsync" | "no-appendfsync-on-rewrite" | "aof-annotations" | "aof-history-retain" => {
            server.apply_log_settings();
        }
        "aof-disable-auto-gc" => server.collect_history(),
        "repl-backlog-size" => server.resize_backlog(),
        "min-replicas-to-write" | "min-replicas-max-lag" => server.count_good_replicas(),
        "notify-keyspace-events" => server.choose_events(),
        "maxmemory-policy" | "lfu-log-factor" | "lfu-decay-time" => server.apply_policy(),
        "port" | "tls-port" => {
            server
                .outside
                .listen(config)
                .map_err(|_| "Unable to listen on this port. Check server logs.".to_string())?;
            server.outside.apply_title(config, server.config_file.as_deref());
        }
        "bind" => {
            server
                .outside
                .listen(config)
                .map_err(|_| "Failed to bind to specified addresses.".to_string())?;
            server.outside.apply_title(config, server.config_file.as_deref());
        }
        "proc-title-template" => server.outside.apply_title(config, server.config_file.as_deref()),
        "dir" => {
            server.config.dir = server.outside.enter_dir(&config.dir).map_err(|e| process::os_text(&e))?
        }
        "oom-score-adj" | "oom-score-adj-values" => {
            server
                .outside
                .apply_oom_score(config)
                .map_err(|_| "Failed to set current oom_score_adj. Check server logs.".to_string())?;
        }
        "watchdog-period" | "hz" => {
            // Below two rounds of cron it would go off in good health.
            let period_ms = config.watchdog_period;
            let least_ms = 2 * 1000 / u64::from(config.hz.max(1));
            server.outside.arm_watchdog(if period_ms == 0 { 0 } else { period_ms.max(least_ms) });
        }
        "jemalloc-bg-thread" if config.jemalloc_bg_thread => server.outside.purge_in_background(),
        _ => {}
    }
    Ok(())
}

/// A new limit of memory holds at once, not only from the next write on.
fn note_maxmemory(server: &mut Server) {
    let (limit, used) = (server.config.maxmemory, memory::used());
    if limit == 0 {
        return;
    }
    if limit < used as u64 {
        tracing::warn!(
            "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory usage \
             ({used}). This will result in key eviction and/or the inability to accept new write commands depending \
             on the maxmemory-policy."
        );
    }
    server.requests.push(Request::MakeRoom);
}

const REWRITE: Spec = Spec::server("rewrite", rewrite_file)
    .arity(exactly(1))
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.8.0")
    .tips(TO_ALL)
    .summary("Writes the settings into the configuration file.");

fn rewrite_file(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    rewrite_config(cx.server, false)?;
    out.ok();
    Ok(())
}

/// Writes the settings into the file they came from; `force_all` writes also those that are as they are by default.
pub fn rewrite_config(server: &mut Server, force_all: bool) -> Result {
    let Some(path) = &server.config_file else {
        return Err(Error::text("ERR The server is running without a config file"));
    };
    let disk = &*server.outside.disk;
    let done = match disk.read(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        old => {
            let options = Options { force_all, ..Options::default() };
            disk::replace(disk, path, &rewrite(&server.config, &old.unwrap_or_default(), options))
        }
    };
    match done {
        Ok(()) => {
            tracing::info!("CONFIG REWRITE executed with success.");
            Ok(())
        }
        Err(e) => {
            let reason = process::os_text(&e);
            tracing::warn!("CONFIG REWRITE failed: {reason}");
            Err(Error::owned(format!("ERR Rewriting config file: {reason}")))
        }
    }
}

const RESETSTAT: Spec = Spec::server("resetstat", resetstat)
    .arity(exactly(1))
    .flags(FLAGS)
    .group(Group::Server)
    .since("2.0.0")
    .tips(TO_ALL)
    .summary("Sets the statistics of INFO to zero.");

fn resetstat(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let server = &mut *cx.server;
    server.stats = Stats::default();
    server.scripts.evicted = 0;
    server.free.reset_freed();
    server.saves.count = 0;
    server.commands.stats.iter_mut().for_each(|s| *s = CommandStats::default());
    for db in &mut server.dbs {
        (db.hits, db.misses) = (0, 0);
    }
    out.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex};

    use crate::engine::config::Config;
    use crate::sys::disk::{self, MemoryDisk};
    use crate::testkit::{Kit, check, check_plain, check_with};

    fn run(kit: &mut Kit, words: &[&str]) -> String {
        let words: Vec<Vec<u8>> = words.iter().map(|w| w.as_bytes().to_vec()).collect();
        kit.run("c1", &words)
    }

    #[test]
    fn get_and_set() {
        check(
            "> CONFIG GET maxmemory        | [ \"maxmemory\" \"0\" ]
             > CONFIG GET MaxMemory        | [ \"MaxMemory\" \"0\" ]
             > CONFIG SET maxmemory 100mb timeout 7 | +OK
             > CONFIG GET maxmemory timeou? | [ \"maxmemory\" \"104857600\" \"timeout\" \"7\" ]
             > CONFIG GET nosuch           | [ ]
             > CONFIG GET                  | -ERR wrong number of arguments for 'config|get' command
             > CONFIG SET timeout          | -ERR wrong number of arguments for 'config|set' command
             > CONFIG SET timeout 1 hz     | -ERR syntax error
             > CONFIG SET nosuch 1         | -ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'
             > CONFIG SET timeout 1 timeout 2 | -ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter
             > CONFIG SET databases 3      | -ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config
             > CONFIG SET dir /tmp         | -ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config
             > CONFIG REWRITE              | -ERR The server is running without a config file
             > CONFIG                      | -ERR wrong number of arguments for 'config' command
             > CONFIG nosuch               | -ERR unknown subcommand 'nosuch'. Try CONFIG HELP.
             > CONFIG RESETSTAT            | +OK",
        );
        check_with("> CONFIG SET dir /tmp | +OK\n> CONFIG GET dir | [ \"dir\" \"/tmp\" ]", |c| {
            c.enable_protected_configs = crate::engine::config::values::Protected::Local;
        });
        check_plain("> CONFIG HELP | *");
    }

    #[test]
    fn what_cannot_be_had_is_taken_back() {
        let mut kit = Kit::new(Config::default());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = heard.clone();
        kit.exec.server.outside.listen = Some(Box::new(move |c: &Config| {
            log.lock().map_err(|e| e.to_string())?.push(c.port);
            if c.port == 81 { Err("taken".into()) } else { Ok(()) }
        }));
        assert_eq!(run(&mut kit, &["CONFIG", "SET", "port", "80", "timeout", "5"]), "+OK");
        let reply = run(
            &mut kit,
            &["CONFIG", "SET", "timeout", "9", "maxmemory-policy", "allkeys-lfu", "port", "81"],
        );
        assert_eq!(
            reply,
            "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check \
             server logs."
        );
        assert_eq!(
            run(&mut kit, &["CONFIG", "GET", "port", "timeout"]),
            "[ \"port\" \"80\" \"timeout\" \"5\" ]"
        );
        assert_eq!(kit.exec.server.dbs[0].access, crate::keyspace::db::Access::Lru);
        assert_eq!(*heard.lock().unwrap(), [80, 81]);
    }

    #[test]
    fn the_policy_reaches_every_database() {
        let mut kit = Kit::new(Config::default());
        run(&mut kit, &["CONFIG", "SET", "maxmemory-policy", "volatile-lfu", "lfu-log-factor", "3"]);
        let db = &kit.exec.server.dbs[15];
        assert_eq!((db.access, db.lfu_log_factor), (crate::keyspace::db::Access::Lfu, 3));
    }

    #[test]
    fn rewrite_keeps_comments_and_tells_why_it_cannot() {
        let mut kit = Kit::new(Config::default());
        let path = PathBuf::from("/tarn.conf");
        let memory = Arc::new(MemoryDisk::new());
        disk::replace(&*memory, &path, b"# mine\ntimeout 3\n").unwrap();
        kit.exec.server.outside.disk = memory.clone();
        kit.exec.server.config_file = Some(path.clone());
        run(&mut kit, &["CONFIG", "SET", "timeout", "44"]);
        assert_eq!(run(&mut kit, &["CONFIG", "REWRITE"]), "+OK");
        let text = String::from_utf8(disk::Disk::read(&*memory, &path).unwrap()).unwrap();
        assert!(text.starts_with("# mine\ntimeout 44\n"), "{text}");
        kit.exec.server.config_file = Some(Path::new("/no/such/folder/f").into());
        assert!(run(&mut kit, &["CONFIG", "REWRITE"]).starts_with("-ERR Rewriting config file: "));
    }
}

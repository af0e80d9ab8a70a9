//! What the server is at: its time, its role, its last snapshot. And its end.

use crate::engine::args::Args;
use crate::engine::client_info;
use crate::engine::config::values::ShutdownFlags;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::saving::ShutDown;
use crate::engine::session::{Blocked, Closing};
use crate::engine::spec::*;
use crate::resp::Reply;

pub const TIME: Spec = Spec::server("time", time)
    .arity(exactly(0))
    .flags(LOADING | STALE | FAST)
    .group(Group::Server)
    .since("2.6.0")
    .tips(&["nondeterministic_output"])
    .summary("Returns the server's time.");

fn time(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // For a script time stands still.
    let us = match &cx.server.scripts.running {
        Some(script) => script.moment_us,
        None => cx.server.clock.now_us(),
    };
    out.array(2);
    out.bulk_int((us / 1_000_000) as i64);
    out.bulk_int((us % 1_000_000) as i64);
    Ok(())
}

pub const LASTSAVE: Spec = Spec::server("lastsave", lastsave)
    .arity(exactly(0))
    .flags(LOADING | STALE | FAST)
    .acl(acl::ADMIN | acl::DANGEROUS)
    .group(Group::Server)
    .since("1.0.0")
    .tips(&["nondeterministic_output"])
    .summary("Returns when the data was last saved to disk, as a Unix time.");

fn lastsave(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.server.last_save_ms / 1000);
    Ok(())
}

pub const SHUTDOWN: Spec = Spec::server("shutdown", shutdown)
    .arity(at_least(0))
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY)
    .group(Group::Server)
    .syntax("[[NOSAVE|SAVE] [NOW] [FORCE] [SAFE] [FAILOVER]|ABORT]")
    .since("1.0.0")
    .complexity("O(N) with N keys when it saves, else O(1)")
    .history(&[("7.0.0", "Takes `NOW`, `FORCE` and `ABORT`."), ("9.0.0", "Takes `SAFE` and `FAILOVER`.")])
    .summary("Saves the data to disk if it is to be kept, and ends the server.");

fn shutdown(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let Some(how) = read_how(args)? else {
        // One that need not wait has ended within its turn.
        if !cx.server.abort_shutdown() {
            return Err(Error::text("ERR No shutdown in progress."));
        }
        out.ok();
        return Ok(());
    };
    if how.contains(ShutdownFlags::FAILOVER) && !cx.server.config.cluster_enabled {
        return Err(Error::text("ERR SHUTDOWN FAILOVER is only supported in cluster mode."));
    }
    if !how.contains(ShutdownFlags::NOSAVE)
        && let Some(error) = cx.server.scripts.busy_error()
    {
        return Err(error);
    }
    let client =
        cx.server.clients.get(cx.slot).map(|session| client_info::for_log(cx.server, session, cx.now_ms));
    match cx.server.shut_down(how, client.as_deref()) {
        ShutDown::Done => {}
        ShutDown::Failed => return Err(Error::text("ERR Errors trying to SHUTDOWN. Check logs.")),
        ShutDown::Waiting => {
            cx.block(Blocked::Shutdown, None);
            return Ok(());
        }
    }
    // What it sent behind this command is not run any more.
    cx.session().closing = Closing::Now;
    Ok(())
}

/// How to end, or `None` for ABORT.
fn read_how(args: &mut Args<'_>) -> Result<Option<ShutdownFlags>> {
    let (mut how, mut abort) = (ShutdownFlags::DEFAULT, false);
    while args.left() > 0 {
        let named = ShutdownFlags::NAMES.iter().skip(1).find(|(name, _)| args.eat(name));
        match named {
            Some((_, flag)) => how = how.union(*flag),
            None if args.eat("ABORT") => abort = true,
            None => return Err(Error::SYNTAX),
        }
    }
    let both = how.contains(ShutdownFlags::SAVE) && how.contains(ShutdownFlags::NOSAVE);
    if both || (abort && how != ShutdownFlags::DEFAULT) {
        return Err(Error::SYNTAX);
    }
    Ok((!abort).then_some(how))
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::engine::config::values::Protected;
    use crate::engine::server::Request;
    use crate::sys::disk::{Faults, FaultyDisk, MemoryDisk};
    use crate::testkit::{Kit, check, check_plain};

    #[test]
    fn time_role_and_last_save() {
        check_plain(
            "> TIME     | [ \"1700000000\" \"0\" ]
             @ +1234ms
             > TIME     | [ \"1700000001\" \"234000\" ]
             > LASTSAVE | :1700000000",
        );
    }

    #[test]
    fn shutdown_refuses_what_makes_no_sense() {
        check(
            "> SHUTDOWN NOSAVE SAVE | -ERR syntax error
             > SHUTDOWN nonsense    | -ERR syntax error
             > SHUTDOWN ABORT NOW   | -ERR syntax error
             > SHUTDOWN ABORT       | -ERR No shutdown in progress.",
        );
    }

    #[test]
    fn shutdown_saves_where_it_is_to() {
        let dump = std::path::Path::new("dump.rdb");
        for (save, how, saves) in
            [("", "", false), ("", "SAVE", true), ("900 1", "", true), ("900 1", "NOSAVE", false)]
        {
            let mut kit = Kit::new(Config::default());
            kit.raw("a", format!("CONFIG SET save \"{save}\"\r\nSET k v\r\n").as_bytes());
            kit.raw("a", format!("SHUTDOWN {how}\r\n").as_bytes());
            assert!(kit.exec.server.shutting_down);
            assert_eq!(kit.exec.server.outside.disk.exists(dump), saves, "{save:?} {how:?}");
        }
    }

    #[test]
    fn a_shutdown_that_cannot_save_is_none() {
        let mut kit = Kit::new(Config::default());
        let disk = FaultyDisk::new(MemoryDisk::new(), Faults::after(0));
        kit.exec.server.outside.disk = std::sync::Arc::new(disk);
        assert_eq!(kit.raw("a", b"SHUTDOWN\r\n"), b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
        assert!(!kit.exec.server.shutting_down);
        assert_eq!(kit.raw("a", b"SHUTDOWN FORCE\r\n"), b"");
        assert!(kit.exec.server.shutting_down);
    }

    #[test]
    fn shutdown_answers_nothing_and_asks_for_the_end() {
        let mut kit = Kit::new(Config::default());
        let heard = kit.raw("a", b"SHUTDOWN NOSAVE NOW FORCE\r\nPING\r\n");
        assert!(heard.is_empty(), "{heard:?}");
        assert!(kit.exec.server.shutting_down);
        assert_eq!(kit.exec.server.requests, [Request::Exit(0)]);
    }

    #[test]
    fn a_signal_s_shutdown_waits_for_periodic_work_and_may_be_aborted() {
        let config = Config { enable_debug_command: Protected::Local, ..Config::default() };
        let mut kit = Kit::new(config);
        assert_eq!(kit.raw("a", b"DEBUG PAUSE-CRON 1\r\n"), b"+OK\r\n");
        kit.exec.signalled();
        kit.advance(1000);
        assert_eq!(kit.raw("a", b"SHUTDOWN ABORT\r\n"), b"+OK\r\n");
        assert_eq!(kit.raw("a", b"SHUTDOWN ABORT\r\n"), b"-ERR No shutdown in progress.\r\n");
        kit.raw("a", b"DEBUG PAUSE-CRON 0\r\n");
        kit.advance(1000);
        assert!(!kit.exec.server.shutting_down);
        kit.exec.signalled();
        assert!(kit.exec.server.shutting_down);
    }
}

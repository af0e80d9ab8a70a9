//! BGSAVE: the data to the RDB file, while everybody is served.

use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::snapshot::Refused;
use crate::engine::spec::*;
use crate::resp::Reply;

pub const BGSAVE: Spec = Spec::server("bgsave", bgsave)
    .arity(at_least(0))
    .flags(ADMIN | NOSCRIPT | NO_ASYNC_LOADING)
    .group(Group::Server)
    .syntax("[SCHEDULE|CANCEL]")
    .since("1.0.0")
    .complexity("O(1)")
    .history(&[("3.2.2", "Takes `SCHEDULE`."), ("8.1.0", "Takes `CANCEL`.")])
    .summary("Saves the data to disk in the background.");

const IN_PROGRESS: Error = Error::text("ERR Background save already in progress");
const OTHER_ACTIVE: Error = Error::text(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
);
const NONE_ACTIVE: Error = Error::text("ERR Background saving is currently not in progress or scheduled");

fn bgsave(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.left() > 1 {
        return Err(Error::SYNTAX);
    }
    if args.eat("cancel") {
        return cancel(cx, out);
    }
    let schedule = args.eat("schedule");
    args.done()?;
    let in_transaction = cx.session().deny_blocking;
    let server = &mut *cx.server;
    if server.snapshots.is_for_rdb() {
        return Err(IN_PROGRESS);
    }
    if server.snapshots.running.is_some() || in_transaction {
        if !schedule && !in_transaction {
            return Err(OTHER_ACTIVE);
        }
        server.saves.scheduled = true;
        if schedule {
            tracing::info!("Background saving scheduled due to user request");
        } else {
            tracing::info!("Background saving scheduled to run after transaction execution");
        }
        out.status("Background saving scheduled");
        return Ok(());
    }
    match server.begin_save() {
        Ok(()) => out.status("Background saving started"),
        Err(Refused::Busy) => return Err(IN_PROGRESS),
        Err(Refused::Thread(_)) => return Err(Error::text("ERR")),
    }
    Ok(())
}

fn cancel(cx: &mut ServerCx<'_>, out: &mut Reply<'_>) -> Result {
    let server = &mut *cx.server;
    if server.snapshots.is_for_rdb() {
        tracing::info!("Background saving will be aborted due to user request");
        server.cancel_snapshot();
        out.status("Background saving cancelled");
    } else if std::mem::take(&mut server.saves.scheduled) {
        tracing::info!("Scheduled background saving will be cancelled due to user request");
        out.status("Scheduled background saving cancelled");
    } else {
        return Err(NONE_ACTIVE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use crate::engine::config::Config;
    use crate::sys::disk::{Disk, Faults, FaultyDisk, MemoryDisk};
    use crate::testkit::{Kit, check};

    fn run(kit: &mut Kit, line: &str) -> String {
        kit.run("c", &crate::base::quote::split_args(line.as_bytes()).expect("words"))
    }

    /// Lets the snapshot come to its end.
    fn finish(kit: &mut Kit) {
        while kit.exec.server.snapshots.running.is_some() {
            kit.exec.tick();
            std::thread::yield_now();
        }
    }

    fn info(kit: &mut Kit, field: &str) -> String {
        let text = run(kit, "INFO persistence");
        let value =
            text.split("\\r\\n").find_map(|l| l.strip_prefix(field)?.strip_prefix(':').map(str::to_string));
        value.expect("a field of INFO")
    }

    /// An executor on this disk, without save points but these.
    fn kit_on(disk: impl Disk + 'static, save: &str) -> Kit {
        let mut kit = Kit::new(Config::default());
        kit.exec.server.outside.disk = Arc::new(disk);
        run(&mut kit, &format!("CONFIG SET save '{save}'"));
        kit
    }

    #[test]
    fn what_bgsave_refuses() {
        check(
            "> BGSAVE CANCEL          | -ERR Background saving is currently not in progress or scheduled
             > BGSAVE nonsense        | -ERR syntax error
             > BGSAVE SCHEDULE CANCEL | -ERR syntax error
             > MULTI                  | +OK
             > BGSAVE                 | +QUEUED
             > EXEC                   | [ +Background saving scheduled ]
             > BGSAVE CANCEL          | +Scheduled background saving cancelled",
        );
    }

    #[test]
    fn one_at_a_time_and_it_can_be_given_up() {
        let mut kit = kit_on(MemoryDisk::new(), "");
        run(&mut kit, "CONFIG SET rdb-key-save-delay 10000000");
        run(&mut kit, "SET k v");
        assert_eq!(run(&mut kit, "BGSAVE"), "+Background saving started");
        assert_eq!(run(&mut kit, "BGSAVE"), "-ERR Background save already in progress");
        assert_eq!(info(&mut kit, "rdb_bgsave_in_progress"), "1");
        assert_eq!(info(&mut kit, "current_save_keys_total"), "1");
        assert_eq!(run(&mut kit, "BGSAVE CANCEL"), "+Background saving cancelled");
        finish(&mut kit);
        assert_eq!(info(&mut kit, "rdb_bgsave_in_progress"), "0");
        assert_eq!(info(&mut kit, "rdb_last_bgsave_status"), "ok");
        assert_eq!(info(&mut kit, "rdb_changes_since_last_save"), "1");
        assert!(kit.exec.server.outside.disk.list(Path::new(".")).unwrap().is_empty());
    }

    #[test]
    fn changes_since_the_last_save_are_counted_from_its_beginning() {
        let mut kit = kit_on(MemoryDisk::new(), "");
        run(&mut kit, "MSET a 1 b 2");
        run(&mut kit, "BGSAVE");
        run(&mut kit, "SET c 3");
        kit.clock.advance_ms(2500);
        finish(&mut kit);
        assert_eq!(info(&mut kit, "rdb_changes_since_last_save"), "1");
        assert_eq!(info(&mut kit, "rdb_last_save_time"), "1700000002");
        assert_eq!(info(&mut kit, "rdb_last_bgsave_time_sec"), "2");
        assert_eq!(run(&mut kit, "LASTSAVE"), ":1700000002");
        assert_eq!(info(&mut kit, "rdb_saves"), "1");
    }

    #[test]
    fn a_save_point_saves() {
        let mut kit = kit_on(MemoryDisk::new(), "60 2");
        run(&mut kit, "SET a 1");
        kit.advance(61_000);
        assert_eq!(info(&mut kit, "rdb_saves"), "0", "too few changes");
        run(&mut kit, "SET b 1");
        kit.advance(200);
        finish(&mut kit);
        assert_eq!(info(&mut kit, "rdb_saves"), "1");
        assert_eq!(info(&mut kit, "rdb_changes_since_last_save"), "0");
        run(&mut kit, "MSET a 1 b 2 c 3");
        kit.advance(30_000);
        assert_eq!(info(&mut kit, "rdb_saves"), "1", "too early");
    }

    #[test]
    fn a_failed_save_stops_writes_until_one_succeeds() {
        let faults = Faults::after(0);
        let mut kit = kit_on(FaultyDisk::new(MemoryDisk::new(), faults.clone()), "900 1");
        run(&mut kit, "SET k v");
        run(&mut kit, "BGSAVE");
        finish(&mut kit);
        let refused = run(&mut kit, "SET k w");
        assert!(
            refused.starts_with("-MISCONF Valkey is configured to save RDB snapshots, but it's "),
            "{refused}"
        );
        assert!(
            refused.ends_with(" logs for details about the RDB error. The cause: no storage space"),
            "{refused}"
        );
        assert!(run(&mut kit, "PING").starts_with("-MISCONF "));
        assert_eq!(run(&mut kit, "GET k"), "\"v\"");
        assert_eq!(info(&mut kit, "rdb_last_bgsave_status"), "err");
        run(&mut kit, "CONFIG SET stop-writes-on-bgsave-error no");
        assert_eq!(run(&mut kit, "SET k w"), "+OK");
        run(&mut kit, "CONFIG SET stop-writes-on-bgsave-error yes");
        // Without being asked again: the disk is back.
        faults.repair();
        kit.advance(901_000);
        finish(&mut kit);
        assert_eq!(run(&mut kit, "SET k x"), "+OK");
        assert_eq!(info(&mut kit, "rdb_last_bgsave_status"), "ok");
    }

    #[test]
    fn flushall_gives_the_save_up_and_saves_nothing_instead() {
        let disk = MemoryDisk::new();
        let mut kit = kit_on(disk.clone(), "");
        run(&mut kit, "CONFIG SET rdb-key-save-delay 10000000");
        run(&mut kit, "MSET a 1 b 2");
        run(&mut kit, "BGSAVE");
        run(&mut kit, "FLUSHALL");
        finish(&mut kit);
        assert_eq!(info(&mut kit, "rdb_changes_since_last_save"), "4");
        assert!(!disk.exists(Path::new("dump.rdb")));
        run(&mut kit, "CONFIG SET save '900 1'");
        run(&mut kit, "FLUSHALL");
        assert!(disk.exists(Path::new("dump.rdb")));
        assert_eq!(info(&mut kit, "rdb_changes_since_last_save"), "0");
    }
}

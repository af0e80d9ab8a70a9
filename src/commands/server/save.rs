//! SAVE.

use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::snapshot::Purpose;
use crate::engine::spec::*;
use crate::resp::Reply;

pub const SAVE: Spec = Spec::server("save", save)
    .arity(exactly(0))
    .flags(ADMIN | NOSCRIPT | NO_MULTI | NO_ASYNC_LOADING)
    .group(Group::Server)
    .since("1.0.0")
    .complexity("O(N) for the N keys of all databases.")
    .summary("Saves the data to disk while everybody else waits.");

fn save(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if cx.server.snapshots.runs(Purpose::Save) {
        return Err(Error::text("ERR Background save already in progress"));
    }
    // The log tells why.
    if !cx.server.save_now() {
        return Err(Error::text("ERR"));
    }
    out.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::engine::config::Config;
    use crate::engine::config::values::Protected;
    use crate::sys::disk::{Faults, FaultyDisk, MemoryDisk};
    use crate::testkit::{Kit, check_debug};

    #[test]
    fn data_is_saved_and_loaded_again() {
        check_debug(
            "> SET k v EX 100        | +OK
             > SELECT 3              | +OK
             > RPUSH l a b c         | :3
             > HSET h f v            | :1
             > HPEXPIRE h 5000 FIELDS 1 f | [ :1 ]
             > SAVE                  | +OK
             > FLUSHALL              | +OK
             > SET k other           | +OK
             > DEBUG RELOAD NOSAVE   | +OK
             > LRANGE l 0 -1         | [ \"a\" \"b\" \"c\" ]
             > HPTTL h FIELDS 1 f    | [ :5000 ]
             > EXISTS k              | :0
             > SET new 1             | +OK
             > DEBUG RELOAD NOSAVE NOFLUSH | -ERR Error trying to load the RDB dump, check server logs.
             > DEBUG RELOAD NOSAVE NOFLUSH MERGE | +OK
             > GET new               | \"1\"
             > SELECT 0              | +OK
             > TTL k                 | :100
             > DEBUG RELOAD          | +OK
             > GET k                 | \"v\"
             @ +100000ms
             > DEBUG RELOAD NOSAVE   | +OK
             > EXISTS k              | :0
             > DEBUG RELOAD NOSUCH   | -ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.
             > SAVE now              | -ERR wrong number of arguments for 'save' command
             > DEBUG SET-SKIP-CHECKSUM-VALIDATION 1 | +OK",
        );
    }

    fn ask(kit: &mut Kit, words: &str) -> String {
        let words: Vec<Vec<u8>> = words.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        kit.run("c1", &words)
    }

    #[test]
    fn a_disk_that_fails_leaves_the_old_file() {
        let memory = MemoryDisk::new();
        for calls in 0..8 {
            let mut kit = Kit::new(Config { enable_debug_command: Protected::Yes, ..Config::default() });
            kit.exec.server.outside.disk = std::sync::Arc::new(memory.clone());
            ask(&mut kit, "SET k old");
            assert_eq!(ask(&mut kit, "SAVE"), "+OK");
            ask(&mut kit, "SET k new");
            kit.exec.server.outside.disk =
                std::sync::Arc::new(FaultyDisk::new(memory.clone(), Faults::after(calls)));
            let saved = ask(&mut kit, "SAVE");
            assert_eq!((saved == "+OK", kit.exec.server.dirty == 0), (saved != "-ERR", saved != "-ERR"));
            kit.exec.server.outside.disk = std::sync::Arc::new(memory.clone());
            assert_eq!(ask(&mut kit, "DEBUG RELOAD NOSAVE"), "+OK");
            let now = ask(&mut kit, "GET k");
            assert!(now == "\"new\"" || saved == "-ERR" && now == "\"old\"", "{calls}: {saved}, then {now}");
        }
    }

    #[test]
    fn a_file_that_is_broken_loads_nothing_and_is_named() {
        use crate::sys::disk::Open;
        let mut kit = Kit::new(Config { enable_debug_command: Protected::Yes, ..Config::default() });
        ask(&mut kit, "SET k v");
        assert_eq!(ask(&mut kit, "SAVE"), "+OK");
        let disk = kit.exec.server.outside.disk.clone();
        let mut bytes = disk.read(Path::new("dump.rdb")).unwrap();
        let at = bytes.len() - 12;
        bytes[at] ^= 1;
        disk.open(Path::new("dump.rdb"), Open::Truncate).unwrap().write_all(&bytes).unwrap();
        let broken = "-ERR Error trying to load the RDB dump, check server logs.";
        assert_eq!(ask(&mut kit, "DEBUG RELOAD NOSAVE"), broken);
        ask(&mut kit, "DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
        assert_eq!(ask(&mut kit, "DEBUG RELOAD NOSAVE"), "+OK");
        disk.remove(Path::new("dump.rdb")).unwrap();
        assert_eq!(ask(&mut kit, "DEBUG RELOAD NOSAVE"), broken);
    }

    #[test]
    fn clients_wait_while_data_is_loaded() {
        let mut kit = Kit::new(Config::default());
        ask(&mut kit, "MSET a 1 b 2");
        assert_eq!(ask(&mut kit, "SAVE"), "+OK");
        ask(&mut kit, "FLUSHALL");
        kit.exec.load_at_start();
        assert_eq!(ask(&mut kit, "GET a"), "-LOADING Valkey is loading the dataset in memory");
        assert_eq!(ask(&mut kit, "SAVE"), "-LOADING Valkey is loading the dataset in memory");
        assert!(ask(&mut kit, "INFO persistence").contains("loading:1\\r\\n"));
        assert!(ask(&mut kit, "INFO persistence").contains("loading_total_bytes:"));
        while kit.exec.server.loading.is_some() {
            kit.advance(0);
            std::thread::yield_now();
            kit.clock.advance_ms(1);
        }
        assert_eq!(ask(&mut kit, "MGET a b"), "[ \"1\" \"2\" ]");
        assert!(ask(&mut kit, "INFO persistence").contains("rdb_last_load_keys_loaded:2\\r\\n"));
    }
}

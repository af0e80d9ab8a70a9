//! Rows of the directive table: snapshots and the append-only file.

use super::Group;
use super::{INT_MAX, INT_MIN, LONG_MAX};
use crate::engine::config::directive::{
    DEBUG, DENY_LOADING, Directive, Format, HIDDEN, IMMUTABLE, MULTI_ARG, PROTECTED, Slot, at, choice,
};
use crate::engine::config::special::{
    DIR, SAVE, check_appenddirname, check_appendfilename, check_dbfilename,
};
use crate::engine::config::values::{AppendFsync, RdbFieldExpiry, RdbVersionCheck, SanitizeDump};

pub const SNAPSHOT: Group = Group {
    title: "Snapshots",
    about: "Saving the data set to one file (RDB).",
    directives: &[
        Directive::special("save", &SAVE).flags(MULTI_ARG).about(
            "Save points: seconds and changes, in pairs. A snapshot starts when that many seconds \
             passed and at least that many keys changed. The first `save` of a configuration replaces \
             the default, more of them add up, and `save \"\"` drops them all.",
        ),
        Directive::yes_no("stop-writes-on-bgsave-error", at!(stop_writes_on_bgsave_error))
            .about("Refuse writes while the last snapshot failed, so that someone notices."),
        Directive::yes_no("rdbcompression", at!(rdbcompression)).about("Compress strings in the file."),
        Directive::yes_no("rdbchecksum", at!(rdbchecksum))
            .flags(IMMUTABLE)
            .about("End the file with a checksum, and check it at load."),
        Directive::choice("rdb-version-check", choice!(rdb_version_check: RdbVersionCheck))
            .about("`strict` refuses a file newer than this server knows; `relaxed` tries to load it."),
        Directive::choice("rdb-field-expiry-format", choice!(rdb_field_expiry_format: RdbFieldExpiry)).about(
            "Hashes with fields that expire are written as Valkey 9 (file version 80) or as Redis 7.4 and 8 \
             (version 12) read them: neither reads the other's. All else is written so that every server \
             since Redis 7.0 reads it, and everything is read. Tarn's own.",
        ),
        Directive::choice("sanitize-dump-payload", choice!(sanitize_dump_payload: SanitizeDump))
            .flags(DEBUG)
            .about(
                "Whether RESTORE and loading check packed values in depth: no, yes, or `clients` for \
                 RESTORE by clients alone. Here they are always checked.",
            ),
        Directive::text("dbfilename", at!(dbfilename))
            .flags(PROTECTED)
            .check(check_dbfilename)
            .about("Name of the file, inside `dir`."),
        Directive::yes_no("rdb-del-sync-files", at!(rdb_del_sync_files))
            .later("replication")
            .about("Delete snapshot files that only served a full sync, on servers that do not persist."),
        Directive::special("dir", &DIR).flags(PROTECTED | DENY_LOADING).about(
            "Working directory: snapshots, the append-only folder and the cluster's file go there. A \
             relative path counts from where the server was started.",
        ),
        Directive::yes_no("rdb-save-incremental-fsync", at!(rdb_save_incremental_fsync))
            .about("Have the system write the file back every 4 MB, instead of all at the end."),
        Directive::number("rdb-key-save-delay", Slot::I64(at!(rdb_key_save_delay)), INT_MIN, INT_MAX)
            .flags(HIDDEN)
            .about("Microseconds to wait after each key saved. For tests."),
        Directive::number("key-load-delay", Slot::I64(at!(key_load_delay)), INT_MIN, INT_MAX)
            .flags(HIDDEN)
            .about("Microseconds to wait after each key loaded. For tests."),
        Directive::number(
            "loading-process-events-interval-bytes",
            Slot::U64(at!(loading_process_events_interval_bytes)),
            1024,
            INT_MAX,
        )
        .flags(HIDDEN)
        .about("Accepted and without effect: clients are looked at every 2 ms while data is loaded."),
    ],
};

pub const AOF: Group = Group {
    title: "Append-only file",
    about: "Recording every write.",
    directives: &[
        Directive::yes_no("appendonly", at!(appendonly))
            .flags(DENY_LOADING)
            .about("Record every write, so that a crash loses at most what `appendfsync` allows."),
        Directive::text("appendfilename", at!(appendfilename))
            .flags(IMMUTABLE)
            .check(check_appendfilename)
            .about("Base of the file names."),
        Directive::text("appenddirname", at!(appenddirname))
            .flags(IMMUTABLE)
            .check(check_appenddirname)
            .about("Folder for the files, inside `dir`."),
        Directive::choice("appendfsync", choice!(appendfsync: AppendFsync))
            .about(
                "When to sync: `always` before each reply, `everysec`, or `no` to leave it to the kernel.",
            ),
        Directive::yes_no("no-appendfsync-on-rewrite", at!(no_appendfsync_on_rewrite))
            .about("Do not sync while a snapshot or rewrite is running."),
        Directive::number(
            "auto-aof-rewrite-percentage",
            Slot::U64(at!(auto_aof_rewrite_percentage)),
            0,
            INT_MAX,
        )
        .about("Rewrite when the files grew by so many percent since the last rewrite. 0 never does."),
        Directive::formatted(
            "auto-aof-rewrite-min-size",
            Slot::U64(at!(auto_aof_rewrite_min_size)),
            0,
            LONG_MAX,
            Format::Memory,
        )
        .about("Do not rewrite files smaller than this."),
        Directive::yes_no("aof-load-truncated", at!(aof_load_truncated)).about(
            "Load a file whose end is cut off, dropping the incomplete command, instead of refusing \
             to start.",
        ),
        Directive::yes_no("aof-use-rdb-preamble", at!(aof_use_rdb_preamble))
            .about("Write the base of a rewrite in the snapshot format, which is smaller and loads faster."),
        Directive::yes_no("aof-timestamp-enabled", at!(aof_timestamp_enabled))
            .about("Note the time in the file, for restoring to a moment."),
        Directive::yes_no("aof-annotations", at!(aof_annotations)).about(
            "Note the time, the offset and a checksum in the file after every write to it, in lines that other servers \
             skip. By them damage is told from an end that a crash has torn, and the data can be recovered as it was \
             at a moment. Tarn's own.",
        ),
        Directive::yes_no("aof-rewrite-incremental-fsync", at!(aof_rewrite_incremental_fsync))
            .about("Sync every 4 MB during a rewrite."),
        Directive::yes_no("aof-disable-auto-gc", at!(aof_disable_auto_gc))
            .flags(HIDDEN)
            .about("Keep files that a rewrite made obsolete. For tests."),
        Directive::number("aof-history-retain", Slot::Usize(at!(aof_history_retain)), 0, INT_MAX)
            .about("Obsolete sets of files to keep, for restoring to an earlier moment. Tarn's own."),
    ],
};

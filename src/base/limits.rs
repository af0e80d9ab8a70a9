//! Every cap of the server, named. A number that bounds something and stands elsewhere is a defect.

/// Arguments of one request, the command's name among them (Redis: `1024*1024`).
pub const ARGS_MAX: usize = 1024 * 1024;
/// Arguments of one request of a client that has not authenticated.
pub const ARGS_UNAUTHENTICATED_MAX: usize = 10;
/// Bytes of one argument of a client that has not authenticated.
pub const BULK_UNAUTHENTICATED_MAX: usize = 16 * 1024;
/// Bytes of an inline request, and of any line of the protocol.
pub const INLINE_MAX: usize = 64 * 1024;
/// Stars of a glob pattern that have something behind them (Redis: the depth of its recursion).
pub const GLOB_STARS_MAX: usize = 1000;
/// Threads with a memory counter of their own; those beyond share one (`sys::memory`).
pub const MEMORY_SLOTS: usize = 64;
/// Log events that the crash report repeats.
pub const LOG_RING_LEN: usize = 64;
/// Bytes kept of each of them.
pub const LOG_RING_EVENT_MAX: usize = 248;
/// Bytes of one log message; the rest is cut off (Redis: `LOG_MAX_LEN`).
pub const LOG_MESSAGE_MAX: usize = 1024;
/// Descriptors kept for files, the log, pipes beside those of clients (Redis: `CONFIG_MIN_RESERVED_FDS`).
pub const FDS_RESERVED: u64 = 32;
/// Processors that a cpulist can name.
pub const CPUS_MAX: usize = 1024;
/// Bytes of the process title.
pub const PROC_TITLE_MAX: usize = 2048;
/// Bytes of an argument that a crash report shows (Redis: 128).
pub const CRASH_ARG_MAX: usize = 128;
/// Arguments of the command under execution that a crash report shows.
pub const CRASH_ARGS_MAX: usize = 64;
/// Addresses of one `bind` line (Redis: `CONFIG_BINDADDR_MAX`).
pub const BIND_ADDRESSES_MAX: usize = 16;
/// Files that may include one another in a row; the reference recurses until its stack is gone.
pub const INCLUDE_DEPTH_MAX: usize = 32;
/// Bytes that may wait for the log thread before clients that write wait, too.
pub const AOF_QUEUE_MAX: usize = 256 << 20;
/// How long they may wait, ms (Redis: 2 s, then its loop waits for the disk).
pub const AOF_BEHIND_MAX_MS: u64 = 2000;
/// Words of a command in an append-only file (Redis: the range of an `int`).
pub const AOF_WORDS_MAX: usize = i32::MAX as usize;
/// Bytes of one configuration file.
pub const CONFIG_FILE_MAX: usize = 64 << 20;
/// Bytes of an unknown directive's name for which the nearest known one is sought.
pub const DIRECTIVE_NAME_MAX: usize = 64;
/// Bytes of a number that INCRBYFLOAT and HINCRBYFLOAT read (Redis: its buffer of 5 KiB, less the end).
pub const EXTENDED_TEXT_MAX: usize = 5 * 1024 - 1;
/// Bytes of the smallest replication backlog that CONFIG SET makes (Redis: `CONFIG_REPL_BACKLOG_MIN_SIZE`).
pub const BACKLOG_MIN: usize = 16 * 1024;
/// Problems of a configuration that are told; a file that is none at all would have one per line.
pub const CONFIG_PROBLEMS_MAX: usize = 100;
/// Bytes that a client's reply buffer keeps at the most between replies (Redis: `PROTO_REPLY_CHUNK_BYTES`).
pub const REPLY_BUFFER_MAX: usize = 16 * 1024;
/// Bytes that it keeps at least (Redis: `PROTO_REPLY_MIN_BYTES`).
pub const REPLY_BUFFER_MIN: usize = 1024;
/// Columns of LOLWUT's picture.
pub const PICTURE_COLUMNS_MAX: i64 = 1000;
/// Lines of it above the water.
pub const PICTURE_ROWS_MAX: i64 = 1000;
/// Bytes from which an element of a list has a node of its own (Redis: 1 GB).
pub const LIST_PACKED_MAX: usize = 1 << 30;
/// Members of an intset, whatever `set-max-intset-entries` says (Redis: 2^30).
pub const INTSET_MAX: usize = 1 << 30;
/// Bytes of a node of a list, where its limit is a number of elements (Redis: `SIZE_SAFETY_LIMIT`).
pub const LIST_NODE_SAFE: usize = 8192;
/// Bytes of a node of a list beyond which it is cut in two, whatever its limit says: elements that are replaced by longer
/// ones do not count against that.
pub const LIST_NODE_MAX: usize = 1 << 20;
/// Bytes of a node of a list below which it is not compressed (Redis: `MIN_COMPRESS_BYTES`).
pub const LIST_COMPRESS_MIN: usize = 48;
/// Bytes that compressing it must save (Redis: `MIN_COMPRESS_IMPROVE`).
pub const LIST_COMPRESS_GAIN: usize = 8;
/// Bytes of a listpack, beyond which it takes no more elements (Redis: `LISTPACK_MAX_SAFETY_SIZE`).
pub const LISTPACK_MAX: usize = 1 << 30;
/// Bytes of a reply of members drawn at random with repetition, which can be longer than any collection.
pub const REPLY_DRAWN_MAX: usize = 512 << 20;
/// Milliseconds after which a client's peak of output is forgotten (Redis: its 5 s).
pub const OUTPUT_PEAK_RESET_MS: i64 = 5000;
/// Bytes of a value beyond which it is freed by the free thread.
pub const FREE_ELSEWHERE_MIN: usize = 1 << 20;
/// Allocations of a collection beyond which the free thread frees it, where a client or a directive wants that (Redis:
/// `LAZYFREE_THRESHOLD`).
pub const LAZY_EFFORT_MAX: usize = 64;
/// As `LAZY_EFFORT_MAX`, whether anybody wants it or not: the executor would stand still for it.
pub const FREE_EFFORT_MAX: usize = 1024;
/// Keys that FLUSHALL SYNC frees at once, without making its client wait.
pub const FLUSH_AT_ONCE_KEYS: usize = 4096;
/// Arguments that an entry of the command logs keeps (Redis: `COMMANDLOG_ENTRY_MAX_ARGC`).
pub const COMMANDLOG_ARGS_MAX: usize = 32;
/// Bytes of each of them (Redis: `COMMANDLOG_ENTRY_MAX_STRING`).
pub const COMMANDLOG_ARG_MAX: usize = 128;
/// Samples kept of each event of the latency monitor (Redis: `LATENCY_TS_LEN`).
pub const LATENCY_SAMPLES_MAX: usize = 160;
/// Replicas, and other Sentinels, that a Sentinel knows of one primary, and primaries that it watches.
pub const SENTINEL_MEMBERS_MAX: usize = 4096;
/// Bytes of an answer that a Sentinel takes from an instance.
pub const SENTINEL_ANSWER_MAX: usize = 4 << 20;
/// Arrays inside arrays of such an answer.
pub const SENTINEL_ANSWER_DEPTH_MAX: usize = 4;
/// Rounds of PFSELFTEST over all registers, and the elements that it adds (Redis: 1000 and 10 million, for which a server
/// stands still for seconds).
pub const HLL_TEST_CYCLES: usize = 100;
/// See `HLL_TEST_CYCLES`.
pub const HLL_TEST_ELEMENTS: u64 = 1_000_000;
/// Scripts that came by EVAL and are kept (Redis: `LRU_LIST_LENGTH`).
pub const EVAL_SCRIPTS_MAX: usize = 500;
/// Functions that one library may register.
pub const FUNCTIONS_MAX: usize = 100_000;
/// Bytes that the values of scripts take. The reference knows no bound but `maxmemory`.
pub const SCRIPT_MEMORY_MAX: usize = 1 << 30;
/// Bytes of a full synchronization that wait between its socket and the thread that reads or writes the data set.
pub const SYNC_PIPE_MAX: usize = 4 << 20;
/// Bytes of the longest string that an RDB file may hold as an integer (Redis: 11).
pub const RDB_INTEGER_MAX: usize = 11;
/// Bytes of the shortest string that is worth compressing there (Redis: more than 20).
pub const RDB_COMPRESS_MIN: usize = 21;
/// Elements of a large collection that are written in one go, before it is asked whether that was enough.
pub const RDB_PIECE_ELEMENTS: usize = 64;
/// Bytes that are read ahead from an RDB file.
pub const RDB_BUFFER: usize = 256 * 1024;
/// Bytes that are given to a string whose length only its own head tells; it gets more as they come.
pub const RDB_STRING_STEP: usize = 1 << 20;
/// Bytes of a field beside the data that the log shows.
pub const RDB_SHOWN_MAX: usize = 256;
/// Bytes that a value may take to be written with its segment whatever else that writes. For snapshots, as those below.
pub const SAVE_SMALL_MAX: usize = 1024;
/// Bytes of a segment that are written at once, beside small values: others are left for later.
pub const SAVE_SEGMENT_MAX: usize = 128 << 10;
/// Bytes beyond which a value is written in pieces, and who changes it waits for that.
pub const SAVE_AT_ONCE_MAX: usize = 128 << 10;
/// Bytes of one piece, about.
pub const SAVE_PIECE: usize = 32 << 10;
/// Bytes of the blocks in which a snapshot goes to its thread.
pub const SAVE_BLOCK: usize = 128 << 10;
/// Bytes after which the system is asked to write a snapshot's file back, without waiting for it (Redis:
/// `REDIS_AUTOSYNC_BYTES`).
pub const SAVE_SYNC_EVERY: u64 = 4 << 20;
/// Milliseconds after a save that failed until another is tried unasked (Redis: `CONFIG_BGSAVE_RETRY_DELAY`).
pub const SAVE_RETRY_MS: i64 = 5000;
/// The longest rest of the snapshot thread between two looks at whether it is to go on.
pub const SAVE_NAP_MAX: std::time::Duration = std::time::Duration::from_millis(10);
/// Work that commands do between two slices for a snapshot, about a nanosecond each; then those that would do more are held.
pub const SAVE_WORK_MAX: usize = 2_000_000;
/// Of those that are held as many go on in each slice.
pub const SAVE_HELD_MAX: usize = 32;
/// Bytes of a snapshot that may wait to be written out, beside a part of the memory used. Beyond these commands that
/// would add to them are held.
pub const SAVE_QUEUE_MIN: usize = 4 << 20;
/// Which part of the memory used.
pub const SAVE_QUEUE_PART: usize = 16;
/// Keys of a data set that are decoded before they are put in.
pub const SYNC_BATCH_KEYS: usize = 256;
/// So many of these that wait for that.
pub const SYNC_BATCHES: usize = 16;
/// Bytes of a data set that are handed to a replica's output before it has taken some of them.
pub const SYNC_OUTPUT_MAX: usize = 512 << 10;
/// Items of an RDB that go from the thread that reads it to the executor at once.
pub const LOAD_BATCH_ITEMS: usize = 512;
/// Bytes of the file after which a batch goes, however few items it has.
pub const LOAD_BATCH_BYTES: u64 = 256 * 1024;
/// Batches that may wait for the executor.
pub const LOAD_BATCHES: usize = 32;
/// Connections that MIGRATE keeps (Redis: `MIGRATE_SOCKET_CACHE_ITEMS`).
pub const MIGRATE_CACHE_MAX: usize = 64;
/// How long it keeps one that is not used (Redis: `MIGRATE_SOCKET_CACHE_TTL`).
pub const MIGRATE_CACHE_MS: i64 = 10_000;
/// Bytes of a line that another server answers it (Redis: 1024).
pub const MIGRATE_LINE_MAX: usize = 1024;

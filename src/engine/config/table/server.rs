//! Rows of the directive table: the process, its sockets and clients, its log.

use super::Group;
use super::{INT_MAX, LONG_MAX, UINT_MAX};
use crate::engine::config::directive::{
    DEBUG, Directive, Format, HIDDEN, IMMUTABLE, MULTI_ARG, OPTIONAL, Slot, at, choice,
};
use crate::engine::config::special::{
    BIND, OOM_SCORE_ADJ_VALUES, OUTPUT_LIMITS, SHUTDOWN_ON_SIGINT, SHUTDOWN_ON_SIGTERM, check_hash_seed,
    check_title, take_include, take_module,
};
use crate::engine::config::values::{
    LogFormat, LogLevel, LogTimestamp, OomScoreAdj, Protected, Supervised, SyslogFacility,
};

pub const NETWORK: Group = Group {
    title: "Network",
    about: "Where the server listens, and what it asks of the kernel for each connection.",
    directives: &[
        Directive::special("bind", &BIND).flags(MULTI_ARG).about(
            "Addresses to listen on, for TCP and TLS alike. `*` is every IPv4 address, `::*` every \
             IPv6 one. An address that begins with `-` may be missing on this machine; any other one \
             that cannot be bound stops the start. With no address at all it does not listen on TCP.",
        ),
        Directive::text("bind-source-addr", at!(bind_source_addr))
            .flags(OPTIONAL)
            .about("Local address that outgoing connections start from, for machines with several.")
            .example("10.0.0.1"),
        Directive::number("port", Slot::U16(at!(port)), 0, 65535)
            .about("TCP port. 0 listens on no TCP port."),
        Directive::yes_no("protected-mode", at!(protected_mode)).about(
            "Refuse clients from other machines while no password is set, so that a server started \
             without thought is not open to the world.",
        ),
        Directive::choice("enable-protected-configs", choice!(enable_protected_configs: Protected))
            .flags(IMMUTABLE)
            .about(
                "Who may change dangerous directives (`dir`, `dbfilename` and their like) by CONFIG SET: \
                 nobody, everybody, or only clients on this machine.",
            ),
        Directive::choice("enable-debug-command", choice!(enable_debug_command: Protected))
            .flags(IMMUTABLE)
            .about("Who may run DEBUG."),
        Directive::choice("enable-module-command", choice!(enable_module_command: Protected))
            .flags(IMMUTABLE)
            .later("modules")
            .about(
                "Who may run MODULE. There are no loadable modules; the directive is read so that old \
                 files load.",
            ),
        Directive::number("tcp-backlog", Slot::U32(at!(tcp_backlog)), 0, INT_MAX)
            .flags(IMMUTABLE)
            .about("Connections that may wait to be accepted. The kernel caps this by net.core.somaxconn."),
        Directive::yes_no("mptcp", at!(mptcp))
            .flags(IMMUTABLE)
            .later("multipath TCP")
            .about("Listen with Multipath TCP, so that a client can use several links at once."),
        Directive::text("unixsocket", at!(unixsocket))
            .flags(IMMUTABLE | OPTIONAL)
            .about("Path of a Unix socket to listen on besides TCP. None by default.")
            .example("/run/tarn/tarn.sock"),
        Directive::text("unixsocketgroup", at!(unixsocketgroup))
            .flags(IMMUTABLE | OPTIONAL)
            .later("groups of sockets")
            .about("Group that owns the Unix socket.")
            .example("tarn"),
        Directive::formatted("unixsocketperm", Slot::U32(at!(unixsocketperm)), 0, 0o777, Format::Octal)
            .flags(IMMUTABLE)
            .about("Permissions of the Unix socket, in octal. 0 leaves what the umask gives."),
        Directive::number("timeout", Slot::U64(at!(timeout)), 0, INT_MAX).about(
            "Close a client that sent nothing for so many seconds. 0 never closes one. Replicas and \
             subscribers are spared.",
        ),
        Directive::number("tcp-keepalive", Slot::U64(at!(tcp_keepalive)), 0, INT_MAX).about(
            "Seconds of silence after which the kernel probes whether the peer is alive. 0 sends no \
             probes.",
        ),
        Directive::number("socket-mark-id", Slot::U32(at!(socket_mark_id)), 0, UINT_MAX)
            .flags(IMMUTABLE)
            .later("packet marks")
            .about(
                "Mark put on packets of listening sockets, for routing and firewall rules (SO_MARK). 0 \
                 sets none.",
            ),
        Directive::number(
            "max-new-connections-per-cycle",
            Slot::Usize(at!(max_new_connections_per_cycle)),
            1,
            1000,
        )
        .about(
            "New connections accepted in one turn of the loop, so that a storm of them does not \
             starve the clients that are connected.",
        ),
        Directive::number(
            "max-new-tls-connections-per-cycle",
            Slot::Usize(at!(max_new_tls_connections_per_cycle)),
            1,
            1000,
        )
        .later("TLS")
        .about("The same for TLS, whose handshakes cost more."),
    ],
};

pub const LIMITS: Group = Group {
    title: "Clients and limits",
    about: "What one client, and all of them together, may take.",
    directives: &[
        Directive::number("maxclients", Slot::Usize(at!(maxclients)), 1, UINT_MAX).about(
            "Clients at a time. One more is told so and closed. Lowered at start when the limit on \
             open files does not allow it.",
        ),
        Directive::formatted(
            "client-query-buffer-limit",
            Slot::Usize(at!(client_query_buffer_limit)),
            1048576,
            LONG_MAX,
            Format::Memory,
        )
        .flags(DEBUG)
        .about(
            "Bytes a client may send ahead of execution, its largest request included, before it is \
             closed.",
        ),
        Directive::special("client-output-buffer-limit", &OUTPUT_LIMITS).flags(MULTI_ARG).about(
            "Replies that may wait for a client that does not read, by class: `normal`, `replica`, \
             `pubsub`. Beyond the hard limit it is closed at once; beyond the soft limit, once it has \
             been there for that many seconds. 0 is no limit. A line names one class or several: \
             class, hard, soft, seconds.",
        ),
        Directive::formatted(
            "maxmemory-clients",
            Slot::I64(at!(maxmemory_clients)),
            -100,
            LONG_MAX,
            Format::MemoryOrPercent,
        )
        .about(
            "Memory of all clients' buffers together; beyond it the largest are closed. A percentage \
             counts from maxmemory. 0 is no limit.",
        ),
        Directive::formatted(
            "proto-max-bulk-len",
            Slot::Usize(at!(proto_max_bulk_len)),
            1048576,
            LONG_MAX,
            Format::Memory,
        )
        .flags(DEBUG)
        .about("Largest single argument, and so the largest string value."),
        Directive::number("tracking-table-max-keys", Slot::Usize(at!(tracking_table_max_keys)), 0, LONG_MAX)
            .about(
                "Keys remembered for client-side caching. Beyond it some are forgotten and their clients \
                 told to drop them. 0 is no limit.",
            ),
        Directive::number("hz", Slot::U32(at!(hz)), 0, INT_MAX).about(
            "Rounds of background work in a second: client time-outs, table upkeep, statistics. \
             Capped to 1..500.",
        ),
        Directive::yes_no("dynamic-hz", at!(dynamic_hz))
            .about("Read so that Redis files load. Background work adapts to its load by itself."),
        Directive::number("io-threads", Slot::Usize(at!(io_threads)), 1, 256)
            .flags(DEBUG)
            .later("I/O threads")
            .about("Threads that read and write sockets. 1 keeps everything on the main thread."),
        Directive::yes_no("io-threads-do-reads", at!(io_threads_do_reads))
            .flags(IMMUTABLE | HIDDEN)
            .later("I/O threads")
            .about("Read so that Redis 7 files load."),
        Directive::yes_no("io-threads-always-active", at!(io_threads_always_active))
            .flags(HIDDEN)
            .later("I/O threads")
            .about("Keep the I/O threads awake even when there is little to do. For tests."),
        Directive::number("prefetch-batch-max-size", Slot::Usize(at!(prefetch_batch_max_size)), 0, 128)
            .later("I/O threads")
            .about(
                "Commands whose keys are fetched into the cache ahead of their execution in one batch. 0 \
                 and 1 fetch none ahead.",
            ),
        Directive::number(
            "min-io-threads-avoid-copy-reply",
            Slot::U64(at!(min_io_threads_avoid_copy_reply)),
            0,
            INT_MAX,
        )
        .flags(HIDDEN)
        .later("I/O threads")
        .about("I/O threads from which on large values are sent without a copy."),
        Directive::number(
            "min-string-size-avoid-copy-reply",
            Slot::U64(at!(min_string_size_avoid_copy_reply)),
            0,
            INT_MAX,
        )
        .flags(HIDDEN)
        .about(
            "Bytes from which on a value is sent without a copy; at least 65536 count. 0 copies every value.",
        ),
        Directive::number(
            "min-string-size-avoid-copy-reply-threaded",
            Slot::U64(at!(min_string_size_avoid_copy_reply_threaded)),
            0,
            INT_MAX,
        )
        .flags(HIDDEN)
        .later("I/O threads")
        .about("The same when I/O threads do the sending."),
    ],
};

pub const GENERAL: Group = Group {
    title: "Process",
    about: "How the process runs.",
    directives: &[
        Directive::yes_no("daemonize", at!(daemonize))
            .flags(IMMUTABLE)
            .about("Run in the background. Leave it off under systemd or in a container."),
        Directive::choice("supervised", choice!(supervised: Supervised)).flags(IMMUTABLE).about(
            "Tell a supervisor about readiness: `systemd` by sd_notify, `upstart` by stopping itself, \
             `auto` by what the environment shows.",
        ),
        Directive::text("pidfile", at!(pidfile))
            .flags(IMMUTABLE | OPTIONAL)
            .about(
                "File that holds the process id while the server runs. Written when the server runs in \
                 the background, or when a path is given here.",
            )
            .example("/run/tarn/tarn.pid"),
        Directive::number("databases", Slot::Usize(at!(databases)), 1, INT_MAX)
            .flags(IMMUTABLE)
            .about("Number of databases, selected by SELECT 0 to this less one."),
        Directive::yes_no("always-show-logo", at!(always_show_logo))
            .flags(IMMUTABLE)
            .about("Print the logo at start even when the log is no terminal."),
        Directive::yes_no("set-proc-title", at!(set_proc_title))
            .flags(IMMUTABLE)
            .about("Show state in the process title."),
        Directive::text("proc-title-template", at!(proc_title_template))
            .check(check_title)
            .about(
                "What the process title says. Known: {title} {listen-addr} {server-mode} {port} {tls-port} {unixsocket} {config-file}.",
            ),
        Directive::text("locale-collate", at!(locale_collate))
            .later("collation")
            .about("Locale by which SORT ALPHA orders strings. Empty takes it from the environment."),
        Directive::text("server-cpulist", at!(server_cpulist))
            .alias("server_cpulist")
            .flags(IMMUTABLE | OPTIONAL)
            .later("processor affinity")
            .about("Processors for the main thread, such as 0-7:2.")
            .example("0-7:2"),
        Directive::text("bio-cpulist", at!(bio_cpulist))
            .alias("bio_cpulist")
            .flags(IMMUTABLE | OPTIONAL)
            .later("processor affinity")
            .about("Processors for background threads.")
            .example("1,3"),
        Directive::text("aof-rewrite-cpulist", at!(aof_rewrite_cpulist))
            .alias("aof_rewrite_cpulist")
            .flags(IMMUTABLE | OPTIONAL)
            .about("Processors for the rewrite of the append-only file.")
            .example("8-11"),
        Directive::text("bgsave-cpulist", at!(bgsave_cpulist))
            .alias("bgsave_cpulist")
            .flags(IMMUTABLE | OPTIONAL)
            .about("Processors for snapshots.")
            .example("1,10-11"),
        Directive::yes_no("disable-thp", at!(disable_thp)).flags(IMMUTABLE).about(
            "Switch transparent huge pages off for this process where they would be on; they waste \
             memory under small writes.",
        ),
        Directive::choice("oom-score-adj", choice!(oom_score_adj: OomScoreAdj)).about(
            "Adjust what the kernel's out-of-memory killer thinks of this process: `no` leaves it, \
             `relative` (or `yes`) adds the values below to what was there at start, `absolute` \
             writes them as they are.",
        ),
        Directive::special("oom-score-adj-values", &OOM_SCORE_ADJ_VALUES)
            .flags(MULTI_ARG)
            .about("Values for a primary, a replica, and a background child, each -2000 to 2000."),
        Directive::number("shutdown-timeout", Slot::U64(at!(shutdown_timeout)), 0, INT_MAX)
            .about("Seconds that a shutdown waits for replicas to catch up. 0 does not wait."),
        Directive::special("shutdown-on-sigint", &SHUTDOWN_ON_SIGINT).flags(MULTI_ARG).about(
            "What SIGINT does: `default` saves if save points are set, or any of save, nosave, now, \
             force, safe, failover.",
        ),
        Directive::special("shutdown-on-sigterm", &SHUTDOWN_ON_SIGTERM)
            .flags(MULTI_ARG)
            .about("The same for SIGTERM."),
        Directive::yes_no("crash-log-enabled", at!(crash_log_enabled))
            .about("Write a report to the log when the server crashes."),
        Directive::yes_no("crash-memcheck-enabled", at!(crash_memcheck_enabled))
            .later("memory tests")
            .about("Test memory as part of a crash report."),
        Directive::yes_no("use-exit-on-panic", at!(use_exit_on_panic))
            .flags(HIDDEN)
            .about("Exit instead of aborting after a crash, for test tools."),
        Directive::number("watchdog-period", Slot::U64(at!(watchdog_period)), 0, INT_MAX)
            .flags(HIDDEN)
            .about("Milliseconds after which a stuck main loop is reported. 0 is off. For debugging only."),
        Directive::yes_no("enable-debug-assert", at!(enable_debug_assert))
            .flags(IMMUTABLE | HIDDEN)
            .later("debug assertions")
            .about("Run assertions that cost time."),
        Directive::text("debug-context", at!(debug_context))
            .flags(DEBUG | HIDDEN)
            .later("crash reports")
            .about("Text repeated in a crash report, to tell test runs apart."),
        Directive::text("ignore-warnings", at!(ignore_warnings))
            .later("start-up warnings")
            .about("Start-up warnings not to stop for, such as ARM64-COW-BUG."),
        Directive::bytes("availability-zone", at!(availability_zone))
            .about("Name of the zone that this server runs in; clients read it from HELLO and INFO."),
        Directive::yes_no("extended-redis-compatibility", at!(extended_redis_compatibility))
            .about(
                "Name Redis instead of this server where a reply names the server, for clients that \
                 insist.",
            ),
        Directive::bytes("hash-seed", at!(hash_seed))
            .flags(IMMUTABLE | OPTIONAL)
            .check(check_hash_seed)
            .about(
                "Seed of the key table's hash, so that several servers scan in one order. None draws one \
                 at start. Keep it secret: who knows it can flood the table.",
            )
            .example("example-seed"),
        Directive::yes_no("import-mode", at!(import_mode))
            .flags(DEBUG)
            .about("Keep keys that expire while a data set is imported from elsewhere."),
    ],
};

pub const LOGGING: Group = Group {
    title: "Log",
    about: "What is written, where, and in which form.",
    directives: &[
        Directive::choice("loglevel", choice!(loglevel: LogLevel))
            .about("How much: `debug`, `verbose`, `notice` or `warning`; `nothing` writes nothing."),
        Directive::text("logfile", at!(logfile)).flags(IMMUTABLE).about(
            "File to append to. Empty writes to standard output, which is /dev/null in the \
             background.",
        ),
        Directive::choice("log-format", choice!(log_format: LogFormat))
            .about("Form of a line: `legacy` (or `text`) as Redis writes it, `logfmt`, or `json`."),
        Directive::choice("log-timestamp-format", choice!(log_timestamp_format: LogTimestamp)).about(
            "Time in a line: `legacy` (day month year, milliseconds), `iso8601`, or `milliseconds` \
             since 1970.",
        ),
        Directive::yes_no("syslog-enabled", at!(syslog_enabled))
            .flags(IMMUTABLE)
            .about("Write to syslog too."),
        Directive::text("syslog-ident", at!(syslog_ident)).flags(IMMUTABLE).about("Name in syslog."),
        Directive::choice("syslog-facility", choice!(syslog_facility: SyslogFacility))
            .flags(IMMUTABLE)
            .about("Facility in syslog: `user` or `local0` to `local7`."),
        Directive::yes_no("hide-user-data-from-log", at!(hide_user_data_from_log))
            .about("Keep keys, values and names of clients out of the log."),
    ],
};

pub const FILES: Group = Group {
    title: "Other files",
    about: "Reading more configuration.",
    directives: &[
        Directive::file_only("include", take_include)
            .about(
                "Reads another file at this place. `*`, `?` and `[]` match several, in order of name; no \
                 match is no error. Lines behind it win over what it set.",
            )
            .example("/etc/tarn/conf.d/*.conf"),
        Directive::file_only("loadmodule", take_module)
            .later("modules")
            .about("Loads a module. There are no loadable modules; the line is read so that old files load.")
            .example("/path/to/module.so"),
    ],
};

//! Rows of the directive table: replication and security.

use super::Group;
use super::{INT_MAX, LONG_MAX};
use crate::engine::config::directive::{
    DEBUG, DENY_LOADING, Directive, Format, HIDDEN, IMMUTABLE, MULTI_ARG, OPTIONAL, SENSITIVE, Slot, at,
    choice,
};
use crate::engine::config::special::{REPLICAOF, take_rename, take_user};
use crate::engine::config::values::{AclPubsubDefault, DisklessLoad, PropagationError};

pub const REPLICATION: Group = Group {
    title: "Replication",
    about: "Following a primary, and being followed.",
    directives: &[
        Directive::special("replicaof", &REPLICAOF)
            .alias("slaveof")
            .flags(IMMUTABLE | MULTI_ARG)
            .about("Follow this primary: host and port. None by default.")
            .example("192.0.2.1 6379"),
        Directive::bytes("primaryauth", at!(primaryauth))
            .alias("masterauth")
            .flags(SENSITIVE | OPTIONAL)
            .about("Password to send to the primary.")
            .example("secret"),
        Directive::bytes("primaryuser", at!(primaryuser))
            .alias("masteruser")
            .flags(SENSITIVE | OPTIONAL)
            .about("User to authenticate as at the primary.")
            .example("replica-user"),
        Directive::yes_no("replica-serve-stale-data", at!(replica_serve_stale_data))
            .alias("slave-serve-stale-data")
            .about(
                "Answer from old data while the link to the primary is down; otherwise most commands are \
                 refused.",
            ),
        Directive::yes_no("replica-read-only", at!(replica_read_only))
            .alias("slave-read-only")
            .flags(DEBUG)
            .about("Refuse writes of clients on a replica."),
        Directive::yes_no("repl-diskless-sync", at!(repl_diskless_sync))
            .flags(DEBUG)
            .about("Send a full sync straight to the sockets, without a file between."),
        Directive::number("repl-diskless-sync-delay", Slot::U64(at!(repl_diskless_sync_delay)), 0, INT_MAX)
            .about(
                "Seconds to wait for more replicas before a full sync starts, since one transfer serves \
                 all that are there.",
            ),
        Directive::number(
            "repl-diskless-sync-max-replicas",
            Slot::Usize(at!(repl_diskless_sync_max_replicas)),
            0,
            INT_MAX,
        )
        .about("Start before the delay is over once so many replicas wait. 0 always waits."),
        Directive::choice("repl-diskless-load", choice!(repl_diskless_load: DisklessLoad))
            .flags(DEBUG | DENY_LOADING)
            .about(
                "How a replica takes a full sync: `disabled` by a file, `on-empty-db` from the socket \
                 when it has no data, `swapdb` beside the old data, `flush-before-load` after dropping \
                 it.",
            ),
        Directive::yes_no("dual-channel-replication-enabled", at!(dual_channel_replication_enabled))
            .flags(DEBUG)
            .later("replication")
            .about("Take snapshot and stream over two connections during a full sync."),
        Directive::yes_no("repl-rdb-channel", at!(repl_rdb_channel))
            .flags(HIDDEN)
            .later("replication")
            .about("Redis's name for a second connection during a full sync."),
        Directive::number("repl-ping-replica-period", Slot::U64(at!(repl_ping_replica_period)), 1, INT_MAX)
            .alias("repl-ping-slave-period")
            .about("Seconds between two pings from primary to replicas."),
        Directive::number("repl-timeout", Slot::U64(at!(repl_timeout)), 1, INT_MAX).about(
            "Seconds of silence after which a replication link counts as broken. Must be more than \
                 the ping period.",
        ),
        Directive::yes_no("repl-disable-tcp-nodelay", at!(repl_disable_tcp_nodelay))
            .later("replication")
            .about("Collect small packets to replicas: less traffic, more delay."),
        Directive::yes_no("repl-mptcp", at!(repl_mptcp))
            .flags(IMMUTABLE)
            .later("multipath TCP")
            .about("Use Multipath TCP to the primary."),
        Directive::formatted(
            "repl-backlog-size",
            Slot::Usize(at!(repl_backlog_size)),
            1,
            LONG_MAX,
            Format::Memory,
        )
        .about("Stream kept for replicas that reconnect, so that they need no full sync."),
        Directive::number("repl-backlog-ttl", Slot::U64(at!(repl_backlog_ttl)), 0, LONG_MAX)
            .about("Seconds without any replica after which the backlog is freed. 0 keeps it."),
        Directive::formatted(
            "replica-full-sync-buffer-limit",
            Slot::U64(at!(replica_full_sync_buffer_limit)),
            0,
            LONG_MAX,
            Format::Memory,
        )
        .later("replication")
        .about(
            "Stream that a replica holds while it loads a full sync. 0 takes the replica's output \
             limit. From Redis 8.",
        ),
        Directive::number("replica-priority", Slot::U32(at!(replica_priority)), 0, INT_MAX)
            .alias("slave-priority")
            .about("Order in which Sentinel picks a replica to promote: lowest first, 0 never."),
        Directive::yes_no("replica-announced", at!(replica_announced))
            .about("Whether Sentinel shows this replica to clients."),
        Directive::text("replica-announce-ip", at!(replica_announce_ip))
            .alias("slave-announce-ip")
            .flags(OPTIONAL)
            .about(
                "Address to report to the primary in place of the connection's, for networks that \
                 translate.",
            )
            .example("5.5.5.5"),
        Directive::number("replica-announce-port", Slot::U16(at!(replica_announce_port)), 0, 65535)
            .alias("slave-announce-port")
            .about("Port to report to the primary. 0 is the port listened on."),
        Directive::yes_no("replica-ignore-maxmemory", at!(replica_ignore_maxmemory))
            .alias("slave-ignore-maxmemory")
            .about("Leave eviction to the primary, so that both hold the same keys."),
        Directive::yes_no("replica-lazy-flush", at!(replica_lazy_flush))
            .alias("slave-lazy-flush")
            .about("Accepted and without effect: old data that a full sync replaces is always freed in the background."),
        Directive::yes_no("replica-ignore-disk-write-errors", at!(replica_ignore_disk_write_errors))
            .later("replication")
            .about("Let a replica go on when it cannot write to disk, instead of stopping."),
        Directive::choice(
            "propagation-error-behavior",
            choice!(propagation_error_behavior: PropagationError),
        )
        .about(
            "What to do when a command from the primary or the append-only file fails: `ignore` it, \
             `panic`, or `panic-on-replicas`.",
        ),
        Directive::number("min-replicas-to-write", Slot::Usize(at!(min_replicas_to_write)), 0, INT_MAX)
            .alias("min-slaves-to-write")
            .about("Refuse writes when fewer replicas than this are connected. 0 is off."),
        Directive::number("min-replicas-max-lag", Slot::U64(at!(min_replicas_max_lag)), 0, INT_MAX)
            .alias("min-slaves-max-lag")
            .about("A replica counts above if it was heard from within so many seconds."),
        Directive::yes_no("replica-allow-empty-primary", at!(replica_allow_empty_primary)).about(
            "Let a primary that came up empty and without history replace this replica's data. Tarn's \
                 own: usually such a primary lost its disk.",
        ),
    ],
};

pub const SECURITY: Group = Group {
    title: "Security",
    about: "Who may connect and what they may run.",
    directives: &[
        Directive::bytes("requirepass", at!(requirepass))
            .flags(SENSITIVE | OPTIONAL)
            .about(
                "Password of the default user. Empty asks for none. Make it long: a fast server lets many \
                 be tried each second.",
            )
            .example("a-long-random-text"),
        Directive::text("aclfile", at!(aclfile))
            .flags(IMMUTABLE)
            .later("access control lists")
            .about("File with one user per line, instead of `user` lines here."),
        Directive::file_only("user", take_user)
            .flags(SENSITIVE)
            .later("access control lists")
            .about("Declares a user: name and rules. May be repeated. Not together with `aclfile`.")
            .example("worker +@list +@connection ~jobs:* on >secret"),
        Directive::choice("acl-pubsub-default", choice!(acl_pubsub_default: AclPubsubDefault))
            .later("access control lists")
            .about("Channels of a new user: none (`resetchannels`) or all (`allchannels`)."),
        Directive::number("acllog-max-len", Slot::Usize(at!(acllog_max_len)), 0, LONG_MAX)
            .later("access control lists")
            .about("Refusals that ACL LOG remembers."),
        Directive::file_only("rename-command", take_rename)
            .about(
                "Gives a command another name; \"\" removes it. May be repeated. Access control lists are \
                 the better way.",
            )
            .example("CONFIG \"\""),
    ],
};

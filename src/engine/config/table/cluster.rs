//! Rows of the directive table: cluster, TLS and RDMA.

use super::Group;
use super::{INT_MAX, LONG_MAX, ULONG_MAX};
use crate::engine::config::directive::{
    Directive, Format, HIDDEN, IMMUTABLE, MULTI_ARG, OPTIONAL, SENSITIVE, Slot, VOLATILE, at, choice,
};
use crate::engine::config::special::{
    RDMA_BIND, check_announce_ip, check_cluster_config_file, check_hostname, check_ipv4, check_ipv6,
    check_nodename,
};
use crate::engine::config::values::{ClusterConfigSave, ClusterEndpoint, TlsAuthClients, TlsClientUser};

pub const CLUSTER: Group = Group {
    title: "Cluster",
    about: "Sharing keys among servers.",
    directives: &[
        Directive::yes_no("cluster-enabled", at!(cluster_enabled))
            .flags(IMMUTABLE)
            .later("the cluster")
            .about("Be a node of a cluster."),
        Directive::text("cluster-config-file", at!(cluster_config_file))
            .flags(IMMUTABLE)
            .check(check_cluster_config_file)
            .later("the cluster")
            .about("File that the node keeps its view of the cluster in. Not to be edited."),
        Directive::choice(
            "cluster-config-save-behavior",
            choice!(cluster_config_save_behavior: ClusterConfigSave),
        )
        .later("the cluster")
        .about(
            "What to do when that file cannot be written: `sync` stops the node, `best-effort` goes \
             on.",
        ),
        Directive::number("cluster-databases", Slot::Usize(at!(cluster_databases)), 1, INT_MAX)
            .flags(IMMUTABLE)
            .later("the cluster")
            .about("Number of databases in a cluster."),
        Directive::number("cluster-node-timeout", Slot::U64(at!(cluster_node_timeout)), 0, LONG_MAX)
            .later("the cluster")
            .about("Milliseconds without an answer after which a node counts as failing."),
        Directive::number("cluster-ping-interval", Slot::U64(at!(cluster_ping_interval)), 0, LONG_MAX)
            .flags(HIDDEN)
            .later("the cluster")
            .about("Milliseconds between pings to other nodes. 0 chooses by the node time-out. For tests."),
        Directive::number("cluster-port", Slot::U16(at!(cluster_port)), 0, 65535)
            .flags(IMMUTABLE)
            .later("the cluster")
            .about("Port of the cluster's bus. 0 is the client port and 10000."),
        Directive::number(
            "cluster-replica-validity-factor",
            Slot::U64(at!(cluster_replica_validity_factor)),
            0,
            INT_MAX,
        )
        .alias("cluster-slave-validity-factor")
        .later("the cluster")
        .about(
            "How old, in node time-outs, a replica's data may be for it to take over. 0 always lets \
             it.",
        ),
        Directive::number("cluster-migration-barrier", Slot::U64(at!(cluster_migration_barrier)), 0, INT_MAX)
            .later("the cluster")
            .about(
                "Replicas that a primary must keep before one of its own may move to an orphaned primary.",
            ),
        Directive::yes_no("cluster-allow-replica-migration", at!(cluster_allow_replica_migration))
            .later("the cluster")
            .about("Let replicas move to primaries that have none."),
        Directive::yes_no("cluster-require-full-coverage", at!(cluster_require_full_coverage))
            .later("the cluster")
            .about("Stop answering while any slot has no server."),
        Directive::yes_no("cluster-replica-no-failover", at!(cluster_replica_no_failover))
            .alias("cluster-slave-no-failover")
            .later("the cluster")
            .about("Never let this replica take over by itself."),
        Directive::number(
            "cluster-manual-failover-timeout",
            Slot::U64(at!(cluster_manual_failover_timeout)),
            1,
            INT_MAX,
        )
        .later("the cluster")
        .about("Milliseconds that a failover by hand may take."),
        Directive::yes_no("cluster-allow-reads-when-down", at!(cluster_allow_reads_when_down))
            .later("the cluster")
            .about("Answer reads while the cluster counts as down."),
        Directive::yes_no("cluster-allow-pubsubshard-when-down", at!(cluster_allow_pubsubshard_when_down))
            .later("the cluster")
            .about("Serve sharded channels while the cluster counts as down."),
        Directive::formatted(
            "cluster-link-sendbuf-limit",
            Slot::U64(at!(cluster_link_sendbuf_limit)),
            0,
            ULONG_MAX,
            Format::Memory,
        )
        .later("the cluster")
        .about("Bytes that may wait for another node before its link is closed. 0 is no limit."),
        Directive::text("cluster-announce-hostname", at!(cluster_announce_hostname))
            .flags(OPTIONAL)
            .check(check_hostname)
            .later("the cluster")
            .about("Host name to tell other nodes.")
            .example("node1.example.org"),
        Directive::text("cluster-announce-human-nodename", at!(cluster_announce_human_nodename))
            .flags(OPTIONAL)
            .check(check_nodename)
            .later("the cluster")
            .about("Name for logs.")
            .example("node-one"),
        Directive::text("cluster-announce-ip", at!(cluster_announce_ip))
            .flags(OPTIONAL)
            .check(check_announce_ip)
            .later("the cluster")
            .about("Address to tell other nodes, for networks that translate.")
            .example("10.1.1.5"),
        Directive::text("cluster-announce-client-ipv4", at!(cluster_announce_client_ipv4))
            .flags(OPTIONAL)
            .check(check_ipv4)
            .later("the cluster")
            .about("IPv4 address to tell clients.")
            .example("192.0.2.10"),
        Directive::text("cluster-announce-client-ipv6", at!(cluster_announce_client_ipv6))
            .flags(OPTIONAL)
            .check(check_ipv6)
            .later("the cluster")
            .about("IPv6 address to tell clients.")
            .example("2001:db8::10"),
        Directive::number("cluster-announce-port", Slot::U16(at!(cluster_announce_port)), 0, 65535)
            .later("the cluster")
            .about("Port to tell other nodes. 0 is the real one."),
        Directive::number("cluster-announce-tls-port", Slot::U16(at!(cluster_announce_tls_port)), 0, 65535)
            .later("the cluster")
            .about("TLS port to tell other nodes. 0 is the real one."),
        Directive::number("cluster-announce-bus-port", Slot::U16(at!(cluster_announce_bus_port)), 0, 65535)
            .later("the cluster")
            .about("Bus port to tell other nodes. 0 is the real one."),
        Directive::number(
            "cluster-announce-client-port",
            Slot::U16(at!(cluster_announce_client_port)),
            0,
            65535,
        )
        .later("the cluster")
        .about("Port to tell clients. 0 is the real one."),
        Directive::number(
            "cluster-announce-client-tls-port",
            Slot::U16(at!(cluster_announce_client_tls_port)),
            0,
            65535,
        )
        .later("the cluster")
        .about("TLS port to tell clients. 0 is the real one."),
        Directive::choice(
            "cluster-preferred-endpoint-type",
            choice!(cluster_preferred_endpoint_type: ClusterEndpoint),
        )
        .later("the cluster")
        .about(
            "What redirections name: `ip`, `hostname`, or `unknown-endpoint` to let clients keep the \
             address they have.",
        ),
        Directive::number("cluster-blacklist-ttl", Slot::U64(at!(cluster_blacklist_ttl)), 0, ULONG_MAX)
            .later("the cluster")
            .about("Seconds that a forgotten node stays forgotten."),
        Directive::number("cluster-message-gossip-perc", Slot::U64(at!(cluster_message_gossip_perc)), 1, 100)
            .flags(HIDDEN)
            .later("the cluster")
            .about("Percent of known nodes told of in one message. For tests."),
        Directive::yes_no("cluster-slot-stats-enabled", at!(cluster_slot_stats_enabled))
            .later("the cluster")
            .about("Count processor time and traffic by slot."),
        Directive::number(
            "cluster-slot-migration-log-max-len",
            Slot::Usize(at!(cluster_slot_migration_log_max_len)),
            0,
            LONG_MAX,
        )
        .later("the cluster")
        .about("Finished slot migrations to remember."),
        Directive::formatted(
            "slot-migration-max-failover-repl-bytes",
            Slot::I64(at!(slot_migration_max_failover_repl_bytes)),
            -1,
            LONG_MAX,
            Format::SignedMemory,
        )
        .later("the cluster")
        .about("Stream still unsent at which a slot may change hands; -1 waits for nothing."),
        Directive::number(
            "cluster-compatibility-sample-ratio",
            Slot::U64(at!(cluster_compatibility_sample_ratio)),
            0,
            100,
        )
        .later("the cluster")
        .about("Percent of commands checked for what a cluster would refuse. From Redis 8."),
    ],
};

pub const TLS: Group = Group {
    title: "TLS",
    about: "Encrypted connections.",
    directives: &[
        Directive::number("tls-port", Slot::U16(at!(tls_port)), 0, 65535)
            .later("TLS")
            .about("Port for TLS. 0 listens on none."),
        Directive::text("tls-cert-file", at!(tls_cert_file))
            .flags(VOLATILE | OPTIONAL)
            .later("TLS")
            .about("Certificate, in PEM.")
            .example("/etc/tarn/tarn.crt"),
        Directive::text("tls-key-file", at!(tls_key_file))
            .flags(VOLATILE | OPTIONAL)
            .later("TLS")
            .about("Its private key, in PEM.")
            .example("/etc/tarn/tarn.key"),
        Directive::bytes("tls-key-file-pass", at!(tls_key_file_pass))
            .flags(SENSITIVE | OPTIONAL)
            .later("TLS")
            .about("Passphrase of the key.")
            .example("secret"),
        Directive::text("tls-client-cert-file", at!(tls_client_cert_file))
            .flags(VOLATILE | OPTIONAL)
            .later("TLS")
            .about("Certificate for connections that this server opens. None uses the one above.")
            .example("/etc/tarn/client.crt"),
        Directive::text("tls-client-key-file", at!(tls_client_key_file))
            .flags(VOLATILE | OPTIONAL)
            .later("TLS")
            .about("Its private key.")
            .example("/etc/tarn/client.key"),
        Directive::bytes("tls-client-key-file-pass", at!(tls_client_key_file_pass))
            .flags(SENSITIVE | OPTIONAL)
            .later("TLS")
            .about("Passphrase of that key.")
            .example("secret"),
        Directive::text("tls-dh-params-file", at!(tls_dh_params_file))
            .flags(VOLATILE | OPTIONAL)
            .later("TLS")
            .about("Diffie-Hellman parameters, for old OpenSSL.")
            .example("/etc/tarn/tarn.dh"),
        Directive::text("tls-ca-cert-file", at!(tls_ca_cert_file))
            .flags(VOLATILE | OPTIONAL)
            .later("TLS")
            .about("Authorities whose certificates are trusted.")
            .example("/etc/tarn/ca.crt"),
        Directive::text("tls-ca-cert-dir", at!(tls_ca_cert_dir))
            .flags(VOLATILE | OPTIONAL)
            .later("TLS")
            .about("Folder of such authorities.")
            .example("/etc/ssl/certs"),
        Directive::choice("tls-auth-clients", choice!(tls_auth_clients: TlsAuthClients))
            .later("TLS")
            .about("Whether clients must show a certificate: yes, no, or `optional`."),
        Directive::choice("tls-auth-clients-user", choice!(tls_auth_clients_user: TlsClientUser))
            .later("TLS")
            .about("Part of a client's certificate that names the user it is: `CN`, `URI`, or `off`."),
        Directive::yes_no("tls-replication", at!(tls_replication))
            .later("TLS")
            .about("Use TLS to the primary."),
        Directive::yes_no("tls-cluster", at!(tls_cluster))
            .later("TLS")
            .about("Use TLS on the cluster's bus."),
        Directive::text("tls-protocols", at!(tls_protocols))
            .flags(OPTIONAL)
            .later("TLS")
            .about("Versions to allow.")
            .example("\"TLSv1.2 TLSv1.3\""),
        Directive::text("tls-ciphers", at!(tls_ciphers))
            .flags(OPTIONAL)
            .later("TLS")
            .about("Ciphers up to TLS 1.2.")
            .example("DEFAULT:!MEDIUM"),
        Directive::text("tls-ciphersuites", at!(tls_ciphersuites))
            .flags(OPTIONAL)
            .later("TLS")
            .about("Cipher suites of TLS 1.3.")
            .example("TLS_CHACHA20_POLY1305_SHA256"),
        Directive::yes_no("tls-prefer-server-ciphers", at!(tls_prefer_server_ciphers))
            .later("TLS")
            .about("Let the server's order of ciphers decide."),
        Directive::yes_no("tls-session-caching", at!(tls_session_caching))
            .later("TLS")
            .about("Let clients resume a session."),
        Directive::number("tls-session-cache-size", Slot::U64(at!(tls_session_cache_size)), 0, INT_MAX)
            .later("TLS")
            .about("Sessions to remember. 0 is no limit."),
        Directive::number("tls-session-cache-timeout", Slot::U64(at!(tls_session_cache_timeout)), 0, INT_MAX)
            .later("TLS")
            .about("Seconds to remember a session."),
        Directive::number("tls-auto-reload-interval", Slot::U64(at!(tls_auto_reload_interval)), 0, INT_MAX)
            .later("TLS")
            .about("Seconds between looks at the certificate files for newer ones. 0 never looks."),
    ],
};

pub const RDMA: Group = Group {
    title: "RDMA",
    about: "Remote direct memory access. Read so that Valkey files load; not planned.",
    directives: &[
        Directive::special("rdma-bind", &RDMA_BIND)
            .flags(MULTI_ARG)
            .later("RDMA")
            .about("Addresses for RDMA.")
            .example("192.0.2.100"),
        Directive::number("rdma-port", Slot::U16(at!(rdma_port)), 0, 65535)
            .later("RDMA")
            .about("Port for RDMA. 0 is off."),
        Directive::number("rdma-rx-size", Slot::U64(at!(rdma_rx_size)), 65536, 16777216)
            .flags(IMMUTABLE)
            .later("RDMA")
            .about("Receive buffer of a connection."),
        Directive::number("rdma-completion-vector", Slot::I64(at!(rdma_completion_vector)), -1, 1024)
            .flags(IMMUTABLE)
            .later("RDMA")
            .about("Completion vector; -1 picks one."),
    ],
};

//! Rows of the directive table: memory, slow commands, encodings, scripts.

use super::Group;
use super::{INT_MAX, INT_MIN, LONG_MAX, ULONG_MAX};
use crate::engine::config::directive::{
    DEBUG, Directive, Format, HIDDEN, MULTI_ARG, PROTECTED, Slot, at, choice,
};
use crate::engine::config::special::{NOTIFY, PERCENTILES, check_activedefrag};
use crate::engine::config::values::EvictionPolicy;

pub const MEMORY: Group = Group {
    title: "Memory",
    about: "How much, and what happens at the limit.",
    directives: &[
        Directive::formatted("maxmemory", Slot::U64(at!(maxmemory)), 0, ULONG_MAX, Format::Memory).about(
            "Limit for the data. 0 is none. At the limit keys are evicted, or writes refused, as the \
             policy says.",
        ),
        Directive::choice("maxmemory-policy", choice!(maxmemory_policy: EvictionPolicy)).about(
            "Which keys go first at the limit: of all keys or only of those with a time to live, the \
             least recently used (lru), the least often used (lfu), random ones, or those that expire \
             soonest (volatile-ttl). `noeviction` refuses writes instead.",
        ),
        Directive::number("maxmemory-samples", Slot::Usize(at!(maxmemory_samples)), 1, 64)
            .about("Keys looked at to find one to evict. More is closer to the ideal and slower."),
        Directive::number("maxmemory-eviction-tenacity", Slot::U32(at!(maxmemory_eviction_tenacity)), 0, 100)
            .about("How long eviction may hold up commands: 0 briefly, 100 until enough is free."),
        Directive::number("active-expire-effort", Slot::U32(at!(active_expire_effort)), 1, 10).about(
            "Share of time for deleting expired keys, 1 to 10. Here keys expire on time whatever it \
             says.",
        ),
        Directive::number("lfu-log-factor", Slot::U32(at!(lfu_log_factor)), 0, INT_MAX)
            .about("How slowly the access counter of lfu grows: more tells heavily used keys apart."),
        Directive::number("lfu-decay-time", Slot::U32(at!(lfu_decay_time)), 0, INT_MAX)
            .about("Minutes after which the access counter of lfu halves its lead. 0 never."),
        Directive::yes_no("lazyfree-lazy-eviction", at!(lazyfree_lazy_eviction))
            .flags(DEBUG)
            .about("Free evicted values in the background."),
        Directive::yes_no("lazyfree-lazy-expire", at!(lazyfree_lazy_expire))
            .flags(DEBUG)
            .about("Free expired values in the background."),
        Directive::yes_no("lazyfree-lazy-server-del", at!(lazyfree_lazy_server_del))
            .flags(DEBUG)
            .about("Free values that a command replaces, as RENAME does, in the background."),
        Directive::yes_no("lazyfree-lazy-user-del", at!(lazyfree_lazy_user_del))
            .flags(DEBUG)
            .about("Let DEL work like UNLINK."),
        Directive::yes_no("lazyfree-lazy-user-flush", at!(lazyfree_lazy_user_flush))
            .flags(DEBUG)
            .about("Let FLUSHALL and FLUSHDB without SYNC or ASYNC work as with ASYNC."),
        Directive::yes_no("activerehashing", at!(activerehashing))
            .about("Read so that old files load. The key table grows and shrinks in small steps by itself."),
        Directive::yes_no("jemalloc-bg-thread", at!(jemalloc_bg_thread))
            .about("Let the allocator return memory to the system from a thread of its own."),
        Directive::yes_no("activedefrag", at!(activedefrag))
            .flags(DEBUG)
            .check(check_activedefrag)
            .later("active defragmentation")
            .about("Move values together while the server runs."),
        Directive::formatted(
            "active-defrag-ignore-bytes",
            Slot::Usize(at!(active_defrag_ignore_bytes)),
            1,
            LONG_MAX,
            Format::Memory,
        )
        .later("active defragmentation")
        .about("Do not start below this much waste."),
        Directive::number(
            "active-defrag-threshold-lower",
            Slot::U64(at!(active_defrag_threshold_lower)),
            0,
            1000,
        )
        .later("active defragmentation")
        .about("Percent of waste at which it starts."),
        Directive::number(
            "active-defrag-threshold-upper",
            Slot::U64(at!(active_defrag_threshold_upper)),
            0,
            1000,
        )
        .later("active defragmentation")
        .about("Percent of waste at which it works hardest."),
        Directive::number("active-defrag-cycle-min", Slot::U64(at!(active_defrag_cycle_min)), 1, 99)
            .later("active defragmentation")
            .about("Percent of a processor at the lower threshold."),
        Directive::number("active-defrag-cycle-max", Slot::U64(at!(active_defrag_cycle_max)), 1, 99)
            .later("active defragmentation")
            .about("Percent of a processor at the upper threshold."),
        Directive::number("active-defrag-cycle-us", Slot::U64(at!(active_defrag_cycle_us)), 0, 100000)
            .later("active defragmentation")
            .about("Microseconds of one step."),
        Directive::number(
            "active-defrag-max-scan-fields",
            Slot::U64(at!(active_defrag_max_scan_fields)),
            1,
            LONG_MAX,
        )
        .later("active defragmentation")
        .about("Collections with more elements than this are handled in steps of their own."),
    ],
};

pub const MONITORING: Group = Group {
    title: "Slow commands and latency",
    about: "Finding what takes long.",
    directives: &[
        Directive::number(
            "commandlog-execution-slower-than",
            Slot::I64(at!(commandlog_execution_slower_than)),
            -1,
            LONG_MAX,
        )
        .alias("slowlog-log-slower-than")
        .about("Log commands that ran for more microseconds than this. 0 logs all, -1 none."),
        Directive::number(
            "commandlog-slow-execution-max-len",
            Slot::Usize(at!(commandlog_slow_execution_max_len)),
            0,
            LONG_MAX,
        )
        .alias("slowlog-max-len")
        .about("Slow commands to remember."),
        Directive::number(
            "commandlog-request-larger-than",
            Slot::I64(at!(commandlog_request_larger_than)),
            -1,
            LONG_MAX,
        )
        .about("Log commands whose request had more bytes than this. -1 logs none."),
        Directive::number(
            "commandlog-large-request-max-len",
            Slot::Usize(at!(commandlog_large_request_max_len)),
            0,
            LONG_MAX,
        )
        .about("Large requests to remember."),
        Directive::number(
            "commandlog-reply-larger-than",
            Slot::I64(at!(commandlog_reply_larger_than)),
            -1,
            LONG_MAX,
        )
        .about("Log commands whose reply had more bytes than this. -1 logs none."),
        Directive::number(
            "commandlog-large-reply-max-len",
            Slot::Usize(at!(commandlog_large_reply_max_len)),
            0,
            LONG_MAX,
        )
        .about("Large replies to remember."),
        Directive::number(
            "latency-monitor-threshold",
            Slot::U64(at!(latency_monitor_threshold)),
            0,
            LONG_MAX,
        )
        .about("Remember events that took at least so many milliseconds. 0 is off."),
        Directive::yes_no("latency-tracking", at!(latency_tracking)).about(
            "Keep a histogram of the time each command takes, for INFO latencystats and LATENCY \
             HISTOGRAM.",
        ),
        Directive::special("latency-tracking-info-percentiles", &PERCENTILES)
            .flags(MULTI_ARG)
            .about("Percentiles that INFO latencystats shows. \"\" shows none."),
        Directive::special("notify-keyspace-events", &NOTIFY).about(
            "Events to publish: K and E for the two kinds of channel, then classes: g generic, $ \
             strings, l lists, s sets, h hashes, z sorted sets, x expired, e evicted, t streams, d \
             modules, n new keys, m misses, A for all but m and n. Empty publishes nothing.",
        ),
    ],
};

pub const ENCODINGS: Group = Group {
    title: "Encodings",
    about: "Up to which size a collection is kept in its compact form. Small is a matter of speed: compact forms are read from the front.",
    directives: &[
        Directive::number(
            "hash-max-listpack-entries",
            Slot::Usize(at!(hash_max_listpack_entries)),
            0,
            LONG_MAX,
        )
        .alias("hash-max-ziplist-entries")
        .about("Most fields of a compact hash."),
        Directive::formatted(
            "hash-max-listpack-value",
            Slot::Usize(at!(hash_max_listpack_value)),
            0,
            LONG_MAX,
            Format::Memory,
        )
        .alias("hash-max-ziplist-value")
        .about("Longest field name or value of a compact hash."),
        Directive::number("list-max-listpack-size", Slot::I64(at!(list_max_listpack_size)), INT_MIN, INT_MAX)
            .alias("list-max-ziplist-size")
            .about("Size of a list's node: above 0 in elements, -1 to -5 for 4, 8, 16, 32 or 64 KB."),
        Directive::number("list-compress-depth", Slot::Usize(at!(list_compress_depth)), 0, INT_MAX)
            .flags(DEBUG)
            .about("Nodes at each end of a list that stay uncompressed; 0 compresses none."),
        Directive::number("set-max-intset-entries", Slot::Usize(at!(set_max_intset_entries)), 0, LONG_MAX)
            .about("Most members of a set of integers in compact form."),
        Directive::number(
            "set-max-listpack-entries",
            Slot::Usize(at!(set_max_listpack_entries)),
            0,
            LONG_MAX,
        )
        .about("Most members of any other compact set."),
        Directive::number("set-max-listpack-value", Slot::Usize(at!(set_max_listpack_value)), 0, LONG_MAX)
            .about("Longest member of a compact set."),
        Directive::number(
            "zset-max-listpack-entries",
            Slot::Usize(at!(zset_max_listpack_entries)),
            0,
            LONG_MAX,
        )
        .alias("zset-max-ziplist-entries")
        .about("Most members of a compact sorted set."),
        Directive::formatted(
            "zset-max-listpack-value",
            Slot::Usize(at!(zset_max_listpack_value)),
            0,
            LONG_MAX,
            Format::Memory,
        )
        .alias("zset-max-ziplist-value")
        .about("Longest member of a compact sorted set."),
        Directive::formatted(
            "hll-sparse-max-bytes",
            Slot::Usize(at!(hll_sparse_max_bytes)),
            0,
            LONG_MAX,
            Format::Memory,
        )
        .about("Bytes up to which a HyperLogLog stays sparse."),
        Directive::formatted(
            "stream-node-max-bytes",
            Slot::Usize(at!(stream_node_max_bytes)),
            0,
            LONG_MAX,
            Format::Memory,
        )
        .about("Bytes of one node of a stream. 0 is no limit."),
        Directive::number("stream-node-max-entries", Slot::Usize(at!(stream_node_max_entries)), 0, LONG_MAX)
            .about("Entries of one node of a stream. 0 is no limit."),
    ],
};

pub const SCRIPTING: Group = Group {
    title: "Scripts",
    about: "Limits of Lua scripts and functions.",
    directives: &[
        Directive::number("busy-reply-threshold", Slot::U64(at!(busy_reply_threshold)), 0, LONG_MAX)
            .alias("lua-time-limit")
            .about(
                "Milliseconds that a script may run before other clients get an error and it can be \
                 stopped. 0 lets it run.",
            ),
        Directive::yes_no("lua-enable-insecure-api", at!(lua_enable_insecure_api))
            .alias("lua-enable-deprecated-api")
            .flags(HIDDEN | PROTECTED)
            .about("Taken for the sake of old files: functions of Lua that are known to be unsafe do not exist here."),
    ],
};

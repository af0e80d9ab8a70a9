//! INFO: sections of `field:value` lines, in the reference's order. Nothing is kept for it but counters: the text is
//! made when it is asked for.

use std::fmt::Write;

use crate::commands::sentinel;
use crate::engine::args::Args;
use crate::engine::config::values::{DisklessLoad, Named, Primary};
use crate::engine::cx::ServerCx;
use crate::engine::error::Result;
use crate::engine::loading::Progress;
use crate::engine::replication::LinkState;
use crate::engine::server::Server;
use crate::engine::session::ClientType;
use crate::engine::spec::*;
use crate::engine::versions;
use crate::resp::Reply;
use crate::sys::memory;
use crate::sys::process::{self, Whose};
use crate::sys::version;

pub const INFO: Spec = Spec::server("info", info)
    .arity(at_least(0))
    .flags(LOADING | STALE)
    .acl(acl::DANGEROUS)
    .group(Group::Server)
    .syntax("[section [section ...]]")
    .since("1.0.0")
    .history(&[("7.0.0", "Takes several sections.")])
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .summary("Returns what the server is, holds, and has done.");

/// When a section is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Without being named.
    Default,
    /// By `all` and `everything`.
    All,
    /// By its name alone.
    Named,
    /// Without being named, by a Sentinel.
    Sentinel,
}

/// A section: the name it is asked for by, its title, what writes it.
struct Section {
    name: &'static str,
    title: &'static str,
    shown: Shown,
    write: fn(&mut ServerCx<'_>, &mut String),
}

const fn section(
    name: &'static str,
    title: &'static str,
    shown: Shown,
    write: fn(&mut ServerCx<'_>, &mut String),
) -> Section {
    Section { name, title, shown, write }
}

const SECTIONS: &[Section] = &[
    section("server", "Server", Shown::Default, server),
    section("clients", "Clients", Shown::Default, clients),
    section("memory", "Memory", Shown::Default, memory_section),
    section("persistence", "Persistence", Shown::Default, persistence),
    section("stats", "Stats", Shown::Default, stats),
    section("replication", "Replication", Shown::Default, replication),
    section("cpu", "CPU", Shown::Default, cpu),
    section("modules", "Modules", Shown::Default, |_, _| {}),
    section("commandstats", "Commandstats", Shown::All, commandstats),
    section("errorstats", "Errorstats", Shown::Default, errorstats),
    section("latencystats", "Latencystats", Shown::All, latencystats),
    section("cluster", "Cluster", Shown::Default, |cx, t| {
        line(t, "cluster_enabled", cx.server.config.cluster_enabled as u8)
    }),
    section("keyspace", "Keyspace", Shown::Default, keyspace),
    section("debug", "Debug", Shown::Named, debug),
    section("sentinel", "Sentinel", Shown::Sentinel, |cx, t| {
        if let Some(machine) = &cx.server.sentinel {
            sentinel::info_section(machine, cx.now_ms, t);
        }
    }),
];

/// The sections that a Sentinel has.
const OF_SENTINEL: &[&str] = &["server", "clients", "stats", "cpu", "sentinel"];

fn info(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // Before the text takes any: after eviction, INFO tells what `maxmemory` was compared with.
    cx.server.used_memory = memory::used_noting_peak() as u64;
    let wanted: Vec<&[u8]> = args.rest().collect();
    let asked = |name: &str| wanted.iter().any(|w| w.eq_ignore_ascii_case(name.as_bytes()));
    let all = asked("all") || asked("everything");
    let default = wanted.is_empty() || asked("default");
    let mut text = String::with_capacity(8192);
    let sentinel = cx.server.sentinel.is_some();
    for s in SECTIONS {
        let show = match s.shown {
            Shown::Default => all || default || asked(s.name),
            Shown::All => all || asked(s.name),
            Shown::Named => asked(s.name),
            Shown::Sentinel => all || default || asked(s.name),
        };
        if show && (!sentinel || OF_SENTINEL.contains(&s.name)) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            text.push_str("# ");
            text.push_str(s.title);
            text.push_str("\r\n");
            (s.write)(cx, &mut text);
        }
    }
    out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// One line.
fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{name}:{value}\r\n");
}

/// An amount as people read it: `1.50K`, `3B`.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let step = (bytes.ilog2() as usize / 10).min(UNITS.len());
    format!("{:.2}{}", bytes as f64 / (1u64 << (10 * step)) as f64, UNITS[step - 1])
}

/// An amount, in bytes and as people read it.
fn amount(text: &mut String, name: &str, bytes: u64) {
    line(text, name, bytes);
    let _ = write!(text, "{name}_human:{}\r\n", human(bytes));
}

fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

fn server(cx: &mut ServerCx<'_>, t: &mut String) {
    let now_us = cx.server.clock.now_us();
    let s = &*cx.server;
    let c = &s.config;
    let uptime = (cx.now_ms - s.started_ms).max(0) / 1000;
    let mode = match c.cluster_enabled {
        true => "cluster",
        false if s.sentinel.is_some() => "sentinel",
        false => "standalone",
    };
    line(t, "redis_version", versions::REDIS);
    line(t, "server_name", versions::NAME);
    line(t, "tarn_version", version::VERSION);
    line(t, "redis_git_sha1", version::GIT_SHA);
    line(t, "redis_git_dirty", version::GIT_DIRTY);
    line(t, "redis_build_id", format_args!("{:x}", version::BUILD_ID));
    line(t, if c.extended_redis_compatibility { "redis_mode" } else { "server_mode" }, mode);
    line(t, "os", process::os_name());
    line(t, "arch_bits", usize::BITS);
    line(t, "monotonic_clock", s.clock.source());
    line(t, "multiplexing_api", "epoll");
    line(t, "gcc_version", "0.0.0");
    line(t, "process_id", std::process::id());
    line(t, "process_supervised", s.outside.supervised);
    line(t, "run_id", &s.run_id);
    line(t, "tcp_port", if c.port != 0 { c.port } else { c.tls_port });
    line(t, "server_time_usec", now_us);
    line(t, "uptime_in_seconds", uptime);
    line(t, "uptime_in_days", uptime / 86400);
    line(t, "hz", c.hz);
    line(t, "configured_hz", c.hz);
    line(t, "clients_hz", c.hz);
    line(t, "lru_clock", (cx.now_ms / 1000) & 0xff_ffff);
    line(t, "executable", &s.outside.executable);
    let file = s.config_file.as_ref().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    line(t, "config_file", file);
    line(t, "io_threads_active", 0);
    line(t, "availability_zone", String::from_utf8_lossy(&c.availability_zone));
    listeners(s, t);
}

fn listeners(s: &Server, t: &mut String) {
    let c = &s.config;
    let mut n = 0;
    if c.port != 0 {
        let _ = write!(t, "listener{n}:name=tcp");
        for address in &c.bind {
            let _ = write!(t, ",bind={address}");
        }
        let _ = write!(t, ",port={}\r\n", c.port);
        n += 1;
    }
    if !c.unixsocket.is_empty() {
        let _ = write!(t, "listener{n}:name=unix,bind={}\r\n", c.unixsocket);
    }
    if let Some((_, until_ms)) = s.shutdown_waits {
        line(t, "shutdown_in_milliseconds", (until_ms - s.clock.now_ms() as i64).max(0));
    }
}

fn clients(cx: &mut ServerCx<'_>, t: &mut String) {
    let s = &*cx.server;
    let largest =
        |f: fn(&crate::engine::session::Session) -> usize| s.clients.iter().map(f).max().unwrap_or(0);
    let pause = s.pause;
    let until = pause.writes_wait_until_ms();
    let paused = until > cx.now_ms;
    let action = match (paused, pause.all_until_ms > cx.now_ms) {
        (false, _) => "none",
        (true, true) => "all",
        (true, false) => "write",
    };
    line(t, "connected_clients", s.clients.len().saturating_sub(s.repl.replicas.len()));
    line(t, "cluster_connections", 0);
    line(t, "maxclients", s.config.maxclients);
    line(t, "client_recent_max_input_buffer", largest(|c| c.input.capacity()));
    line(t, "client_recent_max_output_buffer", largest(|c| c.output.allocated()));
    line(t, "blocked_clients", s.blocked.len());
    line(t, "tracking_clients", s.tracking.clients().len());
    line(t, "pubsub_clients", s.pubsub.clients);
    line(t, "watching_clients", s.watched.clients);
    line(t, "clients_in_timeout_table", s.timeouts.len());
    line(t, "total_watched_keys", s.watched.keys());
    line(t, "total_blocking_keys", s.waiting.keys());
    line(t, "total_blocking_keys_on_nokey", s.waiting.group_keys());
    let reason = match pause {
        p if p.shutdown => "shutdown_in_progress",
        p if p.failover => "failover_in_progress",
        _ => "client_pause",
    };
    line(t, "paused_reason", if paused { reason } else { "none" });
    line(t, "paused_actions", action);
    line(t, "paused_timeout_milliseconds", if paused { until - cx.now_ms } else { 0 });
}

/// What is known of memory, in bytes.
pub struct Memory {
    pub used: u64,
    pub peak: u64,
    pub startup: u64,
    /// All clients but replicas.
    pub clients: u64,
    /// The replication backlog.
    pub backlog: u64,
    /// Replicas, with what is kept of the stream because of them.
    pub replicas: u64,
    /// Tables and expiry indexes.
    pub keyspace: u64,
    /// What is not data.
    pub overhead: u64,
    pub dataset: u64,
    pub rss: u64,
}

impl Memory {
    /// Of this moment.
    pub fn of(server: &Server) -> Memory {
        let used = memory::used_noting_peak() as u64;
        let startup = server.outside.startup_memory as u64;
        let clients = server.clients.iter().filter(|c| c.kind != ClientType::Replica);
        let clients = clients.map(|c| c.memory() as u64).sum();
        let (backlog, behind) = server.stream_memory();
        let replicas = server.repl.replicas.iter().filter_map(|&slot| server.clients.get(slot));
        let replicas = behind + replicas.map(|c| c.memory() as u64).sum::<u64>();
        // What an empty table takes is there from the start.
        let tables = server.dbs.iter().filter(|db| !db.is_empty());
        let keyspace = tables.map(|db| db.table().overhead_bytes() as u64).sum();
        let overhead = startup + clients + backlog + replicas + keyspace;
        Memory {
            used,
            peak: memory::peak() as u64,
            startup,
            clients,
            backlog,
            replicas,
            keyspace,
            overhead,
            dataset: used.saturating_sub(overhead),
            rss: memory::rss() as u64,
        }
    }

    /// Percent of what came since the start that is data.
    pub fn dataset_percent(&self) -> f64 {
        100.0 * ratio(self.dataset as f64, self.used.saturating_sub(self.startup) as f64)
    }
}

fn memory_section(cx: &mut ServerCx<'_>, t: &mut String) {
    let m = Memory { used: cx.server.used_memory, ..Memory::of(cx.server) };
    let now_ms = cx.server.clock.mono_us() / 1000;
    let a = cx.server.outside.allocator.get(now_ms);
    let total = memory::system_memory();
    let c = &cx.server.config;
    amount(t, "used_memory", m.used);
    amount(t, "used_memory_rss", m.rss);
    amount(t, "used_memory_peak", m.peak);
    line(t, "used_memory_peak_perc", format_args!("{:.2}%", 100.0 * ratio(m.used as f64, m.peak as f64)));
    line(t, "used_memory_overhead", m.overhead);
    line(t, "used_memory_startup", m.startup);
    line(t, "used_memory_dataset", m.dataset);
    line(t, "used_memory_dataset_perc", format_args!("{:.2}%", m.dataset_percent()));
    line(t, "allocator_allocated", a.allocated);
    line(t, "allocator_active", a.active);
    line(t, "allocator_resident", a.resident);
    line(t, "allocator_muzzy", a.muzzy);
    amount(t, "total_system_memory", total);
    scripts_memory(cx.server, t);
    amount(t, "maxmemory", c.maxmemory);
    line(t, "maxmemory_policy", c.maxmemory_policy.name());
    let frag = memory::small_bins_waste();
    line(
        t,
        "allocator_frag_ratio",
        format_args!("{:.2}", ratio((a.allocated + frag) as f64, a.allocated as f64)),
    );
    line(t, "allocator_frag_bytes", frag);
    line(t, "allocator_rss_ratio", format_args!("{:.2}", ratio(a.resident as f64, a.active as f64)));
    line(t, "allocator_rss_bytes", a.resident as i64 - a.active as i64);
    line(t, "rss_overhead_ratio", format_args!("{:.2}", ratio(m.rss as f64, a.resident as f64)));
    line(t, "rss_overhead_bytes", m.rss as i64 - a.resident as i64);
    line(t, "mem_fragmentation_ratio", format_args!("{:.2}", ratio(m.rss as f64, m.used as f64)));
    line(t, "mem_fragmentation_bytes", m.rss as i64 - m.used as i64);
    line(t, "mem_not_counted_for_evict", cx.server.uncounted_memory());
    line(t, "mem_replication_backlog", m.backlog);
    line(t, "mem_total_replication_buffers", cx.server.repl.backlog.as_ref().map_or(0, |b| b.allocated()));
    line(t, "mem_replicas_repl_buffer", 0);
    line(t, "mem_clients_slaves", m.replicas);
    line(t, "mem_clients_normal", m.clients);
    for name in ["mem_cluster_links", "mem_cluster_slot_import", "mem_cluster_slot_export"] {
        line(t, name, 0);
    }
    line(t, "mem_aof_buffer", cx.server.log_backlog());
    line(t, "mem_allocator", memory::ALLOCATOR);
    line(t, "mem_overhead_db_hashtable_rehashing", 0);
    line(t, "active_defrag_running", 0);
    line(t, "lazyfree_pending_objects", cx.server.free.pending());
    line(t, "lazyfreed_objects", cx.server.free.freed());
}

/// The fields of the script engine.
fn scripts_memory(s: &Server, t: &mut String) {
    let (scripts, functions) = (&s.scripts, &s.functions);
    let (vm, bodies) = (scripts.vm_memory() as u64, scripts.memory() as u64);
    line(t, "used_memory_lua", vm);
    line(t, "used_memory_vm_eval", vm);
    line(t, "used_memory_lua_human", human(vm));
    line(t, "used_memory_scripts_eval", bodies);
    line(t, "number_of_cached_scripts", scripts.len());
    let (libraries, number) = functions.counts();
    line(t, "number_of_functions", number);
    line(t, "number_of_libraries", libraries);
    let (functions_vm, code) = (functions.vm_memory() as u64, functions.memory() as u64);
    line(t, "used_memory_vm_functions", functions_vm);
    amount(t, "used_memory_vm_total", vm + functions_vm);
    line(t, "used_memory_functions", code);
    amount(t, "used_memory_scripts", vm + functions_vm + bodies + code);
}

fn loading_progress(l: &Progress, now_ms: i64, t: &mut String) {
    let total = if l.total_bytes > 0 { l.total_bytes } else { l.rdb_used_mem };
    let left = total.saturating_sub(l.loaded_bytes);
    let seconds = ((now_ms - l.started_ms) / 1000).max(0) as u64;
    let eta = match seconds {
        // Not known yet.
        0 => 1,
        s => s.saturating_mul(left) / (l.loaded_bytes + 1),
    };
    line(t, "loading_start_time", l.started_ms / 1000);
    line(t, "loading_total_bytes", l.total_bytes);
    line(t, "loading_rdb_used_mem", l.rdb_used_mem);
    line(t, "loading_loaded_bytes", l.loaded_bytes);
    line(t, "loading_loaded_perc", format_args!("{:.2}", 100.0 * ratio(l.loaded_bytes as f64, total as f64)));
    line(t, "loading_eta_seconds", eta);
}

fn append_only_file(s: &Server, t: &mut String) {
    let status = |ok: bool| if ok { "ok" } else { "err" };
    let seconds = |since: i64| (s.clock.now_ms() as i64 - since).max(0) / 1000;
    let aof = &s.aof;
    line(t, "aof_enabled", s.is_logged() as u8);
    line(t, "aof_rewrite_in_progress", aof.rewriting_since().is_some() as u8);
    line(t, "aof_rewrite_scheduled", aof.scheduled as u8);
    line(t, "aof_last_rewrite_time_sec", aof.last_rewrite_s.unwrap_or(-1));
    line(t, "aof_current_rewrite_time_sec", aof.rewriting_since().map_or(-1, seconds));
    line(t, "aof_last_bgrewrite_status", status(!aof.last_rewrite_failed));
    line(t, "aof_rewrites", aof.rewrites);
    line(t, "aof_rewrites_consecutive_failures", aof.failures);
    line(t, "aof_last_write_status", status(aof.error.is_none()));
    line(t, "aof_last_cow_size", 0);
}

fn persistence(cx: &mut ServerCx<'_>, t: &mut String) {
    let s = &*cx.server;
    let serves = s.repl.link.loading && s.config.repl_diskless_load == DisklessLoad::Swapdb;
    line(t, "loading", (s.is_loading() && !serves) as u8);
    line(t, "async_loading", serves as u8);
    zeros(t, &["current_cow_peak", "current_cow_size", "current_cow_size_age"]);
    let running = s.snapshots.running.as_ref();
    let (written, keys) = running.map_or((0, 0), |r| (r.writer.keys(), r.keys));
    let saving = s.snapshots.is_for_rdb();
    let since = running.filter(|_| saving).map_or(-1, |r| (cx.now_ms - r.began_ms).max(0) / 1000);
    line(t, "current_fork_perc", format_args!("{:.2}", 100.0 * ratio(written as f64, keys as f64)));
    line(t, "current_save_keys_processed", written);
    line(t, "current_save_keys_total", keys);
    line(t, "rdb_changes_since_last_save", s.dirty);
    line(t, "rdb_bgsave_in_progress", saving as u8);
    line(t, "rdb_last_save_time", s.last_save_ms / 1000);
    line(t, "rdb_last_bgsave_status", if s.saves.failure.is_none() { "ok" } else { "err" });
    line(t, "rdb_last_bgsave_time_sec", s.saves.took_s);
    line(t, "rdb_current_bgsave_time_sec", since);
    line(t, "rdb_saves", s.saves.count);
    line(t, "rdb_last_cow_size", 0);
    line(t, "rdb_last_load_keys_expired", s.last_load.keys_expired);
    line(t, "rdb_last_load_keys_loaded", s.last_load.keys_loaded);
    append_only_file(s, t);
    line(t, "module_fork_in_progress", 0);
    line(t, "module_fork_last_cow_size", 0);
    line(t, "slot_migration_fork_in_progress", 0);
    if let Some(loading) = &s.loading {
        loading_progress(loading, s.clock.now_ms() as i64, t);
    }
    if s.is_logged() {
        let (status, waiting) = (s.log_status(), s.log_backlog());
        line(t, "aof_current_size", status.size);
        line(t, "aof_base_size", s.aof.base_size);
        line(t, "aof_pending_rewrite", s.aof.scheduled as u8);
        line(t, "aof_buffer_length", waiting);
        line(t, "aof_pending_bio_fsync", 0);
        line(t, "aof_delayed_fsync", s.aof.delayed);
    }
}

fn kbps(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1024.0)
}

fn zeros(t: &mut String, names: &[&str]) {
    names.iter().for_each(|n| line(t, n, 0));
}

fn stats(cx: &mut ServerCx<'_>, t: &mut String) {
    let s = &*cx.server;
    let st = &s.stats;
    line(t, "total_connections_received", st.connections);
    line(t, "total_commands_processed", st.commands);
    line(t, "instantaneous_ops_per_sec", st.rate_commands.per_second());
    line(t, "total_net_input_bytes", st.bytes_in);
    line(t, "total_net_output_bytes", st.bytes_out);
    line(t, "total_net_repl_input_bytes", s.repl.stats.bytes_in);
    line(t, "total_net_repl_output_bytes", s.repl.stats.bytes_out);
    zeros(t, &["total_net_cluster_slot_import_bytes", "total_net_cluster_slot_export_bytes"]);
    line(t, "instantaneous_input_kbps", kbps(st.rate_in.per_second()));
    line(t, "instantaneous_output_kbps", kbps(st.rate_out.per_second()));
    line(t, "instantaneous_input_repl_kbps", "0.00");
    line(t, "instantaneous_output_repl_kbps", "0.00");
    line(t, "rejected_connections", st.rejected_connections);
    line(t, "sync_full", s.repl.stats.sync_full);
    line(t, "sync_partial_ok", s.repl.stats.sync_partial_ok);
    line(t, "sync_partial_err", s.repl.stats.sync_partial_err);
    line(t, "expired_keys", st.expired_keys);
    line(t, "expired_fields", st.expired_fields);
    line(t, "expired_stale_perc", "0.00");
    line(t, "expired_keys_with_volatile_items_stale_perc", "0.00");
    line(t, "expired_time_cap_reached_count", st.expired_time_cap_reached);
    line(t, "expire_cycle_cpu_milliseconds", st.expire_cycle_ns / 1_000_000);
    line(t, "evicted_keys", st.evicted_keys);
    line(t, "evicted_clients", st.evicted_clients);
    line(t, "evicted_scripts", s.scripts.evicted);
    let exceeded_ns = st.eviction_since_ns.map_or(0, |since| s.clock.mono_ns().saturating_sub(since));
    line(t, "total_eviction_exceeded_time", (st.eviction_exceeded_ns + exceeded_ns) / 1_000_000);
    line(t, "current_eviction_exceeded_time", exceeded_ns / 1_000_000);
    line(t, "keyspace_hits", st.hits + s.dbs.iter().map(|db| db.hits).sum::<u64>());
    line(t, "keyspace_misses", st.misses + s.dbs.iter().map(|db| db.misses).sum::<u64>());
    let [channels, patterns, shards] = s.pubsub.counts();
    line(t, "pubsub_channels", channels);
    line(t, "pubsub_patterns", patterns);
    line(t, "pubsubshard_channels", shards);
    zeros(t, &["latest_fork_usec", "total_forks"]);
    line(t, "migrate_cached_sockets", s.migrate.len());
    line(t, "slave_expires_tracked_keys", s.repl.own_volatile.len());
    zeros(
        t,
        &[
            "active_defrag_hits",
            "active_defrag_misses",
            "active_defrag_key_hits",
            "active_defrag_key_misses",
            "total_active_defrag_time",
            "current_active_defrag_time",
        ],
    );
    line(t, "tracking_total_keys", s.tracking.keys());
    line(t, "tracking_total_items", s.tracking.items());
    line(t, "tracking_total_prefixes", s.tracking.prefixes());
    stats_of_replies(s, t);
}

fn stats_of_replies(s: &Server, t: &mut String) {
    let st = &s.stats;
    line(t, "unexpected_error_replies", st.unexpected_error_replies);
    line(t, "total_error_replies", st.error_replies);
    line(t, "dump_payload_sanitizations", st.dump_payload_sanitizations);
    line(t, "total_reads_processed", st.reads);
    line(t, "total_writes_processed", st.writes);
    zeros(
        t,
        &[
            "io_threaded_reads_processed",
            "io_threaded_writes_processed",
            "io_threaded_freed_objects",
            "io_threaded_accept_processed",
            "io_threaded_poll_processed",
            "io_threaded_total_prefetch_batches",
            "io_threaded_total_prefetch_entries",
        ],
    );
    line(t, "client_query_buffer_limit_disconnections", st.query_limit_disconnections);
    line(t, "client_output_buffer_limit_disconnections", st.output_limit_disconnections);
    line(t, "reply_buffer_shrinks", st.reply_buffer_shrinks);
    line(t, "reply_buffer_expands", st.reply_buffer_expands);
    line(t, "eventloop_cycles", st.turns);
    line(t, "eventloop_duration_sum", st.turns_ns / 1000);
    line(t, "eventloop_duration_cmd_sum", st.commands_ns / 1000);
    line(t, "instantaneous_eventloop_cycles_per_sec", st.rate_turns.per_second());
    line(t, "instantaneous_eventloop_duration_usec", st.turns_ns.div_ceil(1000 * st.turns.max(1)));
    line(t, "acl_access_denied_auth", st.acl_denied_auth);
    zeros(
        t,
        &[
            "acl_access_denied_cmd",
            "acl_access_denied_key",
            "acl_access_denied_channel",
            "acl_access_denied_tls_cert",
            "acl_access_denied_db",
        ],
    );
}

fn replication(cx: &mut ServerCx<'_>, t: &mut String) {
    cx.server.take_pending_stream();
    let s = &*cx.server;
    line(t, "role", if s.is_replica() { "slave" } else { "master" });
    if let Some(primary) = &s.config.replicaof {
        link_to_primary(s, primary, cx.now_ms, t);
    }
    line(t, "connected_slaves", s.repl.replicas.len());
    if s.config.min_replicas_to_write > 0 && s.config.min_replicas_max_lag > 0 {
        line(t, "min_slaves_good_slaves", s.repl.good_replicas);
    }
    let shown = s.repl.replicas.iter().filter_map(|&slot| Some((slot, s.peer(slot)?)));
    for (n, (slot, peer)) in shown.filter(|(_, p)| !p.state.name().is_empty()).enumerate() {
        let online = peer.state == crate::repl::peer::State::Online;
        let lag = if online { (cx.now_ms / 1000 - peer.acked_ms / 1000).max(0) } else { 0 };
        let _ = write!(
            t,
            "slave{n}:ip={},port={},state={},offset={},lag={lag},type=replica\r\n",
            s.replica_ip(slot),
            peer.port,
            peer.state.name(),
            peer.acked
        );
    }
    line(t, "replicas_waiting_psync", 0);
    line(t, "master_failover_state", s.repl.failover.state.name());
    line(t, "master_replid", s.repl.id);
    line(t, "master_replid2", s.repl.id2);
    line(t, "master_repl_offset", s.repl.offset);
    line(t, "second_repl_offset", s.repl.second_offset);
    let backlog = s.repl.backlog.as_ref();
    line(t, "repl_backlog_active", backlog.is_some() as u8);
    line(t, "repl_backlog_size", s.config.repl_backlog_size);
    line(t, "repl_backlog_first_byte_offset", backlog.map_or(0, |b| b.first()));
    line(t, "repl_backlog_histlen", backlog.map_or(0, |b| b.len()));
}

/// What a replica tells of its link.
fn link_to_primary(s: &Server, primary: &Primary, now_ms: i64, t: &mut String) {
    let link = &s.repl.link;
    let ago = |then_ms: i64| (now_ms / 1000 - then_ms / 1000).max(0);
    line(t, "master_host", &primary.host);
    line(t, "master_port", primary.port);
    line(t, "master_link_status", if s.link_is_up() { "up" } else { "down" });
    let heard = link.slot.filter(|_| s.link_is_up()).and_then(|slot| s.clients.get(slot));
    line(t, "master_last_io_seconds_ago", heard.map_or(-1, |c| ago(c.last_ms)));
    let syncing = link.state == LinkState::Transfer;
    line(t, "master_sync_in_progress", syncing as u8);
    let known = s.link_is_up() || link.cached.is_some();
    let offset = if known { s.repl.offset } else { 1 };
    let unapplied = heard.map_or(0, |c| c.input.len() + link.unapplied.len()) as i64;
    line(t, "slave_read_repl_offset", offset + unapplied);
    line(t, "slave_repl_offset", offset);
    line(t, "replicas_repl_buffer_size", 0);
    line(t, "replicas_repl_buffer_peak", 0);
    if syncing {
        let (total, came) = link.transfer;
        let percent = if total > 0 { came as f64 / total as f64 * 100.0 } else { 0.0 };
        line(t, "master_sync_total_bytes", total);
        line(t, "master_sync_read_bytes", came);
        line(t, "master_sync_left_bytes", total as i64 - came as i64);
        line(t, "master_sync_perc", format_args!("{percent:.2}"));
        line(t, "master_sync_last_io_seconds_ago", ago(link.heard_ms));
    }
    if !s.link_is_up() {
        let down = if link.down_since_ms == 0 { -1 } else { ago(link.down_since_ms) };
        line(t, "master_link_down_since_seconds", down);
    }
    line(t, "slave_priority", s.config.replica_priority);
    line(t, "slave_read_only", s.config.replica_read_only as u8);
    line(t, "replica_announced", s.config.replica_announced as u8);
}

fn cpu(_: &mut ServerCx<'_>, t: &mut String) {
    let seconds = |us: u64| format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    let all = process::cpu_usage(Whose::Process);
    let children = process::cpu_usage(Whose::Children);
    let main = process::cpu_usage(Whose::Thread);
    line(t, "used_cpu_sys", seconds(all.system_us));
    line(t, "used_cpu_user", seconds(all.user_us));
    line(t, "used_cpu_sys_children", seconds(children.system_us));
    line(t, "used_cpu_user_children", seconds(children.user_us));
    line(t, "used_cpu_sys_main_thread", seconds(main.system_us));
    line(t, "used_cpu_user_main_thread", seconds(main.user_us));
    line(t, "used_active_time_main_thread", seconds(main.system_us + main.user_us));
}

fn commandstats(cx: &mut ServerCx<'_>, t: &mut String) {
    let table = &cx.server.commands;
    for (command, s) in table.all().zip(&table.stats) {
        if s.calls == 0 && s.rejected == 0 && s.failed == 0 {
            continue;
        }
        let usec = s.ns / 1000;
        let _ = write!(
            t,
            "cmdstat_{}:calls={},usec={usec},usec_per_call={:.2},rejected_calls={},failed_calls={}\r\n",
            command.full_name,
            s.calls,
            ratio(usec as f64, s.calls as f64),
            s.rejected,
            s.failed
        );
    }
}

fn errorstats(cx: &mut ServerCx<'_>, t: &mut String) {
    for (code, n) in &cx.server.stats.errors {
        let _ = write!(t, "errorstat_{}:count={n}\r\n", String::from_utf8_lossy(code));
    }
}

fn latencystats(cx: &mut ServerCx<'_>, t: &mut String) {
    let table = &cx.server.commands;
    for (command, s) in table.all().zip(&table.stats) {
        let Some(h) = &s.latency else { continue };
        let _ = write!(t, "latency_percentiles_usec_{}:", command.full_name);
        for (i, p) in cx.server.config.latency_tracking_info_percentiles.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(t, "{comma}p{p}={:.3}", h.percentile(*p) as f64 / 1000.0);
        }
        t.push_str("\r\n");
    }
}

fn keyspace(cx: &mut ServerCx<'_>, t: &mut String) {
    for db in &cx.server.dbs {
        if !db.is_empty() {
            let _ = write!(
                t,
                "db{}:keys={},expires={},avg_ttl={},keys_with_volatile_items={}\r\n",
                db.id,
                db.len(),
                db.volatile_len(),
                db.avg_ttl_ms(),
                db.volatile_hashes()
            );
        }
    }
}

fn debug(cx: &mut ServerCx<'_>, t: &mut String) {
    let st = &cx.server.stats;
    line(t, "eventloop_duration_aof_sum", 0);
    line(t, "eventloop_duration_cron_sum", st.cron_ns / 1000);
    line(t, "eventloop_duration_max", st.turn_ns_max / 1000);
    line(t, "eventloop_cmd_per_cycle_max", st.turn_commands_max);
    line(t, "io_threaded_reads_pending", 0);
    line(t, "io_threaded_writes_pending", 0);
}

#[cfg(test)]
mod tests {
    use super::human;
    use crate::engine::config::Config;
    use crate::testkit::Kit;

    fn ask(kit: &mut Kit, words: &str) -> String {
        let words: Vec<Vec<u8>> = words.split(' ').map(|w| w.as_bytes().to_vec()).collect();
        kit.run("c1", &words).replace("\\r\\n", "\n")
    }

    #[test]
    fn amounts_as_people_read_them() {
        for (bytes, text) in
            [(0, "0B"), (1023, "1023B"), (1024, "1.00K"), (941_816, "919.74K"), (25_276_510_208, "23.54G")]
        {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn text_of_an_unknown_section_is_empty() {
        crate::testkit::check("> INFO nosuch | \"\"");
        crate::testkit::check("> INFO cluster | \"# Cluster\\r\\ncluster_enabled:0\\r\\n\"");
    }

    #[test]
    fn sections_by_name() {
        let mut kit = Kit::new(Config::default());
        let titles = |text: String| -> Vec<String> {
            text.lines().filter_map(|l| Some(l.split_once("# ")?.1.to_owned())).collect()
        };
        assert_eq!(titles(ask(&mut kit, "INFO cpu SERVER nosuch")), ["Server", "CPU"]);
        let default = titles(ask(&mut kit, "INFO"));
        assert!(default.contains(&"Keyspace".into()) && !default.contains(&"Commandstats".into()));
        let all = titles(ask(&mut kit, "INFO all"));
        assert!(all.contains(&"Commandstats".into()) && !all.contains(&"Debug".into()));
        assert_eq!(titles(ask(&mut kit, "INFO everything")), all);
        assert_eq!(titles(ask(&mut kit, "INFO default commandstats")).len(), default.len() + 1);
    }

    #[test]
    fn counters_count_and_are_reset() {
        let mut kit = Kit::new(Config::default());
        ask(&mut kit, "SET k v");
        ask(&mut kit, "GET k");
        ask(&mut kit, "GET no");
        ask(&mut kit, "GET");
        ask(&mut kit, "INCR k");
        let text = ask(&mut kit, "INFO all");
        for line in [
            "keyspace_hits:1",
            "keyspace_misses:1",
            "total_error_replies:2",
            "errorstat_ERR:count=2",
            "db0:keys=1,expires=0,avg_ttl=0,keys_with_volatile_items=0",
            "rdb_changes_since_last_save:1",
            "role:master",
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line} is not in {text}");
        }
        assert!(text.contains("cmdstat_get:calls=2,usec="));
        assert!(text.contains("rejected_calls=1,failed_calls=0\n") && text.contains("failed_calls=1\n"));
        ask(&mut kit, "CONFIG RESETSTAT");
        let text = ask(&mut kit, "INFO all");
        assert!(text.contains("\nkeyspace_hits:0\n") && !text.contains("cmdstat_get"));
    }
}

//! What SENTINEL tells: instances as maps, the INFO of all, scripts, and the `sentinel` section of INFO.

use std::fmt::Write;

use super::{Function, about_primary, machine, primary, spec};
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::Result;
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::sentinel::instance::{FAILOVER, FLAG_NAMES, Id, Instance, Kind, Link, O_DOWN, Role, S_DOWN};
use crate::sentinel::{Millis, Sentinel};

const fn list(name: &'static str, f: Function, of: &'static str) -> Spec {
    about_primary(name, f).complexity(of)
}

pub const PRIMARIES: Spec = spec("primaries", primaries)
    .arity(exactly(1))
    .since("8.0.0")
    .complexity("O(N) for N primaries")
    .summary("Returns the primaries that are watched, and how they stand.");

pub const MASTERS: Spec = spec("masters", primaries)
    .arity(exactly(1))
    .deprecated("8.0.0", "`SENTINEL PRIMARIES`")
    .complexity("O(N) for N primaries")
    .summary("Returns the primaries that are watched, and how they stand.");

fn primaries(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    let sentinel = machine(cx)?;
    instances(sentinel, &sentinel.primary_ids(), now_ms, out);
    Ok(())
}

pub const PRIMARY: Spec =
    about_primary("primary", one_primary).since("8.0.0").summary("Returns how a primary stands.");

pub const MASTER: Spec = about_primary("master", one_primary)
    .deprecated("8.0.0", "`SENTINEL PRIMARY`")
    .summary("Returns how a primary stands.");

fn one_primary(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    let sentinel = machine(cx)?;
    let id = primary(sentinel, args.get(2))?;
    instance(sentinel, id, now_ms, out);
    Ok(())
}

pub const REPLICAS: Spec = list("replicas", replicas, "O(N) for N replicas")
    .since("5.0.0")
    .summary("Returns the replicas of a primary, and how they stand.");

pub const SLAVES: Spec = list("slaves", replicas, "O(N) for N replicas")
    .since("2.8.0")
    .deprecated("5.0.0", "`SENTINEL REPLICAS`")
    .summary("Returns the replicas of a primary, and how they stand.");

fn replicas(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    let sentinel = machine(cx)?;
    let id = primary(sentinel, args.get(2))?;
    let all = sentinel.instances[id].replicas.values();
    // Some do not want to be told of.
    let shown: Vec<Id> = all.copied().filter(|r| sentinel.instances[*r].announced != 0).collect();
    instances(sentinel, &shown, now_ms, out);
    Ok(())
}

pub const SENTINELS: Spec = list("sentinels", sentinels, "O(N) for N Sentinels")
    .summary("Returns the other Sentinels of a primary, and how they stand.");

fn sentinels(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    let sentinel = machine(cx)?;
    let id = primary(sentinel, args.get(2))?;
    let all: Vec<Id> = sentinel.instances[id].sentinels.values().copied().collect();
    instances(sentinel, &all, now_ms, out);
    Ok(())
}

fn instances(sentinel: &Sentinel, ids: &[Id], now_ms: Millis, out: &mut Reply<'_>) {
    out.array(ids.len());
    ids.iter().for_each(|id| instance(sentinel, *id, now_ms, out));
}

/// Writes fields and counts them.
struct Fields<'a, 'b> {
    out: &'a mut Reply<'b>,
    n: usize,
}

impl Fields<'_, '_> {
    fn text(&mut self, name: &str, value: &[u8]) {
        self.out.bulk(name.as_bytes());
        self.out.bulk(value);
        self.n += 1;
    }

    fn number(&mut self, name: &str, value: i64) {
        self.out.bulk(name.as_bytes());
        self.out.bulk_int(value);
        self.n += 1;
    }
}

/// An instance as a map, its fields in the reference's order.
fn instance(sentinel: &Sentinel, id: Id, now_ms: Millis, out: &mut Reply<'_>) {
    let one = &sentinel.instances[id];
    let link = &sentinel.links[one.link];
    let since = |at: Millis| if at == 0 { 0 } else { now_ms - at };
    let open = out.open_map();
    let mut fields = Fields { out, n: 0 };
    let f = &mut fields;
    f.text("name", &one.name);
    f.text("ip", sentinel.announced(&one.addr));
    f.number("port", i64::from(one.addr.port));
    f.text("runid", one.runid.as_deref().unwrap_or_default());
    f.text("flags", flags(one, link).as_bytes());
    f.number("link-pending-commands", link.pending as i64);
    f.number("link-refcount", i64::from(link.refs));
    if one.is(FAILOVER) {
        f.text("failover-state", one.state.name().as_bytes());
    }
    f.number("last-ping-sent", since(link.act_ping));
    f.number("last-ok-ping-reply", now_ms - link.last_avail);
    f.number("last-ping-reply", now_ms - link.last_pong);
    if one.is(S_DOWN) {
        f.number("s-down-time", now_ms - one.s_down_since);
    }
    if one.is(O_DOWN) {
        f.number("o-down-time", now_ms - one.o_down_since);
    }
    f.number("down-after-milliseconds", one.down_after);
    if one.kind != Kind::Sentinel {
        f.number("info-refresh", since(one.info_refresh));
        f.text("role-reported", if one.role == Role::Primary { b"master" } else { b"slave" });
        f.number("role-reported-time", now_ms - one.role_since);
    }
    match one.kind {
        Kind::Primary => primary_fields(one, f),
        Kind::Replica => replica_fields(one, f),
        Kind::Sentinel => sentinel_fields(one, now_ms, f),
    }
    let n = fields.n;
    out.close(open, n);
}

fn flags(one: &Instance, link: &Link) -> String {
    let mut names = Vec::new();
    names.extend(one.is(S_DOWN).then_some("s_down"));
    names.extend(one.is(O_DOWN).then_some("o_down"));
    names.push(one.kind.name());
    names.extend(link.disconnected.then_some("disconnected"));
    names.extend(FLAG_NAMES.iter().filter(|(flag, _)| one.is(*flag)).map(|(_, name)| *name));
    names.join(",")
}

fn primary_fields(one: &Instance, f: &mut Fields<'_, '_>) {
    f.number("config-epoch", i64::try_from(one.config_epoch).unwrap_or(i64::MAX));
    f.number("num-slaves", one.replicas.len() as i64);
    f.number("num-other-sentinels", one.sentinels.len() as i64);
    f.number("quorum", i64::from(one.quorum));
    f.number("failover-timeout", one.failover_timeout);
    f.number("parallel-syncs", one.parallel_syncs);
    if let Some(script) = &one.notification_script {
        f.text("notification-script", script);
    }
    if let Some(script) = &one.reconfig_script {
        f.text("client-reconfig-script", script);
    }
}

fn replica_fields(one: &Instance, f: &mut Fields<'_, '_>) {
    f.number("master-link-down-time", one.link_down_ms);
    f.text("master-link-status", if one.primary_link_up { b"ok" } else { b"err" });
    f.text("master-host", one.primary_host.as_deref().unwrap_or(b"?"));
    f.number("master-port", one.primary_port);
    f.number("slave-priority", one.priority);
    f.number("slave-repl-offset", i64::try_from(one.offset).unwrap_or(i64::MAX));
    f.number("replica-announced", one.announced);
}

fn sentinel_fields(one: &Instance, now_ms: Millis, f: &mut Fields<'_, '_>) {
    f.number("last-hello-message", now_ms - one.last_hello);
    f.text("voted-leader", one.leader.as_deref().unwrap_or(b"?"));
    f.number("voted-leader-epoch", i64::try_from(one.leader_epoch).unwrap_or(i64::MAX));
}

pub const INFO_CACHE: Spec = spec("info-cache", info_cache)
    .arity(at_least(2))
    .syntax("nodename [nodename ...]")
    .since("3.2.0")
    .complexity("O(N) for N instances")
    .summary("Returns the last INFO of primaries and their replicas.");

fn info_cache(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let now_ms = cx.now_ms;
    let sentinel = machine(cx)?;
    let mut named: Vec<Id> = args.rest().filter_map(|name| sentinel.primary_named(name)).collect();
    named.sort_unstable();
    named.dedup();
    out.array(2 * named.len());
    for id in named {
        let one = &sentinel.instances[id];
        out.bulk(&one.name);
        out.array(1 + one.replicas.len());
        for member in [id].iter().chain(one.replicas.values()) {
            let member = &sentinel.instances[*member];
            out.array(2);
            out.int(if member.info_refresh == 0 { 0 } else { now_ms - member.info_refresh });
            match &member.info {
                Some(info) => out.bulk(info),
                None => out.null(),
            }
        }
    }
    Ok(())
}

pub const PENDING_SCRIPTS: Spec = spec("pending-scripts", pending_scripts)
    .arity(exactly(1))
    .summary("Returns the scripts that run or are to run.");

fn pending_scripts(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let now_ms = cx.now_ms;
    let queue = &machine(cx)?.scripts.queue;
    out.array(queue.len());
    for job in queue {
        out.map(5);
        out.bulk(b"argv");
        out.array(job.words.len());
        job.words.iter().for_each(|word| out.bulk(word));
        out.bulk(b"flags");
        out.bulk(if job.running { b"running" } else { b"scheduled" });
        out.bulk(b"pid");
        out.bulk_int(i64::from(job.pid));
        let (name, ms) = match (job.running, job.at) {
            (true, since) => ("run-time", now_ms - since),
            (false, 0) => ("run-delay", 0),
            (false, at) => ("run-delay", (at - now_ms).max(0)),
        };
        out.bulk(name.as_bytes());
        out.bulk_int(ms);
        out.bulk(b"retry-num");
        out.bulk_int(i64::from(job.tries));
    }
    Ok(())
}

/// What a Sentinel answers to ROLE.
pub fn role(sentinel: &Sentinel, out: &mut Reply<'_>) {
    out.array(2);
    out.bulk(b"sentinel");
    out.array(sentinel.primaries.len());
    sentinel.primaries.keys().for_each(|name| out.bulk(name));
}

/// The lines of INFO's section `sentinel`.
pub fn info_section(sentinel: &Sentinel, now_ms: Millis, text: &mut String) {
    let tilt_seconds = if sentinel.tilt { (now_ms - sentinel.tilt_since) / 1000 } else { -1 };
    let lines = [
        ("masters", sentinel.primaries.len() as i64),
        ("tilt", sentinel.tilt as i64),
        ("tilt_since_seconds", tilt_seconds),
        ("total_tilt", sentinel.tilts as i64),
        ("running_scripts", sentinel.scripts.running() as i64),
        ("scripts_queue_length", sentinel.scripts.queue.len() as i64),
        ("simulate_failure_flags", i64::from(sentinel.simulated)),
    ];
    for (name, value) in lines {
        // Writing to a String cannot fail.
        let _ = write!(text, "sentinel_{name}:{value}\r\n");
    }
    for (i, id) in sentinel.primary_ids().into_iter().enumerate() {
        let one = &sentinel.instances[id];
        let status = match (one.is(O_DOWN), one.is(S_DOWN)) {
            (true, _) => "odown",
            (_, true) => "sdown",
            _ => "ok",
        };
        let [name, at] = [&one.name[..], sentinel.announced(&one.addr)].map(String::from_utf8_lossy);
        let (port, replicas, sentinels) = (one.addr.port, one.replicas.len(), one.sentinels.len() + 1);
        let _ = write!(
            text,
            "master{i}:name={name},status={status},address={at}:{port},slaves={replicas},sentinels={sentinels}\r\n"
        );
    }
}

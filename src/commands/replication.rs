//! Replication as commands: whom to follow, what replicas and primaries tell one another, handing over. What it takes
//! beyond the state of the server (snapshots, loading) is done by `exec`.

use crate::base::num;
use crate::base::quote::split_args;
use crate::commands::sentinel;
use crate::engine::args::Args;
use crate::engine::config::values::Primary;
use crate::engine::cx::{ServerCx, SessionCx};
use crate::engine::error::{Error, Result};
use crate::engine::replication::{Failover, FailoverState};
use crate::engine::server::Server;
use crate::engine::session::{Blocked, ClientType};
use crate::engine::spec::*;
use crate::repl::peer::State;
use crate::resp::Reply;

pub const COMMANDS: &[Spec] =
    &[FAILOVER, PSYNC, READ_ONLY, READ_WRITE, REPLCONF, REPLICAOF, ROLE, SLAVEOF, SYNC, WAIT];

/// Bytes of an announced address (Redis: `NET_HOST_STR_LEN`).
const ADDR_MAX: usize = 256;

const fn replicaof_spec(name: &'static str) -> Spec {
    Spec::server(name, replicaof)
        .arity(exactly(2))
        .flags(NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE)
        .group(Group::Server)
        .syntax("host port|NO ONE")
        .summary("Makes the server a replica of another one, or a primary.")
}

pub const REPLICAOF: Spec = replicaof_spec("replicaof").since("5.0.0");
pub const SLAVEOF: Spec = replicaof_spec("slaveof").since("1.0.0").deprecated("5.0.0", "`REPLICAOF`");

fn replicaof(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let (host, port) = (args.bytes_arg()?, args.bytes_arg()?);
    if cx.server.config.cluster_enabled {
        return Err(Error::text("ERR REPLICAOF not allowed in cluster mode."));
    }
    if cx.server.repl.failover.state != FailoverState::None {
        return Err(Error::text("ERR REPLICAOF not allowed while failing over."));
    }
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        if cx.server.is_replica() {
            cx.server.promote();
            tracing::info!("PRIMARY MODE enabled (user request from '{}')", cx.client_for_log());
        }
        out.ok();
        return Ok(());
    }
    if cx.session().kind == ClientType::Replica {
        return Err(Error::text("ERR Command is not valid when client is a replica."));
    }
    let port = num::parse_i64(port).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(Error::text("ERR Invalid master port"))?;
    let host = String::from_utf8_lossy(host).into_owned();
    let same = |p: &Primary| p.host.eq_ignore_ascii_case(&host) && p.port == port;
    if cx.server.config.replicaof.as_ref().is_some_and(same) {
        tracing::info!(
            "REPLICAOF would result into synchronization with the primary we are already connected with. No operation \
             performed."
        );
        out.status("OK Already connected to specified master");
        return Ok(());
    }
    cx.server.follow(Primary { host: host.clone(), port }, true);
    tracing::info!("REPLICAOF {host}:{port} enabled (user request from '{}')", cx.client_for_log());
    out.ok();
    Ok(())
}

pub const ROLE: Spec = Spec::server("role", role)
    .arity(exactly(0))
    .flags(NOSCRIPT | LOADING | STALE | FAST)
    .acl(acl::ADMIN | acl::DANGEROUS)
    .group(Group::Server)
    .since("2.8.12")
    .summary("Returns the role in replication.");

fn role(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let server = &mut *cx.server;
    if let Some(machine) = &server.sentinel {
        sentinel::role(machine, out);
        return Ok(());
    }
    server.take_pending_stream();
    if let Some(primary) = &server.config.replicaof {
        out.array(5);
        out.bulk(b"slave");
        out.bulk(primary.host.as_bytes());
        out.int(primary.port as i64);
        out.bulk(server.repl.link.state_name().as_bytes());
        out.int(if server.link_is_up() { server.repl.offset } else { -1 });
        return Ok(());
    }
    let online = |slot: &&usize| server.peer(**slot).is_some_and(|p| p.state == State::Online);
    let replicas: Vec<usize> = server.repl.replicas.iter().filter(online).copied().collect();
    out.array(3);
    out.bulk(b"master");
    out.int(server.repl.offset);
    out.array(replicas.len());
    for slot in replicas {
        let (port, acked) = server.peer(slot).map_or((0, 0), |p| (p.port, p.acked));
        out.array(3);
        out.bulk(server.replica_ip(slot).as_bytes());
        out.bulk_int(port);
        out.bulk_int(acked);
    }
    Ok(())
}

pub const REPLCONF: Spec = Spec::server("replconf", replconf)
    .arity(at_least(0))
    .flags(ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY | SYSTEM)
    .group(Group::Server)
    .since("3.0.0")
    .summary("Tells a primary about a replica, and the other way round.");

fn replconf(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let pairs = args.pairs().ok_or(Error::SYNTAX)?;
    let mut pairs = pairs.peekable();
    while let Some((option, value)) = pairs.next() {
        match &option.to_ascii_lowercase()[..] {
            b"ack" => {
                let fack = pairs.peek().filter(|(o, _)| o.eq_ignore_ascii_case(b"fack")).map(|p| p.1);
                acknowledge(cx, value, fack);
                return Ok(());
            }
            b"getack" => {
                cx.server.send_ack();
                return Ok(());
            }
            option => describe_replica(cx, option, value)?,
        }
    }
    out.ok();
    Ok(())
}

/// A replica has applied the stream up to an offset. There is no reply.
fn acknowledge(cx: &mut ServerCx<'_>, offset: &[u8], on_disk: Option<&[u8]>) {
    let now_ms = cx.now_ms;
    let slot = cx.slot;
    if cx.session().kind != ClientType::Replica {
        return;
    }
    let (Some(offset), Some(peer)) = (num::parse_i64(offset), cx.server.peer_mut(slot)) else { return };
    peer.acked = peer.acked.max(offset);
    if let Some(on_disk) = on_disk {
        let Some(on_disk) = num::parse_i64(on_disk) else { return };
        peer.acked_on_disk = peer.acked_on_disk.max(on_disk);
    }
    peer.acked_ms = now_ms;
    if peer.state == State::Online && peer.stream_on_ack {
        peer.stream_on_ack = false;
        cx.server.begin_stream(slot);
    }
    cx.server.serve_waiting_acks();
}

/// A replica says something about itself.
fn describe_replica(cx: &mut ServerCx<'_>, option: &[u8], value: &[u8]) -> Result {
    let flag = |value| match num::parse_i64(value) {
        Some(n @ 0..=1) => Ok(n == 1),
        Some(_) => Err(Error::text("ERR value is out of range, value must between 0 and 1")),
        None => Err(Error::NOT_INTEGER),
    };
    let peer = cx.session().replica.get_or_insert_default();
    match option {
        b"listening-port" => peer.port = num::parse_i64(value).ok_or(Error::NOT_INTEGER)?,
        b"ip-address" if value.len() < ADDR_MAX => peer.addr = String::from_utf8_lossy(value).into_owned(),
        b"ip-address" => {
            return Err(Error::owned(format!(
                "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                value.len()
            )));
        }
        b"capa" => match &value.to_ascii_lowercase()[..] {
            b"eof" => peer.capa_eof = true,
            b"psync2" => peer.capa_psync2 = true,
            // Capabilities to come are no reason to part.
            _ => {}
        },
        b"rdb-only" => peer.rdb_only = flag(value)?,
        b"rdb-filter-only" => {
            let words = split_args(value).ok_or(Error::text("ERR Missing rdb-filter-only values"))?;
            (peer.without_data, peer.without_functions) = (true, true);
            for word in words {
                if !word.eq_ignore_ascii_case(b"functions") {
                    return Err(Error::owned(
                        [b"ERR Unsupported rdb-filter-only option: ", &word[..]].concat(),
                    ));
                }
                peer.without_functions = false;
            }
        }
        b"version" => {
            peer.version = version(value)
                .ok_or_else(|| Error::owned([b"ERR Unrecognized version format: ", value].concat()))?;
        }
        // No data set comes by a connection of its own.
        b"rdb-channel" => drop(flag(value)?),
        b"set-rdb-client-id" => {
            let id = num::parse_i64(value).ok_or(Error::NOT_INTEGER)?;
            return Err(Error::owned(format!("ERR Unrecognized RDB client id {id}")));
        }
        b"set-cluster-node-id" => {
            return Err(Error::text("ERR This instance has cluster support disabled"));
        }
        _ => return Err(Error::owned([b"ERR Unrecognized REPLCONF option: ", option].concat())),
    }
    Ok(())
}

/// `x.y.z` as a number of three bytes.
fn version(text: &[u8]) -> Option<u32> {
    let parts: Vec<&[u8]> = text.split(|&b| b == b'.').collect();
    if parts.len() != 3 || !text.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
        return None;
    }
    parts.iter().try_fold(0, |n, part| {
        let part = if part.is_empty() { 0 } else { num::parse_u64(part)? };
        (part <= 255).then_some(n << 8 | part as u32)
    })
}

pub const PSYNC: Spec = Spec::server("psync", psync)
    .arity(at_least(2))
    .flags(NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT)
    .group(Group::Server)
    .syntax("replicationid offset")
    .since("2.8.0")
    .summary("Makes the connection that of a replica, from this point of the history on.");

fn psync(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if cx.session().kind == ClientType::Replica {
        return Ok(());
    }
    let (id, offset) = (args.bytes_arg()?, args.bytes_arg()?);
    if args.eat("failover") {
        tracing::info!("Failover request received for replid {}.", String::from_utf8_lossy(id));
        if !cx.server.is_replica() {
            return Err(Error::text("ERR PSYNC FAILOVER can't be sent to a master."));
        }
        if !cx.server.repl.id.is(id) {
            return Err(Error::text("ERR PSYNC FAILOVER replid must match my replid."));
        }
        cx.server.promote();
        tracing::info!("PRIMARY MODE enabled (failover request from '{}')", cx.client_for_log());
    }
    may_sync(cx, out)?;
    let slot = cx.slot;
    let Some(offset) = num::parse_i64(offset) else {
        let name = cx.server.replica_name(slot);
        tracing::warn!("Replica {name} asks for synchronization but with a wrong offset");
        return Err(Error::NOT_INTEGER);
    };
    if cx.server.sync_partially(slot, id, offset) {
        let psync2 = cx.server.peer(slot).is_some_and(|p| p.capa_psync2);
        let id = cx.server.repl.id;
        out.raw(if psync2 { format!("+CONTINUE {id}\r\n") } else { "+CONTINUE\r\n".into() }.as_bytes());
        return Ok(());
    }
    if id.first() != Some(&b'?') {
        cx.server.repl.stats.sync_partial_err += 1;
    }
    cx.server.ask_for_full_sync(slot, false);
    Ok(())
}

pub const SYNC: Spec = Spec::server("sync", sync)
    .arity(exactly(0))
    .flags(NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT)
    .group(Group::Server)
    .since("1.0.0")
    .summary("Makes the connection that of a replica that knows no offsets.");

fn sync(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if cx.session().kind == ClientType::Replica {
        return Ok(());
    }
    may_sync(cx, out)?;
    let slot = cx.slot;
    cx.server.ask_for_full_sync(slot, true);
    Ok(())
}

/// Whether a client can become a replica now.
fn may_sync(cx: &mut ServerCx<'_>, out: &Reply<'_>) -> Result {
    let slot = cx.slot;
    if cx.server.repl.failover.state != FailoverState::None {
        return Err(Error::text("NOMASTERLINK Can't SYNC while failing over"));
    }
    if cx.server.is_replica() && !cx.server.link_is_up() {
        return Err(Error::text("NOMASTERLINK Can't SYNC while not connected with my master"));
    }
    if !out.output().is_empty() {
        return Err(Error::text("ERR SYNC and PSYNC are invalid with pending output"));
    }
    let peer = cx.session().replica.get_or_insert_default();
    if !peer.wants_all() && !peer.capa_eof {
        return Err(Error::text("ERR Filtered replica requires EOF capability"));
    }
    tracing::info!("Replica {} asks for synchronization", cx.server.replica_name(slot));
    Ok(())
}

const READ_ONLY: Spec = Spec::session("readonly", |cx, _, out| take_old(cx, out, true))
    .arity(exactly(0))
    .flags(FAST | LOADING | STALE)
    .acl(acl::CONNECTION)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Lets a connection read what a replica has, which may be old.");

const READ_WRITE: Spec = Spec::session("readwrite", |cx, _, out| take_old(cx, out, false))
    .arity(exactly(0))
    .flags(FAST | LOADING | STALE)
    .acl(acl::CONNECTION)
    .group(Group::Cluster)
    .since("3.0.0")
    .summary("Takes READONLY back.");

fn take_old(cx: &mut SessionCx<'_>, out: &mut Reply<'_>, takes: bool) -> Result {
    cx.session.readonly = takes;
    out.ok();
    Ok(())
}

pub const FAILOVER: Spec = Spec::server("failover", failover)
    .arity(at_least(0))
    .flags(ADMIN | NOSCRIPT | STALE)
    .group(Group::Server)
    .syntax("[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]")
    .since("6.2.0")
    .summary("Changes places with a replica that has everything.");

fn failover(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let server = &mut *cx.server;
    if server.config.cluster_enabled {
        return Err(Error::text("ERR FAILOVER not allowed in cluster mode."));
    }
    let running = server.repl.failover.state != FailoverState::None;
    if args.len() == 2 && args.is(1, "abort") {
        if !running {
            return Err(Error::text("ERR No failover in progress."));
        }
        server.abort_failover("Failover manually aborted");
        out.ok();
        return Ok(());
    }
    let (timeout_ms, mut wanted) = failover_options(args)?;
    let refusal = match () {
        () if running => "ERR FAILOVER already in progress.",
        () if server.is_replica() => "ERR FAILOVER is not valid when server is a replica.",
        () if server.repl.replicas.is_empty() => "ERR FAILOVER requires connected replicas.",
        () if wanted.force && (timeout_ms == 0 || wanted.target.is_none()) => {
            "ERR FAILOVER with force option requires both a timeout and target HOST and IP."
        }
        () => target_refusal(server, &wanted),
    };
    if !refusal.is_empty() {
        return Err(Error::text(refusal));
    }
    wanted.until_ms = if timeout_ms > 0 { cx.now_ms.saturating_add(timeout_ms) } else { 0 };
    server.begin_failover(wanted);
    out.ok();
    Ok(())
}

/// Why the replica that was named cannot take over; empty if it can.
fn target_refusal(server: &Server, wanted: &Failover) -> &'static str {
    let Some((host, port)) = &wanted.target else { return "" };
    match server.find_replica(host, *port).and_then(|slot| server.peer(slot)) {
        None => "ERR FAILOVER target HOST and PORT is not a replica.",
        Some(peer) if peer.state != State::Online => "ERR FAILOVER target replica is not online.",
        Some(_) => "",
    }
}

fn failover_options(args: &mut Args<'_>) -> Result<(i64, Failover)> {
    let (mut timeout_ms, mut wanted) = (0, Failover::default());
    while args.left() > 0 {
        if timeout_ms == 0 && args.left() > 1 && args.eat("timeout") {
            timeout_ms = args.int()?;
            if timeout_ms <= 0 {
                return Err(Error::text("ERR FAILOVER timeout must be greater than 0"));
            }
        } else if wanted.target.is_none() && args.left() > 2 && args.eat("to") {
            let host = String::from_utf8_lossy(args.bytes_arg()?).into_owned();
            wanted.target = Some((host, args.int()?));
        } else if !wanted.force && args.eat("force") {
            wanted.force = true;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    Ok((timeout_ms, wanted))
}

pub const WAIT: Spec = Spec::server("wait", wait)
    .arity(exactly(2))
    .flags(BLOCKING)
    .acl(acl::CONNECTION)
    .syntax("numreplicas timeout")
    .since("3.0.0")
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .summary("Waits until replicas have acknowledged all writes of this connection.");

fn wait(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if cx.server.is_replica() {
        return Err(Error::text(
            "ERR WAIT cannot be used with replica instances. Please also note that if a replica is configured to be \
             writable (which is not the default) writes to replicas are just local and are not propagated.",
        ));
    }
    let replicas = args.int()?;
    let timeout_ms =
        args.int_in(i64::MIN..=i64::MAX, Error::text("ERR timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(Error::text("ERR timeout is negative"));
    }
    let until_ms = cx.now_ms.checked_add(timeout_ms).ok_or(Error::text("ERR timeout is out of range"))?;
    let offset = cx.session().write_offset;
    let acknowledged = cx.server.acknowledged(offset) as i64;
    if acknowledged >= replicas || cx.session().deny_blocking {
        out.int(acknowledged);
    } else {
        cx.block(Blocked::Wait { replicas, offset, on_disk: None }, (timeout_ms > 0).then_some(until_ms));
        cx.server.repl.ack_wanted = true;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

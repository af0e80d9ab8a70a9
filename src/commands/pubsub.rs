//! Pub/sub: SUBSCRIBE and its like, PUBLISH, SPUBLISH, PUBSUB. What is known of subscribers lies in `engine/pubsub.rs`,
//! messages are delivered by `exec/deliver.rs`.

use super::{help, sentinel};
use crate::base::glob;
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::effects::Propagate;
use crate::engine::error::{Error, Result};
use crate::engine::pubsub::{Scope, Subscribers};
use crate::engine::session::ReplyMode;
use crate::engine::spec::*;
use crate::resp::Reply;

pub const COMMANDS: &[Spec] =
    &[SUBSCRIBE, UNSUBSCRIBE, PSUBSCRIBE, PUNSUBSCRIBE, SSUBSCRIBE, SUNSUBSCRIBE, PUBLISH, SPUBLISH, PUBSUB_];

/// What those have that change the client's own subscriptions.
const OWN: Flags = PUBSUB | NOSCRIPT | LOADING | STALE | WHILE_SUBSCRIBED | NO_DATA;

/// A function of a command.
type Function = fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result;

/// A command that changes the client's own subscriptions.
const fn own(name: &'static str, f: Function) -> Spec {
    Spec::server(name, f).flags(OWN).acl(acl::PUBSUB).group(Group::Pubsub)
}

/// A subcommand that tells of all subscriptions.
const fn about(name: &'static str, f: Function) -> Spec {
    Spec::server(name, f).flags(PUBSUB | LOADING | STALE).acl(acl::PUBSUB).group(Group::Pubsub)
}

/// A channel of a shard is no key, but goes where a key of its name would.
const SHARD_CHANNELS: &[KeySpec] = &[KeySpec::range(1, -1, 1, NOT_KEY)];

pub const SUBSCRIBE: Spec = own("subscribe", |cx, args, out| subscribe(cx, Scope::Channel, args, out))
    .arity(at_least(1))
    .syntax("channel [channel ...]")
    .since("2.0.0")
    .complexity("O(N) for N channels")
    .summary("Listens to messages of channels.");

pub const PSUBSCRIBE: Spec = own("psubscribe", |cx, args, out| subscribe(cx, Scope::Pattern, args, out))
    .arity(at_least(1))
    .syntax("pattern [pattern ...]")
    .since("2.0.0")
    .complexity("O(N) for N patterns")
    .summary("Listens to messages of all channels that match patterns.");

pub const SSUBSCRIBE: Spec = own("ssubscribe", |cx, args, out| subscribe(cx, Scope::Shard, args, out))
    .arity(at_least(1))
    .keys(SHARD_CHANNELS)
    .syntax("shardchannel [shardchannel ...]")
    .since("7.0.0")
    .complexity("O(N) for N channels")
    .summary("Listens to messages of shard channels.");

pub const UNSUBSCRIBE: Spec = own("unsubscribe", |cx, args, out| unsubscribe(cx, Scope::Channel, args, out))
    .arity(at_least(0))
    .syntax("[channel [channel ...]]")
    .since("2.0.0")
    .complexity("O(N) for N channels")
    .summary("Listens no more to channels, or to any.");

pub const PUNSUBSCRIBE: Spec =
    own("punsubscribe", |cx, args, out| unsubscribe(cx, Scope::Pattern, args, out))
        .arity(at_least(0))
        .syntax("[pattern [pattern ...]]")
        .since("2.0.0")
        .complexity("O(N) for N patterns")
        .summary("Listens no more to channels by patterns, or by any.");

pub const SUNSUBSCRIBE: Spec = own("sunsubscribe", |cx, args, out| unsubscribe(cx, Scope::Shard, args, out))
    .arity(at_least(0))
    .keys(SHARD_CHANNELS)
    .syntax("[shardchannel [shardchannel ...]]")
    .since("7.0.0")
    .complexity("O(N) for N channels")
    .summary("Listens no more to shard channels, or to any.");

/// What a client is told of a change of its subscriptions.
fn words(scope: Scope) -> [&'static str; 2] {
    match scope {
        Scope::Channel => ["subscribe", "unsubscribe"],
        Scope::Pattern => ["psubscribe", "punsubscribe"],
        Scope::Shard => ["ssubscribe", "sunsubscribe"],
    }
}

fn subscribe(cx: &mut ServerCx<'_>, scope: Scope, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let word = words(scope)[0];
    // What runs commands for the client expects one reply to each. Transactions were allowed to subscribe before there
    // was this rule.
    if cx.session().deny_blocking && (scope == Scope::Shard || !cx.session().in_multi()) {
        let name = word.to_ascii_uppercase();
        return Err(Error::owned(format!("ERR {name} isn't allowed for a DENY BLOCKING client")));
    }
    for name in args.rest() {
        let left = cx.server.subscribe(cx.slot, scope, name);
        confirm(cx, out, word, Some(name), left);
    }
    cx.server.subscriptions_changed(cx.slot);
    Ok(())
}

fn unsubscribe(cx: &mut ServerCx<'_>, scope: Scope, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let word = words(scope)[1];
    let all = if args.left() == 0 { cx.server.subscribed(cx.slot, scope) } else { Vec::new() };
    if args.left() == 0 && all.is_empty() {
        let left = cx.session().subscriptions.as_ref().map_or(0, |s| s.told(scope));
        confirm(cx, out, word, None, left);
    }
    let named: Vec<&[u8]> = args.rest().collect();
    for name in named.into_iter().chain(all.iter().map(|name| &name[..])) {
        let left = cx.server.unsubscribe(cx.slot, scope, name);
        confirm(cx, out, word, Some(name), left);
    }
    cx.server.subscriptions_changed(cx.slot);
    Ok(())
}

/// Tells the client of one change. It is a message, not a reply: CLIENT REPLY OFF does not silence it.
fn confirm(cx: &mut ServerCx<'_>, out: &mut Reply<'_>, word: &str, name: Option<&[u8]>, left: usize) {
    let session = cx.session();
    if session.reply_mode == ReplyMode::On {
        return write_confirmation(out, word, name, left);
    }
    let resp3 = session.resp3;
    write_confirmation(&mut Reply::new(&mut session.output, resp3), word, name, left);
}

fn write_confirmation(out: &mut Reply<'_>, word: &str, name: Option<&[u8]>, left: usize) {
    out.push(3);
    out.bulk(word.as_bytes());
    match name {
        Some(name) => out.bulk(name),
        None => out.null(),
    }
    out.int(left as i64);
}

pub const PUBLISH: Spec = Spec::server("publish", |cx, args, out| publish(cx, Scope::Channel, args, out))
    .arity(exactly(2))
    .flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE | NO_DATA)
    .acl(acl::PUBSUB)
    .group(Group::Pubsub)
    .syntax("channel message")
    .since("2.0.0")
    .complexity("O(N+M) for N subscribers of the channel and M patterns of anybody")
    .summary("Sends a message to the subscribers of a channel.");

pub const SPUBLISH: Spec = Spec::server("spublish", |cx, args, out| publish(cx, Scope::Shard, args, out))
    .arity(exactly(2))
    .flags(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE | NO_DATA)
    .keys(&[KeySpec::first(NOT_KEY)])
    .acl(acl::PUBSUB)
    .group(Group::Pubsub)
    .syntax("shardchannel message")
    .since("7.0.0")
    .complexity("O(N) for N subscribers of the channel")
    .summary("Sends a message to the subscribers of a shard channel.");

fn publish(cx: &mut ServerCx<'_>, scope: Scope, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if let Some(sentinel) = &mut cx.server.sentinel {
        return sentinel::take_hello(sentinel, cx.now_ms, args, out);
    }
    let delivery = cx.server.pubsub.plan(scope, args.get(1));
    out.int(delivery.receivers as i64);
    if delivery.receivers > 0 {
        cx.server.fx.publish = Some(delivery);
    }
    // In a cluster the bus carries it to replicas too.
    if !cx.server.config.cluster_enabled {
        cx.server.fx.propagate = Propagate::ToReplicas;
    }
    Ok(())
}

const PUBSUB_: Spec =
    Spec::container("pubsub", &[CHANNELS, HELP, NUMPAT, NUMSUB, SHARDCHANNELS, SHARDNUMSUB])
        .group(Group::Pubsub)
        .since("2.8.0")
        .complexity("By subcommand.")
        .summary("Tells of channels and subscribers.");

const HELP: Spec = help::spec(Group::Pubsub, "6.2.0");

const CHANNELS: Spec = about("channels", |cx, args, out| channels(cx, Scope::Channel, args, out))
    .arity(at_least(1))
    .syntax("[pattern]")
    .since("2.8.0")
    .complexity("O(N) for N channels")
    .summary("Returns the channels with subscribers, or those of them that match a pattern.");

const SHARDCHANNELS: Spec = about("shardchannels", |cx, args, out| channels(cx, Scope::Shard, args, out))
    .arity(at_least(1))
    .syntax("[pattern]")
    .since("7.0.0")
    .complexity("O(N) for N shard channels")
    .summary("Returns the shard channels with subscribers, or those of them that match a pattern.");

fn channels(cx: &mut ServerCx<'_>, scope: Scope, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.len() > 3 {
        return Err(Error::subcommand_arity(args.get(0), args.get(1)));
    }
    let pattern = (args.len() == 3).then(|| args.get(2));
    let open = out.open_array();
    let mut n = 0;
    for name in cx.server.pubsub.names(scope) {
        if pattern.is_none_or(|p| glob::matches(p, name, false)) {
            out.bulk(name);
            n += 1;
        }
    }
    out.close(open, n);
    Ok(())
}

const NUMSUB: Spec = about("numsub", |cx, args, out| numsub(cx, Scope::Channel, args, out))
    .arity(at_least(1))
    .syntax("[channel [channel ...]]")
    .since("2.8.0")
    .complexity("O(N) for N channels named")
    .summary("Returns how many subscribers channels have, those by patterns not counted.");

const SHARDNUMSUB: Spec = about("shardnumsub", |cx, args, out| numsub(cx, Scope::Shard, args, out))
    .arity(at_least(1))
    .syntax("[shardchannel [shardchannel ...]]")
    .since("7.0.0")
    .complexity("O(N) for N channels named")
    .summary("Returns how many subscribers shard channels have.");

fn numsub(cx: &mut ServerCx<'_>, scope: Scope, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    out.array(2 * args.left());
    for name in args.rest() {
        out.bulk(name);
        out.int(cx.server.pubsub.subscribers(scope, name).map_or(0, Subscribers::len) as i64);
    }
    Ok(())
}

const NUMPAT: Spec = about("numpat", numpat)
    .arity(exactly(1))
    .since("2.8.0")
    .summary("Returns how many patterns have subscribers.");

fn numpat(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let [_, patterns, _] = cx.server.pubsub.counts();
    out.int(patterns as i64);
    Ok(())
}

#[cfg(test)]
mod events;
#[cfg(test)]
mod tests;

//! LATENCY: what took long, and how long commands take.

use std::fmt::Write;

use crate::commands::help;
use crate::engine::args::Args;
use crate::engine::commandlog::Kind;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::latency::Series;
use crate::engine::spec::*;
use crate::engine::stats::Histogram;
use crate::engine::table::Command;
use crate::resp::Reply;

pub const LATENCY: Spec =
    Spec::container("latency", &[DOCTOR, GRAPH, HELP, HISTOGRAM, HISTORY, LATEST, RESET])
        .group(Group::Server)
        .since("2.8.13")
        .complexity("By subcommand.")
        .summary("Commands on what took long.");

const COMMON: Flags = ADMIN | NOSCRIPT | LOADING | STALE;
const TIPS: &[&str] = &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

const HELP: Spec = help::spec(Group::Server, "2.8.13");

const HISTORY: Spec = Spec::server("history", history)
    .arity(exactly(2))
    .flags(COMMON)
    .group(Group::Server)
    .syntax("event")
    .since("2.8.13")
    .tips(TIPS)
    .summary("Returns the moments and durations of an event.");

fn history(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let Some((_, series)) = cx.server.latency.get(args.get(2)) else {
        out.array(0);
        return Ok(());
    };
    out.array(series.samples().len());
    for s in series.samples() {
        out.array(2);
        out.int(s.time_s);
        out.int(s.ms as i64);
    }
    Ok(())
}

const LATEST: Spec = Spec::server("latest", latest)
    .arity(exactly(1))
    .flags(COMMON)
    .group(Group::Server)
    .since("2.8.13")
    .tips(TIPS)
    .summary("Returns of every event when it happened last, and how long it took then and at most.");

fn latest(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let events = cx.server.latency.iter();
    out.array(events.len());
    for (name, series) in events {
        let last = series.samples().next_back();
        out.array(6);
        out.bulk(name.as_bytes());
        out.int(last.map_or(0, |s| s.time_s));
        out.int(last.map_or(0, |s| s.ms as i64));
        out.int(series.max as i64);
        out.int(series.sum as i64);
        out.int(series.count as i64);
    }
    Ok(())
}

const RESET: Spec = Spec::server("reset", reset)
    .arity(at_least(1))
    .flags(COMMON)
    .group(Group::Server)
    .syntax("[event [event ...]]")
    .since("2.8.13")
    .tips(&["request_policy:all_nodes", "response_policy:agg_sum"])
    .summary("Forgets events.");

fn reset(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let monitor = &mut cx.server.latency;
    let forgotten = match args.left() {
        0 => monitor.clear(),
        _ => args.rest().filter(|event| monitor.forget(event)).count(),
    };
    out.int(forgotten as i64);
    Ok(())
}

const GRAPH: Spec = Spec::server("graph", graph)
    .arity(exactly(2))
    .flags(COMMON)
    .group(Group::Server)
    .syntax("event")
    .since("2.8.13")
    .tips(TIPS)
    .summary("Draws an event's durations in characters.");

fn graph(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let event = args.get(2);
    match cx.server.latency.get(event) {
        Some((name, series)) => {
            out.verbatim("txt", draw(name, series, cx.now_ms / 1000).as_bytes());
            Ok(())
        }
        None => Err(Error::owned([b"ERR No samples available for event '", event, b"'"].concat())),
    }
}

/// Columns of a graph.
const COLUMNS: usize = 80;
/// Rows of a graph; in each, a column has three heights.
const ROWS: usize = 4;
const HEIGHTS: &[u8; 3] = b"_o#";

/// How long ago, in the largest unit that fits.
fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

fn draw(name: &str, series: &Series, now_s: i64) -> String {
    let samples: Vec<(u64, String)> = series.samples().map(|s| (s.ms, ago(now_s - s.time_s))).collect();
    let high = samples.iter().map(|s| s.0).max().unwrap_or(0);
    let low = samples.iter().map(|s| s.0).min().unwrap_or(0);
    let mut text = String::new();
    // Writing into memory does not fail.
    let _ = writeln!(text, "{name} - high {high} ms, low {low} ms (all time high {} ms)", series.max);
    text.push_str(&"-".repeat(COLUMNS));
    text.push('\n');
    for (i, part) in samples.chunks(COLUMNS).enumerate() {
        if i > 0 {
            text.push('\n');
        }
        draw_part(&mut text, part, low, high);
    }
    text
}

fn draw_part(text: &mut String, samples: &[(u64, String)], low: u64, high: u64) {
    let steps = HEIGHTS.len() * ROWS;
    let range = (high - low).max(1) as usize;
    let step = |ms: u64| ((ms - low) as usize * steps / range).min(steps - 1);
    for row in (0..ROWS).rev() {
        let floor = row * HEIGHTS.len();
        let column = |(ms, _): &(u64, String)| match step(*ms).checked_sub(floor) {
            None => ' ',
            Some(n) => HEIGHTS.get(n).map_or('|', |&c| c as char),
        };
        text.extend(samples.iter().map(column));
        text.push('\n');
    }
    // Below each column stands, from top to bottom, how long ago it was.
    text.push_str(&" ".repeat(samples.len()));
    text.push('\n');
    let longest = samples.iter().map(|s| s.1.len()).max().unwrap_or(0);
    for i in 0..longest {
        text.extend(samples.iter().map(|(_, ago)| ago.as_bytes().get(i).map_or(' ', |&c| c as char)));
        text.push('\n');
    }
}

const HISTOGRAM: Spec = Spec::server("histogram", histogram)
    .arity(at_least(1))
    .flags(COMMON)
    .group(Group::Server)
    .syntax("[command [command ...]]")
    .since("7.0.0")
    .complexity("O(N) for N commands with figures")
    .tips(TIPS)
    .summary("Returns how often commands took how long.");

fn histogram(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let table = &cx.server.commands;
    let asked: Vec<&Command> = match args.left() {
        0 => table.all().collect(),
        _ => args.rest().flat_map(|name| find(cx, name)).collect(),
    };
    let rows = |c: &Command| table.stats[c.id as usize].latency.as_deref();
    let known: Vec<(&Command, &Histogram)> = asked.iter().filter_map(|c| Some((*c, rows(c)?))).collect();
    out.map(known.len());
    for (command, histogram) in known {
        out.bulk(command.full_name.as_bytes());
        out.map(2);
        out.bulk(b"calls");
        out.int(histogram.total() as i64);
        out.bulk(b"histogram_usec");
        let rows = histogram.cumulative_us();
        out.map(rows.len());
        for (us, count) in rows {
            out.int(us as i64);
            out.int(count as i64);
        }
    }
    Ok(())
}

/// A command with its subcommands, or `container|subcommand` alone.
fn find<'a>(cx: &'a ServerCx<'_>, name: &[u8]) -> Vec<&'a Command> {
    let table = &cx.server.commands;
    let mut parts = name.splitn(2, |&c| c == b'|');
    let Some(parent) = parts.next().and_then(|n| table.find(n)) else { return Vec::new() };
    match parts.next() {
        Some(sub) => table.find_sub(parent, sub).into_iter().collect(),
        None => std::iter::once(parent).chain(table.subs(parent)).collect(),
    }
}

const DOCTOR: Spec = Spec::server("doctor", doctor)
    .arity(exactly(1))
    .flags(COMMON)
    .group(Group::Server)
    .since("2.8.13")
    .tips(TIPS)
    .summary("Tells in words what took long, and what can be done.");

fn doctor(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.verbatim("txt", report(cx).as_bytes());
    Ok(())
}

fn report(cx: &ServerCx<'_>) -> String {
    let monitor = &cx.server.latency;
    if monitor.iter().len() == 0 {
        return if cx.server.config.latency_monitor_threshold == 0 {
            "The latency monitor is off. It notes what takes longer than the milliseconds given by CONFIG SET \
             latency-monitor-threshold.\n"
                .into()
        } else {
            "No latency spikes so far: nothing took longer than latency-monitor-threshold.\n".into()
        };
    }
    let mut text = String::from("Latency spikes were seen:\n\n");
    for (i, (name, series)) in monitor.iter().enumerate() {
        let s = series.summary(cx.now_ms / 1000);
        let _ = writeln!(
            text,
            "{}. {name}: {} latency spikes (average {}ms, mean deviation {}ms, period {:.2} sec). Worst all time \
             event {}ms.",
            i + 1,
            s.samples,
            s.average,
            s.mean_deviation,
            s.period_s as f64 / s.samples.max(1) as f64,
            series.max,
        );
    }
    text.push_str("\nWhat can be done:\n\n");
    for (name, _) in monitor.iter() {
        advise(cx, name, &mut text);
    }
    text
}

/// What can be done about an event.
fn advise(cx: &ServerCx<'_>, event: &str, text: &mut String) {
    let threshold_ms = cx.server.config.latency_monitor_threshold;
    let advice = match event {
        "command" => {
            let (slower, kept) = Kind::Slow.limits(&cx.server.config);
            if slower < 0 || kept == 0 || slower as u64 / 1000 > threshold_ms {
                let _ = writeln!(
                    text,
                    "- SLOWLOG does not hold these commands: CONFIG SET slowlog-log-slower-than {}.",
                    threshold_ms.max(1) * 1000
                );
            }
            "Look at SLOWLOG GET for commands that go through many elements; do their work in pieces."
        }
        "fast-command" => {
            "Commands that do little were held up, so the machine is: other processes on its processors, a busy \
             hypervisor, swapping."
        }
        "expire-cycle" | "expire-del" | "eviction-del" => {
            "Removing large values takes long: lazyfree-lazy-expire and lazyfree-lazy-eviction free them aside."
        }
        "eviction-cycle" => {
            "Much had to be evicted at once: lower maxmemory in steps, avoid sudden large values."
        }
        e if e.starts_with("aof") => {
            "The disk is slow or busy: use a local one, and appendfsync everysec if that is safe enough."
        }
        _ => "Look at what the machine did at the moments that LATENCY HISTORY tells.",
    };
    let _ = writeln!(text, "- {event}: {advice}");
}

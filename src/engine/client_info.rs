//! The line that describes a client: CLIENT LIST, CLIENT INFO, log lines about clients. Fields, their order and
//! their units are the reference's (its catClientInfoString, Valkey 9.1).

use std::io::Write;

use super::server::Server;
use super::session::{ClientType, Closing, Due, Session};
use crate::resp::Output;

/// What lies outside the session while its client's command runs.
pub struct Running<'a> {
    /// The client.
    pub id: u64,
    /// The command, by its full name.
    pub command: &'a str,
    /// Bytes of its arguments.
    pub args: usize,
    /// The client's output.
    pub output: &'a Output,
}

/// Letters of the `flags` field; `N` where there is none.
pub fn flags(s: &Session) -> String {
    let tracker = s.tracker.as_ref();
    let letters = [
        (s.monitor, 'O'),
        (s.kind == ClientType::Replica, 'S'),
        (s.kind == ClientType::Primary, 'M'),
        (s.kind == ClientType::Pubsub, 'P'),
        (s.in_multi(), 'x'),
        (s.block.is_some(), 'b'),
        (tracker.is_some(), 't'),
        (tracker.is_some_and(|t| t.broken), 'R'),
        (tracker.is_some_and(|t| t.broadcasts()), 'B'),
        (s.transaction.as_ref().is_some_and(|t| t.dirty), 'd'),
        (s.closing == Closing::AfterReply, 'c'),
        (s.closing == Closing::Now, 'A'),
        (s.peer.unix, 'U'),
        (s.readonly, 'r'),
        (s.no_evict, 'e'),
        (s.no_touch, 'T'),
        (s.import_source, 'I'),
    ];
    let set: String = letters.iter().filter(|(on, _)| *on).map(|&(_, c)| c).collect();
    if set.is_empty() { "N".into() } else { set }
}

/// Bytes of output in the reply buffer (`obl`), pieces beyond it (`oll`), and their bytes (`omem`). What outgrows the
/// reply buffer has left it: all of it counts as beyond.
pub fn output_fields(s: &Session, output: &Output) -> (usize, usize, usize) {
    if output.pieces() == 0 && output.len() <= s.reply_buffer {
        return (output.len(), 0, 0);
    }
    (0, output.pieces() + !output.tail.is_empty() as usize, output.len())
}

/// Appends a client's line, without a line end. `hidden` replaces what users named by a mark.
pub fn describe(
    out: &mut Vec<u8>,
    server: &Server,
    s: &Session,
    now_ms: i64,
    running: Option<&Running<'_>>,
    hidden: bool,
) {
    // A transaction runs as its EXEC, whatever it is in.
    let exec =
        Running { id: s.id, command: "exec", args: 4, output: running.map_or(&s.output, |r| r.output) };
    let running = running.filter(|r| r.id == s.id).map(|r| if s.in_multi() { &exec } else { r });
    let output = running.map_or(&s.output, |r| r.output);
    let (obl, oll, omem) = output_fields(s, output);
    let own_output = if running.is_some() { output.allocated() } else { 0 };
    let argv = running.map_or(s.parser.argument_bytes(), |r| r.args);
    let command = running.map_or_else(|| server.command_name(s.last_command), |r| r.command);
    let name: &[u8] = if hidden { b"*redacted*" } else { &s.name };
    let user = if hidden { "*redacted*" } else { &s.user };
    let events = if running.is_none() && !output.is_empty() && s.due == Due::No { "rw" } else { "r" };
    let [sub, psub, ssub] = s.subscriptions.as_ref().map_or([0; 3], |own| own.counts());
    let (multi, watch, multi_mem) = match &s.transaction {
        Some(tx) => (tx.count as i64, tx.watched(), tx.argument_bytes),
        None => (-1, 0, 0),
    };
    let redir = s.redirect();
    // Writing into memory does not fail.
    let _ = write!(out, "id={} addr={} laddr={} fd={} name=", s.id, s.peer.addr, s.peer.laddr, s.peer.fd);
    out.extend_from_slice(name);
    let _ = write!(
        out,
        " age={} idle={} flags={} capa={} db={} sub={sub} psub={psub} ssub={ssub} multi={multi} watch={watch}",
        now_ms / 1000 - s.created_ms / 1000,
        (now_ms / 1000 - s.last_ms / 1000).max(0),
        flags(s),
        if s.capa_redirect { "r" } else { "" },
        s.db,
    );
    let _ = write!(
        out,
        " qbuf={} qbuf-free={} argv-mem={argv} multi-mem={multi_mem} rbs={} rbp={} obl={obl} oll={oll} omem={omem}",
        s.input.len() - s.parser.consumed().min(s.input.len()),
        s.input.capacity() - s.input.len(),
        s.reply_buffer,
        s.output_peak,
    );
    let _ = write!(
        out,
        " tot-mem={} events={events} cmd={command} user={user} redir={redir} resp={} lib-name=",
        s.memory() + own_output,
        2 + s.resp3 as u8,
    );
    out.extend_from_slice(&s.lib_name);
    out.extend_from_slice(b" lib-ver=");
    out.extend_from_slice(&s.lib_ver);
    let _ = write!(out, " tot-net-in={} tot-net-out={} tot-cmds={}", s.bytes_in, s.bytes_out, s.commands);
}

/// Who a client is, for a line of the log that tells what it has asked for.
pub fn short(server: &Server, s: &Session) -> String {
    let hidden = server.config.hide_user_data_from_log;
    let shown = |text: &str| if hidden { "*redacted*".to_owned() } else { text.to_owned() };
    let text = String::from_utf8_lossy;
    format!(
        "id={} addr={} laddr={} fd={} name={} user={} lib-name={} lib-ver={}",
        s.id,
        s.peer.addr,
        s.peer.laddr,
        s.peer.fd,
        shown(&text(&s.name)),
        shown(&s.user),
        text(&s.lib_name),
        text(&s.lib_ver)
    )
}

/// A client's line for the log.
pub fn for_log(server: &Server, s: &Session, now_ms: i64) -> String {
    let mut line = Vec::new();
    describe(&mut line, server, s, now_ms, None, server.config.hide_user_data_from_log);
    String::from_utf8_lossy(&line).into_owned()
}

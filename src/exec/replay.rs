//! Takes in what is loaded from the append-only file: keys of the base, and commands, which run as those of a client whom
//! everything is allowed and to whom nobody answers. Nothing of it is propagated, counted or told.

use super::Exec;
use crate::base::hash::hash;
use crate::engine::args::Args;
use crate::engine::error::Error;
use crate::engine::functions::Restore;
use crate::engine::session::{ClientType, Peer};
use crate::engine::spec::{Begin, Handler, RUNS_IN_MULTI};
use crate::engine::stats::CommandStats;
use crate::keyspace::ExpiryRule;
use crate::persist::aof::load::{Chunk, Ending, Loading, Piece};
use crate::persist::rdb::read::Item;
use crate::resp::{Output, Reply};

/// Commands whose keys are fetched together.
const BATCH: usize = 32;

/// The loading of an append-only file.
pub struct Replay {
    loading: Loading,
    /// The client that runs the commands.
    slot: usize,
    file: String,
    began_ns: u64,
    /// Where keys of the base go.
    db: usize,
    /// Libraries of functions in the base.
    functions: Vec<Vec<u8>>,
    /// What the commands must not count in.
    stats: (u64, u64, Vec<CommandStats>),
    out: Output,
}

/// How it stands.
pub enum Replayed {
    More,
    /// All is loaded, or it cannot be; the log knows why.
    End(Option<Ending>),
}

impl Exec {
    /// Begins to take in what a thread loads. The data set is empty.
    pub fn begin_replay(&mut self, loading: Loading) -> Replay {
        let now_ms = self.server.clock.now_ms() as i64;
        let slot = self.server.clients.add(Peer::default(), now_ms);
        self.server.clients.hide(slot);
        let session = self.server.client(slot);
        session.authenticated = true;
        session.deny_blocking = true;
        session.kind = ClientType::Primary;
        // What is over is removed by commands that follow, or after all is loaded.
        self.server.set_expiry_rule(ExpiryRule::Ignore);
        let server = &mut self.server;
        let counts = server.commands.stats.iter().map(|_| CommandStats::default()).collect();
        let stats = (
            server.stats.commands,
            server.stats.commands_ns,
            std::mem::replace(&mut server.commands.stats, counts),
        );
        let (file, began_ns) = (String::new(), server.clock.mono_ns());
        let (functions, out) = (Vec::new(), Output::default());
        Replay { loading, slot, file, began_ns, db: 0, functions, stats, out }
    }

    /// Takes the next piece in, waiting for it.
    pub fn replay_on(&mut self, replay: &mut Replay) -> Replayed {
        match replay.loading.pieces.recv() {
            Ok(piece) => self.replay_piece(replay, piece),
            // The thread has ended without a word: it cannot.
            Err(_) => Replayed::End(None),
        }
    }

    /// Ends it, whether all was loaded or not.
    pub fn end_replay(&mut self, replay: Replay) {
        let Replay { slot, stats, .. } = replay;
        self.server.leave(slot);
        self.server.clients.remove(slot);
        let server = &mut self.server;
        (server.stats.commands, server.stats.commands_ns, server.commands.stats) = stats;
        server.fx.dirty = 0;
        server.dirty = 0;
        server.set_expiry_rule(ExpiryRule::Remove);
    }

    fn replay_piece(&mut self, replay: &mut Replay, piece: Piece) -> Replayed {
        match piece {
            Piece::File(name) => {
                replay.file = name;
                replay.began_ns = self.server.clock.mono_ns();
            }
            Piece::Snapshot(items) => {
                for item in items {
                    if let Err(why) = self.replay_item(replay, item) {
                        tracing::warn!("{why}");
                        return Replayed::End(None);
                    }
                }
            }
            Piece::Commands(chunk) => {
                if let Err((at, why)) = self.replay_commands(replay, &chunk) {
                    let why = String::from_utf8_lossy(
                        why.as_bytes().strip_prefix(b"ERR ").unwrap_or(why.as_bytes()),
                    )
                    .into_owned();
                    tracing::warn!("Error reading the append only file {}, error: {why}", replay.file);
                    tracing::warn!("The command stands at offset {at}");
                    return Replayed::End(None);
                }
            }
            Piece::EndOfFile { .. } if !self.replay_functions(replay) => return Replayed::End(None),
            Piece::EndOfFile { empty: true, .. } => {}
            Piece::EndOfFile { base, .. } => {
                let kind = if base { "base" } else { "incr" };
                let ns = self.server.clock.mono_ns().saturating_sub(replay.began_ns);
                let seconds = ns as f64 / 1e9;
                tracing::info!("DB loaded from {kind} file {}: {seconds:.3} seconds", replay.file);
            }
            Piece::End(ending) => return Replayed::End(Some(ending)),
            Piece::Failed => return Replayed::End(None),
        }
        Replayed::More
    }

    /// Loads the libraries of functions that the base holds, before the commands behind it run. False if that cannot be.
    fn replay_functions(&mut self, replay: &mut Replay) -> bool {
        let codes = std::mem::take(&mut replay.functions);
        let server = &mut self.server;
        let restored = server.functions.restore(&codes, Restore::Append, &server.clock);
        if let Err(why) = &restored {
            tracing::warn!("Failed loading the functions of the base: {}", String::from_utf8_lossy(why));
        }
        restored.is_ok()
    }

    fn replay_item(&mut self, replay: &mut Replay, item: Item) -> Result<(), String> {
        match item {
            Item::SelectDb(db) => {
                replay.db = usize::try_from(db).unwrap_or(usize::MAX);
                if replay.db >= self.server.dbs.len() {
                    return Err(format!(
                        "FATAL: Data file was created with a server configured to handle more than {} databases. \
                         Exiting",
                        self.server.dbs.len()
                    ));
                }
            }
            Item::Key(key) => {
                let db = &mut self.server.dbs[replay.db];
                let name = key.entry.view().key();
                if db.raw(crate::keyspace::Key::new(name)).is_some() {
                    let name = String::from_utf8_lossy(name).into_owned();
                    return Err(format!("RDB has duplicated key '{name}' in DB {}", replay.db));
                }
                db.insert_loaded(key.entry, key.idle, key.frequency);
            }
            Item::Function(code) => replay.functions.push(code),
            Item::Skipped(..)
            | Item::Start { .. }
            | Item::Aux(..)
            | Item::Resize { .. }
            | Item::SlotInfo { .. }
            | Item::SlotImport(_)
            | Item::ModuleAux(_)
            | Item::End { .. } => {}
        }
        Ok(())
    }

    /// Runs a chunk's commands. An error comes with the offset of the command that is none.
    fn replay_commands(&mut self, replay: &mut Replay, chunk: &Chunk) -> Result<(), (u64, Error)> {
        self.now = self.server.clock.read();
        let mut batch = [(0u16, 0u16, 0u64); BATCH];
        let words = |&(first, count): &(u32, u32)| &chunk.spans[first as usize..(first + count) as usize];
        for commands in chunk.commands.chunks(BATCH) {
            let db = self.server.client(replay.slot).db;
            for (i, command) in commands.iter().enumerate() {
                let args = Args::new(&chunk.bytes, words(command));
                let at = chunk.origin + words(command).first().map_or(0, |s| u64::from(s.at));
                let id = self.may_replay(&args).map_err(|e| (at, e))?;
                let spec = self.server.commands.get(id).spec;
                batch[i] = (id, 0, 0);
                if let Some(Begin::Index(key)) = spec.keys.first().map(|k| k.begin)
                    && matches!(spec.handler, Handler::Key(_))
                    && (key as usize) < args.len()
                {
                    let hash = hash(args.get(key as usize));
                    self.server.dbs[db].prefetch_bucket(hash);
                    batch[i] = (id, key, hash);
                }
            }
            for (_, _, hash) in batch[..commands.len()].iter().filter(|b| b.1 > 0) {
                self.server.dbs[db].prefetch_entry(*hash);
            }
            for (command, &(id, key, hash)) in commands.iter().zip(&batch) {
                let mut args = Args::new(&chunk.bytes, words(command));
                if key > 0 {
                    args = args.with_hash(key as usize, hash);
                }
                self.replay_command(replay, id, &mut args);
            }
        }
        Ok(())
    }

    /// The command of a request, or why there is none.
    fn may_replay(&self, args: &Args<'_>) -> Result<u16, Error> {
        let commands = &self.server.commands;
        let mut command = commands.find(args.get(0)).ok_or_else(|| super::gate::unknown_command(args))?;
        if !command.subs.is_empty() && args.len() > 1 {
            let sub = commands.find_sub(command, args.get(1));
            command = sub.ok_or_else(|| super::gate::unknown_subcommand(command, args))?;
        }
        let takes = command.spec.takes(args.len()) && !matches!(command.spec.handler, Handler::Container);
        if takes { Ok(command.id) } else { Err(Error::arity(&command.full_name)) }
    }

    fn replay_command(&mut self, replay: &mut Replay, id: u16, args: &mut Args<'_>) {
        args.note_running();
        let spec = self.server.commands.get(id).spec;
        let session = self.server.client(replay.slot);
        if session.in_multi() && !spec.has(RUNS_IN_MULTI) {
            if let Some(tx) = &mut session.transaction {
                tx.queue(id, spec.flags, args);
            }
            return;
        }
        let mark = replay.out.mark();
        self.call(replay.slot, id, args, &mut Reply::new(&mut replay.out, false));
        replay.out.rewind(mark);
    }
}

//! Loading between the turns: what the thread that reads the file at start has decoded is inserted in slices, and clients
//! are answered meanwhile.

use std::path::PathBuf;

use super::Exec;
use crate::engine::loading::{LoadError, LoadPlan, LoadStep, Source};
use crate::engine::server::Request;
use crate::persist::rdb::read::Cause;

/// Time that one slice may take.
const SLICE_NS: u64 = 2_000_000;

impl Exec {
    /// Loads what `dbfilename` names, if there is such a file. A failure ends the server: it must not go on without
    /// the data that was entrusted to it.
    pub fn load_at_start(&mut self) {
        if self.server.sentinel.is_some() {
            return;
        }
        let plan = LoadPlan {
            source: Source::File(PathBuf::from(&self.server.config.dbfilename)),
            flush: false,
            merge: false,
            keep_expired: self.server.is_replica(),
        };
        match self.server.begin_load(plan) {
            Ok(()) | Err(LoadError::Missing) => {}
            Err(error) => self.start_failed(&error),
        }
    }

    /// Inserts for one slice of time. Returns when to be called again, if there is anything to load.
    pub(super) fn load_rdb_on(&mut self, now_ms: i64) -> Option<i64> {
        self.server.load.as_ref()?;
        let began_ms = self.server.loading.map_or(now_ms, |l| l.started_ms);
        match self.server.load_step(SLICE_NS, false) {
            LoadStep::More => Some(now_ms),
            LoadStep::Waiting => Some(now_ms + 1),
            LoadStep::Ended(result) => {
                match result {
                    Ok(loaded) => {
                        let seconds = (now_ms - began_ms).max(0) as f64 / 1000.0;
                        tracing::info!("DB loaded from disk: {seconds:.3} seconds");
                        self.server.resume_loaded(&loaded);
                    }
                    Err(error) => self.start_failed(&error),
                }
                Some(now_ms)
            }
        }
    }

    fn start_failed(&mut self, error: &LoadError) {
        if let LoadError::Open(e) = error {
            let path = &self.server.config.dbfilename;
            tracing::warn!("Fatal error: can't open the RDB file {path} for reading: {e}");
        }
        if let LoadError::Read(e) = error
            && !matches!(e.cause, Cause::Unsupported | Cause::Unknown)
        {
            let (offset, what) = (e.offset, &e.what);
            tracing::warn!("Terminating server after rdb file reading failure. Offset {offset}: {what}");
        }
        tracing::warn!("Fatal error loading the DB, check server logs. Exiting.");
        self.server.requests.push(Request::Exit(1));
    }
}

//! The snapshot that a full synchronization sends: RDB in the version that the replica reads.

use crate::engine::server::Server;
use crate::engine::snapshot::{Purpose, Refused};
use crate::persist::rdb::{FieldExpiry, Target, VERSION_BASE};
use crate::persist::snapshot::{Frame, Sink};
use crate::repl::peer::Peer;

impl Server {
    /// Begins a snapshot for replicas like this one. What waits of the stream was handed on before.
    pub fn begin_sync_snapshot(&mut self, sink: Sink, peer: &Peer) -> Result<u64, Refused> {
        let form = if peer.knows_valkey_9() { FieldExpiry::Valkey } else { FieldExpiry::Redis };
        let plan = self.rdb_plan(Purpose::Sync, form, vec![sink]);
        self.begin_snapshot(plan)
    }

    /// A data set without any key, for who wants none, and without functions if these are not wanted either.
    pub fn empty_data_set(&self, functions: bool) -> Vec<u8> {
        let target = Target { version: VERSION_BASE, ..self.rdb_target(FieldExpiry::Redis) };
        let mut frame = self.rdb_frame(Purpose::Sync, target);
        if !functions {
            frame.functions.clear();
        }
        let (mut out, mut end) = (Vec::new(), Vec::new());
        frame.begin(&mut out);
        frame.end(&mut end);
        out.append(&mut end);
        out
    }
}

//! What a primary knows of one replica.

/// How far its synchronization is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It has said something about itself, and not asked to be synchronized.
    #[default]
    Stranger,
    /// It waits for a snapshot to begin.
    WaitStart,
    /// A snapshot for it is being made; what changes meanwhile it gets afterwards.
    WaitEnd,
    /// The snapshot's file is being sent.
    SendFile,
    /// It gets the stream.
    Online,
    /// It had its snapshot, and wanted no more.
    Transmitted,
}

impl State {
    /// As INFO names it; empty for what it does not show.
    pub fn name(self) -> &'static str {
        match self {
            State::WaitStart | State::WaitEnd => "wait_bgsave",
            State::SendFile => "send_bulk",
            State::Online => "online",
            State::Transmitted => "rdb_transmitted",
            State::Stranger => "",
        }
    }
}

/// One replica. Offsets as in `backlog`.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    pub state: State,
    /// REPLCONF listening-port.
    pub port: i64,
    /// REPLCONF ip-address; empty: the connection's.
    pub addr: String,
    /// It finds the end of a data set by a mark.
    pub capa_eof: bool,
    /// It understands that a history has got another name.
    pub capa_psync2: bool,
    /// REPLCONF version, as a number: 0 when it did not say.
    pub version: u32,
    /// It wants the snapshot alone.
    pub rdb_only: bool,
    /// REPLCONF rdb-filter-only: the data is left out.
    pub without_data: bool,
    /// Functions are left out.
    pub without_functions: bool,
    /// It came with SYNC: no acknowledgements.
    pub pre_psync: bool,
    /// It has asked for synchronization at this moment, ms of Unix time.
    pub asked_ms: i64,
    /// What it was sent of the stream.
    pub sent: i64,
    /// The stream is held back until it has said that it has read the data set.
    pub stream_on_ack: bool,
    /// What it has acknowledged.
    pub acked: i64,
    /// What of it is on its disk.
    pub acked_on_disk: i64,
    /// When, ms of Unix time.
    pub acked_ms: i64,
    /// Since when it takes nothing of the data set, ms of Unix time; 0 while it does.
    pub stuck_since_ms: i64,
}

impl Peer {
    /// Whether bytes of the stream may be sent to it.
    pub fn takes_stream(&self) -> bool {
        self.state == State::Online && !self.stream_on_ack
    }

    /// Whether the stream must be kept for it from `sent` on.
    pub fn needs_stream(&self) -> bool {
        !self.rdb_only && matches!(self.state, State::WaitEnd | State::SendFile | State::Online)
    }

    /// Whether two replicas can be served by the same snapshot.
    pub fn wants_as(&self, other: &Peer) -> bool {
        (self.without_data, self.without_functions) == (other.without_data, other.without_functions)
            && self.knows_valkey_9() == other.knows_valkey_9()
    }

    /// Whether it reads hashes with fields that expire as Valkey writes them. Who does not tell its version is one of
    /// Redis's line.
    pub fn knows_valkey_9(&self) -> bool {
        self.version >= 0x9_0000
    }

    /// Whether it wants the data set whole.
    pub fn wants_all(&self) -> bool {
        !self.without_data && !self.without_functions
    }
}

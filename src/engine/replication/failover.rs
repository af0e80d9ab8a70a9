//! FAILOVER: writes are held until a replica has everything, then the two change places.

use crate::engine::config::values::Primary;
use crate::engine::server::Server;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailoverState {
    #[default]
    None,
    /// A replica is awaited that has everything.
    WaitForSync,
    /// This server follows the chosen one, which is asked to take over.
    InProgress,
}

impl FailoverState {
    /// As INFO names it.
    pub fn name(self) -> &'static str {
        match self {
            FailoverState::None => "no-failover",
            FailoverState::WaitForSync => "waiting-for-sync",
            FailoverState::InProgress => "failover-in-progress",
        }
    }
}

/// A planned change of places.
#[derive(Clone, Debug, Default)]
pub struct Failover {
    pub state: FailoverState,
    /// When it is given up, or forced, ms of Unix time; 0: never.
    pub until_ms: i64,
    /// Then it happens whether the replica has everything or not.
    pub force: bool,
    /// The replica that takes over; `None`: whichever has everything first.
    pub target: Option<(String, i64)>,
}

impl Server {
    /// Begins one.
    pub fn begin_failover(&mut self, failover: Failover) {
        match &failover.target {
            Some((host, port)) => tracing::info!("FAILOVER requested to {host}:{port}."),
            None => tracing::info!("FAILOVER requested to any replica."),
        }
        self.repl.failover = Failover { state: FailoverState::WaitForSync, ..failover };
        self.pause.failover = true;
    }

    /// Ends one; what was held goes on.
    pub fn end_failover(&mut self, succeeded: bool) {
        self.repl.failover = Failover::default();
        if succeeded {
            self.send_blocked_away();
        }
        self.pause.failover = false;
        self.resume_paused();
    }

    /// Gives one up.
    pub fn abort_failover(&mut self, why: &str) {
        let failover = self.repl.failover.clone();
        if failover.state == FailoverState::None {
            return;
        }
        match &failover.target {
            Some((host, port)) => tracing::info!("FAILOVER to {host}:{port} aborted: {why}"),
            None => tracing::info!("FAILOVER to any replica aborted: {why}"),
        }
        if failover.state == FailoverState::InProgress {
            self.promote();
        }
        self.end_failover(false);
    }

    /// Looks whether it can go on.
    pub fn failover_cron(&mut self, now_ms: i64) {
        if self.repl.failover.state != FailoverState::WaitForSync {
            return;
        }
        let Failover { until_ms, force, target, .. } = self.repl.failover.clone();
        if until_ms != 0 && until_ms <= now_ms {
            match target {
                Some((host, port)) if force => {
                    tracing::info!("FAILOVER to {host}:{port} time out exceeded, failing over.");
                    self.hand_over(host, port);
                }
                _ => self.abort_failover("Replica never caught up before timeout"),
            }
            return;
        }
        let slot = match &target {
            Some((host, port)) => self.find_replica(host, *port),
            None => self.repl.replicas.iter().copied().find(|&slot| self.has_everything(slot)),
        };
        if let Some(slot) = slot.filter(|&slot| self.has_everything(slot)) {
            let (host, port) = (self.replica_ip(slot), self.peer(slot).map_or(0, |p| p.port));
            tracing::info!("Failover target {host}:{port} is synced, failing over.");
            self.hand_over(host, port);
        }
    }

    fn has_everything(&self, slot: usize) -> bool {
        self.peer(slot).is_some_and(|p| p.acked == self.repl.offset)
    }

    /// The connected replica of this address.
    pub fn find_replica(&self, host: &str, port: i64) -> Option<usize> {
        let own = |slot: usize| {
            self.replica_ip(slot).eq_ignore_ascii_case(host)
                && self.peer(slot).is_some_and(|p| p.port == port)
        };
        self.repl.replicas.iter().copied().find(|&slot| own(slot))
    }

    fn hand_over(&mut self, host: String, port: i64) {
        self.repl.failover.state = FailoverState::InProgress;
        self.repl.failover.target = Some((host.clone(), port));
        let port = u16::try_from(port).unwrap_or(0);
        self.follow(Primary { host, port }, false);
    }
}

//! Votes. In every epoch a Sentinel votes once for each primary, for whoever asks first, and remembers it on disk. Who
//! has the votes of the majority of all Sentinels, and of as many as the quorum, may fail the primary over in that epoch.

use std::collections::BTreeMap;

use super::event::Level;
use super::instance::Id;
use super::{Millis, Sentinel};

/// Fail-overs are put off by a random time up to this, so that not all Sentinels begin together.
const DESYNC_MAX: Millis = 1000;

impl Sentinel {
    /// Somebody has a newer epoch.
    pub(super) fn enter_epoch(&mut self, primary: Id, epoch: u64) {
        self.epoch = epoch;
        self.unsaved = true;
        self.told(Level::Warning, "+new-epoch", primary, epoch.to_string().into_bytes());
    }

    /// A moment up to a second away.
    pub(super) fn desynced(&mut self) -> Millis {
        self.now + self.rng.below(DESYNC_MAX as u64) as i64
    }

    /// Votes for `runid`, or tells the vote given before in this epoch or a later one.
    pub(super) fn vote(&mut self, primary: Id, epoch: u64, runid: &[u8]) -> (Option<Vec<u8>>, u64) {
        if epoch > self.epoch {
            self.enter_epoch(primary, epoch);
        }
        let p = &mut self.instances[primary];
        if p.leader_epoch < epoch && self.epoch <= epoch {
            (p.leader, p.leader_epoch) = (Some(runid.to_vec()), self.epoch);
            self.unsaved = true;
            let text = [runid, b" ", self.epoch.to_string().as_bytes()].concat();
            self.told(Level::Warning, "+vote-for-leader", primary, text);
            if !runid.eq_ignore_ascii_case(&self.myid) {
                // It gets its time before we try ourselves.
                self.instances[primary].failover_start = self.desynced();
            }
        }
        let p = &self.instances[primary];
        (p.leader.clone(), p.leader_epoch)
    }

    /// Who is elected for a primary's fail-over in this epoch, if anybody is.
    pub(super) fn leader(&mut self, primary: Id, epoch: u64) -> Option<Vec<u8>> {
        let p = &self.instances[primary];
        let voters = p.sentinels.len() + 1;
        let quorum = p.quorum as usize;
        let mut votes: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for other in p.sentinels.values().map(|s| &self.instances[*s]) {
            if let Some(leader) = other.leader.clone().filter(|_| other.leader_epoch == self.epoch) {
                *votes.entry(leader).or_default() += 1;
            }
        }
        // Our own vote goes to whom most have voted for, or to ourselves.
        let most = votes.iter().max_by_key(|(_, n)| **n).map(|(runid, _)| runid.clone());
        let choice = most.unwrap_or_else(|| self.myid.clone());
        if let (Some(own), own_epoch) = self.vote(primary, epoch, &choice)
            && own_epoch == epoch
        {
            *votes.entry(own).or_default() += 1;
        }
        let (winner, n) = votes.into_iter().max_by_key(|(_, n)| *n)?;
        (n > voters / 2 && n >= quorum).then_some(winner)
    }
}

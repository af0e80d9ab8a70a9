//! Trimming a stream from its front: which entries go, and which whole nodes, is the reference's (`streamTrim`); what
//! happens to those that groups still have is Redis 8.2's.

use super::Log;
use super::id::StreamId;

/// What is to be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// So many entries.
    MaxLen(u64),
    /// Those that are not below this id.
    MinId(StreamId),
}

/// What becomes of entries that groups have not been given or acknowledged yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// The entries go, the groups go on knowing them.
    #[default]
    Keep,
    /// Both go.
    Delete,
    /// Both stay.
    Acked,
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    pub to: TrimTo,
    /// Only whole nodes.
    pub approximate: bool,
    /// Entries that may go at the most; 0: any number.
    pub limit: u64,
    pub references: References,
}

/// What a trim has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// Entries that have gone.
    pub gone: u64,
    /// The first id that was not looked at any more; none when there is no such.
    pub up_to: Option<StreamId>,
}

impl Log {
    /// Trims it.
    pub fn trim(&mut self, trim: &Trim) -> Trimmed {
        let before = self.counts.len;
        let mut next = self.nodes.first().map(|(base, _)| base);
        while let Some(base) = next {
            let deleted = before - self.counts.len;
            let goes_on = self.trim_node(base, trim, deleted);
            if !goes_on {
                break;
            }
            next = self.nodes.after(base).map(|(base, _)| base);
        }
        let gone = before - self.counts.len;
        if gone > 0 {
            self.find_first();
        }
        Trimmed { gone, up_to: next }
    }

    /// Trims one node; whether the next one's turn comes.
    fn trim_node(&mut self, base: StreamId, trim: &Trim, deleted: u64) -> bool {
        let Some(node) = self.nodes.get_mut(base) else { return false };
        let view = node.view(base);
        let (live, len) = (view.live() as u64, self.counts.len);
        if matches!(trim.to, TrimTo::MaxLen(most) if len <= most) {
            return false;
        }
        if trim.limit > 0 && deleted.saturating_add(live) > trim.limit {
            return false;
        }
        let whole = match trim.to {
            TrimTo::MaxLen(most) => len - live >= most,
            TrimTo::MinId(least) => view.last_id() < least,
        };
        if whole && trim.references == References::Keep {
            self.bytes -= node.allocated();
            self.nodes.remove(base);
            self.counts.len -= live;
            return true;
        }
        if trim.approximate && !whole {
            return false;
        }
        self.trim_entries(base, trim);
        // What groups still have may be in the way of more than this node.
        whole || trim.references == References::Acked
    }

    /// Deletes entries of a node as long as there are too many.
    fn trim_entries(&mut self, base: StreamId, trim: &Trim) {
        let mut next = 0;
        while let Some(node) = self.nodes.get_mut(base) {
            let view = node.view(base);
            let i = view.live_from(next);
            if i >= view.len() {
                return;
            }
            let id = view.id(i);
            next = i + 1;
            let enough = match trim.to {
                TrimTo::MaxLen(most) => self.counts.len <= most,
                TrimTo::MinId(least) => id >= least,
            };
            if enough {
                return;
            }
            if trim.references == References::Acked && self.is_referenced(id) {
                continue;
            }
            if trim.references == References::Delete {
                self.release(id);
            }
            if trim.references == References::Keep {
                self.bury(base, i);
            } else {
                self.kill_at(base, i);
            }
        }
    }

    /// Deletes entry `i` of the node under `base`. The node stays, be it the last one: as the reference leaves it.
    fn bury(&mut self, base: StreamId, i: usize) {
        if let Some(node) = self.nodes.get_mut(base) {
            let before = node.allocated();
            node.kill(base, i);
            self.bytes = self.bytes + node.allocated() - before;
            self.counts.len -= 1;
        }
    }
}

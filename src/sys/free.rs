//! The free thread: drops what takes long to drop, so that the executor does not. It is started with the first thing
//! it gets and ends when the last sender is gone. Memory counts as used until it is really freed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Something to be dropped, and how many objects of INFO's counters it is.
type Waste = (Box<dyn Send>, usize);

#[derive(Default)]
struct Counts {
    pending: AtomicUsize,
    freed: AtomicUsize,
}

/// The way to the free thread. See the head of this file.
#[derive(Default)]
pub struct FreeThread {
    sender: Option<Sender<Waste>>,
    counts: Arc<Counts>,
}

impl FreeThread {
    /// Has `waste` dropped, which counts as `objects` in INFO. Without a thread it is dropped here.
    pub fn send(&mut self, waste: Box<dyn Send>, objects: usize) {
        self.counts.pending.fetch_add(objects, Relaxed);
        if self.sender.is_none() {
            self.sender = start(self.counts.clone());
        }
        let waste = (waste, objects);
        let left = match &self.sender {
            Some(sender) => sender.send(waste).err().map(|e| e.0),
            None => Some(waste),
        };
        if let Some(waste) = left {
            self.sender = None;
            discard(waste, &self.counts);
        }
    }

    /// Objects that wait to be freed: INFO `lazyfree_pending_objects`.
    pub fn pending(&self) -> usize {
        self.counts.pending.load(Relaxed)
    }

    /// Objects freed since the start or the last reset: INFO `lazyfreed_objects`.
    pub fn freed(&self) -> usize {
        self.counts.freed.load(Relaxed)
    }

    /// CONFIG RESETSTAT.
    pub fn reset_freed(&self) {
        self.counts.freed.store(0, Relaxed);
    }
}

fn start(counts: Arc<Counts>) -> Option<Sender<Waste>> {
    let (sender, receiver): (_, Receiver<Waste>) = channel();
    let work = move || receiver.iter().for_each(|waste| discard(waste, &counts));
    match std::thread::Builder::new().name("free".into()).spawn(work) {
        Ok(_) => Some(sender),
        Err(e) => {
            tracing::warn!("Can't start the free thread, freeing in the foreground: {e}");
            None
        }
    }
}

fn discard((waste, objects): Waste, counts: &Counts) {
    drop(waste);
    counts.pending.fetch_sub(objects, Relaxed);
    counts.freed.fetch_add(objects, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Loud(std::sync::mpsc::Sender<std::thread::ThreadId>);
    impl Drop for Loud {
        fn drop(&mut self) {
            let _ = self.0.send(std::thread::current().id());
        }
    }

    #[test]
    fn dropped_elsewhere_and_counted() {
        let (sender, dropped) = channel();
        let mut free = FreeThread::default();
        free.send(Box::new(Loud(sender.clone())), 3);
        free.send(Box::new(Loud(sender)), 0);
        assert_ne!(dropped.recv().expect("dropped"), std::thread::current().id());
        dropped.recv().expect("the second one too");
        // The second was dropped after the first was counted.
        assert_eq!((free.pending(), free.freed()), (0, 3));
        free.reset_freed();
        assert_eq!(free.freed(), 0);
    }
}

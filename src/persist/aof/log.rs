//! The log thread: takes what the executor has propagated and does with it what `Writer` says, so that the executor never
//! waits for a disk.
//!
//! What is handed over while a sync runs is written and synced together after it (group commit). The thread tells how far
//! it is by two offsets, and of everything else by events, and calls `wake` when there is news. In tests there is no
//! thread: everything is done where it is handed over.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use super::manifest::Manifest;
use super::writer::{Settings, Writer};
use crate::sys::clock;

/// What the thread is told to do, in order with the bytes.
#[derive(Debug)]
pub enum Command {
    /// Go on in a new increment: a rewrite begins here. `temp`: it is the one that switches the log on.
    Rotate { temp: bool },
    /// A rewrite is done: its base is here, durable.
    Install { base: PathBuf, rdb: bool },
    /// The rewrite that was to switch the log on has failed.
    DiscardTemp,
    /// Remove history, as the settings say.
    Collect,
    /// The log is switched off.
    Close,
    /// Write and sync all: the server is to end, and may go on after all.
    Sync,
    /// The manifest was changed by somebody else.
    Reread,
    /// Nothing: whoever waits for it knows that all before it is done.
    Pass,
}

/// What the thread has to say.
#[derive(Debug)]
pub enum Event {
    /// A new increment was begun, or could not be.
    Rotated(bool),
    /// A base was installed, or could not be; with the bytes of all files.
    Installed(Option<u64>),
    /// A sync that had failed went well again, but what was written before it may be lost.
    Suspect,
}

/// The executor's view of the log.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Bytes of all files that hold the data.
    pub size: u64,
    /// Why the last write or sync failed.
    pub error: Option<String>,
    pub manifest: Manifest,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    /// Room that the thread gives back.
    spare: Vec<u8>,
    /// The stream's offset behind them.
    end: u64,
    /// Since when the first of them waits.
    since_ms: u64,
    /// Each with the place among `bytes` where it comes, and the offset there.
    commands: Vec<(usize, u64, Command)>,
    settings: Settings,
    /// The thread is to end once all is done.
    stop: bool,
    /// Parts handed over, and parts done.
    given: u64,
    done: u64,
    status: Status,
    events: Vec<Event>,
    /// Bytes that the thread has taken and not written, and since when they wait.
    taken: (usize, u64),
}

/// Room of a buffer that is kept.
const KEPT_MAX: usize = 1 << 20;

/// What both sides see.
struct Shared {
    queue: Mutex<Queue>,
    /// The thread has something to do.
    given: Condvar,
    /// The thread has done something.
    done: Condvar,
    durable: AtomicU64,
    news: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing is done under the lock that can panic half-way.
        self.queue.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// What the thread takes at once.
struct Taken {
    bytes: Vec<u8>,
    end: u64,
    commands: Vec<(usize, u64, Command)>,
    settings: Settings,
    given: u64,
}

impl Queue {
    fn take(&mut self) -> Taken {
        self.taken = (self.bytes.len(), self.since_ms);
        Taken {
            bytes: std::mem::replace(&mut self.bytes, std::mem::take(&mut self.spare)),
            end: self.end,
            commands: std::mem::take(&mut self.commands),
            settings: self.settings,
            given: self.given,
        }
    }
}

/// Does what was taken. Gives what there is to tell.
fn work(writer: &mut Writer, taken: &mut Taken, now_ms: &dyn Fn() -> u64) -> Vec<Event> {
    writer.set(taken.settings);
    let (mut at, mut events) = (0, Vec::new());
    for (place, end, command) in taken.commands.drain(..) {
        writer.append(&taken.bytes[at..place], end);
        at = place;
        let now_ms = now_ms();
        match command {
            Command::Rotate { temp } => {
                let done = writer.rotate(temp, now_ms).inspect_err(|e| e.log());
                events.push(Event::Rotated(done.is_ok()));
            }
            Command::Install { base, rdb } => {
                writer.flush(now_ms);
                let done = writer.install(&base, rdb).inspect_err(|e| e.log());
                if done.is_ok() {
                    writer.collect();
                }
                events.push(Event::Installed(done.ok()));
            }
            Command::DiscardTemp => writer.discard_temp(),
            Command::Collect => writer.collect(),
            Command::Close => _ = writer.close(now_ms),
            Command::Sync => _ = writer.settle(now_ms),
            Command::Reread => {
                if let Err(e) = writer.folder.reread() {
                    e.log();
                }
            }
            Command::Pass => writer.flush(now_ms),
        }
    }
    writer.append(&taken.bytes[at..], taken.end);
    if writer.is_open() && !taken.bytes.is_empty() && taken.settings.flush_sleep_us > 0 {
        clock::stand_still(Duration::from_micros(taken.settings.flush_sleep_us));
    }
    writer.flush(now_ms());
    if std::mem::take(&mut writer.suspect) {
        events.push(Event::Suspect);
    }
    events
}

impl Shared {
    /// Tells how it stands after `work`. Whether the executor must know.
    fn report(&self, writer: &Writer, taken: Taken, mut events: Vec<Event>) -> bool {
        let Taken { bytes: mut room, given, .. } = taken;
        room.clear();
        room.shrink_to(KEPT_MAX);
        let mut queue = self.lock();
        let error = queue.status.error != writer.error;
        queue.status.size = writer.total;
        if error {
            queue.status.error.clone_from(&writer.error);
        }
        if queue.status.manifest != writer.folder.manifest {
            queue.status.manifest.clone_from(&writer.folder.manifest);
        }
        // What could not be written waits on.
        queue.taken = (writer.waiting(), if writer.waiting() > 0 { queue.taken.1 } else { 0 });
        queue.done = given;
        queue.spare = room;
        let durable = self.durable.swap(writer.durable, Relaxed) != writer.durable;
        let news = error || durable || !events.is_empty();
        queue.events.append(&mut events);
        if news {
            self.news.store(true, Relaxed);
        }
        drop(queue);
        self.done.notify_all();
        news
    }
}

/// The thread.
fn run(shared: &Shared, mut writer: Writer) {
    loop {
        let mut queue = shared.lock();
        while queue.given == queue.done && !queue.stop {
            let now_ms = clock::wall_ms();
            match writer.next_ms() {
                None => queue = shared.given.wait(queue).unwrap_or_else(|e| e.into_inner()),
                Some(at) if at > now_ms => {
                    let most = Duration::from_millis(at - now_ms);
                    let waited = shared.given.wait_timeout(queue, most);
                    queue = waited.unwrap_or_else(|e| e.into_inner()).0;
                }
                Some(_) => break,
            }
        }
        let stop = queue.stop && queue.given == queue.done;
        let mut taken = queue.take();
        drop(queue);
        if stop {
            writer.close(clock::wall_ms());
            return;
        }
        let events = work(&mut writer, &mut taken, &clock::wall_ms);
        if shared.report(&writer, taken, events) {
            (shared.wake)();
        }
    }
}

/// The way to the log thread. See the head of this file.
pub struct Log {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// The writer, where there is no thread.
    own: Option<Box<Writer>>,
}

impl Log {
    /// Hands a writer to a thread of its own. `wake` is called by that thread when there is news.
    pub fn start(
        writer: Writer,
        settings: Settings,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Log> {
        let shared = Log::shared(&writer, settings, wake);
        let theirs = shared.clone();
        let work = move || run(&theirs, writer);
        let thread = std::thread::Builder::new().name("aof".into()).spawn(work)?;
        Ok(Log { shared, thread: Some(thread), own: None })
    }

    /// Without a thread: for tests.
    pub fn inline(writer: Writer, settings: Settings) -> Log {
        Log {
            shared: Log::shared(&writer, settings, Box::new(|| {})),
            thread: None,
            own: Some(Box::new(writer)),
        }
    }

    fn shared(writer: &Writer, settings: Settings, wake: Box<dyn Fn() + Send + Sync>) -> Arc<Shared> {
        let status = Status { size: writer.total, error: None, manifest: writer.folder.manifest.clone() };
        Arc::new(Shared {
            queue: Mutex::new(Queue { settings, status, ..Queue::default() }),
            given: Condvar::new(),
            done: Condvar::new(),
            durable: AtomicU64::new(writer.durable),
            news: AtomicBool::new(false),
            wake,
        })
    }

    /// Hands over bytes that end at `end` in the stream.
    pub fn append<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>, end: u64, now_ms: u64) {
        let mut queue = self.shared.lock();
        if queue.bytes.is_empty() {
            queue.since_ms = now_ms;
        }
        pieces.for_each(|piece| queue.bytes.extend_from_slice(piece));
        queue.end = end;
        queue.given += 1;
        drop(queue);
        self.gave(now_ms);
    }

    /// Tells the thread to do something after all that was handed over.
    pub fn command(&mut self, command: Command, now_ms: u64) {
        let mut queue = self.shared.lock();
        let place = (queue.bytes.len(), queue.end, command);
        queue.commands.push(place);
        queue.given += 1;
        drop(queue);
        self.gave(now_ms);
    }

    /// Other settings hold from now on.
    pub fn set(&mut self, settings: Settings, now_ms: u64) {
        let mut queue = self.shared.lock();
        if queue.settings == settings {
            return;
        }
        queue.settings = settings;
        queue.given += 1;
        drop(queue);
        self.gave(now_ms);
    }

    /// Something was handed over.
    fn gave(&mut self, now_ms: u64) {
        match self.own {
            Some(_) => self.tick(now_ms),
            None => self.shared.given.notify_one(),
        }
    }

    /// Without a thread: does what is due.
    pub fn tick(&mut self, now_ms: u64) {
        if let Some(writer) = &mut self.own {
            let mut taken = self.shared.lock().take();
            let events = work(writer, &mut taken, &|| now_ms);
            self.shared.report(writer, taken, events);
        }
    }

    /// The stream's offset up to which a loss of power takes nothing.
    #[inline]
    pub fn durable(&self) -> u64 {
        self.shared.durable.load(Relaxed)
    }

    /// Whether there is news.
    #[inline]
    pub fn has_news(&self) -> bool {
        self.shared.news.load(Relaxed)
    }

    /// Events since the last call; there is no news then.
    pub fn events(&self) -> Vec<Event> {
        self.shared.news.store(false, Relaxed);
        std::mem::take(&mut self.shared.lock().events)
    }

    /// Why the last write or sync failed.
    pub fn error(&self) -> Option<String> {
        self.shared.lock().status.error.clone()
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.shared.lock().status.clone()
    }

    /// Bytes that wait to be written, and since when the first of them does; 0 = none do.
    pub fn backlog(&self) -> (usize, u64) {
        let queue = self.shared.lock();
        let (taken, since_ms) = queue.taken;
        match (taken, queue.bytes.len()) {
            (0, 0) => (0, 0),
            (0, waiting) => (waiting, queue.since_ms),
            (taken, waiting) => (taken + waiting, since_ms),
        }
    }

    /// Waits until all that was handed over is done, or this long at the most. Tells whether it is. For what happens at the
    /// wish of an operator: never on the way of a request.
    pub fn wait(&self, most: Duration) -> bool {
        let queue = self.shared.lock();
        let given = queue.given;
        let waited = self.shared.done.wait_timeout_while(queue, most, |q| q.done < given);
        waited.is_ok_and(|(_, result)| !result.timed_out())
    }
}

impl Drop for Log {
    /// All that was handed over is written and synced.
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.given.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // A panic in it has aborted the process.
        }
    }
}

//! The user's scripts: a queue, some of them running at a time. One that fails in the way that asks for it, or is
//! killed, runs again later, a few times.

use std::collections::VecDeque;

use super::event::Level;
use super::instance::{Addr, Id};
use super::{Millis, Output, Sentinel};

/// Scripts in the queue, the oldest that do not run being dropped beyond (Redis: `SENTINEL_SCRIPT_MAX_QUEUE`).
const QUEUE_MAX: usize = 256;
/// Scripts that run at a time (Redis: `SENTINEL_SCRIPT_MAX_RUNNING`).
const RUNNING_MAX: usize = 16;
/// Times a script is tried (Redis: `SENTINEL_SCRIPT_MAX_RETRY`).
const TRIES_MAX: u32 = 10;
/// The exit status that asks for another try.
const AGAIN: i32 = 1;
/// The exit status that stands for a script that could not be started.
const NOT_STARTED: i32 = 2;

/// A script to run.
#[derive(Debug)]
pub struct Job {
    id: u64,
    pub words: Vec<Vec<u8>>,
    pub running: bool,
    /// 0 = it does not run.
    pub pid: u32,
    /// Of one that runs, since when; of another, when it may run, 0 = at once.
    pub at: Millis,
    pub tries: u32,
}

/// All scripts.
#[derive(Debug, Default)]
pub struct Scripts {
    pub queue: VecDeque<Job>,
    next: u64,
}

impl Scripts {
    /// How many run.
    pub fn running(&self) -> usize {
        self.queue.iter().filter(|job| job.running).count()
    }
}

impl Sentinel {
    pub(super) fn schedule_script(&mut self, words: Vec<Vec<u8>>) {
        let scripts = &mut self.scripts;
        scripts.next += 1;
        scripts.queue.push_back(Job { id: scripts.next, words, running: false, pid: 0, at: 0, tries: 0 });
        if scripts.queue.len() > QUEUE_MAX
            && let Some(oldest) = scripts.queue.iter().position(|job| !job.running)
        {
            scripts.queue.remove(oldest);
        }
    }

    /// The script that reconfigures clients: `name role start from-ip from-port to-ip to-port`.
    pub(super) fn schedule_reconfig_script(&mut self, primary: Id, role: &str, from: &Addr, to: &Addr) {
        let p = &self.instances[primary];
        let Some(script) = p.reconfig_script.clone() else { return };
        let place = |addr: &Addr| [self.announced(addr).to_vec(), addr.port.to_string().into_bytes()];
        let head = [script, p.name.clone(), role.into(), b"start".to_vec()];
        let words = head.into_iter().chain(place(from)).chain(place(to)).collect();
        self.schedule_script(words);
    }

    /// Starts scripts whose time has come, and ends those that take too long.
    pub(super) fn run_scripts(&mut self) {
        let (now, longest) = (self.now, self.timing.script_max_runtime);
        let mut running = self.scripts.running();
        for job in &mut self.scripts.queue {
            if !job.running && job.at <= now && running < RUNNING_MAX {
                running += 1;
                (job.running, job.at) = (true, now);
                job.tries += 1;
                self.outputs.push(Output::RunScript { job: job.id, words: job.words.clone() });
            }
        }
        let over = |job: &&Job| job.running && job.pid != 0 && now - job.at > longest;
        let late: Vec<(u32, Vec<u8>)> =
            self.scripts.queue.iter().filter(over).map(|job| (job.pid, job.words[0].clone())).collect();
        for (pid, path) in late {
            let text = [&path, b" ".as_slice(), pid.to_string().as_bytes()].concat();
            self.event(Level::Warning, "-script-timeout", text);
            self.outputs.push(Output::KillScript { pid });
        }
    }

    pub(super) fn script_started(&mut self, job: u64, pid: u32) {
        if let Some(job) = self.scripts.queue.iter_mut().find(|j| j.id == job) {
            job.pid = pid;
        }
        self.event(Level::Debug, "+script-child", pid.to_string().into_bytes());
    }

    /// It could not be started: it counts as one that has ended with status 2, which asks for no other try.
    pub(super) fn script_failed(&mut self, job: u64) {
        let Some(at) = self.scripts.queue.iter().position(|j| j.id == job) else { return };
        if let Some(job) = self.scripts.queue.remove(at) {
            self.event(Level::Warning, "-script-error", script_text(&job.words[0], 0, NOT_STARTED));
        }
    }

    pub(super) fn script_ended(&mut self, pid: u32, code: i32, signal: i32) {
        self.event(Level::Debug, "-script-child", format!("{pid} {code} {signal}").into_bytes());
        let Some(at) = self.scripts.queue.iter().position(|job| job.running && job.pid == pid) else {
            return;
        };
        let now = self.now;
        let job = &mut self.scripts.queue[at];
        if (signal != 0 || code == AGAIN) && job.tries < TRIES_MAX {
            // Twice as long each time.
            let delay = self.timing.script_retry_delay.saturating_mul(1 << (job.tries.clamp(1, 32) - 1));
            (job.running, job.pid, job.at) = (false, 0, now.saturating_add(delay));
            return;
        }
        let text = script_text(&job.words[0], signal, code);
        self.scripts.queue.remove(at);
        if signal != 0 || code != 0 {
            self.event(Level::Warning, "-script-error", text);
        }
    }
}

fn script_text(path: &[u8], signal: i32, code: i32) -> Vec<u8> {
    [path, format!(" {signal} {code}").as_bytes()].concat()
}

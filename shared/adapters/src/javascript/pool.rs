//! The threads that scripts run on, and who watches them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use headwater_core::limits;
use headwater_core::ports::{Script, ScriptCall, ScriptEnd, ScriptFailure, ScriptOutcome};
use tokio::sync::oneshot;

use super::Bounds;
use super::worlds::Worlds;
use crate::blocking::held;

/// Bytes of a thread's stack: what a script may take, and room for what QuickJS does not count.
const THREAD_STACK: usize = 4 * limits::SCRIPT_STACK;

/// Something to do with a script.
#[derive(Debug)]
pub(super) enum Job {
    Call(ScriptCall),
    Check(Script),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    Ran(ScriptOutcome),
    Checked(Result<(), String>),
}

impl Job {
    fn digest(&self) -> [u8; 16] {
        match self {
            Self::Call(call) => call.script.digest,
            Self::Check(script) => script.digest,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Call(call) => &call.script.name,
            Self::Check(script) => &script.name,
        }
    }

    pub(super) fn failed(&self, why: ScriptFailure) -> Answer {
        match self {
            Self::Call(_) => Answer::failed(why),
            Self::Check(_) => Answer::Checked(Err(why.to_string())),
        }
    }
}

impl Answer {
    fn failed(why: ScriptFailure) -> Self {
        Self::Ran(ScriptOutcome { effects: Vec::new(), end: ScriptEnd::Failed(why) })
    }

    pub(super) fn into_outcome(self) -> ScriptOutcome {
        match self {
            Self::Ran(outcome) => outcome,
            Self::Checked(_) => ScriptOutcome { effects: Vec::new(), end: ScriptEnd::Done },
        }
    }
}

/// Jobs that are answered together.
#[derive(Debug)]
struct Batch {
    jobs: Vec<Job>,
    answers: Mutex<Answers>,
}

#[derive(Debug)]
struct Answers {
    list: Vec<Option<Answer>>,
    missing: usize,
    done: Option<oneshot::Sender<Vec<Answer>>>,
}

impl Batch {
    fn answer(&self, index: usize, answer: Answer) {
        let mut answers = held(&self.answers);
        if answers.list[index].replace(answer).is_none() {
            answers.missing -= 1;
        }
        if answers.missing == 0 {
            let list = mem::take(&mut answers.list).into_iter().flatten().collect();
            // Who asked may have gone.
            answers.done.take().map(|done| done.send(list));
        }
    }

    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool {
        held(&self.answers).done.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

/// A job on its way.
#[derive(Debug)]
struct Running {
    batch: Arc<Batch>,
    index: usize,
    cancelled: Arc<AtomicBool>,
    looks: u32,
}

#[derive(Debug, Default)]
struct State {
    /// Batches with the next of their jobs. They take turns.
    waiting: VecDeque<(Arc<Batch>, usize)>,
    running: BTreeMap<u64, Running>,
    tickets: u64,
    workers: usize,
    idle: usize,
    lost: usize,
    hung: BTreeSet<[u8; 16]>,
    watched: bool,
    closed: bool,
}

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    state: Mutex<State>,
    work: Condvar,
    watch: Condvar,
}

/// Threads that do jobs.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { shared: Arc::new(Shared { bounds, state: Mutex::default(), work: Condvar::new(), watch: Condvar::new() }) }
    }

    /// Does these jobs, and answers in their order.
    pub(super) async fn run(&self, jobs: Vec<Job>) -> Vec<Answer> {
        if jobs.is_empty() {
            return Vec::new();
        }
        let (done, answers) = oneshot::channel();
        let count = jobs.len();
        let list = jobs.iter().map(|_| None).collect();
        let batch = Arc::new(Batch { jobs, answers: Mutex::new(Answers { list, missing: count, done: Some(done) }) });
        self.shared.submit(&batch);
        answers.await.unwrap_or_else(|_| batch.jobs.iter().map(|job| job.failed(ScriptFailure::Time)).collect())
    }

    #[cfg(test)]
    pub(super) fn lost(&self) -> usize {
        held(&self.shared.state).lost
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = held(&self.shared.state);
        state.closed = true;
        for running in state.running.values() {
            running.cancelled.store(true, Ordering::Relaxed);
        }
        drop(state);
        self.shared.work.notify_all();
        self.shared.watch.notify_all();
    }
}

impl Shared {
    fn submit(self: &Arc<Self>, batch: &Arc<Batch>) {
        let mut state = held(&self.state);
        state.waiting.push_back((Arc::clone(batch), 0));
        if !state.watched {
            let shared = Arc::clone(self);
            state.watched = thread::Builder::new().name("scripts-watch".to_owned()).spawn(move || shared.keep_watch()).is_ok();
        }
        for _ in state.idle..batch.jobs.len() {
            if !self.start_worker(&mut state) {
                break;
            }
        }
        self.give_up_when_alone(&mut state);
        drop(state);
        self.work.notify_all();
        self.watch.notify_one();
    }

    /// Starts one more thread, unless there are enough. False when there are, or the system has none.
    fn start_worker(self: &Arc<Self>, state: &mut State) -> bool {
        let enough = state.workers >= self.bounds.threads || state.lost > self.bounds.lost_threads;
        if enough || !state.watched {
            return false;
        }
        let shared = Arc::clone(self);
        let started = thread::Builder::new().name("scripts".to_owned()).stack_size(THREAD_STACK).spawn(move || shared.work());
        match started {
            Ok(_) => state.workers += 1,
            Err(ref error) => tracing::error!(%error, "no thread can be started for scripts"),
        }
        started.is_ok()
    }

    /// Answers what waits when no thread is left for it.
    fn give_up_when_alone(&self, state: &mut State) {
        if state.workers > 0 {
            return;
        }
        for (batch, from) in mem::take(&mut state.waiting) {
            for (index, job) in batch.jobs.iter().enumerate().skip(from) {
                batch.answer(index, job.failed(ScriptFailure::Time));
            }
        }
    }

    /// What a thread does: one job after the other, until it is given up or the engine ends.
    fn work(&self) {
        let mut worlds = Worlds::default();
        let mut state = held(&self.state);
        loop {
            let Some((batch, index)) = state.next() else {
                if state.closed {
                    state.workers -= 1;
                    return;
                }
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            let job = &batch.jobs[index];
            if state.hung.contains(&job.digest()) {
                drop(state);
                batch.answer(index, job.failed(ScriptFailure::Time));
                state = held(&self.state);
                continue;
            }
            state.tickets += 1;
            let ticket = state.tickets;
            let cancelled = Arc::new(AtomicBool::new(state.closed));
            state.running.insert(ticket, Running { batch: Arc::clone(&batch), index, cancelled: Arc::clone(&cancelled), looks: 0 });
            drop(state);
            let answer = worlds.answer(job, &cancelled, &self.bounds);
            state = held(&self.state);
            if state.running.remove(&ticket).is_some() {
                drop(state);
                batch.answer(index, answer);
                state = held(&self.state);
                continue;
            }
            // It was given up, has been answered, and has come back after all.
            state.lost -= 1;
            if state.workers >= self.bounds.threads {
                return;
            }
            state.workers += 1;
        }
    }

    /// What the watch does: it looks again and again at what runs. It counts looks, and not the time, because time also passes while
    /// the whole machine stands still.
    fn keep_watch(self: &Arc<Self>) {
        let mut state = held(&self.state);
        loop {
            if state.closed && state.running.is_empty() {
                return;
            }
            if state.running.is_empty() && state.waiting.is_empty() {
                state = self.watch.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (after, waited) = self.watch.wait_timeout(state, self.bounds.look).unwrap_or_else(PoisonError::into_inner);
            state = after;
            if waited.timed_out() {
                self.look(&mut state);
            }
        }
    }

    fn look(self: &Arc<Self>, state: &mut State) {
        let mut lost = Vec::new();
        for (ticket, running) in &mut state.running {
            running.looks += 1;
            if running.looks >= self.bounds.looks_to_cancel {
                running.cancelled.store(true, Ordering::Relaxed);
            }
            if running.looks >= self.bounds.looks_to_lose {
                lost.push(*ticket);
            }
        }
        for running in lost.iter().filter_map(|ticket| state.running.remove(ticket)).collect::<Vec<_>>() {
            let job = &running.batch.jobs[running.index];
            tracing::warn!(script = job.name(), "a script does not come back; it is not run any more");
            state.workers -= 1;
            state.lost += 1;
            state.hung.insert(job.digest());
            if state.hung.len() > limits::SCRIPTS_HUNG {
                state.hung.pop_first();
            }
            running.batch.answer(running.index, job.failed(ScriptFailure::Time));
            self.start_worker(state);
        }
        self.give_up_when_alone(state);
    }
}

impl State {
    /// The next job, of another batch than the one before where there are several.
    fn next(&mut self) -> Option<(Arc<Batch>, usize)> {
        loop {
            let (batch, index) = self.waiting.pop_front()?;
            if self.closed || batch.is_abandoned() {
                continue;
            }
            if index + 1 < batch.jobs.len() {
                self.waiting.push_back((Arc::clone(&batch), index + 1));
            }
            return Some((batch, index));
        }
    }
}

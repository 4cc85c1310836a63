//! A function that can be invoked, and its processes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::RUNTIME;
use super::deployment::Deployment;
use super::failure::InvokeError;
use super::process::{Process, Ran, Record};
use super::runtime_api::{Failure, since_1970};

/// The most that an event may weigh.
const EVENT_LIMIT: usize = 6_291_456;

/// What a function is invoked with: a JSON document.
#[derive(Debug, Clone)]
pub struct Event(pub(super) Bytes);

impl From<&Value> for Event {
    fn from(document: &Value) -> Self {
        Self(document.to_string().into())
    }
}

impl From<Value> for Event {
    fn from(document: Value) -> Self {
        Self::from(&document)
    }
}

impl From<Vec<u8>> for Event {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// A deployed function. All of its processes are killed when it is dropped; what still runs then fails with
/// [`InvokeError::Gone`], and so does what a gateway or a queue sends it later.
#[derive(Debug)]
pub struct Function(pub(super) Arc<Service>);

impl Function {
    pub(super) fn new(deployment: Deployment) -> Self {
        let permits = Semaphore::new(deployment.concurrency);
        Self(Arc::new(Service { deployment, permits, state: Mutex::default() }))
    }

    /// Has the function handle an event; its answer. Several threads may do so at once.
    ///
    /// # Errors
    /// As the variants of [`InvokeError`] say.
    pub fn invoke(&self, event: impl Into<Event>) -> Result<Vec<u8>, InvokeError> {
        RUNTIME.block_on(self.0.invoke(event.into().0)).map(Vec::from)
    }

    /// SIGKILL for the processes that are in the middle of an invocation, which then fails with `Runtime.ExitError`; how many
    /// there were. They are gone when this comes back.
    pub fn kill_running(&self) -> usize {
        let running = self.0.state().alive.iter().filter(|process| process.is_running()).cloned().collect();
        kill(running)
    }

    /// Ends the processes that wait for an invocation, so that the next ones start cold; how many there were. They are gone when
    /// this comes back.
    pub fn drop_warm(&self) -> usize {
        let warm = std::mem::take(&mut self.0.state().warm);
        kill(warm.into_iter().filter(|process| process.is_alive()).collect())
    }

    /// How many processes are in the middle of an invocation.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.state().alive.iter().filter(|process| process.is_running()).count()
    }

    /// For each process so far that got that far, the time from its start to its first poll.
    #[must_use]
    pub fn cold_starts(&self) -> Vec<Duration> {
        self.0.state().records.iter().filter_map(|record| record.cold_start()).collect()
    }

    /// All that processes of the function wrote to their standard output and error; of each the last mebibyte.
    #[must_use]
    pub fn log(&self) -> String {
        let records = self.0.state().records.clone();
        records.iter().map(|record| record.output()).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.0.permits.close();
        let mut state = self.0.state();
        state.gone = true;
        state.warm.clear();
        let alive = std::mem::take(&mut state.alive);
        drop(state);
        kill(alive);
    }
}

fn kill(processes: Vec<Arc<Process>>) -> usize {
    let count = processes.len();
    RUNTIME.block_on(async {
        for process in processes {
            process.kill().await;
        }
    });
    count
}

/// What invokes a function. Gateways and queues hold on to it, its processes do not outlive the [`Function`].
#[derive(Debug)]
pub(super) struct Service {
    pub(super) deployment: Deployment,
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Everything that runs, or has ended without anybody having looked.
    alive: Vec<Arc<Process>>,
    /// What waits for an invocation; the one that waits for the shortest time is last, and first to be used.
    warm: Vec<Arc<Process>>,
    records: Vec<Arc<Record>>,
    gone: bool,
}

impl Service {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the function handle an event. It does so to the end, also when nobody waits for it any more.
    pub(super) async fn invoke(self: &Arc<Self>, event: Bytes) -> Result<Bytes, InvokeError> {
        let service = Arc::clone(self);
        let handling = tokio::spawn(async move { service.handle(event).await });
        handling.await.expect("an invocation is not aborted and does not panic")
    }

    async fn handle(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        if event.len() > EVENT_LIMIT {
            return Err(InvokeError::TooLarge { bytes: event.len(), limit: EVENT_LIMIT });
        }
        let permit = if self.deployment.throttles { self.permits.try_acquire().ok() } else { self.permits.acquire().await.ok() };
        let _permit = match permit {
            Some(permit) => permit,
            None if self.permits.is_closed() => return Err(InvokeError::Gone),
            None => return Err(InvokeError::Throttled),
        };
        let request_id = new_request_id();
        loop {
            let (process, fresh) = match self.take_warm() {
                Some(process) => (process, false),
                None => (self.start_process().await?, true),
            };
            let error = match process.run(&request_id, event.clone(), fresh, self.deployment.timeout).await {
                Ran::NotTaken => continue,
                Ran::Answered(answer) => {
                    let log = process.record.tail();
                    self.keep_warm(process);
                    return answer.map_err(|Failure { error_type, message }| InvokeError::Failed { error_type, message, log });
                }
                Ran::NotInitialised(Failure { error_type, message }) => {
                    InvokeError::Failed { error_type, message, log: process.record.tail() }
                }
                Ran::Ended(how) => ended(&request_id, &how, process.record.tail()),
                Ran::TimedOut(after) => InvokeError::TimedOut { after, log: process.record.tail() },
            };
            return Err(if self.state().gone { InvokeError::Gone } else { error });
        }
    }

    /// The process that has waited for the shortest time, as the service prefers it.
    fn take_warm(&self) -> Option<Arc<Process>> {
        let mut state = self.state();
        std::iter::from_fn(|| state.warm.pop()).find(|process| process.is_alive())
    }

    fn keep_warm(&self, process: Arc<Process>) {
        let mut state = self.state();
        if !state.gone {
            state.warm.push(process);
        }
    }

    async fn start_process(&self) -> Result<Arc<Process>, InvokeError> {
        let number = self.state().records.len();
        let process = Process::start(&self.deployment, number).await.map_err(|error| InvokeError::Failed {
            error_type: "Runtime.InvalidEntrypoint".to_owned(),
            message: format!("the binary cannot be started: {error}"),
            log: String::new(),
        })?;
        let process = Arc::new(process);
        let mut state = self.state();
        state.alive.retain(|process| process.is_alive());
        state.records.push(Arc::clone(&process.record));
        // One that is not kept here is killed as soon as it is dropped.
        if state.gone {
            return Err(InvokeError::Gone);
        }
        state.alive.push(Arc::clone(&process));
        Ok(process)
    }
}

fn ended(request_id: &str, how: &str, log: String) -> InvokeError {
    InvokeError::Failed { error_type: "Runtime.ExitError".to_owned(), message: format!("RequestId: {request_id} Error: {how}"), log }
}

/// An id that no other invocation has, also of another test's function, in the form of a random UUID.
pub(super) fn new_request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let (micros, process) = (since_1970().as_micros(), std::process::id());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        micros & 0xffff_ffff,
        process & 0xffff,
        process >> 16 & 0xfff,
        count >> 48,
        count & 0xffff_ffff_ffff
    )
}

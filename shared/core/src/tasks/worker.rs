use std::collections::HashMap;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{Either, select};
use futures::lock::Mutex;
use serde_json::Value;
use tracing::{Instrument as _, debug, info, info_span, warn};

use super::{Lease, Phase, SnapshotRef, Task, TaskError, TaskStore};
use crate::ids::TaskId;
use crate::ports::{Clock, Delivery, Etag, StepMessage, TaskQueue, Timestamp};

/// How much one step may do. It ends at whichever bound is met first.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Records.
    pub records: u64,
    /// Bytes of records.
    pub bytes: u64,
    /// Time on the wall, output made durable not included. A step whose saving is costly takes longer, so that most of the time
    /// goes into the work.
    pub wall: Duration,
    /// Time on the wall that no step exceeds for that reason: what is left to a function before its host ends it.
    pub longest: Duration,
}

/// What a step is given besides its task.
#[derive(Debug)]
pub struct StepContext<'a> {
    /// Bounds of this step.
    pub budget: Budget,
    /// The version of the task's document that this step goes on from, before it was leased.
    pub stands_at: &'a Etag,
    /// The task store, to load a snapshot and to look for a stop request.
    pub store: &'a TaskStore,
    /// To say what the step is waiting for.
    pub voice: &'a Voice,
}

/// Lets a step under way say something before it ends.
#[derive(Debug)]
pub struct Voice {
    store: TaskStore,
    /// The task as it is stored, under the lease of this step.
    stored: Mutex<(Task, Etag)>,
}

impl Voice {
    /// Shows a message to people who look at the task. Says it once, however often it is called with the same words.
    pub async fn say(&self, message: &str) -> Result<(), TaskError> {
        let mut stored = self.stored.lock().await;
        let (task, etag) = &mut *stored;
        if task.message != message {
            message.clone_into(&mut task.message);
            *etag = self.store.put(task, etag.clone()).await?;
        }
        Ok(())
    }

    /// Prolongs the lease again and again, so that it lapses only when its holder has died. Returns when it was lost.
    async fn hold(&self, clock: &dyn Clock, lease: Duration) -> TaskError {
        loop {
            clock.sleep(lease / 3).await;
            let mut stored = self.stored.lock().await;
            let (task, etag) = &mut *stored;
            if let Some(held) = &mut task.lease {
                held.until = clock.now().plus(lease);
            }
            match self.store.put(task, etag.clone()).await {
                Ok(new) => *etag = new,
                Err(lost) if lost.is_conflict() => return lost,
                Err(error) => warn!(error = &error as &dyn std::error::Error, "the lease could not be prolonged; trying again"),
            }
        }
    }
}

/// What a step leaves behind. The worker stores it as one commit.
#[derive(Debug)]
pub struct StepResult {
    /// What happens next.
    pub next: Next,
    /// What becomes of the snapshot.
    pub saved: Saved,
    /// What reports show from now on.
    pub progress: Value,
    /// What the task is doing or waiting for, for people.
    pub message: String,
}

/// What happens after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// There is more to do now.
    Again,
    /// There is nothing to do before this moment.
    At(Timestamp),
    /// Trouble that may pass: try again later, with pauses that grow with the number of attempts since the task last got on.
    Trouble {
        /// How many there have been, this one included.
        attempt: u32,
    },
    /// All is done.
    Finished,
    /// It cannot go on; the message says why.
    Failed,
    /// A stop request was seen.
    Stopped,
}

/// What becomes of a task's snapshot.
#[derive(Debug)]
pub enum Saved {
    /// The task goes on from this state.
    New(Bytes),
    /// The former snapshot stays what it goes on from.
    Kept,
    /// No snapshot is needed any more.
    Dropped,
}

/// Does the work of one kind of task, a bounded piece at a time.
///
/// A step that ran but was not committed (a crash, a lost lease) runs again from the former snapshot; it must then leave
/// the same output.
#[async_trait]
pub trait Stepper: Send + Sync + Debug {
    /// Does a piece of work. Looks for a stop request at least once a second.
    async fn step(&self, task: &Task, context: StepContext<'_>) -> Result<StepResult, TaskError>;

    /// The step after which `task` stands is committed, as the version `etag` of its document; what is kept in memory for its next
    /// step is true as long as that is the version the step goes on from.
    fn committed(&self, task: &Task, etag: &Etag);

    /// The task is gone, or its step was not committed; whatever is kept in memory for it is worthless.
    fn forget(&self, id: &TaskId);
}

/// A step that the store has failed pauses so many times as long as one that met its first trouble: stores come back more
/// slowly than brokers, and there is no place to count attempts in.
const STORE_PAUSE: u32 = 8;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Names this worker in leases; unique among workers that are alive together.
    pub holder: String,
    /// Bounds of a step.
    pub budget: Budget,
    /// How long a lease lasts: longer than any step with all its saving.
    pub lease: Duration,
    /// First pause after trouble; doubles with each trouble in a row.
    pub first_pause: Duration,
    /// Longest pause after trouble.
    pub longest_pause: Duration,
}

/// What the next message of a task says, and when it is due.
struct FollowUp {
    step: u64,
    at: Timestamp,
}

/// Steps tasks. The same piece of code is driven by tokio tasks in the local runner and by queue events on Lambda: both hand
/// over one delivery at a time.
#[derive(Debug, Clone)]
pub struct Worker {
    store: TaskStore,
    queue: Arc<dyn TaskQueue>,
    clock: Arc<dyn Clock>,
    steppers: Arc<HashMap<&'static str, Arc<dyn Stepper>>>,
    config: WorkerConfig,
}

impl Worker {
    /// A worker for these kinds of tasks.
    pub fn new(
        store: TaskStore,
        queue: Arc<dyn TaskQueue>,
        clock: Arc<dyn Clock>,
        steppers: impl IntoIterator<Item = (&'static str, Arc<dyn Stepper>)>,
        config: WorkerConfig,
    ) -> Self {
        Self { store, queue, clock, steppers: Arc::new(steppers.into_iter().collect()), config }
    }

    /// Waits for a message, for `patience` at most.
    pub async fn receive(&self, patience: Duration) -> Result<Option<Delivery>, TaskError> {
        self.queue.receive(self.config.lease + Duration::from_secs(5), patience).await
    }

    /// This worker with other bounds for its steps, and leases that last as long as those need.
    #[must_use]
    pub fn within(&self, budget: Budget, lease: Duration) -> Self {
        Self { config: WorkerConfig { budget, lease, ..self.config.clone() }, ..self.clone() }
    }

    /// Handles one delivery and acknowledges it. An error leaves the message to be delivered again.
    pub async fn handle(&self, delivery: &Delivery) -> Result<(), TaskError> {
        self.work(delivery).await?;
        self.queue.acknowledge(&delivery.receipt).await
    }

    /// Does what a delivery asks for: a step, and the message of the next one. Once this has returned without an error, the
    /// delivery may be acknowledged.
    pub async fn work(&self, delivery: &Delivery) -> Result<(), TaskError> {
        let id = &delivery.message.task;
        match self.step(delivery).instrument(info_span!("step", task = %id)).await? {
            Some(FollowUp { step, at }) => self.queue.enqueue(StepMessage { task: id.clone(), step }, at).await,
            None => Ok(()),
        }
    }

    /// Steps a task; answers when it wants to be stepped again.
    async fn step(&self, delivery: &Delivery) -> Result<Option<FollowUp>, TaskError> {
        let id = &delivery.message.task;
        let stopping = self.store.stop_requested(id).await?;
        let Some((task, etag)) = self.store.get(id).await? else {
            if stopping {
                self.store.remove(id).await?;
            }
            return Ok(None);
        };
        // Messages of one task would multiply with every repetition if each had a successor. One that comes again, however, may
        // be that of a worker which died between its commit and the message of its next step.
        if delivery.message.step < task.step && delivery.attempt <= 1 && !stopping {
            debug!(asked = delivery.message.step, stands = task.step, "another message has taken this one's place");
            return Ok(None);
        }
        let now = self.clock.now();
        if let Some(lease) = task.lease.as_ref().filter(|lease| lease.until > now) {
            // Another worker is at it; should it die, the next message finds the lease lapsed. What the task is woken for may have come
            // too late for the step under way, though, so the one behind it is to come soon, whatever that one asks for.
            let follow_up = match delivery.message.step > task.step {
                true => FollowUp { step: task.step + 1, at: lease.until.min(now.plus(self.config.first_pause)) },
                false => FollowUp { step: task.step, at: lease.until },
            };
            return Ok(Some(follow_up));
        }
        if stopping {
            return self.stop(id).await;
        }
        if task.phase != Phase::Running {
            return Ok(None);
        }
        let Some(stepper) = self.steppers.get(task.kind.as_str()) else {
            warn!(kind = task.kind, "no stepper for this kind of task");
            return Ok(None);
        };
        match self.lease(&task, etag.clone()).await {
            Ok((leased, lease_etag)) => self.run(stepper.as_ref(), leased, lease_etag, &etag).await,
            Err(lost) if lost.is_conflict() => {
                Ok(Some(FollowUp { step: u64::MAX, at: self.clock.now().plus(self.config.first_pause) })) // See `run`.
            }
            Err(error) => Err(error),
        }
    }

    async fn lease(&self, task: &Task, etag: Etag) -> Result<(Task, Etag), TaskError> {
        let until = self.clock.now().plus(self.config.lease);
        let leased = Task { lease: Some(Lease { holder: self.config.holder.clone(), until }), ..task.clone() };
        let etag = self.store.put(&leased, etag).await?;
        Ok((leased, etag))
    }

    async fn run(&self, stepper: &dyn Stepper, task: Task, etag: Etag, stands_at: &Etag) -> Result<Option<FollowUp>, TaskError> {
        let voice = Voice { store: self.store.clone(), stored: Mutex::new((task.clone(), etag)) };
        let context = StepContext { budget: self.config.budget, stands_at, store: &self.store, voice: &voice };
        let id = task.id.clone();
        metrics::counter!("headwater_task_steps_total", "kind" => task.kind.clone()).increment(1);
        let stepped = {
            let work = pin!(self.step_and_save(stepper, &task, context));
            let hold = pin!(voice.hold(&*self.clock, self.config.lease));
            match select(work, hold).await {
                // A prolongation that is under way is waited for: it makes another version of the document.
                Either::Left((stepped, hold)) => match select(voice.stored.lock(), hold).await {
                    Either::Left(_) => stepped,
                    Either::Right((lost, _)) => Err(lost),
                },
                Either::Right((lost, _)) => Err(lost),
            }
        };
        let (_, etag) = voice.stored.into_inner();
        let outcome = match stepped {
            Ok((result, _)) if result.next == Next::Stopped => {
                stepper.forget(&id);
                return self.stop(&id).await;
            }
            Ok((result, snapshot)) => self.commit(stepper, &task, etag.clone(), result, snapshot).await,
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { return outcome };
        stepper.forget(&id);
        // What was refused as a conflict may have been written by an earlier try whose answer got lost, so the task may stand further
        // than it seems: the next message is to be honoured wherever it stands.
        let again = FollowUp { step: u64::MAX, at: self.clock.now().plus(self.config.first_pause * STORE_PAUSE) };
        if error.is_conflict() {
            warn!("the lease was lost during the step; what it did is repeated");
            return Ok(Some(again));
        }
        // The store failed. If it takes the lease back, the step can be repeated soon; otherwise the lease has to lapse. The task then stands
        // where it did, so that of many messages one is enough.
        let again = FollowUp { step: task.step, ..again };
        self.store.put(&Task { lease: None, ..task }, etag).await.map_err(|_| error).map(|_| {
            warn!("the step failed; it is repeated");
            Some(again)
        })
    }

    /// Steps, and stores the snapshot that the task is to go on from.
    async fn step_and_save(
        &self,
        stepper: &dyn Stepper,
        task: &Task,
        context: StepContext<'_>,
    ) -> Result<(StepResult, Option<SnapshotRef>), TaskError> {
        let attempt = task.lease.as_ref().map(|lease| format!("{}-{}", lease.holder, lease.until.as_micros())).unwrap_or_default();
        let mut result = stepper.step(task, context).await?;
        let snapshot = match std::mem::replace(&mut result.saved, Saved::Kept) {
            Saved::New(state) => Some(self.store.save_snapshot(&task.id, task.step + 1, &attempt, state).await?),
            Saved::Kept => task.snapshot.clone(),
            Saved::Dropped => None,
        };
        Ok((result, snapshot))
    }

    async fn commit(
        &self,
        stepper: &dyn Stepper,
        task: &Task,
        etag: Etag,
        result: StepResult,
        snapshot: Option<SnapshotRef>,
    ) -> Result<Option<FollowUp>, TaskError> {
        let former = task.snapshot.clone();
        let step = task.step + 1;
        let troubles = if let Next::Trouble { attempt } = result.next { attempt } else { 0 };
        let phase = match result.next {
            Next::Finished => Phase::Complete,
            Next::Failed => Phase::Failed,
            Next::Again | Next::At(_) | Next::Trouble { .. } | Next::Stopped => Phase::Running,
        };
        let now = self.clock.now();
        let due = match result.next {
            Next::At(moment) => moment,
            Next::Trouble { .. } => {
                let pause = self.config.first_pause * 2u32.saturating_pow(troubles.saturating_sub(1).min(16));
                now.plus(pause.min(self.config.longest_pause))
            }
            Next::Again | Next::Finished | Next::Failed | Next::Stopped => now,
        };
        let (progress, message) = (result.progress, result.message);
        let task = Task { phase, step, lease: None, snapshot, progress, message, troubles, due, ..task.clone() };
        let etag = self.store.put(&task, etag).await?;
        stepper.committed(&task, &etag);
        if let Some(former) = former.filter(|former| task.snapshot.as_ref() != Some(former)) {
            // The step is done, whatever becomes of this; the task's removal takes all that is left.
            if let Err(error) = self.store.drop_snapshot(&task.id, &former).await {
                warn!(error = &error as &dyn std::error::Error, "a former snapshot is left over");
            }
        }
        debug!(step, ?phase, "committed");
        if let Next::Trouble { .. } = result.next {
            warn!(troubles, reason = task.message, "trouble; trying again later");
            metrics::counter!("headwater_task_troubles_total", "kind" => task.kind.clone()).increment(1);
        }
        if phase == Phase::Running {
            return Ok(Some(FollowUp { step, at: due }));
        }
        info!(?phase, reason = task.message, "ended");
        stepper.forget(&task.id);
        Ok(None)
    }

    async fn stop(&self, id: &TaskId) -> Result<Option<FollowUp>, TaskError> {
        self.store.remove(id).await?;
        info!("stopped");
        Ok(None)
    }
}

//! One step of a table that is fed by a source.

use std::time::Duration;

use async_trait::async_trait;
use futures::future;
use futures::pin_mut;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::follow::Outcome;
use super::service::{TableError, TableService};
use crate::ids::{TableName, TaskId};
use crate::ports::{Etag, PortError};
use crate::tasks::{Next, Saved, StepContext, StepResult, Stepper, Task, TaskError};

/// How long a source may be silent before the step ends, if nobody says otherwise.
const QUIET: Duration = Duration::from_millis(500);

/// How long a silent source is left alone at first, if nobody says otherwise; eight times as long, the longer it is silent.
const IDLE: Duration = Duration::from_millis(250);

/// How long the definition of a table may take behind the making of its task.
const DEFINING: Duration = Duration::from_secs(300);

/// Which table a task feeds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Following {
    pub(super) table: TableName,
    pub(super) id: String,
    /// The table that is its source, if one is.
    pub(super) source: Option<TableName>,
}

/// Steps the tasks that follow the sources of tables. All they know stands in the tables themselves, so a step that is repeated finds
/// what the first one has done.
#[derive(Debug)]
pub struct TableStepper {
    service: TableService,
    /// How long a source may be silent before the step ends.
    quiet: Duration,
    /// How long a silent source is left alone.
    idle: Duration,
}

impl TableStepper {
    /// A stepper for the tables of this service.
    #[must_use]
    pub fn new(service: TableService) -> Self {
        Self { service, quiet: QUIET, idle: IDLE }
    }

    /// This stepper, but looking at a source only once in `idle` when it has no more at once: where each look costs something. A stream in
    /// Kinesis is looked at through a service that takes five requests a second for all.
    #[must_use]
    pub fn looking_every(self, idle: Duration) -> Self {
        Self { quiet: Duration::ZERO, idle, ..self }
    }
}

fn result(next: Next, message: &str) -> StepResult {
    StepResult { next, saved: Saved::Kept, progress: Value::Null, message: message.to_owned() }
}

#[async_trait]
impl Stepper for TableStepper {
    async fn step(&self, task: &Task, context: StepContext<'_>) -> Result<StepResult, TaskError> {
        let following: Following = serde_json::from_value(task.specification.clone())
            .map_err(|source| PortError::Corrupt { what: format!("the task {}", task.id), source: source.into() })?;
        let clock = &*self.service.clock;
        let (began, wall) = (clock.now(), context.budget.wall.min(context.budget.longest));
        let mut silent_since = began;
        loop {
            if context.store.stop_requested(&task.id).await? {
                return Ok(result(Next::Stopped, ""));
            }
            let outcome = match self.service.follow(&following.table, &following.id).await {
                Ok(outcome) => outcome,
                Err(TableError::Store(error)) => return Err(error),
                Err(other) => return Err(PortError::unavailable("following a source", other.to_string())),
            };
            let now = clock.now();
            let pause = match outcome {
                // Its table may be about to be written.
                Outcome::Over if now.since(task.created) < DEFINING && self.is_missing(&following).await? => {
                    return Ok(result(Next::At(now.plus(self.idle)), "waits for its table"));
                }
                Outcome::Over => return Ok(result(Next::Stopped, "")), // Nobody asks for it any more.
                Outcome::More => Duration::ZERO,
                Outcome::Took(pause) | Outcome::Wait(pause) => pause,
            };
            if !matches!(outcome, Outcome::Wait(_)) {
                silent_since = now;
            }
            if !pause.is_zero() && now.since(silent_since) >= self.quiet {
                let (pause, silent_steps) = self.rest(task, silent_since == began);
                return Ok(StepResult { progress: silent_steps.into(), ..result(Next::At(now.plus(pause)), "waits for its source") });
            }
            if !pause.is_zero() && now.since(began) + pause >= wall {
                return Ok(result(Next::At(now.plus(pause)), "follows its source"));
            }
            if !pause.is_zero() {
                self.wait(&following, pause).await;
            }
            if now.since(began) >= wall {
                return Ok(result(Next::Again, "follows its source"));
            }
        }
    }

    fn committed(&self, _task: &Task, _etag: &Etag) {}

    fn forget(&self, _id: &TaskId) {}
}

impl TableStepper {
    /// How long a source is left alone, and how many steps of this task have found it silent.
    fn rest(&self, task: &Task, all_silent: bool) -> (Duration, u32) {
        if self.quiet.is_zero() || !all_silent {
            return (self.idle, 0);
        }
        // Longer and longer, as long as nothing comes.
        let before = task.progress.as_u64().and_then(|steps| u32::try_from(steps).ok()).unwrap_or(0);
        (self.idle * (1 << before.min(3)), before.saturating_add(1))
    }

    /// Waits, but no longer than until this process changes the table that is the source.
    async fn wait(&self, following: &Following, pause: Duration) {
        let pause = self.service.clock.sleep(pause);
        let Some(source) = &following.source else { return pause.await };
        let news = self.service.news.of(source);
        let told = news.notified();
        pin_mut!(told);
        future::select(told, pause).await;
    }

    async fn is_missing(&self, following: &Following) -> Result<bool, PortError> {
        Ok(self.service.store.find(&following.table).await?.is_none())
    }
}

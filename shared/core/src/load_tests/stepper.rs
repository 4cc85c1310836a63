//! The steps of the recorder's tasks.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::background::{Beaten, Duty};
use super::delivered::Delivered;
use super::delivery::Destination;
use super::points_file::PointsFile;
use super::service::LoadTestService;
use crate::ids::TaskId;
use crate::ports::{Etag, PortError};
use crate::tasks::{Kept, Next, Saved, StepContext, StepResult, Stepper, Task, TaskError};

/// How long the delivery waits for more points before it ends its step, if nobody says otherwise.
const LINGER: Duration = Duration::from_millis(800);

/// Steps the tasks that write heartbeats and deliver points.
#[derive(Debug)]
pub struct LoadTestStepper {
    service: LoadTestService,
    destination: Destination,
    linger: Duration,
    /// The open file, where points go into one.
    file: Kept<PointsFile>,
}

impl LoadTestStepper {
    /// A stepper for the runs of this service, whose points go there.
    #[must_use]
    pub fn new(service: LoadTestService, destination: Destination) -> Self {
        Self { service, destination, linger: LINGER, file: Kept::new(1) }
    }

    /// This stepper, but ending each step as soon as nothing is left to do: where a step that waits costs something.
    #[must_use]
    pub fn without_lingering(self) -> Self {
        Self { linger: Duration::ZERO, ..self }
    }
}

fn result(next: Next, progress: &impl Serialize, message: String) -> StepResult {
    StepResult { next, saved: Saved::Kept, progress: serde_json::to_value(progress).expect("plain data serialises"), message }
}

#[async_trait]
impl Stepper for LoadTestStepper {
    async fn step(&self, task: &Task, context: StepContext<'_>) -> Result<StepResult, TaskError> {
        let corrupt = |source: serde_json::Error| PortError::Corrupt { what: format!("the task {}", task.id), source: source.into() };
        let duty: Duty = serde_json::from_value(task.specification.clone()).map_err(corrupt)?;
        match duty {
            Duty::Beats(shard) => {
                let before: Option<Beaten> = serde_json::from_value(task.progress.clone()).map_err(corrupt)?;
                let (after, next) = self.service.beat(shard, before).await?;
                Ok(result(next, &after, "writes heartbeats".to_owned()))
            }
            Duty::Delivery => {
                let before: Option<Delivered> = serde_json::from_value(task.progress.clone()).map_err(corrupt)?;
                let mut file = self.file.take(task, context.stands_at);
                let wall = context.budget.wall.min(context.budget.longest);
                let before = before.unwrap_or_default();
                let (after, next) = self.service.deliver(before, &self.destination, &mut file, (wall, self.linger.min(wall))).await?;
                if let Some(file) = file {
                    self.file.keep(task, self.service.clock.now(), file);
                }
                let message = match (&after.last_error, after.reachable) {
                    (Some((why, _)), Some(false)) => format!("waits for the database: {why}"),
                    _ => "delivers points".to_owned(),
                };
                Ok(result(next, &after, message))
            }
        }
    }

    fn committed(&self, task: &Task, etag: &Etag) {
        self.file.committed(task, etag);
    }

    fn forget(&self, id: &TaskId) {
        self.file.forget(id);
    }
}

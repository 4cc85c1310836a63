//! Steps background tasks on Lambda.
//!
//! The function stands behind the queue of steps and is handed its messages in batches; each asks for a step of one task, and the
//! steps of a batch run side by side. A message whose step failed is reported, and only that one is delivered again. On a schedule
//! the function is handed `{"sweep": true}`: it then asks anew for a step of every task whose message may have been lost, and tidies
//! the streams.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt as _;
use futures::future::join_all;
use headwater_adapters::aws::{Deployment, SqsTaskQueue};
use headwater_core::datagen::{DatagenStepper, KIND};
use headwater_core::load_tests::LoadTestStepper;
use headwater_core::ports::{Clock, Delivery, PortError, Receipt, Timestamp};
use headwater_core::streams::StreamService;
use headwater_core::tables::TableStepper;
use headwater_core::tasks::{Budget, Stepper, Worker, WorkerConfig};
use headwater_core::upkeep::{OVERDUE, Upkeep};
use headwater_core::{load_tests, simulations, tables};
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use tracing::{error, info};

/// How long a step works when nobody says otherwise: long enough that reading and saving its state is a small part of it, short
/// enough that a job in real time shows what it has written.
pub const STEP: Duration = Duration::from_secs(10);

/// What the function keeps free of its time for flushing the target and saving, which a slow network can make long.
const RESERVE: Duration = Duration::from_secs(25);

/// Megabytes of records of a step when nobody says otherwise. A target that writes one object a step holds them in memory.
pub const STEP_MEGABYTES: u64 = 64;

/// How much longer than the function's time a lease lasts. No step outlives its function, and none is taken over before that.
const LEASE_BEYOND: Duration = Duration::from_secs(5);

/// What a step may take even when less time is left than the reserve. A step that is cut off is repeated.
const LEAST: Duration = Duration::from_secs(1);

/// How often the sources of tables are looked at that have no more at once.
const LOOK: Duration = Duration::from_secs(5);

/// Jobs kept in memory for their next step, which may as well go to another instance.
const KEPT: usize = 8;

/// What the function is handed.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// By the schedule.
    Sweep {
        /// Whether to sweep.
        sweep: bool,
        /// For how many seconds a message must have been overdue to be taken for lost, if not for [`OVERDUE`].
        overdue_seconds: Option<u64>,
    },
    /// By the queue.
    Batch(SqsEvent),
}

/// The function, composed once when it starts.
#[derive(Debug)]
pub struct Function {
    worker: Worker,
    upkeep: Upkeep,
    streams: StreamService,
    queue: SqsTaskQueue,
    clock: Arc<dyn Clock>,
    /// Bounds of a step that has time enough.
    budget: Budget,
}

impl Function {
    /// The function over a deployment, with steps that last `wall` and make so many megabytes at most.
    #[must_use]
    pub fn new(deployment: &Deployment, wall: Duration, megabytes: u64) -> Self {
        let clock = Arc::clone(&deployment.clock);
        let tasks = deployment.stores.tasks(&clock);
        let budget = Budget { records: u64::MAX, bytes: megabytes.saturating_mul(1 << 20), wall, longest: wall };
        let config = WorkerConfig {
            holder: format!("function-{:016x}", deployment.entropy.draw()),
            budget,
            lease: wall + LEASE_BEYOND,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
        };
        let stepper: Arc<dyn Stepper> = Arc::new(DatagenStepper::new(Arc::clone(&deployment.targets), Arc::clone(&clock), KEPT));
        let queue = Arc::clone(&deployment.stores.queue);
        let simulations = deployment.simulations(KEPT);
        let simulating: Arc<dyn Stepper> = simulations.stepper;
        let filling: Arc<dyn Stepper> = Arc::new(TableStepper::new(deployment.tables.clone()).looking_every(LOOK));
        let recorder = LoadTestStepper::new(deployment.load_tests.clone(), deployment.points.clone()).without_lingering();
        let recording: Arc<dyn Stepper> = Arc::new(recorder);
        let steppers = [(KIND, stepper), (simulations::KIND, simulating), (tables::KIND, filling), (load_tests::KIND, recording)];
        let worker = Worker::new(tasks.clone(), queue, Arc::clone(&clock), steppers, config);
        let upkeep = Upkeep {
            tasks,
            datagen: deployment.datagen(),
            simulations: simulations.service,
            tables: deployment.tables.clone(),
            load_tests: deployment.load_tests.clone(),
        };
        Self { worker, upkeep, streams: deployment.streams.clone(), queue: deployment.queue.clone(), clock, budget }
    }

    /// Answers one invocation.
    ///
    /// # Errors
    /// When a sweep failed; failures of steps are reported in the answer.
    pub async fn answer(&self, event: LambdaEvent<Event>) -> Result<SqsBatchResponse, lambda_runtime::Error> {
        let deadline = Timestamp::from_millis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX));
        match event.payload {
            Event::Sweep { sweep, overdue_seconds } => {
                let overdue = overdue_seconds.map_or(OVERDUE, Duration::from_secs);
                if sweep {
                    let asked = self.upkeep.sweep(overdue).await?;
                    self.streams.tidy().await?;
                    info!(asked, "swept");
                }
                Ok(SqsBatchResponse::default())
            }
            Event::Batch(batch) => Ok(self.batch(batch, deadline).await),
        }
    }

    async fn batch(&self, batch: SqsEvent, deadline: Timestamp) -> SqsBatchResponse {
        let left = deadline.since(self.clock.now());
        let worker = self.worker.within(self.budget(left), left + LEASE_BEYOND);
        let steps = batch.records.into_iter().map(async |message| {
            let id = message.message_id.clone().unwrap_or_default();
            // A panic in one step must not take the others with it.
            match AssertUnwindSafe(self.step(&worker, message)).catch_unwind().await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => {
                    error!(error = &error as &dyn std::error::Error, message = id, "a step failed; it is delivered again");
                    Err(id)
                }
                Err(_) => {
                    error!(message = id, "a step panicked; it is delivered again");
                    Err(id)
                }
            }
        });
        let failed = join_all(steps).await.into_iter().filter_map(Result::err);
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failed
            .map(|id| {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failure
            })
            .collect();
        response
    }

    async fn step(&self, worker: &Worker, message: SqsMessage) -> Result<(), PortError> {
        let Some(due) = self.queue.due(message.body.as_deref().unwrap_or_default()).await? else { return Ok(()) };
        let receipt = Receipt(message.receipt_handle.unwrap_or_default());
        worker.work(&Delivery { message: due, receipt, attempt: attempt(&message.attributes) }).await
    }

    /// What a step may do when the function is ended after `left`.
    fn budget(&self, left: Duration) -> Budget {
        let longest = left.saturating_sub(RESERVE).max(LEAST);
        Budget { wall: self.budget.wall.min(longest), longest, ..self.budget }
    }
}

fn attempt(attributes: &HashMap<String, String>) -> u32 {
    attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_the_queue_and_of_the_schedule_are_told_apart() {
        let batch = r#"{"Records": [{"messageId": "m", "receiptHandle": "r", "body": "{}", "attributes": {"ApproximateReceiveCount": "3"},
            "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs", "eventSourceARN": "a", "awsRegion": "us-east-1"}]}"#;
        let Event::Batch(batch) = serde_json::from_str(batch).unwrap() else { panic!("a batch is no sweep") };
        assert_eq!((batch.records.len(), attempt(&batch.records[0].attributes)), (1, 3));
        assert!(matches!(serde_json::from_str(r#"{"sweep": true}"#).unwrap(), Event::Sweep { sweep: true, overdue_seconds: None }));
        assert!(serde_json::from_str::<Event>(r#"{"something": "else"}"#).is_err());
    }
}

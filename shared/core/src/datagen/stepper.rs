//! Runs a job as a durable task: generator in, sink out, a snapshot at the end of every step.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{Either, select};
use serde::Deserialize;
use tracing::error;

use super::generator::{Generator, Plan};
use super::job::{Launch, Progress, clock_text};
use super::run::{Advance, Halt, Records, Window};
use crate::ids::TaskId;
use crate::mistakes::Mistakes;
use crate::ports::{Batch, Clock, Etag, Owner, PortError, Sink, Targets, Timestamp};
use crate::targets::Target;
use crate::tasks::{Kept, Next, Obstacle, Saved, StepContext, StepResult, Stepper, Task, TaskError};

/// The kind of a datagen job's task.
pub const KIND: &str = "datagen";

/// Bytes rendered before they are handed to the sink: large enough for few calls, small enough to stay in the cache.
const SLICE: usize = 256 * 1024;

/// How often a running step looks for a stop request.
const LOOK_FOR_STOP: Duration = Duration::from_millis(250);

/// A wait for a target from which on people are told of it.
const NOTICEABLE: Duration = Duration::from_secs(1);

/// A snapshot may take this share of the time between two of them; a large one makes steps longer.
const SNAPSHOT_SHARE: u32 = 20;

/// Steps datagen jobs.
///
/// Between steps the generator and its open sink stay in memory, so that a step in the same process goes straight on. If they
/// are not good any more, the run is restored from the snapshot.
#[derive(Debug)]
pub struct DatagenStepper {
    targets: Arc<dyn Targets>,
    clock: Arc<dyn Clock>,
    kept: Kept<Live>,
}

/// A job in memory.
#[derive(Debug)]
struct Live {
    launch: Launch,
    generator: Generator,
    sink: Box<dyn Sink>,
    batch: Batch,
    /// How long taking the last snapshot took.
    snapshot_cost: Duration,
}

/// How the work of a step ended.
enum Ended {
    Budget,
    Idle(Timestamp),
    Done,
    Stop,
}

impl DatagenStepper {
    /// A stepper that writes to these targets and keeps at most so many jobs in memory between their steps. Where several
    /// processes step the same jobs, each of them keeps some whose next step goes to another.
    pub fn new(targets: Arc<dyn Targets>, clock: Arc<dyn Clock>, keeps: usize) -> Self {
        Self { targets, clock, kept: Kept::new(keeps) }
    }

    async fn bring(&self, task: &Task, progress: &Progress, context: &StepContext<'_>) -> Result<Result<Live, Obstacle>, TaskError> {
        if let Some(live) = self.kept.take(task, context.stands_at) {
            return Ok(Ok(live));
        }
        let store = context.store;
        let launch = Launch::deserialize(&task.specification).map_err(|source| corrupt(task, source))?;
        let source = if launch.has_source { Some(store.load_source(&task.id).await?) } else { None };
        let plan = Plan::compile(&launch.specification, launch.seed, source.as_deref()).map_err(|source| corrupt(task, source))?;
        let run = launch.run();
        let mut generator = match &task.snapshot {
            None => Generator::new(&plan, run),
            Some(snapshot) => {
                let state = store.load_snapshot(&task.id, snapshot).await?;
                Generator::restore(&plan, run, &state).map_err(|source| corrupt(task, source))?
            }
        };
        if generator.emitted() > progress.committed.records {
            return Err(corrupt(task, std::io::Error::other("its state is ahead of what its target has")));
        }
        if let Err(halt) = skip(&mut generator, progress.committed.records) {
            return Ok(Err(Obstacle::Never(halt.to_string())));
        }
        let target = Target::parse(&serde_json::Value::Object(launch.target.clone())).map_err(|source: Mistakes| corrupt(task, source))?;
        Ok(match self.targets.open(&target, &Owner(task.id.to_string()), progress.committed).await {
            Ok(sink) => Ok(Live { launch, generator, sink, batch: Batch::default(), snapshot_cost: Duration::ZERO }),
            Err(error) => Err(error.into()),
        })
    }

    /// Waits for a sink, but not for one whose task is asked to stop meanwhile: a broker may be down for hours. `None` when it
    /// was. A wait that people would notice is said.
    async fn unless_stopped<T>(
        &self,
        task: &Task,
        context: &StepContext<'_>,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, TaskError> {
        let mut work = std::pin::pin!(work);
        let began = self.clock.now();
        loop {
            match select(work.as_mut(), self.clock.sleep(LOOK_FOR_STOP)).await {
                Either::Left((done, _)) => return Ok(Some(done)),
                Either::Right(_) if context.store.stop_requested(&task.id).await? => return Ok(None),
                Either::Right(_) if self.clock.now().since(began) >= NOTICEABLE => {
                    context.voice.say("Waiting for the target to take what was generated.").await?;
                }
                Either::Right(_) => {}
            }
        }
    }

    /// Generates and writes until the budget is used, there is nothing to do, or all is done.
    async fn work(&self, task: &Task, live: &mut Live, context: &StepContext<'_>) -> Result<Result<Ended, Obstacle>, TaskError> {
        let run = live.launch.run();
        let began = self.clock.now();
        let ends = began.plus(context.budget.wall.max(live.snapshot_cost * SNAPSHOT_SHARE).min(context.budget.longest));
        let mut looked = began;
        let (mut records_left, mut bytes_left) = (context.budget.records, context.budget.bytes);
        loop {
            let now = self.clock.now();
            if now.since(looked) >= LOOK_FOR_STOP {
                looked = now;
                if context.store.stop_requested(&task.id).await? {
                    return Ok(Ok(Ended::Stop));
                }
            }
            if now >= ends || records_left == 0 || bytes_left == 0 {
                return Ok(Ok(Ended::Budget));
            }
            let horizon = if live.launch.paced { nanos(now.since(run.start)) } else { u64::MAX };
            let mut records = Records::reusing(std::mem::take(&mut live.batch));
            let advance = live.generator.advance(Window { records: records_left, bytes: SLICE, horizon }, &mut records);
            live.batch = records.into_batch();
            if !live.batch.is_empty() {
                match self.unless_stopped(task, context, live.sink.write(&live.batch)).await? {
                    Some(Ok(())) => {}
                    Some(Err(error)) => return Ok(Err(error.into())),
                    None => return Ok(Ok(Ended::Stop)),
                }
                records_left -= live.batch.len() as u64;
                bytes_left = bytes_left.saturating_sub(live.batch.text.len() as u64);
                metrics::counter!("headwater_datagen_records_total").increment(live.batch.len() as u64);
                metrics::counter!("headwater_datagen_bytes_total").increment(live.batch.text.len() as u64);
            }
            match advance {
                Ok(Advance::More) => {}
                Ok(Advance::Done) => return Ok(Ok(Ended::Done)),
                Err(halt) => {
                    // What came before it is good, and stays.
                    let flushed = live.sink.flush().await;
                    return Ok(Err(flushed.map_or_else(Obstacle::from, |()| Obstacle::Never(halt.to_string()))));
                }
                Ok(Advance::Idle { until }) => {
                    let due = run.start.plus(Duration::from_nanos(until)).plus(Duration::from_micros(1));
                    let now = self.clock.now();
                    if due >= ends {
                        return Ok(Ok(Ended::Idle(due)));
                    }
                    self.clock.sleep(due.since(now).min(LOOK_FOR_STOP)).await;
                }
            }
        }
    }

    async fn close(&self, task: &Task, mut live: Live, ended: Ended, context: &StepContext<'_>) -> Result<StepResult, TaskError> {
        let flushed = match ended {
            Ended::Stop => None,
            Ended::Budget | Ended::Idle(_) => self.unless_stopped(task, context, live.sink.flush()).await?,
            Ended::Done => self.unless_stopped(task, context, live.sink.finish()).await?,
        };
        match flushed {
            Some(Ok(())) => Ok(self.saved(task, live, &ended)),
            Some(Err(error)) => Ok(interrupted(task, &live, error.into())),
            None => {
                Ok(StepResult { next: Next::Stopped, saved: Saved::Kept, progress: task.progress.clone(), message: task.message.clone() })
            }
        }
    }

    /// The result of a step whose output is durable.
    fn saved(&self, task: &Task, mut live: Live, ended: &Ended) -> StepResult {
        let run = live.launch.run();
        let generator = &live.generator;
        let finished = matches!(ended, Ended::Done);
        let progress = Progress {
            total_records: generator.emitted(),
            active_sessions: if finished { 0 } else { generator.active() },
            run_time: generator.now(),
            committed: live.sink.committed(),
        };
        let progress = serde_json::to_value(progress).expect("plain data serialises");
        if finished {
            return StepResult { next: Next::Finished, saved: Saved::Dropped, progress, message: "Complete.".to_owned() };
        }
        let message = format!("Running, Sim Clock: {}", clock_text(&run, generator.now()));
        let before = self.clock.now();
        let snapshot = generator.snapshot();
        live.snapshot_cost = self.clock.now().since(before);
        let next = match ended {
            Ended::Idle(due) => Next::At(*due),
            Ended::Budget | Ended::Done | Ended::Stop => Next::Again,
        };
        self.kept.keep(task, self.clock.now(), live);
        StepResult { next, saved: Saved::New(snapshot), progress, message }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn corrupt(task: &Task, source: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::Corrupt { what: format!("the task {}", task.id), source: Box::new(source) }
}

/// Goes on to where the target already is, throwing away what was generated for it before.
fn skip(generator: &mut Generator, records: u64) -> Result<(), Halt> {
    let mut batch = Batch::default();
    while generator.emitted() < records {
        let mut thrown = Records::reusing(batch);
        let window = Window { records: records - generator.emitted(), bytes: SLICE, horizon: u64::MAX };
        if generator.advance(window, &mut thrown)? == Advance::Done {
            break;
        }
        batch = thrown.into_batch();
    }
    Ok(())
}

/// The result of a step that met an obstacle: what is durable counts, the rest is generated again from the former snapshot.
fn interrupted(task: &Task, live: &Live, obstacle: Obstacle) -> StepResult {
    let former = Progress::deserialize(&task.progress).unwrap_or_default();
    let committed = live.sink.committed();
    hindered(task, &Progress { committed, total_records: committed.records, ..former }, obstacle)
}

/// The result of a step that could not go on from where `progress` stands.
fn hindered(task: &Task, progress: &Progress, obstacle: Obstacle) -> StepResult {
    let former = Progress::deserialize(&task.progress).unwrap_or_default();
    obstacle.hinders(task, progress, progress.committed.records > former.committed.records)
}

#[async_trait]
impl Stepper for DatagenStepper {
    async fn step(&self, task: &Task, context: StepContext<'_>) -> Result<StepResult, TaskError> {
        let progress = Progress::deserialize(&task.progress).map_err(|source| corrupt(task, source))?;
        let mut live = match self.bring(task, &progress, &context).await {
            Ok(Ok(live)) => live,
            Ok(Err(obstacle)) => return Ok(hindered(task, &progress, obstacle)),
            Err(damaged @ PortError::Corrupt { .. }) => {
                error!(error = &damaged as &dyn std::error::Error, "the job cannot be restored");
                return Ok(hindered(task, &progress, Obstacle::Never("its stored state cannot be read".to_owned())));
            }
            Err(error) => return Err(error),
        };
        match self.work(task, &mut live, &context).await? {
            Ok(ended) => self.close(task, live, ended, &context).await,
            Err(obstacle) => Ok(interrupted(task, &live, obstacle)),
        }
    }

    fn committed(&self, task: &Task, etag: &Etag) {
        self.kept.committed(task, etag);
    }

    fn forget(&self, id: &TaskId) {
        self.kept.forget(id);
    }
}

//! The tasks of the recorder, and who wakes them: one for each shard of the running runs, which writes their heartbeats, and one that
//! delivers points.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::KIND;
use super::bell::Bell;
use super::id::RunId;
use super::store::SHARDS;
use crate::ids::TaskId;
use crate::ports::{Clock, PortError, Timestamp};
use crate::tasks::{Task, TaskStore};

/// How long a shard without runs goes on looking for some before it sleeps. Whoever registers a run wakes a shard that had none for
/// half as long, so no run is overlooked as long as clocks agree within the other half.
pub(super) const GRACE: Duration = Duration::from_secs(120);

/// What a task of the recorder does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Duty {
    /// Writes the heartbeats of the runs of a shard.
    Beats(u64),
    /// Delivers points.
    Delivery,
}

impl Duty {
    /// Its task has the same id in every process and at any time.
    pub(super) fn task(self) -> TaskId {
        TaskId::from_bits(match self {
            Self::Beats(shard) => 0x10ad_7e57_bea7_0000 | shard,
            Self::Delivery => 0x10ad_7e57_de11_0000,
        })
    }
}

/// What a task of heartbeats has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beaten {
    /// The last tick whose heartbeats were written.
    pub(super) tick: Timestamp,
    /// When there were runs last.
    pub(super) busy: Timestamp,
    /// Since when ticks come without a pause.
    pub(super) since: Timestamp,
}

/// Whoever wakes a task asks for a step so soon, and for no other until then: that one finds all that is there by then.
const SOON: Duration = Duration::from_millis(50);

/// Wakes the recorder's tasks.
#[derive(Debug, Clone)]
pub(super) struct Background {
    pub(super) tasks: TaskStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) bell: Arc<Bell>,
    /// For each shard, until when its task is known to be awake.
    awake: Arc<[AtomicI64; SHARDS as usize]>,
    /// When the step of a task is due that was asked for last.
    asked: Arc<Mutex<HashMap<TaskId, Timestamp>>>,
}

impl Background {
    pub(super) fn new(tasks: TaskStore, clock: Arc<dyn Clock>) -> Self {
        Self { tasks, clock, bell: Arc::default(), awake: Arc::default(), asked: Arc::default() }
    }

    /// Sees to it that a run which was just stored gets its heartbeats.
    pub(super) async fn beat(&self, uuid: &RunId) -> Result<(), PortError> {
        let shard = uuid.shard(SHARDS);
        let (duty, now) = (Duty::Beats(shard), self.clock.now());
        let awake = usize::try_from(shard).ok().and_then(|shard| self.awake.get(shard));
        if awake.is_some_and(|until| until.load(Ordering::Relaxed) > now.as_micros()) {
            return Ok(());
        }
        let busy = match self.tasks.get(&duty.task()).await? {
            None => {
                self.create(duty).await?;
                return Ok(());
            }
            // One that has done nothing yet may never have been asked to.
            Some((task, _)) => serde_json::from_value::<Beaten>(task.progress).map_or(Timestamp::from_micros(0), |beaten| beaten.busy),
        };
        let until = busy.plus(GRACE / 2);
        if until <= now || busy > now.plus(GRACE) {
            return self.wake(duty).await;
        }
        if let Some(awake) = awake {
            awake.store(until.as_micros(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sees to it that points which were just put into the outbox are delivered.
    pub(super) async fn deliver(&self) -> Result<(), PortError> {
        if !self.bell.ring(self.clock.now()) {
            return Ok(());
        }
        match self.tasks.get(&Duty::Delivery.task()).await? {
            None => self.create(Duty::Delivery).await,
            Some(_) => self.wake(Duty::Delivery).await,
        }
    }

    async fn create(&self, duty: Duty) -> Result<(), PortError> {
        let task = Task::new(duty.task(), KIND, &duty, &Value::Null, "", self.clock.now());
        match self.tasks.create(&task).await {
            // Whoever else makes it may not have asked for its step yet.
            Ok(_) => self.tasks.enqueue(&task.id, 0).await,
            Err(error) if error.is_conflict() => self.wake(duty).await,
            Err(error) => Err(error),
        }
    }

    /// Asks for a step wherever the task stands.
    async fn wake(&self, duty: Duty) -> Result<(), PortError> {
        let (task, now) = (duty.task(), self.clock.now());
        let due = now.plus(SOON);
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.get(&task).is_some_and(|due| *due > now && *due <= now.plus(SOON)) {
                return Ok(());
            }
            asked.insert(task.clone(), due);
        }
        let message = self.tasks.enqueue_at(&task, u64::MAX, due).await;
        if message.is_err() {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&task);
        }
        message
    }
}

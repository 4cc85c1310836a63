use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use tracing::error;

use super::{Phase, SnapshotRef, Task};
use crate::ids::TaskId;
use crate::limits::READ_AT_ONCE;
use crate::ports::{Clock, Condition, Documents, DocumentsExt, Etag, Key, PortError, StepMessage, TaskQueue, Timestamp};

/// Why a task could not be read or changed.
pub type TaskError = PortError;

/// Tasks, their snapshots and their stop requests, in the document store, with their messages in the queue.
#[derive(Debug, Clone)]
pub struct TaskStore {
    documents: Arc<dyn Documents>,
    queue: Arc<dyn TaskQueue>,
    clock: Arc<dyn Clock>,
}

fn tasks() -> Key {
    Key::root("tasks")
}

fn below(root: &'static str, id: &TaskId) -> Key {
    Key::root(root).child(id.as_str()).expect("a task id is short")
}

impl TaskStore {
    /// Tasks in these stores.
    pub fn new(documents: Arc<dyn Documents>, queue: Arc<dyn TaskQueue>, clock: Arc<dyn Clock>) -> Self {
        Self { documents, queue, clock }
    }

    /// Stores a new task. It is not stepped before [`TaskStore::enqueue`].
    pub async fn create(&self, task: &Task) -> Result<Etag, TaskError> {
        self.documents.put_json(&below("tasks", &task.id), task, Condition::Absent).await
    }

    /// Asks for a step of the task, which stands after `step`, now.
    pub async fn enqueue(&self, id: &TaskId, step: u64) -> Result<(), TaskError> {
        self.enqueue_at(id, step, self.clock.now()).await
    }

    /// The same at a later moment.
    pub async fn enqueue_at(&self, id: &TaskId, step: u64, at: Timestamp) -> Result<(), TaskError> {
        self.queue.enqueue(StepMessage { task: id.clone(), step }, at).await
    }

    /// The task with its etag, or `None`.
    pub async fn get(&self, id: &TaskId) -> Result<Option<(Task, Etag)>, TaskError> {
        self.documents.get_json(&below("tasks", id)).await
    }

    /// Writes the task if it is still at `etag`.
    pub async fn put(&self, task: &Task, etag: Etag) -> Result<Etag, TaskError> {
        self.documents.put_json(&below("tasks", &task.id), task, Condition::Match(etag)).await
    }

    /// Asks the task to stop. Whoever steps it sees this within a second; it is then removed with all it stored.
    pub async fn request_stop(&self, id: &TaskId) -> Result<(), TaskError> {
        self.documents.put(&below("stops", id), Bytes::from_static(b"{}"), Condition::Any).await?;
        self.enqueue(id, 0).await // A stop is carried out wherever the task stands.
    }

    /// Whether the task has been asked to stop.
    pub async fn stop_requested(&self, id: &TaskId) -> Result<bool, TaskError> {
        Ok(self.documents.get(&below("stops", id)).await?.is_some())
    }

    /// Removes the task and what belongs to it, the stop request last: a removal that was interrupted is taken up again.
    pub async fn remove(&self, id: &TaskId) -> Result<(), TaskError> {
        for snapshot in self.documents.list_all(&below("snapshots", id)).await? {
            self.documents.delete(&snapshot.key, Condition::Any).await?;
        }
        self.documents.delete(&below("tasks", id), Condition::Any).await?;
        self.documents.delete(&below("stops", id), Condition::Any).await
    }

    /// Stores what a task needs besides its specification, such as a file it replays. It lives as long as the task.
    pub async fn save_source(&self, id: &TaskId, source: Bytes) -> Result<(), TaskError> {
        self.documents.put(&source_key(id), source, Condition::Any).await.map(drop)
    }

    /// What was stored by [`TaskStore::save_source`].
    ///
    /// # Errors
    /// [`PortError::NotFound`] when nothing was.
    pub async fn load_source(&self, id: &TaskId) -> Result<Bytes, TaskError> {
        self.load(&source_key(id)).await
    }

    async fn load(&self, key: &Key) -> Result<Bytes, TaskError> {
        let document = self.documents.get(key).await?;
        document.map(|document| document.body).ok_or_else(|| PortError::NotFound { what: key.to_string() })
    }

    /// Stores the state after a step. `attempt` is a word that no other attempt at this step has.
    pub async fn save_snapshot(&self, id: &TaskId, step: u64, attempt: &str, state: Bytes) -> Result<SnapshotRef, TaskError> {
        let snapshot = SnapshotRef { step, attempt: attempt.to_owned() };
        self.documents.put(&snapshot_key(id, &snapshot), state, Condition::Any).await?;
        Ok(snapshot)
    }

    /// The state that a task goes on from.
    ///
    /// # Errors
    /// [`PortError::NotFound`] when the snapshot is gone.
    pub async fn load_snapshot(&self, id: &TaskId, snapshot: &SnapshotRef) -> Result<Bytes, TaskError> {
        self.load(&snapshot_key(id, snapshot)).await
    }

    /// Removes a snapshot that no committed step needs any more.
    pub async fn drop_snapshot(&self, id: &TaskId, snapshot: &SnapshotRef) -> Result<(), TaskError> {
        self.documents.delete(&snapshot_key(id, snapshot), Condition::Any).await
    }

    /// All tasks.
    pub async fn all(&self) -> Result<Vec<Task>, TaskError> {
        Ok(self.read_all().await?.into_iter().map(|(task, _)| task).collect())
    }

    /// Takes up whatever a former process left behind: lapses all leases and asks for one step of every task that still has
    /// work or was asked to stop. Only for a host that is the only one on these stores. Answers how many there were.
    pub async fn recover(&self) -> Result<usize, TaskError> {
        let unfinished = self.unfinished().await?;
        for (task, etag) in &unfinished {
            if task.lease.is_some() {
                self.put(&Task { lease: None, ..task.clone() }, etag.clone()).await?;
            }
            self.enqueue(&task.id, task.step).await?;
        }
        Ok(unfinished.len())
    }

    /// Asks anew for a step of every task that nobody is stepping and whose step has been due for `overdue`, or that was asked to
    /// stop and is still there: its message was lost, or is about to come. In the latter case the two become one at the next
    /// step. Answers how many there were.
    pub async fn sweep(&self, overdue: Duration) -> Result<usize, TaskError> {
        let now = self.clock.now();
        let mut idle = self.unfinished().await?;
        idle.retain(|(task, _)| task.lease.as_ref().is_none_or(|lease| lease.until <= now) && task.due.plus(overdue) <= now);
        for (task, _) in &idle {
            self.enqueue(&task.id, task.step).await?;
        }
        Ok(idle.len())
    }

    /// The tasks that have work or were asked to stop.
    async fn unfinished(&self) -> Result<Vec<(Task, Etag)>, TaskError> {
        let stops: HashSet<Key> = self.documents.list_all(&Key::root("stops")).await?.into_iter().map(|listed| listed.key).collect();
        let mut all = self.read_all().await?;
        all.retain(|(task, _)| task.phase == Phase::Running || stops.contains(&below("stops", &task.id)));
        Ok(all)
    }

    /// Every task that can be read. One that cannot must not keep the others from being looked after.
    async fn read_all(&self) -> Result<Vec<(Task, Etag)>, TaskError> {
        let listed = self.documents.list_all(&tasks()).await?;
        let reads: Vec<_> = listed.iter().map(|listed| self.documents.get_json::<Task>(&listed.key)).collect();
        let read: Vec<_> = stream::iter(reads).buffer_unordered(READ_AT_ONCE).collect().await;
        let mut all = Vec::new();
        for task in read {
            match task {
                Ok(task) => all.extend(task),
                Err(damaged @ PortError::Corrupt { .. }) => error!(error = &damaged as &dyn std::error::Error, "a task cannot be read"),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

fn source_key(id: &TaskId) -> Key {
    below("snapshots", id).child("source").expect("a short word")
}

fn snapshot_key(id: &TaskId, SnapshotRef { step, attempt }: &SnapshotRef) -> Key {
    let hyphen = if attempt.is_empty() { "" } else { "-" };
    below("snapshots", id).child(&format!("{step:020}{hyphen}{attempt}")).expect("a step number and an attempt are short")
}

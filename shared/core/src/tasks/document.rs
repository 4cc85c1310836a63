use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::TaskId;
use crate::ports::Timestamp;

/// A task as it is stored: small, rewritten at every step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Which stepper it needs, such as `datagen`.
    pub kind: String,
    /// What to do; only the stepper understands it.
    pub specification: Value,
    /// Where it stands.
    pub phase: Phase,
    /// Number of the last committed step.
    pub step: u64,
    /// Who is stepping it now.
    pub lease: Option<Lease>,
    /// The state after the last step that saved one.
    pub snapshot: Option<SnapshotRef>,
    /// What reports show, written by the stepper at each step.
    pub progress: Value,
    /// What it is doing or waiting for, for people.
    pub message: String,
    /// Attempts that met trouble since it last got on; pauses grow with it.
    pub troubles: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When its next step is due, by the message that was sent for it.
    #[serde(default = "Task::due_from_the_beginning")]
    pub due: Timestamp,
}

impl Task {
    /// A task that has done nothing yet, and is to say this until it has.
    ///
    /// # Panics
    /// When the specification or the progress is no plain data.
    #[must_use]
    pub fn new(id: TaskId, kind: &str, specification: &impl Serialize, progress: &impl Serialize, message: &str, now: Timestamp) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            specification: serde_json::to_value(specification).expect("plain data serialises"),
            phase: Phase::Running,
            step: 0,
            lease: None,
            snapshot: None,
            progress: serde_json::to_value(progress).expect("plain data serialises"),
            message: message.to_owned(),
            troubles: 0,
            created: now,
            due: now,
        }
    }

    /// What a document that does not say when its step is due means.
    fn due_from_the_beginning() -> Timestamp {
        Timestamp::from_micros(0)
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It has steps to do.
    Running,
    /// It has done all.
    Complete,
    /// It cannot go on; the message says why.
    Failed,
}

/// The right to step a task, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The worker that has it.
    pub holder: String,
    /// When it lapses.
    pub until: Timestamp,
}

/// A stored snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRef {
    /// The step that it was taken after; part of its key.
    pub step: u64,
    /// Tells the attempt at that step apart from others, whose snapshots it must not overwrite; part of its key, unless empty.
    #[serde(default)]
    pub attempt: String,
}

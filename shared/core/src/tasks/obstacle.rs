use serde::Serialize;

use super::{Next, Saved, StepResult, Task};
use crate::ports::SinkError;

/// Why a step cannot go on. The texts are for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Trying again later can help.
    Later(String),
    /// Nothing can.
    Never(String),
}

impl From<SinkError> for Obstacle {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Retry(text) => Self::Later(text),
            SinkError::Fatal(text) => Self::Never(text),
        }
    }
}

impl Obstacle {
    /// The result of a step that met this: the task goes on from its former snapshot. One that has got on since its last trouble counts
    /// its attempts anew.
    #[must_use]
    pub fn hinders(self, task: &Task, progress: &impl Serialize, got_on: bool) -> StepResult {
        let attempt = if got_on { 1 } else { task.troubles + 1 };
        let (next, message) = match self {
            Self::Later(text) => (Next::Trouble { attempt }, format!("Waiting, attempt {attempt}: {text}")),
            Self::Never(text) => (Next::Failed, format!("Failed: {text}")),
        };
        let progress = serde_json::to_value(progress).expect("plain data serialises");
        StepResult { next, saved: Saved::Kept, progress, message }
    }
}

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{PortError, Timestamp};
use crate::ids::TaskId;

/// The one message of the queue: step this task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepMessage {
    /// The task to step.
    pub task: TaskId,
    /// The step after which the task stood when this was asked for. Once the task stands further, somebody else has taken the
    /// message's place, and one that comes for the first time asks for nothing.
    pub step: u64,
}

/// What acknowledges one delivery. It is worthless once the delivery's time is up and the message was delivered again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A message handed to one worker for a while.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What to do.
    pub message: StepMessage,
    /// What to acknowledge with.
    pub receipt: Receipt,
    /// How often this message has been delivered, this time included.
    pub attempt: u32,
}

/// "Step task X", delivered at least once, not before its time, in any order.
#[async_trait]
pub trait TaskQueue: Send + Sync + Debug {
    /// Adds a message that is delivered from `not_before` on. Durable when it returns.
    async fn enqueue(&self, message: StepMessage, not_before: Timestamp) -> Result<(), PortError>;

    /// Waits until a message is due and hides it from others for `hidden`. Without an acknowledgement by then it is
    /// delivered again. Returns `None` after about `patience` without a due message.
    async fn receive(&self, hidden: Duration, patience: Duration) -> Result<Option<Delivery>, PortError>;

    /// Removes a delivered message. An outdated receipt is fine and does nothing.
    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), PortError>;
}

//! Durable background work.
//!
//! Everything that outlives a request is a **task**: a document that holds its specification and points to a snapshot of
//! its state, stepped by a [`Worker`]. One walk through a step:
//!
//! 1. a message of the queue names the task; the worker reads its document and takes the lease by a conditional write;
//! 2. the [`Stepper`] of the task's kind does a bounded piece of work and makes its output durable;
//! 3. the snapshot is stored under the step's number, then the document is written under the etag of the lease: this one
//!    write commits the step. Whoever lost the lease meanwhile fails here, and what it did is cut off or repeated;
//! 4. the next step is enqueued, and the message acknowledged.
//!
//! A crash between any two of these leaves a message that is delivered again and a document of the last committed step.

mod document;
mod kept;
mod obstacle;
mod store;
mod worker;

pub use document::{Lease, Phase, SnapshotRef, Task};
pub use kept::Kept;
pub use obstacle::Obstacle;
pub use store::{TaskError, TaskStore};
pub use worker::{Budget, Next, Saved, StepContext, StepResult, Stepper, Voice, Worker, WorkerConfig};

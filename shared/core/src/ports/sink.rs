use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Owner;
use crate::mistakes::Mistake;
use crate::targets::Target;

/// Records on their way to a target: JSON objects, each ended by a line feed.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The records, one after the other.
    pub text: Bytes,
    /// For each record the offset in `text` just behind its line feed, ascending.
    pub ends: Vec<u32>,
}

impl Batch {
    /// The records one by one, without their line feeds.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.text[start as usize..end as usize - 1])
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// How much of a task's output is durable at its target, counted from the task's first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Committed {
    /// Records.
    pub records: u64,
    /// Bytes of these records, line feeds included: the offset in a file target.
    pub bytes: u64,
}

/// Why records could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Trying again later can help: a broker is down, a disk is full. The text is shown to users.
    #[error("{0}")]
    Retry(String),
    /// Trying again cannot help: the target refuses the records. The text is shown to users.
    #[error("{0}")]
    Fatal(String),
}

/// A target being written to by one task.
#[async_trait]
pub trait Sink: Send + Debug {
    /// Hands over a batch, in order. It may be durable only after [`Sink::flush`]. After an error the sink is not written
    /// to again; [`Sink::committed`] then still tells what had become durable.
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError>;

    /// Returns once everything written is durable at the target.
    async fn flush(&mut self) -> Result<(), SinkError>;

    /// Like [`Sink::flush`], where the task has no further records.
    async fn finish(&mut self) -> Result<(), SinkError> {
        self.flush().await
    }

    /// What is known to be durable: a prefix of the task's records.
    fn committed(&self) -> Committed;
}

/// Opens targets. One implementation composes all sinks that a host was built with.
#[async_trait]
pub trait Targets: Send + Sync + Debug {
    /// Whether this host can write to such a target at all; otherwise which member of it stands against that, and why.
    fn supports(&self, target: &Target) -> Result<(), Mistake>;

    /// Readies the target for a task that is about to start from nothing: a `file` is created anew and empty.
    async fn prepare(&self, target: &Target, owner: &Owner) -> Result<(), SinkError>;

    /// Opens the target to go on behind what is committed.
    async fn open(&self, target: &Target, owner: &Owner, committed: Committed) -> Result<Box<dyn Sink>, SinkError>;
}

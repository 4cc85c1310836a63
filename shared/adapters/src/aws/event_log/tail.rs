//! What stands in the stream and has not been flushed yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::types::ShardIteratorType;
use headwater_core::ports::{Clock, PortError, Timestamp};

use super::manifest::{Checkpoint, Manifests};
use super::place::Place;
use super::record::{Record, Sequence, corrupt};
use super::wal::Wal;
use crate::aws::{code, said, unavailable};

/// How long nothing may come before the record that is waited for is given up. It has been acknowledged, so it will come; Kinesis
/// usually shows it within a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first and the longest pause before a shard is looked at again. A shard may be looked at five times a second by all.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

const READING: &str = "reading what was written ahead";

/// The records of a log behind a checkpoint, up to a mark.
#[derive(Debug)]
pub(super) struct Tail {
    wal: Wal,
    clock: Arc<dyn Clock>,
    partition_key: String,
    /// Shards that are left, in order.
    shards: VecDeque<String>,
    /// The last record that has been seen, or is not wanted.
    after: Option<Sequence>,
    /// The record to stop at.
    mark: Sequence,
    iterator: Option<String>,
    page: VecDeque<(Sequence, Record)>,
    pause: Duration,
    /// When something was seen last.
    last: Timestamp,
    ended: bool,
}

/// The place from which the shards have not been flushed, for a log whose newest record is this mark. To be found before the
/// manifest is read: the two then fit together.
pub(super) async fn flushed(wal: &Wal, manifests: &Manifests, place: &Place, mark: &Checkpoint) -> Result<Option<Checkpoint>, PortError> {
    let mut shard = mark.shard.clone();
    loop {
        if let Some(sequence) = manifests.progress(&shard).await? {
            return Ok(Some(Checkpoint { shard, sequence }));
        }
        match wal.parent(&shard, place).await? {
            Some(parent) => shard = parent,
            None => return Ok(None),
        }
    }
}

impl Tail {
    /// The records behind a checkpoint, up to a mark.
    pub(super) async fn new(
        wal: &Wal,
        clock: &Arc<dyn Clock>,
        place: &Place,
        checkpoint: Checkpoint,
        mark: Checkpoint,
    ) -> Result<Self, PortError> {
        let shards = wal.lineage(&checkpoint.shard, &mark.shard, place).await?;
        // When the shard of the checkpoint has expired, its children are read from their beginning.
        let after = shards.front().is_some_and(|first| *first == checkpoint.shard).then_some(checkpoint.sequence);
        let ended = after.as_ref().is_some_and(|after| *after >= mark.sequence);
        Ok(Self {
            wal: wal.clone(),
            clock: Arc::clone(clock),
            partition_key: place.partition_key(),
            shards,
            after,
            mark: mark.sequence,
            iterator: None,
            page: VecDeque::new(),
            pause: FIRST_PAUSE,
            last: clock.now(),
            ended,
        })
    }

    /// The next record, and where it stands. The mark itself is not answered.
    pub(super) async fn next(&mut self) -> Result<Option<(Sequence, Record)>, PortError> {
        if self.page.is_empty() {
            self.last = self.clock.now(); // Whoever reads slowly is not to be told that nothing came.
        }
        loop {
            if let Some(next) = self.page.pop_front() {
                return Ok(Some(next));
            }
            if self.ended {
                return Ok(None);
            }
            self.turn().await?;
        }
    }

    /// Looks at the shard once.
    async fn turn(&mut self) -> Result<(), PortError> {
        let Some(shard) = self.shards.front().cloned() else { return Err(missing("the stream ends before the mark")) };
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => match iterator(&self.wal, &shard, self.after.as_ref()).await? {
                Some(iterator) => iterator,
                None => return self.leave_shard(),
            },
        };
        let answer = match self.wal.kinesis.get_records().shard_iterator(iterator).send().await {
            Ok(answer) => answer,
            // Another one is asked for, from where this one stood.
            Err(error) if code(&error) == "ExpiredIteratorException" => return Ok(()),
            // Many look at the shard: this is its way of saying that it is somebody else's turn.
            Err(error) if code(&error) == "ProvisionedThroughputExceededException" => return self.wait(said(&error)).await,
            Err(error) => return Err(unavailable(READING, error)),
        };
        for record in answer.records() {
            let sequence = Sequence::new(record.sequence_number());
            if sequence >= self.mark {
                self.ended = true;
                break;
            }
            if record.partition_key() == Some(self.partition_key.as_str()) {
                // What is not ours does not have such a key; what is ours and damaged must not be passed over in silence.
                self.page.push_back((sequence.clone(), Record::decode(record.data().as_ref())?));
            }
            self.after = Some(sequence);
        }
        self.iterator = answer.next_shard_iterator;
        if self.ended {
            return Ok(());
        }
        if self.iterator.is_none() {
            return self.leave_shard();
        }
        // Pages without records are nothing unusual while there are records ahead.
        if answer.records.is_empty() {
            return self.wait("the mark does not come".to_owned()).await;
        }
        (self.last, self.pause) = (self.clock.now(), FIRST_PAUSE);
        Ok(())
    }

    fn leave_shard(&mut self) -> Result<(), PortError> {
        self.shards.pop_front();
        self.after = None;
        if self.shards.is_empty() { Err(missing("the shard ends before the mark")) } else { Ok(()) }
    }

    async fn wait(&mut self, why: String) -> Result<(), PortError> {
        if self.clock.now().since(self.last) > PATIENCE {
            return Err(PortError::unavailable(READING, why));
        }
        self.clock.sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// A position in a shard: behind a record, or at its beginning. `None` when the shard has expired.
pub(super) async fn iterator(wal: &Wal, shard: &str, after: Option<&Sequence>) -> Result<Option<String>, PortError> {
    let mut after = after;
    loop {
        let request = wal.kinesis.get_shard_iterator().stream_name(&*wal.stream).shard_id(shard);
        let request = match after {
            Some(after) => request.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).starting_sequence_number(after.as_str()),
            None => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        match request.send().await {
            Ok(answer) => return Ok(answer.shard_iterator),
            // The record has expired, or never was here; all that there is came later.
            Err(error) if matches!(code(&error), "InvalidArgumentException" | "ResourceNotFoundException") => match after.take() {
                Some(after) => tracing::warn!(shard, %after, error = said(&error), "a record to read on from has expired"),
                None => {
                    tracing::warn!(shard, error = said(&error), "a shard has expired");
                    return Ok(None);
                }
            },
            Err(error) => return Err(unavailable(READING, error)),
        }
    }
}

fn missing(what: &'static str) -> PortError {
    corrupt(what)
}

#[cfg(test)]
impl Tail {
    /// The record behind which this begins.
    pub(super) fn begins_behind(&self) -> Option<&Sequence> {
        self.after.as_ref()
    }
}

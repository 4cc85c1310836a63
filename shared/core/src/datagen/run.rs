//! What runs of every kind have in common: how a plan is run, how far a call goes, and what comes out.

use bytes::{Bytes, BytesMut};

use super::calendar;
use super::text::Output;
use crate::ports::{Batch, Timestamp};

/// How a plan is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The seed that all draws descend from.
    pub seed: i64,
    /// The moment at which job time begins.
    pub start: Timestamp,
    /// Most entities alive at once, at least 1.
    pub concurrency: u64,
    /// The job is done after this many records.
    pub total_events: Option<u64>,
    /// The job is done after this much job time, in nanoseconds; a record at exactly this time is still written.
    pub time_limit: Option<u64>,
}

impl Run {
    /// The moment of a job time in microseconds since 1970, if records can hold it.
    #[inline]
    pub(super) fn moment(&self, nanos: u64) -> Option<i64> {
        let micros = self.start.as_micros().checked_add_unsigned(nanos / 1000)?;
        (calendar::FIRST..=calendar::LAST).contains(&micros).then_some(micros)
    }
}

/// How far one call may advance.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Most records.
    pub records: u64,
    /// Bytes after which no further record is begun.
    pub bytes: usize,
    /// Job time in nanoseconds that has come; nothing later happens. `u64::MAX` simulates.
    pub horizon: u64,
}

/// Where an advance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// The window is full.
    More,
    /// Nothing happens before this job time in nanoseconds.
    Idle {
        /// When the next thing happens.
        until: u64,
    },
    /// The limit is reached; there are no more records.
    Done,
}

/// Why a run cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Millions of records at one instant without a limit on their number.
    #[error(
        "job time stands still: more than {} records at one instant; give a delay, or a limit with total_events",
        crate::limits::RECORDS_PER_INSTANT
    )]
    StandsStill,
    /// The job clock has left what records can hold.
    #[error("the job clock has left the years 1 to 9999")]
    EndOfTime,
}

/// Rendered records on their way out: the buffer of one or more advances.
#[derive(Debug, Default)]
pub struct Records {
    output: Output,
    ends: Vec<u32>,
}

impl Records {
    /// Goes on with the memory of a batch that nobody holds any more.
    #[must_use]
    pub fn reusing(batch: Batch) -> Self {
        let Batch { text, mut ends } = batch;
        ends.clear();
        let bytes = text.try_into_mut().map(BytesMut::into).unwrap_or_default();
        Self { output: Output::reusing(bytes), ends }
    }

    /// Bytes rendered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.output.len()
    }

    /// Whether nothing is rendered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The records as a batch.
    #[must_use]
    pub fn into_batch(self) -> Batch {
        Batch { text: Bytes::from(self.output.into_bytes()), ends: self.ends }
    }

    #[inline]
    pub(super) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    #[inline]
    pub(super) fn end_record(&mut self) {
        self.ends.push(u32::try_from(self.output.len()).expect("a window is far below 4 GiB"));
    }
}

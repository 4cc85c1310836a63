use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// Where points of measurements are kept: a database of time series that reads the line protocol.
#[async_trait]
pub trait PointStore: Send + Sync + Debug {
    /// Where that is, for messages; without credentials.
    fn place(&self) -> &str;

    /// Keeps points: a line each, ending in a line feed, with its time in nanoseconds. A point that is kept already is replaced, so the
    /// same lines may be sent again. When this returns without an error, all of them are kept.
    async fn write(&self, lines: Bytes) -> Result<(), PointsRefused>;
}

/// Why points were not kept, as far as a caller would act differently. The messages say who refused and what was said, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointsRefused {
    /// Some of the points are not fit to be kept, whenever they are sent; the others may or may not have been kept.
    #[error("{0}")]
    Unfit(String),
    /// So many lines are not taken at once.
    #[error("{0}")]
    TooLarge(String),
    /// Nothing is taken from us, or there is no such place, until somebody changes that.
    #[error("{0}")]
    Denied(String),
    /// Nothing is taken now, or nobody answers.
    #[error("{why}")]
    Later {
        /// What happened.
        why: String,
        /// How long to leave it alone, where it said so.
        after: Option<Duration>,
    },
}

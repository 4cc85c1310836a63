use std::fmt::{self, Debug};
use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::{PortError, Timestamp};

/// The name of a log. Any text; adapters encode it. A name is given once: a log that was removed is not made again under it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogName(pub String);

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Header names and values in the order given. A clone is the same set: events of a batch share theirs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Headers(Arc<[(String, String)]>);

impl Headers {
    /// The value of the first header of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Whether both are clones of one set; sets that are equal need not be.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Default for Headers {
    fn default() -> Self {
        static NONE: std::sync::LazyLock<Headers> = std::sync::LazyLock::new(|| Headers(Arc::new([])));
        NONE.clone()
    }
}

impl Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, value))).finish()
    }
}

impl Deref for Headers {
    type Target = [(String, String)];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Vec<(String, String)>> for Headers {
    fn from(headers: Vec<(String, String)>) -> Self {
        if headers.is_empty() { Self::default() } else { Self(headers.into()) }
    }
}

/// An event as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its headers.
    pub headers: Headers,
    /// Its bytes.
    pub body: Bytes,
}

/// Where an event stands in its log. Positions of one log are unique and ascend in the order of appending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The event's time: milliseconds since 1970, assigned by the log, never descending within it.
    pub millis: i64,
    /// Distinguishes events of one log; ascends without end.
    pub sequence: u64,
}

impl Position {
    /// Before every event of a millisecond and of later ones.
    #[must_use]
    pub const fn start_of(millis: i64) -> Self {
        Self { millis, sequence: 0 }
    }

    /// Right behind this position.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.sequence.checked_add(1) {
            Some(sequence) => Self { sequence, ..self },
            None => Self { millis: self.millis.saturating_add(1), sequence: 0 },
        }
    }
}

/// An event as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place and time.
    pub position: Position,
    /// Its headers and bytes.
    pub event: Event,
}

/// What makes events be appended once: a writer that numbers its own events. An event whose number is not above the highest
/// one that the log has seen of that writer is a repetition and is left out, however its batch was cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendKey {
    /// Who appends, such as a task's id.
    pub writer: String,
    /// The number of the batch's first event, from 1; the others follow one by one. A writer leaves out no number.
    pub first: u64,
}

/// Times from `from` (inclusive) to `until` (exclusive), in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// First millisecond.
    pub from: i64,
    /// First millisecond that is no longer part.
    pub until: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { from: i64::MIN, until: i64::MAX };
}

/// What a log has taken since it was made, or truncated last. Trimming does not lessen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogSize {
    /// Events.
    pub events: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// Events in order of position, in pieces of bounded size. No piece is empty.
pub type EventStream = BoxStream<'static, Result<Vec<StoredEvent>, PortError>>;

/// Durable logs of events.
///
/// Reading holds a bounded number of events in memory and never makes an append wait.
#[async_trait]
pub trait EventLog: Send + Sync + Debug {
    /// Makes a log; one that is there stays as it is.
    async fn create(&self, log: &LogName) -> Result<(), PortError>;

    /// Appends a batch: all of it or nothing, durable when this returns, in the given order and without other events
    /// in between. The log's clock gives the time, one for all of the batch; it never runs backwards within a log. Events appended
    /// to a log that was never made or has been removed are lost with it; an adapter that can tell answers
    /// [`PortError::NotFound`].
    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<(), PortError>;

    /// Begins a batch of any length, which is handed in piece by piece.
    async fn upload(&self, log: &LogName) -> Result<Box<dyn Upload>, PortError>;

    /// The events of a time range in order, those after `after` only when it is given. Sees every event whose append had
    /// returned before the call, and none that is appended after the answer. A log that does not exist is empty.
    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError>;

    /// What the log has taken. A log that does not exist has taken nothing. This may take as long as a read.
    async fn size(&self, log: &LogName) -> Result<LogSize, PortError>;

    /// Removes the events that were appended before. Those appended after the answer stay, whatever their time.
    async fn truncate(&self, log: &LogName) -> Result<(), PortError>;

    /// Removes the events before a moment. Later reads do not see them; their space comes back in time.
    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError>;

    /// Removes the log with all it remembers.
    async fn remove(&self, log: &LogName) -> Result<(), PortError>;
}

/// A long batch on its way into a log. Nothing of it is seen before [`Upload::commit`]; if that is never called, nothing stays.
#[async_trait]
pub trait Upload: Send + Debug {
    /// Hands over the next events. They may be written while this runs, and the memory they take is bounded.
    async fn write(&mut self, events: Vec<Event>) -> Result<(), PortError>;

    /// Appends the batch, like [`EventLog::append`].
    async fn commit(self: Box<Self>) -> Result<(), PortError>;
}

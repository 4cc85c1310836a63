use std::fmt::{self, Debug};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::{PortError, Timestamp};

/// The name of a log, such as a stream's namespace, id and generation. Any text; adapters encode it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogName(pub String);

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Event {
    /// Header names and values in the order given.
    pub headers: Vec<(String, String)>,
    /// The event's bytes.
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

/// An event as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place and time.
    pub position: Position,
    /// Its headers and bytes.
    pub event: Event,
}

/// What makes an append happen once: a writer and its own count. An append whose number is not above the highest one
/// that the log has seen of that writer is taken as a repetition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendKey {
    /// Who appends, such as a task's id.
    pub writer: String,
    /// The writer's own ascending number, from 1.
    pub number: u64,
}

/// The answer to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The batch is durable, at these positions.
    New {
        /// Position of the first event.
        first: Position,
        /// Position of the last event.
        last: Position,
    },
    /// A batch under this key (or a later one of the writer) was appended before; nothing was added.
    Repeated,
    /// The batch was empty.
    Nothing,
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

/// Events in order of position.
pub type EventStream = BoxStream<'static, Result<StoredEvent, PortError>>;

/// Durable logs of events.
///
/// A log exists from its first append. Reading holds a bounded number of events in memory and never makes an append wait.
#[async_trait]
pub trait EventLog: Send + Sync + Debug {
    /// Appends a batch: all of it or nothing, durable when this returns, in the given order and without other events
    /// in between. The log's clock gives the time; it never runs backwards within a log.
    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<Appended, PortError>;

    /// The events of a time range in order, those after `after` only when it is given. Sees every event whose append had
    /// returned before the call. A log that does not exist is empty.
    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError>;

    /// Removes the events before a moment. Later reads do not see them; their space comes back in time.
    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError>;

    /// Removes the log with all it remembers, writers included.
    async fn remove(&self, log: &LogName) -> Result<(), PortError>;
}

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_core::ports::{
    AppendKey, Appended, Clock, Event, EventLog, EventStream, LogName, PortError, Position, StoredEvent, TimeRange, Timestamp,
};

use super::held;

/// Events that a read copies at once.
const PIECE: usize = 256;

/// Logs in memory.
#[derive(Debug)]
pub struct MemoryEventLog {
    clock: Arc<dyn Clock>,
    logs: Mutex<BTreeMap<LogName, Arc<Mutex<Log>>>>,
}

/// A log. One that was removed lives on, unseen, in the reads that were opened before.
#[derive(Debug)]
struct Log {
    events: VecDeque<StoredEvent>,
    last: Position,
    writers: HashMap<String, u64>,
}

impl MemoryEventLog {
    /// No logs. `clock` gives the events their time.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, logs: Mutex::default() }
    }
}

impl Log {
    fn new() -> Self {
        Self { events: VecDeque::new(), last: Position { millis: i64::MIN, sequence: 0 }, writers: HashMap::new() }
    }

    /// Events after `after` and before `end`, in order, [`PIECE`] at most.
    fn piece(&self, start: impl Fn(Position) -> bool, end: impl Fn(Position) -> bool) -> Vec<StoredEvent> {
        let from = self.events.partition_point(|stored| !start(stored.position));
        self.events.range(from..).take_while(|stored| !end(stored.position)).take(PIECE).cloned().collect()
    }
}

#[async_trait]
impl EventLog for MemoryEventLog {
    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<Appended, PortError> {
        if batch.is_empty() {
            return Ok(Appended::Nothing);
        }
        let mut logs = held(&self.logs);
        let log = logs.entry(log.clone()).or_insert_with(|| Arc::new(Mutex::new(Log::new())));
        let mut log = held(log);
        if let Some(AppendKey { writer, number }) = key {
            if log.writers.get(&writer).is_some_and(|&highest| number <= highest) {
                return Ok(Appended::Repeated);
            }
            log.writers.insert(writer, number);
        }
        let millis = self.clock.now().as_millis().max(log.last.millis);
        let first = Position { millis, sequence: log.last.sequence + 1 };
        for event in batch {
            let position = Position { millis, sequence: log.last.sequence + 1 };
            log.events.push_back(StoredEvent { position, event });
            log.last = position;
        }
        Ok(Appended::New { first, last: log.last })
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        let Some(log) = held(&self.logs).get(log).cloned() else { return Ok(stream::empty().boxed()) };
        // What is appended from now on is left out, so that a read ends even if appends go on.
        let end = held(&log).last;
        let pieces = stream::try_unfold((log, after), move |(log, after)| async move {
            let piece = held(&log).piece(
                |position| position.millis >= range.from && after.is_none_or(|after| position > after),
                |position| position.millis >= range.until || position > end,
            );
            Ok::<_, PortError>(piece.last().map(|stored| stored.position).map(|last| (piece, (log, Some(last)))))
        });
        Ok(pieces.map_ok(|piece| stream::iter(piece.into_iter().map(Ok))).try_flatten().boxed())
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        if let Some(log) = held(&self.logs).get(log) {
            let mut log = held(log);
            let kept = log.events.partition_point(|stored| Timestamp::from_millis(stored.position.millis) < before);
            log.events.drain(..kept);
        }
        Ok(())
    }

    async fn remove(&self, log: &LogName) -> Result<(), PortError> {
        held(&self.logs).remove(log);
        Ok(())
    }
}

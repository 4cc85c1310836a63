use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use headwater_core::ports::{
    AppendKey, Clock, Event, EventLog, EventStream, LogName, LogSize, PortError, Position, StoredEvent, TimeRange, Timestamp, Upload,
};

use super::held;

/// Events, and bytes of them, that a read copies at once.
const PIECE: usize = 256;
const PIECE_BYTES: usize = 256 << 10;

/// Logs in memory. Clones are the same logs.
#[derive(Debug, Clone)]
pub struct MemoryEventLog {
    clock: Arc<dyn Clock>,
    logs: Arc<Mutex<BTreeMap<LogName, Arc<Mutex<Log>>>>>,
}

/// A log. One that was removed lives on, unseen, in the reads that were opened before.
#[derive(Debug)]
struct Log {
    events: VecDeque<StoredEvent>,
    last: Position,
    size: LogSize,
    writers: HashMap<String, u64>,
}

impl MemoryEventLog {
    /// No logs. `clock` gives the events their time.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, logs: Arc::default() }
    }

    fn log(&self, log: &LogName) -> Option<Arc<Mutex<Log>>> {
        held(&self.logs).get(log).cloned()
    }

    fn append_all(&self, log: &LogName, batch: impl IntoIterator<Item = Event>, key: Option<AppendKey>) -> Result<(), PortError> {
        let log = self.log(log).ok_or_else(|| PortError::NotFound { what: log.to_string() })?;
        held(&log).append(batch, key, self.clock.now().as_millis());
        Ok(())
    }
}

impl Log {
    fn new() -> Self {
        let last = Position { millis: i64::MIN, sequence: 0 };
        Self { events: VecDeque::new(), last, size: LogSize::default(), writers: HashMap::new() }
    }

    fn append(&mut self, batch: impl IntoIterator<Item = Event>, key: Option<AppendKey>, now: i64) {
        let seen = key.as_ref().and_then(|key| self.writers.get(&key.writer)).map_or(0, |&highest| highest);
        let first = key.as_ref().map_or(1, |key| key.first);
        let fresh = batch.into_iter().skip(if key.is_some() { (seen + 1).saturating_sub(first) as usize } else { 0 });
        let millis = now.max(self.last.millis);
        let mut number = seen.max(first - 1);
        for event in fresh {
            number += 1;
            self.last = Position { millis, sequence: self.last.sequence + 1 };
            self.size.events += 1;
            self.size.bytes += event.body.len() as u64;
            self.events.push_back(StoredEvent { position: self.last, event });
        }
        if let Some(key) = key.filter(|_| number >= first) {
            self.writers.insert(key.writer, number);
        }
    }

    /// Events of `from` and later, and before `until`, in order; not all of them at once.
    fn piece(&self, from: Position, until: Position) -> Vec<StoredEvent> {
        let start = self.events.partition_point(|stored| stored.position < from);
        let mut bytes = 0;
        let wanted = self.events.range(start..).take_while(|stored| {
            let fits = bytes < PIECE_BYTES;
            bytes += stored.event.body.len();
            fits && stored.position < until
        });
        wanted.take(PIECE).cloned().collect()
    }
}

#[async_trait]
impl EventLog for MemoryEventLog {
    async fn create(&self, log: &LogName) -> Result<(), PortError> {
        held(&self.logs).entry(log.clone()).or_insert_with(|| Arc::new(Mutex::new(Log::new())));
        Ok(())
    }

    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<(), PortError> {
        if batch.is_empty() { Ok(()) } else { self.append_all(log, batch, key) }
    }

    async fn upload(&self, log: &LogName) -> Result<Box<dyn Upload>, PortError> {
        Ok(Box::new(MemoryUpload { all: self.clone(), log: log.clone(), events: Vec::new() }))
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        let Some(log) = self.log(log) else { return Ok(stream::empty().boxed()) };
        let start = Position::start_of(range.from);
        let from = after.map_or(start, |after| after.next().max(start));
        // What is appended from now on is left out, so that a read ends even if appends go on.
        let until = Position::start_of(range.until).min(held(&log).last.next());
        let pieces = stream::try_unfold((log, from), move |(log, from)| async move {
            let piece = held(&log).piece(from, until);
            Ok::<_, PortError>(piece.last().map(|stored| stored.position.next()).map(|next| (piece, (log, next))))
        });
        Ok(pieces.boxed())
    }

    async fn size(&self, log: &LogName) -> Result<LogSize, PortError> {
        Ok(self.log(log).map(|log| held(&log).size).unwrap_or_default())
    }

    async fn truncate(&self, log: &LogName) -> Result<(), PortError> {
        let log = self.log(log).ok_or_else(|| PortError::NotFound { what: log.to_string() })?;
        let mut log = held(&log);
        log.events.clear();
        log.size = LogSize::default();
        Ok(())
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        if let Some(log) = self.log(log) {
            let mut log = held(&log);
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

/// An upload is in memory before it is committed as well as after.
#[derive(Debug)]
struct MemoryUpload {
    all: MemoryEventLog,
    log: LogName,
    events: Vec<Event>,
}

#[async_trait]
impl Upload for MemoryUpload {
    async fn write(&mut self, events: Vec<Event>) -> Result<(), PortError> {
        self.events.extend(events);
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortError> {
        if self.events.is_empty() { Ok(()) } else { self.all.append_all(&self.log, self.events, None) }
    }
}

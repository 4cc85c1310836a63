use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_core::ports::{
    AppendKey, Appended, Event, EventLog, EventStream, LogName, PortError, Position, StoredEvent, TimeRange, Timestamp,
};
use redb::{ReadTransaction, ReadableTable as _};

use super::Shared;
use super::sweeping::{sweep_all, sweep_before};
use super::tables::{Counter, EVENTS, Head, LOGS, Tables, event_key, position_of};

/// Events, and bytes of them, that a read holds at once. Each piece is read in a transaction of its own, so that a slow
/// reader keeps nothing from being reused.
const PIECE_EVENTS: usize = 512;
const PIECE_BYTES: usize = 256 << 10;

/// The embedded store's event log.
#[derive(Debug, Clone)]
pub struct EmbeddedEventLog {
    shared: Arc<Shared>,
}

/// What is left of a read.
#[derive(Debug, Clone, Copy)]
struct Rest {
    log: u64,
    from: Position,
    until: Position,
}

impl EmbeddedEventLog {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

/// The position right behind another one.
fn behind(position: Position) -> Position {
    match position.sequence.checked_add(1) {
        Some(sequence) => Position { sequence, ..position },
        None => Position { millis: position.millis.saturating_add(1), sequence: 0 },
    }
}

fn start_of(millis: i64) -> Position {
    Position { millis, sequence: 0 }
}

fn head(tables: &Tables<'_>, log: &LogName) -> Result<Option<Head>, redb::Error> {
    Ok(tables.logs.get(log.0.as_str())?.map(|fields| Head::from_fields(fields.value())))
}

#[async_trait]
impl EventLog for EmbeddedEventLog {
    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<Appended, PortError> {
        if batch.is_empty() {
            return Ok(Appended::Nothing);
        }
        let encoded: Result<Vec<Vec<u8>>, _> = batch.iter().map(postcard::to_stdvec).collect();
        let encoded = encoded.map_err(|error| PortError::Corrupt { what: log.to_string(), source: error.into() })?;
        let size = encoded.iter().map(|event| event.len() + size_of::<[u8; 24]>()).sum();
        let (name, clock) = (log.clone(), Arc::clone(&self.shared.clock));
        let work = move |tables: &mut Tables<'_>| {
            let mut head = match head(tables, &name)? {
                Some(head) => head,
                None => Head { log: tables.next(Counter::Logs)?, first: start_of(i64::MIN), last: start_of(i64::MIN) },
            };
            if let Some(AppendKey { writer, number }) = key {
                let of_writer = (head.log, writer.as_str());
                if tables.writers.get(of_writer)?.is_some_and(|highest| number <= highest.value()) {
                    return Ok(Ok(Appended::Repeated));
                }
                tables.writers.insert(of_writer, number)?;
            }
            let millis = clock.now().as_millis().max(head.last.millis);
            let first = Position { millis, sequence: head.last.sequence + 1 };
            for event in &encoded {
                head.last = Position { millis, sequence: head.last.sequence + 1 };
                tables.events.insert(&event_key(head.log, head.last), event.as_slice())?;
            }
            tables.logs.insert(name.0.as_str(), head.fields())?;
            tables.changed = true;
            Ok(Ok(Appended::New { first, last: head.last }))
        };
        self.shared.write("appending events", size, work).await
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        let name = log.clone();
        let work = move |transaction: &ReadTransaction| {
            let Some(fields) = transaction.open_table(LOGS)?.get(name.0.as_str())? else { return Ok(None) };
            let head = Head::from_fields(fields.value());
            let from = start_of(range.from).max(head.first).max(after.map_or(head.first, behind));
            // What is appended from now on is left out, so that a read ends even if appends go on.
            let rest = Rest { log: head.log, from, until: start_of(range.until).min(behind(head.last)) };
            Ok(Some(piece(transaction, &name, rest)?))
        };
        let Some(first) = self.shared.read("reading events", work).await? else { return Ok(stream::empty().boxed()) };
        let (events, rest) = first?;
        let (shared, name) = (Arc::clone(&self.shared), log.clone());
        let more = stream::try_unfold((rest, shared, name), |(rest, shared, name)| async move {
            let Some(rest) = rest else { return Ok::<_, PortError>(None) };
            let asked = name.clone();
            let (events, rest) = shared.read("reading events", move |transaction| piece(transaction, &asked, rest)).await??;
            Ok(Some((events, (rest, shared, name))))
        });
        let events = stream::once(async { Ok(events) }).chain(more);
        Ok(events.map_ok(|events| stream::iter(events.into_iter().map(Ok))).try_flatten().boxed())
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        let name = log.clone();
        let work = move |tables: &mut Tables<'_>| {
            let Some(mut head) = head(tables, &name)? else { return Ok(Ok(())) };
            // Times are whole milliseconds, the moment may lie between two. What is appended later stays, whatever its time.
            let bound = before.as_millis().saturating_add(i64::from(before > Timestamp::from_millis(before.as_millis())));
            let first = start_of(bound).min(behind(head.last));
            if first > head.first {
                head.first = first;
                tables.logs.insert(name.0.as_str(), head.fields())?;
                sweep_before(tables, head.log, first)?;
            }
            Ok(Ok(()))
        };
        self.shared.write("trimming a log", 0, work).await
    }

    async fn remove(&self, log: &LogName) -> Result<(), PortError> {
        let name = log.clone();
        let work = move |tables: &mut Tables<'_>| {
            let head = tables.logs.remove(name.0.as_str())?.map(|fields| Head::from_fields(fields.value()));
            if let Some(head) = head {
                sweep_all(tables, head.log)?;
            }
            Ok(Ok(()))
        };
        self.shared.write("removing a log", 0, work).await
    }
}

type Piece = Result<(Vec<StoredEvent>, Option<Rest>), PortError>;

/// The next events of a read, and what is left of it.
fn piece(transaction: &ReadTransaction, name: &LogName, mut rest: Rest) -> Result<Piece, redb::Error> {
    let mut events = Vec::new();
    if rest.from >= rest.until {
        return Ok(Ok((events, None)));
    }
    let table = transaction.open_table(EVENTS)?;
    let mut bytes = 0;
    for event in table.range::<&[u8; 24]>(&event_key(rest.log, rest.from)..&event_key(rest.log, rest.until))? {
        if events.len() == PIECE_EVENTS || bytes >= PIECE_BYTES {
            return Ok(Ok((events, Some(rest))));
        }
        let (key, value) = event?;
        let position = position_of(key.value());
        let event = match postcard::from_bytes(value.value()) {
            Ok(event) => event,
            Err(error) => return Ok(Err(PortError::Corrupt { what: name.to_string(), source: error.into() })),
        };
        bytes += value.value().len();
        rest.from = behind(position);
        events.push(StoredEvent { position, event });
    }
    Ok(Ok((events, None)))
}

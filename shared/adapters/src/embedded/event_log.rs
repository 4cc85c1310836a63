use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use headwater_core::ports::{
    AppendKey, Event, EventLog, EventStream, LogName, LogSize, PortError, Position, StoredEvent, TimeRange, Timestamp, Upload,
};
use redb::{ReadOnlyTable, ReadTransaction};
use tokio::task::JoinHandle;

use super::Shared;
use super::appending;
use super::sweeping::sweep_all;
use super::tables::{Counter, EVENTS, EventKey, Head, LOGS, Stored, Tables, event_key, position_of};
use super::uploading::EmbeddedUpload;
use crate::event_block::Block;

/// Events, and bytes of them, after which a piece of a read ends. Each piece is read in a transaction of its own, so that a slow
/// reader keeps nothing from being reused.
const PIECE_EVENTS: usize = 1024;
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

    async fn head(&self, log: &LogName) -> Result<Option<Head>, PortError> {
        let name = log.clone();
        self.shared.read("looking up a log", move |transaction| head(transaction, &name)).await
    }
}

fn head(transaction: &ReadTransaction, log: &LogName) -> Result<Option<Head>, redb::Error> {
    Ok(transaction.open_table(LOGS)?.get(log.0.as_str())?.map(|fields| Head::from_fields(fields.value())))
}

#[async_trait]
impl EventLog for EmbeddedEventLog {
    async fn create(&self, log: &LogName) -> Result<(), PortError> {
        let name = log.clone();
        let work = move |tables: &mut Tables<'_>| {
            if appending::head(tables, &name)?.is_none() {
                let before_all = Position { millis: i64::MIN, sequence: 0 };
                let head = Head { log: tables.next(Counter::Logs)?, first: before_all, last: before_all, size: LogSize::default() };
                tables.logs.insert(name.0.as_str(), head.fields())?;
            }
            Ok(Ok(()))
        };
        self.shared.write("making a log", log.0.len(), work).await
    }

    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<(), PortError> {
        if batch.is_empty() {
            return Ok(());
        }
        let headers = |event: &Event| event.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let size = batch.iter().map(|event| event.body.len() + headers(event) + size_of::<EventKey>()).sum();
        let name = log.clone();
        let work = move |tables: &mut Tables<'_>| {
            let now = tables.now;
            let there = appending::append(tables, &name, &batch, key.as_ref(), now)?;
            Ok(if there { Ok(()) } else { Err(PortError::NotFound { what: name.to_string() }) })
        };
        self.shared.write("appending events", size, work).await
    }

    async fn upload(&self, log: &LogName) -> Result<Box<dyn Upload>, PortError> {
        Ok(Box::new(EmbeddedUpload::new(Arc::clone(&self.shared), log.clone())))
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        let Some(head) = self.head(log).await? else { return Ok(stream::empty().boxed()) };
        let from = Position::start_of(range.from).max(head.first).max(after.map_or(head.first, Position::next));
        // What is appended from now on is left out, so that a read ends even if appends go on.
        let rest = Rest { log: head.log, from, until: Position::start_of(range.until).min(head.last.next()) };
        let reading = Reading { shared: Arc::clone(&self.shared), log: log.clone(), rest, goes_on: false, ahead: None };
        let pieces = stream::try_unfold(reading, |mut reading| async {
            let events = reading.next().await?;
            Ok::<_, PortError>((!events.is_empty()).then_some((events, reading)))
        });
        Ok(pieces.boxed())
    }

    async fn size(&self, log: &LogName) -> Result<LogSize, PortError> {
        Ok(self.head(log).await?.map(|head| head.size).unwrap_or_default())
    }

    async fn truncate(&self, log: &LogName) -> Result<(), PortError> {
        let name = log.clone();
        let work = move |tables: &mut Tables<'_>| {
            let there = appending::truncate(tables, &name)?;
            Ok(if there { Ok(()) } else { Err(PortError::NotFound { what: name.to_string() }) })
        };
        self.shared.write("truncating a log", 0, work).await
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        // Times are whole milliseconds, the moment may lie between two.
        let bound = before.as_millis().saturating_add(i64::from(before > Timestamp::from_millis(before.as_millis())));
        let name = log.clone();
        let work = move |tables: &mut Tables<'_>| Ok(Ok(appending::trim(tables, &name, Position::start_of(bound))?));
        self.shared.write("trimming a log", 0, work).await
    }

    async fn remove(&self, log: &LogName) -> Result<(), PortError> {
        let name = log.clone();
        let work = move |tables: &mut Tables<'_>| {
            if let Some(head) = appending::head(tables, &name)? {
                tables.appending.remove(&name.0);
                tables.logs.remove(name.0.as_str())?;
                sweep_all(tables, head.log)?;
            }
            Ok(Ok(()))
        };
        self.shared.write("removing a log", 0, work).await
    }
}

/// Events, and what is left of the read behind them.
type Next = Result<(Vec<StoredEvent>, Rest), PortError>;

/// A read under way.
struct Reading {
    shared: Arc<Shared>,
    log: LogName,
    rest: Rest,
    /// Whether a piece was read before.
    goes_on: bool,
    /// The next piece, which is read while the caller still has to do with the one before.
    ahead: Option<JoinHandle<Next>>,
}

impl Reading {
    /// The next events; none at the end.
    async fn next(&mut self) -> Result<Vec<StoredEvent>, PortError> {
        let (events, rest) = match self.ahead.take() {
            Some(ahead) => ahead.await.map_err(|lost| PortError::unavailable("reading events", lost))??,
            None => self.piece().await?,
        };
        self.rest = rest;
        // Who has asked twice is likely to go on; most ask for one page, which is in the first piece.
        if std::mem::replace(&mut self.goes_on, true) && !events.is_empty() {
            self.ahead = Some(tokio::spawn(self.piece()));
        }
        Ok(events)
    }

    /// Reads the next piece.
    fn piece(&self) -> impl Future<Output = Next> + use<> {
        let (shared, log, rest) = (Arc::clone(&self.shared), self.log.clone(), self.rest);
        async move { shared.read("reading events", move |transaction| Ok(piece(transaction, &log, rest))).await? }
    }
}

/// A piece of a read in the making.
struct Piece {
    events: Vec<StoredEvent>,
    bytes: usize,
    rest: Rest,
}

/// The next events of a read, and what is left of it then. No events are left when there are none.
fn piece(transaction: &ReadTransaction, name: &LogName, rest: Rest) -> Next {
    let mut piece = Piece { events: Vec::new(), bytes: 0, rest };
    match piece.fill(transaction, name) {
        Ok(()) => Ok((piece.events, piece.rest)),
        Err(PieceError::Database(error)) => Err(super::engine::port_error("reading events", &Arc::new(error))),
        Err(PieceError::Damaged(source)) => Err(PortError::Corrupt { what: name.to_string(), source }),
    }
}

enum PieceError {
    Database(redb::Error),
    Damaged(Box<dyn std::error::Error + Send + Sync>),
}

impl<E: Into<redb::Error>> From<E> for PieceError {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PieceError {
    PieceError::Damaged(error.into())
}

/// Where reading begins: at the run of events that `from` lies in, if there is one.
fn beginning(table: &ReadOnlyTable<EventKey, &'static [u8]>, log: u64, from: Position) -> Result<[u8; 24], redb::Error> {
    let key = event_key(log, from);
    let first = event_key(log, Position { millis: i64::MIN, sequence: 0 });
    let last = table.range::<&[u8; 24]>(&first..=&key)?.next_back().transpose()?;
    Ok(last.map_or(key, |(key, _)| *key.value()))
}

impl Piece {
    fn is_full(&self) -> bool {
        self.events.len() >= PIECE_EVENTS || self.bytes >= PIECE_BYTES
    }

    fn fill(&mut self, transaction: &ReadTransaction, name: &LogName) -> Result<(), PieceError> {
        // What was removed since the read was opened goes bit by bit; what is still there of it would follow upon a gap.
        let Some(head) = head(transaction, name)?.filter(|head| head.log == self.rest.log) else { return Ok(()) };
        self.rest.from = self.rest.from.max(head.first);
        let Rest { log, from, until } = self.rest;
        if from >= until {
            return Ok(());
        }
        let table = transaction.open_table(EVENTS)?;
        let begin = beginning(&table, log, from)?;
        for run in table.range::<&[u8; 24]>(&begin..&event_key(log, until))? {
            if self.is_full() {
                break;
            }
            let (key, value) = run?;
            let first = position_of(key.value());
            if first.millis < from.millis {
                continue; // All of a run has one time, so this one ends before.
            }
            match Stored::read(value.value()) {
                Some(Stored::Block(block)) => self.take(first, block)?,
                Some(Stored::Upload { number, count }) => self.take_upload(&table, first, number, count)?,
                None => return Err(damaged("a run of events of an unknown kind")),
            }
        }
        Ok(())
    }

    /// The events of a block, of which the first stands at `first`, as far as they are wanted.
    fn take(&mut self, first: Position, block: &[u8]) -> Result<(), PieceError> {
        let block = Block::open(Bytes::copy_from_slice(block)).map_err(damaged)?;
        for (event, sequence) in block.zip(first.sequence..) {
            let (event, position) = (event.map_err(damaged)?, Position { sequence, ..first });
            if position >= self.rest.until {
                break;
            }
            if position >= self.rest.from {
                self.bytes += event.body.len();
                self.rest.from = position.next();
                self.events.push(StoredEvent { position, event });
            }
        }
        Ok(())
    }

    /// The same of an upload, whose blocks are numbered from 0.
    fn take_upload(
        &mut self,
        table: &ReadOnlyTable<EventKey, &'static [u8]>,
        first: Position,
        number: u64,
        count: u64,
    ) -> Result<(), PieceError> {
        let skipped = if self.rest.from > first { self.rest.from.sequence.saturating_sub(first.sequence) } else { 0 };
        let index = |sequence| Position { millis: 0, sequence };
        let begin = beginning(table, number, index(skipped))?;
        for run in table.range::<&[u8; 24]>(&begin..&event_key(number, index(count)))? {
            if self.is_full() {
                break;
            }
            let (key, value) = run?;
            let Some(Stored::Block(block)) = Stored::read(value.value()) else { return Err(damaged("an upload without blocks")) };
            self.take(Position { sequence: first.sequence + position_of(key.value()).sequence, ..first }, block)?;
        }
        Ok(())
    }
}

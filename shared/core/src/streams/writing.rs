//! Takes events in: one by one, later, or in batches.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::error;

use super::ingest::avro::{AvroError, AvroFile};
use super::ingest::{Lines, TooLong};
use super::registry::Stream;
use super::service::{StreamError, StreamService, lost};
use crate::limits;
use crate::ports::{AppendKey, Event, Headers, LogName, PortError, Upload};

/// Bytes of a batch that are held in memory before the rest of it goes into the store piece by piece.
const HELD: usize = 1 << 20;

/// What a batch is cut into events by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchKind {
    /// Each line is an event.
    Lines,
    /// Each datum of an Avro object container file is one.
    Avro,
}

impl BatchKind {
    /// What a content type stands for, if anything.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("text/")) && kind.len() > 5 {
            Some(Self::Lines)
        } else if kind.eq_ignore_ascii_case("avro/binary") {
            Some(Self::Avro)
        } else {
            None
        }
    }
}

/// Why a batch was refused; nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// A line is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// It is no Avro object container file.
    #[error("the body is no Avro object container file: {0}")]
    Avro(#[from] AvroError),
    /// The stream is gone, or the store failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// What cuts a body into events.
#[derive(Debug)]
enum Cutter {
    Lines(Lines),
    Avro(Box<AvroFile>),
}

/// A batch on its way in. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Batch {
    service: StreamService,
    stream: Arc<Stream>,
    cutter: Cutter,
    /// The headers of each event: those that were given, and once they are known those that the body brings.
    headers: Headers,
    waiting: Vec<Event>,
    waiting_bytes: usize,
    upload: Option<Box<dyn Upload>>,
    events: u64,
    bytes: u64,
}

impl StreamService {
    /// Writes an event. It is durable when this returns.
    ///
    /// # Errors
    /// When the stream is gone, or the store fails.
    pub async fn post(&self, stream: &Stream, headers: Headers, body: Bytes) -> Result<(), StreamError> {
        let bytes = body.len();
        let appended = self.log.append(&stream.log, vec![Event { headers, body }], None).await;
        appended.map_err(|error| lost(error, &stream.name))?;
        self.count(stream, 1, bytes as u64);
        Ok(())
    }

    /// Takes an event that is written soon: this only waits for room in the queue. Events that are taken one after the other are
    /// written in that order.
    ///
    /// # Errors
    /// Where events cannot wait, when it could not be written.
    pub async fn post_later(&self, stream: Arc<Stream>, headers: Headers, body: Bytes) -> Result<(), StreamError> {
        match &self.queue {
            Some(queue) => {
                let event = Event { headers, body };
                match queue.push(stream, event).await {
                    Ok(()) => Ok(()),
                    Err(refused) => self.post(&refused.stream, refused.event.headers, refused.event.body).await,
                }
            }
            None => self.post(&stream, headers, body).await,
        }
    }

    /// Appends events that a writer numbers, once however often it repeats them.
    ///
    /// # Errors
    /// When the stream is gone, or the store fails.
    pub async fn append(&self, stream: &Stream, events: Vec<Event>, key: AppendKey) -> Result<(), StreamError> {
        let (count, bytes) = (events.len() as u64, events.iter().map(|event| event.body.len() as u64).sum());
        self.log.append(&stream.log, events, Some(key)).await.map_err(|error| lost(error, &stream.name))?;
        self.count(stream, count, bytes);
        Ok(())
    }

    /// Begins a batch: all of its events are kept, or none.
    #[must_use]
    pub fn batch(&self, stream: Arc<Stream>, kind: BatchKind, headers: Headers) -> Batch {
        let cutter = match kind {
            BatchKind::Lines => Cutter::Lines(Lines::new(limits::EVENT_BODY)),
            BatchKind::Avro => Cutter::Avro(Box::new(AvroFile::new(limits::EVENT_BODY))),
        };
        let service = self.clone();
        Batch { service, stream, cutter, headers, waiting: Vec::new(), waiting_bytes: 0, upload: None, events: 0, bytes: 0 }
    }

    fn count(&self, stream: &Stream, events: u64, bytes: u64) {
        self.notices.grown(stream, bytes);
        metrics::counter!("headwater_streams_events_total").increment(events);
        metrics::counter!("headwater_streams_bytes_total").increment(bytes);
    }

    /// This service with a queue for events that may be written later, and what writes them.
    #[must_use]
    pub fn with_queue(mut self) -> (Self, QueueWriter) {
        let (sender, receiver) = mpsc::channel(limits::QUEUED_EVENTS);
        self.queue = None;
        let writer = QueueWriter { service: self.clone(), receiver };
        self.queue = Some(Queue { sender, room: Arc::new(Semaphore::new(limits::QUEUED_BYTES)) });
        (self, writer)
    }
}

impl Batch {
    /// The batch with the next bytes of the body.
    ///
    /// # Errors
    /// See [`BatchError`].
    pub async fn take(mut self, mut piece: Bytes) -> Result<Self, BatchError> {
        let mut more = true;
        while more {
            let mut bodies = Vec::new();
            more = match &mut self.cutter {
                Cutter::Lines(lines) => lines.push(&piece, &mut bodies).map(|()| false)?,
                Cutter::Avro(file) => file.pull(&mut piece, &mut bodies)?,
            };
            if let Cutter::Avro(file) = &self.cutter
                && self.events == 0
                && !bodies.is_empty()
            {
                self.headers = with_schema(&self.headers, file);
            }
            self.add(bodies).await?;
        }
        Ok(self)
    }

    async fn add(&mut self, bodies: Vec<Bytes>) -> Result<(), BatchError> {
        for body in bodies {
            self.events += 1;
            self.bytes += body.len() as u64;
            self.waiting_bytes += body.len() + size_of::<Event>();
            self.waiting.push(Event { headers: self.headers.clone(), body });
        }
        if self.waiting_bytes >= HELD {
            self.write_on().await.map_err(|error| lost(error, &self.stream.name))?;
        }
        Ok(())
    }

    async fn write_on(&mut self) -> Result<(), PortError> {
        self.waiting_bytes = 0;
        let events = std::mem::take(&mut self.waiting);
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => self.upload.insert(self.service.log.upload(&self.stream.log).await?),
        };
        upload.write(events).await
    }

    /// Ends the batch: its events are durable when this returns.
    ///
    /// # Errors
    /// See [`BatchError`].
    pub async fn finish(mut self) -> Result<(), BatchError> {
        match std::mem::replace(&mut self.cutter, Cutter::Lines(Lines::new(0))) {
            Cutter::Lines(lines) => {
                let mut bodies = Vec::new();
                lines.finish(&mut bodies);
                self.add(bodies).await?;
            }
            Cutter::Avro(file) => file.finish()?,
        }
        if self.events == 0 {
            return Ok(());
        }
        let written = if self.upload.is_some() {
            if self.waiting.is_empty() { Ok(()) } else { self.write_on().await }
        } else {
            self.service.log.append(&self.stream.log, std::mem::take(&mut self.waiting), None).await
        };
        let written = match (written, self.upload.take()) {
            (Ok(()), Some(upload)) => upload.commit().await,
            (written, _) => written,
        };
        written.map_err(|error| lost(error, &self.stream.name))?;
        self.service.count(&self.stream, self.events, self.bytes);
        Ok(())
    }
}

/// The headers of a batch, with the schema that its datums were written with.
fn with_schema(headers: &Headers, file: &AvroFile) -> Headers {
    let (schema, hash) = (file.schema().unwrap_or_default(), file.schema_hash().unwrap_or_default());
    let given = headers.iter().filter(|(name, _)| name != "schema" && name != "schema.hash").cloned();
    let brought = [("schema", schema), ("schema.hash", hash)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    given.chain(brought).collect::<Vec<_>>().into()
}

/// Events that are written soon.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    sender: mpsc::Sender<Queued>,
    /// One permit a byte.
    room: Arc<Semaphore>,
}

#[derive(Debug)]
enum Queued {
    Event(QueuedEvent),
    /// Answered once all that came before is written.
    Mark(oneshot::Sender<()>),
}

#[derive(Debug)]
struct QueuedEvent {
    stream: Arc<Stream>,
    event: Event,
    room: Option<OwnedSemaphorePermit>,
}

impl Queue {
    /// Waits for room, and puts an event in. Nobody writes any more if it comes back.
    async fn push(&self, stream: Arc<Stream>, event: Event) -> Result<(), QueuedEvent> {
        let bytes = u32::try_from(event.body.len()).unwrap_or(u32::MAX).min(limits::QUEUED_BYTES as u32);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.ok();
        match self.sender.send(Queued::Event(QueuedEvent { stream, event, room })).await {
            Err(SendError(Queued::Event(refused))) => Err(refused),
            _ => Ok(()),
        }
    }

    /// Returns once all that was put in before is written, or was lost.
    pub(super) async fn written(&self) {
        let (mark, reached) = oneshot::channel();
        if self.sender.send(Queued::Mark(mark)).await.is_ok() {
            let _ = reached.await; // Nobody writes any more if that fails.
        }
    }
}

/// Writes what waits in the queue.
#[derive(Debug)]
pub struct QueueWriter {
    service: StreamService,
    receiver: mpsc::Receiver<Queued>,
}

impl QueueWriter {
    /// Writes until every service with this queue is gone, or `end` returns; then what waits is still written.
    pub async fn run(mut self, end: impl Future<Output = ()> + Send) {
        let mut end = std::pin::pin!(futures::FutureExt::fuse(end));
        loop {
            let mut waiting = Vec::new();
            let taken = futures::select_biased! {
                () = end => {
                    self.receiver.close();
                    continue;
                }
                taken = futures::FutureExt::fuse(self.receiver.recv_many(&mut waiting, limits::QUEUED_EVENTS)) => taken,
            };
            if taken == 0 {
                return;
            }
            self.write(waiting).await;
        }
    }

    async fn write(&self, waiting: Vec<Queued>) {
        let mut places: HashMap<LogName, usize> = HashMap::new();
        let mut streams: Vec<(Arc<Stream>, Vec<QueuedEvent>)> = Vec::new();
        let mut marks = Vec::new();
        for queued in waiting {
            let queued = match queued {
                Queued::Event(queued) => queued,
                Queued::Mark(mark) => {
                    marks.push(mark);
                    continue;
                }
            };
            let place = *places.entry(queued.stream.log.clone()).or_insert_with(|| {
                streams.push((Arc::clone(&queued.stream), Vec::new()));
                streams.len() - 1
            });
            streams[place].1.push(queued);
        }
        join_all(streams.into_iter().map(|(stream, queued)| self.append(stream, queued))).await;
        for mark in marks {
            let _ = mark.send(()); // Whoever waited may have left.
        }
    }

    async fn append(&self, stream: Arc<Stream>, queued: Vec<QueuedEvent>) {
        // The room is given back once they are written.
        let (events, _rooms): (Vec<Event>, Vec<_>) = queued.into_iter().map(|queued| (queued.event, queued.room)).unzip();
        let (count, bytes) = (events.len() as u64, events.iter().map(|event| event.body.len() as u64).sum());
        match self.service.log.append(&stream.log, events, None).await {
            Ok(()) => self.service.count(&stream, count, bytes),
            Err(PortError::NotFound { .. }) => {} // The stream was removed meanwhile, and with it its events.
            Err(error) => {
                metrics::counter!("headwater_streams_events_lost_total").increment(count);
                error!(error = &error as &dyn std::error::Error, stream = %stream.name, count, "asynchronous events were lost");
            }
        }
    }
}

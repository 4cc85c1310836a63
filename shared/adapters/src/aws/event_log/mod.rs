//! Event logs over Kinesis and S3.
//!
//! | where | what |
//! |---|---|
//! | a record of the stream | an append, a truncation or a mark of one log, written ahead; all records of a log are in one shard at a time |
//! | `documents/logs/LOG` | the manifest: the log up to a record, its *checkpoint* |
//! | `documents/log-shards/STREAM/SHARD` | how far a shard has been flushed |
//! | `events/LOG/FIRST-LAST-LEVEL` | a segment: a run of events by their sequences, and how often it was merged |
//! | `events/LOG/staged-ID` | a large batch, which a record points to; it becomes a segment as it is |
//!
//! * [`place`] says where a log lives, [`record`] is what is written ahead, [`wal`] writes it and knows the shards.
//! * [`fold`] turns records into positions; [`tail`] finds the records that have not been flushed.
//! * [`segment`] is the form of an object, [`objects`] the bucket, [`scan`] reads one segment, [`reading`] all of a log.
//! * [`flusher`] makes segments of records, [`merging`] large ones of small ones, and [`poller`] drives it where no Lambda does.
//!
//! An append is one record: durable when Kinesis has taken it, readable at once. A read puts a mark behind all that was acknowledged,
//! then takes the manifest, its segments, and the records between checkpoint and mark. Why so, and what it costs:
//! `docs/adr/0002-event-log-in-the-cloud.md`.

mod flusher;
mod fold;
mod manifest;
mod merging;
mod objects;
mod place;
mod poller;
mod reading;
mod record;
mod scan;
mod segment;
mod tail;
mod upload;
mod wal;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use headwater_core::ports::{
    AppendKey, Clock, Condition, Documents, Entropy, Event, EventLog, EventStream, LogName, LogSize, PortError, Position, TimeRange,
    Timestamp, Upload,
};

use self::fold::{Folded, State};
use self::manifest::{Checkpoint, Manifest, Manifests};
use self::objects::Objects;
use self::place::Place;
use self::reading::Reading;
use self::record::{Append, Batch, Content, Entry, Record, corrupt};
use self::scan::{Piece, Scan, Wanted};
use self::segment::Segment;
use self::tail::Tail;
use self::upload::{KinesisUpload, Staging};
use self::wal::Wal;
use super::Clients;

pub use flusher::{Flushed, Flusher, WalRecord};
pub use poller::ShardPoller;

/// Most bytes of a batch in a record. A shard takes a megabyte a second for all logs together, and gives back two: a larger batch
/// would keep the others waiting, so it goes to the bucket, and only word of it to the stream.
const INLINE: usize = 256 << 10;

/// Most bytes of bodies of a batch in a record, however small it can be packed: whoever reads it holds all of it.
const INLINE_BODIES: u64 = 1 << 20;

/// How often the manifest is tried to be changed while others change it.
const CHANGES: u32 = 20;

/// Event logs whose writes go ahead into a Kinesis stream, and whose events end up in S3. Whoever shares stream and bucket shares the
/// logs. Something must flush the stream: the function `flusher`, or a [`ShardPoller`].
#[derive(Debug, Clone)]
pub struct KinesisEventLog {
    logs: Logs,
}

/// What all parts of the adapter work with.
#[derive(Debug, Clone)]
struct Logs {
    wal: Wal,
    objects: Objects,
    manifests: Manifests,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl KinesisEventLog {
    /// Logs in this stream and this bucket, with their manifests among these documents.
    #[must_use]
    pub fn new(
        clients: &Clients,
        stream: &str,
        bucket: &str,
        documents: Arc<dyn Documents>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let wal = Wal::new(clients.kinesis.clone(), stream);
        let (objects, manifests) = (Objects::new(clients.s3.clone(), bucket), Manifests::new(documents, stream));
        Self { logs: Logs { wal, objects, manifests, clock, entropy } }
    }

    /// What flushes these logs, when it is handed the records of their stream.
    #[must_use]
    pub fn flusher(&self) -> Flusher {
        Flusher::new(self.logs.clone())
    }
}

impl Logs {
    /// Key of an object of a log.
    fn key(&self, place: &Place, object: &str) -> String {
        format!("{}{object}", place.objects)
    }

    async fn put(&self, log: &LogName, place: &Place, entry: Entry) -> Result<Checkpoint, PortError> {
        self.wal.put(place, &Record { log: log.clone(), entry }).await
    }

    async fn write_ahead(
        &self,
        log: &LogName,
        place: &Place,
        key: Option<AppendKey>,
        count: u64,
        bytes: u64,
        content: Content,
    ) -> Result<(), PortError> {
        let (id, millis) = (self.entropy.draw(), self.clock.now().as_millis());
        self.put(log, place, Entry::Append(Append { id, millis, key, count, bytes, content })).await.map(drop)
    }

    async fn append(&self, log: &LogName, events: &[Event], key: Option<AppendKey>) -> Result<(), PortError> {
        if events.is_empty() {
            return Ok(());
        }
        let bodies: u64 = events.iter().map(|event| event.body.len() as u64).sum();
        if bodies <= INLINE_BODIES {
            let batch = Batch::of(events);
            if let Some(packed) = batch.inline(INLINE) {
                let content = Content::Inline(packed);
                return self.write_ahead(log, &Place::of(log), key, batch.count, batch.bytes, content).await;
            }
        }
        let mut staging = Staging::new(self, log);
        staging.write(events).await?;
        staging.commit(key).await
    }

    /// Takes the next record of a log.
    async fn fold(&self, place: &Place, state: &mut State, entry: &Entry) -> Result<Folded, PortError> {
        let Entry::Append(append) = entry else { return Ok(state.fold(entry, 0)) };
        let repeated = state.repeated(append);
        let repeated_bytes = match &append.content {
            _ if repeated == 0 => 0,
            _ if repeated == append.count => append.bytes,
            Content::Inline(packed) => {
                let block = Append::open(packed)?;
                let events = block.take(usize::try_from(repeated).unwrap_or(usize::MAX));
                let bodies = events.map(|event| event.map(|event| event.body.len() as u64));
                bodies.sum::<Result<u64, _>>().map_err(corrupt)?
            }
            Content::Staged { object, length } => self.bytes_of_first(place, object, *length, repeated).await?,
        };
        Ok(state.fold(entry, repeated_bytes))
    }

    /// Bytes of the bodies of the first events of an object.
    async fn bytes_of_first(&self, place: &Place, object: &str, length: u64, count: u64) -> Result<u64, PortError> {
        let position = |sequence| Position { millis: 0, sequence };
        let (first, last) = (position(1), position(count));
        let segment = Segment { object: object.to_owned(), length, skip: 0, first, last, level: 0 };
        let wanted = Wanted::new(TimeRange::ALL, None);
        let mut scan = Scan::open(&self.objects, self.key(place, object), segment, &wanted).await?;
        let mut bytes = 0;
        loop {
            let mut piece = Piece::default();
            let more = scan.fill(&mut piece, &wanted).await?;
            bytes += piece.events.iter().map(|stored| stored.event.body.len() as u64).sum::<u64>();
            if !more {
                return Ok(bytes);
            }
        }
    }

    /// The manifest, and the records between it and now. `None` when there is no such log.
    async fn up_to_now(&self, log: &LogName, place: &Place) -> Result<Option<(Manifest, Tail)>, PortError> {
        let mark = self.put(log, place, Entry::Mark).await?;
        let flushed = tail::flushed(&self.wal, &self.manifests, place, &mark).await?;
        let Some((manifest, _)) = self.manifests.load(&place.manifest).await? else { return Ok(None) };
        let checkpoint = flushed.filter(|flushed| flushed.sequence > manifest.checkpoint.sequence);
        let checkpoint = checkpoint.unwrap_or_else(|| manifest.checkpoint.clone());
        let tail = Tail::new(&self.wal, &self.clock, place, checkpoint, mark).await?;
        Ok(Some((manifest, tail)))
    }

    /// Changes a manifest, if there is one and `change` wants to.
    async fn change(&self, place: &Place, change: impl Fn(&mut Manifest) -> bool) -> Result<(), PortError> {
        for attempt in 1..=CHANGES {
            let Some((mut manifest, etag)) = self.manifests.load(&place.manifest).await? else { return Ok(()) };
            if !change(&mut manifest) {
                return Ok(());
            }
            self.remove_garbage(place, &mut manifest).await?;
            match self.manifests.save(&place.manifest, &manifest, Condition::Match(etag)).await {
                Err(error) if error.is_conflict() => self.clock.sleep(super::pause(attempt)).await,
                outcome => return outcome.map(drop),
            }
        }
        Err(PortError::unavailable("changing a manifest", "others change it all the time"))
    }

    /// Removes objects that nobody can be reading any more, before a manifest that does not know them is stored: if that fails, they
    /// are removed again.
    async fn remove_garbage(&self, place: &Place, manifest: &mut Manifest) -> Result<(), PortError> {
        let garbage = manifest.collect(self.clock.now());
        self.objects.remove(&garbage.iter().map(|object| self.key(place, object)).collect::<Vec<_>>()).await
    }
}

#[async_trait]
impl EventLog for KinesisEventLog {
    async fn create(&self, log: &LogName) -> Result<(), PortError> {
        let (logs, place) = (&self.logs, Place::of(log));
        if logs.manifests.load(&place.manifest).await?.is_some() {
            return Ok(());
        }
        // The log begins here, so nobody has to look for its events in what others wrote before.
        let begin = logs.put(log, &place, Entry::Mark).await?;
        match logs.manifests.save(&place.manifest, &Manifest::new(log, begin), Condition::Absent).await {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<(), PortError> {
        self.logs.append(log, &batch, key).await
    }

    async fn upload(&self, log: &LogName) -> Result<Box<dyn Upload>, PortError> {
        Ok(Box::new(KinesisUpload::new(&self.logs, log)))
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        let (logs, place) = (&self.logs, Place::of(log));
        let nothing = || futures::stream::empty().boxed();
        let wanted = Wanted::new(range, after);
        if range.from >= range.until {
            return Ok(nothing());
        }
        // A range of the past may be flushed altogether: what is still in the stream is not earlier than what is not. A truncation
        // that has been answered is in the manifest.
        if range.until <= logs.clock.now().as_millis() {
            let Some((manifest, _)) = logs.manifests.load(&place.manifest).await? else { return Ok(nothing()) };
            if range.until <= manifest.state.millis {
                return Ok(Reading::new(logs, place, manifest, wanted, None).stream());
            }
        }
        let Some((manifest, tail)) = logs.up_to_now(log, &place).await? else { return Ok(nothing()) };
        Ok(Reading::new(logs, place, manifest, wanted, Some(tail)).stream())
    }

    async fn size(&self, log: &LogName) -> Result<LogSize, PortError> {
        let place = Place::of(log);
        let Some((Manifest { mut state, .. }, mut tail)) = self.logs.up_to_now(log, &place).await? else { return Ok(LogSize::default()) };
        while let Some((_, record)) = tail.next().await? {
            self.logs.fold(&place, &mut state, &record.entry).await?;
        }
        Ok(state.size)
    }

    async fn truncate(&self, log: &LogName) -> Result<(), PortError> {
        let (logs, place) = (&self.logs, Place::of(log));
        let Checkpoint { sequence, .. } = logs.put(log, &place, Entry::Truncate).await?;
        // Whoever reads the manifest sees it from now on, without having to look through the stream first.
        let now = logs.clock.now();
        let change = |manifest: &mut Manifest| {
            let news = sequence > manifest.checkpoint.sequence && manifest.truncated.as_ref().is_none_or(|truncated| sequence > *truncated);
            if news {
                manifest.truncated = Some(sequence.clone());
                manifest.retain(now, |_| false);
            }
            news
        };
        logs.change(&place, change).await
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        let (logs, before) = (&self.logs, before.as_millis());
        let now = logs.clock.now();
        let change = |manifest: &mut Manifest| {
            let news = before > manifest.kept_from;
            if news {
                manifest.kept_from = before;
                manifest.retain(now, |segment| segment.last.millis >= before);
            }
            news
        };
        logs.change(&Place::of(log), change).await
    }

    async fn remove(&self, log: &LogName) -> Result<(), PortError> {
        let (logs, place) = (&self.logs, Place::of(log));
        logs.manifests.documents.delete(&place.manifest, Condition::Any).await?;
        let objects = logs.objects.list(&place.objects).await?;
        logs.objects.remove(&objects.into_iter().map(|(key, _)| key).collect::<Vec<_>>()).await
    }
}

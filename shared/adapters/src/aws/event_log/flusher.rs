//! From the stream to the bucket: records become segments, and the manifests know them.

use std::collections::HashMap;
use std::mem;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use headwater_core::ports::{Condition, Etag, LogName, LogSize, PortError, Position};
use tracing::{error, warn};

use super::Logs;
use super::fold::{Folded, Kept};
use super::manifest::{Checkpoint, Manifest};
use super::place::Place;
use super::record::{Append, Content, Entry, Record, Sequence, corrupt};
use super::segment::{Encoder, Segment};

/// Logs that are flushed side by side.
const LOGS_AT_ONCE: usize = 8;

/// How often a manifest is tried to be written while others write it.
const ATTEMPTS: u32 = 10;

/// A record of the stream, as Lambda or a poller brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalRecord {
    /// The shard it comes from.
    pub shard: String,
    /// Its sequence number.
    pub sequence: String,
    /// Its partition key.
    pub partition_key: String,
    /// Its bytes.
    pub data: Bytes,
}

/// What a flush did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flushed {
    /// Sequence numbers of records that were not flushed, in order; for each log that failed, the first. All from the lowest on are
    /// to be handed over again.
    pub failed: Vec<String>,
    /// Logs that took events, with what each has now taken.
    pub grown: Vec<(LogName, LogSize)>,
}

/// Writes what stands in the stream to the bucket.
///
/// It is handed the records of a shard in their order, none left out, and those of a shard that was split or merged before those of
/// its children. The same records may come again, and several flushers may be handed the same ones, at the same time, too: of
/// each log one of them is first to write the manifest, and the others find their records in it. A crash between a segment and its
/// manifest leaves an object that the next attempt writes over, or that is swept up later.
#[derive(Debug, Clone)]
pub struct Flusher {
    pub(super) logs: Logs,
}

/// A record that has been read.
struct Arrived {
    checkpoint: Checkpoint,
    entry: Entry,
}

/// What the records of a log are about to become.
#[derive(Default)]
struct Draft {
    encoder: Encoder,
    /// Where the events in the encoder stand.
    span: Option<(Position, Position)>,
    segments: Vec<Segment>,
    written: Vec<String>,
}

impl Flusher {
    pub(super) fn new(logs: Logs) -> Self {
        Self { logs }
    }

    /// Flushes records of one shard. One log's failure does not keep the others from being flushed.
    pub async fn flush(&self, records: &[WalRecord]) -> Flushed {
        let mut logs: HashMap<LogName, Vec<Arrived>> = HashMap::new();
        let mut failed = Vec::new();
        for record in records {
            let checkpoint = Checkpoint { shard: record.shard.clone(), sequence: Sequence::new(&record.sequence) };
            match Record::decode(&record.data) {
                Ok(Record { log, entry }) => logs.entry(log).or_default().push(Arrived { checkpoint, entry }),
                // Written by a version that is newer than this one, which will be replaced soon.
                Err(error) if Place::is_partition_key(&record.partition_key) && !Record::is_of_this_version(&record.data) => {
                    error!(error = &error as &dyn std::error::Error, sequence = record.sequence, "a record has another form");
                    failed.push(record.sequence.clone());
                    break; // What comes behind it may depend on it.
                }
                Err(error) => {
                    error!(error = &error as &dyn std::error::Error, sequence = record.sequence, "a record is none of ours, or is damaged");
                }
            }
        }
        let flushes = logs.into_iter().map(|(log, arrived)| async move {
            let first = arrived.first().map(|arrived| arrived.checkpoint.sequence.clone());
            let outcome = self.flush_log(&log, &arrived).await;
            (log, first, outcome)
        });
        let mut grown = Vec::new();
        let mut outcomes = stream::iter(flushes).buffer_unordered(LOGS_AT_ONCE);
        while let Some((log, first, outcome)) = outcomes.next().await {
            match outcome {
                Ok(size) => grown.extend(size.map(|size| (log, size))),
                Err(error) => {
                    error!(error = &error as &dyn std::error::Error, %log, "a log could not be flushed");
                    failed.extend(first.map(|first| first.as_str().to_owned()));
                }
            }
        }
        failed.sort_by_key(|sequence| Sequence::new(sequence));
        grown.sort_by(|one, other| one.0.cmp(&other.0));
        self.advance(records, failed.first()).await;
        Flushed { failed, grown }
    }

    /// Notes how far the shard has been flushed, for readers. Should that fail, they look through a little more.
    async fn advance(&self, records: &[WalRecord], failed: Option<&String>) {
        let flushed = failed.map(|failed| Sequence::new(failed));
        let flushed = records.iter().take_while(|record| flushed.as_ref().is_none_or(|failed| Sequence::new(&record.sequence) < *failed));
        let Some(last) = flushed.last() else { return };
        if let Err(error) = self.logs.manifests.advance(&last.shard, &Sequence::new(&last.sequence)).await {
            warn!(error = &error as &dyn std::error::Error, shard = last.shard, "how far a shard has been flushed could not be noted");
        }
    }

    /// Flushes records of one log. Answers what it has taken, if it took something.
    async fn flush_log(&self, log: &LogName, arrived: &[Arrived]) -> Result<Option<LogSize>, PortError> {
        if arrived.iter().all(|arrived| arrived.entry == Entry::Mark) {
            return Ok(None);
        }
        let (logs, place) = (&self.logs, Place::of(log));
        let mut written: Vec<String> = Vec::new();
        for attempt in 1..=ATTEMPTS {
            let Some((mut manifest, etag)) = logs.manifests.load(&place.manifest).await? else {
                // A log that was removed takes with it what was still on its way.
                written.extend(arrived.iter().filter_map(|arrived| staged(&arrived.entry)));
                self.remove(&place, written).await?;
                return Ok(None);
            };
            let before = manifest.state.next;
            let new: Vec<&Arrived> = arrived.iter().filter(|new| new.checkpoint.sequence > manifest.checkpoint.sequence).collect();
            let Some(last) = new.last() else {
                written.retain(|object| !manifest.knows(object));
                self.remove(&place, written).await?;
                return Ok(None);
            };
            let draft = self.draft(&place, &mut manifest, &new).await?;
            manifest.segments.extend(draft.segments);
            written.extend(draft.written);
            manifest.checkpoint = last.checkpoint.clone();
            if manifest.truncated.as_ref().is_some_and(|truncated| *truncated <= manifest.checkpoint.sequence) {
                manifest.truncated = None;
            }
            logs.remove_garbage(&place, &mut manifest).await?;
            match logs.manifests.save(&place.manifest, &manifest, Condition::Match(etag)).await {
                Ok(etag) => {
                    written.retain(|object| !manifest.knows(object));
                    self.remove(&place, written).await?;
                    let grown = (manifest.state.next > before).then_some(manifest.state.size);
                    self.tidy(&place, manifest, etag).await;
                    return Ok(grown);
                }
                Err(error) if error.is_conflict() => logs.clock.sleep(crate::aws::pause(attempt)).await,
                Err(error) => return Err(error),
            }
        }
        Err(PortError::unavailable("writing a manifest", "others write it all the time"))
    }

    /// Folds records into the manifest's state, and writes the events that stay.
    async fn draft(&self, place: &Place, manifest: &mut Manifest, new: &[&Arrived]) -> Result<Draft, PortError> {
        let now = self.logs.clock.now();
        let mut draft = Draft::default();
        for Arrived { checkpoint, entry } in new {
            let folded = self.logs.fold(place, &mut manifest.state, entry).await?;
            let gone = manifest.truncated.as_ref().is_some_and(|truncated| checkpoint.sequence <= *truncated);
            match (folded, entry) {
                (Folded::Kept(kept), Entry::Append(append)) if !gone && kept.last.millis >= manifest.kept_from => {
                    self.keep(place, &mut draft, append, kept).await?;
                }
                (Folded::Kept(_) | Folded::Repeated, entry) => {
                    if let Some(object) = staged(entry) {
                        manifest.discard(object, now);
                    }
                }
                (Folded::Truncated, _) => {
                    manifest.retain(now, |_| false);
                    draft.encoder = Encoder::default();
                    draft.span = None;
                    for segment in mem::take(&mut draft.segments) {
                        manifest.discard(segment.object, now);
                    }
                }
                (Folded::Nothing, _) => {}
            }
        }
        self.close(place, &mut draft).await?;
        Ok(draft)
    }

    /// Adds the events of a record.
    async fn keep(&self, place: &Place, draft: &mut Draft, append: &Append, kept: Kept) -> Result<(), PortError> {
        match &append.content {
            Content::Inline(packed) => {
                for event in Append::open(packed)?.skip(usize::try_from(kept.skip).unwrap_or(usize::MAX)) {
                    draft.encoder.push(kept.first.millis, &event.map_err(corrupt)?);
                }
                draft.span = Some((draft.span.map_or(kept.first, |(first, _)| first), kept.last));
            }
            Content::Staged { object, length } => {
                self.close(place, draft).await?;
                let Kept { skip, first, last } = kept;
                draft.segments.push(Segment { object: object.clone(), length: *length, skip, first, last, level: 0 });
            }
        }
        Ok(())
    }

    /// Writes the events so far as a segment. Its name is made of where they stand, so that another attempt overwrites it.
    async fn close(&self, place: &Place, draft: &mut Draft) -> Result<(), PortError> {
        let Some((first, last)) = draft.span.take() else { return Ok(()) };
        let bytes = mem::take(&mut draft.encoder).finish();
        let object = name(first, last, 0);
        let length = bytes.len() as u64;
        self.logs.objects.put(&self.logs.key(place, &object), bytes).await?;
        draft.written.push(object.clone());
        draft.segments.push(Segment { object, length, skip: 0, first, last, level: 0 });
        Ok(())
    }

    pub(super) async fn remove(&self, place: &Place, objects: Vec<String>) -> Result<(), PortError> {
        self.logs.objects.remove(&objects.iter().map(|object| self.logs.key(place, object)).collect::<Vec<_>>()).await
    }

    /// Merges what is small, if that is worth it. What fails is left for the next time.
    async fn tidy(&self, place: &Place, manifest: Manifest, etag: Etag) {
        let log = manifest.log.clone();
        if let Err(error) = self.merge(place, manifest, etag).await {
            warn!(error = &error as &dyn std::error::Error, %log, "segments could not be merged");
        }
    }
}

/// The name of a segment that holds these events.
pub(super) fn name(first: Position, last: Position, level: u64) -> String {
    format!("{:016x}-{:016x}-{level}", first.sequence, last.sequence)
}

fn staged(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Append(Append { content: Content::Staged { object, .. }, .. }) => Some(object.clone()),
        _ => None,
    }
}

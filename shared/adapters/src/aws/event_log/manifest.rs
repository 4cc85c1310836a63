//! What is kept of a log as documents: its manifest, and how far each shard of the stream has been flushed.

use std::sync::Arc;

use headwater_core::ports::{Condition, Documents, DocumentsExt as _, Etag, Key, LogName, PortError, Timestamp};
use serde::{Deserialize, Serialize};

use super::fold::State;
use super::record::{Sequence, corrupt};
use super::segment::Segment;

/// Below this key lie the documents of shards.
const SHARDS: &str = "log-shards";

/// How long an object outlives its place in the manifest. Whoever is reading it goes on meanwhile.
const GRACE_MILLIS: i64 = 60 * 60 * 1000;

/// A record's place in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// The shard it is in.
    pub(super) shard: String,
    /// Where in that.
    pub(super) sequence: Sequence,
}

/// Everything of a log up to its checkpoint. What came later is in the stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The log's name.
    pub(super) log: LogName,
    /// The last record that is part of this.
    pub(super) checkpoint: Checkpoint,
    /// What the records up to there came to.
    pub(super) state: State,
    /// Events before this moment have been trimmed.
    pub(super) kept_from: i64,
    /// A truncation behind the checkpoint: all before it is gone already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) truncated: Option<Sequence>,
    /// The events, in order.
    pub(super) segments: Vec<Segment>,
    /// Objects that are no longer part of the log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    garbage: Vec<Garbage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Garbage {
    object: String,
    since: i64,
}

impl Manifest {
    /// Of a log that begins behind this record.
    pub(super) fn new(log: &LogName, checkpoint: Checkpoint) -> Self {
        let (state, segments, garbage) = (State::default(), Vec::new(), Vec::new());
        Self { log: log.clone(), checkpoint, state, kept_from: i64::MIN, truncated: None, segments, garbage }
    }

    /// Whether an object is part of the log, or was a short time ago.
    pub(super) fn knows(&self, object: &str) -> bool {
        self.segments.iter().any(|segment| segment.object == object) || self.garbage.iter().any(|garbage| garbage.object == object)
    }

    /// An object is no longer part of the log.
    pub(super) fn discard(&mut self, object: String, now: Timestamp) {
        if !self.knows(&object) {
            self.garbage.push(Garbage { object, since: now.as_millis() });
        }
    }

    /// Discards the segments that are not wanted.
    pub(super) fn retain(&mut self, now: Timestamp, wanted: impl Fn(&Segment) -> bool) {
        let (kept, discarded) = std::mem::take(&mut self.segments).into_iter().partition(wanted);
        self.segments = kept;
        for segment in discarded {
            self.discard(segment.object, now);
        }
    }

    /// Objects that nobody can be reading any more. They are forgotten here, and to be removed before this manifest is stored.
    pub(super) fn collect(&mut self, now: Timestamp) -> Vec<String> {
        let (gone, kept) =
            std::mem::take(&mut self.garbage).into_iter().partition(|garbage| now.as_millis() - garbage.since > GRACE_MILLIS);
        self.garbage = kept;
        gone.into_iter().map(|garbage: Garbage| garbage.object).collect()
    }
}

/// The documents.
#[derive(Debug, Clone)]
pub(super) struct Manifests {
    pub(super) documents: Arc<dyn Documents>,
    stream: Arc<str>,
}

/// How far a shard has been flushed: whatever stands up to here is in the manifests.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    through: Sequence,
}

impl Manifests {
    pub(super) fn new(documents: Arc<dyn Documents>, stream: &str) -> Self {
        Self { documents, stream: stream.into() }
    }

    pub(super) async fn load(&self, key: &Key) -> Result<Option<(Manifest, Etag)>, PortError> {
        self.documents.get_json(key).await
    }

    pub(super) async fn save(&self, key: &Key, manifest: &Manifest, condition: Condition) -> Result<Etag, PortError> {
        self.documents.put_json(key, manifest, condition).await
    }

    fn shard(&self, shard: &str) -> Result<Key, PortError> {
        Key::root(SHARDS).child(&self.stream).and_then(|key| key.child(shard)).map_err(corrupt)
    }

    /// How far a shard has been flushed. To be asked for before the manifest is read, which then holds all up to there.
    pub(super) async fn progress(&self, shard: &str) -> Result<Option<Sequence>, PortError> {
        let progress = self.documents.get_json::<Progress>(&self.shard(shard)?).await?;
        Ok(progress.map(|(progress, _)| progress.through))
    }

    /// Notes that a shard has been flushed up to a record, unless it is known to be flushed further.
    pub(super) async fn advance(&self, shard: &str, through: &Sequence) -> Result<(), PortError> {
        let key = self.shard(shard)?;
        loop {
            let condition = match self.documents.get_json::<Progress>(&key).await? {
                Some((progress, _)) if progress.through >= *through => return Ok(()),
                Some((_, etag)) => Condition::Match(etag),
                None => Condition::Absent,
            };
            match self.documents.put_json(&key, &Progress { through: through.clone() }, condition).await {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome.map(drop),
            }
        }
    }
}

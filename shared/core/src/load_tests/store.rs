//! Where runs are kept.
//!
//! | document | holds |
//! |---|---|
//! | `load-tests/running/SHARD/UUID` | a run that goes on or is lost, or whose end is not settled yet |
//! | `load-tests/ended/UUID` | a run that was committed, without its result |
//! | `load-tests/results/UUID` | its result |
//! | `load-tests/journals/UUID` | its live values over time, and its annotations |
//! | `load-tests/index/TIME-UUID` | that there is this run; the newest ones first |
//!
//! A run only ever goes from `running` to `ended`, once: nothing but its registration makes a document below `running`, and every change of it
//! is written under the version that was read. So a run has one end, whoever decides it.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::id::RunId;
use super::run::{Journal, Run};
use super::statistics::Endpoint;
use crate::limits::READ_AT_ONCE;
use crate::ports::{Condition, Documents, DocumentsExt, Etag, Key, Listed, PortError, Timestamp};

/// Parts that running runs are divided into; each has a task of its own for its heartbeats.
pub(super) const SHARDS: u64 = 16;

/// What the times in the index are taken from, so that the newest come first: milliseconds up to the year 2286.
const LAST: i64 = 9_999_999_999_999;

/// Runs in the document store.
#[derive(Debug, Clone)]
pub(super) struct RunStore {
    pub(super) documents: Arc<dyn Documents>,
}

/// A result, as it is kept beside the record of its run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResultDocument {
    pub(super) stats: Box<RawValue>,
    pub(super) endpoints: Vec<Endpoint>,
}

/// Where a run was found.
#[derive(Debug)]
pub(super) enum Found {
    /// Among those that go on.
    Running(Run, Etag),
    /// Among those that are over.
    Ended(Run),
}

fn child(root: &'static str, text: &str) -> Key {
    Key::root(root).child(text).expect("ids and numbers are short")
}

fn running(shard: u64) -> Key {
    child("load-tests/running", &format!("{shard:02}"))
}

/// The key of a run that goes on.
fn running_key(uuid: &RunId) -> Key {
    running(uuid.shard(SHARDS)).child(uuid.as_str()).expect("an id is short")
}

fn ended_key(uuid: &RunId) -> Key {
    child("load-tests/ended", uuid.as_str())
}

fn journal_key(uuid: &RunId) -> Key {
    child("load-tests/journals", uuid.as_str())
}

fn result_key(uuid: &RunId) -> Key {
    child("load-tests/results", uuid.as_str())
}

/// The id at the end of a key.
pub(super) fn uuid_in(key: &Key) -> Option<RunId> {
    RunId::parse(key.as_str().rsplit(['/', '-']).next()?)
}

impl RunStore {
    /// Names a run in the index.
    pub(super) async fn announce(&self, uuid: &RunId, registered: Timestamp) -> Result<(), PortError> {
        let key = child("load-tests/index", &format!("{:013}-{uuid}", LAST - registered.as_millis().clamp(0, LAST)));
        self.documents.put_json(&key, &(), Condition::Any).await.map(drop)
    }

    /// Writes a run that goes on, or whose end is not settled.
    pub(super) async fn put(&self, run: &Run, condition: Condition) -> Result<Etag, PortError> {
        self.documents.put_json(&running_key(&run.uuid), run, condition).await
    }

    /// Writes a run that is over.
    pub(super) async fn put_ended(&self, run: &Run, condition: Condition) -> Result<Etag, PortError> {
        self.documents.put_json(&ended_key(&run.uuid), run, condition).await
    }

    pub(super) async fn remove_running(&self, uuid: &RunId, etag: &Etag) -> Result<(), PortError> {
        self.documents.delete(&running_key(uuid), Condition::Match(etag.clone())).await
    }

    pub(super) async fn put_result(&self, uuid: &RunId, stats: &str, endpoints: Vec<Endpoint>) -> Result<(), PortError> {
        let key = result_key(uuid);
        let corrupt = |source: serde_json::Error| PortError::Corrupt { what: key.to_string(), source: source.into() };
        let stats = RawValue::from_string(stats.to_owned()).map_err(corrupt)?;
        self.documents.put_json(&key, &ResultDocument { stats, endpoints }, Condition::Any).await.map(drop)
    }

    pub(super) async fn result(&self, uuid: &RunId) -> Result<Option<ResultDocument>, PortError> {
        Ok(self.documents.get_json(&result_key(uuid)).await?.map(|(result, _)| result))
    }

    /// The run, wherever it stands.
    pub(super) async fn find(&self, uuid: &RunId) -> Result<Option<Found>, PortError> {
        if let Some((run, etag)) = self.running(uuid).await? {
            return Ok(Some(Found::Running(run, etag)));
        }
        // It is there before it is gone from the others.
        Ok(self.ended(uuid).await?.map(|(run, _)| Found::Ended(run)))
    }

    /// The course of a run, and the condition under which it may be written anew.
    pub(super) async fn journal(&self, uuid: &RunId) -> Result<(Journal, Condition), PortError> {
        let found = self.documents.get_json(&journal_key(uuid)).await?;
        Ok(found.map_or((Journal::default(), Condition::Absent), |(journal, etag)| (journal, Condition::Match(etag))))
    }

    pub(super) async fn put_journal(&self, uuid: &RunId, journal: &Journal, condition: Condition) -> Result<(), PortError> {
        self.documents.put_json(&journal_key(uuid), journal, condition).await.map(drop)
    }

    pub(super) async fn running(&self, uuid: &RunId) -> Result<Option<(Run, Etag)>, PortError> {
        self.documents.get_json(&running_key(uuid)).await
    }

    pub(super) async fn ended(&self, uuid: &RunId) -> Result<Option<(Run, Etag)>, PortError> {
        self.documents.get_json(&ended_key(uuid)).await
    }

    /// The runs of a shard that go on or are not settled, by id with their versions.
    pub(super) async fn shard(&self, shard: u64) -> Result<Vec<Listed>, PortError> {
        self.documents.list_all(&running(shard)).await
    }

    /// All runs that go on, are lost or are not settled, with their versions.
    pub(super) async fn all_running(&self) -> Result<Vec<Listed>, PortError> {
        self.documents.list_all(&Key::root("load-tests/running")).await
    }

    /// How many runs are over and still known.
    pub(super) async fn count_ended(&self) -> Result<usize, PortError> {
        Ok(self.documents.list_all(&Key::root("load-tests/ended")).await?.len())
    }

    /// Entries of the index, the newest runs first.
    pub(super) async fn index(&self, after: Option<&Key>, limit: usize) -> Result<Vec<Key>, PortError> {
        let listed = self.documents.list(&Key::root("load-tests/index"), after, limit).await?;
        Ok(listed.into_iter().map(|listed| listed.key).collect())
    }

    /// The key of the index that a word for clients stands for, if one does.
    pub(super) fn index_key(word: &str) -> Option<Key> {
        let (time, uuid) = word.split_once('-')?;
        let fits = time.len() == 13 && time.bytes().all(|byte| byte.is_ascii_digit()) && RunId::parse(uuid).is_some();
        fits.then(|| child("load-tests/index", word))
    }

    /// When the run of an entry was registered.
    pub(super) fn registered(key: &Key) -> Option<Timestamp> {
        let word = key.as_str().rsplit('/').next()?;
        Some(Timestamp::from_millis(LAST - word.split('-').next()?.parse::<i64>().ok()?))
    }

    /// Removes a run that is over, and all that belongs to it.
    pub(super) async fn forget(&self, uuid: &RunId, entry: &Key) -> Result<(), PortError> {
        for key in [ended_key(uuid), result_key(uuid), journal_key(uuid)] {
            self.documents.delete(&key, Condition::Any).await?;
        }
        self.documents.delete(entry, Condition::Any).await
    }

    /// The runs of these ids that are there and can be read, in their order.
    pub(super) async fn read(&self, ids: &[RunId]) -> Result<Vec<Found>, PortError> {
        let finds: Vec<_> = ids.iter().map(|uuid| self.find(uuid)).collect();
        let found: Vec<Result<Option<Found>, PortError>> = stream::iter(finds).buffered(READ_AT_ONCE).collect().await;
        let mut runs = Vec::with_capacity(found.len());
        for found in found {
            runs.extend(sound(found)?.flatten());
        }
        Ok(runs)
    }
}

/// What was read; nothing, where it cannot be, so that others can.
pub(super) fn sound<T>(read: Result<T, PortError>) -> Result<Option<T>, PortError> {
    match read {
        Err(damaged @ PortError::Corrupt { .. }) => {
            tracing::error!(error = &damaged as &dyn std::error::Error, "a document of the load tests cannot be read");
            Ok(None)
        }
        read => read.map(Some),
    }
}

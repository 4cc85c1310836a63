//! The stream: writing a record, and which shards hold the records of a log.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::HashKeyRange;
use headwater_core::ports::PortError;

use super::manifest::Checkpoint;
use super::place::Place;
use super::record::{Record, Sequence};
use crate::aws::unavailable;

/// How long a record is waited for before it is sent again, and how long in all. What is sent again may stand in the stream twice,
/// which `fold` leaves out as long as the second comes soon.
const ATTEMPT: Duration = Duration::from_secs(6);
const ALTOGETHER: Duration = Duration::from_secs(40);

/// The stream.
#[derive(Debug, Clone)]
pub(super) struct Wal {
    pub(super) kinesis: Client,
    pub(super) stream: Arc<str>,
    /// Shards that have been asked for. What is known of one does not change.
    shards: Arc<Mutex<HashMap<String, Shard>>>,
}

/// A shard.
#[derive(Debug, Clone)]
pub(super) struct Shard {
    pub(super) id: String,
    /// The shards that were split or merged into this one, as far as the stream still has them.
    pub(super) parents: Vec<String>,
    /// The hashes that go here.
    first: u128,
    last: u128,
}

impl Wal {
    pub(super) fn new(kinesis: Client, stream: &str) -> Self {
        Self { kinesis, stream: stream.into(), shards: Arc::default() }
    }

    /// Writes a record; where it stands.
    pub(super) async fn put(&self, place: &Place, record: &Record) -> Result<Checkpoint, PortError> {
        let request = self.kinesis.put_record().stream_name(&*self.stream).partition_key(place.partition_key());
        let request = request.explicit_hash_key(place.hash.to_string()).data(Blob::new(record.encode()));
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(ALTOGETHER).build();
        let request = request.customize().config_override(aws_sdk_kinesis::config::Builder::new().timeout_config(timeouts));
        let answer = request.send().await.map_err(|error| unavailable("writing ahead", error))?;
        Ok(Checkpoint { shard: answer.shard_id, sequence: Sequence::new(&answer.sequence_number) })
    }

    /// All shards that the stream has, open ones and those that still hold records.
    pub(super) async fn shards(&self) -> Result<Vec<Shard>, PortError> {
        let mut shards = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let request = self.kinesis.list_shards();
            let request = match next {
                Some(token) => request.next_token(token), // It names the stream, which must not be given again.
                None => request.stream_name(&*self.stream),
            };
            let page = request.send().await.map_err(|error| unavailable("listing shards", error))?;
            for shard in page.shards() {
                let range = shard.hash_key_range();
                let hash = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or_default();
                shards.push(Shard {
                    id: shard.shard_id().to_owned(),
                    parents: [shard.parent_shard_id(), shard.adjacent_parent_shard_id()].into_iter().flatten().map(str::to_owned).collect(),
                    first: hash(range.map(HashKeyRange::starting_hash_key)),
                    last: hash(range.map(HashKeyRange::ending_hash_key)),
                });
            }
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        let known: Vec<String> = shards.iter().map(|shard| shard.id.clone()).collect();
        for shard in &mut shards {
            shard.parents.retain(|parent| known.contains(parent));
        }
        Ok(shards)
    }

    /// What is known of a shard and of all that it came from.
    async fn shard(&self, id: &str) -> Result<Option<Shard>, PortError> {
        let known = |id: &str| self.shards.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(shard) = known(id) {
            return Ok(Some(shard));
        }
        let listed = self.shards().await?;
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).extend(listed.into_iter().map(|shard| (shard.id.clone(), shard)));
        Ok(known(id))
    }

    /// The shard whose records of a log come before those in this one.
    pub(super) async fn parent(&self, id: &str, place: &Place) -> Result<Option<String>, PortError> {
        let Some(shard) = self.shard(id).await? else { return Ok(None) };
        for parent in shard.parents {
            if self.shard(&parent).await?.is_some_and(|parent| (parent.first..=parent.last).contains(&place.hash)) {
                return Ok(Some(parent));
            }
        }
        Ok(None)
    }

    /// The shards that hold a log's records from one shard to another, in order; all that there are when the first has expired.
    pub(super) async fn lineage(&self, from: &str, to: &str, place: &Place) -> Result<VecDeque<String>, PortError> {
        let mut lineage = VecDeque::from([to.to_owned()]);
        while let Some(first) = lineage.front().filter(|first| *first != from) {
            match self.parent(first, place).await? {
                Some(parent) => lineage.push_front(parent),
                None => break,
            }
        }
        Ok(lineage)
    }
}

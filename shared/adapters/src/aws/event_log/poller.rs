//! What Lambda's event source does, where there is none: it follows all shards of the stream and hands their records to the flusher.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::ports::{LogName, LogSize, PortError, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info};

use super::flusher::{Flusher, WalRecord};
use super::tail::iterator;
use crate::aws::{code, unavailable};

/// Bytes and records from which a batch is not waited for any longer.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_RECORDS: usize = 5000;

/// How long the first record of a batch waits for others.
const LINGER: Duration = Duration::from_secs(3);

/// How often a shard is looked at: as often as Lambda does. Readers share the five times a second that there are.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked for new shards.
const LIST_EVERY: Duration = Duration::from_secs(15);

/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

type Listener = Arc<dyn Fn(&[(LogName, LogSize)]) + Send + Sync>;

/// Flushes the stream from within a server. It takes up where flushers have come to, and may run beside others and beside the function.
#[derive(Clone)]
pub struct ShardPoller {
    flusher: Flusher,
    linger: Duration,
    listener: Option<Listener>,
}

impl fmt::Debug for ShardPoller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardPoller").field("flusher", &self.flusher).finish_non_exhaustive()
    }
}

impl ShardPoller {
    /// A poller that hands records to this flusher.
    #[must_use]
    pub fn new(flusher: Flusher) -> Self {
        Self { flusher, linger: LINGER, listener: None }
    }

    /// How long the first record of a batch waits for others, if not for 3 s.
    #[must_use]
    pub fn lingering(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }

    /// Somebody to tell of logs that took events, with what each has now taken. It is called after each flush and must not block.
    #[must_use]
    pub fn telling(self, listener: impl Fn(&[(LogName, LogSize)]) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Arc::new(listener)), ..self }
    }

    /// Follows all shards until `ending` says so. What has not been flushed then stays in the stream.
    pub async fn run(self, mut ending: watch::Receiver<bool>) {
        let mut following: JoinSet<String> = JoinSet::new();
        let (mut begun, mut done) = (HashSet::new(), HashSet::new());
        loop {
            match self.flusher.logs.wal.shards().await {
                Ok(shards) => {
                    for shard in shards {
                        // Records of a log in the parent come before those in the child.
                        if shard.parents.iter().all(|parent| done.contains(parent)) && begun.insert(shard.id.clone()) {
                            let follower = Follower { poller: self.clone(), shard: shard.id, ending: ending.clone() };
                            following.spawn(follower.follow());
                        }
                    }
                }
                Err(error) => error!(error = &error as &dyn std::error::Error, "the shards cannot be listed"),
            }
            tokio::select! {
                _ = ending.wait_for(|ending| *ending) => break,
                Some(Ok(shard)) = following.join_next() => { done.insert(shard); }
                () = tokio::time::sleep(LIST_EVERY) => {}
            }
        }
        while following.join_next().await.is_some() {}
    }
}

/// Follows one shard.
struct Follower {
    poller: ShardPoller,
    shard: String,
    ending: watch::Receiver<bool>,
}

/// What has been read of a shard and not flushed.
#[derive(Default)]
struct Pending {
    records: Vec<WalRecord>,
    bytes: usize,
    since: Option<Timestamp>,
}

impl Follower {
    /// Follows the shard to its end, or until told to end; the shard.
    async fn follow(mut self) -> String {
        let mut pause = LOOK_EVERY;
        while !self.is_to_end() {
            match self.follow_on().await {
                Ok(()) => break,
                Err(error) => error!(error = &error as &dyn std::error::Error, shard = self.shard, "a shard cannot be followed"),
            }
            self.wait(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.shard
    }

    /// Follows the shard from where it has been flushed to, until something fails.
    async fn follow_on(&mut self) -> Result<(), PortError> {
        let logs = self.poller.flusher.logs.clone();
        let after = logs.manifests.progress(&self.shard).await?;
        let mut next = iterator(&logs.wal, &self.shard, after.as_ref()).await?;
        let mut pending = Pending::default();
        while !self.is_to_end() {
            let mut quiet = true;
            if let Some(iterator) = next.take() {
                let answer = logs.wal.kinesis.get_records().shard_iterator(&iterator).send().await;
                match answer {
                    Ok(answer) => {
                        quiet = answer.records.is_empty();
                        next = answer.next_shard_iterator;
                        pending.take(&self.shard, answer.records, logs.clock.now());
                    }
                    Err(error) if code(&error) == "ProvisionedThroughputExceededException" => next = Some(iterator),
                    Err(error) => return Err(unavailable("following a shard", error)),
                }
            }
            let ended = next.is_none();
            if ended || pending.is_due(logs.clock.now(), self.poller.linger) {
                self.flush(&mut pending).await?;
            }
            if ended && pending.records.is_empty() {
                info!(shard = self.shard, "a shard has ended");
                return Ok(());
            }
            if quiet {
                self.wait(LOOK_EVERY.min(self.poller.linger)).await;
            }
        }
        Ok(())
    }

    async fn flush(&self, pending: &mut Pending) -> Result<(), PortError> {
        let records = std::mem::take(pending).records;
        if records.is_empty() {
            return Ok(());
        }
        let flushed = self.poller.flusher.flush(&records).await;
        if let Some(listener) = self.poller.listener.as_ref().filter(|_| !flushed.grown.is_empty()) {
            listener(&flushed.grown);
        }
        match flushed.failed.first() {
            None => Ok(()),
            // The others find theirs in the manifests when they come again.
            Some(failed) => Err(PortError::unavailable("flushing", format!("not from the record {failed} on"))),
        }
    }

    /// Whoever could tell is gone, or has told.
    fn is_to_end(&self) -> bool {
        *self.ending.borrow() || self.ending.has_changed().is_err()
    }

    /// Waits, or until told to end.
    async fn wait(&mut self, span: Duration) {
        let ending = self.ending.wait_for(|ending| *ending);
        let _ = tokio::time::timeout(span, ending).await;
    }
}

impl Pending {
    fn take(&mut self, shard: &str, records: Vec<aws_sdk_kinesis::types::Record>, now: Timestamp) {
        for record in records {
            let data: bytes::Bytes = record.data.into_inner().into();
            self.bytes += data.len();
            let (sequence, partition_key) = (record.sequence_number, record.partition_key.unwrap_or_default());
            self.records.push(WalRecord { shard: shard.to_owned(), sequence, partition_key, data });
            self.since.get_or_insert(now);
        }
    }

    fn is_due(&self, now: Timestamp, linger: Duration) -> bool {
        let waited = self.since.is_some_and(|since| now.since(since) >= linger);
        waited || self.records.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }
}

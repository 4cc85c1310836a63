//! Event logs against LocalStack.

mod flushing;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::types::ShardIteratorType;
use bytes::Bytes;
use futures::TryStreamExt as _;
use headwater_core::ports::{
    AppendKey, Clock, Documents, Entropy, Event, EventLog as _, LogName, Position, StoredEvent, TimeRange, contract,
};
use tokio::sync::watch;

use super::manifest::Manifest;
use super::place::Place;
use super::{Flushed, Flusher, KinesisEventLog, ShardPoller, WalRecord};
use crate::aws::faults::{Call, Fault, Faults};
use crate::aws::test_endpoint::{clients, endpoint};
use crate::aws::{Clients, S3Documents, provision};
use crate::{ManualClock, OsEntropy, SystemClock};

/// A bucket and a stream of a test's own.
struct Cloud {
    clients: Clients,
    name: String,
    clock: Arc<dyn Clock>,
    documents: Arc<dyn Documents>,
    log: KinesisEventLog,
}

impl Cloud {
    async fn new() -> Self {
        Self::at(&endpoint(), Arc::new(SystemClock::new())).await
    }

    async fn at(endpoint: &str, clock: Arc<dyn Clock>) -> Self {
        let clients = clients(endpoint).await;
        let name = format!("test-{:016x}", OsEntropy.draw());
        provision(&clients, &name, &name, &name).await.unwrap();
        Self::on(clients, name, clock)
    }

    fn on(clients: Clients, name: String, clock: Arc<dyn Clock>) -> Self {
        let documents: Arc<dyn Documents> = Arc::new(S3Documents::new(clients.s3.clone(), &name, Arc::new(OsEntropy)));
        let log = KinesisEventLog::new(&clients, &name, &name, Arc::clone(&documents), Arc::clone(&clock), Arc::new(OsEntropy));
        Self { clients, name, clock, documents, log }
    }

    /// The same logs through another endpoint.
    async fn through(&self, endpoint: &str) -> Self {
        Self::on(clients(endpoint).await, self.name.clone(), Arc::clone(&self.clock))
    }

    fn flusher(&self) -> Flusher {
        self.log.flusher()
    }

    /// All records of the stream, shard by shard, parents first.
    async fn records(&self) -> Vec<WalRecord> {
        let mut all = Vec::new();
        for shard in self.log.logs.wal.shards().await.unwrap() {
            let request = self.clients.kinesis.get_shard_iterator().stream_name(&self.name).shard_id(&shard.id);
            let mut next = request.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap().shard_iterator;
            while let Some(iterator) = next.take() {
                let answer = self.clients.kinesis.get_records().shard_iterator(iterator).send().await.unwrap();
                let done = answer.records.is_empty();
                all.extend(answer.records.into_iter().map(|record| WalRecord {
                    shard: shard.id.clone(),
                    sequence: record.sequence_number,
                    partition_key: record.partition_key.unwrap_or_default(),
                    data: record.data.into_inner().into(),
                }));
                next = answer.next_shard_iterator.filter(|_| !done);
            }
        }
        all
    }

    /// Flushes everything.
    async fn flush(&self) -> Flushed {
        self.flusher().flush(&self.records().await).await
    }

    async fn made(&self, name: &str) -> LogName {
        let log = LogName(name.to_owned());
        self.log.create(&log).await.unwrap();
        log
    }

    async fn append(&self, log: &LogName, texts: &[&str]) {
        self.log.append(log, texts.iter().map(|text| event(text)).collect(), None).await.unwrap();
    }

    async fn numbered(&self, log: &LogName, first: u64, texts: &[&str]) {
        let key = Some(AppendKey { writer: "w".to_owned(), first });
        self.log.append(log, texts.iter().map(|text| event(text)).collect(), key).await.unwrap();
    }

    async fn read(&self, log: &LogName) -> Vec<StoredEvent> {
        self.read_after(log, None).await
    }

    async fn read_after(&self, log: &LogName, after: Option<Position>) -> Vec<StoredEvent> {
        let pieces: Vec<Vec<StoredEvent>> = self.log.read(log, TimeRange::ALL, after).await.unwrap().try_collect().await.unwrap();
        pieces.concat()
    }

    /// What is left of a log, and what it has taken.
    async fn texts(&self, log: &LogName) -> Vec<String> {
        texts(&self.read(log).await)
    }

    async fn manifest(&self, log: &LogName) -> Manifest {
        self.log.logs.manifests.load(&Place::of(log).manifest).await.unwrap().unwrap().0
    }

    /// Objects of a log.
    async fn objects(&self, log: &LogName) -> Vec<String> {
        let prefix = Place::of(log).objects;
        let objects = self.log.logs.objects.list(&prefix).await.unwrap();
        objects.into_iter().map(|(key, _)| key[prefix.len()..].to_owned()).collect()
    }

    /// Splits the only shard in two.
    async fn split(&self) {
        let shards = self.log.logs.wal.shards().await.unwrap();
        let request = self.clients.kinesis.split_shard().stream_name(&self.name).shard_to_split(&shards[0].id);
        request.new_starting_hash_key((1_u128 << 127).to_string()).send().await.unwrap();
        self.settled().await;
    }

    /// Merges the two newest shards.
    async fn merge(&self) {
        let shards = self.log.logs.wal.shards().await.unwrap();
        let [.., one, other] = &shards[..] else { panic!("two shards") };
        let request = self.clients.kinesis.merge_shards().stream_name(&self.name).shard_to_merge(&one.id);
        request.adjacent_shard_to_merge(&other.id).send().await.unwrap();
        self.settled().await;
    }

    async fn settled(&self) {
        loop {
            let summary = self.clients.kinesis.describe_stream_summary().stream_name(&self.name).send().await.unwrap();
            if summary.stream_description_summary.unwrap().stream_status.as_str() == "ACTIVE" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Flushes in the background until the answer is dropped.
    fn poll(&self, linger: Duration) -> watch::Sender<bool> {
        let (end, ending) = watch::channel(false);
        tokio::spawn(ShardPoller::new(self.flusher()).lingering(linger).run(ending));
        end
    }
}

fn event(text: &str) -> Event {
    Event { body: Bytes::copy_from_slice(text.as_bytes()), ..Event::default() }
}

fn texts(events: &[StoredEvent]) -> Vec<String> {
    events.iter().map(|stored| String::from_utf8(stored.event.body.to_vec()).unwrap()).collect()
}

/// An event that cannot be packed well.
fn noise(bytes: usize) -> Event {
    let words = std::iter::repeat_with(|| OsEntropy.draw().to_le_bytes()).take(bytes / 8);
    Event { body: words.flatten().collect(), ..Event::default() }
}

#[tokio::test]
async fn event_logs_in_the_cloud_meet_the_contract_without_any_flush() {
    let cloud = Cloud::new().await;
    contract::event_log(&cloud.log, &*cloud.clock).await;
}

#[tokio::test]
async fn event_logs_in_the_cloud_meet_the_contract_while_they_are_flushed() {
    let cloud = Cloud::new().await;
    let _polling = cloud.poll(Duration::from_millis(20));
    contract::event_log(&cloud.log, &*cloud.clock).await;
    assert!(cloud.log.logs.manifests.progress("shardId-000000000000").await.unwrap().is_some(), "something was flushed");
}

#[tokio::test]
async fn event_logs_in_the_cloud_meet_the_contract_while_two_flush_them_side_by_side() {
    let cloud = Cloud::new().await;
    let _polling = [cloud.poll(Duration::ZERO), cloud.poll(Duration::from_millis(30))];
    contract::event_log(&cloud.log, &*cloud.clock).await;
}

/// A service that has trouble with every eleventh request.
fn trouble(number: usize, call: &Call) -> Fault {
    match (number.is_multiple_of(11), number / 11 % 4) {
        (false, _) => Fault::None,
        (true, 0) => call.throttled(),
        (true, 1) => Fault::LoseAnswer,
        (true, 2) => Fault::BreakOff,
        (true, _) => Fault::Refuse(500, "<Error><Code>InternalError</Code></Error>".to_owned()),
    }
}

#[tokio::test]
async fn event_logs_in_the_cloud_meet_the_contract_through_throttling_failures_and_lost_answers() {
    let faults = Faults::new(trouble).await;
    let cloud = Cloud::at(&faults.endpoint, Arc::new(SystemClock::new())).await;
    let _polling = cloud.poll(Duration::from_millis(50));
    contract::event_log(&cloud.log, &*cloud.clock).await;
    assert!(faults.injected() > 50, "{} faults", faults.injected());
}

#[tokio::test]
async fn a_record_whose_answer_got_lost_is_there_once() {
    let lost = |number: usize, call: &Call| call.target.ends_with("PutRecord") && number.is_multiple_of(3);
    let faults = Faults::new(move |number, call| if lost(number, call) { Fault::LoseAnswer } else { Fault::None }).await;
    let cloud = Cloud::at(&faults.endpoint, Arc::new(SystemClock::new())).await;
    let log = cloud.made("lost").await;
    for number in 0..20 {
        cloud.append(&log, &[&number.to_string()]).await;
    }
    let expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(cloud.texts(&log).await, expected);
    assert!(faults.injected() > 3, "{} faults", faults.injected());
    cloud.flush().await;
    assert_eq!(cloud.texts(&log).await, expected);
}

fn a_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(headwater_core::ports::Timestamp::from_millis(1_700_000_000_000)))
}

//! The contracts of the ports against LocalStack, and what only shows in S3 and SQS themselves.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use headwater_core::ids::FileName;
use headwater_core::ports::{
    Clock, Condition, Documents as _, Entropy, FileWriter, Files as _, Key, Owner, PortError, Shown, TaskQueue as _, contract,
};

use super::faults::{Call, Fault, Faults};
use super::test_endpoint::{clients, clients_with_patience, endpoint};
use super::{Clients, S3Chunks, S3Documents, S3Files, SqsTaskQueue, provision};
use crate::{OsEntropy, SystemClock};

/// A bucket and a queue of a test's own.
struct Place {
    clients: Clients,
    bucket: String,
    queue: String,
    clock: Arc<dyn Clock>,
}

impl Place {
    async fn new() -> Self {
        Self::at(&endpoint()).await
    }

    async fn at(endpoint: &str) -> Self {
        Self::with(clients(endpoint).await).await
    }

    /// One behind a service that keeps silent now and then, which costs these clients less than others.
    async fn behind(faults: &Faults) -> Self {
        Self::with(clients_with_patience(&faults.endpoint, Duration::from_secs(8)).await).await
    }

    async fn with(clients: Clients) -> Self {
        let bucket = format!("test-{:016x}", OsEntropy.draw());
        let queue = provision(&clients, &bucket, &bucket, &bucket).await.unwrap();
        Self { clients, bucket, queue, clock: Arc::new(SystemClock::new()) }
    }

    fn documents(&self) -> S3Documents {
        S3Documents::new(self.clients.s3.clone(), &self.bucket, Arc::new(OsEntropy))
    }

    fn chunks(&self) -> S3Chunks {
        S3Chunks::new(self.clients.s3.clone(), &self.bucket)
    }

    fn files(&self) -> S3Files {
        S3Files::new(&self.clients, &self.bucket, Arc::clone(&self.clock), Arc::new(OsEntropy))
    }

    fn queue(&self) -> SqsTaskQueue {
        SqsTaskQueue::new(self.clients.sqs.clone(), &self.queue, Arc::clone(&self.clock))
    }

    /// Keys of the objects below a prefix, with their lengths.
    async fn objects(&self, prefix: &str) -> Vec<(String, i64)> {
        let page = self.clients.s3.list_objects_v2().bucket(&self.bucket).prefix(prefix).send().await.unwrap();
        page.contents().iter().map(|object| (object.key().unwrap().to_owned(), object.size().unwrap())).collect()
    }
}

fn name(text: &str) -> FileName {
    FileName::try_from(text).unwrap()
}

fn pattern(length: usize, seed: usize) -> Bytes {
    (0..length).map(|i| u8::try_from((i * 31 + i / 251 + seed) % 253).unwrap()).collect()
}

async fn content(files: &S3Files, name: &FileName) -> Vec<u8> {
    let length = files.info(name).await.unwrap().unwrap().length;
    let pieces: Vec<Bytes> = files.read(name, 0..length).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

async fn opened(files: &S3Files, name: &FileName) -> Box<dyn FileWriter> {
    let owner = Owner("one".to_owned());
    files.create(name, &owner).await.unwrap();
    files.append_at(name, &owner, 0).await.unwrap()
}

#[tokio::test]
async fn documents_in_s3_meet_the_contract() {
    contract::documents(&Place::new().await.documents()).await;
}

#[tokio::test]
async fn chunks_in_s3_meet_the_contract() {
    contract::chunks(&Place::new().await.chunks()).await;
}

#[tokio::test]
async fn files_in_s3_meet_the_contract() {
    contract::files(&Place::new().await.files()).await;
}

#[tokio::test]
async fn the_task_queue_in_sqs_meets_the_contract() {
    let place = Place::new().await;
    contract::task_queue(&place.queue(), &*place.clock).await;
}

#[tokio::test]
async fn a_document_can_be_made_again_where_one_was_removed() {
    let documents = Place::new().await.documents();
    let key = Key::root("a");
    let mut etags = Vec::new();
    for round in 0..3 {
        let etag = documents.put(&key, Bytes::from_static(b"x"), Condition::Absent).await.unwrap();
        assert!(documents.put(&key, Bytes::from_static(b"y"), Condition::Absent).await.unwrap_err().is_conflict(), "round {round}");
        documents.delete(&key, Condition::Match(etag.clone())).await.unwrap();
        assert!(documents.put(&key, Bytes::from_static(b"y"), Condition::Match(etag.clone())).await.unwrap_err().is_conflict());
        assert!(documents.delete(&key, Condition::Match(etag.clone())).await.unwrap_err().is_conflict());
        etags.push(etag);
    }
}

#[tokio::test]
async fn a_file_that_grows_slowly_has_few_pieces() {
    let place = Place::new().await;
    let (files, name) = (place.files(), name("slow.json"));
    let mut writer = opened(&files, &name).await;
    let mut written = Vec::new();
    for round in 0..100 {
        let bytes = pattern(1000 + round * 7 % 500, round);
        written.extend_from_slice(&bytes);
        writer.write(bytes).await.unwrap();
        assert_eq!(writer.sync().await.unwrap(), written.len() as u64);
    }
    let pieces = place.objects("files/").await;
    assert!(pieces.len() <= 8, "{pieces:?}");
    assert!(content(&files, &name).await == written);
}

#[tokio::test]
async fn a_finished_file_is_one_object_with_an_address() {
    let place = Place::new().await;
    let (files, name) = (place.files(), name("large.json"));
    let mut writer = opened(&files, &name).await;
    let mut written = Vec::new();
    for (round, length) in [11 << 20, 6 << 20, 40 << 20, 300, 1 << 20, 7].into_iter().enumerate() {
        let bytes = pattern(length, round);
        written.extend_from_slice(&bytes);
        writer.write(bytes).await.unwrap();
        writer.sync().await.unwrap();
    }
    assert!(place.objects("files/").await.len() > 1);
    let shown = Shown { content_type: "application/x-ndjson".to_owned(), disposition: "inline; filename=\"large.json\"".to_owned() };
    // While it grows, it has the address of a copy.
    let early = files.share(&name, Duration::from_secs(60), &shown).await.unwrap().unwrap();
    assert!(fetched(&early, &shown).await == written);
    assert_eq!(files.share(&name, Duration::from_secs(60), &shown).await.unwrap().map(|url| path(&url)), Some(path(&early)));

    assert_eq!(writer.finish().await.unwrap(), written.len() as u64);
    assert_eq!(
        place.objects("files/").await.iter().map(|(_, length)| *length).collect::<Vec<_>>(),
        [i64::try_from(written.len()).unwrap()]
    );
    assert!(content(&files, &name).await == written);
    let url = files.share(&name, Duration::from_secs(60), &shown).await.unwrap().unwrap();
    assert!(fetched(&url, &shown).await == written);

    // A step that is repeated after a crash finds it as one object and goes on from the middle of it.
    let mut writer = files.append_at(&name, &Owner("one".to_owned()), 20 << 20).await.unwrap();
    written.truncate(20 << 20);
    assert!(content(&files, &name).await == written);
    let rest = pattern(9 << 20, 77);
    written.extend_from_slice(&rest);
    writer.write(rest).await.unwrap();
    writer.finish().await.unwrap();
    assert!(content(&files, &name).await == written);
    assert_eq!(place.objects("files/").await.len(), 1);
}

fn path(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}

async fn fetched(url: &str, shown: &Shown) -> Vec<u8> {
    let answer = crate::targets::http_client().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    assert_eq!(answer.headers()["content-type"], shown.content_type.as_str());
    assert_eq!(answer.headers()["content-disposition"], shown.disposition.as_str());
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn a_reader_is_not_disturbed_by_pieces_being_joined() {
    let place = Place::new().await;
    let (files, name) = (place.files(), name("joined.json"));
    let mut writer = opened(&files, &name).await;
    let parts: Vec<Bytes> = [12 << 20, 12 << 20, 1 << 20].into_iter().enumerate().map(|(i, length)| pattern(length, i)).collect();
    for part in &parts {
        writer.write(part.clone()).await.unwrap();
        writer.sync().await.unwrap();
    }
    let mut reading = files.read(&name, 0..25 << 20).await.unwrap();
    let mut read = reading.try_next().await.unwrap().unwrap().to_vec();
    writer.finish().await.unwrap();
    while let Some(piece) = reading.try_next().await.unwrap() {
        read.extend_from_slice(&piece);
    }
    assert!(read == parts.concat());
}

#[tokio::test]
async fn what_a_dead_writer_stored_is_not_part_of_the_file() {
    let place = Place::new().await;
    let (files, name) = (place.files(), name("dead.json"));
    let mut writer = opened(&files, &name).await;
    writer.write(pattern(100, 0)).await.unwrap();
    writer.sync().await.unwrap();
    writer.write(pattern(40 << 20, 1)).await.unwrap(); // More than is held in memory: a piece is stored.
    drop(writer);
    assert!(place.objects("files/").await.len() > 1);
    assert_eq!(content(&files, &name).await, pattern(100, 0));
}

#[tokio::test]
async fn a_message_that_is_due_in_hours_comes_back_to_the_queue_until_then() {
    let place = Place::new().await;
    let (queue, now) = (place.queue(), place.clock.now());
    let message = headwater_core::ports::StepMessage { task: "a".try_into().unwrap(), step: 3 };
    let body = |due: headwater_core::ports::Timestamp| format!(r#"{{"task":"a","step":3,"due":{}}}"#, due.as_micros());
    assert_eq!(queue.due(&body(now)).await.unwrap(), Some(message.clone()));
    let soon = now.plus(Duration::from_millis(300));
    assert_eq!(queue.due(&body(soon)).await.unwrap(), Some(message));
    assert!(place.clock.now() >= soon);
    assert_eq!(queue.due(&body(now.plus(Duration::from_secs(7200)))).await.unwrap(), None);
    let attributes = place.clients.sqs.get_queue_attributes().queue_url(&place.queue);
    let attributes = attributes.attribute_names("ApproximateNumberOfMessagesDelayed".into()).send().await.unwrap().attributes.unwrap();
    assert_eq!(attributes.values().map(String::as_str).collect::<Vec<_>>(), ["1"]);
    assert!(matches!(queue.due("{}").await, Err(PortError::Corrupt { .. })));
}

/// A service that has trouble with every `nth` request: throttles it, fails, or breaks off. Three times it keeps silent; not more often,
/// because that takes all the patience of a client.
fn trouble(nth: usize) -> impl Fn(usize, &Call) -> Fault {
    move |number, call| match (number.is_multiple_of(nth), number / nth) {
        (false, _) => Fault::None,
        (true, 3 | 10 | 17) => Fault::Silence,
        (true, times) => match times % 3 {
            0 => call.throttled(),
            1 => Fault::Refuse(500, "<Error><Code>InternalError</Code></Error>".to_owned()),
            _ => Fault::BreakOff,
        },
    }
}

#[tokio::test]
async fn documents_meet_the_contract_through_throttling_failures_and_time_outs() {
    let faults = Faults::new(trouble(11)).await;
    contract::documents(&Place::behind(&faults).await.documents()).await;
    assert!(faults.injected() > 20, "{} faults", faults.injected());
}

#[tokio::test]
async fn chunks_meet_the_contract_through_throttling_failures_and_time_outs() {
    let faults = Faults::new(trouble(11)).await;
    contract::chunks(&Place::behind(&faults).await.chunks()).await;
    assert!(faults.injected() > 20, "{} faults", faults.injected());
}

#[tokio::test]
async fn files_meet_the_contract_through_throttling_failures_and_time_outs() {
    let faults = Faults::new(trouble(11)).await;
    contract::files(&Place::behind(&faults).await.files()).await;
    assert!(faults.injected() > 20, "{} faults", faults.injected());
}

#[tokio::test]
async fn the_queue_gets_through_throttling_and_failures() {
    let faults = Faults::new(trouble(3)).await;
    let place = Place::behind(&faults).await;
    let queue = place.queue();
    for step in 0..6 {
        let message = headwater_core::ports::StepMessage { task: "a".try_into().unwrap(), step };
        queue.enqueue(message.clone(), place.clock.now()).await.unwrap();
        let delivery = queue.receive(Duration::from_secs(60), Duration::from_secs(10)).await.unwrap().unwrap();
        assert_eq!(delivery.message, message);
        queue.acknowledge(&delivery.receipt).await.unwrap();
    }
    assert!(faults.injected() > 5, "{} faults", faults.injected());
}

#[tokio::test]
async fn a_conditional_write_whose_answer_got_lost_has_been_done() {
    // Every second write is carried out, and nobody is told.
    let faults =
        Faults::new(|number, call| if call.method == "PUT" && number.is_multiple_of(2) { Fault::LoseAnswer } else { Fault::None }).await;
    let documents = Place::at(&faults.endpoint).await.documents();
    for round in 0..6 {
        let key = Key::root("lost").child(&round.to_string()).unwrap();
        let first = documents.put(&key, Bytes::from_static(b"1"), Condition::Absent).await.unwrap();
        let second = documents.put(&key, Bytes::from_static(b"2"), Condition::Match(first.clone())).await.unwrap();
        assert!(documents.put(&key, Bytes::from_static(b"x"), Condition::Match(first)).await.unwrap_err().is_conflict());
        documents.delete(&key, Condition::Match(second)).await.unwrap();
        assert_eq!(documents.get(&key).await.unwrap(), None);
    }
    assert!(faults.injected() > 5, "{} faults", faults.injected());
}

#[tokio::test]
async fn a_service_that_is_away_for_good_is_an_error_and_not_a_conflict() {
    let faults = Faults::new(|_, call| call.throttled()).await;
    let clients = clients(&faults.endpoint).await;
    let documents = S3Documents::new(clients.s3.clone(), "any", Arc::new(OsEntropy));
    let key = Key::root("a");
    for outcome in [documents.get(&key).await.map(drop), documents.put(&key, Bytes::new(), Condition::Absent).await.map(drop)] {
        assert!(matches!(outcome, Err(PortError::Unavailable { .. })), "{outcome:?}");
    }
    assert_eq!(faults.injected(), 12, "six tries each");
}

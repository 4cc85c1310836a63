//! The sinks against LocalStack, with trouble in between.

use std::sync::Mutex;

use bytes::Bytes;
use headwater_core::ports::{Batch, Committed, Owner, Sink, SinkError};
use headwater_core::targets::{KinesisTarget, S3Target, Target};
use serde_json::{Value, json};

use super::{KinesisSink, S3Sink, SqsSink};
use crate::aws::faults::{Call, Fault, Faults};
use crate::aws::test_endpoint::{clients, endpoint};
use crate::aws::{Clients, provision};
use headwater_core::ports::Entropy as _;

fn name() -> String {
    format!("sink-{:016x}", crate::OsEntropy.draw())
}

fn batch(numbers: std::ops::Range<u64>) -> Batch {
    let mut batch = Batch::default();
    let mut text = String::new();
    for number in numbers {
        text.push_str(&format!("{{\"n\":\"{number}\",\"k\":\"{}\"}}\n", number % 7));
        batch.ends.push(u32::try_from(text.len()).unwrap());
    }
    batch.text = Bytes::from(text);
    batch
}

fn owner() -> Owner {
    Owner("0123456789abcdef".to_owned())
}

fn after(records: u64) -> Committed {
    Committed { records, bytes: batch(0..records).text.len() as u64 }
}

async fn objects(clients: &Clients, bucket: &str) -> Vec<(String, Bytes)> {
    let page = clients.s3.list_objects_v2().bucket(bucket).send().await.unwrap();
    let mut objects = Vec::new();
    for object in page.contents() {
        let key = object.key().unwrap();
        let body = clients.s3.get_object().bucket(bucket).key(key).send().await.unwrap().body.collect().await.unwrap();
        objects.push((key.to_owned(), body.into_bytes()));
    }
    objects
}

fn joined(objects: &[(String, Bytes)]) -> Vec<u8> {
    objects.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect()
}

fn to_bucket(bucket: &str) -> S3Target {
    S3Target { bucket: bucket.to_owned(), prefix: "p/".to_owned(), gzip: false }
}

#[tokio::test]
async fn the_repetition_of_a_step_overwrites_what_the_step_left() {
    let clients = clients(&endpoint()).await;
    let bucket = name();
    provision(&clients, &bucket, &bucket, &bucket).await.unwrap();
    let open = async |records| S3Sink::open(clients.s3.clone(), &to_bucket(&bucket), &owner(), after(records)).await.unwrap();
    let mut sink = open(0).await;
    sink.write(&batch(0..100)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(sink.committed(), after(100));
    // A worker wrote 80 more and died before its commit; another comes only as far as 150.
    sink.write(&batch(100..180)).await.unwrap();
    sink.flush().await.unwrap();
    let mut sink = open(100).await;
    sink.write(&batch(100..150)).await.unwrap();
    sink.flush().await.unwrap();
    sink.write(&batch(150..300)).await.unwrap();
    sink.finish().await.unwrap();
    let found = objects(&clients, &bucket).await;
    assert_eq!(
        found.iter().map(|(key, _)| key.rsplit('-').next().unwrap()).collect::<Vec<_>>(),
        ["000000000000.ndjson", "000000000100.ndjson", "000000000150.ndjson"]
    );
    assert_eq!(joined(&found), batch(0..300).text);
}

#[tokio::test]
async fn a_worker_whose_lease_has_lapsed_overwrites_nothing() {
    let clients = clients(&endpoint()).await;
    let bucket = name();
    provision(&clients, &bucket, &bucket, &bucket).await.unwrap();
    let open = async || S3Sink::open(clients.s3.clone(), &to_bucket(&bucket), &owner(), after(0)).await.unwrap();
    let (mut slow, mut quick) = (open().await, open().await);
    slow.write(&batch(0..100)).await.unwrap();
    quick.write(&batch(0..60)).await.unwrap();
    quick.flush().await.unwrap();
    assert!(matches!(slow.flush().await, Err(SinkError::Retry(_))));
    quick.write(&batch(60..200)).await.unwrap();
    quick.flush().await.unwrap();
    assert_eq!(joined(&objects(&clients, &bucket).await), batch(0..200).text);
}

#[tokio::test]
async fn a_lost_answer_is_found_out_when_the_step_is_repeated() {
    let faults =
        Faults::new(|_, call| if call.method == "PUT" && call.body.starts_with(b"{") { Fault::LoseAnswer } else { Fault::None }).await;
    let (direct, flaky) = (clients(&endpoint()).await, clients(&faults.endpoint).await);
    let bucket = name();
    provision(&direct, &bucket, &bucket, &bucket).await.unwrap();
    let mut sink = S3Sink::open(flaky.s3.clone(), &to_bucket(&bucket), &owner(), after(0)).await.unwrap();
    sink.write(&batch(0..100)).await.unwrap();
    assert!(matches!(sink.flush().await, Err(SinkError::Retry(_))));
    assert_eq!(sink.committed(), after(0));
    let mut sink = S3Sink::open(direct.s3.clone(), &to_bucket(&bucket), &owner(), after(0)).await.unwrap();
    sink.write(&batch(0..100)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(joined(&objects(&direct, &bucket).await), batch(0..100).text);
}

/// Lets a part of a batch through: of `entries` those for which `taken` says so. `refused` is what is said of another.
fn partly(call: &Call, entries: &str, taken: impl Fn(usize) -> bool, answer: fn(Value, &[Value], &[Value]) -> Value) -> Fault {
    let mut body = call.json();
    let all: Vec<Value> = body[entries].as_array().cloned().unwrap_or_default();
    let (kept, left): (Vec<_>, Vec<_>) = all.iter().cloned().enumerate().partition(|(place, _)| taken(*place));
    let [kept, left] = [kept, left].map(|part: Vec<(usize, Value)>| part.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>());
    body[entries] = kept.into();
    Fault::Change(body, Box::new(move |told| answer(told, &all, &left)))
}

#[tokio::test]
async fn kinesis_is_sent_again_what_it_refused_and_nothing_else() {
    let answer = |told: Value, all: &[Value], left: &[Value]| {
        let mut taken = told["Records"].as_array().cloned().unwrap_or_default().into_iter();
        let refused = json!({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slowly"});
        let results: Vec<Value> =
            all.iter().map(|entry| if left.contains(entry) { refused.clone() } else { taken.next().unwrap() }).collect();
        json!({"FailedRecordCount": left.len(), "Records": results})
    };
    let faults = Faults::new(move |number, call| match number % 3 {
        0 => call.throttled(),
        1 => partly(call, "Records", |place| place % 3 != 1, answer),
        _ => Fault::None,
    })
    .await;
    let (direct, flaky) = (clients(&endpoint()).await, clients(&faults.endpoint).await);
    let stream = name();
    direct.kinesis.create_stream().stream_name(&stream).shard_count(1).send().await.unwrap();
    while direct
        .kinesis
        .describe_stream_summary()
        .stream_name(&stream)
        .send()
        .await
        .unwrap()
        .stream_description_summary
        .unwrap()
        .stream_status
        .as_str()
        != "ACTIVE"
    {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let target = Target::parse(&json!({"type": "kinesis", "stream": stream, "partition_key": ["k"]})).unwrap();
    let Target::Kinesis(target) = target else { panic!("another target") };
    let mut sink = KinesisSink::open(flaky.kinesis, &target, after(0));
    sink.write(&batch(0..1200)).await.unwrap();
    sink.write(&batch(1200..1300)).await.unwrap();
    assert_eq!(sink.committed(), after(1300));
    assert!(faults.injected() > 4, "{} faults", faults.injected());
    assert_eq!(numbers(&records(&direct, &stream).await), (0..1300).collect::<Vec<_>>());
}

async fn records(clients: &Clients, stream: &str) -> Vec<Vec<u8>> {
    let shard = clients.kinesis.list_shards().stream_name(stream).send().await.unwrap().shards.unwrap_or_default().remove(0);
    let start = clients.kinesis.get_shard_iterator().stream_name(stream).shard_id(shard.shard_id);
    let mut iterator = start.shard_iterator_type("TRIM_HORIZON".into()).send().await.unwrap().shard_iterator;
    let mut records = Vec::new();
    loop {
        let page = clients.kinesis.get_records().set_shard_iterator(iterator).send().await.unwrap();
        if page.records.is_empty() && page.millis_behind_latest == Some(0) {
            return records;
        }
        records.extend(page.records.into_iter().map(|record| record.data.into_inner()));
        iterator = page.next_shard_iterator;
    }
}

/// The numbers of records, in order of the numbers.
fn numbers(records: &[Vec<u8>]) -> Vec<u64> {
    let number = |record: &Vec<u8>| serde_json::from_slice::<Value>(record).unwrap()["n"].as_str().unwrap().parse().unwrap();
    let mut numbers: Vec<u64> = records.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn kinesis_that_never_takes_a_record_is_waited_for_and_what_it_took_counts() {
    static CALLS: Mutex<u32> = Mutex::new(0);
    let faults = Faults::new(|_, call| {
        let mut calls = CALLS.lock().unwrap();
        *calls += 1;
        let count = call.json()["Records"].as_array().map_or(0, Vec::len);
        let result = if *calls == 1 { json!({"SequenceNumber": "1", "ShardId": "s"}) } else { json!({"ErrorCode": "InternalFailure"}) };
        Fault::Refuse(200, json!({"FailedRecordCount": 0, "Records": vec![result; count]}).to_string())
    })
    .await;
    let target = KinesisTarget { stream: "any".to_owned(), partition_key: Default::default() };
    let mut sink = KinesisSink::open(clients(&faults.endpoint).await.kinesis, &target, after(0));
    match sink.write(&batch(0..700)).await {
        Err(SinkError::Retry(text)) => assert!(text.contains("InternalFailure"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(sink.committed(), after(500), "the first request was taken");
}

#[tokio::test]
async fn sqs_is_sent_again_what_it_refused_and_nothing_else() {
    let answer = |told: Value, _: &[Value], left: &[Value]| {
        let failed: Vec<Value> =
            left.iter().map(|entry| json!({"Id": entry["Id"], "SenderFault": false, "Code": "InternalError"})).collect();
        json!({"Successful": told["Successful"], "Failed": failed})
    };
    let faults = Faults::new(move |number, call| match number % 4 {
        0 => call.throttled(),
        1 => partly(call, "Entries", |place| place % 4 == 0, answer),
        _ => Fault::None,
    })
    .await;
    let (direct, flaky) = (clients(&endpoint()).await, clients(&faults.endpoint).await);
    for fifo in [false, true] {
        let queue = direct.sqs.create_queue().queue_name(if fifo { name() + ".fifo" } else { name() });
        let queue = if fifo { queue.attributes("FifoQueue".into(), "true") } else { queue };
        let url = queue.send().await.unwrap().queue_url.unwrap();
        let mut sink = SqsSink::open(flaky.sqs.clone(), &url, &owner(), after(0));
        sink.write(&batch(0..95)).await.unwrap();
        assert_eq!(sink.committed(), after(95));
        let mut bodies = Vec::new();
        while bodies.len() < 95 {
            let page = direct.sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(1).send().await.unwrap();
            let messages = page.messages.unwrap_or_default();
            assert!(!messages.is_empty(), "only {} messages", bodies.len());
            for message in messages {
                bodies.push(message.body.unwrap().into_bytes());
                direct.sqs.delete_message().queue_url(&url).set_receipt_handle(message.receipt_handle).send().await.unwrap();
            }
        }
        let more = direct.sqs.receive_message().queue_url(&url).wait_time_seconds(1).send().await.unwrap().messages;
        assert_eq!(more, None, "more messages than records");
        assert_eq!(numbers(&bodies), (0..95).collect::<Vec<_>>());
    }
    assert!(faults.injected() > 8, "{} faults", faults.injected());
}

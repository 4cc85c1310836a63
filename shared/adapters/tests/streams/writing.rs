//! Batches, the queue of asynchronous events, and the sink of jobs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_core::limits;
use headwater_core::ports::{Batch, Committed, Headers, Owner, SinkError, Targets as _};
use headwater_core::streams::{BatchKind, StreamService};
use headwater_core::targets::Target;
use serde_json::json;

use super::{Bench, MIB, made, name, post};

#[tokio::test]
async fn a_batch_is_seen_all_at_once_however_long_it_is() {
    let bench = Bench::new();
    let service = bench.service();
    let stream = made(&service, "s", "").await;
    let mut batch = service.batch(Arc::clone(&stream), BatchKind::Lines, Headers::default());
    let line = "x".repeat(10_000);
    for number in 0..500 {
        batch = batch.take(format!("{number:03}{line}\n").into()).await.unwrap();
        assert!(bench.events(&stream).await.is_empty(), "a reader sees an unfinished batch after {number} lines");
        if number == 250 {
            bench.advance(5);
            assert!(service.read(&stream, service.window(None, None, None).unwrap(), None).await.unwrap().is_none());
        }
    }
    bench.advance(5);
    batch.finish().await.unwrap();
    post(&service, &stream, "after").await;
    let events = bench.events(&stream).await;
    assert_eq!(events.len(), 501);
    let now = events[500].position.millis;
    assert!(
        events[..500]
            .iter()
            .enumerate()
            .all(|(number, stored)| { stored.position.millis == now && stored.event.body.starts_with(format!("{number:03}x").as_bytes()) })
    );
}

#[tokio::test]
async fn a_batch_that_is_dropped_leaves_nothing() {
    let bench = Bench::new();
    let service = bench.service();
    let stream = made(&service, "s", r#"{"notification.threshold.mb":1}"#).await;
    for lines in [1, 50, 500] {
        let mut batch = service.batch(Arc::clone(&stream), BatchKind::Lines, Headers::default());
        batch = batch.take(format!("{}\n", "x".repeat(10_000)).repeat(lines).into()).await.unwrap();
        drop(batch);
    }
    service.notice().await;
    assert!(bench.events(&stream).await.is_empty());
    assert_eq!(service.notices_after(&stream, 0).await.unwrap().1, 0, "what was dropped was counted");
}

#[tokio::test]
async fn what_was_sent_before_a_read_began_is_all_that_it_gives() {
    let bench = Bench::new();
    let service = bench.service();
    let stream = made(&service, "s", "").await;
    for _ in 0..3 {
        post(&service, &stream, vec![b'a'; MIB]).await;
    }
    let mut read = service.read(&stream, service.window(None, None, None).unwrap(), None).await.unwrap().unwrap();
    let mut text = Vec::new();
    while let Some(piece) = read.next().await {
        text.extend_from_slice(&piece.unwrap());
        post(&service, &stream, vec![b'b'; MIB]).await;
    }
    let events: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
    assert!(events.len() == 3 && !text.contains(&b'B') && events.iter().all(|event| event["body"].as_str().unwrap().len() == MIB));
}

#[tokio::test]
async fn whoever_sends_asynchronously_too_fast_waits_and_loses_nothing() {
    let bench = Bench::new();
    let (service, writer) = bench.service().with_queue();
    let stream = made(&service, "s", "").await;
    let sender = {
        let (service, stream) = (service.clone(), Arc::clone(&stream));
        tokio::spawn(async move {
            for number in 0..limits::QUEUED_EVENTS + 100 {
                service.post_later(Arc::clone(&stream), Headers::default(), number.to_string().into()).await.unwrap();
            }
        })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!sender.is_finished(), "the queue takes without end");
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let writing = tokio::spawn(writer.run(async move { drop(ended.await) }));
    sender.await.unwrap();
    let _ = end.send(());
    writing.await.unwrap();
    let bodies = bench.bodies(&stream).await;
    assert_eq!(bodies.len(), limits::QUEUED_EVENTS + 100);
    assert!(bodies.iter().enumerate().all(|(number, body)| *body == number.to_string()));
}

#[tokio::test]
async fn a_truncation_takes_what_was_accepted_before_it() {
    let bench = Bench::new();
    let (service, writer) = bench.service().with_queue();
    let stream = made(&service, "s", "").await;
    let writing = tokio::spawn(writer.run(std::future::pending()));
    for round in 0..50 {
        for number in 0..20 {
            service.post_later(Arc::clone(&stream), Headers::default(), number.to_string().into()).await.unwrap();
        }
        service.truncate(&stream.name).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(bench.bodies(&stream).await, [""; 0], "round {round}");
    }
    service.post_later(Arc::clone(&stream), Headers::default(), "new".into()).await.unwrap();
    writing.abort();
    let _ = writing.await;
    service.truncate(&stream.name).await.unwrap(); // Nobody writes any more, and nobody waits for that.
}

#[tokio::test]
async fn bytes_in_the_queue_are_bounded_too() {
    let bench = Bench::new();
    let (service, writer) = bench.service().with_queue();
    let stream = made(&service, "s", "").await;
    let body = Bytes::from(vec![b'x'; 4 * MIB]);
    let most = limits::QUEUED_BYTES / body.len();
    for number in 0.. {
        let posted = service.post_later(Arc::clone(&stream), Headers::default(), body.clone());
        if tokio::time::timeout(Duration::from_millis(50), posted).await.is_err() {
            assert_eq!(number, most);
            break;
        }
    }
    writer.run(async {}).await;
    assert_eq!(bench.events(&stream).await.len(), most);
}

fn batch(range: std::ops::Range<u64>) -> Batch {
    let mut text = Vec::new();
    let mut ends = Vec::new();
    for number in range {
        text.extend_from_slice(format!("{{\"n\":{number}}}\n").as_bytes());
        ends.push(u32::try_from(text.len()).unwrap());
    }
    Batch { text: text.into(), ends }
}

/// A host's targets; each is a process of its own.
fn targets(bench: &Bench, streams: StreamService) -> TargetSet {
    TargetSet::new(Arc::clone(&bench.stores.files), OutboundHosts::default()).with_streams(streams)
}

fn target() -> Target {
    Target::parse(&json!({"type": "stream", "stream": "s"})).unwrap()
}

#[tokio::test]
async fn a_job_that_repeats_records_in_other_slices_writes_each_once() {
    let bench = Bench::new();
    let owner = Owner("task".to_owned());
    targets(&bench, bench.service()).prepare(&target(), &owner).await.unwrap();
    // Where each process began, from its committed record on, and where it cut what it wrote before it died without telling.
    for cuts in [&[0, 10][..], &[0, 3, 7], &[0, 25], &[7, 20, 21], &[21, 40, 41], &[5, 50]] {
        let committed = Committed { records: cuts[0], bytes: 8 * cuts[0] };
        let mut sink = targets(&bench, bench.service()).open(&target(), &owner, committed).await.unwrap();
        for ends in cuts.windows(2) {
            sink.write(&batch(ends[0]..ends[1])).await.unwrap();
            sink.flush().await.unwrap();
            assert_eq!(sink.committed().records, ends[1]);
        }
    }
    let mut other = targets(&bench, bench.service()).open(&target(), &Owner("other".to_owned()), Committed::default()).await.unwrap();
    other.write(&batch(0..2)).await.unwrap();
    let stream = bench.service().get(&name("s")).await.unwrap();
    let wanted: Vec<String> = (0..50).chain(0..2).map(|number| format!("{{\"n\":{number}}}")).collect();
    assert_eq!(bench.bodies(&stream).await, wanted);
}

#[tokio::test]
async fn a_job_makes_its_stream_and_ends_with_it() {
    let bench = Bench::new();
    let owner = Owner("task".to_owned());
    let targets = targets(&bench, bench.service());
    targets.prepare(&target(), &owner).await.unwrap();
    targets.prepare(&target(), &owner).await.unwrap();
    let mut sink = targets.open(&target(), &owner, Committed::default()).await.unwrap();
    sink.write(&batch(0..2)).await.unwrap();
    bench.service().delete(&name("s")).await.unwrap();
    assert!(matches!(sink.write(&batch(2..4)).await, Err(SinkError::Fatal(_))));
    assert!(matches!(targets.open(&target(), &owner, sink.committed()).await, Err(SinkError::Fatal(_))));
    let ghost = Target::parse(&json!({"type": "stream", "stream": "s", "namespace": "ghost"})).unwrap();
    assert!(matches!(targets.prepare(&ghost, &owner).await, Err(SinkError::Fatal(_))));
}

//! What a flusher does when things go twice, wrong, or on for long.

use headwater_core::ports::{LogSize, PortError, Timestamp};

use super::*;

/// A history of two logs with all that can happen, and what is left of them.
async fn history(cloud: &Cloud) -> Vec<(LogName, Vec<StoredEvent>, LogSize)> {
    let logs = [cloud.made("one").await, cloud.made("two").await];
    for (number, log) in logs.iter().enumerate() {
        cloud.append(log, &["gone"]).await;
        if number == 0 {
            cloud.log.truncate(log).await.unwrap();
        }
        cloud.numbered(log, 1, &["a", "b"]).await;
        cloud.append(log, &["x"]).await;
        cloud.numbered(log, 1, &["a", "b", "c"]).await;
        cloud.numbered(log, 2, &["b"]).await;
        cloud.log.append(log, (0..6).map(|_| noise(64 << 10)).collect(), None).await.unwrap();
        cloud.append(log, &["y", "z"]).await;
    }
    outcome(cloud, &logs).await
}

async fn outcome(cloud: &Cloud, logs: &[LogName]) -> Vec<(LogName, Vec<StoredEvent>, LogSize)> {
    let mut outcome = Vec::new();
    for log in logs {
        outcome.push((log.clone(), cloud.read(log).await, cloud.log.size(log).await.unwrap()));
    }
    outcome
}

#[tokio::test]
async fn however_records_are_cut_into_flushes_the_log_is_the_same() {
    for at_once in [1, 2, 3, 7, 1000] {
        let cloud = Cloud::new().await;
        let expected = history(&cloud).await;
        let names: Vec<LogName> = expected.iter().map(|(log, ..)| log.clone()).collect();
        assert_eq!((expected[0].1.len(), expected[1].1.len()), (12, 13));
        let records = cloud.records().await;
        for batch in records.chunks(at_once) {
            let flushed = cloud.flusher().flush(batch).await;
            assert_eq!(flushed.failed, Vec::<String>::new());
            assert_eq!(outcome(&cloud, &names).await, expected, "flushed by {at_once}, up to {}", batch.last().unwrap().sequence);
        }
        for (log, events, size) in &expected {
            let manifest = cloud.manifest(log).await;
            assert_eq!(manifest.state.size, *size);
            assert_eq!(manifest.segments.iter().map(super::super::segment::Segment::count).sum::<u64>(), events.len() as u64);
        }
    }
}

#[tokio::test]
async fn the_same_records_may_come_again_in_any_cut() {
    let cloud = Cloud::new().await;
    let expected = history(&cloud).await;
    let names: Vec<LogName> = expected.iter().map(|(log, ..)| log.clone()).collect();
    let records = cloud.records().await;
    let flusher = cloud.flusher();
    for batch in [&records[..5], &records[..5], &records[2..8], &records[..], &records[..], &records[7..]] {
        assert_eq!(flusher.flush(batch).await.failed, Vec::<String>::new());
    }
    let again = flusher.flush(&records).await;
    assert_eq!(again, Flushed::default(), "nothing grows a second time");
    assert_eq!(outcome(&cloud, &names).await, expected);
    for log in &names {
        let manifest = cloud.manifest(log).await;
        assert!(cloud.objects(log).await.iter().all(|object| manifest.knows(object)), "an object belongs to nobody");
    }
}

#[tokio::test]
async fn a_flush_tells_what_has_grown() {
    let cloud = Cloud::new().await;
    let (one, other, idle) = (cloud.made("one").await, cloud.made("other").await, cloud.made("idle").await);
    cloud.append(&one, &["a", "bc"]).await;
    cloud.append(&other, &["d"]).await;
    cloud.texts(&idle).await;
    let size = |events, bytes| LogSize { events, bytes };
    assert_eq!(cloud.flush().await.grown, [(one.clone(), size(2, 3)), (other, size(1, 1))]);
    cloud.append(&one, &["e"]).await;
    assert_eq!(cloud.flush().await.grown, [(one, size(3, 4))]);
}

#[tokio::test]
async fn a_crash_between_a_segment_and_its_manifest_does_not_show() {
    // Manifests are not written for now.
    let blocked = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let block = Arc::clone(&blocked);
    let faults = Faults::new(move |_, call| {
        let manifest = call.method == "PUT" && call.body.starts_with(b"{\"log\"");
        if manifest && block.load(std::sync::atomic::Ordering::Relaxed) { call.throttled() } else { Fault::None }
    })
    .await;
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.append(&log, &["a", "b"]).await;
    cloud.append(&log, &["c"]).await;
    let records = cloud.records().await;
    let broken = cloud.through(&faults.endpoint).await;
    let flushed = broken.flusher().flush(&records).await;
    assert_eq!(flushed.failed, [records[0].sequence.clone()]);
    assert_eq!(cloud.objects(&log).await, ["0000000000000001-0000000000000003-0"], "the segment was written");
    assert_eq!(cloud.texts(&log).await, ["a", "b", "c"]);
    blocked.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(broken.flusher().flush(&records).await.failed, Vec::<String>::new());
    assert_eq!(cloud.objects(&log).await, ["0000000000000001-0000000000000003-0"], "the retry wrote over it");
    assert_eq!(cloud.texts(&log).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn the_failure_of_one_log_does_not_keep_others_back() {
    let faults = Faults::new(|_, call| {
        let broken = call.method == "PUT" && call.body.windows(12).any(|bytes| bytes == b"this is bad.");
        if broken { call.throttled() } else { Fault::None }
    })
    .await;
    let cloud = Cloud::new().await;
    let (good, bad) = (cloud.made("good").await, cloud.made("bad").await);
    cloud.append(&good, &["a"]).await;
    let before = cloud.records().await.len();
    cloud.append(&bad, &["this is bad."]).await;
    cloud.append(&good, &["b"]).await;
    cloud.append(&bad, &["c"]).await;
    let records = cloud.records().await;
    let flushed = cloud.through(&faults.endpoint).await.flusher().flush(&records).await;
    // The mark that made the log comes first, and is one of its records.
    let first_of_bad = records.iter().position(|record| record.partition_key == Place::of(&bad).partition_key()).unwrap();
    assert!(first_of_bad < before);
    assert_eq!(flushed.failed, [records[first_of_bad].sequence.clone()]);
    assert_eq!(flushed.grown, [(good.clone(), LogSize { events: 2, bytes: 2 })]);
    assert_eq!(cloud.texts(&bad).await, ["this is bad.", "c"]);
    let flushed = cloud.flusher().flush(&records[first_of_bad..]).await;
    assert_eq!((flushed.failed, flushed.grown.len()), (vec![], 1));
    assert_eq!(
        (cloud.texts(&good).await, cloud.texts(&bad).await),
        (vec!["a".into(), "b".into()], vec!["this is bad.".into(), "c".into()])
    );
}

#[tokio::test]
async fn records_of_a_newer_form_wait_and_those_of_strangers_do_not() {
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.append(&log, &["a"]).await;
    let mut records = cloud.records().await;
    let stranger = WalRecord { partition_key: "7".to_owned(), data: Bytes::from_static(b"{\"a\":1}"), ..records[1].clone() };
    records.insert(1, stranger);
    assert_eq!(cloud.flusher().flush(&records).await.failed, Vec::<String>::new());
    assert_eq!(cloud.manifest(&log).await.state.next, 2);
    cloud.append(&log, &["b"]).await;
    let records = cloud.records().await;
    let newer = WalRecord { data: Bytes::from_static(&[2, 1, 1]), ..records[2].clone() };
    let flushed = cloud.flusher().flush(&[records[1].clone(), newer, records[2].clone()]).await;
    assert_eq!(flushed.failed, [records[2].sequence.clone()]);
    assert_eq!(cloud.manifest(&log).await.state.next, 2);
}

#[tokio::test]
async fn small_segments_are_merged_and_garbage_goes_after_a_while() {
    let clock = a_clock();
    let cloud = Cloud::at(&endpoint(), clock.clone()).await;
    let log = cloud.made("l").await;
    let mut expected = Vec::new();
    for number in 0..40 {
        let text = number.to_string();
        clock.advance(Duration::from_millis(7));
        cloud.append(&log, &[&text, &text]).await;
        expected.extend([text.clone(), text]);
        cloud.flush().await;
    }
    let manifest = cloud.manifest(&log).await;
    assert_eq!(manifest.segments.iter().map(|segment| segment.level).collect::<Vec<_>>(), [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(cloud.objects(&log).await.len(), 42, "what was merged is still there for those who read it");
    let read = cloud.read(&log).await;
    assert_eq!(texts(&read), expected);
    assert!(read.iter().all(|stored| (stored.position.millis - 1_700_000_000_000) % 7 == 0), "a merge keeps the times");
    clock.advance(Duration::from_secs(3700));
    cloud.append(&log, &["end"]).await;
    cloud.flush().await;
    assert_eq!(cloud.objects(&log).await.len(), 11);
    assert_eq!(cloud.read(&log).await[..80], read);
}

#[tokio::test]
async fn a_trim_takes_segments_and_what_was_not_flushed() {
    let clock = a_clock();
    let cloud = Cloud::at(&endpoint(), clock.clone()).await;
    let log = cloud.made("l").await;
    let start = clock.now();
    let append = async |text: &str| {
        clock.advance(Duration::from_secs(10));
        cloud.append(&log, &[text]).await;
    };
    append("a").await;
    append("b").await;
    cloud.flush().await;
    append("c").await;
    cloud.flush().await;
    append("d").await;
    append("e").await;
    let after = |seconds: i64| Timestamp::from_millis(start.as_millis() + seconds * 1000);
    cloud.log.trim(&log, after(20)).await.unwrap();
    assert_eq!(cloud.texts(&log).await, ["b", "c", "d", "e"]);
    assert_eq!(cloud.manifest(&log).await.segments.len(), 2, "one is wanted in part");
    cloud.log.trim(&log, after(50)).await.unwrap();
    assert_eq!(cloud.texts(&log).await, ["e"]);
    assert_eq!(cloud.manifest(&log).await.segments.len(), 0);
    cloud.flush().await;
    let manifest = cloud.manifest(&log).await;
    assert_eq!(manifest.segments.iter().map(|segment| segment.first.sequence).collect::<Vec<_>>(), [5], "what was trimmed is not written");
    assert_eq!((cloud.texts(&log).await, cloud.log.size(&log).await.unwrap().events), (vec!["e".to_owned()], 5));
    clock.advance(Duration::from_secs(3700));
    cloud.log.trim(&log, after(51)).await.unwrap();
    assert_eq!(cloud.objects(&log).await, ["0000000000000005-0000000000000005-0"], "a trim collects garbage, but not at once");
}

#[tokio::test]
async fn a_truncation_holds_before_and_after_it_is_flushed() {
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.append(&log, &["a"]).await;
    cloud.flush().await;
    cloud.append(&log, &["b"]).await;
    cloud.log.append(&log, vec![noise(512 << 10)], None).await.unwrap();
    cloud.log.truncate(&log).await.unwrap();
    cloud.append(&log, &["c"]).await;
    assert_eq!(cloud.texts(&log).await, ["c"]);
    let records = cloud.records().await;
    for until in 1..=records.len() {
        cloud.flusher().flush(&records[..until]).await;
        assert_eq!(cloud.texts(&log).await, ["c"], "{until} records are flushed");
        assert_eq!(cloud.log.size(&log).await.unwrap(), LogSize { events: 1, bytes: 1 });
    }
    let manifest = cloud.manifest(&log).await;
    assert_eq!((manifest.segments.len(), manifest.truncated.is_none(), manifest.state.next), (1, true, 5));
}

#[tokio::test]
async fn a_removed_log_leaves_nothing_although_it_is_still_in_the_stream() {
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.append(&log, &["a"]).await;
    cloud.flush().await;
    cloud.log.append(&log, vec![noise(512 << 10)], None).await.unwrap();
    cloud.log.remove(&log).await.unwrap();
    cloud.log.append(&log, vec![noise(512 << 10)], None).await.unwrap();
    assert_eq!(cloud.objects(&log).await.len(), 1, "nobody knows yet that the log is gone");
    assert_eq!(cloud.flush().await, Flushed::default());
    assert_eq!((cloud.objects(&log).await, cloud.texts(&log).await), (vec![], vec![]));
    assert!(cloud.documents.get(&Place::of(&log).manifest).await.unwrap().is_none());
}

#[tokio::test]
async fn a_lost_segment_is_an_error_and_not_a_gap() {
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.append(&log, &["a"]).await;
    cloud.flush().await;
    let objects = cloud.objects(&log).await;
    cloud.log.logs.objects.remove(&[cloud.log.logs.key(&Place::of(&log), &objects[0])]).await.unwrap();
    let read: Result<Vec<_>, _> = cloud.log.read(&log, TimeRange::ALL, None).await.unwrap().try_collect().await;
    assert!(matches!(read, Err(PortError::Corrupt { .. })), "{read:?}");
}

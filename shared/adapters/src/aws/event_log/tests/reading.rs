//! Where records are looked for, and what is read while others flush.

use super::*;

#[tokio::test]
async fn an_event_is_read_at_once_and_stays_where_it_is_when_it_is_flushed() {
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.append(&log, &["a", "b"]).await;
    let first = cloud.read(&log).await;
    assert_eq!(texts(&first), ["a", "b"]);
    cloud.flush().await;
    assert_eq!(cloud.read(&log).await, first);
    cloud.append(&log, &["c"]).await;
    let both = cloud.read(&log).await;
    assert_eq!(both[..2], first);
    cloud.flush().await;
    assert_eq!(cloud.read(&log).await, both);
    assert_eq!(cloud.manifest(&log).await.segments.len(), 2);
}

#[tokio::test]
async fn a_log_goes_on_over_splits_and_merges_of_shards() {
    let cloud = Cloud::new().await;
    let logs = [cloud.made("one").await, cloud.made("other").await, cloud.made("third").await, cloud.made("fourth").await];
    let append = async |text: &str| {
        for log in &logs {
            cloud.append(log, &[text]).await;
        }
    };
    let check = async |expected: &[&str]| {
        for log in &logs {
            assert_eq!(cloud.texts(log).await, expected, "{log}");
        }
    };
    append("a").await;
    cloud.split().await;
    append("b").await;
    check(&["a", "b"]).await;
    cloud.merge().await;
    append("c").await;
    check(&["a", "b", "c"]).await;
    cloud.flush_by_shard(1).await;
    check(&["a", "b", "c"]).await;
    cloud.flush_by_shard(9).await;
    append("d").await;
    check(&["a", "b", "c", "d"]).await;
    for log in &logs {
        let manifest = cloud.manifest(log).await;
        assert_eq!((manifest.state.next, manifest.checkpoint.shard.as_str()), (4, "shardId-000000000003"));
    }
}

#[tokio::test]
async fn a_poller_follows_shards_from_parents_to_children() {
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.append(&log, &["a"]).await;
    cloud.split().await;
    cloud.append(&log, &["b"]).await;
    cloud.merge().await;
    cloud.append(&log, &["c"]).await;
    let polling = cloud.poll(Duration::from_millis(20));
    let began = tokio::time::Instant::now();
    while cloud.manifest(&log).await.state.next < 4 {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", cloud.manifest(&log).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    polling.send_replace(true);
    assert_eq!(cloud.texts(&log).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_read_begins_where_the_shard_was_flushed_to_and_not_where_its_own_log_was() {
    let cloud = Cloud::new().await;
    let (quiet, busy) = (cloud.made("quiet").await, cloud.made("busy").await);
    cloud.append(&quiet, &["a"]).await;
    cloud.flush().await;
    for _ in 0..50 {
        cloud.append(&busy, &["x"]).await;
    }
    cloud.flush().await;
    let (_, tail) = cloud.log.logs.up_to_now(&quiet, &Place::of(&quiet)).await.unwrap().unwrap();
    let checkpoint = cloud.manifest(&quiet).await.checkpoint;
    assert!(tail.begins_behind().is_some_and(|begin| *begin > checkpoint.sequence), "it looks through what others wrote long ago");
    assert_eq!(cloud.texts(&quiet).await, ["a"]);
}

#[tokio::test]
async fn a_range_of_the_past_needs_no_look_at_the_stream() {
    let faults = Faults::new(|_, call| if call.target.starts_with("Kinesis") { call.throttled() } else { Fault::None }).await;
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.append(&log, &["a"]).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let moment = cloud.clock.now().as_millis();
    cloud.append(&log, &["b"]).await;
    cloud.flush().await;
    let cut_off = cloud.through(&faults.endpoint).await;
    let range = TimeRange { from: 0, until: moment };
    let pieces: Vec<_> = cut_off.log.read(&log, range, None).await.unwrap().try_collect().await.unwrap();
    assert_eq!(texts(&pieces.concat()), ["a"]);
    assert_eq!(faults.injected(), 0);
    assert!(cut_off.log.read(&log, TimeRange::ALL, None).await.is_err());
}

#[tokio::test]
async fn a_read_goes_on_when_its_segments_are_merged_and_removed_meanwhile() {
    let clock = a_clock();
    let cloud = Cloud::at(&endpoint(), clock.clone()).await;
    let log = cloud.made("l").await;
    for number in 0..15 {
        cloud.log.append(&log, vec![event(&number.to_string()); 1200], None).await.unwrap();
        cloud.flush().await;
    }
    let mut reading = cloud.log.read(&log, TimeRange::ALL, None).await.unwrap();
    let mut seen = reading.try_next().await.unwrap().unwrap();
    cloud.append(&log, &["later"]).await;
    cloud.flush().await;
    clock.advance(Duration::from_secs(3 * 3600));
    cloud.append(&log, &["much later"]).await;
    cloud.flush().await;
    assert_eq!(cloud.objects(&log).await.len(), 2, "{:?}", cloud.objects(&log).await);
    while let Some(piece) = reading.try_next().await.unwrap() {
        seen.extend(piece);
    }
    assert_eq!(seen.len(), 15 * 1200, "what was appended later is not part of the view");
    assert!(seen.iter().zip(1..).all(|(stored, number)| stored.position.sequence == number));
    assert_eq!(cloud.read(&log).await.len(), 15 * 1200 + 2);
}

#[tokio::test]
async fn a_long_read_is_made_of_pieces_of_a_long_segment() {
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    let mut upload = cloud.log.upload(&log).await.unwrap();
    for _ in 0..12 {
        upload.write((0..16).map(|_| noise(128 << 10)).collect()).await.unwrap();
    }
    upload.commit().await.unwrap();
    cloud.append(&log, &["end"]).await;
    let unflushed = cloud.read(&log).await;
    assert_eq!(unflushed.len(), 193);
    assert!(cloud.objects(&log).await[0].starts_with("staged-"));
    cloud.flush().await;
    assert_eq!(cloud.read(&log).await, unflushed);
    for index in [0, 1, 7, 100, 190, 191, 192] {
        assert!(cloud.read_after(&log, Some(unflushed[index].position)).await == unflushed[index + 1..], "after {index}");
    }
}

#[tokio::test]
async fn part_of_a_large_batch_may_be_a_repetition() {
    let cloud = Cloud::new().await;
    let log = cloud.made("l").await;
    cloud.numbered(&log, 1, &["a", "b"]).await;
    let mut batch = vec![event("a"), event("b")];
    batch.extend((0..8).map(|_| noise(128 << 10)));
    cloud.log.append(&log, batch.clone(), Some(AppendKey { writer: "w".to_owned(), first: 1 })).await.unwrap();
    let check = async |when: &str| {
        let read = cloud.read(&log).await;
        assert!(read.iter().map(|stored| &stored.event).eq(&batch), "{when}");
        let size = cloud.log.size(&log).await.unwrap();
        assert_eq!((size.events, size.bytes), (10, 2 + (1 << 20)), "{when}");
    };
    check("before the flush").await;
    cloud.flush().await;
    check("after the flush").await;
    cloud.log.append(&log, batch.clone(), Some(AppendKey { writer: "w".to_owned(), first: 1 })).await.unwrap();
    check("with a repetition").await;
    cloud.flush().await;
    check("with a repetition that was flushed").await;
}

impl Cloud {
    /// Flushes shard by shard, so many records at once.
    async fn flush_by_shard(&self, at_once: usize) {
        let records = self.records().await;
        for shard in records.chunk_by(|one, other| one.shard == other.shard) {
            for batch in shard.chunks(at_once) {
                assert_eq!(self.flusher().flush(batch).await.failed, Vec::<String>::new());
            }
        }
    }
}

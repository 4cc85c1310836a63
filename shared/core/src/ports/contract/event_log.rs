//! What [`EventLog`] promises.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};

use super::done;
use crate::ports::{AppendKey, Clock, Event, EventLog, Headers, LogName, LogSize, Position, StoredEvent, TimeRange, Timestamp};

/// Holds an adapter to the promises of [`EventLog`]. `clock` is the one that the log takes its times from.
///
/// # Panics
/// When a promise is broken.
pub async fn event_log(log: &dyn EventLog, clock: &dyn Clock) {
    what_was_appended_is_read(log, clock).await;
    positions_ascend_over_appends(log).await;
    logs_are_apart(log).await;
    ranges_of_time_are_kept(log, clock).await;
    reading_goes_on_after_a_position(log).await;
    a_repeated_event_is_left_out(log).await;
    racing_repetitions_happen_once(log).await;
    a_trim_removes_what_came_before(log, clock).await;
    a_truncation_removes_what_was_appended_before(log).await;
    a_removed_log_is_empty(log).await;
    an_open_read_keeps_its_view(log).await;
    big_batches_are_read_in_pieces(log).await;
    concurrent_batches_stay_whole(log).await;
    an_upload_is_one_batch(log).await;
    an_upload_that_is_dropped_leaves_nothing(log).await;
}

async fn made(log: &dyn EventLog, text: &str) -> LogName {
    let name = LogName(format!("contract/{text}"));
    done("create", log.create(&name).await);
    name
}

fn event(text: impl Into<Bytes>) -> Event {
    Event { headers: Headers::default(), body: text.into() }
}

fn events<const N: usize>(texts: [&'static str; N]) -> Vec<Event> {
    texts.into_iter().map(event).collect()
}

fn key(writer: &str, first: u64) -> Option<AppendKey> {
    Some(AppendKey { writer: writer.to_owned(), first })
}

async fn append(log: &dyn EventLog, name: &LogName, batch: Vec<Event>) {
    done("append", log.append(name, batch, None).await);
}

async fn read(log: &dyn EventLog, name: &LogName, range: TimeRange, after: Option<Position>) -> Vec<StoredEvent> {
    let stream = done("read", log.read(name, range, after).await);
    let pieces: Vec<Vec<StoredEvent>> = done("read on", stream.try_collect().await);
    assert!(pieces.iter().all(|piece| !piece.is_empty()), "{name} is read in pieces of which some are empty");
    let events = pieces.concat();
    assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position), "{name} is not read in order of position");
    assert!(events.windows(2).all(|pair| pair[0].position.sequence < pair[1].position.sequence), "the sequence of {name} does not ascend");
    events
}

async fn all(log: &dyn EventLog, name: &LogName) -> Vec<StoredEvent> {
    read(log, name, TimeRange::ALL, None).await
}

fn bodies(events: &[StoredEvent]) -> Vec<&[u8]> {
    events.iter().map(|stored| &stored.event.body[..]).collect()
}

/// Waits until the next append of a log must get a later millisecond.
async fn a_moment(clock: &dyn Clock) -> i64 {
    clock.sleep(Duration::from_millis(3)).await;
    clock.now().as_millis()
}

async fn what_was_appended_is_read(log: &dyn EventLog, clock: &dyn Clock) {
    let nowhere = LogName("contract/nowhere".to_owned());
    assert_eq!(all(log, &nowhere).await, [], "a log that does not exist is not empty");
    assert_eq!(done("size", log.size(&nowhere).await), LogSize::default());
    let name = made(log, "reading / é ☕ \0 any text").await;
    assert_eq!(all(log, &name).await, [], "a new log is not empty");
    append(log, &name, Vec::new()).await;
    done("append nothing", log.append(&name, Vec::new(), key("w", 7)).await);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = Headers::from(vec![header("b", "2"), header("a", "1"), header("b", ""), header("", "é\n")]);
    let batch = vec![
        Event { headers: headers.clone(), body: "one".into() },
        event(Bytes::new()),
        Event { headers: vec![header("c", "3")].into(), body: (0..=255).collect::<Bytes>() },
        Event { headers, body: "two".into() },
    ];
    let before = clock.now().as_millis();
    append(log, &name, batch.clone()).await;
    let after = clock.now().as_millis();
    let stored = all(log, &name).await;
    let handed_in: Vec<&Event> = stored.iter().map(|stored| &stored.event).collect();
    assert_eq!(handed_in, batch.iter().collect::<Vec<_>>(), "events are read back otherwise than they were appended");
    let millis = stored[0].position.millis;
    assert!((before..=after).contains(&millis), "an event's time is not the clock's");
    assert!(stored.iter().all(|stored| stored.position.millis == millis), "events of a batch have not one time");
    assert_eq!(done("size", log.size(&name).await), LogSize { events: 4, bytes: 262 });
    done("create again", log.create(&name).await);
    assert_eq!(all(log, &name).await, stored, "making a log that is there changed it");
}

async fn positions_ascend_over_appends(log: &dyn EventLog) {
    let name = made(log, "ascending").await;
    let mut seen = Vec::new();
    for size in [1, 3, 1, 10] {
        append(log, &name, vec![event("x"); size]).await;
        let stored = all(log, &name).await;
        assert_eq!(stored[..seen.len()], seen, "an append moved events");
        assert_eq!(stored.len(), seen.len() + size);
        seen = stored;
    }
}

async fn logs_are_apart(log: &dyn EventLog) {
    let mut names = Vec::new();
    for text in ["apart", "apart/", "apart/b", "apart\0", "aparu"] {
        names.push(made(log, text).await);
    }
    for name in &names {
        append(log, name, vec![event(name.0.clone())]).await;
    }
    for name in &names {
        assert_eq!(bodies(&all(log, name).await), [name.0.as_bytes()], "a log holds events of another one");
    }
    done("remove", log.remove(&names[0]).await);
    for name in &names[1..] {
        assert_eq!(all(log, name).await.len(), 1, "removing a log took events of {name}");
    }
}

async fn ranges_of_time_are_kept(log: &dyn EventLog, clock: &dyn Clock) {
    let name = made(log, "ranges").await;
    for text in ["a", "b", "c"] {
        a_moment(clock).await;
        append(log, &name, vec![event(text), event(text)]).await;
    }
    let times: Vec<i64> = all(log, &name).await.iter().map(|stored| stored.position.millis).collect();
    assert!(times[1] < times[2] && times[3] < times[4], "appends later on the clock have the former ones' time");
    let cases: [(i64, i64, &[u8]); 8] = [
        (i64::MIN, i64::MAX, b"abc"),
        (times[0], times[5] + 1, b"abc"),
        (times[2], times[3] + 1, b"b"),
        (times[0], times[2], b"a"),
        (times[2], i64::MAX, b"bc"),
        (times[5] + 1, i64::MAX, b""),
        (i64::MIN, times[0], b""),
        (times[2], times[2], b""),
    ];
    for (from, until, texts) in cases {
        let stored = read(log, &name, TimeRange { from, until }, None).await;
        let expected: Vec<&[u8]> = texts.chunks(1).flat_map(|text| [text, text]).collect();
        assert_eq!(bodies(&stored), expected, "events from {from} until {until}, of appends at {times:?}");
    }
    assert_eq!(read(log, &name, TimeRange { from: times[5], until: times[0] }, None).await, [], "a reversed range is not empty");
}

async fn reading_goes_on_after_a_position(log: &dyn EventLog) {
    let name = made(log, "after").await;
    append(log, &name, events(["a", "b", "c"])).await;
    append(log, &name, events(["d", "e"])).await;
    let stored = all(log, &name).await;
    for (index, event) in stored.iter().enumerate() {
        assert_eq!(read(log, &name, TimeRange::ALL, Some(event.position)).await, stored[index + 1..], "reading after the event {index}");
        let range = TimeRange { from: event.position.millis, until: i64::MAX };
        assert_eq!(read(log, &name, range, Some(event.position)).await, stored[index + 1..], "reading a range after the event {index}");
    }
    let range = TimeRange { from: stored[4].position.millis + 1, until: i64::MAX };
    assert_eq!(read(log, &name, range, Some(stored[0].position)).await, [], "`after` brings events before the range");
    let before = Position { millis: stored[0].position.millis - 1, sequence: u64::MAX };
    assert_eq!(read(log, &name, TimeRange::ALL, Some(before)).await, stored, "a position before the first event hides some");
}

async fn a_repeated_event_is_left_out(log: &dyn EventLog) {
    let name = made(log, "keys").await;
    let append = async |texts: &[&'static str], key| {
        done("append", log.append(&name, texts.iter().map(|&text| event(text)).collect(), key).await);
    };
    append(&["1", "2", "3"], key("one", 1)).await;
    append(&["1", "2", "3"], key("one", 1)).await;
    append(&["2"], key("one", 2)).await;
    append(&["3", "4"], key("one", 3)).await; // The same events cut otherwise: 3 is there, 4 is new.
    append(&["1", "2", "3", "4", "5", "6"], key("one", 1)).await;
    append(&["x"], key("two", 1)).await; // Writers count for themselves.
    append(&["y"], None).await;
    append(&["y"], None).await;
    append(&["7"], key("one", 7)).await;
    let elsewhere = made(log, "keys elsewhere").await;
    done("append", log.append(&elsewhere, events(["1"]), key("one", 1)).await);
    assert_eq!(bodies(&all(log, &elsewhere).await), [b"1"], "logs count for themselves");
    let expected: [&[u8]; 10] = [b"1", b"2", b"3", b"4", b"5", b"6", b"x", b"y", b"y", b"7"];
    assert_eq!(bodies(&all(log, &name).await), expected);
    assert_eq!(done("size", log.size(&name).await), LogSize { events: 10, bytes: 10 }, "repetitions are counted");
}

async fn racing_repetitions_happen_once(log: &dyn EventLog) {
    let name = made(log, "racing keys").await;
    for answer in join_all((0..8).map(|_| log.append(&name, events(["a", "b"]), key("one", 1)))).await {
        done("append", answer);
    }
    assert_eq!(bodies(&all(log, &name).await), [b"a", b"b"], "a repetition that came at the same time was appended");
}

async fn a_trim_removes_what_came_before(log: &dyn EventLog, clock: &dyn Clock) {
    let nowhere = LogName("contract/nowhere".to_owned());
    done("trim a log that does not exist", log.trim(&nowhere, Timestamp::from_millis(0)).await);
    let name = made(log, "trimming").await;
    append(log, &name, events(["a", "b"])).await;
    let moment = a_moment(clock).await;
    append(log, &name, events(["c"])).await;
    append(log, &name, events(["d"])).await;
    let last = all(log, &name).await[3].position;
    done("trim", log.trim(&name, Timestamp::from_millis(moment)).await);
    assert_eq!(bodies(&all(log, &name).await), [b"c", b"d"]);
    done("trim less", log.trim(&name, Timestamp::from_millis(0)).await);
    assert_eq!(bodies(&all(log, &name).await), [b"c", b"d"], "a trim before another one brought events back");
    assert_eq!(done("size", log.size(&name).await).events, 4, "a trim lessens what a log has taken");
    done("append under a key", log.append(&name, events(["e"]), key("one", 1)).await);
    done("trim all", log.trim(&name, Timestamp::from_millis(clock.now().as_millis() + 1)).await);
    assert_eq!(all(log, &name).await, []);
    done("repeat", log.append(&name, events(["e"]), key("one", 1)).await);
    assert_eq!(all(log, &name).await, [], "a trim forgot a writer");
    a_moment(clock).await;
    append(log, &name, events(["f"])).await;
    let first = all(log, &name).await[0].position;
    assert!(first > last && first.sequence > last.sequence, "positions begin anew after a trim");
}

async fn a_truncation_removes_what_was_appended_before(log: &dyn EventLog) {
    let name = made(log, "truncating").await;
    done("truncate an empty log", log.truncate(&name).await);
    done("append", log.append(&name, events(["a", "b"]), key("one", 1)).await);
    append(log, &name, vec![event("x"); 5000]).await;
    let last = all(log, &name).await[5001].position;
    done("truncate", log.truncate(&name).await);
    assert_eq!(all(log, &name).await, []);
    assert_eq!(done("size", log.size(&name).await), LogSize::default());
    // At once, and so most likely within the millisecond of the events that were removed.
    append(log, &name, events(["c"])).await;
    let stored = all(log, &name).await;
    assert_eq!(bodies(&stored), [b"c"]);
    assert!(stored[0].position > last, "positions begin anew after a truncation");
    assert_eq!(done("size", log.size(&name).await), LogSize { events: 1, bytes: 1 });
    done("append", log.append(&name, events(["b", "d"]), key("one", 2)).await);
    assert_eq!(bodies(&all(log, &name).await), [b"c", b"d"], "a truncation forgot a writer");
    done("truncate twice", log.truncate(&name).await);
    done("truncate twice", log.truncate(&name).await);
    assert_eq!(all(log, &name).await, []);
}

async fn a_removed_log_is_empty(log: &dyn EventLog) {
    done("remove a log that does not exist", log.remove(&LogName("contract/nowhere".to_owned())).await);
    let name = made(log, "removal").await;
    append(log, &name, events(["a", "b"])).await;
    let open = done("read", log.read(&name, TimeRange::ALL, None).await);
    done("remove", log.remove(&name).await);
    drop(open);
    assert_eq!(all(log, &name).await, [], "a removed log still has events");
    assert_eq!(done("size", log.size(&name).await), LogSize::default());
    let _ = log.append(&name, events(["c"]), None).await; // May be refused.
    assert_eq!(all(log, &name).await, [], "a removed log takes events");
    done("remove twice", log.remove(&name).await);
}

async fn an_open_read_keeps_its_view(log: &dyn EventLog) {
    let name = made(log, "open read").await;
    let texts = |from: u32, until: u32| (from..until).map(|i| format!("{i:06}")).collect::<Vec<_>>();
    let batch = |texts: &[String]| texts.iter().map(|text| event(text.clone())).collect::<Vec<_>>();
    let before = texts(0, 3000);
    append(log, &name, batch(&before)).await;
    let mut stream = done("read", log.read(&name, TimeRange::ALL, None).await);
    let unpolled = done("read", log.read(&name, TimeRange::ALL, None).await);
    let mut seen = done("a piece", stream.next().await.expect("there is one"));
    assert!(seen.len() < 3000, "a read holds a whole log in memory");
    // Neither of the two streams is read on meanwhile: an append that waits for a reader would hang here.
    let later = texts(3000, 3500);
    append(log, &name, batch(&later)).await;
    seen.extend(done("read on", stream.try_collect::<Vec<_>>().await).concat());
    let unpolled = done("read late", unpolled.try_collect::<Vec<_>>().await).concat();
    for seen in [seen, unpolled] {
        let expected: Vec<&[u8]> = before.iter().map(String::as_bytes).collect();
        assert_eq!(bodies(&seen), expected, "a read shows something else than what was there when it was opened");
    }
    assert_eq!(all(log, &name).await.len(), 3500);
    let dropped = done("read", log.read(&name, TimeRange::ALL, None).await);
    drop(dropped);
}

async fn big_batches_are_read_in_pieces(log: &dyn EventLog) {
    let name = made(log, "big").await;
    append(log, &name, (0..6000).map(|i| event(body(i))).collect()).await;
    let last = expect_bodies(log, &name, 6000).await;
    let large = Bytes::from(vec![7; 4 << 20]);
    append(log, &name, vec![event(large.clone())]).await;
    let stored = read(log, &name, TimeRange::ALL, Some(last)).await;
    assert!(stored.len() == 1 && stored[0].event.body == large, "a large event is read back otherwise");
}

fn body(index: usize) -> Bytes {
    Bytes::from(vec![b'a' + (index % 26) as u8; 1 + index % 1500])
}

/// Reads a log that holds [`body`] after `body`, piece by piece, and answers where its last event stands.
async fn expect_bodies(log: &dyn EventLog, name: &LogName, count: usize) -> Position {
    let mut stream = done("read", log.read(name, TimeRange::ALL, None).await);
    let (mut seen, mut last) = (0, Position::start_of(i64::MIN));
    while let Some(piece) = stream.next().await {
        let piece = done("a piece", piece);
        let bytes: usize = piece.iter().map(|stored| stored.event.body.len()).sum();
        assert!(bytes <= 8 << 20, "a piece of {bytes} bytes is much to hold in memory");
        for stored in piece {
            assert!(stored.event.body == body(seen), "event {seen} of a big batch is read back otherwise");
            assert!(stored.position > last, "event {seen} does not stand behind the one before it");
            last = stored.position;
            seen += 1;
        }
    }
    assert_eq!(seen, count, "events of a big batch are missing");
    last
}

async fn concurrent_batches_stay_whole(log: &dyn EventLog) {
    let names = [made(log, "concurrent 1").await, made(log, "concurrent 2").await];
    join_all((0..60_usize).map(|i| {
        let batch: Vec<Event> = (0..1 + i % 7).map(|j| event(format!("{i}:{j}"))).collect();
        let name = &names[i % 2];
        async move { append(log, name, batch).await }
    }))
    .await;
    for (index, name) in names.iter().enumerate() {
        let stored = all(log, name).await;
        let mut missing: Vec<usize> = (0..60).filter(|i| i % 2 == index).collect();
        let mut rest = &stored[..];
        while let Some(first) = rest.first() {
            let text = String::from_utf8_lossy(&first.event.body);
            let i: usize = text.split(':').next().and_then(|i| i.parse().ok()).expect("an event of this test");
            let (batch, behind) = rest.split_at_checked(1 + i % 7).expect("a batch is cut short");
            let expected: Vec<String> = (0..1 + i % 7).map(|j| format!("{i}:{j}")).collect();
            assert_eq!(bodies(batch), expected.iter().map(String::as_bytes).collect::<Vec<_>>(), "concurrent batches are mixed");
            missing.retain(|&other| other != i);
            rest = behind;
        }
        assert_eq!(missing, [0; 0], "concurrent batches are missing");
    }
}

async fn an_upload_is_one_batch(log: &dyn EventLog) {
    let name = made(log, "upload").await;
    append(log, &name, vec![event(body(0))]).await;
    let mut upload = done("upload", log.upload(&name).await);
    let mut index = 2;
    for size in [1, 2000, 0, 5000, 7000] {
        done("write", upload.write((index..index + size).map(|i| event(body(i))).collect()).await);
        index += size;
    }
    append(log, &name, vec![event(body(1))]).await;
    assert_eq!(all(log, &name).await.len(), 2, "an upload is seen before it is committed");
    done("commit", upload.commit().await);
    append(log, &name, vec![event(body(index))]).await;
    expect_bodies(log, &name, index + 1).await;
    let stored = all(log, &name).await;
    let time = stored[2].position.millis;
    assert!(stored[2..index].iter().all(|stored| stored.position.millis == time), "an upload has not one time");
    for cut in [3, 1500, 9000, index - 1] {
        assert_eq!(read(log, &name, TimeRange::ALL, Some(stored[cut].position)).await, stored[cut + 1..], "reading on within an upload");
    }
    assert_eq!(done("size", log.size(&name).await).events, index as u64 + 1);
    done("upload of nothing", done("upload", log.upload(&name).await).commit().await);
    done("truncate", log.truncate(&name).await);
    assert_eq!(all(log, &name).await, [], "a truncation leaves an upload");
}

async fn an_upload_that_is_dropped_leaves_nothing(log: &dyn EventLog) {
    let name = made(log, "dropped upload").await;
    let mut upload = done("upload", log.upload(&name).await);
    done("write", upload.write((0..3000).map(|i| event(body(i))).collect()).await);
    drop(upload);
    append(log, &name, events(["a"])).await;
    assert_eq!(bodies(&all(log, &name).await), [b"a"]);
}

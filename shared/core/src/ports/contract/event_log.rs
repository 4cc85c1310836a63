//! What [`EventLog`] promises.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};

use super::done;
use crate::ports::{AppendKey, Appended, Clock, Event, EventLog, LogName, Position, StoredEvent, TimeRange, Timestamp};

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
    an_append_under_a_key_happens_once(log).await;
    racing_repetitions_happen_once(log).await;
    a_trim_removes_what_came_before(log, clock).await;
    a_removed_log_remembers_nothing(log).await;
    an_open_read_keeps_its_view(log).await;
    big_batches_are_read_in_pieces(log).await;
    concurrent_batches_stay_whole(log).await;
}

fn named(text: &str) -> LogName {
    LogName(format!("contract/{text}"))
}

fn event(text: impl Into<Bytes>) -> Event {
    Event { headers: Vec::new(), body: text.into() }
}

fn events<const N: usize>(texts: [&'static str; N]) -> Vec<Event> {
    texts.into_iter().map(event).collect()
}

fn key(writer: &str, number: u64) -> Option<AppendKey> {
    Some(AppendKey { writer: writer.to_owned(), number })
}

async fn append(log: &dyn EventLog, name: &LogName, batch: Vec<Event>) -> (Position, Position) {
    match done("append", log.append(name, batch, None).await) {
        Appended::New { first, last } => (first, last),
        other => panic!("a batch without a key: expected it to be new, met {other:?}"),
    }
}

async fn read(log: &dyn EventLog, name: &LogName, range: TimeRange, after: Option<Position>) -> Vec<StoredEvent> {
    let stream = done("read", log.read(name, range, after).await);
    let events: Vec<StoredEvent> = done("read on", stream.try_collect().await);
    assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position), "{name} is not read in order of position");
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
    let name = named("reading / é ☕ \0 any text");
    assert_eq!(all(log, &name).await, [], "a log that does not exist is not empty");
    assert_eq!(done("append nothing", log.append(&name, Vec::new(), None).await), Appended::Nothing);
    assert_eq!(done("append nothing", log.append(&name, Vec::new(), key("w", 7)).await), Appended::Nothing);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let batch = vec![
        Event { headers: vec![header("b", "2"), header("a", "1"), header("b", ""), header("", "é\n")], body: "one".into() },
        event(Bytes::new()),
        event((0..=255).collect::<Bytes>()),
    ];
    let before = clock.now().as_millis();
    let (first, last) = append(log, &name, batch.clone()).await;
    let after = clock.now().as_millis();
    let stored = all(log, &name).await;
    let handed_in: Vec<&Event> = stored.iter().map(|stored| &stored.event).collect();
    assert_eq!(handed_in, batch.iter().collect::<Vec<_>>(), "events are read back otherwise than they were appended");
    assert_eq!((stored[0].position, stored[2].position), (first, last), "the append answered other positions than are read");
    assert!((before..=after).contains(&first.millis) && first.millis <= last.millis, "an event's time is not the clock's");
}

async fn positions_ascend_over_appends(log: &dyn EventLog) {
    let name = named("ascending");
    let mut former: Option<Position> = None;
    for size in [1, 3, 1, 10] {
        let (first, last) = append(log, &name, vec![event("x"); size]).await;
        assert!(
            former.is_none_or(|former| former < first && former.sequence < first.sequence),
            "an append begins at or before the former one's end"
        );
        assert!(first <= last && (first == last) == (size == 1), "a batch of {size} stands from {first:?} to {last:?}");
        former = Some(last);
    }
    let stored = all(log, &name).await;
    assert_eq!(stored.len(), 15);
    assert!(stored.windows(2).all(|pair| pair[0].position.sequence < pair[1].position.sequence), "the sequence does not ascend");
    assert!(stored.windows(2).all(|pair| pair[0].position.millis <= pair[1].position.millis), "time runs backwards in a log");
}

async fn logs_are_apart(log: &dyn EventLog) {
    let names = [named("apart"), named("apart/"), named("apart/b"), named("apart\0"), named("aparu")];
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
    let name = named("ranges");
    let mut times = Vec::new();
    for text in ["a", "b", "c"] {
        a_moment(clock).await;
        let (first, last) = append(log, &name, vec![event(text), event(text)]).await;
        assert!(times.last().is_none_or(|&former| former < first.millis), "an append later on the clock has the former one's time");
        times.extend([first.millis, last.millis]);
    }
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
    let name = named("after");
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

async fn an_append_under_a_key_happens_once(log: &dyn EventLog) {
    let name = named("keys");
    let is_new = |answer: Appended| matches!(answer, Appended::New { .. });
    assert!(is_new(done("append", log.append(&name, events(["a", "b"]), key("one", 1)).await)));
    assert_eq!(done("repeat", log.append(&name, events(["a", "b"]), key("one", 1)).await), Appended::Repeated);
    assert!(is_new(done("append", log.append(&name, events(["c"]), key("one", 5)).await)), "a number above the highest one is new");
    for number in [1, 4, 5] {
        let again = done("repeat", log.append(&name, events(["x"]), key("one", number)).await);
        assert_eq!(again, Appended::Repeated, "the number {number} is not above 5");
    }
    assert!(is_new(done("append", log.append(&name, events(["d"]), key("two", 1)).await)), "writers count for themselves");
    assert!(is_new(done("append", log.append(&name, events(["d"]), None).await)), "an append without a key is always new");
    assert!(is_new(done("append", log.append(&name, events(["e"]), key("one", 6)).await)));
    let elsewhere = named("keys elsewhere");
    assert!(is_new(done("append", log.append(&elsewhere, events(["x"]), key("one", 1)).await)), "logs count for themselves");
    assert_eq!(bodies(&all(log, &name).await), [b"a", b"b", b"c", b"d", b"d", b"e"]);
}

async fn racing_repetitions_happen_once(log: &dyn EventLog) {
    let name = named("racing keys");
    let answers = join_all((0..8).map(|_| log.append(&name, events(["a", "b"]), key("one", 1)))).await;
    let answers: Vec<Appended> = answers.into_iter().map(|answer| done("append", answer)).collect();
    assert_eq!(answers.iter().filter(|answer| **answer == Appended::Repeated).count(), 7, "{answers:?}");
    assert_eq!(bodies(&all(log, &name).await), [b"a", b"b"], "a repetition that came at the same time was appended");
}

async fn a_trim_removes_what_came_before(log: &dyn EventLog, clock: &dyn Clock) {
    let name = named("trimming");
    done("trim a log that does not exist", log.trim(&name, Timestamp::from_millis(0)).await);
    append(log, &name, events(["a", "b"])).await;
    let moment = a_moment(clock).await;
    append(log, &name, events(["c"])).await;
    let (_, last) = append(log, &name, events(["d"])).await;
    done("trim", log.trim(&name, Timestamp::from_millis(moment)).await);
    assert_eq!(bodies(&all(log, &name).await), [b"c", b"d"]);
    done("trim less", log.trim(&name, Timestamp::from_millis(0)).await);
    assert_eq!(bodies(&all(log, &name).await), [b"c", b"d"], "a trim before another one brought events back");
    done("append under a key", log.append(&name, events(["e"]), key("one", 3)).await);
    done("trim all", log.trim(&name, Timestamp::from_millis(clock.now().as_millis() + 1)).await);
    assert_eq!(all(log, &name).await, []);
    assert_eq!(done("repeat", log.append(&name, events(["e"]), key("one", 3)).await), Appended::Repeated, "a trim forgot a writer");
    a_moment(clock).await;
    let (first, _) = append(log, &name, events(["f"])).await;
    assert!(first > last && first.sequence > last.sequence, "positions begin anew after a trim");
    done("trim to the far future", log.trim(&name, clock.now().plus(Duration::from_secs(3600))).await);
    append(log, &name, events(["g"])).await;
    assert_eq!(bodies(&all(log, &name).await), [b"g"], "a trim holds for events that are appended after it");
}

async fn a_removed_log_remembers_nothing(log: &dyn EventLog) {
    let name = named("removal");
    done("remove a log that does not exist", log.remove(&name).await);
    for round in 0..3 {
        let answer = done("append", log.append(&name, events(["a", "b"]), key("one", 1)).await);
        assert!(matches!(answer, Appended::New { .. }), "round {round}: a removed log remembers its writers");
        assert_eq!(bodies(&all(log, &name).await), [b"a", b"b"], "round {round}: a removed log shows again");
        done("remove", log.remove(&name).await);
        assert_eq!(all(log, &name).await, [], "a removed log still has events");
    }
}

async fn an_open_read_keeps_its_view(log: &dyn EventLog) {
    let name = named("open read");
    let texts = |from: u32, until: u32| (from..until).map(|i| format!("{i:06}")).collect::<Vec<_>>();
    let batch = |texts: &[String]| texts.iter().map(|text| event(text.clone())).collect::<Vec<_>>();
    let before = texts(0, 3000);
    append(log, &name, batch(&before)).await;
    let mut stream = done("read", log.read(&name, TimeRange::ALL, None).await);
    let unpolled = done("read", log.read(&name, TimeRange::ALL, None).await);
    let mut seen = Vec::new();
    for _ in 0..10 {
        seen.push(done("an event", stream.next().await.expect("there are more")));
    }
    // Neither of the two streams is read on meanwhile: an append that waits for a reader would hang here.
    let later = texts(3000, 3500);
    append(log, &name, batch(&later)).await;
    seen.extend(done("read on", stream.try_collect::<Vec<_>>().await));
    let unpolled: Vec<StoredEvent> = done("read late", unpolled.try_collect().await);
    for seen in [seen, unpolled] {
        let expected: Vec<&[u8]> = before.iter().chain(&later).map(String::as_bytes).collect();
        assert!(seen.len() >= 3000, "a read lost events that were there when it was opened");
        assert_eq!(bodies(&seen), expected[..seen.len()], "a read shows something else than the log's beginning");
    }
    assert_eq!(all(log, &name).await.len(), 3500);
    let dropped = done("read", log.read(&name, TimeRange::ALL, None).await);
    drop(dropped);
}

async fn big_batches_are_read_in_pieces(log: &dyn EventLog) {
    let name = named("big");
    let body = |i: usize| Bytes::from(vec![b'a' + (i % 26) as u8; 1 + i % 1500]);
    let batch: Vec<Event> = (0..6000).map(|i| event(body(i))).collect();
    let (first, last) = append(log, &name, batch).await;
    let mut stream = done("read", log.read(&name, TimeRange::ALL, None).await);
    let mut count = 0;
    while let Some(stored) = stream.next().await {
        let stored = done("an event", stored);
        assert!(stored.event.body == body(count), "event {count} of a big batch is read back otherwise");
        assert!((first..=last).contains(&stored.position), "event {count} stands outside its batch");
        count += 1;
    }
    assert_eq!(count, 6000, "events of a big batch are missing");
    let large = Bytes::from(vec![7; 4 << 20]);
    append(log, &name, vec![event(large.clone())]).await;
    let stored = read(log, &name, TimeRange::ALL, Some(last)).await;
    assert!(stored.len() == 1 && stored[0].event.body == large, "a large event is read back otherwise");
}

async fn concurrent_batches_stay_whole(log: &dyn EventLog) {
    let names = [named("concurrent 1"), named("concurrent 2")];
    let appends = (0..60_usize).map(|i| {
        let batch: Vec<Event> = (0..1 + i % 7).map(|j| event(format!("{i}:{j}"))).collect();
        let name = &names[i % 2];
        async move { (i, batch.len(), append(log, name, batch).await) }
    });
    let answers = join_all(appends).await;
    for (index, name) in names.iter().enumerate() {
        let stored = all(log, name).await;
        let mut batches: Vec<_> = answers.iter().filter(|(i, ..)| i % 2 == index).collect();
        batches.sort_by_key(|(_, _, (first, _))| *first);
        let expected: Vec<String> = batches.iter().flat_map(|(i, size, _)| (0..*size).map(move |j| format!("{i}:{j}"))).collect();
        let expected: Vec<&[u8]> = expected.iter().map(String::as_bytes).collect();
        assert_eq!(bodies(&stored), expected, "concurrent batches are missing, mixed, or not where their appends answered");
    }
}

//! The embedded log beside the one in memory, whatever is done to both; and readers whose log shrinks while they read.

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use headwater_core::ports::{AppendKey, Event, EventLog, Headers, LogName, Position, StoredEvent, TimeRange, Timestamp};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;
use crate::memory::MemoryEventLog;

const START: i64 = 1_700_000_000_000;

/// What is done to a log.
#[derive(Debug, Clone)]
enum Change {
    /// Events of these lengths.
    Append(Vec<usize>),
    /// So many events of a writer that numbers them, from `back` before the number it has got to.
    AppendNumbered {
        back: u64,
        count: u64,
    },
    /// An upload of events, each of this length, in pieces of these counts.
    Upload {
        length: usize,
        pieces: Vec<usize>,
    },
    /// An upload that is begun, and dropped.
    GiveUp(usize),
    Truncate,
    /// Everything older than so many milliseconds.
    Trim(i64),
    Remove,
}

#[derive(Debug, Clone)]
enum Step {
    /// Done one after the other, but handed in together, and so perhaps committed together. The number is the log's.
    Together(Vec<(usize, Change)>),
    Advance(u64),
    Reopen,
    /// Reads of a range of time, relative to now, and after the event with this number.
    Read {
        log: usize,
        from: i64,
        span: i64,
        after: Option<prop::sample::Index>,
    },
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => prop::collection::vec(prop_oneof![0usize..20, 0usize..20, 900usize..1100, 60_000usize..70_000], 1..6).prop_map(Change::Append),
        2 => (0usize..3000).prop_map(|count| Change::Append(vec![5; count])),
        4 => (0u64..4, 1u64..6).prop_map(|(back, count)| Change::AppendNumbered { back, count }),
        3 => (1usize..3000, prop::collection::vec(0usize..600, 1..4)).prop_map(|(length, pieces)| Change::Upload { length, pieces }),
        1 => (100usize..3000).prop_map(Change::GiveUp),
        2 => Just(Change::Truncate),
        2 => (-1i64..5).prop_map(Change::Trim),
        1 => Just(Change::Remove),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec((0usize..2, change()), 1..5).prop_map(Step::Together),
        3 => (0u64..4).prop_map(Step::Advance),
        1 => Just(Step::Reopen),
        4 => (0usize..2, -6i64..3, 0i64..6, any::<Option<prop::sample::Index>>())
            .prop_map(|(log, from, span, after)| Step::Read { log, from, span, after }),
    ]
}

/// Both logs, and what a writer has got to in each.
struct Pair {
    folder: TempDir,
    clock: Arc<ManualClock>,
    memory: MemoryEventLog,
    embedded: Option<EmbeddedEventLog>,
    names: [LogName; 2],
    numbers: [u64; 2],
    made: u64,
}

impl Pair {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
        let memory = MemoryEventLog::new(clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let names = ["a", "b"].map(|name| LogName(name.to_owned()));
        let mut pair = Self { folder, clock, memory, embedded: None, names, numbers: [0; 2], made: 0 };
        pair.reopen().await;
        for log in 0..2 {
            pair.make(log).await;
        }
        pair
    }

    async fn reopen(&mut self) {
        self.embedded = None;
        let store = loop {
            match EmbeddedStore::open(self.folder.path(), self.clock.clone()) {
                Err(OpenError::InUse { .. }) => tokio::time::sleep(std::time::Duration::from_millis(1)).await, // An upload still ends.
                other => break other.unwrap(),
            }
        };
        self.embedded = Some(store.event_log());
    }

    fn embedded(&self) -> &EmbeddedEventLog {
        self.embedded.as_ref().expect("it is open between steps")
    }

    /// Makes a log under a new name.
    async fn make(&mut self, log: usize) {
        self.made += 1;
        (self.names[log], self.numbers[log]) = (LogName(format!("{log}/{}", self.made)), 0);
        self.memory.create(&self.names[log]).await.unwrap();
        self.embedded().create(&self.names[log]).await.unwrap();
    }

    async fn together(&mut self, changes: Vec<(usize, Change)>) {
        let mut handed_in: Vec<BoxFuture<'static, ()>> = Vec::new();
        for (number, (log, change)) in changes.into_iter().enumerate() {
            let name = self.names[log].clone();
            let headers = Headers::from(vec![("change".to_owned(), number.to_string())]);
            let event = |length: usize, index: usize| Event { headers: headers.clone(), body: body(length, index) };
            let (memory, embedded) = (self.memory.clone(), self.embedded().clone());
            match change {
                Change::Append(lengths) => {
                    let events: Vec<Event> = lengths.iter().enumerate().map(|(index, &length)| event(length, index)).collect();
                    memory.append(&name, events.clone(), None).await.unwrap();
                    handed_in.push(async move { embedded.append(&name, events, None).await.unwrap() }.boxed());
                }
                Change::AppendNumbered { back, count } => {
                    let first = self.numbers[log].saturating_sub(back) + 1;
                    let key = Some(AppendKey { writer: "w".to_owned(), first });
                    let events: Vec<Event> = (first..first + count).map(|number| event(7, number as usize)).collect();
                    self.numbers[log] = self.numbers[log].max(first + count - 1);
                    memory.append(&name, events.clone(), key.clone()).await.unwrap();
                    handed_in.push(async move { embedded.append(&name, events, key).await.unwrap() }.boxed());
                }
                Change::Upload { length, pieces } => {
                    let (mut model, mut upload) = (memory.upload(&name).await.unwrap(), embedded.upload(&name).await.unwrap());
                    for count in pieces {
                        let events: Vec<Event> = (0..count).map(|index| event(length, index)).collect();
                        model.write(events.clone()).await.unwrap();
                        upload.write(events).await.unwrap();
                    }
                    join_all(handed_in.drain(..)).await; // Longer uploads do not keep their place in line.
                    model.commit().await.unwrap();
                    handed_in.push(async move { upload.commit().await.unwrap() }.boxed());
                }
                Change::GiveUp(count) => {
                    let mut upload = embedded.upload(&name).await.unwrap();
                    upload.write((0..count).map(|index| event(3000, index)).collect()).await.unwrap();
                }
                Change::Truncate => {
                    memory.truncate(&name).await.unwrap();
                    handed_in.push(async move { embedded.truncate(&name).await.unwrap() }.boxed());
                }
                Change::Trim(age) => {
                    let before = Timestamp::from_millis(self.clock.now().as_millis() - age);
                    memory.trim(&name, before).await.unwrap();
                    handed_in.push(async move { embedded.trim(&name, before).await.unwrap() }.boxed());
                }
                Change::Remove => {
                    memory.remove(&name).await.unwrap();
                    handed_in.push(async move { embedded.remove(&name).await.unwrap() }.boxed());
                    join_all(handed_in.drain(..)).await;
                    self.make(log).await;
                }
            }
        }
        join_all(handed_in).await;
    }

    async fn check(&self, log: usize, range: TimeRange, after: Option<prop::sample::Index>) {
        let name = &self.names[log];
        let (model, stored) = (all(&self.memory, name, range, None).await, all(self.embedded(), name, range, None).await);
        assert_same(&model, &stored);
        if let Some(after) = after.filter(|_| !model.is_empty()) {
            let index = after.index(model.len());
            let rest = all(self.embedded(), name, range, Some(stored[index].position)).await;
            assert_same(&model[index + 1..], &rest);
        }
        assert_eq!(self.memory.size(name).await.unwrap(), self.embedded().size(name).await.unwrap());
    }
}

fn body(length: usize, index: usize) -> Bytes {
    let mut body = vec![b'a' + (index % 26) as u8; length];
    body.iter_mut().zip(index.to_le_bytes()).for_each(|(byte, digit)| *byte = digit);
    body.into()
}

async fn all(log: &dyn EventLog, name: &LogName, range: TimeRange, after: Option<Position>) -> Vec<StoredEvent> {
    log.read(name, range, after).await.unwrap().try_collect::<Vec<_>>().await.unwrap().concat()
}

#[track_caller]
fn assert_same(model: &[StoredEvent], stored: &[StoredEvent]) {
    assert_eq!(model.len(), stored.len(), "other events than the log in memory has");
    assert!(stored.is_sorted_by(|one, other| one.position < other.position), "positions do not ascend");
    for (number, (model, stored)) in model.iter().zip(stored).enumerate() {
        assert_eq!(model.event, stored.event, "event {number}");
        assert_eq!(model.position.millis, stored.position.millis, "the time of event {number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_embedded_log_is_the_one_in_memory_whatever_is_done_to_both(steps in prop::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new().await;
            for step in steps {
                match step {
                    Step::Together(changes) => pair.together(changes).await,
                    Step::Advance(millis) => pair.clock.advance(std::time::Duration::from_millis(millis)),
                    Step::Reopen => pair.reopen().await,
                    Step::Read { log, from, span, after } => {
                        let from = pair.clock.now().as_millis() + from;
                        pair.check(log, TimeRange { from, until: from + span }, after).await;
                    }
                }
            }
            for log in 0..2 {
                pair.check(log, TimeRange::ALL, None).await;
            }
            pair.reopen().await;
            for log in 0..2 {
                pair.check(log, TimeRange::ALL, None).await;
            }
        });
    }
}

/// A log of more blocks than a bit of sweeping removes.
async fn long_log() -> (Pair, u64) {
    let pair = Pair::new().await;
    let mut number = 0;
    for _ in 0..50 {
        let events = (0..30).map(|_| {
            number += 1;
            Event { headers: Headers::default(), body: body(70_000, number as usize) }
        });
        pair.embedded().append(&pair.names[0], events.collect(), None).await.unwrap();
    }
    (pair, number)
}

/// Reads on when a log has shrunk: what comes must be the beginning of what was there when the read was opened.
async fn reads_a_beginning(shrink: impl AsyncFn(&EmbeddedEventLog, &LogName)) {
    let (pair, count) = long_log().await;
    let name = &pair.names[0];
    let mut reads = Vec::new();
    for pieces in [0, 1, 40, 200] {
        let mut read = pair.embedded().read(name, TimeRange::ALL, None).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..pieces {
            seen.extend(read.next().await.unwrap().unwrap());
        }
        reads.push((seen, read));
    }
    shrink(pair.embedded(), name).await;
    for (mut seen, read) in reads {
        seen.extend(read.try_collect::<Vec<_>>().await.unwrap().concat());
        let in_a_row = seen.iter().enumerate().all(|(index, stored)| stored.event.body == body(70_000, index + 1));
        assert!(in_a_row && seen.len() as u64 <= count, "{} events, not in a row", seen.len());
    }
}

#[tokio::test]
async fn a_reader_of_a_log_that_is_truncated_meanwhile_sees_no_gap() {
    reads_a_beginning(async |log: &EmbeddedEventLog, name: &LogName| log.truncate(name).await.unwrap()).await;
}

#[tokio::test]
async fn a_reader_of_a_log_that_is_removed_meanwhile_sees_no_gap() {
    reads_a_beginning(async |log: &EmbeddedEventLog, name: &LogName| log.remove(name).await.unwrap()).await;
}

#[tokio::test]
async fn a_reader_does_not_take_what_came_after_a_truncation_for_what_was_there_before() {
    let pair = Pair::new().await;
    let (log, name) = (pair.embedded(), &pair.names[0]);
    let events = |text: &'static str| vec![Event { headers: Headers::default(), body: text.into() }; 5000];
    log.append(name, events("before"), None).await.unwrap();
    let mut read = log.read(name, TimeRange::ALL, None).await.unwrap();
    let first = read.next().await.unwrap().unwrap();
    log.truncate(name).await.unwrap();
    log.append(name, events("after"), None).await.unwrap();
    let rest = read.try_collect::<Vec<_>>().await.unwrap().concat();
    assert!(first.iter().chain(&rest).all(|stored| stored.event.body == "before"));
    let now = all(log, name, TimeRange::ALL, None).await;
    assert!(now.len() == 5000 && now.iter().all(|stored| stored.event.body == "after"));
}

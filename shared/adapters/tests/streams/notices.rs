//! Notices, over restarts, truncations and changes of the threshold, and who announces them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use headwater_core::ids::StreamName;
use headwater_core::ports::{
    AppendKey, Event, EventLog, EventStream, Headers, LogName, LogSize, PortError, Position, TimeRange, Timestamp, Upload,
};
use headwater_core::streams::{Herald, Notice, Stream, StreamService};

use super::{Bench, MIB, made, name, post};

async fn grow(service: &StreamService, stream: &Stream, bytes: usize) {
    post(service, stream, vec![b'x'; bytes]).await;
}

/// The sizes that were told, by the numbers of their notices, which must ascend one by one.
async fn told(service: &StreamService, stream: &Stream) -> Vec<u64> {
    let (notices, last) = service.notices_after(stream, 0).await.unwrap();
    assert!(notices.iter().map(|notice| notice.id).eq(1..=last), "{notices:?}");
    notices.into_iter().map(|notice| notice.size).collect()
}

#[tokio::test]
async fn a_restart_neither_forgets_what_came_nor_tells_of_it_twice() {
    let bench = Bench::new();
    let stream = made(&bench.service(), "s", r#"{"notification.threshold.mb":1}"#).await;
    let part = MIB * 6 / 10;
    for (round, wanted) in [&[][..], &[2 * part], &[2 * part], &[2 * part, 4 * part]].into_iter().enumerate() {
        let service = bench.service();
        grow(&service, &stream, part).await;
        service.notice().await;
        service.notice().await;
        let wanted: Vec<u64> = wanted.iter().map(|&size| size as u64).collect();
        assert_eq!(told(&service, &stream).await, wanted, "round {round}");
        bench.service().notice().await;
        bench.service().notice_all().await.unwrap();
        assert_eq!(told(&service, &stream).await, wanted, "round {round}: a restart tells of something");
    }
}

#[tokio::test]
async fn growth_that_nobody_has_looked_at_before_an_end_is_told_of_at_the_next_start() {
    let bench = Bench::new();
    let stream = made(&bench.service(), "s", r#"{"notification.threshold.mb":1}"#).await;
    grow(&bench.service(), &stream, MIB).await;
    let next = bench.service();
    next.notice_all().await.unwrap(); // As at every start.
    next.notice().await;
    assert_eq!(told(&next, &stream).await, [MIB as u64]);
}

#[tokio::test]
async fn every_kind_of_growth_counts() {
    let bench = Bench::new();
    let (service, writer) = bench.service().with_queue();
    let stream = made(&service, "s", r#"{"notification.threshold.mb":1}"#).await;
    let key = |first| AppendKey { writer: "w".to_owned(), first };
    let event = || Event { headers: Headers::default(), body: vec![b'x'; MIB].into() };
    service.append(&stream, vec![event()], key(1)).await.unwrap();
    service.notice().await;
    service.append(&stream, vec![event()], key(1)).await.unwrap(); // A repetition is no growth.
    service.notice().await;
    assert_eq!(told(&service, &stream).await, [MIB as u64]);
    for body in [vec![b'x'; MIB], vec![b'x'; 3 * MIB]] {
        let mut batch = service.batch(Arc::clone(&stream), headwater_core::streams::BatchKind::Lines, Headers::default());
        batch = batch.take(body.into()).await.unwrap();
        batch.finish().await.unwrap();
        service.notice().await;
    }
    assert_eq!(told(&service, &stream).await[1..], [2 * MIB as u64, 5 * MIB as u64]);
    service.post_later(Arc::clone(&stream), Headers::default(), vec![b'x'; MIB].into()).await.unwrap();
    writer.run(async {}).await;
    service.notice().await;
    assert_eq!(told(&service, &stream).await[3..], [6 * MIB as u64]);
}

#[tokio::test]
async fn the_threshold_that_counts_is_the_present_one() {
    let bench = Bench::new();
    let service = bench.service();
    let stream = made(&service, "s", r#"{"notification.threshold.mb":100}"#).await;
    grow(&service, &stream, 3 * MIB).await;
    service.notice().await;
    service.set_properties(&name("s"), br#"{"notification.threshold.mb":4}"#).await.unwrap();
    grow(&service, &stream, MIB / 2).await;
    service.notice().await;
    assert_eq!(told(&service, &stream).await, [0; 0]);
    grow(&service, &stream, MIB / 2).await;
    service.notice().await;
    assert_eq!(told(&service, &stream).await, [4 * MIB as u64]);
    service.truncate(&name("s")).await.unwrap(); // It does not bring the first threshold back.
    grow(&service, &stream, 4 * MIB).await;
    service.notice().await;
    assert_eq!(told(&service, &stream).await, [4 * MIB as u64, 4 * MIB as u64]);
    service.set_properties(&name("s"), br#"{"notification.threshold.mb":5}"#).await.unwrap();
    grow(&service, &stream, 4 * MIB).await;
    service.notice().await;
    assert_eq!(told(&service, &stream).await.len(), 2);
}

#[tokio::test]
async fn a_truncation_that_another_process_made_is_seen() {
    let bench = Bench::new();
    let (one, other) = (bench.service(), bench.service());
    let stream = made(&one, "s", r#"{"notification.threshold.mb":2}"#).await;
    grow(&one, &stream, 3 * MIB).await;
    one.notice().await;
    other.truncate(&name("s")).await.unwrap();
    grow(&other, &stream, MIB).await;
    other.notice().await;
    grow(&one, &stream, MIB).await;
    one.notice().await;
    other.notice().await;
    one.notice_growth(&stream.log, bench.stores.log.size(&stream.log).await.unwrap()).await.unwrap();
    assert_eq!(told(&one, &stream).await, [3 * MIB as u64, 2 * MIB as u64]);
}

/// A log of whose streams one grows whenever its size is asked for, after the answer is known.
#[derive(Debug)]
struct GrowsMeanwhile {
    inner: Arc<dyn EventLog>,
    bytes: usize,
    service: Mutex<Option<(StreamService, Arc<Stream>)>>,
}

#[async_trait]
impl EventLog for GrowsMeanwhile {
    async fn create(&self, log: &LogName) -> Result<(), PortError> {
        self.inner.create(log).await
    }

    async fn append(&self, log: &LogName, batch: Vec<Event>, key: Option<AppendKey>) -> Result<(), PortError> {
        self.inner.append(log, batch, key).await
    }

    async fn upload(&self, log: &LogName) -> Result<Box<dyn Upload>, PortError> {
        self.inner.upload(log).await
    }

    async fn read(&self, log: &LogName, range: TimeRange, after: Option<Position>) -> Result<EventStream, PortError> {
        self.inner.read(log, range, after).await
    }

    async fn size(&self, log: &LogName) -> Result<LogSize, PortError> {
        let size = self.inner.size(log).await;
        let growing = self.service.lock().unwrap().take();
        if let Some((service, stream)) = growing {
            grow(&service, &stream, self.bytes).await;
        }
        size
    }

    async fn truncate(&self, log: &LogName) -> Result<(), PortError> {
        self.inner.truncate(log).await
    }

    async fn trim(&self, log: &LogName, before: Timestamp) -> Result<(), PortError> {
        self.inner.trim(log, before).await
    }

    async fn remove(&self, log: &LogName) -> Result<(), PortError> {
        self.inner.remove(log).await
    }
}

#[tokio::test]
async fn what_comes_while_a_stream_is_looked_at_is_counted_the_next_time() {
    let bench = Bench::new();
    let log = Arc::new(GrowsMeanwhile { inner: Arc::clone(&bench.stores.log), bytes: MIB, service: Mutex::default() });
    let service = bench.service_over(Arc::clone(&bench.stores.documents), log.clone());
    let stream = made(&service, "s", r#"{"notification.threshold.mb":2}"#).await;
    grow(&service, &stream, MIB).await;
    *log.service.lock().unwrap() = Some((service.clone(), Arc::clone(&stream)));
    service.notice().await; // Sees one MiB, and the other one arrives meanwhile.
    service.notice().await;
    assert_eq!(told(&service, &stream).await, [2 * MIB as u64]);
}

/// Remembers what it was told; fails as long as it is told to.
#[derive(Debug, Default)]
struct Ledger {
    heard: Mutex<Vec<u64>>,
    fails: AtomicBool,
}

#[async_trait]
impl Herald for Ledger {
    async fn announce(&self, _: &StreamName, notice: &Notice) -> Result<(), String> {
        if self.fails.load(Ordering::Relaxed) {
            return Err("nobody listens".to_owned());
        }
        self.heard.lock().unwrap().push(notice.id);
        Ok(())
    }
}

impl Ledger {
    fn heard(&self) -> Vec<u64> {
        self.heard.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn what_could_not_be_announced_is_announced_later_in_order() {
    let bench = Bench::new();
    let ledger = Arc::new(Ledger::default());
    let service = bench.service().with_heralds(vec![ledger.clone()]);
    let stream = made(&service, "s", r#"{"notification.threshold.mb":1}"#).await;
    let next = async |fails| {
        ledger.fails.store(fails, Ordering::Relaxed);
        grow(&service, &stream, MIB).await;
        service.notice().await;
        service.announce().await;
        ledger.heard()
    };
    assert_eq!(next(false).await, [1]);
    assert_eq!(next(true).await, [1]);
    assert_eq!(next(true).await, [1]);
    assert_eq!(next(false).await, [1, 2, 3, 4]);
    assert_eq!(next(true).await, [1, 2, 3, 4]);
    ledger.fails.store(false, Ordering::Relaxed);
    let restarted = bench.service().with_heralds(vec![ledger.clone()]);
    restarted.tidy().await.unwrap();
    restarted.announce().await;
    assert_eq!(ledger.heard(), [1, 2, 3, 4, 5]);
    restarted.tidy().await.unwrap();
    restarted.announce().await;
    service.announce().await;
    assert_eq!(ledger.heard(), [1, 2, 3, 4, 5], "something was announced twice");
}

#[tokio::test]
async fn every_herald_hears_of_a_notice_even_if_one_hears_it_twice() {
    let bench = Bench::new();
    let (steady, shaky) = (Arc::new(Ledger::default()), Arc::new(Ledger::default()));
    let service = bench.service().with_heralds(vec![steady.clone(), shaky.clone()]);
    let stream = made(&service, "s", r#"{"notification.threshold.mb":1}"#).await;
    shaky.fails.store(true, Ordering::Relaxed);
    grow(&service, &stream, MIB).await;
    service.notice().await;
    service.announce().await;
    shaky.fails.store(false, Ordering::Relaxed);
    service.announce().await;
    assert_eq!((steady.heard().last(), shaky.heard()), (Some(&1), vec![1]));
}

/// Never answers for one stream.
#[derive(Debug, Default)]
struct Deaf {
    heard: Mutex<Vec<String>>,
}

#[async_trait]
impl Herald for Deaf {
    async fn announce(&self, stream: &StreamName, _: &Notice) -> Result<(), String> {
        if stream.stream.as_str() == "a" {
            std::future::pending::<()>().await;
        }
        self.heard.lock().unwrap().push(stream.stream.to_string());
        Ok(())
    }
}

#[tokio::test]
async fn one_notice_that_does_not_arrive_holds_up_no_other() {
    let bench = Bench::new();
    let herald = Arc::new(Deaf::default());
    let service = bench.service().with_heralds(vec![herald.clone()]);
    for name in ["a", "b", "c"] {
        let stream = made(&service, name, r#"{"notification.threshold.mb":1}"#).await;
        grow(&service, &stream, MIB).await;
    }
    service.notice().await;
    let announced = tokio::time::timeout(std::time::Duration::from_millis(200), service.announce()).await;
    assert!(announced.is_err(), "a herald that never answers has answered");
    assert_eq!(*herald.heard.lock().unwrap(), ["b", "c"]);
}

#[tokio::test]
async fn whoever_becomes_a_herald_is_not_told_of_what_is_past() {
    let bench = Bench::new();
    let stream = made(&bench.service(), "s", r#"{"notification.threshold.mb":1}"#).await;
    grow(&bench.service(), &stream, MIB).await;
    bench.service().notice_all().await.unwrap();
    let ledger = Arc::new(Ledger::default());
    let service = bench.service().with_heralds(vec![ledger.clone()]);
    service.tidy().await.unwrap();
    service.announce().await;
    grow(&service, &stream, MIB).await;
    service.notice().await;
    service.announce().await;
    assert_eq!(ledger.heard(), [2]);
}

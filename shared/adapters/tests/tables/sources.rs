//! Tables that are fed: by signals, other tables, streams.

use headwater_core::ids::StreamName;
use headwater_core::ports::{Event, Headers};
use headwater_core::streams::StreamService;
use headwater_core::tables::{KIND, TableStepper};
use headwater_core::tasks::{Budget, Stepper, Worker, WorkerConfig};

use super::*;

/// A process with a worker whose steps look at a source once.
struct Process {
    bench: Bench,
    service: TableService,
    streams: StreamService,
    worker: Worker,
}

impl Process {
    fn new() -> Self {
        Self::over(Bench::new())
    }

    fn over(bench: Bench) -> Self {
        Self::stepping(bench, Duration::ZERO, TableStepper::new)
    }

    fn stepping(bench: Bench, wall: Duration, stepper: impl FnOnce(TableService) -> TableStepper) -> Self {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (bench.clock.clone(), Arc::new(OsEntropy));
        let streams = bench.stores.streams(&clock, &entropy);
        let service = bench.stores.tables(&streams, &clock, &entropy);
        let budget = Budget { records: u64::MAX, bytes: u64::MAX, wall, longest: wall };
        let config = WorkerConfig {
            holder: "test".to_owned(),
            budget,
            lease: Duration::from_secs(30),
            first_pause: Duration::from_millis(10),
            longest_pause: Duration::from_secs(1),
        };
        let stepper: Arc<dyn Stepper> = Arc::new(stepper(service.clone()));
        let worker = Worker::new(bench.stores.tasks(&clock), Arc::clone(&bench.stores.queue), clock, [(KIND, stepper)], config);
        Self { bench, service, streams, worker }
    }

    /// Another process over the same stores, after this one has gone without a word.
    async fn again(self) -> Self {
        let next = Self::over(self.bench);
        let clock: Arc<dyn Clock> = next.bench.clock.clone();
        next.bench.stores.tasks(&clock).recover().await.unwrap();
        next
    }

    /// Lets so many milliseconds pass, and all steps happen that are due in them.
    async fn pass(&self, millis: u64) {
        for _ in 0..millis.div_ceil(10).max(1) {
            while let Some(delivery) = self.worker.receive(Duration::ZERO).await.unwrap() {
                self.worker.handle(&delivery).await.unwrap();
            }
            self.bench.advance(Duration::from_millis(10));
        }
    }

    async fn values(&self, table: &str) -> Vec<f64> {
        all(&self.service, table).await.into_iter().map(|(_, value)| value.as_f64().unwrap()).collect()
    }

    async fn finished(&self, table: &str) -> bool {
        self.service.describe(&name(table)).await.unwrap().finished
    }

    async fn stream(&self, id: &str) {
        self.streams.create(&stream(id), b"").await.unwrap();
    }

    async fn send(&self, id: &str, headers: &[(&str, &str)], body: &str) {
        let stream = self.streams.get(&stream(id)).await.unwrap();
        let headers: Vec<(String, String)> = headers.iter().map(|(name, value)| (name.to_lowercase(), (*value).to_owned())).collect();
        let headers = Headers::from(headers);
        let event = Event { headers, body: body.to_owned().into() };
        self.bench.stores.log.append(&stream.log, vec![event], None).await.unwrap();
    }

    async fn tasks(&self) -> usize {
        let clock: Arc<dyn Clock> = self.bench.clock.clone();
        self.bench.stores.tasks(&clock).all().await.unwrap().len()
    }
}

fn stream(id: &str) -> StreamName {
    StreamName { namespace: "default".try_into().unwrap(), stream: id.try_into().unwrap() }
}

fn sine(rate: u32, more: &Value) -> Value {
    let mut signal = json!({"sine": {"frequency": 10, "amplitude": 0.5}});
    signal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"element": "sample", "sampleRate": rate, "source": {"signal": signal}})
}

#[tokio::test]
async fn a_signal_of_a_length_is_there_at_once_and_finished() {
    let process = Process::new();
    define(&process.service, "t", sine(1000, &json!({"length": "1200s"}))).await;
    process.pass(2000).await;
    assert!(process.finished("t").await);
    let values = process.values("t").await;
    assert_eq!(values.len(), 1_200_000);
    for number in [0_usize, 1, 25, 599_999, 1_199_999] {
        let wanted = 0.5 * (2.0 * std::f64::consts::PI * 10.0 * (number % 100) as f64 / 1000.0).cos();
        assert!((values[number] - wanted).abs() < 1e-9, "sample {number}");
    }
    assert_eq!(process.tasks().await, 0, "nobody steps it any more");
}

#[tokio::test]
async fn where_looking_costs_something_it_is_done_seldom() {
    let stepper = |service| TableStepper::new(service).looking_every(Duration::from_secs(5));
    let process = Process::stepping(Bench::new(), Duration::from_secs(10), stepper);
    define(&process.service, "t", sine(1000, &json!({}))).await;
    let mut seen = Vec::new();
    for _ in 0..8 {
        process.pass(2000).await;
        let rows = process.values("t").await.len();
        assert_eq!(rows % 1000 / 100, 0, "{rows} samples, after looks that are five seconds apart");
        seen.push(rows / 1000);
    }
    assert_eq!(seen, [0, 0, 5, 5, 5, 10, 10, 15]);
}

#[tokio::test]
async fn an_endless_signal_keeps_time_and_goes_on_after_an_interruption() {
    let mut process = Process::new();
    define(&process.service, "t", sine(1000, &json!({}))).await;
    process.pass(3000).await;
    let before = process.values("t").await.len();
    assert!((2700..=3000).contains(&before), "{before} samples in three seconds");
    // A minute is caught up with.
    process.bench.advance(Duration::from_secs(60));
    process = process.again().await;
    process.pass(1000).await;
    let caught_up = process.values("t").await.len();
    assert!((63_700..=64_100).contains(&caught_up), "{caught_up} samples after a minute");
    // After an hour it goes on where it was.
    process.bench.advance(Duration::from_secs(3600));
    process = process.again().await;
    process.pass(2000).await;
    let values = process.values("t").await;
    assert!((caught_up + 1500..=caught_up + 2500).contains(&values.len()), "{} samples after an hour", values.len());
    for (number, value) in values.iter().enumerate() {
        let wanted = 0.5 * (2.0 * std::f64::consts::PI * (number % 100) as f64 / 100.0).cos();
        assert!((value - wanted).abs() < 1e-9, "sample {number}");
    }
    process.service.finish(&name("t")).await.unwrap();
    process.pass(1000).await;
    assert_eq!(process.values("t").await.len(), values.len());
    assert_eq!(process.tasks().await, 0);
}

#[tokio::test]
async fn a_derived_table_follows_keeps_its_own_and_ends_with_its_source() {
    let process = Process::new();
    define(&process.service, "base", json!({"element": "sample", "sampleRate": 1000, "retention": "1s"})).await;
    push_samples(&process.service, "base", (0..10).map(f64::from).collect()).await.unwrap();
    let windows = json!([{"window": {"size": 4, "step": 2}}]);
    define(
        &process.service,
        "derived",
        json!({"element": "sample", "retention": "1h", "operations": windows, "source": {"table": "base"}}),
    )
    .await;
    define(
        &process.service,
        "third",
        json!({"element": "sample", "operations": [{"fft": {"binCount": 4}}], "source": {"table": "derived"}}),
    )
    .await;
    process.pass(1000).await;
    let rows = all(&process.service, "derived").await;
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [0, 2_000_000, 4_000_000, 6_000_000]);
    assert_eq!(rows[3].1["elements"], json!([6.0, 7.0, 8.0, 9.0]));
    let spectra = all(&process.service, "third").await;
    assert_eq!((spectra.len(), &spectra[1].1["index"], &spectra[1].1["time"]), (4, &json!(1), &json!(2_000_000)));
    // The source forgets what the derived table keeps.
    push_samples(&process.service, "base", (10..4001).map(f64::from).collect()).await.unwrap();
    process.pass(2000).await;
    assert_eq!(process.values("base").await.len(), 1000);
    assert_eq!(all(&process.service, "derived").await.len(), 1999);
    process.service.finish(&name("base")).await.unwrap();
    process.pass(2000).await;
    assert!(process.finished("derived").await && process.finished("third").await);
    assert_eq!(all(&process.service, "derived").await.last().unwrap().1["elements"], json!([4000.0]));
    assert_eq!(process.tasks().await, 0);
}

#[tokio::test]
async fn a_table_whose_source_has_a_past_begins_with_what_is_kept_of_it() {
    let process = Process::new();
    define(&process.service, "base", json!({"element": "sample", "sampleRate": 1000, "retention": "10ms"})).await;
    push_samples(&process.service, "base", (0..100).map(f64::from).collect()).await.unwrap();
    define(&process.service, "derived", json!({"element": "sample", "source": {"table": "base"}})).await;
    process.pass(500).await;
    let rows = all(&process.service, "derived").await;
    assert_eq!(rows, (90..100).map(|number| (number * 1_000_000, json!(number as f64))).collect::<Vec<_>>());
    process.service.remove(&name("base")).await.unwrap();
    process.pass(2000).await;
    assert!(process.finished("derived").await, "what it was fed by is gone");
    assert_eq!(all(&process.service, "derived").await.len(), 10);
}

#[tokio::test]
async fn a_table_that_falls_behind_its_source_begins_anew() {
    let process = Process::new();
    define(&process.service, "base", json!({"element": "vector", "sampleRate": 1000, "retention": "1s"})).await;
    let vector = |value: f64| json!(vec![value; 10]);
    push(&process.service, "base", &[vector(0.0), vector(1.0)]).await.unwrap();
    define(&process.service, "derived", json!({"element": "vector", "retention": "30d", "source": {"table": "base"}})).await;
    process.pass(500).await;
    // Large enough that chunks really go.
    for round in 0..40 {
        let many: Vec<Value> = (0..1000).map(|number| vector(f64::from(round * 1000 + number) + 0.1)).collect();
        push(&process.service, "base", &many).await.unwrap();
    }
    process.pass(3000).await;
    let (base, derived) = (all(&process.service, "base").await, all(&process.service, "derived").await);
    assert_eq!(derived[derived.len() - base.len()..], base[..], "the same elements at the same moments");
    assert!(derived.windows(2).all(|pair| pair[1].0 - pair[0].0 == 10_000_000), "there is no hole");
}

#[tokio::test]
async fn numbers_of_events_become_samples_once() {
    let mut process = Process::new();
    process.stream("s").await;
    process.send("s", &[], r#"{"t": 1.5}"#).await;
    let source = json!({"stream": {"stream": "s", "field": "t"}});
    define(&process.service, "t", json!({"element": "sample", "sampleRate": 10, "source": source})).await;
    let nested = json!({"stream": {"stream": "s", "field": "deep.er", "headers": {"Kind": "a"}}});
    define(&process.service, "nested", json!({"element": "sample", "sampleRate": 10, "source": nested})).await;
    process.pass(500).await;
    assert_eq!(process.values("t").await, [1.5]);
    for number in 0..200 {
        process
            .send("s", &[("kind", if number % 2 == 0 { "a" } else { "b" })], &format!(r#"{{"t": {number}, "deep": {{"er": {number}}}}}"#))
            .await;
        process.send("s", &[], r#"{"u": 3}"#).await;
        process.send("s", &[], "no JSON").await;
        if number % 50 == 7 {
            process = process.again().await;
        }
        process.pass(30).await;
    }
    process.pass(3000).await;
    assert_eq!(process.values("t").await, std::iter::once(1.5).chain((0..200).map(f64::from)).collect::<Vec<_>>());
    assert_eq!(process.values("nested").await, (0..200).step_by(2).map(f64::from).collect::<Vec<_>>());
    assert_eq!(all(&process.service, "t").await[2].0, 200_000_000);
}

#[tokio::test]
async fn by_their_time_numbers_hold_until_the_next_one() {
    let process = Process::new();
    process.stream("s").await;
    let source = json!({"stream": {"stream": "s", "field": "v", "time": "event"}});
    define(&process.service, "t", json!({"element": "sample", "sampleRate": 10, "retention": "1h", "source": source})).await;
    // At 0, 250, 260, 1000 ms.
    for (pause, value) in [(250_u64, 1), (10, 2), (740, 3), (0, 4)] {
        process.send("s", &[], &format!(r#"{{"v": {value}}}"#)).await;
        process.bench.advance(Duration::from_millis(pause));
    }
    process.pass(500).await;
    assert_eq!(process.values("t").await, [1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
    // A silence that is longer than what is kept leaves what is kept.
    process.bench.advance(Duration::from_secs(3600 * 24 * 30));
    process.send("s", &[], r#"{"v": 5}"#).await;
    process.pass(2000).await;
    let values = process.values("t").await;
    assert!(values.iter().all(|value| *value == 4.0));
    assert_eq!(values.len(), 36_000);
}

#[tokio::test]
async fn a_stream_that_is_gone_is_said_and_waited_for() {
    let process = Process::new();
    process.stream("s").await;
    let source = json!({"stream": {"stream": "s", "field": "v"}});
    define(&process.service, "t", json!({"element": "sample", "source": source})).await;
    process.send("s", &[], r#"{"v": 1}"#).await;
    process.pass(1000).await;
    process.streams.delete(&stream("s")).await.unwrap();
    process.pass(3000).await;
    let trouble = process.service.describe(&name("t")).await.unwrap().trouble;
    assert!(trouble.as_ref().is_some_and(|trouble| trouble.contains("default.s")), "{trouble:?}");
    process.stream("s").await;
    process.send("s", &[], r#"{"v": 2}"#).await;
    process.pass(3000).await;
    assert_eq!(process.values("t").await, [1.0, 2.0]);
    assert_eq!(process.service.describe(&name("t")).await.unwrap().trouble, None);
}

#[tokio::test]
async fn a_source_that_is_not_there_or_does_not_fit_is_refused_by_name() {
    let process = Process::new();
    define(&process.service, "base", json!({"element": "sample", "sampleRate": 1000, "operations": [{"window": {"size": 4}}]})).await;
    for (definition, named) in [
        (json!({"element": "sample", "source": {"table": "nope"}}), "source.table: nope is not found"),
        (json!({"element": "vector", "source": {"table": "base"}}), "element: must be sample"),
        (json!({"element": "sample", "sampleRate": 10, "source": {"table": "base"}}), "sampleRate: must be 1000"),
        (
            json!({"element": "sample", "operations": [{"fft": {"binCount": 2}}], "source": {"table": "base"}}),
            "must not be less than the window",
        ),
        (json!({"element": "sample", "source": {"stream": {"stream": "nope", "field": "x"}}}), "default.nope"),
    ] {
        let refused = process.service.define(&name("t"), parsed(&definition)).await.unwrap_err();
        assert!(matches!(&refused, TableError::Unfit(message) if message.contains(named)), "{refused}");
    }
    assert_eq!(process.service.list().await.unwrap().len(), 1);
    assert_eq!(process.tasks().await, 0);
}

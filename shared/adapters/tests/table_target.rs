//! Jobs into tables, over stores in memory, with a clock that stands still.
#![allow(missing_docs, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::datagen::{DatagenService, DatagenStepper, KIND, Report, Stock};
use headwater_core::ids::{TableName, TaskId};
use headwater_core::ports::{
    Batch, Clock, Committed, Delivery, Entropy, Etag, Key, Owner, Receipt, Sink, SinkError, StepMessage, Targets, Timestamp,
};
use headwater_core::tables::{Definition, Row, Selection, TableService, TimeMeasure};
use headwater_core::targets::Target;
use headwater_core::tasks::{Budget, StepContext, StepResult, Stepper, Task, TaskError, Worker, WorkerConfig};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::Notify;

const LEASE: Duration = Duration::from_secs(60);

struct Bench {
    stores: Stores,
    clock: Arc<ManualClock>,
    tables: TableService,
    targets: Arc<dyn Targets>,
    jobs: DatagenService,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let (port, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (clock.clone(), Arc::new(OsEntropy));
        let stores = Stores::in_memory(&port);
        let streams = stores.streams(&port, &entropy);
        let tables = stores.tables(&streams, &port, &entropy);
        let targets = TargetSet::new(Arc::clone(&stores.files), OutboundHosts::default()).with_streams(streams).with_tables(tables.clone());
        let targets: Arc<dyn Targets> = Arc::new(targets);
        let jobs = stores.datagen(Arc::new(Stock), Arc::clone(&targets), &port, &entropy);
        Self { stores, clock, tables, targets, jobs }
    }

    async fn define(&self, table: &str, definition: &Value) {
        let definition = Definition::parse(definition.to_string().as_bytes()).unwrap();
        self.tables.define(&name(table), definition).await.unwrap();
    }

    async fn sink(&self, target: &Value, writer: &str, committed: u64) -> Result<Box<dyn Sink>, SinkError> {
        let committed = Committed { records: committed, bytes: 0 };
        self.targets.open(&Target::parse(target).unwrap(), &Owner(writer.to_owned()), committed).await
    }

    async fn rows(&self, table: &str) -> Vec<Row> {
        let all = Selection::Range { from: TimeMeasure::from_nanos(0), to: TimeMeasure::from_nanos(i64::MAX) };
        let mut reader = self.tables.rows(&name(table), all).await.unwrap();
        let mut rows = Vec::new();
        while let Some(some) = reader.next().await.unwrap() {
            rows.extend(some.into_iter().map(|(_, row)| row));
        }
        rows
    }

    async fn samples(&self, table: &str) -> Vec<f64> {
        let sample = |row| match row {
            Row::Sample(sample) => sample,
            other => panic!("{other:?} is no sample"),
        };
        self.rows(table).await.into_iter().map(sample).collect()
    }

    fn stepper(&self) -> DatagenStepper {
        DatagenStepper::new(Arc::clone(&self.targets), self.clock.clone(), 8)
    }

    /// A worker of its own process, whose steps have so many records.
    fn worker(&self, holder: &str, records: u64) -> Worker {
        self.worker_with(holder, records, Arc::new(self.stepper()))
    }

    fn worker_with(&self, holder: &str, records: u64, stepper: Arc<dyn Stepper>) -> Worker {
        let config = WorkerConfig {
            holder: holder.to_owned(),
            budget: Budget { records, bytes: u64::MAX, wall: Duration::from_secs(3600), longest: Duration::MAX },
            lease: LEASE,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(8),
        };
        let tasks = self.stores.tasks(&(self.clock.clone() as Arc<dyn Clock>));
        Worker::new(tasks, Arc::clone(&self.stores.queue), self.clock.clone(), [(KIND, stepper)], config)
    }

    async fn start(&self, target: &Value, total_events: u64) -> Result<String, String> {
        let job = json!({"name": "j", "target": target, "config_file": "iot/sensors.json", "total_events": total_events, "seed": 9,
                         "time_type": "2100-01-01", "concurrency": 20});
        self.jobs.start(&job).await.map_err(|error| format!("{error:?}"))?;
        let listed = self.stores.documents.list(&Key::root("tasks"), None, 10).await.unwrap();
        Ok(listed.last().unwrap().key.as_str().rsplit('/').next().unwrap().to_owned())
    }

    async fn report(&self) -> Report {
        self.jobs.status("j").await.unwrap().unwrap()
    }
}

fn name(text: &str) -> TableName {
    TableName::try_from(text).unwrap()
}

fn delivery(task: &str) -> Delivery {
    Delivery { message: StepMessage { task: task.try_into().unwrap(), step: 0 }, receipt: Receipt("none".to_owned()), attempt: 2 }
}

fn batch(records: &[Value]) -> Batch {
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    for record in records {
        text.extend(record.to_string().into_bytes());
        text.push(b'\n');
        ends.push(u32::try_from(text.len()).unwrap());
    }
    Batch { text: Bytes::from(text), ends }
}

fn fatal<T: std::fmt::Debug>(outcome: Result<T, SinkError>) -> String {
    match outcome {
        Err(SinkError::Fatal(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_member_of_each_record_becomes_a_sample() {
    let bench = Bench::new();
    bench.define("t", &json!({"element": "sample", "sampleRate": 10})).await;
    let mut sink = bench.sink(&json!({"type": "table", "table": "t", "field": "a.b"}), "w", 0).await.unwrap();
    let records =
        [json!({"a": {"b": 1}}), json!({"a": {"b": -2.5}, "x": 1}), json!({"a": {"b": "3"}}), json!({"b": 4}), json!({"a.b": 1e300})];
    sink.write(&batch(&records)).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(sink.committed().records, 5, "records without the number count as records");
    assert_eq!(bench.samples("t").await, [1.0, -2.5, 1e300]);
    let before = bench.stores.documents.get(&Key::root("tables").child("t").unwrap()).await.unwrap();
    sink.flush().await.unwrap();
    sink.finish().await.unwrap();
    let after = bench.stores.documents.get(&Key::root("tables").child("t").unwrap()).await.unwrap();
    assert_eq!(before, after, "a flush of nothing writes");
}

#[tokio::test]
async fn whole_records_become_objects() {
    let bench = Bench::new();
    bench.define("t", &json!({"element": "json", "sampleRate": 10, "measure": 3})).await;
    let mut sink = bench.sink(&json!({"type": "table", "table": "t"}), "w", 0).await.unwrap();
    let records = [json!({"a": "é\"", "n": 1.50}), json!({})];
    sink.write(&batch(&records)).await.unwrap();
    assert!(bench.rows("t").await.is_empty());
    sink.flush().await.unwrap();
    let texts = bench.rows("t").await.into_iter().map(|row| match row {
        Row::Json(text) => serde_json::from_slice::<Value>(&text).unwrap(),
        other => panic!("{other:?} is no object"),
    });
    assert_eq!(texts.collect::<Vec<_>>(), records);
    assert_eq!(bench.tables.describe(&name("t")).await.unwrap().last_marker, Some(300_000_000));
}

#[tokio::test]
async fn much_is_appended_before_the_flush() {
    let bench = Bench::new();
    bench.define("t", &json!({"element": "json"})).await;
    let mut sink = bench.sink(&json!({"type": "table", "table": "t"}), "w", 0).await.unwrap();
    let record = json!({"text": "x".repeat(100_000)});
    for _ in 0..3 {
        sink.write(&batch(&vec![record.clone(); 5])).await.unwrap();
    }
    let committed = sink.committed().records;
    assert!((10..15).contains(&committed), "{committed} records of 100 kB are appended");
    assert_eq!(bench.rows("t").await.len() as u64, committed);
    sink.flush().await.unwrap();
    assert_eq!((bench.rows("t").await.len(), sink.committed().records), (15, 15));
}

#[tokio::test]
async fn what_a_table_does_not_take_is_refused_at_the_start() {
    let bench = Bench::new();
    bench.define("samples", &json!({"element": "sample"})).await;
    bench.define("objects", &json!({"element": "json"})).await;
    bench.define("fed", &json!({"element": "sample", "source": {"table": "samples"}})).await;
    bench.define("over", &json!({"element": "sample"})).await;
    bench.tables.finish(&name("over")).await.unwrap();
    for (target, problem) in [
        (json!({"type": "table", "table": "none", "field": "x"}), "none is not found"),
        (json!({"type": "table", "table": "samples"}), "without a field it must be json"),
        (json!({"type": "table", "table": "objects", "field": "x"}), "with a field it must be sample"),
        (json!({"type": "table", "table": "fed", "field": "x"}), "takes its elements from the table samples"),
        (json!({"type": "table", "table": "over", "field": "x"}), "over is finished"),
    ] {
        let said = bench.start(&target, 10).await.unwrap_err();
        assert!(said.contains(problem), "{target}: {said}");
        let said = fatal(bench.sink(&target, "w", 0).await);
        assert!(said.contains(problem), "{target}: {said}");
    }
    assert!(bench.jobs.status("j").await.unwrap().is_none(), "a refused start changed something");
    let without = TargetSet::new(Arc::clone(&bench.stores.files), OutboundHosts::default());
    assert!(without.supports(&Target::parse(&json!({"type": "table", "table": "t"})).unwrap()).is_err());
}

#[tokio::test]
async fn a_job_ends_when_its_table_does() {
    for removed in [true, false] {
        let bench = Bench::new();
        bench.define("t", &json!({"element": "json"})).await;
        let task = bench.start(&json!({"type": "table", "table": "t"}), 3000).await.unwrap();
        let worker = bench.worker("w", 1000);
        worker.handle(&delivery(&task)).await.unwrap();
        assert_eq!((bench.report().await.total_records, bench.rows("t").await.len()), (1000, 1000));
        if removed {
            bench.tables.remove(&name("t")).await.unwrap();
            bench.define("t", &json!({"element": "json"})).await;
        } else {
            bench.tables.finish(&name("t")).await.unwrap();
        }
        worker.handle(&delivery(&task)).await.unwrap();
        let (report, left) = (bench.report().await, bench.rows("t").await.len());
        let said = if removed { "t has been removed, and another one was made" } else { "t is finished" };
        assert!(report.status == "FAILED" && report.status_msg.contains(said), "{report:?}");
        assert_eq!(left, if removed { 0 } else { 1000 });
    }
}

/// Makes a step to its end and then never returns from it, like a process that is killed before it commits.
#[derive(Debug)]
struct DiesBeforeCommit {
    stepper: DatagenStepper,
    dying: Arc<Notify>,
}

#[async_trait]
impl Stepper for DiesBeforeCommit {
    async fn step(&self, task: &Task, context: StepContext<'_>) -> Result<StepResult, TaskError> {
        self.stepper.step(task, context).await?;
        self.dying.notify_one();
        std::future::pending().await
    }

    fn committed(&self, _: &Task, _: &Etag) {}

    fn forget(&self, _: &TaskId) {}
}

/// Of a job: every record of the specification that has a temperature.
async fn undisturbed(total_events: u64) -> Vec<f64> {
    let bench = Bench::new();
    bench.define("t", &json!({"element": "sample"})).await;
    let task = bench.start(&json!({"type": "table", "table": "t", "field": FIELD}), total_events).await.unwrap();
    let worker = bench.worker("w", 100_000);
    while bench.report().await.status == "RUNNING" {
        worker.handle(&delivery(&task)).await.unwrap();
    }
    bench.samples("t").await
}

const FIELD: &str = "temperature";

#[tokio::test]
async fn a_job_whose_workers_die_fills_a_table_as_one_that_is_left_alone_does() {
    let wanted = undisturbed(5000).await;
    assert!((500..5000).contains(&wanted.len()), "{} records have the member: some should, and some should not", wanted.len());
    let bench = Bench::new();
    bench.define("t", &json!({"element": "sample"})).await;
    let task = bench.start(&json!({"type": "table", "table": "t", "field": FIELD}), 5000).await.unwrap();
    // The table has what a step wrote whose worker died before it could commit, and the next one cuts otherwise.
    for records in [700, 1300, 400, 2000, 900] {
        let (dying, delivery) = (Arc::new(Notify::new()), delivery(&task));
        let worker = bench.worker_with("dies", records, Arc::new(DiesBeforeCommit { stepper: bench.stepper(), dying: Arc::clone(&dying) }));
        tokio::select! {
            handled = worker.handle(&delivery) => panic!("it did not die: {handled:?}"),
            () = dying.notified() => {}
        }
        bench.clock.advance(LEASE * 2);
        bench.worker("lives", 600).handle(&delivery).await.unwrap();
    }
    assert_eq!(bench.report().await.total_records, 3000);
    while bench.report().await.status == "RUNNING" {
        bench.worker("last", 1000).handle(&delivery(&task)).await.unwrap();
    }
    assert_eq!(bench.report().await.status, "COMPLETE");
    assert_eq!(bench.samples("t").await, wanted);
}

#[tokio::test]
async fn several_writers_keep_their_own_numbers() {
    let bench = Bench::new();
    bench.define("t", &json!({"element": "sample"})).await;
    let target = json!({"type": "table", "table": "t", "field": "n"});
    let numbers = |from: u64| -> Vec<Value> { (from..from + 10).map(|n| json!({"n": n})).collect() };
    for writer in ["one", "two"] {
        for committed in [0, 0, 10] {
            let mut sink = bench.sink(&target, writer, committed).await.unwrap();
            sink.write(&batch(&numbers(committed))).await.unwrap();
            sink.flush().await.unwrap();
            assert_eq!(sink.committed().records, committed + 10);
        }
    }
    let once: Vec<f64> = (0..20).map(f64::from).collect();
    assert_eq!(bench.samples("t").await, [once.clone(), once].concat());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Attempts begin where anybody may believe that the writer stands, write any batches and break off anywhere.
    #[test]
    fn however_a_task_is_repeated_every_number_is_there_once(
        has in prop::collection::vec(any::<bool>(), 1..60),
        attempts in prop::collection::vec((0.0..1.0_f64, prop::collection::vec((1..20_usize, any::<bool>()), 0..6)), 0..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            bench.define("t", &json!({"element": "sample"})).await;
            let target = json!({"type": "table", "table": "t", "field": "n"});
            let records: Vec<Value> =
                has.iter().enumerate().map(|(n, has)| if *has { json!({"n": n}) } else { json!({"other": n}) }).collect();
            let mut reached = 0;
            let everything = (1.0, vec![(records.len(), true)]);
            for (start, batches) in attempts.into_iter().chain([everything]) {
                let mut at = ((reached as f64) * start) as usize;
                let mut sink = bench.sink(&target, "w", at as u64).await.unwrap();
                for (count, flushes) in batches {
                    let until = records.len().min(at + count);
                    sink.write(&batch(&records[at..until])).await.unwrap();
                    at = until;
                    if flushes {
                        sink.flush().await.unwrap();
                        prop_assert_eq!(sink.committed().records, at as u64);
                        reached = reached.max(at);
                    }
                }
            }
            let wanted: Vec<f64> = has.iter().enumerate().filter(|(_, has)| **has).map(|(n, _)| n as f64).collect();
            prop_assert_eq!(bench.samples("t").await, wanted);
            Ok(())
        })?;
    }
}

//! Jobs stepped by hand over stores in memory, with a clock that stands still: leases, stops, lost commits, obstacles.
#![allow(missing_docs, reason = "tests")]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt as _;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::datagen::{DatagenService, DatagenStepper, KIND, Report, Stock};
use headwater_core::ids::FileName;
use headwater_core::mistakes::Mistake;
use headwater_core::ports::{
    Batch, Clock, Committed, Delivery, Entropy, Etag, Owner, Receipt, Sink, SinkError, StepMessage, Targets, Timestamp,
};
use headwater_core::targets::Target;
use headwater_core::tasks::{Budget, Stepper, TaskStore, Worker, WorkerConfig};
use serde_json::{Value, json};
use tokio::sync::Notify;

const LEASE: Duration = Duration::from_secs(60);

struct Bench {
    stores: Stores,
    clock: Arc<ManualClock>,
    service: DatagenService,
    tasks: TaskStore,
    targets: Arc<dyn Targets>,
}

impl Bench {
    fn new() -> Self {
        Self::with_targets(|stores| Arc::new(TargetSet::new(Arc::clone(&stores.files), OutboundHosts::default())))
    }

    fn with_targets(targets: impl Fn(&Stores) -> Arc<dyn Targets>) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let port: Arc<dyn Clock> = clock.clone();
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let stores = Stores::in_memory(&port);
        let targets = targets(&stores);
        let service = stores.datagen(Arc::new(Stock), Arc::clone(&targets), &port, &entropy);
        let tasks = stores.tasks(&port);
        Self { stores, clock, service, tasks, targets }
    }

    /// A worker of its own process: nothing in memory from other workers.
    fn worker(&self, holder: &str) -> Worker {
        self.worker_with(holder, Arc::new(DatagenStepper::new(Arc::clone(&self.targets), self.clock.clone(), 8)))
    }

    fn worker_with(&self, holder: &str, stepper: Arc<dyn Stepper>) -> Worker {
        let config = WorkerConfig {
            holder: holder.to_owned(),
            budget: Budget { records: 1000, bytes: u64::MAX, wall: Duration::from_secs(3600), longest: Duration::MAX },
            lease: LEASE,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(8),
        };
        Worker::new(self.tasks.clone(), Arc::clone(&self.stores.queue), self.clock.clone(), [(KIND, stepper)], config)
    }

    async fn start(&self, target: Value, total_events: u64) -> String {
        let job = json!({"name": "j", "target": target, "config_file": "clickstream/clickstream.json", "total_events": total_events, "seed": 9,
                         "time_type": "2100-01-01", "concurrency": 20});
        self.service.start(&job).await.unwrap();
        self.task().await
    }

    /// The id of the only task.
    async fn task(&self) -> String {
        let root = headwater_core::ports::Key::root("tasks");
        let listed = self.stores.documents.list(&root, None, 10).await.unwrap();
        listed.last().unwrap().key.as_str().rsplit('/').next().unwrap().to_owned()
    }

    async fn report(&self) -> Report {
        self.service.status("j").await.unwrap().unwrap()
    }

    async fn file(&self) -> Vec<u8> {
        let name = FileName::try_from("j.json").unwrap();
        let length = self.stores.files.info(&name).await.unwrap().unwrap().length;
        let pieces: Vec<bytes::Bytes> = self.stores.files.read(&name, 0..length).await.unwrap().try_collect().await.unwrap();
        pieces.concat()
    }
}

fn delivery(task: &str) -> Delivery {
    // One that comes again is honoured wherever the task stands.
    Delivery { message: StepMessage { task: task.try_into().unwrap(), step: 0 }, receipt: Receipt("none".to_owned()), attempt: 2 }
}

fn to_file() -> Value {
    json!({"type": "file", "path": "j.json"})
}

async fn undisturbed(total_events: u64) -> Vec<u8> {
    let bench = Bench::new();
    let task = bench.start(to_file(), total_events).await;
    let worker = bench.worker("w");
    while bench.report().await.status == "RUNNING" {
        worker.handle(&delivery(&task)).await.unwrap();
    }
    bench.file().await
}

#[tokio::test]
async fn a_job_may_change_workers_at_every_step() {
    let bench = Bench::new();
    let task = bench.start(to_file(), 4500).await;
    let mut steps = 0;
    while bench.report().await.status == "RUNNING" {
        bench.worker(&format!("w{steps}")).handle(&delivery(&task)).await.unwrap();
        steps += 1;
        assert_eq!(bench.report().await.total_records, (steps * 1000).min(4500));
    }
    assert_eq!((steps, bench.report().await.status), (5, "COMPLETE"));
    assert_eq!(bench.file().await, undisturbed(4500).await);
}

#[tokio::test]
async fn a_message_delivered_twice_does_not_show() {
    let bench = Bench::new();
    let task = bench.start(to_file(), 3000).await;
    let (one, other) = (bench.worker("one"), bench.worker("other"));
    for _ in 0..6 {
        one.handle(&delivery(&task)).await.unwrap();
        other.handle(&delivery(&task)).await.unwrap();
    }
    assert_eq!(bench.file().await, undisturbed(3000).await);
}

/// Does every other step to its end and then never returns from it, like a process that is killed before it commits: the output
/// is there, the document is not.
#[derive(Debug)]
struct DiesBeforeCommit {
    stepper: DatagenStepper,
    steps: AtomicU32,
    dying: Arc<Notify>,
}

/// A worker that dies in every other step, beginning with the first.
struct Mortal {
    worker: Worker,
    dying: Arc<Notify>,
}

impl Mortal {
    fn new(bench: &Bench) -> Self {
        let dying = Arc::new(Notify::new());
        let stepper = DatagenStepper::new(Arc::clone(&bench.targets), bench.clock.clone(), 8);
        let stepper = DiesBeforeCommit { stepper, steps: AtomicU32::new(0), dying: Arc::clone(&dying) };
        Self { worker: bench.worker_with("mortal", Arc::new(stepper)), dying }
    }

    /// Handles a delivery; whether it died of it.
    async fn dies_of(&self, task: &str) -> bool {
        let delivery = delivery(task);
        tokio::select! {
            handled = self.worker.handle(&delivery) => { handled.unwrap(); false }
            () = self.dying.notified() => true,
        }
    }
}

#[async_trait]
impl Stepper for DiesBeforeCommit {
    async fn step(
        &self,
        task: &headwater_core::tasks::Task,
        context: headwater_core::tasks::StepContext<'_>,
    ) -> Result<headwater_core::tasks::StepResult, headwater_core::tasks::TaskError> {
        let result = self.stepper.step(task, context).await?;
        if self.steps.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            self.stepper.forget(&task.id);
            self.dying.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(result)
    }

    fn committed(&self, task: &headwater_core::tasks::Task, etag: &Etag) {
        self.stepper.committed(task, etag);
    }

    fn forget(&self, id: &headwater_core::ids::TaskId) {
        self.stepper.forget(id);
    }
}

#[tokio::test]
async fn output_of_a_step_that_was_not_committed_is_cut_off() {
    let bench = Bench::new();
    let task = bench.start(to_file(), 3500).await;
    let worker = Mortal::new(&bench);
    let mut deaths = 0;
    while bench.report().await.status == "RUNNING" {
        deaths += u32::from(worker.dies_of(&task).await);
        bench.clock.advance(LEASE * 2); // The dead worker's lease lapses.
    }
    assert_eq!(deaths, 4);
    assert_eq!(bench.file().await, undisturbed(3500).await);
}

#[tokio::test]
async fn a_lease_keeps_others_away_until_it_lapses() {
    let bench = Bench::new();
    let task = bench.start(to_file(), 3000).await;
    assert!(Mortal::new(&bench).dies_of(&task).await);
    bench.worker("other").handle(&delivery(&task)).await.unwrap();
    assert_eq!(bench.report().await.total_records, 0);
    bench.clock.advance(LEASE * 2);
    bench.worker("other").handle(&delivery(&task)).await.unwrap();
    assert_eq!(bench.report().await.total_records, 1000);
}

#[tokio::test]
async fn recovery_lapses_the_leases_of_a_dead_process_at_once() {
    let bench = Bench::new();
    let task = bench.start(to_file(), 3000).await;
    assert!(Mortal::new(&bench).dies_of(&task).await);
    assert_eq!(bench.tasks.recover().await.unwrap(), 1);
    let worker = bench.worker("next");
    while let Some(delivery) = worker.receive(Duration::ZERO).await.unwrap() {
        worker.handle(&delivery).await.unwrap();
    }
    assert_eq!(bench.report().await.status, "COMPLETE");
    assert_eq!(bench.file().await, undisturbed(3000).await);
}

#[tokio::test]
async fn a_start_that_was_broken_off_before_its_name_was_taken_leaves_nothing() {
    let bench = Bench::new();
    bench.start(to_file(), 100).await;
    bench.service.remove_unclaimed(Duration::ZERO).await.unwrap();
    assert_eq!(bench.tasks.all().await.unwrap().len(), 1);
    let jobs = headwater_core::ports::Key::root("datagen/jobs");
    bench.stores.documents.delete(&jobs.child("j").unwrap(), headwater_core::ports::Condition::Any).await.unwrap();
    bench.service.remove_unclaimed(Duration::ZERO).await.unwrap();
    assert_eq!(bench.tasks.all().await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_start_that_was_broken_off_before_its_file_was_made_runs() {
    let bench = Bench::new();
    let task = bench.start(to_file(), 100).await;
    bench.stores.files.delete(&FileName::try_from("j.json").unwrap()).await.unwrap();
    bench.worker("w").handle(&delivery(&task)).await.unwrap();
    assert_eq!(bench.file().await, undisturbed(100).await);
}

#[tokio::test]
async fn a_stopped_task_is_removed_with_all_it_stored() {
    let bench = Bench::new();
    let task = bench.start(to_file(), 100_000).await;
    let worker = bench.worker("w");
    worker.handle(&delivery(&task)).await.unwrap();
    bench.service.stop("j").await.unwrap();
    let written = bench.file().await;
    worker.handle(&delivery(&task)).await.unwrap();
    assert_eq!(bench.file().await, written);
    for root in ["tasks", "snapshots", "stops", "datagen/jobs"] {
        let left = bench.stores.documents.list(&headwater_core::ports::Key::root(root), None, 10).await.unwrap();
        assert!(left.is_empty(), "{left:?} is left below {root}");
    }
}

/// Fails every other step as a store does that is away for a moment.
#[derive(Debug)]
struct LosesTheStore(DatagenStepper, AtomicU32);

#[async_trait]
impl Stepper for LosesTheStore {
    async fn step(
        &self,
        task: &headwater_core::tasks::Task,
        context: headwater_core::tasks::StepContext<'_>,
    ) -> Result<headwater_core::tasks::StepResult, headwater_core::tasks::TaskError> {
        let result = self.0.step(task, context).await?;
        if self.1.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Err(headwater_core::ports::PortError::unavailable("reading", "away"));
        }
        Ok(result)
    }

    fn committed(&self, task: &headwater_core::tasks::Task, etag: &Etag) {
        self.0.committed(task, etag);
    }

    fn forget(&self, id: &headwater_core::ids::TaskId) {
        self.0.forget(id);
    }
}

#[tokio::test]
async fn a_step_that_lost_the_store_is_repeated_soon() {
    let bench = Bench::new();
    bench.start(to_file(), 3000).await;
    let stepper = LosesTheStore(DatagenStepper::new(Arc::clone(&bench.targets), bench.clock.clone(), 8), AtomicU32::new(0));
    let worker = bench.worker_with("w", Arc::new(stepper));
    let mut handled = 0;
    while bench.report().await.status == "RUNNING" {
        if let Some(delivery) = worker.receive(Duration::ZERO).await.unwrap() {
            worker.handle(&delivery).await.unwrap();
            handled += 1;
        }
        bench.clock.advance(Duration::from_millis(500)); // Far less than a lease.
        assert!(handled < 20, "the job does not get on");
    }
    assert_eq!(handled, 6);
    assert_eq!(bench.file().await, undisturbed(3000).await);
}

/// A target that takes some batches and then fails, and keeps what it took.
#[derive(Debug, Default)]
struct Flaky {
    taken: Arc<Mutex<Vec<u8>>>,
    calls: Arc<AtomicU32>,
}

#[derive(Debug)]
struct FlakySink {
    taken: Arc<Mutex<Vec<u8>>>,
    calls: Arc<AtomicU32>,
    committed: Committed,
}

#[async_trait]
impl Targets for Flaky {
    fn supports(&self, _target: &Target) -> Result<(), Mistake> {
        Ok(())
    }

    async fn prepare(&self, _target: &Target, _owner: &Owner) -> Result<(), SinkError> {
        Ok(())
    }

    async fn open(&self, _target: &Target, _owner: &Owner, committed: Committed) -> Result<Box<dyn Sink>, SinkError> {
        Ok(Box::new(FlakySink { taken: Arc::clone(&self.taken), calls: Arc::clone(&self.calls), committed }))
    }
}

#[async_trait]
impl Sink for FlakySink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        // Takes a part of the batch even when it then fails, as a broker does.
        let whole = call % 3 != 1;
        let records = if whole { batch.len() } else { batch.len() / 3 };
        let bytes = if records == 0 { 0 } else { batch.ends[records - 1] as usize };
        self.taken.lock().unwrap().extend_from_slice(&batch.text[..bytes]);
        self.committed.records += records as u64;
        self.committed.bytes += bytes as u64;
        if whole { Ok(()) } else { Err(SinkError::Retry("the target is down".to_owned())) }
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.committed
    }
}

#[tokio::test]
async fn what_a_failing_target_took_is_not_sent_again() {
    let taken: Arc<Mutex<Vec<u8>>> = Arc::default();
    let bench = Bench::with_targets(|_| Arc::new(Flaky { taken: Arc::clone(&taken), ..Flaky::default() }));
    let task = bench.start(json!({"type": "stdout"}), 20_000).await;
    let worker = bench.worker("w");
    let mut waited = 0;
    while bench.report().await.status == "RUNNING" {
        worker.handle(&delivery(&task)).await.unwrap();
        waited += u32::from(bench.report().await.status_msg == "Waiting, attempt 1: the target is down");
        bench.clock.advance(Duration::from_secs(10));
    }
    assert!(waited > 5, "the job met trouble {waited} times");
    assert_eq!(bench.report().await.total_records, 20_000);
    let wanted = undisturbed(20_000).await;
    assert_eq!(*taken.lock().unwrap(), wanted);
}

/// A target that can never be written.
#[derive(Debug)]
struct Refusing;

#[async_trait]
impl Targets for Refusing {
    fn supports(&self, _target: &Target) -> Result<(), Mistake> {
        Ok(())
    }

    async fn prepare(&self, _target: &Target, _owner: &Owner) -> Result<(), SinkError> {
        Ok(())
    }

    async fn open(&self, _target: &Target, _owner: &Owner, _committed: Committed) -> Result<Box<dyn Sink>, SinkError> {
        Err(SinkError::Fatal("the topic is not ours".to_owned()))
    }
}

#[tokio::test]
async fn a_job_that_cannot_go_on_fails_with_its_reason() {
    let bench = Bench::with_targets(|_| Arc::new(Refusing));
    let task = bench.start(json!({"type": "stdout"}), 10).await;
    bench.worker("w").handle(&delivery(&task)).await.unwrap();
    let report = bench.report().await;
    assert_eq!((report.status, report.status_msg.as_str()), ("FAILED", "Failed: the topic is not ours"));
}

/// A target that refuses a job before it starts, once it is told to.
#[derive(Debug, Default)]
struct Withdrawn(AtomicBool);

#[async_trait]
impl Targets for Withdrawn {
    fn supports(&self, _target: &Target) -> Result<(), Mistake> {
        Ok(())
    }

    async fn prepare(&self, _target: &Target, _owner: &Owner) -> Result<(), SinkError> {
        if self.0.load(Ordering::Relaxed) { Err(SinkError::Fatal("it is gone".to_owned())) } else { Ok(()) }
    }

    async fn open(&self, _target: &Target, _owner: &Owner, _committed: Committed) -> Result<Box<dyn Sink>, SinkError> {
        Err(SinkError::Retry("it is far away".to_owned()))
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_started_again_keeps_its_name_and_its_file() {
    let targets = Arc::new(Withdrawn::default());
    let bench = Bench::with_targets(|_| Arc::clone(&targets) as _);
    let task = bench.start(to_file(), 10).await;
    targets.0.store(true, Ordering::Relaxed);
    let refused = bench.service.start_again("j").await.unwrap_err();
    assert_eq!(refused.to_string(), "target: it is gone");
    assert_eq!((bench.report().await.status, bench.task().await), ("RUNNING", task));
    targets.0.store(false, Ordering::Relaxed);
    let other = json!({"name": "k", "target": to_file(), "config_file": "clickstream/clickstream.json", "total_events": 1});
    let refused = bench.service.start(&other).await.unwrap_err();
    assert_eq!(refused.to_string(), "target.path: the running job [j] writes the file j.json");
}

#[tokio::test]
async fn a_running_job_is_started_again_from_its_first_record() {
    let bench = Bench::new();
    let former = bench.start(to_file(), 3000).await;
    let worker = bench.worker("w");
    worker.handle(&delivery(&former)).await.unwrap();
    assert_eq!(bench.report().await.total_records, 1000);
    bench.clock.advance(Duration::from_secs(5));
    bench.service.start_again("j").await.unwrap();
    assert_eq!((bench.report().await.status, bench.report().await.total_records), ("RUNNING", 0));
    worker.handle(&delivery(&former)).await.unwrap(); // Whoever was at it sees that it is to stop.
    let task = bench.task().await;
    assert_ne!(task, former);
    while bench.report().await.status == "RUNNING" {
        worker.handle(&delivery(&task)).await.unwrap();
    }
    assert_eq!(bench.file().await, undisturbed(3000).await);
    assert_eq!(bench.tasks.all().await.unwrap().len(), 1);
}

/// Everything that the queue holds now.
async fn drain(bench: &Bench) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    while let Some(delivery) = bench.stores.queue.receive(Duration::from_secs(3600), Duration::ZERO).await.unwrap() {
        bench.stores.queue.acknowledge(&delivery.receipt).await.unwrap();
        deliveries.push(delivery);
    }
    deliveries
}

#[tokio::test]
async fn messages_of_one_task_become_one() {
    let bench = Bench::new();
    bench.start(to_file(), 5000).await;
    let first = drain(&bench).await.remove(0);
    let worker = bench.worker("w");
    for _ in 0..3 {
        worker.handle(&first).await.unwrap(); // As often as a queue delivers a message for the first time.
    }
    assert_eq!(bench.report().await.total_records, 1000, "a message that has been overtaken steps again");
    let next = drain(&bench).await;
    assert_eq!(next.len(), 1, "each of them has a successor");
    // Its worker died after the commit: the message comes again, and must be honoured, since its successor may never have been sent.
    worker.handle(&Delivery { attempt: 2, ..first }).await.unwrap();
    assert_eq!(bench.report().await.total_records, 2000);
    // It had been sent, though.
    worker.handle(&next[0]).await.unwrap();
    assert_eq!(bench.report().await.total_records, 2000);
    assert_eq!(drain(&bench).await.len(), 1);
}

#[tokio::test]
async fn a_sweep_asks_for_what_is_overdue_and_for_nothing_else() {
    const OVERDUE: Duration = Duration::from_secs(300);
    let bench = Bench::new();
    bench.start(to_file(), 3000).await;
    drain(&bench).await;
    assert_eq!(bench.tasks.sweep(OVERDUE).await.unwrap(), 0, "a start may be under way");
    bench.clock.advance(OVERDUE);
    assert_eq!(bench.tasks.sweep(OVERDUE).await.unwrap(), 1);
    assert_eq!(bench.tasks.sweep(OVERDUE).await.unwrap(), 1);
    let worker = bench.worker("w");
    let asked = drain(&bench).await;
    for delivery in &asked {
        worker.handle(delivery).await.unwrap();
    }
    assert_eq!((asked.len(), bench.report().await.total_records, drain(&bench).await.len()), (2, 1000, 1));
    assert_eq!(bench.tasks.sweep(OVERDUE).await.unwrap(), 0, "the next step is due only now");
    bench.clock.advance(OVERDUE);
    while bench.report().await.status == "RUNNING" {
        assert_eq!(bench.tasks.sweep(Duration::ZERO).await.unwrap(), 1);
        worker.handle(&drain(&bench).await[0]).await.unwrap();
    }
    bench.clock.advance(OVERDUE);
    assert_eq!(bench.tasks.sweep(OVERDUE).await.unwrap(), 0, "a finished job has no steps");
    assert_eq!(bench.file().await, undisturbed(3000).await);
}

#[tokio::test]
async fn what_a_worker_keeps_in_memory_is_worthless_after_anothers_attempt() {
    let bench = Bench::new();
    let task = bench.start(to_file(), 4000).await;
    let worker = bench.worker("one");
    worker.handle(&delivery(&task)).await.unwrap();
    // Another process opens the file, writes to it and dies; the first one's writer is now an old one.
    assert!(Mortal::new(&bench).dies_of(&task).await);
    bench.clock.advance(LEASE * 2);
    while bench.report().await.status == "RUNNING" {
        worker.handle(&delivery(&task)).await.unwrap();
    }
    let report = bench.report().await;
    assert_eq!((report.status, report.total_records), ("COMPLETE", 4000));
    assert_eq!(bench.file().await, undisturbed(4000).await);
}

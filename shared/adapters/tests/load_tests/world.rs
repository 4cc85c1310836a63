//! Stores that outlive processes, processes that die, and a database that remembers all it was sent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use headwater_adapters::{ManualClock, Stores};
use headwater_core::ids::FileName;
use headwater_core::load_tests::{Destination, KIND, LoadTestService, LoadTestStepper, Settings};
use headwater_core::ports::{
    Clock, Condition, Delivery, Document, Documents, Entropy, Etag, Key, Listed, PointStore, PointsRefused, PortError, Receipt,
    StepMessage, TaskQueue, Timestamp,
};
use headwater_core::tasks::{Budget, Stepper, TaskStore, Worker, WorkerConfig};
use serde_json::{Value, json};

/// When the tests begin: 100 ms behind a tick.
pub(crate) const BEGIN: i64 = 1_700_000_010_100;

/// How many more writes a process does before it dies.
#[derive(Debug)]
pub(crate) struct Life {
    left: AtomicI64,
    /// Whether the last write is done, though nobody hears of it.
    last_counts: bool,
}

impl Life {
    pub(crate) fn endless() -> Arc<Self> {
        Self::of(i64::MAX, false)
    }

    pub(crate) fn of(writes: i64, last_counts: bool) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(writes), last_counts })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    fn alive(&self) -> Result<(), PortError> {
        if self.is_over() { Err(PortError::unavailable("living", "the process has died")) } else { Ok(()) }
    }

    /// Does a write, unless the process dies before it; and says so, unless it dies behind it.
    async fn write<T>(&self, work: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
        self.alive()?;
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 {
            return work.await;
        }
        if left == 0 && self.last_counts {
            let _ = work.await;
        }
        Err(PortError::unavailable("living", "the process has died"))
    }
}

/// A port of a process that dies.
#[derive(Debug)]
struct Dying<P: ?Sized> {
    port: Arc<P>,
    life: Arc<Life>,
}

#[async_trait]
impl Documents for Dying<dyn Documents> {
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError> {
        self.life.alive()?;
        self.port.get(key).await
    }

    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError> {
        self.life.write(self.port.put(key, body, condition)).await
    }

    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError> {
        self.life.write(self.port.delete(key, condition)).await
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError> {
        self.life.alive()?;
        self.port.list(prefix, after, limit).await
    }
}

#[async_trait]
impl TaskQueue for Dying<dyn TaskQueue> {
    async fn enqueue(&self, message: StepMessage, not_before: Timestamp) -> Result<(), PortError> {
        self.life.write(self.port.enqueue(message, not_before)).await
    }

    async fn receive(&self, hidden: Duration, patience: Duration) -> Result<Option<Delivery>, PortError> {
        self.life.alive()?;
        self.port.receive(hidden, patience).await
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), PortError> {
        self.life.write(self.port.acknowledge(receipt)).await
    }
}

#[async_trait]
impl PointStore for Dying<Database> {
    fn place(&self) -> &str {
        "a database of the test's own"
    }

    async fn write(&self, lines: Bytes) -> Result<(), PointsRefused> {
        let refused = Mutex::new(None);
        let work = async {
            let answer = self.port.take(&lines);
            *refused.lock().unwrap() = answer.err();
            Ok(())
        };
        let lived = self.life.write(work).await;
        match refused.into_inner().unwrap() {
            Some(refused) => Err(refused),
            None => lived.map_err(|_| PointsRefused::Later { why: "nobody hears the answer".to_owned(), after: None }),
        }
    }
}

/// Takes points, and refuses them as it is told.
#[derive(Debug, Default)]
pub(crate) struct Database {
    /// By line, how often it was kept.
    kept: Mutex<BTreeMap<String, u32>>,
    /// By line, how often it was sent.
    sent: Mutex<BTreeMap<String, u32>>,
    /// What it answers, if not that it keeps them.
    pub(crate) answer: Mutex<Option<PointsRefused>>,
}

impl Database {
    fn take(&self, lines: &Bytes) -> Result<(), PointsRefused> {
        let text = std::str::from_utf8(lines).unwrap();
        assert!(text.ends_with('\n'), "a line has no end: {text:?}");
        for line in text.lines() {
            *self.sent.lock().unwrap().entry(line.to_owned()).or_default() += 1;
        }
        if let Some(refused) = self.answer.lock().unwrap().clone() {
            return Err(refused);
        }
        if text.contains("plague") {
            return Err(PointsRefused::Later { why: "500".to_owned(), after: None });
        }
        if text.lines().any(|line| line.contains("poison")) {
            return Err(PointsRefused::Unfit("unable to parse poison".to_owned()));
        }
        for line in text.lines() {
            *self.kept.lock().unwrap().entry(line.to_owned()).or_default() += 1;
        }
        Ok(())
    }

    pub(crate) fn refuse(&self, answer: Option<PointsRefused>) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn down(&self) {
        self.refuse(Some(PointsRefused::Later { why: "down".to_owned(), after: None }));
    }

    /// How often a line was sent.
    pub(crate) fn sent(&self, part: &str) -> Vec<u32> {
        self.sent.lock().unwrap().iter().filter(|(line, _)| line.contains(part)).map(|(_, count)| *count).collect()
    }
}

/// A point as far as the tests look at it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) nanos: i64,
    pub(crate) line: String,
}

/// What outlives processes.
#[derive(Debug)]
pub(crate) struct World {
    stores: Stores,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: Arc<Database>,
    into_files: bool,
    entropy: Arc<Counting>,
}

/// Numbers that look drawn, and are the same each time.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn draw(&self) -> u64 {
        let mut z = self.0.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^ (z >> 31)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(BEGIN)));
        let port: Arc<dyn Clock> = clock.clone();
        let stores = Stores::in_memory(&port);
        Self { stores, clock, database: Arc::default(), into_files: false, entropy: Arc::default() }
    }

    pub(crate) fn into_files() -> Self {
        Self { into_files: true, ..Self::new() }
    }

    pub(crate) fn process(&self) -> Process {
        self.living(Life::endless())
    }

    /// A process over the stores that takes up what was left behind, as a host that is alone does at its start.
    pub(crate) async fn next_process(&self, life: Arc<Life>) -> Result<Process, PortError> {
        let process = self.living(life);
        process.tasks.recover().await?;
        process.service.sweep().await?;
        Ok(process)
    }

    pub(crate) fn living(&self, life: Arc<Life>) -> Process {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (self.clock.clone(), self.entropy.clone());
        let documents: Arc<dyn Documents> =
            Arc::new(Dying::<dyn Documents> { port: Arc::clone(&self.stores.documents), life: Arc::clone(&life) });
        let queue: Arc<dyn TaskQueue> = Arc::new(Dying::<dyn TaskQueue> { port: Arc::clone(&self.stores.queue), life: Arc::clone(&life) });
        let tasks = TaskStore::new(Arc::clone(&documents), Arc::clone(&queue), Arc::clone(&clock));
        let settings = Settings { period: Duration::from_secs(1), idle: Duration::from_secs(3600) };
        let service = LoadTestService::new(documents, tasks.clone(), Arc::clone(&clock), entropy, settings);
        let destination = match self.into_files {
            true => Destination::Files(Arc::clone(&self.stores.files)),
            false => Destination::Database(Arc::new(Dying { port: Arc::clone(&self.database), life: Arc::clone(&life) })),
        };
        let stepper: Arc<dyn Stepper> = Arc::new(LoadTestStepper::new(service.clone(), destination).without_lingering());
        let wall = Duration::from_secs(1);
        let config = WorkerConfig {
            holder: "test".to_owned(),
            budget: Budget { records: u64::MAX, bytes: u64::MAX, wall, longest: wall },
            lease: Duration::from_secs(2),
            first_pause: Duration::from_millis(10),
            longest_pause: Duration::from_secs(1),
        };
        let worker = Worker::new(tasks.clone(), queue, clock, [(KIND, stepper)], config);
        Process { service, tasks, worker, life, clock: self.clock.clone() }
    }

    /// The points of a measurement with this text in them, in order of their times, as often as they are there.
    pub(crate) async fn points(&self, measurement: &str, part: &str) -> Vec<Seen> {
        let lines: Vec<String> =
            if self.into_files { self.lines().await } else { self.database.kept.lock().unwrap().keys().cloned().collect() };
        let begins = [format!("{measurement},"), format!("{measurement} ")];
        let mut seen: Vec<Seen> = lines
            .into_iter()
            .filter(|line| begins.iter().any(|begin| line.starts_with(begin)) && line.contains(part))
            .map(|line| Seen { nanos: line.rsplit(' ').next().unwrap().parse().unwrap(), line })
            .collect();
        seen.sort();
        seen
    }

    /// Puts something there that is no document of ours.
    pub(crate) async fn spoil(&self, prefix: &'static str, name: &str) {
        let key = Key::root(prefix).child(name).unwrap();
        self.stores.documents.put(&key, Bytes::from_static(b"{half"), Condition::Any).await.unwrap();
    }

    /// The names of all files.
    pub(crate) async fn files(&self) -> Vec<String> {
        self.stores.files.list().await.unwrap().into_iter().map(|name| name.to_string()).collect()
    }

    /// All lines of all files.
    async fn lines(&self) -> Vec<String> {
        let (mut lines, files) = (Vec::new(), &self.stores.files);
        for name in files.list().await.unwrap() {
            let name: FileName = name;
            let length = files.info(&name).await.unwrap().unwrap().length;
            let pieces: Vec<Bytes> = files.read(&name, 0..length).await.unwrap().try_collect().await.unwrap();
            lines.extend(String::from_utf8(pieces.concat()).unwrap().lines().map(str::to_owned));
        }
        lines
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_millis()
    }

    /// How many documents there are below a prefix.
    pub(crate) async fn count(&self, prefix: &'static str) -> usize {
        self.stores.documents.list(&Key::root(prefix), None, 1000).await.unwrap().len()
    }
}

/// A process: a service and a worker.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) service: LoadTestService,
    pub(crate) tasks: TaskStore,
    worker: Worker,
    life: Arc<Life>,
    clock: Arc<ManualClock>,
}

impl Process {
    /// Does what is due.
    pub(crate) async fn work(&self) {
        while let Ok(Some(delivery)) = self.worker.receive(Duration::ZERO).await {
            // What failed is delivered again.
            let _ = self.worker.handle(&delivery).await;
            if self.life.is_over() {
                return;
            }
        }
    }

    /// Lets so many milliseconds pass, and does what is due in them.
    pub(crate) async fn pass(&self, millis: u64) {
        for _ in 0..millis / 10 {
            self.work().await;
            self.clock.advance(Duration::from_millis(10));
        }
        self.work().await;
    }

    pub(crate) async fn register(&self, change: impl FnOnce(&mut Value)) -> String {
        self.service.register(&run(change)).await.unwrap()
    }

    pub(crate) async fn commit(&self, uuid: &str, stats: &Value) {
        self.service.commit(&result(uuid, stats)).await.unwrap();
    }
}

pub(crate) fn run(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = json!({"startedAt": 1_479_000_000, "hostname": "h1", "measurement": {
        "fields": {"clients": 10, "hatchRate": 0.1, "requests": 100}, "tags": {"hostname": "aws.com", "mode": "single"}}});
    change(&mut body);
    body
}

pub(crate) fn result(uuid: &str, stats: &Value) -> Value {
    json!({"hostname": "h1", "uuid": uuid, "targetHost": "http://t",
        "measurement": {"fields": {"requestStats": stats}, "tags": {"hostname": "aws.com", "mode": "single"}}})
}

pub(crate) fn about(uuid: &str, more: Value) -> Value {
    let mut body = json!({"hostname": "h1", "uuid": uuid});
    let Value::Object(more) = more else { panic!("an object is wanted") };
    body.as_object_mut().unwrap().extend(more);
    body
}

//! Fleets that live over stores in memory, in a time that passes as fast as they can follow: what they leave in the stream of the local
//! hub and in targets, whatever happens to the processes that let them live.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::needless_pass_by_value, reason = "json!({..}) reads best where it is handed over")]

mod awaited;
mod clock;
mod crashes;
mod dying;
mod edits;
mod hub_double;
mod hubs;
mod living;
mod methods;
mod parts;
mod runs;
mod seen;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use headwater_adapters::iot_hub::IotHubConfig;
use headwater_adapters::javascript::JavaScript;
use headwater_adapters::targets::{OutboundHosts, TargetSet};
use headwater_adapters::{HubSet, OsEntropy, SimulationsSetup, Stores};
use headwater_core::ports::{Clock, DocumentsExt as _, Entropy, Hubs, Key, Targets, TimeRange, Timestamp};
use headwater_core::simulations::{KIND, SimulatedStreams, SimulationError, SimulationService, devices_stream};
use headwater_core::tasks::{Budget, Stepper, Task, TaskStore, Worker, WorkerConfig};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use awaited::Awaited;
use clock::LeapingClock;
use dying::{Dying, Fate};
use seen::Seen;

const START: i64 = 1_700_000_000_000;
const LEASE: Duration = Duration::from_secs(30);

/// Stores, and as many processes over them as a test wants.
struct House {
    stores: Stores,
    clock: Arc<LeapingClock>,
    /// Where devices send to, if it is not what everybody uses.
    hubs: Option<Arc<dyn Hubs>>,
}

/// A process: a service that answers and a worker that steps.
struct Process {
    service: SimulationService,
    streams_used: SimulatedStreams,
    tasks: TaskStore,
    running: JoinSet<()>,
    fate: Arc<Fate>,
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

impl House {
    fn new() -> Self {
        let clock = Arc::new(LeapingClock::new(Timestamp::from_millis(START)));
        let port: Arc<dyn Clock> = clock.clone();
        Self { stores: Stores::in_memory(&port), clock, hubs: None }
    }

    /// Over documents and events in an embedded store below a folder.
    fn embedded(folder: &std::path::Path) -> Self {
        let house = Self::new();
        let port: Arc<dyn Clock> = house.clock.clone();
        let Stores { documents, log, .. } = Stores::embedded(folder, &port).unwrap();
        let stores = Stores { documents: Arc::new(Awaited(documents)), log: Arc::new(Awaited(log)), ..house.stores };
        Self { stores, ..house }
    }

    fn with_hubs(hubs: Arc<dyn Hubs>) -> Self {
        Self { hubs: Some(hubs), ..Self::new() }
    }

    fn process(&self, holder: &str) -> Process {
        self.process_of(holder, Fate::lives())
    }

    fn process_of(&self, holder: &str, fate: Arc<Fate>) -> Process {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (self.clock.clone(), Arc::new(OsEntropy));
        let stores = Stores {
            documents: Arc::new(Dying { inner: Arc::clone(&self.stores.documents), fate: Arc::clone(&fate) }),
            files: Arc::clone(&self.stores.files),
            chunks: Arc::clone(&self.stores.chunks),
            queue: Arc::new(Dying { inner: Arc::clone(&self.stores.queue), fate: Arc::clone(&fate) }),
            log: Arc::new(Dying { inner: Arc::clone(&self.stores.log), fate: Arc::clone(&fate) }),
        };
        let streams = stores.streams(&clock, &entropy);
        let targets = TargetSet::new(Arc::clone(&stores.files), OutboundHosts::default()).with_streams(streams.clone());
        let targets: Arc<dyn Targets> = Arc::new(targets);
        let hubs = HubSet::new(
            Arc::clone(&stores.documents),
            streams,
            Arc::clone(&targets),
            (IotHubConfig::default(), OutboundHosts::default()),
            &clock,
            &entropy,
        );
        let hubs = self.hubs.clone().unwrap_or_else(|| Arc::new(hubs));
        let engine = Arc::new(Awaited(Arc::new(JavaScript::new())));
        let setup = SimulationsSetup { hub: None, hubs, engine, targets, keeps: 100 };
        let group = stores.simulations_group(setup, &clock, &entropy);
        let config = WorkerConfig {
            holder: holder.to_owned(),
            budget: Budget { records: u64::MAX, bytes: u64::MAX, wall: seconds(1), longest: seconds(10) },
            lease: LEASE,
            first_pause: millis(250),
            longest_pause: seconds(30),
        };
        let tasks = stores.tasks(&clock);
        let stepper: Arc<dyn Stepper> = group.stepper;
        let worker = Worker::new(tasks.clone(), Arc::clone(&stores.queue), clock, [(KIND, stepper)], config);
        let mut running = JoinSet::new();
        running.spawn(drive(worker));
        Process { service: group.service, streams_used: group.streams_used, tasks, running, fate }
    }

    /// A process that goes on where another one on the same stores was killed.
    async fn recovered(&self, holder: &str) -> Process {
        let process = self.process(holder);
        process.tasks.recover().await.unwrap();
        process.service.recover().await.unwrap();
        process
    }

    /// A process that nobody but its worker uses.
    fn simulation(&self, members: Value) -> Value {
        let mut body = json!({"ETag": "*", "Enabled": true, "Seed": 11, "DeviceModels": [counting("counter", 3)]});
        members.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
        body
    }

    /// Time passes, and whatever runs goes on.
    async fn pass(&self, span: Duration) {
        let until = self.clock.now().plus(span);
        while !self.clock.leap(until).await {}
    }

    /// Time passes until a process dies, but no longer than this. Answers whether it died.
    async fn pass_unless_dead(&self, process: &Process, span: Duration) -> bool {
        let until = self.clock.now().plus(span);
        while !process.fate.is_dead() {
            if self.clock.leap(until).await {
                return process.fate.is_dead();
            }
        }
        true
    }

    /// What has arrived in the stream of the local hub.
    async fn seen(&self) -> Seen {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (self.clock.clone(), Arc::new(OsEntropy));
        let Ok(stream) = self.stores.streams(&clock, &entropy).get(&devices_stream()).await else { return Seen::default() };
        let events = self.stores.log.read(&stream.log, TimeRange::ALL, None).await.unwrap();
        Seen::of(events.try_collect::<Vec<_>>().await.unwrap().concat().into_iter().map(|stored| stored.event))
    }

    /// How many devices of each model the local hub knows.
    async fn registered(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for listed in self.stores.documents.list_all(&Key::root("simulations/registry")).await.unwrap() {
            let (document, _): (Value, _) = self.stores.documents.get_json(&listed.key).await.unwrap().unwrap();
            for (model, range) in document["devices"].as_object().unwrap() {
                let count = range[1].as_u64().unwrap() - range[0].as_u64().unwrap();
                *all.entry(model.clone()).or_default() += count;
            }
        }
        all
    }

    async fn keys(&self, root: &'static str) -> Vec<String> {
        let listed = self.stores.documents.list_all(&Key::root(root)).await.unwrap();
        listed.into_iter().map(|listed| listed.key.as_str().to_owned()).collect()
    }

    async fn file(&self, name: &str) -> String {
        let name = headwater_core::ids::FileName::try_from(name).unwrap();
        let length = self.stores.files.info(&name).await.unwrap().unwrap().length;
        let pieces: Vec<bytes::Bytes> = self.stores.files.read(&name, 0..length).await.unwrap().try_collect().await.unwrap();
        String::from_utf8(pieces.concat()).unwrap()
    }
}

/// Handles messages side by side, as hosts do.
async fn drive(worker: Worker) {
    let mut steps = JoinSet::new();
    loop {
        if let Ok(Some(delivery)) = worker.receive(seconds(5)).await {
            let worker = worker.clone();
            steps.spawn(async move {
                let _ = worker.handle(&delivery).await; // What failed is delivered again.
            });
        }
        while steps.try_join_next().is_some() {}
    }
}

impl Process {
    async fn post(&self, body: Value) -> Result<Value, SimulationError> {
        self.service.create(None, &body).await.map(|view| view.to_json())
    }

    /// Puts the simulation; the answer.
    async fn put(&self, body: Value) -> Value {
        self.service.replace("1", &body).await.unwrap().to_json()
    }

    async fn enable(&self, enabled: bool) -> Value {
        let etag = self.get().await["ETag"].clone();
        self.service.patch("1", &json!({"ETag": etag, "Enabled": enabled})).await.unwrap().to_json()
    }

    async fn get(&self) -> Value {
        self.service.get("1").await.unwrap().to_json()
    }

    async fn only_task(&self) -> Task {
        let mut all = self.tasks.all().await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// `kill -9`.
    async fn kill(mut self) {
        self.running.abort_all();
        while self.running.join_next().await.is_some() {}
    }
}

/// Devices that count their ticks in `n` and draw in `r`, each second, and say so each second.
fn counting(name: &str, count: u32) -> Value {
    counting_by(name, count, "00:00:01")
}

/// The same with another interval of its messages.
fn counting_by(name: &str, count: u32, interval: &str) -> Value {
    // The stock's models are told apart by their ids; all that they do is overridden.
    let id = match name {
        "counter" => "custom",
        other => other,
    };
    let template = "{\"n\":${n},\"r\":${r}}";
    let schema = json!({"Name": format!("{name};v1"), "Format": "JSON", "Fields": {"n": "double", "r": "double"}});
    json!({"Id": id, "Count": count, "Override": {
        "Simulation": {"Interval": "00:00:01", "InitialState": {"n": 0, "r": 0}, "Scripts": [
            {"Type": "internal", "Path": "Math.Increasing", "Params": {"n": {"Min": 0, "Max": 1_000_000, "Step": 1}}},
            {"Type": "internal", "Path": "Math.Random.WithinRange", "Params": {"r": {"Min": 0, "Max": 100}}},
        ]},
        "Telemetry": [{"Interval": interval, "MessageTemplate": template, "MessageSchema": schema}],
    }})
}

//! Composition: stores, services, routers, the worker. The only place that knows all of them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::middleware::from_fn;
use axum::routing::get;
use axum::{Json, Router};
#[cfg(feature = "aws")]
use headwater_adapters::heralds::SqsHerald;
use headwater_adapters::heralds::WebhookHerald;
use headwater_adapters::javascript::JavaScript;
use headwater_adapters::specs_folder::SpecsFolder;
use headwater_adapters::targets::TargetSet;
use headwater_adapters::{HubSet, OsEntropy, SimulationsSetup, Stores, SystemClock};
use headwater_console::live::Live;
use headwater_console::{Console, Services, Setup, Troubles, same_site};
use headwater_core::datagen::{DatagenService, DatagenStepper, KIND, Specifications, Stock};
use headwater_core::limits;
use headwater_core::load_tests::{Destination, LoadTestService, LoadTestStepper};
use headwater_core::ports::{Clock, Entropy, Targets};
#[cfg(feature = "aws")]
use headwater_core::ports::{LogName, LogSize};
use headwater_core::simulations::SimulationService;
use headwater_core::streams::{Herald, QueueWriter, StreamService, StreamUsage, StreamUsers};
use headwater_core::tables::{TableService, TableStepper};
use headwater_core::tasks::{Budget, TaskStore, Worker, WorkerConfig};
use headwater_web::{House, Token, with_house_layers};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use crate::args::{Serve, Store};
#[cfg(feature = "aws")]
use crate::cloud;
use crate::openapi;

/// How much a step does. A second bounds what a crash repeats and how late a stop is seen; the bytes keep a step short on a slow
/// disk.
const BUDGET: Budget = Budget { records: u64::MAX, bytes: 16 * 1024 * 1024, wall: Duration::from_secs(1), longest: Duration::MAX };

/// How long a lease lasts where nobody else could take it over: a restart lapses it.
const LEASE: Duration = Duration::from_secs(90);

/// How often the sources of tables are looked at where stores are shared, unless they have more at once.
const SHARED_LOOK: Duration = Duration::from_secs(2);

/// How often those who watch are told what runs. Where stores are shared, finding out costs requests that are paid for.
const WATCH: Duration = Duration::from_secs(1);
const SHARED_WATCH: Duration = Duration::from_secs(5);

/// Longest step and lease where another process takes over what a dead one was at, once its lease has lapsed.
const SHARED_STEP: Duration = Duration::from_secs(10);
const SHARED_LEASE: Duration = Duration::from_secs(30);

/// All that runs, composed.
pub(crate) struct App {
    pub(crate) routes: Router,
    pub(crate) worker: Worker,
    pub(crate) tasks: TaskStore,
    pub(crate) datagen: DatagenService,
    pub(crate) simulations: SimulationService,
    pub(crate) streams: StreamService,
    pub(crate) tables: TableService,
    pub(crate) load_tests: LoadTestService,
    pub(crate) queue_writer: QueueWriter,
    /// What runs now, for those who watch.
    pub(crate) live: Live,
    /// Flushes the stream of events, where there is one.
    #[cfg(feature = "aws")]
    pub(crate) poller: Option<headwater_adapters::aws::ShardPoller>,
}

/// Opens the stores and composes everything over them. The console tells of `troubles`.
pub(crate) async fn compose(options: &Serve, prometheus: PrometheusHandle, troubles: Troubles) -> anyhow::Result<App> {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    #[cfg(feature = "aws")]
    let (aws, mut shared) = (Arc::new(headwater_adapters::aws::Aws::new(options.endpoint_url.clone())), None);
    let stores = match options.store {
        Store::Memory => Stores::in_memory(&clock),
        Store::Embedded => Stores::embedded(&options.data_dir, &clock)?,
        #[cfg(feature = "aws")]
        Store::Aws => {
            let (stores, poller, names) = cloud::stores(options, &aws, &clock, &entropy).await?;
            shared = Some((poller, names));
            stores
        }
        #[cfg(not(feature = "aws"))]
        Store::Aws => bail!("--store aws: this program was built without the feature aws"),
    };
    let specifications: Arc<dyn Specifications> = match &options.specs_dir {
        None => Arc::new(Stock),
        Some(folder) => {
            let opened = SpecsFolder::open(folder);
            Arc::new(opened.with_context(|| format!("--specs-dir: {} cannot be read", folder.display()))?)
        }
    };
    let outbound = options.allow_outbound.clone().unwrap_or_default();
    let mut heralds: Vec<Arc<dyn Herald>> = Vec::new();
    if let Some(url) = &options.notify_url {
        heralds.push(Arc::new(WebhookHerald::new(url).map_err(|error| anyhow!("--notify-url {error}"))?));
    }
    #[cfg(feature = "aws")]
    if let Some(url) = &options.notify_queue_url {
        heralds.push(Arc::new(SqsHerald::new(aws.clients().await.sqs.clone(), url)));
    }
    #[cfg(not(feature = "aws"))]
    if options.notify_queue_url.is_some() {
        bail!("--notify-queue-url: this program was built without the feature aws");
    }
    let (streams, queue_writer) = stores.streams(&clock, &entropy).with_heralds(heralds).with_queue();
    let tables = stores.tables(&streams, &clock, &entropy);
    let load_tests = stores.load_tests(&clock, &entropy, options.load_tests.settings());
    let targets = TargetSet::new(Arc::clone(&stores.files), outbound.clone()).with_streams(streams.clone()).with_tables(tables.clone());
    let influxdb = options.services.influxdb()?;
    let points =
        influxdb.as_ref().map_or_else(|| Destination::Files(Arc::clone(&stores.files)), |server| Destination::Database(server.store()));
    let targets = targets.with_influxdb(influxdb).with_iot_hub(options.services.iot_hub());
    #[cfg(feature = "aws")]
    let (targets, poller) = match shared {
        Some((poller, names)) => {
            let poller = poller.telling(noticing(streams.clone()));
            (targets.with_aws(aws).sparing(&names.bucket, &names.queue_url, &names.event_stream), Some(poller))
        }
        None => (targets.with_aws(aws), None),
    };
    let targets: Arc<dyn Targets> = Arc::new(targets);
    let simulations = {
        let (hub, config) = (options.hub.clone(), (options.services.iot_hub(), outbound));
        let hubs = HubSet::new(Arc::clone(&stores.documents), streams.clone(), Arc::clone(&targets), config, &clock, &entropy);
        let engine = Arc::new(JavaScript::new());
        let setup = SimulationsSetup { hub, hubs: Arc::new(hubs), engine, targets: Arc::clone(&targets), keeps: limits::RUNNING_JOBS };
        stores.simulations_group(setup, &clock, &entropy)
    };
    let datagen = stores.datagen(specifications, Arc::clone(&targets), &clock, &entropy);
    let tasks = stores.tasks(&clock);
    let (budget, lease) = match options.store {
        Store::Embedded | Store::Memory => (BUDGET, LEASE),
        Store::Aws => (Budget { longest: SHARED_STEP, ..BUDGET }, SHARED_LEASE),
    };
    let config = WorkerConfig {
        holder: format!("local-{:016x}", entropy.draw()),
        budget,
        lease,
        first_pause: Duration::from_millis(250),
        longest_pause: Duration::from_secs(30),
    };
    let stepper: Arc<dyn headwater_core::tasks::Stepper> = Arc::new(DatagenStepper::new(targets, Arc::clone(&clock), limits::RUNNING_JOBS));
    let simulating: Arc<dyn headwater_core::tasks::Stepper> = simulations.stepper;
    let feeding = match options.store {
        Store::Embedded | Store::Memory => TableStepper::new(tables.clone()),
        Store::Aws => TableStepper::new(tables.clone()).looking_every(SHARED_LOOK),
    };
    let feeding: Arc<dyn headwater_core::tasks::Stepper> = Arc::new(feeding);
    let recorder = LoadTestStepper::new(load_tests.clone(), points);
    let recording: Arc<dyn headwater_core::tasks::Stepper> = match options.store {
        Store::Embedded | Store::Memory => Arc::new(recorder),
        Store::Aws => Arc::new(recorder.without_lingering()),
    };
    let steppers = [
        (KIND, stepper),
        (headwater_core::simulations::KIND, simulating),
        (headwater_core::tables::KIND, feeding),
        (headwater_core::load_tests::KIND, recording),
    ];
    let worker = Worker::new(tasks.clone(), Arc::clone(&stores.queue), Arc::clone(&clock), steppers, config);
    let users: Vec<Arc<dyn StreamUsers>> =
        vec![Arc::new(datagen.clone()), Arc::new(simulations.streams_used), Arc::new(tables.streams_followed())];
    let usage = StreamUsage::new(streams.clone(), users);
    let token = options.token.clone().map(|token| token.0);
    let console = {
        let services = Services {
            datagen: datagen.clone(),
            simulations: simulations.service.clone(),
            streams: streams.clone(),
            usage: usage.clone(),
            tables: tables.clone(),
            load_tests: load_tests.clone(),
        };
        let period = match options.store {
            Store::Embedded | Store::Memory => WATCH,
            Store::Aws => SHARED_WATCH,
        };
        let setup = Setup { services, troubles, token: token.clone(), period, clock: Arc::clone(&clock) };
        Console::new(setup, &*entropy)
    };
    let house = House {
        token: token.map(|token| Token::new(token).with_door(console.door())),
        clock: Arc::clone(&clock),
        entropy,
        largest_reply: None,
        dialects: &[
            headwater_streams::DIALECT,
            headwater_simulations::DIALECT,
            headwater_tables::DIALECTS[0],
            headwater_tables::DIALECTS[1],
            headwater_load_tests::DIALECT,
        ],
    };
    let live = console.live().clone();
    let routes = host_routes(prometheus)
        .merge(console.router())
        .merge(headwater_datagen::router(datagen.clone()))
        .merge(headwater_simulations::router(simulations.service.clone()))
        .merge(headwater_streams::router(streams.clone(), usage))
        .merge(headwater_tables::router(tables.clone()))
        .merge(headwater_load_tests::router(load_tests.clone(), clock));
    let routes = with_house_layers(routes, house).layer(from_fn(same_site));
    Ok(App {
        routes,
        worker,
        tasks,
        datagen,
        simulations: simulations.service,
        streams,
        tables,
        load_tests,
        queue_writer,
        live,
        #[cfg(feature = "aws")]
        poller,
    })
}

/// Has it looked whether streams have grown by their thresholds, whenever their events are flushed.
#[cfg(feature = "aws")]
fn noticing(streams: StreamService) -> impl Fn(&[(LogName, LogSize)]) + Send + Sync {
    move |grown| {
        let (streams, grown) = (streams.clone(), grown.to_vec());
        tokio::spawn(async move {
            for (log, size) in grown {
                if let Err(error) = streams.notice_growth(&log, size).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, %log, "it could not be noted how large a stream is");
                }
            }
        });
    }
}

/// What the host itself answers, beside the console. `openapi` describes it.
fn host_routes(prometheus: PrometheusHandle) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({"status": "ok"}))))
        .route("/metrics", get(async move || prometheus.render()))
        .merge(openapi::routes())
}

/// Refuses to listen beyond loopback unprotected.
pub(crate) fn check_exposure(options: &Serve) -> anyhow::Result<()> {
    let address = options.address();
    if !address.ip().is_loopback() && options.token.is_none() && !options.insecure {
        bail!("{address} is reachable from other machines: give a --token, or --insecure if that is meant");
    }
    Ok(())
}

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::datagen::{DatagenService, Stock};
use headwater_core::load_tests::{self, BadSpan, Destination, LoadTestService, parse_idle, parse_period};
use headwater_core::ports::{Clock, Entropy, Targets};
use headwater_core::secret::Secret;
use headwater_core::simulations::ConnectionString;
use headwater_core::streams::{Herald, StreamService, StreamUsage};
use headwater_core::tables::TableService;

use super::{Aws, Clients, Flusher, SqsTaskQueue};
use crate::heralds::{SqsHerald, WebhookHerald};
use crate::influxdb::{InfluxDb, InfluxDbSettings};
use crate::iot_hub::IotHubConfig;
use crate::javascript::JavaScript;
use crate::targets::{OutboundHosts, TargetSet};
use crate::{HubSet, OsEntropy, Simulations, SimulationsSetup, Stores, SystemClock};

/// A variable of the environment that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {variable} {wrong}")]
pub struct Misconfigured {
    variable: &'static str,
    wrong: String,
}

/// What every function of a deployment is composed of, as its environment says: `HEADWATER_BUCKET`, `HEADWATER_QUEUE_URL`,
/// `HEADWATER_EVENT_STREAM`, `HEADWATER_ALLOW_OUTBOUND`, `HEADWATER_NOTIFY_URL`, `HEADWATER_NOTIFY_QUEUE_URL`,
/// `HEADWATER_IOTHUB_CONNECTION_STRING`, `HEADWATER_IOTHUB_HTTPS_URL`, `HEADWATER_INFLUXDB_*`,
/// `HEADWATER_LOADTEST_PERIOD`, `HEADWATER_LOADTEST_IDLE`, `HEADWATER_TOKEN`. Made once, when the function starts.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Stores in the deployment's bucket and queue.
    pub stores: Stores,
    /// The queue itself, for whoever is handed its messages.
    pub queue: SqsTaskQueue,
    /// What flushes the events of streams, for whoever is handed the records of the stream that they go ahead into.
    pub flusher: Flusher,
    /// The streams.
    pub streams: StreamService,
    /// The tables.
    pub tables: TableService,
    /// The runs of load tests.
    pub load_tests: LoadTestService,
    /// Where their points go.
    pub points: Destination,
    /// The targets.
    pub targets: Arc<dyn Targets>,
    /// Which hosts may be called on a user's word.
    pub outbound: OutboundHosts,
    /// Which Azure IoT Hub simulations use, and how it is spoken to.
    pub iot_hub: IotHubSettings,
    /// What callers are to send, if anything.
    pub token: Option<Secret>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable numbers.
    pub entropy: Arc<dyn Entropy>,
}

/// A variable's value, if it is set.
///
/// # Errors
/// When it cannot be read.
pub fn variable<T: FromStr<Err: fmt::Display>>(variable: &'static str) -> Result<Option<T>, Misconfigured> {
    let Some(text) = std::env::var_os(variable) else { return Ok(None) };
    let text = text.into_string().map_err(|_| Misconfigured { variable, wrong: "is not UTF-8".to_owned() })?;
    text.parse().map(Some).map_err(|error| Misconfigured { variable, wrong: format!("is wrong: {error}") })
}

/// A variable's text; an empty one counts as not set.
fn filled(name: &'static str) -> Result<Option<String>, Misconfigured> {
    Ok(variable::<String>(name)?.filter(|value| !value.is_empty()))
}

fn required(name: &'static str) -> Result<String, Misconfigured> {
    filled(name)?.ok_or_else(|| Misconfigured { variable: name, wrong: "is not set".to_owned() })
}

/// Which Azure IoT Hub simulations use unless they say otherwise, and how hubs are spoken to.
#[derive(Debug, Clone)]
pub struct IotHubSettings {
    /// The hub; without it, the local one.
    pub connection: Option<ConnectionString>,
    /// Where hubs are.
    pub config: IotHubConfig,
}

impl IotHubSettings {
    fn from_environment() -> Result<Self, Misconfigured> {
        const CONNECTION: &str = "HEADWATER_IOTHUB_CONNECTION_STRING";
        let connection = filled(CONNECTION)?.map(|text| ConnectionString::parse(&text)).transpose();
        let connection = connection.map_err(|error| Misconfigured { variable: CONNECTION, wrong: error.to_string() })?;
        let https_base = filled("HEADWATER_IOTHUB_HTTPS_URL")?.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self { connection, config: IotHubConfig { https_base, ..IotHubConfig::default() } })
    }
}

/// The InfluxDB that `HEADWATER_INFLUXDB_*` name.
fn influxdb() -> Result<Option<InfluxDb>, Misconfigured> {
    let settings = InfluxDbSettings::from_variables(|name| std::env::var(name).ok());
    InfluxDb::new(settings).map_err(|wrong| Misconfigured { variable: "HEADWATER_INFLUXDB_URL", wrong: format!("cannot be used: {wrong}") })
}

/// How load tests are recorded.
fn load_test_settings() -> Result<load_tests::Settings, Misconfigured> {
    let span = |variable, parse: fn(&str) -> Result<Duration, BadSpan>| {
        let read = filled(variable)?.map(|text| parse(&text)).transpose();
        read.map_err(|wrong| Misconfigured { variable, wrong: format!("is wrong: {wrong}") })
    };
    let usual = load_tests::Settings::default();
    let period = span("HEADWATER_LOADTEST_PERIOD", parse_period)?.unwrap_or(usual.period);
    Ok(load_tests::Settings { period, idle: span("HEADWATER_LOADTEST_IDLE", parse_idle)?.unwrap_or(usual.idle) })
}

/// Who is told that streams grow.
fn heralds(clients: &Clients) -> Result<Vec<Arc<dyn Herald>>, Misconfigured> {
    let mut heralds: Vec<Arc<dyn Herald>> = Vec::new();
    if let Some(url) = filled("HEADWATER_NOTIFY_URL")? {
        let webhook = WebhookHerald::new(&url).map_err(|wrong| Misconfigured { variable: "HEADWATER_NOTIFY_URL", wrong })?;
        heralds.push(Arc::new(webhook));
    }
    if let Some(url) = filled("HEADWATER_NOTIFY_QUEUE_URL")? {
        heralds.push(Arc::new(SqsHerald::new(clients.sqs.clone(), &url)));
    }
    Ok(heralds)
}

impl Deployment {
    /// The deployment that the environment names.
    ///
    /// # Errors
    /// When the environment lacks something.
    pub async fn from_environment() -> Result<Self, Misconfigured> {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
        let (bucket, queue_url) = (required("HEADWATER_BUCKET")?, required("HEADWATER_QUEUE_URL")?);
        let event_stream = required("HEADWATER_EVENT_STREAM")?;
        let outbound = variable::<OutboundHosts>("HEADWATER_ALLOW_OUTBOUND")?.unwrap_or_default();
        let aws = Arc::new(Aws::new(None));
        let clients = aws.clients().await;
        let (stores, flusher) = Stores::aws(clients, &bucket, &queue_url, &event_stream, &clock, &entropy);
        let queue = SqsTaskQueue::new(clients.sqs.clone(), &queue_url, Arc::clone(&clock));
        let streams = stores.streams(&clock, &entropy).with_heralds(heralds(clients)?);
        let tables = stores.tables(&streams, &clock, &entropy);
        let load_tests = stores.load_tests(&clock, &entropy, load_test_settings()?);
        let targets = TargetSet::new(Arc::clone(&stores.files), outbound.clone()).with_streams(streams.clone()).with_tables(tables.clone());
        let influxdb = influxdb()?;
        let points =
            influxdb.as_ref().map_or_else(|| Destination::Files(Arc::clone(&stores.files)), |server| Destination::Database(server.store()));
        let targets = targets.with_aws(aws).with_influxdb(influxdb);
        let targets = Arc::new(targets.sparing(&bucket, &queue_url, &event_stream));
        let iot_hub = IotHubSettings::from_environment()?;
        let token = filled("HEADWATER_TOKEN")?.map(Secret::new);
        Ok(Self { stores, queue, flusher, streams, tables, load_tests, points, targets, outbound, iot_hub, token, clock, entropy })
    }

    /// What is known of who uses streams.
    #[must_use]
    pub fn stream_usage(&self) -> StreamUsage {
        let simulated = self.stores.simulated_streams(self.iot_hub.connection.is_some());
        StreamUsage::new(
            self.streams.clone(),
            vec![Arc::new(self.datagen()), Arc::new(simulated), Arc::new(self.tables.streams_followed())],
        )
    }

    /// The datagen service, with the stock specifications.
    #[must_use]
    pub fn datagen(&self) -> DatagenService {
        self.stores.datagen(Arc::new(Stock), Arc::clone(&self.targets), &self.clock, &self.entropy)
    }

    /// The simulations group, which keeps at most so many parts of fleets in memory between their steps.
    #[must_use]
    pub fn simulations(&self, keeps: usize) -> Simulations {
        let (documents, streams, targets) = (Arc::clone(&self.stores.documents), self.streams.clone(), Arc::clone(&self.targets));
        // A function lives for seconds, so no connection is worth the making.
        let config = IotHubConfig { https_only: true, ..self.iot_hub.config.clone() };
        let hubs =
            Arc::new(HubSet::new(documents, streams, Arc::clone(&targets), (config, self.outbound.clone()), &self.clock, &self.entropy));
        let setup = SimulationsSetup { hub: self.iot_hub.connection.clone(), hubs, engine: Arc::new(JavaScript::new()), targets, keeps };
        self.stores.simulations_group(setup, &self.clock, &self.entropy)
    }
}

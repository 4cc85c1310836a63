//! The targets: one [`Sink`] per kind, opened by [`TargetSet`].
//!
//! `file` writes through the [`Files`] port, `stream` through [`StreamService`] and `table` through [`TableService`], and so to whatever
//! keeps the host's files, streams and tables; `kafka` stands behind the cargo feature
//! of that name, since its client is a C library, and `s3`, `sqs` and `kinesis` behind `aws`.

#[cfg(feature = "aws")]
mod cloud;
mod file;
mod http;
mod influxdb;
mod iot_hub;
#[cfg(feature = "kafka")]
mod kafka;
mod mqtt;
mod outbound;
mod stdout;
mod stream;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use headwater_core::mistakes::Mistake;
use headwater_core::ports::{Clock, Committed, Entropy, Files, Owner, PointStore, PortError, Sink, SinkError, Targets};
use headwater_core::secret::Secret;
use headwater_core::streams::StreamService;
use headwater_core::tables::TableService;
use headwater_core::targets::Target;

#[cfg(feature = "aws")]
use crate::aws::Aws;
use crate::clock::{OsEntropy, SystemClock};
use crate::influxdb::InfluxDb;
use crate::iot_hub::IotHubConfig;
#[cfg(feature = "aws")]
use cloud::{KinesisSink, S3Sink, SqsSink};

pub(crate) use http::{client as http_client, client_trusting as http_client_trusting};
pub use outbound::OutboundHosts;

/// Every target that this build can write to.
#[derive(Debug, Clone)]
pub struct TargetSet {
    files: Arc<dyn Files>,
    streams: Option<StreamService>,
    tables: Option<TableService>,
    http: reqwest::Client,
    outbound: OutboundHosts,
    influxdb: Option<Arc<dyn PointStore>>,
    iot_hub: IotHubConfig,
    /// When tokens end, which is a matter of the world's time and not of a job's.
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    #[cfg(feature = "aws")]
    aws: Arc<Aws>,
    /// What the host itself keeps everything in.
    #[cfg(feature = "aws")]
    own: Option<Own>,
}

/// A bucket, a queue and a stream.
#[cfg(feature = "aws")]
#[derive(Debug, Clone)]
struct Own {
    bucket: String,
    queue_url: String,
    event_stream: String,
}

impl TargetSet {
    /// Targets over the host's files, calling out only to hosts that `outbound` allows, and to the services of the environment's
    /// AWS account.
    #[must_use]
    pub fn new(files: Arc<dyn Files>, outbound: OutboundHosts) -> Self {
        Self {
            files,
            streams: None,
            tables: None,
            http: http::client(),
            outbound,
            influxdb: None,
            iot_hub: IotHubConfig::default(),
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
            #[cfg(feature = "aws")]
            aws: Arc::default(),
            #[cfg(feature = "aws")]
            own: None,
        }
    }

    /// These targets, with the streams of the host.
    #[must_use]
    pub fn with_streams(self, streams: StreamService) -> Self {
        Self { streams: Some(streams), ..self }
    }

    /// These targets, with the tables of the host.
    #[must_use]
    pub fn with_tables(self, tables: TableService) -> Self {
        Self { tables: Some(tables), ..self }
    }

    /// These targets, with the InfluxDB that the host knows.
    #[must_use]
    pub fn with_influxdb(self, influxdb: Option<InfluxDb>) -> Self {
        Self { influxdb: influxdb.map(|server| server.store()), ..self }
    }

    /// These targets, with how hubs of Azure are spoken to.
    #[must_use]
    pub fn with_iot_hub(self, iot_hub: IotHubConfig) -> Self {
        Self { iot_hub, ..self }
    }

    /// These targets, with the clients that the host uses for AWS anyway.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn with_aws(self, aws: Arc<Aws>) -> Self {
        Self { aws, ..self }
    }

    /// These targets, but not what the host keeps its own state in: a job must not write itself into the tasks of others.
    #[cfg(feature = "aws")]
    #[must_use]
    pub fn sparing(self, bucket: &str, queue_url: &str, event_stream: &str) -> Self {
        let (bucket, queue_url, event_stream) = (bucket.to_owned(), queue_url.to_owned(), event_stream.to_owned());
        Self { own: Some(Own { bucket, queue_url, event_stream }), ..self }
    }

    #[cfg(feature = "aws")]
    fn spares(&self, target: &Target) -> Result<(), Mistake> {
        let Some(Own { bucket, queue_url, event_stream }) = &self.own else { return Ok(()) };
        let last = |url: &str| url.trim_end_matches('/').rsplit('/').next().map(str::to_owned);
        match target {
            Target::S3(target) if target.bucket == *bucket => Err(Mistake::new("target.bucket", "is the bucket of this server itself")),
            Target::Sqs { queue_url: target } if last(target) == last(queue_url) => {
                Err(Mistake::new("target.queue_url", "is the queue of this server itself"))
            }
            Target::Kinesis(target) if last(&target.stream) == last(event_stream) => {
                Err(Mistake::new("target.stream", "is the stream of this server itself"))
            }
            _ => Ok(()),
        }
    }
}

/// What is said where records cannot go into a stream.
const NO_STREAMS: &str = "stream is a target of a server only; `headwater streams put` takes records from standard input";

/// What is said where records cannot go into a table.
const NO_TABLES: &str = "table is a target of a server only";

/// What is said where there is none.
const NO_INFLUXDB: &str = "this host knows no InfluxDB: HEADWATER_INFLUXDB_URL is not set";

impl TargetSet {
    /// Whether a broker may be called; the text says why not.
    fn allows_mqtt(&self, url: &Secret) -> Result<(), String> {
        let (_, host, port, _) = mqtt::place(url)?;
        self.outbound.check(&host, Some(port))
    }

    fn streams(&self) -> Result<&StreamService, SinkError> {
        self.streams.as_ref().ok_or_else(|| SinkError::Fatal(NO_STREAMS.to_owned()))
    }

    fn tables(&self) -> Result<&TableService, SinkError> {
        self.tables.as_ref().ok_or_else(|| SinkError::Fatal(NO_TABLES.to_owned()))
    }
}

#[async_trait]
impl Targets for TargetSet {
    fn supports(&self, target: &Target) -> Result<(), Mistake> {
        match target {
            Target::Stdout | Target::File { .. } => Ok(()),
            Target::Stream(_) if self.streams.is_some() => Ok(()),
            Target::Stream(_) => Err(Mistake::new("target.type", NO_STREAMS)),
            Target::Table(_) if self.tables.is_some() => Ok(()),
            Target::Table(_) => Err(Mistake::new("target.type", NO_TABLES)),
            Target::Http { url, .. } => self.outbound.check_url(url).map_err(|refused| Mistake::new("target.url", refused)),
            Target::Mqtt(target) => self.allows_mqtt(&target.url).map_err(|refused| Mistake::new("target.url", refused)),
            Target::IotHub(target) => {
                let allowed = self.outbound.check(&target.host, Some(self.iot_hub.mqtt_port));
                allowed.map_err(|refused| Mistake::new("target.connection_string", refused))
            }
            Target::InfluxDb(_) if self.influxdb.is_some() => Ok(()),
            Target::InfluxDb(_) => Err(Mistake::new("target.type", NO_INFLUXDB)),
            Target::Kafka(_) if cfg!(feature = "kafka") => Ok(()),
            Target::Kafka(_) => Err(Mistake::new("target.type", without("kafka"))),
            #[cfg(feature = "aws")]
            Target::S3(_) | Target::Sqs { .. } | Target::Kinesis(_) => self.spares(target),
            #[cfg(not(feature = "aws"))]
            Target::S3(_) | Target::Sqs { .. } | Target::Kinesis(_) => Err(Mistake::new("target.type", without("aws"))),
        }
    }

    async fn prepare(&self, target: &Target, owner: &Owner) -> Result<(), SinkError> {
        match target {
            Target::File { name } => self.files.create(name, owner).await.map_err(|error| file::trouble(name, &error)),
            Target::Stream(name) => stream::prepare(self.streams()?, name).await,
            Target::Table(target) => table::prepare(self.tables()?, target).await,
            _ => Ok(()),
        }
    }

    async fn open(&self, target: &Target, owner: &Owner, committed: Committed) -> Result<Box<dyn Sink>, SinkError> {
        Ok(match target {
            Target::Stdout => Box::new(stdout::StdoutSink::new(committed)),
            Target::File { name } => Box::new(file::FileSink::open(self.files.as_ref(), name, owner, committed).await?),
            Target::Stream(name) => Box::new(stream::StreamSink::open(self.streams()?.clone(), name, owner, committed).await?),
            Target::Table(target) => Box::new(table::TableSink::open(self.tables()?.clone(), target, owner, committed).await?),
            Target::Http { url, headers } => {
                // Whoever started the job may have been allowed more than this host is.
                self.outbound.check_url(url).map_err(|refused| SinkError::Fatal(format!("url: {refused}")))?;
                Box::new(http::HttpSink::open(self.http.clone(), url, headers, owner, committed)?)
            }
            Target::Mqtt(target) => {
                self.allows_mqtt(&target.url).map_err(|refused| SinkError::Fatal(format!("url: {refused}")))?;
                Box::new(mqtt::MqttSink::open(target, Arc::clone(&self.clock), self.entropy.as_ref(), committed)?)
            }
            Target::IotHub(target) => {
                let allowed = self.outbound.check(&target.host, Some(self.iot_hub.mqtt_port));
                allowed.map_err(|refused| SinkError::Fatal(format!("connection_string: {refused}")))?;
                Box::new(iot_hub::open(target, &self.iot_hub, Arc::clone(&self.clock), committed)?)
            }
            Target::InfluxDb(target) => {
                let store = self.influxdb.clone().ok_or_else(|| SinkError::Fatal(NO_INFLUXDB.to_owned()))?;
                Box::new(influxdb::InfluxDbSink::open(store, target, committed))
            }
            #[cfg(feature = "kafka")]
            Target::Kafka(target) => Box::new(kafka::KafkaSink::open(target, committed)?),
            #[cfg(not(feature = "kafka"))]
            Target::Kafka(_) => return Err(SinkError::Fatal(without("kafka"))),
            #[cfg(feature = "aws")]
            Target::S3(target) => Box::new(S3Sink::open(self.aws.clients().await.s3.clone(), target, owner, committed).await?),
            #[cfg(feature = "aws")]
            Target::Sqs { queue_url } => Box::new(SqsSink::open(self.aws.clients().await.sqs.clone(), queue_url, owner, committed)),
            #[cfg(feature = "aws")]
            Target::Kinesis(target) => Box::new(KinesisSink::open(self.aws.clients().await.kinesis.clone(), target, committed)),
            #[cfg(not(feature = "aws"))]
            Target::S3(_) | Target::Sqs { .. } | Target::Kinesis(_) => return Err(SinkError::Fatal(without("aws"))),
        })
    }
}

fn without(feature: &str) -> String {
    format!("this program was built without the feature {feature}")
}

/// A store's failure in words for users; its insides go to the log.
fn log_and_hide(what: &str, error: &PortError) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what} failed");
}

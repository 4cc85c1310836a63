use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use headwater_core::ports::{Batch, Committed, Sink, SinkError};
use headwater_core::targets::{Compression, KafkaTarget, KeyFields};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use tokio::sync::Notify;

/// How long a record may wait for the brokers before the job says that it waits, and tries again from what was delivered.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that may wait in the client: enough to keep a fast broker busy, little enough for many jobs.
const QUEUE_KILOBYTES: &str = "65536";

/// Produces to a topic, with acknowledgement by all replicas and the idempotent producer: within the life of one sink every
/// record arrives once and in order per partition. Over a crash the records since the last commit arrive again.
pub(super) struct KafkaSink {
    producer: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
    servers: String,
    topic: String,
    key: KeyFields,
}

impl std::fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSink").field("servers", &self.servers).field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// What the brokers have acknowledged, shared with the client's own thread.
#[derive(Debug, Clone)]
struct Deliveries(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// A prefix of the records, all acknowledged.
    durable: Committed,
    /// The records behind the prefix: length, and whether it is acknowledged. Partitions acknowledge in their own order.
    open: VecDeque<(u32, bool)>,
    failure: Option<(bool, String)>,
    /// What the client said last about its connections.
    last_error: Option<String>,
}

impl Deliveries {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner) // Plain data: whole after any panic.
    }

    fn failure(&self, servers: &str) -> Option<SinkError> {
        let state = self.state();
        let (fatal, text) = state.failure.as_ref()?;
        let text = match &state.last_error {
            Some(last) if !fatal => format!("{servers}: {text} ({last})"),
            _ => format!("{servers}: {text}"),
        };
        Some(if *fatal { SinkError::Fatal(text) } else { SinkError::Retry(text) })
    }
}

/// Errors that another try cannot better.
fn is_fatal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidTopic
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::PolicyViolation
            | Code::InvalidRecord
    )
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        let mut state = self.state();
        // That all brokers are down follows from what is wrong with each of them, which says more.
        let follows = error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown);
        if !follows || state.last_error.is_none() {
            state.last_error = Some(reason.to_owned());
        }
        if let Some(code) = error.rdkafka_error_code().filter(|code| is_fatal(*code)) {
            state.failure.get_or_insert((true, format!("{code}: {reason}")));
            drop(state);
            self.0.changed.notify_waiters();
        }
    }
}

impl ProducerContext for Deliveries {
    /// The record's number among all records of the task.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let mut state = self.state();
        match result {
            Ok(_) => {
                let place = number as u64 - state.durable.records;
                if let Some(entry) = usize::try_from(place).ok().and_then(|place| state.open.get_mut(place)) {
                    entry.1 = true;
                }
                while let Some((length, true)) = state.open.front().copied() {
                    state.open.pop_front();
                    state.durable.records += 1;
                    state.durable.bytes += u64::from(length);
                }
            }
            Err((error, _)) => {
                let fatal = error.rdkafka_error_code().is_some_and(is_fatal);
                state.failure.get_or_insert((fatal, error.to_string()));
            }
        }
        if state.open.is_empty() || state.failure.is_some() {
            drop(state);
            self.0.changed.notify_waiters();
        }
    }
}

fn config(target: &KafkaTarget) -> ClientConfig {
    let mut config = ClientConfig::new();
    let security = match (target.security.tls, target.security.sasl.is_some()) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    config
        .set("bootstrap.servers", &target.servers)
        .set("client.id", "headwater")
        .set("security.protocol", security)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("message.timeout.ms", PATIENCE.as_millis().to_string())
        .set("reconnect.backoff.max.ms", "1000")
        .set("queue.buffering.max.kbytes", QUEUE_KILOBYTES)
        .set("queue.buffering.max.messages", "1000000");
    if target.compression != Compression::None {
        config.set("compression.codec", target.compression.name());
    }
    if target.security.tls {
        // The client's own OpenSSL does not know where the system keeps its authorities; `probe` looks.
        config.set("ssl.ca.location", target.security.ca_location.as_deref().unwrap_or("probe"));
    }
    if let Some(sasl) = &target.security.sasl {
        config.set("sasl.mechanism", &sasl.mechanism).set("sasl.username", &sasl.username).set("sasl.password", sasl.password.expose());
    }
    config
}

impl KafkaSink {
    pub(super) fn open(target: &KafkaTarget, committed: Committed) -> Result<Self, SinkError> {
        if let Some(path) = target.security.ca_location.as_deref().filter(|_| target.security.tls) {
            std::fs::metadata(path).map_err(|error| SinkError::Fatal(format!("ssl_cafile: {path} cannot be read: {error}")))?;
        }
        let state = State { durable: committed, open: VecDeque::new(), failure: None, last_error: None };
        let deliveries = Deliveries(Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }));
        let producer = config(target)
            .create_with_context(deliveries.clone())
            .map_err(|error| SinkError::Fatal(format!("the Kafka client cannot be set up: {error}")))?;
        Ok(Self { producer, deliveries, servers: target.servers.clone(), topic: target.topic.clone(), key: target.key.clone() })
    }

    async fn send(&self, record: &[u8], key: Option<&[u8]>, number: usize) -> Result<(), SinkError> {
        let mut message = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&self.topic, number).payload(record);
        message.key = key;
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    if let Some(failure) = self.deliveries.failure(&self.servers) {
                        return Err(failure);
                    }
                    message = back;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err((error, _)) => {
                    let fatal = error.rdkafka_error_code().is_some_and(is_fatal);
                    let text = format!("{}: {error}", self.servers);
                    return Err(if fatal { SinkError::Fatal(text) } else { SinkError::Retry(text) });
                }
            }
        }
    }
}

impl Drop for KafkaSink {
    fn drop(&mut self) {
        // What is still waiting belongs to a step that failed or was stopped; it is generated again, or not wanted.
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }
}

#[async_trait]
impl Sink for KafkaSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        for record in batch.records() {
            let number = {
                let mut state = self.deliveries.state();
                let length = u32::try_from(record.len() + 1).expect("a record is smaller than its batch");
                state.open.push_back((length, false));
                state.durable.records + state.open.len() as u64 - 1
            };
            let key = self.key.of(record);
            self.send(record, key.as_deref(), usize::try_from(number).expect("64 bits")).await?;
        }
        match self.deliveries.failure(&self.servers) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        loop {
            let changed = self.deliveries.0.changed.notified();
            if let Some(failure) = self.deliveries.failure(&self.servers) {
                return Err(failure);
            }
            if self.deliveries.state().open.is_empty() {
                return Ok(());
            }
            // The client answers for every record within its own time limit; the wait only guards against losing a wake-up.
            let _ = tokio::time::timeout(Duration::from_millis(100), changed).await;
        }
    }

    fn committed(&self) -> Committed {
        self.deliveries.state().durable
    }
}

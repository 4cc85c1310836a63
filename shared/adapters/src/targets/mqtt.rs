use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use futures::FutureExt as _;
use headwater_core::ports::{Batch, Clock, Committed, Entropy, Sink, SinkError, Timestamp};
use headwater_core::secret::Secret;
use headwater_core::targets::{MqttTarget, TopicTemplate};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tokio::time::timeout;

use crate::mqtt::{Connect, Incoming, Line, LineError, Port, Trust, packet};

/// Messages on their way at the same time.
const WINDOW: usize = 1024;

/// Bytes that are written at once.
const SLICE: usize = 64 * 1024;

/// How long a broker may take to acknowledge one.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the broker is told about silence: jobs in real time may have nothing to say for long. Who is cut off meanwhile connects again.
const KEEP_ALIVE_SECONDS: u16 = 1200;

/// Publishes each record with QoS 1. What the broker has acknowledged is durable; over a crash, records since the last commit arrive
/// again.
#[derive(Debug)]
pub(super) struct MqttSink {
    port: Port,
    client: Client,
    topic: TopicOf,
    line: Option<Line>,
    clock: Arc<dyn Clock>,
    /// When the password ends, if it does.
    renewal: Option<Timestamp>,
    last_number: u16,
    /// Not acknowledged yet, oldest first: number and length.
    flying: VecDeque<(u16, u32)>,
    durable: Committed,
}

/// As whom to connect.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) user: Option<String>,
    pub(super) password: Password,
}

/// What proves it.
pub(super) enum Password {
    None,
    Fixed(Secret),
    /// Made anew for each connection: by when it ends, and of what.
    Token {
        life: Duration,
        make: Box<dyn Fn(Timestamp) -> Secret + Send + Sync>,
    },
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(headwater_core::secret::MASK)
    }
}

/// Where a record is published.
#[derive(Debug)]
pub(super) enum TopicOf {
    Fixed(String),
    Record(TopicTemplate),
}

/// The host and port of a broker, and whether it speaks TLS.
pub(super) fn place(url: &Secret) -> Result<(Url, String, u16, bool), String> {
    let parsed = Url::parse(url.expose()).map_err(|error| format!("is not an address: {error}"))?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let tls = parsed.scheme() == "mqtts";
    let port = parsed.port().unwrap_or(if tls { 8883 } else { 1883 });
    Ok((parsed, host, port, tls))
}

impl MqttSink {
    pub(super) fn open(target: &MqttTarget, clock: Arc<dyn Clock>, entropy: &dyn Entropy, committed: Committed) -> Result<Self, SinkError> {
        let (url, host, port, tls) = place(&target.url).map_err(|problem| SinkError::Fatal(format!("url: {problem}")))?;
        let tls = if tls { Some(trust(target.ca_location.as_deref())?) } else { None };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decoded);
        let password = url.password().map_or(Password::None, |password| Password::Fixed(Secret::new(decoded(password))));
        // 23 letters are what every broker takes.
        let id = format!("headwater-{:013x}", entropy.draw() >> 12);
        let client = Client { id, user, password };
        Ok(Self::new(Port { host, port, tls }, client, TopicOf::Record(target.topic.clone()), clock, committed))
    }

    pub(super) fn new(port: Port, client: Client, topic: TopicOf, clock: Arc<dyn Clock>, committed: Committed) -> Self {
        let (line, renewal, last_number, flying) = (None, None, 0, VecDeque::new());
        Self { port, client, topic, line, clock, renewal, last_number, flying, durable: committed }
    }

    fn trouble(&self, error: &LineError) -> SinkError {
        let text = format!("{} {error}", self.port.host);
        // Others than these a broker may think better of.
        if matches!(error, LineError::Refused(1 | 2 | 4 | 5)) { SinkError::Fatal(text) } else { SinkError::Retry(text) }
    }

    /// Sees to it that there is a connection.
    async fn connect(&mut self) -> Result<(), SinkError> {
        let now = self.clock.now();
        if self.flying.is_empty() {
            let ended = self.renewal.is_some_and(|renewal| renewal <= now);
            // A connection that was quiet for long may have been cut off, which is no failure of anything.
            let broken = self.line.as_mut().is_some_and(|line| matches!(line.next().now_or_never(), Some(Err(_))));
            if ended || broken {
                self.line = None;
            }
        }
        if self.line.is_some() {
            return Ok(());
        }
        let (password, renewal) = match &self.client.password {
            Password::None => (None, None),
            Password::Fixed(secret) => (Some(secret.clone()), None),
            Password::Token { life, make } => (Some(make(now.plus(*life))), Some(now.plus(life.mul_f64(0.85)))),
        };
        let connect = Connect {
            client_id: &self.client.id,
            user: self.client.user.as_deref(),
            password: password.as_ref().map(Secret::expose),
            keep_alive_seconds: KEEP_ALIVE_SECONDS,
        };
        let line = Line::open(&self.port, &connect).await.map_err(|error| self.trouble(&error))?;
        (self.line, self.renewal) = (Some(line), renewal);
        Ok(())
    }

    async fn send(&mut self, packets: &[u8]) -> Result<(), SinkError> {
        let line = self.line.as_mut().expect("connected before anything is sent");
        match line.send(packets).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.trouble(&error)),
        }
    }

    /// Waits until no more than so many messages are on their way.
    async fn settle(&mut self, most: usize) -> Result<(), SinkError> {
        while self.flying.len() > most {
            let line = self.line.as_mut().expect("connected since the first message");
            let incoming = match timeout(PATIENCE, line.next()).await {
                Ok(Ok(incoming)) => incoming,
                Ok(Err(error)) => return Err(self.trouble(&error)),
                Err(_) => return Err(self.trouble(&LineError::Silent)),
            };
            let Incoming::Acknowledged(number) = incoming else { continue };
            // Brokers acknowledge in order, so whatever is older has been taken, too.
            let Some(place) = self.flying.iter().position(|(flying, _)| *flying == number) else { continue };
            for (_, length) in self.flying.drain(..=place) {
                self.durable.records += 1;
                self.durable.bytes += u64::from(length);
            }
        }
        Ok(())
    }

    fn topic(&self, record: &[u8]) -> Result<String, SinkError> {
        let topic = match &self.topic {
            TopicOf::Fixed(topic) => topic.clone(),
            TopicOf::Record(template) => template.of(record),
        };
        match topic.len() {
            0 => Err(SinkError::Fatal("topic: is empty for a record".to_owned())),
            length if length > packet::LONGEST_TEXT => Err(SinkError::Fatal("topic: has more than 65535 bytes for a record".to_owned())),
            _ => Ok(topic),
        }
    }
}

/// The system's authorities, and those of a file.
pub(super) fn trust(file: Option<&str>) -> Result<Trust, SinkError> {
    let told = |problem: String| SinkError::Fatal(file.map_or_else(|| problem.clone(), |path| format!("ssl_cafile: {path} {problem}")));
    let pem = file.map(std::fs::read).transpose().map_err(|error| told(format!("cannot be read: {error}")))?;
    Trust::new(pem.as_deref()).map_err(told)
}

#[async_trait]
impl Sink for MqttSink {
    async fn write(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.connect().await?;
        let mut packets = BytesMut::new();
        for record in batch.records() {
            let topic = self.topic(record)?;
            if record.len() > packet::LONGEST / 2 {
                return Err(SinkError::Fatal("a record is longer than a message may be".to_owned()));
            }
            self.last_number = if self.last_number == u16::MAX { 1 } else { self.last_number + 1 };
            packet::publish(&mut packets, &topic, record, Some(self.last_number));
            let length = u32::try_from(record.len() + 1).expect("a record is smaller than its batch");
            self.flying.push_back((self.last_number, length));
            if packets.len() >= SLICE || self.flying.len() >= WINDOW {
                self.send(&packets).await?;
                packets.clear();
                self.settle(WINDOW / 2).await?;
            }
        }
        self.send(&packets).await
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        self.settle(0).await
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        self.flush().await?;
        if let Some(line) = self.line.take() {
            line.close().await;
        }
        Ok(())
    }

    fn committed(&self) -> Committed {
        self.durable
    }
}

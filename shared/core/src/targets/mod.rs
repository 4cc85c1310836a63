//! Targets: where the records of a job go. One enum describes them all; adapters write them.

mod cloud;
mod http;
mod influxdb;
mod iot_hub;
mod kafka;
mod key;
mod member;
mod mqtt;
mod stream;
mod table;

use serde_json::{Map, Value};

use crate::ids::{FileName, StreamName};
use crate::mistakes::{Findings, Mistakes, Node};
use crate::secret::{MASK, Secret};

pub use cloud::{KinesisTarget, S3Target};
pub use influxdb::InfluxDbTarget;
pub use iot_hub::IotHubTarget;
pub use kafka::{Compression, KafkaSecurity, KafkaTarget, Sasl};
pub use key::KeyFields;
pub use member::MemberPath;
pub use mqtt::{MqttTarget, TopicTemplate};
pub use table::TableTarget;

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The host's standard output, one record a line.
    Stdout,
    /// A file of the files folder, one record a line.
    File {
        /// The base name of the request's `path`.
        name: FileName,
    },
    /// A topic of a Kafka cluster.
    Kafka(KafkaTarget),
    /// An HTTP endpoint that takes batches as newline-delimited JSON.
    Http {
        /// Where batches are posted.
        url: String,
        /// Extra headers; their values may be credentials.
        headers: Vec<(String, Secret)>,
    },
    /// A stream of this house, one event a record.
    Stream(StreamName),
    /// A table of this house, one element a record.
    Table(TableTarget),
    /// Objects in a bucket of S3, one a step.
    S3(S3Target),
    /// A queue of SQS, one message a record.
    Sqs {
        /// The queue's URL.
        queue_url: String,
    },
    /// A stream of Kinesis.
    Kinesis(KinesisTarget),
    /// Topics of an MQTT broker, one message a record.
    Mqtt(MqttTarget),
    /// An Azure IoT Hub, one message a record.
    IotHub(IotHubTarget),
    /// A measurement of InfluxDB, one point a record.
    InfluxDb(InfluxDbTarget),
}

/// Words whose presence in the name of a member makes its value a secret, whether or not we know the member.
const SECRET_WORDS: [&str; 5] = ["password", "secret", "token", "headers", "connection_string"];

impl Target {
    /// Reads the `target` object of a request.
    ///
    /// # Errors
    /// Every mistake with its path below `target`: an unknown type, a missing member, a member of the wrong type.
    pub fn parse(value: &Value) -> Result<Self, Mistakes> {
        let findings = Findings::default();
        let target = read(&Node::top(value, "target", &findings));
        findings.conclude(target)
    }

    /// The target object as it is shown to clients: the path rewritten to `/files/NAME`, secrets masked.
    #[must_use]
    pub fn shown(&self, given: &Map<String, Value>) -> Map<String, Value> {
        let mut shown = given.clone();
        mask_secrets(&mut shown);
        if let Self::File { name } = self {
            shown.insert("path".to_owned(), Value::String(format!("/files/{name}")));
        }
        shown
    }

    /// The file that this target writes, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&FileName> {
        match self {
            Self::File { name } => Some(name),
            _ => None,
        }
    }

    /// The stream that this target writes, if it is one.
    #[must_use]
    pub fn stream(&self) -> Option<&StreamName> {
        match self {
            Self::Stream(name) => Some(name),
            _ => None,
        }
    }

    /// The word that stands for this kind of target in messages and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File { .. } => "file",
            Self::Kafka(_) => "kafka",
            Self::Http { .. } => "http",
            Self::Stream(_) => "stream",
            Self::Table(_) => "table",
            Self::S3(_) => "s3",
            Self::Sqs { .. } => "sqs",
            Self::Kinesis(_) => "kinesis",
            Self::Mqtt(_) => "mqtt",
            Self::IotHub(_) => "iothub",
            Self::InfluxDb(_) => "influxdb",
        }
    }
}

/// Masks whatever may be a secret in a target object.
pub fn mask_secrets(target: &mut Map<String, Value>) {
    for (member, value) in target.iter_mut() {
        let member = member.to_ascii_lowercase();
        match value {
            Value::String(url) if member.ends_with("url") => mask_credentials(url),
            value if SECRET_WORDS.iter().any(|word| member.contains(word)) => mask(value),
            _ => {}
        }
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(mask),
        Value::Array(items) => items.iter_mut().for_each(mask),
        other => *other = Value::String(MASK.to_owned()),
    }
}

/// `http://user:password@host/in?token=x` becomes `http://********@host/in?********`.
fn mask_credentials(url: &mut String) {
    if let Some(query) = url.find('?') {
        url.replace_range(query + 1.., MASK);
    }
    let Some(scheme) = url.find("://").map(|at| at + 3) else { return };
    let authority_end = url[scheme..].find(['/', '?', '#']).map_or(url.len(), |at| scheme + at);
    if let Some(at) = url[scheme..authority_end].rfind('@') {
        url.replace_range(scheme..scheme + at, MASK);
    }
}

/// The types, as messages name them.
const KNOWN: &str = "stdout, file, stream, table, kafka, confluent, http, s3, sqs, kinesis, mqtt, iothub, influxdb";

fn read(node: &Node<'_>) -> Option<Target> {
    node.expect_object()?;
    let kind = node.required("type")?;
    let word = kind.text()?;
    match word.to_ascii_lowercase().as_str() {
        "stdout" => Some(Target::Stdout),
        "file" => read_file(node),
        "kafka" => kafka::read(node),
        "confluent" => kafka::read_confluent(node),
        "http" => http::read(node),
        "stream" => stream::read(node),
        "table" => table::read(node),
        "s3" => cloud::read_s3(node),
        "sqs" => cloud::read_sqs(node),
        "kinesis" => cloud::read_kinesis(node),
        "mqtt" => mqtt::read(node),
        "iothub" => iot_hub::read(node),
        "influxdb" => influxdb::read(node),
        _ => kind.wrong(format!("unknown target type {word:?}; known are {KNOWN}")),
    }
}

fn read_file(node: &Node<'_>) -> Option<Target> {
    let path = node.required("path")?;
    match FileName::base_of(path.text()?) {
        Ok(name) => Some(Target::File { name }),
        Err(error) => path.wrong(format!("names no file: its last part {error}")),
    }
}

fn filled_text(node: &Node<'_>, member: &str) -> Option<String> {
    let member = node.required(member)?;
    let text = member.text()?;
    if text.trim().is_empty() { member.wrong("must not be empty") } else { Some(text.to_owned()) }
}

fn optional_text(node: &Node<'_>, member: &str) -> Result<Option<String>, ()> {
    match node.optional(member) {
        None => Ok(None),
        Some(member) => member.text().map(|text| Some(text.to_owned())).ok_or(()),
    }
}

#[cfg(test)]
mod tests;

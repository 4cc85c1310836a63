use super::{KeyFields, Target, filled_text, optional_text};
use crate::mistakes::Node;
use crate::secret::Secret;

/// A topic of a Kafka cluster, `kafka` and `confluent` alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaTarget {
    /// Bootstrap servers, `host:port` joined by commas.
    pub servers: String,
    /// The topic.
    pub topic: String,
    /// Members whose values, one after the other, make a record's key.
    pub key: KeyFields,
    /// How the connection is protected.
    pub security: KafkaSecurity,
    /// Compression of batches.
    pub compression: Compression,
}

/// Protection of a Kafka connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSecurity {
    /// TLS or not.
    pub tls: bool,
    /// PEM file with the authorities to trust instead of the system's.
    pub ca_location: Option<String>,
    /// Credentials, when the cluster asks for them.
    pub sasl: Option<Sasl>,
}

/// Credentials of a Kafka client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// User.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// Compression of Kafka batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// None.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The name that Kafka knows it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

fn read_topic(node: &Node<'_>) -> Option<String> {
    let topic = filled_text(node, "topic")?;
    // The rule of Kafka's own `Topic.validate`.
    let legal =
        topic.len() <= 249 && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && topic != "." && topic != "..";
    if legal { Some(topic) } else { node.get("topic")?.wrong("must be a topic name: up to 249 of [A-Za-z0-9._-]") }
}

pub(super) fn read(node: &Node<'_>) -> Option<Target> {
    let servers = filled_text(node, "endpoint").map(|servers| with_default_port(&servers));
    let topic = read_topic(node);
    let key = KeyFields::read(node, "topic_key");
    let compression = read_compression(node);
    let security = read_security(node);
    Some(Target::Kafka(KafkaTarget { servers: servers?, topic: topic?, key: key?, security: security?, compression: compression? }))
}

fn read_compression(node: &Node<'_>) -> Option<Compression> {
    let Some(member) = node.optional("compression_type") else { return Some(Compression::None) };
    let word = member.text()?;
    match word.to_ascii_lowercase().as_str() {
        "none" => Some(Compression::None),
        "gzip" => Some(Compression::Gzip),
        "snappy" => Some(Compression::Snappy),
        "lz4" => Some(Compression::Lz4),
        "zstd" => Some(Compression::Zstd),
        _ => member.wrong(format!("unknown compression {word:?}; known are none, gzip, snappy, lz4, zstd")),
    }
}

fn read_security(node: &Node<'_>) -> Option<KafkaSecurity> {
    let ca_location = optional_text(node, "ssl_cafile").ok()?;
    let protocol = match node.optional("security_protocol") {
        None => "PLAINTEXT".to_owned(),
        Some(member) => member.text()?.to_ascii_uppercase(),
    };
    let (tls, credentials) = match protocol.as_str() {
        "PLAINTEXT" => (false, false),
        "SSL" => (true, false),
        "SASL_PLAINTEXT" => (false, true),
        "SASL_SSL" => (true, true),
        other => {
            let known = "known are PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL";
            return node.get("security_protocol")?.wrong(format!("unknown security protocol {other:?}; {known}"));
        }
    };
    let sasl = if credentials { Some(read_sasl(node)?) } else { None };
    Some(KafkaSecurity { tls, ca_location, sasl })
}

fn read_sasl(node: &Node<'_>) -> Option<Sasl> {
    let mechanism = match node.optional("sasl_mechanism") {
        None => Some("PLAIN".to_owned()),
        Some(member) => match member.text()?.to_ascii_uppercase() {
            word if matches!(word.as_str(), "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512") => Some(word),
            word => member.wrong(format!("unknown mechanism {word:?}; known are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512")),
        },
    };
    let username = filled_text(node, "username");
    let password = filled_text(node, "password");
    Some(Sasl { mechanism: mechanism?, username: username?, password: Secret::new(password?) })
}

pub(super) fn read_confluent(node: &Node<'_>) -> Option<Target> {
    let servers = filled_text(node, "servers").map(|servers| with_default_port(&servers));
    let topic = read_topic(node);
    let key = KeyFields::read(node, "topic_key");
    let compression = read_compression(node);
    let ca_location = optional_text(node, "ssl_cafile").ok();
    let sasl = read_sasl(node);
    let security = KafkaSecurity { tls: true, ca_location: ca_location?, sasl: Some(sasl?) };
    Some(Target::Kafka(KafkaTarget { servers: servers?, topic: topic?, key: key?, security, compression: compression? }))
}

/// `host` means `host:9092`, for each of a comma-joined list.
pub(super) fn with_default_port(servers: &str) -> String {
    let complete = |server: &str| {
        let server = server.trim();
        let has_port = server.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        if has_port { server.to_owned() } else { format!("{server}:9092") }
    };
    servers.split(',').map(complete).collect::<Vec<_>>().join(",")
}

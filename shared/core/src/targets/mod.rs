//! Targets: where the records of a job go. One enum describes them all; adapters write them.

mod key;

use serde_json::{Map, Value};

use crate::ids::FileName;
use crate::mistakes::{Findings, Mistakes, Node, kind_of};
use crate::secret::{MASK, Secret};

pub use key::KeyFields;

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
}

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

/// Words whose presence in the name of a member makes its value a secret, whether or not we know the member.
const SECRET_WORDS: [&str; 4] = ["password", "secret", "token", "headers"];

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
            Self::Stdout | Self::Kafka(_) | Self::Http { .. } => None,
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
        }
    }
}

/// Masks whatever may be a secret in a target object.
pub fn mask_secrets(target: &mut Map<String, Value>) {
    for (member, value) in target.iter_mut() {
        let member = member.to_ascii_lowercase();
        match value {
            Value::String(url) if member == "url" => mask_credentials(url),
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

fn read(node: &Node<'_>) -> Option<Target> {
    node.expect_object()?;
    let kind = node.required("type")?;
    let word = kind.text()?;
    match word.to_ascii_lowercase().as_str() {
        "stdout" => Some(Target::Stdout),
        "file" => read_file(node),
        "kafka" => read_kafka(node),
        "confluent" => read_confluent(node),
        "http" => read_http(node),
        _ => kind.wrong(format!("unknown target type {word:?}; known are stdout, file, kafka, confluent, http")),
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

fn read_topic(node: &Node<'_>) -> Option<String> {
    let topic = filled_text(node, "topic")?;
    // The rule of Kafka's own `Topic.validate`.
    let legal =
        topic.len() <= 249 && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && topic != "." && topic != "..";
    if legal { Some(topic) } else { node.get("topic")?.wrong("must be a topic name: up to 249 of [A-Za-z0-9._-]") }
}

fn read_kafka(node: &Node<'_>) -> Option<Target> {
    let servers = filled_text(node, "endpoint").map(|servers| with_default_port(&servers));
    let topic = read_topic(node);
    let key = KeyFields::read(node);
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

fn read_confluent(node: &Node<'_>) -> Option<Target> {
    let servers = filled_text(node, "servers").map(|servers| with_default_port(&servers));
    let topic = read_topic(node);
    let key = KeyFields::read(node);
    let compression = read_compression(node);
    let ca_location = optional_text(node, "ssl_cafile").ok();
    let sasl = read_sasl(node);
    let security = KafkaSecurity { tls: true, ca_location: ca_location?, sasl: Some(sasl?) };
    Some(Target::Kafka(KafkaTarget { servers: servers?, topic: topic?, key: key?, security, compression: compression? }))
}

/// `host` means `host:9092`, for each of a comma-joined list.
fn with_default_port(servers: &str) -> String {
    let complete = |server: &str| {
        let server = server.trim();
        let has_port = server.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        if has_port { server.to_owned() } else { format!("{server}:9092") }
    };
    servers.split(',').map(complete).collect::<Vec<_>>().join(",")
}

fn read_http(node: &Node<'_>) -> Option<Target> {
    let url = read_url(node);
    let headers = match node.optional("headers") {
        None => Some(Vec::new()),
        Some(headers) => read_headers(&headers),
    };
    Some(Target::Http { url: url?, headers: headers? })
}

fn read_url(node: &Node<'_>) -> Option<String> {
    let url = filled_text(node, "url")?;
    let lower = url.to_ascii_lowercase();
    let rest = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://"));
    let plain = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    match rest {
        Some(rest) if plain && has_host(rest) => Some(url),
        _ => node.get("url")?.wrong("must be an http:// or https:// address"),
    }
}

/// Whether an address without its scheme begins with a host, and a port if there is one.
fn has_host(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match host.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) => {
                return address.parse::<std::net::Ipv6Addr>().is_ok() && is_port(port.strip_prefix(':').unwrap_or(port));
            }
            None => return false,
        },
        None => host.split_once(':').unwrap_or((host, "")),
    };
    !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-._~".contains(c)) && is_port(port)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.parse::<u16>().is_ok()
}

fn read_headers(node: &Node<'_>) -> Option<Vec<(String, Secret)>> {
    node.expect_object()?;
    let Value::Object(members) = node.value() else { return None };
    let mut headers = Vec::new();
    for (name, value) in members {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let Value::String(text) = value else {
            node.findings().note(format!("{}.{name}", node.path()), format!("must be a text, not {}", kind_of(value)));
            continue;
        };
        if name.is_empty() || !name.bytes().all(token) || text.chars().any(|c| c.is_control() && c != '\t') {
            node.findings().note(format!("{}.{name}", node.path()), "is not a header that can be sent");
            continue;
        }
        headers.push((name.clone(), Secret::new(text.clone())));
    }
    Some(headers)
}

#[cfg(test)]
mod tests;

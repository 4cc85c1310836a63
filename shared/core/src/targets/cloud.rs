use super::http::read_url;
use super::{KeyFields, Target, filled_text, optional_text};
use crate::limits;
use crate::mistakes::Node;

/// Objects in a bucket of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Target {
    /// The bucket.
    pub bucket: String,
    /// What every object's key begins with, as it is; may be empty.
    pub prefix: String,
    /// Whether objects are compressed with gzip.
    pub gzip: bool,
}

/// A stream of Kinesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KinesisTarget {
    /// The stream's name.
    pub stream: String,
    /// Members whose values, one after the other, make a record's partition key. None: records are spread evenly.
    pub partition_key: KeyFields,
}

pub(super) fn read_s3(node: &Node<'_>) -> Option<Target> {
    let bucket = read_bucket(node);
    let prefix = read_prefix(node);
    let gzip = read_gzip(node);
    Some(Target::S3(S3Target { bucket: bucket?, prefix: prefix?, gzip: gzip? }))
}

fn read_bucket(node: &Node<'_>) -> Option<String> {
    let bucket = filled_text(node, "bucket")?;
    // Amazon's rules for the names of general purpose buckets, as far as they do not depend on the region.
    let letters = bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b));
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    let legal = (3..=63).contains(&bucket.len()) && letters && ends(bucket.bytes().next()) && ends(bucket.bytes().last());
    if legal && !bucket.contains("..") { Some(bucket) } else { node.get("bucket")?.wrong("must be a bucket's name: 3 to 63 of [a-z0-9.-]") }
}

fn read_prefix(node: &Node<'_>) -> Option<String> {
    let prefix = optional_text(node, "prefix").ok()?.unwrap_or_default();
    if prefix.len() > limits::PATH_BYTES {
        let most = limits::PATH_BYTES;
        return node.get("prefix")?.wrong(format!("has {} bytes, at most {most} are allowed", prefix.len()));
    }
    // Not what S3 forbids, but what programs that treat a key as a path trip over.
    let plain =
        !prefix.starts_with('/') && !prefix.chars().any(char::is_control) && !prefix.split('/').any(|part| matches!(part, "." | ".."));
    if plain { Some(prefix) } else { node.get("prefix")?.wrong("must not begin with /, nor hold control characters or the parts . and ..") }
}

fn read_gzip(node: &Node<'_>) -> Option<bool> {
    let Some(member) = node.optional("compression") else { return Some(false) };
    let word = member.text()?;
    match word.to_ascii_lowercase().as_str() {
        "none" => Some(false),
        "gzip" => Some(true),
        _ => member.wrong(format!("unknown compression {word:?}; known are none, gzip")),
    }
}

pub(super) fn read_sqs(node: &Node<'_>) -> Option<Target> {
    Some(Target::Sqs { queue_url: read_url(node, "queue_url")? })
}

pub(super) fn read_kinesis(node: &Node<'_>) -> Option<Target> {
    let stream = read_stream(node);
    let partition_key = KeyFields::read(node, "partition_key");
    Some(Target::Kinesis(KinesisTarget { stream: stream?, partition_key: partition_key? }))
}

fn read_stream(node: &Node<'_>) -> Option<String> {
    let stream = filled_text(node, "stream")?;
    let legal = stream.len() <= 128 && stream.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if legal { Some(stream) } else { node.get("stream")?.wrong("must be a stream's name: up to 128 of [A-Za-z0-9._-]") }
}

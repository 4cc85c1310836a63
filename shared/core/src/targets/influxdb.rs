use super::member::{MemberPath, read_path};
use super::{Target, filled_text};
use crate::mistakes::Node;

/// A measurement of the InfluxDB that the host knows, one point a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfluxDbTarget {
    /// The measurement.
    pub measurement: String,
    /// Members that become tags.
    pub tags: Vec<MemberPath>,
    /// Members that become fields. Empty: all members of the record that are numbers, texts or truth values, but tags and the time.
    pub fields: Vec<MemberPath>,
    /// The member that holds a record's time.
    pub time: MemberPath,
}

pub(super) fn read(node: &Node<'_>) -> Option<Target> {
    let measurement = filled_text(node, "measurement").and_then(|measurement| {
        let plain = !measurement.starts_with('#') && !measurement.chars().any(char::is_control);
        if plain { Some(measurement) } else { node.get("measurement")?.wrong("must not begin with #, nor hold control characters") }
    });
    let tags = read_paths(node, "tags");
    let fields = read_paths(node, "fields");
    let time = read_time(node);
    Some(Target::InfluxDb(InfluxDbTarget { measurement: measurement?, tags: tags?, fields: fields?, time: time? }))
}

fn read_time(node: &Node<'_>) -> Option<MemberPath> {
    node.optional("time").map_or_else(|| MemberPath::new("time"), |time| read_path(&time))
}

fn read_paths(node: &Node<'_>, member: &str) -> Option<Vec<MemberPath>> {
    let Some(member) = node.optional(member) else { return Some(Vec::new()) };
    let paths: Vec<_> = member.elements()?.iter().map(read_path).collect();
    paths.into_iter().collect()
}

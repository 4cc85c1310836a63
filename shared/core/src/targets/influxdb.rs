use serde_json::{Map, Value};

use super::{Target, filled_text, optional_text};
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

/// Where a value is in a record: the name of a member, or names joined by dots that lead through objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberPath(String);

impl MemberPath {
    /// The path as it was given; it names the tag or field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value in a record. A member whose own name holds dots goes before a path.
    #[must_use]
    pub fn of<'r>(&self, record: &'r Map<String, Value>) -> Option<&'r Value> {
        if let Some(value) = record.get(&self.0) {
            return Some(value);
        }
        let mut names = self.0.split('.');
        let first = record.get(names.next()?)?;
        names.try_fold(first, |value, name| value.as_object()?.get(name))
    }
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
    match optional_text(node, "time").ok()? {
        None => Some(MemberPath("time".to_owned())),
        Some(text) if is_path(&text) => Some(MemberPath(text)),
        Some(_) => node.get("time")?.wrong(NO_PATH),
    }
}

const NO_PATH: &str = "must name a member of a record, or members joined by dots";

fn read_paths(node: &Node<'_>, member: &str) -> Option<Vec<MemberPath>> {
    let Some(member) = node.optional(member) else { return Some(Vec::new()) };
    let read = |element: &Node<'_>| {
        let text = element.text()?;
        if is_path(text) { Some(MemberPath(text.to_owned())) } else { element.wrong(NO_PATH) }
    };
    let paths: Vec<_> = member.elements()?.iter().map(read).collect();
    paths.into_iter().collect()
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.split('.').any(str::is_empty) && !text.chars().any(char::is_control)
}

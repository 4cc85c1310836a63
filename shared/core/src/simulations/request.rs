//! What a request says about a simulation.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::model::{CUSTOM, Override, optional, optional_text};
use super::{ModelCount, Moment, RateLimits};
use crate::limits;
use crate::mistakes::{Findings, Mistakes, Node};
use crate::ports::Timestamp;

/// What a request asks for. What it leaves out is as for a new simulation.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) etag: String,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) enabled: bool,
    /// The text for the hub; nothing for that of the configuration.
    pub(super) hub: Option<String>,
    pub(super) target: Option<Map<String, Value>>,
    pub(super) start: Option<Moment>,
    pub(super) end: Option<Moment>,
    pub(super) models: Vec<ModelCount>,
    pub(super) delete_devices_when_ends: bool,
    pub(super) rate_limits: Option<RateLimits>,
    pub(super) replay_file: Option<String>,
    pub(super) replay_again: bool,
    pub(super) seed: Option<i64>,
}

/// What a request asks to change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) etag: String,
    pub(super) enabled: Option<bool>,
}

impl Asked {
    /// Reads a body; with `models` from a template, those of the body do not count.
    pub(super) fn read(body: &Value, models: Option<Vec<ModelCount>>, now: Timestamp) -> Result<Self, Mistakes> {
        let findings = Findings::default();
        let asked = read(&Node::top(body, "", &findings), models, now);
        findings.conclude(asked)
    }
}

impl Change {
    pub(super) fn read(body: &Value) -> Result<Self, Mistakes> {
        let findings = Findings::default();
        let top = Node::top(body, "", &findings);
        let change = top.expect_object().and_then(|()| {
            let (etag, enabled) = (optional_text(&top, "ETag"), optional_truth(&top, "Enabled"));
            Some(Self { etag: etag?.unwrap_or_default(), enabled: enabled? })
        });
        findings.conclude(change)
    }
}

fn read(top: &Node<'_>, models: Option<Vec<ModelCount>>, now: Timestamp) -> Option<Asked> {
    top.expect_object()?;
    let models = match models {
        Some(models) => Some(models),
        None => read_models(top),
    };
    let times = read_times(top, now);
    let (etag, name, description) = (optional_text(top, "ETag"), optional_text(top, "Name"), optional_text(top, "Description"));
    let enabled = optional_truth(top, "Enabled");
    let (hub, target) = (read_hub(top), read_target(top));
    let deleting = optional_truth(top, "DeleteDevicesWhenSimulationEnds");
    let rate_limits = read_rate_limits(top);
    let (replay_file, replay_again) = (optional_text(top, "ReplayFileId"), optional_truth(top, "ReplayFileIndefinitely"));
    let seed = optional(top, "Seed", |seed| seed.whole_within(i64::MIN, i64::MAX));
    let (start, end) = times?;
    Some(Asked {
        etag: etag?.unwrap_or_default(),
        name: name?,
        description: description?,
        enabled: enabled?.unwrap_or(true),
        hub: hub?,
        target: target?,
        start,
        end,
        models: models?,
        delete_devices_when_ends: deleting?.unwrap_or_default(),
        rate_limits: rate_limits?,
        replay_file: replay_file?,
        replay_again: replay_again?.unwrap_or_default(),
        seed: seed?,
    })
}

fn read_models(top: &Node<'_>) -> Option<Vec<ModelCount>> {
    let Some(list) = top.in_any_case("DeviceModels") else { return top.lacks("DeviceModels") };
    let elements = list.elements()?;
    if elements.is_empty() {
        return list.wrong("must name at least one device model");
    }
    let read: Vec<_> = elements.iter().map(read_model).collect();
    let models: Vec<ModelCount> = read.into_iter().collect::<Option<_>>()?;
    let mut seen = BTreeMap::new();
    for (at, model) in models.iter().enumerate() {
        if let Some(before) = seen.insert(model.id.as_str(), at) {
            return elements[at].wrong(format!("has the id {:?}, as DeviceModels[{before}] has; give it one count instead", model.id));
        }
    }
    match models.iter().map(|model| u64::from(model.count)).sum() {
        0 => list.wrong("must ask for at least one device"),
        1..=limits::DEVICES => Some(models),
        many => list.wrong(format!("ask for {many} devices, at most {} are allowed", limits::DEVICES)),
    }
}

fn read_model(node: &Node<'_>) -> Option<ModelCount> {
    node.expect_object()?;
    let id = match node.in_any_case("Id") {
        None => node.lacks("Id"),
        Some(id) => match id.text()? {
            blank if blank.trim().is_empty() => id.wrong("must not be empty"),
            long if long.len() > limits::KEPT_ID_BYTES => id.wrong(format!("has more than {} bytes", limits::KEPT_ID_BYTES)),
            custom if custom.trim().eq_ignore_ascii_case(CUSTOM) => Some(CUSTOM.to_owned()),
            text => Some(text.to_owned()),
        },
    };
    let most = i64::try_from(limits::DEVICES).unwrap_or(i64::MAX);
    let count = optional(node, "Count", |count| count.whole_within(0, most));
    let overridden = optional(node, "Override", Override::read);
    let count = u32::try_from(count?.unwrap_or(1)).ok()?;
    Some(ModelCount { id: id?, count, overridden: overridden?.flatten() })
}

fn read_times(top: &Node<'_>, now: Timestamp) -> Option<(Option<Moment>, Option<Moment>)> {
    let moment = |member| {
        let read = |node: &Node<'_>| Moment::parse(node.text()?, now).map_or_else(|error| node.wrong(error.to_string()), Some);
        optional(top, member, read).map(Option::flatten)
    };
    let (start, end) = (moment("StartTime"), moment("EndTime"));
    let (start, end) = (start?, end?);
    if let Some(end) = &end {
        let node = top.in_any_case("EndTime")?;
        if start.is_some_and(|start| start.at >= end.at) {
            return node.wrong("must be after StartTime");
        }
        if end.at <= now {
            return node.wrong("must be in the future");
        }
    }
    Some((start, end))
}

/// `IoTHub` with a connection string, or `IoTHubs` with one of those.
fn read_hub(top: &Node<'_>) -> Option<Option<String>> {
    let hub = match top.in_any_case("IoTHub") {
        Some(hub) => Some(hub),
        None => match top.in_any_case("IoTHubs") {
            None => None,
            Some(hubs) => match hubs.elements()?.as_slice() {
                [] => None,
                [hub] => Some(hub.clone()),
                _ => return hubs.wrong("a simulation has one hub"),
            },
        },
    };
    let Some(hub) = hub else { return Some(None) };
    hub.expect_object()?;
    let text = optional_text(&hub, "ConnectionString")?;
    Some(text.filter(|text| !text.trim().is_empty() && !text.trim().eq_ignore_ascii_case("default")))
}

fn read_target(top: &Node<'_>) -> Option<Option<Map<String, Value>>> {
    optional(top, "Target", |target| {
        target.expect_object()?;
        target.value().as_object().cloned()
    })
}

/// What is missing or not above zero is as by default.
fn read_rate_limits(top: &Node<'_>) -> Option<Option<RateLimits>> {
    optional(top, "RateLimits", |node| {
        node.expect_object()?;
        let limit = |member, default: u32| {
            let given = optional(node, member, |limit| limit.whole_within(i64::MIN, u32::MAX.into()))?;
            Some(given.and_then(|given| u32::try_from(given).ok()).filter(|given| *given > 0).unwrap_or(default))
        };
        let default = RateLimits::default();
        Some(RateLimits {
            registry_operations_per_minute: limit("RegistryOperationsPerMinute", default.registry_operations_per_minute)?,
            twin_reads_per_second: limit("TwinReadsPerSecond", default.twin_reads_per_second)?,
            twin_writes_per_second: limit("TwinWritesPerSecond", default.twin_writes_per_second)?,
            connections_per_second: limit("ConnectionsPerSecond", default.connections_per_second)?,
            messages_per_second: limit("DeviceMessagesPerSecond", default.messages_per_second)?,
        })
    })
}

fn optional_truth(node: &Node<'_>, member: &str) -> Option<Option<bool>> {
    match node.in_any_case(member) {
        None => Some(None),
        Some(truth) => truth.truth().map(Some),
    }
}

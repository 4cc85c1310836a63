//! A simulation as the API shows it.

use serde_json::{Map, Value, json};

use super::hub_choice::redacted;
use super::{Counters, HubSetting, ModelCount, Moment, ONLY, RateLimits, Settings, Simulation};
use crate::ports::Timestamp;
use crate::targets::Target;

/// A simulation, and what is known of it at a moment.
#[derive(Debug, Clone)]
pub struct SimulationView {
    /// The simulation.
    pub simulation: Simulation,
    /// What has been counted, if it could be found out.
    pub counters: Option<Counters>,
    /// Whether the counters are shown.
    pub with_statistics: bool,
    /// The moment.
    pub now: Timestamp,
}

impl SimulationView {
    /// The simulation as JSON; no secret is in it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { simulation, counters, now, .. } = self;
        let settings = &simulation.settings;
        let active = simulation.is_active(*now);
        let running = active && counters.is_some_and(|counters| counters.running);
        let statistics = counters.as_ref().filter(|_| self.with_statistics).map(statistics);
        let mut shown = Map::new();
        let mut put = |member: &str, value: Option<Value>| {
            if let Some(value) = value {
                shown.insert(member.to_owned(), value);
            }
        };
        put("ETag", Some(json!(simulation.etag)));
        put("Id", Some(json!(ONLY)));
        put("Name", settings.name.as_ref().map(|name| json!(name)));
        put("Description", settings.description.as_ref().map(|description| json!(description)));
        put("Enabled", Some(json!(settings.enabled)));
        put("DeleteDevicesWhenSimulationEnds", settings.delete_devices_when_ends.then_some(json!(true)));
        put("Running", Some(json!(running)));
        put("ActiveNow", Some(json!(active)));
        put("IoTHub", Some(json!({ "ConnectionString": settings.hub.shown() })));
        put("Target", shown_target(settings).map(Value::Object));
        put("StartTime", settings.start.map(|start| json!(start.to_string())));
        put("EndTime", settings.end.map(|end| json!(end.to_string())));
        put("StoppedTime", simulation.stopped.map(|stopped| json!(Moment::utc(stopped).to_string())));
        put("DeviceModels", Some(settings.models.iter().map(model).collect()));
        put("Statistics", statistics);
        put("ReplayFileId", settings.replay_file.as_ref().map(|file| json!(file)));
        put("ReplayFileIndefinitely", settings.replay_again.then_some(json!(true)));
        put("RateLimits", settings.rate_limits.as_ref().map(rate_limits));
        put("Seed", Some(json!(settings.seed)));
        put("$metadata", Some(metadata(simulation)));
        Value::Object(shown)
    }
}

impl HubSetting {
    /// The connection string as it is shown: without its key, or the word `default`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::Custom { host, policy } => redacted(host, policy),
        }
    }
}

/// The target as it is shown: with masks for its secrets.
pub(super) fn shown_target(settings: &Settings) -> Option<Map<String, Value>> {
    let given = settings.target.as_ref()?;
    // What is stored has been read before; what a later version cannot read any more is masked all the same.
    Some(Target::parse(&Value::Object(given.clone())).map_or_else(
        |_| {
            let mut masked = given.clone();
            crate::targets::mask_secrets(&mut masked);
            masked
        },
        |target| target.shown(given),
    ))
}

fn model(model: &ModelCount) -> Value {
    match &model.overridden {
        None => json!({ "Id": model.id, "Count": model.count }),
        Some(overridden) => json!({ "Id": model.id, "Count": model.count, "Override": overridden.shown() }),
    }
}

fn rate_limits(limits: &RateLimits) -> Value {
    json!({
        "RegistryOperationsPerMinute": limits.registry_operations_per_minute,
        "TwinReadsPerSecond": limits.twin_reads_per_second,
        "TwinWritesPerSecond": limits.twin_writes_per_second,
        "ConnectionsPerSecond": limits.connections_per_second,
        "DeviceMessagesPerSecond": limits.messages_per_second,
    })
}

fn statistics(counters: &Counters) -> Value {
    json!({
        "TotalMessagesSent": counters.messages,
        "AverageMessagesPerSecond": (counters.messages_per_second() * 100.0).round() / 100.0,
        "FailedMessagesCount": counters.failed_messages,
        "FailedDeviceConnectionsCount": counters.failed_connections,
        "FailedDeviceTwinUpdatesCount": counters.failed_reports,
        "FailedScriptsCount": counters.failed_scripts,
        "ActiveDevicesCount": counters.active_devices,
    })
}

impl Counters {
    /// Messages for each second since the devices began; zero while that is not known.
    #[must_use]
    pub fn messages_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate that is shown with two decimals")]
        match self.micros {
            0 => 0.0,
            micros => self.messages as f64 * 1e6 / micros as f64,
        }
    }
}

fn metadata(simulation: &Simulation) -> Value {
    json!({
        "$type": "Simulation;1",
        "$uri": format!("/v1/simulations/{ONLY}"),
        "$version": simulation.version.to_string(),
        "$created": Moment::utc(simulation.created).to_string(),
        "$modified": Moment::utc(simulation.modified).to_string(),
    })
}

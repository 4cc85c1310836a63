//! What answers say.

use headwater_web::shapes;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::bodies::{HubSetting, ModelCount, RateLimits};

/// What an answer says of itself.
#[derive(ToSchema)]
pub(super) struct Metadata {
    /// Of which type it is.
    #[schema(rename = "$type", example = "Simulation;1")]
    kind: String,
    /// Where it is.
    #[schema(rename = "$uri", example = "/v1/simulations/1")]
    uri: String,
    /// How often it was written.
    #[schema(rename = "$version")]
    version: Option<Value>,
    /// When it was made.
    #[schema(rename = "$created")]
    created: Option<String>,
    /// When it was written last.
    #[schema(rename = "$modified")]
    modified: Option<String>,
}

/// Simulations: one, or none.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!({
    "Items": [{
        "ETag": "720696e5e0c4e9", "Id": "1", "Name": "Demo", "Enabled": true, "Running": true, "ActiveNow": true,
        "IoTHub": {"ConnectionString": "default"}, "DeviceModels": [{"Id": "truck-01", "Count": 3}, {"Id": "chiller-01", "Count": 2}],
        "Statistics": {
            "TotalMessagesSent": 126, "AverageMessagesPerSecond": 2.6, "FailedMessagesCount": 0, "FailedDeviceConnectionsCount": 0,
            "FailedDeviceTwinUpdatesCount": 0, "FailedScriptsCount": 0, "ActiveDevicesCount": 5,
        },
        "Seed": 42,
        "$metadata": {
            "$type": "Simulation;1", "$uri": "/v1/simulations/1", "$version": "1",
            "$created": "2026-11-22T09:02:54+00:00", "$modified": "2026-11-22T09:02:54+00:00",
        },
    }],
    "$metadata": {"$type": "SimulationList;1", "$uri": "/v1/simulations"},
}))]
pub(crate) struct SimulationList {
    items: Vec<SimulationShown>,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

/// A simulation as it is.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!({
    "ETag": "2f62ec8b9c9d3a", "Id": "1", "Enabled": true, "Running": true, "ActiveNow": true, "IoTHub": {"ConnectionString": "default"},
    "DeviceModels": [{"Id": "truck-01", "Count": 3}], "Seed": 42,
    "$metadata": {"$type": "Simulation;1", "$uri": "/v1/simulations/1"},
}))]
pub(crate) struct SimulationShown {
    /// Changes with every write; a change needs the current one.
    #[schema(rename = "ETag")]
    etag: String,
    #[schema(example = "1")]
    id: String,
    name: Option<String>,
    description: Option<String>,
    enabled: bool,
    /// Whether all of its devices are registered and alive.
    running: bool,
    /// Whether it is enabled and within its times.
    active_now: bool,
    #[schema(rename = "IoTHub")]
    iot_hub: HubSetting,
    #[schema(value_type = Option<Object>)]
    target: Option<Value>,
    start_time: Option<String>,
    end_time: Option<String>,
    stopped_time: Option<String>,
    device_models: Vec<ModelCount>,
    statistics: Option<Statistics>,
    delete_devices_when_simulation_ends: Option<bool>,
    rate_limits: Option<RateLimits>,
    replay_file_id: Option<String>,
    replay_file_indefinitely: Option<bool>,
    seed: i64,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

/// What has been counted since the simulation was enabled.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
struct Statistics {
    /// Attempts to send, failures included.
    total_messages_sent: u64,
    average_messages_per_second: f64,
    failed_messages_count: u64,
    failed_device_connections_count: u64,
    failed_device_twin_updates_count: u64,
    failed_scripts_count: u64,
    active_devices_count: u64,
}

/// A device model as an example shows it.
fn freezer() -> Value {
    json!({
        "ETag": "a65c2cc58731e7", "Id": "33705ad3-4a01-44a1-a059-0d07626c14d3", "Version": "0.0.0", "Name": "Freezer", "Description": "",
        "Protocol": "MQTT", "Type": "Custom",
        "Simulation": {
            "InitialState": {"online": true, "temperature": -18.5}, "Interval": "00:00:05",
            "Scripts": [{"Type": "internal", "Path": "Math.Random.WithinRange", "Params": {"temperature": {"Min": -20, "Max": -15}}}],
        },
        "Properties": {},
        "Telemetry": [{
            "Interval": "00:00:10", "MessageTemplate": "{\"temperature\":${temperature}}",
            "MessageSchema": {"Name": "freezer;v1", "Format": "JSON", "Fields": {"temperature": "Double"}},
        }],
        "CloudToDeviceMethods": {},
        "$metadata": {
            "$type": "DeviceModel;1", "$uri": "/v1/devicemodels/33705ad3-4a01-44a1-a059-0d07626c14d3",
            "$created": "2026-11-22T09:05:09+00:00", "$modified": "2026-11-22T09:05:09+00:00",
        },
    })
}

/// Device models.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!({
    "Items": [freezer()],
    "$metadata": {"$type": "DeviceModelList;1", "$uri": "/v1/devicemodels"},
}))]
pub(crate) struct DeviceModelList {
    items: Vec<DeviceModelShown>,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

/// A device model as it is.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!(freezer()))]
pub(crate) struct DeviceModelShown {
    #[schema(rename = "ETag")]
    etag: String,
    #[schema(example = "truck-01")]
    id: String,
    version: String,
    name: String,
    description: String,
    protocol: Protocol,
    /// `Stock` or `Custom`.
    r#type: String,
    /// The state at first, and the scripts that move it.
    #[schema(value_type = Object)]
    simulation: Value,
    #[schema(value_type = Object)]
    properties: Value,
    /// What devices send.
    #[schema(value_type = Vec<Object>)]
    telemetry: Value,
    #[schema(value_type = Object)]
    cloud_to_device_methods: Value,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

/// How devices speak to an Azure IoT Hub.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
enum Protocol {
    Amqp,
    Mqtt,
    Http,
}

/// Names of properties that models report.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!({
    "Items": ["Properties.Reported.Type", "Properties.Reported.Firmware", "Properties.Reported.Location"],
    "$metadata": {"$type": "DeviceModelPropertyList;1", "$uri": "/v1/deviceModelProperties"},
}))]
pub(crate) struct PropertyList {
    #[schema(example = json!(["Properties.Reported.Location"]))]
    items: Vec<String>,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

/// Scripts.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!({
    "Items": [{
        "ETag": "5a6b4c88dfcc39", "Id": "9194bcb6-2ebc-4706-9294-1dc76102f0e4", "Type": "javascript", "Name": "freezer.js",
    "Content": "function main(context, previousState) {\n  previousState.temperature += 0.1;\n  updateState(previousState);\n}\n",
    "Path": "Storage",
    "$metadata": {
        "$type": "DeviceModelScript;1", "$uri": "/v1/simulationscripts/9194bcb6-2ebc-4706-9294-1dc76102f0e4",
        "$created": "2026-11-22T09:04:07+00:00", "$modified": "2026-11-22T09:04:07+00:00",
    },
    }],
    "$metadata": {"$type": "DeviceModelScriptList;1", "$uri": "/v1/devicemodelscripts"},
}))]
pub(crate) struct ScriptList {
    items: Vec<Script>,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

/// An uploaded script.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = DeviceModelScript, example = json!({
    "ETag": "5a6b4c88dfcc39", "Id": "9194bcb6-2ebc-4706-9294-1dc76102f0e4", "Type": "javascript", "Name": "freezer.js",
    "Content": "function main(context, previousState) {\n  previousState.temperature += 0.1;\n  updateState(previousState);\n}\n",
    "Path": "Storage",
    "$metadata": {
        "$type": "DeviceModelScript;1", "$uri": "/v1/simulationscripts/9194bcb6-2ebc-4706-9294-1dc76102f0e4",
        "$created": "2026-11-22T09:04:07+00:00", "$modified": "2026-11-22T09:04:07+00:00",
    },
}))]
pub(crate) struct Script {
    #[schema(rename = "ETag")]
    etag: String,
    id: String,
    #[schema(example = "javascript")]
    r#type: String,
    #[schema(example = "freezer.js")]
    name: String,
    content: String,
    #[schema(example = "Storage")]
    path: String,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

/// An uploaded file to replay.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!({
    "ETag": "ac0ae4f6b6a355", "Id": "3e7d3cf8-7e0a-468c-bb3e-a3ede0d8ac0e", "Type": "", "Name": "trip.csv",
    "Content": "telemetry,00:00:01,{\"speed\":30.5}\ntelemetry,00:00:03,{\"speed\":31.2}\n", "Path": "Storage",
    "$metadata": {
        "$type": "ReplayFile;1", "$uri": "/v1/replayfile/3e7d3cf8-7e0a-468c-bb3e-a3ede0d8ac0e",
        "$created": "2026-11-22T09:04:07+00:00", "$modified": "2026-11-22T09:04:07+00:00",
    },
}))]
pub(crate) struct ReplayFile {
    #[schema(rename = "ETag")]
    etag: String,
    id: String,
    r#type: String,
    #[schema(example = "trip.csv")]
    name: String,
    content: String,
    #[schema(example = "Storage")]
    path: String,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

/// What a check has found.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(example = json!({"IsValid": true}))]
pub(crate) struct Verdict {
    is_valid: bool,
    /// What is wrong with the content.
    messages: Option<Vec<String>>,
}

shapes! {
    Checked = json!({"anyOf": [{"$ref": "#/components/schemas/Verdict"}, {"$ref": "#/components/schemas/SimulationProblem"}]});
}

/// How the service is.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = SimulationStatus, example = json!({
    "Name": "DeviceSimulation", "Status": "OK:Alive and well", "CurrentTime": "2026-11-22T09:03:43+00:00",
    "StartTime": "2026-11-22T09:02:54+00:00", "UpTime": 48, "UID": "WebService.f9991131cb14706dd4cb4ea6665a245a",
    "Properties": {
        "SimulationRunning": "true", "PreprovisionedIoTHub": "false", "ActiveDevicesCount": "6", "TotalMessagesCount": "126",
        "FailedMessagesCount": "0", "MessagesPerSecond": "2.60", "FailedDeviceConnectionsCount": "0", "FailedDeviceTwinUpdatesCount": "0",
        "SimulationErrorsCount": "0",
    },
    "Dependencies": {"Storage": "OK:Alive and well"},
    "$metadata": {"$type": "Status;1", "$uri": "/v1/status"},
}))]
pub(crate) struct Status {
    #[schema(example = "DeviceSimulation")]
    name: String,
    #[schema(example = "OK:Alive and well")]
    status: String,
    current_time: String,
    start_time: String,
    /// Seconds.
    up_time: u64,
    /// Names this beginning of the service.
    #[schema(rename = "UID")]
    uid: String,
    /// Counters, as texts.
    #[schema(value_type = HashMap<String, String>)]
    properties: Value,
    /// What the service needs, and how that is.
    #[schema(value_type = HashMap<String, String>)]
    dependencies: Value,
    #[schema(rename = "$metadata")]
    metadata: Metadata,
}

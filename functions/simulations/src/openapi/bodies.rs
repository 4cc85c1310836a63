//! What requests say.

use headwater_web::shapes;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// The simulation that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfSimulation {
    /// There is one simulation, and its id is `1`.
    #[param(min_length = 1, example = "1")]
    id: String,
}

/// The device model that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfModel {
    /// The id of a device model.
    #[param(min_length = 1, example = "truck-01")]
    id: String,
}

/// The script that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfScript {
    /// The id of a script, as the answer to its upload says it.
    #[param(min_length = 1)]
    id: String,
}

/// The file to replay that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfReplay {
    /// The id of a file to replay, as the answer to its upload says it.
    #[param(min_length = 1)]
    id: String,
}

/// Of what a simulation is made.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FromTemplate {
    /// `default`: one device of every model. The body may then be left out.
    #[param(pattern = "^([dD][eE][fF][aA][uU][lL][tT])?$", example = "default")]
    template: Option<String>,
}

shapes! {
    Moment = json!({
        "description": "A date with an offset or in UTC, or a time from now: `NOW`, `NOW+PT2H`, `NOW-P7D`.",
        "type": "string", "examples": ["2030-05-31T01:21:37Z", "NOW+PT2H"],
    });
    Interval = json!({
        "description": "`hh:mm:ss`, with days before it and fractions behind it where wanted.",
        "type": "string", "examples": ["00:00:10", "1.00:00:00", "00:00:00.250"],
    });
    DeviceModel = json!({
        "description": "A device model. All that a schema can say of it is at `/schemas/device-model.json`.",
        "type": "object",
        "examples": [{
            "Name": "Freezer", "Protocol": "MQTT",
            "Simulation": {
                "InitialState": {"online": true, "temperature": -18.5}, "Interval": "00:00:05",
                "Scripts": [{"Type": "internal", "Path": "Math.Random.WithinRange", "Params": {"temperature": {"Min": -20, "Max": -15}}}],
            },
            "Telemetry": [{
                "Interval": "00:00:10", "MessageTemplate": "{\"temperature\":${temperature}}",
                "MessageSchema": {"Name": "freezer;v1", "Format": "JSON", "Fields": {"temperature": "Double"}},
            }],
        }],
    });
    Replaced = json!({
        "description": "A file, and the ETag of what it replaces.",
        "type": "object", "required": ["file", "ETag"], "properties": {
            "file": {"type": "string", "format": "binary", "description": "The file."},
            "ETag": {"type": "string", "minLength": 1, "description": "The version that is replaced."},
        },
    });
    Uploaded = json!({
        "description": "A file.",
        "type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary", "description": "The file."}},
    });
}

/// A simulation. Members that are not listed are ignored.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Simulation, example = json!({
    "DeviceModels": [{"Id": "truck-01", "Count": 3}, {"Id": "elevator-01", "Count": 10}], "EndTime": "NOW+PT2H",
}))]
pub(crate) struct NewSimulation {
    /// Which models, and how many devices of each. A model stands in it once.
    #[schema(min_items = 1)]
    device_models: Vec<ModelCount>,
    /// The version that is replaced, or `*` for whichever there is. Not needed for a new one.
    #[schema(rename = "ETag")]
    etag: Option<String>,
    /// For people.
    name: Option<String>,
    /// For people.
    description: Option<String>,
    /// Whether the devices live; `true` without it.
    enabled: Option<bool>,
    /// When they begin; at once without it.
    start_time: Option<Moment>,
    /// When they end.
    end_time: Option<Moment>,
    #[schema(rename = "IoTHub")]
    iot_hub: Option<HubSetting>,
    /// Where messages go instead of a hub: a target, as those of jobs.
    #[schema(value_type = Option<Object>)]
    target: Option<Value>,
    /// Whether the devices leave the registry of the hub when they end.
    delete_devices_when_simulation_ends: Option<bool>,
    rate_limits: Option<RateLimits>,
    /// A file whose messages all devices send instead of their own.
    replay_file_id: Option<String>,
    /// Whether it begins again at its end.
    replay_file_indefinitely: Option<bool>,
    /// The same seed gives the same random values.
    seed: Option<i64>,
}

/// How many devices of a model.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ModelCount {
    /// The id of the model; `custom` is a blank one.
    #[schema(example = "truck-01")]
    id: String,
    #[schema(minimum = 0, maximum = 1_000_000)]
    count: u32,
    /// What is changed of the model for this simulation.
    #[schema(value_type = Option<Object>)]
    r#override: Option<Value>,
}

/// The hub that devices speak to.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HubSetting {
    /// Of an Azure IoT Hub, or `default` for the hub of the configuration. Answers show it without its key.
    #[schema(example = "default")]
    connection_string: Option<String>,
}

/// How much a hub is asked for.
#[derive(ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RateLimits {
    registry_operations_per_minute: Option<i64>,
    twin_reads_per_second: Option<i64>,
    twin_writes_per_second: Option<i64>,
    connections_per_second: Option<i64>,
    device_messages_per_second: Option<i64>,
}

/// A change of a simulation.
#[derive(ToSchema)]
#[schema(example = json!({"ETag": "2f62ec8b9c9d3a", "Enabled": false}))]
pub(crate) struct Change {
    /// The version that is changed.
    #[schema(rename = "ETag")]
    etag: String,
    /// Whether the devices live.
    #[schema(rename = "Enabled")]
    enabled: Option<bool>,
}

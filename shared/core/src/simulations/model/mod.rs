//! Device models: what a kind of device is, how its state moves, and what it sends.

mod overrides;
mod overriding;
mod reading;
mod showing;
mod stock;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The JSON Schema (draft 2020-12) of device models. It refuses nothing that [`DeviceModel::parse`] takes.
pub const SCHEMA: &str = include_str!("schema.json");

pub use overrides::{Override, SchemaOverride, ScriptOverride, StateOverride, TelemetryOverride};
pub use overriding::CUSTOM;
pub(in crate::simulations) use reading::{optional, optional_text};
pub use stock::stock;
pub use words::Word;

/// A kind of device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceModel {
    /// Its id, such as `truck-01`.
    pub id: String,
    /// Its version, for people.
    pub version: String,
    /// Its name, for people; state scripts see it as `context.deviceModel`.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// How its devices speak to a hub.
    pub protocol: Protocol,
    /// How its devices' state begins and moves.
    pub simulation: StateSimulation,
    /// What its devices report about themselves at first.
    pub properties: Map<String, Value>,
    /// What its devices send.
    pub telemetry: Vec<Telemetry>,
    /// What its devices can be told to do, by name.
    pub methods: Vec<(String, ScriptEntry)>,
}

/// How devices speak to a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Protocol {
    /// AMQP; such devices of ours speak MQTT.
    #[default]
    Amqp,
    /// MQTT 3.1.1.
    Mqtt,
    /// HTTP 1.1.
    Http,
}

/// How a device's state begins and moves.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StateSimulation {
    /// The state at first.
    pub initial_state: Map<String, Value>,
    /// How often the scripts run; never, when it is not above zero.
    pub interval: Interval,
    /// Run in this order at each tick.
    pub scripts: Vec<ScriptEntry>,
}

/// A script that a model uses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ScriptEntry {
    /// `internal` or `javascript`, in any case.
    pub kind: String,
    /// Which one: the name of an internal script, the file name of a stock script, or `Storage`.
    pub path: String,
    /// Which uploaded script, when the path is `Storage`.
    pub id: Option<String>,
    /// What it is given.
    pub params: Option<Value>,
}

/// A stream of messages that each device sends.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Telemetry {
    /// The time between two messages; none are sent when it is not above zero.
    pub interval: Interval,
    /// The text of a message, with `${key}` for values of the state.
    pub template: String,
    /// What its messages are.
    pub schema: MessageSchema,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessageSchema {
    /// Its name, such as `truck-sensors;v1`.
    pub name: String,
    /// The type that it is encoded as, for `Protobuf`.
    pub class_name: Option<String>,
    /// How it is encoded.
    pub format: MessageFormat,
    /// Its fields in order; the number of a field of Protobuf is its place, from 1.
    pub fields: Vec<(String, FieldType)>,
}

/// How messages are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MessageFormat {
    /// Not sent by any device.
    Binary,
    /// Not sent by any device.
    Text,
    /// As the template gives it.
    #[default]
    Json,
    /// The JSON that the template gives, encoded in Protocol Buffers.
    Protobuf,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FieldType {
    /// Anything.
    #[default]
    Object,
    /// Bytes.
    Binary,
    /// A text.
    Text,
    /// A truth value.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// A moment.
    DateTime,
}

/// A span between ticks or messages, in units of 100 nanoseconds as .NET's `TimeSpan` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Interval(pub i64);

impl Interval {
    /// Microseconds, rounded down.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0.div_euclid(10)
    }
}

//! Which hub a simulation speaks to, and how fast it may.

use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::secret::Secret;

/// Where the devices of a simulation are registered and send to.
#[derive(Debug, Clone)]
pub enum HubChoice {
    /// The hub of this house: the registry is in the store, and messages are events of the stream `devices`.
    Local,
    /// An Azure IoT Hub.
    IotHub(ConnectionString),
    /// A target, as its object says; there is no registry.
    Target(Map<String, serde_json::Value>),
}

/// The connection string of an Azure IoT Hub: `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// The host, such as `name.azure-devices.net`.
    pub host: String,
    /// The name of the policy, such as `iothubowner`.
    pub policy: String,
    /// The key, in base64.
    pub key: Secret,
}

/// How fast a simulation may speak to its hub. Every number is at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimits {
    /// Registrations and removals of devices.
    pub registry_operations_per_minute: u32,
    /// Twins read.
    pub twin_reads_per_second: u32,
    /// Twins written.
    pub twin_writes_per_second: u32,
    /// Connections begun.
    pub connections_per_second: u32,
    /// Messages sent.
    pub messages_per_second: u32,
}

impl Default for RateLimits {
    /// Those of the smallest paid hub.
    fn default() -> Self {
        Self {
            registry_operations_per_minute: 100,
            twin_reads_per_second: 10,
            twin_writes_per_second: 10,
            connections_per_second: 120,
            messages_per_second: 120,
        }
    }
}

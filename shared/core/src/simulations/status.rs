//! How the service is, as the API shows it.

use serde_json::{Value, json};

use super::{Counters, Moment};
use crate::ports::Timestamp;

/// How the service is.
#[derive(Debug, Clone)]
pub struct Status {
    /// The moment.
    pub now: Timestamp,
    /// When the service began.
    pub started: Timestamp,
    /// Names this beginning.
    pub uid: String,
    /// Whether a hub is configured.
    pub hub_configured: bool,
    /// What could be found out in the store: whether the simulation is active, and what has been counted.
    pub simulation: Result<(bool, Counters), String>,
}

impl Status {
    /// The status as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (status, storage, running, counters) = match &self.simulation {
            Ok((active, counters)) => (FINE.to_owned(), FINE.to_owned(), active.to_string(), *counters),
            Err(problem) => (format!("ERROR:{problem}"), format!("ERROR:{problem}"), "unknown".to_owned(), Counters::default()),
        };
        json!({
            "Name": "DeviceSimulation",
            "Status": status,
            "CurrentTime": Moment::utc(self.now).to_string(),
            "StartTime": Moment::utc(self.started).to_string(),
            "UpTime": self.now.since(self.started).as_secs(),
            "UID": self.uid,
            "Properties": {
                "SimulationRunning": running,
                "PreprovisionedIoTHub": self.hub_configured.to_string(),
                "ActiveDevicesCount": counters.active_devices.to_string(),
                "TotalMessagesCount": counters.messages.to_string(),
                "FailedMessagesCount": counters.failed_messages.to_string(),
                "MessagesPerSecond": format!("{:.2}", counters.messages_per_second()),
                "FailedDeviceConnectionsCount": counters.failed_connections.to_string(),
                "FailedDeviceTwinUpdatesCount": counters.failed_reports.to_string(),
                "SimulationErrorsCount": counters.failed_scripts.to_string(),
            },
            "Dependencies": { "Storage": storage },
            "$metadata": { "$type": "Status;1", "$uri": "/v1/status" },
        })
    }
}

const FINE: &str = "OK:Alive and well";

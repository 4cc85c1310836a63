//! A simulation as it is stored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::RateLimits;
use super::model::Override;
use crate::ports::Timestamp;

/// A simulation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    /// Changes with every write.
    pub etag: String,
    /// Counts the writes, from 1.
    pub version: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was written last.
    pub modified: Timestamp,
    /// When a user last disabled it.
    pub stopped: Option<Timestamp>,
    /// Names the run that it is in while it is enabled: a new word whenever it becomes enabled, so that its devices begin anew.
    pub run: Option<String>,
    /// What was asked for.
    pub settings: Settings,
}

impl Simulation {
    /// Whether its devices are to be alive at this moment.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        let Settings { enabled, start, end, .. } = &self.settings;
        *enabled && start.is_none_or(|start| start.at <= now) && end.is_none_or(|end| now < end.at)
    }
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Its name, for people.
    pub name: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Whether it is to run.
    pub enabled: bool,
    /// Which hub.
    pub hub: HubSetting,
    /// An extension: where messages go instead of a hub, as the object of a target.
    pub target: Option<Map<String, Value>>,
    /// From when on.
    pub start: Option<Moment>,
    /// Until when.
    pub end: Option<Moment>,
    /// How many devices of which models.
    pub models: Vec<ModelCount>,
    /// Whether the devices are removed from the hub's registry when they stop.
    pub delete_devices_when_ends: bool,
    /// How fast it may speak to its hub, where it was said.
    pub rate_limits: Option<RateLimits>,
    /// The file whose messages all devices replay, instead of their own.
    pub replay_file: Option<String>,
    /// Whether a replay begins again at its end.
    pub replay_again: bool,
    /// An extension: where the random numbers of its devices begin. Drawn when it was not given.
    pub seed: i64,
}

/// Which hub a simulation is to use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HubSetting {
    /// The hub of the configuration: an IoT Hub if a connection string is configured, and the local hub otherwise.
    #[default]
    Default,
    /// The one whose connection string is kept in the slot of the service: this is its host and policy.
    Custom {
        /// The host.
        host: String,
        /// The name of the policy.
        policy: String,
    },
}

/// A moment as a user wrote it, with the offset that it is shown with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// The offset from UTC in seconds.
    pub offset: i32,
}

/// So many devices of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCount {
    /// The model's id; `custom` for a blank one.
    pub id: String,
    /// How many.
    pub count: u32,
    /// What is changed about it.
    pub overridden: Option<Override>,
}

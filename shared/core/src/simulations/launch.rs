//! What the tasks of a simulation hold: which part of which run, and how far it is.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Counters;
use super::fleet::{FleetDefinition, Part, Tally};
use crate::ids::TaskId;
use crate::ports::{Committed, Documents, DocumentsExt as _, Key, PortError, Timestamp};

/// The kind of the tasks that let devices live.
pub const KIND: &str = "simulation";

/// The specification of a task: one part of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Launch {
    pub(super) run: String,
    pub(super) part: Part,
}

/// How far a part is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The version of the simulation that the snapshot was taken under; 0 before there is one.
    pub(super) version: u64,
    /// Devices that are registered, in the order of the plan.
    pub(super) registered: usize,
    /// Tells which hub that is.
    pub(super) hub: String,
    /// When the devices began, and ended.
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    /// No step that goes on from the snapshot has sent anything that was due at this moment or later.
    pub(super) window: Option<Timestamp>,
    /// What is durable at the hub.
    pub(super) committed: Committed,
    pub(super) tally: Tally,
    pub(super) devices: usize,
    pub(super) failed_messages: u64,
    pub(super) failed_connections: u64,
    pub(super) failed_reports: u64,
}

impl Progress {
    /// Adds what this part has counted.
    pub(super) fn add_to(&self, counters: &mut Counters, now: Timestamp) {
        counters.messages += self.tally.messages;
        counters.failed_messages += self.tally.unmade + self.failed_messages;
        counters.failed_connections += self.failed_connections;
        counters.failed_reports += self.failed_reports;
        counters.failed_scripts += self.tally.failed_scripts;
        counters.active_devices += self.devices as u64;
        let span = self.began.map_or(0, |began| u64::try_from(self.ended.unwrap_or(now).since(began).as_micros()).unwrap_or(u64::MAX));
        counters.micros = counters.micros.max(span);
    }
}

/// What a version of a simulation comes to: models with their overrides, scripts, and where messages go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredFleet {
    pub(super) definition: FleetDefinition,
    pub(super) hub: StoredHub,
    pub(super) limits: super::RateLimits,
    pub(super) delete_devices: bool,
}

/// A hub as devices need it: whole, so that they can take leave of one that the simulation no longer names.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum StoredHub {
    /// That of the configuration.
    Default,
    /// An IoT Hub with its key, which is shown nowhere.
    IotHub { host: String, policy: String, key: String },
    /// A target.
    Target(Map<String, Value>),
}

impl fmt::Debug for StoredHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("Default"),
            Self::IotHub { host, policy, .. } => write!(f, "IotHub({policy} at {host})"),
            Self::Target(_) => f.write_str("Target"),
        }
    }
}

/// The parts of the present run, and those of former ones that may still be there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Roster {
    pub(super) run: String,
    pub(super) parts: Vec<TaskId>,
    pub(super) former: Vec<TaskId>,
}

pub(super) fn roster_key() -> Key {
    Key::root("simulations/roster")
}

pub(super) fn runs() -> Key {
    Key::root("simulations/runs")
}

/// The documents of a run.
pub(super) fn run_key(run: &str) -> Key {
    runs().child(run).expect("a run is a short word")
}

fn fleet_key(run: &str, version: u64) -> Key {
    run_key(run).child(&format!("{version:020}")).expect("a number is short")
}

/// Keeps what a version of a simulation comes to.
pub(super) async fn store_fleet(documents: &dyn Documents, run: &str, version: u64, fleet: &StoredFleet) -> Result<(), PortError> {
    documents.put_json(&fleet_key(run, version), fleet, crate::ports::Condition::Any).await.map(drop)
}

/// What a version of a simulation came to, if that is still kept.
pub(super) async fn load_fleet(documents: &dyn Documents, run: &str, version: u64) -> Result<Option<StoredFleet>, PortError> {
    Ok(documents.get_json(&fleet_key(run, version)).await?.map(|(fleet, _)| fleet))
}

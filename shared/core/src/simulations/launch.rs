//! What the tasks of a simulation hold: which part of which run, and how far it is.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fleet::{FleetDefinition, Part, Tally};
use super::{Counters, Simulation};
use crate::ids::TaskId;
use crate::limits;
use crate::ports::{Committed, Documents, DocumentsExt as _, Key, PortError, Timestamp};
use crate::tasks::{Phase, Task, TaskStore};

/// The kind of the tasks that let devices live.
pub const KIND: &str = "simulation";

/// The specification of a task: one part of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Launch {
    pub(super) run: String,
    /// Its place among the parts.
    pub(super) part: u32,
}

/// One state of a simulation. Its ETag tells it from what somebody else asked for at the same time and did not get.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Edition {
    pub(super) version: u64,
    pub(super) etag: String,
}

impl Edition {
    pub(super) fn of(simulation: &Simulation) -> Self {
        Self { version: simulation.version, etag: simulation.etag.clone() }
    }
}

/// How far a part is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The edition of the simulation that the snapshot was taken under; of the version 0 before there is one.
    pub(super) edition: Edition,
    /// Devices that are registered, in the order of the plan.
    pub(super) registered: usize,
    /// Tells which hub that is.
    pub(super) hub: String,
    /// Hubs that it has spoken to before this one.
    pub(super) hubs: u32,
    /// By how much the numbers of messages at the hub are ahead of the fleet's: its first ones may have gone elsewhere, or those of
    /// another fleet came before.
    pub(super) ahead: i64,
    /// When the devices began, and ended.
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    /// No step that goes on from the snapshot has sent anything that was due at this moment or later.
    pub(super) window: Option<Timestamp>,
    /// Whether nothing ran after that moment, so that the rest is to be passed over.
    #[serde(default)]
    pub(super) off: bool,
    /// What is durable at the hub, counted from the first message to it.
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

    /// The part speaks to another hub from now on, after its fleet has sent so many messages.
    pub(super) fn leave_hub(&mut self, sent: u64) {
        self.hubs += 1;
        self.committed = Committed::default();
        self.ahead = 0i64.saturating_sub_unsigned(sent);
    }

    /// Where a part stands that begins again after its end: nothing is counted, but the hub knows what it was sent.
    pub(super) fn again(self) -> Self {
        let Self { edition, registered, hub, hubs, committed, .. } = self;
        let ahead = i64::try_from(committed.records).unwrap_or(i64::MAX);
        Self { edition, registered, hub, hubs, committed, ahead, ..Self::default() }
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

impl StoredFleet {
    /// The part at this place. A target may take the messages of one writer only, so all devices are in the first one then.
    pub(super) fn part(&self, index: u32) -> Part {
        let size = if let StoredHub::Target(_) = self.hub { u32::MAX } else { limits::DEVICES_PER_PART };
        Part { index, size }
    }

    /// How fast each part may speak to its hub.
    pub(super) fn share(&self) -> super::RateLimits {
        self.limits.shared(self.parts())
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> u32 {
        Part::count(&self.definition, self.part(0).size)
    }
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
    /// Those of the former ones whose simulation was deleted, and whose devices no hub is to know any more.
    #[serde(default)]
    pub(super) deleted: Vec<TaskId>,
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

/// The document of an edition.
pub(super) fn fleet_key(run: &str, Edition { version, etag }: &Edition) -> Key {
    run_key(run).child(&format!("{version:020}-{etag}")).expect("a number and an ETag are short")
}

/// Keeps what an edition of a simulation comes to.
pub(super) async fn store_fleet(documents: &dyn Documents, run: &str, edition: &Edition, fleet: &StoredFleet) -> Result<(), PortError> {
    documents.put_json(&fleet_key(run, edition), fleet, crate::ports::Condition::Any).await.map(drop)
}

/// What an edition of a simulation came to, if that is still kept.
pub(super) async fn load_fleet(documents: &dyn Documents, run: &str, edition: &Edition) -> Result<Option<StoredFleet>, PortError> {
    Ok(documents.get_json(&fleet_key(run, edition)).await?.map(|(fleet, _)| fleet))
}

/// Has the task of a former run end. One that is at work sees by itself that its run is over; one that ended with that run has left its
/// devices registered, and goes on to remove them. Answers whether it is still there.
pub(super) async fn dismiss(tasks: &TaskStore, id: &TaskId) -> Result<bool, PortError> {
    let Some((task, etag)) = tasks.get(id).await? else { return Ok(false) };
    if task.phase == Phase::Running {
        return Ok(true);
    }
    if Progress::deserialize(&task.progress).unwrap_or_default().registered == 0 {
        return tasks.remove(id).await.map(|()| false);
    }
    let task = Task { phase: Phase::Running, step: task.step + 1, troubles: 0, message: "Removing devices.".to_owned(), ..task };
    match tasks.put(&task, etag).await {
        Err(error) if !error.is_conflict() => Err(error),
        _ => tasks.enqueue(id, task.step).await.map(|()| true),
    }
}

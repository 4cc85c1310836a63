//! What the service asks of the machinery that lets devices live.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Simulation;
use crate::ports::PortError;

/// What has been counted since a simulation's devices began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Messages that were tried to be sent.
    pub messages: u64,
    /// Those of them that failed.
    pub failed_messages: u64,
    /// Attempts to connect that failed.
    pub failed_connections: u64,
    /// Reported properties that did not arrive.
    pub failed_reports: u64,
    /// Devices that are alive.
    pub active_devices: u64,
    /// Scripts that failed.
    pub failed_scripts: u64,
    /// Microseconds between the first device's beginning and now, or the end.
    pub micros: u64,
    /// Whether all devices are registered and alive.
    pub running: bool,
}

/// Why a simulation cannot run as its settings say.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The settings ask for something that is not there; which member, and what is wrong. For users.
    #[error("{0}")]
    Settings(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// Lets devices live.
#[async_trait]
pub trait Fleets: Send + Sync + Debug {
    /// Readies what a simulation needs before it is written, and finds out whether it can run. Nothing runs yet.
    async fn prepare(&self, simulation: &Simulation) -> Result<(), FleetError>;

    /// Makes reality of what is written. Repeating it does no harm, and is due again after a crash.
    async fn settle(&self, simulation: &Simulation) -> Result<(), PortError>;

    /// Has the devices of a simulation that has been deleted end, and be removed from their hub's registry, and what it left be removed.
    /// The devices see by themselves that it is gone; this makes it soon. Repeating it does no harm.
    async fn end(&self) -> Result<(), PortError>;

    /// What has been counted in the present run, or the last one.
    async fn counters(&self, simulation: &Simulation) -> Result<Counters, PortError>;
}

//! Simulations: fleets of devices that keep state, run scripts and send telemetry on a grid.

mod directory;
pub mod fleet;
mod fleets;
mod hub_choice;
pub mod hubs;
mod interval;
mod keeper;
mod launch;
pub mod model;
mod models;
mod moments;
mod rate_limiter;
mod record;
mod records;
mod request;
mod resolving;
mod running;
mod service;
mod shelf;
mod shown;
mod state;
mod status;
mod stepper;
mod stock_scripts;
mod streams_used;
mod uploads;

pub use directory::HubDirectory;
pub use fleets::{Counters, FleetError, Fleets};
pub use hub_choice::{ConnectionString, ConnectionStringError, HubChoice, RateLimits};
pub use interval::IntervalError;
pub use keeper::FleetKeeper;
pub use launch::KIND;
pub use model::{DeviceModel, SCHEMA as MODEL_SCHEMA};
pub use models::{KnownModel, ModelError, Models};
pub use moments::MomentError;
pub use rate_limiter::RateLimiter;
pub use record::{HubSetting, ModelCount, Moment, Settings, Simulation};
pub use records::{ONLY, SimulationRecords};
pub use service::{Parts, SimulationError, SimulationService};
pub use shelf::{Kept, ShelfError};
pub use shown::SimulationView;
pub use state::StateValue;
pub use status::Status;
pub use stepper::SimulationStepper;
pub use stock_scripts::{is_stock_script, stock_script, stock_scripts};
pub use streams_used::{SimulatedStreams, devices_stream};
pub use uploads::{Recorded, Replays, Scripts, Text, Upload, UploadError, recorded};

/// The ETag in the body of a request; empty when there is none.
fn etag_in(body: &serde_json::Value) -> String {
    let findings = crate::mistakes::Findings::default();
    let etag = crate::mistakes::Node::top(body, "", &findings).in_any_case("ETag");
    etag.and_then(|etag| etag.value().as_str().map(str::to_owned)).unwrap_or_default()
}

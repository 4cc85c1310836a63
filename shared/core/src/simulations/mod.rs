//! Simulations: fleets of devices that keep state, run scripts and send telemetry on a grid.

pub mod fleet;
mod fleets;
mod hub_choice;
mod interval;
pub mod model;
mod models;
mod moments;
mod rate_limiter;
mod record;
mod records;
mod shelf;
mod state;
mod uploads;

pub use fleets::{Counters, FleetError, Fleets};
pub use hub_choice::{ConnectionString, ConnectionStringError, HubChoice, RateLimits};
pub use interval::IntervalError;
pub use models::{KnownModel, ModelError, Models};
pub use moments::MomentError;
pub use rate_limiter::RateLimiter;
pub use record::{HubSetting, ModelCount, Moment, Settings, Simulation};
pub use records::{ONLY, SimulationRecords};
pub use shelf::{Kept, ShelfError};
pub use state::StateValue;
pub use uploads::{Recorded, Replays, Scripts, Text, Upload, UploadError, recorded};

/// The ETag in the body of a request; empty when there is none.
fn etag_in(body: &serde_json::Value) -> String {
    let findings = crate::mistakes::Findings::default();
    let etag = crate::mistakes::Node::top(body, "", &findings).in_any_case("ETag");
    etag.and_then(|etag| etag.value().as_str().map(str::to_owned)).unwrap_or_default()
}

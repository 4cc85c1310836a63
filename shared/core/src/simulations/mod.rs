//! Simulations: fleets of devices that keep state, run scripts and send telemetry on a grid.

mod fleets;
mod hub_choice;
pub mod model;
mod rate_limiter;
mod record;
mod state;

pub use fleets::{Counters, FleetError, Fleets};
pub use hub_choice::{ConnectionString, HubChoice, RateLimits};
pub use rate_limiter::RateLimiter;
pub use record::{HubSetting, ModelCount, Moment, Settings, Simulation};
pub use state::StateValue;

//! Simulations: fleets of devices that keep state, run scripts and send telemetry on a grid.

pub mod fleet;
mod fleets;
mod hub_choice;
mod interval;
pub mod model;
mod moments;
mod rate_limiter;
mod record;
mod state;

pub use fleets::{Counters, FleetError, Fleets};
pub use hub_choice::{ConnectionString, HubChoice, RateLimits};
pub use interval::IntervalError;
pub use moments::MomentError;
pub use rate_limiter::RateLimiter;
pub use record::{HubSetting, ModelCount, Moment, Settings, Simulation};
pub use state::StateValue;

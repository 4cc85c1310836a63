//! Simulations: fleets of devices that keep state, run scripts and send telemetry on a grid.

mod fleets;
mod hub_choice;
pub mod model;
mod record;
mod state;
mod stock_scripts;

pub use fleets::{Counters, FleetError, Fleets};
pub use hub_choice::{ConnectionString, HubChoice, RateLimits};
pub use record::{HubSetting, ModelCount, Moment, Settings, Simulation};
pub use state::StateValue;
pub use stock_scripts::{is_stock_script, stock_script, stock_scripts};

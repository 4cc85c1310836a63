//! What stands behind Headwater's ports.
//!
//! | module | stands behind |
//! |---|---|
//! | [`clock`] | time and unpredictability: the system's, and a clock for tests |
//! | [`javascript`] | the scripts of device models, on QuickJS |
//! | [`memory`] | every store, kept in memory |
//! | [`embedded`] | documents, event log and task queue in one folder on disk |
//! | `aws` | documents, files and chunks in S3, the task queue in SQS, event logs in Kinesis and S3 (feature `aws`) |
//! | [`folder`] | files in a folder, chunks in another |
//! | [`specs_folder`] | the stock specifications with those of a folder on top |
//! | [`heralds`] | who is told that streams grow: a webhook, a queue |
//! | [`influxdb`] | points of time series in the InfluxDB that a host knows |
//! | [`iot_hub`] | where devices are registered and send to: Azure IoT Hub |
//! | [`targets`] | where records go: standard output, files, streams, HTTP, Kafka, MQTT, Azure IoT Hub, InfluxDB, S3, SQS, Kinesis |
//!
//! Each adapter keeps the contract of its port (the suites in `headwater_core::ports::contract`) and turns its own errors into
//! the port's at its own door.

#[cfg(feature = "aws")]
pub mod aws;
mod blocking;
pub mod clock;
pub mod embedded;
mod event_block;
pub mod folder;
pub mod heralds;
mod hubs;
pub mod influxdb;
pub mod iot_hub;
pub mod javascript;
pub mod memory;
mod mqtt;
mod simulations;
pub mod specs_folder;
mod stores;
pub mod targets;
mod waiting;

pub use clock::{ManualClock, OsEntropy, SystemClock};
pub use hubs::HubSet;
pub use simulations::{Simulations, SimulationsSetup};
pub use stores::{Stores, StoresError};

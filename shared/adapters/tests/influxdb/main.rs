//! Points written to InfluxDB itself, to VictoriaMetrics, and to a server that does what it should not.
//!
//! `tests/run` starts the databases and names their folders in `INFLUXDB_DIR` and `VICTORIA_METRICS_DIR`.
#![allow(clippy::disallowed_methods, reason = "a test lives in real time")]
#![allow(clippy::needless_pass_by_value, reason = "json!({..}) reads best where it is handed over")]

mod database;
mod fake;
mod misbehaving;
mod odd_points;
mod target;
mod victoria_metrics;
mod writer;

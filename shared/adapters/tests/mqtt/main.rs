//! What speaks MQTT, against Mosquitto: the hub of Azure's kind, whose registry is that of the crate `headwater-tests`, and the targets `mqtt` and `iothub`.
//!
//! `tests/run` starts Mosquitto and names its folder in `MOSQUITTO_DIR`, and the Python that knows Microsoft's client in
//! `AZURE_IOT_DEVICE_PYTHON`.
#![allow(clippy::disallowed_methods, reason = "a test lives in real time")]
#![allow(clippy::needless_pass_by_value, reason = "json!({..}) reads best where it is handed over")]

mod broker;
mod fleet;

mod devices;
mod over_https;
mod registry;
mod side_by_side;
mod targets;

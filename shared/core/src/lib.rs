//! Headwater's domain: what happens, without a word about where.
//!
//! * [`datagen`] makes synthetic event streams from specifications: the compiler, the generator, the job service.
//! * [`simulations`] lets fleets of devices send telemetry: models, scripts, the fleet, the simulation service.
//! * [`tables`] keeps series of samples and looks into them: windows, spectra, sound.
//! * [`load_tests`] records runs of load tests: heartbeats, results, and a queue that loses none of them.
//! * [`tasks`] is durable background work: anything that outlives a request is a task, stepped by a worker.
//! * [`targets`] describes where records go.
//! * [`ports`] are the traits through which all of this reaches the world, with their contract suites.
//!
//! This crate knows no HTTP, disk, network or SDK; its manifest names none, so Cargo itself keeps it so. Start reading at
//! [`datagen`].

pub mod datagen;
pub mod ids;
pub mod limits;
pub mod line_protocol;
pub mod load_tests;
pub mod mistakes;
pub mod ports;
pub mod random;
pub mod secret;
pub mod simulations;
pub mod streams;
pub mod tables;
pub mod targets;
pub mod tasks;
pub mod upkeep;

//! What stands behind Headwater's ports.
//!
//! | module | stands behind |
//! |---|---|
//! | [`clock`] | time and unpredictability: the system's, and a clock for tests |
//! | [`memory`] | every store, kept in memory |
//! | [`embedded`] | documents, event log and task queue in one folder on disk |
//! | [`folder`] | files in a folder |
//!
//! Each adapter keeps the contract of its port (the suites in `headwater_core::ports::contract`) and turns its own errors into
//! the port's at its own door.

mod blocking;
pub mod clock;
pub mod embedded;
pub mod folder;
pub mod memory;
mod waiting;

//! Synthetic event streams from JSON state-machine specifications.
//!
//! The way of a specification: [`Plan::compile`] checks it and makes a plan, or reports every mistake with its path; a
//! [`Generator`] runs the plan in slices over virtual time and can be saved and restored between any two records. Same
//! specification and same seed give the same bytes, whatever the slicing, the machine or the number of restarts.
//!
//! Around that: `service` answers the API's requests, `job` is what they are made of, `stepper` runs jobs as durable tasks.

mod calendar;
mod compile;
mod draws;
mod generator;
mod machine;
mod plan;
mod render;
mod replay;
mod text;

pub use generator::{Advance, Generator, Halt, Plan, Records, RestoreError, Run, Window, source_of};

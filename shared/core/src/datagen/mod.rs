//! Synthetic event streams from JSON state-machine specifications.
//!
//! The way of a specification: [`Plan::compile`] checks it and makes a plan, or reports every mistake with its path; a
//! [`Generator`] runs the plan in slices over virtual time and can be saved and restored between any two records. Same
//! specification and same seed give the same bytes, whatever the slicing, the machine or the number of restarts.
//!
//! Around that: `service` answers the API's requests, `job` is what they are made of, `stepper` runs jobs as durable tasks.
//! `schema.json` is what editors are told of specifications.

mod calendar;
mod catalogue;
mod compile;
mod detail;
mod draws;
mod generator;
mod job;
mod machine;
mod plan;
mod render;
mod replay;
mod run;
mod service;
mod stepper;
mod text;

/// The JSON Schema (draft 2020-12) of specifications, and, under `#/$defs/StartRequest`, of the body of `POST /start`. It refuses nothing
/// that [`Plan::compile`] takes; that also finds what a schema cannot say, such as the name of a state that is not there.
pub const SCHEMA: &str = include_str!("schema.json");

pub use catalogue::{Specifications, Stock};
pub use detail::{JobDetail, StartAgainError};
pub use generator::{Generator, Plan, RestoreError, source_of};
pub use job::{Config, JobRequest, Launch, Progress, Report, Settings, TimeType, clock_text, parse_span, parse_time_type};
pub use run::{Advance, Halt, Records, Run, Window};
pub use service::{DatagenService, StartError, StopError};
pub use stepper::{DatagenStepper, KIND};

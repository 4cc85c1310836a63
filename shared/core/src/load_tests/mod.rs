//! Load tests: runs that are registered, say how they are, and are committed with their results; all of it as points in a database of time
//! series.
//!
//! A run is a document. Whoever changes it writes it under the version that was read, so an answer means that the change is durable. Its
//! end is decided by one such write, result and all, and *settled* afterwards as often as needed. Points are made by tasks and wait in the
//! *outbox*, batches of lines in documents, until the database has them.
//!
//! * [`LoadTestService`] answers requests; [`LoadTestStepper`] steps the recorder's tasks, which `background` wakes.
//! * `looking` is what there is to know of runs; `tidying` what a host does at its end and every hour.
//! * `request` reads what requests say, `values` the live values, `span` spans of time.
//! * `run` is a run as it is stored and shown, `store` where; `id` its name; `csv` its tables; `statistics` what Locust measured.
//! * `comparing` holds two runs against each other: `subject` is one of them, `measure` what is compared, `threshold` by which rules.
//! * `beats` writes the heartbeats of a tick; `points` renders runs as points, `stamps` gives those their times.
//! * `settling` is what happens at the end of a run.
//! * `outbox` is the queue of points, `bell` tells of new ones, `delivery` empties it, `delivered` is how far that is, `sending` splits what is refused, and `points_file`
//!   takes the points where there is no database.

mod background;
mod beats;
mod bell;
mod comparing;
mod csv;
mod delivered;
mod delivery;
mod id;
mod looking;
mod measure;
mod outbox;
mod points;
mod points_file;
mod request;
mod run;
mod sending;
mod service;
mod settling;
mod span;
mod stamps;
mod statistics;
mod stepper;
mod store;
mod subject;
mod threshold;
mod tidying;
mod values;

pub use comparing::{Change, Changes, Comparison, Direction, EndpointChanges, Finding, FoundIn, Verdict, compare};
pub use delivery::Destination;
pub use id::RunId;
pub use looking::{ComparisonError, Role};
pub use measure::Measure;
pub use service::{CommittedRun, CsvPart, LoadTestError, LoadTestService, RunPage, Settings};
pub use span::{BadSpan, parse_idle, parse_period};
pub use stepper::LoadTestStepper;
pub use subject::{ComparedRun, EndpointName, NoSubject, Subject};
pub use threshold::{BadRule, Rule};

/// The kind of the tasks that write heartbeats and deliver points.
pub const KIND: &str = "load-tests";

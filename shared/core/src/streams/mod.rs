//! Streams: named, durable sequences of events, and what can be read out of them.
//!
//! A stream is a document that says what is set about it, and a log that has its events. [`StreamService`] answers the API's
//! requests; what it does is spread over `service` (streams and what is set about them), `writing`, `reading`, `usage` (who uses a
//! stream), `notices` (who is told that it grows) and `upkeep`. The other modules are pure: [`ingest`] cuts bodies into events,
//! [`formats`] makes records of them, [`render`] writes them as JSON, [`times`] reads windows and times to live.

pub mod formats;
pub mod ingest;
mod notices;
mod principal;
mod programs;
mod properties;
mod quoted;
mod reading;
mod registry;
pub mod render;
mod service;
pub mod times;
mod upkeep;
mod usage;
mod writing;

pub use notices::{Herald, Notice};
pub use principal::{Principal, PrincipalError};
pub use programs::{Program, ProgramError, ProgramKind, StreamUsers};
pub use properties::{Changes, NotificationThreshold, Properties, PropertiesError};
pub use quoted::Quoted;
pub use reading::JsonEvents;
pub use registry::{DEFAULT_NAMESPACE, Stream};
pub use service::{StreamError, StreamService};
pub use usage::StreamUsage;
pub use writing::{Batch, BatchError, BatchKind, QueueWriter};

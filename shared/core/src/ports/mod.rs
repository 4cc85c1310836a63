//! The ports: the places where the domain meets the world, as narrow traits.
//!
//! | port | promises |
//! |---|---|
//! | [`Clock`], [`Entropy`] | time and randomness are handed in, never taken |
//! | [`Documents`] | small documents under keys, written conditionally; every write answers a new etag |
//! | [`Chunks`] | byte objects written whole, once, and read by range |
//! | [`Files`] | named byte objects, appended from a known offset, read by range |
//! | [`EventLog`] | batches appended atomically and durably, read in order by time |
//! | [`TaskQueue`] | "step task X", delivered at least once and not before its time |
//! | [`Hub`], [`Hubs`] | where the devices of simulations send to, and what they hear from there |
//! | [`PointStore`] | points of time series, kept once however often they are sent |
//! | [`ScriptEngine`] | calls of scripts, each in a world of its own, with bounds |
//! | [`Sink`], [`Targets`] | where generated records go, and how many of them are durable there |
//!
//! Each port has one contract suite in [`contract`] (feature `contract`) that every adapter runs. A port's errors name
//! outcomes that a caller can act on; adapters translate their own errors at their own door.

mod chunks;
mod clock;
#[cfg(feature = "contract")]
pub mod contract;
mod documents;
mod error;
mod event_log;
mod files;
mod hub;
mod points;
mod scripts;
mod sink;
mod task_queue;

pub use chunks::{Chunks, ListedChunk};
pub use clock::{Clock, Entropy, Timestamp};
pub use documents::{Condition, Document, Documents, DocumentsExt, Etag, Key, KeyError, Listed};
pub use error::PortError;
pub use event_log::{AppendKey, Event, EventLog, EventStream, Headers, LogName, LogSize, Position, StoredEvent, TimeRange, Upload};
pub use files::{ByteStream, FileInfo, FileWriter, Files, FilesExt, Owner, Shown};
pub use hub::{DeviceMessage, Hub, HubDevice, Hubs, MethodCall, News, TwinReport};
pub use points::{PointStore, PointsRefused};
pub use scripts::{Effect, Script, ScriptCall, ScriptEnd, ScriptEngine, ScriptFailure, ScriptOutcome};
pub use sink::{Batch, Committed, Sink, SinkError, Targets};
pub use task_queue::{Delivery, Receipt, StepMessage, TaskQueue};

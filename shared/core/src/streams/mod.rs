//! Streams: named, durable sequences of events, and what can be read out of them.

pub mod formats;
pub mod ingest;
pub mod quoted;
pub mod render;
pub mod times;
